//! How an act of revocation spreads: who refuses since when, who fetched what, which devices came back.

use crate::{Db, StoreError, StoreResult, Tx};
use domain::{
    id::{AuthorityId, DeviceId, RevocationId},
    revocation::SpreadChannel,
    time::Timestamp,
};
use uuid::Uuid;

/// What happened on one channel at one node within one minute.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Spread {
    /// The act.
    pub revocation: RevocationId,
    /// By which way.
    pub channel: SpreadChannel,
    /// Where: a node's name, an authority's, who fetched.
    pub node: String,
    /// The minute, as its first microsecond.
    pub minute: Timestamp,
    /// How often.
    pub n: i64,
    /// The first time.
    pub first_at: Timestamp,
    /// The last time.
    pub last_at: Timestamp,
}

/// A device that came back after an act and was refused.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct CameBack {
    /// Its serial.
    pub serial: String,
    /// How often.
    pub n: i64,
    /// The first time, in microseconds.
    pub first_at: i64,
    /// The last time, in microseconds.
    pub last_at: i64,
    /// From where, the last time.
    pub address: String,
}

queries! {
    ADD = "INSERT INTO spread (revocation_id, channel, node, minute, n, first_at, last_at) \
           VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (revocation_id, channel, node, minute) DO UPDATE SET \
           n = spread.n + excluded.n, last_at = excluded.last_at";
    OF = "SELECT channel, node, minute, n, first_at, last_at FROM spread WHERE revocation_id = $1 \
          ORDER BY minute, channel, node LIMIT $2";
    CHANNELS = "SELECT channel, node, CAST(SUM(n) AS BIGINT), MIN(first_at), MAX(last_at) FROM spread \
                WHERE revocation_id = $1 GROUP BY channel, node ORDER BY 4, 1, 2 LIMIT $2";
    CAME = "INSERT INTO came_back (revocation_id, device_id, n, first_at, last_at, address) \
            VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (revocation_id, device_id) DO UPDATE SET \
            n = came_back.n + excluded.n, last_at = excluded.last_at, address = excluded.address \
            RETURNING first_at";
    CAME_TOTAL = "SELECT COUNT(*) FROM came_back WHERE revocation_id = $1";
    CAME_LIST = "SELECT d.serial, b.n, b.first_at, b.last_at, b.address FROM came_back b \
                 JOIN device d ON d.id = b.device_id WHERE b.revocation_id = $1 \
                 ORDER BY b.last_at DESC, d.serial LIMIT $2";
    CAME_TIMES = "SELECT first_at FROM came_back WHERE revocation_id = $1 ORDER BY first_at";
    MISSING_ROWS = "SELECT d.serial, d.last_seen_at FROM revoked r JOIN certificate c \
                    ON c.authority_id = r.authority_id AND c.serial = r.serial JOIN device d ON d.id = c.device_id \
                    LEFT JOIN came_back b ON b.revocation_id = r.revocation_id AND b.device_id = d.id \
                    WHERE r.revocation_id = $1 AND b.device_id IS NULL ORDER BY d.last_seen_at DESC, d.serial LIMIT $2";
    MISSING_SIGNED = "SELECT d.serial, d.last_seen_at FROM device d WHERE d.id IN (SELECT c.device_id \
                      FROM certificate c JOIN authority_cut k ON k.authority_id = c.authority_id \
                      WHERE k.revocation_id = $1 AND c.purpose = 'device') \
                      AND NOT EXISTS (SELECT 1 FROM came_back b WHERE b.revocation_id = $1 AND b.device_id = d.id) \
                      ORDER BY d.last_seen_at DESC, d.serial LIMIT $2";
    DEVICES_ROWS = "SELECT COUNT(DISTINCT c.device_id) FROM revoked r JOIN certificate c \
                    ON c.authority_id = r.authority_id AND c.serial = r.serial WHERE r.revocation_id = $1";
    DEVICE_OF = "SELECT device_id FROM certificate WHERE authority_id = $1 AND serial = $2";
}

/// Adds what happened.
///
/// # Errors
/// When the database fails.
pub async fn add(tx: &mut Tx, row: &Spread) -> StoreResult<()> {
    within!(tx, |executor| {
        sqlx::query(ADD)
            .bind(row.revocation.0)
            .bind(row.channel.as_str())
            .bind(&row.node)
            .bind(row.minute.0)
            .bind(row.n)
            .bind(row.first_at.0)
            .bind(row.last_at.0)
            .execute(executor)
            .await
            .map(drop)
    })?;
    Ok(())
}

