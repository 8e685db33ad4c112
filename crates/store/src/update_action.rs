//! What becomes of updates on devices. What devices said of them is in [`feedback`].

pub mod feedback;

use crate::{
    Db, StoreError, StoreResult, Tx,
    rollout::{count, level::LevelCount},
    user::some_time,
};
use domain::{
    id::{DeviceId, ReleaseId, RolloutId},
    release::ArtifactKind,
    rollout::{Action, ActionKind, ActionState, Evidence, FIRST_ACTION, is_action_id},
    time::Timestamp,
};
use sqlx::AssertSqlSafe;
use std::cmp::Reverse;
use uuid::Uuid;

/// An update on a device, as it is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UpdateAction {
    /// What the device knows it by: a positive 32-bit number.
    pub id: i64,
    /// The rollout.
    pub rollout: RolloutId,
    /// The device.
    pub device: DeviceId,
    /// The device's number.
    pub number: u32,
    /// The device's wave, from 0.
    pub wave: usize,
    /// Its cohort; 0 for none.
    pub cohort: usize,
    /// What it gets.
    pub release: ReleaseId,
    /// Its hardware revision.
    pub revision: String,
    /// When it was told of it; while it waits for its user, when that one was asked.
    pub offered_at: Timestamp,
    /// How often it said something of it.
    pub said: i64,
    /// What became of it.
    pub action: Action,
}

impl UpdateAction {
    /// By what it is counted.
    #[must_use]
    pub const fn counted(&self) -> count::Counted {
        count::Counted {
            rollout: self.rollout,
            kind: self.action.kind,
            wave: self.wave,
            cohort: self.cohort,
            device: self.number,
        }
    }
}

#[derive(sqlx::FromRow)]
struct Row {
    id: i64,
    rollout_id: Uuid,
    device_id: Uuid,
    device_number: i64,
    kind: String,
    wave: i64,
    cohort: i64,
    release_id: Uuid,
    version: String,
    from_version: String,
    revision: String,
    attempt: i64,
    state: String,
    reached: String,
    offered_at: i64,
    changed_at: i64,
    due_at: i64,
    reported_at: i64,
    soak_until: i64,
    retry_at: i64,
    refused_stop: i64,
    code: String,
    reason: String,
    said: i64,
}

#[derive(sqlx::FromRow)]
struct Named {
    serial: String,
    #[sqlx(flatten)]
    row: Row,
}

impl TryFrom<Row> for UpdateAction {
    type Error = StoreError;
    fn try_from(row: Row) -> StoreResult<Self> {
        let action = Action {
            kind: row.kind.parse().map_err(|e| StoreError::corrupt("update_action.kind", e))?,
            version: row.version,
            from: row.from_version,
            attempt: u32::try_from(row.attempt).unwrap_or_default(),
            state: row.state.parse().map_err(|e| StoreError::corrupt("update_action.state", e))?,
            reached: row.reached.parse().map_err(|e| StoreError::corrupt("update_action.reached", e))?,
            changed_at: Timestamp(row.changed_at),
            due_at: some_time(row.due_at),
            reported_at: some_time(row.reported_at),
            soak_until: some_time(row.soak_until),
            retry_at: some_time(row.retry_at),
            refused_to_stop: row.refused_stop != 0,
            code: row.code,
            reason: row.reason,
        };
        Ok(Self {
            id: row.id,
            rollout: RolloutId(row.rollout_id),
            device: DeviceId(row.device_id),
            number: u32::try_from(row.device_number).unwrap_or_default(),
            wave: usize::try_from(row.wave).unwrap_or_default(),
            cohort: usize::try_from(row.cohort).unwrap_or_default(),
            release: ReleaseId(row.release_id),
            revision: row.revision,
            offered_at: Timestamp(row.offered_at),
            said: row.said,
            action,
        })
    }
}

macro_rules! columns {
    () => {
        "a.id, a.rollout_id, a.device_id, a.device_number, a.kind, a.wave, a.cohort, a.release_id, a.version, \
         a.from_version, a.revision, a.attempt, a.state, a.reached, a.offered_at, a.changed_at, a.due_at, a.reported_at, \
         a.soak_until, a.retry_at, a.refused_stop, a.code, a.reason, a.said"
    };
}

