//! The poll's part that may write: an offer, a stop, a verification.

use super::{
    UpdateLink,
    choose::{Choice, Offer, Way, choose, is_from_repository},
    confirm::{agreed_before, has_agreed, is_asked, link_of},
    deliver::POLL_WAITS,
    exposure::{on_offer, subject_of},
};
use crate::{
    Actor, Error, Fleet, Result,
    again::again,
    custody::append_to,
    rollout::{Live, PROGRESS, minute_of},
};
use domain::{
    history::Event,
    id::{DeviceId, RolloutId},
    rollout::{Action, ActionEvent, ActionKind, ActionState, HeldBack, RolloutState, may_install},
};
use std::sync::Arc;
use store::{
    poll::{PollState, SeenAction, Updatable},
    rollout::level::{self, Made},
    update_action::UpdateAction,
};

/// What a poll is answered about updates.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Told {
    /// What it names.
    pub(crate) link: Option<UpdateLink>,
    /// What the device has installed last.
    pub(crate) installed: Option<i64>,
    /// Whether it is asked what runs.
    pub(crate) asks: bool,
}

/// A device that asks.
#[derive(Clone, Copy)]
struct Asks<'a> {
    updatable: &'a Updatable,
    way: Way,
    /// The rollout of its update, if that had to be read because it is not in memory.
    outlived: Option<&'a Arc<Live>>,
}

impl Fleet {
    /// What a device's poll is told about updates. Whatever goes wrong, the poll is answered; the next one tries again.
    pub(crate) async fn updates_at_poll(&self, actor: &Actor, id: DeviceId, state: &PollState) -> Told {
        let Some(updatable) = &state.updates else { return Told::default() };
        let installed = updatable.actions.iter().find(|action| {
            matches!(action.state, ActionState::Verified | ActionState::Installed | ActionState::Verifying)
        });
        let told = Told { installed: installed.map(|action| action.id), ..Told::default() };
        match self.told_of_updates(actor, id, updatable, Way::Poll).await {
            Ok((link, asks)) => Told { link, asks, ..told },
            Err(error) => {
                tracing::warn!(%error, device = actor.name(), "a device was told of no update");
                told
            }
        }
    }

    /// What a device that asks is told, and whether it is asked what runs.
    pub(super) async fn told_of_updates(
        &self,
        actor: &Actor,
        id: DeviceId,
        updatable: &Updatable,
        way: Way,
    ) -> Result<(Option<UpdateLink>, bool)> {
        let rollouts = self.inner.rollouts.all();
        let open = updatable.actions.iter().find(|action| !action.state.is_closed());
        if rollouts.is_empty() && open.is_none() {
            return Ok((None, false));
        }
        // An update that outlived its rollout in memory; there are few.
        let outlived = match open.filter(|open| !rollouts.iter().any(|live| live.rollout.id == open.rollout)) {
            Some(open) => self.live_rollout(open.rollout).await?,
            None => None,
        };
        if open.is_none() {
            self.note_held_out(actor, id, updatable, &rollouts).await;
        }
        let now = self.now();
        let asks = Asks { updatable, way, outlived: outlived.as_ref() };
        let mut rollouts = rollouts;
        loop {
            let choice = choose(id, updatable, &rollouts, outlived.as_ref(), way, now);
            let refused = match &choice {
                Choice::Offer(offer) => offer.live.rollout.id,
                _ => return self.told_of_choice(actor, id, asks, choice).await,
            };
            match self.told_of_choice(actor, id, asks, choice).await {
                // What can't be sent keeps nobody from what can.
                Err(Error::NotFound { .. }) => {
                    rollouts = Arc::new(rollouts.iter().filter(|live| live.rollout.id != refused).cloned().collect());
                }
                told => return told,
            }
        }
    }

