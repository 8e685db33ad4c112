//! Turns: what must be done by one process at a time, however many work on a database.

use crate::{Db, StoreResult, private};
use sqlx::{Connection, PgConnection};
use std::{
    fs::{File, TryLockError},
    path::Path,
    time::Duration,
};

/// How often it is asked whether it is our turn.
const PAUSE: Duration = Duration::from_millis(200);

/// By which PostgreSQL knows the turns, among the locks of a database: `musterim`, `musterrv`, `mustercr` and `musterwh` as
/// numbers.
const IMPORTS: i64 = 0x6d75_7374_6572_696d;
const REVOCATIONS: i64 = 0x6d75_7374_6572_7276;
const CRLS: i64 = 0x6d75_7374_6572_6372;
const WEBHOOKS: i64 = 0x6d75_7374_6572_7768;

// These ask each database about itself, so they are not among the queries that both understand.
const FILE: &str = "SELECT file FROM pragma_database_list WHERE name = 'main'";
const TRY: &str = "SELECT pg_try_advisory_lock($1)";

/// A turn. It ends with this value, or with the process, however that ends: nothing has to expire
/// before another may go on.
#[derive(Debug)]
pub struct Turn(#[expect(dead_code, reason = "holding it is what it is for")] Held);

#[derive(Debug)]
enum Held {
    /// A locked file beside the database.
    File(#[expect(dead_code, reason = "the lock lives as long as the file is open")] File),
    /// A session of PostgreSQL that holds a lock.
    Session(#[expect(dead_code, reason = "the lock lives as long as the session")] Box<PgConnection>),
}

/// Waits for the turn to work on imports.
///
/// # Errors
/// When the lock file can't be made, or PostgreSQL does not answer.
pub async fn imports(db: &Db) -> StoreResult<Turn> {
    wait(db, "imports", IMPORTS).await
}

/// Waits for the turn to let devices' records follow what was revoked.
///
/// # Errors
/// As [`imports`].
pub async fn revocations(db: &Db) -> StoreResult<Turn> {
    wait(db, "revocations", REVOCATIONS).await
}

/// Waits for the turn to publish CRLs: numbers come from one process at a time.
///
/// # Errors
/// As [`imports`].
pub async fn crls(db: &Db) -> StoreResult<Turn> {
    wait(db, "crls", CRLS).await
}

/// Waits for the turn to tell webhooks: each is told by one process at a time, in order.
///
/// # Errors
/// As [`imports`].
pub async fn webhooks(db: &Db) -> StoreResult<Turn> {
    wait(db, "webhooks", WEBHOOKS).await
}

async fn wait(db: &Db, name: &str, number: i64) -> StoreResult<Turn> {
    let held = match db {
        Db::Sqlite { read, .. } => {
            let database: String = sqlx::query_scalar(FILE).fetch_one(read).await?;
            Held::File(locked(Path::new(&format!("{database}-{name}"))).await?)
        }
        Db::Postgres(pool) => {
            // Of its own, and never given back: a lock of a session would go on in the pool.
            let mut session = PgConnection::connect_with(pool.connect_options().as_ref()).await?;
            while !sqlx::query_scalar::<_, bool>(TRY).bind(number).fetch_one(&mut session).await? {
                tokio::time::sleep(PAUSE).await;
            }
            Held::Session(Box::new(session))
        }
    };
    Ok(Turn(held))
}

async fn locked(path: &Path) -> StoreResult<File> {
    let file = private::options().write(true).create(true).truncate(false).open(path).map_err(sqlx::Error::Io)?;
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(file),
            Err(TryLockError::WouldBlock) => tokio::time::sleep(PAUSE).await,
            Err(TryLockError::Error(error)) => return Err(sqlx::Error::Io(error).into()),
        }
    }
}
