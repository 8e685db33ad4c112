//! Keeps the image of what is cut off: loads it, and follows the bell.

use super::{Mark, Trust, heavier, inherited};
use crate::{Error, Fleet, Result};
use arc_swap::ArcSwap;
use domain::{
    id::{AuthorityId, RevocationId},
    time::{DAY, MINUTE},
};
use pki::SerialNumber;
use std::{
    collections::{BTreeSet, HashMap},
    sync::Arc,
    time::Duration,
};
use store::{
    change::Change,
    revoked::{
        Revoked,
        cut::{self, Signer},
    },
};
use tokio::sync::{Mutex, broadcast::error::RecvError, watch};

/// The bell's topic. Its subjects are `revocation:ID`, `certificate:AUTHORITY:SERIAL` and `authority:ID`.
pub(crate) const TOPIC: &str = "trust";

/// How long after a bell was rung it may become visible: transactions end in another order than they ring. A longer one
/// is found by [`AGAIN`].
const LATE: i64 = MINUTE;
/// How often the bell is looked at, for what other processes rang.
const LOOK: Duration = Duration::from_millis(50);
/// How often everything is read again, whatever was heard.
const AGAIN: Duration = Duration::from_secs(600);
/// How many changes are read at once.
const MANY: i64 = 1_000;

/// The image, and up to where it has followed.
pub(crate) struct Keeper {
    current: ArcSwap<Trust>,
    followed: Mutex<Followed>,
    changed: watch::Sender<u64>,
}

#[derive(Default)]
struct Followed {
    /// Everything up to here is in the image.
    floor: i64,
    /// What is in the image of what came after.
    seen: BTreeSet<i64>,
    loaded: bool,
}

impl Default for Keeper {
    fn default() -> Self {
        Self { current: ArcSwap::default(), followed: Mutex::default(), changed: watch::Sender::new(0) }
    }
}

impl Fleet {
    /// Whom to trust now. Empty, so that nobody is admitted, before it was loaded.
    #[must_use]
    pub fn trust(&self) -> Arc<Trust> {
        self.inner.trust.current.load_full()
    }

    /// Tells of each change of [`Fleet::trust`], by its generation.
    #[must_use]
    pub fn trust_changes(&self) -> watch::Receiver<u64> {
        self.inner.trust.changed.subscribe()
    }

    /// Reads everything that is trusted and cut off. To be done before anybody is let in.
    ///
    /// # Errors
    /// When the database fails, or holds an authority's certificate that can't be read.
    pub async fn load_trust(&self) -> Result<()> {
        let mut followed = self.inner.trust.followed.lock().await;
        self.load(&mut followed).await
    }

