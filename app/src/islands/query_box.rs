//! The query field: what is typed is painted by its parts, and completed from the fleet's own words.

use domain::query::{TokenKind, tokens};
use leptos::{ev, html, prelude::*};

/// A plain text field named `q`, which is what the form sends; paint and completion are laid over it.
#[island]
pub fn QueryBox(value: String, invalid: bool) -> impl IntoView {
    let input = NodeRef::<html::Input>::new();
    let list = NodeRef::<html::Ul>::new();
    let text = RwSignal::new(value.clone());
    let shift = RwSignal::new(0_i32);
    let found = RwSignal::new(String::new());
    let chosen = RwSignal::new(0_usize);
    let awake = RwSignal::new(false);

    #[cfg(feature = "hydrate")]
    behaviour::start(input, awake);

    let on_input = move |_: ev::Event| {
        #[cfg(feature = "hydrate")]
        behaviour::typed(input, text, shift, found, chosen);
    };
    let on_scroll = move |_: ev::Event| {
        #[cfg(feature = "hydrate")]
        behaviour::scrolled(input, shift);
    };
    let on_blur = move |_: ev::FocusEvent| {
        #[cfg(feature = "hydrate")]
        behaviour::leave(found);
    };
    let on_key = move |event: ev::KeyboardEvent| {
        #[cfg(feature = "hydrate")]
        behaviour::key(&event, (input, list), text, found, chosen);
        #[cfg(not(feature = "hydrate"))]
        let _ = event;
    };
    let on_pick = move |event: ev::MouseEvent| {
        #[cfg(feature = "hydrate")]
        behaviour::pick(&event, input, text, found);
        #[cfg(not(feature = "hydrate"))]
        let _ = event;
    };
    let open = move || !found.get().is_empty();
    view! {
        <div class="expr" class:painted=move || awake.get()>
            <svg class="paint" aria-hidden="true">
                <text x=move || (-shift.get()).to_string() y="14" inner_html=move || paint(&text.get())></text>
            </svg>
            <input
                id="q"
                name="q"
                data-search
                node_ref=input
                value=value
                on:input=on_input
                on:scroll=on_scroll
                on:blur=on_blur
                on:keydown=on_key
                type="text"
                role="combobox"
                aria-expanded=move || if open() { "true" } else { "false" }
                aria-controls="q-list"
                aria-autocomplete="list"
                aria-activedescendant=move || open().then(|| format!("word-{}", chosen.get()))
                aria-invalid=invalid.then_some("true")
                aria-label="Fleet query"
                maxlength="2000"
                autocomplete="off"
                autocapitalize="off"
                spellcheck="false"
            />
            <ul
                id="q-list"
                class="pop"
                node_ref=list
                role="listbox"
                aria-label="Completions"
                hidden=move || !open()
                on:mousedown=on_pick
                inner_html=move || found.get()
            ></ul>
        </div>
    }
}

/// The text with its parts in spans; every letter of it is escaped.
fn paint(text: &str) -> String {
    let mut out = String::with_capacity(text.len() * 4);
    let mut at = 0;
    for token in tokens(text) {
        escape(text.get(at..token.span.start).unwrap_or_default(), &mut out);
        out.push_str("<tspan class=\"");
        out.push_str(match token.kind {
            TokenKind::Key => "k",
            TokenKind::Op => "op",
            TokenKind::Value => "v",
            TokenKind::Neg => "neg",
            TokenKind::Bare => "bare",
            TokenKind::Error => "wrong",
        });
        out.push_str("\">");
        escape(text.get(token.span.clone()).unwrap_or_default(), &mut out);
        out.push_str("</tspan>");
        at = token.span.end;
    }
    escape(text.get(at..).unwrap_or_default(), &mut out);
    out
}

fn escape(text: &str, out: &mut String) {
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            _ => out.push(c),
        }
    }
}

#[cfg(feature = "hydrate")]
mod behaviour {
    use crate::islands::browser::{all, choose, closest, encoded, fragment, step, with_modifier};
    use leptos::{ev, html, prelude::*, task::spawn_local};
    use std::time::Duration;
    use web_sys::Element;

