//! CRLs: one full list per authority, published within a second of a change and long before the one before ends.
//!
//! A number is never given twice. It is above the last one in the database, above the last one that this data folder
//! has seen, and above the clock's milliseconds when it was made; it is durable in the folder before it is in the
//! database, and durable there before anybody gets the list. So it holds after a kill at any point and after a restore
//! of an older backup.

mod entries;
mod number;
mod restored;

use crate::{Actor, Error, Fleet, Result, authority::BACKDATED, observe::Job, trust::AuthorityTrust};
use arc_swap::ArcSwap;
use domain::{
    authority::AuthorityState,
    id::AuthorityId,
    node::Lease,
    person::Permission,
    time::{HOUR, MINUTE, SECOND, Timestamp},
};
use pki::Certificate;
use serde_json::json;
use sha2::{Digest, Sha256};
use std::{
    collections::HashMap,
    sync::{Arc, Mutex as PlainMutex, PoisonError},
    time::Duration,
};
use store::{StoreError, crl::Crl};
use tokio::sync::Mutex;

/// For how long a CRL may be used.
pub(crate) const VALID_FOR: i64 = 72 * HOUR;
/// After how long the next one is published although nothing changed.
const REPUBLISH: i64 = 24 * HOUR;
/// For how long the CRL waits for further certificates that were superseded: their devices have moved on to new ones.
const SUPERSEDED_WAIT: i64 = 5 * MINUTE;
/// How often it is asked whether one is due.
const LOOK: Duration = Duration::from_secs(5);
/// How long to wait after a failure before trying again.
const AGAIN: Duration = Duration::from_secs(2);
/// How often what was noted of the spread is written down.
const FLUSH: Duration = Duration::from_secs(1);

/// In whose name CRLs are published.
const RULE: Actor = Actor::Rule { name: "publisher" };

/// A CRL as it is given to whoever asks.
#[derive(Clone, Debug)]
pub struct PublishedCrl {
    /// The CRL, in DER.
    pub der: Arc<[u8]>,
    /// Its number.
    pub number: i64,
    /// How many certificates it lists.
    pub entries: i64,
    /// For HTTP: changes with the content.
    pub etag: String,
    /// When it was made.
    pub last_modified: Timestamp,
    /// By when there will be another.
    pub next_update: Timestamp,
}

/// What is published, and up to which change it tells.
#[derive(Default)]
pub(crate) struct Shelf {
    crls: ArcSwap<HashMap<String, Arc<PublishedCrl>>>,
    /// The version of each authority's trust that its CRL was last compared with.
    compared: PlainMutex<HashMap<AuthorityId, u64>>,
    publishing: Mutex<()>,
}

impl Fleet {
    /// Does what has to be done for revocation as long as the process lets anybody in: follows what is cut off, lets
    /// devices' records follow, publishes CRLs, writes down how acts spread.
    pub async fn publisher(self) {
        while let Err(error) = self.begin_publishing().await {
            tracing::error!(%error, "revocation can't begin; it is tried again");
            tokio::time::sleep(AGAIN).await;
        }
        self.wake_revoker();
        tokio::join!(self.follow_trust(), self.publish_always(), self.flush_always(), self.take_over_acts());
    }

    async fn begin_publishing(&self) -> Result<()> {
        self.load_trust().await?;
        self.begin_to_note().await?;
        // Before anything of the database replaces what the folder has kept: that may be later.
        self.make_good_what_was_restored().await?;
        self.shelve_latest().await
    }

    async fn publish_always(&self) {
        let mut changed = self.trust_changes();
        loop {
            let pause = match self.observe(Job::Crl, self.publish_due()).await {
                Ok(()) => LOOK,
                Err(error) => {
                    tracing::error!(%error, "a CRL was not published; the one before still counts");
                    AGAIN
                }
            };
            if pause == AGAIN {
                tokio::time::sleep(pause).await;
            }
            let heard = tokio::time::timeout(pause, changed.changed()).await.is_ok();
            // What another process brought or published without a change of trust: a root's list, or the next one.
            if !heard && let Err(error) = self.shelve_latest().await {
                tracing::warn!(%error, "CRLs of other processes were not looked for");
            }
        }
    }

