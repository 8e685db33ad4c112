//! When something that the page shows changes, the page bar says so and offers a refresh; rows never jump.

use super::browser::{encoded, first, listen, within};
use leptos::prelude::document;
use std::{cell::RefCell, rc::Rc};
use web_sys::{Element, Event, EventSource, HtmlElement};

struct Bell {
    path: String,
    source: RefCell<Option<EventSource>>,
    bar: Element,
    refresh: HtmlElement,
    changes: RefCell<u32>,
}

/// Listens while the page is seen.
pub fn start() {
    let Some(bar) = first::<Element>("[data-topics]") else { return };
    let Some(refresh) = within::<HtmlElement>(&bar, "a") else { return };
    let path = format!("/ui/events?topics={}", encoded(&bar.get_attribute("data-topics").unwrap_or_default()));
    let bell = Rc::new(Bell { path, source: RefCell::default(), bar, refresh, changes: RefCell::default() });
    bell.connect();
    listen(&document(), "visibilitychange", move |_: Event| {
        if !document().hidden() {
            bell.connect();
        } else if let Some(open) = bell.source.take() {
            open.close();
        }
    });
}

impl Bell {
    fn connect(self: &Rc<Self>) {
        if self.source.borrow().is_some() {
            return;
        }
        let Ok(open) = EventSource::new(&self.path) else { return };
        let bell = self.clone();
        listen(&open, "message", move |_: Event| bell.ring());
        self.source.replace(Some(open));
    }

    fn ring(&self) {
        let n = self.changes.borrow().saturating_add(1);
        self.changes.replace(n);
        let words = if n == 1 { "update" } else { "updates" };
        self.refresh.set_text_content(Some(&format!("{n} {words}, refresh")));
        self.refresh.set_hidden(false);
        let _ = self.bar.class_list().add_1("stale");
    }
}
