//! Authorities that are cut off, with all that they signed.

use super::reason_of;
use crate::{Db, StoreError, StoreResult, Tx};
use domain::{
    authority::{AuthorityKind, AuthorityState},
    certificate::RevocationReason,
    id::{AuthorityId, BatchId, CustodianId, RevocationId},
    revocation::RevocationAct,
    time::Timestamp,
};
use uuid::Uuid;

/// One row that cuts an authority off.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cut {
    /// The authority.
    pub authority: AuthorityId,
    /// By which act.
    pub revocation: RevocationId,
    /// Since when.
    pub at: Timestamp,
    /// Held or revoked.
    pub act: RevocationAct,
    /// Why.
    pub reason: RevocationReason,
    /// In which state the authority was before anything cut it off.
    pub state_before: AuthorityState,
}

/// An authority as far as deciding and publishing need it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signer {
    /// Its id.
    pub id: AuthorityId,
    /// What kind it is.
    pub kind: AuthorityKind,
    /// Its word in addresses.
    pub slug: String,
    /// Its name.
    pub name: String,
    /// What signed it, where we know that.
    pub parent: Option<AuthorityId>,
    /// The factory that it is for.
    pub factory: Option<CustodianId>,
    /// The batch that it is for.
    pub batch: Option<BatchId>,
    /// In which state it is.
    pub state: AuthorityState,
    /// Where its key is.
    pub key_location: String,
    /// Its certificate, in DER.
    pub certificate: Vec<u8>,
    /// The serial of its certificate, in hexadecimal.
    pub serial: String,
    /// Its subject key identifier, in hexadecimal.
    pub key_id: String,
    /// When its certificate ends.
    pub not_after: Timestamp,
}

#[derive(sqlx::FromRow)]
struct Row {
    authority_id: Uuid,
    revocation_id: Uuid,
    at: i64,
    act: String,
    reason: i64,
    state_before: String,
}

impl TryFrom<Row> for Cut {
    type Error = StoreError;
    fn try_from(row: Row) -> StoreResult<Self> {
        Ok(Self {
            authority: AuthorityId(row.authority_id),
            revocation: RevocationId(row.revocation_id),
            at: Timestamp(row.at),
            act: row.act.parse().map_err(|e| StoreError::corrupt("authority_cut.act", e))?,
            reason: reason_of(row.reason),
            state_before: row.state_before.parse().map_err(|e| StoreError::corrupt("authority_cut.state_before", e))?,
        })
    }
}

#[derive(sqlx::FromRow)]
struct SignerRow {
    id: Uuid,
    kind: String,
    slug: String,
    name: String,
    parent_id: Option<Uuid>,
    factory_id: Option<Uuid>,
    batch_id: Option<Uuid>,
    state: String,
    key_location: String,
    certificate: Vec<u8>,
    serial: String,
    key_id: String,
    not_after: i64,
}

impl TryFrom<SignerRow> for Signer {
    type Error = StoreError;
    fn try_from(row: SignerRow) -> StoreResult<Self> {
        Ok(Self {
            id: AuthorityId(row.id),
            kind: row.kind.parse().map_err(|e| StoreError::corrupt("authority.kind", e))?,
            slug: row.slug,
            name: row.name,
            parent: row.parent_id.map(AuthorityId),
            factory: row.factory_id.map(CustodianId),
            batch: row.batch_id.map(BatchId),
            state: row.state.parse().map_err(|e| StoreError::corrupt("authority.state", e))?,
            key_location: row.key_location,
            certificate: row.certificate,
            serial: row.serial,
            key_id: row.key_id,
            not_after: Timestamp(row.not_after),
        })
    }
}

/// SQLite has one writer and no arrays.
const LOCK: &str = "SELECT id FROM authority WHERE id = ANY($1) ORDER BY id FOR UPDATE";

queries! {
    ALIVE = "SELECT authority_id, revocation_id, at, act, reason, state_before FROM authority_cut \
             WHERE lifted_at = 0 ORDER BY authority_id, at";
    OF_ACT = "SELECT authority_id FROM authority_cut WHERE revocation_id = $1 ORDER BY authority_id";
    LIFTED_BY = "SELECT authority_id FROM authority_cut WHERE lifted_by = $1 ORDER BY authority_id";
    INSERT = "INSERT INTO authority_cut (authority_id, revocation_id, at, act, reason, state_before) \
              VALUES ($1, $2, $3, $4, $5, $6)";
    LIFT = "UPDATE authority_cut SET lifted_at = $3, lifted_by = $4 WHERE authority_id = $1 AND act = 'hold' \
            AND revocation_id = $2 AND lifted_at = 0";
    SET_STATE = "UPDATE authority SET state = $2, state_at = $3 WHERE id = $1";
    SIGNERS = "SELECT id, kind, slug, name, parent_id, factory_id, batch_id, state, key_location, certificate, serial, \
               key_id, not_after FROM authority WHERE certificate IS NOT NULL ORDER BY id";
}

