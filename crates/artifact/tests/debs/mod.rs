//! Sets of Debian packages, as a build makes them: an apt repository with its keyring.
#![allow(dead_code, reason = "each test file uses its own part of it")]

use domain::time::{SECOND, Timestamp};
use flate2::{Compression, write::GzEncoder};
use pgp::{
    composed::{ArmorOptions, CleartextSignedMessage, KeyType, SecretKeyParamsBuilder, SignedSecretKey},
    crypto::hash::HashAlgorithm,
    packet::{SignatureConfig, SignatureType, Subpacket, SubpacketData},
    ser::Serialize,
    types::{Duration, KeyDetails, Password, Timestamp as Seconds},
};
use rand_0_8::{SeedableRng, rngs::StdRng};
use sha2::{Digest, Sha256};
use std::{
    io::Write,
    time::{SystemTime, UNIX_EPOCH},
};

/// A file with its path.
pub type File = (String, Vec<u8>);

pub const IN_RELEASE: &str = "dists/stable/InRelease";
pub const LIST: &str = "dists/stable/main/binary-amd64/Packages";

/// Who builds packages, with an OpenPGP key.
pub struct Packager {
    key: SignedSecretKey,
    at: Timestamp,
    rng: u64,
}

pub fn seconds(at: Timestamp) -> Seconds {
    Seconds::from_secs(u32::try_from(at.0 / SECOND).unwrap())
}

pub fn sha256(content: &[u8]) -> String {
    hex::encode(Sha256::digest(content))
}

impl Packager {
    /// With a key of its own for each number, made at this moment.
    pub fn new(number: u64, at: Timestamp) -> Self {
        let mut builder = SecretKeyParamsBuilder::default();
        builder.key_type(KeyType::Ed25519Legacy).can_certify(true).can_sign(true).created_at(seconds(at));
        let parameters = builder.primary_user_id(format!("Packages {number} <ci@example.com>")).build().unwrap();
        Self { key: parameters.generate(StdRng::seed_from_u64(number)).unwrap(), at, rng: number }
    }

    pub fn keyring(&self) -> Vec<u8> {
        self.key.to_public_key().to_bytes().unwrap()
    }

    pub fn armoured(&self) -> Vec<u8> {
        self.key.to_public_key().to_armored_bytes(ArmorOptions::default()).unwrap()
    }

    /// A clear-signed text: `gpg --clearsign`.
    pub fn signed(&self, text: &str) -> Vec<u8> {
        self.signed_with(text, HashAlgorithm::Sha512, self.at, 0)
    }

    /// The same with another hash, made at another moment, and for so many seconds.
    pub fn signed_with(&self, text: &str, hash: HashAlgorithm, at: Timestamp, lasts: u32) -> Vec<u8> {
        let primary = &self.key.primary_key;
        let mut config =
            SignatureConfig::from_key(StdRng::seed_from_u64(self.rng), primary, SignatureType::Text).unwrap();
        config.hash_alg = hash;
        let mut hashed = vec![
            SubpacketData::SignatureCreationTime(seconds(at)),
            SubpacketData::IssuerFingerprint(primary.fingerprint()),
        ];
        if lasts > 0 {
            hashed.push(SubpacketData::SignatureExpirationTime(Duration::from_secs(lasts)));
        }
        config.hashed_subpackets = hashed.into_iter().map(|data| Subpacket::regular(data).unwrap()).collect();
        config.unhashed_subpackets =
            vec![Subpacket::regular(SubpacketData::IssuerKeyId(primary.legacy_key_id())).unwrap()];
        let message = CleartextSignedMessage::new(text, config, primary, &Password::empty()).unwrap();
        message.to_armored_bytes(ArmorOptions::default()).unwrap()
    }

    /// A whole set of these packages, by name, at a version.
    pub fn set(&self, version: &str, packages: &[(&str, &[u8])]) -> Vec<File> {
        let list = list(version, packages);
        let packed = packed(list.as_bytes());
        let release = self.release(version, &[("Packages", list.as_bytes()), ("Packages.gz", &packed)]);
        let mut files = vec![
            ("keyring.pgp".to_owned(), self.keyring()),
            (IN_RELEASE.to_owned(), self.signed(&release)),
            (LIST.to_owned(), list.into_bytes()),
            (format!("{LIST}.gz"), packed),
        ];
        files.extend(packages.iter().map(|(name, content)| (file(name, version), content.to_vec())));
        files
    }

    /// What InRelease says of these lists.
    pub fn release(&self, version: &str, lists: &[(&str, &[u8])]) -> String {
        let entry = |(name, content): &(&str, &[u8])| {
            format!(" {} {} main/binary-amd64/{name}\n", sha256(content), content.len())
        };
        format!(
            "Origin: Test\nSuite: stable\nCodename: stable\nVersion: {version}\nDate: {}\nArchitectures: amd64\n\
             Components: main\nAcquire-By-Hash: yes\nSHA256:\n{}",
            date(self.at),
            lists.iter().map(entry).collect::<String>()
        )
    }
}

/// Where a package lies.
pub fn file(name: &str, version: &str) -> String {
    format!("pool/main/{name}_{version}_amd64.deb")
}

/// A list of packages: `apt-ftparchive packages`.
pub fn list(version: &str, packages: &[(&str, &[u8])]) -> String {
    let stanza = |(name, content): &(&str, &[u8])| {
        format!(
            "Package: {name}\nVersion: {version}\nArchitecture: amd64\nFilename: {}\nSize: {}\nSHA256: {}\nDescription: a\n b\n\n",
            file(name, version),
            content.len(),
            sha256(content)
        )
    };
    packages.iter().map(stanza).collect()
}

pub fn packed(content: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(content).unwrap();
    encoder.finish().unwrap()
}

/// As apt-ftparchive writes it.
pub fn date(at: Timestamp) -> String {
    let at: SystemTime = UNIX_EPOCH + std::time::Duration::from_micros(at.0.unsigned_abs());
    httpdate::fmt_http_date(at).replace("GMT", "UTC")
}
