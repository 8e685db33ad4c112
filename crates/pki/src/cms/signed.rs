//! Checking CMS signatures (RFC 5652, 5): detached or with the content inside.

use super::{
    CmsRefused, ContentHasher, ContentHashes, ber,
    trust::{CmsSigner, CmsTrust},
};
use crate::{
    Certificate, oids,
    verify::{self, Mismatch, PssParameters},
};
use cms::{
    cert::CertificateChoices,
    content_info::ContentInfo,
    signed_data::{SignedAttributes, SignedData as Structure, SignerIdentifier, SignerInfo},
};
use const_oid::{
    ObjectIdentifier,
    db::{rfc5911, rfc5912},
};
use der::{Decode, Encode, asn1::OctetString};
use ring::digest::{Algorithm, SHA256, SHA384, SHA512, digest};

/// How large a message may be: room for long chains and for a small content inside.
const LARGEST: usize = 1 << 20;
const SIGNERS: usize = 8;

/// A CMS SignedData that was read; nothing about it holds before [`SignedData::verify`].
#[derive(Clone, Debug)]
pub struct SignedData {
    structure: Structure,
    content: Option<OctetString>,
}

impl SignedData {
    /// Reads a message in DER, or in the BER that `openssl cms -stream` writes.
    ///
    /// # Errors
    /// When it is none, or nobody signed it.
    pub fn read(bytes: &[u8]) -> Result<Self, CmsRefused> {
        if bytes.len() > LARGEST {
            return Err(CmsRefused::Malformed("it is larger than a mebibyte"));
        }
        let malformed = |_| CmsRefused::Malformed("its structure is not that of RFC 5652");
        let message = ContentInfo::from_der(&ber::to_der(bytes).map_err(CmsRefused::Malformed)?).map_err(malformed)?;
        if message.content_type != rfc5911::ID_SIGNED_DATA {
            return Err(CmsRefused::NotSignedData);
        }
        let structure: Structure = message.content.decode_as().map_err(malformed)?;
        match structure.signer_infos.0.len() {
            0 => return Err(CmsRefused::Unsigned),
            count if count > SIGNERS => return Err(CmsRefused::TooManySigners(count, SIGNERS)),
            _ => {}
        }
        let content = structure.encap_content_info.econtent.as_ref();
        let content = content.map(der::Any::decode_as::<OctetString>).transpose().map_err(malformed)?;
        Ok(Self { structure, content })
    }

    /// The content inside the message; `None` where the signature is detached. Not yet known to be what was signed.
    #[must_use]
    pub fn content(&self) -> Option<&[u8]> {
        self.content.as_ref().map(OctetString::as_bytes)
    }

    /// Checks that the content (what is `detached` beside the message, else what is inside) was signed by ours. Every
    /// signer of the message must hold: that is what OpenSSL's `CMS_verify` asks, and by it SWUpdate and RAUC, so no
    /// message counts here that a device refuses. Whether a signer was revoked is for the caller, who gets them all.
    ///
    /// # Errors
    /// The first thing that does not hold.
    pub fn verify(&self, detached: Option<&[u8]>, trust: &CmsTrust<'_>) -> Result<Vec<CmsSigner>, CmsRefused> {
        let content = detached.or(self.content()).ok_or(CmsRefused::NoContent)?;
        self.verify_content(Content::Whole(content), trust)
    }

    /// What takes the hashes that the signers named, for a detached content that is too large to be held.
    #[must_use]
    pub fn hasher(&self) -> ContentHasher {
        let named = self.structure.signer_infos.0.iter().filter_map(|info| Hash::named(info.digest_alg.oid).ok());
        ContentHasher::new(named)
    }

    /// The same as [`SignedData::verify`] for a detached content, of which only the hashes are known.
    ///
    /// # Errors
    /// The first thing that does not hold; also where a signer signed the content itself, without attributes.
    pub fn verify_hashed(&self, hashes: &ContentHashes, trust: &CmsTrust<'_>) -> Result<Vec<CmsSigner>, CmsRefused> {
        if self.content.is_some() {
            return Err(CmsRefused::Malformed("it has a content of its own inside, which must stand beside it"));
        }
        self.verify_content(Content::Hashed(hashes), trust)
    }

