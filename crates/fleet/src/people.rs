//! Accounts: who may sign in, and as what.

use crate::{Actor, Error, Fleet, Origin, Result, link::INVITATION, password, sign_in::known_as, throttle};
use domain::{
    audit::Outcome,
    id::UserId,
    person::{Permission, Role},
};
use serde_json::json;
use store::{StoreError, Tx};
use uuid::Uuid;

pub use store::user::User;

/// A new account, as a form gives it.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Deserialize)]
pub struct UserForm {
    /// The address to sign in with.
    #[serde(default)]
    pub email: String,
    /// The person's name.
    #[serde(default)]
    pub name: String,
    /// The role's word.
    #[serde(default)]
    pub role: String,
}

/// A change to an account, as a form gives it.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Deserialize)]
pub struct UserChange {
    /// The person's name.
    #[serde(default)]
    pub name: String,
    /// The role's word.
    #[serde(default)]
    pub role: String,
    /// The version of the account that the form showed.
    #[serde(default)]
    pub version: i64,
}

/// A new account, and what lets its owner in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewUser {
    /// The account.
    pub user: User,
    /// The token of a one-time link to choose a password. It is kept nowhere: show it now.
    pub link: String,
}

/// What disabling an account did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Disabled {
    /// The account.
    pub user: User,
    /// How many sessions it ended.
    pub sessions_ended: u64,
    /// How many API tokens that this person made still work: they belong to programs, and are revoked by themselves.
    pub tokens_left: i64,
}

/// An account as an actor.
pub(crate) fn acting(user: &User, origin: Origin) -> Actor {
    let (email, name) = (user.email.clone(), user.name.clone());
    Actor::User { id: user.id, email, name, role: user.role, proved_at: None, origin }
}

/// An account as audit entries name it.
pub(crate) fn subject_of(user: &User) -> String {
    format!("user:{}", user.email)
}

pub(crate) fn no_user(id: UserId) -> Error {
    Error::not_found("user", &id.to_string())
}

pub(crate) fn checked_name(name: &str) -> Result<String> {
    let name = name.trim();
    let fits = (1..=100).contains(&name.chars().count()) && !name.chars().any(char::is_control);
    if fits { Ok(name.to_owned()) } else { Err(Error::field("name", "Give a name of 1 to 100 characters.")) }
}

pub(crate) fn checked_email(email: &str) -> Result<String> {
    let email = known_as(email);
    let plain = !email.chars().any(|c| c.is_whitespace() || c.is_control());
    match email.split_once('@') {
        Some((local, host)) if plain && !local.is_empty() && !host.is_empty() && !host.contains('@') => Ok(email),
        _ => Err(Error::field("email", "Give an email address, like name@company.example.")),
    }
}

pub(crate) fn checked_role(role: &str) -> Result<Role> {
    role.parse().map_err(|_| Error::field("role", "Choose one of the roles."))
}

fn checked(form: &UserForm) -> Result<(String, String, Role)> {
    Ok((checked_email(&form.email)?, checked_name(&form.name)?, checked_role(&form.role)?))
}

/// One who could still let others in must remain.
async fn spare_last_admin(tx: &mut Tx, user: &User) -> Result<()> {
    if user.role == Role::Admin && user.disabled_at.is_none() && store::user::enabled_admins(tx).await? <= 1 {
        return Err(Error::Conflict(
            "This is the only administrator who can sign in. Make somebody else an administrator first.".to_owned(),
        ));
    }
    Ok(())
}

impl Fleet {
    /// All accounts, by name.
    ///
    /// # Errors
    /// When the actor may not see people.
    pub async fn users(&self, actor: &Actor) -> Result<Vec<User>> {
        actor.require(Permission::PeopleRead)?;
        let mut users = store::user::all(self.db()).await?;
        users.sort_by_cached_key(|user| user.name.to_lowercase());
        Ok(users)
    }

    /// An account. One's own everybody may see.
    ///
    /// # Errors
    /// When the actor may not see people, or there is no such account.
    pub async fn user(&self, actor: &Actor, id: UserId) -> Result<User> {
        if actor.user_id() != Some(id) {
            actor.require(Permission::PeopleRead)?;
        }
        Ok(store::user::by_id(self.db(), id).await?.ok_or_else(|| no_user(id))?.user)
    }

    /// An account by its address.
    ///
    /// # Errors
    /// When the actor may not see people, or there is no such account.
    pub async fn user_by_email(&self, actor: &Actor, email: &str) -> Result<User> {
        actor.require(Permission::PeopleRead)?;
        let found = store::user::by_email(self.db(), &known_as(email)).await?;
        Ok(found.ok_or_else(|| Error::not_found("user", email))?.user)
    }

    /// Makes an account, and a one-time link by which its owner chooses a password.
    ///
    /// # Errors
    /// When the actor may not, a field is wrong, or the address is taken.
    pub async fn add_user(&self, actor: &Actor, form: &UserForm) -> Result<NewUser> {
        self.authorise(actor, Permission::UserManage, &format!("user:{}", known_as(&form.email))).await?;
        self.require_fresh(actor).await?;
        self.may_be_added(checked(form)?.2)?;
        let user = self.insert_user(actor, form, "").await?;
        let link = self.password_link(actor, &user, INVITATION).await?;
        Ok(NewUser { user, link })
    }

