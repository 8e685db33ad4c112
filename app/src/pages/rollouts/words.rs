//! States of rollouts, waves and devices: word, icon, colour.

use crate::components::{
    icons,
    status::{Status, Tone},
};
use domain::rollout::{ActionState, RolloutState};
use fleet::rollout::{RolloutDetail, WaveView};

const fn status(word: &'static str, icon: icons::Icon, tone: Tone) -> Status {
    Status { word, icon, tone }
}

/// How far a rollout is.
pub(super) const fn state(state: RolloutState) -> Status {
    match state {
        RolloutState::Draft => status("Draft", icons::PENCIL, Tone::Mute),
        RolloutState::Submitted => status("Awaiting approval", icons::HOURGLASS, Tone::Go),
        RolloutState::Approved => status("Scheduled", icons::CLOCK, Tone::Go),
        RolloutState::Running => status("Running", icons::PLAY, Tone::Go),
        RolloutState::Paused => status("Paused", icons::PAUSE, Tone::Hold),
        RolloutState::Halted => status("Stopped by gate", icons::HALT, Tone::Bad),
        RolloutState::Completed => status("Finished", icons::TICK, Tone::Ok),
        RolloutState::Aborted => status("Aborted", icons::CROSS, Tone::Mute),
    }
}

/// How far a wave is.
pub(super) fn wave(detail: &RolloutDetail, n: usize, view: &WaveView) -> Status {
    let is_last_open = detail.row.wave == Some(n);
    match (view.is_open, view.halted.is_some(), is_last_open) {
        (false, ..) => status("Not started", icons::RING, Tone::Mute),
        (true, true, _) => status("Stopped by gate", icons::HALT, Tone::Bad),
        (true, false, false) => status("Passed", icons::TICK, Tone::Ok),
        (true, false, true) if detail.row.state == RolloutState::Completed => status("Passed", icons::TICK, Tone::Ok),
        (true, false, true) if view.waits_for_manager => status("Waits for a manager", icons::HOURGLASS, Tone::Hold),
        (true, false, true) if view.is_ready && !view.missing.is_empty() => {
            status("Waits for somebody", icons::HOURGLASS, Tone::Hold)
        }
        (true, false, true) if view.evidence.settled() > 0 => status("Gathering", icons::HOURGLASS, Tone::Go),
        (true, false, true) => status("Running", icons::PLAY, Tone::Go),
    }
}

/// How far a device is.
pub(in crate::pages) const fn outcome(state: ActionState) -> Status {
    match state {
        ActionState::WaitsForConfirmation => status("Waits for its user", icons::HOURGLASS, Tone::Hold),
        ActionState::Offered => status("Offered", icons::OFFERED, Tone::Go),
        ActionState::Downloading => status("Downloading", icons::DOWNLOAD, Tone::Go),
        ActionState::Installing => status("Installing", icons::INSTALL, Tone::Go),
        ActionState::Installed => status("Rebooting", icons::REBOOT, Tone::Go),
        ActionState::Verifying => status("Verifying", icons::PULSE, Tone::Go),
        ActionState::Verified => status("Verified", icons::TICK, Tone::Ok),
        ActionState::Failed => status("Failed", icons::CROSS, Tone::Bad),
        ActionState::Silent => status("Silent after update", icons::SILENT, Tone::Bad),
        ActionState::Reverted => status("Reverted", icons::REVERT, Tone::Warn),
        ActionState::Retried => status("To be tried again", icons::REBOOT, Tone::Warn),
        ActionState::Cancelling => status("Cancelling", icons::PAUSE, Tone::Hold),
        ActionState::Cancelled => status("Cancelled", icons::MINUS, Tone::Mute),
    }
}

/// The same of one whose user may have said no to it.
pub(in crate::pages) const fn outcome_of(state: ActionState, denied: bool) -> Status {
    if denied { status("Denied by its user", icons::BAN, Tone::Hold) } else { outcome(state) }
}

/// `2 of 5`, for people counted from 1.
pub(super) fn wave_of(open: Option<usize>, waves: usize) -> String {
    open.map_or_else(|| format!("none of {waves}"), |open| format!("{} of {waves}", open + 1))
}
