//! Rollouts. Who they are for is in [`target`], how far devices are in [`count`], what was done with them in [`event`], what is
//! known of their devices in [`crowd`], which of them are how far in [`level`], what was foreseen of it and how it went in [`course`].

pub mod count;
pub mod course;
pub mod crowd;
pub mod event;
pub mod level;
pub mod target;

use crate::{Db, StoreError, StoreResult, Tx, user::some_time};
use domain::{
    id::{ApprovalId, ReleaseId, RolloutId},
    rollout::{Accepted, Course, Frozen, HeldBack, Plan, RolloutState, Settled},
    time::Timestamp,
};
use sqlx::AssertSqlSafe;
use uuid::Uuid;

/// A rollout as it is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rollout {
    /// Its id.
    pub id: RolloutId,
    /// Its word in addresses.
    pub code: String,
    /// What it is to do.
    pub plan: Plan,
    /// What was frozen of that; none before it was submitted.
    pub frozen: Option<Frozen>,
    /// How it stands.
    pub course: Course,
    /// Whoever wrote at it, and the people behind them.
    pub authors: Vec<String>,
    /// Who made it.
    pub created_by: String,
    /// When.
    pub created_at: Timestamp,
    /// When anything of it was last changed.
    pub updated_at: Timestamp,
    /// Who submitted it; empty before.
    pub submitted_by: String,
    /// When.
    pub submitted_at: Option<Timestamp>,
    /// The approval that was asked for.
    pub approval_id: Option<ApprovalId>,
    /// Who approved it; empty before.
    pub approved_by: String,
    /// When it was started.
    pub started_at: Option<Timestamp>,
    /// When it ended.
    pub ended_at: Option<Timestamp>,
    /// When it was let go on last; none if it was never stopped.
    pub resumed_at: Option<Timestamp>,
    /// When the last wave was opened.
    pub wave_opened_at: Option<Timestamp>,
    /// By wave, what somebody let go on in spite of.
    pub accepted: Vec<Accepted>,
    /// Whether devices are taken back.
    pub reverting: bool,
    /// By wave, how many joined, by their cohorts.
    pub joined: Vec<Vec<u64>>,
    /// Devices that it goes on without.
    pub held_back: Vec<HeldBack>,
    /// What its experiment has found out for good.
    pub verdicts: Vec<Settled>,
    /// Whether devices have to do with it.
    pub is_active: bool,
    /// Why it stands as it does; may be empty.
    pub reason: String,
    /// Grows with every change.
    pub version: i64,
}

/// How a rollout stands, as far as an offer depends on it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Standing {
    /// How far it is.
    pub state: RolloutState,
    /// The wave that was opened last, from 0; none before it was started.
    pub wave: Option<usize>,
    /// Devices that it goes on without.
    pub held_back: Vec<HeldBack>,
}

#[derive(sqlx::FromRow)]
struct Row {
    id: Uuid,
    code: String,
    state: String,
    is_active: i64,
    plan: String,
    frozen: String,
    hash: String,
    approved_hash: String,
    authors: String,
    created_by: String,
    created_at: i64,
    updated_at: i64,
    submitted_by: String,
    submitted_at: i64,
    approval_id: Option<Uuid>,
    approved_by: String,
    started_at: i64,
    ended_at: i64,
    resumed_at: i64,
    wave: i64,
    wave_opened_at: i64,
    accepted: String,
    reverting: i64,
    joined: String,
    held_back: String,
    verdicts: String,
    reason: String,
    version: i64,
}

fn read<T: serde::de::DeserializeOwned>(column: &'static str, text: &str) -> StoreResult<T> {
    serde_json::from_str(text).map_err(|error| StoreError::corrupt(column, error))
}

