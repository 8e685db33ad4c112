//! What somebody let a rollout go on in spite of, and what of that is so still: silent devices come back, and others go silent.

use super::{Live, hold::is_held};
use crate::{Fleet, Result};
use domain::{
    rollout::{Accepted, Evidence},
    time::Timestamp,
};
use std::collections::HashMap;
use store::{
    rollout::{Rollout, count::RolloutCount},
    update_action::{silent_since, silent_since_by_level},
};

/// How many devices of each wave have been silent since before a moment, of those with whom a rollout goes on.
pub(super) struct SilentSince {
    at: Timestamp,
    by_wave: HashMap<usize, u64>,
}

impl SilentSince {
    fn of_wave(&self, wave: usize) -> u64 {
        self.by_wave.get(&wave).copied().unwrap_or_default()
    }

    /// What is accepted of a wave of which this is known.
    pub(super) fn accept(&self, wave: usize, seen: Evidence) -> Accepted {
        Accepted::new(seen, self.of_wave(wave), self.at)
    }
}

impl Fleet {
    /// How many devices of each wave are silent, of those with whom it goes on. To be read before what is known of the waves is: who
    /// comes back in between counts as back then, and hides nobody.
    pub(super) async fn silent_by_now(&self, rollout: &Rollout) -> Result<SilentSince> {
        self.silent_since(rollout, self.now()).await
    }

    async fn silent_since(&self, rollout: &Rollout, at: Timestamp) -> Result<SilentSince> {
        if rollout.held_back.is_empty() {
            let by_wave = silent_since(self.db(), rollout.id, at).await?.into_iter().collect();
            return Ok(SilentSince { at, by_wave });
        }
        let mut by_wave = HashMap::new();
        for count in silent_since_by_level(self.db(), rollout.id, at).await? {
            // What is known of a wave is known without these.
            if !is_held(&rollout.held_back, &count) {
                *by_wave.entry(count.wave).or_default() += count.evidence.silent;
            }
        }
        Ok(SilentSince { at, by_wave })
    }

    /// A rollout with what is accepted of it by now. That follows from which devices have been silent since before, so it is the same
    /// on every node, and whoever comes back is out of it for good: a device that goes silent again does so later.
    pub(super) async fn as_accepted(&self, rollout: Rollout) -> Result<Rollout> {
        let accepted = self.each_accepted(&rollout, &rollout.accepted, Accepted::with_still_silent).await?;
        Ok(Rollout { accepted, ..rollout })
    }

    /// What is accepted of a rollout once it goes on without those whom `next` holds back: who leaves has not come back.
    pub(super) async fn accepted_of_the_rest(&self, known: &Rollout, next: &Rollout) -> Result<Vec<Accepted>> {
        let by_now = self.each_accepted(known, &known.accepted, Accepted::with_still_silent).await?;
        self.each_accepted(next, &by_now, Accepted::of_the_rest).await
    }

    /// What is accepted of each wave, where it is of silent devices by how many of them still are.
    async fn each_accepted(
        &self,
        rollout: &Rollout,
        all: &[Accepted],
        by: impl Fn(Accepted, u64) -> Accepted,
    ) -> Result<Vec<Accepted>> {
        let mut known: Option<SilentSince> = None;
        let mut accepted = all.to_vec();
        for (wave, one) in accepted.iter_mut().enumerate() {
            let Some(at) = one.at.filter(|_| one.seen.silent > 0) else { continue };
            if known.as_ref().is_none_or(|known| known.at != at) {
                known = Some(self.silent_since(rollout, at).await?);
            }
            *one = by(*one, known.as_ref().map_or(0, |known| known.of_wave(wave)));
        }
        Ok(accepted)
    }

    /// The same of one in memory: as it was read not long ago, or read anew before anything is decided by it.
    pub(super) async fn live_as_accepted(
        &self,
        live: &Live,
        counts: &[RolloutCount],
        decides: impl Fn(&Rollout) -> bool,
    ) -> Result<Rollout> {
        let mut rollout = live.rollout.clone();
        if rollout.accepted.iter().all(|one| one.seen.silent == 0) {
            return Ok(rollout);
        }
        let now = self.now();
        if let Some(accepted) = live.accepted_at(counts, now) {
            rollout.accepted = accepted;
            if !decides(&rollout) {
                return Ok(rollout);
            }
        }
        let rollout = self.as_accepted(rollout).await?;
        live.note_accepted(counts, &rollout.accepted, now);
        Ok(rollout)
    }
}
