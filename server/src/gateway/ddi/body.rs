//! What a client sends, read leniently.

use domain::report::{Attributes, UpdateMode};
use serde::Deserialize;
use serde_json::Value;

/// The body of `configData`. Whatever else stands in it is passed over: SWUpdate sends `id`, `time` and `status` too.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Raw {
    mode: Value,
    data: Attributes,
}

/// What a device says of itself.
#[derive(Debug, PartialEq, Eq)]
pub struct ConfigData {
    /// How it changes what is kept.
    pub mode: UpdateMode,
    /// What it says.
    pub data: Attributes,
}

impl ConfigData {
    /// Reads a body; none when it is no JSON object. Bytes that are no text are read as what stands for them.
    pub fn read(body: &[u8]) -> Option<Self> {
        let text = String::from_utf8_lossy(body);
        // Derived readers take an array for an object, field by field.
        if !text.trim_start().starts_with('{') {
            return None;
        }
        let raw: Raw = serde_json::from_str(&text).ok()?;
        Some(Self { mode: UpdateMode::lenient(raw.mode.as_str()), data: raw.data })
    }
}

/// How long a version may be, in characters: as what is reported.
const VERSION_MAX: usize = 128;

/// The version in the body of `installedBase`; none when it is no JSON object or names none. Its `name` is passed over: what
/// runs on a device is one thing here, known by its version.
pub fn installed_version(body: &[u8]) -> Option<String> {
    let text = String::from_utf8_lossy(body);
    let value: Value = serde_json::from_str(&text).ok()?;
    let version = match value.as_object()?.get("version")? {
        Value::String(text) => text.trim().to_owned(),
        Value::Number(number) => number.to_string(),
        _ => return None,
    };
    let version: String = version.chars().filter(|c| !c.is_control()).take(VERSION_MAX).collect();
    Some(version).filter(|version| !version.is_empty())
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;

    #[test]
    fn what_swupdate_and_others_send_is_read() {
        let swupdate = br#"{"id":"","time":"20261128T101112","status":{"result":{"finished":"success"},
            "execution":"closed","details":[""]},"data":{"hw.wlan0.mac":"d8:80:39:00:00:01"}}"#;
        let read = ConfigData::read(swupdate).unwrap();
        assert_eq!(read.mode, UpdateMode::Merge);
        assert_eq!(read.data.get("hw.wlan0.mac"), Some("d8:80:39:00:00:01"));
        let replace = ConfigData::read(br#"{"mode":"replace","data":{"a":1}}"#).unwrap();
        assert_eq!((replace.mode, replace.data.get("a")), (UpdateMode::Replace, Some("1")));
        for odd in [&br#"{"data":[1]}"#[..], b"{}", br#"{"mode":{"x":[]},"data":"x"}"#] {
            assert!(ConfigData::read(odd).unwrap().data.is_empty());
        }
        assert_eq!(ConfigData::read(b"{\"data\":{\"a\":\"\xff\"}}").unwrap().data.get("a"), Some("\u{fffd}"));
    }

    #[test]
    fn what_is_installed_is_read_or_nothing() {
        assert_eq!(installed_version(br#"{"name":"gateway-os","version":" 1.4.2 "}"#).as_deref(), Some("1.4.2"));
        assert_eq!(installed_version(br#"{"version":2}"#).as_deref(), Some("2"));
        assert_eq!(installed_version(b"{\"version\":\"1\\u0000.\xff\"}").as_deref(), Some("1.\u{fffd}"));
        let long = format!(r#"{{"version":"{}"}}"#, "x".repeat(100_000));
        assert_eq!(installed_version(long.as_bytes()).map(|version| version.len()), Some(128));
        for odd in [
            "",
            "[]",
            "7",
            "{",
            "{}",
            r#"{"version":""}"#,
            r#"{"version":" "}"#,
            r#"{"version":[1]}"#,
            r#"{"version":null}"#,
        ] {
            assert_eq!(installed_version(odd.as_bytes()), None, "{odd}");
        }
        let deep = format!(r#"{{"version":{}1{}}}"#, "[".repeat(10_000), "]".repeat(10_000));
        assert_eq!(installed_version(deep.as_bytes()), None);
    }

    #[test]
    fn what_is_no_object_is_nothing() {
        for body in [&b""[..], b"[]", b"[null,{}]", b"7", b"{", b"{\"data\":", b"\xff"] {
            assert_eq!(ConfigData::read(body), None);
        }
        // However deep it is, it is read to its end or refused, and the stack holds.
        for (open, close) in [("[", "]"), ("{\"a\":", "}")] {
            let deep = format!("{{\"data\":{}1{}}}", open.repeat(10_000), close.repeat(10_000));
            assert!(ConfigData::read(deep.as_bytes()).is_none_or(|read| read.data.is_empty()));
        }
    }
}
