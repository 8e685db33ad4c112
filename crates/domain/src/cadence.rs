//! Cadence: how often and from where one identity polls, and whether two devices do so under it.
//!
//! A copied identity shows in the polls: two devices poll twice as often as one, and where they are at two addresses,
//! these take turns. [`Cadence`] is the little that has to be kept of a device's polls to notice that; it never grows.
//!
//! What an honest device does raises nothing: it polls a little early or late, misses polls, restarts now and then and
//! polls anew, changes its address, comes back to an earlier one, or sends its polls over two uplinks in turn. In all
//! of that it polls once per interval. Two devices don't: a poll from one address soon follows the last from *that*
//! address although another was heard in between, and that again and again.
//!
//! How long a device usually stays away is kept with it ([`Habit`]): what it is told is not always what it does.

mod habit;

use crate::{
    suspicion::Signal,
    time::{SECOND, Timestamp},
};
use serde::{Deserialize, Serialize};
use std::net::{IpAddr, Ipv6Addr};

pub use habit::Habit;

/// How many turns in a row two addresses must take, each as often as a whole device, for a signal.
pub const TURNS: u8 = 4;

/// Which part of its interval an honest device waits at least, in percent: below what jitter and clocks take away.
const PATIENCE: i64 = 70;
/// How much polling too early adds up to a signal, in percent of an interval. Restarts add too; polls in time take away.
const TOO_EARLY: i64 = 400;
/// Within which part of its interval an address polls again if it is a device of its own, in percent.
const OWN: i64 = 140;
/// Polls of one address within this time are one visit: clients ask twice in a row.
const VISIT: i64 = 5 * SECOND;

/// One poll of a device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Poll {
    /// When.
    pub at: Timestamp,
    /// From where.
    pub address: IpAddr,
    /// In how many seconds the device is told to poll next, or is known to, where its own setting decides.
    pub interval_s: u32,
}

/// An address and when it polled last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Seen {
    address: IpAddr,
    at: Timestamp,
}

/// What is kept of the polls of one device. Its size is constant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cadence {
    /// Where it polled from last.
    last: Seen,
    /// The address before, if it ever was another.
    other: Option<Seen>,
    /// What it was told at its last poll.
    interval_s: u32,
    /// How many turns the two addresses took in a row, each as often as a whole device.
    turns: u8,
    /// By how much it polled too early, in percent of an interval; polls in time take away from it.
    early: i64,
    /// Since when it polls too early, and how often it did since.
    since: Timestamp,
    polls: u32,
    /// How often the address changed in that time.
    changes: u32,
    /// How long it usually stays away.
    #[serde(default)]
    habit: Habit,
}

impl Cadence {
    /// What is kept after a device's first poll.
    #[must_use]
    pub const fn begin(poll: &Poll) -> Self {
        Self {
            last: Seen { address: poll.address, at: poll.at },
            other: None,
            interval_s: poll.interval_s,
            turns: 0,
            early: 0,
            since: poll.at,
            polls: 0,
            changes: 0,
            habit: Habit::NONE,
        }
    }

    /// How long it usually stays away, in seconds: nine of ten times it comes sooner. None before that is known.
    #[must_use]
    pub const fn usual_gap_s(&self) -> Option<u32> {
        self.habit.gap_s()
    }

    /// In how many seconds the device was told to poll again, or is known to.
    #[must_use]
    pub const fn interval_s(&self) -> u32 {
        self.interval_s
    }

    /// What is kept after one more poll, and what it says, if it says something. After a signal counting begins anew.
    ///
    /// Give every poll once, in the order of arrival. A clock that goes back is taken as standing still.
    #[must_use]
    pub fn poll(mut self, poll: &Poll) -> (Self, Option<Signal>) {
        let interval = i64::from(self.interval_s).saturating_mul(SECOND);
        let gap = poll.at.0.saturating_sub(self.last.at.0).max(0);
        let same = is_same(self.last.address, poll.address);
        if same && gap < VISIT.min(interval / 10) {
            self.interval_s = poll.interval_s;
            return (self, None);
        }
        self.habit = self.habit.after(seconds(gap));
        self.count(gap, interval, !same);
        self.turn(poll, interval, !same);
        self.last = Seen { address: poll.address, at: Timestamp(self.last.at.0.saturating_add(gap)) };
        let signal = self.signal();
        if signal.is_some() {
            self.clear();
        }
        self.interval_s = poll.interval_s;
        (self, signal)
    }

    /// Counts by how much polls come too early.
    fn count(&mut self, gap: i64, interval: i64, changed: bool) {
        // Without an interval nothing is early.
        let waited = gap.saturating_mul(100).checked_div(interval).unwrap_or(i64::MAX);
        self.early = self.early.saturating_add(PATIENCE).saturating_sub(waited).max(0);
        if self.early == 0 {
            self.since = Timestamp(self.last.at.0.saturating_add(gap));
            self.polls = 0;
            self.changes = 0;
        } else {
            self.polls = self.polls.saturating_add(1);
            self.changes = self.changes.saturating_add(u32::from(changed));
        }
    }

    /// Counts turns that two addresses take.
    fn turn(&mut self, poll: &Poll, interval: i64, changed: bool) {
        if !changed {
            return;
        }
        let own = self.other.filter(|other| is_same(other.address, poll.address));
        let soon = |seen: Seen| poll.at.0.saturating_sub(seen.at.0) <= interval / 100 * OWN;
        self.turns = if own.is_some_and(soon) { self.turns.saturating_add(1) } else { 0 };
        self.other = Some(self.last);
    }

    fn signal(&self) -> Option<Signal> {
        let too_early = self.early >= TOO_EARLY;
        let in_turn = self.turns >= TURNS || too_early && self.changes >= u32::from(TURNS);
        match self.other {
            Some(other) if in_turn => Some(Signal::TwoAddresses {
                first: other.address,
                second: self.last.address,
                turns: self.changes.max(u32::from(self.turns)),
            }),
            _ => too_early.then(|| Signal::DoubleCadence {
                address: self.last.address,
                interval_s: self.interval_s,
                polls: self.polls,
                within_s: seconds(self.last.at.0.saturating_sub(self.since.0)),
            }),
        }
    }

    fn clear(&mut self) {
        self.turns = 0;
        self.early = 0;
        self.since = self.last.at;
        self.polls = 0;
        self.changes = 0;
    }
}

fn seconds(micros: i64) -> u32 {
    u32::try_from(micros / SECOND).unwrap_or(u32::MAX)
}

/// Whether both are one place: the same IPv4 address, or the same network of 64 bits of IPv6, within which devices
/// change their addresses for privacy (RFC 8981).
fn is_same(one: IpAddr, other: IpAddr) -> bool {
    place(one) == place(other)
}

fn place(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(v6) => IpAddr::V6(Ipv6Addr::from_bits(v6.to_bits() >> 64 << 64)),
        v4 @ IpAddr::V4(_) => v4,
    }
}

#[cfg(test)]
mod tests;
