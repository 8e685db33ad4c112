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

/// A half of the fleet, and how it is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Half {
    /// Where the halves meet: [`middle`].
    pub middle: Uuid,
    /// Whether it is the one from there on.
    pub upper: bool,
    /// Whether so many match that it is read from its first device to its last. By an index each device would be looked up, which
    /// takes three times as long where that is most of them; what the database guesses is often far too few.
    pub whole: bool,
}

/// The devices that match in a half of the fleet, in no order: number and id of each.
///
/// # Errors
/// When the database fails, or it takes too long.
pub async fn members(db: &Db, filter: &Filter, half: Half) -> StoreResult<Vec<(u32, Uuid)>> {
    let sql = members_sql(db, filter, half);
    let text: Option<String> = search!(db, |pool| {
        let mut query = sqlx::query_scalar(sqlx::AssertSqlSafe(sql));
        for bind in &filter.binds {
            query = match bind {
                Bind::Text(text) => query.bind(text),
                Bind::Number(number) => query.bind(*number),
                Bind::Id(id) => query.bind(*id),
            };
        }
        query.bind(half.middle).fetch_one(pool).await
    })?;
    let mut words = text.as_deref().unwrap_or_default().split_ascii_whitespace();
    let mut members = Vec::new();
    while let (Some(number), Some(id)) = (words.next(), words.next()) {
        let number = number.parse().map_err(|error| StoreError::corrupt("device.number", error))?;
        members.push((number, Uuid::try_parse(id).map_err(|error| StoreError::corrupt("device.id", error))?));
    }
    Ok(members)
}

/// What [`members`] asks.
#[must_use]
pub fn members_sql(db: &Db, filter: &Filter, half: Half) -> String {
    let (side, n) = (if half.upper { ">=" } else { "<" }, filter.binds.len() + 1);
    let id = match db {
        Db::Sqlite { .. } => "hex(d.id)",
        Db::Postgres(_) => "CAST(d.id AS TEXT)",
    };
    // Nothing is put in an order here, so any index may be used. For what is asked whether it IS TRUE, neither database uses one.
    let conditions = filter.sql.replace(IN_ORDER, "d.place");
    let conditions = if half.whole { format!("({conditions}) IS TRUE") } else { conditions };
    // As one text: a row for each of a million devices would cost several times what finding them does.
    format!("SELECT string_agg(d.number || ' ' || {id}, ' ') FROM device d WHERE {conditions} AND d.id {side} ${n}")
}

/// An id about in the middle of all, so that two readers have half of them each.
///
/// # Errors
/// When the database fails.
pub async fn middle(db: &Db) -> StoreResult<Uuid> {
    let found: Option<Uuid> = read!(db, |pool| sqlx::query_scalar(MIDDLE).fetch_optional(pool).await)?;
    Ok(found.unwrap_or_default())
}
