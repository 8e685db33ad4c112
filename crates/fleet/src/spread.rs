//! How an act of revocation spreads: noted in memory as it happens, written down together every second.

use crate::{Actor, Fleet, Result, custody::append, trust::Mark};
use domain::{
    history::{Entry, Event},
    id::{AuthorityId, DeviceId, RevocationId},
    person::Permission,
    revocation::SpreadChannel,
    time::{DAY, MINUTE, Timestamp},
};
use std::{
    collections::{BTreeSet, HashMap, VecDeque},
    sync::{Mutex, PoisonError},
};
use store::spread::Spread;

/// For how long an act's spread is noted.
const NOTED_FOR: i64 = 7 * DAY;
/// Of how many acts at most; the oldest go first.
const ACTS: usize = 64;
/// How many different notes wait to be written. Strangers can cause some of them, so there is an end to it.
const WAITING: usize = 100_000;
/// How many different fetchers of one authority's CRL are told apart within a minute; the rest count as others.
const FETCHERS: usize = 50;
/// In whose name a device's coming back is recorded.
const RULE: Actor = Actor::Rule { name: "gateway" };

/// What has happened since it was last written down.
#[derive(Default)]
pub(crate) struct Buffer(Mutex<Noted>);

#[derive(Default)]
struct Noted {
    /// Acts that are young, with the authorities that they touch.
    acts: VecDeque<Young>,
    rows: Rows,
    refused: HashMap<(RevocationId, AuthorityId, String), Refused>,
    /// Which authorities' CRLs were noted as published for an act.
    published: BTreeSet<(RevocationId, AuthorityId)>,
    /// Whether this process lets anybody in.
    serves: bool,
    node: String,
}

type Rows = HashMap<(RevocationId, SpreadChannel, String, Timestamp), Times>;

struct Young {
    id: RevocationId,
    noted_at: Timestamp,
    authorities: BTreeSet<AuthorityId>,
}

#[derive(Clone, Copy)]
struct Times {
    n: i64,
    first: Timestamp,
    last: Timestamp,
}

struct Refused {
    times: Times,
    address: String,
}

impl Times {
    fn again(&mut self, at: Timestamp) {
        self.n += 1;
        self.first = self.first.min(at);
        self.last = self.last.max(at);
    }
}

impl Noted {
    fn note(&mut self, act: RevocationId, channel: SpreadChannel, node: &str, at: Timestamp) {
        let minute = Timestamp(at.0 - at.0.rem_euclid(MINUTE));
        let key = (act, channel, node.to_owned(), minute);
        if self.rows.len() >= WAITING && !self.rows.contains_key(&key) {
            return;
        }
        self.rows.entry(key).or_insert(Times { n: 0, first: at, last: at }).again(at);
    }

    fn put_back(&mut self, rows: Rows, refused: HashMap<(RevocationId, AuthorityId, String), Refused>) {
        for (key, times) in rows {
            let later = self.rows.entry(key).or_insert(Times { n: 0, ..times });
            *later =
                Times { n: later.n + times.n, first: times.first.min(later.first), last: times.last.max(later.last) };
        }
        for (key, before) in refused {
            self.refused.entry(key).and_modify(|later| later.times.n += before.times.n).or_insert(before);
        }
    }

    fn is_young(&self, act: RevocationId) -> bool {
        self.acts.iter().any(|young| young.id == act)
    }
}

