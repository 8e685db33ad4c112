//! Settings of the authority: what an administrator chose, and what holds otherwise.

use crate::{Actor, Error, FieldError, Fleet, Result};
use domain::person::Permission;
use serde::{Deserialize, Serialize};
use serde_json::json;

/// Below which name devices have theirs.
pub const DOMAIN: &str = "authority.domain";
/// Where CRLs, OCSP answers and CA certificates are served, as it stands in certificates.
pub const PKI_URL: &str = "pki.url";
/// Where devices find the gateway.
pub const GATEWAY_URL: &str = "gateway.url";
/// How many devices one person may revoke without a second one.
pub const REVOCATION_LIMIT: &str = "revocation.limit";
/// How long a device's certificate holds, in days.
pub const DEVICE_DAYS: &str = "device.days";
/// How long a station's certificate holds, in days.
pub const STATION_DAYS: &str = "station.days";

/// Who must have a second factor.
pub const SECOND_FACTOR: &str = "sign_in.second_factor";

/// The largest file of a release that is taken, in MiB.
pub const RELEASE_MIB: &str = "release.mib";
/// The most that can be chosen for [`RELEASE_MIB`].
pub const RELEASE_MIB_MAX: i64 = 16 * 1024;

/// What holds when nothing was chosen.
fn default(key: &str) -> &'static str {
    match key {
        DOMAIN => "devices.muster.internal",
        REVOCATION_LIMIT => "100",
        DEVICE_DAYS => "730",
        STATION_DAYS => "30",
        RELEASE_MIB => "1024",
        _ => "",
    }
}

/// The settings of the authority, as they are shown and as a form gives them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Settings {
    /// Below which name devices have theirs. CAs that exist stay bound to the name that they were made with.
    pub domain: String,
    /// `http://pki.example`, or empty: then certificates name no addresses.
    pub pki_url: String,
    /// `https://gateway.example:8443`, or empty.
    pub gateway_url: String,
    /// How many devices one person may revoke without a second one.
    pub revocation_limit: i64,
    /// How long a device's certificate holds, in days.
    pub device_days: i64,
    /// How long a station's certificate holds, in days.
    pub station_days: i64,
    /// The largest file of a release that is taken, in MiB.
    pub release_mib: i64,
}

impl Default for Settings {
    fn default() -> Self {
        Self::of(&[])
    }
}

impl Settings {
    fn of(chosen: &[(String, String)]) -> Self {
        let text = |key: &str| {
            let value = chosen.iter().find(|(name, _)| name == key).map(|(_, value)| value.as_str());
            value.unwrap_or_else(|| default(key)).to_owned()
        };
        let number = |key: &str| text(key).parse().or_else(|_| default(key).parse()).unwrap_or_default();
        Self {
            domain: text(DOMAIN),
            pki_url: text(PKI_URL),
            gateway_url: text(GATEWAY_URL),
            revocation_limit: number(REVOCATION_LIMIT),
            device_days: number(DEVICE_DAYS),
            station_days: number(STATION_DAYS),
            release_mib: number(RELEASE_MIB),
        }
    }

    /// Where an authority's certificate, CRL and OCSP answers are, as its certificates say.
    #[must_use]
    pub fn urls(&self, slug: &str) -> pki::Urls {
        let base = self.pki_url.trim_end_matches('/');
        let at = |path: String| (!base.is_empty()).then_some(path);
        pki::Urls {
            ca_issuers: at(format!("{base}/ca/{slug}.cer")),
            ocsp: at(format!("{base}/ocsp/{slug}")),
            crl: at(format!("{base}/crl/{slug}.crl")),
        }
    }

    /// Where the gateway is, for texts that people read: a place to fill in when it isn't set.
    #[must_use]
    pub fn gateway(&self) -> &str {
        if self.gateway_url.is_empty() { "https://GATEWAY" } else { &self.gateway_url }
    }

