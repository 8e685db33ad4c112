//! What an event means for the devices that we know.
//!
//! Only the standard vocabulary is taken for what happened. The payload that our own exports carry
//! (`muster:event`) is read for the slots, makers and models of parts, for why they changed, and for nothing else: a
//! document must not be able to say that a device was released from quarantine or got a certificate.

use super::{
    Action, Epc, EpcisEvent, EventKind, NAMESPACE, PartyKind, cut, part_from_uri, part_uri, percent_decode,
    vocabulary::{BIZ_STEPS, DISPOSITIONS, is_bare},
};
use crate::{
    component::Part,
    custody::Holder,
    history::Event,
    id::DeviceId,
    time::{DAY, Timestamp},
};
use serde_json::Value;
use std::collections::BTreeSet;

/// What is known here of the things and places that events speak of.
pub trait Resolver {
    /// The device that an identifier means: its id and serial. An SGTIN and a Digital Link mean the device of that
    /// serial whose model has that GTIN ([`Epc::gtin14`]).
    fn device_by_epc(&self, epc: &Epc) -> Option<(DeviceId, String)>;

    /// The custodian at a location, or who is that party. Compare by [`super::location_key`].
    fn holder_by_location(&self, uri: &str) -> Option<Holder>;
}

/// A history entry that follows from an event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewEntry {
    /// The device.
    pub device: DeviceId,
    /// Its serial.
    pub serial: String,
    /// When it happened.
    pub at: Timestamp,
    /// Where: the event's location, unless that only repeats who has the device.
    pub place: String,
    /// What happened.
    pub event: Event,
    /// The event's identifier.
    pub epcis_event_id: String,
}

/// Parts that came into a device or went out of it: the next version of its manifest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PartChange {
    /// The device.
    pub device: DeviceId,
    /// Its serial.
    pub serial: String,
    /// When it happened.
    pub at: Timestamp,
    /// Where; may be empty.
    pub place: String,
    /// CBV's business step, as the reason.
    pub reason: String,
    /// Parts that came in.
    pub fitted: Vec<Part>,
    /// Parts that went out: to be found by `identifier_key`.
    pub removed: Vec<Part>,
    /// Everything went out (a `DELETE` without children; EPCIS 2.0, section 7.4.7).
    pub removed_all: bool,
    /// The event's identifier.
    pub epcis_event_id: String,
}

/// Something that was not taken, and why.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Left {
    /// What.
    pub what: String,
    /// Why.
    pub why: String,
}

/// What follows from an event.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Interpretation {
    /// Entries to record.
    pub taken: Vec<NewEntry>,
    /// Manifests to record.
    pub parts: Vec<PartChange>,
    /// What was not taken, or not as it was meant.
    pub left: Vec<Left>,
}

impl Interpretation {
    fn leave(&mut self, what: impl Into<String>, why: impl Into<String>) {
        self.left.push(Left { what: what.into(), why: why.into() });
    }
}

/// Everything that an event is about, without repetition.
#[must_use]
pub fn subjects(event: &EpcisEvent) -> Vec<Epc> {
    let all = event.parent.iter().chain(&event.epcs).chain(&event.children).chain(&event.inputs).chain(&event.outputs);
    let mut seen = BTreeSet::new();
    all.filter(|epc| seen.insert(*epc)).cloned().collect()
}

/// What an event means. `now` bounds the times that can be true.
#[must_use]
pub fn interpret(event: &EpcisEvent, resolver: &dyn Resolver, now: Timestamp) -> Interpretation {
    let mut out = Interpretation::default();
    if event.withdrawn {
        out.leave(&event.id, "its sender declares it an error; if it was imported earlier, correct that entry");
        return out;
    }
    if event.at > now.plus(2 * DAY) {
        out.leave(&event.id, format!("its eventTime, {}, lies in the future; check the year", event.at));
        return out;
    }
    if event.at < Timestamp(0) {
        out.leave(&event.id, format!("its eventTime, {}, lies before 1970; check the year", event.at));
        return out;
    }
    match event.kind {
        EventKind::Association => associate(event, resolver, &mut out),
        EventKind::Transformation => transform(event, resolver, &mut out),
        EventKind::Object | EventKind::Aggregation | EventKind::Transaction => observe(event, resolver, &mut out),
    }
    if !out.taken.is_empty() || !out.parts.is_empty() {
        unheld_fields(event, &mut out);
    }
    out
}

