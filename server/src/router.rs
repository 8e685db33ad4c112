//! Everything that the console answers to.

use crate::{Console, assets, middleware};
use axum::{
    Router,
    extract::State,
    response::{IntoResponse, Response},
    routing::{MethodRouter, get},
};
use http::{HeaderValue, StatusCode, header};
use std::time::Duration;

/// How long the database may take to answer a probe.
const PATIENCE: Duration = Duration::from_secs(2);

/// The console's router.
pub fn router(console: &Console) -> Router {
    let pages = middleware::pages(app::router(), console);
    let api = middleware::api(crate::api::router(console), console);
    let open = OPEN.iter().fold(Router::new(), |router, route| router.route(route.path, (route.handler)()));
    middleware::everything(pages.merge(api).merge(open.with_state(console.clone())), console)
}

/// A route that says nothing about the fleet, and so answers everybody.
pub struct OpenRoute {
    /// Its path, as axum writes it.
    pub path: &'static str,
    pub(crate) handler: fn() -> MethodRouter<Console>,
}

/// Every route beside pages, their actions and the API.
pub const OPEN: &[OpenRoute] = &[
    OpenRoute { path: HEALTH, handler: || get(alive) },
    OpenRoute { path: READY, handler: || get(ready) },
    OpenRoute { path: "/robots.txt", handler: || get(robots) },
    OpenRoute { path: assets::PATH, handler: || get(assets::serve) },
];

/// Whether the program runs.
pub const HEALTH: &str = "/healthz";
/// Whether it can do its work.
pub const READY: &str = "/readyz";

async fn alive() -> Response {
    probe(StatusCode::OK, "alive\n")
}

async fn ready(State(console): State<Console>) -> Response {
    match tokio::time::timeout(PATIENCE, console.fleet.db().ping()).await {
        Ok(Ok(())) => probe(StatusCode::OK, "ready\n"),
        Ok(Err(error)) => {
            tracing::warn!(%error, "the database does not answer");
            probe(StatusCode::SERVICE_UNAVAILABLE, "the database does not answer\n")
        }
        Err(_) => probe(StatusCode::SERVICE_UNAVAILABLE, "the database is slow to answer\n"),
    }
}

fn probe(status: StatusCode, text: &'static str) -> Response {
    let mut response = (status, text).into_response();
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

async fn robots() -> &'static str {
    "User-agent: *\nDisallow: /\n"
}
