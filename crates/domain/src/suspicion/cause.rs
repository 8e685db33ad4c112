//! What a signal is about: by this the same again only counts up.

use super::{Copied, GOLDEN_IMAGE_DEVICES as FEW, Signal};
use crate::words::words;

words! {
    /// What a suspicion is about.
    Topic {
        /// A device is not made of what its manifest lists.
        Hardware => "hardware_mismatch", "Hardware differs";
        /// One identity is used by more than one device.
        Clone => "clone_suspected", "Clone suspected";
        /// A key or an identifier is in several devices.
        Copy => "identifier_copied", "Identifier in several devices";
        /// What manifests of a batch list can't be right.
        Manifest => "manifest_implausible", "Manifest implausible";
        /// Something was made that the batch's manifests don't list.
        Overproduction => "beyond_batch", "Not in its batch";
    }
}

/// The device at which a signal was observed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Subject<'a> {
    /// Its serial.
    pub serial: &'a str,
    /// Its batch's code; empty when it has none.
    pub batch: &'a str,
    /// The manifest version that it was held against; 0 without one.
    pub manifest_version: i64,
}

/// What a signal is about.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Cause {
    /// In one word.
    pub topic: Topic,
    /// What tells it from others of its topic.
    pub about: String,
}

impl std::fmt::Display for Cause {
    /// As it is stored and found again.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}", self.topic, self.about)
    }
}

impl Signal {
    /// What it is about when observed at this device.
    ///
    /// - What differs from a manifest: the device and the manifest's version, whichever and however many parts differ.
    /// - An identity in use twice: the device.
    /// - A copied identifier: the identifier within its batch, however many devices have it. Two devices and a golden
    ///   image are one cause, which grows.
    /// - What the manifest itself lists and can't be right, and what a batch has too much of: the batch and the slot.
    /// - A part from beyond the batch belongs to what differs at its device, until so many devices came with one that it
    ///   is about the batch.
    #[must_use]
    pub fn cause(&self, of: &Subject<'_>) -> Cause {
        let at_batch = |slot: &str| format!("{}:{slot}", of.batch);
        let (topic, about) = match self {
            Self::ForeignTac { slot, listed: true, .. }
            | Self::ForeignOui { slot, listed: true, .. }
            | Self::LocalMac { slot, listed: true, .. }
            | Self::OtherModel { slot, .. } => (Topic::Manifest, at_batch(slot)),
            Self::PartChanged { .. }
            | Self::PartMissing { .. }
            | Self::PartBeyondManifest { .. }
            | Self::PartBeyondBatch { count: ..FEW, .. }
            | Self::WrongCheckDigit { .. }
            | Self::ForeignTac { .. }
            | Self::ForeignOui { .. }
            | Self::LocalMac { .. } => (Topic::Hardware, format!("{}:{}", of.serial, of.manifest_version)),
            Self::TwoAddresses { .. } | Self::DoubleCadence { .. } | Self::ImpossibleTravel { .. } => {
                (Topic::Clone, of.serial.to_owned())
            }
            Self::Copied { copied, batch, .. } => (Topic::Copy, copy(batch.as_deref(), copied)),
            Self::GoldenImage { copied, batch, .. } => (Topic::Copy, copy(Some(batch), copied)),
            Self::DeviceBeyondBatch { batch } => (Topic::Overproduction, batch.clone()),
            Self::PartBeyondBatch { batch, slot, .. } => (Topic::Overproduction, format!("{batch}:{slot}")),
        };
        Cause { topic, about }
    }
}

fn copy(batch: Option<&str>, copied: &Copied) -> String {
    let batch = batch.unwrap_or_default();
    match copied {
        Copied::Key { spki_sha256 } => format!("{batch}:spki:{spki_sha256}"),
        Copied::Part { identifier_key, .. } => format!("{batch}:{identifier_key}"),
    }
}
