//! Asking a device's user (hawkBit's `confirmationBase`) over mutual TLS, as curl sees it: each row of hawkBit's table.

use crate::{
    field::{Field, field, fields, operator},
    pipeline::{Pipeline, plan, started},
    updates::{closed, curl, devices, own, post},
};
use domain::{
    id::ReleaseId,
    revocation::RevocationAct,
    rollout::{ActionState, Plan},
};
use fleet::{
    revocation::Selection,
    rollout::{Abort, Resume},
};
use serde_json::{Value, json};

const YES: &str = r#"{"confirmation":"confirmed"}"#;
const NO: &str = r#"{"confirmation":"denied","code":12,"details":["Not before the shift ends"]}"#;

fn asking(release: ReleaseId) -> Plan {
    Plan { confirmation_required: true, ..plan(release) }
}

async fn links(field: &Field, serial: &str) -> Value {
    curl(field, serial, &own(serial)).await.json()["_links"].clone()
}

/// Where a device's user is asked, and the number of that.
async fn asked(field: &Field, serial: &str) -> (String, String) {
    let links = links(field, serial).await;
    let href = links["confirmationBase"]["href"].as_str().unwrap().to_owned();
    assert!(links.get("deploymentBase").is_none() && links.get("cancelAction").is_none(), "one of three: {links}");
    let id = href.split("/confirmationBase/").nth(1).unwrap().split('?').next().unwrap().to_owned();
    (href, id)
}

/// What curl got: its status, and the class of the error without its package.
async fn said(field: &Field, serial: &str, path: &str, body: &str) -> (u16, String) {
    let told = post(field, serial, &format!("{}/{path}", own(serial)), body).await;
    let class = serde_json::from_str::<Value>(&told.body)
        .ok()
        .and_then(|told| Some(told["exceptionClass"].as_str()?.to_owned()));
    let class = class.unwrap_or_default().rsplit('.').next().unwrap_or_default().to_owned();
    assert!(told.status != 200 || told.body.is_empty(), "{}", told.body);
    (told.status, class)
}

async fn got(field: &Field, serial: &str, path: &str) -> u16 {
    curl(field, serial, &format!("'{}/{path}'", own_whole(field, serial))).await.status
}

