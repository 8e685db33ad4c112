//! Asking a device's user: what there is to agree to, what that one says, and whether everything is agreed to from now on. Nobody
//! answers for that one but the device.

use super::{
    Deployment, UpdateLink,
    choose::{Choice, Way, choose},
    deliver::{BEGUN_WAITS, missing},
    go_on::{Beside, step},
};
use crate::{
    Actor, Error, Fleet, Result,
    again::again,
    check_in::device_of,
    custody::append_to,
    rollout::{Live, pace_of},
};
use domain::{
    history::Event,
    id::{DeviceId, ReleaseId},
    person::Permission,
    rollout::{ActionEvent, ActionKind, ActionState, Consent, RolloutState, UserAnswer},
    time::{MINUTE, Timestamp},
};
use std::sync::Arc;
use store::{
    auto_confirm::{self, AutoConfirm},
    rollout::Rollout,
    update_action::{self, UpdateAction, feedback},
};

/// How long a name and a remark may be, in characters.
const NAME_MAX: usize = 120;
const REMARK_MAX: usize = 400;
/// How soon after another a device's history tells of a switch: one that is switched to and fro must not fill it.
const TOLD_AGAIN: i64 = 10 * MINUTE;

/// What a device's user is asked, and whether that one is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Confirmations {
    /// That everything is agreed to without asking, if it is.
    pub auto: Option<AutoConfirm>,
    /// What waits for an answer now.
    pub waiting: Option<UpdateLink>,
}

/// What became of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Heard {
    /// It counts, or was said before.
    Taken,
    /// Nobody is asked any more: the update is closed.
    Closed,
}

impl Fleet {
    /// What a device's user is asked now, and whether that one is asked at all.
    ///
    /// # Errors
    /// When the actor is no device.
    pub async fn confirmations(&self, actor: &Actor) -> Result<Confirmations> {
        let (device, _) = device_of(actor)?;
        let waiting = self.asked_now(actor).await?;
        let waiting = waiting.map(|(seen, _)| UpdateLink::Confirmation { id: seen.id, tag: seen.action.attempt });
        Ok(Confirmations { auto: auto_confirm::of(self.db(), device).await?, waiting })
    }

    /// What a device would install once its user agrees. `history` is how much of what it said it wants told back.
    ///
    /// # Errors
    /// When the actor is no device, or its poll does not name this update as one to agree to.
    pub async fn confirmation(&self, actor: &Actor, id: i64, history: Option<i64>) -> Result<Deployment> {
        let asked = self.asked_now(actor).await?.filter(|(asked, _)| asked.id == id);
        let (seen, release) = asked.ok_or_else(|| missing(id))?;
        self.check_before_delivery(release.id, BEGUN_WAITS).await?;
        self.deployment_of(&seen, &release, history).await
    }

    /// Takes what a device's user says of an update. Who agrees twice agrees once; who doesn't agree goes on being asked, and may
    /// take back what was agreed to until it is being installed.
    ///
    /// # Errors
    /// When the actor is no device, has no such update, or nobody is asked about it.
    pub async fn user_answers(&self, actor: &Actor, id: i64, said: &UserAnswer) -> Result<Heard> {
        again(|| self.user_answers_once(actor, id, said)).await
    }

    async fn user_answers_once(&self, actor: &Actor, id: i64, said: &UserAnswer) -> Result<Heard> {
        let (device, serial) = device_of(actor)?;
        let waits = self.take_back_what_is_lost(actor, device, serial).await?;
        let seen = update_action::by_id(self.db(), id).await?.filter(|seen| seen.device == device);
        let seen = seen.ok_or_else(|| missing(id))?;
        if seen.action.state.is_closed() {
            return Ok(Heard::Closed);
        }
        // What a client says over and over must not keep others from writing.
        if seen.said >= 2 * feedback::KEPT && !said.agrees() {
            return Ok(Heard::Taken);
        }
        let live = match waits {
            // Another process asked it just now.
            None if seen.action.under_way().awaits_user() => self.live_rollout(seen.rollout).await?,
            known => known,
        };
        let mut deed = self.deed_of_device(actor).await?;
        let held = store::device::lock(&mut deed.tx, device).await?.ok_or_else(|| missing(id))?;
        let named = update_action::lock(&mut deed.tx, id).await?.ok_or_else(|| missing(id))?;
        if named.action.state.is_closed() {
            return Ok(Heard::Closed);
        }
        let rollout = store::rollout::within(&mut deed.tx, named.rollout).await?.ok_or_else(|| missing(id))?;
        let asks = rollout.plan.confirmation_required && named.action.kind == ActionKind::Update;
        let beside = Beside { live: live.as_deref(), told: None };
        if is_lost(&named, &rollout) {
            step(&mut deed, held, &named, (&ActionEvent::TakeBack, pace_of(&rollout)), beside).await?;
            deed.commit_as_history().await?;
            return Ok(Heard::Closed);
        }
        if !named.action.under_way().awaits_user() {
            let is_stopping = named.action.state == ActionState::Cancelling;
            match said.consent {
                Consent::Confirmed if asks && !is_stopping => return Ok(Heard::Taken),
                Consent::Denied if asks && named.action.may_be_denied() => {}
                _ => return Err(missing(id)),
            }
        }
        feedback::append_answer(&mut deed.tx, id, said, self.now()).await?;
        let event = ActionEvent::Answered(said);
        if step(&mut deed, held, &named, (&event, pace_of(&rollout)), beside).await?.is_none() {
            self.inner.polls.forget(serial);
        }
        deed.commit_as_history().await?;
        Ok(Heard::Taken)
    }

