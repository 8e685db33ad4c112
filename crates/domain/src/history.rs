//! History: one append-only timeline per device, and the standing that follows from it.

use crate::{
    component::Part,
    custody::Holder,
    device::{Lifecycle, Trust},
    id::HistoryId,
    time::Timestamp,
};
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

/// The kinds of event that a finding is made of, as stored.
pub const FINDING_KINDS: &[&str] = &["hardware_mismatch", "clone_suspected"];

/// One entry of a device's history.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// Its id.
    pub id: HistoryId,
    /// When it happened.
    pub at: Timestamp,
    /// When we learned of it.
    pub recorded_at: Timestamp,
    /// Who says so: a person's name, a token's, a rule's, or the device.
    pub actor: String,
    /// Where, in words; may be empty.
    pub place: String,
    /// What happened.
    pub event: Event,
    /// The EPCIS event identifier, where the entry came from or went to an EPCIS document.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub epcis_event_id: Option<String>,
}

/// What follows from a device's history.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Standing {
    /// Who holds it; none before it was made.
    pub holder: Option<Holder>,
    /// Where, in the holder's words.
    pub place: String,
    /// Where it stands in its life.
    pub lifecycle: Lifecycle,
    /// Whether it may be trusted.
    pub trust: Trust,
    /// What runs on it.
    pub firmware: Option<String>,
    /// Its present certificate: serial number in hexadecimal, and when it ends.
    pub certificate: Option<(String, Timestamp)>,
    /// The repairs that are open, by their case numbers.
    pub repairs: Vec<String>,
    /// Where it would stand in its life but for them: what it goes back to when the last of them is closed.
    pub lifecycle_apart: Lifecycle,
}

impl Default for Standing {
    fn default() -> Self {
        Self {
            holder: None,
            place: String::new(),
            lifecycle: Lifecycle::Made,
            trust: Trust::Trusted,
            firmware: None,
            certificate: None,
            repairs: Vec::new(),
            lifecycle_apart: Lifecycle::Made,
        }
    }
}

impl Standing {
    /// The standing after all of these entries: in the order of time, without those that a correction voids.
    #[must_use]
    pub fn after(entries: &[Entry]) -> Self {
        let voided = voided(entries);
        let mut counted: Vec<&Entry> = entries.iter().filter(|entry| !voided.contains(&entry.id)).collect();
        counted.sort_by_key(|entry| (entry.at, entry.id));
        let mut standing = Self::default();
        for entry in counted {
            standing.apply(entry);
        }
        standing
    }

    /// Moves on by one entry that is later than all before.
    pub fn apply(&mut self, entry: &Entry) {
        if let Some(holder) = entry.event.holder_after() {
            // Who says nothing of the place does not say that the device left it.
            if !entry.place.is_empty() || self.holder.as_ref().map(|before| before.id) != Some(holder.id) {
                self.place.clone_from(&entry.place);
            }
            self.holder = Some(holder.clone());
        }
        self.repaired(&entry.event);
        // What is retired stays so, whatever is told of it later: only a correction of that entry brings it back.
        if self.lifecycle_apart != Lifecycle::Retired
            && let Some(lifecycle) = lifecycle_after(&entry.event)
        {
            self.lifecycle_apart = lifecycle;
        }
        // Whoever holds a device and wherever it is: while a repair is open it is in repair.
        let is_in_repair = !self.repairs.is_empty() && self.lifecycle_apart != Lifecycle::Retired;
        self.lifecycle = if is_in_repair { Lifecycle::InRepair } else { self.lifecycle_apart };
        self.trust = trust_after(self.trust, &entry.event);
        match &entry.event {
            Event::Manufactured { firmware: Some(version), .. }
            | Event::UpdateVerified { version, .. }
            | Event::UpdateReverted { to: version, .. } => self.firmware = Some(version.clone()),
            Event::CertificateIssued { serial, not_after, .. }
            | Event::CertificateRenewed { serial, not_after, .. } => {
                self.certificate = Some((serial.clone(), *not_after));
            }
            Event::CertificateRevoked { .. } => self.certificate = None,
            _ => {}
        }
    }

