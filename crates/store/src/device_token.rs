//! Tokens of devices that are too small for a certificate. The database knows a token by its hash.

use crate::{Db, StoreResult, Tx, user::some_time};
use domain::{
    id::{BatchId, CustodianId, DeviceId},
    time::Timestamp,
};
use uuid::Uuid;

/// A device's token, without its secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeviceToken {
    /// The device.
    pub device_id: DeviceId,
    /// When it was made.
    pub made_at: Timestamp,
    /// When it was last used, to the minute.
    pub last_used_at: Option<Timestamp>,
    /// Since when it should be replaced, because the device changed hands.
    pub due_at: Option<Timestamp>,
    /// Whether it counts for nothing but getting the next one, because the device was claimed.
    pub only_rotates: bool,
    /// When two were last seen to have it, or to have had the one before it.
    pub shared_at: Option<Timestamp>,
}

queries! {
    BY_HASH = "SELECT t.device_id, d.serial, d.trust, d.lifecycle, d.batch_id, d.factory_id, t.last_used_at, \
               CASE WHEN t.next_hash = $1 THEN 1 ELSE 0 END AS is_next, \
               CASE WHEN t.next_hash = $1 AND t.next_at >= t.due_at THEN 0 ELSE t.only_rotates END AS only_rotates FROM device_token t \
               JOIN device d ON d.id = t.device_id WHERE t.hash = $1 OR t.next_hash = $1";
    BY_PREVIOUS = "SELECT t.device_id, d.serial, d.batch_id, t.made_at FROM device_token t \
                   JOIN device d ON d.id = t.device_id WHERE t.previous_hash = $1";
    OF_DEVICE = "SELECT made_at, last_used_at, due_at, only_rotates, shared_at FROM device_token WHERE device_id = $1";
    PUT = "INSERT INTO device_token (device_id, hash, made_at) VALUES ($1, $2, $3) \
           ON CONFLICT (device_id) DO UPDATE SET hash = excluded.hash, made_at = excluded.made_at, last_used_at = 0, \
           next_hash = NULL, next_at = 0, next_from = '', due_at = 0, only_rotates = 0, previous_hash = NULL, shared_at = 0";
    NEXT = "UPDATE device_token SET next_hash = $2, next_at = $3, next_from = $4 WHERE device_id = $1 \
            AND (next_hash IS NULL OR next_from = $4 OR next_at < due_at OR next_at < $5)";
    SHARED = "UPDATE device_token SET shared_at = $2 WHERE device_id = $1";
    TAKE_NEXT = "UPDATE device_token SET previous_hash = hash, hash = next_hash, made_at = next_at, next_hash = NULL, \
                 next_at = 0, next_from = '', \
                 due_at = CASE WHEN due_at > next_at THEN due_at ELSE 0 END, \
                 only_rotates = CASE WHEN due_at > next_at THEN only_rotates ELSE 0 END WHERE device_id = $1 AND next_hash = $2";
    DUE = "UPDATE device_token SET due_at = $2 WHERE device_id = $1";
    ONLY_ROTATES = "UPDATE device_token SET due_at = $2, only_rotates = 1 WHERE device_id = $1";
    USED = "UPDATE device_token SET last_used_at = $2 WHERE device_id = $1 AND last_used_at < $2";
    IN_BATCH = "SELECT COUNT(*) FROM device_token t JOIN device d ON d.id = t.device_id WHERE d.batch_id = $1";
    OF_FACTORY = "SELECT COUNT(*) FROM device_token t JOIN device d ON d.id = t.device_id WHERE d.factory_id = $1";
    REMOVE = "DELETE FROM device_token WHERE device_id = $1";
}

/// Whose token has this hash.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct Owner {
    /// The device's id.
    pub device_id: Uuid,
    /// Its serial.
    pub serial: String,
    /// Its trust, as stored.
    pub trust: String,
    /// Where it is in its life, as stored.
    pub lifecycle: String,
    /// Its batch.
    pub batch_id: Uuid,
    /// The factory that made it.
    pub factory_id: Uuid,
    /// When the token was last used, in microseconds; 0 for never.
    pub last_used_at: i64,
    /// 1 when it is the one that takes the present one's place when it is first used.
    pub is_next: i32,
    /// 1 when it counts for nothing but getting the next one.
    pub only_rotates: i64,
}

/// The device whose token has this hash.
///
/// # Errors
/// When the database fails.
pub async fn by_hash(db: &Db, hash: &str) -> StoreResult<Option<Owner>> {
    Ok(read!(db, |pool| sqlx::query_as(BY_HASH).bind(hash).fetch_optional(pool).await)?)
}

/// The device whose token before the present one has this hash.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct Former {
    /// The device's id.
    pub device_id: Uuid,
    /// Its serial.
    pub serial: String,
    /// Its batch.
    pub batch_id: Uuid,
    /// When the present token was asked for, in microseconds.
    pub made_at: i64,
}

/// The device whose token before the present one, which it got by itself, has this hash.
///
/// # Errors
/// When the database fails.
pub async fn by_previous(db: &Db, hash: &str) -> StoreResult<Option<Former>> {
    Ok(read!(db, |pool| sqlx::query_as(BY_PREVIOUS).bind(hash).fetch_optional(pool).await)?)
}

/// A device's token, if it has one.
///
/// # Errors
/// When the database fails.
pub async fn of_device(db: &Db, device_id: DeviceId) -> StoreResult<Option<DeviceToken>> {
    let row: Option<(i64, i64, i64, i64, i64)> =
        read!(db, |pool| sqlx::query_as(OF_DEVICE).bind(device_id.0).fetch_optional(pool).await)?;
    let token = |(made, used, due, only_rotates, shared)| DeviceToken {
        device_id,
        made_at: Timestamp(made),
        last_used_at: some_time(used),
        due_at: some_time(due),
        only_rotates: only_rotates != 0,
        shared_at: some_time(shared),
    };
    Ok(row.map(token))
}

