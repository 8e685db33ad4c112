//! How often somebody may try a password: per account, and per network address.
//!
//! A try is counted before its password is looked at, and forgotten when it turns out right. So a thousand tries at
//! once are no more than a thousand tries in a row.

use crate::{Error, Fleet, Result};
use domain::time::{HOUR, MINUTE, Timestamp};
use std::net::{IpAddr, Ipv6Addr};
use store::{Tx, throttle::Throttle};

/// How many failures within [`WINDOW`] block an account.
const ACCOUNT: i64 = 5;
/// How many failures within [`WINDOW`] block a network address: many people may be behind one.
const ADDRESS: i64 = 20;
/// How long failures add up.
const WINDOW: i64 = 15 * MINUTE;
/// The first block; each further failure blocks for twice as long.
const FIRST_BLOCK: i64 = MINUTE;
/// The longest block, and how long after a block the next failure still counts on.
const LONGEST_BLOCK: i64 = HOUR;

/// What tries are counted for, each with its limit. Always the account before the address: so two that wait for each
/// other can't happen.
pub(crate) struct Subjects(Vec<(String, i64)>);

/// A block that a try began.
pub(crate) struct Block {
    /// `account:…` or `address:…`.
    pub(crate) subject: String,
    /// How long, in microseconds.
    pub(crate) span: i64,
}

pub(crate) fn account(email: &str) -> String {
    format!("account:{email}")
}

pub(crate) fn second_factor(email: &str) -> String {
    format!("second-factor:{email}")
}

impl Subjects {
    /// An account, and an address if the try came over the network.
    pub(crate) fn of(email: &str, address: &str) -> Self {
        let mut subjects = vec![(account(email), ACCOUNT)];
        if !address.is_empty() {
            subjects.push((format!("address:{}", neighbourhood(address)), ADDRESS));
        }
        Self(subjects)
    }

    /// An account whose second factor is tried, apart from its password, and an address: a right password must not clear
    /// what was counted of wrong codes.
    pub(crate) fn of_second_factor(email: &str, address: &str) -> Self {
        let mut subjects = Self::of(email, address);
        if let Some((account, _)) = subjects.0.first_mut() {
            *account = second_factor(email);
        }
        subjects
    }

    /// An address alone: for passkeys that are shown without a name, which nobody could guess.
    pub(crate) fn of_passkey(address: &str) -> Self {
        let subject = |address| (format!("address:{}", neighbourhood(address)), ADDRESS);
        Self(Some(address).filter(|address| !address.is_empty()).map(subject).into_iter().collect())
    }

    /// An address alone: for devices' tokens, which nobody could guess, where tries only cost us. Not the address of the
    /// sign-in: a device with an old token must not keep the people beside it from signing in.
    pub(crate) fn of_device_token(address: &str) -> Self {
        let subject = |address| (format!("device-token:{}", neighbourhood(address)), ADDRESS);
        Self(Some(address).filter(|address| !address.is_empty()).map(subject).into_iter().collect())
    }

    /// An address alone: for vouchers, which nobody could guess either.
    pub(crate) fn of_voucher(address: &str) -> Self {
        let subject = |address| (format!("voucher:{}", neighbourhood(address)), ADDRESS);
        Self(Some(address).filter(|address| !address.is_empty()).map(subject).into_iter().collect())
    }

    /// A device whose claim code is tried, and an address: whoever may claim could otherwise try all codes of one.
    pub(crate) fn of_claim(serial: &str, address: &str) -> Self {
        let mut subjects = vec![(format!("claim:{}", serial.chars().take(120).collect::<String>()), ACCOUNT)];
        if !address.is_empty() {
            subjects.push((format!("claims-from:{}", neighbourhood(address)), ADDRESS));
        }
        Self(subjects)
    }

    /// Takes back the try that turned out right: all of the account's failures, one of the address's. Whoever owns
    /// one account must not be able to clear an address from which others are tried.
    pub(crate) async fn forgive(&self, tx: &mut Tx, now: Timestamp) -> Result<()> {
        for (subject, limit) in &self.0 {
            if *limit == ACCOUNT {
                store::throttle::clear(tx, subject).await?;
                continue;
            }
            let before = store::throttle::hold(tx, subject, now).await?;
            store::throttle::set(tx, subject, taken_back(before, *limit)).await?;
        }
        Ok(())
    }
}

/// An IPv6 customer has a whole /64 to choose addresses from: it counts as one.
pub(crate) fn neighbourhood(address: &str) -> String {
    match address.parse::<IpAddr>().map(|address| address.to_canonical()) {
        Ok(IpAddr::V6(address)) => {
            let [a, b, c, d, ..] = address.segments();
            format!("{}/64", Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0))
        }
        Ok(address) => address.to_string(),
        Err(_) => address.chars().take(64).collect(),
    }
}

