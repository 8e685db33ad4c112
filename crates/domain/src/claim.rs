//! Claiming: the one-time code on a device's label, and whose a device is.

use crate::{
    custody::{CustodianKind, Holder},
    history::{Entry, Event, voided},
    id::CustodianId,
};
use std::fmt;

/// How many characters a code has, the last of which checks the others.
pub const LENGTH: usize = 10;
/// A code for examples, as people see one.
pub const EXAMPLE: &str = "7K3M9-QXR2J";
/// How many bits of a code are secret.
pub const BITS: u32 = 45;
/// After how many characters a code is broken for reading.
const GROUP: usize = 5;
/// Crockford's Base32: no letter that can be taken for a digit or makes words.
const LETTERS: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";

/// The code on a device's label. It is not shown by `Debug`, so that it gets into no log by accident.
#[derive(Clone, PartialEq, Eq)]
pub struct ClaimCode([u8; LENGTH]);

/// Why a text is no claim code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ClaimCodeError {
    /// It has another length.
    #[error("A claim code has {LENGTH} characters; this has {0}.")]
    Length(usize),
    /// It has a character that no code has.
    #[error("No claim code has the character “{0}” in it. Compare it with the label.")]
    Letter(char),
    /// Its characters don't fit each other.
    #[error("This is mistyped: a character is wrong, or two changed places. Compare it with the label.")]
    Check,
}

/// Multiplies by x in the field of 32 elements (x⁵ + x² + 1).
const fn times_x(symbol: u8) -> u8 {
    let doubled = symbol << 1;
    if doubled & 32 == 0 { doubled } else { doubled ^ 0b10_0101 }
}

/// The symbol that makes the sum of all symbols, each times another power of x, zero. A sum like that finds every wrong
/// character and every two that changed places, wherever they stand.
fn check_symbol(symbols: &[u8]) -> u8 {
    symbols.iter().fold(0, |sum, symbol| times_x(sum ^ symbol))
}

impl ClaimCode {
    /// The code of the lowest [`BITS`] of a number.
    #[must_use]
    pub fn from_bits(bits: u64) -> Self {
        let mut symbols = [0; LENGTH];
        for (place, symbol) in symbols[..LENGTH - 1].iter_mut().rev().enumerate() {
            // Five bits fit a byte.
            *symbol = (bits >> (5 * place) & 31) as u8;
        }
        symbols[LENGTH - 1] = check_symbol(&symbols[..LENGTH - 1]);
        Self(symbols)
    }

    /// Reads a code as people type it: in either case, with spaces and hyphens, with O for 0 and I or L for 1.
    ///
    /// # Errors
    /// When it has another length, a character that no code has, or is mistyped.
    pub fn parse(text: &str) -> Result<Self, ClaimCodeError> {
        let mut symbols = Vec::with_capacity(LENGTH);
        for letter in text.chars().filter(|c| !is_between(*c)) {
            let plain = match letter.to_ascii_uppercase() {
                'O' => '0',
                'I' | 'L' => '1',
                other => other,
            };
            let place = LETTERS.iter().position(|known| char::from(*known) == plain);
            let symbol = place.and_then(|place| u8::try_from(place).ok()).ok_or(ClaimCodeError::Letter(letter))?;
            symbols.push(symbol);
        }
        let length = symbols.len();
        let symbols: [u8; LENGTH] = symbols.try_into().map_err(|_| ClaimCodeError::Length(length))?;
        if check_symbol(&symbols[..LENGTH - 1]) == symbols[LENGTH - 1] {
            Ok(Self(symbols))
        } else {
            Err(ClaimCodeError::Check)
        }
    }

    /// Whether both are the same code, in a time that does not tell where they differ.
    #[must_use]
    pub fn matches(&self, other: &Self) -> bool {
        self.0.iter().zip(other.0).fold(0, |differs, (a, b)| differs | (a ^ b)) == 0
    }

    /// The code without the break, as addresses carry it.
    #[must_use]
    pub fn plain(&self) -> String {
        self.0.iter().map(|symbol| char::from(LETTERS[usize::from(*symbol & 31)])).collect()
    }
}

fn is_between(c: char) -> bool {
    c.is_whitespace() || matches!(c, '-' | '\u{2010}'..='\u{2015}' | '\u{2212}' | '.' | '_')
}

/// In groups, for reading: [`EXAMPLE`].
impl fmt::Display for ClaimCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let plain = self.plain();
        let (first, second) = plain.split_at(GROUP);
        write!(f, "{first}-{second}")
    }
}

impl fmt::Debug for ClaimCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ClaimCode")
    }
}

/// The longest address of a console that a label takes, in characters.
const ORIGIN_MAX: usize = 200;

/// The address of a console as labels carry it, without a path: `https://muster.example:8443`. None when it can't be one.
#[must_use]
pub fn origin(text: &str) -> Option<String> {
    let origin = text.trim().trim_end_matches('/');
    let host = origin.strip_prefix("https://")?;
    let is_host = host.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '[')
        && host.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._:[]".contains(&b));
    (is_host && origin.len() <= ORIGIN_MAX).then(|| origin.to_owned())
}

/// What a label's QR code carries: where to claim the device, and the code in the fragment, which browsers send to no
/// server, so that it stands in no log.
#[must_use]
pub fn address(origin: &str, serial: &str, code: Option<&ClaimCode>) -> String {
    let mut out = format!("{origin}/c/");
    for byte in serial.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    if let Some(code) = code {
        out.push('#');
        out.push_str(&code.plain());
    }
    out
}

/// Whose a device is, and whether it was claimed by them.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Ownership<'a> {
    /// The client who has it, or had it last: carriers and repair centres only have it for a while. None once it went back
    /// to stock.
    pub owner: Option<&'a Holder>,
    /// The claim by which it is theirs.
    pub claim: Option<&'a Entry>,
}

impl<'a> Ownership<'a> {
    /// What a device's history says, without entries that a correction voids.
    #[must_use]
    pub fn after(entries: &'a [Entry]) -> Self {
        let void = voided(entries);
        let mut counted: Vec<&Entry> = entries.iter().filter(|entry| !void.contains(&entry.id)).collect();
        counted.sort_by_key(|entry| (entry.at, entry.id));
        counted.into_iter().fold(Self::default(), Self::then)
    }

    fn then(self, entry: &'a Entry) -> Self {
        // Whoever carries a device does not own it.
        let holder = match &entry.event {
            Event::Shipped { .. } => None,
            event => event.holder_after(),
        };
        let Some(holder) = holder else { return self };
        let is_claim = matches!(entry.event, Event::Claimed { .. });
        match holder.kind {
            CustodianKind::RepairCentre => self,
            CustodianKind::Factory | CustodianKind::Distributor => Self::default(),
            CustodianKind::Client => {
                let stays = self.owner_id() == Some(holder.id);
                let claim = if is_claim { Some(entry) } else { self.claim.filter(|_| stays) };
                Self { owner: Some(holder), claim }
            }
        }
    }

    /// The client's id.
    #[must_use]
    pub fn owner_id(&self) -> Option<CustodianId> {
        self.owner.map(|owner| owner.id)
    }

    /// Whether the code on the label counts no more once this has become `next`: somebody else may have read it, or it was
    /// used.
    #[must_use]
    pub fn spoils_the_label(&self, next: &Self) -> bool {
        let left = self.owner.is_some() && next.owner_id() != self.owner_id();
        left || (self.claim.is_some() && next.claim.is_none())
    }
}

#[cfg(test)]
mod tests;
