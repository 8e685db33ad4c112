//! What does not fit between what was issued, made and asked about. The same again only counts up.

use crate::{Db, StoreError, StoreResult, Tx};
use domain::{
    authority::{FindingKind, FindingState},
    id::{AuthorityId, BatchId, DeviceId, FindingId},
    time::Timestamp,
};
use serde_json::Value;
use sqlx::AssertSqlSafe;
use std::{fmt, str::FromStr};
use uuid::Uuid;

/// A finding.
#[derive(Clone, Debug, PartialEq)]
pub struct Finding {
    /// Its id.
    pub id: FindingId,
    /// What kind.
    pub kind: FindingKind,
    /// What it is about, in one word: `serial:GW-1`.
    pub cause: String,
    /// The batch, if one is concerned.
    pub batch_id: Option<BatchId>,
    /// The authority, if one is concerned.
    pub authority_id: Option<AuthorityId>,
    /// The device, if one is concerned.
    pub device_id: Option<DeviceId>,
    /// What was found.
    pub detail: Value,
    /// How often.
    pub n: i64,
    /// How much of that is counted by the findings that it was part of as well.
    pub carried: i64,
    /// When first.
    pub first_at: Timestamp,
    /// When last.
    pub last_at: Timestamp,
    /// Whether it still stands.
    pub state: FindingState,
    /// The cause of the finding that it is part of, or was when that was settled.
    pub part_of: Option<String>,
}

#[derive(sqlx::FromRow)]
struct Row {
    id: Uuid,
    kind: String,
    cause: String,
    batch_id: Option<Uuid>,
    authority_id: Option<Uuid>,
    device_id: Option<Uuid>,
    detail: String,
    n: i64,
    carried: i64,
    first_at: i64,
    last_at: i64,
    state: String,
    part_of: Option<String>,
}

impl TryFrom<Row> for Finding {
    type Error = StoreError;
    fn try_from(row: Row) -> StoreResult<Self> {
        Ok(Self {
            id: FindingId(row.id),
            kind: row.kind.parse().map_err(|e| StoreError::corrupt("finding.kind", e))?,
            cause: row.cause,
            batch_id: row.batch_id.map(BatchId),
            authority_id: row.authority_id.map(AuthorityId),
            device_id: row.device_id.map(DeviceId),
            detail: serde_json::from_str(&row.detail).map_err(|e| StoreError::corrupt("finding.detail", e))?,
            n: row.n,
            carried: row.carried,
            first_at: Timestamp(row.first_at),
            last_at: Timestamp(row.last_at),
            state: row.state.parse().map_err(|e| StoreError::corrupt("finding.state", e))?,
            part_of: row.part_of,
        })
    }
}

macro_rules! columns {
    () => {
        "id, kind, cause, batch_id, authority_id, device_id, detail, n, carried, first_at, last_at, state, part_of"
    };
    ($of:literal) => {
        concat!(
            $of,
            "id, ",
            $of,
            "kind, ",
            $of,
            "cause, ",
            $of,
            "batch_id, ",
            $of,
            "authority_id, ",
            $of,
            "device_id, ",
            $of,
            "detail, ",
            $of,
            "n, ",
            $of,
            "carried, ",
            $of,
            "first_at, ",
            $of,
            "last_at, ",
            $of,
            "state, ",
            $of,
            "part_of"
        )
    };
}

pub(crate) mod fold;
pub(crate) mod settled;
pub(crate) mod trend;

pub use fold::{
    alone, fold, folded, folded_sql, folded_within, open_of_holders, parts, resolve_part, standing_parts,
    standing_parts_within, stands,
};
pub use settled::{Settled, settled, settled_of};
pub use trend::{changes, trend};

