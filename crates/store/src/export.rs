//! Reading much at once, in pages, for exports.

use crate::{Db, StoreError, StoreResult, device::Row as DeviceRow};
use domain::{
    device::Device,
    history::{Entry, Event},
    id::{BatchId, DeviceId, HistoryId},
    time::Timestamp,
};
use sqlx::types::Json;
use std::collections::HashMap;
use uuid::Uuid;

queries! {
    OF_BATCH = "SELECT d.id, d.serial, d.model_id, d.hardware_revision, d.batch_id, d.factory_id, d.custodian_id, \
                d.place, d.lifecycle, d.trust, d.channel, d.firmware, d.made_at, d.last_seen_at, d.certificate_serial, \
                d.certificate_not_after, d.manifest_version, d.manifest_hash \
                FROM device d WHERE d.batch_id = $1 AND d.serial > $2 ORDER BY d.serial LIMIT $3";
}

/// Devices of a batch after a serial, in the order of serials.
///
/// # Errors
/// When the database fails.
pub async fn of_batch(db: &Db, batch: BatchId, after: &str, limit: i64) -> StoreResult<Vec<Device>> {
    let rows: Vec<DeviceRow> =
        read!(db, |pool| sqlx::query_as(OF_BATCH).bind(batch.0).bind(after).bind(limit).fetch_all(pool).await)?;
    rows.into_iter().map(TryInto::try_into).collect()
}

#[derive(sqlx::FromRow)]
struct EntryRow {
    device_id: Uuid,
    at: i64,
    id: Uuid,
    recorded_at: i64,
    actor: String,
    place: String,
    event: Json<Event>,
    epcis_event_id: Option<String>,
}

/// The whole histories of some devices, each oldest first.
///
/// # Errors
/// When the database fails.
pub async fn histories(db: &Db, devices: &[DeviceId]) -> StoreResult<HashMap<DeviceId, Vec<Entry>>> {
    let mut out: HashMap<DeviceId, Vec<Entry>> = HashMap::new();
    for chunk in devices.chunks(crate::db::MAX_BINDS) {
        let sql = format!(
            "SELECT device_id, at, id, recorded_at, actor, place, event, epcis_event_id FROM history \
             WHERE device_id IN ({}) ORDER BY device_id, at, id",
            crate::db::list_sql(db, chunk.len())
        );
        let rows: Vec<EntryRow> = read!(db, |pool| {
            let mut query = sqlx::query_as(sqlx::AssertSqlSafe(sql));
            for device in chunk {
                query = query.bind(device.0);
            }
            query.fetch_all(pool).await
        })?;
        for row in rows {
            let entry = Entry {
                id: HistoryId(row.id),
                at: Timestamp(row.at),
                recorded_at: Timestamp(row.recorded_at),
                actor: row.actor,
                place: row.place,
                event: row.event.0,
                epcis_event_id: row.epcis_event_id,
            };
            out.entry(DeviceId(row.device_id)).or_default().push(entry);
        }
    }
    Ok(out)
}

/// An EPCIS event as it came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RawEvent {
    /// The event, as JSON.
    pub raw: String,
    /// The prefixes that its document declared, as a JSON object, or empty.
    pub context: String,
}

/// EPCIS events as they came, by their identifiers.
///
/// # Errors
/// When the database fails.
pub async fn raw_events(db: &Db, ids: &[&str]) -> StoreResult<HashMap<String, RawEvent>> {
    let mut out = HashMap::new();
    for chunk in ids.chunks(crate::db::MAX_BINDS) {
        let sql = format!(
            "SELECT event_id, raw, context FROM epcis_event WHERE event_id IN ({})",
            crate::db::list_sql(db, chunk.len())
        );
        let rows: Vec<(String, String, String)> = read!(db, |pool| {
            let mut query = sqlx::query_as(sqlx::AssertSqlSafe(sql));
            for id in chunk {
                query = query.bind(*id);
            }
            query.fetch_all(pool).await.map_err(StoreError::from)
        })?;
        out.extend(rows.into_iter().map(|(id, raw, context)| (id, RawEvent { raw, context })));
    }
    Ok(out)
}
