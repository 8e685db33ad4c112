//! Why a set of Debian packages is not taken.

/// Why a set of Debian packages is not taken: what apt would refuse, and where it helps what to do.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DebRefused {
    /// There is no keyring.
    #[error(
        "“keyring.pgp” is missing: the OpenPGP certificates by which devices check InRelease (gpg --export KEY > keyring.pgp)"
    )]
    NoKeyring,
    /// The keyring is in text.
    #[error("“keyring.pgp” is armoured; apt reads it only in binary (gpg --export, without --armor)")]
    Armoured,
    /// The keyring is no keyring.
    #[error("“keyring.pgp” holds no OpenPGP certificate that can be read")]
    Keyring,
    /// There is no InRelease.
    #[error("there is no “InRelease” in the set (below dists/SUITE/)")]
    NoInRelease,
    /// An InRelease is not signed as it should be.
    #[error("“{path}” is no clear-signed text (gpg --clearsign): {why}")]
    NotSigned {
        /// Which one.
        path: String,
        /// What stands there instead.
        why: &'static str,
    },
    /// Nobody of the keyring signed it.
    #[error("“{path}” is not signed by a key of keyring.pgp: {why}")]
    Signature {
        /// Which one.
        path: String,
        /// What is wrong with its signatures.
        why: &'static str,
    },
    /// Something in an index can't be read.
    #[error("“{path}” can't be read in line {line}: {why}")]
    Syntax {
        /// Which file.
        path: String,
        /// Which line, from 1.
        line: usize,
        /// What is wrong with it.
        why: &'static str,
    },
    /// A field is missing.
    #[error("“{path}”: {what} has no field {field}")]
    NoField {
        /// Which file.
        path: String,
        /// Of what.
        what: String,
        /// Which field.
        field: &'static str,
    },
    /// It is out of its time.
    #[error("“{path}” {why}; apt would refuse it")]
    Time {
        /// Which file.
        path: String,
        /// What is wrong with its time.
        why: String,
    },
    /// A file is named and not there.
    #[error("“{index}” lists “{file}”, which is not in the set")]
    Missing {
        /// What lists it.
        index: String,
        /// What is listed.
        file: String,
    },
    /// A file is not what an index says.
    #[error("“{file}” is not the file that “{index}” lists: its size or SHA-256 is another")]
    Other {
        /// What lists it.
        index: String,
        /// What is listed.
        file: String,
    },
    /// A list of packages is there only in a form that is not read here.
    #[error(
        "“{path}” is there only compressed in a way that is not read here; put “Packages” or “Packages.gz” beside it"
    )]
    Compressed {
        /// The list.
        path: String,
    },
    /// A list of packages unpacks to too much.
    #[error("“{path}” is damaged, or unpacks to more than {most} bytes")]
    Unpacked {
        /// The list.
        path: String,
        /// Bytes.
        most: u64,
    },
    /// No package is listed.
    #[error("no list of packages is in the set, or all of them are empty")]
    NoPackage,
    /// The versions differ.
    #[error("the set names two versions: {one} and {other}")]
    Versions {
        /// One.
        one: String,
        /// Another.
        other: String,
    },
}
