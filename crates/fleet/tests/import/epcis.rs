//! EPCIS documents become history.

use crate::world::{OPERATOR, World, is_done, worlds};
use domain::{
    device::Lifecycle,
    history::Event,
    import::{ImportFormat, ImportState, Severity},
};
use fleet::catalogue::CustodianForm;
use serde_json::{Value, json};

pub const EXAMPLES: [&str; 4] = [
    include_str!("../../../domain/tests/data/epcis/Example_9.6.1-ObjectEvent.jsonld"),
    include_str!("../../../domain/tests/data/epcis/Example_9.6.3-AggregationEvent.jsonld"),
    include_str!("../../../domain/tests/data/epcis/AssociationEvent-a.jsonld"),
    include_str!("../../../domain/tests/data/epcis/AssociationEvent-b.jsonld"),
];

/// The devices of GS1's examples, made before what the examples tell, and who holds them there.
pub async fn gs1(world: &World) {
    let rows = "serial,model,hardware_revision,batch,factory,made_at,sgtin,cpu\n\
                2017,Widget,A,W-1,springfield,2005-01-01,0614141.107346,CPU-2017\n\
                2018,Widget,A,W-1,springfield,2005-01-01,0614141.107346,CPU-2018\n";
    is_done(&world.import("gs1.csv", rows).await, 2, 0, 0);
    custodian(world, "Store 11111", "client", "urn:epc:id:sgln:0012345.11111").await;
    custodian(world, "Depot 888", "distributor", "urn:epc:id:sgln:0614141.00888").await;
}

pub async fn custodian(world: &World, name: &str, kind: &str, sgln: &str) {
    let form = CustodianForm { name: name.into(), kind: kind.into(), sgln: sgln.into(), ..CustodianForm::default() };
    world.fleet.add_custodian(&OPERATOR, &form).await.unwrap();
}

pub fn document(events: &[Value]) -> String {
    json!({
        "@context": ["https://ref.gs1.org/standards/epcis/2.0.0/epcis-context.jsonld", {"ex": "https://ex.example/"}],
        "type": "EPCISDocument", "schemaVersion": "2.0", "creationDate": "2026-10-01T00:00:00Z",
        "epcisBody": {"eventList": events}
    })
    .to_string()
}

fn association(action: &str, parent: &str, child: &str, time: &str, id: &str) -> Value {
    json!({
        "type": "AssociationEvent", "eventID": id, "eventTime": time, "eventTimeZoneOffset": "+00:00",
        "action": action, "parentID": format!("urn:dev:muster:{parent}"),
        "childEPCs": [format!("urn:dev:musterpart:{child}")], "bizStep": "repairing"
    })
}

#[tokio::test]
async fn gs1s_examples_are_taken_where_they_speak_of_known_things() {
    for world in worlds().await {
        gs1(&world).await;
        let import = world.import("object.jsonld", EXAMPLES[0]).await;
        is_done(&import, 3, 0, 0);
        assert_eq!(import.format, ImportFormat::Epcis);
        assert!(import.message.starts_with("Read 2 events: 3 history entries."), "{}", import.message);
        let problems = world.problems(&import).await;
        assert!(problems.iter().all(|p| p.severity == Severity::Left && !p.message.is_empty()));
        let left = i64::try_from(problems.len()).unwrap();
        assert_eq!(import.left_out, left);
        let record = world.fleet.device_record(&OPERATOR, "2018").await.unwrap();
        assert!(matches!(&record.history[3].event, Event::Received { by, .. } if by.name == "Store 11111"));
        assert_eq!(record.device.lifecycle, Lifecycle::Active);
        assert_eq!(record.history[3].actor, OPERATOR.name());
        assert!(record.history[3].epcis_event_id.as_deref().is_some_and(|id| id.starts_with("ni:///sha-256;00e1")));

        is_done(&world.import("aggregation.jsonld", EXAMPLES[1]).await, 2, 0, 0);
        assert_eq!(world.fleet.device(&OPERATOR, "2017").await.unwrap().lifecycle, Lifecycle::Stocked);
        for example in &EXAMPLES[2..] {
            let import = world.import("association.jsonld", example).await;
            is_done(&import, 0, 0, 0);
            assert!(import.message.starts_with("Read 1 event; it speaks of no device that is known here."));
            assert!(import.left_out > 0);
        }
        is_done(&world.import("object.jsonld", EXAMPLES[0]).await, 0, 3, 0);
        assert_eq!(world.fleet.device_record(&OPERATOR, "2018").await.unwrap().history.len(), 5);
        assert!(world.fleet.audit_verify(&OPERATOR).await.unwrap().break_at.is_none());
    }
}

#[tokio::test]
async fn without_known_things_nothing_is_taken_and_that_is_said() {
    for world in worlds().await {
        let import = world.import("object.jsonld", EXAMPLES[0]).await;
        is_done(&import, 0, 0, 0);
        assert!(import.message.starts_with("Read 2 events; none speaks of a device that is known here."));
        assert_eq!(world.problems(&import).await[0].message, "no device here has this identifier");
        let empty = world.import("empty.jsonld", document(&[])).await;
        is_done(&empty, 0, 0, 0);
        assert_eq!(empty.message, "The document holds no events.");
    }
}