queries! {
    LAST_GIVEN = "SELECT MAX(id) FROM update_action";
    BY_ID = concat!("SELECT ", columns!(), " FROM update_action a WHERE a.id = $1");
    OF_DEVICE = concat!("SELECT ", columns!(), " FROM update_action a WHERE a.device_id = $1 ORDER BY a.id DESC LIMIT $2");
    OPEN = concat!("SELECT ", columns!(), " FROM update_action a WHERE a.device_id = $1 AND a.is_open = 1");
    OF_BOTH = concat!("SELECT ", columns!(), " FROM update_action a WHERE a.rollout_id = $1 AND a.device_id = $2");
    INSTALLED = "SELECT a.release_id FROM update_action a JOIN release r ON r.id = a.release_id WHERE a.device_id = $1 \
                 AND a.state IN ('verified', 'installed', 'verifying') AND r.kind = $2 ORDER BY a.id DESC LIMIT 1";
    DUE = "SELECT id FROM update_action WHERE due_at > 0 AND due_at <= $1 ORDER BY due_at LIMIT $2";
    OF_ROLLOUT = concat!("SELECT ", columns!(), ", d.serial FROM update_action a JOIN device d ON d.id = a.device_id \
                 WHERE a.rollout_id = $1 AND a.id > $2 ORDER BY a.id LIMIT $3");
    OF_ROLLOUT_IN = concat!("SELECT ", columns!(), ", d.serial FROM update_action a JOIN device d ON d.id = a.device_id \
                    WHERE a.rollout_id = $1 AND a.state = $2 AND a.id > $3 ORDER BY a.id LIMIT $4");
    FIRST_TIMED = "SELECT offered_at, soak_until FROM update_action WHERE rollout_id = $1 AND state = 'verified' \
                   ORDER BY id LIMIT $2";
    LAST_TIMED = "SELECT offered_at, soak_until FROM update_action WHERE rollout_id = $1 AND state = 'verified' \
                  ORDER BY id DESC LIMIT $2";
    SILENT_SINCE = "SELECT wave, COUNT(*) FROM update_action WHERE rollout_id = $1 AND state = 'silent' AND kind = 'update' \
                    AND changed_at <= $2 GROUP BY wave";
    SILENT_SINCE_BY_LEVEL = "SELECT a.wave, a.cohort, a.revision, b.code AS batch, COUNT(*) AS n FROM update_action a \
                             JOIN device d ON d.id = a.device_id JOIN batch b ON b.id = d.batch_id \
                             WHERE a.rollout_id = $1 AND a.state = 'silent' AND a.kind = 'update' AND a.changed_at <= $2 \
                             GROUP BY a.wave, a.cohort, a.revision, b.code";
    NUMBER = "SELECT number FROM device WHERE id = $1";
    SERIAL = "SELECT serial FROM device WHERE id = $1";
    HEARD = "SELECT firmware, last_seen_at FROM device WHERE id = $1";
    INSERT = "INSERT INTO update_action (id, rollout_id, device_id, device_number, kind, wave, cohort, release_id, \
              version, from_version, revision, attempt, state, is_open, offered_at, changed_at, due_at) \
              VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17)";
    PUT = "UPDATE update_action SET state = $2, is_open = $3, changed_at = $4, due_at = $5, reported_at = $6, \
           soak_until = $7, retry_at = $8, refused_stop = $9, code = $10, reason = $11, reached = $12 WHERE id = $1";
    OFFERED_AT = "UPDATE update_action SET offered_at = $2 WHERE id = $1";
}

const LAST_ID: &str = "SELECT MAX(COALESCE((SELECT MAX(id) FROM update_action), 0), \
    COALESCE((SELECT CAST(value AS INTEGER) FROM setting WHERE key = 'update_action.skipped'), 0))";
/// The setting of SQLite that says up to where ids are not given. PostgreSQL's sequence knows it itself.
const SKIPPED: &str = "update_action.skipped";
const SKIP_TO: &str = "SELECT setval(pg_get_serial_sequence('update_action', 'id'), $1)";
/// So many ids are not given after a restore: more updates than that nobody starts between two backups.
const SKIP: i64 = 1_000_000;
const NEXT_ID: &str = "SELECT nextval(pg_get_serial_sequence('update_action', 'id'))";

