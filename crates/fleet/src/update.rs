//! Updates on devices: what a device is offered at its poll or in a repository, what it says of it, and what it itself reports.
//!
//! What a device gets is decided from its state, which its poll reads, and the rollouts in memory. Something is written when it is
//! first told of an update and when that goes on, never at a poll that changes nothing. Before an offer is written everything is
//! asked once more in its transaction, which holds the device and the rollout's state: two nodes, a pause at the same moment and a
//! memory that is late offer nothing twice and nothing that was not approved.

mod choose;
mod confirm;
mod deliver;
mod exposure;
mod go_on;
mod hold_out;
mod offer;
mod releases;
mod repository;
mod told;

pub use choose::UpdateLink;
pub use confirm::{Confirmations, Heard};
pub use deliver::{ArtifactFile, Deployment, DeploymentHistory};
pub use releases::Deliverable;
pub use repository::{Meaning, Part, Wanted};
pub use store::auto_confirm::AutoConfirm;
pub use told::DeviceUpdate;

pub(crate) use choose::{around, member_of, offered_by as offer_of};
pub(crate) use exposure::on_measured;
pub(crate) use go_on::on_report;
pub(crate) use offer::Told;
