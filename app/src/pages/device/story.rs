//! "From the factory to now": the device's life in lanes.

use super::{
    events::{in_short, short_serial},
    life::{Life, days},
};
use crate::{
    charts::journey::{Journey, Lane, Mark, Stretch, journey},
    components::{
        icons::{self, Icon},
        panel::Panel,
        status::{Tone, event_mark},
        text::plural,
    },
};
use domain::{
    component::Part,
    custody::CustodianKind,
    history::{Entry, Event},
};
use leptos::prelude::*;

/// The panel with the picture.
#[must_use]
pub fn panel(life: &Life<'_>, history_href: String) -> impl IntoView + use<> {
    let custodians = plural(i64::try_from(life.spans.len()).unwrap_or(0), "custodian", "custodians");
    let age = days(life.now.0 - life.record.device.made_at.0);
    let aside = view! { <span>{format!("{custodians}, {age}")}</span> <a href=history_href>"All events"</a> };
    Panel::new("From the factory to now").aside(aside).body(journey(&told(life), life.now))
}

fn told(life: &Life<'_>) -> Journey {
    let mut lanes = vec![hardware(life)];
    lanes.extend(certificates(life));
    lanes.extend(firmware(life));
    Journey { holders: holders(life), lanes, finding: finding(life) }
}

fn holders(life: &Life<'_>) -> Vec<Stretch> {
    life.spans
        .iter()
        .map(|span| {
            let tone = match span.holder.map(|holder| holder.kind) {
                Some(CustodianKind::Client) => Tone::Go,
                Some(CustodianKind::RepairCentre) => Tone::Hold,
                _ => Tone::Mute,
            };
            Stretch { from: span.from, until: span.until, label: span.name().to_owned(), tone, dashed: false }
        })
        .collect()
}

fn mark(entry: &Entry, icon: Icon, tone: Tone, what: &str, label: Option<String>) -> Mark {
    Mark { at: entry.at, icon, tone, title: format!("{}: {what}", entry.at.day_words()), label }
}

fn hardware(life: &Life<'_>) -> Lane {
    let marks = life
        .counted()
        .filter_map(|entry| {
            let (icon, tone) = event_mark(&entry.event);
            let (what, label) = match &entry.event {
                Event::ManifestRecorded { version, fitted, removed, .. } => {
                    let label = format!("{}, manifest v{version}", change(fitted, removed));
                    (label.clone(), Some(label))
                }
                Event::HardwareMismatch { finding, .. } => (finding.clone(), Some("hardware mismatch".to_owned())),
                Event::CloneSuspected { finding, .. } => (finding.clone(), Some("clone suspected".to_owned())),
                Event::RepairOpened { case, .. } => (format!("repair opened, case {case}"), None),
                _ => return None,
            };
            Some(mark(entry, icon, tone, &what, label))
        })
        .collect();
    Lane { name: "Hardware", stretches: Vec::new(), marks }
}

/// `9 fitted`, `LTE swapped`.
fn change(fitted: &[Part], removed: &[Part]) -> String {
    match (fitted, removed) {
        ([one], [gone]) if one.class == gone.class => format!("{} swapped", one.class.label()),
        (fitted, []) => format!("{} fitted", fitted.len()),
        ([], removed) => format!("{} removed", removed.len()),
        (fitted, removed) => format!("{} out, {} in", removed.len(), fitted.len()),
    }
}

