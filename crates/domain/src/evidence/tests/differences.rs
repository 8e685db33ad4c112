//! Tests of comparisons of two cohorts.

use crate::{
    bucket::PARTS,
    evidence::{Comparison, Tally},
};
use proptest::prelude::*;

fn shares(control: (u64, u64), variant: (u64, u64), planned: u64) -> Comparison {
    let strata = vec![(String::new(), Tally::of_share(control.0, control.1), Tally::of_share(variant.0, variant.1))];
    Comparison { error: 0.05, planned, share: 0.5, strata, is_binary: true }
}

/// How likely it is, exactly, that a comparison of cohorts without a difference ever raises an alarm on one side, looked at after each
/// pair of devices.
fn ever_alarms(rate: f64, pairs: u64, is_above: bool) -> f64 {
    let mut chance = vec![vec![1.0]];
    let mut alarmed = 0.0;
    for n in 1..=pairs {
        let size = n as usize + 1;
        let mut next = vec![vec![0.0; size]; size];
        for (c, row) in chance.iter().enumerate() {
            for (v, chance) in row.iter().enumerate() {
                for (i, j) in [(0, 0), (0, 1), (1, 0), (1, 1)] {
                    let step = |is: usize| if is == 1 { rate } else { 1.0 - rate };
                    next[c + i][v + j] += chance * step(i) * step(j);
                }
            }
        }
        for (c, row) in next.iter_mut().enumerate() {
            for (v, chance) in row.iter_mut().enumerate() {
                let comparison = shares((c as u64, n), (v as u64, n), 2 * pairs);
                let e = if is_above { comparison.above(0.0) } else { comparison.below(0.0) };
                if e >= comparison.needed() {
                    alarmed += *chance;
                    *chance = 0.0;
                }
            }
        }
        chance = next;
    }
    alarmed
}

#[test]
fn small_counts_never_alarm_more_often_than_they_may() {
    for rate in [0.01, 0.1, 0.3, 0.5, 0.9] {
        for is_above in [true, false] {
            let alarmed = ever_alarms(rate, 40, is_above);
            assert!(alarmed <= 0.025, "{rate}: {alarmed}");
        }
    }
}

#[test]
fn a_few_failures_of_one_side_prove_nothing_and_many_do() {
    let at = |control, variant| {
        let comparison = shares(control, variant, 2_000);
        comparison.above(0.0) >= comparison.needed()
    };
    assert!(!at((0, 100), (3, 100)) && !at((0, 10), (2, 10)));
    assert!(at((0, 100), (30, 100)) && at((20, 1_000), (50, 1_000)) && !at((20, 1_000), (24, 1_000)));
}

#[test]
fn nothing_can_be_estimated_of_one_cohort_alone() {
    assert_eq!(shares((0, 0), (3, 10), 100).estimate(), None);
    assert!((shares((0, 0), (3, 10), 100).above(0.0) - 1.0).abs() < 1e-12);
    assert!(shares((0, 1), (1, 1), 0).estimate().is_some());
}

/// Simpson: in both strata the variant is better by ten points, in the sum it looks worse.
#[test]
fn strata_are_compared_within_themselves() {
    let stratum = |control: (u64, u64), variant: (u64, u64)| {
        (String::new(), Tally::of_share(control.0, control.1), Tally::of_share(variant.0, variant.1))
    };
    let strata = vec![stratum((900, 1_000), (160, 200)), stratum((60, 200), (200, 1_000))];
    let mut comparison = Comparison { error: 0.05, planned: 2_400, share: 0.5, strata, is_binary: true };
    for is_binary in [true, false] {
        comparison.is_binary = is_binary;
        let estimate = comparison.estimate();
        assert!(
            estimate.is_some_and(|estimate| {
                (estimate.difference + 0.1).abs() < 1e-9 && estimate.high < 0.0 && estimate.is_stratified
            }),
            "{estimate:?}"
        );
    }
    // Strata too small to stand for themselves are taken together.
    let few = (0..50).map(|_| stratum((1, 3), (2, 3))).collect();
    let estimate = Comparison { strata: few, ..comparison }.estimate();
    assert!(estimate.is_some_and(|estimate| !estimate.is_stratified && (estimate.difference - 1.0 / 3.0).abs() < 1e-9));
}

