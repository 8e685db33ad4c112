//! Settings: what an administrator chose, by key.

use crate::{Db, StoreResult, Tx};

queries! {
    ALL = "SELECT key, value FROM setting ORDER BY key";
    ONE = "SELECT value FROM setting WHERE key = $1";
    PUT = "INSERT INTO setting (key, value) VALUES ($1, $2) ON CONFLICT (key) DO UPDATE SET value = excluded.value";
}

/// All settings that were chosen.
///
/// # Errors
/// When the database fails.
pub async fn all(db: &Db) -> StoreResult<Vec<(String, String)>> {
    Ok(read!(db, |pool| sqlx::query_as(ALL).fetch_all(pool).await)?)
}

/// One setting, if it was chosen.
///
/// # Errors
/// When the database fails.
pub async fn one(db: &Db, key: &str) -> StoreResult<Option<String>> {
    Ok(read!(db, |pool| sqlx::query_scalar(ONE).bind(key).fetch_optional(pool).await)?)
}

/// Chooses a setting.
///
/// # Errors
/// When the database fails.
pub async fn put(tx: &mut Tx, key: &str, value: &str) -> StoreResult<()> {
    within!(tx, |executor| sqlx::query(PUT).bind(key).bind(value).execute(executor).await.map(drop))?;
    Ok(())
}
