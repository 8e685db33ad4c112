//! Supply chains, parts and bills of materials, on both databases.

use crate::{
    epcis::{custodian, document},
    world::{OPERATOR, World, is_done, manifest, support, worlds},
};
use domain::supply::SupplyKind;
use fleet::{
    Error,
    custody::CustodyForm,
    export::{Period, SupplyOf, SupplyPage},
};
use futures::TryStreamExt;
use serde_json::json;

const BATCH: &str = "2026-11-A";

async fn record(world: &World, serials: &[&str], verb: &str, who: &str, at: &str) {
    let form = CustodyForm {
        verb: verb.into(),
        custodian: who.into(),
        at: at.into(),
        reference: "=DN 7".into(),
        ..CustodyForm::default()
    };
    let serials: Vec<String> = serials.iter().map(|serial| (*serial).to_owned()).collect();
    world.fleet.record_custody_of(&support(), &serials, &form).await.unwrap();
}

/// Three devices: two were sent to Acme and received, of these one was sold to a bakery.
async fn sold(world: &World) {
    is_done(&world.import("a.csv", manifest(0..3)).await, 3, 0, 0);
    custodian(world, "Acme", "distributor", "").await;
    custodian(world, "Bakery", "client", "").await;
    let both = ["GW-000000", "GW-000001"];
    record(world, &both, "ship", "acme", "2026-10-02T08:00").await;
    record(world, &both, "receive", "acme", "2026-10-03T08:00").await;
    record(world, &both[..1], "transfer", "bakery", "2026-10-05T23:59").await;
}

async fn page(world: &World, of: &SupplyOf, from: &str, to: &str) -> SupplyPage {
    let period = Period::of_days(from, to).unwrap();
    world.fleet.supply_chain(&OPERATOR, of, period, None).await.unwrap()
}

async fn csv(world: &World, of: &SupplyOf, from: &str, to: &str) -> Vec<String> {
    let period = Period::of_days(from, to).unwrap();
    let pieces: Vec<String> =
        world.fleet.supply_chain_csv(&OPERATOR, of, period).await.unwrap().try_collect().await.unwrap();
    pieces.concat().split_terminator("\r\n").map(str::to_owned).collect()
}

/// Device, way, supplier and recipient of what is about devices.
fn devices(page: &SupplyPage) -> Vec<(String, SupplyKind, String, String)> {
    let devices = page.rows.iter().filter(|row| row.supply.part.is_none());
    let told = devices.map(|row| {
        let supply = &row.supply;
        (row.serial.clone(), supply.kind, supply.supplier().to_owned(), supply.recipient().to_owned())
    });
    told.collect()
}

fn told(serial: &str, kind: SupplyKind, from: &str, to: &str) -> (String, SupplyKind, String, String) {
    (serial.to_owned(), kind, from.to_owned(), to.to_owned())
}

#[tokio::test]
async fn a_batch_tells_who_was_supplied() {
    use SupplyKind::{Delivered, Transferred};
    for world in worlds().await {
        sold(&world).await;
        let of = SupplyOf::Batch(BATCH.into());
        let whole = page(&world, &of, "", "").await;
        let factory = whole.catalogue.custodians.iter().find(|c| c.code == "brno").unwrap().name.clone();
        let one = told("GW-000000", Delivered, &factory, "Acme");
        let two = told("GW-000001", Delivered, &factory, "Acme");
        let three = told("GW-000000", Transferred, "Acme", "Bakery");
        assert_eq!(devices(&whole), [one.clone(), three.clone(), two.clone()], "{}", world.name());
        assert_eq!((whole.devices, whole.next.as_ref()), (3, None));
        assert_eq!(whole.span, Some(("GW-000000".into(), "GW-000002".into())));
        // Each device has a CPU of a named maker and two interfaces of nobody's.
        let parts: Vec<_> = whole.rows.iter().filter(|row| row.supply.part.is_some()).collect();
        assert_eq!(parts.len(), 9);
        assert!(parts.iter().all(|row| row.supply.recipient() == factory));
        assert_eq!(parts.iter().filter(|row| row.supply.supplier() == "NXP").count(), 3);

        let october = page(&world, &of, "2026-10-03", "2026-10-05").await;
        assert_eq!(devices(&october), [one, three, two], "both days are included");
        assert!(october.rows.iter().all(|row| row.supply.part.is_none()));
        let fourth = page(&world, &of, "2026-10-04", "2026-10-04").await;
        assert!(fourth.rows.is_empty());

        let table = csv(&world, &of, "", "").await;
        assert_eq!(table.len(), 1 + whole.rows.len());
        assert!(table[0].starts_with("when,how,supplier,supplier_code,"), "{}", table[0]);
        let sale = table.iter().find(|line| line.contains("Handed over")).unwrap();
        assert!(sale.starts_with("2026-10-05T23:59:00Z,Handed over,Acme,acme,,,Bakery,bakery,"), "{sale}");
        assert!(sale.contains(",GW-000000,GW-200,2026-11-A,"), "{sale}");
        assert!(sale.contains(",\"'=DN 7\","), "a formula is disarmed: {sale}");
        assert!(table.iter().all(|line| line.split(',').count() == table[0].split(',').count()), "{table:#?}");
    }
}