/// What cuts authorities off now.
///
/// # Errors
/// When the database fails.
pub async fn alive(db: &Db) -> StoreResult<Vec<Cut>> {
    let rows: Vec<Row> = read!(db, |pool| sqlx::query_as(ALIVE).fetch_all(pool).await)?;
    rows.into_iter().map(TryInto::try_into).collect()
}

/// What cuts authorities off, as the transaction sees it.
///
/// # Errors
/// When the database fails.
pub async fn alive_within(tx: &mut Tx) -> StoreResult<Vec<Cut>> {
    let rows: Vec<Row> = within!(tx, |executor| sqlx::query_as(ALIVE).fetch_all(executor).await)?;
    rows.into_iter().map(TryInto::try_into).collect()
}

/// Cuts an authority off.
///
/// # Errors
/// When the database fails.
pub async fn insert(tx: &mut Tx, cut: &Cut) -> StoreResult<()> {
    within!(tx, |executor| {
        sqlx::query(INSERT)
            .bind(cut.authority.0)
            .bind(cut.revocation.0)
            .bind(cut.at.0)
            .bind(cut.act.as_str())
            .bind(i64::from(cut.reason.code()))
            .bind(cut.state_before.as_str())
            .execute(executor)
            .await
            .map(drop)
    })?;
    Ok(())
}

/// Lifts a hold of an authority.
///
/// # Errors
/// When the database fails.
pub async fn lift(tx: &mut Tx, cut: &Cut, at: Timestamp, by: RevocationId) -> StoreResult<()> {
    within!(tx, |executor| {
        sqlx::query(LIFT)
            .bind(cut.authority.0)
            .bind(cut.revocation.0)
            .bind(at.0)
            .bind(by.0)
            .execute(executor)
            .await
            .map(drop)
    })?;
    Ok(())
}

/// Puts an authority in a state. Done first by whoever cuts it off, this waits for what is being signed and stops what
/// would be signed next.
///
/// # Errors
/// When the database fails.
pub async fn set_state(tx: &mut Tx, authority: AuthorityId, state: AuthorityState, at: Timestamp) -> StoreResult<()> {
    within!(tx, |executor| {
        sqlx::query(SET_STATE).bind(authority.0).bind(state.as_str()).bind(at.0).execute(executor).await.map(drop)
    })?;
    Ok(())
}

/// Makes other acts on these authorities, and whoever would sign by them, wait until the transaction ends. What was read
/// of them before may have changed until then.
///
/// # Errors
/// When the database fails.
pub async fn lock(tx: &mut Tx, authorities: &[AuthorityId]) -> StoreResult<()> {
    let Tx::Postgres(tx) = tx else { return Ok(()) };
    let ids: Vec<Uuid> = authorities.iter().map(|id| id.0).collect();
    sqlx::query(LOCK).bind(ids).fetch_all(&mut **tx).await?;
    Ok(())
}

/// The authorities that an act cut off.
///
/// # Errors
/// When the database fails.
pub async fn of_act(db: &Db, act: RevocationId) -> StoreResult<Vec<AuthorityId>> {
    let ids: Vec<Uuid> = read!(db, |pool| sqlx::query_scalar(OF_ACT).bind(act.0).fetch_all(pool).await)?;
    Ok(ids.into_iter().map(AuthorityId).collect())
}

/// The authorities that an act released.
///
/// # Errors
/// When the database fails.
pub async fn lifted_by(db: &Db, act: RevocationId) -> StoreResult<Vec<AuthorityId>> {
    let ids: Vec<Uuid> = read!(db, |pool| sqlx::query_scalar(LIFTED_BY).bind(act.0).fetch_all(pool).await)?;
    Ok(ids.into_iter().map(AuthorityId).collect())
}

/// Every authority that has a certificate.
///
/// # Errors
/// When the database fails.
pub async fn signers(db: &Db) -> StoreResult<Vec<Signer>> {
    let rows: Vec<SignerRow> = read!(db, |pool| sqlx::query_as(SIGNERS).fetch_all(pool).await)?;
    rows.into_iter().map(TryInto::try_into).collect()
}

/// Every authority that has a certificate, as the transaction sees it.
///
/// # Errors
/// When the database fails.
pub async fn signers_within(tx: &mut Tx) -> StoreResult<Vec<Signer>> {
    let rows: Vec<SignerRow> = within!(tx, |executor| sqlx::query_as(SIGNERS).fetch_all(executor).await)?;
    rows.into_iter().map(TryInto::try_into).collect()
}
