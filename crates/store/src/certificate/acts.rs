//! What was done to certificates: holds and revocations, of one alone or of all that an authority signed.

use crate::{Db, StoreResult};
use domain::id::AuthorityId;
use uuid::Uuid;

/// What is told of an act: itself as `v`, and what lifted it as `l`.
macro_rules! act {
    () => {
        "v.id AS revocation, COALESCE(v.act, '') AS act, COALESCE(v.requested_by, '') AS asked, \
         COALESCE(v.approved_by, '') AS approved, COALESCE(v.note, '') AS note, l.id AS lifting, \
         COALESCE(l.requested_by, '') AS lifter"
    };
}
macro_rules! acts {
    () => {
        "LEFT JOIN revocation v ON v.id = t.revocation_id LEFT JOIN revocation l ON l.id = t.lifted_by"
    };
}

queries! {
    ACTS_ON = concat!("SELECT t.at, t.reason, t.lifted_at, ", act!(), " FROM revoked t ", acts!(),
               " WHERE t.authority_id = $1 AND t.serial = $2 ORDER BY t.at");
    CUTS_ON = concat!("SELECT t.at, t.reason, t.lifted_at, ", act!(), " FROM authority_cut t ", acts!(),
               " WHERE t.authority_id = $1 ORDER BY t.at");
}

/// Something that was done to one certificate alone.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct ActOn {
    /// When it took effect, in microseconds.
    pub at: i64,
    /// CRLReason.
    pub reason: i64,
    /// When it was lifted, in microseconds; 0 if it wasn't.
    pub lifted_at: i64,
    /// The act; none for what was superseded.
    pub revocation: Option<Uuid>,
    /// `hold` or `revoke`; empty for what was superseded.
    pub act: String,
    /// Who asked for it.
    pub asked: String,
    /// Who approved it; may be empty.
    pub approved: String,
    /// Why.
    pub note: String,
    /// The act that lifted it.
    pub lifting: Option<Uuid>,
    /// Who asked for what lifted it; may be empty.
    pub lifter: String,
}

/// What was done to one certificate alone, oldest first.
///
/// # Errors
/// When the database fails.
pub async fn acts_on(db: &Db, authority: AuthorityId, serial: &str) -> StoreResult<Vec<ActOn>> {
    Ok(read!(db, |pool| sqlx::query_as(ACTS_ON).bind(authority.0).bind(serial).fetch_all(pool).await)?)
}

/// What was done to an authority, and so to all that it signed; also what was lifted. Oldest first.
///
/// # Errors
/// When the database fails.
pub async fn cuts_on(db: &Db, authority: AuthorityId) -> StoreResult<Vec<ActOn>> {
    Ok(read!(db, |pool| sqlx::query_as(CUTS_ON).bind(authority.0).fetch_all(pool).await)?)
}
