//! How an act of revocation spreads: noted in memory as it happens, written down together every second.

use crate::{Actor, Deed, Error, Fleet, Result, custody::append, trust::Mark};
use domain::{
    device::Device,
    history::{Entry, Event},
    id::{AuthorityId, DeviceId, RevocationId},
    person::Permission,
    revocation::{RevocationScope, SpreadChannel},
    time::{DAY, HOUR, MINUTE, Timestamp},
};
use std::{
    collections::{BTreeSet, HashMap, VecDeque},
    net::Ipv6Addr,
    sync::{Mutex, MutexGuard, PoisonError},
};
use store::{revocation::Revocation, spread::Spread};

/// For how long an act's spread is noted.
const NOTED_FOR: i64 = 7 * DAY;
/// Of how many acts of one scope at most; the oldest go first. Each scope has its own: rules put one certificate after the
/// other on hold, and what was cut off with a whole batch must not be forgotten for that.
const ACTS: usize = 64;
/// How many different notes wait to be written. Strangers can cause some of them, so there is an end to it.
const WAITING: usize = 100_000;
/// How many different fetchers of one authority's CRL are told apart until it is touched again; the rest count as others.
const FETCHERS: usize = 50;
/// How long a device's further refusals are only counted after they were written down.
const AGAIN_AFTER: i64 = HOUR;
/// How many devices' refusals are written down at once: for that long others wait for the one writer.
const AT_ONCE: usize = 500;
/// Of how many certificates it is remembered that their refusals were written down; of more, only the first are.
const TOLD: usize = 1_000_000;
/// How many devices are named one by one when they change; of more, pages are told that devices changed.
const NAMED: usize = 10;
/// In whose name a device's coming back is recorded.
const RULE: Actor = Actor::Rule { name: "gateway" };

/// What has happened since it was last written down.
#[derive(Default)]
pub(crate) struct Buffer {
    noted: Mutex<Noted>,
    /// Whoever writes it down. One at a time: what another has taken is not in the database yet.
    writes: tokio::sync::Mutex<()>,
}

impl Buffer {
    fn noted(&self) -> MutexGuard<'_, Noted> {
        self.noted.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[derive(Default)]
struct Noted {
    /// Acts that are young, with the authorities that they touch.
    acts: VecDeque<Young>,
    rows: Rows,
    refused: RefusedOnes,
    /// When the refusals of a certificate were last written down.
    told: HashMap<Cut, Timestamp>,
    /// Which authorities' CRLs were noted as published for an act.
    published: BTreeSet<(RevocationId, AuthorityId)>,
    /// Who is told apart among those that fetched an authority's CRL.
    fetchers: HashMap<AuthorityId, BTreeSet<String>>,
    /// Whether this process lets anybody in.
    serves: bool,
    node: String,
}

/// What stands before a device's serial, where a certificate's would stand if it had one.
const BY_TOKEN: &str = "device:";

/// An act and a certificate that it cut off; or an authority, and a device with a token.
type Cut = (RevocationId, AuthorityId, String);
type RefusedOnes = HashMap<Cut, Refused>;
type Rows = HashMap<(RevocationId, SpreadChannel, String, Timestamp), Times>;

struct Young {
    id: RevocationId,
    scope: RevocationScope,
    since: Timestamp,
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
    /// Whether it is on hold, and was answered what its repair needs.
    is_hold: bool,
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

    /// The name under which a fetcher is noted.
    fn fetcher(&mut self, authority: AuthorityId, by: String) -> String {
        let known = self.fetchers.entry(authority).or_default();
        if known.contains(&by) || known.len() < FETCHERS {
            known.insert(by.clone());
            return by;
        }
        "others".to_owned()
    }

    fn put_back(&mut self, rows: Rows, refused: RefusedOnes) {
        for (key, times) in rows {
            let later = self.rows.entry(key).or_insert(Times { n: 0, ..times });
            *later =
                Times { n: later.n + times.n, first: times.first.min(later.first), last: times.last.max(later.last) };
        }
        for (key, before) in refused {
            self.told.remove(&key);
            let add = |later: &mut Refused| {
                later.times.n += before.times.n;
                later.times.first = before.times.first;
            };
            self.refused.entry(key).and_modify(add).or_insert(before);
        }
    }

