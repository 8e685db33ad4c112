//! The devices that a custodian ever had.

use crate::{Db, StoreResult, device::Row as DeviceRow};
use domain::{
    device::Device,
    id::{BatchId, CustodianId, DeviceId},
};
use uuid::Uuid;

queries! {
    // Word for word what the index says, or it is not used.
    HAD_BY = "SELECT DISTINCT device_id FROM history \
              WHERE kind IN ('shipped', 'received', 'claimed', 'transferred', 'returned') \
              AND COALESCE(event->'by'->>'id', event->'to'->>'id') = $1 AND device_id > $2 \
              ORDER BY device_id LIMIT $3";
    CARRIED_BY = "SELECT DISTINCT device_id FROM history \
                  WHERE kind = 'shipped' AND (event->'carrier'->>'id') IS NOT NULL \
                  AND (event->'carrier'->>'id') = $1 AND device_id > $2 ORDER BY device_id LIMIT $3";
    BATCHES_OF = "SELECT id FROM batch WHERE factory_id = $1 AND id > $2 ORDER BY id LIMIT 1";
}

/// The devices after an id that were sent or given to a custodian or carried by it, in the order of their ids.
///
/// # Errors
/// When the database fails.
pub async fn had_by(db: &Db, custodian: CustodianId, after: DeviceId, limit: i64) -> StoreResult<Vec<Device>> {
    let party = custodian.to_string();
    let mut ids: Vec<Uuid> =
        read!(db, |pool| sqlx::query_scalar(HAD_BY).bind(&party).bind(after.0).bind(limit).fetch_all(pool).await)?;
    let carried: Vec<Uuid> =
        read!(db, |pool| sqlx::query_scalar(CARRIED_BY).bind(&party).bind(after.0).bind(limit).fetch_all(pool).await)?;
    ids.extend(carried);
    ids.sort_unstable();
    ids.dedup();
    ids.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let sql = format!(
        "SELECT {} FROM device d WHERE d.id IN ({}) ORDER BY d.id",
        crate::device::COLUMNS,
        crate::db::list_sql(db, ids.len())
    );
    let rows: Vec<DeviceRow> = read!(db, |pool| {
        let mut query = sqlx::query_as(sqlx::AssertSqlSafe(sql));
        for id in &ids {
            query = query.bind(*id);
        }
        query.fetch_all(pool).await
    })?;
    rows.into_iter().map(TryInto::try_into).collect()
}

/// The batch of a factory that comes after another in the order of ids.
///
/// # Errors
/// When the database fails.
pub async fn batch_after(db: &Db, factory: CustodianId, after: BatchId) -> StoreResult<Option<BatchId>> {
    let found: Option<Uuid> =
        read!(db, |pool| sqlx::query_scalar(BATCHES_OF).bind(factory.0).bind(after.0).fetch_optional(pool).await)?;
    Ok(found.map(BatchId))
}
