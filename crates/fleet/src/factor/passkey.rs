//! Passkeys (WebAuthn, level 2): bound to the console's host name, discoverable, and always with the user verified by the
//! authenticator. So one is good beside a password, again before something dangerous, and to sign in by itself.
//!
//! A challenge is kept in the database for five minutes and for one purpose, and is taken once, also when what comes
//! with it is wrong. Attestation isn't asked for: which make of authenticator people use is their choice.

use super::{Confirmed, HalfWay, app::checked_label, prove::Shown, recovery};
use crate::{
    Actor, Error, Fleet, Result,
    people::{acting, subject_of},
    secret,
    throttle::{Block, Subjects},
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use domain::{
    audit::Outcome,
    factor::{HALF_WAY, MOST, SignInBy},
    id::{FactorId, UserId},
    person::Permission,
};
use serde_json::json;
use std::net::IpAddr;
use store::{passkey::Passkey, user::User};
use uuid::Uuid;
use webauthn_rp::{
    AuthenticatedCredential, DiscoverableAuthentication16, DiscoverableAuthenticationServerState,
    DiscoverableCredentialRequestOptions, PublicKeyCredentialCreationOptions, Registration, RegistrationServerState,
    bin::{Decode, Encode},
    request::{
        AsciiDomain, PublicKeyCredentialDescriptor, RpId,
        auth::AuthenticationVerificationOptions,
        register::{
            CredProtect, Nickname, PublicKeyCredentialUserEntity, RegistrationVerificationOptions, UserHandle16,
            Username,
        },
    },
    response::{
        AuthTransports, CredentialId,
        auth::error::AuthCeremonyErr,
        register::{DynamicState, StaticState},
    },
};

/// How many challenges one address gets in a minute.
const CHALLENGES: u32 = 30;
/// How many characters an authenticator's answer may have: a key of RSA with all extensions has a tenth.
const LONGEST_ANSWER: usize = 16_384;

/// The console as a browser reaches it. Passkeys are bound to its name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Site {
    name: String,
    origin: String,
}

impl Site {
    /// The site at a host, with its port if it has one; none where it is no name: WebAuthn knows names and `localhost`,
    /// no addresses.
    #[must_use]
    pub fn of(host: &str) -> Option<Self> {
        let name = host.rsplit_once(':').map_or(host, |(name, _)| name).to_ascii_lowercase();
        let is_plain = name.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._".contains(&b));
        let is_address = name.parse::<IpAddr>().is_ok();
        let named = is_plain && !is_address && AsciiDomain::try_from(name.clone()).is_ok();
        named.then(|| Self { name, origin: format!("https://{}", host.to_ascii_lowercase()) })
    }

    fn rp_id(&self) -> Result<RpId> {
        AsciiDomain::try_from(self.name.clone()).map(RpId::Domain).map_err(|_| no_site())
    }
}

/// What a challenge is for: one for something else is worth nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Purpose {
    Add(UserId),
    SignIn,
    Second(UserId),
    Prove(UserId),
}

impl Purpose {
    fn word(self) -> String {
        match self {
            Self::Add(user) => format!("add:{user}"),
            Self::SignIn => "sign_in".to_owned(),
            Self::Second(user) => format!("second:{user}"),
            Self::Prove(user) => format!("prove:{user}"),
        }
    }
}

/// A passkey was shown and is right; it is not yet noted as used.
pub(super) struct Used {
    passkey: Passkey,
    state: Vec<u8>,
}

impl Used {
    pub(super) async fn settle(&self, fleet: &Fleet, tx: &mut store::Tx) -> Result<()> {
        if store::passkey::used(tx, &self.passkey, &self.state, fleet.now()).await? { Ok(()) } else { Err(not_right()) }
    }

    pub(super) const fn user(&self) -> UserId {
        self.passkey.user_id
    }
}

fn no_site() -> Error {
    Error::Conflict(
        "Passkeys need a host name. Open the console by its name, not by an address, or use an authenticator app."
            .to_owned(),
    )
}

fn not_right() -> Error {
    Error::field("credential", "This passkey was not accepted. Try again, or use another way.")
}

fn key_of(challenge: u128) -> String {
    secret::hash(&challenge.to_string())
}