    /// From now on a device's updates are agreed to without asking its user; what waits for that one now is agreed to by this.
    ///
    /// # Errors
    /// When the actor is no device, or it is so already.
    pub async fn activate_auto_confirm(&self, actor: &Actor, initiator: &str, remark: &str) -> Result<()> {
        again(|| self.switch_auto_confirm_on(actor, initiator, remark)).await
    }

    async fn switch_auto_confirm_on(&self, actor: &Actor, initiator: &str, remark: &str) -> Result<()> {
        let (device, serial) = device_of(actor)?;
        let live = self.take_back_what_is_lost(actor, device, serial).await?;
        // Before the deed begins: a second connection within it may be the one that all wait for.
        let is_beside_before = store::turn::beside_before(self.db()).await?;
        let now = self.now();
        let mut deed = self.deed_of_device(actor).await?;
        let held = store::device::lock(&mut deed.tx, device).await?;
        let held = held.ok_or_else(|| Error::not_found("device", serial))?;
        let told = auto_confirm::told_at(&mut deed.tx, device).await?;
        let (initiator, remark) = (cut(initiator, NAME_MAX), cut(remark, REMARK_MAX));
        let how = AutoConfirm { initiator: initiator.clone(), remark: remark.clone(), activated_at: now };
        if !auto_confirm::switch_on(&mut deed.tx, device, &how, next_told(told, now)).await? {
            return Err(Error::Conflict("Updates are agreed to without asking at this device already.".to_owned()));
        }
        let is_told = is_told(told, now) && !is_beside_before;
        let switched = is_told.then_some(Event::AutoConfirmSwitched { on: true, initiator, remark });
        let open = update_action::open_of(&mut deed.tx, device).await?;
        match open.filter(|open| open.action.under_way().awaits_user()) {
            Some(open) => {
                let id = open.id;
                let named = update_action::lock(&mut deed.tx, id).await?.ok_or_else(|| missing(id))?;
                let rollout = store::rollout::within(&mut deed.tx, named.rollout).await?.ok_or_else(|| missing(id))?;
                let said = agreed_by(&how);
                let event = if is_lost(&named, &rollout) {
                    ActionEvent::TakeBack
                } else {
                    feedback::append_answer(&mut deed.tx, id, &said, now).await?;
                    ActionEvent::Answered(&said)
                };
                // Another process may have asked it just now.
                let live = live.or_else(|| self.inner.rollouts.one(named.rollout));
                let beside = Beside { told: switched, live: live.as_deref() };
                step(&mut deed, held, &named, (&event, pace_of(&rollout)), beside).await?;
            }
            None => {
                let entries = switched.into_iter().map(|event| self.entry(actor, now, "", event)).collect();
                append_to(&mut deed, held, entries).await?;
                deed.ring("device", serial).await?;
            }
        }
        deed.commit_as_history().await
    }

    /// From now on a device's user is asked. What was agreed to stays so.
    ///
    /// # Errors
    /// When the actor is no device.
    pub async fn deactivate_auto_confirm(&self, actor: &Actor) -> Result<()> {
        again(|| self.switch_auto_confirm_off(actor)).await
    }

    async fn switch_auto_confirm_off(&self, actor: &Actor) -> Result<()> {
        let (device, serial) = device_of(actor)?;
        if auto_confirm::of(self.db(), device).await?.is_none() {
            return Ok(());
        }
        let is_beside_before = store::turn::beside_before(self.db()).await?;
        let now = self.now();
        let mut deed = self.deed_of_device(actor).await?;
        let held = store::device::lock(&mut deed.tx, device).await?;
        let held = held.ok_or_else(|| Error::not_found("device", serial))?;
        let told = auto_confirm::told_at(&mut deed.tx, device).await?;
        if !auto_confirm::switch_off(&mut deed.tx, device, next_told(told, now)).await? {
            return Ok(());
        }
        // A node of the version before could not read the device's history any more.
        if is_told(told, now) && !is_beside_before {
            let event = Event::AutoConfirmSwitched { on: false, initiator: String::new(), remark: String::new() };
            append_to(&mut deed, held, vec![self.entry(actor, now, "", event)]).await?;
        }
        deed.ring("device", serial).await?;
        deed.commit_as_history().await
    }

