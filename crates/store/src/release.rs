//! Releases, the steps that each took, and the checks that were told of it. A release's stage is the last of its steps,
//! written down; nothing else of it changes.

use crate::{Db, StoreError, StoreResult, Tx};
use domain::{
    id::{ModelId, ReleaseId, ReleaseStepId},
    release::{ArtifactKind, Check, GateResult, Release, Stage},
    time::Timestamp,
    version::version_key,
};
use uuid::Uuid;

#[derive(sqlx::FromRow)]
struct Row {
    id: Uuid,
    product: String,
    version: String,
    kind: String,
    models: String,
    revisions: String,
    notes: String,
    stage: String,
    stage_at: i64,
    created_by: String,
    created_at: i64,
}

impl TryFrom<Row> for Release {
    type Error = StoreError;
    fn try_from(row: Row) -> StoreResult<Self> {
        Ok(Self {
            id: ReleaseId(row.id),
            product: row.product,
            version: row.version,
            kind: row.kind.parse().map_err(|e| StoreError::corrupt("release.kind", e))?,
            models: serde_json::from_str(&row.models).map_err(|e| StoreError::corrupt("release.models", e))?,
            revisions: serde_json::from_str(&row.revisions).map_err(|e| StoreError::corrupt("release.revisions", e))?,
            notes: row.notes,
            stage: row.stage.parse().map_err(|e| StoreError::corrupt("release.stage", e))?,
            stage_at: Timestamp(row.stage_at),
            created_by: row.created_by,
            created_at: Timestamp(row.created_at),
        })
    }
}

/// One step of a release.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReleaseStep {
    /// Its id; later steps have larger ones.
    pub id: ReleaseStepId,
    /// When.
    pub at: Timestamp,
    /// The stage before; none for the first step.
    pub before: Option<Stage>,
    /// The stage that it entered.
    pub stage: Stage,
    /// Who asked for it.
    pub by: String,
    /// Who approved it; empty where nobody had to.
    pub approved_by: String,
    /// Why; may be empty.
    pub reason: String,
    /// What the gates said then.
    pub gates: Vec<GateResult>,
}

#[derive(sqlx::FromRow)]
struct StepRow {
    id: Uuid,
    at: i64,
    before: String,
    stage: String,
    by_name: String,
    approved_by: String,
    reason: String,
    gates: String,
}

impl TryFrom<StepRow> for ReleaseStep {
    type Error = StoreError;
    fn try_from(row: StepRow) -> StoreResult<Self> {
        let stage = |word: &str| word.parse().map_err(|e| StoreError::corrupt("release_stage.stage", e));
        Ok(Self {
            id: ReleaseStepId(row.id),
            at: Timestamp(row.at),
            before: if row.before.is_empty() { None } else { Some(stage(&row.before)?) },
            stage: stage(&row.stage)?,
            by: row.by_name,
            approved_by: row.approved_by,
            reason: row.reason,
            gates: serde_json::from_str(&row.gates).map_err(|e| StoreError::corrupt("release_stage.gates", e))?,
        })
    }
}

#[derive(sqlx::FromRow)]
struct CheckRow {
    at: i64,
    name: String,
    state: String,
    url: String,
    by_name: String,
}

impl TryFrom<CheckRow> for Check {
    type Error = StoreError;
    fn try_from(row: CheckRow) -> StoreResult<Self> {
        Ok(Self {
            name: row.name,
            state: row.state.parse().map_err(|e| StoreError::corrupt("release_check.state", e))?,
            url: row.url,
            at: Timestamp(row.at),
            by: row.by_name,
        })
    }
}

macro_rules! columns {
    () => {
        "id, product, version, kind, models, revisions, notes, stage, stage_at, created_by, created_at"
    };
}

queries! {
    BY_ID = concat!("SELECT ", columns!(), " FROM release WHERE id = $1");
    BY_NAME = concat!("SELECT ", columns!(), " FROM release WHERE product = $1 AND version = $2");
    PAGE = concat!("SELECT ", columns!(), " FROM release WHERE id < $1 ORDER BY id DESC LIMIT $2");
    IN_STAGE = concat!("SELECT ", columns!(), " FROM release WHERE stage = $1 AND id < $2 ORDER BY id DESC LIMIT $3");
    OF_PRODUCT = concat!("SELECT ", columns!(), " FROM release WHERE product = $1 AND id < $2 ORDER BY id DESC LIMIT $3");
    COUNTS = "SELECT stage, COUNT(*) FROM release GROUP BY stage";
    KIND = "SELECT kind FROM release WHERE id = $1";
    OF_VERSION = "SELECT id FROM release WHERE kind = $1 AND version_key = $2 ORDER BY id DESC LIMIT 20";
    INSERT = "INSERT INTO release (id, product, version, version_key, kind, models, revisions, notes, stage, stage_at, \
              created_by, created_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)";
    HOLD = "UPDATE release SET stage = stage WHERE id = $1";
    ENTER = "UPDATE release SET stage = $3, stage_at = $4 WHERE id = $1 AND stage = $2";
    STEPS = "SELECT id, at, before, stage, by_name, approved_by, reason, gates FROM release_stage \
             WHERE release_id = $1 ORDER BY id";
    ADD_STEP = "INSERT INTO release_stage (release_id, id, at, before, stage, by_name, approved_by, reason, gates) \
                VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)";
    CHECKS = "SELECT at, name, state, url, by_name FROM release_check WHERE release_id = $1 ORDER BY id";
    COUNT_CHECKS = "SELECT COUNT(*) FROM release_check WHERE release_id = $1";
    ADD_CHECK = "INSERT INTO release_check (release_id, id, at, name, state, url, by_name) \
                 VALUES ($1, $2, $3, $4, $5, $6, $7)";
    VERIFIED = "SELECT COUNT(*) FROM (SELECT DISTINCT a.device_id FROM update_action a JOIN device d ON d.id = a.device_id \
                WHERE a.release_id = $1 AND a.state = 'verified' AND d.model_id = $2 AND d.firmware_key = $3 \
                LIMIT $4) AS few";
}

