//! EST (RFC 7030): the CA certificates, what a request should be like, enrolment by stations, renewal by devices. The
//! label in the path is the code of a batch.

use super::{
    answer::{failed, told},
    known::{Enrolling, Known, NO_VOUCHER, Renewing},
};
use axum::{
    body::Bytes,
    extract::{Path, State, rejection::BytesRejection},
    response::{IntoResponse, Response},
};
use base64::{Engine, engine::general_purpose::STANDARD};
use fleet::{Actor, Fleet, enrol::Enrolled};
use http::{HeaderName, HeaderValue, StatusCode, header};
use pki::{Certificate, Request, RequestError};

const CERTIFICATES: &str = "application/pkcs7-mime; smime-type=certs-only";
const ATTRIBUTES: &str = "application/csrattrs";
const TRANSFER_ENCODING: HeaderName = HeaderName::from_static("content-transfer-encoding");
/// How long a line of base64 is: OpenSSL reads no longer ones than 76.
const LINE: usize = 64;

/// What a request should be like (RFC 7030, 4.5.2): a key of ECDSA on P-256, and a signature with SHA-256. Others are
/// taken too.
const WANTED: &[u8] = &[
    0x30, 0x21, // CsrAttrs
    0x30, 0x15, // an attribute: id-ecPublicKey, secp256r1
    0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, //
    0x31, 0x0a, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, //
    0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02, // ecdsa-with-SHA256
];

/// The roots.
pub async fn all_ca_certificates(State(fleet): State<Fleet>) -> Response {
    certificates_or_failure(fleet.cacerts(None).await)
}

/// The roots, and what stands between them and a batch's devices.
pub async fn ca_certificates(State(fleet): State<Fleet>, Path(label): Path<String>) -> Response {
    certificates_or_failure(fleet.cacerts(label.as_str()).await)
}

/// What a request should be like.
pub async fn attributes() -> Response {
    base64_answer(ATTRIBUTES, WANTED)
}

/// The same of a batch.
pub async fn attributes_of(State(fleet): State<Fleet>, Path(label): Path<String>) -> Response {
    match fleet.cacerts(label.as_str()).await {
        Ok(_) => attributes().await,
        Err(error) => failed(&error),
    }
}

/// Enrolment needs to know the batch.
pub async fn enrol_without_label(_: Known) -> Response {
    told(
        StatusCode::NOT_FOUND,
        "Say which batch the device is of: POST /.well-known/est/BATCH/simpleenroll. Renewal needs no batch.",
    )
}

/// A device's first certificate, asked for by a station; or one for a device's new key, asked for by itself with a
/// voucher.
pub async fn enrol(
    State(fleet): State<Fleet>,
    enrolling: Enrolling,
    Path(batch): Path<String>,
    body: Result<Bytes, BytesRejection>,
) -> Response {
    let actor = match enrolling {
        Enrolling::Known(actor) => actor,
        Enrolling::Voucher { voucher, address } => return by_voucher(&fleet, (&voucher, &address), &batch, body).await,
    };
    let request = match read(&fleet, &actor, &batch, body).await {
        Ok(request) => request,
        Err(answer) => return answer,
    };
    let Some(serial) = request.serial_number.as_deref().or(request.common_name.as_deref()) else {
        let why = "The request doesn't say which device it is for. Put the device's serial into its subject, as common \
                   name (openssl req -subj /CN=SERIAL).";
        return told(StatusCode::BAD_REQUEST, why);
    };
    enrolled(fleet.enrol(&actor, &batch, &request, serial).await)
}

/// Whoever holds a voucher is known by it alone, so what is wrong with its request is told and not recorded.
async fn by_voucher(
    fleet: &Fleet,
    (voucher, address): (&str, &str),
    batch: &str,
    body: Result<Bytes, BytesRejection>,
) -> Response {
    let body = match body {
        Ok(body) => body,
        Err(problem) => return unread(&problem),
    };
    let request = match pki::request_from_text(&body) {
        Ok(request) => request,
        Err(problem) => return told(status_of(&problem), &format!("The request was refused: {problem}.")),
    };
    match fleet.enrol_by_voucher(address, voucher, batch, &request).await {
        Ok(Some(enrolled)) => certificates_or_failure(Ok(vec![enrolled.certificate])),
        Ok(None) => told(StatusCode::UNAUTHORIZED, NO_VOUCHER),
        Err(error) => failed(&error),
    }
}

