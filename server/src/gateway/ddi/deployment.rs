//! What a device is to install, stop, or has installed, and what it says of that. Paths and numbers are as hawkBit's, because
//! clients put the addresses of their feedback together themselves.

use super::{
    Controller,
    answer::{Problem, failed, ok},
    feedback::read,
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
    Actor, Error, Fleet,
    update::{ArtifactFile, Deployment},
};
use http::{HeaderMap, StatusCode};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::HashMap;

/// What stands in an address as it is: what file names are made of anyhow.
const PLAIN: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// What a client may ask beside the address.
#[derive(Debug, Default, Deserialize)]
pub struct Asked {
    #[serde(default, rename = "actionHistory")]
    action_history: Option<String>,
}

impl Asked {
    pub fn history(&self) -> Option<i64> {
        self.action_history.as_deref().and_then(|n| n.trim().parse().ok())
    }
}

/// The number in an address; clients know no other ids.
pub fn action_of(path: &HashMap<String, String>) -> Result<i64, Problem> {
    path.get("actionId").and_then(|id| id.parse().ok()).ok_or(Problem::NoSuchUpdate)
}

/// What a device is to install.
pub async fn deployment(
    State(fleet): State<Fleet>,
    Controller { actor, .. }: Controller,
    Path(path): Path<HashMap<String, String>>,
    asked: Result<Query<Asked>, QueryRejection>,
    OriginalUri(uri): OriginalUri,
    headers: HeaderMap,
) -> Response {
    let history = asked.ok().and_then(|Query(asked)| asked.history());
    let found = match action_of(&path) {
        Ok(id) => fleet.deployment(&actor, id, history).await,
        Err(problem) => return problem.into_response(),
    };
    told(found, &own_address_of(&headers, &uri))
}

/// What a device has installed.
pub async fn installed(
    State(fleet): State<Fleet>,
    Controller { actor, .. }: Controller,
    Path(path): Path<HashMap<String, String>>,
    asked: Result<Query<Asked>, QueryRejection>,
    OriginalUri(uri): OriginalUri,
    headers: HeaderMap,
) -> Response {
    let history = asked.ok().and_then(|Query(asked)| asked.history());
    let found = match action_of(&path) {
        Ok(id) => fleet.installed_deployment(&actor, id, history).await,
        Err(problem) => return problem.into_response(),
    };
    told(found, &own_address_of(&headers, &uri))
}

fn told(found: Result<Deployment, Error>, own: &str) -> Response {
    match found {
        Ok(deployment) => ok(&shown(&deployment, own)),
        Err(error) => failed(&error),
    }
}

fn shown(deployment: &Deployment, own: &str) -> Value {
    shown_as("deployment", deployment, own)
}

/// The same under another name.
pub fn shown_as(name: &str, deployment: &Deployment, own: &str) -> Value {
    let files: Vec<Value> = deployment.files.iter().map(|file| artifact(file, deployment.module, own)).collect();
    let mut told = json!({
        // A number in quotes: rauc-hawkbit-updater takes nothing else.
        "id": deployment.id.to_string(),
        name: {
            // “skip” would be a false install with SWUpdate, and Zephyr doesn't read it: outside of a window there is no link.
            "download": "forced", "update": "forced",
            "chunks": [{"part": "os", "version": deployment.version, "name": deployment.product, "artifacts": files}],
        },
    });
    if let (Some(history), Some(told)) = (&deployment.history, told.as_object_mut()) {
        told.insert("actionHistory".to_owned(), json!({"status": history.status, "messages": history.messages}));
    }
    told
}

/// A file with both kinds of addresses, on the host that the client knows: Zephyr looks for `download-http` alone.
pub fn artifact(file: &ArtifactFile, module: i64, own: &str) -> Value {
    let name = utf8_percent_encode(&file.name, PLAIN);
    let href = format!("{own}/softwaremodules/{module}/artifacts/{name}");
    let md5sum = format!("{href}.MD5SUM");
    json!({
        "filename": file.name, "size": file.size,
        "hashes": {"sha1": file.sha1, "md5": file.md5, "sha256": file.sha256},
        "_links": {
            "download": {"href": href}, "download-http": {"href": href},
            "md5sum": {"href": md5sum}, "md5sum-http": {"href": md5sum},
        },
    })
}

/// What a device says of an update.
pub async fn feedback(
    State(fleet): State<Fleet>,
    Controller { actor, .. }: Controller,
    Path(path): Path<HashMap<String, String>>,
    body: Result<Bytes, BytesRejection>,
) -> Response {
    match said(&fleet, &actor, &path, body, false).await {
        Ok(()) => StatusCode::OK.into_response(),
        Err(refused) => refused,
    }
}

/// What a device says of being asked to stop.
pub async fn cancel_feedback(
    State(fleet): State<Fleet>,
    Controller { actor, .. }: Controller,
    Path(path): Path<HashMap<String, String>>,
    body: Result<Bytes, BytesRejection>,
) -> Response {
    match said(&fleet, &actor, &path, body, true).await {
        Ok(()) => StatusCode::OK.into_response(),
        Err(refused) => refused,
    }
}

async fn said(
    fleet: &Fleet,
    actor: &Actor,
    path: &HashMap<String, String>,
    body: Result<Bytes, BytesRejection>,
    of_stopping: bool,
) -> Result<(), Response> {
    let id = action_of(path).map_err(IntoResponse::into_response)?;
    let body = body.map_err(|problem| {
        let is_large = problem.status() == StatusCode::PAYLOAD_TOO_LARGE;
        if is_large { Problem::TooLarge } else { Problem::Unreadable }.into_response()
    })?;
    let feedback = read(&body).ok_or_else(|| Problem::Unreadable.into_response())?;
    let taken = if of_stopping {
        fleet.cancel_feedback(actor, id, &feedback).await
    } else {
        fleet.update_feedback(actor, id, &feedback).await
    };
    taken.map_err(|error| match error {
        Error::Conflict(_) if of_stopping => Problem::NotCancelled.into_response(),
        error => failed(&error),
    })
}

/// What a device is to stop.
pub async fn cancel(
    State(fleet): State<Fleet>,
    Controller { actor, .. }: Controller,
    Path(path): Path<HashMap<String, String>>,
) -> Response {
    let id = match action_of(&path) {
        Ok(id) => id,
        Err(problem) => return problem.into_response(),
    };
    match fleet.cancel_asked(&actor, id).await {
        Ok(()) => ok(&json!({"id": id.to_string(), "cancelAction": {"stopId": id.to_string()}})),
        Err(error) => failed(&error),
    }
}
