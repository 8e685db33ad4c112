//! What a collector is told: spans of requests that go on in the balancer's trace, without what is secret. And that nothing waits for
//! a collector that is away or hangs.

use crate::{
    field::{A, Field, RULE, field},
    metrics::free_port,
    patience::until,
    receiver::{Behaviour, Receiver},
    served::Served,
};
use fleet::token::TokenForm;
use opentelemetry_proto::tonic::{
    collector::trace::v1::ExportTraceServiceRequest,
    common::v1::{AnyValue, KeyValue, any_value::Value},
    trace::v1::{Span, span::SpanKind},
};
use prost::Message;
use std::{
    collections::BTreeMap,
    process::Stdio,
    time::{Duration, Instant},
};

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const PARENT: &str = "00f067aa0ba902b7";

/// All spans that came, with what the process says of itself.
fn told(receiver: &Receiver) -> Vec<(BTreeMap<String, String>, Span)> {
    let mut spans = Vec::new();
    for got in receiver.got() {
        assert_eq!((got.method.as_str(), got.target.as_str()), ("POST", "/v1/traces"));
        assert_eq!(got.header("content-type"), "application/x-protobuf");
        for of in ExportTraceServiceRequest::decode(&got.body[..]).unwrap().resource_spans {
            let resource = attributes(&of.resource.unwrap_or_default().attributes);
            let all = of.scope_spans.into_iter().flat_map(|scope| scope.spans);
            spans.extend(all.map(|span| (resource.clone(), span)));
        }
    }
    spans
}