    async fn flush_always(&self) {
        loop {
            tokio::time::sleep(FLUSH).await;
            if let Err(error) = self.observe(Job::Flush, self.flush_spread()).await {
                tracing::warn!(%error, "how revocations spread was not written down; it is tried again");
            }
            if let Err(error) = self.observe(Job::Flush, self.flush_contacts()).await {
                tracing::warn!(%error, "when devices came was not written down; it is tried again");
            }
            if let Err(error) = self.observe(Job::Flush, self.flush_polls()).await {
                tracing::warn!(%error, "how devices poll was not written down; it is tried again");
            }
        }
    }

    /// Publishes every CRL that is due: something changed, or the time has come. One authority that can't be published
    /// doesn't keep the others from it.
    ///
    /// # Errors
    /// The first failure, after all were tried.
    pub async fn publish_due(&self) -> Result<()> {
        let _one_publishes = self.inner.shelf.publishing.lock().await;
        self.refresh_trust().await?;
        if self.due().is_empty() {
            return Ok(());
        }
        // Who can't open a key must not keep the turn from one that can.
        self.open_one_of(&self.due()).await?;
        let turn = self.turn(Lease::Crls).await?;
        turn.run(self.publish_what_is_due()).await
    }

    async fn open_one_of(&self, authorities: &[AuthorityId]) -> Result<()> {
        let mut opened = Ok(());
        for id in authorities {
            opened = self.issuer(*id).await.map(drop);
            if opened.is_ok() {
                break;
            }
        }
        opened
    }

    async fn publish_what_is_due(&self) -> Result<()> {
        let mut failure = Ok(());
        // While we waited for the turn, another process may have published something later than what we knew then.
        self.refresh_trust().await?;
        for id in self.due() {
            self.refresh_trust().await?;
            let trust = self.trust();
            let Some(authority) = trust.authority(id) else { continue };
            if let Err(error) = self.publish(authority).await {
                tracing::error!(%error, authority = authority.slug(), "its CRL was not published");
                failure = Err(error);
            }
        }
        failure
    }

    /// Short lists come first, so that they are out at once; a long one is not what they wait for.
    fn due(&self) -> Vec<AuthorityId> {
        let trust = self.trust();
        let mut due: Vec<&AuthorityTrust> = trust.authorities().filter(|authority| self.is_due(authority)).collect();
        due.sort_by_key(|authority| (authority.cut().is_some(), authority.revoked_count()));
        due.into_iter().map(AuthorityTrust::id).collect()
    }

    fn is_due(&self, authority: &AuthorityTrust) -> bool {
        let publishes = !matches!(authority.state(), AuthorityState::Requested | AuthorityState::AwaitingCertificate);
        if !publishes || !authority.has_key_here() || authority.not_after() <= self.now() {
            return false;
        }
        let compared = self.inner.shelf.compared.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(crl) = self.crl(authority.slug()) else { return true };
        let may_be_new = match compared.get(&authority.id()) {
            None => true,
            Some(version) if authority.is_urgent_since(*version) => true,
            Some(version) => authority.version() != *version && self.now() >= crl.last_modified.plus(SUPERSEDED_WAIT),
        };
        may_be_new || self.is_old(crl.last_modified)
    }

    fn is_old(&self, made: Timestamp) -> bool {
        self.now() >= made.plus(REPUBLISH)
    }

