#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use super::*;
use crate::{component::ComponentClass as C, history::Event};
use proptest::prelude::*;
use std::net::{IpAddr, Ipv4Addr};

const DEVICE: Subject<'_> = Subject { serial: "GW-1", batch: "2026-11-A", manifest_version: 1 };

fn changed(slot: &str, class: C) -> Signal {
    Signal::PartChanged { slot: slot.into(), class, expected: "A".into(), reported: "B".into() }
}

fn part(class: C, identifier: &str) -> Copied {
    Copied::Part { class, identifier: identifier.into(), identifier_key: format!("sn:{class}:{identifier}") }
}

fn two_addresses(turns: u32) -> Signal {
    let [first, second] = [1, 2].map(|last| IpAddr::V4(Ipv4Addr::new(192, 0, 2, last)));
    Signal::TwoAddresses { first, second, turns }
}

/// One signal of every kind.
fn one_of_each() -> Vec<Signal> {
    let (slot, batch, reported) = (|| "lte0".to_owned(), || "2026-11-A".to_owned(), || "86 194105 033718 0".to_owned());
    let address = || "02:00:00:00:00:01".to_owned();
    vec![
        changed("lte0", C::Lte),
        Signal::PartMissing { slot: slot(), class: C::Lte, expected: reported() },
        Signal::PartBeyondManifest { slot: slot(), class: C::Lte, reported: reported() },
        Signal::WrongCheckDigit { slot: slot(), class: C::Lte, reported: reported(), expected: 1, found: 0 },
        Signal::ForeignTac {
            slot: slot(),
            reported: reported(),
            tac: "86194105".into(),
            expected: vec!["35072013".into()],
            listed: false,
        },
        Signal::ForeignOui {
            slot: "eth0".into(),
            class: C::Ethernet,
            reported: address(),
            maker: "Microchip".into(),
            listed: true,
        },
        Signal::LocalMac { slot: "eth0".into(), class: C::Ethernet, reported: address(), listed: false },
        Signal::OtherModel { slot: slot(), class: C::Lte, expected: "EG25-G".into(), reported: "EC25".into() },
        copies(part(C::Cpu, "4E1D"), None, &["GW-1", "GW-2"], 2).unwrap(),
        copies(Copied::Key { spki_sha256: "ab".repeat(32) }, Some("2026-11-A"), &[], 500).unwrap(),
        two_addresses(4),
        Signal::DoubleCadence { address: IpAddr::V4(Ipv4Addr::LOCALHOST), interval_s: 300, polls: 20, within_s: 3_000 },
        Signal::ImpossibleTravel { from: "Brno".into(), to: "Lagos".into(), kilometres: 4_905, seconds: 1_200 },
        Signal::DeviceBeyondBatch { batch: batch() },
        Signal::PartBeyondBatch { batch: batch(), slot: slot(), class: C::Lte, reported: reported(), count: 1 },
    ]
}

#[test]
fn every_kind_has_a_weight_a_sentence_and_a_stored_form() {
    let signals = one_of_each();
    assert_eq!(signals.iter().map(Signal::kind).collect::<Vec<_>>(), SignalKind::ALL);
    for signal in signals {
        assert!((1..100).contains(&signal.weight()), "{signal:?}");
        let sentence = signal.sentence();
        assert!(sentence.ends_with('.') && sentence.len() > 20, "{sentence}");
        let stored = serde_json::to_value(&signal).unwrap();
        assert_eq!(stored["signal"], signal.kind().as_str());
        assert_eq!(serde_json::from_value::<Signal>(stored).unwrap(), signal);
    }
}

#[test]
fn sentences() {
    let sentences: Vec<String> = one_of_each().iter().map(Signal::sentence).collect();
    insta::assert_snapshot!(sentences.join("\n"));
}

#[test]
fn parts_weigh_as_they_are_replaced_and_identifiers_as_they_are_unique() {
    let replaced = |class| changed("x", class).weight();
    assert!(replaced(C::SecureElement) >= STRONG && replaced(C::Cpu) >= STRONG);
    assert!(replaced(C::Lte) < replaced(C::Wlan) && replaced(C::Wlan) < replaced(C::Ethernet));
    let twice = |class| copies(part(class, "1"), None, &[], 2).unwrap().weight();
    assert!(twice(C::SecureElement) > twice(C::Cpu) && twice(C::Cpu) > twice(C::Lte));
    assert!(twice(C::Lte) > twice(C::Ethernet) && twice(C::Ethernet) > twice(C::Wlan));
}

