//! The files of updates, for whoever is told of them, in parts where that is asked for (RFC 9110, sections 13 and 14).

use super::{
    Controller,
    answer::{Problem, failed},
    deployment, own_address_of,
};
use crate::gateway::ranges::{Wanted, matches, put, range, said};
use axum::{
    body::Body,
    extract::{OriginalUri, Path, State},
    response::{IntoResponse, Response},
};
use fleet::{Fleet, update::ArtifactFile};
use http::{HeaderMap, StatusCode, header};
use serde_json::Value;
use std::collections::HashMap;

/// What stands after the name of a file whose MD5 is asked for.
const MD5SUM: &str = ".MD5SUM";

fn module_of(path: &HashMap<String, String>) -> Result<i64, Problem> {
    path.get("module").and_then(|module| module.parse().ok()).ok_or(Problem::NoSuchUpdate)
}

/// The files of a number.
pub async fn artifacts(
    State(fleet): State<Fleet>,
    Controller { actor, .. }: Controller,
    Path(path): Path<HashMap<String, String>>,
    OriginalUri(uri): OriginalUri,
    headers: HeaderMap,
) -> Response {
    let module = match module_of(&path) {
        Ok(module) => module,
        Err(problem) => return problem.into_response(),
    };
    match fleet.artifacts_for(&actor, module).await {
        Ok(files) => {
            let own = own_address_of(&headers, &uri);
            let files: Vec<Value> = files.iter().map(|file| deployment::artifact(file, module, &own)).collect();
            super::answer::ok(&Value::from(files))
        }
        Err(error) => failed(&error),
    }
}

/// A file, or its MD5 in a line as md5sum writes it.
pub async fn artifact(
    State(fleet): State<Fleet>,
    Controller { actor, .. }: Controller,
    Path(path): Path<HashMap<String, String>>,
    headers: HeaderMap,
) -> Response {
    let module = match module_of(&path) {
        Ok(module) => module,
        Err(problem) => return problem.into_response(),
    };
    let name = path.get("file").map(String::as_str).unwrap_or_default();
    if let Some(name) = name.strip_suffix(MD5SUM) {
        return match fleet.artifact_for(&actor, module, name).await {
            Ok(file) => {
                ([(header::CONTENT_TYPE, "text/plain")], format!("{}  {}", file.md5, file.name)).into_response()
            }
            Err(error) => failed(&error),
        };
    }
    match fleet.artifact_for(&actor, module, name).await {
        Ok(file) => send(&fleet, &file, &headers).await,
        Err(error) => failed(&error),
    }
}

async fn send(fleet: &Fleet, file: &ArtifactFile, headers: &HeaderMap) -> Response {
    let tag = format!("\"{}\"", file.sha1);
    if said(headers, &header::IF_MATCH).is_some_and(|wanted| !matches(wanted, &file.sha1)) {
        return with_tag(StatusCode::PRECONDITION_FAILED.into_response(), &tag);
    }
    if said(headers, &header::IF_NONE_MATCH).is_some_and(|known| matches(known, &file.sha1)) {
        return with_tag(StatusCode::NOT_MODIFIED.into_response(), &tag);
    }
    // What has changed since is sent whole.
    let is_same = said(headers, &header::IF_RANGE).is_none_or(|known| matches(known, &file.sha1));
    let wanted = said(headers, &header::RANGE).filter(|_| is_same).map_or(Wanted::All, |text| range(text, file.size));
    let (status, part) = match wanted {
        Wanted::All => (StatusCode::OK, 0..file.size),
        Wanted::Part(part) => (StatusCode::PARTIAL_CONTENT, part),
        Wanted::Beyond => {
            let mut response = StatusCode::RANGE_NOT_SATISFIABLE.into_response();
            put(&mut response, header::CONTENT_RANGE, &format!("bytes */{}", file.size));
            return with_tag(response, &tag);
        }
    };
    let length = part.end - part.start;
    let body = if length == 0 {
        Body::empty()
    } else {
        match fleet.artifact_stream(&file.sha256, part.clone()).await {
            Ok(stream) => Body::from_stream(stream),
            Err(error) => return failed(&error),
        }
    };
    let mut response = (status, body).into_response();
    put(&mut response, header::CONTENT_TYPE, "application/octet-stream");
    put(&mut response, header::CONTENT_LENGTH, &length.to_string());
    put(&mut response, header::ACCEPT_RANGES, "bytes");
    put(&mut response, header::CONTENT_DISPOSITION, &format!("attachment;filename={}", file.name));
    if status == StatusCode::PARTIAL_CONTENT {
        let last = part.end.saturating_sub(1);
        put(&mut response, header::CONTENT_RANGE, &format!("bytes {}-{last}/{}", part.start, file.size));
    }
    with_tag(response, &tag)
}

fn with_tag(mut response: Response, tag: &str) -> Response {
    put(&mut response, header::ETAG, tag);
    put(&mut response, header::CACHE_CONTROL, "private, no-cache");
    response
}
