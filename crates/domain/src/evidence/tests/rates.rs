//! Tests of one rate.

use crate::evidence::{RateTest, interval};
use proptest::prelude::*;

const TEST: RateTest = RateTest { limit: 0.02, error: 0.05, horizon: 1_000 };

/// The largest mean that any stopping rule can get out of a function of counts, at this rate: backwards over all counts. A rule may go
/// on to half as many devices again as the horizon.
fn best_stopped_mean(test: &RateTest, rate: f64, e: impl Fn(&RateTest, u64, u64) -> f64) -> f64 {
    let last = test.horizon + test.horizon / 2;
    let mut worth: Vec<f64> = (0..=last).map(|harmed| e(test, harmed, last)).collect();
    for of in (0..last).rev() {
        worth = (0..=of)
            .map(|harmed| {
                let [not, is] = [worth[harmed as usize], worth[harmed as usize + 1]];
                f64::max(e(test, harmed, of), (1.0 - rate).mul_add(not, rate * is))
            })
            .collect();
    }
    worth[0]
}

#[test]
fn no_stopping_rule_gets_more_than_one_out_of_it_under_the_hypothesis() {
    for (limit, error, horizon) in
        [(0.02, 0.05, 120), (0.1, 0.05, 60), (0.3, 0.01, 40), (0.5, 0.2, 25), (0.02, 0.05, 3)]
    {
        let test = RateTest { limit, error, horizon };
        for rate in [1.0, 0.9, 0.5, 0.0].map(|part: f64| limit * part) {
            let mean = best_stopped_mean(&test, rate, |test, harmed, of| test.is_above(harmed, of).value);
            assert!(mean <= 1.0 + 1e-9, "above {test:?} at {rate}: {mean}");
        }
        for rate in [0.0, 0.1, 0.5, 1.0].map(|part: f64| limit + (1.0 - limit) * part) {
            let mean = best_stopped_mean(&test, rate, |test, harmed, of| test.is_below(harmed, of).value);
            assert!(mean <= 1.0 + 1e-9, "below {test:?} at {rate}: {mean}");
        }
    }
}

/// At the limit it is a martingale until the horizon: nothing is given away.
#[test]
fn at_the_limit_its_mean_is_one() {
    let (limit, horizon) = (0.1, 30_u64);
    let test = RateTest { limit, error: 0.05, horizon };
    let mut chance = vec![1.0];
    for of in 1..=horizon {
        let of_harmed = |harmed: usize| {
            let from = |harmed: Option<usize>| harmed.and_then(|harmed| chance.get(harmed)).copied().unwrap_or(0.0);
            from(Some(harmed)) * (1.0 - limit) + from(harmed.checked_sub(1)) * limit
        };
        let next: Vec<f64> = (0..=of as usize).map(of_harmed).collect();
        chance = next;
        for e in [RateTest::is_above, RateTest::is_below] {
            let mean: f64 = chance.iter().zip(0..).map(|(chance, harmed)| chance * e(&test, harmed, of).value).sum();
            assert!((mean - 1.0).abs() < 1e-9, "{of}: {mean}");
        }
    }
}

/// The exact test of 1000 devices at 3.5 % for a limit of 2 % rejects from 29 on (`qbinom(0.965, 1000, 0.02)` is 28).
#[test]
fn at_the_horizon_it_is_the_fixed_test() {
    assert!(TEST.is_above(29, 1_000).is_enough() && !TEST.is_above(28, 1_000).is_enough());
    // 0.98^166 is the first below 3.5 %.
    assert_eq!(RateTest::fewest_unharmed(0.02, 0.05), Some(166));
    let of = |horizon: u64| RateTest { horizon, ..TEST }.is_below(0, horizon).is_enough();
    assert!(of(166) && !of(165));
    assert_eq!([0.0, 1.0].map(|limit| RateTest::fewest_unharmed(limit, 0.05)), [None, None]);
}