/// Notes that a device came back and was refused. Whether it was the first time since the act.
///
/// # Errors
/// When the database fails.
pub async fn came_back(
    tx: &mut Tx,
    revocation: RevocationId,
    device: DeviceId,
    n: i64,
    (first, last): (Timestamp, Timestamp),
    address: &str,
) -> StoreResult<bool> {
    let since: i64 = within!(tx, |executor| {
        sqlx::query_scalar(CAME)
            .bind(revocation.0)
            .bind(device.0)
            .bind(n)
            .bind(first.0)
            .bind(last.0)
            .bind(address)
            .fetch_one(executor)
            .await
    })?;
    Ok(since == first.0)
}

type Row = (String, String, i64, i64, i64, i64);

/// What happened after an act, minute by minute.
///
/// # Errors
/// When the database fails.
pub async fn of(db: &Db, revocation: RevocationId, limit: i64) -> StoreResult<Vec<Spread>> {
    let rows: Vec<Row> = read!(db, |pool| sqlx::query_as(OF).bind(revocation.0).bind(limit).fetch_all(pool).await)?;
    let spread = |(channel, node, minute, n, first_at, last_at): Row| {
        Ok(Spread {
            revocation,
            channel: channel.parse().map_err(|e| StoreError::corrupt("spread.channel", e))?,
            node,
            minute: Timestamp(minute),
            n,
            first_at: Timestamp(first_at),
            last_at: Timestamp(last_at),
        })
    };
    rows.into_iter().map(spread).collect()
}

/// What happened after an act, in all, by channel and node.
///
/// # Errors
/// When the database fails.
pub async fn channels(db: &Db, revocation: RevocationId, limit: i64) -> StoreResult<Vec<Spread>> {
    let rows: Vec<(String, String, i64, i64, i64)> =
        read!(db, |pool| sqlx::query_as(CHANNELS).bind(revocation.0).bind(limit).fetch_all(pool).await)?;
    let spread = |(channel, node, n, first_at, last_at): (String, String, i64, i64, i64)| {
        Ok(Spread {
            revocation,
            channel: channel.parse().map_err(|e| StoreError::corrupt("spread.channel", e))?,
            node,
            minute: Timestamp::default(),
            n,
            first_at: Timestamp(first_at),
            last_at: Timestamp(last_at),
        })
    };
    rows.into_iter().map(spread).collect()
}

/// The devices that came back after an act and were refused: how many, and the latest of them.
///
/// # Errors
/// When the database fails.
pub async fn who_came_back(db: &Db, revocation: RevocationId, limit: i64) -> StoreResult<(i64, Vec<CameBack>)> {
    let total = read!(db, |pool| sqlx::query_scalar(CAME_TOTAL).bind(revocation.0).fetch_one(pool).await)?;
    let rows = read!(db, |pool| sqlx::query_as(CAME_LIST).bind(revocation.0).bind(limit).fetch_all(pool).await)?;
    Ok((total, rows))
}

/// When each device came back for the first time, in order.
///
/// # Errors
/// When the database fails.
pub async fn came_back_times(db: &Db, revocation: RevocationId) -> StoreResult<Vec<i64>> {
    Ok(read!(db, |pool| sqlx::query_scalar(CAME_TIMES).bind(revocation.0).fetch_all(pool).await)?)
}

/// Devices that an act hit and that did not come back since, with their last contact; those heard from last first.
/// Of an act that cut authorities off, the devices of these.
///
/// # Errors
/// When the database fails.
pub async fn missing(
    db: &Db,
    revocation: RevocationId,
    cuts_authorities: bool,
    limit: i64,
) -> StoreResult<Vec<(String, i64)>> {
    let sql = if cuts_authorities { MISSING_SIGNED } else { MISSING_ROWS };
    Ok(search!(db, |pool| sqlx::query_as(sql).bind(revocation.0).bind(limit).fetch_all(pool).await)?)
}

/// How many devices an act hit one by one.
///
/// # Errors
/// When the database fails.
pub async fn devices(db: &Db, revocation: RevocationId) -> StoreResult<i64> {
    Ok(read!(db, |pool| sqlx::query_scalar(DEVICES_ROWS).bind(revocation.0).fetch_one(pool).await)?)
}

/// Whose a certificate is, if it is a device's.
///
/// # Errors
/// When the database fails.
pub async fn device_of(db: &Db, authority: AuthorityId, serial: &str) -> StoreResult<Option<DeviceId>> {
    let id: Option<Option<Uuid>> =
        read!(db, |pool| sqlx::query_scalar(DEVICE_OF).bind(authority.0).bind(serial).fetch_optional(pool).await)?;
    Ok(id.flatten().map(DeviceId))
}
