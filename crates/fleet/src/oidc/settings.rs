//! What an operator says of a provider, and what is wrong with it.

use domain::oidc::{GroupRole, LocalSignIn, SecondFactor};
use openidconnect::{
    IssuerUrl,
    url::{Host, Url},
};

/// What an operator says of a provider.
#[derive(Clone)]
pub struct ProviderSettings {
    /// Its issuer identifier: an address, to the letter as its tokens name it.
    pub issuer: String,
    /// What it calls this console.
    pub client_id: String,
    /// What this console shows it; none for a public client, which has PKCE alone.
    pub client_secret: Option<String>,
    /// What is asked for beside `openid`.
    pub scopes: Vec<String>,
    /// The claim that holds somebody's groups: its name, or its place in objects with dots between.
    pub groups_claim: String,
    /// Which groups have which roles.
    pub groups: Vec<GroupRole>,
    /// What people call it.
    pub label: Option<String>,
    /// What it says of a sign-in that counts as a second factor.
    pub second_factor: Vec<SecondFactor>,
    /// Who may still come in without it.
    pub local: LocalSignIn,
    /// Certificates of authorities (PEM) that it may have its own from, beside the public ones.
    pub authorities: Option<Vec<u8>>,
}

impl Default for ProviderSettings {
    fn default() -> Self {
        Self {
            issuer: String::new(),
            client_id: String::new(),
            client_secret: None,
            scopes: Vec::new(),
            groups_claim: String::new(),
            groups: Vec::new(),
            label: None,
            second_factor: Vec::new(),
            local: LocalSignIn::Everybody,
            authorities: None,
        }
    }
}

impl ProviderSettings {
    pub(super) fn check(&self) -> Result<(), String> {
        if self.client_id.trim().is_empty() {
            return Err("oidc-client-id is missing: what the provider calls this console".to_owned());
        }
        if self.groups.is_empty() {
            return Err(
                "oidc-group is missing: without a group that is mapped to a role nobody could sign in".to_owned()
            );
        }
        if self.groups_claim.trim().is_empty() {
            return Err("oidc-groups-claim is empty".to_owned());
        }
        if self.client_secret.as_ref().is_some_and(|secret| secret.trim().is_empty()) {
            return Err("the provider's client secret is empty; leave it out for a public client".to_owned());
        }
        Ok(())
    }
}

/// Whether an address is of this machine, which may be asked without TLS.
pub(super) fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name.eq_ignore_ascii_case("localhost"),
        Some(Host::Ipv4(ip)) => ip.is_loopback(),
        Some(Host::Ipv6(ip)) => ip.is_loopback(),
        None => false,
    }
}

/// An issuer identifier: https, without query and fragment (OpenID Connect Discovery 1.0, section 2); without TLS on this machine
/// alone.
pub(super) fn checked_issuer(text: &str) -> Result<IssuerUrl, String> {
    let wrong = |why: &str| format!("oidc-issuer: {text} can't be an issuer: {why}");
    let issuer = IssuerUrl::new(text.to_owned()).map_err(|error| wrong(&error.to_string()))?;
    let url = issuer.url();
    match url.scheme() {
        "https" => {}
        "http" if is_loopback(url) => {}
        "http" => return Err(wrong("http is for a provider on this machine alone; give an https address")),
        _ => return Err(wrong("it begins with https://")),
    }
    if url.query().is_some() || url.fragment().is_some() || !url.username().is_empty() || url.password().is_some() {
        return Err(wrong("it has neither a query nor a fragment nor a user's name"));
    }
    Ok(issuer)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_issuer_is_https_or_on_this_machine() {
        for right in [
            "https://id.example/realms/x",
            "https://id.example/",
            "http://127.0.0.1:9/x",
            "http://localhost:9",
            "http://[::1]:9",
        ] {
            assert!(checked_issuer(right).is_ok(), "{right}");
        }
        for wrong in [
            "http://id.example",
            "http://localhost.evil.example",
            "http://10.0.0.1",
            "ftp://id.example",
            "https://id.example?x",
            "https://id.example#x",
            "https://a:b@id.example",
            "id.example",
            "",
        ] {
            assert!(checked_issuer(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn what_is_missing_is_told() {
        let told = |settings: ProviderSettings| settings.check().err().unwrap_or_default();
        let whole = ProviderSettings {
            client_id: "muster".into(),
            groups_claim: "groups".into(),
            groups: vec![GroupRole { group: "a".into(), role: domain::person::Role::Admin }],
            ..ProviderSettings::default()
        };
        assert_eq!(told(whole.clone()), "");
        assert!(told(ProviderSettings { groups: Vec::new(), ..whole.clone() }).contains("oidc-group is missing"));
        assert!(told(ProviderSettings { client_id: " ".into(), ..whole.clone() }).contains("oidc-client-id"));
        assert!(told(ProviderSettings { client_secret: Some("\n".into()), ..whole }).contains("secret is empty"));
    }
}
