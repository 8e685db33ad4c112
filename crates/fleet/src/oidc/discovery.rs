//! What a provider says of itself (OpenID Connect Discovery 1.0), and its keys: asked when they are needed, kept for an hour, and
//! asked for anew when somebody comes with a key that is not among them.

use super::{
    Provider,
    answer::Rest,
    web::{innermost, refuse_plain},
};
use crate::{Error, Fleet, Result};
use domain::time::{HOUR, SECOND, Timestamp};
use futures::FutureExt;
use openidconnect::{
    AdditionalProviderMetadata, AuthType, Client, ClientId, ClientSecret, DiscoveryError, EmptyExtraTokenFields,
    EndpointMaybeSet, EndpointNotSet, EndpointSet, IdTokenFields, ProviderMetadata, RedirectUrl, StandardErrorResponse,
    StandardTokenResponse,
    core::{
        CoreAuthDisplay, CoreAuthPrompt, CoreClaimName, CoreClaimType, CoreClientAuthMethod, CoreErrorResponseType,
        CoreGenderClaim, CoreGrantType, CoreJsonWebKey, CoreJweContentEncryptionAlgorithm,
        CoreJweKeyManagementAlgorithm, CoreJwsSigningAlgorithm, CoreResponseMode, CoreResponseType, CoreRevocableToken,
        CoreRevocationErrorResponse, CoreSubjectIdentifierType, CoreTokenIntrospectionResponse, CoreTokenType,
    },
};
use serde::{Deserialize, Serialize};
use std::{sync::PoisonError, time::Instant};

/// How long what a provider says of itself is kept.
const KEPT: i64 = HOUR;
/// How often it is asked for its keys at most, whatever people come with.
const AGAIN_AFTER: i64 = 10 * SECOND;

/// What we read beside what the library knows.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
pub(super) struct More {
    /// Where it is told that somebody signs out (RP-Initiated Logout 1.0).
    #[serde(default)]
    pub(super) end_session_endpoint: Option<String>,
    /// Whether it names itself in its answers (RFC 9207).
    #[serde(default)]
    pub(super) authorization_response_iss_parameter_supported: bool,
    /// Which ways of PKCE it knows (RFC 8414).
    #[serde(default)]
    pub(super) code_challenge_methods_supported: Option<Vec<String>>,
}

impl AdditionalProviderMetadata for More {}

pub(super) type Metadata = ProviderMetadata<
    More,
    CoreAuthDisplay,
    CoreClientAuthMethod,
    CoreClaimName,
    CoreClaimType,
    CoreGrantType,
    CoreJweContentEncryptionAlgorithm,
    CoreJweKeyManagementAlgorithm,
    CoreJsonWebKey,
    CoreResponseMode,
    CoreResponseType,
    CoreSubjectIdentifierType,
>;

type Fields = IdTokenFields<
    Rest,
    EmptyExtraTokenFields,
    CoreGenderClaim,
    CoreJweContentEncryptionAlgorithm,
    CoreJwsSigningAlgorithm,
>;

pub(super) type Tokens = StandardTokenResponse<Fields, CoreTokenType>;

pub(super) type OurClient = Client<
    Rest,
    CoreAuthDisplay,
    CoreGenderClaim,
    CoreJweContentEncryptionAlgorithm,
    CoreJsonWebKey,
    CoreAuthPrompt,
    StandardErrorResponse<CoreErrorResponseType>,
    Tokens,
    CoreTokenIntrospectionResponse,
    CoreRevocableToken,
    CoreRevocationErrorResponse,
    EndpointSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointMaybeSet,
    EndpointMaybeSet,
>;

/// What a provider said of itself, and when.
#[derive(Clone)]
pub(super) struct Known {
    pub(super) metadata: Metadata,
    at: Timestamp,
}

/// What an operator wants to know of a provider.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Facts {
    /// How many keys it signs with.
    pub keys: usize,
    /// Whether it says that it knows PKCE by S256; none where it does not say.
    pub pkce: Option<bool>,
    /// Whether it can be told that somebody signs out.
    pub ends_sessions: bool,
    /// Whether it says what somebody's groups are when it is asked apart from the token.
    pub has_userinfo: bool,
}

impl Provider {
    /// What it says of itself, not older than an hour.
    pub(super) async fn known(&self, now: Timestamp) -> Result<Known> {
        self.known_within(now, KEPT).await
    }

    /// The same, asked anew unless that was done a moment ago.
    pub(super) async fn known_anew(&self, now: Timestamp) -> Result<Known> {
        self.known_within(now, AGAIN_AFTER).await
    }