/// A wave of 200 has proved it, and one more joins.
#[test]
fn a_device_beyond_the_horizon_does_not_undo_what_was_proved() {
    let test = RateTest { horizon: 200, ..TEST };
    assert!(test.is_below(0, 200).is_enough() && test.is_below(0, 201).is_enough());
    let fewest = (0..=1_000).find(|harmed| TEST.is_above(*harmed, 1_000).is_enough()).unwrap_or(1_000);
    // Of ten more, ten harmed may be theirs.
    assert!(TEST.is_above(fewest + 10, 1_010).is_enough() && TEST.is_above(fewest, 1_000).is_enough());
    assert!(!TEST.is_above(fewest, 1_001).is_enough() && TEST.is_above(fewest + 1, 1_001).is_enough());
}

#[test]
fn nothing_is_enough_before_the_first_device() {
    for error in [1.0, 5.0] {
        let test = RateTest { error, ..TEST };
        assert!(!test.is_above(0, 0).is_enough() && !test.is_below(0, 0).is_enough());
    }
}

#[test]
fn gross_harm_is_seen_after_a_few_devices() {
    assert!(TEST.is_above(2, 2).is_enough() && !TEST.is_above(1, 1).is_enough());
    assert!((3..8).any(|harmed| TEST.is_above(harmed, 50).is_enough()));
    assert!(!TEST.is_above(2, 100).is_enough());
    // Far behind the horizon too.
    assert!(TEST.is_above(400, 4_000).is_enough() && !TEST.is_above(80, 4_000).is_enough());
}

#[test]
fn it_is_stable_for_a_million_devices_and_at_the_ends() {
    let test = RateTest { limit: 0.02, error: 0.01, horizon: 1_000_000 };
    assert!(test.is_above(20_400, 1_000_000).is_enough() && !test.is_above(20_200, 1_000_000).is_enough());
    assert!(test.is_below(19_600, 1_000_000).is_enough() && !test.is_below(19_800, 1_000_000).is_enough());
    assert!(test.is_above(1_000_000, 1_000_000).value.is_finite() && test.is_below(0, 1_000_000).value.is_finite());
    for (limit, above, below) in [(0.0, true, false), (1.0, false, true)] {
        let test = RateTest { limit, ..TEST };
        assert_eq!((test.is_above(3, 9).is_enough(), test.is_below(3, 9).is_enough()), (above, below));
        assert!(!test.is_above(0, 0).is_enough() && !test.is_below(0, 0).is_enough());
    }
}

/// By `binom`-free reckoning: the two rates at which `B(h + ½, n - h + ½) / π` is twenty times the likelihood.
#[test]
fn intervals_hold_the_share_and_are_where_evidence_ends() {
    let (low, high) = interval(20, 1_000, 0.05);
    assert!(
        low < 0.02 && 0.02 < high && (0.007..0.013).contains(&low) && (0.030..0.042).contains(&high),
        "{low} {high}"
    );
    assert_eq!(interval(0, 0, 0.05), (0.0, 1.0));
    assert_eq!((interval(0, 50, 0.05).0, interval(50, 50, 0.05).1), (0.0, 1.0));
}

proptest! {
    /// That makes late outcomes harmless: who is still to be counted as harmed can only add to it, or take from it.
    #[test]
    fn it_grows_with_who_is_harmed(limit in 0.001..0.9_f64, error in 0.001..0.3_f64, horizon in 0..3_000_u64, of in 1..3_000_u64, at in 0.0..1.0_f64) {
        let test = RateTest { limit, error, horizon };
        let harmed = ((of - 1) as f64 * at) as u64;
        let [one, more] = [harmed, harmed + 1].map(|harmed| test.is_above(harmed, of).value);
        prop_assert!(more >= one * (1.0 - 1e-9), "{one} {more}");
        let [one, more] = [harmed, harmed + 1].map(|harmed| test.is_below(harmed, of).value);
        prop_assert!(more <= one * (1.0 + 1e-9), "{one} {more}");
    }

    #[test]
    fn intervals_shrink_with_the_error_that_is_allowed(of in 1..100_000_u64, at in 0.0..1.0_f64) {
        let harmed = (of as f64 * at) as u64;
        let ((low, high), (lower, higher)) = (interval(harmed, of, 0.1), interval(harmed, of, 0.01));
        let share = harmed as f64 / of as f64;
        prop_assert!(lower <= low && low <= share && share <= high && high <= higher);
    }
}
