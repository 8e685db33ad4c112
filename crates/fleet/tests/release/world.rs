//! A fleet with an operations CA, a pipeline that may sign code, and its images.

pub use crate::scene::{PASSPHRASE, RULE, admin, manager, operator, user};

use crate::{
    debs::{self, Packager},
    scene,
};
use domain::{
    certificate::CertificatePurpose,
    id::ReleaseId,
    release::{CheckState, Stage, StageRule},
    time::{DAY, Timestamp},
};
use fleet::{
    Actor, Error, Fleet, Keys, Origin,
    authority::AuthorityForm,
    certificate::CertificateFilter,
    enrol::CodeSigningForm,
    release::{CheckForm, Promoted, PromotionForm, Pushed, ReleaseForm, StageForm, UploadForm},
};
use futures::stream;
use pki::{
    Certificate, Issuer, KeyAlgorithm, Name, Passphrase, Profile, SerialNumber, Signer, SoftwareKey, Template, Urls,
};
use simulator::image::{self, Image};
use std::{
    convert::Infallible,
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
};
use store::testing::{self, Fixture};
use uuid::Uuid;

/// 2 November 2026, 12:00.
pub const NOW: Timestamp = Timestamp(1_793_620_800_000_000);
pub const ROOTFS: &[u8] = b"a file system, of an odd length";

pub struct World {
    pub fleet: Fleet,
    pub fixture: Fixture,
    pub clock: Arc<AtomicI64>,
    pub pipeline: Pen,
}

/// Who signs, and by which key.
pub struct Pen {
    pub certificate: Certificate,
    pub key: SoftwareKey,
}

impl Pen {
    pub fn image(&self, version: &str) -> Vec<u8> {
        let image = Image { version, hardware: &["B", "C"], files: &[("rootfs.bin", ROOTFS)] };
        image.signed(&self.certificate, &self.key).unwrap()
    }

    /// A set of one Debian package, in its envelope.
    pub fn set(&self, version: &str) -> Vec<u8> {
        let packager = Packager::new(1, NOW.plus(-DAY));
        self.envelope(packager.set(version, &[("gateway", format!("the gateway {version}").as_bytes())]))
    }

    pub fn envelope(&self, files: Vec<debs::File>) -> Vec<u8> {
        let line = |(path, content): &debs::File| format!("{}  {path}\n", debs::sha256(content));
        let list: String = files.iter().map(line).collect();
        let signature = image::detached(list.as_bytes(), &self.certificate, &self.key).unwrap();
        let first = [("SHA256SUMS".to_owned(), list.into_bytes()), ("SHA256SUMS.p7s".to_owned(), signature)];
        let mut builder = tar::Builder::new(Vec::new());
        for (path, content) in first.into_iter().chain(files) {
            let mut header = tar::Header::new_gnu();
            header.set_size(content.len() as u64);
            header.set_mode(0o644);
            builder.append_data(&mut header, path, content.as_slice()).unwrap();
        }
        builder.into_inner().unwrap()
    }
}

/// A pipeline with an API token.
pub fn pipeline() -> Actor {
    let role = domain::person::Role::Operator;
    Actor::Token { id: Uuid::from_u128(9).into(), name: "ci".into(), role, origin: Origin::default() }
}

