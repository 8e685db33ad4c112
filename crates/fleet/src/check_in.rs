//! Check-in: devices poll, report what they are, and what does not fit is found.
//!
//! A poll reads one row at most and writes none: how a device polls is kept in memory and written down in groups. A report is
//! judged when it changes what is known of the device: it is held against the manifest, against what other devices
//! report, and what does not fit becomes a finding by cause, an entry in the device's history, and what the model's
//! policy says follows. What a device does is history; what a rule does about it is audited.

mod beyond;
mod brake;
mod copies;
mod fold;
mod installed;
mod judge;
mod memory;
mod polls;
mod read;
mod reason;
mod release;
mod report;
mod respond;
mod rules;
mod states;
mod stood;
mod travel;

pub use polls::PollAnswer;
pub use read::{DeviceReport, ReasonShown, Whole};
pub use reason::Reason;
pub use rules::{ModelRules, Rules, RulesForm};

pub(crate) use memory::Polls;
pub(crate) use release::{quarantine, trust_again};
pub(crate) use rules::makers_within;

use crate::{Actor, Error, Fleet, Result};
use domain::{id::DeviceId, person::Permission};

/// In whose name something follows from what a device reports.
const RULE: Actor = Actor::Rule { name: "check-in" };

/// The device that acts. People and programs report nothing: the device does.
pub(crate) fn device_of(actor: &Actor) -> Result<(DeviceId, &str)> {
    match actor {
        Actor::Device { id, serial, .. } => Ok((*id, serial)),
        Actor::Nobody { .. } => Err(Error::NotSignedIn),
        _ => Err(Error::Forbidden { permission: Permission::CertificateEnrol }),
    }
}

impl Fleet {
    /// Lets a device be asked at its next poll to report what it is.
    ///
    /// # Errors
    /// When the actor may not, or there is no such device.
    pub async fn want_report(&self, actor: &Actor, serial: &str) -> Result<()> {
        let subject = format!("device:{serial}");
        self.authorise(actor, Permission::NoteAdd, &subject).await?;
        let device = self.device(actor, serial).await?;
        let mut deed = self.allow(actor, Permission::NoteAdd, &subject).await?;
        // Held, so that a report that is being written down does not take this wish for answered.
        store::device::lock(&mut deed.tx, device.id).await?;
        store::report::want(&mut deed.tx, device.id).await?;
        deed.ring("device", serial).await?;
        deed.commit("report.ask", &subject, &serde_json::Value::Null).await
    }
}
