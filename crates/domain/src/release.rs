//! Releases: what devices can be updated to, the way from dev to production, and what has to be met on it.

mod gate;
mod name;
mod rule;
mod sbom;

#[cfg(test)]
mod tests;

pub use gate::{Check, Facts, Gate, GateResult, ModelFacts, may_promote};
pub use name::{NameError, check_name, file_name};
pub use rule::{RuleError, StageRule};
pub use sbom::{Bom, BomComponent, BomError, BomFormat, COMPONENTS_MAX, SBOM_MAX, read_bom};

use crate::{id::ReleaseId, time::Timestamp, words::words};
use serde::{Deserialize, Serialize};

words! {
    /// How far a release is.
    Stage {
        /// It was pushed; developers' own devices may have it.
        Dev => "dev", "Dev";
        /// It is tried on devices that are meant for that.
        Staging => "staging", "Staging";
        /// It may be rolled out to clients' devices.
        Production => "production", "Production";
        /// No device gets it any more.
        Withdrawn => "withdrawn", "Withdrawn";
    }
}

words! {
    /// What kind of files a release is made of, by the tool that installs them.
    ArtifactKind {
        /// A SWUpdate image.
        Swu => "swu", "SWUpdate image";
        /// A RAUC bundle.
        Rauc => "rauc", "RAUC bundle";
        /// Debian packages.
        Deb => "deb", "Debian packages";
        /// An OSTree commit.
        Ostree => "ostree", "OSTree commit";
    }
}

words! {
    /// How a check of a release ended, as whoever ran it says.
    CheckState {
        /// It runs.
        Pending => "pending", "Running";
        /// It passed.
        Passed => "passed", "Passed";
        /// It failed.
        Failed => "failed", "Failed";
    }
}

/// Up to how many models a release fits.
pub const MODELS_MAX: usize = 50;
/// Up to how many hardware revisions a release names.
pub const REVISIONS_MAX: usize = 50;
/// Up to how many characters notes have.
pub const NOTES_MAX: usize = 8_000;
/// Up to how many characters a reason has.
pub const REASON_MAX: usize = 400;
/// How often checks of one release may be reported.
pub const CHECKS_MAX: usize = 1_000;
/// How long a check's address may be, in characters.
pub const CHECK_URL_MAX: usize = 500;

impl ArtifactKind {
    /// Whether devices fetch it from a repository when they choose to ask there, instead of being told of it at a poll.
    #[must_use]
    pub const fn is_repository(self) -> bool {
        matches!(self, Self::Deb | Self::Ostree)
    }
}

impl Stage {
    /// The stage after this one, on the way to production.
    #[must_use]
    pub const fn next(self) -> Option<Self> {
        match self {
            Self::Dev => Some(Self::Staging),
            Self::Staging => Some(Self::Production),
            Self::Production | Self::Withdrawn => None,
        }
    }

    /// The stages that have rules: those that are entered by promotion.
    pub const WITH_RULES: [Self; 2] = [Self::Staging, Self::Production];
}

/// A release. What it is never changes; its stage does.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Release {
    /// Its id.
    pub id: ReleaseId,
    /// What it is a release of.
    pub product: String,
    /// Its version, as devices report it once they run it.
    pub version: String,
    /// What kind of files it is made of.
    pub kind: ArtifactKind,
    /// The names of the models that it fits; at least one.
    pub models: Vec<String>,
    /// The hardware revisions that it fits; none for all.
    pub revisions: Vec<String>,
    /// What is new in it; may be empty.
    pub notes: String,
    /// How far it is.
    pub stage: Stage,
    /// Since when.
    pub stage_at: Timestamp,
    /// Who pushed it.
    pub created_by: String,
    /// When.
    pub created_at: Timestamp,
}

impl Release {
    /// `gateway-os 1.4.2`.
    #[must_use]
    pub fn title(&self) -> String {
        format!("{} {}", self.product, self.version)
    }

    /// Whether it is made for this model in this hardware revision.
    #[must_use]
    pub fn fits(&self, model: &str, revision: &str) -> bool {
        let revisions = &self.revisions;
        self.models.iter().any(|name| name == model)
            && (revisions.is_empty() || revisions.iter().any(|name| name == revision))
    }
}
