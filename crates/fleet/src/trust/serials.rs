//! The serials of one authority that are cut off: many, looked up at every handshake, changed a few at a time.

use super::is_hold;
use domain::{certificate::RevocationReason, id::RevocationId, time::Timestamp};
use pki::SerialNumber;
use std::{collections::HashMap, sync::Arc};

/// Why and since when something is cut off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mark {
    /// Since when.
    pub at: Timestamp,
    /// Why.
    pub reason: RevocationReason,
    /// By which act.
    pub revocation: RevocationId,
}

impl Mark {
    /// Whether it can be released.
    #[must_use]
    pub fn is_hold(&self) -> bool {
        is_hold(self.reason)
    }
}

/// Beyond this many changes they are put together with the rest; until then only they are copied.
const RECENT: usize = 4_096;

/// Serials with what cuts them off. Copies share all but the latest changes.
#[derive(Clone, Debug, Default)]
pub(super) struct Serials {
    base: Arc<HashMap<SerialNumber, Mark>>,
    /// Later than the base; none for what was released.
    recent: HashMap<SerialNumber, Option<Mark>>,
}

impl Serials {
    pub(super) fn of(all: HashMap<SerialNumber, Mark>) -> Self {
        Self { base: Arc::new(all), recent: HashMap::new() }
    }

    pub(super) fn get(&self, serial: SerialNumber) -> Option<Mark> {
        match self.recent.get(&serial) {
            Some(recent) => *recent,
            None => self.base.get(&serial).copied(),
        }
    }

    pub(super) fn change(&mut self, changes: Vec<(SerialNumber, Option<Mark>)>) {
        self.recent.extend(changes);
        if self.recent.len() > RECENT {
            let mut base = HashMap::clone(&self.base);
            for (serial, mark) in self.recent.drain() {
                match mark {
                    Some(mark) => base.insert(serial, mark),
                    None => base.remove(&serial),
                };
            }
            self.base = Arc::new(base);
        }
    }

    pub(super) fn len(&self) -> usize {
        let more =
            self.recent.iter().filter(|(serial, mark)| mark.is_some() && !self.base.contains_key(serial)).count();
        let less = self.recent.iter().filter(|(serial, mark)| mark.is_none() && self.base.contains_key(serial)).count();
        self.base.len() + more - less
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
    use super::*;

    fn mark(n: i64) -> Mark {
        let revocation = RevocationId(uuid::Uuid::from_u128(1));
        Mark { at: Timestamp(n), reason: RevocationReason::KeyCompromise, revocation }
    }

    fn serial(n: u64) -> SerialNumber {
        SerialNumber::from_bytes(&n.to_be_bytes()).unwrap()
    }

    /// Any order of cutting off and releasing gives what a plain map gives, and a copy stays as it was.
    #[test]
    fn changes_add_up_as_in_one_map() {
        let (mut serials, mut plain) = (Serials::default(), HashMap::new());
        let mut state = 7_u64;
        for round in 0..400 {
            let before = (serials.clone(), plain.clone());
            let mut changes = Vec::new();
            for _ in 0..(round % 50) {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                let (n, is_cut) = ((state >> 33) % 6_000, state >> 62 != 0);
                let change = is_cut.then(|| mark(round));
                changes.push((serial(n), change));
                match change {
                    Some(mark) => plain.insert(n, mark),
                    None => plain.remove(&n),
                };
            }
            serials.change(changes);
            assert_eq!(serials.len(), plain.len());
            assert!((0..6_000).all(|n| serials.get(serial(n)) == plain.get(&n).copied()));
            assert!((0..6_000).step_by(97).all(|n| before.0.get(serial(n)) == before.1.get(&n).copied()));
        }
    }
}
