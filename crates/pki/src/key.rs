//! Private keys that sign.

use crate::{Error, oids};
use const_oid::ObjectIdentifier;
use der::{Encode, asn1::BitString};
use pkcs8::{PrivateKeyInfo, der::Decode};
use ring::{
    rand::SystemRandom,
    signature::{
        ECDSA_P256_SHA256_ASN1_SIGNING, ECDSA_P384_SHA384_ASN1_SIGNING, EcdsaKeyPair, EcdsaSigningAlgorithm, KeyPair,
    },
};
use spki::{AlgorithmIdentifierOwned, SubjectPublicKeyInfoOwned};
use std::fmt;
use zeroize::Zeroizing;

/// What our own keys are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyAlgorithm {
    /// ECDSA on P-256, signing with SHA-256.
    EcdsaP256,
    /// ECDSA on P-384, signing with SHA-384.
    EcdsaP384,
}

impl KeyAlgorithm {
    /// What the signatures are called in certificates.
    #[must_use]
    pub const fn signature_oid(self) -> ObjectIdentifier {
        match self {
            Self::EcdsaP256 => oids::ECDSA_WITH_SHA_256,
            Self::EcdsaP384 => oids::ECDSA_WITH_SHA_384,
        }
    }

    /// What the curve is called in keys.
    #[must_use]
    pub const fn curve_oid(self) -> ObjectIdentifier {
        match self {
            Self::EcdsaP256 => oids::SECP_256_R_1,
            Self::EcdsaP384 => oids::SECP_384_R_1,
        }
    }

    /// `ECDSA P-256`, `ECDSA P-384`.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::EcdsaP256 => "ECDSA P-256",
            Self::EcdsaP384 => "ECDSA P-384",
        }
    }

    /// The signature's algorithm as it stands in what is signed: without parameters (RFC 5758, 3.2).
    pub(crate) const fn signature_identifier(self) -> AlgorithmIdentifierOwned {
        AlgorithmIdentifierOwned { oid: self.signature_oid(), parameters: None }
    }

    /// A public key of this kind, from its point, as SubjectPublicKeyInfo.
    pub(crate) fn public_key(self, point: &[u8]) -> Result<Vec<u8>, Error> {
        let algorithm =
            AlgorithmIdentifierOwned { oid: oids::EC_PUBLIC_KEY, parameters: Some((&self.curve_oid()).into()) };
        let subject_public_key = BitString::from_bytes(point).map_err(Error::Encode)?;
        SubjectPublicKeyInfoOwned { algorithm, subject_public_key }.to_der().map_err(Error::Encode)
    }

    fn signing(self) -> &'static EcdsaSigningAlgorithm {
        match self {
            Self::EcdsaP256 => &ECDSA_P256_SHA256_ASN1_SIGNING,
            Self::EcdsaP384 => &ECDSA_P384_SHA384_ASN1_SIGNING,
        }
    }
}

/// A private key that signs, wherever it is kept.
pub trait Signer: Send + Sync + fmt::Debug {
    /// What the key is.
    fn algorithm(&self) -> KeyAlgorithm;

    /// The public key: SubjectPublicKeyInfo, DER.
    fn public_key(&self) -> &[u8];

    /// Hashes and signs a message. The signature is a DER ECDSA-Sig-Value.
    ///
    /// # Errors
    /// When the key can't be used (any more): a token was pulled out, say.
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, Error>;
}

/// A private key in memory.
pub struct SoftwareKey {
    algorithm: KeyAlgorithm,
    pair: EcdsaKeyPair,
    random: SystemRandom,
    pkcs8: Zeroizing<Vec<u8>>,
    public_key: Vec<u8>,
}

impl SoftwareKey {
    /// Makes a new key.
    ///
    /// # Errors
    /// When the system has no random numbers.
    pub fn generate(algorithm: KeyAlgorithm) -> Result<Self, Error> {
        let document =
            EcdsaKeyPair::generate_pkcs8(algorithm.signing(), &SystemRandom::new()).map_err(|_| Error::Random)?;
        Self::from_pkcs8_der(document.as_ref())
    }

