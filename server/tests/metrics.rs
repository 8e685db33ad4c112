//! Metrics of the program as Prometheus reads them: each thing is counted once, strangers make no series, and what is written
//! for operators names nothing that isn't exported.

use crate::{
    exposition::Exposition,
    field::{A, Field, RULE, fields},
    served::{Ask, Served, ask, device, program},
};
use domain::revocation::RevocationAct;
use fleet::{revocation::Selection, token::TokenForm};
use serde_json::{Value, json};
use std::{
    collections::BTreeSet,
    net::TcpListener,
    process::{self, Stdio},
    sync::atomic::{AtomicU16, Ordering},
};
use yaml_rust2::YamlLoader;

/// A port of this machine that no other test is given meanwhile: it is below those from which the system takes one for whoever asks
/// for any. Some other program may have it.
pub fn next_port() -> u16 {
    const EACH: u16 = 1_000;
    static NEXT: AtomicU16 = AtomicU16::new(0);
    // Other processes of tests begin elsewhere.
    let first = 20_000 + (process::id() % 10) as u16 * EACH;
    first + NEXT.fetch_add(1, Ordering::Relaxed) % EACH
}

/// A port that nobody has, for a program that is started later: whoever binds it at once may find that a program which is just being
/// started has a copy of what is closed here.
pub fn free_port() -> String {
    loop {
        if let Ok(listener) = TcpListener::bind(("127.0.0.1", next_port())) {
            return listener.local_addr().unwrap().to_string();
        }
    }
}

/// What `/metrics` says in OpenMetrics.
async fn read(field: &Field, at: &str) -> (Exposition, String) {
    let accept = "Accept: application/openmetrics-text; version=1.0.0";
    let text = field.says(&format!("curl -sS --fail -H '{accept}' http://{at}/metrics")).await;
    (Exposition::read(&text), text)
}

/// The same once the lists of all that publish are there.
async fn once_published(field: &Field, at: &str) -> Exposition {
    for _ in 0..60 {
        let (now, _) = read(field, at).await;
        if now.series.keys().filter(|series| series.starts_with("muster_crl_next_update")).count() >= 6 {
            return now;
        }
        // It is looked at every quarter of a minute.
        tokio::time::sleep(std::time::Duration::from_secs(2)).await;
    }
    unreachable!("no lists are shown")
}

