//! What the islands ask for: fragments of HTML, and the bell. Pages work without any of it.

use super::{Access, ActionRoute, ui_words};
use crate::{
    components::{
        icons::{self, Icon, icon},
        nav::{NAVIGATION, NavEntry},
        status::{Status, custodian_icon},
    },
    context::{Ctx, segment},
    pages::certificates,
};
use axum::{
    Extension,
    extract::Query,
    http::header,
    response::{
        IntoResponse, Response,
        sse::{Event, KeepAlive, Sse},
    },
    routing::get,
};
use domain::{
    custody::Custodian,
    person::Permission,
    query::{CompletionContext, Predicate, Term, complete},
};
use fleet::{
    catalogue::Catalogue,
    certificate::CertificateRow,
    listen::Listening,
    repair::{RepairCase, RepairFilter},
};
use futures::{Stream, StreamExt, stream};
use leptos::prelude::*;
use serde::Deserialize;
use std::{convert::Infallible, time::Duration};

/// The routes.
pub const ROUTES: &[ActionRoute] = &[
    ActionRoute { method: "GET", path: "/ui/search", access: FLEET, handler: || get(search) },
    ActionRoute { method: "GET", path: "/ui/complete", access: FLEET, handler: || get(completions) },
    ActionRoute { method: "GET", path: "/ui/events", access: FLEET, handler: || get(events) },
];

const FLEET: Access = Access::May(Permission::FleetRead);
/// More choices than this help nobody.
const CHOICES: usize = 8;
const FEW: i64 = 8;
/// Longer texts are no serial and no identifier.
const LONGEST: usize = 64;
/// How long one connection to the bell lives. A browser comes back by itself, and is then asked again who it is.
const LISTEN: Duration = Duration::from_secs(300);

#[derive(Deserialize)]
struct Asked {
    #[serde(default)]
    q: String,
    #[serde(default)]
    cursor: usize,
}

/// A fragment, for the island that asked.
fn fragment(view: impl IntoView) -> Response {
    let html = view.into_view().to_html();
    let headers = [(header::CONTENT_TYPE, "text/html; charset=utf-8"), (header::CACHE_CONTROL, "no-store")];
    (headers, html).into_response()
}

fn refusal(error: &fleet::Error) -> Response {
    crate::pages::errors::Problem::of(error).status.into_response()
}

/// One thing that a text leads to.
struct Hit {
    icon: Icon,
    label: String,
    hint: String,
    href: String,
}

/// Pages and devices that a text leads to.
async fn search(Extension(ctx): Extension<Ctx>, Query(asked): Query<Asked>) -> Response {
    // Nobody can type NUL, and PostgreSQL can't look for it.
    let plain = asked.q.replace('\0', "");
    let typed = plain.trim();
    let found = async {
        let mut found = repairs(&ctx, typed).await?;
        found.extend(devices(&ctx, typed).await?);
        found.extend(parts(&ctx, typed).await?);
        found.extend(certificates_of(&ctx, typed).await?);
        Ok::<_, fleet::Error>(found)
    };
    let found = match found.await {
        Ok(found) => found,
        Err(error) => return refusal(&error),
    };
    let hits: Vec<_> = pages(&ctx, typed)
        .into_iter()
        .chain(found)
        .take(2 * CHOICES)
        .enumerate()
        .map(|(i, hit)| {
            view! {
                <a
                    role="option"
                    id=format!("hit-{i}")
                    aria-selected=if i == 0 { "true" } else { "false" }
                    href=hit.href
                    tabindex="-1"
                >
                    {icon(hit.icon)}
                    <span>{hit.label}</span>
                    <small>{hit.hint}</small>
                </a>
            }
        })
        .collect();
    if hits.is_empty() {
        return fragment(nothing_found(typed));
    }
    fragment(hits)
}

/// That a text leads nowhere, and how one would.
fn nothing_found(typed: &str) -> impl IntoView + use<> {
    let typed: String = typed.chars().take(LONGEST).collect();
    view! {
        // A list of choices may hold nothing else than choices.
        <p class="none" role="option" aria-disabled="true" aria-selected="false" id="hit-none">
            <span>
            "Nothing matches “"
            <b>{typed}</b>
            "”. A serial, a repair's number and a part's identifier are found by their beginning, a custodian by any part of its name."
            </span>
        </p>
    }
}