    /// Compares what is published with what is cut off, and publishes anew if they differ or the time has come.
    async fn publish(&self, authority: &AuthorityTrust) -> Result<()> {
        let previous = store::crl::latest(self.db(), authority.id()).await?;
        let entries = self.crl_entries(authority, previous.as_ref()).await?;
        let entries_sha256 = entries::digest(&entries);
        let (crl, is_new) = match previous {
            Some(previous) if previous.entries_sha256 == entries_sha256 && !self.is_old(previous.this_update) => {
                (previous, false)
            }
            previous => (self.sign_crl(authority, previous, entries, entries_sha256).await?, true),
        };
        self.shelve(authority.slug(), crl);
        self.note_published(authority.id(), authority.slug());
        if let (true, Some(published)) = (is_new, self.crl(authority.slug())) {
            number::keep(self.folder(), authority.slug(), &published.der).await;
        }
        let mut compared = self.inner.shelf.compared.lock().unwrap_or_else(PoisonError::into_inner);
        compared.insert(authority.id(), authority.version());
        Ok(())
    }

    async fn sign_crl(
        &self,
        authority: &AuthorityTrust,
        previous: Option<Crl>,
        entries: Vec<pki::RevokedEntry>,
        entries_sha256: String,
    ) -> Result<Crl> {
        let issuer = self.issuer(authority.id()).await?;
        let last = previous.as_ref().map_or(0, |previous| previous.number);
        let number = number::reserve(self.folder(), authority.slug(), last, self.now()).await?;
        // The clock of the node that published the one before may be a little ahead of ours: a later list is not the older one.
        let now = whole_second(self.now());
        let before = previous.as_ref().map(|previous| previous.this_update);
        let this_update = now.max(before.filter(|before| *before <= now.plus(HOUR)).unwrap_or_default());
        let next_update = this_update.plus(VALID_FOR);
        let count = i64::try_from(entries.len()).unwrap_or(i64::MAX);
        // Verifiers' clocks differ, so it says that it was made a little earlier; what we compare is when it was made.
        let said = this_update.plus(-BACKDATED);
        let signing = move || pki::crl(&issuer, number.unsigned_abs(), said, next_update, &entries);
        let der = tokio::task::spawn_blocking(signing).await.map_err(Error::internal)?.map_err(Error::internal)?;
        let sha256 = hex::encode(Sha256::digest(&der));
        let crl = Crl {
            authority: authority.id(),
            number,
            der,
            sha256,
            entries: count,
            entries_sha256,
            this_update,
            next_update,
        };
        self.enter_crl(&RULE, authority.slug(), &crl, previous.map(|previous| previous.number)).await?;
        Ok(crl)
    }

    async fn enter_crl(&self, actor: &Actor, slug: &str, crl: &Crl, previous: Option<i64>) -> Result<()> {
        let subject = format!("authority:{slug}");
        let mut deed = self.allow(actor, Permission::AuthorityManage, &subject).await?;
        match store::crl::insert(&mut deed.tx, crl, previous).await {
            Err(StoreError::Exists) => {
                return Err(Error::Conflict(format!("{slug} already has a CRL with the number {}.", crl.number)));
            }
            other => other?,
        }
        deed.ring("crl", slug).await?;
        let detail = json!({"number": crl.number, "entries": crl.entries, "sha256": crl.sha256,
                            "next_update": crl.next_update});
        deed.commit("crl.publish", &subject, &detail).await
    }

    /// The CRL of an authority, if there is one.
    #[must_use]
    pub fn crl(&self, slug: &str) -> Option<Arc<PublishedCrl>> {
        self.inner.shelf.crls.load().get(slug).cloned()
    }