fn observe(event: &EpcisEvent, resolver: &dyn Resolver, out: &mut Interpretation) {
    let subjects = subjects(event);
    if subjects.is_empty() {
        out.leave(&event.id, "it names no single thing, only quantities, sensors or nothing");
        return;
    }
    let mut known = Vec::new();
    for epc in &subjects {
        match resolver.device_by_epc(epc) {
            Some(device) => known.push(device),
            None => out.leave(epc.uri(), unknown_thing(event, epc)),
        }
    }
    if known.is_empty() {
        return;
    }
    let (meaning, notes) = meaning(event, resolver);
    out.left.extend(notes);
    for (device, serial) in known {
        out.taken.push(entry(event, resolver, device, serial, meaning.clone()));
    }
}

fn unknown_thing(event: &EpcisEvent, epc: &Epc) -> &'static str {
    if event.kind == EventKind::Aggregation && event.parent.as_ref() == Some(epc) {
        "it is a container or pallet; only devices have a history here"
    } else {
        "no device here has this identifier"
    }
}

fn transform(event: &EpcisEvent, resolver: &dyn Resolver, out: &mut Interpretation) {
    for epc in &event.inputs {
        let why = if resolver.device_by_epc(epc).is_some() {
            "a device that is made into something else can't be recorded; retire it if it ceased to exist"
        } else {
            "no device here has this identifier"
        };
        out.leave(epc.uri(), why);
    }
    for epc in &event.outputs {
        match resolver.device_by_epc(epc) {
            Some((device, serial)) => {
                let seen = observed(event);
                out.taken.push(entry(event, resolver, device, serial, seen));
            }
            None => out.leave(epc.uri(), "no device here has this identifier"),
        }
    }
    if event.inputs.is_empty() && event.outputs.is_empty() {
        out.leave(&event.id, "it names no single thing, only quantities");
    }
}

fn associate(event: &EpcisEvent, resolver: &dyn Resolver, out: &mut Interpretation) {
    let Some(parent) = &event.parent else {
        out.leave(&event.id, "it doesn't say into what the parts went: parentID is missing");
        return;
    };
    let Some((device, serial)) = resolver.device_by_epc(parent) else {
        out.leave(parent.uri(), "no device here has this identifier");
        for child in event.children.iter().filter(|child| resolver.device_by_epc(child).is_some()) {
            out.leave(child.uri(), format!("it is a device here; that it is part of {parent} can't be recorded"));
        }
        return;
    };
    let mut parts = Vec::new();
    let mut seen = BTreeSet::new();
    for child in event.children.iter().filter(|child| seen.insert(*child)) {
        if resolver.device_by_epc(child).is_some() {
            out.leave(child.uri(), "it is a device here, not a part; a device within a device can't be recorded");
        } else {
            match part(event, &child.uri()) {
                Some(part) => parts.push(part),
                None => {
                    out.leave(child.uri(), "it is longer than what identifies a part here, or holds odd characters");
                }
            }
        }
    }
    let removed_all = event.action == Some(Action::Delete)
        && event.children.is_empty()
        && event.raw.get("childQuantityList").is_none();
    let (fitted, removed) = match event.action {
        Some(Action::Add) => (parts, Vec::new()),
        Some(Action::Delete) => (Vec::new(), parts),
        Some(Action::Observe) | None => {
            out.taken.push(entry(event, resolver, device, serial, observed(event)));
            return;
        }
    };
    if fitted.is_empty() && removed.is_empty() && !removed_all {
        out.leave(&event.id, "none of the parts that it names can be recorded");
        return;
    }
    out.parts.push(PartChange {
        device,
        serial,
        at: event.at,
        place: place(event, resolver),
        reason: reason(event),
        fitted,
        removed,
        removed_all,
        epcis_event_id: event.id.clone(),
    });
}

/// Why parts changed: what our own export says, else CBV's step.
fn reason(event: &EpcisEvent) -> String {
    let own = event.raw.get("muster:event").and_then(|payload| payload.as_object());
    match own.filter(|payload| payload.get("kind").and_then(Value::as_str) == Some("manifest_recorded")) {
        Some(payload) => {
            let reason = payload.get("reason").and_then(Value::as_str).unwrap_or_default();
            cut(reason).chars().filter(|c| !c.is_control()).collect()
        }
        None => own_step(&event.biz_step).unwrap_or_else(|| event.biz_step.clone()),
    }
}

