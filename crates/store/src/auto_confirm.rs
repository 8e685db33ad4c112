//! Whether a device's updates are agreed to without asking its user, as that one switches it at the device.

use crate::{Db, StoreResult, Tx, user::some_time};
use domain::{id::DeviceId, time::Timestamp};

/// That they are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AutoConfirm {
    /// Who switched it on, as the device says; may be empty.
    pub initiator: String,
    /// What was noted with it; may be empty.
    pub remark: String,
    /// Since when.
    pub activated_at: Timestamp,
}

queries! {
    OF = "SELECT initiator, remark, activated_at FROM auto_confirm WHERE device_id = $1 AND is_on = 1";
    TOLD = "SELECT told_at FROM auto_confirm WHERE device_id = $1";
    SWITCH_ON = "INSERT INTO auto_confirm (device_id, is_on, initiator, remark, activated_at, told_at) \
                 VALUES ($1, 1, $2, $3, $4, $5) \
                 ON CONFLICT (device_id) DO UPDATE SET is_on = 1, initiator = excluded.initiator, \
                 remark = excluded.remark, activated_at = excluded.activated_at, told_at = excluded.told_at \
                 WHERE auto_confirm.is_on = 0";
    SWITCH_OFF = "UPDATE auto_confirm SET is_on = 0, told_at = $2 WHERE device_id = $1 AND is_on = 1";
    CHANGE_HANDS = "UPDATE auto_confirm SET is_on = 0 WHERE device_id = $1 AND is_on = 1";
}

fn read_row((initiator, remark, at): (String, String, i64)) -> AutoConfirm {
    AutoConfirm { initiator, remark, activated_at: Timestamp(at) }
}

/// That a device's updates are agreed to without asking; none when they aren't.
///
/// # Errors
/// When the database fails.
pub async fn of(db: &Db, device: DeviceId) -> StoreResult<Option<AutoConfirm>> {
    let row: Option<(String, String, i64)> =
        read!(db, |pool| sqlx::query_as(OF).bind(device.0).fetch_optional(pool).await)?;
    Ok(row.map(read_row))
}

/// The same, as the transaction sees it.
///
/// # Errors
/// When the database fails.
pub async fn within(tx: &mut Tx, device: DeviceId) -> StoreResult<Option<AutoConfirm>> {
    let row: Option<(String, String, i64)> =
        within!(tx, |executor| sqlx::query_as(OF).bind(device.0).fetch_optional(executor).await)?;
    Ok(row.map(read_row))
}

/// When the device's history told of a change last; none when it never did.
///
/// # Errors
/// When the database fails.
pub async fn told_at(tx: &mut Tx, device: DeviceId) -> StoreResult<Option<Timestamp>> {
    let at: Option<i64> =
        within!(tx, |executor| sqlx::query_scalar(TOLD).bind(device.0).fetch_optional(executor).await)?;
    Ok(at.and_then(some_time))
}

/// Switches it on; false when it was on already, which stays as it is.
///
/// # Errors
/// When the database fails.
pub async fn switch_on(tx: &mut Tx, device: DeviceId, how: &AutoConfirm, told_at: Timestamp) -> StoreResult<bool> {
    let done = within!(tx, |executor| {
        let query = sqlx::query(SWITCH_ON).bind(device.0).bind(&how.initiator).bind(&how.remark);
        let query = query.bind(how.activated_at.0).bind(told_at.0);
        query.execute(executor).await.map(|done| done.rows_affected())
    })?;
    Ok(done > 0)
}

/// Switches it off; whether it was on.
///
/// # Errors
/// When the database fails.
pub async fn switch_off(tx: &mut Tx, device: DeviceId, told_at: Timestamp) -> StoreResult<bool> {
    let done = within!(tx, |executor| {
        let query = sqlx::query(SWITCH_OFF).bind(device.0).bind(told_at.0);
        query.execute(executor).await.map(|done| done.rows_affected())
    })?;
    Ok(done > 0)
}

/// Switches it off because another one holds the device from now on; the device's history tells of that.
///
/// # Errors
/// When the database fails.
pub async fn change_hands(tx: &mut Tx, device: DeviceId) -> StoreResult<()> {
    within!(tx, |executor| sqlx::query(CHANGE_HANDS).bind(device.0).execute(executor).await.map(drop))?;
    Ok(())
}
