//! The findings page: one finding for each cause with what is part of it, and the trend, for whoever has no JavaScript.

#![expect(clippy::unwrap_used, reason = "a test that can't be set up has failed")]

mod common;

use common::{Console, NOW, Visitor, console};
use domain::{
    authority::{FindingKind, FindingState},
    id::{DeviceId, FindingId},
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
    let form = format!("finding={whole}&reason=mended&back=finding%3D{whole}");
    let settled = console.post(Visitor::Operator, &format!("/findings/{whole}/resolve"), &form).await;
    assert_eq!((settled.status, settled.location), (303, format!("/findings?finding={whole}")));
    let over = console.get(Visitor::Operator, &format!("/findings?finding={whole}")).await;
    assert!(over.body.contains("Each was settled with this one") && !over.body.contains("cuts off as before"));
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
