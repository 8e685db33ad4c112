//! What releases are made of, as their bills of materials say. The documents themselves lie on the shelf.

use crate::{Db, StoreError, StoreResult, Tx};
use domain::{
    id::ReleaseId,
    release::{BomComponent, BomFormat},
    time::Timestamp,
};
use uuid::Uuid;

/// A release's bill of materials, without what it lists.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sbom {
    /// How it is written.
    pub format: BomFormat,
    /// The document's SHA-256, in hexadecimal.
    pub sha256: String,
    /// The document's size, in bytes.
    pub size: i64,
    /// How many components it lists.
    pub components: i64,
    /// When it was attached.
    pub at: Timestamp,
    /// By whom.
    pub by: String,
}

#[derive(sqlx::FromRow)]
struct Row {
    format: String,
    sha256: String,
    size: i64,
    components: i64,
    at: i64,
    by_name: String,
}

impl TryFrom<Row> for Sbom {
    type Error = StoreError;
    fn try_from(row: Row) -> StoreResult<Self> {
        Ok(Self {
            format: row.format.parse().map_err(|e| StoreError::corrupt("sbom.format", e))?,
            sha256: row.sha256,
            size: row.size,
            components: row.components,
            at: Timestamp(row.at),
            by: row.by_name,
        })
    }
}

#[derive(sqlx::FromRow)]
struct ComponentRow {
    name: String,
    version: String,
    purl: String,
}

impl From<ComponentRow> for BomComponent {
    fn from(row: ComponentRow) -> Self {
        Self { name: row.name, version: row.version, purl: row.purl }
    }
}

queries! {
    OF_RELEASE = "SELECT format, sha256, size, components, at, by_name FROM sbom WHERE release_id = $1";
    INSERT = "INSERT INTO sbom (release_id, format, sha256, size, components, at, by_name) \
              VALUES ($1, $2, $3, $4, $5, $6, $7)";
    COMPONENTS = "SELECT name, version, purl FROM sbom_component WHERE release_id = $1 AND n > $2 ORDER BY n LIMIT $3";
    MATCHING = "SELECT name, version, purl FROM sbom_component WHERE release_id = $1 AND name_key >= $2 \
                AND name_key < $3 AND version >= $4 AND version < $5 ORDER BY n LIMIT $6";
    RELEASES = "SELECT DISTINCT release_id FROM sbom_component WHERE name_key >= $1 AND name_key < $2 \
                AND version >= $3 AND version < $4 AND release_id < $5 ORDER BY release_id DESC LIMIT $6";
    RELEASES_EXACT = "SELECT DISTINCT release_id FROM sbom_component WHERE name_key = $1 \
                AND version >= $2 AND version < $3 AND release_id < $4 ORDER BY release_id DESC LIMIT $5";
}

const INSERT_COMPONENT: &str = "INSERT INTO sbom_component (release_id, n, name, name_key, version, purl)";

/// What comes after every text that begins with another.
const LAST: char = '\u{10FFFF}';

/// Components to look for: `openssl` for all whose name begins so, `openssl@3.0` for those of that name whose version
/// begins so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sought {
    name: String,
    version: Option<String>,
}

impl Sought {
    /// What was typed.
    #[must_use]
    pub fn new(text: &str) -> Self {
        match text.trim().to_lowercase().rsplit_once('@') {
            Some((name, version)) if !name.is_empty() => {
                Self { name: name.to_owned(), version: Some(version.to_owned()) }
            }
            _ => Self { name: text.trim().to_lowercase(), version: None },
        }
    }

    /// From which name and up to which, from which version and up to which.
    fn bounds(&self) -> [String; 4] {
        let name = match self.version {
            // What is nothing but the name itself: no character sorts before this one.
            Some(_) => format!("{}\u{1}", self.name),
            None => format!("{}{LAST}", self.name),
        };
        let version = self.version.clone().unwrap_or_default();
        [self.name.clone(), name, version.clone(), format!("{version}{LAST}")]
    }
}

/// A release's bill of materials.
///
/// # Errors
/// When the database fails.
pub async fn of_release(db: &Db, release: ReleaseId) -> StoreResult<Option<Sbom>> {
    let row: Option<Row> = read!(db, |pool| sqlx::query_as(OF_RELEASE).bind(release.0).fetch_optional(pool).await)?;
    row.map(TryInto::try_into).transpose()
}

/// The same, as the transaction sees it.
///
/// # Errors
/// When the database fails.
pub async fn of_release_within(tx: &mut Tx, release: ReleaseId) -> StoreResult<Option<Sbom>> {
    let row: Option<Row> =
        within!(tx, |executor| sqlx::query_as(OF_RELEASE).bind(release.0).fetch_optional(executor).await)?;
    row.map(TryInto::try_into).transpose()
}

/// Attaches a bill of materials with all that it lists.
///
/// # Errors
/// [`StoreError::Exists`] when the release has one.
pub async fn insert(tx: &mut Tx, release: ReleaseId, sbom: &Sbom, components: &[BomComponent]) -> StoreResult<()> {
    within!(tx, |executor| {
        sqlx::query(INSERT)
            .bind(release.0)
            .bind(sbom.format.as_str())
            .bind(&sbom.sha256)
            .bind(sbom.size)
            .bind(sbom.components)
            .bind(sbom.at.0)
            .bind(&sbom.by)
            .execute(executor)
            .await
            .map(drop)
    })?;
    let rows: Vec<(i64, &BomComponent)> = (1..).zip(components).collect();
    insert_many!(tx, rows, INSERT_COMPONENT, 6, |query, row| query
        .bind(release.0)
        .bind(row.0)
        .bind(&row.1.name)
        .bind(row.1.name.to_lowercase())
        .bind(&row.1.version)
        .bind(&row.1.purl));
    Ok(())
}

/// What a release is made of, by name, after the nth component; only what is sought, if something is.
///
/// # Errors
/// When the database fails.
pub async fn components(
    db: &Db,
    release: ReleaseId,
    sought: Option<&Sought>,
    after: i64,
    limit: i64,
) -> StoreResult<Vec<BomComponent>> {
    let rows: Vec<ComponentRow> = match sought.map(Sought::bounds) {
        None => {
            read!(db, |pool| sqlx::query_as(COMPONENTS).bind(release.0).bind(after).bind(limit).fetch_all(pool).await)?
        }
        Some([from, to, low, high]) => read!(db, |pool| {
            let query = sqlx::query_as(MATCHING).bind(release.0).bind(&from).bind(&to);
            query.bind(&low).bind(&high).bind(limit).fetch_all(pool).await
        })?,
    };
    Ok(rows.into_iter().map(Into::into).collect())
}

/// The releases that hold what is sought, newest first, after the one named.
///
/// # Errors
/// When the database fails.
pub async fn releases(db: &Db, sought: &Sought, before: Option<ReleaseId>, limit: i64) -> StoreResult<Vec<ReleaseId>> {
    let before = before.map_or(Uuid::max(), |id| id.0);
    let [from, to, low, high] = sought.bounds();
    let ids: Vec<Uuid> = if sought.version.is_some() {
        search!(db, |pool| {
            let query = sqlx::query_scalar(RELEASES_EXACT).bind(&from).bind(&low).bind(&high);
            query.bind(before).bind(limit).fetch_all(pool).await
        })?
    } else {
        search!(db, |pool| {
            let query = sqlx::query_scalar(RELEASES).bind(&from).bind(&to).bind(&low).bind(&high);
            query.bind(before).bind(limit).fetch_all(pool).await
        })?
    };
    Ok(ids.into_iter().map(ReleaseId).collect())
}
