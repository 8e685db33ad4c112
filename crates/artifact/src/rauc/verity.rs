//! The hash tree of dm-verity (the kernel's “dm-verity”, hash type 1) over SHA-256 in blocks of 4096 bytes: each block of a
//! level holds the hashes of 128 blocks below it, filled up with zeros; the highest level has one block and comes first.

use sha2::{Digest, Sha256};

/// Bytes of a block, of data and of hashes.
pub(super) const BLOCK: usize = 4096;
const HASH: usize = 32;

/// A tree that grows while the data is read: of each level the block that is being filled.
pub(super) struct Tree {
    salt: [u8; HASH],
    levels: Vec<Growing>,
}

#[derive(Default)]
struct Growing {
    /// Hashes that have not become a whole block.
    block: Vec<u8>,
    /// How many did.
    blocks: u64,
    /// Of all of those.
    sum: Sha256,
}

/// A whole tree.
pub(super) struct Grown {
    pub(super) root: [u8; HASH],
    /// The highest first, as they lie in a file.
    pub(super) levels: Vec<Level>,
}

/// A level, known by the hash of all its blocks.
pub(super) struct Level {
    blocks: u64,
    sum: [u8; HASH],
}

/// A level as it was found in a file.
pub(super) struct Summing<'l> {
    level: &'l Level,
    sum: Sha256,
}

impl Tree {
    pub(super) fn new(salt: [u8; HASH]) -> Self {
        Self { salt, levels: Vec::new() }
    }

    /// The next block of data.
    pub(super) fn add(&mut self, block: &[u8]) {
        let hash = self.hash(block);
        self.put(0, hash);
    }

    fn hash(&self, block: &[u8]) -> [u8; HASH] {
        Sha256::new().chain_update(self.salt).chain_update(block).finalize().into()
    }

    /// Puts a hash in a level. A block that is full goes up only when another hash comes: the highest has one block.
    fn put(&mut self, level: usize, hash: [u8; HASH]) {
        if self.levels.get(level).is_some_and(|growing| growing.block.len() == BLOCK) {
            let up = self.close(level);
            self.put(level + 1, up);
        }
        if self.levels.len() == level {
            self.levels.push(Growing::default());
        }
        if let Some(growing) = self.levels.get_mut(level) {
            growing.block.extend_from_slice(&hash);
        }
    }

    /// Ends a level's block; its hash.
    fn close(&mut self, level: usize) -> [u8; HASH] {
        let mut block =
            self.levels.get_mut(level).map(|growing| std::mem::take(&mut growing.block)).unwrap_or_default();
        block.resize(BLOCK, 0);
        let hash = self.hash(&block);
        if let Some(growing) = self.levels.get_mut(level) {
            growing.blocks += 1;
            growing.sum.update(&block);
        }
        hash
    }

    /// The whole tree, once all data has come.
    pub(super) fn grown(mut self) -> Grown {
        let (mut level, mut root) = (0, [0; HASH]);
        while level < self.levels.len() {
            root = self.close(level);
            if level + 1 < self.levels.len() {
                self.put(level + 1, root);
            }
            level += 1;
        }
        let levels = self.levels.into_iter().rev();
        let levels = levels.map(|growing| Level { blocks: growing.blocks, sum: growing.sum.finalize().into() });
        Grown { root, levels: levels.collect() }
    }
}

impl Grown {
    /// Bytes.
    pub(super) fn size(&self) -> u64 {
        self.levels.iter().map(Level::size).sum()
    }
}

impl Level {
    /// Bytes.
    pub(super) const fn size(&self) -> u64 {
        self.blocks * BLOCK as u64
    }

    pub(super) fn summing(&self) -> Summing<'_> {
        Summing { level: self, sum: Sha256::new() }
    }
}

impl Summing<'_> {
    pub(super) fn update(&mut self, piece: &[u8]) {
        self.sum.update(piece);
    }

    /// Whether what was found is the level.
    pub(super) fn matches(self) -> bool {
        <[u8; HASH]>::from(self.sum.finalize()) == self.level.sum
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The tree as one writes it down: level by level.
    fn plainly(salt: [u8; HASH], data: &[u8]) -> ([u8; HASH], Vec<u8>) {
        let hash =
            |block: &[u8]| -> [u8; HASH] { Sha256::new().chain_update(salt).chain_update(block).finalize().into() };
        let (mut below, mut tree) = (data.to_vec(), Vec::new());
        loop {
            let mut level: Vec<u8> = below.chunks(BLOCK).flat_map(hash).collect();
            level.resize(level.len().next_multiple_of(BLOCK), 0);
            tree = [level.clone(), tree].concat();
            if level.len() == BLOCK {
                return (hash(&level), tree);
            }
            below = level;
        }
    }

    #[test]
    fn a_tree_that_grows_is_the_one_that_is_written_down() {
        let salt = [7; HASH];
        for blocks in [2, 3, 127, 128, 129, 130, 128 * 2, 128 * 128, 128 * 128 + 1] {
            let data: Vec<u8> = (0..blocks * BLOCK).map(|at| (at / BLOCK % 251) as u8).collect();
            let (root, written) = plainly(salt, &data);
            let mut tree = Tree::new(salt);
            data.chunks(BLOCK).for_each(|block| tree.add(block));
            let tree = tree.grown();
            assert_eq!((tree.root, tree.size()), (root, written.len() as u64), "{blocks}");
            let mut rest = written.as_slice();
            for level in &tree.levels {
                let (part, left) = rest.split_at(usize::try_from(level.size()).unwrap_or_default());
                let mut sum = level.summing();
                sum.update(part);
                assert!(sum.matches(), "{blocks}");
                rest = left;
            }
            assert!(rest.is_empty());
        }
    }
}
