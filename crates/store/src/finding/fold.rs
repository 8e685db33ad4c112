//! Findings that are part of another one, which explains them.

use super::{Finding, REOPEN, Row, by_cause, changed};
use crate::{Db, StoreResult, Tx};
use domain::{
    authority::FindingState,
    id::{BatchId, DeviceId},
    time::Timestamp,
};
use sqlx::AssertSqlSafe;
use std::collections::HashMap;

queries! {
    OPEN_OF_HOLDERS = concat!("SELECT ", columns!("f."), " FROM (SELECT device_id FROM reported_part \
                       WHERE identifier_key = $1 AND batch_id = $2 AND device_id <> $3 ORDER BY device_id LIMIT $4) AS few \
                       JOIN finding f ON f.device_id = few.device_id AND f.state = 'open' \
                       WHERE f.kind IN ('hardware_mismatch', 'identifier_copied')");
    OPEN_OF_ALL_HOLDERS = concat!("SELECT ", columns!("f."), " FROM (SELECT device_id FROM reported_part \
                           WHERE identifier_key = $1 AND device_id <> $2 ORDER BY batch_id, device_id LIMIT $3) AS few \
                           JOIN finding f ON f.device_id = few.device_id AND f.state = 'open' \
                           WHERE f.kind IN ('hardware_mismatch', 'identifier_copied')");
    PARTS = concat!("SELECT ", columns!(), " FROM finding WHERE part_of = $1 ORDER BY state, cause LIMIT $2");
    STANDING_PARTS = concat!("SELECT ", columns!(), " FROM finding WHERE part_of = $1 AND state = 'folded' \
                      ORDER BY cause LIMIT $2");
    FOLDED = "SELECT COUNT(*) FROM (SELECT 1 FROM finding WHERE part_of = $1 AND state = 'folded' LIMIT 1000) AS few";
    RESOLVE_PART = "UPDATE finding SET state = 'resolved', last_at = $3 \
                    WHERE cause = $1 AND state = 'folded' AND part_of = $2";
    FOLD = "UPDATE finding SET state = 'folded', part_of = $2, carried = n WHERE cause = $1 AND n = $3 AND state <> 'resolved'";
}

/// Resolves a finding that is part of another one. False when it is not, or not any more.
///
/// # Errors
/// When the database fails.
pub async fn resolve_part(tx: &mut Tx, (cause, whole): (&str, &str), at: Timestamp) -> StoreResult<bool> {
    let done = within!(tx, |executor| {
        let query = sqlx::query(RESOLVE_PART).bind(cause).bind(whole).bind(at.0);
        query.execute(executor).await.map(|done| done.rows_affected())
    })?;
    if done == 1 {
        changed(tx, cause, FindingState::Resolved, at).await?;
    }
    Ok(done == 1)
}

/// Lets a finding that is settled or part of another one stand by itself again.
///
/// # Errors
/// When the database fails.
pub async fn alone(tx: &mut Tx, cause: &str, at: Timestamp) -> StoreResult<()> {
    let done = within!(tx, |executor| {
        sqlx::query(REOPEN).bind(cause).execute(executor).await.map(|done| done.rows_affected())
    })?;
    if done == 1 {
        changed(tx, cause, FindingState::Open, at).await?;
    }
    Ok(())
}

/// Makes a finding that stands part of another one, if it is still as it was looked at. False when it is not. How
/// often it was found is counted there from now on.
///
/// # Errors
/// When the database fails.
pub async fn fold(tx: &mut Tx, part: &Finding, whole: &str, at: Timestamp) -> StoreResult<bool> {
    let done = within!(tx, |executor| {
        let query = sqlx::query(FOLD).bind(&part.cause).bind(whole).bind(part.n);
        query.execute(executor).await.map(|done| done.rows_affected())
    })?;
    if done == 1 {
        changed(tx, &part.cause, FindingState::Folded, at).await?;
    }
    Ok(done == 1)
}

