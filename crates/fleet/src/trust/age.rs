//! How old the image of what is cut off may be: a node that can't ask its database does not know whom others have cut off
//! meanwhile, and lets nobody in after a while.

use crate::Fleet;
use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::{Duration, Instant},
};
use tokio::sync::watch;

/// How often it is looked how old it is.
const LOOK: Duration = Duration::from_millis(100);
/// How long a read of the follower may take where no age was set.
const PATIENCE: Duration = Duration::from_secs(5);

/// When the database was last read, by this machine's even clock: it does not matter what its time of day is.
pub(crate) struct Age {
    begun: Instant,
    /// Microseconds after `begun`.
    read: AtomicU64,
    /// The most that is allowed, in microseconds; 0 for any.
    most: AtomicU64,
    stale: watch::Sender<bool>,
}

impl Default for Age {
    fn default() -> Self {
        let (read, most) = (AtomicU64::new(0), AtomicU64::new(0));
        Self { begun: Instant::now(), read, most, stale: watch::Sender::new(false) }
    }
}

impl Age {
    /// Notes that the image holds all that was committed when a read began.
    pub(super) fn note_read(&self, begun: Instant) {
        self.read.fetch_max(micros(begun.saturating_duration_since(self.begun)), Ordering::Relaxed);
    }

    /// How long a read may take: so that another one is begun before the image is too old.
    pub(super) fn patience(&self) -> Duration {
        match self.most() {
            Some(most) => (most / 3).min(PATIENCE),
            None => PATIENCE,
        }
    }

    fn most(&self) -> Option<Duration> {
        Some(Duration::from_micros(self.most.load(Ordering::Relaxed))).filter(|most| !most.is_zero())
    }

    fn age(&self) -> Duration {
        let read = Duration::from_micros(self.read.load(Ordering::Relaxed));
        self.begun.elapsed().saturating_sub(read)
    }

    fn is_stale(&self) -> bool {
        self.most().is_some_and(|most| self.age() > most)
    }
}

impl Fleet {
    /// Lets [`Fleet::trust`] count no longer than so long after the database was last read. To be set where
    /// [`Fleet::publisher`] follows; without it an image counts for ever.
    pub fn limit_trust_age(&self, most: Duration) {
        self.inner.trust.age.most.store(micros(most), Ordering::Relaxed);
    }

    /// Whether nobody must be let in by [`Fleet::trust`] any more: the database could not be read for too long, so others may
    /// have been cut off since.
    #[must_use]
    pub fn is_trust_stale(&self) -> bool {
        self.inner.trust.age.is_stale()
    }

    /// Tells when [`Fleet::is_trust_stale`] begins and ends, a tenth of a second later at most.
    #[must_use]
    pub fn trust_staleness(&self) -> watch::Receiver<bool> {
        self.inner.trust.age.stale.subscribe()
    }

    /// Says when the image has become too old, and when it is believed again.
    pub(super) async fn watch_trust_age(&self) {
        let age = &self.inner.trust.age;
        loop {
            let is_stale = age.is_stale();
            if age.stale.send_if_modified(|was| std::mem::replace(was, is_stale) != is_stale) {
                if is_stale {
                    let seconds = age.age().as_secs();
                    tracing::error!(seconds, "the database was not read for too long: no device is let in until it is");
                } else {
                    tracing::info!("the database is read again, and devices are let in");
                }
            }
            tokio::time::sleep(LOOK).await;
        }
    }
}

fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_image_is_as_old_as_the_beginning_of_its_last_read() {
        let age = Age { begun: Instant::now() - Duration::from_secs(60), ..Age::default() };
        assert!(!age.is_stale(), "without a limit it is never too old");
        age.most.store(micros(Duration::from_secs(10)), Ordering::Relaxed);
        assert!(age.is_stale() && age.patience() < Duration::from_secs(4));
        age.note_read(age.begun + Duration::from_secs(55));
        assert!(!age.is_stale());
        // One that began earlier and took longer.
        age.note_read(age.begun + Duration::from_secs(20));
        assert!(!age.is_stale() && age.age() < Duration::from_secs(6));
    }
}
