//! How many values there were, their sum and the sum of their squares.

use crate::bucket::PARTS;
use serde::{Deserialize, Serialize};

/// How many values of devices there were, with their sums. A value is in parts of [`PARTS`]: 0 or all of it for what is so or is not,
/// the place between two bounds for what is measured. Whole numbers, because sums of these are the same in every order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tally {
    /// How many values.
    pub n: u64,
    /// Their sum.
    pub sum: u64,
    /// The sum of their squares: of nine hundred million devices before it would not fit any more.
    pub squares: u64,
}

impl Tally {
    /// That of one value.
    #[must_use]
    pub fn of(value: u32) -> Self {
        let value = u64::from(value.min(PARTS));
        Self { n: 1, sum: value, squares: value * value }
    }

    /// That of devices of which so many had what is counted.
    #[must_use]
    pub fn of_share(had: u64, of: u64) -> Self {
        let (had, parts) = (had.min(of), u64::from(PARTS));
        Self { n: of, sum: had.saturating_mul(parts), squares: had.saturating_mul(parts * parts) }
    }

    /// Both together.
    #[must_use]
    pub const fn with(self, other: Self) -> Self {
        Self {
            n: self.n.saturating_add(other.n),
            sum: self.sum.saturating_add(other.sum),
            squares: self.squares.saturating_add(other.squares),
        }
    }

    /// The mean, from 0 to 1; none without a value.
    #[must_use]
    pub fn mean(self) -> Option<f64> {
        (self.n > 0).then(|| self.sum as f64 / (self.n as f64 * f64::from(PARTS)))
    }

    /// The variance of the values, unbiased, of values from 0 to 1; none below two values.
    #[must_use]
    pub fn variance(self) -> Option<f64> {
        let parts = f64::from(PARTS);
        // In whole numbers, because both sides are large and nearly alike.
        let spread = (u128::from(self.n) * u128::from(self.squares))
            .saturating_sub(u128::from(self.sum) * u128::from(self.sum)) as f64;
        let n = self.n as f64;
        (self.n > 1).then(|| spread / (n * (n - 1.0)) / (parts * parts))
    }
}

impl std::iter::Sum for Tally {
    fn sum<I: Iterator<Item = Self>>(tallies: I) -> Self {
        tallies.fold(Self::default(), Self::with)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn sums_are_the_same_in_every_order(mut values in prop::collection::vec(0..=PARTS, 2..60), at in 0..59_usize) {
            let all: Tally = values.iter().copied().map(Tally::of).sum();
            let at = at % values.len();
            values.rotate_left(at);
            let (one, other) = values.split_at(at);
            let parts: Tally = [one, other].map(|part| part.iter().copied().map(Tally::of).sum()).into_iter().sum();
            prop_assert_eq!(all, parts);
            let numbers: Vec<f64> = values.iter().map(|value| f64::from(*value) / f64::from(PARTS)).collect();
            let n = numbers.len() as f64;
            let mean = numbers.iter().sum::<f64>() / n;
            let variance = numbers.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / (n - 1.0);
            prop_assert!((all.mean().unwrap_or(-1.0) - mean).abs() < 1e-9);
            prop_assert!((all.variance().unwrap_or(-1.0) - variance).abs() < 1e-9);
        }

        #[test]
        fn shares_are_tallies_of_none_and_all(had in 0..50_u64, more in 0..50_u64) {
            let one_by_one = (0..had + more).map(|n| Tally::of(if n < had { PARTS } else { 0 })).sum();
            prop_assert_eq!(Tally::of_share(had, had + more), one_by_one);
        }
    }
}
