//! Signals: single observations that speak against a device's identity.

use crate::{component::ComponentClass, identifier::normalise, words::words};
use serde::{Deserialize, Serialize};
use std::net::IpAddr;

words! {
    /// What was observed.
    SignalKind {
        /// Another part is in a slot.
        PartChanged => "part_changed", "Part changed";
        /// A part that is listed is not there any more.
        PartMissing => "part_missing", "Part missing";
        /// A part is there that is not listed.
        PartBeyondManifest => "part_beyond_manifest", "Part not in the manifest";
        /// A digit of an IMEI is wrong.
        WrongCheckDigit => "wrong_check_digit", "Wrong check digit";
        /// An IMEI of another model of modem.
        ForeignTac => "foreign_tac", "IMEI of another model";
        /// A MAC address that its maker doesn't have.
        ForeignOui => "foreign_oui", "MAC address of another maker";
        /// A MAC address that nobody assigned.
        LocalMac => "local_mac", "Made-up MAC address";
        /// The part calls itself another model.
        OtherModel => "other_model", "Other model of part";
        /// One key or identifier in several devices.
        Copied => "copied", "Identifier in several devices";
        /// One key or identifier in many devices of a batch.
        GoldenImage => "golden_image", "Golden image";
        /// One identity alive at two addresses.
        TwoAddresses => "two_addresses", "Alive at two addresses";
        /// One identity polls as often as two devices would.
        DoubleCadence => "double_cadence", "Polls twice as often";
        /// Seen at two places, too far apart for the time between.
        ImpossibleTravel => "impossible_travel", "Impossible travel";
        /// A device that no manifest of its batch lists.
        DeviceBeyondBatch => "device_beyond_batch", "Device not in its batch";
        /// A part that was there from the first report on, and that no manifest of its batch lists.
        PartBeyondBatch => "part_beyond_batch", "Part not in its batch";
    }
}

/// What should be in one device only and was found in several.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "what", rename_all = "snake_case")]
pub enum Copied {
    /// A key.
    Key {
        /// SHA-256 of its `SubjectPublicKeyInfo`, in hexadecimal.
        spki_sha256: String,
    },
    /// A part's identifier.
    Part {
        /// What kind of part.
        class: ComponentClass,
        /// As people read it.
        identifier: String,
        /// As it is compared.
        identifier_key: String,
    },
}