fn unreadable(error: &dyn std::fmt::Display) -> Error {
    tracing::debug!(%error, "what an authenticator answered can't be read");
    not_right()
}

fn handle(user: UserId) -> UserHandle16 {
    let Ok(handle) = UserHandle16::decode(*user.0.as_bytes());
    handle
}

impl Fleet {
    /// One's own passkeys are counted among [`super::Factors`]; what the browser needs to make another one, as JSON.
    ///
    /// # Errors
    /// When nobody is signed in, or the console has no name.
    pub async fn passkey_to_add(&self, actor: &Actor, site: Option<&Site>) -> Result<String> {
        let id = self.person(actor, "factor.begin").await?;
        let user = self.user(actor, id).await?;
        let rp = site.ok_or_else(no_site)?.rp_id()?;
        let known = store::passkey::of_user(self.db(), id).await?;
        let (user_handle, display) = (handle(id), Nickname::try_from(user.name.as_str()).ok());
        let name = Username::try_from(user.email.as_str()).or_else(|_| Username::try_from("account"));
        let entity = PublicKeyCredentialUserEntity {
            name: name.map_err(Error::internal)?,
            id: &user_handle,
            display_name: display,
        };
        // How its authenticator is reached isn't kept, so the browser looks everywhere.
        let transports = AuthTransports::decode(0).map_err(Error::internal)?;
        let mut without = Vec::new();
        for passkey in &known {
            let id = URL_SAFE_NO_PAD.decode(&passkey.credential).map_err(Error::internal)?;
            let id = CredentialId::<Vec<u8>>::decode(id).map_err(Error::internal)?;
            without.push(PublicKeyCredentialDescriptor { id, transports });
        }
        let mut options = PublicKeyCredentialCreationOptions::passkey(&rp, entity, without);
        // Phones and laptops don't know it, and would refuse where it is insisted on. That the user is verified is
        // looked at with every use.
        options.extensions.cred_protect = CredProtect::None;
        let challenge = options.challenge.as_data();
        let (server, client) = options.start_ceremony().map_err(Error::internal)?;
        let state = server.encode().map_err(Error::internal)?;
        self.keep_challenge(actor, challenge, Purpose::Add(id), &state).await?;
        serde_json::to_string(&client).map_err(Error::internal)
    }

    /// What the browser needs to sign somebody in by a passkey, as JSON.
    ///
    /// # Errors
    /// When the console has no name, or this address asks too often.
    pub async fn passkey_to_sign_in(&self, actor: &Actor, site: Option<&Site>) -> Result<String> {
        self.request(actor, site, Purpose::SignIn).await
    }

    /// The same, for the second step of signing in.
    ///
    /// # Errors
    /// When they have to start over, or as before.
    pub async fn passkey_half_way(&self, actor: &Actor, half: &HalfWay, site: Option<&Site>) -> Result<String> {
        let user = self.half_way_user(half).await?;
        self.request(actor, site, Purpose::Second(user.id)).await
    }

    /// The same, to show one's second factor again.
    ///
    /// # Errors
    /// When nobody is signed in, or as before.
    pub async fn passkey_to_prove(&self, actor: &Actor, site: Option<&Site>) -> Result<String> {
        let id = self.person(actor, "factor.prove").await?;
        self.request(actor, site, Purpose::Prove(id)).await
    }

    async fn request(&self, actor: &Actor, site: Option<&Site>, purpose: Purpose) -> Result<String> {
        let rp = site.ok_or_else(no_site)?.rp_id()?;
        let options = DiscoverableCredentialRequestOptions::passkey(&rp);
        let challenge = options.0.challenge.as_data();
        let (server, client) = options.start_ceremony().map_err(Error::internal)?;
        let state = server.encode().map_err(Error::internal)?;
        self.keep_challenge(actor, challenge, purpose, &state).await?;
        serde_json::to_string(&client).map_err(Error::internal)
    }

    async fn keep_challenge(&self, actor: &Actor, challenge: u128, purpose: Purpose, state: &[u8]) -> Result<()> {
        // Strangers have as many addresses as they like: they must not take the room of those who are known.
        let who = match purpose {
            Purpose::SignIn => format!("passkey:{}", crate::throttle::neighbourhood(actor.address())),
            Purpose::Add(user) | Purpose::Second(user) | Purpose::Prove(user) => format!("passkey-of:{user}"),
        };
        if !self.within_a_minute(who, Permission::AccountManage, CHALLENGES) {
            return Err(Error::TooMany { wait_micros: domain::time::MINUTE });
        }
        let until = self.now().plus(HALF_WAY);
        let mut tx = self.db().begin().await?;
        store::passkey::put_challenge(&mut tx, &key_of(challenge), &purpose.word(), state, until).await?;
        Ok(tx.commit().await?)
    }

