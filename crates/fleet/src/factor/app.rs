//! Authenticator apps: a secret that the app and Muster share, and a code of it every half minute (RFC 6238).
//!
//! A secret has to be known to check a code by it, so it can't be hashed. Where the server has the passphrase of its
//! keys, an app's secret is derived from the sealed secret and the app's id and is kept nowhere; where it has none, it
//! stands in the database.

use super::Factors;
use crate::{Actor, Error, Fleet, Result, audit::Deed, people::subject_of, sign_in::Proof, throttle::Subjects};
use domain::{
    factor::{MOST, PENDING, in_fours},
    id::{FactorId, UserId},
    person::{Permission, Role},
    time::SECOND,
};
use serde_json::{Value, json};
use store::{factor::App, user::User};
use totp_rs::{Builder, Secret, Totp};
use uuid::Uuid;

/// Makes the sealed secret when there is none yet.
const RULE: Actor = Actor::Rule { name: "second factor" };
/// What an app without a name is called.
const USUAL: &str = "Authenticator app";
/// What a derived secret is for.
const PURPOSE: &[u8] = b"authenticator app";
/// RFC 4226 wants 160 bits.
const SECRET_BYTES: usize = 20;

/// An app that was begun and has shown no code yet.
#[derive(Clone, PartialEq, Eq)]
pub struct PendingApp {
    /// Its id, which whoever began it knows.
    pub id: FactorId,
    /// What its owner calls it.
    pub name: String,
    /// The secret in fours, to be typed into an app.
    pub secret: String,
    /// The same as an address (`otpauth://…`), for a QR code.
    pub address: String,
}

impl std::fmt::Debug for PendingApp {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PendingApp").field("name", &self.name).finish_non_exhaustive()
    }
}

/// An app that counts from now on.
#[derive(Clone, PartialEq, Eq)]
pub struct Confirmed {
    /// What its owner calls it.
    pub name: String,
    /// With a first second factor, recovery codes. They are kept nowhere: show them now.
    pub codes: Vec<String>,
}

impl std::fmt::Debug for Confirmed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Confirmed").field("name", &self.name).finish_non_exhaustive()
    }
}

/// What reads an app's codes.
pub(super) fn reader(secret: &[u8], email: &str) -> Result<Totp> {
    // A colon parts the issuer from the account in an app's list.
    let account = email.replace(':', "_");
    let builder = Builder::new().with_secret(secret.to_vec()).with_issuer(Some("Muster")).with_account_name(account);
    builder.build().map_err(Error::internal)
}

/// The step whose code this is, now or half a minute around now.
pub(super) fn step_of(reader: &Totp, code: &str, now: domain::time::Timestamp) -> Option<i64> {
    let seconds = u64::try_from(now.0.div_euclid(SECOND)).ok()?;
    reader.check(code, seconds).and_then(|step| i64::try_from(step).ok())
}

pub(super) fn checked_label(name: &str, otherwise: &str) -> Result<String> {
    let name = name.trim();
    let fits = name.chars().count() <= 60 && !name.chars().any(char::is_control);
    match (fits, name) {
        (false, _) => Err(Error::field("name", "Give a name of at most 60 characters.")),
        (true, "") => Ok(otherwise.to_owned()),
        (true, name) => Ok(name.to_owned()),
    }
}

impl Fleet {
    /// Begins an authenticator app for oneself. It counts once it has shown a code. Whoever has no second factor yet
    /// gives the present password, whoever has one has shown it just now: a session that was left open is not enough.
    ///
    /// # Errors
    /// When the password is wrong (field `present`), the second factor has to be shown again, or a field is wrong.
    pub async fn begin_app(&self, actor: &Actor, name: &str, present: &str) -> Result<FactorId> {
        let id = self.person(actor, "factor.begin").await?;
        let user = self.user(actor, id).await?;
        checked_label(name, USUAL)?;
        let proof = self.owner_proof(actor, &user, present).await?;
        let begun = self.put_pending(actor, &user, name).await?;
        if let Some(proof) = proof {
            let mut tx = self.db().begin().await?;
            proof.settle(self, &mut tx).await?;
            tx.commit().await?;
        }
        Ok(begun)
    }

