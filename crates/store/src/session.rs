//! Sessions of signed-in people. The database knows a session by the hash of its cookie's value.

use crate::{Db, StoreResult, Tx};
use domain::{id::UserId, time::Timestamp};
use uuid::Uuid;

/// How many ended sessions one statement clears away: a writer must not keep others waiting.
const BATCH: i64 = 1000;

/// A session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionRow {
    /// SHA-256 of the cookie's value, in hexadecimal.
    pub id: String,
    /// Whose it is; none before somebody signed in.
    pub user_id: Option<UserId>,
    /// What the console keeps in it, as JSON.
    pub data: String,
    /// The network address that it was begun from.
    pub address: String,
    /// The browser, as it calls itself.
    pub user_agent: String,
    /// When it began.
    pub created_at: Timestamp,
    /// When it was last used.
    pub last_seen_at: Timestamp,
    /// When it ends by itself.
    pub expires_at: Timestamp,
}

#[derive(sqlx::FromRow)]
struct Row {
    id: String,
    user_id: Option<Uuid>,
    data: String,
    address: String,
    user_agent: String,
    created_at: i64,
    last_seen_at: i64,
    expires_at: i64,
}

impl From<Row> for SessionRow {
    fn from(row: Row) -> Self {
        Self {
            id: row.id,
            user_id: row.user_id.map(UserId),
            data: row.data,
            address: row.address,
            user_agent: row.user_agent,
            created_at: Timestamp(row.created_at),
            last_seen_at: Timestamp(row.last_seen_at),
            expires_at: Timestamp(row.expires_at),
        }
    }
}

queries! {
    INSERT = "INSERT INTO session (id, user_id, data, address, user_agent, created_at, last_seen_at, expires_at) \
              VALUES ($1, $2, $3, $4, $5, $6, $7, $8)";
    UPDATE = "UPDATE session SET user_id = $2, data = $3, address = $4, user_agent = $5, last_seen_at = $6, \
              expires_at = $7 WHERE id = $1";
    BY_ID = "SELECT id, user_id, data, address, user_agent, created_at, last_seen_at, expires_at FROM session \
             WHERE id = $1";
    OF_USER = "SELECT id, user_id, data, address, user_agent, created_at, last_seen_at, expires_at FROM session \
               WHERE user_id = $1 AND expires_at > $2 ORDER BY last_seen_at DESC, id";
    DELETE = "DELETE FROM session WHERE id = $1";
    DELETE_ONE_OF_USER = "DELETE FROM session WHERE id = $1 AND user_id = $2";
    DELETE_OF_USER = "DELETE FROM session WHERE user_id = $1 AND id <> $2";
    FORGET_ENDED = "DELETE FROM session WHERE id IN (SELECT id FROM session WHERE expires_at <= $1 LIMIT $2)";
}

/// Enters a session.
///
/// # Errors
/// [`crate::StoreError::Exists`] when there is already one with this id: choose another id.
pub async fn insert(db: &Db, session: &SessionRow) -> StoreResult<()> {
    let mut tx = db.begin().await?;
    within!(&mut tx, |executor| {
        sqlx::query(INSERT)
            .bind(&session.id)
            .bind(session.user_id.map(|id| id.0))
            .bind(&session.data)
            .bind(&session.address)
            .bind(&session.user_agent)
            .bind(session.created_at.0)
            .bind(session.last_seen_at.0)
            .bind(session.expires_at.0)
            .execute(executor)
            .await
            .map(drop)
    })?;
    tx.commit().await
}

/// Changes a session. One that was ended in the meantime stays ended: then nothing is changed.
///
/// # Errors
/// When the database fails.
pub async fn update(db: &Db, session: &SessionRow) -> StoreResult<()> {
    let mut tx = db.begin().await?;
    within!(&mut tx, |executor| {
        sqlx::query(UPDATE)
            .bind(&session.id)
            .bind(session.user_id.map(|id| id.0))
            .bind(&session.data)
            .bind(&session.address)
            .bind(&session.user_agent)
            .bind(session.last_seen_at.0)
            .bind(session.expires_at.0)
            .execute(executor)
            .await
            .map(drop)
    })?;
    tx.commit().await
}

/// A session by its id, ended by itself or not.
///
/// # Errors
/// When the database fails.
pub async fn by_id(db: &Db, id: &str) -> StoreResult<Option<SessionRow>> {
    let row: Option<Row> = read!(db, |pool| sqlx::query_as(BY_ID).bind(id).fetch_optional(pool).await)?;
    Ok(row.map(Into::into))
}

/// The sessions of an account that have not ended, the last used first.
///
/// # Errors
/// When the database fails.
pub async fn of_user(db: &Db, user: UserId, now: Timestamp) -> StoreResult<Vec<SessionRow>> {
    let rows: Vec<Row> = read!(db, |pool| sqlx::query_as(OF_USER).bind(user.0).bind(now.0).fetch_all(pool).await)?;
    Ok(rows.into_iter().map(Into::into).collect())
}

/// Ends a session; ending it twice is no failure.
///
/// # Errors
/// When the database fails.
pub async fn delete(db: &Db, id: &str) -> StoreResult<()> {
    let mut tx = db.begin().await?;
    within!(&mut tx, |executor| sqlx::query(DELETE).bind(id).execute(executor).await.map(drop))?;
    tx.commit().await
}

/// Ends a session if it is this account's. Whether it was.
///
/// # Errors
/// When the database fails.
pub async fn delete_one_of_user(tx: &mut Tx, id: &str, user: UserId) -> StoreResult<bool> {
    let ended = within!(tx, |executor| {
        sqlx::query(DELETE_ONE_OF_USER).bind(id).bind(user.0).execute(executor).await.map(|done| done.rows_affected())
    })?;
    Ok(ended > 0)
}

/// Ends all sessions of an account but one (or none, with an empty id). How many.
///
/// # Errors
/// When the database fails.
pub async fn delete_of_user(tx: &mut Tx, user: UserId, except: &str) -> StoreResult<u64> {
    Ok(within!(tx, |executor| {
        sqlx::query(DELETE_OF_USER).bind(user.0).bind(except).execute(executor).await.map(|done| done.rows_affected())
    })?)
}

/// Clears away what has ended by itself. How many.
///
/// # Errors
/// When the database fails.
pub async fn forget_ended(db: &Db, now: Timestamp) -> StoreResult<u64> {
    let mut total = 0;
    loop {
        let mut tx = db.begin().await?;
        let gone = within!(&mut tx, |executor| {
            sqlx::query(FORGET_ENDED).bind(now.0).bind(BATCH).execute(executor).await.map(|done| done.rows_affected())
        })?;
        tx.commit().await?;
        total += gone;
        if gone < BATCH.unsigned_abs() {
            return Ok(total);
        }
    }
}
