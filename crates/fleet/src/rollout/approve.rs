//! Approving: a manager who wrote nothing of it, bound to exactly what was shown.

use super::{draft::back_to_draft, forecast::KeptForecast, held, subject_of, submit::shown, write};
use crate::{
    Actor, Error, Fleet, Result,
    approval::{conclude, detail_of},
};
use domain::{
    approval::{ApprovalState, canonical_json},
    audit::Outcome,
    person::Permission,
    rollout::{Deed as Step, RolloutState, numbers_hash, plan_hash},
};
use serde_json::json;
use store::approval::Approval;

/// Why an approval is void.
const CHANGED: &str = "This rollout is not what you were shown any more. It has to be submitted again.";
const FORECAST_ALTERED: &str = "The forecast that is kept of this rollout is not the one that was submitted: it was altered in the \
                                database since. Change its plan and submit it again, so that it is foreseen anew, and find out who \
                                writes to the database.";

impl Fleet {
    /// Decides what somebody else submitted. It is looked once more at what would run: should that be something else, the
    /// approval is void.
    pub(crate) async fn decide_rollout(
        &self,
        actor: &Actor,
        approval: &Approval,
        approve: bool,
        reason: &str,
    ) -> Result<()> {
        let code = approval.subject.strip_prefix("rollout:").unwrap_or_default().to_owned();
        let subject = format!("approval:{}", approval.id);
        let known = self.kept_rollout(&code).await?;
        if known.authors.iter().any(|author| author == actor.name()) {
            let message = "You wrote at this rollout. Somebody who didn’t has to decide it.";
            let detail = json!({"refused": message}).to_string();
            self.audit_alone(actor, Permission::ApprovalDecide.as_str(), &subject, Outcome::Denied, &detail).await?;
            return Err(Error::Conflict(message.to_owned()));
        }
        let sets = store::rollout::target::of(self.db(), known.id).await?;
        let mut deed = self.allow(actor, Permission::ApprovalDecide, &subject).await?;
        let mut rollout = held(&mut deed, known.id, &code).await?;
        let is_as_shown = rollout.version == known.version
            && rollout.course.state == RolloutState::Submitted
            && rollout.approval_id == Some(approval.id)
            && canonical_json(&shown(&rollout)) == canonical_json(&approval.detail)
            && rollout.frozen.as_ref().is_some_and(|frozen| {
                plan_hash(&rollout.plan, frozen) == rollout.course.hash && numbers_hash(&sets.target) == frozen.sha256
            });
        let kept = store::rollout::course::forecast_within(&mut deed.tx, rollout.id).await?;
        let is_forecast_altered =
            is_as_shown && KeptForecast::of(rollout.frozen.as_ref(), kept.as_deref())?.is_altered();
        let author = rollout.authors.iter().any(|author| author == actor.name());
        let state = match (is_as_shown && !is_forecast_altered && !author, approve) {
            (false, _) => ApprovalState::Void,
            (true, true) => ApprovalState::Approved,
            (true, false) => ApprovalState::Rejected,
        };
        conclude(&mut deed, approval, state, reason).await?;
        if state == ApprovalState::Void {
            let message = if is_forecast_altered { FORECAST_ALTERED } else { CHANGED };
            store::approval::void(&mut deed.tx, approval.id, message).await?;
            deed.commit("approval.decide", &subject, &detail_of(approval, state, message)).await?;
            return Err(Error::Conflict(message.to_owned()));
        }
        let (step, words) = if approve {
            actor.name().clone_into(&mut rollout.approved_by);
            (Step::Approve, "Approved".to_owned())
        } else {
            (Step::Reject, format!("Rejected: {reason}"))
        };
        let hash = rollout.course.hash.clone();
        rollout.course = rollout.course.apply(step, &hash).map_err(|error| super::out_of_turn(&error))?;
        if !approve {
            rollout.approval_id = None;
            back_to_draft(&mut deed, &mut rollout, reason).await?;
        }
        reason.clone_into(&mut rollout.reason);
        write(&mut deed, &mut rollout, (step.as_str(), words, json!({"hash": hash}))).await?;
        deed.commit_all(&[
            ("approval.decide", &subject, &detail_of(approval, state, reason)),
            (if approve { "rollout.approve" } else { "rollout.reject" }, &subject_of(&code), &json!({"hash": hash})),
        ])
        .await?;
        // It starts at once where no time was named.
        if approve && let Err(error) = self.start_due_rollouts().await {
            tracing::warn!(%error, rollout = code, "an approved rollout was not started at once; it is tried again");
        }
        Ok(())
    }
}
