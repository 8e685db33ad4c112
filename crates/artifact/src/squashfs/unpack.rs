//! Unpacking a block, in memory that the block's size bounds.

use super::Odd;
use flate2::read::ZlibDecoder;
use lzma_rust2::XzReader;
use ruzstd::decoding::StreamingDecoder;
use std::io::Read;

/// What packers may need beside a block: their windows are never larger than one, which has up to a mebibyte.
const WINDOW: u64 = 8 << 20;
const WINDOW_KIB: u32 = 16 << 10;

/// How an image is packed.
#[derive(Clone, Copy, Debug)]
pub(super) enum Packing {
    Gzip,
    Xz,
    Lz4,
    Zstd,
}

impl Packing {
    pub(super) fn of(number: u16) -> Result<Self, Odd> {
        match number {
            1 => Ok(Self::Gzip),
            2 => Err(Odd::Packing("lzma")),
            3 => Err(Odd::Packing("lzo")),
            4 => Ok(Self::Xz),
            5 => Ok(Self::Lz4),
            6 => Ok(Self::Zstd),
            _ => Err(Odd::Packing("something unknown")),
        }
    }

    /// What is packed, of at most so many bytes.
    pub(super) fn unpack(self, packed: &[u8], most: usize) -> Result<Vec<u8>, Odd> {
        match self {
            Self::Gzip => all(ZlibDecoder::new(packed), most),
            Self::Xz => all(XzReader::new_mem_limit(packed, false, WINDOW_KIB), most),
            Self::Zstd => {
                let decoder = StreamingDecoder::new_with_max_window_size(packed, WINDOW).map_err(|_| damaged())?;
                all(decoder, most)
            }
            Self::Lz4 => {
                let mut unpacked = vec![0; most];
                let count = lz4_flex::block::decompress_into(packed, &mut unpacked).map_err(|_| damaged())?;
                unpacked.truncate(count);
                Ok(unpacked)
            }
        }
    }
}

fn all(reader: impl Read, most: usize) -> Result<Vec<u8>, Odd> {
    let mut unpacked = Vec::new();
    let limit = u64::try_from(most).unwrap_or(u64::MAX).saturating_add(1);
    reader.take(limit).read_to_end(&mut unpacked).map_err(|_| damaged())?;
    if unpacked.len() > most { Err(damaged()) } else { Ok(unpacked) }
}

const fn damaged() -> Odd {
    Odd::Damaged("a packed block")
}
