//! History as EPCIS 2.0 documents. What was imported is given back as it came, each event once; the rest is written in
//! the words of [`domain::epcis::export`].

use crate::{Actor, Error, Fleet, Result, catalogue::Catalogue};
use domain::{
    custody::Holder,
    device::Device,
    epcis::{BIZ_STEPS, DISPOSITIONS, DeviceFacts, custodian_location, document, export, main_event_id},
    history::Entry,
    id::BatchId,
    person::Permission,
    time::Timestamp,
};
use futures::{Stream, TryStreamExt, stream};
use serde_json::{Map, Value};
use std::{
    collections::{HashMap, HashSet},
    hash::{BuildHasher, RandomState},
};
use store::export::RawEvent;

/// How many devices' histories are read at a time.
const PAGE: i64 = 200;

impl Fleet {
    /// A device's whole history as an EPCIS document. A parsed value has its own order of keys; for events word for
    /// word take [`Fleet::epcis_text_of_device`].
    ///
    /// # Errors
    /// When the actor may not see the fleet, or there is no such device.
    pub async fn epcis_of_device(&self, actor: &Actor, serial: &str) -> Result<Value> {
        let text = self.epcis_text_of_device(actor, serial).await?;
        serde_json::from_str(&text).map_err(Error::internal)
    }

    /// A device's whole history as the text of an EPCIS document.
    ///
    /// # Errors
    /// When the actor may not see the fleet, or there is no such device.
    pub async fn epcis_text_of_device(&self, actor: &Actor, serial: &str) -> Result<String> {
        let device = self.device(actor, serial).await?;
        let writer = self.epcis_writer(Devices::One(Box::new(device))).await?;
        stream::try_unfold(writer, Writer::next).try_collect().await
    }

    /// The histories of all devices of a batch as one EPCIS document, in pieces.
    ///
    /// # Errors
    /// When the actor may not see the fleet, or there is no such batch. Errors of the database end the stream.
    pub async fn epcis_of_batch(
        &self,
        actor: &Actor,
        code: &str,
    ) -> Result<impl Stream<Item = Result<String>> + Send + 'static> {
        let (batch, ..) = self.batch(actor, code).await?;
        actor.require(Permission::FleetRead)?;
        let writer = self.epcis_writer(Devices::Batch { batch: batch.id, after: String::new() }).await?;
        Ok(stream::try_unfold(writer, Writer::next))
    }

    async fn epcis_writer(&self, devices: Devices) -> Result<Writer> {
        let names = self.load_catalogue().await?;
        let now = self.now();
        Ok(Writer {
            fleet: self.clone(),
            names,
            now,
            devices,
            given: Given::default(),
            stage: Stage::Head,
            first: true,
        })
    }
}

enum Devices {
    One(Box<Device>),
    Batch { batch: BatchId, after: String },
    None,
}

#[derive(Clone, Copy)]
enum Stage {
    Head,
    Events,
    End,
}

/// Identifiers of imported events that were given back: 8 bytes each.
#[derive(Default)]
struct Given {
    keys: RandomState,
    seen: HashSet<u64>,
}

impl Given {
    fn is_fresh(&mut self, id: &str) -> bool {
        self.seen.insert(self.keys.hash_one(id))
    }
}

/// A document being written.
struct Writer {
    fleet: Fleet,
    names: Catalogue,
    now: Timestamp,
    devices: Devices,
    given: Given,
    stage: Stage,
    first: bool,
}

/// What stands before and after the events of a document.
fn frame(now: Timestamp) -> Result<(String, String)> {
    let text = document(Vec::new(), now).to_string();
    let mark = "\"eventList\":[";
    let at = text.find(mark).ok_or_else(|| Error::internal(std::io::Error::other("a document without a list")))?;
    let (head, tail) = text.split_at(at + mark.len());
    Ok((head.to_owned(), tail.to_owned()))
}

