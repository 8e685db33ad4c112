//! Whom to trust: what decides at every handshake and for every OCSP answer, held in memory and swapped whole.
//!
//! What cuts off is in the database; this is its image. The process that cuts something off swaps its image before it
//! answers; the others hear the bell, which is the topic `trust` in the table of changes. An image that could not be compared
//! with the database for too long counts no more ([`Fleet::is_trust_stale`](crate::Fleet::is_trust_stale)).

mod age;
mod follow;
mod serials;

pub(crate) use follow::{Keeper, TOPIC};
pub use serials::Mark;

use domain::{
    authority::{AuthorityKind, AuthorityState},
    certificate::RevocationReason,
    id::{AuthorityId, BatchId, CustodianId},
    time::Timestamp,
};
use pki::{Certificate, IssuerHashes, SerialNumber};
use serials::Serials;
use std::{collections::HashMap, sync::Arc};
use store::revoked::cut::Signer;

/// How a certificate stands with us.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Nothing speaks against it.
    Good,
    /// It is on hold, or what signed it is.
    Held,
    /// It is revoked or superseded, or what signed it is revoked.
    Revoked,
    /// We know of no authority that could have signed it.
    UnknownAuthority,
}

/// An authority, with what of it is cut off.
#[derive(Clone, Debug)]
pub struct AuthorityTrust {
    facts: Arc<Facts>,
    /// What cuts off all that it signed.
    cut: Option<Mark>,
    serials: Serials,
    /// Grows whenever what is cut off changes.
    version: u64,
    /// The version of the last change that is more than that certificates were superseded.
    urgent: u64,
}

/// What of an authority does not change with what is cut off.
#[derive(Debug)]
struct Facts {
    signer: Signer,
    certificate: Certificate,
    hashes: IssuerHashes,
}

/// Everything that is trusted and what of it is cut off, at one moment.
#[derive(Clone, Debug, Default)]
pub struct Trust {
    generation: u64,
    authorities: HashMap<AuthorityId, AuthorityTrust>,
    by_key: HashMap<String, AuthorityId>,
    by_slug: HashMap<String, AuthorityId>,
    by_hash: HashMap<Vec<u8>, AuthorityId>,
}

impl AuthorityTrust {
    /// Its id.
    #[must_use]
    pub fn id(&self) -> AuthorityId {
        self.facts.signer.id
    }

    /// What kind it is.
    #[must_use]
    pub fn kind(&self) -> AuthorityKind {
        self.facts.signer.kind
    }

    /// In which state it is.
    #[must_use]
    pub fn state(&self) -> AuthorityState {
        self.facts.signer.state
    }

    /// Its word in addresses.
    #[must_use]
    pub fn slug(&self) -> &str {
        &self.facts.signer.slug
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.facts.signer.name
    }

    /// What signed it, where we know that.
    #[must_use]
    pub fn parent(&self) -> Option<AuthorityId> {
        self.facts.signer.parent
    }

    /// The serial of its own certificate, in hexadecimal.
    #[must_use]
    pub fn serial(&self) -> &str {
        &self.facts.signer.serial
    }

    /// When its certificate ends.
    #[must_use]
    pub fn not_after(&self) -> Timestamp {
        self.facts.signer.not_after
    }

    /// Its certificate.
    #[must_use]
    pub fn certificate(&self) -> &Certificate {
        &self.facts.certificate
    }

    /// How OCSP requests name it.
    #[must_use]
    pub fn hashes(&self) -> &IssuerHashes {
        &self.facts.hashes
    }

    /// What cuts off all that it signed.
    #[must_use]
    pub fn cut(&self) -> Option<Mark> {
        self.cut
    }

    /// Grows whenever what of it is cut off changes.
    #[must_use]
    pub fn version(&self) -> u64 {
        self.version
    }

    /// Whether more has happened since a version than that certificates were superseded, which their devices no longer use.
    #[must_use]
    pub fn is_urgent_since(&self, version: u64) -> bool {
        self.urgent > version
    }

    /// Whether its key is where this program can use it.
    #[must_use]
    pub fn has_key_here(&self) -> bool {
        let place = self.facts.signer.key_location.as_str();
        self.kind() != AuthorityKind::Root && (place.starts_with("file:") || place.starts_with("pkcs11:"))
    }

    /// How many of what it signed are cut off one by one.
    #[must_use]
    pub fn revoked_count(&self) -> usize {
        self.serials.len()
    }

    /// What cuts one certificate off, on its own or with all others. A revocation goes before a hold.
    #[must_use]
    pub fn mark(&self, serial: SerialNumber) -> Option<Mark> {
        match (self.serials.get(serial), self.cut) {
            (Some(own), Some(cut)) => Some(if own.is_hold() && !cut.is_hold() { cut } else { own }),
            (own, cut) => own.or(cut),
        }
    }

