//! The command palette: pages and devices, under Ctrl-K.

use leptos::{ev, html, prelude::*};

/// Opens by Ctrl-K or by the page bar's search; without a script that is a link to the device list.
#[island]
pub fn Palette() -> impl IntoView {
    let dialog = NodeRef::<html::Dialog>::new();
    let input = NodeRef::<html::Input>::new();
    let list = NodeRef::<html::Ul>::new();
    let found = RwSignal::new(String::new());
    let chosen = RwSignal::new(0_usize);

    #[cfg(feature = "hydrate")]
    behaviour::start(dialog, input, found, chosen);

    let on_input = move |_: ev::Event| {
        #[cfg(feature = "hydrate")]
        behaviour::search(input, found, chosen);
    };
    let on_key = move |event: ev::KeyboardEvent| {
        #[cfg(feature = "hydrate")]
        behaviour::key(&event, list, chosen);
        #[cfg(not(feature = "hydrate"))]
        let _ = event;
    };
    view! {
        <dialog class="palette" node_ref=dialog aria-label="Search or jump to">
            <input
                class="input"
                node_ref=input
                on:input=on_input
                on:keydown=on_key
                type="text"
                role="combobox"
                aria-expanded="true"
                aria-controls="palette-list"
                aria-autocomplete="list"
                aria-activedescendant=move || format!("hit-{}", chosen.get())
                aria-label="Serial, identifier, or page"
                placeholder="Serial, identifier, or page"
                autocomplete="off"
                spellcheck="false"
            />
            <ul id="palette-list" node_ref=list role="listbox" aria-label="Found" inner_html=move || found.get()></ul>
        </dialog>
    }
}

#[cfg(feature = "hydrate")]
mod behaviour {
    use crate::islands::browser::{all, choose, closest, encoded, fragment, listen, step, with_modifier};
    use leptos::{ev, html, prelude::*, task::spawn_local};
    use std::time::Duration;

    /// How long to wait for the next letter before asking.
    const PAUSE: Duration = Duration::from_millis(80);

    pub fn start(
        dialog: NodeRef<html::Dialog>,
        input: NodeRef<html::Input>,
        found: RwSignal<String>,
        chosen: RwSignal<usize>,
    ) {
        let open = move || {
            if let (Some(dialog), Some(field)) = (dialog.get_untracked(), input.get_untracked())
                && !dialog.open()
                && dialog.show_modal().is_ok()
            {
                field.set_value("");
                search(input, found, chosen);
            }
        };
        listen(&window(), "keydown", move |event: ev::KeyboardEvent| {
            if (event.ctrl_key() || event.meta_key()) && event.key().eq_ignore_ascii_case("k") {
                event.prevent_default();
                open();
            }
        });
        listen(&window(), "click", move |event: ev::MouseEvent| {
            if closest(&event, "[data-palette]").is_some() && !event.ctrl_key() && !event.meta_key() {
                event.prevent_default();
                open();
            } else if let (Some(dialog), Some(target)) = (dialog.get_untracked(), event.target())
                && target == ****dialog
            {
                dialog.close();
            }
        });
    }

    /// Asks the server; a late answer to an earlier question is dropped.
    pub fn search(input: NodeRef<html::Input>, found: RwSignal<String>, chosen: RwSignal<usize>) {
        let typed = move || input.get_untracked().map(|input| input.value()).unwrap_or_default();
        let asked = typed();
        let _ = set_timeout(
            move || {
                if asked != typed() {
                    return;
                }
                spawn_local(async move {
                    let answer = fragment(&format!("/ui/search?q={}", encoded(&asked))).await;
                    if asked == typed() {
                        found.set(answer.unwrap_or_default());
                        chosen.set(0);
                    }
                });
            },
            PAUSE,
        );
    }

    pub fn key(event: &ev::KeyboardEvent, list: NodeRef<html::Ul>, chosen: RwSignal<usize>) {
        let Some(list) = list.get_untracked() else { return };
        let options = all(&list, "[role=option]");
        let key = event.key();
        if key == "Enter" && !with_modifier(event) {
            event.prevent_default();
            if let Some(link) = options.get(chosen.get_untracked()).and_then(|option| all(option, "a").pop()) {
                link.click();
            }
        } else if let Some(next) = step(chosen.get_untracked(), options.len(), &key) {
            event.prevent_default();
            chosen.set(next);
            choose(&options, next);
        }
    }
}