    /// Brings [`Fleet::trust`] up to what is committed. Whoever cut something off does it before answering.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn refresh_trust(&self) -> Result<()> {
        let mut followed = self.inner.trust.followed.lock().await;
        if !followed.loaded {
            return self.load(&mut followed).await;
        }
        self.catch_up(&mut followed).await
    }

    /// Hears what was rung above the floor, a page at a time, and raises the floor to what can't be followed by anything
    /// older.
    async fn catch_up(&self, followed: &mut Followed) -> Result<()> {
        let (mut after, mut old) = (followed.floor, None);
        loop {
            let page = store::change::of_topic(self.db(), TOPIC, after, MANY).await?;
            let Some(last) = page.last().map(|change| change.seq) else { break };
            let is_last = i64::try_from(page.len()).unwrap_or(MANY) < MANY;
            let late = self.now().plus(-LATE).0;
            old = page.iter().filter(|change| change.at < late).map(|change| change.seq).max().or(old);
            let new: Vec<Change> = page.into_iter().filter(|change| !followed.seen.contains(&change.seq)).collect();
            if !new.is_empty() {
                let acts = self.hear(&new).await?;
                followed.seen.extend(new.iter().map(|change| change.seq));
                for act in acts {
                    self.note_refused_from_now(act);
                }
            }
            after = last;
            if is_last {
                break;
            }
        }
        if let Some(old) = old {
            followed.floor = old;
            followed.seen = followed.seen.split_off(&(old + 1));
        }
        Ok(())
    }

    /// Follows the bell until the process ends.
    pub(crate) async fn follow_trust(&self) {
        let mut changes = self.changes();
        let mut loaded_at = tokio::time::Instant::now();
        loop {
            let refreshed = if loaded_at.elapsed() > AGAIN {
                loaded_at = tokio::time::Instant::now();
                self.load_trust().await
            } else {
                self.refresh_trust().await
            };
            if let Err(error) = refreshed {
                tracing::error!(%error, "what was cut off can't be read; what was cut off before still is");
            }
            let until = tokio::time::Instant::now() + LOOK;
            loop {
                match tokio::time::timeout_at(until, changes.recv()).await {
                    Ok(Ok(change)) if change.topic != TOPIC => {}
                    Ok(Err(RecvError::Closed)) => tokio::time::sleep_until(until).await,
                    _ => break,
                }
            }
        }
    }

    async fn load(&self, followed: &mut Followed) -> Result<()> {
        // First the bell, then the rest: what is rung in between is heard again, which changes nothing.
        let floor = store::change::last_before(self.db(), TOPIC, self.now().plus(-LATE)).await?;
        let mut trust = Trust { generation: self.trust().generation + 1, ..Trust::default() };
        let version = trust.generation;
        self.put_authorities(&mut trust, version).await?;
        let ids: Vec<AuthorityId> = trust.authorities.keys().copied().collect();
        for id in ids {
            self.put_serials(&mut trust, id, version).await?;
        }
        // What was heard before was committed before, so it is in what was read; it isn't noted a second time.
        let seen = followed.seen.split_off(&(floor + 1));
        *followed = Followed { floor, seen, loaded: true };
        self.swap(trust);
        // What was rung while it was read is heard; what was rung just before is heard again.
        self.catch_up(followed).await
    }

    fn swap(&self, trust: Trust) {
        let generation = trust.generation;
        self.inner.trust.current.store(Arc::new(trust));
        self.inner.trust.changed.send_replace(generation);
    }

    /// Lets the image follow some changes. The acts among them.
    async fn hear(&self, heard: &[Change]) -> Result<Vec<RevocationId>> {
        let mut trust = Trust::clone(&self.trust());
        trust.generation += 1;
        let version = trust.generation;
        let (mut acts, mut authorities) = (Vec::new(), false);
        for change in heard {
            match change.subject.split_once(':') {
                Some(("revocation", id)) => {
                    if let Ok(id) = id.parse() {
                        authorities |= self.hear_act(&mut trust, id, version).await?;
                        acts.push(id);
                    }
                }
                Some(("certificate", name)) => self.hear_certificate(&mut trust, name, version).await?,
                _ => authorities = true,
            }
        }
        if authorities {
            let before: BTreeSet<AuthorityId> = trust.authorities.keys().copied().collect();
            self.put_authorities(&mut trust, version).await?;
            let new: Vec<AuthorityId> = trust.authorities.keys().copied().filter(|id| !before.contains(id)).collect();
            for id in new {
                self.put_serials(&mut trust, id, version).await?;
            }
        }
        self.swap(trust);
        Ok(acts)
    }

    /// Whether the act cut authorities off or released them.
    async fn hear_act(&self, trust: &mut Trust, act: RevocationId, version: u64) -> Result<bool> {
        let mut by_authority: HashMap<AuthorityId, Vec<(SerialNumber, Option<Mark>)>> = HashMap::new();
        for (authority, serial, revoked) in store::revoked::touched(self.db(), act).await? {
            if let Ok(serial) = SerialNumber::from_hex(&serial) {
                by_authority.entry(authority).or_default().push((serial, revoked.as_ref().map(mark)));
            }
        }
        let mut touched: Vec<AuthorityId> = by_authority.keys().copied().collect();
        for (authority, changes) in by_authority {
            trust.change_serials(authority, changes, version);
        }
        let cut = cut::of_act(self.db(), act).await?;
        let released = cut::lifted_by(self.db(), act).await?;
        touched.extend(cut.iter().chain(&released));
        if let Some(act) = store::revocation::by_id(self.db(), act).await? {
            self.note_act(&act, touched);
        }
        Ok(!cut.is_empty() || !released.is_empty())
    }

    async fn hear_certificate(&self, trust: &mut Trust, name: &str, version: u64) -> Result<()> {
        let Some((authority, text)) = name.split_once(':') else { return Ok(()) };
        let (Ok(authority), Ok(serial)) = (authority.parse(), SerialNumber::from_hex(text)) else { return Ok(()) };
        let revoked = store::revoked::one(self.db(), authority, text).await?;
        trust.change_serials(authority, vec![(serial, revoked.as_ref().map(mark))], version);
        Ok(())
    }

    async fn put_authorities(&self, trust: &mut Trust, version: u64) -> Result<()> {
        let mut own: HashMap<AuthorityId, Mark> = HashMap::new();
        for cut in cut::alive(self.db()).await? {
            let found = Mark { at: cut.at, reason: cut.reason, revocation: cut.revocation };
            own.entry(cut.authority).and_modify(|mark| *mark = heavier(*mark, found)).or_insert(found);
        }
        let signers: Vec<Signer> = cut::signers(self.db()).await?;
        let cuts = inherited(&signers, &own);
        let found = signers.into_iter().map(|signer| (cuts.get(&signer.id).copied(), signer));
        trust.set_authorities(found.map(|(cut, signer)| (signer, cut)).collect(), version).map_err(Error::internal)
    }

    async fn put_serials(&self, trust: &mut Trust, id: AuthorityId, version: u64) -> Result<()> {
        let all = store::revoked::of_authority(self.db(), id, self.now().plus(-DAY)).await?;
        let all = all.iter().filter_map(|r| Some((SerialNumber::from_hex(&r.serial).ok()?, mark(r)))).collect();
        trust.set_serials(id, all, version);
        Ok(())
    }
}

fn mark(revoked: &Revoked) -> Mark {
    Mark { at: revoked.at, reason: revoked.reason, revocation: revoked.revocation }
}
