//! Reads a manifest from CSV.

use super::{
    RowResult,
    check::{Checker, Raw, RawPart},
    columns::{COLUMNS, Column, Field, unknown},
    problem::{FileProblem, ProblemCode, RowProblem},
    records::{Records, Step},
    sniff::Head,
};
use crate::{component::Part, time::Timestamp};
use std::io::{Chain, Cursor, Read};

/// The rows of a CSV file, one after the other. Ends after the first [`FileProblem`].
pub struct CsvRows<R> {
    records: Records<Chain<Cursor<Vec<u8>>, R>>,
    columns: Vec<(String, Column)>,
    left: Vec<String>,
    now: Timestamp,
    done: bool,
}

/// Reads the header of a CSV file and gives its rows. `now` bounds the times that can be true.
///
/// # Errors
/// When the file is no CSV, or its header is not that of a manifest.
pub fn csv_rows<R: Read>(mut reader: R, now: Timestamp) -> Result<CsvRows<R>, FileProblem> {
    let head = Head::read(&mut reader)?;
    if head.text().starts_with(b"{") || head.text().starts_with(b"[") {
        return Err(FileProblem::Json);
    }
    let delimiter = delimiter(&head).ok_or_else(|| FileProblem::NoHeader(head.shown()))?;
    let mut start = Cursor::new(head.bytes);
    start.set_position(head.start as u64);
    let mut records = Records::new(start.chain(reader), delimiter);
    match records.advance() {
        Ok(Step::Record { .. }) => {}
        Ok(Step::TooLong { .. }) => return Err(FileProblem::HeaderTooLong),
        Ok(Step::End) => return Err(FileProblem::Empty),
        Err(error) => return Err(FileProblem::Read { line: 1, message: error.to_string() }),
    }
    let columns = header(&records)?;
    let left = columns.iter().filter(|(_, column)| *column == Column::Foreign).map(|(name, _)| name.clone()).collect();
    Ok(CsvRows { records, columns, left, now, done: false })
}

/// The delimiter under which the most names of the first line are known; none if none is.
fn delimiter(head: &Head) -> Option<u8> {
    let line = head.text().split(|b| matches!(b, b'\n' | b'\r')).next()?;
    let known = |delimiter: u8| {
        let fields = line.split(|b| *b == delimiter).filter_map(|field| std::str::from_utf8(field).ok());
        fields.filter(|field| Column::parse(field.trim().trim_matches('"')).is_some()).count()
    };
    let counts = b",;\t".map(|delimiter| (known(delimiter), delimiter));
    // The comma wins a draw: `max_by_key` takes the last.
    counts.into_iter().rev().max_by_key(|(count, _)| *count).filter(|(count, _)| *count > 0).map(|(_, found)| found)
}

fn header<R: Read>(records: &Records<R>) -> Result<Vec<(String, Column)>, FileProblem> {
    let mut columns: Vec<(String, Column)> = Vec::with_capacity(records.len());
    let mut strangers = Vec::new();
    for index in 0..records.len() {
        let bytes = records.field(index).unwrap_or_default();
        let name = std::str::from_utf8(bytes).map_err(|_| FileProblem::HeaderEncoding)?.trim();
        match Column::parse(name) {
            Some(column) => {
                if column != Column::Foreign && columns.iter().any(|(_, other)| same_place(other, &column)) {
                    return Err(FileProblem::DuplicateColumn(name.chars().take(64).collect()));
                }
                let shown = match &column {
                    Column::Field(field) => field.name().to_owned(),
                    Column::Slot(slot, _) => slot.clone(),
                    Column::Foreign => name.chars().take(64).collect(),
                };
                columns.push((shown, column));
            }
            // Spreadsheets leave empty columns behind.
            None if name.is_empty() => columns.push((String::new(), Column::Foreign)),
            None => strangers.push(unknown(name)),
        }
    }
    if !strangers.is_empty() {
        strangers.truncate(20);
        let known = COLUMNS.map(|column| column.name).join(", ");
        return Err(FileProblem::UnknownColumns { columns: strangers, known });
    }
    let has = |field: &str| columns.iter().any(|(_, column)| matches!(column, Column::Field(f) if f.name() == field));
    let missing: Vec<_> =
        COLUMNS.iter().filter(|column| column.required && !has(column.name)).map(|column| column.name).collect();
    if missing.is_empty() { Ok(columns) } else { Err(FileProblem::MissingColumns(missing)) }
}

fn same_place(one: &Column, other: &Column) -> bool {
    match (one, other) {
        (Column::Slot(one, _), Column::Slot(other, _)) => one == other,
        _ => one == other,
    }
}