    async fn take_challenge(&self, challenge: u128, purpose: Purpose) -> Result<Vec<u8>> {
        let mut tx = self.db().begin().await?;
        let state = store::passkey::take_challenge(&mut tx, &key_of(challenge), &purpose.word(), self.now()).await?;
        tx.commit().await?;
        state.ok_or_else(|| {
            Error::field("credential", "This took longer than five minutes, or was sent twice. Try again.")
        })
    }

    /// Adds a passkey that a browser has made. As with an app, whoever has no second factor gives the present password.
    ///
    /// # Errors
    /// When the password is wrong (field `present`), the second factor has to be shown again, or what the browser sent
    /// is not right (field `credential`).
    pub async fn add_passkey(
        &self,
        actor: &Actor,
        site: Option<&Site>,
        (name, present): (&str, &str),
        credential: &str,
    ) -> Result<Confirmed> {
        let id = self.person(actor, "factor.add").await?;
        let (user, name) = (self.user(actor, id).await?, checked_label(name, "Passkey")?);
        let proof = self.owner_proof(actor, &user, present).await?;
        let site = site.ok_or_else(no_site)?;
        let passkey = self.made(site, &user, name, credential).await?;
        let mut codes = recovery::fresh()?;
        let mut deed = self.allow(actor, Permission::AccountManage, &subject_of(&user)).await?;
        store::user::lock(&mut deed.tx).await?;
        if store::passkey::of_user_within(&mut deed.tx, id).await?.len() >= MOST {
            return Err(Error::Conflict(format!("You have {MOST} passkeys. Remove one first.")));
        }
        if store::factor::has_any_within(&mut deed.tx, id).await? {
            if proof.is_some() {
                // The first one came in while the password was looked at.
                return Err(Error::ProveAgain);
            }
            codes.clear();
        } else {
            store::factor::put_codes(&mut deed.tx, id, &recovery::hashes(&codes)).await?;
        }
        store::passkey::insert(&mut deed.tx, &passkey).await?;
        if let Some(proof) = proof {
            proof.settle(self, &mut deed.tx).await?;
        }
        deed.ring("people", &id.to_string()).await?;
        let detail = json!({"kind": "passkey", "name": passkey.name, "site": passkey.site});
        deed.commit("factor.add", &subject_of(&user), &detail).await?;
        Ok(Confirmed { name: passkey.name, codes })
    }

    /// A passkey from what a browser sent, checked.
    async fn made(&self, site: &Site, user: &User, name: String, credential: &str) -> Result<Passkey> {
        let answer =
            Registration::from_json_relaxed(checked_answer(credential)?).map_err(|error| unreadable(&error))?;
        let challenge = answer.challenge_relaxed().map_err(|error| unreadable(&error))?;
        let state = self.take_challenge(challenge.0, Purpose::Add(user.id)).await?;
        let server = RegistrationServerState::<16>::decode(&state).map_err(Error::internal)?;
        let origins = [site.origin.as_str()];
        let options = RegistrationVerificationOptions::<&str, &str> {
            allowed_origins: &origins,
            error_on_unsolicited_extensions: false,
            ..RegistrationVerificationOptions::default()
        };
        let made = server.verify(&site.rp_id()?, &answer, &options).map_err(|error| unreadable(&error))?;
        let (Ok(key), Ok(state)) = (made.static_state().encode(), made.dynamic_state().encode());
        Ok(Passkey {
            id: FactorId(Uuid::now_v7()),
            user_id: user.id,
            name,
            credential: URL_SAFE_NO_PAD.encode(made.id()),
            site: site.name.clone(),
            key,
            state: state.to_vec(),
            created_at: self.now(),
            last_used_at: None,
        })
    }