impl TryFrom<Row> for Rollout {
    type Error = StoreError;
    fn try_from(row: Row) -> StoreResult<Self> {
        let plan: Plan = read("rollout.plan", &row.plan)?;
        let course = Course {
            state: row.state.parse().map_err(|e| StoreError::corrupt("rollout.state", e))?,
            wave: usize::try_from(row.wave).ok(),
            waves: plan.waves.len(),
            hash: row.hash,
            approved: row.approved_hash,
        };
        Ok(Self {
            id: RolloutId(row.id),
            code: row.code,
            frozen: if row.frozen.is_empty() { None } else { Some(read("rollout.frozen", &row.frozen)?) },
            plan,
            course,
            authors: row.authors.lines().map(str::to_owned).collect(),
            created_by: row.created_by,
            created_at: Timestamp(row.created_at),
            updated_at: Timestamp(row.updated_at),
            submitted_by: row.submitted_by,
            submitted_at: some_time(row.submitted_at),
            approval_id: row.approval_id.map(ApprovalId),
            approved_by: row.approved_by,
            started_at: some_time(row.started_at),
            ended_at: some_time(row.ended_at),
            resumed_at: some_time(row.resumed_at),
            wave_opened_at: some_time(row.wave_opened_at),
            accepted: read("rollout.accepted", &row.accepted)?,
            reverting: row.reverting != 0,
            joined: read("rollout.joined", &row.joined)?,
            held_back: read("rollout.held_back", &row.held_back)?,
            verdicts: read("rollout.verdicts", &row.verdicts)?,
            is_active: row.is_active != 0,
            reason: row.reason,
            version: row.version,
        })
    }
}

macro_rules! columns {
    () => {
        "id, code, state, is_active, plan, frozen, hash, approved_hash, authors, created_by, created_at, updated_at, \
         submitted_by, submitted_at, approval_id, approved_by, started_at, ended_at, wave, wave_opened_at, accepted, \
         reverting, joined, reason, resumed_at, held_back, verdicts, version"
    };
}

queries! {
    BY_ID = concat!("SELECT ", columns!(), " FROM rollout WHERE id = $1");
    BY_CODE = concat!("SELECT ", columns!(), " FROM rollout WHERE code = $1");
    ACTIVE = concat!("SELECT ", columns!(), " FROM rollout WHERE is_active = 1 ORDER BY id");
    HOLDS_BACK = "SELECT COUNT(*) FROM rollout WHERE release_id = $1 AND state NOT IN ('draft', 'completed')";
    PAGE = concat!("SELECT ", columns!(), " FROM rollout WHERE id < $1 ORDER BY id DESC LIMIT $2");
    NEWEST = concat!("SELECT ", columns!(), " FROM rollout ORDER BY id DESC LIMIT $1");
    PAGE_IN_STATE = concat!("SELECT ", columns!(), " FROM rollout WHERE state = $1 AND id < $2 ORDER BY id DESC LIMIT $3");
    NEWEST_IN_STATE = concat!("SELECT ", columns!(), " FROM rollout WHERE state = $1 ORDER BY id DESC LIMIT $2");
    CODES = "SELECT code FROM rollout WHERE code = $1 OR (code >= $2 AND code < $3)";
    DUE = "SELECT id FROM rollout WHERE state = 'approved' ORDER BY id";
    ABOUT_TO_SEND = "SELECT id FROM rollout \
                     WHERE state IN ('running', 'approved') OR (state = 'aborted' AND reverting = 1) ORDER BY id";
    VERSIONS = "SELECT id, version FROM rollout WHERE is_active = 1";
    CODE = "SELECT code FROM rollout WHERE id = $1";
    STANDING = "SELECT state, wave, held_back FROM rollout WHERE id = $1";
    LAST_OF_PRODUCT = concat!("SELECT ", columns!(), " FROM rollout WHERE started_at > 0 \
                      AND release_id IN (SELECT id FROM release WHERE product = $1) ORDER BY id DESC LIMIT 1");
    IDS_OF_PRODUCT = "SELECT id FROM rollout WHERE started_at > 0 \
                      AND release_id IN (SELECT id FROM release WHERE product = $1) ORDER BY id DESC LIMIT $2";
    BEFORE_OF_PRODUCT = concat!("SELECT ", columns!(), " FROM rollout WHERE id < $1 AND started_at > 0 \
                        AND release_id IN (SELECT id FROM release WHERE product = $2) ORDER BY id DESC LIMIT 1");
    INSERT = "INSERT INTO rollout (id, code, name, release_id, state, plan, authors, created_by, created_at, updated_at) \
              VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)";
    PUT = "UPDATE rollout SET name = $3, release_id = $4, state = $5, is_active = $6, plan = $7, frozen = $8, hash = $9, \
           approved_hash = $10, authors = $11, updated_at = $12, submitted_by = $13, submitted_at = $14, \
           approval_id = $15, approved_by = $16, started_at = $17, ended_at = $18, wave = $19, wave_opened_at = $20, \
           accepted = $21, reverting = $22, joined = $23, reason = $24, resumed_at = $25, \
           held_back = $26, verdicts = $27, version = version + 1 \
           WHERE id = $1 AND version = $2";
    RATE = "INSERT INTO rollout_rate (rollout_id, minute, n) VALUES ($1, $2, 1) ON CONFLICT (rollout_id) DO UPDATE SET \
            n = CASE WHEN rollout_rate.minute NOT BETWEEN $2 AND $2 + 2 THEN 1 ELSE rollout_rate.n + 1 END, \
            minute = CASE WHEN rollout_rate.minute NOT BETWEEN $2 AND $2 + 2 THEN excluded.minute \
            ELSE rollout_rate.minute END \
            WHERE rollout_rate.minute NOT BETWEEN $2 AND $2 + 2 OR rollout_rate.n < $3 RETURNING minute";
}

