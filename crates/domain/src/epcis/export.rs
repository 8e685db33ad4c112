//! Writes a device's history as EPCIS 2.0 events.
//!
//! Each history entry becomes one event, a manifest that fits and removes parts two. What EPCIS has a word for is said
//! in that word; everything carries its full payload as an extension (see [`super::NAMESPACE`]). Identifiers are
//! stable: `urn:uuid:<entry>`, or the one that the entry was imported with; the second event of an entry has
//! `#removed` at its end. An entry that a correction voids is written with an error declaration (section 7.4.1.4).

use super::{
    CONTEXT, Epc, NAMESPACE,
    location::party,
    own_location, part_uri, percent_decode, percent_encode,
    vocabulary::{BIZ_STEPS, DISPOSITIONS, is_uri, writable},
};
use crate::{
    component::Part,
    custody::{Holder, slug},
    history::{Entry, Event, voided},
    id::HistoryId,
    time::Timestamp,
};
use serde_json::{Map, Value, json};
use std::collections::HashMap;
use uuid::Uuid;

/// What identifies the device whose history is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeviceFacts {
    /// Its serial.
    pub serial: String,
    /// Its EPC, as [`device_epc`] makes it.
    pub epc: String,
}

impl DeviceFacts {
    /// The facts of a device whose model has this SGTIN class (or none).
    #[must_use]
    pub fn new(serial: &str, sgtin: &str) -> Self {
        Self { serial: serial.to_owned(), epc: device_epc(serial, sgtin) }
    }
}

/// A device's EPC: its SGTIN where the model has a company prefix and item reference (`0614141.107346`) and the serial
/// fits (20 characters; GS1 General Specifications, section 3.5.2), else `urn:dev:muster:<serial>`.
#[must_use]
pub fn device_epc(serial: &str, sgtin: &str) -> String {
    let serial = serial.to_owned();
    if super::is_sgtin_class(sgtin) && serial.len() <= 20 {
        Epc::Sgtin { class: sgtin.to_owned(), serial }.uri()
    } else {
        Epc::Device { serial }.uri()
    }
}

const SECOND_EVENT: &str = "#removed";

/// The identifier of an entry's (first) event.
#[must_use]
pub fn event_id(entry: &Entry) -> String {
    match &entry.epcis_event_id {
        Some(id) if is_uri(id) => id.clone(),
        Some(id) => format!("{NAMESPACE}event/{}", percent_encode(id, b"-._~")),
        None => format!("urn:uuid:{}", entry.id),
    }
}

/// The identifier that an entry imported from this event has or gets: without what our export added to it.
#[must_use]
pub fn main_event_id(id: &str) -> String {
    let id = id.strip_suffix(SECOND_EVENT).unwrap_or(id);
    let foreign = id.strip_prefix(NAMESPACE).and_then(|rest| percent_decode(rest.strip_prefix("event/")?));
    foreign.unwrap_or_else(|| id.to_owned())
}

/// The entry of which this is the identifier in our own export. Whether there is such an entry is for the caller to see.
#[must_use]
pub fn own_entry(id: &str) -> Option<HistoryId> {
    let uuid = id.strip_suffix(SECOND_EVENT).unwrap_or(id).strip_prefix("urn:uuid:")?;
    Uuid::parse_str(uuid).ok().map(HistoryId)
}

/// A device's history as events, in the order of time. `location` gives the URI of a holder's location
/// ([`super::custodian_location`]); where it has none, one is made from the name.
#[must_use]
pub fn export(device: &DeviceFacts, entries: &[Entry], location: &dyn Fn(&Holder) -> Option<String>) -> Vec<Value> {
    let void = voided(entries);
    let mut sorted: Vec<&Entry> = entries.iter().collect();
    sorted.sort_by_key(|entry| (entry.at, entry.id));
    let mut writer = Writer { device, location, holder: None };
    let mut out = Vec::with_capacity(sorted.len());
    for entry in sorted {
        let mut events = writer.entry(entry);
        if void.contains(&entry.id) {
            let declared = declaration(entry.id, entries, &void);
            for event in &mut events {
                event["errorDeclaration"] = declared.clone();
            }
        } else if let Some(holder) = entry.event.holder_after() {
            writer.holder = Some(holder.clone());
        }
        out.append(&mut events);
    }
    out
}