/// One observation that speaks against a device's identity.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "signal", rename_all = "snake_case")]
pub enum Signal {
    /// Another part is in a slot than the manifest lists.
    PartChanged {
        /// Where.
        slot: String,
        /// What kind of part.
        class: ComponentClass,
        /// The identifier that the manifest lists.
        expected: String,
        /// The one that the device reports.
        reported: String,
    },
    /// A part that the manifest lists was reported before and is not any more.
    PartMissing {
        /// Where.
        slot: String,
        /// What kind of part.
        class: ComponentClass,
        /// The identifier that the manifest lists.
        expected: String,
    },
    /// A part is in a slot for which the manifest lists none.
    PartBeyondManifest {
        /// Where.
        slot: String,
        /// What kind of part.
        class: ComponentClass,
        /// The identifier that the device reports.
        reported: String,
    },
    /// The check digit of an IMEI does not fit.
    WrongCheckDigit {
        /// Where.
        slot: String,
        /// What kind of part.
        class: ComponentClass,
        /// As it was reported.
        reported: String,
        /// The check digit that the other digits ask for.
        expected: u8,
        /// The one that stands there.
        found: u8,
    },
    /// The type code of an IMEI belongs to another model than the one that is listed.
    ForeignTac {
        /// Where.
        slot: String,
        /// As it was reported.
        reported: String,
        /// Its type code.
        tac: String,
        /// The type codes that the listed model has.
        expected: Vec<String>,
        /// Whether the manifest lists this very identifier.
        listed: bool,
    },
    /// A MAC address outside of those that its maker has.
    ForeignOui {
        /// Where.
        slot: String,
        /// What kind of part.
        class: ComponentClass,
        /// As it was reported.
        reported: String,
        /// The maker that the manifest lists.
        maker: String,
        /// Whether the manifest lists this very identifier.
        listed: bool,
    },
    /// A locally administered MAC address where one from a factory is expected.
    LocalMac {
        /// Where.
        slot: String,
        /// What kind of part.
        class: ComponentClass,
        /// As it was reported.
        reported: String,
        /// Whether the manifest lists this very identifier.
        listed: bool,
    },
    /// The part with the listed identifier calls itself another model.
    OtherModel {
        /// Where.
        slot: String,
        /// What kind of part.
        class: ComponentClass,
        /// The model that the manifest lists.
        expected: String,
        /// The model that the device reports.
        reported: String,
    },
    /// One key or identifier in several devices.
    Copied {
        /// What.
        copied: Copied,
        /// The batch's code, where all are of one batch.
        batch: Option<String>,
        /// The serials of the devices; of many the first few.
        devices: Vec<String>,
        /// How many devices there are.
        count: u64,
    },
    /// One key or identifier in so many devices of a batch that their image must have held it.
    GoldenImage {
        /// What.
        copied: Copied,
        /// The batch's code.
        batch: String,
        /// How many devices of the batch have it.
        count: u64,
    },
    /// One identity alive at two addresses at the same time.
    TwoAddresses {
        /// One address.
        first: IpAddr,
        /// The other.
        second: IpAddr,
        /// How often in a row it changed between them.
        turns: u32,
    },
    /// One identity polls about twice as often as it was told to.
    DoubleCadence {
        /// Where it polled from last.
        address: IpAddr,
        /// How often it was told to poll, in seconds.
        interval_s: u32,
        /// How often it polled.
        polls: u32,
        /// In how many seconds.
        within_s: u32,
    },
    /// Seen at two places that nothing gets between in the time.
    ImpossibleTravel {
        /// Where first.
        from: String,
        /// Where then.
        to: String,
        /// How far apart these are.
        kilometres: u32,
        /// The time between.
        seconds: u32,
    },
    /// The device is in no manifest of its batch.
    DeviceBeyondBatch {
        /// The batch's code.
        batch: String,
    },
    /// From its first report on a part is in a device that no manifest of its batch lists and no repair recorded.
    PartBeyondBatch {
        /// The batch's code.
        batch: String,
        /// Where.
        slot: String,
        /// What kind of part.
        class: ComponentClass,
        /// The identifier that the device reports.
        reported: String,
        /// How many devices of the batch came with such a part in this slot.
        #[serde(default)]
        count: u64,
    },
}

impl Signal {
    /// What was observed, as a word.
    #[must_use]
    pub const fn kind(&self) -> SignalKind {
        match self {
            Self::PartChanged { .. } => SignalKind::PartChanged,
            Self::PartMissing { .. } => SignalKind::PartMissing,
            Self::PartBeyondManifest { .. } => SignalKind::PartBeyondManifest,
            Self::WrongCheckDigit { .. } => SignalKind::WrongCheckDigit,
            Self::ForeignTac { .. } => SignalKind::ForeignTac,
            Self::ForeignOui { .. } => SignalKind::ForeignOui,
            Self::LocalMac { .. } => SignalKind::LocalMac,
            Self::OtherModel { .. } => SignalKind::OtherModel,
            Self::Copied { .. } => SignalKind::Copied,
            Self::GoldenImage { .. } => SignalKind::GoldenImage,
            Self::TwoAddresses { .. } => SignalKind::TwoAddresses,
            Self::DoubleCadence { .. } => SignalKind::DoubleCadence,
            Self::ImpossibleTravel { .. } => SignalKind::ImpossibleTravel,
            Self::DeviceBeyondBatch { .. } => SignalKind::DeviceBeyondBatch,
            Self::PartBeyondBatch { .. } => SignalKind::PartBeyondBatch,
        }
    }

