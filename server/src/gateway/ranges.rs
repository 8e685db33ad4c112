//! What of a file is wanted: conditions and ranges (RFC 9110, sections 13 and 14).

use axum::response::Response;
use http::{HeaderMap, HeaderName, HeaderValue};
use std::ops::Range;

/// Puts a header into an answer.
pub fn put(response: &mut Response, name: HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        response.headers_mut().insert(name, value);
    }
}

/// A header as text, if it is there and is one.
pub fn said<'h>(headers: &'h HeaderMap, name: &HeaderName) -> Option<&'h str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

/// Whether a list of tags names this one; clients leave the quotes out.
pub fn matches(tags: &str, own: &str) -> bool {
    tags.split(',').any(|tag| {
        let tag = tag.trim().trim_start_matches("W/").trim_matches('"');
        tag == "*" || tag.eq_ignore_ascii_case(own)
    })
}

/// What of a file is wanted.
#[derive(Debug, PartialEq, Eq)]
pub enum Wanted {
    /// All of it.
    All,
    /// This part.
    Part(Range<u64>),
    /// Nothing of what there is.
    Beyond,
}

/// Reads `bytes=…`. What is no range, and several at once, are answered by the whole file, as is allowed.
pub fn range(text: &str, size: u64) -> Wanted {
    let Some((first, last)) = text.trim().strip_prefix("bytes=").and_then(|range| range.split_once('-')) else {
        return Wanted::All;
    };
    let number = |text: &str| text.trim().parse::<u64>().ok();
    match (first.trim().is_empty(), number(first), last.trim().is_empty(), number(last)) {
        // The last so many.
        (true, _, false, Some(n)) if n > 0 && size > 0 => Wanted::Part(size.saturating_sub(n)..size),
        (true, _, false, Some(_)) => Wanted::Beyond,
        (false, Some(from), true, _) if from < size => Wanted::Part(from..size),
        (false, Some(from), false, Some(to)) if from <= to && from < size => {
            Wanted::Part(from..to.saturating_add(1).min(size))
        }
        (false, Some(from), _, to) if from >= size && to.is_none_or(|to| from <= to) => Wanted::Beyond,
        _ => Wanted::All,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges() {
        let of = |text: &str| range(text, 100);
        assert_eq!(of("bytes=0-"), Wanted::Part(0..100));
        assert_eq!(of("bytes=10-19"), Wanted::Part(10..20));
        assert_eq!(of("bytes=90-1000"), Wanted::Part(90..100));
        assert_eq!(of("bytes=-5"), Wanted::Part(95..100));
        assert_eq!(of("bytes=-500"), Wanted::Part(0..100));
        for beyond in ["bytes=100-", "bytes=100-200", "bytes=-0"] {
            assert_eq!(of(beyond), Wanted::Beyond, "{beyond}");
        }
        for all in
            ["bytes=20-10", "bytes=0-1,5-6", "bytes=a-b", "bytes=-", "lines=1-2", "", "bytes=9-x", "bytes=300-200"]
        {
            assert_eq!(of(all), Wanted::All, "{all}");
        }
        assert_eq!(range("bytes=0-", 0), Wanted::Beyond);
        assert_eq!(of(&format!("bytes=0-{}", u64::MAX)), Wanted::Part(0..100));
    }

    #[test]
    fn tags_with_and_without_quotes() {
        assert!(
            matches("\"abc\"", "abc")
                && matches("abc", "abc")
                && matches("*", "abc")
                && matches("\"x\", W/\"ABC\"", "abc")
        );
        assert!(!matches("\"ab\"", "abc") && !matches("", "abc"));
    }
}
