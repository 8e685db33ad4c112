//! What devices report of themselves.

use crate::{Db, StoreError, StoreResult, Tx, user::some_time};
use domain::{
    id::{AuthorityId, BatchId, DeviceId},
    report::{Attributes, Position},
    suspicion::Sighting,
    time::Timestamp,
};
use uuid::Uuid;

/// What is kept of a device's reports.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Report {
    /// Its attributes.
    pub attributes: Attributes,
    /// The attributes that last fitted a manifest.
    pub confirmed: Option<Attributes>,
    /// A hash of what was judged last; empty before the first time.
    pub picture: String,
    /// The manifest version that it fits; none when it fits none.
    pub matched: Option<i64>,
    /// What speaks against it, in JSON.
    pub reasons: String,
    /// When it first reported.
    pub first_at: Option<Timestamp>,
    /// When it last reported.
    pub reported_at: Option<Timestamp>,
    /// When what it reports last changed.
    pub changed_at: Option<Timestamp>,
    /// How often it reported.
    pub n: i64,
    /// Whether it is asked to report.
    pub wanted: bool,
    /// Since when its changes are counted.
    pub told_since: Option<Timestamp>,
    /// How many changes were judged since.
    pub told_n: i64,
    /// From when on it is asked again, because not all that it reported was judged.
    pub due_at: Option<Timestamp>,
    /// When it last sent what could not be read.
    pub unread_at: Option<Timestamp>,
    /// Where it said last that it is, and when.
    pub sighting: Option<Sighting>,
}

#[derive(sqlx::FromRow)]
struct Row {
    attributes: String,
    confirmed: String,
    picture: String,
    matched: i64,
    reasons: String,
    first_at: i64,
    reported_at: i64,
    changed_at: i64,
    n: i64,
    wanted: i64,
    told_since: i64,
    told_n: i64,
    due_at: i64,
    unread_at: i64,
    position: String,
    position_at: i64,
}

impl TryFrom<Row> for Report {
    type Error = StoreError;
    fn try_from(row: Row) -> StoreResult<Self> {
        let read = |column, text: &str| serde_json::from_str(text).map_err(|e| StoreError::corrupt(column, e));
        let confirmed = match row.confirmed.as_str() {
            "" => None,
            text => Some(read("device_report.confirmed", text)?),
        };
        Ok(Self {
            attributes: read("device_report.attributes", &row.attributes)?,
            confirmed,
            picture: row.picture,
            matched: (row.matched != 0).then_some(row.matched),
            reasons: row.reasons,
            first_at: some_time(row.first_at),
            reported_at: some_time(row.reported_at),
            changed_at: some_time(row.changed_at),
            n: row.n,
            wanted: row.wanted != 0,
            told_since: some_time(row.told_since),
            told_n: row.told_n,
            due_at: some_time(row.due_at),
            unread_at: some_time(row.unread_at),
            sighting: match row.position.as_str() {
                "" => None,
                text => {
                    let position: Position =
                        serde_json::from_str(text).map_err(|e| StoreError::corrupt("device_report.position", e))?;
                    Some(position.sighting(Timestamp(row.position_at)))
                }
            },
        })
    }
}

/// An identifier as a device reports it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, sqlx::FromRow)]
pub struct ReportedPart {
    /// As it is compared.
    pub identifier_key: String,
    /// In which slot.
    pub slot: String,
}

pub(crate) mod holder;

pub use holder::{Holder, is_known, listing, reporting, reporting_any, reporting_now};

