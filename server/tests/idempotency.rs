//! A POST that is sent twice under one key is done once.

use crate::common::{Answer, TEST, World};
use axum::body::Body;
use domain::person::Role;
use http::{Request, StatusCode, header};
use store::device_list::Sort;

struct Api {
    world: World,
    serial: String,
    token: String,
}

impl Api {
    async fn new() -> Self {
        let world = World::new().await;
        simulator::demo::fill(&world.fleet, simulator::demo::Plan::new(world.fleet.now(), 1, 12), |_| {})
            .await
            .unwrap();
        let list = world.fleet.devices(&TEST, "", Sort::default(), None, 1).await.unwrap();
        let (serial, token) = (list.page.devices[0].serial.clone(), world.token(Role::Support).await);
        Self { world, serial, token }
    }

    async fn note(&self, key: &str, text: &str) -> Answer {
        let request = Request::post(format!("/api/v1/devices/{}/notes", self.serial))
            .header(header::AUTHORIZATION, format!("Bearer {}", self.token))
            .header(header::CONTENT_TYPE, "application/json")
            .header("idempotency-key", key);
        let body = serde_json::json!({ "text": text }).to_string();
        self.world.send(request.body(Body::from(body)).unwrap()).await
    }

    async fn notes(&self) -> usize {
        let record = self.world.fleet.device_record(&TEST, &self.serial).await.unwrap();
        record.history.iter().filter(|entry| entry.event.kind() == "note").count()
    }
}

#[tokio::test]
async fn once_done_it_is_answered_alike() {
    let api = Api::new().await;
    let before = api.notes().await;
    let first = api.note("a", "seen").await;
    let second = api.note("a", "seen").await;
    assert_eq!((first.status, second.status), (StatusCode::CREATED, StatusCode::CREATED), "{}", first.body);
    assert_eq!((&first.body, second.header("idempotency-replayed").as_str()), (&second.body, "true"));
    assert_eq!(api.notes().await, before + 1);
    assert_eq!(api.note("b", "seen").await.status, StatusCode::CREATED);
    assert_eq!(api.notes().await, before + 2);
}

#[tokio::test]
async fn a_key_belongs_to_one_request() {
    let api = Api::new().await;
    api.note("a", "seen").await;
    let other = api.note("a", "something else").await;
    assert_eq!(
        (other.status, other.header("content-type").as_str()),
        (StatusCode::UNPROCESSABLE_ENTITY, "application/problem+json")
    );
    assert!(other.body.contains("belongs to another request") && other.body.contains("request_id"), "{}", other.body);
    assert_eq!(api.note(&"x".repeat(201), "seen").await.status, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn what_was_refused_is_refused_again() {
    let api = Api::new().await;
    let (first, second) = (api.note("a", "").await, api.note("a", "").await);
    assert_eq!((first.status, second.status), (StatusCode::UNPROCESSABLE_ENTITY, StatusCode::UNPROCESSABLE_ENTITY));
    assert_eq!(second.header("content-type"), "application/problem+json");
}

#[tokio::test]
async fn at_the_same_time_it_is_done_once() {
    let api = Api::new().await;
    let before = api.notes().await;
    let answers = futures::future::join_all((0..8).map(|_| api.note("a", "seen"))).await;
    for answer in &answers {
        assert!(matches!(answer.status, StatusCode::CREATED | StatusCode::CONFLICT), "{answer:?}");
    }
    assert_eq!(api.notes().await, before + 1);
}
