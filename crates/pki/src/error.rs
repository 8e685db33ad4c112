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
