//! Backups: everything that the database holds, and what a data folder must have beside it, in one file, written while it
//! is in use.
//!
//! A backup is a tar archive: of SQLite it holds the database file, of PostgreSQL binary `COPY` streams, which any later
//! server version reads; of either the sealed keys of the authorities, their last revocation lists, and the files of
//! releases. The database in it is of one moment, and the files are read after it, so that whatever it names is there.

mod archive;
mod files;
mod folder;
mod postgres;
mod shelf;
mod sqlite;

pub use folder::Files;
pub use postgres::{Loaded, load};
pub use shelf::{Arriving, Lying, Shelf};
pub use sqlite::{Staged, stage};

use crate::{Db, StoreError, StoreResult, Tx};
use domain::time::Timestamp;
use std::{path::Path, sync::Arc};

/// A backup that was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Written {
    /// Its size.
    pub bytes: u64,
    /// How many files of the data folder it holds.
    pub files: usize,
    /// How many files of releases it holds.
    pub artifacts: usize,
    /// Of which releases files are not on the shelf, and so not in it.
    pub missing: Vec<String>,
    /// Of which releases files on the shelf are not what they were, and in it as they are.
    pub altered: Vec<String>,
}

/// Writes a backup of a database, of its data folder, and of the shelf that the files of releases lie on; without one they
/// are left out. The file must not be there yet; it appears when it is complete and on disk.
///
/// # Errors
/// [`StoreError::Backup`] when the file is there already or can't be written.
pub async fn write(
    db: &Db,
    data_folder: &Path,
    shelf: Option<Arc<dyn Shelf>>,
    target: &Path,
    now: Timestamp,
) -> StoreResult<Written> {
    if target.exists() {
        return Err(failed(format!("{} is there already; give a new name", target.display())));
    }
    let unfinished = files::Unfinished::beside(target)?;
    let beside = archive::Beside { folder: data_folder.to_owned(), shelf };
    let held = match db {
        Db::Sqlite { read, .. } => sqlite::write(db, read, unfinished.path(), beside, now).await?,
        Db::Postgres(pool) => postgres::write(db, pool, unfinished.path(), beside, now).await?,
    };
    let target = target.to_owned();
    let bytes = blocking(move || unfinished.keep_as(&target)).await?;
    let (files, artifacts, missing) = (held.files, held.shelf.sha256.len(), held.shelf.missing);
    Ok(Written { bytes, files, artifacts, missing, altered: held.shelf.altered })
}

/// Puts the files that wait in their places in the data folder. How many were not there.
///
/// # Errors
/// [`StoreError::Backup`] when one can't be.
pub async fn put_in_place(files: Files) -> StoreResult<usize> {
    blocking(move || files.put_in_place()).await
}

/// Ends in a database that was taken back to an earlier time by other means than ours what a restore ends.
///
/// # Errors
/// When the database fails.
pub async fn end_what_restores_end(tx: &mut Tx) -> StoreResult<()> {
    for sql in ENDED_BY_RESTORE {
        within!(tx, |executor| sqlx::query(sql).execute(executor).await.map(drop))?;
    }
    Ok(())
}

fn failed(why: impl Into<String>) -> StoreError {
    StoreError::Backup(why.into())
}

/// A file that can't be read or written.
fn at(path: &Path) -> impl Fn(std::io::Error) -> StoreError {
    let path = path.display().to_string();
    move |why| failed(format!("{path}: {why}"))
}

/// Files block; the threads that answer requests must not.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> StoreResult<T> + Send + 'static) -> StoreResult<T> {
    tokio::task::spawn_blocking(work).await.map_err(|stopped| failed(stopped.to_string()))?
}

/// Whether a table has rows only when the database is in use. A console that was started but never set up has written
/// nothing worth keeping.
const IN_USE: [&str; 4] = ["user_account", "custodian", "device", "import"];

/// What must not come back: sessions, links and vouchers that were ended or used since, approvals of vouchers that were made
/// since, and requests that nobody answers any more. By its time a voucher tells that it was a restore that ended it: see
/// [`Voucher::may_have_been_used`](crate::voucher::Voucher::may_have_been_used).
const ENDED_BY_RESTORE: [&str; 10] = [
    "DELETE FROM session",
    "DELETE FROM one_time_link WHERE used_at = 0",
    "DELETE FROM idempotency WHERE status = 0",
    "UPDATE enrolment_voucher SET void_at = made_at - 1 WHERE used_at = 0 AND void_at = 0",
    "UPDATE approval SET state = 'void', reason = 'The console was restored from a backup since.' \
     WHERE kind = 'voucher' AND state IN ('waiting', 'approved')",
    // Nobody is told of what is old, or by a copy that was restored to be looked at.
    "UPDATE webhook SET state = 'paused', note = 'The console was restored from a backup. Look at it before it goes on.' \
     WHERE state = 'active'",
    // Their pieces in the bucket are gone, or another fleet's that goes on with them.
    "DELETE FROM upload_piece",
    "DELETE FROM upload WHERE shared AND release_id IS NULL",
    // Who served the fleet then does not serve this.
    "DELETE FROM node",
    "UPDATE lease SET holder = '', expires_at = 0",
];
