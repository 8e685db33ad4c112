//! Sets of files in an envelope: which kind a set is of is told by what is in it.

use crate::{Inspected, Refused, envelope::Envelope, ostree};
use pki::CmsTrust;
use std::io::{Read, Seek};

/// Reads a set to its end and checks it.
///
/// # Errors
/// When its envelope is refused, or what is in it.
pub fn inspect(reader: &mut (impl Read + Seek), trust: &CmsTrust<'_>) -> Result<Inspected, Refused> {
    let envelope = Envelope::open(reader, trust)?;
    if has(&envelope, ostree::FOLDER) { ostree::inspect(reader, envelope) } else { Err(Refused::UnknownSet) }
}

/// Whether something lies in a folder.
fn has(envelope: &Envelope, folder: &str) -> bool {
    envelope.members.range(folder.to_owned()..).next().is_some_and(|(path, _)| path.starts_with(folder))
}