queries! {
    NEWEST = concat!("SELECT ", columns!(), " FROM finding ORDER BY last_at DESC, id LIMIT $1");
    IN_STATE = concat!("SELECT ", columns!(), " FROM finding WHERE state = $1 ORDER BY last_at DESC, id LIMIT $2");
    LATEST = concat!("SELECT ", columns!(), " FROM (SELECT * FROM (SELECT * FROM finding WHERE state = 'open' \
              ORDER BY last_at DESC, id LIMIT $1) AS stand UNION ALL SELECT * FROM (SELECT * FROM finding \
              WHERE state = 'resolved' ORDER BY last_at DESC, id LIMIT $1) AS done) AS few \
              ORDER BY last_at DESC, id LIMIT $1");
    OF_BATCH = concat!("SELECT ", columns!(), " FROM finding WHERE batch_id = $1 ORDER BY last_at DESC, id LIMIT $2");
    PAGE_IN_STATE = concat!("SELECT ", columns!(), " FROM finding WHERE state = $1 AND ($2 = '' OR kind = $2) \
                     AND last_at <= $3 AND (last_at < $3 OR id > $4) ORDER BY last_at DESC, id LIMIT $5");
    PAGE = concat!("SELECT ", columns!(), " FROM finding WHERE ($1 = '' OR kind = $1) \
            AND last_at <= $2 AND (last_at < $2 OR id > $3) ORDER BY last_at DESC, id LIMIT $4");
    KINDS_IN_STATE = "SELECT kind, COUNT(*) FROM finding WHERE state = $1 GROUP BY kind ORDER BY kind";
    KINDS = "SELECT kind, COUNT(*) FROM finding GROUP BY kind ORDER BY kind";
    BY_ID = concat!("SELECT ", columns!(), " FROM finding WHERE id = $1");
    BY_CAUSE = concat!("SELECT ", columns!(), " FROM finding WHERE cause = $1");
    OPEN_OF_DEVICE = "SELECT COUNT(*) FROM finding WHERE device_id = $1 AND state = 'open'";
    STAND_OF_DEVICE = "SELECT COUNT(*) FROM finding WHERE device_id = $1 AND state <> 'resolved'";
    COUNT_OPEN = "SELECT COUNT(*) FROM (SELECT 1 FROM finding WHERE state = 'open' LIMIT 1000) AS open";
    REOPEN = "UPDATE finding SET state = 'open', part_of = NULL WHERE cause = $1 AND state <> 'open'";
    NOTE = "INSERT INTO finding (id, kind, cause, batch_id, authority_id, device_id, detail, n, first_at, last_at, \
            state) VALUES ($1, $2, $3, $4, $5, $6, $7, $9, $8, $8, 'open') ON CONFLICT (cause) DO UPDATE \
            SET n = finding.n + excluded.n, last_at = excluded.last_at, detail = excluded.detail, state = 'open', \
            part_of = NULL, batch_id = COALESCE(finding.batch_id, excluded.batch_id) RETURNING id, n";
    RESOLVE = "UPDATE finding SET state = 'resolved', last_at = $2 WHERE cause = $1 AND state = 'open'";
    CHANGED = "INSERT INTO finding_change (id, cause, at, state, was) VALUES ($1, $2, $3, $4, COALESCE((SELECT p.state \
               FROM finding_change p WHERE p.cause = $2 ORDER BY p.at DESC, p.id DESC LIMIT 1), ''))";
}

/// Notes a finding, `n` times; the same cause again counts up and is open by itself again. Its id, if it was opened by that.
///
/// # Errors
/// When the database fails.
pub async fn note(tx: &mut Tx, finding: &Finding) -> StoreResult<Option<FindingId>> {
    let reopened = within!(tx, |executor| {
        sqlx::query(REOPEN).bind(&finding.cause).execute(executor).await.map(|done| done.rows_affected())
    })?;
    let (id, n): (Uuid, i64) = within!(tx, |executor| {
        sqlx::query_as(NOTE)
            .bind(finding.id.0)
            .bind(finding.kind.as_str())
            .bind(&finding.cause)
            .bind(finding.batch_id.map(|id| id.0))
            .bind(finding.authority_id.map(|id| id.0))
            .bind(finding.device_id.map(|id| id.0))
            .bind(finding.detail.to_string())
            .bind(finding.last_at.0)
            .bind(finding.n)
            .fetch_one(executor)
            .await
    })?;
    if reopened != 1 && n != finding.n {
        return Ok(None);
    }
    changed(tx, &finding.cause, FindingState::Open, finding.last_at).await?;
    Ok(Some(FindingId(id)))
}