/// How many devices of a batch have a token.
///
/// # Errors
/// When the database fails.
pub async fn count_in_batch(db: &Db, batch: BatchId) -> StoreResult<i64> {
    Ok(search!(db, |pool| sqlx::query_scalar(IN_BATCH).bind(batch.0).fetch_one(pool).await)?)
}

/// How many devices that a factory made have a token.
///
/// # Errors
/// When the database fails.
pub async fn count_of_factory(db: &Db, factory: CustodianId) -> StoreResult<i64> {
    Ok(search!(db, |pool| sqlx::query_scalar(OF_FACTORY).bind(factory.0).fetch_one(pool).await)?)
}

/// How many of these devices have a token.
///
/// # Errors
/// When the database fails.
pub async fn count_of(db: &Db, devices: &[DeviceId]) -> StoreResult<i64> {
    let mut n = 0;
    for chunk in devices.chunks(crate::db::MAX_BINDS) {
        let places = crate::db::list_sql(db, chunk.len());
        let sql = format!("SELECT COUNT(*) FROM device_token WHERE device_id IN ({places})");
        n += search!(db, |pool| {
            let mut query = sqlx::query_scalar::<_, i64>(sqlx::AssertSqlSafe(sql));
            for id in chunk {
                query = query.bind(id.0);
            }
            query.fetch_one(pool).await
        })?;
    }
    Ok(n)
}

/// Gives a device a token; the one before works no more.
///
/// # Errors
/// When the database fails.
pub async fn put(tx: &mut Tx, device: DeviceId, hash: &str, at: Timestamp) -> StoreResult<()> {
    within!(tx, |executor| sqlx::query(PUT).bind(device.0).bind(hash).bind(at.0).execute(executor).await.map(drop))?;
    Ok(())
}

/// A next token that is to be kept for a device.
#[derive(Clone, Copy, Debug)]
pub struct Next<'a> {
    /// Its hash.
    pub hash: &'a str,
    /// When it was asked for.
    pub at: Timestamp,
    /// Where: what addresses of one network have in common.
    pub from: &'a str,
    /// One that was asked for elsewhere, later than this and not before the device changed hands, stays unless it was used.
    pub stays_since: Timestamp,
}

/// Keeps the token that will take the present one's place; one that was kept before and not used is forgotten, unless it
/// is of another network and young. False then, and when the device has no token.
///
/// # Errors
/// When the database fails.
pub async fn put_next(tx: &mut Tx, device: DeviceId, next: &Next<'_>) -> StoreResult<bool> {
    let done = within!(tx, |executor| {
        sqlx::query(NEXT)
            .bind(device.0)
            .bind(next.hash)
            .bind(next.at.0)
            .bind(next.from)
            .bind(next.stays_since.0)
            .execute(executor)
            .await
            .map(|done| done.rows_affected())
    })?;
    Ok(done == 1)
}

/// Notes that two were seen to have a device's token then. False when it has none.
///
/// # Errors
/// When the database fails.
pub async fn shared(tx: &mut Tx, device: DeviceId, at: Timestamp) -> StoreResult<bool> {
    let done = within!(tx, |executor| {
        sqlx::query(SHARED).bind(device.0).bind(at.0).execute(executor).await.map(|done| done.rows_affected())
    })?;
    Ok(done == 1)
}

/// Puts the next token, of this hash, in the present one's place.
///
/// # Errors
/// When the database fails.
pub async fn take_next(tx: &mut Tx, device: DeviceId, hash: &str) -> StoreResult<()> {
    within!(tx, |executor| sqlx::query(TAKE_NEXT).bind(device.0).bind(hash).execute(executor).await.map(drop))?;
    Ok(())
}

/// Notes that a device's token, if it has one, should be replaced since then. Whether it has one.
///
/// # Errors
/// When the database fails.
pub async fn due(tx: &mut Tx, device: DeviceId, since: Timestamp) -> StoreResult<bool> {
    let done = within!(tx, |executor| {
        sqlx::query(DUE).bind(device.0).bind(since.0).execute(executor).await.map(|done| done.rows_affected())
    })?;
    Ok(done == 1)
}

/// Lets a device's token count for nothing but getting the next one, because the device was claimed then. False when it has
/// none.
///
/// # Errors
/// When the database fails.
pub async fn only_rotates(tx: &mut Tx, device: DeviceId, since: Timestamp) -> StoreResult<bool> {
    let done = within!(tx, |executor| {
        sqlx::query(ONLY_ROTATES).bind(device.0).bind(since.0).execute(executor).await.map(|done| done.rows_affected())
    })?;
    Ok(done == 1)
}

/// Takes a device's token away. False when it has none.
///
/// # Errors
/// When the database fails.
pub async fn remove(tx: &mut Tx, device: DeviceId) -> StoreResult<bool> {
    let done = within!(tx, |executor| {
        sqlx::query(REMOVE).bind(device.0).execute(executor).await.map(|done| done.rows_affected())
    })?;
    Ok(done == 1)
}

/// Notes that a device's token was used.
///
/// # Errors
/// When the database fails.
pub async fn used(tx: &mut Tx, device: DeviceId, at: Timestamp) -> StoreResult<()> {
    within!(tx, |executor| sqlx::query(USED).bind(device.0).bind(at.0).execute(executor).await.map(drop))?;
    Ok(())
}