    /// How one certificate that it signed stands.
    #[must_use]
    pub fn verdict(&self, serial: SerialNumber) -> Verdict {
        match self.mark(serial) {
            Some(mark) if mark.is_hold() => Verdict::Held,
            Some(_) => Verdict::Revoked,
            None => match self.state() {
                AuthorityState::Active | AuthorityState::Retired => Verdict::Good,
                AuthorityState::Held => Verdict::Held,
                AuthorityState::Revoked => Verdict::Revoked,
                _ => Verdict::UnknownAuthority,
            },
        }
    }
}

impl Trust {
    /// How often it has changed.
    #[must_use]
    pub fn generation(&self) -> u64 {
        self.generation
    }

    /// How the certificate stands that an authority of this key signed under this serial, both in hexadecimal: the
    /// authority's subject key identifier is the certificate's authority key identifier.
    #[must_use]
    pub fn admits(&self, authority_key_id: &str, serial: &str) -> Verdict {
        let Some(authority) = self.by_key(authority_key_id) else { return Verdict::UnknownAuthority };
        // No certificate of ours has a serial that is no serial.
        SerialNumber::from_hex(serial).map_or(Verdict::Revoked, |serial| authority.verdict(serial))
    }

    /// The authority whose key has this identifier.
    #[must_use]
    pub fn by_key(&self, key_id: &str) -> Option<&AuthorityTrust> {
        self.authorities.get(self.by_key.get(key_id)?)
    }

    /// An authority by its word in addresses.
    #[must_use]
    pub fn by_slug(&self, slug: &str) -> Option<&AuthorityTrust> {
        self.authorities.get(self.by_slug.get(slug)?)
    }

    /// An authority by its id.
    #[must_use]
    pub fn authority(&self, id: AuthorityId) -> Option<&AuthorityTrust> {
        self.authorities.get(&id)
    }

    /// The authority whose key has this hash, SHA-1 or SHA-256.
    #[must_use]
    pub fn by_key_hash(&self, hash: &[u8]) -> Option<&AuthorityTrust> {
        self.authorities.get(self.by_hash.get(hash)?)
    }

    /// All authorities that have a certificate.
    pub fn authorities(&self) -> impl Iterator<Item = &AuthorityTrust> {
        self.authorities.values()
    }

    /// How a device stands that has no certificate, by the authorities of its batch and of its factory: they are what
    /// cuts it off, themselves or through what signed them. A revocation goes before a hold.
    #[must_use]
    pub fn verdict_of_batch(&self, batch: BatchId, factory: CustodianId) -> Verdict {
        let mut verdict = Verdict::Good;
        for authority in self.over_batch(batch, factory) {
            match (authority.cut, authority.state()) {
                (Some(cut), _) if !cut.is_hold() => return Verdict::Revoked,
                (_, AuthorityState::Revoked) => return Verdict::Revoked,
                (Some(_), _) | (None, AuthorityState::Held) => verdict = Verdict::Held,
                (None, _) => {}
            }
        }
        verdict
    }

    /// What cuts off this batch or this factory, and an authority that it cuts off. A revocation goes before a hold.
    #[must_use]
    pub fn cut_of_batch(&self, batch: BatchId, factory: CustodianId) -> Option<(AuthorityId, Mark)> {
        let cut = self.over_batch(batch, factory).filter_map(|authority| Some((authority.id(), authority.cut?)));
        cut.min_by_key(|(id, mark)| (mark.is_hold(), mark.at, *id))
    }

    /// What cuts off a certificate, by its authority and its serial in hexadecimal.
    #[must_use]
    pub fn mark(&self, authority: AuthorityId, serial: &str) -> Option<Mark> {
        self.authority(authority)?.mark(SerialNumber::from_hex(serial).ok()?)
    }

    fn over_batch(&self, batch: BatchId, factory: CustodianId) -> impl Iterator<Item = &AuthorityTrust> {
        self.authorities().filter(move |authority| {
            let signer = &authority.facts.signer;
            let is_factory = signer.kind == AuthorityKind::Factory && signer.factory == Some(factory);
            signer.batch == Some(batch) || is_factory
        })
    }

    /// What devices and stations may have been signed by: active and retired batch and operations CAs whose time is
    /// not over and that nothing cuts off. These are the anchors of a verifier.
    #[must_use]
    pub fn anchors(&self, now: Timestamp) -> Vec<&AuthorityTrust> {
        self.issuers(now).filter(|authority| authority.cut.is_none() && authority.state().is_trusted()).collect()
    }

