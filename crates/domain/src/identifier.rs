//! What identifies a component: MAC addresses, IMEIs and makers' serial numbers, each in one comparable form.
//!
//! Factories, devices and people write the same identifier in many ways. An [`Identifier`] keeps it as people read
//! it and as it is compared. Keys name the kind of identifier first (`mac:`, `imei:`, `sn:<class>:`), so that an
//! Ethernet and a WLAN interface with the same address collide, and a CPU and a flash with the same number don't.

mod begin;
mod imei;
mod mac;

pub use begin::lookup_prefixes;
pub use imei::{Imei, imei_with_check_digit};
pub use mac::Mac;

use crate::component::ComponentClass;
use serde::{Deserialize, Serialize};

/// The longest serial number of a part that is accepted, in characters.
pub const IDENTIFIER_MAX: usize = 64;

/// An identifier in its two forms.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Identifier {
    /// As people read it: `d8:80:39:4e:71:0c`, `86 194105 033718 0`, `MB26B-117204`.
    pub shown: String,
    /// As it is compared and looked up: `mac:d8:80:39:4e:71:0c`, `imei:861941050337180`, `sn:board:MB26B-117204`.
    pub key: String,
}

/// Why a text does not identify a component, and what to do.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum IdentifierError {
    /// There is no text.
    #[error("the identifier is empty; give the number that is printed on the part or that the device reports")]
    Empty,
    /// A serial number is too long.
    #[error("the identifier has {0} characters; at most {IDENTIFIER_MAX} are accepted")]
    TooLong(usize),
    /// A serial number holds a character that can't be seen.
    #[error("the identifier holds an invisible character (U+{0:04X}) at position {1}; type it anew without it")]
    Invisible(u32, usize),
    /// Not a MAC address at all.
    #[error("“{0}” is not a MAC address; write six bytes in hexadecimal, like d8:80:39:4e:71:0c")]
    NotMac(String),
    /// All bits of a MAC address are zero.
    #[error("00:00:00:00:00:00 means that the address was never set; read it from the interface again")]
    ZeroMac,
    /// All bits of a MAC address are one.
    #[error("ff:ff:ff:ff:ff:ff is the broadcast address; it belongs to no interface")]
    BroadcastMac,
    /// The group bit of a MAC address is set (IEEE 802, section 8.2).
    #[error("{0} is a multicast address; it belongs to no interface")]
    MulticastMac(Mac),
    /// Not an IMEI at all.
    #[error("“{0}” is not an IMEI; write its 15 digits, like 86 194105 033718 0")]
    NotImei(String),
    /// Fourteen digits: the check digit was left out.
    #[error("an IMEI has 15 digits, here are 14; if only the check digit is missing, it is {0}")]
    NoCheckDigit(u8),
    /// Sixteen digits: an IMEISV (3GPP TS 23.003, section 6.2.2).
    #[error("these 16 digits are an IMEISV, with a software version in place of the check digit; give the IMEI, {0}")]
    Imeisv(Imei),
    /// The check digit does not fit (3GPP TS 23.003, annex B).
    #[error("the check digit of this IMEI should be {expected} but is {found}; a digit is wrong")]
    CheckDigit {
        /// What the other digits ask for.
        expected: u8,
        /// What stands there.
        found: u8,
    },
    /// An IMEI of zeros.
    #[error("an IMEI of zeros means that it was never set; read it from the modem again")]
    ZeroImei,
}

/// Brings the identifier of a component into its two forms.
///
/// # Errors
/// When a component of this class can't have such an identifier.
pub fn normalise(class: ComponentClass, text: &str) -> Result<Identifier, IdentifierError> {
    match class {
        ComponentClass::Ethernet | ComponentClass::Wlan => Mac::parse(text).map(Mac::identifier),
        ComponentClass::Lte => Imei::parse(text).map(Imei::identifier),
        _ => serial(class, text),
    }
}

/// Every key that a text without a class may stand for. Empty when it can't identify anything.
///
/// Looking for a part means looking for all of them, since twelve hexadecimal digits may be an address or a serial.
#[must_use]
pub fn lookup_keys(text: &str) -> Vec<String> {
    let mut keys: Vec<String> =
        ComponentClass::ALL.iter().filter_map(|class| normalise(*class, text).ok()).map(|found| found.key).collect();
    keys.sort_unstable();
    keys.dedup();
    keys
}

/// A maker's serial number. Letters compare without case and spaces don't count, for labels group digits as they like.
fn serial(class: ComponentClass, text: &str) -> Result<Identifier, IdentifierError> {
    let shown = text.trim();
    if shown.is_empty() {
        return Err(IdentifierError::Empty);
    }
    let length = shown.chars().count();
    if length > IDENTIFIER_MAX {
        return Err(IdentifierError::TooLong(length));
    }
    if let Some((at, c)) = shown.chars().enumerate().find(|(_, c)| is_invisible(*c)) {
        return Err(IdentifierError::Invisible(u32::from(c), at + 1));
    }
    Ok(Identifier { shown: shown.to_owned(), key: format!("sn:{}:{}", class.as_str(), compared(shown)) })
}

/// A serial number as it is compared.
fn compared(serial: &str) -> String {
    serial.chars().filter(|c| !c.is_whitespace()).flat_map(char::to_uppercase).collect()
}

/// Control characters, and those of Unicode that only change how others are shown: with them two numbers could look
/// the same and yet differ.
fn is_invisible(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

/// The beginning of a text that is quoted in an error.
fn excerpt(text: &str) -> String {
    text.trim().chars().take(40).map(|c| if is_invisible(c) { '\u{fffd}' } else { c }).collect()
}

#[cfg(test)]
mod tests;