fn attributes(all: &[KeyValue]) -> BTreeMap<String, String> {
    let text = |value: &Option<AnyValue>| match value.as_ref().and_then(|value| value.value.clone()) {
        Some(Value::StringValue(text)) => text,
        Some(Value::IntValue(number)) => number.to_string(),
        other => format!("{other:?}"),
    };
    all.iter().map(|pair| (pair.key.clone(), text(&pair.value))).collect()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A field with a device, and a token of a program that may read it.
async fn scene() -> (Field, String) {
    let field = field().await;
    field.devices(&["GW-1".to_owned()], A).await;
    field.enrolled("GW-1", "A").await;
    let form = TokenForm { name: "Load".into(), role: "operator".into(), days: 1 };
    let token = field.fleet.add_token(&RULE, &form).await.unwrap().secret;
    (field, token)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_is_a_span_in_the_balancers_trace_and_says_nothing_secret() {
    let (mut field, token) = scene().await;
    let made = pki::console_certificate(&[], &[], field.fleet.now()).unwrap();
    std::fs::write(field.file("collector.pem"), &made.cert_pem).unwrap();
    let collector = Receiver::with_tls(&made).await;
    field.close().await;
    let ca = field.file("collector.pem").display().to_string();
    let endpoint = collector.url("");
    let options = ["--otlp-endpoint", &endpoint, "--otlp-ca", &ca, "--trusted-proxy", "127.0.0.1/32"];
    // That only errors are logged says nothing of what is told.
    let mut served = Served::start_at(&field, &options, Stdio::null(), "error");
    let console = served.console.clone();
    let in_trace = format!("-H 'traceparent: 00-{TRACE}-{PARENT}-01' -H 'X-Forwarded-For: 203.0.113.5'");
    let script = format!(
        "s() {{ curl -sk -o /dev/null -D - \"$@\" | tr -d '\\r'; }}
        s -H 'Authorization: Bearer {token}' {in_trace} '{console}/api/v1/devices/GW-1?page=a-secret-word'
        s -H 'traceparent: 00-{TRACE}-{PARENT}-00' '{console}/sign-in'
        curl -s --cacert ca.pem --cert GW-1.pem --key GW-1.key $GW/DEFAULT/controller/v1/GW-1"
    );
    let said = field.says(&script).await;
    let id = said.lines().find_map(|line| line.strip_prefix("x-request-id: ")).unwrap();
    served.signal("TERM");
    assert!(served.ended());
    let spans = told(&collector);

    let (resource, span) = spans.iter().find(|(_, span)| span.name == "GET /api/v1/devices/{serial}").unwrap();
    assert_eq!((hex(&span.trace_id), hex(&span.parent_span_id)), (TRACE.to_owned(), PARENT.to_owned()));
    assert_eq!(span.kind(), SpanKind::Server);
    assert!(span.end_time_unix_nano > span.start_time_unix_nano);
    let wanted = [
        ("http.request.method", "GET"),
        ("http.route", "/api/v1/devices/{serial}"),
        // The API takes no such query, which is told nowhere.
        ("http.response.status_code", "400"),
        ("muster.listener", "console"),
        ("muster.request_id", id),
    ];
    let wanted: BTreeMap<String, String> =
        wanted.into_iter().map(|(key, value)| (key.to_owned(), value.to_owned())).collect();
    assert_eq!(attributes(&span.attributes), wanted);
    assert_eq!((resource["service.name"].as_str(), resource.contains_key("service.version")), ("muster", true));
    let listener = |(_, span): &(_, Span)| attributes(&span.attributes).get("muster.listener").cloned();
    let gateway = spans.iter().find(|span| listener(span).as_deref() == Some("gateway")).unwrap();
    assert_ne!(hex(&gateway.1.trace_id), TRACE, "nobody said that it belongs there");
    assert!(spans.iter().any(|(_, span)| span.name.starts_with("work ")), "work in the background is told of");
    assert!(spans.iter().all(|(_, span)| span.name != "GET /sign-in"), "the balancer said that nobody is told of it");
    for (_, span) in &spans {
        let all = format!("{span:?}");
        for word in ["GW-1", "a-secret-word", "203.0.113.5", "127.0.0.1", &token] {
            assert!(!all.contains(word), "{word}: {all}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_waits_for_a_collector_that_hangs() {
    let (mut field, _) = scene().await;
    let collector = Receiver::new().await;
    collector.will(&vec![Behaviour::Silence; 100]);
    field.close().await;
    let (metrics, endpoint) = (free_port(), collector.url("/base/"));
    let options = ["--otlp-endpoint", &endpoint, "--metrics", &metrics, "--stop-within", "20"];
    let mut served = Served::start_with(&field, &options, Stdio::null());
    let get = format!("curl -sk -o /dev/null -w '%{{http_code}}' --max-time 30 {}/sign-in", served.console);
    until("a batch is on its way", async || {
        assert_eq!(field.says(&get).await, "200");
        collector.connections() > 0
    })
    .await;
    assert_eq!(field.says(&get).await, "200");
    let waiting = field.says(&format!("curl -s http://{metrics}/metrics | grep ^muster_trace_spans")).await;
    assert!(waiting.contains("muster_trace_spans_total{result=\"dropped\"} 0"), "{waiting}");
    let begun = Instant::now();
    served.signal("TERM");
    assert!(served.ended());
    // A collector has three seconds; the receiver is silent for sixty.
    assert!(begun.elapsed() < Duration::from_secs(40), "{:?}", begun.elapsed());
    assert_eq!(collector.got()[0].target, "/base/v1/traces");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_collector_does_not_take_is_counted() {
    let (mut field, _) = scene().await;
    field.close().await;
    let (metrics, away) = (free_port(), free_port());
    let endpoint = format!("http://{away}");
    let served = Served::start_with(&field, &["--otlp-endpoint", &endpoint, "--metrics", &metrics], Stdio::null());
    let get = format!("curl -sk -o /dev/null -w '%{{http_code}}' --max-time 30 {}/sign-in", served.console);
    assert_eq!(field.says(&get).await, "200");
    until("the spans are counted", async || {
        let said = field.says(&format!("curl -s http://{metrics}/metrics")).await;
        let failed = said.lines().find_map(|line| line.strip_prefix("muster_trace_spans_total{result=\"failed\"} "));
        failed.is_some_and(|count| count != "0")
    })
    .await;
}
