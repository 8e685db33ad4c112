//! Vouchers: a certificate for one device, fetched once. The database knows a voucher by its hash.

use crate::{Db, StoreResult, Tx, user::some_time};
use domain::{
    id::{CertificateId, DeviceId, RepairId, VoucherId},
    time::Timestamp,
};
use sqlx::AssertSqlSafe;
use uuid::Uuid;

/// A voucher, without its secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Voucher {
    /// Its id.
    pub id: VoucherId,
    /// The device that it is for.
    pub device_id: DeviceId,
    /// The device's serial.
    pub serial: String,
    /// The repair that it is part of.
    pub case_id: RepairId,
    /// Who made it.
    pub made_by: String,
    /// When.
    pub made_at: Timestamp,
    /// Until when it counts.
    pub expires_at: Timestamp,
    /// When another one took its place; a time before it was made when a restore of the console ended it.
    pub void_at: Option<Timestamp>,
    /// When it was used.
    pub used_at: Option<Timestamp>,
    /// SHA-256 of the public key that it was used for, in hexadecimal; empty before.
    pub used_key: String,
    /// The certificate that was issued for it.
    pub certificate_id: Option<CertificateId>,
}

impl Voucher {
    /// Whether a restore of the console ended it: it was not used when the backup was made, and may have been since.
    #[must_use]
    pub fn may_have_been_used(&self) -> bool {
        self.used_at.is_none() && self.void_at.is_some_and(|at| at < self.made_at)
    }
}

#[derive(sqlx::FromRow)]
struct Row {
    id: Uuid,
    device_id: Uuid,
    serial: String,
    case_id: Uuid,
    made_by: String,
    made_at: i64,
    expires_at: i64,
    void_at: i64,
    used_at: i64,
    used_key: String,
    certificate_id: Option<Uuid>,
}

impl From<Row> for Voucher {
    fn from(row: Row) -> Self {
        Self {
            id: VoucherId(row.id),
            device_id: DeviceId(row.device_id),
            serial: row.serial,
            case_id: RepairId(row.case_id),
            made_by: row.made_by,
            made_at: Timestamp(row.made_at),
            expires_at: Timestamp(row.expires_at),
            void_at: some_time(row.void_at),
            used_at: some_time(row.used_at),
            used_key: row.used_key,
            certificate_id: row.certificate_id.map(CertificateId),
        }
    }
}

macro_rules! columns {
    () => {
        "v.id, v.device_id, d.serial, v.case_id, v.made_by, v.made_at, v.expires_at, v.void_at, v.used_at, v.used_key, \
         v.certificate_id FROM enrolment_voucher v JOIN device d ON d.id = v.device_id"
    };
}

queries! {
    BY_HASH = concat!("SELECT ", columns!(), " WHERE v.hash = $1");
    LAST = concat!("SELECT ", columns!(), " WHERE v.case_id = $1 ORDER BY v.id DESC LIMIT 1");
    USED_OF = concat!("SELECT ", columns!(), " WHERE v.case_id = $1 AND (v.used_at > 0 OR (v.void_at > 0 AND \
                      v.void_at < v.made_at)) ORDER BY v.id DESC LIMIT 1");
    INSERT = "INSERT INTO enrolment_voucher (id, hash, device_id, case_id, made_by, made_at, expires_at) \
              VALUES ($1, $2, $3, $4, $5, $6, $7)";
    VOID = "UPDATE enrolment_voucher SET void_at = $2 WHERE case_id = $1 AND used_at = 0 AND void_at = 0";
    USE = "UPDATE enrolment_voucher SET used_at = $2, used_key = $3, certificate_id = $4 \
           WHERE id = $1 AND used_at = 0 AND void_at = 0";
}

/// The voucher with this hash.
///
/// # Errors
/// When the database fails.
pub async fn by_hash(db: &Db, hash: &str) -> StoreResult<Option<Voucher>> {
    let row: Option<Row> = read!(db, |pool| sqlx::query_as(BY_HASH).bind(hash).fetch_optional(pool).await)?;
    Ok(row.map(Into::into))
}

/// The same, held by the transaction until its end.
///
/// # Errors
/// When the database fails.
pub async fn lock(tx: &mut Tx, hash: &str) -> StoreResult<Option<Voucher>> {
    let row: Option<Row> = match tx {
        Tx::Sqlite(tx) => sqlx::query_as(BY_HASH).bind(hash).fetch_optional(&mut **tx).await?,
        Tx::Postgres(tx) => {
            let sql = AssertSqlSafe(format!("{BY_HASH} FOR UPDATE OF v"));
            sqlx::query_as(sql).bind(hash).fetch_optional(&mut **tx).await?
        }
    };
    Ok(row.map(Into::into))
}

/// The last voucher of a repair.
///
/// # Errors
/// When the database fails.
pub async fn last_of(db: &Db, case: RepairId) -> StoreResult<Option<Voucher>> {
    let row: Option<Row> = read!(db, |pool| sqlx::query_as(LAST).bind(case.0).fetch_optional(pool).await)?;
    Ok(row.map(Into::into))
}

/// The voucher of a repair that was used or [may have been](Voucher::may_have_been_used), the last one of several.
///
/// # Errors
/// When the database fails.
pub async fn used_of(db: &Db, case: RepairId) -> StoreResult<Option<Voucher>> {
    let row: Option<Row> = read!(db, |pool| sqlx::query_as(USED_OF).bind(case.0).fetch_optional(pool).await)?;
    Ok(row.map(Into::into))
}

/// The same, as the transaction sees it.
///
/// # Errors
/// When the database fails.
pub async fn used_of_within(tx: &mut Tx, case: RepairId) -> StoreResult<Option<Voucher>> {
    let row: Option<Row> = within!(tx, |executor| sqlx::query_as(USED_OF).bind(case.0).fetch_optional(executor).await)?;
    Ok(row.map(Into::into))
}

/// Keeps a voucher; those of the same repair before it count no more.
///
/// # Errors
/// When the database fails.
pub async fn put(tx: &mut Tx, voucher: &Voucher, hash: &str) -> StoreResult<()> {
    void(tx, voucher.case_id, voucher.made_at).await?;
    within!(tx, |executor| {
        sqlx::query(INSERT)
            .bind(voucher.id.0)
            .bind(hash)
            .bind(voucher.device_id.0)
            .bind(voucher.case_id.0)
            .bind(&voucher.made_by)
            .bind(voucher.made_at.0)
            .bind(voucher.expires_at.0)
            .execute(executor)
            .await
            .map(drop)
    })?;
    Ok(())
}

/// Lets the vouchers of a repair that were not used count no more.
///
/// # Errors
/// When the database fails.
pub async fn void(tx: &mut Tx, case: RepairId, at: Timestamp) -> StoreResult<()> {
    within!(tx, |executor| sqlx::query(VOID).bind(case.0).bind(at.0).execute(executor).await.map(drop))?;
    Ok(())
}

/// Notes that a voucher was used. False when it was before, or counts no more.
///
/// # Errors
/// When the database fails.
pub async fn used(
    tx: &mut Tx,
    id: VoucherId,
    at: Timestamp,
    (key, issued): (&str, CertificateId),
) -> StoreResult<bool> {
    let done = within!(tx, |executor| {
        let query = sqlx::query(USE).bind(id.0).bind(at.0).bind(key).bind(issued.0);
        query.execute(executor).await.map(|done| done.rows_affected())
    })?;
    Ok(done == 1)
}
