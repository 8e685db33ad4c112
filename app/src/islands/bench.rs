//! The repair desk in the hand: what is typed is kept until the server has it, and checked while it is typed. What reads
//! labels by the camera is script (`frontend/boot.js`): nearly all of it is calls of the browser.

use super::browser::{all, ask, everywhere, first, listen, within};
use js_sys::Reflect;
use leptos::prelude::window;
use std::{cell::Cell, rc::Rc};
use wasm_bindgen::JsCast;
use web_sys::{Element, Event, HtmlElement, HtmlInputElement, Storage};

pub fn start() {
    for (n, form) in everywhere::<Element>("form[data-keep]").into_iter().enumerate() {
        keep(&form, n);
    }
    if let Some(form) = first::<Element>("form[data-check]") {
        let asked = Rc::new(Cell::new(0));
        check(&form, &asked);
        let typed = form.clone();
        listen(&form, "input", move |_: Event| check(&typed, &asked));
    }
}

/// What is said of a part, while it is typed.
fn check(form: &Element, asked: &Rc<Cell<u32>>) {
    let Some(says) = within::<Element>(form, "[data-says]") else { return };
    let path = form.get_attribute("data-check").unwrap_or_default();
    ask(asked, format!("{path}?{}", pairs(form)), move |html| says.set_inner_html(&html));
}

/// The fields that people fill in.
fn fields(form: &Element) -> Vec<Element> {
    all(form, "input:not([type=hidden]):not([type=file]), select, textarea")
}

fn is_choice(field: &Element) -> bool {
    field.get_attribute("type").as_deref() == Some("radio")
}

fn value(field: &Element) -> String {
    Reflect::get(field, &"value".into()).ok().and_then(|value| value.as_string()).unwrap_or_default()
}

fn is_chosen(field: &Element) -> bool {
    field.dyn_ref::<HtmlInputElement>().is_some_and(HtmlInputElement::checked)
}

/// What was typed, as it stands behind a question mark.
fn pairs(form: &Element) -> String {
    let typed = fields(form).into_iter().filter(|field| !is_choice(field) || is_chosen(field));
    let pair = |field: Element| {
        let name = field.get_attribute("name").unwrap_or_default();
        format!("{name}={}", super::browser::encoded(&value(&field)))
    };
    typed.map(pair).collect::<Vec<_>>().join("&")
}

/// Keeps what is typed in this browser. What is kept begins with the stamp under which it was sent: a page with another
/// stamp shows that the server has it, one with the same that it never got there.
fn keep(form: &Element, n: usize) {
    let Some(storage) = window().local_storage().ok().flatten() else { return };
    let said = |name: &str| form.get_attribute(name).unwrap_or_default();
    // One form may be about several things, by its page's address: what was typed of one slot is none of the next one's.
    let key = format!("keep:{}:{n}:{}", said("action"), said("data-keep-of"));
    let stamp = said("data-keep");
    restore(form, &storage, &key, &stamp);
    for event in ["input", "submit"] {
        let (kept, storage, key) = (form.clone(), storage.clone(), key.clone());
        let sent = if event == "submit" { stamp.clone() } else { String::new() };
        listen(form, event, move |_: Event| {
            let _ = storage.set_item(&key, &format!("{sent}\n{}", pairs(&kept)));
        });
    }
}

fn restore(form: &Element, storage: &Storage, key: &str, stamp: &str) {
    let Some(kept) = storage.get_item(key).ok().flatten() else { return };
    let Some((sent, typed)) = kept.split_once('\n') else { return };
    if !sent.is_empty() && sent != stamp {
        let _ = storage.remove_item(key);
        return;
    }
    // It never got there. From now on it counts as not sent: the next stamp may come of another form of the page.
    let _ = storage.set_item(key, &format!("\n{typed}"));
    let mut is_back = false;
    for field in fields(form) {
        let name = field.get_attribute("name").unwrap_or_default();
        let before = typed.split('&').find_map(|pair| pair.strip_prefix(&name)?.strip_prefix('='));
        let before = before.and_then(|text| js_sys::decode_uri_component(text).ok()).map(String::from);
        let Some(before) = before else { continue };
        if is_choice(&field) {
            if let Some(field) = field.dyn_ref::<HtmlInputElement>() {
                field.set_checked(before == field.value());
            }
        } else if before != value(&field) && !before.is_empty() {
            let _ = Reflect::set(&field, &"value".into(), &before.into());
            is_back = true;
        }
    }
    if let Some(says) = within::<HtmlElement>(form, "[data-kept]") {
        says.set_hidden(!is_back);
    }
}
