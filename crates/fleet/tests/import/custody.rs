//! Custody: what fits a device's history, and what doesn't.

use crate::{
    epcis::{custodian, document},
    world::{OPERATOR, World, is_done, manifest, worlds},
};
use domain::{device::Lifecycle, history::Event};
use fleet::{Error, custody::CustodyForm};
use serde_json::json;

const FIRST: &str = "GW-000000";
const SECOND: &str = "GW-000001";

async fn two_devices(world: &World) {
    is_done(&world.import("a.csv", manifest(0..2)).await, 2, 0, 0);
    custodian(world, "Acme", "distributor", "").await;
    custodian(world, "Bakery", "client", "").await;
}

fn form(verb: &str, who: &str, at: &str) -> CustodyForm {
    CustodyForm { verb: verb.into(), custodian: who.into(), at: at.into(), ..CustodyForm::default() }
}

/// The field that a refusal names, and its sentence.
fn refusal<T: std::fmt::Debug>(result: Result<T, Error>) -> (String, String) {
    match result {
        Err(Error::Invalid { fields }) => (fields[0].field.clone(), fields[0].message.clone()),
        other => panic!("not refused: {other:?}"),
    }
}

async fn retire(world: &World, serial: &str) {
    let event = json!({
        "type": "ObjectEvent", "eventID": "urn:uuid:00000000-0000-4000-8000-000000000077",
        "eventTime": "2026-10-20T00:00:00Z", "eventTimeZoneOffset": "+00:00", "action": "DELETE",
        "epcList": [format!("urn:dev:muster:{serial}")], "bizStep": "decommissioning"
    });
    is_done(&world.import("end.jsonld", document(&[event])).await, 1, 0, 0);
}

#[tokio::test]
async fn the_retired_are_handed_to_nobody_until_the_retirement_is_corrected() {
    for world in worlds().await {
        two_devices(&world).await;
        retire(&world, SECOND).await;
        for verb in ["ship", "receive", "transfer", "return"] {
            let told = world.fleet.record_custody(&OPERATOR, SECOND, &form(verb, "bakery", "")).await;
            let (field, message) = refusal(told);
            assert_eq!(field, "verb");
            assert!(message.starts_with("GW-000001 was retired on 20 Oct 2026"), "{message}");
        }
        // All or none: the other device is not written to either.
        let both = [FIRST.to_owned(), SECOND.to_owned()];
        refusal(world.fleet.record_custody_of(&OPERATOR, &both, &form("ship", "acme", "")).await);
        assert_eq!(world.fleet.device(&OPERATOR, FIRST).await.unwrap().lifecycle, Lifecycle::Made);
        // What happened before is told late, and does not bring it back.
        let late = form("receive", "bakery", "2026-10-10T08:00");
        world.fleet.record_custody(&OPERATOR, SECOND, &late).await.unwrap();
        let record = world.fleet.device_record(&OPERATOR, SECOND).await.unwrap();
        assert_eq!(record.device.lifecycle, Lifecycle::Retired);
        let end = record.history.iter().find(|entry| matches!(entry.event, Event::Retired { .. })).unwrap();
        world.fleet.correct(&OPERATOR, SECOND, end.id, "It was another one").await.unwrap();
        world.fleet.record_custody(&OPERATOR, SECOND, &form("ship", "acme", "")).await.unwrap();
        assert_eq!(world.fleet.device(&OPERATOR, SECOND).await.unwrap().lifecycle, Lifecycle::InTransit);
    }
}

#[tokio::test]
async fn the_same_is_recorded_once_and_what_differs_again() {
    for world in worlds().await {
        two_devices(&world).await;
        let record = async |form: &CustodyForm| world.fleet.record_custody(&OPERATOR, FIRST, form).await;
        let now = form("receive", "acme", "");
        record(&now).await.unwrap();
        let (field, message) = refusal(record(&now).await);
        assert_eq!(field, "reference");
        assert!(message.contains("already for Acme, at 2 Nov 2026, 12:00 UTC"), "{message}");
        record(&CustodyForm { reference: "DN 7".into(), ..now.clone() }).await.unwrap();
        record(&form("receive", "bakery", "")).await.unwrap();
        let then = form("receive", "acme", "2026-10-10T08:00");
        record(&then).await.unwrap();
        refusal(record(&then).await);
        record(&form("receive", "acme", "2026-10-10T08:01")).await.unwrap();
        // What was struck through may be said again.
        let history = world.fleet.device_record(&OPERATOR, FIRST).await.unwrap().history;
        let first = history.iter().find(|entry| entry.event.kind() == "received").unwrap();
        world.fleet.correct(&OPERATOR, FIRST, first.id, "A slip").await.unwrap();
        record(&then).await.unwrap();
    }
}

#[tokio::test]
async fn a_carrier_belongs_to_what_is_shipped() {
    for world in worlds().await {
        two_devices(&world).await;
        let carried = |verb| CustodyForm { carrier: "acme".into(), ..form(verb, "bakery", "") };
        let (field, _) = refusal(world.fleet.record_custody(&OPERATOR, FIRST, &carried("receive")).await);
        assert_eq!(field, "carrier");
        world.fleet.record_custody(&OPERATOR, FIRST, &carried("ship")).await.unwrap();
    }
}
