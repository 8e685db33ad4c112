//! Accounts.

use crate::{Db, StoreError, StoreResult, Tx};
use domain::{id::UserId, person::Role, time::Timestamp};
use serde::Serialize;
use uuid::Uuid;

/// A person's account, without its password.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct User {
    /// Its id.
    pub id: UserId,
    /// The address that the person signs in with, in lower case.
    pub email: String,
    /// The person's name.
    pub name: String,
    /// What the person may do.
    pub role: Role,
    /// Whether a password was ever set.
    pub has_password: bool,
    /// When it was made.
    pub created_at: Timestamp,
    /// When its password was set.
    pub password_changed_at: Option<Timestamp>,
    /// When somebody last signed in with it.
    pub last_sign_in_at: Option<Timestamp>,
    /// Since when it is disabled, if it is.
    pub disabled_at: Option<Timestamp>,
    /// Grows with each change that an administrator makes.
    pub version: i64,
}

/// An account with its password's hash.
#[derive(Clone)]
pub struct Credentials {
    /// The account.
    pub user: User,
    /// A PHC string; empty before the first password.
    pub password_hash: String,
}

#[derive(sqlx::FromRow)]
struct Row {
    id: Uuid,
    email: String,
    name: String,
    role: String,
    password_hash: String,
    created_at: i64,
    password_changed_at: i64,
    last_sign_in_at: i64,
    disabled_at: i64,
    version: i64,
}

impl TryFrom<Row> for Credentials {
    type Error = StoreError;
    fn try_from(row: Row) -> StoreResult<Self> {
        let user = User {
            id: UserId(row.id),
            email: row.email,
            name: row.name,
            role: row.role.parse().map_err(|e| StoreError::corrupt("user_account.role", e))?,
            has_password: !row.password_hash.is_empty(),
            created_at: Timestamp(row.created_at),
            password_changed_at: some_time(row.password_changed_at),
            last_sign_in_at: some_time(row.last_sign_in_at),
            disabled_at: some_time(row.disabled_at),
            version: row.version,
        };
        Ok(Self { user, password_hash: row.password_hash })
    }
}

/// Times that are missing are kept as 0.
pub(crate) fn some_time(micros: i64) -> Option<Timestamp> {
    (micros != 0).then_some(Timestamp(micros))
}

queries! {
    // Whoever changes people takes the end of the audit chain first, which every deed needs at its end anyway: so
    // that what is read next ("is there another administrator?") still holds when it is acted upon.
    LOCK = "UPDATE audit_head SET seq = seq WHERE id = 1";
    COUNT = "SELECT COUNT(*) FROM user_account";
    ADMINS = "SELECT COUNT(*) FROM user_account WHERE role = 'admin' AND disabled_at = 0";
    ALL = "SELECT id, email, name, role, password_hash, created_at, password_changed_at, last_sign_in_at, disabled_at, \
           version FROM user_account ORDER BY email";
    BY_ID = "SELECT id, email, name, role, password_hash, created_at, password_changed_at, last_sign_in_at, \
             disabled_at, version FROM user_account WHERE id = $1";
    BY_EMAIL = "SELECT id, email, name, role, password_hash, created_at, password_changed_at, last_sign_in_at, \
                disabled_at, version FROM user_account WHERE email = $1";
    INSERT = "INSERT INTO user_account (id, email, name, role, password_hash, created_at, password_changed_at) \
              VALUES ($1, $2, $3, $4, $5, $6, $7)";
    CHANGE = "UPDATE user_account SET name = $2, role = $3, version = version + 1 WHERE id = $1";
    SET_DISABLED = "UPDATE user_account SET disabled_at = $2, version = version + 1 WHERE id = $1";
    SET_PASSWORD = "UPDATE user_account SET password_hash = $2, password_changed_at = $3 WHERE id = $1";
    SIGNED_IN = "UPDATE user_account SET last_sign_in_at = $2 WHERE id = $1";
}

/// Makes everybody who changes people wait until this transaction is over.
///
/// # Errors
/// When the database fails.
pub async fn lock(tx: &mut Tx) -> StoreResult<()> {
    within!(tx, |executor| sqlx::query(LOCK).execute(executor).await.map(drop))?;
    Ok(())
}

/// How many accounts there are, disabled ones too.
///
/// # Errors
/// When the database fails.
pub async fn count(db: &Db) -> StoreResult<i64> {
    Ok(read!(db, |pool| sqlx::query_scalar(COUNT).fetch_one(pool).await)?)
}

