//! Signing in by password.

use crate::{
    Actor, Error, Fleet, Origin, Result,
    factor::Entered,
    password,
    people::{acting, subject_of},
    throttle::{Block, Subjects},
};
use domain::{audit::Outcome, factor::SignInBy, id::UserId, person::Permission, time::SECOND};
use serde_json::json;
use store::{Tx, user::User};

/// Somebody gave the right password. The try still counts as failed until it is settled.
pub(crate) struct Proof {
    pub(crate) user: User,
    subjects: Subjects,
}

impl Proof {
    /// Takes the counted try back, in the transaction that the right password leads to.
    pub(crate) async fn settle(&self, fleet: &Fleet, tx: &mut Tx) -> Result<()> {
        self.subjects.forgive(tx, fleet.now()).await
    }
}

/// An address as accounts are known by; what can't be one becomes `?`, because it might be a password in the wrong
/// field, which must not stand in the audit log.
pub(crate) fn known_as(email: &str) -> String {
    let email = email.trim().to_lowercase();
    if email.contains('@') && email.len() <= 254 { email } else { "?".to_owned() }
}

fn wrong() -> Error {
    Error::field("", "Email or password is wrong.")
}

impl Fleet {
    /// Signs somebody in by password: in, or half way where a second factor is to be shown or set up. The actor is
    /// nobody, with where they are.
    ///
    /// Whether the account doesn't exist, is disabled, or has another password, can't be told from outside: neither
    /// by the answer nor by the time that it takes.
    ///
    /// # Errors
    /// [`Error::Invalid`], about no field in particular, when it is not right; [`Error::TooMany`] after too many tries.
    pub async fn sign_in(&self, actor: &Actor, email: &str, password: &str) -> Result<Entered> {
        let email = known_as(email);
        let proof = self.prove(actor, "sign_in", &email, password).await?.ok_or_else(wrong)?;
        if !self.comes_in_here(&proof.user).await? {
            // The password is right, so this tells nobody anything new.
            self.audit_failure(actor, "sign_in", &email, "signs in at the provider", &[]).await?;
            return Err(Error::field("", self.elsewhere()));
        }
        let subject = subject_of(&proof.user);
        let who = acting(&proof.user, Origin { address: actor.address().to_owned() });
        let policy = self.second_factor_policy().await?;
        let mut deed = self.allow(&who, Permission::AccountManage, &subject).await?;
        store::user::lock(&mut deed.tx).await?;
        let entered = self.enter_by(&mut deed.tx, policy, proof.user.id, SignInBy::Password).await?;
        let (entered, action) = entered.ok_or_else(wrong)?;
        proof.settle(self, &mut deed.tx).await?;
        deed.commit(action, &subject, &json!({"by": SignInBy::Password})).await?;
        Ok(entered)
    }

    /// Notes that somebody comes in, unless they were disabled a moment ago.
    pub(crate) async fn enter(&self, tx: &mut Tx, id: UserId) -> Result<Option<User>> {
        let user = store::user::by_id_within(tx, id).await?.filter(|user| user.disabled_at.is_none());
        if user.is_some() {
            store::user::signed_in(tx, id, self.now()).await?;
        }
        Ok(user)
    }

    /// Checks an account's password, counting and auditing the try. None when it is not right.
    pub(crate) async fn prove(
        &self,
        actor: &Actor,
        action: &str,
        email: &str,
        password: &str,
    ) -> Result<Option<Proof>> {
        let subjects = Subjects::of(email, actor.address());
        self.refuse_blocked(&subjects).await?;
        let turn = password::turn().await?;
        let blocks = self.count_try(&subjects).await?;
        let found = store::user::by_email(self.db(), email).await?;
        let hash = found.as_ref().map(|found| found.password_hash.as_str()).filter(|hash| !hash.is_empty());
        let right = turn.verify(password, hash).await?;
        let why = match found {
            Some(found) if right && found.user.disabled_at.is_none() => {
                return Ok(Some(Proof { user: found.user, subjects }));
            }
            Some(found) if right && found.user.disabled_at.is_some() => "disabled",
            Some(found) if !found.user.has_password => "no password set",
            Some(_) => "wrong password",
            None => "no such account",
        };
        self.audit_failure(actor, action, email, why, &blocks).await?;
        Ok(None)
    }

    pub(crate) async fn audit_failure(
        &self,
        actor: &Actor,
        action: &str,
        email: &str,
        why: &str,
        blocks: &[Block],
    ) -> Result<()> {
        let detail = json!({ "why": why }).to_string();
        self.audit_alone(actor, action, &format!("user:{email}"), Outcome::Failed, &detail).await?;
        self.audit_blocks(actor, blocks).await
    }

    /// Audits the blocks that a try began which turned out wrong.
    pub(crate) async fn audit_blocks(&self, actor: &Actor, blocks: &[Block]) -> Result<()> {
        for block in blocks {
            let detail = json!({ "seconds": block.span / SECOND }).to_string();
            self.audit_alone(actor, "sign_in.block", &block.subject, Outcome::Denied, &detail).await?;
        }
        Ok(())
    }

    /// Notes that somebody signs out. Ending the session is the console's part, which has its cookie.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn sign_out(&self, actor: &Actor) -> Result<()> {
        if actor.user_id().is_none() {
            return Ok(());
        }
        let subject = format!("user:{}", actor.name());
        let deed = self.allow(actor, Permission::AccountManage, &subject).await?;
        deed.commit("sign_out", &subject, &serde_json::Value::Null).await
    }
}
