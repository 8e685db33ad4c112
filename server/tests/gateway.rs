//! The gateway, as devices, stations and strangers meet it.

use crate::{
    field::{A, ENROL, Field, RULE, field, operator},
    patience::until,
};
use axum::{Router, body::Body, extract::ConnectInfo};
use domain::{authority::FindingKind, certificate::CertificateStatus, revocation::RevocationAct as Act};
use fleet::revocation::Selection;
use http::{Request, StatusCode, header};
use http_body_util::BodyExt;
use server::{
    gateway::{self, ROUTES, Who},
    middleware,
    proxy::{self, Proxies},
};
use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};
use tower::ServiceExt;

/// What a stranger, who shows nothing, is answered.
async fn asked(field: &Field, request: Request<Body>) -> (StatusCode, http::HeaderMap, String) {
    answered(gateway::router(&field.fleet), request).await
}

async fn answered(router: Router, mut request: Request<Body>) -> (StatusCode, http::HeaderMap, String) {
    request.extensions_mut().insert(ConnectInfo(SocketAddr::from(([192, 0, 2, 7], 40_000))));
    let answer = router.oneshot(request).await.unwrap();
    let (parts, body) = answer.into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    (parts.status, parts.headers, String::from_utf8_lossy(&body).into_owned())
}

#[tokio::test]
async fn every_route_is_for_whom_it_says() {
    let field = field().await;
    for route in ROUTES {
        let path = route.path.replace("{label}", "A").replace("{batch}", "A");
        let path = path.replace("{tenant}", "DEFAULT").replace("{controllerId}", "N-00001");
        let request = Request::builder().method(route.method).uri(&path).body(Body::empty()).unwrap();
        let (status, headers, said) = asked(&field, request).await;
        let open = route.who == Who::Anybody;
        let expected = if open { StatusCode::OK } else { StatusCode::UNAUTHORIZED };
        assert_eq!(status, expected, "{} {path}: {said}", route.method);
        assert_eq!(headers.contains_key(header::WWW_AUTHENTICATE), !open, "{path}");
    }
    for (method, path, status) in [("GET", "/nothing", 404), ("DELETE", "/", 405), ("GET", "/enrolments/A", 405)] {
        let request = Request::builder().method(method).uri(path).body(Body::empty()).unwrap();
        let (told, _, said) = asked(&field, request).await;
        assert!(told == status && said.ends_with(".\n"), "{method} {path}: {told} {said}");
    }
    for path in ["/.well-known/est/NONE/cacerts", "/.well-known/est/NONE/csrattrs"] {
        let request = Request::get(path).body(Body::empty()).unwrap();
        assert_eq!(asked(&field, request).await.0, StatusCode::NOT_FOUND, "{path}");
    }
}

/// A body, and whether anybody asked for it.
pub fn watched_body() -> (Body, Arc<AtomicBool>) {
    let asked = Arc::new(AtomicBool::new(false));
    let set = Arc::clone(&asked);
    let body = futures::stream::once(async move {
        set.store(true, Ordering::Relaxed);
        Ok::<_, std::io::Error>(b"[0,0,0]".to_vec())
    });
    (Body::from_stream(body), asked)
}

#[tokio::test]
async fn nothing_is_read_of_what_strangers_bring() {
    let field = field().await;
    field.devices(&["N-00001".to_owned()], A).await;
    let token = format!("Bearer {}", field.fleet.set_device_token(&operator(), "N-00001").await.unwrap());
    let cases = ROUTES.iter().filter(|route| route.method != "GET").map(|r| (r.method, r.path, "", 401));
    // A device is known, but enrols nobody, and reports for nobody else.
    let known = [
        ("POST", "/enrolments/{batch}", token.as_str(), 403),
        ("PUT", "/DEFAULT/controller/v1/N-00002/configData", token.as_str(), 403),
    ];
    for (method, path, credentials, expected) in cases.chain(known) {
        let (body, is_read) = watched_body();
        let path = path.replace("{label}", "A").replace("{batch}", "A");
        let path = path.replace("{tenant}", "DEFAULT").replace("{controllerId}", "N-00001");
        let request = Request::builder().method(method).uri(&path);
        // Whoever says this sends its body when it is asked for it.
        let request = request.header(header::EXPECT, "100-continue").header(header::CONTENT_LENGTH, "60000000");
        let request = if credentials.is_empty() { request } else { request.header(header::AUTHORIZATION, credentials) };
        let (status, _, said) = asked(&field, request.body(body).unwrap()).await;
        assert_eq!(status, expected, "{path}: {said}");
        assert!(!is_read.load(Ordering::Relaxed), "{path}: the body was read");
    }
}