fn own_whole(field: &Field, serial: &str) -> String {
    format!("https://{}/DEFAULT/controller/v1/{serial}", field.gateway)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_asked_is_what_is_installed_once_its_user_agreed() {
    for field in fields().await {
        devices(&field, &["GW-1", "GW-2"]).await;
        let pipeline = Pipeline::of(&field).await;
        let release = pipeline.release(&field, "2.0", &["C"], &[("rootfs", b"x")]).await;
        let code = started(&field, asking(release)).await;
        let (href, id) = asked(&field, "GW-1").await;
        assert!(href.starts_with("https://127.0.0.1") && href.contains("?c="), "{href}");
        let told = curl(&field, "GW-1", &format!("'{href}'")).await;
        assert_eq!(told.status, 200, "{}: {}", field.name(), told.body);
        let question = told.json();
        assert_eq!(question["id"], json!(id), "a text, as everywhere");
        assert!(question.get("deployment").is_none() && question.get("actionHistory").is_none());
        let files = question["confirmation"]["chunks"][0]["artifacts"].as_array().unwrap();
        let file = files[0]["_links"]["download"]["href"].as_str().unwrap().to_owned();
        let module = file.split("/softwaremodules/").nth(1).unwrap().split('/').next().unwrap();
        // Nothing of it is there before.
        for path in [
            format!("deploymentBase/{id}"),
            format!("installedBase/{id}"),
            format!("cancelAction/{id}"),
            format!("softwaremodules/{module}/artifacts"),
            format!("softwaremodules/{module}/artifacts/gateway-os-2.0.swu"),
            "confirmationBase/x".to_owned(),
            "confirmationBase/0".to_owned(),
            format!("confirmationBase/{id}1"),
        ] {
            assert_eq!(got(&field, "GW-1", &path).await, 404, "{path}");
        }
        let feedback = format!("deploymentBase/{id}/feedback");
        assert_eq!(said(&field, "GW-1", &feedback, &closed("success")).await.0, 404);
        // Nor is it anybody else's.
        for (serial, status) in [("GW-2", 404), ("GW-1", 403)] {
            let path = format!("{}/confirmationBase/{id}", own_whole(&field, serial));
            assert_eq!(curl(&field, "GW-2", &format!("'{path}'")).await.status, status, "{serial}");
            assert_eq!(post(&field, "GW-2", &format!("{path}/feedback"), YES).await.status, status, "{serial}");
        }
        // No is kept, and asked again.
        let answer = format!("confirmationBase/{id}/feedback");
        assert_eq!(said(&field, "GW-1", &answer, NO).await, (200, String::new()));
        assert_eq!(asked(&field, "GW-1").await, (href.clone(), id.clone()));
        let history = curl(&field, "GW-1", &format!("'{href}&actionHistory=5'")).await.json()["actionHistory"].clone();
        assert_eq!(history, json!({"status": "WAIT_FOR_CONFIRMATION", "messages": ["Not before the shift ends"]}));
        let updates = field.fleet.device_updates(&operator(), "GW-1", 1).await.unwrap();
        assert!(updates[0].denied && updates[0].reason == "Not before the shift ends", "{:?}", updates[0]);
        // Yes is it, once and for all.
        assert_eq!(said(&field, "GW-1", &answer, YES).await, (200, String::new()));
        assert_eq!(said(&field, "GW-1", &answer, YES).await, (200, String::new()), "and changes nothing");
        assert_eq!(got(&field, "GW-1", &format!("confirmationBase/{id}")).await, 404, "nobody is asked any more");
        let links = links(&field, "GW-1").await;
        assert!(links.get("confirmationBase").is_none(), "{links}");
        let deployment = links["deploymentBase"]["href"].as_str().unwrap().to_owned();
        let deployment = curl(&field, "GW-1", &format!("'{deployment}'")).await.json();
        assert_eq!(deployment["deployment"], question["confirmation"], "{}", field.name());
        assert_eq!(got(&field, "GW-1", &format!("softwaremodules/{module}/artifacts")).await, 200, "{}", field.name());
        assert_eq!(said(&field, "GW-1", &feedback, &closed("failure")).await.0, 200);
        for body in [YES, NO] {
            let (status, class) = said(&field, "GW-1", &answer, body).await;
            assert_eq!((status, class.as_str()), (410, "InvalidConfirmationFeedbackException"), "{}", field.name());
        }
        let detail = field.fleet.rollout(&operator(), &code).await.unwrap();
        assert_eq!(detail.wave_views[0].evidence.failed, 1, "{}", field.name());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_user_agrees_to_everything_and_to_nothing_again() {
    for field in fields().await {
        devices(&field, &["GW-1", "GW-2"]).await;
        let pipeline = Pipeline::of(&field).await;
        let release = pipeline.release(&field, "2.0", &["C"], &[("rootfs", b"x")]).await;
        let base = async |serial: &str| curl(&field, serial, &format!("{}/confirmationBase", own(serial))).await.json();
        let link = |rest: &str| json!({"href": format!("{}/confirmationBase/{rest}", own_whole(&field, "GW-1"))});
        let off =
            json!({"autoConfirm": {"active": false}, "_links": {"activateAutoConfirm": link("activateAutoConfirm")}});
        assert_eq!(base("GW-1").await, off, "{}", field.name());
        started(&field, asking(release)).await;
        let (href, id) = asked(&field, "GW-1").await;
        let mut waiting = off.clone();
        waiting["_links"]["confirmationBase"] = json!({"href": href});
        assert_eq!(base("GW-1").await, waiting, "{}", field.name());
        let who = r#"{"initiator":"Ada","remark":"kiosk"}"#;
        assert_eq!(said(&field, "GW-1", "confirmationBase/activateAutoConfirm", who).await, (200, String::new()));
        let (status, class) = said(&field, "GW-1", "confirmationBase/activateAutoConfirm", who).await;
        assert_eq!((status, class.as_str()), (409, "AutoConfirmationAlreadyActiveException"), "{}", field.name());
        let on = base("GW-1").await;
        assert_eq!((&on["autoConfirm"]["active"], &on["autoConfirm"]["initiator"]), (&json!(true), &json!("Ada")));
        assert_eq!(on["autoConfirm"]["remark"], json!("kiosk"));
        let at = on["autoConfirm"]["activatedAt"].as_i64().unwrap();
        assert!((at - field.fleet.now().0 / 1_000).abs() < 60_000, "in milliseconds: {at}");
        assert_eq!(on["_links"], json!({"deactivateAutoConfirm": link("deactivateAutoConfirm")}), "{}", field.name());
        // What waited is agreed to by that.
        let links_now = links(&field, "GW-1").await;
        assert!(links_now["deploymentBase"]["href"].as_str().unwrap().contains(&id), "{links_now}");
        // The other one agreed beforehand, without a word of who and why.
        for body in ["", "no JSON"] {
            let told = said(&field, "GW-2", "confirmationBase/activateAutoConfirm", body).await;
            assert_eq!(told.0, if body.is_empty() { 200 } else { 409 }, "{}", field.name());
        }
        assert!(links(&field, "GW-2").await.get("deploymentBase").is_some(), "{}", field.name());
        for _ in 0..2 {
            let told = said(&field, "GW-1", "confirmationBase/deactivateAutoConfirm", "").await;
            assert_eq!(told, (200, String::new()), "{}", field.name());
        }
        assert_eq!(base("GW-1").await, off, "{}", field.name());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_is_asked_about_what_asks_nobody_or_cannot_come() {
    let field = field().await;
    devices(&field, &["GW-1", "GW-2", "GW-3"]).await;
    let pipeline = Pipeline::of(&field).await;
    let release = pipeline.release(&field, "2.0", &["C"], &[("rootfs", b"x")]).await;
    let plain = started(&field, Plan { target: "serial:GW-1".into(), ..plan(release) }).await;
    let href = links(&field, "GW-1").await["deploymentBase"]["href"].as_str().unwrap().to_owned();
    let id = href.split("/deploymentBase/").nth(1).unwrap().split('?').next().unwrap().to_owned();
    assert_eq!(got(&field, "GW-1", &format!("confirmationBase/{id}")).await, 404);
    for body in [YES, NO] {
        assert_eq!(said(&field, "GW-1", &format!("confirmationBase/{id}/feedback"), body).await.0, 404);
    }
    assert_eq!(got(&field, "GW-1", &format!("deploymentBase/{id}")).await, 200, "{plain}");
    let code = started(&field, Plan { target: "serial:GW-2,GW-3".into(), ..asking(release) }).await;
    let (_, second) = asked(&field, "GW-2").await;
    let (_, third) = asked(&field, "GW-3").await;
    // On hold nothing of an update is reached.
    field.act(RevocationAct::Hold, Selection::Device("GW-3".into())).await;
    assert_eq!(got(&field, "GW-3", "confirmationBase").await, 403);
    assert_eq!(got(&field, "GW-3", &format!("confirmationBase/{third}")).await, 403);
    assert_eq!(said(&field, "GW-3", &format!("confirmationBase/{third}/feedback"), YES).await.0, 403);
    assert!(links(&field, "GW-3").await.get("confirmationBase").is_none());
    field.fleet.pause_rollout(&operator(), &code, "").await.unwrap();
    assert!(links(&field, "GW-2").await.get("confirmationBase").is_none(), "not while it is paused");
    assert_eq!(got(&field, "GW-2", &format!("confirmationBase/{second}")).await, 404);
    field.fleet.resume_rollout(&operator(), &code, Resume::default()).await.unwrap();
    assert_eq!(asked(&field, "GW-2").await.1, second);
    field.fleet.abort_rollout(&operator(), &code, Abort::Keep, "").await.unwrap();
    let (status, _) = said(&field, "GW-2", &format!("confirmationBase/{second}/feedback"), YES).await;
    assert_eq!(status, 410, "it can't come any more");
    assert!(links(&field, "GW-2").await.get("cancelAction").is_none(), "there is nothing to stop");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_that_is_said_for_a_user_is_our_fault() {
    let field = field().await;
    devices(&field, &["GW-1"]).await;
    let pipeline = Pipeline::of(&field).await;
    let release = pipeline.release(&field, "2.0", &["C"], &[("rootfs", b"x")]).await;
    let code = started(&field, asking(release)).await;
    let (_, id) = asked(&field, "GW-1").await;
    let answer = format!("confirmationBase/{id}/feedback");
    let long = format!(r#"{{"confirmation":"denied","details":["{}"]}}"#, "x".repeat(90_000));
    let many: Vec<String> = (0..3_000).map(|n| format!("\"{n}\"")).collect();
    let many = format!(r#"{{"confirmation":"denied","details":[{}]}}"#, many.join(","));
    let huge = format!(r#"{{"confirmation":"denied","details":["{}"]}}"#, "x".repeat(200_000));
    let bodies = [
        ("", 400),
        ("hello", 400),
        ("[]", 400),
        ("{}", 400),
        (r#"{"confirmation":7}"#, 400),
        (r#"{"confirmation":"perhaps"}"#, 200),
        (r#"{"confirmation":"denied","code":"x","details":{"a":"\u0000"}}"#, 200),
        (r#"{"confirmation":"denied","details":["say "no""]}"#, 200),
        (long.as_str(), 200),
        (many.as_str(), 200),
        (huge.as_str(), 413),
    ];
    for (body, status) in bodies {
        let shown: String = body.chars().take(60).collect();
        assert_eq!(said(&field, "GW-1", &answer, body).await.0, status, "{shown}");
    }
    let detail = field.fleet.rollout(&operator(), &code).await.unwrap();
    assert_eq!(detail.wave_views[0].counts[0].state, ActionState::WaitsForConfirmation, "what is no yes is a no");
    for (body, status) in [(huge.as_str(), 413), (r#"{"initiator":["x"],"remark":7}"#, 200)] {
        assert_eq!(said(&field, "GW-1", "confirmationBase/activateAutoConfirm", body).await.0, status);
    }
    assert_eq!(said(&field, "GW-1", "confirmationBase/deactivateAutoConfirm", &huge).await.0, 200);
}
