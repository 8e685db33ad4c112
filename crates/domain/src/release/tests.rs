#![expect(clippy::expect_used, reason = "a test fails by panicking")]

use super::*;
use crate::time::{DAY, HOUR};
use proptest::prelude::*;

fn rule(checks: &[&str], soak_hours: i64, verified: i64, second_person: bool) -> StageRule {
    StageRule { checks: checks.iter().map(|c| (*c).to_owned()).collect(), soak_hours, verified, second_person }
}

fn model(name: &str, rule: StageRule, verified: i64) -> ModelFacts {
    ModelFacts { model: name.to_owned(), rule, verified }
}

fn check(name: &str, state: CheckState) -> Check {
    Check { name: name.to_owned(), state, url: String::new(), at: Timestamp(0), by: "ci".to_owned() }
}

fn gates(stage: Stage, to: Stage, models: &[ModelFacts], checks: &[Check], hours: i64) -> Vec<GateResult> {
    let since = Timestamp(100 * DAY);
    may_promote(&Facts { stage, since, models, checks, now: since.plus(hours * HOUR) }, to)
}

#[test]
fn each_gate_says_what_is_missing() {
    let models =
        [model("GW-200", rule(&["hil", "smoke"], 24, 5, true), 3), model("GW-300", rule(&["hil"], 48, 0, false), 0)];
    let checks = [check("smoke", CheckState::Failed)];
    let told: Vec<(bool, String)> = gates(Stage::Staging, Stage::Production, &models, &checks, 20)
        .into_iter()
        .map(|gate| (gate.blocks(), gate.told))
        .collect();
    let expected = [
        (true, "“hil” was not reported yet."),
        (true, "“smoke” failed."),
        (true, "28 h more in staging, until 13 Apr 1970, 00:00 UTC."),
        (true, "3 of 5 GW-200 devices verified by a rollout: 2 more."),
        (false, "Somebody else has to approve it."),
    ];
    assert_eq!(told, expected.map(|(blocks, told)| (blocks, told.to_owned())));
}

#[test]
fn what_is_met_says_the_same_from_then_on() {
    let facts = |verified| [model("GW-200", rule(&["hil"], 24, 5, true), verified)];
    let checks = [check("hil", CheckState::Passed)];
    let first = gates(Stage::Staging, Stage::Production, &facts(5), &checks, 24);
    assert!(!first.iter().any(GateResult::blocks), "{first:?}");
    assert_eq!(first, gates(Stage::Staging, Stage::Production, &facts(900), &checks, 2_400));
}

#[test]
fn stages_are_entered_one_after_the_other() {
    let models = [model("GW-200", rule(&[], 0, 0, false), 0)];
    for from in Stage::ALL {
        for to in Stage::ALL {
            let blocked = gates(*from, *to, &models, &[], 0).iter().any(GateResult::blocks);
            assert_eq!(blocked, from.next() != Some(*to), "{from} to {to}");
        }
    }
}

#[test]
fn a_clock_that_was_set_back_lets_nothing_through() {
    let models = [model("GW-200", rule(&[], 1, 0, false), 0)];
    assert!(gates(Stage::Dev, Stage::Staging, &models, &[], -5).iter().any(GateResult::blocks));
}

#[test]
fn the_usual_rules_can_be_kept_and_odd_ones_not() {
    for stage in Stage::WITH_RULES {
        assert_eq!(StageRule::usual(stage).checked(), Ok(StageRule::usual(stage)));
    }
    assert_eq!(rule(&[" hil ", "hil"], 0, 0, false).checked(), Ok(rule(&["hil"], 0, 0, false)));
    assert!(matches!(rule(&["a b"], 0, 0, false).checked(), Err(RuleError::Check(_, NameError::Character(' ')))));
    assert_eq!(rule(&[], -1, 0, false).checked(), Err(RuleError::Soak));
    assert_eq!(rule(&[], 0, 10_001, false).checked(), Err(RuleError::Verified));
}

#[test]
fn names_stand_in_addresses() {
    assert_eq!(check_name(" 1.4.2-rc1+b7 "), Ok("1.4.2-rc1+b7"));
    for (text, error) in [
        ("", NameError::Empty),
        ("-x", NameError::Beginning),
        ("a/b", NameError::Character('/')),
        ("1.4 ", NameError::Long),
    ] {
        let text = if error == NameError::Long { "x".repeat(65) } else { text.to_owned() };
        assert_eq!(check_name(&text), Err(error));
    }
    assert_eq!(file_name("C:\\build\\gateway os (1).swu"), "gateway-os--1-.swu");
    assert_eq!(file_name("../.."), "unnamed");
    assert!(file_name(&format!("{}.swu", "x".repeat(300))).ends_with(".swu"));
}

