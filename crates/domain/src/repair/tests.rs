#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use super::*;
use crate::{
    component::{ComponentClass as Class, Part},
    identifier::normalise,
    report::Makers,
};
use proptest::prelude::*;

fn part(slot: &str, class: Class, identifier: &str) -> Part {
    let found = normalise(class, identifier).unwrap();
    Part {
        slot: slot.into(),
        class,
        maker: "Quectel".into(),
        model: "EG25-G".into(),
        identifier: found.shown,
        identifier_key: found.key,
    }
}

fn device() -> Vec<Part> {
    vec![
        part("board", Class::Board, "MB26B-1"),
        part("cpu", Class::Cpu, "C-1"),
        part("lte0", Class::Lte, "86 194105 033718 0"),
        part("eth0", Class::Ethernet, "d8:80:39:4e:71:0c"),
    ]
}

fn with_secure_element() -> Vec<Part> {
    let mut parts = device();
    parts.push(part("se0", Class::SecureElement, "SE-1"));
    parts
}

fn incoming<'a>(slot: &'a str, class: Class, typed: &'a str, parts: &'a [Part], makers: &'a Makers) -> Incoming<'a> {
    Incoming {
        device: "GW-1",
        slot,
        class,
        typed,
        maker: "",
        model: "",
        parts,
        others: &[],
        changed: &[],
        fitted_in: &[],
        taint: None,
        makers,
    }
}

fn change(out: Option<Part>, part_in: Option<Part>) -> Change {
    Change { out, fate: PartFate::Scrap, part_in, fitted_in: Vec::new(), takes_key: false, taint: None }
}

#[test]
fn names_are_said_and_read() {
    let at = Timestamp::parse("2026-11-28T10:00:00Z").unwrap();
    assert_eq!((case_code(at, 42).as_str(), case_year(at)), ("R-2611-0042", 2026));
    for typed in ["R-2611-0042", " r-2611-42", "2611-042", "R2611-42"] {
        assert_eq!(read_code(typed).as_deref(), Some("R-2611-0042"), "{typed}");
    }
    for other in ["", "R-", "GW2C-2611-04217", "R-26-1", "R-2611-", "2611", "R-2611-00é"] {
        assert_eq!(read_code(other), None, "{other}");
    }
}

#[test]
fn the_key_is_in_the_secure_element_and_for_want_of_one_in_the_board() {
    let (plain, secure) = (device(), with_secure_element());
    assert!(holds_key(&plain, Class::Board) && holds_key(&plain, Class::Cpu) && !holds_key(&plain, Class::Lte));
    assert!(holds_key(&secure, Class::SecureElement) && !holds_key(&secure, Class::Board));
    // Where a secure element comes in, the key moves into it.
    assert!(key_changes(&plain, &secure) && key_changes(&secure, &plain));
    assert!(!key_changes(&plain, &plain));
}

#[test]
fn the_board_takes_two_only_where_it_holds_the_key() {
    let new = part("board", Class::Board, "MB26B-2");
    let swap = |parts: &[Part]| {
        let out = parts.iter().find(|part| part.slot == "board").cloned();
        Plan::new(parts, &[change(out, Some(new.clone()))])
    };
    let plain = swap(&device());
    assert!(plain.key_changes && plain.takes_two() && !plain.key_is_lost);
    assert!(plain.reasons.first().unwrap().to_string().contains("main board (board)"));
    let secure = swap(&with_secure_element());
    assert!(!secure.key_changes && !secure.takes_two());
}

#[test]
fn a_lost_key_part_is_a_lost_key_and_a_lost_modem_is_none() {
    let lost = |slot: &str| {
        let parts = device();
        let out = parts.iter().find(|part| part.slot == slot).cloned();
        Plan::new(&parts, &[Change { fate: PartFate::Missing, ..change(out, None) }]).key_is_lost
    };
    assert!(lost("board") && !lost("lte0"));
}

#[test]
fn donors_and_tainted_parts_take_two() {
    let parts = device();
    let modem = part("lte0", Class::Lte, "86 194105 118830 1");
    let out = parts.iter().find(|part| part.slot == "lte0").cloned();
    let plain = change(out, Some(modem));
    assert!(!Plan::new(&parts, std::slice::from_ref(&plain)).takes_two());
    let donor = Change { fitted_in: vec!["GW-2".into()], ..plain.clone() };
    assert!(Plan::new(&parts, &[donor]).reasons.first().unwrap().to_string().contains("GW-2"));
    let key = Change { fitted_in: vec!["GW-2".into()], takes_key: true, ..plain.clone() };
    assert!(Plan::new(&parts, &[key]).reasons.first().unwrap().to_string().contains("revoked at once"));
    let taint = Taint { device: "GW-3".into(), case: "R-2611-0001".into(), since: Timestamp(0) };
    let tainted = Change { taint: Some(taint), ..plain };
    assert!(Plan::new(&parts, &[tainted]).reasons.first().unwrap().to_string().contains("R-2611-0001"));
}