    /// That a second factor is added by the account's owner, and not by whoever found a session open: by the present
    /// password before the first one, by the ones that there are from then on.
    pub(super) async fn owner_proof(&self, actor: &Actor, user: &User, present: &str) -> Result<Option<Proof>> {
        if store::factor::has_any(self.db(), user.id).await? {
            self.require_fresh(actor).await?;
            return Ok(None);
        }
        // An administrator who has a password may come in by it, and has to get on while the provider does not answer.
        let comes_by_password = user.has_password && user.role == Role::Admin;
        if !comes_by_password && self.provider_of(user.id).await?.is_some() {
            self.require_fresh(actor).await?;
            return Ok(None);
        }
        if !user.has_password {
            return Ok(None);
        }
        let proof = self.prove(actor, "factor.begin", &user.email, present).await?;
        proof.map(Some).ok_or_else(|| Error::field("present", "This is not your present password."))
    }

    /// Puts an app that waits for its first code in the place of one that does.
    pub(super) async fn put_pending(&self, actor: &Actor, user: &User, name: &str) -> Result<FactorId> {
        let name = checked_label(name, USUAL)?;
        if self.factors(user.id).await?.apps.len() >= MOST {
            return Err(Error::Conflict(format!("You have {MOST} authenticator apps. Remove one first.")));
        }
        let id = FactorId(Uuid::now_v7());
        let app = App {
            id,
            user_id: user.id,
            name,
            secret: self.fresh_secret()?,
            last_step: 0,
            created_at: self.now(),
            confirmed_at: None,
            last_used_at: None,
        };
        let mut deed = self.allow(actor, Permission::AccountManage, &subject_of(user)).await?;
        store::user::lock(&mut deed.tx).await?;
        store::factor::delete_pending(&mut deed.tx, user.id).await?;
        store::factor::insert(&mut deed.tx, &app).await?;
        deed.commit("factor.begin", &subject_of(user), &json!({"kind": "app", "name": app.name})).await?;
        Ok(id)
    }

    /// Nothing where it will be derived.
    fn fresh_secret(&self) -> Result<String> {
        if self.can_seal() {
            return Ok(String::new());
        }
        let mut bytes = [0; SECRET_BYTES];
        getrandom::fill(&mut bytes).map_err(Error::internal)?;
        Ok(Secret::new_stack(bytes).to_base32())
    }

    /// The secret that an app and Muster share.
    pub(super) async fn secret_of(&self, app: &App) -> Result<Vec<u8>> {
        if !app.secret.is_empty() {
            let secret = Secret::try_from_base32(&app.secret).map_err(Error::internal)?;
            return Ok(secret.as_bytes().to_vec());
        }
        if !self.can_seal() {
            return Err(no_passphrase());
        }
        let deriver = self.deriver(&RULE, Permission::AccountManage).await?;
        let mut bytes = deriver.bytes(&[PURPOSE, app.id.0.as_bytes()].concat());
        bytes.truncate(SECRET_BYTES);
        Ok(bytes)
    }

    /// The app that somebody has begun for themselves, with its secret; none when there is none, or it was too long ago.
    ///
    /// # Errors
    /// When nobody is signed in.
    pub async fn pending_app(&self, actor: &Actor) -> Result<Option<PendingApp>> {
        let id = self.person(actor, "factor.see").await?;
        let user = self.user(actor, id).await?;
        self.pending_of(&user).await
    }

    pub(super) async fn pending_of(&self, user: &User) -> Result<Option<PendingApp>> {
        let Some(app) = self.pending_row(user.id).await? else { return Ok(None) };
        let secret = self.secret_of(&app).await?;
        let reader = reader(&secret, &user.email)?;
        let address = reader.to_url().map_err(Error::internal)?;
        let secret = in_fours(&reader.secret().to_base32(), " ");
        Ok(Some(PendingApp { id: app.id, name: app.name, secret, address }))
    }

    async fn pending_row(&self, user: UserId) -> Result<Option<App>> {
        let now = self.now();
        let apps = store::factor::of_user(self.db(), user).await?;
        Ok(apps.into_iter().find(|app| app.confirmed_at.is_none() && app.created_at.plus(PENDING) > now))
    }