    /// Remembers one more act. Of its scope the oldest goes for it, where there are as many as there may be.
    fn remember(&mut self, act: Young) {
        let is_alike = |young: &Young| young.scope == act.scope;
        if self.acts.iter().filter(|young| is_alike(young)).count() >= ACTS
            && let Some(old) = self.acts.iter().position(is_alike).and_then(|oldest| self.acts.remove(oldest))
        {
            self.published.retain(|(published, _)| *published != old.id);
        }
        self.acts.push_back(act);
    }

    fn is_young(&self, act: RevocationId, now: Timestamp) -> bool {
        self.acts.iter().any(|young| young.id == act && young.since.plus(NOTED_FOR) > now)
    }

    /// Takes out what is to be written down now: what was refused for the first time, and what is due again.
    fn due(&mut self, now: Timestamp) -> RefusedOnes {
        self.told.retain(|_, at| at.plus(AGAIN_AFTER) > now);
        let is_due = |key: &&Cut| !self.told.contains_key(*key);
        let keys: Vec<Cut> =
            self.refused.keys().filter(is_due).take(AT_ONCE.min(TOLD - self.told.len())).cloned().collect();
        let mut due = RefusedOnes::with_capacity(keys.len());
        for key in keys {
            if let Some(refused) = self.refused.remove(&key) {
                self.told.insert(key.clone(), now);
                due.insert(key, refused);
            }
        }
        due
    }
}

/// Whether what failed may be in the database all the same.
const fn may_be_done(error: &Error) -> bool {
    matches!(error, Error::Unsure)
}

/// An address as one network: whoever has an IPv6 address has 2^64 of them.
fn network_of(by: &str) -> String {
    match by.parse::<Ipv6Addr>() {
        Ok(address) => {
            let [a, b, c, d, ..] = address.segments();
            format!("{}/64", Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0))
        }
        Err(_) => by.chars().take(80).collect(),
    }
}

