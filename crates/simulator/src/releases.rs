//! Releases of a made-up fleet, by the deeds that people and pipelines do: a pipeline that may sign code, and a product for
//! each model with a release in every stage.

use crate::{Travel, demo::Plan, image::Image};
use bytes::Bytes;
use domain::{
    approval::ApprovalState,
    certificate::CertificatePurpose,
    id::ReleaseId,
    release::{CheckState, Stage, StageRule},
    time::{DAY, HOUR, MINUTE, Timestamp},
};
use fleet::{
    Actor, Error, Fleet, Result,
    certificate::CertificateFilter,
    enrol::CodeSigningForm,
    release::{CheckForm, Promoted, PromotionForm, ReleaseForm, StageForm, UploadForm},
};
use futures::stream;
use pki::{Certificate, KeyAlgorithm, Name, Signer, SoftwareKey};
use std::convert::Infallible;

/// Whose the signatures are.
const PIPELINE: &str = "gateway-os pipeline";
/// How large the made-up file systems are, in bytes.
const ROOTFS: usize = 96 * 1024;

/// Who pushes and promotes, who approves, and who sets the rules.
#[derive(Clone, Copy, Debug)]
pub struct Crew<'a> {
    /// Pushes and promotes.
    pub operator: &'a Actor,
    /// The second person.
    pub manager: &'a Actor,
    /// Sets the rules of models.
    pub admin: &'a Actor,
}

/// A release that was pushed so many days before the present.
struct Past {
    product: &'static str,
    version: &'static str,
    model: &'static str,
    revisions: &'static [&'static str],
    days: i64,
    reached: Stage,
    notes: &'static str,
}

const PAST: &[Past] = &[
    Past {
        product: "gateway-os",
        version: "1.4.0",
        model: "GW-200",
        revisions: &[],
        days: 262,
        reached: Stage::Withdrawn,
        notes: "Kernel 6.1.94. First release with the new modem daemon.",
    },
    Past {
        product: "gateway-os",
        version: "1.4.2",
        model: "GW-200",
        revisions: &[],
        days: 212,
        reached: Stage::Production,
        notes: "The modem daemon no longer loses its APN after a brown-out.",
    },
    Past {
        product: "camera-os",
        version: "3.1.4",
        model: "CAM-80",
        revisions: &[],
        days: 122,
        reached: Stage::Production,
        notes: "Night mode switches without flicker. Certificates are renewed 30 days before they end.",
    },
    Past {
        product: "gateway-os",
        version: "1.5.0",
        model: "GW-200",
        revisions: &[],
        days: 13,
        reached: Stage::Production,
        notes: "OpenSSL 3.0.15. Updates are written while the gateway goes on working.",
    },
    Past {
        product: "gateway-os",
        version: "1.5.1",
        model: "GW-200",
        revisions: &[],
        days: 10,
        reached: Stage::Production,
        notes: "Services start beside each other, so that gateways are up sooner.",
    },
    Past {
        product: "gateway-os",
        version: "1.6.0-rc1",
        model: "GW-200",
        revisions: &["C"],
        days: 4,
        reached: Stage::Staging,
        notes: "First candidate with the key store in the secure element, for revision C.",
    },
    Past {
        product: "camera-os",
        version: "3.2.0-rc1",
        model: "CAM-80",
        revisions: &[],
        days: 1,
        reached: Stage::Dev,
        notes: "Pictures are kept for an hour while there is no network.",
    },
];

/// Makes the releases that a fleet doesn't have yet.
///
/// # Errors
/// When the database or the data folder fails.
pub async fn happen(fleet: &Fleet, travel: &Travel, plan: Plan, crew: Crew<'_>) -> Result<()> {
    let made = make(fleet, travel, plan, crew).await;
    travel.home();
    made
}

async fn make(fleet: &Fleet, travel: &Travel, plan: Plan, crew: Crew<'_>) -> Result<()> {
    let mut missing = Vec::new();
    for past in PAST {
        match fleet.release_named(crew.operator, past.product, past.version).await {
            Ok(_) => {}
            Err(Error::NotFound { .. }) => missing.push(past),
            Err(error) => return Err(error),
        }
    }
    if missing.is_empty() {
        return Ok(());
    }
    let first = PAST.iter().map(|past| past.days).max().unwrap_or_default();
    let begun = plan.now.plus(-(first + 2) * DAY);
    travel.to(begun);
    let Some((certificate, key)) = signer(fleet, crew).await? else { return Ok(()) };
    let rules = |soak_hours| StageRule { checks: vec!["hil".to_owned()], soak_hours, verified: 0, second_person: true };
    for (model, soak_hours) in [("GW-200", 120), ("CAM-80", 48)] {
        let form = StageForm { stage: Stage::Production, rule: rules(soak_hours) };
        fleet.change_stage_rule(crew.admin, model, &form).await?;
    }
    let story = Story { fleet, travel, crew, now: plan.now, certificate, key };
    for past in missing {
        story.tell(past).await?;
    }
    Ok(())
}

/// A certificate for signing code, asked for by one and approved by another.
async fn signer(fleet: &Fleet, crew: Crew<'_>) -> Result<Option<(Certificate, SoftwareKey)>> {
    let key = SoftwareKey::generate(KeyAlgorithm::EcdsaP256).map_err(Error::internal)?;
    let csr = pki::certificate_request(&Name::common(PIPELINE), &key).map_err(Error::internal)?;
    let form = CodeSigningForm { name: PIPELINE.to_owned(), csr: pki::request_pem(&csr), days: Some(730) };
    let approval = match fleet.request_code_signing(crew.operator, &form).await {
        Ok(approval) => approval,
        // A fleet without an operations CA has nobody who could sign.
        Err(Error::Conflict(_)) => return Ok(None),
        Err(error) => return Err(error),
    };
    approve(fleet, crew.manager, approval).await?;
    let filter = CertificateFilter { purpose: Some(CertificatePurpose::CodeSigning), ..CertificateFilter::default() };
    for row in fleet.certificates(crew.operator, &filter).await?.rows {
        let detail = fleet.certificate(crew.operator, &row.authority_slug, &row.serial).await?;
        if detail.certificate.public_key() == key.public_key() {
            return Ok(Some((detail.certificate, key)));
        }
    }
    Ok(None)
}

