//! Notes and photos of a repair: appended, never changed.

use crate::{Db, StoreResult, Tx};
use domain::{
    id::{PhotoId, RepairId, RepairNoteId},
    time::Timestamp,
};
use uuid::Uuid;

/// A note.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RepairNote {
    /// Its id.
    pub id: RepairNoteId,
    /// When it was written.
    pub at: Timestamp,
    /// By whom.
    pub by: String,
    /// What it says.
    pub text: String,
}

/// A photo, without the picture.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RepairPhoto {
    /// Its id.
    pub id: PhotoId,
    /// When it was sent.
    pub at: Timestamp,
    /// By whom.
    pub by: String,
    /// SHA-256 of the picture, in hexadecimal.
    pub sha256: String,
    /// Its media type.
    pub kind: String,
    /// Its size, in bytes.
    pub bytes: i64,
    /// What it shows; may be empty.
    pub caption: String,
}

#[derive(sqlx::FromRow)]
struct NoteRow {
    id: Uuid,
    at: i64,
    by_name: String,
    text: String,
}

impl From<NoteRow> for RepairNote {
    fn from(row: NoteRow) -> Self {
        Self { id: RepairNoteId(row.id), at: Timestamp(row.at), by: row.by_name, text: row.text }
    }
}

#[derive(sqlx::FromRow)]
struct PhotoRow {
    id: Uuid,
    at: i64,
    by_name: String,
    sha256: String,
    kind: String,
    bytes: i64,
    caption: String,
}

impl From<PhotoRow> for RepairPhoto {
    fn from(row: PhotoRow) -> Self {
        Self {
            id: PhotoId(row.id),
            at: Timestamp(row.at),
            by: row.by_name,
            sha256: row.sha256,
            kind: row.kind,
            bytes: row.bytes,
            caption: row.caption,
        }
    }
}

queries! {
    NOTES = "SELECT id, at, by_name, text FROM repair_note WHERE case_id = $1 ORDER BY id LIMIT 1000";
    ADD_NOTE = "INSERT INTO repair_note (case_id, id, at, by_name, text) VALUES ($1, $2, $3, $4, $5)";
    PHOTOS = "SELECT id, at, by_name, sha256, kind, bytes, caption FROM repair_photo WHERE case_id = $1 ORDER BY id";
    PHOTO = "SELECT id, at, by_name, sha256, kind, bytes, caption FROM repair_photo WHERE case_id = $1 AND id = $2";
    SAME = "SELECT id FROM repair_photo WHERE case_id = $1 AND sha256 = $2";
    COUNT_PHOTOS = "SELECT COUNT(*) FROM repair_photo WHERE case_id = $1";
    ADD_PHOTO = "INSERT INTO repair_photo (case_id, id, at, by_name, sha256, kind, bytes, caption) \
                 VALUES ($1, $2, $3, $4, $5, $6, $7, $8)";
    NAMED = "SELECT COUNT(*) FROM repair_photo WHERE sha256 = $1";
    PICTURE = "SELECT content FROM repair_picture WHERE sha256 = $1";
    ADD_PICTURE = "INSERT INTO repair_picture (sha256, content) VALUES ($1, $2) ON CONFLICT (sha256) DO NOTHING";
    WITHOUT_PICTURE = "SELECT COUNT(*) FROM repair_photo p \
                       WHERE NOT EXISTS (SELECT 1 FROM repair_picture c WHERE c.sha256 = p.sha256)";
}

/// The notes of a repair, oldest first; a thousand at most.
///
/// # Errors
/// When the database fails.
pub async fn notes(db: &Db, case: RepairId) -> StoreResult<Vec<RepairNote>> {
    let rows: Vec<NoteRow> = read!(db, |pool| sqlx::query_as(NOTES).bind(case.0).fetch_all(pool).await)?;
    Ok(rows.into_iter().map(Into::into).collect())
}

