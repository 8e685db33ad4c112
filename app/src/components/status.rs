//! Status is a word, an icon and a colour; never colour alone.

use super::icons::{self, Icon, sized};
use domain::{
    approval::ApprovalState,
    audit::Outcome,
    authority::{AuthorityKind, AuthorityState},
    certificate::CertificateStanding,
    component::ComponentClass,
    custody::CustodianKind,
    device::{Connection, Device, Lifecycle, Trust},
    history::Event,
    time::{DAY, Timestamp},
};
use leptos::prelude::*;

/// A judgement, which is all that colour is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tone {
    /// Fine.
    Ok,
    /// Needs a look.
    Warn,
    /// Over, or it hurts.
    Bad,
    /// Held by us; can be let go again.
    Hold,
    /// In progress.
    Go,
    /// Nothing to say.
    Mute,
    /// A fact without a judgement.
    Plain,
}

impl Tone {
    /// The colour's name as the style sheet has it; empty for a plain fact.
    #[must_use]
    pub const fn class(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Warn => "warn",
            Self::Bad => "bad",
            Self::Hold => "hold",
            Self::Go => "go",
            Self::Mute => "mute",
            Self::Plain => "",
        }
    }

    /// The class of an icon in this tone.
    #[must_use]
    pub const fn icon_class(self) -> &'static str {
        match self {
            Self::Ok => "i ok",
            Self::Warn => "i warn",
            Self::Bad => "i bad",
            Self::Hold => "i hold",
            Self::Go => "i go",
            Self::Mute | Self::Plain => "i",
        }
    }

    const fn in_table(self) -> &'static str {
        match self {
            Self::Ok => "st st-ok",
            Self::Warn => "st st-warn",
            Self::Bad => "st st-bad",
            Self::Hold => "st st-hold",
            Self::Go => "st st-go",
            Self::Mute => "st st-mute",
            Self::Plain => "st",
        }
    }

    const fn in_head(self) -> &'static str {
        match self {
            Self::Ok => "badge ok",
            Self::Warn => "badge warn",
            Self::Bad => "badge bad",
            Self::Hold => "badge hold",
            Self::Go => "badge go",
            Self::Mute | Self::Plain => "badge",
        }
    }

    /// The class of an event's dot on a timeline.
    #[must_use]
    pub const fn dot_class(self) -> &'static str {
        match self {
            Self::Ok => "dot ok",
            Self::Warn => "dot warn",
            Self::Bad => "dot bad",
            Self::Hold => "dot hold",
            Self::Go => "dot go",
            Self::Mute | Self::Plain => "dot",
        }
    }
}

/// What a status shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Status {
    /// The word.
    pub word: &'static str,
    /// The icon.
    pub icon: Icon,
    /// The colour.
    pub tone: Tone,
}

impl Status {
    const fn new(word: &'static str, icon: Icon, tone: Tone) -> Self {
        Self { word, icon, tone }
    }

    /// For a table: the icon carries the colour, the word stays ink.
    #[must_use]
    pub fn cell(self) -> impl IntoView + use<> {
        view! { <span class=self.tone.in_table()>{sized(self.icon, "i")}{self.word}</span> }
    }

    /// For a page's head: a tinted badge.
    #[must_use]
    pub fn badge(self) -> impl IntoView + use<> {
        view! { <span class=self.tone.in_head()>{sized(self.icon, "i")}{self.word}</span> }
    }
}

impl From<Trust> for Status {
    fn from(trust: Trust) -> Self {
        match trust {
            Trust::Trusted => Self::new("Trusted", icons::SHIELD_CHECK, Tone::Ok),
            Trust::Suspect => Self::new("Suspect", icons::WARN, Tone::Warn),
            Trust::Quarantined => Self::new("Quarantined", icons::LOCK, Tone::Hold),
            Trust::Revoked => Self::new("Revoked", icons::BAN, Tone::Bad),
        }
    }
}

impl From<Lifecycle> for Status {
    fn from(lifecycle: Lifecycle) -> Self {
        let icon = match lifecycle {
            Lifecycle::Made => icons::HAMMER,
            Lifecycle::InTransit => icons::TRUCK,
            Lifecycle::Stocked => icons::BOX,
            Lifecycle::Active => icons::PULSE,
            Lifecycle::InRepair => icons::WRENCH,
            Lifecycle::Retired => icons::ARCHIVE,
        };
        Self::new(lifecycle.label(), icon, Tone::Plain)
    }
}