/// A rollout by its id.
///
/// # Errors
/// When the database fails.
pub async fn by_id(db: &Db, id: RolloutId) -> StoreResult<Option<Rollout>> {
    let row: Option<Row> = read!(db, |pool| sqlx::query_as(BY_ID).bind(id.0).fetch_optional(pool).await)?;
    row.map(TryInto::try_into).transpose()
}

/// A rollout by its word in addresses.
///
/// # Errors
/// When the database fails.
pub async fn by_code(db: &Db, code: &str) -> StoreResult<Option<Rollout>> {
    let row: Option<Row> = read!(db, |pool| sqlx::query_as(BY_CODE).bind(code).fetch_optional(pool).await)?;
    row.map(TryInto::try_into).transpose()
}

/// A rollout by its id, held by the transaction until its end.
///
/// # Errors
/// When the database fails.
pub async fn lock(tx: &mut Tx, id: RolloutId) -> StoreResult<Option<Rollout>> {
    let row: Option<Row> = match tx {
        Tx::Sqlite(tx) => sqlx::query_as(BY_ID).bind(id.0).fetch_optional(&mut **tx).await?,
        Tx::Postgres(tx) => {
            let sql = AssertSqlSafe(format!("{BY_ID} FOR UPDATE"));
            sqlx::query_as(sql).bind(id.0).fetch_optional(&mut **tx).await?
        }
    };
    row.map(TryInto::try_into).transpose()
}

/// A rollout by its id, as the transaction sees it; it need not stay so.
///
/// # Errors
/// When the database fails.
pub async fn within(tx: &mut Tx, id: RolloutId) -> StoreResult<Option<Rollout>> {
    let row: Option<Row> = within!(tx, |executor| sqlx::query_as(BY_ID).bind(id.0).fetch_optional(executor).await)?;
    row.map(TryInto::try_into).transpose()
}

/// A rollout's word in addresses.
///
/// # Errors
/// When the database fails.
pub async fn code_within(tx: &mut Tx, id: RolloutId) -> StoreResult<Option<String>> {
    Ok(within!(tx, |executor| sqlx::query_scalar(CODE).bind(id.0).fetch_optional(executor).await)?)
}

/// How a rollout stands, and that it stays so until the transaction ends. Any number of transactions hold it so at once.
///
/// # Errors
/// When the database fails.
pub async fn standing(tx: &mut Tx, id: RolloutId) -> StoreResult<Option<Standing>> {
    let row: Option<(String, i64, String)> = match tx {
        Tx::Sqlite(tx) => sqlx::query_as(STANDING).bind(id.0).fetch_optional(&mut **tx).await?,
        Tx::Postgres(tx) => {
            let sql = AssertSqlSafe(format!("{STANDING} FOR SHARE"));
            sqlx::query_as(sql).bind(id.0).fetch_optional(&mut **tx).await?
        }
    };
    let Some((state, wave, held_back)) = row else { return Ok(None) };
    let state = state.parse().map_err(|e| StoreError::corrupt("rollout.state", e))?;
    Ok(Some(Standing { state, wave: usize::try_from(wave).ok(), held_back: read("rollout.held_back", &held_back)? }))
}

