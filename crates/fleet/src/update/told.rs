//! What became of updates on one device.

use crate::{Actor, Fleet, Result};
use domain::{
    id::ReleaseId,
    person::Permission,
    rollout::{ActionKind, ActionState},
    time::Timestamp,
};
use serde::Serialize;
use std::collections::HashMap;

/// How many updates of a device are shown at most.
const SHOWN: i64 = 100;

/// An update of a device.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct DeviceUpdate {
    /// By what the device knows it.
    pub action: i64,
    /// The rollout's word in addresses; empty for one that is gone.
    pub rollout: String,
    /// The rollout's name.
    pub name: String,
    /// What it brings.
    pub release: ReleaseId,
    /// What it is for.
    pub kind: ActionKind,
    /// The version that it brings.
    pub version: String,
    /// The version before; empty when that is not known.
    pub from: String,
    /// Which try it is, from 0.
    pub attempt: u32,
    /// How far it is.
    pub state: ActionState,
    /// When the device was told of it.
    pub offered_at: Timestamp,
    /// When it got as far as it is.
    pub changed_at: Timestamp,
    /// By what failures are put together; empty without one.
    pub code: String,
    /// Why it failed, or what its user said who denied it; empty without one.
    pub reason: String,
    /// Whether its user was asked and denied it.
    pub denied: bool,
}

impl Fleet {
    /// The last updates of a device, newest first, up to `limit`.
    ///
    /// # Errors
    /// When the actor may not see the fleet, or there is no such device.
    pub async fn device_updates(&self, actor: &Actor, serial: &str, limit: i64) -> Result<Vec<DeviceUpdate>> {
        actor.require(Permission::FleetRead)?;
        let device = self.device(actor, serial).await?;
        let found = store::update_action::of_device(self.db(), device.id, limit.clamp(1, SHOWN)).await?;
        let mut rollouts = HashMap::new();
        for action in &found {
            if let std::collections::hash_map::Entry::Vacant(place) = rollouts.entry(action.rollout) {
                let kept = store::rollout::by_id(self.db(), action.rollout).await?;
                place.insert(kept.map(|kept| (kept.code, kept.plan.name)).unwrap_or_default());
            }
        }
        let told = found.into_iter().map(|found| {
            let (rollout, name) = rollouts.get(&found.rollout).cloned().unwrap_or_default();
            DeviceUpdate {
                denied: found.action.is_denied(),
                action: found.id,
                rollout,
                name,
                release: found.release,
                kind: found.action.kind,
                version: found.action.version,
                from: found.action.from,
                attempt: found.action.attempt,
                state: found.action.state,
                offered_at: found.offered_at,
                changed_at: found.action.changed_at,
                code: found.action.code,
                reason: found.action.reason,
            }
        });
        Ok(told.collect())
    }
}
