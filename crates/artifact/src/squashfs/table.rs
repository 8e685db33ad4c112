//! Squashfs's metadata: blocks of up to 8 KiB, each with its stored size before it, which values may span.

use super::{Odd, Volume, odd};
use crate::Refused;
use std::io::{Read, Seek};

const LARGEST: usize = 8192;
/// In a block's stored size: it is not compressed.
const PLAIN: u16 = 1 << 15;

/// A place in a chain of blocks.
pub(super) struct Metadata {
    /// Where the next block begins.
    next: u64,
    /// What is left of this one.
    rest: Vec<u8>,
    /// How much of the first block is passed over.
    skip: usize,
}

impl Metadata {
    pub(super) fn at(block: u64, offset: u16) -> Self {
        Self { next: block, rest: Vec::new(), skip: offset.into() }
    }

    pub(super) fn take<const N: usize>(
        &mut self,
        volume: &mut Volume<'_, impl Read + Seek>,
    ) -> Result<[u8; N], Refused> {
        let taken = self.take_many(volume, N)?;
        taken.try_into().map_err(|_| odd(Odd::Damaged("its metadata")))
    }

    pub(super) fn take_many(
        &mut self,
        volume: &mut Volume<'_, impl Read + Seek>,
        count: usize,
    ) -> Result<Vec<u8>, Refused> {
        while self.rest.len() < count {
            let raw = volume.read(self.next, 2)?;
            let header = Fields(&raw).u16(0)?;
            let stored = header & !PLAIN;
            if stored == 0 || usize::from(stored) > LARGEST {
                return Err(odd(Odd::Damaged("a block of its metadata")));
            }
            let raw = volume.read(self.next.saturating_add(2), stored.into())?;
            let block = if header & PLAIN == 0 { volume.packing.unpack(&raw, LARGEST).map_err(odd)? } else { raw };
            let skipped = block.get(self.skip..).filter(|rest| !rest.is_empty());
            self.rest.extend(skipped.ok_or_else(|| odd(Odd::Damaged("an address in its metadata")))?);
            self.next = self.next.saturating_add(2 + u64::from(stored));
            self.skip = 0;
        }
        let rest = self.rest.split_off(count);
        Ok(std::mem::replace(&mut self.rest, rest))
    }
}

/// Numbers at their places, little-endian.
pub(super) struct Fields<'a>(pub(super) &'a [u8]);

impl Fields<'_> {
    fn number<const N: usize>(&self, at: usize) -> Result<[u8; N], Refused> {
        let bytes = self.0.get(at..at + N).and_then(|bytes| bytes.try_into().ok());
        bytes.ok_or_else(|| odd(Odd::Damaged("its metadata")))
    }

    pub(super) fn u16(&self, at: usize) -> Result<u16, Refused> {
        self.number(at).map(u16::from_le_bytes)
    }

    pub(super) fn u32(&self, at: usize) -> Result<u32, Refused> {
        self.number(at).map(u32::from_le_bytes)
    }

    pub(super) fn u64(&self, at: usize) -> Result<u64, Refused> {
        self.number(at).map(u64::from_le_bytes)
    }
}
