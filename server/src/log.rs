//! The log: lines for people, or one JSON object a line for programs. Always on standard error, where answers are not.

use crate::{cli::LogFormat, traces};
use opentelemetry_sdk::trace::SdkTracer;
use serde_json::{Map, Value};
use std::{fmt, io::IsTerminal};
use tracing::{
    Event, Subscriber,
    field::{Field, Visit},
};
use tracing_subscriber::{
    EnvFilter, Layer as _,
    filter::filter_fn,
    fmt::{FmtContext, FormatEvent, FormatFields, FormattedFields, format::JsonFields, format::Writer},
    layer::SubscriberExt as _,
    registry::{LookupSpan, Scope},
    util::SubscriberInitExt as _,
};

/// Begins to log, and to tell a collector of spans where there is one. A second call, as in tests, keeps the first one's settings.
pub fn begin(format: LogFormat, collector: Option<SdkTracer>) {
    let filter =
        EnvFilter::try_from_env("MUSTER_LOG").unwrap_or_else(|_| EnvFilter::new("info,sqlx=warn,tower_sessions=warn"));
    let spans = collector.map(|tracer| {
        let layer = tracing_opentelemetry::layer().with_tracer(tracer);
        let layer = layer.with_location(false).with_threads(false).with_target(false).with_tracked_inactivity(false);
        layer.with_filter(filter_fn(traces::is_told))
    });
    // What is logged says nothing of what is told, and the other way round.
    let registry = tracing_subscriber::registry().with(spans);
    let log = tracing_subscriber::fmt::layer().with_writer(std::io::stderr);
    let _ = match format {
        LogFormat::Text => registry.with(log.with_ansi(std::io::stderr().is_terminal()).with_filter(filter)).try_init(),
        LogFormat::Json => {
            let log = log.fmt_fields(JsonFields::new()).event_format(Json { node: node() });
            registry.with(log.with_filter(filter)).try_init()
        }
    };
}

/// What this machine is called.
pub fn node() -> String {
    let name = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    name.trim().to_owned()
}

/// An event as one flat object: when, how bad, from where, on which node, what its request says of itself, and what it says.
pub struct Json {
    /// Which node it is of.
    pub node: String,
}

impl<S, N> FormatEvent<S, N> for Json
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(&self, context: &FmtContext<'_, S, N>, mut writer: Writer<'_>, event: &Event<'_>) -> fmt::Result {
        let mut line = Map::new();
        // The spans around it, from the outside in; what is said further in is said better.
        for span in context.event_scope().into_iter().flat_map(Scope::from_root) {
            let extensions = span.extensions();
            let fields = extensions.get::<FormattedFields<N>>().map(|fields| fields.fields.as_str());
            if let Some(Ok(Value::Object(fields))) = fields.map(serde_json::from_str) {
                line.extend(fields.into_iter().map(|(name, value)| (said(&name).to_owned(), value)));
            }
        }
        event.record(&mut Fields(&mut line));
        let at = fleet::system_time().rfc3339();
        line.insert("timestamp".to_owned(), at.into());
        line.insert("level".to_owned(), event.metadata().level().as_str().into());
        line.insert("target".to_owned(), event.metadata().target().into());
        line.insert("node".to_owned(), self.node.as_str().into());
        writeln!(writer, "{}", Value::Object(line))
    }
}

/// What a field is called in a line: a span's `id` is the request's.
fn said(name: &str) -> &str {
    if name == "id" { "request_id" } else { name }
}

/// Takes the fields of an event into an object.
struct Fields<'a>(&'a mut Map<String, Value>);

impl Fields<'_> {
    fn put(&mut self, field: &Field, value: impl Into<Value>) {
        self.0.insert(field.name().to_owned(), value.into());
    }
}

impl Visit for Fields<'_> {
    fn record_f64(&mut self, field: &Field, value: f64) {
        self.put(field, value);
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.put(field, value);
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.put(field, value);
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.put(field, value);
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.put(field, value);
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.put(field, format!("{value:?}"));
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;
    use std::{
        io::Write,
        sync::{Arc, Mutex},
    };

    #[derive(Clone, Default)]
    struct Written(Arc<Mutex<Vec<u8>>>);

    impl Write for Written {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn an_event_is_one_object_with_what_its_request_says() {
        let written = Written::default();
        let to = written.clone();
        let log = tracing_subscriber::fmt().with_writer(move || to.clone()).fmt_fields(JsonFields::new());
        let log = log.event_format(Json { node: "node-1".into() }).finish();
        tracing::subscriber::with_default(log, || {
            let span = tracing::info_span!("request", id = "0193", trace_id = tracing::field::Empty, path = "/a\"b");
            span.record("trace_id", "4bf9");
            let _inside = span.enter();
            tracing::info!(status = 200_u16, ms = 1.5, is_good = true, error = %"line\nbreak", "answered");
        });
        let bytes = written.0.lock().unwrap().clone();
        let text = String::from_utf8(bytes).unwrap();
        assert_eq!(text.lines().count(), 1, "{text}");
        let line: Value = serde_json::from_str(&text).unwrap();
        let wanted = serde_json::json!({
            "timestamp": line["timestamp"], "level": "INFO", "target": "server::log::tests", "node": "node-1",
            "request_id": "0193", "trace_id": "4bf9", "path": "/a\"b", "status": 200, "ms": 1.5, "is_good": true,
            "error": "line\nbreak", "message": "answered",
        });
        assert_eq!(line, wanted);
        assert!(line["timestamp"].as_str().unwrap().ends_with('Z'));
    }
}
