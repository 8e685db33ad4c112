//! Rollouts as programs write them and look at them, by the API.

use crate::{
    field::{A, Field, admin, field, manager, operator},
    once::names_keys_once,
    pipeline::{Pipeline, plan},
};
use app::AssetNames;
use axum::{Router, body::Body, extract::ConnectInfo};
use domain::{
    person::Role,
    rollout::{Cohorts, Execution, Feedback, Finished, Variant},
};
use fleet::{Actor, Origin, token::TokenForm};
use http::{Method, Request, StatusCode, header};
use http_body_util::BodyExt;
use serde_json::{Value, json};
use server::{Console, router::router};
use std::net::SocketAddr;
use tower::ServiceExt;

/// The API as a program of an operator has it.
pub struct Api {
    pub router: Router,
    pub token: String,
}

impl Api {
    pub async fn of(field: &Field) -> Self {
        let form = TokenForm { name: "ci".into(), role: Role::Operator.to_string(), days: 1 };
        let token = field.fleet.add_token(&admin(), &form).await.unwrap().secret;
        let assets = AssetNames { css: "a.css".into(), js: "a.js".into(), wasm: "a.wasm".into() };
        Self { router: router(&Console::new(field.fleet.clone(), assets)), token }
    }

    async fn ask(&self, method: Method, path: &str, body: &Value) -> (StatusCode, Value) {
        let mut request = Request::builder().method(method).uri(format!("/api/v1{path}"));
        request = request.header(header::AUTHORIZATION, format!("Bearer {}", self.token));
        request = request.header(header::CONTENT_TYPE, "application/json");
        let mut request = request.body(Body::from(body.to_string())).unwrap();
        request.extensions_mut().insert(ConnectInfo(SocketAddr::from(([192, 0, 2, 7], 40_000))));
        let (parts, body) = self.router.clone().oneshot(request).await.unwrap().into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        if !body.is_empty() {
            names_keys_once(&body).unwrap();
        }
        (parts.status, serde_json::from_slice(&body).unwrap_or_default())
    }

    async fn get(&self, path: &str) -> (StatusCode, Value) {
        self.ask(Method::GET, path, &Value::Null).await
    }
}

