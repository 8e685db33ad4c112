#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use super::*;
use crate::component::ComponentClass as C;
use proptest::prelude::*;

fn read(mapping: &Mapping, attributes: &[(&str, &str)]) -> Reported {
    mapping.read(&Attributes::collect(attributes.iter().copied()))
}

fn problem(text: &str) -> LineProblem {
    let mut errors = Mapping::parse(text).unwrap_err().0;
    assert_eq!(errors.len(), 1, "{errors:?}");
    errors.remove(0).problem
}

#[test]
fn the_usual_mapping_reads_a_usual_device() {
    let usual = Mapping::usual();
    assert!(!usual.rules().is_empty());
    let reported = read(
        &usual,
        &[
            ("hw.cpu", "4e1d 0d72 8a03 c6f1"),
            ("hw.board", "MB26B-117204"),
            ("hw.se", "0123A9F4C2117EEE"),
            ("hw.eth0.mac", "D8-80-39-4E-71-0C"),
            ("HW.wlan0.mac", "d8:80:39:4e:71:0d"),
            ("hw.bt0.mac", "d8:80:39:4e:71:0e"),
            ("hw.lte0.imei", "861941050337180"),
            ("hw.lte0.iccid", "8942020000000000001"),
            ("hw.lte0.model", "EG25-G"),
            ("hw.storage0", "7F3A2210"),
            ("hw.storage0.model", "EMMC32G"),
            ("sw.version", "1.4.2"),
            ("metric.net.rx", "12.5"),
            ("metric.bad", "NaN"),
            ("hw.eth0.vlan.mac", "d8:80:39:4e:71:0f"),
            ("kernel", "6.1"),
        ],
    );
    let keys: Vec<(&str, &str)> =
        reported.identifiers().map(|(part, found)| (part.slot.as_str(), found.key.as_str())).collect();
    let expected = [
        ("board", "sn:board:MB26B-117204"),
        ("bt0", "mac:d8:80:39:4e:71:0e"),
        ("cpu", "sn:cpu:4E1D0D728A03C6F1"),
        ("eth0", "mac:d8:80:39:4e:71:0c"),
        ("lte0", "imei:861941050337180"),
        ("se", "sn:secure_element:0123A9F4C2117EEE"),
        ("storage0", "sn:storage:7F3A2210"),
        ("wlan0", "mac:d8:80:39:4e:71:0d"),
    ];
    assert_eq!(keys, expected);
    let lte = &reported.parts["lte0"];
    assert_eq!((lte.serial.as_deref(), lte.model.as_deref()), (Some("8942020000000000001"), Some("EG25-G")));
    assert_eq!(reported.parts["storage0"].model.as_deref(), Some("EMMC32G"));
    assert_eq!(reported.firmware.as_deref(), Some("1.4.2"));
    assert_eq!(reported.metrics.iter().collect::<Vec<_>>(), [(&"net.rx".to_owned(), &12.5)]);
    assert_eq!(reported.other, ["hw.eth0.vlan.mac", "kernel", "metric.bad"]);
}

#[test]
fn the_earlier_line_counts_unless_it_says_less() {
    let mapping =
        Mapping::parse("cpu_id = cpu identifier\nhw.cpu = cpu identifier\nversion = firmware\nfw = firmware").unwrap();
    let key = |attributes: &[(&str, &str)]| read(&mapping, attributes).identifier("cpu").map(|found| found.key.clone());
    assert_eq!(key(&[("hw.cpu", "B1"), ("cpu_id", "A1")]), Some("sn:cpu:A1".into()));
    assert_eq!(key(&[("hw.cpu", "B1"), ("cpu_id", "unknown")]), Some("sn:cpu:B1".into()));
    assert_eq!(key(&[("hw.cpu", "")]), None);
    assert_eq!(read(&mapping, &[("fw", "2"), ("version", "")]).firmware.as_deref(), Some("2"));
}

#[test]
fn every_error_points_at_its_line() {
    let text = "# ours\n\nhw.cpu cpu identifier\nhw.eth*.mac = eth* identifier\n hw.x = \n\
                hw.eth7.mac = eth7 identifier # last";
    let errors = Mapping::parse(text).unwrap_err();
    let found: Vec<(usize, LineProblem)> = errors.0.iter().map(|error| (error.line, error.problem.clone())).collect();
    assert_eq!(found, [(3, LineProblem::NoEquals), (5, LineProblem::NothingAfter), (6, LineProblem::Covered(4))]);
    assert!(errors.to_string().contains("; line 6: the line is never used, for line 4 takes the same attributes"));
}

