//! How a rollout goes on: its states, and what leads from one to the next.

use crate::words::words;

words! {
    /// How far a rollout is.
    RolloutState {
        /// It is being written.
        Draft => "draft", "Draft";
        /// Its target is frozen; a manager has to approve it.
        Submitted => "submitted", "Waiting for approval";
        /// It is approved, and starts at its time.
        Approved => "approved", "Scheduled";
        /// It is under way.
        Running => "running", "Running";
        /// Somebody paused it.
        Paused => "paused", "Paused";
        /// A gate stopped it.
        Halted => "halted", "Halted by its gate";
        /// It is done.
        Completed => "completed", "Completed";
        /// It was ended early.
        Aborted => "aborted", "Aborted";
    }
}

words! {
    /// What is done with a rollout.
    Deed {
        /// Its plan is changed.
        Edit => "edit", "Changed";
        /// Its target is frozen, and approval asked for.
        Submit => "submit", "Submitted";
        /// A manager rejects it.
        Reject => "reject", "Rejected";
        /// A manager approves it.
        Approve => "approve", "Approved";
        /// Its time has come.
        Start => "start", "Started";
        /// The next wave is opened; after the last one it is complete.
        Advance => "advance", "Next wave opened";
        /// Somebody stops it for now.
        Pause => "pause", "Paused";
        /// A gate stops it for now.
        Halt => "halt", "Halted by its gate";
        /// It goes on.
        Resume => "resume", "Resumed";
        /// It is ended.
        Abort => "abort", "Aborted";
    }
}

/// What can't be done with a rollout as it stands.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OutOfTurn {
    /// Its state doesn't lead there.
    #[error("This rollout is {}: {}.", state.label().to_lowercase(), why(*state, *deed))]
    State {
        /// How far it is.
        state: RolloutState,
        /// What was tried.
        deed: Deed,
    },
    /// What was approved is not what would run.
    #[error("What was approved is not what this rollout would do now: it was changed since. Submit it again.")]
    OtherHash,
}

const fn why(state: RolloutState, deed: Deed) -> &'static str {
    match (state, deed) {
        (RolloutState::Completed | RolloutState::Aborted, _) => "it is over, and nothing of it can be changed",
        (RolloutState::Draft, _) => "it has to be submitted and approved first",
        (RolloutState::Submitted, _) => "a manager has to decide first",
        (_, Deed::Edit) => "what runs can’t be changed; abort it and make another one",
        (RolloutState::Paused | RolloutState::Halted, _) => "it has to be resumed first",
        _ => "that has been done, or isn’t its turn",
    }
}

impl RolloutState {
    /// Whether it is over for good.
    #[must_use]
    pub const fn is_over(self) -> bool {
        matches!(self, Self::Completed | Self::Aborted)
    }

    /// Whether it was started.
    #[must_use]
    pub const fn is_begun(self) -> bool {
        matches!(self, Self::Running | Self::Paused | Self::Halted | Self::Completed | Self::Aborted)
    }

    /// Whether its plan can be changed.
    #[must_use]
    pub const fn is_draft(self) -> bool {
        matches!(self, Self::Draft | Self::Submitted | Self::Approved)
    }

    /// Where a deed leads from here. [`Deed::Advance`] leads to [`Self::Running`], [`Course::apply`] knows after which wave it is
    /// complete.
    ///
    /// # Errors
    /// When it isn't its turn.
    pub const fn after(self, deed: Deed) -> Result<Self, OutOfTurn> {
        Ok(match (self, deed) {
            (Self::Draft | Self::Submitted | Self::Approved, Deed::Edit) | (Self::Submitted, Deed::Reject) => {
                Self::Draft
            }
            (Self::Draft, Deed::Submit) => Self::Submitted,
            (Self::Submitted, Deed::Approve) => Self::Approved,
            (Self::Approved, Deed::Start)
            | (Self::Running, Deed::Advance)
            | (Self::Paused | Self::Halted, Deed::Resume) => Self::Running,
            // What was halted can be paused, too, so that stopping is always one call and never an error.
            (Self::Running | Self::Halted, Deed::Pause) => Self::Paused,
            (Self::Running, Deed::Halt) => Self::Halted,
            (state, Deed::Abort) if !state.is_over() => Self::Aborted,
            (state, deed) => return Err(OutOfTurn::State { state, deed }),
        })
    }
}

/// How a rollout stands, as far as rules need to know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Course {
    /// How far it is.
    pub state: RolloutState,
    /// The wave that was opened last, from 0; none before it was started.
    pub wave: Option<usize>,
    /// How many waves it has.
    pub waves: usize,
    /// The hash of what it would do: its plan and what was frozen of it. Empty before it was submitted.
    pub hash: String,
    /// The hash that a manager approved; empty before.
    pub approved: String,
}

impl Course {
    /// Goes on by a deed. `hash` is that of what is submitted or approved; others pass what stands.
    ///
    /// # Errors
    /// When it isn't its turn, or what is approved or started is not what was submitted.
    pub fn apply(&self, deed: Deed, hash: &str) -> Result<Self, OutOfTurn> {
        let mut next = Self { state: self.state.after(deed)?, ..self.clone() };
        match deed {
            Deed::Edit | Deed::Reject => {
                next.hash.clear();
                next.approved.clear();
            }
            Deed::Submit => {
                hash.clone_into(&mut next.hash);
                next.approved.clear();
            }
            Deed::Approve if hash != self.hash || hash.is_empty() => return Err(OutOfTurn::OtherHash),
            Deed::Approve => hash.clone_into(&mut next.approved),
            Deed::Start if self.approved != self.hash || self.hash.is_empty() => return Err(OutOfTurn::OtherHash),
            Deed::Start => next.wave = Some(0),
            Deed::Advance => {
                let opened = self.wave.map_or(0, |wave| wave + 1);
                if opened < self.waves {
                    next.wave = Some(opened);
                } else {
                    next.state = RolloutState::Completed;
                }
            }
            Deed::Pause | Deed::Halt | Deed::Resume | Deed::Abort => {}
        }
        Ok(next)
    }

    /// Whether devices of a wave are offered it.
    #[must_use]
    pub fn offers(&self, wave: usize) -> bool {
        self.state == RolloutState::Running && self.wave.is_some_and(|opened| wave <= opened)
    }
}
