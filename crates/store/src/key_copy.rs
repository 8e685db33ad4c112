//! Devices that came with one key, whether they got a certificate for it or not.

use crate::{StoreResult, Tx};
use domain::id::BatchId;
use uuid::Uuid;

queries! {
    ADD = "INSERT INTO key_copy (public_key_sha256, device_serial, batch_id) VALUES ($1, $2, $3) \
           ON CONFLICT (public_key_sha256, device_serial) DO NOTHING";
    COUNT = "INSERT INTO key_count (public_key_sha256, batch_id, n) VALUES ($1, $2, 1) \
             ON CONFLICT (public_key_sha256, batch_id) DO UPDATE SET n = key_count.n + 1";
    COUNTS = "SELECT batch_id, n FROM key_count WHERE public_key_sha256 = $1 ORDER BY batch_id LIMIT $2";
    SERIALS = "SELECT device_serial FROM key_copy WHERE public_key_sha256 = $1 ORDER BY device_serial LIMIT $2";
    BATCH_OF_OWNER = "SELECT a.batch_id FROM certificate c JOIN authority a ON a.id = c.authority_id \
                      WHERE c.device_serial = $1 AND c.public_key_sha256 = $2 AND a.batch_id IS NOT NULL LIMIT 1";
}

/// Notes that a device of a batch came with a key. The same device again counts once.
///
/// # Errors
/// When the database fails.
pub async fn add(tx: &mut Tx, key: &str, serial: &str, batch: BatchId) -> StoreResult<()> {
    let new = within!(tx, |executor| {
        let query = sqlx::query(ADD).bind(key).bind(serial).bind(batch.0);
        query.execute(executor).await.map(|done| done.rows_affected())
    })?;
    if new == 1 {
        within!(tx, |executor| sqlx::query(COUNT).bind(key).bind(batch.0).execute(executor).await.map(drop))?;
    }
    Ok(())
}

/// How many devices of which batch came with a key; of at most `limit` batches.
///
/// # Errors
/// When the database fails.
pub async fn counts(tx: &mut Tx, key: &str, limit: i64) -> StoreResult<Vec<(BatchId, i64)>> {
    let rows: Vec<(Uuid, i64)> =
        within!(tx, |executor| sqlx::query_as(COUNTS).bind(key).bind(limit).fetch_all(executor).await)?;
    Ok(rows.into_iter().map(|(batch, n)| (BatchId(batch), n)).collect())
}

/// The serials of the first devices that came with a key.
///
/// # Errors
/// When the database fails.
pub async fn serials(tx: &mut Tx, key: &str, limit: i64) -> StoreResult<Vec<String>> {
    Ok(within!(tx, |executor| sqlx::query_scalar(SERIALS).bind(key).bind(limit).fetch_all(executor).await)?)
}

/// The batch whose authority signed for a device with this key.
///
/// # Errors
/// When the database fails.
pub async fn batch_of_owner(tx: &mut Tx, serial: &str, key: &str) -> StoreResult<Option<BatchId>> {
    let found: Option<Option<Uuid>> = within!(tx, |executor| {
        sqlx::query_scalar(BATCH_OF_OWNER).bind(serial).bind(key).fetch_optional(executor).await
    })?;
    Ok(found.flatten().map(BatchId))
}
