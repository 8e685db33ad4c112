//! What a provider answers of somebody: the code is exchanged, the ID token verified (OpenID Connect Core 1.0, section 3.1.3.7), and
//! of the claims so much is read as is needed.

use super::{
    Provider,
    begin::Request,
    discovery::{OurClient, Tokens},
    web::{WebError, innermost},
};
use crate::Result;
use chrono::{DateTime, Utc};
use domain::{
    oidc::{SKEW, is_second_factor},
    time::Timestamp,
};
use futures::FutureExt;
use openidconnect::{
    AccessToken, AccessTokenHash, AdditionalClaims, AuthorizationCode, ClaimsVerificationError, IdTokenClaims,
    LocalizedClaim, Nonce, OAuth2TokenResponse, PkceCodeVerifier, RequestTokenError, SignatureVerificationError,
    StandardClaims, SubjectIdentifier, TokenResponse, UserInfoClaims, UserInfoError,
    core::{CoreGenderClaim, CoreJwsSigningAlgorithm as Alg},
};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// By which algorithms tokens may be signed: with a key that only the provider has. Neither unsigned ones nor those by a
/// secret that is shared.
const ALGORITHMS: [Alg; 9] = [
    Alg::RsaSsaPkcs1V15Sha256,
    Alg::RsaSsaPkcs1V15Sha384,
    Alg::RsaSsaPkcs1V15Sha512,
    Alg::RsaSsaPssSha256,
    Alg::RsaSsaPssSha384,
    Alg::RsaSsaPssSha512,
    Alg::EcdsaP256Sha256,
    Alg::EcdsaP384Sha384,
    Alg::EdDsa,
];

/// How many characters of a subject are taken (Core 1.0, section 2, lets it have 255).
pub(super) const LONGEST_SUBJECT: usize = 255;

/// Claims beside those that have a meaning for everybody.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(transparent)]
pub(super) struct Rest(Map<String, Value>);

impl AdditionalClaims for Rest {}

type Claims = IdTokenClaims<Rest, CoreGenderClaim>;

/// Somebody, as the provider knows them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Person {
    /// Who they are there, for good.
    pub(super) subject: String,
    /// Their address, unless the provider says that it was never verified.
    pub(super) email: Option<String>,
    /// Their name.
    pub(super) name: Option<String>,
    /// Their groups; none where the provider says nothing of groups.
    pub(super) groups: Option<Vec<String>>,
    /// Whether they showed what counts as a second factor.
    pub(super) second: bool,
    /// When they showed who they are.
    pub(super) shown_at: Option<Timestamp>,
}

/// Why somebody is not known by what the provider answered. It is written down, and not told to whoever brings it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Refusal {
    /// Why.
    pub(super) why: String,
    /// Whether the provider gave no answer, which says nothing about who asks.
    pub(super) is_away: bool,
}

impl Refusal {
    fn of(why: impl Into<String>) -> Self {
        Self { why: why.into(), is_away: false }
    }

    fn away(error: &WebError) -> Self {
        Self { why: error.to_string(), is_away: true }
    }
}

impl Provider {
    /// Exchanges a code, and verifies what comes for it.
    pub(super) async fn person(
        &self,
        request: &Request,
        code: &str,
        now: Timestamp,
    ) -> Result<std::result::Result<Person, Refusal>> {
        let known = self.known(now).await?;
        let mut client = self.client(&known, &request.redirect)?;
        let tokens = match self.exchange(&client, request, code).await {
            Ok(tokens) => tokens,
            Err(why) => return Ok(Err(why)),
        };
        let claims = match self.claims(&client, &tokens, request, now) {
            Err(Wrong::Key(_)) => {
                // It may have changed its keys since they were asked for.
                client = self.client(&self.known_anew(now).await?, &request.redirect)?;
                self.claims(&client, &tokens, request, now)
            }
            other => other,
        };
        let claims = match claims {
            Ok(claims) => claims,
            Err(Wrong::Key(why) | Wrong::Token(why)) => return Ok(Err(Refusal::of(why))),
        };
        Ok(self.read(&client, &claims, tokens.access_token()).await)
    }

