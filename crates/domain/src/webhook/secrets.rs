//! Which secrets of a webhook sign at the same time: a change of the secret must not break its receiver.

use crate::time::{DAY, Timestamp};
use std::ops::RangeInclusive;

/// How long the secrets before a new one go on signing beside it.
const GRACE: i64 = DAY;
/// How many secrets may sign at the same time: each is a signature in every message.
const MOST: i64 = 3;

/// A webhook's secrets, each known by how often it was changed before.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Secrets {
    /// The one that counts.
    pub generation: i64,
    /// The first one that signs beside it.
    pub signs_from: i64,
    /// Until then.
    pub signs_until: Timestamp,
}

impl Secrets {
    /// Whether an earlier secret signs, too.
    #[must_use]
    pub fn in_grace(self, now: Timestamp) -> bool {
        now < self.signs_until && self.signs_from < self.generation
    }

    /// Those that sign a message, the earliest first.
    #[must_use]
    pub fn signing(self, now: Timestamp) -> RangeInclusive<i64> {
        if self.in_grace(now) { self.signs_from..=self.generation } else { self.generation..=self.generation }
    }

    /// The secrets after a change. Those that sign by now go on: any of them may be the one that the receiver has. None
    /// where too many would sign.
    #[must_use]
    pub fn changed(self, now: Timestamp) -> Option<Self> {
        let signs_from = *self.signing(now).start();
        let generation = self.generation.checked_add(1)?;
        let few = generation - signs_from < MOST;
        few.then_some(Self { generation, signs_from, signs_until: now.plus(GRACE) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn earlier_secrets_sign_for_a_day() {
        let at = Timestamp(1_790_000_000_000_000);
        let first = Secrets::default();
        assert_eq!(first.signing(at), 0..=0);
        let second = first.changed(at).unwrap_or_default();
        assert_eq!((second.signing(at), second.signing(at.plus(GRACE - 1))), (0..=1, 0..=1));
        assert_eq!(second.signing(at.plus(GRACE)), 1..=1);
        let later = second.changed(at.plus(GRACE)).unwrap_or_default();
        assert_eq!(later.signing(at.plus(GRACE)), 1..=2);
    }

    #[test]
    fn a_change_within_the_day_drops_none_that_the_receiver_may_have() {
        let at = Timestamp(1_790_000_000_000_000);
        let third = Secrets::default().changed(at).and_then(|two| two.changed(at.plus(GRACE / 2)));
        let third = third.unwrap_or_default();
        assert_eq!(third.signing(at.plus(GRACE)), 0..=2, "the grace begins anew");
        assert_eq!(third.changed(at.plus(GRACE)), None, "a fourth one would sign");
        assert!(third.changed(at.plus(2 * GRACE)).is_some());
    }
}