#[tokio::test]
async fn a_custodian_tells_what_came_to_it_and_what_it_gave_on() {
    use SupplyKind::{Delivered, Transferred};
    for world in worlds().await {
        sold(&world).await;
        let acme = page(&world, &SupplyOf::Custodian("acme".into()), "", "").await;
        let factory = acme.catalogue.custodians.iter().find(|c| c.code == "brno").unwrap().name.clone();
        let mut said = devices(&acme);
        said.sort_by(|a, b| (a.1, &a.0).cmp(&(b.1, &b.0)));
        let expected = [
            told("GW-000000", Delivered, &factory, "Acme"),
            told("GW-000001", Delivered, &factory, "Acme"),
            told("GW-000000", Transferred, "Acme", "Bakery"),
        ];
        assert_eq!(said, expected, "{}", world.name());
        assert!(acme.rows.iter().all(|row| row.supply.part.is_none()), "it fitted no part");
        let bakery = page(&world, &SupplyOf::Custodian("bakery".into()), "", "").await;
        assert_eq!(devices(&bakery), [told("GW-000000", Transferred, "Acme", "Bakery")]);
        let maker = page(&world, &SupplyOf::Custodian("brno".into()), "", "").await;
        assert_eq!((maker.devices, devices(&maker).len()), (3, 2));
        assert_eq!(maker.rows.iter().filter(|row| row.supply.part.is_some()).count(), 9);
        // What comes back to its maker is told once.
        record(&world, &["GW-000000"], "return", "brno", "2026-10-07T08:00").await;
        let maker = csv(&world, &SupplyOf::Custodian("brno".into()), "", "").await;
        assert_eq!(maker.iter().filter(|line| line.contains("Returned")).count(), 1, "{maker:#?}");
        let device = csv(&world, &SupplyOf::Device("GW-000000".into()), "", "").await;
        assert_eq!(device.len(), 1 + 3 + 3);
        for of in [SupplyOf::Device("X".into()), SupplyOf::Batch("X".into()), SupplyOf::Custodian("X".into())] {
            let refused = world.fleet.supply_chain(&OPERATOR, &of, Period::default(), None).await;
            assert!(matches!(refused, Err(Error::NotFound { .. })), "{refused:?}");
        }
    }
}