    /// That a device's user agreed to everything beforehand, if that one did.
    ///
    /// # Errors
    /// When the actor may not see the fleet, or there is no such device.
    pub async fn device_auto_confirm(&self, actor: &Actor, serial: &str) -> Result<Option<AutoConfirm>> {
        actor.require(Permission::FleetRead)?;
        let device = self.device(actor, serial).await?;
        Ok(auto_confirm::of(self.db(), device.id).await?)
    }

    /// Takes back what waits for a device's user though nothing can come of it any more, before that one agrees to it. The rollout that
    /// asks that one, if one does.
    async fn take_back_what_is_lost(&self, actor: &Actor, device: DeviceId, serial: &str) -> Result<Option<Arc<Live>>> {
        let state = self.poll_state(device, serial).await?;
        let Some(updatable) = state.updates else { return Ok(None) };
        let is_asked = |action: &&store::poll::SeenAction| action.under_way().awaits_user();
        let Some(open) = updatable.actions.iter().find(is_asked) else { return Ok(None) };
        let Some(live) = self.live_rollout(open.rollout).await? else { return Ok(None) };
        let of_it = std::slice::from_ref(&live);
        if let Choice::TakeBack(lost) = choose(device, &updatable, of_it, None, Way::Poll, self.now()) {
            self.move_action(actor, device, lost.id, &ActionEvent::TakeBack, live.pace()).await?;
        }
        Ok(Some(live))
    }
}

/// Whether a device waits for its user in a rollout that was aborted, on whichever node: nothing comes of an answer.
fn is_lost(named: &UpdateAction, rollout: &Rollout) -> bool {
    rollout.course.state == RolloutState::Aborted && named.action.under_way().awaits_user()
}

/// That a device's user agreed beforehand.
fn agreed_by(how: &AutoConfirm) -> UserAnswer {
    let words = match how.initiator.as_str() {
        "" => "Agreed to by auto-confirm.".to_owned(),
        name => format!("Agreed to by auto-confirm, switched on by {name}."),
    };
    UserAnswer { consent: Consent::Confirmed, code: None, details: vec![words] }
}

/// What a device says of who and why, without what only steers a terminal.
fn cut(text: &str, most: usize) -> String {
    text.trim().chars().filter(|c| !c.is_control()).take(most).collect()
}

fn is_told(last: Option<Timestamp>, now: Timestamp) -> bool {
    // The clock may be set back.
    last.is_none_or(|last| last.plus(TOLD_AGAIN) <= now || last > now)
}

fn next_told(last: Option<Timestamp>, now: Timestamp) -> Timestamp {
    last.filter(|_| !is_told(last, now)).unwrap_or(now)
}

/// Whether an update of a device that has just been locked is agreed to beforehand, where its rollout asks.
pub(super) async fn is_asked(deed: &mut crate::Deed<'_>, asks: bool, device: DeviceId) -> Result<bool> {
    Ok(asks && auto_confirm::within(&mut deed.tx, device).await?.is_none())
}

/// Whether a device's user has agreed to this release already and the device could not begin: what that one said still counts, though the
/// offer was taken back.
pub(super) async fn has_agreed(
    deed: &mut crate::Deed<'_>,
    before: Option<&UpdateAction>,
    release: ReleaseId,
) -> Result<bool> {
    let is_same = |before: &&UpdateAction| before.release == release && before.action.is_taken_back_unbegun();
    let Some(before) = before.filter(is_same) else { return Ok(false) };
    Ok(feedback::last_answer(&mut deed.tx, before.id).await? == Some(Consent::Confirmed))
}

/// That a device's user agreed to an offer before.
pub(super) fn agreed_before() -> UserAnswer {
    let words = "Agreed to before; that offer was taken back before the device began.".to_owned();
    UserAnswer { consent: Consent::Confirmed, code: None, details: vec![words] }
}

/// What a poll names of an update, whether its user is asked or it may be installed.
pub(super) fn link_of(action: &UpdateAction) -> UpdateLink {
    let (id, tag) = (action.id, action.action.attempt);
    if action.action.under_way().awaits_user() {
        UpdateLink::Confirmation { id, tag }
    } else {
        UpdateLink::Deployment { id, tag }
    }
}
