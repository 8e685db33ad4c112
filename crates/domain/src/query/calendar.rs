//! Days, months and years in a query.

use crate::time::Timestamp;
use chrono::{Datelike, Months, NaiveDate};
use std::fmt;

/// A day, a month or a year of the calendar, in UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Calendar {
    /// `2026`, as its first day.
    Year(NaiveDate),
    /// `2026-11`, as its first day.
    Month(NaiveDate),
    /// `2026-11-04`.
    Day(NaiveDate),
}

impl Calendar {
    /// Reads `2026`, `2026-11` or `2026-11-04`, from 1970 to 9999.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let mut parts = text.split('-');
        let year: i32 = number(parts.next()?, 4)?;
        let month = parts.next().map(|text| number(text, 2).ok_or(())).transpose().ok()?;
        let day = parts.next().map(|text| number(text, 2).ok_or(())).transpose().ok()?;
        let date = NaiveDate::from_ymd_opt(year, month.unwrap_or(1), day.unwrap_or(1))?;
        if parts.next().is_some() || year < 1970 {
            return None;
        }
        Some(match (month, day) {
            (_, Some(_)) => Self::Day(date),
            (Some(_), None) => Self::Month(date),
            (None, None) => Self::Year(date),
        })
    }

    const fn first_day(self) -> NaiveDate {
        match self {
            Self::Year(date) | Self::Month(date) | Self::Day(date) => date,
        }
    }

    /// The first instant.
    #[must_use]
    pub fn start(self) -> Timestamp {
        midnight(self.first_day())
    }

    /// The first instant after it.
    #[must_use]
    pub fn end(self) -> Timestamp {
        let date = self.first_day();
        let next = match self {
            Self::Year(_) => date.checked_add_months(Months::new(12)),
            Self::Month(_) => date.checked_add_months(Months::new(1)),
            Self::Day(_) => date.succ_opt(),
        };
        next.map_or(Timestamp(i64::MAX), midnight)
    }
}

/// A number of exactly this many digits.
fn number<T: std::str::FromStr>(text: &str, digits: usize) -> Option<T> {
    (text.len() == digits && text.bytes().all(|b| b.is_ascii_digit())).then(|| text.parse().ok()).flatten()
}

fn midnight(date: NaiveDate) -> Timestamp {
    Timestamp(date.and_time(chrono::NaiveTime::MIN).and_utc().timestamp_micros())
}

impl fmt::Display for Calendar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let date = self.first_day();
        match self {
            Self::Year(_) => write!(f, "{:04}", date.year()),
            Self::Month(_) => write!(f, "{:04}-{:02}", date.year(), date.month()),
            Self::Day(_) => write!(f, "{:04}-{:02}-{:02}", date.year(), date.month(), date.day()),
        }
    }
}
