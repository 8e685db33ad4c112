//! The rules of models, by which what devices report is read and judged.

use crate::{Db, StoreResult, Tx};
use domain::id::ModelId;

/// A model's rules as they are written.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct ModelRule {
    /// What attributes mean.
    pub mapping: String,
    /// What is known of makers' addresses.
    pub makers: String,
    /// What follows from a suspicion, in JSON.
    pub policy: String,
    /// Grows with each change.
    pub version: i64,
    /// When it was changed last, in microseconds.
    pub changed_at: i64,
    /// By whom.
    pub changed_by: String,
}

queries! {
    RULE = "SELECT mapping, makers, policy, version, changed_at, changed_by FROM model_rule WHERE model_id = $1";
    PUT_RULE = "INSERT INTO model_rule (model_id, mapping, makers, policy, version, changed_at, changed_by) \
                VALUES ($1, $2, $3, $4, 1, $5, $6) ON CONFLICT (model_id) DO UPDATE SET mapping = excluded.mapping, \
                makers = excluded.makers, policy = excluded.policy, version = model_rule.version + 1, \
                changed_at = excluded.changed_at, changed_by = excluded.changed_by";
}

/// A model's rules, where they are not as usual.
///
/// # Errors
/// When the database fails.
pub async fn rule(db: &Db, model: ModelId) -> StoreResult<Option<ModelRule>> {
    Ok(read!(db, |pool| sqlx::query_as(RULE).bind(model.0).fetch_optional(pool).await)?)
}

/// The same, as the transaction sees it.
///
/// # Errors
/// When the database fails.
pub async fn rule_within(tx: &mut Tx, model: ModelId) -> StoreResult<Option<ModelRule>> {
    Ok(within!(tx, |executor| sqlx::query_as(RULE).bind(model.0).fetch_optional(executor).await)?)
}

/// Writes a model's rules.
///
/// # Errors
/// When the database fails.
pub async fn put_rule(tx: &mut Tx, model: ModelId, rule: &ModelRule) -> StoreResult<()> {
    within!(tx, |executor| {
        sqlx::query(PUT_RULE)
            .bind(model.0)
            .bind(&rule.mapping)
            .bind(&rule.makers)
            .bind(&rule.policy)
            .bind(rule.changed_at)
            .bind(&rule.changed_by)
            .execute(executor)
            .await
            .map(drop)
    })?;
    Ok(())
}
