//! Why a device gets a rollout, or doesn't, in a sentence.

use super::memory::Live;
use crate::{
    Actor, Error, Fleet, Result,
    update::{member_of, offer_of},
};
use domain::{
    certificate::CertificateStatus,
    device::Device,
    rollout::{ActionState, Reason, RolloutState, trusted},
};
use serde::Serialize;
use std::sync::Arc;

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
    /// How far the device is with it; none before it was told of it.
    pub progress: Option<ActionState>,
    /// Why it is offered nothing now; none when it is offered it the next time it asks, or was already.
    pub why_not: Option<String>,
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
        self.why_not_of(&device, &live).await
    }

    /// What the rollouts that are under way mean for a device, in the order in which they come.
    ///
    /// # Errors
    /// When the actor may not see the fleet, or there is no such device.
    pub async fn device_rollouts(&self, actor: &Actor, serial: &str) -> Result<Vec<WhyNot>> {
        let device = self.device(actor, serial).await?;
        self.refresh_rollouts().await?;
        let mut out = Vec::new();
        for live in self.inner.rollouts.all().iter() {
            out.push(self.why_not_of(&device, live).await?);
        }
        Ok(out)
    }

    async fn why_not_of(&self, device: &Device, live: &Arc<Live>) -> Result<WhyNot> {
        let state = store::poll::poll_state(self.db(), device.id).await?;
        let missing = || Error::not_found("device", &device.serial);
        let mut updatable = state.and_then(|state| state.updates).ok_or_else(missing)?;
        updatable.subject.held = self.has_only_held(&device.serial).await?;
        let member = member_of(device.id, &updatable);
        let rollout = &live.rollout;
        let wave = live.membership.wave_of(member);
        let cohort = wave.map_or(0, |wave| live.membership.cohort_of(device.id, wave));
        let progress = updatable.actions.iter().find(|action| action.rollout == rollout.id).map(|action| action.state);
        let busy = updatable.actions.iter().find(|action| !action.state.is_closed() && action.rollout != rollout.id);
        let reason = trusted(&updatable.subject)
            .and_then(|()| match busy {
                Some(busy) => Err(Reason::Busy(busy.state.label().to_lowercase())),
                None => Ok(()),
            })
            .and_then(|()| offer_of(live, device.id, &updatable, self.now()).map(drop));
        let is_under_way = progress.is_some_and(|state| !state.is_closed());
        let why_not = match reason {
            Err(reason) if !(is_under_way && reason == Reason::HadIt) => Some(reason.words()),
            _ => None,
        };
        Ok(WhyNot {
            rollout: rollout.code.clone(),
            name: rollout.plan.name.clone(),
            state: rollout.course.state,
            wave,
            cohort,
            progress,
            why_not,
        })
    }

    /// Whether all certificates of a device that count are on hold.
    async fn has_only_held(&self, serial: &str) -> Result<bool> {
        let certificates = store::certificate::of_device(self.db(), serial).await?;
        let alive: Vec<_> = certificates
            .iter()
            .filter(|certificate| certificate.not_after > self.now())
            .filter(|certificate| certificate.status != CertificateStatus::Superseded)
            .collect();
        Ok(!alive.is_empty() && alive.iter().all(|certificate| certificate.status == CertificateStatus::Held))
    }
}
