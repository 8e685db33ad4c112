//! What can be wrong with a file and with a row, in words that say what to do.

use crate::words::words;
use serde::{Deserialize, Serialize};

words! {
    /// What is wrong with one value of a row.
    ProblemCode {
        /// A value is needed and none is there.
        Missing => "missing", "Missing";
        /// A value is longer than what can be kept.
        TooLong => "too_long", "Too long";
        /// A character that can't be kept.
        Character => "character", "Character";
        /// Bytes that are not UTF-8.
        Encoding => "encoding", "Encoding";
        /// Not a time.
        Time => "time", "Time";
        /// A time that can't be true.
        TimeRange => "time_range", "Time out of range";
        /// Not a number, or not one that fits.
        Number => "number", "Number";
        /// Not a GS1 company prefix and item reference.
        Sgtin => "sgtin", "SGTIN";
        /// A factory that no code can be made for.
        Factory => "factory", "Factory";
        /// A component that is not written as `identifier` or `maker|model|identifier`.
        Component => "component", "Component";
        /// A slot's name that can't be used.
        Slot => "slot", "Slot";
        /// A class of component that we don't know.
        Class => "class", "Class";
        /// An identifier that no component of that class has.
        Identifier => "identifier", "Identifier";
        /// A slot that is filled twice.
        DuplicateSlot => "duplicate_slot", "Slot twice";
        /// An identifier that stands twice in the row.
        DuplicateIdentifier => "duplicate_identifier", "Identifier twice";
        /// A key that we don't know.
        UnknownKey => "unknown_key", "Unknown key";
        /// More or fewer values than the header has columns.
        Columns => "columns", "Number of columns";
        /// Not a JSON object.
        Json => "json", "JSON";
        /// A line longer than what is read into memory.
        LineTooLong => "line_too_long", "Line too long";
    }
}

/// One thing that is wrong with a row.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RowProblem {
    /// The column or key; empty when the row as a whole is meant.
    pub column: String,
    /// What kind of problem, for programs.
    pub code: ProblemCode,
    /// What is wrong and what to do, for people.
    pub message: String,
}

/// A column or key that is neither known nor marked as foreign by `x_`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownColumn {
    /// As it is written, cut to 64 characters.
    pub name: String,
    /// The known name that it resembles.
    pub suggestion: Option<String>,
}

impl std::fmt::Display for UnknownColumn {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "“{}”", self.name)?;
        match &self.suggestion {
            Some(suggestion) => write!(f, " (did you mean “{suggestion}”?)"),
            None => Ok(()),
        }
    }
}

fn listed<T: ToString>(items: &[T]) -> String {
    items.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

/// Why a file as a whole can't be read as a manifest, and what to do.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FileProblem {
    /// Nothing in it.
    #[error("the file is empty; choose a file with a header line and one line a device")]
    Empty,
    /// Not text.
    #[error("the file is not text but {0}; save the table as CSV (UTF-8) and import that")]
    Binary(&'static str),
    /// UTF-16, which should have been decoded before.
    #[error("the file is UTF-16; save it as UTF-8 (“CSV UTF-8” in Excel) and import that")]
    Utf16,
    /// A web page or XML.
    #[error("the file is a web page or XML, not a manifest; perhaps a sign-in page was saved instead of the file")]
    Markup,
    /// JSON where CSV was announced.
    #[error("the file is JSON, not CSV; import it as JSON Lines (application/x-ndjson) or EPCIS (application/ld+json)")]
    Json,
    /// A JSON array where JSON Lines were announced.
    #[error("the file is one JSON array; JSON Lines has one object a line, without brackets and commas around them")]
    JsonArray,
    /// Something else where JSON Lines were announced.
    #[error("the first line, “{0}”, is not a JSON object; JSON Lines has one object a line (is this CSV?)")]
    NotJsonLines(String),
    /// The first line holds no column that we know.
    #[error("the first line, “{0}”, is not a header; start with a line that names the columns: serial, model, …")]
    NoHeader(String),
    /// The first line never ends.
    #[error("the first line is longer than 1 MiB; this is not a table with a header line")]
    HeaderTooLong,
    /// The first line is not UTF-8.
    #[error("the header is not UTF-8; save the file as UTF-8 (“CSV UTF-8” in Excel) and import that")]
    HeaderEncoding,
    /// Columns that every manifest needs are not there.
    #[error("the header lacks {}; add the column{}", listed(.0), if .0.len() == 1 { "" } else { "s" })]
    MissingColumns(Vec<&'static str>),
    /// Columns that we don't know.
    #[error(
        "unknown column{} {}; known are {known} and components by slot (cpu, eth0, lte0 … or slot:class); \
         a column whose name starts with x_ is left out",
        if .columns.len() == 1 { "" } else { "s" },
        listed(.columns)
    )]
    UnknownColumns {
        /// Them.
        columns: Vec<UnknownColumn>,
        /// The names of the known columns.
        known: String,
    },
    /// A column stands twice.
    #[error("the column “{0}” stands twice in the header; remove or rename one")]
    DuplicateColumn(String),
    /// Reading failed; what came before is not the whole file.
    #[error("reading stopped in line {line}: {message}; send the file again")]
    Read {
        /// The line that was being read.
        line: u64,
        /// What the reader said.
        message: String,
    },
}
