//! CRLs.

use super::caching::{Keepable, told};
use axum::{
    body::Bytes,
    extract::{ConnectInfo, Path, State},
    response::Response,
};
use domain::time::SECOND;
use fleet::Fleet;
use http::{HeaderMap, Method, StatusCode};
use std::net::SocketAddr;

/// For how long a CRL may be kept, in seconds: what is revoked meanwhile is not known to whoever keeps it.
const KEPT: i64 = 300;

/// The CRL of an authority.
pub async fn serve(
    State(fleet): State<Fleet>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    method: Method,
    headers: HeaderMap,
    Path(file): Path<String>,
) -> Response {
    let slug = file.strip_suffix(".crl").unwrap_or_default();
    let Some(crl) = fleet.crl(slug) else {
        return told(StatusCode::NOT_FOUND, "There is no such CRL.");
    };
    let now = fleet.now();
    if method == Method::GET {
        fleet.crl_fetched(slug, &peer.ip().to_canonical().to_string());
    }
    let keepable = Keepable {
        kind: "application/pkix-crl",
        body: Bytes::from_owner(crl.der.clone()),
        etag: crl.etag.clone(),
        last_modified: crl.last_modified,
        max_age: KEPT.min((crl.next_update.0 - now.0).div_euclid(SECOND)),
    };
    keepable.answer(&headers, now)
}
