//! What explains the page's head: why trust is what it is, who held the device, facts.

use super::{
    events::{in_short, short_hash, tell},
    history::range,
    life::{Life, days},
    place::{Place, View},
};
use crate::{
    components::{
        icons::icon,
        panel::{Panel, facts},
        status::{Status, custodian_icon},
        text::{ago, copy, day, minute},
    },
    context::{devices_href, segment},
};
use domain::{
    device::Trust,
    history::{Entry, Event},
    query::quoted,
};
use leptos::prelude::*;

/// Why the device is not simply trusted; nothing when it is.
#[must_use]
pub fn why(life: &Life<'_>, place: &Place) -> Option<impl IntoView + use<>> {
    let trust = life.record.device.trust;
    let decision = match trust {
        Trust::Trusted => return None,
        Trust::Suspect => None,
        Trust::Quarantined => {
            life.last(|event| matches!(event, Event::Quarantined { .. } | Event::CertificateHeld { .. }))
        }
        Trust::Revoked => life.last(|event| matches!(event, Event::CertificateRevoked { .. })),
    };
    let is_here = place.view == View::Overview && life.record.history.len() <= super::history::SHORT;
    let findings = life.open_findings();
    let reasons: Vec<_> =
        decision.into_iter().chain(findings.iter().copied()).map(|entry| reason(entry, place, is_here)).collect();
    let none = reasons.is_empty().then(|| view! { <p class="soft">"The history does not say why."</p> });
    let title = match trust {
        Trust::Suspect => "Why suspect",
        Trust::Quarantined => "Why quarantined",
        Trust::Trusted | Trust::Revoked => "Why revoked",
    };
    let status = Status::from(trust).cell();
    let body = view! { {reasons} {none} <p class="small quiet">{consequence(trust)}</p> };
    Some(Panel::new(title).id("why").aside(status).body(view! { <div class="stack">{body}</div> }))
}

fn reason(entry: &Entry, place: &Place, is_here: bool) -> impl IntoView + use<> {
    let told = tell(&entry.event);
    let details = told.details.join(". ");
    let details = (!details.is_empty()).then(|| view! { <p class="soft">{details}</p> });
    let href = place.entry(entry.id, is_here);
    view! {
        <div class="why">
            <p>{told.headline}</p>
            {details}
            {told.more}
            <p class="small quiet"><a href=href>{minute(entry.at)}</a> ", by " {entry.actor.clone()}</p>
        </div>
    }
}

const fn consequence(trust: Trust) -> &'static str {
    match trust {
        Trust::Trusted => "",
        Trust::Suspect => "One weak signal cuts nothing off by itself. Somebody should look.",
        Trust::Quarantined => "It stays so on record until a release is recorded in its history.",
        Trust::Revoked => {
            "A revocation is never lifted. The device is trusted again once a new certificate is issued to it."
        }
    }
}

/// Who held the device, newest first, with dates and durations.
#[must_use]
pub fn custody(life: &Life<'_>) -> impl IntoView + use<> {
    let rows: Vec<_> = life
        .spans
        .iter()
        .rev()
        .map(|span| {
            let drawn = span.holder.map(|holder| icon(custodian_icon(holder.kind)));
            let current = span.holder.and_then(|holder| life.record.catalogue.custodian(holder.id));
            let name = match current {
                Some(custodian) => {
                    let href = format!("/custodians/{}", segment(&custodian.code));
                    view! { <a href=href>{span.name().to_owned()}</a> }.into_any()
                }
                None => span.name().to_owned().into_any(),
            };
            view! {
                <tr>
                    <th scope="row">
                        <span class="holder">{drawn}<span>{name}<small>{range(span.from, span.until)}</small></span></span>
                    </th>
                    <td class="num">{span.days(life.now)}</td>
                </tr>
            }
        })
        .collect();
    let n = i64::try_from(life.spans.len()).unwrap_or(0);
    let table = view! {
        <table class="table custody">
            <caption class="sr">"Who held it, newest first"</caption>
            <thead>
                <tr>
                    <th scope="col">"Held by"</th>
                    <th scope="col" class="num">"For"</th>
                </tr>
            </thead>
            <tbody>{rows}</tbody>
        </table>
    };
    Panel::new("Custody").count(n).flush(table)
}

/// Place and facts.
#[must_use]
pub fn about(life: &Life<'_>) -> impl IntoView + use<> {
    let (device, catalogue) = (&life.record.device, &life.record.catalogue);
    let link = |query: String, words: String| view! { <a href=devices_href(&query)>{words}</a> }.into_any();
    let model = catalogue.model_name(device.model_id).to_owned();
    let batch = catalogue.batch_code(device.batch_id).to_owned();
    let made = view! { {day(device.made_at)} <span class="quiet">{format!(", {} old", days(life.now.0 - device.made_at.0))}</span> };
    let mut known = vec![
        ("Model", link(format!("model:{}", quoted(&model)), model.clone())),
        ("Batch", view! { <a href=format!("/batches/{}", segment(&batch))>{batch.clone()}</a> }.into_any()),
        ("Factory", catalogue.custodian_name(device.factory_id).to_owned().into_any()),
        ("Made", made.into_any()),
    ];
    if !device.hardware_revision.is_empty() {
        known.insert(1, ("Revision", device.hardware_revision.clone().into_any()));
    }
    if !device.place.is_empty() {
        known.push(("Place", device.place.clone().into_any()));
    }
    known.push(("Channel", link(format!("channel:{}", quoted(&device.channel)), device.channel.clone())));
    let seen = device.last_seen_at.map_or_else(|| "never".into_any(), |at| ago(at, life.now).into_any());
    known.push(("Last seen", seen));
    if device.manifest_version > 0 {
        let hash = view! {
            <span class="mono" title=device.manifest_hash.clone()>{short_hash(&device.manifest_hash)}</span>
            {copy("manifest hash", &device.manifest_hash)}
        };
        known.push(("Manifest", hash.into_any()));
    }
    if let Some(last) = life.counted().next_back() {
        known.push(("Last event", view! { {in_short(&last.event)} ", " {day(last.at)} }.into_any()));
    }
    Panel::new("Place and facts").body(view! { <div class="small">{facts(known)}</div> })
}
