//! What gates say in runs: the same as [`decide`], asked a million times.
//!
//! By evidence it takes some microseconds to weigh counts, and a forecast looks at a wave some hundred thousand times. But of as many
//! devices more harmed are more evidence, and of more devices as many harmed are less. So it is kept from how many harmed on a
//! gate halts, and up to how many it lets through, for some numbers of devices; what lies between two of them and on no side of both is
//! weighed itself. A test holds it to what `decide` says.

use crate::{
    evidence::{OneSided, RateTest},
    rollout::{Advance, Decision, Evidence, Gate, decide, gate::needed},
    time::{MINUTE, Timestamp},
};
use std::collections::HashMap;

/// Numbers of devices are told apart by so many of their leading bits.
const BITS: u32 = 6;

/// What a gate says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Word {
    Halt,
    /// The next wave may be opened, by itself or by a person.
    Ready,
    Stay,
}

/// The gate of one wave.
pub(super) struct Judge<'a> {
    gate: &'a Gate,
    /// Of those who fail and of those who go silent, where it goes by evidence.
    lines: Option<[Lines; 2]>,
}

impl<'a> Judge<'a> {
    pub(super) fn of(gate: &'a Gate, total: u64) -> Self {
        let lines = gate.tests(total).map(|harms| harms.map(|(halt, advance)| Lines::of(halt, advance)));
        Self { gate, lines }
    }

    /// What it says of a wave with nobody who joined, is tried again or was let go on. Of one that is not the last only a halt counts.
    pub(super) fn ask(&mut self, evidence: &Evidence, is_last: bool, opened: Timestamp, now: Timestamp) -> Word {
        let Some(lines) = &mut self.lines else {
            return match decide(self.gate, evidence, &Evidence::default(), opened, now) {
                Decision::Halt(_) => Word::Halt,
                decision if decision.is_ready() => Word::Ready,
                _ => Word::Stay,
            };
        };
        let told = evidence.settled() + evidence.under_way;
        let harmed = [evidence.failed, evidence.silent];
        if lines.iter_mut().zip(harmed).any(|(lines, harmed)| lines.halts(harmed, told)) {
            return Word::Halt;
        }
        let is_done = evidence.settled() >= needed(evidence.total, self.gate.done);
        if !is_last || !is_done || now < opened.plus(i64::from(self.gate.open_minutes) * MINUTE) {
            return Word::Stay;
        }
        let mut by_hand = self.gate.advance == Advance::Manual;
        for (lines, harmed) in lines.iter_mut().zip(harmed) {
            if !lines.advances(harmed + evidence.under_way, told) {
                // Where it could have been proved it is waited for, or a manager decides.
                if !lines.is_too_small {
                    return Word::Stay;
                }
                by_hand = true;
            }
        }
        if by_hand && harmed != [0, 0] { Word::Stay } else { Word::Ready }
    }
}

/// From how many harmed on it halts, and up to how many it is let through, by how many were told.
struct Lines {
    halt: OneSided,
    advance: OneSided,
    is_too_small: bool,
    halts: HashMap<u64, u64>,
    advances: HashMap<u64, u64>,
}

/// The numbers of devices that are kept next to this one, at most of this horizon.
fn around(told: u64, horizon: u64) -> (u64, u64) {
    let width = 1 << (u64::BITS - told.leading_zeros()).saturating_sub(BITS);
    let low = told / width * width;
    (low, if low == told { told } else { (low + width).min(horizon.max(told)) })
}

