//! Requests that may be sent twice: under one `Idempotency-Key` a POST is done once and answered alike for 24 hours.

use super::extract::{Program, Refusal};
use crate::{Console, problem::Problem};
use axum::{
    body::{Body, to_bytes},
    extract::{Request, State},
    middleware::Next,
    response::{IntoResponse, Response},
};
use fleet::{
    Actor,
    idempotency::{Begun, Claim},
};
use http::{HeaderMap, HeaderValue, StatusCode, header, request::Parts, response};
use sha2::{Digest, Sha256};

/// The longest key, in characters.
const KEY_MAX: usize = 200;
/// The longest body that is compared; requests are limited to less.
const BODY_MAX: usize = 2 * 1024 * 1024;

/// Answers a repeated request as the first time, without doing it again.
pub async fn once(
    State(console): State<Console>,
    Program(actor): Program,
    request: Request,
    next: Next,
) -> Result<Response, Refusal> {
    let Some(key) = key(request.headers())? else { return Ok(next.run(request).await) };
    if matches!(actor, Actor::Nobody { .. }) {
        return Ok(next.run(request).await);
    }
    let (parts, body) = request.into_parts();
    let too_large = |_| Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "The body can't be read, or is too large.");
    let body = to_bytes(body, BODY_MAX).await.map_err(too_large)?;
    let hash = hash(&parts, &body);
    match console.fleet.begin_request(&actor, &key, &hash).await? {
        Begun::Fresh(claim) => {
            let response = next.run(Request::from_parts(parts, Body::from(body))).await;
            let (mut parts, body) = response.into_parts();
            let unread = |_| Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "The answer could not be kept.");
            let body = to_bytes(body, BODY_MAX).await.map_err(unread)?;
            keep(&console, claim, &parts, &String::from_utf8_lossy(&body)).await?;
            parts.headers.remove(header::CONTENT_LENGTH);
            Ok(Response::from_parts(parts, Body::from(body)))
        }
        Begun::Replay { status, body } => Ok(replayed(status, body)),
        Begun::InFlight => Err(conflict(
            StatusCode::CONFLICT,
            "A request with this Idempotency-Key is being answered right now. Ask again in a moment.",
        )),
        Begun::Mismatch => Err(conflict(
            StatusCode::UNPROCESSABLE_ENTITY,
            "This Idempotency-Key belongs to another request. Give each request its own key.",
        )),
    }
}

/// What went wrong on our side may be tried again, unless it may have been done all the same; anything else is the answer for good.
async fn keep(console: &Console, claim: Claim, parts: &response::Parts, body: &str) -> fleet::Result<()> {
    let is_unsure = parts.extensions.get::<Problem>().is_some_and(Problem::is_unsure);
    if parts.status.is_server_error() && !is_unsure {
        return console.fleet.abandon_request(claim).await;
    }
    if let Err(error) = console.fleet.finish_request(claim, parts.status.as_u16(), body).await {
        // It was done all the same, and is not to be told as if it was not.
        tracing::warn!(%error, "an answer could not be kept for its Idempotency-Key");
    }
    Ok(())
}

fn key(headers: &HeaderMap) -> Result<Option<String>, Refusal> {
    let Some(value) = headers.get("idempotency-key") else { return Ok(None) };
    let told = "Idempotency-Key must be 1 to 200 printable ASCII characters.";
    match value.to_str().map(str::trim) {
        Ok(key) if !key.is_empty() && key.len() <= KEY_MAX => Ok(Some(key.to_owned())),
        _ => Err(Problem::new(StatusCode::BAD_REQUEST, told).into()),
    }
}

/// What makes two requests the same: method, address and body, each with its length.
fn hash(parts: &Parts, body: &[u8]) -> String {
    let mut digest = Sha256::new();
    let address = parts.uri.path_and_query().map_or("", |path| path.as_str());
    for part in [parts.method.as_str().as_bytes(), address.as_bytes(), body] {
        digest.update((part.len() as u64).to_be_bytes());
        digest.update(part);
    }
    hex::encode(digest.finalize())
}

fn replayed(status: u16, body: String) -> Response {
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::OK);
    let kind = if status.is_success() { "application/json" } else { "application/problem+json" };
    let mut response = (status, body).into_response();
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    response.headers_mut().insert("idempotency-replayed", HeaderValue::from_static("true"));
    response
}

fn conflict(status: StatusCode, told: &str) -> Refusal {
    Problem::new(status, told).of_kind("idempotency", "Idempotency-Key").into()
}
