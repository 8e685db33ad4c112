//! The certificates of our own listeners: given by whoever runs Muster, or from the operations CA as soon as there is
//! one, or self-made until then. They are renewed by themselves, and replaced while connections go on. Those that an
//! authority of ours signed are accompanied by the OCSP answer about them; about others we have none.

use crate::{cli::Listen, failure::Failure, listener::Certificates};
use domain::{
    authority::{AuthorityKind, AuthorityState},
    id::AuthorityId,
};
use fleet::{
    Actor, Fleet,
    trust::{AuthorityTrust, Verdict},
};
use pki::{ConsoleFiles, Identity};
use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    path::PathBuf,
    sync::Arc,
    time::Duration,
};
use tokio::{
    sync::broadcast::error::RecvError,
    time::{Instant, sleep, sleep_until},
};

/// In whose name certificates of our servers are issued.
const RULE: Actor = Actor::Rule { name: "server certificate" };
/// How often the certificate is looked at: renewed if it is ours, read again if it is not.
const READ_EVERY: Duration = Duration::from_secs(3600);
/// How often the OCSP answer about it is made new: long before it ends, which is after an hour.
const STAPLE_EVERY: Duration = Duration::from_secs(600);
/// How long to wait where there should be an OCSP answer but is none yet.
const STAPLE_AGAIN: Duration = Duration::from_secs(5);
/// How long to wait after the operations CA could not sign, and the longest wait if it goes on so.
const AGAIN: (Duration, Duration) = (Duration::from_secs(2), Duration::from_secs(60));
/// The bell's topic of settings, one of which is the gateway's address.
const SETTING: &str = "setting";

/// Where a listener's certificate comes from.
pub struct Source {
    given: Option<(PathBuf, PathBuf)>,
    files: ConsoleFiles,
    /// The name that people use.
    host: Option<String>,
    address: IpAddr,
    /// Whether devices come here, to whom the settings say another name.
    is_gateway: bool,
}

impl Source {
    /// The console's.
    #[must_use]
    pub fn of_console(listen: &Listen, fleet: &Fleet) -> Self {
        Self {
            given: listen.tls_cert.clone().zip(listen.tls_key.clone()),
            files: ConsoleFiles::within(fleet.folder()),
            host: listen.host.clone(),
            address: listen.console.ip(),
            is_gateway: false,
        }
    }

    /// The gateway's. What is given for the console is for browsers; devices know our own roots.
    #[must_use]
    pub fn of_gateway(listen: &Listen, fleet: &Fleet) -> Self {
        let folder = fleet.folder().join("tls");
        Self {
            given: None,
            files: ConsoleFiles { identity: folder.join("gateway.pem"), certificate: folder.join("gateway.crt") },
            host: listen.host.clone(),
            address: listen.gateway.ip(),
            is_gateway: true,
        }
    }

    /// The certificate to begin with: self-made when the operations CA can't sign.
    ///
    /// # Errors
    /// When one was given and can't be read, or none can be made.
    pub async fn read(&self, fleet: &Fleet) -> Result<Identity, Failure> {
        match self.signed(fleet).await {
            Ok(Some(identity)) => return Ok(identity),
            Ok(None) => {}
            Err(error) if self.given.is_some() => return Err(error),
            Err(error) => tracing::warn!(
                %error, gateway = self.is_gateway,
                "the operations CA can't sign this server's certificate; a self-made one is used until it can"
            ),
        }
        self.self_made(fleet).await
    }

    /// The certificate that was given, or one of the operations CA. None when there is neither.
    async fn signed(&self, fleet: &Fleet) -> Result<Option<Identity>, Failure> {
        if let Some((certificate, key)) = &self.given {
            return read_given(certificate, key, fleet).map(Some);
        }
        if operations(fleet).is_none() {
            return Ok(None);
        }
        let (names, addresses) = self.names(fleet).await?;
        of_operations(fleet, &names, &addresses).await.map(Some)
    }

    async fn self_made(&self, fleet: &Fleet) -> Result<Identity, Failure> {
        let (names, addresses) = self.names(fleet).await?;
        Ok(pki::console_identity(&self.files, &names, &addresses, fleet.now())?)
    }

    /// The certificate to go on with. While the operations CA can't sign, what is used serves on as long as it is good;
    /// none then. Whether there is to be another try soon.
    async fn next(&self, fleet: &Fleet, used: &Certificates) -> (Option<Identity>, bool) {
        let (made, again) = match self.signed(fleet).await {
            Ok(Some(identity)) => (Ok(identity), false),
            Ok(None) => (self.self_made(fleet).await, false),
            Err(error) if self.given.is_some() || serves(fleet, used) => {
                tracing::warn!(%error, gateway = self.is_gateway, "no new certificate for this server; the old one stays");
                return (None, true);
            }
            Err(error) => {
                tracing::error!(
                    %error, gateway = self.is_gateway,
                    "the operations CA can't sign this server's certificate, and the old one is over; a self-made one is used"
                );
                (self.self_made(fleet).await, true)
            }
        };
        match made {
            Ok(identity) => (Some(identity), again),
            Err(error) => {
                tracing::error!(%error, "no certificate can be made; the old one stays");
                (None, true)
            }
        }
    }