async fn changed(tx: &mut Tx, cause: &str, state: FindingState, at: Timestamp) -> StoreResult<()> {
    within!(tx, |executor| {
        let query = sqlx::query(CHANGED).bind(Uuid::now_v7()).bind(cause).bind(at.0).bind(state.as_str());
        query.execute(executor).await.map(drop)
    })?;
    Ok(())
}

/// Resolves the finding of a cause. False when none was open.
///
/// # Errors
/// When the database fails.
pub async fn resolve(tx: &mut Tx, cause: &str, at: Timestamp) -> StoreResult<bool> {
    let done = within!(tx, |executor| {
        sqlx::query(RESOLVE).bind(cause).bind(at.0).execute(executor).await.map(|done| done.rows_affected())
    })?;
    if done == 1 {
        changed(tx, cause, FindingState::Resolved, at).await?;
    }
    Ok(done == 1)
}

/// The finding of a cause, as the transaction sees it.
///
/// # Errors
/// When the database fails.
pub async fn by_cause(tx: &mut Tx, cause: &str) -> StoreResult<Option<Finding>> {
    let row: Option<Row> = within!(tx, |executor| sqlx::query_as(BY_CAUSE).bind(cause).fetch_optional(executor).await)?;
    row.map(TryInto::try_into).transpose()
}

/// The findings of these causes, in one read.
///
/// # Errors
/// When the database fails.
pub async fn by_causes(db: &Db, causes: &[&str]) -> StoreResult<Vec<Finding>> {
    let mut found = Vec::new();
    for chunk in causes.chunks(crate::db::MAX_BINDS) {
        let rows: Vec<Row> = read!(db, |pool| {
            let mut query = sqlx::query_as(AssertSqlSafe(by_causes_sql(db, chunk.len())));
            for cause in chunk {
                query = query.bind(*cause);
            }
            query.fetch_all(pool).await
        })?;
        for row in rows {
            found.push(row.try_into()?);
        }
    }
    Ok(found)
}

/// What [`by_causes`] asks for so many.
#[must_use]
pub fn by_causes_sql(db: &Db, n: usize) -> String {
    format!(concat!("SELECT ", columns!(), " FROM finding WHERE cause IN ({})"), crate::db::list_sql(db, n))
}

/// How many findings are open about a device by themselves.
///
/// # Errors
/// When the database fails.
pub async fn open_of_device(tx: &mut Tx, device: DeviceId) -> StoreResult<i64> {
    Ok(within!(tx, |executor| sqlx::query_scalar(OPEN_OF_DEVICE).bind(device.0).fetch_one(executor).await)?)
}

/// How many findings stand about a device, by themselves or as part of others.
///
/// # Errors
/// When the database fails.
pub async fn stand_of_device(tx: &mut Tx, device: DeviceId) -> StoreResult<i64> {
    Ok(within!(tx, |executor| sqlx::query_scalar(STAND_OF_DEVICE).bind(device.0).fetch_one(executor).await)?)
}

/// A finding by its id.
///
/// # Errors
/// When the database fails.
pub async fn by_id(db: &Db, id: FindingId) -> StoreResult<Option<Finding>> {
    let row: Option<Row> = read!(db, |pool| sqlx::query_as(BY_ID).bind(id.0).fetch_optional(pool).await)?;
    row.map(TryInto::try_into).transpose()
}

/// Findings, the last first; only those in a state when one is given.
///
/// # Errors
/// When the database fails.
pub async fn list(db: &Db, state: Option<FindingState>, limit: i64) -> StoreResult<Vec<Finding>> {
    let rows: Vec<Row> = match state {
        None => read!(db, |pool| sqlx::query_as(NEWEST).bind(limit).fetch_all(pool).await)?,
        Some(state) => {
            read!(db, |pool| sqlx::query_as(IN_STATE).bind(state.as_str()).bind(limit).fetch_all(pool).await)?
        }
    };
    rows.into_iter().map(TryInto::try_into).collect()
}

