//! Repositories: what a device sees at one address, whatever the tool that asks there.
//!
//! A device sees one release of a kind: what a rollout offers it at the moment of asking, or else what it has. Asking is what a
//! poll is elsewhere: what is offered then is written down once, and what was lived through is verified. Whoever installs from a
//! repository says nothing of how it goes: that it fetches is seen, and what runs the device reports.
//!
//! Beside what it is offered a device may fetch what it has, so that nothing breaks for whoever asks while that changes.
//! Nothing else is there for it.

use super::{
    Deliverable, UpdateLink,
    choose::{Choice, Way, choose},
    deliver::{BEGUN_WAITS, POLL_WAITS},
};
use crate::{Actor, Error, Fleet, Result, check_in::device_of};
use domain::{
    id::{DeviceId, ReleaseId},
    release::ArtifactKind,
    rollout::{ActionEvent, ActionState, RolloutState, fits_channel, trusted},
    time::Timestamp,
    version::version_key,
};
use std::{sync::Arc, time::Duration};
use store::{
    artifact::Artifact,
    member,
    poll::{SeenAction, Updatable},
};

/// What is asked for in a repository.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wanted<'a> {
    /// What lies at a path.
    Path(&'a str),
    /// Whatever has this SHA-256, in lower-case hexadecimal.
    Hash(&'a str),
}

/// What asking for it means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Meaning {
    /// It leads to everything else: who asks for it learns what is offered.
    Entry,
    /// It describes what there is.
    Index,
    /// It is installed: to whom it is sent has begun.
    Content,
}

/// A part of a repository, to be sent from where it lies.
#[derive(Clone, Debug)]
pub struct Part {
    /// Its path.
    pub path: String,
    /// The archive in which it lies, by its SHA-256 on the shelf.
    pub archive: String,
    /// Where it begins there, in bytes.
    pub start: u64,
    /// Its size, in bytes.
    pub size: u64,
    /// Its own SHA-256, in hexadecimal.
    pub sha256: String,
    /// Since when it is as it is, in whole seconds. No two repositories have the same, so that it tells them apart.
    pub modified_at: Timestamp,
    /// What the device has begun with once this is sent.
    begins: Option<SeenAction>,
}

/// What a device sees.
struct Sight {
    /// What it is offered, or else what it has.
    shown: Arc<Deliverable>,
    /// What it has, where it is offered something else.
    before: Option<Arc<Deliverable>>,
    /// By what it is offered it.
    action: Option<SeenAction>,
}

impl Fleet {
    /// A part of the repository that a device sees, of releases of one kind.
    ///
    /// # Errors
    /// When the actor is no device, or this is not there for it; it may be there for others.
    pub async fn repository_part(
        &self,
        actor: &Actor,
        kind: ArtifactKind,
        wanted: Wanted<'_>,
        meaning: Meaning,
    ) -> Result<Part> {
        let sight = self.sight(actor, kind, meaning == Meaning::Entry).await?;
        let nothing = || Error::not_found("file", of(wanted));
        // No archive has such a path, and PostgreSQL takes no text with a zero in it.
        if of(wanted).chars().any(char::is_control) {
            return Err(nothing());
        }
        let mut refused = None;
        for release in std::iter::once(&sight.shown).chain(&sight.before) {
            // What a device has is sent although what it is offered can't be.
            if let Err(error) = self.check_before_delivery(release.id, patience_for(&sight, release, meaning)).await {
                tracing::warn!(%error, device = actor.name(), release = %release.id, "nothing is sent of a repository");
                refused = Some(nothing());
                continue;
            }
            let Some((artifact, found)) = self.member_of(release, wanted).await? else {
                // What leads to the rest is of one of them, never a mixture.
                if meaning == Meaning::Entry {
                    break;
                }
                continue;
            };
            let offered = sight.action.filter(|action| action.release == release.id);
            let begins = match offered.filter(|_| may_begin(meaning, &found.member.path)) {
                Some(action) if self.is_new(sight.before.as_deref(), &found).await? => Some(action),
                _ => None,
            };
            return part(artifact, found, begins).ok_or_else(nothing);
        }
        Err(refused.unwrap_or_else(nothing))
    }

