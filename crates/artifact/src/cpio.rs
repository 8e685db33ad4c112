//! cpio archives in the formats newc (070701) and crc (070702), read as a stream: what a `.swu` file is. The format is
//! described in cpio(5): thirteen numbers of eight hexadecimal digits behind the magic, the name, the content; name and
//! content are filled up with zeros to a multiple of four bytes.

use crate::Refused;
use std::io::{self, Read};

const MAGIC: usize = 6;
const DIGITS: usize = 8;
const FIELDS: usize = 13;
const HEADER: usize = MAGIC + FIELDS * DIGITS;
const FILE_SIZE: usize = 6;
const NAME_SIZE: usize = 11;
const CHECK: usize = 12;
const ALIGNMENT: u64 = 4;
/// With its final zero; SWUpdate takes no longer ones.
const LONGEST_NAME: usize = 255;
const MOST_FILES: usize = 1024;
/// cpio fills an archive up to its blocks.
const BLOCK: usize = 512;
const BUFFER: usize = 64 * 1024;
const TRAILER: &str = "TRAILER!!!";

/// A file of an archive, before its content.
#[derive(Debug)]
pub(crate) struct Header {
    /// A plain name: no folder, no control character.
    pub(crate) name: String,
    /// Bytes.
    pub(crate) size: u32,
    /// The sum of its bytes, in the format crc.
    check: Option<u32>,
}

/// An archive that is read from front to back: [`Archive::next`], then [`Archive::content`] before the next one.
pub(crate) struct Archive<R> {
    input: Input<R>,
    files: usize,
    buffer: Vec<u8>,
}

/// What is read, and how far.
struct Input<R> {
    reader: R,
    /// Bytes from the beginning.
    position: u64,
}

impl<R: Read> Archive<R> {
    pub(crate) fn new(reader: R) -> Self {
        Self { input: Input { reader, position: 0 }, files: 0, buffer: vec![0; BUFFER] }
    }

    /// The next file; at the archive's end `None`, once nothing but filling stands behind it.
    pub(crate) fn next(&mut self) -> Result<Option<Header>, Refused> {
        let at = self.input.position;
        let mut raw = [0; HEADER];
        self.input.fill(&mut raw).map_err(|refused| match refused {
            Refused::Truncated if at == 0 => Refused::NotAnArchive,
            other => other,
        })?;
        let damaged = if at == 0 { Refused::NotAnArchive } else { Refused::Damaged { at } };
        let (magic, fields) = raw.split_at(MAGIC);
        let sums = match magic {
            b"070701" => false,
            b"070702" => true,
            _ => return Err(damaged),
        };
        let mut numbers = [0_u32; FIELDS];
        for (number, digits) in numbers.iter_mut().zip(fields.chunks_exact(DIGITS)) {
            *number = hexadecimal(digits).ok_or(Refused::Damaged { at })?;
        }
        let name = self.input.name(numbers[NAME_SIZE], at)?;
        if name == TRAILER {
            if numbers[FILE_SIZE] != 0 || (sums && numbers[CHECK] != 0) {
                return Err(Refused::Damaged { at });
            }
            return self.input.end().map(|()| None);
        }
        if self.files == MOST_FILES {
            return Err(Refused::TooManyFiles { most: MOST_FILES });
        }
        self.input.padding()?;
        self.files += 1;
        // As SWUpdate does, which makes files of these names in its folder.
        if name.contains('/') || name == "." || name == ".." {
            return Err(Refused::Name { name });
        }
        Ok(Some(Header { name, size: numbers[FILE_SIZE], check: sums.then_some(numbers[CHECK]) }))
    }

    /// Passes on a file's content in pieces, and checks its sum.
    pub(crate) fn content(&mut self, header: &Header, mut to: impl FnMut(&[u8])) -> Result<(), Refused> {
        let mut left = usize::try_from(header.size).unwrap_or(usize::MAX);
        let mut sum = 0_u32;
        while left > 0 {
            let want = left.min(BUFFER);
            let piece = self.buffer.get_mut(..want).unwrap_or_default();
            self.input.fill(piece)?;
            sum = piece.iter().fold(sum, |sum, byte| sum.wrapping_add((*byte).into()));
            to(piece);
            left -= want;
        }
        self.input.padding()?;
        if header.check.is_some_and(|check| check != sum) {
            return Err(Refused::Checksum { name: header.name.clone() });
        }
        Ok(())
    }

    /// A small file's content as a whole.
    pub(crate) fn small(&mut self, header: &Header, most: u32) -> Result<Vec<u8>, Refused> {
        if header.size > most {
            return Err(Refused::TooLarge { name: header.name.clone(), most });
        }
        let mut content = Vec::new();
        self.content(header, |piece| content.extend_from_slice(piece))?;
        Ok(content)
    }
}

impl<R: Read> Input<R> {
    /// A name of `size` bytes, of which the last is the only zero.
    fn name(&mut self, size: u32, at: u64) -> Result<String, Refused> {
        let size = usize::try_from(size).ok().filter(|size| (2..=LONGEST_NAME).contains(size));
        let mut raw = vec![0; size.ok_or(Refused::Damaged { at })?];
        self.fill(&mut raw)?;
        if raw.pop() != Some(0) {
            return Err(Refused::Damaged { at });
        }
        let name = String::from_utf8_lossy(&raw).into_owned();
        if name.as_bytes() != raw || name.chars().any(char::is_control) {
            return Err(Refused::Name { name });
        }
        Ok(name)
    }

    /// The zeros up to the next multiple of four.
    fn padding(&mut self) -> Result<(), Refused> {
        let at = self.position;
        let mut zeros = [0; ALIGNMENT as usize];
        let count = usize::try_from(self.position.next_multiple_of(ALIGNMENT) - at).unwrap_or_default();
        let zeros = zeros.get_mut(..count).unwrap_or_default();
        self.fill(zeros)?;
        if zeros.iter().all(|byte| *byte == 0) { Ok(()) } else { Err(Refused::Damaged { at }) }
    }

    /// What may stand behind the last name: zeros, fewer than a block.
    fn end(&mut self) -> Result<(), Refused> {
        let mut zeros = Vec::new();
        (&mut self.reader).take(BLOCK as u64).read_to_end(&mut zeros).map_err(Refused::Read)?;
        if zeros.len() < BLOCK && zeros.iter().all(|byte| *byte == 0) { Ok(()) } else { Err(Refused::Trailing) }
    }

    fn fill(&mut self, buffer: &mut [u8]) -> Result<(), Refused> {
        self.reader.read_exact(buffer).map_err(|error| match error.kind() {
            io::ErrorKind::UnexpectedEof => Refused::Truncated,
            _ => Refused::Read(error),
        })?;
        self.position += u64::try_from(buffer.len()).unwrap_or_default();
        Ok(())
    }
}

/// Eight hexadecimal digits, nothing else.
fn hexadecimal(digits: &[u8]) -> Option<u32> {
    let text = std::str::from_utf8(digits).ok().filter(|text| text.bytes().all(|byte| byte.is_ascii_hexdigit()))?;
    u32::from_str_radix(text, 16).ok()
}
