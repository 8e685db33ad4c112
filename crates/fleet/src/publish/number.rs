//! Numbers of CRLs, which never go back, and the folder that remembers what was published.

use crate::{Error, Fleet, Result};
use domain::time::Timestamp;
use std::path::{Path, PathBuf};
use tokio::{fs, io::AsyncWriteExt};

/// A file of the folder of CRLs. Slugs are made by us of letters, digits and hyphens; anything else is not a name.
pub(super) fn path(folder: &Path, slug: &str, extension: &str) -> PathBuf {
    let name: String = slug.chars().filter(|c| c.is_ascii_alphanumeric() || *c == '-').collect();
    folder.join("crl").join(format!("{name}.{extension}"))
}

/// The next number of an authority's CRLs, durably this call's alone: whatever happens next, nobody gets it again.
pub(super) async fn reserve(folder: &Path, slug: &str, last: i64, now: Timestamp) -> Result<i64> {
    let path = path(folder, slug, "number");
    let floor = floor(&path).await?;
    let next = next(last, floor, now).ok_or_else(|| {
        Error::Conflict(format!("The numbers of CRLs of {slug} are used up. Give its batch another authority."))
    })?;
    write(&path, next.to_string().as_bytes()).await?;
    Ok(next)
}

/// Remembers a number that another process gave.
pub(super) async fn raise(folder: &Path, slug: &str, number: i64) -> Result<()> {
    let path = path(folder, slug, "number");
    if floor(&path).await? < number {
        write(&path, number.to_string().as_bytes()).await?;
    }
    Ok(())
}

async fn floor(path: &Path) -> Result<i64> {
    match fs::read_to_string(path).await {
        Ok(text) => Ok(text.trim().parse().unwrap_or(0)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(0),
        Err(error) => Err(trouble(error)),
    }
}

/// Above the last in the database, the last in the folder, and the milliseconds of the clock: the last of these is
/// what holds when both the database and the folder are older than what was published.
fn next(last: i64, floor: i64, now: Timestamp) -> Option<i64> {
    let above = last.max(floor).checked_add(1)?;
    Some(above.max(now.0 / 1_000))
}

/// Keeps the latest CRL in the folder, so that after a restore of an older backup it is known what had been revoked.
/// A failure is only logged: the CRL is in the database.
pub(super) async fn keep(folder: &Path, slug: &str, der: &[u8]) {
    if let Err(error) = write(&path(folder, slug, "crl"), der).await {
        tracing::warn!(%error, authority = slug, "the published CRL was not kept in the data folder");
    }
}

/// Replaces a file whole: after a crash it is the old one or the new one. Its owner alone reads it, like all of the data
/// folder.
async fn write(path: &Path, content: &[u8]) -> Result<()> {
    let parent = path.parent().unwrap_or(path);
    let mut folder = fs::DirBuilder::new();
    folder.recursive(true);
    #[cfg(unix)]
    folder.mode(0o700);
    folder.create(parent).await.map_err(trouble)?;
    let fresh = path.with_added_extension("new");
    let mut options = store::private::options();
    options.write(true).create(true).truncate(true);
    let mut file = fs::OpenOptions::from(options).open(&fresh).await.map_err(trouble)?;
    // One that was left there by somebody who was stopped may be open to others.
    store::private::close(&fresh);
    file.write_all(content).await.map_err(trouble)?;
    file.sync_all().await.map_err(trouble)?;
    fs::rename(&fresh, path).await.map_err(trouble)?;
    fs::File::open(parent).await.map_err(trouble)?.sync_all().await.map_err(trouble)
}

fn trouble(error: std::io::Error) -> Error {
    match error.kind() {
        std::io::ErrorKind::StorageFull | std::io::ErrorKind::QuotaExceeded => {
            Error::NoRoom("There is no room left on the server's disk to publish a CRL. Make room.".to_owned())
        }
        _ => Error::internal(error),
    }
}

impl Fleet {
    /// The CRL of an authority that this folder has seen last.
    pub(super) async fn kept_crl(&self, slug: &str) -> Result<Option<Vec<u8>>> {
        match fs::read(path(self.folder(), slug, "crl")).await {
            Ok(der) => Ok(Some(der)),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(trouble(error)),
        }
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
    use super::*;

    const NOW: Timestamp = Timestamp(1_793_620_800_000_000);

    #[test]
    fn a_number_is_above_all_that_is_known() {
        let clock = NOW.0 / 1_000;
        assert_eq!(next(0, 0, NOW), Some(clock));
        assert_eq!(next(clock, 0, NOW), Some(clock + 1));
        assert_eq!(next(clock, clock + 7, NOW), Some(clock + 8));
        assert_eq!(next(3, 9, Timestamp(0)), Some(10));
        assert_eq!(next(i64::MAX, 0, NOW), None);
    }

    #[tokio::test]
    async fn a_reserved_number_is_not_given_again() {
        let folder = tempfile::tempdir().unwrap();
        let mut last = 0;
        for second in [0, 0, 5, 1, 0] {
            // The database never hears of them, and the clock goes back.
            let number = reserve(folder.path(), "batch-a", 0, NOW.plus(second * 1_000_000)).await.unwrap();
            assert!(number > last);
            last = number;
        }
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
            let number = path(folder.path(), "batch-a", "number");
            assert_eq!((mode(&number), mode(number.parent().unwrap())), (0o600, 0o700), "its owner's alone");
            std::fs::write(number.with_added_extension("new"), "").unwrap();
            raise(folder.path(), "batch-a", last + 1).await.unwrap();
            assert_eq!(mode(&number), 0o600, "also over a file that was left there");
        }
        assert!(path(folder.path(), "../../etc/x", "crl").starts_with(folder.path().join("crl")));
    }
}
