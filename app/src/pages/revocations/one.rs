//! One revocation: what was cut off, by whom, approved by whom, and how it spreads through the field.

mod channels;
mod decided;
mod devices;
mod figures;

use super::{curve, reason_words, start::top, words};
use crate::{
    components::{
        icons::{self, icon},
        panel::{Panel, head, note},
        status::Tone,
        text::{count, plural},
    },
    context::{Ctx, devices_href, href, segment},
    islands::Follow,
    page::Page,
};
use domain::{
    authority::{AuthorityKind, AuthorityState},
    id::RevocationId,
    person::Permission,
    query::quoted,
    revocation::{RevocationAct, RevocationScope, RevocationState},
    time::Timestamp,
};
use fleet::revocation::{RevocationDetail, RevocationRow};
use leptos::prelude::*;

/// `/revocations/{id}`.
///
/// # Errors
/// When the actor may not see revocations, there is none of this id, or the database fails.
pub async fn load(ctx: Ctx) -> Result<Page, fleet::Error> {
    let id: RevocationId =
        ctx.param("id").parse().map_err(|_| fleet::Error::not_found("revocation", ctx.param("id")))?;
    let detail = ctx.fleet.revocation(&ctx.actor, id).await?;
    let row = &detail.row;
    let others = others(&ctx, &detail).await?;
    let title = words::title(row);
    let counts = row.effective_at.is_some();
    let field = counts.then(|| {
        let (from, topic) = (format!("/revocations/{id}/spread"), format!("revocation:{id}"));
        view! {
            <div class="page-part" data-follow=from data-topic=topic>{field(&detail, ctx.now)}</div>
            <Follow />
        }
    });
    let body = view! {
        {head(view! { {title.clone()} {words::state(row.state).badge()} }, sub(row), acts(&ctx, &detail))}
        {waiting(row)}
        {field}
        <div class="cols lead">
            <div class="stack loose">
                {(counts && row.act != RevocationAct::Release).then(|| devices::affected(&detail, ctx.now))}
                {(!counts).then(|| preview(&detail))}
                {counts.then(|| still_works(row, others))}
            </div>
            <div class="stack loose">
                {decided::approval(row)}
                {decided::what(&detail)}
            </div>
        </div>
    };
    Ok(Page::new(title, body).crumb("Revocations", "/revocations").live(format!("revocation:{id},spread:{id}")))
}

/// How it spreads: what grows while the page is looked at, and is taken anew whenever something was reported.
#[must_use]
pub fn field(detail: &RevocationDetail, now: Timestamp) -> impl IntoView + use<> {
    view! { {figures::answers(detail)} {curve::panel(detail, now)} {channels::channels(detail, now)} }
}

fn sub(row: &RevocationRow) -> impl IntoView + use<> {
    let reason =
        (row.act == RevocationAct::Revoke).then(|| view! { "Reason: " <b>{reason_words(&row.reason)}</b> ". " });
    view! { <p>{reason} {row.note.clone()}</p> }
}

/// What can follow an act.
fn acts(ctx: &Ctx, detail: &RevocationDetail) -> AnyView {
    let row = &detail.row;
    let counts = matches!(row.state, RevocationState::Effective | RevocationState::Spread);
    if !counts || row.act != RevocationAct::Hold || !ctx.may(Permission::CertificateRevoke) {
        return ().into_any();
    }
    let subject = match row.scope {
        RevocationScope::Selection => those(detail).unwrap_or_else(|| row.query.clone()),
        _ => row.subject.clone(),
    };
    let again = |act: &str| super::path_of(row.scope.as_str(), &subject, act);
    view! {
        <a class="btn" href=again("release")>{icon(icons::SHIELD_CHECK)}"Release"</a>
        <a class="btn danger" href=again("revoke")>{icon(icons::BAN)}"Revoke for good"</a>
    }
    .into_any()
}

fn waiting(row: &RevocationRow) -> AnyView {
    match (row.state, row.approval_id) {
        (RevocationState::Waiting, Some(id)) => {
            let to = format!("/approvals/{id}");
            note(Tone::Go, icons::HOURGLASS, view! { <b>"Nothing has happened yet."</b>" A manager other than the requester has to approve it. "<a href=to>"To the approval"</a> })
                .into_any()
        }
        (RevocationState::Void, _) => note(
            Tone::Mute,
            icons::REVERT,
            "What it was about changed before it was decided. Nothing happened; ask again if it is needed.",
        )
        .into_any(),
        (RevocationState::Rejected, _) => {
            note(Tone::Mute, icons::CROSS, "It was rejected. Nothing happened.").into_any()
        }
        _ => ().into_any(),
    }
}

