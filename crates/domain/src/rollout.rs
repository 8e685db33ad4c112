//! Rollouts: a release, for whom, in which waves, and when to stop.
//!
//! What is decided here is decided the same at every moment and on every node: who belongs to which wave and which cohort
//! follows from a device's id, its number and what was frozen when the rollout was submitted.

mod accepted;
mod action;
mod action_state;
mod answer;
mod cohort;
mod course;
mod eligible;
mod experiment;
mod feedback;
mod forecast;
mod freeze;
mod gate;
mod held_back;
mod interval;
mod plan;
mod settled;
mod user_answer;
mod validate;
mod validate_experiment;
mod weigh;
mod window;
mod window_text;

#[cfg(test)]
mod tests;

pub use accepted::Accepted;
pub use action::{Action, ActionEvent, Pace, late_after};
pub use action_state::{ActionKind, ActionState};
pub use answer::{Answer, Around, UnderWay, answer};
pub use cohort::{Cohorts, NO_COHORT, Variant};
pub use course::{Course, Deed, OutOfTurn, RolloutState};
pub use eligible::{Fits, Reason, Remedy, Subject, eligible, fits_channel, may_install, trusted};
pub use experiment::{Better, Criterion, Experiment, Metric};
pub use feedback::{Execution, Feedback, Finished};
pub use forecast::{
    BRICKED, Basis, Bytes, Crowd, ExpectedCourse, Foreseen, INSTALLS, Loss, Outlook, Past, PastRollout, Point, Range,
    Stop, Told, WaveCourse, WaveForecast, due_at, expect, forecast, foresee, lose,
};
pub use freeze::{Frozen, FrozenWave, Member, Members, Membership, freeze, freeze_and_draw, numbers_hash, plan_hash};
pub use gate::{Decision, Evidence, Missing, decide};
pub use held_back::HeldBack;
pub use interval::share_interval;
pub use plan::{Advance, ErrorRates, Gate, Plan, Reaction, Wave, WaveSize};
pub use settled::{Found, Settled};
pub use user_answer::{Consent, UserAnswer};
pub use validate::{
    COHORTS_MAX, MINUTES_MAX, NAME_MAX, PlanError, RATE_MAX, RETRIES_MAX, WAVES_MAX, WINDOWS_MAX, validate,
};
pub use validate_experiment::{GUARDS_MAX, HYPOTHESIS_MAX, PLANNED_MIN};
pub use weigh::{Harm, Weighed, tenths};
pub use window::{Day, Window, Windows, zone};

/// The first action id that devices are given. Newer Zephyr reads an id from its second digit on, so that of 5 nothing is left
/// and of 10005 there is 5.
pub const FIRST_ACTION: i32 = 10_001;

/// Whether an id may be given to a device's action: it is a positive 32-bit number from [`FIRST_ACTION`] on, and what follows
/// its first digit is not all zeros.
#[must_use]
pub fn is_action_id(id: i64) -> bool {
    let tail_of = |id: i64| id.to_string().bytes().skip(1).any(|digit| digit != b'0');
    id >= i64::from(FIRST_ACTION) && id <= i64::from(i32::MAX) && tail_of(id)
}
