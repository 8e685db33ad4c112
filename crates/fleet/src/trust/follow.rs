//! Keeps the image of what is cut off: loads it, and follows the bell.

use super::{Mark, Trust, age::Age, heavier, inherited};
use crate::{Error, Fleet, Result, bell, observe::Job};
use arc_swap::ArcSwap;
use domain::{
    id::{AuthorityId, RevocationId},
    time::{DAY, MINUTE},
};
use pki::SerialNumber;
use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::Arc,
    time::{Duration, Instant},
};
use store::{
    Db,
    change::Change,
    revoked::{
        Revoked,
        cut::{self, Signer},
    },
};
use tokio::sync::{Mutex, broadcast::error::RecvError, watch};

/// The bell's topic. Its subjects are `revocation:ID`, `certificate:AUTHORITY:SERIAL` and `authority:ID`.
pub(crate) const TOPIC: &str = "trust";

/// How long after one that rang later a bell may become visible: transactions end in another order than they ring. A longer
/// one is found by [`AGAIN`]. By our own clock, which goes on evenly: others' may be minutes off.
const LATE: Duration = Duration::from_secs(60);
/// How old by the clocks of whoever rang it what needs not be heard again has to be when everything is read.
const OLD: i64 = 10 * MINUTE;
/// How often the bell is looked at where nobody rings, for what other processes rang.
const LOOK: Duration = Duration::from_millis(50);
/// How often everything is read again, whatever was heard.
const AGAIN: Duration = Duration::from_secs(600);
/// How many changes are read at once.
const MANY: i64 = 1_000;
/// How many are heard before the image is swapped: what was heard is not lost by what is slow after it.
const AT_ONCE: usize = 100;

/// The image, and up to where it has followed.
pub(crate) struct Keeper {
    current: ArcSwap<Trust>,
    followed: Mutex<Followed>,
    changed: watch::Sender<u64>,
    pub(super) age: Age,
}

#[derive(Default)]
struct Followed {
    /// Everything up to here is in the image.
    floor: i64,
    /// What is in the image of what came after, with when it was heard.
    seen: BTreeMap<i64, Instant>,
    loaded: bool,
}

impl Default for Keeper {
    fn default() -> Self {
        let changed = watch::Sender::new(0);
        Self { current: ArcSwap::default(), followed: Mutex::default(), changed, age: Age::default() }
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
        self.load(self.db()).await
    }

    /// Brings [`Fleet::trust`] up to what is committed. Whoever cut something off does it before answering.
    ///
    /// # Errors
    /// When the database fails, or does not answer.
    pub async fn refresh_trust(&self) -> Result<()> {
        self.refresh(self.db()).await
    }

    async fn refresh(&self, db: &Db) -> Result<()> {
        let begun = Instant::now();
        let mut followed = self.inner.trust.followed.lock().await;
        if !followed.loaded {
            drop(followed);
            return self.load(db).await;
        }
        self.catch_up(db, &mut followed).await?;
        self.note_trust_read(begun);
        Ok(())
    }

    /// Reads everything, while the image that is there goes on to be followed, and puts it in its place.
    async fn load(&self, db: &Db) -> Result<()> {
        let begun = Instant::now();
        // First the bell, then the rest: what is rung in between is heard again, which changes nothing.
        let floor = store::change::last_before(db, TOPIC, self.now().plus(-OLD)).await?;
        let mut trust = Trust::default();
        put_authorities(db, &mut trust, 0).await?;
        let ids: Vec<AuthorityId> = trust.authorities.keys().copied().collect();
        for id in ids {
            self.put_serials(db, &mut trust, id, 0).await?;
        }
        self.put_anew(db, floor, trust).await?;
        self.note_trust_read(begun);
        Ok(())
    }

    /// Hears what was rung above the floor, a page at a time, and raises the floor to what can't be followed by anything
    /// older.
    async fn catch_up(&self, db: &Db, followed: &mut Followed) -> Result<()> {
        let mut after = Some(followed.floor);
        while let Some(floor) = after {
            let (page, next) = self.followed_in_time(rung_after(db, floor)).await?;
            let new: Vec<Change> = page.into_iter().filter(|change| !followed.seen.contains_key(&change.seq)).collect();
            for new in new.chunks(AT_ONCE) {
                let (trust, acts) = self.followed_in_time(self.hear(db, Trust::clone(&self.trust()), new)).await?;
                self.swap(trust);
                followed.note(new);
                for (_, act) in acts {
                    self.note_refused_from_now(act);
                }
            }
            after = next;
        }
        followed.rise();
        Ok(())
    }