    /// Makes an account with a password that is known beforehand. Only for Muster itself (the demo): no person may
    /// know another one's password.
    ///
    /// # Errors
    /// When the actor may not, a field is wrong, or the address is taken.
    pub async fn add_user_with_password(&self, actor: &Actor, form: &UserForm, password: &str) -> Result<User> {
        self.rule_only(actor, "user.add", &format!("user:{}", known_as(&form.email))).await?;
        password::check(password, &known_as(&form.email))?;
        let hash = password::turn().await?.hash(password).await?;
        self.insert_user(actor, form, &hash).await
    }

    async fn insert_user(&self, actor: &Actor, form: &UserForm, hash: &str) -> Result<User> {
        let (email, name, role) = checked(form)?;
        let user = self.fresh_user(email, name, role, !hash.is_empty());
        let subject = subject_of(&user);
        let mut deed = self.allow(actor, Permission::UserManage, &subject).await?;
        store::user::lock(&mut deed.tx).await?;
        insert(&mut deed.tx, &user, hash).await?;
        deed.ring("people", &user.id.to_string()).await?;
        deed.commit("user.add", &subject, &json!({"name": user.name, "role": user.role})).await?;
        Ok(user)
    }

    pub(crate) fn fresh_user(&self, email: String, name: String, role: Role, has_password: bool) -> User {
        let now = self.now();
        User {
            id: UserId(Uuid::now_v7()),
            email,
            name,
            role,
            has_password,
            created_at: now,
            password_changed_at: has_password.then_some(now),
            last_sign_in_at: None,
            disabled_at: None,
            version: 1,
        }
    }

    /// Changes an account's name and role. The role holds from the next request on; sessions end where it must have a
    /// second factor and there is none.
    ///
    /// # Errors
    /// When the actor may not, a field is wrong, the account was changed since the form was shown, or nobody would be
    /// left who can manage people.
    pub async fn change_user(&self, actor: &Actor, id: UserId, change: &UserChange) -> Result<User> {
        self.authorise(actor, Permission::UserManage, &format!("user:{id}")).await?;
        self.require_fresh(actor).await?;
        let mut deed = self.allow(actor, Permission::UserManage, &format!("user:{id}")).await?;
        let (name, role) = (checked_name(&change.name)?, checked_role(&change.role)?);
        let policy = self.second_factor_policy().await?;
        store::user::lock(&mut deed.tx).await?;
        let before = store::user::by_id_within(&mut deed.tx, id).await?.ok_or_else(|| no_user(id))?;
        if before.version != change.version {
            return Err(changed_meanwhile(&before, &name, role));
        }
        if role != before.role {
            if let Some(provider) = self.provider_of(id).await? {
                let told = format!("The role follows from their groups at {}. Change it there.", provider.label());
                return Err(Error::field("role", told));
            }
            spare_last_admin(&mut deed.tx, &before).await?;
        }
        store::user::change(&mut deed.tx, id, &name, role).await?;
        if policy.asks(role) && !store::factor::has_any_within(&mut deed.tx, id).await? {
            // They are led to setting one up at their next sign-in.
            store::session::delete_of_user(&mut deed.tx, id, "").await?;
        }
        let detail = json!({
            "before": {"name": before.name, "role": before.role},
            "after": {"name": name, "role": role},
        });
        deed.ring("people", &id.to_string()).await?;
        deed.commit("user.change", &subject_of(&before), &detail).await?;
        Ok(User { name, role, version: before.version + 1, ..before })
    }

    /// Disables an account: its sessions end at once and its links are worth nothing.
    ///
    /// # Errors
    /// When the actor may not, it is the actor's own account, the last administrator's, or disabled already.
    pub async fn disable_user(&self, actor: &Actor, id: UserId) -> Result<Disabled> {
        let mut deed = self.allow(actor, Permission::UserManage, &format!("user:{id}")).await?;
        if actor.user_id() == Some(id) {
            return Err(Error::Conflict("You can't disable your own account; ask another administrator.".to_owned()));
        }
        store::user::lock(&mut deed.tx).await?;
        let user = store::user::by_id_within(&mut deed.tx, id).await?.ok_or_else(|| no_user(id))?;
        if user.disabled_at.is_some() {
            return Err(Error::Conflict(format!("The account {} is disabled already.", user.email)));
        }
        spare_last_admin(&mut deed.tx, &user).await?;
        let now = self.now();
        store::user::set_disabled(&mut deed.tx, id, Some(now)).await?;
        let sessions_ended = store::session::delete_of_user(&mut deed.tx, id, "").await?;
        store::link::revoke_of_user(&mut deed.tx, id).await?;
        let tokens_left = store::token::live_of(&mut deed.tx, &user.email, now).await?;
        deed.ring("people", &id.to_string()).await?;
        deed.commit("user.disable", &subject_of(&user), &json!({ "sessions_ended": sessions_ended })).await?;
        let user = User { disabled_at: Some(now), version: user.version + 1, ..user };
        Ok(Disabled { user, sessions_ended, tokens_left })
    }

