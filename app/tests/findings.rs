//! The findings page: one finding for each cause with what is part of it, and the trend, for whoever has no JavaScript.

#![expect(clippy::unwrap_used, reason = "a test that can't be set up has failed")]

mod common;

use common::{Console, NOW, Visitor, console};
use domain::{
    authority::{FindingKind, FindingState},
    id::{DeviceId, FindingId},
    person::Role,
};
use serde_json::json;
use store::finding::Finding;
use uuid::Uuid;

/// A finding of several devices with one of a single device as a part of it: their ids.
async fn found(console: &Console) -> (FindingId, FindingId) {
    let device = device(console).await;
    let finding = |kind: FindingKind, cause: &str, device: Option<DeviceId>, words: &str| Finding {
        id: FindingId(Uuid::now_v7()),
        kind,
        cause: cause.to_owned(),
        batch_id: None,
        authority_id: None,
        device_id: device,
        detail: json!({"words": words, "serial": "GW2C-0001"}),
        n: 1,
        carried: 0,
        first_at: NOW,
        last_at: NOW,
        state: FindingState::Open,
        part_of: None,
    };
    let words = "The board is not the one that is listed.";
    let part = finding(FindingKind::HardwareMismatch, "hardware_mismatch:GW2C-0001:1", Some(device), words);
    let whole = finding(FindingKind::IdentifierCopied, "identifier_copied:A:x", None, "It is in 500 devices.");
    let whole = Finding { n: 500, ..whole };
    let mut tx = console.fleet().db().begin().await.unwrap();
    store::finding::note(&mut tx, &part).await.unwrap();
    store::finding::note(&mut tx, &whole).await.unwrap();
    assert!(store::finding::fold(&mut tx, &part, &whole.cause, NOW).await.unwrap());
    tx.commit().await.unwrap();
    (whole.id, part.id)
}

async fn device(console: &Console) -> DeviceId {
    store::device::by_serial(console.fleet().db(), "GW2C-0001").await.unwrap().unwrap().id
}

#[tokio::test]
async fn the_inbox_shows_one_finding_and_leads_to_what_is_part_of_it() {
    let console = console().await;
    let (whole, part) = found(&console).await;
    let page = console.get(Visitor::Operator, "/findings").await;
    assert_eq!(page.status, 200, "{}", page.body);
    assert!(page.body.contains("It is in 500 devices.") && page.body.contains("1 of 1"), "{}", page.body);
    assert!(!page.body.contains("The board is not the one"), "it is told of there");
    let title = format!("<a href=\"/findings?finding={whole}\">Identifier in several devices</a>");
    assert!(page.body.contains(&title), "each row leads to its finding: {}", page.body);
    let link = format!("<a href=\"/findings?finding={whole}\">With 1 finding of single devices or parts</a>");
    assert!(page.body.contains(&link), "{}", page.body);
    let one = console.get(Visitor::Operator, &format!("/findings?finding={whole}")).await;
    assert!(one.body.contains("The board is not the one that is listed.") && one.body.contains("Part of another"));
    // The part leads back.
    let one = console.get(Visitor::Operator, &format!("/findings?finding={part}")).await;
    let link = format!("Part of: <a href=\"/findings?finding={whole}\">It is in 500 devices.</a>");
    assert!(one.body.contains(&link), "{}", one.body);
    let all = console.get(Visitor::Operator, "/findings?state=all").await;
    assert!(all.body.contains("The board is not the one that is listed."), "nothing is hidden");
    assert_eq!(console.get(Visitor::Operator, "/findings?finding=none").await.status, 404);
    // Who may not settle it reads who may.
    let told = console.get(Visitor::As(Role::Support), &format!("/findings?finding={whole}")).await;
    assert!(!told.body.contains("/resolve") && told.body.contains("Operator, Manager and Admin may do this"));
    let wrong = format!("finding={whole}&reason=+&back=finding%3D{whole}");
    let wrong = console.post(Visitor::Operator, &format!("/findings/{whole}/resolve"), &wrong).await;
    assert!(wrong.status == 422 && wrong.body.contains("id=\"reason-error\""), "{}", wrong.body);
    let form = format!("finding={whole}&reason=mended&back=finding%3D{whole}");
    let settled = console.post(Visitor::Operator, &format!("/findings/{whole}/resolve"), &form).await;
    assert_eq!((settled.status, settled.location), (303, format!("/findings?finding={whole}")));
    let over = console.get(Visitor::Operator, &format!("/findings?finding={whole}")).await;
    assert!(over.body.contains("Each was settled with this one") && !over.body.contains("cuts off as before"));
    assert!(
        over.body.contains("Settled by operator@muster.example") && over.body.contains("“mended”"),
        "{}",
        over.body
    );
    assert!(!over.body.contains("Settle it"), "there is nothing left to do");
    // The part went along, and says so, too.
    let over = console.get(Visitor::Operator, &format!("/findings?finding={part}")).await;
    assert!(
        over.body.contains("Settled by operator@muster.example") && over.body.contains("“mended”"),
        "{}",
        over.body
    );
    let none = console.get(Visitor::Operator, "/findings").await;
    assert!(none.body.contains("Nothing that doesn't fit") || none.body.contains("Nothing that doesn’t fit"));
}

