//! Several hypotheses at once.
//!
//! The arithmetic mean of e-values is an e-value however they depend on each other, and no other symmetric merging rule is better
//! (Vovk & Wang 2021, "E-values: calibration, combination and applications", proposition 3.1). Closed testing by it: a hypothesis is
//! rejected if every set of hypotheses that it is in is, by the mean of the set (section 5, algorithm 1). So the chance that any true
//! hypothesis is ever rejected is the chance of error of all of them together, also under continuous looks (anytime-valid, because it
//! holds at every stopping time).

use super::special::HUGE;

/// The e-values by which hypotheses may be rejected one by one, when all of these are tested together: hypothesis `k` is, if its value
/// is one by the common chance of error at least.
#[must_use]
pub fn adjusted(e: &[f64]) -> Vec<f64> {
    let mut sorted: Vec<f64> = e.iter().map(|e| if e.is_nan() { 0.0 } else { e.clamp(0.0, HUGE) }).collect();
    sorted.sort_by(f64::total_cmp);
    let least_mean = |own: f64| {
        // The worst set is this one with the smallest others.
        let (mut sum, mut least, mut of, mut is_skipped) = (own, own, 1.0, false);
        for &other in &sorted {
            if other.total_cmp(&own).is_eq() && !is_skipped {
                is_skipped = true;
                continue;
            }
            sum += other;
            of += 1.0;
            least = f64::min(least, sum / of);
        }
        least
    };
    e.iter().map(|e| least_mean(if e.is_nan() { 0.0 } else { e.clamp(0.0, HUGE) })).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// All sets, one by one.
    fn closed(e: &[f64]) -> Vec<f64> {
        let mean = |set: usize| {
            let values: Vec<f64> = (0..e.len()).filter(|k| set >> k & 1 == 1).map(|k| e[k]).collect();
            values.iter().sum::<f64>() / values.len() as f64
        };
        let least =
            |k: usize| (1..1_usize << e.len()).filter(|set| set >> k & 1 == 1).map(mean).fold(f64::MAX, f64::min);
        (0..e.len()).map(least).collect()
    }

    #[test]
    fn one_alone_stays_what_it_is() {
        assert_eq!(adjusted(&[7.5]), [7.5]);
        assert_eq!(adjusted(&[]), Vec::<f64>::new());
        assert_eq!(adjusted(&[60.0, 0.0, 0.0]), [20.0, 0.0, 0.0]);
    }

    proptest! {
        #[test]
        fn it_is_the_least_mean_of_all_sets(e in prop::collection::vec(0.0..50.0_f64, 1..7)) {
            for (one, other) in adjusted(&e).iter().zip(closed(&e)) {
                prop_assert!((one - other).abs() < 1e-9);
            }
        }

        /// It never asks for more than Bonferroni does.
        #[test]
        fn it_is_no_worse_than_to_divide(e in prop::collection::vec(0.0..500.0_f64, 1..9)) {
            let m = e.len() as f64;
            prop_assert!(adjusted(&e).iter().zip(&e).all(|(adjusted, e)| *adjusted >= e / m - 1e-9));
        }
    }
}
