//! One small file out of a squashfs image of version 4, by range reads (the kernel's “Squashfs 4.0 Filesystem”): its superblock,
//! the root folder, the file's inode, its blocks and its tail. Nothing else of an image is read, and nothing larger than a block
//! is held beside the file.

mod table;
mod unpack;

use crate::Refused;
use std::io::{Read, Seek, SeekFrom};
use table::{Fields, Metadata};
use unpack::Packing;

const SUPERBLOCK: usize = 96;
const LARGEST_BLOCK: u32 = 1 << 20;
/// In a block's size: it is not compressed.
const PLAIN: u32 = 1 << 24;
const NO_FRAGMENT: u32 = u32::MAX;
/// A fragment's entry, and how many stand in a block of metadata.
const FRAGMENT: u32 = 16;
const FRAGMENTS: u32 = 512;
/// Of the root folder's list: so many bytes are looked through.
const LARGEST_FOLDER: u32 = 1 << 20;
const FOLDER_HEADER: usize = 12;
const FOLDER_ENTRY: usize = 8;

const FOLDER: u16 = 1;
const FILE: u16 = 2;
const LONG_FOLDER: u16 = 8;
const LONG_FILE: u16 = 9;

/// Why something can't be read from an image.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Odd {
    /// Not an image of this version.
    #[error("it is no squashfs image of version 4")]
    NoImage,
    /// A way of packing that is not known here.
    #[error("it is packed with {0}, which is not read here; use gzip, xz, zstd or lz4")]
    Packing(&'static str),
    /// Something else stands where its structure should.
    #[error("the squashfs image is damaged ({0})")]
    Damaged(&'static str),
    /// A file that is larger than it may be.
    #[error("the file in the squashfs image is larger than {0} bytes")]
    TooLarge(u64),
}

/// An image, and where its tables are: bytes from its beginning.
pub(super) struct Volume<'r, R> {
    reader: &'r mut R,
    /// Bytes of the image.
    size: u64,
    packing: Packing,
    block: u32,
    inodes: u64,
    folders: u64,
    fragments: u64,
}

/// A regular file's inode.
struct Inode {
    /// Where its blocks begin.
    start: u64,
    size: u64,
    /// The fragment that holds its tail, and where in it.
    fragment: Option<(u32, u32)>,
    /// What its blocks take, each with [`PLAIN`].
    blocks: Vec<u32>,
}

/// The content of a file in an image's root folder; `None` where there is no file of this name. The image is the first `size`
/// bytes; the file has at most `most`.
pub(crate) fn file_of_root(
    reader: &mut (impl Read + Seek),
    size: u64,
    name: &[u8],
    most: u64,
) -> Result<Option<Vec<u8>>, Refused> {
    let (mut volume, root) = Volume::open(reader, size)?;
    let Some(reference) = volume.look_up(root, name)? else { return Ok(None) };
    let Some(inode) = volume.inode(reference, most)? else { return Ok(None) };
    volume.content(&inode).map(Some)
}

impl<'r, R: Read + Seek> Volume<'r, R> {
    /// The image and its root folder's inode.
    fn open(reader: &'r mut R, size: u64) -> Result<(Self, u64), Refused> {
        let mut raw = [0; SUPERBLOCK];
        reader.seek(SeekFrom::Start(0)).map_err(Refused::Read)?;
        reader.read_exact(&mut raw).map_err(|_| odd(Odd::NoImage))?;
        let fields = Fields(&raw);
        if raw.get(..4) != Some(b"hsqs") || fields.u16(28)? != 4 {
            return Err(odd(Odd::NoImage));
        }
        let block = fields.u32(12)?;
        if !block.is_power_of_two() || !(4096..=LARGEST_BLOCK).contains(&block) {
            return Err(odd(Odd::Damaged("its block size")));
        }
        let packing = Packing::of(fields.u16(20)?).map_err(odd)?;
        let volume = Self {
            reader,
            size,
            packing,
            block,
            inodes: fields.u64(64)?,
            folders: fields.u64(72)?,
            fragments: fields.u64(80)?,
        };
        Ok((volume, fields.u64(32)?))
    }

    /// The inode of a name in a folder.
    fn look_up(&mut self, folder: u64, name: &[u8]) -> Result<Option<u64>, Refused> {
        let (kind, mut metadata) = self.begin_inode(folder)?;
        let (start, offset, size) = match kind {
            FOLDER => {
                let raw = metadata.take::<16>(self)?;
                let fields = Fields(&raw);
                (fields.u32(0)?, fields.u16(10)?, u32::from(fields.u16(8)?))
            }
            LONG_FOLDER => {
                let raw = metadata.take::<24>(self)?;
                let fields = Fields(&raw);
                (fields.u32(8)?, fields.u16(18)?, fields.u32(4)?)
            }
            _ => return Err(odd(Odd::Damaged("its root folder"))),
        };
        // Three more are told than there are.
        let mut left = usize::try_from(size.saturating_sub(3).min(LARGEST_FOLDER)).unwrap_or_default();
        let mut list = Metadata::at(self.folders.saturating_add(start.into()), offset);
        while left >= FOLDER_HEADER {
            let raw = list.take::<FOLDER_HEADER>(self)?;
            left -= FOLDER_HEADER;
            let (count, start) = (Fields(&raw).u32(0)?, Fields(&raw).u32(4)?);
            for _ in 0..=count.min(255) {
                let entry = list.take::<FOLDER_ENTRY>(self)?;
                let (offset, length) = (Fields(&entry).u16(0)?, usize::from(Fields(&entry).u16(6)?) + 1);
                let found = list.take_many(self, length)?;
                if found == name {
                    return Ok(Some(u64::from(start) << 16 | u64::from(offset)));
                }
                left = left.saturating_sub(FOLDER_ENTRY + length);
            }
        }
        Ok(None)
    }