#[test]
fn a_part_that_comes_in_is_checked_as_it_is_typed() {
    let (parts, makers) = (device(), Makers::parse("oui d8:80:39 = Quectel\ntac 86194105 = EG25-G").unwrap());
    let error = |slot, class, typed| {
        let checked = check_part(incoming(slot, class, typed, &parts, &makers));
        assert_eq!(checked.part.is_none(), checked.error().is_some());
        checked.error().unwrap_or_default().to_owned()
    };
    assert_eq!(error("lte0", Class::Lte, "86 194105 118830 1"), "");
    assert!(error("lte0", Class::Lte, "86 194105 118830 2").contains("check digit"));
    assert!(error("lte0", Class::Lte, "86 194105 033718 0").contains("goes out"));
    assert!(error("lte0", Class::Lte, "d8:80:39:4e:71:0d").contains("This is a MAC address"));
    assert!(error("eth0", Class::Ethernet, "861941051188301").contains("This is an IMEI"));
    assert!(error("eth1", Class::Ethernet, "d8:80:39:4e:71:0c").contains("in “eth0” of this device"));
    assert!(error("board", Class::Board, "").contains("empty"));
    for slot in ["b d", "LTE0", "1x", "a:b", "", &"x".repeat(33)] {
        assert!(error(slot, Class::Board, "X").contains("slot"), "{slot}");
    }
}

#[test]
fn a_part_of_several_devices_is_moved_by_nobody() {
    let (parts, makers) = (device(), Makers::default());
    let asked = |fitted_in: &[&str]| {
        let new = incoming("lte0", Class::Lte, "86 194105 118830 1", &parts, &makers);
        check_part(Incoming { fitted_in, ..new }).error().map(str::to_owned)
    };
    assert_eq!(asked(&["GW-2"]), None);
    assert_eq!(asked(&["GW-1", "GW-2"]), None, "this device doesn't count");
    assert!(asked(&["GW-2", "GW-3"]).unwrap().contains("several devices (GW-2, GW-3)"));
}

#[test]
fn what_is_known_of_makers_is_said() {
    let (parts, makers) = (device(), Makers::parse("oui 00:04:a3 = Quectel\ntac 35000000 = EG25-G").unwrap());
    let doubts = |slot, class, typed, makers: &Makers| {
        let checked = check_part(incoming(slot, class, typed, &parts, makers));
        assert!(checked.part.is_some(), "{checked:?}");
        checked
            .remarks
            .into_iter()
            .filter(|remark| remark.tone == Tone::Doubt)
            .map(|remark| remark.words)
            .collect::<String>()
    };
    assert!(doubts("lte0", Class::Lte, "86 194105 118830 1", &makers).contains("not one of EG25-G"));
    assert!(doubts("eth0", Class::Ethernet, "d8:80:39:4e:71:0d", &makers).contains("IEEE"));
    assert!(doubts("eth0", Class::Ethernet, "da:80:39:4e:71:0d", &makers).contains("made up locally"));
    let nothing = Makers::default();
    assert_eq!(doubts("lte0", Class::Lte, "86 194105 118830 1", &nothing), "");
    assert!(doubts("board", Class::Board, "861941051188301", &nothing).contains("IMEI"));
}

#[test]
fn what_goes_out_is_what_was_in_it() {
    let parts = device();
    let out = |slot, typed| check_out(Outgoing { slot, parts: &parts, typed });
    assert_eq!(out("lte0", "861941050337180").part.unwrap().slot, "lte0");
    assert!(out("lte0", "861941051188301").error().unwrap().contains("86 194105 033718 0"));
    assert!(out("lte9", "861941051188301").error().unwrap().contains("nothing"));
    // Not looked at: it is taken as listed, and that is said.
    let unseen = out("lte0", " ");
    assert!(unseen.part.is_some() && unseen.remarks.first().unwrap().tone == Tone::Doubt);
}

fn any_state() -> impl Strategy<Value = RepairState> {
    prop::sample::select(RepairState::ALL)
}

proptest! {
    #[test]
    fn a_repair_that_is_over_stays_so_and_one_that_is_written_is_never_cancelled(a in any_state(), b in any_state()) {
        if a.leads_to(b) {
            prop_assert!(a.is_open());
            prop_assert!(!(a.is_written() && b == RepairState::Cancelled));
            prop_assert!(!a.is_written() || b.is_written());
        }
    }

    #[test]
    fn whatever_is_typed_gives_a_part_or_an_error(slot in "[a-z0-9]{0,5}|.{0,50}", typed in "[0-9a-f: -]{0,20}|.{0,70}") {
        let (parts, makers) = (with_secure_element(), Makers::default());
        for class in Class::ALL {
            let checked = check_part(incoming(&slot, *class, &typed, &parts, &makers));
            prop_assert_eq!(checked.part.is_none(), checked.error().is_some());
            if let Some(part) = checked.part {
                // What is shown is read as the same again.
                prop_assert_eq!(normalise(*class, &part.identifier).map(|found| found.key), Ok(part.identifier_key));
            }
        }
    }

    #[test]
    fn parts_are_neither_lost_nor_doubled(out in 0usize..5, digits in "[0-9]{6}") {
        let parts = with_secure_element();
        let gone = parts.get(out).cloned().unwrap();
        let new = part("x", Class::Other, &digits);
        let plan = Plan::new(&parts, &[change(Some(gone.clone()), None), change(None, Some(new.clone()))]);
        prop_assert_eq!(plan.after.len(), parts.len());
        prop_assert!(!plan.after.contains(&gone) && plan.after.contains(&new));
        prop_assert_eq!(plan.key_changes, gone.class == Class::SecureElement);
        prop_assert_eq!(plan.takes_two(), plan.key_changes);
    }
}
