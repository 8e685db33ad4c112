//! How a rollout goes: a point every so often, for the page that compares it with what was foreseen.

use super::memory::Live;
use crate::{Fleet, Result};
use domain::{rollout::Evidence, time::MINUTE};
use store::rollout::course::{self, CoursePoint};

/// Into how many parts its time is cut at most.
const POINTS: u64 = 240;

/// How many minutes lie between points of a rollout that is so many minutes old: a power of two, so that older points thin out
/// to what newer ones are.
fn step_at(age: u64) -> u64 {
    age.div_ceil(POINTS).max(1).next_power_of_two()
}

impl Fleet {
    /// Notes how far a rollout is, when that was last noted a step of time ago. Any number of nodes do so, and write it once.
    pub(super) async fn note_course(&self, live: &Live, evidence: &[Evidence]) -> Result<()> {
        let rollout = &live.rollout;
        let Some(started) = rollout.started_at else { return Ok(()) };
        // By a clock that was put back nobody knows when it is.
        let Ok(age) = u64::try_from(self.now().0.saturating_sub(started.0) / MINUTE) else { return Ok(()) };
        let step = step_at(age);
        let minute = age / step * step;
        if !live.is_course_due(minute) {
            return Ok(());
        }
        let mut point = CoursePoint { minute, ..CoursePoint::default() };
        for wave in evidence {
            point.told += wave.settled() + wave.under_way;
            point.verified += wave.verified;
            point.failed += wave.failed;
            point.silent += wave.silent;
        }
        let mut tx = self.db().begin().await?;
        course::note(&mut tx, rollout.id, &point, step).await?;
        tx.commit().await?;
        live.note_course(minute);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn points_are_never_many_and_older_ones_lie_where_newer_ones_do() {
        let mut kept: Vec<u64> = Vec::new();
        for age in 0..50_000 {
            let step = step_at(age);
            let minute = age / step * step;
            if kept.last() != Some(&minute) {
                kept.push(minute);
                kept.retain(|minute| minute % step == 0);
            }
            assert!(kept.len() as u64 <= POINTS + 1, "{} at {age}", kept.len());
        }
        assert!(kept.len() as u64 > POINTS / 2 && kept.first() == Some(&0));
    }
}
