//! A look at the start of a file: is it what it was announced as?

use super::{problem::FileProblem, records::RECORD_MAX};
use std::io::{self, Read};

/// The start of a file: up to the end of its first line that isn't blank, or all of a short file.
pub(super) struct Head {
    /// What was read.
    pub(super) bytes: Vec<u8>,
    /// Where the text begins (after a byte order mark).
    pub(super) start: usize,
}

impl Head {
    /// Reads it and refuses what is certainly no text.
    pub(super) fn read(reader: &mut impl Read) -> Result<Self, FileProblem> {
        let mut bytes = Vec::new();
        let mut chunk = [0_u8; 8192];
        loop {
            match reader.read(&mut chunk) {
                Ok(0) => break,
                Ok(n) => bytes.extend_from_slice(chunk.get(..n).unwrap_or_default()),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(FileProblem::Read { line: 1, message: error.to_string() }),
            }
            let text = bytes.trim_ascii_start();
            if bytes.len() >= RECORD_MAX || text.iter().any(|b| matches!(b, b'\n' | b'\r')) {
                break;
            }
        }
        let head = Self { start: if bytes.starts_with(b"\xef\xbb\xbf") { 3 } else { 0 }, bytes };
        head.refuse()?;
        Ok(head)
    }

    fn refuse(&self) -> Result<(), FileProblem> {
        let text = self.text();
        if text.is_empty() {
            return Err(if self.bytes.len() >= RECORD_MAX { FileProblem::HeaderTooLong } else { FileProblem::Empty });
        }
        if self.bytes.starts_with(b"\xff\xfe") || self.bytes.starts_with(b"\xfe\xff") {
            return Err(FileProblem::Utf16);
        }
        let magic: &[(&[u8], &str)] = &[
            (b"PK\x03\x04", "an Excel workbook or another ZIP file"),
            (b"\xd0\xcf\x11\xe0", "an old Excel workbook"),
            (b"%PDF", "a PDF"),
            (b"\x1f\x8b", "compressed by gzip"),
            (b"\x89PNG", "a picture"),
            (b"SQLite format 3", "an SQLite database"),
        ];
        if let Some((_, what)) = magic.iter().find(|(start, _)| self.bytes.starts_with(start)) {
            return Err(FileProblem::Binary(what));
        }
        if text.contains(&0) {
            return Err(FileProblem::Binary("binary data (or UTF-16 without a mark)"));
        }
        if text.starts_with(b"<") { Err(FileProblem::Markup) } else { Ok(()) }
    }

    /// The text without what precedes it.
    pub(super) fn text(&self) -> &[u8] {
        self.bytes.get(self.start..).unwrap_or_default().trim_ascii_start()
    }

    /// The first line, cut for showing.
    pub(super) fn shown(&self) -> String {
        let line = self.text().split(|b| matches!(b, b'\n' | b'\r')).next().unwrap_or_default();
        let cut = line.get(..line.len().min(240)).unwrap_or_default();
        String::from_utf8_lossy(cut).chars().filter(|c| !c.is_control()).take(60).collect()
    }
}
