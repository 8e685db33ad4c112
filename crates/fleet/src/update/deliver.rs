//! What a device gets by an update that it is told of: addresses and files. What it is not told of is not there for it, whatever
//! address it asks.

use super::{
    Deliverable, UpdateLink,
    choose::{Choice, Way, choose},
};
use crate::{
    Actor, Error, Fleet, Result,
    check_in::device_of,
    rollout::{HICCUP, Live, VERDICT},
};
use domain::{
    id::{DeviceId, ReleaseId},
    rollout::{ActionState, Plan, RolloutState},
};
use std::{collections::BTreeSet, sync::Arc, time::Duration};
use store::{
    artifact::Artifact,
    poll::Updatable,
    update_action::{self, UpdateAction, feedback::Said},
};
use tokio::time::Instant;

/// How much of what a device said it can have told back, at most.
const HISTORY: i64 = 100;
/// How long a poll waits for files that are being read: small ones are read by then, and the next poll comes anyway.
pub(super) const POLL_WAITS: Duration = Duration::from_millis(250);
/// How long whoever has begun waits: to be told that there is no such update may end its try.
pub(super) const BEGUN_WAITS: Duration = Duration::from_secs(10);
/// How often is looked meanwhile.
const LOOK_AGAIN: Duration = Duration::from_millis(20);

/// A file as a device gets it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ArtifactFile {
    /// Its name.
    pub name: String,
    /// Its size, in bytes.
    pub size: u64,
    /// MD5, in hexadecimal.
    pub md5: String,
    /// SHA-1, in hexadecimal.
    pub sha1: String,
    /// SHA-256, in hexadecimal.
    pub sha256: String,
}

/// What a device is to install, or has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Deployment {
    /// By what the device knows it.
    pub id: i64,
    /// The number of its files together.
    pub module: i64,
    /// What it is a release of.
    pub product: String,
    /// The version.
    pub version: String,
    /// Its files.
    pub files: Vec<ArtifactFile>,
    /// What the device said of it, where that was asked for.
    pub history: Option<DeploymentHistory>,
}

/// What a device said of an update.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeploymentHistory {
    /// How far it is, as hawkBit names it.
    pub status: &'static str,
    /// What it said, the last first.
    pub messages: Vec<String>,
}

impl From<&Artifact> for ArtifactFile {
    fn from(artifact: &Artifact) -> Self {
        Self {
            name: artifact.file_name.clone(),
            size: u64::try_from(artifact.size).unwrap_or_default(),
            md5: artifact.md5.clone(),
            sha1: artifact.sha1.clone(),
            sha256: artifact.sha256.clone(),
        }
    }
}

pub(super) fn missing(id: i64) -> Error {
    Error::not_found("update", &id.to_string())
}

impl Fleet {
    /// What a device is to install by an update that its poll names. `history` is how much of what it said it wants told back.
    ///
    /// # Errors
    /// When the actor is no device, or its poll does not name this update.
    pub async fn deployment(&self, actor: &Actor, id: i64, history: Option<i64>) -> Result<Deployment> {
        let (seen, release) =
            self.told_now(actor).await?.filter(|(told, _)| told.id == id).ok_or_else(|| missing(id))?;
        // Who has begun is told of it whatever became of the release: SWUpdate asks for this when it comes up again, and says how
        // it went only then. The files are refused.
        if seen.action.reached != ActionState::Installing {
            self.check_before_delivery(release.id, BEGUN_WAITS).await?;
        }
        self.note_fetched(actor, &seen).await?;
        self.deployment_of(&seen, &release, history).await
    }

    /// What a device has by an update that it said it had installed.
    ///
    /// # Errors
    /// When the actor is no device, or has installed no such update.
    pub async fn installed_deployment(&self, actor: &Actor, id: i64, history: Option<i64>) -> Result<Deployment> {
        use ActionState as S;
        let (device, _) = device_of(actor)?;
        let seen = update_action::by_id(self.db(), id).await?.filter(|seen| seen.device == device);
        let has_it = |seen: &UpdateAction| matches!(seen.action.state, S::Installed | S::Verifying | S::Verified);
        let seen = seen.filter(has_it).ok_or_else(|| missing(id))?;
        let release = self.deliverable(seen.release).await?.ok_or_else(|| missing(id))?;
        self.deployment_of(&seen, &release, history).await
    }

    pub(super) async fn deployment_of(
        &self,
        seen: &UpdateAction,
        release: &Deliverable,
        history: Option<i64>,
    ) -> Result<Deployment> {
        let history = match history.filter(|n| *n != 0) {
            Some(n) => {
                let most = if n < 0 { HISTORY } else { n.min(HISTORY) };
                let said = update_action::feedback::of(self.db(), seen.id, most).await?;
                let words = |said: Said| if said.details.is_empty() { vec![said.execution] } else { said.details };
                let messages = said.into_iter().flat_map(words).collect();
                Some(DeploymentHistory { status: status_of(seen.action.state), messages })
            }
            None => None,
        };
        Ok(Deployment {
            id: seen.id,
            module: release.module(),
            product: release.product.clone(),
            version: release.fits.version.clone(),
            files: release.artifacts.iter().map(Into::into).collect(),
            history,
        })
    }

