//! Running: what people do with a rollout that is under way. Each is one call, and stopping is never refused while there is
//! something to stop.

use super::{held, is_held_back, out_of_turn, subject_of, write};
use crate::{Actor, Error, Fleet, Result};
use domain::{
    audit::Outcome,
    person::Permission,
    rollout::{ActionKind, Course, Decision, Deed as Step, Missing, RolloutState},
    time::Timestamp,
};
use serde_json::{Value, json};
use store::rollout::{
    Rollout,
    count::{self, RolloutCount},
};

/// How a rollout is ended early.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Abort {
    /// Devices keep what they have.
    Keep,
    /// Devices that have it get the release that the plan names for that.
    Revert,
}

const REASON_MAX: usize = 400;

pub(super) fn reason_of(text: &str) -> Result<&str> {
    let text = text.trim();
    if text.chars().count() > REASON_MAX {
        return Err(Error::field("reason", format!("Keep the reason under {REASON_MAX} characters.")));
    }
    Ok(text)
}

/// That another wave is open than the one that was meant. People count waves from 1, programs from 0.
fn another_wave(rollout: &Rollout) -> Error {
    let open = rollout.course.wave.map_or_else(
        || "None is open yet".to_owned(),
        |wave| format!("Wave {} of {} is open (“wave”: {wave} to programs)", wave + 1, rollout.course.waves),
    );
    Error::Conflict(format!("Another wave was meant. {open}. Look at it again."))
}

/// Whoever may not go on before a gate lets everybody is told what that waits for.
fn too_soon(error: Error, wave: usize, decision: Option<Decision>) -> Error {
    match (error, decision) {
        (Error::Forbidden { .. }, Some(decision)) if decision.waits_for_manager() => {
            Error::Conflict(format!("Wave {} waits for a manager, who lets it go on in the console.", wave + 1))
        }
        (Error::Forbidden { .. }, Some(Decision::Stay(missing))) => {
            let missing: Vec<String> = missing.iter().map(Missing::words).collect();
            Error::Conflict(format!("Wave {} waits for this: {}.", wave + 1, missing.join(", ")))
        }
        (error, _) => error,
    }
}

impl Fleet {
    /// Pauses a rollout: no device is offered it, who is under way goes on. Pausing what is paused changes nothing.
    ///
    /// # Errors
    /// When the actor may not, there is no such rollout, or it does not run.
    pub async fn pause_rollout(&self, actor: &Actor, code: &str, reason: &str) -> Result<()> {
        self.authorise(actor, Permission::RolloutRun, &subject_of(code)).await?;
        let reason = reason_of(reason)?;
        self.step(actor, code, Step::Pause, |rollout| {
            if rollout.course.state == RolloutState::Paused {
                return Ok(None);
            }
            // Why its gate stopped it is worth knowing still.
            rollout.reason = match (rollout.course.state, rollout.reason.as_str()) {
                (RolloutState::Halted, gate) if !gate.is_empty() => {
                    format!("{gate} {}.", with_reason("Paused then", reason.trim_end_matches('.')))
                }
                _ => reason.to_owned(),
            };
            Ok(Some((with_reason("Paused", reason), Value::Null)))
        })
        .await
    }

    /// Opens the next wave, or completes a rollout whose last wave is open: once its gate allows, or sooner by a manager. `wave` is the one that whoever decides has seen to
    /// be open, from 0: a second click opens no second wave.
    ///
    /// # Errors
    /// When the actor may not, there is no such rollout, it does not run, its gate speaks against it, or another wave is open.
    pub async fn advance_rollout(&self, actor: &Actor, code: &str, wave: usize) -> Result<()> {
        let subject = subject_of(code);
        self.authorise(actor, Permission::RolloutRun, &subject).await?;
        let known = self.as_accepted(self.kept_rollout(code).await?).await?;
        // How it stands and that another wave was meant is told first: neither is a question of who may open the next one early.
        known.course.state.after(Step::Advance).map_err(|error| out_of_turn(&error))?;
        if known.course.wave != Some(wave) {
            return Err(another_wave(&known));
        }
        let evidence = self.evidence_of(&known).await?;
        if let Some((open, why)) = super::steward::verdict(&known, &evidence, self.now()) {
            return Err(Error::Conflict(format!("The gate of wave {} speaks against it: {why}", open + 1)));
        }
        let decision = super::steward::decide_wave(&known, &evidence, wave, self.now());
        if !decision.as_ref().is_some_and(Decision::is_ready) {
            // Sooner than what was approved says: that takes who approves.
            self.authorise_as_decider(actor, &subject).await.map_err(|error| too_soon(error, wave, decision))?;
        }
        self.step(actor, code, Step::Advance, |rollout| {
            if rollout.course.wave != Some(wave) {
                return Err(another_wave(rollout));
            }
            let words = if wave + 1 < rollout.course.waves {
                format!("Opened wave {} by hand", wave + 2)
            } else {
                "Completed by hand".to_owned()
            };
            Ok(Some((words, json!({ "evidence": evidence }))))
        })
        .await
    }

