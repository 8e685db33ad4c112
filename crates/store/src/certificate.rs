//! Certificates that were issued. Rows are never deleted; what changes is how they stand.

macro_rules! columns {
    () => {
        "c.id, c.authority_id, c.serial, c.purpose, c.device_id, c.device_serial, c.factory_id, c.name, \
         c.public_key_sha256, c.status, c.reason, c.status_at, c.not_before, c.not_after, c.issued_at, c.issued_by, \
         c.first_used_at, c.replaces"
    };
}

pub(crate) mod acts;
pub(crate) mod batch;
pub(crate) mod claims;
mod list;

pub use acts::{ActOn, acts_on, cuts_on};
pub use batch::{awaiting, issued_in_batch, undelivered, without};
pub use claims::{claim, is_compromised, move_claim, own_key, unclaim};
pub use list::{CertificateCursor, CertificateFilter, CertificatePage, count, page};

use crate::{Db, StoreError, StoreResult, Tx, user::some_time};
use domain::{
    certificate::{Certificate, CertificateStatus},
    id::{AuthorityId, CertificateId, CustodianId, DeviceId},
    time::Timestamp,
};
use uuid::Uuid;

#[derive(sqlx::FromRow)]
pub(crate) struct Row {
    id: Uuid,
    authority_id: Uuid,
    serial: String,
    purpose: String,
    device_id: Option<Uuid>,
    device_serial: String,
    factory_id: Option<Uuid>,
    name: String,
    public_key_sha256: String,
    status: String,
    reason: String,
    status_at: i64,
    not_before: i64,
    not_after: i64,
    issued_at: i64,
    issued_by: String,
    first_used_at: i64,
    replaces: Option<Uuid>,
}

impl TryFrom<Row> for Certificate {
    type Error = StoreError;
    fn try_from(row: Row) -> StoreResult<Self> {
        let reason = match row.reason.as_str() {
            "" => None,
            word => Some(word.parse().map_err(|e| StoreError::corrupt("certificate.reason", e))?),
        };
        Ok(Self {
            id: CertificateId(row.id),
            authority_id: AuthorityId(row.authority_id),
            serial: row.serial,
            purpose: row.purpose.parse().map_err(|e| StoreError::corrupt("certificate.purpose", e))?,
            device_id: row.device_id.map(DeviceId),
            device_serial: (!row.device_serial.is_empty()).then_some(row.device_serial),
            factory_id: row.factory_id.map(CustodianId),
            name: row.name,
            public_key_sha256: row.public_key_sha256,
            status: row.status.parse().map_err(|e| StoreError::corrupt("certificate.status", e))?,
            reason,
            status_at: Timestamp(row.status_at),
            not_before: Timestamp(row.not_before),
            not_after: Timestamp(row.not_after),
            issued_at: Timestamp(row.issued_at),
            issued_by: row.issued_by,
            first_used_at: some_time(row.first_used_at),
            replaces: row.replaces.map(CertificateId),
        })
    }
}

pub(crate) const COLUMNS: &str = columns!();