    /// Enables a disabled account; the old password is right again.
    ///
    /// # Errors
    /// When the actor may not, or it isn't disabled.
    pub async fn enable_user(&self, actor: &Actor, id: UserId) -> Result<User> {
        self.authorise(actor, Permission::UserManage, &format!("user:{id}")).await?;
        self.require_fresh(actor).await?;
        let mut deed = self.allow(actor, Permission::UserManage, &format!("user:{id}")).await?;
        store::user::lock(&mut deed.tx).await?;
        let user = store::user::by_id_within(&mut deed.tx, id).await?.ok_or_else(|| no_user(id))?;
        if user.disabled_at.is_none() {
            return Err(Error::Conflict(format!("The account {} is not disabled.", user.email)));
        }
        store::user::set_disabled(&mut deed.tx, id, None).await?;
        store::throttle::clear(&mut deed.tx, &throttle::account(&user.email)).await?;
        deed.ring("people", &id.to_string()).await?;
        deed.commit("user.enable", &subject_of(&user), &serde_json::Value::Null).await?;
        Ok(User { disabled_at: None, version: user.version + 1, ..user })
    }

    /// Changes one's own password and ends one's other sessions: all but the one whose hash is `keep`.
    ///
    /// # Errors
    /// When the present password is wrong (field `present`) or the new one isn't taken (field `password`).
    pub async fn change_password(&self, actor: &Actor, present: &str, new: &str, keep: Option<&str>) -> Result<u64> {
        let id = self.person(actor, "password.change").await?;
        let owner = store::user::by_id(self.db(), id).await?.ok_or_else(|| no_user(id))?.user;
        self.refuse_elsewhere(&owner).await?;
        let email = owner.email;
        password::check(new, &email)?;
        if present == new {
            return Err(Error::field("password", "Choose a password that is not the present one."));
        }
        let proof = self.prove(actor, "password.change", &email, present).await?;
        let proof = proof.ok_or_else(|| Error::field("present", "This is not your present password."))?;
        let hash = password::turn().await?.hash(new).await?;
        let mut deed = self.allow(actor, Permission::AccountManage, &subject_of(&proof.user)).await?;
        store::user::lock(&mut deed.tx).await?;
        proof.settle(self, &mut deed.tx).await?;
        let ended = self.put_password(&mut deed.tx, id, &hash, keep.unwrap_or_default()).await?;
        deed.ring("people", &id.to_string()).await?;
        deed.commit("password.change", &subject_of(&proof.user), &json!({ "sessions_ended": ended })).await?;
        Ok(ended)
    }

    /// A new password, after which no session but one and no link goes on.
    pub(crate) async fn put_password(&self, tx: &mut Tx, id: UserId, hash: &str, keep: &str) -> Result<u64> {
        store::user::set_password(tx, id, hash, self.now()).await?;
        store::link::revoke_of_user(tx, id).await?;
        Ok(store::session::delete_of_user(tx, id, keep).await?)
    }

    /// Refuses, and audits it, unless the actor may. For what must be known before a transaction is worth beginning.
    pub(crate) async fn authorise(&self, actor: &Actor, permission: Permission, subject: &str) -> Result<()> {
        if actor.may(permission) {
            return Ok(());
        }
        self.allow(actor, permission, subject).await.map(drop)
    }

    /// Refuses everybody but Muster itself.
    pub(crate) async fn rule_only(&self, actor: &Actor, action: &str, subject: &str) -> Result<()> {
        if matches!(actor, Actor::Rule { .. }) {
            return Ok(());
        }
        self.audit_alone(actor, action, subject, Outcome::Denied, "").await?;
        Err(match actor {
            Actor::Nobody { .. } => Error::NotSignedIn,
            _ => Error::Forbidden { permission: Permission::UserManage },
        })
    }

    /// The person who acts. Programs have no password, no sessions and no views.
    pub(crate) async fn person(&self, actor: &Actor, action: &str) -> Result<UserId> {
        self.authorise(actor, Permission::AccountManage, "").await?;
        match actor.user_id() {
            Some(id) => Ok(id),
            None => {
                self.audit_alone(actor, action, "", Outcome::Denied, "").await?;
                Err(Error::Forbidden { permission: Permission::AccountManage })
            }
        }
    }
}

pub(crate) async fn insert(tx: &mut Tx, user: &User, hash: &str) -> Result<()> {
    match store::user::insert(tx, user, hash).await {
        Err(StoreError::Exists) => Err(Error::field("email", format!("There is already an account {}.", user.email))),
        other => Ok(other?),
    }
}

fn changed_meanwhile(now: &User, name: &str, role: Role) -> Error {
    Error::Conflict(format!(
        "Somebody changed this account since you opened it. It now has the name “{}” and the role {}; you wanted “{name}” \
         and {}. Look at it again, and repeat what is still needed.",
        now.name,
        now.role.label(),
        role.label(),
    ))
}
