//! Somebody comes back from the provider: what they bring is held against what was kept of them, and they are in, half way in, or
//! have shown anew who they are.

use super::{
    Provider,
    account::{Out, PROVIDER},
    answer::Person,
    begin::{Request, no_provider},
};
use crate::{
    Actor, Error, Fleet, Origin, Result,
    factor::Entered,
    people::{acting, subject_of},
    secret,
    sign_in::known_as,
};
use domain::{
    audit::Outcome,
    factor::SignInBy,
    id::UserId,
    oidc::{SKEW, SKEW_AGAIN, role_of},
    person::Permission,
    time::Timestamp,
};
use serde_json::{Value, json};
use store::user::User;

/// How many groups of somebody who is refused are written down.
const GROUPS_KEPT: usize = 30;

/// What the provider sent somebody back with (OAuth 2.0, section 4.1.2; RFC 9207); empty where there was nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Returned {
    /// What is exchanged for the tokens.
    pub code: String,
    /// Who says that it is the provider.
    pub iss: String,
    /// Why there is no code.
    pub error: String,
}

/// Somebody who was away at the provider, in the browser in which they left.
#[derive(Clone, Debug)]
pub struct Awaited(Request);

impl Awaited {
    /// Where they want to go on.
    #[must_use]
    pub fn next(&self) -> &str {
        &self.0.next
    }

    /// Whether they were to show anew who they are.
    #[must_use]
    pub const fn is_again(&self) -> bool {
        self.0.again.is_some()
    }
}

/// What came of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Arrived {
    /// In, or half way in.
    In {
        /// Who.
        entered: Entered,
        /// When they showed what counts as a second factor, if they did.
        proved_at: Option<Timestamp>,
    },
    /// They showed anew who they are: then.
    Again(Timestamp),
}

fn not_taken(provider: &Provider) -> Error {
    Error::field(
        "",
        format!(
            "What {} said of you was not accepted. Try again; if it stays so, an administrator finds in the audit log why.",
            provider.label()
        ),
    )
}

impl Fleet {
    /// Takes what was kept of somebody who left to the provider, by the state that they bring and the cookie of their browser.
    /// Nobody takes it a second time.
    ///
    /// # Errors
    /// When there is nothing: another browser, too late, or used.
    pub async fn back_from_provider(&self, browser: Option<&str>, state: &str) -> Result<Awaited> {
        let gone = || {
            Error::field(
                "",
                "This sign-in was begun in another browser, took longer than ten minutes, or was used already. Begin again.",
            )
        };
        let browser = browser.ok_or_else(gone)?;
        let (state, browser) = (secret::hash(state), secret::hash(browser));
        let mut tx = self.db().begin().await?;
        let data = store::identity::take_request(&mut tx, &state, &browser, self.now()).await?;
        tx.commit().await?;
        serde_json::from_str(&data.ok_or_else(gone)?).map(Awaited).map_err(Error::internal)
    }

    /// Lets somebody in whom the provider sent back, or notes that they showed anew who they are. The actor is whoever's session
    /// it is.
    ///
    /// # Errors
    /// [`Error::Invalid`], about no field in particular, when they are not let in; [`Error::Away`] when the provider does not answer.
    pub async fn arrive(&self, actor: &Actor, awaited: &Awaited, returned: &Returned) -> Result<Arrived> {
        let provider = self.provider().ok_or_else(no_provider)?;
        let now = self.now();
        let request = &awaited.0;
        self.check_return(actor, &provider, request, returned).await?;
        let person = match provider.person(request, &returned.code, now).await? {
            Ok(person) => person,
            Err(refusal) => {
                tracing::warn!(
                    issuer = provider.issuer(),
                    why = refusal.why,
                    "what the provider said of somebody was not taken"
                );
                self.note_return(actor, request, "", Outcome::Failed, json!({"why": refusal.why})).await?;
                let away = format!("{} gave no answer: {}. Try again in a moment.", provider.label(), refusal.why);
                return Err(if refusal.is_away { Error::Away(away) } else { not_taken(&provider) });
            }
        };
        match request.again {
            Some(user) => self.shown_there(actor, &provider, request, user, &person).await,
            None => self.let_in_by(actor, &provider, request, &person).await,
        }
    }

