//! What becomes of an update on one device: from the offer to what the device itself says that it runs.

use super::{ActionKind, ActionState, Execution, Feedback, INSTALLS, UnderWay, UserAnswer};
use crate::{
    history::Event,
    time::{MINUTE, SECOND, Timestamp},
    version::version_key,
};

/// How long things may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pace {
    /// Without progress, in microseconds.
    pub timeout: i64,
    /// From the report of the version until it is verified, in microseconds.
    pub soak: i64,
    /// How often it is tried again.
    pub retries: u32,
    /// After how long without a sign of it a device that has begun is silent, by how it usually polls, in microseconds; none
    /// where only the timeout counts.
    pub usual: Option<i64>,
}

/// So many times as long as it usually stays away a device may, until it is late.
const HABITS: i64 = 3;
/// Nobody who has begun is late sooner: clients start anew, and polls are written down within a minute.
const SOONEST: i64 = 10 * MINUTE;
/// How long fetching may take without a sign: most clients don't poll meanwhile.
const FETCHES: i64 = 30 * MINUTE;

/// After how long without a sign of it a device is late by its own habit: `gap_s` is how long it usually stays away, `interval_s`
/// how often it is told to come, both in seconds.
#[must_use]
pub fn late_after(gap_s: u32, interval_s: u32) -> i64 {
    let gap = i64::from(gap_s.max(interval_s)).saturating_mul(SECOND);
    gap.saturating_mul(HABITS).max(SOONEST)
}

impl Pace {
    /// After how long without progress or a sign of it a device in this state is looked at.
    fn patience(&self, state: ActionState) -> i64 {
        use ActionState as S;
        let takes = match state {
            S::Downloading => FETCHES,
            S::Installing | S::Installed => INSTALLS,
            S::Verifying => 0,
            // Whoever has not begun was not harmed by it; whoever is asked to stop has until the timeout.
            _ => return self.timeout,
        };
        self.usual.map_or(self.timeout, |usual| usual.saturating_add(takes).min(self.timeout))
    }
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
    /// How far it came on the device: what it was before a silence, a stop or its end.
    pub reached: ActionState,
    /// When it got there.
    pub changed_at: Timestamp,
    /// When it counts as failed or silent; none when nothing is waited for.
    pub due_at: Option<Timestamp>,
    /// When the device reported the version itself.
    pub reported_at: Option<Timestamp>,
    /// From when on a poll verifies it.
    pub soak_until: Option<Timestamp>,
    /// When it is tried again, or may be offered again if its offer was taken back.
    pub retry_at: Option<Timestamp>,
    /// Whether the device refused to stop.
    pub refused_to_stop: bool,
    /// By what failures are put together; empty without one. [`FELL_BACK`] while it is open, if the device went back.
    pub code: String,
    /// Why it failed or was cancelled, in a sentence; empty without one.
    pub reason: String,
}

/// The code of what a device went back from by itself.
const FELL_BACK: &str = "reverted";
/// The code of what a device's user said no to, while it waits for that one.
const DENIED: &str = "denied";

/// What happens to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ActionEvent<'a> {
    /// The device fetched what is to be installed.
    Fetched,
    /// The device said how far it is.
    Said(&'a Feedback),
    /// Its user was asked, and said this.
    Answered(&'a UserAnswer),
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
        /// When it was heard from last, as far as that is known.
        last: Option<Timestamp>,
        /// What it reported last; empty for nothing.
        firmware: &'a str,
        /// Whether the device was kept from it, so that it could not go on.
        withheld: bool,
        /// Since when its rollout runs without a break, if there was one.
        resumed_at: Option<Timestamp>,
    },
    /// The rollout ended: the device is asked to stop.
    Stop,
    /// Nothing can come of an offer that the device has not begun: it is free for another one.
    TakeBack,
}

