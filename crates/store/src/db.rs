//! The two databases behind one type, and transactions on them.

use crate::{StoreError, StoreResult, deadline::DEADLINE, migrate, private, reach};
use sqlx::{
    AssertSqlSafe, PgPool, Postgres, Sqlite, SqlitePool, Transaction,
    postgres::PgConnectOptions,
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous},
};
use std::{fmt::Write as _, io::ErrorKind, path::Path, str::FromStr, time::Duration};

/// SQLite takes 32 766 bound values in a statement, PostgreSQL 65 535.
pub(crate) const MAX_BINDS: usize = 30_000;

/// How long a reader or writer waits for its turn before it is told that the database is busy.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);
/// How long a reader of [`Db::aside`] does.
const ASIDE: Duration = Duration::from_secs(3);
/// How long it may take to make durable what was written. Whoever waits for longer is told that nobody knows.
const COMMIT: Duration = Duration::from_secs(60);

/// How a writer begins on PostgreSQL. The deadline is for reads: what is to be written is whole or nothing, and a large
/// piece of an import takes what it takes. One that hangs, though, must not keep what it locked from other nodes: the server
/// ends it.
const WRITER: &str = "BEGIN; SET LOCAL statement_timeout = 0; SET LOCAL idle_in_transaction_session_timeout = 5000";

/// A database. Cloning shares the pools.
#[derive(Clone, Debug)]
pub enum Db {
    /// Embedded: one writer, as many readers as cores.
    Sqlite {
        /// Read-only connections.
        read: SqlitePool,
        /// The one connection that writes.
        write: SqlitePool,
    },
    /// A PostgreSQL server, or what speaks its protocol.
    Postgres(PgPool),
}

