//! What speaks against a device, as it is kept beside its report.

use crate::Result;
use domain::{
    authority::FindingKind,
    id::DeviceId,
    suspicion::{Response, Signal, Suspicion, Topic},
    time::Timestamp,
};
use serde::{Deserialize, Serialize};
use store::{Tx, report::Report};

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

impl Reason {
    /// Whether it may say enough by itself for more than a question.
    pub(super) fn is_strong(&self) -> bool {
        self.signals.iter().any(Signal::is_strong)
    }

    /// Whether it says everything of copied identifiers that the other one said.
    pub(super) fn speaks_for(&self, other: &Self) -> bool {
        let says = |signal: &Signal| self.signals.iter().any(|mine| mine.copied() == signal.copied());
        self.kind == FindingKind::IdentifierCopied && self.kind == other.kind && other.signals.iter().all(says)
    }

    /// Whether it is about one of these.
    pub(super) fn is_about(&self, told: &[&Suspicion]) -> bool {
        told.iter().any(|suspicion| super::judge::cause_of(suspicion) == self.cause)
    }

    /// Whether it is about one device alone.
    fn is_of_one(&self) -> bool {
        match self.kind {
            FindingKind::IdentifierCopied => self.cause.starts_with("identifier_copied:device:"),
            kind => matches!(kind, FindingKind::HardwareMismatch | FindingKind::CloneSuspected),
        }
    }
}

/// Keeps what speaks against a device beside its report, and notes whom a finding about several devices concerns.
pub(super) async fn keep(tx: &mut Tx, device: DeviceId, report: &Report, reasons: &[Reason]) -> Result<()> {
    store::report::put(tx, device, &Report { reasons: write(reasons), ..report.clone() }).await?;
    let causes: Vec<&str> = reasons.iter().filter(|reason| !reason.is_of_one()).map(|r| r.cause.as_str()).collect();
    Ok(store::brake::put_causes(tx, device, &causes).await?)
}

/// Whether a finding stands of what speaks against a device.
pub(crate) async fn any_stands(tx: &mut Tx, device: DeviceId) -> Result<bool> {
    let Some(report) = store::report::of_device_within(tx, device).await? else { return Ok(false) };
    for reason in read(&report.reasons).into_iter().filter(|reason| reason.response.is_some()) {
        let Some(found) = store::finding::by_cause(tx, &reason.cause).await? else { continue };
        if store::finding::stands(tx, &found).await? {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Reads what is kept. What an earlier version wrote and can't be read any more is left out.
pub(super) fn read(json: &str) -> Vec<Reason> {
    let values: Vec<serde_json::Value> = serde_json::from_str(json).unwrap_or_default();
    values.into_iter().filter_map(|value| serde_json::from_value(value).ok()).collect()
}

/// Writes what is kept.
fn write(reasons: &[Reason]) -> String {
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
