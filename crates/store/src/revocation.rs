//! Acts of revocation: who cut off what, why, and how far devices' records have followed.

use crate::{Db, StoreError, StoreResult, Tx};
use domain::{
    id::{ApprovalId, AuthorityId, DeviceId, RevocationId},
    revocation::{RevocationAct, RevocationScope, RevocationState},
    time::Timestamp,
};
use uuid::Uuid;

/// An act of revocation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Revocation {
    /// Its id.
    pub id: RevocationId,
    /// What it is about.
    pub scope: RevocationScope,
    /// What is done.
    pub act: RevocationAct,
    /// A device's serial, `AUTHORITY/SERIAL`, a batch's or a factory's code; how many devices for a selection.
    pub subject: String,
    /// The fleet query of a selection, or empty.
    pub query: String,
    /// The word of the reason.
    pub reason: String,
    /// What was said about it; may be empty.
    pub note: String,
    /// What was shown to whoever asked, as JSON.
    pub preview: String,
    /// The hash of what was to be hit.
    pub preview_hash: String,
    /// How far it has come.
    pub state: RevocationState,
    /// Who asked.
    pub requested_by: String,
    /// When.
    pub requested_at: Timestamp,
    /// The second person, where one was needed.
    pub approved_by: Option<String>,
    /// The approval that was asked for.
    pub approval_id: Option<ApprovalId>,
    /// Since when it counts.
    pub effective_at: Option<Timestamp>,
    /// How many certificates' records are to follow.
    pub total: i64,
    /// How many have followed.
    pub applied: i64,
    /// Up to where they have followed: the authority and the serial of the last certificate.
    pub cursor: Option<(AuthorityId, String)>,
}

#[derive(sqlx::FromRow)]
struct Row {
    id: Uuid,
    scope: String,
    act: String,
    subject: String,
    query: String,
    reason: String,
    note: String,
    preview: String,
    preview_hash: String,
    state: String,
    requested_by: String,
    requested_at: i64,
    approved_by: String,
    approval_id: Option<Uuid>,
    effective_at: i64,
    total: i64,
    applied: i64,
    cursor_authority: Option<Uuid>,
    cursor_serial: String,
}

impl TryFrom<Row> for Revocation {
    type Error = StoreError;
    fn try_from(row: Row) -> StoreResult<Self> {
        Ok(Self {
            id: RevocationId(row.id),
            scope: row.scope.parse().map_err(|e| StoreError::corrupt("revocation.scope", e))?,
            act: row.act.parse().map_err(|e| StoreError::corrupt("revocation.act", e))?,
            subject: row.subject,
            query: row.query,
            reason: row.reason,
            note: row.note,
            preview: row.preview,
            preview_hash: row.preview_hash,
            state: row.state.parse().map_err(|e| StoreError::corrupt("revocation.state", e))?,
            requested_by: row.requested_by,
            requested_at: Timestamp(row.requested_at),
            approved_by: (!row.approved_by.is_empty()).then_some(row.approved_by),
            approval_id: row.approval_id.map(ApprovalId),
            effective_at: (row.effective_at != 0).then_some(Timestamp(row.effective_at)),
            total: row.total,
            applied: row.applied,
            cursor: row.cursor_authority.map(|authority| (AuthorityId(authority), row.cursor_serial)),
        })
    }
}

macro_rules! columns {
    () => {
        "id, scope, act, subject, query, reason, note, preview, preview_hash, state, requested_by, requested_at, \
         approved_by, approval_id, effective_at, total, applied, cursor_authority, cursor_serial"
    };
}

