//! The straight way: how long a rollout takes by how often its devices poll, how many of them are told a minute, when windows are
//! open and how long each has to live with the release.
//!
//! It is the way on which nothing goes wrong: nobody fails, a device polls once in each of its intervals, evenly spread, takes
//! [`INSTALLS`] from its offer to its start with the new version, and who is silent at present stays so. Whoever was told is expected
//! by when that was. Waves that are opened by hand count as opened at once.

use super::{Crowd, HORIZON, INSTALLS, hours::Hours};
use crate::{
    rollout::{Gate, Plan, gate::needed},
    time::{DAY, MINUTE, SECOND, Timestamp},
};
use serde::Serialize;

/// When a wave is through its gate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Outlook {
    /// About then.
    At(Timestamp),
    /// Never: its gate wants more outcomes than there can be.
    Short {
        /// How many can have an outcome.
        reachable: u64,
        /// How many the gate wants.
        needed: u64,
    },
    /// Not within ninety days.
    Late,
    /// A wave before it does not get through.
    After,
}

/// When a wave is open.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct WaveForecast {
    /// When it is opened; none when a wave before it does not get through.
    pub opens_at: Option<Timestamp>,
    /// When it is through its gate.
    pub through: Outlook,
}

/// What is expected of the waves from `first` on, whose crowds these are. The first of them was or is opened at `opened`.
#[must_use]
pub fn forecast(plan: &Plan, first: usize, crowds: &[Crowd], opened: Timestamp, now: Timestamp) -> Vec<WaveForecast> {
    let mut hours = Hours::new(&plan.windows, now.max(opened));
    let mut opens_at = Some(opened);
    let mut out = Vec::with_capacity(crowds.len());
    for (wave, crowd) in plan.waves.iter().skip(first).zip(crowds) {
        let through = opens_at.map_or(Outlook::After, |at| through(plan, &wave.gate, crowd, at, &mut hours));
        out.push(WaveForecast { opens_at, through });
        opens_at = match through {
            Outlook::At(at) => Some(at),
            _ => None,
        };
    }
    out
}

fn through(plan: &Plan, gate: &Gate, crowd: &Crowd, opened: Timestamp, hours: &mut Hours<'_>) -> Outlook {
    // As the gate counts, see `decide`.
    let wanted = needed(crowd.total, gate.done).max(gate.min_sample.min(crowd.total).max(1));
    let polling: u64 = crowd.polling.iter().map(|(_, n)| n).sum();
    let told: u64 = crowd.due.iter().map(|(_, n)| n).sum();
    let reachable = crowd.settled.saturating_add(polling).saturating_add(told);
    if wanted > reachable {
        return Outlook::Short { reachable, needed: wanted };
    }
    let open_until = opened.plus(i64::from(gate.open_minutes) * MINUTE);
    let begun = hours.minute_of(opened);
    let missing = wanted.saturating_sub(crowd.settled);
    if polling == 0 {
        let at = last_of(&crowd.due, missing).unwrap_or_else(|| hours.at(begun));
        return Outlook::At(at.max(open_until));
    }
    // Shares of devices are summed: what is a hair below a whole one is it.
    let has_come = |hours: &mut Hours<'_>, minute| settled(plan, crowd, hours, begun, minute) >= missing as f64 - 1e-6;
    let Some(minute) = (begun..HORIZON).find(|minute| has_come(hours, *minute)) else { return Outlook::Late };
    Outlook::At(hours.at(minute).max(open_until))
}

/// When the last of so many is due, the soonest first; none of nobody.
fn last_of(due: &[(Timestamp, u64)], mut wanted: u64) -> Option<Timestamp> {
    let mut due = due.to_vec();
    due.sort_unstable_by_key(|(at, _)| *at);
    due.into_iter().filter(|(_, n)| *n > 0).find_map(|(at, n)| {
        let is_last = (1..=n).contains(&wanted);
        wanted = wanted.saturating_sub(n);
        is_last.then_some(at)
    })
}

/// How many more have an outcome in that minute, of a wave that is open since `begun`.
fn settled(plan: &Plan, crowd: &Crowd, hours: &mut Hours<'_>, begun: usize, minute: usize) -> f64 {
    let all: Vec<(f64, f64)> = crowd.polling.iter().map(|(interval, n)| (minutes(*interval), *n as f64)).collect();
    let told = |open: f64| -> f64 { all.iter().map(|(interval, n)| n * (open / interval).min(1.0)).sum() };
    let now = hours.at(minute);
    let is_over = |(at, _): &&(Timestamp, u64)| *at <= now;
    let mut sum: f64 = crowd.due.iter().filter(is_over).map(|(_, n)| *n as f64).sum();
    for (interval, n) in &all {
        let Some(since) = minute.checked_sub(delay(plan, *interval)).filter(|since| *since > begun) else { continue };
        let open = hours.open_between(begun, since);
        // Those who come while as many were told as may be come again; each class loses the same share.
        let slowed = match plan.rate_per_minute {
            Some(rate) if open > 0.0 => (f64::from(rate) * open / told(open)).min(1.0),
            _ => 1.0,
        };
        sum += n * (open / interval).min(1.0) * slowed;
    }
    sum
}

/// An interval of polls in minutes.
fn minutes(interval_s: i64) -> f64 {
    interval_s.max(1) as f64 * SECOND as f64 / MINUTE as f64
}

/// What is known of a device that is under way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Told {
    /// When it was told.
    pub at: Timestamp,
    /// Until when it has to live with what it was told of; none before it runs that.
    pub lives_until: Option<Timestamp>,
    /// When it counts as missed; none where it can't be.
    pub missed_at: Option<Timestamp>,
    /// Whether nothing is heard of it at present.
    pub is_silent: bool,
}

/// When a device that was told is expected to have an outcome, in whole minutes: at a poll of its after it has installed the release
/// and lived with it, each of which it reports at a poll. Who is silent or later than that is expected once it is missed, or at its
/// next poll where nobody misses it.
#[must_use]
pub fn due_at(plan: &Plan, interval_s: i64, told: Told, now: Timestamp) -> Timestamp {
    let interval = minutes(interval_s);
    let expected = match told.lives_until {
        Some(until) => until.plus((polls(plan.soak(), interval) * interval * MINUTE as f64) as i64 - plan.soak()),
        None => told.at.plus(i64::try_from(delay(plan, interval)).unwrap_or(i64::MAX / DAY).saturating_mul(MINUTE)),
    };
    let is_ahead = |at: &Timestamp| *at > now;
    let due = Some(expected).filter(|at| !told.is_silent && is_ahead(at)).or_else(|| told.missed_at.filter(is_ahead));
    let due = due.unwrap_or_else(|| now.plus(interval_s.max(1).saturating_mul(SECOND)));
    Timestamp(due.0.saturating_add(MINUTE - 1).div_euclid(MINUTE).saturating_mul(MINUTE))
}

/// How many polls it takes until something is seen that lasts so long.
fn polls(micros: i64, interval: f64) -> f64 {
    (micros as f64 / MINUTE as f64 / interval).ceil().max(1.0)
}

/// How many minutes pass from a device's offer to its outcome. What it reports and that it lived through the soak is seen at
/// its polls.
fn delay(plan: &Plan, interval: f64) -> usize {
    let minutes = (polls(INSTALLS, interval) + polls(plan.soak(), interval)) * interval;
    minutes.ceil() as usize
}
