//! Revocations: what was cut off, held and released, by whom, and how far that has spread.

mod curve;
mod one;
mod start;
mod words;

pub use one::{field, load as load_one};
pub use start::{load as load_new, path_of};

use crate::{
    components::{
        icons,
        panel::{Panel, head, primary_link},
        table::{Pager, frame, none_yet, pager},
        text::{ago, count},
    },
    context::Ctx,
    page::Page,
};
use domain::{
    certificate::RevocationReason,
    person::Permission,
    revocation::{RevocationAct, RevocationState},
    time::Timestamp,
};
use fleet::revocation::RevocationRow;
use leptos::prelude::*;

/// So many acts are on a page.
const ROWS: i64 = 50;

/// `/revocations`.
///
/// # Errors
/// When the actor may not see revocations, or the database fails.
pub async fn load(ctx: Ctx) -> Result<Page, fleet::Error> {
    let before = ctx.query_value("before").and_then(|id| id.parse().ok());
    let page = ctx.fleet.revocations(&ctx.actor, before, ROWS).await?;
    let list = if page.rows.is_empty() {
        none_yet(
            "Nothing was cut off yet",
            view! { <p>"A certificate, a device, a batch or a factory is revoked on its own page; a selection in the list of devices."</p> },
        )
        .into_any()
    } else {
        table(&page.rows, ctx.now).into_any()
    };
    let shown = i64::try_from(page.rows.len()).unwrap_or(i64::MAX);
    let footer = pager(Pager {
        summary: format!("{} on this page", count(shown)),
        previous: before.is_some().then(|| "/revocations".to_owned()),
        next: page.next.map(|id| ctx.href_with(&[("before", Some(&id.to_string()))])),
    });
    let panel = Panel::new("Acts, newest first");
    let panel = if page.rows.is_empty() && before.is_none() { panel } else { panel.footer(footer) };
    let start = ctx
        .may(Permission::CertificateRevoke)
        .then(|| primary_link("/revocations/new", icons::BAN, "Cut something off"));
    let sub = view! { <p>"A hold can be released; a revocation is for good. Gateways refuse within a moment, everybody else learns of it by CRL and OCSP."</p> };
    let body = view! {
        {head("Revocations", sub, start)}
        {panel.flush(list)}
    };
    Ok(Page::new("Revocations", body).live("revocation"))
}

/// A table of acts.
pub(super) fn table(rows: &[RevocationRow], now: Timestamp) -> impl IntoView + use<> {
    let rows: Vec<_> = rows.iter().map(|row| line(row, now)).collect();
    frame(
        "Revocations",
        view! {
            <table class="table cards">
                <caption class="sr">"Acts, newest first"</caption>
                <thead>
                    <tr>
                        <th scope="col">"What"</th>
                        <th scope="col">"State"</th>
                        <th scope="col" class="num">"Certificates"</th>
                        <th scope="col">"Asked by"</th>
                        <th scope="col">"Decided by"</th>
                        <th scope="col">"In effect"</th>
                    </tr>
                </thead>
                <tbody>{rows}</tbody>
            </table>
        },
    )
}

fn line(row: &RevocationRow, now: Timestamp) -> impl IntoView + use<> {
    let decided = match &row.approved_by {
        Some(by) => by.clone().into_any(),
        None => view! { <span class="quiet">{undecided(row)}</span> }.into_any(),
    };
    let since = match row.effective_at {
        Some(at) => ago(at, now).into_any(),
        None if row.state == RevocationState::Waiting => view! { <span class="quiet">"not yet"</span> }.into_any(),
        None => view! { <span class="quiet">"never"</span> }.into_any(),
    };
    let why = if row.act == RevocationAct::Revoke { reason_words(&row.reason) } else { row.scope.label().to_owned() };
    view! {
        <tr>
            <th scope="row">
                <span class="tree">
                    {icons::icon(words::act_icon(row.act))}
                    <span>
                        <a href=format!("/revocations/{}", row.id)><b>{words::title(row)}</b></a>
                        <small>{why}</small>
                    </span>
                </span>
            </th>
            <td data-l="State">{words::state(row.state).cell()}</td>
            <td data-l="Certificates" class="num">{count(row.total)}</td>
            <td data-l="Asked by" class="two"><b>{row.requested_by.clone()}</b><small>{ago(row.requested_at, now)}</small></td>
            <td data-l="Decided by">{decided}</td>
            <td data-l="In effect" class="nowrap">{since}</td>
        </tr>
    }
}

/// Why nobody has decided an act.
fn undecided(row: &RevocationRow) -> &'static str {
    match (row.approval_id, row.state) {
        (None, _) => "not needed",
        (Some(_), RevocationState::Waiting) => "nobody yet",
        (Some(_), _) => "nobody",
    }
}

/// A stored reason in words.
pub(super) fn reason_words(reason: &str) -> String {
    reason.parse::<RevocationReason>().map_or_else(|_| reason.to_owned(), |reason| reason.label().to_owned())
}
