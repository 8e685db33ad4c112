#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use super::*;
use crate::{
    component::{ComponentClass as C, Part},
    identifier::{imei_with_check_digit, normalise},
    suspicion::{Signal, SignalKind},
};
use proptest::prelude::*;

fn part(slot: &str, class: C, maker: &str, model: &str, identifier: &str) -> Part {
    let found = normalise(class, identifier).unwrap();
    Part {
        slot: slot.into(),
        class,
        maker: maker.into(),
        model: model.into(),
        identifier: found.shown,
        identifier_key: found.key,
    }
}

/// A gateway as its factory delivered it.
fn made() -> Vec<Part> {
    vec![
        part("cpu", C::Cpu, "NXP", "i.MX8M Mini", "3A1F-77E0-21C4"),
        part("eth0", C::Ethernet, "Microchip", "", "d8:80:39:4e:71:0c"),
        part("lte0", C::Lte, "Quectel", "EG25-G", "861941050337180"),
        part("power", C::Power, "Mean Well", "HDR-15", "PS-1"),
        part("wlan0", C::Wlan, "u-blox", "MAYA-W1", "d4:ca:6e:4e:71:0d"),
    ]
}

/// What it sends when nothing is wrong.
const SENT: &[(&str, &str)] = &[
    ("hw.cpu", "3a1f-77e0-21c4"),
    ("hw.eth0.mac", "d8:80:39:4e:71:0c"),
    ("hw.lte0.imei", "861941050337180"),
    ("hw.wlan0.mac", "d4:ca:6e:4e:71:0d"),
];

fn makers() -> Makers {
    Makers::parse("oui d8:80:39 = Microchip\noui d4:ca:6e = u-blox\ntac 86194105 = EG25-G").unwrap()
}

/// [`SENT`] with these values in place of its own.
fn sent(but: &[(&str, &str)]) -> Reported {
    let attributes = Attributes::collect(SENT.iter().copied());
    let attributes = attributes.update(UpdateMode::Merge, Attributes::collect(but.iter().copied()));
    Mapping::usual().read(&attributes)
}

fn without(key: &str) -> Reported {
    Mapping::usual().read(&Attributes::collect(SENT.iter().filter(|(sent, _)| *sent != key).copied()))
}

fn held(now: &Reported, before: Option<&Reported>) -> Comparison {
    compare(now, &[Listed { version: 1, parts: &made() }], before, &makers())
}

fn kinds(comparison: &Comparison) -> Vec<(SignalKind, &str)> {
    comparison.signals.iter().map(|signal| (signal.kind(), signal.slot().unwrap_or_default())).collect()
}

#[test]
fn a_device_as_it_was_made() {
    let comparison = held(&sent(&[]), None);
    assert_eq!((comparison.signals, comparison.matched), (vec![], Some(1)));
    assert_eq!(comparison.confirmed, ["cpu", "eth0", "lte0", "wlan0"]);
    assert_eq!(comparison.silent, ["power"]);
}

#[test]
fn a_changed_part() {
    let comparison = held(&sent(&[("hw.wlan0.mac", "d4:ca:6e:00:00:01")]), None);
    let expected = Signal::PartChanged {
        slot: "wlan0".into(),
        class: C::Wlan,
        expected: "d4:ca:6e:4e:71:0d".into(),
        reported: "d4:ca:6e:00:00:01".into(),
    };
    assert_eq!((comparison.signals, comparison.matched), (vec![expected], None));
    assert_eq!(comparison.confirmed, ["cpu", "eth0", "lte0"]);
}

#[test]
fn a_repair_matches_its_version_and_before_it_the_one_before() {
    let mut repaired = made();
    repaired[4] = part("wlan0", C::Wlan, "u-blox", "MAYA-W1", "d4:ca:6e:00:00:01");
    let made = made();
    let manifests = [Listed { version: 2, parts: &repaired }, Listed { version: 1, parts: &made }];
    let matched = |now: &Reported| compare(now, &manifests, None, &makers());
    let after = matched(&sent(&[("hw.wlan0.mac", "D4-CA-6E-00-00-01")]));
    assert_eq!((after.matched, after.signals.len()), (Some(2), 0));
    let old = matched(&sent(&[]));
    assert_eq!((old.matched, kinds(&old)), (Some(1), vec![(SignalKind::PartChanged, "wlan0")]));
    assert_eq!(compare(&sent(&[]), &[], None, &makers()), Comparison::default());
}

#[test]
fn a_repair_is_confirmed_by_the_parts_that_it_fitted() {
    let fitted =
        [part("lte0", C::Lte, "Quectel", "EG25-G", "861941050337180"), part("power", C::Power, "", "", "PS-1")];
    let confirmed = |now: &Reported| held(now, None).confirms(1, &fitted, &Mapping::usual());
    assert!(confirmed(&sent(&[])), "power supplies have no voice");
    assert!(!confirmed(&without("hw.lte0.imei")), "the new modem must speak");
    assert!(!confirmed(&sent(&[("hw.cpu", "another")])));
    assert!(!held(&sent(&[]), None).confirms(2, &fitted, &Mapping::usual()));
}

