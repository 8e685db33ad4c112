//! Files as UTF-8 text: decodes UTF-16, refuses Latin-1 by line and column, and guesses what kind of file it is.

use domain::import::ImportFormat;
use encoding_rs::{Decoder, DecoderResult, UTF_16BE, UTF_16LE};
use std::{
    fs::File,
    io::{self, BufRead, BufReader, Read},
    path::Path,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicU64, Ordering},
    },
};

/// How much is looked at to see what a file is.
const HEAD: usize = 8 * 1024;
/// How much is decoded at a time.
const BLOCK: usize = 64 * 1024;

/// A file that is read as UTF-8.
pub(super) struct Text {
    reader: Box<dyn Read + Send>,
    /// How many bytes of the file were read.
    pub(super) bytes: Arc<AtomicU64>,
    /// Where and why it can't be read as text, once that was met: the line, and a sentence.
    pub(super) broken: Arc<OnceLock<(u64, String)>>,
}

impl Read for Text {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.reader.read(buffer)
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Encoding {
    Utf8,
    Utf16Le,
    Utf16Be,
    /// No text: the reader of the format says so in its own words.
    Binary,
}

/// Opens a file as text.
pub(super) fn open(path: &Path) -> io::Result<Text> {
    let (bytes, broken) = (Arc::new(AtomicU64::new(0)), Arc::new(OnceLock::new()));
    let counted = Counted { file: File::open(path)?, bytes: Arc::clone(&bytes) };
    let mut file = BufReader::with_capacity(BLOCK, counted);
    let head = file.fill_buf()?;
    let encoding = encoding(head.get(..head.len().min(HEAD)).unwrap_or_default());
    let reader: Box<dyn Read + Send> = match encoding {
        Encoding::Binary => Box::new(file),
        Encoding::Utf8 => Box::new(Decoded::new(file, None, Arc::clone(&broken))),
        Encoding::Utf16Le => {
            Box::new(Decoded::new(file, Some(UTF_16LE.new_decoder_with_bom_removal()), Arc::clone(&broken)))
        }
        Encoding::Utf16Be => {
            Box::new(Decoded::new(file, Some(UTF_16BE.new_decoder_with_bom_removal()), Arc::clone(&broken)))
        }
    };
    Ok(Text { reader, bytes, broken })
}

fn encoding(head: &[u8]) -> Encoding {
    if head.starts_with(b"\xff\xfe") {
        return Encoding::Utf16Le;
    }
    if head.starts_with(b"\xfe\xff") {
        return Encoding::Utf16Be;
    }
    let magics: &[&[u8]] = &[b"PK\x03\x04", b"\xd0\xcf\x11\xe0", b"%PDF", b"\x1f\x8b", b"\x89PNG", b"SQLite format 3"];
    if magics.iter().any(|magic| head.starts_with(magic)) {
        return Encoding::Binary;
    }
    let nuls = |offset: usize| head.iter().skip(offset).step_by(2).filter(|byte| **byte == 0).count();
    // Western text in UTF-16 has a NUL in nearly every character, always in the same half.
    match (nuls(0), nuls(1), head.len() / 2) {
        (0, 0, _) => Encoding::Utf8,
        (0, odd, pairs) if odd * 10 > pairs * 6 => Encoding::Utf16Le,
        (even, 0, pairs) if even * 10 > pairs * 6 => Encoding::Utf16Be,
        _ => Encoding::Binary,
    }
}

/// Counts what is read.
struct Counted {
    file: File,
    bytes: Arc<AtomicU64>,
}

impl Read for Counted {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let n = self.file.read(buffer)?;
        self.bytes.fetch_add(n as u64, Ordering::Relaxed);
        Ok(n)
    }
}

