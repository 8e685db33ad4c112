//! Sessions: who is behind one, and ending them.

use crate::{Actor, Error, Fleet, Origin, Result, people::acting, secret};
use domain::{id::UserId, person::Permission, time::Timestamp};
use serde_json::json;

pub use store::session::SessionRow;

/// One of somebody's sessions, as they see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OwnSession {
    /// The hash of its cookie's value: good for ending it, not for taking it over.
    pub id: String,
    /// The network address that it was begun from.
    pub address: String,
    /// The browser, as it calls itself.
    pub user_agent: String,
    /// When it began.
    pub created_at: Timestamp,
    /// When it was last used, to the minute.
    pub last_seen_at: Timestamp,
    /// Whether it is the one in which the list is looked at.
    pub current: bool,
}

/// What the database knows a session by: who reads the database can't take a session over.
#[must_use]
pub fn session_hash(cookie_value: &str) -> String {
    secret::hash(cookie_value)
}

impl Fleet {
    /// An account as an actor, with the role that it has now; none when it is gone or disabled.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn actor_of_user(&self, id: UserId, origin: Origin) -> Result<Option<Actor>> {
        let found = store::user::by_id(self.db(), id).await?.map(|found| found.user);
        Ok(found.filter(|user| user.disabled_at.is_none()).map(|user| acting(&user, origin)))
    }

    /// Whoever is signed in by a session, with the role that they have now; none when it has ended, or the account is
    /// disabled.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn actor_of_session(&self, hash: &str, origin: Origin) -> Result<Option<Actor>> {
        let session = store::session::by_id(self.db(), hash).await?;
        match session.filter(|session| session.expires_at > self.now()).and_then(|session| session.user_id) {
            Some(user) => self.actor_of_user(user, origin).await,
            None => Ok(None),
        }
    }

    /// One's own sessions, the last used first. `current` is the hash of the session in which one looks.
    ///
    /// # Errors
    /// When nobody is signed in.
    pub async fn own_sessions(&self, actor: &Actor, current: Option<&str>) -> Result<Vec<OwnSession>> {
        actor.require(Permission::AccountManage)?;
        let Some(user) = actor.user_id() else { return Ok(Vec::new()) };
        let rows = store::session::of_user(self.db(), user, self.now()).await?;
        let own = rows.into_iter().map(|row| OwnSession {
            current: current == Some(row.id.as_str()),
            id: row.id,
            address: row.address,
            user_agent: row.user_agent,
            created_at: row.created_at,
            last_seen_at: row.last_seen_at,
        });
        Ok(own.collect())
    }

    /// Ends one of one's own sessions.
    ///
    /// # Errors
    /// When it isn't one of the actor's, or has ended.
    pub async fn end_session(&self, actor: &Actor, hash: &str) -> Result<()> {
        let user = self.person(actor, "session.end").await?;
        let subject = format!("user:{}", actor.name());
        let mut deed = self.allow(actor, Permission::AccountManage, &subject).await?;
        if !store::session::delete_one_of_user(&mut deed.tx, hash, user).await? {
            return Err(Error::Conflict("This session has ended already.".to_owned()));
        }
        deed.commit("session.end", &subject, &serde_json::Value::Null).await
    }

    /// Signs out everywhere: ends all of one's own sessions, but for the one whose hash is `keep`, if any. How many.
    ///
    /// # Errors
    /// When the actor is not a person.
    pub async fn sign_out_everywhere(&self, actor: &Actor, keep: Option<&str>) -> Result<u64> {
        let user = self.person(actor, "session.end_all").await?;
        let subject = format!("user:{}", actor.name());
        let mut deed = self.allow(actor, Permission::AccountManage, &subject).await?;
        let ended = store::session::delete_of_user(&mut deed.tx, user, keep.unwrap_or_default()).await?;
        deed.commit("session.end_all", &subject, &json!({ "sessions_ended": ended })).await?;
        Ok(ended)
    }
}
