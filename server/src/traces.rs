//! Traces: what requests and work in the background took, as spans for a collector (OTLP over HTTP, protobuf), if one is named.
//!
//! A span says less than a line of the log: the route and not the path, no address, and nothing but what stands in [`KEPT`]. Nothing
//! waits for the collector. Spans that ended wait in a bounded [`queue`], which a thread of its own empties; those that find it full
//! are dropped and counted.

mod client;
mod queue;

pub use queue::Counts;

use crate::{cli, failure::Failure};
use client::Client;
use http::Method;
use opentelemetry::{
    Context, KeyValue,
    trace::{SpanContext, SpanId, SpanKind, Status, TraceContextExt, TraceFlags, TraceId, TraceState, TracerProvider},
};
use opentelemetry_otlp::{Protocol, RetryPolicy, SpanExporter, WithExportConfig, WithHttpConfig};
use opentelemetry_sdk::{
    Resource,
    trace::{Sampler, SdkTracer, SdkTracerProvider, SpanData},
};
use queue::Queue;
use std::{
    sync::{Arc, LazyLock, OnceLock},
    time::Duration,
};
use tracing::{Metadata, Span};
use tracing_opentelemetry::OpenTelemetrySpanExt as _;

/// The span of a request, and the one of some work in the background, as the program calls them.
const REQUEST: &str = "request";
const WORK: &str = "work";

const METHOD: &str = "http.request.method";
const ROUTE: &str = "http.route";
const STATUS: &str = "http.response.status_code";
const LISTENER: &str = "muster.listener";
const REQUEST_ID: &str = "muster.request_id";
const JOB: &str = "job";
/// All that is told of a span beside its name and its times. Whatever else the log has of it (path, address) stays here.
const KEPT: [&str; 6] = [METHOD, ROUTE, STATUS, LISTENER, REQUEST_ID, JOB];

/// Where a base address leads to (OTLP 1.x, "OTLP/HTTP Request").
const PATH: &str = "v1/traces";

static PROVIDER: OnceLock<SdkTracerProvider> = OnceLock::new();
static COUNTS: LazyLock<Arc<Counts>> = LazyLock::new(Arc::default);

/// What became of this process's spans.
#[must_use]
pub fn counts() -> Arc<Counts> {
    Arc::clone(&COUNTS)
}

/// Gets ready to tell a collector, if one is named. A second call, as in tests, is told nothing.
///
/// # Errors
/// When the file with authorities can't be read, or what the environment says of OTLP can't be followed.
pub fn begin(told: &cli::Traces) -> Result<Option<SdkTracer>, Failure> {
    let Some(endpoint) = &told.otlp_endpoint else { return Ok(None) };
    let exporter = SpanExporter::builder()
        .with_http()
        .with_http_client(Client::new(told.otlp_ca.as_deref())?)
        // What could not be told is dropped: trying again would hold up what comes after it.
        .with_retry_policy(RetryPolicy::disabled())
        .with_endpoint(format!("{}/{PATH}", endpoint.trim_end_matches('/')))
        .with_protocol(Protocol::HttpBinary)
        .build()
        .map_err(Failure::because)?;
    #[expect(clippy::cast_precision_loss, reason = "a share need not be exact")]
    let share = 1.0 / told.otlp_one_of as f64;
    let provider = SdkTracerProvider::builder()
        .with_span_processor(Queue::new(exporter, counts()))
        // Whoever asks by a proxy of ours decides for its whole trace.
        .with_sampler(Sampler::ParentBased(Box::new(Sampler::TraceIdRatioBased(share))))
        .with_resource(resource(&told.otlp_service))
        .build();
    let tracer = provider.tracer("muster");
    Ok(PROVIDER.set(provider).is_ok().then_some(tracer))
}

fn resource(service: &str) -> Resource {
    let facts =
        [KeyValue::new("service.version", env!("CARGO_PKG_VERSION")), KeyValue::new("host.name", crate::log::node())];
    // Beside what OTEL_RESOURCE_ATTRIBUTES says.
    Resource::builder().with_service_name(service.to_owned()).with_attributes(facts).build()
}

/// Whether a collector is told of something.
pub fn is_told(metadata: &Metadata<'_>) -> bool {
    metadata.is_span() && matches!(metadata.name(), REQUEST | WORK)
}

/// Tells the collector what is left, for so long at most, and nothing any more after that.
pub async fn stop(within: Duration) {
    let Some(provider) = PROVIDER.get() else { return };
    let stopped = tokio::task::spawn_blocking(move || provider.shutdown_with_timeout(within)).await;
    if !matches!(stopped, Ok(Ok(()))) {
        tracing::warn!(waiting = COUNTS.waiting(), "the collector did not take the last spans in time");
    }
}

