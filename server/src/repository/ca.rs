//! Certificates of authorities, for verifiers that have to build a path (RFC 5280, 4.2.2.1).

use super::caching::{Keepable, told};
use axum::{
    extract::{Path, State},
    response::Response,
};
use domain::time::SECOND;
use fleet::{Error, Fleet};
use http::{HeaderMap, StatusCode};
use pki::Certificate;
use sha2::{Digest, Sha256};

/// For how long a certificate may be kept, in seconds.
const KEPT: i64 = 3600;
const NONE: &str = "There is no such authority.";

/// The certificate of an authority: alone (`.cer`), or with its cross-certificates (`.p7c`).
pub async fn serve(State(fleet): State<Fleet>, headers: HeaderMap, Path(file): Path<String>) -> Response {
    let Some((slug, kind)) = file.rsplit_once('.') else { return told(StatusCode::NOT_FOUND, NONE) };
    let Some(certificate) = fleet.ca_certificate(slug) else { return told(StatusCode::NOT_FOUND, NONE) };
    let (kind, der) = match kind {
        "cer" => ("application/pkix-cert", certificate.der().to_vec()),
        "p7c" => match with_links(&fleet, &certificate).await {
            Ok(der) => ("application/pkcs7-mime; smime-type=certs-only", der),
            Err(error) => {
                tracing::error!(%error, slug, "the certificates of an authority can't be given");
                return told(StatusCode::SERVICE_UNAVAILABLE, "This can't be answered now; try again in a moment.");
            }
        },
        _ => return told(StatusCode::NOT_FOUND, NONE),
    };
    let keepable = Keepable {
        kind,
        etag: format!("\"{}\"", hex::encode(Sha256::digest(&der)).get(..32).unwrap_or_default()),
        body: der.into(),
        last_modified: certificate.not_before(),
        max_age: KEPT.min((certificate.not_after().0 - fleet.now().0).div_euclid(SECOND)),
    };
    keepable.answer(&headers, fleet.now())
}

async fn with_links(fleet: &Fleet, certificate: &Certificate) -> Result<Vec<u8>, Error> {
    let mut all = vec![certificate.clone()];
    let known = fleet.cacerts(None).await?;
    all.extend(known.into_iter().filter(|other| other.subject_key_id() == certificate.subject_key_id()));
    pki::certs_only(&all).map_err(Error::internal)
}
