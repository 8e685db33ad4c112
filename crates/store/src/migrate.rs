//! Bringing a database's tables up to date while nodes of the version before go on with them.
//!
//! A step of PostgreSQL's waits for a lock for less than a second and gives way then, so that what others ask for meanwhile never stands
//! behind it in the queue for longer, and tries again. One node does it at a time. A database that is newer than the program is gone on
//! with, unless a step was made that takes away what the program needs: such a step says so by its name (see [`refuse_too_new`]).

use crate::{
    StoreError, StoreResult,
    db::PATIENCE,
    look::{POSTGRES, SQLITE},
    reach,
};
use sqlx::{
    AssertSqlSafe, Connection, PgConnection, SqlSafeStr, SqlitePool,
    migrate::{MigrateError, Migration, Migrator},
    postgres::{PgConnectOptions, PgPoolOptions},
};
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// How long a step waits for a lock. It has to be less than PostgreSQL's `deadlock_timeout`, a second: of two that wait for each other
/// the step is to give way, not the node that serves devices.
const LOCKED: Duration = Duration::from_millis(500);
/// How soon it is tried again, and for how long.
const AGAIN: Duration = Duration::from_millis(500);
const TRIED: Duration = Duration::from_secs(15 * 60);
/// How often it is said that something is waited for.
const TOLD: Duration = Duration::from_secs(10);
/// How long it is waited for another node that brings the tables up to date.
const ANOTHER: Duration = Duration::from_secs(60 * 60);
/// By which PostgreSQL knows whose turn it is, among the locks of a database: `mustermg` as a number. It is asked for and not waited for:
/// a session that waits within a statement is one that building an index without locking waits for in turn.
const TURN: i64 = 0x6d75_7374_6572_6d67;
/// What the session is called in `pg_stat_activity`.
const NAME: &str = "muster migrations";
/// How the description of a step begins that takes something away; then comes the number of the step that a program has to know to do
/// without it.
const CONTRACTS: &str = "contract from ";

// Each is one database's alone, so they are not among the queries that both understand.
const TRY: &str = "SELECT pg_try_advisory_lock($1)";
const IS_MADE_IN_FILE: &str = "SELECT EXISTS (SELECT 1 FROM sqlite_master WHERE name = '_sqlx_migrations')";
const IS_MADE: &str = "SELECT to_regclass('_sqlx_migrations') IS NOT NULL";
const UNFINISHED: &str = "SELECT c.relname::text FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid \
                          WHERE NOT i.indisvalid AND c.relnamespace = current_schema()::regnamespace";

queries! {
    MADE = "SELECT version, description FROM _sqlx_migrations ORDER BY version";
}

/// Brings the tables of an SQLite file up to date.
///
/// # Errors
/// As [`refuse_too_new`], and when a step fails.
pub(crate) async fn sqlite(write: &SqlitePool) -> StoreResult<()> {
    if sqlx::query_scalar(IS_MADE_IN_FILE).fetch_one(write).await? {
        let made: Vec<(i64, String)> = sqlx::query_as(MADE).fetch_all(write).await?;
        refuse_too_new(&made, &SQLITE)?;
    }
    Ok(lenient(&SQLITE).run(write).await?)
}

/// Brings the tables of a PostgreSQL database up to date.
///
/// # Errors
/// As [`refuse_too_new`]; [`StoreError::Busy`] when a lock can't be had for a quarter of an hour; and when a step fails.
pub(crate) async fn postgres(options: &PgConnectOptions) -> StoreResult<()> {
    // Without a deadline: a step takes what it takes, once it has what it needs.
    let pool = PgPoolOptions::new().max_connections(1).acquire_timeout(PATIENCE);
    let pool = pool.connect_with(options.clone().application_name(NAME)).await?;
    let mut session = pool.acquire().await?.detach();
    let done = match reach::refuse_read_only(&mut session).await {
        Ok(()) => up_to_date(&mut session, &POSTGRES).await,
        Err(why) => Err(why.into()),
    };
    // The turn ends with the session, however that does.
    let _ = session.close().await;
    pool.close().await;
    done
}

async fn up_to_date(session: &mut PgConnection, steps: &Migrator) -> StoreResult<()> {
    let steps = lenient(steps);
    turn(session).await?;
    let made: Vec<(i64, String)> = if sqlx::query_scalar(IS_MADE).fetch_one(&mut *session).await? {
        sqlx::query_as(MADE).fetch_all(&mut *session).await?
    } else {
        Vec::new()
    };
    refuse_too_new(&made, &steps)?;
    if !made.is_empty() {
        for step in steps.iter().filter(|step| made.iter().all(|(version, _)| *version != step.version)) {
            patiently(session, &steps, step).await?;
        }
    }
    // What is left: all of an empty database, that nobody else uses; else it is looked whether the steps that were made are ours.
    Ok(steps.run_direct(None, session, false).await?)
}