/// The trace that a request belongs to, and the span in it that it was sent in (W3C Trace Context).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Parent {
    /// The trace.
    pub trace: u128,
    /// The span in it.
    pub span: u64,
    /// Whether whoever sent it tells a collector of it.
    pub is_sampled: bool,
}

/// What is told of a request when it comes.
#[derive(Clone, Copy, Debug)]
pub struct Came<'a> {
    /// The trace that it belongs to.
    pub parent: Option<Parent>,
    /// Its method.
    pub method: &'a Method,
    /// Its route, with the names of its parts in the place of what they are.
    pub route: Option<&'a str>,
    /// At which listener.
    pub listener: &'static str,
    /// Its name.
    pub id: &'a str,
}

/// Notes at the span of a request what is told of it. Gives what its end is noted at; none where nobody is told.
pub fn came(span: &Span, came: Came<'_>) -> Option<Span> {
    PROVIDER.get()?;
    if let Some(parent) = came.parent {
        let flags = if parent.is_sampled { TraceFlags::SAMPLED } else { TraceFlags::default() };
        let (trace, at) = (TraceId::from(parent.trace), SpanId::from(parent.span));
        let context = SpanContext::new(trace, at, flags, true, TraceState::default());
        // It fails where this span is not told of.
        let _ = span.set_parent(Context::new().with_remote_span_context(context));
    }
    span.set_attribute(METHOD, method(came.method));
    if let Some(route) = came.route {
        span.set_attribute(ROUTE, route.to_owned());
    }
    span.set_attribute(LISTENER, came.listener);
    span.set_attribute(REQUEST_ID, came.id.to_owned());
    Some(span.clone())
}

/// Notes how a request was answered.
pub fn answered(span: &Span, status: u16) {
    span.set_attribute(STATUS, i64::from(status));
}

/// A method that HTTP knows (RFC 9110, and PATCH); anybody can make up others.
fn method(method: &Method) -> &'static str {
    const KNOWN: [&str; 9] = ["GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "CONNECT", "TRACE"];
    KNOWN.into_iter().find(|known| *known == method.as_str()).unwrap_or("_OTHER")
}

/// A span as the collector is told of it.
fn told(mut span: SpanData) -> SpanData {
    let said = |key: &str| span.attributes.iter().find(|pair| pair.key.as_str() == key).map(|pair| pair.value.as_str());
    if span.name == REQUEST {
        let name = match (said(METHOD), said(ROUTE)) {
            (Some(method), Some(route)) => format!("{method} {route}"),
            (method, _) => method.map(String::from).unwrap_or_default(),
        };
        let is_broken = said(STATUS).is_some_and(|status| status.starts_with('5'));
        span.name = name.into();
        span.span_kind = SpanKind::Server;
        if is_broken {
            span.status = Status::error("");
        }
    } else if let Some(job) = said(JOB) {
        let name = format!("{} {job}", span.name);
        span.name = name.into();
    }
    span.attributes.retain(|pair| KEPT.contains(&pair.key.as_str()));
    // Events are lines of the log, and stay there.
    span.events = Default::default();
    span
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;

    #[test]
    fn a_span_says_its_route_and_nothing_else_of_what_the_log_has() {
        let span = queue::tests::span(
            REQUEST,
            &[
                (METHOD, "GET"),
                (ROUTE, "/devices/{serial}"),
                (STATUS, "503"),
                ("path", "/devices/GW-1"),
                ("peer", "192.0.2.1"),
                ("id", "0193"),
            ],
        );
        let told = told(span);
        assert_eq!(told.name, "GET /devices/{serial}");
        assert_eq!((told.span_kind, told.status), (SpanKind::Server, Status::error("")));
        let keys: Vec<&str> = told.attributes.iter().map(|pair| pair.key.as_str()).collect();
        assert_eq!(keys, [METHOD, ROUTE, STATUS]);
    }

    #[test]
    fn work_is_called_by_what_it_is() {
        let told = told(queue::tests::span(WORK, &[(JOB, "crl")]));
        assert_eq!((&*told.name, told.span_kind), ("work crl", SpanKind::Internal));
    }

    #[test]
    fn what_anybody_can_make_up_is_no_method() {
        assert_eq!(method(&Method::PUT), "PUT");
        assert_eq!(method(&Method::from_bytes(b"GW-1").unwrap()), "_OTHER");
    }
}
