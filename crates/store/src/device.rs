//! Devices.

use crate::{Db, StoreError, StoreResult, Tx, count};
use domain::{
    device::Device,
    id::{BatchId, CustodianId, DeviceId, ModelId},
    time::Timestamp,
    version::version_key,
};
use sqlx::AssertSqlSafe;
use uuid::Uuid;

#[derive(sqlx::FromRow)]
pub(crate) struct Row {
    id: Uuid,
    serial: String,
    model_id: Uuid,
    hardware_revision: String,
    batch_id: Uuid,
    factory_id: Uuid,
    custodian_id: Uuid,
    place: String,
    lifecycle: String,
    trust: String,
    channel: String,
    firmware: String,
    made_at: i64,
    last_seen_at: i64,
    certificate_serial: String,
    certificate_not_after: i64,
    manifest_version: i64,
    manifest_hash: String,
}

impl TryFrom<Row> for Device {
    type Error = StoreError;
    fn try_from(row: Row) -> StoreResult<Self> {
        let time = |micros: i64| (micros != 0).then_some(Timestamp(micros));
        let text = |text: String| (!text.is_empty()).then_some(text);
        Ok(Self {
            id: DeviceId(row.id),
            serial: row.serial,
            model_id: ModelId(row.model_id),
            hardware_revision: row.hardware_revision,
            batch_id: BatchId(row.batch_id),
            factory_id: CustodianId(row.factory_id),
            custodian_id: CustodianId(row.custodian_id),
            place: row.place,
            lifecycle: row.lifecycle.parse().map_err(|e| StoreError::corrupt("device.lifecycle", e))?,
            trust: row.trust.parse().map_err(|e| StoreError::corrupt("device.trust", e))?,
            channel: row.channel,
            firmware: text(row.firmware),
            made_at: Timestamp(row.made_at),
            last_seen_at: time(row.last_seen_at),
            certificate_serial: text(row.certificate_serial),
            certificate_not_after: time(row.certificate_not_after),
            manifest_version: row.manifest_version,
            manifest_hash: row.manifest_hash,
        })
    }
}

/// The columns of [`Row`], for every query that reads whole devices.
macro_rules! columns {
    () => {
        "d.id, d.serial, d.model_id, d.hardware_revision, d.batch_id, d.factory_id, d.custodian_id, d.place, \
         d.lifecycle, d.trust, d.channel, d.firmware, d.made_at, d.last_seen_at, d.certificate_serial, \
         d.certificate_not_after, d.manifest_version, d.manifest_hash"
    };
}
pub(crate) const COLUMNS: &str = columns!();

queries! {
    BY_SERIAL = concat!("SELECT ", columns!(), " FROM device d WHERE d.serial = $1");
    UPDATE = "UPDATE device SET custodian_id = $2, place = $3, lifecycle = $4, trust = $5, channel = $6, \
              firmware = $7, firmware_key = $8, last_seen_at = $9, certificate_serial = $10, \
              certificate_not_after = $11, manifest_version = $12, manifest_hash = $13 WHERE id = $1";
    SEEN_SINCE = "SELECT COUNT(*) FROM device WHERE model_id = $1 AND last_seen_at >= $2";
    HEARD = "UPDATE device SET last_seen_at = $2 WHERE id = $1 AND last_seen_at < $2";
    LOCK = concat!("SELECT ", columns!(), " FROM device d WHERE d.id = $1");
}

const INSERT: &str = "INSERT INTO device (id, serial, model_id, hardware_revision, batch_id, factory_id, \
    custodian_id, place, lifecycle, trust, channel, firmware, firmware_key, made_at, last_seen_at, \
    certificate_serial, certificate_not_after, manifest_version, manifest_hash, number)";
const LAST_NUMBER: &str = "SELECT COALESCE(MAX(number), 0) FROM device";
const NEXT_NUMBERS: &str = "SELECT nextval(pg_get_serial_sequence('device', 'number')) FROM generate_series(1, $1)";