    /// Notes that a part is being sent: who fetches what is new to it has begun with what it is offered. Asking what there is, or
    /// whether it has changed, begins nothing. Whatever goes wrong, it is sent.
    pub async fn note_sent(&self, actor: &Actor, part: &Part) {
        let Some(action) = &part.begins else { return };
        if let Err(error) = self.note_begun(actor, action).await {
            tracing::warn!(%error, device = actor.name(), "that a device began to fetch was not noted");
        }
    }

    /// Whether a device that has another release has not got this file by it: what both have is fetched for many reasons.
    async fn is_new(&self, before: Option<&Deliverable>, found: &member::Found) -> Result<bool> {
        let Some(before) = before else { return Ok(true) };
        Ok(self.member_of(before, Wanted::Hash(&found.member.sha256)).await?.is_none())
    }

    async fn member_of<'r>(
        &self,
        release: &'r Deliverable,
        wanted: Wanted<'_>,
    ) -> Result<Option<(&'r Artifact, member::Found)>> {
        for artifact in &release.artifacts {
            let found = match wanted {
                Wanted::Path(path) => member::by_path(self.db(), artifact.number, path).await?,
                Wanted::Hash(sha256) => member::by_hash(self.db(), artifact.number, sha256).await?,
            };
            if let Some(found) = found {
                return Ok(Some((artifact, found)));
            }
        }
        Ok(None)
    }

    /// What a device sees of a kind. What it is not offered yet it is offered only where it asks for that.
    async fn sight(&self, actor: &Actor, kind: ArtifactKind, asks: bool) -> Result<Sight> {
        let (device, serial) = device_of(actor)?;
        let state = self.poll_state(device, serial).await?;
        let nothing = || Error::not_found("release for this device", kind.label());
        let updatable = state.updates.ok_or_else(nothing)?;
        trusted(&updatable.subject).map_err(|_| nothing())?;
        let offered = if asks {
            self.offered_in_repository(actor, device, &updatable, kind).await?
        } else {
            self.named_in_repository(device, &updatable, kind).await.unwrap_or_else(|error| {
                tracing::warn!(%error, device = actor.name(), "a device sees no offer in a repository");
                None
            })
        };
        // Read again: by this very request it may have been verified.
        let has = match self.had_by(device, &updatable, kind).await {
            Err(error) if offered.is_some() => {
                tracing::warn!(%error, device = actor.name(), "a device sees only what it is offered");
                None
            }
            other => other?,
        };
        match (offered, has) {
            (Some((action, release)), has) => {
                Ok(Sight { before: has.filter(|has| has.id != release.id), shown: release, action: Some(action) })
            }
            (None, Some(has)) => Ok(Sight { shown: has, before: None, action: None }),
            (None, None) => Err(nothing()),
        }
    }

    /// What a device is offered at this moment, written down if it was not told of it before.
    async fn offered_in_repository(
        &self,
        actor: &Actor,
        device: DeviceId,
        updatable: &Updatable,
        kind: ArtifactKind,
    ) -> Result<Option<(SeenAction, Arc<Deliverable>)>> {
        let (link, _) = match self.told_of_updates(actor, device, updatable, Way::Repository(kind)).await {
            Ok(told) => told,
            // As at a poll: what is offered may not be delivered, or not be written down now; what it has can be sent.
            Err(error) => {
                tracing::warn!(%error, device = actor.name(), "a device was offered nothing in a repository");
                return Ok(None);
            }
        };
        let Some(UpdateLink::Deployment { id, .. }) = link else { return Ok(None) };
        let known = updatable.actions.iter().find(|action| action.id == id).copied();
        let action = match known {
            Some(known) => known,
            None => match store::update_action::by_id(self.db(), id).await? {
                Some(made) => SeenAction::from(&made),
                None => return Ok(None),
            },
        };
        let release = self.release_by(&action).await?;
        Ok(release.map(|release| (action, release)))
    }

    /// What a device was told of before and is to see still.
    async fn named_in_repository(
        &self,
        device: DeviceId,
        updatable: &Updatable,
        kind: ArtifactKind,
    ) -> Result<Option<(SeenAction, Arc<Deliverable>)>> {
        let Some(open) = updatable.actions.iter().find(|action| !action.state.is_closed()) else { return Ok(None) };
        let Some(live) = self.live_rollout(open.rollout).await? else { return Ok(None) };
        let rollouts = std::slice::from_ref(&live);
        let choice = choose(device, updatable, rollouts, None, Way::Repository(kind), self.now());
        let Choice::Link(UpdateLink::Deployment { .. }) = choice else { return Ok(None) };
        Ok(live.releases.get(&open.release).map(|release| (*open, Arc::clone(release))))
    }

    async fn release_by(&self, action: &SeenAction) -> Result<Option<Arc<Deliverable>>> {
        let live = self.live_rollout(action.rollout).await?;
        Ok(live.and_then(|live| live.releases.get(&action.release).cloned()))
    }

    /// What a device has of a kind: the update that it installed last, or else the release that it says it runs.
    async fn had_by(
        &self,
        device: DeviceId,
        updatable: &Updatable,
        kind: ArtifactKind,
    ) -> Result<Option<Arc<Deliverable>>> {
        let subject = &updatable.subject;
        if let Some(installed) = store::update_action::installed_of_kind(self.db(), device, kind).await?
            && let Some(release) = self.deliverable(installed).await?
            // What it had once is not what it has: it may have been written anew since.
            && (subject.firmware.is_empty() || version_key(&subject.firmware) == version_key(&release.fits.version))
        {
            return Ok(Some(Arc::new(release)));
        }
        let mut has = None;
        for id in store::release::of_version(self.db(), kind, &subject.firmware).await? {
            // By its word alone it gets nothing that waits for others, is brought to them in waves, or was stopped.
            if self.is_being_rolled_out(id) || store::rollout::holds_back(self.db(), id).await? {
                continue;
            }
            // Keys of versions are alike for builds that are not.
            let found = self.deliverable(id).await?.filter(|release| release.fits.version == subject.firmware);
            let Some(release) = found else { continue };
            let fits = &release.fits;
            let is_for = |revision: &String| revision.eq_ignore_ascii_case(&subject.revision);
            let fits_revision = fits.revisions.is_empty() || fits.revisions.iter().any(is_for);
            if fits.models.contains(&subject.model) && fits_revision && fits_channel(&fits.stage, &subject.channel) {
                // Of two products nobody can say which one it means.
                if has.is_some() {
                    return Ok(None);
                }
                has = Some(Arc::new(release));
            }
        }
        Ok(has)
    }

    fn is_being_rolled_out(&self, release: ReleaseId) -> bool {
        self.inner.rollouts.all().iter().any(|live| {
            let plan = &live.rollout.plan;
            let variants = plan.cohorts.as_ref().map_or(0, |cohorts| cohorts.variants.len());
            let brings = (0..=variants).any(|n| plan.release_of(n) == Some(release));
            brings && live.rollout.course.state != RolloutState::Completed
        })
    }

    /// Notes that a device began to fetch what it is offered.
    async fn note_begun(&self, actor: &Actor, action: &SeenAction) -> Result<()> {
        if action.state != ActionState::Offered {
            return Ok(());
        }
        let (device, _) = device_of(actor)?;
        let Some(live) = self.live_rollout(action.rollout).await? else { return Ok(()) };
        self.move_action(actor, device, action.id, &ActionEvent::Fetched, live.pace()).await.map(drop)
    }
}

