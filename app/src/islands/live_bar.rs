//! How fresh the page is. When something that it shows changes, it says so and offers a refresh; rows never jump.

use leptos::prelude::*;

/// The time of the page, and a count of what changed since. `topics` are separated by commas; without any the page
/// shows nothing that changes.
#[island]
pub fn LiveBar(topics: String, as_of: String) -> impl IntoView {
    let changes = RwSignal::new(0_u32);

    #[cfg(feature = "hydrate")]
    behaviour::start(topics, changes);
    #[cfg(not(feature = "hydrate"))]
    drop(topics);

    let words = move || match changes.get() {
        0 => String::new(),
        1 => "1 update, refresh".to_owned(),
        n => format!("{n} updates, refresh"),
    };
    view! {
        <span class="live" class:stale=move || { changes.get() > 0 }>
            "as of "
            {as_of}
            <a class="btn small" href="" role="status" hidden=move || changes.get() == 0>
                {words}
            </a>
        </span>
    }
}

#[cfg(feature = "hydrate")]
mod behaviour {
    use crate::islands::browser::{encoded, listen};
    use leptos::prelude::*;
    use std::{cell::RefCell, rc::Rc};
    use web_sys::{Event, EventSource};

    type Source = Rc<RefCell<Option<EventSource>>>;

    /// Listens while the page is seen.
    pub fn start(topics: String, changes: RwSignal<u32>) {
        if topics.is_empty() {
            return;
        }
        let path = format!("/ui/events?topics={}", encoded(&topics));
        let source: Source = Rc::default();
        connect(&source, &path, changes);
        listen(&document(), "visibilitychange", move |_: Event| {
            if document().hidden() {
                if let Some(open) = source.borrow_mut().take() {
                    open.close();
                }
            } else if source.borrow().is_none() {
                connect(&source, &path, changes);
            }
        });
    }

    fn connect(source: &Source, path: &str, changes: RwSignal<u32>) {
        let Ok(open) = EventSource::new(path) else { return };
        listen(&open, "message", move |_: Event| changes.update(|n| *n = n.saturating_add(1)));
        *source.borrow_mut() = Some(open);
    }
}
