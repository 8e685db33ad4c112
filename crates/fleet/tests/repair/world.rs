//! What the tests of the repair desk share: a factory with a batch that is signed for, and devices with parts.

pub use crate::scene::{RULE, admin, manager, user};

use crate::scene::{self, PASSPHRASE, entry};
use domain::{
    batch::Batch,
    component::{ComponentClass as Class, Part},
    custody::{Custodian, CustodianKind},
    history::Event,
    id::{ApprovalId, AuthorityId, CustodianId, DeviceId},
    identifier::normalise,
    manifest,
    person::Role,
    repair::RepairState,
    time::{DAY, Timestamp},
};
use fleet::{
    Actor, Error, Fleet, Keys,
    authority::AuthorityForm,
    repair::{Authorised, OpenForm, PartForm, RepairDetail},
    seed::Life,
};
use pki::{
    Issuer, KeyAlgorithm, Name, Passphrase, Profile, Request, SerialNumber, Signer, SoftwareKey, Template, Urls,
};
use std::{
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
};
use store::{
    Db,
    testing::{self, Fixture},
};
use uuid::Uuid;

/// 2 November 2026, 12:00.
pub const NOW: Timestamp = Timestamp(1_793_620_800_000_000);

pub struct World {
    pub fleet: Fleet,
    pub fixture: Fixture,
    clock: Arc<AtomicI64>,
}

pub fn support() -> Actor {
    user(1, "sanne", Role::Support)
}

/// On each database: batches A and B of factory Brno, an authority for A, and devices `GW-1` to `GW-4` of A with a board, a
/// modem and an interface. Those of `GW-2` come with a secure element.
pub async fn worlds() -> Vec<World> {
    let mut out = Vec::new();
    for fixture in testing::both().await.unwrap() {
        out.push(World::on(fixture).await);
    }
    out
}

/// An IMEI whose check digit is right.
pub fn imei(n: u64) -> String {
    let text = format!("86194105{n:06}");
    let digits: Vec<u8> = text.bytes().map(|byte| byte - b'0').collect();
    domain::identifier::imei_with_check_digit(&digits.try_into().unwrap()).unwrap().to_string()
}

pub fn mac(n: u64) -> String {
    format!("d8:80:39:00:{:02x}:{:02x}", n / 256, n % 256)
}

pub fn part(slot: &str, class: Class, text: &str) -> Part {
    let found = normalise(class, text).unwrap();
    Part {
        slot: slot.into(),
        class,
        maker: "Maker".into(),
        model: "M1".into(),
        identifier: found.shown,
        identifier_key: found.key,
    }
}

pub fn parts_of(n: u64) -> Vec<Part> {
    let mut parts = vec![
        part("board", Class::Board, &format!("MB-{n}")),
        part("lte0", Class::Lte, &imei(n)),
        part("eth0", Class::Ethernet, &mac(n)),
    ];
    if n == 2 {
        parts.push(part("se0", Class::SecureElement, "SE-2"));
    }
    parts
}

#[track_caller]
pub fn conflict<T: std::fmt::Debug>(result: Result<T, Error>, part: &str) {
    let error = result.unwrap_err();
    assert!(error.to_string().contains(part), "{error} does not say “{part}”");
}

impl World {
    async fn on(fixture: Fixture) -> Self {
        let clock = Arc::new(AtomicI64::new(NOW.0));
        let fleet = fleet_on(fixture.db.clone(), fixture.folder.path(), clock.clone());
        let world = Self { fleet, fixture, clock };
        world.fill().await;
        world.authorities().await;
        world.fleet.load_trust().await.unwrap();
        world
    }

    /// Lets a new process take over: it has the database, and nothing of what the one before had in memory.
    pub async fn restart(&mut self) {
        self.fleet.db().close().await;
        let db = Db::open(self.fixture.folder.path(), self.fixture.url.as_deref()).await.unwrap();
        self.fleet = fleet_on(db, self.fixture.folder.path(), self.clock.clone());
        self.fleet.load_trust().await.unwrap();
    }