queries! {
    BY_ID = concat!("SELECT ", columns!(), " FROM certificate c WHERE c.id = $1");
    BY_SERIAL = concat!("SELECT ", columns!(), " FROM certificate c WHERE c.authority_id = $1 AND c.serial = $2");
    OF_DEVICE = concat!("SELECT ", columns!(), " FROM certificate c WHERE c.device_serial = $1 ORDER BY c.issued_at, c.id");
    OF_PURPOSE = concat!("SELECT ", columns!(), " FROM certificate c WHERE c.purpose = $1 ORDER BY c.id DESC LIMIT $2");
    STATIONS_OF = concat!("SELECT ", columns!(), " FROM certificate c WHERE c.purpose = 'station' \
                   AND c.factory_id = $1 ORDER BY c.id DESC LIMIT $2");
    REPLACED_BY = concat!("SELECT ", columns!(), " FROM certificate c WHERE c.replaces = $1 ORDER BY c.issued_at DESC, c.id DESC");
    WITH_DER = concat!("SELECT ", columns!(), ", c.der FROM certificate c WHERE c.authority_id = $1 AND c.serial = $2");
    DER = "SELECT der FROM certificate WHERE id = $1";
    COUNTS = "SELECT authority_id, status, COUNT(*) FROM certificate GROUP BY authority_id, status";
    ENDING = "SELECT COUNT(*) FROM certificate WHERE not_after >= $1 AND not_after < $2 AND status = 'valid'";
    RENEWED = "SELECT COUNT(*) FROM certificate WHERE replaces IS NOT NULL AND issued_at >= $1";
    ENDING_OF = "SELECT COUNT(*) FROM certificate WHERE not_after >= $1 AND not_after < $2 AND status = 'valid' \
                 AND authority_id = $3";
    RENEWED_OF = "SELECT COUNT(*) FROM certificate WHERE replaces IS NOT NULL AND issued_at >= $1 AND authority_id = $2";
    HAD_RESPONDER = "SELECT COUNT(*) FROM certificate c WHERE c.purpose = 'ocsp_responder' \
                     AND COALESCE(c.authority_id, c.id) = $1 AND c.issued_at <= $2 AND c.not_after > $2";
    LINK = "UPDATE certificate SET device_id = $2 WHERE id = $1";
    USED = "UPDATE certificate SET first_used_at = $2 WHERE id = $1 AND first_used_at = 0";
    SUPERSEDE = "UPDATE certificate SET status = 'superseded', reason = 'superseded', status_at = $2 \
                 WHERE id = $1 AND status = 'valid'";
}

const INSERT: &str = "INSERT INTO certificate (id, authority_id, serial, purpose, device_id, device_serial, factory_id, \
    name, der, public_key_sha256, status, reason, status_at, not_before, not_after, issued_at, issued_by, \
    first_used_at, replaces)";

/// A certificate by its id.
///
/// # Errors
/// When the database fails.
pub async fn by_id(db: &Db, id: CertificateId) -> StoreResult<Option<Certificate>> {
    let row: Option<Row> = read!(db, |pool| sqlx::query_as(BY_ID).bind(id.0).fetch_optional(pool).await)?;
    row.map(TryInto::try_into).transpose()
}

/// A certificate by its id, as the transaction sees it.
///
/// # Errors
/// When the database fails.
pub async fn by_id_within(tx: &mut Tx, id: CertificateId) -> StoreResult<Option<Certificate>> {
    let row: Option<Row> = within!(tx, |executor| sqlx::query_as(BY_ID).bind(id.0).fetch_optional(executor).await)?;
    row.map(TryInto::try_into).transpose()
}

/// A certificate by its issuer and its serial number.
///
/// # Errors
/// When the database fails.
pub async fn by_serial(db: &Db, authority: AuthorityId, serial: &str) -> StoreResult<Option<Certificate>> {
    let row: Option<Row> =
        read!(db, |pool| sqlx::query_as(BY_SERIAL).bind(authority.0).bind(serial).fetch_optional(pool).await)?;
    row.map(TryInto::try_into).transpose()
}

/// A certificate by its issuer and its serial number, with its bytes.
///
/// # Errors
/// When the database fails.
pub async fn with_der(db: &Db, authority: AuthorityId, serial: &str) -> StoreResult<Option<(Certificate, Vec<u8>)>> {
    let row: Option<WithDer> =
        read!(db, |pool| sqlx::query_as(WITH_DER).bind(authority.0).bind(serial).fetch_optional(pool).await)?;
    row.map(|row| Ok((row.certificate.try_into()?, row.der))).transpose()
}

/// The same, as the transaction sees it.
///
/// # Errors
/// When the database fails.
pub async fn with_der_within(
    tx: &mut Tx,
    authority: AuthorityId,
    serial: &str,
) -> StoreResult<Option<(Certificate, Vec<u8>)>> {
    let row: Option<WithDer> =
        within!(tx, |executor| sqlx::query_as(WITH_DER).bind(authority.0).bind(serial).fetch_optional(executor).await)?;
    row.map(|row| Ok((row.certificate.try_into()?, row.der))).transpose()
}

