//! API tokens. The database knows a token by the hash of its secret.

use crate::{Db, StoreError, StoreResult, Tx, user::some_time};
use domain::{id::TokenId, person::Role, time::Timestamp};
use serde::Serialize;
use uuid::Uuid;

/// An API token, without its secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ApiToken {
    /// Its id.
    pub id: TokenId,
    /// What people call it.
    pub name: String,
    /// What it may do.
    pub role: Role,
    /// Who made it.
    pub created_by: String,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it ends.
    pub expires_at: Timestamp,
    /// When it was last used, to the minute.
    pub last_used_at: Option<Timestamp>,
    /// When it was revoked, if it was.
    pub revoked_at: Option<Timestamp>,
}

impl ApiToken {
    /// Whether it works at `now`.
    #[must_use]
    pub fn works(&self, now: Timestamp) -> bool {
        self.revoked_at.is_none() && self.expires_at > now
    }
}

#[derive(sqlx::FromRow)]
struct Row {
    id: Uuid,
    name: String,
    role: String,
    created_by: String,
    created_at: i64,
    expires_at: i64,
    last_used_at: i64,
    revoked_at: i64,
}

impl TryFrom<Row> for ApiToken {
    type Error = StoreError;
    fn try_from(row: Row) -> StoreResult<Self> {
        Ok(Self {
            id: TokenId(row.id),
            name: row.name,
            role: row.role.parse().map_err(|e| StoreError::corrupt("api_token.role", e))?,
            created_by: row.created_by,
            created_at: Timestamp(row.created_at),
            expires_at: Timestamp(row.expires_at),
            last_used_at: some_time(row.last_used_at),
            revoked_at: some_time(row.revoked_at),
        })
    }
}

queries! {
    ALL = "SELECT id, name, role, created_by, created_at, expires_at, last_used_at, revoked_at FROM api_token \
           ORDER BY created_at DESC, id";
    BY_ID = "SELECT id, name, role, created_by, created_at, expires_at, last_used_at, revoked_at FROM api_token \
             WHERE id = $1";
    BY_HASH = "SELECT id, name, role, created_by, created_at, expires_at, last_used_at, revoked_at FROM api_token \
               WHERE token_hash = $1";
    INSERT = "INSERT INTO api_token (id, name, token_hash, role, created_by, created_at, expires_at) \
              VALUES ($1, $2, $3, $4, $5, $6, $7)";
    REVOKE = "UPDATE api_token SET revoked_at = $2 WHERE id = $1 AND revoked_at = 0";
    USED = "UPDATE api_token SET last_used_at = $2 WHERE id = $1 AND last_used_at < $2";
    LIVE_OF = "SELECT COUNT(*) FROM api_token WHERE created_by = $1 AND revoked_at = 0 AND expires_at > $2";
}

/// All tokens, newest first, also those that don't work any more.
///
/// # Errors
/// When the database fails.
pub async fn all(db: &Db) -> StoreResult<Vec<ApiToken>> {
    let rows: Vec<Row> = read!(db, |pool| sqlx::query_as(ALL).fetch_all(pool).await)?;
    rows.into_iter().map(TryInto::try_into).collect()
}

/// All tokens, as the transaction sees them.
///
/// # Errors
/// When the database fails.
pub async fn all_within(tx: &mut Tx) -> StoreResult<Vec<ApiToken>> {
    let rows: Vec<Row> = within!(tx, |executor| sqlx::query_as(ALL).fetch_all(executor).await)?;
    rows.into_iter().map(TryInto::try_into).collect()
}

/// A token by its id, as the transaction sees it.
///
/// # Errors
/// When the database fails.
pub async fn by_id_within(tx: &mut Tx, id: TokenId) -> StoreResult<Option<ApiToken>> {
    let row: Option<Row> = within!(tx, |executor| sqlx::query_as(BY_ID).bind(id.0).fetch_optional(executor).await)?;
    row.map(TryInto::try_into).transpose()
}

/// A token by the hash of its secret, whether it still works or not.
///
/// # Errors
/// When the database fails.
pub async fn by_hash(db: &Db, hash: &str) -> StoreResult<Option<ApiToken>> {
    let row: Option<Row> = read!(db, |pool| sqlx::query_as(BY_HASH).bind(hash).fetch_optional(pool).await)?;
    row.map(TryInto::try_into).transpose()
}

/// Enters a token.
///
/// # Errors
/// When the database fails.
pub async fn insert(tx: &mut Tx, token: &ApiToken, hash: &str) -> StoreResult<()> {
    within!(tx, |executor| {
        sqlx::query(INSERT)
            .bind(token.id.0)
            .bind(&token.name)
            .bind(hash)
            .bind(token.role.as_str())
            .bind(&token.created_by)
            .bind(token.created_at.0)
            .bind(token.expires_at.0)
            .execute(executor)
            .await
            .map(drop)
    })?;
    Ok(())
}

/// Revokes a token for good.
///
/// # Errors
/// When the database fails.
pub async fn revoke(tx: &mut Tx, id: TokenId, at: Timestamp) -> StoreResult<()> {
    within!(tx, |executor| sqlx::query(REVOKE).bind(id.0).bind(at.0).execute(executor).await.map(drop))?;
    Ok(())
}

/// Notes that a token was used.
///
/// # Errors
/// When the database fails.
pub async fn used(tx: &mut Tx, id: TokenId, at: Timestamp) -> StoreResult<()> {
    within!(tx, |executor| sqlx::query(USED).bind(id.0).bind(at.0).execute(executor).await.map(drop))?;
    Ok(())
}

/// How many tokens that somebody made still work.
///
/// # Errors
/// When the database fails.
pub async fn live_of(tx: &mut Tx, created_by: &str, now: Timestamp) -> StoreResult<i64> {
    Ok(within!(tx, |executor| sqlx::query_scalar(LIVE_OF).bind(created_by).bind(now.0).fetch_one(executor).await)?)
}
