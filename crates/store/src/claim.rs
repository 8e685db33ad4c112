//! Claiming: which code a device's label carries, and what all codes are derived from.

use crate::{Db, StoreResult, Tx};
use domain::id::DeviceId;
use std::collections::{HashMap, HashSet};
use uuid::Uuid;

/// Under which key the sealed secret stands among the settings.
const SECRET: &str = "claim.secret";

queries! {
    GENERATION = "SELECT generation FROM claim WHERE device_id = $1";
    NEXT = "INSERT INTO claim (device_id, generation) VALUES ($1, 1) \
            ON CONFLICT (device_id) DO UPDATE SET generation = claim.generation + 1";
    SECRET_OF = "SELECT value FROM setting WHERE key = $1";
    KEEP = "INSERT INTO setting (key, value) VALUES ($1, $2) ON CONFLICT (key) DO NOTHING";
}

/// How often a device's label was spoilt; 0 for a device without a row.
///
/// # Errors
/// When the database fails.
pub async fn generation(db: &Db, device: DeviceId) -> StoreResult<i64> {
    let found: Option<i64> =
        read!(db, |pool| sqlx::query_scalar(GENERATION).bind(device.0).fetch_optional(pool).await)?;
    Ok(found.unwrap_or_default())
}

/// The same, as the transaction sees it.
///
/// # Errors
/// When the database fails.
pub async fn generation_within(tx: &mut Tx, device: DeviceId) -> StoreResult<i64> {
    let found: Option<i64> =
        within!(tx, |executor| sqlx::query_scalar(GENERATION).bind(device.0).fetch_optional(executor).await)?;
    Ok(found.unwrap_or_default())
}

/// The same of many devices; those without a row are left out.
///
/// # Errors
/// When the database fails.
pub async fn generations(db: &Db, devices: &[DeviceId]) -> StoreResult<HashMap<DeviceId, i64>> {
    let mut out = HashMap::new();
    for chunk in devices.chunks(crate::db::MAX_BINDS) {
        let places = crate::db::list_sql(db, chunk.len());
        let sql = format!("SELECT device_id, generation FROM claim WHERE device_id IN ({places})");
        let rows: Vec<(Uuid, i64)> = read!(db, |pool| {
            let mut query = sqlx::query_as(sqlx::AssertSqlSafe(sql));
            for id in chunk {
                query = query.bind(id.0);
            }
            query.fetch_all(pool).await
        })?;
        out.extend(rows.into_iter().map(|(id, generation)| (DeviceId(id), generation)));
    }
    Ok(out)
}

/// Those of many devices in whose history a claim stands, whether it still counts or not.
///
/// # Errors
/// When the database fails.
pub async fn ever_claimed(db: &Db, devices: &[DeviceId]) -> StoreResult<HashSet<DeviceId>> {
    let mut out = HashSet::new();
    for chunk in devices.chunks(crate::db::MAX_BINDS) {
        let places = crate::db::list_sql(db, chunk.len());
        let sql = format!("SELECT DISTINCT device_id FROM history WHERE device_id IN ({places}) AND kind = 'claimed'");
        let rows: Vec<Uuid> = read!(db, |pool| {
            let mut query = sqlx::query_scalar(sqlx::AssertSqlSafe(sql));
            for id in chunk {
                query = query.bind(id.0);
            }
            query.fetch_all(pool).await
        })?;
        out.extend(rows.into_iter().map(DeviceId));
    }
    Ok(out)
}

/// Spoils a device's label: from now on another code counts.
///
/// # Errors
/// When the database fails.
pub async fn next_generation(tx: &mut Tx, device: DeviceId) -> StoreResult<()> {
    within!(tx, |executor| sqlx::query(NEXT).bind(device.0).execute(executor).await.map(drop))?;
    Ok(())
}

/// What all codes are derived from: a sealed key, as PEM.
///
/// # Errors
/// When the database fails.
pub async fn secret(db: &Db) -> StoreResult<Option<String>> {
    Ok(read!(db, |pool| sqlx::query_scalar(SECRET_OF).bind(SECRET).fetch_optional(pool).await)?)
}

/// Keeps it, unless another node was first.
///
/// # Errors
/// When the database fails.
pub async fn keep_secret(tx: &mut Tx, sealed: &str) -> StoreResult<()> {
    within!(tx, |executor| sqlx::query(KEEP).bind(SECRET).bind(sealed).execute(executor).await.map(drop))?;
    Ok(())
}
