//! Reports as nobody should send them: made up, damaged, huge, slow, and in another device's name. A device is never
//! punished for odd input and never the cause of an answer that blames us; what is refused leaves nothing.

use crate::{
    field::{A, Field, RULE, field, operator},
    scene::{self, life},
    served::Served,
};
use axum::{Router, body::Body, extract::ConnectInfo};
use domain::{
    report::{ATTRIBUTE_CHARS_MAX, ATTRIBUTES_MAX, Attributes},
    time::{DAY, MINUTE, Timestamp},
};
use fleet::Fleet;
use http::{Request, StatusCode, header};
use http_body_util::BodyExt;
use proptest::{
    prelude::*,
    sample::{Index, select},
    test_runner::{Config, TestCaseError, TestRunner},
};
use serde_json::Value;
use server::gateway;
use std::{
    fs,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
};
use store::testing::{self, Fixture};
use tower::ServiceExt;

/// What a report may weigh.
const REPORT_MAX: usize = 128 * 1024;

/// Two devices that come with tokens, and the gateway's router on a clock that is moved by hand.
struct Bench {
    fleet: Fleet,
    router: Router,
    token: String,
    clock: Arc<AtomicI64>,
    fixture: Fixture,
}

impl Bench {
    async fn on(fixture: Fixture) -> Self {
        let clock = Arc::new(AtomicI64::new(1_793_620_800_000_000));
        let at = clock.clone();
        let time = move || Timestamp(at.fetch_add(1, Ordering::Relaxed));
        let fleet = Fleet::with_clock(fixture.db.clone(), fixture.folder.path().to_owned(), Arc::new(time));
        scene::catalogue(&fleet, None).await;
        let at = fleet.now().plus(-DAY);
        fleet.seed_devices(&RULE, &[life("GW-1", A, at), life("GW-2", A, at)]).await.unwrap();
        fleet.load_trust().await.unwrap();
        let token = fleet.set_device_token(&operator(), "GW-1").await.unwrap();
        Self { router: gateway::router(&fleet), fleet, token, clock, fixture }
    }

    /// Asks as GW-1, ten minutes after the last time.
    async fn ask(&self, request: http::request::Builder, body: Vec<u8>) -> (StatusCode, Vec<u8>) {
        self.clock.fetch_add(10 * MINUTE, Ordering::Relaxed);
        let token = format!("TargetToken {}", self.token);
        let mut request = request.header(header::AUTHORIZATION, token).body(Body::from(body)).unwrap();
        request.extensions_mut().insert(ConnectInfo(SocketAddr::from(([192, 0, 2, 7], 40_000))));
        let (parts, body) = self.router.clone().oneshot(request).await.unwrap().into_parts();
        (parts.status, body.collect().await.unwrap().to_bytes().to_vec())
    }

    async fn kept(&self, serial: &str) -> (Attributes, i64) {
        let shown = self.fleet.device_report(&operator(), serial).await.unwrap();
        (shown.attributes, shown.n)
    }
}

fn quoted(text: &str) -> String {
    Value::from(text).to_string()
}

/// A text as JSON has it, and as it should not have it.
fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        6 => any::<String>().prop_map(|text| quoted(&text)),
        2 => ("\\PC{1,3}", 1..3_000_usize).prop_map(|(text, times)| quoted(&text.repeat(times))),
        1 => select(&[r#""\u0000""#, r#""a\u0000b""#, r#""\ud800""#, r#""\udc00\ud800""#, r#""\ufffe\uffff""#, r#""\u202e""#][..])
            .prop_map(str::to_owned),
        2 => select(&["861941050337180", "d8:80:39:00:00:01", "ff:ff:ff:ff:ff:ff", "NaN", "-1e400", "' OR 1=1 --"][..])
            .prop_map(quoted),
    ]
}

fn key() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => select(&[
            "hw.cpu", "hw.board", "hw.se", "hw.eth0.mac", "hw.wlan0.mac", "hw.lte0.imei", "hw.lte0.model", "hw.storage0",
            "sw.version", "metric.t", "hw.eth999999999999.mac", "HW.CPU", " hw.cpu ", "hw.../../x", "metric.", "",
        ][..]).prop_map(quoted),
        2 => text(),
        1 => "\\PC{0,6}".prop_map(|star| quoted(&format!("hw.eth{star}.mac"))),
    ]
}

fn object(entries: &[(String, String)]) -> String {
    let entries: Vec<String> = entries.iter().map(|(key, value)| format!("{key}:{value}")).collect();
    format!("{{{}}}", entries.join(","))
}

