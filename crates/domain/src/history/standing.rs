//! Where a device stands: what follows from its history.

use super::{Entry, Event, voided};
use crate::{
    custody::Holder,
    device::{Lifecycle, Trust},
    time::Timestamp,
};

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
