//! Pieces of files on their way here, where nodes share a bucket. A piece is noted before it is put there, so that none lies there
//! that nobody knows of.

use crate::{Db, StoreResult, Tx};
use domain::id::UploadId;
use uuid::Uuid;

/// A piece of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct Piece {
    /// What it is called in the bucket, in the upload's folder.
    pub id: Uuid,
    /// Where in the file it begins, in bytes.
    pub start: i64,
    /// How large it is, in bytes; 0 until it is counted as received.
    pub size: i64,
}

queries! {
    OF = "SELECT id, start, size FROM upload_piece WHERE upload_id = $1 ORDER BY start";
    INSERT = "INSERT INTO upload_piece (id, upload_id, start) VALUES ($1, $2, $3)";
    COUNT = "SELECT COUNT(*) FROM upload_piece WHERE upload_id = $1";
    COUNTED = "UPDATE upload_piece SET size = $2 WHERE id = $1";
    FORGET = "DELETE FROM upload_piece WHERE id = $1";
    LEFT = "SELECT DISTINCT upload_id FROM upload_piece p WHERE NOT EXISTS \
            (SELECT 1 FROM upload u WHERE u.id = p.upload_id AND u.release_id IS NULL) LIMIT 1000";
}

/// All pieces of a file by where they begin, those that are not counted among them.
///
/// # Errors
/// When the database fails.
pub async fn of(db: &Db, upload: UploadId) -> StoreResult<Vec<Piece>> {
    Ok(read!(db, |pool| sqlx::query_as(OF).bind(upload.0).fetch_all(pool).await)?)
}

/// The same within a transaction.
///
/// # Errors
/// When the database fails.
pub async fn of_within(tx: &mut Tx, upload: UploadId) -> StoreResult<Vec<Piece>> {
    Ok(within!(tx, |executor| sqlx::query_as(OF).bind(upload.0).fetch_all(executor).await)?)
}

/// Notes a piece that is going to be put into the bucket.
///
/// # Errors
/// When the database fails.
pub async fn insert(tx: &mut Tx, upload: UploadId, id: Uuid, start: i64) -> StoreResult<()> {
    within!(tx, |executor| {
        sqlx::query(INSERT).bind(id).bind(upload.0).bind(start).execute(executor).await.map(drop)
    })?;
    Ok(())
}

/// How many pieces of a file there are, those that are not counted among them.
///
/// # Errors
/// When the database fails.
pub async fn count(db: &Db, upload: UploadId) -> StoreResult<i64> {
    Ok(read!(db, |pool| sqlx::query_scalar(COUNT).bind(upload.0).fetch_one(pool).await)?)
}

/// Notes that a piece is there, as large as this. False when it is not known any more.
///
/// # Errors
/// When the database fails.
pub async fn counted(tx: &mut Tx, id: Uuid, size: i64) -> StoreResult<bool> {
    let done = within!(tx, |executor| {
        sqlx::query(COUNTED).bind(id).bind(size).execute(executor).await.map(|done| done.rows_affected())
    })?;
    Ok(done == 1)
}

/// Forgets a piece that is not there any more.
///
/// # Errors
/// When the database fails.
pub async fn forget(tx: &mut Tx, id: Uuid) -> StoreResult<()> {
    within!(tx, |executor| sqlx::query(FORGET).bind(id).execute(executor).await.map(drop))?;
    Ok(())
}

/// Uploads that are over and have pieces still; a thousand at most.
///
/// # Errors
/// When the database fails.
pub async fn left(db: &Db) -> StoreResult<Vec<UploadId>> {
    let ids: Vec<Uuid> = read!(db, |pool| sqlx::query_scalar(LEFT).fetch_all(pool).await)?;
    Ok(ids.into_iter().map(UploadId).collect())
}
