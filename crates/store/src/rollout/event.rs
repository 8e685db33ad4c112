//! What was done with a rollout: append only.

use crate::{Db, StoreResult, Tx};
use domain::{id::RolloutId, time::Timestamp};
use serde_json::Value;
use uuid::Uuid;

/// Something that was done with a rollout.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
pub struct RolloutEvent {
    /// When.
    pub at: Timestamp,
    /// By whom.
    pub actor: String,
    /// What: the word of a [`domain::rollout::Deed`], or `create`, `join`, `complete`.
    pub deed: String,
    /// Which wave it is about, from 0.
    pub wave: Option<usize>,
    /// It in a sentence.
    pub words: String,
    /// What it was decided by.
    pub detail: Value,
}

queries! {
    OF = "SELECT at, actor, deed, wave, words, detail FROM rollout_event WHERE rollout_id = $1 ORDER BY id DESC LIMIT $2";
    LAST = "SELECT detail FROM rollout_event WHERE rollout_id = $1 AND deed = $2 ORDER BY id DESC LIMIT 1";
    APPEND = "INSERT INTO rollout_event (rollout_id, id, at, actor, deed, wave, words, detail) \
              VALUES ($1, $2, $3, $4, $5, $6, $7, $8)";
}

/// What was done with a rollout, newest first.
///
/// # Errors
/// When the database fails.
pub async fn of(db: &Db, rollout: RolloutId, limit: i64) -> StoreResult<Vec<RolloutEvent>> {
    let rows: Vec<(i64, String, String, i64, String, String)> =
        read!(db, |pool| sqlx::query_as(OF).bind(rollout.0).bind(limit).fetch_all(pool).await)?;
    let event = |(at, actor, deed, wave, words, detail): (i64, String, String, i64, String, String)| RolloutEvent {
        at: Timestamp(at),
        actor,
        deed,
        wave: usize::try_from(wave).ok(),
        words,
        detail: serde_json::from_str(&detail).unwrap_or_default(),
    };
    Ok(rows.into_iter().map(event).collect())
}

/// What a deed was decided by, the last time that it was done with a rollout.
///
/// # Errors
/// When the database fails.
pub async fn last(db: &Db, rollout: RolloutId, deed: &str) -> StoreResult<Option<Value>> {
    let detail: Option<String> =
        read!(db, |pool| sqlx::query_scalar(LAST).bind(rollout.0).bind(deed).fetch_optional(pool).await)?;
    Ok(detail.map(|detail| serde_json::from_str(&detail).unwrap_or_default()))
}

/// The same, as the transaction sees it.
///
/// # Errors
/// When the database fails.
pub async fn last_within(tx: &mut Tx, rollout: RolloutId, deed: &str) -> StoreResult<Option<Value>> {
    let detail: Option<String> =
        within!(tx, |executor| sqlx::query_scalar(LAST).bind(rollout.0).bind(deed).fetch_optional(executor).await)?;
    Ok(detail.map(|detail| serde_json::from_str(&detail).unwrap_or_default()))
}

/// Appends what was done.
///
/// # Errors
/// When the database fails.
pub async fn append(tx: &mut Tx, rollout: RolloutId, event: &RolloutEvent) -> StoreResult<()> {
    let wave = event.wave.and_then(|wave| i64::try_from(wave).ok()).unwrap_or(-1);
    within!(tx, |executor| {
        sqlx::query(APPEND)
            .bind(rollout.0)
            .bind(Uuid::now_v7())
            .bind(event.at.0)
            .bind(&event.actor)
            .bind(&event.deed)
            .bind(wave)
            .bind(&event.words)
            .bind(event.detail.to_string())
            .execute(executor)
            .await
            .map(drop)
    })?;
    Ok(())
}
