//! A line within the process: the same deeds as the gateway's, for devices that are too many to come through it.

use super::line::{File, Job, Line, LineError, Next, Polled};
use crate::reports;
use domain::{
    report::{Attributes, UpdateMode},
    rollout::Feedback,
};
use fleet::{Actor, Fleet, update::UpdateLink};
use futures::TryStreamExt;
use sha2::{Digest, Sha256};

/// A device of the fleet that runs in this process.
#[derive(Clone, Debug)]
pub struct Inside {
    /// The fleet.
    pub fleet: Fleet,
    /// The device, as the gateway would know it.
    pub actor: Actor,
}

impl Line for Inside {
    async fn poll(&self) -> Result<Polled, LineError> {
        let answer = self.fleet.poll(&self.actor).await?;
        let next = answer.update.and_then(|link| match link {
            // It has no user, and passes over what it doesn't know, as SWUpdate does.
            UpdateLink::Confirmation { .. } => None,
            UpdateLink::Deployment { id, .. } => Some(Next { id, is_stop: false, href: String::new() }),
            UpdateLink::Cancel { id } => Some(Next { id, is_stop: true, href: String::new() }),
        });
        Ok(Polled { sleep_s: answer.sleep_s, wants_report: answer.wants_report, next })
    }

    async fn job(&self, next: &Next) -> Result<Job, LineError> {
        let told = self.fleet.deployment(&self.actor, next.id, None).await?;
        let file = |file: fleet::update::ArtifactFile| File {
            name: file.name,
            size: file.size,
            sha256: file.sha256,
            href: String::new(),
        };
        Ok(Job { version: told.version, files: told.files.into_iter().map(file).collect() })
    }

    async fn fetch(&self, file: &File, _: bool) -> Result<String, LineError> {
        let mut arriving = self.fleet.artifact_stream(&file.sha256, 0..file.size).await?;
        let mut hash = Sha256::new();
        while let Some(piece) = arriving.try_next().await? {
            hash.update(&piece);
        }
        Ok(hex::encode(hash.finalize()))
    }

    async fn say(&self, next: &Next, feedback: &Feedback) -> Result<(), LineError> {
        let said = if next.is_stop {
            self.fleet.cancel_feedback(&self.actor, next.id, feedback).await
        } else {
            self.fleet.update_feedback(&self.actor, next.id, feedback).await
        };
        Ok(said?)
    }

    async fn report(&self, runs: &str, measured: &[(String, String)]) -> Result<(), LineError> {
        let mut attributes = reports::attributes(&self.fleet, self.actor.name(), runs).await?;
        attributes.extend_from_slice(measured);
        Ok(self.fleet.report(&self.actor, Attributes::collect(attributes), UpdateMode::Replace).await?)
    }
}
