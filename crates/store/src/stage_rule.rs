//! What models ask of releases before they may enter a stage.

use crate::{Db, StoreError, StoreResult, Tx};
use domain::{
    id::ModelId,
    release::{Stage, StageRule},
    time::Timestamp,
};

/// A model's rule for a stage, and who wrote it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeptRule {
    /// For which stage.
    pub stage: Stage,
    /// What it asks for.
    pub rule: StageRule,
    /// When it was changed last.
    pub changed_at: Timestamp,
    /// By whom.
    pub changed_by: String,
}

#[derive(sqlx::FromRow)]
struct Row {
    stage: String,
    checks: String,
    soak_hours: i64,
    verified: i64,
    second_person: i64,
    changed_at: i64,
    changed_by: String,
}

impl TryFrom<Row> for KeptRule {
    type Error = StoreError;
    fn try_from(row: Row) -> StoreResult<Self> {
        Ok(Self {
            stage: row.stage.parse().map_err(|e| StoreError::corrupt("stage_rule.stage", e))?,
            rule: StageRule {
                checks: serde_json::from_str(&row.checks).map_err(|e| StoreError::corrupt("stage_rule.checks", e))?,
                soak_hours: row.soak_hours,
                verified: row.verified,
                second_person: row.second_person != 0,
            },
            changed_at: Timestamp(row.changed_at),
            changed_by: row.changed_by,
        })
    }
}

queries! {
    OF_MODEL = "SELECT stage, checks, soak_hours, verified, second_person, changed_at, changed_by FROM stage_rule \
                WHERE model_id = $1";
    PUT = "INSERT INTO stage_rule (model_id, stage, checks, soak_hours, verified, second_person, changed_at, changed_by) \
           VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT (model_id, stage) DO UPDATE SET checks = excluded.checks, \
           soak_hours = excluded.soak_hours, verified = excluded.verified, second_person = excluded.second_person, \
           changed_at = excluded.changed_at, changed_by = excluded.changed_by";
}

/// A model's rules, where they are not as usual.
///
/// # Errors
/// When the database fails.
pub async fn of_model(db: &Db, model: ModelId) -> StoreResult<Vec<KeptRule>> {
    let rows: Vec<Row> = read!(db, |pool| sqlx::query_as(OF_MODEL).bind(model.0).fetch_all(pool).await)?;
    rows.into_iter().map(TryInto::try_into).collect()
}

/// The same, as the transaction sees them.
///
/// # Errors
/// When the database fails.
pub async fn of_model_within(tx: &mut Tx, model: ModelId) -> StoreResult<Vec<KeptRule>> {
    let rows: Vec<Row> = within!(tx, |executor| sqlx::query_as(OF_MODEL).bind(model.0).fetch_all(executor).await)?;
    rows.into_iter().map(TryInto::try_into).collect()
}

/// Writes a model's rule for a stage.
///
/// # Errors
/// When the database fails.
pub async fn put(tx: &mut Tx, model: ModelId, kept: &KeptRule) -> StoreResult<()> {
    let checks = serde_json::to_string(&kept.rule.checks).unwrap_or_default();
    within!(tx, |executor| {
        sqlx::query(PUT)
            .bind(model.0)
            .bind(kept.stage.as_str())
            .bind(checks)
            .bind(kept.rule.soak_hours)
            .bind(kept.rule.verified)
            .bind(i64::from(kept.rule.second_person))
            .bind(kept.changed_at.0)
            .bind(&kept.changed_by)
            .execute(executor)
            .await
            .map(drop)
    })?;
    Ok(())
}