/// A transaction. Dropped without [`Tx::commit`], it leaves nothing behind.
#[derive(Debug)]
pub enum Tx {
    /// On SQLite, begun as a writer.
    Sqlite(Transaction<'static, Sqlite>),
    /// On PostgreSQL.
    Postgres(Transaction<'static, Postgres>),
}

/// Where a PostgreSQL database is, by its address.
pub(crate) fn postgres_address(url: &str) -> StoreResult<PgConnectOptions> {
    PgConnectOptions::from_str(url)
        .map_err(|_| StoreError::Address("write postgres://USER:PASSWORD@HOST:PORT/DATABASE".to_owned()))
}

impl Db {
    /// Opens an SQLite file, made if it isn't there, and brings its tables up to date.
    ///
    /// # Errors
    /// When the file can't be opened, or is of a newer Muster that this one can't stand in for.
    pub async fn sqlite(file: &Path) -> StoreResult<Self> {
        make_private(file)?;
        let options = SqliteConnectOptions::new()
            .filename(file)
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            // WAL with NORMAL survives the process's death at any point, and the machine's except for the last
            // commits; FULL also survives lost power, which "acknowledged means durable" asks for.
            .synchronous(SqliteSynchronous::Full)
            // A history entry that lists a device's parts is larger than what a page of 4 KiB keeps in place, and would
            // take an overflow page of its own: a million devices of six components took 7.2 GB rather than 3.7.
            .page_size(8192)
            .foreign_keys(true)
            .busy_timeout(Duration::from_secs(5))
            .pragma("cache_size", "-65536")
            .pragma("mmap_size", "1073741824")
            .pragma("temp_store", "memory")
            .optimize_on_close(true, Some(400));
        let write = SqlitePoolOptions::new()
            .max_connections(1)
            .acquire_timeout(PATIENCE)
            .idle_timeout(None)
            .max_lifetime(None)
            .connect_with(options.clone())
            .await?;
        migrate::sqlite(&write).await?;
        let cores = std::thread::available_parallelism().map_or(2, usize::from);
        let read = SqlitePoolOptions::new()
            .max_connections(u32::try_from(cores).unwrap_or(2).max(2))
            .acquire_timeout(PATIENCE)
            .idle_timeout(None)
            .max_lifetime(None)
            // A reader can't write what optimising finds out, and would not close in order.
            .connect_with(options.read_only(true).create_if_missing(false).optimize_on_close(false, None))
            .await?;
        Ok(Self::Sqlite { read, write })
    }

    /// Connects to PostgreSQL and brings its tables up to date.
    ///
    /// # Errors
    /// When the address is wrong, the server can't be reached, or the database is of a newer Muster that this one can't run beside.
    pub async fn postgres(url: &str) -> StoreResult<Self> {
        let options = postgres_address(url)?.application_name("muster");
        migrate::postgres(&options).await?;
        let pool = reach::pool(16, PATIENCE, DEADLINE).connect_with(options).await?;
        Ok(Self::Postgres(pool))
    }

    /// A replica of a PostgreSQL database: it is only read, has its tables from the primary, and is connected to when it is
    /// first asked.
    ///
    /// # Errors
    /// When the address is none of PostgreSQL's.
    pub fn replica(url: &str) -> StoreResult<Self> {
        let options = postgres_address(url)?.application_name("muster lists");
        let options = options.options([("default_transaction_read_only", "on")]);
        Ok(Self::Postgres(reach::reading_pool(8, ASIDE, DEADLINE).connect_lazy_with(options)))
    }

    /// The same for a reader that must not wait for others: what keeps trust fresh can't stand in a queue with what people
    /// search for. It connects when it is first asked. One that does not answer is dropped, and another one taken.
    #[must_use]
    pub fn aside(&self) -> Self {
        match self {
            Self::Sqlite { read, write } => {
                let options = read.connect_options().as_ref().clone();
                let one = SqlitePoolOptions::new().max_connections(1).acquire_timeout(ASIDE);
                Self::Sqlite { read: one.connect_lazy_with(options), write: write.clone() }
            }
            Self::Postgres(pool) => {
                let options = pool.connect_options().as_ref().clone().application_name("muster aside");
                Self::Postgres(reach::pool(1, ASIDE, ASIDE).connect_lazy_with(options))
            }
        }
    }

    /// Opens the database of a data folder, or the one at `url` when there is one.
    ///
    /// # Errors
    /// As [`Db::sqlite`] and [`Db::postgres`].
    pub async fn open(folder: &Path, url: Option<&str>) -> StoreResult<Self> {
        match url {
            None => Self::sqlite(&folder.join("muster.db")).await,
            Some(url) if url.starts_with("postgres://") || url.starts_with("postgresql://") => {
                Self::postgres(url).await
            }
            Some(url) => match url.strip_prefix("sqlite://") {
                Some(file) => Self::sqlite(Path::new(file)).await,
                None => Err(StoreError::Address("write postgres://… or sqlite://FILE".to_owned())),
            },
        }
    }

    /// Begins a transaction that writes.
    ///
    /// # Errors
    /// [`StoreError::Busy`] when other writers hold it too long, [`StoreError::Away`] when it can't be reached.
    pub async fn begin(&self) -> StoreResult<Tx> {
        Ok(match self {
            Self::Sqlite { write, .. } => Tx::Sqlite(write.begin_with("BEGIN IMMEDIATE").await?),
            Self::Postgres(pool) => {
                let begun = tokio::time::timeout(PATIENCE, pool.begin_with(WRITER)).await;
                Tx::Postgres(begun.map_err(|_| sqlx::Error::Io(ErrorKind::TimedOut.into()))??)
            }
        })
    }

    /// Whether the database answers.
    ///
    /// # Errors
    /// Why it does not.
    pub async fn ping(&self) -> StoreResult<()> {
        read!(self, |pool| sqlx::query("SELECT 1").execute(pool).await.map(drop))?;
        Ok(())
    }

    /// Refreshes what the query planner knows of the tables' contents; worth it after a large import.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn optimize(&self) -> StoreResult<()> {
        match self {
            Self::Sqlite { write, .. } => {
                // Table by table, so that other writers get their turn in between.
                let tables = [
                    "device",
                    "component",
                    "history",
                    "manifest",
                    "part",
                    "batch",
                    "custodian",
                    "model",
                    "audit",
                    "certificate",
                ];
                for table in tables {
                    let mut connection = write.acquire().await?;
                    sqlx::query("PRAGMA analysis_limit = 400").execute(&mut *connection).await?;
                    let analyse = AssertSqlSafe(format!("ANALYZE {table}"));
                    sqlx::query(analyse).execute(&mut *connection).await?;
                }
            }
            Self::Postgres(pool) => {
                let mut tx = pool.begin_with(WRITER).await?;
                sqlx::query("ANALYZE").execute(&mut *tx).await?;
                tx.commit().await?;
            }
        }
        Ok(())
    }

    /// What kind of database it is, in a word.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Sqlite { .. } => "SQLite",
            Self::Postgres(_) => "PostgreSQL",
        }
    }

    /// Whether its connections were closed, because the program ends.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        match self {
            Self::Sqlite { write, .. } => write.is_closed(),
            Self::Postgres(pool) => pool.is_closed(),
        }
    }

    /// Closes all connections, after what they are doing.
    pub async fn close(&self) {
        match self {
            Self::Sqlite { read, write } => {
                read.close().await;
                write.close().await;
            }
            Self::Postgres(pool) => pool.close().await,
        }
    }
}

