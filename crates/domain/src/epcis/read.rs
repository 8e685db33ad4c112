//! Reads EPCIS 2.0 JSON-LD: `EPCISDocument`, `EPCISQueryDocument`, and events on their own.
//!
//! Only the shape is asked for that GS1's own tools and their users write; a JSON-LD processor isn't needed for it.
//! What is odd in an event takes that event out, with a reason, and never the document.

use super::{
    Epc, Namespaces, cut, event_hash_id,
    interpret::Left,
    vocabulary::{BIZ_STEP, DISPOSITION, PARTY, TRANSACTION},
};
use crate::{time::Timestamp, words::words};
use serde_json::{Map, Value};

words! {
    /// The kinds of event of EPCIS 2.0, section 7.4.
    EventKind {
        /// Something happened to things.
        Object => "ObjectEvent", "Object event";
        /// Things were put into or taken out of a container.
        Aggregation => "AggregationEvent", "Aggregation event";
        /// Things were fitted to or removed from another thing.
        Association => "AssociationEvent", "Association event";
        /// Things became linked to a business transaction.
        Transaction => "TransactionEvent", "Transaction event";
        /// Things became other things.
        Transformation => "TransformationEvent", "Transformation event";
    }
}

words! {
    /// What an event does to the life of things or to their bonds (EPCIS 2.0, section 7.3.2).
    Action {
        /// They came into being, or the bond did.
        Add => "ADD", "Add";
        /// Nothing changed.
        Observe => "OBSERVE", "Observe";
        /// They ceased to be, or the bond did.
        Delete => "DELETE", "Delete";
    }
}

words! {
    /// What a source or destination is (CBV 2.0, section 7.4).
    PartyKind {
        /// Who owns the things.
        Owner => "owning_party", "Owning party";
        /// Who has the things.
        Possessor => "possessing_party", "Possessing party";
        /// Where the things are.
        Location => "location", "Location";
        /// What another vocabulary says.
        Other => "other", "Other";
    }
}

/// A source or a destination.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Party {
    /// What it is.
    pub kind: PartyKind,
    /// Its URI.
    pub uri: String,
}

/// A business transaction, such as a purchase order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BizTransaction {
    /// CBV's word (`po`, `desadv`), or a URI, or empty.
    pub kind: String,
    /// Its URI.
    pub uri: String,
}

/// One event.
#[derive(Clone, Debug, PartialEq)]
pub struct EpcisEvent {
    /// Its identifier: the one it has, else [`event_hash_id`].
    pub id: String,
    /// Whether it came with its identifier.
    pub id_given: bool,
    /// What kind it is.
    pub kind: EventKind,
    /// When it happened.
    pub at: Timestamp,
    /// The offset from UTC where it happened: `-06:00`.
    pub offset: String,
    /// What it does; transformations have none.
    pub action: Option<Action>,
    /// CBV's bare word, or a URI, or empty.
    pub biz_step: String,
    /// CBV's bare word, or a URI, or empty.
    pub disposition: String,
    /// `epcList`.
    pub epcs: Vec<Epc>,
    /// `parentID`.
    pub parent: Option<Epc>,
    /// `childEPCs`.
    pub children: Vec<Epc>,
    /// `inputEPCList`.
    pub inputs: Vec<Epc>,
    /// `outputEPCList`.
    pub outputs: Vec<Epc>,
    /// Where it was seen.
    pub read_point: Option<String>,
    /// Where the things are from then on.
    pub biz_location: Option<String>,
    /// From whom or where.
    pub sources: Vec<Party>,
    /// To whom or where.
    pub destinations: Vec<Party>,
    /// What it belongs to.
    pub transactions: Vec<BizTransaction>,
    /// Whether it declares that an earlier event of the same identifier was wrong (section 7.4.1.4).
    pub withdrawn: bool,
    /// The event as it came.
    pub raw: Value,
}

/// A document's events, and what could not be read.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Document {
    /// When it was made, where it says so.
    pub created_at: Option<Timestamp>,
    /// The events, in the order of the document.
    pub events: Vec<EpcisEvent>,
    /// Events that are none, each with the reason.
    pub left: Vec<Left>,
}

/// Why a text is no EPCIS document.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EpcisError {
    /// Not UTF-8.
    #[error("byte {0} of the document is not UTF-8; JSON must be (RFC 8259, section 8.1): save it as UTF-8")]
    Encoding(usize),
    /// EPCIS's other syntax.
    #[error("the document is XML; this reads EPCIS 2.0 as JSON-LD: convert it first")]
    Xml,
    /// Not JSON.
    #[error("the document is not JSON (line {line}, column {column}): {message}")]
    Json {
        /// The line.
        line: usize,
        /// The column.
        column: usize,
        /// What is wrong there.
        message: String,
    },
    /// JSON of another kind.
    #[error(
        "the document is JSON but not EPCIS: its “type” is {0}; an EPCISDocument, an EPCISQueryDocument or one event is read"
    )]
    NotEpcis(String),
    /// No list of events.
    #[error("the document has no list of events: {0} is missing")]
    NoEvents(&'static str),
}

