//! When devices were last heard from: noted in memory by whoever lets them in, written down together every second.

use crate::{Actor, Fleet, Result};
use domain::{
    id::DeviceId,
    time::{MINUTE, Timestamp},
};
use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

/// How many devices wait to be written down; of more, the contact is noted when they come again.
const WAITING: usize = 1_000_000;
/// How many are written down in one transaction: for that long others wait for the one writer.
const AT_ONCE: usize = 2_000;
/// How stale "last seen" may be: whoever comes again within this is not written down again.
const EVERY: i64 = MINUTE;

/// Who came since it was last written down.
#[derive(Default)]
pub(crate) struct Contacts(Mutex<Noted>);

#[derive(Default)]
struct Noted {
    waiting: HashMap<DeviceId, Timestamp>,
    /// What was written down within the last [`EVERY`].
    written: HashMap<DeviceId, Timestamp>,
    swept: Option<Timestamp>,
}

impl Noted {
    fn note(&mut self, device: DeviceId, at: Timestamp) {
        let recent = self.written.get(&device).is_some_and(|last| last.plus(EVERY) > at && *last <= at);
        if !recent && (self.waiting.len() < WAITING || self.waiting.contains_key(&device)) {
            self.waiting.insert(device, at);
        }
    }

    /// Some of those that wait, in one order, so that two nodes can't wait for each other. They wait until they are
    /// [`written`](Self::written), whatever becomes of whoever writes.
    fn due(&mut self, now: Timestamp) -> Vec<(DeviceId, Timestamp)> {
        if self.swept.is_none_or(|at| at.plus(EVERY) <= now || at > now) {
            self.written.retain(|_, at| at.plus(EVERY) > now && *at <= now);
            self.swept = Some(now);
        }
        let mut due: Vec<_> = self.waiting.iter().take(AT_ONCE).map(|(id, at)| (*id, *at)).collect();
        due.sort_unstable();
        due
    }

    fn written(&mut self, contacts: &[(DeviceId, Timestamp)]) {
        for (device, at) in contacts {
            if self.waiting.get(device).is_some_and(|came| *came < at.plus(EVERY)) {
                self.waiting.remove(device);
            }
            self.written.insert(*device, *at);
        }
    }
}

impl Fleet {
    fn contacts(&self) -> MutexGuard<'_, Noted> {
        self.inner.contacts.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes that a device was let in. Anybody else is not noted.
    pub fn came(&self, actor: &Actor) {
        if let Actor::Device { id, .. } = actor {
            let now = self.now();
            self.contacts().note(*id, now);
        }
    }

    /// Writes down who came. What devices do is not audited.
    ///
    /// # Errors
    /// When the database fails; then they wait still.
    pub async fn flush_contacts(&self) -> Result<()> {
        loop {
            let due = self.contacts().due(self.now());
            if due.is_empty() {
                return Ok(());
            }
            self.write_contacts(&due).await?;
            self.contacts().written(&due);
        }
    }

    async fn write_contacts(&self, contacts: &[(DeviceId, Timestamp)]) -> Result<()> {
        let mut tx = self.db().begin().await?;
        store::device::heard_from(&mut tx, contacts).await?;
        tx.commit().await?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use uuid::Uuid;

    const fn id(n: u128) -> DeviceId {
        DeviceId(Uuid::from_u128(n))
    }

    #[test]
    fn whoever_comes_often_is_written_down_once_a_minute() {
        let mut noted = Noted::default();
        let at = |minutes: i64| Timestamp(1_000 * MINUTE + minutes * MINUTE);
        noted.note(id(2), at(0));
        noted.note(id(1), at(0));
        let first = noted.due(at(0));
        assert_eq!(first, [(id(1), at(0)), (id(2), at(0))]);
        assert_eq!(noted.due(at(0)), first, "they wait until they are written");
        noted.note(id(1), at(0).plus(1));
        noted.note(id(2), at(1));
        noted.written(&first);
        assert_eq!(noted.due(at(0)), [(id(2), at(1))], "it came again when that was due");
        noted.written(&[(id(2), at(1))]);
        noted.note(id(1), at(0).plus(MINUTE / 2));
        assert!(noted.due(at(0).plus(MINUTE / 2)).is_empty());
        noted.note(id(1), at(1));
        assert_eq!(noted.due(at(1)), [(id(1), at(1))]);
        noted.written(&[(id(1), at(1))]);
        // A clock that was set back is no reason to note nobody for hours.
        noted.written.insert(id(1), at(90));
        noted.note(id(1), at(2));
        assert_eq!(noted.due(at(2)), [(id(1), at(2))]);
    }
}