/// What is waited before the second try, in microseconds; for each one more twice as long, up to a day.
const FIRST_PAUSE: i64 = 5 * MINUTE;
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
            reached: ActionState::Offered,
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

    /// The same where its user is asked first. However long that takes, it is neither late nor silent: nothing is due.
    #[must_use]
    pub fn asked(self) -> Self {
        Self { state: ActionState::WaitsForConfirmation, due_at: None, ..self }
    }

    /// Whether its user was asked and said no; the reason is what that one said.
    #[must_use]
    pub fn is_denied(&self) -> bool {
        self.state == ActionState::WaitsForConfirmation && self.code == DENIED
    }

    /// Whether its offer was taken back before the device began, and not because its user said no: what that one has agreed to holds
    /// for the next offer.
    #[must_use]
    pub fn is_taken_back_unbegun(&self) -> bool {
        let is_taken_back = self.state == ActionState::Cancelled && self.retry_at.is_some();
        is_taken_back && self.reached == ActionState::Offered && self.code != DENIED
    }

    fn is_version(&self, version: &str) -> bool {
        !version.is_empty() && version_key(version) == version_key(&self.version)
    }

    /// It, as far as what a poll is answered depends on it.
    #[must_use]
    pub const fn under_way(&self) -> UnderWay {
        UnderWay {
            kind: self.kind,
            state: self.state,
            reached: self.reached,
            soak_until: self.soak_until,
            refused_to_stop: self.refused_to_stop,
        }
    }

    /// What it is after something happened; none when that changes nothing.
    #[must_use]
    pub fn after(&self, event: &ActionEvent<'_>, now: Timestamp, pace: Pace) -> Option<Self> {
        use ActionState as S;
        if self.state.is_closed() {
            return None;
        }
        match event {
            ActionEvent::Fetched if self.under_way().awaits_client() && self.under_way().is_not_begun() => {
                Some(self.begun(S::Downloading, now, pace))
            }
            ActionEvent::Answered(said) => self.answered(said, now, pace),
            ActionEvent::Said(feedback) => self.said(feedback, now, pace),
            ActionEvent::SaidOfStopping(feedback) if self.state == S::Cancelling => {
                self.said_of_stopping(feedback, now, pace)
            }
            ActionEvent::Reported { version, is_all } => self.reported(version, *is_all, now, pace),
            ActionEvent::Polled => self.polled(now),
            ActionEvent::TimedOut { last, withheld, .. } if self.is_due(now) && now < self.timeout_at(pace) => {
                Some(self.late_by_habit(*last, *withheld, now, pace))
            }
            ActionEvent::TimedOut { heard, last, firmware, withheld, resumed_at } if self.is_due(now) => {
                let resumed_until = resumed_at.filter(|_| self.state == S::Offered).map(|at| at.plus(pace.timeout));
                match resumed_until.filter(|until| *until > now) {
                    _ if *withheld && self.under_way().awaits_client() => Some(self.taken_back(now)),
                    // While it was held up it could not begin.
                    Some(until) => Some(Self { due_at: Some(until), ..self.clone() }),
                    None if self.is_away_as_usual(*last, now, pace) => Some(self.taken_back_unbegun(now)),
                    None => Some(self.timed_out(*heard, firmware, now, pace)),
                }
            }
            ActionEvent::Stop if self.under_way().awaits_client() && !self.refused_to_stop => {
                Some(self.moved(S::Cancelling, now, pace))
            }
            ActionEvent::TakeBack if self.under_way().is_not_begun() => Some(self.taken_back(now)),
            _ => None,
        }
    }

    fn is_due(&self, now: Timestamp) -> bool {
        self.due_at.is_some_and(|due| due <= now)
    }

    /// When its time is over, however the device usually polls.
    fn timeout_at(&self, pace: Pace) -> Timestamp {
        let from = if self.state == ActionState::Verifying { self.soak_until } else { None };
        from.unwrap_or(self.changed_at).plus(pace.timeout)
    }

    /// What it is before its timeout, when it would be late by the device's habit: silent, or looked at again later. Whoever shows
    /// itself is looked at ever more seldom, so that a long soak costs few looks.
    fn late_by_habit(&self, last: Option<Timestamp>, withheld: bool, now: Timestamp, pace: Pace) -> Self {
        let timeout_at = self.timeout_at(pace);
        let heard_at = last.map_or(self.changed_at, |last| last.max(self.changed_at));
        let late_at = heard_at.plus(pace.patience(self.state));
        if withheld || pace.usual.is_none() {
            return Self { due_at: Some(timeout_at), ..self.clone() };
        }
        if late_at <= now {
            return self.moved(ActionState::Silent, now, pace);
        }
        let seldom = now.plus(now.0.saturating_sub(self.changed_at.0) / 2);
        Self { due_at: Some(late_at.max(seldom).min(timeout_at)), ..self.clone() }
    }

    /// Whether the device has not begun, and was not heard from since its offer because it usually stays away for so long.
    fn is_away_as_usual(&self, last: Option<Timestamp>, now: Timestamp, pace: Pace) -> bool {
        // The poll that was answered by the offer is written down about then.
        let came_since = last.is_some_and(|last| last > self.changed_at.plus(MINUTE));
        let is_usual = pace.usual.is_some_and(|usual| self.changed_at.plus(usual) > now);
        self.state == ActionState::Offered && !came_since && is_usual
    }

    fn moved(&self, state: ActionState, now: Timestamp, pace: Pace) -> Self {
        let due_at = (!state.is_settled() && !state.is_closed()).then(|| now.plus(pace.patience(state)));
        let reached = if state.is_progress() { state } else { self.reached };
        Self { state, reached, changed_at: now, due_at, ..self.clone() }
    }

    /// The client goes on by itself: what was noted of a try before counts no more.
    fn begun(&self, state: ActionState, now: Timestamp, pace: Pace) -> Self {
        Self { code: String::new(), reason: String::new(), ..self.moved(state, now, pace) }
    }

    /// Ends what the device was kept from: that is no outcome, and it may be offered again.
    fn taken_back(&self, now: Timestamp) -> Self {
        if self.under_way().awaits_user() {
            return self.taken_back_as("It was taken back before its user agreed.", now);
        }
        self.taken_back_as("The offer was taken back: the device was kept from it.", now)
    }

    /// Ends what a device that polls seldom has not begun: at its next poll it is offered again.
    fn taken_back_unbegun(&self, now: Timestamp) -> Self {
        self.taken_back_as("The offer was taken back: the device polls too seldom to have begun it.", now)
    }

    fn taken_back_as(&self, reason: &str, now: Timestamp) -> Self {
        let reason = reason.to_owned();
        Self {
            state: ActionState::Cancelled,
            reason,
            retry_at: Some(now),
            changed_at: now,
            due_at: None,
            ..self.clone()
        }
    }

    /// Who agrees gets it; who doesn't goes on being asked. What was agreed to may be taken back until the device begins.
    fn answered(&self, said: &UserAnswer, now: Timestamp, pace: Pace) -> Option<Self> {
        use ActionState as S;
        let waits = self.under_way().awaits_user();
        if said.agrees() {
            return waits.then(|| self.begun(S::Offered, now, pace));
        }
        let may = waits || self.may_be_denied();
        may.then(|| Self {
            reached: S::Offered,
            code: DENIED.to_owned(),
            reason: said.words(),
            changed_at: now,
            ..self.clone().asked()
        })
        .filter(|next| next != self)
    }

    /// Whether its user may take back what that one agreed to: only while nothing was fetched. Who has begun or fell silent counts for
    /// gates, and must not leave them by a no, or its failure would be heard by nobody.
    #[must_use]
    pub fn may_be_denied(&self) -> bool {
        let has_run = self.reported_at.is_some() || self.code == FELL_BACK;
        self.kind == ActionKind::Update && self.state == ActionState::Offered && !has_run
    }

    fn said(&self, feedback: &Feedback, now: Timestamp, pace: Pace) -> Option<Self> {
        use ActionState as S;
        // It was told of nothing yet.
        if self.under_way().awaits_user() {
            return None;
        }
        if feedback.is_failure() {
            return Some(self.failed(feedback.cluster(), feedback.reason(), now, pace));
        }
        if feedback.is_success() {
            return match (self.state, self.reached) {
                // Said again, it is no progress; of what it has lived with for a while only its report says more.
                (S::Installed | S::Verifying, _) | (S::Silent, S::Verifying) => None,
                _ if self.code == FELL_BACK => Some(self.fell_back(self.reason.clone(), now, pace)),
                _ if self.reported_at.is_some() => Some(self.verifying(now, pace)),
                _ => Some(self.moved(S::Installed, now, pace)),
            };
        }
        let next = match feedback.execution {
            Execution::Download | Execution::Downloaded => S::Downloading,
            Execution::Proceeding => S::Installing,
            _ => return None,
        };
        let is_progress = match self.state {
            S::Offered | S::Silent => self.under_way().awaits_client(),
            S::Downloading => next == S::Installing,
            _ => false,
        };
        is_progress.then(|| self.begun(next, now, pace))
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
        if version.is_empty() {
            return None;
        }
        if self.state != S::Silent {
            return self.reported_of(version, is_all, now, pace);
        }
        // It is heard of again: it goes on where it was, and has to live with the version anew.
        let back = self.moved(self.reached, now, pace);
        if back.state == S::Verifying && self.is_version(version) {
            return Some(Self { reported_at: Some(now), ..back }.verifying(now, pace));
        }
        Some(back.reported_of(version, is_all, now, pace).unwrap_or(back))
    }

    fn reported_of(&self, version: &str, is_all: bool, now: Timestamp, pace: Pace) -> Option<Self> {
        use ActionState as S;
        if self.is_version(version) {
            let installed = || Some(Self { reported_at: Some(now), ..self.clone() }.verifying(now, pace));
            return match self.state {
                S::Installed => installed(),
                // It runs, but its client has not closed the action: that has to be let do so, see the module's text on
                // offering until it is closed. When its time is over it is taken at its word.
                S::Verifying => None,
                // Somebody brought it there by another way: there is nothing to agree to any more.
                S::WaitsForConfirmation => Some(self.taken_back_as("It reports that it runs this version.", now)),
                _ if is_all => installed(),
                _ if self.reported_at.is_some() => None,
                _ => {
                    let (code, reason) = (String::new(), String::new());
                    Some(Self { reported_at: Some(now), code, reason, ..self.clone() })
                }
            };
        }
        let went_back = format!("It reported version {} first and {version} later.", self.version);
        match self.state {
            S::Verifying => Some(self.fell_back(went_back, now, pace)),
            S::Cancelling if is_all => Some(self.moved(S::Cancelled, now, pace)),
            // Before its start with the new one it says the old one, and that means nothing; after it, it does, and its client
            // may still say why.
            _ if self.reported_at.is_some() && self.under_way().is_not_begun() => {
                Some(Self { reported_at: None, ..self.clone() })
            }
            _ if self.reported_at.is_some() => {
                Some(Self { reported_at: None, code: FELL_BACK.to_owned(), reason: went_back, ..self.clone() })
            }
            _ => None,
        }
    }

    fn fell_back(&self, reason: String, now: Timestamp, pace: Pace) -> Self {
        self.ended(ActionState::Reverted, FELL_BACK.to_owned(), reason, now, pace)
    }

    /// It runs and its client has closed it, or had the time to: from here on it has to live with it.
    fn verifying(&self, now: Timestamp, pace: Pace) -> Self {
        let until = now.plus(pace.soak);
        let timeout_at = until.plus(pace.timeout);
        let looked_at = pace.usual.map_or(timeout_at, |usual| now.plus(usual));
        let due_at = Some(looked_at.min(timeout_at));
        Self { soak_until: Some(until), due_at, ..self.moved(ActionState::Verifying, now, pace) }
    }

    fn polled(&self, now: Timestamp) -> Option<Self> {
        let lived = self.state == ActionState::Verifying && self.soak_until.is_some_and(|until| until <= now);
        lived.then(|| Self { state: ActionState::Verified, changed_at: now, due_at: None, ..self.clone() })
    }

    fn timed_out(&self, heard: bool, firmware: &str, now: Timestamp, pace: Pace) -> Self {
        use ActionState as S;
        if !heard {
            return self.moved(S::Silent, now, pace);
        }
        match self.state {
            // Its next poll verifies it.
            S::Verifying => Self { due_at: Some(now.plus(pace.timeout)), ..self.clone() },
            S::Cancelling => {
                let reason = "It was asked to stop and never said that it did.".to_owned();
                self.ended(S::Cancelled, String::new(), reason, now, pace)
            }
            _ if self.code == FELL_BACK => self.fell_back(self.reason.clone(), now, pace),
            _ if self.reported_at.is_some() && self.is_version(firmware) => self.verifying(now, pace),
            _ if self.reported_at.is_some() => {
                let reason = format!("It reported version {} first, and runs {firmware} now.", self.version);
                self.fell_back(reason, now, pace)
            }
            S::Installed if !firmware.is_empty() => {
                let reason = format!("It said that it installed {}, and reports {firmware}.", self.version);
                self.fell_back(reason, now, pace)
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
        }
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
        let version = self.version.clone();
        // Once, however often it is said.
        if self.is_denied() && !before.is_denied() {
            return Some(Event::UpdateDenied { version, reason: self.reason.clone() });
        }
        if before.state == self.state {
            return None;
        }
        match self.state {
            S::Offered if before.under_way().awaits_user() => Some(Event::UpdateConfirmed { version }),
            S::Installed | S::Verifying if !matches!(before.reached, S::Installed | S::Verifying) => {
                Some(Event::UpdateInstalled { version })
            }
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
