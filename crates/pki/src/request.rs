//! Requests for certificates (PKCS#10). Of a stranger's request only the public key is taken, and only when the stranger
//! proved to have the private one.

use crate::{
    Error, Name, Signer, certificate, name, oids, pem,
    verify::{self, Mismatch, PublicKey, PublicKeyKind},
    wire::{self, Signed},
};
use const_oid::{ObjectIdentifier, db::rfc4519};
use der::{Decode, Encode, Reader, SliceReader, asn1::AnyRef};
use std::net::IpAddr;
use x509_cert::{
    ext::{
        Extension,
        pkix::{BasicConstraints, KeyUsage, SubjectAltName, name::GeneralName},
    },
    name::RdnSequence,
};

/// No request is longer: an RSA key of 8192 bits with its signature takes 2 KiB.
const LONGEST: usize = 64 * 1024;
const LABEL: &str = "CERTIFICATE REQUEST";
/// What old Windows and Java programs write.
const OLD_LABEL: &str = "NEW CERTIFICATE REQUEST";
const SHORTEST_RSA: usize = 2048;
const LONGEST_RSA: usize = 8192;

/// Why a request for a certificate is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RequestError {
    /// Neither PEM nor base64.
    #[error("this is no certificate request in PEM (BEGIN CERTIFICATE REQUEST), base64 or DER")]
    Text,
    /// No PKCS#10.
    #[error("this is no readable certificate request; it must be PKCS#10 in DER, whole and with nothing behind it")]
    NotDer,
    /// The signature is not the key's.
    #[error(
        "the request is not signed by the key that it asks a certificate for; sign it with that key's private half"
    )]
    WrongProof,
    /// It wants to be an authority.
    #[error("the request asks for a certification authority; devices and stations get none")]
    Authority,
    /// An RSA key that is too short.
    #[error("the RSA key has {0} bits; it needs at least 2048. ECDSA on P-256 is shorter and faster")]
    ShortRsa(usize),
    /// An RSA key that is too long.
    #[error("the RSA key has {0} bits; at most 8192 are accepted")]
    LongRsa(usize),
    /// A key of another kind.
    #[error("the key is of a kind that is not accepted; make one with ECDSA on P-256 or P-384, or RSA of 2048 bits")]
    KeyKind,
    /// A signature with a hash that is broken.
    #[error("the request is signed with {0}, which is broken; sign it with SHA-256")]
    WeakSignature(String),
    /// A signature of another kind.
    #[error("the request is signed with {0}, which is not accepted here; sign it with SHA-256 or SHA-384")]
    SignatureKind(String),
}

/// A request whose sender has the private key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// The public key: SubjectPublicKeyInfo, DER. Nothing else of a request goes into a certificate.
    pub public_key: Vec<u8>,
    /// What the key is: `ECDSA P-256`, `RSA 2048`.
    pub key_words: String,
    /// The subject that was asked for, as RFC 4514 writes names.
    pub subject: String,
    /// The subject that was asked for, by its parts.
    pub name: Name,
    /// The common name that was asked for.
    pub common_name: Option<String>,
    /// The attribute `serialNumber` that was asked for: IEEE 802.1AR puts a device's serial number there.
    pub serial_number: Option<String>,
    /// The DNS names that were asked for.
    pub dns_names: Vec<String>,
    /// The addresses that were asked for.
    pub ip_addresses: Vec<IpAddr>,
}

impl Request {
    /// SHA-256 over the public key, in hexadecimal, as [`crate::Certificate::public_key_sha256`] has it.
    #[must_use]
    pub fn public_key_sha256(&self) -> String {
        certificate::sha256_hex(&self.public_key)
    }
}

/// Reads a request and checks that its sender has the private key.
///
/// # Errors
/// When it is unreadable, its key or signature are of a kind that is not accepted, the proof does not hold, or it asks to
/// be an authority.
pub fn read_request(der: &[u8]) -> Result<Request, RequestError> {
    if der.len() > LONGEST {
        return Err(RequestError::NotDer);
    }
    let signed = Signed::read(der).map_err(|_| RequestError::NotDer)?;
    let info = Info::read(signed.content).map_err(|_| RequestError::NotDer)?;
    let kind = accepted_key(info.public_key)?;
    proven(info.public_key, &signed)?;
    let asked = Asked::of(info.attributes).map_err(|_| RequestError::NotDer)?;
    if asked.authority {
        return Err(RequestError::Authority);
    }
    let subject = RdnSequence::from_der(info.subject).map_err(|_| RequestError::NotDer)?;
    Ok(Request {
        public_key: info.public_key.to_vec(),
        key_words: kind.words(),
        subject: subject.to_string(),
        name: Name::from_x509(&subject),
        common_name: name::first(&subject, rfc4519::CN),
        serial_number: name::first(&subject, rfc4519::SERIAL_NUMBER),
        dns_names: asked.dns_names,
        ip_addresses: asked.ip_addresses,
    })
}

