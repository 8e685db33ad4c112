//! Bundles for RAUC in its formats plain and verity (RAUC's reference manual, “Bundle formats”): a squashfs image, in format
//! verity its dm-verity hash tree, a CMS signature, and the signature's size in eight bytes, big-endian. In format plain the
//! signature is over the image, in which the manifest lies; in format verity the manifest is in the signature's message, and
//! names the tree's root.

mod manifest;
mod verity;

use crate::{ArtifactKind, Inspected, Refused, squashfs, whole::Whole};
use manifest::{Format, Manifest};
use pki::{CmsRefused, CmsSigner, CmsTrust, SignedData};
use std::io::{self, Read, Seek, SeekFrom};
use verity::{BLOCK, Tree};

const MAGIC: &[u8; 4] = b"hsqs";
const SIZE: u64 = 8;
/// RAUC takes no larger ones unless its `max-bundle-signature-size` says so.
const LARGEST_SIGNATURE: u64 = 64 * 1024;
const MANIFEST: &str = "manifest.raucm";
const LARGEST_MANIFEST: u64 = 64 * 1024;
/// A whole number of blocks.
const BUFFER: u64 = 16 * BLOCK as u64;

/// Why a bundle is not taken.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RaucRefused {
    /// Not the format that it should be.
    #[error("this is no RAUC bundle: it does not begin as a squashfs image does")]
    NotABundle,
    /// No signature at its end.
    #[error(
        "the bundle is cut off or not signed: no CMS signature stands at its end where its last eight bytes say; make it \
             with `rauc bundle --cert=… --key=…`"
    )]
    NoSignature,
    /// Too large a signature.
    #[error("the bundle's signature is larger than {LARGEST_SIGNATURE} bytes, which RAUC does not take")]
    LargeSignature,
    /// An encrypted one.
    #[error(
        "the bundle is encrypted (format crypt), so nobody here can see what is in it; use the format verity, since it \
             is sent over TLS anyhow"
    )]
    Encrypted,
    /// The image and the tree don't end where pages of memory do.
    #[error("the bundle's image does not end at a multiple of {BLOCK} bytes, so RAUC does not take it")]
    Unaligned,
    /// The format that the manifest names is another than the file's.
    #[error("the manifest names another bundle format than the file has; make it anew with `rauc bundle`")]
    Format,
    /// A line of the manifest that is none.
    #[error("the manifest can't be read at line {line}: {why}")]
    Syntax {
        /// From 1.
        line: usize,
        /// What is wrong there.
        why: &'static str,
    },
    /// Something that must be there and is not, or is no such thing.
    #[error("the manifest can't be read: {0}")]
    Manifest(&'static str),
    /// An image without hash or size.
    #[error("the manifest gives no sha256 of 64 hexadecimal digits or no size for “{name}”")]
    NoHash {
        /// Which file.
        name: String,
    },
    /// No manifest in the image.
    #[error("there is no “{MANIFEST}” in the bundle's image")]
    NoManifest,
    /// The tree is another than the image's.
    #[error(
        "the bundle was changed after it was signed: its image and its hash tree are not those of the root hash that is signed"
    )]
    WrongRoot,
    /// Another content when it was read again.
    #[error("the file changed while it was read")]
    Changed,
    /// The image can't be read.
    #[error("the manifest can't be read from the bundle's image: {0}")]
    Squashfs(#[from] squashfs::Odd),
}

/// What stands behind the image and the tree.
struct Tail {
    /// Where it begins, which is how large image and tree are: bytes.
    at: u64,
    signature: Vec<u8>,
}

/// Reads a bundle to its end and checks it: its signature, and by it every byte before.
///
/// # Errors
/// The first thing that is not as it should be.
pub fn inspect(reader: &mut (impl Read + Seek), trust: &CmsTrust<'_>) -> Result<Inspected, Refused> {
    let tail = Tail::read(reader)?;
    let signed = SignedData::read(&tail.signature).map_err(|refused| match refused {
        CmsRefused::NotSignedData => Refused::from(RaucRefused::Encrypted),
        CmsRefused::Malformed(_) => RaucRefused::NoSignature.into(),
        other => other.into(),
    })?;
    reader.seek(SeekFrom::Start(0)).map_err(Refused::Read)?;
    let mut whole = Whole::new(&mut *reader);
    let (signers, manifest) = match signed.content() {
        Some(manifest) => {
            // Nothing of the manifest is believed, not even read, before its signature holds.
            let signers = signed.verify(None, trust)?;
            let manifest = Manifest::read(manifest)?;
            check_tree(&mut whole, &tail, &manifest)?;
            (signers, Some(manifest))
        }
        None => (check_plain(&mut whole, &tail, &signed, trust)?, None),
    };
    tail.again(&mut whole)?;
    let sums = whole.sums();
    let manifest = match manifest {
        Some(manifest) => manifest,
        None => plain_manifest(reader, tail.at)?,
    };
    Ok(Inspected {
        kind: ArtifactKind::Rauc,
        size: sums.size,
        md5: sums.md5,
        sha1: sums.sha1,
        sha256: sums.sha256,
        signers,
        version: manifest.version,
        hardware: vec![manifest.compatible],
        images: manifest.images,
        ignored: Vec::new(),
        members: Vec::new(),
    })
}