    /// The same with those that are on hold or revoked, for a verifier that asks [`Trust::admits`] afterwards: so it can
    /// tell a real certificate that is refused from a forged one.
    pub fn issuers(&self, now: Timestamp) -> impl Iterator<Item = &AuthorityTrust> {
        let could = |a: &&AuthorityTrust| {
            use AuthorityState as S;
            let signed = matches!(a.state(), S::Active | S::Retired | S::Held | S::Revoked);
            a.kind().issues() && signed && a.not_after() > now
        };
        let mut all: Vec<&AuthorityTrust> = self.authorities.values().filter(could).collect();
        all.sort_by_key(|authority| authority.id());
        all.into_iter()
    }

    /// Puts the authorities in place of those before, with what cuts them off; what is cut off one by one stays.
    fn set_authorities(&mut self, found: Vec<(Signer, Option<Mark>)>, version: u64) -> Result<(), pki::Error> {
        let mut before = std::mem::take(&mut self.authorities);
        (self.by_key, self.by_slug, self.by_hash) = Default::default();
        for (signer, cut) in found {
            let (id, old) = (signer.id, before.remove(&signer.id));
            let authority = match old {
                Some(old) if old.facts.signer == signer && old.cut == cut => old,
                Some(old) => {
                    AuthorityTrust { facts: Facts::of(signer)?, cut, serials: old.serials, version, urgent: version }
                }
                None => AuthorityTrust {
                    facts: Facts::of(signer)?,
                    cut,
                    serials: Serials::default(),
                    version,
                    urgent: version,
                },
            };
            let hashes = authority.hashes();
            self.by_hash.insert(hashes.sha1_key.to_vec(), id);
            self.by_hash.insert(hashes.sha256_key.to_vec(), id);
            self.by_key.insert(authority.facts.signer.key_id.clone(), id);
            self.by_slug.insert(authority.slug().to_owned(), id);
            self.authorities.insert(id, authority);
        }
        Ok(())
    }

    /// Makes this the state of a generation: nothing that was concluded from an earlier one holds.
    fn stamp(&mut self, generation: u64) {
        self.generation = generation;
        for authority in self.authorities.values_mut() {
            (authority.version, authority.urgent) = (generation, generation);
        }
    }

    fn set_serials(&mut self, id: AuthorityId, all: HashMap<SerialNumber, Mark>, version: u64) {
        if let Some(authority) = self.authorities.get_mut(&id) {
            authority.serials = Serials::of(all);
            (authority.version, authority.urgent) = (version, version);
        }
    }

    fn change_serials(&mut self, id: AuthorityId, changes: Vec<(SerialNumber, Option<Mark>)>, version: u64) {
        if let Some(authority) = self.authorities.get_mut(&id) {
            let can_wait = |(serial, mark): &(SerialNumber, Option<Mark>)| {
                let before = authority.serials.get(*serial);
                let is_superseded = mark.is_some_and(|mark| mark.reason == RevocationReason::Superseded);
                before == *mark || (before.is_none() && is_superseded)
            };
            if !changes.iter().all(can_wait) {
                authority.urgent = version;
            }
            authority.serials.change(changes);
            authority.version = version;
        }
    }
}

impl Facts {
    fn of(signer: Signer) -> Result<Arc<Self>, pki::Error> {
        let certificate = Certificate::from_der(&signer.certificate)?;
        let hashes = IssuerHashes::of(&certificate);
        Ok(Arc::new(Self { signer, certificate, hashes }))
    }
}

/// The heavier of two marks: a revocation before a hold, then the earlier.
fn heavier(a: Mark, b: Mark) -> Mark {
    if (a.is_hold(), a.at) <= (b.is_hold(), b.at) { a } else { b }
}

/// What cuts each authority off, itself or through what signed it.
fn inherited(signers: &[Signer], own: &HashMap<AuthorityId, Mark>) -> HashMap<AuthorityId, Mark> {
    let parents: HashMap<AuthorityId, Option<AuthorityId>> = signers.iter().map(|s| (s.id, s.parent)).collect();
    let mut out = HashMap::new();
    for signer in signers {
        let (mut at, mut heaviest) = (Some(signer.id), None);
        // A path is four long; what refers to itself by mistake must not hang.
        for _ in 0..8 {
            let Some(id) = at else { break };
            heaviest = match (heaviest, own.get(&id)) {
                (Some(a), Some(b)) => Some(heavier(a, *b)),
                (a, b) => a.or(b.copied()),
            };
            at = parents.get(&id).copied().flatten();
        }
        if let Some(mark) = heaviest {
            out.insert(signer.id, mark);
        }
    }
    out
}

/// Why an authority's act cuts off what it signed: what people said, or that it is on hold.
pub(crate) fn is_hold(reason: RevocationReason) -> bool {
    reason == RevocationReason::CertificateHold
}
