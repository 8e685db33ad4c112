//! The straight way: how long a rollout takes by how often its devices poll, how many of them are told a minute, when windows are
//! open and how long each has to live with the release.
//!
//! It is the way on which nothing goes wrong: nobody fails, a device polls once in each of its intervals, evenly spread, takes
//! [`INSTALLS`] from its offer to its start with the new version, and who is silent at present stays so. Waves that are opened by
//! hand count as opened at once.

use super::{Crowd, HORIZON, INSTALLS, hours::Hours};
use crate::{
    rollout::{Gate, Plan, gate::needed},
    time::{MINUTE, SECOND, Timestamp},
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
    let reachable = crowd.settled.saturating_add(polling);
    if wanted > reachable {
        return Outlook::Short { reachable, needed: wanted };
    }
    let begun = hours.minute_of(opened);
    let missing = wanted.saturating_sub(crowd.settled) as f64;
    // Shares of devices are summed: what is a hair below a whole one is it.
    let has_come = |hours: &mut Hours<'_>, minute| settled(plan, crowd, hours, begun, minute) >= missing - 1e-6;
    let Some(minute) = (begun..HORIZON).find(|minute| has_come(hours, *minute)) else { return Outlook::Late };
    let open_until = opened.plus(i64::from(gate.open_minutes) * MINUTE);
    Outlook::At(hours.at(minute).max(open_until))
}

/// How many more have an outcome in that minute, of a wave that is open since `begun`.
fn settled(plan: &Plan, crowd: &Crowd, hours: &mut Hours<'_>, begun: usize, minute: usize) -> f64 {
    let all: Vec<(f64, f64)> = crowd.polling.iter().map(|(interval, n)| (minutes(*interval), *n as f64)).collect();
    let told = |open: f64| -> f64 { all.iter().map(|(interval, n)| n * (open / interval).min(1.0)).sum() };
    let mut sum = 0.0;
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

/// How many minutes pass from a device's offer to its outcome. What it reports and that it lived through the soak is seen at
/// its polls.
fn delay(plan: &Plan, interval: f64) -> usize {
    let polls = |micros: i64| (micros as f64 / MINUTE as f64 / interval).ceil().max(1.0);
    let minutes = (polls(INSTALLS) + polls(plan.soak())) * interval;
    minutes.ceil() as usize
}