    /// Signs somebody in by a passkey alone: it is two factors in one, the authenticator and what unlocks it. The actor
    /// is nobody, with where they are.
    ///
    /// # Errors
    /// When it is not right (field `credential`), or there were too many tries.
    pub async fn sign_in_by_passkey(&self, actor: &Actor, site: Option<&Site>, credential: &str) -> Result<User> {
        let subjects = Subjects::of_passkey(actor.address());
        let blocks = self.count_second_try(&subjects).await?;
        let shown = self.passkey_of_somebody(actor, site, credential).await;
        let (user, used) = self.unless_wrong(actor, &blocks, shown).await?;
        let (who, subject) = (acting(&user, super::half_way::origin(actor)), subject_of(&user));
        let mut deed = self.allow(&who, Permission::AccountManage, &subject).await?;
        store::user::lock(&mut deed.tx).await?;
        used.settle(self, &mut deed.tx).await?;
        subjects.forgive(&mut deed.tx, self.now()).await?;
        let user = self.enter(&mut deed.tx, user.id).await?.ok_or_else(not_right)?;
        deed.commit("sign_in", &subject, &json!({"by": SignInBy::Passkey})).await?;
        Ok(user)
    }

    /// A passkey by which somebody signs in who may.
    async fn passkey_of_somebody(&self, actor: &Actor, site: Option<&Site>, credential: &str) -> Result<(User, Used)> {
        let used = self.passkey_used(actor, "sign_in", site, Purpose::SignIn, credential).await?;
        let found = store::user::by_id(self.db(), used.user()).await?.map(|found| found.user);
        let Some(user) = found.filter(|user| user.disabled_at.is_none()) else {
            self.audit_refused(actor, "sign_in", &used.passkey, "disabled").await?;
            return Err(not_right());
        };
        if !self.comes_in_here(&user).await? {
            self.audit_refused(actor, "sign_in", &used.passkey, "signs in at the provider").await?;
            return Err(Error::field("credential", self.elsewhere()));
        }
        Ok((user, used))
    }

    /// What a try brought. Where it was wrong, the blocks that it began are audited.
    async fn unless_wrong<T>(&self, actor: &Actor, blocks: &[Block], tried: Result<T>) -> Result<T> {
        if tried.is_err() {
            self.audit_blocks(actor, blocks).await?;
        }
        tried
    }

    /// A passkey beside the password.
    pub(super) async fn shown_half_way(
        &self,
        actor: &Actor,
        user: &User,
        site: Option<&Site>,
        credential: &str,
    ) -> Result<Shown> {
        self.shown_passkey(actor, "sign_in.second", user, (site, Purpose::Second(user.id)), credential).await
    }

    /// A passkey, again.
    pub(super) async fn shown_again(
        &self,
        actor: &Actor,
        user: &User,
        site: Option<&Site>,
        credential: &str,
    ) -> Result<Shown> {
        self.shown_passkey(actor, "factor.prove", user, (site, Purpose::Prove(user.id)), credential).await
    }

    async fn shown_passkey(
        &self,
        actor: &Actor,
        action: &str,
        user: &User,
        (site, purpose): (Option<&Site>, Purpose),
        credential: &str,
    ) -> Result<Shown> {
        let subjects = Subjects::of_second_factor(&user.email, actor.address());
        let blocks = self.count_second_try(&subjects).await?;
        let used = self.passkey_used(actor, action, site, purpose, credential).await;
        let used = self.unless_wrong(actor, &blocks, used).await?;
        if used.user() != user.id {
            self.audit_refused(actor, action, &used.passkey, "another person's").await?;
            self.audit_blocks(actor, &blocks).await?;
            return Err(not_right());
        }
        Ok(Shown::of_passkey(user.clone(), used, subjects))
    }

    /// Checks what a browser sent of a passkey.
    async fn passkey_used(
        &self,
        actor: &Actor,
        action: &str,
        site: Option<&Site>,
        purpose: Purpose,
        credential: &str,
    ) -> Result<Used> {
        let site = site.ok_or_else(no_site)?;
        let answer = DiscoverableAuthentication16::from_json_relaxed(checked_answer(credential)?)
            .map_err(|error| unreadable(&error))?;
        let challenge = answer.challenge_relaxed().map_err(|error| unreadable(&error))?;
        let state = self.take_challenge(challenge.0, purpose).await?;
        let known = store::passkey::by_credential(self.db(), &URL_SAFE_NO_PAD.encode(answer.raw_id())).await?;
        let Some(passkey) = known.filter(|passkey| passkey.site == site.name) else {
            let detail = json!({"why": "no such passkey"}).to_string();
            self.audit_alone(actor, action, "", Outcome::Failed, &detail).await?;
            return Err(not_right());
        };
        match verified(site, &passkey, &state, &answer) {
            Ok(state) => Ok(Used { passkey, state }),
            Err(why) => {
                self.audit_refused(actor, action, &passkey, &why).await?;
                Err(not_right())
            }
        }
    }

