//! The Event Hash ID of CBV 2.0, section 8.9: an identifier that follows from what an event says, so that the same
//! event without an identifier gets the same one wherever it is read.
//!
//! The event is written as one text in a canonical order with canonical values (the pre-hash string), and hashed by
//! SHA-256: `ni:///sha-256;<hex>?ver=CBV2.0`. Rules are numbered as in the standard. Bare words and URNs of CBV become
//! web URIs (14 to 16), EPC URIs become canonical Digital Links (17, 18), a type follows what it is the type of (13).

use super::{
    digital_link::canonical,
    vocabulary::{BIZ_STEP, DISPOSITION, PARTY, TRANSACTION, Vocabulary, is_bare},
};
use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};
use std::{borrow::Cow, collections::BTreeMap};

/// The prefixes that a document's `@context` declares, for rule 15 and for the names of extensions.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Namespaces(BTreeMap<String, String>);

impl Namespaces {
    /// The prefixes of a document, or of an event on its own.
    #[must_use]
    pub fn of(value: &Value) -> Self {
        let known = [
            ("gs1", "https://gs1.org/voc/"),
            ("epcis", "https://ref.gs1.org/epcis/"),
            ("cbv", "https://ref.gs1.org/cbv/"),
            ("cbvmda", "urn:epcglobal:cbv:mda:"),
        ];
        let mut found: BTreeMap<String, String> = known.map(|(p, uri)| (p.to_owned(), uri.to_owned())).into();
        let contexts = match value.get("@context") {
            Some(Value::Array(contexts)) => contexts.as_slice(),
            Some(one) => std::slice::from_ref(one),
            None => &[],
        };
        for (prefix, uri) in contexts.iter().filter_map(Value::as_object).flatten() {
            if let Some(uri) = uri.as_str() {
                found.insert(prefix.clone(), uri.to_owned());
            }
        }
        Self(found)
    }

    fn split<'a>(&self, name: &'a str) -> Option<(&str, &'a str)> {
        let (prefix, local) = name.split_once(':')?;
        self.0.get(prefix).map(|uri| (uri.as_str(), local))
    }
}

/// How values and names are spelled. The standard has one way; tests know the draft in which GS1's examples were hashed.
struct Spelling {
    word: fn(&Vocabulary, &str) -> String,
    uri: fn(&str) -> Option<String>,
    braces: bool,
}

const CBV_2_0: Spelling = Spelling { word: Vocabulary::web, uri: canonical, braces: true };

/// The identifier that follows from an event.
#[must_use]
pub fn event_hash_id(raw: &Value, namespaces: &Namespaces) -> String {
    let text = Writer { spelling: &CBV_2_0, namespaces }.event(raw);
    format!("ni:///sha-256;{}?ver=CBV2.0", hex::encode(Sha256::digest(text.as_bytes())))
}

/// How a standard field is written.
#[derive(Clone, Copy)]
enum Shape {
    /// Text or number.
    Plain,
    Time,
    BizStep,
    Disposition,
    /// A list under its name, each item under this one.
    List(&'static str),
    Quantities,
    Persistent,
    Place,
    /// Items of an identifier, which has this name, and a type.
    Typed(&'static str, &'static Vocabulary),
    Sensors,
}

/// The canonical order of properties.
const ORDER: &[(&str, Shape)] = &[
    ("eventTime", Shape::Time),
    ("eventTimeZoneOffset", Shape::Plain),
    ("certificationInfo", Shape::Plain),
    ("epcList", Shape::List("epc")),
    ("parentID", Shape::Plain),
    ("inputEPCList", Shape::List("epc")),
    ("childEPCs", Shape::List("epc")),
    ("quantityList", Shape::Quantities),
    ("childQuantityList", Shape::Quantities),
    ("inputQuantityList", Shape::Quantities),
    ("outputEPCList", Shape::List("epc")),
    ("outputQuantityList", Shape::Quantities),
    ("action", Shape::Plain),
    ("transformationID", Shape::Plain),
    ("bizStep", Shape::BizStep),
    ("disposition", Shape::Disposition),
    ("persistentDisposition", Shape::Persistent),
    ("readPoint", Shape::Place),
    ("bizLocation", Shape::Place),
    ("bizTransactionList", Shape::Typed("bizTransaction", &TRANSACTION)),
    ("sourceList", Shape::Typed("source", &PARTY)),
    ("destinationList", Shape::Typed("destination", &PARTY)),
    ("sensorElementList", Shape::Sensors),
];

/// What says nothing about what happened, or what would make the identifier depend on itself.
const IGNORED: &[&str] =
    &["recordTime", "eventID", "errorDeclaration", "type", "@type", "isA", "@context", "rdfs:comment", "comment"];

const METADATA: &[&str] =
    &["time", "startTime", "endTime", "deviceID", "deviceMetadata", "rawData", "dataProcessingMethod", "bizRules"];

const REPORT: &[&str] = &[
    "type",
    "exception",
    "deviceID",
    "deviceMetadata",
    "rawData",
    "dataProcessingMethod",
    "time",
    "microorganism",
    "chemicalSubstance",
    "value",
    "component",
    "stringValue",
    "booleanValue",
    "hexBinaryValue",
    "uriValue",
    "minValue",
    "maxValue",
    "meanValue",
    "sDev",
    "percRank",
    "percValue",
    "uom",
    "coordinateReferenceSystem",
];

struct Writer<'a> {
    spelling: &'a Spelling,
    namespaces: &'a Namespaces,
}

