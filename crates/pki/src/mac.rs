//! A secret from which codes are derived: sealed like any key, shared by whoever can open it.

use crate::{Error, KeyAlgorithm, Passphrase, SoftwareKey, seal, unseal};
use ring::hmac;
use std::fmt;

/// What the derived key is for. A key that was sealed for something else derives nothing here.
const PURPOSE: &[u8] = b"muster derived codes, version 1";

/// Derives codes: HMAC with SHA-256 under a key that only a sealed secret yields.
pub struct Deriver(hmac::Key);

impl Deriver {
    /// Makes a secret and seals it, as PEM.
    ///
    /// # Errors
    /// When the system has no random numbers.
    pub fn sealed(passphrase: &Passphrase) -> Result<String, Error> {
        seal(&SoftwareKey::generate(KeyAlgorithm::EcdsaP256)?, passphrase)
    }

    /// Opens a secret.
    ///
    /// # Errors
    /// [`Error::WrongPassphrase`] when it was sealed with another passphrase; otherwise when the text is no sealed secret.
    pub fn open(sealed: &str, passphrase: &Passphrase) -> Result<Self, Error> {
        let key = unseal(sealed, passphrase)?;
        let root = hmac::Key::new(hmac::HMAC_SHA256, PURPOSE);
        Ok(Self(hmac::Key::new(hmac::HMAC_SHA256, hmac::sign(&root, key.pkcs8_der()).as_ref())))
    }

    /// 64 bits that only whoever has the secret can know, always the same for the same subject.
    #[must_use]
    pub fn bits(&self, subject: &[u8]) -> u64 {
        let tag = hmac::sign(&self.0, subject);
        tag.as_ref().iter().take(8).fold(0, |bits, byte| bits << 8 | u64::from(*byte))
    }

    /// 256 bits of the same kind, for whoever signs with them.
    #[must_use]
    pub fn bytes(&self, subject: &[u8]) -> Vec<u8> {
        hmac::sign(&self.0, subject).as_ref().to_vec()
    }
}

impl fmt::Debug for Deriver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Deriver")
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
    use super::*;

    #[test]
    fn the_same_secret_says_the_same_and_another_something_else() {
        let passphrase = Passphrase::new("correct horse".into()).unwrap();
        let (sealed, other) = (Deriver::sealed(&passphrase).unwrap(), Deriver::sealed(&passphrase).unwrap());
        let open = |text: &str| Deriver::open(text, &passphrase).unwrap();
        assert_eq!(open(&sealed).bits(b"GW-1"), open(&sealed).bits(b"GW-1"));
        assert_ne!(open(&sealed).bits(b"GW-1"), open(&sealed).bits(b"GW-2"));
        assert_ne!(open(&sealed).bits(b"GW-1"), open(&other).bits(b"GW-1"));
        let wrong = Passphrase::new("correct house".into()).unwrap();
        assert!(matches!(Deriver::open(&sealed, &wrong), Err(Error::WrongPassphrase)));
    }
}
