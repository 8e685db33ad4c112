//! What can go wrong with keys and certificates.

use std::path::{Path, PathBuf};

/// A key or certificate that can't be made, read or kept.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A name that no certificate can carry.
    #[error("“{0}” can't stand in a certificate; give a host name in ASCII (punycode for others) or an IP address")]
    Name(String),
    /// The certificate could not be made.
    #[error("the certificate could not be made")]
    Make(#[source] rcgen::Error),
    /// A text that is not the certificate it should be.
    #[error("{what} holds no readable certificate in PEM form (a block that begins with BEGIN CERTIFICATE)")]
    Certificate {
        /// The file, or what it is.
        what: String,
    },
    /// A text that is not the key it should be.
    #[error("{what} holds no readable private key in PEM form (PKCS#8, SEC1 or PKCS#1, without a password)")]
    Key {
        /// The file, or what it is.
        what: String,
    },
    /// The key does not belong to the certificate, or is of a kind that TLS can't use here.
    #[error("the private key does not belong to the certificate, or is of a kind that can't be used for TLS")]
    Pair(#[source] rustls::Error),
    /// The system gave no random numbers, or a key refused to sign.
    #[error("the system gave no random numbers; nothing was made")]
    Random,
    /// A private key of a kind that can't be used here.
    #[error("this is no private key that can be used here; it must be ECDSA on P-256 or P-384 in PKCS#8")]
    KeyKind,
    /// A text that is no sealed key.
    #[error("this is no sealed private key (a block that begins with BEGIN ENCRYPTED PRIVATE KEY)")]
    SealedKey,
    /// A key that could not be sealed.
    #[error("the private key could not be sealed")]
    Seal,
    /// Another passphrase than the key was sealed with.
    #[error("the passphrase is not the one that the private key was sealed with")]
    WrongPassphrase,
    /// A passphrase of no characters.
    #[error("the passphrase is empty; {from} must hold one in its first line")]
    EmptyPassphrase {
        /// Where it came from.
        from: String,
    },
    /// A number that can't be a certificate's.
    #[error("“{0}” is no serial number; it must be hexadecimal, not negative and of at most 20 bytes")]
    Serial(String),
    /// A part of a name that no certificate can carry.
    #[error("the {field} “{text}” can't stand in a certificate; it must have 1 to 64 characters{hint}")]
    Subject {
        /// Which part: `common name`, say.
        field: &'static str,
        /// What was given.
        text: String,
        /// What else it must be.
        hint: &'static str,
    },
    /// An address that no certificate can carry.
    #[error("“{0}” can't stand in a certificate as an address; it must begin with http:// and be ASCII")]
    Url(String),
    /// A moment that certificates have no notation for.
    #[error("{0} can't stand in a certificate; times must be between 1970 and 9999, and the end after the beginning")]
    Time(String),
    /// Something that is not what it should be.
    #[error("this is no readable {what}")]
    Malformed {
        /// What it should be.
        what: &'static str,
        /// What is wrong with it.
        source: der::Error,
    },
    /// Something that could not be written.
    #[error("the structure could not be written")]
    Encode(#[source] der::Error),
    /// A text without what was looked for.
    #[error("there is no {what} in this text (a block that begins with BEGIN {label})")]
    NoPem {
        /// What was looked for.
        what: &'static str,
        /// How its block begins.
        label: &'static str,
    },
    /// A key that belongs to another certificate.
    #[error("the private key does not belong to the certificate of {subject}")]
    OtherKey {
        /// Whose certificate.
        subject: String,
    },
    /// An issuer that is no authority.
    #[error("{subject} is no certification authority, so it can't issue certificates")]
    NotAuthority {
        /// Whose certificate.
        subject: String,
    },
    /// An authority below one that may have none below it.
    #[error("{subject} may not have a certification authority of this kind below it (path length {allowed})")]
    PathLength {
        /// Whose certificate.
        subject: String,
        /// How many may stand below it.
        allowed: u8,
    },
    /// A certificate that would hold longer than its issuer's.
    #[error("a certificate until {until} would outlive its issuer, which ends {issuer_until}; choose an earlier end")]
    OutlivesIssuer {
        /// The end that was asked for.
        until: String,
        /// The issuer's end.
        issuer_until: String,
    },
    /// A name outside of what the issuer may issue for.
    #[error("“{name}” is outside of the names that {issuer} may issue for ({permitted})")]
    NameNotPermitted {
        /// The name.
        name: String,
        /// The issuer.
        issuer: String,
        /// The domains that it may issue for.
        permitted: String,
    },
    /// A certificate that needs a name for its purpose and has none.
    #[error("a certificate for this purpose needs at least one DNS name or address")]
    NoName,
    /// A certificate, CRL or answer that was not signed by whom it should be.
    #[error("{subject} was not issued by {issuer}: {why}")]
    NotIssuedBy {
        /// What was looked at.
        subject: String,
        /// Who should have issued it.
        issuer: String,
        /// What does not fit.
        why: &'static str,
    },
    /// A reason that can't stand on a revocation list.
    #[error("{0} is no reason for a revocation that can stand on a full list (RFC 5280, 5.3.1)")]
    Reason(u8),
    /// A key in a token that can't be used.
    #[error("the key in the PKCS#11 token can't be used: {0}")]
    Token(String),
    /// A file that could not be read or written.
    #[error("{path} could not be {deed}: {source}", path = path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What was tried: `read`, `written`.
        deed: &'static str,
        /// Why not.
        source: std::io::Error,
    },
}

impl Error {
    /// An error about one file, for `map_err`.
    pub(crate) fn file(path: &Path, deed: &'static str) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::File { path, deed, source }
    }
}
