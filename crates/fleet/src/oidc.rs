//! Signing in at a provider of identities: OpenID Connect Core 1.0, by authorisation code with PKCE (RFC 7636, S256), the
//! provider known by its discovery document. Whoever comes in has a group there that is mapped to a role; the account is known
//! by issuer and subject, never by an address. And showing there anew who one is.

mod account;
mod answer;
mod arrive;
mod begin;
mod discovery;
mod link;
mod local;
mod settings;
mod web;

pub use arrive::{Arrived, Awaited, Returned};
pub use begin::Departure;
pub use discovery::Facts;
pub use local::WaysToProve;
pub use settings::ProviderSettings;
pub use store::identity::Identity;

use crate::Fleet;
use openidconnect::IssuerUrl;
use settings::checked_issuer;
use std::sync::Arc;
use tokio::sync::Mutex;
use web::Web;

/// Where the provider sends people back to, below the console's address.
pub const CALLBACK: &str = "/sign-in/oidc/callback";

/// A provider of identities, and what is known of it.
pub struct Provider {
    settings: ProviderSettings,
    issuer: IssuerUrl,
    label: String,
    web: Web,
    /// Whoever finds it too old asks anew, one at a time.
    known: Mutex<Option<discovery::Known>>,
    /// When it last could not be asked, and why: whoever waited meanwhile does not ask again.
    missed: std::sync::Mutex<Option<(std::time::Instant, String)>>,
}

impl Provider {
    /// A provider by its settings. Nobody is asked anything yet.
    ///
    /// # Errors
    /// Says which setting is wrong, and what to do.
    pub fn new(settings: ProviderSettings) -> Result<Self, String> {
        let issuer = checked_issuer(&settings.issuer)?;
        settings.check()?;
        let host = issuer.url().host_str().unwrap_or_default().to_owned();
        let label = settings.label.clone().unwrap_or(host);
        let web = Web::new(settings.authorities.as_deref())?;
        Ok(Self { settings, issuer, label, web, known: Mutex::default(), missed: std::sync::Mutex::default() })
    }

    /// What people call it.
    #[must_use]
    pub fn label(&self) -> &str {
        &self.label
    }

    /// How its tokens name it.
    #[must_use]
    pub fn issuer(&self) -> &str {
        self.issuer.as_str()
    }

    /// Who may still come in without it.
    #[must_use]
    pub const fn local(&self) -> domain::oidc::LocalSignIn {
        self.settings.local
    }

    /// Whether a second factor that was shown there can count.
    #[must_use]
    pub fn shows_second_factors(&self) -> bool {
        !self.settings.second_factor.is_empty()
    }
}

impl std::fmt::Debug for Provider {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Provider").field("issuer", &self.issuer.as_str()).finish_non_exhaustive()
    }
}

impl Fleet {
    /// The same fleet, whose people may sign in at this provider.
    #[must_use]
    pub fn with_provider(self, provider: Option<Provider>) -> Self {
        self.inner.provider.store(provider.map(Arc::new));
        self
    }

    /// Where people may sign in beside here, if anywhere.
    #[must_use]
    pub fn provider(&self) -> Option<Arc<Provider>> {
        self.inner.provider.load_full()
    }
}