const POLL: &str = r#"listener="gateway",method="GET",protocol="ddi",route="/{tenant}/controller/v1/{controllerId}""#;
const REPORT: &str =
    r#"listener="gateway",method="PUT",protocol="report",route="/{tenant}/controller/v1/{controllerId}/configData""#;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_thing_is_counted_once_and_strangers_make_no_series() {
    for mut field in fields().await {
        let name = field.name();
        field.devices(&["GW-1".to_owned(), "GW-2".to_owned()], A).await;
        field.enrolled("GW-1", "A").await;
        field.enrolled("GW-2", "A").await;
        let form = TokenForm { name: "Load".into(), role: "operator".into(), days: 1 };
        let token = field.fleet.add_token(&RULE, &form).await.unwrap().secret;
        field.close().await;
        let at = free_port();
        let served = Served::start_with(&field, &["--metrics", &at], Stdio::null());
        let own = format!("https://{}/DEFAULT/controller/v1/GW-1", field.gateway);
        let before = once_published(&field, &at).await;

        let get = |url: &str| Ask { method: "GET", url: url.to_owned(), body: Value::Null };
        let put = |body: Value| Ask { method: "PUT", url: format!("{own}/configData"), body };
        let report = json!({"data": {"sw.version": "1.0"}});
        let all = [get(&own), get(&own), get(&own), put(report.clone()), put(report), put(json!("no report"))];
        let answers = ask(&field, &device("GW-1"), &all).await;
        assert_eq!(answers.len(), 6, "{name}: {answers:?}");
        let other = get(&format!("https://{}/DEFAULT/controller/v1/GW-2", field.gateway));
        assert!(matches!(ask(&field, &device("GW-1"), &[other]).await[0].0, 403 | 404), "{name}");
        let listed = [get(&format!("{}/api/v1/devices/GW-1", served.console))];
        assert_eq!(ask(&field, &program(&token), &listed).await[0].0, 200, "{name}");
        let (between, _) = read(&field, &at).await;
        let more = |series: &str| between.value(series) - before.value(series);
        let answered =
            |labels: &str, class: &str| more(&format!("muster_http_requests_total{{{labels},status=\"{class}\"}}"));
        assert_eq!((answered(POLL, "2xx"), answered(POLL, "4xx")), (3.0, 1.0), "{name}");
        assert_eq!(answered(REPORT, "2xx") + answered(REPORT, "4xx"), 3.0, "{name}");
        assert_eq!(more(r#"muster_device_polls_total{held="no"}"#), 3.0, "{name}");
        assert_eq!(more(r#"muster_device_reports_total{result="taken"}"#), 2.0, "{name}");
        assert_eq!(more(r#"muster_device_reports_total{result="unreadable"}"#), 1.0, "{name}");
        let api = r#"listener="console",method="GET",protocol="api",route="/api/v1/devices/{serial}""#;
        assert_eq!(answered(api, "2xx"), 1.0, "{name}");
        assert_eq!(more(&format!("muster_http_request_duration_seconds_count{{{api}}}")), 1.0, "{name}");
        assert_eq!(more(r#"muster_tls_handshakes_total{listener="gateway"}"#), 2.0, "{name}: one of each curl");
        let (after, text) = cut_off(&field, &at, &between).await;
        stands(&after, name);
        for secret in ["GW-1", "GW-2", "127.0.0.1", &token] {
            assert!(!text.contains(secret), "{name}: {secret} stands in a metric");
        }
        strangers_make_none(&field, &at, &served).await;
        drop(served);
    }
}

/// Cuts a device off, which is then refused in the handshake.
async fn cut_off(field: &Field, at: &str, before: &Exposition) -> (Exposition, String) {
    field.act(RevocationAct::Revoke, Selection::Device("GW-2".into())).await;
    let url = format!("https://{}/DEFAULT/controller/v1/GW-2", field.gateway);
    let (mut tried, mut unanswered) = (0.0, 0);
    // The first that is not answered may have been on its way when it was cut off.
    while unanswered < 2 && tried < 100.0 {
        tried += 1.0;
        let poll = Ask { method: "GET", url: url.clone(), body: Value::Null };
        unanswered += usize::from(ask(field, &device("GW-2"), &[poll]).await.is_empty());
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    let answered = |now: &Exposition| {
        let more = |series: &str| now.value(series) - before.value(series);
        let refused = more(r#"muster_connections_refused_total{listener="gateway",reason="cut_off"}"#);
        (refused, refused + more(r#"muster_tls_handshakes_total{listener="gateway"}"#))
    };
    let (mut after, mut text) = read(field, at).await;
    for _ in 0..100 {
        if answered(&after).1 >= tried {
            break;
        }
        // Whoever is refused is counted once it has hung up.
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        (after, text) = read(field, at).await;
    }
    let (refused, all) = answered(&after);
    assert!(refused >= 1.0, "{}: {refused} of {tried}", field.name());
    assert_eq!(all, tried, "{}", field.name());
    let more = |series: &str| after.value(series) - before.value(series);
    assert_eq!(more("muster_revocation_spread_seconds_count"), 1.0, "{}: one act", field.name());
    assert!(more("muster_revocation_spread_seconds_sum") < 30.0, "{}", field.name());
    (after, text)
}

/// What is shown of how things stand.
fn stands(now: &Exposition, name: &str) {
    let seconds = fleet::system_time().0 as f64 / 1e6;
    assert!((now.value("muster_time_seconds") - seconds).abs() < 30.0);
    assert!(now.value(r#"muster_trust_age_seconds{source="database"}"#) < 30.0);
    assert_eq!(now.value("muster_database_up"), 1.0);
    for certificate in ["console", "gateway"] {
        let end = now.value(&format!("muster_own_certificate_end_timestamp_seconds{{certificate=\"{certificate}\"}}"));
        assert!(end > seconds + 86_400.0, "{name}: {certificate} {end}");
    }
    let lists: Vec<(&String, &f64)> =
        now.series.iter().filter(|(series, _)| series.starts_with("muster_crl_next_update")).collect();
    assert!(lists.len() >= 6, "{name}: {lists:?}");
    assert!(lists.iter().all(|(_, end)| **end > seconds + 86_400.0), "{name}: {lists:?}");
    let ends = now.series.keys().filter(|series| series.starts_with("muster_authority_end")).count();
    assert_eq!(ends as f64, now.value(r#"muster_authorities{state="current"}"#), "{name}");
    for queue in ["imports", "webhook_deliveries", "uploads"] {
        assert!(now.series.contains_key(&format!("muster_queue_length{{queue=\"{queue}\"}}")), "{name}: {queue}");
    }
    for some in ["process_resident_memory_bytes", "process_open_fds", "muster_data_free_bytes"] {
        assert!(now.value(some) > 0.0, "{name}: {some}");
    }
    assert!(now.value("process_cpu_seconds_total") > 0.0);
    assert_eq!(now.families["muster_build"], "info");
}

/// A thousand addresses that are none, and methods that are none, are as many series as one.
async fn strangers_make_none(field: &Field, at: &str, served: &Served) {
    let strange = |n: usize| format!("curl -s -o /dev/null --http1.1 -X BREW$n $PKI/none/[1-{n}]?x=[1-{n}]");
    let pages = |n: usize| format!("curl -sk -o /dev/null --http1.1 {}/none/[1-{n}]", served.console);
    let script = |n: usize| format!("set -e; {}; {}", strange(n), pages(n));
    field.says(&script(1)).await;
    let (first, _) = read(field, at).await;
    field.says(&script(31)).await;
    let (second, _) = read(field, at).await;
    let none = r#"listener="pki",method="other",protocol="none",route="none",status="4xx""#;
    let series = format!("muster_http_requests_total{{{none}}}");
    assert_eq!(second.value(&series) - first.value(&series), 961.0, "{series}");
    let new = second.series.keys().filter(|series| !first.series.contains_key(*series));
    // Others of those that stand still may be shown by now.
    let more: Vec<&String> = new.filter(|series| series.starts_with("muster_http_")).collect();
    assert!(more.is_empty(), "{more:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn metrics_and_health_are_for_whoever_runs_the_node() {
    let mut field = crate::field::field().await;
    field.close().await;
    let at = free_port();
    let served = Served::start_with(&field, &["--metrics", &at], Stdio::null());
    let status = "-o /dev/null -w '%{http_code} '";
    let script = format!(
        "curl -sk {status} {}/metrics; curl -sk {status} $GW/metrics; curl -s {status} $PKI/metrics; \
         curl -s {status} http://{at}/; curl -s {status} http://{at}/devices; curl -s {status} -X POST http://{at}/metrics",
        served.console
    );
    assert_eq!(field.says(&script).await, "404 404 404 404 404 405 ");
    assert_eq!(field.says(&format!("curl -s http://{at}/healthz")).await, "alive\n");
    let lines = field.says(&format!("curl -s http://{at}/readyz")).await;
    assert_eq!(lines, "ready\nrunning met\ndatabase met\ntrust met\ncertificates met\nartifacts met\n");
    let told = field.says(&format!("curl -s -H 'Accept: application/json' http://{at}/readyz")).await;
    let told: Value = serde_json::from_str(&told).unwrap();
    assert_eq!((&told["ready"], told["conditions"].as_array().map(Vec::len)), (&json!(true), Some(5)));
    assert_eq!(told["conditions"][2], json!({"name": "trust", "state": "met", "note": ""}));
    assert_eq!(field.says(&format!("curl -sk {}/readyz", served.console)).await, "ready\n");
    asks_for_nothing_else(&read(&field, &at).await.0);
    let old = field.says(&format!("curl -sS -D - http://{at}/metrics")).await;
    assert!(old.contains("text/plain; version=0.0.4") && !old.contains("# EOF"), "what others than Prometheus read");
}

const ALERTS: &str = include_str!("../../deploy/prometheus/alerts.yml");
const DASHBOARD: &str = include_str!("../../deploy/grafana/muster.json");

/// The alert rules and the dashboard ask for what the program exports, and for nothing else but whether it answers.
fn asks_for_nothing_else(exported: &Exposition) {
    let suffixes = |kind: &str| -> &[&str] {
        match kind {
            "counter" => &["_total"],
            "info" => &["_info"],
            "histogram" => &["_bucket", "_sum", "_count"],
            _ => &[""],
        }
    };
    let names = exported.families.iter();
    let names = names.flat_map(|(name, kind)| suffixes(kind).iter().map(move |suffix| format!("{name}{suffix}")));
    let names: BTreeSet<String> = names.collect();
    let rules = YamlLoader::load_from_str(ALERTS).unwrap();
    let mut asked = Vec::new();
    for group in rules[0]["groups"].as_vec().unwrap() {
        for rule in group["rules"].as_vec().unwrap() {
            let severity = rule["labels"]["severity"].as_str();
            assert!(matches!(severity, Some("page" | "ticket")), "{rule:?}");
            for text in ["summary", "description"] {
                assert!(rule["annotations"][text].as_str().is_some_and(|text| text.len() > 10), "{rule:?}");
            }
            asked.push(rule["expr"].as_str().unwrap().to_owned());
        }
    }
    let dashboard: Value = serde_json::from_str(DASHBOARD).unwrap();
    let panels = dashboard["panels"].as_array().unwrap();
    let rows: Vec<&str> =
        panels.iter().filter(|panel| panel["type"] == "row").filter_map(|panel| panel["title"].as_str()).collect();
    assert_eq!(rows, ["Devices", "Requests", "Authority", "Rollouts", "Background", "Process"]);
    let targets = panels.iter().filter_map(|panel| panel["targets"].as_array()).flatten();
    asked.extend(targets.map(|target| target["expr"].as_str().unwrap().to_owned()));
    assert!(asked.len() > 70, "{}", asked.len());
    let mut used = BTreeSet::new();
    for expression in &asked {
        let words = expression.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_'));
        used.extend(
            words.filter(|word| word.starts_with("muster_") || word.starts_with("process_")).map(str::to_owned),
        );
    }
    let strange: Vec<&String> = used.difference(&names).collect();
    assert!(strange.is_empty(), "not exported: {strange:?}");
    assert!(used.len() > 25, "{used:?}");
}
