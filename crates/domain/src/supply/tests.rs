use super::*;
use crate::{
    component::ComponentClass,
    custody::CustodianKind,
    id::{CustodianId, HistoryId},
};
use uuid::Uuid;

fn holder(n: u128) -> Holder {
    let kind = if n == 1 { CustodianKind::Factory } else { CustodianKind::Client };
    Holder { id: CustodianId(Uuid::from_u128(n)), name: format!("H{n}"), kind }
}

fn life(events: Vec<Event>) -> Vec<Entry> {
    let entry = |(n, event): (usize, Event)| Entry {
        id: HistoryId(Uuid::from_u128(n as u128 + 1)),
        at: Timestamp(n as i64 * 10),
        recorded_at: Timestamp(0),
        actor: String::new(),
        place: String::new(),
        event,
        epcis_event_id: None,
    };
    events.into_iter().enumerate().map(entry).collect()
}

fn made() -> Event {
    Event::Manufactured { by: holder(1), batch: "B".into(), firmware: None }
}

fn shipped(to: u128, carrier: Option<u128>) -> Event {
    Event::Shipped { to: holder(to), carrier: carrier.map(holder), reference: "DN-7".into() }
}

fn received(by: u128) -> Event {
    Event::Received { by: holder(by), reference: String::new() }
}

/// Kind, supplier, recipient, when it was sent, when it came.
fn told(events: Vec<Event>) -> Vec<(SupplyKind, String, String, Option<i64>, i64)> {
    let row = |s: Supply| (s.kind, s.supplier().to_owned(), s.recipient().to_owned(), s.sent_at.map(|t| t.0), s.at.0);
    supplies(&life(events), &|_, _| None).into_iter().map(row).collect()
}

fn row(
    kind: SupplyKind,
    from: &str,
    to: &str,
    sent: Option<i64>,
    at: i64,
) -> (SupplyKind, String, String, Option<i64>, i64) {
    (kind, from.into(), to.into(), sent, at)
}

#[test]
fn a_shipment_and_its_arrival_are_one_supply_whoever_carries_it() {
    use SupplyKind::{Claimed, Delivered};
    assert_eq!(told(vec![made(), shipped(2, None), received(2)]), [row(Delivered, "H1", "H2", Some(10), 20)]);
    let carried = life(vec![made(), shipped(2, Some(9)), received(9), received(2)]);
    let found = supplies(&carried, &|_, _| None);
    assert_eq!((found.len(), found[0].supplier(), found[0].recipient()), (1, "H1", "H2"));
    assert_eq!((found[0].carrier.as_ref().map(|c| c.name.as_str()), found[0].reference.as_str()), (Some("H9"), "DN-7"));
    assert_eq!(
        told(vec![made(), shipped(2, None), Event::Claimed { by: holder(2) }]),
        [row(Claimed, "H1", "H2", Some(10), 20)]
    );
}

#[test]
fn who_had_it_in_between_supplied_it() {
    use SupplyKind::Delivered;
    assert_eq!(
        told(vec![made(), shipped(3, None), received(2), received(3)]),
        [row(Delivered, "H1", "H2", None, 20), row(Delivered, "H2", "H3", Some(10), 30)]
    );
}

#[test]
fn what_never_arrived_is_told_as_sent() {
    use SupplyKind::{Sent, Transferred};
    let transferred = Event::Transferred { to: holder(4), reference: String::new() };
    assert_eq!(
        told(vec![made(), shipped(2, None), shipped(3, None), transferred]),
        [
            row(Sent, "H1", "H2", Some(10), 10),
            row(Sent, "H1", "H3", Some(20), 20),
            row(Transferred, "H1", "H4", None, 30)
        ]
    );
}

fn part(maker: &str, key: &str) -> Part {
    Part {
        slot: "lte0".into(),
        class: ComponentClass::Lte,
        maker: maker.into(),
        model: "EG25-G".into(),
        identifier: key.into(),
        identifier_key: key.into(),
    }
}

fn manifest(version: i64, fitted: Vec<Part>, removed: Vec<Part>) -> Event {
    let (hash, previous_hash, reason) = (String::new(), String::new(), String::new());
    Event::ManifestRecorded { version, hash, previous_hash, fitted, removed, reason }
}

#[test]
fn parts_go_from_their_maker_to_who_has_the_device() {
    let life = vec![
        made(),
        manifest(1, vec![part("Quectel", "1"), part("", "2")], Vec::new()),
        received(2),
        manifest(2, vec![part("SIMCom", "3")], Vec::new()),
    ];
    use SupplyKind::{Delivered, Part as Fitted};
    assert_eq!(
        told(life),
        [
            row(Fitted, "Quectel", "H1", None, 10),
            row(Fitted, "", "H1", None, 10),
            row(Delivered, "H1", "H2", None, 20),
            row(Fitted, "SIMCom", "H2", None, 30)
        ]
    );
}

#[test]
fn a_part_is_supplied_once_wherever_it_goes() {
    let (one, two, spare) = (part("Quectel", "1"), part("Quectel", "2"), part("SIMCom", "3"));
    let life = life(vec![
        made(),
        manifest(1, vec![one.clone(), two.clone()], Vec::new()),
        // One changes its slot, two goes out and comes back, and a spare comes from another device.
        manifest(2, vec![one.clone()], vec![one.clone(), two.clone()]),
        manifest(3, vec![two], Vec::new()),
        manifest(4, vec![spare.clone()], vec![one]),
    ]);
    let elsewhere =
        |part: &Part, at: Timestamp| (part.identifier_key == "3" && at == Timestamp(40)).then(|| "GW-2".to_owned());
    let told = supplies(&life, &elsewhere);
    let said: Vec<_> =
        told.iter().map(|s| (s.kind, s.supplier(), s.moved_from.as_str(), s.recipient(), s.at.0)).collect();
    use SupplyKind::{Moved, Part as Fitted};
    assert_eq!(
        said,
        [(Fitted, "Quectel", "", "H1", 10), (Fitted, "Quectel", "", "H1", 10), (Moved, "", "GW-2", "H1", 40)]
    );
}

#[test]
fn a_correction_takes_a_supply_away_and_staying_is_none() {
    let wrong = HistoryId(Uuid::from_u128(2));
    let correction = Event::Corrected { entry: wrong, reason: "typed wrong".into() };
    assert_eq!(told(vec![made(), received(2), correction, received(1)]), []);
}
