//! OCSP over HTTP (RFC 6960, appendix A; RFC 5019): a request by POST, or in the address by GET.

use super::caching::{Keepable, told};
use axum::{
    body::{Body, Bytes},
    extract::{State, rejection::BytesRejection},
    response::{IntoResponse, Response},
};
use base64::{
    Engine, alphabet,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};
use fleet::{Fleet, ocsp::OcspAnswer};
use http::{HeaderMap, HeaderValue, StatusCode, Uri, header};
use percent_encoding::percent_decode_str;

const KIND: &str = "application/ocsp-response";
/// Clients leave the padding away, or not.
const LENIENT: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// Where nothing was asked.
pub async fn nothing_asked() -> Response {
    told(StatusCode::BAD_REQUEST, "Send an OCSP request by POST, or in base64 behind this address by GET.")
}

/// A request in the body. At an authority's own address it has to be about that authority.
pub async fn post(State(fleet): State<Fleet>, uri: Uri, body: Result<Bytes, BytesRejection>) -> Response {
    let body = match body {
        Ok(body) => body,
        Err(problem) if problem.status() == StatusCode::PAYLOAD_TOO_LARGE => {
            return told(StatusCode::PAYLOAD_TOO_LARGE, "This is larger than any OCSP request.");
        }
        Err(_) => return told(StatusCode::BAD_REQUEST, "The request's body did not arrive whole."),
    };
    let slug = behind(&uri).trim_end_matches('/');
    let answer = fleet.ocsp((!slug.is_empty()).then_some(slug), &body).await;
    respond(&fleet, answer, &HeaderMap::new())
}

/// A request in the address: `/ocsp/BASE64`, or `/ocsp/AUTHORITY/BASE64`. No request begins as authorities are called:
/// in base64 each begins with a capital M.
pub async fn get(State(fleet): State<Fleet>, uri: Uri, headers: HeaderMap) -> Response {
    let behind = behind(&uri);
    let trust = fleet.trust();
    let (slug, asked) = match behind.split_once('/') {
        Some((first, rest)) if trust.by_slug(first).is_some() => (Some(first), rest),
        _ => (None, behind),
    };
    if slug.is_none() && trust.by_slug(behind).is_some() {
        return nothing_asked().await;
    }
    // What can't be decoded is a malformed request like any other.
    let request = decode(asked).unwrap_or_default();
    respond(&fleet, fleet.ocsp(slug, &request).await, &headers)
}

/// What stands behind `/ocsp/`.
fn behind(uri: &Uri) -> &str {
    uri.path().strip_prefix("/ocsp").unwrap_or_default().trim_start_matches('/')
}

fn decode(asked: &str) -> Option<Vec<u8>> {
    let mut text: Vec<u8> = percent_decode_str(asked).collect();
    for byte in &mut text {
        // Some clients, and some proxies, take a plus for a space.
        if *byte == b' ' {
            *byte = b'+';
        }
    }
    LENIENT.decode(text).ok()
}

fn respond(fleet: &Fleet, answer: OcspAnswer, asked: &HeaderMap) -> Response {
    if answer.cacheable {
        let keepable = Keepable {
            kind: KIND,
            body: answer.body,
            etag: answer.etag,
            last_modified: answer.this_update,
            max_age: i64::from(answer.max_age),
        };
        return keepable.answer(asked, fleet.now());
    }
    let mut response = Body::from(answer.body).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(KIND));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_in_addresses_come_in_many_ways() {
        let bytes = Some(vec![0xfb, 0xff, 0xfe, 0x01]);
        for text in ["+//+AQ==", "%2B%2F%2F%2BAQ%3D%3D", "+//+AQ", "%20//+AQ", "%2b//%2bAQ=="] {
            assert_eq!(decode(text), bytes, "{text}");
        }
        assert_eq!(decode("*"), None);
        assert_eq!(decode("%ff%00"), None);
    }
}
