//! Gates: whether the next wave may be opened, how much is missing, or whether everything has to stop.
//!
//! Shares are of the devices whose outcome is known, not of the whole wave: of a thousand devices of which a hundred and twenty
//! have tried and a hundred failed, ten percent would otherwise still be far away.
//!
//! A gate may go by evidence instead ([`Gate::weigh`]): then it says nothing before enough is known, however often it is looked at.

use super::{Advance, Gate, Weighed};
use crate::{
    bucket::PARTS,
    time::{MINUTE, Timestamp, span_words},
};
use serde::{Deserialize, Serialize};

/// What is known of a wave. Counts only grow but for silent devices that come back.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Evidence {
    /// How many devices get anything in it.
    pub total: u64,
    /// How many of these joined after it was frozen.
    #[serde(default)]
    pub joined: u64,
    /// How many were told of it and have no outcome yet.
    pub under_way: u64,
    /// How many of these failed and are to be tried again.
    #[serde(default)]
    pub retried: u64,
    /// How many reported the version and lived with it.
    pub verified: u64,
    /// How many failed or went back by themselves.
    pub failed: u64,
    /// How many were not heard from in time.
    pub silent: u64,
    /// Of what was accepted, how many had been silent and came back since: what becomes of them is told with all others.
    #[serde(default, skip_serializing_if = "is_none")]
    pub returned: u64,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks by reference")]
const fn is_none(n: &u64) -> bool {
    *n == 0
}

impl Evidence {
    /// How many have an outcome.
    #[must_use]
    pub const fn settled(&self) -> u64 {
        self.verified.saturating_add(self.failed).saturating_add(self.silent)
    }

    /// How many failed, those among them that are to try again, or were not heard from in time.
    #[must_use]
    pub const fn harmed(&self) -> u64 {
        self.failed.saturating_add(self.retried).saturating_add(self.silent)
    }

    /// Without these devices, which are among them; how many there are in all is told elsewhere.
    #[must_use]
    pub const fn less(&self, part: &Self) -> Self {
        Self {
            total: self.total,
            joined: self.joined,
            returned: self.returned,
            under_way: self.under_way.saturating_sub(part.under_way),
            retried: self.retried.saturating_sub(part.retried),
            verified: self.verified.saturating_sub(part.verified),
            failed: self.failed.saturating_sub(part.failed),
            silent: self.silent.saturating_sub(part.silent),
        }
    }

    /// What was accepted, no more of each outcome than there is by now.
    #[must_use]
    pub fn within(&self, known: &Self) -> Self {
        Self {
            retried: self.retried.min(known.retried),
            verified: self.verified.min(known.verified),
            failed: self.failed.min(known.failed),
            silent: self.silent.min(known.silent),
            ..*self
        }
    }

    /// What was accepted, and these outcomes with it.
    #[must_use]
    pub const fn and(&self, more: &Self) -> Self {
        Self {
            total: self.total,
            joined: self.joined,
            returned: self.returned,
            under_way: self.under_way.saturating_add(more.under_way),
            retried: self.retried.saturating_add(more.retried),
            verified: self.verified.saturating_add(more.verified),
            failed: self.failed.saturating_add(more.failed),
            silent: self.silent.saturating_add(more.silent),
        }
    }

    /// Without what somebody has seen already and let go on all the same.
    #[must_use]
    pub const fn without(&self, accepted: &Self) -> Self {
        Self {
            total: self.total,
            joined: self.joined,
            returned: self.returned,
            under_way: self.under_way,
            retried: self.retried.saturating_sub(accepted.retried),
            verified: self.verified.saturating_sub(accepted.verified),
            failed: self.failed.saturating_sub(accepted.failed),
            silent: self.silent.saturating_sub(accepted.silent),
        }
    }
}

/// What is missing before the next wave may be opened.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Missing {
    /// So many more outcomes.
    Sample(u64),
    /// So many more devices of the wave with an outcome.
    Done(u64),
    /// So much time, in microseconds.
    Time(i64),
    /// Evidence that fewer are harmed than the gate allows.
    Evidence(Weighed),
    /// Somebody who opens it.
    Person,
    /// A manager who opens it: some were harmed, and what is left of the wave can't show that they are few.
    Manager,
}

/// What a gate says.
#[derive(Clone, Debug, PartialEq)]
pub enum Decision {
    /// The next wave is opened.
    Advance,
    /// It is waited for this.
    Stay(Vec<Missing>),
    /// Everything stops, because of this, in a sentence.
    Halt(String),
}

/// Whether `n` of `of` is more than a share.
const fn is_above(n: u64, of: u64, parts: u32) -> bool {
    n as u128 * PARTS as u128 > of as u128 * parts as u128
}

/// So many of `of` a share is, rounded up.
pub(super) fn needed(of: u64, parts: u32) -> u64 {
    (u128::from(of) * u128::from(parts)).div_ceil(u128::from(PARTS)).try_into().unwrap_or(u64::MAX)
}

fn percent(n: u64, of: u64) -> String {
    let tenths = (u128::from(n) * 1_000).checked_div(u128::from(of)).unwrap_or_default();
    format!("{}.{} percent", tenths / 10, tenths % 10)
}