#[tokio::test]
async fn a_carrier_tells_what_it_carried() {
    for world in worlds().await {
        sold(&world).await;
        custodian(&world, "Haul", "distributor", "").await;
        let form = CustodyForm {
            verb: "ship".into(),
            custodian: "acme".into(),
            carrier: "haul".into(),
            at: "2026-10-06T08:00".into(),
            ..CustodyForm::default()
        };
        let serials: Vec<String> = ["GW-000000", "GW-000002"].map(str::to_owned).into();
        world.fleet.record_custody_of(&support(), &serials, &form).await.unwrap();
        let haul = page(&world, &SupplyOf::Custodian("haul".into()), "", "").await;
        let factory = haul.catalogue.custodians.iter().find(|c| c.code == "brno").unwrap().name.clone();
        let expected = [
            told("GW-000000", SupplyKind::Sent, "Bakery", "Acme"),
            told("GW-000002", SupplyKind::Sent, &factory, "Acme"),
        ];
        assert_eq!(devices(&haul), expected, "{}", world.name());
        assert_eq!((haul.devices, haul.next), (2, None));
        // One that it was given, too, is told of once.
        record(&world, &["GW-000002"], "receive", "haul", "2026-10-07T08:00").await;
        assert_eq!(page(&world, &SupplyOf::Custodian("haul".into()), "", "").await.devices, 2, "{}", world.name());
    }
}

#[tokio::test]
async fn large_ones_come_in_pages_and_pieces_and_each_device_once() {
    for world in worlds().await {
        is_done(&world.import("a.csv", manifest(0..450)).await, 450, 0, 0);
        custodian(&world, "Acme", "distributor", "").await;
        let serials: Vec<String> = (0..450).map(|n| format!("GW-{n:06}")).collect();
        let serials: Vec<&str> = serials.iter().map(String::as_str).collect();
        record(&world, &serials, "receive", "acme", "2026-10-03T08:00").await;
        for of in
            [SupplyOf::Batch(BATCH.into()), SupplyOf::Custodian("acme".into()), SupplyOf::Custodian("brno".into())]
        {
            let (mut seen, mut pages, mut cursor) = (Vec::new(), 0, None);
            loop {
                let page =
                    world.fleet.supply_chain(&OPERATOR, &of, Period::default(), cursor.as_deref()).await.unwrap();
                seen.extend(devices(&page).into_iter().map(|row| row.0));
                pages += 1;
                cursor = page.next;
                if cursor.is_none() {
                    break;
                }
            }
            seen.sort_unstable();
            assert_eq!(seen, serials, "{}: {of:?}", world.name());
            assert_eq!(pages, 8, "{}: {of:?}", world.name());
            let table = csv(&world, &of, "", "").await;
            assert_eq!(table.iter().filter(|line| line.contains(",Delivered,")).count(), 450, "{of:?}");
        }
        let odd =
            world.fleet.supply_chain(&OPERATOR, &SupplyOf::Batch(BATCH.into()), Period::default(), Some("x")).await;
        assert!(matches!(odd, Err(Error::Invalid { .. })));
    }
}

#[test]
fn days_are_read_or_said_to_be_wrong() {
    let wrong = |from: &str, to: &str| match Period::of_days(from, to) {
        Err(Error::Invalid { fields }) => fields.into_iter().map(|field| field.field).collect::<Vec<_>>(),
        _ => Vec::new(),
    };
    assert_eq!(wrong("", ""), Vec::<String>::new());
    assert_eq!(wrong(" 2026-11-02 ", "2026-11-02"), Vec::<String>::new());
    assert_eq!(wrong("2026-11-02", "2026-11-01"), ["to"]);
    assert_eq!(wrong("2026-02-30", "yesterday"), ["from", "to"]);
    assert_eq!(wrong("2026-11-02T00:00:00Z", ""), ["from"]);
}

#[tokio::test]
async fn a_part_is_found_in_every_notation_and_by_its_beginning() {
    for world in worlds().await {
        is_done(&world.import("a.csv", manifest(0..3)).await, 3, 0, 0);
        let of = |text: &'static str| {
            let fleet = world.fleet.clone();
            async move {
                let found = fleet.parts(&OPERATOR, text, 100).await.unwrap();
                found.stays.into_iter().map(|stay| stay.fitting.serial).collect::<Vec<_>>()
            }
        };
        for text in ["d8:80:39:00:00:02", "D8-80-39-00-00-02", "d880.3900.0002", "d88039000002", "d8803900:0002"] {
            assert_eq!(of(text).await, ["GW-000001"], "{}: {text}", world.name());
        }
        assert_eq!(of("d8:80:39").await.len(), 6);
        assert_eq!(of("cpu1").await, ["GW-000001"]);
        assert_eq!(of("nothing").await, [""; 0]);
        let two = world.fleet.parts(&OPERATOR, "d8:80:39", 2).await.unwrap();
        assert_eq!((two.stays.len(), two.more), (2, true));
        assert!(matches!(world.fleet.part(&OPERATOR, "cpu").await, Err(Error::NotFound { .. })), "not whole");
        let types = world.fleet.part_types(&OPERATOR, 0, 25).await.unwrap();
        let named: Vec<_> =
            types.types.iter().map(|t| (t.part.class.as_str(), t.part.maker.as_str(), t.devices)).collect();
        assert_eq!(named, [("cpu", "NXP", 3), ("ethernet", "", 3), ("wlan", "", 3)], "{}", world.name());
    }
}

