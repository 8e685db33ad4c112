//! What a rollout is to do.

use super::{Cohorts, Experiment, Windows};
use crate::{
    id::ReleaseId,
    time::{MINUTE, Timestamp},
    words::words,
};
use serde::{Deserialize, Serialize};

words! {
    /// Who opens the next wave.
    Advance {
        /// The gate does.
        Auto => "auto", "By itself";
        /// A person does, once the gate allows.
        Manual => "manual", "By hand";
    }
}

words! {
    /// What happens when a gate's limit is passed.
    Reaction {
        /// Nobody else is offered it; who is under way goes on.
        Pause => "pause", "Pause";
        /// It ends; devices keep what they have.
        AbortKeep => "abort_keep", "Abort, devices keep what they have";
        /// It ends; devices that have it get the release named for that.
        AbortRevert => "abort_revert", "Abort and revert";
    }
}

/// What a rollout is to do. Its canonical JSON is what a manager approves.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    /// What people call it.
    pub name: String,
    /// The release that devices get, unless their cohort says otherwise.
    pub release: ReleaseId,
    /// For whom: a fleet query, frozen when the rollout is submitted.
    pub target: String,
    /// The waves, in order.
    pub waves: Vec<Wave>,
    /// The cohorts, if releases are compared.
    #[serde(default)]
    pub cohorts: Option<Cohorts>,
    /// When it starts once it is approved; none for at once.
    #[serde(default)]
    pub start_at: Option<Timestamp>,
    /// When devices are offered it; at any time if there are none.
    #[serde(default)]
    pub windows: Windows,
    /// How many devices are offered it in a minute; none for no limit.
    #[serde(default)]
    pub rate_per_minute: Option<u32>,
    /// How often it is tried again on a device where it failed.
    #[serde(default)]
    pub retries: u32,
    /// After how many minutes without progress a device counts as failed or silent.
    pub timeout_minutes: u32,
    /// For how many minutes a device has to live with the release, counted from its report, until it is verified.
    #[serde(default)]
    pub soak_minutes: u32,
    /// What happens when a gate's limit is passed.
    pub reaction: Reaction,
    /// The release that devices go back to by [`Reaction::AbortRevert`].
    #[serde(default)]
    pub revert_to: Option<ReleaseId>,
    /// Whether devices join that come to match the target later.
    #[serde(default)]
    pub joins: bool,
    /// Whether devices get it that run something newer.
    #[serde(default)]
    pub downgrades: bool,
    /// What makes the order of devices and the split into cohorts. Two rollouts of one salt split alike.
    #[serde(default)]
    pub salt: String,
    /// What is to be found out by comparing the cohorts, if anything.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub experiment: Option<Experiment>,
    /// Whether a device is late by how it usually polls; else by the timeout alone.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub late_by_habit: bool,
    /// Whether each device's user is asked first, and has to agree.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub confirmation_required: bool,
}

/// One wave.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Wave {
    /// What people call it.
    pub name: String,
    /// Who is in it.
    pub size: WaveSize,
    /// What has to be so before the next one is opened.
    pub gate: Gate,
}

/// Who is in a wave, of those that no earlier wave has.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WaveSize {
    /// The first of the order: a share of the whole target, in parts of 100 000.
    Share(u32),
    /// The first of the order: so many devices.
    Devices(u64),
    /// Those of the target that a fleet query means when the rollout is submitted.
    Query(String),
    /// All that are left.
    Rest,
}

/// When the next wave is opened, and when everything stops. Shares are in parts of 100 000.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Gate {
    /// Who opens the next wave.
    pub advance: Advance,
    /// For how many minutes the wave is open at least.
    #[serde(default)]
    pub open_minutes: u32,
    /// Of how many devices the outcome must be known before shares mean anything.
    pub min_sample: u64,
    /// Which share of the devices with an outcome may have failed or reverted.
    pub failed_limit: u32,
    /// Which share of the devices with an outcome may have gone silent.
    pub silent_limit: u32,
    /// Which share of the wave must have an outcome.
    pub done: u32,
    /// With what chance of error the limits are judged by evidence; none to judge the bare shares, of `min_sample` outcomes at
    /// least.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub evidence: Option<ErrorRates>,
}

/// How often a gate that goes by evidence may be wrong, over its whole life and however often it is looked at, in parts of
/// 100 000.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ErrorRates {
    /// The chance that it halts though no more than the limit are harmed.
    pub false_halt: u32,
    /// The chance that it lets through though more than the limit are harmed.
    pub false_advance: u32,
}

impl Plan {
    /// How long a device may be without progress, in microseconds.
    #[must_use]
    pub fn timeout(&self) -> i64 {
        i64::from(self.timeout_minutes) * MINUTE
    }

    /// How long a device has to live with the release, in microseconds.
    #[must_use]
    pub fn soak(&self) -> i64 {
        i64::from(self.soak_minutes) * MINUTE
    }

    /// Every release that a device may get while the rollout runs, each once: not what it may be taken back to.
    #[must_use]
    pub fn sent(&self) -> Vec<ReleaseId> {
        let mut sent: Vec<ReleaseId> = std::iter::once(self.release).chain(self.compared()).collect();
        sent.sort_unstable();
        sent.dedup();
        sent
    }

    /// The releases that cohorts get, in their order; a hold-out has none.
    pub fn compared(&self) -> impl Iterator<Item = ReleaseId> {
        self.cohorts.iter().flat_map(|cohorts| cohorts.variants.iter().filter_map(|variant| variant.release))
    }

    /// Every release that a device may get by this plan, each once.
    #[must_use]
    pub fn releases(&self) -> Vec<ReleaseId> {
        let mut all = self.sent();
        all.extend(self.revert_to);
        all.sort_unstable();
        all.dedup();
        all
    }

    /// The release for a device of this cohort; none for a hold-out.
    #[must_use]
    pub fn release_of(&self, variant: usize) -> Option<ReleaseId> {
        match (&self.cohorts, variant.checked_sub(1)) {
            (Some(cohorts), Some(n)) => cohorts.variants.get(n).and_then(|variant| variant.release),
            _ => Some(self.release),
        }
    }
}
