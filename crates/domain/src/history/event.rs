//! What can happen to a device.

use crate::{component::Part, custody::Holder, id::HistoryId, time::Timestamp};
use serde::{Deserialize, Serialize};

/// What happened to a device.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Event {
    /// It was made.
    Manufactured {
        /// The factory.
        by: Holder,
        /// The batch's code.
        batch: String,
        /// The firmware it left the line with.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        firmware: Option<String>,
    },
    /// A manifest version was recorded: parts fitted and removed since the one before.
    ManifestRecorded {
        /// The version.
        version: i64,
        /// Its hash, in hexadecimal.
        hash: String,
        /// The hash of the version before; empty for the first.
        #[serde(default, skip_serializing_if = "String::is_empty")]
        previous_hash: String,
        /// Parts that came in.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        fitted: Vec<Part>,
        /// Parts that went out.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        removed: Vec<Part>,
        /// Why.
        #[serde(default, skip_serializing_if = "String::is_empty")]
        reason: String,
    },
    /// A certificate was issued for it.
    CertificateIssued {
        /// The certificate's serial number, in hexadecimal.
        serial: String,
        /// The issuing CA's name.
        issuer: String,
        /// When it ends.
        not_after: Timestamp,
    },
    /// Its certificate was renewed.
    CertificateRenewed {
        /// The new certificate's serial number, in hexadecimal.
        serial: String,
        /// The issuing CA's name.
        issuer: String,
        /// When it ends.
        not_after: Timestamp,
    },
    /// Its certificate was put on hold.
    CertificateHeld {
        /// Why.
        reason: String,
    },
    /// Its certificate was revoked.
    CertificateRevoked {
        /// Why.
        reason: String,
    },
    /// It was sent on its way.
    Shipped {
        /// To whom.
        to: Holder,
        /// Who carries it; without one, whoever held it still does.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        carrier: Option<Holder>,
        /// A consignment or document number.
        #[serde(default, skip_serializing_if = "String::is_empty")]
        reference: String,
    },
    /// It arrived.
    Received {
        /// Who has it now.
        by: Holder,
        /// A consignment or document number.
        #[serde(default, skip_serializing_if = "String::is_empty")]
        reference: String,
    },
    /// A client claimed it with the code on its label.
    Claimed {
        /// The client.
        by: Holder,
    },
    /// It was handed from one holder to another (resale, reassignment).
    Transferred {
        /// Who has it now.
        to: Holder,
        /// A document number.
        #[serde(default, skip_serializing_if = "String::is_empty")]
        reference: String,
    },
    /// Its holder gave it back.
    Returned {
        /// Who has it now.
        to: Holder,
        /// Why.
        #[serde(default, skip_serializing_if = "String::is_empty")]
        reason: String,
    },
    /// It reported its hardware, and it was what the manifest says.
    HardwareReported {
        /// The manifest version that it matched.
        manifest_version: i64,
    },
    /// It reported hardware that the manifest does not list.
    HardwareMismatch {
        /// What does not fit, in a sentence.
        finding: String,
        /// 0 to 100.
        score: i64,
    },
    /// One of its identifiers was seen elsewhere.
    CloneSuspected {
        /// What was seen, in a sentence.
        finding: String,
        /// 0 to 100.
        score: i64,
        /// The serial of the other device, if it is known.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        other: Option<String>,
    },
    /// A repair was opened.
    RepairOpened {
        /// The case number.
        case: String,
        /// What is wrong.
        symptom: String,
    },
    /// A repair was authorised.
    RepairAuthorised {
        /// The case number.
        case: String,
    },
    /// A repair was closed.
    RepairClosed {
        /// The case number.
        case: String,
        /// What was done.
        #[serde(default, skip_serializing_if = "String::is_empty")]
        outcome: String,
    },
    /// We cut it off; it can be let go again.
    Quarantined {
        /// Why.
        reason: String,
    },
    /// We let it go again.
    Released {
        /// Why.
        reason: String,
    },
    /// Its user is asked whether it may be updated.
    UpdateAsked {
        /// The version.
        version: String,
    },
    /// Its user agreed to an update.
    UpdateConfirmed {
        /// The version.
        version: String,
    },
    /// Its user said no to an update.
    UpdateDenied {
        /// The version.
        version: String,
        /// What that one said.
        #[serde(default, skip_serializing_if = "String::is_empty")]
        reason: String,
    },
    /// Whether its updates are agreed to without asking its user was switched at it.
    AutoConfirmSwitched {
        /// Whether they are from now on.
        on: bool,
        /// Who did so, as the device says.
        #[serde(default, skip_serializing_if = "String::is_empty")]
        initiator: String,
        /// What was noted with it.
        #[serde(default, skip_serializing_if = "String::is_empty")]
        remark: String,
    },
    /// An update was offered.
    UpdateOffered {
        /// The version offered.
        version: String,
    },
    /// It says that it installed an update.
    UpdateInstalled {
        /// The version.
        version: String,
    },
    /// It itself reported the version after starting with it.
    UpdateVerified {
        /// The version that ran before.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        from: Option<String>,
        /// The version that runs now.
        version: String,
    },
    /// An update failed.
    UpdateFailed {
        /// The version.
        version: String,
        /// What it said.
        reason: String,
    },
    /// It was not heard from after an update.
    UpdateSilent {
        /// The version.
        version: String,
    },
    /// It went back to the version before by itself.
    UpdateReverted {
        /// The version that runs now.
        to: String,
        /// The version that did not work.
        version: String,
    },
    /// Somebody noted something.
    Note {
        /// The note.
        text: String,
    },
    /// Seen somewhere, as an EPCIS document says, without a change of holder.
    Observed {
        /// The CBV business step, or empty.
        #[serde(default, skip_serializing_if = "String::is_empty")]
        biz_step: String,
        /// The CBV disposition, or empty.
        #[serde(default, skip_serializing_if = "String::is_empty")]
        disposition: String,
    },
    /// An earlier entry was wrong; it no longer counts.
    Corrected {
        /// The entry.
        entry: HistoryId,
        /// What was wrong.
        reason: String,
    },
    /// It was taken out of use for good.
    Retired {
        /// Why.
        #[serde(default, skip_serializing_if = "String::is_empty")]
        reason: String,
    },
    /// It was destroyed.
    Destroyed {
        /// How that is known.
        #[serde(default, skip_serializing_if = "String::is_empty")]
        evidence: String,
    },
}

