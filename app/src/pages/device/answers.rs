//! The four answers: where is it, what is it, may it be trusted, what runs on it.

use super::{
    events::short_hash,
    life::Life,
    place::Place,
    reported::{Verdict, verdict},
};
use crate::{
    components::{
        icons::{self, Icon, icon},
        status::{Status, Tone, certificate},
        text::{ago, day, mono, plural},
    },
    context::segment,
    pages::devices::{connection, model_words},
};
use domain::{
    authority::FindingKind,
    device::{Device, Lifecycle, Trust},
    history::Event,
};
use fleet::check_in::DeviceReport;
use leptos::prelude::*;

/// The four answers, in one glance. What it is made of is judged by what it reports, as it is further down.
#[must_use]
pub fn answers(life: &Life<'_>, place: &Place, report: &DeviceReport) -> impl IntoView + use<> {
    let verdict = verdict(life, report);
    view! {
        <section class="answers" aria-label="In one glance">
            {location(life)}
            {identity(life, verdict)}
            {trust(life, &place.why(), (verdict, report))}
            {software(life)}
        </section>
    }
}

fn answer(
    question: &'static str,
    class: &'static str,
    drawn: Icon,
    said: impl IntoView + 'static,
    lines: Vec<AnyView>,
) -> impl IntoView {
    let lines: Vec<_> = lines.into_iter().map(|line| view! { <li>{line}</li> }).collect();
    view! {
        <div class=class>
            <h2>{question}</h2>
            <p class="a">{icon(drawn)}{said}</p>
            <ul>{lines}</ul>
        </div>
    }
}

fn location(life: &Life<'_>) -> impl IntoView + use<> {
    let (device, catalogue) = (&life.record.device, &life.record.catalogue);
    let holder = catalogue.custodian(device.custodian_id);
    let name = catalogue.custodian_name(device.custodian_id).to_owned();
    let said = match holder {
        Some(holder) => view! { <a href=format!("/custodians/{}", segment(&holder.code))>{name}</a> }.into_any(),
        None => name.into_any(),
    };
    let mut lines = Vec::new();
    let shipped = life.last(|event| matches!(event, Event::Shipped { .. }));
    match (device.lifecycle, shipped.map(|entry| (&entry.event, entry.at))) {
        (Lifecycle::InTransit, Some((Event::Shipped { to, .. }, at))) => {
            lines.push(view! { "On its way to " {to.name.clone()} ", shipped " {day(at)} }.into_any());
        }
        _ => lines.push(since(life)),
    }
    let heard = match device.last_seen_at {
        Some(at) => view! { ", seen " {ago(at, life.now)} }.into_any(),
        None => ", never heard from".into_any(),
    };
    let status = Status::from(connection(device, catalogue, life.now));
    lines.push(view! { {status.cell()} {heard} }.into_any());
    answer("Where is it?", "", icons::PIN, said, lines)
}

/// `Rotterdam, depot 4, since 12 Jun 2027`.
fn since(life: &Life<'_>) -> AnyView {
    let place = life.record.device.place.clone();
    let place = if place.is_empty() { String::new() } else { format!("{place}, ") };
    match life.spans.last() {
        Some(span) if place.is_empty() => view! { "Since " {day(span.from)} }.into_any(),
        Some(span) => view! { {place} "since " {day(span.from)} }.into_any(),
        None => place.into_any(),
    }
}

fn identity(life: &Life<'_>, verdict: Verdict) -> impl IntoView + use<> {
    let device = &life.record.device;
    let number = i64::try_from(life.fitted().count()).unwrap_or(0);
    let replaced = life.record.components.iter().filter(|component| component.removed_at.is_some()).count();
    let replaced = match replaced {
        0 => "as made".to_owned(),
        n => format!("{n} replaced"),
    };
    let number = plural(number, "component", "components");
    let lines = vec![format!("{number}, {replaced}").into_any(), reported(life, verdict)];
    answer("What is it?", "", icons::DEVICE, model_words(device, &life.record.catalogue), lines)
}

/// What the device itself says about its hardware; where what it said is not kept, what its history last told of it.
fn reported(life: &Life<'_>, verdict: Verdict) -> AnyView {
    let device = &life.record.device;
    let version = device.manifest_version;
    if version == 0 {
        return "No manifest yet".into_any();
    }
    let hash = mono(short_hash(&device.manifest_hash));
    let said = match verdict {
        Verdict::Fits(fits) if fits == version => "Reports exactly manifest",
        Verdict::Differs(_) => "Reports other parts than manifest",
        Verdict::Fits(_) | Verdict::Nothing => "Manifest",
        Verdict::Unheard => {
            let told = life.last(|event| event.is_finding() || matches!(event, Event::HardwareReported { .. }));
            match told.map(|entry| &entry.event) {
                Some(Event::HardwareReported { manifest_version }) if *manifest_version == version => {
                    "Reports exactly manifest"
                }
                Some(Event::HardwareMismatch { .. }) => "Reports other parts than manifest",
                _ => "Manifest",
            }
        }
    };
    view! { {format!("{said} v{version}, ")} {hash} }.into_any()
}

