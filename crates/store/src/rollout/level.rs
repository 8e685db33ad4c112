//! How many devices of each hardware revision and batch are how far with a rollout. Kept in the transactions that move them, so that
//! it costs the same for a thousand devices and a million.

use super::count::Counted;
use crate::{Db, StoreResult, Tx};
use domain::{
    evidence::{Factor, Level},
    id::{BatchId, RolloutId},
    rollout::{ActionKind, ActionState, Evidence},
};

/// How many rows a count is spread over.
const SHARDS: i64 = 8;

queries! {
    ADD = "INSERT INTO level_count (rollout_id, wave, cohort, revision, batch_id, shard, under_way, retried, verified, failed, silent) \
           VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) \
           ON CONFLICT (rollout_id, wave, cohort, revision, batch_id, shard) DO UPDATE SET \
           under_way = level_count.under_way + excluded.under_way, retried = level_count.retried + excluded.retried, \
           verified = level_count.verified + excluded.verified, failed = level_count.failed + excluded.failed, \
           silent = level_count.silent + excluded.silent";
    OF = "SELECT wave, cohort, revision, (SELECT code FROM batch WHERE id = batch_id) AS batch, \
          CAST(SUM(under_way) AS BIGINT) AS under_way, CAST(SUM(retried) AS BIGINT) AS retried, CAST(SUM(verified) AS BIGINT) AS verified, \
          CAST(SUM(failed) AS BIGINT) AS failed, CAST(SUM(silent) AS BIGINT) AS silent \
          FROM level_count WHERE rollout_id = $1 \
          GROUP BY wave, cohort, revision, batch_id ORDER BY wave, cohort, revision, batch_id";
}

/// What a device is, as far as harm is traced to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Made<'a> {
    /// Its hardware revision when it was told.
    pub revision: &'a str,
    /// Its batch.
    pub batch: BatchId,
}

/// How many devices of a wave, a cohort, a revision and a batch are how far.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LevelCount {
    /// Their wave, from 0.
    pub wave: usize,
    /// Their cohort; 0 for none.
    pub cohort: usize,
    /// Their hardware revision.
    pub revision: String,
    /// Their batch's code.
    pub batch: String,
    /// How far they are; of how many there are in all nothing is known here.
    pub evidence: Evidence,
}

impl LevelCount {
    /// The levels that they are of.
    #[must_use]
    pub fn levels(&self) -> [Level; 2] {
        [Level::of(Factor::Revision, &self.revision), Level::of(Factor::Batch, &self.batch)]
    }
}

#[derive(sqlx::FromRow)]
struct Row {
    wave: i64,
    cohort: i64,
    revision: String,
    batch: String,
    under_way: i64,
    retried: i64,
    verified: i64,
    failed: i64,
    silent: i64,
}

/// What a state adds: under way, to be tried again, verified, failed, silent.
const fn places(state: ActionState) -> [i64; 5] {
    match state {
        ActionState::Verified => [0, 0, 1, 0, 0],
        ActionState::Failed | ActionState::Reverted => [0, 0, 0, 1, 0],
        ActionState::Silent => [0, 0, 0, 0, 1],
        // Whose user is asked was told of nothing: no gate knows it yet.
        ActionState::Cancelled | ActionState::WaitsForConfirmation => [0; 5],
        ActionState::Retried => [1, 1, 0, 0, 0],
        _ => [1, 0, 0, 0, 0],
    }
}

/// Moves a device from one state to another. Taking back is not counted, and steps on the way cost nothing.
///
/// # Errors
/// When the database fails.
pub async fn go(
    tx: &mut Tx,
    of: Counted,
    made: Made<'_>,
    from: Option<ActionState>,
    to: ActionState,
) -> StoreResult<()> {
    let (after, before) = (places(to), from.map_or([0; 5], places));
    if of.kind == ActionKind::Revert || after == before {
        return Ok(());
    }
    let number = |n: usize| i64::try_from(n).unwrap_or(i64::MAX);
    within!(tx, |executor| {
        let mut query = sqlx::query(ADD)
            .bind(of.rollout.0)
            .bind(number(of.wave))
            .bind(number(of.cohort))
            .bind(made.revision)
            .bind(made.batch.0)
            .bind(i64::from(of.device) % SHARDS);
        for (after, before) in after.into_iter().zip(before) {
            query = query.bind(after - before);
        }
        query.execute(executor).await.map(drop)
    })?;
    Ok(())
}

/// How many devices of a rollout are how far, by what they are.
///
/// # Errors
/// When the database fails.
pub async fn of(db: &Db, rollout: RolloutId) -> StoreResult<Vec<LevelCount>> {
    let rows: Vec<Row> = read!(db, |pool| sqlx::query_as(OF).bind(rollout.0).fetch_all(pool).await)?;
    let counted = |n: i64| u64::try_from(n).unwrap_or_default();
    let count = |row: Row| LevelCount {
        wave: usize::try_from(row.wave).unwrap_or_default(),
        cohort: usize::try_from(row.cohort).unwrap_or_default(),
        revision: row.revision,
        batch: row.batch,
        evidence: Evidence {
            under_way: counted(row.under_way),
            retried: counted(row.retried),
            verified: counted(row.verified),
            failed: counted(row.failed),
            silent: counted(row.silent),
            ..Evidence::default()
        },
    };
    Ok(rows.into_iter().map(count).collect())
}
