//! The account of somebody whom the provider knows: found by issuer and subject, made at the first sign-in, and given the role
//! that follows from their groups at each.

use super::{Provider, answer::Person};
use crate::{
    Actor, Fleet, Result,
    people::{checked_email, checked_name, subject_of},
    secret,
};
use domain::{
    id::UserId,
    person::{Permission, Role},
};
use serde_json::json;
use store::{StoreError, identity::Identity, user::User};

/// Who makes and changes accounts here, in the audit log.
pub(super) const PROVIDER: Actor = Actor::Rule { name: "provider" };

/// Why somebody has no account to come in by.
pub(super) enum Out {
    /// It is disabled.
    Disabled {
        /// Its address.
        email: String,
    },
    /// There is one of that address, which is not theirs.
    Taken(String),
}

impl Fleet {
    pub(super) async fn account_of(
        &self,
        provider: &Provider,
        person: &Person,
        role: Role,
    ) -> Result<std::result::Result<User, Out>> {
        let found = store::identity::by_subject(self.db(), provider.issuer(), &person.subject).await?;
        let user = match found {
            Some(identity) => store::user::by_id(self.db(), identity.user_id).await?.map(|found| found.user),
            None => match self.make_account(provider, person, role).await? {
                Ok(made) => return Ok(Ok(made)),
                // Somebody else's, unless the same person came twice at the same moment.
                Err(email) => match store::identity::by_subject(self.db(), provider.issuer(), &person.subject).await? {
                    Some(identity) => store::user::by_id(self.db(), identity.user_id).await?.map(|found| found.user),
                    None => return Ok(Err(Out::Taken(email))),
                },
            },
        };
        let Some(user) = user else { return Ok(Err(Out::Taken(String::new()))) };
        if user.disabled_at.is_some() {
            return Ok(Err(Out::Disabled { email: user.email }));
        }
        if user.role == role {
            return Ok(Ok(user));
        }
        Ok(Ok(self.give_role(user.id, role).await?.unwrap_or(user)))
    }

    /// Makes an account for somebody's first sign-in. The address when there is one of it already.
    async fn make_account(
        &self,
        provider: &Provider,
        person: &Person,
        role: Role,
    ) -> Result<std::result::Result<User, String>> {
        let email = address(provider, person)?;
        let name = person.name.as_deref().and_then(|name| checked_name(name).ok());
        let name = name.unwrap_or_else(|| email.split('@').next().unwrap_or_default().chars().take(100).collect());
        let user = self.fresh_user(email, name, role, false);
        let subject = subject_of(&user);
        let mut deed = self.allow(&PROVIDER, Permission::UserManage, &subject).await?;
        store::user::lock(&mut deed.tx).await?;
        let now = self.now();
        let identity = Identity {
            issuer: provider.issuer().to_owned(),
            subject: person.subject.clone(),
            user_id: user.id,
            linked_at: now,
            last_sign_in_at: None,
        };
        let entered = match store::user::insert(&mut deed.tx, &user, "").await {
            Ok(()) => store::identity::insert(&mut deed.tx, &identity).await,
            failed => failed,
        };
        match entered {
            Err(StoreError::Exists) => return Ok(Err(user.email)),
            other => other?,
        }
        deed.ring("people", &user.id.to_string()).await?;
        let detail =
            json!({"name": user.name, "role": user.role, "issuer": identity.issuer, "subject": identity.subject});
        deed.commit("user.add", &subject, &detail).await?;
        Ok(Ok(user))
    }

    /// Gives an account the role that its owner's groups have now. Sessions that were begun with another one end: what was shown in
    /// them may not be enough for this one.
    async fn give_role(&self, id: UserId, role: Role) -> Result<Option<User>> {
        let mut deed = self.allow(&PROVIDER, Permission::UserManage, &format!("user:{id}")).await?;
        store::user::lock(&mut deed.tx).await?;
        let Some(before) = store::user::by_id_within(&mut deed.tx, id).await? else { return Ok(None) };
        if before.role == role {
            return Ok(Some(before));
        }
        if before.role == Role::Admin && store::user::enabled_admins(&mut deed.tx).await? <= 1 {
            tracing::warn!(
                user = before.email,
                "the last administrator lost that role by their groups at the provider; `muster user add` makes another"
            );
        }
        store::user::change(&mut deed.tx, id, &before.name, role).await?;
        let ended = store::session::delete_of_user(&mut deed.tx, id, "").await?;
        let detail = json!({
            "before": {"name": before.name, "role": before.role},
            "after": {"name": before.name, "role": role},
            "sessions_ended": ended,
        });
        deed.ring("people", &id.to_string()).await?;
        deed.commit("user.change", &subject_of(&before), &detail).await?;
        Ok(Some(User { role, version: before.version + 1, ..before }))
    }
}

/// What the account is called: the address of its owner, or, where the provider says none, who they are there.
fn address(provider: &Provider, person: &Person) -> Result<String> {
    if let Some(email) = person.email.as_deref().and_then(|email| checked_email(email).ok()) {
        return Ok(email);
    }
    let host = provider.issuer.url().host_str().unwrap_or("provider").to_owned();
    let is_plain = |subject: &str| {
        subject.len() <= 64 && subject.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b))
    };
    let local = match person.subject.as_str() {
        subject if is_plain(subject) => subject.to_owned(),
        subject => secret::hash(subject).chars().take(32).collect(),
    };
    checked_email(&format!("{local}@{host}"))
}
