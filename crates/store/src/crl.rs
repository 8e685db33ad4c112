//! Published CRLs.

use crate::{Db, StoreResult, Tx};
use domain::{id::AuthorityId, time::Timestamp};
use uuid::Uuid;

/// A published CRL.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Crl {
    /// Whose.
    pub authority: AuthorityId,
    /// Its number.
    pub number: i64,
    /// The CRL itself; empty once there is a later one.
    pub der: Vec<u8>,
    /// Its SHA-256, in hexadecimal.
    pub sha256: String,
    /// How many certificates it lists.
    pub entries: i64,
    /// The SHA-256 of what it lists.
    pub entries_sha256: String,
    /// When it was made.
    pub this_update: Timestamp,
    /// By when there will be another.
    pub next_update: Timestamp,
}

#[derive(sqlx::FromRow)]
struct Row {
    authority_id: Uuid,
    number: i64,
    der: Vec<u8>,
    sha256: String,
    entries: i64,
    entries_sha256: String,
    this_update: i64,
    next_update: i64,
}

impl From<Row> for Crl {
    fn from(row: Row) -> Self {
        Self {
            authority: AuthorityId(row.authority_id),
            number: row.number,
            der: row.der,
            sha256: row.sha256,
            entries: row.entries,
            entries_sha256: row.entries_sha256,
            this_update: Timestamp(row.this_update),
            next_update: Timestamp(row.next_update),
        }
    }
}

macro_rules! columns {
    () => {
        "authority_id, number, der, sha256, entries, entries_sha256, this_update, next_update"
    };
}

queries! {
    LATEST = concat!("SELECT ", columns!(), " FROM crl WHERE authority_id = $1 ORDER BY number DESC LIMIT 1");
    NUMBERS = "SELECT a.id, (SELECT MAX(c.number) FROM crl c WHERE c.authority_id = a.id) FROM authority a";
    USABLE_UNTIL = "SELECT COALESCE(MAX(next_update), 0) FROM crl WHERE authority_id = $1 AND this_update < $2";
    INSERT = concat!("INSERT INTO crl (", columns!(), ") VALUES ($1, $2, $3, $4, $5, $6, $7, $8)");
    EMPTY = "UPDATE crl SET der = $3 WHERE authority_id = $1 AND number = $2";
    FORGET = "DELETE FROM crl WHERE authority_id = $1 AND number IN (SELECT number FROM crl WHERE authority_id = $1 \
              AND number < (SELECT MAX(number) FROM crl WHERE authority_id = $1) AND next_update < $2 ORDER BY number LIMIT $3)";
    SUPERSEDED = "SELECT COUNT(*) FROM (SELECT 1 FROM crl WHERE authority_id = $1 \
                  AND number < (SELECT MAX(number) FROM crl WHERE authority_id = $1) AND next_update < $2 LIMIT $3) AS old";
}

/// The latest CRL of an authority.
///
/// # Errors
/// When the database fails.
pub async fn latest(db: &Db, authority: AuthorityId) -> StoreResult<Option<Crl>> {
    let row: Option<Row> = read!(db, |pool| sqlx::query_as(LATEST).bind(authority.0).fetch_optional(pool).await)?;
    Ok(row.map(Into::into))
}

/// The number of each authority's latest CRL: one look into the index for each, however many lists there were.
///
/// # Errors
/// When the database fails.
pub async fn numbers(db: &Db) -> StoreResult<Vec<(AuthorityId, i64)>> {
    let rows: Vec<(Uuid, Option<i64>)> = read!(db, |pool| sqlx::query_as(NUMBERS).fetch_all(pool).await)?;
    Ok(rows.into_iter().filter_map(|(id, number)| Some((AuthorityId(id), number?))).collect())
}

/// Until when some CRL of an authority may be used that was made before that time; 0 when there was none.
///
/// # Errors
/// When the database fails.
pub async fn usable_until(db: &Db, authority: AuthorityId, made_before: Timestamp) -> StoreResult<Timestamp> {
    let until: i64 =
        read!(db, |pool| sqlx::query_scalar(USABLE_UNTIL).bind(authority.0).bind(made_before.0).fetch_one(pool).await)?;
    Ok(Timestamp(until))
}

/// Enters a CRL and drops the content of the one before it, which nobody is given any more.
///
/// # Errors
/// [`crate::StoreError::Exists`] when its number is taken.
pub async fn insert(tx: &mut Tx, crl: &Crl, previous: Option<i64>) -> StoreResult<()> {
    within!(tx, |executor| {
        sqlx::query(INSERT)
            .bind(crl.authority.0)
            .bind(crl.number)
            .bind(&crl.der)
            .bind(&crl.sha256)
            .bind(crl.entries)
            .bind(&crl.entries_sha256)
            .bind(crl.this_update.0)
            .bind(crl.next_update.0)
            .execute(executor)
            .await
            .map(drop)
    })?;
    if let Some(previous) = previous {
        within!(tx, |executor| {
            sqlx::query(EMPTY)
                .bind(crl.authority.0)
                .bind(previous)
                .bind(Vec::<u8>::new())
                .execute(executor)
                .await
                .map(drop)
        })?;
    }
    Ok(())
}

/// Forgets so many lists of an authority at most that ended before that time, the oldest first; never its latest. How many that were.
/// The audit log has number and hash of each.
///
/// # Errors
/// When the database fails.
pub async fn forget(tx: &mut Tx, authority: AuthorityId, ended_before: Timestamp, limit: i64) -> StoreResult<u64> {
    Ok(within!(tx, |executor| {
        let query = sqlx::query(FORGET).bind(authority.0).bind(ended_before.0).bind(limit);
        query.execute(executor).await.map(|done| done.rows_affected())
    })?)
}

/// How many lists of an authority [`forget`] would forget in all; `limit` stands for that many or more.
///
/// # Errors
/// When the database fails.
pub async fn superseded(db: &Db, authority: AuthorityId, ended_before: Timestamp, limit: i64) -> StoreResult<i64> {
    Ok(read!(db, |pool| {
        let query = sqlx::query_scalar(SUPERSEDED).bind(authority.0).bind(ended_before.0).bind(limit);
        query.fetch_one(pool).await
    })?)
}
