//! Previews of plans: each reads the fleet and reckons for a tenth of a second, so a few of them at the same time.

use crate::{Error, Result};
use std::time::Duration;
use tokio::{
    sync::{Semaphore, SemaphorePermit},
    time::timeout,
};

/// How many at the same time, in this process.
const AT_ONCE: usize = 2;
/// For how long one waits for a turn before it is told to come again.
const PATIENCE: Duration = Duration::from_secs(3);

/// The places of those whose plan is looked at.
pub(crate) struct Previews(Semaphore);

impl Default for Previews {
    fn default() -> Self {
        Self(Semaphore::new(AT_ONCE))
    }
}

/// The right to look at a plan, until it is dropped.
pub(super) struct Turn<'a>(#[expect(dead_code, reason = "holding it is what it is for")] SemaphorePermit<'a>);

impl Previews {
    /// Waits for a turn.
    ///
    /// # Errors
    /// When there is none for a while.
    pub(super) async fn turn(&self) -> Result<Turn<'_>> {
        self.turn_within(PATIENCE).await
    }

    async fn turn_within(&self, patience: Duration) -> Result<Turn<'_>> {
        match timeout(patience, self.0.acquire()).await {
            Ok(Ok(place)) => Ok(Turn(place)),
            _ => Err(Error::Away(
                "Busy: many plans are looked at at the moment. Nothing was changed; try again in a few seconds."
                    .to_owned(),
            )),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn so_many_at_once_and_the_next_when_one_ends() {
        let previews = Previews::default();
        let take = || previews.turn_within(Duration::from_millis(50));
        let (first, second) = (take().await, take().await);
        assert!(first.is_ok() && second.is_ok());
        assert!(matches!(take().await, Err(Error::Away(why)) if why.starts_with("Busy")));
        drop(first);
        assert!(take().await.is_ok());
    }
}
