//! The markup that islands lay over a page: palette, list of keys, freshness, query field.

use crate::islands::{self, PLACES, paint};
use domain::time::Timestamp;
use leptos::prelude::*;

const KEYS: &[(&[&str], &str)] = &[
    (&["Ctrl", "K"], "Search or jump to"),
    (&["/"], "To the search field"),
    (&["j"], "Next row"),
    (&["k"], "Row before"),
    (&["Enter"], "Open the row"),
    (&["x"], "Select the row"),
    (&["?"], "This list"),
];

/// The command palette, closed.
#[must_use]
pub fn palette() -> impl IntoView {
    view! {
        <dialog class="palette" id="palette" aria-label="Search or jump to">
            <input
                class="input"
                type="text"
                role="combobox"
                aria-expanded="false"
                aria-controls="palette-list"
                aria-autocomplete="list"
                aria-label="Serial, identifier, or page"
                placeholder="Serial, identifier, or page"
                autocomplete="off"
                spellcheck="false"
            />
            <div id="palette-list" role="listbox" aria-label="Found"></div>
        </dialog>
    }
}

/// The list of keys, closed.
#[must_use]
pub fn keys() -> impl IntoView {
    let row = |keys: Vec<String>, what: &'static str| {
        let keys: Vec<_> = keys.into_iter().map(|key| view! { <kbd>{key}</kbd>" " }).collect();
        view! { <dt>{keys}</dt><dd>{what}</dd> }
    };
    let keys: Vec<_> =
        KEYS.iter().map(|(keys, what)| row(keys.iter().map(ToString::to_string).collect(), what)).collect();
    let places: Vec<_> =
        PLACES.iter().map(|(letter, _, what)| row(vec!["g".to_owned(), letter.to_string()], what)).collect();
    view! {
        <dialog class="palette keys" id="keys" aria-labelledby="keys-title">
            <form method="dialog" class="stack">
                <div class="row apart">
                    <h2 id="keys-title">"Keys"</h2>
                    <button class="btn small" type="submit">"Close"</button>
                </div>
                <dl class="facts">{keys} {places}</dl>
                <label class="choice">
                    <input type="checkbox" id="keys-off" />
                    <b>"Turn single keys off"</b>
                    <small>"Ctrl K stays. Kept in this browser."</small>
                </label>
            </form>
        </dialog>
    }
}

/// How fresh the page is. With topics, an island counts what changes; see [`crate::page::Page::live`].
#[must_use]
pub fn freshness(now: Timestamp, topics: String) -> impl IntoView {
    let topics = Some(topics).filter(|topics| !topics.is_empty());
    view! {
        <span class="live" data-topics=topics>
            {format!("as of {}", now.to_utc().format("%H:%M:%S UTC"))}
            <span role="status"><a class="btn small" href="" hidden></a></span>
        </span>
    }
}

/// The query field, named `q`; stands in a form of class `query`.
#[must_use]
pub fn query_field(value: &str, invalid: bool) -> impl IntoView + use<> {
    view! {
        <div class="expr" data-query>
            <svg class="paint" aria-hidden="true">
                <text x="0" y="22" inner_html=paint(value)></text>
            </svg>
            <input
                id="q"
                name="q"
                data-search
                value=value.to_owned()
                type="text"
                role="combobox"
                aria-expanded="false"
                aria-controls="q-list"
                aria-autocomplete="list"
                aria-invalid=invalid.then_some("true")
                aria-describedby=invalid.then_some("q-error")
                aria-label="Fleet query"
                placeholder="A serial, an identifier, or a query like trust:suspect fw<1.4"
                maxlength="2000"
                autocomplete="off"
                autocapitalize="off"
                spellcheck="false"
            />
            <ul id="q-list" class="pop" role="listbox" aria-label="Completions" hidden></ul>
        </div>
        <islands::QueryBox />
    }
}