fn trust(life: &Life<'_>, why: &str, by: (Verdict, &DeviceReport)) -> impl IntoView + use<> {
    let device = &life.record.device;
    let class = match device.trust {
        Trust::Trusted => "",
        Trust::Suspect => "warn",
        Trust::Quarantined => "hold",
        Trust::Revoked => "bad",
    };
    let status = standing(device);
    let mut lines = vec![certificate_line(life, device)];
    lines.push(why_line(life, device.trust, why, by));
    answer("May it be trusted?", class, status.icon, status.word, lines)
}

/// Whether the device may be trusted, in a word. What nothing speaks against, but nothing vouches for either, is said
/// to be so.
#[must_use]
pub fn standing(device: &Device) -> Status {
    let vouched = device.certificate_serial.is_some();
    match device.trust {
        Trust::Trusted if !vouched => Status { word: "Not vouched for yet", icon: icons::HELP, tone: Tone::Mute },
        trust => Status::from(trust),
    }
}

fn certificate_line(life: &Life<'_>, device: &Device) -> AnyView {
    let (Some(status), Some(end)) = (certificate(device, life.now), device.certificate_not_after) else {
        let revoked = life.last(|event| matches!(event, Event::CertificateRevoked { .. }));
        return match (device.trust, revoked, device.last_seen_at) {
            (Trust::Revoked, Some(entry), _) => view! { "Certificate revoked " {day(entry.at)} }.into_any(),
            (_, _, None) => "No certificate on record, and never heard from".into_any(),
            _ => "No certificate on record".into_any(),
        };
    };
    if life.certificates().last().and_then(|last| last.held.last()).is_some_and(|(_, until)| until.is_none()) {
        return view! { "Certificate on hold, ends " {day(end)} }.into_any();
    }
    let words = if end > life.now { "to " } else { "since " };
    view! { {format!("Certificate {}, {words}", status.word.to_lowercase())} {day(end)} }.into_any()
}

/// The one reason that counts most; the panel beside has the rest.
fn why_line(life: &Life<'_>, trust: Trust, why: &str, by: (Verdict, &DeviceReport)) -> AnyView {
    let why = why.to_owned();
    match trust {
        Trust::Trusted => match life.last(Event::is_finding) {
            None if life.record.device.certificate_serial.is_none() => {
                "Nothing speaks against it, nothing vouches for it".into_any()
            }
            None => "Nothing speaks against it".into_any(),
            Some(entry) => view! { "Cleared; last finding " {day(entry.at)} }.into_any(),
        },
        Trust::Suspect => match doubt(life, by) {
            Some(words) => view! { {words} ": " <a class="nowrap" href=why>"see why"</a> }.into_any(),
            None => view! { <a href=why>"See why"</a> }.into_any(),
        },
        Trust::Quarantined => view! { "Until a release is recorded: " <a href=why>"see why"</a> }.into_any(),
        Trust::Revoked => view! { "Until it has a new certificate: " <a href=why>"see why"</a> }.into_any(),
    }
}

/// What makes a device suspect, in a few words: what stands about it, in the light of what it reports by now.
fn doubt(life: &Life<'_>, (verdict, report): (Verdict, &DeviceReport)) -> Option<&'static str> {
    let is_hardware = match report.reasons.iter().find(|shown| shown.stands()) {
        Some(shown) => match shown.reason.kind {
            FindingKind::HardwareMismatch => Some(true),
            FindingKind::CloneSuspected | FindingKind::IdentifierCopied => Some(false),
            _ => None,
        },
        None => match life.open_findings().first().map(|entry| &entry.event) {
            Some(Event::HardwareMismatch { .. }) => Some(true),
            Some(Event::CloneSuspected { .. }) => Some(false),
            _ => None,
        },
    }?;
    Some(match (is_hardware, verdict) {
        (true, Verdict::Fits(_)) => "Its hardware fits by now, but what was found stands",
        (true, _) => "But its hardware does not fit",
        (false, _) => "But it may have a twin",
    })
}

fn software(life: &Life<'_>) -> impl IntoView + use<> {
    let device = &life.record.device;
    let Some(version) = device.firmware.clone() else {
        let lines = vec!["It never reported a version".into_any(), channel(device)];
        return answer("What runs on it?", "", icons::PACKAGE, "Unknown".to_owned(), lines).into_any();
    };
    let verified = life.last(|event| matches!(event, Event::UpdateVerified { version: ran, .. } if *ran == version));
    let since = match (verified, life.firmware().last()) {
        (Some(entry), _) => view! { "Verified " {day(entry.at)} }.into_any(),
        (None, Some(ran)) if life.firmware().len() > 1 => view! { "Since " {day(ran.from)} }.into_any(),
        (None, Some(ran)) => view! { "From the factory, " {day(ran.from)} }.into_any(),
        (None, None) => "From the factory".into_any(),
    };
    let failed = life.last(|event| matches!(event, Event::UpdateFailed { .. } | Event::UpdateReverted { .. }));
    let second = match failed.map(|entry| (&entry.event, entry.at)) {
        Some((Event::UpdateFailed { version: tried, .. }, at)) if *tried != version => {
            view! { {format!("{tried} failed ")} {day(at)} }.into_any()
        }
        Some((Event::UpdateReverted { version: tried, .. }, at)) if *tried != version => {
            view! { {format!("{tried} was reverted ")} {day(at)} }.into_any()
        }
        _ => channel(device),
    };
    answer("What runs on it?", "", icons::PACKAGE, version, vec![since, second]).into_any()
}

fn channel(device: &Device) -> AnyView {
    format!("Channel {}", device.channel).into_any()
}