/// Events as one document. Events of the same identifier that differ in their things only (one shipment of many
/// devices) become one event again.
#[must_use]
pub fn document(events: Vec<Value>, creation_date: Timestamp) -> Value {
    json!({
        "@context": [CONTEXT, {
            "muster": NAMESPACE,
            "muster:event": { "@id": format!("{NAMESPACE}event"), "@type": "@json" }
        }],
        "type": "EPCISDocument",
        "schemaVersion": "2.0",
        "creationDate": creation_date.rfc3339(),
        "epcisBody": { "eventList": merged(events) }
    })
}

fn merged(events: Vec<Value>) -> Vec<Value> {
    let mut places: HashMap<String, usize> = HashMap::new();
    let mut out: Vec<Value> = Vec::with_capacity(events.len());
    for mut event in events {
        let id = event.get("eventID").and_then(Value::as_str).unwrap_or_default().to_owned();
        let first = places.get(&id).and_then(|at| out.get_mut(*at)).filter(|first| differ_in_things(first, &event));
        match (first.and_then(things), things(&mut event)) {
            (Some(list), Some(more)) => {
                let new: Vec<Value> = more.drain(..).filter(|epc| !list.contains(epc)).collect();
                list.extend(new);
            }
            _ => {
                places.entry(id).or_insert(out.len());
                out.push(event);
            }
        }
    }
    out
}

fn things(event: &mut Value) -> Option<&mut Vec<Value>> {
    event.get_mut("epcList")?.as_array_mut()
}

/// Whether two events say the same of different things. When each was recorded doesn't count.
fn differ_in_things(one: &Value, other: &Value) -> bool {
    let essence = |event: &Value| {
        let object = event.as_object().into_iter().flatten();
        let told = object.filter(|(name, _)| !matches!(name.as_str(), "epcList" | "recordTime"));
        told.map(|(name, value)| (name.clone(), value.clone())).collect::<Map<String, Value>>()
    };
    essence(one) == essence(other)
}

/// When the entry was found to be wrong: by the latest correction that still holds.
fn declaration(id: HistoryId, entries: &[Entry], void: &[HistoryId]) -> Value {
    let corrections =
        entries.iter().filter(|entry| matches!(entry.event, Event::Corrected { entry, .. } if entry == id));
    let at = corrections.filter(|entry| !void.contains(&entry.id)).map(|entry| entry.recorded_at).max();
    json!({ "declarationTime": at.unwrap_or_default().rfc3339(), "reason": "incorrect_data" })
}

/// The words of CBV for an event, and who or where it is about.
struct Words<'a> {
    action: &'static str,
    step: &'a str,
    disposition: &'a str,
    /// Where the device is from then on; `None` is where it was.
    location: Option<&'a Holder>,
    /// To whom it goes; the flag says whether that one owns it then.
    to: Option<(&'a Holder, bool)>,
    reference: &'a str,
}

impl<'a> Words<'a> {
    const fn of(step: &'a str, disposition: &'a str) -> Self {
        Self { action: "OBSERVE", step, disposition, location: None, to: None, reference: "" }
    }

