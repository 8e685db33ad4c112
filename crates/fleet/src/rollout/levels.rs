//! By which levels the outcomes of a rollout are summed: there is an end to how many, so that its page costs the same in every fleet.

use crate::Result;
use domain::{
    evidence::{Factor, Level},
    id::RolloutId,
};
use std::{
    collections::{HashMap, HashSet},
    sync::{Mutex, MutexGuard, PoisonError},
};
use store::{
    Tx,
    evidence::{LEVELS_MAX, exposure::Traits},
};

/// Of how many rollouts a process knows it; of more it reads again.
const ROLLOUTS: usize = 100;

type Known = HashMap<(RolloutId, Factor), HashSet<String>>;

/// The levels that are known to be summed by.
#[derive(Default)]
pub(crate) struct Levels(Mutex<Known>);

impl Levels {
    fn known(&self) -> MutexGuard<'_, Known> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Those of a device's traits by which its outcomes are summed: what is known, and what is new while there is room.
    pub(crate) async fn admit(&self, tx: &mut Tx, rollout: RolloutId, traits: &Traits) -> Result<Traits> {
        let mut admitted = HashSet::new();
        for level in traits.levels() {
            if self.is_admitted(tx, rollout, &level).await? {
                admitted.insert((level.factor, level.level));
            }
        }
        Ok(traits.only(|factor, level| admitted.contains(&(factor, level.to_owned()))))
    }

    async fn is_admitted(&self, tx: &mut Tx, rollout: RolloutId, level: &Level) -> Result<bool> {
        let key = (rollout, level.factor);
        if let Some(known) = self.known().get(&key)
            && (known.contains(&level.level) || known.len() >= LEVELS_MAX)
        {
            return Ok(known.contains(&level.level));
        }
        // What other nodes have summed by since counts, too.
        let mut read: HashSet<String> = store::evidence::levels(tx, rollout, level.factor).await?.into_iter().collect();
        let is_admitted = read.contains(&level.level) || read.len() < LEVELS_MAX;
        if is_admitted {
            read.insert(level.level.clone());
        }
        let mut known = self.known();
        if known.len() >= ROLLOUTS * Factor::ALL.len() && !known.contains_key(&key) {
            known.clear();
        }
        known.insert(key, read);
        Ok(is_admitted)
    }
}
