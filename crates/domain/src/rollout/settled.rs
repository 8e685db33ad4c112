//! What an experiment has found out for good.

use super::NO_COHORT;
use crate::{
    decimal::Decimal,
    evidence::Level,
    time::Timestamp,
    words::{counted, words},
};
use serde::{Deserialize, Serialize};

words! {
    /// What was found out of a cohort by a criterion.
    Found {
        /// It is better than the control, by what matters.
        Better => "better", "Better";
        /// It is worse.
        Worse => "worse", "Worse";
        /// There is no difference that matters.
        Same => "same", "No difference that matters";
        /// It ended before that could be said.
        Open => "open", "Not decided";
        /// Of no cohort: they are not as large as their shares say. The test may be looked at at any time, so what it has found once
        /// stays found.
        Ratio => "ratio", "Sizes of cohorts are off";
    }
}

/// What an experiment has found out for good: written once, when the evidence was enough or the experiment ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Settled {
    /// The cohort, as [`super::Membership::cohort_of`] counts; [`super::NO_COHORT`] for what is of all of them.
    pub cohort: usize,
    /// By which criterion: 0 is the primary one, the guards count from 1.
    pub criterion: usize,
    /// Of which devices; none for all of them.
    #[serde(default)]
    pub level: Option<Level>,
    /// What.
    pub found: Found,
    /// When.
    pub at: Timestamp,
    /// By how many devices of it and the control.
    pub n: u64,
    /// The difference of means, it less the control, in the metric's own unit; none where there was none to be had.
    #[serde(default)]
    pub difference: Option<Decimal>,
    /// From where on the difference may lie.
    #[serde(default)]
    pub low: Option<Decimal>,
    /// Up to where.
    #[serde(default)]
    pub high: Option<Decimal>,
    /// It in a sentence.
    pub sentence: String,
}

impl Settled {
    /// That cohorts are not as large as their shares say, of so many exposed devices.
    #[must_use]
    pub fn ratio(n: u64, at: Timestamp) -> Self {
        let of = counted(n, "exposed device");
        let sentence = format!(
            "The cohorts are not as large as their shares say (p below 0.001, of {of}), so devices were lost on the way: no verdict is \
             given from here on."
        );
        let (difference, low, high) = (None, None, None);
        Self {
            cohort: NO_COHORT,
            criterion: 0,
            level: None,
            found: Found::Ratio,
            at,
            n,
            difference,
            low,
            high,
            sentence,
        }
    }
}
