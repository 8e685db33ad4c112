//! What releases are made of.

use super::{by_its_id, known, release_id, shapes::SbomShape, usual};
use crate::{
    Console,
    api::{
        extract::{Answer, Key, Params, Program, limited},
        shapes::List,
    },
    problem::Problem,
};
use axum::{
    Json,
    body::{Body, to_bytes},
    extract::State,
    response::{IntoResponse, Response},
};
use domain::release::{BomComponent, SBOM_MAX};
use http::{StatusCode, header};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

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
    let sbom = console.fleet.attach_sbom(&actor, release_id(&id), document).await.map_err(by_its_id(&id))?;
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