fn certificates(life: &Life<'_>) -> Option<Lane> {
    let all = life.certificates();
    let mut stretches = Vec::new();
    for (n, certificate) in all.iter().enumerate() {
        let ends = certificate.ended.or((certificate.not_after <= life.now).then_some(certificate.not_after));
        let last = n + 1 == all.len();
        let until =
            if last && ends.is_none() { format!(", to {}", certificate.not_after.day_words()) } else { String::new() };
        stretches.push(Stretch {
            from: certificate.from,
            until: ends,
            label: format!("{}{until}", short_serial(certificate.serial)),
            tone: Tone::Ok,
            dashed: false,
        });
        // Drawn over the certificate's own line.
        stretches.extend(certificate.held.iter().map(|(from, until)| Stretch {
            from: *from,
            until: *until,
            label: "on hold".to_owned(),
            tone: Tone::Hold,
            dashed: true,
        }));
    }
    let marks: Vec<Mark> = life
        .counted()
        .filter(|entry| {
            matches!(
                entry.event,
                Event::CertificateIssued { .. }
                    | Event::CertificateRenewed { .. }
                    | Event::CertificateHeld { .. }
                    | Event::CertificateRevoked { .. }
                    | Event::Quarantined { .. }
                    | Event::Released { .. }
            )
        })
        .map(|entry| {
            let (icon, tone) = event_mark(&entry.event);
            let label = match entry.event {
                Event::CertificateRevoked { .. } => Some("revoked".to_owned()),
                Event::Quarantined { .. } => Some("quarantined".to_owned()),
                _ => None,
            };
            mark(entry, icon, tone, &in_short(&entry.event).to_lowercase(), label)
        })
        .collect();
    (!stretches.is_empty() || !marks.is_empty()).then_some(Lane { name: "Certificate", stretches, marks })
}

fn firmware(life: &Life<'_>) -> Option<Lane> {
    let stretches: Vec<Stretch> = life
        .firmware()
        .into_iter()
        .map(|ran| Stretch {
            from: ran.from,
            until: ran.until,
            label: ran.version.to_owned(),
            tone: if ran.until.is_none() { Tone::Go } else { Tone::Mute },
            dashed: false,
        })
        .collect();
    let marks: Vec<Mark> = life
        .counted()
        .filter_map(|entry| {
            let (icon, tone, what, label) = match &entry.event {
                Event::Manufactured { firmware: Some(version), .. } => {
                    (icons::INSTALL, Tone::Mute, format!("{version} flashed in the factory"), None)
                }
                Event::UpdateVerified { version, .. } => (icons::CHECK, Tone::Ok, format!("{version} verified"), None),
                Event::UpdateFailed { version, .. } => {
                    (icons::CROSS, Tone::Bad, format!("{version} failed"), Some(format!("{version} failed")))
                }
                Event::UpdateSilent { version } => {
                    (icons::SILENT, Tone::Bad, format!("silent after {version}"), Some("silent".to_owned()))
                }
                Event::UpdateReverted { to, version } => (
                    icons::REVERT,
                    Tone::Warn,
                    format!("{version} did not work, reverted to {to}"),
                    Some(format!("{version} reverted")),
                ),
                _ => return None,
            };
            Some(mark(entry, icon, tone, &what, label))
        })
        .collect();
    (!stretches.is_empty() || !marks.is_empty()).then_some(Lane { name: "Firmware", stretches, marks })
}

/// The picture in a sentence.
fn finding(life: &Life<'_>) -> String {
    let n = |n: usize| i64::try_from(n).unwrap_or(0);
    let of = |wanted: fn(&Event) -> bool| n(life.counted().filter(|entry| wanted(&entry.event)).count());
    let mut parts = vec![plural(n(life.spans.len()), "custodian", "custodians")];
    let changes = of(|event| matches!(event, Event::ManifestRecorded { version, .. } if *version > 1));
    for (number, one, many) in [
        (changes, "change of its parts", "changes of its parts"),
        (n(life.certificates().len()), "certificate", "certificates"),
        (n(life.firmware().len()), "firmware version", "firmware versions"),
        (of(|event| matches!(event, Event::UpdateFailed { .. })), "failed update", "failed updates"),
        (of(Event::is_finding), "finding", "findings"),
    ] {
        if number > 0 {
            parts.push(plural(number, one, many));
        }
    }
    let ends = match (life.spans.first(), life.spans.last()) {
        (Some(first), Some(last)) => {
            format!("From {} on {} to {} now", first.name(), first.from.day_words(), last.name())
        }
        _ => "Nothing is on record".to_owned(),
    };
    format!("{ends}: {}. The history below lists every event.", parts.join(", "))
}