queries! {
    OF_DEVICE = "SELECT attributes, confirmed, picture, matched, reasons, first_at, reported_at, changed_at, n, wanted, \
                 told_since, told_n, due_at, unread_at, position, position_at FROM device_report WHERE device_id = $1";
    PUT = "INSERT INTO device_report (device_id, attributes, confirmed, picture, matched, reasons, wanted, first_at, \
           reported_at, changed_at, n, told_since, told_n, due_at, position, position_at) \
           VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16) \
           ON CONFLICT (device_id) DO UPDATE SET attributes = excluded.attributes, confirmed = excluded.confirmed, \
           picture = excluded.picture, matched = excluded.matched, reasons = excluded.reasons, \
           wanted = excluded.wanted, first_at = excluded.first_at, reported_at = excluded.reported_at, \
           changed_at = excluded.changed_at, n = excluded.n, \
           told_since = excluded.told_since, told_n = excluded.told_n, due_at = excluded.due_at, \
           position = excluded.position, position_at = excluded.position_at";
    AGAIN = "UPDATE device_report SET reported_at = $2, n = n + 1, position_at = CASE WHEN $3 = 1 AND position <> '' \
             THEN $2 ELSE position_at END WHERE device_id = $1";
    UNREAD = "INSERT INTO device_report (device_id, wanted, unread_at) VALUES ($1, 0, $2) \
              ON CONFLICT (device_id) DO UPDATE SET wanted = 0, unread_at = excluded.unread_at, \
              due_at = CASE WHEN device_report.due_at > 0 THEN CAST($3 AS BIGINT) ELSE 0 END";
    PUT_OFF = "UPDATE device_report SET wanted = 0, due_at = $2 WHERE device_id = $1";
    WANT = "INSERT INTO device_report (device_id, wanted) VALUES ($1, 1) \
            ON CONFLICT (device_id) DO UPDATE SET wanted = 1";
    PARTS = "SELECT identifier_key, slot FROM reported_part WHERE device_id = $1 ORDER BY identifier_key";
    ADD_PART = "INSERT INTO reported_part (device_id, identifier_key, batch_id, slot) VALUES ($1, $2, $3, $4)";
    MOVE_PART = "UPDATE reported_part SET slot = $3 WHERE device_id = $1 AND identifier_key = $2";
    DROP_PART = "DELETE FROM reported_part WHERE device_id = $1 AND identifier_key = $2";
    COUNT_PART = "INSERT INTO reported_count (identifier_key, batch_id, n) VALUES ($1, $2, $3) \
                  ON CONFLICT (identifier_key, batch_id) DO UPDATE SET n = reported_count.n + excluded.n";
    NO_PART = "DELETE FROM reported_count WHERE identifier_key = $1 AND batch_id = $2 AND n <= 0";
    IN_BATCH = "SELECT n FROM reported_count WHERE identifier_key = $1 AND batch_id = $2";
    ELSEWHERE = "SELECT n FROM reported_count WHERE identifier_key = $1 AND batch_id <> $2 AND n > 0 \
                 ORDER BY batch_id LIMIT $3";
    DELIVERED = "SELECT COUNT(*) FROM (SELECT manifest_version FROM device WHERE batch_id = $1 ORDER BY serial LIMIT 20) \
                 AS few WHERE few.manifest_version > 0";
    COUNTING = "SELECT authority_id, serial FROM certificate WHERE device_serial = $1 AND device_id = $2 \
                AND purpose = 'device' AND status = 'valid' AND not_after > $3 ORDER BY authority_id, serial";
    HOLDS = "SELECT COUNT(*) FROM certificate c JOIN revoked r ON r.authority_id = c.authority_id AND r.serial = c.serial \
             WHERE c.device_serial = $1 AND r.lifted_at = 0 AND r.reason = 6";
    BATCH_CODE = "SELECT code FROM batch WHERE id = $1";
}

/// What is kept of a device's reports; as if it had never reported when there is nothing.
///
/// # Errors
/// When the database fails.
pub async fn of_device(db: &Db, device: DeviceId) -> StoreResult<Option<Report>> {
    let row: Option<Row> = read!(db, |pool| sqlx::query_as(OF_DEVICE).bind(device.0).fetch_optional(pool).await)?;
    row.map(TryInto::try_into).transpose()
}

/// The same, as the transaction sees it.
///
/// # Errors
/// When the database fails.
pub async fn of_device_within(tx: &mut Tx, device: DeviceId) -> StoreResult<Option<Report>> {
    let row: Option<Row> =
        within!(tx, |executor| sqlx::query_as(OF_DEVICE).bind(device.0).fetch_optional(executor).await)?;
    row.map(TryInto::try_into).transpose()
}

