//! Who settled which finding, and why.

use crate::{Db, StoreResult, Tx};
use domain::time::Timestamp;
use uuid::Uuid;

queries! {
    SETTLED = "INSERT INTO finding_settled (id, cause, at, by_name, reason) VALUES ($1, $2, $3, $4, $5)";
    OF_CAUSE = "SELECT at, by_name, reason FROM finding_settled WHERE cause = $1 ORDER BY at DESC, id DESC LIMIT $2";
}

/// That somebody settled a finding.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Settled {
    /// When.
    pub at: Timestamp,
    /// Who, by name.
    pub by: String,
    /// What came of it, in their words.
    pub reason: String,
}

/// Notes who settled the finding of a cause, and why.
///
/// # Errors
/// When the database fails.
pub async fn settled(tx: &mut Tx, cause: &str, settled: &Settled) -> StoreResult<()> {
    within!(tx, |executor| {
        let query = sqlx::query(SETTLED).bind(Uuid::now_v7()).bind(cause).bind(settled.at.0);
        query.bind(&settled.by).bind(&settled.reason).execute(executor).await.map(drop)
    })?;
    Ok(())
}

/// Who settled the finding of a cause, the last first, at most `limit`.
///
/// # Errors
/// When the database fails.
pub async fn settled_of(db: &Db, cause: &str, limit: i64) -> StoreResult<Vec<Settled>> {
    let rows: Vec<(i64, String, String)> =
        read!(db, |pool| sqlx::query_as(OF_CAUSE).bind(cause).bind(limit).fetch_all(pool).await)?;
    Ok(rows.into_iter().map(|(at, by, reason)| Settled { at: Timestamp(at), by, reason }).collect())
}
