//! Passkeys, and the challenges that wait for one.

use crate::{Db, StoreResult, Tx, user::some_time};
use domain::{
    id::{FactorId, UserId},
    time::Timestamp,
};
use uuid::Uuid;

/// A passkey of a person: a public key that an authenticator holds the private one of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Passkey {
    /// Its id.
    pub id: FactorId,
    /// Whose it is.
    pub user_id: UserId,
    /// What its owner calls it.
    pub name: String,
    /// The authenticator's id of it, in base64url.
    pub credential: String,
    /// The host name that it is bound to.
    pub site: String,
    /// The public key, encoded.
    pub key: Vec<u8>,
    /// What changes with each use, encoded: the authenticator's counter among it.
    pub state: Vec<u8>,
    /// When it was added.
    pub created_at: Timestamp,
    /// When it was last used.
    pub last_used_at: Option<Timestamp>,
}

#[derive(sqlx::FromRow)]
struct Row {
    id: Uuid,
    user_id: Uuid,
    name: String,
    credential: String,
    site: String,
    public_key: Vec<u8>,
    state: Vec<u8>,
    created_at: i64,
    last_used_at: i64,
}

impl From<Row> for Passkey {
    fn from(row: Row) -> Self {
        Self {
            id: FactorId(row.id),
            user_id: UserId(row.user_id),
            name: row.name,
            credential: row.credential,
            site: row.site,
            key: row.public_key,
            state: row.state,
            created_at: Timestamp(row.created_at),
            last_used_at: some_time(row.last_used_at),
        }
    }
}

queries! {
    OF_USER = "SELECT id, user_id, name, credential, site, public_key, state, created_at, last_used_at FROM passkey \
               WHERE user_id = $1 ORDER BY created_at, id";
    BY_CREDENTIAL = "SELECT id, user_id, name, credential, site, public_key, state, created_at, last_used_at \
                     FROM passkey WHERE credential = $1";
    INSERT = "INSERT INTO passkey (id, user_id, name, credential, site, public_key, state, created_at, last_used_at) \
              VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 0)";
    // Of two that follow from the same state one is late, and might be a copy.
    USED = "UPDATE passkey SET state = $3, last_used_at = $4 WHERE id = $1 AND state = $2";
    RENAME = "UPDATE passkey SET name = $3 WHERE id = $1 AND user_id = $2";
    DELETE = "DELETE FROM passkey WHERE id = $1 AND user_id = $2";
    DELETE_ALL = "DELETE FROM passkey WHERE user_id = $1";
    PUT_CHALLENGE = "INSERT INTO passkey_challenge (challenge, purpose, state, expires_at) VALUES ($1, $2, $3, $4)";
    TAKE_CHALLENGE = "DELETE FROM passkey_challenge WHERE challenge = $1 AND purpose = $2 AND expires_at > $3 \
                      RETURNING state";
    FORGET = "DELETE FROM passkey_challenge WHERE expires_at <= $1";
}

/// A person's passkeys, the oldest first.
///
/// # Errors
/// When the database fails.
pub async fn of_user(db: &Db, user: UserId) -> StoreResult<Vec<Passkey>> {
    let rows: Vec<Row> = read!(db, |pool| sqlx::query_as(OF_USER).bind(user.0).fetch_all(pool).await)?;
    Ok(rows.into_iter().map(Into::into).collect())
}

/// The same, as the transaction sees them.
///
/// # Errors
/// When the database fails.
pub async fn of_user_within(tx: &mut Tx, user: UserId) -> StoreResult<Vec<Passkey>> {
    let rows: Vec<Row> = within!(tx, |executor| sqlx::query_as(OF_USER).bind(user.0).fetch_all(executor).await)?;
    Ok(rows.into_iter().map(Into::into).collect())
}

/// A passkey by the authenticator's id of it.
///
/// # Errors
/// When the database fails.
pub async fn by_credential(db: &Db, credential: &str) -> StoreResult<Option<Passkey>> {
    let row: Option<Row> = read!(db, |pool| sqlx::query_as(BY_CREDENTIAL).bind(credential).fetch_optional(pool).await)?;
    Ok(row.map(Into::into))
}

