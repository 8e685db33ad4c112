//! People at a node: by its API, with a token.

use crate::{node::Node, scenes::PATIENCE};
use serde_json::{Value, json};
use std::{
    io::Write as _,
    process::{Command, Stdio},
    thread::sleep,
    time::{Duration, Instant},
};

/// What a node says that has just lost its database: nothing was done, and one may come again. That nobody knows whether it was
/// done is another kind.
const AWAY: &str = "urn:muster:problem:service-unavailable";

/// Asks a node's console. The answer, whose status must be this.
fn asks(node: &Node, token: &str, method: &str, path: &str, body: Option<&Value>, wanted: u16) -> Value {
    let begun = Instant::now();
    loop {
        let (status, said) = answer(node, token, method, path, body);
        if status == wanted {
            return said;
        }
        assert!(said["type"] == AWAY && begun.elapsed() < PATIENCE, "{} {path}: {status} {said}", node.name());
        sleep(Duration::from_millis(200));
    }
}

/// Status and answer, by curl; whose certificate the console shows is tested elsewhere.
fn answer(node: &Node, token: &str, method: &str, path: &str, body: Option<&Value>) -> (u16, Value) {
    let mut command = Command::new("curl");
    command.args(["--silent", "--insecure", "--max-time", "30", "--request", method, "--write-out", "\n%{http_code}"]);
    // The token is no argument: those are seen by everybody.
    command.args(["--config", "-"]).arg(format!("https://{}{path}", node.console()));
    let mut curl = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut config =
        format!("header = \"Authorization: Bearer {token}\"\nheader = \"Content-Type: application/json\"\n");
    if let Some(body) = body {
        let body = body.to_string().replace('\\', "\\\\").replace('"', "\\\"");
        config += &format!("data-binary = \"{body}\"\n");
    }
    curl.stdin.take().unwrap().write_all(config.as_bytes()).unwrap();
    let said = String::from_utf8(curl.wait_with_output().unwrap().stdout).unwrap();
    let (body, status) = said.rsplit_once('\n').unwrap();
    (status.parse().unwrap(), serde_json::from_str(body).unwrap_or(Value::Null))
}

/// Cuts off one device at this node.
pub fn revoke(node: &Node, token: &str, serial: &str) {
    let what = format!("scope=device&subject={serial}&act=revoke");
    let preview = asks(node, token, "GET", &format!("/api/v1/revocations/preview?{what}"), None, 200);
    let act = json!({
        "scope": "device", "subject": serial, "act": "revoke", "reason": "key_compromise",
        "confirmation": preview["confirm_word"], "preview_hash": preview["hash"],
    });
    asks(node, token, "POST", "/api/v1/revocations", Some(&act), 201);
}
