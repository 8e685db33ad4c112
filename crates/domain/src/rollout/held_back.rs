//! Devices that a rollout goes on without.

use crate::{
    evidence::{Factor, Level},
    time::Timestamp,
};
use serde::{Deserialize, Serialize};

/// Devices that are offered nothing more by a rollout that goes on for the others.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HeldBack {
    /// Of this cohort only, as [`super::Membership::cohort_of`] counts; none for all of them.
    #[serde(default)]
    pub cohort: Option<usize>,
    /// What they have in common.
    pub level: Level,
    /// Why, in a sentence.
    pub why: String,
    /// Since when.
    pub at: Timestamp,
    /// How many they are, by wave and cohort, without those that are held back for another reason before this one: so many the waves
    /// are smaller.
    #[serde(default)]
    pub devices: Vec<Vec<u64>>,
}

impl HeldBack {
    /// How many of a wave they are, of the cohorts that get anything.
    #[must_use]
    pub fn of_wave(&self, wave: usize, gets: impl Fn(usize) -> bool) -> u64 {
        let cohorts = self.devices.get(wave).into_iter().flatten().enumerate();
        cohorts.filter(|(cohort, _)| gets(*cohort)).map(|(_, n)| n).sum()
    }

    /// Whether a device is one of them, as far as its poll knows: by its cohort, its revision and its batch.
    #[must_use]
    pub fn holds(&self, cohort: usize, revision: &str, batch: &str) -> bool {
        self.cohort.is_none_or(|held| held == cohort)
            && match self.level.factor {
                Factor::All => true,
                Factor::Revision => self.level.level == revision,
                Factor::Batch => self.level.level == batch,
                Factor::Region | Factor::Maker => false,
            }
    }
}
