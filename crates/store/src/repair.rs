//! Repairs: cases and their parts as they were typed. What was noted and photographed is in [`attached`].

pub mod attached;

use crate::{Db, StoreError, StoreResult, Tx, user::some_time};
use domain::{
    component::ComponentClass,
    id::{ApprovalId, DeviceId, FindingId, RepairId},
    repair::{PartDirection, PartFate, RepairState},
    time::Timestamp,
};
use sqlx::AssertSqlSafe;
use uuid::Uuid;

/// A repair as it is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RepairCase {
    /// Its id.
    pub id: RepairId,
    /// Its name: `R-2611-0042`.
    pub code: String,
    /// The device.
    pub device_id: DeviceId,
    /// The device's serial.
    pub serial: String,
    /// How far it is.
    pub state: RepairState,
    /// What is wrong with the device.
    pub symptom: String,
    /// Who works on it, by name; may be empty.
    pub technician: String,
    /// Who opened it.
    pub opened_by: String,
    /// When.
    pub opened_at: Timestamp,
    /// When anything of it was last changed.
    pub updated_at: Timestamp,
    /// The finding that it explains.
    pub finding_id: Option<FindingId>,
    /// Why parts are changed.
    pub reason: String,
    /// The manifest version that the device has to report; 0 before it is authorised.
    pub expected_version: i64,
    /// Whether it needs a certificate for a new key.
    pub key_changes: bool,
    /// The last approval that was asked for.
    pub approval_id: Option<ApprovalId>,
    /// Who authorised it; empty before.
    pub authorised_by: String,
    /// When.
    pub authorised_at: Option<Timestamp>,
    /// Who or what closed it.
    pub closed_by: String,
    /// When.
    pub closed_at: Option<Timestamp>,
    /// What came of it.
    pub outcome: String,
}

#[derive(sqlx::FromRow)]
struct Row {
    id: Uuid,
    code: String,
    device_id: Uuid,
    serial: String,
    state: String,
    symptom: String,
    technician: String,
    opened_by: String,
    opened_at: i64,
    updated_at: i64,
    finding_id: Option<Uuid>,
    reason: String,
    expected_version: i64,
    key_changes: i64,
    approval_id: Option<Uuid>,
    authorised_by: String,
    authorised_at: i64,
    closed_by: String,
    closed_at: i64,
    outcome: String,
}

impl TryFrom<Row> for RepairCase {
    type Error = StoreError;
    fn try_from(row: Row) -> StoreResult<Self> {
        Ok(Self {
            id: RepairId(row.id),
            code: row.code,
            device_id: DeviceId(row.device_id),
            serial: row.serial,
            state: row.state.parse().map_err(|e| StoreError::corrupt("repair_case.state", e))?,
            symptom: row.symptom,
            technician: row.technician,
            opened_by: row.opened_by,
            opened_at: Timestamp(row.opened_at),
            updated_at: Timestamp(row.updated_at),
            finding_id: row.finding_id.map(FindingId),
            reason: row.reason,
            expected_version: row.expected_version,
            key_changes: row.key_changes != 0,
            approval_id: row.approval_id.map(ApprovalId),
            authorised_by: row.authorised_by,
            authorised_at: some_time(row.authorised_at),
            closed_by: row.closed_by,
            closed_at: some_time(row.closed_at),
            outcome: row.outcome,
        })
    }
}

/// A part that goes out of a slot or comes into it, as it was typed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RepairPart {
    /// The slot.
    pub slot: String,
    /// Out or in.
    pub direction: PartDirection,
    /// What kind of part.
    pub class: ComponentClass,
    /// Who made it; may be empty.
    pub maker: String,
    /// Its type name; may be empty.
    pub model: String,
    /// What was typed, and what that was read as once the repair is authorised; empty before for a part that was taken out without a look at its label.
    pub identifier: String,
    /// The identifier as it is compared; empty while it identifies nothing.
    pub identifier_key: String,
    /// What becomes of a part that goes out.
    pub fate: Option<PartFate>,
}

