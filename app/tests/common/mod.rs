//! A console on a small fleet, and what it answers.

#![allow(dead_code, reason = "each file of tests uses its part of this")]

use app::{AssetNames, Ctx};
use axum::{
    Router,
    body::Body,
    http::{Request, header},
};
use domain::{
    batch::{Batch, Model},
    custody::{Custodian, CustodianKind},
    history::{Entry, Event},
    id::{BatchId, CustodianId, DeviceId, HistoryId, ModelId, UserId},
    person::Role,
    time::{DAY, HOUR, Timestamp},
};
use fleet::{Actor, Fleet, Keys, Origin, seed::Life};
use http_body_util::BodyExt;
use pki::Passphrase;
use std::sync::Arc;
use tower::ServiceExt;
use uuid::Uuid;

/// Who asks.
#[derive(Clone, Copy, Debug)]
pub enum Visitor {
    /// Nobody signed in.
    Nobody,
    /// An operator.
    Operator,
    /// Somebody of a role.
    As(Role),
}

impl Visitor {
    fn actor(self) -> Actor {
        let origin = Origin { address: "192.0.2.7".into() };
        match self {
            Self::Nobody => Actor::Nobody { origin },
            Self::Operator => person(Role::Operator, "Olga Operator", origin),
            Self::As(role) => person(role, role.label(), origin),
        }
    }
}

fn person(role: Role, name: &str, origin: Origin) -> Actor {
    let email = format!("{role}@muster.example");
    Actor::User { id: UserId(Uuid::nil()), email, name: name.into(), role, proved_at: None, origin }
}

/// What was answered.
#[derive(Debug)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// Where it leads.
    pub location: String,
    /// The cookies that it sets.
    pub cookies: Vec<String>,
    /// The document.
    pub body: String,
}

/// A console on a small fleet.
pub struct Console {
    fleet: Fleet,
    router: Router,
    _folder: tempfile::TempDir,
}

/// When everything happens.
pub const NOW: Timestamp = Timestamp(1_800_000_000_000_000);

/// Starts one.
pub async fn console() -> Console {
    let folder = tempfile::tempdir().unwrap();
    let db = store::Db::open(folder.path(), None).await.unwrap();
    let passphrase = Passphrase::new("a passphrase of the tests".to_owned()).unwrap();
    let keys = Keys { folder: folder.path().join("keys"), passphrase: Some(passphrase) };
    let fleet = Fleet::with_clock(db, folder.path().to_owned(), Arc::new(|| NOW)).with_keys(keys);
    seed(&fleet).await;
    Console { fleet, router: app::router(), _folder: folder }
}

impl Console {
    /// What stands behind it.
    pub fn fleet(&self) -> &Fleet {
        &self.fleet
    }

    /// Looks at a page.
    pub async fn get(&self, visitor: Visitor, path: &str) -> Answer {
        self.get_with_cookie(visitor, path, "").await
    }

    /// Looks at a page with a cookie.
    pub async fn get_with_cookie(&self, visitor: Visitor, path: &str, cookie: &str) -> Answer {
        let request = Request::get(path).header(header::COOKIE, cookie).body(Body::empty()).unwrap();
        self.send(visitor, request).await
    }

    /// Sends a form.
    pub async fn post(&self, visitor: Visitor, path: &str, form: &str) -> Answer {
        let request = Request::post(path)
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .body(Body::from(form.to_owned()))
            .unwrap();
        self.send(visitor, request).await
    }

    /// Sends a form with a file in it, which comes last; without a name there is no file.
    pub async fn upload(&self, visitor: Visitor, path: &str, fields: &[(&str, &str)], file: (&str, &str)) -> Answer {
        let mut body = String::new();
        for (name, value) in fields {
            body.push_str(&format!("--b\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n"));
        }
        let (name, content) = file;
        let head = format!("Content-Disposition: form-data; name=\"file\"; filename=\"{name}\"");
        body.push_str(&format!("--b\r\n{head}\r\nContent-Type: text/csv\r\n\r\n{content}\r\n--b--\r\n"));
        let request = Request::post(path)
            .header(header::CONTENT_TYPE, "multipart/form-data; boundary=b")
            .body(Body::from(body))
            .unwrap();
        self.send(visitor, request).await
    }

