//! Every kind of event as a sentence for people, and the groups that a history can be filtered by.

use crate::{
    components::{
        icons::{self, icon},
        status::score,
        text::mono,
    },
    context::segment,
};
use domain::{component::Part, history::Event};
use leptos::prelude::*;

/// What a history can be filtered by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Group {
    /// Who held it.
    Custody,
    /// What was in it, and what did not fit.
    Hardware,
    /// Its certificates.
    Certificates,
    /// What ran on it.
    Updates,
    /// Repairs.
    Repairs,
    /// Notes and corrections.
    Notes,
}

impl Group {
    /// Every group.
    pub const ALL: [Self; 6] =
        [Self::Custody, Self::Hardware, Self::Certificates, Self::Updates, Self::Repairs, Self::Notes];

    /// The word in an address.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Custody => "custody",
            Self::Hardware => "hardware",
            Self::Certificates => "certificates",
            Self::Updates => "updates",
            Self::Repairs => "repairs",
            Self::Notes => "notes",
        }
    }

    /// The word that people read.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Custody => "Custody",
            Self::Hardware => "Hardware",
            Self::Certificates => "Certificates and trust",
            Self::Updates => "Updates",
            Self::Repairs => "Repairs",
            Self::Notes => "Notes and corrections",
        }
    }

    /// Which group an event is in.
    #[must_use]
    pub const fn of(event: &Event) -> Self {
        match event {
            Event::Manufactured { .. }
            | Event::Shipped { .. }
            | Event::Received { .. }
            | Event::Claimed { .. }
            | Event::Transferred { .. }
            | Event::Returned { .. }
            | Event::Observed { .. }
            | Event::Retired { .. }
            | Event::Destroyed { .. } => Self::Custody,
            Event::ManifestRecorded { .. }
            | Event::HardwareReported { .. }
            | Event::HardwareMismatch { .. }
            | Event::CloneSuspected { .. } => Self::Hardware,
            Event::CertificateIssued { .. }
            | Event::CertificateRenewed { .. }
            | Event::CertificateHeld { .. }
            | Event::CertificateRevoked { .. }
            | Event::Quarantined { .. }
            | Event::Released { .. } => Self::Certificates,
            Event::UpdateAsked { .. }
            | Event::UpdateConfirmed { .. }
            | Event::UpdateDenied { .. }
            | Event::AutoConfirmSwitched { .. }
            | Event::UpdateOffered { .. }
            | Event::UpdateInstalled { .. }
            | Event::UpdateVerified { .. }
            | Event::UpdateFailed { .. }
            | Event::UpdateSilent { .. }
            | Event::UpdateReverted { .. } => Self::Updates,
            Event::RepairOpened { .. } | Event::RepairAuthorised { .. } | Event::RepairClosed { .. } => Self::Repairs,
            Event::Note { .. } | Event::Corrected { .. } => Self::Notes,
        }
    }
}

/// An event in words: what happened, and what else is known of it.
pub struct Told {
    /// What happened.
    pub headline: AnyView,
    /// More, in sentences; each may be empty.
    pub details: Vec<String>,
    /// What is better shown than told.
    pub more: Option<AnyView>,
}

impl Told {
    fn new(headline: impl IntoView + 'static) -> Self {
        Self { headline: headline.into_any(), details: Vec::new(), more: None }
    }

    fn detail(mut self, text: impl Into<String>) -> Self {
        self.details.push(text.into());
        self
    }

    /// A detail after its name, if there is one: `Reference: 4711`.
    fn named(self, name: &str, text: &str) -> Self {
        if text.is_empty() { self } else { self.detail(format!("{name}: {text}")) }
    }

    fn more(mut self, view: impl IntoView + 'static) -> Self {
        self.more = Some(view.into_any());
        self
    }
}

/// `**what** rest`.
fn bold(what: &'static str, rest: impl IntoView + 'static) -> impl IntoView {
    view! { <b>{what}</b>{rest} }
}

fn strong(text: &str) -> impl IntoView + use<> {
    view! { <b>{text.to_owned()}</b> }
}

/// Tells an event. Corrections are told by the history, which knows what they correct.
#[must_use]
pub fn tell(event: &Event) -> Told {
    match Group::of(event) {
        Group::Custody => custody(event),
        Group::Hardware => hardware(event),
        Group::Certificates => certificates(event),
        Group::Updates => updates(event),
        Group::Repairs | Group::Notes => repairs_and_notes(event),
    }
}

