//! What waits for a second person, and what became of it.

use crate::{Db, StoreError, StoreResult, Tx, user::some_time};
use domain::{
    approval::{ApprovalKind, ApprovalState},
    id::ApprovalId,
    time::Timestamp,
};
use serde_json::Value;
use uuid::Uuid;

/// An approval as it is kept.
#[derive(Clone, Debug, PartialEq)]
pub struct Approval {
    /// Its id.
    pub id: ApprovalId,
    /// What is to be approved.
    pub kind: ApprovalKind,
    /// What it is about: `authority:ID`, `revocation:ID`.
    pub subject: String,
    /// It in a sentence.
    pub title: String,
    /// Exactly what is shown.
    pub detail: Value,
    /// The hash of it (see [`domain::approval::approval_hash`]).
    pub hash: String,
    /// How it stands.
    pub state: ApprovalState,
    /// `user`, `token` or `rule`.
    pub requested_by_kind: String,
    /// The requester's id, or empty.
    pub requested_by: String,
    /// The requester's name.
    pub requested_by_name: String,
    /// The address of the person behind the requester: its own, or that of a token's maker.
    pub makers: String,
    /// When it was requested.
    pub requested_at: Timestamp,
    /// The id of who decided, or empty.
    pub decided_by: String,
    /// The name of who decided, or empty.
    pub decided_by_name: String,
    /// When it was decided.
    pub decided_at: Option<Timestamp>,
    /// Why it was decided so; may be empty.
    pub reason: String,
}

#[derive(sqlx::FromRow)]
struct Row {
    id: Uuid,
    kind: String,
    subject: String,
    title: String,
    detail: String,
    hash: String,
    state: String,
    requested_by_kind: String,
    requested_by: String,
    requested_by_name: String,
    makers: String,
    requested_at: i64,
    decided_by: String,
    decided_by_name: String,
    decided_at: i64,
    reason: String,
}

impl TryFrom<Row> for Approval {
    type Error = StoreError;
    fn try_from(row: Row) -> StoreResult<Self> {
        Ok(Self {
            id: ApprovalId(row.id),
            kind: row.kind.parse().map_err(|e| StoreError::corrupt("approval.kind", e))?,
            subject: row.subject,
            title: row.title,
            detail: serde_json::from_str(&row.detail).map_err(|e| StoreError::corrupt("approval.detail", e))?,
            hash: row.hash,
            state: row.state.parse().map_err(|e| StoreError::corrupt("approval.state", e))?,
            requested_by_kind: row.requested_by_kind,
            requested_by: row.requested_by,
            requested_by_name: row.requested_by_name,
            makers: row.makers,
            requested_at: Timestamp(row.requested_at),
            decided_by: row.decided_by,
            decided_by_name: row.decided_by_name,
            decided_at: some_time(row.decided_at),
            reason: row.reason,
        })
    }
}

/// Who decides, when and why.
#[derive(Clone, Copy, Debug)]
pub struct Decision<'a> {
    /// The id of who decides.
    pub by: &'a str,
    /// The name of who decides.
    pub name: &'a str,
    /// When.
    pub at: Timestamp,
    /// Why; may be empty.
    pub reason: &'a str,
}

macro_rules! columns {
    () => {
        "id, kind, subject, title, detail, hash, state, requested_by_kind, requested_by, requested_by_name, makers, \
         requested_at, decided_by, decided_by_name, decided_at, reason"
    };
}

queries! {
    BY_ID = concat!("SELECT ", columns!(), " FROM approval WHERE id = $1");
    OF_SUBJECT = concat!("SELECT ", columns!(), " FROM approval WHERE subject = $1 ORDER BY id DESC LIMIT 1");
    NEWEST = concat!("SELECT ", columns!(), " FROM approval ORDER BY id DESC LIMIT $1");
    IN_STATE = concat!("SELECT ", columns!(), " FROM approval WHERE state = $1 ORDER BY id DESC LIMIT $2");
    PAGE = concat!("SELECT ", columns!(), " FROM approval WHERE id < $1 ORDER BY id DESC LIMIT $2");
    PAGE_IN_STATE = concat!("SELECT ", columns!(), " FROM approval WHERE state = $1 AND id < $2 ORDER BY id DESC LIMIT $3");
    COUNT = "SELECT COUNT(*) FROM approval";
    COUNT_IN_STATE = "SELECT COUNT(*) FROM approval WHERE state = $1";
    INSERT = "INSERT INTO approval (id, kind, subject, title, detail, hash, state, requested_by_kind, requested_by, \
              requested_by_name, makers, requested_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)";
    DECIDE = "UPDATE approval SET state = $2, decided_by = $3, decided_by_name = $4, decided_at = $5, reason = $6 \
              WHERE id = $1 AND state = 'waiting' AND hash = $7";
    VOID = "UPDATE approval SET state = 'void', reason = $2 WHERE id = $1";
}