fn pages(ctx: &Ctx, typed: &str) -> Vec<Hit> {
    let typed = typed.to_lowercase();
    let hit = |entry: &NavEntry| Hit {
        icon: entry.icon,
        label: entry.label.to_owned(),
        hint: "page".to_owned(),
        href: entry.href.to_owned(),
    };
    NAVIGATION
        .iter()
        .flat_map(|(_, entries)| *entries)
        .filter(|entry| ctx.may(entry.needs) && entry.label.to_lowercase().contains(&typed))
        .map(hit)
        .collect()
}

/// Repairs whose number begins with the text.
async fn repairs(ctx: &Ctx, typed: &str) -> fleet::Result<Vec<Hit>> {
    if !typed.get(..2).is_some_and(|start| start.eq_ignore_ascii_case("r-")) {
        return Ok(Vec::new());
    }
    let filter = RepairFilter { text: typed.chars().take(LONGEST).collect(), limit: FEW, ..RepairFilter::default() };
    let page = ctx.fleet.repairs(&ctx.actor, &filter).await?;
    let hit = |case: RepairCase| Hit {
        icon: icons::WRENCH,
        href: format!("/repairs/{}", segment(&case.code)),
        hint: format!("{}, {}", case.serial, case.state.label()),
        label: case.code,
    };
    Ok(page.rows.into_iter().map(hit).collect())
}

/// Parts whose identifier begins with the text, in whatever notation. A few letters mean too many.
async fn parts(ctx: &Ctx, typed: &str) -> fleet::Result<Vec<Hit>> {
    if typed.chars().count() < 4 {
        return Ok(Vec::new());
    }
    let text: String = typed.chars().take(LONGEST).collect();
    let found = ctx.fleet.parts(&ctx.actor, &text, CHOICES).await?;
    let mut hits: Vec<Hit> = Vec::new();
    for stay in found.stays {
        let (part, serial) = (stay.fitting.component.part, stay.fitting.serial);
        if hits.iter().all(|hit| hit.label != part.identifier) {
            hits.push(Hit {
                icon: icons::CHIP,
                href: format!("/parts/{}", segment(&part.identifier)),
                hint: format!("part, in {serial}"),
                label: part.identifier,
            });
        }
    }
    Ok(hits)
}

/// The latest certificates whose subject is this serial, also of one that is no device.
async fn certificates_of(ctx: &Ctx, typed: &str) -> fleet::Result<Vec<Hit>> {
    if typed.is_empty() || !ctx.may(Permission::AuthorityRead) {
        return Ok(Vec::new());
    }
    let serial: String = typed.chars().take(LONGEST).collect();
    let found = ctx.fleet.certificates_of_device(&ctx.actor, &serial).await?;
    let hit = |row: CertificateRow| Hit {
        icon: icons::CERT,
        href: certificates::path(&row.authority_slug, &row.serial),
        hint: format!("certificate, {}", row.status.label().to_lowercase()),
        label: row.name,
    };
    Ok(found.into_iter().take(2).map(hit).collect())
}

/// Custodians with the text in their name or code.
fn custodians(catalogue: &Catalogue, typed: &str) -> Vec<Hit> {
    let typed = typed.to_lowercase();
    let is_meant = |one: &&Custodian| one.name.to_lowercase().contains(&typed) || one.code.contains(&typed);
    let hit = |one: &Custodian| Hit {
        icon: custodian_icon(one.kind),
        href: format!("/custodians/{}", segment(&one.code)),
        hint: one.kind.label().to_lowercase(),
        label: one.name.clone(),
    };
    catalogue.custodians.iter().filter(is_meant).take(CHOICES).map(hit).collect()
}

/// Devices whose serial begins with the text, or that have or had a component with exactly this identifier; and custodians.
async fn devices(ctx: &Ctx, typed: &str) -> fleet::Result<Vec<Hit>> {
    if typed.is_empty() {
        ctx.actor.require(Permission::FleetRead)?;
        return Ok(Vec::new());
    }
    // As a term of its own, so that no letter of it is read as part of the language.
    let text: String = typed.chars().take(LONGEST).collect();
    let query = Term::new(Predicate::Text(vec![text])).to_string();
    let list = ctx.fleet.devices(&ctx.actor, &query, Default::default(), None, CHOICES).await?;
    let custodians = custodians(&list.catalogue, typed);
    let hit = |device: domain::device::Device| Hit {
        icon: Status::from(device.trust).icon,
        href: format!("/devices/{}", segment(&device.serial)),
        hint: format!("{}, {}", device.trust.label(), list.catalogue.custodian_name(device.custodian_id)),
        label: device.serial,
    };
    Ok(list.page.devices.into_iter().map(hit).chain(custodians).collect())
}