/// The next id that devices take: see [`is_action_id`].
///
/// # Errors
/// When the database fails, or all of them were given.
pub async fn next_id(tx: &mut Tx) -> StoreResult<i64> {
    let mut id = match tx {
        Tx::Sqlite(tx) => {
            let last: i64 = sqlx::query_scalar(LAST_ID).fetch_one(&mut **tx).await?;
            last.max(i64::from(FIRST_ACTION) - 1) + 1
        }
        Tx::Postgres(tx) => sqlx::query_scalar(NEXT_ID).fetch_one(&mut **tx).await?,
    };
    // One in ten thousand at most, and never two in a row.
    while !is_action_id(id) {
        if id > i64::from(i32::MAX) {
            return Err(StoreError::Full);
        }
        id = match tx {
            Tx::Sqlite(_) => id + 1,
            Tx::Postgres(tx) => sqlx::query_scalar(NEXT_ID).fetch_one(&mut **tx).await?,
        };
    }
    Ok(id)
}

/// Gives none of the next million ids: devices may know them by updates that are not in this database any more. Where no
/// device was told of any, there is nothing to be mistaken for.
///
/// # Errors
/// When the database fails.
pub async fn skip_ids(tx: &mut Tx) -> StoreResult<()> {
    let last: Option<i64> = within!(tx, |executor| sqlx::query_scalar(LAST_GIVEN).fetch_one(executor).await)?;
    let Some(to) = last.map(|last| last + SKIP).filter(|to| *to < i64::from(i32::MAX) - SKIP) else { return Ok(()) };
    match tx {
        Tx::Sqlite(_) => crate::setting::put(tx, SKIPPED, &to.to_string()).await,
        Tx::Postgres(tx) => {
            sqlx::query(SKIP_TO).bind(to).execute(&mut **tx).await?;
            Ok(())
        }
    }
}

/// An action by its id.
///
/// # Errors
/// When the database fails.
pub async fn by_id(db: &Db, id: i64) -> StoreResult<Option<UpdateAction>> {
    let row: Option<Row> = read!(db, |pool| sqlx::query_as(BY_ID).bind(id).fetch_optional(pool).await)?;
    row.map(TryInto::try_into).transpose()
}

/// An action by its id, held by the transaction until its end.
///
/// # Errors
/// When the database fails.
pub async fn lock(tx: &mut Tx, id: i64) -> StoreResult<Option<UpdateAction>> {
    let row: Option<Row> = match tx {
        Tx::Sqlite(tx) => sqlx::query_as(BY_ID).bind(id).fetch_optional(&mut **tx).await?,
        Tx::Postgres(tx) => {
            let sql = AssertSqlSafe(format!("{BY_ID} FOR UPDATE"));
            sqlx::query_as(sql).bind(id).fetch_optional(&mut **tx).await?
        }
    };
    row.map(TryInto::try_into).transpose()
}

/// The last actions of a device, newest first.
///
/// # Errors
/// When the database fails.
pub async fn of_device(db: &Db, device: DeviceId, limit: i64) -> StoreResult<Vec<UpdateAction>> {
    let rows: Vec<Row> = read!(db, |pool| sqlx::query_as(OF_DEVICE).bind(device.0).bind(limit).fetch_all(pool).await)?;
    rows.into_iter().map(TryInto::try_into).collect()
}

/// The open action of a device, of which there is one at most; as the transaction sees it.
///
/// # Errors
/// When the database fails.
pub async fn open_of(tx: &mut Tx, device: DeviceId) -> StoreResult<Option<UpdateAction>> {
    let row: Option<Row> = within!(tx, |executor| sqlx::query_as(OPEN).bind(device.0).fetch_optional(executor).await)?;
    row.map(TryInto::try_into).transpose()
}

/// The actions of a device in a rollout, newest first, as the transaction sees them.
///
/// # Errors
/// When the database fails.
pub async fn of_both(tx: &mut Tx, rollout: RolloutId, device: DeviceId) -> StoreResult<Vec<UpdateAction>> {
    let mut rows: Vec<Row> =
        within!(tx, |executor| sqlx::query_as(OF_BOTH).bind(rollout.0).bind(device.0).fetch_all(executor).await)?;
    // There are a few. Asked for in this order, SQLite goes through all of the rollout, which is in it.
    rows.sort_unstable_by_key(|row| Reverse(row.id));
    rows.into_iter().map(TryInto::try_into).collect()
}

