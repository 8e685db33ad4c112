//! Writes queries in their one canonical form, which reads back as the same query.

use super::{
    Comparison, FirmwareMatch, FleetQuery, Predicate, QueryErrors, SerialMatch, Term, When, parse, word::Word,
};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use std::{fmt, str::FromStr};

/// A value as a query writes it: in quotes, where it needs them.
#[must_use]
pub fn quoted(text: &str) -> String {
    // A list of what needs no quotes, rather than of what needs them: a character too many in quotes does no harm.
    let plain = |c: char| c.is_alphanumeric() || "._-/+#@~".contains(c);
    if !text.is_empty() && text.chars().all(plain) && !text.eq_ignore_ascii_case("none") {
        return text.to_owned();
    }
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

/// A word without a field, which must not look like anything else.
fn bare(text: &str) -> String {
    match text {
        "AND" | "OR" | "NOT" => format!("\"{text}\""),
        _ if text.starts_with('-') => format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\"")),
        _ => quoted(text),
    }
}

fn list<T>(items: &[T], write: impl Fn(&T) -> String) -> String {
    items.iter().map(write).collect::<Vec<_>>().join(",")
}

fn serial(item: &SerialMatch) -> String {
    match item {
        SerialMatch::Exact(text) => quoted(text),
        SerialMatch::Prefix(text) => format!("{}*", quoted(text)),
    }
}

fn firmware(item: &FirmwareMatch) -> String {
    match item {
        FirmwareMatch::None => "none".to_owned(),
        FirmwareMatch::Exact(text) => quoted(text),
        FirmwareMatch::Prefix(text) if quoted(text) == *text => format!("{text}.*"),
        FirmwareMatch::Prefix(text) => format!("{}*", quoted(&format!("{text}."))),
    }
}

fn when(when: &When) -> String {
    match when {
        When::Age(comparison, age) => format!("{comparison}{age}"),
        When::Date(comparison, date) => format!("{comparison}{date}"),
        When::During(date) => format!(":{date}"),
    }
}

impl Predicate {
    /// What follows the field's name: the operator and the values.
    fn rest(&self) -> String {
        fn words<T: Word>(items: &[T]) -> String {
            format!(":{}", list(items, |item| item.query_word()))
        }
        let texts = |items: &[String]| list(items, |text| quoted(text));
        match self {
            Self::Text(items) => list(items, |text| bare(text)),
            Self::Serial(items) => format!(":{}", list(items, serial)),
            Self::Model(items)
            | Self::Revision(items)
            | Self::Batch(items)
            | Self::Factory(items)
            | Self::Custodian(items)
            | Self::Channel(items)
            | Self::Place(items)
            | Self::Identifier(items) => format!(":{}", texts(items)),
            Self::Kind(items) => words(items),
            Self::State(items) => words(items),
            Self::Trust(items) => words(items),
            Self::Connection(items) => words(items),
            Self::Certificate(items) => words(items),
            Self::Firmware(items) => format!(":{}", list(items, firmware)),
            Self::FirmwareOrder(comparison, version) => format!("{comparison}{}", quoted(version)),
            Self::Seen(time) | Self::Made(time) | Self::CertificateEnds(time) => when(time),
            Self::NeverSeen => ":never".to_owned(),
            Self::Component { classes, texts: items } => match (classes.as_slice(), items.as_slice()) {
                ([], items) => format!("={}", texts(items)),
                (classes, []) => words(classes),
                (classes, items) => format!("{}={}", words(classes), texts(items)),
            },
        }
    }
}

impl fmt::Display for Comparison {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Display for Term {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let minus = if self.negated { "-" } else { "" };
        let name = self.predicate.field().map_or("", super::Field::name);
        write!(f, "{minus}{name}{}", self.predicate.rest())
    }
}

impl fmt::Display for FleetQuery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, term) in self.terms.iter().enumerate() {
            let space = if at > 0 { " " } else { "" };
            write!(f, "{space}{term}")?;
        }
        Ok(())
    }
}

impl FromStr for FleetQuery {
    type Err = QueryErrors;

    fn from_str(text: &str) -> Result<Self, QueryErrors> {
        parse(text)
    }
}

impl Serialize for FleetQuery {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for FleetQuery {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let text = <std::borrow::Cow<'de, str>>::deserialize(d)?;
        parse(&text).map_err(de::Error::custom)
    }
}