/// Keeps what a device reported.
///
/// # Errors
/// When the database fails.
pub async fn put(tx: &mut Tx, device: DeviceId, report: &Report) -> StoreResult<()> {
    let json = |attributes: &Attributes| serde_json::to_string(attributes).unwrap_or_default();
    let time = |at: Option<Timestamp>| at.map_or(0, |at| at.0);
    within!(tx, |executor| {
        sqlx::query(PUT)
            .bind(device.0)
            .bind(json(&report.attributes))
            .bind(report.confirmed.as_ref().map(json).unwrap_or_default())
            .bind(&report.picture)
            .bind(report.matched.unwrap_or_default())
            .bind(if report.reasons.is_empty() { "[]" } else { report.reasons.as_str() })
            .bind(i64::from(report.wanted))
            .bind(time(report.first_at))
            .bind(time(report.reported_at))
            .bind(time(report.changed_at))
            .bind(report.n)
            .bind(time(report.told_since))
            .bind(report.told_n)
            .bind(time(report.due_at))
            .bind(report.sighting.as_ref().map(Position::json).unwrap_or_default())
            .bind(time(report.sighting.as_ref().map(|sighting| sighting.at)))
            .execute(executor)
            .await
            .map(drop)
    })?;
    Ok(())
}

/// Notes that a device reported the same as before, and with `is_seen` that it said so of its place, too. That it is asked to report stays as it is: whoever asked meanwhile
/// is to be answered.
///
/// # Errors
/// When the database fails.
pub async fn again(tx: &mut Tx, device: DeviceId, at: Timestamp, is_seen: bool) -> StoreResult<()> {
    within!(tx, |executor| {
        let query = sqlx::query(AGAIN).bind(device.0).bind(at.0).bind(i64::from(is_seen));
        query.execute(executor).await.map(drop)
    })?;
    Ok(())
}

/// Notes that a device sent what could not be read. It is not asked for the same again; where something is still to be
/// judged, not before `later`.
///
/// # Errors
/// When the database fails.
pub async fn unread(tx: &mut Tx, device: DeviceId, at: Timestamp, later: Timestamp) -> StoreResult<()> {
    within!(tx, |executor| {
        sqlx::query(UNREAD).bind(device.0).bind(at.0).bind(later.0).execute(executor).await.map(drop)
    })?;
    Ok(())
}

/// Asks a device that reports too much no more until then.
///
/// # Errors
/// When the database fails.
pub async fn put_off(tx: &mut Tx, device: DeviceId, until: Timestamp) -> StoreResult<()> {
    within!(tx, |executor| sqlx::query(PUT_OFF).bind(device.0).bind(until.0).execute(executor).await.map(drop))?;
    Ok(())
}

/// Lets a device be asked to report at its next poll.
///
/// # Errors
/// When the database fails.
pub async fn want(tx: &mut Tx, device: DeviceId) -> StoreResult<()> {
    within!(tx, |executor| sqlx::query(WANT).bind(device.0).execute(executor).await.map(drop))?;
    Ok(())
}

/// The identifiers that a device reported last, in order.
///
/// # Errors
/// When the database fails.
pub async fn parts(tx: &mut Tx, device: DeviceId) -> StoreResult<Vec<ReportedPart>> {
    Ok(within!(tx, |executor| sqlx::query_as(PARTS).bind(device.0).fetch_all(executor).await)?)
}

/// Notes that a device reports this identifier, and counts it.
///
/// # Errors
/// When the database fails.
pub async fn add_part(tx: &mut Tx, (device, batch): (DeviceId, BatchId), part: &ReportedPart) -> StoreResult<()> {
    within!(tx, |executor| {
        let query = sqlx::query(ADD_PART).bind(device.0).bind(&part.identifier_key).bind(batch.0);
        query.bind(&part.slot).execute(executor).await.map(drop)
    })?;
    count_part(tx, &part.identifier_key, batch, 1).await
}

