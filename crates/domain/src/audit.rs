//! The audit chain: each entry's hash covers the entry and the hash of the one before.

use crate::{time::Timestamp, words::words};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

words! {
    /// How an audited deed ended.
    Outcome {
        /// It was done.
        Done => "done", "Done";
        /// It was refused for want of permission.
        Denied => "denied", "Denied";
        /// It was tried and did not succeed (a wrong password, say).
        Failed => "failed", "Failed";
    }
}

/// What an audit entry says, without its place in the chain.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditRecord {
    /// When.
    pub at: Timestamp,
    /// `user`, `token`, `rule` or `nobody`.
    pub actor_kind: String,
    /// The actor's id, or empty.
    pub actor_id: String,
    /// The name people know the actor by.
    pub actor_name: String,
    /// The deed, as `resource.verb`: `custody.record`.
    pub action: String,
    /// What it was done to, as `resource:key`: `device:GW2C-2611-04217`; may be empty.
    pub subject: String,
    /// How it ended.
    pub outcome: Outcome,
    /// More, as JSON in canonical text.
    pub detail: String,
    /// The network address it came from, or empty.
    pub address: String,
}

/// The hash before the first entry: 64 zeros.
pub const GENESIS: &str = "0000000000000000000000000000000000000000000000000000000000000000";

/// SHA-256, in hexadecimal, of the entry number `seq` after `previous_hash`. Fields are length-prefixed.
#[must_use]
pub fn chain_hash(seq: i64, previous_hash: &str, record: &AuditRecord) -> String {
    let mut digest = Sha256::new();
    let mut field = |text: &str| {
        digest.update((text.len() as u64).to_be_bytes());
        digest.update(text.as_bytes());
    };
    field("muster-audit-1");
    field(&seq.to_string());
    field(previous_hash);
    field(&record.at.0.to_string());
    for text in [&record.actor_kind, &record.actor_id, &record.actor_name, &record.action, &record.subject] {
        field(text);
    }
    field(record.outcome.as_str());
    field(&record.detail);
    field(&record.address);
    hex::encode(digest.finalize())
}
