//! IMEIs, the numbers of cellular modems (3GPP TS 23.003, section 6.2.1).

use super::{Identifier, IdentifierError, excerpt};
use std::fmt;

/// An IMEI whose check digit fits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Imei([u8; 15]);

impl Imei {
    /// Reads 15 digits; spaces, dashes and slashes between them don't count.
    ///
    /// # Errors
    /// When there are other characters, more or fewer digits, only zeros, or the check digit does not fit.
    pub fn parse(text: &str) -> Result<Self, IdentifierError> {
        if text.trim().is_empty() {
            return Err(IdentifierError::Empty);
        }
        let wrong = || IdentifierError::NotImei(excerpt(text));
        let digits = digits(text).ok_or_else(wrong)?;
        match *digits.as_slice() {
            [ref body @ .., found] if body.len() == 14 => {
                let imei = imei_with_check_digit(&first14(body).ok_or_else(wrong)?)?;
                let expected = imei.check_digit();
                if expected == found { Ok(imei) } else { Err(IdentifierError::CheckDigit { expected, found }) }
            }
            [ref body @ .., _, _] if body.len() == 14 => {
                Err(IdentifierError::Imeisv(imei_with_check_digit(&first14(body).ok_or_else(wrong)?)?))
            }
            ref body if body.len() == 14 => {
                let imei = imei_with_check_digit(&first14(body).ok_or_else(wrong)?)?;
                Err(IdentifierError::NoCheckDigit(imei.check_digit()))
            }
            _ => Err(wrong()),
        }
    }

    /// The type allocation code, the first eight digits: which modem of which maker.
    #[must_use]
    pub fn tac(self) -> String {
        text(&self.0[..8])
    }

    /// The last digit.
    #[must_use]
    pub const fn check_digit(self) -> u8 {
        self.0[14]
    }

    /// The fifteen digits without spaces.
    #[must_use]
    pub fn digits(self) -> String {
        text(&self.0)
    }

    /// The two forms of the identifier.
    #[must_use]
    pub fn identifier(self) -> Identifier {
        Identifier { shown: self.to_string(), key: format!("imei:{}", self.digits()) }
    }
}

/// Completes 14 digits (each 0 to 9) with the check digit of 3GPP TS 23.003, annex B.
///
/// # Errors
/// When one is not a digit, or all are zero.
pub fn imei_with_check_digit(digits: &[u8; 14]) -> Result<Imei, IdentifierError> {
    if digits.iter().any(|digit| *digit > 9) {
        return Err(IdentifierError::NotImei(format!("{digits:?}")));
    }
    if digits.iter().all(|digit| *digit == 0) {
        return Err(IdentifierError::ZeroImei);
    }
    let mut all = [0; 15];
    all[..14].copy_from_slice(digits);
    all[14] = luhn(digits);
    Ok(Imei(all))
}

/// Annex B: every second digit is doubled, the digits of all results are added, and the sum is filled up to ten.
fn luhn(digits: &[u8; 14]) -> u8 {
    let sum: u8 = digits.iter().enumerate().map(|(at, d)| if at % 2 == 1 { d * 2 / 10 + d * 2 % 10 } else { *d }).sum();
    (10 - sum % 10) % 10
}

/// The digits of a text that holds at most 16 of them and nothing else but separators.
fn digits(text: &str) -> Option<Vec<u8>> {
    let mut digits = Vec::with_capacity(16);
    for c in text.trim().chars() {
        match c.to_digit(10).and_then(|digit| u8::try_from(digit).ok()) {
            Some(digit) if digits.len() < 16 => digits.push(digit),
            None if matches!(c, ' ' | '-' | '/' | '\u{a0}' | '\u{202f}') => {}
            _ => return None,
        }
    }
    Some(digits)
}

fn first14(digits: &[u8]) -> Option<[u8; 14]> {
    digits.try_into().ok()
}

fn text(digits: &[u8]) -> String {
    digits.iter().map(|digit| char::from(b'0' + digit)).collect()
}

impl fmt::Display for Imei {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [head, middle, tail] = [&self.0[..2], &self.0[2..8], &self.0[8..14]].map(text);
        write!(f, "{head} {middle} {tail} {}", self.check_digit())
    }
}