impl From<Connection> for Status {
    fn from(connection: Connection) -> Self {
        match connection {
            Connection::Online => Self::new("Online", icons::ONLINE, Tone::Ok),
            Connection::Late => Self::new("Late", icons::CLOCK, Tone::Warn),
            Connection::Silent => Self::new("Silent", icons::SILENT, Tone::Mute),
        }
    }
}

impl From<Outcome> for Status {
    fn from(outcome: Outcome) -> Self {
        match outcome {
            Outcome::Done => Self::new("Done", icons::CHECK, Tone::Ok),
            Outcome::Denied => Self::new("Denied", icons::BAN, Tone::Warn),
            Outcome::Failed => Self::new("Failed", icons::CROSS, Tone::Bad),
        }
    }
}

impl From<CertificateStanding> for Status {
    fn from(standing: CertificateStanding) -> Self {
        match standing {
            CertificateStanding::Valid => Self::new("Valid", icons::CHECK, Tone::Ok),
            CertificateStanding::Expiring => Self::new("Expiring", icons::CLOCK, Tone::Warn),
            CertificateStanding::Expired => Self::new("Expired", icons::CLOCK, Tone::Bad),
            CertificateStanding::Superseded => Self::new("Superseded", icons::SWAP, Tone::Mute),
            CertificateStanding::Held => Self::new("On hold", icons::PAUSE, Tone::Hold),
            CertificateStanding::Revoked => Self::new("Revoked", icons::BAN, Tone::Bad),
        }
    }
}

impl From<AuthorityState> for Status {
    fn from(state: AuthorityState) -> Self {
        match state {
            AuthorityState::Requested => Self::new("Awaiting approval", icons::HOURGLASS, Tone::Go),
            AuthorityState::AwaitingCertificate => Self::new("Awaiting certificate", icons::HOURGLASS, Tone::Go),
            AuthorityState::Active => Self::new("Active", icons::CHECK, Tone::Ok),
            AuthorityState::Retired => Self::new("Retired", icons::ARCHIVE, Tone::Mute),
            AuthorityState::Held => Self::new("On hold", icons::PAUSE, Tone::Hold),
            AuthorityState::Revoked => Self::new("Revoked", icons::BAN, Tone::Bad),
            AuthorityState::Rejected => Self::new("Rejected", icons::CROSS, Tone::Mute),
        }
    }
}

impl From<ApprovalState> for Status {
    fn from(state: ApprovalState) -> Self {
        match state {
            ApprovalState::Waiting => Self::new("Waiting", icons::HOURGLASS, Tone::Go),
            ApprovalState::Approved => Self::new("Approved", icons::CHECK, Tone::Ok),
            ApprovalState::Rejected => Self::new("Rejected", icons::CROSS, Tone::Bad),
            ApprovalState::Void => Self::new("Void: plan changed", icons::REVERT, Tone::Mute),
        }
    }
}

/// The icon of a kind of authority.
#[must_use]
pub const fn authority_icon(kind: AuthorityKind) -> Icon {
    match kind {
        AuthorityKind::Root => icons::SHIELD,
        AuthorityKind::Factory => icons::FACTORY,
        AuthorityKind::Batch => icons::PACKAGE,
        AuthorityKind::Operations => icons::WAVES,
    }
}

/// The certificate's state, which follows from its end and the device's trust.
#[must_use]
pub fn certificate(device: &Device, now: Timestamp) -> Option<Status> {
    let end = device.certificate_not_after?;
    Some(match device.trust {
        Trust::Revoked => Status::new("Revoked", icons::BAN, Tone::Bad),
        _ if end <= now => Status::new("Expired", icons::CLOCK, Tone::Bad),
        _ if end <= now.plus(30 * DAY) => Status::new("Expiring", icons::CLOCK, Tone::Warn),
        _ => Status::new("Valid", icons::CHECK, Tone::Ok),
    })
}

/// The icon of a kind of custodian.
#[must_use]
pub const fn custodian_icon(kind: CustodianKind) -> Icon {
    match kind {
        CustodianKind::Factory => icons::FACTORY,
        CustodianKind::Distributor => icons::TRUCK,
        CustodianKind::Client => icons::BUILDING,
        CustodianKind::RepairCentre => icons::WRENCH,
    }
}

