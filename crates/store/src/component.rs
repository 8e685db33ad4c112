//! Components, and the catalogue of part types that they name.

use crate::{Db, StoreError, StoreResult, Tx};
use domain::{
    component::{Component, ComponentClass, Part},
    id::{ComponentId, DeviceId},
    time::Timestamp,
};
use uuid::Uuid;

#[derive(sqlx::FromRow)]
pub(crate) struct Row {
    id: Uuid,
    class: String,
    maker: String,
    model: String,
    slot: String,
    identifier: String,
    identifier_key: String,
    fitted_at: i64,
    fitted_version: i64,
    removed_at: i64,
    removed_version: i64,
}

impl TryFrom<Row> for Component {
    type Error = StoreError;
    fn try_from(row: Row) -> StoreResult<Self> {
        Ok(Self {
            id: ComponentId(row.id),
            part: Part {
                slot: row.slot,
                class: row.class.parse().map_err(|e| StoreError::corrupt("part.class", e))?,
                maker: row.maker,
                model: row.model,
                identifier: row.identifier,
                identifier_key: row.identifier_key,
            },
            fitted_at: Timestamp(row.fitted_at),
            fitted_version: row.fitted_version,
            removed_at: (row.removed_at != 0).then_some(Timestamp(row.removed_at)),
            removed_version: (row.removed_version != 0).then_some(row.removed_version),
        })
    }
}

/// A part type of the catalogue.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct PartType {
    /// Its number.
    pub id: i64,
    /// Its class, as stored.
    pub class: String,
    /// Its maker, or empty.
    pub maker: String,
    /// Its model, or empty.
    pub model: String,
}

/// A component to fit.
#[derive(Clone, Debug)]
pub struct NewComponent<'a> {
    /// In which device.
    pub device: DeviceId,
    /// Its id.
    pub id: ComponentId,
    /// Its type's number in the catalogue.
    pub part_id: i64,
    /// What it is.
    pub part: &'a Part,
    /// When it was fitted.
    pub fitted_at: Timestamp,
    /// In which manifest version.
    pub fitted_version: i64,
}

/// Where an identifier is fitted.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct FittedIdentifier {
    /// The identifier as it is compared.
    pub identifier_key: String,
    /// The serial of the device that holds it.
    pub serial: String,
}

/// A part's stay in a device that has ended.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct EndedStay {
    /// The identifier as it is compared.
    pub identifier_key: String,
    /// The serial of the device that held it.
    pub serial: String,
    /// When it was fitted, in microseconds.
    pub fitted_at: i64,
    /// When it was taken out, in microseconds.
    pub removed_at: i64,
}

queries! {
    OF_DEVICE = "SELECT c.id, p.class, p.maker, p.model, c.slot, c.identifier, c.identifier_key, c.fitted_at, \
                 c.fitted_version, c.removed_at, c.removed_version \
                 FROM component c JOIN part p ON p.id = c.part_id WHERE c.device_id = $1 ORDER BY c.id";
    REMOVE = "UPDATE component SET removed_at = $3, removed_version = $4 WHERE device_id = $1 AND id = $2";
    OF_KEY = "SELECT c.identifier_key, d.serial FROM component c JOIN device d ON d.id = c.device_id \
              WHERE c.identifier_key = $1 AND c.removed_at = 0 ORDER BY d.serial LIMIT 100";
    PART = "INSERT INTO part (class, maker, model) VALUES ($1, $2, $3) \
            ON CONFLICT (class, maker, model) DO UPDATE SET maker = excluded.maker RETURNING id";
    PARTS = "SELECT id, class, maker, model FROM part ORDER BY class, maker, model";
}

const INSERT: &str =
    "INSERT INTO component (device_id, id, part_id, slot, identifier, identifier_key, fitted_at, fitted_version)";

/// All components of a device that are fitted or ever were, oldest first.
///
/// # Errors
/// When the database fails.
pub async fn of_device(db: &Db, device: DeviceId) -> StoreResult<Vec<Component>> {
    let rows: Vec<Row> = read!(db, |pool| sqlx::query_as(OF_DEVICE).bind(device.0).fetch_all(pool).await)?;
    rows.into_iter().map(TryInto::try_into).collect()
}

/// All components of a device, as the transaction sees them.
///
/// # Errors
/// When the database fails.
pub async fn of_device_within(tx: &mut Tx, device: DeviceId) -> StoreResult<Vec<Component>> {
    let rows: Vec<Row> = within!(tx, |executor| sqlx::query_as(OF_DEVICE).bind(device.0).fetch_all(executor).await)?;
    rows.into_iter().map(TryInto::try_into).collect()
}

