//! What whoever operates Muster wants to know of the database: how much waits in it, and how its connections stand.

use crate::{Db, StoreResult};
use domain::time::Timestamp;

/// How far what waits is counted. A longer queue costs no more to look at, and is as much of an alarm.
pub const COUNTED: i64 = 10_000;

queries! {
    IMPORTS = "SELECT COUNT(*) FROM (SELECT 1 AS one FROM import WHERE state IN ('received', 'checking', 'applying') \
               LIMIT $1) AS waiting";
    OWED = "SELECT COUNT(*) FROM (SELECT 1 AS one FROM webhook_delivery WHERE state = 'owed' LIMIT $1) AS waiting";
    UPLOADS = "SELECT COUNT(*) FROM (SELECT 1 AS one FROM upload WHERE expires_at > $1 AND release_id IS NULL LIMIT $2) \
               AS waiting";
}

/// How much waits, each counted up to [`COUNTED`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Queues {
    /// Imports that have not ended.
    pub imports: i64,
    /// Messages that webhooks are owed.
    pub webhook_deliveries: i64,
    /// Files of releases that are on their way here.
    pub uploads: i64,
}

/// How the connections of a pool stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pool {
    /// What they are for: `read`, `write`, or `all`.
    pub role: &'static str,
    /// How many there are.
    pub open: u32,
    /// How many of them nobody uses.
    pub idle: u32,
    /// How many there may be.
    pub most: u32,
}

/// How much waits.
///
/// # Errors
/// When the database fails.
pub async fn queues(db: &Db, now: Timestamp) -> StoreResult<Queues> {
    let imports = read!(db, |pool| sqlx::query_scalar(IMPORTS).bind(COUNTED).fetch_one(pool).await)?;
    let webhook_deliveries = read!(db, |pool| sqlx::query_scalar(OWED).bind(COUNTED).fetch_one(pool).await)?;
    let uploads = read!(db, |pool| sqlx::query_scalar(UPLOADS).bind(now.0).bind(COUNTED).fetch_one(pool).await)?;
    Ok(Queues { imports, webhook_deliveries, uploads })
}

/// How the connections stand. Nothing is asked of the database.
#[must_use]
pub fn pools(db: &Db) -> Vec<Pool> {
    fn of<D: sqlx::Database>(role: &'static str, pool: &sqlx::Pool<D>) -> Pool {
        let idle = u32::try_from(pool.num_idle()).unwrap_or(u32::MAX);
        Pool { role, open: pool.size(), idle, most: pool.options().get_max_connections() }
    }
    match db {
        Db::Sqlite { read, write } => vec![of("read", read), of("write", write)],
        Db::Postgres(pool) => vec![of("all", pool)],
    }
}
