//! hawkBit's DDI as clients in the field need it, and as hostile ones use it.

use crate::field::{A, Field, field, fields, operator};
use http::StatusCode;
use serde_json::{Value, json};
use std::fs;

async fn device(field: &Field, serial: &str) {
    field.devices(&[serial.to_owned()], A).await;
    field.enrolled(serial, "A").await;
}

/// What curl is told: headers and body, with carriage returns taken out.
async fn curl(field: &Field, serial: &str, rest: &str) -> String {
    let script = format!("curl -sSi --http1.1 --cacert ca.pem --cert {serial}.pem --key {serial}.key {rest}");
    field.says(&script).await.replace('\r', "")
}

fn parts(said: &str) -> (u16, &str, &str) {
    let (head, body) = said.split_once("\n\n").unwrap();
    (head.split(' ').nth(1).unwrap().parse().unwrap(), head, body)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_poll_is_exactly_what_clients_need() {
    for field in fields().await {
        device(&field, "GW-1").await;
        let own = "$GW/default/controller/v1/GW-1";
        let said = curl(&field, "GW-1", own).await;
        let (status, head, body) = parts(&said);
        assert_eq!(status, 200, "{}: {said}", field.name());
        let lower = head.to_lowercase();
        assert!(
            lower.contains(&format!("content-length: {}\n", body.len()))
                || lower.ends_with(&format!("content-length: {}", body.len())),
            "{head}"
        );
        assert!(lower.contains("content-type: application/json"), "{head}");
        assert!(!lower.contains("transfer-encoding") && !lower.contains("content-encoding"), "{head}");
        let told: Value = serde_json::from_str(body).unwrap();
        let href = format!("https://{}/default/controller/v1/GW-1/configData", field.gateway);
        let expected = json!({"config": {"polling": {"sleep": "00:05:00"}}, "_links": {"configData": {"href": href}}});
        assert_eq!(told, expected, "{}", field.name());
        // As SWUpdate sends it: with an empty id, a time without a zone and a status.
        let body = r#"{"id":"","time":"20261128T101112","status":{"result":{"finished":"success"},"execution":"closed","details":[""]},"data":{"hw.cpu":"4E1D","sw.version":"1.2"}}"#;
        fs::write(field.file("body.json"), body).unwrap();
        let put = format!("-X PUT -H 'Content-Type: application/json;charset=UTF-8' --data-binary @body.json '{href}'");
        let said = curl(&field, "GW-1", &put).await;
        let (status, head, body) = parts(&said);
        assert_eq!((status, body), (200, ""), "{}: {said}", field.name());
        assert!(head.to_lowercase().contains("content-length: 0"), "{head}");
        let said = curl(&field, "GW-1", own).await;
        let told: Value = serde_json::from_str(parts(&said).2).unwrap();
        assert_eq!(told, json!({"config": {"polling": {"sleep": "00:05:00"}}}), "{}", field.name());
        let shown = field.fleet.device_report(&operator(), "GW-1").await.unwrap();
        assert_eq!(shown.attributes.get("hw.cpu"), Some("4E1D"));
        let record = field.fleet.device_record(&operator(), "GW-1").await.unwrap();
        assert_eq!(record.device.firmware.as_deref(), Some("1.2"), "{}", field.name());
        // Over HTTP/2 the name stands elsewhere.
        field.fleet.want_report(&operator(), "GW-1").await.unwrap();
        let said = field
            .says("curl -sS --http2 --cacert ca.pem --cert GW-1.pem --key GW-1.key $GW/DEFAULT/controller/v1/GW-1")
            .await;
        assert!(said.contains(&format!("https://{}/DEFAULT/controller/v1/GW-1/configData", field.gateway)), "{said}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_longest_sleep_is_a_time_of_day() {
    let field = field().await;
    device(&field, "GW-1").await;
    let mut models = store::batch::models(field.fleet.db()).await.unwrap();
    models[0].poll_interval_s = 30 * 24 * 3_600;
    let mut tx = field.fleet.db().begin().await.unwrap();
    store::batch::update_model(&mut tx, &models[0]).await.unwrap();
    tx.commit().await.unwrap();
    let said = curl(&field, "GW-1", "$GW/DEFAULT/controller/v1/GW-1").await;
    assert!(said.contains(r#""sleep":"23:59:59""#), "{said}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_is_refused_is_told_as_hawkbit_tells() {
    let field = field().await;
    device(&field, "GW-1").await;
    field.devices(&["GW-2".to_owned()], A).await;
    for (address, expected, code) in [
        ("/DEFAULT/controller/v1/GW-2", 403, "hawkbit.server.error.insufficientpermission"),
        ("/OTHER/controller/v1/GW-1", 404, "hawkbit.server.error.repo.entitiyNotFound"),
        ("/DEFAULT/controller/v1/%ff", 403, "hawkbit.server.error.insufficientpermission"),
        ("/DEFAULT/controller/v1/..%2f..%2f", 403, "hawkbit.server.error.insufficientpermission"),
    ] {
        let said =
            curl(&field, "GW-1", &format!("--path-as-is '{}{address}'", format_args!("https://{}", field.gateway)))
                .await;
        let (status, _, body) = parts(&said);
        assert_eq!(status, expected, "{address}: {said}");
        let told: Value = serde_json::from_str(body).unwrap();
        assert_eq!(told["errorCode"], code, "{address}");
        assert!(told["exceptionClass"].is_string() && told["message"].is_string(), "{body}");
    }
    let said = field.says("curl -sSi --http1.1 --cacert ca.pem $GW/DEFAULT/controller/v1/GW-1").await;
    assert!(said.contains(" 401 ") && said.to_lowercase().contains("www-authenticate: targettoken"), "{said}");
    let token = field.fleet.set_device_token(&operator(), "GW-2").await.unwrap();
    let by_token = format!(
        "curl -sSi --http1.1 --cacert ca.pem -H 'Authorization: TargetToken {token}' $GW/DEFAULT/controller/v1/GW-2"
    );
    assert!(field.says(&by_token).await.starts_with("HTTP/1.1 200"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_that_a_device_sends_is_our_fault() {
    let field = field().await;
    device(&field, "GW-1").await;
    let keys: Vec<String> = (0..100_000).map(|n| format!("\"k{n}\":\"{n}\"")).collect();
    let some: Vec<String> = (0..5_000).map(|n| format!("\"k{n}\":\"{n}\"")).collect();
    let deep =
        |open: &str, close: &str, n: usize| format!("{{\"data\":{}1{}}}", open.repeat(n), close.repeat(n)).into_bytes();
    let bodies: Vec<(&str, Vec<u8>, &[u16])> = vec![
        ("nothing", Vec::new(), &[400]),
        ("no JSON", b"hello".to_vec(), &[400]),
        ("half", b"{\"data\":{\"a\":".to_vec(), &[400]),
        ("a list", b"[]".to_vec(), &[400]),
        ("an empty object", b"{}".to_vec(), &[200]),
        ("data that is none", br#"{"data":[1,2]}"#.to_vec(), &[200]),
        ("a mode that is none", br#"{"mode":{"a":[]},"data":{"a":"b"}}"#.to_vec(), &[200]),
        ("bytes", b"{\"data\":{\"a\":\"\xff\xfe\"}}".to_vec(), &[200]),
        ("a nought", br#"{"data":{"a\u0000b":"c\u0000d"}}"#.to_vec(), &[200]),
        ("half a character", br#"{"data":{"a":"\ud800"}}"#.to_vec(), &[200, 400]),
        ("twice", br#"{"data":{"a":"1"},"data":{"a":"2"}}"#.to_vec(), &[200, 400]),
        ("a long number", format!("{{\"data\":{{\"a\":1{}}}}}", "0".repeat(400)).into_bytes(), &[200, 400]),
        ("deep lists", deep("[", "]", 50_000), &[200, 400]),
        ("deep objects", deep("{\"a\":", "}", 20_000), &[200, 400]),
        ("5,000 keys", format!("{{\"data\":{{{}}}}}", some.join(",")).into_bytes(), &[200]),
        ("100,000 keys", format!("{{\"data\":{{{}}}}}", keys.join(",")).into_bytes(), &[413]),
        ("a megabyte", vec![b'x'; 1024 * 1024], &[413]),
        ("odd parts", br#"{"mode":"replace","data":{"hw.cpu":"","hw.lte0.imei":"861941050337181","hw.eth0.mac":"ff:ff:ff:ff:ff:ff","hw.../../x":"y","metric.t":"NaN"}}"#.to_vec(), &[200]),
    ];
    for (what, body, expected) in bodies {
        fs::write(field.file("body"), body).unwrap();
        for kind in ["application/json", "application/json;charset=UTF-8", "text/plain"] {
            let rest = format!(
                "-X PUT -H 'Content-Type: {kind}' -H 'Expect:' --data-binary @body $GW/DEFAULT/controller/v1/GW-1/configData"
            );
            let said = curl(&field, "GW-1", &rest).await;
            let (status, _, body) = parts(&said);
            // Beyond twenty changes in a minute a device is told to wait.
            assert!(expected.contains(&status) || status == 429, "{what} as {kind}: {said}");
            assert!(
                status == 200 || serde_json::from_str::<Value>(body).unwrap()["errorCode"].is_string(),
                "{what}: {said}"
            );
        }
    }
    let shown = field.fleet.device_report(&operator(), "GW-1").await.unwrap();
    assert!(shown.attributes.len() <= domain::report::ATTRIBUTES_MAX);
    assert_eq!(StatusCode::OK.as_u16(), parts(&curl(&field, "GW-1", "$GW/DEFAULT/controller/v1/GW-1").await).0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_identity_that_polls_from_two_addresses_is_held_by_the_usual_policy() {
    let field = field().await;
    device(&field, "GW-1").await;
    let mut models = store::batch::models(field.fleet.db()).await.unwrap();
    // Each comes again well before it would be due alone, however busy the machine is.
    models[0].poll_interval_s = 30;
    let mut tx = field.fleet.db().begin().await.unwrap();
    store::batch::update_model(&mut tx, &models[0]).await.unwrap();
    tx.commit().await.unwrap();
    let script = "as() { curl -sS --interface $1 --cacert ca.pem --cert GW-1.pem --key GW-1.key $2; }
                  for n in $(seq 30); do for from in 127.0.0.1 127.0.0.2; do \
                  as $from $GW/DEFAULT/controller/v1/GW-1 > /dev/null; as $from $GW/ | grep -q '\"held\":true' && exit 0; \
                  sleep 0.8; done; done; echo never";
    assert_eq!(field.says(script).await, "", "it is on hold before the loop ends");
    let open = field.fleet.findings(&operator(), true).await.unwrap();
    let clone = open.iter().find(|row| row.kind == domain::authority::FindingKind::CloneSuspected).unwrap();
    for address in ["127.0.0.1", "127.0.0.2"] {
        assert!(clone.words.contains(address), "{}", clone.words);
    }
    assert_eq!(field.fleet.device(&operator(), "GW-1").await.unwrap().trust, domain::device::Trust::Quarantined);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_device_says_it_has_installed_is_its_firmware() {
    for field in fields().await {
        device(&field, "GW-1").await;
        let put = |body: &str| {
            fs::write(field.file("body.json"), body).unwrap();
            "-X PUT -H 'Content-Type: application/json' --data-binary @body.json $GW/DEFAULT/controller/v1/GW-1/installedBase"
        };
        let firmware = async || field.fleet.device_record(&operator(), "GW-1").await.unwrap().device.firmware;
        let said = curl(&field, "GW-1", put(r#"{"name":"gateway-os","version":"1.2"}"#)).await;
        assert_eq!((parts(&said).0, parts(&said).2), (201, ""), "{}: {said}", field.name());
        assert_eq!(firmware().await.as_deref(), Some("1.2"), "{}", field.name());
        let said = curl(&field, "GW-1", put(r#"{"name":"gateway-os","version":"1.2"}"#)).await;
        assert_eq!(parts(&said).0, 200, "{}: the same again is no news", field.name());
        for odd in ["", "[]", "{", r#"{"name":"x"}"#, r#"{"version":{}}"#, r#"{"version":"\u0000"}"#] {
            let said = curl(&field, "GW-1", put(odd)).await;
            let told: Value = serde_json::from_str(parts(&said).2).unwrap();
            assert_eq!(parts(&said).0, 400, "{}: {odd}: {said}", field.name());
            assert!(told["errorCode"].is_string(), "{told}");
        }
        let said = curl(&field, "GW-1", put(&format!(r#"{{"version":"{}"}}"#, "x".repeat(200_000)))).await;
        assert_eq!(parts(&said).0, 413, "{}", field.name());
        assert_eq!(
            firmware().await.as_deref(),
            Some("1.2"),
            "{}: what could not be read changed nothing",
            field.name()
        );
        // What is reported as usual and what is put here are one thing.
        let report = r#"{"data":{"sw.version":"1.3"}}"#;
        fs::write(field.file("body.json"), report).unwrap();
        let config = "-X PUT -H 'Content-Type: application/json' --data-binary @body.json $GW/DEFAULT/controller/v1/GW-1/configData";
        assert_eq!(parts(&curl(&field, "GW-1", config).await).0, 200);
        assert_eq!(firmware().await.as_deref(), Some("1.3"), "{}", field.name());
    }
}
