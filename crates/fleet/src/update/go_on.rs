//! How an update goes on: by what the device says, what it reports, and what time brings.

use super::exposure::{on_consent, on_move};
use crate::{
    Actor, Deed, Error, Fleet, Result,
    again::again,
    check_in::device_of,
    custody::append_to,
    rollout::{Live, PROGRESS, pace_by_habit, pace_of},
};
use domain::{
    device::Device,
    history::Event,
    id::DeviceId,
    release::ArtifactKind,
    rollout::{ActionEvent, ActionState, Feedback, Pace},
};
use store::{
    evidence::{self, Moved},
    rollout::level::{self, Made},
    update_action::{self, UpdateAction},
};

impl Fleet {
    /// Lets an action of a device go on, in a transaction that holds both. How it is then; none when nothing changed.
    pub(crate) async fn move_action(
        &self,
        actor: &Actor,
        device: DeviceId,
        id: i64,
        event: &ActionEvent<'_>,
        pace: Pace,
    ) -> Result<Option<ActionState>> {
        again(|| self.move_action_once(actor, device, id, event, pace)).await
    }

    async fn move_action_once(
        &self,
        actor: &Actor,
        device: DeviceId,
        id: i64,
        event: &ActionEvent<'_>,
        pace: Pace,
    ) -> Result<Option<ActionState>> {
        let mut deed = self.deed_of_device(actor).await?;
        let Some(device) = store::device::lock(&mut deed.tx, device).await? else { return Ok(None) };
        let Some(kept) = update_action::lock(&mut deed.tx, id).await?.filter(|kept| kept.device == device.id) else {
            return Ok(None);
        };
        let serial = device.serial.clone();
        let moved = step(&mut deed, device, &kept, (event, pace), Beside::default()).await?;
        match moved {
            Some(_) => deed.commit_as_history().await?,
            // What was read of it is late.
            None => self.inner.polls.forget(&serial),
        }
        Ok(moved)
    }

    /// Takes what a device says of an update. What it says of one that is closed is kept, and changes nothing; but a client that
    /// confirms after its start may name the one before, so that closes the one that it has begun.
    ///
    /// # Errors
    /// When the actor is no device, or has no such update.
    pub async fn update_feedback(&self, actor: &Actor, id: i64, feedback: &Feedback) -> Result<()> {
        again(|| self.take_feedback(actor, id, feedback, false)).await
    }

    /// The same of being asked to stop.
    ///
    /// # Errors
    /// When the actor is no device, has no such update, or it is not asked to stop.
    pub async fn cancel_feedback(&self, actor: &Actor, id: i64, feedback: &Feedback) -> Result<()> {
        again(|| self.take_feedback(actor, id, feedback, true)).await
    }

    async fn take_feedback(&self, actor: &Actor, id: i64, feedback: &Feedback, of_stopping: bool) -> Result<()> {
        let (device, serial) = device_of(actor)?;
        let missing = || Error::not_found("update", &id.to_string());
        let seen =
            update_action::by_id(self.db(), id).await?.filter(|seen| seen.device == device).ok_or_else(missing)?;
        // While its user is asked there is nothing that a client could say how it goes.
        if seen.action.under_way().awaits_user() {
            return Err(missing());
        }
        let closes = feedback.is_success() || feedback.is_failure();
        // What a client says over and over must not keep others from writing.
        if seen.said >= 2 * update_action::feedback::KEPT
            && (seen.action.state.is_closed() || !closes || !self.would_move(&seen, feedback, of_stopping).await?)
        {
            return Ok(());
        }
        let mut deed = self.deed_of_device(actor).await?;
        let held = store::device::lock(&mut deed.tx, device).await?.ok_or_else(missing)?;
        let named = update_action::lock(&mut deed.tx, id).await?.ok_or_else(missing)?;
        if of_stopping && named.action.state != ActionState::Cancelling && !named.action.state.is_closed() {
            return Err(Error::Conflict("This update is not being cancelled.".to_owned()));
        }
        update_action::feedback::append(&mut deed.tx, id, feedback, self.now()).await?;
        let meant = if named.action.state.is_closed() && closes && !of_stopping {
            begun_after(&mut deed, &named, feedback).await?
        } else {
            Some(named)
        };
        let mut moved = None;
        if let Some(meant) = meant {
            let rollout = store::rollout::within(&mut deed.tx, meant.rollout).await?;
            if let Some(rollout) = rollout {
                let pace = pace_of(&rollout);
                let event =
                    if of_stopping { ActionEvent::SaidOfStopping(feedback) } else { ActionEvent::Said(feedback) };
                moved = step(&mut deed, held, &meant, (&event, pace), Beside::default()).await?;
            }
        }
        if moved == Some(ActionState::Installed) {
            // Only the device itself can say what runs.
            store::report::want(&mut deed.tx, device).await?;
        }
        if moved.is_none() {
            self.inner.polls.forget(serial);
        }
        deed.commit_as_history().await
    }

