//! Labels and claiming, as a person with a browser, a program, and a device at the gateway meet them.

use crate::{
    common::{Answer, TEST, World, form},
    field::{A, field, operator},
};
use axum::{body::Body, extract::ConnectInfo};
use domain::{custody::CustodianKind, person::Role};
use fleet::{
    Keys,
    catalogue::CustodianForm,
    claim::{ClaimForm, LabelState},
};
use http::{Request, StatusCode, header};
use http_body_util::BodyExt;
use pki::Passphrase;
use serde_json::{Value, json};
use server::gateway;
use std::net::SocketAddr;
use store::device_list::Sort;
use tower::ServiceExt;

/// A console with devices, one of which waits to be claimed.
struct Scene {
    world: World,
    serial: String,
    code: String,
    client: String,
}

impl Scene {
    async fn new() -> Self {
        let world = World::new().await;
        let passphrase = Some(Passphrase::new("correct horse battery staple".into()).unwrap());
        let keys = Keys { folder: world.fleet.folder().join("keys"), passphrase };
        drop(world.fleet.clone().with_keys(keys));
        let plan = simulator::demo::Plan::new(world.fleet.now(), 1, 60);
        simulator::demo::fill(&world.fleet, plan, |_| {}).await.unwrap();
        let labels = world.fleet.labels(&TEST, "trust:trusted -state:active", "", 60).await.unwrap();
        let open = labels.items.into_iter().find(|label| matches!(label.state, LabelState::Code(_))).unwrap();
        let code = open.code().unwrap().to_string();
        let catalogue = world.fleet.catalogue(&TEST).await.unwrap();
        let client = catalogue.custodians.iter().find(|one| one.kind == CustodianKind::Client).unwrap().code.clone();
        Self { world, serial: open.serial, code, client }
    }

    async fn posted(&self, role: Role, path: &str, body: String) -> Answer {
        let email = format!("{role}@claims.example");
        let user = match self.world.fleet.user_by_email(&TEST, &email).await {
            Ok(user) => user.id,
            Err(_) => self.world.person(role, &email).await,
        };
        let request = form(path).header(header::COOKIE, self.world.cookie(user).await);
        self.world.send(request.body(Body::from(body)).unwrap()).await
    }

    async fn asked(&self, token: &str, path: &str, body: &Value) -> Answer {
        let request = Request::post(path)
            .header(header::AUTHORIZATION, format!("Bearer {token}"))
            .header(header::CONTENT_TYPE, "application/json")
            .header("idempotency-key", path);
        self.world.send(request.body(Body::from(body.to_string())).unwrap()).await
    }
}

