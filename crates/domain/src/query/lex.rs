//! Splits a query into terms, and each term into its parts, without knowing what they mean.
//!
//! Whatever the text, every part has its place, so that a half-written query can be painted and completed.

use super::{Field, error::Problem};
use crate::identifier::{Imei, Mac};
use std::ops::Range;

/// A term in parts.
#[derive(Debug, Default)]
pub(super) struct RawTerm<'a> {
    pub(super) span: Range<usize>,
    /// The minus before it.
    pub(super) minus: Option<Range<usize>>,
    /// The field and the operator; none for a word without a field.
    pub(super) head: Option<Head<'a>>,
    /// The classes in `component:lte,wlan=…`, and where the `=` stands.
    pub(super) classes: Option<(Vec<RawValue>, Option<Range<usize>>)>,
    /// The alternatives.
    pub(super) values: Vec<RawValue>,
    /// What could not be split.
    pub(super) problem: Option<Problem>,
}

/// A field and an operator.
#[derive(Debug)]
pub(super) struct Head<'a> {
    pub(super) name: &'a str,
    pub(super) name_span: Range<usize>,
    pub(super) op: &'a str,
    pub(super) op_span: Range<usize>,
}

/// A value, its quotes and escapes resolved.
#[derive(Debug)]
pub(super) struct RawValue {
    pub(super) span: Range<usize>,
    pub(super) text: String,
    pub(super) quoted: bool,
    /// Whether a `*` follows, which is not in the text.
    pub(super) star: bool,
}

/// Splits a text into its terms.
pub(super) fn terms(text: &str) -> impl Iterator<Item = RawTerm<'_>> {
    let mut scanner = Scanner { text, at: 0 };
    std::iter::from_fn(move || {
        scanner.skip(char::is_whitespace);
        (scanner.at < text.len()).then(|| scanner.term())
    })
}