impl Fleet {
    fn noted(&self) -> MutexGuard<'_, Noted> {
        self.inner.spread.noted()
    }

    /// From now on this process counts as one that lets devices in or refuses them.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn begin_to_note(&self) -> Result<()> {
        let node = self.node().await?;
        let since = self.now().plus(-NOTED_FOR);
        for scope in RevocationScope::ALL {
            for act in store::revocation::recent(self.db(), (*scope, since), ACTS as i64).await?.into_iter().rev() {
                let mut touched = store::revoked::cut::of_act(self.db(), act.id).await?;
                touched.extend(store::revoked::cut::lifted_by(self.db(), act.id).await?);
                if touched.is_empty() {
                    touched.extend(store::revoked::authorities_of(self.db(), act.id).await?);
                }
                self.note_act(&act, touched);
            }
        }
        let mut noted = self.noted();
        noted.serves = true;
        noted.node = node.rsplit('-').next().unwrap_or_default().to_owned();
        Ok(())
    }

    /// Remembers which authorities an act touches, since it counts.
    pub(crate) fn note_act(&self, act: &Revocation, authorities: Vec<AuthorityId>) {
        let now = self.now();
        let mut noted = self.noted();
        for authority in &authorities {
            noted.fetchers.remove(authority);
        }
        noted.acts.retain(|young| young.since.plus(NOTED_FOR) > now);
        if let Some(young) = noted.acts.iter_mut().find(|young| young.id == act.id) {
            young.authorities.extend(authorities);
            return;
        }
        let (since, authorities) = (act.effective_at.unwrap_or(now), authorities.into_iter().collect());
        noted.remember(Young { id: act.id, scope: act.scope, since, authorities });
    }

    /// Notes that this node refuses what an act cut off from now on.
    pub(crate) fn note_refused_from_now(&self, act: RevocationId) {
        let now = self.now();
        let mut noted = self.noted();
        if noted.serves {
            let node = noted.node.clone();
            noted.note(act, SpreadChannel::GatewayRefuses, &node, now);
            if let Some(young) = noted.acts.iter().find(|young| young.id == act) {
                self.inner.observed.spread(young.since, now);
            }
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
        let known = noted.acts.iter().filter(|young| noted.published.contains(&(young.id, id)));
        let acts: Vec<RevocationId> = known.map(|young| young.id).collect();
        if acts.is_empty() {
            return;
        }
        let by = noted.fetcher(id, network_of(by));
        for act in acts {
            noted.note(act, SpreadChannel::CrlFetched, &by, now);
        }
    }

    /// Notes that an OCSP answer told of an act.
    pub(crate) fn note_ocsp(&self, mark: Mark, slug: &str) {
        let now = self.now();
        let mut noted = self.noted();
        if noted.is_young(mark.revocation, now) {
            noted.note(mark.revocation, SpreadChannel::OcspRevoked, slug, now);
        }
    }

    /// Notes that a certificate was refused at the gateway, or limited there to what a repair needs while it is on hold.
    /// Only for one that an authority of ours really signed.
    pub fn refused(&self, actor: &Actor, authority: AuthorityId, serial: &str, address: &str) {
        if !matches!(actor, Actor::Rule { .. }) {
            return;
        }
        if let Some(mark) = self.trust().mark(authority, serial) {
            self.note_refused((mark.revocation, authority, serial.to_owned()), mark, address);
        }
    }

    /// Notes that a device was refused or limited that has a token and no certificate, and came after its batch or factory
    /// was cut off.
    pub(crate) fn refused_by_token(&self, mark: Mark, authority: AuthorityId, device_serial: &str, address: &str) {
        self.note_refused((mark.revocation, authority, format!("{BY_TOKEN}{device_serial}")), mark, address);
    }

    fn note_refused(&self, key: Cut, mark: Mark, address: &str) {
        let now = self.now();
        let mut noted = self.noted();
        if !noted.is_young(key.0, now) {
            return;
        }
        let node = noted.node.clone();
        noted.note(key.0, SpreadChannel::DeviceRefused, &node, now);
        if noted.refused.len() >= WAITING && !noted.refused.contains_key(&key) {
            return;
        }
        let (is_hold, times) = (mark.is_hold(), Times { n: 0, first: now, last: now });
        let blank = || Refused { times, address: String::new(), is_hold };
        let refused = noted.refused.entry(key).or_insert_with(blank);
        refused.times.again(now);
        refused.address = address.chars().take(64).collect();
    }

    /// The device that was refused.
    async fn device_of(&self, authority: AuthorityId, refused: &str) -> Result<Option<DeviceId>> {
        Ok(match refused.strip_prefix(BY_TOKEN) {
            Some(serial) => store::device::by_serial(self.db(), serial).await?.map(|device| device.id),
            None => store::spread::device_of(self.db(), authority, refused).await?,
        })
    }

    /// Writes down what was noted. What was noted before this began is in the database when it ends, whoever wrote it; of
    /// refusals as many as are written at once.
    ///
    /// # Errors
    /// When the database fails; then it is noted still, unless the database was lost before it said whether it was done.
    pub async fn flush_spread(&self) -> Result<()> {
        let fleet = self.clone();
        // Whoever waits for it may be gone before it is done: what was begun is neither dropped halfway nor written twice.
        tokio::spawn(async move { fleet.write_noted().await }).await.map_err(Error::internal)?
    }

    /// Writes down all that was noted, as the program stops, also what would have waited for more of its like.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn flush_last_spread(&self) -> Result<()> {
        loop {
            self.noted().told.clear();
            self.flush_spread().await?;
            if self.noted().refused.is_empty() {
                return Ok(());
            }
        }
    }

    async fn write_noted(&self) -> Result<()> {
        let _one_writes = self.inner.spread.writes.lock().await;
        let now = self.now();
        let (rows, refused) = {
            let mut noted = self.noted();
            let refused = noted.due(now);
            (std::mem::take(&mut noted.rows), refused)
        };
        if !rows.is_empty() {
            let acts: BTreeSet<RevocationId> = rows.keys().map(|(act, ..)| *act).collect();
            if let Err(error) = self.write_spread(&rows, &acts).await {
                let rows = if may_be_done(&error) { Rows::new() } else { rows };
                self.noted().put_back(rows, refused);
                return Err(error);
            }
        }
        if !refused.is_empty()
            && let Err(error) = self.write_refused(&refused).await
        {
            if !may_be_done(&error) {
                self.noted().put_back(Rows::new(), refused);
            }
            return Err(error);
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

    /// Notes which devices came back after an act and were refused, and once for each act on a device's history.
    async fn write_refused(&self, refused: &RefusedOnes) -> Result<()> {
        let mut came: Vec<(DeviceId, RevocationId, &Refused)> = Vec::with_capacity(refused.len());
        for ((act, authority, serial), refused) in refused {
            if let Some(device) = self.device_of(*authority, serial).await? {
                came.push((device, *act, refused));
            }
        }
        // In one order, so that two nodes can't wait for each other.
        came.sort_unstable_by_key(|(device, act, _)| (*device, *act));
        let mut ids: Vec<DeviceId> = came.iter().map(|(device, ..)| *device).collect();
        ids.dedup();
        let mut deed = self.allow(&RULE, Permission::AuthorityRead, "spread").await?;
        let locked = store::revoked::record::lock_devices(&mut deed.tx, &ids).await?;
        let locked: HashMap<DeviceId, Device> = locked.into_iter().map(|device| (device.id, device)).collect();
        let mut changed = BTreeSet::new();
        for (id, act, refused) in came {
            let Some(device) = locked.get(&id) else { continue };
            if self.came_back(&mut deed, act, device, refused).await? {
                changed.insert(device.serial.as_str());
            }
        }
        if changed.len() > NAMED {
            changed = BTreeSet::from([""]);
        }
        for serial in changed {
            deed.ring("device", serial).await?;
        }
        deed.commit_as_history().await
    }

    /// Notes that a device came back. Whether it was the first time since the act.
    async fn came_back(
        &self,
        deed: &mut Deed<'_>,
        act: RevocationId,
        device: &Device,
        refused: &Refused,
    ) -> Result<bool> {
        let (times, address) = (refused.times, refused.address.as_str());
        if !store::spread::came_back(&mut deed.tx, act, device.id, times.n, (times.first, times.last), address).await? {
            return Ok(false);
        }
        let from = if address.is_empty() { String::new() } else { format!(" from {address}") };
        let text = if refused.is_hold {
            format!("Came back{from} while on hold: only what its repair needs is answered.")
        } else {
            format!("Came back{from}, is cut off, and was refused.")
        };
        let entry = Entry { actor: device.serial.clone(), ..self.entry(&RULE, times.first, "", Event::Note { text }) };
        append(deed, device, vec![entry]).await?;
        Ok(true)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use uuid::Uuid;

    #[test]
    fn strangers_fill_no_list_of_fetchers() {
        let (mut noted, authority) = (Noted::default(), AuthorityId(Uuid::from_u128(1)));
        let names: BTreeSet<String> =
            (0..200).map(|n| noted.fetcher(authority, network_of(&format!("192.0.2.{n}")))).collect();
        assert_eq!(names.len(), FETCHERS + 1);
        assert_eq!(noted.fetcher(authority, "192.0.2.1".to_owned()), "192.0.2.1");
        assert_eq!(network_of("2001:db8:1:2:3:4:5:6"), "2001:db8:1:2::/64");
    }

    #[test]
    fn acts_on_one_certificate_push_out_none_but_their_like() {
        let mut noted = Noted::default();
        let act = |n: u128, scope| Young {
            id: RevocationId(Uuid::from_u128(n)),
            scope,
            since: Timestamp(1),
            authorities: BTreeSet::new(),
        };
        let (batch, device) = (act(1, RevocationScope::Batch), act(2, RevocationScope::Device));
        let kept = [batch.id, device.id];
        noted.remember(batch);
        noted.remember(device);
        let authority = AuthorityId(Uuid::from_u128(1));
        for n in 10..300 {
            noted.remember(act(n, RevocationScope::Certificate));
            noted.published.insert((RevocationId(Uuid::from_u128(n)), authority));
        }
        assert_eq!(noted.acts.len(), ACTS + kept.len());
        assert!(kept.iter().all(|id| noted.is_young(*id, Timestamp(2))), "they are no certificates");
        assert!(!noted.is_young(RevocationId(Uuid::from_u128(10)), Timestamp(2)), "the oldest goes");
        assert_eq!(noted.published.len(), ACTS, "what was published for it, too");
    }
}
