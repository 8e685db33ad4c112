//! Evidence as a comparison goes its course: from how far apart two cohorts are, in standard errors, and how much of the planned
//! information has been gathered.
//!
//! The difference, multiplied by its information, moves like Brownian motion (the strong approximation of Waudby-Smith, Arbour,
//! Sinha, Kennedy & Ramdas 2024, "Time-uniform central limit theory and asymptotic confidence sequences", theorem 2.2; sequential
//! designs know it as the canonical joint distribution, Jennison & Turnbull 2000, section 3.1). Against it there are the same two
//! processes as against a rate (see [`super::RateTest`]): Doob's of the one-sided test at the planned end, and a mixture over
//! differences by a half-normal prior (the one-sided one of Robbins; Howard et al. 2021, proposition 6).
//!
//! Information is not the number of values: a thousand of the control tell nothing before the variant has some, too. Of two cohorts it
//! goes by `1 / (1/n + 1/m)`. If values of one come first, time by their number would run ahead of what is known.

use super::special::{HUGE, half_normal, normal, normal_quantile};

/// The weight of Doob's part.
const DOOB: f64 = 0.7;
/// The variance of the mixture's prior, in squared standard errors at the planned end: differences that end three standard errors
/// apart are what an experiment is planned for, gross harm ends ten apart.
const PRIOR: f64 = 16.0;

/// Which part of the planned information there is, with so many values of each cohort: of `planned` values of both, the variant is to
/// have this share. Never falls with more values; is 1 with as many as planned, however they are split, and more only with more.
///
/// Values that come in another split than planned may bring more than was planned before all are there. Then what those to come will
/// bring by the plan is taken to be still ahead.
pub fn fraction((control, variant): (u64, u64), planned: u64, share: f64) -> f64 {
    let (n, m, planned) = (control as f64, variant as f64, planned.max(1) as f64);
    let of = n + m;
    if of >= planned {
        return of / planned;
    }
    let share = if share.is_finite() { share.clamp(1e-4, 1.0 - 1e-4) } else { 0.5 };
    let (seen, each) = (n * m / of.max(1.0), share * (1.0 - share));
    (seen / (planned * each)).min(seen / (planned - of).mul_add(each, seen))
}

/// How far a comparison has come.
#[derive(Clone, Copy, Debug)]
pub struct Course {
    /// Information so far by what is planned.
    fraction: f64,
    /// The one-sided level of the test at the planned end.
    level: f64,
    /// From how many standard errors on that test rejects.
    critical: f64,
}

impl Course {
    /// That of so much of the planned information; the e-value is to reach `needed`.
    pub fn of(fraction: f64, needed: f64) -> Self {
        let level = DOOB / needed;
        Self { fraction, level, critical: -normal_quantile(level) }
    }

    /// The e-value of so many standard errors: grows with them.
    pub fn evidence(&self, z: f64) -> f64 {
        DOOB.mul_add(self.doob(z), (1.0 - DOOB) * self.mixture(z)).min(HUGE)
    }

    fn doob(&self, z: f64) -> f64 {
        if self.fraction > 1.0 {
            return 0.0;
        }
        let (left, ahead) = (1.0 - self.fraction, z * self.fraction.sqrt() - self.critical);
        let chance = if left > 0.0 { normal(ahead / left.sqrt()) } else { f64::from(u8::from(ahead >= 0.0)) };
        chance / self.level
    }

    fn mixture(&self, z: f64) -> f64 {
        let prior = PRIOR * self.fraction;
        (half_normal(z * (prior / (1.0 + prior)).sqrt()) / (1.0 + prior).sqrt()).min(HUGE)
    }

    /// The fewest standard errors whose e-value reaches `needed`.
    pub fn needed(&self, needed: f64) -> f64 {
        let (mut low, mut high) = (0.0, 50.0);
        while self.evidence(high) < needed && high < 1e6 {
            high *= 2.0;
        }
        for _ in 0..60 {
            let middle = f64::midpoint(low, high);
            if self.evidence(middle) < needed {
                low = middle;
            } else {
                high = middle;
            }
        }
        high
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn values_of_one_cohort_alone_are_no_way() {
        let near = |one: f64, other: f64| assert!((one - other).abs() < 1e-9, "{one} {other}");
        near(fraction((1_800, 0), 2_000, 0.1), 0.0);
        // All of the control, and half of the variant: 1800 and 100 by 1800 and 200.
        near(fraction((1_800, 100), 2_000, 0.1), (1_800.0 * 100.0 / 1_900.0) / 180.0);
        // In step it is the number of values; at the end it is the end, whatever chance made of the split.
        near(fraction((900, 100), 2_000, 0.1), 0.5);
        near(fraction((1_830, 170), 2_000, 0.1), 1.0);
        near(fraction((1_800, 400), 2_000, 0.1), 1.1);
        assert!(fraction((1_500, 499), 2_000, 0.1) < 1.0 && fraction((0, 0), 0, f64::NAN) < 1.0);
    }

    proptest! {
        #[test]
        fn it_never_falls(control in 0..1_500_u64, variant in 0..1_500_u64, planned in 0..3_000_u64, share in 0.0..1.0_f64) {
            let at = |more: (u64, u64)| fraction((control + more.0, variant + more.1), planned, share);
            for more in [(1, 0), (0, 1)] {
                prop_assert!(at(more) >= at((0, 0)) - 1e-12, "{:?} {} {}", more, at((0, 0)), at(more));
            }
            prop_assert!(at((0, 0)) >= 1.0 || control + variant < planned.max(1));
        }
    }
}