/// The part that a child is, with slot, maker and model where our own export tells them.
fn part(event: &EpcisEvent, uri: &str) -> Option<Part> {
    let mut part = part_from_uri(uri)?;
    let payload = event.raw.get("muster:event").and_then(Value::as_object);
    let told = ["fitted", "removed"].iter().filter_map(|list| payload?.get(*list)?.as_array()).flatten();
    let told = told.filter_map(|told| serde_json::from_value::<Part>(told.clone()).ok());
    let sound = |text: &str| text.len() <= 128 && !text.chars().any(char::is_control);
    let slot = |slot: &str| slot.starts_with(|c: char| c.is_ascii_lowercase()) && slot.len() <= 32;
    for told in told {
        if part_uri(&told) == uri && slot(&told.slot) && [&told.slot, &told.maker, &told.model].iter().all(|t| sound(t))
        {
            (part.slot, part.maker, part.model) = (told.slot, told.maker, told.model);
            break;
        }
    }
    Some(part)
}

fn entry(event: &EpcisEvent, resolver: &dyn Resolver, device: DeviceId, serial: String, meaning: Event) -> NewEntry {
    let place = place(event, resolver);
    NewEntry { device, serial, at: event.at, place, event: meaning, epcis_event_id: event.id.clone() }
}

/// Where, in words: what our own export says, else a location that is nobody's.
fn place(event: &EpcisEvent, resolver: &dyn Resolver) -> String {
    if let Some(place) = event.raw.get("muster:place").and_then(Value::as_str) {
        return cut(place).chars().filter(|c| !c.is_control()).collect();
    }
    let location = event.biz_location.as_ref().or(event.read_point.as_ref());
    location.filter(|uri| resolver.holder_by_location(uri).is_none()).cloned().unwrap_or_default()
}

fn observed(event: &EpcisEvent) -> Event {
    Event::Observed {
        biz_step: own_step(&event.biz_step).unwrap_or_else(|| event.biz_step.clone()),
        disposition: own_word(&event.disposition, "disposition").unwrap_or_else(|| event.disposition.clone()),
    }
}

fn own_step(step: &str) -> Option<String> {
    own_word(step, "bizstep")
}

/// A word that our own export had to put into its namespace.
fn own_word(uri: &str, folder: &str) -> Option<String> {
    percent_decode(uri.strip_prefix(NAMESPACE)?.strip_prefix(folder)?.strip_prefix('/')?)
}

/// What happened by the words of CBV, and what of it could not be taken as meant.
fn meaning(event: &EpcisEvent, resolver: &dyn Resolver) -> (Event, Vec<Left>) {
    let mut notes = Vec::new();
    let mut unresolved = |why: String| {
        notes.push(Left { what: event.id.clone(), why });
        observed(event)
    };
    let reference = reference(event);
    let step = event.biz_step.as_str();
    let meaning = match step {
        "shipping" | "departing" | "loading" | "consigning" => match destination(event, resolver, true) {
            Ok(to) => Event::Shipped { to, carrier: None, reference },
            Err(why) => unresolved(why),
        },
        "collecting" | "returning" => match destination(event, resolver, true).or_else(|_| location(event, resolver)) {
            Ok(to) => Event::Returned { to, reason: String::new() },
            Err(why) => unresolved(why),
        },
        "receiving" | "arriving" | "accepting" | "stocking" | "storing" => {
            match location(event, resolver).or_else(|why| destination(event, resolver, true).map_err(|_| why)) {
                Ok(to) if event.disposition == "returned" => Event::Returned { to, reason: String::new() },
                Ok(by) => Event::Received { by, reference },
                Err(why) => unresolved(why),
            }
        }
        "destroying" => Event::Destroyed { evidence: event.id.clone() },
        "decommissioning" => Event::Retired { reason: String::new() },
        "commissioning" | "assembling" | "encoding" => observed(event),
        "void_shipping" => unresolved("it withdraws an earlier shipping; correct that entry".to_owned()),
        _ => match event.disposition.as_str() {
            "destroyed" => Event::Destroyed { evidence: event.id.clone() },
            "disposed" => Event::Retired { reason: "disposed".to_owned() },
            "returned" => match destination(event, resolver, true).or_else(|_| location(event, resolver)) {
                Ok(to) => Event::Returned { to, reason: String::new() },
                Err(why) => unresolved(why),
            },
            _ => match destination(event, resolver, false) {
                Ok(to) => Event::Transferred { to, reference },
                Err(why) if has_new_holder(event) || matches!(step, "retail_selling" | "dispensing") => unresolved(why),
                Err(_) => observed(event),
            },
        },
    };
    for (what, word, known) in
        [("bizStep", &event.biz_step, BIZ_STEPS), ("disposition", &event.disposition, DISPOSITIONS)]
    {
        if is_bare(word) && !known.contains(&word.as_str()) && word != "returning" {
            let why = "it is no word of CBV 2.0; kept as it is written, without a meaning".to_owned();
            notes.push(Left { what: format!("{what} {word}"), why });
        }
    }
    (meaning, notes)
}

