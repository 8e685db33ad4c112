//! How devices poll, and what a poll needs to be answered.

use crate::{Db, StoreResult, Tx, user::some_time};
use domain::{cadence::Cadence, id::DeviceId, time::Timestamp};
use sqlx::AssertSqlSafe;

/// What a poll needs to be answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PollState {
    /// How often devices of its model poll, in seconds.
    pub interval_s: i64,
    /// Whether it is asked to report.
    pub wanted: bool,
    /// From when on it is asked to report all the same.
    pub due_at: Option<Timestamp>,
    /// How it polled until this was last written down, and when that was.
    pub cadence: Option<(Cadence, Timestamp)>,
}

#[derive(sqlx::FromRow)]
struct PollRow {
    poll_interval_s: i64,
    wanted: i64,
    due_at: i64,
    cadence: Option<String>,
    at: Option<i64>,
}

/// How a device polled, to be written down.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Polled {
    /// The device.
    pub device: DeviceId,
    /// How it polls.
    pub cadence: Cadence,
    /// From where it did last.
    pub address: String,
    /// When it did last.
    pub at: Timestamp,
}

queries! {
    POLL = "SELECT m.poll_interval_s, COALESCE(r.wanted, 1) AS wanted, COALESCE(r.due_at, 0) AS due_at, \
            p.cadence, p.at FROM device d JOIN model m ON m.id = d.model_id \
            LEFT JOIN device_report r ON r.device_id = d.id \
            LEFT JOIN device_poll p ON p.device_id = d.id WHERE d.id = $1";
    POLLED = "SELECT address, at FROM device_poll WHERE device_id = $1";
}

/// What a poll of this device needs; none when there is no such device.
///
/// # Errors
/// When the database fails.
pub async fn poll_state(db: &Db, device: DeviceId) -> StoreResult<Option<PollState>> {
    let row: Option<PollRow> = read!(db, |pool| sqlx::query_as(POLL).bind(device.0).fetch_optional(pool).await)?;
    Ok(row.map(|row| PollState {
        interval_s: row.poll_interval_s,
        wanted: row.wanted != 0,
        due_at: some_time(row.due_at),
        // What an earlier version wrote and can't be read any more is as good as never seen.
        cadence: row.cadence.and_then(|text| serde_json::from_str(&text).ok()).zip(row.at.map(Timestamp)),
    }))
}

/// From where a device polled last, and when, as it was last written down.
///
/// # Errors
/// When the database fails.
pub async fn polled(db: &Db, device: DeviceId) -> StoreResult<Option<(String, Timestamp)>> {
    let row: Option<(String, i64)> =
        read!(db, |pool| sqlx::query_as(POLLED).bind(device.0).fetch_optional(pool).await)?;
    Ok(row.map(|(address, at)| (address, Timestamp(at))))
}

/// Writes down how devices polled, each unless something later is there.
///
/// # Errors
/// When the database fails.
pub async fn put_polls(tx: &mut Tx, polls: &[Polled]) -> StoreResult<()> {
    for chunk in polls.chunks(crate::db::INSERT_ROWS) {
        let values =
            crate::db::values_sql(tx, "INSERT INTO device_poll (device_id, cadence, address, at)", 4, chunk.len());
        let sql = format!(
            "{values} ON CONFLICT (device_id) DO UPDATE SET cadence = excluded.cadence, address = excluded.address, \
             at = excluded.at WHERE device_poll.at < excluded.at"
        );
        within!(tx, |executor| {
            let mut query = sqlx::query(AssertSqlSafe(sql));
            for poll in chunk {
                let cadence = serde_json::to_string(&poll.cadence).unwrap_or_default();
                query = query.bind(poll.device.0).bind(cadence).bind(&poll.address).bind(poll.at.0);
            }
            query.execute(executor).await.map(drop)
        })?;
    }
    Ok(())
}