impl Writer<'_> {
    fn event(&self, raw: &Value) -> String {
        let empty = Map::new();
        let object = raw.as_object().unwrap_or(&empty);
        let kind = ["type", "@type", "isA"].iter().find_map(|key| object.get(*key)?.as_str()).unwrap_or_default();
        let mut out = format!("eventType={}", kind.strip_prefix("epcis:").unwrap_or(kind));
        for (name, shape) in ORDER {
            if let Some(value) = object.get(*name) {
                out.push_str(&self.standard(name, *shape, value));
            }
        }
        let strangers = object
            .iter()
            .filter(|(name, _)| !IGNORED.contains(&name.as_str()) && !ORDER.iter().any(|(known, _)| known == name));
        out.push_str(&self.extensions(strangers));
        out
    }

    fn standard(&self, name: &str, shape: Shape, value: &Value) -> String {
        match shape {
            Shape::Plain => listed(value).map(|value| self.pair(name, value)).collect(),
            Shape::Time => value.as_str().map(|text| format!("{name}={}", time(text))).unwrap_or_default(),
            Shape::BizStep => self.word(name, &BIZ_STEP, value),
            Shape::Disposition => self.word(name, &DISPOSITION, value),
            Shape::List(item) => under(name, listed(value).map(|value| self.pair(item, value))),
            Shape::Quantities => under(
                name,
                listed(value)
                    .map(|item| under("quantityElement", [self.fields(item, &["epcClass", "quantity", "uom"])])),
            ),
            Shape::Persistent => {
                let words = |key: &str| {
                    sorted(value.get(key).into_iter().flat_map(listed).map(|word| self.word(key, &DISPOSITION, word)))
                };
                under(name, [words("set") + &words("unset")])
            }
            Shape::Place => under(name, [self.place(value)]),
            Shape::Typed(item, vocabulary) => under(
                name,
                listed(value).map(|entry| {
                    let id = entry.get(item).map(|id| self.pair(item, id)).unwrap_or_default();
                    let kind = entry.get("type").map(|kind| self.word("type", vocabulary, kind)).unwrap_or_default();
                    id + &kind
                }),
            ),
            Shape::Sensors => under(name, listed(value).map(|element| self.sensor(element))),
        }
    }

    fn place(&self, value: &Value) -> String {
        match value.as_object() {
            Some(object) => self.fields(value, &["id"]) + &self.extensions(object.iter().filter(|(k, _)| *k != "id")),
            None => self.pair("id", value),
        }
    }

    fn sensor(&self, element: &Value) -> String {
        let metadata = element.get("sensorMetadata").map(|metadata| {
            under("sensorMetadata", [self.fields(metadata, METADATA) + &self.foreign(metadata, METADATA)])
        });
        let reports = element.get("sensorReport").into_iter().flat_map(listed);
        let reports = reports.map(|report| {
            let mut report = Cow::Borrowed(report);
            // Rule 16: the bare words of a report belong to GS1's web vocabulary.
            for (key, web) in [
                ("type", "https://gs1.org/voc/"),
                ("exception", "https://gs1.org/voc/"),
                ("component", "https://ref.gs1.org/cbv/Comp-"),
            ] {
                if let Some(word) = report.get(key).and_then(Value::as_str).filter(|word| is_bare(word)) {
                    let full = Value::from(format!("{web}{word}"));
                    if let Some(object) = report.to_mut().as_object_mut() {
                        object.insert(key.to_owned(), full);
                    }
                }
            }
            under("sensorReport", [self.fields(&report, REPORT) + &self.foreign(&report, REPORT)])
        });
        let body = metadata.unwrap_or_default() + &sorted(reports);
        under("sensorElement", [body + &self.foreign(element, &["sensorMetadata", "sensorReport"])])
    }

    fn fields(&self, value: &Value, order: &[&str]) -> String {
        let field = |name: &&str| {
            let field = value.get(name)?;
            Some(match (*name, field.as_str()) {
                ("time" | "startTime" | "endTime", Some(text)) => format!("{name}={}", time(text)),
                _ => self.pair(name, field),
            })
        };
        order.iter().filter_map(field).collect()
    }

    /// Rule 21: extensions follow the regular fields of what they stand in.
    fn foreign(&self, value: &Value, known: &[&str]) -> String {
        let object = value.as_object().into_iter().flatten();
        self.extensions(object.filter(|(name, _)| !known.contains(&name.as_str())))
    }

    /// Rules 19 and 20.
    fn extensions<'b>(&self, fields: impl Iterator<Item = (&'b String, &'b Value)>) -> String {
        let field = |(name, value): (&String, &'b Value)| {
            let name = self.name(name);
            listed(value).map(|item| self.extension(&name, item)).collect::<Vec<_>>()
        };
        sorted(fields.flat_map(field))
    }

    fn extension(&self, name: &str, value: &Value) -> String {
        match value {
            Value::Object(object) => {
                let text = object.get("#text").map(|text| self.pair(name, text)).unwrap_or_else(|| name.to_owned());
                let rest = object.iter().filter(|(key, _)| *key != "#text" && !key.starts_with("@xmlns"));
                text + &self.extensions(rest)
            }
            Value::Array(items) => sorted(items.iter().map(|item| self.extension(name, item))),
            Value::Null => String::new(),
            _ => self.pair(name, value),
        }
    }

    fn name(&self, name: &str) -> String {
        match self.namespaces.split(name) {
            Some((uri, local)) if self.spelling.braces => format!("{{{uri}}}{local}"),
            Some((uri, local)) => format!("{uri}{local}"),
            None => name.to_owned(),
        }
    }

    fn word(&self, name: &str, vocabulary: &Vocabulary, value: &Value) -> String {
        let Some(text) = value.as_str().filter(|text| !text.trim().is_empty()) else { return String::new() };
        format!("{name}={}", (self.spelling.word)(vocabulary, text))
    }

    /// `name=value`, with the value in its canonical form; nothing for an empty value (rule 4).
    fn pair(&self, name: &str, value: &Value) -> String {
        let text = match value {
            Value::String(text) => self.value(text.trim()),
            Value::Number(number) => decimal(&number.to_string()),
            Value::Bool(flag) => flag.to_string(),
            Value::Null | Value::Array(_) | Value::Object(_) => return String::new(),
        };
        if text.is_empty() { text } else { format!("{name}={text}") }
    }

    fn value(&self, text: &str) -> String {
        if let Some((uri, local)) = self.namespaces.split(text) {
            return format!("{uri}{local}");
        }
        (self.spelling.uri)(text).unwrap_or_else(|| decimal(text))
    }
}