    async fn exchange(
        &self,
        client: &OurClient,
        request: &Request,
        code: &str,
    ) -> std::result::Result<Tokens, Refusal> {
        let code = AuthorizationCode::new(code.to_owned());
        let asked = client.exchange_code(code).map_err(|error| Refusal::of(error.to_string()))?;
        let asked = asked.set_pkce_verifier(PkceCodeVerifier::new(request.verifier.clone()));
        asked.request_async(&self.web).boxed().await.map_err(|error| match &error {
            RequestTokenError::Request(error) => Refusal::away(error),
            RequestTokenError::ServerResponse(said) => Refusal::of(format!("the code was not exchanged: {said}")),
            RequestTokenError::Parse(why, _) => {
                Refusal::of(format!("the answer to the code can't be read: {}", innermost(why)))
            }
            RequestTokenError::Other(why) => Refusal::of(format!("the code was not exchanged: {why}")),
        })
    }

    fn claims(
        &self,
        client: &OurClient,
        tokens: &Tokens,
        request: &Request,
        now: Timestamp,
    ) -> std::result::Result<Claims, Wrong> {
        let token = tokens.id_token().ok_or_else(|| Wrong::Token("there is no ID token".to_owned()))?;
        let begun = request.begun;
        let verifier = client
            .id_token_verifier()
            .set_allowed_algs(ALGORITHMS)
            .set_time_fn(move || calendar(now.plus(-SKEW)))
            .set_issue_time_verifier_fn(move |issued| issued_in_time(issued, begun, now));
        let claims = token.claims(&verifier, &Nonce::new(request.nonce.clone())).map_err(Wrong::of)?.clone();
        // The library leaves this to us: a token that was made out for another client is not ours (section 3.1.3.7, 5).
        if claims.authorized_party().is_some_and(|party| party.as_str() != self.settings.client_id) {
            return Err(Wrong::Token("it is made out for another client (azp)".to_owned()));
        }
        if let Some(said) = claims.access_token_hash() {
            let bad = |why: &dyn std::fmt::Display| Wrong::Token(format!("its access token can't be compared: {why}"));
            let alg = token.signing_alg().map_err(|error| bad(&error))?;
            let key = token.signing_key(&verifier).map_err(|error| bad(&error))?;
            let made = AccessTokenHash::from_token(tokens.access_token(), alg, key).map_err(|error| bad(&error))?;
            if made != *said {
                return Err(Wrong::Token("its access token is another one (at_hash)".to_owned()));
            }
        }
        if claims.subject().is_empty() || claims.subject().chars().count() > LONGEST_SUBJECT {
            return Err(Wrong::Token("its subject is empty or too long".to_owned()));
        }
        Ok(claims)
    }

    /// What is needed of the claims. What the token does not say of groups is asked apart.
    async fn read(
        &self,
        client: &OurClient,
        claims: &Claims,
        access: &AccessToken,
    ) -> std::result::Result<Person, Refusal> {
        let methods: Vec<String> =
            claims.auth_method_refs().into_iter().flatten().map(|method| method.as_str().to_owned()).collect();
        let context = claims.auth_context_ref().map(|context| context.as_str().to_owned());
        let mut person = Person {
            subject: claims.subject().as_str().to_owned(),
            email: None,
            name: None,
            groups: groups_in(&claims.additional_claims().0, &self.settings.groups_claim),
            second: is_second_factor(&self.settings.second_factor, &methods, context.as_deref()),
            shown_at: claims.auth_time().map(|at| Timestamp(at.timestamp_micros())),
        };
        let email = claims.email().map(|email| email.as_str().to_owned());
        person.email = email.filter(|_| claims.email_verified() != Some(false));
        person.name = first(claims.name().map(|name| name.get(None).or_else(|| any(name))));
        if person.groups.is_none() && client.user_info_url().is_some() {
            let said = self.ask(client, access, claims.subject()).await?;
            person.groups = groups_in(&said.additional_claims().0, &self.settings.groups_claim);
            let standard: &StandardClaims<CoreGenderClaim> = said.standard_claims();
            let email = standard.email().map(|email| email.as_str().to_owned());
            let email = email.filter(|_| standard.email_verified() != Some(false));
            person.email = person.email.or(email);
            person.name =
                person.name.or_else(|| first(standard.name().map(|name| name.get(None).or_else(|| any(name)))));
        }
        Ok(person)
    }

