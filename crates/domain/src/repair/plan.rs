//! What a repair does as a whole, and whether it takes two.

use super::{PartFate, key_changes, key_parts};
use crate::{component::Part, time::Timestamp};
use serde::{Deserialize, Serialize};

/// A part that was taken out of a device and is neither scrapped nor recorded elsewhere.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Taint {
    /// The serial of the device that it was taken out of.
    pub device: String,
    /// The repair that took it out.
    pub case: String,
    /// Since when.
    pub since: Timestamp,
}

/// What happens in one slot.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    /// The part that goes out; none when the slot was empty.
    pub out: Option<Part>,
    /// What becomes of it.
    pub fate: PartFate,
    /// The part that comes in; none when the slot stays empty.
    pub part_in: Option<Part>,
    /// The serials of the other devices in which the part that comes in is fitted by their manifests.
    pub fitted_in: Vec<String>,
    /// Whether the device that gives it loses its key with it.
    pub takes_key: bool,
    /// That it was taken out of a device and is not accounted for.
    pub taint: Option<Taint>,
}

/// Why a repair takes a second person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reason {
    /// The part that holds the device's key is changed.
    KeyPart {
        /// What kind of part, as people call it.
        class: &'static str,
        /// Where it sits.
        slot: String,
    },
    /// The device was revoked for good: its repair brings it back, with a new key.
    Revoked,
    /// A part comes from another device.
    Donor {
        /// The part.
        identifier: String,
        /// The other device.
        serial: String,
        /// Whether that one loses its key with it.
        takes_key: bool,
    },
    /// A part comes back that was not accounted for.
    Tainted {
        /// The part.
        identifier: String,
        /// Whence.
        taint: Taint,
    },
}

impl std::fmt::Display for Reason {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::KeyPart { class, slot } => {
                write!(
                    f,
                    "The device’s key is in its {} ({slot}), which is changed: it gets a new key.",
                    class.to_lowercase()
                )
            }
            Self::Revoked => {
                write!(f, "The device was revoked for good: the repair lets it come back, with a new key.")
            }
            Self::Donor { identifier, serial, takes_key } => {
                write!(f, "{identifier} is fitted in {serial} by its manifest: it is recorded as taken out there.")?;
                if *takes_key {
                    write!(
                        f,
                        " It holds that device’s key: every certificate of {serial} is revoked at once, as \
                         compromised, and its token is taken away."
                    )?;
                }
                Ok(())
            }
            Self::Tainted { identifier, taint } => write!(
                f,
                "{identifier} was taken out of {} by {} on {} and is recorded nowhere since.",
                taint.device,
                taint.case,
                taint.since.day_words()
            ),
        }
    }
}

/// What a repair does to a device.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Plan {
    /// The parts before.
    pub before: Vec<Part>,
    /// The parts that go out.
    pub removed: Vec<Part>,
    /// The parts that come in.
    pub fitted: Vec<Part>,
    /// The parts after.
    pub after: Vec<Part>,
    /// Why it takes a second person; empty when one is enough.
    pub reasons: Vec<Reason>,
    /// Whether the device has another key afterwards.
    pub key_changes: bool,
    /// Whether a part that holds its present key is unaccounted for.
    pub key_is_lost: bool,
}

impl Plan {
    /// What these changes do to a device that is made of `before`.
    #[must_use]
    pub fn new(before: &[Part], changes: &[Change]) -> Self {
        let removed: Vec<Part> = changes.iter().filter_map(|change| change.out.clone()).collect();
        let fitted: Vec<Part> = changes.iter().filter_map(|change| change.part_in.clone()).collect();
        let goes = |part: &&Part| {
            !removed.iter().any(|out| out.identifier_key == part.identifier_key && out.slot == part.slot)
        };
        let mut after: Vec<Part> = before.iter().filter(goes).cloned().collect();
        after.extend(fitted.iter().cloned());
        let held: Vec<&Part> = key_parts(before).collect();
        let is_key = |part: &Part| held.iter().any(|held| held.identifier_key == part.identifier_key);
        let key_changes = key_changes(before, &after);
        let lost = |change: &Change| change.fate == PartFate::Missing && change.out.as_ref().is_some_and(&is_key);
        let mut plan = Self {
            before: before.to_vec(),
            removed,
            fitted,
            reasons: Vec::new(),
            key_changes,
            key_is_lost: key_changes && changes.iter().any(lost),
            after,
        };
        plan.reasons = plan.why_two(changes);
        plan
    }

    /// The same for a device that was revoked for good: whichever parts are changed, it gets a new key, and one person
    /// alone doesn't bring it back.
    #[must_use]
    pub fn of_revoked(mut self) -> Self {
        self.key_changes = true;
        self.reasons.insert(0, Reason::Revoked);
        self
    }

    /// Whether nothing is exchanged.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.removed.is_empty() && self.fitted.is_empty()
    }

    /// Whether somebody else has to approve it.
    #[must_use]
    pub const fn takes_two(&self) -> bool {
        !self.reasons.is_empty()
    }

    fn why_two(&self, changes: &[Change]) -> Vec<Reason> {
        let mut reasons: Vec<Reason> = Vec::new();
        if self.key_changes {
            let of = |part: &Part| Reason::KeyPart { class: part.class.label(), slot: part.slot.clone() };
            let goes = key_parts(&self.before).filter(|part| self.removed.contains(part));
            let comes = key_parts(&self.after).filter(|part| self.fitted.contains(part));
            for reason in goes.chain(comes).map(of) {
                if !reasons.contains(&reason) {
                    reasons.push(reason);
                }
            }
        }
        for change in changes {
            let Some(part) = &change.part_in else { continue };
            let identifier = part.identifier.clone();
            reasons.extend(change.fitted_in.iter().map(|serial| Reason::Donor {
                identifier: identifier.clone(),
                serial: serial.clone(),
                takes_key: change.takes_key,
            }));
            if let Some(taint) = &change.taint {
                reasons.push(Reason::Tainted { identifier, taint: taint.clone() });
            }
        }
        reasons
    }
}
