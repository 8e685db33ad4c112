//! Sealed keys of authorities, for every node that has no such file. They stay encrypted: the passphrase is never here.

use crate::{Db, StoreResult, Tx};
use domain::time::Timestamp;

queries! {
    ONE = "SELECT pem FROM sealed_key WHERE name = $1";
    NAMES = "SELECT name FROM sealed_key ORDER BY name";
    PUT = "INSERT INTO sealed_key (name, pem, kept_at) VALUES ($1, $2, $3) ON CONFLICT (name) DO NOTHING";
}

/// A sealed key by the name of its file, as PEM.
///
/// # Errors
/// When the database fails.
pub async fn one(db: &Db, name: &str) -> StoreResult<Option<String>> {
    Ok(read!(db, |pool| sqlx::query_scalar(ONE).bind(name).fetch_optional(pool).await)?)
}

/// The names of all that are here.
///
/// # Errors
/// When the database fails.
pub async fn names(db: &Db) -> StoreResult<Vec<String>> {
    Ok(read!(db, |pool| sqlx::query_scalar(NAMES).fetch_all(pool).await)?)
}

/// The same, as the transaction sees it.
///
/// # Errors
/// When the database fails.
pub async fn names_within(tx: &mut Tx) -> StoreResult<Vec<String>> {
    Ok(within!(tx, |executor| sqlx::query_scalar(NAMES).fetch_all(executor).await)?)
}

/// Keeps a sealed key. One that is here already is never replaced. Whether it is new.
///
/// # Errors
/// When the database fails.
pub async fn put(tx: &mut Tx, name: &str, pem: &str, at: Timestamp) -> StoreResult<bool> {
    let n = within!(tx, |executor| {
        let query = sqlx::query(PUT).bind(name).bind(pem).bind(at.0);
        query.execute(executor).await.map(|done| done.rows_affected())
    })?;
    Ok(n == 1)
}