    /// Ends a rollout early. What was ended stays so, and doing it again changes nothing; but whoever let devices keep what
    /// they have may still let them go back.
    ///
    /// # Errors
    /// When the actor may not, there is no such rollout, it is completed, or its plan names nothing to go back to.
    pub async fn abort_rollout(&self, actor: &Actor, code: &str, how: Abort, reason: &str) -> Result<()> {
        self.authorise(actor, Permission::RolloutRun, &subject_of(code)).await?;
        let reason = reason_of(reason)?;
        if how == Abort::Revert && self.revert_late(actor, code, reason).await? {
            return Ok(());
        }
        self.step(actor, code, Step::Abort, |rollout| {
            if how == Abort::Revert && rollout.plan.revert_to.is_none() {
                return Err(Error::field("revert", "The plan names no release to go back to. Abort and keep instead."));
            }
            if rollout.course.state == RolloutState::Aborted {
                return Ok(None);
            }
            let was_begun = rollout.course.wave.is_some();
            rollout.reverting = how == Abort::Revert && was_begun;
            reason.clone_into(&mut rollout.reason);
            let words = match how {
                Abort::Keep => "Aborted; devices keep what they have",
                Abort::Revert => "Aborted; devices go back",
            };
            Ok(Some((with_reason(words, reason), json!({ "revert": rollout.reverting }))))
        })
        .await
    }

    /// Going beyond what was approved is a decision as an approval is: by a manager, in person. No token can.
    pub(super) async fn authorise_as_decider(&self, actor: &Actor, subject: &str) -> Result<()> {
        self.authorise(actor, Permission::ApprovalDecide, subject).await?;
        if !matches!(actor, Actor::Token { .. }) {
            return self.require_fresh(actor).await;
        }
        let message = "This goes beyond what was approved, and people decide that. Sign in as a manager.";
        let detail = json!({"refused": message}).to_string();
        self.audit_alone(actor, Permission::ApprovalDecide.as_str(), subject, Outcome::Denied, &detail).await?;
        Err(Error::Conflict(message.to_owned()))
    }

    /// Lets devices go back that keep what an aborted rollout brought; false when that is not how it stands.
    async fn revert_late(&self, actor: &Actor, code: &str, reason: &str) -> Result<bool> {
        let subject = subject_of(code);
        let keeps = |rollout: &Rollout| {
            let was_begun = rollout.course.wave.is_some() && rollout.plan.revert_to.is_some();
            rollout.course.state == RolloutState::Aborted && was_begun && !rollout.reverting
        };
        let known = self.kept_rollout(code).await?;
        // Who went back once is not sent again.
        let is_back = |count: &RolloutCount| count.kind == ActionKind::Revert;
        if !keeps(&known) {
            return Ok(false);
        }
        // After a restore it goes on with those who are not back yet.
        if !is_held_back(&known) && count::of(self.db(), known.id).await?.iter().any(is_back) {
            return Ok(false);
        }
        let mut deed = self.allow(actor, Permission::RolloutRun, &subject).await?;
        let mut rollout = held(&mut deed, known.id, code).await?;
        if !keeps(&rollout) {
            return Ok(false);
        }
        (rollout.reverting, rollout.is_active) = (true, true);
        reason.clone_into(&mut rollout.reason);
        let detail = json!({ "revert": true });
        let words = with_reason("Devices go back after all", reason);
        write(&mut deed, &mut rollout, (Step::Abort.as_str(), words, detail.clone())).await?;
        let detail = json!({"state": rollout.course.state, "wave": rollout.course.wave, "reason": rollout.reason, "detail": detail});
        deed.commit("rollout.abort", &subject, &detail).await?;
        self.rollout_committed().await;
        Ok(true)
    }

    /// One step of a rollout, in a transaction that holds it. `change` says what is done in words, or that nothing has to be.
    pub(super) async fn step<F>(&self, actor: &Actor, code: &str, step: Step, change: F) -> Result<()>
    where
        F: FnOnce(&mut Rollout) -> Result<Option<(String, Value)>>,
    {
        let subject = subject_of(code);
        self.authorise(actor, Permission::RolloutRun, &subject).await?;
        let known = self.kept_rollout(code).await?;
        let mut deed = self.allow(actor, Permission::RolloutRun, &subject).await?;
        let mut rollout = held(&mut deed, known.id, code).await?;
        let before = rollout.course.clone();
        let Some((words, detail)) = change(&mut rollout)? else { return Ok(()) };
        let hash = before.hash.clone();
        rollout.course = before.apply(step, &hash).map_err(|error| out_of_turn(&error))?;
        moved(&mut rollout, &before, self.now());
        if step == Step::Abort && before.state == RolloutState::Submitted {
            super::draft::void_approval(&mut deed, &rollout, "The rollout was aborted.").await?;
        }
        write(&mut deed, &mut rollout, (step.as_str(), words, detail.clone())).await?;
        let action = format!("rollout.{step}");
        let detail = json!({"state": rollout.course.state, "wave": rollout.course.wave, "reason": rollout.reason, "detail": detail});
        deed.commit(&action, &subject, &detail).await?;
        self.rollout_committed().await;
        Ok(())
    }
}

pub(super) fn with_reason(words: &str, reason: &str) -> String {
    if reason.is_empty() { words.to_owned() } else { format!("{words}: {reason}") }
}

/// Times and marks that follow from a step.
pub(super) fn moved(rollout: &mut Rollout, before: &Course, now: Timestamp) {
    let state = rollout.course.state;
    rollout.is_active = state.is_begun() && rollout.course.wave.is_some();
    if rollout.course.wave != before.wave {
        rollout.wave_opened_at = Some(now);
        rollout.started_at = rollout.started_at.or(Some(now));
    }
    if state == RolloutState::Running && matches!(before.state, RolloutState::Paused | RolloutState::Halted) {
        rollout.resumed_at = Some(now);
    }
    if state.is_over() && !before.state.is_over() {
        rollout.ended_at = Some(now);
    }
}