/// How many, as a link to the list if there is one.
fn certificates_link(detail: &RevocationDetail) -> AnyView {
    let number = count(detail.row.total);
    match detail.authorities.as_slice() {
        [(slug, _)] if detail.row.scope == RevocationScope::Batch => {
            view! { <a href=href("/certificates", &[("authority", slug.as_str())])>{number}</a> }.into_any()
        }
        _ if detail.row.scope == RevocationScope::Device => {
            view! { <a href=href("/certificates", &[("device", detail.row.subject.as_str())])>{number}</a> }.into_any()
        }
        _ => match query_of(detail) {
            Some(query) => view! { <a href=devices_href(&query)>{number}</a> }.into_any(),
            None => number.into_any(),
        },
    }
}

/// The devices of a selection by their serials, as far as all are known. The query that selected them may find others
/// now: what is on hold is not trusted any more.
fn those(detail: &RevocationDetail) -> Option<String> {
    let back = detail.came_back.iter().map(|device| device.serial.as_str());
    let silent = detail.not_seen.iter().map(|(serial, _)| serial.as_str());
    let serials: Vec<String> = back.chain(silent).map(quoted).collect();
    let all = i64::try_from(serials.len()).is_ok_and(|n| n == detail.preview.devices && n > 0);
    all.then(|| format!("serial:{}", serials.join(",")))
}

/// The fleet query of what was hit.
fn query_of(detail: &RevocationDetail) -> Option<String> {
    let row = &detail.row;
    match row.scope {
        RevocationScope::Device => Some(format!("serial:{}", quoted(&row.subject))),
        RevocationScope::Batch => Some(format!("batch:{}", quoted(&row.subject))),
        RevocationScope::Factory => Some(format!("factory:{}", quoted(&row.subject))),
        RevocationScope::Selection => those(detail),
        RevocationScope::Certificate => None,
    }
}

fn device_link(serial: &str) -> impl IntoView + use<> {
    view! { <a href=format!("/devices/{}", segment(serial))>{serial.to_owned()}</a> }
}

/// What was shown to whoever asked, before it counts.
fn preview(detail: &RevocationDetail) -> impl IntoView + use<> {
    let preview = &detail.preview;
    let waits = detail.row.state == RevocationState::Waiting;
    let title = if waits { "What would be hit" } else { "What would have been hit" };
    let holders = i64::try_from(preview.custodians.len()).unwrap_or(0);
    let figure = |n: i64, one: &'static str, many: &'static str| {
        view! { <b>{count(n)}</b><span>{if n == 1 { one } else { many }}</span> }
    };
    view! {
        {Panel::new(title).body(view! {
            <div class="impact">
                <div class=waits.then_some("hot")>{figure(preview.devices, "device", "devices")}</div>
                <div>{figure(preview.certificates, "certificate", "certificates")}</div>
                <div>{figure(preview.never, "never heard from", "never heard from")}</div>
                <div>{figure(holders, "holder", "holders")}</div>
            </div>
        })}
        {top("Held by", &preview.custodians)}
        {top("Countries", &preview.countries)}
    }
    .into_any()
}

/// How many batch authorities go on, that the act did not touch.
async fn others(ctx: &Ctx, detail: &RevocationDetail) -> Result<i64, fleet::Error> {
    let all = ctx.fleet.authorities(&ctx.actor).await?;
    let active = all.iter().filter(|row| {
        let authority = &row.authority;
        let hit =
            detail.row.scope.cuts_authorities() && detail.authorities.iter().any(|(slug, _)| *slug == authority.slug);
        authority.kind == AuthorityKind::Batch && authority.state == AuthorityState::Active && !hit
    });
    Ok(i64::try_from(active.count()).unwrap_or(i64::MAX))
}

fn still_works(row: &RevocationRow, others: i64) -> impl IntoView + use<> {
    let (title, way) = match row.act {
        RevocationAct::Hold => ("The way back", "A release brings all of it back as it was"),
        RevocationAct::Release => {
            ("What was released", "It counts as it did before the hold, with the same certificates")
        }
        RevocationAct::Revoke => (
            "A new certificate",
            "A device whose batch may still sign comes back with a kit, or is enrolled anew at a station",
        ),
    };
    let (whose, untouched) = if row.scope.cuts_authorities() {
        (plural(others, "other batch CA", "other batch CAs"), "Untouched: their devices are let in as before")
    } else {
        (
            format!("All {}", plural(others, "batch CA", "batch CAs")),
            "Untouched: every other device is let in as before",
        )
    };
    Panel::new("What still works").flush(view! {
        <ul class="list">
            <li>
                {icon(icons::PACKAGE)}
                <div>
                    <h3><a href="/authorities">{whose}</a></h3>
                    <p>{untouched}</p>
                </div>
            </li>
            <li>{icon(icons::KEY)}<div><h3>{title}</h3><p>{way}</p></div></li>
        </ul>
    })
}
