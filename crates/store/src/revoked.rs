//! What is cut off: certificates one by one, and authorities with all that they signed.

pub mod cut;
pub mod record;
pub mod target;

use crate::{Db, StoreResult, Tx};
use domain::{
    certificate::{CertificatePurpose, RevocationReason},
    id::{AuthorityId, RevocationId},
    time::Timestamp,
};
use sqlx::AssertSqlSafe;
use uuid::Uuid;

/// In whose name certificates are listed that a renewal has superseded: of no act.
pub const SUPERSEDED: RevocationId = RevocationId(Uuid::nil());

/// A certificate that is cut off on its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Revoked {
    /// Who signed it.
    pub authority: AuthorityId,
    /// Its serial, in hexadecimal.
    pub serial: String,
    /// Since when.
    pub at: Timestamp,
    /// By which act; [`SUPERSEDED`] by a renewal.
    pub revocation: RevocationId,
    /// Why.
    pub reason: RevocationReason,
}

/// What a CRL may have to list: a serial, and when its certificate ends (0 when we don't have it).
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct Listed {
    /// The serial, in hexadecimal.
    pub serial: String,
    /// When the certificate ends, in microseconds.
    pub not_after: i64,
    /// Since when it is cut off.
    pub at: i64,
    /// The number of the reason.
    pub reason: i64,
}

/// A certificate that we know of, for whoever asks whether it counts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Known {
    /// What it is for.
    pub purpose: CertificatePurpose,
    /// Whether it is cut off on its own, since when, why and by which act.
    pub revoked: Option<(Timestamp, RevocationReason, RevocationId)>,
}

#[derive(sqlx::FromRow)]
struct Row {
    authority_id: Uuid,
    serial: String,
    at: i64,
    revocation_id: Uuid,
    reason: i64,
}

/// The reason of a stored number. What we don't know counts as revoked for no given reason, never as on hold.
#[must_use]
pub fn reason_of(code: i64) -> RevocationReason {
    let known = u8::try_from(code).ok().and_then(RevocationReason::of_code);
    known.unwrap_or(RevocationReason::Unspecified)
}

impl From<Row> for Revoked {
    fn from(row: Row) -> Self {
        Self {
            authority: AuthorityId(row.authority_id),
            serial: row.serial,
            at: Timestamp(row.at),
            revocation: RevocationId(row.revocation_id),
            reason: reason_of(row.reason),
        }
    }
}

queries! {
    OF_AUTHORITY = "SELECT r.authority_id, r.serial, r.at, r.revocation_id, r.reason FROM revoked r \
                    LEFT JOIN certificate c ON c.authority_id = r.authority_id AND c.serial = r.serial \
                    WHERE r.authority_id = $1 AND r.lifted_at = 0 AND COALESCE(c.not_after, $2) >= $2";
    ONE = "SELECT authority_id, serial, at, revocation_id, reason FROM revoked \
           WHERE authority_id = $1 AND serial = $2 AND lifted_at = 0";
    TOUCHED = "SELECT t.authority_id, t.serial, r.at, r.revocation_id, r.reason FROM \
               (SELECT authority_id, serial FROM revoked WHERE revocation_id = $1 \
               UNION SELECT authority_id, serial FROM revoked WHERE lifted_by = $1 AND lifted_at > 0) t \
               LEFT JOIN revoked r ON r.authority_id = t.authority_id AND r.serial = t.serial AND r.lifted_at = 0";
    AUTHORITIES_OF = "SELECT DISTINCT authority_id FROM revoked WHERE revocation_id = $1 OR (lifted_by = $1 AND lifted_at > 0)";
    LISTED = "SELECT r.serial, COALESCE(c.not_after, 0) AS not_after, r.at, r.reason FROM revoked r \
              LEFT JOIN certificate c ON c.authority_id = r.authority_id AND c.serial = r.serial \
              WHERE r.authority_id = $1 AND r.lifted_at = 0";
    SIGNED = "SELECT serial FROM certificate WHERE authority_id = $1 AND not_after >= $2 \
              AND purpose <> 'ocsp_responder'";
    KNOWN = "SELECT c.purpose, r.at, r.reason, r.revocation_id FROM certificate c \
             LEFT JOIN revoked r ON r.authority_id = c.authority_id AND r.serial = c.serial AND r.lifted_at = 0 \
             WHERE c.authority_id = $1 AND c.serial = $2";
    LIFTED_SINCE = "SELECT COUNT(*) FROM revoked WHERE authority_id = $1 AND serial = $2 AND lifted_at >= $3";
    LIFT = "UPDATE revoked SET lifted_at = $3, lifted_by = $4 WHERE authority_id = $1 AND serial = $2 \
            AND revocation_id = $5 AND reason = 6 AND lifted_at = 0";
}

