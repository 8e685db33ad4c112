//! A term in words, for the chips under the search box.

use super::{Comparison, FirmwareMatch, Predicate, SerialMatch, Term, When, word::Word};

/// What a term is about and what it asks: `("certificate ends in", "under 30 d")`, `("trust", "not quarantined")`.
#[must_use]
pub fn explain(term: &Term) -> (String, String) {
    let label = label(&term.predicate);
    let value = if term.negated { refused(&term.predicate) } else { wanted(&term.predicate) };
    (label, value)
}

fn label(predicate: &Predicate) -> String {
    match predicate {
        Predicate::CertificateEnds(When::Age(..)) => "certificate ends in".to_owned(),
        Predicate::Component { classes, texts } if !texts.is_empty() => match classes.as_slice() {
            [class] => class.label().to_owned(),
            _ => "component".to_owned(),
        },
        other => other.field().map_or("serial or identifier", super::Field::label).to_owned(),
    }
}

fn wanted(predicate: &Predicate) -> String {
    any_of(&phrases(predicate))
}

fn refused(predicate: &Predicate) -> String {
    if matches!(predicate, Predicate::NeverSeen) {
        return "at least once".to_owned();
    }
    none_of(&phrases(predicate))
}

/// The alternatives in words.
fn phrases(predicate: &Predicate) -> Vec<String> {
    fn words<T: Word>(items: &[T]) -> Vec<String> {
        items.iter().map(|item| in_sentence(item.label())).collect()
    }
    match predicate {
        Predicate::Text(items) => items.iter().map(|text| format!("{text}…")).collect(),
        Predicate::Serial(items) => items.iter().map(serial).collect(),
        Predicate::Model(items)
        | Predicate::Revision(items)
        | Predicate::Batch(items)
        | Predicate::Factory(items)
        | Predicate::Custodian(items)
        | Predicate::Channel(items)
        | Predicate::Place(items)
        | Predicate::Identifier(items) => items.clone(),
        Predicate::Kind(items) => words(items),
        Predicate::State(items) => words(items),
        Predicate::Trust(items) => words(items),
        Predicate::Connection(items) => words(items),
        Predicate::Certificate(items) => words(items),
        Predicate::Firmware(items) => items.iter().map(firmware).collect(),
        Predicate::FirmwareOrder(comparison, version) => vec![format!("{} {version}", order(*comparison))],
        Predicate::Seen(when) | Predicate::Made(when) => vec![past(when)],
        Predicate::NeverSeen => vec!["never".to_owned()],
        Predicate::CertificateEnds(when) => vec![future(when)],
        Predicate::Component { classes, texts } => component(&words(classes), texts),
    }
}

/// A label with a small first letter, unless it is an abbreviation.
fn in_sentence(label: &str) -> String {
    let abbreviation = label.chars().nth(1).is_some_and(char::is_uppercase);
    if abbreviation { label.to_owned() } else { label.to_lowercase() }
}

fn any_of(items: &[String]) -> String {
    match items {
        [] => String::new(),
        [item] => item.clone(),
        [first @ .., last] => format!("{} or {last}", first.join(", ")),
    }
}

fn none_of(items: &[String]) -> String {
    match items {
        [item] => format!("not {item}"),
        [first, second] => format!("neither {first} nor {second}"),
        items => format!("none of {}", items.join(", ")),
    }
}

fn serial(item: &SerialMatch) -> String {
    match item {
        SerialMatch::Exact(text) => text.clone(),
        SerialMatch::Prefix(text) => format!("{text}…"),
    }
}

fn firmware(item: &FirmwareMatch) -> String {
    match item {
        FirmwareMatch::None => "unknown".to_owned(),
        FirmwareMatch::Exact(version) => version.clone(),
        FirmwareMatch::Prefix(prefix) => format!("{prefix}.x"),
    }
}

const fn order(comparison: Comparison) -> &'static str {
    match comparison {
        Comparison::Less => "before",
        Comparison::LessOrEqual => "up to",
        Comparison::Greater => "after",
        Comparison::GreaterOrEqual => "from",
    }
}

const fn amount(comparison: Comparison) -> &'static str {
    match comparison {
        Comparison::Less => "under",
        Comparison::LessOrEqual => "at most",
        Comparison::Greater => "over",
        Comparison::GreaterOrEqual => "at least",
    }
}

fn past(when: &When) -> String {
    match when {
        When::Age(comparison, age) => format!("{} {} ago", amount(*comparison), age.words()),
        dated => future(dated),
    }
}

fn future(when: &When) -> String {
    match when {
        When::Age(comparison, age) => format!("{} {}", amount(*comparison), age.words()),
        When::Date(comparison, date) => format!("{} {date}", order(*comparison)),
        When::During(date @ super::Calendar::Day(_)) => format!("on {date}"),
        When::During(date) => format!("in {date}"),
    }
}

fn component(classes: &[String], texts: &[String]) -> Vec<String> {
    match (classes, texts) {
        (classes, []) => classes.to_vec(),
        ([] | [_], texts) => texts.to_vec(),
        (classes, texts) => texts.iter().map(|text| format!("{} {text}", any_of(classes))).collect(),
    }
}