#[test]
fn a_golden_image_of_five_hundred_devices_is_one_suspicion() {
    let serials: Vec<String> = (0..500).map(|n| format!("GW-{n}")).collect();
    let serials: Vec<&str> = serials.iter().map(String::as_str).collect();
    let mut causes: Vec<Cause> = Vec::new();
    for n in 1..=serials.len() {
        let signal = copies(part(C::SecureElement, "0123"), Some("2026-11-A"), &serials[..n], n as u64);
        let of = Subject { serial: serials[n - 1], ..DEVICE };
        causes.extend(signal.map(|signal| signal.cause(&of)));
    }
    assert_eq!(causes.len(), 499);
    causes.dedup();
    assert_eq!(causes.len(), 1);
    assert_eq!(causes[0].to_string(), "identifier_copied:2026-11-A:sn:secure_element:0123");
    let elsewhere = copies(part(C::SecureElement, "0123"), Some("2026-11-B"), &["GW-1", "GW-2"], 2).unwrap();
    assert_ne!(elsewhere.cause(&DEVICE), causes[0]);
}

#[test]
fn what_differs_at_one_device_is_one_suspicion() {
    let signals = [changed("cpu", C::Cpu), changed("eth0", C::Ethernet), two_addresses(4), changed("wlan0", C::Wlan)];
    let found = suspicions(&signals, &DEVICE);
    let causes: Vec<String> = found.iter().map(|suspicion| suspicion.cause.to_string()).collect();
    assert_eq!(causes, ["hardware_mismatch:GW-1:1", "clone_suspected:GW-1"]);
    assert_eq!(found[0].signals.len(), 3);
    assert!(
        found[0].headline().starts_with("In slot cpu (CPU)")
            && found[0].headline().ends_with("2 more things do not fit.")
    );
    assert!(
        matches!(found[0].event("GW-1"), Some(Event::HardwareMismatch { score, .. }) if score == i64::from(found[0].score))
    );
    let repaired = Subject { manifest_version: 2, ..DEVICE };
    assert_ne!(changed("cpu", C::Cpu).cause(&repaired), found[0].cause);
}

#[test]
fn what_the_factory_listed_is_about_its_batch() {
    let signal =
        |listed| Signal::LocalMac { slot: "eth0".into(), class: C::Ethernet, reported: "02:…".into(), listed };
    let other = Subject { serial: "GW-2", ..DEVICE };
    assert_eq!(signal(true).cause(&DEVICE), signal(true).cause(&other));
    assert_ne!(signal(false).cause(&DEVICE), signal(false).cause(&other));
    assert_eq!(suspicions(&[signal(true)], &DEVICE)[0].event("GW-1"), None);
}

#[test]
fn the_other_device_is_named() {
    let signal = copies(part(C::Cpu, "4E1D"), None, &["GW-1", "GW-2"], 2).unwrap();
    let found = suspicions(&[signal], &DEVICE).remove(0);
    assert!(matches!(found.event("GW-1"), Some(Event::CloneSuspected { other: Some(other), .. }) if other == "GW-2"));
    assert_eq!(copies(part(C::Cpu, "4E1D"), None, &["GW-1"], 1), None);
}

#[test]
fn the_same_again_counts_once() {
    let once = [two_addresses(4)];
    let again = [two_addresses(4), two_addresses(9), two_addresses(7)];
    assert_eq!(score(&once), score(&again));
    assert_eq!(suspicions(&again, &DEVICE)[0].signals, [two_addresses(7)]);
    assert_eq!((score(&[]), score(&[changed("lte0", C::Lte)]), score(&once)), (0, 10, 80));
}

#[test]
fn a_flood_of_parts_is_cut() {
    let mut signals: Vec<Signal> = (0..500)
        .map(|n| Signal::PartBeyondManifest { slot: format!("eth{n}"), class: C::Ethernet, reported: "B".into() })
        .collect();
    signals.push(changed("cpu", C::Cpu));
    let found = suspicions(&signals, &DEVICE);
    assert_eq!((found.len(), found[0].signals.len()), (1, SIGNALS_MAX));
    assert_eq!(found[0].signals[0], changed("cpu", C::Cpu));
}

#[test]
fn policies() {
    let decide = |signals: &[Signal]| Policy::default().decide(&suspicions(signals, &DEVICE)[0]);
    assert_eq!(decide(&[changed("power", C::Power)]), None);
    assert_eq!(decide(&[changed("lte0", C::Lte)]), Some(Response::Note));
    assert_eq!(decide(&[changed("eth0", C::Ethernet)]), Some(Response::Ask));
    assert_eq!(decide(&[two_addresses(4)]), Some(Response::Hold));
    assert_eq!(decide(&[changed("cpu", C::Cpu), changed("se", C::SecureElement)]), Some(Response::Quarantine));
    assert_eq!(decide(&one_of_each()[9..10]), Some(Response::Ask), "a golden image");
    let holds_only = Policy::new([None, None, Some(1), None]).unwrap();
    let decide = |signals: &[Signal]| holds_only.decide(&suspicions(signals, &DEVICE)[0]);
    assert_eq!((decide(&[two_addresses(4)]), decide(&[changed("lte0", C::Lte)])), (Some(Response::Hold), None));
}