/// Any JSON, written out: with keys that come twice, and numbers that no machine holds.
fn json() -> impl Strategy<Value = String> {
    let number = "-?(0|[1-9][0-9]{0,30})(\\.[0-9]{1,20})?([eE][+-]?[0-9]{1,3})?";
    let leaf = prop_oneof![
        3 => text(),
        2 => number,
        1 => select(&["null", "true", "false"][..]).prop_map(str::to_owned),
    ];
    leaf.prop_recursive(4, 40, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(|items| format!("[{}]", items.join(","))),
            prop::collection::vec((key(), inner), 0..6).prop_map(|entries| object(&entries)),
        ]
    })
}

/// The body of a report: its attributes, and around them what clients send and what they should not.
fn report() -> impl Strategy<Value = String> {
    let value = prop_oneof![4 => text(), 1 => json()];
    let data = prop_oneof![
        8 => prop::collection::vec((key(), value), 0..30).prop_map(|entries| object(&entries)),
        1 => json(),
    ];
    let mode = prop_oneof![select(&["merge", "replace", "remove", "x"][..]).prop_map(quoted), json()];
    let others = prop::collection::vec((select(&["id", "time", "status", "x"][..]).prop_map(quoted), json()), 0..4);
    (data, prop::option::of(mode), others, any::<bool>()).prop_map(|(data, mode, mut fields, last)| {
        fields.extend(mode.map(|mode| (quoted("mode"), mode)));
        let at = if last { fields.len() } else { 0 };
        fields.insert(at, (quoted("data"), data));
        object(&fields)
    })
}

#[derive(Clone, Debug)]
enum Damage {
    None,
    Cut(Index),
    Flip(Vec<(Index, u8)>),
    Insert(Index, Vec<u8>),
    Before(Vec<u8>),
}

fn damage() -> impl Strategy<Value = Damage> {
    let bytes = || prop::collection::vec(any::<u8>(), 1..8);
    prop_oneof![
        4 => Just(Damage::None),
        2 => any::<Index>().prop_map(Damage::Cut),
        3 => prop::collection::vec((any::<Index>(), 0..8_u8), 1..6).prop_map(Damage::Flip),
        2 => (any::<Index>(), bytes()).prop_map(|(at, bytes)| Damage::Insert(at, bytes)),
        1 => prop_oneof![Just(b"\xef\xbb\xbf".to_vec()), Just(b" \r\n\t".to_vec()), bytes()].prop_map(Damage::Before),
    ]
}

impl Damage {
    fn done_to(&self, body: &str) -> Vec<u8> {
        let mut bytes = body.as_bytes().to_vec();
        match self {
            Self::None => {}
            Self::Cut(at) => bytes.truncate(at.index(bytes.len())),
            Self::Flip(bits) => {
                let length = bytes.len();
                bits.iter().for_each(|(at, bit)| bytes[at.index(length)] ^= 1 << bit);
            }
            Self::Insert(at, more) => {
                let at = at.index(bytes.len());
                bytes.splice(at..at, more.iter().copied());
            }
            Self::Before(more) => drop(bytes.splice(0..0, more.iter().copied())),
        }
        bytes
    }
}

/// One report, and what must be true of its answer and of what is kept.
async fn sent(bench: &Bench, body: &str, damage: &Damage) -> Result<(), TestCaseError> {
    let (before, _) = bench.kept("GW-1").await;
    let bytes = damage.done_to(body);
    let length = bytes.len();
    let request =
        Request::put("/DEFAULT/controller/v1/GW-1/configData").header(header::CONTENT_TYPE, "application/json");
    let (status, answer) = bench.ask(request, bytes).await;
    let (after, _) = bench.kept("GW-1").await;
    if status == StatusCode::OK {
        prop_assert!(answer.is_empty());
        prop_assert!(after.len() <= ATTRIBUTES_MAX);
        for text in after.iter().flat_map(|(key, value)| [key, value]) {
            prop_assert!(text.chars().count() <= ATTRIBUTE_CHARS_MAX && !text.chars().any(char::is_control));
        }
    } else {
        let told: Value = serde_json::from_slice(&answer).unwrap();
        prop_assert!(told["errorCode"].is_string() && told["exceptionClass"].is_string(), "{told}");
        let too_large = length > REPORT_MAX;
        prop_assert_eq!(status, if too_large { StatusCode::PAYLOAD_TOO_LARGE } else { StatusCode::BAD_REQUEST });
        prop_assert_eq!(after, before, "what was refused is kept");
        // A whole JSON object that isn't too large is a report, whatever stands in it.
        let is_object = serde_json::from_str::<Value>(body).is_ok_and(|value| value.is_object());
        prop_assert!(too_large || !is_object || !matches!(damage, Damage::None), "a report was refused");
    }
    Ok(())
}