    /// What the certificate should be like now.
    async fn basis(&self, fleet: &Fleet) -> Result<Basis, Failure> {
        let (names, addresses) = self.names(fleet).await?;
        Ok(Basis { signer: operations(fleet), names, addresses })
    }

    /// By which names and addresses the listener is reached; always in the same order, so that a certificate that was
    /// issued for them is found again.
    async fn names(&self, fleet: &Fleet) -> Result<(Vec<String>, Vec<IpAddr>), Failure> {
        let mut hosts: Vec<String> = self.host.iter().cloned().collect();
        if self.is_gateway {
            hosts.extend(host_of(&fleet.settings(&RULE).await?.gateway_url).map(str::to_owned));
        }
        let (mut names, mut addresses) = (Vec::new(), Vec::new());
        for host in hosts {
            match host.trim_matches(['[', ']']).parse() {
                Ok(address) => addresses.push(address),
                Err(_) => names.push(host.to_ascii_lowercase()),
            }
        }
        names.push("localhost".to_owned());
        addresses.extend(Some(self.address).filter(|address| !address.is_unspecified()));
        addresses.extend([IpAddr::V4(Ipv4Addr::LOCALHOST), IpAddr::V6(Ipv6Addr::LOCALHOST)]);
        (names, addresses) = (without_repetition(names), without_repetition(addresses));
        Ok((names, addresses))
    }

    /// Keeps the certificate and the OCSP answer about it fresh, until the process ends.
    pub async fn keep(self, fleet: Fleet, certificates: Arc<Certificates>) {
        let (mut trust, mut bell) = (fleet.trust_changes(), fleet.changes());
        let (mut read_at, mut staple_at) = (Instant::now(), Instant::now());
        // When to try again what did not work, and how long to wait after that.
        let (mut again_at, mut wait) = (None, AGAIN.0);
        let mut made_for = None;
        loop {
            let now = Instant::now();
            // Where the settings can't be read, nothing says that the certificate is outdated.
            let basis = self.basis(&fleet).await.ok();
            let is_new = basis != made_for && basis.as_ref().is_some_and(|basis| !basis.is_met(&fleet, &certificates));
            let is_outdated = self.given.is_none() && (is_new || is_cut_off(&fleet, &certificates));
            let is_due = again_at.map_or(is_outdated, |at| at <= now) || now >= read_at + READ_EVERY;
            if is_due {
                let (identity, again) = self.next(&fleet, &certificates).await;
                if let Some(identity) = identity {
                    certificates.replace(&identity);
                }
                (read_at, staple_at) = (now, now);
                if again {
                    (again_at, wait) = (Some(now + wait), (wait * 2).min(AGAIN.1));
                } else {
                    (again_at, wait, made_for) = (None, AGAIN.0, basis);
                }
            }
            if staple_at <= now {
                staple_at = now + staple(&fleet, &certificates).await;
            }
            // What is trusted changes often, and seldom concerns us: it is looked at once a second.
            sleep(Duration::from_secs(1)).await;
            let until = staple_at.min(read_at + READ_EVERY);
            tokio::select! {
                changed = trust.changed() => if changed.is_err() { return },
                () = set(&mut bell) => {}
                () = sleep_until(again_at.map_or(until, |at| at.min(until))) => {}
            }
        }
    }
}

/// What a certificate of ours is made for.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Basis {
    signer: Option<AuthorityId>,
    names: Vec<String>,
    addresses: Vec<IpAddr>,
}

impl Basis {
    /// Whether the certificate in use is such a one. A self-made one may have more names.
    fn is_met(&self, fleet: &Fleet, used: &Certificates) -> bool {
        let Some(used) = certificate_of(used) else { return false };
        let trust = fleet.trust();
        let signer = used.authority_key_id().and_then(|key_id| trust.by_key(&key_id).map(AuthorityTrust::id));
        let (names, addresses) = (used.dns_names(), used.ip_addresses());
        signer == self.signer
            && self.names.iter().all(|name| names.contains(name))
            && self.addresses.iter().all(|address| addresses.contains(address))
            && (signer.is_none() || (names.len(), addresses.len()) == (self.names.len(), self.addresses.len()))
    }
}

/// Waits until a setting was changed, or may have been.
async fn set(bell: &mut tokio::sync::broadcast::Receiver<store::change::Change>) {
    loop {
        match bell.recv().await {
            Ok(change) if change.topic != SETTING => {}
            Ok(_) | Err(RecvError::Lagged(_)) => return,
            // There will be no more; the hourly look remains.
            Err(RecvError::Closed) => std::future::pending().await,
        }
    }
}