/// Format plain: the signature is over the image.
fn check_plain(
    whole: &mut impl Read,
    tail: &Tail,
    signed: &SignedData,
    trust: &CmsTrust<'_>,
) -> Result<Vec<CmsSigner>, Refused> {
    let mut hasher = signed.hasher();
    pieces(whole, tail.at, |piece| hasher.update(piece))?;
    Ok(signed.verify_hashed(&hasher.finish(), trust)?)
}

/// Format verity: the signed root hash is that of the tree, and the tree that of the image.
fn check_tree(whole: &mut impl Read, tail: &Tail, manifest: &Manifest) -> Result<(), Refused> {
    let Format::Verity { root, salt, size } = manifest.format else { return Err(RaucRefused::Format.into()) };
    let image = tail.at.checked_sub(size).filter(|image| *image > BLOCK as u64);
    let image = image.ok_or(RaucRefused::WrongRoot)?;
    let mut tree = Tree::new(salt);
    pieces(whole, image, |piece| piece.chunks(BLOCK).for_each(|block| tree.add(block)))?;
    let tree = tree.grown();
    if tree.root != root || tree.size() != size {
        return Err(RaucRefused::WrongRoot.into());
    }
    for level in &tree.levels {
        let mut sum = level.summing();
        pieces(whole, level.size(), |piece| sum.update(piece))?;
        if !sum.matches() {
            return Err(RaucRefused::WrongRoot.into());
        }
    }
    Ok(())
}

fn plain_manifest(reader: &mut (impl Read + Seek), size: u64) -> Result<Manifest, Refused> {
    let found = squashfs::file_of_root(reader, size, MANIFEST.as_bytes(), LARGEST_MANIFEST)?;
    let manifest = Manifest::read(&found.ok_or(RaucRefused::NoManifest)?)?;
    if manifest.format == Format::Plain { Ok(manifest) } else { Err(RaucRefused::Format.into()) }
}

impl Tail {
    fn read(reader: &mut (impl Read + Seek)) -> Result<Self, Refused> {
        let mut magic = [0; MAGIC.len()];
        reader.seek(SeekFrom::Start(0)).map_err(Refused::Read)?;
        fill(reader, &mut magic, RaucRefused::NotABundle)?;
        if &magic != MAGIC {
            return Err(RaucRefused::NotABundle.into());
        }
        let whole = reader.seek(SeekFrom::End(0)).map_err(Refused::Read)?;
        let end = whole.checked_sub(SIZE).ok_or(RaucRefused::NoSignature)?;
        reader.seek(SeekFrom::Start(end)).map_err(Refused::Read)?;
        let mut size = [0; SIZE as usize];
        fill(reader, &mut size, RaucRefused::Changed)?;
        let size = u64::from_be_bytes(size);
        let at = end.checked_sub(size).filter(|at| size > 0 && *at > 0).ok_or(RaucRefused::NoSignature)?;
        if size > LARGEST_SIGNATURE {
            return Err(RaucRefused::LargeSignature.into());
        }
        if at % BLOCK as u64 != 0 {
            return Err(RaucRefused::Unaligned.into());
        }
        reader.seek(SeekFrom::Start(at)).map_err(Refused::Read)?;
        let mut signature = vec![0; usize::try_from(size).unwrap_or_default()];
        fill(reader, &mut signature, RaucRefused::Changed)?;
        Ok(Self { at, signature })
    }

    /// What was read first must come again when the file is read whole.
    fn again(&self, whole: &mut impl Read) -> Result<(), Refused> {
        let mut rest = Vec::new();
        whole.take(LARGEST_SIGNATURE + SIZE + 1).read_to_end(&mut rest).map_err(Refused::Read)?;
        let size = u64::try_from(self.signature.len()).unwrap_or_default().to_be_bytes();
        let is_same = rest.strip_prefix(self.signature.as_slice()).is_some_and(|rest| rest == size);
        if is_same { Ok(()) } else { Err(RaucRefused::Changed.into()) }
    }
}

/// Passes on so many bytes, in pieces of whole blocks.
fn pieces(reader: &mut impl Read, size: u64, mut to: impl FnMut(&[u8])) -> Result<(), Refused> {
    let mut buffer = vec![0; usize::try_from(size.min(BUFFER)).unwrap_or_default()];
    let mut left = size;
    while left > 0 {
        let want = left.min(BUFFER);
        let piece = buffer.get_mut(..usize::try_from(want).unwrap_or_default()).unwrap_or_default();
        fill(reader, piece, RaucRefused::Changed)?;
        to(piece);
        left -= want;
    }
    Ok(())
}

/// Reads so much; `short` is said where the file ends before.
fn fill(reader: &mut impl Read, buffer: &mut [u8], short: RaucRefused) -> Result<(), Refused> {
    reader.read_exact(buffer).map_err(|error| match error.kind() {
        io::ErrorKind::UnexpectedEof => short.into(),
        _ => Refused::Read(error),
    })
}
