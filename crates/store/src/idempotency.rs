//! What was answered to a request that a program may send again.

use crate::{StoreResult, Tx};
use domain::time::Timestamp;

/// A request and its answer.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct Answered {
    /// The hash of what was asked.
    pub request_hash: String,
    /// The answer's status; 0 while there is none.
    pub status: i64,
    /// The answer.
    pub body: String,
    /// When it was asked, in microseconds.
    pub created_at: i64,
}

/// One request: who sends it, and under which key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestKey {
    /// Who sends it.
    pub actor: String,
    /// The key that they gave it.
    pub key: String,
}

queries! {
    BEGIN = "INSERT INTO idempotency (actor, key, request_hash, created_at, node) VALUES ($1, $2, $3, $4, $5) \
             ON CONFLICT (actor, key) DO NOTHING";
    READ = "SELECT request_hash, status, body, created_at FROM idempotency WHERE actor = $1 AND key = $2";
    TAKE_OVER = "UPDATE idempotency SET request_hash = $3, status = 0, body = '', created_at = $4, node = $6 \
                 WHERE actor = $1 AND key = $2 AND created_at = $5";
    FINISH = "UPDATE idempotency SET status = $4, body = $5 \
              WHERE actor = $1 AND key = $2 AND created_at = $3 AND status = 0";
    ABANDON = "DELETE FROM idempotency WHERE actor = $1 AND key = $2 AND created_at = $3 AND status = 0";
    VOID = "DELETE FROM idempotency WHERE status = 0 AND node = $1";
    FORGET = "DELETE FROM idempotency WHERE created_at < $1";
}

/// Notes that a request is begun. False when one of this key is known already.
///
/// # Errors
/// When the database fails.
pub async fn begin(tx: &mut Tx, key: &RequestKey, request_hash: &str, now: Timestamp, node: &str) -> StoreResult<bool> {
    let begun = within!(tx, |executor| {
        sqlx::query(BEGIN)
            .bind(&key.actor)
            .bind(&key.key)
            .bind(request_hash)
            .bind(now.0)
            .bind(node)
            .execute(executor)
            .await
            .map(|done| done.rows_affected())
    })?;
    Ok(begun > 0)
}

/// What is known of a request.
///
/// # Errors
/// When the database fails.
pub async fn read(tx: &mut Tx, key: &RequestKey) -> StoreResult<Option<Answered>> {
    Ok(within!(tx, |executor| sqlx::query_as(READ).bind(&key.actor).bind(&key.key).fetch_optional(executor).await)?)
}

/// Begins a request anew that was begun at `begun` and forgotten. False when somebody else was faster.
///
/// # Errors
/// When the database fails.
pub async fn take_over(
    tx: &mut Tx,
    key: &RequestKey,
    request_hash: &str,
    now: Timestamp,
    begun: i64,
    node: &str,
) -> StoreResult<bool> {
    let taken = within!(tx, |executor| {
        sqlx::query(TAKE_OVER)
            .bind(&key.actor)
            .bind(&key.key)
            .bind(request_hash)
            .bind(now.0)
            .bind(begun)
            .bind(node)
            .execute(executor)
            .await
            .map(|done| done.rows_affected())
    })?;
    Ok(taken > 0)
}

/// Keeps the answer to the request that was begun at `begun`, unless somebody took it over.
///
/// # Errors
/// When the database fails.
pub async fn finish(tx: &mut Tx, key: &RequestKey, begun: Timestamp, status: i64, body: &str) -> StoreResult<()> {
    within!(tx, |executor| {
        sqlx::query(FINISH)
            .bind(&key.actor)
            .bind(&key.key)
            .bind(begun.0)
            .bind(status)
            .bind(body)
            .execute(executor)
            .await
            .map(drop)
    })?;
    Ok(())
}

/// Forgets the request that was begun at `begun`: it came to nothing, and may be sent again.
///
/// # Errors
/// When the database fails.
pub async fn abandon(tx: &mut Tx, key: &RequestKey, begun: Timestamp) -> StoreResult<()> {
    within!(tx, |executor| {
        sqlx::query(ABANDON).bind(&key.actor).bind(&key.key).bind(begun.0).execute(executor).await.map(drop)
    })?;
    Ok(())
}

/// Forgets the requests of a node that have no answer.
///
/// # Errors
/// When the database fails.
pub async fn void(tx: &mut Tx, node: &str) -> StoreResult<()> {
    within!(tx, |executor| sqlx::query(VOID).bind(node).execute(executor).await.map(drop))?;
    Ok(())
}

/// Forgets requests that were begun before then.
///
/// # Errors
/// When the database fails.
pub async fn forget(tx: &mut Tx, before: Timestamp) -> StoreResult<()> {
    within!(tx, |executor| sqlx::query(FORGET).bind(before.0).execute(executor).await.map(drop))?;
    Ok(())
}
