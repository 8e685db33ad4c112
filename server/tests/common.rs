//! A console within the test's process: the real router on an SQLite database in a temporary folder.

use app::AssetNames;
use axum::{Router, body::Body, extract::ConnectInfo};
use domain::{
    audit::Outcome,
    id::UserId,
    person::Role,
    time::{HOUR, Timestamp},
};
use fleet::{Actor, AuditFilter, Fleet, people::UserForm, token::TokenForm};
use http::{HeaderMap, Request, Response, StatusCode, header, request};
use http_body_util::BodyExt;
use server::{
    Console,
    proxy::Proxies,
    router::router,
    sessions::{self, SignedIn},
};
use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
};
use store::{Db, session::SessionRow};
use tempfile::TempDir;
use tower::ServiceExt;
use tower_sessions::session::Id;

/// A console and what it stands on.
pub struct World {
    /// What can be done, past the router.
    pub fleet: Fleet,
    router: Router,
    time: Arc<AtomicI64>,
    _folder: TempDir,
}

/// An answer, whole.
#[derive(Debug)]
pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: String,
}

impl World {
    pub async fn new() -> Self {
        Self::behind(Proxies::default()).await
    }

    /// The same, where these proxies are believed.
    pub async fn behind(proxies: Proxies) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let time = Arc::new(AtomicI64::new(0));
        let set = Arc::clone(&time);
        // The machine's clock until a test sets another time.
        let clock = Arc::new(move || match set.load(Ordering::Relaxed) {
            0 => fleet::system_time(),
            time => Timestamp(time),
        });
        let db = Db::open(folder.path(), None).await.unwrap();
        let fleet = Fleet::with_clock(db, folder.path().to_owned(), clock);
        let assets = AssetNames { css: "muster.css".into(), js: "muster.js".into(), wasm: "muster.wasm".into() };
        let router = router(&Console::new(fleet.clone(), assets).behind(proxies));
        Self { fleet, router, time, _folder: folder }
    }

    /// The router itself.
    pub const fn router(&self) -> &Router {
        &self.router
    }

    /// Stops the clock at this time.
    pub fn set_time(&self, at: Timestamp) {
        self.time.store(at.0, Ordering::Relaxed);
    }

    /// Sends a request as if from a browser at 192.0.2.7.
    pub async fn send(&self, request: Request<Body>) -> Answer {
        let mut request = request;
        let peer: SocketAddr = "192.0.2.7:40000".parse().unwrap();
        request.extensions_mut().insert(ConnectInfo(peer));
        request.headers_mut().entry(header::HOST).or_insert("fleet.example".parse().unwrap());
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        let body = String::from_utf8_lossy(&body).into_owned();
        Answer { status: parts.status, headers: parts.headers, body }
    }

    pub async fn get(&self, path: &str) -> Answer {
        self.send(Request::get(path).body(Body::empty()).unwrap()).await
    }
}

impl Answer {
    /// A header as text, its lines joined; empty if it isn't there.
    pub fn header(&self, name: &str) -> String {
        let lines: Vec<&str> = self.headers.get_all(name).iter().map(|value| value.to_str().unwrap()).collect();
        lines.join("\n")
    }
}

/// A form's request, to be given its headers.
pub fn form(path: &str) -> request::Builder {
    Request::post(path)
        .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
        .header("sec-fetch-site", "same-origin")
}

/// Muster itself, as far as tests are concerned.
pub const TEST: Actor = Actor::Rule { name: "test" };

impl World {
    /// Makes an account and returns its id.
    pub async fn person(&self, role: Role, email: &str) -> UserId {
        let form = UserForm { email: email.to_owned(), name: format!("A {role}"), role: role.to_string() };
        self.fleet.add_user(&TEST, &form).await.unwrap().user.id
    }

    /// Begins a session of an account, and returns its cookie.
    pub async fn cookie(&self, user: UserId) -> String {
        let (id, now) = (Id::default(), self.fleet.now());
        let address = "192.0.2.7".to_owned();
        let signed_in = SignedIn {
            user,
            begun: now.0,
            seen: now.0,
            address: address.clone(),
            browser: "test".into(),
            by: None,
            proved: None,
        };
        let row = SessionRow {
            id: sessions::hashed(&id),
            user_id: Some(user),
            data: serde_json::json!({ "signed_in": signed_in }).to_string(),
            address,
            user_agent: "test".into(),
            created_at: now,
            last_seen_at: now,
            expires_at: now.plus(HOUR),
        };
        store::session::insert(self.fleet.db(), &row).await.unwrap();
        format!("{}={id}", sessions::COOKIE)
    }

    /// Makes an API token.
    pub async fn token(&self, role: Role) -> String {
        let form = TokenForm { name: format!("{role} program"), role: role.to_string(), days: 1 };
        self.fleet.add_token(&TEST, &form).await.unwrap().secret
    }

    /// Sends a request; the body of its answer is not read yet.
    pub async fn open(&self, mut request: Request<Body>) -> Response<Body> {
        request.extensions_mut().insert(ConnectInfo(SocketAddr::from(([192, 0, 2, 7], 40_000))));
        self.router.clone().oneshot(request).await.unwrap()
    }

    /// Sends a request and reads only the head of its answer: some answers never end.
    pub async fn head(&self, request: Request<Body>) -> Answer {
        let (parts, _) = self.open(request).await.into_parts();
        Answer { status: parts.status, headers: parts.headers, body: String::new() }
    }

    /// How many deeds were refused so far.
    pub async fn refusals(&self) -> usize {
        let filter = AuditFilter { outcome: Outcome::Denied.to_string(), ..AuditFilter::default() };
        self.fleet.audit_log(&TEST, &filter, 500).await.unwrap().len()
    }
}
