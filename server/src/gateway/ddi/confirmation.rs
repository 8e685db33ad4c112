//! Asking a device's user whether it may be updated (hawkBit's `confirmationBase`): what there is to agree to, the answer, and
//! agreeing to everything beforehand.

use super::{
    Controller,
    answer::{Problem, failed, ok},
    deployment::{Asked, action_of, shown_as},
    feedback::{read_answer, read_switch},
    own_address_of,
};
use axum::{
    body::Bytes,
    extract::{
        OriginalUri, Path, Query, State,
        rejection::{BytesRejection, QueryRejection},
    },
    response::{IntoResponse, Response},
};
use fleet::{
    Error, Fleet,
    update::{Confirmations, Heard, UpdateLink},
};
use http::{HeaderMap, StatusCode};
use serde_json::{Map, Value, json};
use std::collections::HashMap;

/// Whether a device's user is asked, and for what now.
pub async fn confirmations(
    State(fleet): State<Fleet>,
    Controller { actor, .. }: Controller,
    OriginalUri(uri): OriginalUri,
    headers: HeaderMap,
) -> Response {
    match fleet.confirmations(&actor).await {
        Ok(found) => ok(&told(&found, &own_address_of(&headers, &uri))),
        Err(error) => failed(&error),
    }
}

fn told(found: &Confirmations, own: &str) -> Value {
    let mut links = Map::new();
    let mut link = |name: &str, rest: String| {
        links.insert(name.to_owned(), json!({"href": format!("{own}/confirmationBase/{rest}")}));
    };
    let auto = match &found.auto {
        Some(auto) => {
            link("deactivateAutoConfirm", "deactivateAutoConfirm".to_owned());
            let mut told = json!({"active": true, "activatedAt": auto.activated_at.0.div_euclid(1_000)});
            for (name, text) in [("initiator", &auto.initiator), ("remark", &auto.remark)] {
                if let Some(told) = told.as_object_mut().filter(|_| !text.is_empty()) {
                    told.insert(name.to_owned(), json!(text));
                }
            }
            told
        }
        None => {
            link("activateAutoConfirm", "activateAutoConfirm".to_owned());
            json!({"active": false})
        }
    };
    if let Some(UpdateLink::Confirmation { id, tag }) = found.waiting {
        link("confirmationBase", format!("{id}?c={tag}"));
    }
    json!({"autoConfirm": auto, "_links": links})
}

/// What a device's user is asked to agree to: what would be installed, as it is told of once that one agreed.
pub async fn confirmation(
    State(fleet): State<Fleet>,
    Controller { actor, .. }: Controller,
    Path(path): Path<HashMap<String, String>>,
    asked: Result<Query<Asked>, QueryRejection>,
    OriginalUri(uri): OriginalUri,
    headers: HeaderMap,
) -> Response {
    let history = asked.ok().and_then(|Query(asked)| asked.history());
    let found = match action_of(&path) {
        Ok(id) => fleet.confirmation(&actor, id, history).await,
        Err(problem) => return problem.into_response(),
    };
    match found {
        Ok(deployment) => ok(&shown_as("confirmation", &deployment, &own_address_of(&headers, &uri))),
        Err(error) => failed(&error),
    }
}

/// What a device's user says.
pub async fn feedback(
    State(fleet): State<Fleet>,
    Controller { actor, .. }: Controller,
    Path(path): Path<HashMap<String, String>>,
    body: Result<Bytes, BytesRejection>,
) -> Response {
    let id = match action_of(&path) {
        Ok(id) => id,
        Err(problem) => return problem.into_response(),
    };
    let body = match whole(body) {
        Ok(body) => body,
        Err(problem) => return problem.into_response(),
    };
    let Some(said) = read_answer(&body) else { return Problem::Unreadable.into_response() };
    match fleet.user_answers(&actor, id, &said).await {
        Ok(Heard::Taken) => StatusCode::OK.into_response(),
        Ok(Heard::Closed) => Problem::Closed.into_response(),
        Err(error) => failed(&error),
    }
}

/// Agrees to everything from now on. Who does so and why may be told; what can't be read of that is passed over.
pub async fn activate(
    State(fleet): State<Fleet>,
    Controller { actor, .. }: Controller,
    body: Result<Bytes, BytesRejection>,
) -> Response {
    let body = match whole(body) {
        Ok(body) => body,
        Err(problem) => return problem.into_response(),
    };
    let (initiator, remark) = read_switch(&body);
    match fleet.activate_auto_confirm(&actor, &initiator, &remark).await {
        Ok(()) => StatusCode::OK.into_response(),
        Err(Error::Conflict(_)) => Problem::AgreesAlready.into_response(),
        Err(error) => failed(&error),
    }
}

/// Asks again from now on.
pub async fn deactivate(State(fleet): State<Fleet>, Controller { actor, .. }: Controller) -> Response {
    match fleet.deactivate_auto_confirm(&actor).await {
        Ok(()) => StatusCode::OK.into_response(),
        Err(error) => failed(&error),
    }
}

fn whole(body: Result<Bytes, BytesRejection>) -> Result<Bytes, Problem> {
    body.map_err(|problem| {
        let is_large = problem.status() == StatusCode::PAYLOAD_TOO_LARGE;
        if is_large { Problem::TooLarge } else { Problem::Unreadable }
    })
}