/// A release by its id.
///
/// # Errors
/// When the database fails.
pub async fn by_id(db: &Db, id: ReleaseId) -> StoreResult<Option<Release>> {
    let row: Option<Row> = read!(db, |pool| sqlx::query_as(BY_ID).bind(id.0).fetch_optional(pool).await)?;
    row.map(TryInto::try_into).transpose()
}

/// A release by its id, held by the transaction until its end: nobody else changes its stage or asks for that meanwhile.
///
/// # Errors
/// When the database fails.
pub async fn hold(tx: &mut Tx, id: ReleaseId) -> StoreResult<Option<Release>> {
    within!(tx, |executor| sqlx::query(HOLD).bind(id.0).execute(executor).await.map(drop))?;
    let row: Option<Row> = within!(tx, |executor| sqlx::query_as(BY_ID).bind(id.0).fetch_optional(executor).await)?;
    row.map(TryInto::try_into).transpose()
}

/// A release by product and version.
///
/// # Errors
/// When the database fails.
pub async fn by_name(db: &Db, product: &str, version: &str) -> StoreResult<Option<Release>> {
    let row: Option<Row> =
        read!(db, |pool| sqlx::query_as(BY_NAME).bind(product).bind(version).fetch_optional(pool).await)?;
    row.map(TryInto::try_into).transpose()
}

/// The kind of a release, as the transaction sees it.
///
/// # Errors
/// When the database fails.
pub async fn kind_within(tx: &mut Tx, id: ReleaseId) -> StoreResult<Option<ArtifactKind>> {
    let kind: Option<String> =
        within!(tx, |executor| sqlx::query_scalar(KIND).bind(id.0).fetch_optional(executor).await)?;
    kind.map(|kind| kind.parse().map_err(|e| StoreError::corrupt("release.kind", e))).transpose()
}

/// The last releases of a kind and a version, the newest first; none for an empty version.
///
/// # Errors
/// When the database fails.
pub async fn of_version(db: &Db, kind: ArtifactKind, version: &str) -> StoreResult<Vec<ReleaseId>> {
    if version.is_empty() {
        return Ok(Vec::new());
    }
    let key = version_key(version);
    let ids: Vec<Uuid> =
        read!(db, |pool| sqlx::query_scalar(OF_VERSION).bind(kind.as_str()).bind(&key).fetch_all(pool).await)?;
    Ok(ids.into_iter().map(ReleaseId).collect())
}

/// Which releases a list shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Which<'a> {
    /// All.
    All,
    /// Those in a stage.
    Stage(Stage),
    /// Those of a product.
    Product(&'a str),
}

/// Releases, newest first, after the one named.
///
/// # Errors
/// When the database fails.
pub async fn page(db: &Db, which: Which<'_>, before: Option<ReleaseId>, limit: i64) -> StoreResult<Vec<Release>> {
    let before = before.map_or(Uuid::max(), |id| id.0);
    let rows: Vec<Row> = match which {
        Which::All => read!(db, |pool| sqlx::query_as(PAGE).bind(before).bind(limit).fetch_all(pool).await)?,
        Which::Stage(stage) => read!(db, |pool| {
            sqlx::query_as(IN_STAGE).bind(stage.as_str()).bind(before).bind(limit).fetch_all(pool).await
        })?,
        Which::Product(product) => {
            read!(db, |pool| sqlx::query_as(OF_PRODUCT).bind(product).bind(before).bind(limit).fetch_all(pool).await)?
        }
    };
    rows.into_iter().map(TryInto::try_into).collect()
}

/// How many releases are in each stage.
///
/// # Errors
/// When the database fails.
pub async fn counts(db: &Db) -> StoreResult<Vec<(Stage, i64)>> {
    let rows: Vec<(String, i64)> = read!(db, |pool| sqlx::query_as(COUNTS).fetch_all(pool).await)?;
    let row = |(stage, n): (String, i64)| Ok((stage.parse().map_err(|e| StoreError::corrupt("release.stage", e))?, n));
    rows.into_iter().map(row).collect()
}

