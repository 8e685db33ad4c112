//! Small things in running text: numbers, times, copy buttons, tags.

use super::icons;
use domain::{time::Timestamp, words::grouped};
use leptos::prelude::*;

/// A count with separators: `48,213`.
#[must_use]
pub fn count(number: i64) -> String {
    format!("{}{}", if number < 0 { "−" } else { "" }, grouped(number.unsigned_abs()))
}

/// `1 device`, `2 devices`.
#[must_use]
pub fn plural(number: i64, one: &str, many: &str) -> String {
    format!("{} {}", count(number), if number == 1 { one } else { many })
}

/// How long ago, with the exact time as a title.
#[must_use]
pub fn ago(at: Timestamp, now: Timestamp) -> impl IntoView + use<> {
    stamp(at, at.ago(now))
}

/// The day, with the exact time as a title: `2 Nov 2026`.
#[must_use]
pub fn day(at: Timestamp) -> impl IntoView + use<> {
    stamp(at, at.day_words())
}

/// The minute, with the exact time as a title: `2 Nov 2026, 08:26`.
#[must_use]
pub fn minute(at: Timestamp) -> impl IntoView + use<> {
    stamp(at, at.minute_words())
}

/// A time in words of its own.
#[must_use]
pub fn stamp(at: Timestamp, words: String) -> impl IntoView + use<> {
    view! { <time datetime=at.rfc3339() title=at.exact_words()>{words}</time> }
}

/// A button that copies a text. It stays hidden until a script can make it work.
#[must_use]
pub fn copy(what: &str, text: &str) -> impl IntoView + use<> {
    view! {
        <button class="copy" type="button" hidden data-copy=text.to_owned() aria-label=format!("Copy {what}")>
            {icons::icon(icons::COPY)}
        </button>
    }
}

/// A text that is compared by character: identifiers, hashes, queries.
#[must_use]
pub fn mono(text: impl Into<String>) -> impl IntoView {
    view! { <span class="mono">{text.into()}</span> }
}

/// A hash in fours, so that it can be read aloud and broken over lines.
#[must_use]
pub fn fours(hash: &str) -> impl IntoView + use<> {
    let fours: Vec<_> = hash.as_bytes().chunks(4).map(String::from_utf8_lossy).collect();
    view! { <span class="mono">{fours.join(" ")}</span> }
}

/// A short neutral word in a box.
#[must_use]
pub fn tag(text: impl Into<String>) -> impl IntoView {
    view! { <span class="tag">{text.into()}</span> }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_have_separators() {
        assert_eq!(
            [0, 12, 999, 1_000, 48_213, -1_234_567].map(count),
            ["0", "12", "999", "1,000", "48,213", "−1,234,567"]
        );
        assert_eq!(
            (plural(1, "device", "devices").as_str(), plural(2_000, "device", "devices").as_str()),
            ("1 device", "2,000 devices")
        );
    }
}