    /// What can be said before anything is exchanged: that it is our provider who answers, and that it gave a code.
    async fn check_return(
        &self,
        actor: &Actor,
        provider: &Provider,
        request: &Request,
        returned: &Returned,
    ) -> Result<()> {
        let names_itself = provider
            .known(self.now())
            .await?
            .metadata
            .additional_metadata()
            .authorization_response_iss_parameter_supported;
        let is_other = if returned.iss.is_empty() { names_itself } else { returned.iss != provider.issuer() };
        if is_other {
            let why = "the answer is another provider's (iss)";
            self.note_return(actor, request, "", Outcome::Failed, json!({"why": why})).await?;
            return Err(not_taken(provider));
        }
        if !returned.code.is_empty() && returned.error.is_empty() {
            return Ok(());
        }
        let plain = returned.error.bytes().all(|b| b.is_ascii_lowercase() || b == b'_');
        let error = Some(returned.error.as_str()).filter(|error| plain && (1..=60).contains(&error.len()));
        let error = error.unwrap_or("no code");
        self.note_return(actor, request, "", Outcome::Failed, json!({"why": format!("the provider said: {error}")}))
            .await?;
        let label = provider.label();
        Err(Error::field(
            "",
            match error {
                "access_denied" => format!("The sign-in at {label} was left, or refused there."),
                _ => format!("{label} did not sign you in ({error}). Try again."),
            },
        ))
    }

    /// Writes down why somebody is not let in.
    async fn note_return(
        &self,
        actor: &Actor,
        request: &Request,
        subject: &str,
        outcome: Outcome,
        detail: Value,
    ) -> Result<()> {
        let action = if request.again.is_some() { "factor.prove" } else { "sign_in" };
        let mut detail = detail;
        detail["by"] = json!(SignInBy::Provider);
        self.audit_alone(actor, action, subject, outcome, &detail.to_string()).await
    }

    async fn let_in_by(
        &self,
        actor: &Actor,
        provider: &Provider,
        request: &Request,
        person: &Person,
    ) -> Result<Arrived> {
        let groups = person.groups.as_deref().unwrap_or_default();
        let Some(role) = role_of(&provider.settings.groups, groups) else {
            return Err(self.refuse_roleless(actor, provider, request, person).await?);
        };
        let user = match self.account_of(provider, person, role).await? {
            Ok(user) => user,
            Err(out) => return Err(self.refuse_out(actor, provider, request, person, out).await?),
        };
        let (who, subject) = (acting(&user, Origin { address: actor.address().to_owned() }), subject_of(&user));
        let policy = self.second_factor_policy().await?;
        let mut deed = self.allow(&who, Permission::AccountManage, &subject).await?;
        store::user::lock(&mut deed.tx).await?;
        let identity = store::identity::by_subject_within(&mut deed.tx, provider.issuer(), &person.subject).await?;
        if identity.is_none_or(|identity| identity.user_id != user.id) {
            return Err(not_taken(provider));
        }
        store::identity::signed_in(&mut deed.tx, user.id, self.now()).await?;
        // What was shown there counts, or else what is asked of everybody here.
        let entered = if person.second {
            self.enter(&mut deed.tx, user.id).await?.map(|user| (Entered::In(user), "sign_in"))
        } else {
            self.enter_by(&mut deed.tx, policy, user.id, SignInBy::Provider).await?
        };
        let (entered, action) = entered.ok_or_else(|| not_taken(provider))?;
        let mut detail = json!({"by": SignInBy::Provider, "subject": person.subject, "role": role});
        if person.second {
            detail["second"] = json!(SignInBy::Provider);
        }
        deed.commit(action, &subject, &detail).await?;
        // Unless it says when, it may have been long ago.
        let proved_at = person.second.then(|| person.shown_at.unwrap_or_default().min(self.now()));
        Ok(Arrived::In { entered, proved_at })
    }

    /// Ends what was begun with a role that somebody has no more, as the provider just said.
    async fn end_sessions_of(&self, provider: &Provider, subject: &str) -> Result<()> {
        let Some(theirs) = store::identity::by_subject(self.db(), provider.issuer(), subject).await? else {
            return Ok(());
        };
        let id = theirs.user_id;
        let mut deed = self.allow(&PROVIDER, Permission::UserManage, &format!("user:{id}")).await?;
        store::user::lock(&mut deed.tx).await?;
        let Some(user) = store::user::by_id_within(&mut deed.tx, id).await? else { return Ok(()) };
        let ended = store::session::delete_of_user(&mut deed.tx, id, "").await?;
        if ended == 0 {
            return Ok(());
        }
        deed.ring("people", &id.to_string()).await?;
        let detail = json!({"why": "no group has a role", "sessions_ended": ended});
        deed.commit("user.sign_out", &subject_of(&user), &detail).await
    }