/// Enters a release.
///
/// # Errors
/// [`StoreError::Exists`] when there is one of this product and version.
pub async fn insert(tx: &mut Tx, release: &Release) -> StoreResult<()> {
    let list = |names: &[String]| serde_json::to_string(names).unwrap_or_default();
    within!(tx, |executor| {
        sqlx::query(INSERT)
            .bind(release.id.0)
            .bind(&release.product)
            .bind(&release.version)
            .bind(version_key(&release.version))
            .bind(release.kind.as_str())
            .bind(list(&release.models))
            .bind(list(&release.revisions))
            .bind(&release.notes)
            .bind(release.stage.as_str())
            .bind(release.stage_at.0)
            .bind(&release.created_by)
            .bind(release.created_at.0)
            .execute(executor)
            .await
            .map(drop)
    })?;
    Ok(())
}

/// Lets a release enter a stage: the step, and the release's own stage. False when it was in another one than `before`.
///
/// # Errors
/// When the database fails.
pub async fn enter(tx: &mut Tx, release: ReleaseId, step: &ReleaseStep) -> StoreResult<bool> {
    if let Some(before) = step.before {
        let done = within!(tx, |executor| {
            let query = sqlx::query(ENTER).bind(release.0).bind(before.as_str());
            let query = query.bind(step.stage.as_str()).bind(step.at.0);
            query.execute(executor).await.map(|done| done.rows_affected())
        })?;
        if done != 1 {
            return Ok(false);
        }
    }
    let gates = serde_json::to_string(&step.gates).unwrap_or_default();
    within!(tx, |executor| {
        sqlx::query(ADD_STEP)
            .bind(release.0)
            .bind(step.id.0)
            .bind(step.at.0)
            .bind(step.before.map_or("", |stage| stage.as_str()))
            .bind(step.stage.as_str())
            .bind(&step.by)
            .bind(&step.approved_by)
            .bind(&step.reason)
            .bind(gates)
            .execute(executor)
            .await
            .map(drop)
    })?;
    Ok(true)
}

/// The steps of a release, oldest first.
///
/// # Errors
/// When the database fails.
pub async fn steps(db: &Db, release: ReleaseId) -> StoreResult<Vec<ReleaseStep>> {
    let rows: Vec<StepRow> = read!(db, |pool| sqlx::query_as(STEPS).bind(release.0).fetch_all(pool).await)?;
    rows.into_iter().map(TryInto::try_into).collect()
}

/// All that was told of a release's checks, oldest first.
///
/// # Errors
/// When the database fails.
pub async fn checks(db: &Db, release: ReleaseId) -> StoreResult<Vec<Check>> {
    let rows: Vec<CheckRow> = read!(db, |pool| sqlx::query_as(CHECKS).bind(release.0).fetch_all(pool).await)?;
    rows.into_iter().map(TryInto::try_into).collect()
}

/// The same, as the transaction sees it.
///
/// # Errors
/// When the database fails.
pub async fn checks_within(tx: &mut Tx, release: ReleaseId) -> StoreResult<Vec<Check>> {
    let rows: Vec<CheckRow> = within!(tx, |executor| sqlx::query_as(CHECKS).bind(release.0).fetch_all(executor).await)?;
    rows.into_iter().map(TryInto::try_into).collect()
}

/// How often checks of a release were told of.
///
/// # Errors
/// When the database fails.
pub async fn count_checks(tx: &mut Tx, release: ReleaseId) -> StoreResult<i64> {
    Ok(within!(tx, |executor| sqlx::query_scalar(COUNT_CHECKS).bind(release.0).fetch_one(executor).await)?)
}

/// Enters what was told of a check.
///
/// # Errors
/// When the database fails.
pub async fn add_check(tx: &mut Tx, release: ReleaseId, id: ReleaseStepId, check: &Check) -> StoreResult<()> {
    within!(tx, |executor| {
        sqlx::query(ADD_CHECK)
            .bind(release.0)
            .bind(id.0)
            .bind(check.at.0)
            .bind(&check.name)
            .bind(check.state.as_str())
            .bind(&check.url)
            .bind(&check.by)
            .execute(executor)
            .await
            .map(drop)
    })?;
    Ok(())
}

/// How many devices of a model a rollout has verified with a release, and run it still by their own word; counted up to `most`.
///
/// # Errors
/// When the database fails.
pub async fn verified(db: &Db, (release, version): (ReleaseId, &str), model: ModelId, most: i64) -> StoreResult<i64> {
    let key = version_key(version);
    Ok(read!(db, |pool| {
        let query = sqlx::query_scalar(VERIFIED).bind(release.0).bind(model.0).bind(&key).bind(most);
        query.fetch_one(pool).await
    })?)
}

/// The same, as the transaction sees it.
///
/// # Errors
/// When the database fails.
pub async fn verified_within(
    tx: &mut Tx,
    (release, version): (ReleaseId, &str),
    model: ModelId,
    most: i64,
) -> StoreResult<i64> {
    let key = version_key(version);
    Ok(within!(tx, |executor| {
        let query = sqlx::query_scalar(VERIFIED).bind(release.0).bind(model.0).bind(&key).bind(most);
        query.fetch_one(executor).await
    })?)
}