#[derive(sqlx::FromRow)]
struct PartRow {
    slot: String,
    direction: String,
    class: String,
    maker: String,
    model: String,
    identifier: String,
    identifier_key: String,
    fate: String,
}

impl TryFrom<PartRow> for RepairPart {
    type Error = StoreError;
    fn try_from(row: PartRow) -> StoreResult<Self> {
        Ok(Self {
            slot: row.slot,
            direction: row.direction.parse().map_err(|e| StoreError::corrupt("repair_part.direction", e))?,
            class: row.class.parse().map_err(|e| StoreError::corrupt("repair_part.class", e))?,
            maker: row.maker,
            model: row.model,
            identifier: row.identifier,
            identifier_key: row.identifier_key,
            fate: row.fate.parse().ok(),
        })
    }
}

macro_rules! columns {
    () => {
        "c.id, c.code, c.device_id, d.serial, c.state, c.symptom, c.technician, c.opened_by, c.opened_at, \
         c.updated_at, c.finding_id, c.reason, c.expected_version, c.key_changes, c.approval_id, c.authorised_by, \
         c.authorised_at, c.closed_by, c.closed_at, c.outcome FROM repair_case c JOIN device d ON d.id = c.device_id"
    };
}

queries! {
    BY_CODE = concat!("SELECT ", columns!(), " WHERE c.code = $1");
    BY_ID = concat!("SELECT ", columns!(), " WHERE c.id = $1");
    OPEN_OF_DEVICE = concat!("SELECT ", columns!(), " WHERE c.device_id = $1 AND c.is_open = 1");
    OF_DEVICE = concat!("SELECT ", columns!(), " WHERE c.device_id = $1 ORDER BY c.id DESC LIMIT $2");
    OF_FINDING = concat!("SELECT ", columns!(), " WHERE c.finding_id = $1 ORDER BY c.id DESC LIMIT $2");
    BY_PREFIX = concat!("SELECT ", columns!(), " WHERE c.code >= $1 AND c.code < $2 ORDER BY c.code DESC LIMIT $3");
    OPEN = concat!("SELECT ", columns!(), " WHERE c.is_open = $1 AND c.id < $2 ORDER BY c.id DESC LIMIT $3");
    IN_STATE = concat!("SELECT ", columns!(), " WHERE c.state = $1 AND c.id < $2 ORDER BY c.id DESC LIMIT $3");
    OF_TECHNICIAN = concat!("SELECT ", columns!(), " WHERE c.technician = $1 AND c.is_open = $2 AND c.id < $3 \
                    ORDER BY c.id DESC LIMIT $4");
    IN_STATE_OF = concat!("SELECT ", columns!(), " WHERE c.technician = $1 AND c.state = $2 AND c.id < $3 \
                  ORDER BY c.id DESC LIMIT $4");
    COUNT_OPEN = "SELECT COUNT(*) FROM (SELECT 1 FROM repair_case WHERE is_open = 1 LIMIT 1000) AS open";
    STATES = "SELECT state, COUNT(*) FROM repair_case WHERE is_open = 1 GROUP BY state";
    TECHNICIANS = "SELECT technician, COUNT(*) FROM repair_case WHERE is_open = 1 AND technician <> '' \
                   GROUP BY technician ORDER BY technician LIMIT 100";
    NEXT_NUMBER = "INSERT INTO repair_number (year, last) VALUES ($1, 1) \
                   ON CONFLICT (year) DO UPDATE SET last = repair_number.last + 1 RETURNING last";
    HOLD_MANIFESTS = "UPDATE repair_number SET last = last + 1 WHERE year = 0";
    MANIFESTS = "SELECT last FROM repair_number WHERE year = 0";
    HELD_MANIFESTS = "UPDATE repair_number SET last = last WHERE year = 0 RETURNING last";
    INSERT = "INSERT INTO repair_case (id, code, device_id, state, is_open, symptom, technician, opened_by, opened_at, \
              updated_at, finding_id) VALUES ($1, $2, $3, $4, 1, $5, $6, $7, $8, $8, $9)";
    UPDATE = "UPDATE repair_case SET state = $2, is_open = $3, technician = $4, updated_at = $5, reason = $6, \
              expected_version = $7, key_changes = $8, approval_id = $9, authorised_by = $10, authorised_at = $11, \
              closed_by = $12, closed_at = $13, outcome = $14 WHERE id = $1";
    EXPECT = "UPDATE repair_case SET expected_version = $2 WHERE device_id = $1 AND is_open = 1 AND authorised_at > 0 \
              RETURNING code";
    PARTS = "SELECT slot, direction, class, maker, model, identifier, identifier_key, fate FROM repair_part \
             WHERE case_id = $1 ORDER BY slot, direction DESC";
    PUT_PART = "INSERT INTO repair_part (case_id, slot, direction, class, maker, model, identifier, identifier_key, \
                fate) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)";
    DROP_SLOT = "DELETE FROM repair_part WHERE case_id = $1 AND slot = $2";
}