#[tokio::test]
async fn a_device_is_claimed_by_a_form_and_once() {
    let scene = Scene::new().await;
    let path = format!("/c/{}", scene.serial);
    let body = |code: &str| format!("code={code}&custodian={}&place=Depot+4", scene.client);
    let typo = scene.posted(Role::Support, &path, body("0000000001")).await;
    assert_eq!(typo.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(typo.body.contains("mistyped") && typo.body.contains("Depot 4"), "what was typed is kept");
    let wrong = scene.posted(Role::Support, &path, body("0000000000")).await;
    assert_eq!(wrong.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(wrong.body.contains("This is not the code"), "{}", wrong.body);
    let done = scene.posted(Role::Support, &path, body(&scene.code.to_lowercase())).await;
    assert_eq!(done.status, StatusCode::SEE_OTHER, "{}", done.body);
    assert_eq!(done.header("location"), format!("/devices/{}", scene.serial));
    let again = scene.posted(Role::Support, &path, body(&scene.code)).await;
    assert_eq!(again.status, StatusCode::CONFLICT);
    assert!(again.body.contains("was claimed on"), "{}", again.body);
}

#[tokio::test]
async fn sheets_show_codes_only_when_asked_and_are_kept_nowhere() {
    let scene = Scene::new().await;
    let wanted =
        |number: &str, origin: &str| format!("q=serial%3A{}&layout=2x7&number={number}&origin={origin}", scene.serial);
    let wrong = scene.posted(Role::Operator, "/labels", wanted("501", "http%3A%2F%2Fm.example")).await;
    assert_eq!(wrong.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(wrong.body.contains("1 to 500") && wrong.body.contains("https://") && !wrong.body.contains(&scene.code));
    let sheet = scene.posted(Role::Operator, "/labels", wanted("24", "https%3A%2F%2Fm.example")).await;
    assert_eq!(sheet.status, StatusCode::OK);
    assert!(sheet.body.contains(&scene.code) && sheet.body.contains("class=\"qr\""), "{}", sheet.body);
    assert_eq!(sheet.header("cache-control"), "private, no-store");
    let page = scene
        .posted(Role::Operator, "/labels", "q=serial%3ANONE&layout=2x7&number=1&origin=https%3A%2F%2Fm.example".into())
        .await;
    assert_eq!(page.status, StatusCode::UNPROCESSABLE_ENTITY, "nothing to print");
}

#[tokio::test]
async fn a_program_gets_labels_and_claims_and_no_answer_with_codes_is_kept() {
    let scene = Scene::new().await;
    let operator = scene.world.token(Role::Operator).await;
    let wanted = json!({"query": format!("serial:{}", scene.serial), "origin": "https://m.example"});
    let labels = scene.asked(&operator, "/api/v1/labels", &wanted).await;
    assert_eq!(labels.status, StatusCode::OK, "{}", labels.body);
    let told: Value = serde_json::from_str(&labels.body).unwrap();
    let label = &told["items"][0];
    assert_eq!(label["code"], scene.code.as_str());
    assert_eq!(label["address"], format!("https://m.example/c/{}#{}", scene.serial, scene.code.replace('-', "")));
    assert_eq!(scene.asked(&operator, "/api/v1/labels", &wanted).await.header("idempotency-replayed"), "");
    let table = scene.asked(&operator, "/api/v1/labels/csv", &wanted).await;
    let lines: Vec<&str> = table.body.lines().collect();
    assert!(lines.len() == 2 && lines[0] == "serial,model,batch,state,code,address", "{}", table.body);
    assert!(lines[1].contains(&scene.code), "{}", table.body);
    let no_origin = scene.asked(&operator, "/api/v1/labels", &json!({"query": "", "origin": "m.example"})).await;
    assert!(no_origin.status == StatusCode::UNPROCESSABLE_ENTITY && no_origin.body.contains("origin"), "{no_origin:?}");

    let support = scene.world.token(Role::Support).await;
    let claim = json!({"serial": scene.serial, "code": scene.code, "custodian": scene.client});
    let claimed = scene.asked(&support, "/api/v1/claims", &claim).await;
    assert_eq!(claimed.status, StatusCode::CREATED, "{}", claimed.body);
    let again = scene.asked(&operator, "/api/v1/claims", &claim).await;
    assert!(again.status == StatusCode::CONFLICT && again.body.contains("was claimed on"), "{again:?}");
    let told: Value = serde_json::from_str(&scene.asked(&operator, "/api/v1/labels", &wanted).await.body).unwrap();
    assert_eq!((&told["items"][0]["state"], &told["items"][0]["code"]), (&json!("claimed"), &Value::Null));

    let retired = json!({"verb": "retire", "serials": [scene.serial], "reason": "Worn out"});
    let retired = scene.asked(&operator, "/api/v1/retirements", &retired).await;
    assert_eq!(retired.status, StatusCode::CREATED, "{}", retired.body);
    let state = scene.world.fleet.device(&TEST, &scene.serial).await.unwrap().lifecycle;
    assert_eq!(state.as_str(), "retired");
}

#[tokio::test]
async fn many_are_retired_by_a_number_that_is_typed() {
    let scene = Scene::new().await;
    let list = scene.world.fleet.devices(&TEST, "state:active", Sort::default(), None, 2).await.unwrap();
    let serials: Vec<String> = list.page.devices.iter().map(|device| format!("serial={}", device.serial)).collect();
    let first = scene.posted(Role::Operator, "/devices/retire", serials.join("&")).await;
    assert_eq!(first.status, StatusCode::OK, "the page with the fields");
    let devices = first.body.split("name=\"devices\" value=\"").nth(1).and_then(|rest| rest.split('"').next()).unwrap();
    let fields = format!("{}&devices={devices}&end=destroy&end_reason=Shredded&once=1", serials.join("&"));
    let unsure = scene.posted(Role::Operator, "/devices/retire", fields.clone()).await;
    assert_eq!(unsure.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(unsure.body.contains("Type 2") && unsure.body.contains("Shredded"), "{}", unsure.body);
    let done = scene.posted(Role::Operator, "/devices/retire", format!("{fields}&confirmation=2")).await;
    assert_eq!(done.status, StatusCode::SEE_OTHER, "{}", done.body);
    assert!(scene.world.fleet.count_devices(&TEST, "state:retired").await.unwrap() >= 2);
}

#[tokio::test]
async fn the_api_takes_no_revocation_without_a_reason_or_a_preview() {
    let scene = Scene::new().await;
    let operator = scene.world.token(Role::Operator).await;
    let act = json!({"scope": "device", "subject": scene.serial, "act": "revoke"});
    let refused = scene.asked(&operator, "/api/v1/revocations", &act).await;
    assert!(refused.status == StatusCode::UNPROCESSABLE_ENTITY && refused.body.contains("\"reason\""), "{refused:?}");
    let act = json!({"scope": "device", "subject": scene.serial, "act": "revoke", "reason": "cessation_of_operation"});
    let request = Request::post("/api/v1/revocations")
        .header(header::AUTHORIZATION, format!("Bearer {operator}"))
        .header(header::CONTENT_TYPE, "application/json");
    let refused = scene.world.send(request.body(Body::from(act.to_string())).unwrap()).await;
    assert!(
        refused.status == StatusCode::UNPROCESSABLE_ENTITY && refused.body.contains("\"preview_hash\""),
        "{refused:?}"
    );
}

#[tokio::test]
async fn a_claimed_device_is_let_in_to_rotate_its_token_and_for_nothing_else() {
    let field = field().await;
    field.devices(&["T-00001".to_owned()], A).await;
    let token = field.fleet.set_device_token(&operator(), "T-00001").await.unwrap();
    let client = CustodianForm { name: "Acme".into(), kind: "client".into(), ..CustodianForm::default() };
    field.fleet.add_custodian(&operator(), &client).await.unwrap();
    let labels = field.fleet.labels(&operator(), "serial:T-00001", "", 1).await.unwrap();
    let code = labels.items[0].code().unwrap().plain();
    let claim = ClaimForm { serial: "T-00001".into(), code, custodian: "acme".into(), ..ClaimForm::default() };
    field.fleet.claim(&operator(), &claim).await.unwrap();
    let asked = async |method: &str, path: &str, token: &str| {
        let mut request = Request::builder().method(method).uri(path).body(Body::empty()).unwrap();
        request.headers_mut().insert(header::AUTHORIZATION, format!("TargetToken {token}").parse().unwrap());
        request.extensions_mut().insert(ConnectInfo(SocketAddr::from(([192, 0, 2, 7], 40_000))));
        let answer = gateway::router(&field.fleet).oneshot(request).await.unwrap();
        let (parts, body) = answer.into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        (parts.status.as_u16(), String::from_utf8_lossy(&body).into_owned())
    };
    let (status, said) = asked("GET", "/.well-known/est/cacerts", &token).await;
    assert!(status == 403 && said.contains("POST /token"), "{said}");
    assert_eq!(asked("GET", "/", &token).await.0, 200);
    let (status, said) = asked("POST", "/token", &token).await;
    assert_eq!(status, 200, "{said}");
    let next: Value = serde_json::from_str(&said).unwrap();
    let next = next["token"].as_str().unwrap();
    assert_eq!(asked("GET", "/.well-known/est/cacerts", next).await.0, 200);
    assert_eq!(asked("GET", "/", &token).await.0, 401, "the next one was used");
}
