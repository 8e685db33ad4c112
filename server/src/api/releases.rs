//! Releases: what devices can be updated to, and how far each is on its way to production.

use super::{
    extract::{Answer, Document, Key, Params, Program, limited},
    shapes::List,
};
use crate::{Console, problem::Problem};
use axum::{
    Json,
    body::{Body, to_bytes},
    extract::State,
    response::{IntoResponse, Response},
};
use domain::{
    id::{ReleaseId, UploadId},
    release::{BomComponent, Check, CheckState, GateResult, Release, SBOM_MAX, Stage},
};
use fleet::{
    Error,
    release::{
        Artifact, CheckForm, NextStage, Promoted, PromotionForm, ReleaseDetail, ReleaseFilter, ReleaseForm, ReleaseRow,
        ReleaseStep, Sbom,
    },
};
use http::{StatusCode, header};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

/// Where releases are pushed to.
pub const PATH: &str = "/api/v1/releases";
/// Where bills of materials are attached.
pub const SBOM: &str = "/api/v1/releases/{id}/sbom";

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

/// Which releases.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub struct Which {
    /// Only those that hold this component: `openssl` for all whose name begins so, `openssl@3.0` for those versions.
    #[serde(default)]
    sbom: String,
    /// Only those in this stage: `dev`, `staging`, `production` or `withdrawn`.
    #[serde(default)]
    stage: String,
    /// Only those of this product.
    #[serde(default)]
    product: String,
    /// `next` of the page before.
    #[param(value_type = Option<Uuid>)]
    before: Option<ReleaseId>,
    /// How many at once, 1 to 500; more than 200 are not given.
    #[serde(default = "usual")]
    #[param(minimum = 1, maximum = 500, default = 50)]
    limit: i64,
}

const fn usual() -> i64 {
    50
}

/// What can't be an id is not the id of anything.
fn known(id: &str) -> Result<ReleaseId, Error> {
    id.parse().map_err(|_| Error::not_found("release", id))
}

/// List releases, newest first.
#[utoipa::path(get, path = "/api/v1/releases", operation_id = "listReleases", tag = "Releases", params(Which), responses(
    (status = 200, description = "Releases.", body = Releases),
))]
pub async fn list(
    State(console): State<Console>,
    Program(actor): Program,
    Params(which): Params<Which>,
) -> Answer<Json<Releases>> {
    let stage =
        match which.stage.as_str() {
            "" => None,
            word => Some(word.parse::<Stage>().map_err(|_| {
                super::extract::wrong("stage", "Give dev, staging, production or withdrawn.".to_owned())
            })?),
        };
    let filter = ReleaseFilter { sbom: which.sbom, stage, product: which.product };
    let page = console.fleet.releases(&actor, &filter, which.before, limited(which.limit)?).await?;
    Ok(Json(Releases { items: page.rows.iter().map(Into::into).collect(), next: page.next.map(|id| id.0) }))
}

/// A release to be made of a file that was uploaded.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewRelease {
    /// What it is a release of.
    product: String,
    /// Its version, as the file says it.
    version: String,
    /// The names of the models that it fits.
    models: Vec<String>,
    /// The hardware revisions that it fits; none for all.
    #[serde(default)]
    revisions: Vec<String>,
    /// What is new in it.
    #[serde(default)]
    notes: String,
    /// The upload: the last part of its address.
    #[schema(value_type = Uuid)]
    upload: UploadId,
}

/// Make a release of a file that was uploaded. The same file once more for the same product and version is there already.
#[utoipa::path(post, path = "/api/v1/releases", operation_id = "createRelease", tag = "Releases", request_body = NewRelease,
    responses(
    (status = 201, description = "It was made, in stage `dev`.", body = ReleaseShape,
        headers(("Location" = String, description = "Where the release is."))),
    (status = 200, description = "It was there already, of the same file.", body = ReleaseShape),
    (status = 404, description = "There is no such upload of yours.", body = Problem),
    (status = 409, description = "The upload is not whole, or the version is that of another file.", body = Problem),
    (status = 422, description = "A field is wrong, or the file is refused (field `file`): not signed, signed by whom we \
        don't trust for it, altered, cut off, of another version.", body = Problem),
))]
pub async fn create(
    State(console): State<Console>,
    Program(actor): Program,
    Document(new): Document<NewRelease>,
) -> Answer<Response> {
    let NewRelease { product, version, models, revisions, notes, upload } = new;
    let form = ReleaseForm { product, version, models, revisions, notes };
    let pushed = console.fleet.push_release(&actor, &form, upload).await?;
    let status = if pushed.fresh { StatusCode::CREATED } else { StatusCode::OK };
    let location = [(header::LOCATION, format!("{PATH}/{}", pushed.release.id))];
    Ok((status, location, Json(ReleaseShape::from(&pushed.release))).into_response())
}

