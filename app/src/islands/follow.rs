//! Follows something that runs: takes its part of the page anew whenever the bell rings for it.

use super::browser::{ask, encoded, first, listen, within};
use leptos::prelude::window;
use std::{cell::Cell, rc::Rc};
use web_sys::{Element, Event, EventSource};

/// `data-follow` says where the part comes from, `data-topic` what to listen for.
pub fn start() {
    let Some(place) = first::<Element>("[data-follow]") else { return };
    let attribute = |name: &str| place.get_attribute(name).unwrap_or_default();
    let (path, topic) = (attribute("data-follow"), attribute("data-topic"));
    let Ok(bell) = EventSource::new(&format!("/ui/events?topics={}", encoded(&topic))) else { return };
    let asked = Rc::new(Cell::new(0));
    // What happened before the bell was heard is asked for when it connects.
    for event in ["open", "message"] {
        let (asked, path, place, source) = (asked.clone(), path.clone(), place.clone(), bell.clone());
        listen(&bell, event, move |_: Event| {
            let (place, source) = (place.clone(), source.clone());
            ask(&asked, path.clone(), move |html| take(&place, &source, &html));
        });
    }
}

/// Shows an answer. One that says it is over (`data-over`) brings the whole page anew, once.
fn take(place: &Element, bell: &EventSource, html: &str) {
    if html.is_empty() {
        return;
    }
    place.set_inner_html(html);
    if within::<Element>(place, "[data-over]").is_some() {
        bell.close();
        let _ = window().location().reload();
    }
}
