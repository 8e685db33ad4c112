//! Parts: where one is and ever was, and which types of parts there are.

mod one;
mod stays;
mod types;

pub use one::load as load_one;

use crate::{
    components::{
        icons::{self, icon},
        panel::{Panel, head, note},
        status::Tone,
        table::no_match,
        text::{mono, plural},
    },
    context::Ctx,
    page::Page,
};
use fleet::parts::Found;
use leptos::prelude::*;

/// So many stays on a page; who wants more types more of the identifier.
const SHOWN: usize = 100;

/// `/parts`; `?q=` searches.
///
/// # Errors
/// When the actor may not see the fleet, or the database fails.
pub async fn load(ctx: Ctx) -> Result<Page, fleet::Error> {
    let text = ctx.query_value("q").unwrap_or_default();
    let text = text.trim();
    let content = if text.is_empty() {
        types::panel(&ctx).await?
    } else {
        let found = ctx.fleet.parts(&ctx.actor, text, SHOWN).await?;
        results(text, &found)
    };
    let sub = view! {
        <p>
            "Every part that was ever in a device, by its MAC address, IMEI or serial number in any notation; the beginning is enough."
        </p>
    };
    let body = view! { {head("Parts", sub, ())} {search(text)} {content} };
    Ok(Page::new("Parts", body).live("device,import"))
}

fn search(text: &str) -> impl IntoView + use<> {
    view! {
        <form class="find" role="search" method="get" action="/parts">
            <input
                class="input mono"
                type="search"
                name="q"
                value=text.to_owned()
                maxlength="100"
                placeholder="d8:80:39:4e:71:0c"
                aria-label="Identifier of a part, or its beginning"
            />
            <button class="btn" type="submit">{icon(icons::SEARCH)}"Find"</button>
        </form>
    }
}

fn results(text: &str, found: &Found) -> AnyView {
    if found.stays.is_empty() {
        let none = no_match(format!("No part was ever known by {text}"), "/parts");
        return view! { <section class="panel">{none}</section> }.into_any();
    }
    let n = i64::try_from(found.stays.len()).unwrap_or(i64::MAX);
    let more =
        found.more.then(|| format!("The first {SHOWN} are shown. Type more of the identifier to see the others."));
    let panel = Panel::new(view! { {plural(n, "stay", "stays")} " of parts that begin with " {mono(text.to_owned())} });
    let panel = match more {
        Some(more) => panel.footer(view! { <span>{more}</span> }),
        None => panel,
    };
    view! { {warning(found)} {panel.flush(stays::table(&found.stays, true))} }.into_any()
}

/// That parts were in two devices at once, if some were.
fn warning(found: &Found) -> Option<impl IntoView + use<>> {
    let keys: std::collections::BTreeSet<&str> = found
        .stays
        .iter()
        .filter(|stay| stay.conflict.is_some())
        .map(|stay| stay.fitting.component.part.identifier_key.as_str())
        .collect();
    let n = i64::try_from(keys.len()).unwrap_or(i64::MAX);
    let said = match n {
        0 => return None,
        1 => "One identifier was in two devices at the same time.".to_owned(),
        n => format!("{} were in two devices at the same time.", plural(n, "identifier", "identifiers")),
    };
    let words =
        view! { <p>{said} " It was copied, or one of the records is wrong; no single sign proves a clone."</p> };
    Some(note(Tone::Warn, icons::TWIN, words))
}
