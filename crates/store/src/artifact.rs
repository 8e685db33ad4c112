//! The files of releases, as they were found. The files themselves lie on the shelf, by their SHA-256.

use crate::{Db, StoreError, StoreResult, Tx};
use domain::{
    id::{AuthorityId, ReleaseId},
    time::Timestamp,
};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// What is in a file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ArtifactImage {
    /// Its name.
    pub name: String,
    /// Its size, in bytes.
    pub size: i64,
    /// Its SHA-256, in hexadecimal; empty where the file doesn't say it.
    pub sha256: String,
}

/// Who signed a file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ArtifactSigner {
    /// The authority that issued the certificate.
    pub authority: AuthorityId,
    /// The certificate's serial number, in hexadecimal.
    pub serial: String,
    /// The name in it.
    pub name: String,
}

/// A file of a release.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Artifact {
    /// By which devices ask for it, from 1; 0 before it is entered.
    pub number: i64,
    /// The release.
    pub release_id: ReleaseId,
    /// Its name.
    pub file_name: String,
    /// Its size, in bytes.
    pub size: i64,
    /// MD5, in hexadecimal: clients of the device protocol ask for it.
    pub md5: String,
    /// SHA-1, in hexadecimal: likewise.
    pub sha1: String,
    /// SHA-256, in hexadecimal.
    pub sha256: String,
    /// Who signed it, at least one.
    pub signers: Vec<ArtifactSigner>,
    /// The hardware revisions that the file says it is for.
    pub hardware: Vec<String>,
    /// What is in it.
    pub images: Vec<ArtifactImage>,
    /// When it was last found whole and well signed.
    pub checked_at: Timestamp,
}

/// A file that a record names, and that the shelf must have.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct Shelved {
    /// SHA-256, in hexadecimal.
    pub sha256: String,
    /// Its size, in bytes.
    pub size: i64,
    /// Product and version of the release that it is of.
    pub title: String,
}

#[derive(sqlx::FromRow)]
struct Row {
    number: i64,
    release_id: Uuid,
    file_name: String,
    size: i64,
    md5: String,
    sha1: String,
    sha256: String,
    signers: String,
    hardware: String,
    images: String,
    checked_at: i64,
}

impl TryFrom<Row> for Artifact {
    type Error = StoreError;
    fn try_from(row: Row) -> StoreResult<Self> {
        Ok(Self {
            number: row.number,
            release_id: ReleaseId(row.release_id),
            file_name: row.file_name,
            size: row.size,
            md5: row.md5,
            sha1: row.sha1,
            sha256: row.sha256,
            signers: serde_json::from_str(&row.signers).map_err(|e| StoreError::corrupt("artifact.signers", e))?,
            hardware: serde_json::from_str(&row.hardware).map_err(|e| StoreError::corrupt("artifact.hardware", e))?,
            images: serde_json::from_str(&row.images).map_err(|e| StoreError::corrupt("artifact.images", e))?,
            checked_at: Timestamp(row.checked_at),
        })
    }
}

macro_rules! columns {
    () => {
        "number, release_id, file_name, size, md5, sha1, sha256, signers, hardware, images, checked_at"
    };
}

queries! {
    OF_RELEASE = concat!("SELECT ", columns!(), " FROM artifact WHERE release_id = $1 ORDER BY number LIMIT 500");
    BY_NUMBER = concat!("SELECT ", columns!(), " FROM artifact WHERE number = $1");
    INSERT = "INSERT INTO artifact (release_id, file_name, size, md5, sha1, sha256, signers, hardware, images, checked_at) \
              VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) RETURNING number";
    SHELVED = "SELECT f.sha256, f.size, r.product || ' ' || r.version AS title FROM (SELECT release_id, sha256, size \
               FROM artifact UNION ALL SELECT release_id, sha256, size FROM sbom) f \
               JOIN release r ON r.id = f.release_id ORDER BY f.sha256, r.id";
    WITHDRAWN = "SELECT r.product || ' ' || r.version FROM artifact a JOIN release r ON r.id = a.release_id \
                 WHERE a.sha256 = $1 AND r.stage = 'withdrawn' ORDER BY r.id LIMIT 1";
    CHECKED = "UPDATE artifact SET checked_at = $2 WHERE release_id = $1";
}

