#![expect(clippy::unwrap_used, reason = "a test that can't parse its own dates should fail")]

use super::*;
use domain::custody::CustodianKind;
use serde_json::json;

fn at(day: &str) -> Timestamp {
    Timestamp::parse(day).unwrap()
}

/// An entry by its JSON, as the store keeps it; ids are not made here.
fn entry(n: u64, day: &str, event: &serde_json::Value) -> Entry {
    serde_json::from_value(json!({
        "id": format!("00000000-0000-7000-8000-{n:012}"), "at": day, "recorded_at": day,
        "actor": "tester", "place": format!("place {n}"), "event": event,
    }))
    .unwrap()
}

fn holder(n: u64, kind: CustodianKind) -> serde_json::Value {
    json!({"id": format!("00000000-0000-7000-9000-{n:012}"), "name": format!("H{n}"), "kind": kind})
}

fn record(history: Vec<Entry>) -> DeviceRecord {
    let id = "00000000-0000-7000-8000-000000000000";
    let device = serde_json::from_value(json!({
        "id": id, "serial": "S-1", "model_id": id, "hardware_revision": "C", "batch_id": id, "factory_id": id,
        "custodian_id": id, "place": "", "lifecycle": "active", "trust": "trusted", "channel": "production",
        "firmware": null, "made_at": "2026-11-02", "last_seen_at": null, "certificate_serial": null,
        "certificate_not_after": null, "manifest_version": 0, "manifest_hash": "",
    }))
    .unwrap();
    let (components, manifests) = domain::manifest::replay(&history);
    DeviceRecord { device, components, manifests, history, catalogue: fleet::catalogue::Catalogue::default() }
}

fn travelled() -> Vec<Entry> {
    let (factory, client) = (holder(1, CustodianKind::Factory), holder(2, CustodianKind::Client));
    vec![
        entry(1, "2026-11-02", &json!({"kind": "manufactured", "by": factory, "batch": "A", "firmware": "1.0"})),
        entry(2, "2026-11-10", &json!({"kind": "shipped", "to": client})),
        entry(3, "2026-11-20", &json!({"kind": "received", "by": client})),
        entry(4, "2026-12-01", &json!({"kind": "received", "by": factory})),
        entry(5, "2026-12-02", &json!({"kind": "note", "text": "x"})),
    ]
}

#[test]
fn spans_follow_the_holder_and_skip_what_was_corrected() {
    let mut history = travelled();
    let now = at("2027-01-01");
    let all = record(history.clone());
    let spans: Vec<_> = Life::new(&all, now).spans.iter().map(|s| (s.name().to_owned(), s.entries.len())).collect();
    assert_eq!(spans, [("H1".into(), 2), ("H2".into(), 1), ("H1".into(), 2)]);

    let wrong = history[3].id;
    history.push(entry(6, "2026-12-03", &json!({"kind": "corrected", "entry": wrong, "reason": "other device"})));
    let corrected = record(history);
    let life = Life::new(&corrected, now);
    let spans: Vec<_> = life.spans.iter().map(|s| (s.name(), s.days(now))).collect();
    assert_eq!(spans, [("H1", "18 days".to_owned()), ("H2", "42 days".to_owned())]);
    assert_eq!(life.correction_of(&corrected.history[3]).map(|(_, why)| why), Some("other device"));
}

#[test]
fn certificates_are_superseded_held_and_revoked() {
    let issued = |n, day, kind: &str| {
        entry(n, day, &json!({"kind": kind, "serial": format!("{n}f"), "issuer": "CA", "not_after": "2028-01-01"}))
    };
    let all = record(vec![
        issued(1, "2026-11-02", "certificate_issued"),
        entry(2, "2027-01-01", &json!({"kind": "certificate_held", "reason": "repair"})),
        issued(3, "2027-02-01", "certificate_renewed"),
        entry(4, "2027-03-01", &json!({"kind": "certificate_revoked", "reason": "stolen"})),
    ]);
    let life = Life::new(&all, at("2027-04-01"));
    let found = life.certificates();
    assert_eq!(found[0].held, [(at("2027-01-01"), Some(at("2027-02-01")))]);
    assert_eq!((found[0].ended, found[0].revoked), (Some(at("2027-02-01")), None));
    assert_eq!((found[1].ended, found[1].revoked), (Some(at("2027-03-01")), Some("stolen")));
}

#[test]
fn firmware_lasts_until_another_runs() {
    let mut history = travelled();
    history.push(entry(7, "2026-12-05", &json!({"kind": "update_verified", "from": "1.0", "version": "1.1"})));
    history.push(entry(8, "2026-12-06", &json!({"kind": "update_reverted", "to": "1.0", "version": "1.1"})));
    let all = record(history);
    let life = Life::new(&all, at("2027-01-01"));
    let versions: Vec<_> = life.firmware().iter().map(|f| (f.version, f.until.is_some())).collect();
    assert_eq!(versions, [("1.0", true), ("1.1", true), ("1.0", false)]);
}

#[test]
fn findings_are_open_until_the_device_is_released() {
    let finding = |n, day| entry(n, day, &json!({"kind": "hardware_mismatch", "finding": "MAC", "score": 40}));
    let mut history = vec![finding(1, "2027-01-01")];
    let open = |history: Vec<Entry>| Life::new(&record(history), at("2027-09-01")).open_findings().len();
    assert_eq!(open(history.clone()), 1);
    history.push(entry(2, "2027-01-02", &json!({"kind": "released", "reason": "fine"})));
    assert_eq!(open(history.clone()), 0);
    history.push(finding(3, "2027-01-03"));
    assert_eq!(open(history), 1);
}
