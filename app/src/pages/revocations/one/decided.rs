//! What an act is about, and who decided it.

use super::{
    super::{reason_words, words::act_icon},
    certificates_link, device_link,
};
use crate::{
    components::{
        icons::{self, Icon, icon},
        panel::{Panel, facts},
        text::{copy, count, day, fours, minute},
    },
    context::{devices_href, segment},
};
use domain::{
    revocation::{RevocationAct, RevocationScope, RevocationState},
    time::Timestamp,
};
use fleet::revocation::{RevocationDetail, RevocationRow};
use leptos::prelude::*;

pub(super) fn approval(row: &RevocationRow) -> impl IntoView + use<> {
    let second = match (&row.approved_by, row.state, row.approval_id) {
        (Some(by), RevocationState::Rejected, Some(id)) => {
            step(icons::CROSS, false, format!("Rejected by {by}"), None, link(id)).into_any()
        }
        (Some(by), RevocationState::Void, Some(id)) => {
            step(icons::REVERT, false, format!("Void, decided by {by}"), None, link(id)).into_any()
        }
        (Some(by), _, Some(id)) => {
            step(icons::CHECK, true, format!("Approved by {by}"), row.effective_at, link(id)).into_any()
        }
        (None, RevocationState::Waiting, Some(id)) => view! {
            <li aria-current="step">{icon(icons::HOURGLASS)}<b>"Second person"</b><small>{link(id)}</small></li>
        }
        .into_any(),
        _ => step(
            icons::CHECK,
            true,
            "No second person was needed".to_owned(),
            None,
            view! { "Within what one person may do, see " <a href="/settings">"Settings"</a> }.into_any(),
        )
        .into_any(),
    };
    let done = row.effective_at.map(|at| {
        step(act_icon(row.act), true, "In effect".to_owned(), Some(at), "Exactly what the hash below names".into_any())
    });
    let note = if row.note.is_empty() { ().into_any() } else { format!("“{}”", row.note).into_any() };
    Panel::new("Who decided").body(view! {
        <div class="stack">
            <ol class="vsteps">
                {step(icons::CHECK, true, format!("Requested by {}", row.requested_by), Some(row.requested_at), note)}
                {second}
                {done}
            </ol>
            <div class="hashbox">
                <div>
                    <span class="small quiet">"SHA-256 of what was shown"</span><br />
                    {fours(&row.preview_hash)}
                </div>
                {copy("hash", &row.preview_hash)}
            </div>
        </div>
    })
}

fn link(id: domain::id::ApprovalId) -> AnyView {
    view! { <a href=format!("/approvals/{id}")>"What was shown"</a> }.into_any()
}

fn step(drawn: Icon, done: bool, what: String, at: Option<Timestamp>, note: AnyView) -> impl IntoView {
    view! {
        <li class=done.then_some("done")>
            {icon(drawn)}
            <b>{what}</b>
            <span class="quiet small">{at.map(minute)}</span>
            <small>{note}</small>
        </li>
    }
}

pub(super) fn what(detail: &RevocationDetail) -> impl IntoView + use<> {
    let row = &detail.row;
    let authorities: Vec<_> = detail
        .authorities
        .iter()
        .map(|(slug, name)| view! { <li><a href=format!("/authorities/{}", segment(slug))>{name.clone()}</a></li> })
        .collect();
    let mut rows = vec![
        ("Act", row.act.label().into_any()),
        ("Scope", row.scope.label().into_any()),
        ("Subject", subject(row)),
        ("Certificates", certificates_link(detail)),
    ];
    if !authorities.is_empty() {
        rows.push(("Issuing CAs", view! { <ul>{authorities}</ul> }.into_any()));
    }
    if row.act == RevocationAct::Revoke {
        rows.push(("Reason", reason_words(&row.reason).into_any()));
    }
    if let Some(at) = row.effective_at {
        rows.push(("Since", day(at).into_any()));
    }
    let holders: Vec<_> = detail
        .preview
        .custodians
        .iter()
        .take(4)
        .map(|(name, n)| view! { <li>{name.clone()}" "<span class="quiet">{count(*n)}</span></li> })
        .collect();
    rows.push(("Held by", view! { <ul>{holders}</ul> }.into_any()));
    Panel::new(if row.effective_at.is_some() { "What was hit" } else { "What it is about" }).body(facts(rows))
}

fn subject(row: &RevocationRow) -> AnyView {
    let subject = row.subject.clone();
    match row.scope {
        RevocationScope::Device => device_link(&subject).into_any(),
        RevocationScope::Batch => {
            view! { <a href=format!("/batches/{}", segment(&subject))>{subject.clone()}</a> }.into_any()
        }
        RevocationScope::Factory => {
            view! { <a href=format!("/custodians/{}", segment(&subject))>{subject.clone()}</a> }.into_any()
        }
        RevocationScope::Certificate => match subject.split_once('/') {
            Some((authority, serial)) => {
                let to = format!("/certificates/{}/{}", segment(authority), segment(serial));
                view! { <a class="mono" href=to>{serial.to_owned()}</a> }.into_any()
            }
            None => subject.into_any(),
        },
        RevocationScope::Selection => {
            view! { <a class="mono" href=devices_href(&row.query)>{row.query.clone()}</a> }.into_any()
        }
    }
}
