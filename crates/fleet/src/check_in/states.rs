//! What polls need to be answered, kept for devices that come often: whoever polls every few seconds reads nothing.
//!
//! What this process changes is forgotten in the deed that changes it, before that answers. What another process changes
//! is seen within a minute: for that long a state counts. Beside nodes of the
//! version before, from within a second of their coming, none does.

use domain::time::{MINUTE, SECOND, Timestamp};
use std::{
    collections::HashMap,
    hash::{BuildHasher, RandomState},
    ops::Range,
    sync::{Mutex, MutexGuard, PoisonError},
};
use store::poll::PollState;

/// For how long a state counts.
const FRESH: i64 = MINUTE;
/// How many are kept, in as many parts.
const PARTS: usize = 64;
const EACH: usize = 4_000;

/// The states of devices, by their serials.
pub(super) struct States {
    hasher: RandomState,
    parts: [Mutex<Part>; PARTS],
}

#[derive(Default)]
struct Part {
    /// Grows whenever something is forgotten: what was read before that may be what was changed.
    epoch: u64,
    known: HashMap<String, (PollState, Timestamp)>,
    /// From when on until when all that is known counts, as it was seen when there was no room.
    full: Range<Timestamp>,
}

impl Part {
    /// Lets go of what counts no more. Until the first of those that are left does so, and for a second at least, nothing is: each
    /// poll of a fleet that is larger than what is kept would look through all of it in vain.
    fn make_room(&mut self, now: Timestamp) {
        if self.full.contains(&now) {
            return;
        }
        self.known.retain(|_, (_, at)| *at <= now && now < at.plus(FRESH));
        let first_end = self.known.values().map(|(_, at)| at.plus(FRESH)).min();
        // Of many that were read one after the other some end at any time: once a second is often enough for whoever is new.
        self.full = now..first_end.map_or(now, |end| end.max(now.plus(SECOND)));
    }
}

/// When somebody went to read a state that was not known.
#[derive(Clone, Copy)]
pub(super) struct Missed(u64);

impl Default for States {
    fn default() -> Self {
        Self { hasher: RandomState::new(), parts: std::array::from_fn(|_| Mutex::default()) }
    }
}

impl States {
    fn part(&self, serial: &str) -> MutexGuard<'_, Part> {
        let n = usize::try_from(self.hasher.hash_one(serial) % PARTS as u64).unwrap_or_default();
        lock(self.parts.get(n).unwrap_or(&self.parts[0]))
    }

    /// The state of a device, if it is known.
    pub(super) fn of(&self, serial: &str, now: Timestamp) -> Result<PollState, Missed> {
        let part = self.part(serial);
        let known = part.known.get(serial).filter(|(_, at)| *at <= now && now < at.plus(FRESH));
        known.map(|(state, _)| state.clone()).ok_or(Missed(part.epoch))
    }

    /// Keeps a state that was read since it was missed, unless something was changed meanwhile.
    pub(super) fn keep(&self, serial: &str, state: &PollState, now: Timestamp, missed: Missed) {
        let mut part = self.part(serial);
        if part.epoch != missed.0 {
            return;
        }
        if part.known.len() >= EACH {
            part.make_room(now);
        }
        if part.known.len() < EACH {
            part.known.insert(serial.to_owned(), (state.clone(), now));
        }
    }

    /// Forgets a device's state, which is being changed.
    pub(super) fn forget(&self, serial: &str) {
        let mut part = self.part(serial);
        part.epoch += 1;
        part.known.remove(serial);
    }

    /// Forgets all of them.
    pub(super) fn forget_all(&self) {
        for part in &self.parts {
            let mut part = lock(part);
            part.epoch += 1;
            part.known.clear();
        }
    }
}

fn lock(part: &Mutex<Part>) -> MutexGuard<'_, Part> {
    part.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a state that is known where it can't be should fail the test")]

    use super::*;

    const NOW: Timestamp = Timestamp(1_000 * MINUTE);
    const STATE: PollState = PollState { interval_s: 300, wanted: true, due_at: None, cadence: None, updates: None };

    #[test]
    fn what_was_changed_while_it_was_read_is_not_kept() {
        let states = States::default();
        let missed = states.of("GW-1", NOW).err().unwrap();
        states.forget("GW-1");
        states.keep("GW-1", &STATE, NOW, missed);
        let missed = states.of("GW-1", NOW).err().unwrap();
        states.keep("GW-1", &STATE, NOW, missed);
        assert!(states.of("GW-1", NOW.plus(59 * SECOND)).is_ok_and(|state| state == STATE));
        assert!(states.of("GW-1", NOW.plus(MINUTE)).is_err() && states.of("GW-1", NOW.plus(-SECOND)).is_err());
        states.forget_all();
        assert!(states.of("GW-1", NOW).is_err());
    }

    #[test]
    fn there_is_an_end_to_what_is_kept() {
        let states = States::default();
        for n in 0..2 * PARTS * EACH {
            let serial = format!("GW-{n}");
            if let Err(missed) = states.of(&serial, NOW) {
                states.keep(&serial, &STATE, NOW, missed);
            }
        }
        let kept = || states.parts.iter().map(|part| lock(part).known.len()).sum::<usize>();
        assert_eq!(kept(), PARTS * EACH);
        let missed = states.of("later", NOW.plus(MINUTE)).err().unwrap();
        states.keep("later", &STATE, NOW.plus(MINUTE), missed);
        assert_eq!(kept(), (PARTS - 1) * EACH + 1, "what counts no more makes room");
    }
}
