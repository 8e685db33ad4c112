//! The records that follow an act in pieces: which certificates are next, and what is written of them.

use super::reason_of;
use crate::{StoreError, StoreResult, Tx, device, device::Row as DeviceRow};
use domain::{
    certificate::{CertificateStatus, RevocationReason},
    device::Device,
    id::{AuthorityId, DeviceId, RevocationId},
    revocation::RevocationAct,
    time::Timestamp,
};
use sqlx::AssertSqlSafe;
use std::collections::HashMap;
use uuid::Uuid;

/// A certificate whose record is to follow.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// Who signed it.
    pub authority: AuthorityId,
    /// Its serial, in hexadecimal.
    pub serial: String,
    /// Whose it is, if it is a device's.
    pub device: Option<DeviceId>,
    /// How it stands as it is written down.
    pub status: CertificateStatus,
    /// What cuts it off on its own now.
    pub revoked: Option<RevocationReason>,
}

type Row = (Uuid, String, Option<Uuid>, String, Option<i64>);

macro_rules! records {
    ($from:literal) => {
        concat!(
            "SELECT c.authority_id, c.serial, c.device_id, c.status, r.reason FROM ",
            $from,
            " LEFT JOIN revoked r ON r.authority_id = c.authority_id AND r.serial = c.serial AND r.lifted_at = 0 "
        )
    };
}

queries! {
    CUT_BY = concat!(records!("revoked t JOIN certificate c ON c.authority_id = t.authority_id AND c.serial = t.serial"),
        "WHERE t.revocation_id = $1 AND (t.authority_id, t.serial) > ($2, $3) \
         ORDER BY t.authority_id, t.serial LIMIT $4");
    LIFTED_BY = concat!(
        records!("revoked t JOIN certificate c ON c.authority_id = t.authority_id AND c.serial = t.serial"),
        "WHERE t.lifted_by = $1 AND t.lifted_at > 0 AND (t.authority_id, t.serial) > ($2, $3) \
         ORDER BY t.authority_id, t.serial LIMIT $4");
    SIGNED_BY = concat!(records!("certificate c"),
        "WHERE c.authority_id = $1 AND c.serial > $2 AND c.purpose = 'device' ORDER BY c.serial LIMIT $3");
}

fn record(row: Row) -> StoreResult<Record> {
    let (authority, serial, device, status, reason) = row;
    Ok(Record {
        authority: AuthorityId(authority),
        serial,
        device: device.map(DeviceId),
        status: status.parse().map_err(|e| StoreError::corrupt("certificate.status", e))?,
        revoked: reason.map(reason_of),
    })
}

/// The next certificates that an act touched one by one, after the cursor.
///
/// # Errors
/// When the database fails.
pub async fn of_act(
    tx: &mut Tx,
    act: RevocationId,
    kind: RevocationAct,
    after: (AuthorityId, &str),
    limit: i64,
) -> StoreResult<Vec<Record>> {
    let sql = if kind == RevocationAct::Release { LIFTED_BY } else { CUT_BY };
    let rows: Vec<Row> = within!(tx, |executor| {
        sqlx::query_as(sql).bind(act.0).bind(after.0.0).bind(after.1).bind(limit).fetch_all(executor).await
    })?;
    rows.into_iter().map(record).collect()
}

/// The next certificates of devices that an authority signed, after a serial.
///
/// # Errors
/// When the database fails.
pub async fn of_authority(tx: &mut Tx, authority: AuthorityId, after: &str, limit: i64) -> StoreResult<Vec<Record>> {
    let rows: Vec<Row> = within!(tx, |executor| {
        sqlx::query_as(SIGNED_BY).bind(authority.0).bind(after).bind(limit).fetch_all(executor).await
    })?;
    rows.into_iter().map(record).collect()
}

