//! What the tests of revocation share: a root, a factory, two batches, and devices with certificates.

pub use crate::scene::{RULE, manager, operator, user};

use crate::scene::{self, PASSPHRASE, entry};
use domain::{
    authority::{Authority, AuthorityKind, AuthorityState},
    batch::Batch,
    certificate::{Certificate, CertificatePurpose, CertificateStatus, RevocationReason},
    custody::{Custodian, CustodianKind},
    history::Event,
    id::{AuthorityId, BatchId, CertificateId, CustodianId, DeviceId},
    revocation::RevocationAct,
    time::{DAY, HOUR, SECOND, Timestamp},
};
use fleet::{
    Error, Fleet, Keys,
    revocation::{Outcome, RevokeForm, Selection},
    seed::Life,
    trust::Verdict,
};
use pki::{Issuer, KeyAlgorithm, Name, Passphrase, Profile, SerialNumber, Signer, SoftwareKey, Template, Urls};
use std::{
    collections::HashMap,
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
    pub clock: Arc<AtomicI64>,
}

/// Opens a fleet on what another process may have left.
pub async fn open(folder: &Path, url: Option<&str>, clock: Arc<AtomicI64>) -> Fleet {
    let db = Db::open(folder, url).await.unwrap();
    let time = move || Timestamp(clock.fetch_add(1, Ordering::Relaxed));
    let keys = Keys { folder: folder.join("keys"), passphrase: Some(Passphrase::new(PASSPHRASE.to_owned()).unwrap()) };
    Fleet::with_clock(db, folder.to_owned(), Arc::new(time)).with_keys(keys)
}

/// On each database: batches A and B of factory Brno, with `n` devices each.
pub async fn worlds(n: usize) -> Vec<World> {
    let mut out = Vec::new();
    for fixture in testing::both().await.unwrap() {
        out.push(World::on(fixture, n).await);
    }
    out
}

impl World {
    pub async fn on(fixture: Fixture, n: usize) -> Self {
        let clock = Arc::new(AtomicI64::new(NOW.0));
        let fleet = open(fixture.folder.path(), fixture.url.as_deref(), clock.clone()).await;
        let world = Self { fleet, fixture, clock };
        world.fill(n).await;
        world.fleet.load_trust().await.unwrap();
        world
    }

