//! Maintenance windows: when a device may be offered an update, in the time of the place where it stands.
//!
//! Zones are names of the IANA database (RFC 6557), because a fixed offset is wrong for half of the year wherever clocks are put
//! forward: a window at night would move into the opening hours. The tables weigh a megabyte of source and are linked only where
//! they are asked.

use crate::{time::Timestamp, words::words};
use chrono::{Datelike, TimeZone, Timelike};
use chrono_tz::Tz;
use serde::{Deserialize, Serialize};

words! {
    /// A day of the week.
    Day {
        /// Monday.
        Monday => "mon", "Monday";
        /// Tuesday.
        Tuesday => "tue", "Tuesday";
        /// Wednesday.
        Wednesday => "wed", "Wednesday";
        /// Thursday.
        Thursday => "thu", "Thursday";
        /// Friday.
        Friday => "fri", "Friday";
        /// Saturday.
        Saturday => "sat", "Saturday";
        /// Sunday.
        Sunday => "sun", "Sunday";
    }
}

/// When devices are offered a rollout.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Windows {
    /// The zone of devices that don't report one themselves: `Europe/Prague`; empty for UTC.
    #[serde(default)]
    pub zone: String,
    /// The windows; at any time if there are none.
    #[serde(default)]
    pub open: Vec<Window>,
}

/// One window of the week, in local time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Window {
    /// The days on which it opens; every day if there are none.
    #[serde(default)]
    pub days: Vec<Day>,
    /// The minute of the day at which it opens, from 0 to 1439.
    pub from: u32,
    /// The minute of the day at which it closes. At or before `from` means on the day after.
    pub until: u32,
}

/// A zone by its name in the IANA database, as it is written there; UTC for the empty text. None for what is no zone.
#[must_use]
pub fn zone(name: &str) -> Option<Tz> {
    if name.is_empty() { Some(Tz::UTC) } else { name.parse().ok() }
}

impl Windows {
    /// Whether a window is open at `now` for a device that reported this zone, or none that is known.
    #[must_use]
    pub fn are_open(&self, now: Timestamp, reported: &str) -> bool {
        if self.open.is_empty() {
            return true;
        }
        let own = if reported.is_empty() { None } else { zone(reported) };
        let zone = own.or_else(|| zone(&self.zone)).unwrap_or(Tz::UTC);
        let local = zone.from_utc_datetime(&now.to_utc().naive_utc());
        let minute = local.hour() * 60 + local.minute();
        let today = usize::try_from(local.weekday().num_days_from_monday()).unwrap_or_default();
        self.open.iter().any(|window| window.is_open(today, minute))
    }
}

impl Window {
    fn is_open(&self, today: usize, minute: u32) -> bool {
        let opens_on = |day: usize| {
            let day = Day::ALL.get(day % Day::ALL.len()).copied();
            self.days.is_empty() || day.is_some_and(|day| self.days.contains(&day))
        };
        if self.from < self.until {
            return opens_on(today) && (self.from..self.until).contains(&minute);
        }
        // Over midnight: what is before it belongs to today's window, what is after it to yesterday's.
        (opens_on(today) && minute >= self.from) || (opens_on(today + Day::ALL.len() - 1) && minute < self.until)
    }
}