/// The release of a kind that a device installed last.
///
/// # Errors
/// When the database fails.
pub async fn installed_of_kind(db: &Db, device: DeviceId, kind: ArtifactKind) -> StoreResult<Option<ReleaseId>> {
    let id: Option<Uuid> = read!(db, |pool| {
        sqlx::query_scalar(INSTALLED).bind(device.0).bind(kind.as_str()).fetch_optional(pool).await
    })?;
    Ok(id.map(ReleaseId))
}

/// The ids of those whose time is over, the longest ago first.
///
/// # Errors
/// When the database fails.
pub async fn due(db: &Db, now: Timestamp, limit: i64) -> StoreResult<Vec<i64>> {
    Ok(read!(db, |pool| sqlx::query_scalar(DUE).bind(now.0).bind(limit).fetch_all(pool).await)?)
}

/// The actions of a rollout after an id, each with its device's serial, only those in a state when one is given.
///
/// # Errors
/// When the database fails.
pub async fn of_rollout(
    db: &Db,
    rollout: RolloutId,
    state: Option<ActionState>,
    after: i64,
    limit: i64,
) -> StoreResult<Vec<(UpdateAction, String)>> {
    let rows: Vec<Named> = read!(db, |pool| {
        let query = match state {
            None => sqlx::query_as(OF_ROLLOUT).bind(rollout.0),
            Some(state) => sqlx::query_as(OF_ROLLOUT_IN).bind(rollout.0).bind(state.as_str()),
        };
        query.bind(after).bind(limit).fetch_all(pool).await
    })?;
    rows.into_iter().map(|named| Ok((named.row.try_into()?, named.serial))).collect()
}

/// The number of a device, as the transaction sees it.
///
/// # Errors
/// When the database fails, or there is no such device.
pub async fn number_of(tx: &mut Tx, device: DeviceId) -> StoreResult<u32> {
    let number: i64 = within!(tx, |executor| sqlx::query_scalar(NUMBER).bind(device.0).fetch_one(executor).await)?;
    u32::try_from(number).map_err(|error| StoreError::corrupt("device.number", error))
}

/// The serial of a device; empty when there is none.
///
/// # Errors
/// When the database fails.
pub async fn serial(db: &Db, device: DeviceId) -> StoreResult<String> {
    let serial: Option<String> =
        read!(db, |pool| sqlx::query_scalar(SERIAL).bind(device.0).fetch_optional(pool).await)?;
    Ok(serial.unwrap_or_default())
}

/// What a device reported to run, and when it was last heard from.
///
/// # Errors
/// When the database fails.
pub async fn heard(db: &Db, device: DeviceId) -> StoreResult<(String, Option<Timestamp>)> {
    let row: Option<(String, i64)> = read!(db, |pool| sqlx::query_as(HEARD).bind(device.0).fetch_optional(pool).await)?;
    Ok(row.map_or_else(Default::default, |(firmware, at)| (firmware, some_time(at))))
}

/// Enters what a device is told of, and counts it.
///
/// # Errors
/// [`StoreError::Exists`] when another one of the device is open, or it had this one.
pub async fn insert(tx: &mut Tx, new: &UpdateAction, before: Option<ActionState>) -> StoreResult<()> {
    let action = &new.action;
    let number = |n: usize| i64::try_from(n).unwrap_or(i64::MAX);
    within!(tx, |executor| {
        sqlx::query(INSERT)
            .bind(new.id)
            .bind(new.rollout.0)
            .bind(new.device.0)
            .bind(i64::from(new.number))
            .bind(action.kind.as_str())
            .bind(number(new.wave))
            .bind(number(new.cohort))
            .bind(new.release.0)
            .bind(&action.version)
            .bind(&action.from)
            .bind(&new.revision)
            .bind(i64::from(action.attempt))
            .bind(action.state.as_str())
            .bind(i64::from(!action.state.is_closed()))
            .bind(new.offered_at.0)
            .bind(action.changed_at.0)
            .bind(action.due_at.map_or(0, |at| at.0))
            .execute(executor)
            .await
            .map(drop)
    })?;
    count::go(tx, new.counted(), before, action.state).await
}

