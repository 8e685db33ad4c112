//! Responders: each authority whose key is here makes one for itself, in every process anew, with a key that stays in
//! memory. Its certificate is in the database before it signs its first answer.

use super::{cache::Cache, is_time};
use crate::{Actor, Error, Fleet, Result, trust::AuthorityTrust};
use domain::{
    certificate::{Certificate as Row, CertificatePurpose, CertificateStatus},
    id::{AuthorityId, CertificateId},
    person::Permission,
    time::{DAY, MINUTE, Timestamp},
};
use pki::{KeyAlgorithm, Name, Profile, Responder, SerialNumber, Signer, SoftwareKey, Template, Urls};
use serde_json::json;
use std::{
    collections::{BTreeSet, HashMap},
    sync::{Arc, Mutex as PlainMutex, PoisonError},
};
use tokio::sync::Mutex;
use uuid::Uuid;

/// For how long a responder's certificate holds. Nobody can revoke it (RFC 6960, 4.2.2.2.1), so it is short.
const VALID_FOR: i64 = 14 * DAY;
/// How long before its end another takes its place; longer than any answer that it signed may be used.
const BEFORE_END: i64 = 4 * DAY;
/// Clocks in the field are a little slow.
const SINCE: i64 = 10 * MINUTE;

/// How many serials of a day are kept that were never signed.
const SAMPLE: usize = 20;

const RULE: Actor = Actor::Rule { name: "ocsp" };

/// What a process keeps to answer.
#[derive(Default)]
pub(crate) struct Responders {
    made: PlainMutex<HashMap<AuthorityId, Made>>,
    making: Mutex<()>,
    found: PlainMutex<HashMap<AuthorityId, Phantoms>>,
    pub(super) cache: Cache,
}

/// Serials of one authority that were asked about on a day and that it never signed.
#[derive(Default)]
struct Phantoms {
    day: i64,
    sample: BTreeSet<String>,
    told: Option<Timestamp>,
}

#[derive(Clone)]
struct Made {
    responder: Arc<Responder>,
    until: Timestamp,
}

impl Responders {
    /// When the first of their certificates ends.
    pub(crate) fn first_end(&self) -> Option<Timestamp> {
        let made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        made.values().map(|made| made.until.plus(BEFORE_END)).min()
    }

    fn made(&self, id: AuthorityId, now: Timestamp) -> Option<Arc<Responder>> {
        let made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        made.get(&id).filter(|made| made.until > now).map(|made| made.responder.clone())
    }

    /// Remembers a serial that an authority never signed. The day's sample of them, when it is to be written down now.
    pub(super) fn phantom(&self, id: AuthorityId, serial: &str, now: Timestamp, pause: i64) -> Option<Vec<String>> {
        let day = now.0.div_euclid(DAY);
        let mut found = self.found.lock().unwrap_or_else(PoisonError::into_inner);
        let phantoms = found.entry(id).or_default();
        if phantoms.day != day {
            *phantoms = Phantoms { day, told: phantoms.told, ..Phantoms::default() };
        }
        if phantoms.sample.len() < SAMPLE {
            phantoms.sample.insert(serial.to_owned());
        }
        if !is_time(phantoms.told, now, pause) {
            return None;
        }
        phantoms.told = Some(now);
        Some(phantoms.sample.iter().cloned().collect())
    }
}

impl Fleet {
    /// The responder of an authority.
    pub(super) async fn responder(&self, authority: &AuthorityTrust) -> Result<Arc<Responder>> {
        if let Some(responder) = self.inner.ocsp.made(authority.id(), self.now()) {
            return Ok(responder);
        }
        let _one_makes = self.inner.ocsp.making.lock().await;
        if let Some(responder) = self.inner.ocsp.made(authority.id(), self.now()) {
            return Ok(responder);
        }
        let made = self.make_responder(authority).await?;
        let responder = made.responder.clone();
        let mut all = self.inner.ocsp.made.lock().unwrap_or_else(PoisonError::into_inner);
        all.insert(authority.id(), made);
        Ok(responder)
    }

    async fn make_responder(&self, authority: &AuthorityTrust) -> Result<Made> {
        let now = self.now();
        let issuer = self.issuer(authority.id()).await?;
        let key = SoftwareKey::generate(KeyAlgorithm::EcdsaP256).map_err(Error::internal)?;
        let not_after = now.plus(VALID_FOR).min(issuer.certificate().not_after());
        let not_before = now.plus(-SINCE).max(issuer.certificate().not_before());
        // A name has at most 64 characters, and an authority's may have that many already.
        let name: String = format!("OCSP {}", authority.name()).chars().take(64).collect();
        let template = Template {
            serial: SerialNumber::random().map_err(Error::internal)?,
            subject: Name::common(name.trim()),
            public_key: key.public_key().to_vec(),
            profile: Profile::OcspResponder,
            not_before,
            not_after,
            dns_names: Vec::new(),
            ip_addresses: Vec::new(),
            permitted_dns: Vec::new(),
            urls: Urls::default(),
        };
        let certificate = pki::issue(&template, &issuer).map_err(Error::internal)?;
        let row = Row {
            id: CertificateId(Uuid::now_v7()),
            authority_id: authority.id(),
            serial: certificate.serial_hex(),
            purpose: CertificatePurpose::OcspResponder,
            device_id: None,
            device_serial: None,
            factory_id: None,
            name,
            public_key_sha256: certificate.public_key_sha256(),
            status: CertificateStatus::Valid,
            reason: None,
            status_at: now,
            not_before,
            not_after,
            issued_at: now,
            issued_by: RULE.name().to_owned(),
            first_used_at: None,
            replaces: None,
        };
        let subject = format!("authority:{}", authority.slug());
        let detail = json!({"serial": row.serial, "not_after": not_after});
        let mut deed = self.allow(&RULE, Permission::CertificateEnrol, &subject).await?;
        store::certificate::insert_many(&mut deed.tx, &[(row, certificate.der().to_vec())]).await?;
        deed.commit("ocsp.responder", &subject, &detail).await?;
        // One that ends with its CA can have no successor that lasts longer.
        let until = if not_after < now.plus(VALID_FOR) { not_after } else { not_after.plus(-BEFORE_END) };
        let responder = Responder::new(certificate, Arc::new(key)).map_err(Error::internal)?;
        Ok(Made { responder: Arc::new(responder), until })
    }
}
