//! What a page of an experiment shows.

use domain::{
    evidence::{Factor, Level, Verdict},
    id::ReleaseId,
    rollout::{Experiment, HeldBack, RolloutState, Settled},
    time::Timestamp,
};
use serde::Serialize;

/// A cohort with what is counted of it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct CohortView {
    /// Its number: the first cohort of the plan is 1.
    pub number: usize,
    /// What people call it.
    pub name: String,
    /// What it gets; none for a hold-out.
    pub release: Option<ReleaseId>,
    /// What that is called; empty for nothing.
    pub title: String,
    /// Its share in parts of 100 000.
    pub share: u32,
    /// How many devices of the target are in it, as it was frozen and joined since.
    pub devices: u64,
    /// How many were offered it, or held out.
    pub exposed: u64,
    /// Of how many it was verified.
    pub verified: u64,
    /// On how many it failed.
    pub failed: u64,
    /// How many went silent.
    pub silent: u64,
    /// By criterion: of how many devices there is a value.
    pub values: Vec<u64>,
    /// By criterion: the mean in the metric's own unit; of shares, a share.
    pub means: Vec<Option<f64>>,
}

/// A difference, variant less control, with its interval: in the metric's own unit; of shares, shares.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct IntervalView {
    /// The difference of means.
    pub difference: f64,
    /// From where on it may lie.
    pub low: f64,
    /// Up to where.
    pub high: f64,
    /// By how many devices of both.
    pub n: u64,
}

/// Devices of one hardware revision in both cohorts.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct StratumView {
    /// What they have in common.
    pub level: Level,
    /// Values of the control's devices, and their mean.
    pub control: (u64, Option<f64>),
    /// Values of the variant's devices, and their mean.
    pub variant: (u64, Option<f64>),
    /// The difference; none before both have values.
    pub interval: Option<IntervalView>,
    /// How strong evidence is that the variant is worse there, corrected for everything that is looked at.
    pub evidence: f64,
    /// Whether that is enough.
    pub is_worse: bool,
    /// Whether the variant is held back there.
    pub is_held: bool,
}

/// A variant, compared with the control by one criterion.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ComparisonView {
    /// The variant's number.
    pub cohort: usize,
    /// By which criterion: 0 is the primary one, the guards count from 1.
    pub criterion: usize,
    /// What it says now.
    pub verdict: Verdict,
    /// It in a sentence.
    pub sentence: String,
    /// The difference; none before both have values.
    pub interval: Option<IntervalView>,
    /// Values of the control's devices, and their mean, without those of revisions at which the variant is held back.
    pub control: (u64, Option<f64>),
    /// Values of the variant's devices, and their mean.
    pub variant: (u64, Option<f64>),
    /// The e-value that it is worse, corrected for all comparisons by closed testing.
    pub worse: f64,
    /// The same that it is better.
    pub better: f64,
    /// By hardware revision.
    pub strata: Vec<StratumView>,
}

/// Whether cohorts are as large as their shares say.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct RatioView {
    /// How likely so much difference is by chance, at every look at once.
    pub p: f64,
    /// Whether sizes are off as they are now.
    pub is_off: bool,
}

/// How devices that differ in something are spread over the cohorts.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct FactorView {
    /// In what they differ.
    pub factor: Factor,
    /// By level, how many exposed devices each cohort has, in the plan's order.
    pub levels: Vec<(String, Vec<u64>)>,
    /// How likely so much unevenness is by chance.
    pub p: f64,
    /// How much it is: 0 for none, 1 for all.
    pub cramers_v: f64,
    /// Whether it is more than chance.
    pub is_off: bool,
}

/// An estimate at a moment.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct SeriesPoint {
    /// When.
    pub at: Timestamp,
    /// The difference then.
    #[serde(flatten)]
    pub interval: IntervalView,
}

/// How the estimate of a variant by one criterion went.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Series {
    /// The variant's number.
    pub cohort: usize,
    /// By which criterion.
    pub criterion: usize,
    /// In the order of their times.
    pub points: Vec<SeriesPoint>,
}

/// An experiment with everything that a page shows of it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ExperimentDetail {
    /// The rollout's word in addresses.
    pub code: String,
    /// Its name.
    pub name: String,
    /// For whom it is: the rollout's fleet query.
    pub target: String,
    /// How far it is.
    pub state: RolloutState,
    /// What is to be found out.
    pub experiment: Experiment,
    /// The cohorts, in the plan's order.
    pub cohorts: Vec<CohortView>,
    /// The number of the one that the others are compared with.
    pub control: usize,
    /// What is found out so far, in one sentence.
    pub sentence: String,
    /// The verdict by the primary metric that says most.
    pub verdict: Verdict,
    /// Whether all verdicts were written for good.
    pub is_settled: bool,
    /// Of how many devices there is a value of the primary metric.
    pub measured: u64,
    /// The e-value that a verdict takes.
    pub needed: f64,
    /// The e-value that harm at one revision takes.
    pub needed_at_revision: f64,
    /// Each variant by each criterion.
    pub comparisons: Vec<ComparisonView>,
    /// Since when it is known that cohorts are not as large as their shares say. That stays so: no verdict is given any more, also
    /// where later sizes are fair.
    pub ratio_off_since: Option<Timestamp>,
    /// Whether cohorts are as large as their shares say by now; none where that can't be said any more, because one is held back.
    pub ratio: Option<RatioView>,
    /// Within what devices are compared.
    pub within: Factor,
    /// How devices are spread over the cohorts.
    pub balance: Vec<FactorView>,
    /// How estimates went.
    pub series: Vec<Series>,
    /// What was found out for good.
    pub settled: Vec<Settled>,
    /// Devices that it goes on without.
    pub held_back: Vec<HeldBack>,
    /// The cohort whose release is the best for all, once that is known.
    pub winner: Option<usize>,
    /// The rollout that brings it to all of the target, if one was made: its word in addresses.
    pub rolled_out: Option<String>,
    /// What is odd about the plan, in sentences.
    pub warnings: Vec<String>,
    /// Grows with every change: to be sent back with what is decided from it.
    pub version: i64,
}
