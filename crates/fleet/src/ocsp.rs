//! OCSP: how a certificate stands, said by the same truth as the gateway and the CRLs, and signed by a responder that
//! the authority itself has made.

mod cache;
mod responder;

pub(crate) use responder::Responders;

use crate::{
    Error, Fleet, Result,
    authority::BACKDATED,
    finding::Found,
    trust::{AuthorityTrust, Mark, Trust},
};
use bytes::Bytes;
use cache::{Kept, Key};
use domain::{
    authority::{AuthorityKind, AuthorityState, FindingKind},
    time::{HOUR, MINUTE, SECOND, Timestamp},
};
use pki::{CertId, CertIdHash, Certificate, OcspFailure, OcspStatus};
use serde_json::json;
use sha2::{Digest, Sha256};

/// For how long an answer may be used, from the time on that it bears.
const VALID_FOR: i64 = HOUR;
/// For how long an answer may still be used that was signed just now.
pub(crate) const USABLE_FOR: i64 = VALID_FOR - BACKDATED;
/// For how long we give the same answer again.
const GIVEN_FOR: i64 = VALID_FOR / 2;
/// For how long others may keep it, in seconds: what is revoked meanwhile is not known to them for that long.
const MAX_AGE: u32 = 60;
/// How often the same authority's phantom serials are written down.
const PHANTOMS: i64 = 10 * SECOND;

/// An answer, with what HTTP has to say about it.
#[derive(Clone, Debug)]
pub struct OcspAnswer {
    /// The response, in DER.
    pub body: Bytes,
    /// For how long it may be kept, in seconds.
    pub max_age: u32,
    /// Changes with the content.
    pub etag: String,
    /// When it was true.
    pub this_update: Timestamp,
    /// Until when it may be used.
    pub next_update: Timestamp,
    /// Whether it may be kept at all: not when it was made for one asker, nor when it is a failure.
    pub cacheable: bool,
}

impl OcspAnswer {
    fn of(der: Vec<u8>, (this_update, next_update): (Timestamp, Timestamp), cacheable: bool) -> Self {
        let etag = format!("\"{}\"", hex::encode(Sha256::digest(&der)).get(..32).unwrap_or_default());
        Self { body: der.into(), max_age: MAX_AGE, etag, this_update, next_update, cacheable }
    }

    fn failure(failure: OcspFailure, now: Timestamp) -> Self {
        Self { max_age: 0, ..Self::of(pki::ocsp_failure(failure), (now, now), false) }
    }
}

/// What is said of one certificate.
struct Said {
    status: OcspStatus,
    /// What cuts it off, when something does.
    mark: Option<Mark>,
    known: bool,
}

impl Fleet {
    /// Answers a request, whatever it holds: one at an authority's own address must be about that authority.
    pub async fn ocsp(&self, slug: Option<&str>, request: &[u8]) -> OcspAnswer {
        let now = self.now();
        if self.is_trust_stale() {
            return OcspAnswer::failure(OcspFailure::TryLater, now);
        }
        let request = match pki::read_ocsp_request(request) {
            Ok(request) => request,
            Err(problem) => return OcspAnswer::failure(problem.failure(), now),
        };
        match self.answer(slug, &request.ids, request.nonce.as_deref()).await {
            Ok(answer) => answer,
            Err(Error::Busy | Error::Contended | Error::Unreachable | Error::Slow) => {
                OcspAnswer::failure(OcspFailure::TryLater, now)
            }
            Err(error) => {
                tracing::error!(%error, "an OCSP request was not answered");
                OcspAnswer::failure(OcspFailure::InternalError, now)
            }
        }
    }

    /// The answer about one of our own certificates, to be given along at each handshake. None when nobody of ours can
    /// give one.
    pub async fn staple(&self, certificate: &[u8]) -> Option<Bytes> {
        let certificate = Certificate::from_der(certificate).ok()?;
        let trust = self.trust();
        let issuer = trust.by_key(&certificate.authority_key_id()?)?;
        let id = CertId::new(CertIdHash::Sha1, issuer.hashes(), certificate.serial());
        let answer = self.answer(None, &[id], None).await;
        answer.ok().filter(|answer| answer.cacheable).map(|answer| answer.body)
    }