/// The files of a release, in the order in which they were entered.
///
/// # Errors
/// When the database fails.
pub async fn of_release(db: &Db, release: ReleaseId) -> StoreResult<Vec<Artifact>> {
    let rows: Vec<Row> = read!(db, |pool| sqlx::query_as(OF_RELEASE).bind(release.0).fetch_all(pool).await)?;
    rows.into_iter().map(TryInto::try_into).collect()
}

/// The same, as the transaction sees them.
///
/// # Errors
/// When the database fails.
pub async fn of_release_within(tx: &mut Tx, release: ReleaseId) -> StoreResult<Vec<Artifact>> {
    let rows: Vec<Row> = within!(tx, |executor| sqlx::query_as(OF_RELEASE).bind(release.0).fetch_all(executor).await)?;
    rows.into_iter().map(TryInto::try_into).collect()
}

/// A file by its number.
///
/// # Errors
/// When the database fails.
pub async fn by_number(db: &Db, number: i64) -> StoreResult<Option<Artifact>> {
    let row: Option<Row> = read!(db, |pool| sqlx::query_as(BY_NUMBER).bind(number).fetch_optional(pool).await)?;
    row.map(TryInto::try_into).transpose()
}

/// All files of releases and their bills of materials, each once, by SHA-256: for backups.
///
/// # Errors
/// When the database fails.
pub async fn shelved(db: &Db) -> StoreResult<Vec<Shelved>> {
    let rows: Vec<Shelved> = read!(db, |pool| sqlx::query_as(SHELVED).fetch_all(pool).await)?;
    Ok(each_once(rows))
}

/// The same, as the transaction sees them.
///
/// # Errors
/// When the database fails.
pub async fn shelved_within(tx: &mut Tx) -> StoreResult<Vec<Shelved>> {
    let rows: Vec<Shelved> = within!(tx, |executor| sqlx::query_as(SHELVED).fetch_all(executor).await)?;
    Ok(each_once(rows))
}

/// Several releases may be of one file.
fn each_once(mut rows: Vec<Shelved>) -> Vec<Shelved> {
    rows.dedup_by(|later, earlier| later.sha256 == earlier.sha256);
    rows
}

/// Product and version of a withdrawn release that is of a file.
///
/// # Errors
/// When the database fails.
pub async fn withdrawn(tx: &mut Tx, sha256: &str) -> StoreResult<Option<String>> {
    Ok(within!(tx, |executor| sqlx::query_scalar(WITHDRAWN).bind(sha256).fetch_optional(executor).await)?)
}

/// Enters a file. Its number.
///
/// # Errors
/// [`StoreError::Exists`] when the release has a file of this name.
pub async fn insert(tx: &mut Tx, artifact: &Artifact) -> StoreResult<i64> {
    let signers = serde_json::to_string(&artifact.signers).unwrap_or_default();
    let hardware = serde_json::to_string(&artifact.hardware).unwrap_or_default();
    let images = serde_json::to_string(&artifact.images).unwrap_or_default();
    Ok(within!(tx, |executor| {
        sqlx::query_scalar(INSERT)
            .bind(artifact.release_id.0)
            .bind(&artifact.file_name)
            .bind(artifact.size)
            .bind(&artifact.md5)
            .bind(&artifact.sha1)
            .bind(&artifact.sha256)
            .bind(signers)
            .bind(hardware)
            .bind(images)
            .bind(artifact.checked_at.0)
            .fetch_one(executor)
            .await
    })?)
}

/// Notes that a release's files were found whole and well signed.
///
/// # Errors
/// When the database fails.
pub async fn checked(tx: &mut Tx, release: ReleaseId, at: Timestamp) -> StoreResult<()> {
    within!(tx, |executor| sqlx::query(CHECKED).bind(release.0).bind(at.0).execute(executor).await.map(drop))?;
    Ok(())
}