/// Gives UTF-8, or an error where the text can't be read.
struct Decoded<R> {
    source: R,
    /// None for UTF-8, which is checked only.
    decoder: Option<Decoder>,
    out: Vec<u8>,
    at: usize,
    /// Bytes of a character whose rest is still to come.
    carry: Vec<u8>,
    ended: bool,
    broken: Arc<OnceLock<(u64, String)>>,
    line: u64,
    column: u64,
    /// Reached when all before it was given out.
    failure: Option<String>,
}

impl<R: BufRead> Decoded<R> {
    fn new(source: R, decoder: Option<Decoder>, broken: Arc<OnceLock<(u64, String)>>) -> Self {
        let (out, carry) = (Vec::with_capacity(BLOCK + 8), Vec::new());
        Self { source, decoder, out, at: 0, carry, ended: false, broken, line: 1, column: 1, failure: None }
    }

    fn refill(&mut self) -> io::Result<()> {
        self.out.clear();
        self.at = 0;
        while self.out.is_empty() && !self.ended && self.failure.is_none() {
            match self.decoder {
                None => self.check()?,
                Some(_) => self.decode()?,
            }
        }
        self.count();
        Ok(())
    }

    fn check(&mut self) -> io::Result<()> {
        self.out.append(&mut self.carry);
        let block = self.source.fill_buf()?;
        let n = block.len();
        self.out.extend_from_slice(block);
        self.source.consume(n);
        self.ended = n == 0;
        if let Err(error) = std::str::from_utf8(&self.out) {
            let tail = self.out.split_off(error.valid_up_to());
            if error.error_len().is_some() || self.ended {
                let byte = tail.first().copied().unwrap_or_default();
                self.failure = Some(format!(
                    "the byte {byte:#04X} is not UTF-8; the file looks like Latin-1 (Windows-1252): save it as UTF-8 \
                     (“CSV UTF-8” in Excel) and import that"
                ));
            } else {
                self.carry = tail;
            }
        }
        Ok(())
    }

    fn decode(&mut self) -> io::Result<()> {
        let Some(decoder) = &mut self.decoder else { return Ok(()) };
        let block = self.source.fill_buf()?;
        let last = block.is_empty();
        self.out.resize(BLOCK + 8, 0);
        let (result, read, written) = decoder.decode_to_utf8_without_replacement(block, &mut self.out, last);
        self.out.truncate(written);
        self.source.consume(read);
        match result {
            DecoderResult::InputEmpty => self.ended = last,
            DecoderResult::OutputFull => {}
            DecoderResult::Malformed(..) => {
                self.failure = Some("the file is broken UTF-16; save it as UTF-8 and import that".to_owned());
            }
        }
        Ok(())
    }

    fn count(&mut self) {
        let chars = |bytes: &[u8]| bytes.iter().filter(|byte| **byte & 0xC0 != 0x80).count() as u64;
        match self.out.iter().rposition(|byte| *byte == b'\n') {
            Some(end) => {
                self.line += self.out.iter().filter(|byte| **byte == b'\n').count() as u64;
                self.column = 1 + chars(self.out.get(end + 1..).unwrap_or_default());
            }
            None => self.column += chars(&self.out),
        }
    }
}

impl<R: BufRead> Read for Decoded<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.at == self.out.len() {
            self.refill()?;
        }
        let rest = self.out.get(self.at..).unwrap_or_default();
        if rest.is_empty()
            && let Some(failure) = &self.failure
        {
            let message = format!("line {}, column {}: {failure}", self.line, self.column);
            let (_, message) = self.broken.get_or_init(|| (self.line, message));
            return Err(io::Error::new(io::ErrorKind::InvalidData, message.clone()));
        }
        let n = rest.len().min(buffer.len());
        if let (Some(to), Some(from)) = (buffer.get_mut(..n), rest.get(..n)) {
            to.copy_from_slice(from);
        }
        self.at += n;
        Ok(n)
    }
}

