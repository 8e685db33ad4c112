//! An identifier as a device reports it, which may be none.

use crate::{
    component::ComponentClass,
    identifier::{Identifier, IdentifierError, Mac, normalise},
};

/// What an attribute that should be an identifier says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reading {
    /// An identifier.
    Identified(Identifier),
    /// An IMEI in which a digit is wrong.
    WrongCheckDigit {
        /// As it was reported.
        reported: String,
        /// The check digit that the other digits ask for.
        expected: u8,
        /// The one that stands there.
        found: u8,
    },
    /// Nothing: the device looked and found no part.
    Empty,
    /// A text that identifies nothing, like `unknown` or an address of zeros: the device can't tell.
    Unreadable(String),
}

impl Reading {
    /// Reads what a part of this class reports.
    #[must_use]
    pub fn of(class: ComponentClass, text: &str) -> Self {
        if text.trim().is_empty() {
            return Self::Empty;
        }
        match normalise(class, text) {
            Ok(_) if is_placeholder(text) => Self::Unreadable(text.to_owned()),
            Ok(identifier) => Self::Identified(identifier),
            // Modems report these forms as well as the IMEI itself.
            Err(IdentifierError::Imeisv(imei)) => Self::Identified(imei.identifier()),
            Err(IdentifierError::NoCheckDigit(digit)) => match normalise(class, &format!("{text}{digit}")) {
                Ok(identifier) => Self::Identified(identifier),
                Err(_) => Self::Unreadable(text.to_owned()),
            },
            Err(IdentifierError::CheckDigit { expected, found }) => {
                Self::WrongCheckDigit { reported: text.trim().to_owned(), expected, found }
            }
            Err(_) => Self::Unreadable(text.to_owned()),
        }
    }

    /// The identifier, if it is one.
    #[must_use]
    pub const fn identifier(&self) -> Option<&Identifier> {
        match self {
            Self::Identified(identifier) => Some(identifier),
            _ => None,
        }
    }

    /// The address, if it is one.
    pub(super) fn mac(&self) -> Option<Mac> {
        self.identifier().filter(|found| found.key.starts_with("mac:")).and_then(|found| Mac::parse(&found.shown).ok())
    }

    /// Whether this says more of the part than another reading of it.
    pub(super) const fn says_more_than(&self, other: &Self) -> bool {
        self.rank() > other.rank()
    }

    const fn rank(&self) -> u8 {
        match self {
            Self::Identified(_) => 3,
            Self::WrongCheckDigit { .. } => 2,
            Self::Unreadable(_) => 1,
            Self::Empty => 0,
        }
    }
}

/// Whether a text only fills the place of a serial number, as firmware and scripts do when there is none. Otherwise
/// every board on which nobody set a number would be a copy of all others.
fn is_placeholder(text: &str) -> bool {
    const WORDS: &[&str] = &[
        "none",
        "null",
        "nil",
        "n/a",
        "na",
        "unknown",
        "unset",
        "undefined",
        "default",
        "default string",
        "default_string",
        "not specified",
        "not available",
        "not present",
        "not set",
        "to be filled by o.e.m.",
        "to be filled by oem",
        "o.e.m.",
        "oem",
        "system serial number",
        "base board serial number",
        "chassis serial number",
        "serial number",
        "0123456789",
        "123456789",
        "1234567890",
        "error",
    ];
    let word = text.trim().to_lowercase();
    let digits: Vec<char> = word.chars().filter(|c| !matches!(c, ' ' | '-' | ':' | '.' | '_')).collect();
    let filler = digits.first().is_none_or(|first| "0fx?".contains(*first) && digits.iter().all(|c| c == first));
    filler
        || digits.starts_with(&['0', 'x']) && digits.iter().skip(2).all(|c| *c == '0')
        || WORDS.contains(&word.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn forms_of_an_imei() {
        let key = |text: &str| Reading::of(ComponentClass::Lte, text).identifier().map(|found| found.key.clone());
        let expected = Some("imei:861941050337180".to_owned());
        for text in ["861941050337180", "86-194105-033718-0", "8619410503371801", "86194105033718"] {
            assert_eq!(key(text), expected, "{text}");
        }
        let wrong = Reading::of(ComponentClass::Lte, " 861941050337181");
        let (expected, found) = (0, 1);
        assert_eq!(wrong, Reading::WrongCheckDigit { reported: "861941050337181".into(), expected, found });
    }

    #[test]
    fn what_identifies_nothing() {
        use ComponentClass::{Board, Cpu, Lte, Wlan};
        for (class, text) in [
            (Board, "To be filled by O.E.M."),
            (Board, "Default string"),
            (Cpu, "0000000000000000"),
            (Cpu, "0x0000"),
            (Cpu, "ffff-ffff"),
            (Board, "---"),
            (Wlan, "00:00:00:00:00:00"),
            (Wlan, "cat: /sys/class/net/wlan0/address: No such file or directory"),
            (Lte, "000000000000000"),
        ] {
            assert_eq!(Reading::of(class, text), Reading::Unreadable(text.into()), "{text}");
        }
        assert_eq!(Reading::of(Cpu, " "), Reading::Empty);
        assert!(Reading::of(Board, "MB26B-117204").identifier().is_some());
        assert!(Reading::of(Board, "0F0F").identifier().is_some());
    }

    proptest! {
        #[test]
        fn any_text_is_read(text in any::<String>()) {
            for class in ComponentClass::ALL {
                let read = Reading::of(*class, &text);
                prop_assert_eq!(read == Reading::Empty, text.trim().is_empty());
            }
        }
    }
}
