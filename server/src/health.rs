//! What whoever operates a node asks it, on a listener of its own: metrics, whether it lives, whether it is ready. It is no
//! listener for the public: what it says is for those who run the node.

use crate::{
    metrics::{Format, Metrics},
    ready::{Condition, Readiness, Stands, is_ready},
    router::{HEALTH, READY},
};
use axum::{
    Json, Router,
    extract::State,
    response::{IntoResponse, Response},
    routing::get,
};
use http::{HeaderMap, HeaderValue, StatusCode, header};
use serde_json::json;

/// Where metrics are.
pub const METRICS: &str = "/metrics";

#[derive(Clone)]
struct Asked {
    metrics: Metrics,
    readiness: Readiness,
}

/// The router of that listener.
pub fn router(metrics: Metrics, readiness: Readiness) -> Router {
    Router::new()
        .route(METRICS, get(read))
        .route(HEALTH, get(async || "alive\n"))
        .route(READY, get(ready))
        .with_state(Asked { metrics, readiness })
}

async fn read(State(asked): State<Asked>, headers: HeaderMap) -> Response {
    let format = Format::wanted(accepted(&headers));
    match asked.metrics.text(format).await {
        Ok(text) => ([(header::CONTENT_TYPE, format.content_type())], text).into_response(),
        Err(error) => {
            tracing::error!(%error, "metrics can't be written");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}

fn accepted(headers: &HeaderMap) -> &str {
    headers.get(header::ACCEPT).and_then(|accept| accept.to_str().ok()).unwrap_or_default()
}

/// Each condition with how it stands: a line each, or JSON for whoever asks for it.
async fn ready(State(asked): State<Asked>, headers: HeaderMap) -> Response {
    let conditions = asked.readiness.conditions().await;
    let is_ready = is_ready(&conditions);
    let mut response = if accepted(&headers).contains("application/json") {
        Json(json!({ "ready": is_ready, "conditions": conditions })).into_response()
    } else {
        let said = if is_ready { "ready" } else { "not ready" };
        let lines = conditions.iter().map(line);
        std::iter::once(format!("{said}\n")).chain(lines).collect::<String>().into_response()
    };
    *response.status_mut() = status(is_ready);
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// What a probe goes by.
#[must_use]
pub const fn status(is_ready: bool) -> StatusCode {
    if is_ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE }
}

fn line(condition: &Condition) -> String {
    let word = match condition.state {
        Stands::Met => "met",
        Stands::Doubtful => "doubtful",
        Stands::Unmet => "unmet",
    };
    let note = if condition.note.is_empty() { String::new() } else { format!(": {}", condition.note) };
    format!("{} {word}{note}\n", condition.name)
}