/// The icon of a class of component.
#[must_use]
pub const fn component_icon(class: ComponentClass) -> Icon {
    match class {
        ComponentClass::Cpu => icons::CHIP,
        ComponentClass::SecureElement => icons::ENCLAVE,
        ComponentClass::Board => icons::BOARD,
        ComponentClass::Storage => icons::DISK,
        ComponentClass::Ethernet => icons::PORT,
        ComponentClass::Wlan => icons::ANTENNA,
        ComponentClass::Lte => icons::SIM,
        ComponentClass::Gnss => icons::GNSS,
        ComponentClass::Power => icons::BOLT,
        ComponentClass::Other => icons::PACKAGE,
    }
}

/// The icon and colour of a kind of event.
#[must_use]
pub const fn event_mark(event: &Event) -> (Icon, Tone) {
    match event {
        Event::Manufactured { .. } => (icons::HAMMER, Tone::Plain),
        Event::ManifestRecorded { version: 1, .. } => (icons::BOARD, Tone::Plain),
        Event::ManifestRecorded { .. } => (icons::SWAP, Tone::Hold),
        Event::CertificateIssued { .. } | Event::CertificateRenewed { .. } => (icons::CERT, Tone::Ok),
        Event::CertificateHeld { .. } => (icons::PAUSE, Tone::Hold),
        Event::CertificateRevoked { .. } => (icons::BAN, Tone::Bad),
        Event::Shipped { .. } => (icons::TRUCK, Tone::Plain),
        Event::Received { .. } => (icons::BOX, Tone::Plain),
        Event::Claimed { .. } => (icons::KEY, Tone::Ok),
        Event::Transferred { .. } => (icons::BUILDING, Tone::Plain),
        Event::Returned { .. } | Event::Corrected { .. } => (icons::REVERT, Tone::Plain),
        Event::HardwareReported { .. } => (icons::CHECK, Tone::Ok),
        Event::HardwareMismatch { .. } => (icons::CHIP, Tone::Warn),
        Event::CloneSuspected { .. } => (icons::TWIN, Tone::Warn),
        Event::RepairOpened { .. } | Event::RepairClosed { .. } => (icons::WRENCH, Tone::Plain),
        Event::RepairAuthorised { .. } => (icons::APPROVE, Tone::Plain),
        Event::Quarantined { .. } => (icons::LOCK, Tone::Hold),
        Event::Released { .. } => (icons::SHIELD_CHECK, Tone::Ok),
        Event::UpdateOffered { .. } | Event::UpdateAsked { .. } => (icons::OFFERED, Tone::Plain),
        Event::UpdateConfirmed { .. } => (icons::CHECK, Tone::Ok),
        Event::UpdateDenied { .. } => (icons::CROSS, Tone::Hold),
        Event::AutoConfirmSwitched { .. } => (icons::APPROVE, Tone::Plain),
        Event::UpdateInstalled { .. } | Event::UpdateVerified { .. } => (icons::INSTALL, Tone::Go),
        Event::UpdateFailed { .. } => (icons::CROSS, Tone::Bad),
        Event::UpdateSilent { .. } => (icons::SILENT, Tone::Bad),
        Event::UpdateReverted { .. } => (icons::REVERT, Tone::Warn),
        Event::Note { .. } => (icons::DOC, Tone::Plain),
        Event::Observed { .. } => (icons::SCAN, Tone::Plain),
        Event::Retired { .. } | Event::Destroyed { .. } => (icons::ARCHIVE, Tone::Plain),
    }
}

/// A score of 0 to 100 with its bar: under 30 grey, under 60 amber, from 60 red.
#[must_use]
pub fn score(score: i64) -> impl IntoView + use<> {
    let score = score.clamp(0, 100);
    let class = match score {
        ..30 => "low",
        30..60 => "mid",
        _ => "high",
    };
    view! {
        <span class="score">
            <svg aria-hidden="true">
                <rect class="bg" width="40" height="8" rx="1"></rect>
                <rect class=class width=(score * 40 / 100).to_string() height="8" rx="1"></rect>
            </svg>
            {score}
        </span>
    }
}