#[test]
fn silence_is_missing_only_where_something_was_said() {
    let now = without("hw.lte0.imei");
    let first = held(&now, None);
    assert_eq!((kinds(&first), first.matched), (vec![], Some(1)));
    assert_eq!(first.silent, ["lte0", "power"]);
    let later = held(&now, Some(&sent(&[])));
    assert_eq!((kinds(&later), later.matched), (vec![(SignalKind::PartMissing, "lte0")], None));
    let unreadable = sent(&[("hw.lte0.imei", "unknown")]);
    assert_eq!((held(&unreadable, None).signals.len(), held(&unreadable, Some(&sent(&[]))).signals.len()), (0, 1));
    let looked_and_found_none = held(&sent(&[("hw.lte0.imei", "")]), None);
    assert_eq!(kinds(&looked_and_found_none), [(SignalKind::PartMissing, "lte0")]);
    assert_eq!(held(&Reported::default(), None).matched, None, "who says nothing matches nothing");
}

#[test]
fn a_part_that_nobody_listed() {
    let comparison = held(&sent(&[("hw.eth1.mac", "d8:80:39:00:00:01"), ("hw.bt0.mac", "d4:ca:6e:00:00:02")]), None);
    assert_eq!(kinds(&comparison), [(SignalKind::PartBeyondManifest, "eth1")], "Bluetooth needn't be listed");
}

#[test]
fn interfaces_that_changed_their_numbers_are_the_same_parts() {
    let mut parts = made();
    parts.push(part("eth1", C::Ethernet, "Microchip", "", "d8:80:39:4e:71:0e"));
    let now = sent(&[("hw.eth1.mac", "d8:80:39:4e:71:0c"), ("hw.eth0.mac", "d8:80:39:4e:71:0e")]);
    let comparison = compare(&now, &[Listed { version: 1, parts: &parts }], None, &makers());
    assert_eq!((comparison.signals, comparison.matched), (vec![], Some(1)));
}

#[test]
fn the_manifest_knows_better_what_kind_of_part_it_is() {
    let parts = [part("board", C::Other, "", "", "MB26B")];
    let now = sent(&[("hw.board", "mb26b")]);
    let comparison = compare(&now, &[Listed { version: 1, parts: &parts }], None, &makers());
    assert_eq!(comparison.confirmed, ["board"]);
}

#[test]
fn imeis_that_were_tampered_with() {
    let kinds = |imei: &str| kinds_of(&held(&sent(&[("hw.lte0.imei", imei)]), None));
    assert_eq!(kinds("861941050337181"), [SignalKind::WrongCheckDigit]);
    assert_eq!(kinds("861941050337198"), [SignalKind::PartChanged], "another modem of the same model");
    let foreign = imei_with_check_digit(&[3, 5, 7, 0, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7]).unwrap().to_string();
    assert_eq!(kinds(&foreign), [SignalKind::PartChanged, SignalKind::ForeignTac]);
    let now = sent(&[("hw.lte0.imei", &foreign)]);
    let unknown = compare(&now, &[Listed { version: 1, parts: &made() }], None, &Makers::default());
    assert_eq!(kinds_of(&unknown), [SignalKind::PartChanged, SignalKind::ForeignTac], "the listed modem's own code");
}

fn kinds_of(comparison: &Comparison) -> Vec<SignalKind> {
    comparison.signals.iter().map(Signal::kind).collect()
}

#[test]
fn addresses_that_nobody_assigned() {
    let kinds = |mac: &str| kinds_of(&held(&sent(&[("hw.eth0.mac", mac)]), None));
    assert_eq!(kinds("00:11:22:33:44:55"), [SignalKind::PartChanged, SignalKind::ForeignOui]);
    assert_eq!(kinds("02:11:22:33:44:55"), [SignalKind::PartChanged, SignalKind::LocalMac]);
    let invented = [part("eth0", C::Ethernet, "Microchip", "", "02:11:22:33:44:55")];
    let now = sent(&[("hw.eth0.mac", "02:11:22:33:44:55")]);
    let comparison = compare(&now, &[Listed { version: 1, parts: &invented }], None, &makers());
    assert!(comparison.signals.iter().any(|signal| matches!(signal, Signal::LocalMac { listed: true, .. })));
}

#[test]
fn addresses_that_may_be_made_up_say_nothing() {
    let mapping = Mapping::parse("hw.cpu = cpu identifier\nhw.wlan*.mac = wlan* identifier local").unwrap();
    let read = |mac: &str| mapping.read(&Attributes::collect([("hw.cpu", "3A1F-77E0-21C4"), ("hw.wlan0.mac", mac)]));
    let (made_up, before) = (read("02:11:22:33:44:55"), read("d4:ca:6e:4e:71:0d"));
    let comparison = held(&made_up, Some(&before));
    assert_eq!((comparison.signals, comparison.matched), (vec![], Some(1)));
    assert_eq!(made_up.identifiers().count(), 1, "and are not looked for elsewhere");
    assert_eq!(kinds_of(&held(&read("d4:ca:6e:00:00:01"), None)), [SignalKind::PartChanged]);
}

