//! Images as a build makes them, and as nobody should.
#![allow(dead_code, reason = "each test file uses its own part of it")]

use crate::{
    world::{World, authority, key, template},
    writing::{Message, Pen},
};
use artifact::{Inspected, Refused, swu};
use domain::time::Timestamp;
use pki::{Certificate, CmsTrust, Issuer, KeyAlgorithm, Profile, issue};
use sha2::{Digest, Sha256};
use std::io::Cursor;

/// Who issues, and who signs.
pub struct Signing {
    pub root: Certificate,
    pub operations: Issuer,
    pub pen: Pen,
    pub now: Timestamp,
}

impl Signing {
    pub fn at(now: Timestamp) -> Self {
        let world = World::at(now);
        let operations = authority(&world.root, "Operations", Profile::OperationsCa, "root", now, Vec::new());
        let key = key(KeyAlgorithm::EcdsaP256);
        let template = template("Firmware signing", Profile::CodeSigning, key.as_ref(), now, 30);
        let pen = Pen { certificate: issue(&template, &operations).unwrap(), key };
        Self { root: world.root.certificate().clone(), operations, pen, now }
    }

    pub fn sign(&self, content: &[u8]) -> Vec<u8> {
        Message::usual(std::slice::from_ref(&self.pen), content).der()
    }

    pub fn inspect(&self, image: &[u8]) -> Result<Inspected, Refused> {
        let issuers = [self.operations.certificate().clone()];
        swu::inspect(&mut Cursor::new(image), &CmsTrust { issuers: &issuers, at: self.now })
    }

    /// A signed image.
    pub fn image(&self, magic: &str, description: &str, files: &[(&str, &[u8])]) -> Vec<u8> {
        let signature = self.sign(description.as_bytes());
        let first = [("sw-description", description.as_bytes()), ("sw-description.sig", &signature)];
        archive(magic, &[&first, files].concat())
    }
}

pub const NEWC: &str = "070701";
pub const CRC: &str = "070702";

pub fn sha256(content: &[u8]) -> String {
    hex::encode(Sha256::digest(content))
}

/// A file's entry in a cpio archive.
pub fn entry(magic: &str, name: &[u8], content: &[u8]) -> Vec<u8> {
    let sum = content.iter().fold(0_u32, |sum, byte| sum.wrapping_add((*byte).into()));
    let check = if magic == CRC { sum } else { 0 };
    let numbers = [1, 0o100_644, 0, 0, 1, 0, content.len(), 0, 0, 0, 0, name.len() + 1, check as usize];
    let mut out = magic.as_bytes().to_vec();
    out.extend(numbers.iter().flat_map(|number| format!("{number:08X}").into_bytes()));
    out.extend_from_slice(name);
    out.push(0);
    out.resize(out.len().next_multiple_of(4), 0);
    out.extend_from_slice(content);
    out.resize(out.len().next_multiple_of(4), 0);
    out
}

pub fn archive(magic: &str, files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut out: Vec<u8> = files.iter().flat_map(|(name, content)| entry(magic, name.as_bytes(), content)).collect();
    out.extend(entry(magic, b"TRAILER!!!", b""));
    out.resize(out.len().next_multiple_of(512), 0);
    out
}

/// A description of one image and one script.
pub fn description(image: &[u8], script: &[u8]) -> String {
    format!(
        r#"software =
{{
    version = "1.4.2";
    description = "Firmware for GW-200"; // for people
    hardware-compatibility: [ "1.0", "1.2" ];
    files: (
        {{
            filename = "rootfs.bin";
            path = "/tmp/muster-rootfs.bin";
            sha256 = "{}";
        }}
    );
    scripts: (
        {{
            filename = "after.sh";
            type = "shellscript";
            sha256 = "{}";
        }}
    );
}};
"#,
        sha256(image),
        sha256(script)
    )
}