/// Notes that a device reports an identifier in another slot.
///
/// # Errors
/// When the database fails.
pub async fn move_part(tx: &mut Tx, device: DeviceId, part: &ReportedPart) -> StoreResult<()> {
    within!(tx, |executor| {
        let query = sqlx::query(MOVE_PART).bind(device.0).bind(&part.identifier_key).bind(&part.slot);
        query.execute(executor).await.map(drop)
    })?;
    Ok(())
}

/// Notes that a device reports this identifier no more.
///
/// # Errors
/// When the database fails.
pub async fn drop_part(tx: &mut Tx, (device, batch): (DeviceId, BatchId), key: &str) -> StoreResult<()> {
    within!(tx, |executor| sqlx::query(DROP_PART).bind(device.0).bind(key).execute(executor).await.map(drop))?;
    count_part(tx, key, batch, -1).await?;
    // Whoever reports another one each time would fill the table otherwise.
    within!(tx, |executor| sqlx::query(NO_PART).bind(key).bind(batch.0).execute(executor).await.map(drop))?;
    Ok(())
}

async fn count_part(tx: &mut Tx, key: &str, batch: BatchId, by: i64) -> StoreResult<()> {
    within!(tx, |executor| sqlx::query(COUNT_PART).bind(key).bind(batch.0).bind(by).execute(executor).await.map(drop))?;
    Ok(())
}

/// In how many devices of a batch an identifier is reported.
///
/// # Errors
/// When the database fails.
pub async fn count_in_batch(tx: &mut Tx, key: &str, batch: BatchId) -> StoreResult<i64> {
    let n: Option<i64> = within!(tx, |executor| {
        sqlx::query_scalar(IN_BATCH).bind(key).bind(batch.0).fetch_optional(executor).await
    })?;
    Ok(n.unwrap_or_default())
}

/// In how many devices of other batches an identifier is reported; of the first `limit` batches that it is in.
///
/// # Errors
/// When the database fails.
pub async fn count_elsewhere(tx: &mut Tx, key: &str, batch: BatchId, limit: i64) -> StoreResult<i64> {
    let counts: Vec<i64> = within!(tx, |executor| {
        sqlx::query_scalar(ELSEWHERE).bind(key).bind(batch.0).bind(limit).fetch_all(executor).await
    })?;
    Ok(counts.iter().sum())
}

/// Whether manifests of a batch were delivered, as far as its first few devices show.
///
/// # Errors
/// When the database fails.
pub async fn is_delivered(tx: &mut Tx, batch: BatchId) -> StoreResult<bool> {
    let n: i64 = within!(tx, |executor| sqlx::query_scalar(DELIVERED).bind(batch.0).fetch_one(executor).await)?;
    Ok(n > 0)
}

/// The certificates of a device that count: authority and serial.
///
/// # Errors
/// When the database fails.
pub async fn counting_certificates(
    tx: &mut Tx,
    (device, serial): (DeviceId, &str),
    now: Timestamp,
) -> StoreResult<Vec<(AuthorityId, String)>> {
    let rows: Vec<(Uuid, String)> = within!(tx, |executor| {
        sqlx::query_as(COUNTING).bind(serial).bind(device.0).bind(now.0).fetch_all(executor).await
    })?;
    Ok(rows.into_iter().map(|(authority, serial)| (AuthorityId(authority), serial)).collect())
}

/// How many certificates of a device are on hold.
///
/// # Errors
/// When the database fails.
pub async fn holds(tx: &mut Tx, serial: &str) -> StoreResult<i64> {
    Ok(within!(tx, |executor| sqlx::query_scalar(HOLDS).bind(serial).fetch_one(executor).await)?)
}

/// The code of a batch; empty when there is no such batch.
///
/// # Errors
/// When the database fails.
pub async fn batch_code(db: &Db, batch: BatchId) -> StoreResult<String> {
    let code: Option<String> =
        read!(db, |pool| sqlx::query_scalar(BATCH_CODE).bind(batch.0).fetch_optional(pool).await)?;
    Ok(code.unwrap_or_default())
}
