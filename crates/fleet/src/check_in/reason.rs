//! What speaks against a device, as it is kept beside its report.

use domain::{
    authority::FindingKind,
    suspicion::{Response, Signal, Topic},
    time::Timestamp,
};
use serde::{Deserialize, Serialize};

/// What speaks against a device for one cause.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reason {
    /// By what its finding is found again.
    pub cause: String,
    /// What kind of finding it is.
    pub kind: FindingKind,
    /// How much it says, from 0 to 100.
    pub score: u8,
    /// What followed by the model's policy; none when it said too little.
    pub response: Option<Response>,
    /// What was observed, what says most first.
    pub signals: Vec<Signal>,
    /// When it was last observed.
    pub at: Timestamp,
    /// Whether the device reports since what its manifest lists. What was strong waits for a person all the same.
    #[serde(default)]
    pub is_past: bool,
}

/// Reads what is kept. What an earlier version wrote and can't be read any more is left out.
pub(super) fn read(json: &str) -> Vec<Reason> {
    let values: Vec<serde_json::Value> = serde_json::from_str(json).unwrap_or_default();
    values.into_iter().filter_map(|value| serde_json::from_value(value).ok()).collect()
}

/// Writes what is kept.
pub(super) fn write(reasons: &[Reason]) -> String {
    serde_json::to_string(reasons).unwrap_or_else(|_| "[]".to_owned())
}

/// The kind of finding that a topic makes.
pub(super) const fn kind(topic: Topic) -> FindingKind {
    match topic {
        Topic::Hardware => FindingKind::HardwareMismatch,
        Topic::Clone => FindingKind::CloneSuspected,
        Topic::Copy => FindingKind::IdentifierCopied,
        Topic::Manifest => FindingKind::ManifestImplausible,
        Topic::Overproduction => FindingKind::BeyondBatch,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_finding_is_called_as_its_topic_is() {
        for topic in Topic::ALL {
            assert_eq!(kind(*topic).as_str(), topic.as_str());
        }
    }
}