/// What kind of file this is, from its name and its first characters.
pub(super) fn guess(path: &Path, file_name: &str) -> io::Result<ImportFormat> {
    let extension = file_name.rsplit_once('.').map(|(_, extension)| extension.to_ascii_lowercase());
    match extension.as_deref() {
        Some("csv" | "tsv" | "tab") => return Ok(ImportFormat::Csv),
        Some("jsonl" | "ndjson") => return Ok(ImportFormat::Jsonl),
        Some("jsonld") => return Ok(ImportFormat::Epcis),
        _ => {}
    }
    let mut head = Vec::with_capacity(BLOCK);
    // A file that can't be read as text is refused by whoever reads it; here its start is enough.
    let _ = open(path)?.take(BLOCK as u64).read_to_end(&mut head);
    let text = String::from_utf8_lossy(&head);
    let text = text.trim_start_matches('\u{feff}').trim_start();
    if !text.starts_with('{') && !text.starts_with('[') {
        return Ok(ImportFormat::Csv);
    }
    let first = text.lines().next().and_then(|line| serde_json::from_str::<serde_json::Value>(line).ok());
    match first {
        Some(object) if object.get("serial").is_some() => Ok(ImportFormat::Jsonl),
        _ => Ok(ImportFormat::Epcis),
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;

    fn read(bytes: &[u8]) -> (Result<String, String>, Option<(u64, String)>) {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), bytes).unwrap();
        let mut text = open(file.path()).unwrap();
        let mut out = String::new();
        let result = text.read_to_string(&mut out).map(|_| out).map_err(|e| e.to_string());
        (result, text.broken.get().cloned())
    }

    fn utf16(text: &str, little: bool) -> Vec<u8> {
        text.encode_utf16().flat_map(|unit| if little { unit.to_le_bytes() } else { unit.to_be_bytes() }).collect()
    }

    #[test]
    fn utf_16_is_decoded_with_and_without_a_mark() {
        let text = "serial;model\r\nA-1;Größe 🚀\r\n".repeat(5_000);
        for little in [true, false] {
            assert_eq!(read(&utf16(&text, little)).0.unwrap(), text);
            assert_eq!(read(&utf16(&format!("\u{feff}{text}"), little)).0.unwrap(), text);
        }
        assert_eq!(read(text.as_bytes()).0.unwrap(), text);
    }

    #[test]
    fn latin_1_is_refused_by_line_and_column() {
        let mut bytes = "serial,model\nä,1\n".repeat(10_000).into_bytes();
        bytes.extend_from_slice(b"ab\xfcc\n");
        let (result, broken) = read(&bytes);
        assert!(result.unwrap_err().contains("line 20001, column 3: the byte 0xFC is not UTF-8"));
        assert_eq!(broken.unwrap().0, 20_001);
        assert!(read(b"a\xc3").0.unwrap_err().contains("line 1, column 2"));
    }

    #[test]
    fn broken_utf_16_is_refused() {
        let mut bytes = utf16("\u{feff}serial,model\n", true);
        bytes.extend_from_slice(&[0x00, 0xd8, 0x41, 0x00]);
        assert!(read(&bytes).0.unwrap_err().contains("broken UTF-16"));
    }

    #[test]
    fn kinds_are_guessed() {
        let guess_of = |name: &str, text: &[u8]| {
            let file = tempfile::NamedTempFile::new().unwrap();
            std::fs::write(file.path(), text).unwrap();
            guess(file.path(), name).unwrap()
        };
        assert_eq!(guess_of("a.CSV", b"{"), ImportFormat::Csv);
        assert_eq!(guess_of("a", b"serial,model\n"), ImportFormat::Csv);
        assert_eq!(guess_of("a.json", b"{\"serial\":\"1\"}\n{}"), ImportFormat::Jsonl);
        assert_eq!(guess_of("a.json", &utf16("\u{feff}{\"serial\":\"1\"}\n", true)), ImportFormat::Jsonl);
        assert_eq!(guess_of("a.json", b"{\n\"type\": \"EPCISDocument\"}"), ImportFormat::Epcis);
        assert_eq!(guess_of("a.txt", b"\x89PNG\0\0"), ImportFormat::Csv);
    }
}
