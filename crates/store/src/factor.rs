//! Second factors: authenticator apps and recovery codes; what is asked of passkeys, too.

use crate::{Db, StoreResult, Tx, user::some_time};
use domain::{
    id::{FactorId, UserId},
    time::Timestamp,
};
use uuid::Uuid;

/// An authenticator app of a person.
#[derive(Clone, PartialEq, Eq)]
pub struct App {
    /// Its id.
    pub id: FactorId,
    /// Whose it is.
    pub user_id: UserId,
    /// What its owner calls it.
    pub name: String,
    /// Its secret in base32; empty where it is derived.
    pub secret: String,
    /// The step of the last code that was taken.
    pub last_step: i64,
    /// When it was begun.
    pub created_at: Timestamp,
    /// When it showed its first code; until then it counts for nothing.
    pub confirmed_at: Option<Timestamp>,
    /// When it was last used.
    pub last_used_at: Option<Timestamp>,
}

impl std::fmt::Debug for App {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("App").field("id", &self.id).field("name", &self.name).finish_non_exhaustive()
    }
}

#[derive(sqlx::FromRow)]
struct Row {
    id: Uuid,
    user_id: Uuid,
    name: String,
    secret: String,
    last_step: i64,
    created_at: i64,
    confirmed_at: i64,
    last_used_at: i64,
}

impl From<Row> for App {
    fn from(row: Row) -> Self {
        Self {
            id: FactorId(row.id),
            user_id: UserId(row.user_id),
            name: row.name,
            secret: row.secret,
            last_step: row.last_step,
            created_at: Timestamp(row.created_at),
            confirmed_at: some_time(row.confirmed_at),
            last_used_at: some_time(row.last_used_at),
        }
    }
}

queries! {
    OF_USER = "SELECT id, user_id, name, secret, last_step, created_at, confirmed_at, last_used_at \
               FROM authenticator_app WHERE user_id = $1 ORDER BY created_at, id";
    INSERT = "INSERT INTO authenticator_app (id, user_id, name, secret, last_step, created_at, confirmed_at, last_used_at) \
              VALUES ($1, $2, $3, $4, 0, $5, 0, 0)";
    CONFIRM = "UPDATE authenticator_app SET confirmed_at = $2, last_used_at = $2, last_step = $3 \
               WHERE id = $1 AND confirmed_at = 0";
    // A code is taken once, also when it comes twice at the same moment: the second finds the step taken.
    USE = "UPDATE authenticator_app SET last_used_at = $2, last_step = $3 \
           WHERE id = $1 AND confirmed_at > 0 AND last_step < $3";
    DELETE = "DELETE FROM authenticator_app WHERE id = $1 AND user_id = $2 AND confirmed_at > 0";
    DELETE_PENDING = "DELETE FROM authenticator_app WHERE user_id = $1 AND confirmed_at = 0";
    DELETE_ALL = "DELETE FROM authenticator_app WHERE user_id = $1";
    FORGET_PENDING = "DELETE FROM authenticator_app WHERE confirmed_at = 0 AND created_at < $1";
    NUMBER = "SELECT (SELECT COUNT(*) FROM authenticator_app WHERE user_id = $1 AND confirmed_at > 0) + \
              (SELECT COUNT(*) FROM passkey WHERE user_id = $1)";
    CODES_LEFT = "SELECT COUNT(*) FROM recovery_code WHERE user_id = $1 AND used_at = 0";
    CODE_WORKS = "SELECT COUNT(*) FROM recovery_code WHERE user_id = $1 AND hash = $2 AND used_at = 0";
    USE_CODE = "UPDATE recovery_code SET used_at = $3 WHERE user_id = $1 AND hash = $2 AND used_at = 0";
    INSERT_CODE = "INSERT INTO recovery_code (user_id, hash, used_at) VALUES ($1, $2, 0)";
    DELETE_CODES = "DELETE FROM recovery_code WHERE user_id = $1";
    END_WITHOUT = "DELETE FROM session WHERE user_id IN (SELECT u.id FROM user_account u WHERE NOT EXISTS \
                   (SELECT 1 FROM authenticator_app a WHERE a.user_id = u.id AND a.confirmed_at > 0) \
                   AND NOT EXISTS (SELECT 1 FROM passkey p WHERE p.user_id = u.id))";
    END_DECIDERS_WITHOUT = "DELETE FROM session WHERE user_id IN (SELECT u.id FROM user_account u \
                   WHERE u.role IN ('manager', 'admin') AND NOT EXISTS \
                   (SELECT 1 FROM authenticator_app a WHERE a.user_id = u.id AND a.confirmed_at > 0) \
                   AND NOT EXISTS (SELECT 1 FROM passkey p WHERE p.user_id = u.id))";
}

