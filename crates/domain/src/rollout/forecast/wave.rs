//! Who is in a wave, and what is the same for all of them.

use super::{INSTALLS, crowd::Crowd, times::Times};
use crate::{
    rollout::{Plan, late_after, plan::Wave as Planned},
    time::{MINUTE, SECOND},
};

/// How many steps the longest of what a wave waits for is cut into.
const STEPS: f64 = 48.0;
/// How many intervals of polls are told apart in a wave; neighbours are put together.
const CLASSES: usize = 6;
/// By how much polls come later than told: most clients sleep so long between two polls, and each takes its time.
const LATER: f64 = 1.01;

/// A wave before anybody was told.
pub(super) struct Wave {
    pub(super) total: u64,
    pub(super) classes: Vec<Class>,
    /// A step of time in it, in minutes.
    pub(super) step: usize,
}

/// Devices of a wave that poll equally often. Times are in minutes.
pub(super) struct Class {
    pub(super) interval: f64,
    pub(super) n: u64,
    /// How long after its start with the new version a device is seen to have lived with it, if it misses no poll.
    pub(super) lives: f64,
    /// How many polls that takes, and that of its offer.
    pub(super) polls: f64,
    /// After how long without a word it counts as silent.
    pub(super) noticed: f64,
}

impl Wave {
    pub(super) fn of(plan: &Plan, planned: &Planned, crowd: &Crowd, times: &Times) -> Self {
        let class = |(interval, n)| Class::of(plan, interval, n);
        let classes: Vec<Class> = merged(&crowd.polling).into_iter().map(class).collect();
        let slowest = classes.last().map_or(1.0, |class| class.interval);
        let outcome = times.longest() + classes.last().map_or(0.0, |class| class.lives);
        let limit = plan.rate_per_minute.map_or(0.0, |rate| crowd.total as f64 / f64::from(rate.max(1)));
        let longest = slowest.max(outcome).max(limit).max(f64::from(planned.gate.open_minutes));
        Self { total: crowd.total, classes, step: ((longest / STEPS) as usize).max(1) }
    }
}

impl Class {
    fn of(plan: &Plan, interval: f64, n: u64) -> Self {
        let polls = (f64::from(plan.soak_minutes) / interval).ceil().max(1.0);
        Self { interval, n, lives: polls * interval, polls: polls + 1.0, noticed: noticed_after(plan, interval) }
    }

    /// How many minutes pass until something is seen that takes so long, at the polls of a device.
    pub(super) fn seen_after(&self, lasts: f64) -> f64 {
        (lasts / self.interval).ceil().max(1.0) * self.interval
    }
}

/// After how many minutes without a word a device counts as silent. By habit it is missed once it is late and has had the time that
/// an installation takes.
fn noticed_after(plan: &Plan, interval: f64) -> f64 {
    let timeout = f64::from(plan.timeout_minutes);
    if !plan.late_by_habit {
        return timeout;
    }
    let usual_s = (interval * MINUTE as f64 / SECOND as f64).round() as u32;
    let late = late_after(usual_s, usual_s).saturating_add(INSTALLS);
    (late as f64 / MINUTE as f64).min(timeout)
}

/// An interval in minutes.
fn minutes(interval_s: i64) -> f64 {
    (interval_s.max(1) as f64 * LATER * SECOND as f64 / MINUTE as f64).max(1.0 / 60.0)
}

/// Intervals in minutes put together until they are few, those that are nearest first, and how many devices have them.
fn merged(polling: &[(i64, u64)]) -> Vec<(f64, u64)> {
    let mut all: Vec<(f64, u64)> = polling.iter().filter(|(_, n)| *n > 0).map(|(s, n)| (minutes(*s), *n)).collect();
    all.sort_by(|one, other| one.0.total_cmp(&other.0));
    while all.len() > CLASSES {
        let ratio = |n: usize| all.get(n + 1).zip(all.get(n)).map_or(f64::INFINITY, |(next, this)| next.0 / this.0);
        let nearest = (0..all.len() - 1).min_by(|one, other| ratio(*one).total_cmp(&ratio(*other))).unwrap_or_default();
        let (interval, n) = all.remove(nearest);
        if let Some(next) = all.get_mut(nearest) {
            let both = (n + next.1) as f64;
            *next = ((interval * n as f64 + next.0 * next.1 as f64) / both, n + next.1);
        }
    }
    all
}
