//! Forgetting what is kept no longer, so many rows at a time. What may be forgotten at all is `domain::retention`'s to say.

pub mod parts;

use crate::{Db, StoreError, StoreResult, Tx, user::some_time};
use domain::{id::DeviceId, retention::Kept, time::Timestamp};
use uuid::Uuid;

/// How far it has come to forget one kind of what is kept no longer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pass {
    /// What is forgotten.
    pub kept: Kept,
    /// The device up to which histories were gone through; none where they are not, or not yet.
    pub upto: Option<DeviceId>,
    /// Since when one goes on; none when none does.
    pub begun_at: Option<Timestamp>,
    /// When the last whole one ended; none before the first.
    pub ended_at: Option<Timestamp>,
    /// How many rows went in the one that goes on, or in the last.
    pub gone: u64,
}

queries! {
    PASS = "SELECT upto, begun_at, ended_at, gone FROM retention_pass WHERE kind = $1";
    PUT_PASS = "INSERT INTO retention_pass (kind, upto, begun_at, ended_at, gone) VALUES ($1, $2, $3, $4, $5) \
                ON CONFLICT (kind) DO UPDATE SET upto = excluded.upto, begun_at = excluded.begun_at, \
                ended_at = excluded.ended_at, gone = excluded.gone";
    LAST_ACTION = "SELECT COALESCE(MAX(id), 0) FROM update_action";
    ACTION_FROM = "SELECT id, offered_at FROM update_action WHERE id >= $1 ORDER BY id LIMIT 1";
    FEEDBACK = "SELECT COUNT(*) FROM (SELECT 1 FROM update_feedback WHERE action_id < $1 AND at < $2 LIMIT $3) AS old";
    FORGET_FEEDBACK = "DELETE FROM update_feedback WHERE action_id < $1 AND (action_id, n) IN (SELECT action_id, n \
                       FROM update_feedback WHERE action_id < $1 AND at < $2 ORDER BY action_id, n LIMIT $3)";
    DEVICES = "SELECT id FROM device WHERE id > $1 ORDER BY id LIMIT $2";
    STEPS = "SELECT COUNT(*) FROM (SELECT 1 FROM history WHERE at < $1 AND epcis_event_id IS NULL \
             AND kind IN ('update_failed', 'update_installed', 'update_offered', 'update_silent') LIMIT $2) AS old";
    FORGET_STEPS = "DELETE FROM history WHERE device_id > $1 AND device_id <= $2 AND at < $3 AND epcis_event_id IS NULL \
                    AND kind IN ('update_failed', 'update_installed', 'update_offered', 'update_silent')";
}

/// How far it has come with one kind.
///
/// # Errors
/// When the database fails.
pub async fn pass(db: &Db, kept: Kept) -> StoreResult<Pass> {
    let row: Option<(String, i64, i64, i64)> =
        read!(db, |pool| sqlx::query_as(PASS).bind(kept.as_str()).fetch_optional(pool).await)?;
    let Some((upto, begun_at, ended_at, gone)) = row else {
        return Ok(Pass { kept, upto: None, begun_at: None, ended_at: None, gone: 0 });
    };
    let device = |text: &str| text.parse().map(DeviceId).map_err(|e| StoreError::corrupt("retention_pass.upto", e));
    Ok(Pass {
        kept,
        upto: if upto.is_empty() { None } else { Some(device(&upto)?) },
        begun_at: some_time(begun_at),
        ended_at: some_time(ended_at),
        gone: u64::try_from(gone).unwrap_or_default(),
    })
}

/// Notes how far it has come.
///
/// # Errors
/// When the database fails.
pub async fn put_pass(tx: &mut Tx, pass: &Pass) -> StoreResult<()> {
    let upto = pass.upto.map(|device| device.0.to_string()).unwrap_or_default();
    within!(tx, |executor| {
        sqlx::query(PUT_PASS)
            .bind(pass.kept.as_str())
            .bind(upto)
            .bind(pass.begun_at.map_or(0, |at| at.0))
            .bind(pass.ended_at.map_or(0, |at| at.0))
            .bind(i64::try_from(pass.gone).unwrap_or(i64::MAX))
            .execute(executor)
            .await
            .map(drop)
    })?;
    Ok(())
}

