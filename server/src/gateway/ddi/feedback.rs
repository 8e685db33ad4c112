//! What a client says of an update, read leniently: its rejection would be told in the next feedback, and rejected again.

use domain::rollout::{Consent, Execution, Feedback, Finished, UserAnswer};
use serde_json::Value;

/// How many lines are taken, and how many characters of each.
const LINES: usize = 50;
const LINE: usize = 1_000;

/// Reads a feedback. SWUpdate puts what went wrong into `details` as it stands, so what is no JSON is searched for the two words
/// that count. None when there is nothing of a feedback in it.
pub fn read(body: &[u8]) -> Option<Feedback> {
    let text = String::from_utf8_lossy(body);
    match serde_json::from_str::<Value>(&text) {
        Ok(value) => of_value(&value),
        Err(_) => of_text(&text),
    }
}

/// Reads what a device's user says. What can't be read as JSON is searched for the one word that counts; none when that is missing.
/// What is neither yes nor no is a no: nobody installs what was not agreed to.
pub fn read_answer(body: &[u8]) -> Option<UserAnswer> {
    let text = String::from_utf8_lossy(body);
    let (word, code, details) = match serde_json::from_str::<Value>(&text) {
        Ok(value) => {
            let word = value.get("confirmation")?.as_str()?.to_owned();
            (word, code_of(value.get("code")), details_of(value.get("details")))
        }
        Err(_) => {
            let details = text.split_once("\"details\"").map(|(_, details)| kept(details));
            (word_after(&text, "\"confirmation\"")?.to_owned(), None, details.into_iter().collect())
        }
    };
    let consent = word.trim().to_ascii_lowercase().parse().unwrap_or(Consent::Denied);
    Some(UserAnswer { consent, code, details })
}

/// Reads who switches auto-confirm on, and what is noted with it; both may be missing, as may the body.
pub fn read_switch(body: &[u8]) -> (String, String) {
    let value: Value = serde_json::from_slice(body).unwrap_or_default();
    let text = |name: &str| value.get(name).and_then(Value::as_str).map(kept).unwrap_or_default();
    (text("initiator"), text("remark"))
}

fn code_of(value: Option<&Value>) -> Option<i64> {
    match value {
        Some(Value::Number(number)) => number.as_i64(),
        Some(Value::String(text)) => text.trim().parse().ok(),
        _ => None,
    }
}

fn of_value(value: &Value) -> Option<Feedback> {
    let status = value.get("status")?.as_object()?;
    let result = status.get("result");
    let word = |value: Option<&Value>| value.and_then(Value::as_str).unwrap_or_default().to_ascii_lowercase();
    let execution = status.get("execution").map(|value| word(Some(value)))?;
    let code = code_of(status.get("code"));
    Some(Feedback {
        execution: execution_of(&execution),
        finished: finished_of(&word(result.and_then(|result| result.get("finished")))),
        code,
        details: details_of(status.get("details")),
    })
}

/// What is kept of a line. No database and no page is served by characters that only steer a terminal, and PostgreSQL refuses a
/// nought: a failure that is told with one must count as any other.
fn kept(line: &str) -> String {
    line.chars().filter(|c| !c.is_control() || c.is_whitespace()).take(LINE).collect()
}

fn details_of(value: Option<&Value>) -> Vec<String> {
    let line = |value: &Value| match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    let lines = match value {
        Some(Value::Array(lines)) => lines.iter().take(LINES).map(line).collect(),
        None | Some(Value::Null) => Vec::new(),
        Some(other) => vec![line(other)],
    };
    lines.iter().map(|line| kept(line)).collect()
}

fn of_text(text: &str) -> Option<Feedback> {
    let execution = word_after(text, "\"execution\"")?;
    let finished = word_after(text, "\"finished\"").unwrap_or_default();
    let details = text.split_once("\"details\"").map(|(_, details)| kept(details));
    Some(Feedback {
        execution: execution_of(&execution.to_ascii_lowercase()),
        finished: finished_of(&finished.to_ascii_lowercase()),
        code: None,
        details: details.into_iter().collect(),
    })
}

/// The text in quotes that follows a name.
fn word_after<'t>(text: &'t str, name: &str) -> Option<&'t str> {
    let (_, rest) = text.split_once(name)?;
    rest.split('"').nth(1)
}

/// What is no known word says that the device is there, and nothing else.
fn execution_of(word: &str) -> Execution {
    word.parse().unwrap_or(Execution::Resumed)
}

