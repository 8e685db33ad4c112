//! What was foreseen of a rollout, and how it went: a point every so often, of which so many are kept.

use crate::{Db, StoreResult, Tx};
use domain::{id::RolloutId, time::Timestamp};

/// How far devices were with a rollout at a moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct CoursePoint {
    /// How many minutes after its start.
    pub minute: u64,
    /// How many had been told of it.
    pub told: u64,
    /// How many were verified.
    pub verified: u64,
    /// How many had failed or gone back.
    pub failed: u64,
    /// How many were silent.
    pub silent: u64,
}

queries! {
    PUT_FORECAST = "INSERT INTO rollout_forecast (rollout_id, at, forecast) VALUES ($1, $2, $3) \
                    ON CONFLICT (rollout_id) DO UPDATE SET at = excluded.at, forecast = excluded.forecast";
    FORECAST = "SELECT forecast FROM rollout_forecast WHERE rollout_id = $1";
    NOTE = "INSERT INTO rollout_course (rollout_id, minute, told, verified, failed, silent) VALUES ($1, $2, $3, $4, $5, $6) \
            ON CONFLICT (rollout_id, minute) DO NOTHING";
    THIN = "DELETE FROM rollout_course WHERE rollout_id = $1 AND minute % $2 <> 0";
    OF = "SELECT minute, told, verified, failed, silent FROM rollout_course WHERE rollout_id = $1 ORDER BY minute";
}

/// Keeps what was foreseen of a rollout that is submitted, in place of what was foreseen of it before.
///
/// # Errors
/// When the database fails.
pub async fn put_forecast(tx: &mut Tx, rollout: RolloutId, at: Timestamp, forecast: &str) -> StoreResult<()> {
    within!(tx, |executor| {
        sqlx::query(PUT_FORECAST).bind(rollout.0).bind(at.0).bind(forecast).execute(executor).await.map(drop)
    })?;
    Ok(())
}

/// What was foreseen of a rollout, as it was kept.
///
/// # Errors
/// When the database fails.
pub async fn forecast(db: &Db, rollout: RolloutId) -> StoreResult<Option<String>> {
    Ok(read!(db, |pool| sqlx::query_scalar(FORECAST).bind(rollout.0).fetch_optional(pool).await)?)
}

/// The same, as the transaction sees it.
///
/// # Errors
/// When the database fails.
pub async fn forecast_within(tx: &mut Tx, rollout: RolloutId) -> StoreResult<Option<String>> {
    Ok(within!(tx, |executor| sqlx::query_scalar(FORECAST).bind(rollout.0).fetch_optional(executor).await)?)
}

fn number(n: u64) -> i64 {
    i64::try_from(n).unwrap_or(i64::MAX)
}

/// Notes how far a rollout is, unless that was noted of this minute, and forgets what lies between every `step` minutes.
///
/// # Errors
/// When the database fails.
pub async fn note(tx: &mut Tx, rollout: RolloutId, point: &CoursePoint, step: u64) -> StoreResult<()> {
    within!(tx, |executor| {
        sqlx::query(NOTE)
            .bind(rollout.0)
            .bind(number(point.minute))
            .bind(number(point.told))
            .bind(number(point.verified))
            .bind(number(point.failed))
            .bind(number(point.silent))
            .execute(&mut *executor)
            .await?;
        sqlx::query(THIN).bind(rollout.0).bind(number(step.max(1))).execute(executor).await.map(drop)
    })?;
    Ok(())
}

/// How a rollout went, in the order of time.
///
/// # Errors
/// When the database fails.
pub async fn of(db: &Db, rollout: RolloutId) -> StoreResult<Vec<CoursePoint>> {
    let rows: Vec<(i64, i64, i64, i64, i64)> =
        read!(db, |pool| sqlx::query_as(OF).bind(rollout.0).fetch_all(pool).await)?;
    let n = |n: i64| u64::try_from(n).unwrap_or_default();
    let point = |(minute, told, verified, failed, silent): (i64, i64, i64, i64, i64)| CoursePoint {
        minute: n(minute),
        told: n(told),
        verified: n(verified),
        failed: n(failed),
        silent: n(silent),
    };
    Ok(rows.into_iter().map(point).collect())
}
