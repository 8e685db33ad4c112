//! What keeps rules from doing too much at once, and what lets devices go again: how many of a model were cut off, and
//! which devices something speaks against that is about more than one.

use crate::{Db, StoreResult, Tx};
use domain::{
    id::{DeviceId, ModelId},
    time::Timestamp,
};
use uuid::Uuid;

queries! {
    CUT_OFF = "SELECT n FROM model_hold WHERE model_id = $1 AND since > $2";
    COUNT = "INSERT INTO model_hold (model_id, since, n) VALUES ($1, $2, 1) ON CONFLICT (model_id) DO UPDATE \
             SET n = CASE WHEN model_hold.since > $3 THEN model_hold.n + 1 ELSE 1 END, \
             since = CASE WHEN model_hold.since > $3 THEN model_hold.since ELSE excluded.since END";
    CAUSES = "SELECT cause FROM device_reason WHERE device_id = $1 ORDER BY cause";
    ADD = "INSERT INTO device_reason (cause, device_id) VALUES ($1, $2)";
    DROP = "DELETE FROM device_reason WHERE device_id = $1 AND cause = $2";
    SERIALS = "SELECT d.serial FROM device_reason r JOIN device d ON d.id = r.device_id WHERE r.cause = $1 \
               ORDER BY r.device_id LIMIT $2";
    DEVICES = "SELECT device_id FROM device_reason WHERE cause = $1 ORDER BY device_id LIMIT $2";
}

/// How many devices of a model rules cut off in the hour that is counted, if that began after `after`.
///
/// # Errors
/// When the database fails.
pub async fn cut_off(tx: &mut Tx, model: ModelId, after: Timestamp) -> StoreResult<i64> {
    let n: Option<i64> = within!(tx, |executor| {
        sqlx::query_scalar(CUT_OFF).bind(model.0).bind(after.0).fetch_optional(executor).await
    })?;
    Ok(n.unwrap_or_default())
}

/// Counts that a rule cut a device of a model off. What began at `after` or before is over.
///
/// # Errors
/// When the database fails.
pub async fn count(tx: &mut Tx, model: ModelId, now: Timestamp, after: Timestamp) -> StoreResult<()> {
    within!(tx, |executor| {
        sqlx::query(COUNT).bind(model.0).bind(now.0).bind(after.0).execute(executor).await.map(drop)
    })?;
    Ok(())
}

/// Keeps which causes that are about more than one device speak against this one; those of before are forgotten.
///
/// # Errors
/// When the database fails.
pub async fn put_causes(tx: &mut Tx, device: DeviceId, causes: &[&str]) -> StoreResult<()> {
    let known: Vec<String> =
        within!(tx, |executor| sqlx::query_scalar(CAUSES).bind(device.0).fetch_all(executor).await)?;
    for gone in known.iter().filter(|known| !causes.contains(&known.as_str())) {
        within!(tx, |executor| sqlx::query(DROP).bind(device.0).bind(gone).execute(executor).await.map(drop))?;
    }
    for new in causes.iter().filter(|cause| !known.iter().any(|known| known == *cause)) {
        within!(tx, |executor| sqlx::query(ADD).bind(*new).bind(device.0).execute(executor).await.map(drop))?;
    }
    Ok(())
}

/// Devices that a cause speaks against, at most `limit`.
///
/// # Errors
/// When the database fails.
pub async fn devices(db: &Db, cause: &str, limit: i64) -> StoreResult<Vec<DeviceId>> {
    let rows: Vec<Uuid> = read!(db, |pool| sqlx::query_scalar(DEVICES).bind(cause).bind(limit).fetch_all(pool).await)?;
    Ok(rows.into_iter().map(DeviceId).collect())
}

/// The serials of devices that a cause speaks against, at most `limit`.
///
/// # Errors
/// When the database fails.
pub async fn serials(db: &Db, cause: &str, limit: i64) -> StoreResult<Vec<String>> {
    Ok(read!(db, |pool| sqlx::query_scalar(SERIALS).bind(cause).bind(limit).fetch_all(pool).await)?)
}
