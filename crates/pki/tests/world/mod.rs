//! A small hierarchy for the tests: root, factory, batch, devices.
#![allow(dead_code, reason = "each test file uses its own part of it")]
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use domain::time::{DAY, HOUR, SECOND, Timestamp};
use pki::{
    Certificate, Issuer, KeyAlgorithm, Name, Profile, Responder, SerialNumber, Signer, SoftwareKey, Template, Urls,
    issue, self_sign,
};
use std::sync::Arc;

pub const DOMAIN: &str = "devices.muster.internal";
const YEAR: i64 = 365 * DAY;

/// What the hierarchy hangs on.
pub struct World {
    pub now: Timestamp,
    pub root: Issuer,
    pub factory: Issuer,
    pub batch: Issuer,
}

pub fn key(algorithm: KeyAlgorithm) -> Arc<dyn Signer> {
    Arc::new(SoftwareKey::generate(algorithm).unwrap())
}

/// A moment that other programs, which look at the real clock, agree is today. Tests that need no other program pass
/// any moment.
pub fn today() -> Timestamp {
    let seconds = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
    Timestamp(i64::try_from(seconds).unwrap() * SECOND)
}

pub fn template(common_name: &str, profile: Profile, key: &dyn Signer, now: Timestamp, days: i64) -> Template {
    Template {
        serial: SerialNumber::random().unwrap(),
        subject: Name { organisation: Some("Muster".into()), ..Name::common(common_name) },
        public_key: key.public_key().to_vec(),
        profile,
        not_before: now.plus(-HOUR),
        not_after: now.plus(days * DAY),
        dns_names: Vec::new(),
        ip_addresses: Vec::new(),
        permitted_dns: Vec::new(),
        urls: Urls::default(),
    }
}

pub fn urls(slug: &str) -> Urls {
    Urls {
        ca_issuers: Some(format!("http://pki.muster.internal/ca/{slug}.cer")),
        ocsp: Some(format!("http://pki.muster.internal/ocsp/{slug}")),
        crl: Some(format!("http://pki.muster.internal/crl/{slug}.crl")),
    }
}

impl World {
    pub fn at(now: Timestamp) -> Self {
        let root_key = key(KeyAlgorithm::EcdsaP384);
        let root = Template {
            not_after: now.plus(20 * YEAR),
            ..template("Muster root", Profile::Root, root_key.as_ref(), now, 1)
        };
        let root = Issuer::new(self_sign(&root, root_key.as_ref()).unwrap(), root_key).unwrap();
        let factory = authority(&root, "Factory 3", Profile::FactoryCa, "root", now, Vec::new());
        let batch = authority(&factory, "Batch GW2C-2611", Profile::BatchCa, "factory-3", now, vec![DOMAIN.to_owned()]);
        Self { now, root, factory, batch }
    }

    pub fn device_template(&self, serial: &str, key: &dyn Signer) -> Template {
        Template {
            dns_names: vec![format!("{}.gw2c-2611.{DOMAIN}", serial.to_ascii_lowercase())],
            urls: urls("gw2c-2611"),
            ..template(serial, Profile::Device, key, self.now, 730)
        }
    }

    pub fn device(&self, serial: &str) -> Certificate {
        let key = key(KeyAlgorithm::EcdsaP256);
        issue(&self.device_template(serial, key.as_ref()), &self.batch).unwrap()
    }

    /// Who answers OCSP for an issuer.
    pub fn responder(&self, issuer: &Issuer) -> Responder {
        let key = key(KeyAlgorithm::EcdsaP256);
        let template = template("OCSP responder", Profile::OcspResponder, key.as_ref(), self.now, 30);
        Responder::new(issue(&template, issuer).unwrap(), key).unwrap()
    }
}

pub fn authority(
    issuer: &Issuer,
    name: &str,
    profile: Profile,
    issuer_slug: &str,
    now: Timestamp,
    permitted_dns: Vec<String>,
) -> Issuer {
    let key = key(KeyAlgorithm::EcdsaP256);
    let urls = Urls { ocsp: None, ..urls(issuer_slug) };
    let template = Template {
        not_after: now.plus(5 * YEAR),
        permitted_dns,
        urls,
        ..template(name, profile, key.as_ref(), now, 1)
    };
    Issuer::new(issue(&template, issuer).unwrap(), key).unwrap()
}
