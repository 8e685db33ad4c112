//! Backups: everything that the database holds, in one file, written while it is in use.
//!
//! A backup of SQLite is an SQLite file. A backup of PostgreSQL is a tar archive of binary `COPY` streams, which any
//! later server version reads. Both are of one moment.

mod archive;
mod files;
mod postgres;
mod sqlite;

pub use postgres::{Loaded, load};
pub use sqlite::{Staged, stage};

use crate::{Db, StoreError, StoreResult};
use domain::time::Timestamp;
use std::path::Path;

/// Writes a backup. The file must not be there yet; it appears when it is complete and on disk. Its size in bytes.
///
/// # Errors
/// [`StoreError::Backup`] when the file is there already or can't be written.
pub async fn write(db: &Db, target: &Path, now: Timestamp) -> StoreResult<u64> {
    if target.exists() {
        return Err(failed(format!("{} is there already; give a new name", target.display())));
    }
    let unfinished = files::Unfinished::beside(target)?;
    match db {
        Db::Sqlite { read, .. } => sqlite::write(read, unfinished.path()).await?,
        Db::Postgres(pool) => postgres::write(pool, unfinished.path(), now).await?,
    }
    let target = target.to_owned();
    blocking(move || unfinished.keep_as(&target)).await
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

/// What must not come back: sessions, links and vouchers that were ended or used since, and requests that nobody answers any more.
const ENDED_BY_RESTORE: [&str; 4] = [
    "DELETE FROM session",
    "DELETE FROM one_time_link WHERE used_at = 0",
    "DELETE FROM idempotency WHERE status = 0",
    "UPDATE enrolment_voucher SET void_at = made_at WHERE used_at = 0 AND void_at = 0",
];
