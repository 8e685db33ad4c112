//! Differences of means between two cohorts, of values between 0 and 1 that may have heavy tails.

use super::tally::Tally;

/// Two cohorts of a stratum, and what part of all devices the stratum is.
#[derive(Clone, Copy, Debug)]
pub struct Pair {
    pub weight: f64,
    pub control: Tally,
    pub variant: Tally,
}

/// A difference of means, variant less control, and its standard error.
#[derive(Clone, Copy, Debug)]
pub struct Means {
    pub difference: f64,
    pub error: f64,
}

impl Means {
    /// That of strata: the mean of their differences, weighted by their devices.
    pub fn of(pairs: &[Pair]) -> Self {
        let mean = |tally: Tally| tally.mean().unwrap_or(0.0);
        let difference = pairs.iter().map(|pair| pair.weight * (mean(pair.variant) - mean(pair.control))).sum();
        let variance: f64 = pairs.iter().map(|pair| pair.weight.powi(2) * variance(pair)).sum();
        Self { difference, error: variance.sqrt() }
    }

    /// How many standard errors the difference is above `by`.
    pub fn above(self, by: f64) -> f64 {
        (self.difference - by) / self.error
    }
}

/// The variance of the difference of one stratum: the larger of Welch's and the pooled one. With heavy tails the mean of the smaller
/// cohort goes with its variance, so that each of the two is too small in one direction.
fn variance(pair: &Pair) -> f64 {
    let (control, variant) = (spread(pair.control), spread(pair.variant));
    let (c, v) = (pair.control.n as f64, pair.variant.n as f64);
    let pooled = (c * control + v * variant) / (c + v) * (1.0 / c + 1.0 / v);
    pooled.max(control / c + variant / v)
}

/// Of how many values on what is imagined beside them is less than one device.
const FEW: f64 = 20.0;

/// The variance of the values, with imagined ones beside them that are half at 0 and half at 1, as far as the mean allows: what is rare
/// and far away may not have been seen yet, and values that are all the same prove no certainty. Of a few values these are many; their
/// weight falls with the square of how many were seen, so that values may be narrow against their bounds.
fn spread(tally: Tally) -> f64 {
    let n = tally.n as f64;
    let imagined = (FEW / n.max(1.0)).powi(2);
    let mean = tally.mean().unwrap_or(0.5).mul_add(n, 0.5 * imagined) / (n + imagined);
    tally.variance().unwrap_or(0.0).mul_add(n, mean * (1.0 - mean) * imagined) / (n + imagined)
}
