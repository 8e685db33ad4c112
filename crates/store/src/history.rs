//! History: append only.

use crate::{Db, StoreError, StoreResult, Tx};
use domain::{
    history::{Entry, Event},
    id::{DeviceId, HistoryId},
    time::Timestamp,
};
use sqlx::types::Json;
use uuid::Uuid;

#[derive(sqlx::FromRow)]
struct Row {
    at: i64,
    id: Uuid,
    recorded_at: i64,
    actor: String,
    place: String,
    event: Json<Event>,
    epcis_event_id: Option<String>,
}

impl From<Row> for Entry {
    fn from(row: Row) -> Self {
        Self {
            id: HistoryId(row.id),
            at: Timestamp(row.at),
            recorded_at: Timestamp(row.recorded_at),
            actor: row.actor,
            place: row.place,
            event: row.event.0,
            epcis_event_id: row.epcis_event_id,
        }
    }
}

queries! {
    OF_DEVICE = "SELECT at, id, recorded_at, actor, place, event, epcis_event_id FROM history \
                 WHERE device_id = $1 ORDER BY at, id";
    RAW_EPCIS = "SELECT raw FROM epcis_event WHERE event_id = $1";
    KEEP_EPCIS = "INSERT INTO epcis_event (event_id, raw, import_id, recorded_at) VALUES ($1, $2, $3, $4) \
                  ON CONFLICT (event_id) DO NOTHING";
    KNOWN_EPCIS = "SELECT COUNT(*) FROM history WHERE device_id = $1 AND epcis_event_id = $2";
}

const INSERT: &str = "INSERT INTO history (device_id, at, id, recorded_at, kind, actor, place, event, epcis_event_id)";

/// The whole history of a device, oldest first.
///
/// # Errors
/// When the database fails.
pub async fn of_device(db: &Db, device: DeviceId) -> StoreResult<Vec<Entry>> {
    let rows: Vec<Row> = read!(db, |pool| sqlx::query_as(OF_DEVICE).bind(device.0).fetch_all(pool).await)?;
    Ok(rows.into_iter().map(Into::into).collect())
}

/// The whole history of a device, as the transaction sees it.
///
/// # Errors
/// When the database fails.
pub async fn of_device_within(tx: &mut Tx, device: DeviceId) -> StoreResult<Vec<Entry>> {
    let rows: Vec<Row> = within!(tx, |executor| sqlx::query_as(OF_DEVICE).bind(device.0).fetch_all(executor).await)?;
    Ok(rows.into_iter().map(Into::into).collect())
}

/// Appends entries, of any devices.
///
/// # Errors
/// [`StoreError::Exists`] when a device already has an entry of the same EPCIS event.
pub async fn insert_many(tx: &mut Tx, entries: &[(DeviceId, Entry)]) -> StoreResult<()> {
    insert_many!(tx, entries, INSERT, 9, |query, row| query
        .bind(row.0.0)
        .bind(row.1.at.0)
        .bind(row.1.id.0)
        .bind(row.1.recorded_at.0)
        .bind(row.1.event.kind())
        .bind(&row.1.actor)
        .bind(&row.1.place)
        .bind(Json(&row.1.event))
        .bind(&row.1.epcis_event_id));
    Ok(())
}

/// An EPCIS event as it came, if it was imported.
///
/// # Errors
/// When the database fails.
pub async fn raw_epcis(db: &Db, event_id: &str) -> StoreResult<Option<String>> {
    Ok(read!(db, |pool| sqlx::query_scalar(RAW_EPCIS).bind(event_id).fetch_optional(pool).await)?)
}

/// Keeps an EPCIS event as it came.
///
/// # Errors
/// When the database fails.
pub async fn keep_epcis(
    tx: &mut Tx,
    event_id: &str,
    raw: &str,
    import: Option<Uuid>,
    at: Timestamp,
) -> StoreResult<()> {
    within!(tx, |executor| {
        sqlx::query(KEEP_EPCIS).bind(event_id).bind(raw).bind(import).bind(at.0).execute(executor).await.map(drop)
    })?;
    Ok(())
}

/// Whether a device's history already has an entry of this EPCIS event.
///
/// # Errors
/// When the database fails.
pub async fn knows_epcis(tx: &mut Tx, device: DeviceId, event_id: &str) -> StoreResult<bool> {
    let n: i64 = within!(tx, |executor| {
        sqlx::query_scalar(KNOWN_EPCIS).bind(device.0).bind(event_id).fetch_one(executor).await
    })
    .map_err(StoreError::from)?;
    Ok(n > 0)
}
