//! tar archives, read as a stream: POSIX's ustar with the long names of pax (`path`, `size`) and of GNU tar (`L`). POSIX.1-2017,
//! “pax interchange format”: a header of 512 bytes, the content, zeros up to the next 512; at the end two blocks of zeros.

use crate::{Refused, envelope::EnvelopeRefused};
use std::io::{self, Read};

const BLOCK: usize = 512;
const NAME: usize = 100;
const SIZE: std::ops::Range<usize> = 124..136;
const SUM: std::ops::Range<usize> = 148..156;
const KIND: usize = 156;
const MAGIC: std::ops::Range<usize> = 257..262;
/// Behind “ustar” POSIX has a zero; GNU has a space, and other things where POSIX has the beginning of the path.
const POSIX: std::ops::Range<usize> = 262..263;
const PREFIX: std::ops::Range<usize> = 345..500;
/// A name with its folders, in bytes.
const LONGEST_PATH: usize = 1024;
/// What stands before an entry and tells of it.
const LARGEST_EXTENSION: u64 = 64 * 1024;
const BUFFER: usize = 64 * 1024;

/// A file or a folder of an archive, before its content.
#[derive(Debug)]
pub(crate) struct Entry {
    /// Without `./` before it; of a folder it may be empty.
    pub(crate) path: String,
    /// Where its content begins: bytes from the archive's beginning.
    pub(crate) offset: u64,
    /// Bytes.
    pub(crate) size: u64,
    /// Whether it is a folder, which has no content.
    pub(crate) is_folder: bool,
}

/// An archive that is read from front to back: [`Tar::next`], then [`Tar::content`] before the next one.
pub(crate) struct Tar<R> {
    reader: R,
    position: u64,
    buffer: Vec<u8>,
}

/// What extensions say of the next entry.
#[derive(Default)]
struct Told {
    path: Option<Vec<u8>>,
    size: Option<u64>,
}

impl<R: Read> Tar<R> {
    pub(crate) fn new(reader: R) -> Self {
        Self { reader, position: 0, buffer: vec![0; BUFFER] }
    }

    /// The next file or folder; at the archive's end `None`, once nothing but zeros stands behind it.
    pub(crate) fn next(&mut self) -> Result<Option<Entry>, Refused> {
        let mut told = Told::default();
        loop {
            let at = self.position;
            let Some(header) = self.header()? else { return Ok(None) };
            let size = told.size.map_or_else(|| number(&header[SIZE], at), Ok)?;
            match header[KIND] {
                b'L' => told.path = Some(until_zero(&self.extension(size, at)?).to_vec()),
                b'x' => told.read(&self.extension(size, at)?, at)?,
                kind @ (b'0' | 0 | b'5') => {
                    let is_folder = kind == b'5';
                    let path = plain(&told.path.unwrap_or_else(|| path_of(&header)), is_folder)?;
                    if is_folder && size != 0 {
                        return Err(EnvelopeRefused::Damaged { at }.into());
                    }
                    return Ok(Some(Entry { path, offset: self.position, size, is_folder }));
                }
                _ => {
                    let name = told.path.unwrap_or_else(|| path_of(&header));
                    return Err(EnvelopeRefused::NoFile { name: String::from_utf8_lossy(&name).into_owned() }.into());
                }
            }
        }
    }

    /// Passes on an entry's content in pieces.
    pub(crate) fn content(&mut self, entry: &Entry, mut to: impl FnMut(&[u8])) -> Result<(), Refused> {
        self.pieces(entry.size, |piece| to(piece))?;
        self.padding(entry.size)
    }

    /// A header whose sum is right, or `None` at the end.
    fn header(&mut self) -> Result<Option<[u8; BLOCK]>, Refused> {
        let at = self.position;
        let mut header = [0; BLOCK];
        self.fill(&mut header).map_err(|refused| match refused {
            Refused::Truncated if at == 0 => EnvelopeRefused::NotAnArchive.into(),
            other => other,
        })?;
        if header.iter().all(|byte| *byte == 0) {
            return self.end(at).map(|()| None);
        }
        let sum: u64 =
            header.iter().enumerate().map(|(i, byte)| if SUM.contains(&i) { 32 } else { u64::from(*byte) }).sum();
        let is_tar = &header[MAGIC] == b"ustar";
        match number(&header[SUM], at) {
            Ok(told) if told == sum && is_tar => Ok(Some(header)),
            _ if at == 0 => Err(EnvelopeRefused::NotAnArchive.into()),
            _ => Err(EnvelopeRefused::Damaged { at }.into()),
        }
    }

    /// What stands between an extension's header and the entry that it tells of.
    fn extension(&mut self, size: u64, at: u64) -> Result<Vec<u8>, Refused> {
        if size > LARGEST_EXTENSION {
            return Err(EnvelopeRefused::Damaged { at }.into());
        }
        let mut content = Vec::new();
        self.pieces(size, |piece| content.extend_from_slice(piece))?;
        self.padding(size)?;
        Ok(content)
    }

    fn pieces(&mut self, size: u64, mut to: impl FnMut(&[u8])) -> Result<(), Refused> {
        let mut buffer = std::mem::take(&mut self.buffer);
        let mut left = size;
        while left > 0 {
            let want = usize::try_from(left).unwrap_or(BUFFER).min(BUFFER);
            let piece = buffer.get_mut(..want).unwrap_or_default();
            self.fill(piece)?;
            to(piece);
            left -= u64::try_from(want).unwrap_or(left);
        }
        self.buffer = buffer;
        Ok(())
    }

