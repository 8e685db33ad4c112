//! A device that is on hold reaches what its repair needs: it reports that it was repaired, and by that it is whole again.

use crate::{
    field::{A, Field, RULE, admin, field, fields, operator},
    scene::life,
};
use axum::{
    extract::{Request, State},
    middleware::{Next, from_fn_with_state},
    response::Response,
};
use domain::{
    authority::{FindingKind, FindingState},
    certificate::RevocationReason,
    component::{ComponentClass, Part},
    device::{Lifecycle, Trust},
    history::{Entry, Event},
    id::{DeviceId, FindingId, HistoryId},
    identifier::normalise,
    repair::RepairState,
    report::USUAL_MAPPING,
    revocation::RevocationAct as Act,
    time::DAY,
};
use fleet::{
    AuditFilter, Fleet,
    check_in::RulesForm,
    repair::{Authorised, OpenForm, PartForm},
    revocation::{RevokeForm, Selection},
};
use serde_json::{Value, json};
use server::gateway;
use store::finding::Finding;
use tokio::sync::mpsc;
use uuid::Uuid;

const SERIAL: &str = "GW-1";

fn part(slot: &str, class: ComponentClass, identifier: &str) -> Part {
    let found = normalise(class, identifier).unwrap();
    Part {
        slot: slot.into(),
        class,
        maker: "Acme".into(),
        model: "M1".into(),
        identifier: found.shown,
        identifier_key: found.key,
    }
}

/// A device whose key is in a secure element, so that another board is no other key; and a policy that holds.
async fn made(field: &Field) {
    let parts =
        vec![part("board", ComponentClass::Board, "MB-1"), part("se", ComponentClass::SecureElement, "SE-000001")];
    let mut life = life(SERIAL, A, field.fleet.now().plus(-DAY));
    let manifest = Event::ManifestRecorded {
        version: 1,
        hash: domain::manifest::hash(SERIAL, 1, "", &parts),
        previous_hash: String::new(),
        fitted: parts,
        removed: Vec::new(),
        reason: String::new(),
    };
    let first = life.history[0].clone();
    life.history.push(Entry { id: HistoryId(Uuid::now_v7()), at: first.at.plus(1), event: manifest, ..first });
    field.fleet.seed_devices(&RULE, &[life]).await.unwrap();
    let rules =
        RulesForm { mapping: USUAL_MAPPING.to_owned(), ask: "30".into(), hold: "55".into(), ..RulesForm::default() };
    field.fleet.change_model_rules(&admin(), "GW-200", &rules).await.unwrap();
    field.enrolled(SERIAL, "A").await;
}

async fn curl(field: &Field, rest: &str) -> Value {
    let with = "curl -sS --fail-with-body --cacert ca.pem --cert GW-1.pem --key GW-1.key";
    let said = field.says(&format!("{with} {rest}")).await;
    if said.is_empty() { Value::Null } else { serde_json::from_str(&said).unwrap() }
}

async fn reports(field: &Field, board: &str) {
    let data = json!({"mode": "replace", "data": {"hw.board": board, "hw.se": "SE-000001"}});
    curl(field, &format!("-X PUT -d '{data}' $GW/DEFAULT/controller/v1/{SERIAL}/configData")).await;
}

async fn is_held(field: &Field) -> bool {
    curl(field, "$GW/").await["held"].as_bool().unwrap()
}

async fn polls(field: &Field) -> Value {
    curl(field, &format!("$GW/DEFAULT/controller/v1/{SERIAL}")).await
}

/// Records that the board was exchanged. The case.
async fn repaired(field: &Field, board: &str) -> String {
    let fleet = &field.fleet;
    let form = OpenForm { symptom: "no network".into(), technician: String::new() };
    let code = fleet.open_repair(&operator(), SERIAL, &form).await.unwrap();
    let board = PartForm { slot: "board".into(), part_in: board.into(), ..PartForm::default() };
    fleet.draft_part(&operator(), &code, &board).await.unwrap();
    let authorised = fleet.authorise_repair(&operator(), &code, "broken").await.unwrap();
    assert!(!matches!(authorised, Authorised::Waiting(_)));
    code
}

