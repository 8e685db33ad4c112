//! Whom to expect in a wave.

use serde::{Deserialize, Serialize};

/// Those of a wave that get anything.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Crowd {
    /// How many they are.
    pub total: u64,
    /// How many of them have an outcome already.
    pub settled: u64,
    /// Of the others those that poll and may have the release: their interval in seconds, and how many have it.
    pub polling: Vec<(i64, u64)>,
}

impl Crowd {
    /// Notes how many have an outcome. Those who poll are so many of the others at most; each interval loses the same share.
    pub fn settle(&mut self, settled: u64) {
        self.settled = settled.min(self.total);
        let left = self.total - self.settled;
        let all: u64 = self.polling.iter().map(|(_, n)| n).sum();
        if all <= left {
            return;
        }
        let scaled = |n: u64| (u128::from(n) * u128::from(left) / u128::from(all)).try_into().unwrap_or(u64::MAX);
        let mut before = 0;
        for (_, n) in &mut self.polling {
            let until = before + *n;
            *n = scaled(until) - scaled(before);
            before = until;
        }
        self.polling.retain(|(_, n)| *n > 0);
    }
}
