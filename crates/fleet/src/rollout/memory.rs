//! Rollouts that devices have to do with, in memory: who belongs to which wave is decided from here at every poll.
//!
//! Whoever changes one refreshes this before it answers. Other processes do when they hear of it by the bell; and twice a second
//! the steward compares the versions, which costs one look at an index, so that a bell that was missed costs nothing. Offers ask
//! the database once more, so that nobody is offered anything by a memory that is late.

use crate::{Fleet, Result, update::Deliverable};
use arc_swap::ArcSwap;
use domain::{
    id::{ReleaseId, RolloutId},
    rollout::{Accepted, Membership, Pace, RolloutState},
    time::{MINUTE, SECOND, Timestamp},
};
use std::{
    collections::{HashMap, HashSet},
    sync::{
        Arc, PoisonError,
        atomic::{AtomicI64, Ordering},
    },
};
use store::rollout::{Rollout, count::RolloutCount};
use tokio::sync::Mutex;

/// A rollout as polls need it.
#[derive(Debug)]
pub(crate) struct Live {
    /// It, as it stood when it was read.
    pub(crate) rollout: Rollout,
    /// Who belongs where.
    pub(crate) membership: Membership,
    /// What devices get by it.
    pub(crate) releases: HashMap<ReleaseId, Arc<Deliverable>>,
    /// The last minute in which as many were told as may be; the others need not ask.
    full_minute: AtomicI64,
    /// The last minute after its start of which this process noted how far it was; -1 for none.
    course_minute: AtomicI64,
    /// What was accepted of it when that was read last.
    accepted: std::sync::Mutex<Option<ReadAccepted>>,
}

/// What was accepted of a rollout.
#[derive(Debug)]
struct ReadAccepted {
    /// When it was read.
    at: Timestamp,
    /// What was counted then.
    counts: Vec<RolloutCount>,
    accepted: Vec<Accepted>,
}

/// How long what is accepted is taken as it was read: whatever happens, for some seconds, since reading it costs what there are of silent
/// devices; and at most for so long if as much is counted, since as many may have come back as went silent.
const ACCEPTED_FOR: i64 = 5 * SECOND;
const ACCEPTED_MOST: i64 = MINUTE;

impl Live {
    /// How long things may take by its plan.
    pub(crate) fn pace(&self) -> Pace {
        pace_of(&self.rollout)
    }

    pub(crate) fn is_full(&self, minute: i64) -> bool {
        self.full_minute.load(Ordering::Relaxed) == minute
    }

    /// Whether how far it was is not noted yet of a minute after its start.
    pub(super) fn is_course_due(&self, minute: u64) -> bool {
        u64::try_from(self.course_minute.load(Ordering::Relaxed)) != Ok(minute)
    }

    pub(super) fn note_course(&self, minute: u64) {
        self.course_minute.store(i64::try_from(minute).unwrap_or(i64::MAX), Ordering::Relaxed);
    }

    /// What is accepted of it, if that was read not long ago.
    pub(super) fn accepted_at(&self, counts: &[RolloutCount], now: Timestamp) -> Option<Vec<Accepted>> {
        let known = self.accepted.lock().unwrap_or_else(PoisonError::into_inner);
        let holds = |known: &&ReadAccepted| {
            let most = if known.counts == counts { ACCEPTED_MOST } else { ACCEPTED_FOR };
            (0..most).contains(&now.0.saturating_sub(known.at.0))
        };
        known.as_ref().filter(holds).map(|known| known.accepted.clone())
    }

    pub(super) fn note_accepted(&self, counts: &[RolloutCount], accepted: &[Accepted], at: Timestamp) {
        let read = ReadAccepted { at, counts: counts.to_vec(), accepted: accepted.to_vec() };
        *self.accepted.lock().unwrap_or_else(PoisonError::into_inner) = Some(read);
    }

    pub(crate) fn note_full(&self, minute: i64) {
        self.full_minute.store(minute, Ordering::Relaxed);
    }
}

