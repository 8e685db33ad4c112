//! GS1's examples read and understood, and a life written so that GS1's schema accepts it and we know it again.

#![expect(clippy::expect_used, reason = "a test may fail")]

use domain::{
    component::{ComponentClass, Part},
    custody::{CustodianKind, Holder},
    epcis::{
        DeviceFacts, Document, Epc, EpcisError, EventKind, Interpretation, Resolver, document, export, interpret,
        location_key, main_event_id, own_entry, own_location, read_document, read_document_bytes, subjects,
    },
    history::{Entry, Event},
    id::{CustodianId, DeviceId, HistoryId},
    identifier,
    time::{DAY, Timestamp},
};
use proptest::prelude::*;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use uuid::Uuid;

const OBJECTS: &str = include_str!("data/epcis/Example_9.6.1-ObjectEvent.jsonld");
const AGGREGATION: &str = include_str!("data/epcis/Example_9.6.3-AggregationEvent.jsonld");
const FITTED_A: &str = include_str!("data/epcis/AssociationEvent-a.jsonld");
const FITTED_B: &str = include_str!("data/epcis/AssociationEvent-b.jsonld");
const SCHEMA: &str = include_str!("data/epcis/EPCIS-JSON-Schema.json");

fn now() -> Timestamp {
    Timestamp::parse("2026-11-22").expect("a date")
}

fn holder(n: u128, kind: CustodianKind) -> Holder {
    Holder { id: CustodianId(Uuid::from_u128(n)), name: format!("Holder {n}"), kind }
}

