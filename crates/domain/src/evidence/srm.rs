//! Whether cohorts are as large as their shares say: the sample ratio.
//!
//! If they are not, devices were lost or gained on the way by something that has to do with the cohort, and no comparison means
//! anything (Fabijan et al. 2019, "Diagnosing sample ratio mismatch in online controlled experiments"). The test may be looked at at
//! any time: the Dirichlet mixture of Lindon & Malek 2022, "Anytime-valid inference for multinomial count data", section 3. Two
//! mixtures are averaged: one for shares that are off by a percent or two, one for what is grossly wrong.

use super::special::{HUGE, exp, ln_gamma};

/// How concentrated the mixtures are about the shares.
const CONCENTRATIONS: [f64; 2] = [1_000.0, 20.0];
/// Below which p a ratio is off.
const OFF: f64 = 0.001;

/// What the sizes of cohorts say about their shares.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Ratio {
    /// How strong evidence is that the shares are not kept: an e-value.
    pub e: f64,
    /// The p-value, which holds at every look at once: one by the e-value.
    pub p: f64,
    /// Whether no verdict may be given, by p below 0.001.
    pub is_off: bool,
}

/// How many devices each cohort has, against the shares that they were to have (in any unit).
#[must_use]
pub fn sample_ratio(observed: &[u64], shares: &[u32]) -> Ratio {
    let total: f64 = shares.iter().copied().map(f64::from).sum();
    let pairs = || observed.iter().zip(shares).map(|(n, share)| (*n as f64, f64::from(*share) / total));
    let e = if pairs().any(|(n, share)| n > 0.0 && share <= 0.0) || observed.iter().skip(shares.len()).any(|n| *n > 0) {
        HUGE
    } else {
        let of = |concentration: f64| {
            let n: f64 = pairs().map(|(n, _)| n).sum();
            let each = |(n, share): (f64, f64)| {
                let prior = concentration * share;
                ln_gamma(prior + n) - ln_gamma(prior) - n * share.ln()
            };
            let known: f64 = pairs().filter(|(_, share)| *share > 0.0).map(each).sum();
            exp(known + ln_gamma(concentration) - ln_gamma(concentration + n))
        };
        CONCENTRATIONS.map(of).iter().sum::<f64>() / CONCENTRATIONS.len() as f64
    };
    let p = (1.0 / e.max(1.0)).min(1.0);
    Ratio { e, p, is_off: p < OFF }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_is_as_planned_is_not_off_and_what_is_skewed_is() {
        assert!(!sample_ratio(&[5_021, 4_979], &[50_000, 50_000]).is_off);
        assert!(sample_ratio(&[5_300, 4_700], &[50_000, 50_000]).is_off);
        assert!(sample_ratio(&[510_000, 490_000], &[50_000, 50_000]).is_off);
        assert!(sample_ratio(&[30, 0], &[1, 1]).is_off && sample_ratio(&[1, 1], &[1, 0]).is_off);
        assert_eq!(sample_ratio(&[0, 0], &[1, 1]), Ratio { e: 1.0, p: 1.0, is_off: false });
        assert_eq!(sample_ratio(&[], &[]), Ratio { e: 1.0, p: 1.0, is_off: false });
    }

    proptest! {
        /// A martingale from 1: its mean after the next device is what it is now.
        #[test]
        fn its_mean_stays(a in 0..4_000_u64, b in 0..4_000_u64, c in 0..300_u64, share in 1..60_u32) {
            let shares = [share, 100 - share, 7];
            let e = |counts: [u64; 3]| sample_ratio(&counts, &shares).e;
            let total = f64::from(shares.iter().sum::<u32>());
            let next = [[a + 1, b, c], [a, b + 1, c], [a, b, c + 1]];
            let mean: f64 = next.into_iter().zip(shares).map(|(counts, share)| e(counts) * f64::from(share) / total).sum();
            let now = e([a, b, c]);
            prop_assume!(now < 1e290);
            prop_assert!((mean / now - 1.0).abs() < 1e-6, "{mean} {now}");
        }
    }
}