pub fn fleet_on(fixture: &Fixture, clock: &Arc<AtomicI64>) -> Fleet {
    let time = clock.clone();
    let clock = move || Timestamp(time.load(Ordering::Relaxed));
    let folder = fixture.folder.path();
    let keys = Keys { folder: folder.join("keys"), passphrase: Some(Passphrase::new(PASSPHRASE.to_owned()).unwrap()) };
    Fleet::with_clock(fixture.db.clone(), folder.to_owned(), Arc::new(clock)).with_keys(keys)
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

pub fn root(name: &str) -> Issuer {
    let key = SoftwareKey::generate(KeyAlgorithm::EcdsaP384).unwrap();
    let template = template(Profile::Root, name, key.public_key(), NOW.plus(9_000 * DAY));
    Issuer::new(pki::self_sign(&template, &key).unwrap(), Arc::new(key)).unwrap()
}

/// On each database: the model GW-200, an operations CA below a root, and a pipeline that may sign for 90 days.
pub async fn worlds() -> Vec<World> {
    let mut out = Vec::new();
    for fixture in testing::both().await.unwrap() {
        let clock = Arc::new(AtomicI64::new(NOW.0));
        let fleet = fleet_on(&fixture, &clock);
        let root = root("Test Root");
        scene::catalogue(&fleet, Some(5)).await;
        fleet.bring_root(&admin(), &root.certificate().pem()).await.unwrap();
        operations(&fleet, &root).await;
        let pipeline = pen(&fleet, "Builds").await;
        out.push(World { fleet, fixture, clock, pipeline });
    }
    out
}

async fn operations(fleet: &Fleet, root: &Issuer) {
    let form = AuthorityForm { kind: "operations".into(), ..AuthorityForm::default() };
    let subject = scene::approved(fleet, &form).await;
    let id = subject.strip_prefix("authority:").unwrap().parse().unwrap();
    let pem = fleet.authority_request(&admin(), id).await.unwrap();
    let request = pki::request_from_text(pem).unwrap();
    let name = request.common_name.clone().unwrap();
    let template = template(Profile::OperationsCa, &name, &request.public_key, NOW.plus(4_000 * DAY));
    fleet.deliver_authority(&admin(), id, &pki::issue(&template, root).unwrap().pem()).await.unwrap();
}

/// A certificate for signing code, by the deeds that make one.
pub async fn pen(fleet: &Fleet, name: &str) -> Pen {
    let key = SoftwareKey::generate(KeyAlgorithm::EcdsaP256).unwrap();
    let csr = pki::request_pem(&pki::certificate_request(&Name::common(name), &key).unwrap());
    let form = CodeSigningForm { name: name.into(), csr, days: Some(90) };
    let approval = fleet.request_code_signing(&operator(), &form).await.unwrap();
    let hash = fleet.approval(&manager(), approval).await.unwrap().row.hash;
    fleet.decide(&manager(), approval, &hash, true, "").await.unwrap();
    let filter = CertificateFilter { purpose: Some(CertificatePurpose::CodeSigning), ..CertificateFilter::default() };
    for row in fleet.certificates(&operator(), &filter).await.unwrap().rows {
        let detail = fleet.certificate(&operator(), &row.authority_slug, &row.serial).await.unwrap();
        if detail.certificate.public_key() == key.public_key() {
            return Pen { certificate: detail.certificate, key };
        }
    }
    panic!("no certificate was issued");
}

pub fn form(version: &str) -> ReleaseForm {
    ReleaseForm {
        product: "gateway-os".into(),
        version: version.into(),
        models: vec!["GW-200".into()],
        ..ReleaseForm::default()
    }
}

#[track_caller]
pub fn says<T: std::fmt::Debug>(result: Result<T, Error>, part: &str) {
    let error = result.unwrap_err();
    assert!(error.to_string().contains(part), "{error} does not say “{part}”");
}

/// The field that is wrong.
#[track_caller]
pub fn field_of<T: std::fmt::Debug>(result: Result<T, Error>) -> String {
    match result.unwrap_err() {
        Error::Invalid { fields } => fields[0].field.clone(),
        other => panic!("{other}"),
    }
}

impl World {
    pub fn name(&self) -> &'static str {
        self.fixture.name
    }

    pub fn wait(&self, micros: i64) {
        self.clock.fetch_add(micros, Ordering::Relaxed);
    }

    /// Uploads a file whole.
    pub async fn sent(&self, content: &[u8]) -> domain::id::UploadId {
        let size = i64::try_from(content.len()).unwrap();
        let is_set = content.get(257..262) == Some(b"ustar");
        let file_name = if is_set { "gateway os.tar" } else { "gateway os.swu" };
        let upload = UploadForm { file_name: file_name.into(), size, sha256: String::new() };
        let upload = self.fleet.begin_upload(&pipeline(), &upload).await.unwrap();
        let arriving = stream::iter([Ok::<_, Infallible>(content.to_vec())]);
        self.fleet.append_upload(&pipeline(), upload.id, 0, arriving).await.unwrap();
        upload.id
    }

    pub async fn push(&self, content: &[u8], form: &ReleaseForm) -> Result<Pushed, Error> {
        self.fleet.push_release(&pipeline(), form, self.sent(content).await).await
    }

    /// A release in dev.
    pub async fn pushed(&self, version: &str) -> ReleaseId {
        self.push(&self.pipeline.image(version), &form(version)).await.unwrap().release.id
    }

    pub async fn promote(&self, id: ReleaseId, to: Stage) -> Result<Promoted, Error> {
        self.fleet.promote_release(&operator(), id, &PromotionForm { to, reason: String::new() }).await
    }

    /// Approves whatever a promotion waits for.
    pub async fn approve(&self, promoted: Promoted) -> Result<(), Error> {
        let Promoted::Waits(approval) = promoted else { panic!("nobody has to approve it") };
        let hash = self.fleet.approval(&manager(), approval).await.unwrap().row.hash;
        self.fleet.decide(&manager(), approval, &hash, true, "").await
    }

    pub async fn rule(&self, stage: Stage, checks: &[&str], soak_hours: i64, verified: i64, second_person: bool) {
        let checks = checks.iter().map(|name| (*name).to_owned()).collect();
        let rule = StageRule { checks, soak_hours, verified, second_person };
        self.fleet.change_stage_rule(&admin(), "GW-200", &StageForm { stage, rule }).await.unwrap();
    }

    pub async fn checked(&self, id: ReleaseId, name: &str, state: CheckState) {
        let form = CheckForm { name: name.into(), state, url: "https://ci.example/1".into() };
        self.fleet.report_check(&pipeline(), id, &form).await.unwrap();
    }

    pub async fn stage(&self, id: ReleaseId) -> Stage {
        self.fleet.release(&operator(), id).await.unwrap().release.stage
    }

    pub async fn chain_holds(&self) {
        assert_eq!(self.fleet.audit_verify(&RULE).await.unwrap().break_at, None, "{}", self.name());
    }

    /// Where the file of a release lies.
    pub fn shelf(&self, sha256: &str) -> std::path::PathBuf {
        self.fixture.folder.path().join("artifacts").join(sha256)
    }
}
