//! What follows from how a receiver answered.
//!
//! While a receiver can't be reached or is in trouble, everything for it waits behind what was tried last, so that it comes
//! in order. What a receiver that works refuses is tried again by itself: one message that it can't read must not keep
//! it from all others.

use crate::time::{DAY, HOUR, SECOND, Timestamp};

/// How long something is tried, from when it came to be owed.
pub const GIVEN_UP_AFTER: i64 = DAY;
/// How long the first pause is; each is three times the one before.
const FIRST: i64 = 10 * SECOND;
/// How long the longest is.
const LONGEST: i64 = HOUR;

/// How a receiver answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reply {
    /// With a status of HTTP.
    Status(u16),
    /// Not at all, or not in time.
    None,
}

/// What follows from it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// The receiver has it.
    Delivered,
    /// The receiver wants nothing more (410): the webhook is paused, and what it is owed is kept.
    Gone,
    /// This one is tried again at that time; others go on.
    Again(Timestamp),
    /// Everything for the receiver waits until that time, this one first.
    Wait(Timestamp),
    /// It was tried for long enough; others go on.
    Dead,
    /// The same of a receiver that is in trouble: the next one waits until that time.
    DeadWait(Timestamp),
}

/// What follows from a reply, at `now`, to something owed since `owed_at`. It was the `attempts`th time that this was tried,
/// after `troubles` times in a row that the receiver did not work. `chance` is any number, so that those who wait do not come
/// all at once.
#[must_use]
pub fn after(reply: Reply, (attempts, troubles): (u32, u32), owed_at: Timestamp, now: Timestamp, chance: u32) -> Next {
    let is_old = owed_at.plus(GIVEN_UP_AFTER) <= now;
    match reply {
        Reply::Status(200..=299) => Next::Delivered,
        Reply::Status(410) => Next::Gone,
        Reply::Status(status) if (400..=499).contains(&status) && ![408, 425, 429].contains(&status) => {
            if is_old {
                Next::Dead
            } else {
                Next::Again(now.plus(pause(attempts.max(1), chance)))
            }
        }
        // A redirection is not followed: it leads to what nobody has looked at.
        Reply::Status(_) | Reply::None => {
            let until = now.plus(pause(troubles.saturating_add(1), chance));
            if is_old { Next::DeadWait(until) } else { Next::Wait(until) }
        }
    }
}

/// The pause after the `n`th failure: between half of it and all of it.
fn pause(n: u32, chance: u32) -> i64 {
    let whole = 3_i64
        .checked_pow(n.saturating_sub(1))
        .and_then(|times| FIRST.checked_mul(times))
        .map_or(LONGEST, |p| p.min(LONGEST));
    let half = whole / 2;
    half + half * i64::from(chance) / i64::from(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp(100 * DAY);

    fn next(reply: Reply, attempts: u32, owed_at: Timestamp) -> Next {
        after(reply, (attempts, attempts.saturating_sub(1)), owed_at, NOW, u32::MAX)
    }

    #[test]
    fn what_is_in_trouble_holds_everything_and_what_is_refused_itself() {
        assert_eq!(next(Reply::Status(204), 1, NOW), Next::Delivered);
        assert_eq!(next(Reply::Status(410), 1, NOW), Next::Gone);
        for status in [400, 401, 404, 422] {
            assert_eq!(next(Reply::Status(status), 1, NOW), Next::Again(NOW.plus(10 * SECOND)), "{status}");
        }
        for reply in [Reply::None, Reply::Status(302), Reply::Status(429), Reply::Status(500), Reply::Status(503)] {
            assert_eq!(next(reply, 1, NOW), Next::Wait(NOW.plus(10 * SECOND)), "{reply:?}");
        }
    }

    #[test]
    fn pauses_grow_to_an_hour_and_are_never_all_alike() {
        let pauses: Vec<i64> = (1..=9).map(|n| pause(n, u32::MAX) / SECOND).collect();
        assert_eq!(pauses, [10, 30, 90, 270, 810, 2430, 3600, 3600, 3600]);
        assert_eq!((pause(1, 0), pause(u32::MAX, 0)), (FIRST / 2, LONGEST / 2));
    }

    #[test]
    fn after_a_day_it_is_given_up_unless_it_arrives() {
        let old = NOW.plus(-GIVEN_UP_AFTER);
        assert_eq!(next(Reply::Status(404), 30, old), Next::Dead);
        assert!(matches!(next(Reply::None, 30, old), Next::DeadWait(_)));
        assert_eq!(next(Reply::Status(200), 30, old), Next::Delivered);
        assert!(matches!(next(Reply::None, 30, old.plus(1)), Next::Wait(_)));
    }
}
