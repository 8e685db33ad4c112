//! What becomes of an update on one device: from the offer to what the device itself says that it runs.

use super::{Execution, Feedback};
use crate::{history::Event, time::Timestamp, version::version_key, words::words};

words! {
    /// What an action is for.
    ActionKind {
        /// It brings the release.
        Update => "update", "Update";
        /// It takes back to an earlier one.
        Revert => "revert", "Revert";
    }
}

words! {
    /// How far a device is with an update.
    ActionState {
        /// It was told of it.
        Offered => "offered", "Offered";
        /// It downloads.
        Downloading => "downloading", "Downloading";
        /// It installs.
        Installing => "installing", "Installing";
        /// It says that it has installed it; it has not reported the version yet.
        Installed => "installed", "Installed";
        /// It reported the version after its start, and has to live with it for a while.
        Verifying => "verifying", "Verifying";
        /// It reported the version itself and lived with it.
        Verified => "verified", "Verified";
        /// It says that it failed, or it polls and did not finish in time.
        Failed => "failed", "Failed";
        /// It was not heard from in time.
        Silent => "silent", "Silent";
        /// It went back to the version before by itself.
        Reverted => "reverted", "Reverted";
        /// It failed, and is to be tried again.
        Retried => "retried", "To be tried again";
        /// It is asked to stop.
        Cancelling => "cancelling", "Cancelling";
        /// It stopped.
        Cancelled => "cancelled", "Cancelled";
    }
}

impl ActionState {
    /// Whether nothing more is expected of the device. One that was silent may come back.
    #[must_use]
    pub const fn is_closed(self) -> bool {
        matches!(self, Self::Verified | Self::Failed | Self::Reverted | Self::Retried | Self::Cancelled)
    }

    /// Whether a gate counts it as an outcome.
    #[must_use]
    pub const fn is_settled(self) -> bool {
        matches!(self, Self::Verified | Self::Failed | Self::Silent | Self::Reverted)
    }

    /// Whether the device is still to be told of it: clients confirm after their start only what is still offered.
    #[must_use]
    pub const fn is_offered(self) -> bool {
        matches!(self, Self::Offered | Self::Downloading | Self::Installing | Self::Silent)
    }
}

/// How long things may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pace {
    /// Without progress, in microseconds.
    pub timeout: i64,
    /// From the report of the version until it is verified, in microseconds.
    pub soak: i64,
    /// How often it is tried again.
    pub retries: u32,
}

/// An update on one device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Action {
    /// What it is for.
    pub kind: ActionKind,
    /// The version that it brings.
    pub version: String,
    /// The version that ran before; empty when that is not known.
    pub from: String,
    /// Which try it is, from 0.
    pub attempt: u32,
    /// How far it is.
    pub state: ActionState,
    /// When it got there.
    pub changed_at: Timestamp,
    /// When it counts as failed or silent; none when nothing is waited for.
    pub due_at: Option<Timestamp>,
    /// When the device reported the version itself.
    pub reported_at: Option<Timestamp>,
    /// From when on a poll verifies it.
    pub soak_until: Option<Timestamp>,
    /// When it is tried again.
    pub retry_at: Option<Timestamp>,
    /// Whether the device refused to stop.
    pub refused_to_stop: bool,
    /// By what failures are put together; empty without one.
    pub code: String,
    /// Why it failed, in a sentence; empty without one.
    pub reason: String,
}

