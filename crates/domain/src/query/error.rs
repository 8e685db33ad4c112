//! What is wrong with a query, where, and what to write instead.

use std::{fmt, ops::Range};

/// One thing that is wrong with a query.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("column {column}: {message}")]
pub struct QueryError {
    /// Where it begins, in characters, the first being 1.
    pub column: usize,
    /// What is wrong, in bytes of the text.
    pub span: Range<usize>,
    /// What is wrong and what to do, as a sentence.
    pub message: String,
    /// What to write in place of the span, where we know it.
    pub suggestion: Option<String>,
}

impl QueryError {
    /// The query with the suggestion taken; none when there is no suggestion, or the text is another one.
    #[must_use]
    pub fn corrected(&self, text: &str) -> Option<String> {
        let suggestion = self.suggestion.as_deref()?;
        let (before, after) = (text.get(..self.span.start)?, text.get(self.span.end..)?);
        Some(format!("{before}{suggestion}{after}"))
    }
}

/// Everything that is wrong with a query: at most one thing per term, in the order of the text, and never nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QueryErrors(pub Vec<QueryError>);

impl fmt::Display for QueryErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, error) in self.0.iter().enumerate() {
            if at > 0 {
                f.write_str("; ")?;
            }
            error.fmt(f)?;
        }
        Ok(())
    }
}

impl std::error::Error for QueryErrors {}

/// An error that does not know its column yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Problem {
    pub(super) span: Range<usize>,
    pub(super) message: String,
    pub(super) suggestion: Option<String>,
}

impl Problem {
    pub(super) fn new(span: Range<usize>, message: impl Into<String>) -> Self {
        Self { span, message: message.into(), suggestion: None }
    }

    /// Adds what to write in place of the span.
    pub(super) fn instead(mut self, suggestion: impl Into<String>) -> Self {
        self.suggestion = Some(suggestion.into());
        self
    }

    /// Counts the column in the text that the problem was found in.
    pub(super) fn located(self, text: &str) -> QueryError {
        let column = text.char_indices().take_while(|(at, _)| *at < self.span.start).count() + 1;
        QueryError { column, span: self.span, message: self.message, suggestion: self.suggestion }
    }
}

/// The beginning of a text that an error quotes.
pub(super) fn excerpt(text: &str) -> String {
    const LONGEST: usize = 40;
    let mut short: String = text.chars().take(LONGEST).collect();
    if short.len() < text.len() {
        short.push('…');
    }
    short
}
