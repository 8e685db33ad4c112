#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use super::*;
use crate::testing::{NOW, begun, fleet, part};
use domain::{component::ComponentClass, component::Part, import::ImportFormat};
use serde_json::json;

fn association(n: u8, action: &str, serial: &str, child: &str) -> Value {
    json!({
        "type": "AssociationEvent", "eventID": format!("urn:uuid:00000000-0000-4000-8000-0000000000{n:02}"),
        "eventTime": format!("2026-10-10T08:00:{n:02}Z"), "eventTimeZoneOffset": "+00:00", "action": action,
        "bizStep": "repairing", "parentID": format!("urn:dev:muster:{serial}"),
        "childEPCs": [format!("urn:dev:musterpart:{child}")]
    })
}

fn document(events: &[Value]) -> String {
    json!({
        "@context": ["https://ref.gs1.org/standards/epcis/2.0.0/epcis-context.jsonld"],
        "type": "EPCISDocument", "schemaVersion": "2.0", "creationDate": "2026-10-01T00:00:00Z",
        "epcisBody": {"eventList": events}
    })
    .to_string()
}

/// What a repair does to a device, at its end.
async fn repaired(fleet: &Fleet, serial: &str, fitted: Vec<Part>, removed: &[Part]) {
    let device = store::device::by_serial(fleet.db(), serial).await.unwrap().unwrap();
    let mut deed = fleet.allow(&RULE, Permission::RepairManage, "repair").await.unwrap();
    let entry = fleet.entry(&RULE, NOW, "", Event::Note { text: String::new() });
    let entry = change_parts(&mut deed, &device, entry, fitted, removed, "R-1").await.unwrap();
    append(&mut deed, &device, vec![entry]).await.unwrap();
    deed.commit("repair.authorise", "repair", &Value::Null).await.unwrap();
}

async fn fitted_in(fleet: &Fleet, key: &str) -> Vec<String> {
    let found = store::component::fitted(fleet.db(), &[key]).await.unwrap();
    found.into_iter().map(|found| found.serial).collect()
}

#[tokio::test]
async fn what_a_repair_moved_since_an_event_was_read_is_left_out() {
    for fixture in store::testing::both().await.unwrap() {
        let fleet = fleet(&fixture).await;
        let path = fixture.folder.path().join("parts.jsonld");
        let events = [
            association(1, "ADD", "GW-0", "board:B-7"),
            association(2, "DELETE", "GW-0", "cpu:CPU0"),
            association(3, "ADD", "GW-0", "board:B-8"),
            association(4, "ADD", "GW-1", "cpu:CPU0"),
        ];
        std::fs::write(&path, document(&events)).unwrap();
        let source = Arc::new(Source::read(&path).unwrap().unwrap());
        let import = begun(&fleet, ImportFormat::Epcis).await;
        let mut work = Work::new(&fleet, &import, Arc::clone(&source)).await.unwrap();
        work.recall().await.unwrap();
        let groups: Vec<&[usize]> = source.groups().iter().map(Vec::as_slice).collect();
        let piece = work.read_piece(&source, &groups, 0).await.unwrap();
        assert_eq!((piece.taken.len(), piece.step.bad), (4, 0), "{}", fixture.name);

        let (board, cpu) = (part(ComponentClass::Board, "board", "B-7"), part(ComponentClass::Cpu, "cpu", "CPU0"));
        repaired(&fleet, "GW-1", vec![board.clone()], &[]).await;
        repaired(&fleet, "GW-0", Vec::new(), std::slice::from_ref(&cpu)).await;
        assert_eq!(work.enter_piece(&source, piece).await.unwrap(), 4, "{}", fixture.name);
        assert_eq!(fitted_in(&fleet, &board.identifier_key).await, ["GW-1"], "{}", fixture.name);
        assert_eq!(fitted_in(&fleet, &part(ComponentClass::Board, "board", "B-8").identifier_key).await, ["GW-0"]);
        // Where it is by now is free to take it: the part is in no other device.
        assert_eq!(fitted_in(&fleet, &cpu.identifier_key).await, ["GW-1"], "{}", fixture.name);
        let now = store::import::by_id(fleet.db(), import.id).await.unwrap().unwrap();
        assert_eq!((now.added, now.bad, now.rows_applied), (2, 2, 4), "{}", fixture.name);
        let told = store::import::problems(fleet.db(), import.id, 0, 10).await.unwrap();
        assert!(told.iter().all(|problem| problem.code == "component_taken"), "{told:?}");
        assert!(told.iter().any(|problem| problem.message.contains("fitted in GW-1 by now")), "{told:?}");
        assert!(told.iter().any(|problem| problem.message.contains("taken out of GW-0")), "{told:?}");
    }
}