/// A fleet of a few devices and places.
struct Fleet {
    devices: Vec<(&'static str, u128)>,
    places: Vec<(&'static str, Holder)>,
}

impl Resolver for Fleet {
    fn device_by_epc(&self, epc: &Epc) -> Option<(DeviceId, String)> {
        let same = |known: &str| {
            let known = Epc::parse(known);
            known == *epc
                || (known.gtin14().is_some() && (known.gtin14(), known.serial()) == (epc.gtin14(), epc.serial()))
        };
        let (_, n) = self.devices.iter().find(|(known, _)| same(known))?;
        Some((DeviceId(Uuid::from_u128(*n)), epc.serial().unwrap_or_default().to_owned()))
    }

    fn holder_by_location(&self, uri: &str) -> Option<Holder> {
        let found = self.places.iter().find(|(known, _)| location_key(known) == location_key(uri));
        found.map(|(_, holder)| holder.clone())
    }
}

fn fleet() -> Fleet {
    Fleet {
        devices: vec![
            ("urn:epc:id:sgtin:0614141.107346.2018", 1),
            ("urn:epc:id:grai:4012345.55555.987", 2),
            ("urn:dev:muster:GW1", 3),
        ],
        places: vec![
            ("urn:epc:id:sgln:0012345.11111", holder(7, CustodianKind::Client)),
            ("urn:epc:id:sgln:0614141.00888", holder(8, CustodianKind::Distributor)),
        ],
    }
}

fn read(text: &str) -> Document {
    read_document(text).expect("a document")
}

fn meant(text: &str) -> Vec<Interpretation> {
    read(text).events.iter().map(|event| interpret(event, &fleet(), now())).collect()
}

#[test]
fn the_examples_are_read() {
    let document = read(OBJECTS);
    let event = &document.events[0];
    assert_eq!((document.events.len(), document.left.len(), event.kind), (2, 0, EventKind::Object));
    assert_eq!((event.biz_step.as_str(), event.disposition.as_str()), ("shipping", "in_transit"));
    assert_eq!((event.at.rfc3339().as_str(), event.offset.as_str()), ("2005-04-04T02:33:31.116Z", "-06:00"));
    assert_eq!(event.transactions[0].kind, "po");
    assert!(event.id_given && event.id.starts_with("ni:///sha-256;df7bb3c3"));
    assert_eq!(event.raw["readPoint"]["id"], "urn:epc:id:sgln:0614141.07346.1234");
    assert_eq!(subjects(&read(AGGREGATION).events[0]).len(), 3);
    assert_eq!(subjects(&read(FITTED_A).events[0]).len(), 2);
    assert_eq!(read(FITTED_B).events[0].kind, EventKind::Association);
}

#[test]
fn the_examples_mean_what_they_say() {
    let objects = meant(OBJECTS);
    // Shipped, but to whom it doesn't say; and one of the two things is none of ours.
    let shipped = &objects[0];
    assert_eq!(shipped.taken.len(), 1);
    assert!(matches!(&shipped.taken[0].event, Event::Observed { biz_step, .. } if biz_step == "shipping"));
    assert_eq!(shipped.taken[0].place, "urn:epc:id:sgln:0614141.07346.1234");
    assert!(shipped.left.iter().any(|left| left.what.ends_with(".2017")));
    assert!(shipped.left.iter().any(|left| left.why.contains("names no destination")));
    let received = &objects[1];
    assert!(matches!(&received.taken[0].event,
        Event::Received { by, reference } if by.name == "Holder 7" && reference.ends_with("12345678")));
    assert_eq!(received.taken[0].place, "");
    assert_eq!(
        received.left.iter().map(|left| left.what.as_str()).collect::<Vec<_>>(),
        ["bizTransactionList", "example:myField"]
    );
    let unpacked = &meant(AGGREGATION)[0];
    assert!(matches!(&unpacked.taken[0].event, Event::Received { by, .. } if by.name == "Holder 8"));
    assert!(unpacked.left.iter().any(|left| left.what.contains("sscc") && left.why.contains("container")));
    assert!(unpacked.left.iter().any(|left| left.what == "childQuantityList"));
    let fitted = &meant(FITTED_A)[0];
    let change = &fitted.parts[0];
    assert_eq!((change.fitted.len(), change.removed.len(), change.reason.as_str()), (1, 0, "assembling"));
    assert_eq!(change.fitted[0].identifier, "urn:epc:id:giai:4000001.12345");
    let elsewhere = &meant(FITTED_B)[0];
    assert!(elsewhere.parts.is_empty() && elsewhere.taken.is_empty());
    assert_eq!(elsewhere.left[0].what, "urn:epc:id:sgln:4012345.00002.12");
}

fn one(event: &Value) -> Interpretation {
    let base = json!({"type": "ObjectEvent", "eventTime": "2026-11-02T08:26:00Z", "eventTimeZoneOffset": "+00:00",
        "action": "OBSERVE", "epcList": ["https://acme.example/01/10614141073464/21/2018"]});
    let mut whole = base.as_object().expect("an object").clone();
    whole.extend(event.as_object().expect("an object").clone());
    meant(&Value::Object(whole).to_string()).remove(0)
}

fn kind(event: &Value) -> &'static str {
    let found = one(event);
    assert_eq!(found.taken.len(), 1, "{found:?}");
    found.taken[0].event.kind()
}

#[test]
fn steps_and_parties() {
    let to = |kind: &str, uri: &str| json!([{"type": kind, "destination": uri}]);
    let (client, nobody) = ("https://id.gs1.org/417/0012345111112", "urn:epc:id:pgln:9999999.99999");
    assert_eq!(kind(&json!({"bizStep": "shipping", "destinationList": to("possessing_party", client)})), "shipped");
    assert_eq!(
        kind(&json!({"bizStep": "urn:epcglobal:cbv:bizstep:departing", "destinationList": to("location", client)})),
        "shipped"
    );
    assert_eq!(kind(&json!({"bizStep": "shipping", "destinationList": to("possessing_party", nobody)})), "observed");
    assert_eq!(kind(&json!({"bizStep": "accepting", "destinationList": to("owning_party", client)})), "received");
    assert_eq!(kind(&json!({"bizStep": "storing"})), "observed");
    assert_eq!(
        kind(&json!({"bizStep": "retail_selling", "destinationList": to("owning_party", client)})),
        "transferred"
    );
    assert_eq!(kind(&json!({"destinationList": to("urn:epcglobal:cbv:sdt:owning_party", client)})), "transferred");
    assert_eq!(kind(&json!({"bizStep": "inspecting", "bizLocation": {"id": client}})), "observed");
    assert_eq!(
        kind(&json!({"bizStep": "receiving", "disposition": "returned", "bizLocation": {"id": client}})),
        "returned"
    );
    assert_eq!(kind(&json!({"bizStep": "collecting", "bizLocation": {"id": client}})), "returned");
    assert_eq!(
        kind(&json!({"bizStep": "shipping", "disposition": "returned", "destinationList": to("location", client)})),
        "shipped"
    );
    assert_eq!(kind(&json!({"bizStep": "commissioning", "action": "ADD"})), "observed");
    assert_eq!(kind(&json!({"bizStep": "decommissioning", "action": "DELETE"})), "retired");
    assert_eq!(kind(&json!({"bizStep": "destroying"})), "destroyed");
    let odd = one(&json!({"bizStep": "melting", "persistentDisposition": {"set": ["expired"]}}));
    assert_eq!(
        odd.left.iter().map(|left| left.what.as_str()).collect::<Vec<_>>(),
        ["bizStep melting", "persistentDisposition"]
    );
}

#[test]
fn nothing_is_lost_silently() {
    for event in [
        json!({"eventTime": "2106-02-07T06:28:16Z"}),
        json!({"errorDeclaration": {"declarationTime": "2026-11-03T00:00:00Z"}}),
        json!({"epcList": []}),
        json!({"epcList": ["urn:x:unknown"]}),
        json!({"type": "TransformationEvent", "epcList": [], "inputEPCList": ["urn:dev:muster:GW1"]}),
        json!({"type": "AssociationEvent", "action": "ADD", "parentID": "urn:dev:muster:GW1",
            "childEPCs": ["urn:epc:id:grai:4012345.55555.987"]}),
        json!({"type": "AssociationEvent", "action": "ADD", "childEPCs": ["urn:x:y"]}),
    ] {
        let found = one(&event);
        assert!(found.taken.is_empty() && found.parts.is_empty() && !found.left.is_empty(), "{event}: {found:?}");
    }
    let cleared = one(&json!({"type": "AssociationEvent", "action": "DELETE", "parentID": "urn:dev:muster:GW1"}));
    assert!(cleared.parts[0].removed_all);
    let document = read(
        r#"{"type":"EPCISQueryDocument","epcisBody":{"queryResults":{"resultsBody":{"eventList":[
        7, {"type":"https://acme.example/StrangeEvent"}, {"type":"ObjectEvent"},
        {"type":"ObjectEvent","eventTime":"today","action":"ADD"},
        {"type":"ObjectEvent","eventTime":"2026-11-02T08:26:00+01:00","action":"ADD","epcList":"urn:dev:muster:GW1"}]}}}}"#,
    );
    assert_eq!((document.left.len(), document.events.len()), (4, 1));
    let event = &document.events[0];
    assert_eq!((event.offset.as_str(), event.epcs.len(), event.id_given), ("+01:00", 1, false));
    assert!(event.id.starts_with("ni:///sha-256;") && event.id.ends_with("?ver=CBV2.0"));
}

