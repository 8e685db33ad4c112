//! The query field. The text field below stays what the form sends; its letters turn clear and are painted over.

use super::{
    browser::{Options, ask, closest, encoded, everywhere, listen, with_modifier, within},
    paint,
};
use leptos::prelude::document;
use std::{cell::Cell, rc::Rc};
use web_sys::{Element, Event, HtmlElement, HtmlInputElement, KeyboardEvent, MouseEvent};

#[derive(Clone)]
struct QueryBox {
    field: HtmlInputElement,
    text: Element,
    options: Options,
    asked: Rc<Cell<u32>>,
}

pub fn start() {
    for expression in everywhere::<Element>("[data-query]") {
        let field = within::<HtmlInputElement>(&expression, "input");
        let (text, list) = (within(&expression, "text"), within::<HtmlElement>(&expression, "ul"));
        if let (Some(field), Some(text), Some(list)) = (field, text, list) {
            let options = Options::new(field.clone().into(), list.clone());
            QueryBox { field, text, options, asked: Rc::default() }.wake(&list);
            let _ = expression.class_list().add_1("painted");
        }
    }
}

impl QueryBox {
    fn wake(self, list: &HtmlElement) {
        let field = self.field.clone();
        self.repaint();
        let typed = self.clone();
        listen(&field, "input", move |_: Event| {
            typed.repaint();
            typed.complete();
        });
        let scrolled = self.clone();
        listen(&field, "scroll", move |_: Event| scrolled.follow());
        let left = self.clone();
        listen(&field, "blur", move |_: Event| left.options.show("", None));
        let keyed = self.clone();
        listen(&field, "keydown", move |event: KeyboardEvent| keyed.key(&event));
        listen(list, "mousedown", move |event: MouseEvent| {
            if let Some(option) = closest(&event, "[role=option]") {
                // The field keeps the focus.
                event.prevent_default();
                self.take(&option);
            }
        });
    }

    fn repaint(&self) {
        self.text.set_inner_html(&paint(&self.field.value()));
        self.follow();
    }

    /// A long query scrolls in its field; the paint goes along.
    fn follow(&self) {
        let _ = self.text.set_attribute("x", &format!("{}", -self.field.scroll_left()));
    }

    fn complete(&self) {
        let cursor = self.field.selection_start().ok().flatten().unwrap_or(0);
        let path = format!("/ui/complete?q={}&cursor={cursor}", encoded(&self.field.value()));
        let (field, options) = (self.field.clone(), self.options.clone());
        ask(&self.asked, path, move |html| {
            if document().active_element().as_ref() == Some(field.as_ref()) {
                options.show(&html, None);
            }
        });
    }

    fn key(&self, event: &KeyboardEvent) {
        let key = event.key();
        if with_modifier(event) {
            return;
        }
        match key.as_str() {
            "Escape" => self.options.show("", None),
            "Enter" | "Tab" => {
                if let Some(option) = self.options.chosen() {
                    event.prevent_default();
                    self.take(&option);
                }
            }
            _ if self.options.step(&key) => event.prevent_default(),
            _ => {}
        }
    }

    /// Takes an option: the server says what the whole text and the cursor then are.
    fn take(&self, option: &Element) {
        let value = option.get_attribute("data-value").unwrap_or_default();
        let cursor = option.get_attribute("data-cursor").and_then(|cursor| cursor.parse().ok());
        self.field.set_value(&value);
        if let Some(cursor) = cursor {
            let _ = self.field.set_selection_range(cursor, cursor);
        }
        self.options.show("", None);
        self.repaint();
    }
}
