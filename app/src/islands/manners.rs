//! Small manners that a page can do without: copying, selecting rows, looking at a file before it is sent, closing
//! menus by Escape or by a click beside them.

use leptos::prelude::*;

/// One listener for each kind of event, for the whole page.
#[island]
pub fn Manners() -> impl IntoView {
    #[cfg(feature = "hydrate")]
    behaviour::start();
}

#[cfg(feature = "hydrate")]
mod behaviour {
    use crate::islands::browser::{all, closest, first, listen};
    use leptos::{ev, prelude::*, task::spawn_local};
    use std::time::Duration;
    use wasm_bindgen::JsCast;
    use wasm_bindgen_futures::JsFuture;
    use web_sys::{Element, Event, HtmlElement, HtmlInputElement};

    pub fn start() {
        for button in body_all("[data-copy]") {
            button.set_hidden(false);
        }
        listen(&window(), "click", |event: Event| {
            copy(&event);
            close_menus(&event);
        });
        listen(&window(), "keydown", |event: ev::KeyboardEvent| {
            if event.key() == "Escape" {
                escape();
            }
        });
        listen(&window(), "change", |event: Event| {
            select(&event);
            look_at_file(&event);
        });
        if let Some(errors) = first("#errors").and_then(|errors| errors.dyn_into::<HtmlElement>().ok()) {
            let _ = errors.focus();
        }
    }

    fn body_all(selector: &str) -> Vec<HtmlElement> {
        document().body().map(|body| all(&body, selector)).unwrap_or_default()
    }

    fn copy(event: &Event) {
        let Some(button) = closest(event, "[data-copy]") else { return };
        let Some(text) = button.get_attribute("data-copy") else { return };
        let label = button.get_attribute("aria-label").unwrap_or_default();
        spawn_local(async move {
            let done = JsFuture::from(window().navigator().clipboard().write_text(&text)).await.is_ok();
            let said = if done { "Copied" } else { "Could not copy" };
            let _ = button.set_attribute("aria-label", said);
            let _ = button.class_list().toggle_with_force("done", done);
            let _ = set_timeout(
                move || {
                    let _ = button.set_attribute("aria-label", &label);
                    let _ = button.class_list().remove_1("done");
                },
                Duration::from_secs(2),
            );
        });
    }

    fn close_menus(event: &Event) {
        let inside = closest(event, "details.menu");
        for menu in body_all("details.menu[open]") {
            if inside.as_ref() != Some(&*menu) {
                let _ = menu.remove_attribute("open");
            }
        }
    }

    fn escape() {
        for menu in body_all("details.menu[open]") {
            let _ = menu.remove_attribute("open");
            if let Some(summary) = all(&menu, "summary").into_iter().next() {
                let _ = summary.focus();
            }
        }
        if first(".overlay:target").is_some() {
            let _ = window().location().set_hash("main");
        }
    }

    /// A tick in the head ticks the page; every tick marks its row and updates the count.
    fn select(event: &Event) {
        let Some(table) = closest(event, "[data-select]") else { return };
        let Some(changed) = event.target().and_then(|target| target.dyn_into::<HtmlInputElement>().ok()) else {
            return;
        };
        if changed.has_attribute("data-all") {
            for row in rows(&table) {
                row.set_checked(changed.checked());
            }
        }
        let rows = rows(&table);
        let ticked = rows.iter().filter(|row| row.checked()).count();
        for row in &rows {
            if let Ok(Some(line)) = row.closest("tr") {
                let _ = line.set_attribute("aria-selected", if row.checked() { "true" } else { "false" });
            }
        }
        for all in all(&table, "[data-all]") {
            let all: HtmlInputElement = all.unchecked_into();
            all.set_checked(ticked == rows.len());
            all.set_indeterminate(ticked > 0 && ticked < rows.len());
        }
        for count in all(&table, "[data-count]") {
            count.set_text_content(Some(&format!("{ticked} selected")));
        }
    }

    fn rows(table: &Element) -> Vec<HtmlInputElement> {
        all(table, "tbody input[type=checkbox]").into_iter().filter_map(|row| row.dyn_into().ok()).collect()
    }

    /// Says a file's name and size before it is sent, and whether it is too large for the field's `data-max` bytes.
    fn look_at_file(event: &Event) {
        let Some(field) = event.target().and_then(|target| target.dyn_into::<HtmlInputElement>().ok()) else { return };
        let Some(file) = field.files().and_then(|files| files.get(0)) else { return };
        let Some(says) = first(&format!("[data-file=\"{}\"]", field.id())) else { return };
        let max = field.get_attribute("data-max").and_then(|max| max.parse::<f64>().ok()).unwrap_or(f64::INFINITY);
        let too_large = file.size() > max;
        let verdict = match (file.size() as u64, too_large) {
            (0, _) => ", which is empty",
            (_, true) => ", which is more than we take",
            _ => "",
        };
        says.set_text_content(Some(&format!("{}: {}{verdict}", file.name(), size_words(file.size()))));
        let _ = says.class_list().toggle_with_force("bad", !verdict.is_empty());
        field.set_custom_validity(if too_large { "This file is more than we take." } else { "" });
    }

    fn size_words(bytes: f64) -> String {
        match bytes {
            b if b < 1e3 => format!("{b} B"),
            b if b < 1e6 => format!("{} kB", (b / 1e3).round()),
            b if b < 1e9 => format!("{} MB", (b / 1e6).round()),
            b => format!("{} GB", (b / 1e8).round() / 10.0),
        }
    }
}