#[derive(sqlx::FromRow)]
struct WithDer {
    #[sqlx(flatten)]
    certificate: Row,
    der: Vec<u8>,
}

/// All certificates of a device, oldest first.
///
/// # Errors
/// When the database fails.
pub async fn of_device(db: &Db, device_serial: &str) -> StoreResult<Vec<Certificate>> {
    let rows: Vec<Row> = read!(db, |pool| sqlx::query_as(OF_DEVICE).bind(device_serial).fetch_all(pool).await)?;
    rows.into_iter().map(TryInto::try_into).collect()
}

/// All certificates of a device as the transaction sees them, oldest first.
///
/// # Errors
/// When the database fails.
pub async fn of_device_within(tx: &mut Tx, device_serial: &str) -> StoreResult<Vec<Certificate>> {
    let rows: Vec<Row> =
        within!(tx, |executor| sqlx::query_as(OF_DEVICE).bind(device_serial).fetch_all(executor).await)?;
    rows.into_iter().map(TryInto::try_into).collect()
}

/// Certificates of a purpose, newest first.
///
/// # Errors
/// When the database fails.
pub async fn of_purpose(db: &Db, purpose: &str, limit: i64) -> StoreResult<Vec<Certificate>> {
    let rows: Vec<Row> = read!(db, |pool| sqlx::query_as(OF_PURPOSE).bind(purpose).bind(limit).fetch_all(pool).await)?;
    rows.into_iter().map(TryInto::try_into).collect()
}

/// The certificates of a factory's stations, newest first.
///
/// # Errors
/// When the database fails.
pub async fn stations_of(db: &Db, factory: CustodianId, limit: i64) -> StoreResult<Vec<Certificate>> {
    let rows: Vec<Row> =
        read!(db, |pool| sqlx::query_as(STATIONS_OF).bind(factory.0).bind(limit).fetch_all(pool).await)?;
    rows.into_iter().map(TryInto::try_into).collect()
}

/// The certificates that take the place of this one, newest first.
///
/// # Errors
/// When the database fails.
pub async fn replacing(tx: &mut Tx, id: CertificateId) -> StoreResult<Vec<Certificate>> {
    let rows: Vec<Row> = within!(tx, |executor| sqlx::query_as(REPLACED_BY).bind(id.0).fetch_all(executor).await)?;
    rows.into_iter().map(TryInto::try_into).collect()
}

/// The certificates that were issued in the place of one, newest first.
///
/// # Errors
/// When the database fails.
pub async fn replaced_by(db: &Db, old: CertificateId) -> StoreResult<Vec<Certificate>> {
    let rows: Vec<Row> = read!(db, |pool| sqlx::query_as(REPLACED_BY).bind(old.0).fetch_all(pool).await)?;
    rows.into_iter().map(TryInto::try_into).collect()
}

/// Whether an authority had an OCSP responder at a time. They are few among the certificates of all authorities, and one
/// authority's certificates may be a hundred thousand; so they are looked for by their purpose.
///
/// # Errors
/// When the database fails.
pub async fn had_responder(db: &Db, authority: AuthorityId, at: Timestamp) -> StoreResult<bool> {
    let n: i64 =
        read!(db, |pool| sqlx::query_scalar(HAD_RESPONDER).bind(authority.0).bind(at.0).fetch_one(pool).await)?;
    Ok(n > 0)
}

/// The bytes of a certificate.
///
/// # Errors
/// When the database fails.
pub async fn der(db: &Db, id: CertificateId) -> StoreResult<Option<Vec<u8>>> {
    Ok(read!(db, |pool| sqlx::query_scalar(DER).bind(id.0).fetch_optional(pool).await)?)
}

