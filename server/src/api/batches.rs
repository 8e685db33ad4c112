//! Production batches.

use super::{
    extract::{Answer, Key, Program},
    history::JSON_LD,
    shapes::{BatchShape, List},
};
use crate::{Console, problem::Problem};
use axum::{
    Json,
    body::Body,
    extract::State,
    response::{IntoResponse, Response},
};
use http::header;

/// List all batches, newest first.
#[utoipa::path(get, path = "/api/v1/batches", operation_id = "listBatches", tag = "Batches", responses(
    (status = 200, description = "Batches, and how many devices of each there are.", body = List<BatchShape>),
))]
pub async fn list(State(console): State<Console>, Program(actor): Program) -> Answer<Json<List<BatchShape>>> {
    let found = console.fleet.batches(&actor).await?;
    let shape = |(batch, devices): &(_, i64)| BatchShape::of(batch, *devices, &found.catalogue);
    Ok(Json(List { items: found.batches.iter().map(shape).collect() }))
}

/// Get one batch.
#[utoipa::path(get, path = "/api/v1/batches/{code}", operation_id = "getBatch", tag = "Batches",
    params(("code" = String, Path, description = "The batch's code.")), responses(
    (status = 200, description = "The batch.", body = BatchShape),
    (status = 404, description = "There is no such batch.", body = Problem),
))]
pub async fn one(State(console): State<Console>, Program(actor): Program, Key(code): Key) -> Answer<Json<BatchShape>> {
    let (batch, devices, catalogue) = console.fleet.batch(&actor, &code).await?;
    Ok(Json(BatchShape::of(&batch, devices, &catalogue)))
}

/// Get the history of all devices of a batch as one GS1 EPCIS 2.0 document. It is sent as it is read.
#[utoipa::path(get, path = "/api/v1/batches/{code}/epcis", operation_id = "getBatchEpcis", tag = "Batches",
    params(("code" = String, Path, description = "The batch's code.")), responses(
    (status = 200, description = "An EPCIS document.", body = Object, content_type = "application/ld+json"),
    (status = 404, description = "There is no such batch.", body = Problem),
))]
pub async fn epcis(State(console): State<Console>, Program(actor): Program, Key(code): Key) -> Answer<Response> {
    let pieces = console.fleet.epcis_of_batch(&actor, &code).await?;
    Ok(([(header::CONTENT_TYPE, JSON_LD)], Body::from_stream(pieces)).into_response())
}