/// Waits until no other node brings the tables up to date.
async fn turn(session: &mut PgConnection) -> StoreResult<()> {
    let begun = Instant::now();
    let mut told = begun;
    while !sqlx::query_scalar::<_, bool>(TRY).bind(TURN).fetch_one(&mut *session).await? {
        if begun.elapsed() > ANOTHER {
            return Err(StoreError::Busy);
        }
        if told.elapsed() > TOLD {
            told = Instant::now();
            tracing::info!("another node brings the tables up to date; this one waits for it");
        }
        sleep(AGAIN).await;
    }
    Ok(())
}

/// Makes one step, again and again as long as others hold what it needs.
async fn patiently(session: &mut PgConnection, steps: &Migrator, step: &Migration) -> StoreResult<()> {
    // What builds an index without locking waits for others, and nobody waits for it.
    let limit = if step.no_tx { Duration::ZERO } else { LOCKED };
    let sql = AssertSqlSafe(format!("SET lock_timeout = {}", limit.as_millis()));
    sqlx::query(sql).execute(&mut *session).await?;
    let begun = Instant::now();
    let mut told = begun;
    loop {
        if step.no_tx {
            drop_unfinished(session, step).await?;
        }
        match steps.run_direct(Some(step.version), session, false).await {
            Ok(()) => break,
            Err(why) if gives_way(&why) && begun.elapsed() < TRIED => {
                if told.elapsed() > TOLD {
                    told = Instant::now();
                    tracing::warn!(step = step.version, "a table that is to be changed is in use; it is tried again");
                }
                sleep(AGAIN).await;
            }
            Err(why) if gives_way(&why) => return Err(StoreError::Busy),
            Err(why) => return Err(why.into()),
        }
    }
    tracing::info!(step = step.version, what = &*step.description, "the tables were brought up to date");
    Ok(())
}

/// Whether others hold what the step needs, so that the next try may do: `lock_not_available` and `deadlock_detected`.
fn gives_way(why: &MigrateError) -> bool {
    let (MigrateError::Execute(cause) | MigrateError::ExecuteMigration(cause, _)) = why else { return false };
    cause.as_database_error().is_some_and(|cause| matches!(cause.code().as_deref(), Some("55P03" | "40P01")))
}

/// An index that was being built without locking when its builder died is there and never used; it would be taken for the new one.
async fn drop_unfinished(session: &mut PgConnection, step: &Migration) -> StoreResult<()> {
    let names: Vec<String> = sqlx::query_scalar(UNFINISHED).fetch_all(&mut *session).await?;
    for name in names.iter().filter(|name| step.sql.as_str().contains(name.as_str())) {
        let sql = AssertSqlSafe(format!("DROP INDEX CONCURRENTLY IF EXISTS \"{name}\""));
        sqlx::query(sql).execute(&mut *session).await?;
    }
    Ok(())
}

/// Refuses a database from which a step of a newer program took what this one needs. Steps that only add something are no hindrance:
/// their nodes and this one run side by side.
///
/// # Errors
/// [`StoreError::TooNew`] then.
pub(crate) fn refuse_too_new(made: &[(i64, String)], known: &Migrator) -> StoreResult<()> {
    match made.iter().find(|(version, description)| bars((*version, description.as_str()), known)) {
        Some((step, _)) => Err(StoreError::TooNew { step: *step }),
        None => Ok(()),
    }
}

/// Whether a step that was made takes away what a program needs that knows these.
pub(crate) fn bars((version, description): (i64, &str), known: &Migrator) -> bool {
    if known.version_exists(version) {
        return false;
    }
    let Some(from) = description.strip_prefix(CONTRACTS) else { return false };
    let from = from.split(' ').next().unwrap_or_default();
    // One that can't be read bars everybody.
    from.parse().map_or(true, |from| !known.version_exists(from))
}

/// The same steps, by one who has the turn already and looks for itself whether what is newer fits.
fn lenient(steps: &Migrator) -> Migrator {
    let mut lenient = Migrator::with_migrations(steps.iter().cloned().collect());
    lenient.set_ignore_missing(true).set_locking(false);
    lenient
}

/// PostgreSQL's steps for a transaction of one's own, with which what they do is undone: there indexes are built with locking.
pub(crate) fn within_a_transaction() -> Migrator {
    let step = |step: &Migration| {
        if !step.no_tx {
            return step.clone();
        }
        let sql = AssertSqlSafe(step.sql.as_str().replace(" CONCURRENTLY", ""));
        Migration { sql: sql.into_sql_str(), no_tx: false, ..step.clone() }
    };
    let mut steps = Migrator::with_migrations(POSTGRES.iter().map(step).collect());
    steps.set_locking(false);
    steps
}

#[cfg(test)]
mod tests;
