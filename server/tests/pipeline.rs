//! A build pipeline that may sign code, its releases, and rollouts of them that a manager has approved.

use crate::{
    bundle, debs,
    field::{Field, admin, manager, operator},
};
use domain::{
    certificate::CertificatePurpose,
    id::{ApprovalId, ReleaseId, UploadId},
    release::{Stage, StageRule},
    rollout::{Advance, Gate, Plan, Reaction, Wave, WaveSize, Windows},
};
use fleet::{
    certificate::CertificateFilter,
    enrol::CodeSigningForm,
    release::{Promoted, PromotionForm, ReleaseForm, StageForm, UploadForm},
};
use futures::stream;
use pki::{Certificate, KeyAlgorithm, Name, Signer, SoftwareKey};
use simulator::image::{self, Image};
use std::convert::Infallible;

/// Whose signatures devices trust.
pub struct Pipeline {
    certificate: Certificate,
    key: SoftwareKey,
}

impl Pipeline {
    /// Asked for by one, approved by another.
    pub async fn of(field: &Field) -> Self {
        for stage in Stage::WITH_RULES {
            let rule = StageRule { checks: Vec::new(), soak_hours: 0, verified: 0, second_person: false };
            field.fleet.change_stage_rule(&admin(), "GW-200", &StageForm { stage, rule }).await.unwrap();
        }
        let key = SoftwareKey::generate(KeyAlgorithm::EcdsaP256).unwrap();
        let csr = pki::certificate_request(&Name::common("pipeline"), &key).unwrap();
        let form = CodeSigningForm { name: "pipeline".into(), csr: pki::request_pem(&csr), days: None };
        let approval = field.fleet.request_code_signing(&operator(), &form).await.unwrap();
        decide(field, approval).await;
        let filter =
            CertificateFilter { purpose: Some(CertificatePurpose::CodeSigning), ..CertificateFilter::default() };
        for row in field.fleet.certificates(&operator(), &filter).await.unwrap().rows {
            let found = field.fleet.certificate(&operator(), &row.authority_slug, &row.serial).await.unwrap();
            if found.certificate.public_key() == key.public_key() {
                return Self { certificate: found.certificate, key };
            }
        }
        unreachable!("it was approved")
    }

    /// A bundle for RAUC, of this version.
    pub fn bundle(&self, version: &str) -> Vec<u8> {
        let manifest = bundle::manifest("format=plain").replace("1.4.2", version);
        let image = bundle::squashfs("manifest.raucm", manifest.as_bytes());
        let signature = image::detached(&image, &self.certificate, &self.key).unwrap();
        bundle::ended(image, &signature)
    }

    /// A release for the model of all devices, in production.
    pub async fn release(&self, field: &Field, version: &str, hardware: &[&str], files: &[(&str, &[u8])]) -> ReleaseId {
        let content = Image { version, hardware, files }.signed(&self.certificate, &self.key).unwrap();
        self.file(field, version, &format!("gateway-os-{version}.swu"), content).await.unwrap()
    }

    /// A release of a file that was made already, in production.
    pub async fn file(&self, field: &Field, version: &str, name: &str, content: Vec<u8>) -> fleet::Result<ReleaseId> {
        let upload = self.sent(field, name, content).await;
        self.released(field, "gateway-os", version, upload).await
    }

    /// A set of Debian packages for the model of all devices, in production.
    pub async fn set(&self, field: &Field, version: &str, files: Vec<debs::File>) -> fleet::Result<ReleaseId> {
        self.file(field, version, &format!("packages-{version}.tar"), self.envelope(files)).await
    }

    /// An OSTree repository for the model of all devices, in production; of a product of its own.
    pub async fn repository(&self, field: &Field, version: &str, files: Vec<debs::File>) -> fleet::Result<ReleaseId> {
        let upload = self.sent(field, &format!("gateway-tree-{version}.tar"), self.envelope(files)).await;
        self.released(field, "gateway-tree", version, upload).await
    }

    /// Files in an envelope.
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

    async fn sent(&self, field: &Field, file_name: &str, content: Vec<u8>) -> UploadId {
        let size = i64::try_from(content.len()).unwrap();
        let form = UploadForm { file_name: file_name.to_owned(), size, sha256: String::new() };
        let upload = field.fleet.begin_upload(&operator(), &form).await.unwrap();
        let arriving = stream::iter([Ok::<_, Infallible>(content)]);
        field.fleet.append_upload(&operator(), upload.id, 0, arriving).await.unwrap();
        upload.id
    }

    async fn released(
        &self,
        field: &Field,
        product: &str,
        version: &str,
        upload: UploadId,
    ) -> fleet::Result<ReleaseId> {
        let form = ReleaseForm {
            product: product.into(),
            version: version.into(),
            models: vec!["GW-200".into()],
            revisions: Vec::new(),
            notes: String::new(),
        };
        let id = field.fleet.push_release(&operator(), &form, upload).await?.release.id;
        for to in [Stage::Staging, Stage::Production] {
            let form = PromotionForm { to, reason: "tried".into() };
            if let Promoted::Waits(approval) = field.fleet.promote_release(&operator(), id, &form).await.unwrap() {
                decide(field, approval).await;
            }
        }
        Ok(id)
    }
}

async fn decide(field: &Field, approval: ApprovalId) {
    let shown = field.fleet.approval(&manager(), approval).await.unwrap();
    field.fleet.decide(&manager(), approval, &shown.row.hash, true, "").await.unwrap();
}

/// Everybody at once, with a gate that stops at the first failure.
pub fn plan(release: ReleaseId) -> Plan {
    let gate = Gate {
        advance: Advance::Auto,
        open_minutes: 0,
        min_sample: 1,
        failed_limit: 0,
        silent_limit: 0,
        done: 100_000,
        evidence: None,
    };
    Plan {
        name: "Everybody".into(),
        release,
        target: String::new(),
        waves: vec![Wave { name: "All".into(), size: WaveSize::Rest, gate }],
        cohorts: None,
        start_at: None,
        windows: Windows::default(),
        rate_per_minute: None,
        retries: 0,
        timeout_minutes: 60,
        soak_minutes: 0,
        reaction: Reaction::Pause,
        revert_to: None,
        joins: false,
        downgrades: false,
        salt: String::new(),
        experiment: None,
        late_by_habit: false,
        confirmation_required: false,
    }
}

/// Written, submitted, approved and started: its word in addresses.
pub async fn started(field: &Field, plan: Plan) -> String {
    let code = field.fleet.create_rollout(&operator(), plan).await.unwrap();
    let version = field.fleet.rollout(&operator(), &code).await.unwrap().version;
    let approval = field.fleet.submit_rollout(&operator(), &code, version).await.unwrap();
    decide(field, approval).await;
    field.fleet.look_after_rollouts().await.unwrap();
    code
}