fn run<S: Strategy>(cases: u32, strategy: &S, test: impl Fn(S::Value) -> Result<(), TestCaseError>) {
    let config = Config { cases, max_shrink_iters: 200, failure_persistence: None, ..Config::default() };
    let failure = TestRunner::new(config).run(strategy, test).err().map(|failure| failure.to_string());
    assert_eq!(failure, None);
}

#[test]
fn whatever_is_reported_is_taken_or_refused_and_never_our_fault() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    for fixture in runtime.block_on(testing::both()).unwrap() {
        let bench = runtime.block_on(Bench::on(fixture));
        run(200, &(report(), damage()), |(body, damage)| runtime.block_on(sent(&bench, &body, &damage)));
        run(60, &(json(), damage()), |(body, damage)| runtime.block_on(sent(&bench, &body, &damage)));
        let (kept, n) = runtime.block_on(bench.kept("GW-1"));
        assert!(n > 20 && !kept.is_empty(), "{}: {n} reports were taken", bench.fixture.name);
        let record = runtime.block_on(bench.fleet.device_record(&operator(), "GW-1")).unwrap();
        assert!(serde_json::to_string(&record.history).is_ok());
        assert_eq!(runtime.block_on(bench.fleet.audit_verify(&RULE)).unwrap().break_at, None);
    }
}

/// A part of an address, in which any byte may stand.
fn segment(usual: &'static [&'static str]) -> impl Strategy<Value = String> {
    let escaped = |bytes: Vec<u8>| bytes.iter().map(|byte| format!("%{byte:02x}")).collect::<String>();
    prop_oneof![
        3 => select(usual).prop_map(str::to_owned),
        2 => prop::collection::vec(any::<u8>(), 0..12).prop_map(escaped),
        1 => (1..400_usize).prop_map(|n| "x".repeat(n)),
    ]
}

