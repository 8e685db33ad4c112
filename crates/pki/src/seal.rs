//! Private keys in files, sealed with a passphrase so that OpenSSL can read them too.

use crate::{Error, SoftwareKey};
use pkcs8::{EncryptedPrivateKeyInfo, PrivateKeyInfo, SecretDocument, der::Decode, der::pem::LineEnding, pkcs5::pbes2};
use ring::rand::{SecureRandom, SystemRandom};
use std::{fmt, fs, path::Path};
use zeroize::Zeroizing;

/// What OWASP recommends for PBKDF2 with SHA-256, and all that OpenSSL needs is patience: 75 ms. scrypt with the usual
/// parameters can't be read by OpenSSL.
const ROUNDS: u32 = 600_000;
const LABEL: &str = "ENCRYPTED PRIVATE KEY";

/// What private keys are sealed with.
#[derive(Clone)]
pub struct Passphrase(Zeroizing<String>);

impl Passphrase {
    /// Takes a passphrase as it is.
    ///
    /// # Errors
    /// When it is empty.
    pub fn new(text: String) -> Result<Self, Error> {
        let text = Zeroizing::new(text);
        if text.is_empty() { Err(Error::EmptyPassphrase { from: "it".into() }) } else { Ok(Self(text)) }
    }

    /// The first line of a file, without spaces around it.
    ///
    /// # Errors
    /// When the file can't be read, or that line is empty.
    pub fn from_file(path: &Path) -> Result<Self, Error> {
        let text = Zeroizing::new(fs::read_to_string(path).map_err(Error::file(path, "read"))?);
        let line = text.lines().next().unwrap_or_default().trim();
        if line.is_empty() {
            return Err(Error::EmptyPassphrase { from: path.display().to_string() });
        }
        Ok(Self(Zeroizing::new(line.to_owned())))
    }

    /// A new passphrase of 24 letters and digits that nobody can guess.
    ///
    /// # Errors
    /// When the system has no random numbers.
    pub fn random() -> Result<Self, Error> {
        let mut bytes = Zeroizing::new([0; 15]);
        SystemRandom::new().fill(&mut *bytes).map_err(|_| Error::Random)?;
        Ok(Self(Zeroizing::new(base32(&*bytes))))
    }

    /// The passphrase itself, to be written to a file or shown once.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

/// Letters and digits that can't be mistaken for one another, five bits each.
fn base32(bytes: &[u8]) -> String {
    const LETTERS: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";
    let (mut text, mut held, mut bits) = (String::new(), 0_u32, 0);
    for byte in bytes {
        held = held << 8 | u32::from(*byte);
        bits += 8;
        while bits >= 5 {
            bits -= 5;
            text.push(char::from(LETTERS[(held >> bits & 31) as usize]));
        }
    }
    text
}

impl fmt::Debug for Passphrase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Passphrase")
    }
}

/// Seals a key: PKCS#8, PBKDF2 with SHA-256 and AES-256-CBC, as PEM.
///
/// # Errors
/// When the system has no random numbers.
pub fn seal(key: &SoftwareKey, passphrase: &Passphrase) -> Result<String, Error> {
    let (mut salt, mut iv) = ([0; 16], [0; 16]);
    let random = SystemRandom::new();
    random.fill(&mut salt).and_then(|()| random.fill(&mut iv)).map_err(|_| Error::Random)?;
    let parameters = pbes2::Parameters::pbkdf2_sha256_aes256cbc(ROUNDS, &salt, &iv).map_err(|_| Error::Seal)?;
    let info = PrivateKeyInfo::from_der(key.pkcs8_der()).map_err(|_| Error::Seal)?;
    let sealed = info.encrypt_with_params(parameters, passphrase.reveal()).map_err(|_| Error::Seal)?;
    sealed.to_pem(LABEL, LineEnding::LF).map(|pem| pem.as_str().to_owned()).map_err(|_| Error::Seal)
}

/// Opens a key that was sealed here or by OpenSSL (`openssl pkcs8 -topk8 -v2 aes-256-cbc`).
///
/// # Errors
/// [`Error::WrongPassphrase`] when the passphrase is another one; otherwise when the text is no sealed key.
pub fn unseal(pem: &str, passphrase: &Passphrase) -> Result<SoftwareKey, Error> {
    let (label, document) = SecretDocument::from_pem(pem.trim()).map_err(|_| Error::SealedKey)?;
    if label != LABEL {
        return Err(Error::SealedKey);
    }
    let info = EncryptedPrivateKeyInfo::from_der(document.as_bytes()).map_err(|_| Error::SealedKey)?;
    let opened = info.decrypt(passphrase.reveal()).map_err(|_| Error::WrongPassphrase)?;
    SoftwareKey::from_pkcs8_der(opened.as_bytes())
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
    use super::*;
    use crate::{KeyAlgorithm, Signer};

    #[test]
    fn a_sealed_key_opens_with_its_passphrase_alone() {
        let key = SoftwareKey::generate(KeyAlgorithm::EcdsaP384).unwrap();
        let passphrase = Passphrase::new("correct horse".into()).unwrap();
        let pem = seal(&key, &passphrase).unwrap();
        assert!(pem.starts_with("-----BEGIN ENCRYPTED PRIVATE KEY-----\n"));
        assert_eq!(unseal(&pem, &passphrase).unwrap().public_key(), key.public_key());
        let other = Passphrase::new("correct house".into()).unwrap();
        assert!(matches!(unseal(&pem, &other), Err(Error::WrongPassphrase)));
        assert!(matches!(unseal("nothing", &other), Err(Error::SealedKey)));
        assert!(matches!(unseal(&key.pkcs8_pem().unwrap(), &other), Err(Error::SealedKey)));
    }

    #[test]
    fn a_passphrase_is_the_first_line_and_never_empty_or_shown() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("passphrase");
        fs::write(&path, "  open sesame \nsecond line\n").unwrap();
        let read = Passphrase::from_file(&path).unwrap();
        assert_eq!(read.reveal(), "open sesame");
        assert_eq!(format!("{read:?}"), "Passphrase");
        fs::write(&path, "\nsecond").unwrap();
        assert!(Passphrase::from_file(&path).unwrap_err().to_string().contains("passphrase"));
        assert!(Passphrase::new(String::new()).is_err());
        assert_eq!(Passphrase::random().unwrap().reveal().len(), 24);
    }
}