    pub fn name(&self) -> &'static str {
        self.fixture.name
    }

    pub fn wait(&self, micros: i64) {
        self.clock.fetch_add(micros, Ordering::Relaxed);
    }

    async fn fill(&self) {
        let batches = [batch(10, "A"), batch(11, "B")];
        self.fleet.seed_catalogue(&RULE, &[factory(), client()], &[scene::model()], &batches).await.unwrap();
        self.make(1..=4).await;
    }

    /// Makes devices of batch A, named by these numbers, and gives their ids.
    pub async fn make(&self, numbers: impl Iterator<Item = u64>) -> Vec<DeviceId> {
        let lives: Vec<Life> = numbers.map(|n| life(n, &batch(10, "A"), &factory(), &client())).collect();
        self.fleet.seed_devices(&RULE, &lives).await.unwrap();
        lives.into_iter().map(|life| life.id).collect()
    }

    /// A root that is brought in, and beneath it what signs for batch A.
    async fn authorities(&self) {
        let root = root();
        self.fleet.bring_root(&admin(), &root.certificate().pem()).await.unwrap();
        let factory = AuthorityForm { kind: "factory".into(), factory: "brno".into(), ..AuthorityForm::default() };
        let id = self.authority(&factory).await;
        let pem = self.fleet.authority_request(&admin(), id).await.unwrap();
        let request = pki::request_from_text(pem).unwrap();
        let name = request.common_name.clone().unwrap();
        let signed = pki::issue(&template(Profile::FactoryCa, &name, &request.public_key), &root).unwrap();
        self.fleet.deliver_authority(&admin(), id, &signed.pem()).await.unwrap();
        self.authority(&AuthorityForm { kind: "batch".into(), batch: "A".into(), ..AuthorityForm::default() }).await;
    }

    async fn authority(&self, form: &AuthorityForm) -> AuthorityId {
        let approval = self.fleet.request_authority(&admin(), form).await.unwrap();
        self.decide(&manager(), approval, true).await.unwrap();
        let shown = self.fleet.approval(&manager(), approval).await.unwrap();
        shown.row.subject.strip_prefix("authority:").unwrap().parse().unwrap()
    }

    pub async fn decide(&self, actor: &Actor, id: ApprovalId, approve: bool) -> Result<(), Error> {
        let shown = self.fleet.approval(&manager(), id).await.unwrap();
        self.fleet.decide(actor, id, &shown.row.hash, approve, "seen").await
    }

    pub async fn open(&self, serial: &str) -> String {
        let form = OpenForm { symptom: "No network".into(), technician: String::new() };
        self.fleet.open_repair(&support(), serial, &form).await.unwrap()
    }

    pub async fn draft(&self, code: &str, slot: &str, part_in: &str) -> fleet::repair::SlotLook {
        let form = PartForm { slot: slot.into(), part_in: part_in.into(), ..PartForm::default() };
        self.fleet.draft_part(&support(), code, &form).await.unwrap()
    }

    pub async fn draft_fate(&self, code: &str, slot: &str, part_in: &str, fate: &str) {
        let form = PartForm { slot: slot.into(), part_in: part_in.into(), fate: fate.into(), ..PartForm::default() };
        self.fleet.draft_part(&support(), code, &form).await.unwrap();
    }

    pub async fn authorise(&self, code: &str) -> Authorised {
        self.fleet.authorise_repair(&support(), code, "broken").await.unwrap_or_else(|error| panic!("{code}: {error}"))
    }

    /// Authorises, with the manager's approval where one is needed.
    pub async fn authorise_through(&self, code: &str) -> RepairState {
        if let Authorised::Waiting(approval) = self.authorise(code).await {
            self.decide(&manager(), approval, true).await.unwrap();
        }
        self.repair(code).await.case.state
    }

    pub async fn repair(&self, code: &str) -> RepairDetail {
        self.fleet.repair(&support(), code).await.unwrap()
    }

    /// The keys of the parts that a device is made of, by slot.
    pub async fn parts(&self, serial: &str) -> Vec<(String, String)> {
        let record = self.fleet.device_record(&support(), serial).await.unwrap();
        let present = record.components.into_iter().filter(|component| component.removed_at.is_none());
        let mut parts: Vec<_> = present.map(|component| (component.part.slot, component.part.identifier_key)).collect();
        parts.sort();
        parts
    }

    /// That manifests, components and history tell one story, and that each hash is that of its parts.
    pub async fn agrees(&self, serial: &str) {
        let record = self.fleet.device_record(&support(), serial).await.unwrap();
        let (components, manifests) = manifest::replay(&record.history);
        assert_eq!(manifests, record.manifests, "{}: {serial}", self.name());
        assert_eq!(manifests.last().map_or(0, |last| last.version), record.device.manifest_version);
        for (i, version) in manifests.iter().enumerate() {
            let mut replayed: Vec<Part> =
                components.iter().filter(|c| c.is_in(version.version)).map(|c| c.part.clone()).collect();
            let mut kept: Vec<Part> =
                record.components.iter().filter(|c| c.is_in(version.version)).map(|c| c.part.clone()).collect();
            replayed.sort();
            kept.sort();
            assert_eq!(replayed, kept, "{}: {serial} v{}", self.name(), version.version);
            let before = i.checked_sub(1).map(|i| manifests[i].hash.clone()).unwrap_or_default();
            assert_eq!(version.previous_hash, before);
            assert_eq!(version.hash, manifest::hash(serial, version.version, &before, &kept));
        }
    }

    /// Enrols a device for a new key, as an operator.
    pub async fn enrolled(&self, serial: &str) -> fleet::enrol::Enrolled {
        self.fleet.enrol(&admin(), "A", &request(serial), serial).await.unwrap()
    }
}