/// A person's authenticator apps, also one that has shown no code yet; the oldest first.
///
/// # Errors
/// When the database fails.
pub async fn of_user(db: &Db, user: UserId) -> StoreResult<Vec<App>> {
    let rows: Vec<Row> = read!(db, |pool| sqlx::query_as(OF_USER).bind(user.0).fetch_all(pool).await)?;
    Ok(rows.into_iter().map(Into::into).collect())
}

/// The same, as the transaction sees them.
///
/// # Errors
/// When the database fails.
pub async fn of_user_within(tx: &mut Tx, user: UserId) -> StoreResult<Vec<App>> {
    let rows: Vec<Row> = within!(tx, |executor| sqlx::query_as(OF_USER).bind(user.0).fetch_all(executor).await)?;
    Ok(rows.into_iter().map(Into::into).collect())
}

/// Whether a person has a second factor that counts. Recovery codes alone are none.
///
/// # Errors
/// When the database fails.
pub async fn has_any(db: &Db, user: UserId) -> StoreResult<bool> {
    let number: i64 = read!(db, |pool| sqlx::query_scalar(NUMBER).bind(user.0).fetch_one(pool).await)?;
    Ok(number > 0)
}

/// The same, as the transaction sees it.
///
/// # Errors
/// When the database fails.
pub async fn has_any_within(tx: &mut Tx, user: UserId) -> StoreResult<bool> {
    Ok(number_within(tx, user).await? > 0)
}

/// How many second factors that count a person has, as the transaction sees it.
///
/// # Errors
/// When the database fails.
pub async fn number_within(tx: &mut Tx, user: UserId) -> StoreResult<i64> {
    Ok(within!(tx, |executor| sqlx::query_scalar(NUMBER).bind(user.0).fetch_one(executor).await)?)
}

/// Enters an app that has shown no code yet.
///
/// # Errors
/// When the database fails.
pub async fn insert(tx: &mut Tx, app: &App) -> StoreResult<()> {
    within!(tx, |executor| {
        sqlx::query(INSERT)
            .bind(app.id.0)
            .bind(app.user_id.0)
            .bind(&app.name)
            .bind(&app.secret)
            .bind(app.created_at.0)
            .execute(executor)
            .await
            .map(drop)
    })?;
    Ok(())
}

/// An app showed its first code, that of a step. Whether it was waiting for it.
///
/// # Errors
/// When the database fails.
pub async fn confirm(tx: &mut Tx, id: FactorId, at: Timestamp, step: i64) -> StoreResult<bool> {
    let done = within!(tx, |executor| {
        sqlx::query(CONFIRM).bind(id.0).bind(at.0).bind(step).execute(executor).await.map(|done| done.rows_affected())
    })?;
    Ok(done > 0)
}

/// An app showed the code of a step. Whether that code, or a later one, was not taken before.
///
/// # Errors
/// When the database fails.
pub async fn used(tx: &mut Tx, id: FactorId, at: Timestamp, step: i64) -> StoreResult<bool> {
    let done = within!(tx, |executor| {
        sqlx::query(USE).bind(id.0).bind(at.0).bind(step).execute(executor).await.map(|done| done.rows_affected())
    })?;
    Ok(done > 0)
}

