//! Checking signatures by what a public key and an algorithm say they are.

use crate::oids;
use const_oid::{
    ObjectIdentifier,
    db::rfc5912::{ID_MGF_1, ID_SHA_384, ID_SHA_512},
};
use der::{Decode, Reader, Sequence, SliceReader, asn1::UintRef};
use ring::signature::{
    ECDSA_P256_SHA256_ASN1, ECDSA_P256_SHA384_ASN1, ECDSA_P384_SHA256_ASN1, ECDSA_P384_SHA384_ASN1,
    RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_2048_8192_SHA384, RSA_PKCS1_2048_8192_SHA512, RSA_PSS_2048_8192_SHA256,
    RSA_PSS_2048_8192_SHA384, RSA_PSS_2048_8192_SHA512, UnparsedPublicKey, VerificationAlgorithm,
};
use spki::AlgorithmIdentifierRef;

use crate::wire::{self, AlgorithmId};

/// What a public key is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PublicKeyKind {
    P256,
    P384,
    /// With the bits of its modulus.
    Rsa(usize),
}

impl PublicKeyKind {
    pub(crate) fn words(self) -> String {
        match self {
            Self::P256 => "ECDSA P-256".to_owned(),
            Self::P384 => "ECDSA P-384".to_owned(),
            Self::Rsa(bits) => format!("RSA {bits}"),
        }
    }
}

/// A public key, taken apart.
pub(crate) struct PublicKey<'a> {
    /// `None` when it is of a kind that is not known here.
    pub(crate) kind: Option<PublicKeyKind>,
    /// The content of its bit string.
    pub(crate) bits: &'a [u8],
}

impl<'a> PublicKey<'a> {
    /// Takes a SubjectPublicKeyInfo apart.
    pub(crate) fn read(spki: &'a [u8]) -> der::Result<Self> {
        let mut reader = SliceReader::new(spki)?;
        let (algorithm, bits) =
            reader.sequence(|reader| Ok((AlgorithmId::read(reader)?, wire::whole_bytes(reader)?)))?;
        reader.finish(())?;
        Ok(Self { kind: kind(&algorithm, bits), bits })
    }
}

fn kind(algorithm: &AlgorithmId<'_>, bits: &[u8]) -> Option<PublicKeyKind> {
    match algorithm.oid {
        oids::EC_PUBLIC_KEY => match algorithm.parameters?.decode_as::<ObjectIdentifier>().ok()? {
            oids::SECP_256_R_1 => Some(PublicKeyKind::P256),
            oids::SECP_384_R_1 => Some(PublicKeyKind::P384),
            _ => None,
        },
        oids::RSA_ENCRYPTION => modulus_bits(bits).ok().map(PublicKeyKind::Rsa),
        _ => None,
    }
}

fn modulus_bits(rsa_public_key: &[u8]) -> der::Result<usize> {
    let mut reader = SliceReader::new(rsa_public_key)?;
    let bits = reader.sequence(|reader| {
        let modulus = UintRef::decode(reader)?.as_bytes();
        UintRef::decode(reader)?;
        let zeros = modulus.first().map_or(0, |first| first.leading_zeros() as usize);
        Ok((modulus.len() * 8).saturating_sub(zeros))
    })?;
    reader.finish(bits)
}

/// Why a signature does not hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mismatch {
    /// Key or algorithm are of a kind that is not checked here, or don't fit each other.
    Unsupported,
    /// The signature is not that key's over that content.
    Wrong,
}

/// Checks a signature.
pub(crate) fn check(
    spki: &[u8],
    algorithm: ObjectIdentifier,
    content: &[u8],
    signature: &[u8],
) -> Result<(), Mismatch> {
    let key = PublicKey::read(spki).map_err(|_| Mismatch::Unsupported)?;
    let how: &'static dyn VerificationAlgorithm = match (key.kind.ok_or(Mismatch::Unsupported)?, algorithm) {
        (PublicKeyKind::P256, oids::ECDSA_WITH_SHA_256) => &ECDSA_P256_SHA256_ASN1,
        (PublicKeyKind::P256, oids::ECDSA_WITH_SHA_384) => &ECDSA_P256_SHA384_ASN1,
        (PublicKeyKind::P384, oids::ECDSA_WITH_SHA_256) => &ECDSA_P384_SHA256_ASN1,
        (PublicKeyKind::P384, oids::ECDSA_WITH_SHA_384) => &ECDSA_P384_SHA384_ASN1,
        (PublicKeyKind::Rsa(_), oids::SHA_256_WITH_RSA_ENCRYPTION) => &RSA_PKCS1_2048_8192_SHA256,
        (PublicKeyKind::Rsa(_), oids::SHA_384_WITH_RSA_ENCRYPTION) => &RSA_PKCS1_2048_8192_SHA384,
        (PublicKeyKind::Rsa(_), oids::SHA_512_WITH_RSA_ENCRYPTION) => &RSA_PKCS1_2048_8192_SHA512,
        _ => return Err(Mismatch::Unsupported),
    };
    UnparsedPublicKey::new(how, key.bits).verify(content, signature).map_err(|_| Mismatch::Wrong)
}