/// Reads a document from bytes.
///
/// # Errors
/// When it isn't EPCIS 2.0 in JSON-LD.
pub fn read_document_bytes(bytes: &[u8]) -> Result<Document, EpcisError> {
    let text = std::str::from_utf8(bytes).map_err(|error| EpcisError::Encoding(error.valid_up_to() + 1))?;
    read_document(text)
}

/// Reads a document.
///
/// # Errors
/// When it isn't EPCIS 2.0 in JSON-LD.
pub fn read_document(text: &str) -> Result<Document, EpcisError> {
    let text = text.trim_start_matches('\u{feff}');
    if text.trim_start().starts_with('<') {
        return Err(EpcisError::Xml);
    }
    let value: Value = serde_json::from_str(text).map_err(|error| EpcisError::Json {
        line: error.line(),
        column: error.column(),
        message: error.to_string().split(" at line ").next().unwrap_or_default().to_owned(),
    })?;
    from_value(value)
}

fn from_value(mut value: Value) -> Result<Document, EpcisError> {
    let namespaces = Namespaces::of(&value);
    let created_at = value.get("creationDate").and_then(Value::as_str).and_then(|t| Timestamp::parse(t).ok());
    let kind = kind_of(&value).to_owned();
    let events = match local(&kind) {
        "EPCISDocument" => taken(&mut value, "/epcisBody", "epcisBody.eventList")?,
        "EPCISQueryDocument" => {
            taken(&mut value, "/epcisBody/queryResults/resultsBody", "epcisBody.queryResults.resultsBody.eventList")?
        }
        other if other.parse::<EventKind>().is_ok() => vec![value.take()],
        _ => {
            return Err(EpcisError::NotEpcis(if kind.is_empty() { "missing".into() } else { format!("“{kind}”") }));
        }
    };
    let mut document = Document { created_at, ..Document::default() };
    if value.pointer("/epcisHeader/epcisMasterData").is_some_and(|data| !data.is_null()) {
        let why = "master data is not imported; enter custodians and models here".to_owned();
        document.left.push(Left { what: "epcisHeader.epcisMasterData".to_owned(), why });
    }
    for (index, raw) in events.into_iter().enumerate() {
        match event(raw, &namespaces) {
            Ok(event) => document.events.push(event),
            Err((what, why)) => document.left.push(Left { what: format!("event {} ({what})", index + 1), why }),
        }
    }
    Ok(document)
}

/// The events below a place: `eventList`, or the single `event` of early drafts.
fn taken(value: &mut Value, place: &str, name: &'static str) -> Result<Vec<Value>, EpcisError> {
    let body = value.pointer_mut(place).ok_or(EpcisError::NoEvents(name))?;
    match body.get_mut("eventList").map(Value::take) {
        Some(Value::Array(events)) => Ok(events),
        Some(one @ Value::Object(_)) => Ok(vec![one]),
        _ => body.get_mut("event").map(|one| vec![one.take()]).ok_or(EpcisError::NoEvents(name)),
    }
}

/// `type`, by the names that JSON-LD and drafts of EPCIS gave it.
fn kind_of(value: &Value) -> &str {
    ["type", "@type", "isA"].iter().find_map(|key| value.get(key)?.as_str()).unwrap_or_default()
}

/// A type without its namespace.
fn local(kind: &str) -> &str {
    ["https://ref.gs1.org/epcis/", "epcis:"].iter().find_map(|prefix| kind.strip_prefix(prefix)).unwrap_or(kind)
}

/// What an event that can't be read is called by, and why it can't.
type Refused = (String, String);

