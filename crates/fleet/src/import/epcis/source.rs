//! A document's text and where its events stand in it.

use crate::{
    Result,
    import::{epcis::EPCIS_MAX, spool, text},
};
use domain::{
    epcis::{EpcisError, EpcisEvent, Left, main_event_id, read_document},
    time::Timestamp,
};
use serde::Deserialize;
use serde_json::{Map, Value, value::RawValue};
use std::{io::Read, ops::Range, path::Path, sync::atomic::Ordering};

/// A document.
pub(super) struct Source {
    text: String,
    /// `@context`, as it is written.
    raw_context: String,
    /// The prefixes of `@context` alone, as a JSON object; empty for none.
    context: String,
    events: Vec<Range<usize>>,
    groups: Vec<Vec<usize>>,
    bytes: i64,
}

#[derive(Deserialize)]
struct Envelope<'a> {
    #[serde(borrow, rename = "@context")]
    context: Option<&'a RawValue>,
    #[serde(rename = "type", alias = "@type", alias = "isA")]
    kind: String,
    #[serde(borrow, rename = "epcisBody")]
    body: Body<'a>,
}

#[derive(Deserialize)]
struct Body<'a> {
    #[serde(borrow, rename = "eventList")]
    events: Option<&'a RawValue>,
    #[serde(borrow, rename = "queryResults")]
    results: Option<Results<'a>>,
}

#[derive(Deserialize)]
struct Results<'a> {
    #[serde(borrow, rename = "resultsBody")]
    body: Option<ResultsBody<'a>>,
}

#[derive(Deserialize)]
struct ResultsBody<'a> {
    #[serde(borrow, rename = "eventList")]
    events: Option<&'a RawValue>,
}

/// Where a document can't be read and why: a line, or 0, and a sentence.
type Refusal = (u64, String);

impl Source {
    /// Reads a document. The inner error is what is wrong with it, the outer one is ours.
    pub(super) fn read(path: &Path) -> Result<std::result::Result<Self, Refusal>> {
        let size = std::fs::metadata(path).map_err(spool::trouble)?.len();
        if size > EPCIS_MAX {
            let most = EPCIS_MAX >> 20;
            let why = format!("an EPCIS document may have {most} MiB at most; split it by events");
            return Ok(Err((0, why)));
        }
        let mut reader = text::open(path).map_err(spool::trouble)?;
        let mut bytes = Vec::new();
        if let Err(error) = reader.read_to_end(&mut bytes) {
            return match reader.broken.get() {
                Some((line, why)) => Ok(Err((*line, why.clone()))),
                None => Err(spool::trouble(error)),
            };
        }
        let read = i64::try_from(reader.bytes.load(Ordering::Relaxed)).unwrap_or(i64::MAX);
        Ok(match String::from_utf8(bytes) {
            Ok(text) => Self::split(text.trim_start_matches('\u{feff}').to_owned(), read).map_err(|e| refusal(&e)),
            Err(_) => Err((0, "the file is not text; an EPCIS document is JSON".to_owned())),
        })
    }

    fn split(text: String, bytes: i64) -> std::result::Result<Self, EpcisError> {
        let trimmed = text.trim_start();
        if trimmed.starts_with('<') {
            return Err(EpcisError::Xml);
        }
        let (raw_context, events) = match enveloped(&text) {
            Some(found) => found,
            None => bare(&text)?,
        };
        let context = prefixes(&raw_context);
        let mut source = Self { text, raw_context, context, events, groups: Vec::new(), bytes };
        source.groups = source.grouped();
        Ok(source)
    }

    /// The events' numbers in the order of time; two events of one change of parts stand together.
    fn grouped(&self) -> Vec<Vec<usize>> {
        let mut order: Vec<(Timestamp, usize, String)> = Vec::with_capacity(self.events.len());
        for index in 0..self.events.len() {
            let (at, id) = self.event(index).map(|event| (event.at, event.id)).unwrap_or_default();
            order.push((at, index, id));
        }
        order.sort_by_key(|(at, index, _)| (*at, *index));
        let mut groups: Vec<Vec<usize>> = Vec::with_capacity(order.len());
        let mut before = String::new();
        for (_, index, id) in order {
            let continues = !before.is_empty() && before != id && main_event_id(&before) == main_event_id(&id);
            match groups.last_mut().filter(|_| continues) {
                Some(group) => group.push(index),
                None => groups.push(vec![index]),
            }
            before = id;
        }
        groups
    }

    /// Events that belong together, in the order of time.
    pub(super) fn groups(&self) -> &[Vec<usize>] {
        &self.groups
    }

    /// How large the file is.
    pub(super) const fn bytes(&self) -> i64 {
        self.bytes
    }

    /// The prefixes that the document declares, as a JSON object, or empty.
    pub(super) fn context(&self) -> &str {
        &self.context
    }

