//! What could be written at the cursor.

use super::{
    Field,
    lex::{self, Head, RawTerm, RawValue},
    parse::too_long,
    quoted,
};
use std::ops::Range;

/// What stands at the cursor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CompletionContext {
    /// A field, or a word without one.
    Field,
    /// A class of components, as in `component:lte`.
    ComponentClass,
    /// A value of this field. Where [`Field::is_dynamic`], the database knows more of them.
    Value {
        /// The field.
        field: Field,
    },
}

/// What could be written at the cursor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Completion {
    /// What the chosen text replaces, in bytes.
    pub replace: Range<usize>,
    /// What is being written.
    pub context: CompletionContext,
    /// What was written of it before the cursor, without quotes.
    pub typed: String,
    /// The choices that are known without the database.
    pub items: Vec<CompletionItem>,
}

/// One choice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CompletionItem {
    /// What will be written.
    pub text: String,
    /// What it means.
    pub hint: String,
}

impl CompletionItem {
    /// A value that the database knows, in quotes where it needs them.
    #[must_use]
    pub fn value(value: &str, hint: &str) -> Self {
        Self { text: quoted(value), hint: hint.to_owned() }
    }
}

/// What could be written at the cursor, a position in bytes; one within a character counts as before it.
#[must_use]
pub fn complete(text: &str, cursor: usize) -> Completion {
    let cursor = text.floor_char_boundary(cursor);
    if too_long(text).is_some() {
        return nothing(cursor);
    }
    let here = lex::terms(text).take_while(|raw| raw.span.start <= cursor).find(|raw| cursor <= raw.span.end);
    let Some(raw) = here else { return fields(text, cursor..cursor, cursor) };
    let start = raw.minus.as_ref().map_or(raw.span.start, |minus| minus.end);
    if cursor < start {
        return fields(text, cursor..cursor, cursor);
    }
    match &raw.head {
        None => fields(text, start..raw.span.end, cursor),
        Some(head) if cursor <= head.name_span.end => names(text, head, start, cursor),
        Some(head) if cursor < head.op_span.end => nothing(cursor),
        Some(head) => values(text, &raw, head, cursor),
    }
}

/// Nothing could be written here.
const fn nothing(cursor: usize) -> Completion {
    let context = CompletionContext::Field;
    Completion { replace: cursor..cursor, context, typed: String::new(), items: Vec::new() }
}

/// Fields with their usual operators, and whole terms whose value begins with what was typed.
fn fields(text: &str, replace: Range<usize>, cursor: usize) -> Completion {
    let typed = &text[replace.start..cursor];
    let mut items: Vec<_> = matching_fields(typed)
        .map(|field| item(format!("{}{}", field.name(), field.usual_operator()), field.hint()))
        .collect();
    if typed.chars().count() > 1 {
        items.extend(terms_by_value(typed));
    }
    Completion { replace, context: CompletionContext::Field, typed: typed.to_owned(), items }
}

/// Fields in place of the one that is there; operator and value stay.
fn names(text: &str, head: &Head<'_>, start: usize, cursor: usize) -> Completion {
    let typed = &text[start..cursor];
    let items = matching_fields(typed).map(|field| item(field.name().to_owned(), field.hint())).collect();
    let replace = start..head.name_span.end;
    Completion { replace, context: CompletionContext::Field, typed: typed.to_owned(), items }
}

fn values(text: &str, raw: &RawTerm<'_>, head: &Head<'_>, cursor: usize) -> Completion {
    let equals = raw.classes.as_ref().and_then(|(_, equals)| equals.as_ref());
    let in_classes = raw.classes.is_some() && equals.is_none_or(|equals| cursor < equals.end);
    let candidates: &[RawValue] = match &raw.classes {
        Some((classes, _)) if in_classes => classes,
        _ => &raw.values,
    };
    let value = candidates.iter().find(|value| value.span.start <= cursor && cursor <= value.span.end);
    // A quote that is still open is no value yet; it reaches to the end of the term.
    let open = raw.problem.as_ref().map(|problem| problem.span.clone());
    let open = open.filter(|span| span.start <= cursor && text[span.clone()].starts_with('"'));
    let replace = value.map(|value| value.span.clone()).or(open).unwrap_or(cursor..cursor);
    let typed = text[replace.start..cursor].trim_matches('"').to_owned();
    let Some(field) = Field::from_name(head.name) else {
        return Completion { replace, context: CompletionContext::Field, typed, items: Vec::new() };
    };
    let context = if in_classes { CompletionContext::ComponentClass } else { CompletionContext::Value { field } };
    let items = if field == Field::Component && !in_classes { Vec::new() } else { known_values(field, head, &typed) };
    Completion { replace, context, typed, items }
}

/// The words of a field that begin with what was typed; for times, examples.
fn known_values(field: Field, head: &Head<'_>, typed: &str) -> Vec<CompletionItem> {
    const AGES: [(&str, &str); 5] =
        [("1h", "an hour"), ("1d", "a day"), ("7d", "a week"), ("30d", "30 days"), ("1y", "365 days")];
    let is = matches!(head.op, ":" | "=");
    let mut known = if is || !field.is_ordered() { field.words() } else { Vec::new() };
    if !is && field.is_ordered() && field != Field::Firmware {
        known.extend(AGES.iter().map(|(age, hint)| ((*age).to_owned(), *hint)));
    }
    let fits = |word: &str| starts_with(word, typed);
    known.into_iter().filter(|(word, _)| fits(word)).map(|(word, hint)| item(word, hint)).collect()
}

fn matching_fields(typed: &str) -> impl Iterator<Item = Field> {
    let fits = move |field: &Field| {
        starts_with(field.name(), typed) || field.aliases().iter().any(|alias| starts_with(alias, typed))
    };
    Field::ALL.iter().copied().filter(fits)
}

/// `trust:quarantined` for `quar`.
fn terms_by_value(typed: &str) -> impl Iterator<Item = CompletionItem> {
    let worded = Field::ALL.iter().filter(|field| !field.is_ordered());
    worded.flat_map(move |field| {
        let fits = field.words().into_iter().filter(|(word, _)| starts_with(word, typed));
        fits.map(|(word, hint)| item(format!("{}:{word}", field.name()), hint))
    })
}

/// Whether a word begins with what was typed, whatever its case and hyphens.
fn starts_with(word: &str, typed: &str) -> bool {
    let same = |(w, t): (u8, u8)| w == t.to_ascii_lowercase() || (w == b'-' && t == b'_');
    typed.len() <= word.len() && word.bytes().zip(typed.bytes()).all(same)
}

fn item(text: String, hint: &str) -> CompletionItem {
    CompletionItem { text, hint: hint.to_owned() }
}
