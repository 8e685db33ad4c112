//! Releases as the API shows them.

use domain::release::{Check, GateResult, Release};
use fleet::release::{Artifact, NextStage, ReleaseDetail, ReleaseRow, ReleaseStep, Sbom};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

/// A release.
#[derive(Debug, Serialize, ToSchema)]
pub struct ReleaseShape {
    /// Its id; later releases have larger ones.
    pub id: Uuid,
    /// What it is a release of.
    #[schema(example = "gateway-os")]
    pub product: String,
    /// Its version, as devices report it once they run it.
    #[schema(example = "1.4.2")]
    pub version: String,
    /// `swu`, `rauc`, `deb` or `ostree`.
    pub kind: String,
    /// The names of the models that it fits.
    pub models: Vec<String>,
    /// The hardware revisions that it fits; none for all.
    pub revisions: Vec<String>,
    /// What is new in it; may be empty.
    pub notes: String,
    /// `dev`, `staging`, `production` or `withdrawn`.
    pub stage: String,
    /// Since when.
    #[schema(format = DateTime)]
    pub stage_at: String,
    /// Who pushed it.
    pub created_by: String,
    /// When.
    #[schema(format = DateTime)]
    pub created_at: String,
}

impl From<&Release> for ReleaseShape {
    fn from(release: &Release) -> Self {
        Self {
            id: release.id.0,
            product: release.product.clone(),
            version: release.version.clone(),
            kind: release.kind.to_string(),
            models: release.models.clone(),
            revisions: release.revisions.clone(),
            notes: release.notes.clone(),
            stage: release.stage.to_string(),
            stage_at: release.stage_at.rfc3339(),
            created_by: release.created_by.clone(),
            created_at: release.created_at.rfc3339(),
        }
    }
}

/// What became of one gate.
#[derive(Debug, Serialize, ToSchema)]
pub struct GateShape {
    /// `order`, `check`, `soak`, `verified` or `person`.
    pub gate: String,
    /// The check or the model; empty for the others.
    pub about: String,
    /// Whether it is met. That of a second person never is before they decide.
    pub met: bool,
    /// What is missing; once it is met, by what.
    pub told: String,
}

impl From<&GateResult> for GateShape {
    fn from(gate: &GateResult) -> Self {
        Self { gate: gate.gate.to_string(), about: gate.about.clone(), met: gate.met, told: gate.told.clone() }
    }
}

/// The stage after the present one, and what stands before it.
#[derive(Debug, Serialize, ToSchema)]
pub struct NextShape {
    /// The stage.
    pub to: String,
    /// Whether it may be asked for now: nothing is missing but perhaps a second person.
    pub open: bool,
    /// What its gates say now.
    pub gates: Vec<GateShape>,
}

impl From<&NextStage> for NextShape {
    fn from(next: &NextStage) -> Self {
        let open = !next.gates.iter().any(GateResult::blocks);
        Self { to: next.to.to_string(), open, gates: next.gates.iter().map(Into::into).collect() }
    }
}

/// A release in a list.
#[derive(Debug, Serialize, ToSchema)]
pub struct ReleaseRowShape {
    /// The release.
    #[serde(flatten)]
    pub release: ReleaseShape,
    /// What stands before the next stage, if there is one.
    pub next_stage: Option<NextShape>,
}

impl From<&ReleaseRow> for ReleaseRowShape {
    fn from(row: &ReleaseRow) -> Self {
        Self { release: (&row.release).into(), next_stage: row.next.as_ref().map(Into::into) }
    }
}

/// A page of releases.
#[derive(Debug, Serialize, ToSchema)]
pub struct Releases {
    /// The releases, newest first.
    pub items: Vec<ReleaseRowShape>,
    /// What to send as `before` for the next page, if there is one.
    pub next: Option<Uuid>,
}

/// Who signed a file.
#[derive(Debug, Serialize, ToSchema)]
pub struct SignerShape {
    /// The name in the certificate.
    pub name: String,
    /// The certificate's serial number, in hexadecimal.
    pub serial: String,
}

