//! Factory manifests: what a factory says it made, as CSV or JSON Lines, one row a device with its components.
//!
//! Reading streams: a row at a time, whatever the size of the file. One bad row stops nothing, and all that is wrong
//! with a row is said at once. What is wrong with the file as a whole is a [`FileProblem`] and comes before any row.
//!
//! Text must be UTF-8 (a byte order mark is skipped); other encodings are decoded by whoever reads the file.

mod check;
mod columns;
mod csv_rows;
mod doc;
mod jsonl_rows;
mod problem;
mod records;
mod sniff;

pub(crate) use columns::class_named;
pub use columns::{COLUMNS, ColumnDoc, class_of_slot, is_slot};
pub use csv_rows::{CsvRows, csv_rows};
pub use doc::{FORMAT_DOC, SLOT_PREFIXES, template_csv, template_jsonl};
pub use jsonl_rows::{JsonlRows, jsonl_rows};
pub use problem::{FileProblem, ProblemCode, RowProblem, UnknownColumn};
pub use records::RECORD_MAX;

use crate::{component::Part, time::Timestamp};
use serde::{Deserialize, Serialize};

/// One device as a manifest lists it, checked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Row {
    /// The device's serial.
    pub serial: String,
    /// The model's name.
    pub model: String,
    /// The hardware revision.
    pub hardware_revision: String,
    /// The batch's code.
    pub batch: String,
    /// The factory's code (a slug).
    pub factory: String,
    /// The factory's name, when the row gives one or wrote a name where the code belongs.
    pub factory_name: Option<String>,
    /// When the device was made.
    pub made_at: Timestamp,
    /// The firmware it left the line with.
    pub firmware: Option<String>,
    /// How many devices of the batch may be made.
    pub quota: Option<i64>,
    /// GS1 company prefix and item reference of the model (`0614141.107346`).
    pub sgtin: Option<String>,
    /// The components, in the order of the file.
    pub parts: Vec<Part>,
}

/// One row of a file, or all that is wrong with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RowResult {
    /// The line on which it starts; the first line of the file is 1.
    pub line: u64,
    /// The row.
    pub row: Result<Row, Vec<RowProblem>>,
}
