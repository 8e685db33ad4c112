//! GS1 EPCIS 2.0 (JSON-LD) with the Core Business Vocabulary (CBV) 2.0: reading, interpreting and writing history.
//!
//! [`read_document`] takes a document, a query's answer or a single event and keeps each event as it came
//! ([`EpcisEvent::raw`]). [`interpret`] says what an event means for the devices that we know, and names what it
//! leaves and why. [`export`] writes a device's history as events and [`document`] wraps them; what is written
//! validates against GS1's schema.
//!
//! Whether an event is known already is decided by its identifier, before interpreting: [`main_event_id`] is what an
//! entry imported from EPCIS keeps, and [`own_entry`] is the entry that we exported ourselves.

mod digital_link;
mod epc;
mod export;
mod hash;
mod interpret;
mod location;
mod part;
mod read;
mod vocabulary;

pub use epc::{Epc, gtin14_to_sgtin, is_sgtin_class, sgtin_to_gtin14};
pub use export::{DeviceFacts, device_epc, document, event_id, export, main_event_id, own_entry};
pub use hash::{Namespaces, event_hash_id};
pub use interpret::{Interpretation, Left, NewEntry, PartChange, Resolver, interpret, subjects};
pub use location::{custodian_location, location_key, own_location};
pub use part::{part_from_uri, part_uri};
pub use read::{
    Action, BizTransaction, Document, EpcisError, EpcisEvent, EventKind, Party, PartyKind, event_identifier,
    read_document, read_document_bytes,
};
pub use vocabulary::{BIZ_STEPS, DISPOSITIONS};

/// The JSON-LD context that GS1 publishes for EPCIS 2.0.
pub const CONTEXT: &str = "https://ref.gs1.org/standards/epcis/2.0.0/epcis-context.jsonld";

/// The namespace of what we add to GS1's vocabulary (EPCIS 2.0, section 6.2.2: extensions are qualified by a URI).
/// Nothing needs to answer there.
///
/// In events: `muster:kind` (the kind of history entry), `muster:place` and `muster:event` (the entry's payload as
/// JSON). As words: `bizstep/…` for what CBV has no word for. As places: `location/…`. As references: `reference/…`.
pub const NAMESPACE: &str = "https://ns.muster.example/epcis/";

/// At most so many characters of a text from a document are kept in an entry.
pub(crate) const TEXT_MAX: usize = 512;

/// A text cut to what is kept.
pub(crate) fn cut(text: &str) -> String {
    text.chars().filter(|c| *c != '\0').take(TEXT_MAX).collect()
}

/// Percent-encodes all but what `keep` and RFC 3986's letters and digits allow.
pub(crate) fn percent_encode(text: &str, keep: &[u8]) -> String {
    use std::fmt::Write;
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || keep.contains(&byte) {
            out.push(char::from(byte));
        } else {
            // Writing to a String can't fail.
            let _ = write!(out, "%{byte:02X}");
        }
    }
    out
}

/// Undoes percent-encoding; what is no valid escape, no UTF-8, or holds NUL (which no database keeps) gives none.
pub(crate) fn percent_decode(text: &str) -> Option<String> {
    let mut out = Vec::with_capacity(text.len());
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        if byte == b'%' {
            let high = char::from(bytes.next()?).to_digit(16)?;
            let low = char::from(bytes.next()?).to_digit(16)?;
            out.push(u8::try_from(high * 16 + low).ok()?);
        } else {
            out.push(byte);
        }
    }
    String::from_utf8(out).ok().filter(|text| !text.contains('\0'))
}
