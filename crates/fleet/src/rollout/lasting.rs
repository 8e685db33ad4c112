//! How long what a plan sends can be sent: apt takes the list of a set of packages until its `Valid-Until`, and no longer.

use crate::{Error, Fleet, Result, update::Deliverable};
use artifact::deb::good_until;
use domain::{
    release::ArtifactKind,
    rollout::Plan,
    time::{MINUTE, Timestamp},
};
use futures::TryStreamExt;

/// How much of a list is read, in bytes: more than there can be in one that was taken.
const LIST: u64 = 4 << 20;

impl Fleet {
    /// Refuses a set that apt does not take any more before the plan can be through, however well everything goes.
    pub(super) async fn check_lasts(&self, plan: &Plan, release: &Deliverable) -> Result<()> {
        if release.kind != ArtifactKind::Deb {
            return Ok(());
        }
        let through = through_at_best(plan, self.now());
        match self.sent_until(release).await? {
            Some(until) if until <= through => {
                let (title, until, through) = (&release.title, until.exact_words(), through.exact_words());
                Err(Error::field(
                    "release",
                    format!(
                        "{title} can be sent until {until} (Valid-Until), and this plan can’t be through before {through}. Push it \
                         again under another version with a later Valid-Until, or make the plan shorter."
                    ),
                ))
            }
            _ => Ok(()),
        }
    }

    /// Until when all lists of a set are good; none where none says so.
    async fn sent_until(&self, release: &Deliverable) -> Result<Option<Timestamp>> {
        let mut soonest: Option<Timestamp> = None;
        for file in &release.artifacts {
            for list in store::member::lists(self.db(), file.number).await? {
                let (start, size) = (list.member.start.unsigned_abs(), list.member.size.unsigned_abs());
                let range = start..start.saturating_add(size.min(LIST));
                let pieces: Vec<bytes::Bytes> = self.artifact_stream(&file.sha256, range).await?.try_collect().await?;
                soonest = [soonest, good_until(&pieces.concat())].into_iter().flatten().min();
            }
        }
        Ok(soonest)
    }
}

/// When a plan is through if every device does at once what it should.
fn through_at_best(plan: &Plan, now: Timestamp) -> Timestamp {
    let start = plan.start_at.map_or(now, |at| at.max(now));
    plan.waves.iter().fold(start, |at, wave| at.plus((i64::from(wave.gate.open_minutes) * MINUTE).max(plan.soak())))
}