fn event(raw: Value, namespaces: &Namespaces) -> Result<EpcisEvent, Refused> {
    let name = event_identifier(&raw).unwrap_or_else(|| kind_of(&raw).chars().take(64).collect());
    let refuse = |why: &str| (if name.is_empty() { "no name".to_owned() } else { cut(&name) }, why.to_owned());
    let Some(object) = raw.as_object() else { return Err(refuse("it is not a JSON object")) };
    if holds_nul(&raw) {
        return Err(refuse("a text in it holds the character NUL, which can't be kept"));
    }
    let Ok(kind) = local(kind_of(&raw)).parse::<EventKind>() else {
        return Err(refuse("its type is none of EPCIS 2.0's five; what such an event means is not known here"));
    };
    let Some(time) = text(object, "eventTime") else { return Err(refuse("it has no eventTime")) };
    let Ok(at) = Timestamp::parse(time) else {
        return Err(refuse("its eventTime is no time; EPCIS wants one like 2026-11-02T08:26:00+01:00"));
    };
    let action = match text(object, "action").map(str::parse::<Action>) {
        Some(Ok(action)) => Some(action),
        Some(Err(_)) => return Err(refuse("its action is none of ADD, OBSERVE, DELETE")),
        None if kind == EventKind::Transformation => None,
        None => return Err(refuse("it has no action")),
    };
    let given = event_identifier(&raw);
    let mut event = EpcisEvent {
        id: String::new(),
        id_given: given.is_some(),
        kind,
        at,
        offset: offset(object, time),
        action,
        biz_step: cut(BIZ_STEP.bare(text(object, "bizStep").unwrap_or_default())),
        disposition: cut(DISPOSITION.bare(text(object, "disposition").unwrap_or_default())),
        epcs: epcs(object, "epcList"),
        parent: text(object, "parentID").map(Epc::parse),
        children: epcs(object, "childEPCs"),
        inputs: epcs(object, "inputEPCList"),
        outputs: epcs(object, "outputEPCList"),
        read_point: place(object, "readPoint"),
        biz_location: place(object, "bizLocation"),
        sources: parties(object, "sourceList", "source"),
        destinations: parties(object, "destinationList", "destination"),
        transactions: transactions(object),
        withdrawn: object.get("errorDeclaration").is_some_and(|declared| !declared.is_null()),
        raw: Value::Null,
    };
    event.id = given.unwrap_or_else(|| event_hash_id(&raw, namespaces));
    event.raw = raw;
    Ok(event)
}

/// PostgreSQL keeps no NUL, neither in texts nor in JSON.
fn holds_nul(value: &Value) -> bool {
    match value {
        Value::String(text) => text.contains('\0'),
        Value::Array(items) => items.iter().any(holds_nul),
        Value::Object(fields) => fields.iter().any(|(key, value)| key.contains('\0') || holds_nul(value)),
        _ => false,
    }
}

/// The identifier that an event came with.
#[must_use]
pub fn event_identifier(raw: &Value) -> Option<String> {
    let id = raw.get("eventID")?.as_str()?.trim();
    (!id.is_empty() && id.len() <= 2 * super::TEXT_MAX).then(|| id.to_owned())
}

fn text<'a>(object: &'a Map<String, Value>, key: &str) -> Option<&'a str> {
    object.get(key)?.as_str().map(str::trim).filter(|text| !text.is_empty())
}

/// A list; a single value stands for a list of one, as JSON-LD allows.
fn items<'a>(object: &'a Map<String, Value>, key: &str) -> &'a [Value] {
    match object.get(key) {
        Some(Value::Array(items)) => items,
        Some(Value::Null) | None => &[],
        Some(one) => std::slice::from_ref(one),
    }
}

fn epcs(object: &Map<String, Value>, key: &str) -> Vec<Epc> {
    items(object, key).iter().filter_map(Value::as_str).map(Epc::parse).collect()
}

fn place(object: &Map<String, Value>, key: &str) -> Option<String> {
    let place = object.get(key)?;
    let uri = place.as_str().or_else(|| place.get("id")?.as_str())?.trim();
    (!uri.is_empty()).then(|| cut(uri))
}

fn parties(object: &Map<String, Value>, list: &str, key: &str) -> Vec<Party> {
    let party = |item: &Value| {
        let uri = item.get(key)?.as_str()?.trim();
        let kind = PARTY.bare(item.get("type").and_then(Value::as_str).unwrap_or_default());
        Some(Party { kind: kind.parse().unwrap_or(PartyKind::Other), uri: cut(uri) })
    };
    items(object, list).iter().filter_map(party).collect()
}

fn transactions(object: &Map<String, Value>) -> Vec<BizTransaction> {
    let transaction = |item: &Value| {
        let uri = item.get("bizTransaction")?.as_str()?.trim();
        let kind = TRANSACTION.bare(item.get("type").and_then(Value::as_str).unwrap_or_default());
        Some(BizTransaction { kind: cut(kind), uri: cut(uri) })
    };
    items(object, "bizTransactionList").iter().filter_map(transaction).collect()
}

/// `eventTimeZoneOffset`; where it is missing or odd, the offset of `eventTime` itself.
fn offset(object: &Map<String, Value>, time: &str) -> String {
    let sound = |text: &str| {
        let bytes = text.as_bytes();
        matches!(bytes, [b'+' | b'-', a, b, b':', c, d] if [a, b, c, d].iter().all(|digit| digit.is_ascii_digit()))
    };
    if let Some(offset) = text(object, "eventTimeZoneOffset").filter(|offset| sound(offset)) {
        return offset.to_owned();
    }
    let end = time.len().checked_sub(6).and_then(|at| time.get(at..)).filter(|end| sound(end));
    end.unwrap_or("+00:00").to_owned()
}
