//! Rollouts: written, frozen, approved by a second person, and then run by themselves until they are done or a gate stops them.
//!
//! Every node may run the steward: each step is written on the condition that nothing was changed since it was decided. What
//! devices are offered is decided in memory by what was frozen, so that starting a rollout costs the same for a thousand devices
//! and a million; see [`crate::update`].

mod accepted;
mod approve;
mod before;
mod course;
mod crowd;
mod draft;
mod experiment;
mod forecast;
mod held;
mod hold;
mod lasting;
mod late;
mod levels;
mod memory;
mod needed;
mod preview;
mod read;
mod restored;
mod resume;
mod run;
mod steward;
mod submit;
mod why;

pub use before::RolloutBefore;
pub use crowd::{Crowds, Design, Makeup, Part};
pub use experiment::{
    CohortView, ComparisonView, ExperimentDetail, FactorView, IntervalView, RatioView, RolledOut, Series, SeriesPoint,
    StratumView,
};
pub use read::{DeviceOutcome, DeviceOutcomes, RolloutDetail, RolloutPage, RolloutRow, StateCount, WaveView};
pub use resume::{HarmSeen, Resume};
pub use run::Abort;
pub use why::WhyNot;

pub(crate) use forecast::Forecasts;
pub(crate) use late::pace_by_habit;
pub(crate) use memory::{HICCUP, Live, Rollouts, VERDICT, pace_of};
pub(crate) use preview::Previews;
pub(crate) use restored::{hold_back, is_held_back};
pub(crate) use steward::minute_of;

use crate::{Actor, Deed, Error, FieldError, Fleet, Result, webhook};
use domain::{
    id::RolloutId,
    rollout::{Deed as Step, OutOfTurn, PlanError, RolloutState},
    webhook::EventKind,
};
use serde_json::Value;
use store::rollout::{Rollout, event::RolloutEvent};

/// The bell's topic: what was changed of a rollout. Its subjects are the words in addresses.
pub(crate) const TOPIC: &str = "rollout";
/// The bell's topic for what devices did with one.
pub(crate) const PROGRESS: &str = "rollout.progress";
/// What is written when a rollout goes on without some devices, and when its experiment has found something out.
const HOLD: &str = "hold";
const FOUND: &str = "verdict";
/// In whose name rollouts go on by themselves.
const STEWARD: Actor = Actor::Rule { name: "rollout" };

fn subject_of(code: &str) -> String {
    format!("rollout:{code}")
}

fn out_of_turn(error: &OutOfTurn) -> Error {
    Error::Conflict(error.to_string())
}

fn invalid(wrong: Vec<PlanError>) -> Error {
    let field = |error: PlanError| FieldError { field: error.field, message: error.message };
    Error::Invalid { fields: wrong.into_iter().map(field).collect() }
}

fn changed() -> Error {
    Error::Conflict("This rollout was changed by somebody else in between. Look at it again.".to_owned())
}

/// Writes a rollout that the deed holds, notes what was done, and rings.
async fn write(deed: &mut Deed<'_>, rollout: &mut Rollout, event: (&str, String, Value)) -> Result<()> {
    let (fleet, actor) = (deed.fleet(), deed.actor().name().to_owned());
    rollout.updated_at = fleet.now();
    if !store::rollout::put(&mut deed.tx, rollout).await? {
        return Err(changed());
    }
    rollout.version += 1;
    let (word, words, detail) = event;
    let wave = rollout.course.wave;
    let event = RolloutEvent { at: fleet.now(), actor, deed: word.to_owned(), wave, words, detail };
    store::rollout::event::append(&mut deed.tx, rollout.id, &event).await?;
    let found = match word {
        HOLD => Some(EventKind::RolloutHeldBack),
        FOUND => Some(EventKind::ExperimentDecided),
        _ => None,
    };
    if let Some(kind) = found.or_else(|| told(word, rollout.course.state)) {
        webhook::tell(&mut deed.tx, rollout.updated_at, kind, &rollout.code).await?;
    }
    deed.ring(TOPIC, &rollout.code).await
}

/// What webhooks are told of a step, by its word and the state that it led to.
fn told(word: &str, state: RolloutState) -> Option<EventKind> {
    Some(match word.parse().ok()? {
        Step::Edit => return None,
        Step::Submit => EventKind::RolloutSubmitted,
        Step::Reject => EventKind::RolloutRejected,
        Step::Approve => EventKind::RolloutApproved,
        Step::Start => EventKind::RolloutStarted,
        Step::Advance if state == RolloutState::Completed => EventKind::RolloutCompleted,
        Step::Advance => EventKind::WaveOpened,
        Step::Pause => EventKind::RolloutPaused,
        Step::Halt => EventKind::RolloutHalted,
        Step::Resume => EventKind::RolloutResumed,
        Step::Abort => EventKind::RolloutAborted,
    })
}

impl Fleet {
    async fn kept_rollout(&self, code: &str) -> Result<Rollout> {
        let found = store::rollout::by_code(self.db(), code).await?;
        found.ok_or_else(|| Error::not_found("rollout", code))
    }
}

/// A rollout, held by the deed from here on.
async fn held(deed: &mut Deed<'_>, id: RolloutId, code: &str) -> Result<Rollout> {
    store::rollout::lock(&mut deed.tx, id).await?.ok_or_else(|| Error::not_found("rollout", code))
}
