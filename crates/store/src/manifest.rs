//! Manifests.

use crate::{Db, StoreResult, Tx};
use domain::{id::DeviceId, manifest::Manifest, time::Timestamp};

#[derive(sqlx::FromRow)]
struct Row {
    version: i64,
    hash: String,
    previous_hash: String,
    at: i64,
    reason: String,
}

impl From<Row> for Manifest {
    fn from(row: Row) -> Self {
        Self {
            version: row.version,
            hash: row.hash,
            previous_hash: row.previous_hash,
            at: Timestamp(row.at),
            reason: row.reason,
        }
    }
}

queries! {
    OF_DEVICE = "SELECT version, hash, previous_hash, at, reason FROM manifest WHERE device_id = $1 ORDER BY version";
}

const INSERT: &str = "INSERT INTO manifest (device_id, version, hash, previous_hash, at, reason)";

/// All manifest versions of a device, oldest first.
///
/// # Errors
/// When the database fails.
pub async fn of_device(db: &Db, device: DeviceId) -> StoreResult<Vec<Manifest>> {
    let rows: Vec<Row> = read!(db, |pool| sqlx::query_as(OF_DEVICE).bind(device.0).fetch_all(pool).await)?;
    Ok(rows.into_iter().map(Into::into).collect())
}

/// Records manifest versions.
///
/// # Errors
/// [`crate::StoreError::Exists`] when a device already has this version.
pub async fn insert_many(tx: &mut Tx, manifests: &[(DeviceId, Manifest)]) -> StoreResult<()> {
    insert_many!(tx, manifests, INSERT, 6, |query, row| query
        .bind(row.0.0)
        .bind(row.1.version)
        .bind(&row.1.hash)
        .bind(&row.1.previous_hash)
        .bind(row.1.at.0)
        .bind(&row.1.reason));
    Ok(())
}