#[tokio::test]
async fn a_part_that_moved_is_told_with_both_devices_and_is_no_conflict() {
    for world in worlds().await {
        is_done(&world.import("a.csv", manifest(0..2)).await, 2, 0, 0);
        let moved = |action: &str, serial: &str, at: &str, n: u8| {
            json!({
                "type": "AssociationEvent", "eventID": format!("urn:uuid:00000000-0000-4000-8000-0000000000{n:02}"),
                "eventTime": at, "eventTimeZoneOffset": "+00:00", "action": action, "bizStep": "repairing",
                "parentID": format!("urn:dev:muster:{serial}"), "childEPCs": ["urn:dev:musterpart:cpu:CPU0"]
            })
        };
        let events = [
            moved("DELETE", "GW-000000", "2026-10-10T08:00:00Z", 1),
            moved("ADD", "GW-000001", "2026-10-10T08:00:00Z", 2),
        ];
        is_done(&world.import("move.jsonld", document(&events)).await, 2, 0, 0);
        let found = world.fleet.part(&OPERATOR, "cpu0").await.unwrap();
        let stays: Vec<_> = found
            .stays
            .iter()
            .map(|stay| {
                let component = &stay.fitting.component;
                (
                    stay.fitting.serial.as_str(),
                    component.fitted_version,
                    component.removed_version,
                    stay.conflict.clone(),
                )
            })
            .collect();
        assert_eq!(stays, [("GW-000000", 1, Some(2), None), ("GW-000001", 2, None, None)], "{}", world.name());

        // Its maker supplied it once; from then on it only moved.
        let chain = page(&world, &SupplyOf::Batch(BATCH.into()), "", "").await;
        let of_part = chain.rows.iter().filter(|row| row.supply.part.as_ref().is_some_and(|p| p.identifier == "CPU0"));
        let told: Vec<_> = of_part
            .map(|row| (row.serial.as_str(), row.supply.kind, row.supply.supplier(), row.supply.moved_from.as_str()))
            .collect();
        let expected = [("GW-000000", SupplyKind::Part, "NXP", ""), ("GW-000001", SupplyKind::Moved, "", "GW-000000")];
        assert_eq!(told, expected, "{}", world.name());
        let table = csv(&world, &SupplyOf::Device("GW-000001".into()), "", "").await;
        assert!(table[0].ends_with(",made_at,moved_from"), "{}", table[0]);
        assert!(table.iter().any(|line| line.contains(",Part moved,,") && line.ends_with(",GW-000000")), "{table:#?}");

        // The bill of materials of each version lists what was in it then.
        let has = |document: &serde_json::Value| document.to_string().contains("sn:cpu:CPU0");
        let before = world.fleet.hbom(&OPERATOR, "GW-000000", 1).await.unwrap();
        let after = world.fleet.hbom(&OPERATOR, "GW-000000", 2).await.unwrap();
        assert_eq!((has(&before), has(&after)), (true, false));
        assert_eq!(before["metadata"]["component"]["name"], "GW-200");
        assert_eq!(before, world.fleet.hbom(&OPERATOR, "GW-000000", 1).await.unwrap());
        for (serial, version) in [("GW-000000", 3), ("GW-000000", 0), ("X", 1)] {
            assert!(matches!(world.fleet.hbom(&OPERATOR, serial, version).await, Err(Error::NotFound { .. })));
        }
    }
}
