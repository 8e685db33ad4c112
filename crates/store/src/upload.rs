//! Files on their way here, in pieces. What is counted as received is durable.

pub mod piece;

use crate::{Db, StoreResult, Tx};
use domain::{
    id::{ReleaseId, UploadId},
    time::Timestamp,
};
use uuid::Uuid;

/// A file on its way here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Upload {
    /// Its id.
    pub id: UploadId,
    /// Whose it is: `user:ID`, `token:ID`.
    pub owner: String,
    /// Who that is, by name.
    pub by: String,
    /// In which data folder it was begun.
    pub node: String,
    /// Whether what is counted of it lies where other nodes find it, too.
    pub shared: bool,
    /// What the file is called.
    pub file_name: String,
    /// How large it is to be, in bytes.
    pub size: i64,
    /// The SHA-256 that it is to have, in hexadecimal; empty where that was not said.
    pub sha256: String,
    /// How many bytes of it are here.
    pub received: i64,
    /// When it was begun.
    pub created_at: Timestamp,
    /// When it is forgotten.
    pub expires_at: Timestamp,
    /// The release that was made of it.
    pub release_id: Option<ReleaseId>,
}

#[derive(sqlx::FromRow)]
struct Row {
    id: Uuid,
    owner: String,
    by_name: String,
    node: String,
    shared: bool,
    file_name: String,
    size: i64,
    sha256: String,
    received: i64,
    created_at: i64,
    expires_at: i64,
    release_id: Option<Uuid>,
}

impl From<Row> for Upload {
    fn from(row: Row) -> Self {
        Self {
            id: UploadId(row.id),
            owner: row.owner,
            by: row.by_name,
            node: row.node,
            shared: row.shared,
            file_name: row.file_name,
            size: row.size,
            sha256: row.sha256,
            received: row.received,
            created_at: Timestamp(row.created_at),
            expires_at: Timestamp(row.expires_at),
            release_id: row.release_id.map(ReleaseId),
        }
    }
}

macro_rules! columns {
    () => {
        "id, owner, by_name, node, shared, file_name, size, sha256, received, created_at, expires_at, release_id"
    };
}

queries! {
    BY_ID = concat!("SELECT ", columns!(), " FROM upload WHERE id = $1");
    SAME = concat!("SELECT ", columns!(), " FROM upload WHERE owner = $1 AND sha256 = $2 AND size = $3 \
           AND (shared OR node = $4) AND expires_at > $5 AND release_id IS NULL ORDER BY id DESC LIMIT 1");
    ANNOUNCED = "SELECT CAST(COALESCE(SUM(size), 0) AS BIGINT) FROM upload WHERE expires_at > $1 AND release_id IS NULL";
    COMING = "SELECT CAST(COALESCE(SUM(size - received), 0) AS BIGINT) FROM upload WHERE expires_at > $1 \
               AND release_id IS NULL";
    OF_OWNER = "SELECT COUNT(*), CAST(COALESCE(SUM(size), 0) AS BIGINT) FROM upload WHERE owner = $1 AND expires_at > $2 \
                AND release_id IS NULL";
    INSERT = "INSERT INTO upload (id, owner, by_name, node, file_name, size, sha256, created_at, expires_at, shared) \
              VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)";
    RECEIVED = "UPDATE upload SET received = $3, expires_at = $4 WHERE id = $1 AND received = $2";
    END = "UPDATE upload SET size = received WHERE id = $1 AND received = $2";
    USED = "UPDATE upload SET release_id = $2 WHERE id = $1 AND (release_id IS NULL OR release_id = $2)";
    EXPIRED = concat!("SELECT ", columns!(), " FROM upload WHERE expires_at <= $1 ORDER BY expires_at LIMIT 1000");
    FORGET = "DELETE FROM upload WHERE id = $1";
    FORGET_UNFINISHED = "DELETE FROM upload WHERE id = $1 AND release_id IS NULL";
    FORGET_EXPIRED = "DELETE FROM upload WHERE id = $1 AND expires_at <= $2";
}

/// An upload by its id.
///
/// # Errors
/// When the database fails.
pub async fn by_id(db: &Db, id: UploadId) -> StoreResult<Option<Upload>> {
    let row: Option<Row> = read!(db, |pool| sqlx::query_as(BY_ID).bind(id.0).fetch_optional(pool).await)?;
    Ok(row.map(Into::into))
}

/// The newest unfinished upload of an owner's that is to become the same file, of those that are shared or of this data folder.
///
/// # Errors
/// When the database fails.
pub async fn same(
    tx: &mut Tx,
    owner: &str,
    (sha256, size): (&str, i64),
    node: &str,
    now: Timestamp,
) -> StoreResult<Option<Upload>> {
    let row: Option<Row> = within!(tx, |executor| {
        let query = sqlx::query_as(SAME).bind(owner).bind(sha256).bind(size);
        query.bind(node).bind(now.0).fetch_optional(executor).await
    })?;
    Ok(row.map(Into::into))
}

