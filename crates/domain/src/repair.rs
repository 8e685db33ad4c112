//! Repairs: how a case goes on, which parts may go out and come in, and what needs a second person.
//!
//! A manifest changes only by a repair. What decides is in here, so that a field says while it is typed what the server
//! says when it is sent.

mod key;
mod part;
mod plan;

#[cfg(test)]
mod tests;

pub use key::{KeyPart, holds_key, key_changes, key_parts};
pub use part::{Checked, Incoming, Outgoing, Remark, SLOT_RULE, Tone, check_out, check_part};
pub use plan::{Change, Plan, Reason, Taint};

use crate::{
    time::{DAY, HOUR, Timestamp},
    words::words,
};

words! {
    /// How far a repair is.
    RepairState {
        /// It is on the bench; parts and notes are being recorded.
        Reported => "reported", "On the bench";
        /// A second person has to approve it.
        Authorising => "authorising", "Waiting for a second person";
        /// The next manifest is written; the device needs a voucher for its new key.
        Authorised => "authorised", "Authorised";
        /// A voucher is out; the device has to fetch its certificate with it.
        ReEnrolling => "re_enrolling", "Getting a certificate";
        /// The device has to report exactly what the manifest says.
        Verifying => "verifying", "Waiting for the device’s report";
        /// It is done.
        Closed => "closed", "Closed";
        /// It came to nothing.
        Cancelled => "cancelled", "Cancelled";
    }
}

words! {
    /// Whether a part leaves the device or comes in.
    PartDirection {
        /// It leaves.
        Out => "out", "Out";
        /// It comes in.
        In => "in", "In";
    }
}

words! {
    /// What becomes of a part that was taken out.
    PartFate {
        /// It is destroyed; it stays marked until that is shown.
        Scrap => "scrap", "Scrap";
        /// It goes back to its maker.
        Return => "return", "Send to the maker";
        /// It is kept, to be fitted in another device.
        Spare => "spare", "Keep as a spare";
        /// Nobody knows where it is.
        Missing => "missing", "Unaccounted for";
    }
}

impl PartFate {
    /// Where a part with this fate is, as long as nothing else is recorded.
    #[must_use]
    pub const fn state(self) -> &'static str {
        match self {
            Self::Scrap => "To be scrapped",
            Self::Return => "Sent to the maker",
            Self::Spare => "Kept as a spare",
            Self::Missing => "Unaccounted for",
        }
    }

    /// What can follow, in a sentence.
    #[must_use]
    pub const fn next(self) -> &'static str {
        match self {
            Self::Scrap => "Record how it was destroyed.",
            Self::Return => {
                "A repair that fits it in a device takes it from here, and so does a record that it was destroyed."
            }
            Self::Spare => "Fit it by the repair of another device, or record that it was destroyed.",
            Self::Missing => "Should it turn up in a repair, a second person has to approve it.",
        }
    }

    /// What it means, in a few words.
    #[must_use]
    pub const fn hint(self) -> &'static str {
        match self {
            Self::Scrap => "Stays marked until destruction is recorded",
            Self::Return => "Stays marked until it is recorded elsewhere or scrapped",
            Self::Spare => "Stays marked until it is fitted in another device",
            Self::Missing => "If it holds the device’s key, the certificate is revoked as compromised",
        }
    }
}

/// Up to how many characters a symptom, a reason or an outcome has.
pub const TEXT_MAX: usize = 400;
/// Up to how many characters a note has.
pub const NOTE_MAX: usize = 4_000;
/// Up to how many slots one repair changes.
pub const CHANGES_MAX: usize = 40;
/// Up to how many photos a repair keeps.
pub const PHOTOS_MAX: i64 = 40;
/// The largest photo that is taken, in bytes.
pub const PHOTO_MAX: usize = 8 * 1024 * 1024;
/// How long a voucher counts when nothing else is said, in microseconds.
pub const VOUCHER_TIME: i64 = DAY;
/// The longest that a voucher may count, in microseconds.
pub const VOUCHER_TIME_MAX: i64 = 7 * DAY;
/// The shortest that a voucher may count, in microseconds.
pub const VOUCHER_TIME_MIN: i64 = HOUR;

impl RepairState {
    /// Whether the device is still in repair.
    #[must_use]
    pub const fn is_open(self) -> bool {
        !matches!(self, Self::Closed | Self::Cancelled)
    }

    /// Whether parts can still be changed.
    #[must_use]
    pub const fn is_draft(self) -> bool {
        matches!(self, Self::Reported)
    }

    /// Whether the manifest of the repair is written.
    #[must_use]
    pub const fn is_written(self) -> bool {
        matches!(self, Self::Authorised | Self::ReEnrolling | Self::Verifying | Self::Closed)
    }

    /// Whether it may go on to `next`.
    #[must_use]
    pub const fn leads_to(self, next: Self) -> bool {
        match self {
            Self::Reported => matches!(next, Self::Authorising | Self::Authorised | Self::Verifying | Self::Cancelled),
            // Whoever rejects sends it back to the bench.
            Self::Authorising => {
                matches!(next, Self::Reported | Self::Authorised | Self::Verifying | Self::Cancelled)
            }
            Self::Authorised => matches!(next, Self::ReEnrolling | Self::Closed),
            Self::ReEnrolling => matches!(next, Self::Verifying | Self::Closed),
            // A certificate that never reached the device is fetched anew while its report is awaited all the same.
            Self::Verifying => matches!(next, Self::Closed),
            Self::Closed | Self::Cancelled => false,
        }
    }

    /// Where a repair stands right after it was authorised.
    #[must_use]
    pub const fn once_authorised(key_changes: bool) -> Self {
        if key_changes { Self::Authorised } else { Self::Verifying }
    }
}

/// The name of a repair that people can say: `R-2611-0042` is the 42nd of the year 2026, opened in November.
#[must_use]
pub fn case_code(opened: Timestamp, number: i64) -> String {
    let date = opened.rfc3339();
    let (year, month) = (date.get(2..4).unwrap_or("00"), date.get(5..7).unwrap_or("00"));
    format!("R-{year}{month}-{number:04}")
}

/// The year in which repairs are counted.
#[must_use]
pub fn case_year(opened: Timestamp) -> i64 {
    opened.rfc3339().get(..4).and_then(|year| year.parse().ok()).unwrap_or_default()
}

/// A repair's name as it was typed, as it is kept: `r-2611-42` and `2611-0042` are `R-2611-0042`. None for what is no
/// such name.
#[must_use]
pub fn read_code(text: &str) -> Option<String> {
    let text = text.trim();
    let rest = text.strip_prefix(['R', 'r']).map_or(text, |rest| rest.trim_start_matches('-'));
    let (month, number) = rest.split_once('-')?;
    let digits = |text: &str, length: std::ops::RangeInclusive<usize>| {
        length.contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit())
    };
    if !digits(month, 4..=4) || !digits(number, 1..=9) {
        return None;
    }
    number.parse::<i64>().ok().map(|number| format!("R-{month}-{number:04}"))
}