    pub fn name(&self) -> &'static str {
        self.fixture.name
    }

    pub fn wait(&self, micros: i64) {
        self.clock.fetch_add(micros, Ordering::Relaxed);
    }

    async fn fill(&self, n: usize) {
        let factory = custodian(1, "brno", CustodianKind::Factory, "CZ");
        let started = NOW.plus(-90 * DAY);
        let batches = [scene::batch(10, "A", 1, started), scene::batch(11, "B", 1, started)];
        self.fleet.seed_catalogue(&RULE, std::slice::from_ref(&factory), &[scene::model()], &batches).await.unwrap();
        let root = self.authority(AuthorityKind::Root, "root", None, None).await;
        let brno = self.authority(AuthorityKind::Factory, "brno", Some(&root), None).await;
        for batch in &batches {
            let slug = format!("batch-{}", batch.code.to_ascii_lowercase());
            let issuer = self.authority(AuthorityKind::Batch, &slug, Some(&brno), Some(batch.id)).await;
            self.devices(batch, &issuer, n).await;
        }
    }

    /// An authority with its key in a sealed file; of the root, nowhere.
    async fn authority(
        &self,
        kind: AuthorityKind,
        slug: &str,
        parent: Option<&(AuthorityId, Issuer)>,
        batch: Option<BatchId>,
    ) -> (AuthorityId, Issuer) {
        let key = SoftwareKey::generate(KeyAlgorithm::EcdsaP256).unwrap();
        let profile = match kind {
            AuthorityKind::Root => Profile::Root,
            AuthorityKind::Factory => Profile::FactoryCa,
            AuthorityKind::Batch => Profile::BatchCa,
            AuthorityKind::Operations => Profile::OperationsCa,
        };
        let template = template(profile, slug, key.public_key(), NOW.plus(3_000 * DAY));
        let folder = self.fixture.folder.path().join("keys");
        std::fs::create_dir_all(&folder).unwrap();
        let passphrase = Passphrase::new(PASSPHRASE.to_owned()).unwrap();
        std::fs::write(folder.join(format!("{slug}.pem")), pki::seal(&key, &passphrase).unwrap()).unwrap();
        let certificate = match parent {
            None => pki::self_sign(&template, &key).unwrap(),
            Some((_, issuer)) => pki::issue(&template, issuer).unwrap(),
        };
        let id = AuthorityId(Uuid::now_v7());
        let location = if kind == AuthorityKind::Root { "offline".to_owned() } else { format!("file:{slug}.pem") };
        let row = Authority {
            id,
            kind,
            name: format!("The {slug} CA"),
            slug: slug.to_owned(),
            parent_id: parent.map(|(id, _)| *id),
            factory_id: (kind != AuthorityKind::Root).then_some(CustodianId(Uuid::from_u128(1))),
            batch_id: batch,
            state: AuthorityState::AwaitingCertificate,
            key_location: location.clone(),
            serial: String::new(),
            key_id: String::new(),
            not_before: None,
            not_after: None,
            quota: None,
            issued: 0,
            days: 0,
            delegated: false,
            requested_by: "test".into(),
            created_at: NOW,
            activated_at: None,
            state_at: NOW,
        };
        let mut tx = self.fleet.db().begin().await.unwrap();
        store::authority::insert(&mut tx, &row).await.unwrap();
        let own = store::authority::OwnCertificate {
            der: certificate.der(),
            serial: &certificate.serial_hex(),
            key_id: &certificate.subject_key_id(),
            not_before: certificate.not_before(),
            not_after: certificate.not_after(),
        };
        let parent_id = parent.map(|(id, _)| *id);
        assert!(store::authority::activate(&mut tx, id, parent_id, &own, &location, NOW).await.unwrap());
        if let Some((parent, _)) = parent {
            let row = certificate_row(*parent, &certificate, CertificatePurpose::Authority, None);
            store::certificate::insert_many(&mut tx, &[(row, certificate.der().to_vec())]).await.unwrap();
        }
        tx.commit().await.unwrap();
        (id, Issuer::new(certificate, Arc::new(key)).unwrap())
    }

    async fn devices(&self, batch: &Batch, (authority, issuer): &(AuthorityId, Issuer), n: usize) {
        // One key for all: what is tested never looks at it.
        let key = SoftwareKey::generate(KeyAlgorithm::EcdsaP256).unwrap();
        let ids: Vec<DeviceId> = (0..n).map(|_| DeviceId(Uuid::now_v7())).collect();
        let mut certificates = Vec::new();
        let mut lives = Vec::new();
        for (i, id) in ids.iter().enumerate() {
            let serial = format!("{}-{i:05}", batch.code);
            let mut template = template(Profile::Device, &serial, key.public_key(), NOW.plus(730 * DAY));
            template.dns_names = vec![format!("{}.devices.example", serial.to_ascii_lowercase())];
            let certificate = pki::issue(&template, issuer).unwrap();
            let mut row = certificate_row(*authority, &certificate, CertificatePurpose::Device, Some((*id, &serial)));
            row.public_key_sha256.clone_from(&row.serial);
            lives.push(life(*id, &serial, batch, &row.serial));
            certificates.push((row, certificate.der().to_vec()));
        }
        self.fleet.seed_devices(&RULE, &lives).await.unwrap();
        let mut tx = self.fleet.db().begin().await.unwrap();
        store::certificate::insert_many(&mut tx, &certificates).await.unwrap();
        tx.commit().await.unwrap();
    }

    /// A device gets another certificate, as `change` makes it of its first one.
    pub async fn another(&self, tx: &mut store::Tx, device: &str, change: impl FnOnce(&mut Certificate)) -> String {
        let first = store::certificate::of_device(self.fleet.db(), device).await.unwrap().remove(0);
        let der = store::certificate::der(self.fleet.db(), first.id).await.unwrap().unwrap();
        let serial = SerialNumber::random().unwrap().hex();
        let (id, replaces) = (CertificateId(Uuid::now_v7()), Some(first.id));
        let mut row = Certificate { id, serial: serial.clone(), replaces, ..first };
        row.public_key_sha256.clone_from(&serial);
        change(&mut row);
        store::certificate::insert_many(tx, &[(row, der)]).await.unwrap();
        serial
    }

    /// How the gateway would decide about a serial of batch A.
    pub fn verdict_on(&self, serial: &str) -> Verdict {
        self.fleet.trust().by_slug("batch-a").unwrap().verdict(SerialNumber::from_hex(serial).unwrap())
    }

    pub async fn authority_id(&self, slug: &str) -> AuthorityId {
        store::authority::by_slug(self.fleet.db(), slug).await.unwrap().unwrap().id
    }

    /// The serial of a device's first certificate.
    pub async fn serial_of(&self, device: &str) -> String {
        store::certificate::of_device(self.fleet.db(), device).await.unwrap().first().unwrap().serial.clone()
    }

    /// How the gateway would decide.
    pub async fn verdict(&self, device: &str) -> Verdict {
        let certificate = store::certificate::of_device(self.fleet.db(), device).await.unwrap().remove(0);
        let trust = self.fleet.trust();
        let authority = trust.authority(certificate.authority_id).unwrap();
        trust.admits(&authority.certificate().subject_key_id(), &certificate.serial)
    }

    /// Does it as the operator, with the right hash and confirmation.
    pub async fn try_act(&self, act: RevocationAct, selection: Selection) -> Result<Outcome, Error> {
        let preview = self.fleet.preview(&operator(), &selection, act).await?;
        let form = RevokeForm {
            selection,
            act,
            reason: RevocationReason::KeyCompromise,
            note: "found on a market stall".into(),
            confirmation: preview.confirm_word,
            preview_hash: preview.hash,
        };
        self.fleet.revoke(&operator(), &form).await
    }

    pub async fn act(&self, act: RevocationAct, selection: Selection) -> Outcome {
        self.try_act(act, selection).await.unwrap_or_else(|error| panic!("{}: {act}: {error}", self.name()))
    }

    /// Does it, with the manager's approval where one is needed.
    pub async fn act_through(&self, act: RevocationAct, selection: Selection) {
        if let Outcome::Waiting(approval, _) = self.act(act, selection).await {
            let shown = self.fleet.approval(&manager(), approval).await.unwrap();
            self.fleet.decide(&manager(), approval, &shown.row.hash, true, "").await.unwrap();
        }
    }

    /// What the current CRL of an authority lists: serials with their reasons.
    pub async fn listed(&self, slug: &str) -> HashMap<String, u8> {
        let der = self.fleet.crl(slug).unwrap_or_else(|| panic!("{}: {slug} has no CRL", self.name())).der.clone();
        let authority = self.authority_id(slug).await;
        let issuer = store::authority::certificate(self.fleet.db(), authority).await.unwrap().unwrap();
        let facts = pki::verify_crl(&der, &pki::Certificate::from_der(&issuer).unwrap()).unwrap();
        let listed: HashMap<_, _> = facts.entries.iter().map(|entry| (entry.serial.hex(), entry.reason)).collect();
        assert_eq!(listed.len(), facts.entries.len(), "a serial is listed twice");
        listed
    }
}

