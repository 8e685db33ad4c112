//! A fleet with a root, made by a ceremony beside it, the authorities below, and devices with real certificates.

use domain::{
    batch::{Batch, Model},
    certificate::{Certificate as Entered, CertificatePurpose, CertificateStatus},
    custody::{Custodian, CustodianKind},
    history::{Entry, Event},
    id::{AuthorityId, BatchId, CertificateId, CustodianId, DeviceId, HistoryId, ModelId},
    time::{DAY, HOUR, Timestamp},
};
use fleet::{Actor, Fleet, Keys, authority::AuthorityForm, seed::Life};
use pki::{
    Certificate, Issuer, KeyAlgorithm, Name, Passphrase, Profile, Request, SerialNumber, Signer, SoftwareKey, Template,
    Urls,
};
use std::sync::Arc;
use store::Db;
use tempfile::TempDir;
use uuid::Uuid;

/// Who asks for things.
pub const RULE: Actor = Actor::Rule { name: "bench" };
/// Who approves them.
pub const APPROVER: Actor = Actor::Rule { name: "bench-approver" };
/// The batch whose devices are revoked one by one.
pub const FIELD: &str = "FIELD";
/// The batch that is cut off whole.
pub const LARGE: &str = "LARGE";
/// The batch that certificates are issued for, one by one and in bulk.
pub const LINE: &str = "LINE";

pub const FACTORY: CustodianId = CustodianId(Uuid::from_u128(1));
pub const MODEL: ModelId = ModelId(Uuid::from_u128(2));
/// How many devices are entered in one transaction.
const CHUNK: usize = 5_000;
/// What its keys are sealed with.
pub const PASSPHRASE: &str = "only for this measurement";

/// A fleet and what it stands on.
pub struct World {
    pub fleet: Fleet,
    pub folder: TempDir,
    root: Issuer,
    passphrase: Passphrase,
}

/// A device with what it shows.
pub struct Device {
    pub serial: String,
    pub key: SoftwareKey,
    pub certificate: Certificate,
}

/// The batch that is cut off whole: one device that can call, and the serials of all certificates.
pub struct Large {
    pub caller: Device,
    pub serials: Vec<SerialNumber>,
}

