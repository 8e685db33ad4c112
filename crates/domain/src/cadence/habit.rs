//! How long a device usually stays away between two polls, in constant size.
//!
//! Kept is a quantile of its own gaps: below it are about nine of ten. A gap above it raises it by a factor, a gap below lowers it by
//! a smaller one, so that it stays where these balance (stochastic approximation of a quantile: Robbins and Monro, Annals of
//! Mathematical Statistics 22, 1951; of the logarithm, because gaps are from seconds to weeks). One long night moves it by that one
//! factor and no further, however long it was; who polls less often from now on is followed within a few polls.

use serde::{Deserialize, Serialize};

/// By how much a gap above raises it, in percent.
const UP: u64 = 25;
/// By how much a gap below lowers it, in per mille: with [`UP`] they balance where one gap of ten is above.
const DOWN: u64 = 25;
/// From so many gaps above in a row on it is doubled: that is no exception any more.
const IN_A_ROW: u8 = 2;
/// The longest that is kept, in seconds: 90 days.
const LONGEST_S: u32 = 90 * 24 * 3_600;

/// How long a device usually stays away.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Habit {
    /// Nine of ten gaps are shorter, in seconds; 0 before the first.
    gap_s: u32,
    /// How many of the last gaps in a row were longer.
    longer: u8,
}

impl Habit {
    /// Nothing is known.
    pub const NONE: Self = Self { gap_s: 0, longer: 0 };

    /// How long it usually stays away, in seconds; none before that is known.
    #[must_use]
    pub const fn gap_s(self) -> Option<u32> {
        if self.gap_s == 0 { None } else { Some(self.gap_s) }
    }

    /// What is known after one more gap.
    #[must_use]
    pub fn after(self, gap_s: u32) -> Self {
        let gap_s = gap_s.clamp(1, LONGEST_S);
        let usual = u64::from(self.gap_s);
        if usual == 0 {
            return Self { gap_s, longer: 0 };
        }
        if gap_s <= self.gap_s {
            // It reaches what is short as well: rounded down, a small number goes down, too.
            let lower = (usual * (1_000 - DOWN) / 1_000).max(u64::from(gap_s));
            return Self { gap_s: u32::try_from(lower).unwrap_or(self.gap_s), longer: 0 };
        }
        let longer = self.longer.saturating_add(1);
        let raised = if longer >= IN_A_ROW { usual * 2 } else { usual + (usual * UP / 100).max(1) };
        Self { gap_s: u32::try_from(raised).unwrap_or(LONGEST_S).min(gap_s), longer }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const HOUR: u32 = 3_600;

    fn of(gaps: impl IntoIterator<Item = u32>) -> u32 {
        gaps.into_iter().fold(Habit::NONE, Habit::after).gap_s
    }

    #[test]
    fn what_was_written_before_is_read_as_nothing_known() {
        assert_eq!(Habit::default(), Habit::NONE);
        assert_eq!(Habit::NONE.gap_s(), None);
    }

    #[test]
    fn one_long_night_says_little() {
        let usual = of([300; 100]);
        assert_eq!(usual, 300);
        let night = of([300; 100].into_iter().chain([12 * HOUR]));
        assert!(night <= 375, "{night}");
        let after = of([300; 100].into_iter().chain([12 * HOUR]).chain([300; 12]));
        assert_eq!(after, 300, "and that is forgotten");
    }

    #[test]
    fn who_comes_less_often_from_now_on_is_followed() {
        let daily = of([300; 100].into_iter().chain([24 * HOUR; 11]));
        assert_eq!(daily, 24 * HOUR);
        // By day every five minutes, at night not: the nights are one gap of many.
        let nights = of((0..40).flat_map(|_| [vec![300; 150], vec![9 * HOUR]].concat()));
        assert!(nights < 600, "{nights}");
    }

    proptest! {
        #[test]
        fn most_gaps_are_shorter_and_some_longer(gaps in prop::collection::vec(60..6_000_u32, 400..600)) {
            let settled = gaps.iter().take(200).fold(Habit::NONE, |habit, gap| habit.after(*gap));
            let (mut habit, mut above, mut n) = (settled, 0_u32, 0_u32);
            for gap in gaps.iter().skip(200) {
                above += u32::from(*gap > habit.gap_s);
                n += 1;
                habit = habit.after(*gap);
            }
            let share = f64::from(above) / f64::from(n);
            prop_assert!((0.01..0.25).contains(&share), "{share}");
        }

        #[test]
        fn it_stays_within_what_was_seen(gaps in prop::collection::vec(any::<u32>(), 1..50)) {
            let clamped = gaps.iter().map(|gap| (*gap).clamp(1, LONGEST_S));
            let (low, high) = (clamped.clone().min().unwrap_or(1), clamped.max().unwrap_or(1));
            let usual = of(gaps);
            prop_assert!(low <= usual && usual <= high, "{usual} {low} {high}");
        }
    }
}
