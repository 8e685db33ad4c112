//! How much room there is for files on the disk that they share with the database.

use crate::{Error, Result};
use std::path::PathBuf;

/// What is left free for the database and all else that grows, in bytes.
const LEFT_FREE: i64 = 256 << 20;

/// How many bytes can still be written where a folder is, by whoever is not root.
///
/// # Errors
/// When the file system does not say.
pub(super) async fn free(folder: PathBuf) -> Result<i64> {
    let asked = tokio::task::spawn_blocking(move || rustix::fs::statvfs(&folder));
    let said = asked.await.map_err(Error::internal)?.map_err(Error::internal)?;
    Ok(i64::try_from(said.f_bavail.saturating_mul(said.f_frsize)).unwrap_or(i64::MAX))
}

/// Whether a file of this size fits on a disk with so much room, beside what others are still going to send.
pub(super) const fn fits(size: i64, coming: i64, free: i64) -> bool {
    size.saturating_add(coming).saturating_add(LEFT_FREE) <= free
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_others_were_promised_is_not_given_twice() {
        let free = LEFT_FREE + 100;
        assert!(fits(100, 0, free) && fits(60, 40, free));
        assert!(!fits(101, 0, free) && !fits(60, 41, free) && !fits(1, 0, LEFT_FREE));
        assert!(!fits(i64::MAX, i64::MAX, free));
    }
}
