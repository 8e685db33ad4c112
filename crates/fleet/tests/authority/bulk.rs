//! Many at once.

use crate::world::{World, conflict, operator, request_pem, station, worlds};
use fleet::enrol::{EnrolItem, EnrolOutcome};
use pki::{KeyAlgorithm, SoftwareKey};
use serde_json::json;

fn item(n: usize) -> EnrolItem {
    let serial = format!("GW-{n:04}");
    let key = SoftwareKey::generate(KeyAlgorithm::EcdsaP256).unwrap();
    EnrolItem { csr: request_pem(&key, &serial), serial, ..EnrolItem::default() }
}

fn with_parts(n: usize) -> EnrolItem {
    let parts = vec![
        json!({"slot": "cpu", "class": "cpu", "maker": "NXP", "model": "i.MX8M", "identifier": format!("CPU{n}")}),
        json!({"slot": "eth0", "identifier": format!("d8:80:39:00:{:02x}:{:02x}", n / 256, n % 256)}),
    ];
    EnrolItem { components: parts, hardware_revision: Some("C".into()), firmware: Some("1.4.2".into()), ..item(n) }
}

async fn sent(world: &World, items: Vec<EnrolItem>) -> Vec<EnrolOutcome> {
    world.fleet.enrol_many(&station(1), "B", items).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn hundreds_are_enrolled_and_made_each_with_its_own_answer() {
    for world in worlds().await {
        let mut items: Vec<EnrolItem> = (0..300).map(with_parts).collect();
        items[7].csr = "nonsense".into();
        items[8].components = vec![json!({"slot": "eth0", "identifier": "not a MAC"})];
        items[9].csr = items[10].csr.clone();
        items[11].components = items[12].components.clone();
        items[13].serial = "no serial".into();
        let again = items.clone();
        let told = sent(&world, items).await;
        let refused: Vec<usize> = (0..300).filter(|n| told[*n].outcome.is_err()).collect();
        // 11 came first with the parts of 12.
        assert_eq!(refused, [7, 8, 9, 12, 13], "{}", world.name());
        assert!(told[7].outcome.as_ref().unwrap_err().contains("certificate request"));
        assert!(told[8].outcome.as_ref().unwrap_err().contains("can't be entered"));
        assert!(told[9].outcome.as_ref().unwrap_err().contains("asks for the name"));
        assert!(told[12].outcome.as_ref().unwrap_err().contains("one device at a time"));
        assert!(told[0].made);
        let record = world.fleet.device_record(&operator(), "GW-0000").await.unwrap();
        assert_eq!((record.components.len(), record.history.len()), (2, 3));
        assert_eq!(record.device.firmware.as_deref(), Some("1.4.2"));
        let serial = told[0].outcome.as_ref().unwrap().certificate.serial_hex();
        assert_eq!(record.device.certificate_serial.as_deref(), Some(serial.as_str()));
        assert_eq!(world.fleet.device_total(&operator()).await.unwrap(), 295);
        assert_eq!(world.fleet.authority(&operator(), "batch-ca-b").await.unwrap().row.authority.issued, 295);
        // Sent again as a whole: whoever has a certificate gets the same one.
        let repeated = sent(&world, again).await;
        let der = |told: &EnrolOutcome| told.outcome.as_ref().ok().map(|e| e.certificate.der().to_vec());
        assert_eq!(told.iter().map(der).collect::<Vec<_>>(), repeated.iter().map(der).collect::<Vec<_>>());
        assert!(repeated.iter().all(|told| !told.made));
        assert_eq!(world.fleet.authority(&operator(), "batch-ca-b").await.unwrap().row.authority.issued, 295);
        world.chain_holds().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_quota_cuts_in_the_middle_and_frees_what_it_refused() {
    for world in worlds().await {
        let told = world.fleet.enrol_many(&station(1), "A", (0..8).map(item).collect()).await.unwrap();
        let done: Vec<bool> = told.iter().map(|told| told.outcome.is_ok()).collect();
        assert_eq!(done, [true, true, true, true, true, false, false, false]);
        assert!(told[6].outcome.as_ref().unwrap_err().contains("quota"));
        let told = world.fleet.enrol_many(&station(1), "B", vec![item(6)]).await.unwrap();
        assert!(told[0].outcome.is_ok(), "its serial was not kept by what was refused");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_twice_in_one_call_is_one_devices() {
    for world in worlds().await {
        let key = SoftwareKey::generate(KeyAlgorithm::EcdsaP256).unwrap();
        let item =
            |serial: &str| EnrolItem { serial: serial.into(), csr: request_pem(&key, serial), ..EnrolItem::default() };
        let told = sent(&world, vec![item("GW-1"), item("GW-2")]).await;
        assert!(told[0].outcome.is_ok());
        assert!(told[1].outcome.as_ref().unwrap_err().contains("belongs to the device GW-1"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_calls_that_name_one_part_one_makes_a_device_of_it() {
    for world in worlds().await {
        for n in 0..8 {
            let (one, mut two) = (with_parts(2 * n), with_parts(2 * n + 1));
            two.components.clone_from(&one.components);
            let (one, two) = tokio::join!(sent(&world, vec![one]), sent(&world, vec![two]));
            let told = [&one[0], &two[0]];
            assert_eq!(told.iter().filter(|told| told.made).count(), 1, "{}: {n}", world.name());
            let refused = told.iter().find_map(|told| told.outcome.as_ref().err()).unwrap();
            assert!(refused.contains("one device at a time"), "{refused}");
        }
        let row = world.fleet.authority(&operator(), "batch-ca-b").await.unwrap().row;
        assert_eq!((row.authority.issued, row.valid), (8, 8), "{}: what was refused counts nowhere", world.name());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_station_of_another_factory_and_too_many_are_refused_whole() {
    for world in worlds().await {
        conflict(world.fleet.enrol_many(&station(2), "B", vec![item(1)]).await, "another factory");
        let many = vec![EnrolItem::default(); 10_001];
        conflict(world.fleet.enrol_many(&station(1), "B", many).await, "at most 10000");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_serial_twice_in_one_call_gets_one_certificate() {
    for world in worlds().await {
        let serial =
            |told: &EnrolOutcome| told.outcome.as_ref().map(|e| e.certificate.serial_hex()).map_err(Clone::clone);
        // The same with another key, with the same key, with blanks around it, and with what it is made of.
        let mut items = vec![item(1), item(1), with_parts(1)];
        items.push(items[0].clone());
        items[1].serial = " GW-0001 ".into();
        // Beyond the first piece, too.
        items.extend((2..300).map(item));
        items.push(item(1));
        let told = sent(&world, items).await;
        assert!(told[0].outcome.is_ok(), "{}", world.name());
        for at in [1, 2, 3, told.len() - 1] {
            assert!(serial(&told[at]).unwrap_err().contains("more than once"), "{at}");
        }
        assert_eq!(store::certificate::of_device(world.fleet.db(), "GW-0001").await.unwrap().len(), 1);
        let row = world.fleet.authority(&operator(), "batch-ca-b").await.unwrap().row;
        assert_eq!((row.authority.issued, row.valid), (299, 299), "{}", world.name());
    }
}