    /// Reads a key from PKCS#8, not encrypted.
    ///
    /// # Errors
    /// When it is no ECDSA key on P-256 or P-384 with its public key in it.
    pub fn from_pkcs8_der(der: &[u8]) -> Result<Self, Error> {
        let info = PrivateKeyInfo::from_der(der).map_err(|_| Error::KeyKind)?;
        let algorithm = match info.algorithm.oids().map_err(|_| Error::KeyKind)? {
            (oids::EC_PUBLIC_KEY, Some(oids::SECP_256_R_1)) => KeyAlgorithm::EcdsaP256,
            (oids::EC_PUBLIC_KEY, Some(oids::SECP_384_R_1)) => KeyAlgorithm::EcdsaP384,
            _ => return Err(Error::KeyKind),
        };
        let random = SystemRandom::new();
        let pair = EcdsaKeyPair::from_pkcs8(algorithm.signing(), der, &random).map_err(|_| Error::KeyKind)?;
        let public_key = algorithm.public_key(pair.public_key().as_ref())?;
        Ok(Self { algorithm, pair, random, pkcs8: Zeroizing::new(der.to_vec()), public_key })
    }

    /// Reads a key from PEM: a block `PRIVATE KEY`.
    ///
    /// # Errors
    /// When there is no such block, or it is no key that can be used here.
    pub fn from_pkcs8_pem(pem: &str) -> Result<Self, Error> {
        let (label, document) = pkcs8::SecretDocument::from_pem(pem.trim()).map_err(|_| Error::KeyKind)?;
        if label != "PRIVATE KEY" {
            return Err(Error::KeyKind);
        }
        Self::from_pkcs8_der(document.as_bytes())
    }

    /// The key as PEM, in plain: for kits and for servers that read their key themselves.
    ///
    /// # Errors
    /// When it can't be written.
    pub fn pkcs8_pem(&self) -> Result<Zeroizing<String>, Error> {
        der::pem::encode_string("PRIVATE KEY", der::pem::LineEnding::LF, &self.pkcs8)
            .map(Zeroizing::new)
            .map_err(|_| Error::Seal)
    }

    /// The key as PKCS#8, in plain.
    #[must_use]
    pub fn pkcs8_der(&self) -> &[u8] {
        &self.pkcs8
    }
}

impl Signer for SoftwareKey {
    fn algorithm(&self) -> KeyAlgorithm {
        self.algorithm
    }

    fn public_key(&self) -> &[u8] {
        &self.public_key
    }

    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, Error> {
        self.pair.sign(&self.random, message).map(|signature| signature.as_ref().to_vec()).map_err(|_| Error::Random)
    }
}

impl fmt::Debug for SoftwareKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SoftwareKey").field("algorithm", &self.algorithm).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
    use super::*;
    use crate::verify;

    #[test]
    fn a_key_signs_and_comes_back_from_its_text() {
        for algorithm in [KeyAlgorithm::EcdsaP256, KeyAlgorithm::EcdsaP384] {
            let key = SoftwareKey::generate(algorithm).unwrap();
            let again = SoftwareKey::from_pkcs8_pem(&key.pkcs8_pem().unwrap()).unwrap();
            assert_eq!((again.algorithm(), again.public_key()), (algorithm, key.public_key()));
            let signature = again.sign(b"message").unwrap();
            let check =
                |message: &[u8]| verify::check(key.public_key(), algorithm.signature_oid(), message, &signature);
            assert!(check(b"message").is_ok() && check(b"massage").is_err());
        }
    }

    #[test]
    fn what_is_no_key_is_told_and_nothing_shows_a_key() {
        for wrong in [&b""[..], b"key", &[0x30, 0]] {
            assert!(matches!(SoftwareKey::from_pkcs8_der(wrong), Err(Error::KeyKind)));
        }
        let shown = format!("{:?}", SoftwareKey::generate(KeyAlgorithm::EcdsaP256).unwrap());
        assert_eq!(shown, "SoftwareKey { algorithm: EcdsaP256, .. }");
    }
}