queries! {
    BY_ID = concat!("SELECT ", columns!(), " FROM revocation WHERE id = $1");
    OF_APPROVAL = concat!("SELECT ", columns!(), " FROM revocation WHERE approval_id = $1");
    NEWEST = concat!("SELECT ", columns!(), " FROM revocation WHERE id < $1 ORDER BY id DESC LIMIT $2");
    UNFINISHED = concat!("SELECT ", columns!(), " FROM revocation WHERE state = 'effective' \
                         ORDER BY effective_at, id LIMIT 1");
    RECENT = concat!("SELECT ", columns!(), " FROM revocation WHERE scope = $1 AND effective_at >= $2 \
                     AND state IN ('effective', 'spread') ORDER BY effective_at DESC LIMIT $3");
    INSERT = concat!("INSERT INTO revocation (", columns!(), ") VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, \
                     $12, $13, $14, $15, $16, $17, $18, $19)");
    TAKE_EFFECT = "UPDATE revocation SET state = 'effective', approved_by = $2, effective_at = $3, total = $4 \
                   WHERE id = $1 AND state = 'waiting'";
    END = "UPDATE revocation SET state = $2, approved_by = $3 WHERE id = $1 AND state = 'waiting'";
    ADVANCE = "UPDATE revocation SET applied = applied + $2, cursor_authority = $3, cursor_serial = $4 \
               WHERE id = $1 AND state = 'effective' AND applied = $5";
    BOUND_TO = "SELECT device_id FROM revocation_device WHERE revocation_id = $1 ORDER BY device_id";
    FINISH = "UPDATE revocation SET state = 'spread' WHERE id = $1 AND state = 'effective'";
}

/// An act by its id.
///
/// # Errors
/// When the database fails.
pub async fn by_id(db: &Db, id: RevocationId) -> StoreResult<Option<Revocation>> {
    let row: Option<Row> = read!(db, |pool| sqlx::query_as(BY_ID).bind(id.0).fetch_optional(pool).await)?;
    row.map(TryInto::try_into).transpose()
}

/// An act by its id, as the transaction sees it.
///
/// # Errors
/// When the database fails.
pub async fn by_id_within(tx: &mut Tx, id: RevocationId) -> StoreResult<Option<Revocation>> {
    let row: Option<Row> = within!(tx, |executor| sqlx::query_as(BY_ID).bind(id.0).fetch_optional(executor).await)?;
    row.map(TryInto::try_into).transpose()
}

/// The act that an approval decides.
///
/// # Errors
/// When the database fails.
pub async fn of_approval(db: &Db, id: ApprovalId) -> StoreResult<Option<Revocation>> {
    let row: Option<Row> = read!(db, |pool| sqlx::query_as(OF_APPROVAL).bind(id.0).fetch_optional(pool).await)?;
    row.map(TryInto::try_into).transpose()
}

/// Acts older than one, newest first.
///
/// # Errors
/// When the database fails.
pub async fn list(db: &Db, before: Option<RevocationId>, limit: i64) -> StoreResult<Vec<Revocation>> {
    let before = before.map_or(Uuid::max(), |id| id.0);
    let rows: Vec<Row> = read!(db, |pool| sqlx::query_as(NEWEST).bind(before).bind(limit).fetch_all(pool).await)?;
    rows.into_iter().map(TryInto::try_into).collect()
}

/// Acts of a scope that have counted since then, newest first.
///
/// # Errors
/// When the database fails.
pub async fn recent(db: &Db, (scope, since): (RevocationScope, Timestamp), limit: i64) -> StoreResult<Vec<Revocation>> {
    let rows: Vec<Row> = read!(db, |pool| {
        sqlx::query_as(RECENT).bind(scope.as_str()).bind(since.0).bind(limit).fetch_all(pool).await
    })?;
    rows.into_iter().map(TryInto::try_into).collect()
}

/// The earliest act whose devices' records have not all followed.
///
/// # Errors
/// When the database fails.
pub async fn unfinished(db: &Db) -> StoreResult<Option<Revocation>> {
    let row: Option<Row> = read!(db, |pool| sqlx::query_as(UNFINISHED).fetch_optional(pool).await)?;
    row.map(TryInto::try_into).transpose()
}