    /// The slot that it is about, if it is about one.
    #[must_use]
    pub fn slot(&self) -> Option<&str> {
        match self {
            Self::PartChanged { slot, .. }
            | Self::PartMissing { slot, .. }
            | Self::PartBeyondManifest { slot, .. }
            | Self::WrongCheckDigit { slot, .. }
            | Self::ForeignTac { slot, .. }
            | Self::ForeignOui { slot, .. }
            | Self::LocalMac { slot, .. }
            | Self::OtherModel { slot, .. }
            | Self::PartBeyondBatch { slot, .. } => Some(slot),
            _ => None,
        }
    }

    /// The identifier that the device reports and its manifest doesn't list, with the class of the part, if that is what
    /// it is about.
    #[must_use]
    pub fn unlisted(&self) -> Option<(ComponentClass, &str)> {
        match self {
            Self::PartChanged { class, reported, .. }
            | Self::PartBeyondManifest { class, reported, .. }
            | Self::ForeignOui { class, reported, listed: false, .. }
            | Self::LocalMac { class, reported, listed: false, .. }
            | Self::PartBeyondBatch { class, reported, .. } => Some((*class, reported)),
            Self::ForeignTac { reported, listed: false, .. } => Some((ComponentClass::Lte, reported)),
            _ => None,
        }
    }

    /// The same as it is compared, where it is an identifier.
    #[must_use]
    pub fn unlisted_key(&self) -> Option<String> {
        let (class, text) = self.unlisted()?;
        normalise(class, text).ok().map(|found| found.key)
    }

    /// The code of the batch, where all devices that it is about are of one.
    #[must_use]
    pub fn batch(&self) -> Option<&str> {
        match self {
            Self::Copied { batch, .. } => batch.as_deref(),
            Self::GoldenImage { batch, .. }
            | Self::DeviceBeyondBatch { batch }
            | Self::PartBeyondBatch { batch, .. } => Some(batch),
            _ => None,
        }
    }

    /// Whether it is about so many devices of a batch that their factory made them so.
    #[must_use]
    pub const fn is_of_factory(&self) -> bool {
        match self {
            Self::GoldenImage { .. } => true,
            Self::PartBeyondBatch { count, .. } => *count >= super::GOLDEN_IMAGE_DEVICES,
            _ => false,
        }
    }

    /// Whether both are the same observation, made again: only its counts and what it found may differ.
    #[must_use]
    pub fn is_again(&self, earlier: &Self) -> bool {
        self.kind() == earlier.kind() && self.slot() == earlier.slot() && self.copied() == earlier.copied()
    }

    /// Whether both are the same observation of the same part: only counts may differ.
    pub(super) fn is_same_part(&self, earlier: &Self) -> bool {
        let is_told = self.copied().is_some() || self.unlisted().is_some();
        self == earlier || (is_told && self.is_again(earlier) && self.unlisted_key() == earlier.unlisted_key())
    }

    /// Whether a newer manifest records what was observed, by whether it lists an identifier, given as it is compared:
    /// the other part belongs there by now, the missing one no more. Of what names no part nothing can be recorded.
    #[must_use]
    pub fn is_put_right(&self, lists: impl Fn(&str) -> bool) -> bool {
        match self {
            Self::PartMissing { class, expected, .. } => {
                normalise(*class, expected).is_ok_and(|missing| !lists(&missing.key))
            }
            _ => self.unlisted_key().is_some_and(|key| lists(&key)),
        }
    }

    /// Whether this is about parts that devices of a batch came with, and `signal` about such a part, by what was observed
    /// beside it: another one that was fitted in its place since is not.
    pub(super) fn came_as(&self, signal: &Self, beside: &[Self]) -> bool {
        let is_first = |first: &&Self| {
            matches!((self, first), (Self::PartBeyondBatch { .. }, Self::PartBeyondBatch { .. }))
                && (first.batch(), first.slot()) == (self.batch(), self.slot())
                && first.slot() == signal.slot()
        };
        let key = signal.unlisted_key();
        key.is_some() && beside.iter().filter(is_first).any(|first| first.unlisted_key() == key)
    }

    /// What it says is in several devices, if that is what it says.
    #[must_use]
    pub const fn copied(&self) -> Option<&Copied> {
        match self {
            Self::Copied { copied, .. } | Self::GoldenImage { copied, .. } => Some(copied),
            _ => None,
        }
    }
}
