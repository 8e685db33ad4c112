//! Why a file is not taken.

use crate::{deb::DebRefused, envelope::EnvelopeRefused, ostree::OstreeRefused, rauc::RaucRefused};
use std::io;

/// Why a file is not taken: one sentence each, which says what is wrong and where it helps what to do.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Refused {
    /// A file of a kind that is not known here.
    #[error(
        "“{file_name}” is of no kind that is known here; a file for SWUpdate ends in .swu, one for RAUC in .raucb, a set of Debian packages or an OSTree repository in .tar"
    )]
    UnknownKind {
        /// Its name, as given.
        file_name: String,
    },
    /// The file could not be read.
    #[error("the file could not be read to its end")]
    Read(#[source] io::Error),
    /// Not the format that it should be.
    #[error("this is no SWUpdate image: it does not begin as a cpio archive of the format newc or crc does")]
    NotAnArchive,
    /// Something else stands where the archive's structure should.
    #[error("the file is damaged: behind byte {at} something else stands than cpio's format wants")]
    Damaged {
        /// Bytes from the beginning.
        at: u64,
    },
    /// The file ends too early.
    #[error("the file is cut off: it ends before its archive does; send it again")]
    Truncated,
    /// Something stands behind the end.
    #[error("something stands behind the archive's end; nothing signs it, so it can't be taken")]
    Trailing,
    /// More files than anybody needs.
    #[error("the archive has more than {most} files")]
    TooManyFiles {
        /// How many there may be.
        most: usize,
    },
    /// A name that is no plain file name.
    #[error("the archive has a file named “{name}”; names must be plain, without folders and control characters",
            name = name.escape_debug())]
    Name {
        /// The name.
        name: String,
    },
    /// The envelope of a set of files is not as it should be.
    #[error(transparent)]
    Envelope(#[from] EnvelopeRefused),
    /// The set of Debian packages is not as it should be.
    #[error(transparent)]
    Deb(#[from] DebRefused),
    /// The bundle for RAUC is not as it should be.
    #[error(transparent)]
    Rauc(#[from] RaucRefused),
    /// The repository for OSTree is not as it should be.
    #[error(transparent)]
    Ostree(#[from] OstreeRefused),
    /// The envelope holds nothing that is known here.
    #[error(
        "the archive holds neither a set of Debian packages (keyring.pgp and dists/SUITE/InRelease) nor an OSTree repository (repo/config)"
    )]
    UnknownSet,
    /// One of the small files is none.
    #[error("“{name}” is larger than {most} bytes")]
    TooLarge {
        /// Which file.
        name: String,
        /// Bytes.
        most: u32,
    },
    /// cpio's own sum of bytes is not right.
    #[error("“{name}” is damaged: its cpio checksum is wrong")]
    Checksum {
        /// Which file.
        name: String,
    },
    /// Another file comes first.
    #[error("the first file of an SWUpdate image must be “sw-description”; here it is “{found}”")]
    NoDescription {
        /// What comes first; empty where nothing does.
        found: String,
    },
    /// No signature comes second.
    #[error(
        "the image is not signed: behind “sw-description” there must be “sw-description.sig” (openssl cms -sign \
             -in sw-description -out sw-description.sig -outform DER -binary -signer … -inkey …)"
    )]
    NotSigned,
    /// The signature does not count.
    #[error(transparent)]
    Signature(#[from] pki::CmsRefused),
    /// `sw-description` is not in libconfig's language.
    #[error("sw-description can't be read at line {line}: {why}")]
    Syntax {
        /// From 1.
        line: usize,
        /// What is wrong there.
        why: &'static str,
    },
    /// `sw-description` begins as JSON and is none.
    #[error("sw-description can't be read: it is not JSON at line {line}")]
    Json {
        /// From 1.
        line: usize,
    },
    /// `sw-description` is something else.
    #[error("sw-description can't be read: {0}")]
    Description(&'static str),
    /// No version.
    #[error("sw-description names no version; SWUpdate wants `version = \"…\";` in the group “software”")]
    NoVersion,
    /// Several versions.
    #[error("sw-description names several versions, so nobody can say which one a device has afterwards")]
    Versions,
    /// No hardware.
    #[error("sw-description names no hardware that it is for; SWUpdate wants `hardware-compatibility: [ \"…\" ];`")]
    NoHardware,
    /// Nothing in it.
    #[error("sw-description names nothing to install")]
    NothingToInstall,
    /// A file without hash.
    #[error("sw-description gives no sha256 for “{name}”; a signed image must, else nothing protects that file")]
    NoHash {
        /// Which file.
        name: String,
    },
    /// A hash that is none.
    #[error("the sha256 that sw-description gives for “{name}” is none; it must have 64 hexadecimal digits")]
    BadHash {
        /// Which file.
        name: String,
    },
    /// Two hashes of one file.
    #[error("sw-description gives two different sha256 for “{name}”")]
    TwoHashes {
        /// Which file.
        name: String,
    },
    /// A file that is not there.
    #[error("sw-description names “{name}”, which is not in the archive")]
    Missing {
        /// Which file.
        name: String,
    },
    /// A file that is there twice.
    #[error("“{name}” is in the archive twice")]
    Twice {
        /// Which file.
        name: String,
    },
    /// A file that is another than was signed.
    #[error("“{name}” is not the file that was signed: its sha256 is another than sw-description gives")]
    WrongHash {
        /// Which file.
        name: String,
    },
}