    fn verify_content(&self, content: Content<'_>, trust: &CmsTrust<'_>) -> Result<Vec<CmsSigner>, CmsRefused> {
        let certificates = self.certificates()?;
        let mut signers: Vec<CmsSigner> = Vec::with_capacity(self.structure.signer_infos.0.len());
        for info in self.structure.signer_infos.0.iter() {
            let named = certificates.iter().find(|certificate| names(&info.sid, certificate));
            let certificate = named.ok_or(CmsRefused::NoCertificate)?;
            self.check_signature(info, certificate, content)?;
            signers.push(trust.check(certificate)?);
        }
        if signers.is_empty() { Err(CmsRefused::Unsigned) } else { Ok(signers) }
    }

    fn certificates(&self) -> Result<Vec<Certificate>, CmsRefused> {
        let unreadable = CmsRefused::Malformed("it holds a certificate that can't be read");
        let set = self.structure.certificates.iter().flat_map(|set| set.0.iter());
        let certificates = set.filter_map(|choice| match choice {
            CertificateChoices::Certificate(certificate) => Some(certificate.to_der()),
            CertificateChoices::Other(_) => None,
        });
        certificates
            .map(|der| der.ok().and_then(|der| Certificate::from_der(&der).ok()).ok_or_else(|| unreadable.clone()))
            .collect()
    }

    /// RFC 5652, 5.4 and 5.6.
    fn check_signature(&self, info: &SignerInfo, who: &Certificate, content: Content<'_>) -> Result<(), CmsRefused> {
        let hash = Hash::named(info.digest_alg.oid)?;
        // Who reads the content only once needs to know its hashes in advance (RFC 5652, 5.1): OpenSSL does.
        if !self.structure.digest_algorithms.iter().any(|listed| listed.oid == info.digest_alg.oid) {
            return Err(CmsRefused::Malformed("it does not list the hash that its signer used"));
        }
        let kind = self.structure.encap_content_info.econtent_type;
        let Some(attributes) = &info.signed_attrs else {
            let Content::Whole(content) = content else {
                return Err(CmsRefused::Attributes("they must be there for a content as large as this"));
            };
            // What was signed by way of attributes must not pass as a content of its own.
            if SignedAttributes::from_der(content).is_ok() {
                return Err(CmsRefused::Attributes("they are given as the content"));
            }
            if kind != rfc5911::ID_DATA {
                return Err(CmsRefused::Attributes("they must be there for a content of this type"));
            }
            return check_bytes(info, hash, who, content);
        };
        if attribute::<ObjectIdentifier>(attributes, rfc5911::ID_CONTENT_TYPE)? != kind {
            return Err(CmsRefused::Attributes("they name another type of content"));
        }
        let signed: OctetString = attribute(attributes, rfc5911::ID_MESSAGE_DIGEST)?;
        if !content.has(hash, signed.as_bytes()) {
            return Err(CmsRefused::WrongDigest { signer: who.subject() });
        }
        let der = attributes.to_der().map_err(|_| CmsRefused::Malformed("its attributes can't be written"))?;
        check_bytes(info, hash, who, &der)
    }
}

/// What was signed.
#[derive(Clone, Copy)]
enum Content<'a> {
    Whole(&'a [u8]),
    Hashed(&'a ContentHashes),
}

impl Content<'_> {
    /// Whether this is its hash.
    fn has(self, hash: Hash, value: &[u8]) -> bool {
        match self {
            Self::Whole(bytes) => digest(hash.algorithm(), bytes).as_ref() == value,
            Self::Hashed(hashes) => hashes.of(hash) == Some(value),
        }
    }
}

/// Whether a signer's identifier means a certificate.
fn names(sid: &SignerIdentifier, certificate: &Certificate) -> bool {
    let tbs = &certificate.x509().tbs_certificate;
    match sid {
        SignerIdentifier::IssuerAndSerialNumber(id) => id.issuer == tbs.issuer && id.serial_number == tbs.serial_number,
        SignerIdentifier::SubjectKeyIdentifier(id) => certificate.key_id_bytes() == id.0.as_bytes(),
    }
}

/// The one value of an attribute that must be there once (RFC 5652, 11.1 and 11.2).
fn attribute<'a, T: der::Choice<'a> + der::DecodeValue<'a>>(
    attributes: &'a SignedAttributes,
    oid: ObjectIdentifier,
) -> Result<T, CmsRefused> {
    let mut found = attributes.iter().filter(|attribute| attribute.oid == oid);
    let (Some(attribute), None) = (found.next(), found.next()) else {
        return Err(CmsRefused::Attributes("the content's type or its hash is not there, or is there twice"));
    };
    match (attribute.values.get(0), attribute.values.len()) {
        (Some(value), 1) => value.decode_as().map_err(|_| CmsRefused::Attributes("one has a value of another kind")),
        _ => Err(CmsRefused::Attributes("one has no value, or several")),
    }
}

