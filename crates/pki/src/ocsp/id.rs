//! How OCSP names a certificate: by hashes of its issuer, and its serial number.

use crate::{Certificate, SerialNumber, oids, wire};
use const_oid::ObjectIdentifier;
use ring::digest::{Algorithm, SHA1_FOR_LEGACY_USE_ONLY, SHA256, digest};

/// The hash by which a question names the issuer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CertIdHash {
    /// What nearly everybody uses, and RFC 5019 asks for. It identifies, it does not protect.
    Sha1,
    /// What RFC 9654 asks for.
    Sha256,
}

impl CertIdHash {
    pub(crate) fn from_oid(oid: ObjectIdentifier) -> Option<Self> {
        match oid {
            oids::ID_SHA_1 => Some(Self::Sha1),
            oids::ID_SHA_256 => Some(Self::Sha256),
            _ => None,
        }
    }

    const fn oid(self) -> ObjectIdentifier {
        match self {
            Self::Sha1 => oids::ID_SHA_1,
            Self::Sha256 => oids::ID_SHA_256,
        }
    }
}

/// Whose status is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CertId {
    /// By which hash the issuer is named.
    pub hash: CertIdHash,
    /// The hash of the issuer's name.
    pub name_hash: Vec<u8>,
    /// The hash of the issuer's key.
    pub key_hash: Vec<u8>,
    /// The certificate's serial number.
    pub serial: SerialNumber,
    /// As it was asked: the answer repeats it to the byte, because clients compare.
    pub(crate) der: Vec<u8>,
}

impl CertId {
    /// Names a certificate, as OpenSSL would.
    #[must_use]
    pub fn new(hash: CertIdHash, issuer: &IssuerHashes, serial: SerialNumber) -> Self {
        let (name_hash, key_hash) = issuer.of_kind(hash);
        let mut der = Vec::with_capacity(96);
        wire::nest(&mut der, wire::SEQUENCE, |out| {
            wire::nest(out, wire::SEQUENCE, |out| {
                wire::oid(out, &hash.oid());
                out.extend_from_slice(&[0x05, 0]);
            });
            wire::value(out, wire::OCTET_STRING, name_hash);
            wire::value(out, wire::OCTET_STRING, key_hash);
            wire::unsigned(out, serial.as_bytes());
        });
        Self { hash, name_hash: name_hash.to_vec(), key_hash: key_hash.to_vec(), serial, der }
    }

    /// Whether an issuer is meant.
    #[must_use]
    pub fn is_of(&self, issuer: &IssuerHashes) -> bool {
        issuer.of_kind(self.hash) == (self.name_hash.as_slice(), self.key_hash.as_slice())
    }
}

/// The hashes by which questions name an issuer.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct IssuerHashes {
    /// SHA-1 of the name.
    pub sha1_name: [u8; 20],
    /// SHA-1 of the key.
    pub sha1_key: [u8; 20],
    /// SHA-256 of the name.
    pub sha256_name: [u8; 32],
    /// SHA-256 of the key.
    pub sha256_key: [u8; 32],
}

impl IssuerHashes {
    /// The hashes of an issuer.
    #[must_use]
    pub fn of(issuer: &Certificate) -> Self {
        let (name, key) = (issuer.subject_der(), issuer.key_bits());
        Self {
            sha1_name: hashed(&SHA1_FOR_LEGACY_USE_ONLY, name),
            sha1_key: hashed(&SHA1_FOR_LEGACY_USE_ONLY, key),
            sha256_name: hashed(&SHA256, name),
            sha256_key: hashed(&SHA256, key),
        }
    }

    fn of_kind(&self, hash: CertIdHash) -> (&[u8], &[u8]) {
        match hash {
            CertIdHash::Sha1 => (&self.sha1_name, &self.sha1_key),
            CertIdHash::Sha256 => (&self.sha256_name, &self.sha256_key),
        }
    }
}

/// The hash by which a responder names itself.
pub(super) fn responder_key_hash(responder: &Certificate) -> [u8; 20] {
    hashed(&SHA1_FOR_LEGACY_USE_ONLY, responder.key_bits())
}

fn hashed<const N: usize>(algorithm: &'static Algorithm, bytes: &[u8]) -> [u8; N] {
    let mut held = [0; N];
    for (place, byte) in held.iter_mut().zip(digest(algorithm, bytes).as_ref()) {
        *place = *byte;
    }
    held
}
