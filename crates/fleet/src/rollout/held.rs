//! Devices that a rollout goes on without.

use domain::{evidence::Level, rollout::HeldBack, time::Timestamp};
use store::rollout::Rollout;

/// Lets a rollout go on without these; false when it does already.
pub(super) fn hold_back(rollout: &mut Rollout, cohort: Option<usize>, level: Level, why: &str, at: Timestamp) -> bool {
    let is_held = |held: &HeldBack| {
        (held.cohort.is_none() || held.cohort == cohort) && (held.level == Level::ALL || held.level == level)
    };
    if rollout.held_back.iter().any(is_held) {
        return false;
    }
    rollout.held_back.push(HeldBack { cohort, level, why: why.to_owned(), at, devices: Vec::new() });
    true
}