#[tokio::test]
async fn a_proxy_says_for_whom_it_asks() {
    let field = field().await;
    let proxies = Proxies::new(&[proxy::network("192.0.2.7").unwrap()]);
    let behind = middleware::behind(&proxies, gateway::router(&field.fleet));
    let ask = async |router: &Router, from: &str| {
        let request = Request::get("/").header(header::AUTHORIZATION, "Bearer none").header("x-forwarded-for", from);
        answered(router.clone(), request.body(Body::empty()).unwrap()).await.0
    };
    while ask(&behind, "203.0.113.5").await != StatusCode::TOO_MANY_REQUESTS {}
    assert_eq!(ask(&behind, "203.0.113.6").await, StatusCode::UNAUTHORIZED, "another one is not concerned");
    // Without trust in the proxy, it is the proxy who asks.
    assert_eq!(ask(&gateway::router(&field.fleet), "203.0.113.5").await, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn est_says_what_it_gives() {
    let field = field().await;
    let head = field.says("curl -sSi --cacert ca.pem $GW/.well-known/est/A/cacerts").await.to_lowercase();
    assert!(head.contains("content-type: application/pkcs7-mime; smime-type=certs-only"), "{head}");
    assert!(head.contains("content-transfer-encoding: base64"), "{head}");
    let count = "curl -sS --cacert ca.pem $GW/.well-known/est/A/cacerts | openssl base64 -d \
                 | openssl pkcs7 -inform DER -print_certs | grep -c BEGIN";
    assert_eq!(field.says(count).await.trim(), "3", "the root, the factory's CA and the batch's");
    let wishes =
        "curl -sS --cacert ca.pem $GW/.well-known/est/A/csrattrs | openssl base64 -d | openssl asn1parse -inform DER";
    let wishes = field.says(wishes).await;
    assert!(wishes.contains("prime256v1") && wishes.contains("ecdsa-with-SHA256"), "{wishes}");
}

#[tokio::test]
async fn a_token_is_the_weaker_trust() {
    let field = field().await;
    field.devices(&["T-00001".to_owned()], A).await;
    let token = field.fleet.set_device_token(&operator(), "T-00001").await.unwrap();
    let ask = async |scheme: &str, token: &str, path: &str| {
        let request = Request::get(path).header(header::AUTHORIZATION, format!("{scheme} {token}"));
        asked(&field, request.body(Body::empty()).unwrap()).await
    };
    for scheme in ["TargetToken", "Bearer"] {
        let (status, _, said) = ask(scheme, &token, "/").await;
        assert!(status == 200 && said.contains("\"trust\":\"token\"") && said.contains("T-00001"), "{said}");
    }
    // By itself it renews nothing.
    let request =
        Request::post("/.well-known/est/simplereenroll").header(header::AUTHORIZATION, format!("Bearer {token}"));
    let (status, _, said) = asked(&field, request.body(Body::from("x")).unwrap()).await;
    assert!(status == 403 && said.contains("present certificate"), "{status} {said}");
    let wrong = format!("{}{}", &token[..token.len() - 1], if token.ends_with('x') { 'y' } else { 'x' });
    assert_eq!(ask("Bearer", &wrong, "/").await.0, 401);
    let mut last = StatusCode::OK;
    for _ in 0..60 {
        let (status, headers, _) = ask("Bearer", &wrong, "/").await;
        last = status;
        if status == StatusCode::TOO_MANY_REQUESTS {
            assert!(headers.contains_key(header::RETRY_AFTER));
            break;
        }
    }
    assert_eq!(last, StatusCode::TOO_MANY_REQUESTS, "guessing has an end");
}

/// How many devices came back after the last act, and how often.
async fn came_back(field: &Field) -> (i64, i64) {
    field.fleet.flush_spread().await.unwrap();
    let act = field.fleet.revocations(&operator(), None, 1).await.unwrap().rows.remove(0).id;
    let shown = field.fleet.revocation(&operator(), act).await.unwrap();
    (shown.came_back_total, shown.came_back.iter().map(|device| device.n).sum())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_device_that_is_cut_off_is_told_so_by_its_token_and_has_come_back() {
    let field = field().await;
    field.devices(&["C-00001".to_owned(), "C-00002".to_owned()], A).await;
    field.fleet.begin_to_note().await.unwrap();
    // One has a token only, the other a certificate, too.
    field.enrolled("C-00002", "A").await;
    let mut tokens = Vec::new();
    for serial in ["C-00001", "C-00002"] {
        tokens.push(field.fleet.set_device_token(&operator(), serial).await.unwrap());
    }
    let ask = async |method: &str, path: &str, token: &str| {
        let request = Request::builder().method(method).uri(path);
        let request = request.header(header::AUTHORIZATION, format!("TargetToken {token}"));
        asked(&field, request.body(Body::empty()).unwrap()).await
    };
    field.act(Act::Hold, Selection::Batch("A".to_owned())).await;
    for token in &tokens {
        let (status, _, said) = ask("GET", "/", token).await;
        assert!(status == 200 && said.contains("\"held\":true") && said.contains("on hold"), "{status} {said}");
    }
    assert_eq!(came_back(&field).await, (2, 2));
    let (status, _, said) = ask("POST", "/token", &tokens[0]).await;
    assert!(status == 403 && said.contains("on hold"), "a token that is on hold is not exchanged: {status} {said}");
    for _ in 0..60 {
        assert_eq!(ask("GET", "/DEFAULT/controller/v1/C-00001", &tokens[0]).await.0, 200, "it may poll as it should");
    }
    field.act(Act::Release, Selection::Batch("A".to_owned())).await;
    let (status, _, said) = ask("GET", "/", &tokens[0]).await;
    assert!(status == 200 && said.contains("\"held\":false"), "it counts again: {said}");
    field.act(Act::Revoke, Selection::Batch("A".to_owned())).await;
    // The other one's token goes with its certificate.
    let (status, _, said) = ask("GET", "/", &tokens[0]).await;
    assert!(status == 403 && said.contains("cut off"), "{status} {said}");
    assert_eq!(came_back(&field).await, (1, 1));
    let mut last = StatusCode::OK;
    for _ in 0..60 {
        last = ask("GET", "/", &tokens[0]).await.0;
    }
    assert_eq!(last, StatusCode::TOO_MANY_REQUESTS, "also that has an end");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_has_a_copy_of_a_certificate_is_not_its_device() {
    let field = field().await;
    field.devices(&["K-00001".to_owned()], A).await;
    field.fleet.begin_to_note().await.unwrap();
    field.enrolled("K-00001", "A").await;
    field.says("openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out thief.key").await;
    field.act(Act::Revoke, Selection::Device("K-00001".to_owned())).await;
    for version in [&rustls::version::TLS12, &rustls::version::TLS13] {
        assert!(!crate::listener::is_let_in(&field, ("K-00001.pem", "thief.key"), version).await);
        tokio::time::sleep(Duration::from_millis(200)).await;
        assert_eq!(came_back(&field).await, (0, 0), "{version:?}: by a copy of its certificate");
    }
    assert!(!crate::listener::is_let_in(&field, ("K-00001.pem", "K-00001.key"), &rustls::version::TLS12).await);
    until("it has come back", async || came_back(&field).await.0 > 0).await;
    assert_eq!(came_back(&field).await.0, 1, "by its key");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_device_renews_by_itself_and_its_old_certificate_goes() {
    let field = field().await;
    field.devices(&["R-00001".to_owned()], A).await;
    field.enrolled("R-00001", "A").await;
    assert_eq!(field.visit("R-00001").await.0, 200);
    let renew = "set -euo pipefail
        openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout new.key -subj /CN=R-00001 -out new.csr 2>/dev/null
        curl -sS --fail-with-body --cacert ca.pem --cert R-00001.pem --key R-00001.key -H 'Content-Type: application/pkcs10' \
          --data-binary @new.csr $GW/.well-known/est/simplereenroll | openssl base64 -d \
          | openssl pkcs7 -inform DER -print_certs -out new.pem";
    field.says(renew).await;
    assert_eq!(field.visit("R-00001").await.0, 200, "the old one counts until the new one was used");
    let (status, said) = field.visit("new").await;
    assert!(status == 200 && said.contains("R-00001"), "{said}");
    let known = field.fleet.certificates_of_device(&RULE, "R-00001").await.unwrap();
    assert_eq!(known.len(), 2);
    // What is superseded by its own successor is followed with the rest: a moment later.
    until("the old one is refused", async || field.visit("R-00001").await.0 == 0).await;
    let kept = store::certificate::of_device(field.fleet.db(), "R-00001").await.unwrap();
    assert_eq!(kept[0].status, CertificateStatus::Superseded);
    // Each batch has its own path.
    let ask = "openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout p.key -subj /CN=R-00001 2>/dev/null \
               | curl -sS --cacert ca.pem --cert new.pem --key new.key --data-binary @- -o p.said -w '%{http_code}' \
               $GW/.well-known/est/BATCH/simplereenroll";
    let at = async |batch: &str| field.says(&ask.replace("BATCH", batch)).await;
    for (batch, status) in [("B", "409"), ("NONE", "404"), ("A", "200")] {
        assert_eq!(at(batch).await.trim(), status, "{batch}");
    }
    // Another device's name is not to be had.
    let other = renew
        .replace("R-00001.pem", "new.pem")
        .replace("R-00001.key", "new.key")
        .replace("/CN=R-00001", "/CN=R-00002")
        .replace("-keyout new.key", "-keyout other.key")
        .replace("new.csr", "other.csr")
        .replace("-out new.pem", "-out other.pem");
    assert!(!field.sh(&other).await.status.success());
}

/// Sends what `$1` holds as a station does, and says the status and the answer.
const SEND: &str = r#"
send() { curl -sS --cert station.pem --key station.key --cacert ca.pem --data-binary @$1 -w '\n%{http_code}\n' $GW/.well-known/est/${2:-A}/simpleenroll; }
ec() { openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:${2:-P-256} -out $1; }
"#;

async fn sent(field: &Field, make: &str, batch: &str) -> (u16, String) {
    let said = field.says(&format!("set -euo pipefail\n{SEND}\n{make}\nsend x.csr {batch}")).await;
    let (told, status) = said.trim_end().rsplit_once('\n').unwrap();
    (status.parse().unwrap(), told.to_owned())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hostile_requests_get_a_clear_refusal() {
    let field = field().await;
    field.devices(&["H-00001".to_owned(), "H-00002".to_owned()], A).await;
    let csr = "openssl req -new -key x.key -subj /CN=H-00001";
    let cases = [
        (format!("ec x.key; {csr} -addext basicConstraints=critical,CA:TRUE > x.csr"), "A", 403, "authority"),
        (format!("ec x.key; {csr} -addext subjectAltName=DNS:bank.example > x.csr"), "A", 409, "bank.example"),
        ("ec x.key; openssl req -new -key x.key -subj /O=Nobody > x.csr".to_owned(), "A", 400, "common name"),
        (
            "openssl genrsa -out x.key 1024 2>/dev/null; openssl req -new -key x.key -subj /CN=H-00001 > x.csr"
                .to_owned(),
            "A",
            400,
            "2048",
        ),
        (format!("ec x.key P-521; {csr} > x.csr"), "A", 400, "P-256"),
        (format!("ec x.key; {csr} -sha1 > x.csr"), "A", 400, "SHA-1"),
        // The last byte of the signature is another one.
        (
            format!(
                "ec x.key; {csr} -outform DER > y; python3 -c \"d=bytearray(open('y','rb').read()); d[-1]^=1; open('x.csr','wb').write(d)\""
            ),
            "A",
            403,
            "signed",
        ),
        (format!("ec x.key; {csr} > x.csr"), "B", 409, "not of batch B"),
        (format!("ec x.key; {csr} > x.csr"), "C", 409, "another factory"),
        (format!("ec x.key; {csr} > x.csr"), "NONE", 404, "NONE"),
        ("head -c 300 /dev/urandom > x.csr".to_owned(), "A", 400, "request"),
        ("printf '' > x.csr".to_owned(), "A", 400, "request"),
        (format!("ec x.key; {csr} -outform DER | head -c 80 > x.csr"), "A", 400, "request"),
        ("head -c 400000 /dev/zero > x.csr".to_owned(), "A", 413, "larger"),
    ];
    for (make, batch, status, part) in cases {
        let (told, said) = sent(&field, &make, batch).await;
        assert!(told == status && said.contains(part), "{make}: {told} {said}");
    }
    // What is known of a request that can't be read is for which batch it was.
    let findings = field.fleet.findings(&operator(), true).await.unwrap();
    let bad = findings.iter().find(|finding| finding.kind == FindingKind::BadProof).unwrap();
    assert_eq!((bad.batch.as_deref(), bad.device_serial.as_deref()), (Some("A"), None), "{bad:?}");
    // One key for two devices is an image that holds a key.
    field.enrolled("H-00001", "A").await;
    let (told, said) = sent(&field, "openssl req -new -key H-00001.key -subj /CN=H-00002 > x.csr", "A").await;
    assert!(told == 409 && said.contains("H-00001"), "{told} {said}");
    // A device is no station.
    let replay = "curl -sS --cert H-00001.pem --key H-00001.key --cacert ca.pem --data-binary @H-00001.csr -o said -w '%{http_code}' \
                  $GW/.well-known/est/A/simpleenroll";
    assert_eq!(field.says(replay).await.trim(), "403");
}

/// An answer that is given while the request is still on its way must arrive: a client whose stream is reset meanwhile
/// reports that instead.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_is_still_sending_reads_the_answer() {
    let field = field().await;
    field.says("head -c 6000000 /dev/zero > large").await;
    for version in ["--http1.1", "--http2"] {
        for (path, told) in [(".well-known/est/A/simpleenroll", "413"), ("nothing", "404")] {
            let ask = format!(
                "for n in 1 2 3 4 5 6; do curl -sS {version} -H Expect: --cert station.pem --key station.key --cacert ca.pem \
                 --data-binary @large -o said -w '%{{http_code}} ' $GW/{path} || true; done"
            );
            let said = field.says(&ask).await;
            assert_eq!(said.split_whitespace().collect::<Vec<_>>(), [told; 6], "{version} {path}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_our_own_certificates_are_let_in_and_no_session_is_resumed() {
    let field = field().await;
    field.devices(&["S-00001".to_owned()], A).await;
    field.enrolled("S-00001", "A").await;
    // Somebody's own CA, by the same names.
    field.says("set -e
        issuer=$(openssl x509 -in S-00001.pem -noout -issuer | sed 's/.*CN = //')
        openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout f.key -out f.ca -subj \"/CN=$issuer\" -days 9 2>/dev/null
        openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout forged.key -subj /CN=S-00001 -out f.csr 2>/dev/null
        openssl x509 -req -in f.csr -CA f.ca -CAkey f.key -CAcreateserial -days 9 -out forged.pem 2>/dev/null").await;
    assert_eq!(field.visit("forged").await.0, 0);
    assert_eq!(field.visit("S-00001").await.0, 200);
    for version in ["-tls1_2", "-tls1_3"] {
        // Who speaks HTTP/1.0 is hung up on after its answer, however long that takes.
        let resume = format!(
            "ask() {{ printf 'GET / HTTP/1.0\\r\\n\\r\\n' | timeout 20 openssl s_client {version} -ign_eof -connect $AT \
             -CAfile ca.pem -cert S-00001.pem -key S-00001.key \"$@\" 2>&1; }}
             rm -f s.pem; ask -sess_out s.pem | grep -c 'HTTP/1.0 200'
             if test -s s.pem; then ask -sess_in s.pem | grep -c '^Reused' || true; else echo 0; fi"
        );
        let said = field.says(&resume).await;
        assert_eq!(said.split_whitespace().collect::<Vec<_>>(), ["1", "0"], "{version}: served, and never resumed");
    }
    field.act(Act::Revoke, Selection::Device("S-00001".to_owned())).await;
    assert_eq!(field.visit("S-00001").await.0, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_station_enrols_many_by_json() {
    let field = field().await;
    let script = format!(
        "{ENROL}
        for n in 1 2 3; do openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout J-$n.key -subj /CN=J-0000$n -out J-$n.req 2>/dev/null; done
        python3 - <<'P' > many.json
import json
item = lambda n: {{'serial': f'J-0000{{n}}', 'csr': open(f'J-{{n}}.req').read(), 'hardware_revision': 'C', 'firmware': '1.4.2',
                   'components': [{{'slot': 'cpu', 'class': 'cpu', 'maker': 'NXP', 'model': 'i.MX8M', 'identifier': f'CPU{{n}}'}}]}}
print(json.dumps({{'devices': [item(1), item(2), dict(item(3), csr='nonsense')]}}))
P
        curl -sS --fail-with-body --cert station.pem --key station.key --cacert ca.pem -H 'Content-Type: application/json' \
          --data-binary @many.json $GW/enrolments/B > answer.json
        python3 - <<'P'
import json
devices = json.load(open('answer.json'))['devices']
open('J-1.pem', 'w').write(devices[0]['certificate'])
print(len(devices), devices[0]['made'], devices[1]['made'], devices[2]['error'])
P"
    );
    let said = field.says(&script).await;
    assert!(said.starts_with("3 True True ") && said.contains("request"), "{said}");
    let (status, said) = field.visit("J-1").await;
    assert!(status == 200 && said.contains("J-00001"), "{said}");
    let wrong = "curl -sS --cert station.pem --key station.key --cacert ca.pem -d '{\"device\":[]}' -w '%{http_code}' $GW/enrolments/B";
    let said = field.says(wrong).await;
    assert!(said.ends_with("400") && said.contains("devices"), "{said}");
}
