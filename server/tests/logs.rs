//! The log for programs: one object a line, by which a request is found, and nothing in it that is secret.

use crate::{
    field::{A, RULE, field, operator},
    served::{Ask, Served, ask, program},
};
use domain::person::Role;
use fleet::{people::UserForm, token::TokenForm};
use serde_json::{Value, json};
use std::fs;

/// All of ours.
const LEVELS: &str = "info,server=debug,fleet=debug,store=debug,app=debug";
const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_line_is_an_object_that_names_its_request_and_no_secret() {
    let mut field = field().await;
    field.devices(&["GW-1".to_owned(), "U-00001".to_owned()], A).await;
    field.enrolled("GW-1", "A").await;
    let form = TokenForm { name: "Load".into(), role: "operator".into(), days: 1 };
    let token = field.fleet.add_token(&RULE, &form).await.unwrap().secret;
    let device_token = field.fleet.set_device_token(&operator(), "U-00001").await.unwrap();
    let form = UserForm { email: "mia@private.example".into(), name: "Mia".into(), role: Role::Operator.to_string() };
    let link = field.fleet.add_user(&RULE, &form).await.unwrap().link;
    let label = field.fleet.labels(&operator(), "batch:A", "", 5).await.unwrap().items.remove(0);
    let code = label.code().unwrap().to_string();
    field.close().await;
    let log = fs::File::create(field.file("log")).unwrap();
    let options = ["--log-format", "json", "--trusted-proxy", "127.0.0.1/32"];
    let served = Served::start_at(&field, &options, log.into(), LEVELS);
    let console = &served.console;

    // Passwords, links, tokens of programs and devices, codes of labels; right and wrong ones.
    let proxied = format!("-H 'traceparent: 00-{TRACE}-00f067aa0ba902b7-01' -H 'X-Forwarded-For: 203.0.113.5'");
    let script = format!(
        "s() {{ curl -sk -o /dev/null -D - \"$@\" | tr -d '\\r'; }}
        s {console}/link/{link}
        s -H 'Sec-Fetch-Site: same-origin' -d 'password=correct-horse-battery&again=correct-horse-battery' {console}/link/{link}
        s -H 'Sec-Fetch-Site: same-origin' -d 'email=mia@private.example&password=a-wrong-password' {console}/sign-in
        s -H 'Authorization: Bearer {token}' {proxied} {console}/api/v1/devices/GW-1
        s -H 'Authorization: Bearer {token}x' {console}/api/v1/devices/GW-1
        s -H 'Authorization: TargetToken {device_token}' $GW/DEFAULT/controller/v1/U-00001
        s -H 'Authorization: TargetToken {device_token}x' $GW/DEFAULT/controller/v1/U-00001
        s -X POST -H 'Authorization: TargetToken {device_token}' $GW/token
        s $PKI/ocsp"
    );
    let said = field.says(&script).await;
    let claim = Ask {
        method: "POST",
        url: format!("{console}/api/v1/claims"),
        body: json!({"serial": label.serial, "code": code, "custodian": "acme"}),
    };
    ask(&field, &program(&token), &[claim]).await;
    let ids: Vec<&str> = said.lines().filter_map(|line| line.strip_prefix("x-request-id: ")).collect();
    assert_eq!(ids.len(), 9, "every listener names its requests: {said}");
    drop(served);

    let log = fs::read_to_string(field.file("log")).unwrap();
    let lines: Vec<Value> = log.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    for line in &lines {
        for field in ["timestamp", "level", "target", "node"] {
            assert!(line[field].as_str().is_some_and(|text| !text.is_empty()), "{field}: {line}");
        }
    }
    let answered: Vec<&Value> = lines.iter().filter(|line| line["message"] == "answered").collect();
    for id in &ids {
        let line = answered.iter().find(|line| line["request_id"] == **id).unwrap();
        assert!(line["status"].is_u64() && line["ms"].is_f64() && line["route"].is_string(), "{line}");
        assert!(matches!(line["listener"].as_str(), Some("console" | "gateway" | "pki")), "{line}");
    }
    let listeners = ["console", "gateway", "pki"];
    assert!(listeners.iter().all(|door| answered.iter().any(|line| line["listener"] == *door)), "{answered:?}");
    let traced: Vec<&&Value> = answered.iter().filter(|line| line["trace_id"] == TRACE).collect();
    assert_eq!(traced.len(), 1, "{traced:?}");
    assert_eq!((&traced[0]["route"], &traced[0]["peer"]), (&json!("/api/v1/devices/{serial}"), &json!("203.0.113.5")));
    let next = said.lines().count();
    assert!(next > 9);
    let words = [
        "correct-horse",
        "a-wrong-password",
        "mia@private",
        &token,
        &device_token,
        &link,
        &code,
        &code.replace('-', ""),
    ];
    for secret in words {
        let found: Vec<&str> = log.lines().filter(|line| line.contains(secret)).collect();
        assert!(found.is_empty(), "{secret}: {found:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_but_a_proxy_of_ours_says_to_which_trace_a_request_belongs() {
    let mut field = field().await;
    field.close().await;
    let log = fs::File::create(field.file("log")).unwrap();
    let served = Served::start_at(&field, &["--log-format", "json"], log.into(), LEVELS);
    let script =
        format!("curl -sk -o /dev/null -H 'traceparent: 00-{TRACE}-00f067aa0ba902b7-01' {}/sign-in", served.console);
    field.says(&script).await;
    drop(served);
    let log = fs::read_to_string(field.file("log")).unwrap();
    assert!(log.contains("\"route\":\"/sign-in\""), "{log}");
    assert!(!log.contains(TRACE) && !log.contains("trace_id"), "{log}");
}