/// The first of the numbers from `from` on for which it is so, if it is so for all after it; one above `until` if for none. It is
/// looked for in steps of this width at first.
fn first(from: u64, until: u64, width: u64, is_so: impl Fn(u64) -> bool) -> u64 {
    // Before `low` it is so for none, from `high` on for all.
    let (mut low, mut high, mut width) = (from, until + 1, width.max(1));
    while low + width < high {
        if is_so(low + width - 1) {
            high = low + width - 1;
        } else {
            low += width;
            width *= 2;
        }
    }
    while low < high {
        let middle = low.midpoint(high);
        if is_so(middle) {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    low
}

impl Lines {
    fn of(halt: RateTest, advance: RateTest) -> Self {
        let fewest = RateTest::fewest_unharmed(advance.limit, advance.error);
        let is_too_small = fewest.is_none_or(|fewest| fewest > advance.horizon);
        Self {
            halt: halt.above(),
            advance: advance.below(),
            is_too_small,
            halts: HashMap::new(),
            advances: HashMap::new(),
        }
    }

    fn halts(&mut self, harmed: u64, told: u64) -> bool {
        let Self { halt, halts, .. } = self;
        let limit = halt.test.limit;
        // Who is within the limit is no evidence that it is broken.
        if harmed as f64 <= limit * told as f64 {
            return false;
        }
        let mut from = |told: u64| {
            let (least, width) = (limit * told as f64, (limit * told as f64).sqrt());
            let line = || first(least as u64, told, width as u64, |harmed| halt.is_enough(harmed, told));
            *halts.entry(told).or_insert_with(line)
        };
        let (low, high) = around(told, halt.test.horizon);
        harmed >= from(low) && (harmed >= from(high) || halt.is_enough(harmed, told))
    }

    fn advances(&mut self, harmed: u64, told: u64) -> bool {
        let Self { advance, advances, .. } = self;
        let limit = advance.test.limit;
        if harmed as f64 >= limit * told as f64 {
            return false;
        }
        // How many numbers from 0 on are few enough.
        let mut until = |told: u64| {
            let line = || {
                let (most, width) = (limit * told as f64, (limit * told as f64).sqrt());
                // It lies some deviations below the limit.
                let near = (most - 8.0 * width).max(0.0) as u64;
                let from = if advance.is_enough(near, told) { near } else { 0 };
                first(from, most as u64, width as u64, |harmed| !advance.is_enough(harmed, told))
            };
            *advances.entry(told).or_insert_with(line)
        };
        let (low, high) = around(told, advance.test.horizon);
        harmed < until(high) && (harmed < until(low) || advance.is_enough(harmed, told))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{bucket::PARTS, rollout::ErrorRates};
    use proptest::prelude::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(400))]

        #[test]
        fn it_says_what_decide_says(
            total in 1_u64..20_000, told in 0.0..=1.0_f64, settled in 0.0..=1.0_f64, harm in prop::array::uniform2(0.0..3.0_f64),
            limits in prop::array::uniform2(0_u32..30_000), rates in prop::array::uniform2(500_u32..20_000),
            is_manual in any::<bool>(), done in 1_u32..=PARTS, minutes in 0_u32..100,
        ) {
            let gate = Gate {
                advance: if is_manual { Advance::Manual } else { Advance::Auto },
                open_minutes: 50,
                min_sample: 1,
                failed_limit: limits[0],
                silent_limit: limits[1],
                done,
                evidence: Some(ErrorRates { false_halt: rates[0], false_advance: rates[1] }),
            };
            let told = (total as f64 * told.sqrt()).round() as u64;
            let settled = (told as f64 * settled.sqrt().sqrt()).round() as u64;
            let harmed = |n: usize| (settled as f64 * f64::from(limits[n]) / f64::from(PARTS) * harm[n]).round() as u64;
            let (failed, silent) = (harmed(0).min(settled), harmed(1).min(settled - harmed(0).min(settled)));
            let mut judge = Judge::of(&gate, total);
            // Close to where it changes its mind, and not only there.
            for (more, away) in [(0, 0), (1, 0), (0, 1), (3, 5), (0, 20)] {
                let failed = (failed + more).min(settled - silent);
                let evidence = Evidence {
                    total, under_way: (told - settled).saturating_sub(away), failed, silent, verified: settled - failed - silent, ..Evidence::default()
                };
                let (opened, now) = (Timestamp(0), Timestamp(i64::from(minutes) * MINUTE));
                let wanted = match decide(&gate, &evidence, &Evidence::default(), opened, now) {
                    Decision::Halt(_) => Word::Halt,
                    decision if decision.is_ready() => Word::Ready,
                    _ => Word::Stay,
                };
                prop_assert_eq!(judge.ask(&evidence, true, opened, now), wanted, "{:?} {:?}", evidence, gate);
            }
        }

        #[test]
        fn the_first_is_found(from in 0_u64..50, more in 0_u64..2_000, at in 0_u64..3_000, width in 0_u64..40) {
            let until = from + more;
            prop_assert_eq!(first(from, until, width, |n| n >= at), at.clamp(from, until + 1));
        }

        #[test]
        fn numbers_lie_between_those_that_are_kept(told in 0_u64..2_000_000, beyond in 0_u64..100_000) {
            let (low, high) = around(told, told + beyond);
            prop_assert!(low <= told && told <= high && high <= told + beyond);
            prop_assert!(high - low <= told / 32 + 1);
        }
    }
}