    async fn audit_refused(&self, actor: &Actor, action: &str, passkey: &Passkey, why: &str) -> Result<()> {
        let owner = store::user::by_id(self.db(), passkey.user_id).await?;
        let subject = owner.map(|owner| subject_of(&owner.user)).unwrap_or_default();
        let detail = json!({"why": why, "passkey": passkey.name}).to_string();
        self.audit_alone(actor, action, &subject, Outcome::Failed, &detail).await
    }

    /// Renames one of one's own passkeys.
    ///
    /// # Errors
    /// When the name doesn't fit, or there is no such passkey.
    pub async fn rename_passkey(&self, actor: &Actor, id: FactorId, name: &str) -> Result<()> {
        let owner = self.person(actor, "factor.rename").await?;
        let name = checked_label(name, "Passkey")?;
        let subject = format!("user:{}", actor.name());
        let mut deed = self.allow(actor, Permission::AccountManage, &subject).await?;
        if !store::passkey::rename(&mut deed.tx, id, owner, &name).await? {
            return Err(Error::not_found("passkey", &id.to_string()));
        }
        deed.ring("people", &owner.to_string()).await?;
        deed.commit("factor.rename", &subject, &json!({"kind": "passkey", "name": name})).await
    }
}

/// What an authenticator sends is small; more than that is not read.
fn checked_answer(text: &str) -> Result<&[u8]> {
    if text.is_empty() || text.len() > LONGEST_ANSWER { Err(not_right()) } else { Ok(text.as_bytes()) }
}

/// The passkey's state after this use; or why it is not right.
fn verified(
    site: &Site,
    passkey: &Passkey,
    state: &[u8],
    answer: &DiscoverableAuthentication16,
) -> std::result::Result<Vec<u8>, String> {
    let broken = |error: &dyn std::fmt::Display| {
        tracing::error!(%error, "what is kept of a passkey can't be read");
        "unreadable".to_owned()
    };
    let server = DiscoverableAuthenticationServerState::decode(state).map_err(|error| broken(&error))?;
    let key = StaticState::decode(&passkey.key).map_err(|error| broken(&error))?;
    let before: [u8; 7] = passkey.state.as_slice().try_into().map_err(|error| broken(&error))?;
    let before = DynamicState::decode(before).map_err(|error| broken(&error))?;
    let owner = handle(passkey.user_id);
    let mut known =
        AuthenticatedCredential::new(answer.raw_id(), &owner, key, before).map_err(|error| broken(&error))?;
    let origins = [site.origin.as_str()];
    let options = AuthenticationVerificationOptions::<&str, &str> {
        allowed_origins: &origins,
        error_on_unsolicited_extensions: false,
        ..AuthenticationVerificationOptions::default()
    };
    let rp = site.rp_id().map_err(|error| broken(&error))?;
    match server.verify(&rp, answer, &mut known, &options) {
        Ok(_) => {
            let Ok(after) = known.dynamic_state().encode();
            Ok(after.to_vec())
        }
        Err(AuthCeremonyErr::SignatureCounter) => Err("its counter went back: it may be a copy".to_owned()),
        Err(error) => Err(error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passkeys_are_for_names_and_not_for_addresses() {
        for address in ["127.0.0.1", "127.0.0.1:8443", "[::1]:8443", "[::1]", "", ":8443", "a b"] {
            assert_eq!(Site::of(address), None, "{address}");
        }
        let local = Site::of("LOCALHOST:8443").unwrap_or_else(|| unreachable!("a name"));
        assert_eq!((local.name.as_str(), local.origin.as_str()), ("localhost", "https://localhost:8443"));
        assert!(Site::of("fleet.example").is_some_and(|site| site.origin == "https://fleet.example"));
    }
}
