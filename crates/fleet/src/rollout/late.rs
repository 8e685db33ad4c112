//! Who is late with an update: by the plan's timeout, or, if the plan says so, by how the device itself usually polls.
//!
//! A device that failed can't go silent any more, and one that was kept from its update or had its offer taken back is neither: these
//! are competing outcomes, of which each device has one, and gates count them so.

use super::{Live, STEWARD};
use crate::{Deed, Fleet, Result, update::around};
use domain::{
    cadence::Cadence,
    device::Connection,
    id::DeviceId,
    rollout::{ActionEvent, Pace, answer, late_after},
    time::SECOND,
};
use std::sync::Arc;
use store::{poll::Updatable, update_action::UpdateAction};

/// How many devices that are late are noted in one look.
const LATE: i64 = 2_000;
/// How often devices poll where nothing else is known, in seconds.
const INTERVAL_S: i64 = 300;

/// The pace for one device, which the deed holds: where habits count, by how that one usually polls.
pub(crate) async fn pace_by_habit(deed: &mut Deed<'_>, device: DeviceId, pace: Pace) -> Result<Pace> {
    if pace.usual.is_none() {
        return Ok(pace);
    }
    let usual = store::poll::cadence(&mut deed.tx, device).await?.and_then(usual_of);
    Ok(Pace { usual, ..pace })
}

fn usual_of(cadence: Cadence) -> Option<i64> {
    cadence.usual_gap_s().map(|gap_s| late_after(gap_s, cadence.interval_s()))
}

impl Fleet {
    /// Notes devices whose time is over: silent, or failed if they are heard from.
    pub(super) async fn note_who_is_late(&self) -> Result<()> {
        for id in store::update_action::due(self.db(), self.now(), LATE).await? {
            if let Err(error) = self.note_late(id).await {
                tracing::warn!(%error, action = id, "that a device is late was not noted; it is tried again");
            }
        }
        Ok(())
    }

    async fn note_late(&self, id: i64) -> Result<()> {
        let Some(seen) = store::update_action::by_id(self.db(), id).await? else { return Ok(()) };
        let Some(live) = self.live_rollout(seen.rollout).await? else { return Ok(()) };
        let (pace, now) = (live.pace(), self.now());
        let state = store::poll::poll_state(self.db(), seen.device).await?;
        let interval = state.as_ref().map_or(INTERVAL_S, |state| state.interval_s);
        let cadence = state.as_ref().and_then(|state| state.cadence).map(|(cadence, _)| cadence);
        let (firmware, last) = store::update_action::heard(self.db(), seen.device).await?;
        let came = self.inner.polls.came_at(seen.device).max(last);
        // As a connection is told of: late is not silent. But whoever stopped right at the offer is.
        let interval = interval.max(1).saturating_mul(SECOND);
        let most = interval.saturating_mul(Connection::LATE_INTERVALS);
        let span = most.min(pace.timeout.max(interval.saturating_mul(Connection::ONLINE_INTERVALS)));
        let heard = match pace.usual.and(cadence).and_then(usual_of) {
            // What it was heard of when it got there says nothing of what came after.
            Some(usual) => came.is_some_and(|came| came > seen.action.changed_at && came.plus(span.max(usual)) > now),
            None => came.is_some_and(|came| came.plus(span) > now),
        };
        let withheld = match state.and_then(|state| state.updates) {
            Some(updatable) => self.is_withheld(&live, Arc::unwrap_or_clone(updatable), &seen, span).await?,
            None => false,
        };
        let resumed_at = live.rollout.resumed_at;
        let event = ActionEvent::TimedOut { heard, last: came, firmware: &firmware, withheld, resumed_at };
        self.move_action(&STEWARD, seen.device, id, &event, pace).await.map(drop)
    }

    /// Whether a device is kept from an update, or was when it polled last.
    async fn is_withheld(&self, live: &Live, mut device: Updatable, seen: &UpdateAction, span: i64) -> Result<bool> {
        let (at, now) = (seen.action.under_way(), self.now());
        if !at.awaits_client() {
            return Ok(false);
        }
        let serial = store::update_action::serial(self.db(), seen.device).await?;
        device.subject.held = self.has_only_held(&serial).await?;
        let is_kept =
            |when| answer(&at, &around(live, (seen.device, &device), seen.release, when), when).withholds(&at);
        Ok(is_kept(now) || is_kept(now.plus(-span)))
    }
}
