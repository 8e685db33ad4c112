//! Why a device gets a rollout, or doesn't, in a sentence.

use super::memory::Live;
use crate::{
    Actor, Error, Fleet, Result,
    update::{member_of, offer_of},
};
use domain::{
    certificate::CertificateStatus,
    device::Device,
    id::ReleaseId,
    rollout::{ActionState, Reason, Remedy, RolloutState, trusted},
    time::Timestamp,
};
use serde::Serialize;
use std::sync::Arc;
use store::poll::Updatable;

/// What a rollout means for a device.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct WhyNot {
    /// The rollout's word in addresses.
    pub rollout: String,
    /// Its name.
    pub name: String,
    /// How far the rollout is.
    pub state: RolloutState,
    /// The device's wave, from 0; none when it is in none.
    pub wave: Option<usize>,
    /// Its cohort; 0 for none.
    pub cohort: usize,
    /// What its cohort is called.
    pub cohort_name: Option<String>,
    /// What it gets, or would get; none in a hold-out.
    pub release: Option<ReleaseId>,
    /// What that is called; empty for nothing.
    pub title: String,
    /// Whether it lies in a repository, where the device asks for it at a time of its own: no poll offers it.
    pub in_repository: bool,
    /// Whether its user is asked first, unless that one agreed to everything.
    pub asks: bool,
    /// How far the device is with it; none before it was told of it.
    pub progress: Option<ActionState>,
    /// Why it is offered nothing now; none when it is offered it the next time it asks, or was already.
    pub why_not: Option<String>,
    /// Where that can be changed.
    pub remedy: Option<Remedy>,
}

impl WhyNot {
    /// Whether it is offered it the next time it asks, by a poll or at its repository, if nothing comes before.
    #[must_use]
    pub const fn is_next(&self) -> bool {
        self.why_not.is_none() && self.progress.is_none()
    }
}

impl Fleet {
    /// What a rollout means for a device.
    ///
    /// # Errors
    /// When the actor may not see the fleet, or there is no such device or rollout.
    pub async fn why_not(&self, actor: &Actor, serial: &str, code: &str) -> Result<WhyNot> {
        let device = self.device(actor, serial).await?;
        let rollout = self.kept_rollout(code).await?;
        let live = self.live_rollout(rollout.id).await?.ok_or_else(|| Error::not_found("rollout", code))?;
        let updatable = self.updatable(&device).await?;
        Ok(why_not_of(&device, &updatable, &live, self.now()))
    }

    /// What the rollouts that are under way mean for a device, in the order in which they come.
    ///
    /// # Errors
    /// When the actor may not see the fleet, or there is no such device.
    pub async fn device_rollouts(&self, actor: &Actor, serial: &str) -> Result<Vec<WhyNot>> {
        let device = self.device(actor, serial).await?;
        self.refresh_rollouts().await?;
        let updatable = self.updatable(&device).await?;
        let all = self.inner.rollouts.all();
        Ok(all.iter().map(|live| why_not_of(&device, &updatable, live, self.now())).collect())
    }

    /// What decides which updates a device gets, with what its poll need not look up: whether it is on hold.
    async fn updatable(&self, device: &Device) -> Result<Updatable> {
        let state = store::poll::poll_state(self.db(), device.id).await?;
        let missing = || Error::not_found("device", &device.serial);
        let mut updatable = state.and_then(|state| state.updates).map(Arc::unwrap_or_clone).ok_or_else(missing)?;
        updatable.subject.held = self.has_only_held(&device.serial).await?;
        Ok(updatable)
    }

    /// Whether all certificates of a device that count are on hold.
    pub(super) async fn has_only_held(&self, serial: &str) -> Result<bool> {
        let certificates = store::certificate::of_device(self.db(), serial).await?;
        let alive: Vec<_> = certificates
            .iter()
            .filter(|certificate| certificate.not_after > self.now())
            .filter(|certificate| certificate.status != CertificateStatus::Superseded)
            .collect();
        Ok(!alive.is_empty() && alive.iter().all(|certificate| certificate.status == CertificateStatus::Held))
    }
}

fn why_not_of(device: &Device, updatable: &Updatable, live: &Arc<Live>, now: Timestamp) -> WhyNot {
    let rollout = &live.rollout;
    let wave = live.membership.wave_of(member_of(device.id, updatable));
    let cohort = wave.map_or(0, |wave| live.membership.cohort_of(device.id, wave));
    let cohorts = rollout.plan.cohorts.as_ref();
    let variant = cohorts.and_then(|cohorts| cohorts.variants.get(cohort.checked_sub(1)?));
    let had = updatable.actions.iter().find(|action| action.rollout == rollout.id);
    let progress = had.map(|action| action.state);
    let release = had.map(|action| action.release).or_else(|| rollout.plan.release_of(cohort));
    let busy = updatable.actions.iter().find(|action| !action.state.is_closed() && action.rollout != rollout.id);
    let offered = || offer_of(live, device.id, updatable, now).map(drop);
    let reason = match wave {
        // Whoever is in none of its waves stays so, whatever else there is at the moment.
        None => offered(),
        Some(_) => trusted(&updatable.subject)
            .and_then(|()| match busy {
                Some(busy) => Err(Reason::Busy(busy.state.label().to_lowercase())),
                None => Ok(()),
            })
            .and_then(|()| offered()),
    };
    let is_under_way = progress.is_some_and(|state| !state.is_closed());
    let reason = reason.err().filter(|reason| !(is_under_way && *reason == Reason::HadIt));
    let found = release.and_then(|id| live.releases.get(&id));
    WhyNot {
        rollout: rollout.code.clone(),
        name: rollout.plan.name.clone(),
        state: rollout.course.state,
        wave,
        cohort,
        cohort_name: variant.map(|variant| variant.name.clone()),
        release,
        title: found.map(|found| found.title.clone()).unwrap_or_default(),
        in_repository: found.is_some_and(|found| found.kind.is_repository()),
        asks: rollout.plan.confirmation_required,
        progress,
        why_not: reason.as_ref().map(Reason::words),
        remedy: reason.as_ref().and_then(Reason::remedy),
    }
}