    /// Takes up CRLs that other processes published. To be called for the bell's topic `crl`; harmless at any time.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn shelve_latest(&self) -> Result<()> {
        let trust = self.trust();
        for (id, number) in store::crl::numbers(self.db()).await? {
            let Some(authority) = trust.authority(id) else { continue };
            if self.crl(authority.slug()).is_none_or(|crl| crl.number < number)
                && let Some(latest) = store::crl::latest(self.db(), id).await?
            {
                number::raise(self.folder(), authority.slug(), latest.number).await?;
                number::keep(self.folder(), authority.slug(), &latest.der).await;
                self.shelve(authority.slug(), latest);
            }
        }
        Ok(())
    }

    fn shelve(&self, slug: &str, crl: Crl) {
        let published = Arc::new(PublishedCrl {
            number: crl.number,
            entries: crl.entries,
            etag: format!("\"{}\"", crl.sha256.get(..32).unwrap_or_default()),
            last_modified: crl.this_update,
            next_update: crl.next_update,
            der: crl.der.into(),
        });
        self.inner.shelf.crls.rcu(|crls| {
            let mut crls = HashMap::clone(crls);
            // A later one may have come from elsewhere in the meantime.
            if crls.get(slug).is_none_or(|there| there.number <= published.number) {
                crls.insert(slug.to_owned(), published.clone());
            }
            crls
        });
    }

    /// Brings in the CRL of an authority whose key is not here: the root's, as its ceremony made it.
    ///
    /// # Errors
    /// When the actor may not, there is no such authority, its key is here, the CRL is not of it, or its number is not
    /// above the last.
    pub async fn bring_crl(&self, actor: &Actor, slug: &str, der: &[u8]) -> Result<i64> {
        self.authorise(actor, Permission::AuthorityManage, &format!("authority:{slug}")).await?;
        self.refresh_trust().await?;
        let trust = self.trust();
        let authority = trust.by_slug(slug).ok_or_else(|| Error::not_found("authority", slug))?;
        if authority.has_key_here() {
            return Err(Error::Conflict(format!(
                "Muster publishes the CRLs of {slug} itself; there is nothing to bring."
            )));
        }
        let wrong = |why: &dyn std::fmt::Display| Error::field("crl", format!("This can't be taken: {why}."));
        let facts = pki::verify_crl(der, authority.certificate()).map_err(|e| wrong(&e))?;
        let number = i64::try_from(facts.number).map_err(|_| wrong(&"its number is too large"))?;
        let previous = store::crl::latest(self.db(), authority.id()).await?.map(|previous| previous.number);
        if previous.is_some_and(|previous| number <= previous) {
            let last = previous.unwrap_or_default();
            return Err(wrong(&format!("its number {number} must be above the last one, {last}")));
        }
        if facts.next_update <= self.now() {
            return Err(wrong(&format!("it ended on {}", facts.next_update.minute_words())));
        }
        let crl = Crl {
            authority: authority.id(),
            number,
            der: der.to_vec(),
            sha256: hex::encode(Sha256::digest(der)),
            entries: i64::try_from(facts.entries.len()).unwrap_or(i64::MAX),
            entries_sha256: entries::digest(&facts.entries),
            this_update: facts.this_update,
            next_update: facts.next_update,
        };
        self.enter_crl(actor, slug, &crl, previous).await?;
        number::keep(self.folder(), slug, &crl.der).await;
        self.shelve(slug, crl);
        Ok(number)
    }

    /// The serials that the next CRL of an authority has to list, in hexadecimal, whose key is not here: what to type
    /// at the ceremony.
    ///
    /// # Errors
    /// When the actor may not see authorities, or there is no such authority.
    pub async fn crl_to_sign(&self, actor: &Actor, slug: &str) -> Result<Vec<pki::RevokedEntry>> {
        actor.require(Permission::AuthorityRead)?;
        let trust = self.trust();
        let authority = trust.by_slug(slug).ok_or_else(|| Error::not_found("authority", slug))?;
        let previous = store::crl::latest(self.db(), authority.id()).await?;
        self.crl_entries(authority, previous.as_ref()).await
    }

    /// The certificate of an authority, for the address that certificates name.
    #[must_use]
    pub fn ca_certificate(&self, slug: &str) -> Option<Certificate> {
        self.trust().by_slug(slug).map(|authority| authority.certificate().clone())
    }
}

/// X.509 knows whole seconds.
fn whole_second(at: Timestamp) -> Timestamp {
    Timestamp(at.0 - at.0.rem_euclid(SECOND))
}