#[test]
fn policies_that_are_none() {
    let order = PolicyError::Order { milder: Response::Ask, harsher: Response::Quarantine };
    assert_eq!(Policy::new([Some(10), Some(50), None, Some(40)]), Err(order));
    assert!(order.to_string().starts_with("“Quarantine” would come before “Ask”"));
    assert_eq!(Policy::new([Some(0), None, None, None]), Err(PolicyError::Range(Response::Note, 0)));
    assert_eq!(Policy::new([None, None, None, Some(101)]), Err(PolicyError::Range(Response::Quarantine, 101)));
    let stored = r#"{"note":1,"ask":20,"hold":null,"quarantine":null}"#;
    let policy: Policy = serde_json::from_str(stored).unwrap();
    assert_eq!(serde_json::to_string(&policy).unwrap(), stored);
    assert!(serde_json::from_str::<Policy>(r#"{"note":50,"ask":20,"hold":null,"quarantine":null}"#).is_err());
    assert!(serde_json::from_str::<Policy>(r#"{"revoke":50}"#).is_err());
}

fn weak() -> impl Strategy<Value = Signal> {
    ("[a-z]{1,4}", 0..C::ALL.len(), any::<bool>(), 0..4_u8).prop_map(|(slot, at, listed, kind)| {
        let (class, reported, expected) = (C::ALL[at], "B".to_owned(), "A".to_owned());
        match kind {
            0 => Signal::PartBeyondManifest { slot, class, reported },
            1 => Signal::PartMissing { slot, class, expected },
            2 => Signal::LocalMac { slot, class, reported, listed },
            _ => Signal::OtherModel { slot, class, expected, reported },
        }
    })
}

fn any_signal() -> impl Strategy<Value = Signal> {
    prop_oneof![
        weak(),
        (0..15_usize).prop_map(|at| one_of_each().remove(at)),
        ("[a-z]{1,4}", 0..C::ALL.len()).prop_map(|(s, at)| changed(&s, C::ALL[at]))
    ]
}

proptest! {
    #[test]
    fn however_many_weak_signals_are_less_than_one_strong(signals in prop::collection::vec(weak(), 0..200)) {
        let together = score(&signals);
        prop_assert!(together <= WEAK_CEILING);
        for strong in one_of_each().iter().filter(|signal| signal.is_strong()) {
            prop_assert!(together < score(std::slice::from_ref(strong)));
        }
        for suspicion in suspicions(&signals, &DEVICE) {
            prop_assert!(Policy::default().decide(&suspicion) <= Some(Response::Ask));
            let eager = Policy::new([Some(1); 4]).unwrap();
            prop_assert_eq!(eager.decide(&suspicion), Some(Response::Ask));
        }
    }

    #[test]
    fn more_signals_never_say_less(signals in prop::collection::vec(any_signal(), 0..12), more in any_signal()) {
        prop_assume!(!signals.iter().any(|signal| more.is_again(signal)));
        let mut longer = signals.clone();
        longer.push(more);
        prop_assert!(score(&longer) >= score(&signals));
        prop_assert!(score(&longer) <= 100);
    }

    #[test]
    fn order_does_not_matter(signals in prop::collection::vec(any_signal(), 0..12)) {
        let mut different: Vec<Signal> = Vec::new();
        for signal in signals {
            if !different.iter().any(|earlier| signal.is_again(earlier)) {
                different.push(signal);
            }
        }
        let backwards: Vec<Signal> = different.iter().rev().cloned().collect();
        prop_assert_eq!(score(&different), score(&backwards));
        let count: usize = suspicions(&different, &DEVICE).iter().map(|suspicion| suspicion.signals.len()).sum();
        prop_assert_eq!(count, different.len(), "nothing is lost");
    }
}

#[test]
fn many_copies_are_one_suspicion_of_the_device_and_of_an_image_one_of_the_batch() {
    let some = |n: usize, count: u64| -> Vec<Signal> {
        let one = |i: usize| copies(part(C::Ethernet, &i.to_string()), Some("2026-11-A"), &["GW-1", "GW-2"], count);
        (0..n).filter_map(one).collect()
    };
    let causes = |signals: &[Signal]| -> Vec<String> {
        gathered(suspicions(signals, &DEVICE), &DEVICE).iter().map(|suspicion| suspicion.cause.about.clone()).collect()
    };
    assert_eq!(causes(&some(COPIES_MAX, 2)).len(), COPIES_MAX);
    assert_eq!(causes(&some(32, 2)), ["device:GW-1"]);
    assert_eq!(causes(&some(1, 500)).len(), 1);
    assert_eq!(causes(&some(2, 500)), ["2026-11-A:image"]);
    assert_eq!(causes(&some(32, 500)), ["2026-11-A:image"]);
    let mut both = some(32, 500);
    both.push(changed("lte0", C::Lte));
    assert_eq!(causes(&both).len(), 2);
}

fn beyond(slot: &str, class: C, count: u64) -> Signal {
    Signal::PartBeyondBatch { batch: "2026-11-A".into(), slot: slot.into(), class, reported: "B".into(), count }
}

#[test]
fn parts_from_elsewhere_belong_to_their_device_until_they_are_many() {
    let few = suspicions(&[changed("cpu", C::Cpu), beyond("cpu", C::Cpu, 4)], &DEVICE);
    assert_eq!(few.len(), 1);
    assert_eq!(few[0].cause.to_string(), "hardware_mismatch:GW-1:1");
    assert!(few[0].score < 80, "it is one part that was changed: {}", few[0].score);
    let many = gathered(suspicions(&[beyond("cpu", C::Cpu, 5)], &DEVICE), &DEVICE);
    assert_eq!(many[0].cause.to_string(), "beyond_batch:2026-11-A:cpu");
    assert_eq!(Policy::default().decide(&many[0]), Some(Response::Ask), "cutting off a batch is for people");
    assert!(matches!(many[0].event("GW-1"), Some(Event::HardwareMismatch { .. })));
    assert_eq!(Policy::default().decide(&suspicions(&[beyond("lte0", C::Lte, 300)], &DEVICE)[0]), Some(Response::Ask));
    let both = gathered(suspicions(&[beyond("cpu", C::Cpu, 5), beyond("lte0", C::Lte, 5)], &DEVICE), &DEVICE);
    assert_eq!(both.iter().map(|s| s.cause.about.as_str()).collect::<Vec<_>>(), ["2026-11-A:parts"]);
}

#[test]
fn what_is_about_several_devices_explains_what_is_the_same_at_one_and_nothing_else() {
    let reported = |slot: &str, reported: &str| Signal::PartChanged {
        slot: slot.into(),
        class: C::Cpu,
        expected: "A".into(),
        reported: reported.into(),
    };
    let copied = Copied::Part { class: C::Cpu, identifier: "4E1D".into(), identifier_key: "sn:cpu:4E1D".into() };
    let two =
        suspicions(&[copies(copied.clone(), Some("2026-11-A"), &["GW-1", "GW-2"], 2).unwrap()], &DEVICE).remove(0);
    let copies_in = |batch| copies(copied.clone(), batch, &["GW-1", "GW-2"], 2).unwrap();
    assert!(two.explains(&reported("cpu", "4e1d"), &[]) && two.explains(&two.signals[0], &[]));
    assert!(!two.explains(&reported("cpu", "4E1E"), &[]) && !two.explains(&two_addresses(4), &[]));
    assert!(!two.explains(&Signal::PartMissing { slot: "cpu".into(), class: C::Cpu, expected: "4E1D".into() }, &[]));
    let all = suspicions(&[copies_in(None)], &DEVICE).remove(0);
    assert!(!two.explains(&copies_in(None), &[]) && !two.explains(&copies_in(Some("2026-12-B")), &[]));
    assert!(all.explains(&copies_in(None), &[]) && all.explains(&copies_in(Some("2026-12-B")), &[]));
    let many = suspicions(&[beyond("cpu", C::Cpu, 5)], &DEVICE).remove(0);
    let first = |text: &str| match beyond("cpu", C::Cpu, 1) {
        Signal::PartBeyondBatch { batch, slot, class, count, .. } => {
            Signal::PartBeyondBatch { batch, slot, class, reported: text.into(), count }
        }
        other => other,
    };
    let came = [first("4e1e")];
    assert!(many.explains(&came[0], &came) && many.explains(&reported("cpu", "4E1E"), &came));
    assert!(!many.explains(&reported("board", "4E1E"), &came));
    assert!(!many.explains(&reported("cpu", "4E1F"), &came), "that one was fitted since");
    let own = suspicions(&[reported("cpu", "4E1D")], &DEVICE).remove(0);
    assert!(!own.explains(&reported("cpu", "4E1D"), &[]), "what is about one device explains nothing of others");
}
