//! How long an update takes on a device, from the offer until it runs it, by what rollouts before have shown.
//!
//! Two things are told apart: by how much *rollouts* differ as a whole (a factor, whose logarithm is drawn from Student's
//! distribution around what they took: the predictive distribution of a normal model with unknown mean and variance, Gelman et al.
//! 2013, "Bayesian Data Analysis", section 3.3), and by how much *devices* of one differ (what was measured of all of them, each
//! relative to the middle of its rollout). A gate that waits for nearly all of a wave waits for its slowest, so the slowest are
//! kept as they were.

use super::{
    INSTALLS,
    chance::Chance,
    past::{Past, PastRollout},
};
use crate::{evidence::special::normal_quantile, time::MINUTE};

/// By how much rollouts differ in their time where nothing is known, as a deviation of its logarithm, and for how many
/// rollouts that counts.
const SPREAD: f64 = 0.35;
const SPREAD_COUNTS: f64 = 4.0;
/// By how much devices differ where nothing is known, likewise, and for how many devices that counts.
const DEVICES: f64 = 0.5;
const DEVICES_COUNT: f64 = 10.0;
/// How many times of single devices are told apart.
const ONES: usize = 256;
/// A time that few devices tell says nothing.
const TIMED: usize = 5;
/// By which factor one rollout differs at most.
const MOST: f64 = 10.0;

/// How long an update takes on a device.
pub(super) struct Times {
    /// Devices in the order of their time, in minutes.
    ones: Vec<f64>,
    /// By how much the next rollout may differ.
    scale: f64,
    freedom: f64,
    /// Whether anything was measured.
    pub(super) is_timed: bool,
}

impl Times {
    /// How long it took.
    pub(super) fn of(past: &Past) -> Self {
        let timed: Vec<Vec<f64>> =
            past.rollouts.iter().filter(|past| past.took_s.len() >= TIMED).map(logarithms).collect();
        if timed.is_empty() {
            let middle = (INSTALLS as f64 / MINUTE as f64).ln();
            // What is not known at all is as one rollout would be that was not seen: its middle is uncertain as well.
            return Self {
                ones: ones(&[], middle),
                scale: SPREAD * 1.5_f64.sqrt(),
                freedom: SPREAD_COUNTS,
                is_timed: false,
            };
        }
        let n = timed.len() as f64;
        let middles: Vec<f64> = timed.iter().map(|logs| middle(logs)).collect();
        let mean = middles.iter().sum::<f64>() / n;
        let squares: f64 = middles.iter().map(|middle| (middle - mean).powi(2)).sum();
        let freedom = SPREAD_COUNTS + n - 1.0;
        let scale = ((SPREAD_COUNTS * SPREAD * SPREAD + squares) / freedom * (1.0 + 1.0 / n)).sqrt();
        let relative = |(logs, middle): (&Vec<f64>, &f64)| logs.iter().map(|log| log - middle).collect::<Vec<_>>();
        let mut all: Vec<f64> = timed.iter().zip(&middles).flat_map(relative).collect();
        all.sort_by(f64::total_cmp);
        Self { ones: ones(&all, mean), scale, freedom, is_timed: true }
    }

    /// By which factor one rollout differs.
    pub(super) fn factor(&self, chance: &mut Chance) -> f64 {
        (self.scale * chance.student(self.freedom)).exp().clamp(1.0 / MOST, MOST)
    }

    /// How many minutes it takes on a device that is slower than this share of all.
    pub(super) fn at(&self, share: f64) -> f64 {
        let place = (share * ONES as f64 - 0.5).clamp(0.0, (ONES - 1) as f64);
        let this = place as usize;
        let low = self.ones.get(this).copied().unwrap_or_default();
        let high = self.ones.get(this + 1).copied().unwrap_or(low);
        low + (high - low) * (place - this as f64)
    }

    /// How many minutes it takes on the slowest.
    pub(super) fn longest(&self) -> f64 {
        self.at(1.0)
    }
}

/// The logarithms of minutes, sorted.
fn logarithms(past: &PastRollout) -> Vec<f64> {
    let mut logs: Vec<f64> = past.took_s.iter().map(|s| (*s as f64 / 60.0).max(0.1).ln()).collect();
    logs.sort_by(f64::total_cmp);
    logs
}

fn middle(sorted: &[f64]) -> f64 {
    quantile(sorted, 0.5)
}

/// The value of what is sorted below which this share of it is.
fn quantile(sorted: &[f64], share: f64) -> f64 {
    let last = sorted.len().saturating_sub(1);
    let place = (share * sorted.len() as f64 - 0.5).clamp(0.0, last as f64);
    let this = place as usize;
    let low = sorted.get(this).copied().unwrap_or_default();
    let high = sorted.get((this + 1).min(last)).copied().unwrap_or(low);
    low + (high - low) * (place - this as f64)
}

/// Devices in the order of their time, by how much some differed from the middle. Few of them are not believed alone.
fn ones(relative: &[f64], middle: f64) -> Vec<f64> {
    let weight = relative.len() as f64 / (relative.len() as f64 + DEVICES_COUNT);
    let one = |n: usize| {
        let share = (n as f64 + 0.5) / ONES as f64;
        let unknown = DEVICES * normal_quantile(share);
        (middle + weight * quantile(relative, share) + (1.0 - weight) * unknown).exp()
    };
    (0..ONES).map(one).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn past(rollouts: &[Vec<u64>]) -> Past {
        let one = |took_s: &Vec<u64>| PastRollout { verified: 1_000, took_s: took_s.clone(), ..PastRollout::default() };
        Past { rollouts: rollouts.iter().map(one).collect() }
    }

    #[test]
    fn the_slowest_devices_are_kept_as_they_were() {
        // Of two hundred five took two hours, all others ten minutes.
        let took: Vec<u64> = (0..200).map(|n| if n < 5 { 7_200 } else { 600 }).collect();
        let times = Times::of(&past(&[took.clone(), took]));
        assert!((times.at(0.5) - 10.0).abs() < 0.5, "{}", times.at(0.5));
        assert!(times.at(0.99) > 100.0 && times.at(0.96) < 15.0, "{} {}", times.at(0.99), times.at(0.96));
    }

    #[test]
    fn rollouts_that_differ_make_the_factor_differ_however_many_there_were() {
        let of = |n: u64, apart: f64| {
            let one = |nth: u64| {
                (0..100).map(|_| (600.0 * if nth.is_multiple_of(2) { apart } else { 1.0 / apart }) as u64).collect()
            };
            let times = Times::of(&past(&(0..n).map(one).collect::<Vec<_>>()));
            let mut chance = Chance::new(1, 1);
            let logs: Vec<f64> = (0..4_000).map(|_| times.factor(&mut chance).ln()).collect();
            (logs.iter().map(|log| log * log).sum::<f64>() / 4_000.0).sqrt()
        };
        assert!(of(40, 1.5) > 0.36, "what a thousand devices of forty rollouts say does not make the next one certain");
        assert!(of(40, 1.01) < 0.15 && of(2, 1.01) > 0.3, "{} {}", of(40, 1.01), of(2, 1.01));
    }

    #[test]
    fn few_devices_say_less_than_many() {
        let none = Times::of(&Past::default());
        assert!(!none.is_timed && none.longest() > 30.0);
        let few = Times::of(&past(&[vec![600; 5]]));
        let many = Times::of(&past(&[vec![600; 200]]));
        assert!(few.is_timed && few.longest() > 1.3 * many.longest(), "{} {}", few.longest(), many.longest());
        assert!(Times::of(&past(&[vec![0; 9]])).at(0.0) > 0.0, "what took no time took some");
    }
}