/// Enters a passkey.
///
/// # Errors
/// [`crate::StoreError::Exists`] when there is one by this credential.
pub async fn insert(tx: &mut Tx, passkey: &Passkey) -> StoreResult<()> {
    within!(tx, |executor| {
        sqlx::query(INSERT)
            .bind(passkey.id.0)
            .bind(passkey.user_id.0)
            .bind(&passkey.name)
            .bind(&passkey.credential)
            .bind(&passkey.site)
            .bind(&passkey.key)
            .bind(&passkey.state)
            .bind(passkey.created_at.0)
            .execute(executor)
            .await
            .map(drop)
    })?;
    Ok(())
}

/// A passkey was used, after which its state is another. Whether nobody else used it meanwhile.
///
/// # Errors
/// When the database fails.
pub async fn used(tx: &mut Tx, passkey: &Passkey, state: &[u8], at: Timestamp) -> StoreResult<bool> {
    let done = within!(tx, |executor| {
        sqlx::query(USED)
            .bind(passkey.id.0)
            .bind(&passkey.state)
            .bind(state)
            .bind(at.0)
            .execute(executor)
            .await
            .map(|done| done.rows_affected())
    })?;
    Ok(done > 0)
}

/// Renames a person's passkey. Whether it was there.
///
/// # Errors
/// When the database fails.
pub async fn rename(tx: &mut Tx, id: FactorId, user: UserId, name: &str) -> StoreResult<bool> {
    let done = within!(tx, |executor| {
        sqlx::query(RENAME).bind(id.0).bind(user.0).bind(name).execute(executor).await.map(|done| done.rows_affected())
    })?;
    Ok(done > 0)
}

/// Removes a person's passkey. Whether it was there.
///
/// # Errors
/// When the database fails.
pub async fn delete(tx: &mut Tx, id: FactorId, user: UserId) -> StoreResult<bool> {
    let done = within!(tx, |executor| {
        sqlx::query(DELETE).bind(id.0).bind(user.0).execute(executor).await.map(|done| done.rows_affected())
    })?;
    Ok(done > 0)
}

/// Removes all passkeys of a person. How many.
///
/// # Errors
/// When the database fails.
pub async fn delete_all(tx: &mut Tx, user: UserId) -> StoreResult<u64> {
    Ok(within!(tx, |executor| {
        sqlx::query(DELETE_ALL).bind(user.0).execute(executor).await.map(|done| done.rows_affected())
    })?)
}

/// Keeps a challenge, by its hash, with what it was made for.
///
/// # Errors
/// When the database fails.
pub async fn put_challenge(
    tx: &mut Tx,
    challenge: &str,
    purpose: &str,
    state: &[u8],
    expires_at: Timestamp,
) -> StoreResult<()> {
    within!(tx, |executor| {
        sqlx::query(PUT_CHALLENGE)
            .bind(challenge)
            .bind(purpose)
            .bind(state)
            .bind(expires_at.0)
            .execute(executor)
            .await
            .map(drop)
    })?;
    Ok(())
}

/// Takes a challenge that was made for this and has not ended: nobody takes it a second time.
///
/// # Errors
/// When the database fails.
pub async fn take_challenge(
    tx: &mut Tx,
    challenge: &str,
    purpose: &str,
    now: Timestamp,
) -> StoreResult<Option<Vec<u8>>> {
    Ok(within!(tx, |executor| {
        sqlx::query_scalar(TAKE_CHALLENGE).bind(challenge).bind(purpose).bind(now.0).fetch_optional(executor).await
    })?)
}

/// Forgets challenges that have ended.
///
/// # Errors
/// When the database fails.
pub async fn forget(tx: &mut Tx, now: Timestamp) -> StoreResult<()> {
    within!(tx, |executor| sqlx::query(FORGET).bind(now.0).execute(executor).await.map(drop))?;
    Ok(())
}
