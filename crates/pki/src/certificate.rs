//! A certificate, read once and asked often.

use crate::{
    Error, Name, SerialNumber,
    extension::{self, Extension},
    instant,
    verify::{self, Mismatch, PublicKey},
    wire::Signed,
};
use const_oid::{AssociatedOid, db::rfc4519};
use der::{Decode, Reader, SliceReader};
use domain::time::Timestamp;
use ring::digest::{SHA256, digest};
use std::{fmt, net::IpAddr, ops::Range, sync::Arc};
use x509_cert::ext::pkix::{
    AuthorityKeyIdentifier, BasicConstraints, ExtendedKeyUsage, KeyUsage, NameConstraints, SubjectAltName,
    SubjectKeyIdentifier, name::GeneralName,
};

const LABEL: &str = "CERTIFICATE";
/// RFC 7093, method 1: the leftmost 160 bits of the SHA-256 of the key.
const KEY_ID_LENGTH: usize = 20;

/// An X.509 certificate. Cheap to clone.
#[derive(Clone)]
pub struct Certificate(Arc<Inner>);

struct Inner {
    der: Vec<u8>,
    /// Where the subject's name and the public key stand: what others hash must be these very bytes.
    subject: Range<usize>,
    public_key: Range<usize>,
    serial: SerialNumber,
    x509: x509_cert::Certificate,
}

impl Certificate {
    /// Reads a certificate.
    ///
    /// # Errors
    /// When it is none, or has something behind it.
    pub fn from_der(der: &[u8]) -> Result<Self, Error> {
        let malformed = |source| Error::Malformed { what: "certificate", source };
        let x509 = x509_cert::Certificate::from_der(der).map_err(malformed)?;
        let (subject, public_key) = places(der).map_err(malformed)?;
        PublicKey::read(der.get(public_key.clone()).unwrap_or_default()).map_err(malformed)?;
        let serial = SerialNumber::from_integer(x509.tbs_certificate.serial_number.as_bytes())?;
        Ok(Self(Arc::new(Inner { der: der.to_vec(), subject, public_key, serial, x509 })))
    }

    /// Reads the one certificate of a text.
    ///
    /// # Errors
    /// When there is none or more than one, or it is unreadable.
    pub fn from_pem(pem: &str) -> Result<Self, Error> {
        let mut all = Self::chain_from_pem(pem)?;
        match (all.pop(), all.is_empty()) {
            (Some(one), true) => Ok(one),
            _ => Err(Error::NoPem { what: "certificate that stands alone", label: LABEL }),
        }
    }

    /// Reads every certificate of a text, in the order of the text; other blocks are skipped.
    ///
    /// # Errors
    /// When there is none, or one is unreadable.
    pub fn chain_from_pem(pem: &str) -> Result<Vec<Self>, Error> {
        let none = || Error::NoPem { what: "certificate", label: LABEL };
        let blocks = crate::pem::blocks(pem, LABEL).ok_or_else(none)?;
        if blocks.is_empty() {
            return Err(none());
        }
        blocks.iter().map(|der| Self::from_der(der)).collect()
    }

    /// The certificate as it was signed.
    #[must_use]
    pub fn der(&self) -> &[u8] {
        &self.0.der
    }

    /// The certificate as PEM.
    #[must_use]
    pub fn pem(&self) -> String {
        crate::pem::block(LABEL, self.der())
    }

    /// SHA-256 over the DER, in hexadecimal: what browsers show as its fingerprint.
    #[must_use]
    pub fn fingerprint(&self) -> String {
        sha256_hex(self.der())
    }

    /// Its serial number.
    #[must_use]
    pub fn serial(&self) -> SerialNumber {
        self.0.serial
    }

    /// Its serial number as [`SerialNumber::hex`] writes it.
    #[must_use]
    pub fn serial_hex(&self) -> String {
        self.0.serial.hex()
    }

    /// Whom it is for, as RFC 4514 writes names.
    #[must_use]
    pub fn subject(&self) -> String {
        self.x509().tbs_certificate.subject.to_string()
    }

    /// Who issued it, as RFC 4514 writes names.
    #[must_use]
    pub fn issuer(&self) -> String {
        self.x509().tbs_certificate.issuer.to_string()
    }

    /// Whom it is for, by its parts.
    #[must_use]
    pub fn name(&self) -> Name {
        Name::from_x509(&self.x509().tbs_certificate.subject)
    }

    /// The common name of the subject; empty where it has none.
    #[must_use]
    pub fn common_name(&self) -> String {
        crate::name::first(&self.x509().tbs_certificate.subject, rfc4519::CN).unwrap_or_default()
    }

