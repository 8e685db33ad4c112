//! A request's name, its log line, and what is left of it when something breaks.

use crate::{
    listener::{Door, Shown},
    metrics::Doorway,
    problem,
    proxy::Proxies,
    traces,
};
use axum::{
    extract::{ConnectInfo, MatchedPath, Request, State},
    middleware::Next,
    response::{IntoResponse, Response},
};
use futures::FutureExt;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use std::{
    any::Any,
    net::SocketAddr,
    panic::{AssertUnwindSafe, resume_unwind},
    sync::Arc,
    time::Instant,
};
use tracing::{Instrument, field};
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

const TRACE_PARENT: HeaderName = HeaderName::from_static("traceparent");

/// The trace that a proxy of ours says that a request belongs to (W3C Trace Context), and the span in it. Nobody else is believed:
/// whoever could choose the id could make lines in the log look like another's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct InTrace(traces::Parent);

impl InTrace {
    /// `00-TRACE-PARENT-FLAGS`; of a later version, what begins like that.
    fn of(headers: &HeaderMap) -> Option<Self> {
        let mut parts = headers.get(TRACE_PARENT)?.to_str().ok()?.split('-');
        let version = hex(parts.next(), 2)?;
        let (trace, span, flags) = (hex(parts.next(), 32)?, hex(parts.next(), 16)?, hex(parts.next(), 2)?);
        let is_wrong = version == "ff" || (version == "00" && parts.next().is_some());
        let trace = u128::from_str_radix(trace, 16).ok().filter(|trace| *trace != 0 && !is_wrong)?;
        let span = u64::from_str_radix(span, 16).ok().filter(|span| *span != 0)?;
        let is_sampled = u8::from_str_radix(flags, 16).ok()? & 1 == 1;
        Some(Self(traces::Parent { trace, span, is_sampled }))
    }

    /// The trace, in 32 hexadecimal digits.
    fn id(self) -> String {
        format!("{:032x}", self.0.trace)
    }
}

