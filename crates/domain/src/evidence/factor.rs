//! What devices differ in, beside what they were sent.

use crate::words::words;
use serde::{Deserialize, Serialize};

words! {
    /// What devices differ in.
    Factor {
        /// In nothing: all of them together.
        All => "all", "All";
        /// Their hardware revision.
        Revision => "revision", "Hardware revision";
        /// Their batch.
        Batch => "batch", "Batch";
        /// Where they are.
        Region => "region", "Region";
        /// Who made a part of them; a level is `class=maker`, like `lte=Quectel`.
        Maker => "maker", "Maker of a part";
    }
}

/// Devices that have something in common.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Level {
    /// In what.
    pub factor: Factor,
    /// What it is with them: `B`, `2026-11-A`, `lte=Quectel`; empty for [`Factor::All`].
    pub level: String,
}

impl Level {
    /// All devices.
    pub const ALL: Self = Self { factor: Factor::All, level: String::new() };

    /// Those of a level of a factor.
    #[must_use]
    pub fn of(factor: Factor, level: impl Into<String>) -> Self {
        Self { factor, level: level.into() }
    }

    /// It in words: `hardware revision B`, `batch 2026-11-A`, `lte of Quectel`.
    #[must_use]
    pub fn words(&self) -> String {
        match self.factor {
            Factor::All => "all devices".to_owned(),
            Factor::Revision => format!("hardware revision {}", self.level),
            Factor::Batch => format!("batch {}", self.level),
            Factor::Region => format!("region {}", self.level),
            Factor::Maker => {
                let (class, maker) = self.level.split_once('=').unwrap_or(("part", &self.level));
                format!("{class} of {maker}")
            }
        }
    }
}
