//! What is to be expected of a plan: by how its devices poll at present, and by what rollouts of its product have shown.

use super::{crowd::Makeup, steward::evidence};
use crate::{Error, Fleet, Result};
use domain::{
    id::{ReleaseId, RolloutId},
    rollout::{Basis, Crowd, Foreseen, Frozen, Past, PastRollout, Plan, foresee},
    time::{SECOND, Timestamp},
};
use sha2::{Digest, Sha256};
use std::{
    collections::{HashMap, VecDeque},
    sync::{Mutex, PoisonError},
};
use store::rollout::count;

/// How many rollouts before are looked at.
const BEFORE: i64 = 8;
/// Of how many devices of each it is looked how long they took, from either end.
const TIMED: i64 = 100;
/// How many forecasts are kept in memory.
const KEPT: usize = 64;

/// Forecasts that this process has made, by the hash of all that they follow from.
#[derive(Default)]
pub(crate) struct Forecasts(Mutex<(HashMap<String, Foreseen>, VecDeque<String>)>);

impl Forecasts {
    fn get(&self, hash: &str) -> Option<Foreseen> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).0.get(hash).cloned()
    }

    fn keep(&self, hash: String, foreseen: Foreseen) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (all, order) = &mut *kept;
        if all.insert(hash.clone(), foreseen).is_none() {
            order.push_back(hash);
        }
        while order.len() > KEPT {
            if let Some(oldest) = order.pop_front() {
                all.remove(&oldest);
            }
        }
    }
}

/// A forecast as it is kept, and its hash.
pub(super) fn written(foreseen: &Foreseen) -> (String, String) {
    // Nothing of it has keys that are no texts, which is all that could fail.
    let text = serde_json::to_string(foreseen).unwrap_or_default();
    let hash = hash_of(&text);
    (text, hash)
}

fn hash_of(text: &str) -> String {
    hex::encode(Sha256::digest(text.as_bytes()))
}

/// What is kept of what was foreseen of a rollout when it was submitted.
pub(super) enum KeptForecast {
    /// Nothing was frozen, or none was foreseen then.
    None,
    /// It, as its frozen hash says.
    AsFrozen(Box<Foreseen>),
    /// It is gone, or it is another one: nobody submitted what is kept.
    Altered,
}

impl KeptForecast {
    /// What is kept, by the hash that was frozen with the plan.
    pub(super) fn of(frozen: Option<&Frozen>, kept: Option<&str>) -> Result<Self> {
        let Some(hash) = frozen.and_then(|frozen| frozen.forecast.as_deref()) else { return Ok(Self::None) };
        match kept.filter(|text| hash_of(text) == hash) {
            Some(text) => Ok(Self::AsFrozen(serde_json::from_str(text).map_err(Error::internal)?)),
            None => Ok(Self::Altered),
        }
    }

    /// Whether it is not what was submitted.
    pub(super) const fn is_altered(&self) -> bool {
        matches!(self, Self::Altered)
    }

    /// It, if it is what was submitted.
    pub(super) fn foreseen(self) -> Option<Foreseen> {
        match self {
            Self::AsFrozen(foreseen) => Some(*foreseen),
            Self::None | Self::Altered => None,
        }
    }
}

impl Fleet {
    /// What is to be expected of a plan whose waves have these devices, if its first wave is opened at `start`.
    pub(super) async fn foreseen(&self, plan: &Plan, waves: &[Makeup], start: Timestamp) -> Result<Foreseen> {
        let (past, size) = (self.past_of(plan.release).await?, self.size_of(plan).await?);
        let crowds: Vec<Crowd> = waves.iter().map(|wave| wave.crowd.clone()).collect();
        let plan = plan.clone();
        let hash = Basis { plan: &plan, crowds: &crowds, past: &past, size, start }.hash();
        if let Some(known) = self.inner.forecasts.get(&hash) {
            return Ok(known);
        }
        // Where polls don't wait for it.
        let work = move || foresee(&Basis { plan: &plan, crowds: &crowds, past: &past, size, start });
        let foreseen = tokio::task::spawn_blocking(work).await.map_err(Error::internal)?;
        self.inner.forecasts.keep(hash, foreseen.clone());
        Ok(foreseen)
    }

    /// What was foreseen when a rollout was submitted.
    pub(super) async fn forecast_of(&self, id: RolloutId, frozen: Option<&Frozen>) -> Result<KeptForecast> {
        if frozen.is_none() {
            return Ok(KeptForecast::None);
        }
        let kept = store::rollout::course::forecast(self.db(), id).await?;
        let found = KeptForecast::of(frozen, kept.as_deref())?;
        if found.is_altered() {
            tracing::error!(rollout = %id, "the forecast of a rollout is not the one that was submitted");
        }
        Ok(found)
    }

    /// What rollouts of the same product have shown: so many of them, and so many devices of each.
    async fn past_of(&self, release: ReleaseId) -> Result<Past> {
        let Some(found) = store::release::by_id(self.db(), release).await? else { return Ok(Past::default()) };
        let mut rollouts = Vec::new();
        for id in store::rollout::ids_of_product(self.db(), &found.product, BEFORE).await? {
            let Some(rollout) = store::rollout::by_id(self.db(), id).await? else { continue };
            let all = evidence(&rollout, &count::of(self.db(), id).await?);
            let sum = |of: fn(&domain::rollout::Evidence) -> u64| all.iter().map(of).sum();
            let took = store::update_action::took(self.db(), id, rollout.plan.soak(), TIMED).await?;
            let past = PastRollout {
                verified: sum(|wave| wave.verified),
                failed: sum(|wave| wave.failed),
                silent: sum(|wave| wave.silent),
                took_s: took.into_iter().filter_map(|micros| u64::try_from(micros / SECOND).ok()).collect(),
            };
            // One that has only begun says nothing yet.
            if past.verified + past.failed + past.silent > 0 {
                rollouts.push(past);
            }
        }
        Ok(Past { rollouts })
    }

    /// How many bytes a device fetches: of the largest release that it may get.
    async fn size_of(&self, plan: &Plan) -> Result<u64> {
        let mut most = 0;
        for release in plan.sent() {
            let files = store::artifact::of_release(self.db(), release).await?;
            let size: u64 = files.iter().filter_map(|file| u64::try_from(file.size).ok()).sum();
            most = most.max(size);
        }
        Ok(most)
    }
}