    async fn known_within(&self, now: Timestamp, age: i64) -> Result<Known> {
        let came = Instant::now();
        let mut known = self.known.lock().await;
        if let Some(kept) = known.as_ref().filter(|kept| kept.at <= now && now.0 - kept.at.0 < age) {
            return Ok(kept.clone());
        }
        let missed = self.missed.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some((_, why)) = missed.filter(|(at, _)| *at >= came) {
            return Err(self.away(&why));
        }
        let metadata = match self.discover().await {
            Ok(metadata) => metadata,
            Err(why) => {
                tracing::warn!(issuer = self.issuer(), why, "the provider of identities can't be asked what it is");
                let error = self.away(&why);
                *self.missed.lock().unwrap_or_else(PoisonError::into_inner) = Some((Instant::now(), why));
                return Err(error);
            }
        };
        let found = Known { metadata, at: now };
        *known = Some(found.clone());
        Ok(found)
    }

    fn away(&self, why: &str) -> Error {
        Error::Away(format!(
            "{} can't be asked at the moment, so nobody can sign in there: {why}. Try again in a moment; \
             administrators can sign in by password.",
            self.label
        ))
    }

    async fn discover(&self) -> std::result::Result<Metadata, String> {
        let asked = Metadata::discover_async(self.issuer.clone(), &self.web).boxed();
        let metadata = asked.await.map_err(|error| told(&error))?;
        // Where people are sent is not asked by us, and has to be as safe.
        refuse_plain(metadata.authorization_endpoint().as_str()).map_err(|error| error.to_string())?;
        if metadata.token_endpoint().is_none() {
            return Err("it names no token endpoint, which the authorisation code flow needs".to_owned());
        }
        Ok(metadata)
    }

    /// Asks it what it is, for whoever looks whether it works.
    ///
    /// # Errors
    /// Says what is wrong.
    pub async fn look(&self) -> std::result::Result<Facts, String> {
        let metadata = self.discover().await?;
        let more = metadata.additional_metadata();
        Ok(Facts {
            keys: metadata.jwks().keys().len(),
            pkce: more.code_challenge_methods_supported.as_ref().map(|known| known.iter().any(|way| way == "S256")),
            ends_sessions: more.end_session_endpoint.is_some(),
            has_userinfo: metadata.userinfo_endpoint().is_some(),
        })
    }

    /// This console as a client of the provider, for somebody who comes back to this address.
    pub(super) fn client(&self, known: &Known, redirect: &str) -> Result<OurClient> {
        let redirect = RedirectUrl::new(redirect.to_owned()).map_err(Error::internal)?;
        let secret = self.settings.client_secret.clone().map(ClientSecret::new);
        let id = ClientId::new(self.settings.client_id.clone());
        let client: OurClient = Client::from_provider_metadata(known.metadata.clone(), id, secret);
        let client = client.set_redirect_uri(redirect);
        // Without a word of it, basic authentication is what every provider takes (Discovery 1.0, section 3).
        let takes_basic = known
            .metadata
            .token_endpoint_auth_methods_supported()
            .is_none_or(|known| known.contains(&CoreClientAuthMethod::ClientSecretBasic));
        Ok(client.set_auth_type(if takes_basic { AuthType::BasicAuth } else { AuthType::RequestBody }))
    }
}

fn told<E: std::error::Error + 'static>(error: &DiscoveryError<E>) -> String {
    match error {
        DiscoveryError::Validation(why) => format!("the issuer that it names is another one: {why}"),
        DiscoveryError::Parse(why) => format!("what it says of itself can't be read: {}", innermost(why)),
        DiscoveryError::Response(status, _, why) if status.is_success() => format!("its answer is not JSON: {why}"),
        DiscoveryError::Response(status, ..) => format!("its discovery document is answered {status}"),
        other => innermost(other),
    }
}

impl Fleet {
    /// Where somebody is sent who has signed out here and wants to there, too; none where the provider has no such place.
    ///
    /// # Errors
    /// When the provider can't be asked.
    pub async fn provider_sign_out(&self) -> Result<Option<String>> {
        let Some(provider) = self.provider() else { return Ok(None) };
        let known = provider.known(self.now()).await?;
        let Some(place) = &known.metadata.additional_metadata().end_session_endpoint else { return Ok(None) };
        let Ok(mut url) = openidconnect::url::Url::parse(place) else { return Ok(None) };
        if refuse_plain(place).is_err() {
            return Ok(None);
        }
        url.query_pairs_mut().append_pair("client_id", &provider.settings.client_id);
        Ok(Some(url.into()))
    }
}
