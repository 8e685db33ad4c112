//! Counts of failed sign-ins, per account and per network address. What follows from them, `fleet` decides.

use crate::{Db, StoreResult, Tx};
use domain::time::Timestamp;

/// How a subject stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Throttle {
    /// Tries that failed, or whose end is not known yet.
    pub failures: i64,
    /// When the first of them was.
    pub window_start: Timestamp,
    /// Until when further tries are refused; long ago when they are not.
    pub blocked_until: Timestamp,
}

#[derive(sqlx::FromRow)]
struct Row {
    failures: i64,
    window_start: i64,
    blocked_until: i64,
}

impl From<Row> for Throttle {
    fn from(row: Row) -> Self {
        Self {
            failures: row.failures,
            window_start: Timestamp(row.window_start),
            blocked_until: Timestamp(row.blocked_until),
        }
    }
}

queries! {
    READ = "SELECT failures, window_start, blocked_until FROM sign_in_throttle WHERE subject = $1";
    // Writing the row, if only with what it holds, makes others who count the same subject wait.
    HOLD = "INSERT INTO sign_in_throttle (subject, failures, window_start, blocked_until) VALUES ($1, 0, $2, 0) \
            ON CONFLICT (subject) DO UPDATE SET failures = sign_in_throttle.failures \
            RETURNING failures, window_start, blocked_until";
    SET = "UPDATE sign_in_throttle SET failures = $2, window_start = $3, blocked_until = $4 WHERE subject = $1";
    CLEAR = "DELETE FROM sign_in_throttle WHERE subject = $1";
    FORGET = "DELETE FROM sign_in_throttle WHERE window_start < $1 AND blocked_until < $1";
}

/// How a subject stands, without waiting for anybody.
///
/// # Errors
/// When the database fails.
pub async fn read(db: &Db, subject: &str) -> StoreResult<Throttle> {
    let row: Option<Row> = read!(db, |pool| sqlx::query_as(READ).bind(subject).fetch_optional(pool).await)?;
    Ok(row.map(Into::into).unwrap_or_default())
}

/// How a subject stands, held until the transaction is over.
///
/// # Errors
/// When the database fails.
pub async fn hold(tx: &mut Tx, subject: &str, now: Timestamp) -> StoreResult<Throttle> {
    let row: Row = within!(tx, |executor| sqlx::query_as(HOLD).bind(subject).bind(now.0).fetch_one(executor).await)?;
    Ok(row.into())
}

/// Writes how a held subject stands from now on.
///
/// # Errors
/// When the database fails.
pub async fn set(tx: &mut Tx, subject: &str, throttle: Throttle) -> StoreResult<()> {
    within!(tx, |executor| {
        sqlx::query(SET)
            .bind(subject)
            .bind(throttle.failures)
            .bind(throttle.window_start.0)
            .bind(throttle.blocked_until.0)
            .execute(executor)
            .await
            .map(drop)
    })?;
    Ok(())
}

/// Forgets a subject's failures.
///
/// # Errors
/// When the database fails.
pub async fn clear(tx: &mut Tx, subject: &str) -> StoreResult<()> {
    within!(tx, |executor| sqlx::query(CLEAR).bind(subject).execute(executor).await.map(drop))?;
    Ok(())
}

/// Forgets failures and blocks that ended before then.
///
/// # Errors
/// When the database fails.
pub async fn forget(tx: &mut Tx, before: Timestamp) -> StoreResult<()> {
    within!(tx, |executor| sqlx::query(FORGET).bind(before.0).execute(executor).await.map(drop))?;
    Ok(())
}