    /// Sends a form with nothing but a file in it.
    pub async fn send_file(&self, visitor: Visitor, path: &str, field: &str, content: &str) -> Answer {
        let head = format!("Content-Disposition: form-data; name=\"{field}\"; filename=\"file.pem\"");
        let body = format!("--b\r\n{head}\r\nContent-Type: application/x-pem-file\r\n\r\n{content}\r\n--b--\r\n");
        let request = Request::post(path)
            .header(header::CONTENT_TYPE, "multipart/form-data; boundary=b")
            .body(Body::from(body))
            .unwrap();
        self.send(visitor, request).await
    }

    async fn send(&self, visitor: Visitor, mut request: Request<Body>) -> Answer {
        let assets = Arc::new(AssetNames { css: "a.css".into(), js: "a.js".into(), wasm: "a.wasm".into() });
        let head = (request.uri(), request.headers());
        let ctx = Ctx::new(self.fleet.clone(), visitor.actor(), NOW, head, "request-1".into(), assets);
        request.extensions_mut().insert(ctx);
        let response = self.router.clone().oneshot(request).await.unwrap();
        let headers = response.headers();
        let text = |value: &axum::http::HeaderValue| value.to_str().unwrap_or_default().to_owned();
        let location = headers.get(header::LOCATION).map(text).unwrap_or_default();
        let cookies = headers.get_all(header::SET_COOKIE).iter().map(text).collect();
        let status = response.status().as_u16();
        let body = response.into_body().collect().await.unwrap().to_bytes();
        // Leptos marks where erased components end; how it was compiled is nothing that a test should see.
        let body = String::from_utf8_lossy(&body).replace("<!>", "");
        Answer { status, location, cookies, body }
    }
}

fn custodian(name: &str, kind: CustodianKind) -> Custodian {
    Custodian {
        id: CustodianId(Uuid::now_v7()),
        code: domain::custody::slug(name),
        name: name.into(),
        kind,
        country: "NL".into(),
        city: "Venlo".into(),
        sgln: String::new(),
        created_at: NOW,
    }
}

async fn seed(fleet: &Fleet) {
    let (factory, client) =
        (custodian("Shenzhen-2", CustodianKind::Factory), custodian("Acme & Sons", CustodianKind::Client));
    let model = Model {
        id: ModelId(Uuid::now_v7()),
        name: "GW-200".into(),
        description: "Gateway".into(),
        poll_interval_s: 300,
        sgtin: String::new(),
    };
    let batch = Batch {
        id: BatchId(Uuid::now_v7()),
        code: "2026-11-A".into(),
        factory_id: factory.id,
        model_id: model.id,
        quota: Some(10),
        started_at: NOW.plus(-60 * DAY),
    };
    let rule = Actor::Rule { name: "test" };
    let custodians = [factory.clone(), client.clone()];
    fleet.seed_catalogue(&rule, &custodians, std::slice::from_ref(&model), std::slice::from_ref(&batch)).await.unwrap();
    let lives: Vec<Life> = (1..=3).map(|n| life(n, &factory, &client, &model, &batch)).collect();
    fleet.seed_devices(&rule, &lives).await.unwrap();
}

fn life(n: i64, factory: &Custodian, client: &Custodian, model: &Model, batch: &Batch) -> Life {
    let made_at = NOW.plus(-50 * DAY);
    let mut events = vec![
        (0, Event::Manufactured { by: factory.holder(), batch: batch.code.clone(), firmware: Some("1.4.2".into()) }),
        (10, Event::Received { by: client.holder(), reference: String::new() }),
    ];
    if n == 2 {
        events.push((20, Event::CloneSuspected { finding: "One MAC on two devices".into(), score: 38, other: None }));
    }
    let history = events
        .into_iter()
        .map(|(days, event)| Entry {
            id: HistoryId(Uuid::now_v7()),
            at: made_at.plus(days * DAY),
            recorded_at: made_at.plus(days * DAY),
            actor: "test".into(),
            place: "Venlo".into(),
            event,
            epcis_event_id: None,
        })
        .collect();
    Life {
        id: DeviceId(Uuid::now_v7()),
        serial: format!("GW2C-{n:04}"),
        model_id: model.id,
        hardware_revision: "C".into(),
        batch_id: batch.id,
        factory_id: factory.id,
        channel: "production".into(),
        made_at,
        last_seen_at: Some(NOW.plus(-HOUR * n)),
        history,
    }
}