const INSERT: &str = "INSERT INTO revoked (authority_id, serial, at, revocation_id, reason)";

/// Cuts certificates off.
///
/// # Errors
/// [`crate::StoreError::Exists`] when one is cut off already.
pub async fn insert_many(tx: &mut Tx, rows: &[Revoked]) -> StoreResult<()> {
    insert_many!(tx, rows, INSERT, 5, |query, row| query
        .bind(row.authority.0)
        .bind(&row.serial)
        .bind(row.at.0)
        .bind(row.revocation.0)
        .bind(i64::from(row.reason.code())));
    Ok(())
}

/// Lifts one act's hold of certificates of one authority: a release, or the end of the hold by a revocation for good.
/// False when one of them is not on hold by that act any more; then the transaction is to be dropped.
///
/// # Errors
/// When the database fails.
pub async fn lift(
    tx: &mut Tx,
    authority: AuthorityId,
    (serials, hold): (&[&str], RevocationId),
    at: Timestamp,
    by: RevocationId,
) -> StoreResult<bool> {
    if let [serial] = serials {
        let done = within!(tx, |executor| {
            let query = sqlx::query(LIFT).bind(authority.0).bind(*serial).bind(at.0).bind(by.0).bind(hold.0);
            query.execute(executor).await.map(|done| done.rows_affected())
        })?;
        return Ok(done == 1);
    }
    for chunk in serials.chunks(crate::db::INSERT_ROWS) {
        let places: Vec<String> = (5..chunk.len() + 5).map(|n| format!("${n}")).collect();
        let sql = format!(
            "UPDATE revoked SET lifted_at = $2, lifted_by = $3 WHERE authority_id = $1 AND revocation_id = $4 \
             AND reason = 6 AND lifted_at = 0 AND serial IN ({})",
            places.join(", ")
        );
        let done = within!(tx, |executor| {
            let mut query = sqlx::query(AssertSqlSafe(sql)).bind(authority.0).bind(at.0).bind(by.0).bind(hold.0);
            for serial in chunk {
                query = query.bind(*serial);
            }
            query.execute(executor).await.map(|done| done.rows_affected())
        })?;
        if done != chunk.len() as u64 {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Everything of one authority that is cut off on its own and had not ended by then.
///
/// # Errors
/// When the database fails.
pub async fn of_authority(db: &Db, authority: AuthorityId, since: Timestamp) -> StoreResult<Vec<Revoked>> {
    let rows: Vec<Row> =
        read!(db, |pool| sqlx::query_as(OF_AUTHORITY).bind(authority.0).bind(since.0).fetch_all(pool).await)?;
    Ok(rows.into_iter().map(Into::into).collect())
}

/// Whether one certificate is cut off on its own.
///
/// # Errors
/// When the database fails.
pub async fn one(db: &Db, authority: AuthorityId, serial: &str) -> StoreResult<Option<Revoked>> {
    let row: Option<Row> =
        read!(db, |pool| sqlx::query_as(ONE).bind(authority.0).bind(serial).fetch_optional(pool).await)?;
    Ok(row.map(Into::into))
}

/// Whether one certificate is cut off on its own, as the transaction sees it.
///
/// # Errors
/// When the database fails.
pub async fn one_within(tx: &mut Tx, authority: AuthorityId, serial: &str) -> StoreResult<Option<Revoked>> {
    let row: Option<Row> =
        within!(tx, |executor| sqlx::query_as(ONE).bind(authority.0).bind(serial).fetch_optional(executor).await)?;
    Ok(row.map(Into::into))
}

type Touched = (Uuid, String, Option<i64>, Option<Uuid>, Option<i64>);

/// The certificates that an act cut off or released, each with what cuts it off now.
///
/// # Errors
/// When the database fails.
pub async fn touched(db: &Db, act: RevocationId) -> StoreResult<Vec<(AuthorityId, String, Option<Revoked>)>> {
    let rows: Vec<Touched> = read!(db, |pool| sqlx::query_as(TOUCHED).bind(act.0).fetch_all(pool).await)?;
    let now = |(authority, serial, at, revocation, reason): Touched| {
        let authority = AuthorityId(authority);
        let revoked = at.zip(revocation).zip(reason).map(|((at, revocation), reason)| Revoked {
            authority,
            serial: serial.clone(),
            at: Timestamp(at),
            revocation: RevocationId(revocation),
            reason: reason_of(reason),
        });
        (authority, serial, revoked)
    };
    Ok(rows.into_iter().map(now).collect())
}

/// The authorities of whose certificates an act cut off or released some one by one.
///
/// # Errors
/// When the database fails.
pub async fn authorities_of(db: &Db, act: RevocationId) -> StoreResult<Vec<AuthorityId>> {
    let ids: Vec<Uuid> = read!(db, |pool| sqlx::query_scalar(AUTHORITIES_OF).bind(act.0).fetch_all(pool).await)?;
    Ok(ids.into_iter().map(AuthorityId).collect())
}

/// What of an authority is cut off on its own, as its CRL needs it.
///
/// # Errors
/// When the database fails.
pub async fn listed(db: &Db, authority: AuthorityId) -> StoreResult<Vec<Listed>> {
    Ok(read!(db, |pool| sqlx::query_as(LISTED).bind(authority.0).fetch_all(pool).await)?)
}

/// All that an authority signed and that had not ended by then, but for its OCSP responders, which must go on
/// answering for it: their serials.
///
/// # Errors
/// When the database fails.
pub async fn signed(db: &Db, authority: AuthorityId, since: Timestamp) -> StoreResult<Vec<String>> {
    Ok(read!(db, |pool| sqlx::query_scalar(SIGNED).bind(authority.0).bind(since.0).fetch_all(pool).await)?)
}

type KnownRow = (String, Option<i64>, Option<i64>, Option<Uuid>);

/// A certificate by who signed it and its serial, if it was ever signed here.
///
/// # Errors
/// When the database fails.
pub async fn known(db: &Db, authority: AuthorityId, serial: &str) -> StoreResult<Option<Known>> {
    let row: Option<KnownRow> =
        read!(db, |pool| sqlx::query_as(KNOWN).bind(authority.0).bind(serial).fetch_optional(pool).await)?;
    row.map(|(purpose, at, reason, act)| {
        Ok(Known {
            purpose: purpose.parse().map_err(|e| crate::StoreError::corrupt("certificate.purpose", e))?,
            revoked: at
                .zip(reason)
                .zip(act)
                .map(|((at, reason), act)| (Timestamp(at), reason_of(reason), RevocationId(act))),
        })
    })
    .transpose()
}

/// Whether a certificate was released at that time or later.
///
/// # Errors
/// When the database fails.
pub async fn lifted_since(db: &Db, authority: AuthorityId, serial: &str, since: Timestamp) -> StoreResult<bool> {
    let n: i64 = read!(db, |pool| sqlx::query_scalar(LIFTED_SINCE)
        .bind(authority.0)
        .bind(serial)
        .bind(since.0)
        .fetch_one(pool)
        .await)?;
    Ok(n > 0)
}
