//! A fleet with people, a factory, two batches, and a root in a ceremony beside it.

pub use crate::scene::{PASSPHRASE, RULE, admin, manager, operator, user};

use crate::scene;
use domain::{
    device::Device,
    id::{AuthorityId, CustodianId},
    time::{DAY, Timestamp},
};
use fleet::{Actor, Error, Fleet, Keys, Origin, authority::AuthorityForm, finding::FindingRow};
use pki::{
    Certificate, Issuer, KeyAlgorithm, Name, Passphrase, Profile, Request, SerialNumber, Signer, SoftwareKey, Template,
    Urls,
};
use std::{
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
};
use store::testing::{self, Fixture};
use uuid::Uuid;

/// 2 November 2026, 12:00.
pub const NOW: Timestamp = Timestamp(1_793_620_800_000_000);

pub struct World {
    pub fleet: Fleet,
    pub fixture: Fixture,
    pub clock: Arc<AtomicI64>,
    pub root: Issuer,
}

pub fn station(factory: u128) -> Actor {
    Actor::Station {
        certificate: Uuid::from_u128(77).into(),
        name: format!("Line {factory}"),
        factory: CustodianId(Uuid::from_u128(factory)),
        origin: Origin::default(),
    }
}

pub fn device(device: &Device) -> Actor {
    Actor::Device { id: device.id, serial: device.serial.clone(), origin: Origin::default() }
}

pub fn fleet_on(fixture: &Fixture, clock: &Arc<AtomicI64>) -> Fleet {
    let time = clock.clone();
    let clock = move || Timestamp(time.load(Ordering::Relaxed));
    let folder = fixture.folder.path();
    Fleet::with_clock(fixture.db.clone(), folder.to_owned(), Arc::new(clock)).with_keys(keys(folder))
}

pub fn keys(folder: &Path) -> Keys {
    Keys { folder: folder.join("keys"), passphrase: Some(Passphrase::new(PASSPHRASE.to_owned()).unwrap()) }
}

/// On each database: factories brno (1) and graz (2), batches A (quota 5) and B of brno and C of graz, and a root that
/// was brought in. No other authority.
pub async fn bare() -> Vec<World> {
    let mut out = Vec::new();
    for fixture in testing::both().await.unwrap() {
        let clock = Arc::new(AtomicI64::new(NOW.0));
        let world = World { fleet: fleet_on(&fixture, &clock), fixture, clock, root: root("Test Root") };
        scene::catalogue(&world.fleet, Some(5)).await;
        world.fleet.bring_root(&admin(), &world.root.certificate().pem()).await.unwrap();
        out.push(world);
    }
    out
}

/// The same with an operations CA, a factory CA of brno, and CAs of its batches.
pub async fn worlds() -> Vec<World> {
    let worlds = bare().await;
    for world in &worlds {
        world.made(&AuthorityForm { kind: "operations".into(), ..AuthorityForm::default() }).await;
        world.made(&AuthorityForm { kind: "factory".into(), factory: "brno".into(), ..AuthorityForm::default() }).await;
        for batch in ["A", "B"] {
            world.made(&batch_form(batch)).await;
        }
    }
    worlds
}

pub fn batch_form(batch: &str) -> AuthorityForm {
    AuthorityForm { kind: "batch".into(), batch: batch.into(), ..AuthorityForm::default() }
}

/// A root as a ceremony makes one.
pub fn root(name: &str) -> Issuer {
    let key = SoftwareKey::generate(KeyAlgorithm::EcdsaP384).unwrap();
    let template = template(Profile::Root, name, key.public_key(), NOW.plus(9_000 * DAY));
    Issuer::new(pki::self_sign(&template, &key).unwrap(), Arc::new(key)).unwrap()
}

pub fn template(profile: Profile, name: &str, public_key: &[u8], until: Timestamp) -> Template {
    Template {
        serial: SerialNumber::random().unwrap(),
        subject: Name::common(name),
        public_key: public_key.to_vec(),
        profile,
        not_before: NOW.plus(-DAY),
        not_after: until,
        dns_names: Vec::new(),
        ip_addresses: Vec::new(),
        permitted_dns: Vec::new(),
        urls: Urls::default(),
    }
}

/// A key that was born in a device, and its request.
pub fn request(name: &str) -> (SoftwareKey, Request) {
    let key = SoftwareKey::generate(KeyAlgorithm::EcdsaP256).unwrap();
    let request = request_of(&key, name);
    (key, request)
}

pub fn request_of(key: &SoftwareKey, name: &str) -> Request {
    pki::read_request(&pki::certificate_request(&Name::common(name), key).unwrap()).unwrap()
}

pub fn request_pem(key: &SoftwareKey, name: &str) -> String {
    pki::request_pem(&pki::certificate_request(&Name::common(name), key).unwrap())
}

#[track_caller]
pub fn conflict<T: std::fmt::Debug>(result: Result<T, Error>, part: &str) {
    let error = result.unwrap_err();
    assert!(error.to_string().contains(part), "{error} does not say “{part}”");
}

impl World {
    pub fn name(&self) -> &'static str {
        self.fixture.name
    }

    pub fn wait(&self, micros: i64) {
        self.clock.fetch_add(micros, Ordering::Relaxed);
    }

    /// Requests, approves and, where a root must, signs and delivers.
    pub async fn made(&self, form: &AuthorityForm) -> AuthorityId {
        let subject = scene::approved(&self.fleet, form).await;
        let id = subject.strip_prefix("authority:").unwrap().parse().unwrap();
        let profile = match form.kind.as_str() {
            "factory" => Profile::FactoryCa,
            "operations" => Profile::OperationsCa,
            _ => return id,
        };
        let signed = self.signed(id, profile).await;
        self.fleet.deliver_authority(&admin(), id, &signed.pem()).await.unwrap();
        id
    }

    /// What the ceremony makes of an authority's request.
    pub async fn signed(&self, id: AuthorityId, profile: Profile) -> Certificate {
        let pem = self.fleet.authority_request(&admin(), id).await.unwrap();
        let request = pki::request_from_text(pem).unwrap();
        let name = request.common_name.clone().unwrap();
        pki::issue(&template(profile, &name, &request.public_key, NOW.plus(4_000 * DAY)), &self.root).unwrap()
    }

    /// A device of a batch, as a manifest would make it.
    pub async fn device(&self, serial: &str, batch: u128) -> Device {
        let life = scene::life(serial, batch, NOW.plus(-30 * DAY));
        self.fleet.seed_devices(&RULE, &[life]).await.unwrap();
        self.known(serial).await
    }

    pub async fn known(&self, serial: &str) -> Device {
        self.fleet.device(&RULE, serial).await.unwrap()
    }

    pub async fn findings(&self) -> Vec<FindingRow> {
        self.fleet.findings(&RULE, true).await.unwrap()
    }

    pub async fn chain_holds(&self) {
        assert_eq!(self.fleet.audit_verify(&RULE).await.unwrap().break_at, None, "{}", self.name());
    }

    /// Marks a certificate as held or revoked, in its record alone.
    pub async fn mark(&self, serial: &str, status: domain::certificate::CertificateStatus) {
        let kept = store::certificate::of_device(self.fleet.db(), serial).await.unwrap();
        let last = kept.last().unwrap();
        let mut tx = self.fleet.db().begin().await.unwrap();
        let serials = [last.serial.as_str()];
        store::revoked::record::set_status(&mut tx, last.authority_id, &serials, status, None, self.fleet.now())
            .await
            .unwrap();
        tx.commit().await.unwrap();
    }
}