    fn checked(&self) -> Result<Self> {
        let mut wrong = Vec::new();
        let mut say = |field: &str, message: &str| {
            wrong.push(FieldError { field: field.to_owned(), message: message.to_owned() });
        };
        let domain = self.domain.trim().trim_end_matches('.').to_ascii_lowercase();
        if !is_domain(&domain) {
            say("domain", "Give a DNS name in ASCII of at most 120 characters, like devices.example.com.");
        }
        let [pki_url, gateway_url] =
            [&self.pki_url, &self.gateway_url].map(|url| url.trim().trim_end_matches('/').to_owned());
        if !pki_url.is_empty() && !is_url(&pki_url, "http://") {
            say("pki_url", "Give an address that begins with http:// (verifiers fetch these without TLS), or none.");
        }
        if !gateway_url.is_empty() && !is_url(&gateway_url, "https://") {
            say("gateway_url", "Give an address that begins with https://, or none.");
        }
        if !(1..=1_000_000).contains(&self.revocation_limit) {
            say("revocation_limit", "Give a number from 1 to 1,000,000.");
        }
        if !(1..=9_125).contains(&self.device_days) {
            say("device_days", "Give a number of days from 1 to 9,125 (25 years).");
        }
        if !(1..=365).contains(&self.station_days) {
            say("station_days", "Give a number of days from 1 to 365.");
        }
        if !(1..=RELEASE_MIB_MAX).contains(&self.release_mib) {
            say("release_mib", "Give a number of MiB from 1 to 16,384.");
        }
        if wrong.is_empty() {
            Ok(Self { domain, pki_url, gateway_url, ..*self })
        } else {
            Err(Error::Invalid { fields: wrong })
        }
    }

    fn pairs(&self) -> [(&'static str, String); 7] {
        [
            (DOMAIN, self.domain.clone()),
            (PKI_URL, self.pki_url.clone()),
            (GATEWAY_URL, self.gateway_url.clone()),
            (REVOCATION_LIMIT, self.revocation_limit.to_string()),
            (DEVICE_DAYS, self.device_days.to_string()),
            (STATION_DAYS, self.station_days.to_string()),
            (RELEASE_MIB, self.release_mib.to_string()),
        ]
    }
}

fn is_domain(text: &str) -> bool {
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    // A device's name has two labels of up to 63 characters before it, and 253 in all.
    text.len() <= 120 && text.contains('.') && text.split('.').all(label)
}

fn is_url(text: &str, scheme: &str) -> bool {
    let host = text.strip_prefix(scheme).unwrap_or_default();
    text.len() <= 200
        && host.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '[')
        && host.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._~:/[]%".contains(&b))
}

impl Fleet {
    /// The settings.
    ///
    /// # Errors
    /// When the actor may not see them.
    pub async fn settings(&self, actor: &Actor) -> Result<Settings> {
        actor.require(Permission::AuthorityRead)?;
        self.load_settings().await
    }

    pub(crate) async fn load_settings(&self) -> Result<Settings> {
        Ok(Settings::of(&store::setting::all(self.db()).await?))
    }

    /// One setting that is a number.
    pub(crate) async fn setting_number(&self, key: &str) -> Result<i64> {
        let chosen = store::setting::one(self.db(), key).await?;
        let number = chosen.as_deref().and_then(|value| value.parse().ok());
        Ok(number.or_else(|| default(key).parse().ok()).unwrap_or_default())
    }

    /// Saves the settings. They hold for what is issued from now on.
    ///
    /// # Errors
    /// When the actor may not, or a field is wrong.
    pub async fn save_settings(&self, actor: &Actor, form: &Settings) -> Result<Settings> {
        self.authorise(actor, Permission::SettingManage, "settings").await?;
        let settings = form.checked()?;
        let before = self.load_settings().await?;
        let mut deed = self.allow(actor, Permission::SettingManage, "settings").await?;
        for (key, value) in settings.pairs() {
            store::setting::put(&mut deed.tx, key, &value).await?;
        }
        deed.ring("setting", "authority").await?;
        deed.commit("setting.save", "settings", &json!({"before": before, "after": settings})).await?;
        Ok(settings)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_holds_when_nothing_was_chosen_can_be_saved() {
        assert_eq!(Settings::default().checked().ok(), Some(Settings::default()));
        assert_eq!(Settings::default().urls("a").crl, None);
    }

    #[test]
    fn addresses_stand_in_certificates_so_they_are_checked() {
        let with = |pki_url: &str| Settings { pki_url: pki_url.to_owned(), ..Settings::default() };
        assert_eq!(
            with("http://pki.example/").checked().ok().and_then(|s| s.urls("b").crl).as_deref(),
            Some("http://pki.example/crl/b.crl")
        );
        for wrong in ["https://pki.example", "pki.example", "http://", "http://a b", "http://a\"b", "ldap://x"] {
            assert!(with(wrong).checked().is_err(), "{wrong}");
        }
        for wrong in ["", "localhost", "-a.example", "a..b", "ä.example"] {
            assert!(Settings { domain: wrong.to_owned(), ..Settings::default() }.checked().is_err(), "{wrong}");
        }
    }
}