/// A repair by its name.
///
/// # Errors
/// When the database fails.
pub async fn by_code(db: &Db, code: &str) -> StoreResult<Option<RepairCase>> {
    let row: Option<Row> = read!(db, |pool| sqlx::query_as(BY_CODE).bind(code).fetch_optional(pool).await)?;
    row.map(TryInto::try_into).transpose()
}

/// A repair by its id.
///
/// # Errors
/// When the database fails.
pub async fn by_id(db: &Db, id: RepairId) -> StoreResult<Option<RepairCase>> {
    let row: Option<Row> = read!(db, |pool| sqlx::query_as(BY_ID).bind(id.0).fetch_optional(pool).await)?;
    row.map(TryInto::try_into).transpose()
}

/// A repair by its id, held by the transaction until its end.
///
/// # Errors
/// When the database fails.
pub async fn lock(tx: &mut Tx, id: RepairId) -> StoreResult<Option<RepairCase>> {
    let row: Option<Row> = match tx {
        Tx::Sqlite(tx) => sqlx::query_as(BY_ID).bind(id.0).fetch_optional(&mut **tx).await?,
        Tx::Postgres(tx) => {
            let sql = AssertSqlSafe(format!("{BY_ID} FOR UPDATE OF c"));
            sqlx::query_as(sql).bind(id.0).fetch_optional(&mut **tx).await?
        }
    };
    row.map(TryInto::try_into).transpose()
}

/// The repair of a device that is open, as the transaction sees it.
///
/// # Errors
/// When the database fails.
pub async fn open_of_device(tx: &mut Tx, device: DeviceId) -> StoreResult<Option<RepairCase>> {
    let row: Option<Row> =
        within!(tx, |executor| sqlx::query_as(OPEN_OF_DEVICE).bind(device.0).fetch_optional(executor).await)?;
    row.map(TryInto::try_into).transpose()
}

/// The repairs of a device, newest first.
///
/// # Errors
/// When the database fails.
pub async fn of_device(db: &Db, device: DeviceId, limit: i64) -> StoreResult<Vec<RepairCase>> {
    let rows: Vec<Row> = read!(db, |pool| sqlx::query_as(OF_DEVICE).bind(device.0).bind(limit).fetch_all(pool).await)?;
    rows.into_iter().map(TryInto::try_into).collect()
}

/// The repairs that explain a finding, newest first.
///
/// # Errors
/// When the database fails.
pub async fn of_finding(db: &Db, finding: FindingId, limit: i64) -> StoreResult<Vec<RepairCase>> {
    let rows: Vec<Row> =
        read!(db, |pool| sqlx::query_as(OF_FINDING).bind(finding.0).bind(limit).fetch_all(pool).await)?;
    rows.into_iter().map(TryInto::try_into).collect()
}

/// The repairs whose names begin so, the last first.
///
/// # Errors
/// When the database fails.
pub async fn by_prefix(db: &Db, prefix: &str, limit: i64) -> StoreResult<Vec<RepairCase>> {
    let end = format!("{prefix}\u{7f}");
    let rows: Vec<Row> =
        read!(db, |pool| sqlx::query_as(BY_PREFIX).bind(prefix).bind(&end).bind(limit).fetch_all(pool).await)?;
    rows.into_iter().map(TryInto::try_into).collect()
}