/// The operations CA that signs now, as its key is called.
fn operations(fleet: &Fleet) -> Option<AuthorityId> {
    let trust = fleet.trust();
    let signs = trust.authorities().filter(|authority| {
        authority.kind() == AuthorityKind::Operations && authority.state() == AuthorityState::Active
    });
    signs.map(AuthorityTrust::id).max()
}

async fn of_operations(fleet: &Fleet, names: &[String], addresses: &[IpAddr]) -> Result<Identity, Failure> {
    let (chain, key) = fleet.server_certificate(&RULE, names, addresses).await?;
    let chain = pki::chain_pem(&chain);
    Ok(pki::read_identity((chain.as_bytes(), "the certificate"), (key.as_bytes(), "its key"))?)
}

fn read_given(certificate: &PathBuf, key: &PathBuf, fleet: &Fleet) -> Result<Identity, Failure> {
    let read = |path: &PathBuf| {
        let text = std::fs::read(path);
        text.map_err(|error| Failure::NotDone(format!("{} can't be read: {error}", path.display())))
    };
    let names = (certificate.display().to_string(), key.display().to_string());
    let (chain, key) = (read(certificate)?, read(key)?);
    let identity = pki::read_identity((&chain, &names.0), (&key, &names.1))?;
    if identity.facts.not_after < fleet.now() {
        tracing::warn!(ended = %identity.facts.not_after, "the given certificate has ended; browsers will refuse it");
    }
    Ok(identity)
}

/// Gives the newest OCSP answer along, and says when to ask for the next one.
async fn staple(fleet: &Fleet, certificates: &Certificates) -> Duration {
    let Some(used) = certificate_of(certificates) else { return STAPLE_EVERY };
    let answer = fleet.staple(used.der()).await;
    let is_there = answer.is_some();
    certificates.staple(used.der(), answer.map(|answer| answer.to_vec()));
    // About a certificate that is not of ours there will be none.
    let is_ours = used.authority_key_id().is_some_and(|key_id| fleet.trust().by_key(&key_id).is_some());
    if is_there || !is_ours { STAPLE_EVERY } else { STAPLE_AGAIN }
}

fn certificate_of(certificates: &Certificates) -> Option<pki::Certificate> {
    certificates.certificate().and_then(|der| pki::Certificate::from_der(&der).ok())
}

/// Whether what is used can go on being used.
fn serves(fleet: &Fleet, used: &Certificates) -> bool {
    !is_cut_off(fleet, used) && certificate_of(used).is_some_and(|used| used.not_after() > fleet.now())
}

fn is_cut_off(fleet: &Fleet, used: &Certificates) -> bool {
    let used = certificate_of(used).and_then(|used| used.authority_key_id().map(|key_id| (used, key_id)));
    let Some((used, key_id)) = used else { return false };
    matches!(fleet.trust().admits(&key_id, &used.serial_hex()), Verdict::Held | Verdict::Revoked)
}

/// `https://gateway.example:8444` is at `gateway.example`.
fn host_of(url: &str) -> Option<&str> {
    let rest = url.split_once("://")?.1;
    let authority = rest.split('/').next()?;
    let host = match authority.rsplit_once(':') {
        Some((host, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => host,
        _ => authority,
    };
    Some(host).filter(|host| !host.is_empty())
}

fn without_repetition<T: PartialEq>(all: Vec<T>) -> Vec<T> {
    let mut out = Vec::with_capacity(all.len());
    for one in all {
        if !out.contains(&one) {
            out.push(one);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;

    #[tokio::test]
    async fn nobody_waits_for_an_answer_about_what_is_not_ours() {
        let fixture = store::testing::sqlite().await.unwrap();
        let fleet = Fleet::new(fixture.db.clone(), fixture.folder.path().to_owned());
        let made = pki::console_certificate(&[], &[], fleet.now()).unwrap();
        let identity = pki::read_identity((made.cert_pem.as_bytes(), "c"), (made.key_pem.as_bytes(), "k")).unwrap();
        assert_eq!(staple(&fleet, &Certificates::new(&identity)).await, STAPLE_EVERY);
    }

    #[test]
    fn the_gateway_s_address_names_a_host() {
        assert_eq!(host_of("https://gateway.example:8444/x"), Some("gateway.example"));
        assert_eq!(host_of("https://gateway.example"), Some("gateway.example"));
        assert_eq!(host_of("https://[2001:db8::7]:8444"), Some("[2001:db8::7]"));
        assert_eq!(host_of("https://[2001:db8::7]"), Some("[2001:db8::7]"));
        assert_eq!(host_of(""), None);
    }
}
