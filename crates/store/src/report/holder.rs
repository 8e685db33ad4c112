//! Which devices have an identifier: by what they report, and by what their manifests list.

use crate::{Db, StoreResult, Tx};
use domain::id::{BatchId, DeviceId};
use uuid::Uuid;

queries! {
    REPORTING = "SELECT d.id, d.serial, d.batch_id FROM (SELECT device_id FROM reported_part \
                 WHERE identifier_key = $1 AND device_id <> $2 ORDER BY batch_id, device_id LIMIT $3) AS few \
                 JOIN device d ON d.id = few.device_id WHERE d.trust NOT IN ('quarantined', 'revoked') \
                 AND d.lifecycle <> 'retired'";
    REPORTING_ANY = "SELECT d.id, d.serial, d.batch_id FROM (SELECT device_id FROM reported_part \
                     WHERE identifier_key = $1 AND device_id <> $2 ORDER BY batch_id, device_id LIMIT $3) AS few \
                     JOIN device d ON d.id = few.device_id WHERE d.lifecycle <> 'retired'";
    NOW = "SELECT d.id, d.serial, d.batch_id FROM (SELECT device_id FROM reported_part WHERE identifier_key = $1 \
           ORDER BY batch_id, device_id LIMIT $2) AS few JOIN device d ON d.id = few.device_id ORDER BY d.serial";
    KNOWN = "SELECT COUNT(*) FROM (SELECT device_id, fitted_version FROM component WHERE identifier_key = $1 LIMIT 100) AS c \
             JOIN device d ON d.id = c.device_id WHERE d.batch_id = $2 OR c.fitted_version > 1";
    LISTING = "SELECT d.id, d.serial, d.batch_id FROM (SELECT device_id, slot, removed_at FROM component \
               WHERE identifier_key = $1 LIMIT 100) AS c JOIN device d ON d.id = c.device_id \
               WHERE c.removed_at = 0 AND c.device_id <> $2 AND NOT EXISTS \
               (SELECT 1 FROM reported_part p WHERE p.device_id = c.device_id \
               AND (p.identifier_key = $1 OR p.slot = c.slot)) LIMIT $3";
}

/// A device that has an identifier.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct Holder {
    /// The device.
    pub id: Uuid,
    /// Its serial.
    pub serial: String,
    /// Its batch.
    pub batch_id: Uuid,
}

/// Of the first `limit` other devices that report an identifier, those that count: what is cut off or retired says
/// nothing against others.
///
/// # Errors
/// When the database fails.
pub async fn reporting(tx: &mut Tx, key: &str, but: DeviceId, limit: i64) -> StoreResult<Vec<Holder>> {
    Ok(within!(tx, |executor| {
        sqlx::query_as(REPORTING).bind(key).bind(but.0).bind(limit).fetch_all(executor).await
    })?)
}

/// The same with those that are cut off.
///
/// # Errors
/// When the database fails.
pub async fn reporting_any(tx: &mut Tx, key: &str, but: DeviceId, limit: i64) -> StoreResult<Vec<Holder>> {
    Ok(within!(tx, |executor| {
        sqlx::query_as(REPORTING_ANY).bind(key).bind(but.0).bind(limit).fetch_all(executor).await
    })?)
}

/// The devices that report an identifier by now, whatever became of them: `limit` of them, by serial.
///
/// # Errors
/// When the database fails.
pub async fn reporting_now(db: &Db, key: &str, limit: i64) -> StoreResult<Vec<Holder>> {
    Ok(read!(db, |pool| sqlx::query_as(NOW).bind(key).bind(limit).fetch_all(pool).await)?)
}

/// Whether a manifest of this batch ever listed an identifier, or a repair recorded it anywhere; as far as the first
/// hundred stays of that part show.
///
/// # Errors
/// When the database fails.
pub async fn is_known(tx: &mut Tx, key: &str, batch: BatchId) -> StoreResult<bool> {
    let n: i64 = within!(tx, |executor| sqlx::query_scalar(KNOWN).bind(key).bind(batch.0).fetch_one(executor).await)?;
    Ok(n > 0)
}

/// Other devices whose manifests list an identifier and that report nothing else in its place, at most `limit`, of the
/// first hundred manifests that list it. Those that report it are not among them.
///
/// # Errors
/// When the database fails.
pub async fn listing(tx: &mut Tx, key: &str, but: DeviceId, limit: i64) -> StoreResult<Vec<Holder>> {
    let rows =
        within!(tx, |executor| sqlx::query_as(LISTING).bind(key).bind(but.0).bind(limit).fetch_all(executor).await);
    Ok(rows?)
}
