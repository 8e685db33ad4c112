//! Devices that are offered nothing by an experiment: those that get nothing for comparison, and those to whom another cohort's release
//! could be offered and their own could not. That is written down once, at the poll at which others of their wave would have been
//! offered it. From then on their poll knows it and writes nothing.
//!
//! Who counts is decided for each device once, at the first poll at which any cohort's release could be offered to it, whichever cohort
//! it is in itself: if every one could, it is exposed, else it is left out for good. So the cohorts are alike.

use super::{
    choose::member_of,
    deliver::POLL_WAITS,
    exposure::{Concerned, expose},
};
use crate::{
    Actor, Fleet, Result,
    rollout::{Live, PROGRESS, minute_of},
};
use domain::{
    id::{DeviceId, ReleaseId},
    rollout::{HeldBack, NO_COHORT, RolloutState, eligible},
    time::Timestamp,
};
use std::sync::Arc;
use store::{poll::Updatable, rollout::Standing};

/// The wave and the cohort by which a device counts from now on although it is offered nothing, [`NO_COHORT`] for one that is left out;
/// none if there is nothing to be written down.
fn held_out_from(live: &Live, id: DeviceId, updatable: &Updatable, now: Timestamp) -> Option<(usize, usize)> {
    let rollout = &live.rollout;
    let is_new = rollout.course.state == RolloutState::Running
        && rollout.plan.experiment.is_some()
        && !updatable.held_out.contains(&rollout.id)
        && updatable.actions.iter().all(|action| action.rollout != rollout.id);
    if !is_new {
        return None;
    }
    let wave = live.membership.wave_of(member_of(id, updatable)).filter(|wave| rollout.course.offers(*wave))?;
    let own = live.membership.cohort_of(id, wave);
    let subject = &updatable.subject;
    if own == NO_COHORT || rollout.held_back.iter().any(|held| held.holds(own, &subject.revision, &subject.batch)) {
        return None;
    }
    // When it would have been its turn: else those who are held out would be others, and sooner.
    let fits = |id: ReleaseId| live.releases.get(&id).map(|found| &found.fits);
    let can_get = |id: ReleaseId| fits(id).is_some_and(|fits| eligible(subject, fits, &rollout.plan, now).is_ok());
    let cohort = match rollout.plan.release_of(own) {
        Some(release) if can_get(release) => return None,
        None if rollout.plan.compared().all(can_get) => own,
        _ if rollout.plan.compared().any(can_get) => NO_COHORT,
        _ => return None,
    };
    let is_full = rollout.plan.rate_per_minute.is_some() && live.is_full(minute_of(now));
    (!is_full).then_some((wave, cohort))
}

impl Fleet {
    /// Writes down from which experiments a device is held out or left out, once for each. Whatever goes wrong, its poll is answered.
    pub(super) async fn note_held_out(&self, actor: &Actor, id: DeviceId, updatable: &Updatable, all: &[Arc<Live>]) {
        let now = self.now();
        for live in all {
            let Some((wave, cohort)) = held_out_from(live, id, updatable, now) else { continue };
            if let Err(error) = self.write_held_out(actor, (id, updatable), live, (wave, cohort)).await {
                tracing::warn!(%error, device = actor.name(), "that a device is held out or left out was not noted; it is tried again");
            }
        }
    }

    async fn write_held_out(
        &self,
        actor: &Actor,
        (id, updatable): (DeviceId, &Updatable),
        live: &Live,
        (wave, cohort): (usize, usize),
    ) -> Result<()> {
        let rollout = &live.rollout;
        self.check_compared(&rollout.plan, POLL_WAITS).await?;
        let now = self.now();
        let mut deed = self.deed_of_device(actor).await?;
        let Some(device) = store::device::lock(&mut deed.tx, id).await? else { return Ok(()) };
        let standing = store::rollout::standing(&mut deed.tx, rollout.id).await?;
        let is_open = |standing: &Standing| {
            let subject = &updatable.subject;
            let is_held = |held: &HeldBack| held.holds(cohort, &subject.revision, &subject.batch);
            standing.state == RolloutState::Running
                && standing.wave.is_some_and(|open| wave <= open)
                && !standing.held_back.iter().any(is_held)
        };
        if !standing.as_ref().is_some_and(is_open) {
            return Ok(());
        }
        // It takes a turn as those do who are offered it, so that cohorts grow side by side.
        if let Some(rate) = rollout.plan.rate_per_minute {
            let minute = minute_of(now);
            if store::rollout::count_in_minute(&mut deed.tx, rollout.id, minute, rate).await?.is_none() {
                live.note_full(minute);
                return Ok(());
            }
        }
        let number = store::update_action::number_of(&mut deed.tx, id).await?;
        let (plan, held_out) = (&rollout.plan, true);
        let who = Concerned { rollout: rollout.id, plan, device: id, wave, cohort, held_out, at: now };
        if !expose(&mut deed, number, &who).await? {
            // Another node was faster; what was read of the device is late.
            self.inner.polls.forget(&device.serial);
            return Ok(());
        }
        deed.ring("device", &device.serial).await?;
        deed.ring(PROGRESS, &rollout.code).await?;
        deed.commit_as_history().await
    }
}