/// What a gate says at `now` of a wave that was opened at `opened`. `evidence` is all that is known, `accepted` what of it
/// somebody let go on in spite of.
#[must_use]
pub fn decide(gate: &Gate, evidence: &Evidence, accepted: &Evidence, opened: Timestamp, now: Timestamp) -> Decision {
    match gate.weigh(evidence, accepted) {
        Some(weighed) => by_evidence(gate, evidence, &weighed, opened, now),
        None => by_shares(gate, evidence, accepted, opened, now),
    }
}

fn by_evidence(gate: &Gate, all: &Evidence, weighed: &[Weighed; 2], opened: Timestamp, now: Timestamp) -> Decision {
    if let Some(harm) = weighed.iter().find(|harm| harm.above.is_enough()) {
        return Decision::Halt(harm.halts());
    }
    let mut missing = done_and_time(gate, all, opened, now);
    let lacking: Vec<&Weighed> = weighed.iter().filter(|harm| !harm.below.is_enough()).collect();
    // What can't come is not waited for: once all else is there, somebody decides.
    let is_waited_for = lacking.iter().any(|harm| harm.more.is_some());
    let by_hand = gate.advance == Advance::Manual || !lacking.is_empty();
    if missing.is_empty() && !is_waited_for && by_hand {
        let is_harmed = all.harmed() > 0 || lacking.iter().any(|harm| !harm.is_too_small());
        missing.push(if is_harmed { Missing::Manager } else { Missing::Person });
    }
    missing.splice(0..0, lacking.into_iter().copied().map(Missing::Evidence));
    if missing.is_empty() { Decision::Advance } else { Decision::Stay(missing) }
}

/// Which devices and how much time are missing.
fn done_and_time(gate: &Gate, evidence: &Evidence, opened: Timestamp, now: Timestamp) -> Vec<Missing> {
    let mut missing = Vec::new();
    let (all, done) = (evidence.settled(), needed(evidence.total, gate.done));
    if all < done {
        missing.push(Missing::Done(done - all));
    }
    let until = opened.plus(i64::from(gate.open_minutes) * MINUTE);
    if now < until {
        missing.push(Missing::Time(until.0.saturating_sub(now.0)));
    }
    missing
}

fn by_shares(gate: &Gate, evidence: &Evidence, accepted: &Evidence, opened: Timestamp, now: Timestamp) -> Decision {
    let fresh = evidence.without(accepted);
    // A wave smaller than the sample can't give more than it has.
    let sample = gate.min_sample.min(evidence.total).max(1);
    // That it is tried again makes it no less of a failure by now; but it may still come out well.
    let since = if accepted.harmed() > 0 { " since it was let go on" } else { "" };
    let (settled, by_now) = (fresh.settled().saturating_add(fresh.retried), fresh.failed.saturating_add(fresh.retried));
    for (by_now, for_good, limit, what) in [
        (by_now, fresh.failed, gate.failed_limit, "failed"),
        (fresh.silent, fresh.silent, gate.silent_limit, "went silent"),
    ] {
        if settled >= sample && is_above(by_now, settled, limit) {
            let share = percent(by_now, settled);
            let limit = percent(u64::from(limit), u64::from(PARTS));
            return Decision::Halt(format!(
                "{by_now} of {settled} devices with an outcome{since} {what} ({share}); the gate allows {limit}."
            ));
        }
        // However well the rest goes, it would be too many.
        if is_above(for_good, evidence.total.max(sample), limit) {
            let total = evidence.total;
            return Decision::Halt(format!(
                "{for_good} devices {what}{since}, more than the gate allows of all {total} of this wave."
            ));
        }
    }
    let mut missing = Vec::new();
    let all = evidence.settled();
    if all < sample {
        missing.push(Missing::Sample(sample - all));
    }
    missing.extend(done_and_time(gate, evidence, opened, now));
    if missing.is_empty() && gate.advance == Advance::Manual {
        missing.push(Missing::Person);
    }
    if missing.is_empty() { Decision::Advance } else { Decision::Stay(missing) }
}

impl Missing {
    /// What is missing, in words: `12 more outcomes`.
    #[must_use]
    pub fn words(&self) -> String {
        let of = |n: u64, what: &str| if n == 1 { format!("1 more {what}") } else { format!("{n} more {what}s") };
        match self {
            Self::Sample(n) => of(*n, "outcome"),
            Self::Done(n) => format!("{} with an outcome", of(*n, "device")),
            Self::Time(micros) => format!("{} more", span_words(*micros)),
            Self::Evidence(weighed) => weighed.missing().unwrap_or_default(),
            Self::Person => "somebody who lets it go on".to_owned(),
            Self::Manager => "a manager who lets it go on".to_owned(),
        }
    }
}

impl Decision {
    /// Whether a person may open the next wave: nothing speaks against it.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        match self {
            Self::Advance => true,
            Self::Stay(missing) => missing.iter().all(|missing| match missing {
                Missing::Person => true,
                Missing::Evidence(weighed) => weighed.more.is_none(),
                _ => false,
            }),
            Self::Halt(_) => false,
        }
    }

    /// Whether only a manager may open the next wave, and nothing else is waited for.
    #[must_use]
    pub fn waits_for_manager(&self) -> bool {
        let Self::Stay(missing) = self else { return false };
        let is_for_manager = |missing: &Missing| matches!(missing, Missing::Manager);
        let is_waited_for = |missing: &Missing| match missing {
            Missing::Person | Missing::Manager => false,
            Missing::Evidence(weighed) => weighed.more.is_some(),
            _ => true,
        };
        missing.iter().any(is_for_manager) && !missing.iter().any(is_waited_for)
    }
}