/// An approval by its id.
///
/// # Errors
/// When the database fails.
pub async fn by_id(db: &Db, id: ApprovalId) -> StoreResult<Option<Approval>> {
    let row: Option<Row> = read!(db, |pool| sqlx::query_as(BY_ID).bind(id.0).fetch_optional(pool).await)?;
    row.map(TryInto::try_into).transpose()
}

/// The last approval about something.
///
/// # Errors
/// When the database fails.
pub async fn of_subject(db: &Db, subject: &str) -> StoreResult<Option<Approval>> {
    let row: Option<Row> = read!(db, |pool| sqlx::query_as(OF_SUBJECT).bind(subject).fetch_optional(pool).await)?;
    row.map(TryInto::try_into).transpose()
}

/// The same, as the transaction sees it.
///
/// # Errors
/// When the database fails.
pub async fn of_subject_within(tx: &mut Tx, subject: &str) -> StoreResult<Option<Approval>> {
    let row: Option<Row> =
        within!(tx, |executor| sqlx::query_as(OF_SUBJECT).bind(subject).fetch_optional(executor).await)?;
    row.map(TryInto::try_into).transpose()
}

/// Approvals, newest first; only those in a state when one is given.
///
/// # Errors
/// When the database fails.
pub async fn list(db: &Db, state: Option<ApprovalState>, limit: i64) -> StoreResult<Vec<Approval>> {
    let rows: Vec<Row> = match state {
        None => read!(db, |pool| sqlx::query_as(NEWEST).bind(limit).fetch_all(pool).await)?,
        Some(state) => {
            read!(db, |pool| sqlx::query_as(IN_STATE).bind(state.as_str()).bind(limit).fetch_all(pool).await)?
        }
    };
    rows.into_iter().map(TryInto::try_into).collect()
}

/// A page of approvals, newest first, at most `limit`; only those in a state when one is given.
///
/// # Errors
/// When the database fails.
pub async fn page(
    db: &Db,
    state: Option<ApprovalState>,
    after: Option<ApprovalId>,
    limit: i64,
) -> StoreResult<Vec<Approval>> {
    let after = after.map_or(Uuid::max(), |id| id.0);
    let rows: Vec<Row> = match state {
        None => read!(db, |pool| sqlx::query_as(PAGE).bind(after).bind(limit).fetch_all(pool).await)?,
        Some(state) => read!(db, |pool| {
            sqlx::query_as(PAGE_IN_STATE).bind(state.as_str()).bind(after).bind(limit).fetch_all(pool).await
        })?,
    };
    rows.into_iter().map(TryInto::try_into).collect()
}

/// How many approvals there are.
///
/// # Errors
/// When the database fails.
pub async fn count_all(db: &Db) -> StoreResult<i64> {
    Ok(read!(db, |pool| sqlx::query_scalar(COUNT).fetch_one(pool).await)?)
}

/// How many approvals are in a state.
///
/// # Errors
/// When the database fails.
pub async fn count(db: &Db, state: ApprovalState) -> StoreResult<i64> {
    Ok(read!(db, |pool| sqlx::query_scalar(COUNT_IN_STATE).bind(state.as_str()).fetch_one(pool).await)?)
}

/// Enters an approval that waits.
///
/// # Errors
/// When the database fails.
pub async fn insert(tx: &mut Tx, approval: &Approval) -> StoreResult<()> {
    within!(tx, |executor| {
        sqlx::query(INSERT)
            .bind(approval.id.0)
            .bind(approval.kind.as_str())
            .bind(&approval.subject)
            .bind(&approval.title)
            .bind(approval.detail.to_string())
            .bind(&approval.hash)
            .bind(approval.state.as_str())
            .bind(&approval.requested_by_kind)
            .bind(&approval.requested_by)
            .bind(&approval.requested_by_name)
            .bind(&approval.makers)
            .bind(approval.requested_at.0)
            .execute(executor)
            .await
            .map(drop)
    })?;
    Ok(())
}

/// Decides an approval, if it still waits and is the one of this hash. Of several who decide at once one gets true.
///
/// # Errors
/// When the database fails.
pub async fn decide(
    tx: &mut Tx,
    id: ApprovalId,
    hash: &str,
    state: ApprovalState,
    decision: Decision<'_>,
) -> StoreResult<bool> {
    let done = within!(tx, |executor| {
        sqlx::query(DECIDE)
            .bind(id.0)
            .bind(state.as_str())
            .bind(decision.by)
            .bind(decision.name)
            .bind(decision.at.0)
            .bind(decision.reason)
            .bind(hash)
            .execute(executor)
            .await
            .map(|done| done.rows_affected())
    })?;
    Ok(done == 1)
}

/// Says that what an approval was about has changed, so that it came to nothing.
///
/// # Errors
/// When the database fails.
pub async fn void(tx: &mut Tx, id: ApprovalId, why: &str) -> StoreResult<()> {
    within!(tx, |executor| sqlx::query(VOID).bind(id.0).bind(why).execute(executor).await.map(drop))?;
    Ok(())
}
