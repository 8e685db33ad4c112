//! The end of devices' use.

use super::extract::{Answer, Document, Program};
use crate::{Console, problem::Problem};
use axum::{
    Json,
    extract::State,
    response::{IntoResponse, Response},
};
use fleet::{custody::RetireForm, devices::Selection, revocation::Outcome};
use http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

/// How the use of devices ended.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Retirement {
    /// `retire` or `destroy`.
    verb: String,
    /// The serials of the devices; or else `query`.
    #[serde(default)]
    serials: Vec<String>,
    /// A fleet query; or else `serials`.
    query: Option<String>,
    /// Why, or for `destroy` how that is known.
    #[serde(default)]
    reason: String,
    /// When; now if it is left out.
    #[serde(default)]
    #[schema(format = DateTime)]
    at: String,
    /// Where exactly.
    #[serde(default)]
    place: String,
    /// Whether the certificates are revoked with it, for good.
    #[serde(default)]
    revoke: bool,
    /// How many devices it is, where it is more than one: what the query means may have changed.
    #[serde(default)]
    confirmation: String,
}

/// What came of it.
#[derive(Debug, Serialize, ToSchema)]
pub struct RetirementShape {
    /// The ids of the new history entries.
    ids: Vec<Uuid>,
    /// The act that revokes the certificates, if one was asked for and there were any.
    revocation: Option<String>,
    /// The approval that this act waits for.
    approval: Option<String>,
}

/// Record that devices are retired or destroyed, all or none. Their tokens let nobody in any more.
#[utoipa::path(post, path = "/api/v1/retirements", operation_id = "retireDevices", tag = "Devices",
    params(("Idempotency-Key" = Option<String>, Header, description = "A name for this request, so that it can be repeated.")),
    request_body = Retirement, responses(
    (status = 201, description = "It was recorded.", body = RetirementShape),
    (status = 403, description = "The token's role doesn't allow it.", body = Problem),
    (status = 404, description = "There is no such device.", body = Problem),
    (status = 413, description = "So many devices can't be dealt with at once.", body = Problem),
    (status = 422, description = "A field is wrong, or the use of a device has ended before; `errors` says which.", body = Problem),
))]
pub async fn create(
    State(console): State<Console>,
    Program(actor): Program,
    Document(wanted): Document<Retirement>,
) -> Answer<Response> {
    let Retirement { verb, serials, query, reason, at, place, revoke, confirmation } = wanted;
    let selection = match query {
        Some(text) if serials.is_empty() => Selection::Query(text),
        Some(_) => return Err(fleet::Error::field("query", "Give a query, or serials, not both.").into()),
        None => Selection::Serials(serials),
    };
    let form = RetireForm { verb, reason, at, place, revoke, confirmation };
    let retired = console.fleet.retire(&actor, &selection, &form).await?;
    let (revocation, approval) = match retired.revocation {
        Some(Outcome::Done(id)) => (Some(id.to_string()), None),
        Some(Outcome::Waiting(approval, id)) => (Some(id.to_string()), Some(approval.to_string())),
        None => (None, None),
    };
    let shape = RetirementShape { ids: retired.entries.iter().map(|id| id.0).collect(), revocation, approval };
    Ok((StatusCode::CREATED, Json(shape)).into_response())
}
