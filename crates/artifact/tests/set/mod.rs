//! Sets of files in their envelope, as a build makes them.
#![allow(dead_code, reason = "each test file uses its own part of it")]

use crate::image::{Signing, sha256};

/// A tar of files, in this order.
pub fn pack(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut builder = tar::Builder::new(Vec::new());
    for (path, content) in files {
        let mut header = tar::Header::new_gnu();
        header.set_size(content.len() as u64);
        header.set_mode(0o644);
        builder.append_data(&mut header, path, *content).unwrap();
    }
    builder.into_inner().unwrap()
}

/// What sha256sum says of files.
pub fn sums(files: &[(&str, &[u8])]) -> String {
    files.iter().map(|(path, content)| format!("{}  {path}\n", sha256(content))).collect()
}

impl Signing {
    /// An envelope of files.
    pub fn set(&self, files: &[(&str, &[u8])]) -> Vec<u8> {
        self.listed(&sums(files), files)
    }

    /// The same with another list.
    pub fn listed(&self, list: &str, files: &[(&str, &[u8])]) -> Vec<u8> {
        let signature = self.sign(list.as_bytes());
        let first = [("SHA256SUMS", list.as_bytes()), ("SHA256SUMS.p7s", &signature)];
        pack(&[&first, files].concat())
    }
}
