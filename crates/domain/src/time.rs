//! Time as UTC microseconds. The clock is always passed in.

use chrono::{DateTime, Datelike, NaiveDate, SecondsFormat, Utc};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use std::fmt;

/// Microseconds since 1970-01-01T00:00:00Z.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(pub i64);

/// One second in the unit of [`Timestamp`].
pub const SECOND: i64 = 1_000_000;
/// One minute in the unit of [`Timestamp`].
pub const MINUTE: i64 = 60 * SECOND;
/// One hour in the unit of [`Timestamp`].
pub const HOUR: i64 = 60 * MINUTE;
/// One day of 24 hours in the unit of [`Timestamp`].
pub const DAY: i64 = 24 * HOUR;

/// A text that is not a time we can hold.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("“{0}” is not a time; write it like 2026-11-02T08:26:00Z or 2026-11-02")]
pub struct TimeError(pub String);

impl Timestamp {
    /// Reads RFC 3339 (`2026-11-02T08:26:00Z`, any offset) or a plain date, which means its first instant in UTC.
    ///
    /// # Errors
    /// When the text is neither.
    pub fn parse(text: &str) -> Result<Self, TimeError> {
        let text = text.trim();
        if let Ok(time) = DateTime::parse_from_rfc3339(text) {
            return Ok(Self(time.timestamp_micros()));
        }
        NaiveDate::parse_from_str(text, "%Y-%m-%d")
            .ok()
            .and_then(|date| date.and_hms_opt(0, 0, 0))
            .map(|time| Self(time.and_utc().timestamp_micros()))
            .ok_or_else(|| TimeError(text.chars().take(40).collect()))
    }

    /// The same instant as a calendar time; times that no calendar holds become the epoch.
    #[must_use]
    pub fn to_utc(self) -> DateTime<Utc> {
        DateTime::from_timestamp_micros(self.0).unwrap_or_default()
    }

    /// RFC 3339 in UTC with as many fractional digits as needed.
    #[must_use]
    pub fn rfc3339(self) -> String {
        self.to_utc().to_rfc3339_opts(SecondsFormat::AutoSi, true)
    }

    /// `2026-11-02`.
    #[must_use]
    pub fn date(self) -> String {
        self.to_utc().format("%Y-%m-%d").to_string()
    }

    /// `2 Nov 2026`.
    #[must_use]
    pub fn day_words(self) -> String {
        self.to_utc().format("%-d %b %Y").to_string()
    }

    /// `2 Nov 2026, 08:26`.
    #[must_use]
    pub fn minute_words(self) -> String {
        self.to_utc().format("%-d %b %Y, %H:%M").to_string()
    }

    /// `2026-11-02 08:26:00 UTC`, for titles.
    #[must_use]
    pub fn exact_words(self) -> String {
        self.to_utc().format("%Y-%m-%d %H:%M:%S UTC").to_string()
    }

    /// `2026-11`.
    #[must_use]
    pub fn month(self) -> String {
        let time = self.to_utc();
        format!("{:04}-{:02}", time.year(), time.month())
    }

    /// How long ago this was at `now`, in words: `42 s ago`, `3 min ago`, `5 h ago`, `12 d ago`, `in 3 d`.
    #[must_use]
    pub fn ago(self, now: Self) -> String {
        let span = now.0.saturating_sub(self.0);
        if span < 0 { format!("in {}", span_words(-span)) } else { format!("{} ago", span_words(span)) }
    }

    /// This time plus a span of microseconds, saturating.
    #[must_use]
    pub const fn plus(self, micros: i64) -> Self {
        Self(self.0.saturating_add(micros))
    }
}

/// A span of microseconds in its largest fitting unit: `42 s`, `3 min`, `5 h`, `12 d`, `3 y`.
#[must_use]
pub fn span_words(micros: i64) -> String {
    match micros {
        m if m < MINUTE => format!("{} s", m / SECOND),
        m if m < HOUR => format!("{} min", m / MINUTE),
        m if m < 2 * DAY => format!("{} h", m / HOUR),
        m if m < 730 * DAY => format!("{} d", m / DAY),
        m => format!("{} y", m / (365 * DAY)),
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.rfc3339())
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.serialize_str(&self.rfc3339())
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let text = <std::borrow::Cow<'de, str>>::deserialize(d)?;
        Self::parse(&text).map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_offsets_and_dates() {
        assert_eq!(Timestamp::parse("1970-01-01T01:00:00+01:00"), Ok(Timestamp(0)));
        assert_eq!(Timestamp::parse("1970-01-02"), Ok(Timestamp(DAY)));
        assert!(Timestamp::parse("yesterday").is_err());
        assert_eq!(
            Timestamp::parse("2106-02-07T06:28:16Z").map(Timestamp::rfc3339).as_deref(),
            Ok("2106-02-07T06:28:16Z")
        );
    }

    #[test]
    fn spans_read_well() {
        let now = Timestamp(100 * DAY);
        assert_eq!(Timestamp(100 * DAY - 42 * SECOND).ago(now), "42 s ago");
        assert_eq!(Timestamp(98 * DAY).ago(now), "2 d ago");
        assert_eq!(Timestamp(103 * DAY).ago(now), "in 3 d");
    }
}