/// The open findings of their own of other devices, of a batch where one is given, that report an identifier; of the
/// first `limit` of these.
///
/// # Errors
/// When the database fails.
pub async fn open_of_holders(
    tx: &mut Tx,
    (key, batch): (&str, Option<BatchId>),
    but: DeviceId,
    limit: i64,
) -> StoreResult<Vec<Finding>> {
    let rows: Vec<Row> = match batch {
        Some(batch) => within!(tx, |executor| {
            let query = sqlx::query_as(OPEN_OF_HOLDERS).bind(key).bind(batch.0).bind(but.0).bind(limit);
            query.fetch_all(executor).await
        })?,
        None => within!(tx, |executor| {
            let query = sqlx::query_as(OPEN_OF_ALL_HOLDERS).bind(key).bind(but.0).bind(limit);
            query.fetch_all(executor).await
        })?,
    };
    rows.into_iter().map(TryInto::try_into).collect()
}

/// The findings that are part of another one or were when it was settled, those that stand first and in the order of
/// causes, at most `limit`.
///
/// # Errors
/// When the database fails.
pub async fn parts(db: &Db, whole: &str, limit: i64) -> StoreResult<Vec<Finding>> {
    let rows: Vec<Row> = read!(db, |pool| sqlx::query_as(PARTS).bind(whole).bind(limit).fetch_all(pool).await)?;
    rows.into_iter().map(TryInto::try_into).collect()
}

/// The findings that are part of another one and stand as long as it does, in the order of causes, at most `limit`.
///
/// # Errors
/// When the database fails.
pub async fn standing_parts(db: &Db, whole: &str, limit: i64) -> StoreResult<Vec<Finding>> {
    let rows: Vec<Row> =
        read!(db, |pool| sqlx::query_as(STANDING_PARTS).bind(whole).bind(limit).fetch_all(pool).await)?;
    rows.into_iter().map(TryInto::try_into).collect()
}

/// The same, as the transaction sees it.
///
/// # Errors
/// When the database fails.
pub async fn standing_parts_within(tx: &mut Tx, whole: &str, limit: i64) -> StoreResult<Vec<Finding>> {
    let rows: Vec<Row> =
        within!(tx, |executor| sqlx::query_as(STANDING_PARTS).bind(whole).bind(limit).fetch_all(executor).await)?;
    rows.into_iter().map(TryInto::try_into).collect()
}

/// How many findings are part of each of these, by their causes, counted up to a thousand each: in one read.
///
/// # Errors
/// When the database fails.
pub async fn folded(db: &Db, wholes: &[&str]) -> StoreResult<HashMap<String, i64>> {
    let mut found = HashMap::new();
    for chunk in wholes.chunks(crate::db::MAX_BINDS) {
        let rows: Vec<(String, i64)> = read!(db, |pool| {
            let mut query = sqlx::query_as(AssertSqlSafe(folded_sql(db, chunk.len())));
            for whole in chunk {
                query = query.bind(*whole);
            }
            query.fetch_all(pool).await
        })?;
        found.extend(rows);
    }
    Ok(found)
}

/// What [`folded`] asks for so many. Parts are counted one by one of each, so that the count can end at a thousand.
#[must_use]
pub fn folded_sql(db: &Db, n: usize) -> String {
    format!(
        "SELECT w.cause, (SELECT COUNT(*) FROM (SELECT 1 FROM finding p WHERE p.part_of = w.cause \
         AND p.state = 'folded' LIMIT 1000) AS few) FROM finding w WHERE w.cause IN ({})",
        crate::db::list_sql(db, n)
    )
}

/// How many findings are part of this one, counted up to a thousand, as the transaction sees it.
///
/// # Errors
/// When the database fails.
pub async fn folded_within(tx: &mut Tx, whole: &str) -> StoreResult<i64> {
    Ok(within!(tx, |executor| sqlx::query_scalar(FOLDED).bind(whole).fetch_one(executor).await)?)
}

/// Whether a finding stands: by itself, or as part of one that does.
///
/// # Errors
/// When the database fails.
pub async fn stands(tx: &mut Tx, finding: &Finding) -> StoreResult<bool> {
    Ok(match (finding.state, finding.part_of.as_deref()) {
        (FindingState::Open, _) => true,
        (FindingState::Folded, Some(whole)) => {
            by_cause(tx, whole).await?.is_some_and(|whole| whole.state == FindingState::Open)
        }
        (FindingState::Folded, None) | (FindingState::Resolved, _) => false,
    })
}
