//! How devices poll, noted in memory by whoever answers them and written down together every second.

use super::states::States;
use crate::{Fleet, Result};
use domain::{
    cadence::{Cadence, Poll},
    id::DeviceId,
    suspicion::Signal,
    time::{MINUTE, Timestamp},
};
use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};
use store::poll::{PollState, Polled};

/// How many devices wait to be written down; of more, what the database knows is gone on from.
const WAITING: usize = 1_000_000;
/// How many are written down in one transaction: for that long others wait for the one writer.
const AT_ONCE: usize = 2_000;
/// How often a row is written at most.
const EVERY: i64 = MINUTE;
/// How many devices' changed reports are counted at once, and how many of each are taken in a minute.
const COUNTED: usize = 100_000;
const CHANGES: u32 = 20;

/// What a process keeps of polls and reports.
#[derive(Default)]
pub(crate) struct Polls {
    waiting: Mutex<HashMap<DeviceId, Kept>>,
    changes: Mutex<HashMap<DeviceId, (Timestamp, u32)>>,
    pub(super) states: States,
    is_beside_before: AtomicBool,
}

/// How a device polled.
#[derive(Clone, Copy, Debug)]
struct Kept {
    cadence: Cadence,
    address: IpAddr,
    at: Timestamp,
    /// When its row was last written.
    written: Option<Timestamp>,
}

impl Polls {
    fn waiting(&self) -> MutexGuard<'_, HashMap<DeviceId, Kept>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts a poll, going on from whichever is later: what is in memory, or what the database knows.
    pub(super) fn count(&self, device: DeviceId, poll: &Poll, state: &PollState) -> Option<Signal> {
        let mut waiting = self.waiting();
        let stored = state.cadence;
        let in_memory = waiting.get(&device).filter(|kept| stored.is_none_or(|(_, at)| at <= kept.at));
        let known = in_memory
            .map(|kept| (kept.cadence, kept.written))
            .or_else(|| stored.map(|(cadence, at)| (cadence, Some(at))));
        let (cadence, signal) = match known {
            None => (Cadence::begin(poll), None),
            Some((cadence, _)) => cadence.poll(poll),
        };
        if waiting.len() < WAITING || waiting.contains_key(&device) {
            let written = known.and_then(|(_, written)| written);
            waiting.insert(device, Kept { cadence, address: poll.address, at: poll.at, written });
        }
        signal
    }

    /// Those whose rows are due, in one order, so that two nodes can't wait for each other.
    fn due(&self, now: Timestamp) -> Vec<Polled> {
        let is_due = |kept: &Kept| kept.written.is_none_or(|at| at.plus(EVERY) <= now || at > now);
        let waiting = self.waiting();
        let due = waiting.iter().filter(|(_, kept)| is_due(kept)).take(AT_ONCE);
        let mut due: Vec<Polled> = due
            .map(|(device, kept)| Polled {
                device: *device,
                cadence: kept.cadence,
                address: kept.address.to_string(),
                at: kept.at,
            })
            .collect();
        due.sort_unstable_by_key(|polled| polled.device);
        due
    }

    /// What was written and did not change since is forgotten: the database knows it.
    fn written(&self, polls: &[Polled], now: Timestamp) {
        let mut waiting = self.waiting();
        for polled in polls {
            let Some(kept) = waiting.get_mut(&polled.device) else { continue };
            if kept.at == polled.at {
                waiting.remove(&polled.device);
            } else {
                kept.written = Some(now);
            }
        }
    }

    /// Notes whether nodes of the version before work beside this one: they ring for nobody, so that what they change of a device is
    /// found by the next look only. Meanwhile no state that is kept is gone by.
    pub(crate) fn note_beside_before(&self, is_so: bool) {
        if self.is_beside_before.swap(is_so, Ordering::Relaxed) != is_so {
            self.states.forget_all();
        }
    }

    pub(super) fn is_beside_before(&self) -> bool {
        self.is_beside_before.load(Ordering::Relaxed)
    }

    /// Whether this knows better than the database how a device polls, so that nothing need be read of that.
    pub(super) fn counts(&self, device: DeviceId) -> bool {
        self.waiting().contains_key(&device)
    }

