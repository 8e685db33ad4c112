//! A secret that was just made, shown this once: a one-time link, an API token.

use crate::components::{icons, text::copy};
use leptos::prelude::*;

/// The secret in a box, with what it is and what to do with it.
pub(super) fn shown_once(title: String, advice: AnyView, what: &str, secret: &str) -> impl IntoView + use<> {
    let label = title.clone();
    view! {
        <section class="note go once" role="status" aria-label=label>
            {icons::icon(icons::KEY)}
            <div class="stack tight">
                <h2>{title}</h2>
                <p>{advice}</p>
                <div class="hashbox">
                    <span class="mono">{secret.to_owned()}</span>
                    {copy(what, secret)}
                </div>
                <p class="small soft">"This is the only time that it is shown, and it is not kept."</p>
            </div>
        </section>
    }
}