    /// Whether a feedback would change anything, as far as is read here.
    async fn would_move(&self, seen: &UpdateAction, feedback: &Feedback, of_stopping: bool) -> Result<bool> {
        let Some(rollout) = store::rollout::by_id(self.db(), seen.rollout).await? else { return Ok(false) };
        let event = if of_stopping { ActionEvent::SaidOfStopping(feedback) } else { ActionEvent::Said(feedback) };
        Ok(seen.action.after(&event, self.now(), pace_of(&rollout)).is_some())
    }

    /// Notes that a device fetched what it is to install.
    pub(crate) async fn note_fetched(&self, actor: &Actor, seen: &UpdateAction) -> Result<()> {
        if !seen.action.under_way().is_not_begun() {
            return Ok(());
        }
        let Some(rollout) = store::rollout::by_id(self.db(), seen.rollout).await? else { return Ok(()) };
        self.move_action(actor, seen.device, seen.id, &ActionEvent::Fetched, pace_of(&rollout)).await.map(drop)
    }
}

/// The update that a device has begun since the one that it named was closed. A failure is taken for its failure only once it
/// installs: while it downloads, what is said late is of the one before.
async fn begun_after(deed: &mut Deed<'_>, named: &UpdateAction, said: &Feedback) -> Result<Option<UpdateAction>> {
    let open = update_action::open_of(&mut deed.tx, named.device).await?;
    let has_begun = |open: &UpdateAction| {
        let installs = open.action.state == ActionState::Installing;
        open.id > named.id && (installs || (said.is_success() && open.action.state == ActionState::Downloading))
    };
    match open.filter(has_begun) {
        Some(open) => Ok(update_action::lock(&mut deed.tx, open.id).await?),
        None => Ok(None),
    }
}

/// What belongs to a step beside what happened.
#[derive(Default)]
pub(super) struct Beside<'a> {
    /// What the device's history tells before it, if it tells of the step.
    pub(super) told: Option<Event>,
    /// The rollout, where the device's user may agree: whom it concerns from then on is decided by it.
    pub(super) live: Option<&'a Live>,
}

