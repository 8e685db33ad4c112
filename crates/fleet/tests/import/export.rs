//! What is given back: tables of devices, and EPCIS documents that GS1's schema accepts.

use crate::{
    epcis::{EXAMPLES, custodian, document, gs1},
    world::{OPERATOR, World, is_done, manifest, support, worlds},
};
use domain::factory_manifest::template_csv;
use fleet::{Error, custody::CustodyForm, export::DeviceColumn};
use futures::TryStreamExt;
use serde_json::{Value, json};
use store::device_list::Sort;

fn valid(text: &str) -> Value {
    let schema: Value =
        serde_json::from_str(include_str!("../../../domain/tests/data/epcis/EPCIS-JSON-Schema.json")).unwrap();
    let validator = jsonschema::options().should_validate_formats(true).build(&schema).unwrap();
    let document: Value = serde_json::from_str(text).unwrap();
    let problems: Vec<String> =
        validator.iter_errors(&document).map(|e| format!("{}: {e}", e.instance_path())).collect();
    assert!(problems.is_empty(), "{problems:#?}\n{text}");
    document
}

fn events(document: &Value) -> &Vec<Value> {
    document["epcisBody"]["eventList"].as_array().unwrap()
}

async fn batch(world: &World, code: &str) -> String {
    let pieces: Vec<String> = world.fleet.epcis_of_batch(&OPERATOR, code).await.unwrap().try_collect().await.unwrap();
    pieces.concat()
}

#[tokio::test]
async fn imported_events_are_given_back_word_for_word_and_once() {
    for world in worlds().await {
        gs1(&world).await;
        for example in EXAMPLES {
            world.import("example.jsonld", example).await;
        }
        let text = batch(&world, "W-1").await;
        let exported = valid(&text);
        // Two devices: made, listed; then three events of GS1's, though two of them speak of both.
        assert_eq!(events(&exported).len(), 4 + 3);
        for example in &EXAMPLES[..2] {
            let original: Value = serde_json::from_str(example).unwrap();
            for event in events(&original) {
                let mut found: Vec<Value> =
                    events(&exported).iter().filter(|e| e["eventID"] == event["eventID"]).cloned().collect();
                assert_eq!(found.len(), 1);
                let context = found[0].as_object_mut().unwrap().remove("@context");
                assert_eq!(context, Some(json!([{"example": "http://ns.example.com/epcis/"}])));
                assert_eq!(found[0], *event);
            }
        }
        assert!(text.contains("\"eventTime\": \"2005-04-03T20:33:31.116000-06:00\""), "word for word");
        let one = world.fleet.epcis_of_device(&OPERATOR, "2017").await.unwrap();
        assert_eq!(events(&valid(&one.to_string())).len(), 4);
        // Everything in it is known here already.
        let again = world.import("again.jsonld", &text).await;
        assert_eq!((again.added, again.bad), (0, 0), "{again:#?}");
    }
}

#[tokio::test]
async fn a_life_is_exported_and_recognised() {
    for world in worlds().await {
        is_done(&world.import("a.csv", template_csv()).await, 2, 0, 0);
        custodian(&world, "Acme Logistics", "distributor", "urn:epc:id:sgln:4012345.00001").await;
        custodian(&world, "Bäckerei <Öl & Co>", "client", "").await;
        let serial = "GW2C-2511-04217";
        for (verb, who) in [
            ("ship", "acme-logistics"),
            ("receive", "acme-logistics"),
            ("transfer", "b-ckerei-l-co"),
            ("return", "brno"),
        ] {
            let form = CustodyForm {
                verb: verb.into(),
                custodian: who.into(),
                reference: "PO \"7\"".into(),
                place: "Dock 7".into(),
                ..CustodyForm::default()
            };
            world.fleet.record_custody(&support(), serial, &form).await.unwrap();
        }
        world.fleet.add_note(&support(), serial, "<b>dropped</b> & dried").await.unwrap();
        let text = world.fleet.epcis_text_of_device(&OPERATOR, serial).await.unwrap();
        assert_eq!(events(&valid(&text)).len(), 7);
        let again = world.import("own.jsonld", &text).await;
        is_done(&again, 0, 7, 0);
        let whole = batch(&world, "2025-11-A").await;
        assert_eq!(events(&valid(&whole)).len(), 9);
        assert!(matches!(world.fleet.epcis_of_device(&OPERATOR, "X").await, Err(Error::NotFound { .. })));
        assert!(world.fleet.epcis_of_batch(&OPERATOR, "X").await.is_err());
    }
}

#[tokio::test]
async fn an_event_that_the_schema_would_refuse_is_given_back_in_our_words() {
    for world in worlds().await {
        gs1(&world).await;
        let odd = json!({
            "type": "ObjectEvent", "eventID": "not a uri", "eventTime": "2026-01-01T00:00:00+02:00",
            "action": "OBSERVE", "epcList": "urn:epc:id:sgtin:0614141.107346.2017",
            "bizStep": "urn:epcglobal:cbv:bizstep:inspecting", "strange": {"a": 1}
        });
        let text = document(&[odd]);
        is_done(&world.import("odd.jsonld", &text).await, 1, 0, 0);
        let exported = world.fleet.epcis_text_of_device(&OPERATOR, "2017").await.unwrap();
        assert_eq!(events(&valid(&exported)).len(), 3);
        is_done(&world.import("odd.jsonld", &text).await, 0, 1, 0);
        assert_eq!(world.import("again.jsonld", &exported).await.added, 0);
    }
}

#[tokio::test]
async fn devices_are_given_as_a_safe_table() {
    for world in worlds().await {
        let text = manifest(0..2_500).replace(",C,", ",=1+1,");
        is_done(&world.import("a.csv", text).await, 2_500, 0, 0);
        let columns = [DeviceColumn::Serial, DeviceColumn::HardwareRevision, DeviceColumn::MadeAt];
        let stream = world.fleet.devices_csv(&OPERATOR, "model:GW-200", Sort::default(), &columns).await.unwrap();
        let table: Vec<String> = stream.try_collect().await.unwrap();
        let table = table.concat();
        let lines: Vec<&str> = table.lines().collect();
        assert_eq!(lines.len(), 2_501);
        assert_eq!(lines[0], "serial,hardware_revision,made_at");
        assert_eq!(lines[1], "GW-000000,\"'=1+1\",2026-10-01T08:00:00Z");
        assert_eq!(lines[2_500], "GW-002499,\"'=1+1\",2026-10-01T08:00:00Z");
        let all = world.fleet.devices_csv(&OPERATOR, "model:none", Sort::default(), &[]).await.unwrap();
        let all: Vec<String> = all.try_collect().await.unwrap();
        assert_eq!(all.concat().trim_end().split(',').count(), DeviceColumn::ALL.len());
        assert!(world.fleet.devices_csv(&OPERATOR, "model:", Sort::default(), &[]).await.is_err());
    }
}
