//! Everything that the console answers to.

use crate::{
    Console, assets, health, middleware,
    ready::{Stands, is_ready},
};
use axum::{
    Router,
    extract::State,
    response::{IntoResponse, Response},
    routing::{MethodRouter, get},
};
use http::{HeaderValue, StatusCode, header};

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
    probe(StatusCode::OK, "alive\n".to_owned())
}

/// Everybody may ask, so it names what is wrong and no more.
async fn ready(State(console): State<Console>) -> Response {
    let conditions = console.readiness.conditions().await;
    let is_ready = is_ready(&conditions);
    let unmet = conditions.iter().filter(|condition| condition.state == Stands::Unmet);
    let unmet: Vec<&str> = unmet.map(|condition| condition.name).collect();
    let told = if is_ready { "ready\n".to_owned() } else { format!("not ready: {}\n", unmet.join(", ")) };
    probe(health::status(is_ready), told)
}

fn probe(status: StatusCode, text: String) -> Response {
    let mut response = (status, text).into_response();
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

async fn robots() -> &'static str {
    "User-agent: *\nDisallow: /\n"
}
