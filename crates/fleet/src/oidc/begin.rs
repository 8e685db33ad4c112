//! Sending somebody to the provider: state, nonce and the verifier of PKCE are kept here until they come back, bound to the
//! browser by a cookie of its own. They lie in the database, so that any node may take the answer.

use super::{CALLBACK, Provider};
use crate::{Actor, Error, Fleet, Result, secret, throttle::neighbourhood};
use domain::{
    id::UserId,
    oidc::{AWAY, SecondFactor},
    person::Permission,
    time::{MINUTE, Timestamp},
};
use openidconnect::{
    AuthenticationContextClass, AuthenticationFlow, CsrfToken, Nonce, PkceCodeChallenge, PkceCodeVerifier, Scope,
    core::{CoreAuthPrompt, CoreResponseType},
};
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// How often somebody may be sent there within a minute.
const DEPARTURES: u32 = 30;

/// Where somebody goes, and what their browser has to bring back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Departure {
    /// The address at the provider.
    pub to: String,
    /// The value of the browser's cookie.
    pub browser: String,
}

/// What somebody was sent there for, and what the answer is held against.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Request {
    /// What the token has to repeat.
    pub(super) nonce: String,
    /// What the code was bound to.
    pub(super) verifier: String,
    /// The address that they come back to.
    pub(super) redirect: String,
    /// Where they go on.
    pub(super) next: String,
    /// When they left.
    pub(super) begun: Timestamp,
    /// Who is to show anew who they are; none for a sign-in.
    pub(super) again: Option<UserId>,
}

pub(super) fn no_provider() -> Error {
    Error::Conflict("This console has no provider to sign in at. Sign in by password.".to_owned())
}

impl Fleet {
    /// Sends somebody to the provider to sign in. `host` is how the browser reaches this console, `browser` the cookie that
    /// it has from before, `next` where they want to go.
    ///
    /// # Errors
    /// When there is no provider, it can't be asked, or somebody asks too often.
    pub async fn leave_to_sign_in(
        &self,
        actor: &Actor,
        host: &str,
        browser: Option<&str>,
        next: &str,
    ) -> Result<Departure> {
        let who = format!("provider:{}", neighbourhood(actor.address()));
        self.leave(who, host, browser, next, None).await
    }

    /// Sends somebody who is signed in to the provider, to show there anew who they are.
    ///
    /// # Errors
    /// When nobody is signed in, the account is not the provider's, or as before.
    pub async fn leave_to_prove(
        &self,
        actor: &Actor,
        host: &str,
        browser: Option<&str>,
        next: &str,
    ) -> Result<Departure> {
        let id = self.person(actor, "factor.prove").await?;
        let provider = self.provider().ok_or_else(no_provider)?;
        let identity = store::identity::of_user(self.db(), id).await?;
        if identity.is_none_or(|identity| identity.issuer != provider.issuer()) {
            return Err(Error::Conflict(format!("Your account is not one of {}.", provider.label())));
        }
        self.leave(format!("provider-of:{id}"), host, browser, next, Some(id)).await
    }

    async fn leave(
        &self,
        who: String,
        host: &str,
        browser: Option<&str>,
        next: &str,
        again: Option<UserId>,
    ) -> Result<Departure> {
        let provider = self.provider().ok_or_else(no_provider)?;
        if !self.within_a_minute(who, Permission::AccountManage, DEPARTURES) {
            return Err(Error::TooMany { wait_micros: MINUTE });
        }
        let now = self.now();
        let (state, nonce, verifier) = (secret::fresh()?, secret::fresh()?, secret::fresh()?);
        let redirect = format!("https://{host}{CALLBACK}");
        let to = provider.address(&redirect, (&state, &nonce, &verifier), again.is_some(), now).await?;
        let browser = browser
            .filter(|value| value.len() == secret::LENGTH)
            .map_or_else(secret::fresh, |value| Ok(value.to_owned()))?;
        let request = Request { nonce, verifier, redirect, next: next.to_owned(), begun: now, again };
        let data = serde_json::to_string(&request).map_err(Error::internal)?;
        let mut tx = self.db().begin().await?;
        let (state, by) = (secret::hash(&state), secret::hash(&browser));
        store::identity::put_request(&mut tx, &state, &by, &data, now.plus(AWAY)).await?;
        tx.commit().await?;
        Ok(Departure { to, browser })
    }
}

impl Provider {
    /// The address of an authentication request.
    async fn address(
        &self,
        redirect: &str,
        (state, nonce, verifier): (&str, &str, &str),
        anew: bool,
        now: Timestamp,
    ) -> Result<String> {
        let client = self.client(&self.known(now).await?, redirect)?;
        let (state, nonce) = (CsrfToken::new(state.to_owned()), Nonce::new(nonce.to_owned()));
        let challenge = PkceCodeChallenge::from_code_verifier_sha256(&PkceCodeVerifier::new(verifier.to_owned()));
        let flow = AuthenticationFlow::<CoreResponseType>::AuthorizationCode;
        let scopes = self.settings.scopes.iter().filter(|scope| *scope != "openid" && !scope.is_empty());
        let mut request = client
            .authorize_url(flow, move || state, move || nonce)
            .set_pkce_challenge(challenge)
            .add_scopes(scopes.map(|scope| Scope::new(scope.clone())));
        for wanted in &self.settings.second_factor {
            if let SecondFactor::Context(value) = wanted {
                request = request.add_auth_context_value(AuthenticationContextClass::new(value.clone()));
            }
        }
        if anew {
            request = request.add_prompt(CoreAuthPrompt::Login).set_max_age(Duration::ZERO);
        }
        Ok(request.url().0.into())
    }
}
