//! What rollouts before have shown: how many devices failed or went silent, and how long an update takes on a device.
//!
//! What is known of few devices and few releases is not taken for known: each run draws what its release is like from what may be
//! after that was seen ([`super::harm`], [`super::times`]).

use super::{
    chance::{Chance, point},
    harm::{Counts, Harm},
    times::Times,
};
use serde::Serialize;

/// What is taken for granted where nothing is known: a release of fifty devices of which one is harmed, and one harmed device that
/// fails by a half and goes silent by a half.
const HARMED: Counts = (1.0, 50.0);
const SILENT: Counts = (0.5, 1.0);
/// Up to this share of polls is missed: of most products it is not known which.
const MISSED: f64 = 0.02;
/// Among how many draws those of the runs are chosen evenly.
const DRAWS: usize = 2_048;

/// A rollout that was started before.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct PastRollout {
    /// How many devices were verified.
    pub verified: u64,
    /// How many failed or went back.
    pub failed: u64,
    /// How many went silent.
    pub silent: u64,
    /// Of some of its devices how many seconds passed from their offer until they reported the version.
    pub took_s: Vec<u64>,
}

/// What is known of rollouts before.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Past {
    /// They, in any order.
    pub rollouts: Vec<PastRollout>,
}

/// What a release is like in one run.
#[derive(Clone, Copy, Debug)]
pub(super) struct Nature {
    /// The share of devices that come to harm.
    pub(super) harmed: f64,
    /// The share of these that goes silent; the others fail.
    pub(super) silent: f64,
    /// The share of polls that are missed. Whoever misses one comes an interval later.
    pub(super) missed: f64,
    /// How many times as long as usual it takes on a device.
    pub(super) slower: f64,
}

/// What releases may be like.
pub(super) struct Natures {
    seed: u64,
    harmed: Vec<f64>,
    silent: Vec<f64>,
    slower: Vec<f64>,
}

impl Past {
    /// How many rollouts it tells of, and of how many devices with an outcome.
    #[must_use]
    pub fn seen(&self) -> (u64, u64) {
        let outcomes = self.rollouts.iter().map(|past| past.verified + past.failed + past.silent);
        (self.rollouts.len() as u64, outcomes.sum())
    }

    /// What the next release may be like.
    pub(super) fn natures(&self, times: &Times, seed: u64) -> Natures {
        // A release is good or bad as a whole; how its harm shows is another question.
        let counts = |past: &PastRollout| {
            let (silent, harmed) = (past.silent as f64, (past.failed + past.silent) as f64);
            ((harmed, past.verified as f64 + harmed), (silent, harmed))
        };
        let (harmed, silent): (Vec<_>, Vec<_>) = self.rollouts.iter().map(counts).unzip();
        let (harmed, silent) = (Harm::of(&harmed, HARMED), Harm::of(&silent, SILENT));
        // Streams that no run has.
        let sorted = |nth: u64, draw: &dyn Fn(&mut Chance) -> f64| {
            let mut chance = Chance::new(seed, u64::MAX - 1 - nth);
            let mut all: Vec<f64> = (0..DRAWS).map(|_| draw(&mut chance)).collect();
            all.sort_by(f64::total_cmp);
            all
        };
        Natures {
            seed,
            harmed: sorted(0, &|chance| harmed.draw(chance)),
            silent: sorted(1, &|chance| silent.draw(chance)),
            slower: sorted(2, &|chance| times.factor(chance)),
        }
    }
}

impl Natures {
    /// That of a run. Those of the first so many runs are spread evenly.
    pub(super) fn of(&self, run: u64) -> Nature {
        let [slower, harmed, silent, missed] = point(self.seed, run);
        let at = |sorted: &[f64], share: f64| sorted.get((share * DRAWS as f64) as usize).copied().unwrap_or_default();
        Nature {
            harmed: at(&self.harmed, harmed),
            silent: at(&self.silent, silent),
            missed: MISSED * missed,
            slower: at(&self.slower, slower),
        }
    }
}