#[test]
fn what_is_wrong_with_a_line() {
    use LineProblem as P;
    assert_eq!(problem("= cpu identifier"), P::NothingBefore);
    assert_eq!(problem("a*b* = eth* identifier"), P::TwoStars("a*b*".into()));
    assert_eq!(problem("a* = eth identifier"), P::StarOnOneSide);
    assert_eq!(problem("a = metric *"), P::StarOnOneSide);
    assert_eq!(problem("a* = firmware"), P::StarOnOneSide);
    assert_eq!(problem("a = Eth0 identifier"), P::Slot("Eth0".into()));
    assert_eq!(problem("a = uplink identifier"), P::NoClass("uplink".into()));
    assert_eq!(problem("a = uplink:wire identifier"), P::UnknownClass("wire".into()));
    assert_eq!(problem("a = cpu"), P::NothingSaid);
    assert_eq!(problem("a = cpu id"), P::UnknownWord("id".into()));
    assert_eq!(problem("a = cpu identifier local"), P::LocalWithoutAddress);
    assert_eq!(problem("a = wlan0 model local"), P::LocalWithoutAddress);
    assert_eq!(problem("a = cpu model unlisted"), P::Extra("unlisted".into()));
    assert_eq!(problem("a = firmware now"), P::Extra("now".into()));
    assert_eq!(
        problem("a = uplink:wlan identifier\nb = uplink:eth model"),
        P::OtherClass { slot: "uplink".into(), line: 1 }
    );
    assert_eq!(problem("gps.lat = position"), P::NoAxis);
    assert_eq!(problem("gps.lat = position height"), P::NoAxis);
    assert_eq!(problem("gps.* = position latitude"), P::StarOnOneSide);
    assert_eq!(problem("A.b = cpu identifier\na.B = board identifier"), P::Covered(1));
    assert_eq!(problem(&format!("{} = firmware", "k".repeat(129))), P::TooLong("k".repeat(40)));
    let many: String = (0..=MAPPING_RULES_MAX).map(|n| format!("k{n} = firmware\n")).collect();
    assert_eq!(problem(&many), P::TooMany);
    assert!(P::UnknownClass("wire".into()).to_string().ends_with(
        "known are cpu, secure_element, board, storage, \
        ethernet, wlan, lte, gnss, power, other"
    ));
}

#[test]
fn the_usual_mapping_is_written_as_it_is_read() {
    let usual = Mapping::usual();
    assert_eq!(Mapping::parse(&usual.to_string()), Ok(usual.clone()));
    insta::assert_snapshot!(usual);
}

#[test]
fn where_a_device_is_is_read_from_whatever_says_so() {
    let mapping = Mapping::parse(
        "gps.lat = position latitude\ngps.lon = position longitude\nsite = position place\n\
                                  lat2 = position latitude",
    )
    .unwrap();
    let said = [("gps.lat", "49.195"), ("gps.lon", "16.607"), ("site", "Brno"), ("lat2", "6.5")];
    let position = read(&mapping, &said).position;
    assert_eq!((position.latitude, position.longitude), (Some(49.195), Some(16.607)), "the first line counts");
    assert_eq!(position.place.as_deref(), Some("Brno"));
    let reported = read(&mapping, &[("gps.lat", "191"), ("gps.lon", "16.607")]);
    assert!(!reported.position.is_known());
    assert_eq!(reported.other, ["gps.lat"], "what is no latitude means nothing");
    assert_eq!(mapping.to_string().lines().next(), Some("gps.lat = position latitude"));
}

fn line() -> impl Strategy<Value = String> {
    let key = "[a-z][a-z0-9._]{0,6}";
    let slot =
        prop_oneof![Just("eth"), Just("wlan"), Just("lte"), Just("cpu"), Just("uplink:ethernet"), Just("x:other")];
    let says =
        prop_oneof![Just("identifier"), Just("model"), Just("serial"), Just("version"), Just("identifier unlisted")];
    prop_oneof![
        (key, slot, says).prop_map(|(key, slot, says)| format!("{key} = {slot} {says}")),
        (key, 0..9_u8).prop_map(|(key, n)| format!("{key}*.mac = eth{n}*:wlan identifier local")),
        key.prop_map(|key| format!("{key} = firmware # {key}")),
        key.prop_map(|key| format!("{key}.* = metric {key}_*")),
    ]
}

proptest! {
    #[test]
    fn what_is_written_reads_back(lines in prop::collection::vec(line(), 0..20)) {
        if let Ok(mapping) = Mapping::parse(&lines.join("\n")) {
            prop_assert_eq!(Mapping::parse(&mapping.to_string()), Ok(mapping.clone()));
        }
    }

    #[test]
    fn errors_are_in_order_and_within_the_text(
        text in "(\\PC{0,20}\n){0,6}|([a-c*]{0,2} ?=? ?(cpu|eth\\*|firmware|metric \\*)? ?(identifier)?\n){0,8}",
    ) {
        if let Err(errors) = Mapping::parse(&text) {
            prop_assert!(!errors.0.is_empty());
            prop_assert!(errors.0.windows(2).all(|pair| pair[0].line < pair[1].line));
            prop_assert!(errors.0.iter().all(|error| (1..=text.lines().count()).contains(&error.line)));
            prop_assert!(!errors.to_string().is_empty());
        }
    }

    #[test]
    fn any_attributes_are_read(
        pairs in prop::collection::vec(
            ("(hw\\.(eth|lte|cpu)\\PC{0,4}(\\.mac|\\.imei)?|metric\\.\\PC{0,4}|\\PC{0,9})", "\\PC{0,20}"),
            0..30,
        ),
    ) {
        let attributes = Attributes::collect(pairs);
        let reported = Mapping::usual().read(&attributes);
        prop_assert!(reported.metrics.values().all(|value| value.is_finite()));
        let named = |(slot, part): (&String, &PartReport)| *slot == part.slot && crate::factory_manifest::is_slot(slot);
        prop_assert!(reported.parts.iter().all(named));
        prop_assert!(reported.other.len() <= attributes.len());
        prop_assert!(reported.parts.values().all(|part| part.class != C::Power));
    }
}
