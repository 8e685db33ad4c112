//! Parts that were taken out of a device and are neither scrapped nor recorded in another one.

use crate::{Db, StoreError, StoreResult, Tx, user::some_time};
use domain::{
    component::ComponentClass,
    id::{DeviceId, RepairId, TaintId},
    repair::PartFate,
    time::Timestamp,
};
use uuid::Uuid;

/// A part that was taken out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TaintedPart {
    /// Its id.
    pub id: TaintId,
    /// The part's identifier as people read it.
    pub identifier: String,
    /// The identifier as it is compared.
    pub identifier_key: String,
    /// What kind of part.
    pub class: ComponentClass,
    /// Who made it; may be empty.
    pub maker: String,
    /// Its type name; may be empty.
    pub model: String,
    /// The device that it was taken out of.
    pub device_id: DeviceId,
    /// That device's serial.
    pub serial: String,
    /// The repair that took it out.
    pub case_id: RepairId,
    /// That repair's name.
    pub code: String,
    /// What was to become of it.
    pub fate: PartFate,
    /// When it was taken out.
    pub since: Timestamp,
    /// When it was accounted for.
    pub ended_at: Option<Timestamp>,
    /// Who recorded that; may be empty.
    pub ended_by: String,
    /// How it was accounted for; may be empty.
    pub ended_how: String,
}

#[derive(sqlx::FromRow)]
struct Row {
    id: Uuid,
    identifier: String,
    identifier_key: String,
    class: String,
    maker: String,
    model: String,
    device_id: Uuid,
    serial: String,
    case_id: Uuid,
    code: String,
    fate: String,
    since: i64,
    ended_at: i64,
    ended_by: String,
    ended_how: String,
}

impl TryFrom<Row> for TaintedPart {
    type Error = StoreError;
    fn try_from(row: Row) -> StoreResult<Self> {
        Ok(Self {
            id: TaintId(row.id),
            identifier: row.identifier,
            identifier_key: row.identifier_key,
            class: row.class.parse().map_err(|e| StoreError::corrupt("tainted_part.class", e))?,
            maker: row.maker,
            model: row.model,
            device_id: DeviceId(row.device_id),
            serial: row.serial,
            case_id: RepairId(row.case_id),
            code: row.code,
            fate: row.fate.parse().map_err(|e| StoreError::corrupt("tainted_part.fate", e))?,
            since: Timestamp(row.since),
            ended_at: some_time(row.ended_at),
            ended_by: row.ended_by,
            ended_how: row.ended_how,
        })
    }
}

macro_rules! columns {
    () => {
        "t.id, t.identifier, t.identifier_key, t.class, t.maker, t.model, t.device_id, d.serial, t.case_id, c.code, \
         t.fate, t.since, t.ended_at, t.ended_by, t.ended_how FROM tainted_part t JOIN device d ON d.id = t.device_id \
         JOIN repair_case c ON c.id = t.case_id"
    };
}

queries! {
    BY_ID = concat!("SELECT ", columns!(), " WHERE t.id = $1");
    OF_KEY = concat!("SELECT ", columns!(), " WHERE t.identifier_key = $1 AND t.ended_at = 0");
    OF_CASE = concat!("SELECT ", columns!(), " WHERE t.case_id = $1 ORDER BY t.id");
    OPEN = concat!("SELECT ", columns!(), " WHERE t.ended_at = 0 AND t.id < $1 ORDER BY t.id DESC LIMIT $2");
    INSERT = "INSERT INTO tainted_part (id, identifier, identifier_key, class, maker, model, device_id, case_id, fate, \
              since) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) \
              ON CONFLICT (identifier_key) WHERE ended_at = 0 DO NOTHING";
    END = "UPDATE tainted_part SET ended_at = $2, ended_by = $3, ended_how = $4 WHERE id = $1 AND ended_at = 0";
}

/// By its id.
///
/// # Errors
/// When the database fails.
pub async fn by_id(db: &Db, id: TaintId) -> StoreResult<Option<TaintedPart>> {
    let row: Option<Row> = read!(db, |pool| sqlx::query_as(BY_ID).bind(id.0).fetch_optional(pool).await)?;
    row.map(TryInto::try_into).transpose()
}

/// The part with this identifier that is not accounted for.
///
/// # Errors
/// When the database fails.
pub async fn of_key(db: &Db, key: &str) -> StoreResult<Option<TaintedPart>> {
    let row: Option<Row> = read!(db, |pool| sqlx::query_as(OF_KEY).bind(key).fetch_optional(pool).await)?;
    row.map(TryInto::try_into).transpose()
}

/// The same, as the transaction sees it.
///
/// # Errors
/// When the database fails.
pub async fn of_key_within(tx: &mut Tx, key: &str) -> StoreResult<Option<TaintedPart>> {
    let row: Option<Row> = within!(tx, |executor| sqlx::query_as(OF_KEY).bind(key).fetch_optional(executor).await)?;
    row.map(TryInto::try_into).transpose()
}

/// The parts that a repair took out, oldest first.
///
/// # Errors
/// When the database fails.
pub async fn of_case(db: &Db, case: RepairId) -> StoreResult<Vec<TaintedPart>> {
    let rows: Vec<Row> = read!(db, |pool| sqlx::query_as(OF_CASE).bind(case.0).fetch_all(pool).await)?;
    rows.into_iter().map(TryInto::try_into).collect()
}

/// The parts that are not accounted for, newest first, after one.
///
/// # Errors
/// When the database fails.
pub async fn open(db: &Db, after: Option<TaintId>, limit: i64) -> StoreResult<Vec<TaintedPart>> {
    let after = after.map_or(Uuid::max(), |id| id.0);
    let rows: Vec<Row> = read!(db, |pool| sqlx::query_as(OPEN).bind(after).bind(limit).fetch_all(pool).await)?;
    rows.into_iter().map(TryInto::try_into).collect()
}

/// Marks a part that is taken out. One that is marked already stays as it is.
///
/// # Errors
/// When the database fails.
pub async fn insert(tx: &mut Tx, part: &TaintedPart) -> StoreResult<()> {
    within!(tx, |executor| {
        sqlx::query(INSERT)
            .bind(part.id.0)
            .bind(&part.identifier)
            .bind(&part.identifier_key)
            .bind(part.class.as_str())
            .bind(&part.maker)
            .bind(&part.model)
            .bind(part.device_id.0)
            .bind(part.case_id.0)
            .bind(part.fate.as_str())
            .bind(part.since.0)
            .execute(executor)
            .await
            .map(drop)
    })?;
    Ok(())
}

/// Notes how a part was accounted for. False when it was already.
///
/// # Errors
/// When the database fails.
pub async fn end(tx: &mut Tx, id: TaintId, at: Timestamp, by: &str, how: &str) -> StoreResult<bool> {
    let done = within!(tx, |executor| {
        let query = sqlx::query(END).bind(id.0).bind(at.0).bind(by).bind(how);
        query.execute(executor).await.map(|done| done.rows_affected())
    })?;
    Ok(done == 1)
}