impl Tx {
    /// Makes everything durable that was written in this transaction.
    ///
    /// # Errors
    /// When the database could not, or the turn in which it was written is over; then nothing was written.
    /// [`StoreError::Unsure`] where the database did not say so.
    pub async fn commit(mut self) -> StoreResult<()> {
        crate::turn::fence_held(&mut self).await?;
        match self {
            Self::Sqlite(tx) => Ok(tx.commit().await?),
            Self::Postgres(tx) => match tokio::time::timeout(COMMIT, tx.commit()).await {
                Ok(committed) => committed.map_err(StoreError::of_commit),
                Err(_) => Err(StoreError::Unsure(sqlx::Error::Io(ErrorKind::TimedOut.into()))),
            },
        }
    }
}

/// Makes the file before SQLite does, so that nobody else can read it; what SQLite keeps beside it gets the same
/// permissions. Files of an earlier version are closed to others, too.
fn make_private(file: &Path) -> StoreResult<()> {
    match private::options().write(true).create_new(true).open(file) {
        // Opening and closing a file that is there would end the locks that this process has on it.
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {
            for suffix in ["", "-wal", "-shm", "-journal", "-imports"] {
                let mut name = file.as_os_str().to_owned();
                name.push(suffix);
                private::close(Path::new(&name));
            }
            Ok(())
        }
        other => other.map(drop).map_err(|error| sqlx::Error::Io(error).into()),
    }
}

/// How many rows one statement inserts: beyond this it only grows, and a text that repeats stays prepared.
pub(crate) const INSERT_ROWS: usize = 500;

/// `PREFIX VALUES ($1, $2), ($3, $4), …`; on SQLite without numbers, because it looks up numbered parameters one by one
/// in a list of all of them.
pub(crate) fn values_sql(tx: &Tx, prefix: &str, columns: usize, rows: usize) -> String {
    let numbered = matches!(tx, Tx::Postgres(_));
    let mut sql = String::with_capacity(prefix.len() + rows * columns * 7);
    sql.push_str(prefix);
    sql.push_str(" VALUES ");
    for row in 0..rows {
        sql.push_str(if row == 0 { "(" } else { ", (" });
        for column in 0..columns {
            sql.push_str(if column == 0 { "" } else { ", " });
            if numbered {
                // Writing to a String can't fail.
                let _ = write!(sql, "${}", row * columns + column + 1);
            } else {
                sql.push('?');
            }
        }
        sql.push(')');
    }
    sql
}

/// `$1, $2, …, $n`, without numbers on SQLite: for statements that bind nothing else.
pub(crate) fn list_sql(db: &Db, n: usize) -> String {
    match db {
        Db::Sqlite { .. } => vec!["?"; n].join(", "),
        Db::Postgres(_) => placeholders(n),
    }
}

/// `$1, $2, …, $n`
pub(crate) fn placeholders(n: usize) -> String {
    (1..=n).map(|i| format!("${i}")).collect::<Vec<_>>().join(", ")
}

#[cfg(all(test, unix))]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
    use super::*;
    use std::{fs, os::unix::fs::PermissionsExt};

    #[tokio::test]
    async fn nobody_else_reads_the_database_whoever_made_its_folder() {
        let folder = tempfile::tempdir().unwrap();
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
        let files = ["muster.db", "muster.db-wal", "muster.db-shm", "muster.db-imports"].map(|f| folder.path().join(f));
        let mode = |file: &Path| fs::metadata(file).unwrap().permissions().mode() & 0o777;
        let db = Db::open(folder.path(), None).await.unwrap();
        let holder = crate::turn::Holder::new("test");
        let turn = crate::turn::take(&db, domain::node::Lease::Imports, &holder).await.unwrap();
        assert_eq!(files.each_ref().map(|file| mode(file)), [0o600; 4]);
        // As an earlier version left them.
        for file in &files {
            fs::set_permissions(file, fs::Permissions::from_mode(0o644)).unwrap();
        }
        let again = Db::open(folder.path(), None).await.unwrap();
        assert_eq!(files.each_ref().map(|file| mode(file)), [0o600; 4]);
        drop(turn);
        again.close().await;
        db.close().await;
    }
}
