//! MAC addresses (IEEE 802 EUI-48).

use super::{Identifier, IdentifierError, excerpt};
use std::fmt;

/// The address of one network interface: never multicast, broadcast or zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Mac([u8; 6]);

impl Mac {
    /// Reads `d8:80:39:4e:71:0c`, `D8-80-39-4E-71-0C`, `d880.394e.710c` or `d880394e710c`.
    ///
    /// # Errors
    /// When the text is none of these, or an address that no single interface has.
    pub fn parse(text: &str) -> Result<Self, IdentifierError> {
        if text.trim().is_empty() {
            return Err(IdentifierError::Empty);
        }
        let bytes = digits(text.trim())
            .and_then(|digits| hex::decode(digits).ok())
            .and_then(|bytes| <[u8; 6]>::try_from(bytes).ok())
            .ok_or_else(|| IdentifierError::NotMac(excerpt(text)))?;
        Self::new(bytes)
    }

    /// An address from its bytes, as sent.
    ///
    /// # Errors
    /// When no single interface has this address.
    pub fn new(bytes: [u8; 6]) -> Result<Self, IdentifierError> {
        let mac = Self(bytes);
        match bytes {
            [0, 0, 0, 0, 0, 0] => Err(IdentifierError::ZeroMac),
            [0xff, 0xff, 0xff, 0xff, 0xff, 0xff] => Err(IdentifierError::BroadcastMac),
            [first, ..] if first & 1 == 1 => Err(IdentifierError::MulticastMac(mac)),
            _ => Ok(mac),
        }
    }

    /// The six bytes, as sent.
    #[must_use]
    pub const fn bytes(self) -> [u8; 6] {
        self.0
    }

    /// The first three bytes, which the IEEE assigned to the maker (unless [`Self::is_local`]).
    #[must_use]
    pub const fn oui(self) -> [u8; 3] {
        let [a, b, c, ..] = self.0;
        [a, b, c]
    }

    /// Whether the address was made up locally: then nobody vouches that it is unique.
    #[must_use]
    pub const fn is_local(self) -> bool {
        self.0[0] & 2 != 0
    }

    /// The two forms of the identifier.
    #[must_use]
    pub fn identifier(self) -> Identifier {
        Identifier { shown: self.to_string(), key: format!("mac:{self}") }
    }
}

/// The twelve digits without their separators, if these stand where one of the four ways of writing has them.
fn digits(text: &str) -> Option<String> {
    let (separator, group) = match text.len() {
        12 => return Some(text.to_owned()),
        14 => ('.', 4),
        17 if text.contains(':') => (':', 2),
        17 => ('-', 2),
        _ => return None,
    };
    let groups: Vec<&str> = text.split(separator).collect();
    (groups.len() == 12 / group && groups.iter().all(|g| g.len() == group)).then(|| groups.concat())
}

impl fmt::Display for Mac {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, c, d, e, g] = self.0;
        write!(f, "{a:02x}:{b:02x}:{c:02x}:{d:02x}:{e:02x}:{g:02x}")
    }
}
