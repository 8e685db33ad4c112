//! Answers for machines and for whoever types curl: a status and a sentence.

use axum::response::{IntoResponse, Response};
use fleet::Error;
use http::{HeaderValue, StatusCode, header};

/// How a device without a certificate may say who it is.
pub const CHALLENGE: HeaderValue = HeaderValue::from_static("TargetToken, Bearer");
/// How a device with a voucher may send it.
const PASSWORD: HeaderValue = HeaderValue::from_static("Basic realm=\"voucher\"");
/// When to come back where nobody can say it better, in seconds.
const SOON: i64 = 5;

/// A sentence.
pub fn told(status: StatusCode, sentence: &str) -> Response {
    let mut response = (status, format!("{sentence}\n")).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if status == StatusCode::UNAUTHORIZED {
        headers.insert(header::WWW_AUTHENTICATE, CHALLENGE);
    }
    response
}

/// The same to whoever could enrol by a voucher: EST's clients send it as a password once they are asked for one.
pub fn asked_for_a_password(sentence: &str) -> Response {
    let mut response = told(StatusCode::UNAUTHORIZED, sentence);
    response.headers_mut().append(header::WWW_AUTHENTICATE, PASSWORD);
    response
}

/// The status that says what the fleet said, and in how many seconds to come back, if that helps.
pub fn wait_of(error: &Error) -> (StatusCode, Option<i64>) {
    match error {
        Error::NotSignedIn => (StatusCode::UNAUTHORIZED, None),
        Error::Forbidden { .. } | Error::ProveAgain => (StatusCode::FORBIDDEN, None),
        Error::NotFound { .. } => (StatusCode::NOT_FOUND, None),
        Error::Invalid { .. } | Error::Query(_) => (StatusCode::BAD_REQUEST, None),
        Error::Conflict(_) => (StatusCode::CONFLICT, None),
        Error::TooLarge(_) => (StatusCode::PAYLOAD_TOO_LARGE, None),
        Error::TooMany { wait_micros } => (StatusCode::TOO_MANY_REQUESTS, Some(seconds(*wait_micros))),
        Error::NoRoom(_)
        | Error::Away(_)
        | Error::Slow
        | Error::Busy
        | Error::Contended
        | Error::Unreachable
        | Error::Unsure => (StatusCode::SERVICE_UNAVAILABLE, Some(SOON)),
        Error::Internal(_) => (StatusCode::INTERNAL_SERVER_ERROR, None),
    }
}

/// What the fleet said, as HTTP says it.
pub fn failed(error: &Error) -> Response {
    let (status, wait) = wait_of(error);
    let mut response = told(status, &error.to_string());
    if let Some(wait) = wait {
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(wait));
    }
    response
}

/// Whole seconds, rounded up.
fn seconds(micros: i64) -> i64 {
    (micros.max(0).saturating_add(999_999) / 1_000_000).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wait_is_told_in_whole_seconds() {
        let answer = failed(&Error::TooMany { wait_micros: 1_500_000 });
        assert_eq!(answer.status(), StatusCode::TOO_MANY_REQUESTS);
        assert_eq!(answer.headers().get(header::RETRY_AFTER), Some(&HeaderValue::from_static("2")));
        for lost in [Error::Busy, Error::Contended, Error::Unreachable, Error::Unsure] {
            let answer = failed(&lost);
            assert_eq!(answer.status(), StatusCode::SERVICE_UNAVAILABLE);
            assert!(answer.headers().contains_key(header::RETRY_AFTER), "{lost}");
        }
    }
}
