//! API tokens: programs that act with a role of their own.

use crate::{
    Actor, Error, Fleet, Origin, Result,
    people::{checked_name, checked_role},
    secret,
};
use domain::{
    id::TokenId,
    person::Permission,
    time::{DAY, MINUTE, Timestamp},
};
use serde_json::json;
use tokio::sync::Semaphore;
use uuid::Uuid;

pub use store::token::ApiToken;

/// The longest life of a token, in days.
pub const LONGEST_DAYS: i64 = 365;
/// What every token begins with, so that people and secret scanners know one when they see it.
const PREFIX: &str = "muster_";
/// How stale "last used" may be: a program that asks a hundred times a second must not write as often.
const USED_EVERY: i64 = MINUTE;

/// One note of use at a time: should the database be busy, requests don't pile up behind something so unimportant.
static NOTING: Semaphore = Semaphore::const_new(1);

/// A new token, as a form gives it.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Deserialize)]
pub struct TokenForm {
    /// What people call it.
    #[serde(default)]
    pub name: String,
    /// The role's word.
    #[serde(default)]
    pub role: String,
    /// How long it works, in days.
    #[serde(default)]
    pub days: i64,
}

/// A new token, and its secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewToken {
    /// The token.
    pub token: ApiToken,
    /// What the program sends. It is kept nowhere: show it now.
    pub secret: String,
}

impl Fleet {
    /// All tokens, newest first, also those that don't work any more.
    ///
    /// # Errors
    /// When the actor may not see people.
    pub async fn tokens(&self, actor: &Actor) -> Result<Vec<ApiToken>> {
        actor.require(Permission::PeopleRead)?;
        Ok(store::token::all(self.db()).await?)
    }

    /// Makes a token. It may have any role, an administrator's too: then whoever holds it can manage people, so give
    /// a program the least role that does.
    ///
    /// # Errors
    /// When the actor may not or has to show a second factor again, or a field is wrong.
    pub async fn add_token(&self, actor: &Actor, form: &TokenForm) -> Result<NewToken> {
        self.authorise(actor, Permission::TokenManage, &form.name).await?;
        self.require_fresh(actor).await?;
        let mut deed = self.allow(actor, Permission::TokenManage, &form.name).await?;
        let (name, role) = (checked_name(&form.name)?, checked_role(&form.role)?);
        if !(1..=LONGEST_DAYS).contains(&form.days) {
            return Err(Error::field("days", format!("Choose how long it works: 1 to {LONGEST_DAYS} days.")));
        }
        let now = self.now();
        let secret = format!("{PREFIX}{}", secret::fresh()?);
        let token = ApiToken {
            id: TokenId(Uuid::now_v7()),
            name,
            role,
            created_by: actor.name().to_owned(),
            created_at: now,
            expires_at: now.plus(form.days * DAY),
            last_used_at: None,
            revoked_at: None,
        };
        store::token::insert(&mut deed.tx, &token, &secret::hash(&secret)).await?;
        deed.ring("people", &token.id.to_string()).await?;
        let detail = json!({"name": token.name, "role": token.role, "until": token.expires_at});
        deed.commit("token.add", &format!("token:{}", token.id), &detail).await?;
        Ok(NewToken { token, secret })
    }

    /// Revokes a token for good, from the next request on.
    ///
    /// # Errors
    /// When the actor may not, there is no such token, or it is revoked already.
    pub async fn revoke_token(&self, actor: &Actor, id: TokenId) -> Result<ApiToken> {
        let subject = format!("token:{id}");
        let mut deed = self.allow(actor, Permission::TokenManage, &subject).await?;
        let missing = || Error::not_found("token", &id.to_string());
        let token = store::token::by_id_within(&mut deed.tx, id).await?.ok_or_else(missing)?;
        if token.revoked_at.is_some() {
            return Err(Error::Conflict(format!("The token “{}” is revoked already.", token.name)));
        }
        let now = self.now();
        store::token::revoke(&mut deed.tx, id, now).await?;
        deed.ring("people", &id.to_string()).await?;
        deed.commit("token.revoke", &subject, &json!({ "name": token.name })).await?;
        Ok(ApiToken { revoked_at: Some(now), ..token })
    }

    /// The program behind a token; none when it is unknown, has ended, or was revoked.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn actor_of_token(&self, secret: &str, origin: Origin) -> Result<Option<Actor>> {
        // What can't be a token is not worth a look-up.
        if secret.len() != PREFIX.len() + secret::LENGTH || !secret.starts_with(PREFIX) {
            return Ok(None);
        }
        let now = self.now();
        let found = store::token::by_hash(self.db(), &secret::hash(secret)).await?;
        let Some(token) = found.filter(|token| token.works(now)) else { return Ok(None) };
        if token.last_used_at.is_none_or(|used| now.0 - used.0 >= USED_EVERY) {
            self.note_use(token.id, now);
        }
        Ok(Some(Actor::Token { id: token.id, name: token.name, role: token.role, origin }))
    }

    /// Notes the use beside the request, which must not wait for a writer. Whoever comes next notes it otherwise.
    fn note_use(&self, id: TokenId, now: Timestamp) {
        let Ok(permit) = NOTING.try_acquire() else { return };
        let db = self.db().clone();
        tokio::spawn(async move {
            let _permit = permit;
            let noted = async {
                let mut tx = db.begin().await?;
                store::token::used(&mut tx, id, now).await?;
                tx.commit().await
            };
            if let Err(error) = noted.await {
                tracing::debug!(%error, "the use of a token was not noted");
            }
        });
    }
}
