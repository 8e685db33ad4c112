//! How much a request may bring, and how slowly.

use super::RequestId;
use crate::problem;
use axum::{body::Body, extract::Request, middleware::Next, response::Response};
use http::{Method, StatusCode, header};
use http_body_util::Limited;
use std::time::Duration;
use tower_http::timeout::TimeoutBody;

/// What a form or a JSON document may weigh, in bytes.
const USUAL: u64 = 1024 * 1024;
/// What a file to import may weigh, in bytes. It is written to disk as it comes, never held in memory.
const IMPORT: u64 = 4 * 1024 * 1024 * 1024;
/// The longest pause within a request's body.
const PAUSE: Duration = Duration::from_secs(30);

/// Refuses what is announced as too large, and cuts off what turns out to be.
pub async fn limit(request: Request, next: Next) -> Response {
    let most = most(request.method(), request.uri().path());
    let announced = request.headers().get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse().ok());
    if announced.is_some_and(|announced: u64| announced > most) {
        let api = problem::wanted(request.uri().path());
        let told = format!("This is larger than the {} that are taken here.", megabytes(most));
        return problem::plain(api, StatusCode::PAYLOAD_TOO_LARGE, &told, &RequestId::of(&request));
    }
    let bytes = usize::try_from(most).unwrap_or(usize::MAX);
    let request = request.map(|body| Body::new(Limited::new(TimeoutBody::new(PAUSE, body), bytes)));
    next.run(request).await
}

fn most(method: &Method, path: &str) -> u64 {
    let import = matches!(path, "/import" | "/imports" | "/api/v1/imports");
    if method == Method::POST && import { IMPORT } else { USUAL }
}

fn megabytes(bytes: u64) -> String {
    format!("{} MB", bytes / (1024 * 1024))
}