struct Scanner<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Scanner<'a> {
    fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    /// Takes all characters up to the first that does not fit.
    fn skip(&mut self, fits: impl Fn(char) -> bool) -> Range<usize> {
        let start = self.at;
        self.at += self.rest().find(|c: char| !fits(c)).unwrap_or(self.rest().len());
        start..self.at
    }

    /// Takes one character if it is the one.
    fn take(&mut self, wanted: char) -> Option<Range<usize>> {
        let start = self.at;
        (self.peek() == Some(wanted)).then(|| {
            self.at += wanted.len_utf8();
            start..self.at
        })
    }

    fn at_end_of_term(&self) -> bool {
        self.peek().is_none_or(char::is_whitespace)
    }

    fn term(&mut self) -> RawTerm<'a> {
        let start = self.at;
        let mut term = RawTerm { minus: self.take('-'), ..RawTerm::default() };
        match self.body(&mut term) {
            Ok(()) if !self.at_end_of_term() => {
                let rest = self.skip(|c| !c.is_whitespace());
                term.problem = Some(Problem::new(rest, "a space or a comma must stand between two values"));
            }
            Ok(()) => {}
            Err(problem) => term.problem = Some(problem),
        }
        term.span = start..self.at;
        term
    }

    fn body(&mut self, term: &mut RawTerm<'a>) -> Result<(), Problem> {
        if self.at_end_of_term() {
            return Err(Problem::new(self.at - 1..self.at, "nothing follows the minus; write it right before a term"));
        }
        if let Some(length) = pasted_identifier(self.rest()) {
            let span = self.at..self.at + length;
            self.at = span.end;
            term.values.push(RawValue { text: self.text[span.clone()].to_owned(), span, quoted: true, star: false });
            return Ok(());
        }
        term.head = self.head()?;
        let Some(head) = &term.head else { return self.values(&mut term.values, &[]) };
        if Field::from_name(head.name) != Some(Field::Component) || head.op != ":" {
            return self.values(&mut term.values, &[]);
        }
        let (classes, equals) = term.classes.insert((Vec::new(), None));
        self.values(classes, &['=', ':'])?;
        *equals = self.take('=').or_else(|| self.take(':'));
        if equals.is_some() { self.values(&mut term.values, &[]) } else { Ok(()) }
    }

    /// A field and an operator, or nothing, and then the scanner stays where it is.
    fn head(&mut self) -> Result<Option<Head<'a>>, Problem> {
        let start = self.at;
        let negation = |rest: &str| rest.starts_with("!=") || rest.starts_with("!:");
        while self.peek().is_some_and(|c| !c.is_whitespace() && !",\":=<>".contains(c)) && !negation(self.rest()) {
            self.at += self.peek().map_or(0, char::len_utf8);
        }
        let name_span = start..self.at;
        let bang = if negation(self.rest()) { 1 } else { 0 };
        self.at += bang;
        self.skip(|c| ":=<>".contains(c));
        let op_span = name_span.end..self.at;
        if op_span.is_empty() {
            self.at = start;
            return Ok(None);
        }
        if name_span.is_empty() {
            self.skip(|c| !c.is_whitespace());
            return Err(Problem::new(op_span, "a field must stand before this, as in model:GW-200"));
        }
        let (name, op) = (&self.text[name_span.clone()], &self.text[op_span.clone()]);
        Ok(Some(Head { name, name_span, op, op_span }))
    }

    /// Values between commas. An unquoted one also ends before a character of `stop`.
    fn values(&mut self, values: &mut Vec<RawValue>, stop: &[char]) -> Result<(), Problem> {
        loop {
            values.push(self.value(stop)?);
            if self.take(',').is_none() {
                return Ok(());
            }
        }
    }

    fn value(&mut self, stop: &[char]) -> Result<RawValue, Problem> {
        if self.peek() == Some('"') {
            return self.quoted_value();
        }
        let span = self.skip(|c| !c.is_whitespace() && c != ',' && c != '"' && !stop.contains(&c));
        if span.is_empty() {
            return Err(self.missing_value(span));
        }
        let text = &self.text[span.clone()];
        let (text, star) = text.strip_suffix('*').map_or((text, false), |text| (text, true));
        Ok(RawValue { text: text.to_owned(), span, quoted: false, star })
    }

    fn missing_value(&mut self, at: Range<usize>) -> Problem {
        let after_comma = self.text[..at.start].ends_with(',');
        let found = self.skip(|c| !c.is_whitespace());
        if !found.is_empty() {
            return Problem::new(found, "a value is missing here");
        }
        // The term ends here, after an operator or a comma.
        let message =
            if after_comma { "a value must follow the comma, without a space" } else { "a value must follow" };
        Problem::new(at.start.saturating_sub(1)..at.end, message)
    }

    fn quoted_value(&mut self) -> Result<RawValue, Problem> {
        let start = self.at;
        let mut text = String::new();
        let mut escaped = false;
        for (at, c) in self.rest().char_indices().skip(1) {
            match c {
                _ if escaped => {
                    text.push(c);
                    escaped = false;
                }
                '\\' => escaped = true,
                '"' => {
                    self.at = start + at + 1;
                    let star = self.take('*').is_some();
                    return Ok(RawValue { span: start..self.at, text, quoted: true, star });
                }
                _ => text.push(c),
            }
        }
        self.at = self.text.len();
        Err(Problem::new(start..self.at, "this quote is never closed; add a \" at its end"))
    }
}

/// The length of a MAC address with colons or of an IMEI in groups at the beginning of a text, as people paste them
/// from a page or a label: neither would otherwise be one word without a field.
fn pasted_identifier(rest: &str) -> Option<usize> {
    const MAC: usize = "d8:80:39:4e:71:0c".len();
    const IMEI: usize = "86 194105 033718 0".len();
    let alone = |length: usize| {
        let (text, after) = rest.split_at_checked(length)?;
        after.chars().next().is_none_or(char::is_whitespace).then_some(text)
    };
    let is_mac = alone(MAC).is_some_and(|text| text.contains(':') && Mac::parse(text).is_ok());
    let is_imei = || {
        let shown = |text: &str| Imei::parse(text).is_ok_and(|imei| imei.to_string() == text);
        alone(IMEI).is_some_and(shown)
    };
    if is_mac { Some(MAC) } else { is_imei().then_some(IMEI) }
}
