//! Bundles that ours signed, and what we say of bundles.
#![allow(dead_code, reason = "each test file uses its own part of it")]

use crate::{
    bundle::{BLOCK, ROOTFS, ended, manifest, squashfs, tree, verity},
    image::Signing,
    writing::Message,
};
use artifact::{Inspected, Refused, rauc};
use pki::CmsTrust;
use std::io::Cursor;

impl Signing {
    pub fn inspect_bundle(&self, bundle: &[u8]) -> Result<Inspected, Refused> {
        let issuers = [self.operations.certificate().clone()];
        rauc::inspect(&mut Cursor::new(bundle), &CmsTrust { issuers: &issuers, at: self.now })
    }

    pub fn plain_of(&self, manifest: &str) -> Vec<u8> {
        let image = squashfs("manifest.raucm", manifest.as_bytes());
        let signature = self.sign(&image);
        ended(image, &signature)
    }

    pub fn plain(&self) -> Vec<u8> {
        self.plain_of(&manifest("format=plain"))
    }

    /// The manifest inside of the signature's message.
    pub fn sealed(&self, manifest: &str) -> Vec<u8> {
        Message { attached: true, ..Message::usual(std::slice::from_ref(&self.pen), manifest.as_bytes()) }.der()
    }

    pub fn verity(&self, blocks: usize) -> Vec<u8> {
        let mut image = squashfs("rootfs.img", ROOTFS);
        image.resize(blocks * BLOCK, 1);
        let (tree, root) = tree(&image);
        let signature = self.sealed(&manifest(&verity(&tree, root)));
        ended([image, tree].concat(), &signature)
    }
}