#[test]
fn values_that_are_all_the_same_prove_no_difference_of_a_few() {
    let all = |value: u32, n: u32| (0..n).map(|_| Tally::of(value)).sum::<Tally>();
    let comparison = |n| Comparison {
        error: 0.05,
        planned: 1_000,
        share: 0.5,
        strata: vec![(String::new(), all(20_000, n), all(20_100, n))],
        is_binary: false,
    };
    assert!(comparison(8).above(0.0) < 40.0 && comparison(8).estimate().is_some_and(|estimate| estimate.low < 0.0));
    assert!(comparison(500).estimate().is_some_and(|estimate| estimate.low.is_finite() && estimate.high < 0.02));
}

/// Start times of about 150 s with a deviation of 3 s, of bounds from 0 to 300 s: four standard errors of five hundred each.
#[test]
fn what_is_narrow_against_its_bounds_is_told_apart_all_the_same() {
    let cohort = |middle: u32, n: u32| (0..n).map(|n| Tally::of(middle + n % 5 * 707 - 1_414)).sum::<Tally>();
    let decides = |by: u32, (control, variant): (u32, u32), share: f64| {
        let strata = vec![(String::new(), cohort(50_000, control), cohort(50_000 + by, variant))];
        let planned = u64::from(control + variant);
        let comparison = Comparison { error: 0.05, planned, share, strata, is_binary: false };
        comparison.above(0.0) >= comparison.needed()
    };
    assert!(decides(253, (500, 500), 0.5) && decides(298, (1_800, 200), 0.1));
    assert!(!decides(60, (500, 500), 0.5) && !decides(2_000, (3, 3), 0.5));
}

/// Each with its own mean: their variances are too small by a part of a device each.
#[test]
fn strata_of_a_few_do_not_stand_alone() {
    let is_stratified = |n: u64| {
        let stratum = || (String::new(), Tally::of_share(n / 2, n), Tally::of_share(n / 2, n));
        let strata = (0..50).map(|_| stratum()).collect();
        let comparison = Comparison { error: 0.05, planned: 5_000, share: 0.5, strata, is_binary: true };
        comparison.estimate().is_some_and(|estimate| estimate.is_stratified)
    };
    assert!(!is_stratified(12) && is_stratified(20));
}

prop_compose! {
    fn comparisons()(is_binary: bool, planned in 1..3_000_u64, share in 0.05..0.95_f64, strata in prop::collection::vec(
        (prop::collection::vec(0..=PARTS, 1..60), prop::collection::vec(0..=PARTS, 1..60)), 1..4)) -> Comparison {
        let tally = |values: &[u32]| {
            values.iter().map(|value| if is_binary { value / (PARTS / 2 + 1) * PARTS } else { *value }).map(Tally::of).sum::<Tally>()
        };
        let strata = strata.iter().map(|(control, variant)| (String::new(), tally(control), tally(variant))).collect();
        Comparison { error: 0.05, planned, share, strata, is_binary }
    }
}

proptest! {
    /// Interval and verdict can't disagree, and evidence falls as more is claimed.
    #[test]
    fn an_interval_is_where_evidence_is_not_enough(comparison in comparisons(), by in -0.9..0.9_f64) {
        let estimate = comparison.estimate().unwrap_or(NOTHING);
        prop_assert!(estimate.low <= estimate.difference + 1e-9 && estimate.difference <= estimate.high + 1e-9, "{:?}", estimate);
        let (above, below) = (comparison.above(by), comparison.below(by));
        if (by - estimate.low).abs() > 1e-6 && estimate.low > -0.999 {
            prop_assert_eq!(above >= comparison.needed(), by < estimate.low, "{} {:?}", above, estimate);
        }
        if (by - estimate.high).abs() > 1e-6 && estimate.high < 0.999 {
            prop_assert_eq!(below >= comparison.needed(), by > estimate.high, "{} {:?}", below, estimate);
        }
        prop_assert!(comparison.above(by + 0.05) <= above * (1.0 + 1e-9) && comparison.below(by - 0.05) <= below * (1.0 + 1e-9));
    }

    /// Control and variant in each other's place: the same, the other way round. And strata in any order.
    #[test]
    fn it_is_the_same_from_the_other_side(comparison in comparisons(), by in -0.5..0.5_f64) {
        let strata = comparison.strata.iter().rev().map(|(level, control, variant)| (level.clone(), *variant, *control)).collect();
        let other = Comparison { share: 1.0 - comparison.share, strata, ..comparison.clone() };
        let (one, other) = (comparison.above(by), other.below(-by));
        prop_assert!((one - other).abs() <= 1e-6 * one.max(1e-6), "{one} {other}");
    }
}

/// What no estimate is taken for, so that the test fails.
const NOTHING: crate::evidence::Estimate =
    crate::evidence::Estimate { difference: f64::NAN, low: f64::NAN, high: f64::NAN, n: 0, is_stratified: false };
