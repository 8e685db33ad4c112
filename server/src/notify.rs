//! What the service manager is told, where one asks: that we are ready, that we stop, and that we are still alive. Without
//! one, nothing of this does anything.

use sd_notify::NotifyState;

/// It may count on us from now on.
pub fn ready(status: &str) {
    tell(&[NotifyState::Ready, NotifyState::Status(status)]);
}

/// We finish what was begun.
pub fn stopping() {
    tell(&[NotifyState::Stopping]);
}

/// Says that we live, twice as often as it is asked for, as long as tasks still get their turn.
pub async fn watchdog() {
    let Some(every) = sd_notify::watchdog_enabled() else { return };
    let mut beat = tokio::time::interval(every / 2);
    loop {
        beat.tick().await;
        tell(&[NotifyState::Watchdog]);
    }
}

fn tell(what: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(what) {
        tracing::warn!(%error, "the service manager could not be told");
    }
}