fn check_bytes(info: &SignerInfo, hash: Hash, who: &Certificate, bytes: &[u8]) -> Result<(), CmsRefused> {
    let named = &info.signature_algorithm;
    let signature = info.signature.as_bytes();
    let outcome = if named.oid == oids::ID_RSASSA_PSS {
        let parameters = named.parameters.as_ref().and_then(|any| any.decode_as::<PssParameters<'_>>().ok());
        match parameters.filter(|parameters| parameters.fits(hash.oid(), hash.algorithm().output_len())) {
            Some(_) => verify::check_pss(who.public_key(), hash.oid(), bytes, signature),
            None => Err(Mismatch::Unsupported),
        }
    } else {
        match hash.with(named.oid) {
            Some(oid) => verify::check(who.public_key(), oid, bytes, signature),
            None => Err(Mismatch::Unsupported),
        }
    };
    outcome.map_err(|mismatch| match mismatch {
        Mismatch::Unsupported => CmsRefused::Algorithm(algorithm_words(hash, named.oid, who)),
        Mismatch::Wrong => CmsRefused::WrongSignature { signer: who.subject() },
    })
}

fn algorithm_words(hash: Hash, signature: ObjectIdentifier, who: &Certificate) -> String {
    match signature {
        oids::ID_RSASSA_PSS => format!(
            "RSA-PSS by {} with a salt or a mask of another length than {}'s (OpenSSL: `-keyopt \
             rsa_pss_saltlen:digest`)",
            who.key_words(),
            hash.words()
        ),
        oids::RSA_ENCRYPTION => format!("{} by {}", hash.words(), who.key_words()),
        other => format!("{} by {} over {}", verify::signature_words(other), who.key_words(), hash.words()),
    }
}

/// The hashes that count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Hash {
    Sha256,
    Sha384,
    Sha512,
}

impl Hash {
    fn named(oid: ObjectIdentifier) -> Result<Self, CmsRefused> {
        match oid {
            oids::ID_SHA_256 => Ok(Self::Sha256),
            rfc5912::ID_SHA_384 => Ok(Self::Sha384),
            rfc5912::ID_SHA_512 => Ok(Self::Sha512),
            oids::ID_SHA_1 => Err(CmsRefused::Algorithm("SHA-1".into())),
            other => Err(CmsRefused::Algorithm(format!("the hash {other}"))),
        }
    }

    fn oid(self) -> ObjectIdentifier {
        match self {
            Self::Sha256 => oids::ID_SHA_256,
            Self::Sha384 => rfc5912::ID_SHA_384,
            Self::Sha512 => rfc5912::ID_SHA_512,
        }
    }

    fn words(self) -> &'static str {
        match self {
            Self::Sha256 => "SHA-256",
            Self::Sha384 => "SHA-384",
            Self::Sha512 => "SHA-512",
        }
    }

    pub(super) fn algorithm(self) -> &'static Algorithm {
        match self {
            Self::Sha256 => &SHA256,
            Self::Sha384 => &SHA384,
            Self::Sha512 => &SHA512,
        }
    }

    /// The whole name of a signature's algorithm. CMS may name the key's alone (RFC 3370, 3.2); where it names a hash, it
    /// must be this one: some clients look at the one, some at the other.
    fn with(self, signature: ObjectIdentifier) -> Option<ObjectIdentifier> {
        let (rsa, ecdsa) = match self {
            Self::Sha256 => (oids::SHA_256_WITH_RSA_ENCRYPTION, oids::ECDSA_WITH_SHA_256),
            Self::Sha384 => (oids::SHA_384_WITH_RSA_ENCRYPTION, oids::ECDSA_WITH_SHA_384),
            Self::Sha512 => (oids::SHA_512_WITH_RSA_ENCRYPTION, oids::ECDSA_WITH_SHA_512),
        };
        match signature {
            oids::RSA_ENCRYPTION => Some(rsa),
            other if other == rsa || other == ecdsa => Some(other),
            _ => None,
        }
    }
}