/// Writes how certificates of one authority stand.
///
/// # Errors
/// When the database fails.
pub async fn set_status(
    tx: &mut Tx,
    authority: AuthorityId,
    serials: &[&str],
    status: CertificateStatus,
    reason: Option<RevocationReason>,
    at: Timestamp,
) -> StoreResult<()> {
    for chunk in serials.chunks(crate::db::INSERT_ROWS) {
        let places: Vec<String> = (5..chunk.len() + 5).map(|n| format!("${n}")).collect();
        let sql = format!(
            "UPDATE certificate SET status = $2, reason = $3, status_at = $4 WHERE authority_id = $1 \
             AND serial IN ({})",
            places.join(", ")
        );
        within!(tx, |executor| {
            let mut query = sqlx::query(AssertSqlSafe(sql))
                .bind(authority.0)
                .bind(status.as_str())
                .bind(reason.map_or("", RevocationReason::as_str))
                .bind(at.0);
            for serial in chunk {
                query = query.bind(*serial);
            }
            query.execute(executor).await.map(drop)
        })?;
    }
    Ok(())
}

/// Devices by their ids, held by the transaction until its end, in the order in which every deed locks them.
///
/// # Errors
/// When the database fails.
pub async fn lock_devices(tx: &mut Tx, ids: &[DeviceId]) -> StoreResult<Vec<Device>> {
    let mut out = Vec::with_capacity(ids.len());
    for chunk in ids.chunks(crate::db::INSERT_ROWS) {
        let suffix = if matches!(tx, Tx::Postgres(_)) { " FOR UPDATE" } else { "" };
        let sql = format!(
            "SELECT {} FROM device d WHERE d.id IN ({}) ORDER BY d.id{suffix}",
            device::COLUMNS,
            crate::db::placeholders(chunk.len())
        );
        let rows: Vec<DeviceRow> = within!(tx, |executor| {
            let mut query = sqlx::query_as(AssertSqlSafe(sql));
            for id in chunk {
                query = query.bind(id.0);
            }
            query.fetch_all(executor).await
        })?;
        for row in rows {
            out.push(row.try_into()?);
        }
    }
    Ok(out)
}

/// When the last thing happened to each of these devices.
///
/// # Errors
/// When the database fails.
pub async fn last_events(tx: &mut Tx, ids: &[DeviceId]) -> StoreResult<HashMap<DeviceId, Timestamp>> {
    let mut out = HashMap::with_capacity(ids.len());
    for chunk in ids.chunks(crate::db::INSERT_ROWS) {
        let sql = format!(
            "SELECT device_id, MAX(at) FROM history WHERE device_id IN ({}) GROUP BY device_id",
            crate::db::placeholders(chunk.len())
        );
        let rows: Vec<(Uuid, i64)> = within!(tx, |executor| {
            let mut query = sqlx::query_as(AssertSqlSafe(sql));
            for id in chunk {
                query = query.bind(id.0);
            }
            query.fetch_all(executor).await
        })?;
        out.extend(rows.into_iter().map(|(id, at)| (DeviceId(id), Timestamp(at))));
    }
    Ok(out)
}

/// Which of these devices a rule or a person has ever quarantined, whatever came after.
///
/// # Errors
/// When the database fails.
pub async fn ever_quarantined(tx: &mut Tx, ids: &[DeviceId]) -> StoreResult<Vec<DeviceId>> {
    let mut out = Vec::new();
    for chunk in ids.chunks(crate::db::INSERT_ROWS) {
        let sql = format!(
            "SELECT DISTINCT device_id FROM history WHERE kind = 'quarantined' AND device_id IN ({})",
            crate::db::placeholders(chunk.len())
        );
        let rows: Vec<Uuid> = within!(tx, |executor| {
            let mut query = sqlx::query_scalar(AssertSqlSafe(sql));
            for id in chunk {
                query = query.bind(id.0);
            }
            query.fetch_all(executor).await
        })?;
        out.extend(rows.into_iter().map(DeviceId));
    }
    Ok(out)
}