/// Approves what the manager was asked.
pub(crate) async fn approve(fleet: &Fleet, manager: &Actor, id: domain::id::ApprovalId) -> Result<()> {
    let shown = fleet.approval(manager, id).await?;
    if shown.row.state == ApprovalState::Waiting {
        fleet.decide(manager, id, &shown.row.hash, true, "").await?;
    }
    Ok(())
}

/// Told one release after another.
struct Story<'a> {
    fleet: &'a Fleet,
    travel: &'a Travel,
    crew: Crew<'a>,
    now: Timestamp,
    certificate: Certificate,
    key: SoftwareKey,
}

impl Story<'_> {
    async fn tell(&self, past: &Past) -> Result<()> {
        let pushed = self.now.plus(-past.days * DAY + 9 * HOUR);
        self.travel.to(pushed);
        let id = self.push(past).await?;
        self.travel.to(pushed.plus(2 * MINUTE));
        self.fleet.attach_sbom(self.crew.operator, id, bom(past)).await?;
        self.check(id, "unit", CheckState::Passed).await?;
        self.check(id, "hil", CheckState::Pending).await?;
        if past.reached == Stage::Dev {
            return Ok(());
        }
        self.travel.to(pushed.plus(3 * HOUR));
        self.check(id, "hil", CheckState::Passed).await?;
        self.promote(id, Stage::Staging, "Hardware in the loop is green").await?;
        if past.reached == Stage::Staging {
            return Ok(());
        }
        self.travel.to(pushed.plus(6 * DAY));
        self.promote(id, Stage::Production, "A week in staging without a fault").await?;
        if past.reached == Stage::Withdrawn {
            self.travel.to(pushed.plus(20 * DAY));
            let why = "The modem daemon may lose its APN after a brown-out; 1.4.2 takes its place";
            self.fleet.withdraw_release(self.crew.operator, id, why).await?;
        }
        Ok(())
    }

    async fn push(&self, past: &Past) -> Result<ReleaseId> {
        // What would be a file system in earnest: bytes that differ from release to release.
        let rootfs: Vec<u8> = past.version.bytes().cycle().take(ROOTFS).collect();
        let hardware: &[&str] = if past.revisions.is_empty() { &["A", "B", "C"] } else { past.revisions };
        let image = Image { version: past.version, hardware, files: &[("rootfs.ext4.gz", &rootfs)] };
        let content = image.signed(&self.certificate, &self.key)?;
        let file_name = format!("{}-{}.swu", past.product, past.version);
        let size = i64::try_from(content.len()).unwrap_or(i64::MAX);
        let operator = self.crew.operator;
        let upload = UploadForm { file_name, size, sha256: String::new() };
        let upload = self.fleet.begin_upload(operator, &upload).await?;
        let arriving = stream::iter([Ok::<_, Infallible>(content)]);
        self.fleet.append_upload(operator, upload.id, 0, arriving).await?;
        let form = ReleaseForm {
            product: past.product.to_owned(),
            version: past.version.to_owned(),
            models: vec![past.model.to_owned()],
            revisions: past.revisions.iter().map(|name| (*name).to_owned()).collect(),
            notes: past.notes.to_owned(),
        };
        Ok(self.fleet.push_release(operator, &form, upload.id).await?.release.id)
    }

    async fn check(&self, id: ReleaseId, name: &str, state: CheckState) -> Result<()> {
        let url = format!("https://ci.muster.example/pipelines/{name}");
        let form = CheckForm { name: name.to_owned(), state, url };
        self.fleet.report_check(self.crew.operator, id, &form).await.map(drop)
    }

    async fn promote(&self, id: ReleaseId, to: Stage, reason: &str) -> Result<()> {
        let form = PromotionForm { to, reason: reason.to_owned() };
        match self.fleet.promote_release(self.crew.operator, id, &form).await? {
            Promoted::Done => Ok(()),
            Promoted::Waits(approval) => approve(self.fleet, self.crew.manager, approval).await,
        }
    }
}

/// What such an image is made of.
fn bom(past: &Past) -> Bytes {
    let openssl = if past.version.starts_with("1.4") { "3.0.14" } else { "3.0.15" };
    let parts = [
        ("linux", "6.1.119"),
        ("busybox", "1.36.1"),
        ("glibc", "2.36"),
        ("openssl", openssl),
        ("systemd", "252.31"),
        ("swupdate", "2022.12"),
        ("modemmanager", "1.20.4"),
        ("curl", "7.88.1"),
        ("dropbear", "2022.83"),
        ("u-boot", "2023.01"),
        ("zlib", "1.2.13"),
    ];
    let component = |(name, version): (&str, &str)| {
        serde_json::json!({
            "type": "library", "name": name, "version": version, "purl": format!("pkg:generic/{name}@{version}"),
        })
    };
    let components: Vec<_> = parts.into_iter().map(component).collect();
    let document = serde_json::json!({
        "bomFormat": "CycloneDX", "specVersion": "1.6", "version": 1,
        "metadata": {"component": {"type": "firmware", "name": past.product, "version": past.version}},
        "components": components,
    });
    Bytes::from(document.to_string())
}