impl Fleet {
    fn noted(&self) -> std::sync::MutexGuard<'_, Noted> {
        self.inner.spread.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// From now on this process counts as one that lets devices in or refuses them.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn begin_to_note(&self) -> Result<()> {
        let node = self.node().await?;
        for act in store::revocation::recent(self.db(), self.now().plus(-NOTED_FOR), 64).await?.into_iter().rev() {
            let mut touched = store::revoked::cut::of_act(self.db(), act.id).await?;
            touched.extend(store::revoked::cut::lifted_by(self.db(), act.id).await?);
            if touched.is_empty() {
                touched.extend(store::revoked::authorities_of(self.db(), act.id).await?);
            }
            self.note_act(act.id, touched);
        }
        let mut noted = self.noted();
        noted.serves = true;
        noted.node = node.rsplit('-').next().unwrap_or_default().to_owned();
        Ok(())
    }

    /// Remembers which authorities an act touches.
    pub(crate) fn note_act(&self, id: RevocationId, authorities: Vec<AuthorityId>) {
        let now = self.now();
        let mut noted = self.noted();
        noted.acts.retain(|young| young.noted_at.plus(NOTED_FOR) > now);
        if let Some(young) = noted.acts.iter_mut().find(|young| young.id == id) {
            young.authorities.extend(authorities);
            return;
        }
        if noted.acts.len() >= ACTS
            && let Some(old) = noted.acts.pop_front()
        {
            noted.published.retain(|(act, _)| *act != old.id);
        }
        noted.acts.push_back(Young { id, noted_at: now, authorities: authorities.into_iter().collect() });
    }

    /// Notes that this node refuses what an act cut off from now on.
    pub(crate) fn note_refused_from_now(&self, act: RevocationId) {
        let now = self.now();
        let mut noted = self.noted();
        if noted.serves {
            let node = noted.node.clone();
            noted.note(act, SpreadChannel::GatewayRefuses, &node, now);
        }
    }

    /// Notes that a CRL of an authority was published, once for each act that it is the first to tell of.
    pub(crate) fn note_published(&self, authority: AuthorityId, slug: &str) {
        let now = self.now();
        let mut noted = self.noted();
        let young = noted.acts.iter().filter(|young| young.authorities.contains(&authority));
        let acts: Vec<RevocationId> = young.map(|young| young.id).collect();
        for act in acts {
            if noted.published.insert((act, authority)) {
                noted.note(act, SpreadChannel::CrlPublished, slug, now);
            }
        }
    }

    /// Notes that a CRL was fetched, by whom as far as that is known: an address, a name.
    pub fn crl_fetched(&self, slug: &str, by: &str) {
        let Some(id) = self.trust().by_slug(slug).map(super::trust::AuthorityTrust::id) else { return };
        let now = self.now();
        let mut noted = self.noted();
        let told_apart = noted.rows.keys().filter(|(_, channel, ..)| *channel == SpreadChannel::CrlFetched).count();
        let by: String = if told_apart < FETCHERS { by.chars().take(80).collect() } else { "others".to_owned() };
        let known = noted.acts.iter().filter(|young| noted.published.contains(&(young.id, id)));
        let acts: Vec<RevocationId> = known.map(|young| young.id).collect();
        for act in acts {
            noted.note(act, SpreadChannel::CrlFetched, &by, now);
        }
    }

    /// Notes that an OCSP answer told of an act.
    pub(crate) fn note_ocsp(&self, mark: Mark, slug: &str) {
        let now = self.now();
        let mut noted = self.noted();
        if noted.is_young(mark.revocation) {
            noted.note(mark.revocation, SpreadChannel::OcspRevoked, slug, now);
        }
    }

    /// Notes that a certificate was refused at the gateway. Only for one that an authority of ours really signed.
    pub fn refused(&self, actor: &Actor, authority: AuthorityId, serial: &str, address: &str) {
        if !matches!(actor, Actor::Rule { .. }) {
            return;
        }
        let trust = self.trust();
        let mark = trust.authority(authority).zip(pki::SerialNumber::from_hex(serial).ok());
        let Some(mark) = mark.and_then(|(authority, serial)| authority.mark(serial)) else { return };
        let now = self.now();
        let mut noted = self.noted();
        if noted.is_young(mark.revocation) {
            let node = noted.node.clone();
            noted.note(mark.revocation, SpreadChannel::DeviceRefused, &node, now);
        }
        let key = (mark.revocation, authority, serial.to_owned());
        if noted.refused.len() >= WAITING && !noted.refused.contains_key(&key) {
            return;
        }
        let blank = || Refused { times: Times { n: 0, first: now, last: now }, address: String::new() };
        let refused = noted.refused.entry(key).or_insert_with(blank);
        refused.times.again(now);
        refused.address = address.chars().take(64).collect();
    }

    /// Writes down what was noted.
    ///
    /// # Errors
    /// When the database fails; then it is noted still.
    pub async fn flush_spread(&self) -> Result<()> {
        let (rows, refused) = {
            let mut noted = self.noted();
            (std::mem::take(&mut noted.rows), std::mem::take(&mut noted.refused))
        };
        if !rows.is_empty() {
            let acts: BTreeSet<RevocationId> = rows.keys().map(|(act, ..)| *act).collect();
            if let Err(error) = self.write_spread(&rows, &acts).await {
                self.noted().put_back(rows, refused);
                return Err(error);
            }
        }
        for ((act, authority, serial), refused) in refused {
            if let Some(device) = store::spread::device_of(self.db(), authority, &serial).await? {
                self.came_back(act, device, &refused).await?;
            }
        }
        Ok(())
    }

    async fn write_spread(&self, rows: &Rows, acts: &BTreeSet<RevocationId>) -> Result<()> {
        let mut rows: Vec<Spread> = rows
            .iter()
            .map(|((revocation, channel, node, minute), times)| Spread {
                revocation: *revocation,
                channel: *channel,
                node: node.clone(),
                minute: *minute,
                n: times.n,
                first_at: times.first,
                last_at: times.last,
            })
            .collect();
        // In one order, so that two nodes can't wait for each other.
        rows.sort_by(|a, b| {
            (a.revocation, a.channel, &a.node, a.minute).cmp(&(b.revocation, b.channel, &b.node, b.minute))
        });
        let mut deed = self.allow(&RULE, Permission::AuthorityRead, "spread").await?;
        for row in &rows {
            store::spread::add(&mut deed.tx, row).await?;
        }
        for act in acts {
            deed.ring("revocation", &act.to_string()).await?;
        }
        deed.commit_as_history().await
    }

    /// Notes once on a device's history that it came back after an act and was refused.
    async fn came_back(&self, act: RevocationId, device: DeviceId, refused: &Refused) -> Result<()> {
        let mut deed = self.allow(&RULE, Permission::AuthorityRead, "spread").await?;
        let (times, address) = (refused.times, refused.address.as_str());
        let Some(locked) = store::device::lock(&mut deed.tx, device).await? else { return Ok(()) };
        if store::spread::came_back(&mut deed.tx, act, device, times.n, times.first, address).await? {
            let from = if address.is_empty() { String::new() } else { format!(" from {address}") };
            let text = format!("Came back{from} with a certificate that is cut off, and was refused.");
            let entry =
                Entry { actor: locked.serial.clone(), ..self.entry(&RULE, times.first, "", Event::Note { text }) };
            append(&mut deed, &locked, vec![entry]).await?;
            deed.ring("device", &locked.serial).await?;
        }
        deed.commit_as_history().await
    }
}