#[test]
fn master_data_and_voided_corrections() {
    let document =
        read(r#"{"type":"EPCISDocument","epcisHeader":{"epcisMasterData":{}},"epcisBody":{"eventList":[]}}"#);
    assert_eq!(document.left[0].what, "epcisHeader.epcisMasterData");
    let mut entries = life();
    let correction = entries[35].clone();
    let undone = Event::Corrected { entry: correction.id, reason: String::new() };
    entries.push(Entry { id: HistoryId(Uuid::from_u128(99)), recorded_at: now(), event: undone, ..correction });
    let events = export(&DeviceFacts::new("GW1", ""), &entries, &place);
    let withdrawn = events.iter().filter(|event| event.get("errorDeclaration").is_some());
    assert_eq!(withdrawn.map(|event| &event["muster:kind"]).collect::<Vec<_>>(), ["corrected"]);
}

#[test]
fn what_is_no_document_says_so() {
    assert!(matches!(read_document("<epcis:EPCISDocument/>"), Err(EpcisError::Xml)));
    assert!(matches!(read_document("{"), Err(EpcisError::Json { line: 1, .. })));
    assert!(matches!(read_document("[]"), Err(EpcisError::NotEpcis(_))));
    assert!(matches!(read_document(r#"{"type":"FeatureCollection"}"#), Err(EpcisError::NotEpcis(_))));
    assert!(matches!(read_document(r#"{"type":"EPCISDocument"}"#), Err(EpcisError::NoEvents(_))));
    assert!(matches!(read_document_bytes(b"{\"type\":\"\xe4\"}"), Err(EpcisError::Encoding(10))));
    assert!(read_document(&"[".repeat(100_000)).is_err());
}

fn part(slot: &str, class: ComponentClass, text: &str) -> Part {
    let found = identifier::normalise(class, text).expect("an identifier");
    Part {
        slot: slot.into(),
        class,
        maker: "Maker".into(),
        model: "Type 1".into(),
        identifier: found.shown,
        identifier_key: found.key,
    }
}

/// One entry of every kind, a correction, and entries that came from EPCIS.
fn life() -> Vec<Entry> {
    let (factory, shop, client) =
        (holder(9, CustodianKind::Factory), holder(8, CustodianKind::Distributor), holder(7, CustodianKind::Client));
    let (old, new) =
        (part("lte0", ComponentClass::Lte, "861941050337180"), part("lte0", ComponentClass::Lte, "861941050337198"));
    let text = || "why".to_owned();
    let manifest = |version, fitted, removed| Event::ManifestRecorded {
        version,
        hash: "00".into(),
        previous_hash: String::new(),
        fitted,
        removed,
        reason: "repair".into(),
    };
    let events = vec![
        Event::Manufactured { by: factory, batch: "2026-11-A".into(), firmware: Some("1.0".into()) },
        manifest(1, vec![old.clone(), part("eth0", ComponentClass::Ethernet, "d8:80:39:4e:71:0c")], vec![]),
        manifest(2, vec![new], vec![old.clone()]),
        manifest(3, vec![], vec![old]),
        manifest(4, vec![], vec![]),
        Event::CertificateIssued { serial: "01".into(), issuer: "CA".into(), not_after: now() },
        Event::CertificateRenewed { serial: "02".into(), issuer: "CA".into(), not_after: now() },
        Event::CertificateHeld { reason: text() },
        Event::CertificateRevoked { reason: text() },
        Event::Shipped { to: shop.clone(), carrier: None, reference: "DN 7/11 ü".into() },
        Event::Received { by: shop.clone(), reference: "http://transaction.acme.com/po/1".into() },
        Event::Claimed { by: client.clone() },
        Event::Transferred { to: client.clone(), reference: String::new() },
        Event::Returned { to: shop, reason: text() },
        Event::HardwareReported { manifest_version: 4 },
        Event::HardwareMismatch { finding: text(), score: 20 },
        Event::CloneSuspected { finding: text(), score: 90, other: None },
        Event::RepairOpened { case: "R1".into(), symptom: text() },
        Event::RepairAuthorised { case: "R1".into() },
        Event::RepairClosed { case: "R1".into(), outcome: text() },
        Event::Quarantined { reason: text() },
        Event::Released { reason: text() },
        Event::UpdateAsked { version: "2".into() },
        Event::UpdateDenied { version: "2".into(), reason: text() },
        Event::UpdateConfirmed { version: "2".into() },
        Event::AutoConfirmSwitched { on: true, initiator: "Ada".into(), remark: text() },
        Event::UpdateOffered { version: "2".into() },
        Event::UpdateInstalled { version: "2".into() },
        Event::UpdateVerified { from: None, version: "2".into() },
        Event::UpdateFailed { version: "2".into(), reason: text() },
        Event::UpdateSilent { version: "2".into() },
        Event::UpdateReverted { to: "1".into(), version: "2".into() },
        Event::Note { text: "<b>ünï</b>".into() },
        Event::Observed { biz_step: "melting down".into(), disposition: "urn:epcglobal:cbv:disp:x".into() },
        Event::Observed { biz_step: String::new(), disposition: String::new() },
        Event::Corrected { entry: HistoryId(Uuid::from_u128(13)), reason: text() },
        Event::Retired { reason: text() },
        Event::Destroyed { evidence: text() },
    ];
    let entry = |(n, event): (usize, Event)| Entry {
        id: HistoryId(Uuid::from_u128(n as u128 + 1)),
        at: Timestamp(now().0 - 900 * DAY + n as i64 * DAY),
        recorded_at: Timestamp(now().0 - 900 * DAY + n as i64 * DAY + 1),
        actor: "Ada".into(),
        place: if n % 2 == 0 { "Shelf 7".into() } else { String::new() },
        event,
        epcis_event_id: match n {
            2 => Some("urn:uuid:00000000-0000-0000-0000-00000000ffff".into()),
            10 => Some("no uri".into()),
            _ => None,
        },
    };
    events.into_iter().enumerate().map(entry).collect()
}

fn place(holder: &Holder) -> Option<String> {
    let n = holder.id.0.as_u128();
    fleet().places.iter().find(|(_, known)| known.id.0.as_u128() == n).map(|(uri, _)| format!("{uri}.0"))
}

fn check(document: &Value) {
    let schema: Value = serde_json::from_str(SCHEMA).expect("JSON");
    let validator = jsonschema::options().should_validate_formats(true).build(&schema).expect("a schema");
    let errors: Vec<String> =
        validator.iter_errors(document).map(|error| format!("{}: {error}", error.instance_path())).collect();
    assert!(errors.is_empty(), "{errors:#?}");
}

/// With its keys in order, whichever map serde_json was built with.
fn ordered(value: &Value) -> Value {
    match value {
        Value::Object(object) => {
            let sorted: std::collections::BTreeMap<_, _> = object.iter().collect();
            Value::Object(sorted.into_iter().map(|(key, value)| (key.clone(), ordered(value))).collect())
        }
        Value::Array(items) => items.iter().map(ordered).collect(),
        other => other.clone(),
    }
}

#[test]
fn what_is_written_is_valid_and_stable() {
    let entries = life();
    let kinds: BTreeSet<_> = entries.iter().map(|entry| entry.event.kind()).collect();
    assert_eq!(kinds.len(), 34, "a life has an entry of every kind: {kinds:?}");
    let device = DeviceFacts::new("GW1", "");
    assert_eq!(device.epc, "urn:dev:muster:GW1");
    let events = export(&device, &entries, &place);
    assert_eq!(events.len(), entries.len() + 1);
    let ids: BTreeSet<_> = events.iter().map(|event| event["eventID"].as_str().expect("an id")).collect();
    assert_eq!(ids.len(), events.len());
    check(&document(events, now()));
    check(&document(export(&DeviceFacts::new("GW1", "0614141.107346"), &entries, &|_| None), now()));
    check(&document(Vec::new(), now()));
    let start = document(export(&device, &entries, &place)[..6].to_vec(), now());
    insta::assert_snapshot!(serde_json::to_string_pretty(&ordered(&start)).expect("JSON"));
}

#[test]
fn the_schema_refuses_what_it_should() {
    let schema: Value = serde_json::from_str(SCHEMA).expect("JSON");
    let validator = jsonschema::options().should_validate_formats(true).build(&schema).expect("a schema");
    for (pointer, value) in
        [("/bizStep", "melting"), ("/eventID", "no uri"), ("/eventTime", "today"), ("/action", "DO")]
    {
        let mut events = export(&DeviceFacts::new("GW1", ""), &life(), &place);
        *events[0].pointer_mut(pointer).expect("a field") = value.into();
        assert!(!validator.is_valid(&document(events, now())), "{pointer}");
    }
}

#[test]
fn our_own_export_is_known_again() {
    let entries = life();
    let text = document(export(&DeviceFacts::new("GW1", ""), &entries, &place), now()).to_string();
    let found = read(&text);
    assert!(found.left.is_empty());
    let mut known = BTreeSet::new();
    for event in &found.events {
        let entry = entries.iter().find(|entry| {
            own_entry(&event.id) == Some(entry.id) || entry.epcis_event_id.as_deref() == Some(&main_event_id(&event.id))
        });
        known.insert(entry.expect("an entry that we have").id);
    }
    assert_eq!(known.len(), entries.len());
}

/// Another instance that has the device and the places but not its history.
#[test]
fn our_own_export_is_understood_elsewhere() {
    let text = document(export(&DeviceFacts::new("GW1", ""), &life(), &place), now()).to_string();
    let found: Vec<_> = read(&text).events.iter().map(|event| interpret(event, &fleet(), now())).collect();
    let count = |kind: &str| found.iter().flat_map(|one| &one.taken).filter(|entry| entry.event.kind() == kind).count();
    assert_eq!((count("shipped"), count("received"), count("returned")), (1, 2, 1));
    assert_eq!((count("transferred"), count("retired"), count("destroyed")), (0, 1, 1), "the resale was voided");
    // Nothing that decides about trust comes in through a document.
    for kind in ["certificate_issued", "certificate_revoked", "quarantined", "released", "corrected"] {
        assert_eq!(count(kind), 0);
    }
    let shipped =
        found.iter().flat_map(|one| &one.taken).find(|entry| entry.event.kind() == "shipped").expect("shipped");
    assert!(
        matches!(&shipped.event, Event::Shipped { to, reference, .. } if to.name == "Holder 8" && reference == "DN 7/11 ü")
    );
    let parts: Vec<_> = found.iter().flat_map(|one| &one.parts).collect();
    assert_eq!(
        parts.iter().map(|p| (p.fitted.len(), p.removed.len())).collect::<Vec<_>>(),
        [(2, 0), (0, 1), (1, 0), (0, 1)]
    );
    assert_eq!(parts[0].fitted[0], part("lte0", ComponentClass::Lte, "861941050337180"));
    assert_eq!(main_event_id(&parts[1].epcis_event_id), main_event_id(&parts[2].epcis_event_id));
}

#[test]
fn a_shipment_of_many_is_one_event() {
    let mut shipped = life().remove(9);
    shipped.epcis_event_id = Some("urn:uuid:00000000-0000-0000-0000-0000000000aa".into());
    let mut events = export(&DeviceFacts::new("GW1", ""), std::slice::from_ref(&shipped), &place);
    shipped.recorded_at = now();
    events.extend(export(&DeviceFacts::new("GW2", ""), std::slice::from_ref(&shipped), &place));
    shipped.at = now();
    events.extend(export(&DeviceFacts::new("GW3", ""), &[shipped], &place));
    let whole = document(events, now());
    let list = whole["epcisBody"]["eventList"].as_array().expect("events");
    assert_eq!(list.len(), 2);
    assert_eq!(list[0]["epcList"], json!(["urn:dev:muster:GW1", "urn:dev:muster:GW2"]));
    check(&whole);
}

#[test]
fn places_without_a_number_are_named_by_us() {
    let nameless = Holder { name: "深圳".into(), ..holder(3, CustodianKind::Client) };
    let entry = Entry { event: Event::Received { by: nameless, reference: String::new() }, ..life().remove(10) };
    let events = export(&DeviceFacts::new("GW1", ""), &[entry], &|_| None);
    let id = Uuid::from_u128(3).to_string();
    assert_eq!(events[0]["bizLocation"]["id"], own_location(&id));
}

fn any_json() -> impl Strategy<Value = Value> {
    let words = prop::sample::select(vec![
        "type",
        "eventList",
        "epcisBody",
        "ObjectEvent",
        "AssociationEvent",
        "EPCISDocument",
        "EPCISQueryDocument",
        "eventTime",
        "action",
        "ADD",
        "DELETE",
        "epcList",
        "parentID",
        "childEPCs",
        "readPoint",
        "id",
        "eventID",
        "bizStep",
        "shipping",
        "sensorElementList",
        "sensorReport",
        "destinationList",
        "muster:event",
        "fitted",
        "@context",
        "2026-11-02T08:26:00Z",
        "urn:dev:muster:GW1",
        "urn:epc:id:sgtin:0614141.107346.2018",
        "https://a.example/01/1/21/%",
        "urn:dev:musterpart:lte:%ff",
        "bizTransactionList",
        "set",
        "persistentDisposition",
    ]);
    let word = prop_oneof![words.prop_map(str::to_owned), ".{0,8}"];
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        word.clone().prop_map(Value::from)
    ];
    leaf.prop_recursive(5, 60, 8, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            prop::collection::btree_map(word.clone(), inner, 0..8)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn no_json_panics(value in any_json(), fields in prop::collection::btree_map("[a-zA-Z]{1,12}", any_json(), 0..4)) {
        let _ = read_document(&value.to_string());
        // Around it, what makes an event of anything.
        let mut event = value.as_object().cloned().unwrap_or_default();
        event.extend(fields);
        for (kind, action) in [("ObjectEvent", "ADD"), ("AssociationEvent", "DELETE"), ("TransformationEvent", "OBSERVE")] {
            event.insert("type".into(), kind.into());
            event.insert("action".into(), action.into());
            event.insert("eventTime".into(), "2026-11-02T08:26:00Z".into());
            let text = json!({"type": "EPCISDocument", "epcisBody": {"eventList": [event]}}).to_string();
            for event in &read_document(&text).expect("a document").events {
                let _ = interpret(event, &fleet(), now());
            }
        }
    }

    #[test]
    fn no_text_panics(text in ".{0,200}") {
        let _ = read_document(&text);
        let _ = (Epc::parse(&text), location_key(&text), main_event_id(&text), own_entry(&text));
    }

    #[test]
    fn every_serial_survives(serial in "[A-Za-z0-9._:+-]{1,64}") {
        for sgtin in ["", "0614141.107346"] {
            let device = DeviceFacts::new(&serial, sgtin);
            let epc = Epc::parse(&device.epc);
            prop_assert_eq!(epc.serial(), Some(serial.as_str()));
        }
    }
}

#[test]
fn nul_is_left_with_the_reason() {
    let event = json!({"type": "ObjectEvent", "eventTime": "2026-11-02T08:26:00Z", "eventTimeZoneOffset": "+00:00",
        "action": "OBSERVE", "bizStep": "ship\u{0}ping", "epcList": ["urn:dev:muster:GW1"]});
    let document = read_document(&event.to_string()).expect("a document");
    assert!(document.events.is_empty());
    assert!(document.left[0].why.contains("NUL"), "{:?}", document.left);
    assert!(!matches!(Epc::parse("urn:dev:muster:GW%001"), Epc::Device { .. }));
}