impl<R> CsvRows<R> {
    /// The columns that are left out because their names start with `x_`.
    #[must_use]
    pub fn left(&self) -> &[String] {
        &self.left
    }
}

impl<R: Read> Iterator for CsvRows<R> {
    type Item = Result<RowResult, FileProblem>;

    fn next(&mut self) -> Option<Self::Item> {
        while !self.done {
            match self.records.advance() {
                Ok(Step::Record { line, unclosed }) => {
                    if !unclosed && self.is_blank() {
                        continue;
                    }
                    return Some(Ok(RowResult { line, row: self.row(line, unclosed) }));
                }
                Ok(Step::TooLong { line }) => return Some(Ok(RowResult { line, row: Err(vec![too_long()]) })),
                Ok(Step::End) => self.done = true,
                Err(error) => {
                    self.done = true;
                    return Some(Err(FileProblem::Read { line: self.records.line(), message: error.to_string() }));
                }
            }
        }
        None
    }
}

pub(super) fn too_long() -> RowProblem {
    RowProblem {
        column: String::new(),
        code: ProblemCode::LineTooLong,
        message: "the line is longer than 1 MiB and was skipped; perhaps a double quote is opened and never closed"
            .to_owned(),
    }
}

impl<R: Read> CsvRows<R> {
    /// Spreadsheets write rows of nothing but delimiters.
    fn is_blank(&self) -> bool {
        self.records.len() > 0
            && (0..self.records.len()).all(|index| self.records.field(index).is_none_or(|f| f.trim_ascii().is_empty()))
    }

    fn row(&self, line: u64, unclosed: bool) -> Result<super::Row, Vec<RowProblem>> {
        let mut checker = Checker::new(self.now);
        if let Some(message) = self.misshapen(line, unclosed) {
            checker.problem("", ProblemCode::Columns, message);
            return Err(checker.into_problems());
        }
        let text = self.records.text();
        let mut raw = Raw::new();
        let mut parts: Vec<Part> = Vec::with_capacity(self.columns.len().saturating_sub(6));
        for (index, (name, column)) in self.columns.iter().enumerate() {
            if *column == Column::Foreign {
                continue;
            }
            let span = self.records.span(index);
            // The record as a whole was checked; a field is checked alone only when that failed.
            let value = match (text, span) {
                (_, None) => Some(""),
                (Some(text), Some((start, end))) => text.get(start..end),
                (None, Some(_)) => std::str::from_utf8(self.records.field(index).unwrap_or_default()).ok(),
            };
            if value.is_none() {
                checker.problem(name, ProblemCode::Encoding, "the value is not UTF-8; save the file as UTF-8");
            }
            match column {
                Column::Field(field) => raw.set(*field, value),
                Column::Slot(slot, class) => {
                    if let Some(cell) = value.map(str::trim).filter(|cell| !cell.is_empty()) {
                        match split(cell) {
                            Some([maker, model, identifier]) => {
                                let part = RawPart { slot, class: *class, maker, model, identifier };
                                parts.extend(checker.part(&part, name));
                            }
                            None => checker.problem(
                                name,
                                ProblemCode::Component,
                                "write the identifier alone, or maker|model|identifier with two bars",
                            ),
                        }
                    }
                }
                Column::Foreign => {}
            }
        }
        checker.finish(&raw, parts)
    }

    fn misshapen(&self, line: u64, unclosed: bool) -> Option<String> {
        let (found, wanted) = (self.records.len(), self.columns.len());
        let extra = (wanted..found).any(|index| self.records.field(index).is_some_and(|f| !f.trim_ascii().is_empty()));
        let needed = 1 + self
            .columns
            .iter()
            .rposition(|(_, column)| matches!(column, Column::Field(field) if COLUMNS[*field as usize].required))
            .unwrap_or_default();
        if unclosed {
            return Some(format!("a double quote is opened on line {line} or later and never closed"));
        }
        if found < needed || extra {
            let spans = self.records.line().saturating_sub(line);
            let hint =
                if spans > 1 { "; the row spans several lines, perhaps a double quote is misplaced" } else { "" };
            return Some(format!("the row has {found} values, the header has {wanted} columns{hint}"));
        }
        None
    }
}

/// `identifier` or `maker|model|identifier`.
fn split(cell: &str) -> Option<[&str; 3]> {
    let mut bars = cell.split('|');
    match (bars.next(), bars.next(), bars.next(), bars.next()) {
        (Some(identifier), None, ..) => Some(["", "", identifier]),
        (Some(maker), Some(model), Some(identifier), None) => Some([maker, model, identifier]),
        _ => None,
    }
}

/// Keeps the enum and the table of columns in one order.
const _: () = assert!(Field::Sgtin as usize + 1 == super::columns::FIELDS);
