//! The rollout of a product before another one: what a plan is compared with.

use crate::{Actor, Fleet, Result};
use domain::{
    id::{ReleaseId, RolloutId},
    person::Permission,
    rollout::{Deed as Step, Evidence, Frozen, Plan, RolloutState},
    time::Timestamp,
};
use serde::Serialize;
use store::rollout::{Rollout, event::RolloutEvent};

/// How many steps of a rollout are read to see when its waves were opened.
const EVENTS: i64 = 500;

/// A rollout that was started before.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RolloutBefore {
    /// Its word in addresses.
    pub code: String,
    /// Its name.
    pub name: String,
    /// How far it is, or how it ended.
    pub state: RolloutState,
    /// What it was to do.
    pub plan: Plan,
    /// What was frozen of that.
    pub frozen: Option<Frozen>,
    /// What is known of its waves.
    pub evidence: Vec<Evidence>,
    /// When each of its waves was opened; none for those that were not.
    pub opened: Vec<Option<Timestamp>>,
    /// When it ended.
    pub ended_at: Option<Timestamp>,
}

impl RolloutBefore {
    /// How long a wave was the last one that was open, in microseconds; none when it is not over.
    #[must_use]
    pub fn wave_took(&self, wave: usize) -> Option<i64> {
        let opened = self.opened.get(wave).copied().flatten()?;
        let next = self.opened.get(wave + 1).copied().flatten().or(self.ended_at)?;
        Some(next.0.saturating_sub(opened.0))
    }

    /// How long it took, in microseconds; none when it is not over.
    #[must_use]
    pub fn took(&self) -> Option<i64> {
        let begun = self.opened.first().copied().flatten()?;
        Some(self.ended_at?.0.saturating_sub(begun.0))
    }
}

impl Fleet {
    /// The name of the rollout whose order a salt makes, if that is another one than `code`.
    ///
    /// # Errors
    /// When the actor may not see the fleet, or the database fails.
    pub async fn rollout_of_order(&self, actor: &Actor, salt: &str, code: &str) -> Result<Option<String>> {
        actor.require(Permission::FleetRead)?;
        // A rollout that names no salt has its id for one.
        let Ok(id) = salt.parse::<RolloutId>() else { return Ok(None) };
        let found = store::rollout::by_id(self.db(), id).await?;
        Ok(found.filter(|found| found.code != code && found.plan.salt == salt).map(|found| found.plan.name))
    }

    /// The last rollout of a release's product that was started: before the rollout `before`, or of all. None when there was
    /// none, or the release is gone.
    ///
    /// # Errors
    /// When the actor may not see the fleet, or there is no rollout `before`.
    pub async fn rollout_before(
        &self,
        actor: &Actor,
        release: ReleaseId,
        before: Option<&str>,
    ) -> Result<Option<RolloutBefore>> {
        actor.require(Permission::FleetRead)?;
        let before = match before {
            Some(code) => Some(self.kept_rollout(code).await?.id),
            None => None,
        };
        let Some(found) = self.deliverable(release).await? else { return Ok(None) };
        let Some(rollout) = store::rollout::last_of_product(self.db(), &found.product, before).await? else {
            return Ok(None);
        };
        let evidence = self.evidence_of(&rollout).await?;
        let events = store::rollout::event::of(self.db(), rollout.id, EVENTS).await?;
        Ok(Some(RolloutBefore {
            opened: opened(&rollout, &events),
            code: rollout.code,
            name: rollout.plan.name.clone(),
            state: rollout.course.state,
            plan: rollout.plan,
            frozen: rollout.frozen,
            evidence,
            ended_at: rollout.ended_at,
        }))
    }
}

/// When waves were opened, by what was done.
fn opened(rollout: &Rollout, events: &[RolloutEvent]) -> Vec<Option<Timestamp>> {
    let at = |wave: usize| {
        let opens = |event: &&RolloutEvent| {
            let word = if wave == 0 { Step::Start } else { Step::Advance };
            event.deed == word.as_str() && event.wave == Some(wave)
        };
        // The first of them: completing is an advance of the last wave.
        events.iter().rev().find(opens).map(|event| event.at)
    };
    (0..rollout.course.waves).map(at).collect()
}