    /// What EPCIS has words for. The rest is named by its kind in our namespace.
    fn for_event(event: &'a Event) -> Self {
        match event {
            Event::Manufactured { by, .. } => {
                Self { action: "ADD", location: Some(by), ..Self::of("commissioning", "active") }
            }
            Event::Shipped { to, reference, .. } => {
                Self { to: Some((to, false)), reference, ..Self::of("shipping", "in_transit") }
            }
            Event::Received { by, reference } => {
                Self { location: Some(by), reference, ..Self::of("receiving", "in_progress") }
            }
            Event::Claimed { by } => {
                Self { location: Some(by), to: Some((by, true)), ..Self::of("accepting", "active") }
            }
            Event::Transferred { to, reference } => Self {
                location: Some(to),
                to: Some((to, true)),
                reference,
                ..Self::of("retail_selling", "retail_sold")
            },
            Event::Returned { to, .. } => {
                Self { location: Some(to), to: Some((to, false)), ..Self::of("collecting", "returned") }
            }
            Event::ManifestRecorded { .. } => Self::of("inspecting", ""),
            Event::HardwareReported { .. } => Self::of("inspecting", "conformant"),
            Event::HardwareMismatch { .. } => Self::of("inspecting", "non_conformant"),
            Event::CloneSuspected { .. } => Self::of("inspecting", "no_pedigree_match"),
            Event::RepairOpened { .. } => Self::of("repairing", "damaged"),
            Event::RepairAuthorised { .. } => Self::of("repairing", "in_progress"),
            Event::RepairClosed { .. } => Self::of("repairing", "available"),
            Event::Quarantined { .. } => Self::of("holding", "unavailable"),
            Event::Released { .. } => Self::of("inspecting", "available"),
            Event::Retired { .. } => Self { action: "DELETE", ..Self::of("decommissioning", "inactive") },
            Event::Destroyed { .. } => Self { action: "DELETE", ..Self::of("destroying", "destroyed") },
            Event::Observed { biz_step, disposition } => Self::of(biz_step, disposition),
            Event::CertificateIssued { .. }
            | Event::CertificateRenewed { .. }
            | Event::CertificateHeld { .. }
            | Event::CertificateRevoked { .. }
            | Event::UpdateAsked { .. }
            | Event::UpdateConfirmed { .. }
            | Event::UpdateDenied { .. }
            | Event::AutoConfirmSwitched { .. }
            | Event::UpdateOffered { .. }
            | Event::UpdateInstalled { .. }
            | Event::UpdateVerified { .. }
            | Event::UpdateFailed { .. }
            | Event::UpdateSilent { .. }
            | Event::UpdateReverted { .. }
            | Event::Note { .. }
            | Event::Corrected { .. } => Self::of(event.kind(), ""),
        }
    }
}

/// CBV's words for a change of parts (CBV 2.0, section 7.1): the factory assembles, and what goes into or out of a
/// device that is there already is installed or removed. A reason that is one of CBV's own words came from EPCIS and is
/// given back.
struct PartSteps<'a> {
    fitted: &'a str,
    removed: &'a str,
    disposition: &'static str,
}

impl<'a> PartSteps<'a> {
    fn of(version: i64, reason: &'a str) -> Self {
        let disposition = if version == 1 { "active" } else { "in_progress" };
        let (fitted, removed) = match (BIZ_STEPS.contains(&reason), version) {
            (true, _) => (reason, reason),
            (false, 1) => ("assembling", "disassembling"),
            (false, _) => ("installing", "removing"),
        };
        Self { fitted, removed, disposition }
    }
}

struct Writer<'a> {
    device: &'a DeviceFacts,
    location: &'a dyn Fn(&Holder) -> Option<String>,
    /// Who has the device before the entry that is being written.
    holder: Option<Holder>,
}

