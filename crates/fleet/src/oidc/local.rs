//! Who may come in past the provider: by a password, a passkey or a link.

use super::Provider;
use crate::{Actor, Error, Fleet, Result};
use domain::{oidc::LocalSignIn, person::Role};
use store::{identity::Identity, user::User};

/// How whoever acts can show anew who they are.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct WaysToProve {
    /// By a second factor that they have here.
    pub here: bool,
    /// At this provider.
    pub provider: Option<String>,
}

impl Provider {
    /// Whether an account that belongs to somebody there, or to nobody, may be come in by here. Administrators always may: a provider
    /// that does not answer must lock nobody out. Whoever else belongs there comes from there, or leaving the company would not end it.
    fn lets_in(&self, role: Role, identity: Option<&Identity>) -> bool {
        let is_theirs = identity.is_some_and(|identity| identity.issuer == self.issuer());
        role == Role::Admin || (self.settings.local == LocalSignIn::Everybody && !is_theirs)
    }
}

impl Fleet {
    /// Whether somebody may come in by a password, a passkey or a link.
    pub(crate) async fn comes_in_here(&self, user: &User) -> Result<bool> {
        let Some(provider) = self.provider() else { return Ok(true) };
        let identity = store::identity::of_user(self.db(), user.id).await?;
        Ok(provider.lets_in(user.role, identity.as_ref()))
    }

    /// Whether there may be a way in here for a new account of this role.
    pub(crate) fn may_be_added(&self, role: Role) -> Result<()> {
        match self.provider().filter(|provider| !provider.lets_in(role, None)) {
            Some(provider) => Err(Error::field(
                "role",
                format!(
                    "Administrators alone sign in by password here. Whoever has a role by their groups at {} gets an account \
                     at their first sign-in.",
                    provider.label()
                ),
            )),
            None => Ok(()),
        }
    }

    /// What somebody is told who has to come from the provider.
    pub(crate) fn elsewhere(&self) -> String {
        let provider = self.provider();
        let label = provider.as_ref().map_or("the provider", |provider| provider.label());
        format!("This account signs in at {label}, and has no password here.")
    }

    /// Refuses what is about a password of an account that has none, because its owner comes from the provider.
    pub(crate) async fn refuse_elsewhere(&self, user: &User) -> Result<()> {
        if self.comes_in_here(user).await? { Ok(()) } else { Err(Error::Conflict(self.elsewhere())) }
    }

    /// How whoever acts can show anew who they are.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn ways_to_prove(&self, actor: &Actor) -> Result<WaysToProve> {
        let Some(id) = actor.user_id() else { return Ok(WaysToProve::default()) };
        let here = store::factor::has_any(self.db(), id).await?;
        let provider = self.provider_of(id).await?.map(|provider| provider.label().to_owned());
        Ok(WaysToProve { here, provider })
    }

    /// The provider, if an account belongs to somebody there.
    pub(crate) async fn provider_of(&self, id: domain::id::UserId) -> Result<Option<std::sync::Arc<Provider>>> {
        let Some(provider) = self.provider() else { return Ok(None) };
        let identity = store::identity::of_user(self.db(), id).await?;
        Ok(identity.filter(|identity| identity.issuer == provider.issuer()).map(|_| provider))
    }
}