#[tokio::test]
async fn parts_go_in_and_out_in_the_order_of_time() {
    for world in worlds().await {
        gs1(&world).await;
        // In the document the later event stands first.
        let events = [
            association(
                "ADD",
                "2018",
                "board:B-7",
                "2026-03-02T00:00:00Z",
                "urn:uuid:00000000-0000-4000-8000-000000000003",
            ),
            association(
                "DELETE",
                "2017",
                "board:B-7",
                "2026-03-01T00:00:00Z",
                "urn:uuid:00000000-0000-4000-8000-000000000002",
            ),
            association(
                "ADD",
                "2017",
                "board:B-7",
                "2026-02-01T00:00:00Z",
                "urn:uuid:00000000-0000-4000-8000-000000000001",
            ),
            association(
                "DELETE",
                "2017",
                "board:B-9",
                "2026-03-03T00:00:00Z",
                "urn:uuid:00000000-0000-4000-8000-000000000004",
            ),
        ];
        let import = world.import("parts.jsonld", document(&events)).await;
        is_done(&import, 3, 0, 0);
        let problems = world.problems(&import).await;
        assert!(problems.iter().any(|p| p.message == "it is not fitted in 2017, so it can't go out"), "{problems:?}");
        let one = world.fleet.device_record(&OPERATOR, "2017").await.unwrap();
        let two = world.fleet.device_record(&OPERATOR, "2018").await.unwrap();
        assert_eq!((one.device.manifest_version, two.device.manifest_version), (3, 2));
        assert_eq!(one.manifests[2].previous_hash, one.manifests[1].hash);
        assert!(two.components.iter().any(|c| c.part.identifier_key.ends_with("B-7") && c.removed_at.is_none()));

        let stolen = association(
            "ADD",
            "2017",
            "board:B-7",
            "2026-04-01T00:00:00Z",
            "urn:uuid:00000000-0000-4000-8000-000000000005",
        );
        let seen = json!({
            "type": "ObjectEvent", "eventTime": "2026-04-02T00:00:00Z", "eventTimeZoneOffset": "+00:00",
            "action": "OBSERVE", "epcList": ["urn:dev:muster:2017"], "bizStep": "inspecting"
        });
        let both = document(&[stolen, seen]);
        let import = world.import("stolen.jsonld", &both).await;
        assert_eq!((import.state, import.bad), (ImportState::Refused, 1));
        assert!(world.problems(&import).await[0].message.starts_with("it is fitted in 2018"));
        is_done(&world.skipping("stolen.jsonld", &both).await, 1, 0, 1);
        // The event had no identifier: its hash is known all the same.
        is_done(&world.skipping("stolen.jsonld", &both).await, 0, 1, 1);
    }
}

#[tokio::test]
async fn a_long_life_comes_in_whole_and_ends_where_its_last_event_says() {
    for world in worlds().await {
        gs1(&world).await;
        let day = |n: i64| domain::time::Timestamp::parse("2010-01-01").unwrap().plus(n * domain::time::DAY).rfc3339();
        // Parts come and go between the events, and the document is not in the order of time.
        let mut events: Vec<Value> = (0..600)
            .map(|n| match n % 3 {
                0 => {
                    let action = if n % 2 == 0 { "ADD" } else { "DELETE" };
                    let id = format!("urn:uuid:00000000-0000-4000-8000-{n:012}");
                    association(action, "2017", "board:B-7", &day(n), &id)
                }
                step => json!({
                    "type": "ObjectEvent", "eventTime": day(n), "eventTimeZoneOffset": "+00:00", "action": "OBSERVE",
                    "epcList": ["urn:epc:id:sgtin:0614141.107346.2017"],
                    "bizStep": if step == 1 { "receiving" } else { "inspecting" },
                    "bizLocation": {"id": if n % 2 == 0 { "urn:epc:id:sgln:0614141.00888.0" } else { "urn:epc:id:sgln:0012345.11111.0" }}
                }),
            })
            .collect();
        events.reverse();
        let import = world.import("life.jsonld", document(&events)).await;
        is_done(&import, 600, 0, 0);
        let record = world.fleet.device_record(&OPERATOR, "2017").await.unwrap();
        assert_eq!((record.history.len(), record.device.manifest_version), (602, 201), "{}", world.name());
        assert!(record.manifests.windows(2).all(|pair| pair[1].previous_hash == pair[0].hash));
        // Day 598 was the last receiving, at the depot.
        assert_eq!(record.device.lifecycle, Lifecycle::Stocked);
    }
}

#[tokio::test]
async fn odd_events_are_left_with_the_reason() {
    for world in worlds().await {
        gs1(&world).await;
        let event = |time: &str, step: &str| {
            json!({
                "type": "ObjectEvent", "eventTime": time, "eventTimeZoneOffset": "+00:00", "action": "OBSERVE",
                "epcList": ["urn:epc:id:sgtin:0614141.107346.2017"], "bizStep": step,
                "bizLocation": {"id": "urn:epc:id:sgln:0614141.00888.0"}
            })
        };
        let events = [
            event("2106-02-07T00:00:00Z", "receiving"),
            event("1999-01-01T00:00:00Z", "receiving"),
            json!({"type": "Party"}),
            json!(17),
        ];
        let import = world.import("odd.jsonld", document(&events)).await;
        is_done(&import, 0, 0, 0);
        let problems = world.problems(&import).await;
        let at = |line: i64| problems.iter().find(|p| p.line == line).map(|p| p.message.clone()).unwrap_or_default();
        assert!(at(1).contains("lies in the future"));
        assert!(at(2).contains("before the device was made on 2005-01-01"), "{problems:?}");
        assert!(!at(3).is_empty() && !at(4).is_empty());
        // Another maker's thing of the same serial.
        let other = document(&[event("2026-01-01T00:00:00Z", "receiving")]).replace("0614141.107346", "4012345.011111");
        is_done(&world.import("other.jsonld", other).await, 0, 0, 0);
    }
}
