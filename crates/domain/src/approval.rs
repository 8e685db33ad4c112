//! Approvals: what a second person decides, bound to exactly what was shown.

use crate::words::words;
use serde_json::Value;
use sha2::{Digest, Sha256};

words! {
    /// What is to be approved.
    ApprovalKind {
        /// That an authority is made.
        AuthorityCreate => "authority.create", "New authority";
        /// That a pipeline may sign software.
        CodeSigning => "code_signing", "Code signing";
        /// That certificates are revoked or held.
        Revocation => "revocation", "Revocation";
        /// That held certificates are released.
        Release => "release", "Release";
        /// That a repair changes what a device is.
        Repair => "repair", "Repair";
        /// That a repaired device gets one more certificate for a new key.
        Voucher => "voucher", "Another voucher";
        /// That a release enters the next stage.
        Promotion => "promotion", "Promotion";
        /// That a rollout may start.
        Rollout => "rollout", "Rollout";
    }
}

words! {
    /// How an approval stands.
    ApprovalState {
        /// Nobody has decided.
        Waiting => "waiting", "Waiting";
        /// It was approved.
        Approved => "approved", "Approved";
        /// It was rejected.
        Rejected => "rejected", "Rejected";
        /// What it was about has changed; it can't be decided any more.
        Void => "void", "Void";
    }
}

/// The hash that an approval is bound to: SHA-256, in hexadecimal, of its kind, subject, title and detail. The detail
/// counts as canonical JSON (see [`canonical_json`]); each field is preceded by its length, so that no two approvals
/// share an encoding.
#[must_use]
pub fn approval_hash(kind: ApprovalKind, subject: &str, title: &str, detail: &Value) -> String {
    let mut digest = Sha256::new();
    for text in ["muster-approval-1", kind.as_str(), subject, title, &canonical_json(detail)] {
        digest.update((text.len() as u64).to_be_bytes());
        digest.update(text.as_bytes());
    }
    hex::encode(digest.finalize())
}

/// JSON without spaces and with the keys of every object in order. The same value is the same text, whatever way it went.
#[must_use]
pub fn canonical_json(value: &Value) -> String {
    let mut out = String::new();
    write(value, &mut out);
    out
}

fn write(value: &Value, out: &mut String) {
    match value {
        Value::Object(map) => {
            let mut keys: Vec<&String> = map.keys().collect();
            keys.sort();
            out.push('{');
            for (i, key) in keys.into_iter().enumerate() {
                if i > 0 {
                    out.push(',');
                }
                out.push_str(&Value::from(key.as_str()).to_string());
                out.push(':');
                write(map.get(key).unwrap_or(&Value::Null), out);
            }
            out.push('}');
        }
        Value::Array(items) => {
            out.push('[');
            for (i, item) in items.iter().enumerate() {
                if i > 0 {
                    out.push(',');
                }
                write(item, out);
            }
            out.push(']');
        }
        plain => out.push_str(&plain.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_order_of_keys_does_not_matter_and_every_word_does() {
        let a = json!({"b": [1, {"y": null, "x": "\u{e4}\""}], "a": true});
        let text = canonical_json(&a);
        assert_eq!(text, "{\"a\":true,\"b\":[1,{\"x\":\"\u{e4}\\\"\",\"y\":null}]}");
        assert_eq!(serde_json::from_str::<Value>(&text).ok(), Some(a.clone()));
        let hash = |title: &str, detail: &Value| approval_hash(ApprovalKind::Revocation, "batch:A", title, detail);
        assert_eq!(hash("t", &a), hash("t", &serde_json::from_str(&text).unwrap_or_default()));
        assert_ne!(hash("t", &a), hash("t ", &a));
        assert_ne!(hash("t", &a), hash("t", &json!({"b": [1], "a": true})));
        assert_ne!(hash("t", &a), approval_hash(ApprovalKind::Release, "batch:A", "t", &a));
    }
}