    /// An event's text, word for word.
    pub(super) fn raw(&self, index: usize) -> &str {
        self.events.get(index).and_then(|range| self.text.get(range.clone())).unwrap_or_default()
    }

    /// How many events there are.
    pub(super) fn len(&self) -> usize {
        self.events.len()
    }

    /// An event, or why it can't be read.
    pub(super) fn event(&self, index: usize) -> std::result::Result<EpcisEvent, Left> {
        let alone = format!(
            r#"{{"@context":{},"type":"EPCISDocument","epcisBody":{{"eventList":[{}]}}}}"#,
            self.raw_context,
            self.raw(index)
        );
        let name = format!("event {}", index + 1);
        let document = read_document(&alone).map_err(|error| Left { what: name.clone(), why: error.to_string() })?;
        match (document.events.into_iter().next(), document.left.into_iter().next()) {
            (Some(event), _) => Ok(event),
            (None, Some(left)) => Err(Left { what: left.what.replacen("event 1", &name, 1), why: left.why }),
            (None, None) => Err(Left { what: name, why: "it is empty".to_owned() }),
        }
    }
}

fn refusal(error: &EpcisError) -> Refusal {
    let line = if let EpcisError::Json { line, .. } = error { *line as u64 } else { 0 };
    (line, error.to_string())
}

type Found = (String, Vec<Range<usize>>);

/// Where the events of a document stand; none when it is not built like one, for [`bare`] to say what it is.
fn enveloped(text: &str) -> Option<Found> {
    let envelope: Envelope<'_> = serde_json::from_str(text).ok()?;
    if !envelope.kind.ends_with("EPCISDocument") && !envelope.kind.ends_with("EPCISQueryDocument") {
        return None;
    }
    let list = envelope.body.events.or_else(|| envelope.body.results?.body?.events)?;
    let events: Vec<&RawValue> = match list.get().as_bytes().first()? {
        b'[' => serde_json::from_str(list.get()).ok()?,
        b'{' => vec![list],
        _ => return None,
    };
    let context = envelope.context.map_or_else(|| "[]".to_owned(), |context| context.get().to_owned());
    Some((context, events.into_iter().map(|event| range(text, event.get())).collect()))
}

/// A single event, or what is wrong with the text.
fn bare(text: &str) -> std::result::Result<Found, EpcisError> {
    let document = read_document(text)?;
    if document.events.len() + document.left.len() > 1 {
        return Err(EpcisError::NoEvents("epcisBody.eventList"));
    }
    let context = document.events.first().and_then(|event| event.raw.get("@context")).map(ToString::to_string);
    Ok((context.unwrap_or_else(|| "[]".to_owned()), vec![range(text, text.trim())]))
}

/// Where a part of a text stands in it.
fn range(text: &str, part: &str) -> Range<usize> {
    let start = (part.as_ptr() as usize).saturating_sub(text.as_ptr() as usize);
    start..start + part.len()
}

/// The objects of a context, merged; what is named by address means itself everywhere.
fn prefixes(raw_context: &str) -> String {
    let contexts = match serde_json::from_str::<Value>(raw_context) {
        Ok(Value::Array(contexts)) => contexts,
        Ok(one) => vec![one],
        Err(_) => return String::new(),
    };
    let mut merged = Map::new();
    for context in contexts {
        if let Value::Object(context) = context {
            merged.extend(context);
        }
    }
    if merged.is_empty() { String::new() } else { Value::Object(merged).to_string() }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;

    const EVENT: &str = r#"{ "type":"ObjectEvent", "eventTime":"2026-01-01T00:00:00Z","eventTimeZoneOffset":"+00:00",
        "action":"OBSERVE", "a:number": 1.10, "epcList":["urn:x:1"]}"#;

    #[test]
    fn events_are_kept_word_for_word() {
        let text = format!(
            r#" {{"@context":["https://x.example",{{"a":"https://a.example/"}}],"type":"EPCISDocument",
            "epcisBody":{{"eventList":[ {EVENT} ,7]}}}}"#
        );
        let source = Source::split(text, 0).unwrap();
        assert_eq!((source.raw(0), source.raw(1), source.len()), (EVENT, "7", 2));
        assert_eq!(source.context(), r#"{"a":"https://a.example/"}"#);
        assert!(source.event(0).is_ok());
        assert!(source.event(1).unwrap_err().what.starts_with("event 2"));
    }

    #[test]
    fn one_event_is_a_document_too() {
        let source = Source::split(format!("\n{EVENT}\n"), 0).unwrap();
        assert_eq!((source.raw(0), source.len()), (EVENT, 1));
        assert!(Source::split(r#"{"type":"Invoice"}"#.into(), 0).is_err());
        assert!(Source::split("{".into(), 0).is_err());
        assert!(matches!(Source::split(" <a/>".into(), 0), Err(EpcisError::Xml)));
    }
}