/// A device by its serial.
///
/// # Errors
/// When the database fails.
pub async fn by_serial(db: &Db, serial: &str) -> StoreResult<Option<Device>> {
    let row: Option<Row> = read!(db, |pool| sqlx::query_as(BY_SERIAL).bind(serial).fetch_optional(pool).await)?;
    row.map(TryInto::try_into).transpose()
}

/// A device by its id, held by the transaction until its end: what is decided from it stays true.
///
/// # Errors
/// When the database fails.
pub async fn lock(tx: &mut Tx, id: DeviceId) -> StoreResult<Option<Device>> {
    let row: Option<Row> = match tx {
        Tx::Sqlite(tx) => sqlx::query_as(LOCK).bind(id.0).fetch_optional(&mut **tx).await?,
        Tx::Postgres(tx) => {
            let sql = AssertSqlSafe(format!("{LOCK} FOR UPDATE"));
            sqlx::query_as(sql).bind(id.0).fetch_optional(&mut **tx).await?
        }
    };
    row.map(TryInto::try_into).transpose()
}

/// The devices among these serials that exist, held by the transaction until its end, in the order in which every deed
/// locks them.
///
/// # Errors
/// When the database fails.
pub async fn lock_by_serials(tx: &mut Tx, serials: &[&str]) -> StoreResult<Vec<Device>> {
    let mut out = Vec::new();
    for chunk in serials.chunks(crate::db::INSERT_ROWS) {
        let suffix = if matches!(tx, Tx::Postgres(_)) { " FOR UPDATE" } else { "" };
        let sql = format!(
            "SELECT {COLUMNS} FROM device d WHERE d.serial IN ({}) ORDER BY d.id{suffix}",
            crate::db::placeholders(chunk.len())
        );
        let rows: Vec<Row> = within!(tx, |executor| {
            let mut query = sqlx::query_as(AssertSqlSafe(sql));
            for serial in chunk {
                query = query.bind(*serial);
            }
            query.fetch_all(executor).await
        })?;
        for row in rows {
            out.push(row.try_into()?);
        }
    }
    Ok(out)
}

/// The devices among these serials that exist.
///
/// # Errors
/// When the database fails.
pub async fn by_serials(db: &Db, serials: &[&str]) -> StoreResult<Vec<Device>> {
    let mut out = Vec::new();
    for chunk in serials.chunks(crate::db::MAX_BINDS) {
        let sql =
            format!("SELECT {COLUMNS} FROM device d WHERE d.serial IN ({})", crate::db::list_sql(db, chunk.len()));
        let rows: Vec<Row> = read!(db, |pool| {
            let mut query = sqlx::query_as(AssertSqlSafe(sql));
            for serial in chunk {
                query = query.bind(*serial);
            }
            query.fetch_all(pool).await
        })?;
        for row in rows {
            out.push(row.try_into()?);
        }
    }
    Ok(out)
}

/// Enters devices, and counts them.
///
/// # Errors
/// [`StoreError::Exists`] when a serial is taken; then none of them is there after the transaction is dropped.
pub async fn insert_many(tx: &mut Tx, devices: &[Device]) -> StoreResult<()> {
    let numbers = next_numbers(tx, devices.len()).await?;
    let numbered: Vec<(&Device, i64)> = devices.iter().zip(numbers).collect();
    insert_many!(tx, numbered, INSERT, 20, |query, row| {
        let (d, number) = row;
        query
            .bind(d.id.0)
            .bind(&d.serial)
            .bind(d.model_id.0)
            .bind(&d.hardware_revision)
            .bind(d.batch_id.0)
            .bind(d.factory_id.0)
            .bind(d.custodian_id.0)
            .bind(&d.place)
            .bind(d.lifecycle.as_str())
            .bind(d.trust.as_str())
            .bind(&d.channel)
            .bind(d.firmware.as_deref().unwrap_or_default())
            .bind(d.firmware.as_deref().map(version_key).unwrap_or_default())
            .bind(d.made_at.0)
            .bind(d.last_seen_at.map_or(0, |t| t.0))
            .bind(d.certificate_serial.as_deref().unwrap_or_default())
            .bind(d.certificate_not_after.map_or(0, |t| t.0))
            .bind(d.manifest_version)
            .bind(&d.manifest_hash)
            .bind(*number)
    });
    let mut delta = count::Delta::default();
    devices.iter().for_each(|device| delta.plus(device));
    count::add(tx, &delta).await
}

