//! Between the password and the second factor: whoever is half way in may do nothing but show it, or, where one must
//! be had and is not, set it up.

use super::{Confirmed, PendingApp, Site, app::detail_of, prove::Shown};
use crate::{
    Actor, Error, Fleet, Origin, Result,
    people::{acting, subject_of},
};
use domain::{
    factor::{HALF_WAY, SecondFactorPolicy, SignInBy},
    id::{FactorId, UserId},
    person::Permission,
    time::{MINUTE, Timestamp},
};
use serde::{Deserialize, Serialize};
use serde_json::json;
use store::{Tx, user::User};

/// Somebody who has given the right password, or followed a link, and not shown a second factor. The console keeps it
/// where its owner can't write.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HalfWay {
    /// The account.
    pub user: UserId,
    /// When the first step was taken.
    pub begun: Timestamp,
    /// How.
    pub by: SignInBy,
}

impl HalfWay {
    /// When it is worth nothing any more.
    #[must_use]
    pub const fn ends(&self) -> Timestamp {
        Timestamp(self.begun.0 + HALF_WAY)
    }
}

/// What a right password, or a link, leads to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Entered {
    /// In.
    In(User),
    /// To the second factor.
    HalfWay(HalfWay),
}

impl Entered {
    /// The account.
    #[must_use]
    pub const fn id(&self) -> UserId {
        match self {
            Self::In(user) => user.id,
            Self::HalfWay(half) => half.user,
        }
    }

    /// Whoever is in; none for somebody half way.
    #[must_use]
    pub fn inside(self) -> Option<User> {
        match self {
            Self::In(user) => Some(user),
            Self::HalfWay(_) => None,
        }
    }
}

/// What somebody half way in has to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NextStep {
    /// Show a second factor.
    Show,
    /// Set one up: nothing is begun yet.
    SetUp,
    /// Confirm the app that was begun.
    Confirm(PendingApp),
}

pub(super) fn start_over() -> Error {
    Error::Conflict("This took too long, or something changed meanwhile. Sign in again.".to_owned())
}

impl Fleet {
    /// Lets somebody in who has given the right password or followed a link, or half way in when a second factor is to
    /// be shown or set up, in the transaction in which what they gave is used up; and what that is called in the audit
    /// log. None when they were disabled a moment ago.
    pub(crate) async fn enter_by(
        &self,
        tx: &mut Tx,
        policy: SecondFactorPolicy,
        id: UserId,
        by: SignInBy,
    ) -> Result<Option<(Entered, &'static str)>> {
        let user = store::user::by_id_within(tx, id).await?.filter(|user| user.disabled_at.is_none());
        let Some(user) = user else { return Ok(None) };
        if policy.asks(user.role) || store::factor::has_any_within(tx, id).await? {
            let half = HalfWay { user: id, begun: self.now(), by };
            return Ok(Some((Entered::HalfWay(half), "sign_in.first")));
        }
        Ok(self.enter(tx, id).await?.map(|user| (Entered::In(user), "sign_in")))
    }

    pub(super) async fn half_way_user(&self, half: &HalfWay) -> Result<User> {
        let now = self.now();
        // The clock of the node that took the password may be a little ahead.
        if half.ends() <= now || half.begun > now.plus(MINUTE) {
            return Err(start_over());
        }
        let user = store::user::by_id(self.db(), half.user).await?.map(|found| found.user);
        let user = user.filter(|user| user.disabled_at.is_none()).ok_or_else(start_over)?;
        // Another password than the one that was given: whoever chose it did not give the old one.
        if user.password_changed_at.is_some_and(|at| at > half.begun) {
            return Err(start_over());
        }
        Ok(user)
    }

    /// Where somebody half way in stands, and whose account it is.
    ///
    /// # Errors
    /// [`Error::Conflict`] when they have to start over.
    pub async fn next_step(&self, half: &HalfWay) -> Result<(User, NextStep)> {
        let user = self.half_way_user(half).await?;
        if !self.factors(user.id).await?.is_empty() {
            return Ok((user, NextStep::Show));
        }
        let pending = self.pending_of(&user).await?;
        Ok((user, pending.map_or(NextStep::SetUp, NextStep::Confirm)))
    }

    /// The second step of signing in, by a code. The actor is nobody, with where they are.
    ///
    /// # Errors
    /// When the code is wrong (field `code`), there were too many tries, or they have to start over.
    pub async fn second_step(&self, actor: &Actor, half: &HalfWay, code: &str) -> Result<User> {
        let user = self.half_way_user(half).await?;
        let shown = self.show(actor, "sign_in.second", &user, code).await?;
        self.let_in(actor, half, &user, &shown).await
    }

    /// The second step of signing in, by a passkey.
    ///
    /// # Errors
    /// When it is not right (field `credential`), there were too many tries, or they have to start over.
    pub async fn second_step_by_passkey(
        &self,
        actor: &Actor,
        half: &HalfWay,
        site: Option<&Site>,
        credential: &str,
    ) -> Result<User> {
        let user = self.half_way_user(half).await?;
        let shown = self.shown_half_way(actor, &user, site, credential).await?;
        self.let_in(actor, half, &user, &shown).await
    }

    async fn let_in(&self, actor: &Actor, half: &HalfWay, user: &User, shown: &Shown) -> Result<User> {
        let (who, subject) = (acting(user, origin(actor)), subject_of(user));
        let detail = self.shown_detail(shown, json!(half.by)).await?;
        let mut deed = self.allow(&who, Permission::AccountManage, &subject).await?;
        store::user::lock(&mut deed.tx).await?;
        shown.settle(self, &mut deed.tx).await?;
        let user = self.enter(&mut deed.tx, user.id).await?.ok_or_else(start_over)?;
        deed.commit("sign_in", &subject, &detail).await?;
        Ok(user)
    }

    /// Begins an authenticator app for somebody half way in who must have one and has none.
    ///
    /// # Errors
    /// When they have one, or have to start over.
    pub async fn begin_app_half_way(&self, actor: &Actor, half: &HalfWay, name: &str) -> Result<FactorId> {
        let user = self.lacking(half).await?;
        self.put_pending(&acting(&user, origin(actor)), &user, name).await
    }

    /// Confirms it, and lets them in.
    ///
    /// # Errors
    /// When the code is wrong (field `code`), there were too many tries, or they have to start over.
    pub async fn confirm_app_half_way(&self, actor: &Actor, half: &HalfWay, code: &str) -> Result<(User, Confirmed)> {
        let user = self.lacking(half).await?;
        let (who, subject) = (acting(&user, origin(actor)), subject_of(&user));
        let (mut deed, confirmed) = self.confirm_pending(&who, &user, code, true).await?;
        let user = self.enter(&mut deed.tx, user.id).await?.ok_or_else(start_over)?;
        let (added, entered) = (detail_of(&confirmed), json!({"by": half.by, "second": "app"}));
        deed.commit_all(&[("factor.add", &subject, &added), ("sign_in", &subject, &entered)]).await?;
        Ok((user, confirmed))
    }

    /// Whoever has a second factor shows it: the password alone must not bring a second one in.
    async fn lacking(&self, half: &HalfWay) -> Result<User> {
        let user = self.half_way_user(half).await?;
        if store::factor::has_any(self.db(), user.id).await? { Err(start_over()) } else { Ok(user) }
    }
}

pub(super) fn origin(actor: &Actor) -> Origin {
    Origin { address: actor.address().to_owned() }
}
