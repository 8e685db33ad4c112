//! One-time links: the first start, choosing a password, signing in. Looking at a link uses nothing up.

use crate::{
    Actor, Error, Fleet, Origin, Result,
    factor::Entered,
    password,
    people::{acting, checked_email, checked_name, insert, no_user, subject_of},
    secret, throttle,
};
use domain::{
    audit::Outcome,
    factor::SignInBy,
    id::UserId,
    person::{Permission, Role},
    time::{DAY, Timestamp},
};
use serde_json::json;
use store::{Tx, link::Link, user::User};

pub use store::link::LinkPurpose;

/// How long the first start's link works.
const SET_UP: i64 = DAY;
/// How long a new account's link works.
pub(crate) const INVITATION: i64 = 7 * DAY;
/// How long a link to choose another password works.
const RESET: i64 = DAY;
/// How long a link to sign in works.
const SIGN_IN: i64 = 30 * DAY;

/// What a link that still works is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LinkView {
    /// What it is for.
    pub purpose: LinkPurpose,
    /// Whose it is; none for the first account's.
    pub user: Option<User>,
    /// When it ends.
    pub expires_at: Timestamp,
}

fn dead() -> Error {
    Error::Conflict(
        "This link does not work: it was used, has ended, or is not complete. Ask for a new one.".to_owned(),
    )
}

