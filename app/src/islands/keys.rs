//! Keyboard navigation by single keys. Off while somebody types, and for whoever turned it off.

use super::{
    PLACES,
    browser::{all, closest, first, listen, typing, with_modifier, within},
};
use leptos::prelude::{document, window};
use web_sys::{Element, Event, HtmlDialogElement, HtmlElement, HtmlInputElement, KeyboardEvent, Storage};

/// Under which name the browser keeps that somebody turned the keys off.
const SETTING: &str = "muster-keys-off";
/// How long `g` waits for its letter, in milliseconds.
const PATIENCE: f64 = 1_500.0;

pub fn start() {
    let Some(off) = first::<HtmlInputElement>("#keys-off") else { return };
    off.set_checked(turned_off());
    let switch = off.clone();
    listen(&off, "change", move |_: Event| remember(switch.checked()));
    let mut going: Option<f64> = None;
    listen(&window(), "keydown", move |event: KeyboardEvent| {
        let key = event.key();
        if typing(&event) || with_modifier(&event) || turned_off() && key != "?" || dialog_open() {
            return;
        }
        let at = event.time_stamp();
        let used = match going.take() {
            Some(since) if at - since < PATIENCE => go(&key),
            _ if key == "g" => {
                going = Some(at);
                true
            }
            _ => press(&key, &event),
        };
        if used {
            event.prevent_default();
        }
    });
}

fn press(key: &str, event: &KeyboardEvent) -> bool {
    match key {
        "/" => to_search(),
        "j" => move_row(true),
        "k" => move_row(false),
        "x" => select_row(event),
        "?" => first::<HtmlDialogElement>("#keys").is_some_and(|dialog| dialog.show_modal().is_ok()),
        _ => false,
    }
}

fn storage() -> Option<Storage> {
    window().local_storage().ok().flatten()
}

fn turned_off() -> bool {
    storage().and_then(|storage| storage.get_item(SETTING).ok().flatten()).is_some()
}

fn remember(off: bool) {
    let Some(storage) = storage() else { return };
    // Without room in the storage the choice lasts as long as the page.
    let _ = if off { storage.set_item(SETTING, "1") } else { storage.remove_item(SETTING) };
}

fn dialog_open() -> bool {
    first::<Element>("dialog[open]").is_some()
}

fn go(key: &str) -> bool {
    let place = PLACES.iter().find(|(letter, ..)| key.len() == 1 && key.starts_with(*letter));
    place.is_some_and(|(_, href, _)| window().location().set_href(href).is_ok())
}

/// To the page's own search field, or else to the palette.
fn to_search() -> bool {
    if let Some(field) = first::<HtmlElement>("[data-search]") {
        return field.focus().is_ok();
    }
    let palette = first::<HtmlElement>("[data-palette]");
    palette.map(|link| link.click()).is_some()
}

/// Moves the focus from row to row of the page's lists, each by its link.
fn move_row(down: bool) -> bool {
    let Some(main) = first::<Element>("#main") else { return false };
    let rows: Vec<HtmlElement> = all(&main, ".table tbody tr th a, .list h3 a");
    let here = document().active_element().and_then(|active| active.closest("tr, li").ok().flatten());
    let present = here.and_then(|row| rows.iter().position(|link| row.contains(Some(link))));
    let next = match (present, down) {
        (None, _) => 0,
        (Some(at), true) => at + 1,
        (Some(at), false) => at.saturating_sub(1),
    };
    rows.get(next).is_some_and(|link| link.focus().is_ok())
}

fn select_row(event: &KeyboardEvent) -> bool {
    let tick = closest(event, "tr").and_then(|row| within::<HtmlElement>(&row, "input[type=checkbox]"));
    tick.map(|tick| tick.click()).is_some()
}
