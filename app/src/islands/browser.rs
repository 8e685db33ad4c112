//! Small helpers over the browser's own functions.

use leptos::prelude::{document, window};
use std::{cell::Cell, rc::Rc};
use wasm_bindgen::{JsCast, JsValue, prelude::Closure};
use wasm_bindgen_futures::{JsFuture, spawn_local};
use web_sys::{
    Element, EventTarget, HtmlElement, KeyboardEvent, Response, ScrollIntoViewOptions, ScrollLogicalPosition,
};

/// Listens for as long as the page lives.
pub fn listen<E: JsCast + 'static>(target: &EventTarget, event: &str, mut act: impl FnMut(E) + 'static) {
    let closure = Closure::<dyn FnMut(JsValue)>::new(move |event: JsValue| act(event.unchecked_into()));
    // A page that can't listen stays as it is.
    let _ = target.add_event_listener_with_callback(event, closure.as_ref().unchecked_ref());
    closure.forget();
}

/// Does something a little later.
pub fn later(milliseconds: i32, act: impl FnOnce() + 'static) {
    let act = Closure::once_into_js(act);
    let _ = window().set_timeout_with_callback_and_timeout_and_arguments_0(act.unchecked_ref(), milliseconds);
}

/// The first element that a selector finds.
pub fn first<T: JsCast>(selector: &str) -> Option<T> {
    document().query_selector(selector).ok().flatten().and_then(|found| found.dyn_into().ok())
}

/// The first element that a selector finds below another.
pub fn within<T: JsCast>(element: &Element, selector: &str) -> Option<T> {
    element.query_selector(selector).ok().flatten().and_then(|found| found.dyn_into().ok())
}

/// All elements that a selector finds below another.
pub fn all<T: JsCast>(element: &Element, selector: &str) -> Vec<T> {
    let Ok(list) = element.query_selector_all(selector) else { return Vec::new() };
    (0..list.length()).filter_map(|i| list.item(i)).filter_map(|node| node.dyn_into().ok()).collect()
}

/// All elements of the page that a selector finds.
pub fn everywhere<T: JsCast>(selector: &str) -> Vec<T> {
    document().document_element().map(|root| all(&root, selector)).unwrap_or_default()
}

/// The closest element around an event's target that a selector finds.
pub fn closest(event: &web_sys::Event, selector: &str) -> Option<Element> {
    event.target()?.dyn_into::<Element>().ok()?.closest(selector).ok().flatten()
}

/// Whether somebody is typing, so that single keys are letters.
pub fn typing(event: &KeyboardEvent) -> bool {
    closest(event, "input:not([type=checkbox]):not([type=radio]), textarea, select, [contenteditable]").is_some()
}

/// Whether a key comes with Ctrl, Alt or the system's own key.
pub fn with_modifier(event: &KeyboardEvent) -> bool {
    event.ctrl_key() || event.meta_key() || event.alt_key()
}

/// A value as it stands behind a question mark.
pub fn encoded(value: &str) -> String {
    String::from(js_sys::encode_uri_component(value))
}

/// Asks for a fragment of HTML a moment after the last letter; a late answer to an earlier question is dropped.
pub fn ask(asked: &Rc<Cell<u32>>, path: String, answered: impl FnOnce(String) + 'static) {
    const PAUSE: i32 = 80;
    let turn = asked.get().wrapping_add(1);
    asked.set(turn);
    let asked = asked.clone();
    later(PAUSE, move || {
        if asked.get() != turn {
            return;
        }
        spawn_local(async move {
            let answer = fragment(&path).await.unwrap_or_default();
            if asked.get() == turn {
                answered(answer);
            }
        });
    });
}

async fn fragment(path: &str) -> Option<String> {
    let response: Response = JsFuture::from(window().fetch_with_str(path)).await.ok()?.dyn_into().ok()?;
    if !response.ok() || response.redirected() {
        return None;
    }
    JsFuture::from(response.text().ok()?).await.ok()?.as_string()
}

/// A list of options below a text field, one of which may be chosen by the arrow keys.
#[derive(Clone)]
pub struct Options {
    field: HtmlElement,
    list: HtmlElement,
    chosen: Rc<Cell<Option<usize>>>,
}

impl Options {
    /// The list for a field.
    pub fn new(field: HtmlElement, list: HtmlElement) -> Self {
        Self { field, list, chosen: Rc::default() }
    }

    /// Shows other options; `chosen` is the one to begin with.
    pub fn show(&self, html: &str, chosen: Option<usize>) {
        self.list.set_inner_html(html);
        self.list.set_hidden(html.is_empty());
        let _ = self.field.set_attribute("aria-expanded", if html.is_empty() { "false" } else { "true" });
        self.choose(chosen);
    }

    /// The chosen option.
    pub fn chosen(&self) -> Option<HtmlElement> {
        self.options().into_iter().nth(self.chosen.get()?)
    }

    /// Moves by an arrow key; whether the key was one, and there was something to choose from.
    pub fn step(&self, key: &str) -> bool {
        let n = self.options().len();
        let next = match (key, self.chosen.get()) {
            _ if n == 0 => return false,
            ("ArrowDown", None) => 0,
            ("ArrowUp", None) => n - 1,
            ("ArrowDown", Some(at)) => (at + 1) % n,
            ("ArrowUp", Some(at)) => (at + n - 1) % n,
            _ => return false,
        };
        self.choose(Some(next));
        true
    }

    fn options(&self) -> Vec<HtmlElement> {
        all(&self.list, "[role=option]")
    }

    fn choose(&self, index: Option<usize>) {
        self.chosen.set(index);
        let _ = self.field.remove_attribute("aria-activedescendant");
        for (i, option) in self.options().iter().enumerate() {
            let chosen = index == Some(i);
            let _ = option.set_attribute("aria-selected", if chosen { "true" } else { "false" });
            if chosen {
                let _ = self.field.set_attribute("aria-activedescendant", &option.id());
                let nearest = ScrollIntoViewOptions::new();
                nearest.set_block(ScrollLogicalPosition::Nearest);
                option.scroll_into_view_with_scroll_into_view_options(&nearest);
            }
        }
    }
}
