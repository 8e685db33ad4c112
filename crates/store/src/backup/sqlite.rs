//! Backups of SQLite: an archive of the database file. Those of earlier versions were that file itself.

use super::{
    ENDED_BY_RESTORE, IN_USE, Shelf,
    archive::{self, Beside, Header, Held, Kind, PART, Part, damaged},
    at, blocking, failed, files,
    folder::Files,
};
use crate::{Db, StoreError, StoreResult, look};
use domain::time::Timestamp;
use sqlx::{
    AssertSqlSafe, ConnectOptions, Connection, SqliteConnection, SqlitePool,
    sqlite::{SqliteConnectOptions, SqliteJournalMode},
};
use std::{
    fs::{self, File},
    io::{Read, Write},
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

/// What every SQLite file begins with.
const MAGIC: &[u8; 16] = b"SQLite format 3\0";

/// What SQLite keeps beside a database while it is open, or after it was killed. Beside another database it would spoil that:
/// SQLite plays into a file whatever log it finds by its name.
const COMPANIONS: [&str; 3] = ["-wal", "-shm", "-journal"];

const HAS_PICTURES: &str = "SELECT EXISTS (SELECT 1 FROM present.sqlite_schema WHERE name = 'repair_picture')";
const CARRY_PICTURES: &str = "INSERT INTO main.repair_picture (sha256, content) \
    SELECT sha256, content FROM present.repair_picture WHERE sha256 IN (SELECT sha256 FROM main.repair_photo) \
    ON CONFLICT (sha256) DO NOTHING";

/// What the database file is called in an archive.
const DATABASE: &str = "muster.db";

/// Writes an archive of one moment. Readers and the writer go on meanwhile. What it holds beside the database.
pub(super) async fn write(
    db: &Db,
    read: &SqlitePool,
    path: &Path,
    beside: Beside,
    now: Timestamp,
) -> StoreResult<Held> {
    let whole = files::Unfinished::beside(path)?;
    copy_out(read, whole.path()).await?;
    let (path, listed) = (path.to_owned(), beside.listed(db).await?);
    blocking(move || {
        let mut file = File::open(whole.path()).map_err(at(whole.path()))?;
        let parts = std::iter::from_fn(|| next_part(&mut file).map_err(at(whole.path())).transpose());
        let header = Header::new(Kind::Sqlite, beside.artifacts(), now);
        archive::write(&path, &header, parts, &beside.folder, listed.as_ref())
    })
    .await
}

fn next_part(file: &mut File) -> std::io::Result<Option<Part>> {
    let mut data = Vec::with_capacity(PART);
    file.take(PART as u64).read_to_end(&mut data)?;
    Ok((!data.is_empty()).then(|| Part { table: DATABASE.to_owned(), data }))
}

/// Writes a compact copy of the database as of one moment.
async fn copy_out(read: &SqlitePool, path: &Path) -> StoreResult<()> {
    let Some(text) = path.to_str() else {
        return Err(failed(format!("{}: SQLite takes only names that are UTF-8", path.display())));
    };
    // A connection of its own: the pool's few readers are for requests.
    let mut connection = read.connect_options().as_ref().clone().connect().await?;
    sqlx::query("VACUUM INTO $1").bind(text).execute(&mut connection).await.map_err(disk_full)?;
    Ok(connection.close().await?)
}

/// SQLITE_FULL and SQLITE_IOERR: the person who made the backup can do something about them.
fn disk_full(error: sqlx::Error) -> StoreError {
    match &error {
        sqlx::Error::Database(cause) if cause.code().is_some_and(|code| matches!(low_byte(&code), 10 | 13)) => {
            failed(format!("the backup can't be written: {cause}"))
        }
        _ => error.into(),
    }
}

fn low_byte(code: &str) -> u32 {
    code.parse::<u32>().map_or(0, |code| code & 0xff)
}

/// A restored database that is complete and checked, but not yet in its place.
#[derive(Debug)]
pub struct Staged {
    /// The restored database.
    pub db: Db,
    /// What the backup holds of the data folder, beside its places; none when it is of a version that held the database
    /// alone. It is put in place before the database is.
    pub files: Option<Files>,
    database: PathBuf,
    staged: PathBuf,
    force: bool,
}

/// Copies a backup beside the database file that it is to replace, checks it, and brings its tables up to date. Files of
/// releases that the shelf does not have wait in the data folder. The console must be stopped.
///
/// # Errors
/// [`StoreError::Backup`] when the file is no whole backup of SQLite, the database is open somewhere, or is in use
/// and `force` is not given.
pub async fn stage(database: &Path, shelf: Arc<dyn Shelf>, backup: &Path, force: bool) -> StoreResult<Staged> {
    may_replace(database, force).await?;
    let staged = files::beside(database, ".restoring");
    let files = Files::new(database.parent().unwrap_or(Path::new("")), Some(shelf), force);
    match prepare(database, backup, &staged, files).await {
        Ok((db, files)) => Ok(Staged { db, files, database: database.to_owned(), staged, force }),
        Err(error) => {
            discard(&staged)?;
            Err(error)
        }
    }
}

async fn prepare(database: &Path, backup: &Path, staged: &Path, files: Files) -> StoreResult<(Db, Option<Files>)> {
    let (from, to) = (backup.to_owned(), staged.to_owned());
    let files = blocking(move || bring(&from, &to, files)).await?;
    check(staged).await?;
    let db = Db::sqlite(staged).await?;
    if !look::standing(&db).await?.unknown.is_empty() {
        return Err(failed("the backup was made by a later version of Muster; restore it with that version"));
    }
    if database.exists()
        && let Err(error) = carry_pictures(database, staged).await
    {
        // The database that is replaced may be damaged; it is kept, and the restore says how many photos have no picture.
        tracing::warn!(%error, "pictures of the present database could not be carried over");
    }
    let mut tx = db.begin().await?;
    for sql in ENDED_BY_RESTORE {
        within!(&mut tx, |executor| sqlx::query(sql).execute(executor).await.map(drop))?;
    }
    tx.commit().await?;
    Ok((db, files))
}

/// Carries over the pictures that the backup's photos name and the backup does not have: before they were in the database
/// they were files, which were removed once the present database had them.
async fn carry_pictures(present: &Path, staged: &Path) -> Result<(), sqlx::Error> {
    let mut connection = SqliteConnectOptions::new().filename(staged).connect().await?;
    sqlx::query("ATTACH $1 AS present").bind(present.to_string_lossy()).execute(&mut connection).await?;
    if sqlx::query_scalar(HAS_PICTURES).fetch_one(&mut connection).await? {
        sqlx::query(CARRY_PICTURES).execute(&mut connection).await?;
    }
    connection.close().await
}

/// Brings the database of a backup to its place beside the present one, and the files beside theirs.
fn bring(from: &Path, to: &Path, mut files: Files) -> StoreResult<Option<Files>> {
    let mut magic = [0; 16];
    let mut source = File::open(from).map_err(at(from))?;
    let is_database = source.read_exact(&mut magic).is_ok() && &magic == MAGIC;
    discard(to)?;
    let mut target = files::private().write(true).create_new(true).open(to).map_err(at(to))?;
    if is_database {
        copy(from, source, &mut target, to)?;
        return Ok(None);
    }
    let take = |part: Part| {
        if part.table != DATABASE {
            return Err(damaged(from));
        }
        target.write_all(&part.data).map_err(at(to)).map(|()| true)
    };
    let mut holds_files = false;
    let begin = |header: Header| {
        holds_files = header.holds_files();
        true
    };
    archive::read(from, Kind::Sqlite, &mut files, begin, take)?;
    target.sync_all().map_err(at(to))?;
    Ok(holds_files.then_some(files))
}

/// Removes a copy, and what SQLite keeps beside it.
fn discard(staged: &Path) -> StoreResult<()> {
    for suffix in COMPANIONS {
        files::remove(&files::beside(staged, suffix))?;
    }
    files::remove(staged)
}

impl Staged {
    /// Puts the restored database in its place. The one before is kept beside it, as `….before-restore`.
    ///
    /// # Errors
    /// [`StoreError::Backup`] when the files can't be moved.
    pub async fn put_in_place(self) -> StoreResult<()> {
        self.db.close().await;
        let left = files::beside(&self.staged, "-wal");
        if fs::metadata(&left).is_ok_and(|wal| wal.len() > 0) {
            return Err(failed(format!("{} was not written back; nothing was replaced", left.display())));
        }
        // Once more: somebody may have opened it in the meantime.
        may_replace(&self.database, self.force).await?;
        blocking(move || swap(&self.database, &self.staged)).await
    }
}

/// Copies a backup that is a database file, of which the beginning was read already.
fn copy(from: &Path, source: File, target: &mut File, to: &Path) -> StoreResult<()> {
    if companion_of(from).is_some() {
        return Err(failed(format!("{} is a database that is open; give a file of `muster backup`", from.display())));
    }
    std::io::copy(&mut MAGIC.chain(source), target).map_err(at(to))?;
    target.sync_all().map_err(at(to))
}

async fn check(staged: &Path) -> StoreResult<()> {
    let damaged = |why: String| failed(format!("the backup is damaged: {why}"));
    let (found, ours) = examine(staged).await.map_err(|why| damaged(why.to_string()))?;
    if found != ["ok"] {
        return Err(damaged(found.join("; ")));
    }
    if ours { Ok(()) } else { Err(failed("this SQLite file is not a backup of Muster")) }
}

/// What SQLite finds wrong with a file, and whether the file is one of ours.
async fn examine(staged: &Path) -> Result<(Vec<String>, bool), sqlx::Error> {
    let mut connection = SqliteConnectOptions::new().filename(staged).connect().await?;
    let found = sqlx::query_scalar("PRAGMA integrity_check(5)").fetch_all(&mut connection).await?;
    let ours = sqlx::query_scalar("SELECT EXISTS (SELECT 1 FROM sqlite_schema WHERE name = 'audit_head')");
    let ours = ours.fetch_one(&mut connection).await?;
    connection.close().await?;
    Ok((found, ours))
}

/// Whether the database may be replaced. When it may, it is closed by everybody, and whole in its one file.
async fn may_replace(database: &Path, force: bool) -> StoreResult<()> {
    let kept = kept_as(database);
    if !database.exists() {
        return match companion_of(database) {
            Some(left) if !force => Err(failed(format!(
                "{} is there without its database, and may hold what was written last. Bring the database back, restore into \
                 an empty folder (--data FOLDER), or type the command again with --force: it is then kept beside {}",
                left.display(),
                kept.display()
            ))),
            _ => Ok(()),
        };
    }
    match sole_connection(database).await {
        Ok(mut connection) => {
            let used = in_use(&mut connection).await;
            connection.close().await?;
            if used && !force {
                return Err(failed(format!(
                    "{} holds data. Restore into an empty folder (--data FOLDER), or type the command again with --force to \
                     replace it: what it holds now is then kept as {}",
                    database.display(),
                    kept.display()
                )));
            }
            Ok(())
        }
        Err(error) if is_busy(&error) => {
            Err(failed(format!("{} is open; stop the console that uses it first", database.display())))
        }
        Err(_) if force => Ok(()),
        Err(error) => {
            let path = database.display();
            let kept = kept.display();
            Err(failed(format!(
                "{path} can't be read ({error}). Type the command again with --force to replace it: the file is then kept \
                 as {kept}"
            )))
        }
    }
}

/// Only whoever is alone with a database can end its write-ahead log.
async fn sole_connection(database: &Path) -> Result<SqliteConnection, sqlx::Error> {
    SqliteConnectOptions::new()
        .filename(database)
        .busy_timeout(Duration::from_millis(500))
        .journal_mode(SqliteJournalMode::Delete)
        .connect()
        .await
}

fn is_busy(error: &sqlx::Error) -> bool {
    matches!(error, sqlx::Error::Database(cause) if cause.code().is_some_and(|code| low_byte(&code) == 5))
}

/// What can't be read counts as in use.
async fn in_use(connection: &mut SqliteConnection) -> bool {
    for table in IN_USE {
        let sql = AssertSqlSafe(format!("SELECT EXISTS (SELECT 1 FROM {table})"));
        if sqlx::query_scalar(sql).fetch_one(&mut *connection).await.unwrap_or(true) {
            return true;
        }
    }
    false
}

/// What SQLite has left beside a database that holds something.
fn companion_of(database: &Path) -> Option<PathBuf> {
    let mut companions = COMPANIONS.iter().map(|suffix| files::beside(database, suffix));
    companions.find(|companion| fs::metadata(companion).is_ok_and(|file| file.len() > 0))
}

/// Under which name the present database is kept: one that neither another one has, nor what belongs to another one.
fn kept_as(database: &Path) -> PathBuf {
    let is_free = |name: &Path| !name.exists() && COMPANIONS.iter().all(|suffix| !files::beside(name, suffix).exists());
    files::free_name(database, is_free)
}

fn swap(database: &Path, staged: &Path) -> StoreResult<()> {
    let kept = kept_as(database);
    // Left by a database that can't be opened any more, or that is gone.
    for suffix in COMPANIONS {
        let companion = files::beside(database, suffix);
        match fs::symlink_metadata(&companion) {
            Ok(found) if found.len() > 0 => {
                fs::rename(&companion, files::beside(&kept, suffix)).map_err(at(&companion))?;
            }
            _ => files::remove(&companion)?,
        }
    }
    if database.exists() {
        files::keep(database, &kept)?;
    }
    // The logs are gone durably before there is a database that they could be played into.
    files::sync_folder(database)?;
    fs::rename(staged, database).map_err(at(database))?;
    files::sync_folder(database)
}