/// All with which devices have to do, in the order in which they were made.
///
/// # Errors
/// When the database fails.
pub async fn active(db: &Db) -> StoreResult<Vec<Rollout>> {
    let rows: Vec<Row> = read!(db, |pool| sqlx::query_as(ACTIVE).fetch_all(pool).await)?;
    rows.into_iter().map(TryInto::try_into).collect()
}

/// The versions of those with which devices have to do.
///
/// # Errors
/// When the database fails.
pub async fn versions(db: &Db) -> StoreResult<Vec<(RolloutId, i64)>> {
    let rows: Vec<(Uuid, i64)> = read!(db, |pool| sqlx::query_as(VERSIONS).fetch_all(pool).await)?;
    Ok(rows.into_iter().map(|(id, version)| (RolloutId(id), version)).collect())
}

/// Those that are approved and wait for their time.
///
/// # Errors
/// When the database fails.
pub async fn waiting_to_start(db: &Db) -> StoreResult<Vec<RolloutId>> {
    let ids: Vec<Uuid> = read!(db, |pool| sqlx::query_scalar(DUE).fetch_all(pool).await)?;
    Ok(ids.into_iter().map(RolloutId).collect())
}

/// Those that send something by themselves, or will.
///
/// # Errors
/// When the database fails.
pub async fn about_to_send(tx: &mut Tx) -> StoreResult<Vec<RolloutId>> {
    let ids: Vec<Uuid> = within!(tx, |executor| sqlx::query_scalar(ABOUT_TO_SEND).fetch_all(executor).await)?;
    Ok(ids.into_iter().map(RolloutId).collect())
}

/// Rollouts, newest first: before an id when one is given, only those in a state when one is given.
///
/// # Errors
/// When the database fails.
pub async fn page(
    db: &Db,
    state: Option<RolloutState>,
    before: Option<RolloutId>,
    limit: i64,
) -> StoreResult<Vec<Rollout>> {
    let rows: Vec<Row> = read!(db, |pool| {
        let query = match (state, before) {
            (None, None) => sqlx::query_as(NEWEST),
            (None, Some(before)) => sqlx::query_as(PAGE).bind(before.0),
            (Some(state), None) => sqlx::query_as(NEWEST_IN_STATE).bind(state.as_str()),
            (Some(state), Some(before)) => sqlx::query_as(PAGE_IN_STATE).bind(state.as_str()).bind(before.0),
        };
        query.bind(limit).fetch_all(pool).await
    })?;
    rows.into_iter().map(TryInto::try_into).collect()
}

/// Whether a rollout of a release was submitted and has not brought it to all: it waits, runs, or was stopped.
///
/// # Errors
/// When the database fails.
pub async fn holds_back(db: &Db, release: ReleaseId) -> StoreResult<bool> {
    let n: i64 = read!(db, |pool| sqlx::query_scalar(HOLDS_BACK).bind(release.0).fetch_one(pool).await)?;
    Ok(n > 0)
}

/// The last rollout of a product that was started: of those made before an id when one is given. Costs what there are of
/// rollouts of that product, or of all that were made since, whatever the fleet is.
///
/// # Errors
/// When the database fails.
pub async fn last_of_product(db: &Db, product: &str, before: Option<RolloutId>) -> StoreResult<Option<Rollout>> {
    let row: Option<Row> = read!(db, |pool| {
        let query = match before {
            None => sqlx::query_as(LAST_OF_PRODUCT),
            Some(before) => sqlx::query_as(BEFORE_OF_PRODUCT).bind(before.0),
        };
        query.bind(product).fetch_optional(pool).await
    })?;
    row.map(TryInto::try_into).transpose()
}

