//! Splits CSV (RFC 4180, leniently) into records of bounded size.
//!
//! The `csv` crate reads the same dialect but gathers a record in memory however long it is, so that one quote that
//! is never closed swallows a file of gigabytes. Here a record ends in [`RECORD_MAX`] bytes at the latest, and reading
//! goes on at the next line. Tests compare the two.

use std::io::{self, BufRead, BufReader, Read};

/// The most bytes that a line (of CSV: a record) may have.
pub const RECORD_MAX: usize = 1 << 20;

/// What [`Records::advance`] found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// A record; [`Records::field`] gives its fields.
    Record {
        /// The line on which it starts.
        line: u64,
        /// Whether the file ended within quotes.
        unclosed: bool,
    },
    /// A record that is too long; it was skipped up to the end of a line.
    TooLong {
        /// The line on which it starts.
        line: u64,
    },
    /// The end of the file.
    End,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    FieldStart,
    Plain,
    Quoted,
    /// After a quote within quotes: the end of the quoted text, or the first half of a doubled quote.
    QuoteSeen,
}

enum Scan {
    More,
    Done,
    Overflow,
}

/// Reads records one after the other into one buffer.
pub(super) struct Records<R> {
    input: BufReader<R>,
    record: Buffer,
}

struct Buffer {
    delimiter: u8,
    line: u64,
    after_cr: bool,
    state: State,
    bytes: Vec<u8>,
    ends: Vec<usize>,
}

impl<R: Read> Records<R> {
    pub(super) fn new(reader: R, delimiter: u8) -> Self {
        let (bytes, ends) = (Vec::with_capacity(1024), Vec::with_capacity(32));
        let record = Buffer { delimiter, line: 1, after_cr: false, state: State::FieldStart, bytes, ends };
        Self { input: BufReader::with_capacity(64 * 1024, reader), record }
    }

    /// The line that is read next.
    pub(super) fn line(&self) -> u64 {
        self.record.line
    }

    /// How many fields the record has.
    pub(super) fn len(&self) -> usize {
        self.record.ends.len()
    }

    /// The whole record as text without delimiters, if it is UTF-8.
    pub(super) fn text(&self) -> Option<&str> {
        std::str::from_utf8(&self.record.bytes).ok()
    }

    /// Where a field begins and ends in the record.
    pub(super) fn span(&self, index: usize) -> Option<(usize, usize)> {
        let end = *self.record.ends.get(index)?;
        let start = index.checked_sub(1).map_or(Some(0), |before| self.record.ends.get(before).copied())?;
        Some((start, end))
    }

    /// A field of the record.
    pub(super) fn field(&self, index: usize) -> Option<&[u8]> {
        let (start, end) = self.span(index)?;
        self.record.bytes.get(start..end)
    }

    /// Reads the next record. Blank lines are none.
    pub(super) fn advance(&mut self) -> io::Result<Step> {
        self.record.bytes.clear();
        self.record.ends.clear();
        self.record.state = State::FieldStart;
        let mut start = self.record.line;
        loop {
            let chunk = match self.input.fill_buf() {
                Ok(chunk) => chunk,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(error),
            };
            if chunk.is_empty() {
                return Ok(self.record.end_of_file(start));
            }
            let (used, scan) = self.record.scan(chunk, &mut start);
            self.input.consume(used);
            match scan {
                Scan::More => {}
                Scan::Done => return Ok(Step::Record { line: start, unclosed: false }),
                Scan::Overflow => {
                    self.skip_line()?;
                    return Ok(Step::TooLong { line: start });
                }
            }
        }
    }

    fn skip_line(&mut self) -> io::Result<()> {
        loop {
            let chunk = match self.input.fill_buf() {
                Ok(chunk) => chunk,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(error),
            };
            if chunk.is_empty() {
                return Ok(());
            }
            let end = chunk.iter().position(|b| matches!(b, b'\n' | b'\r'));
            self.record.after_cr = end.is_some_and(|at| chunk.get(at) == Some(&b'\r'));
            let used = end.map_or(chunk.len(), |at| at + 1);
            self.input.consume(used);
            if end.is_some() {
                self.record.line += 1;
                return Ok(());
            }
        }
    }
}

impl Buffer {
    fn end_of_file(&mut self, line: u64) -> Step {
        if self.ends.is_empty() && self.bytes.is_empty() && self.state == State::FieldStart {
            return Step::End;
        }
        self.ends.push(self.bytes.len());
        Step::Record { line, unclosed: self.state == State::Quoted }
    }