    async fn told_of_choice(
        &self,
        actor: &Actor,
        id: DeviceId,
        asks: Asks<'_>,
        choice: Choice,
    ) -> Result<(Option<UpdateLink>, bool)> {
        match choice {
            Choice::Nothing => Ok((None, false)),
            Choice::Link(link) => Ok((Some(link), false)),
            Choice::Ask => Ok((None, true)),
            Choice::Verify(action) => {
                let pace = self.rollout_of(asks, action.rollout).await?.map(|live| live.pace());
                if let Some(pace) = pace {
                    self.move_action(actor, id, action.id, &ActionEvent::Polled, pace).await?;
                }
                Ok((None, false))
            }
            Choice::Stop(action) => {
                let Some(live) = self.rollout_of(asks, action.rollout).await? else { return Ok((None, false)) };
                let moved = self.move_action(actor, id, action.id, &ActionEvent::Stop, live.pace()).await?;
                if is_from_repository(&live, action.release) {
                    // Nobody there takes it; it is told nothing of it any more, and says what it runs.
                    return Ok((None, true));
                }
                Ok((moved.map(|_| UpdateLink::Cancel { id: action.id }), false))
            }
            Choice::TakeBack(action) => {
                let Some(live) = self.rollout_of(asks, action.rollout).await? else { return Ok((None, false)) };
                let event = ActionEvent::TakeBack;
                let Some(state) = self.move_action(actor, id, action.id, &event, live.pace()).await? else {
                    return Ok((None, false));
                };
                // It is free from here on: what else there is for it is looked for at once.
                let mut freed = asks.updatable.clone();
                let of_this = |seen: &&mut SeenAction| seen.id == action.id;
                freed.actions.iter_mut().filter(of_this).for_each(|seen| seen.state = state);
                Box::pin(self.told_of_updates(actor, id, &freed, asks.way)).await
            }
            Choice::Offer(offer) => match self.offer(actor, id, &offer).await {
                Ok(told) => Ok((told, false)),
                // Another node was faster.
                Err(Error::Conflict(_)) => Ok((None, false)),
                Err(error) => Err(error),
            },
        }
    }

    /// A rollout from memory, or as it was read for this device a moment ago.
    async fn rollout_of(&self, asks: Asks<'_>, id: RolloutId) -> Result<Option<Arc<Live>>> {
        match asks.outlived.filter(|live| live.rollout.id == id) {
            Some(read) => Ok(Some(Arc::clone(read))),
            None => self.live_rollout(id).await,
        }
    }

    /// Tells a device of an update, in one transaction: what becomes of it, the history, the counts, the bell. Everything is
    /// asked once more. None when it is not offered after all. Where its user is to agree first, that one is asked by this; taking
    /// back needs nobody's consent, because it ends what does harm.
    async fn offer(&self, actor: &Actor, id: DeviceId, offer: &Offer) -> Result<Option<UpdateLink>> {
        again(|| self.offer_once(actor, id, offer)).await
    }

