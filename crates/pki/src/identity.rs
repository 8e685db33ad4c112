//! A server's certificate chain with its key, and what can be read from it.

use crate::Error;
use domain::time::{SECOND, Timestamp};
use rustls::{
    crypto::ring,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
    sign::CertifiedKey,
};
use sha2::{Digest, Sha256};
use std::{net::IpAddr, sync::Arc};
use x509_parser::prelude::{FromDer, GeneralName, X509Certificate};

/// What a certificate says about itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Facts {
    /// The first moment at which it holds.
    pub not_before: Timestamp,
    /// The last moment at which it holds.
    pub not_after: Timestamp,
    /// The DNS names in its subject alternative name, in lower case.
    pub dns_names: Vec<String>,
    /// The addresses in its subject alternative name.
    pub addresses: Vec<IpAddr>,
    /// SHA-256 over the certificate's DER, in hexadecimal: what browsers show as its fingerprint.
    pub fingerprint: String,
}

/// A certificate chain with its private key, ready for TLS.
#[derive(Clone, Debug)]
pub struct Identity {
    /// For rustls.
    pub key: Arc<CertifiedKey>,
    /// What the first certificate of the chain says.
    pub facts: Facts,
}

/// Reads a certificate chain and its key from PEM. Both may stand in the same text; other blocks are skipped.
/// `certificate_from` and `key_from` name the sources in errors.
///
/// # Errors
/// When either can't be read, or the key is not the certificate's.
pub fn read_identity(
    (certificate_pem, certificate_from): (&[u8], &str),
    (key_pem, key_from): (&[u8], &str),
) -> Result<Identity, Error> {
    let no_certificate = || Error::Certificate { what: certificate_from.to_owned() };
    let chain: Vec<CertificateDer<'static>> =
        CertificateDer::pem_slice_iter(certificate_pem).collect::<Result<_, _>>().map_err(|_| no_certificate())?;
    let facts = chain.first().and_then(|first| facts(first)).ok_or_else(no_certificate)?;
    let key = PrivateKeyDer::from_pem_slice(key_pem).map_err(|_| Error::Key { what: key_from.to_owned() })?;
    let key = CertifiedKey::from_der(chain, key, &ring::default_provider()).map_err(Error::Pair)?;
    Ok(Identity { key: Arc::new(key), facts })
}

fn facts(der: &[u8]) -> Option<Facts> {
    let (_, certificate) = X509Certificate::from_der(der).ok()?;
    let mut facts = Facts {
        not_before: Timestamp(certificate.validity().not_before.timestamp().saturating_mul(SECOND)),
        not_after: Timestamp(certificate.validity().not_after.timestamp().saturating_mul(SECOND)),
        dns_names: Vec::new(),
        addresses: Vec::new(),
        fingerprint: hex::encode(Sha256::digest(der)),
    };
    let names = certificate.subject_alternative_name().ok().flatten();
    for name in names.map(|extension| extension.value.general_names.as_slice()).unwrap_or_default() {
        match name {
            GeneralName::DNSName(name) => facts.dns_names.push(name.to_ascii_lowercase()),
            GeneralName::IPAddress(octets) => facts.addresses.extend(address(octets)),
            _ => {}
        }
    }
    Some(facts)
}

fn address(octets: &[u8]) -> Option<IpAddr> {
    if let Ok(octets) = <[u8; 4]>::try_from(octets) {
        return Some(IpAddr::from(octets));
    }
    <[u8; 16]>::try_from(octets).ok().map(IpAddr::from)
}