#[test]
fn the_same_identifier_in_another_model_of_part() {
    let named = |model: &str| kinds_of(&held(&sent(&[("hw.lte0.model", model)]), None));
    assert_eq!(named("Quectel EG25G"), []);
    assert_eq!(named("EC25-E"), [SignalKind::OtherModel]);
}

/// A part of any class, with an identifier made from a number.
fn numbered(slot: &str, class: C, number: u32) -> Part {
    let [_, _, a, b] = number.to_be_bytes();
    let identifier = match class {
        C::Ethernet | C::Wlan => format!("d8:80:39:00:{a:02x}:{b:02x}"),
        C::Lte => {
            let mut digits = [8, 6, 1, 9, 4, 1, 0, 5, 0, 0, 0, 0, 0, 0];
            digits
                .iter_mut()
                .skip(8)
                .rev()
                .zip(0_u32..)
                .for_each(|(d, at)| *d = u8::try_from(number / 10_u32.pow(at) % 10).unwrap());
            imei_with_check_digit(&digits).unwrap().to_string()
        }
        _ => format!("SN-{number}"),
    };
    part(slot, class, "", "", &identifier)
}

fn parts() -> impl Strategy<Value = Vec<Part>> {
    prop::collection::btree_set(0..1_000_u32, 1..9).prop_map(|numbers| {
        let slots = ["cpu", "eth0", "eth1", "lte0", "board", "se", "storage0", "wlan0"];
        let classes = [C::Cpu, C::Ethernet, C::Ethernet, C::Lte, C::Board, C::SecureElement, C::Storage, C::Wlan];
        let named = slots.into_iter().zip(classes).zip(numbers);
        named.map(|((slot, class), number)| numbered(slot, class, number)).collect()
    })
}

fn attribute(part: &Part) -> (String, String) {
    let suffix = match part.class {
        C::Ethernet | C::Wlan => ".mac",
        C::Lte => ".imei",
        _ => "",
    };
    (format!("hw.{}{suffix}", part.slot), part.identifier.clone())
}

fn all(parts: &[Part]) -> Reported {
    Mapping::usual().read(&Attributes::collect(parts.iter().map(attribute)))
}

proptest! {
    #[test]
    fn a_report_of_all_parts_matches(parts in parts()) {
        let comparison = compare(&all(&parts), &[Listed { version: 7, parts: &parts }], None, &makers());
        prop_assert_eq!(comparison.signals, vec![]);
        prop_assert_eq!(comparison.matched, Some(7));
        prop_assert_eq!(comparison.confirmed.len(), parts.len());
    }

    #[test]
    fn one_other_part_is_one_change(parts in parts(), at in any::<prop::sample::Index>()) {
        let mut other = parts.clone();
        let swapped = at.index(parts.len());
        other[swapped] = numbered(&parts[swapped].slot, parts[swapped].class, 1_001);
        let comparison = compare(&all(&other), &[Listed { version: 1, parts: &parts }], None, &makers());
        prop_assert_eq!(kinds(&comparison), vec![(SignalKind::PartChanged, parts[swapped].slot.as_str())]);
        prop_assert_eq!(comparison.matched, None);
    }

    #[test]
    fn one_part_less_is_missing_after_it_was_there(parts in parts(), at in any::<prop::sample::Index>()) {
        let mut fewer = parts.clone();
        let gone = fewer.remove(at.index(parts.len()));
        let listed = [Listed { version: 1, parts: &parts }];
        let comparison = compare(&all(&fewer), &listed, Some(&all(&parts)), &makers());
        prop_assert_eq!(kinds(&comparison), vec![(SignalKind::PartMissing, gone.slot.as_str())]);
        let silent = compare(&all(&fewer), &listed, None, &makers());
        prop_assert_eq!(silent.signals, vec![]);
        prop_assert_eq!(silent.silent, vec![gone.slot]);
    }

    #[test]
    fn every_listed_part_is_accounted_for(listed in parts(), sent in parts(), before in prop::option::of(parts())) {
        let before = before.map(|parts| all(&parts));
        let manifests = [Listed { version: 1, parts: &listed }];
        let comparison = compare(&all(&sent), &manifests, before.as_ref(), &Makers::default());
        let differing = comparison.signals.iter().filter(|signal| {
            matches!(signal, Signal::PartChanged { .. } | Signal::PartMissing { .. })
        });
        prop_assert_eq!(comparison.confirmed.len() + comparison.silent.len() + differing.count(), listed.len());
        prop_assert_eq!(comparison.matched.is_some(), comparison.signals.is_empty() && !comparison.confirmed.is_empty());
    }
}