/// Which repairs a page is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Which<'a> {
    /// Those that are open, or those that are over.
    Open(bool),
    /// Those in a state.
    State(RepairState),
    /// Those in a state that somebody works on.
    StateOf(RepairState, &'a str),
    /// Those that are open, or over, and that somebody works on.
    Technician(&'a str, bool),
}

/// A page of repairs, newest first, after one.
///
/// # Errors
/// When the database fails.
pub async fn page(db: &Db, which: Which<'_>, after: Option<RepairId>, limit: i64) -> StoreResult<Vec<RepairCase>> {
    let after = after.map_or(Uuid::max(), |id| id.0);
    let rows: Vec<Row> = match which {
        Which::Open(open) => read!(db, |pool| {
            sqlx::query_as(OPEN).bind(i64::from(open)).bind(after).bind(limit).fetch_all(pool).await
        })?,
        Which::State(state) => read!(db, |pool| {
            sqlx::query_as(IN_STATE).bind(state.as_str()).bind(after).bind(limit).fetch_all(pool).await
        })?,
        Which::StateOf(state, name) => read!(db, |pool| {
            let query = sqlx::query_as(IN_STATE_OF).bind(name).bind(state.as_str());
            query.bind(after).bind(limit).fetch_all(pool).await
        })?,
        Which::Technician(name, open) => read!(db, |pool| {
            let query = sqlx::query_as(OF_TECHNICIAN).bind(name).bind(i64::from(open));
            query.bind(after).bind(limit).fetch_all(pool).await
        })?,
    };
    rows.into_iter().map(TryInto::try_into).collect()
}

/// How many repairs are open, counted up to a thousand.
///
/// # Errors
/// When the database fails.
pub async fn count_open(db: &Db) -> StoreResult<i64> {
    Ok(read!(db, |pool| sqlx::query_scalar(COUNT_OPEN).fetch_one(pool).await)?)
}

/// How many of the open repairs are in each state.
///
/// # Errors
/// When the database fails.
pub async fn states(db: &Db) -> StoreResult<Vec<(RepairState, i64)>> {
    let rows: Vec<(String, i64)> = search!(db, |pool| sqlx::query_as(STATES).fetch_all(pool).await)?;
    let state =
        |(state, n): (String, i64)| Ok((state.parse().map_err(|e| StoreError::corrupt("repair_case.state", e))?, n));
    rows.into_iter().map(state).collect()
}

/// Who works on open repairs, and on how many: a hundred people at most.
///
/// # Errors
/// When the database fails.
pub async fn technicians(db: &Db) -> StoreResult<Vec<(String, i64)>> {
    Ok(search!(db, |pool| sqlx::query_as(TECHNICIANS).fetch_all(pool).await)?)
}

/// The next number of a year.
///
/// # Errors
/// When the database fails.
pub async fn next_number(tx: &mut Tx, year: i64) -> StoreResult<i64> {
    Ok(within!(tx, |executor| sqlx::query_scalar(NEXT_NUMBER).bind(year).fetch_one(executor).await)?)
}

/// Makes everybody who moves parts wait until this transaction is over, for it moves some: so of two who want the same
/// part the second sees what the first did.
///
/// # Errors
/// When the database fails.
pub async fn hold_manifests(tx: &mut Tx) -> StoreResult<()> {
    within!(tx, |executor| sqlx::query(HOLD_MANIFESTS).execute(executor).await.map(drop))?;
    Ok(())
}

/// How often parts were moved. What was found of where they are holds for as long as this is the same.
///
/// # Errors
/// When the database fails.
pub async fn moves(db: &Db) -> StoreResult<i64> {
    Ok(read!(db, |pool| sqlx::query_scalar(MANIFESTS).fetch_one(pool).await)?)
}

/// The same, and nobody moves one until this transaction is over.
///
/// # Errors
/// When the database fails.
pub async fn moves_held(tx: &mut Tx) -> StoreResult<i64> {
    Ok(within!(tx, |executor| sqlx::query_scalar(HELD_MANIFESTS).fetch_one(executor).await)?)
}

/// Enters a repair that is opened now.
///
/// # Errors
/// [`StoreError::Exists`] when the device has an open one.
pub async fn insert(tx: &mut Tx, case: &RepairCase) -> StoreResult<()> {
    within!(tx, |executor| {
        sqlx::query(INSERT)
            .bind(case.id.0)
            .bind(&case.code)
            .bind(case.device_id.0)
            .bind(case.state.as_str())
            .bind(&case.symptom)
            .bind(&case.technician)
            .bind(&case.opened_by)
            .bind(case.opened_at.0)
            .bind(case.finding_id.map(|id| id.0))
            .execute(executor)
            .await
            .map(drop)
    })?;
    Ok(())
}

/// Writes down how a repair stands now.
///
/// # Errors
/// When the database fails.
pub async fn update(tx: &mut Tx, case: &RepairCase) -> StoreResult<()> {
    let time = |at: Option<Timestamp>| at.map_or(0, |at| at.0);
    within!(tx, |executor| {
        sqlx::query(UPDATE)
            .bind(case.id.0)
            .bind(case.state.as_str())
            .bind(i64::from(case.state.is_open()))
            .bind(&case.technician)
            .bind(case.updated_at.0)
            .bind(&case.reason)
            .bind(case.expected_version)
            .bind(i64::from(case.key_changes))
            .bind(case.approval_id.map(|id| id.0))
            .bind(&case.authorised_by)
            .bind(time(case.authorised_at))
            .bind(&case.closed_by)
            .bind(time(case.closed_at))
            .bind(&case.outcome)
            .execute(executor)
            .await
            .map(drop)
    })?;
    Ok(())
}

/// Lets the open repair of a device whose manifest is written wait for this version of it. Its name, if there is one.
///
/// # Errors
/// When the database fails.
pub async fn expect_version(tx: &mut Tx, device: DeviceId, version: i64) -> StoreResult<Option<String>> {
    Ok(within!(tx, |executor| {
        sqlx::query_scalar(EXPECT).bind(device.0).bind(version).fetch_optional(executor).await
    })?)
}

/// The parts of a repair, by slot, those that go out first.
///
/// # Errors
/// When the database fails.
pub async fn parts(db: &Db, case: RepairId) -> StoreResult<Vec<RepairPart>> {
    let rows: Vec<PartRow> = read!(db, |pool| sqlx::query_as(PARTS).bind(case.0).fetch_all(pool).await)?;
    rows.into_iter().map(TryInto::try_into).collect()
}

/// The same, as the transaction sees them.
///
/// # Errors
/// When the database fails.
pub async fn parts_within(tx: &mut Tx, case: RepairId) -> StoreResult<Vec<RepairPart>> {
    let rows: Vec<PartRow> = within!(tx, |executor| sqlx::query_as(PARTS).bind(case.0).fetch_all(executor).await)?;
    rows.into_iter().map(TryInto::try_into).collect()
}

/// Writes what happens in a slot in the place of what was written of it before; nothing for `parts` without any.
///
/// # Errors
/// When the database fails.
pub async fn put_slot(tx: &mut Tx, case: RepairId, slot: &str, parts: &[RepairPart]) -> StoreResult<()> {
    within!(tx, |executor| sqlx::query(DROP_SLOT).bind(case.0).bind(slot).execute(executor).await.map(drop))?;
    for part in parts {
        within!(tx, |executor| {
            sqlx::query(PUT_PART)
                .bind(case.0)
                .bind(slot)
                .bind(part.direction.as_str())
                .bind(part.class.as_str())
                .bind(&part.maker)
                .bind(&part.model)
                .bind(&part.identifier)
                .bind(&part.identifier_key)
                .bind(part.fate.map_or("", PartFate::as_str))
                .execute(executor)
                .await
                .map(drop)
        })?;
    }
    Ok(())
}