/// How a subject stands after one more try; or how long it is still blocked.
fn tried(before: Throttle, limit: i64, now: Timestamp) -> std::result::Result<Throttle, i64> {
    if before.blocked_until > now {
        return Err(before.blocked_until.0 - now.0);
    }
    let past_window = now >= before.window_start.plus(WINDOW);
    let past_block = before.blocked_until.0 == 0 || now >= before.blocked_until.plus(LONGEST_BLOCK);
    let (failures, window_start) = if before.failures == 0 || (past_window && past_block) {
        (1, now)
    } else {
        (before.failures + 1, before.window_start)
    };
    let doublings = u32::try_from(failures - limit).ok();
    let blocked_until = doublings.map(|n| {
        let span = 1_i64.checked_shl(n.min(16)).unwrap_or(i64::MAX).saturating_mul(FIRST_BLOCK);
        now.plus(span.min(LONGEST_BLOCK))
    });
    Ok(Throttle { failures, window_start, blocked_until: blocked_until.unwrap_or_default() })
}

fn taken_back(before: Throttle, limit: i64) -> Throttle {
    let failures = (before.failures - 1).max(0);
    let blocked_until = if failures < limit { Timestamp::default() } else { before.blocked_until };
    Throttle { failures, blocked_until, ..before }
}

impl Fleet {
    /// Refuses what is blocked, without writing anything: somebody who keeps trying costs us one read.
    pub(crate) async fn refuse_blocked(&self, subjects: &Subjects) -> Result<()> {
        let now = self.now();
        for (subject, _) in &subjects.0 {
            let wait_micros = store::throttle::read(self.db(), subject).await?.blocked_until.0 - now.0;
            if wait_micros > 0 {
                return Err(Error::TooMany { wait_micros });
            }
        }
        Ok(())
    }

    /// Counts a try, durably, and says which blocks it began.
    pub(crate) async fn count_try(&self, subjects: &Subjects) -> Result<Vec<Block>> {
        let now = self.now();
        let mut blocks = Vec::new();
        let mut tx = self.db().begin().await?;
        for (subject, limit) in &subjects.0 {
            let before = store::throttle::hold(&mut tx, subject, now).await?;
            let after = tried(before, *limit, now).map_err(|wait_micros| Error::TooMany { wait_micros })?;
            store::throttle::set(&mut tx, subject, after).await?;
            if after.blocked_until > now {
                blocks.push(Block { subject: subject.clone(), span: after.blocked_until.0 - now.0 });
            }
        }
        tx.commit().await?;
        Ok(blocks)
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
    use super::*;

    const NOW: Timestamp = Timestamp(1_800_000_000_000_000);

    fn block(throttle: Throttle, now: Timestamp) -> i64 {
        (throttle.blocked_until.0 - now.0).max(0)
    }

    #[test]
    fn the_fifth_failure_blocks_and_each_further_one_for_twice_as_long() {
        let mut throttle = Throttle::default();
        for _ in 0..4 {
            throttle = tried(throttle, ACCOUNT, NOW).unwrap();
            assert_eq!(block(throttle, NOW), 0);
        }
        let mut now = NOW;
        for minutes in [1, 2, 4, 8, 16, 32, 60, 60, 60] {
            throttle = tried(throttle, ACCOUNT, now).unwrap();
            assert_eq!(block(throttle, now), minutes * MINUTE);
            assert_eq!(tried(throttle, ACCOUNT, now.plus(minutes * MINUTE - 1)), Err(1));
            now = throttle.blocked_until;
        }
    }

    #[test]
    fn failures_are_forgotten_after_a_while() {
        let once = tried(Throttle::default(), ACCOUNT, NOW).unwrap();
        assert_eq!(tried(once, ACCOUNT, NOW.plus(WINDOW - 1)).unwrap().failures, 2);
        assert_eq!(tried(once, ACCOUNT, NOW.plus(WINDOW)).unwrap().failures, 1);
        let blocked = Throttle { failures: 7, window_start: NOW, blocked_until: NOW.plus(4 * MINUTE) };
        assert_eq!(tried(blocked, ACCOUNT, NOW.plus(HOUR)).unwrap().failures, 8);
        assert_eq!(tried(blocked, ACCOUNT, NOW.plus(HOUR + 4 * MINUTE)).unwrap().failures, 1);
    }

    #[test]
    fn a_right_password_takes_back_one_try_of_an_address() {
        let nineteen = Throttle { failures: 19, window_start: NOW, blocked_until: Timestamp(0) };
        let blocked = tried(nineteen, ADDRESS, NOW).unwrap();
        assert_eq!(block(blocked, NOW), MINUTE);
        assert_eq!(taken_back(blocked, ADDRESS), nineteen);
    }

    #[test]
    fn an_address_is_its_neighbourhood() {
        assert_eq!(neighbourhood("2001:db8:1:2:3:4:5:6"), "2001:db8:1:2::/64");
        assert_eq!(neighbourhood("::ffff:192.0.2.7"), "192.0.2.7");
        assert_eq!(neighbourhood("192.0.2.7"), "192.0.2.7");
    }
}