/// What happens to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ActionEvent<'a> {
    /// The device fetched what is to be installed.
    Fetched,
    /// The device said how far it is.
    Said(&'a Feedback),
    /// The device said how far it is with stopping.
    SaidOfStopping(&'a Feedback),
    /// The device reported what runs on it.
    Reported {
        /// The version.
        version: &'a str,
        /// Whether this is all that is ever said: who installs from a repository closes nothing.
        is_all: bool,
    },
    /// The device polled.
    Polled,
    /// Its time is over.
    TimedOut {
        /// Whether the device was heard from not long ago.
        heard: bool,
        /// What it reported last; empty for nothing.
        firmware: &'a str,
    },
    /// The rollout ended: the device is asked to stop.
    Stop,
}

/// What is waited before the second try, in microseconds; for each one more twice as long, up to a day.
const FIRST_PAUSE: i64 = 5 * crate::time::MINUTE;
/// How often that is doubled at most.
const DOUBLED: u32 = 8;

impl Action {
    /// An update that a device is told of now.
    #[must_use]
    pub fn offered(kind: ActionKind, version: &str, from: &str, attempt: u32, now: Timestamp, pace: Pace) -> Self {
        Self {
            kind,
            version: version.to_owned(),
            from: from.to_owned(),
            attempt,
            state: ActionState::Offered,
            changed_at: now,
            due_at: Some(now.plus(pace.timeout)),
            reported_at: None,
            soak_until: None,
            retry_at: None,
            refused_to_stop: false,
            code: String::new(),
            reason: String::new(),
        }
    }

    fn is_version(&self, version: &str) -> bool {
        !version.is_empty() && version_key(version) == version_key(&self.version)
    }

    /// What it is after something happened; none when that changes nothing.
    #[must_use]
    pub fn after(&self, event: &ActionEvent<'_>, now: Timestamp, pace: Pace) -> Option<Self> {
        use ActionState as S;
        if self.state.is_closed() {
            return None;
        }
        match event {
            ActionEvent::Fetched if self.state == S::Offered => Some(self.moved(S::Downloading, now, pace)),
            ActionEvent::Said(feedback) => self.said(feedback, now, pace),
            ActionEvent::SaidOfStopping(feedback) if self.state == S::Cancelling => {
                self.said_of_stopping(feedback, now, pace)
            }
            ActionEvent::Reported { version, is_all } => self.reported(version, *is_all, now, pace),
            ActionEvent::Polled => self.polled(now),
            ActionEvent::TimedOut { heard, firmware } if self.due_at.is_some_and(|due| due <= now) => {
                self.timed_out(*heard, firmware, now, pace)
            }
            ActionEvent::Stop if self.state.is_offered() && !self.refused_to_stop => {
                Some(self.moved(S::Cancelling, now, pace))
            }
            _ => None,
        }
    }

    fn moved(&self, state: ActionState, now: Timestamp, pace: Pace) -> Self {
        let due_at = (!state.is_settled() && !state.is_closed()).then(|| now.plus(pace.timeout));
        Self { state, changed_at: now, due_at, ..self.clone() }
    }

    fn said(&self, feedback: &Feedback, now: Timestamp, pace: Pace) -> Option<Self> {
        use ActionState as S;
        if feedback.is_failure() {
            return Some(self.failed(feedback.cluster(), feedback.reason(), now, pace));
        }
        if feedback.is_success() {
            // Said again, it is no progress.
            if matches!(self.state, S::Installed | S::Verifying) {
                return None;
            }
            return Some(match self.reported_at {
                Some(_) => self.verifying(now, pace),
                None => self.moved(S::Installed, now, pace),
            });
        }
        let next = match feedback.execution {
            Execution::Download | Execution::Downloaded => S::Downloading,
            Execution::Proceeding => S::Installing,
            _ => return None,
        };
        let is_progress = match self.state {
            S::Offered | S::Silent => true,
            S::Downloading => next == S::Installing,
            _ => false,
        };
        is_progress.then(|| self.moved(next, now, pace))
    }

    fn said_of_stopping(&self, feedback: &Feedback, now: Timestamp, pace: Pace) -> Option<Self> {
        if feedback.is_success() || feedback.execution == Execution::Canceled {
            return Some(self.moved(ActionState::Cancelled, now, pace));
        }
        let refused = feedback.is_failure() || feedback.execution == Execution::Rejected;
        refused.then(|| Self { refused_to_stop: true, ..self.moved(ActionState::Installing, now, pace) })
    }

    fn reported(&self, version: &str, is_all: bool, now: Timestamp, pace: Pace) -> Option<Self> {
        use ActionState as S;
        if self.is_version(version) {
            let installed = || Some(Self { reported_at: Some(now), ..self.clone() }.verifying(now, pace));
            return match self.state {
                S::Installed => installed(),
                // It runs, but its client has not closed the action: that has to be let do so, see the module's text on
                // offering until it is closed. When its time is over it is taken at its word.
                S::Verifying => None,
                _ if is_all => installed(),
                _ if self.reported_at.is_some() => None,
                _ => Some(Self { reported_at: Some(now), ..self.clone() }),
            };
        }
        if is_all && self.state == S::Cancelling {
            return Some(self.moved(S::Cancelled, now, pace));
        }
        // Before its start with the new one it says the old one, and that means nothing; after it, it does.
        (self.state == S::Verifying).then(|| {
            let reason = format!("It reported version {} first and {version} later.", self.version);
            self.ended(S::Reverted, "reverted".to_owned(), reason, now, pace)
        })
    }

    fn verifying(&self, now: Timestamp, pace: Pace) -> Self {
        let until = self.reported_at.unwrap_or(now).plus(pace.soak);
        let due_at = Some(until.max(now).plus(pace.timeout));
        Self { soak_until: Some(until), due_at, ..self.moved(ActionState::Verifying, now, pace) }
    }

    fn polled(&self, now: Timestamp) -> Option<Self> {
        let lived = self.state == ActionState::Verifying && self.soak_until.is_some_and(|until| until <= now);
        lived.then(|| Self { state: ActionState::Verified, changed_at: now, due_at: None, ..self.clone() })
    }

    fn timed_out(&self, heard: bool, firmware: &str, now: Timestamp, pace: Pace) -> Option<Self> {
        use ActionState as S;
        if !heard {
            return Some(self.moved(S::Silent, now, pace));
        }
        Some(match self.state {
            // Its next poll verifies it.
            S::Verifying => Self { due_at: Some(now.plus(pace.timeout)), ..self.clone() },
            S::Cancelling => {
                let reason = "It was asked to stop and never said that it did.".to_owned();
                self.ended(S::Cancelled, String::new(), reason, now, pace)
            }
            _ if self.reported_at.is_some() => self.verifying(now, pace),
            S::Installed if !firmware.is_empty() => {
                let reason = format!("It said that it installed {}, and reports {firmware}.", self.version);
                self.ended(S::Reverted, "reverted".to_owned(), reason, now, pace)
            }
            S::Installed => {
                let reason = format!("It said that it installed {}, and never reported a version.", self.version);
                self.failed("not reported".to_owned(), reason, now, pace)
            }
            _ => {
                let state = self.state.label().to_lowercase();
                let reason = format!("It polls, but did not get beyond “{state}” in time.");
                self.failed("timeout".to_owned(), reason, now, pace)
            }
        })
    }

    fn failed(&self, code: String, reason: String, now: Timestamp, pace: Pace) -> Self {
        self.ended(ActionState::Failed, code, reason, now, pace)
    }

    /// Ends it, or lets it be tried again.
    fn ended(&self, state: ActionState, code: String, reason: String, now: Timestamp, pace: Pace) -> Self {
        let may_again = state == ActionState::Failed && self.attempt < pace.retries && !self.refused_to_stop;
        let (state, retry_at) = if may_again {
            let pause = FIRST_PAUSE << self.attempt.min(DOUBLED);
            (ActionState::Retried, Some(now.plus(pause)))
        } else {
            (state, None)
        };
        Self { state, code, reason, retry_at, changed_at: now, due_at: None, ..self.clone() }
    }

    /// What the device's history tells of a step. That a version runs is told by the report that says so.
    #[must_use]
    pub fn event(&self, before: &Self, firmware: &str) -> Option<Event> {
        use ActionState as S;
        if before.state == self.state {
            return None;
        }
        let version = self.version.clone();
        match self.state {
            S::Installed => Some(Event::UpdateInstalled { version }),
            S::Verifying if before.state != S::Installed => Some(Event::UpdateInstalled { version }),
            S::Failed | S::Retried => Some(Event::UpdateFailed { version, reason: self.reason.clone() }),
            S::Silent => Some(Event::UpdateSilent { version }),
            S::Reverted => {
                let to = if firmware.is_empty() { self.from.clone() } else { firmware.to_owned() };
                Some(Event::UpdateReverted { to, version })
            }
            _ => None,
        }
    }
}