/// A device's next certificate, asked for by itself with its present one.
pub async fn renew(
    State(fleet): State<Fleet>,
    Renewing { actor, peer }: Renewing,
    body: Result<Bytes, BytesRejection>,
) -> Response {
    let request = match read(&fleet, &actor, "", body).await {
        Ok(request) => request,
        Err(answer) => return answer,
    };
    enrolled(fleet.renew(&actor, peer.certificate.id, &request).await)
}

/// The same at the path of a batch, which has to be the device's: each batch has one.
pub async fn renew_in(
    State(fleet): State<Fleet>,
    device: Renewing,
    Path(label): Path<String>,
    body: Result<Bytes, BytesRejection>,
) -> Response {
    match fleet.is_of_batch(&device.actor, &label).await {
        Ok(()) => renew(State(fleet), device, body).await,
        Err(error) => failed(&error),
    }
}

/// Reads the request, whichever of base64, PEM and DER it comes in. What is refused is recorded.
async fn read(
    fleet: &Fleet,
    actor: &Actor,
    batch: &str,
    body: Result<Bytes, BytesRejection>,
) -> Result<Request, Response> {
    let body = body.map_err(|problem| unread(&problem))?;
    let problem = match pki::request_from_text(&body) {
        Ok(request) => return Ok(request),
        Err(problem) => problem,
    };
    Err(match fleet.bad_request(actor, batch, "", &problem).await {
        Ok(told_to) => told(status_of(&problem), &told_to.to_string()),
        Err(error) => failed(&error),
    })
}

/// What isn't proven is forbidden; the rest is only wrong.
const fn status_of(problem: &RequestError) -> StatusCode {
    match problem {
        RequestError::WrongProof | RequestError::Authority => StatusCode::FORBIDDEN,
        _ => StatusCode::BAD_REQUEST,
    }
}

/// Why a body was not read.
pub(super) fn unread(problem: &BytesRejection) -> Response {
    match problem.status() {
        StatusCode::PAYLOAD_TOO_LARGE => told(StatusCode::PAYLOAD_TOO_LARGE, "This is larger than what is taken here."),
        _ => told(StatusCode::BAD_REQUEST, "The request's body did not arrive whole."),
    }
}

fn enrolled(result: fleet::Result<Enrolled>) -> Response {
    // The certificate alone, as RFC 7030 (4.2.3) wants it; what stands above it is what cacerts is for.
    certificates_or_failure(result.map(|enrolled| vec![enrolled.certificate]))
}

fn certificates_or_failure(result: fleet::Result<Vec<Certificate>>) -> Response {
    let certificates = match result {
        Ok(certificates) => certificates,
        Err(error) => return failed(&error),
    };
    if certificates.is_empty() {
        return told(StatusCode::NOT_FOUND, "There is no authority yet: bring in the root first.");
    }
    match pki::certs_only(&certificates) {
        Ok(der) => base64_answer(CERTIFICATES, &der),
        Err(error) => failed(&fleet::Error::internal(error)),
    }
}

fn base64_answer(kind: &'static str, der: &[u8]) -> Response {
    let mut response = in_lines(&STANDARD.encode(der)).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    headers.insert(TRANSFER_ENCODING, HeaderValue::from_static("base64"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// Base64 is ASCII, so each byte is a character.
fn in_lines(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + text.len() / LINE * 2 + 2);
    let mut rest = text;
    while !rest.is_empty() {
        let (line, after) = rest.split_at(rest.len().min(LINE));
        out.push_str(line);
        out.push_str("\r\n");
        rest = after;
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_those_that_openssl_reads() {
        let text = in_lines(&"A".repeat(130));
        assert_eq!(text.lines().map(str::len).collect::<Vec<_>>(), [64, 64, 2]);
        assert!(text.ends_with("\r\n"));
        assert_eq!(in_lines(""), "");
    }

    #[test]
    fn the_attributes_are_whole() {
        assert_eq!(usize::from(WANTED[1]) + 2, WANTED.len());
        assert_eq!(usize::from(WANTED[3]) + 4, WANTED.len() - 10);
    }
}
