//! What happens in a run, and what is under way in it.

use crate::rollout::Evidence;
use std::collections::BTreeMap;

/// How a run came out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// The last wave was let through.
    Through,
    /// The gate of this wave halted it.
    Halted(usize),
    /// The gate of this wave lets nobody through, and nothing more is to come.
    Stuck(usize),
}

/// What happens in a run.
pub(super) struct Run {
    pub(super) end: End,
    /// When it ended, in minutes.
    pub(super) ended: usize,
    /// When waves were opened.
    pub(super) opened: Vec<usize>,
    /// How many were verified when, in which wave; in the order of time.
    pub(super) verified: Vec<(usize, usize, u64)>,
    /// How many were told in which hour.
    pub(super) told: Vec<u64>,
    /// How many were told that will never be heard from again because of this release.
    pub(super) bricked: u64,
    pub(super) open: Vec<Open>,
}

impl Default for Run {
    fn default() -> Self {
        Self {
            end: End::Stuck(0),
            ended: 0,
            opened: Vec::new(),
            verified: Vec::new(),
            told: Vec::new(),
            bricked: 0,
            open: Vec::new(),
        }
    }
}

/// A wave that is open.
pub(super) struct Open {
    pub(super) opened: usize,
    /// By class: who has not polled since, and who was turned away by the limit a minute.
    pub(super) waiting: Vec<(u64, u64)>,
    pub(super) evidence: Evidence,
    pub(super) due: Due,
    /// Whether its gate has not been asked since something changed.
    pub(super) is_news: bool,
}

#[derive(Clone, Copy, Default)]
pub(super) struct Outcomes {
    pub(super) verified: u64,
    pub(super) failed: u64,
    pub(super) silent: u64,
}

impl Outcomes {
    pub(super) const fn all(self) -> u64 {
        self.verified + self.failed + self.silent
    }

    pub(super) const fn add(&mut self, more: Self) {
        self.verified += more.verified;
        self.failed += more.failed;
        self.silent += more.silent;
    }
}

/// Room for outcomes, which goes from run to run.
pub(super) type Room = Vec<Outcomes>;

/// Up to how many steps have a place of their own. Nearly all outcomes lie within these; a device that is missed after ninety days lies
/// far behind, and nobody makes places for all the minutes in between.
pub(super) const NEAR: usize = 1_024;

/// Outcomes that are to come, in steps of time from when the wave was opened.
pub(super) struct Due {
    opened: usize,
    step: usize,
    steps: Room,
    /// The first step that has any; as many as there are if none has.
    first: usize,
    /// Of the steps after those, only such that have any.
    late: BTreeMap<usize, Outcomes>,
}

impl Due {
    /// In the room that another had.
    pub(super) fn new(opened: usize, step: usize, mut room: Room) -> Self {
        room.clear();
        Self { opened, step, steps: room, first: 0, late: BTreeMap::new() }
    }

    pub(super) fn into_room(self) -> Room {
        self.steps
    }

    const fn minute(&self, step: usize) -> usize {
        self.opened + step * self.step
    }

    /// To note outcomes of devices that are told from `now` on.
    pub(super) fn notes(&mut self, now: usize) -> Notes<'_> {
        let (begin, each) = (self.opened as f64, 1.0 / self.step as f64);
        Notes { soonest: (now - self.opened) / self.step + 1, begin, each, due: self }
    }

    /// When the next are known.
    pub(super) fn next(&self) -> Option<usize> {
        let near = (self.first < self.steps.len()).then_some(self.first);
        near.or_else(|| self.late.keys().next().copied()).map(|step| self.minute(step))
    }

    /// The next, if they are known by then.
    fn take(&mut self, now: usize) -> Option<(usize, Outcomes)> {
        let at = self.next().filter(|at| *at <= now)?;
        let Some(near) = self.steps.get_mut(self.first) else {
            return self.late.pop_first().map(|(_, outcomes)| (at, outcomes));
        };
        let outcomes = std::mem::take(near);
        let rest = self.steps.get(self.first..).unwrap_or_default();
        self.first += rest.iter().position(|outcomes| outcomes.all() > 0).unwrap_or(rest.len());
        Some((at, outcomes))
    }
}

