//! Requests of many megabytes, which are held in memory as long as they are worked on: a few at the same time.

use std::time::Duration;
use tokio::{
    sync::{Semaphore, SemaphorePermit},
    time::timeout,
};

/// How many at the same time.
const AT_ONCE: usize = 4;
/// For how long one waits for a turn before it is told to come again.
const PATIENCE: Duration = Duration::from_secs(20);

static PLACES: Semaphore = Semaphore::const_new(AT_ONCE);

/// The right to bring a large body, until it is dropped. To be asked for when it is known that whoever brings it may.
pub struct Turn(#[expect(dead_code, reason = "holding it is what it is for")] SemaphorePermit<'static>);

impl Turn {
    /// Waits for a turn.
    ///
    /// # Errors
    /// [`fleet::Error::Busy`], when there is none for a while.
    pub async fn take() -> fleet::Result<Self> {
        Self::of(&PLACES, PATIENCE).await
    }

    async fn of(places: &'static Semaphore, patience: Duration) -> fleet::Result<Self> {
        match timeout(patience, places.acquire()).await {
            Ok(Ok(place)) => Ok(Self(place)),
            _ => Err(fleet::Error::Busy),
        }
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;

    #[tokio::test]
    async fn so_many_at_once_and_the_next_when_one_ends() {
        static TWO: Semaphore = Semaphore::const_new(2);
        let take = || Turn::of(&TWO, Duration::from_millis(50));
        let (first, _second) = (take().await.unwrap(), take().await.unwrap());
        assert!(matches!(take().await, Err(fleet::Error::Busy)));
        drop(first);
        take().await.unwrap();
    }
}
