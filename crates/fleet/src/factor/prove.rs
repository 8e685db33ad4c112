//! Showing a second factor: a code of an app, a passkey, or a recovery code; and when it has to be shown again.

use super::{Site, app, passkey::Used, recovery};
use crate::{
    Actor, Error, Fleet, Result,
    people::{no_user, subject_of},
    secret,
    throttle::{Block, Subjects},
};
use domain::{
    factor::{RECOVERY_LENGTH, app_code, is_fresh, recovery_key},
    id::FactorId,
    person::Permission,
    time::{SECOND, Timestamp},
};
use serde_json::{Value, json};
use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};
use store::{Tx, factor::App, user::User};
use totp_rs::Totp;

/// For how long the same code in the same session is one click that came twice.
const SAME_CLICK: i64 = 10 * SECOND;

/// Codes that were taken within some seconds: a hash of whose it is, in which session, and of the code; and when. This node's alone,
/// for both clicks come over one connection.
pub(crate) type Clicks = Mutex<HashMap<String, Timestamp>>;

/// What was shown and is right.
enum Right {
    App { id: FactorId, step: i64 },
    Recovery { hash: String },
    Passkey(Used),
}

/// Somebody showed a second factor. The try still counts as failed, and the code is not used up, until it is settled.
pub(super) struct Shown {
    user: User,
    right: Right,
    subjects: Subjects,
}

impl Shown {
    /// Uses the code up and takes the counted try back, in the transaction that it leads to.
    pub(super) async fn settle(&self, fleet: &Fleet, tx: &mut Tx) -> Result<()> {
        let now = fleet.now();
        let is_first_use = match &self.right {
            Right::App { id, step } => store::factor::used(tx, *id, now, *step).await?,
            Right::Recovery { hash } => store::factor::use_code(tx, self.user.id, hash, now).await?,
            Right::Passkey(used) => {
                used.settle(fleet, tx).await?;
                true
            }
        };
        if !is_first_use {
            return Err(wrong_code());
        }
        self.subjects.forgive(tx, now).await
    }

    pub(super) const fn of_passkey(user: User, used: Used, subjects: Subjects) -> Self {
        Self { user, right: Right::Passkey(used), subjects }
    }

    /// What the audit log calls it.
    pub(super) const fn word(&self) -> &'static str {
        match self.right {
            Right::App { .. } => "app",
            Right::Recovery { .. } => "recovery code",
            Right::Passkey(_) => "passkey",
        }
    }
}

pub(super) fn wrong_code() -> Error {
    Error::field(
        "code",
        "This code is not right, or was used before. Wait for your app's next one, or use a recovery code.",
    )
}

impl Fleet {
    /// Refuses unless whoever acts has shown a second factor within the last ten minutes, if they have one. Programs and
    /// Muster itself have none.
    ///
    /// # Errors
    /// [`Error::ProveAgain`]; [`Error::Conflict`] when there is none and must be.
    pub(crate) async fn require_fresh(&self, actor: &Actor) -> Result<()> {
        let Actor::User { id, role, proved_at, .. } = actor else { return Ok(()) };
        if is_fresh(*proved_at, self.now()) {
            return Ok(());
        }
        // Whoever belongs to the provider can always be asked there.
        if store::factor::has_any(self.db(), *id).await? || self.provider_of(*id).await?.is_some() {
            return Err(Error::ProveAgain);
        }
        if self.second_factor_policy().await?.asks(*role) {
            return Err(Error::Conflict(
                "Your role must have a second factor for this, and you have none. Add one on your account's page."
                    .to_owned(),
            ));
        }
        Ok(())
    }

    /// Shows one's second factor again, by a code. When it was; it counts for ten minutes in this session, which is known by its
    /// hash. A second click within seconds brings the same code in the same session, and is answered as the first one.
    ///
    /// # Errors
    /// When the code is wrong (field `code`), or there were too many tries.
    pub async fn prove_again(&self, actor: &Actor, session: Option<&str>, code: &str) -> Result<Timestamp> {
        let user = self.acting_user(actor).await?;
        let click = session.map(|session| secret::hash(&format!("{} {session} {code}", user.id)));
        if let Some(at) = self.was_just_taken(click.as_ref()) {
            return Ok(at);
        }
        let shown = self.show(actor, "factor.prove", &user, code).await;
        let noted = match &shown {
            Ok(shown) => self.note_proof(actor, &user, shown, click.as_ref()).await,
            Err(_) => Err(wrong_code()),
        };
        match (noted, shown) {
            (Ok(at), _) => Ok(at),
            // The first click was faster than this one, and slower than the look above.
            (Err(Error::Invalid { fields }), shown) => match self.was_just_taken(click.as_ref()) {
                Some(at) => Ok(at),
                None => Err(shown.err().unwrap_or(Error::Invalid { fields })),
            },
            (Err(error), _) => Err(error),
        }
    }

    /// When this code was taken in this session, if that was a moment ago.
    fn was_just_taken(&self, click: Option<&String>) -> Option<Timestamp> {
        let taken = self.inner.clicks.lock().unwrap_or_else(PoisonError::into_inner);
        let at = taken.get(click?).copied()?;
        (at.plus(SAME_CLICK) > self.now()).then_some(at)
    }