/// Removes a person's app. Whether it was there.
///
/// # Errors
/// When the database fails.
pub async fn delete(tx: &mut Tx, id: FactorId, user: UserId) -> StoreResult<bool> {
    let done = within!(tx, |executor| {
        sqlx::query(DELETE).bind(id.0).bind(user.0).execute(executor).await.map(|done| done.rows_affected())
    })?;
    Ok(done > 0)
}

/// Removes what a person has begun and not confirmed.
///
/// # Errors
/// When the database fails.
pub async fn delete_pending(tx: &mut Tx, user: UserId) -> StoreResult<()> {
    within!(tx, |executor| sqlx::query(DELETE_PENDING).bind(user.0).execute(executor).await.map(drop))?;
    Ok(())
}

/// Removes all apps, passkeys and recovery codes of a person. How many apps and passkeys.
///
/// # Errors
/// When the database fails.
pub async fn delete_all(tx: &mut Tx, user: UserId) -> StoreResult<u64> {
    delete_codes(tx, user).await?;
    let passkeys = crate::passkey::delete_all(tx, user).await?;
    let apps = within!(tx, |executor| {
        sqlx::query(DELETE_ALL).bind(user.0).execute(executor).await.map(|done| done.rows_affected())
    })?;
    Ok(apps + passkeys)
}

/// Removes what was begun before then and never confirmed.
///
/// # Errors
/// When the database fails.
pub async fn forget_pending(tx: &mut Tx, before: Timestamp) -> StoreResult<()> {
    within!(tx, |executor| sqlx::query(FORGET_PENDING).bind(before.0).execute(executor).await.map(drop))?;
    Ok(())
}

/// How many of a person's recovery codes were not used.
///
/// # Errors
/// When the database fails.
pub async fn codes_left(db: &Db, user: UserId) -> StoreResult<i64> {
    Ok(read!(db, |pool| sqlx::query_scalar(CODES_LEFT).bind(user.0).fetch_one(pool).await)?)
}

/// Whether this is the hash of one of a person's recovery codes that was not used.
///
/// # Errors
/// When the database fails.
pub async fn code_works(db: &Db, user: UserId, hash: &str) -> StoreResult<bool> {
    let number: i64 = read!(db, |pool| sqlx::query_scalar(CODE_WORKS).bind(user.0).bind(hash).fetch_one(pool).await)?;
    Ok(number > 0)
}

/// Uses a recovery code up. Whether it was not used before.
///
/// # Errors
/// When the database fails.
pub async fn use_code(tx: &mut Tx, user: UserId, hash: &str, at: Timestamp) -> StoreResult<bool> {
    let done = within!(tx, |executor| {
        sqlx::query(USE_CODE)
            .bind(user.0)
            .bind(hash)
            .bind(at.0)
            .execute(executor)
            .await
            .map(|done| done.rows_affected())
    })?;
    Ok(done > 0)
}

/// Puts other recovery codes, by their hashes, in the place of a person's.
///
/// # Errors
/// When the database fails.
pub async fn put_codes(tx: &mut Tx, user: UserId, hashes: &[String]) -> StoreResult<()> {
    delete_codes(tx, user).await?;
    for hash in hashes {
        within!(tx, |executor| sqlx::query(INSERT_CODE).bind(user.0).bind(hash).execute(executor).await.map(drop))?;
    }
    Ok(())
}

/// Removes a person's recovery codes.
///
/// # Errors
/// When the database fails.
pub async fn delete_codes(tx: &mut Tx, user: UserId) -> StoreResult<()> {
    within!(tx, |executor| sqlx::query(DELETE_CODES).bind(user.0).execute(executor).await.map(drop))?;
    Ok(())
}

/// Ends the sessions of those who have no second factor: of everybody, or of those who decide and administer. How many.
///
/// # Errors
/// When the database fails.
pub async fn end_sessions_without(tx: &mut Tx, everybody: bool) -> StoreResult<u64> {
    let sql = if everybody { END_WITHOUT } else { END_DECIDERS_WITHOUT };
    Ok(within!(tx, |executor| sqlx::query(sql).execute(executor).await.map(|done| done.rows_affected()))?)
}
