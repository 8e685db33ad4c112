//! History: one append-only timeline per device, and the standing that follows from it.

mod event;
mod standing;
#[cfg(test)]
mod tests;

pub use event::Event;
pub use standing::Standing;

use crate::{id::HistoryId, time::Timestamp};
use serde::{Deserialize, Serialize};

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