impl Writer {
    async fn next(mut self) -> Result<Option<(String, Self)>> {
        let (head, tail) = frame(self.now)?;
        match self.stage {
            Stage::Head => {
                self.stage = Stage::Events;
                Ok(Some((head, self)))
            }
            Stage::Events => {
                let devices = self.page().await?;
                if devices.is_empty() {
                    self.stage = Stage::End;
                    return Ok(Some((tail, self)));
                }
                let text = self.events(&devices).await?;
                Ok(Some((text, self)))
            }
            Stage::End => Ok(None),
        }
    }

    async fn page(&mut self) -> Result<Vec<Device>> {
        match std::mem::replace(&mut self.devices, Devices::None) {
            Devices::None => Ok(Vec::new()),
            Devices::One(device) => Ok(vec![*device]),
            Devices::Batch { batch, after } => {
                let from = after.as_str();
                let read = |db| async move { store::export::of_batch(&db, batch, from, PAGE).await };
                let devices = self.fleet.listed(read).await?;
                if let Some(last) = devices.last() {
                    self.devices = Devices::Batch { batch, after: last.serial.clone() };
                }
                Ok(devices)
            }
        }
    }

    async fn events(&mut self, devices: &[Device]) -> Result<String> {
        let ids: Vec<_> = devices.iter().map(|device| device.id).collect();
        let asked = ids.as_slice();
        let histories = self.fleet.listed(|db| async move { store::export::histories(&db, asked).await }).await?;
        let written: Vec<Value> = devices.iter().flat_map(|device| self.written(device, &histories)).collect();
        let imported: HashSet<&str> =
            histories.values().flatten().filter_map(|entry| entry.epcis_event_id.as_deref()).collect();
        let wanted: Vec<String> = written
            .iter()
            .filter_map(|event| event["eventID"].as_str())
            .filter(|id| imported.contains(main_event_id(id).as_str()))
            .map(str::to_owned)
            .collect();
        let wanted: Vec<&str> = wanted.iter().map(String::as_str).collect();
        let asked = wanted.as_slice();
        let raw = self.fleet.listed(|db| async move { store::export::raw_events(&db, asked).await }).await?;
        let mut out = String::new();
        for event in written {
            let id = event["eventID"].as_str().unwrap_or_default();
            let text = match raw.get(id).and_then(given_back) {
                Some(_) if !self.given.is_fresh(id) => continue,
                Some(text) => text,
                None => event.to_string(),
            };
            if !std::mem::take(&mut self.first) {
                out.push(',');
            }
            out.push('\n');
            out.push_str(&text);
        }
        Ok(out)
    }

    fn written(&self, device: &Device, histories: &HashMap<domain::id::DeviceId, Vec<Entry>>) -> Vec<Value> {
        let sgtin = self.names.model(device.model_id).map_or("", |model| model.sgtin.as_str());
        let entries = histories.get(&device.id).map(Vec::as_slice).unwrap_or_default();
        let location = |holder: &Holder| self.names.custodian(holder.id).map(custodian_location);
        export(&DeviceFacts::new(&device.serial, sgtin), entries, &location)
    }
}

/// An imported event as it came, with the prefixes that its document declared. None when GS1's schema would not have
/// it: we read more leniently than we write, and what is odd is written in our own words.
fn given_back(event: &RawEvent) -> Option<String> {
    let value: Map<String, Value> = serde_json::from_str(&event.raw).ok()?;
    if !fits(&value) {
        return None;
    }
    if event.context.is_empty() || value.contains_key("@context") {
        return Some(event.raw.clone());
    }
    let rest = event.raw.trim_start().strip_prefix('{')?;
    Some(format!("{{\"@context\":[{}],{rest}", event.context))
}

