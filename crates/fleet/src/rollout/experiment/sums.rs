//! What is summed of an experiment, as far as it is judged by.

use super::trial::WITHIN;
use crate::Result;
use domain::{
    evidence::{Factor, Level, Tally},
    id::RolloutId,
    rollout::NO_COHORT,
};
use std::collections::{BTreeSet, HashMap};
use store::{
    Db, Tx,
    evidence::{Measure, TallyRow, of_factor, of_measure},
};

/// Of which factors it is known how exposed devices are spread over the cohorts.
pub(super) const SPREAD: [Factor; 4] = [Factor::Revision, Factor::Batch, Factor::Region, Factor::Maker];

/// The sums of an experiment.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Sums {
    pub(super) rows: Vec<TallyRow>,
    by: HashMap<(Measure, usize, Level), Tally>,
}

impl Sums {
    pub(super) fn new(rows: Vec<TallyRow>) -> Self {
        let by = rows.iter().map(|row| ((row.measure, row.cohort, row.level.clone()), row.tally)).collect();
        Self { rows, by }
    }

    /// Reads them: all of it for all devices and by what they are compared within, beyond that who was exposed. As many rows as levels, however many
    /// devices.
    pub(super) async fn of(db: &Db, rollout: RolloutId) -> Result<Self> {
        let (mut rows, revisions, batches, regions, makers) = tokio::try_join!(
            of_factor(db, rollout, Factor::All),
            of_factor(db, rollout, WITHIN),
            of_measure(db, rollout, Factor::Batch, Measure::Exposed),
            of_measure(db, rollout, Factor::Region, Measure::Exposed),
            of_measure(db, rollout, Factor::Maker, Measure::Exposed),
        )?;
        rows.extend(revisions.into_iter().chain(batches).chain(regions).chain(makers));
        Ok(Self::new(rows))
    }

    /// The same, as a transaction sees it.
    pub(super) async fn within(tx: &mut Tx, rollout: RolloutId) -> Result<Self> {
        Ok(Self::new(store::evidence::within(tx, rollout).await?))
    }

    /// What is summed of a cohort's devices of a level.
    pub(super) fn tally(&self, measure: Measure, cohort: usize, level: &Level) -> Tally {
        self.by.get(&(measure, cohort, level.clone())).copied().unwrap_or_default()
    }

    /// The levels of a factor at which devices of any cohort were exposed, in order.
    pub(super) fn levels(&self, factor: Factor) -> BTreeSet<Level> {
        let is_exposed = |row: &&TallyRow| row.measure == Measure::Exposed && row.cohort != NO_COHORT;
        let exposed = self.rows.iter().filter(|row| row.level.factor == factor).filter(is_exposed);
        exposed.map(|row| row.level.clone()).collect()
    }
}

/// What is left of all values without these.
pub(super) fn less(all: Tally, part: Tally) -> Tally {
    Tally {
        n: all.n.saturating_sub(part.n),
        sum: all.sum.saturating_sub(part.sum),
        squares: all.squares.saturating_sub(part.squares),
    }
}