/// How many bytes all unfinished uploads are to have together.
///
/// # Errors
/// When the database fails.
pub async fn announced(tx: &mut Tx, now: Timestamp) -> StoreResult<i64> {
    Ok(within!(tx, |executor| sqlx::query_scalar(ANNOUNCED).bind(now.0).fetch_one(executor).await)?)
}

/// How many bytes of unfinished uploads are still to come.
///
/// # Errors
/// When the database fails.
pub async fn coming(tx: &mut Tx, now: Timestamp) -> StoreResult<i64> {
    Ok(within!(tx, |executor| sqlx::query_scalar(COMING).bind(now.0).fetch_one(executor).await)?)
}

/// How many unfinished uploads an owner has, and how many bytes they are to have together.
///
/// # Errors
/// When the database fails.
pub async fn of_owner(tx: &mut Tx, owner: &str, now: Timestamp) -> StoreResult<(i64, i64)> {
    Ok(within!(tx, |executor| sqlx::query_as(OF_OWNER).bind(owner).bind(now.0).fetch_one(executor).await)?)
}

/// Enters an upload that begins.
///
/// # Errors
/// When the database fails.
pub async fn insert(tx: &mut Tx, upload: &Upload) -> StoreResult<()> {
    within!(tx, |executor| {
        sqlx::query(INSERT)
            .bind(upload.id.0)
            .bind(&upload.owner)
            .bind(&upload.by)
            .bind(&upload.node)
            .bind(&upload.file_name)
            .bind(upload.size)
            .bind(&upload.sha256)
            .bind(upload.created_at.0)
            .bind(upload.expires_at.0)
            .bind(upload.shared)
            .execute(executor)
            .await
            .map(drop)
    })?;
    Ok(())
}

/// Notes how much of it is here, if it was `before` until now; false when somebody else has written meanwhile.
///
/// # Errors
/// When the database fails.
pub async fn received(tx: &mut Tx, id: UploadId, before: i64, now: i64, expires: Timestamp) -> StoreResult<bool> {
    let done = within!(tx, |executor| {
        let query = sqlx::query(RECEIVED).bind(id.0).bind(before).bind(now).bind(expires.0);
        query.execute(executor).await.map(|done| done.rows_affected())
    })?;
    Ok(done == 1)
}

/// Says that so much is the whole file.
///
/// # Errors
/// When the database fails.
pub async fn end(tx: &mut Tx, id: UploadId, received: i64) -> StoreResult<()> {
    within!(tx, |executor| sqlx::query(END).bind(id.0).bind(received).execute(executor).await.map(drop))?;
    Ok(())
}

/// Notes what was made of it; false where that is another release already, or there is no such upload any more.
///
/// # Errors
/// When the database fails.
pub async fn used(tx: &mut Tx, id: UploadId, release: ReleaseId) -> StoreResult<bool> {
    let done = within!(tx, |executor| {
        sqlx::query(USED).bind(id.0).bind(release.0).execute(executor).await.map(|done| done.rows_affected())
    })?;
    Ok(done == 1)
}

/// Uploads whose time is over; a thousand at most.
///
/// # Errors
/// When the database fails.
pub async fn expired(db: &Db, now: Timestamp) -> StoreResult<Vec<Upload>> {
    let rows: Vec<Row> = read!(db, |pool| sqlx::query_as(EXPIRED).bind(now.0).fetch_all(pool).await)?;
    Ok(rows.into_iter().map(Into::into).collect())
}

/// Forgets an upload. It is no record: what was made of it is.
///
/// # Errors
/// When the database fails.
pub async fn forget(tx: &mut Tx, id: UploadId) -> StoreResult<()> {
    within!(tx, |executor| sqlx::query(FORGET).bind(id.0).execute(executor).await.map(drop))?;
    Ok(())
}

/// Forgets an upload unless a release was made of it meanwhile; false where nothing was forgotten.
///
/// # Errors
/// When the database fails.
pub async fn forget_unfinished(tx: &mut Tx, id: UploadId) -> StoreResult<bool> {
    let done = within!(tx, |executor| {
        sqlx::query(FORGET_UNFINISHED).bind(id.0).execute(executor).await.map(|done| done.rows_affected())
    })?;
    Ok(done == 1)
}

/// Forgets an upload if its time is over still: false when somebody has gone on with it.
///
/// # Errors
/// When the database fails.
pub async fn forget_expired(tx: &mut Tx, id: UploadId, now: Timestamp) -> StoreResult<bool> {
    let done = within!(tx, |executor| {
        sqlx::query(FORGET_EXPIRED).bind(id.0).bind(now.0).execute(executor).await.map(|done| done.rows_affected())
    })?;
    Ok(done == 1)
}