impl World {
    /// One on SQLite.
    pub async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let db = Db::open(folder.path(), None).await.unwrap();
        Self::on(db, folder).await
    }

    /// One on this database, which is empty.
    pub async fn on(db: Db, folder: TempDir) -> Self {
        let passphrase = Passphrase::new(PASSPHRASE.to_owned()).unwrap();
        let keys = Keys { folder: folder.path().join("keys"), passphrase: Some(passphrase.clone()) };
        let fleet = Fleet::new(db, folder.path().to_owned()).with_keys(keys);
        let root = root(fleet.now());
        let world = Self { fleet, folder, root, passphrase };
        world.catalogue().await;
        world.fleet.bring_root(&RULE, &world.root.certificate().pem()).await.unwrap();
        let form = |kind: &str| AuthorityForm { kind: kind.into(), ..AuthorityForm::default() };
        world.made(&form("operations"), Some(Profile::OperationsCa)).await;
        let factory = AuthorityForm { factory: "works".into(), ..form("factory") };
        world.made(&factory, Some(Profile::FactoryCa)).await;
        for batch in [FIELD, LARGE, LINE] {
            world.made(&AuthorityForm { batch: batch.into(), ..form("batch") }, None).await;
        }
        world
    }

    async fn catalogue(&self) {
        let now = self.fleet.now();
        let factory = Custodian {
            id: FACTORY,
            code: "works".into(),
            name: "Works".into(),
            kind: CustodianKind::Factory,
            country: "CZ".into(),
            city: String::new(),
            sgln: String::new(),
            created_at: now,
        };
        let model = Model {
            id: MODEL,
            name: "GW-200".into(),
            description: String::new(),
            poll_interval_s: 300,
            sgtin: String::new(),
        };
        let batches = [FIELD, LARGE, LINE].map(|code| Batch {
            id: batch_id(code),
            code: code.to_owned(),
            factory_id: FACTORY,
            model_id: MODEL,
            quota: None,
            started_at: now.plus(-90 * DAY),
        });
        self.fleet.seed_catalogue(&RULE, &[factory], &[model], &batches).await.unwrap();
    }

    /// Requests an authority, has it approved and, where the root must, signs and delivers its certificate.
    async fn made(&self, form: &AuthorityForm, signed: Option<Profile>) {
        let approval = self.fleet.request_authority(&RULE, form).await.unwrap();
        let shown = self.fleet.approval(&APPROVER, approval).await.unwrap();
        self.fleet.decide(&APPROVER, approval, &shown.row.hash, true, "").await.unwrap();
        let Some(profile) = signed else { return };
        let id: AuthorityId = shown.row.subject.strip_prefix("authority:").unwrap().parse().unwrap();
        let request = pki::request_from_text(self.fleet.authority_request(&RULE, id).await.unwrap()).unwrap();
        let name = request.common_name.unwrap();
        let template = template(profile, &name, &request.public_key, self.fleet.now());
        let certificate = pki::issue(&template, &self.root).unwrap();
        self.fleet.deliver_authority(&RULE, id, &certificate.pem()).await.unwrap();
    }

    /// The root's certificate.
    pub fn root(&self) -> &Certificate {
        self.root.certificate()
    }

    /// The authority of a batch with its key, as only the process that has the passphrase can have it.
    pub async fn issuer(&self, batch: &str) -> Issuer {
        let detail = self.fleet.authority(&RULE, &slug(batch)).await.unwrap();
        let file = detail.row.authority.key_location.strip_prefix("file:").unwrap().to_owned();
        let sealed = std::fs::read_to_string(self.folder.path().join("keys").join(file)).unwrap();
        let key = pki::unseal(&sealed, &self.passphrase).unwrap();
        Issuer::new(detail.certificate.unwrap(), Arc::new(key)).unwrap()
    }

    /// Devices that were made, delivered and enrolled, one by one.
    pub async fn devices(&self, batch: &str, prefix: &str, count: usize) -> Vec<Device> {
        let serials: Vec<String> = (0..count).map(|n| format!("{prefix}-{n:05}")).collect();
        let now = self.fleet.now();
        let lives: Vec<Life> =
            serials.iter().map(|serial| life(DeviceId(Uuid::now_v7()), serial, batch, now)).collect();
        self.fleet.seed_devices(&RULE, &lives).await.unwrap();
        let mut devices = Vec::with_capacity(count);
        for serial in serials {
            let (key, request) = request(&serial);
            let enrolled = self.fleet.enrol(&RULE, batch, &request, &serial).await.unwrap();
            devices.push(Device { serial, key, certificate: enrolled.certificate });
        }
        devices
    }

    /// Fills the batch that is cut off whole. Its certificates are entered with the bytes of one: what decides reads
    /// serials alone.
    pub async fn fill_large(&self, count: usize) -> Large {
        let caller = self.devices(LARGE, "CALLER", 1).await.remove(0);
        let authority = self.fleet.authority(&RULE, &slug(LARGE)).await.unwrap().row.authority.id;
        let now = self.fleet.now();
        let mut serials = Vec::with_capacity(count);
        for first in (0..count).step_by(CHUNK) {
            let (mut lives, mut rows) = (Vec::new(), Vec::new());
            for n in first..(first + CHUNK).min(count) {
                let (id, name) = (DeviceId(Uuid::now_v7()), format!("LARGE-{n:06}"));
                let serial = SerialNumber::random().unwrap();
                rows.push((
                    entered(authority, &caller.certificate, serial, (id, &name), now),
                    caller.certificate.der().to_vec(),
                ));
                lives.push(life(id, &name, LARGE, now));
                serials.push(serial);
            }
            self.fleet.seed_devices(&RULE, &lives).await.unwrap();
            let mut tx = self.fleet.db().begin().await.unwrap();
            store::certificate::insert_many(&mut tx, &rows).await.unwrap();
            tx.commit().await.unwrap();
        }
        self.fleet.db().optimize().await.unwrap();
        Large { caller, serials }
    }
}