    /// Whether a device is asked to stop an update.
    ///
    /// # Errors
    /// When the actor is no device, or is not asked to stop this one.
    pub async fn cancel_asked(&self, actor: &Actor, id: i64) -> Result<()> {
        let (device, _) = device_of(actor)?;
        let seen = update_action::by_id(self.db(), id).await?.filter(|seen| seen.device == device);
        match seen {
            Some(seen) if seen.action.state == ActionState::Cancelling => Ok(()),
            _ => Err(missing(id)),
        }
    }

    /// The files of a number that a device may fetch now.
    ///
    /// # Errors
    /// When the actor is no device, or is not told of these files.
    pub async fn artifacts_for(&self, actor: &Actor, module: i64) -> Result<Vec<ArtifactFile>> {
        let told = self.told_now(actor).await?.filter(|(_, release)| release.module() == module && module > 0);
        let (_, release) = told.ok_or_else(|| Error::not_found("software module", &module.to_string()))?;
        self.check_before_delivery(release.id, BEGUN_WAITS).await?;
        Ok(release.artifacts.iter().map(Into::into).collect())
    }

    /// A file of a number that a device may fetch now, by its name.
    ///
    /// # Errors
    /// As [`Fleet::artifacts_for`], or when there is no such file.
    pub async fn artifact_for(&self, actor: &Actor, module: i64, name: &str) -> Result<ArtifactFile> {
        let files = self.artifacts_for(actor, module).await?;
        files.into_iter().find(|file| file.name == name).ok_or_else(|| Error::not_found("file", name))
    }

    /// What a device's poll names at this moment, if it is something to install, and that it is so still: what this process
    /// remembers of the device may be a minute old.
    async fn told_now(&self, actor: &Actor) -> Result<Option<(UpdateAction, Arc<Deliverable>)>> {
        let named = self.named_now(actor).await?;
        Ok(named.filter(|(seen, _)| seen.action.under_way().awaits_client()))
    }

    /// The same of what its user is asked to agree to.
    pub(super) async fn asked_now(&self, actor: &Actor) -> Result<Option<(UpdateAction, Arc<Deliverable>)>> {
        let named = self.named_now(actor).await?;
        Ok(named.filter(|(seen, _)| seen.action.under_way().awaits_user()))
    }

    async fn named_now(&self, actor: &Actor) -> Result<Option<(UpdateAction, Arc<Deliverable>)>> {
        let (device, serial) = device_of(actor)?;
        let known = self.poll_state(device, serial).await?.updates;
        if let Some(named) = self.named_in(device, known.clone()).await? {
            return Ok(Some(named));
        }
        // Another node may have told the device or heard it since, and this one not have heard of that yet.
        let Some(now) = store::poll::poll_state(self.db(), device).await? else { return Ok(None) };
        if now.updates == known {
            return Ok(None);
        }
        self.inner.polls.forget(serial);
        self.named_in(device, now.updates).await
    }

    async fn named_in(
        &self,
        device: DeviceId,
        updates: Option<Arc<Updatable>>,
    ) -> Result<Option<(UpdateAction, Arc<Deliverable>)>> {
        let Some(updatable) = updates else { return Ok(None) };
        let Some(open) = updatable.actions.iter().find(|action| !action.state.is_closed()) else { return Ok(None) };
        let Some(live) = self.live_rollout(open.rollout).await? else { return Ok(None) };
        let choice = choose(device, &updatable, std::slice::from_ref(&live), None, Way::Poll, self.now());
        let (id, asks) = match choice {
            Choice::Link(UpdateLink::Deployment { id, .. }) => (id, false),
            Choice::Link(UpdateLink::Confirmation { id, .. }) => (id, true),
            _ => return Ok(None),
        };
        let is_so = |seen: &UpdateAction| {
            let at = seen.action.under_way();
            if asks { at.awaits_user() } else { at.awaits_client() }
        };
        let seen = update_action::by_id(self.db(), id).await?;
        let Some(seen) = seen.filter(is_so) else { return Ok(None) };
        Ok(live.releases.get(&open.release).map(|release| (seen, Arc::clone(release))))
    }

