//! Conditions on a time, and the times that fulfil them.

use super::{Age, Calendar};
use crate::time::Timestamp;

/// How two values are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Comparison {
    /// `<`
    Less,
    /// `<=`
    LessOrEqual,
    /// `>`
    Greater,
    /// `>=`
    GreaterOrEqual,
}

impl Comparison {
    /// The operator in a query, which is the one of SQL as well.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Less => "<",
            Self::LessOrEqual => "<=",
            Self::Greater => ">",
            Self::GreaterOrEqual => ">=",
        }
    }
}

/// A condition on a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum When {
    /// It is this long ago, or this far ahead.
    Age(Comparison, Age),
    /// It stands in this order to a part of the calendar: before its start, before its end, after its end, after its
    /// start.
    Date(Comparison, Calendar),
    /// It lies in a part of the calendar.
    During(Calendar),
}

impl When {
    /// The times that fulfil the condition, ages counted back from `now`.
    #[must_use]
    pub fn past(self, now: Timestamp) -> TimeRange {
        match self {
            Self::Age(comparison, age) => TimeRange::of(mirrored(comparison), now.plus(-age.micros())),
            other => other.dated(),
        }
    }

    /// The times that fulfil the condition, ages counted onwards from `now`.
    #[must_use]
    pub fn future(self, now: Timestamp) -> TimeRange {
        match self {
            Self::Age(comparison, age) => TimeRange::of(comparison, now.plus(age.micros())),
            other => other.dated(),
        }
    }

    fn dated(self) -> TimeRange {
        match self {
            Self::Age(..) => TimeRange::default(),
            Self::During(date) => TimeRange { from: Some(date.start()), until: Some(date.end()) },
            Self::Date(Comparison::Less, date) => TimeRange { from: None, until: Some(date.start()) },
            Self::Date(Comparison::LessOrEqual, date) => TimeRange { from: None, until: Some(date.end()) },
            Self::Date(Comparison::Greater, date) => TimeRange { from: Some(date.end()), until: None },
            Self::Date(Comparison::GreaterOrEqual, date) => TimeRange { from: Some(date.start()), until: None },
        }
    }
}

/// A lower age is a later time.
const fn mirrored(comparison: Comparison) -> Comparison {
    match comparison {
        Comparison::Less => Comparison::Greater,
        Comparison::LessOrEqual => Comparison::GreaterOrEqual,
        Comparison::Greater => Comparison::Less,
        Comparison::GreaterOrEqual => Comparison::LessOrEqual,
    }
}

/// Times from an instant, up to but without another. An end that is missing is open.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TimeRange {
    /// The first instant.
    pub from: Option<Timestamp>,
    /// The first instant that no longer counts.
    pub until: Option<Timestamp>,
}

impl TimeRange {
    /// All times that stand in this order to an instant.
    fn of(comparison: Comparison, instant: Timestamp) -> Self {
        match comparison {
            Comparison::Less => Self { from: None, until: Some(instant) },
            Comparison::LessOrEqual => Self { from: None, until: Some(instant.plus(1)) },
            Comparison::Greater => Self { from: Some(instant.plus(1)), until: None },
            Comparison::GreaterOrEqual => Self { from: Some(instant), until: None },
        }
    }

    /// Whether an instant lies within.
    #[must_use]
    pub fn contains(self, instant: Timestamp) -> bool {
        self.from.is_none_or(|from| from <= instant) && self.until.is_none_or(|until| instant < until)
    }
}
