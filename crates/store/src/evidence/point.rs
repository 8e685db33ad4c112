//! How estimates went: a few points of each series, for what is drawn.

use crate::{Db, StoreResult, Tx};
use domain::{id::RolloutId, time::Timestamp};

/// How many points of a series are kept. When there are so many, every second one goes.
pub const POINTS_MAX: usize = 300;

/// An estimate at a moment. Differences are those of means, from -1 to 1.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Point {
    /// The cohort that is compared with the control.
    pub cohort: usize,
    /// By which criterion, from 0.
    pub criterion: usize,
    /// When.
    pub at: Timestamp,
    /// By how many devices of both.
    pub n: u64,
    /// The difference, variant less control.
    pub difference: f64,
    /// From where on it may lie.
    pub low: f64,
    /// Up to where.
    pub high: f64,
}

queries! {
    PUT = "INSERT INTO evidence_point (rollout_id, cohort, criterion, at, n, difference, low, high) \
           VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT (rollout_id, cohort, criterion, at) DO UPDATE SET \
           n = excluded.n, difference = excluded.difference, low = excluded.low, high = excluded.high";
    OF = "SELECT cohort, criterion, at, n, difference, low, high FROM evidence_point WHERE rollout_id = $1 \
          ORDER BY cohort, criterion, at";
    TIMES = "SELECT at FROM evidence_point WHERE rollout_id = $1 AND cohort = $2 AND criterion = $3 ORDER BY at";
    DROP = "DELETE FROM evidence_point WHERE rollout_id = $1 AND cohort = $2 AND criterion = $3 AND at = $4";
}

fn number(n: usize) -> i64 {
    i64::try_from(n).unwrap_or(i64::MAX)
}

/// Keeps a point, and makes room when its series has as many as are kept: of the earlier ones every second one goes.
///
/// # Errors
/// When the database fails.
pub async fn put(tx: &mut Tx, rollout: RolloutId, point: &Point) -> StoreResult<()> {
    within!(tx, |executor| {
        sqlx::query(PUT)
            .bind(rollout.0)
            .bind(number(point.cohort))
            .bind(number(point.criterion))
            .bind(point.at.0)
            .bind(i64::try_from(point.n).unwrap_or(i64::MAX))
            .bind(point.difference)
            .bind(point.low)
            .bind(point.high)
            .execute(executor)
            .await
            .map(drop)
    })?;
    let (cohort, criterion) = (number(point.cohort), number(point.criterion));
    let times: Vec<i64> = within!(tx, |executor| {
        sqlx::query_scalar(TIMES).bind(rollout.0).bind(cohort).bind(criterion).fetch_all(executor).await
    })?;
    if times.len() > POINTS_MAX {
        for at in times.iter().skip(1).step_by(2).filter(|at| **at != point.at.0) {
            within!(tx, |executor| {
                let query = sqlx::query(DROP).bind(rollout.0).bind(cohort).bind(criterion).bind(at);
                query.execute(executor).await.map(drop)
            })?;
        }
    }
    Ok(())
}

/// The points of a rollout, by cohort, criterion and time.
///
/// # Errors
/// When the database fails.
pub async fn of(db: &Db, rollout: RolloutId) -> StoreResult<Vec<Point>> {
    let rows: Vec<(i64, i64, i64, i64, f64, f64, f64)> =
        read!(db, |pool| sqlx::query_as(OF).bind(rollout.0).fetch_all(pool).await)?;
    let point = |(cohort, criterion, at, n, difference, low, high): (i64, i64, i64, i64, f64, f64, f64)| Point {
        cohort: usize::try_from(cohort).unwrap_or_default(),
        criterion: usize::try_from(criterion).unwrap_or_default(),
        at: Timestamp(at),
        n: u64::try_from(n).unwrap_or_default(),
        difference,
        low,
        high,
    };
    Ok(rows.into_iter().map(point).collect())
}