    async fn answer(&self, slug: Option<&str>, ids: &[CertId], nonce: Option<&[u8]>) -> Result<OcspAnswer> {
        let now = self.now();
        let trust = self.trust();
        let issuer = ids.first().and_then(|id| issuer_of(&trust, id));
        let is_asked = |authority: &&AuthorityTrust| {
            slug.is_none_or(|slug| slug == authority.slug())
                && ids.iter().all(|id| id.is_of(authority.hashes()))
                && answers(authority, now)
        };
        let Some(authority) = issuer.filter(is_asked) else {
            return Ok(OcspAnswer::failure(OcspFailure::Unauthorized, now));
        };
        let cached = match (ids, nonce) {
            ([id], None) => Some(Key { authority: authority.id(), hash: id.hash, serial: id.serial }),
            _ => None,
        };
        if let Some(key) = cached
            && let Some((answer, mark)) =
                ids.first().and_then(|id| self.inner.ocsp.cache.get(key, id, authority.version(), now))
        {
            self.note_mark(mark, authority.slug());
            return Ok(answer);
        }
        let (mut statuses, mut all_known, mut mark) = (Vec::with_capacity(ids.len()), true, None);
        for id in ids {
            let said = self.say(authority, id).await?;
            self.note_mark(said.mark, authority.slug());
            all_known &= said.known;
            mark = said.mark;
            statuses.push((id.clone(), said.status));
        }
        let produced_at = Timestamp(now.0 - now.0.rem_euclid(SECOND));
        // As CRLs are: clocks in the field are a little slow. And nobody would believe it once its CA has ended.
        let this_update = produced_at.plus(-BACKDATED);
        let next_update = this_update.plus(VALID_FOR).min(authority.not_after());
        let responder = self.responder(authority).await?;
        let der = pki::ocsp_response(&responder, &statuses, this_update, next_update, produced_at, nonce);
        let der = der.map_err(Error::internal)?;
        let answer = OcspAnswer::of(der, (this_update, next_update), nonce.is_none() && all_known);
        if let (Some(key), [id], true) = (cached, ids, all_known) {
            let kept = Kept {
                version: authority.version(),
                id: id.clone(),
                until: now.plus(GIVEN_FOR).min(authority.not_after()),
                answer: answer.clone(),
                mark,
            };
            self.inner.ocsp.cache.put(key, kept);
        }
        Ok(answer)
    }

    fn note_mark(&self, mark: Option<Mark>, slug: &str) {
        if let Some(mark) = mark {
            self.note_ocsp(mark, slug);
        }
    }

    async fn say(&self, authority: &AuthorityTrust, id: &CertId) -> Result<Said> {
        let serial = id.serial.hex();
        let known = store::revoked::known(self.db(), authority.id(), &serial).await?;
        let in_database = known.as_ref().and_then(|known| known.revoked);
        let in_database = in_database.map(|(at, reason, revocation)| Mark { at, reason, revocation });
        let own = authority.mark(id.serial).or(in_database);
        if known.is_none() && own.is_none_or(|mark| Some(mark) == authority.cut()) {
            self.found_phantom(authority, &serial).await;
            return Ok(Said { status: OcspStatus::Unknown, mark: None, known: false });
        }
        let status = match own {
            None => OcspStatus::Good,
            Some(mark) => OcspStatus::Revoked { at: mark.at, reason: mark.reason.code() },
        };
        Ok(Said { status, mark: own, known: true })
    }

    /// Somebody has a certificate that nobody here signed, or makes serials up: one finding for each authority and day,
    /// with some of the serials, however many are asked about.
    async fn found_phantom(&self, authority: &AuthorityTrust, serial: &str) {
        let now = self.now();
        let Some(sample) = self.inner.ocsp.phantom(authority.id(), serial, now, PHANTOMS) else { return };
        let day = now.rfc3339().get(..10).unwrap_or_default().to_owned();
        let words = format!(
            "Somebody asked on {day} about certificates that {} never signed; the last one was {serial}.",
            authority.name()
        );
        let about = format!("{}:{day}", authority.slug());
        let found = Found {
            kind: FindingKind::PhantomSerial,
            about: &about,
            batch: None,
            authority: Some(authority.id()),
            device: None,
            words,
            detail: json!({"day": day, "serials": sample}),
        };
        self.find(&found).await;
    }
}

/// The authority that a request names by its hashes.
fn issuer_of<'a>(trust: &'a Trust, id: &CertId) -> Option<&'a AuthorityTrust> {
    trust.by_key_hash(&id.key_hash).filter(|authority| id.is_of(authority.hashes()))
}

/// Whether we can answer for it: its key is here, to make a responder, and it has not ended. After that no responder's
/// certificate would be good for anything, and whoever checks a certificate sees that it is over.
fn answers(authority: &AuthorityTrust, now: Timestamp) -> bool {
    use AuthorityState as S;
    authority.kind() != AuthorityKind::Root
        && authority.has_key_here()
        && authority.not_after() > now
        && matches!(authority.state(), S::Active | S::Retired | S::Held | S::Revoked)
}

/// Once in a while, for each authority.
pub(crate) fn is_time(last: Option<Timestamp>, now: Timestamp, pause: i64) -> bool {
    last.is_none_or(|last| last.plus(pause) <= now || last > now.plus(MINUTE))
}