/// Reads a request as people and EST clients send it: PEM, bare base64, or DER.
///
/// # Errors
/// As [`read_request`], and when it is none of these.
pub fn request_from_text(text: impl AsRef<[u8]>) -> Result<Request, RequestError> {
    let bytes = text.as_ref();
    if bytes.first() == Some(&wire::SEQUENCE) && bytes.get(1).is_some_and(|byte| byte & 0x80 != 0) {
        return read_request(bytes);
    }
    if bytes.len() > 2 * LONGEST {
        return Err(RequestError::NotDer);
    }
    let text = std::str::from_utf8(bytes).map_err(|_| RequestError::Text)?;
    for label in [LABEL, OLD_LABEL] {
        match pem::blocks(text, label).as_deref() {
            Some([der]) => return read_request(der),
            Some([]) => {}
            _ => return Err(RequestError::Text),
        }
    }
    match pem::decode(text) {
        Some(der) if !der.is_empty() => read_request(&der),
        _ => Err(RequestError::Text),
    }
}

/// Makes a request for one of our own keys. It asks for nothing but the name: the rest is the issuer's to say.
///
/// # Errors
/// When the name can't stand in a certificate, or the key can't sign.
pub fn certificate_request(subject: &Name, signer: &dyn Signer) -> Result<Vec<u8>, Error> {
    let subject = subject.to_x509()?.to_der().map_err(Error::Encode)?;
    let mut info = Vec::with_capacity(256);
    wire::nest(&mut info, wire::SEQUENCE, |out| {
        wire::unsigned(out, &[0]);
        out.extend_from_slice(&subject);
        out.extend_from_slice(signer.public_key());
        wire::value(out, wire::constructed(0), &[]);
    });
    wire::sign(&info, signer)
}

/// A request as PEM.
#[must_use]
pub fn request_pem(der: &[u8]) -> String {
    pem::block(LABEL, der)
}

/// What is signed in a request, as it stands.
struct Info<'a> {
    subject: &'a [u8],
    public_key: &'a [u8],
    /// The content of the attributes; empty where there are none.
    attributes: &'a [u8],
}

impl<'a> Info<'a> {
    fn read(der: &'a [u8]) -> der::Result<Self> {
        let mut reader = SliceReader::new(der)?;
        let info = reader.sequence(|reader| {
            u8::decode(reader)?;
            let (subject, public_key) = (reader.tlv_bytes()?, reader.tlv_bytes()?);
            // Some small devices leave the attributes out, which are not optional.
            let attributes = if reader.is_finished() { &[][..] } else { AnyRef::decode(reader)?.value() };
            Ok(Self { subject, public_key, attributes })
        })?;
        reader.finish(info)
    }
}

pub(crate) fn accepted_key(spki: &[u8]) -> Result<PublicKeyKind, RequestError> {
    let key = PublicKey::read(spki).map_err(|_| RequestError::NotDer)?;
    match key.kind.ok_or(RequestError::KeyKind)? {
        PublicKeyKind::Rsa(bits) if bits < SHORTEST_RSA => Err(RequestError::ShortRsa(bits)),
        PublicKeyKind::Rsa(bits) if bits > LONGEST_RSA => Err(RequestError::LongRsa(bits)),
        kind => Ok(kind),
    }
}

fn proven(spki: &[u8], signed: &Signed<'_>) -> Result<(), RequestError> {
    let algorithm = signed.algorithm.oid;
    if matches!(algorithm, oids::ECDSA_WITH_SHA_1 | oids::SHA_1_WITH_RSA_ENCRYPTION | oids::MD_5_WITH_RSA_ENCRYPTION) {
        return Err(RequestError::WeakSignature(verify::signature_words(algorithm)));
    }
    match verify::check(spki, algorithm, signed.content, signed.signature) {
        Ok(()) => Ok(()),
        Err(Mismatch::Wrong) => Err(RequestError::WrongProof),
        Err(Mismatch::Unsupported) => Err(RequestError::SignatureKind(verify::signature_words(algorithm))),
    }
}

/// What a request wants beyond its key. It is told and checked, never granted.
#[derive(Default)]
struct Asked {
    authority: bool,
    dns_names: Vec<String>,
    ip_addresses: Vec<IpAddr>,
}

impl Asked {
    fn of(attributes: &[u8]) -> der::Result<Self> {
        let mut asked = Self::default();
        let mut reader = SliceReader::new(attributes)?;
        while !reader.is_finished() {
            let (oid, values) =
                reader.sequence(|reader| Ok((ObjectIdentifier::decode(reader)?, AnyRef::decode(reader)?.value())))?;
            if oid == oids::ID_EXTENSION_REQ {
                let mut values = SliceReader::new(values)?;
                while !values.is_finished() {
                    for extension in Vec::<Extension>::decode(&mut values)? {
                        asked.take(&extension)?;
                    }
                }
            }
        }
        Ok(asked)
    }

    fn take(&mut self, extension: &Extension) -> der::Result<()> {
        let der = extension.extn_value.as_bytes();
        match extension.extn_id {
            oids::ID_CE_BASIC_CONSTRAINTS => self.authority |= BasicConstraints::from_der(der)?.ca,
            oids::ID_CE_KEY_USAGE => {
                let usage = KeyUsage::from_der(der)?;
                self.authority |= usage.key_cert_sign() || usage.crl_sign();
            }
            oids::ID_CE_SUBJECT_ALT_NAME => {
                for name in SubjectAltName::from_der(der)?.0 {
                    self.ip_addresses.extend(certificate::address(&name));
                    if let GeneralName::DnsName(name) = name {
                        self.dns_names.push(name.to_string());
                    }
                }
            }
            _ => {}
        }
        Ok(())
    }
}