/// Adds a note.
///
/// # Errors
/// When the database fails.
pub async fn add_note(tx: &mut Tx, case: RepairId, note: &RepairNote) -> StoreResult<()> {
    within!(tx, |executor| {
        let query = sqlx::query(ADD_NOTE).bind(case.0).bind(note.id.0).bind(note.at.0).bind(&note.by).bind(&note.text);
        query.execute(executor).await.map(drop)
    })?;
    Ok(())
}

/// The photos of a repair, oldest first.
///
/// # Errors
/// When the database fails.
pub async fn photos(db: &Db, case: RepairId) -> StoreResult<Vec<RepairPhoto>> {
    let rows: Vec<PhotoRow> = read!(db, |pool| sqlx::query_as(PHOTOS).bind(case.0).fetch_all(pool).await)?;
    Ok(rows.into_iter().map(Into::into).collect())
}

/// One photo of a repair.
///
/// # Errors
/// When the database fails.
pub async fn photo(db: &Db, case: RepairId, id: PhotoId) -> StoreResult<Option<RepairPhoto>> {
    let row: Option<PhotoRow> =
        read!(db, |pool| sqlx::query_as(PHOTO).bind(case.0).bind(id.0).fetch_optional(pool).await)?;
    Ok(row.map(Into::into))
}

/// The photo of a repair with this very picture, as the transaction sees it.
///
/// # Errors
/// When the database fails.
pub async fn same_photo(tx: &mut Tx, case: RepairId, sha256: &str) -> StoreResult<Option<PhotoId>> {
    let id: Option<Uuid> =
        within!(tx, |executor| sqlx::query_scalar(SAME).bind(case.0).bind(sha256).fetch_optional(executor).await)?;
    Ok(id.map(PhotoId))
}

/// How many photos a repair has, as the transaction sees it.
///
/// # Errors
/// When the database fails.
pub async fn count_photos(tx: &mut Tx, case: RepairId) -> StoreResult<i64> {
    Ok(within!(tx, |executor| sqlx::query_scalar(COUNT_PHOTOS).bind(case.0).fetch_one(executor).await)?)
}

/// Adds a photo with its picture, which is kept once however many repairs show it.
///
/// # Errors
/// When the database fails.
pub async fn add_photo(tx: &mut Tx, case: RepairId, photo: &RepairPhoto, content: &[u8]) -> StoreResult<()> {
    add_picture(tx, &photo.sha256, content).await?;
    within!(tx, |executor| {
        sqlx::query(ADD_PHOTO)
            .bind(case.0)
            .bind(photo.id.0)
            .bind(photo.at.0)
            .bind(&photo.by)
            .bind(&photo.sha256)
            .bind(&photo.kind)
            .bind(photo.bytes)
            .bind(&photo.caption)
            .execute(executor)
            .await
            .map(drop)
    })?;
    Ok(())
}

/// Keeps a picture by its SHA-256, unless it is kept already.
///
/// # Errors
/// When the database fails.
pub async fn add_picture(tx: &mut Tx, sha256: &str, content: &[u8]) -> StoreResult<()> {
    within!(tx, |executor| sqlx::query(ADD_PICTURE).bind(sha256).bind(content).execute(executor).await.map(drop))?;
    Ok(())
}

/// The picture with this SHA-256.
///
/// # Errors
/// When the database fails.
pub async fn picture(db: &Db, sha256: &str) -> StoreResult<Option<Vec<u8>>> {
    Ok(read!(db, |pool| sqlx::query_scalar(PICTURE).bind(sha256).fetch_optional(pool).await)?)
}

/// Whether a photo of any repair has the picture with this SHA-256.
///
/// # Errors
/// When the database fails.
pub async fn is_named(tx: &mut Tx, sha256: &str) -> StoreResult<bool> {
    let count: i64 = within!(tx, |executor| sqlx::query_scalar(NAMED).bind(sha256).fetch_one(executor).await)?;
    Ok(count > 0)
}

/// How many photos have no picture, as the transaction sees it: they were files, which were not brought along.
///
/// # Errors
/// When the database fails.
pub async fn without_picture(tx: &mut Tx) -> StoreResult<i64> {
    Ok(within!(tx, |executor| sqlx::query_scalar(WITHOUT_PICTURE).fetch_one(executor).await)?)
}
