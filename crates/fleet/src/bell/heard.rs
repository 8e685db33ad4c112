//! Up to where everything was heard, and what is missing below: sequences are given out before they are committed, so they
//! become visible in another order, and some never do.

use std::{
    collections::{BTreeMap, VecDeque},
    time::{Duration, Instant},
};

/// For how long one that is missing is asked for at every look: as long as almost every transaction takes.
const SOON: Duration = Duration::from_secs(2);
/// After that it is asked for so often, for an hour: a large import may take its time.
const OFTEN: Duration = Duration::from_secs(1);
const AT_LAST: Duration = Duration::from_secs(3_600);
/// How many may be missing. Of more, the oldest are given up.
const MOST: usize = 10_000;
/// How many of the last that were told are remembered in the order in which they were.
const RECENT: usize = 16;

/// What was told.
#[derive(Debug)]
pub(super) struct Heard {
    /// The last that was told.
    last: i64,
    /// Which ones before it were not, with when that was noticed.
    missing: BTreeMap<i64, Instant>,
    /// Up to where this process has read; what it commits itself it tells without that.
    read: i64,
    /// When those that have been missing for longer were asked for.
    asked_at: Option<Instant>,
    /// The last ones, as they were told.
    recent: VecDeque<i64>,
}

impl Heard {
    /// All up to the last one count as told, but those that are missing between these.
    pub(super) fn after(last: i64, there: &[i64], now: Instant) -> Self {
        // The first of them is where it begins.
        let last_before = there.first().map_or(last, |first| first.saturating_sub(1));
        let (missing, recent) = (BTreeMap::new(), VecDeque::new());
        let mut heard = Self { last: last_before, missing, read: last, asked_at: None, recent };
        for seq in there {
            heard.note(*seq, now);
        }
        heard
    }

    pub(super) const fn last(&self) -> i64 {
        self.last
    }

    pub(super) const fn read(&self) -> i64 {
        self.read
    }

    pub(super) fn note_read(&mut self, seq: i64) {
        self.read = self.read.max(seq);
    }

    /// Whether it was told.
    pub(super) fn has(&self, seq: i64) -> bool {
        seq <= self.last && !self.missing.contains_key(&seq)
    }

    /// The last ones that were told.
    pub(super) fn recent(&self) -> Vec<i64> {
        self.recent.iter().copied().collect()
    }

    /// Notes that it is told; false if it was before.
    pub(super) fn note(&mut self, seq: i64, now: Instant) -> bool {
        let is_new = self.is_new(seq, now);
        if is_new {
            self.recent.push_back(seq);
            if self.recent.len() > RECENT {
                self.recent.pop_front();
            }
        }
        is_new
    }

    fn is_new(&mut self, seq: i64, now: Instant) -> bool {
        if seq <= self.last {
            return self.missing.remove(&seq).is_some();
        }
        let most = i64::try_from(MOST).unwrap_or(i64::MAX);
        for missing in (self.last + 1).max(seq - most)..seq {
            self.missing.insert(missing, now);
        }
        while self.missing.len() > MOST {
            self.missing.pop_first();
        }
        self.last = seq;
        true
    }

    /// Which of those that are missing are to be asked for now. What is above what was read is found by reading on.
    pub(super) fn due(&mut self, now: Instant) -> Vec<i64> {
        let is_turn = self.asked_at.is_none_or(|at| now.saturating_duration_since(at) >= OFTEN);
        if is_turn {
            self.asked_at = Some(now);
            self.missing.retain(|_, since| now.saturating_duration_since(*since) < AT_LAST);
        }
        let below = self.missing.range(..=self.read);
        let due = below.filter(|(_, since)| is_turn || now.saturating_duration_since(**since) < SOON);
        due.map(|(seq, _)| *seq).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_is_told_once_in_whatever_order_they_come() {
        let now = Instant::now();
        let mut heard = Heard::after(10, &[7, 10], now);
        assert_eq!((heard.due(now), heard.last()), (vec![8, 9], 10));
        assert!(heard.has(7) && !heard.has(8) && heard.has(10) && !heard.has(11));
        // One of our own, before anything was read.
        assert!(heard.note(13, now) && !heard.note(13, now));
        assert!(heard.note(8, now) && !heard.note(8, now) && !heard.note(6, now));
        assert_eq!(heard.due(now), [9], "12 lies above what was read");
        heard.note_read(13);
        assert_eq!(heard.due(now), [9, 11, 12]);
        assert!(heard.note(12, now) && heard.note(11, now) && heard.note(9, now));
        assert!(heard.due(now).is_empty());
    }

    #[test]
    fn what_stays_away_is_asked_for_less_often_and_given_up_at_last() {
        let begun = Instant::now();
        let mut heard = Heard::after(0, &[], begun);
        heard.note(3, begun);
        heard.note_read(3);
        assert_eq!(heard.due(begun), [1, 2]);
        assert_eq!(heard.due(begun + SOON / 2), [1, 2]);
        assert_eq!(heard.due(begun + SOON), [1, 2]);
        assert!(heard.due(begun + SOON + OFTEN / 2).is_empty());
        assert_eq!(heard.due(begun + SOON + OFTEN), [1, 2]);
        assert!(heard.due(begun + AT_LAST).is_empty());
        assert!(!heard.note(1, begun + AT_LAST), "it was given up");
    }

    #[test]
    fn a_leap_takes_no_memory() {
        let now = Instant::now();
        let mut heard = Heard::after(5, &[], now);
        assert!(heard.note(i64::MAX / 2, now));
        assert!(heard.missing.len() <= MOST);
    }
}
