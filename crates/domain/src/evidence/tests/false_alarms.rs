//! How often methods are wrong when they are looked at all the time: a few thousand experiments, always the same.

use crate::evidence::{Comparison, RateTest, Tally, sample_ratio};

/// SplitMix64: small, and good enough to toss coins (Steele, Lea & Flood 2014).
struct Coins(u64);

impl Coins {
    fn next(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((z ^ (z >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
    }

    fn is(&mut self, chance: f64) -> bool {
        self.next() < chance
    }
}

/// The share of so many experiments in which it was so.
fn share(experiments: u64, mut is_so: impl FnMut(&mut Coins) -> bool) -> f64 {
    let so = (0..experiments).filter(|n| is_so(&mut Coins(n * 7_919 + 1))).count();
    so as f64 / experiments as f64
}

/// Three standard errors above what is allowed.
fn most(error: f64, experiments: u64) -> f64 {
    error + 3.0 * (error * (1.0 - error) / experiments as f64).sqrt()
}

#[test]
fn a_gate_at_its_limit_is_seldom_wrong_and_a_naive_test_often() {
    let (test, experiments) = (RateTest { limit: 0.05, error: 0.05, horizon: 400 }, 3_000);
    // From how many on it halts, for each number of devices.
    let halts: Vec<u64> =
        (1..=400).map(|of| (0..=of).find(|harmed| test.is_above(*harmed, of).is_enough()).unwrap_or(of + 1)).collect();
    let ever = |coins: &mut Coins, is_alarm: &dyn Fn(u64, u64) -> bool| {
        let mut harmed = 0;
        (1..=400).any(|of| {
            harmed += u64::from(coins.is(0.05));
            is_alarm(harmed, of)
        })
    };
    let evidence = share(experiments, |coins| ever(coins, &|harmed, of| harmed >= halts[of as usize - 1]));
    let naive = share(experiments, |coins| {
        ever(coins, &|harmed, of| of >= 30 && (harmed as f64 - 0.05 * of as f64) > 1.645 * (0.0475 * of as f64).sqrt())
    });
    assert!(evidence <= most(0.05, experiments) && naive > 0.15, "{evidence} {naive}");
}

#[test]
fn comparisons_without_a_difference_are_seldom_decided_and_real_ones_are() {
    let run = |coins: &mut Coins, rates: [f64; 2], is_binary: bool| {
        let mut tallies = [Tally::default(); 2];
        (0..600).any(|n| {
            let cohort = usize::from(coins.is(0.5));
            let value = if is_binary {
                f64::from(u8::from(coins.is(rates[cohort])))
            } else {
                // Exponential, cut off at fifty times its mean or so.
                (-coins.next().max(1e-12).ln() * rates[cohort]).min(1.0)
            };
            tallies[cohort] = tallies[cohort].with(Tally::of((value * 100_000.0) as u32));
            let strata = vec![(String::new(), tallies[0], tallies[1])];
            let comparison = Comparison { error: 0.1, planned: 600, share: 0.5, strata, is_binary };
            n % 10 == 9 && f64::max(comparison.above(0.0), comparison.below(0.0)) >= comparison.needed()
        })
    };
    let experiments = 1_000;
    for (rate, is_binary) in [(0.02, true), (0.5, true), (0.02, false)] {
        let wrong = share(experiments, |coins| run(coins, [rate, rate], is_binary));
        assert!(wrong <= most(0.1, experiments), "{rate} {is_binary}: {wrong}");
    }
    let right = share(200, |coins| run(coins, [0.05, 0.2], true));
    assert!(right > 0.9, "{right}");
}

/// The control reports at once, the variant has to install first: by the number of values it would be near its end all that time.
#[test]
fn a_cohort_whose_values_come_later_makes_no_more_alarms() {
    let (experiments, planned, of_variant) = (1_000, 1_000_u64, 0.1);
    let wrong = share(experiments, |coins| {
        let value = |coins: &mut Coins| Tally::of((coins.next() * 50_000.0 + coins.next() * 50_000.0) as u32);
        let control = (0..planned * 9 / 10).map(|_| value(coins)).sum::<Tally>();
        let mut variant = Tally::default();
        (0..planned / 10).any(|_| {
            variant = variant.with(value(coins));
            let strata = vec![(String::new(), control, variant)];
            let comparison = Comparison { error: 0.2, planned, share: of_variant, strata, is_binary: false };
            f64::max(comparison.above(0.0), comparison.below(0.0)) >= comparison.needed()
        })
    });
    assert!(wrong <= most(0.2, experiments), "{wrong}");
}

#[test]
fn a_true_split_is_seldom_off() {
    let experiments = 3_000;
    let off = share(experiments, |coins| {
        let mut counts = [0; 2];
        (0..600).any(|_| {
            counts[usize::from(coins.is(0.3))] += 1;
            sample_ratio(&counts, &[70, 30]).is_off
        })
    });
    assert!(off <= most(0.001, experiments), "{off}");
}