    /// Reads on from `chunk`; says how much of it was used.
    fn scan(&mut self, chunk: &[u8], start: &mut u64) -> (usize, Scan) {
        let mut at = 0;
        while let Some(&byte) = chunk.get(at) {
            if self.bytes.len() + self.ends.len() > RECORD_MAX {
                return (at, Scan::Overflow);
            }
            if std::mem::take(&mut self.after_cr) && byte == b'\n' {
                at += 1;
                continue;
            }
            let rest = chunk.get(at..).unwrap_or_default();
            match self.state {
                State::Quoted => {
                    let run = rest.iter().position(|b| *b == b'"').unwrap_or(rest.len());
                    let text = self.take(rest, run);
                    self.line += text.iter().filter(|b| **b == b'\n').count() as u64;
                    at += text.len();
                    if text.len() == run && run < rest.len() {
                        self.state = State::QuoteSeen;
                        at += 1;
                    }
                }
                State::QuoteSeen if byte == b'"' => {
                    self.bytes.push(b'"');
                    self.state = State::Quoted;
                    at += 1;
                }
                State::FieldStart if byte == b'"' => {
                    self.state = State::Quoted;
                    at += 1;
                }
                _ if byte == self.delimiter => {
                    self.ends.push(self.bytes.len());
                    self.state = State::FieldStart;
                    at += 1;
                }
                _ if matches!(byte, b'\n' | b'\r') => {
                    at += 1;
                    self.line += 1;
                    self.after_cr = byte == b'\r';
                    if self.state == State::FieldStart && self.ends.is_empty() {
                        *start = self.line;
                    } else {
                        self.ends.push(self.bytes.len());
                        return (at, Scan::Done);
                    }
                }
                _ => {
                    let delimiter = self.delimiter;
                    let ends = |b: &u8| *b == delimiter || *b == b'\n' || *b == b'\r';
                    let run = rest.iter().position(ends).unwrap_or(rest.len());
                    at += self.take(rest, run).len();
                    self.state = State::Plain;
                }
            }
        }
        (at, Scan::More)
    }

    /// Adds the first `run` bytes to the field, as many as the record may still have, and at least one.
    fn take<'a>(&mut self, rest: &'a [u8], run: usize) -> &'a [u8] {
        let room = RECORD_MAX.saturating_sub(self.bytes.len()) + 1;
        let text = rest.get(..run.min(room)).unwrap_or_default();
        self.bytes.extend_from_slice(text);
        text
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::expect_used, reason = "a test may fail")]
    use super::*;
    use proptest::prelude::*;

    fn ours(text: &[u8]) -> Vec<Vec<Vec<u8>>> {
        let mut records = Records::new(text, b',');
        let mut out = Vec::new();
        while let Step::Record { .. } = records.advance().expect("bytes") {
            out.push((0..records.len()).map(|index| records.field(index).unwrap_or_default().to_vec()).collect());
        }
        out
    }

    fn theirs(text: &[u8]) -> Vec<Vec<Vec<u8>>> {
        let mut reader = csv::ReaderBuilder::new().has_headers(false).flexible(true).from_reader(text);
        let records = reader.byte_records().map(|record| record.expect("bytes"));
        records.map(|record| record.iter().map(<[u8]>::to_vec).collect()).collect()
    }

    #[test]
    fn quotes() {
        for text in ["a,\"b\"\"c\",d\n", "a\"b,\"c\"d,\"\"\n\n\r\n,\n", "\"open,\nb", "\"\"", "a,", ""] {
            assert_eq!(ours(text.as_bytes()), theirs(text.as_bytes()), "{text}");
        }
    }

    proptest! {
        #[test]
        fn records_are_those_of_the_csv_crate(text in "[ab\",;\n\r ]{0,80}") {
            prop_assert_eq!(ours(text.as_bytes()), theirs(text.as_bytes()));
        }

        #[test]
        fn pieces_make_no_difference(text in "[ab\",\n\r]{0,40}", size in 1_usize..5) {
            struct Pieces<'a>(&'a [u8], usize);
            impl Read for Pieces<'_> {
                fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
                    let most = self.1.min(buffer.len());
                    self.0.read(&mut buffer[..most])
                }
            }
            let mut records = Records::new(Pieces(text.as_bytes(), size), b',');
            let mut found: Vec<Vec<Vec<u8>>> = Vec::new();
            while let Step::Record { .. } = records.advance().expect("bytes") {
                found.push((0..records.len()).map(|index| records.field(index).unwrap_or_default().to_vec()).collect());
            }
            prop_assert_eq!(found, ours(text.as_bytes()));
        }
    }
}
