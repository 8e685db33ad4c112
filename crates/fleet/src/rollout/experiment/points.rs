//! What a process has seen of experiments, and how estimates went: points of series, of which one is kept where there is enough that is
//! new.

use super::{
    judge::{Compared, Judged},
    sums::Sums,
};
use crate::{Fleet, Result};
use domain::{evidence::Estimate, id::RolloutId};
use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
};
use store::{
    evidence::{
        TallyRow,
        point::{self, Point},
    },
    rollout::Rollout,
};

/// By which part the values of a series have to be more for another point.
const NEXT_POINT: u64 = 20;

/// What experiments were looked at by last: whatever has not changed is not judged again.
#[derive(Default)]
pub(crate) struct Looks(Mutex<HashMap<RolloutId, Seen>>);

#[derive(Default)]
struct Seen {
    rows: Vec<TallyRow>,
    version: i64,
    /// Of how many values the last point of each series was, by cohort and criterion.
    points: HashMap<(usize, usize), u64>,
}

impl Looks {
    fn all(&self) -> MutexGuard<'_, HashMap<RolloutId, Seen>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn is_new(&self, rollout: &Rollout, sums: &Sums) -> bool {
        let all = self.all();
        all.get(&rollout.id).is_none_or(|seen| seen.version != rollout.version || seen.rows != sums.rows)
    }

    pub(super) fn note(&self, rollout: &Rollout, sums: &Sums) {
        let mut all = self.all();
        let seen = all.entry(rollout.id).or_default();
        (seen.rows, seen.version) = (sums.rows.clone(), rollout.version);
    }

    pub(super) fn forget(&self, rollout: RolloutId) {
        self.all().remove(&rollout);
    }
}

impl Fleet {
    /// Keeps how estimates went, where there is enough that is new.
    pub(super) async fn keep_points(&self, rollout: &Rollout, judged: &Judged) -> Result<()> {
        self.learn_points(rollout).await?;
        let due = self.due_points(rollout, judged);
        if due.is_empty() {
            return Ok(());
        }
        // What is drawn follows from what devices did: it is no deed of anybody.
        let mut tx = self.db().begin().await?;
        for point in &due {
            point::put(&mut tx, rollout.id, point).await?;
        }
        tx.commit().await?;
        self.note_points(rollout.id, &due);
        Ok(())
    }

    /// Learns how many values the last points have that are kept, unless this process knows it.
    pub(super) async fn learn_points(&self, rollout: &Rollout) -> Result<()> {
        let is_unknown = self.inner.rollouts.looks.all().get(&rollout.id).is_none_or(|seen| seen.points.is_empty());
        if is_unknown {
            self.note_points(rollout.id, &point::of(self.db(), rollout.id).await?);
        }
        Ok(())
    }

    pub(super) fn note_points(&self, rollout: RolloutId, points: &[Point]) {
        let mut all = self.inner.rollouts.looks.all();
        let known = &mut all.entry(rollout).or_default().points;
        known.extend(points.iter().map(|point| ((point.cohort, point.criterion), point.n)));
    }

    pub(super) fn due_points(&self, rollout: &Rollout, judged: &Judged) -> Vec<Point> {
        let all = self.inner.rollouts.looks.all();
        let last = |key| all.get(&rollout.id).and_then(|seen| seen.points.get(&key)).copied().unwrap_or_default();
        let estimates = judged.compared.iter().filter_map(|one| Some((one, one.estimate?)));
        let is_due = |(one, found): &(&Compared, Estimate)| {
            let last = last((one.cohort, one.criterion));
            found.n >= last + (last / NEXT_POINT).max(1)
        };
        let at = self.now();
        let point = |(one, found): (&Compared, Estimate)| Point {
            cohort: one.cohort,
            criterion: one.criterion,
            at,
            n: found.n,
            difference: found.difference,
            low: found.low,
            high: found.high,
        };
        estimates.filter(is_due).map(point).collect()
    }
}