    /// The first moment at which it holds.
    #[must_use]
    pub fn not_before(&self) -> Timestamp {
        instant::timestamp(self.x509().tbs_certificate.validity.not_before.to_unix_duration())
    }

    /// The last moment at which it holds.
    #[must_use]
    pub fn not_after(&self) -> Timestamp {
        instant::timestamp(self.x509().tbs_certificate.validity.not_after.to_unix_duration())
    }

    /// Its public key: SubjectPublicKeyInfo, DER.
    #[must_use]
    pub fn public_key(&self) -> &[u8] {
        self.0.der.get(self.0.public_key.clone()).unwrap_or_default()
    }

    /// SHA-256 over [`Certificate::public_key`], in hexadecimal.
    #[must_use]
    pub fn public_key_sha256(&self) -> String {
        sha256_hex(self.public_key())
    }

    /// The subject's key identifier in hexadecimal: the one in the certificate, or where it has none the one that it
    /// would have here.
    #[must_use]
    pub fn subject_key_id(&self) -> String {
        hex::encode(self.key_id_bytes())
    }

    /// The issuer's key identifier in hexadecimal, when it stands in the certificate.
    #[must_use]
    pub fn authority_key_id(&self) -> Option<String> {
        let extension: AuthorityKeyIdentifier = self.get()?;
        extension.key_identifier.map(|id| hex::encode(id.as_bytes()))
    }

    /// Whether it may issue certificates.
    #[must_use]
    pub fn is_ca(&self) -> bool {
        let signs = self.get::<KeyUsage>().is_none_or(|usage| usage.key_cert_sign());
        signs && self.get::<BasicConstraints>().is_some_and(|constraints| constraints.ca)
    }

    /// How many authorities may stand below it on a path.
    #[must_use]
    pub fn path_length(&self) -> Option<u8> {
        self.get::<BasicConstraints>().filter(|constraints| constraints.ca)?.path_len_constraint
    }

    /// Whether it was issued by the name that it is for.
    #[must_use]
    pub fn is_self_issued(&self) -> bool {
        self.x509().tbs_certificate.issuer == self.x509().tbs_certificate.subject
    }

    /// The DNS names in its subject alternative name.
    #[must_use]
    pub fn dns_names(&self) -> Vec<String> {
        let names = self.get::<SubjectAltName>().map(|names| names.0).unwrap_or_default();
        names.iter().filter_map(dns_name).collect()
    }

    /// The addresses in its subject alternative name.
    #[must_use]
    pub fn ip_addresses(&self) -> Vec<IpAddr> {
        let names = self.get::<SubjectAltName>().map(|names| names.0).unwrap_or_default();
        names.iter().filter_map(address).collect()
    }

    /// The domains below which names of certificates that it issues must be; empty where it may issue for all.
    #[must_use]
    pub fn permitted_dns(&self) -> Vec<String> {
        let subtrees = self.get::<NameConstraints>().and_then(|constraints| constraints.permitted_subtrees);
        subtrees.unwrap_or_default().iter().filter_map(|subtree| dns_name(&subtree.base)).collect()
    }

    /// Whether a purpose stands among its extended key usages: `clientAuth`, `serverAuth`, `OCSPSigning`, `codeSigning`.
    #[must_use]
    pub fn has_purpose(&self, name: &str) -> bool {
        self.get::<ExtendedKeyUsage>()
            .is_some_and(|usage| usage.0.iter().any(|purpose| extension::purpose_words(*purpose) == name))
    }

    /// What its key is: `ECDSA P-256`, `RSA 2048`.
    #[must_use]
    pub fn key_words(&self) -> String {
        match PublicKey::read(self.public_key()).ok().and_then(|key| key.kind) {
            Some(kind) => kind.words(),
            None => self.x509().tbs_certificate.subject_public_key_info.algorithm.oid.to_string(),
        }
    }

    /// Whether its key is of a kind and length that is accepted in requests.
    #[must_use]
    pub fn has_accepted_key(&self) -> bool {
        crate::request::accepted_key(self.public_key()).is_ok()
    }

    /// How it was signed: `ECDSA with SHA-384`.
    #[must_use]
    pub fn signature_words(&self) -> String {
        verify::signature_words(self.x509().signature_algorithm.oid)
    }

    /// Its extensions in words.
    #[must_use]
    pub fn extensions(&self) -> Vec<Extension> {
        self.x509().tbs_certificate.extensions.iter().flatten().map(extension::describe).collect()
    }

