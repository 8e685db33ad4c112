//! Where parts are and were, by their identifiers, and how many devices have a type of part.

use crate::{Db, StoreResult, component::Row as ComponentRow};
use domain::fitting::Fitting;

/// Devices that have a type of part are counted so far.
pub const COUNTED: i64 = 10_000;

#[derive(sqlx::FromRow)]
struct Row {
    serial: String,
    #[sqlx(flatten)]
    component: ComponentRow,
}

macro_rules! fittings {
    ($rest:literal) => {
        concat!(
            "SELECT d.serial, c.id, p.class, p.maker, p.model, c.slot, c.identifier, c.identifier_key, c.fitted_at, \
             c.fitted_version, c.removed_at, c.removed_version \
             FROM component c JOIN device d ON d.id = c.device_id JOIN part p ON p.id = c.part_id ",
            $rest
        )
    };
}

queries! {
    OF_KEY = fittings!("WHERE c.identifier_key = $1 ORDER BY c.device_id, c.id LIMIT $2");
    IN_RANGE = fittings!("WHERE c.identifier_key >= $1 AND c.identifier_key < $2 \
                          ORDER BY c.identifier_key, c.device_id, c.id LIMIT $3");
    COUNT = "SELECT COUNT(*) FROM (SELECT DISTINCT device_id FROM component \
             WHERE part_id = $1 AND removed_at = 0 LIMIT $2) AS fitted_some";
}

/// The stays of one identifier in devices, at most so many, in the order in which the devices were entered.
///
/// # Errors
/// When the database fails.
pub async fn of_key(db: &Db, key: &str, limit: i64) -> StoreResult<Vec<Fitting>> {
    let rows: Vec<Row> = read!(db, |pool| sqlx::query_as(OF_KEY).bind(key).bind(limit).fetch_all(pool).await)?;
    rows.into_iter().map(fitting).collect()
}

/// The stays of all identifiers that begin like this, at most so many, by identifier.
///
/// # Errors
/// When the database fails.
pub async fn beginning(db: &Db, prefix: &str, limit: i64) -> StoreResult<Vec<Fitting>> {
    // A range rather than LIKE: ranges use the index on both databases, whatever the prefix holds.
    let until = format!("{prefix}\u{10ffff}");
    let rows: Vec<Row> =
        read!(db, |pool| sqlx::query_as(IN_RANGE).bind(prefix).bind(until).bind(limit).fetch_all(pool).await)?;
    rows.into_iter().map(fitting).collect()
}

/// How many devices have a part of this type now; one more than [`COUNTED`] stands for more.
///
/// # Errors
/// When the database fails.
pub async fn devices_with(db: &Db, part_type: i64) -> StoreResult<i64> {
    Ok(read!(db, |pool| sqlx::query_scalar(COUNT).bind(part_type).bind(COUNTED + 1).fetch_one(pool).await)?)
}

fn fitting(row: Row) -> StoreResult<Fitting> {
    Ok(Fitting { serial: row.serial, component: row.component.try_into()? })
}