/// Whether an event keeps to the parts of GS1's schema in which documents stray.
fn fits(event: &Map<String, Value>) -> bool {
    let text = |key: &str| event.get(key).and_then(Value::as_str);
    let optional = |key: &str, sound: &dyn Fn(&Value) -> bool| event.get(key).is_none_or(sound);
    let required: &[&str] = match text("type") {
        Some("ObjectEvent" | "TransactionEvent" | "AggregationEvent" | "AssociationEvent") => &["action"],
        Some("TransformationEvent") => &[],
        _ => return false,
    };
    required.iter().all(|key| text(key).is_some())
        && text("eventTime").is_some_and(is_time)
        && optional("recordTime", &|time| time.as_str().is_some_and(is_time))
        && text("eventTimeZoneOffset").is_some_and(is_offset)
        && optional("eventID", &is_uri)
        && optional("parentID", &is_uri)
        && ["epcList", "childEPCs", "inputEPCList", "outputEPCList"].iter().all(|key| optional(key, &are_uris))
        && optional("bizStep", &|word| is_word(word, BIZ_STEPS))
        && optional("disposition", &|word| is_word(word, DISPOSITIONS))
        && ["readPoint", "bizLocation"].iter().all(|key| optional(key, &|place| place.get("id").is_some_and(is_uri)))
        && ["bizTransactionList", "sourceList", "destinationList", "quantityList", "childQuantityList"]
            .iter()
            .all(|key| optional(key, &|list| list.as_array().is_some_and(|list| list.iter().all(Value::is_object))))
        && event.keys().all(|key| key.contains(':') || KNOWN.contains(&key.as_str()))
}

/// The names of GS1's schema that events may have without a prefix.
const KNOWN: &[&str] = &[
    "@context",
    "type",
    "eventID",
    "eventTime",
    "recordTime",
    "eventTimeZoneOffset",
    "certificationInfo",
    "errorDeclaration",
    "action",
    "bizStep",
    "disposition",
    "persistentDisposition",
    "readPoint",
    "bizLocation",
    "bizTransactionList",
    "sourceList",
    "destinationList",
    "sensorElementList",
    "epcList",
    "quantityList",
    "parentID",
    "childEPCs",
    "childQuantityList",
    "inputEPCList",
    "outputEPCList",
    "inputQuantityList",
    "outputQuantityList",
    "transformationID",
    "ilmd",
];

fn is_time(text: &str) -> bool {
    text.contains('T') && Timestamp::parse(text).is_ok()
}

fn is_offset(text: &str) -> bool {
    match text.as_bytes() {
        [b'+' | b'-', b'1', b'4', b':', b'0', b'0'] => true,
        [b'+' | b'-', a, b, b':', c, d] => {
            (*a == b'0' && b.is_ascii_digit() || *a == b'1' && (b'0'..=b'3').contains(b))
                && (b'0'..=b'5').contains(c)
                && d.is_ascii_digit()
        }
        _ => false,
    }
}

fn is_uri(value: &Value) -> bool {
    value.as_str().is_some_and(|uri| {
        let (scheme, rest) = uri.split_once(':').unwrap_or_default();
        scheme.starts_with(|c: char| c.is_ascii_alphabetic())
            && scheme.bytes().all(|b| b.is_ascii_alphanumeric() || b"+-.".contains(&b))
            && !rest.is_empty()
            && rest.bytes().all(|b| b.is_ascii_graphic() && !b"\"<>\\^`{|}".contains(&b))
    })
}

fn are_uris(value: &Value) -> bool {
    value.as_array().is_some_and(|list| {
        let mut seen = HashSet::new();
        list.iter().all(|uri| is_uri(uri) && seen.insert(uri.as_str().unwrap_or_default()))
    })
}

/// One of GS1's bare words, or a URI that is none of theirs.
fn is_word(value: &Value, words: &[&str]) -> bool {
    value.as_str().is_some_and(|word| words.contains(&word))
        || is_uri(value)
            && value.as_str().is_some_and(|uri| {
                !["urn:epcglobal:cbv", "http://ns.gs1.org/cbv/", "https://ns.gs1.org/cbv/"]
                    .iter()
                    .any(|reserved| uri.starts_with(reserved))
            })
}