/// How long the files of a release are waited for: as long as it takes, unless there is something else to see meanwhile.
fn patience_for(sight: &Sight, release: &Deliverable, meaning: Meaning) -> Duration {
    let has_other = sight.before.is_some() && release.id == sight.shown.id;
    if has_other && meaning == Meaning::Entry { POLL_WAITS } else { BEGUN_WAITS }
}

/// Whether fetching it may be a beginning. A package is what it is also where it is asked for by its hash.
fn may_begin(meaning: Meaning, path: &str) -> bool {
    let is_package = path.rsplit_once('.').is_some_and(|(_, kind)| kind == "deb");
    meaning == Meaning::Content || (meaning == Meaning::Index && is_package)
}

fn of(wanted: Wanted<'_>) -> &str {
    match wanted {
        Wanted::Path(path) => path,
        Wanted::Hash(sha256) => sha256,
    }
}

fn part(artifact: &Artifact, found: member::Found, begins: Option<SeenAction>) -> Option<Part> {
    let (start, size) = (u64::try_from(found.member.start).ok()?, u64::try_from(found.member.size).ok()?);
    Some(Part {
        path: found.member.path,
        archive: artifact.sha256.clone(),
        start,
        size,
        sha256: found.member.sha256,
        modified_at: Timestamp(found.modified_at),
        begins,
    })
}
