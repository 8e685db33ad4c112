//! The parts of a query for painting it, right or wrong, while it is typed.

use super::{
    lex::{self, RawTerm},
    parse::{term, too_long},
};
use std::ops::Range;

/// What a part of a query is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TokenKind {
    /// A field.
    Key,
    /// An operator, or the comma between alternatives.
    Op,
    /// A value.
    Value,
    /// The minus before a term.
    Neg,
    /// A word without a field.
    Bare,
    /// What is wrong.
    Error,
}

/// A part of a query. Parts come in the order of the text, don't overlap, and leave out the spaces between terms.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Token {
    /// Where it stands, in bytes.
    pub span: Range<usize>,
    /// What it is.
    pub kind: TokenKind,
}

/// Splits any text into parts. One that is too long to be read is a single error.
#[must_use]
pub fn tokens(text: &str) -> Vec<Token> {
    if too_long(text).is_some() {
        return vec![Token { span: 0..text.len(), kind: TokenKind::Error }];
    }
    lex::terms(text).flat_map(painted).collect()
}

fn painted(raw: RawTerm<'_>) -> Vec<Token> {
    let (span, mut parts) = (raw.span.clone(), parts(&raw));
    let wrong = term(raw).err().map(|problem| problem.span);
    if let Some(wrong) = wrong {
        parts.iter_mut().filter(|part| overlaps(&part.span, &wrong)).for_each(|part| part.kind = TokenKind::Error);
    }
    fill_gaps(span, parts)
}

/// The parts that the term was split into.
fn parts(raw: &RawTerm<'_>) -> Vec<Token> {
    let token = |span: &Range<usize>, kind| Token { span: span.clone(), kind };
    let value = if raw.head.is_some() { TokenKind::Value } else { TokenKind::Bare };
    let mut parts = Vec::new();
    parts.extend(raw.minus.iter().map(|span| token(span, TokenKind::Neg)));
    if let Some(head) = &raw.head {
        parts.push(token(&head.name_span, TokenKind::Key));
        parts.push(token(&head.op_span, TokenKind::Op));
    }
    if let Some((classes, equals)) = &raw.classes {
        parts.extend(classes.iter().map(|class| token(&class.span, TokenKind::Value)));
        parts.extend(equals.iter().map(|span| token(span, TokenKind::Op)));
    }
    parts.extend(raw.values.iter().map(|found| token(&found.span, value)));
    parts
}

fn overlaps(a: &Range<usize>, b: &Range<usize>) -> bool {
    a.start < b.end && b.start < a.end
}

/// Adds what lies between the parts: a comma between two of them, else what could not be split.
fn fill_gaps(term: Range<usize>, parts: Vec<Token>) -> Vec<Token> {
    let mut filled: Vec<Token> = Vec::with_capacity(parts.len());
    let mut at = term.start;
    for part in parts {
        if at < part.span.start {
            filled.push(Token { span: at..part.span.start, kind: TokenKind::Op });
        }
        at = part.span.end;
        filled.push(part);
    }
    if at < term.end {
        filled.push(Token { span: at..term.end, kind: TokenKind::Error });
    }
    filled
}
