//! All devices that a fleet query means, by number and id: what rollouts are frozen for.

use super::{
    Filter,
    filter::{Bind, IN_ORDER},
};
use crate::{Db, StoreError, StoreResult};
use uuid::Uuid;

queries! {
    MIDDLE = "SELECT id FROM device WHERE number >= (SELECT MAX(number) / 2 FROM device) ORDER BY number LIMIT 1";
}

/// The devices that match in one half of the fleet or the other, in no order: number and id of each. `middle` is where the halves
/// meet: [`middle`].
///
/// # Errors
/// When the database fails, or it takes too long.
pub async fn members(db: &Db, filter: &Filter, middle: Uuid, upper: bool) -> StoreResult<Vec<(u32, Uuid)>> {
    let (half, n) = (if upper { ">=" } else { "<" }, filter.binds.len() + 1);
    let id = match db {
        Db::Sqlite { .. } => "hex(d.id)",
        Db::Postgres(_) => "CAST(d.id AS TEXT)",
    };
    // Nothing is put in an order here, so any index may be used.
    let conditions = filter.sql.replace(IN_ORDER, "d.place");
    // As one text: a row for each of a million devices would cost several times what finding them does.
    let sql = format!(
        "SELECT string_agg(d.number || ' ' || {id}, ' ') FROM device d WHERE {conditions} AND d.id {half} ${n}"
    );
    let text: Option<String> = search!(db, |pool| {
        let mut query = sqlx::query_scalar(sqlx::AssertSqlSafe(sql));
        for bind in &filter.binds {
            query = match bind {
                Bind::Text(text) => query.bind(text),
                Bind::Number(number) => query.bind(*number),
                Bind::Id(id) => query.bind(*id),
            };
        }
        query.bind(middle).fetch_one(pool).await
    })?;
    let mut words = text.as_deref().unwrap_or_default().split_ascii_whitespace();
    let mut members = Vec::new();
    while let (Some(number), Some(id)) = (words.next(), words.next()) {
        let number = number.parse().map_err(|error| StoreError::corrupt("device.number", error))?;
        members.push((number, Uuid::try_parse(id).map_err(|error| StoreError::corrupt("device.id", error))?));
    }
    Ok(members)
}

/// An id about in the middle of all, so that two readers have half of them each.
///
/// # Errors
/// When the database fails.
pub async fn middle(db: &Db) -> StoreResult<Uuid> {
    let found: Option<Uuid> = read!(db, |pool| sqlx::query_scalar(MIDDLE).fetch_optional(pool).await)?;
    Ok(found.unwrap_or_default())
}