fn custody(event: &Event) -> Told {
    match event {
        Event::Manufactured { by, batch, firmware } => {
            let told =
                Told::new(view! { {strong("Manufactured")} " by " {by.name.clone()} ", batch " {batch.clone()} });
            told.named("Firmware", firmware.as_deref().unwrap_or_default())
        }
        Event::Shipped { to, carrier, reference } => {
            let by = carrier.as_ref().map(|carrier| format!(", carried by {}", carrier.name));
            Told::new(view! { {strong("Shipped")} " to " {to.name.clone()} {by} }).named("Reference", reference)
        }
        Event::Received { by, reference } => {
            Told::new(view! { {strong("Received")} " by " {by.name.clone()} }).named("Reference", reference)
        }
        Event::Claimed { by } => {
            Told::new(view! { {strong("Claimed")} " by " {by.name.clone()} " with the code from its label" })
        }
        Event::Transferred { to, reference } => {
            Told::new(view! { {strong("Transferred")} " to " {to.name.clone()} }).named("Reference", reference)
        }
        Event::Returned { to, reason } => {
            Told::new(view! { {strong("Returned")} " to " {to.name.clone()} }).named("Reason", reason)
        }
        Event::Observed { biz_step, disposition } => {
            let step = if biz_step.is_empty() { String::new() } else { format!(": {}", biz_step.replace('_', " ")) };
            Told::new(bold("Seen", step)).named("Disposition", &disposition.replace('_', " "))
        }
        Event::Retired { reason } => Told::new(bold("Retired", " from use for good")).named("Reason", reason),
        Event::Destroyed { evidence } => Told::new(strong("Destroyed")).named("Known by", evidence),
        _ => Told::new(()),
    }
}

fn hardware(event: &Event) -> Told {
    match event {
        Event::ManifestRecorded { version, hash, fitted, removed, reason, .. } => {
            manifest(*version, fitted, removed).named("Reason", reason).detail(format!("sha256 {}", short_hash(hash)))
        }
        Event::HardwareReported { manifest_version } => {
            Told::new(bold("Hardware reported", format!(": exactly manifest v{manifest_version}")))
        }
        Event::HardwareMismatch { finding, score: points } => {
            Told::new(bold("Hardware mismatch", format!(": {finding}"))).more(scored(*points, None))
        }
        Event::CloneSuspected { finding, score: points, other } => {
            Told::new(bold("Clone suspected", format!(": {finding}"))).more(scored(*points, other.as_deref()))
        }
        _ => Told::new(()),
    }
}

/// A score, and the other device that a finding is about.
pub fn scored(points: i64, other: Option<&str>) -> impl IntoView + use<> {
    let other = other.map(|serial| {
        let href = format!("/devices/{}", segment(serial));
        view! { <span class="small">"Other device: " <a class="nowrap" href=href>{serial.to_owned()}</a></span> }
    });
    view! { <div class="row wrap scored">{score(points)} <span class="small quiet">"of 100"</span> {other}</div> }
}

fn manifest(version: i64, fitted: &[Part], removed: &[Part]) -> Told {
    let parts = |n: usize| if n == 1 { "1 part".to_owned() } else { format!("{n} parts") };
    let what = match (fitted, removed) {
        (_, []) if version == 1 => format!("{} fitted", parts(fitted.len())),
        ([one], [gone]) if one.class == gone.class => format!("{} swapped", one.class.label()),
        (fitted, []) => format!("{} fitted", parts(fitted.len())),
        ([], removed) => format!("{} removed", parts(removed.len())),
        (fitted, removed) => format!("{} removed, {} fitted", parts(removed.len()), parts(fitted.len())),
    };
    let told = Told::new(view! { <b>{what}</b> {format!(", manifest v{version}")} });
    // What the factory fitted is in the table of components.
    if version == 1 { told } else { told.more(swap(fitted, removed)) }
}