fn fleet_on(db: Db, folder: &Path, clock: Arc<AtomicI64>) -> Fleet {
    let passphrase = Some(Passphrase::new(PASSPHRASE.to_owned()).unwrap());
    let now = move || Timestamp(clock.fetch_add(1, Ordering::Relaxed));
    Fleet::with_clock(db, folder.to_owned(), Arc::new(now)).with_keys(Keys { folder: folder.join("keys"), passphrase })
}

fn custodian(n: u128, code: &str, kind: CustodianKind) -> Custodian {
    Custodian {
        id: CustodianId(Uuid::from_u128(n)),
        code: code.to_owned(),
        name: code.to_owned(),
        kind,
        country: "CZ".into(),
        city: String::new(),
        sgln: String::new(),
        created_at: NOW.plus(-100 * DAY),
    }
}

fn factory() -> Custodian {
    custodian(1, "brno", CustodianKind::Factory)
}

fn client() -> Custodian {
    custodian(2, "acme", CustodianKind::Client)
}

fn batch(n: u128, code: &str) -> Batch {
    Batch { quota: Some(10), ..scene::batch(n, code, 1, NOW.plus(-60 * DAY)) }
}

/// A request for a key that was just made.
pub fn request(serial: &str) -> Request {
    request_of(&SoftwareKey::generate(KeyAlgorithm::EcdsaP256).unwrap(), serial)
}

pub fn request_of(key: &SoftwareKey, serial: &str) -> Request {
    pki::read_request(&pki::certificate_request(&Name::common(serial), key).unwrap()).unwrap()
}

fn root() -> Issuer {
    let key = SoftwareKey::generate(KeyAlgorithm::EcdsaP384).unwrap();
    let template = template(Profile::Root, "Test Root", key.public_key());
    Issuer::new(pki::self_sign(&template, &key).unwrap(), Arc::new(key)).unwrap()
}

fn template(profile: Profile, name: &str, public_key: &[u8]) -> Template {
    Template {
        serial: SerialNumber::random().unwrap(),
        subject: Name::common(name),
        public_key: public_key.to_vec(),
        profile,
        not_before: NOW.plus(-DAY),
        not_after: NOW.plus(4_000 * DAY),
        dns_names: Vec::new(),
        ip_addresses: Vec::new(),
        permitted_dns: Vec::new(),
        urls: Urls::default(),
    }
}

fn life(n: u64, batch: &Batch, factory: &Custodian, client: &Custodian) -> Life {
    let serial = format!("GW-{n}");
    let made = NOW.plus(-30 * DAY);
    let parts = parts_of(n);
    let hash = manifest::hash(&serial, 1, "", &parts);
    let first = Event::ManifestRecorded {
        version: 1,
        hash,
        previous_hash: String::new(),
        fitted: parts,
        removed: Vec::new(),
        reason: "Made".into(),
    };
    let made_by = Event::Manufactured { by: factory.holder(), batch: batch.code.clone(), firmware: None };
    let received = Event::Received { by: client.holder(), reference: String::new() };
    Life {
        id: DeviceId(Uuid::now_v7()),
        serial,
        model_id: batch.model_id,
        hardware_revision: "C".into(),
        batch_id: batch.id,
        factory_id: batch.factory_id,
        channel: "production".into(),
        made_at: made,
        last_seen_at: None,
        history: vec![entry(made, made_by), entry(made.plus(1), first), entry(made.plus(DAY), received)],
    }
}