/// Notes outcomes, which come after the devices were told.
pub(super) struct Notes<'a> {
    due: &'a mut Due,
    soonest: usize,
    begin: f64,
    /// One by the minutes of a step.
    each: f64,
}

impl Notes<'_> {
    /// Those of the step that is nearest to a minute.
    pub(super) fn note(&mut self, minute: f64, outcomes: Outcomes) {
        let nearest = ((minute - self.begin) * self.each + 0.5) as usize;
        let (due, step) = (&mut *self.due, nearest.max(self.soonest));
        if step >= NEAR {
            due.late.entry(step).or_default().add(outcomes);
            return;
        }
        if due.steps.len() <= step {
            if due.first == due.steps.len() {
                due.first = step;
            }
            due.steps.resize(step + 1, Outcomes::default());
        }
        due.first = due.first.min(step);
        if let Some(known) = due.steps.get_mut(step) {
            known.add(outcomes);
        }
    }
}

impl Open {
    pub(super) fn is_waited_for(&self) -> bool {
        self.waiting.iter().any(|(fresh, again)| *fresh + *again > 0)
    }
}

impl Run {
    /// Takes in the outcomes that are known by then.
    pub(super) fn settle(&mut self, now: usize) {
        for (n, wave) in self.open.iter_mut().enumerate() {
            while let Some((minute, outcomes)) = wave.due.take(now) {
                let Outcomes { verified, failed, silent } = outcomes;
                wave.evidence.under_way -= outcomes.all();
                wave.evidence.verified += verified;
                wave.evidence.failed += failed;
                wave.evidence.silent += silent;
                wave.is_news = true;
                if verified > 0 {
                    self.verified.push((minute, n, verified));
                }
            }
        }
    }

    /// Counts devices that are told from a minute on, evenly for so many minutes, by the hour.
    pub(super) fn count(&mut self, from: usize, lasts: f64, n: u64) {
        let end = from as f64 + lasts;
        let (first, last) = (from / 60, ((end.ceil() as usize).max(from + 1) - 1) / 60);
        if self.told.len() <= last {
            self.told.resize(last + 1, 0);
        }
        let until =
            |hour: usize| (n as f64 * (((hour + 1) as f64 * 60.0 - from as f64) / lasts).min(1.0)).round() as u64;
        let mut before = 0;
        for hour in first..=last {
            let so_far = if hour == last { n } else { until(hour) };
            if let Some(told) = self.told.get_mut(hour) {
                *told += so_far - before;
            }
            before = so_far;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn outcomes_come_in_the_order_of_time_whenever_they_were_noted() {
        let one = Outcomes { verified: 1, ..Outcomes::default() };
        let mut due = Due::new(100, 5, Room::new());
        assert_eq!(due.next(), None);
        for minute in [131.0, 112.4, 1_000.0, 112.6] {
            due.notes(100).note(minute, one);
        }
        // What is over is known next.
        due.notes(107).note(101.0, one);
        let mut times = Vec::new();
        while let Some((at, outcomes)) = due.take(2_000) {
            times.push((at, outcomes.verified));
        }
        assert_eq!(times, [(110, 2), (115, 1), (130, 1), (1_000, 1)]);
        due.notes(1_000).note(900.0, one);
        assert!(due.take(1_004).is_none() && due.next() == Some(1_005));
    }

    #[test]
    fn what_is_known_after_ninety_days_takes_no_more_room_than_what_is_known_today() {
        let one = Outcomes { silent: 1, ..Outcomes::default() };
        let mut due = Due::new(0, 1, Room::new());
        for minute in [129_600.0, 20.0, 129_599.0, 1_023.0, 1_024.0, 129_600.0] {
            due.notes(0).note(minute, one);
        }
        assert_eq!((due.steps.len(), due.late.len()), (NEAR, 3));
        let mut times = Vec::new();
        while let Some((at, outcomes)) = due.take(usize::MAX) {
            times.push((at, outcomes.silent));
        }
        assert_eq!(times, [(20, 1), (1_023, 1), (1_024, 1), (129_599, 1), (129_600, 2)]);
        assert_eq!(due.next(), None);
        // Another one comes sooner than what is left.
        due.notes(0).note(129_600.0, one);
        due.notes(0).note(30.0, one);
        assert_eq!((due.next(), due.take(40).map(|(at, _)| at), due.next()), (Some(30), Some(30), Some(129_600)));
    }
}
