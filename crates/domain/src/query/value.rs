//! Gives the values of a term their meaning.

use super::{
    Age, Calendar, Comparison, Field, FirmwareMatch, Predicate, SerialMatch, When,
    error::{Problem, excerpt},
    lex::{RawTerm, RawValue},
    suggest::nearest,
    word::Word,
};
use crate::version;

pub(super) fn serial(value: &RawValue) -> SerialMatch {
    let text = value.text.clone();
    if value.star { SerialMatch::Prefix(text) } else { SerialMatch::Exact(text) }
}

/// Values of a closed vocabulary.
pub(super) fn words<T: Word>(values: &[RawValue]) -> Result<Vec<T>, Problem> {
    values.iter().map(word).collect()
}

fn word<T: Word>(value: &RawValue) -> Result<T, Problem> {
    T::from_query(&value.text).ok_or_else(|| {
        let all: Vec<String> = T::ALL.iter().map(|known| known.query_word()).collect();
        let wrong = format!("“{}” is not {}", excerpt(&value.text), T::WHAT);
        let problem = |message| Problem::new(value.span.clone(), message);
        match nearest(&value.text, all.iter().map(String::as_str)) {
            Some(near) => problem(format!("{wrong}; did you mean “{near}”?")).instead(near),
            None => problem(format!("{wrong}; use one of {}", all.join(", "))),
        }
    })
}

pub(super) fn component(raw: &RawTerm<'_>) -> Result<Predicate, Problem> {
    let texts = raw.values.iter().map(|value| value.text.clone()).collect::<Vec<_>>();
    let Some((classes, _)) = &raw.classes else { return Ok(Predicate::Component { classes: Vec::new(), texts }) };
    let read: Result<Vec<_>, _> = words(classes);
    match (read, &raw.head) {
        (Err(mut problem), Some(head)) if problem.suggestion.is_none() && texts.is_empty() => {
            // A maker or a model where a class belongs: what was meant is clear.
            problem.message.push_str(". For a maker, model or identifier write component=");
            problem.span = head.op_span.start..problem.span.end;
            let first = classes.first().map_or("", |value| value.text.as_str());
            problem.suggestion = (classes.len() == 1).then(|| format!("={}", super::quoted(first)));
            Err(problem)
        }
        (read, _) => Ok(Predicate::Component { classes: read?, texts }),
    }
}

pub(super) fn firmware(comparison: Option<Comparison>, values: &[RawValue]) -> Result<Predicate, Problem> {
    let Some(comparison) = comparison else {
        return Ok(Predicate::Firmware(values.iter().map(firmware_match).collect::<Result<_, _>>()?));
    };
    let value = single(values)?;
    if value.star {
        let message = "a pattern has no order; use fw:1.4.* or compare with a version";
        return Err(Problem::new(value.span.clone(), message));
    }
    if !version::is_numeric(&value.text) {
        let message = format!("“{}” has no order; compare with a version, like 1.4", excerpt(&value.text));
        return Err(Problem::new(value.span.clone(), message));
    }
    Ok(Predicate::FirmwareOrder(comparison, value.text.clone()))
}

fn firmware_match(value: &RawValue) -> Result<FirmwareMatch, Problem> {
    if !value.star {
        let none = !value.quoted && value.text.eq_ignore_ascii_case("none");
        return Ok(if none { FirmwareMatch::None } else { FirmwareMatch::Exact(value.text.clone()) });
    }
    let prefix = value.text.strip_suffix('.');
    match prefix.filter(|prefix| version::prefix_range(&format!("{prefix}.*")).is_some()) {
        Some(prefix) => Ok(FirmwareMatch::Prefix(prefix.to_owned())),
        None => {
            let problem = Problem::new(value.span.clone(), "a * stands for whole numbers; write it as in 1.4.*");
            let better = format!("{}.*", value.text);
            Err(if version::prefix_range(&better).is_some() { problem.instead(better) } else { problem })
        }
    }
}

/// Whether the value is one of the words that stand for no time at all.
pub(super) fn is_word(comparison: Option<Comparison>, values: &[RawValue], words: &[&str]) -> bool {
    comparison.is_none() && matches!(values, [value] if words.iter().any(|word| value.text.eq_ignore_ascii_case(word)))
}

pub(super) fn when(comparison: Option<Comparison>, values: &[RawValue], field: Field) -> Result<When, Problem> {
    let value = single(values)?;
    let date = Calendar::parse(&value.text);
    match (comparison, date) {
        (Some(comparison), Some(date)) => return Ok(When::Date(comparison, date)),
        (None, Some(date)) => return Ok(When::During(date)),
        (_, None) if looks_like_a_date(&value.text) => {
            let message = format!("“{}” is not a date; write 2026, 2026-11 or 2026-11-04", excerpt(&value.text));
            return Err(Problem::new(value.span.clone(), message));
        }
        (_, None) => {}
    }
    let age = Age::parse(&value.text).map_err(|error| {
        let problem = Problem::new(value.span.clone(), error.message);
        Problem { suggestion: error.suggestion, ..problem }
    })?;
    match comparison {
        Some(comparison) => Ok(When::Age(comparison, age)),
        None => {
            let name = field.name();
            let message = format!("an age needs a direction; write {name}<{age} for less, {name}>{age} for more");
            Err(Problem::new(value.span.start - 1..value.span.end, message).instead(format!("<{age}")))
        }
    }
}

fn looks_like_a_date(text: &str) -> bool {
    text.len() > 4 && text.starts_with(|c: char| c.is_ascii_digit()) && text.contains(['-', '/', '.'])
}

fn single(values: &[RawValue]) -> Result<&RawValue, Problem> {
    match values {
        [value] => Ok(value),
        [_, second, ..] => Err(Problem::new(second.span.clone(), "this field takes one value; write a second term")),
        [] => Err(Problem::new(0..0, "a value is missing")),
    }
}
