//! Whom to expect in a wave.

use crate::time::Timestamp;
use serde::{Deserialize, Serialize};

/// How often devices poll of whom nothing better is known, in seconds.
const USUAL_INTERVAL_S: i64 = 300;

/// Those of a wave that get anything.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Crowd {
    /// How many they are.
    pub total: u64,
    /// How many of them have an outcome already.
    pub settled: u64,
    /// Of the others those that poll and may have the release: their interval in seconds, and how many have it.
    pub polling: Vec<(i64, u64)>,
    /// Of the others those that were told: when they are expected to have an outcome, and how many at each time.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub due: Vec<(Timestamp, u64)>,
}

impl Crowd {
    /// Whom a sample says to expect of `total` devices that get anything: of the sample these poll, these were told, and `getting`
    /// get anything.
    #[must_use]
    pub fn of_sample(total: u64, getting: u64, polling: Vec<(i64, u64)>, due: Vec<(Timestamp, u64)>) -> Self {
        let mut crowd = Self { total, settled: 0, polling, due };
        let of_all = |n: u64| share(n, total, getting);
        scale(&mut crowd.polling, of_all);
        scale(&mut crowd.due, of_all);
        crowd
    }

    /// Notes how many have an outcome and how many are under way to one, without those that are to try again: these poll. Those who poll are so many of the others at most; each interval
    /// loses the same share. Of those under way each time has the same share as of those that were looked at. If none of them was, they
    /// are expected beside those who poll, in the longest of their intervals, since who runs the release already counts as one that gets
    /// nothing: that a gate wants too much is said only where it is certain.
    pub fn settle(&mut self, settled: u64, under_way: u64) {
        self.settled = settled.min(self.total);
        let left = self.total - self.settled;
        let under_way = under_way.min(left);
        let waiting = if self.due.is_empty() { left } else { left - under_way };
        scale(&mut self.due, |_| under_way);
        let polling = scale(&mut self.polling, |polling| polling.min(waiting));
        let beside = if self.due.is_empty() { under_way.min(left - polling) } else { 0 };
        if beside > 0 {
            let longest = self.polling.iter().map(|(interval, _)| *interval).max().unwrap_or(USUAL_INTERVAL_S);
            match self.polling.iter_mut().find(|(interval, _)| *interval == longest) {
                Some((_, n)) => *n += beside,
                None => self.polling.push((longest, beside)),
            }
        }
    }
}

/// `n` of `of` as a part of `whole`, rounded down; 0 of nothing.
fn share(n: u64, whole: u64, of: u64) -> u64 {
    let share = (u128::from(n) * u128::from(whole)).checked_div(u128::from(of)).unwrap_or_default();
    share.try_into().unwrap_or(u64::MAX)
}

/// Makes parts sum up to what `to` makes of their sum, each by the same share; sums are scaled, so that rounding loses nobody. Their
/// sum then.
fn scale<T>(parts: &mut Vec<(T, u64)>, to: impl Fn(u64) -> u64) -> u64 {
    let all: u64 = parts.iter().map(|(_, n)| n).sum();
    let to = if all == 0 { 0 } else { to(all) };
    let mut before = 0;
    for (_, n) in &mut *parts {
        let until = before + *n;
        *n = share(until, to, all) - share(before, to, all);
        before = until;
    }
    parts.retain(|(_, n)| *n > 0);
    to
}