    /// Forgets what was read of devices that a deed changed: of one, of all where none is named, of a model's.
    pub(crate) fn heard(&self, change: &store::change::Change) {
        match (change.topic.as_str(), change.subject.as_str()) {
            ("device", "") | ("model", _) => self.states.forget_all(),
            ("device", serial) => self.states.forget(serial),
            _ => {}
        }
    }

    /// Forgets what was read of a device that somebody else changed.
    pub(crate) fn forget(&self, serial: &str) {
        self.states.forget(serial);
    }

    /// When a device polled last, if that was not written down yet.
    pub(crate) fn came_at(&self, device: DeviceId) -> Option<Timestamp> {
        self.waiting().get(&device).map(|kept| kept.at)
    }

    /// From where a device polled last and when, if that was not written down yet.
    pub(super) fn last(&self, device: DeviceId) -> Option<(String, Timestamp)> {
        self.waiting().get(&device).map(|kept| (kept.address.to_string(), kept.at))
    }

    /// Whether a device that reports something else may do so once more within this minute; if not, how long to wait in
    /// microseconds. Two devices under one identity, or a hostile one, would otherwise fill its history.
    pub(super) fn may_change(&self, device: DeviceId, now: Timestamp) -> std::result::Result<(), i64> {
        let mut changes = self.changes.lock().unwrap_or_else(PoisonError::into_inner);
        if changes.len() >= COUNTED {
            changes.retain(|_, (since, _)| since.plus(MINUTE) > now && *since <= now);
        }
        let is_full = changes.len() >= COUNTED && !changes.contains_key(&device);
        if is_full {
            return Ok(());
        }
        let (since, n) = changes.entry(device).or_insert((now, 0));
        if since.plus(MINUTE) <= now || *since > now {
            (*since, *n) = (now, 0);
        }
        *n = n.saturating_add(1);
        if *n <= CHANGES { Ok(()) } else { Err(since.plus(MINUTE).0 - now.0) }
    }
}

impl Fleet {
    /// Writes down how devices polled. What devices do is not audited.
    ///
    /// # Errors
    /// When the database fails; then they wait still.
    pub async fn flush_polls(&self) -> Result<()> {
        loop {
            let now = self.now();
            let due = self.inner.polls.due(now);
            if due.is_empty() {
                return Ok(());
            }
            let mut tx = self.db().begin().await?;
            store::poll::put_polls(&mut tx, &due).await?;
            tx.commit().await?;
            self.inner.polls.written(&due, now);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::time::SECOND;
    use uuid::Uuid;

    const fn id(n: u128) -> DeviceId {
        DeviceId(Uuid::from_u128(n))
    }

    fn poll(seconds: i64) -> Poll {
        Poll { at: Timestamp(seconds * SECOND), address: IpAddr::from([192, 0, 2, 7]), interval_s: 300 }
    }

    #[test]
    fn what_was_written_is_forgotten_and_gone_on_from() {
        let (polls, mut state) = (
            Polls::default(),
            PollState { interval_s: 300, wanted: false, due_at: None, cadence: None, updates: None },
        );
        assert_eq!(polls.count(id(1), &poll(1_000), &state), None);
        let due = polls.due(Timestamp(1_000 * SECOND));
        assert_eq!(due.len(), 1);
        polls.written(&due, Timestamp(1_001 * SECOND));
        assert_eq!(polls.last(id(1)), None);
        state.cadence = Some((due[0].cadence, due[0].at));
        assert_eq!(polls.count(id(1), &poll(1_020), &state), None);
        assert!(polls.due(Timestamp(1_030 * SECOND)).is_empty(), "its row was written within a minute");
        assert_eq!(polls.due(Timestamp(1_061 * SECOND)).len(), 1);
        assert_eq!(polls.last(id(1)).map(|(address, _)| address).as_deref(), Some("192.0.2.7"));
    }

    #[test]
    fn whoever_reports_something_else_all_the_time_is_slowed() {
        let (polls, now) = (Polls::default(), Timestamp(1_000 * MINUTE));
        let taken = (0..2 * CHANGES).filter(|_| polls.may_change(id(1), now).is_ok()).count();
        assert_eq!(taken, CHANGES as usize);
        assert_eq!(polls.may_change(id(1), now.plus(SECOND)), Err(59 * SECOND));
        assert!(polls.may_change(id(2), now).is_ok() && polls.may_change(id(1), now.plus(MINUTE)).is_ok());
    }
}
