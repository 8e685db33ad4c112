//! Decimal numbers as people write them, exact to six places: what hashes are taken over must not be a float.

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use std::{fmt, str::FromStr};

/// How many parts one whole has.
const ONE: i64 = 1_000_000;
/// The largest whole number: values of sensors are smaller.
const WHOLE_MAX: i64 = 1_000_000_000_000;

/// A number in millionths.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Decimal(i64);

/// What was read is no decimal number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("Write a number like 12 or 0.5, with six decimals at most.")]
pub struct NotDecimal;

impl Decimal {
    /// It as millionths.
    #[must_use]
    pub const fn millionths(self) -> i64 {
        self.0
    }

    /// So many millionths, within what is read.
    #[must_use]
    pub fn of_millionths(millionths: i64) -> Self {
        Self(millionths.clamp(-WHOLE_MAX * ONE, WHOLE_MAX * ONE))
    }

    /// It as a float.
    #[must_use]
    pub fn value(self) -> f64 {
        self.0 as f64 / ONE as f64
    }
}

impl FromStr for Decimal {
    type Err = NotDecimal;

    fn from_str(text: &str) -> Result<Self, NotDecimal> {
        let (sign, digits) = text.trim().strip_prefix(['-', '−']).map_or((1, text.trim()), |rest| (-1, rest));
        let (whole, part) = digits.split_once(['.', ',']).unwrap_or((digits, ""));
        let is_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
        if whole.is_empty() || whole.len() > 13 || part.len() > 6 || !is_digits(whole) || !is_digits(part) {
            return Err(NotDecimal);
        }
        let whole = whole.parse::<i64>().ok().filter(|whole| *whole <= WHOLE_MAX).ok_or(NotDecimal)?;
        let part: i64 = format!("{part:0<6}").parse().map_err(|_| NotDecimal)?;
        Ok(Self(sign * (whole * ONE + part).min(WHOLE_MAX * ONE)))
    }
}

impl fmt::Display for Decimal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.0 < 0 { "-" } else { "" };
        let (whole, part) = (self.0.unsigned_abs() / ONE.unsigned_abs(), self.0.unsigned_abs() % ONE.unsigned_abs());
        let text = format!("{whole}.{part:06}");
        write!(f, "{sign}{}", text.trim_end_matches('0').trim_end_matches('.'))
    }
}

/// As a text, which every reader of JSON keeps as it is.
impl Serialize for Decimal {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Decimal {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let text = <std::borrow::Cow<'de, str>>::deserialize(d)?;
        text.parse().map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn numbers_are_read_as_people_write_them() {
        let read = |text: &str| text.parse::<Decimal>().ok().map(Decimal::millionths);
        assert_eq!(
            ["12", "0.5", "-3,25", " 7 ", "0.0000001", "", ".5", "1e3", "99999999999999"].map(read),
            [Some(12_000_000), Some(500_000), Some(-3_250_000), Some(7_000_000), None, None, None, None, None]
        );
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_as_the_same(millionths in -WHOLE_MAX * ONE..=WHOLE_MAX * ONE) {
            let number = Decimal::of_millionths(millionths);
            prop_assert_eq!(number.to_string().parse::<Decimal>(), Ok(number));
            let json = serde_json::to_string(&number).unwrap_or_default();
            prop_assert_eq!(serde_json::from_str::<Decimal>(&json).ok(), Some(number));
        }
    }
}
