//! Doing once more what the database undid because others did the same at the same time.

use crate::{Error, Result};
use std::{future::Future, time::Duration};

/// How often a deed of a device is tried. People are told, and look before they try again.
const TRIES: u32 = 3;
/// How long it is waited at most before the second try; twice as long before the next one.
const PAUSE: Duration = Duration::from_millis(60);

/// Does a deed of a device, up to three times where it was undone because of others ([`Error::Contended`]): two that waited
/// for each other (a deadlock), or that can't both have come first (a serialisation failure). It has to be one transaction and
/// to change nothing beside. Whatever else goes wrong is told, above all that nobody knows whether it was done
/// ([`Error::Unsure`]): a second time might be one too many.
pub(crate) async fn again<T, F: Future<Output = Result<T>>>(deed: impl Fn() -> F) -> Result<T> {
    let mut tries = 1;
    loop {
        match deed().await {
            Err(Error::Contended) if tries < TRIES => tokio::time::sleep(pause(tries)).await,
            done => return done,
        }
        tries += 1;
    }
}

/// Some part of the pause, so that those who met do not meet again.
fn pause(tries: u32) -> Duration {
    let mut byte = [0];
    // Without chance they are at worst told that others were faster.
    let part = getrandom::fill(&mut byte).map_or(u32::from(u8::MAX), |()| u32::from(byte[0]) + 1);
    PAUSE * tries * part / 256
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;
    use std::cell::Cell;

    async fn tried(fails: u32, error: impl Fn() -> Error) -> (u32, Result<()>) {
        let tries = Cell::new(0);
        let done = again(|| {
            tries.set(tries.get() + 1);
            let failed = tries.get() <= fails;
            let error = error();
            async move { if failed { Err(error) } else { Ok(()) } }
        });
        let done = done.await;
        (tries.get(), done)
    }

    #[tokio::test]
    async fn what_others_undid_is_done_three_times_and_nothing_else_is() {
        let (tries, done) = tried(2, || Error::Contended).await;
        assert_eq!(tries, 3);
        done.unwrap();
        assert!(matches!(tried(9, || Error::Contended).await, (3, Err(Error::Contended))));
        assert!(matches!(tried(9, || Error::Unsure).await, (1, Err(Error::Unsure))));
        assert!(matches!(tried(9, || Error::Unreachable).await, (1, Err(Error::Unreachable))));
    }
}
