//! When windows are open, minute by minute.

use super::HORIZON;
use crate::{
    rollout::Windows,
    time::{DAY, MINUTE, Timestamp},
};

/// When windows are open, from a moment on, minute by minute, in the zone that the plan names.
pub(super) struct Hours<'a> {
    windows: &'a Windows,
    from: Timestamp,
    /// How many minutes are open before each.
    minutes: Vec<u32>,
}

impl<'a> Hours<'a> {
    /// From a moment on.
    pub(super) fn new(windows: &'a Windows, from: Timestamp) -> Self {
        Self { windows, from, minutes: vec![0] }
    }

    pub(super) fn minute_of(&self, at: Timestamp) -> usize {
        usize::try_from((at.0.saturating_sub(self.from.0)).max(0) / MINUTE).unwrap_or(HORIZON)
    }

    pub(super) fn at(&self, minute: usize) -> Timestamp {
        self.from.plus(i64::try_from(minute).unwrap_or(i64::MAX / DAY) * MINUTE)
    }

    fn open_before(&mut self, minute: usize) -> u32 {
        while self.minutes.len() <= minute {
            let last = self.minutes.last().copied().unwrap_or_default();
            let is_open = self.windows.are_open(self.at(self.minutes.len() - 1), "");
            self.minutes.push(last + u32::from(is_open));
        }
        self.minutes.get(minute).copied().unwrap_or_default()
    }

    pub(super) fn open_between(&mut self, from: usize, until: usize) -> f64 {
        if self.windows.open.is_empty() {
            return until.saturating_sub(from) as f64;
        }
        f64::from(self.open_before(until).saturating_sub(self.open_before(from)))
    }

    /// The next minute from `from` on in which a window is open, as far as is looked.
    pub(super) fn next_open(&mut self, from: usize) -> usize {
        if self.windows.open.is_empty() {
            return from;
        }
        let before = self.open_before(from);
        loop {
            // What is open in minute `m` shows before minute `m + 1`.
            let after = self.minutes.partition_point(|open| *open <= before);
            if after < self.minutes.len() || self.minutes.len() > HORIZON {
                return after.saturating_sub(1).max(from);
            }
            self.open_before(self.minutes.len() + 24 * 60);
        }
    }
}