/// The last rollouts of a product that were started, the newest first. Costs what there are of rollouts of that product.
///
/// # Errors
/// When the database fails.
pub async fn ids_of_product(db: &Db, product: &str, limit: i64) -> StoreResult<Vec<RolloutId>> {
    let ids: Vec<Uuid> =
        read!(db, |pool| sqlx::query_scalar(IDS_OF_PRODUCT).bind(product).bind(limit).fetch_all(pool).await)?;
    Ok(ids.into_iter().map(RolloutId).collect())
}

/// The words in addresses that are this one, or it with something after a hyphen.
///
/// # Errors
/// When the database fails.
pub async fn codes_like(tx: &mut Tx, code: &str) -> StoreResult<Vec<String>> {
    let (from, until) = (format!("{code}-"), format!("{code}."));
    Ok(within!(tx, |executor| {
        sqlx::query_scalar(CODES).bind(code).bind(from).bind(until).fetch_all(executor).await
    })?)
}

fn json<T: serde::Serialize>(value: &T) -> String {
    // Nothing of it has keys that are no texts, which is all that could fail.
    serde_json::to_string(value).unwrap_or_default()
}

/// Enters a draft.
///
/// # Errors
/// [`StoreError::Exists`] when its code is taken.
pub async fn insert(tx: &mut Tx, rollout: &Rollout) -> StoreResult<()> {
    within!(tx, |executor| {
        sqlx::query(INSERT)
            .bind(rollout.id.0)
            .bind(&rollout.code)
            .bind(&rollout.plan.name)
            .bind(rollout.plan.release.0)
            .bind(rollout.course.state.as_str())
            .bind(json(&rollout.plan))
            .bind(rollout.authors.join("\n"))
            .bind(&rollout.created_by)
            .bind(rollout.created_at.0)
            .bind(rollout.updated_at.0)
            .execute(executor)
            .await
            .map(drop)
    })?;
    Ok(())
}

/// Writes a rollout unless it was changed since it was read; whether it was written.
///
/// # Errors
/// When the database fails.
pub async fn put(tx: &mut Tx, rollout: &Rollout) -> StoreResult<bool> {
    let time = |time: Option<Timestamp>| time.map_or(0, |time| time.0);
    let wave = rollout.course.wave.and_then(|wave| i64::try_from(wave).ok()).unwrap_or(-1);
    let frozen = rollout.frozen.as_ref().map(json).unwrap_or_default();
    let changed = within!(tx, |executor| {
        sqlx::query(PUT)
            .bind(rollout.id.0)
            .bind(rollout.version)
            .bind(&rollout.plan.name)
            .bind(rollout.plan.release.0)
            .bind(rollout.course.state.as_str())
            .bind(i64::from(rollout.is_active))
            .bind(json(&rollout.plan))
            .bind(frozen)
            .bind(&rollout.course.hash)
            .bind(&rollout.course.approved)
            .bind(rollout.authors.join("\n"))
            .bind(rollout.updated_at.0)
            .bind(&rollout.submitted_by)
            .bind(time(rollout.submitted_at))
            .bind(rollout.approval_id.map(|id| id.0))
            .bind(&rollout.approved_by)
            .bind(time(rollout.started_at))
            .bind(time(rollout.ended_at))
            .bind(wave)
            .bind(time(rollout.wave_opened_at))
            .bind(json(&rollout.accepted))
            .bind(i64::from(rollout.reverting))
            .bind(json(&rollout.joined))
            .bind(&rollout.reason)
            .bind(time(rollout.resumed_at))
            .bind(json(&rollout.held_back))
            .bind(json(&rollout.verdicts))
            .execute(executor)
            .await
            .map(|done| done.rows_affected())
    })?;
    Ok(changed == 1)
}

/// Counts a device that is told of a rollout in this minute, or in the one that others are in already: whose clock is ahead, or who
/// began later. In which one; none when as many were told as may be.
///
/// # Errors
/// When the database fails.
pub async fn count_in_minute(tx: &mut Tx, id: RolloutId, minute: i64, most: u32) -> StoreResult<Option<i64>> {
    let counted = within!(tx, |executor| {
        sqlx::query_scalar(RATE).bind(id.0).bind(minute).bind(i64::from(most)).fetch_optional(executor).await
    })?;
    Ok(counted)
}