    /// The zeros up to the next block.
    fn padding(&mut self, size: u64) -> Result<(), Refused> {
        let at = self.position;
        let block = BLOCK as u64;
        let count = usize::try_from((block - size % block) % block).unwrap_or_default();
        let mut zeros = [0; BLOCK];
        let zeros = zeros.get_mut(..count).unwrap_or_default();
        self.fill(zeros)?;
        if zeros.iter().all(|byte| *byte == 0) { Ok(()) } else { Err(EnvelopeRefused::Damaged { at }.into()) }
    }

    /// Behind the first block of zeros there is another one, and then nothing but zeros.
    fn end(&mut self, at: u64) -> Result<(), Refused> {
        self.fill(&mut [0; BLOCK]).map_err(|_| EnvelopeRefused::Damaged { at })?;
        loop {
            let count = match self.reader.read(&mut self.buffer) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                other => other.map_err(Refused::Read)?,
            };
            let piece = self.buffer.get(..count).unwrap_or_default();
            if piece.is_empty() {
                return Ok(());
            }
            if piece.iter().any(|byte| *byte != 0) {
                return Err(Refused::Trailing);
            }
        }
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

impl Told {
    /// pax: lines of their own length, a key and a value.
    fn read(&mut self, records: &[u8], at: u64) -> Result<(), Refused> {
        let damaged = || Refused::from(EnvelopeRefused::Damaged { at });
        let mut rest = records;
        while !rest.is_empty() {
            let digits = rest.iter().position(|byte| *byte == b' ').ok_or_else(damaged)?;
            let length = decimal(rest.get(..digits).unwrap_or_default()).ok_or_else(damaged)?;
            let length = usize::try_from(length).map_err(|_| damaged())?;
            let (record, left) = rest.split_at_checked(length).ok_or_else(damaged)?;
            rest = left;
            let record = record.get(digits + 1..).and_then(|record| record.strip_suffix(b"\n")).ok_or_else(damaged)?;
            let middle = record.iter().position(|byte| *byte == b'=').ok_or_else(damaged)?;
            let (key, value) = (record.get(..middle).unwrap_or_default(), record.get(middle + 1..).unwrap_or_default());
            match key {
                b"path" => self.path = Some(value.to_vec()),
                b"size" => self.size = Some(decimal(value).ok_or_else(damaged)?),
                // Their content is not what stands in the archive.
                _ if key.starts_with(b"GNU.sparse.") => {
                    let name = self.path.as_deref().map(String::from_utf8_lossy).unwrap_or_default().into_owned();
                    return Err(EnvelopeRefused::NoFile { name }.into());
                }
                _ => {}
            }
        }
        Ok(())
    }
}

/// A path without `./` before it that can't lead out of a folder.
pub(crate) fn plain(path: &[u8], is_folder: bool) -> Result<String, Refused> {
    let refused = || Refused::from(EnvelopeRefused::Path { path: String::from_utf8_lossy(path).into_owned() });
    let mut text = std::str::from_utf8(path).map_err(|_| refused())?;
    while let Some(rest) = text.strip_prefix("./") {
        text = rest;
    }
    if is_folder {
        text = text.trim_end_matches('/');
        if matches!(text, "" | ".") && !path.starts_with(b"/") {
            return Ok(String::new());
        }
    }
    let is_odd = |part: &str| matches!(part, "" | "." | "..");
    if text.len() > LONGEST_PATH || text.chars().any(char::is_control) || text.split('/').any(is_odd) {
        return Err(refused());
    }
    Ok(text.to_owned())
}

/// The path that a header itself has.
fn path_of(header: &[u8; BLOCK]) -> Vec<u8> {
    let name = until_zero(header.get(..NAME).unwrap_or_default());
    let prefix = until_zero(&header[PREFIX]);
    if header[POSIX] == [0] && !prefix.is_empty() { [prefix, b"/", name].concat() } else { name.to_vec() }
}

fn until_zero(bytes: &[u8]) -> &[u8] {
    bytes.split(|byte| *byte == 0).next().unwrap_or_default()
}

/// A number in octal digits, or with its highest bit set in binary, as GNU tar writes large ones.
fn number(field: &[u8], at: u64) -> Result<u64, Refused> {
    let damaged = || Refused::from(EnvelopeRefused::Damaged { at });
    if let Some((0x80, digits)) = field.split_first() {
        let (high, low) = digits.split_at_checked(digits.len().saturating_sub(8)).ok_or_else(damaged)?;
        let low = low.try_into().map(u64::from_be_bytes).map_err(|_| damaged())?;
        return if high.iter().all(|byte| *byte == 0) { Ok(low) } else { Err(damaged()) };
    }
    let text = std::str::from_utf8(until_zero(field)).map_err(|_| damaged())?.trim_matches(' ');
    if !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(damaged());
    }
    u64::from_str_radix(text, 8).map_err(|_| damaged())
}

fn decimal(digits: &[u8]) -> Option<u64> {
    let text = std::str::from_utf8(digits).ok().filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()))?;
    text.parse().ok()
}
