//! What is exported comes back the same in another fleet, parts and manifests included.

use crate::{
    epcis::{custodian, document},
    world::{OPERATOR, World, is_done, support, worlds},
};
use domain::{component::Component, history::Event, manifest::Manifest};
use fleet::custody::CustodyForm;
use futures::TryStreamExt;
use serde_json::{Value, json};

const SERIALS: [&str; 2] = ["GW-000000", "GW-000001"];

/// Two devices as the factory made them, one field a column; without parts the columns are left out.
fn factory(parts: bool) -> String {
    let mut text = String::from("serial,model,hardware_revision,batch,factory,made_at,firmware");
    text.push_str(if parts { ",cpu,lte0\n" } else { "\n" });
    for (n, imei) in ["861941050337180", "490154203237518"].iter().enumerate() {
        text.push_str(&format!("GW-{n:06},GW-200,C,2026-11-A,brno,2026-10-01T08:00:00Z,1.4.2"));
        text.push_str(&if parts { format!(",NXP|i.MX8M|CPU{n},Quectel|EG25-G|{imei}\n") } else { "\n".to_owned() });
    }
    text
}

async fn people(world: &World) {
    custodian(world, "Acme Logistics", "distributor", "urn:epc:id:sgln:4012345.00001").await;
    custodian(world, "Bakery", "client", "").await;
}

/// A repair as another system tells of it: a modem goes out of one device and into the other, which had lost its own.
fn repair() -> String {
    let moved = |action: &str, serial: &str, imei: &str, at: &str, n: u8| {
        json!({
            "type": "AssociationEvent", "eventID": format!("urn:uuid:00000000-0000-4000-8000-0000000000{n:02}"),
            "eventTime": at, "eventTimeZoneOffset": "+00:00", "action": action,
            "parentID": format!("urn:dev:muster:{serial}"), "childEPCs": [format!("urn:dev:musterpart:lte:{imei}")],
            "bizStep": "repairing"
        })
    };
    let (one, other) = ("861941050337180", "490154203237518");
    document(&[
        moved("DELETE", SERIALS[1], other, "2026-10-10T08:00:00Z", 1),
        moved("DELETE", SERIALS[0], one, "2026-10-11T08:00:00Z", 2),
        moved("ADD", SERIALS[1], one, "2026-10-12T08:00:00Z", 3),
    ])
}

/// A fleet with a past: made, shipped, received, repaired.
async fn lived(world: &World) {
    is_done(&world.import("a.csv", factory(true)).await, 2, 0, 0);
    people(world).await;
    for (verb, who, at) in [
        ("ship", "acme-logistics", "2026-10-02T08:00"),
        ("receive", "acme-logistics", "2026-10-03T08:00"),
        ("transfer", "bakery", "2026-10-05T08:00"),
    ] {
        let form = CustodyForm {
            verb: verb.into(),
            custodian: who.into(),
            at: at.into(),
            reference: "DN-7".into(),
            ..CustodyForm::default()
        };
        world.fleet.record_custody_of(&support(), &SERIALS.map(str::to_owned), &form).await.unwrap();
    }
    is_done(&world.import("repair.jsonld", repair()).await, 3, 0, 0);
}

async fn exported(world: &World) -> String {
    let pieces: Vec<String> =
        world.fleet.epcis_of_batch(&OPERATOR, "2026-11-A").await.unwrap().try_collect().await.unwrap();
    pieces.concat()
}

async fn record(world: &World, serial: &str) -> (Vec<Component>, Vec<Manifest>, Vec<Event>) {
    let record = world.fleet.device_record(&OPERATOR, serial).await.unwrap();
    (record.components, record.manifests, record.history.into_iter().map(|entry| entry.event).collect())
}

/// What is in a device and was, without what is each fleet's own.
fn parts(components: &[Component]) -> Vec<(String, String, String, i64, Option<i64>)> {
    let told = |c: &Component| {
        let name = format!("{} {}", c.part.maker, c.part.model);
        (c.part.slot.clone(), name, c.part.identifier_key.clone(), c.fitted_at.0, c.removed_at.map(|at| at.0))
    };
    let mut told: Vec<_> = components.iter().map(told).collect();
    told.sort();
    told
}

/// Steps of all events about parts, in the order of the document.
fn steps(text: &str) -> Vec<(String, String, String)> {
    let document: Value = serde_json::from_str(text).unwrap();
    let events = document["epcisBody"]["eventList"].as_array().unwrap();
    let word = |event: &Value, name: &str| event[name].as_str().unwrap_or_default().to_owned();
    let about = events.iter().filter(|event| event["type"] == "AssociationEvent");
    about.map(|e| (word(e, "action"), word(e, "bizStep"), word(e, "disposition"))).collect()
}

#[tokio::test]
async fn another_fleet_with_the_factorys_manifests_ends_with_the_same_chain_of_manifests() {
    for (here, there) in worlds().await.into_iter().zip(worlds().await) {
        lived(&here).await;
        let text = exported(&here).await;
        let made = ("ADD".to_owned(), "assembling".to_owned(), "active".to_owned());
        assert_eq!(steps(&text).iter().filter(|step| **step == made).count(), 2, "{text}");

        is_done(&there.import("a.csv", factory(true)).await, 2, 0, 0);
        people(&there).await;
        let import = there.import("batch.jsonld", &text).await;
        assert_eq!(import.bad, 0, "{import:#?}");
        for serial in SERIALS {
            let (ours, theirs) = (record(&here, serial).await, record(&there, serial).await);
            assert_eq!(ours.1, theirs.1, "{}: the manifests of {serial}", there.name());
            assert_eq!(parts(&ours.0), parts(&theirs.0), "{}: the parts of {serial}", there.name());
            let kinds = |events: &[Event]| events.iter().map(Event::kind).collect::<Vec<_>>();
            let (ours, theirs) = (kinds(&ours.2), kinds(&theirs.2));
            // Made and listed once by the factory's manifest, seen once more as the export tells it.
            let told: Vec<_> = theirs.iter().filter(|kind| **kind != "observed").collect();
            assert_eq!(told, ours.iter().collect::<Vec<_>>(), "{}", there.name());
        }
        let again = there.import("again.jsonld", &text).await;
        assert_eq!((again.added, again.bad), (0, 0), "{again:#?}");
        // Whatever is given on is said in the same words again.
        assert_eq!(steps(&exported(&there).await).last(), steps(&text).last());
    }
}

#[tokio::test]
async fn a_fleet_that_knows_the_devices_alone_learns_what_is_in_them() {
    for (here, there) in worlds().await.into_iter().zip(worlds().await) {
        lived(&here).await;
        is_done(&there.import("a.csv", factory(false)).await, 2, 0, 0);
        people(&there).await;
        let import = there.import("batch.jsonld", exported(&here).await).await;
        assert_eq!(import.bad, 0, "{import:#?}");
        for serial in SERIALS {
            let (ours, theirs) = (record(&here, serial).await, record(&there, serial).await);
            assert_eq!(parts(&ours.0), parts(&theirs.0), "{}: the parts of {serial}", there.name());
            // Listed empty by the factory, then as in the other fleet.
            assert_eq!(theirs.1.len(), ours.1.len() + 1);
            let reasons = |manifests: &[Manifest]| manifests.iter().map(|m| m.reason.clone()).collect::<Vec<_>>();
            assert_eq!(reasons(&theirs.1)[1..], reasons(&ours.1), "why they were made");
        }
    }
}