#[tokio::test]
async fn the_trend_is_a_picture_a_sentence_and_a_table() {
    let console = console().await;
    let none = console.get(Visitor::Operator, "/findings").await;
    assert!(!none.body.contains("Findings opened and settled by day"), "nothing was found yet");
    found(&console).await;
    let page = console.get(Visitor::Operator, "/findings").await;
    assert!(page.body.contains("2 opened and 0 settled in 30 days; 2 opened today."), "{}", page.body);
    assert!(page.body.contains("<caption class=\"sr\">Findings opened and settled by day</caption>"));
    let (_, table) = page.body.split_once("Findings opened and settled by day</caption>").unwrap();
    let (table, _) = table.split_once("</table>").unwrap();
    assert_eq!(table.matches("<th scope=\"row\">").count(), 30, "{table}");
    assert!(table.contains(">Opened</th>") && table.contains(">Settled</th>"), "{table}");
    assert!(page.body.contains("#030303") && !page.body.contains(" style="));
}

#[tokio::test]
async fn a_difference_is_answered_from_the_findings_page() {
    let console = console().await;
    let device = device(&console).await;
    let signal = json!({
        "signal": "part_changed", "slot": "wlan0", "class": "wlan", "expected": "d4:ca:6e:00:00:01",
        "reported": "d4:ca:6e:00:00:02",
    });
    let words = "In slot wlan0 it reports another part.";
    let finding = Finding {
        id: FindingId(Uuid::now_v7()),
        kind: FindingKind::HardwareMismatch,
        cause: "hardware_mismatch:GW2C-0001:1".to_owned(),
        batch_id: None,
        authority_id: None,
        device_id: Some(device),
        detail: json!({"words": words, "serial": "GW2C-0001", "signals": [signal]}),
        n: 1,
        carried: 0,
        first_at: NOW,
        last_at: NOW,
        state: FindingState::Open,
        part_of: None,
    };
    let mut tx = console.fleet().db().begin().await.unwrap();
    store::finding::note(&mut tx, &finding).await.unwrap();
    tx.commit().await.unwrap();
    let path = format!("/findings?finding={}", finding.id);
    let page = console.get(Visitor::As(Role::Support), &path).await;
    let us = format!(
        "/repairs/new?serial=GW2C-0001&amp;slot=wlan0&amp;part=d4%3Aca%3A6e%3A00%3A00%3A02&amp;class=wlan&amp;finding={}",
        finding.id
    );
    assert!(page.body.contains(&us), "{}", page.body);
    assert!(page.body.contains("action=\"/devices/GW2C-0001/not-ours\""), "{}", page.body);
    let none = console.get(Visitor::As(Role::Auditor), &path).await;
    assert!(!none.body.contains("This was us") && !none.body.contains("not-ours"), "an auditor only reads");
    let form = format!("serial=GW2C-0001&slot=wlan0&part=d4:ca:6e:00:00:02&class=wlan&finding={}", finding.id);
    let opened = console.post(Visitor::As(Role::Support), "/repairs", &form).await;
    assert_eq!(opened.status, 303, "{}", opened.body);
    let page = console.get(Visitor::As(Role::Auditor), &path).await;
    let code = opened.location.trim_start_matches("/repairs/");
    let link = format!("<a href=\"/repairs/{code}\">Repair {code}</a>");
    assert!(page.body.contains(&link), "{}", page.body);
}

#[tokio::test]
async fn a_serial_without_a_device_leads_nowhere() {
    let console = console().await;
    let finding = |serial: &str| Finding {
        id: FindingId(Uuid::now_v7()),
        kind: FindingKind::UndeliveredCertificate,
        cause: format!("undelivered_certificate:{serial}"),
        batch_id: None,
        authority_id: None,
        device_id: None,
        detail: json!({"words": "A certificate was issued.", "serial": serial, "certificate": "0a"}),
        n: 1,
        carried: 0,
        first_at: NOW,
        last_at: NOW,
        state: FindingState::Open,
        part_of: None,
    };
    let mut tx = console.fleet().db().begin().await.unwrap();
    for serial in ["CAM-SAMPLE-0001", "GW2C-0001"] {
        store::finding::note(&mut tx, &finding(serial)).await.unwrap();
    }
    tx.commit().await.unwrap();
    let page = console.get(Visitor::Operator, "/findings").await;
    assert!(page.body.contains("CAM-SAMPLE-0001") && !page.body.contains("/devices/CAM-SAMPLE-0001"), "{}", page.body);
    assert!(page.body.contains("href=\"/devices/GW2C-0001\""), "{}", page.body);
}
