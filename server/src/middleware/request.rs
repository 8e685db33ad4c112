//! A request's name, its log line, and what is left of it when something breaks.

use crate::problem;
use axum::{
    extract::{ConnectInfo, MatchedPath, Request},
    middleware::Next,
    response::Response,
};
use futures::FutureExt;
use http::{HeaderValue, StatusCode};
use std::{net::SocketAddr, panic::AssertUnwindSafe, time::Instant};
use tracing::Instrument;
use uuid::Uuid;

/// The name of a request: a UUIDv7. It stands in the log, in the answer's `x-request-id`, and on error pages.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestId(pub String);

impl RequestId {
    /// The name of this request; empty outside of [`name`].
    pub fn of(request: &Request) -> String {
        request.extensions().get::<Self>().map(|id| id.0.clone()).unwrap_or_default()
    }
}

/// Names the request. What a client sends as `x-request-id` is not trusted.
pub async fn name(mut request: Request, next: Next) -> Response {
    let id = Uuid::now_v7().to_string();
    request.extensions_mut().insert(RequestId(id.clone()));
    let mut response = next.run(request).await;
    if let Ok(value) = HeaderValue::try_from(id) {
        response.headers_mut().insert("x-request-id", value);
    }
    response
}

/// Logs the request's end. Neither the query nor a path that holds a one-time token is logged.
pub async fn trace(request: Request, next: Next) -> Response {
    let route = request.extensions().get::<MatchedPath>().map(|path| path.as_str().to_owned());
    let path = match &route {
        Some(route) if route.contains("{token}") => route.clone(),
        _ => request.uri().path().chars().take(200).collect(),
    };
    let peer = request
        .extensions()
        .get::<ConnectInfo<SocketAddr>>()
        .map(|ConnectInfo(peer)| peer.ip().to_canonical().to_string())
        .unwrap_or_default();
    let span = tracing::info_span!("request", id = RequestId::of(&request), method = %request.method(), path);
    async move {
        let begun = Instant::now();
        let response = next.run(request).await;
        let (status, ms) = (response.status().as_u16(), begun.elapsed().as_micros() as f64 / 1000.0);
        match status {
            500.. => tracing::error!(status, ms, peer, "answered"),
            // Assets and probes come by the thousand and say nothing.
            _ if matches!(route.as_deref(), Some("/assets/{name}" | "/healthz" | "/readyz")) => {
                tracing::debug!(status, ms, peer, "answered");
            }
            _ => tracing::info!(status, ms, peer, "answered"),
        }
        response
    }
    .instrument(span)
    .await
}

/// Answers 500 where a handler panicked.
pub async fn catch_panic(request: Request, next: Next) -> Response {
    let (api, id) = (problem::wanted(request.uri().path()), RequestId::of(&request));
    // The request is gone after a panic, and handlers share only what locks or the database guard.
    match AssertUnwindSafe(next.run(request)).catch_unwind().await {
        Ok(response) => response,
        Err(panic) => {
            let text = panic.downcast_ref::<&str>().copied();
            let text = text.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("no message");
            tracing::error!(panic = text, "a request's handler panicked");
            let told = "Something went wrong on our side. Nothing half-done was kept.";
            problem::plain(api, StatusCode::INTERNAL_SERVER_ERROR, told, &id)
        }
    }
}
