//! A console within the test's process: the real router on an SQLite database in a temporary folder.
#![allow(dead_code, reason = "each test uses its part")]
#![allow(clippy::unwrap_used, reason = "a test whose console can't be made should fail")]

use app::AssetNames;
use axum::{Router, body::Body, extract::ConnectInfo};
use fleet::Fleet;
use http::{HeaderMap, Request, StatusCode, header, request};
use http_body_util::BodyExt;
use server::{Console, router::router};
use std::net::SocketAddr;
use store::Db;
use tempfile::TempDir;
use tower::ServiceExt;

/// A console and what it stands on.
pub struct World {
    /// What can be done, past the router.
    pub fleet: Fleet,
    router: Router,
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
        let folder = tempfile::tempdir().unwrap();
        let fleet = Fleet::new(Db::open(folder.path(), None).await.unwrap(), folder.path().to_owned());
        let assets = AssetNames { css: "muster.css".into(), js: "muster.js".into(), wasm: "muster.wasm".into() };
        let router = router(&Console::new(fleet.clone(), assets));
        Self { fleet, router, _folder: folder }
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
    /// A header as text; empty if it isn't there.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map(|value| value.to_str().unwrap()).unwrap_or_default()
    }
}

/// A form's request, to be given its headers.
pub fn form(path: &str) -> request::Builder {
    Request::post(path)
        .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
        .header("sec-fetch-site", "same-origin")
}