    /// How long to wait for the next letter before asking.
    const PAUSE: Duration = Duration::from_millis(80);

    pub fn start(input: NodeRef<html::Input>, awake: RwSignal<bool>) {
        Effect::new(move || awake.set(input.get().is_some()));
    }

    pub fn typed(
        input: NodeRef<html::Input>,
        text: RwSignal<String>,
        shift: RwSignal<i32>,
        found: RwSignal<String>,
        chosen: RwSignal<usize>,
    ) {
        let Some(field) = input.get_untracked() else { return };
        text.set(field.value());
        scrolled(input, shift);
        let asked = field.value();
        let _ = set_timeout(
            move || {
                let cursor = field.selection_start().ok().flatten().unwrap_or(0);
                if asked != field.value() {
                    return;
                }
                spawn_local(async move {
                    let path = format!("/ui/complete?q={}&cursor={cursor}", encoded(&asked));
                    let answer = fragment(&path).await.unwrap_or_default();
                    let focused = document().active_element().is_some_and(|active| active == **field);
                    if asked == field.value() && focused {
                        found.set(answer);
                        chosen.set(usize::MAX);
                    }
                });
            },
            PAUSE,
        );
    }

    pub fn scrolled(input: NodeRef<html::Input>, shift: RwSignal<i32>) {
        if let Some(input) = input.get_untracked() {
            shift.set(input.scroll_left());
        }
    }

    pub fn leave(found: RwSignal<String>) {
        found.set(String::new());
    }

    pub fn key(
        event: &ev::KeyboardEvent,
        (input, list): (NodeRef<html::Input>, NodeRef<html::Ul>),
        text: RwSignal<String>,
        found: RwSignal<String>,
        chosen: RwSignal<usize>,
    ) {
        let Some(list) = list.get_untracked() else { return };
        let options = all(&list, "[role=option]");
        let key = event.key();
        if options.is_empty() || with_modifier(event) {
            return;
        }
        let present = chosen.get_untracked();
        match key.as_str() {
            "Escape" => found.set(String::new()),
            "Enter" | "Tab" => {
                let Some(option) = options.get(present) else { return };
                event.prevent_default();
                take(option, input, text, found);
            }
            _ => {
                let present = if present == usize::MAX && key == "ArrowDown" {
                    options.len() - 1
                } else {
                    present.min(options.len())
                };
                if let Some(next) = step(present, options.len(), &key) {
                    event.prevent_default();
                    chosen.set(next);
                    choose(&options, next);
                }
            }
        }
    }

    pub fn pick(event: &ev::MouseEvent, input: NodeRef<html::Input>, text: RwSignal<String>, found: RwSignal<String>) {
        if let Some(option) = closest(event, "[role=option]") {
            // The field keeps the focus.
            event.prevent_default();
            take(&option, input, text, found);
        }
    }

    /// Puts the option's text where the server says it belongs.
    fn take(option: &Element, input: NodeRef<html::Input>, text: RwSignal<String>, found: RwSignal<String>) {
        let Some(field) = input.get_untracked() else { return };
        let (Some(value), Some(cursor)) = (option.get_attribute("data-value"), option.get_attribute("data-cursor"))
        else {
            return;
        };
        field.set_value(&value);
        if let Ok(cursor) = cursor.parse() {
            let _ = field.set_selection_range(cursor, cursor);
        }
        text.set(value);
        found.set(String::new());
    }
}

#[cfg(test)]
mod tests {
    use super::paint;

    #[test]
    fn paint_escapes_and_keeps_every_letter() {
        let painted = paint("model:<b> & -trust:quarantined");
        assert!(painted.contains("&lt;") && painted.contains("b&gt;") && painted.contains("&amp;"), "{painted}");
        assert!(!painted.contains("<b>"), "{painted}");
        let letters: String = painted.split('<').filter_map(|part| Some(part.split_once('>')?.1)).collect();
        assert_eq!(letters, "model:&lt;b&gt; &amp; -trust:quarantined");
    }
}
