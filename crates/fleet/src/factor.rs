//! Second factors: authenticator apps (RFC 6238), passkeys (WebAuthn) and recovery codes, who must have one, and when it is
//! asked for again.

mod app;
mod half_way;
mod passkey;
mod policy;
mod prove;
mod recovery;

pub use app::{Confirmed, PendingApp};
pub use half_way::{Entered, HalfWay, NextStep};
pub use passkey::Site;
pub(crate) use prove::Clicks;
pub use store::{factor::App, passkey::Passkey};

use crate::{
    Actor, Error, Fleet, Result,
    people::{no_user, subject_of},
    throttle,
};
use domain::{
    id::{FactorId, UserId},
    person::Permission,
};
use serde_json::json;
use store::{Tx, user::User};

/// What somebody can show beside a password.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Factors {
    /// Authenticator apps, the oldest first.
    pub apps: Vec<App>,
    /// Passkeys, the oldest first.
    pub passkeys: Vec<Passkey>,
    /// How many recovery codes are left.
    pub codes_left: i64,
}

impl Factors {
    /// Whether there is none that counts.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.apps.is_empty() && self.passkeys.is_empty()
    }
}

/// What taking somebody's second factors away did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reset {
    /// Whose they were.
    pub user: User,
    /// How many there were.
    pub removed: u64,
    /// How many sessions it ended.
    pub sessions_ended: u64,
}

impl Fleet {
    async fn factors(&self, user: UserId) -> Result<Factors> {
        let mut apps = store::factor::of_user(self.db(), user).await?;
        apps.retain(|app| app.confirmed_at.is_some());
        let passkeys = store::passkey::of_user(self.db(), user).await?;
        Ok(Factors { apps, passkeys, codes_left: store::factor::codes_left(self.db(), user).await? })
    }

    /// Somebody's second factors. One's own everybody may see.
    ///
    /// # Errors
    /// When the actor may not see people.
    pub async fn factors_of(&self, actor: &Actor, user: UserId) -> Result<Factors> {
        if actor.user_id() != Some(user) {
            actor.require(Permission::PeopleRead)?;
        }
        self.factors(user).await
    }

    /// Removes one of one's own second factors. With the last one the recovery codes go. What it was called.
    ///
    /// # Errors
    /// When the second factor has to be shown again, there is no such one, or one has to remain.
    pub async fn remove_factor(&self, actor: &Actor, id: FactorId) -> Result<String> {
        let owner = self.person(actor, "factor.remove").await?;
        self.require_fresh(actor).await?;
        let policy = self.second_factor_policy().await?;
        let subject = format!("user:{}", actor.name());
        let mut deed = self.allow(actor, Permission::AccountManage, &subject).await?;
        store::user::lock(&mut deed.tx).await?;
        let (kind, name) = named(&mut deed.tx, owner, id).await?;
        let is_last = store::factor::number_within(&mut deed.tx, owner).await? == 1;
        if is_last && actor.role().is_some_and(|role| policy.asks(role)) {
            return Err(Error::Conflict(
                "Your role must have a second factor, and this is your only one. Add another before you remove it."
                    .to_owned(),
            ));
        }
        if kind == "app" {
            store::factor::delete(&mut deed.tx, id, owner).await?;
        } else {
            store::passkey::delete(&mut deed.tx, id, owner).await?;
        }
        if is_last {
            store::factor::delete_codes(&mut deed.tx, owner).await?;
        }
        deed.ring("people", &owner.to_string()).await?;
        deed.commit("factor.remove", &subject, &json!({"kind": kind, "name": name})).await?;
        Ok(name)
    }

    /// Takes all second factors of somebody away, for a lost phone, and ends their sessions. Never one's own: whoever
    /// got hold of an administrator's session would be rid of what keeps them out.
    ///
    /// # Errors
    /// When the actor may not or has to show a second factor again, it is their own account, or there is none.
    pub async fn reset_factors(&self, actor: &Actor, id: UserId) -> Result<Reset> {
        self.authorise(actor, Permission::UserManage, &format!("user:{id}")).await?;
        if actor.user_id() == Some(id) {
            return Err(Error::Conflict(
                "You can't reset your own second factors: use a recovery code, or ask another administrator."
                    .to_owned(),
            ));
        }
        self.require_fresh(actor).await?;
        let mut deed = self.allow(actor, Permission::UserManage, &format!("user:{id}")).await?;
        store::user::lock(&mut deed.tx).await?;
        let user = store::user::by_id_within(&mut deed.tx, id).await?.ok_or_else(|| no_user(id))?;
        if !store::factor::has_any_within(&mut deed.tx, id).await? {
            return Err(Error::Conflict(format!("{} has no second factor.", user.email)));
        }
        let removed = store::factor::delete_all(&mut deed.tx, id).await?;
        let sessions_ended = store::session::delete_of_user(&mut deed.tx, id, "").await?;
        store::throttle::clear(&mut deed.tx, &throttle::second_factor(&user.email)).await?;
        deed.ring("people", &id.to_string()).await?;
        let detail = json!({"removed": removed, "sessions_ended": sessions_ended});
        deed.commit("factor.reset", &subject_of(&user), &detail).await?;
        Ok(Reset { user, removed, sessions_ended })
    }
}

/// What kind of second factor an id is, and what its owner calls it.
async fn named(tx: &mut Tx, owner: UserId, id: FactorId) -> Result<(&'static str, String)> {
    let apps = store::factor::of_user_within(tx, owner).await?;
    if let Some(app) = apps.into_iter().find(|app| app.id == id && app.confirmed_at.is_some()) {
        return Ok(("app", app.name));
    }
    let passkeys = store::passkey::of_user_within(tx, owner).await?;
    let found = passkeys.into_iter().find(|passkey| passkey.id == id);
    let missing = || Error::not_found("second factor", &id.to_string());
    found.map(|passkey| ("passkey", passkey.name)).ok_or_else(missing)
}
