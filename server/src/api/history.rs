//! A device's history: reading it, adding to it, and giving it out as EPCIS.

use super::{
    extract::{Answer, Document, Key, Program},
    shapes::{EntryShape, List, Recorded},
};
use crate::{Console, problem::Problem};
use axum::{
    Json,
    extract::State,
    response::{IntoResponse, Response},
};
use fleet::custody::CustodyForm;
use http::{StatusCode, header};
use serde::Deserialize;
use utoipa::ToSchema;

/// The content type of EPCIS documents.
pub const JSON_LD: &str = "application/ld+json";

/// List a device's history, oldest first.
#[utoipa::path(get, path = "/api/v1/devices/{serial}/history", operation_id = "listDeviceHistory", tag = "Devices",
    params(("serial" = String, Path, description = "The device's serial.")), responses(
    (status = 200, description = "Its history.", body = List<EntryShape>),
    (status = 404, description = "There is no such device.", body = Problem),
))]
pub async fn list(
    State(console): State<Console>,
    Program(actor): Program,
    Key(serial): Key,
) -> Answer<Json<List<EntryShape>>> {
    let record = console.fleet.device_record(&actor, &serial).await?;
    Ok(Json(List { items: record.history.iter().map(Into::into).collect() }))
}

/// Get a device's history as a GS1 EPCIS 2.0 document.
#[utoipa::path(get, path = "/api/v1/devices/{serial}/epcis", operation_id = "getDeviceEpcis", tag = "Devices",
    params(("serial" = String, Path, description = "The device's serial.")), responses(
    (status = 200, description = "An EPCIS document.", body = Object, content_type = "application/ld+json"),
    (status = 404, description = "There is no such device.", body = Problem),
))]
pub async fn epcis(State(console): State<Console>, Program(actor): Program, Key(serial): Key) -> Answer<Response> {
    let document = console.fleet.epcis_text_of_device(&actor, &serial).await?;
    Ok(([(header::CONTENT_TYPE, JSON_LD)], document).into_response())
}

/// What happened to a device in somebody's hands.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Custody {
    /// `ship`, `receive`, `transfer` or `return`.
    verb: String,
    /// The code of the custodian: to whom, or who received it.
    custodian: String,
    /// For `ship`, the code of the custodian who carries it.
    #[serde(default)]
    carrier: String,
    /// When; now if it is left out.
    #[serde(default)]
    #[schema(format = DateTime)]
    at: String,
    /// Where exactly.
    #[serde(default)]
    place: String,
    /// A document number; for `return`, the reason.
    #[serde(default)]
    reference: String,
}

/// Record a change of custody.
#[utoipa::path(post, path = "/api/v1/devices/{serial}/custody", operation_id = "recordCustody", tag = "Devices",
    params(
        ("serial" = String, Path, description = "The device's serial."),
        ("Idempotency-Key" = Option<String>, Header, description = "A name for this request, so that it can be repeated."),
    ),
    request_body = Custody, responses(
    (status = 201, description = "It was recorded.", body = Recorded),
    (status = 403, description = "The token's role doesn't allow it.", body = Problem),
    (status = 404, description = "There is no such device.", body = Problem),
    (status = 422, description = "A field is wrong; `errors` says which.", body = Problem),
))]
pub async fn record_custody(
    State(console): State<Console>,
    Program(actor): Program,
    Key(serial): Key,
    Document(custody): Document<Custody>,
) -> Answer<Response> {
    let Custody { verb, custodian, carrier, at, place, reference } = custody;
    let form = CustodyForm { verb, custodian, carrier, at, place, reference };
    let id = console.fleet.record_custody(&actor, &serial, &form).await?;
    Ok((StatusCode::CREATED, Json(Recorded { id: id.0 })).into_response())
}

/// A note on a device.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Note {
    /// The note, of 1 to 4,000 characters.
    text: String,
}

/// Write a note on a device.
#[utoipa::path(post, path = "/api/v1/devices/{serial}/notes", operation_id = "addNote", tag = "Devices",
    params(
        ("serial" = String, Path, description = "The device's serial."),
        ("Idempotency-Key" = Option<String>, Header, description = "A name for this request, so that it can be repeated."),
    ),
    request_body = Note, responses(
    (status = 201, description = "It was written.", body = Recorded),
    (status = 403, description = "The token's role doesn't allow it.", body = Problem),
    (status = 404, description = "There is no such device.", body = Problem),
    (status = 422, description = "The note is empty or too long.", body = Problem),
))]
pub async fn add_note(
    State(console): State<Console>,
    Program(actor): Program,
    Key(serial): Key,
    Document(note): Document<Note>,
) -> Answer<Response> {
    let id = console.fleet.add_note(&actor, &serial, &note.text).await?;
    Ok((StatusCode::CREATED, Json(Recorded { id: id.0 })).into_response())
}