    async fn ask(
        &self,
        client: &OurClient,
        access: &AccessToken,
        subject: &SubjectIdentifier,
    ) -> std::result::Result<UserInfoClaims<Rest, CoreGenderClaim>, Refusal> {
        // RFC 6750, section 2.1: what else is in it can't be sent.
        if !access.secret().bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(Refusal::of("its access token can't be sent"));
        }
        let asked = client.user_info(access.clone(), Some(subject.clone()));
        let asked = asked.map_err(|error| Refusal::of(error.to_string()))?;
        asked.request_async(&self.web).boxed().await.map_err(|error| match &error {
            UserInfoError::Request(error) => Refusal::away(error),
            other => Refusal::of(format!("its user info can't be taken: {}", innermost(other))),
        })
    }
}

/// Why a token is not taken.
enum Wrong {
    /// Its signature does not hold with the keys that are known.
    Key(String),
    /// Anything else.
    Token(String),
}

impl Wrong {
    fn of(error: ClaimsVerificationError) -> Self {
        use SignatureVerificationError as S;
        match error {
            ClaimsVerificationError::SignatureVerification(
                S::NoMatchingKey | S::CryptoError(_) | S::AmbiguousKeyId(_),
            ) => Self::Key(format!("the ID token's signature does not hold: {}", innermost(&error))),
            other => Self::Token(format!("the ID token is not taken: {}", innermost(&other))),
        }
    }
}

type Name<'a> = &'a LocalizedClaim<openidconnect::EndUserName>;

fn any(name: Name<'_>) -> Option<&openidconnect::EndUserName> {
    name.iter().next().map(|(_, name)| name)
}

fn first(name: Option<Option<&openidconnect::EndUserName>>) -> Option<String> {
    name.flatten().map(|name| name.as_str().to_owned())
}

fn calendar(at: Timestamp) -> DateTime<Utc> {
    DateTime::from_timestamp_micros(at.0).unwrap_or_default()
}

/// A token is made after somebody left, and not in the future, but for what clocks differ by.
fn issued_in_time(issued: DateTime<Utc>, begun: Timestamp, now: Timestamp) -> std::result::Result<(), String> {
    let issued = issued.timestamp_micros();
    if issued < begun.0 - SKEW {
        return Err("it was issued before it was asked for (iat)".to_owned());
    }
    if issued > now.0 + SKEW {
        return Err(
            "it was issued in the future (iat): compare the clocks of the provider and of this machine".to_owned()
        );
    }
    Ok(())
}

/// The groups that a claim holds: a list of strings, or one. The claim is of this name, or lies in objects by a path with dots.
fn groups_in(claims: &Map<String, Value>, claim: &str) -> Option<Vec<String>> {
    let within = || {
        let mut parts = claim.split('.');
        let first = claims.get(parts.next()?)?;
        parts.try_fold(first, |at, part| at.get(part))
    };
    match claims.get(claim).or_else(within)? {
        Value::String(one) => Some(vec![one.clone()]),
        Value::Array(all) => Some(all.iter().filter_map(Value::as_str).map(str::to_owned).collect()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn groups(claims: &Value, claim: &str) -> Option<Vec<String>> {
        groups_in(claims.as_object()?, claim)
    }

    #[test]
    fn groups_are_where_the_setting_says() {
        let claims = json!({"groups": ["a", 1, "b"], "one": "c", "realm": {"roles": ["d"]}, "https://x.example/g": ["e"], "n": 1});
        let all = |names: &[&str]| Some(names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>());
        assert_eq!(groups(&claims, "groups"), all(&["a", "b"]));
        assert_eq!(groups(&claims, "one"), all(&["c"]));
        assert_eq!(groups(&claims, "realm.roles"), all(&["d"]));
        assert_eq!(groups(&claims, "https://x.example/g"), all(&["e"]), "a name with dots is a name first");
        assert_eq!((groups(&claims, "n"), groups(&claims, "realm.none"), groups(&claims, "none")), (None, None, None));
    }

    #[test]
    fn a_token_is_of_the_time_in_which_it_was_asked_for() {
        let (begun, now) = (Timestamp(1_790_000_000_000_000), Timestamp(1_790_000_060_000_000));
        let issued = |offset: i64| issued_in_time(calendar(begun.plus(offset)), begun, now).is_ok();
        assert!(issued(0) && issued(-SKEW) && issued(2 * SKEW));
        assert!(!issued(-SKEW - 1_000_000) && !issued(2 * SKEW + 1_000_000));
    }
}