/// The first action that was offered at that time or later, or the number after the last one. Actions are numbered in the order in
/// which they are made, so it is found by halving; one that was offered anew is a little out of order, which does no harm here.
///
/// # Errors
/// When the database fails.
pub async fn first_action_since(db: &Db, at: Timestamp) -> StoreResult<i64> {
    let last: i64 = read!(db, |pool| sqlx::query_scalar(LAST_ACTION).fetch_one(pool).await)?;
    let (mut low, mut high, mut first) = (0, last.saturating_add(1), last.saturating_add(1));
    while low < high {
        let middle = low + (high - low) / 2;
        let next: Option<(i64, i64)> =
            read!(db, |pool| sqlx::query_as(ACTION_FROM).bind(middle).fetch_optional(pool).await)?;
        match next {
            Some((id, offered_at)) if offered_at < at.0 => low = id.saturating_add(1),
            Some((id, _)) => (first, high) = (id, middle),
            None => high = middle,
        }
    }
    Ok(first)
}

/// How many lines of what devices said before that time there are, of actions below that one; `limit` stands for that many or more.
///
/// # Errors
/// When the database fails.
pub async fn feedback(db: &Db, below: i64, before: Timestamp, limit: i64) -> StoreResult<i64> {
    Ok(search!(db, |pool| {
        sqlx::query_scalar(FEEDBACK).bind(below).bind(before.0).bind(limit).fetch_one(pool).await
    })?)
}

/// Forgets so many of these at most, those of the oldest actions first. How many that were.
///
/// # Errors
/// When the database fails.
pub async fn forget_feedback(tx: &mut Tx, below: i64, before: Timestamp, limit: i64) -> StoreResult<u64> {
    Ok(within!(tx, |executor| {
        let query = sqlx::query(FORGET_FEEDBACK).bind(below).bind(before.0).bind(limit);
        query.execute(executor).await.map(|done| done.rows_affected())
    })?)
}

/// The next so many devices by their ids, after that one; the last of them alone is of interest. None when there are no more.
///
/// # Errors
/// When the database fails.
pub async fn next_devices(db: &Db, after: Option<DeviceId>, limit: i64) -> StoreResult<Option<DeviceId>> {
    let after = after.map_or(Uuid::nil(), |device| device.0);
    let ids: Vec<Uuid> = read!(db, |pool| sqlx::query_scalar(DEVICES).bind(after).bind(limit).fetch_all(pool).await)?;
    Ok(ids.last().copied().map(DeviceId))
}

/// How many entries of histories tell of steps of updates before that time, and may go; `limit` stands for that many or more. It reads
/// all histories where there are few.
///
/// # Errors
/// When the database fails, or takes too long.
pub async fn steps(db: &Db, before: Timestamp, limit: i64) -> StoreResult<i64> {
    Ok(search!(db, |pool| sqlx::query_scalar(STEPS).bind(before.0).bind(limit).fetch_one(pool).await)?)
}

/// Forgets these of the devices after one and up to another one. How many that were.
///
/// # Errors
/// When the database fails.
pub async fn forget_steps(tx: &mut Tx, after: Option<DeviceId>, upto: DeviceId, before: Timestamp) -> StoreResult<u64> {
    let after = after.map_or(Uuid::nil(), |device| device.0);
    Ok(within!(tx, |executor| {
        let query = sqlx::query(FORGET_STEPS).bind(after).bind(upto.0).bind(before.0);
        query.execute(executor).await.map(|done| done.rows_affected())
    })?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_histories_only_that_is_named_which_may_go() {
        let named = domain::retention::STEPS.map(|kind| format!("'{kind}'")).join(", ");
        for sql in [STEPS, FORGET_STEPS] {
            assert!(sql.contains(&format!("kind IN ({named})")), "{sql}");
            // What came with a document is known by it: without the entry it would come in twice.
            assert!(sql.contains("epcis_event_id IS NULL"), "{sql}");
        }
        for (name, sql) in QUERIES {
            let deletes: Vec<&str> =
                sql.match_indices("DELETE FROM ").filter_map(|(at, _)| sql.get(at + 12..)?.split(' ').next()).collect();
            assert!(deletes.iter().all(|table| ["update_feedback", "history"].contains(table)), "{name}");
        }
    }
}
