//! How many devices are how far with a rollout. Kept in the transactions that move them, so that it costs the same for a
//! thousand devices and a million.

use crate::{Db, StoreError, StoreResult, Tx};
use domain::{
    id::RolloutId,
    rollout::{ActionKind, ActionState},
    time::Timestamp,
};

/// How many rows a count is spread over.
const SHARDS: i64 = 16;

queries! {
    ADD = "INSERT INTO rollout_count (rollout_id, kind, wave, cohort, state, shard, n) VALUES ($1, $2, $3, $4, $5, $6, $7) \
           ON CONFLICT (rollout_id, kind, wave, cohort, state, shard) DO UPDATE SET n = rollout_count.n + excluded.n";
    OF = "SELECT kind, wave, cohort, state, CAST(SUM(n) AS BIGINT) FROM rollout_count WHERE rollout_id = $1 \
          GROUP BY kind, wave, cohort, state ORDER BY kind, wave, cohort, state";
    FAIL = "INSERT INTO rollout_failure (rollout_id, code, revision, n, reason, last_at) VALUES ($1, $2, $3, 1, $4, $5) \
            ON CONFLICT (rollout_id, code, revision) DO UPDATE SET n = rollout_failure.n + 1, reason = excluded.reason, \
            last_at = excluded.last_at";
    FAILURES = "SELECT code, revision, n, reason, last_at FROM rollout_failure WHERE rollout_id = $1 \
                ORDER BY n DESC, code, revision LIMIT $2";
}

/// Of which devices something is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Counted {
    /// The rollout.
    pub rollout: RolloutId,
    /// What their actions are for.
    pub kind: ActionKind,
    /// Their wave.
    pub wave: usize,
    /// Their cohort.
    pub cohort: usize,
    /// The device's number, which chooses the shard.
    pub device: u32,
}

/// How many devices of a wave and a cohort are how far.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RolloutCount {
    /// What their actions are for.
    pub kind: ActionKind,
    /// Their wave, from 0.
    pub wave: usize,
    /// Their cohort; 0 for none.
    pub cohort: usize,
    /// How far they are.
    pub state: ActionState,
    /// How many.
    pub n: u64,
}

/// Failures that are alike.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct FailureCluster {
    /// The client's code, or what it said without numbers.
    pub code: String,
    /// The hardware revision.
    pub revision: String,
    /// How often.
    pub n: u64,
    /// What the last of these devices said.
    pub reason: String,
    /// When.
    pub last_at: Timestamp,
}

fn number(n: usize) -> i64 {
    i64::try_from(n).unwrap_or(i64::MAX)
}

/// Moves a device from one state to another, in one order, so that two writers can't wait for each other in a circle.
///
/// # Errors
/// When the database fails.
pub async fn go(tx: &mut Tx, of: Counted, from: Option<ActionState>, to: ActionState) -> StoreResult<()> {
    if from == Some(to) {
        return Ok(());
    }
    let mut steps = vec![(to, 1_i64)];
    steps.extend(from.map(|from| (from, -1)));
    steps.sort_by_key(|(state, _)| state.as_str());
    let shard = i64::from(of.device) % SHARDS;
    for (state, n) in steps {
        within!(tx, |executor| {
            sqlx::query(ADD)
                .bind(of.rollout.0)
                .bind(of.kind.as_str())
                .bind(number(of.wave))
                .bind(number(of.cohort))
                .bind(state.as_str())
                .bind(shard)
                .bind(n)
                .execute(executor)
                .await
                .map(drop)
        })?;
    }
    Ok(())
}

/// How many devices of a rollout are how far.
///
/// # Errors
/// When the database fails.
pub async fn of(db: &Db, rollout: RolloutId) -> StoreResult<Vec<RolloutCount>> {
    let rows: Vec<(String, i64, i64, String, i64)> =
        read!(db, |pool| sqlx::query_as(OF).bind(rollout.0).fetch_all(pool).await)?;
    let count = |(kind, wave, cohort, state, n): (String, i64, i64, String, i64)| {
        Ok(RolloutCount {
            kind: kind.parse().map_err(|e| StoreError::corrupt("rollout_count.kind", e))?,
            wave: usize::try_from(wave).unwrap_or_default(),
            cohort: usize::try_from(cohort).unwrap_or_default(),
            state: state.parse().map_err(|e| StoreError::corrupt("rollout_count.state", e))?,
            n: u64::try_from(n).unwrap_or_default(),
        })
    };
    rows.into_iter().map(count).filter(|count| count.as_ref().map_or(true, |count| count.n > 0)).collect()
}

/// Counts a failure.
///
/// # Errors
/// When the database fails.
pub async fn fail(
    tx: &mut Tx,
    rollout: RolloutId,
    (code, revision): (&str, &str),
    reason: &str,
    at: Timestamp,
) -> StoreResult<()> {
    within!(tx, |executor| {
        let query = sqlx::query(FAIL).bind(rollout.0).bind(code).bind(revision).bind(reason).bind(at.0);
        query.execute(executor).await.map(drop)
    })?;
    Ok(())
}

/// Failures that are alike, most first.
///
/// # Errors
/// When the database fails.
pub async fn failures(db: &Db, rollout: RolloutId, limit: i64) -> StoreResult<Vec<FailureCluster>> {
    let rows: Vec<(String, String, i64, String, i64)> =
        read!(db, |pool| sqlx::query_as(FAILURES).bind(rollout.0).bind(limit).fetch_all(pool).await)?;
    let cluster = |(code, revision, n, reason, last_at): (String, String, i64, String, i64)| FailureCluster {
        code,
        revision,
        n: u64::try_from(n).unwrap_or_default(),
        reason,
        last_at: Timestamp(last_at),
    };
    Ok(rows.into_iter().map(cluster).collect())
}