/// A file of a release.
#[derive(Debug, Serialize, ToSchema)]
pub struct ArtifactShape {
    /// By which devices ask for it.
    pub number: i64,
    /// Its name.
    pub file_name: String,
    /// Its size, in bytes.
    pub size: i64,
    /// MD5, in hexadecimal.
    pub md5: String,
    /// SHA-1, in hexadecimal.
    pub sha1: String,
    /// SHA-256, in hexadecimal.
    pub sha256: String,
    /// Who signed it.
    pub signers: Vec<SignerShape>,
    /// The hardware revisions that the file says it is for.
    pub hardware: Vec<String>,
    /// When it was last found whole and well signed.
    #[schema(format = DateTime)]
    pub checked_at: String,
}

impl From<&Artifact> for ArtifactShape {
    fn from(file: &Artifact) -> Self {
        let signers = file.signers.iter();
        Self {
            number: file.number,
            file_name: file.file_name.clone(),
            size: file.size,
            md5: file.md5.clone(),
            sha1: file.sha1.clone(),
            sha256: file.sha256.clone(),
            signers: signers.map(|s| SignerShape { name: s.name.clone(), serial: s.serial.clone() }).collect(),
            hardware: file.hardware.clone(),
            checked_at: file.checked_at.rfc3339(),
        }
    }
}

/// A step of a release.
#[derive(Debug, Serialize, ToSchema)]
pub struct StepShape {
    /// When.
    #[schema(format = DateTime)]
    pub at: String,
    /// The stage that it entered.
    pub stage: String,
    /// Who asked for it.
    pub by: String,
    /// Who approved it; empty where nobody had to.
    pub approved_by: String,
    /// Why; may be empty.
    pub reason: String,
    /// What the gates said then.
    pub gates: Vec<GateShape>,
}

impl From<&ReleaseStep> for StepShape {
    fn from(step: &ReleaseStep) -> Self {
        Self {
            at: step.at.rfc3339(),
            stage: step.stage.to_string(),
            by: step.by.clone(),
            approved_by: step.approved_by.clone(),
            reason: step.reason.clone(),
            gates: step.gates.iter().map(Into::into).collect(),
        }
    }
}

/// How a check ended.
#[derive(Debug, Serialize, ToSchema)]
pub struct CheckShape {
    /// Its name.
    pub name: String,
    /// `pending`, `passed` or `failed`.
    pub state: String,
    /// Where more is said about it; may be empty.
    pub url: String,
    /// When it was told.
    #[schema(format = DateTime)]
    pub at: String,
    /// By whom.
    pub by: String,
}

impl From<&Check> for CheckShape {
    fn from(check: &Check) -> Self {
        Self {
            name: check.name.clone(),
            state: check.state.to_string(),
            url: check.url.clone(),
            at: check.at.rfc3339(),
            by: check.by.clone(),
        }
    }
}

/// A bill of materials, without what it lists.
#[derive(Debug, Serialize, ToSchema)]
pub struct SbomShape {
    /// `cyclonedx` or `spdx`.
    pub format: String,
    /// The document's SHA-256, in hexadecimal.
    pub sha256: String,
    /// How many components it lists.
    pub components: i64,
}

impl From<&Sbom> for SbomShape {
    fn from(sbom: &Sbom) -> Self {
        Self { format: sbom.format.to_string(), sha256: sbom.sha256.clone(), components: sbom.components }
    }
}

/// A release with all that belongs to it.
#[derive(Debug, Serialize, ToSchema)]
pub struct ReleaseDetailShape {
    /// The release.
    #[serde(flatten)]
    pub release: ReleaseShape,
    /// Its files.
    pub artifacts: Vec<ArtifactShape>,
    /// Its steps, oldest first.
    pub steps: Vec<StepShape>,
    /// The last that was told of each check, by name.
    pub checks: Vec<CheckShape>,
    /// What it is made of, if that was said.
    pub sbom: Option<SbomShape>,
    /// What stands before the next stage, if there is one.
    pub next_stage: Option<NextShape>,
    /// Why devices don't get it any more although it isn't withdrawn: who signed it was revoked, is on hold, or their
    /// certificate has ended.
    pub unsafe_because: Option<String>,
}

impl From<&ReleaseDetail> for ReleaseDetailShape {
    fn from(detail: &ReleaseDetail) -> Self {
        Self {
            release: (&detail.release).into(),
            artifacts: detail.files.iter().map(Into::into).collect(),
            steps: detail.steps.iter().map(Into::into).collect(),
            checks: detail.checks.iter().map(Into::into).collect(),
            sbom: detail.sbom.as_ref().map(Into::into),
            next_stage: detail.next.as_ref().map(Into::into),
            unsafe_because: detail.unsafe_because.clone(),
        }
    }
}