    fn repaired(&mut self, event: &Event) {
        match event {
            Event::RepairOpened { case, .. } if !self.repairs.contains(case) => self.repairs.push(case.clone()),
            Event::RepairClosed { case, .. } => {
                self.repairs.retain(|open| open != case);
                // What a repair centre has repaired waits there.
                if self.lifecycle_apart == Lifecycle::InRepair {
                    self.lifecycle_apart = Lifecycle::Stocked;
                }
            }
            _ => {}
        }
    }
}

fn lifecycle_after(event: &Event) -> Option<Lifecycle> {
    let held = |holder: &Holder| holder.kind.lifecycle_when_held();
    match event {
        Event::Manufactured { .. } => Some(Lifecycle::Made),
        Event::Retired { .. } | Event::Destroyed { .. } => Some(Lifecycle::Retired),
        Event::Shipped { .. } => Some(Lifecycle::InTransit),
        Event::Received { by, .. } => Some(held(by)),
        Event::Claimed { .. } => Some(Lifecycle::Active),
        Event::Transferred { to, .. } | Event::Returned { to, .. } => Some(held(to)),
        _ => None,
    }
}

fn trust_after(trust: Trust, event: &Event) -> Trust {
    match event {
        Event::CertificateRevoked { .. } => Trust::Revoked,
        Event::CertificateIssued { .. } | Event::CertificateRenewed { .. } if trust == Trust::Revoked => Trust::Trusted,
        _ if trust == Trust::Revoked => trust,
        Event::Quarantined { .. } | Event::CertificateHeld { .. } => Trust::Quarantined,
        Event::Released { .. } => Trust::Trusted,
        Event::HardwareMismatch { .. } | Event::CloneSuspected { .. } if trust == Trust::Trusted => Trust::Suspect,
        _ => trust,
    }
}

