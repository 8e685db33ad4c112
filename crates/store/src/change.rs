//! The one bell: whatever must be told to others, with a sequence.

mod line;

pub use line::{Ear, Ringer};

use crate::{Db, StoreResult, Tx, db::list_sql};
use domain::time::Timestamp;
use sqlx::AssertSqlSafe;

/// A change that others may want to hear of.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct Change {
    /// Grows with each change.
    pub seq: i64,
    /// When, in microseconds.
    pub at: i64,
    /// Which kind of thing: `device`, `import`, `people`, `custodian`.
    pub topic: String,
    /// Which thing: a serial, an id.
    pub subject: String,
}

queries! {
    RING = "INSERT INTO change (at, topic, subject) VALUES ($1, $2, $3) RETURNING seq";
    AFTER = "SELECT seq, at, topic, subject FROM change WHERE seq > $1 ORDER BY seq LIMIT $2";
    LAST = "SELECT COALESCE(MAX(seq), 0) FROM change";
    OF_TOPIC = "SELECT seq, at, topic, subject FROM change WHERE topic = $1 AND seq > $2 ORDER BY seq LIMIT $3";
    OLD = "SELECT COALESCE(MAX(seq), 0) FROM change WHERE topic = $1 AND at < $2";
    FORGET = "DELETE FROM change WHERE seq IN (SELECT seq FROM change WHERE at < $1 ORDER BY at LIMIT $2)";
}

/// Records a change in the transaction that causes it.
///
/// # Errors
/// When the database fails.
pub async fn ring(tx: &mut Tx, at: Timestamp, topic: &str, subject: &str) -> StoreResult<i64> {
    Ok(within!(tx, |executor| {
        sqlx::query_scalar(RING).bind(at.0).bind(topic).bind(subject).fetch_one(executor).await
    })?)
}

/// What happened after a sequence, oldest first.
///
/// # Errors
/// When the database fails.
pub async fn after(db: &Db, seq: i64, limit: i64) -> StoreResult<Vec<Change>> {
    Ok(read!(db, |pool| sqlx::query_as(AFTER).bind(seq).bind(limit).fetch_all(pool).await)?)
}

/// Those of these sequences that are there by now. At most some hundred are asked for at once.
///
/// # Errors
/// When the database fails.
pub async fn among(db: &Db, seqs: &[i64]) -> StoreResult<Vec<Change>> {
    if seqs.is_empty() {
        return Ok(Vec::new());
    }
    let list = list_sql(db, seqs.len());
    let sql = format!("SELECT seq, at, topic, subject FROM change WHERE seq IN ({list}) ORDER BY seq");
    Ok(read!(db, |pool| {
        let mut asked = sqlx::query_as(AssertSqlSafe(sql));
        for seq in seqs {
            asked = asked.bind(seq);
        }
        asked.fetch_all(pool).await
    })?)
}

/// What happened of one kind after a sequence, oldest first.
///
/// # Errors
/// When the database fails.
pub async fn of_topic(db: &Db, topic: &str, seq: i64, limit: i64) -> StoreResult<Vec<Change>> {
    Ok(read!(db, |pool| sqlx::query_as(OF_TOPIC).bind(topic).bind(seq).bind(limit).fetch_all(pool).await)?)
}

/// The last sequence of one kind that is older than this; 0 for none.
///
/// # Errors
/// When the database fails.
pub async fn last_before(db: &Db, topic: &str, at: Timestamp) -> StoreResult<i64> {
    Ok(read!(db, |pool| sqlx::query_scalar(OLD).bind(topic).bind(at.0).fetch_one(pool).await)?)
}

/// The last sequence; 0 for none.
///
/// # Errors
/// When the database fails.
pub async fn last(db: &Db) -> StoreResult<i64> {
    Ok(read!(db, |pool| sqlx::query_scalar(LAST).fetch_one(pool).await)?)
}

/// Drops so many changes at most that nobody waits for any more; they are messages, not records. How many that were.
///
/// # Errors
/// When the database fails.
pub async fn forget(tx: &mut Tx, before: Timestamp, limit: i64) -> StoreResult<u64> {
    Ok(within!(tx, |executor| {
        let query = sqlx::query(FORGET).bind(before.0).bind(limit);
        query.execute(executor).await.map(|done| done.rows_affected())
    })?)
}