pub async fn approve(field: &Field, code: &str) {
    let id = field.fleet.rollout_approval(&operator(), code).await.unwrap().unwrap();
    let hash = field.fleet.approval(&manager(), id).await.unwrap().row.hash;
    field.fleet.decide(&manager(), id, &hash, true, "").await.unwrap();
    field.fleet.look_after_rollouts().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plan_is_previewed_changed_run_and_compared() {
    let field = field().await;
    let api = Api::of(&field).await;
    let serials: Vec<String> = (0..24).map(|n| format!("GW-{n}")).collect();
    field.devices(&serials, A).await;
    let release = Pipeline::of(&field).await.release(&field, "2.0", &["C"], &[("rootfs", b"x")]).await;
    let halves = [("A", Some(release)), ("Held out", None)];
    let variants = halves.map(|(name, release)| Variant { name: name.into(), release, share: 50_000 }).to_vec();
    let wanted = domain::rollout::Plan {
        cohorts: Some(Cohorts { wave: None, variants }),
        salt: "compared".into(),
        ..plan(release)
    };
    let mut wanted = serde_json::to_value(wanted).unwrap();
    let (status, seen) = api.ask(Method::POST, "/rollout-previews", &wanted).await;
    assert_eq!(
        (status, &seen["devices"], &seen["waves"][0]["devices"]),
        (StatusCode::OK, &json!(24), &json!(24)),
        "{seen}"
    );
    let split = seen["waves"][0]["cohorts"].clone();
    let worst = &seen["forecast"]["worst"];
    assert_eq!((worst[0]["bricked"].as_u64(), worst[9]["bricked"].as_u64()), (Some(100), Some(100_000)), "{worst}");
    let (status, made) = api.ask(Method::POST, "/rollouts", &wanted).await;
    assert_eq!(status, StatusCode::CREATED, "{made}");
    let at = format!("/rollouts/{}", made["code"].as_str().unwrap());

    wanted = made["plan"].clone();
    wanted["name"] = json!("Half of all");
    let version = made["version"].as_i64().unwrap();
    let (status, changed) = api.ask(Method::PUT, &at, &json!({"version": version, "plan": wanted})).await;
    assert_eq!((status, &changed["name"]), (StatusCode::OK, &json!("Half of all")), "{changed}");
    let (stale, _) = api.ask(Method::PUT, &at, &json!({"version": version, "plan": wanted})).await;
    assert_eq!(stale, StatusCode::CONFLICT, "somebody changed it since");
    let now = changed["version"].clone();
    for wrong in [json!({}), json!("x"), json!({"name": ""})] {
        let (status, told) = api.ask(Method::PUT, &at, &json!({"version": now, "plan": wrong})).await;
        assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY, "{told}");
        let (status, told) = api.ask(Method::POST, "/rollout-previews", &wrong).await;
        assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY, "{told}");
    }
    let (status, _) = api.ask(Method::PUT, "/rollouts/none", &json!({"version": 1, "plan": wanted})).await;
    assert_eq!(status, StatusCode::NOT_FOUND);

    let (status, told) = api.ask(Method::POST, &format!("{at}/submit"), &json!({"version": now})).await;
    assert_eq!((status, &told["state"]), (StatusCode::OK, &json!("submitted")), "{told}");
    assert_eq!(told["forecast"]["worst"], *worst, "what is approved is what was seen");
    approve(&field, made["code"].as_str().unwrap()).await;
    let mut told = Vec::new();
    for serial in &serials {
        let id = field.fleet.device(&operator(), serial).await.unwrap().id;
        let actor = Actor::Device { id, serial: serial.clone(), origin: Origin::default() };
        if let Some(fleet::update::UpdateLink::Deployment { id, .. }) = field.fleet.poll(&actor).await.unwrap().update {
            told.push((serial.clone(), actor, id));
        }
    }
    let offered = u64::try_from(told.len()).unwrap();
    let (failing, actor, action) = &told[0];
    let said = Feedback { execution: Execution::Closed, finished: Finished::Failure, code: None, details: Vec::new() };
    field.fleet.update_feedback(actor, *action, &said).await.unwrap();

    let (_, first) = api.get(&format!("{at}/devices?limit=1")).await;
    assert_eq!(first["items"][0]["device"], json!(failing), "{first}");
    assert_eq!(first["items"][0]["state"], "failed");
    assert_eq!(first["next"].is_string(), offered > 1, "{first}");
    let (_, failed) = api.get(&format!("{at}/devices?state=failed")).await;
    assert_eq!(failed["items"].as_array().unwrap().len(), 1, "{failed}");
    for wrong in ["state=dreaming", "cursor=x", "limits=1"] {
        assert_eq!(api.get(&format!("{at}/devices?{wrong}")).await.0, StatusCode::BAD_REQUEST, "{wrong}");
    }
    let (_, compared) = api.get(&format!("{at}/cohorts")).await;
    let items = compared["items"].as_array().unwrap();
    assert_eq!(items.iter().map(|one| one["devices"].clone()).collect::<Vec<_>>(), *split.as_array().unwrap());
    assert_eq!((&items[1]["name"], &items[2]["release"]), (&json!("A"), &Value::Null), "{compared}");
    assert_eq!((&items[1]["outcomes"]["failed"], &items[1]["outcomes"]["total"]), (&json!(1), &json!(offered)));
    assert_eq!(
        items[2]["outcomes"],
        json!({"total": 0, "under_way": 0, "retried": 0, "verified": 0, "failed": 0, "silent": 0})
    );
    assert_eq!(api.get("/rollouts/none/cohorts").await.0, StatusCode::NOT_FOUND);
    assert_eq!(api.get("/rollouts/none/devices").await.0, StatusCode::NOT_FOUND);
}
