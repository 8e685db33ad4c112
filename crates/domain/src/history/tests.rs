use super::*;
use crate::{
    custody::{CustodianKind, Holder},
    device::{Lifecycle, Trust},
    id::CustodianId,
};
use uuid::Uuid;

fn holder(n: u128, kind: CustodianKind) -> Holder {
    Holder { id: CustodianId(Uuid::from_u128(n)), name: format!("H{n}"), kind }
}

fn entry(n: i64, event: Event) -> Entry {
    Entry {
        id: HistoryId(Uuid::from_u128(n as u128)),
        at: Timestamp(n),
        recorded_at: Timestamp(n),
        actor: String::new(),
        place: String::new(),
        event,
        epcis_event_id: None,
    }
}

fn life() -> Vec<Entry> {
    let factory = holder(1, CustodianKind::Factory);
    let client = holder(2, CustodianKind::Client);
    vec![
        entry(1, Event::Manufactured { by: factory, batch: "A".into(), firmware: Some("1.0".into()) }),
        entry(2, Event::Shipped { to: client.clone(), carrier: None, reference: String::new() }),
        entry(3, Event::Received { by: client, reference: String::new() }),
    ]
}

#[test]
fn the_order_of_arrival_does_not_matter() {
    let mut entries = life();
    let standing = Standing::after(&entries);
    entries.reverse();
    assert_eq!(standing, Standing::after(&entries));
    assert_eq!((standing.lifecycle, standing.firmware.as_deref()), (Lifecycle::Active, Some("1.0")));
    assert_eq!(standing.holder.map(|h| h.name).as_deref(), Some("H2"));
}

#[test]
fn a_correction_voids_and_can_be_voided() {
    let mut entries = life();
    let received = entries[2].id;
    entries.push(entry(4, Event::Corrected { entry: received, reason: "wrong device".into() }));
    assert_eq!(Standing::after(&entries).lifecycle, Lifecycle::InTransit);
    entries.push(entry(5, Event::Corrected { entry: entries[3].id, reason: "it was right".into() }));
    assert_eq!(Standing::after(&entries).lifecycle, Lifecycle::Active);
}

#[test]
fn the_retired_come_back_by_a_correction_alone() {
    let mut entries = life();
    let client = holder(2, CustodianKind::Client);
    entries.push(entry(4, Event::Retired { reason: String::new() }));
    entries.push(entry(5, Event::Transferred { to: client, reference: String::new() }));
    assert_eq!(Standing::after(&entries).lifecycle, Lifecycle::Retired);
    entries.push(entry(6, Event::Corrected { entry: entries[3].id, reason: "another device".into() }));
    assert_eq!(Standing::after(&entries).lifecycle, Lifecycle::Active);
}

#[test]
fn an_open_repair_is_in_repair_and_closing_it_gives_back_what_was() {
    let opened = |case: &str| Event::RepairOpened { case: case.into(), symptom: String::new() };
    let closed = |case: &str| Event::RepairClosed { case: case.into(), outcome: String::new() };
    let (client, centre) = (holder(2, CustodianKind::Client), holder(3, CustodianKind::RepairCentre));
    let mut entries = life();
    let mut after = |n, event| {
        entries.push(entry(n, event));
        let standing = Standing::after(&entries);
        let mut shuffled = entries.clone();
        shuffled.reverse();
        assert_eq!(standing, Standing::after(&shuffled));
        standing.lifecycle
    };
    // At the client's, on the bench, and back in use.
    assert_eq!(after(4, opened("R-1")), Lifecycle::InRepair);
    assert_eq!(after(5, opened("R-2")), Lifecycle::InRepair);
    assert_eq!(after(6, closed("R-1")), Lifecycle::InRepair);
    assert_eq!(after(7, closed("R-2")), Lifecycle::Active);
    // It travels while the case is open, and what it is then counts afterwards.
    assert_eq!(after(8, opened("R-3")), Lifecycle::InRepair);
    assert_eq!(after(9, Event::Returned { to: centre, reason: String::new() }), Lifecycle::InRepair);
    assert_eq!(after(10, closed("R-3")), Lifecycle::Stocked);
    assert_eq!(after(11, opened("R-4")), Lifecycle::InRepair);
    assert_eq!(after(12, Event::Transferred { to: client, reference: String::new() }), Lifecycle::InRepair);
    assert_eq!(after(13, closed("R-4")), Lifecycle::Active);
    // The retired are past repair.
    assert_eq!(after(14, opened("R-5")), Lifecycle::InRepair);
    assert_eq!(after(15, Event::Retired { reason: String::new() }), Lifecycle::Retired);
    assert_eq!(after(16, closed("R-5")), Lifecycle::Retired);
}

#[test]
fn a_place_is_kept_until_another_holds_the_device_or_another_place_is_named() {
    let (client, other) = (holder(2, CustodianKind::Client), holder(3, CustodianKind::RepairCentre));
    let at = |n, place: &str, event| Entry { place: place.to_owned(), ..entry(n, event) };
    let received = |by: &Holder| Event::Received { by: by.clone(), reference: String::new() };
    let mut entries = life();
    let mut place = |n, place, event| {
        entries.push(at(n, place, event));
        Standing::after(&entries).place
    };
    assert_eq!(place(4, "Depot 4", received(&client)), "Depot 4");
    assert_eq!(place(5, "", received(&client)), "Depot 4");
    assert_eq!(place(6, "Depot 5", received(&client)), "Depot 5");
    assert_eq!(place(7, "", received(&other)), "");
}

#[test]
fn a_weak_signal_never_lifts_a_quarantine_and_never_revokes() {
    let mut entries = life();
    entries.push(entry(6, Event::Quarantined { reason: String::new() }));
    entries.push(entry(7, Event::HardwareMismatch { finding: String::new(), score: 20 }));
    assert_eq!(Standing::after(&entries).trust, Trust::Quarantined);
    entries.push(entry(8, Event::Released { reason: String::new() }));
    entries.push(entry(9, Event::CloneSuspected { finding: String::new(), score: 99, other: None }));
    assert_eq!(Standing::after(&entries).trust, Trust::Suspect);
}

#[test]
fn the_tag_in_json_is_the_kind() {
    for entry in life() {
        let json = serde_json::to_value(&entry.event).unwrap_or_default();
        assert_eq!(json["kind"], entry.event.kind());
    }
}
