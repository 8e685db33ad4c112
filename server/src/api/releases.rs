//! Releases: what devices can be updated to, and how far each is on its way to production.

pub mod bom;
pub mod shapes;
pub mod steps;

use super::extract::{Answer, Document, Key, Params, Program, limited};
use crate::{Console, problem::Problem};
use axum::{
    Json,
    extract::State,
    response::{IntoResponse, Response},
};
use domain::{
    id::{ReleaseId, UploadId},
    release::Stage,
};
use fleet::{
    Error,
    release::{ReleaseFilter, ReleaseForm},
};
use http::{StatusCode, header};
use serde::Deserialize;
use shapes::{ReleaseDetailShape, ReleaseShape, Releases};
use utoipa::ToSchema;
use uuid::Uuid;

/// Where releases are pushed to.
pub const PATH: &str = "/api/v1/releases";
/// Where bills of materials are attached.
pub const SBOM: &str = "/api/v1/releases/{id}/sbom";

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
    (status = 200, description = "It was there already, of the same file, or another request made it of this upload meanwhile.", body = ReleaseShape),
    (status = 404, description = "There is no such upload of yours; it may have expired.", body = Problem),
    (status = 409, description = "The upload is not whole, another request has its file at the moment, or another release was made of \
        it; or the version is that of another file, or this file's for other models or revisions; or the file was withdrawn.",
        body = Problem),
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

/// Whoever may not is told that before whether there is such a release.
fn release_id(id: &str) -> ReleaseId {
    id.parse().unwrap_or(ReleaseId(Uuid::nil()))
}

/// That there is no such release, by what was asked for.
fn by_its_id(id: &str) -> impl FnOnce(Error) -> Error {
    move |error| match error {
        Error::NotFound { what: what @ "release", .. } => Error::not_found(what, id),
        error => error,
    }
}