impl Writer<'_> {
    fn entry(&self, entry: &Entry) -> Vec<Value> {
        match &entry.event {
            Event::ManifestRecorded { version, fitted, removed, reason, .. }
                if !(fitted.is_empty() && removed.is_empty()) =>
            {
                self.manifest(entry, fitted, removed, &PartSteps::of(*version, reason))
            }
            _ => vec![self.object(entry)],
        }
    }

    /// What comes first is taken out, then something is put in.
    fn manifest(&self, entry: &Entry, fitted: &[Part], removed: &[Part], steps: &PartSteps<'_>) -> Vec<Value> {
        let mut out = Vec::with_capacity(2);
        for (parts, action, step) in [(removed, "DELETE", steps.removed), (fitted, "ADD", steps.fitted)] {
            if parts.is_empty() {
                continue;
            }
            let mut event = self.common("AssociationEvent", entry);
            if action == "DELETE" && !fitted.is_empty() {
                event.insert("eventID".into(), format!("{}{SECOND_EVENT}", event_id(entry)).into());
            }
            event.insert("parentID".into(), self.device.epc.as_str().into());
            event.insert("childEPCs".into(), parts.iter().map(part_uri).collect());
            event.insert("action".into(), action.into());
            event.insert("bizStep".into(), step.into());
            event.insert("disposition".into(), steps.disposition.into());
            if let Some(holder) = &self.holder {
                event.insert("bizLocation".into(), json!({ "id": self.uri(holder) }));
            }
            out.push(Value::Object(event));
        }
        out
    }

    fn object(&self, entry: &Entry) -> Value {
        let words = Words::for_event(&entry.event);
        let mut event = self.common("ObjectEvent", entry);
        event.insert("action".into(), words.action.into());
        event.insert("epcList".into(), json!([self.device.epc]));
        if !words.step.is_empty() {
            event.insert("bizStep".into(), writable(words.step, BIZ_STEPS, "bizstep").into());
        }
        if !words.disposition.is_empty() {
            event.insert("disposition".into(), writable(words.disposition, DISPOSITIONS, "disposition").into());
        }
        self.places(&mut event, &words);
        if !words.reference.is_empty() {
            event.insert("bizTransactionList".into(), json!([{ "bizTransaction": transaction(words.reference) }]));
        }
        if let Event::Manufactured { batch, .. } = &entry.event {
            event.insert("ilmd".into(), json!({ "cbvmda:lotNumber": batch }));
        }
        Value::Object(event)
    }

    fn places(&self, event: &mut Map<String, Value>, words: &Words<'_>) {
        let before = self.holder.as_ref().map(|holder| self.uri(holder));
        // Who ships has it no longer: the event says where it left, not where it is.
        let leaves = words.to.is_some() && words.location.is_none();
        let after = words.location.map(|holder| self.uri(holder)).or_else(|| before.clone().filter(|_| !leaves));
        if let Some(uri) = if leaves { &before } else { &after } {
            event.insert("readPoint".into(), json!({ "id": uri }));
        }
        if let Some(uri) = &after {
            event.insert("bizLocation".into(), json!({ "id": uri }));
        }
        let Some((to, owns)) = words.to else { return };
        if let Some(uri) = &before {
            event.insert("sourceList".into(), json!([{ "type": "possessing_party", "source": party(uri) }]));
        }
        let uri = self.uri(to);
        let mut destinations = vec![json!({ "type": "possessing_party", "destination": party(&uri) })];
        if owns {
            destinations.push(json!({ "type": "owning_party", "destination": party(&uri) }));
        }
        destinations.push(json!({ "type": "location", "destination": uri }));
        event.insert("destinationList".into(), Value::Array(destinations));
    }

    fn common(&self, kind: &str, entry: &Entry) -> Map<String, Value> {
        let mut event = Map::new();
        event.insert("type".into(), kind.into());
        event.insert("eventID".into(), event_id(entry).into());
        event.insert("eventTime".into(), entry.at.rfc3339().into());
        event.insert("eventTimeZoneOffset".into(), "+00:00".into());
        event.insert("recordTime".into(), entry.recorded_at.rfc3339().into());
        event.insert("muster:kind".into(), entry.event.kind().into());
        event.insert("muster:event".into(), serde_json::to_value(&entry.event).unwrap_or_default());
        if !entry.place.is_empty() {
            event.insert("muster:place".into(), entry.place.as_str().into());
        }
        event
    }

    fn uri(&self, holder: &Holder) -> String {
        (self.location)(holder).filter(|uri| is_uri(uri)).unwrap_or_else(|| {
            let code = slug(&holder.name);
            own_location(if code.is_empty() { holder.id.to_string() } else { code }.as_str())
        })
    }
}

/// A reference as a URI: its own if it is one.
fn transaction(reference: &str) -> String {
    if is_uri(reference) {
        reference.to_owned()
    } else {
        format!("{NAMESPACE}reference/{}", percent_encode(reference, b"-._~"))
    }
}
