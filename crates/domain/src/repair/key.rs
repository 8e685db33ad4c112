//! Which part holds a device's key.

use crate::component::{ComponentClass, Part};
use std::collections::BTreeSet;

/// What the key of a device is in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyPart {
    /// A secure element, which doesn't give it away.
    SecureElement,
    /// The processor and the main board, for want of one: the key is in a file that moves with them.
    Board,
}

/// What the key of a device with these parts is in.
fn key_part(parts: &[Part]) -> KeyPart {
    if parts.iter().any(|part| part.class == ComponentClass::SecureElement) {
        KeyPart::SecureElement
    } else {
        KeyPart::Board
    }
}

/// Whether a part of this class holds the key of a device that is made of `parts`.
#[must_use]
pub fn holds_key(parts: &[Part], class: ComponentClass) -> bool {
    match key_part(parts) {
        KeyPart::SecureElement => class == ComponentClass::SecureElement,
        KeyPart::Board => matches!(class, ComponentClass::Cpu | ComponentClass::Board),
    }
}

/// The parts among these that hold the device's key.
pub fn key_parts(parts: &[Part]) -> impl Iterator<Item = &Part> {
    parts.iter().filter(|part| holds_key(parts, part.class))
}

/// Whether the device's key is another one once it is made of `after` rather than `before`.
#[must_use]
pub fn key_changes(before: &[Part], after: &[Part]) -> bool {
    let keys = |parts| key_parts(parts).map(|part: &Part| part.identifier_key.as_str()).collect::<BTreeSet<&str>>();
    keys(before) != keys(after)
}
