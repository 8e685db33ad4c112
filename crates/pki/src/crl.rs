//! Revocation lists: one whole list for each issuer. No delta lists and no issuing distribution point: old TLS
//! stacks refuse both, or are misled by them.

use crate::{
    Certificate, Error, Issuer, SerialNumber, instant, oids,
    verify::{self, Mismatch},
    wire::{self, AlgorithmId, Signed},
};
use const_oid::ObjectIdentifier;
use der::{
    Decode, Enumerated, Reader, SliceReader,
    asn1::{AnyRef, OctetStringRef, UintRef},
};
use domain::time::Timestamp;
use x509_cert::{
    ext::pkix::{AuthorityKeyIdentifier, KeyUsage},
    name::RdnSequence,
};

/// About what an entry takes: 53 bytes with a serial number of 16.
const ENTRY: usize = 56;
const VERSION_2: u8 = 1;

/// A certificate that stands on a revocation list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RevokedEntry {
    /// Its serial number.
    pub serial: SerialNumber,
    /// Since when.
    pub at: Timestamp,
    /// Why: CRLReason of RFC 5280. 0 (unspecified) is not written, as the RFC asks.
    pub reason: u8,
}

/// What a revocation list says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CrlFacts {
    /// Who issued it, as RFC 4514 writes names.
    pub issuer: String,
    /// The key identifier of who issued it, in hexadecimal.
    pub authority_key_id: Option<String>,
    /// Its number.
    pub number: u64,
    /// When it was made.
    pub this_update: Timestamp,
    /// Until when there will be a newer one.
    pub next_update: Timestamp,
    /// Who stands on it.
    pub entries: Vec<RevokedEntry>,
}

/// Makes and signs a revocation list.
///
/// # Errors
/// When a time or a reason can't be written, or the key can't sign.
pub fn crl(
    issuer: &Issuer,
    number: u64,
    this_update: Timestamp,
    next_update: Timestamp,
    entries: &[RevokedEntry],
) -> Result<Vec<u8>, Error> {
    instant::validity(this_update, next_update)?;
    let signer = issuer.signer().as_ref();
    let mut body = Vec::with_capacity(entries.len() * ENTRY + 512);
    wire::unsigned(&mut body, &[VERSION_2]);
    wire::signature_algorithm(&mut body, signer);
    body.extend_from_slice(issuer.certificate().subject_der());
    instant::time(&mut body, this_update)?;
    instant::time(&mut body, next_update)?;
    if !entries.is_empty() {
        let rows = rows(entries)?;
        wire::value(&mut body, wire::SEQUENCE, &rows);
    }
    let key_id = issuer.certificate().key_id_bytes();
    wire::nest(&mut body, wire::constructed(0), |out| {
        wire::nest(out, wire::SEQUENCE, |out| {
            wire::extension(out, &oids::ID_CE_AUTHORITY_KEY_IDENTIFIER, |out| {
                wire::nest(out, wire::SEQUENCE, |out| wire::value(out, wire::primitive(0), &key_id));
            });
            wire::extension(out, &oids::ID_CE_CRL_NUMBER, |out| wire::unsigned(out, &number.to_be_bytes()));
        });
    });
    let mut content = Vec::with_capacity(body.len() + 8);
    wire::value(&mut content, wire::SEQUENCE, &body);
    drop(body);
    wire::sign(&content, signer)
}

fn rows(entries: &[RevokedEntry]) -> Result<Vec<u8>, Error> {
    let mut rows = Vec::with_capacity(entries.len() * ENTRY);
    let mut row = Vec::with_capacity(ENTRY);
    // Many are revoked at once, so the time is often that of the entry before.
    let (mut written, mut time) = (None, Vec::new());
    for entry in entries {
        if written != Some(entry.at) {
            time.clear();
            instant::time(&mut time, entry.at)?;
            written = Some(entry.at);
        }
        row.clear();
        wire::unsigned(&mut row, entry.serial.as_bytes());
        row.extend_from_slice(&time);
        if let Some(reason) = reason(entry.reason)? {
            wire::nest(&mut row, wire::SEQUENCE, |out| {
                wire::extension(out, &oids::ID_CE_CRL_REASONS, |out| wire::value(out, wire::ENUMERATED, &[reason]));
            });
        }
        wire::value(&mut rows, wire::SEQUENCE, &row);
    }
    Ok(rows)
}

/// A reason that is written: not 0. 7 is not used, and 8 (removeFromCRL) stands on delta lists alone.
pub(crate) fn reason(code: u8) -> Result<Option<u8>, Error> {
    match code {
        0 => Ok(None),
        1..=6 | 9 | 10 => Ok(Some(code)),
        _ => Err(Error::Reason(code)),
    }
}

/// Reads a revocation list. Whether its issuer signed it is for [`verify_crl`].
///
/// # Errors
/// When it is none, is of version 1, or has parts that change its meaning (delta, issuing distribution point).
pub fn read_crl(der: &[u8]) -> Result<CrlFacts, Error> {
    let malformed = |source| Error::Malformed { what: "revocation list", source };
    let signed = Signed::read(der).map_err(malformed)?;
    Parts::read(signed.content).map_err(malformed)?.facts().map_err(malformed)
}