#[test]
fn a_release_fits_what_it_names() {
    let release = Release {
        id: ReleaseId(uuid::Uuid::nil()),
        product: "gateway-os".to_owned(),
        version: "1.4.2".to_owned(),
        kind: ArtifactKind::Swu,
        models: vec!["GW-200".to_owned()],
        revisions: vec!["C".to_owned()],
        notes: String::new(),
        stage: Stage::Dev,
        stage_at: Timestamp(0),
        created_by: String::new(),
        created_at: Timestamp(0),
    };
    assert!(release.fits("GW-200", "C") && !release.fits("GW-200", "B") && !release.fits("GW-300", "C"));
    assert!(Release { revisions: Vec::new(), ..release }.fits("GW-200", ""));
}

#[test]
fn bills_of_materials_are_read() {
    let cyclone = br#"{"bomFormat":"CycloneDX","specVersion":"1.6","components":[
        {"type":"operating-system","name":"linux","version":"6.1"},
        {"type":"library","name":"openssl","version":"3.0.11","purl":"pkg:deb/debian/openssl@3.0.11",
         "components":[{"type":"library","name":"libcrypto"}]},
        {"type":"operating-system","name":"linux","version":"6.1"}]}"#;
    let bom = read_bom(cyclone).expect("CycloneDX");
    let names: Vec<&str> = bom.components.iter().map(|c| c.name.as_str()).collect();
    assert_eq!((bom.format, names), (BomFormat::CycloneDx, vec!["libcrypto", "linux", "openssl"]));
    let spdx = br#"{"spdxVersion":"SPDX-2.3","packages":[{"name":"busybox","versionInfo":"1.36.1","externalRefs":[
        {"referenceCategory":"PACKAGE-MANAGER","referenceType":"purl","referenceLocator":"pkg:generic/busybox@1.36.1"}]}]}"#;
    let bom = read_bom(spdx).expect("SPDX");
    assert_eq!(bom.components[0].purl, "pkg:generic/busybox@1.36.1");
}

#[test]
fn odd_bills_of_materials_are_refused_with_the_reason() {
    let nested =
        format!("{{\"bomFormat\":\"CycloneDX\",\"components\":{}", "[{\"name\":\"a\",\"components\":".repeat(500));
    let many = format!(
        "{{\"bomFormat\":\"CycloneDX\",\"components\":[{}{{\"name\":\"b\"}}]}}",
        "{\"name\":\"a\"},".repeat(COMPONENTS_MAX)
    );
    let refused = |text: &str| read_bom(text.as_bytes()).expect_err(text.get(..80).unwrap_or(text)).to_string();
    for (text, told) in [
        ("", "can't be read"),
        ("[]", "can't be read"),
        ("{}", "neither CycloneDX"),
        (r#"{"bomFormat":"CycloneDX"}"#, "lists no components"),
        (r#"{"bomFormat":"CycloneDX","components":[{"name":"a"},{"version":"1"}]}"#, "component 2 has no name"),
        (r#"{"bomFormat":"CycloneDX","components":[{"name":7}]}"#, "can't be read"),
        (r#"{"bomFormat":"CycloneDX","components":[{"name":"a\u0000"}]}"#, "the name of component 1"),
        (r#"{"spdxVersion":"SPDX-3.0"}"#, "SPDX 3"),
        (r#"{"@context":"x","@graph":[]}"#, "SPDX 3"),
        (nested.as_str(), "can't be read"),
        (many.as_str(), "more than 20000"),
    ] {
        assert!(refused(text).contains(told), "{}: {}", text.get(..60).unwrap_or(text), refused(text));
    }
    assert_eq!(read_bom(&vec![b' '; SBOM_MAX + 1]), Err(BomError::Large));
}

proptest! {
    #[test]
    fn file_names_can_stand_in_an_address(text in "\\PC{0,200}") {
        let name = file_name(&text);
        prop_assert!((1..=120).contains(&name.len()));
        prop_assert!(name.bytes().all(|b| b.is_ascii_alphanumeric() || b"._+-".contains(&b)));
        prop_assert!(name.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_'));
    }

    #[test]
    fn nothing_goes_on_while_a_gate_is_not_met(soak in 0_i64..50, hours in 0_i64..50, asked in 0_i64..5, run in 0_i64..5, passed in any::<bool>()) {
        let models = [model("A", rule(&["c"], soak, asked, true), run)];
        let checks = [check("c", if passed { CheckState::Passed } else { CheckState::Pending })];
        let blocked = gates(Stage::Dev, Stage::Staging, &models, &checks, hours).iter().any(GateResult::blocks);
        prop_assert_eq!(blocked, !(passed && hours >= soak && run >= asked));
    }
}
