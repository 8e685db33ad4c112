//! Small manners that a page can do without: copying, selecting rows, looking at a file before it is sent, closing
//! menus by Escape or by a click beside them. One listener for each kind of event, for the whole page.

use super::browser::{all, closest, everywhere, first, later, listen, within};
use leptos::prelude::window;
use wasm_bindgen::JsCast;
use wasm_bindgen_futures::{JsFuture, spawn_local};
use web_sys::{Element, Event, HtmlElement, HtmlInputElement, KeyboardEvent};

pub fn start() {
    for button in everywhere::<HtmlElement>("[data-copy]") {
        button.set_hidden(false);
    }
    if let Some(errors) = first::<HtmlElement>("#errors") {
        let _ = errors.focus();
    }
    listen(&window(), "click", |event: Event| {
        copy(&event);
        close_menus(&event);
    });
    listen(&window(), "keydown", |event: KeyboardEvent| {
        if event.key() == "Escape" {
            escape();
        }
    });
    listen(&window(), "change", |event: Event| {
        let Some(field) = event.target().and_then(|target| target.dyn_into::<HtmlInputElement>().ok()) else { return };
        select(&field);
        look_at_file(&field);
    });
}

fn copy(event: &Event) {
    let Some(button) = closest(event, "[data-copy]") else { return };
    let text = button.get_attribute("data-copy").unwrap_or_default();
    let label = button.get_attribute("aria-label").unwrap_or_default();
    spawn_local(async move {
        let done = JsFuture::from(window().navigator().clipboard().write_text(&text)).await.is_ok();
        let _ = button.set_attribute("aria-label", if done { "Copied" } else { "Could not copy" });
        let _ = button.class_list().toggle_with_force("done", done);
        later(2_000, move || {
            let _ = button.set_attribute("aria-label", &label);
            let _ = button.class_list().remove_1("done");
        });
    });
}

fn close_menus(event: &Event) {
    let inside = closest(event, "details.menu");
    for menu in everywhere::<Element>("details.menu[open]") {
        if inside.as_ref() != Some(&menu) {
            let _ = menu.remove_attribute("open");
        }
    }
}

fn escape() {
    for menu in everywhere::<Element>("details.menu[open]") {
        let _ = menu.remove_attribute("open");
        if let Some(summary) = within::<HtmlElement>(&menu, "summary") {
            let _ = summary.focus();
        }
    }
    if first::<Element>(".overlay:target").is_some() {
        let _ = window().location().set_hash("main");
    }
}

/// A tick in the head ticks the page; every tick marks its row and updates the count.
fn select(changed: &HtmlInputElement) {
    let Ok(Some(table)) = changed.closest("[data-select]") else { return };
    let rows: Vec<HtmlInputElement> = all(&table, "tbody input[type=checkbox]");
    if changed.has_attribute("data-all") {
        rows.iter().for_each(|row| row.set_checked(changed.checked()));
    }
    for row in &rows {
        if let Ok(Some(line)) = row.closest("tr") {
            let _ = line.set_attribute("aria-selected", if row.checked() { "true" } else { "false" });
        }
    }
    let ticked = rows.iter().filter(|row| row.checked()).count();
    for head in all::<HtmlInputElement>(&table, "[data-all]") {
        head.set_checked(ticked == rows.len());
        head.set_indeterminate(ticked > 0 && ticked < rows.len());
    }
    for count in all::<Element>(&table, "[data-count]") {
        count.set_text_content(Some(&format!("{ticked} selected")));
    }
}

/// Says a file's name and size before it is sent, and whether it is too large for the field's `data-max` bytes.
fn look_at_file(field: &HtmlInputElement) {
    let Some(file) = field.files().and_then(|files| files.get(0)) else { return };
    let Some(says) = first::<Element>(&format!("[data-file=\"{}\"]", field.id())) else { return };
    let max: Option<u64> = field.get_attribute("data-max").and_then(|max| max.parse().ok());
    // A file's size is a whole number below 2⁵³.
    let size = file.size() as u64;
    let too_large = max.is_some_and(|max| size > max);
    let verdict = match size {
        0 => ", which is empty",
        _ if too_large => ", which is more than we take",
        _ => "",
    };
    says.set_text_content(Some(&format!("{}: {}{verdict}", file.name(), size_words(size))));
    let _ = says.class_list().toggle_with_force("bad", !verdict.is_empty());
    field.set_custom_validity(if too_large { "This file is more than we take." } else { "" });
}

fn size_words(bytes: u64) -> String {
    match bytes {
        0..1_000 => format!("{bytes} B"),
        1_000..1_000_000 => format!("{} kB", bytes / 1_000),
        1_000_000..1_000_000_000 => format!("{} MB", bytes / 1_000_000),
        _ => format!("{}.{} GB", bytes / 1_000_000_000, bytes / 100_000_000 % 10),
    }
}