/// The items of a list, or the one value that stands for it.
fn listed(value: &Value) -> impl Iterator<Item = &Value> {
    match value {
        Value::Array(items) => items.as_slice(),
        one => std::slice::from_ref(one),
    }
    .iter()
}

/// Rule 11: the items of a list by the values of their characters.
fn sorted(items: impl IntoIterator<Item = String>) -> String {
    let mut items: Vec<String> = items.into_iter().collect();
    items.sort_unstable();
    items.concat()
}

/// Items under a name that stands once, and only when there are any.
fn under(name: &str, items: impl IntoIterator<Item = String>) -> String {
    let items = sorted(items);
    if items.is_empty() { items } else { format!("{name}{items}") }
}

/// Rules 8 and 9: UTC with milliseconds. What is no time stays as it is.
fn time(text: &str) -> String {
    let Ok(time) = DateTime::parse_from_rfc3339(text.trim()) else { return text.trim().to_owned() };
    let rounded = time.with_timezone(&Utc).checked_add_signed(TimeDelta::microseconds(500));
    rounded.unwrap_or_default().to_rfc3339_opts(SecondsFormat::Millis, true)
}

/// Rule 6: a decimal number without signs and zeros that say nothing; any other text as it is.
fn decimal(text: &str) -> String {
    let (sign, digits) =
        text.strip_prefix('-').map_or(("", text.strip_prefix('+').unwrap_or(text)), |rest| ("-", rest));
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let sound = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
    if !sound(whole) || (digits.contains('.') && !sound(fraction)) {
        return text.to_owned();
    }
    let (whole, fraction) = (whole.trim_start_matches('0'), fraction.trim_end_matches('0'));
    match (whole, fraction) {
        ("", "") => "0".to_owned(),
        (whole, "") => format!("{sign}{whole}"),
        ("", fraction) => format!("{sign}0.{fraction}"),
        (whole, fraction) => format!("{sign}{whole}.{fraction}"),
    }
}

#[cfg(test)]
#[path = "hash_tests.rs"]
mod tests;