    async fn offer_once(&self, actor: &Actor, id: DeviceId, offer: &Offer) -> Result<Option<UpdateLink>> {
        let rollout = &offer.live.rollout;
        self.check_before_delivery(offer.release, POLL_WAITS).await?;
        if offer.kind == ActionKind::Update {
            self.check_compared(&rollout.plan, POLL_WAITS).await?;
        }
        let Some(found) = self.deliverable(offer.release).await? else { return Ok(None) };
        let mut now = self.now();
        let mut deed = self.deed_of_device(actor).await?;
        let Some(device) = store::device::lock(&mut deed.tx, id).await? else { return Ok(None) };
        let standing = store::rollout::standing(&mut deed.tx, rollout.id).await?;
        let is_held = |held: &HeldBack| held.holds(offer.cohort, &device.hardware_revision, &offer.batch);
        let may = standing.is_some_and(|standing| match offer.kind {
            ActionKind::Update => {
                let is_open = standing.wave.is_some_and(|open| offer.wave <= open);
                standing.state == RolloutState::Running && is_open && !standing.held_back.iter().any(is_held)
            }
            ActionKind::Revert => standing.state == RolloutState::Aborted,
        });
        let subject = subject_of(&device, &offer.batch);
        let downgrades = rollout.plan.downgrades || offer.kind == ActionKind::Revert;
        if !may || may_install(&subject, &found.fits, downgrades).is_err() {
            self.inner.polls.forget(&device.serial);
            return Ok(None);
        }
        let had = store::update_action::of_both(&mut deed.tx, rollout.id, id).await?;
        let before = had.iter().find(|had| had.action.kind == offer.kind);
        let is_next = before.map_or(0, |had| had.action.attempt + 1) == offer.attempt;
        let open = store::update_action::open_of(&mut deed.tx, id).await?;
        if !is_next || open.is_some() {
            self.inner.polls.forget(&device.serial);
            // Another node told it of this; the answer is the same here.
            let is_told = |open: &UpdateAction| open.action.state.is_offered() || open.action.under_way().awaits_user();
            let is_same = |open: &UpdateAction| open.rollout == rollout.id && is_told(open);
            return Ok(open.filter(is_same).as_ref().map(link_of));
        }
        if let Some(rate) = rollout.plan.rate_per_minute.filter(|_| offer.kind == ActionKind::Update) {
            let minute = minute_of(now);
            let Some(counted) = store::rollout::count_in_minute(&mut deed.tx, rollout.id, minute, rate).await? else {
                offer.live.note_full(minute);
                return Ok(None);
            };
            if counted > minute {
                // It waited for its turn until the next one, of which it is by now: unless it was counted by a clock that is ahead.
                now = self.now();
            }
        }
        let number = store::update_action::number_of(&mut deed.tx, id).await?;
        let action =
            Action::offered(offer.kind, &found.fits.version, &subject.firmware, offer.attempt, now, offer.live.pace());
        let asks = rollout.plan.confirmation_required && offer.kind == ActionKind::Update;
        let agreed = asks && has_agreed(&mut deed, before, offer.release).await?;
        let action = if is_asked(&mut deed, asks && !agreed, id).await? { action.asked() } else { action };
        let new = UpdateAction {
            id: store::update_action::next_id(&mut deed.tx).await?,
            rollout: rollout.id,
            device: id,
            number,
            wave: offer.wave,
            cohort: offer.cohort,
            release: offer.release,
            revision: device.hardware_revision.clone(),
            offered_at: now,
            said: 0,
            action,
        };
        let was = before.map(|had| had.action.state);
        store::update_action::insert(&mut deed.tx, &new, was).await?;
        deed.reached.push(new.action.state);
        if agreed {
            // So that it stands where it is looked for, however often that is taken back.
            store::update_action::feedback::append_answer(&mut deed.tx, new.id, &agreed_before(), now).await?;
        }
        let made = Made { revision: &new.revision, batch: device.batch_id };
        match before.filter(|had| had.revision != new.revision) {
            // It was repaired in between, and is counted as what it is now.
            Some(had) => {
                let made_before = Made { revision: &had.revision, ..made };
                level::go(&mut deed.tx, had.counted(), made_before, was, ActionState::Cancelled).await?;
                level::go(&mut deed.tx, new.counted(), made, None, new.action.state).await?;
            }
            None => level::go(&mut deed.tx, new.counted(), made, was, new.action.state).await?,
        }
        on_offer(&mut deed, (&offer.live, &subject), &new, before).await?;
        let version = found.fits.version.clone();
        let is_waiting = new.action.under_way().awaits_user();
        let told = if is_waiting { Event::UpdateAsked { version } } else { Event::UpdateOffered { version } };
        let entry = self.entry(actor, now, "", told);
        let serial = device.serial.clone();
        append_to(&mut deed, device, vec![entry]).await?;
        deed.ring("device", &serial).await?;
        deed.ring(PROGRESS, &rollout.code).await?;
        deed.commit_as_history().await?;
        Ok(Some(link_of(&new)))
    }
}
