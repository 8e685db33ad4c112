//! What devices install, read and checked: whole, signed by ours, and what it says of itself. Bytes in, facts out: no
//! database, no HTTP, and no clock of its own. A file is read once, from front to back, in little memory whatever its
//! size.

mod cpio;
pub mod deb;
mod description;
pub mod envelope;
mod libconfig;
pub mod ostree;
pub mod rauc;
mod refused;
pub mod set;
pub mod squashfs;
pub mod swu;
mod tar;
mod whole;

pub use domain::release::ArtifactKind;
pub use refused::Refused;
pub use whole::Sums;

use pki::{CmsSigner, CmsTrust};
use std::io::{Read, Seek};

/// A file as it is read: from front to back, and for some kinds once more at places.
pub trait Source: Read + Seek {}

impl<R: Read + Seek> Source for R {}

/// A file that may be given to devices, if its signers were not revoked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Inspected {
    /// What kind of file it is.
    pub kind: ArtifactKind,
    /// Bytes of the whole file.
    pub size: u64,
    /// Of the whole file, 32 lower-case hexadecimal digits.
    pub md5: String,
    /// Of the whole file, 40 lower-case hexadecimal digits.
    pub sha1: String,
    /// Of the whole file, 64 lower-case hexadecimal digits.
    pub sha256: String,
    /// Who signed, at least one. Each must be asked after: the file counts only if none was revoked.
    pub signers: Vec<CmsSigner>,
    /// The version that the file says it is of.
    pub version: Option<String>,
    /// The hardware revisions that it says it is for (`hardware-compatibility`), each once.
    pub hardware: Vec<String>,
    /// What is in it and signed, in the order of the file.
    pub images: Vec<Image>,
    /// What is in it, too, but not signed and never looked at by devices, in the order of the file.
    pub ignored: Vec<String>,
    /// The files that devices fetch one by one, with their places, in the order of their paths; none where devices fetch the
    /// whole.
    pub members: Vec<Member>,
}

/// A file inside of an envelope that is fetched by itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// With its folders, without `./` before it.
    pub path: String,
    /// Where its content begins: bytes from the beginning of the whole file.
    pub offset: u64,
    /// Bytes.
    pub size: u64,
    /// 64 lower-case hexadecimal digits.
    pub sha256: String,
}

/// A file inside of an artifact.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Image {
    /// Its plain name.
    pub name: String,
    /// Bytes.
    pub size: u64,
    /// 64 lower-case hexadecimal digits.
    pub sha256: String,
}

/// Reads a file to its end and checks it. What kind it is, is told by its name.
///
/// # Errors
/// When it is of no known kind, damaged, or not signed by whom `trust` names.
pub fn inspect(reader: &mut (impl Read + Seek), file_name: &str, trust: &CmsTrust<'_>) -> Result<Inspected, Refused> {
    let extension = file_name.rsplit_once('.').map(|(_, extension)| extension.to_ascii_lowercase());
    match extension.as_deref() {
        Some("swu") => swu::inspect(reader, trust),
        Some("raucb") => rauc::inspect(reader, trust),
        Some("tar") => set::inspect(reader, trust),
        _ => Err(Refused::UnknownKind { file_name: file_name.to_owned() }),
    }
}