/// How many accounts there are, as the transaction sees them.
///
/// # Errors
/// When the database fails.
pub async fn count_within(tx: &mut Tx) -> StoreResult<i64> {
    Ok(within!(tx, |executor| sqlx::query_scalar(COUNT).fetch_one(executor).await)?)
}

/// How many administrators could sign in.
///
/// # Errors
/// When the database fails.
pub async fn enabled_admins(tx: &mut Tx) -> StoreResult<i64> {
    Ok(within!(tx, |executor| sqlx::query_scalar(ADMINS).fetch_one(executor).await)?)
}

/// All accounts, by address.
///
/// # Errors
/// When the database fails.
pub async fn all(db: &Db) -> StoreResult<Vec<User>> {
    let rows: Vec<Row> = read!(db, |pool| sqlx::query_as(ALL).fetch_all(pool).await)?;
    rows.into_iter().map(|row| Ok(Credentials::try_from(row)?.user)).collect()
}

/// An account with its password's hash, by its id.
///
/// # Errors
/// When the database fails.
pub async fn by_id(db: &Db, id: UserId) -> StoreResult<Option<Credentials>> {
    let row: Option<Row> = read!(db, |pool| sqlx::query_as(BY_ID).bind(id.0).fetch_optional(pool).await)?;
    row.map(TryInto::try_into).transpose()
}

/// An account by its id, as the transaction sees it.
///
/// # Errors
/// When the database fails.
pub async fn by_id_within(tx: &mut Tx, id: UserId) -> StoreResult<Option<User>> {
    let row: Option<Row> = within!(tx, |executor| sqlx::query_as(BY_ID).bind(id.0).fetch_optional(executor).await)?;
    row.map(|row| Ok(Credentials::try_from(row)?.user)).transpose()
}

/// An account with its password's hash, by its address in lower case.
///
/// # Errors
/// When the database fails.
pub async fn by_email(db: &Db, email: &str) -> StoreResult<Option<Credentials>> {
    let row: Option<Row> = read!(db, |pool| sqlx::query_as(BY_EMAIL).bind(email).fetch_optional(pool).await)?;
    row.map(TryInto::try_into).transpose()
}

/// Enters an account; the hash is empty for one without a password.
///
/// # Errors
/// [`StoreError::Exists`] when its address is taken.
pub async fn insert(tx: &mut Tx, user: &User, password_hash: &str) -> StoreResult<()> {
    within!(tx, |executor| {
        sqlx::query(INSERT)
            .bind(user.id.0)
            .bind(&user.email)
            .bind(&user.name)
            .bind(user.role.as_str())
            .bind(password_hash)
            .bind(user.created_at.0)
            .bind(user.password_changed_at.unwrap_or_default().0)
            .execute(executor)
            .await
            .map(drop)
    })?;
    Ok(())
}

/// Changes name and role.
///
/// # Errors
/// When the database fails.
pub async fn change(tx: &mut Tx, id: UserId, name: &str, role: Role) -> StoreResult<()> {
    within!(tx, |executor| {
        sqlx::query(CHANGE).bind(id.0).bind(name).bind(role.as_str()).execute(executor).await.map(drop)
    })?;
    Ok(())
}

/// Disables an account since then, or enables it.
///
/// # Errors
/// When the database fails.
pub async fn set_disabled(tx: &mut Tx, id: UserId, since: Option<Timestamp>) -> StoreResult<()> {
    within!(tx, |executor| {
        sqlx::query(SET_DISABLED).bind(id.0).bind(since.unwrap_or_default().0).execute(executor).await.map(drop)
    })?;
    Ok(())
}

/// Sets a password's hash.
///
/// # Errors
/// When the database fails.
pub async fn set_password(tx: &mut Tx, id: UserId, hash: &str, at: Timestamp) -> StoreResult<()> {
    within!(tx, |executor| {
        sqlx::query(SET_PASSWORD).bind(id.0).bind(hash).bind(at.0).execute(executor).await.map(drop)
    })?;
    Ok(())
}

/// Notes when somebody signed in.
///
/// # Errors
/// When the database fails.
pub async fn signed_in(tx: &mut Tx, id: UserId, at: Timestamp) -> StoreResult<()> {
    within!(tx, |executor| sqlx::query(SIGNED_IN).bind(id.0).bind(at.0).execute(executor).await.map(drop))?;
    Ok(())
}
