//! What is wrong with a file, gathered while it is checked and given back as a table.

use domain::{factory_manifest::RowProblem, import::Severity};
use store::import::ImportProblem;

/// How many problems of an import are kept; all are counted.
pub const PROBLEMS_KEPT: usize = 10_000;

/// Problems as they are found.
#[derive(Default)]
pub(super) struct Problems {
    kept: Vec<ImportProblem>,
    left: i64,
}

impl Problems {
    /// Notes a problem.
    pub(super) fn add(&mut self, severity: Severity, line: u64, column: &str, code: &str, message: impl Into<String>) {
        if severity == Severity::Left {
            self.left += 1;
        }
        if self.kept.len() < PROBLEMS_KEPT {
            self.kept.push(ImportProblem {
                seq: 0,
                line: i64::try_from(line).unwrap_or(i64::MAX),
                column: cut(column, 200),
                severity,
                code: code.to_owned(),
                message: cut(&message.into(), 1_000),
            });
        }
    }

    /// Notes all that is wrong with a row.
    pub(super) fn add_row(&mut self, line: u64, problems: &[RowProblem]) {
        for problem in problems {
            self.add(Severity::Bad, line, &problem.column, problem.code.as_str(), problem.message.clone());
        }
    }

    /// How many things were left out.
    pub(super) const fn left(&self) -> i64 {
        self.left
    }

    /// The problems that are kept, in the order of lines.
    pub(super) fn into_sorted(mut self) -> Vec<ImportProblem> {
        self.kept.sort_by_key(|problem| problem.line);
        self.kept
    }
}

/// A text without characters that a database or a page can't hold, cut to a length.
fn cut(text: &str, most: usize) -> String {
    text.chars().map(|c| if c == '\0' { '\u{fffd}' } else { c }).take(most).collect()
}

/// Problems as a CSV table.
pub(super) fn table(problems: &[ImportProblem]) -> String {
    let mut out = String::from("line,column,severity,code,message\r\n");
    for problem in problems {
        let line = problem.line.to_string();
        let cells = [&line, &problem.column, problem.severity.as_str(), &problem.code, &problem.message];
        crate::export::csv_line(&mut out, cells.into_iter());
    }
    out
}