fn has_new_holder(event: &EpcisEvent) -> bool {
    event.destinations.iter().any(|party| matches!(party.kind, PartyKind::Owner | PartyKind::Possessor))
}

/// Who gets the things: who will have them before who will own them. Places count when the step says that the things
/// move.
fn destination(event: &EpcisEvent, resolver: &dyn Resolver, moves: bool) -> Result<Holder, String> {
    let mut kinds = vec![PartyKind::Possessor, PartyKind::Owner];
    if moves {
        kinds.push(PartyKind::Location);
    }
    let listed = kinds.iter().flat_map(|kind| event.destinations.iter().filter(move |party| party.kind == *kind));
    let listed = listed.map(|party| &party.uri);
    resolve(listed.chain(event.biz_location.iter().filter(|_| moves)), resolver, "destination")
}

/// Who is where the things are.
fn location(event: &EpcisEvent, resolver: &dyn Resolver) -> Result<Holder, String> {
    resolve(event.biz_location.iter().chain(&event.read_point), resolver, "location")
}

fn resolve<'a>(uris: impl Iterator<Item = &'a String>, resolver: &dyn Resolver, what: &str) -> Result<Holder, String> {
    let mut tried: Vec<&str> = Vec::new();
    for uri in uris {
        if let Some(holder) = resolver.holder_by_location(uri) {
            return Ok(holder);
        }
        tried.push(uri);
    }
    tried.dedup();
    Err(if tried.is_empty() {
        format!("it names no {what}; recorded as seen, without a change of holder")
    } else {
        format!(
            "no custodian here has the location {}; recorded as seen, without a change of holder",
            tried.join(" or ")
        )
    })
}

/// The first business transaction, by the number that our own export was given where it is one of ours.
fn reference(event: &EpcisEvent) -> String {
    let Some(transaction) = event.transactions.first() else { return String::new() };
    own_word(&transaction.uri, "reference").unwrap_or_else(|| transaction.uri.clone())
}

/// Names the fields that have no place in a device's history.
fn unheld_fields(event: &EpcisEvent, out: &mut Interpretation) {
    let Some(object) = event.raw.as_object() else { return };
    for (field, why) in [
        ("sensorElementList", "sensor readings have no place in a device's history"),
        ("quantityList", "quantities are of classes of things, not of single devices"),
        ("childQuantityList", "quantities are of classes of things, not of single devices"),
        ("inputQuantityList", "quantities are of classes of things, not of single devices"),
        ("outputQuantityList", "quantities are of classes of things, not of single devices"),
        ("persistentDisposition", "persistent dispositions have no place in a device's history"),
        ("certificationInfo", "certification has no place in a device's history"),
    ] {
        if object.get(field).is_some_and(|value| !value.is_null()) {
            out.leave(field, why);
        }
    }
    let own_ilmd = object.contains_key("muster:kind");
    if !own_ilmd && object.contains_key("ilmd") {
        out.leave("ilmd", "master data of instances and lots has no place in a device's history");
    }
    if event.transactions.len() > 1 {
        out.leave("bizTransactionList", "only the first business transaction is kept");
    }
    for name in object.keys().filter(|name| name.contains(':') && !name.starts_with("muster:")).take(20) {
        out.leave(cut(name), "it belongs to another vocabulary");
    }
}
