//! Accounts that belong to somebody at a provider of identities (OpenID Connect), and who is away there.

use crate::{Db, StoreResult, Tx, user::some_time};
use domain::{id::UserId, time::Timestamp};
use uuid::Uuid;

/// Whose an account is at a provider.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// The provider, as its tokens name it (claim `iss`).
    pub issuer: String,
    /// Who somebody is there, for good (claim `sub`).
    pub subject: String,
    /// The account.
    pub user_id: UserId,
    /// Since when they belong together.
    pub linked_at: Timestamp,
    /// When somebody last came in by it.
    pub last_sign_in_at: Option<Timestamp>,
}

#[derive(sqlx::FromRow)]
struct Row {
    issuer: String,
    subject: String,
    user_id: Uuid,
    linked_at: i64,
    last_sign_in_at: i64,
}

impl From<Row> for Identity {
    fn from(row: Row) -> Self {
        Self {
            issuer: row.issuer,
            subject: row.subject,
            user_id: UserId(row.user_id),
            linked_at: Timestamp(row.linked_at),
            last_sign_in_at: some_time(row.last_sign_in_at),
        }
    }
}

queries! {
    ALL = "SELECT issuer, subject, user_id, linked_at, last_sign_in_at FROM linked_identity ORDER BY issuer, subject";
    BY_SUBJECT = "SELECT issuer, subject, user_id, linked_at, last_sign_in_at FROM linked_identity \
                  WHERE issuer = $1 AND subject = $2";
    OF_USER = "SELECT issuer, subject, user_id, linked_at, last_sign_in_at FROM linked_identity WHERE user_id = $1";
    INSERT = "INSERT INTO linked_identity (issuer, subject, user_id, linked_at) VALUES ($1, $2, $3, $4)";
    SIGNED_IN = "UPDATE linked_identity SET last_sign_in_at = $2 WHERE user_id = $1";
    DELETE = "DELETE FROM linked_identity WHERE user_id = $1";
    PUT_REQUEST = "INSERT INTO identity_request (state, browser, data, expires_at) VALUES ($1, $2, $3, $4)";
    TAKE_REQUEST = "DELETE FROM identity_request WHERE state = $1 AND browser = $2 AND expires_at > $3 RETURNING data";
    FORGET = "DELETE FROM identity_request WHERE expires_at <= $1";
}

/// All of them.
///
/// # Errors
/// When the database fails.
pub async fn all(db: &Db) -> StoreResult<Vec<Identity>> {
    let rows: Vec<Row> = read!(db, |pool| sqlx::query_as(ALL).fetch_all(pool).await)?;
    Ok(rows.into_iter().map(Into::into).collect())
}

/// The one of somebody at a provider.
///
/// # Errors
/// When the database fails.
pub async fn by_subject(db: &Db, issuer: &str, subject: &str) -> StoreResult<Option<Identity>> {
    let row: Option<Row> =
        read!(db, |pool| sqlx::query_as(BY_SUBJECT).bind(issuer).bind(subject).fetch_optional(pool).await)?;
    Ok(row.map(Into::into))
}

/// The same, as the transaction sees it.
///
/// # Errors
/// When the database fails.
pub async fn by_subject_within(tx: &mut Tx, issuer: &str, subject: &str) -> StoreResult<Option<Identity>> {
    let row: Option<Row> = within!(tx, |executor| {
        sqlx::query_as(BY_SUBJECT).bind(issuer).bind(subject).fetch_optional(executor).await
    })?;
    Ok(row.map(Into::into))
}

/// The one of an account.
///
/// # Errors
/// When the database fails.
pub async fn of_user(db: &Db, user: UserId) -> StoreResult<Option<Identity>> {
    let row: Option<Row> = read!(db, |pool| sqlx::query_as(OF_USER).bind(user.0).fetch_optional(pool).await)?;
    Ok(row.map(Into::into))
}

/// The same, as the transaction sees it.
///
/// # Errors
/// When the database fails.
pub async fn of_user_within(tx: &mut Tx, user: UserId) -> StoreResult<Option<Identity>> {
    let row: Option<Row> = within!(tx, |executor| sqlx::query_as(OF_USER).bind(user.0).fetch_optional(executor).await)?;
    Ok(row.map(Into::into))
}

/// Enters one.
///
/// # Errors
/// [`crate::StoreError::Exists`] when the account has one, or whoever it is has an account.
pub async fn insert(tx: &mut Tx, identity: &Identity) -> StoreResult<()> {
    within!(tx, |executor| {
        sqlx::query(INSERT)
            .bind(&identity.issuer)
            .bind(&identity.subject)
            .bind(identity.user_id.0)
            .bind(identity.linked_at.0)
            .execute(executor)
            .await
            .map(drop)
    })?;
    Ok(())
}

/// Notes when somebody came in by it.
///
/// # Errors
/// When the database fails.
pub async fn signed_in(tx: &mut Tx, user: UserId, at: Timestamp) -> StoreResult<()> {
    within!(tx, |executor| sqlx::query(SIGNED_IN).bind(user.0).bind(at.0).execute(executor).await.map(drop))?;
    Ok(())
}

/// Takes the one of an account away.
///
/// # Errors
/// When the database fails.
pub async fn delete(tx: &mut Tx, user: UserId) -> StoreResult<()> {
    within!(tx, |executor| sqlx::query(DELETE).bind(user.0).execute(executor).await.map(drop))?;
    Ok(())
}

/// Keeps what somebody's answer from the provider is held against, by the hashes of its state and of the browser's cookie.
///
/// # Errors
/// When the database fails.
pub async fn put_request(
    tx: &mut Tx,
    state: &str,
    browser: &str,
    data: &str,
    expires_at: Timestamp,
) -> StoreResult<()> {
    within!(tx, |executor| {
        sqlx::query(PUT_REQUEST)
            .bind(state)
            .bind(browser)
            .bind(data)
            .bind(expires_at.0)
            .execute(executor)
            .await
            .map(drop)
    })?;
    Ok(())
}

/// Takes it, for the browser that began it and before it has ended: nobody takes it a second time.
///
/// # Errors
/// When the database fails.
pub async fn take_request(tx: &mut Tx, state: &str, browser: &str, now: Timestamp) -> StoreResult<Option<String>> {
    Ok(within!(tx, |executor| {
        sqlx::query_scalar(TAKE_REQUEST).bind(state).bind(browser).bind(now.0).fetch_optional(executor).await
    })?)
}

/// Forgets what has ended.
///
/// # Errors
/// When the database fails.
pub async fn forget(tx: &mut Tx, now: Timestamp) -> StoreResult<()> {
    within!(tx, |executor| sqlx::query(FORGET).bind(now.0).execute(executor).await.map(drop))?;
    Ok(())
}