/// Get one release with its files, steps, checks and gates.
#[utoipa::path(get, path = "/api/v1/releases/{id}", operation_id = "getRelease", tag = "Releases",
    params(("id" = Uuid, Path, description = "The release's id.")), responses(
    (status = 200, description = "The release.", body = ReleaseDetailShape),
    (status = 404, description = "There is no such release.", body = Problem),
))]
pub async fn one(
    State(console): State<Console>,
    Program(actor): Program,
    Key(id): Key,
) -> Answer<Json<ReleaseDetailShape>> {
    let detail = console.fleet.release(&actor, known(&id)?).await?;
    Ok(Json((&detail).into()))
}

/// A promotion to be made.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewPromotion {
    /// `staging` or `production`.
    #[schema(value_type = String)]
    to: Stage,
    /// Why; may be empty.
    #[serde(default)]
    reason: String,
}

/// What came of a promotion.
#[derive(Debug, Serialize, ToSchema)]
pub struct PromotionShape {
    /// `done` or `waiting`.
    pub state: String,
    /// The approval that a second person decides, while it waits.
    pub approval: Option<Uuid>,
}

/// Let a release enter the next stage. Its files are read whole and their signatures checked again.
#[utoipa::path(post, path = "/api/v1/releases/{id}/promote", operation_id = "promoteRelease", tag = "Releases",
    params(("id" = Uuid, Path, description = "The release's id.")), request_body = NewPromotion, responses(
    (status = 200, description = "It entered the stage.", body = PromotionShape),
    (status = 202, description = "A second person has to approve it.", body = PromotionShape),
    (status = 404, description = "There is no such release.", body = Problem),
    (status = 409, description = "A gate is not met; `detail` says what is missing.", body = Problem),
    (status = 422, description = "A file is refused (field `file`).", body = Problem),
))]
pub async fn promote(
    State(console): State<Console>,
    Program(actor): Program,
    Key(id): Key,
    Document(new): Document<NewPromotion>,
) -> Answer<Response> {
    let form = PromotionForm { to: new.to, reason: new.reason };
    Ok(match console.fleet.promote_release(&actor, release_id(&id), &form).await? {
        Promoted::Done => Json(PromotionShape { state: "done".to_owned(), approval: None }).into_response(),
        Promoted::Waits(approval) => {
            let waiting = PromotionShape { state: "waiting".to_owned(), approval: Some(approval.0) };
            (StatusCode::ACCEPTED, Json(waiting)).into_response()
        }
    })
}

/// Whoever may not is told that before whether there is such a release.
fn release_id(id: &str) -> ReleaseId {
    id.parse().unwrap_or(ReleaseId(Uuid::nil()))
}

/// Why something is done.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Why {
    /// Why.
    reason: String,
}

/// Withdraw a release, for good: no device gets it from then on.
#[utoipa::path(post, path = "/api/v1/releases/{id}/withdraw", operation_id = "withdrawRelease", tag = "Releases",
    params(("id" = Uuid, Path, description = "The release's id.")), request_body = Why, responses(
    (status = 200, description = "It was withdrawn.", body = ReleaseDetailShape),
    (status = 404, description = "There is no such release.", body = Problem),
    (status = 409, description = "It was withdrawn already.", body = Problem),
))]
pub async fn withdraw(
    State(console): State<Console>,
    Program(actor): Program,
    Key(id): Key,
    Document(why): Document<Why>,
) -> Answer<Json<ReleaseDetailShape>> {
    let id = release_id(&id);
    console.fleet.withdraw_release(&actor, id, &why.reason).await?;
    Ok(Json((&console.fleet.release(&actor, id).await?).into()))
}

/// How a check of a release ended.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewCheck {
    /// Its name, as models' rules name it.
    #[schema(example = "hil")]
    name: String,
    /// `pending`, `passed` or `failed`.
    #[schema(value_type = String, example = "passed")]
    state: CheckState,
    /// Where more is said about it; may be empty.
    #[serde(default)]
    url: String,
}