impl Event {
    /// The word that is stored for the event's kind; the same as the tag in its JSON.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Manufactured { .. } => "manufactured",
            Self::ManifestRecorded { .. } => "manifest_recorded",
            Self::CertificateIssued { .. } => "certificate_issued",
            Self::CertificateRenewed { .. } => "certificate_renewed",
            Self::CertificateHeld { .. } => "certificate_held",
            Self::CertificateRevoked { .. } => "certificate_revoked",
            Self::Shipped { .. } => "shipped",
            Self::Received { .. } => "received",
            Self::Claimed { .. } => "claimed",
            Self::Transferred { .. } => "transferred",
            Self::Returned { .. } => "returned",
            Self::HardwareReported { .. } => "hardware_reported",
            Self::HardwareMismatch { .. } => "hardware_mismatch",
            Self::CloneSuspected { .. } => "clone_suspected",
            Self::RepairOpened { .. } => "repair_opened",
            Self::RepairAuthorised { .. } => "repair_authorised",
            Self::RepairClosed { .. } => "repair_closed",
            Self::Quarantined { .. } => "quarantined",
            Self::Released { .. } => "released",
            Self::UpdateAsked { .. } => "update_asked",
            Self::UpdateConfirmed { .. } => "update_confirmed",
            Self::UpdateDenied { .. } => "update_denied",
            Self::AutoConfirmSwitched { .. } => "auto_confirm_switched",
            Self::UpdateOffered { .. } => "update_offered",
            Self::UpdateInstalled { .. } => "update_installed",
            Self::UpdateVerified { .. } => "update_verified",
            Self::UpdateFailed { .. } => "update_failed",
            Self::UpdateSilent { .. } => "update_silent",
            Self::UpdateReverted { .. } => "update_reverted",
            Self::Note { .. } => "note",
            Self::Observed { .. } => "observed",
            Self::Corrected { .. } => "corrected",
            Self::Retired { .. } => "retired",
            Self::Destroyed { .. } => "destroyed",
        }
    }

    /// Whether the event says that something does not fit.
    #[must_use]
    pub const fn is_finding(&self) -> bool {
        matches!(self, Self::HardwareMismatch { .. } | Self::CloneSuspected { .. })
    }

    /// Whether people may void it by a correction: what was recorded about custody, and notes.
    #[must_use]
    pub const fn is_correctable(&self) -> bool {
        matches!(
            self,
            Self::Shipped { .. }
                | Self::Received { .. }
                | Self::Claimed { .. }
                | Self::Transferred { .. }
                | Self::Returned { .. }
                | Self::Note { .. }
                | Self::Observed { .. }
                | Self::Retired { .. }
                | Self::Destroyed { .. }
        )
    }

    /// Who holds the device after the event, where the event says so.
    #[must_use]
    pub const fn holder_after(&self) -> Option<&Holder> {
        match self {
            Self::Manufactured { by, .. } | Self::Received { by, .. } | Self::Claimed { by } => Some(by),
            Self::Transferred { to, .. } | Self::Returned { to, .. } => Some(to),
            Self::Shipped { carrier, .. } => carrier.as_ref(),
            _ => None,
        }
    }
}
