//! Rollouts after a restore: what was halted, aborted or withdrawn since the backup nobody knows any more, so nothing is sent
//! by itself.

use super::TOPIC;
use crate::{Actor, Result, rollout::out_of_turn};
use domain::{
    rollout::{Deed as Step, RolloutState},
    time::Timestamp,
};
use serde_json::Value;
use store::{
    Tx,
    rollout::{Rollout, event::RolloutEvent},
};

/// Why a rollout does not go on.
const WHY: &str =
    "The console was restored from a backup. What was halted, aborted or withdrawn since is not known here.";

/// Whether a rollout took devices back when its backup was made, and nobody has let it go on since.
pub(crate) fn is_held_back(rollout: &Rollout) -> bool {
    rollout.course.state == RolloutState::Aborted && !rollout.reverting && rollout.reason == WHY
}

/// Pauses what runs, takes approvals back that were not made use of, and takes no device back any more. How many rollouts that
/// were. Devices know updates since the backup by ids that are not given again.
pub(crate) async fn hold_back(tx: &mut Tx, actor: &Actor, now: Timestamp) -> Result<usize> {
    store::update_action::skip_ids(tx).await?;
    let ids = store::rollout::about_to_send(tx).await?;
    for id in &ids {
        let Some(mut rollout) = store::rollout::lock(tx, *id).await? else { continue };
        let (step, words) = match rollout.course.state {
            RolloutState::Running => (Step::Pause, "Paused"),
            RolloutState::Aborted => (Step::Pause, "No device is taken back any more"),
            _ => (Step::Edit, "Back to a draft"),
        };
        if rollout.course.state.is_over() {
            rollout.reverting = false;
        } else {
            rollout.course = rollout.course.apply(step, "").map_err(|error| out_of_turn(&error))?;
        }
        if step == Step::Edit {
            unfreeze(tx, &mut rollout).await?;
        }
        WHY.clone_into(&mut rollout.reason);
        rollout.updated_at = now;
        store::rollout::put(tx, &rollout).await?;
        let event = RolloutEvent {
            at: now,
            actor: actor.name().to_owned(),
            deed: step.as_str().to_owned(),
            wave: rollout.course.wave,
            words: format!("{words}. {WHY}"),
            detail: Value::Null,
        };
        store::rollout::event::append(tx, *id, &event).await?;
        store::change::ring(tx, now, TOPIC, &rollout.code).await?;
    }
    Ok(ids.len())
}

async fn unfreeze(tx: &mut Tx, rollout: &mut Rollout) -> Result<()> {
    store::rollout::target::clear(tx, rollout.id).await?;
    (rollout.frozen, rollout.approval_id, rollout.submitted_at) = (None, None, None);
    rollout.submitted_by.clear();
    rollout.approved_by.clear();
    Ok(())
}
