//! Reading what is asked.

use super::{CertId, CertIdHash, OcspFailure};
use crate::{
    SerialNumber,
    crl::for_each_extension,
    oids,
    wire::{self, AlgorithmId},
};
use der::{
    Decode, Reader, SliceReader, Tagged,
    asn1::{AnyRef, OctetStringRef, UintRef},
};

/// No question is longer: 32 certificates take 4 KiB.
const LONGEST: usize = 16 * 1024;
/// The most certificates in one question.
const MOST: usize = 32;
/// How long a nonce may be (RFC 9654, 2.1).
const NONCE: std::ops::RangeInclusive<usize> = 1..=128;

/// A question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OcspRequest {
    /// Whose status is asked for; at least one, at most 32.
    pub ids: Vec<CertId>,
    /// What the answer must repeat, so that it can't be an old one.
    pub nonce: Option<Vec<u8>>,
}

/// Why a question gets no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OcspProblem {
    /// It is no OCSP request.
    #[error("this is no readable OCSP request")]
    Malformed,
    /// It asks for nothing, or for too much.
    #[error("an OCSP request must ask for 1 to 32 certificates")]
    Count,
    /// Its nonce has a length that RFC 9654 does not allow.
    #[error("the nonce of an OCSP request must have 1 to 128 bytes")]
    Nonce,
    /// It names issuers by a hash that is not known here, so none of them can be one of ours.
    #[error("the OCSP request names its issuer by another hash than SHA-1 or SHA-256")]
    Hash,
}

impl OcspProblem {
    /// What to answer.
    #[must_use]
    pub const fn failure(self) -> OcspFailure {
        match self {
            Self::Malformed | Self::Count | Self::Nonce => OcspFailure::MalformedRequest,
            Self::Hash => OcspFailure::Unauthorized,
        }
    }
}

/// Reads a question. Signatures of who asks are not looked at (RFC 5019, 2.1.1).
///
/// # Errors
/// When it is none, or one that gets no answer; [`OcspProblem::failure`] is what to send instead.
pub fn read_ocsp_request(der: &[u8]) -> Result<OcspRequest, OcspProblem> {
    if der.len() > LONGEST {
        return Err(OcspProblem::Malformed);
    }
    let parts = Parts::read(der).map_err(|_| OcspProblem::Malformed)?;
    let ids = ids(parts.list)?;
    Ok(OcspRequest { ids, nonce: nonce(parts.extensions)? })
}

/// A question taken apart, as it stands.
struct Parts<'a> {
    /// The content of the list.
    list: &'a [u8],
    extensions: Option<&'a [u8]>,
}

impl<'a> Parts<'a> {
    fn read(der: &'a [u8]) -> der::Result<Self> {
        let mut reader = SliceReader::new(der)?;
        let parts = reader.sequence(|reader| {
            let parts = reader.sequence(|reader| {
                if let Some(version) = tagged(reader, 0)?
                    && u8::from_der(version)? != 0
                {
                    return Err(der::Tag::Integer.value_error());
                }
                tagged(reader, 1)?;
                let list = AnyRef::decode(reader)?;
                if list.tag() != der::Tag::Sequence {
                    return Err(list.tag().unexpected_error(Some(der::Tag::Sequence)));
                }
                Ok(Self { list: list.value(), extensions: tagged(reader, 2)? })
            })?;
            // The signature.
            tagged(reader, 0)?;
            Ok(parts)
        })?;
        reader.finish(parts)
    }
}

/// The content of an optional part with the explicit tag `[n]`.
fn tagged<'a, R: Reader<'a>>(reader: &mut R, n: u8) -> der::Result<Option<&'a [u8]>> {
    if reader.peek_byte() == Some(wire::constructed(n)) {
        AnyRef::decode(reader).map(|part| Some(part.value()))
    } else {
        Ok(None)
    }
}

fn ids(list: &[u8]) -> Result<Vec<CertId>, OcspProblem> {
    let mut reader = SliceReader::new(list).map_err(|_| OcspProblem::Malformed)?;
    let mut ids = Vec::with_capacity(1);
    while !reader.is_finished() {
        if ids.len() == MOST {
            return Err(OcspProblem::Count);
        }
        let (id, extensions) = reader
            .sequence(|reader| Ok((reader.tlv_bytes()?, tagged(reader, 0)?)))
            .map_err(|_| OcspProblem::Malformed)?;
        known_extensions(extensions)?;
        ids.push(cert_id(id)?);
    }
    if ids.is_empty() { Err(OcspProblem::Count) } else { Ok(ids) }
}

/// Extensions of a single request say nothing to us, so they must not be critical.
fn known_extensions(der: Option<&[u8]>) -> Result<(), OcspProblem> {
    let Some(der) = der else { return Ok(()) };
    for_each_extension(
        der,
        |oid, critical, _| {
            if critical { Err(der::ErrorKind::OidUnknown { oid }.into()) } else { Ok(()) }
        },
    )
    .map_err(|_| OcspProblem::Malformed)
}

fn cert_id(der: &[u8]) -> Result<CertId, OcspProblem> {
    let read = |der| {
        let mut reader = SliceReader::new(der)?;
        let parts = reader.sequence(|reader| {
            Ok((
                AlgorithmId::read(reader)?,
                OctetStringRef::decode(reader)?.as_bytes(),
                OctetStringRef::decode(reader)?.as_bytes(),
                UintRef::decode(reader)?.as_bytes(),
            ))
        })?;
        reader.finish(parts)
    };
    let (algorithm, name_hash, key_hash, serial) = read(der).map_err(|_: der::Error| OcspProblem::Malformed)?;
    Ok(CertId {
        hash: CertIdHash::from_oid(algorithm.oid).ok_or(OcspProblem::Hash)?,
        name_hash: name_hash.to_vec(),
        key_hash: key_hash.to_vec(),
        serial: SerialNumber::from_bytes(serial).map_err(|_| OcspProblem::Malformed)?,
        der: der.to_vec(),
    })
}

fn nonce(extensions: Option<&[u8]>) -> Result<Option<Vec<u8>>, OcspProblem> {
    let Some(der) = extensions else { return Ok(None) };
    let (mut nonce, mut problem) = (None, None);
    for_each_extension(der, |oid, critical, value| {
        if oid == oids::ID_PKIX_OCSP_NONCE {
            let bytes = OctetStringRef::from_der(value)?.as_bytes();
            if !NONCE.contains(&bytes.len()) || nonce.is_some() {
                problem = Some(OcspProblem::Nonce);
            }
            nonce = Some(bytes.to_vec());
            Ok(())
        } else if critical {
            Err(der::ErrorKind::OidUnknown { oid }.into())
        } else {
            Ok(())
        }
    })
    .map_err(|_| OcspProblem::Malformed)?;
    problem.map_or(Ok(nonce), Err)
}