    /// Lets an image that was read anew hear all that was rung above the floor, and puts it in the other one's place: by then
    /// it knows as much.
    async fn put_anew(&self, db: &Db, floor: i64, mut trust: Trust) -> Result<()> {
        let mut followed = self.inner.trust.followed.lock().await;
        trust.stamp(self.trust().generation + 1);
        let (mut after, mut heard, mut acts) = (Some(floor), Vec::new(), Vec::new());
        while let Some(before) = after {
            let (page, next) = self.followed_in_time(rung_after(db, before)).await?;
            for some in page.chunks(AT_ONCE) {
                let told;
                (trust, told) = self.followed_in_time(self.hear(db, trust, some)).await?;
                acts.extend(told);
            }
            heard.extend(page);
            after = next;
        }
        self.swap(trust);
        for (_, act) in acts.into_iter().filter(|(seq, _)| !followed.seen.contains_key(seq)) {
            self.note_refused_from_now(act);
        }
        followed.note(&heard);
        followed.floor = floor;
        followed.seen = followed.seen.split_off(&(floor + 1));
        followed.loaded = true;
        Ok(())
    }

    /// Follows the bell until the process ends.
    pub(crate) async fn follow_trust(&self) {
        tokio::join!(self.follow_always(), self.load_again(), self.watch_trust_age());
    }

    async fn follow_always(&self) {
        let mut changes = self.changes();
        // On PostgreSQL other nodes ring; on SQLite the command line does not.
        let look = if matches!(self.db(), Db::Postgres(_)) { bell::LOOK } else { LOOK };
        let mut aside = self.db().aside();
        let mut is_away = false;
        loop {
            let refreshed = self.observe(Job::Trust, self.refresh(&aside)).await;
            if let Err(error) = &refreshed {
                if !is_away {
                    tracing::error!(%error, "what was cut off can't be read; what was cut off before still is");
                }
                aside = self.db().aside();
            }
            is_away = refreshed.is_err();
            let until = tokio::time::Instant::now() + look;
            loop {
                match tokio::time::timeout_at(until, changes.recv()).await {
                    Ok(Ok(change)) if change.topic != TOPIC => {}
                    Ok(Err(RecvError::Closed)) => tokio::time::sleep_until(until).await,
                    Ok(Ok(change)) => {
                        if let Err(error) = self.hear_late(&aside, &change).await {
                            tracing::warn!(%error, "a late change of what is cut off was not read; all is read again later");
                        }
                        break;
                    }
                    _ => break,
                }
            }
        }
    }

    /// Hears a change below the floor: it became visible later than was thought possible. Twice changes nothing.
    async fn hear_late(&self, db: &Db, change: &Change) -> Result<()> {
        let followed = self.inner.trust.followed.lock().await;
        if change.seq > followed.floor {
            return Ok(());
        }
        let hearing = self.hear(db, Trust::clone(&self.trust()), std::slice::from_ref(change));
        let (trust, acts) = self.followed_in_time(hearing).await?;
        self.swap(trust);
        for (_, act) in acts {
            self.note_refused_from_now(act);
        }
        Ok(())
    }

    /// One read while others wait to follow: a database that does not answer must not keep them waiting.
    async fn followed_in_time<T>(&self, reading: impl Future<Output = Result<T>>) -> Result<T> {
        let read = tokio::time::timeout(self.inner.trust.age.patience(), reading).await;
        read.map_err(|_| Error::Away("What is cut off can’t be read at the moment.".to_owned()))?
    }

    fn note_trust_read(&self, begun: Instant) {
        self.inner.trust.age.note_read(begun);
        self.inner.observed.trust_was_read(begun);
    }

    async fn load_again(&self) {
        loop {
            tokio::time::sleep(AGAIN).await;
            if let Err(error) = self.load_trust().await {
                tracing::warn!(%error, "what was cut off was not read again; what changes is followed");
            }
        }
    }

    fn swap(&self, trust: Trust) {
        let generation = trust.generation;
        self.inner.trust.current.store(Arc::new(trust));
        self.inner.trust.changed.send_replace(generation);
    }

