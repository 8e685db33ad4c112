//! When findings were opened, became part of others, and were settled.

use crate::{Db, StoreError, StoreResult};
use domain::{authority::FindingState, time::Timestamp};

queries! {
    TREND = "SELECT state, (at - $1) / 86400000000 AS day, COUNT(*) FROM finding_change WHERE at >= $1 \
             AND (state <> 'open' OR was <> 'folded') GROUP BY state, day ORDER BY day, state";
    CHANGES = "SELECT at, state FROM finding_change WHERE cause = $1 ORDER BY at DESC, id DESC LIMIT $2";
}

/// How many findings came into which state on which day since `from`: the state, the day counted from 0, and how many. One
/// that was part of another and stands by itself again was not opened anew.
///
/// # Errors
/// When the database fails.
pub async fn trend(db: &Db, from: Timestamp) -> StoreResult<Vec<(FindingState, i64, i64)>> {
    let rows: Vec<(String, i64, i64)> = search!(db, |pool| sqlx::query_as(TREND).bind(from.0).fetch_all(pool).await)?;
    let row = |(state, day, n): (String, i64, i64)| {
        Ok((state.parse().map_err(|e| StoreError::corrupt("finding_change.state", e))?, day, n))
    };
    rows.into_iter().map(row).collect()
}

/// When a finding came into which state last, the first change first, at most `limit`.
///
/// # Errors
/// When the database fails.
pub async fn changes(db: &Db, cause: &str, limit: i64) -> StoreResult<Vec<(Timestamp, FindingState)>> {
    let rows: Vec<(i64, String)> =
        read!(db, |pool| sqlx::query_as(CHANGES).bind(cause).bind(limit).fetch_all(pool).await)?;
    let row = |(at, state): (i64, String)| {
        Ok((Timestamp(at), state.parse().map_err(|e| StoreError::corrupt("finding_change.state", e))?))
    };
    rows.into_iter().rev().map(row).collect()
}
