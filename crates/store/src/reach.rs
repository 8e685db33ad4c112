//! Connections to PostgreSQL that can be written by: never to a standby, nor to a primary that was demoted.

use sqlx::{AssertSqlSafe, PgConnection, Postgres, pool::PoolConnectionMetadata, postgres::PgPoolOptions};
use std::{
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

/// When a server last said that it only reads. Connections of before that are not used again, whichever pool they lie in: most
/// processes have one database, and a connection is made in a moment.
static READ_ONLY: Mutex<Option<Instant>> = Mutex::new(None);

const ONLY_READS: &str = "SELECT current_setting('transaction_read_only')";

/// How a pool makes connections: each ends what reads for too long.
pub(crate) fn pool(connections: u32, patience: Duration, deadline: Duration) -> PgPoolOptions {
    PgPoolOptions::new()
        .max_connections(connections)
        .acquire_timeout(patience)
        .after_connect(move |connection, _| Box::pin(greet(connection, deadline)))
        .before_acquire(|_, about| Box::pin(async move { Ok(is_trusted(&about)) }))
}

/// The same for what is never written to.
pub(crate) fn reading_pool(connections: u32, patience: Duration, deadline: Duration) -> PgPoolOptions {
    let pool = PgPoolOptions::new().max_connections(connections).acquire_timeout(patience);
    pool.after_connect(move |connection, _| Box::pin(limit(connection, deadline)))
}

/// The first words on a connection.
async fn greet(connection: &mut PgConnection, deadline: Duration) -> Result<(), sqlx::Error> {
    refuse_read_only(connection).await?;
    limit(connection, deadline).await
}

/// Ends what takes for too long.
async fn limit(connection: &mut PgConnection, deadline: Duration) -> Result<(), sqlx::Error> {
    let sql = AssertSqlSafe(format!("SET statement_timeout = {}", deadline.as_millis()));
    sqlx::query(sql).execute(connection).await.map(drop)
}

/// Refuses a server that takes no writes.
pub(crate) async fn refuse_read_only(connection: &mut PgConnection) -> Result<(), sqlx::Error> {
    let only_reads: String = sqlx::query_scalar::<Postgres, _>(ONLY_READS).fetch_one(connection).await?;
    if only_reads == "off" {
        return Ok(());
    }
    let why = "this server only reads: it is a standby, or a primary that was demoted";
    Err(sqlx::Error::Io(std::io::Error::new(std::io::ErrorKind::ReadOnlyFilesystem, why)))
}

/// Notes that a server said that it only reads.
pub(crate) fn note_read_only() {
    *READ_ONLY.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
}

fn is_trusted(about: &PoolConnectionMetadata) -> bool {
    let said = *READ_ONLY.lock().unwrap_or_else(PoisonError::into_inner);
    said.is_none_or(|said| about.age < said.elapsed())
}
