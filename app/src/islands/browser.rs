//! Small helpers over the browser's own functions.

use leptos::prelude::{document, window};
use wasm_bindgen::{JsCast, JsValue, prelude::Closure};
use wasm_bindgen_futures::JsFuture;
use web_sys::{Element, EventTarget, HtmlElement, KeyboardEvent, Node, NodeList, Response};

/// Fetches a fragment of this console as text; nothing if that fails.
pub async fn fragment(path: &str) -> Option<String> {
    let response = JsFuture::from(window().fetch_with_str(path)).await.ok()?;
    let response: Response = response.dyn_into().ok()?;
    if !response.ok() || response.redirected() {
        return None;
    }
    JsFuture::from(response.text().ok()?).await.ok()?.as_string()
}

/// A value as it stands behind a question mark.
pub fn encoded(value: &str) -> String {
    String::from(js_sys::encode_uri_component(value))
}

/// Listens for as long as the page lives.
pub fn listen<E: JsCast + 'static>(target: &EventTarget, event: &str, mut act: impl FnMut(E) + 'static) {
    let closure = Closure::<dyn FnMut(JsValue)>::new(move |event: JsValue| act(event.unchecked_into()));
    // A page that can't listen stays as it is.
    let _ = target.add_event_listener_with_callback(event, closure.as_ref().unchecked_ref());
    closure.forget();
}

/// The first element that a selector finds.
pub fn first(selector: &str) -> Option<Element> {
    document().query_selector(selector).ok().flatten()
}

/// All elements that a selector finds, below a node.
pub fn all(within: &Element, selector: &str) -> Vec<HtmlElement> {
    within.query_selector_all(selector).map(|list| elements(&list)).unwrap_or_default()
}

fn elements(list: &NodeList) -> Vec<HtmlElement> {
    (0..list.length()).filter_map(|i| list.item(i)).filter_map(|node: Node| node.dyn_into().ok()).collect()
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

/// Marks one of some options as the chosen one and brings it into view.
pub fn choose(options: &[HtmlElement], index: usize) {
    for (i, option) in options.iter().enumerate() {
        let chosen = i == index;
        let _ = option.set_attribute("aria-selected", if chosen { "true" } else { "false" });
        if chosen {
            option.scroll_into_view_with_scroll_into_view_options(&nearest());
        }
    }
}

fn nearest() -> web_sys::ScrollIntoViewOptions {
    let options = web_sys::ScrollIntoViewOptions::new();
    options.set_block(web_sys::ScrollLogicalPosition::Nearest);
    options
}

/// The option after or before the present one, around the ends.
pub fn step(present: usize, options: usize, key: &str) -> Option<usize> {
    match (key, options) {
        (_, 0) => None,
        ("ArrowDown", n) => Some((present + 1) % n),
        ("ArrowUp", n) => Some((present + n - 1) % n),
        _ => None,
    }
}
