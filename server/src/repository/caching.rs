//! What HTTP says about how long an answer may be kept, and answers to whoever has it already (RFC 9111, RFC 9110).

use axum::{
    body::{Body, Bytes},
    response::{IntoResponse, Response},
};
use domain::time::{SECOND, Timestamp};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use std::time::{Duration, SystemTime};

/// An answer that may be kept.
pub struct Keepable {
    /// The content type.
    pub kind: &'static str,
    /// The answer.
    pub body: Bytes,
    /// Changes with the content; with its quotation marks.
    pub etag: String,
    /// When it was made.
    pub last_modified: Timestamp,
    /// For how long it may be kept, in seconds.
    pub max_age: i64,
}

impl Keepable {
    /// The answer to a request with these headers: 304 to whoever has it.
    pub fn answer(self, asked: &HeaderMap, now: Timestamp) -> Response {
        let has_it = self.is_had(asked);
        let body = if has_it { Body::empty() } else { Body::from(self.body) };
        let mut response = body.into_response();
        if has_it {
            *response.status_mut() = StatusCode::NOT_MODIFIED;
        }
        let max_age = self.max_age.max(0);
        let headers = response.headers_mut();
        if !has_it {
            headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(self.kind));
        }
        set(headers, header::ETAG, &self.etag);
        set(headers, header::LAST_MODIFIED, &http_date(self.last_modified));
        // For caches that know HTTP/1.0 only.
        set(headers, header::EXPIRES, &http_date(now.plus(max_age.saturating_mul(SECOND))));
        set(headers, header::CACHE_CONTROL, &format!("max-age={max_age}, public, no-transform, must-revalidate"));
        response
    }

    /// A tag that is given decides alone (RFC 9110, 13.2.2).
    fn is_had(&self, asked: &HeaderMap) -> bool {
        let mut tags = asked.get_all(header::IF_NONE_MATCH).iter().peekable();
        if tags.peek().is_some() {
            let tags = tags.filter_map(|tags| tags.to_str().ok()).flat_map(|tags| tags.split(','));
            return tags.map(str::trim).any(|tag| tag == "*" || tag.trim_start_matches("W/") == self.etag);
        }
        let since = asked.get(header::IF_MODIFIED_SINCE).and_then(|date| date.to_str().ok());
        let since = since.and_then(|date| httpdate::parse_http_date(date).ok());
        since.is_some_and(|since| system(self.last_modified) <= since)
    }
}

/// A sentence, not to be kept.
pub fn told(status: StatusCode, sentence: &str) -> Response {
    let mut response = (status, format!("{sentence}\n")).into_response();
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

fn set(headers: &mut HeaderMap, name: HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::try_from(value) {
        headers.insert(name, value);
    }
}

/// HTTP knows whole seconds.
fn system(at: Timestamp) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(u64::try_from(at.0.div_euclid(SECOND)).unwrap_or_default())
}

fn http_date(at: Timestamp) -> String {
    httpdate::fmt_http_date(system(at))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "the headers are the test's own")]

    use super::*;

    const NOW: Timestamp = Timestamp(1_795_000_000 * SECOND);

    fn status(asked: &[(HeaderName, &str)]) -> StatusCode {
        let last_modified = Timestamp(NOW.0 - SECOND / 2);
        let keepable = Keepable { kind: "a/b", body: "x".into(), etag: "\"abc\"".into(), last_modified, max_age: 60 };
        let asked = asked.iter().map(|(name, value)| (name.clone(), value.parse().unwrap()));
        keepable.answer(&HeaderMap::from_iter(asked), NOW).status()
    }

    #[test]
    fn whoever_has_it_is_told_so() {
        let tag = |value| status(&[(header::IF_NONE_MATCH, value)]);
        for had in ["\"abc\"", "W/\"abc\"", "\"x\", \"abc\"", "*"] {
            assert_eq!(tag(had), StatusCode::NOT_MODIFIED, "{had}");
        }
        assert_eq!(tag("\"x\""), StatusCode::OK);
        let same = http_date(Timestamp(NOW.0 - SECOND / 2));
        assert_eq!(status(&[(header::IF_MODIFIED_SINCE, &same)]), StatusCode::NOT_MODIFIED);
        let before = http_date(NOW.plus(-2 * SECOND));
        assert_eq!(status(&[(header::IF_MODIFIED_SINCE, &before)]), StatusCode::OK);
        assert_eq!(status(&[(header::IF_MODIFIED_SINCE, "yesterday")]), StatusCode::OK);
        // The tag knows better than the date.
        let both = [(header::IF_MODIFIED_SINCE, same.as_str()), (header::IF_NONE_MATCH, "\"x\"")];
        assert_eq!(status(&both), StatusCode::OK);
    }

    #[test]
    fn dates_are_those_of_http() {
        assert_eq!(http_date(Timestamp(784_111_777 * SECOND)), "Sun, 06 Nov 1994 08:49:37 GMT");
    }
}
