//! Waiting for what comes by itself, in this crate's tests and the server's.

use std::time::{Duration, Instant};

/// How long is waited for what should come soon: the machine may have much else to do, and that says nothing of the product.
const PATIENCE: Duration = Duration::from_secs(60);

/// Waits until it is so. How long that took.
pub async fn until(what: &str, mut is_so: impl AsyncFnMut() -> bool) -> Duration {
    let begun = Instant::now();
    while !is_so().await {
        assert!(begun.elapsed() < PATIENCE, "{what}: not within {PATIENCE:?}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    begun.elapsed()
}
