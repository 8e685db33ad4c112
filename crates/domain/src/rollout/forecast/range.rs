//! Ranges: what is expected, and between which bounds eight of ten runs lie.

use serde::{Deserialize, Serialize};

/// The tenth, the fiftieth and the ninetieth of a hundred runs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Range {
    /// One run of ten is below it.
    pub low: u64,
    /// Half of the runs are below it.
    pub mid: u64,
    /// One run of ten is above it.
    pub high: u64,
}

impl Range {
    /// That of these; none of nothing. One more is as likely to be anywhere among so many as at any other place, so its bounds are
    /// those of which at least eight of ten places lie in between (Hyndman and Fan 1996, "Sample quantiles in statistical
    /// packages", definition 6).
    #[must_use]
    pub fn of(values: &mut [u64]) -> Option<Self> {
        values.sort_unstable();
        let places = values.len() + 1;
        let place = |nth: usize| values.get(nth.clamp(1, values.len().max(1)) - 1).copied();
        Some(Self { low: place(places / 10)?, mid: nth(values, 50)?, high: place((places * 9).div_ceil(10))? })
    }
}

/// The value below which so many percent of what is sorted lie.
pub(super) fn nth(sorted: &[u64], percent: usize) -> Option<u64> {
    let last = sorted.len().checked_sub(1)?;
    sorted.get((last * percent + 50) / 100).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_more_lies_within_in_eight_of_ten_cases() {
        for n in [9_u64, 19, 99, 100, 200, 207] {
            let mut all: Vec<u64> = (1..=n).rev().collect();
            let range = Range::of(&mut all).unwrap_or_default();
            let within = (range.high - range.low) as f64 / (n + 1) as f64;
            assert!((0.8..0.8 + 2.0 / (n + 1) as f64).contains(&within), "{n}: {range:?}");
        }
        assert_eq!(Range::of(&mut []), None);
        assert_eq!(Range::of(&mut [7]), Some(Range { low: 7, mid: 7, high: 7 }));
    }
}
