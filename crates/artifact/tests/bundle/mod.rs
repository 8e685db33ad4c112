//! Bundles for RAUC as `rauc bundle` lays them out, and as nobody should.
#![allow(dead_code, reason = "each test file uses its own part of it")]

use sha2::{Digest, Sha256};

pub const BLOCK: usize = 4096;
pub const SALT: [u8; 32] = [7; 32];
pub const ROOTFS: &[u8] = b"a root file system, of an odd length";
const PLAIN: u32 = 1 << 24;

pub fn sha256(content: &[u8]) -> String {
    hex::encode(Sha256::digest(content))
}

/// A squashfs image with one file that fills its own blocks, nothing of it packed.
pub fn squashfs(name: &str, content: &[u8]) -> Vec<u8> {
    let words = |words: &[u32]| words.iter().flat_map(|word| word.to_le_bytes()).collect::<Vec<u8>>();
    let halves = |halves: &[u16]| halves.iter().flat_map(|half| half.to_le_bytes()).collect::<Vec<u8>>();
    let metadata = |bytes: Vec<u8>| [halves(&[0x8000 | bytes.len() as u16]), bytes].concat();
    let sizes: Vec<u32> = content.chunks(BLOCK).map(|block| block.len() as u32 | PLAIN).collect();
    let file =
        [halves(&[2, 0o644, 0, 0]), words(&[0, 2, 96, u32::MAX, 0, content.len() as u32]), words(&sizes)].concat();
    let listed = [words(&[0, 0, 2]), halves(&[0, 0, 2, name.len() as u16 - 1]), name.as_bytes().to_vec()].concat();
    let folder =
        [halves(&[1, 0o755, 0, 0]), words(&[0, 1, 0, 2]), halves(&[listed.len() as u16 + 3, 0]), words(&[3])].concat();
    let root = file.len() as u64;
    let inodes = metadata([file, folder].concat());
    let folders = metadata(listed);
    let first = 96 + content.len() as u64;
    let second = first + inodes.len() as u64;
    let end = second + folders.len() as u64;
    let mut image = b"hsqs".to_vec();
    image.extend(words(&[2, 0, BLOCK as u32, 0]));
    image.extend(halves(&[1, 12, 0, 1, 4, 0]));
    for place in [root, end, u64::MAX, u64::MAX, first, second, u64::MAX, u64::MAX] {
        image.extend(place.to_le_bytes());
    }
    image.extend_from_slice(content);
    image.extend(inodes);
    image.extend(folders);
    image.resize(image.len().next_multiple_of(BLOCK), 0);
    image
}

/// A manifest of one image.
pub fn manifest(bundle: &str) -> String {
    format!(
        "[update]\ncompatible=GW-200\nversion=1.4.2\ndescription=For people\n\n[bundle]\n{bundle}\n\n[image.rootfs]\n\
         sha256={}\nsize={}\nfilename=rootfs.img\n",
        sha256(ROOTFS),
        ROOTFS.len()
    )
}

/// A signature and its size behind what is signed by it or through it.
pub fn ended(mut image: Vec<u8>, signature: &[u8]) -> Vec<u8> {
    image.extend_from_slice(signature);
    image.extend((signature.len() as u64).to_be_bytes());
    image
}

/// The tree over an image, level by level, and its root.
pub fn tree(image: &[u8]) -> (Vec<u8>, [u8; 32]) {
    let hash = |block: &[u8]| -> [u8; 32] { Sha256::new().chain_update(SALT).chain_update(block).finalize().into() };
    let (mut below, mut tree) = (image.to_vec(), Vec::new());
    loop {
        let mut level: Vec<u8> = below.chunks(BLOCK).flat_map(hash).collect();
        level.resize(level.len().next_multiple_of(BLOCK), 0);
        tree = [level.clone(), tree].concat();
        if level.len() == BLOCK {
            return (tree, hash(&level));
        }
        below = level;
    }
}

/// What a manifest says of a tree.
pub fn verity(tree: &[u8], root: [u8; 32]) -> String {
    let (root, salt) = (hex::encode(root), hex::encode(SALT));
    format!("format=verity\nverity-hash={root}\nverity-salt={salt}\nverity-size={}", tree.len())
}
