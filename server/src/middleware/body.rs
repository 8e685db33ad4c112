//! How much a request may bring.

use super::RequestId;
use crate::problem;
use axum::{body::Body, extract::Request, middleware::Next, response::Response};
use domain::{release::SBOM_MAX, repair::PHOTO_MAX};
use fleet::{import::IMPORT_LIMIT, setting::RELEASE_MIB_MAX};
use http::{Method, StatusCode, header};
use http_body_util::Limited;

/// What a form or a JSON document may weigh, in bytes.
const USUAL: u64 = 1024 * 1024;
/// What a form around a file may weigh, beside the file. Files are written to disk as they come, never held in memory.
const FORM: u64 = 64 * 1024;
/// What thousands of requests with their components may weigh.
const MANY: u64 = 64 * 1024 * 1024;

/// What a file of a release may weigh at most.
const RELEASE: u64 = (RELEASE_MIB_MAX as u64) << 20;

/// Refuses what is announced as too large, and cuts off what turns out to be.
pub async fn limit(request: Request, next: Next) -> Response {
    let most = most(request.method(), request.uri().path());
    let announced = request.headers().get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse().ok());
    if announced.is_some_and(|announced: u64| announced > most) {
        let api = problem::wanted(request.uri().path());
        let told = format!("This is larger than the {} that are taken here.", megabytes(most));
        return problem::plain(api, StatusCode::PAYLOAD_TOO_LARGE, &told, &RequestId::of(&request));
    }
    // Whoever takes a file in counts by itself, and has more to say than that the connection broke.
    let cut_off = if most >= IMPORT_LIMIT { most + FORM } else { most };
    let bytes = usize::try_from(cut_off).unwrap_or(usize::MAX);
    let request = request.map(|body| Body::new(Limited::new(body, bytes)));
    next.run(request).await
}

/// Whether this brings a file that goes to disk as it comes.
pub fn is_import(method: &Method, path: &str) -> bool {
    most(method, path) >= IMPORT_LIMIT
}

fn most(method: &Method, path: &str) -> u64 {
    match path {
        // How much of these is taken is a setting, and `fleet`'s part.
        "/releases/new" if method == Method::POST => RELEASE + FORM,
        _ if method == Method::PATCH && path.starts_with("/api/v1/uploads/") => RELEASE,
        _ if method == Method::POST && is_sbom(path) => SBOM_MAX as u64 + FORM,
        "/imports" if method == Method::POST => IMPORT_LIMIT + FORM,
        "/api/v1/imports" if method == Method::POST => IMPORT_LIMIT,
        _ if method == Method::POST && enrols_many(path) => MANY,
        _ if method == Method::POST && is_manifest(path) => MANY + FORM,
        _ if method == Method::POST && is_photo(path) => PHOTO_MAX as u64 + FORM,
        _ => USUAL,
    }
}

/// `/api/v1/batches/BATCH/enrolments` and `…/deliveries`.
fn enrols_many(path: &str) -> bool {
    let rest = path.strip_prefix("/api/v1/batches/");
    rest.is_some_and(|rest| rest.ends_with("/enrolments") || rest.ends_with("/deliveries"))
}

/// `/authorities/CA/manifest`, where people deliver the same in a form.
fn is_manifest(path: &str) -> bool {
    path.strip_prefix("/authorities/").is_some_and(|rest| rest.ends_with("/manifest"))
}

/// `/api/v1/releases/ID/sbom`, and `/releases/ID/sbom` in a form.
fn is_sbom(path: &str) -> bool {
    path.strip_prefix("/api/v1").unwrap_or(path).strip_prefix("/releases/").is_some_and(|rest| rest.ends_with("/sbom"))
}

/// `/repairs/CODE/photos`.
fn is_photo(path: &str) -> bool {
    path.strip_prefix("/repairs/").is_some_and(|rest| rest.ends_with("/photos"))
}

fn megabytes(bytes: u64) -> String {
    format!("{} MB", bytes / (1024 * 1024))
}