pub fn device(serial: &str) -> Selection {
    Selection::Device(serial.to_owned())
}

pub fn batch(code: &str) -> Selection {
    Selection::Batch(code.to_owned())
}

pub fn factory() -> Selection {
    Selection::Factory("brno".to_owned())
}

fn custodian(n: u128, code: &str, kind: CustodianKind, country: &str) -> Custodian {
    Custodian {
        id: CustodianId(Uuid::from_u128(n)),
        code: code.to_owned(),
        name: "Brno".to_owned(),
        kind,
        country: country.to_owned(),
        city: String::new(),
        sgln: String::new(),
        created_at: NOW.plus(-100 * DAY),
    }
}

pub fn template(profile: Profile, name: &str, public_key: &[u8], not_after: Timestamp) -> Template {
    Template {
        serial: SerialNumber::random().unwrap(),
        subject: Name::common(name),
        public_key: public_key.to_vec(),
        profile,
        not_before: NOW.plus(-HOUR),
        not_after,
        dns_names: Vec::new(),
        ip_addresses: Vec::new(),
        permitted_dns: Vec::new(),
        urls: Urls::default(),
    }
}

pub fn certificate_row(
    authority: AuthorityId,
    certificate: &pki::Certificate,
    purpose: CertificatePurpose,
    device: Option<(DeviceId, &str)>,
) -> Certificate {
    Certificate {
        id: CertificateId(Uuid::now_v7()),
        authority_id: authority,
        serial: certificate.serial_hex(),
        purpose,
        device_id: device.map(|(id, _)| id),
        device_serial: device.map(|(_, serial)| serial.to_owned()),
        factory_id: None,
        name: certificate.common_name(),
        public_key_sha256: certificate.public_key_sha256(),
        status: CertificateStatus::Valid,
        reason: None,
        status_at: NOW,
        not_before: certificate.not_before(),
        not_after: certificate.not_after(),
        issued_at: NOW,
        issued_by: "test".into(),
        first_used_at: None,
        replaces: None,
    }
}

pub fn life(id: DeviceId, serial: &str, batch: &Batch, certificate: &str) -> Life {
    let made = NOW.plus(-30 * DAY);
    let by = custodian(1, "brno", CustodianKind::Factory, "CZ").holder();
    let issued = Event::CertificateIssued {
        serial: certificate.to_owned(),
        issuer: batch.code.clone(),
        not_after: NOW.plus(730 * DAY),
    };
    let made_by = Event::Manufactured { by, batch: batch.code.clone(), firmware: Some("1.0".into()) };
    Life {
        id,
        serial: serial.to_owned(),
        model_id: batch.model_id,
        hardware_revision: "C".into(),
        batch_id: batch.id,
        factory_id: batch.factory_id,
        channel: "production".into(),
        made_at: made,
        last_seen_at: Some(NOW.plus(-HOUR)),
        history: vec![entry(made, made_by), entry(made.plus(SECOND), issued)],
    }
}