#[test]
fn no_address_lets_a_device_speak_for_another() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let bench = runtime.block_on(async { Bench::on(testing::sqlite().await.unwrap()).await });
    let ids = segment(&["GW-1", "gw-1", "GW%2D1", "GW-2", "..", "GW-1%2f..%2fGW-2", "GW-2%00"]);
    let request = (
        select(&["GET", "PUT", "POST", "DELETE", "HEAD", "PATCH", "OPTIONS"][..]),
        segment(&["DEFAULT", "default", "OTHER", ""]),
        ids,
        select(
            &[
                "",
                "/configData",
                "/configData/",
                "/configdata",
                "/deploymentBase/1",
                "/x/../configData",
                "/confirmationBase",
                "/confirmationBase/1",
                "/confirmationBase/1/feedback",
                "/confirmationBase/activateAutoConfirm",
                "/confirmationBase/deactivateAutoConfirm",
            ][..],
        ),
        prop::collection::vec(0x20..=0xff_u8, 0..40).prop_filter("DEL is none", |bytes| !bytes.contains(&0x7f)),
    );
    run(400, &request, |(method, tenant, id, rest, kind)| {
        let address = format!("/{tenant}/controller/v1/{id}{rest}");
        let request = Request::builder().method(method).uri(&address).header(header::CONTENT_TYPE, &kind[..]);
        let body = br#"{"data":{"hw.cpu":"4E1D"}}"#.to_vec();
        let (status, _) = runtime.block_on(bench.ask(request, body));
        prop_assert!(!status.is_server_error(), "{method} {address}: {status}");
        let own = id.to_lowercase().replace("%2d", "-") == "gw-1" && tenant.eq_ignore_ascii_case("default");
        prop_assert!(own || status.is_client_error(), "{method} {address}: {status}");
        Ok(())
    });
    assert_eq!(runtime.block_on(bench.kept("GW-2")), (Attributes::default(), 0));
    // The bench does take what is sent rightly; else nothing above would show anything.
    let right = Request::builder().method("PUT").uri("/DEFAULT/controller/v1/GW-1/configData");
    let right = right.header(header::CONTENT_TYPE, "application/json");
    let (status, _) = runtime.block_on(bench.ask(right, br#"{"data":{"hw.cpu":"4E1D"}}"#.to_vec()));
    assert_eq!(status, StatusCode::OK);
    assert!(runtime.block_on(bench.kept("GW-1")).1 > 0);
}

/// Bodies that are too much, by name.
fn huge(field: &Field) {
    let keys: Vec<String> = (0..100_000).map(|n| format!("\"k{n}\":\"{n}\"")).collect();
    let bodies = [
        ("spaces", vec![b' '; 10 * 1024 * 1024]),
        ("value", format!("{{\"data\":{{\"hw.cpu\":\"{}\"}}}}", "4".repeat(10 * 1024 * 1024)).into_bytes()),
        ("keys", format!("{{\"data\":{{{}}}}}", keys.join(",")).into_bytes()),
        ("deep", format!("{{\"data\":{}1{}}}", "[".repeat(5_000_000), "]".repeat(5_000_000)).into_bytes()),
        ("deep-taken", format!("{{\"data\":{}1{}}}", "[".repeat(60_000), "]".repeat(60_000)).into_bytes()),
    ];
    for (name, body) in bodies {
        fs::write(field.file(name), body).unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_megabytes_are_refused_and_never_held() {
    let mut field = field().await;
    field.devices(&["GW-1".to_owned()], A).await;
    field.enrolled("GW-1", "A").await;
    huge(&field);
    field.close().await;
    let served = Served::start(&field);
    let send = "send() { curl -sS -o said.$1.$2 -w '%{http_code} ' --max-time 60 --cacert ca.pem --cert GW-1.pem \
                --key GW-1.key -X PUT -H 'Content-Type: application/json' -H 'Expect:' $3 --data-binary @$1 \
                $GW/DEFAULT/controller/v1/GW-1/configData || echo 000; }; ";
    let small = "printf '{\"data\":{\"hw.cpu\":\"4E1D\"}}' > small; for n in 1 2 3 4 5; do send small $n; done";
    assert_eq!(field.says(&format!("{send}{small}")).await, "200 ".repeat(5));
    let before = served.peak();
    // All at once, by announced length and in pieces.
    let all = "for name in spaces value keys deep; do for n in 1 2; do send $name $n & \
               send $name 1$n '-H Transfer-Encoding:chunked' & done; done; wait";
    let said = field.says(&format!("{send}{all}")).await;
    assert_eq!(said.split_whitespace().collect::<Vec<_>>(), ["413"; 16], "{said}");
    let deep = field.says(&format!("{send}send deep-taken 1")).await;
    assert!(["200 ", "400 "].contains(&deep.as_str()), "{deep}");
    let grown = served.peak().saturating_sub(before);
    assert!(grown < 48 * 1024, "it took {grown} KiB more to refuse 130 MB");
    let kept = field.fleet.device_report(&operator(), "GW-1").await.unwrap().attributes;
    assert_eq!(kept, Attributes::collect([("hw.cpu", "4E1D")]));
    assert_eq!(field.visit("GW-1").await.0, 200, "it is welcome all the same");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_dawdles_keeps_nobody_waiting() {
    let field = field().await;
    field.devices(&["GW-1".to_owned(), "GW-2".to_owned()], A).await;
    field.enrolled("GW-1", "A").await;
    field.enrolled("GW-2", "A").await;
    // Sixty bodies that begin and never end.
    let slow = "set -m; for n in $(seq 60); do ((printf '{\"data\":{\"hw.cpu\":\"slow'; sleep 45) | timeout 40 curl -sS -o /dev/null \
                --cacert ca.pem --cert GW-1.pem --key GW-1.key -X PUT -H 'Content-Type: application/json' \
                -H 'Transfer-Encoding: chunked' -T - $GW/DEFAULT/controller/v1/GW-1/configData) >/dev/null 2>&1 & done; \
                sleep 2; for n in 1 2 3 4 5; do curl -sS -o /dev/null -m 25 -w '%{http_code} ' --cacert ca.pem --cert GW-2.pem \
                --key GW-2.key $GW/DEFAULT/controller/v1/GW-2; done; for job in $(jobs -p); do kill -- -$job; done 2>/dev/null || true";
    // Whoever had to wait for them would do so until they are hung up on: after a pause of 30 s.
    assert_eq!(field.says(slow).await, "200 ".repeat(5));
    let shown = field.fleet.device_report(&operator(), "GW-1").await.unwrap();
    assert!(shown.attributes.is_empty(), "half a report is none: {:?}", shown.attributes);
}