/// How long things may take by a rollout's plan; for one device see [`super::pace_by_habit`].
pub(crate) fn pace_of(rollout: &Rollout) -> Pace {
    let plan = &rollout.plan;
    // Until more is known of a device.
    let usual = plan.late_by_habit.then(|| plan.timeout());
    Pace { timeout: plan.timeout(), soak: plan.soak(), retries: plan.retries, usual }
}

/// Why the files of a release are not sent, as reading them has found.
#[derive(Clone, Debug)]
pub(crate) struct Refusal {
    /// In a sentence.
    pub(crate) why: String,
    /// Whether it is about the release: that a disk can't be read is not.
    pub(crate) is_verdict: bool,
    /// They are not read again before.
    until: Timestamp,
}

/// How long it is taken for granted that files can't be read, or that who signed them doesn't count: that changes.
pub(crate) const HICCUP: i64 = MINUTE;
/// How long what a whole read has found wrong is taken for granted: the files are what they are until they are pushed again.
pub(crate) const VERDICT: i64 = 15 * MINUTE;

/// Those that are active, in the order in which they were made.
#[derive(Default)]
pub(crate) struct Rollouts {
    live: ArcSwap<Vec<Arc<Live>>>,
    reading: Mutex<()>,
    /// Whose files this process has read whole.
    checked: std::sync::Mutex<HashSet<ReleaseId>>,
    refused: std::sync::Mutex<HashMap<ReleaseId, Refusal>>,
    /// Whose files a task of this process is about to read.
    under_way: std::sync::Mutex<HashSet<ReleaseId>>,
    pub(crate) checking: Mutex<()>,
    /// By what the outcomes of running rollouts are summed.
    pub(crate) levels: super::levels::Levels,
    /// What experiments were looked at by last.
    pub(super) looks: super::experiment::Looks,
}

impl Rollouts {
    /// Those that are active.
    pub(crate) fn all(&self) -> Arc<Vec<Arc<Live>>> {
        self.live.load_full()
    }

    /// Whether this process has read the files of a release whole.
    pub(crate) fn is_checked(&self, release: ReleaseId) -> bool {
        self.checked.lock().unwrap_or_else(PoisonError::into_inner).contains(&release)
    }

    /// Notes that it has.
    pub(crate) fn note_checked(&self, release: ReleaseId) {
        self.refused.lock().unwrap_or_else(PoisonError::into_inner).remove(&release);
        self.checked.lock().unwrap_or_else(PoisonError::into_inner).insert(release);
    }

