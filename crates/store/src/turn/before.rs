//! Nodes of the version before, 0.1, beside this one while an installation is upgraded.
//!
//! They know no leases: whoever has a turn there holds an advisory lock of PostgreSQL's, as long as its session lasts. So whoever takes a
//! lease here locks the same, in the session by which the lease is renewed, and waits while a node of the version before holds it. A
//! holder that hangs keeps its session, too; whoever takes the lease over ends that, once the lease's row has another token and nothing
//! that the hung one began can be committed any more.
//!
//! The version after this one needs none of it.

use crate::{Db, StoreResult, deadline::DEADLINE};
use domain::node::Lease;
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, PgConnection, PgPool};
use std::time::Duration;
use tokio::time::{Instant, sleep, timeout};

/// What these sessions are called in `pg_stat_activity`. Those of the version before were called `muster`, as all of it.
const NAME: &str = "muster lease";
/// How long it may take to connect.
const CONNECTS: Duration = Duration::from_secs(3);
/// How soon a session is gone that was ended, and how often it is looked.
const ENDED: Duration = Duration::from_secs(1);
const LOOKS: Duration = Duration::from_millis(20);

// These ask PostgreSQL about itself, so they are not among the queries that both databases understand.
/// Not in the words of the version before, by which its sessions are known.
const TRY: &str = "SELECT pg_try_advisory_lock($1) AS is_ours";

/// A text about the sessions that hold a lock. The two halves of its number are in two columns.
macro_rules! of_holders {
    ($what:literal, $those:literal) => {
        concat!(
            "SELECT ",
            $what,
            " FROM pg_locks l JOIN pg_stat_activity a ON a.pid = l.pid \
             WHERE l.locktype = 'advisory' AND l.granted AND l.objsubid = 1 \
             AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database()) \
             AND l.classid::bigint = $1 >> 32 AND l.objid::bigint = $1 & 4294967295 AND l.pid <> pg_backend_pid()",
            $those
        )
    };
}

/// Whether each is of the version before: such a session asks for its lock, and says nothing more once it has it. What a session of another
/// role says is not shown. Behind a pooler a session may be anybody's, and its name the last one's.
const HOLDS: &str = of_holders!(
    "a.application_name <> $2 AND a.query IN ('SELECT pg_try_advisory_lock($1)', '<insufficient privilege>')",
    ""
);
/// Ends those of ours.
const END: &str = of_holders!("pg_terminate_backend(l.pid)", " AND a.application_name = $2");
/// Each node of the version before has a session for each turn, that asks five times a second, or has the turn.
const BESIDE: &str = "SELECT EXISTS (SELECT 1 FROM pg_stat_activity WHERE datname = current_database() \
    AND application_name = 'muster' AND query = 'SELECT pg_try_advisory_lock($1)')";

/// By which the version before knows a turn: `musterim`, `musterrv`, `mustercr` and `musterwh` as numbers. None of what it does not do.
fn number(lease: Lease) -> Option<i64> {
    match lease.as_str() {
        "imports" => Some(0x6d75_7374_6572_696d),
        "revocations" => Some(0x6d75_7374_6572_7276),
        "crls" => Some(0x6d75_7374_6572_6372),
        "webhooks" => Some(0x6d75_7374_6572_7768),
        _ => None,
    }
}

/// Whose a turn is, as far as the version before is concerned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stands {
    /// Locked by this session, or nothing to be locked.
    Ours,
    /// Locked by another session of this version: whoever has the lease is told by its row.
    Another,
    /// Locked by a node of the version before.
    Before,
}

/// The session by which a lease is renewed.
pub(super) struct Session {
    connection: PgConnection,
    number: Option<i64>,
    is_locked: bool,
}

impl Session {
    /// One for this lease.
    pub(super) async fn begin(pool: &PgPool, lease: Lease) -> StoreResult<Self> {
        let options = pool.connect_options().as_ref().clone().application_name(NAME);
        let connecting = timeout(CONNECTS, options.connect()).await;
        let mut connection = connecting.map_err(|_| sqlx::Error::Io(std::io::ErrorKind::TimedOut.into()))??;
        let sql = AssertSqlSafe(format!("SET statement_timeout = {}", DEADLINE.as_millis()));
        sqlx::query(sql).execute(&mut connection).await?;
        Ok(Self { connection, number: number(lease), is_locked: false })
    }

    pub(super) fn connection(&mut self) -> &mut PgConnection {
        &mut self.connection
    }

    /// Locks what the version before locks, if nobody else has.
    pub(super) async fn lock(&mut self) -> StoreResult<Stands> {
        let Some(number) = self.number.filter(|_| !self.is_locked) else { return Ok(Stands::Ours) };
        self.is_locked = sqlx::query_scalar(TRY).bind(number).fetch_one(&mut self.connection).await?;
        if self.is_locked {
            return Ok(Stands::Ours);
        }
        let held: Vec<bool> = sqlx::query_scalar(HOLDS).bind(number).bind(NAME).fetch_all(&mut self.connection).await?;
        // Where nobody holds it any more, it is asked for again.
        Ok(if held.contains(&true) { Stands::Before } else { Stands::Another })
    }

    /// The same for who has the lease by now: a session of this version that holds the lock is that of one who hangs, and is ended.
    pub(super) async fn lock_at_last(&mut self) -> StoreResult<Stands> {
        let begun = Instant::now();
        loop {
            let stands = self.lock().await?;
            // Who may not end a session of another role goes on without the lock, and asks for it at each renewal.
            if stands != Stands::Another || begun.elapsed() > ENDED {
                return Ok(stands);
            }
            if let Some(number) = self.number
                && let Err(error) = sqlx::query(END).bind(number).bind(NAME).execute(&mut self.connection).await
            {
                tracing::warn!(%error, "the session of a node that hangs could not be ended");
            }
            sleep(LOOKS).await;
        }
    }

    /// Ends it, and unlocks by that.
    pub(super) async fn end(self) {
        // Whatever it says, it is gone.
        let _ = self.connection.close().await;
    }
}

/// Whether a node of the version before works on this database, as far as this one's role is shown what others of its role do. On SQLite
/// there is one node.
///
/// # Errors
/// When the database fails.
pub async fn beside_before(db: &Db) -> StoreResult<bool> {
    match db {
        Db::Sqlite { .. } => Ok(false),
        Db::Postgres(pool) => Ok(sqlx::query_scalar(BESIDE).fetch_one(pool).await?),
    }
}
