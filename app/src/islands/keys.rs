//! Keyboard navigation by single keys. Off while somebody types, and for whoever turns it off.

use leptos::{html, prelude::*};

/// `g` and a letter: where it leads.
pub const PLACES: &[(char, &str, &str)] = &[
    ('o', "/", "Overview"),
    ('d', "/devices", "Devices"),
    ('f', "/factories", "Factories"),
    ('b', "/batches", "Batches"),
    ('i', "/imports", "Imports"),
    ('c', "/custodians", "Custodians"),
    ('a', "/audit", "Audit"),
    ('u', "/users", "Users"),
];

const KEYS: &[(&[&str], &str)] = &[
    (&["Ctrl", "K"], "Search or jump to"),
    (&["/"], "To the search field"),
    (&["j"], "Next row"),
    (&["k"], "Row before"),
    (&["Enter"], "Open the row"),
    (&["x"], "Select the row"),
    (&["?"], "This list"),
];

fn row(keys: impl IntoIterator<Item = String>, what: &'static str) -> impl IntoView {
    let keys: Vec<_> = keys.into_iter().map(|key| view! { <kbd>{key}</kbd> " " }).collect();
    view! { <dt>{keys}</dt><dd>{what}</dd> }
}

/// The keys, and the list of them under `?`.
#[island]
pub fn Keys() -> impl IntoView {
    let dialog = NodeRef::<html::Dialog>::new();
    let off = NodeRef::<html::Input>::new();

    #[cfg(feature = "hydrate")]
    behaviour::start(dialog, off);

    let keys: Vec<_> = KEYS.iter().map(|(keys, what)| row(keys.iter().map(ToString::to_string), what)).collect();
    let places: Vec<_> =
        PLACES.iter().map(|(letter, _, what)| row(["g".to_owned(), letter.to_string()], what)).collect();
    let on_change = move |_| {
        #[cfg(feature = "hydrate")]
        behaviour::remember(off);
    };
    view! {
        <dialog class="palette keys" node_ref=dialog aria-label="Keys">
            <form method="dialog" class="stack">
                <div class="row apart">
                    <h2>"Keys"</h2>
                    <button class="btn small" type="submit">"Close"</button>
                </div>
                <dl class="facts">{keys} {places}</dl>
                <label class="choice">
                    <input type="checkbox" node_ref=off on:change=on_change />
                    <b>"Turn single keys off"</b>
                    <small>"Ctrl K stays. Kept in this browser."</small>
                </label>
            </form>
        </dialog>
    }
}

#[cfg(feature = "hydrate")]
mod behaviour {
    use super::PLACES;
    use crate::islands::browser::{all, closest, first, listen, typing, with_modifier};
    use leptos::{ev, html, prelude::*};
    use wasm_bindgen::JsCast;
    use web_sys::{Element, HtmlElement, Storage};

    const SETTING: &str = "muster-keys-off";
    /// How long `g` waits for its letter, in milliseconds.
    const PATIENCE: f64 = 1_500.0;

    fn storage() -> Option<Storage> {
        window().local_storage().ok().flatten()
    }

    fn turned_off() -> bool {
        storage().and_then(|storage| storage.get_item(SETTING).ok().flatten()).is_some()
    }

    pub fn remember(off: NodeRef<html::Input>) {
        let (Some(off), Some(storage)) = (off.get_untracked(), storage()) else { return };
        // Without storage the choice lasts as long as the page.
        let _ = if off.checked() { storage.set_item(SETTING, "1") } else { storage.remove_item(SETTING) };
    }

    pub fn start(dialog: NodeRef<html::Dialog>, off: NodeRef<html::Input>) {
        let mut going: Option<f64> = None;
        listen(&window(), "keydown", move |event: ev::KeyboardEvent| {
            if typing(&event) || with_modifier(&event) || turned_off() && event.key() != "?" || dialog_open() {
                return;
            }
            let key = event.key();
            let at = event.time_stamp();
            if going.take().is_some_and(|since| at - since < PATIENCE) {
                if go(&key) {
                    event.prevent_default();
                }
                return;
            }
            let used = match key.as_str() {
                "g" => {
                    going = Some(at);
                    true
                }
                "/" => focus_search(),
                "j" => move_row(1),
                "k" => move_row(-1),
                "x" => select_row(&event),
                "?" => open_help(dialog, off),
                _ => false,
            };
            if used {
                event.prevent_default();
            }
        });
    }

    fn dialog_open() -> bool {
        first("dialog[open]").is_some()
    }

    fn go(key: &str) -> bool {
        let place = PLACES.iter().find(|(letter, ..)| key.len() == 1 && key.starts_with(*letter));
        place.is_some_and(|(_, href, _)| window().location().set_href(href).is_ok())
    }

    fn focus_search() -> bool {
        let field = first("[data-search]").and_then(|field| field.dyn_into::<HtmlElement>().ok());
        match (field, first("[data-palette]").and_then(|link| link.dyn_into::<HtmlElement>().ok())) {
            (Some(field), _) => field.focus().is_ok(),
            (None, Some(link)) => {
                link.click();
                true
            }
            (None, None) => false,
        }
    }

    fn open_help(dialog: NodeRef<html::Dialog>, off: NodeRef<html::Input>) -> bool {
        if let Some(off) = off.get_untracked() {
            off.set_checked(turned_off());
        }
        dialog.get_untracked().is_some_and(|dialog| dialog.show_modal().is_ok())
    }

    /// The rows of the page's main table, each by its link.
    fn rows() -> Vec<HtmlElement> {
        first("#main").map(|main| all(&main, ".table tbody tr th a, .list h3 a")).unwrap_or_default()
    }

    fn move_row(by: i32) -> bool {
        let rows = rows();
        let present = document()
            .active_element()
            .and_then(|active: Element| active.closest("tr, li").ok().flatten())
            .and_then(|row| rows.iter().position(|link| row.contains(Some(link))));
        let next = match (present, by) {
            (None, _) => 0,
            (Some(at), 1) => (at + 1).min(rows.len().saturating_sub(1)),
            (Some(at), _) => at.saturating_sub(1),
        };
        rows.get(next).is_some_and(|link| link.focus().is_ok())
    }

    fn select_row(event: &ev::KeyboardEvent) -> bool {
        let ticked = closest(event, "tr").and_then(|row| all(&row, "input[type=checkbox]").into_iter().next());
        ticked.map(|checkbox| checkbox.click()).is_some()
    }
}
