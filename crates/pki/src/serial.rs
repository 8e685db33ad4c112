//! Serial numbers of certificates.

use crate::Error;
use ring::rand::{SecureRandom, SystemRandom};
use std::fmt;

/// The most bytes that RFC 5280 lets a serial number have.
const LONGEST: usize = 20;
/// How many bytes ours have: 126 bits that nobody can guess.
const OURS: usize = 16;

/// The serial number of a certificate: a positive number of at most 20 bytes. Small enough to hold a million of.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SerialNumber {
    length: u8,
    bytes: [u8; LONGEST],
}

impl SerialNumber {
    /// A number that nobody can guess and that never meets another.
    ///
    /// # Errors
    /// When the system has no random numbers.
    pub fn random() -> Result<Self, Error> {
        let mut bytes = [0; OURS];
        SystemRandom::new().fill(&mut bytes).map_err(|_| Error::Random)?;
        // Always positive and always 16 bytes, so that it is the same text everywhere.
        bytes[0] = bytes[0] & 0x3f | 0x40;
        Self::from_bytes(&bytes)
    }

    /// A number from its big-endian bytes; zeros at the front don't count.
    ///
    /// # Errors
    /// When it has more than 20 bytes.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, Error> {
        let skip = bytes.iter().take_while(|byte| **byte == 0).count().min(bytes.len().saturating_sub(1));
        let significant = &bytes[skip..];
        let mut held = [0; LONGEST];
        let Some(place) = held.get_mut(..significant.len()) else {
            return Err(Error::Serial(hex::encode(significant)));
        };
        place.copy_from_slice(significant);
        let length = u8::try_from(significant.len()).unwrap_or_default().max(1);
        Ok(Self { length, bytes: held })
    }

    /// Reads hexadecimal digits, as [`SerialNumber::hex`] writes them or as other programs do (upper case, colons).
    ///
    /// # Errors
    /// When it is no hexadecimal number, or too long.
    pub fn from_hex(text: &str) -> Result<Self, Error> {
        let mut digits: String = text.trim().chars().filter(|c| *c != ':').take(100).collect();
        if digits.len() % 2 == 1 {
            digits.insert(0, '0');
        }
        let wrong = || Error::Serial(text.chars().take(60).collect());
        let bytes = hex::decode(&digits).map_err(|_| wrong())?;
        if bytes.is_empty() {
            return Err(wrong());
        }
        Self::from_bytes(&bytes)
    }

    /// From the content of a DER INTEGER, which must not be negative.
    pub(crate) fn from_integer(content: &[u8]) -> Result<Self, Error> {
        match content.first() {
            Some(first) if first & 0x80 == 0 => Self::from_bytes(content),
            _ => Err(Error::Serial(hex::encode(content.get(..LONGEST).unwrap_or(content)))),
        }
    }

    /// Lower-case hexadecimal digits, two for each byte, without zero bytes at the front.
    #[must_use]
    pub fn hex(&self) -> String {
        hex::encode(self.as_bytes())
    }

    /// The big-endian bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        self.bytes.get(..usize::from(self.length)).unwrap_or(&self.bytes)
    }
}

impl fmt::Debug for SerialNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SerialNumber({})", self.hex())
    }
}

impl fmt::Display for SerialNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.hex())
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
    use super::*;

    #[test]
    fn random_ones_are_positive_and_of_one_length() {
        let one = SerialNumber::random().unwrap();
        assert_eq!(one.hex().len(), 32);
        assert!(one.as_bytes()[0] < 0x80);
        assert_ne!(one, SerialNumber::random().unwrap());
    }

    #[test]
    fn a_text_is_read_however_it_is_written() {
        let hex = |text: &str| SerialNumber::from_hex(text).unwrap().hex();
        assert_eq!(hex("00:0A:Ff"), "0aff");
        assert_eq!(hex("aff"), "0aff");
        assert_eq!(hex("0"), "00");
        for wrong in ["", "xyz", &"11".repeat(21), "-1"] {
            assert!(matches!(SerialNumber::from_hex(wrong), Err(Error::Serial(_))), "{wrong}");
        }
        assert!(SerialNumber::from_integer(&[0x80]).is_err() && SerialNumber::from_integer(&[]).is_err());
        assert_eq!(SerialNumber::from_integer(&[0, 0x80]).unwrap().as_bytes(), [0x80]);
    }
}
