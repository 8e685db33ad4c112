//! What a device's poll is answered about an update that is under way on it: how far the device is, by how its rollout stands.

use super::{ActionKind, ActionState, RolloutState};
use crate::time::Timestamp;

/// An update that is under way, as far as the answer depends on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnderWay {
    /// What it is for.
    pub kind: ActionKind,
    /// How far it is.
    pub state: ActionState,
    /// How far it came on the device before it was silent or asked to stop.
    pub reached: ActionState,
    /// From when on a poll verifies it.
    pub soak_until: Option<Timestamp>,
    /// Whether the device refused to stop.
    pub refused_to_stop: bool,
}

impl UnderWay {
    /// Whether the device's client has to install it yet, or to say how that went. Silent devices come back to where they were.
    #[must_use]
    pub const fn awaits_client(&self) -> bool {
        use ActionState as S;
        match self.state {
            S::Offered | S::Downloading | S::Installing => true,
            S::Silent => matches!(self.reached, S::Offered | S::Downloading | S::Installing),
            _ => false,
        }
    }

    /// Whether the device's user has to agree before it is told of it.
    #[must_use]
    pub const fn awaits_user(&self) -> bool {
        matches!(self.state, ActionState::WaitsForConfirmation)
    }

    /// Whether the device was told of it, or may have been, or its user is asked, and has not fetched anything yet.
    #[must_use]
    pub const fn is_not_begun(&self) -> bool {
        self.awaits_user() || (self.awaits_client() && matches!(self.reached, ActionState::Offered))
    }

    /// Whether it makes room for another rollout's update: it was not begun, and its own rollout brings it to nobody now.
    #[must_use]
    pub const fn gives_way(&self, rollout: RolloutState) -> bool {
        let waits = matches!(rollout, RolloutState::Paused | RolloutState::Halted | RolloutState::Completed);
        waits && self.is_not_begun() && matches!(self.kind, ActionKind::Update)
    }
}

/// What stands around an update: its rollout, its release, the device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Around {
    /// How far the rollout is.
    pub rollout: RolloutState,
    /// Whether the device may get anything at all.
    pub is_trusted: bool,
    /// Whether one of its maintenance windows is open.
    pub is_window: bool,
    /// Whether the release may be sent to devices of its channel; not if it was withdrawn.
    pub is_sendable: bool,
    /// Whether a person has to let the rollout go on before it takes anybody back.
    pub is_held_back: bool,
    /// Whether the device may still install the release: it is made for it, and older than what runs only if the plan wants that.
    pub is_fit: bool,
}

/// What is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// Nothing for now: it goes on later.
    Wait,
    /// Its user is asked first.
    Confirm,
    /// What is to be installed.
    Deploy,
    /// It is asked what runs.
    Ask,
    /// It lived through the soak.
    Verify,
    /// It is asked to stop from now on.
    Stop,
    /// It is asked to stop, still.
    Cancel,
    /// Nothing can come of it: the offer is taken back.
    TakeBack,
}

/// What a device is answered at `now`.
#[must_use]
pub fn answer(at: &UnderWay, around: &Around, now: Timestamp) -> Answer {
    use ActionState as S;
    if !around.is_trusted {
        return Answer::Wait;
    }
    match (at.state, at.reached) {
        (S::Verifying, _) if at.soak_until.is_some_and(|until| until <= now) => Answer::Verify,
        (S::Installed, _) | (S::Silent, S::Installed | S::Verifying) => Answer::Ask,
        (S::Cancelling, _) => Answer::Cancel,
        (S::WaitsForConfirmation, _) => to_user(around),
        _ if at.awaits_client() => to_client(at, around),
        _ => Answer::Wait,
    }
}

/// What is answered while a device's user is asked. A window says when something is installed, not when somebody may be asked:
/// who is asleep at night agrees by day.
const fn to_user(around: &Around) -> Answer {
    match around.rollout {
        // Nothing was told that the device would have to stop.
        RolloutState::Aborted => Answer::TakeBack,
        // People take their time: what was right for the device when they were asked may not be so any more.
        _ if !around.is_sendable || !around.is_fit => Answer::TakeBack,
        RolloutState::Paused | RolloutState::Halted => Answer::Wait,
        _ => Answer::Confirm,
    }
}

/// The same of what the client has to install yet, or to say how that went.
const fn to_client(at: &UnderWay, around: &Around) -> Answer {
    use RolloutState as R;
    let has_begun = !at.is_not_begun();
    let is_update = matches!(at.kind, ActionKind::Update);
    if is_update && matches!(around.rollout, R::Aborted) {
        return if at.refused_to_stop { Answer::Deploy } else { Answer::Stop };
    }
    // What is withdrawn nobody fetches any more; who installs it is let finish, and say so.
    if !around.is_sendable && !matches!(at.reached, ActionState::Installing) {
        return if has_begun { Answer::Stop } else { Answer::TakeBack };
    }
    // Whoever has begun goes on, whatever stops the others.
    if has_begun {
        return Answer::Deploy;
    }
    if !is_update && around.is_held_back {
        return Answer::TakeBack;
    }
    let is_stopped = is_update && matches!(around.rollout, R::Paused | R::Halted);
    if is_stopped || !around.is_window { Answer::Wait } else { Answer::Deploy }
}

impl Answer {
    /// Whether the device is kept from what it would have to do; what it has begun it can be asked to stop.
    #[must_use]
    pub const fn withholds(self, at: &UnderWay) -> bool {
        match self {
            Self::Wait | Self::TakeBack => at.awaits_client(),
            Self::Stop => at.is_not_begun(),
            _ => false,
        }
    }
}
