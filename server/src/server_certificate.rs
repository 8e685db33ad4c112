//! The certificates of our own listeners: given by whoever runs Muster, or from the operations CA as soon as there is
//! one, or self-made until then. They are renewed by themselves, replaced while connections go on, and accompanied by
//! the OCSP answer about them.

use crate::{cli::Listen, failure::Failure, listener::Certificates};
use domain::authority::{AuthorityKind, AuthorityState};
use fleet::{Actor, Fleet, trust::Verdict};
use pki::{ConsoleFiles, Identity};
use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    path::PathBuf,
    sync::Arc,
    time::Duration,
};
use tokio::time::{Instant, timeout_at};

/// In whose name certificates of our servers are issued.
const RULE: Actor = Actor::Rule { name: "server certificate" };
/// How often the certificate is looked at: renewed if it is ours, read again if it is not.
const READ_EVERY: Duration = Duration::from_secs(3600);
/// How often the OCSP answer about it is made new: long before it ends, which is after an hour.
const STAPLE_EVERY: Duration = Duration::from_secs(600);
/// How long to wait where there should be an OCSP answer but is none yet.
const STAPLE_AGAIN: Duration = Duration::from_secs(5);

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

    /// The certificate to use now.
    ///
    /// # Errors
    /// When one was given and can't be read, or none can be made.
    pub async fn read(&self, fleet: &Fleet) -> Result<Identity, Failure> {
        if let Some((certificate, key)) = &self.given {
            return read_given(certificate, key, fleet);
        }
        let (names, addresses) = self.names(fleet).await?;
        if operations(fleet).is_some() {
            match of_operations(fleet, &names, &addresses).await {
                Ok(identity) => return Ok(identity),
                Err(error) => tracing::warn!(
                    %error, gateway = self.is_gateway,
                    "the operations CA can't sign this server's certificate; a self-made one is used"
                ),
            }
        }
        Ok(pki::console_identity(&self.files, &names, &addresses, fleet.now())?)
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
        let mut changes = fleet.trust_changes();
        let (mut known, mut read_at) = (operations(&fleet), Instant::now());
        loop {
            let stapled = staple(&fleet, &certificates).await;
            let pause = if stapled || known.is_none() { STAPLE_EVERY } else { STAPLE_AGAIN };
            let until = Instant::now() + pause;
            // What is trusted changes often, and seldom concerns us.
            let changed = loop {
                match timeout_at(until, changes.changed()).await {
                    Ok(Ok(())) if operations(&fleet) != known || is_cut_off(&fleet, &certificates) => break true,
                    Ok(Ok(())) => {}
                    Ok(Err(_)) => return,
                    Err(_) => break false,
                }
            };
            if changed || read_at.elapsed() >= READ_EVERY {
                (known, read_at) = (operations(&fleet), Instant::now());
                match self.read(&fleet).await {
                    Ok(identity) => certificates.replace(&identity),
                    Err(error) => tracing::error!(%error, "the certificate can't be read again; the old one stays"),
                }
                // One that is cut off and can't be replaced must not make this loop spin.
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
        }
    }
}

/// The operations CA that signs now, as its key is called.
fn operations(fleet: &Fleet) -> Option<domain::id::AuthorityId> {
    let trust = fleet.trust();
    let signs = trust.authorities().filter(|authority| {
        authority.kind() == AuthorityKind::Operations && authority.state() == AuthorityState::Active
    });
    signs.map(fleet::trust::AuthorityTrust::id).max()
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

/// Gives the newest OCSP answer along. Whether there is one.
async fn staple(fleet: &Fleet, certificates: &Certificates) -> bool {
    let Some(certificate) = certificates.certificate() else { return false };
    let answer = fleet.staple(&certificate).await;
    let is_there = answer.is_some();
    certificates.staple(&certificate, answer.map(|answer| answer.to_vec()));
    is_there
}

fn is_cut_off(fleet: &Fleet, certificates: &Certificates) -> bool {
    let used = certificates.certificate().and_then(|der| pki::Certificate::from_der(&der).ok());
    let Some((used, key_id)) = used.and_then(|used| used.authority_key_id().map(|key_id| (used, key_id))) else {
        return false;
    };
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
    use super::*;

    #[test]
    fn the_gateway_s_address_names_a_host() {
        assert_eq!(host_of("https://gateway.example:8444/x"), Some("gateway.example"));
        assert_eq!(host_of("https://gateway.example"), Some("gateway.example"));
        assert_eq!(host_of("https://[2001:db8::7]:8444"), Some("[2001:db8::7]"));
        assert_eq!(host_of("https://[2001:db8::7]"), Some("[2001:db8::7]"));
        assert_eq!(host_of(""), None);
    }
}