fn finished_of(word: &str) -> Finished {
    word.parse().unwrap_or(Finished::None)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;

    #[test]
    fn what_clients_send_is_read() {
        let swupdate = br#"{"id":10001,"time":"20261128T101112","status":{"result":{"finished":"failure"},
            "execution":"closed","details":["Installation failed !",""]}}"#;
        let read_of = |body: &[u8]| read(body).unwrap();
        assert!(read_of(swupdate).is_failure());
        assert_eq!(read_of(swupdate).reason(), "Installation failed !");
        let rauc = br#"{"id":"10001","status":{"execution":"closed","result":{"finished":"success","progress":{"cnt":1,"of":2}},"code":7,"details":"one line"}}"#;
        assert!(read_of(rauc).is_success());
        assert_eq!((read_of(rauc).code, read_of(rauc).details), (Some(7), vec!["one line".to_owned()]));
        let code = br#"{"status":{"execution":"CLOSED","result":{"finished":"failure"},"code":" 12 "}}"#;
        assert_eq!((read_of(code).is_failure(), read_of(code).code), (true, Some(12)));
        // Quotes that SWUpdate has not escaped.
        let broken = br#"{"id":10001,"status":{"result":{"finished":"failure"},"execution":"closed","details":["cannot open "/dev/mmcblk0p2""]}}"#;
        assert!(read_of(broken).is_failure() && read_of(broken).reason().contains("/dev/mmcblk0p2"));
        let odd = br#"{"status":{"execution":"teleporting","result":{"finished":7},"details":[1,null,{"a":[]}]}}"#;
        assert_eq!((read_of(odd).execution, read_of(odd).finished), (Execution::Resumed, Finished::None));
        assert!(!read_of(odd).is_success() && read_of(odd).details.len() == 3);
    }

    #[test]
    fn what_steers_a_terminal_is_left_out() {
        let json =
            br#"{"status":{"execution":"closed","result":{"finished":"failure"},"details":["a\u0000b\u001b[31m\tc"]}}"#;
        assert_eq!(read(json).unwrap().details, ["ab[31m\tc"]);
        let text =
            b"{\"status\":{\"execution\":\"closed\",\"result\":{\"finished\":\"failure\"},\"details\":[\"a\0\"b\"]}}";
        assert!(read(text).unwrap().is_failure());
        assert!(!read(text).unwrap().reason().contains('\0'));
    }

    #[test]
    fn a_yes_is_read_as_one_and_nothing_else_is() {
        let of = |body: &str| read_answer(body.as_bytes());
        for yes in [
            r#"{"confirmation":"confirmed"}"#,
            r#"{"confirmation":"CONFIRMED","code":"7","details":"by Ada"}"#,
            r#"{"confirmation": "confirmed", "details": ["cannot say "why""]}"#,
        ] {
            assert!(of(yes).unwrap().agrees(), "{yes}");
        }
        for no in [
            r#"{"confirmation":"denied","code":3,"details":["later\u0000"]}"#,
            r#"{"confirmation":"maybe"}"#,
            r#"{"confirmation":""}"#,
        ] {
            assert!(!of(no).unwrap().agrees(), "{no}");
        }
        let said = of(r#"{"confirmation":"denied","code":3,"details":["later\u0000"]}"#).unwrap();
        assert_eq!((said.code, said.words().as_str()), (Some(3), "later"));
        let deep = format!(r#"{{"confirmation":{}1{}}}"#, "[".repeat(10_000), "]".repeat(10_000));
        for odd in ["", "{}", "[]", "7", r#"{"confirmation":true}"#, r#"{"confirmation":null}"#, "\u{fffd}", &deep] {
            assert_eq!(of(odd), None, "{odd}");
        }
        assert_eq!(read_switch(br#"{"initiator":"Ada","remark":"x\u0000y"}"#), ("Ada".to_owned(), "xy".to_owned()));
        for odd in [&b""[..], b"null", b"[1]", b"{", b"\xff", br#"{"initiator":7}"#] {
            assert_eq!(read_switch(odd), (String::new(), String::new()));
        }
    }

    #[test]
    fn what_says_nothing_is_nothing() {
        for body in [&b""[..], b"[]", b"{}", b"7", b"null", b"{\"status\":7}", b"{\"status\":{}}", b"\xff\xfe", b"{"] {
            assert_eq!(read(body), None);
        }
        let deep = format!("{{\"status\":{}1{}}}", "[".repeat(10_000), "]".repeat(10_000));
        assert_eq!(read(deep.as_bytes()), None);
    }
}
