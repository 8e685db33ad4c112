//! Thousands of devices at once, for stations that speak JSON.

use super::{
    answer::{failed, told},
    est::unread,
    known::Enroller,
};
use crate::misplaced;
use axum::{
    Json,
    body::Bytes,
    extract::{Path, State, rejection::BytesRejection},
    response::{IntoResponse, Response},
};
use fleet::{
    Fleet,
    enrol::{EnrolItem, EnrolOutcome},
};
use http::StatusCode;
use serde::Deserialize;
use serde_json::{Value, json};

/// What a station sends.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Enrolments {
    devices: Vec<EnrolItem>,
}

/// Enrols them. Each has an answer of its own, in the order in which they were sent.
pub async fn enrol(
    State(fleet): State<Fleet>,
    // Strangers are told so before their body is read, and who may enrol waits for a turn.
    Enroller { actor, turn }: Enroller,
    Path(batch): Path<String>,
    body: Result<Bytes, BytesRejection>,
) -> Response {
    let body = match body {
        Ok(body) => body,
        Err(problem) => return unread(&problem),
    };
    let wanted: Enrolments = match serde_json::from_slice(&body) {
        Ok(wanted) => wanted,
        Err(problem) => {
            let why = format!(
                "Send JSON like {{\"devices\": [{{\"serial\": …, \"csr\": …}}]}}. {}",
                misplaced::words(&problem.to_string())
            );
            return told(StatusCode::BAD_REQUEST, &why);
        }
    };
    drop(body);
    let answer = match fleet.enrol_many(&actor, &batch, wanted.devices).await {
        Ok(outcomes) => Json(json!({"devices": outcomes.iter().map(outcome).collect::<Vec<_>>()})).into_response(),
        Err(error) => failed(&error),
    };
    drop(turn);
    answer
}

fn outcome(outcome: &EnrolOutcome) -> Value {
    match &outcome.outcome {
        Ok(enrolled) => json!({
            "serial": outcome.serial, "made": outcome.made,
            "certificate_serial": enrolled.certificate.serial_hex(), "certificate": enrolled.pem(),
        }),
        Err(why) => json!({"serial": outcome.serial, "made": false, "error": why}),
    }
}