impl Fleet {
    /// Whether there are no accounts yet.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn set_up_needed(&self) -> Result<bool> {
        Ok(store::user::count(self.db()).await? == 0)
    }

    /// A one-time link that makes the first account; the one before is worth nothing from now on. Only for Muster
    /// itself, and only while there are no accounts.
    ///
    /// # Errors
    /// When the actor may not, or there are accounts.
    pub async fn set_up_link(&self, actor: &Actor) -> Result<String> {
        self.rule_only(actor, "link.set_up", "").await?;
        let token = secret::fresh()?;
        let mut deed = self.allow(actor, Permission::UserManage, "").await?;
        store::user::lock(&mut deed.tx).await?;
        refuse_second_set_up(&mut deed.tx).await?;
        store::link::revoke_of_purpose(&mut deed.tx, LinkPurpose::SetUp).await?;
        self.put_link(&mut deed.tx, &token, LinkPurpose::SetUp, None, SET_UP).await?;
        deed.commit("link.set_up", "", &json!({ "until": self.now().plus(SET_UP) })).await?;
        Ok(token)
    }

    /// Makes the first account, an administrator's, by its link.
    ///
    /// # Errors
    /// When the link does not work, a field is wrong, or somebody else was first.
    pub async fn set_up(&self, actor: &Actor, token: &str, name: &str, email: &str, password: &str) -> Result<User> {
        self.live(actor, token, LinkPurpose::SetUp).await?;
        let (email, name) = (checked_email(email)?, checked_name(name)?);
        password::check(password, &email)?;
        let hash = password::turn().await?.hash(password).await?;
        let user = self.fresh_user(email, name, Role::Admin, true);
        let who = acting(&user, origin(actor));
        let mut deed = self.allow(&who, Permission::UserManage, &subject_of(&user)).await?;
        store::user::lock(&mut deed.tx).await?;
        self.use_up(&mut deed.tx, token, LinkPurpose::SetUp).await?;
        refuse_second_set_up(&mut deed.tx).await?;
        insert(&mut deed.tx, &user, &hash).await?;
        let user = self.enter(&mut deed.tx, user.id).await?.ok_or_else(dead)?;
        deed.ring("people", &user.id.to_string()).await?;
        deed.commit("user.set_up", &subject_of(&user), &json!({"name": user.name, "role": user.role})).await?;
        Ok(user)
    }

    /// What a link is about, without using it up: for the page that asks whether to.
    ///
    /// # Errors
    /// [`Error::Conflict`] when it does not work.
    pub async fn link(&self, token: &str) -> Result<LinkView> {
        let link = store::link::peek(self.db(), &secret::hash(token), self.now()).await?.ok_or_else(dead)?;
        let user = match link.user_id {
            Some(id) => Some(self.owner(id).await?),
            None => None,
        };
        Ok(LinkView { purpose: link.purpose, user, expires_at: link.expires_at })
    }

    /// A one-time link by which somebody signs in without a password. Only for Muster itself (the demo): no person
    /// may act as another one.
    ///
    /// # Errors
    /// When the actor may not, or there is no such account.
    pub async fn sign_in_link(&self, actor: &Actor, id: UserId) -> Result<String> {
        self.rule_only(actor, "link.sign_in", &format!("user:{id}")).await?;
        let user = self.user(actor, id).await?;
        let token = secret::fresh()?;
        let mut deed = self.allow(actor, Permission::UserManage, &subject_of(&user)).await?;
        self.put_link(&mut deed.tx, &token, LinkPurpose::SignIn, Some(id), SIGN_IN).await?;
        deed.commit("link.sign_in", &subject_of(&user), &json!({ "until": self.now().plus(SIGN_IN) })).await?;
        Ok(token)
    }

    /// Signs somebody in by a link of [`Fleet::sign_in_link`], or half way where a second factor is asked. It works once.
    ///
    /// # Errors
    /// [`Error::Conflict`] when it does not work.
    pub async fn redeem_link(&self, actor: &Actor, token: &str) -> Result<Entered> {
        let owner = self.live(actor, token, LinkPurpose::SignIn).await?.ok_or_else(dead)?;
        self.refuse_elsewhere(&owner).await?;
        let (who, policy) = (acting(&owner, origin(actor)), self.second_factor_policy().await?);
        let mut deed = self.allow(&who, Permission::AccountManage, &subject_of(&owner)).await?;
        store::user::lock(&mut deed.tx).await?;
        self.use_up(&mut deed.tx, token, LinkPurpose::SignIn).await?;
        let entered = self.enter_by(&mut deed.tx, policy, owner.id, SignInBy::Link).await?;
        let (entered, action) = entered.ok_or_else(dead)?;
        deed.commit(action, &subject_of(&owner), &json!({"by": SignInBy::Link})).await?;
        Ok(entered)
    }

    /// Sets a password by a link of [`Fleet::add_user`] or [`Fleet::reset_link`], ends all sessions of the account,
    /// and lets its owner in, or half way where a second factor is asked: who has the link need not be who has the
    /// phone. The link works once.
    ///
    /// # Errors
    /// [`Error::Conflict`] when it does not work; [`Error::Invalid`] when the password isn't taken.
    pub async fn set_password(&self, actor: &Actor, token: &str, password: &str) -> Result<Entered> {
        let owner = self.live(actor, token, LinkPurpose::SetPassword).await?.ok_or_else(dead)?;
        self.refuse_elsewhere(&owner).await?;
        password::check(password, &owner.email)?;
        let hash = password::turn().await?.hash(password).await?;
        let (who, policy) = (acting(&owner, origin(actor)), self.second_factor_policy().await?);
        let mut deed = self.allow(&who, Permission::AccountManage, &subject_of(&owner)).await?;
        store::user::lock(&mut deed.tx).await?;
        self.use_up(&mut deed.tx, token, LinkPurpose::SetPassword).await?;
        self.put_password(&mut deed.tx, owner.id, &hash, "").await?;
        store::throttle::clear(&mut deed.tx, &throttle::account(&owner.email)).await?;
        let entered = self.enter_by(&mut deed.tx, policy, owner.id, SignInBy::Link).await?;
        let (entered, _) = entered.ok_or_else(dead)?;
        deed.ring("people", &owner.id.to_string()).await?;
        deed.commit("password.set", &subject_of(&owner), &json!({"by": "link"})).await?;
        Ok(entered)
    }

    /// A new one-time link to choose a password with; earlier ones are worth nothing from now on. Using it ends all
    /// of the account's sessions.
    ///
    /// # Errors
    /// When the actor may not, there is no such account, it is disabled, or its owner signs in at the provider.
    pub async fn reset_link(&self, actor: &Actor, id: UserId) -> Result<String> {
        self.authorise(actor, Permission::UserManage, &format!("user:{id}")).await?;
        self.require_fresh(actor).await?;
        let user = store::user::by_id(self.db(), id).await?.ok_or_else(|| no_user(id))?.user;
        if user.disabled_at.is_some() {
            return Err(Error::Conflict(format!("The account {} is disabled; enable it first.", user.email)));
        }
        self.refuse_elsewhere(&user).await?;
        self.password_link(actor, &user, RESET).await
    }

    pub(crate) async fn password_link(&self, actor: &Actor, user: &User, valid: i64) -> Result<String> {
        let subject = subject_of(user);
        let token = secret::fresh()?;
        let mut deed = self.allow(actor, Permission::UserManage, &subject).await?;
        store::user::lock(&mut deed.tx).await?;
        store::link::revoke_of_user(&mut deed.tx, user.id).await?;
        self.put_link(&mut deed.tx, &token, LinkPurpose::SetPassword, Some(user.id), valid).await?;
        deed.commit("link.set_password", &subject, &json!({ "until": self.now().plus(valid) })).await?;
        Ok(token)
    }

    async fn put_link(
        &self,
        tx: &mut Tx,
        token: &str,
        purpose: LinkPurpose,
        user_id: Option<UserId>,
        valid: i64,
    ) -> Result<()> {
        let now = self.now();
        let link = Link { purpose, user_id, expires_at: now.plus(valid) };
        Ok(store::link::insert(tx, &secret::hash(token), &link, now).await?)
    }

    /// The owner of a link that still works for this purpose. A link that once worked and is tried again may have
    /// been stolen, which is audited; one that never was is only a guess.
    async fn live(&self, actor: &Actor, token: &str, purpose: LinkPurpose) -> Result<Option<User>> {
        let hash = secret::hash(token);
        let link = store::link::peek(self.db(), &hash, self.now()).await?;
        if let Some(link) = link.filter(|link| link.purpose == purpose) {
            return match link.user_id {
                Some(id) => self.owner(id).await.map(Some),
                None => Ok(None),
            };
        }
        if let Some(old) = store::link::known(self.db(), &hash).await? {
            let owner = match old.user_id {
                Some(id) => store::user::by_id(self.db(), id).await?,
                None => None,
            };
            let subject = owner.map(|owner| subject_of(&owner.user)).unwrap_or_default();
            let detail = json!({ "link": old.purpose.as_str() }).to_string();
            self.audit_alone(actor, "link.redeem", &subject, Outcome::Failed, &detail).await?;
        }
        Err(dead())
    }

    async fn owner(&self, id: UserId) -> Result<User> {
        let owner = store::user::by_id(self.db(), id).await?.map(|owner| owner.user);
        owner.filter(|user| user.disabled_at.is_none()).ok_or_else(dead)
    }

    async fn use_up(&self, tx: &mut Tx, token: &str, purpose: LinkPurpose) -> Result<()> {
        let link = store::link::redeem(tx, &secret::hash(token), purpose, self.now()).await?;
        link.map(drop).ok_or_else(dead)
    }
}

fn origin(actor: &Actor) -> Origin {
    Origin { address: actor.address().to_owned() }
}

async fn refuse_second_set_up(tx: &mut Tx) -> Result<()> {
    if store::user::count_within(tx).await? == 0 {
        return Ok(());
    }
    Err(Error::Conflict("Muster is set up already. Sign in, or ask an administrator for an account.".to_owned()))
}
