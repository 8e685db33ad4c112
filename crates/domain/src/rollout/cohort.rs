//! Cohorts: who gets which of several releases, or none of them.

use crate::{
    bucket::{Bound, PARTS, bucket},
    id::{DeviceId, ReleaseId},
};
use serde::{Deserialize, Serialize};

/// The number of the cohort of a device that is in none: it gets the rollout's release. The cohorts of a plan count from 1.
pub const NO_COHORT: usize = 0;

/// The split of a rollout, or of one of its waves.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cohorts {
    /// The wave that is split, from 0; none for all of them.
    #[serde(default)]
    pub wave: Option<usize>,
    /// The cohorts. Their shares are everybody together.
    pub variants: Vec<Variant>,
}

/// One cohort.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Variant {
    /// What people call it: `A`, `B`, `hold-out`.
    pub name: String,
    /// What its devices get; none for a hold-out, which gets nothing.
    #[serde(default)]
    pub release: Option<ReleaseId>,
    /// Its share in parts of 100 000.
    pub share: u32,
}

/// The cohort of a device in a wave: a number that depends on the salt, its id and the split alone.
pub(super) fn cohort_of(cohorts: Option<&Cohorts>, salt: &str, device: DeviceId, wave: usize) -> usize {
    let Some(cohorts) = cohorts.filter(|cohorts| cohorts.wave.is_none_or(|split| split == wave)) else {
        return NO_COHORT;
    };
    // Apart from the order of the waves: else a wave of the first tenth would have no cohort but the first.
    let place = bucket(&format!("{salt}/cohort"), device);
    let mut until = 0_u32;
    for (n, variant) in cohorts.variants.iter().enumerate() {
        until = until.saturating_add(variant.share);
        if Bound::of_parts(until.min(PARTS)).holds(place) {
            return n + 1;
        }
    }
    cohorts.variants.len()
}