/// Writes how an action goes on, and counts it. `before` is how it was in this transaction, which holds it.
///
/// # Errors
/// When the database fails.
pub async fn put(tx: &mut Tx, before: &UpdateAction, action: &Action) -> StoreResult<()> {
    let time = |time: Option<Timestamp>| time.map_or(0, |time| time.0);
    within!(tx, |executor| {
        sqlx::query(PUT)
            .bind(before.id)
            .bind(action.state.as_str())
            .bind(i64::from(!action.state.is_closed()))
            .bind(action.changed_at.0)
            .bind(time(action.due_at))
            .bind(time(action.reported_at))
            .bind(time(action.soak_until))
            .bind(time(action.retry_at))
            .bind(i64::from(action.refused_to_stop))
            .bind(&action.code)
            .bind(&action.reason)
            .bind(action.reached.as_str())
            .execute(executor)
            .await
            .map(drop)
    })?;
    let agreed = before.action.state == ActionState::WaitsForConfirmation && action.state == ActionState::Offered;
    if agreed {
        // How long people take is no part of how long updates do.
        within!(tx, |executor| {
            sqlx::query(OFFERED_AT).bind(before.id).bind(action.changed_at.0).execute(executor).await.map(drop)
        })?;
    }
    let is_failure = matches!(action.state, ActionState::Failed | ActionState::Reverted | ActionState::Retried);
    if is_failure && action.state != before.action.state && action.kind == ActionKind::Update {
        let cluster = (action.code.as_str(), before.revision.as_str());
        count::fail(tx, before.rollout, cluster, &action.reason, action.changed_at).await?;
    }
    count::go(tx, before.counted(), Some(before.action.state), action.state).await
}

/// Of some devices that a rollout verified, the first and the last of them, how many microseconds passed from the offer until
/// they had reported the version: for both ends `most` at most, whatever the rollout is.
///
/// # Errors
/// When the database fails.
pub async fn took(db: &Db, rollout: RolloutId, soak: i64, most: i64) -> StoreResult<Vec<i64>> {
    let mut took = Vec::new();
    for sql in [FIRST_TIMED, LAST_TIMED] {
        let rows: Vec<(i64, i64)> =
            read!(db, |pool| sqlx::query_as(sql).bind(rollout.0).bind(most).fetch_all(pool).await)?;
        // It begins to live with it when it has reported it and its client has closed the update.
        let timed = rows.into_iter().filter(|(_, until)| *until > 0);
        took.extend(timed.map(|(offered, until)| (until - soak - offered).max(0)));
    }
    Ok(took)
}

/// How many devices of each wave of a rollout have been silent since before `at`. Costs what there are of silent devices of it.
///
/// # Errors
/// When the database fails.
pub async fn silent_since(db: &Db, rollout: RolloutId, at: Timestamp) -> StoreResult<Vec<(usize, u64)>> {
    let rows: Vec<(i64, i64)> =
        read!(db, |pool| sqlx::query_as(SILENT_SINCE).bind(rollout.0).bind(at.0).fetch_all(pool).await)?;
    let of_wave = |(wave, n): (i64, i64)| Some((usize::try_from(wave).ok()?, u64::try_from(n).ok()?));
    Ok(rows.into_iter().filter_map(of_wave).collect())
}

/// The same by cohort, hardware revision and batch, for a rollout that goes on without some of them. It costs a look at each device.
///
/// # Errors
/// When the database fails.
pub async fn silent_since_by_level(db: &Db, rollout: RolloutId, at: Timestamp) -> StoreResult<Vec<LevelCount>> {
    let rows: Vec<(i64, i64, String, String, i64)> =
        read!(db, |pool| sqlx::query_as(SILENT_SINCE_BY_LEVEL).bind(rollout.0).bind(at.0).fetch_all(pool).await)?;
    let count = |(wave, cohort, revision, batch, n): (i64, i64, String, String, i64)| {
        let evidence = Evidence { silent: u64::try_from(n).ok()?, ..Evidence::default() };
        let (wave, cohort) = (usize::try_from(wave).ok()?, usize::try_from(cohort).ok()?);
        Some(LevelCount { wave, cohort, revision, batch, evidence })
    };
    Ok(rows.into_iter().filter_map(count).collect())
}