/// How a batch's authority is called in addresses.
pub fn slug(batch: &str) -> String {
    format!("batch-ca-{}", batch.to_ascii_lowercase())
}

/// A key that was born in a device, and its request.
pub fn request(name: &str) -> (SoftwareKey, Request) {
    let (key, der) = request_der(name);
    (key, pki::read_request(&der).unwrap())
}

/// The same, as it is sent.
pub fn request_der(name: &str) -> (SoftwareKey, Vec<u8>) {
    let key = SoftwareKey::generate(KeyAlgorithm::EcdsaP256).unwrap();
    let der = pki::certificate_request(&Name::common(name), &key).unwrap();
    (key, der)
}

/// What an authority or a server of this measurement gets into its certificate.
pub fn template(profile: Profile, name: &str, public_key: &[u8], now: Timestamp) -> Template {
    let years = if matches!(profile, Profile::Root) { 25 } else { 5 };
    Template {
        serial: SerialNumber::random().unwrap(),
        subject: Name::common(name),
        public_key: public_key.to_vec(),
        profile,
        not_before: now.plus(-HOUR),
        not_after: now.plus(years * 365 * DAY),
        dns_names: Vec::new(),
        ip_addresses: Vec::new(),
        permitted_dns: Vec::new(),
        urls: Urls::default(),
    }
}

fn root(now: Timestamp) -> Issuer {
    let key = SoftwareKey::generate(KeyAlgorithm::EcdsaP384).unwrap();
    let template = template(Profile::Root, "Bench Root", key.public_key(), now);
    Issuer::new(pki::self_sign(&template, &key).unwrap(), Arc::new(key)).unwrap()
}

/// The id of a batch.
pub fn batch_id(code: &str) -> BatchId {
    BatchId(Uuid::from_u128(match code {
        FIELD => 10,
        LARGE => 11,
        _ => 12,
    }))
}

/// A certificate as it is kept, that says what another one says.
pub fn entered(
    authority: AuthorityId,
    like: &Certificate,
    serial: SerialNumber,
    (device, name): (DeviceId, &str),
    now: Timestamp,
) -> Entered {
    Entered {
        id: CertificateId(Uuid::now_v7()),
        authority_id: authority,
        serial: serial.hex(),
        purpose: CertificatePurpose::Device,
        device_id: Some(device),
        device_serial: Some(name.to_owned()),
        factory_id: None,
        name: name.to_owned(),
        public_key_sha256: like.public_key_sha256(),
        status: CertificateStatus::Valid,
        reason: None,
        status_at: now,
        not_before: like.not_before(),
        not_after: like.not_after(),
        issued_at: now,
        issued_by: "bench".to_owned(),
        first_used_at: None,
        replaces: None,
    }
}

/// A device that was made a month ago.
pub fn life(id: DeviceId, serial: &str, batch: &str, now: Timestamp) -> Life {
    let made_at = now.plus(-30 * DAY);
    let by = domain::custody::Holder { id: FACTORY, name: "Works".to_owned(), kind: CustodianKind::Factory };
    let made = Entry {
        id: HistoryId(Uuid::now_v7()),
        at: made_at,
        recorded_at: made_at,
        actor: "bench".to_owned(),
        place: String::new(),
        event: Event::Manufactured { by, batch: batch.to_owned(), firmware: Some("1.0".to_owned()) },
        epcis_event_id: None,
    };
    Life {
        id,
        serial: serial.to_owned(),
        model_id: MODEL,
        hardware_revision: "C".to_owned(),
        batch_id: batch_id(batch),
        factory_id: FACTORY,
        channel: "production".to_owned(),
        made_at,
        last_seen_at: Some(now.plus(-HOUR)),
        history: vec![made],
    }
}