/// Report how a check ended. The last report of a name counts; those before stay on record.
#[utoipa::path(post, path = "/api/v1/releases/{id}/checks", operation_id = "reportCheck", tag = "Releases",
    params(("id" = Uuid, Path, description = "The release's id.")), request_body = NewCheck, responses(
    (status = 201, description = "It was entered.", body = CheckShape),
    (status = 404, description = "There is no such release.", body = Problem),
    (status = 409, description = "It is withdrawn, or was reported on too often.", body = Problem),
))]
pub async fn check(
    State(console): State<Console>,
    Program(actor): Program,
    Key(id): Key,
    Document(new): Document<NewCheck>,
) -> Answer<Response> {
    let form = CheckForm { name: new.name, state: new.state, url: new.url };
    let check = console.fleet.report_check(&actor, release_id(&id), &form).await?;
    Ok((StatusCode::CREATED, Json(CheckShape::from(&check))).into_response())
}

/// Get a release's bill of materials as it was attached.
#[utoipa::path(get, path = "/api/v1/releases/{id}/sbom", operation_id = "getSbom", tag = "Releases",
    params(("id" = Uuid, Path, description = "The release's id.")), responses(
    (status = 200, description = "The document.", body = Object),
    (status = 404, description = "There is no such release, or it has none.", body = Problem),
))]
pub async fn sbom(State(console): State<Console>, Program(actor): Program, Key(id): Key) -> Answer<Response> {
    let attached = console.fleet.sbom_document(&actor, known(&id)?).await?;
    Ok(([(header::CONTENT_TYPE, "application/json")], attached.document).into_response())
}

/// Attach a bill of materials: CycloneDX or SPDX 2, as JSON. A release has one.
#[utoipa::path(post, path = "/api/v1/releases/{id}/sbom", operation_id = "attachSbom", tag = "Releases",
    params(("id" = Uuid, Path, description = "The release's id.")),
    request_body(description = "The document, as it is.", content = Object), responses(
    (status = 200, description = "It is attached.", body = SbomShape),
    (status = 404, description = "There is no such release.", body = Problem),
    (status = 409, description = "The release has another one.", body = Problem),
    (status = 413, description = "The document is larger than 16 MiB.", body = Problem),
    (status = 422, description = "The document can't be read (field `sbom`).", body = Problem),
))]
pub async fn attach(
    State(console): State<Console>,
    Program(actor): Program,
    Key(id): Key,
    body: Body,
) -> Answer<Json<SbomShape>> {
    let too_large = |_| Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "The document is larger than 16 MiB.");
    let document = to_bytes(body, SBOM_MAX).await.map_err(too_large)?;
    let sbom = console.fleet.attach_sbom(&actor, release_id(&id), document).await?;
    Ok(Json((&sbom).into()))
}

/// One component of a release.
#[derive(Debug, Serialize, ToSchema)]
pub struct ReleaseComponent {
    /// Its name.
    pub name: String,
    /// Its version; may be empty.
    pub version: String,
    /// Its package URL; may be empty.
    pub purl: String,
}

impl From<BomComponent> for ReleaseComponent {
    fn from(component: BomComponent) -> Self {
        Self { name: component.name, version: component.version, purl: component.purl }
    }
}

/// Which components.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub struct Components {
    /// Only those whose name begins so, or `openssl@3.0`.
    #[serde(default)]
    name: String,
    /// How many to leave out at the beginning.
    #[serde(default)]
    #[param(minimum = 0, default = 0)]
    after: i64,
    /// How many at once, 1 to 500.
    #[serde(default = "usual")]
    #[param(minimum = 1, maximum = 500, default = 50)]
    limit: i64,
}

/// List what a release is made of, by name.
#[utoipa::path(get, path = "/api/v1/releases/{id}/components", operation_id = "listReleaseComponents", tag = "Releases",
    params(("id" = Uuid, Path, description = "The release's id."), Components), responses(
    (status = 200, description = "Components; none where no bill of materials is attached.", body = List<ReleaseComponent>),
))]
pub async fn components(
    State(console): State<Console>,
    Program(actor): Program,
    Key(id): Key,
    Params(which): Params<Components>,
) -> Answer<Json<List<ReleaseComponent>>> {
    let (id, limit) = (known(&id)?, limited(which.limit)?);
    let found = console.fleet.sbom_components(&actor, id, &which.name, which.after.max(0), limit).await?;
    Ok(Json(List { items: found.into_iter().map(Into::into).collect() }))
}