/// Fits components.
///
/// # Errors
/// When the database fails.
pub async fn insert_many(tx: &mut Tx, components: &[NewComponent<'_>]) -> StoreResult<()> {
    insert_many!(tx, components, INSERT, 8, |query, row| query
        .bind(row.device.0)
        .bind(row.id.0)
        .bind(row.part_id)
        .bind(&row.part.slot)
        .bind(&row.part.identifier)
        .bind(&row.part.identifier_key)
        .bind(row.fitted_at.0)
        .bind(row.fitted_version));
    Ok(())
}

/// Marks a component as taken out.
///
/// # Errors
/// When the database fails.
pub async fn remove(
    tx: &mut Tx,
    device: DeviceId,
    component: ComponentId,
    at: Timestamp,
    version: i64,
) -> StoreResult<()> {
    within!(tx, |executor| {
        sqlx::query(REMOVE).bind(device.0).bind(component.0).bind(at.0).bind(version).execute(executor).await.map(drop)
    })?;
    Ok(())
}

/// The catalogue's number of a part type, entered if it is new.
///
/// # Errors
/// When the database fails.
pub async fn part_id(tx: &mut Tx, class: ComponentClass, maker: &str, model: &str) -> StoreResult<i64> {
    Ok(within!(tx, |executor| {
        sqlx::query_scalar(PART).bind(class.as_str()).bind(maker).bind(model).fetch_one(executor).await
    })?)
}

/// The whole catalogue of part types.
///
/// # Errors
/// When the database fails.
pub async fn part_types(db: &Db) -> StoreResult<Vec<PartType>> {
    Ok(read!(db, |pool| sqlx::query_as(PARTS).fetch_all(pool).await)?)
}

/// The text of a query for what is fitted of so many identifiers.
fn fitted_sql(list: &str) -> sqlx::AssertSqlSafe<String> {
    sqlx::AssertSqlSafe(format!(
        "SELECT c.identifier_key, d.serial FROM component c JOIN device d ON d.id = c.device_id \
         WHERE c.removed_at = 0 AND c.identifier_key IN ({list})"
    ))
}

/// Which of these identifiers are fitted in a device now, and in which.
///
/// # Errors
/// When the database fails.
pub async fn fitted(db: &Db, keys: &[&str]) -> StoreResult<Vec<FittedIdentifier>> {
    let mut out = Vec::new();
    for chunk in keys.chunks(crate::db::MAX_BINDS) {
        let sql = fitted_sql(&crate::db::list_sql(db, chunk.len()));
        let rows: Vec<FittedIdentifier> = read!(db, |pool| {
            let mut query = sqlx::query_as(sql);
            for key in chunk {
                query = query.bind(*key);
            }
            query.fetch_all(pool).await
        })?;
        out.extend(rows);
    }
    Ok(out)
}

/// The same, as the transaction sees it.
///
/// # Errors
/// When the database fails.
pub async fn all_fitted_within(tx: &mut Tx, keys: &[&str]) -> StoreResult<Vec<FittedIdentifier>> {
    let mut out = Vec::new();
    for chunk in keys.chunks(crate::db::MAX_BINDS) {
        let sql = fitted_sql(&crate::db::placeholders(chunk.len()));
        let rows: Vec<FittedIdentifier> = within!(tx, |executor| {
            let mut query = sqlx::query_as(sql);
            for key in chunk {
                query = query.bind(*key);
            }
            query.fetch_all(executor).await
        })?;
        out.extend(rows);
    }
    Ok(out)
}

/// In which devices these identifiers were, and are no more.
///
/// # Errors
/// When the database fails.
pub async fn ended_stays(db: &Db, keys: &[&str]) -> StoreResult<Vec<EndedStay>> {
    let mut out = Vec::new();
    for chunk in keys.chunks(crate::db::MAX_BINDS) {
        let sql = format!(
            "SELECT c.identifier_key, d.serial, c.fitted_at, c.removed_at FROM component c \
             JOIN device d ON d.id = c.device_id WHERE c.removed_at > 0 AND c.identifier_key IN ({})",
            crate::db::list_sql(db, chunk.len())
        );
        let rows: Vec<EndedStay> = read!(db, |pool| {
            let mut query = sqlx::query_as(sqlx::AssertSqlSafe(sql));
            for key in chunk {
                query = query.bind(*key);
            }
            query.fetch_all(pool).await
        })?;
        out.extend(rows);
    }
    Ok(out)
}

/// Where an identifier is fitted now, as the transaction sees it: a hundred devices at most.
///
/// # Errors
/// When the database fails.
pub async fn fitted_within(tx: &mut Tx, key: &str) -> StoreResult<Vec<FittedIdentifier>> {
    Ok(within!(tx, |executor| sqlx::query_as(OF_KEY).bind(key).fetch_all(executor).await)?)
}
