//! A part of a repository on its way to a device, sent from where it lies in its archive.

use super::{
    answer::failed,
    ranges::{Wanted, matches, put, range, said},
};
use axum::{
    body::Body,
    response::{IntoResponse, Response},
};
use fleet::{Actor, Fleet, update::Part};
use http::{HeaderMap, Method, StatusCode, header};
use std::time::{Duration, UNIX_EPOCH};

/// How it is asked for.
#[derive(Clone, Copy)]
pub struct Asked<'a> {
    /// HEAD is no fetching.
    pub method: &'a Method,
    /// What is said with it.
    pub headers: &'a HeaderMap,
}

/// Sends it, or what of it is asked for.
pub async fn send(fleet: &Fleet, actor: &Actor, part: &Part, kind: &str, asked: Asked<'_>) -> Response {
    let headers = asked.headers;
    let modified = modified(part);
    if said(headers, &header::IF_MATCH).is_some_and(|wanted| !matches(wanted, &part.sha256)) {
        return marked(StatusCode::PRECONDITION_FAILED.into_response(), part, &modified);
    }
    if is_known(part, &modified, headers) {
        return marked(StatusCode::NOT_MODIFIED.into_response(), part, &modified);
    }
    // What has changed since is sent whole.
    let is_same =
        said(headers, &header::IF_RANGE).is_none_or(|known| known == modified || matches(known, &part.sha256));
    let wanted = said(headers, &header::RANGE).filter(|_| is_same).map_or(Wanted::All, |text| range(text, part.size));
    let (status, piece) = match wanted {
        Wanted::All => (StatusCode::OK, 0..part.size),
        Wanted::Part(piece) => (StatusCode::PARTIAL_CONTENT, piece),
        Wanted::Beyond => {
            let mut response = StatusCode::RANGE_NOT_SATISFIABLE.into_response();
            put(&mut response, header::CONTENT_RANGE, &format!("bytes */{}", part.size));
            return marked(response, part, &modified);
        }
    };
    let length = piece.end - piece.start;
    let body = if length == 0 || asked.method == Method::HEAD {
        Body::empty()
    } else {
        fleet.note_sent(actor, part).await;
        let there = part.start.saturating_add(piece.start)..part.start.saturating_add(piece.end);
        match fleet.artifact_stream(&part.archive, there).await {
            Ok(stream) => Body::from_stream(stream),
            Err(error) => return failed(&error),
        }
    };
    let mut response = (status, body).into_response();
    put(&mut response, header::CONTENT_TYPE, kind);
    put(&mut response, header::CONTENT_LENGTH, &length.to_string());
    put(&mut response, header::ACCEPT_RANGES, "bytes");
    if status == StatusCode::PARTIAL_CONTENT {
        let last = piece.end.saturating_sub(1);
        put(&mut response, header::CONTENT_RANGE, &format!("bytes {}-{last}/{}", piece.start, part.size));
    }
    marked(response, part, &modified)
}

/// Whether whoever asks has it. A date counts only where it is this one exactly: a device that goes back to an earlier release
/// has a later date for another file.
fn is_known(part: &Part, modified: &str, headers: &HeaderMap) -> bool {
    match said(headers, &header::IF_NONE_MATCH) {
        Some(known) => matches(known, &part.sha256),
        None => said(headers, &header::IF_MODIFIED_SINCE).is_some_and(|since| since.trim() == modified),
    }
}

fn modified(part: &Part) -> String {
    let micros = u64::try_from(part.modified_at.0).unwrap_or_default();
    httpdate::fmt_http_date(UNIX_EPOCH + Duration::from_micros(micros))
}

fn marked(mut response: Response, part: &Part, modified: &str) -> Response {
    put(&mut response, header::ETAG, &format!("\"{}\"", part.sha256));
    put(&mut response, header::LAST_MODIFIED, modified);
    put(&mut response, header::CACHE_CONTROL, "private, no-cache");
    response
}
