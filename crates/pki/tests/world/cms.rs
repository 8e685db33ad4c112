//! Signing as a build would, in every way that tests need.

use cms::{
    cert::{CertificateChoices, IssuerAndSerialNumber},
    content_info::{CmsVersion, ContentInfo},
    signed_data::{CertificateSet, EncapsulatedContentInfo, SignedData, SignerIdentifier, SignerInfo, SignerInfos},
};
use const_oid::{
    ObjectIdentifier,
    db::{rfc5911, rfc5912},
};
use der::{
    Any, Decode, Encode, Tag,
    asn1::{OctetString, SetOfVec},
};
use pki::{Certificate, Signer};
use sha2::{Digest, Sha256};
use spki::AlgorithmIdentifierOwned;
use std::sync::Arc;
use x509_cert::attr::{Attribute, Attributes};

/// Somebody who signs, with a key on P-256.
#[derive(Clone)]
pub struct Pen {
    pub certificate: Certificate,
    pub key: Arc<dyn Signer>,
}

/// What a message is made of.
pub struct Message<'a> {
    pub pens: &'a [Pen],
    /// What is signed.
    pub content: &'a [u8],
    /// Whether it is inside.
    pub attached: bool,
    /// `None` signs the content itself.
    pub attributes: Option<Vec<Attribute>>,
    /// Whether the certificates are inside.
    pub certificates: bool,
    /// Which hash the signers name.
    pub hash: ObjectIdentifier,
}

impl<'a> Message<'a> {
    /// As `openssl cms -sign` makes it.
    pub fn usual(pens: &'a [Pen], content: &'a [u8]) -> Self {
        let attributes = Some(attributes(content));
        Self { pens, content, attached: false, attributes, certificates: true, hash: rfc5912::ID_SHA_256 }
    }

    pub fn der(&self) -> Vec<u8> {
        let hash = AlgorithmIdentifierOwned { oid: self.hash, parameters: None };
        let certificate = |pen: &Pen| {
            CertificateChoices::Certificate(x509_cert::Certificate::from_der(pen.certificate.der()).unwrap())
        };
        let certificates: Vec<_> = self.pens.iter().map(certificate).collect();
        let signers: Vec<_> = self.pens.iter().map(|pen| self.signer(pen, &hash)).collect();
        let econtent = self.attached.then(|| Any::new(Tag::OctetString, self.content).unwrap());
        let data = SignedData {
            version: CmsVersion::V1,
            digest_algorithms: SetOfVec::try_from(vec![hash]).unwrap(),
            encap_content_info: EncapsulatedContentInfo { econtent_type: rfc5911::ID_DATA, econtent },
            certificates: self.certificates.then(|| CertificateSet(SetOfVec::try_from(certificates).unwrap())),
            crls: None,
            signer_infos: SignerInfos(SetOfVec::try_from(signers).unwrap()),
        };
        let content = Any::encode_from(&data).unwrap();
        ContentInfo { content_type: rfc5911::ID_SIGNED_DATA, content }.to_der().unwrap()
    }

    fn signer(&self, pen: &Pen, hash: &AlgorithmIdentifierOwned) -> SignerInfo {
        let x509 = x509_cert::Certificate::from_der(pen.certificate.der()).unwrap().tbs_certificate;
        let attributes = self.attributes.clone().map(|all| Attributes::try_from(all).unwrap());
        let signed = attributes.as_ref().map_or(self.content.to_vec(), |all| all.to_der().unwrap());
        SignerInfo {
            version: CmsVersion::V1,
            sid: SignerIdentifier::IssuerAndSerialNumber(IssuerAndSerialNumber {
                issuer: x509.issuer,
                serial_number: x509.serial_number,
            }),
            digest_alg: hash.clone(),
            signed_attrs: attributes,
            signature_algorithm: AlgorithmIdentifierOwned { oid: rfc5912::ECDSA_WITH_SHA_256, parameters: None },
            signature: OctetString::new(pen.key.sign(&signed).unwrap()).unwrap(),
            unsigned_attrs: None,
        }
    }
}

/// The two attributes that must be there.
pub fn attributes(content: &[u8]) -> Vec<Attribute> {
    let digest = OctetString::new(Sha256::digest(content).to_vec()).unwrap();
    vec![
        attribute(rfc5911::ID_CONTENT_TYPE, Any::encode_from(&rfc5911::ID_DATA).unwrap()),
        attribute(rfc5911::ID_MESSAGE_DIGEST, Any::encode_from(&digest).unwrap()),
    ]
}

pub fn attribute(oid: ObjectIdentifier, value: Any) -> Attribute {
    Attribute { oid, values: SetOfVec::try_from(vec![value]).unwrap() }
}