    /// Whether it was issued by another: names, authority, and signature. Not whether either holds at a time or has been
    /// revoked.
    ///
    /// # Errors
    /// When it was not; the error says what does not fit.
    pub fn verify_issued_by(&self, issuer: &Self) -> Result<(), Error> {
        let no = |why| Error::NotIssuedBy { subject: self.subject(), issuer: issuer.subject(), why };
        if self.x509().tbs_certificate.issuer != issuer.x509().tbs_certificate.subject {
            return Err(no("it names another issuer"));
        }
        if !issuer.is_ca() {
            return Err(no("that is no certification authority"));
        }
        let signed = Signed::read(self.der()).map_err(|source| Error::Malformed { what: "certificate", source })?;
        if self.x509().tbs_certificate.signature != self.x509().signature_algorithm {
            return Err(no("it names two algorithms for one signature"));
        }
        match verify::check(issuer.public_key(), signed.algorithm.oid, signed.content, signed.signature) {
            Ok(()) => Ok(()),
            Err(Mismatch::Unsupported) => Err(no("its signature is of a kind that is not accepted")),
            Err(Mismatch::Wrong) => Err(no("the signature is not that key's")),
        }
    }

    pub(crate) fn x509(&self) -> &x509_cert::Certificate {
        &self.0.x509
    }

    /// The subject's name, as it stands.
    pub(crate) fn subject_der(&self) -> &[u8] {
        self.0.der.get(self.0.subject.clone()).unwrap_or_default()
    }

    /// The content of the public key's bit string.
    pub(crate) fn key_bits(&self) -> &[u8] {
        PublicKey::read(self.public_key()).map(|key| key.bits).unwrap_or_default()
    }

    pub(crate) fn key_id_bytes(&self) -> Vec<u8> {
        match self.get::<SubjectKeyIdentifier>() {
            Some(id) => id.0.into_bytes(),
            None => key_id(self.public_key()).unwrap_or_default(),
        }
    }

    /// An extension by its type; `None` also where it can't be read.
    pub(crate) fn get<'a, T: Decode<'a> + AssociatedOid>(&'a self) -> Option<T> {
        self.x509().tbs_certificate.get::<T>().ok().flatten().map(|(_, value)| value)
    }
}

impl fmt::Debug for Certificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Certificate")
            .field("subject", &self.subject())
            .field("serial", &self.serial_hex())
            .finish_non_exhaustive()
    }
}

impl PartialEq for Certificate {
    fn eq(&self, other: &Self) -> bool {
        self.der() == other.der()
    }
}

impl Eq for Certificate {}

/// A key's identifier (RFC 7093, method 1), from its SubjectPublicKeyInfo.
pub(crate) fn key_id(spki: &[u8]) -> Result<Vec<u8>, Error> {
    let key = PublicKey::read(spki).map_err(|source| Error::Malformed { what: "public key", source })?;
    let mut id = digest(&SHA256, key.bits).as_ref().to_vec();
    id.truncate(KEY_ID_LENGTH);
    Ok(id)
}

pub(crate) fn sha256_hex(bytes: &[u8]) -> String {
    hex::encode(digest(&SHA256, bytes))
}

fn dns_name(name: &GeneralName) -> Option<String> {
    match name {
        GeneralName::DnsName(name) => Some(name.to_string()),
        _ => None,
    }
}

pub(crate) fn address(name: &GeneralName) -> Option<IpAddr> {
    let GeneralName::IpAddress(octets) = name else { return None };
    match octets.as_bytes().len() {
        4 => <[u8; 4]>::try_from(octets.as_bytes()).ok().map(IpAddr::from),
        _ => <[u8; 16]>::try_from(octets.as_bytes()).ok().map(IpAddr::from),
    }
}

/// Where the subject's name and the public key stand in a certificate.
fn places(der: &[u8]) -> der::Result<(Range<usize>, Range<usize>)> {
    let signed = Signed::read(der)?;
    let mut reader = SliceReader::new(signed.content)?;
    let (subject, public_key) = reader.sequence(|reader| {
        // The version is not there in certificates of version 1.
        if reader.peek_byte() == Some(crate::wire::constructed(0)) {
            reader.tlv_bytes()?;
        }
        // Serial number, algorithm, issuer, validity.
        for _ in 0..4 {
            reader.tlv_bytes()?;
        }
        let parts = (reader.tlv_bytes()?, reader.tlv_bytes()?);
        while !reader.is_finished() {
            reader.tlv_bytes()?;
        }
        Ok(parts)
    })?;
    let place = |part: &[u8]| {
        let start = (part.as_ptr() as usize).saturating_sub(der.as_ptr() as usize);
        start..start + part.len()
    };
    Ok((place(subject), place(public_key)))
}

/// Encodes a list of certificates one behind the other as PEM.
#[must_use]
pub fn chain_pem(chain: &[Certificate]) -> String {
    chain.iter().map(Certificate::pem).collect()
}