/// What could be written at the cursor of a query.
async fn completions(Extension(ctx): Extension<Ctx>, Query(asked): Query<Asked>) -> Response {
    let at = byte_of(&asked.q, asked.cursor);
    let mut completion = complete(&asked.q, at);
    if let CompletionContext::Value { field } = completion.context {
        match ui_words::words(&ctx, field, &completion.typed).await {
            Ok(words) => completion.items.extend(words),
            Err(error) => return refusal(&error),
        }
    }
    let (before, rest) = asked.q.split_at(completion.replace.start);
    let after = rest.get(completion.replace.len()..).unwrap_or_default();
    let items: Vec<_> = completion
        .items
        .into_iter()
        .take(CHOICES)
        .enumerate()
        .map(|(i, item)| {
            let whole = format!("{before}{}{after}", item.text);
            let cursor = utf16_length(before) + utf16_length(&item.text);
            view! {
                <li
                    role="option"
                    id=format!("word-{i}")
                    aria-selected="false"
                    data-value=whole
                    data-cursor=cursor.to_string()
                >
                    <span class="mono">{item.text}</span>
                    <small>{item.hint}</small>
                </li>
            }
        })
        .collect();
    fragment(items)
}

/// Browsers count a cursor's place in UTF-16; this is the same place in bytes.
fn byte_of(text: &str, utf16: usize) -> usize {
    let mut units = 0;
    text.char_indices()
        .find(|(_, c)| {
            let here = units >= utf16;
            units += c.len_utf16();
            here
        })
        .map_or(text.len(), |(at, _)| at)
}

fn utf16_length(text: &str) -> usize {
    text.encode_utf16().count()
}

#[derive(Deserialize)]
struct Topics {
    #[serde(default)]
    topics: String,
}

/// The bell: one message for each change of a topic that the page shows.
async fn events(Extension(ctx): Extension<Ctx>, Query(wanted): Query<Topics>) -> Response {
    let listening = match ctx.fleet.listen(&ctx.actor) {
        Ok(listening) => listening,
        Err(error) => return refusal(&error),
    };
    let topics: Vec<String> = wanted.topics.split(',').map(|topic| topic.trim().to_owned()).collect();
    Sse::new(bell(listening, topics)).keep_alive(KeepAlive::default()).into_response()
}

fn bell(listening: Listening, topics: Vec<String>) -> impl Stream<Item = Result<Event, Infallible>> + use<> {
    let changes = stream::unfold((listening, topics), |(mut changes, topics)| async move {
        // Too much at once to be told one by one: something of it will concern the page.
        while let Some(change) = changes.next().await.ok()? {
            if concerns(&topics, &change.topic, &change.subject) {
                break;
            }
        }
        Some((Ok(Event::default().data("change")), (changes, topics)))
    });
    changes.take_until(Box::pin(tokio::time::sleep(LISTEN)))
}

/// Whether a page that shows these topics shows this change: `device` takes all devices, `device:X` one.
fn concerns(topics: &[String], topic: &str, subject: &str) -> bool {
    topics.iter().any(|wanted| match wanted.split_once(':') {
        Some((kind, which)) => kind == topic && which == subject,
        None => wanted == topic,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cursor_is_counted_as_browsers_do() {
        assert_eq!((byte_of("aé𝄞b", 0), byte_of("aé𝄞b", 2), byte_of("aé𝄞b", 4), byte_of("ab", 9)), (0, 3, 7, 2));
    }

    #[test]
    fn topics() {
        let page = ["device:A".to_owned(), "import".to_owned()];
        assert!(concerns(&page, "device", "A") && concerns(&page, "import", "x"));
        assert!(!concerns(&page, "device", "B") && !concerns(&page, "people", "A"));
    }
}
