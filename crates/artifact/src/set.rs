//! Sets of files in an envelope: which kind a set is of is told by what is in it.

use crate::{Inspected, Refused, deb, envelope::Envelope, ostree};
use pki::CmsTrust;
use std::io::{Read, Seek};

/// Reads a set to its end and checks it.
///
/// # Errors
/// When its envelope is refused, or what is in it.
pub fn inspect(reader: &mut (impl Read + Seek), trust: &CmsTrust<'_>) -> Result<Inspected, Refused> {
    let envelope = Envelope::open(reader, trust)?;
    if envelope.members.keys().any(|path| deb::is_part(path)) {
        deb::inspect(reader, envelope, trust.at)
    } else if envelope.members.keys().any(|path| path.starts_with(ostree::FOLDER)) {
        ostree::inspect(reader, envelope)
    } else {
        Err(Refused::UnknownSet)
    }
}