/// Parts that went out and came in.
fn swap(fitted: &[Part], removed: &[Part]) -> impl IntoView + use<> {
    let row = |part: &Part, out: bool| {
        let (class, sign, word) = if out { ("out", icons::MINUS, "Out") } else { ("in", icons::PLUS, "In") };
        let name = part_name(part);
        view! {
            <div class=class>
                <span class=format!("sign {class}")>{icon(sign)}{word}</span>
                <span>{name} " " {mono(part.identifier.clone())}</span>
            </div>
        }
    };
    let rows: Vec<_> =
        removed.iter().map(|part| row(part, true)).chain(fitted.iter().map(|part| row(part, false))).collect();
    view! { <div class="swap">{rows}</div> }
}

/// Maker and model, or the class where neither is known.
#[must_use]
pub fn part_name(part: &Part) -> String {
    let name = format!("{} {}", part.maker, part.model);
    let name = name.trim();
    if name.is_empty() { part.class.label().to_owned() } else { name.to_owned() }
}

fn certificates(event: &Event) -> Told {
    match event {
        Event::CertificateIssued { serial, issuer, not_after } => {
            Told::new(view! { {strong("Certificate issued")} ": " {mono(short_serial(serial))} })
                .detail(format!("By {issuer}, to {}", not_after.day_words()))
        }
        Event::CertificateRenewed { serial, issuer, not_after } => {
            Told::new(view! { {strong("Certificate renewed")} ": " {mono(short_serial(serial))} })
                .detail(format!("By {issuer}, to {}", not_after.day_words()))
        }
        Event::CertificateHeld { reason } => Told::new(strong("Certificate on hold")).named("Reason", reason),
        Event::CertificateRevoked { reason } => Told::new(strong("Certificate revoked")).named("Reason", reason),
        Event::Quarantined { reason } => Told::new(strong("Quarantined")).named("Reason", reason),
        Event::Released { reason } => Told::new(bold("Released", ": trusted again")).named("Reason", reason),
        _ => Told::new(()),
    }
}

fn updates(event: &Event) -> Told {
    match event {
        Event::UpdateAsked { version } => Told::new(view! { "Its user is asked for the update to " {strong(version)} }),
        Event::UpdateConfirmed { version } => {
            Told::new(view! { "Its user " {strong("agreed")} " to the update to " {strong(version)} })
        }
        Event::UpdateDenied { version, reason } => {
            Told::new(view! { "Its user " {strong("denied")} " the update to " {strong(version)} })
                .named("Said", reason)
                .detail("The device goes on asking")
        }
        Event::AutoConfirmSwitched { on, initiator, remark } => {
            let what = if *on { "Auto-confirm on" } else { "Auto-confirm off" };
            let more = if *on { ": its user is asked for no update" } else { ": its user is asked again" };
            Told::new(bold(what, more)).named("By", initiator).named("Remark", remark)
        }
        Event::UpdateOffered { version } => Told::new(view! { "Update to " {strong(version)} " offered" }),
        Event::UpdateInstalled { version } => Told::new(view! { "Update to " {strong(version)} " installed" }),
        Event::UpdateVerified { from: Some(from), version } => {
            Told::new(view! { "Updated " {strong(&format!("{from} to {version}"))} })
                .detail("Verified after its restart")
        }
        Event::UpdateVerified { from: None, version } => {
            Told::new(view! { "Runs " {strong(version)} }).detail("Reported by the device")
        }
        Event::UpdateFailed { version, reason } => {
            Told::new(view! { "Update to " {strong(version)} " " {strong("failed")} }).named("It said", reason)
        }
        Event::UpdateSilent { version } => {
            Told::new(view! { {strong("Silent")} " after the update to " {strong(version)} })
        }
        Event::UpdateReverted { to, version } => {
            Told::new(view! { "Update to " {strong(version)} " did not work, reverted to " {to.clone()} " by itself" })
        }
        _ => Told::new(()),
    }
}

/// A case's number; those of our own desk lead to it.
fn case_of(case: &str) -> AnyView {
    match domain::repair::read_code(case) {
        Some(code) if code == case => view! { <a href=crate::pages::repairs::path(case)>{code}</a> }.into_any(),
        _ => case.to_owned().into_any(),
    }
}