/// Reads a revocation list and checks that it was signed by an issuer.
///
/// # Errors
/// When it is unreadable, or another's.
pub fn verify_crl(der: &[u8], issuer: &Certificate) -> Result<CrlFacts, Error> {
    let facts = read_crl(der)?;
    let no = |why| Error::NotIssuedBy { subject: "the revocation list".into(), issuer: issuer.subject(), why };
    let malformed = |source| Error::Malformed { what: "revocation list", source };
    let signed = Signed::read(der).map_err(malformed)?;
    let parts = Parts::read(signed.content).map_err(malformed)?;
    if RdnSequence::from_der(parts.issuer).map_err(malformed)? != issuer.x509().tbs_certificate.subject {
        return Err(no("it names another issuer"));
    }
    let usage = issuer.x509().tbs_certificate.get::<KeyUsage>().ok().flatten();
    if !issuer.is_ca() || usage.is_some_and(|(_, usage)| !usage.crl_sign()) {
        return Err(no("that may not sign revocation lists"));
    }
    if parts.algorithm.oid != signed.algorithm.oid {
        return Err(no("it names two algorithms for one signature"));
    }
    match verify::check(issuer.public_key(), signed.algorithm.oid, signed.content, signed.signature) {
        Ok(()) => Ok(facts),
        Err(Mismatch::Unsupported) => Err(no("its signature is of a kind that is not accepted")),
        Err(Mismatch::Wrong) => Err(no("the signature is not that key's")),
    }
}

/// A revocation list taken apart, as it stands.
struct Parts<'a> {
    algorithm: AlgorithmId<'a>,
    issuer: &'a [u8],
    this_update: Timestamp,
    next_update: Timestamp,
    entries: &'a [u8],
    extensions: &'a [u8],
}

impl<'a> Parts<'a> {
    fn read(content: &'a [u8]) -> der::Result<Self> {
        let mut reader = SliceReader::new(content)?;
        let parts = reader.sequence(|reader| {
            if u8::decode(reader)? != VERSION_2 {
                return Err(der::Tag::Integer.value_error());
            }
            let algorithm = AlgorithmId::read(reader)?;
            let issuer = reader.tlv_bytes()?;
            let (this_update, next_update) = (instant::read(reader)?, instant::read(reader)?);
            let entries = match reader.peek_byte() {
                Some(wire::SEQUENCE) => AnyRef::decode(reader)?.value(),
                _ => &[],
            };
            // A list of version 2 has a number, so it has extensions.
            if reader.peek_byte() != Some(wire::constructed(0)) {
                return Err(der::ErrorKind::Failed.into());
            }
            let extensions = AnyRef::decode(reader)?.value();
            Ok(Self { algorithm, issuer, this_update, next_update, entries, extensions })
        })?;
        reader.finish(parts)
    }

    fn facts(&self) -> der::Result<CrlFacts> {
        let mut facts = CrlFacts {
            issuer: RdnSequence::from_der(self.issuer)?.to_string(),
            authority_key_id: None,
            number: 0,
            this_update: self.this_update,
            next_update: self.next_update,
            entries: Vec::with_capacity(self.entries.len() / ENTRY),
        };
        let mut numbered = false;
        for_each_extension(self.extensions, |oid, critical, value| {
            match oid {
                oids::ID_CE_CRL_NUMBER => {
                    facts.number = u64::from_der(value)?;
                    numbered = true;
                }
                oids::ID_CE_AUTHORITY_KEY_IDENTIFIER => {
                    let id = AuthorityKeyIdentifier::from_der(value)?.key_identifier;
                    facts.authority_key_id = id.map(|id| hex::encode(id.as_bytes()));
                }
                _ if critical => return Err(der::ErrorKind::OidUnknown { oid }.into()),
                _ => {}
            }
            Ok(())
        })?;
        if !numbered {
            return Err(der::ErrorKind::OidUnknown { oid: oids::ID_CE_CRL_NUMBER }.into());
        }
        let mut reader = SliceReader::new(self.entries)?;
        while !reader.is_finished() {
            facts.entries.push(reader.sequence(entry)?);
        }
        Ok(facts)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Enumerated)]
#[repr(u8)]
enum Reason {
    Unspecified = 0,
    KeyCompromise = 1,
    CaCompromise = 2,
    AffiliationChanged = 3,
    Superseded = 4,
    CessationOfOperation = 5,
    CertificateHold = 6,
    RemoveFromCrl = 8,
    PrivilegeWithdrawn = 9,
    AaCompromise = 10,
}

fn entry<'a, R: Reader<'a>>(reader: &mut R) -> der::Result<RevokedEntry> {
    let serial = UintRef::decode(reader)?;
    let serial = SerialNumber::from_bytes(serial.as_bytes()).map_err(|_| der::Tag::Integer.value_error())?;
    let mut entry = RevokedEntry { serial, at: instant::read(reader)?, reason: 0 };
    if !reader.is_finished() {
        for_each_extension(reader.tlv_bytes()?, |oid, critical, value| {
            match oid {
                oids::ID_CE_CRL_REASONS => entry.reason = Reason::from_der(value)? as u8,
                // A certificate issuer, say: then the entry is about someone else's certificate.
                _ if critical => return Err(der::ErrorKind::OidUnknown { oid }.into()),
                _ => {}
            }
            Ok(())
        })?;
    }
    Ok(entry)
}

/// Goes through a DER sequence of extensions.
pub(crate) fn for_each_extension(
    der: &[u8],
    mut each: impl FnMut(ObjectIdentifier, bool, &[u8]) -> der::Result<()>,
) -> der::Result<()> {
    let mut reader = SliceReader::new(der)?;
    reader.sequence(|reader| {
        while !reader.is_finished() {
            let (oid, critical, value) = reader.sequence(|reader| {
                let oid = ObjectIdentifier::decode(reader)?;
                let critical = Option::<bool>::decode(reader)?.unwrap_or_default();
                Ok((oid, critical, OctetStringRef::decode(reader)?.as_bytes()))
            })?;
            each(oid, critical, value)?;
        }
        Ok(())
    })?;
    reader.finish(())
}
/// A list as PEM.
#[must_use]
pub fn crl_pem(der: &[u8]) -> String {
    crate::pem::block("X509 CRL", der)
}