    /// Confirms the app that one has begun by its first code.
    ///
    /// # Errors
    /// When the code is wrong (field `code`), there were too many tries, or no app waits for one.
    pub async fn confirm_app(&self, actor: &Actor, code: &str) -> Result<Confirmed> {
        let id = self.person(actor, "factor.add").await?;
        let user = self.user(actor, id).await?;
        // It may have been begun before there was a second factor: what is there by now is shown first.
        let has_any = store::factor::has_any(self.db(), id).await?;
        if has_any {
            self.require_fresh(actor).await?;
        }
        let (deed, confirmed) = self.confirm_pending(actor, &user, code, !has_any).await?;
        deed.commit("factor.add", &subject_of(&user), &detail_of(&confirmed)).await?;
        Ok(confirmed)
    }

    /// The deed by which it counts, still to be committed: whoever signs in by it comes in by the same one, or not at all and
    /// begins again. `only_first`: whoever came by a password alone may bring in a first second factor and no other.
    pub(super) async fn confirm_pending<'a>(
        &'a self,
        actor: &'a Actor,
        user: &User,
        code: &str,
        only_first: bool,
    ) -> Result<(Deed<'a>, Confirmed)> {
        let gone = || {
            Error::Conflict(
                "No authenticator app waits for its first code: it was too long ago, or is confirmed. Begin again."
                    .to_owned(),
            )
        };
        let app = self.pending_row(user.id).await?.ok_or_else(gone)?;
        let subjects = Subjects::of_second_factor(&user.email, actor.address());
        // What can't be read is no wrong code.
        let reader = reader(&self.secret_of(&app).await?, &user.email)?;
        let blocks = self.count_second_try(&subjects).await?;
        let step = domain::factor::app_code(code).and_then(|code| step_of(&reader, &code, self.now()));
        let Some(step) = step else {
            self.audit_failure(actor, "factor.add", &user.email, "wrong code", &blocks).await?;
            return Err(super::prove::wrong_code());
        };
        let mut codes = super::recovery::fresh()?;
        let mut deed = self.allow(actor, Permission::AccountManage, &subject_of(user)).await?;
        store::user::lock(&mut deed.tx).await?;
        let is_first = !store::factor::has_any_within(&mut deed.tx, user.id).await?;
        if only_first && !is_first {
            return Err(super::half_way::start_over());
        }
        if !store::factor::confirm(&mut deed.tx, app.id, self.now(), step).await? {
            return Err(gone());
        }
        if is_first {
            store::factor::put_codes(&mut deed.tx, user.id, &super::recovery::hashes(&codes)).await?;
        } else {
            codes.clear();
        }
        subjects.forgive(&mut deed.tx, self.now()).await?;
        deed.ring("people", &user.id.to_string()).await?;
        Ok((deed, Confirmed { name: app.name, codes }))
    }
}

/// What is audited of an app that counts from now on.
pub(super) fn detail_of(confirmed: &Confirmed) -> Value {
    json!({"kind": "app", "name": confirmed.name})
}

/// Nobody can do anything about that but whoever runs the server.
fn no_passphrase() -> Error {
    Error::Away(
        "The secrets of authenticator apps are derived from a sealed one, and the passphrase was not given. A recovery \
         code works. Muster has to be started with --key-passphrase-file FILE, with MUSTER_KEY_PASSPHRASE set, or with \
         the systemd credential muster-key-passphrase."
            .to_owned(),
    )
}

impl Factors {
    /// The app by an id.
    #[must_use]
    pub fn app(&self, id: FactorId) -> Option<&App> {
        self.apps.iter().find(|app| app.id == id)
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
    use super::*;
    use domain::time::Timestamp;

    #[test]
    fn codes_are_those_of_rfc_6238() {
        // Appendix B, of whose eight digits the last six are ours.
        let reader = reader(b"12345678901234567890", "ada@b.example").unwrap();
        for (seconds, code) in [(59, "287082"), (1_111_111_109, "081804"), (20_000_000_000_i64, "353130")] {
            let at = Timestamp(seconds * SECOND);
            assert_eq!(step_of(&reader, code, at), Some(seconds / 30), "{seconds}");
            assert_eq!(step_of(&reader, code, at.plus(30 * SECOND)), Some(seconds / 30), "a step later");
            assert_eq!(step_of(&reader, code, at.plus(60 * SECOND)), None, "two steps later");
        }
        assert!(reader.to_url().unwrap().starts_with("otpauth://totp/Muster:ada%40b.example?secret=GEZDGNBV"));
    }
}
