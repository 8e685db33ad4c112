#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use super::*;
use crate::testing::{NOW, begun, fleet, part};
use domain::{component::ComponentClass, history::Event, id::HistoryId, import::ImportFormat};
use uuid::Uuid;

/// A row of a manifest that lists a processor: a device like one that is there.
async fn row(fleet: &Fleet, like: &Device, (line, serial, cpu): (u64, &str, &str)) -> Item {
    let part = Part { maker: "NXP".into(), model: "i.MX8M Mini".into(), ..part(ComponentClass::Cpu, "cpu", cpu) };
    let mut tx = fleet.db().begin().await.unwrap();
    let part_id = store::component::part_id(&mut tx, part.class, &part.maker, &part.model).await.unwrap();
    tx.commit().await.unwrap();
    let hash = domain::manifest::hash(serial, 1, "", std::slice::from_ref(&part));
    let entry = |event: Event| Entry {
        id: HistoryId(Uuid::now_v7()),
        at: NOW,
        recorded_at: NOW,
        actor: "ada".into(),
        place: String::new(),
        event,
        epcis_event_id: None,
    };
    let listed = Event::ManifestRecorded {
        version: 1,
        hash: hash.clone(),
        previous_hash: String::new(),
        fitted: vec![part],
        removed: Vec::new(),
        reason: String::new(),
    };
    let first =
        Manifest { version: 1, hash: hash.clone(), previous_hash: String::new(), at: NOW, reason: String::new() };
    Item::New(Box::new(New {
        line,
        device: Device { id: DeviceId(Uuid::now_v7()), serial: serial.into(), manifest_hash: hash, ..like.clone() },
        manifest: first,
        made: entry(Event::Note { text: "made".into() }),
        listed: entry(listed),
        parts: vec![(ComponentId(Uuid::now_v7()), part_id)],
    }))
}

/// Enters a piece as the import does. What was taken on the way: serials, and parts with their devices.
async fn entered(piece: &mut Piece, fleet: &Fleet, import: &Import) -> Vec<String> {
    let mut taken = Vec::new();
    loop {
        match piece.enter(fleet, import, 0, 4, false).await.unwrap() {
            Entered::Whole => return taken,
            Entered::SerialTaken => {
                taken.push("serial".to_owned());
                piece.without_those_there(fleet).await.unwrap();
            }
            Entered::PartsTaken(fitted) => {
                taken.extend(fitted.iter().map(|(key, serial)| format!("{key} in {serial}")));
                piece.without_what_is_fitted(&fitted);
            }
        }
    }
}

/// A station enrols a device with its parts after the file was checked and before its row is entered.
#[tokio::test]
async fn a_device_that_a_station_enrolled_meanwhile_is_there_already_and_not_bad_for_its_own_parts() {
    for fixture in store::testing::both().await.unwrap() {
        let fleet = fleet(&fixture).await;
        let checked = store::repair::moves(fleet.db()).await.unwrap();
        let mut tx = fleet.db().begin().await.unwrap();
        store::repair::hold_manifests(&mut tx).await.unwrap();
        tx.commit().await.unwrap();
        let there = store::device::by_serial(fleet.db(), "GW-1").await.unwrap().unwrap();
        let import = begun(&fleet, ImportFormat::Csv).await;
        let mut rows = Vec::new();
        // The one that came, one that comes, one that has a part of another, and the other one's serial with another part.
        for told in [(2, "GW-1", "CPU1"), (3, "GW-2", "CPU2"), (4, "GW-3", "CPU1"), (5, "GW-0", "CPU9")] {
            rows.push(row(&fleet, &there, told).await);
        }
        let only = rows.remove(0);
        let mut piece = Piece::of(vec![only], checked);
        assert_eq!(entered(&mut piece, &fleet, &import).await, ["serial"], "{}", fixture.name);
        let now = store::import::by_id(fleet.db(), import.id).await.unwrap().unwrap();
        assert_eq!((now.added, now.unchanged, now.bad), (0, 1, 0), "{}", fixture.name);

        let import = begun(&fleet, ImportFormat::Csv).await;
        let mut piece = Piece::of(rows, checked);
        let cpu = part(ComponentClass::Cpu, "cpu", "CPU1").identifier_key;
        let taken = entered(&mut piece, &fleet, &import).await;
        assert_eq!(taken, [format!("{cpu} in GW-1"), "serial".to_owned()], "{}", fixture.name);
        let now = store::import::by_id(fleet.db(), import.id).await.unwrap().unwrap();
        assert_eq!((now.added, now.unchanged, now.bad), (1, 0, 2), "{}", fixture.name);
        let told = store::import::problems(fleet.db(), import.id, 0, 10).await.unwrap();
        let codes: Vec<(i64, &str)> = told.iter().map(|problem| (problem.line, problem.code.as_str())).collect();
        assert_eq!(codes, [(4, "component_taken"), (5, "serial_taken")], "{}", fixture.name);
    }
}