/// The entries that a correction voids. A correction can itself be voided by a later one.
#[must_use]
pub fn voided(entries: &[Entry]) -> Vec<HistoryId> {
    let mut corrections: Vec<&Entry> =
        entries.iter().filter(|entry| matches!(entry.event, Event::Corrected { .. })).collect();
    corrections.sort_by_key(|entry| std::cmp::Reverse((entry.recorded_at, entry.id)));
    let mut out: Vec<HistoryId> = Vec::new();
    for correction in corrections {
        if let Event::Corrected { entry, .. } = correction.event
            && !out.contains(&correction.id)
        {
            out.push(entry);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{custody::CustodianKind, id::CustodianId};
    use uuid::Uuid;

    fn holder(n: u128, kind: CustodianKind) -> Holder {
        Holder { id: CustodianId(Uuid::from_u128(n)), name: format!("H{n}"), kind }
    }

    fn entry(n: i64, event: Event) -> Entry {
        Entry {
            id: HistoryId(Uuid::from_u128(n as u128)),
            at: Timestamp(n),
            recorded_at: Timestamp(n),
            actor: String::new(),
            place: String::new(),
            event,
            epcis_event_id: None,
        }
    }

    fn life() -> Vec<Entry> {
        let factory = holder(1, CustodianKind::Factory);
        let client = holder(2, CustodianKind::Client);
        vec![
            entry(1, Event::Manufactured { by: factory, batch: "A".into(), firmware: Some("1.0".into()) }),
            entry(2, Event::Shipped { to: client.clone(), carrier: None, reference: String::new() }),
            entry(3, Event::Received { by: client, reference: String::new() }),
        ]
    }

    #[test]
    fn the_order_of_arrival_does_not_matter() {
        let mut entries = life();
        let standing = Standing::after(&entries);
        entries.reverse();
        assert_eq!(standing, Standing::after(&entries));
        assert_eq!((standing.lifecycle, standing.firmware.as_deref()), (Lifecycle::Active, Some("1.0")));
        assert_eq!(standing.holder.map(|h| h.name).as_deref(), Some("H2"));
    }

    #[test]
    fn a_correction_voids_and_can_be_voided() {
        let mut entries = life();
        let received = entries[2].id;
        entries.push(entry(4, Event::Corrected { entry: received, reason: "wrong device".into() }));
        assert_eq!(Standing::after(&entries).lifecycle, Lifecycle::InTransit);
        entries.push(entry(5, Event::Corrected { entry: entries[3].id, reason: "it was right".into() }));
        assert_eq!(Standing::after(&entries).lifecycle, Lifecycle::Active);
    }

    #[test]
    fn the_retired_come_back_by_a_correction_alone() {
        let mut entries = life();
        let client = holder(2, CustodianKind::Client);
        entries.push(entry(4, Event::Retired { reason: String::new() }));
        entries.push(entry(5, Event::Transferred { to: client, reference: String::new() }));
        assert_eq!(Standing::after(&entries).lifecycle, Lifecycle::Retired);
        entries.push(entry(6, Event::Corrected { entry: entries[3].id, reason: "another device".into() }));
        assert_eq!(Standing::after(&entries).lifecycle, Lifecycle::Active);
    }

    #[test]
    fn an_open_repair_is_in_repair_and_closing_it_gives_back_what_was() {
        let opened = |case: &str| Event::RepairOpened { case: case.into(), symptom: String::new() };
        let closed = |case: &str| Event::RepairClosed { case: case.into(), outcome: String::new() };
        let (client, centre) = (holder(2, CustodianKind::Client), holder(3, CustodianKind::RepairCentre));
        let mut entries = life();
        let mut after = |n, event| {
            entries.push(entry(n, event));
            let standing = Standing::after(&entries);
            let mut shuffled = entries.clone();
            shuffled.reverse();
            assert_eq!(standing, Standing::after(&shuffled));
            standing.lifecycle
        };
        // At the client's, on the bench, and back in use.
        assert_eq!(after(4, opened("R-1")), Lifecycle::InRepair);
        assert_eq!(after(5, opened("R-2")), Lifecycle::InRepair);
        assert_eq!(after(6, closed("R-1")), Lifecycle::InRepair);
        assert_eq!(after(7, closed("R-2")), Lifecycle::Active);
        // It travels while the case is open, and what it is then counts afterwards.
        assert_eq!(after(8, opened("R-3")), Lifecycle::InRepair);
        assert_eq!(after(9, Event::Returned { to: centre, reason: String::new() }), Lifecycle::InRepair);
        assert_eq!(after(10, closed("R-3")), Lifecycle::Stocked);
        assert_eq!(after(11, opened("R-4")), Lifecycle::InRepair);
        assert_eq!(after(12, Event::Transferred { to: client, reference: String::new() }), Lifecycle::InRepair);
        assert_eq!(after(13, closed("R-4")), Lifecycle::Active);
        // The retired are past repair.
        assert_eq!(after(14, opened("R-5")), Lifecycle::InRepair);
        assert_eq!(after(15, Event::Retired { reason: String::new() }), Lifecycle::Retired);
        assert_eq!(after(16, closed("R-5")), Lifecycle::Retired);
    }

    #[test]
    fn a_place_is_kept_until_another_holds_the_device_or_another_place_is_named() {
        let (client, other) = (holder(2, CustodianKind::Client), holder(3, CustodianKind::RepairCentre));
        let at = |n, place: &str, event| Entry { place: place.to_owned(), ..entry(n, event) };
        let received = |by: &Holder| Event::Received { by: by.clone(), reference: String::new() };
        let mut entries = life();
        let mut place = |n, place, event| {
            entries.push(at(n, place, event));
            Standing::after(&entries).place
        };
        assert_eq!(place(4, "Depot 4", received(&client)), "Depot 4");
        assert_eq!(place(5, "", received(&client)), "Depot 4");
        assert_eq!(place(6, "Depot 5", received(&client)), "Depot 5");
        assert_eq!(place(7, "", received(&other)), "");
    }

    #[test]
    fn a_weak_signal_never_lifts_a_quarantine_and_never_revokes() {
        let mut entries = life();
        entries.push(entry(6, Event::Quarantined { reason: String::new() }));
        entries.push(entry(7, Event::HardwareMismatch { finding: String::new(), score: 20 }));
        assert_eq!(Standing::after(&entries).trust, Trust::Quarantined);
        entries.push(entry(8, Event::Released { reason: String::new() }));
        entries.push(entry(9, Event::CloneSuspected { finding: String::new(), score: 99, other: None }));
        assert_eq!(Standing::after(&entries).trust, Trust::Suspect);
    }

    #[test]
    fn the_tag_in_json_is_the_kind() {
        for entry in life() {
            let json = serde_json::to_value(&entry.event).unwrap_or_default();
            assert_eq!(json["kind"], entry.event.kind());
        }
    }
}
