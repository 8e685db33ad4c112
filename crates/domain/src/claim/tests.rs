#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use super::*;
use crate::{id::HistoryId, time::Timestamp};
use proptest::prelude::*;
use uuid::Uuid;

proptest! {
    #[test]
    fn a_code_is_read_as_it_is_written(bits: u64) {
        let code = ClaimCode::from_bits(bits);
        prop_assert_eq!(&ClaimCode::parse(&code.to_string()).unwrap(), &code);
        prop_assert_eq!(&ClaimCode::parse(&code.plain()).unwrap(), &code);
        let sloppy = format!(" {} ", code.to_string().to_lowercase().replace('0', "o").replace('1', "l").replace('-', " – "));
        prop_assert_eq!(&ClaimCode::parse(&sloppy).unwrap(), &code);
    }

    #[test]
    fn other_bits_are_another_code(a in 0_u64..1 << BITS, b in 0_u64..1 << BITS) {
        let (first, second) = (ClaimCode::from_bits(a), ClaimCode::from_bits(b));
        prop_assert_eq!(first.matches(&second), a == b);
        prop_assert_eq!(first == second, a == b);
    }

    #[test]
    fn every_wrong_character_is_found(bits: u64, place in 0..LENGTH, other in 1_u8..32) {
        let mut code = ClaimCode::from_bits(bits);
        code.0[place] ^= other;
        prop_assert_eq!(ClaimCode::parse(&code.plain()), Err(ClaimCodeError::Check));
    }

    #[test]
    fn every_two_that_changed_places_are_found(bits: u64, a in 0..LENGTH, b in 0..LENGTH) {
        let mut code = ClaimCode::from_bits(bits);
        prop_assume!(code.0[a] != code.0[b]);
        code.0.swap(a, b);
        prop_assert_eq!(ClaimCode::parse(&code.plain()), Err(ClaimCodeError::Check));
    }

    #[test]
    fn whatever_is_typed_is_read_or_refused(text in ".{0,40}") {
        let _ = ClaimCode::parse(&text);
    }
}

#[test]
fn what_is_wrong_is_told() {
    assert_eq!(ClaimCode::parse("ABC"), Err(ClaimCodeError::Length(3)));
    assert_eq!(ClaimCode::parse(""), Err(ClaimCodeError::Length(0)));
    assert_eq!(ClaimCode::parse("7K3M9-QXR2U"), Err(ClaimCodeError::Letter('U')));
    assert_eq!(format!("{:?}", ClaimCode::from_bits(7)), "ClaimCode");
    assert_eq!(ClaimCode::from_bits(0).to_string(), "00000-00000");
}

#[test]
fn the_example_is_a_code() {
    assert_eq!(ClaimCode::parse(EXAMPLE).map(|code| code.to_string()), Ok(EXAMPLE.to_owned()));
}

fn holder(n: u128, kind: CustodianKind) -> Holder {
    Holder { id: CustodianId(Uuid::from_u128(n)), name: format!("H{n}"), kind }
}

fn told(events: Vec<Event>) -> Vec<Entry> {
    let entry = |(n, event)| Entry {
        id: HistoryId(Uuid::from_u128(n)),
        at: Timestamp(i64::try_from(n).unwrap()),
        recorded_at: Timestamp(i64::try_from(n).unwrap()),
        actor: String::new(),
        place: String::new(),
        event,
        epcis_event_id: None,
    };
    (1..).zip(events).map(entry).collect()
}

fn received(by: &Holder) -> Event {
    Event::Received { by: by.clone(), reference: String::new() }
}

fn transferred(to: &Holder) -> Event {
    Event::Transferred { to: to.clone(), reference: String::new() }
}

#[test]
fn a_repair_leaves_a_claim_alone_and_stock_ends_it() {
    let (acme, depot) = (holder(1, CustodianKind::Client), holder(2, CustodianKind::Distributor));
    let bench = holder(3, CustodianKind::RepairCentre);
    let claimed = Event::Claimed { by: acme.clone() };
    let shipped = Event::Shipped { to: bench.clone(), carrier: Some(depot.clone()), reference: String::new() };
    let mut life = vec![received(&depot), received(&acme), claimed, shipped, received(&bench), received(&acme)];
    let entries = told(life.clone());
    let now = Ownership::after(&entries);
    assert_eq!((now.owner_id(), now.claim.map(|entry| entry.at)), (Some(acme.id), Some(Timestamp(3))));
    life.push(Event::Returned { to: depot, reason: String::new() });
    let entries = told(life);
    let back = Ownership::after(&entries);
    assert_eq!((back.owner, back.claim), (None, None));
    assert!(now.spoils_the_label(&back) && !back.spoils_the_label(&now));
}

#[test]
fn resale_and_a_claim_struck_through_spoil_a_label_but_first_delivery_does_not() {
    let (acme, other) = (holder(1, CustodianKind::Client), holder(2, CustodianKind::Client));
    let depot = holder(3, CustodianKind::Distributor);
    let claimed = Event::Claimed { by: acme.clone() };
    let stocked = told(vec![received(&depot)]);
    let delivered = told(vec![received(&depot), received(&acme)]);
    let mine = told(vec![received(&depot), received(&acme), claimed.clone()]);
    let sold = told(vec![received(&depot), received(&acme), claimed.clone(), transferred(&other)]);
    let wrong = Event::Corrected { entry: mine[2].id, reason: "another client".into() };
    let struck = told(vec![received(&depot), received(&acme), claimed, wrong]);
    let spoils = |a: &[Entry], b: &[Entry]| Ownership::after(a).spoils_the_label(&Ownership::after(b));
    assert!(!spoils(&stocked, &delivered) && !spoils(&delivered, &mine));
    assert!(spoils(&mine, &sold) && spoils(&mine, &struck) && spoils(&delivered, &sold));
    assert_eq!(Ownership::after(&sold).claim, None);
}

#[test]
fn a_label_carries_the_code_where_no_server_sees_it() {
    let code = ClaimCode::from_bits(0);
    assert_eq!(address("https://m.example", "GW 1/2", Some(&code)), "https://m.example/c/GW%201%2F2#0000000000");
    assert_eq!(address("https://m.example", "GW-1", None), "https://m.example/c/GW-1");
    assert_eq!(origin(" https://m.example:8443/ ").as_deref(), Some("https://m.example:8443"));
    assert_eq!(origin("https://[2001:db8::1]").as_deref(), Some("https://[2001:db8::1]"));
    for wrong in ["http://m.example", "m.example", "https://", "https://m.example/x", "https://a b", "https://a#b"] {
        assert_eq!(origin(wrong), None, "{wrong}");
    }
}