fn repairs_and_notes(event: &Event) -> Told {
    match event {
        Event::RepairOpened { case, symptom } => {
            Told::new(view! { {strong("Repair opened")} ", case " {case_of(case)} }).named("Symptom", symptom)
        }
        Event::RepairAuthorised { case } => {
            Told::new(view! { {strong("Repair authorised")} ", case " {case_of(case)} })
        }
        Event::RepairClosed { case, outcome } => {
            Told::new(view! { {strong("Repair closed")} ", case " {case_of(case)} }).named("Outcome", outcome)
        }
        Event::Note { text } => Told::new(view! { <span class="note-text">{text.clone()}</span> }),
        Event::Corrected { reason, .. } => Told::new(strong("Correction")).named("Reason", reason),
        _ => Told::new(()),
    }
}

/// An event in two or three words, for pictures and lists.
#[must_use]
pub fn in_short(event: &Event) -> &'static str {
    match event {
        Event::Manufactured { .. } => "Manufactured",
        Event::ManifestRecorded { .. } => "Manifest recorded",
        Event::CertificateIssued { .. } => "Certificate issued",
        Event::CertificateRenewed { .. } => "Certificate renewed",
        Event::CertificateHeld { .. } => "Certificate on hold",
        Event::CertificateRevoked { .. } => "Certificate revoked",
        Event::Shipped { .. } => "Shipped",
        Event::Received { .. } => "Received",
        Event::Claimed { .. } => "Claimed",
        Event::Transferred { .. } => "Transferred",
        Event::Returned { .. } => "Returned",
        Event::HardwareReported { .. } => "Hardware reported",
        Event::HardwareMismatch { .. } => "Hardware mismatch",
        Event::CloneSuspected { .. } => "Clone suspected",
        Event::RepairOpened { .. } => "Repair opened",
        Event::RepairAuthorised { .. } => "Repair authorised",
        Event::RepairClosed { .. } => "Repair closed",
        Event::Quarantined { .. } => "Quarantined",
        Event::Released { .. } => "Released",
        Event::UpdateAsked { .. } => "User asked",
        Event::UpdateConfirmed { .. } => "User agreed",
        Event::UpdateDenied { .. } => "User denied",
        Event::AutoConfirmSwitched { .. } => "Auto-confirm switched",
        Event::UpdateOffered { .. } => "Update offered",
        Event::UpdateInstalled { .. } => "Update installed",
        Event::UpdateVerified { .. } => "Update verified",
        Event::UpdateFailed { .. } => "Update failed",
        Event::UpdateSilent { .. } => "Silent after update",
        Event::UpdateReverted { .. } => "Update reverted",
        Event::Note { .. } => "Note",
        Event::Observed { .. } => "Seen",
        Event::Corrected { .. } => "Correction",
        Event::Retired { .. } => "Retired",
        Event::Destroyed { .. } => "Destroyed",
    }
}

/// The beginning of a hash, in fours: `9f2c 71e0`.
#[must_use]
pub fn short_hash(hash: &str) -> String {
    let part = |from: usize| hash.get(from..from + 4).unwrap_or_default();
    if hash.len() > 8 { format!("{} {}", part(0), part(4)) } else { hash.to_owned() }
}

/// The beginning and the end of a certificate's serial number, in pairs: `1f:a8…07`.
#[must_use]
pub fn short_serial(serial: &str) -> String {
    let plain: String = serial.chars().filter(char::is_ascii_alphanumeric).collect();
    match (plain.get(..4), plain.get(plain.len().saturating_sub(2)..)) {
        (Some(first), Some(last)) if plain.len() > 8 => format!("{}:{}…{last}", &first[..2], &first[2..]),
        _ => pairs(&plain),
    }
}

/// A serial number in pairs: `1f:a8:09:d2`.
#[must_use]
pub fn pairs(hex: &str) -> String {
    let plain: Vec<char> = hex.chars().filter(char::is_ascii_alphanumeric).collect();
    plain.chunks(2).map(|pair| pair.iter().collect::<String>()).collect::<Vec<_>>().join(":")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_shortened_for_people() {
        assert_eq!(short_serial("1fa809d25eb13307"), "1f:a8…07");
        assert_eq!(short_serial("1FA8"), "1F:A8");
        assert_eq!(short_serial("<é>"), "");
        assert_eq!(short_hash("9f2c71e0aa"), "9f2c 71e0");
        assert_eq!(pairs("1fa80"), "1f:a8:0");
    }
}