/// The findings that changed last, open or settled, without those that are part of others.
///
/// # Errors
/// When the database fails.
pub async fn latest(db: &Db, limit: i64) -> StoreResult<Vec<Finding>> {
    let rows: Vec<Row> = read!(db, |pool| sqlx::query_as(LATEST).bind(limit).fetch_all(pool).await)?;
    rows.into_iter().map(TryInto::try_into).collect()
}

/// Where a page begins: after this finding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FindingCursor {
    /// When it was last seen.
    pub last_at: Timestamp,
    /// Its id.
    pub id: FindingId,
}

impl FindingCursor {
    /// Before every finding.
    const FIRST: Self = Self { last_at: Timestamp(i64::MAX), id: FindingId(Uuid::nil()) };
}

impl fmt::Display for FindingCursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.last_at.0, self.id)
    }
}

impl FromStr for FindingCursor {
    type Err = ();
    fn from_str(text: &str) -> Result<Self, ()> {
        let (time, id) = text.split_once('.').ok_or(())?;
        Ok(Self { last_at: Timestamp(time.parse().map_err(drop)?), id: id.parse().map_err(drop)? })
    }
}

/// A page of findings of a kind and in a state, the last first, at most `limit`.
///
/// # Errors
/// When the database fails.
pub async fn page(
    db: &Db,
    (state, kind): (Option<FindingState>, Option<FindingKind>),
    after: Option<FindingCursor>,
    limit: i64,
) -> StoreResult<Vec<Finding>> {
    let (kind, after) = (kind.map_or("", |kind| kind.as_str()), after.unwrap_or(FindingCursor::FIRST));
    let rows: Vec<Row> = match state {
        Some(state) => search!(db, |pool| {
            let query = sqlx::query_as(PAGE_IN_STATE).bind(state.as_str()).bind(kind);
            query.bind(after.last_at.0).bind(after.id.0).bind(limit).fetch_all(pool).await
        })?,
        None => search!(db, |pool| {
            let query = sqlx::query_as(PAGE).bind(kind);
            query.bind(after.last_at.0).bind(after.id.0).bind(limit).fetch_all(pool).await
        })?,
    };
    rows.into_iter().map(TryInto::try_into).collect()
}

/// How many findings there are of each kind; only those in a state when one is given.
///
/// # Errors
/// When the database fails.
pub async fn kinds(db: &Db, state: Option<FindingState>) -> StoreResult<Vec<(FindingKind, i64)>> {
    let rows: Vec<(String, i64)> = match state {
        Some(state) => search!(db, |pool| sqlx::query_as(KINDS_IN_STATE).bind(state.as_str()).fetch_all(pool).await)?,
        None => search!(db, |pool| sqlx::query_as(KINDS).fetch_all(pool).await)?,
    };
    let kind = |(kind, n): (String, i64)| Ok((kind.parse().map_err(|e| StoreError::corrupt("finding.kind", e))?, n));
    rows.into_iter().map(kind).collect()
}

/// The findings about a batch, the last first.
///
/// # Errors
/// When the database fails.
pub async fn of_batch(db: &Db, batch: BatchId, limit: i64) -> StoreResult<Vec<Finding>> {
    let rows: Vec<Row> = read!(db, |pool| sqlx::query_as(OF_BATCH).bind(batch.0).bind(limit).fetch_all(pool).await)?;
    rows.into_iter().map(TryInto::try_into).collect()
}

/// How many findings are open, counted up to a thousand.
///
/// # Errors
/// When the database fails.
pub async fn count_open(db: &Db) -> StoreResult<i64> {
    Ok(read!(db, |pool| sqlx::query_scalar(COUNT_OPEN).fetch_one(pool).await)?)
}
