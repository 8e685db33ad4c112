//! The command palette: pages and devices, under Ctrl-K. Without a script the page bar's search leads to the list.

use super::browser::{Options, ask, closest, encoded, first, listen, with_modifier, within};
use leptos::prelude::window;
use std::{cell::Cell, rc::Rc};
use web_sys::{HtmlDialogElement, HtmlElement, HtmlInputElement, KeyboardEvent, MouseEvent};

#[derive(Clone)]
struct Palette {
    dialog: HtmlDialogElement,
    field: HtmlInputElement,
    options: Options,
    asked: Rc<Cell<u32>>,
}

pub fn start() {
    let Some(dialog) = first::<HtmlDialogElement>("#palette") else { return };
    let Some(field) = within::<HtmlInputElement>(&dialog, "input") else { return };
    let Some(list) = within::<HtmlElement>(&dialog, "[role=listbox]") else { return };
    let options = Options::new(field.clone().into(), list);
    let palette = Palette { dialog, field, options, asked: Rc::default() };
    let typed = palette.clone();
    listen(&palette.field, "input", move |_: web_sys::Event| typed.search());
    let keyed = palette.clone();
    listen(&palette.field, "keydown", move |event: KeyboardEvent| keyed.key(&event));
    let clicked = palette.clone();
    listen(&window(), "click", move |event: MouseEvent| clicked.click(&event));
    listen(&window(), "keydown", move |event: KeyboardEvent| {
        if (event.ctrl_key() || event.meta_key()) && matches!(event.key().as_str(), "k" | "K") {
            event.prevent_default();
            palette.open();
        }
    });
}

impl Palette {
    fn open(&self) {
        if !self.dialog.open() && self.dialog.show_modal().is_ok() {
            self.field.set_value("");
            self.search();
        }
    }

    fn search(&self) {
        let options = self.options.clone();
        let path = format!("/ui/search?q={}", encoded(&self.field.value()));
        ask(&self.asked, path, move |html| options.show(&html, Some(0)));
    }

    fn key(&self, event: &KeyboardEvent) {
        if event.key() == "Enter" && !with_modifier(event) {
            event.prevent_default();
            if let Some(link) = self.options.chosen() {
                link.click();
            }
        } else if self.options.step(&event.key()) {
            event.prevent_default();
        }
    }

    /// Opens by the page bar's search, closes by a click beside the dialog.
    fn click(&self, event: &MouseEvent) {
        if closest(event, "[data-palette]").is_some() && !event.ctrl_key() && !event.meta_key() {
            event.prevent_default();
            self.open();
        } else if event.target().as_ref() == Some(self.dialog.as_ref()) {
            self.dialog.close();
        }
    }
}
