//! Signed SWUpdate images, as a build pipeline makes them: a cpio archive of `sw-description`, a detached CMS signature
//! over it (RFC 5652), and the files that it names by their SHA-256.

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
use fleet::Error;
use pki::{Certificate, Signer};
use sha2::{Digest, Sha256};
use spki::AlgorithmIdentifierOwned;
use x509_cert::attr::{Attribute, Attributes};

/// How cpio marks a file with a checksum ("crc" format).
const MAGIC: &[u8] = b"070702";
/// A regular file that everybody may read.
const MODE: usize = 0o100_644;
/// Where archives end.
const BLOCK: usize = 512;

/// What an image is to be.
#[derive(Clone, Copy, Debug)]
pub struct Image<'a> {
    /// The version that it says it is of.
    pub version: &'a str,
    /// The hardware revisions that it says it is for.
    pub hardware: &'a [&'a str],
    /// Its files, by name.
    pub files: &'a [(&'a str, &'a [u8])],
}

impl Image<'_> {
    /// `sw-description`: each file is put below `/tmp`, where nothing of a device is.
    #[must_use]
    pub fn description(&self) -> String {
        let file = |(name, content): &(&str, &[u8])| {
            let sha256 = hex::encode(Sha256::digest(content));
            format!("        {{ filename = \"{name}\"; path = \"/tmp/{name}\"; sha256 = \"{sha256}\"; }}")
        };
        let files: Vec<String> = self.files.iter().map(file).collect();
        let hardware: Vec<String> = self.hardware.iter().map(|name| format!("\"{name}\"")).collect();
        format!(
            "software =\n{{\n    version = \"{}\";\n    hardware-compatibility: [ {} ];\n    files: (\n{}\n    );\n}};\n",
            self.version,
            hardware.join(", "),
            files.join(",\n")
        )
    }

    /// The archive, signed by the certificate's key, which must be on P-256.
    ///
    /// # Errors
    /// When the key can't sign.
    pub fn signed(&self, certificate: &Certificate, key: &dyn Signer) -> Result<Vec<u8>, Error> {
        let description = self.description();
        let signature = detached(description.as_bytes(), certificate, key)?;
        Ok(self.archive(&description, Some(&signature)))
    }

    /// The archive with a signature that was made elsewhere, or without one.
    #[must_use]
    pub fn archive(&self, description: &str, signature: Option<&[u8]>) -> Vec<u8> {
        let mut out = Vec::new();
        push(&mut out, "sw-description", description.as_bytes());
        if let Some(signature) = signature {
            push(&mut out, "sw-description.sig", signature);
        }
        for (name, content) in self.files {
            push(&mut out, name, content);
        }
        push(&mut out, "TRAILER!!!", b"");
        out.resize(out.len().next_multiple_of(BLOCK), 0);
        out
    }
}

/// A file of a cpio archive, in the "crc" format.
fn push(out: &mut Vec<u8>, name: &str, content: &[u8]) {
    let sum = content.iter().fold(0_u32, |sum, byte| sum.wrapping_add((*byte).into()));
    let numbers = [1, MODE, 0, 0, 1, 0, content.len(), 0, 0, 0, 0, name.len() + 1, sum as usize];
    out.extend_from_slice(MAGIC);
    out.extend(numbers.iter().flat_map(|number| format!("{number:08X}").into_bytes()));
    out.extend_from_slice(name.as_bytes());
    out.push(0);
    out.resize(out.len().next_multiple_of(4), 0);
    out.extend_from_slice(content);
    out.resize(out.len().next_multiple_of(4), 0);
}

/// A detached signature as `openssl cms -sign -binary -outform DER` makes it.
///
/// # Errors
/// When the key can't sign.
pub fn detached(content: &[u8], certificate: &Certificate, key: &dyn Signer) -> Result<Vec<u8>, Error> {
    encoded(content, certificate, key).map_err(|error| match error {
        Failed::Der(error) => Error::internal(error),
        Failed::Key(error) => Error::internal(error),
    })
}

enum Failed {
    Der(der::Error),
    Key(pki::Error),
}

impl From<der::Error> for Failed {
    fn from(error: der::Error) -> Self {
        Self::Der(error)
    }
}

fn encoded(content: &[u8], certificate: &Certificate, key: &dyn Signer) -> Result<Vec<u8>, Failed> {
    let x509 = x509_cert::Certificate::from_der(certificate.der())?;
    let hash = AlgorithmIdentifierOwned { oid: rfc5912::ID_SHA_256, parameters: None };
    let attributes = attributes(content)?;
    let signature = key.sign(&attributes.to_der()?).map_err(Failed::Key)?;
    let signer = SignerInfo {
        version: CmsVersion::V1,
        sid: SignerIdentifier::IssuerAndSerialNumber(IssuerAndSerialNumber {
            issuer: x509.tbs_certificate.issuer.clone(),
            serial_number: x509.tbs_certificate.serial_number.clone(),
        }),
        digest_alg: hash.clone(),
        signed_attrs: Some(attributes),
        signature_algorithm: AlgorithmIdentifierOwned { oid: rfc5912::ECDSA_WITH_SHA_256, parameters: None },
        signature: OctetString::new(signature)?,
        unsigned_attrs: None,
    };
    let data = SignedData {
        version: CmsVersion::V1,
        digest_algorithms: SetOfVec::try_from(vec![hash])?,
        encap_content_info: EncapsulatedContentInfo { econtent_type: rfc5911::ID_DATA, econtent: None },
        certificates: Some(CertificateSet(SetOfVec::try_from(vec![CertificateChoices::Certificate(x509)])?)),
        crls: None,
        signer_infos: SignerInfos(SetOfVec::try_from(vec![signer])?),
    };
    let content = Any::encode_from(&data)?;
    Ok(ContentInfo { content_type: rfc5911::ID_SIGNED_DATA, content }.to_der()?)
}

/// The two attributes that must be signed (RFC 5652, section 5.3).
fn attributes(content: &[u8]) -> Result<Attributes, der::Error> {
    let digest = Any::new(Tag::OctetString, Sha256::digest(content).as_slice())?;
    let one = |oid: ObjectIdentifier, value: Any| {
        Ok::<_, der::Error>(Attribute { oid, values: SetOfVec::try_from(vec![value])? })
    };
    let kind = one(rfc5911::ID_CONTENT_TYPE, Any::encode_from(&rfc5911::ID_DATA)?)?;
    Attributes::try_from(vec![kind, one(rfc5911::ID_MESSAGE_DIGEST, digest)?])
}