/// Enters certificates with their bytes.
///
/// # Errors
/// [`StoreError::Exists`] when an authority already has one with this serial number.
pub async fn insert_many(tx: &mut Tx, certificates: &[(Certificate, Vec<u8>)]) -> StoreResult<()> {
    insert_many!(tx, certificates, INSERT, 19, |query, row| query
        .bind(row.0.id.0)
        .bind(row.0.authority_id.0)
        .bind(&row.0.serial)
        .bind(row.0.purpose.as_str())
        .bind(row.0.device_id.map(|id| id.0))
        .bind(row.0.device_serial.as_deref().unwrap_or_default())
        .bind(row.0.factory_id.map(|id| id.0))
        .bind(&row.0.name)
        .bind(row.1.as_slice())
        .bind(&row.0.public_key_sha256)
        .bind(row.0.status.as_str())
        .bind(row.0.reason.map_or("", |reason| reason.as_str()))
        .bind(row.0.status_at.0)
        .bind(row.0.not_before.0)
        .bind(row.0.not_after.0)
        .bind(row.0.issued_at.0)
        .bind(&row.0.issued_by)
        .bind(row.0.first_used_at.map_or(0, |at| at.0))
        .bind(row.0.replaces.map(|id| id.0)));
    Ok(())
}

/// How many certificates each authority has in each status.
///
/// # Errors
/// When the database fails.
pub async fn counts(db: &Db) -> StoreResult<Vec<(AuthorityId, CertificateStatus, i64)>> {
    let rows: Vec<(Uuid, String, i64)> = search!(db, |pool| sqlx::query_as(COUNTS).fetch_all(pool).await)?;
    let row = |(id, status, n): (Uuid, String, i64)| {
        let status = status.parse().map_err(|e| StoreError::corrupt("certificate.status", e))?;
        Ok((AuthorityId(id), status, n))
    };
    rows.into_iter().map(row).collect()
}

/// How many valid certificates end in a span of time; only those of one authority when one is given.
///
/// # Errors
/// When the database fails.
pub async fn ending(db: &Db, (from, to): (Timestamp, Timestamp), of: Option<AuthorityId>) -> StoreResult<i64> {
    Ok(match of {
        None => search!(db, |pool| sqlx::query_scalar(ENDING).bind(from.0).bind(to.0).fetch_one(pool).await)?,
        Some(of) => search!(db, |pool| {
            sqlx::query_scalar(ENDING_OF).bind(from.0).bind(to.0).bind(of.0).fetch_one(pool).await
        })?,
    })
}

/// How many certificates were renewed since then; only those of one authority when one is given.
///
/// # Errors
/// When the database fails.
pub async fn renewed_since(db: &Db, since: Timestamp, of: Option<AuthorityId>) -> StoreResult<i64> {
    Ok(match of {
        None => search!(db, |pool| sqlx::query_scalar(RENEWED).bind(since.0).fetch_one(pool).await)?,
        Some(of) => search!(db, |pool| sqlx::query_scalar(RENEWED_OF).bind(since.0).bind(of.0).fetch_one(pool).await)?,
    })
}

/// Says whose a certificate is, once its device was delivered.
///
/// # Errors
/// When the database fails.
pub async fn link(tx: &mut Tx, id: CertificateId, device: DeviceId) -> StoreResult<()> {
    within!(tx, |executor| sqlx::query(LINK).bind(id.0).bind(device.0).execute(executor).await.map(drop))?;
    Ok(())
}

/// Notes the first use of a certificate. False when it was used before.
///
/// # Errors
/// When the database fails.
pub async fn used(tx: &mut Tx, id: CertificateId, at: Timestamp) -> StoreResult<bool> {
    let done = within!(tx, |executor| {
        sqlx::query(USED).bind(id.0).bind(at.0).execute(executor).await.map(|done| done.rows_affected())
    })?;
    Ok(done == 1)
}

/// Says that another certificate took the place of this one. False when it wasn't valid any more.
///
/// # Errors
/// When the database fails.
pub async fn supersede(tx: &mut Tx, id: CertificateId, at: Timestamp) -> StoreResult<bool> {
    let done = within!(tx, |executor| {
        sqlx::query(SUPERSEDE).bind(id.0).bind(at.0).execute(executor).await.map(|done| done.rows_affected())
    })?;
    Ok(done == 1)
}
