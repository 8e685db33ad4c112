//! A poll: when to come again, whether a report is wanted, and whether two devices come as one.

use super::{
    RULE, brake, device_of,
    judge::{Bench, Scope},
    reason, travel,
};
use crate::{
    Actor, Error, Fleet, Result,
    update::{Told, UpdateLink},
};
use domain::{cadence::Poll, id::DeviceId, person::Permission, suspicion::Signal};
use std::net::IpAddr;
use store::{poll::PollState, report::Report};

/// The shortest and the longest time between two polls, in seconds: clients read it as a time of day.
const SHORTEST: i64 = 1;
pub(super) const LONGEST: i64 = 86_399;

/// What a poll is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PollAnswer {
    /// In how many seconds to poll again, from 1 to 86 399.
    pub sleep_s: u32,
    /// Whether it is asked to report what it is.
    pub wants_report: bool,
    /// The update that it is told of.
    pub update: Option<UpdateLink>,
    /// The update that it has installed last.
    pub installed: Option<i64>,
}

impl Fleet {
    /// Answers a device's poll. One device is read at most and nothing is written, unless it is told of an update for the first
    /// time, or the polls show that two devices use this identity.
    ///
    /// # Errors
    /// When the actor is no device, or the database fails.
    pub async fn poll(&self, actor: &Actor) -> Result<PollAnswer> {
        self.answer_poll(actor, true).await
    }

    /// The same for a device that is on hold or quarantined: it is told of no update.
    ///
    /// # Errors
    /// As [`Fleet::poll`].
    pub async fn poll_held(&self, actor: &Actor) -> Result<PollAnswer> {
        self.answer_poll(actor, false).await
    }

    async fn answer_poll(&self, actor: &Actor, is_whole: bool) -> Result<PollAnswer> {
        let (id, serial) = device_of(actor)?;
        let state = self.poll_state(id, serial).await?;
        let sleep_s = u32::try_from(state.interval_s.clamp(SHORTEST, LONGEST)).unwrap_or(300);
        if let Ok(address) = actor.address().parse::<IpAddr>() {
            let poll = Poll { at: self.now(), address, interval_s: sleep_s };
            if let Some(signal) = self.inner.polls.count(id, &poll, &state)
                && let Err(error) = self.suspect(actor, id, signal).await
            {
                // The device is answered all the same; if it goes on like this, it is noticed again.
                tracing::warn!(%error, device = serial, "that an identity may be used twice was not noted");
            }
        }
        let is_due = state.due_at.is_some_and(|at| at <= self.now());
        let told = if is_whole { self.updates_at_poll(actor, id, &state).await } else { Told::default() };
        let wants_report = state.wanted || is_due || told.asks;
        self.inner.observed.polled(is_whole);
        Ok(PollAnswer { sleep_s, wants_report, update: told.link, installed: told.installed })
    }

    pub(crate) async fn poll_state(&self, id: DeviceId, serial: &str) -> Result<PollState> {
        let (polls, now) = (&self.inner.polls, self.now());
        let missed = match polls.states.of(serial, now) {
            Ok(state) if polls.counts(id) && !polls.is_beside_before() => return Ok(state),
            Ok(_) => None,
            Err(missed) => Some(missed),
        };
        let state = store::poll::poll_state(self.db(), id).await?;
        let state = state.ok_or_else(|| Error::not_found("device", serial))?;
        if let Some(missed) = missed {
            polls.states.keep(serial, &state, now, missed);
        }
        Ok(state)
    }

    /// Notes what the polls of a device say against it.
    async fn suspect(&self, actor: &Actor, id: DeviceId, signal: Signal) -> Result<()> {
        let (_, serial) = device_of(actor)?;
        let device = store::device::by_serial(self.db(), serial).await?;
        let device = device.ok_or_else(|| Error::not_found("device", serial))?;
        let rules = self.rules_of(device.model_id).await?;
        let batch = store::report::batch_code(self.db(), device.batch_id).await?;
        let mut deed = self.allow(&RULE, Permission::CertificateHold, &format!("device:{serial}")).await?;
        let device = store::device::lock(&mut deed.tx, id).await?.ok_or_else(|| Error::not_found("device", serial))?;
        let unheard = Report { wanted: true, ..Report::default() };
        let kept = store::report::of_device_within(&mut deed.tx, id).await?.unwrap_or(unheard);
        let earlier = reason::read(&kept.reasons);
        let signals = travel::with_earlier(&mut deed, &earlier, signal).await?;
        let most = brake::most(&mut deed, device.model_id).await?;
        let bench = Bench { fleet: self, actor, device, batch, policy: rules.policy, components: Vec::new(), most };
        let judged = bench.judge(&mut deed, &signals, earlier, Scope::Polls).await?;
        reason::keep(&mut deed.tx, id, &kept, &judged.reasons).await?;
        self.conclude(deed, &bench, judged).await
    }
}
