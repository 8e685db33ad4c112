//! Certificates of a batch and the devices that were delivered of it, held against each other.

use super::{COLUMNS, Row};
use crate::{Db, StoreResult, Tx};
use domain::{certificate::Certificate, id::BatchId};
use uuid::Uuid;

queries! {
    UNDELIVERED = concat!("SELECT ", columns!(), " FROM certificate c JOIN authority a ON a.id = c.authority_id \
                   WHERE a.batch_id = $1 AND c.purpose = 'device' AND c.device_id IS NULL ORDER BY c.id LIMIT $2");
    ISSUED_IN_BATCH = "SELECT COUNT(DISTINCT c.device_serial) FROM certificate c JOIN authority a ON a.id = c.authority_id \
                       WHERE a.batch_id = $1 AND c.purpose = 'device'";
    UNDELIVERED_IN_BATCH = "SELECT COUNT(DISTINCT c.device_serial) FROM certificate c \
                            JOIN authority a ON a.id = c.authority_id \
                            WHERE a.batch_id = $1 AND c.purpose = 'device' AND c.device_id IS NULL";
    WITHOUT = "SELECT d.serial FROM device d WHERE d.batch_id = $1 AND NOT EXISTS \
               (SELECT 1 FROM certificate c WHERE c.device_serial = d.serial) AND NOT EXISTS \
               (SELECT 1 FROM device_token t WHERE t.device_id = d.id) ORDER BY d.serial LIMIT $2";
}

/// The certificates of these serials whose devices are not known yet, with the batch of their authority.
///
/// # Errors
/// When the database fails.
pub async fn awaiting(tx: &mut Tx, serials: &[&str]) -> StoreResult<Vec<(Certificate, Option<BatchId>, String)>> {
    let mut out = Vec::new();
    for chunk in serials.chunks(crate::db::INSERT_ROWS) {
        let sql = format!(
            "SELECT {COLUMNS}, a.batch_id, a.name AS authority_name FROM certificate c \
             JOIN authority a ON a.id = c.authority_id \
             WHERE c.device_id IS NULL AND c.purpose = 'device' AND c.device_serial IN ({}) ORDER BY c.issued_at, c.id",
            crate::db::placeholders(chunk.len())
        );
        let rows: Vec<AwaitingRow> = within!(tx, |executor| {
            let mut query = sqlx::query_as(sqlx::AssertSqlSafe(sql));
            for serial in chunk {
                query = query.bind(*serial);
            }
            query.fetch_all(executor).await
        })?;
        for row in rows {
            out.push((row.certificate.try_into()?, row.batch_id.map(BatchId), row.authority_name));
        }
    }
    Ok(out)
}

#[derive(sqlx::FromRow)]
struct AwaitingRow {
    #[sqlx(flatten)]
    certificate: Row,
    batch_id: Option<Uuid>,
    authority_name: String,
}

/// Certificates of a batch whose devices were not delivered, oldest first.
///
/// # Errors
/// When the database fails.
pub async fn undelivered(db: &Db, batch: BatchId, limit: i64) -> StoreResult<Vec<Certificate>> {
    let rows: Vec<Row> =
        search!(db, |pool| sqlx::query_as(UNDELIVERED).bind(batch.0).bind(limit).fetch_all(pool).await)?;
    rows.into_iter().map(TryInto::try_into).collect()
}

/// For how many devices of a batch certificates were issued, and how many of these devices were not delivered.
///
/// # Errors
/// When the database fails.
pub async fn issued_in_batch(db: &Db, batch: BatchId) -> StoreResult<(i64, i64)> {
    let issued = search!(db, |pool| sqlx::query_scalar(ISSUED_IN_BATCH).bind(batch.0).fetch_one(pool).await)?;
    let undelivered = search!(db, |pool| sqlx::query_scalar(UNDELIVERED_IN_BATCH).bind(batch.0).fetch_one(pool).await)?;
    Ok((issued, undelivered))
}

/// The serials of a batch's devices for which no certificate was ever issued.
///
/// # Errors
/// When the database fails.
pub async fn without(db: &Db, batch: BatchId, limit: i64) -> StoreResult<Vec<String>> {
    Ok(search!(db, |pool| sqlx::query_scalar(WITHOUT).bind(batch.0).bind(limit).fetch_all(pool).await)?)
}