/// Enters an act.
///
/// # Errors
/// When the database fails.
pub async fn insert(tx: &mut Tx, act: &Revocation) -> StoreResult<()> {
    within!(tx, |executor| {
        sqlx::query(INSERT)
            .bind(act.id.0)
            .bind(act.scope.as_str())
            .bind(act.act.as_str())
            .bind(&act.subject)
            .bind(&act.query)
            .bind(&act.reason)
            .bind(&act.note)
            .bind(&act.preview)
            .bind(&act.preview_hash)
            .bind(act.state.as_str())
            .bind(&act.requested_by)
            .bind(act.requested_at.0)
            .bind(act.approved_by.as_deref().unwrap_or_default())
            .bind(act.approval_id.map(|id| id.0))
            .bind(act.effective_at.map_or(0, |at| at.0))
            .bind(act.total)
            .bind(act.applied)
            .bind(act.cursor.as_ref().map(|(authority, _)| authority.0))
            .bind(act.cursor.as_ref().map_or("", |(_, serial)| serial))
            .execute(executor)
            .await
            .map(drop)
    })?;
    Ok(())
}

/// Binds an act to these devices, whatever its query means later.
///
/// # Errors
/// When the database fails.
pub async fn bind_to(tx: &mut Tx, id: RevocationId, devices: &[DeviceId]) -> StoreResult<()> {
    const INSERT: &str = "INSERT INTO revocation_device (revocation_id, device_id)";
    insert_many!(tx, devices, INSERT, 2, |query, device| query.bind(id.0).bind(device.0));
    Ok(())
}

/// The devices that an act is bound to, in the order of their ids.
///
/// # Errors
/// When the database fails.
pub async fn bound_to(tx: &mut Tx, id: RevocationId) -> StoreResult<Vec<DeviceId>> {
    let ids: Vec<Uuid> = within!(tx, |executor| sqlx::query_scalar(BOUND_TO).bind(id.0).fetch_all(executor).await)?;
    Ok(ids.into_iter().map(DeviceId).collect())
}

/// Lets an act that waited count. False when it no longer waits.
///
/// # Errors
/// When the database fails.
pub async fn take_effect(
    tx: &mut Tx,
    id: RevocationId,
    approved_by: &str,
    at: Timestamp,
    total: i64,
) -> StoreResult<bool> {
    let n = within!(tx, |executor| {
        sqlx::query(TAKE_EFFECT)
            .bind(id.0)
            .bind(approved_by)
            .bind(at.0)
            .bind(total)
            .execute(executor)
            .await
            .map(|done| done.rows_affected())
    })?;
    Ok(n == 1)
}

/// Ends an act that waited, as rejected or void. False when it no longer waits.
///
/// # Errors
/// When the database fails.
pub async fn end(tx: &mut Tx, id: RevocationId, state: RevocationState, decided_by: &str) -> StoreResult<bool> {
    let n = within!(tx, |executor| {
        sqlx::query(END)
            .bind(id.0)
            .bind(state.as_str())
            .bind(decided_by)
            .execute(executor)
            .await
            .map(|done| done.rows_affected())
    })?;
    Ok(n == 1)
}

/// Notes that the records of `n` more certificates have followed, up to this one. False when another process was
/// there first; then the transaction is to be dropped.
///
/// # Errors
/// When the database fails.
pub async fn advance(tx: &mut Tx, act: &Revocation, n: i64, to: (AuthorityId, &str)) -> StoreResult<bool> {
    let moved = within!(tx, |executor| {
        sqlx::query(ADVANCE)
            .bind(act.id.0)
            .bind(n)
            .bind(to.0.0)
            .bind(to.1)
            .bind(act.applied)
            .execute(executor)
            .await
            .map(|done| done.rows_affected())
    })?;
    Ok(moved == 1)
}

/// Notes that all records have followed.
///
/// # Errors
/// When the database fails.
pub async fn finish(tx: &mut Tx, id: RevocationId) -> StoreResult<()> {
    within!(tx, |executor| sqlx::query(FINISH).bind(id.0).execute(executor).await.map(drop))?;
    Ok(())
}