/// Numbers for so many new devices, each above all that were given: SQLite has one writer, PostgreSQL a sequence.
async fn next_numbers(tx: &mut Tx, n: usize) -> StoreResult<Vec<i64>> {
    let n = i64::try_from(n).unwrap_or(i64::MAX);
    Ok(match tx {
        Tx::Sqlite(tx) => {
            let last: i64 = sqlx::query_scalar(LAST_NUMBER).fetch_one(&mut **tx).await?;
            (last + 1..=last.saturating_add(n)).collect()
        }
        Tx::Postgres(tx) => sqlx::query_scalar(NEXT_NUMBERS).bind(n).fetch_all(&mut **tx).await?,
    })
}

/// Writes what may change of a device, and notes in `counts` what moves from `before` to `after`. The caller adds the
/// counts last, once for all devices: rows that everybody changes are then held as shortly as can be, and in one order.
///
/// # Errors
/// When the database fails.
pub async fn update(tx: &mut Tx, before: &Device, after: &Device, counts: &mut count::Delta) -> StoreResult<()> {
    within!(tx, |executor| {
        sqlx::query(UPDATE)
            .bind(after.id.0)
            .bind(after.custodian_id.0)
            .bind(&after.place)
            .bind(after.lifecycle.as_str())
            .bind(after.trust.as_str())
            .bind(&after.channel)
            .bind(after.firmware.as_deref().unwrap_or_default())
            .bind(after.firmware.as_deref().map(version_key).unwrap_or_default())
            .bind(after.last_seen_at.map_or(0, |t| t.0))
            .bind(after.certificate_serial.as_deref().unwrap_or_default())
            .bind(after.certificate_not_after.map_or(0, |t| t.0))
            .bind(after.manifest_version)
            .bind(&after.manifest_hash)
            .execute(executor)
            .await
            .map(drop)
    })?;
    counts.minus(before);
    counts.plus(after);
    Ok(())
}

/// How many devices of a model were heard from since then.
///
/// # Errors
/// When the database fails.
pub async fn seen_since(db: &Db, model: ModelId, since: Timestamp) -> StoreResult<i64> {
    Ok(read!(db, |pool| sqlx::query_scalar(SEEN_SINCE).bind(model.0).bind(since.0).fetch_one(pool).await)?)
}

/// Notes that devices were heard from, each unless it was heard from later.
///
/// # Errors
/// When the database fails.
pub async fn heard_from(tx: &mut Tx, contacts: &[(DeviceId, Timestamp)]) -> StoreResult<()> {
    for chunk in contacts.chunks(crate::db::INSERT_ROWS) {
        let rows: Vec<String> = (0..chunk.len()).map(|n| format!("(${}, ${})", 2 * n + 1, 2 * n + 2)).collect();
        let sql = format!(
            "UPDATE device SET last_seen_at = seen.column2 FROM (VALUES {}) AS seen \
             WHERE device.id = seen.column1 AND device.last_seen_at < seen.column2",
            rows.join(", ")
        );
        within!(tx, |executor| {
            let mut query = sqlx::query(AssertSqlSafe(sql));
            for (device, at) in chunk {
                query = query.bind(device.0).bind(at.0);
            }
            query.execute(executor).await.map(drop)
        })?;
    }
    Ok(())
}

/// Notes that a device was heard from, unless it was heard from later.
///
/// # Errors
/// When the database fails.
pub async fn heard(tx: &mut Tx, device: DeviceId, at: Timestamp) -> StoreResult<()> {
    within!(tx, |executor| sqlx::query(HEARD).bind(device.0).bind(at.0).execute(executor).await.map(drop))?;
    Ok(())
}