    /// Refuses what may be sent to nobody: it was withdrawn, who signed it was cut off, a file is gone or was altered. The files are
    /// read whole before the first delivery of this process, beside whoever asks, who waits for that as long as it says; whether
    /// all of it still stands is asked each time.
    pub(super) async fn check_before_delivery(&self, release: ReleaseId, patience: Duration) -> Result<()> {
        let checked = match self.checked_within(release, patience).await {
            Ok(()) => self.release_stands(release).await,
            refused => refused,
        };
        // Devices are told that there is nothing; why, the rollout's page says.
        checked.map_err(|error| match error {
            Error::Invalid { .. } | Error::Conflict(_) | Error::Away(_) => {
                tracing::warn!(%error, %release, "a release is not delivered");
                Error::not_found("release", &release.to_string())
            }
            error => error,
        })
    }

    /// The same of all releases that a rollout compares. While one of them can't be sent, nobody is exposed: a cohort that grows while
    /// another can't looks like one of which devices are lost on the way, and that is held against the experiment for good.
    pub(super) async fn check_compared(&self, plan: &Plan, patience: Duration) -> Result<()> {
        for release in plan.compared().filter(|_| plan.experiment.is_some()) {
            self.check_before_delivery(release, patience).await?;
        }
        Ok(())
    }

    /// Whether the files of a release were read whole and found right, or are so in time.
    async fn checked_within(&self, release: ReleaseId, patience: Duration) -> Result<()> {
        let rollouts = &self.inner.rollouts;
        let until = Instant::now() + patience;
        loop {
            if rollouts.is_checked(release) {
                return Ok(());
            }
            if let Some(refusal) = rollouts.refusal(release, self.now()) {
                return Err(Error::Away(refusal.why));
            }
            self.check_beside(release);
            if Instant::now() >= until {
                return Err(Error::Away(
                    "Its files are being read; it is sent once they have proved right.".to_owned(),
                ));
            }
            tokio::time::sleep(LOOK_AGAIN).await;
        }
    }

    /// Has the files of what is sent read that this process has not read yet, so that polls need not wait for it.
    pub(crate) fn check_what_is_sent(&self) {
        for release in self.unread() {
            self.check_beside(release);
        }
    }

    /// Reads the files of what is sent that this process has not read yet, and waits for it: until then polls may be told of nothing.
    /// Tests call this instead of waiting.
    pub async fn read_what_is_sent(&self) {
        for release in self.unread() {
            if let Err(error) = self.check_files_of(release).await {
                tracing::warn!(%error, %release, "the files of a release are not sent");
            }
        }
    }

    /// What is sent of which this process neither knows that it is right nor that it is not.
    fn unread(&self) -> BTreeSet<ReleaseId> {
        let (all, rollouts, now) = (self.inner.rollouts.all(), &self.inner.rollouts, self.now());
        let sends = |live: &&Arc<Live>| live.rollout.course.state == RolloutState::Running || live.rollout.reverting;
        let releases = all.iter().filter(sends).flat_map(|live| live.releases.keys().copied());
        releases.filter(|release| !rollouts.is_checked(*release) && rollouts.refusal(*release, now).is_none()).collect()
    }

    /// Reads the files of a release in a task of its own, unless one is about to.
    fn check_beside(&self, release: ReleaseId) {
        if !self.inner.rollouts.begin_check(release) {
            return;
        }
        let fleet = self.clone();
        tokio::spawn(async move {
            if let Err(error) = fleet.check_files_of(release).await {
                tracing::warn!(%error, %release, "the files of a release are not sent");
            }
            fleet.inner.rollouts.end_check(release);
        });
    }

    /// Reads the files of a release whole, once in this process, and notes what is found.
    pub(crate) async fn check_files_of(&self, release: ReleaseId) -> Result<()> {
        // One at a time: whoever waits finds it done.
        let _one_reads = self.inner.rollouts.checking.lock().await;
        if self.inner.rollouts.is_checked(release) {
            return Ok(());
        }
        // What stands in the database is asked first: it needs no reading, and may change at any time.
        let (checked, verdict_lasts) = match self.release_stands(release).await {
            Ok(()) => (self.release_checked(release).await.map(drop), VERDICT),
            refused => (refused, HICCUP),
        };
        match &checked {
            Ok(()) => self.inner.rollouts.note_checked(release),
            Err(error) => {
                let is_verdict = matches!(error, Error::Invalid { .. } | Error::Conflict(_));
                let until = self.now().plus(if is_verdict { verdict_lasts } else { HICCUP });
                self.inner.rollouts.note_refused(release, error.to_string(), is_verdict, until);
            }
        }
        checked
    }
}

/// How far an update is, as hawkBit names it.
const fn status_of(state: ActionState) -> &'static str {
    use ActionState as S;
    match state {
        S::WaitsForConfirmation => "WAIT_FOR_CONFIRMATION",
        S::Offered => "RETRIEVED",
        S::Downloading => "DOWNLOAD",
        S::Installing | S::Silent => "RUNNING",
        S::Installed | S::Verifying | S::Verified => "FINISHED",
        S::Failed | S::Reverted | S::Retried => "ERROR",
        S::Cancelling => "CANCELING",
        S::Cancelled => "CANCELED",
    }
}