async fn state(field: &Field, code: &str) -> RepairState {
    field.fleet.repair(&operator(), code).await.unwrap().case.state
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_repair_that_the_device_itself_reports_ends_what_a_rule_held() {
    for field in fields().await {
        made(&field).await;
        reports(&field, "MB-1").await;
        assert!(!is_held(&field).await, "{}", field.name());
        reports(&field, "MB-2").await;
        assert!(is_held(&field).await, "{}: from the answer on", field.name());
        // What it is told is when to poll, and nothing to fetch.
        assert_eq!(polls(&field).await, json!({"config": {"polling": {"sleep": "00:05:00"}}}), "{}", field.name());
        let code = repaired(&field, "MB-2").await;
        let told = polls(&field).await;
        let links: Vec<&String> = told["_links"].as_object().unwrap().keys().collect();
        assert_eq!(links, ["configData"], "{}: its report is wanted, and nothing else is offered", field.name());
        reports(&field, "MB-2").await;
        assert_eq!(state(&field, &code).await, RepairState::Closed, "{}", field.name());
        let record = field.fleet.device_record(&operator(), SERIAL).await.unwrap();
        let open = field.fleet.findings(&operator(), true).await.unwrap();
        assert!(!is_held(&field).await, "{}: {open:?} {:?}", field.name(), record.history);
        assert_eq!((record.device.trust, record.device.manifest_version), (Trust::Trusted, 2), "{}", field.name());
        assert_ne!(record.device.lifecycle, Lifecycle::InRepair, "{}", field.name());
        let log = field.fleet.audit_log(&admin(), &AuditFilter::default(), 50).await.unwrap();
        let released = log.iter().find(|entry| entry.record.action == "certificate.release").unwrap();
        assert_eq!((released.record.actor_kind.as_str(), released.record.actor_name.as_str()), ("rule", "check-in"));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_else_was_found_holds_it_beyond_its_repair() {
    for field in fields().await {
        made(&field).await;
        reports(&field, "MB-1").await;
        reports(&field, "MB-2").await;
        let code = repaired(&field, "MB-2").await;
        // A board that nobody recorded, in between.
        reports(&field, "MB-3").await;
        assert_eq!(state(&field, &code).await, RepairState::Verifying, "{}", field.name());
        reports(&field, "MB-2").await;
        assert_eq!(state(&field, &code).await, RepairState::Closed, "{}", field.name());
        assert!(is_held(&field).await, "{}: a finding stands", field.name());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_person_held_a_person_releases() {
    for field in fields().await {
        made(&field).await;
        reports(&field, "MB-1").await;
        field.act(Act::Hold, Selection::Device(SERIAL.to_owned())).await;
        let code = repaired(&field, "MB-2").await;
        reports(&field, "MB-2").await;
        assert_eq!(state(&field, &code).await, RepairState::Closed, "{}: its report is heard", field.name());
        assert!(is_held(&field).await, "{}", field.name());
        field.act(Act::Release, Selection::Device(SERIAL.to_owned())).await;
        assert!(!is_held(&field).await, "{}", field.name());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_persons_hold_takes_the_place_of_a_rules() {
    for field in fields().await {
        made(&field).await;
        reports(&field, "MB-1").await;
        reports(&field, "MB-2").await;
        assert!(is_held(&field).await, "{}: by a rule", field.name());
        field.act(Act::Hold, Selection::Device(SERIAL.to_owned())).await;
        let code = repaired(&field, "MB-2").await;
        reports(&field, "MB-2").await;
        assert_eq!(state(&field, &code).await, RepairState::Closed, "{}", field.name());
        assert!(is_held(&field).await, "{}: a person holds it now", field.name());
        field.act(Act::Release, Selection::Device(SERIAL.to_owned())).await;
        assert!(!is_held(&field).await, "{}", field.name());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_became_part_of_another_finding_holds_it_too() {
    for field in fields().await {
        made(&field).await;
        reports(&field, "MB-1").await;
        reports(&field, "MB-2").await;
        let code = repaired(&field, "MB-2").await;
        let id = field.fleet.device(&operator(), SERIAL).await.unwrap().id;
        let whole = found(&field, "clone_suspected:whole", None).await;
        let part = found(&field, "clone_suspected:part", Some(id)).await;
        let mut tx = field.fleet.db().begin().await.unwrap();
        assert!(store::finding::fold(&mut tx, &part, &whole.cause, field.fleet.now()).await.unwrap());
        tx.commit().await.unwrap();
        reports(&field, "MB-2").await;
        assert_eq!(state(&field, &code).await, RepairState::Closed, "{}", field.name());
        assert!(is_held(&field).await, "{}: it stands within another", field.name());
    }
}

/// Notes a finding that no report of the device settles.
async fn found(field: &Field, cause: &str, device_id: Option<DeviceId>) -> Finding {
    let at = field.fleet.now();
    let finding = Finding {
        id: FindingId(Uuid::now_v7()),
        kind: FindingKind::CloneSuspected,
        cause: cause.into(),
        batch_id: None,
        authority_id: None,
        device_id,
        detail: json!({"words": "Two come as one."}),
        n: 1,
        first_at: at,
        last_at: at,
        state: FindingState::Open,
        part_of: None,
        carried: 0,
    };
    let mut tx = field.fleet.db().begin().await.unwrap();
    store::finding::note(&mut tx, &finding).await.unwrap();
    tx.commit().await.unwrap();
    finding
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_device_that_was_quarantined_before_it_had_a_certificate_is_limited_too() {
    for field in fields().await {
        made(&field).await;
        let event = Event::Quarantined { reason: "looked into".into() };
        field.fleet.device_did(&RULE, SERIAL, event).await.unwrap();
        assert!(is_held(&field).await, "{}", field.name());
        polls(&field).await;
        let renew = "openssl req -new -key GW-1.key -subj /CN=GW-1 2>/dev/null | curl -sS -o said -w '%{http_code}' --cacert ca.pem \
                     --cert GW-1.pem --key GW-1.key --data-binary @- $GW/.well-known/est/simplereenroll";
        assert_eq!(field.says(renew).await.trim(), "403", "{}", field.name());
        let used = async || {
            let certificates = store::certificate::of_device(field.fleet.db(), SERIAL).await.unwrap();
            certificates[0].first_used_at.is_some()
        };
        assert!(!used().await, "{}: it may be a copy that uses it", field.name());
        field.fleet.release_quarantine(&operator(), SERIAL, "it is well").await.unwrap();
        assert_eq!(field.says(renew).await.trim(), "200", "{}", field.name());
        assert!(used().await, "{}", field.name());
        assert!(!is_held(&field).await, "{}", field.name());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_device_that_is_held_with_its_factory_reaches_what_a_repair_needs_until_that_is_released() {
    for field in fields().await {
        made(&field).await;
        field.fleet.begin_to_note().await.unwrap();
        reports(&field, "MB-1").await;
        assert!(!is_held(&field).await, "{}", field.name());
        field.act(Act::Hold, Selection::Factory("graz".to_owned())).await;
        assert!(!is_held(&field).await, "{}: another factory", field.name());
        field.act(Act::Hold, Selection::Factory("brno".to_owned())).await;
        let told = curl(&field, "$GW/").await;
        assert_eq!((&told["held"], &told["certificate"]["status"]), (&json!(true), &json!("held")), "{told}");
        assert_eq!(polls(&field).await, json!({"config": {"polling": {"sleep": "00:05:00"}}}), "{}", field.name());
        // It is heard: a refusal would end this.
        reports(&field, "MB-1").await;
        let renew = "openssl req -new -key GW-1.key -subj /CN=GW-1 2>/dev/null | curl -sS -o said -w '%{http_code}' --cacert ca.pem \
                     --cert GW-1.pem --key GW-1.key --data-binary @- $GW/.well-known/est/simplereenroll";
        assert_eq!(field.says(renew).await.trim(), "403", "{}", field.name());
        field.fleet.flush_spread().await.unwrap();
        let rows = field.fleet.revocations(&operator(), None, 10).await.unwrap().rows;
        let act = rows.iter().find(|row| row.subject == "brno").unwrap().id;
        let came_back = field.fleet.revocation(&operator(), act).await.unwrap().came_back;
        assert_eq!(came_back.iter().map(|device| device.serial.as_str()).collect::<Vec<_>>(), [SERIAL]);
        field.act(Act::Release, Selection::Factory("brno".to_owned())).await;
        let told = curl(&field, "$GW/").await;
        assert_eq!((&told["held"], &told["certificate"]["status"]), (&json!(false), &json!("valid")), "{told}");
        assert_eq!(field.says(renew).await.trim(), "200", "{}", field.name());
    }
}

/// Revokes the device's certificate while its request is under way, and tells how that was answered.
async fn in_between(State((fleet, told)): State<(Fleet, mpsc::Sender<u16>)>, request: Request, next: Next) -> Response {
    // By itself: the connection is cut off meanwhile.
    let answering = tokio::spawn(async move {
        revoked(&fleet).await;
        let answer = next.run(request).await;
        told.send(answer.status().as_u16()).await.unwrap();
        answer
    });
    answering.await.unwrap()
}

async fn revoked(fleet: &Fleet) {
    let (act, selection) = (Act::Revoke, Selection::Device(SERIAL.to_owned()));
    let preview = fleet.preview(&operator(), &selection, act).await.unwrap();
    let form = RevokeForm {
        selection,
        act,
        reason: RevocationReason::KeyCompromise,
        note: String::new(),
        confirmation: preview.confirm_word,
        preview_hash: preview.hash,
    };
    fleet.revoke(&operator(), &form).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_under_way_when_its_certificate_is_revoked_is_refused() {
    for path in ["/", "/DEFAULT/controller/v1/GW-1"] {
        let field = field().await;
        made(&field).await;
        let (told, mut hears) = mpsc::channel(1);
        let router = gateway::router(&field.fleet).layer(from_fn_with_state((field.fleet.clone(), told), in_between));
        let (at, serving) = field.beside(router).await;
        field
            .says(&format!("curl -sS --cacert ca.pem --cert GW-1.pem --key GW-1.key https://{at}{path} || true"))
            .await;
        assert_eq!(hears.recv().await, Some(403), "{path}");
        serving.abort();
    }
}