/// One step of an action that the deed holds, with its device: what becomes of it, the history, the counts, the bell.
pub(super) async fn step(
    deed: &mut Deed<'_>,
    device: Device,
    kept: &UpdateAction,
    (event, pace): (&ActionEvent<'_>, Pace),
    beside: Beside<'_>,
) -> Result<Option<ActionState>> {
    let now = deed.fleet().now();
    let pace = Pace { retries: pace.retries.saturating_add(taken_back(deed, kept).await?), ..pace };
    let pace = pace_by_habit(deed, device.id, pace).await?;
    let Some(next) = kept.action.after(event, now, pace) else { return Ok(None) };
    update_action::put(&mut deed.tx, kept, &next).await?;
    deed.reached.push(next.state);
    // Levels before sums, wherever both are moved: two devices that share rows can't wait for each other in a circle.
    count_level(deed, &device, kept, next.state).await?;
    let is_agreed = kept.action.under_way().awaits_user() && next.state == ActionState::Offered;
    if let Some(live) = beside.live.filter(|live| is_agreed && live.rollout.id == kept.rollout) {
        on_consent(deed, (live, &device), kept).await?;
    }
    if let Some(moved) = on_move(deed, kept, &next).await? {
        evidence::add(&mut deed.tx, kept.number, &[moved]).await?;
    }
    if only_it_can_say(deed, kept, next.state).await? {
        store::report::want(&mut deed.tx, device.id).await?;
    }
    let serial = device.serial.clone();
    let told = next.event(&kept.action, device.firmware.as_deref().unwrap_or_default());
    let entries: Vec<_> =
        beside.told.into_iter().chain(told).map(|event| deed.fleet().entry(deed.actor(), now, "", event)).collect();
    if !entries.is_empty() {
        append_to(deed, device, entries).await?;
    }
    deed.ring("device", &serial).await?;
    if let Some(code) = store::rollout::code_within(&mut deed.tx, kept.rollout).await? {
        deed.ring(PROGRESS, &code).await?;
    }
    Ok(Some(next.state))
}

/// Counts how far a device is by what it is.
async fn count_level(deed: &mut Deed<'_>, device: &Device, kept: &UpdateAction, to: ActionState) -> Result<()> {
    let made = Made { revision: &kept.revision, batch: device.batch_id };
    Ok(level::go(&mut deed.tx, kept.counted(), made, Some(kept.action.state), to).await?)
}

/// Whether a device has to be asked what runs, also if it says the same as before: after a silence, and where it stops what it
/// fetches from a repository, which it says in no other way.
async fn only_it_can_say(deed: &mut Deed<'_>, kept: &UpdateAction, state: ActionState) -> Result<bool> {
    match state {
        ActionState::Silent => Ok(true),
        ActionState::Cancelling => {
            let kind = store::release::kind_within(&mut deed.tx, kept.release).await?;
            Ok(kind.is_some_and(ArtifactKind::is_repository))
        }
        _ => Ok(false),
    }
}

/// How many of a device's tries before this one were offers that were taken back: these were none.
async fn taken_back(deed: &mut Deed<'_>, kept: &UpdateAction) -> Result<u32> {
    if kept.action.attempt == 0 {
        return Ok(0);
    }
    let had = update_action::of_both(&mut deed.tx, kept.rollout, kept.device).await?;
    let is_none =
        |had: &&UpdateAction| had.action.kind == kept.action.kind && had.action.state == ActionState::Cancelled;
    Ok(u32::try_from(had.iter().filter(is_none).count()).unwrap_or(u32::MAX))
}

/// What a device's report of its firmware does to its update, in the deed that judges the report and holds the device. What its
/// history tells instead of the version that it runs, if it went back. `moved` gets what is to be summed of it.
pub(crate) async fn on_report(
    deed: &mut Deed<'_>,
    device: &Device,
    firmware: &str,
    moved: &mut Vec<Moved>,
) -> Result<Option<Event>> {
    let Some(open) = update_action::open_of(&mut deed.tx, device.id).await? else { return Ok(None) };
    let Some(kept) = update_action::lock(&mut deed.tx, open.id).await? else { return Ok(None) };
    let Some(rollout) = store::rollout::within(&mut deed.tx, kept.rollout).await? else { return Ok(None) };
    let now = deed.fleet().now();
    let kind = store::release::kind_within(&mut deed.tx, kept.release).await?;
    let event = ActionEvent::Reported { version: firmware, is_all: kind.is_some_and(ArtifactKind::is_repository) };
    let pace = pace_by_habit(deed, device.id, pace_of(&rollout)).await?;
    let Some(next) = kept.action.after(&event, now, pace) else { return Ok(None) };
    update_action::put(&mut deed.tx, &kept, &next).await?;
    deed.reached.push(next.state);
    moved.extend(on_move(deed, &kept, &next).await?);
    count_level(deed, device, &kept, next.state).await?;
    deed.ring(PROGRESS, &rollout.code).await?;
    Ok(next.event(&kept.action, firmware).filter(|event| matches!(event, Event::UpdateReverted { .. })))
}