    /// A regular file's inode; `None` where it is something else.
    fn inode(&mut self, reference: u64, most: u64) -> Result<Option<Inode>, Refused> {
        let (kind, mut metadata) = self.begin_inode(reference)?;
        let (start, size, fragment, offset) = match kind {
            FILE => {
                let raw = metadata.take::<16>(self)?;
                let fields = Fields(&raw);
                (fields.u32(0)?.into(), fields.u32(12)?.into(), fields.u32(4)?, fields.u32(8)?)
            }
            LONG_FILE => {
                let raw = metadata.take::<40>(self)?;
                let fields = Fields(&raw);
                (fields.u64(0)?, fields.u64(8)?, fields.u32(28)?, fields.u32(32)?)
            }
            _ => return Ok(None),
        };
        if size > most {
            return Err(odd(Odd::TooLarge(most)));
        }
        let fragment = (fragment != NO_FRAGMENT).then_some((fragment, offset));
        let block = u64::from(self.block);
        let count = if fragment.is_some() { size / block } else { size.div_ceil(block) };
        let mut blocks = Vec::new();
        for _ in 0..count {
            blocks.push(u32::from_le_bytes(metadata.take::<4>(self)?));
        }
        Ok(Some(Inode { start, size, fragment, blocks }))
    }

    /// An inode's kind, and what stands behind its common fields.
    fn begin_inode(&mut self, reference: u64) -> Result<(u16, Metadata), Refused> {
        let offset = u16::try_from(reference & 0xffff).unwrap_or_default();
        let mut metadata = Metadata::at(self.inodes.saturating_add(reference >> 16), offset);
        let raw = metadata.take::<16>(self)?;
        Ok((Fields(&raw).u16(0)?, metadata))
    }

    fn content(&mut self, inode: &Inode) -> Result<Vec<u8>, Refused> {
        let size = usize::try_from(inode.size).map_err(|_| odd(Odd::Damaged("a file's size")))?;
        let (mut content, mut at) = (Vec::new(), inode.start);
        for block in &inode.blocks {
            let want = (size - content.len()).min(self.block as usize);
            let stored = block & !PLAIN;
            let piece = match stored {
                // A hole.
                0 => vec![0; want],
                _ => self.block_at(at, stored, block & PLAIN != 0)?,
            };
            if piece.len() != want {
                return Err(odd(Odd::Damaged("a file's block")));
            }
            content.extend(piece);
            at = at.saturating_add(stored.into());
        }
        if let Some((fragment, offset)) = inode.fragment {
            let tail = self.fragment(fragment)?;
            let offset = usize::try_from(offset).unwrap_or(usize::MAX);
            let tail = tail.get(offset..offset.saturating_add(size - content.len()));
            content.extend(tail.ok_or_else(|| odd(Odd::Damaged("a file's tail")))?);
        }
        Ok(content)
    }

    /// A block that holds the tails of files.
    fn fragment(&mut self, number: u32) -> Result<Vec<u8>, Refused> {
        let pointer = self.fragments.saturating_add(u64::from(number / FRAGMENTS) * 8);
        let raw = self.read(pointer, 8)?;
        let offset = u16::try_from(number % FRAGMENTS * FRAGMENT).unwrap_or_default();
        let entry = Metadata::at(Fields(&raw).u64(0)?, offset).take::<{ FRAGMENT as usize }>(self)?;
        let (start, size) = (Fields(&entry).u64(0)?, Fields(&entry).u32(8)?);
        self.block_at(start, size & !PLAIN, size & PLAIN != 0)
    }

    /// A block of files' content.
    fn block_at(&mut self, at: u64, stored: u32, is_plain: bool) -> Result<Vec<u8>, Refused> {
        if stored > self.block {
            return Err(odd(Odd::Damaged("a block's size")));
        }
        let raw = self.read(at, stored)?;
        if is_plain { Ok(raw) } else { self.packing.unpack(&raw, self.block as usize).map_err(odd) }
    }

    /// Bytes as they stand in the image.
    fn read(&mut self, at: u64, count: u32) -> Result<Vec<u8>, Refused> {
        if at.checked_add(count.into()).is_none_or(|end| end > self.size) {
            return Err(odd(Odd::Damaged("an address beyond its end")));
        }
        self.reader.seek(SeekFrom::Start(at)).map_err(Refused::Read)?;
        let mut raw = vec![0; usize::try_from(count).unwrap_or_default()];
        self.reader.read_exact(&mut raw).map_err(Refused::Read)?;
        Ok(raw)
    }
}

fn odd(odd: Odd) -> Refused {
    Refused::Rauc(odd.into())
}