/// RSASSA-PSS-params (RFC 8017, A.2.3). What is left out means SHA-1, which does not count here.
#[derive(Sequence)]
pub(crate) struct PssParameters<'a> {
    #[asn1(context_specific = "0", tag_mode = "EXPLICIT", optional = "true")]
    hash: Option<AlgorithmIdentifierRef<'a>>,
    #[asn1(context_specific = "1", tag_mode = "EXPLICIT", optional = "true")]
    mask: Option<AlgorithmIdentifierRef<'a>>,
    #[asn1(context_specific = "2", tag_mode = "EXPLICIT", optional = "true")]
    salt: Option<u32>,
    #[asn1(context_specific = "3", tag_mode = "EXPLICIT", optional = "true")]
    trailer: Option<u8>,
}

impl PssParameters<'_> {
    /// Whether all are of one hash, with a salt of its length in bytes: what [`check_pss`] checks.
    pub(crate) fn fits(&self, hash: ObjectIdentifier, length: usize) -> bool {
        let masked = self.mask.filter(|mask| mask.oid == ID_MGF_1).and_then(|mask| mask.parameters);
        let masked = masked.and_then(|hash| hash.decode_as::<AlgorithmIdentifierRef<'_>>().ok());
        self.hash.is_some_and(|found| found.oid == hash)
            && masked.is_some_and(|found| found.oid == hash)
            && self.salt.and_then(|salt| usize::try_from(salt).ok()) == Some(length)
            && self.trailer.is_none_or(|trailer| trailer == 1)
    }
}

/// Checks an RSA-PSS signature whose mask and salt are those of its hash.
pub(crate) fn check_pss(spki: &[u8], hash: ObjectIdentifier, content: &[u8], signature: &[u8]) -> Result<(), Mismatch> {
    let key = PublicKey::read(spki).map_err(|_| Mismatch::Unsupported)?;
    let how: &'static dyn VerificationAlgorithm = match (key.kind, hash) {
        (Some(PublicKeyKind::Rsa(_)), oids::ID_SHA_256) => &RSA_PSS_2048_8192_SHA256,
        (Some(PublicKeyKind::Rsa(_)), ID_SHA_384) => &RSA_PSS_2048_8192_SHA384,
        (Some(PublicKeyKind::Rsa(_)), ID_SHA_512) => &RSA_PSS_2048_8192_SHA512,
        _ => return Err(Mismatch::Unsupported),
    };
    UnparsedPublicKey::new(how, key.bits).verify(content, signature).map_err(|_| Mismatch::Wrong)
}

/// What a signature's algorithm is called: `ECDSA with SHA-256`.
pub(crate) fn signature_words(algorithm: ObjectIdentifier) -> String {
    match algorithm {
        oids::ECDSA_WITH_SHA_256 => "ECDSA with SHA-256".into(),
        oids::ECDSA_WITH_SHA_384 => "ECDSA with SHA-384".into(),
        oids::ECDSA_WITH_SHA_512 => "ECDSA with SHA-512".into(),
        oids::ECDSA_WITH_SHA_1 => "ECDSA with SHA-1".into(),
        oids::SHA_1_WITH_RSA_ENCRYPTION => "RSA with SHA-1".into(),
        oids::MD_5_WITH_RSA_ENCRYPTION => "RSA with MD5".into(),
        oids::SHA_256_WITH_RSA_ENCRYPTION => "RSA with SHA-256".into(),
        oids::SHA_384_WITH_RSA_ENCRYPTION => "RSA with SHA-384".into(),
        oids::SHA_512_WITH_RSA_ENCRYPTION => "RSA with SHA-512".into(),
        oids::ID_RSASSA_PSS => "RSA-PSS".into(),
        other => other.to_string(),
    }
}
