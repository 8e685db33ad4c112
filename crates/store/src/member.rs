//! What is in files that are repositories, and where: members are sent from where they lie in the archive.

use crate::{Db, StoreResult, Tx};
use domain::time::{SECOND, Timestamp};

/// A member of an archive.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct Member {
    /// Its path in the archive.
    pub path: String,
    /// Where it begins in the archive, in bytes.
    pub start: i64,
    /// Its size, in bytes.
    pub size: i64,
    /// Its SHA-256, in hexadecimal.
    pub sha256: String,
}

/// A member that was found.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct Found {
    /// The member.
    #[sqlx(flatten)]
    pub member: Member,
    /// Since when its archive is as it is, in whole seconds; another one for each archive.
    pub modified_at: i64,
}

macro_rules! columns {
    () => {
        "SELECT m.path, m.start, m.size, m.sha256, r.modified_at FROM artifact_member m \
         JOIN repository r ON r.artifact = m.artifact "
    };
}

queries! {
    BY_PATH = concat!(columns!(), "WHERE m.artifact = $1 AND m.path = $2");
    BY_HASH = concat!(columns!(), "WHERE m.artifact = $1 AND m.sha256 = $2 LIMIT 1");
    LISTS = concat!(columns!(), "WHERE m.artifact = $1 AND (m.path = 'InRelease' OR m.path LIKE '%/InRelease')");
    LAST = "SELECT COALESCE(MAX(modified_at), 0) FROM repository";
    INSERT = "INSERT INTO repository (artifact, modified_at) VALUES ($1, $2)";
}

const INSERT_MEMBER: &str = "INSERT INTO artifact_member (artifact, path, start, size, sha256)";

/// A member by its path.
///
/// # Errors
/// When the database fails.
pub async fn by_path(db: &Db, artifact: i64, path: &str) -> StoreResult<Option<Found>> {
    Ok(read!(db, |pool| sqlx::query_as(BY_PATH).bind(artifact).bind(path).fetch_optional(pool).await)?)
}

/// A member by its SHA-256; one of them where several are the same.
///
/// # Errors
/// When the database fails.
pub async fn by_hash(db: &Db, artifact: i64, sha256: &str) -> StoreResult<Option<Found>> {
    Ok(read!(db, |pool| sqlx::query_as(BY_HASH).bind(artifact).bind(sha256).fetch_optional(pool).await)?)
}

/// The lists of an apt repository's suites.
///
/// # Errors
/// When the database fails.
pub async fn lists(db: &Db, artifact: i64) -> StoreResult<Vec<Found>> {
    let found: Vec<Found> = read!(db, |pool| sqlx::query_as(LISTS).bind(artifact).fetch_all(pool).await)?;
    // One of the databases takes capital letters for small ones here.
    Ok(found.into_iter().filter(|found| found.member.path.ends_with("InRelease")).collect())
}

/// Enters what is in an archive.
///
/// # Errors
/// [`crate::StoreError::Exists`] when it was entered already, or another one at this very moment.
pub async fn insert(tx: &mut Tx, artifact: i64, now: Timestamp, members: &[Member]) -> StoreResult<()> {
    let last: i64 = within!(tx, |executor| sqlx::query_scalar(LAST).fetch_one(executor).await)?;
    let now = now.0 - now.0.rem_euclid(SECOND);
    let modified_at = now.max(last.saturating_add(SECOND));
    within!(tx, |executor| sqlx::query(INSERT).bind(artifact).bind(modified_at).execute(executor).await.map(drop))?;
    insert_many!(tx, members, INSERT_MEMBER, 5, |query, member| query
        .bind(artifact)
        .bind(&member.path)
        .bind(member.start)
        .bind(member.size)
        .bind(&member.sha256));
    Ok(())
}
