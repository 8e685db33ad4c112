//! Devices: what they are and in which state.

use crate::{
    id::{BatchId, CustodianId, DeviceId, ModelId},
    time::{SECOND, Timestamp},
    words::words,
};
use serde::{Deserialize, Serialize};

words! {
    /// Where a device stands in its life. Follows from history.
    Lifecycle {
        /// Made, still at the factory.
        Made => "made", "Made";
        /// On its way to somebody.
        InTransit => "in_transit", "In transit";
        /// Kept by somebody who doesn't use it.
        Stocked => "stocked", "Stocked";
        /// In use by a client.
        Active => "active", "Active";
        /// On a repair bench.
        InRepair => "in_repair", "In repair";
        /// Out of use for good.
        Retired => "retired", "Retired";
    }
}

words! {
    /// Whether a device may be trusted. Follows from findings about its certificate and hardware.
    Trust {
        /// Nothing speaks against it.
        Trusted => "trusted", "Trusted";
        /// Something does not fit.
        Suspect => "suspect", "Suspect";
        /// Held by us; can be let go again.
        Quarantined => "quarantined", "Quarantined";
        /// Its certificate is revoked.
        Revoked => "revoked", "Revoked";
    }
}

words! {
    /// Whether a device is heard from. Follows from its model's poll interval.
    Connection {
        /// Heard within two poll intervals.
        Online => "online", "Online";
        /// Heard within twelve poll intervals.
        Late => "late", "Late";
        /// Not heard for longer, or never.
        Silent => "silent", "Silent";
    }
}

impl Connection {
    /// Up to how many poll intervals after its last contact a device is online.
    pub const ONLINE_INTERVALS: i64 = 2;
    /// Up to how many poll intervals after its last contact a device is late rather than silent.
    pub const LATE_INTERVALS: i64 = 12;

    /// The connection at `now` of a device last heard at `seen`, whose model polls every `poll_interval_s` seconds.
    #[must_use]
    pub fn at(now: Timestamp, seen: Option<Timestamp>, poll_interval_s: i64) -> Self {
        let Some(seen) = seen else { return Self::Silent };
        let age = now.0.saturating_sub(seen.0);
        let interval = poll_interval_s.saturating_mul(SECOND);
        if age <= interval.saturating_mul(Self::ONLINE_INTERVALS) {
            Self::Online
        } else if age <= interval.saturating_mul(Self::LATE_INTERVALS) {
            Self::Late
        } else {
            Self::Silent
        }
    }
}

/// A device with its present standing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Device {
    /// Its id.
    pub id: DeviceId,
    /// Its serial, unique in the fleet.
    pub serial: String,
    /// Its model.
    pub model_id: ModelId,
    /// Its hardware revision.
    pub hardware_revision: String,
    /// The batch it was made in.
    pub batch_id: BatchId,
    /// The factory that made it.
    pub factory_id: CustodianId,
    /// Who holds it now.
    pub custodian_id: CustodianId,
    /// Where exactly, in the holder's words; may be empty.
    pub place: String,
    /// Where it stands in its life.
    pub lifecycle: Lifecycle,
    /// Whether it may be trusted.
    pub trust: Trust,
    /// The release channel: `production` unless set otherwise.
    pub channel: String,
    /// The firmware that it last reported.
    pub firmware: Option<String>,
    /// When it was made.
    pub made_at: Timestamp,
    /// When it was last heard from.
    pub last_seen_at: Option<Timestamp>,
    /// The serial number of its present certificate, in hexadecimal.
    pub certificate_serial: Option<String>,
    /// When its present certificate ends.
    pub certificate_not_after: Option<Timestamp>,
    /// The version of its present manifest; 0 before the first.
    pub manifest_version: i64,
    /// The hash of its present manifest, in hexadecimal; empty before the first.
    pub manifest_hash: String,
}

/// The longest serial that is accepted, in characters.
pub const SERIAL_MAX: usize = 64;

/// A serial that can't be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SerialError {
    /// Nothing was given.
    #[error("the serial is missing")]
    Missing,
    /// Too long.
    #[error("the serial is longer than 64 characters")]
    TooLong,
    /// A character that would not survive a label, an address or a log.
    #[error("the serial holds {0:?}; use letters, digits, and . _ : + - only")]
    Character(char),
}

/// Checks a serial: 1 to 64 ASCII letters, digits and `. _ : + -`.
///
/// # Errors
/// Says what is wrong with it.
pub fn check_serial(text: &str) -> Result<&str, SerialError> {
    let text = text.trim();
    if text.is_empty() {
        return Err(SerialError::Missing);
    }
    if let Some(c) = text.chars().find(|c| !c.is_ascii_alphanumeric() && !"._:+-".contains(*c)) {
        return Err(SerialError::Character(c));
    }
    if text.len() > SERIAL_MAX { Err(SerialError::TooLong) } else { Ok(text) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::MINUTE;

    #[test]
    fn connection_follows_the_poll_interval() {
        let now = Timestamp(1_000 * MINUTE);
        let at = |minutes| Connection::at(now, Some(Timestamp(now.0 - minutes * MINUTE)), 300);
        assert_eq!(
            (at(10), at(11), at(60), at(61)),
            (Connection::Online, Connection::Late, Connection::Late, Connection::Silent)
        );
        assert_eq!(Connection::at(now, None, 300), Connection::Silent);
    }

    #[test]
    fn serials() {
        assert_eq!(check_serial(" GW2C-2611-04217 "), Ok("GW2C-2611-04217"));
        assert_eq!(check_serial("<b>"), Err(SerialError::Character('<')));
        assert_eq!(check_serial(&"x".repeat(65)), Err(SerialError::TooLong));
    }
}
