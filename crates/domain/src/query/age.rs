//! Lengths of time in a query, like `30d`.

use super::error::excerpt;
use crate::time::SECOND;
use std::fmt;

/// A length of time in seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Age(pub u64);

const UNITS: [(&str, u64); 7] = [
    ("y", 365 * 86_400),
    ("d", 86_400),
    ("h", 3_600),
    ("min", 60),
    ("s", 1),
    // Read, but not written, so that every length has one way to be written.
    ("mo", 30 * 86_400),
    ("w", 7 * 86_400),
];
const WRITTEN: usize = 5;

impl Age {
    /// The longest age that is read: a hundred years.
    pub const LONGEST: Self = Self(100 * 365 * 86_400);

    /// The number of microseconds, the unit of [`Timestamp`].
    #[must_use]
    pub fn micros(self) -> i64 {
        i64::try_from(self.0).unwrap_or(i64::MAX).saturating_mul(SECOND)
    }

    /// The number and the largest unit that fits without a remainder.
    fn parts(self) -> (u64, &'static str) {
        let fits = |unit: &&(&str, u64)| self.0 >= unit.1 && self.0.is_multiple_of(unit.1);
        UNITS[..WRITTEN].iter().find(fits).map_or((self.0, "s"), |(name, seconds)| (self.0 / seconds, *name))
    }

    /// For people: `30 d`.
    #[must_use]
    pub fn words(self) -> String {
        let (number, unit) = self.parts();
        format!("{number} {unit}")
    }
}

impl fmt::Display for Age {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (number, unit) = self.parts();
        write!(f, "{number}{unit}")
    }
}

/// Why a text is not an age.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct AgeError {
    /// What is wrong and what to do.
    pub(super) message: String,
    /// What was probably meant.
    pub(super) suggestion: Option<String>,
}

impl Age {
    /// Reads a number and a unit.
    pub(super) fn parse(text: &str) -> Result<Self, AgeError> {
        let wrong = |message: String, suggestion: Option<String>| Err(AgeError { message, suggestion });
        let (digits, unit) = text.split_at(text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len()));
        let unit = unit.to_ascii_lowercase();
        let seconds = UNITS.iter().find(|(name, _)| *name == unit).map(|(_, seconds)| *seconds);
        match (digits, unit.as_str(), seconds) {
            ("", ..) => {
                wrong(format!("“{}” is no age and no date; write 7d, 2026-11 or 2026-11-04", excerpt(text)), None)
            }
            (_, "", _) => {
                wrong(format!("“{}” needs a unit: s, min, h, d, w, mo or y", excerpt(text)), Some(format!("{digits}d")))
            }
            (_, "m", _) => {
                wrong("“m” may be minutes or months; write min or mo".to_owned(), Some(format!("{digits}min")))
            }
            (.., None) => wrong(
                format!(
                    "“{}” is not a unit of time; use s, min, h, d, w, mo (30 days) or y (365 days)",
                    excerpt(&unit)
                ),
                spelled_out(&unit).map(|unit| format!("{digits}{unit}")),
            ),
            (.., Some(seconds)) => match digits.parse::<u64>().ok().and_then(|number| number.checked_mul(seconds)) {
                Some(total) if total <= Self::LONGEST.0 => Ok(Self(total)),
                _ => wrong("the longest age is 100y".to_owned(), Some(Self::LONGEST.to_string())),
            },
        }
    }
}

/// The unit that a longer word means.
fn spelled_out(unit: &str) -> Option<&'static str> {
    const WORDS: [(&str, &str); 8] = [
        ("sec", "s"),
        ("minute", "min"),
        ("mins", "min"),
        ("h", "h"),
        ("day", "d"),
        ("we", "w"),
        ("mon", "mo"),
        ("ye", "y"),
    ];
    WORDS.iter().find(|(beginning, _)| unit.starts_with(beginning)).map(|(_, unit)| *unit)
}