/// A part of so many hexadecimal digits, small ones.
fn hex(part: Option<&str>, length: usize) -> Option<&str> {
    part.filter(|part| part.len() == length && part.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f')))
}

/// Puts the address of whoever sent the request in the place of the proxy's that brought it.
pub async fn client(State(proxies): State<Proxies>, mut request: Request, next: Next) -> Response {
    if let Some(ConnectInfo(peer)) = request.extensions().get::<ConnectInfo<SocketAddr>>().copied() {
        if proxies.has(peer.ip())
            && let Some(trace) = InTrace::of(request.headers())
        {
            request.extensions_mut().insert(trace);
        }
        let client = proxies.client(peer.ip(), request.headers());
        request.extensions_mut().insert(ConnectInfo(SocketAddr::new(client, peer.port())));
    }
    next.run(request).await
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

/// Counts the request, and logs its end. Neither the query nor a path that holds a one-time token is logged.
pub async fn trace(State(door): State<Door>, request: Request, next: Next) -> Response {
    let (route, uri) = (request.extensions().get::<MatchedPath>().cloned(), request.uri().clone());
    let route = route.as_ref().map(MatchedPath::as_str);
    let path = route.filter(|route| route.contains("{token}")).unwrap_or_else(|| beginning(uri.path()));
    // Devices and verifiers call in by the thousand; what devices did is in their history.
    let is_usual = door == Door::Pki || request.extensions().get::<Arc<Shown>>().is_some();
    let (doorway, method) = (request.extensions().get::<Arc<Doorway>>().cloned(), request.method().clone());
    let peer = request
        .extensions()
        .get::<ConnectInfo<SocketAddr>>()
        .map(|ConnectInfo(peer)| peer.ip().to_canonical().to_string())
        .unwrap_or_default();
    let span = tracing::info_span!("request", id = RequestId::of(&request), trace_id = field::Empty, %method, path);
    let in_trace = request.extensions().get::<InTrace>().copied();
    let came = traces::Came {
        parent: in_trace.map(|InTrace(parent)| parent),
        method: &method,
        route,
        listener: door.as_str(),
        id: &RequestId::of(&request),
    };
    let told = traces::came(&span, came);
    if let Some(trace) = in_trace {
        span.record("trace_id", trace.id());
    }
    async move {
        let begun = Instant::now();
        let response = next.run(request).await;
        let took = begun.elapsed();
        if let Some(doorway) = doorway {
            doorway.requests().count(route, &method, response.status(), took);
        }
        if let Some(span) = told {
            traces::answered(&span, response.status().as_u16());
        }
        let (status, ms) = (response.status().as_u16(), took.as_micros() as f64 / 1000.0);
        let (listener, named) = (door.as_str(), route.unwrap_or_default());
        // Assets and probes come by the thousand and say nothing; not to be ready is an answer, and no error.
        let is_probe = matches!(route, Some("/assets/{name}" | "/healthz" | "/readyz"));
        match status {
            500.. if route != Some("/readyz") => tracing::error!(status, ms, peer, listener, route = named, "answered"),
            _ if is_usual || is_probe => tracing::debug!(status, ms, peer, listener, route = named, "answered"),
            _ => tracing::info!(status, ms, peer, listener, route = named, "answered"),
        }
        response
    }
    .instrument(span)
    .await
}

/// So much of a path as is logged.
fn beginning(path: &str) -> &str {
    path.char_indices().nth(200).and_then(|(end, _)| path.get(..end)).unwrap_or(path)
}

/// Refuses addresses that hold the character NUL: nothing has such a name, and PostgreSQL can't be asked for it.
pub async fn without_nul(request: Request, next: Next) -> Response {
    let address = request.uri().path_and_query().map_or("", |all| all.as_str());
    if !address.contains("%00") {
        return next.run(request).await;
    }
    let (api, id) = (problem::wanted(request.uri().path()), RequestId::of(&request));
    problem::plain(api, StatusCode::BAD_REQUEST, "The address holds a character that no name has.", &id)
}

/// Lets what changes something run to its end, even if whoever asked goes away: otherwise a click on "stop", or a
/// second click on the button, ends the first one's deed somewhere in the middle of its way.
pub async fn to_the_end(request: Request, next: Next) -> Response {
    if request.method().is_safe() {
        return next.run(request).await;
    }
    match tokio::spawn(next.run(request).in_current_span()).await {
        Ok(response) => response,
        Err(error) => match error.try_into_panic() {
            Ok(panic) => resume_unwind(panic),
            Err(_) => StatusCode::SERVICE_UNAVAILABLE.into_response(),
        },
    }
}

/// Answers 500 where a handler panicked.
pub async fn catch_panic(request: Request, next: Next) -> Response {
    let (api, id) = (problem::wanted(request.uri().path()), RequestId::of(&request));
    // The request is gone after a panic, and handlers share only what locks or the database guard.
    match AssertUnwindSafe(next.run(request)).catch_unwind().await {
        Ok(response) => response,
        Err(panic) => {
            log_panic(panic.as_ref());
            problem::plain(api, StatusCode::INTERNAL_SERVER_ERROR, BROKE, &id)
        }
    }
}

const BROKE: &str = "Something went wrong on our side. Nothing half-done was kept.";

fn log_panic(panic: &(dyn Any + Send)) {
    let text = panic.downcast_ref::<&str>().copied();
    let text = text.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("no message");
    tracing::error!(panic = text, "a request's handler panicked");
}

/// What a machine is answered where a handler panicked.
#[expect(clippy::needless_pass_by_value, reason = "the layer hands the panic over")]
pub fn after_panic(panic: Box<dyn Any + Send>) -> Response {
    log_panic(panic.as_ref());
    (StatusCode::INTERNAL_SERVER_ERROR, format!("{BROKE}\n")).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_a_trace_parent_is_taken_for_one() {
        let of = |text: &'static str| {
            let headers = HeaderMap::from_iter([(TRACE_PARENT, HeaderValue::from_static(text))]);
            InTrace::of(&headers).map(InTrace::id)
        };
        let id = "4bf92f3577b34da6a3ce929d0e0e4736";
        assert_eq!(of("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01").as_deref(), Some(id));
        assert_eq!(of("01-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-more").as_deref(), Some(id));
        for wrong in [
            "",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-more",
            "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
            "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
            "00-4bf92f3577b34da6a3ce929d0e0e473-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736 x=\"-00f067aa0ba902b7-01",
        ] {
            assert_eq!(of(wrong), None, "{wrong}");
        }
        assert_eq!(InTrace::of(&HeaderMap::new()), None);
    }
}
