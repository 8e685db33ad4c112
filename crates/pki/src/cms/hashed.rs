//! The hashes of a content that is too large to be held while its signature is checked.

use super::signed::Hash;
use ring::digest::{Context, Digest};

/// Takes the hashes that a message's signers named, while the content passes by: [`super::SignedData::hasher`].
#[derive(Clone)]
pub struct ContentHasher {
    contexts: Vec<(Hash, Context)>,
}

/// The hashes of a whole content, for [`super::SignedData::verify_hashed`].
#[derive(Clone, Debug)]
pub struct ContentHashes {
    hashes: Vec<(Hash, Digest)>,
}

impl ContentHasher {
    pub(super) fn new(hashes: impl Iterator<Item = Hash>) -> Self {
        let mut contexts: Vec<(Hash, Context)> = Vec::new();
        for hash in hashes {
            if !contexts.iter().any(|(known, _)| *known == hash) {
                contexts.push((hash, Context::new(hash.algorithm())));
            }
        }
        Self { contexts }
    }

    /// The next piece of the content.
    pub fn update(&mut self, piece: &[u8]) {
        for (_, context) in &mut self.contexts {
            context.update(piece);
        }
    }

    /// The hashes of all that passed by.
    #[must_use]
    pub fn finish(self) -> ContentHashes {
        ContentHashes { hashes: self.contexts.into_iter().map(|(hash, context)| (hash, context.finish())).collect() }
    }
}

impl ContentHashes {
    pub(super) fn of(&self, hash: Hash) -> Option<&[u8]> {
        self.hashes.iter().find(|(known, _)| *known == hash).map(|(_, digest)| digest.as_ref())
    }
}