    async fn refuse_roleless(
        &self,
        actor: &Actor,
        provider: &Provider,
        request: &Request,
        person: &Person,
    ) -> Result<Error> {
        let claim = &provider.settings.groups_claim;
        if person.groups.is_some() {
            self.end_sessions_of(provider, &person.subject).await?;
        }
        let (why, text) = match &person.groups {
            Some(groups) => {
                let groups: Vec<_> = groups.iter().take(GROUPS_KEPT).collect();
                let text =
                    "none of your groups there has a role here. Ask an administrator to give one of them a role.";
                (json!({"why": "no group has a role", "groups": groups}), text)
            }
            None => {
                let text =
                    "says nothing of your groups, by which roles are given. An administrator has to set that up.";
                (json!({"why": format!("the provider says nothing of groups (claim {claim})")}), text)
            }
        };
        let mut detail = why;
        detail["subject"] = json!(person.subject);
        self.note_return(actor, request, &named(person), Outcome::Denied, detail).await?;
        let label = provider.label();
        Ok(Error::field(
            "",
            if person.groups.is_some() { format!("{label} knows you, but {text}") } else { format!("{label} {text}") },
        ))
    }

    async fn refuse_out(
        &self,
        actor: &Actor,
        provider: &Provider,
        request: &Request,
        person: &Person,
        out: Out,
    ) -> Result<Error> {
        let (subject, why, text) = match out {
            Out::Disabled { email } => {
                let text = format!("The account {email} is disabled. Ask an administrator.");
                (format!("user:{email}"), "disabled", text)
            }
            Out::Taken(email) => {
                let text = format!(
                    "There is an account {email} here already, which is not yet yours at {}. An administrator can link it: \
                     on its page under Users, with the subject that stands in the audit log.",
                    provider.label()
                );
                (format!("user:{email}"), "the address is another account's", text)
            }
        };
        let detail = json!({"why": why, "subject": person.subject});
        self.note_return(actor, request, &subject, Outcome::Denied, detail).await?;
        Ok(Error::field("", text))
    }

    /// Somebody who is signed in was asked to sign in at the provider anew.
    async fn shown_there(
        &self,
        actor: &Actor,
        provider: &Provider,
        request: &Request,
        user: UserId,
        person: &Person,
    ) -> Result<Arrived> {
        let id = self.person(actor, "factor.prove").await?;
        let found = store::identity::by_subject(self.db(), provider.issuer(), &person.subject).await?;
        let owner = store::user::by_id(self.db(), id).await?.map(|found| found.user).ok_or(Error::NotSignedIn)?;
        let is_theirs = id == user && found.is_some_and(|identity| identity.user_id == id);
        let refused = if !is_theirs {
            Some(("another person’s", "You signed in there as somebody else than here."))
        } else {
            self.not_shown(provider, request, person, &owner).await?
        };
        let subject = subject_of(&owner);
        if let Some((why, text)) = refused {
            let detail = json!({"why": why, "subject": person.subject});
            self.note_return(actor, request, &subject, Outcome::Failed, detail).await?;
            return Err(Error::Conflict(format!("{text} Nothing was done.")));
        }
        let deed = self.allow(actor, Permission::AccountManage, &subject).await?;
        deed.commit("factor.prove", &subject, &json!({"second": SignInBy::Provider})).await?;
        Ok(Arrived::Again(self.now()))
    }

    /// Why it is not what was asked for: to the log, and to them.
    async fn not_shown(
        &self,
        provider: &Provider,
        request: &Request,
        person: &Person,
        owner: &User,
    ) -> Result<Option<(&'static str, &'static str)>> {
        let (from, until) = (request.begun.plus(-SKEW_AGAIN), self.now().plus(SKEW));
        if !person.shown_at.is_some_and(|at| at >= from && at <= until) {
            return Ok(Some((
                "not asked anew (auth_time)",
                "The provider did not ask you anew who you are, or does not say when it did.",
            )));
        }
        if role_of(&provider.settings.groups, person.groups.as_deref().unwrap_or_default()) != Some(owner.role) {
            return Ok(Some(("the role changed", "Your groups have changed. Sign out and in again.")));
        }
        let asks = self.second_factor_policy().await?.asks(owner.role);
        if !person.second && (asks || store::factor::has_any(self.db(), owner.id).await?) {
            return Ok(Some((
                "no second factor was shown",
                "The provider does not say that you showed a second factor there. Show the one that you have here.",
            )));
        }
        Ok(None)
    }
}

/// Whom it is about, as far as the audit log may know.
fn named(person: &Person) -> String {
    person.email.as_deref().map(|email| format!("user:{}", known_as(email))).unwrap_or_default()
}