    /// Remembers that it is taken.
    fn note_click(&self, click: Option<&String>, at: Timestamp) {
        let Some(click) = click else { return };
        let mut taken = self.inner.clicks.lock().unwrap_or_else(PoisonError::into_inner);
        taken.retain(|_, taken| taken.plus(SAME_CLICK) > at);
        taken.insert(click.clone(), at);
    }

    /// It was not taken after all.
    fn forget_click(&self, click: Option<&String>) {
        if let Some(click) = click {
            self.inner.clicks.lock().unwrap_or_else(PoisonError::into_inner).remove(click);
        }
    }

    /// Shows one's second factor again, by a passkey.
    ///
    /// # Errors
    /// When it is not right (field `credential`), or there were too many tries.
    pub async fn prove_by_passkey(&self, actor: &Actor, site: Option<&Site>, credential: &str) -> Result<Timestamp> {
        let user = self.acting_user(actor).await?;
        let shown = self.shown_again(actor, &user, site, credential).await?;
        self.note_proof(actor, &user, &shown, None).await
    }

    async fn acting_user(&self, actor: &Actor) -> Result<User> {
        let id = self.person(actor, "factor.prove").await?;
        Ok(store::user::by_id(self.db(), id).await?.ok_or_else(|| no_user(id))?.user)
    }

    async fn note_proof(&self, actor: &Actor, user: &User, shown: &Shown, click: Option<&String>) -> Result<Timestamp> {
        let detail = self.shown_detail(shown, Value::Null).await?;
        let mut deed = self.allow(actor, Permission::AccountManage, &subject_of(user)).await?;
        shown.settle(self, &mut deed.tx).await?;
        let at = self.now();
        // Before it is committed: as soon as the database refuses the second click, the first one is known here.
        self.note_click(click, at);
        let committed = deed.commit("factor.prove", &subject_of(user), &detail).await;
        if committed.is_err() {
            self.forget_click(click);
        }
        committed.map(|()| at)
    }

    /// What the audit log keeps of it; of recovery codes, how many there were before this one.
    pub(super) async fn shown_detail(&self, shown: &Shown, by: Value) -> Result<Value> {
        let mut detail = json!({"second": shown.word()});
        if !by.is_null() {
            detail["by"] = by;
        }
        if matches!(shown.right, Right::Recovery { .. }) {
            let before = store::factor::codes_left(self.db(), shown.user.id).await?;
            detail["codes_left"] = (before - 1).max(0).into();
        }
        Ok(detail)
    }

    /// Checks a code, counting and auditing the try.
    pub(super) async fn show(&self, actor: &Actor, action: &str, user: &User, code: &str) -> Result<Shown> {
        let subjects = Subjects::of_second_factor(&user.email, actor.address());
        self.refuse_blocked(&subjects).await?;
        let apps = self.readable(user, code).await?;
        let blocks = self.count_try(&subjects).await?;
        match self.right(user, &apps, code).await? {
            Some(right) => Ok(Shown { user: user.clone(), right, subjects }),
            None => {
                self.audit_failure(actor, action, &user.email, "wrong code", &blocks).await?;
                Err(wrong_code())
            }
        }
    }

    /// Counts a try before the code is looked at.
    pub(super) async fn count_second_try(&self, subjects: &Subjects) -> Result<Vec<Block>> {
        self.refuse_blocked(subjects).await?;
        self.count_try(subjects).await
    }

    /// The apps that can be asked whether a code is theirs. It is an error, and no try, where there are some and this node can read
    /// the secret of none: no code is right then, and none is wrong.
    async fn readable(&self, user: &User, typed: &str) -> Result<Vec<(App, Totp)>> {
        let (mut readable, mut unread) = (Vec::new(), None);
        if app_code(typed).is_none() {
            return Ok(readable);
        }
        for known in self.factors(user.id).await?.apps {
            match self.secret_of(&known).await {
                Ok(secret) => readable.push((known, app::reader(&secret, &user.email)?)),
                Err(error) => unread = Some(error),
            }
        }
        unread.filter(|_| readable.is_empty()).map_or(Ok(readable), Err)
    }

    /// All apps are asked, and each compares in a time that says nothing of the code.
    async fn right(&self, user: &User, apps: &[(App, Totp)], typed: &str) -> Result<Option<Right>> {
        if let Some(code) = app_code(typed) {
            let mut right = None;
            for (known, reader) in apps {
                let step = app::step_of(reader, &code, self.now()).filter(|step| *step > known.last_step);
                right = right.or(step.map(|step| Right::App { id: known.id, step }));
            }
            return Ok(right);
        }
        if recovery_key(typed).len() != RECOVERY_LENGTH {
            return Ok(None);
        }
        let hash = recovery::hash(typed);
        let works = store::factor::code_works(self.db(), user.id, &hash).await?;
        Ok(works.then_some(Right::Recovery { hash }))
    }
}