    /// Has all files read again before more of them is sent: one has proved to be another than it was.
    pub(crate) fn doubt(&self) {
        self.checked.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    /// Notes why its files are not sent; they are not read again before `until`.
    pub(crate) fn note_refused(&self, release: ReleaseId, why: String, is_verdict: bool, until: Timestamp) {
        let refusal = Refusal { why, is_verdict, until };
        self.refused.lock().unwrap_or_else(PoisonError::into_inner).insert(release, refusal);
    }

    /// Forgets why files are not sent: one was put back.
    pub(crate) fn believe(&self) {
        self.refused.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    /// Why its files are not sent, as long as that is believed.
    pub(crate) fn refusal(&self, release: ReleaseId, now: Timestamp) -> Option<Refusal> {
        let refused = self.refused.lock().unwrap_or_else(PoisonError::into_inner);
        refused.get(&release).filter(|refusal| refusal.until > now).cloned()
    }

    /// Whether nobody else is about to read its files; then this one is.
    pub(crate) fn begin_check(&self, release: ReleaseId) -> bool {
        self.under_way.lock().unwrap_or_else(PoisonError::into_inner).insert(release)
    }

    /// Nobody is any more.
    pub(crate) fn end_check(&self, release: ReleaseId) {
        self.under_way.lock().unwrap_or_else(PoisonError::into_inner).remove(&release);
    }

    /// One of them.
    pub(crate) fn one(&self, id: RolloutId) -> Option<Arc<Live>> {
        self.live.load().iter().find(|live| live.rollout.id == id).cloned()
    }
}

impl Fleet {
    /// Brings the rollouts in memory up to what is committed. What has not changed is not read again.
    ///
    /// # Errors
    /// When the database fails, or holds what is no rollout.
    pub async fn refresh_rollouts(&self) -> Result<()> {
        let _one_reads = self.inner.rollouts.reading.lock().await;
        let before = self.inner.rollouts.all();
        let versions = store::rollout::versions(self.db()).await?;
        let is_same = versions.len() == before.len()
            && versions.iter().all(|(id, version)| {
                before.iter().any(|live| live.rollout.id == *id && live.rollout.version == *version)
            });
        if is_same {
            return Ok(());
        }
        let mut now = Vec::with_capacity(versions.len());
        for rollout in store::rollout::active(self.db()).await? {
            let known = before.iter().find(|live| live.rollout.id == rollout.id);
            match known {
                Some(known) if known.rollout.version == rollout.version => now.push(Arc::clone(known)),
                _ => now.push(Arc::new(self.read_live(rollout).await?)),
            }
        }
        self.inner.rollouts.live.store(Arc::new(now));
        Ok(())
    }

    /// How a rollout stands in this process's memory, by which polls are answered; none where it is not active.
    #[must_use]
    pub fn rollout_in_memory(&self, code: &str) -> Option<RolloutState> {
        let all = self.inner.rollouts.all();
        all.iter().find(|live| live.rollout.code == code).map(|live| live.rollout.course.state)
    }

    /// Reads what devices get again: stages of releases change while rollouts run.
    pub(crate) async fn reread_releases(&self) -> Result<()> {
        let _one_reads = self.inner.rollouts.reading.lock().await;
        let mut now = Vec::new();
        for known in self.inner.rollouts.all().iter() {
            let releases = self.releases_of(&known.rollout).await?;
            if releases == known.releases {
                now.push(Arc::clone(known));
                continue;
            }
            now.push(Arc::new(Live {
                rollout: known.rollout.clone(),
                membership: known.membership.clone(),
                releases,
                full_minute: AtomicI64::new(known.full_minute.load(Ordering::Relaxed)),
                course_minute: AtomicI64::new(known.course_minute.load(Ordering::Relaxed)),
                accepted: std::sync::Mutex::default(),
            }));
        }
        self.inner.rollouts.live.store(Arc::new(now));
        Ok(())
    }

    /// A rollout with what was frozen of it: from memory, or read for a device whose update outlived it.
    pub(crate) async fn live_rollout(&self, id: RolloutId) -> Result<Option<Arc<Live>>> {
        if let Some(live) = self.inner.rollouts.one(id) {
            return Ok(Some(live));
        }
        match store::rollout::by_id(self.db(), id).await? {
            Some(rollout) => Ok(Some(Arc::new(self.read_live(rollout).await?))),
            None => Ok(None),
        }
    }

    async fn read_live(&self, rollout: Rollout) -> Result<Live> {
        let sets = store::rollout::target::of(self.db(), rollout.id).await?;
        let releases = self.releases_of(&rollout).await?;
        let membership = match &rollout.frozen {
            Some(frozen) => Membership::new(&rollout.plan, frozen, sets.target, &sets.waves, sets.joined),
            None => Membership::default(),
        };
        let (full_minute, course_minute) = (AtomicI64::new(i64::MIN), AtomicI64::new(-1));
        let accepted = std::sync::Mutex::default();
        Ok(Live { membership, releases, rollout, full_minute, course_minute, accepted })
    }

    async fn releases_of(&self, rollout: &Rollout) -> Result<HashMap<ReleaseId, Arc<Deliverable>>> {
        let mut releases = HashMap::new();
        for id in rollout.plan.releases() {
            if let Some(found) = self.deliverable(id).await? {
                releases.insert(id, Arc::new(found));
            }
        }
        Ok(releases)
    }
}
