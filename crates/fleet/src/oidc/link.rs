//! Which accounts belong to whom at the provider: to be seen, and to be tied and untied by administrators. An account is never
//! tied by its address alone: whoever could choose an address there would have the account.

use super::{Identity, answer::LONGEST_SUBJECT, begin::no_provider};
use crate::{
    Actor, Error, Fleet, Result,
    people::{no_user, subject_of},
};
use domain::{id::UserId, person::Permission};
use serde_json::json;
use store::{StoreError, user::User};

impl Fleet {
    /// Whose accounts are at a provider.
    ///
    /// # Errors
    /// When the actor may not see people.
    pub async fn identities(&self, actor: &Actor) -> Result<Vec<Identity>> {
        actor.require(Permission::PeopleRead)?;
        Ok(store::identity::all(self.db()).await?)
    }

    /// Whose an account is at a provider. One's own everybody may see.
    ///
    /// # Errors
    /// When the actor may not see people.
    pub async fn identity_of(&self, actor: &Actor, user: UserId) -> Result<Option<Identity>> {
        if actor.user_id() != Some(user) {
            actor.require(Permission::PeopleRead)?;
        }
        Ok(store::identity::of_user(self.db(), user).await?)
    }

    /// Ties an account to somebody at the provider, by the subject that stands in the audit entry of their refused sign-in.
    ///
    /// # Errors
    /// When the actor may not or has to show a second factor again, the subject can't be one (field `subject`), or either is tied.
    pub async fn link_identity(&self, actor: &Actor, id: UserId, subject: &str) -> Result<User> {
        self.authorise(actor, Permission::UserManage, &format!("user:{id}")).await?;
        self.require_fresh(actor).await?;
        let provider = self.provider().ok_or_else(no_provider)?;
        let subject = subject.trim();
        if subject.is_empty() || subject.chars().count() > LONGEST_SUBJECT || subject.chars().any(char::is_control) {
            let told = format!("Give the subject, of 1 to {LONGEST_SUBJECT} characters.");
            return Err(Error::field("subject", told));
        }
        let mut deed = self.allow(actor, Permission::UserManage, &format!("user:{id}")).await?;
        store::user::lock(&mut deed.tx).await?;
        let user = store::user::by_id_within(&mut deed.tx, id).await?.ok_or_else(|| no_user(id))?;
        if store::identity::of_user_within(&mut deed.tx, id).await?.is_some() {
            return Err(Error::Conflict(format!("The account {} is linked already. Unlink it first.", user.email)));
        }
        let identity = Identity {
            issuer: provider.issuer().to_owned(),
            subject: subject.to_owned(),
            user_id: id,
            linked_at: self.now(),
            last_sign_in_at: None,
        };
        match store::identity::insert(&mut deed.tx, &identity).await {
            Err(StoreError::Exists) => {
                return Err(Error::field("subject", "Another account is linked with this subject."));
            }
            other => other?,
        }
        deed.ring("people", &id.to_string()).await?;
        let detail = json!({"issuer": identity.issuer, "subject": identity.subject});
        deed.commit("user.link", &subject_of(&user), &detail).await?;
        Ok(user)
    }

    /// Unties an account from whoever it belonged to at the provider, and ends its sessions.
    ///
    /// # Errors
    /// When the actor may not or has to show a second factor again, or it is not tied.
    pub async fn unlink_identity(&self, actor: &Actor, id: UserId) -> Result<User> {
        self.authorise(actor, Permission::UserManage, &format!("user:{id}")).await?;
        self.require_fresh(actor).await?;
        let mut deed = self.allow(actor, Permission::UserManage, &format!("user:{id}")).await?;
        store::user::lock(&mut deed.tx).await?;
        let user = store::user::by_id_within(&mut deed.tx, id).await?.ok_or_else(|| no_user(id))?;
        let identity = store::identity::of_user_within(&mut deed.tx, id).await?;
        let Some(identity) = identity else {
            return Err(Error::Conflict(format!("The account {} is not linked.", user.email)));
        };
        store::identity::delete(&mut deed.tx, id).await?;
        let ended = store::session::delete_of_user(&mut deed.tx, id, "").await?;
        deed.ring("people", &id.to_string()).await?;
        let detail = json!({"issuer": identity.issuer, "subject": identity.subject, "sessions_ended": ended});
        deed.commit("user.unlink", &subject_of(&user), &detail).await?;
        Ok(user)
    }
}
