//! One-time links. The database knows a link by the hash of its token.

use crate::{Db, StoreError, StoreResult, Tx};
use domain::{id::UserId, time::Timestamp};
use uuid::Uuid;

/// What a link is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LinkPurpose {
    /// Make the first account.
    SetUp,
    /// Sign in.
    SignIn,
    /// Choose a password, and sign in.
    SetPassword,
}

impl LinkPurpose {
    const ALL: [Self; 3] = [Self::SetUp, Self::SignIn, Self::SetPassword];

    /// The word that is stored.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::SetUp => "set_up",
            Self::SignIn => "sign_in",
            Self::SetPassword => "set_password",
        }
    }
}

/// A link that still works.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    /// What it is for.
    pub purpose: LinkPurpose,
    /// Whose it is; none for the first account's.
    pub user_id: Option<UserId>,
    /// When it ends.
    pub expires_at: Timestamp,
}

#[derive(sqlx::FromRow)]
struct Row {
    purpose: String,
    user_id: Option<Uuid>,
    expires_at: i64,
}

impl TryFrom<Row> for Link {
    type Error = StoreError;
    fn try_from(row: Row) -> StoreResult<Self> {
        let purpose = LinkPurpose::ALL.into_iter().find(|purpose| purpose.as_str() == row.purpose);
        Ok(Self {
            purpose: purpose.ok_or_else(|| StoreError::corrupt("one_time_link.purpose", "not a known word"))?,
            user_id: row.user_id.map(UserId),
            expires_at: Timestamp(row.expires_at),
        })
    }
}

queries! {
    INSERT = "INSERT INTO one_time_link (token_hash, purpose, user_id, created_at, expires_at) \
              VALUES ($1, $2, $3, $4, $5)";
    PEEK = "SELECT purpose, user_id, expires_at FROM one_time_link \
            WHERE token_hash = $1 AND used_at = 0 AND expires_at > $2";
    KNOWN = "SELECT purpose, user_id, expires_at FROM one_time_link WHERE token_hash = $1";
    // Of two who try at once, the second waits for the first, and then finds it used.
    REDEEM = "UPDATE one_time_link SET used_at = $3 \
              WHERE token_hash = $1 AND purpose = $2 AND used_at = 0 AND expires_at > $3 \
              RETURNING purpose, user_id, expires_at";
    REVOKE_OF_USER = "DELETE FROM one_time_link WHERE user_id = $1 AND used_at = 0";
    REVOKE_OF_PURPOSE = "DELETE FROM one_time_link WHERE purpose = $1 AND used_at = 0";
    FORGET = "DELETE FROM one_time_link WHERE expires_at < $1";
}

/// Enters a link.
///
/// # Errors
/// When the database fails.
pub async fn insert(tx: &mut Tx, token_hash: &str, link: &Link, now: Timestamp) -> StoreResult<()> {
    within!(tx, |executor| {
        sqlx::query(INSERT)
            .bind(token_hash)
            .bind(link.purpose.as_str())
            .bind(link.user_id.map(|id| id.0))
            .bind(now.0)
            .bind(link.expires_at.0)
            .execute(executor)
            .await
            .map(drop)
    })?;
    Ok(())
}

/// A link that still works, without using it.
///
/// # Errors
/// When the database fails.
pub async fn peek(db: &Db, token_hash: &str, now: Timestamp) -> StoreResult<Option<Link>> {
    let row: Option<Row> =
        read!(db, |pool| sqlx::query_as(PEEK).bind(token_hash).bind(now.0).fetch_optional(pool).await)?;
    row.map(TryInto::try_into).transpose()
}

/// A link that works, or did once.
///
/// # Errors
/// When the database fails.
pub async fn known(db: &Db, token_hash: &str) -> StoreResult<Option<Link>> {
    let row: Option<Row> = read!(db, |pool| sqlx::query_as(KNOWN).bind(token_hash).fetch_optional(pool).await)?;
    row.map(TryInto::try_into).transpose()
}

/// Uses a link up. None when it doesn't work, or not any more.
///
/// # Errors
/// When the database fails.
pub async fn redeem(tx: &mut Tx, token_hash: &str, purpose: LinkPurpose, now: Timestamp) -> StoreResult<Option<Link>> {
    let row: Option<Row> = within!(tx, |executor| {
        sqlx::query_as(REDEEM).bind(token_hash).bind(purpose.as_str()).bind(now.0).fetch_optional(executor).await
    })?;
    row.map(TryInto::try_into).transpose()
}

/// Makes an account's unused links worthless.
///
/// # Errors
/// When the database fails.
pub async fn revoke_of_user(tx: &mut Tx, user: UserId) -> StoreResult<()> {
    within!(tx, |executor| sqlx::query(REVOKE_OF_USER).bind(user.0).execute(executor).await.map(drop))?;
    Ok(())
}

/// Makes all unused links for a purpose worthless.
///
/// # Errors
/// When the database fails.
pub async fn revoke_of_purpose(tx: &mut Tx, purpose: LinkPurpose) -> StoreResult<()> {
    within!(tx, |executor| {
        sqlx::query(REVOKE_OF_PURPOSE).bind(purpose.as_str()).execute(executor).await.map(drop)
    })?;
    Ok(())
}

/// Forgets links that ended before then.
///
/// # Errors
/// When the database fails.
pub async fn forget(tx: &mut Tx, before: Timestamp) -> StoreResult<()> {
    within!(tx, |executor| sqlx::query(FORGET).bind(before.0).execute(executor).await.map(drop))?;
    Ok(())
}