    /// Lets an image follow some changes. The acts among them, with their sequences.
    async fn hear(&self, db: &Db, mut trust: Trust, heard: &[Change]) -> Result<(Trust, Vec<(i64, RevocationId)>)> {
        trust.generation += 1;
        let version = trust.generation;
        let (mut acts, mut authorities) = (Vec::new(), false);
        for change in heard {
            match change.subject.split_once(':') {
                Some(("revocation", id)) => {
                    if let Ok(id) = id.parse() {
                        authorities |= self.hear_act(db, &mut trust, id, version).await?;
                        acts.push((change.seq, id));
                    }
                }
                Some(("certificate", name)) => hear_certificate(db, &mut trust, name, version).await?,
                _ => authorities = true,
            }
        }
        if authorities {
            let before: BTreeSet<AuthorityId> = trust.authorities.keys().copied().collect();
            put_authorities(db, &mut trust, version).await?;
            let new: Vec<AuthorityId> = trust.authorities.keys().copied().filter(|id| !before.contains(id)).collect();
            for id in new {
                self.put_serials(db, &mut trust, id, version).await?;
            }
        }
        Ok((trust, acts))
    }

    /// Whether the act cut authorities off or released them.
    async fn hear_act(&self, db: &Db, trust: &mut Trust, act: RevocationId, version: u64) -> Result<bool> {
        let mut by_authority: HashMap<AuthorityId, Vec<(SerialNumber, Option<Mark>)>> = HashMap::new();
        for (authority, serial, revoked) in store::revoked::touched(db, act).await? {
            if let Ok(serial) = SerialNumber::from_hex(&serial) {
                by_authority.entry(authority).or_default().push((serial, revoked.as_ref().map(mark)));
            }
        }
        let mut touched: Vec<AuthorityId> = by_authority.keys().copied().collect();
        for (authority, changes) in by_authority {
            trust.change_serials(authority, changes, version);
        }
        let cut = cut::of_act(db, act).await?;
        let released = cut::lifted_by(db, act).await?;
        touched.extend(cut.iter().chain(&released));
        if let Some(act) = store::revocation::by_id(db, act).await? {
            self.note_act(&act, touched);
        }
        Ok(!cut.is_empty() || !released.is_empty())
    }

    async fn put_serials(&self, db: &Db, trust: &mut Trust, id: AuthorityId, version: u64) -> Result<()> {
        let all = store::revoked::of_authority(db, id, self.now().plus(-DAY)).await?;
        let all = all.iter().filter_map(|r| Some((SerialNumber::from_hex(&r.serial).ok()?, mark(r)))).collect();
        trust.set_serials(id, all, version);
        Ok(())
    }
}

impl Followed {
    fn note(&mut self, heard: &[Change]) {
        let now = Instant::now();
        for change in heard {
            self.seen.entry(change.seq).or_insert(now);
        }
    }

    /// Raises the floor over what was heard so long ago that nothing comes in before it.
    fn rise(&mut self) {
        let old = self.seen.iter().rev().find(|(_, heard_at)| heard_at.elapsed() >= LATE);
        if let Some(old) = old.map(|(seq, _)| *seq) {
            self.floor = old;
            self.seen = self.seen.split_off(&(old + 1));
        }
    }
}

/// A page of what was rung after a sequence, and after which one the next page begins.
async fn rung_after(db: &Db, after: i64) -> Result<(Vec<Change>, Option<i64>)> {
    let page = store::change::of_topic(db, TOPIC, after, MANY).await?;
    let is_last = i64::try_from(page.len()).unwrap_or(MANY) < MANY;
    let next = page.last().map(|change| change.seq).filter(|_| !is_last);
    Ok((page, next))
}

async fn hear_certificate(db: &Db, trust: &mut Trust, name: &str, version: u64) -> Result<()> {
    let Some((authority, text)) = name.split_once(':') else { return Ok(()) };
    let (Ok(authority), Ok(serial)) = (authority.parse(), SerialNumber::from_hex(text)) else { return Ok(()) };
    let revoked = store::revoked::one(db, authority, text).await?;
    trust.change_serials(authority, vec![(serial, revoked.as_ref().map(mark))], version);
    Ok(())
}

async fn put_authorities(db: &Db, trust: &mut Trust, version: u64) -> Result<()> {
    let mut own: HashMap<AuthorityId, Mark> = HashMap::new();
    for cut in cut::alive(db).await? {
        let found = Mark { at: cut.at, reason: cut.reason, revocation: cut.revocation };
        own.entry(cut.authority).and_modify(|mark| *mark = heavier(*mark, found)).or_insert(found);
    }
    let signers: Vec<Signer> = cut::signers(db).await?;
    let cuts = inherited(&signers, &own);
    let found = signers.into_iter().map(|signer| (cuts.get(&signer.id).copied(), signer));
    trust.set_authorities(found.map(|(cut, signer)| (signer, cut)).collect(), version).map_err(Error::internal)
}

fn mark(revoked: &Revoked) -> Mark {
    Mark { at: revoked.at, reason: revoked.reason, revocation: revoked.revocation }
}
