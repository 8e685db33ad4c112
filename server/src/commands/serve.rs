//! `muster serve`: the console.

use super::{COMMAND_LINE, place};
use crate::{
    Console, assets,
    cli::{Listen, Serve},
    data,
    failure::{Failure, Outcome},
    listener::{Certificates, Limits, Listener, tls_config},
    proxy::Proxies,
    router,
};
use app::AssetNames;
use fleet::Fleet;
use pki::{ConsoleFiles, Identity};
use std::{
    io::Write,
    net::IpAddr,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

/// How often what has served its time is cleared away.
const SWEEP_EVERY: Duration = Duration::from_secs(600);
/// How often the certificate is looked at: renewed if it is ours, read again if it is not.
const CERTIFICATE_EVERY: Duration = Duration::from_secs(3600);

/// Runs the console until it is told to stop.
///
/// # Errors
/// When it can't start.
pub async fn run(serve: Serve) -> Outcome {
    let folder = place::folder(&serve.place)?;
    data::make(&folder)?;
    let _lock = data::Lock::take(&folder)?;
    let fleet = place::open(folder, serve.place.database_url.as_deref()).await?;
    let running = Running::start(fleet.clone(), &serve.listen).await?;
    say(&format!("Muster runs at {}", running.url))?;
    if fleet.set_up_needed().await? {
        let token = fleet.set_up_link(&COMMAND_LINE).await?;
        say(&format!("Nobody has an account yet. Make the first one, within a day: {}/set-up/{token}", running.url))?;
    }
    running.until_stopped().await
}

/// Prints a line for whoever started the program.
///
/// # Errors
/// When nobody listens.
pub fn say(line: &str) -> std::io::Result<()> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{line}")?;
    out.flush()
}

/// A console that has its port and its certificate, and answers.
pub struct Running {
    /// Its address, without a slash at the end.
    pub url: String,
    fleet: Fleet,
    stop: CancellationToken,
    served: tokio::task::JoinHandle<()>,
}

impl Running {
    /// Binds the port and begins to answer.
    ///
    /// # Errors
    /// When the port, the certificate or the browser's files are missing.
    pub async fn start(fleet: Fleet, listen: &Listen) -> Result<Self, Failure> {
        let files = assets::manifest()?;
        let names = AssetNames { css: files.css.to_owned(), js: files.js.to_owned(), wasm: files.wasm.to_owned() };
        let source = CertificateSource::of(listen, fleet.folder());
        let identity = source.read(&fleet)?;
        let proxies = Proxies::new(&listen.trusted_proxy);
        let limits = Limits { proxies: proxies.clone(), ..Limits::default() };
        let listener = Listener::bind(listen.console, limits).await?;
        let url = url(listen, listener.local_addr().map_err(Failure::because)?.port());
        data::note_address(fleet.folder(), &url);
        let certificates = Certificates::new(&identity);
        let tls = tls_config(&certificates).map_err(Failure::because)?;
        let console = Console::new(fleet.clone(), names).behind(proxies);
        let stop = CancellationToken::new();
        fleet.forget_unanswered().await?;
        fleet.resume_imports().await?;
        tokio::spawn(source.watch(fleet.clone(), certificates));
        tokio::spawn(sweep(fleet.clone()));
        let served = tokio::spawn(listener.serve(tls, router::router(&console), stop.clone()));
        tracing::info!(
            url,
            database = fleet.db().kind(),
            data = %fleet.folder().display(),
            certificate = identity.facts.fingerprint,
            "the console listens"
        );
        Ok(Self { url, fleet, stop, served })
    }

    /// Answers until SIGTERM or SIGINT, then ends in order.
    ///
    /// # Errors
    /// When the program can't hear signals.
    pub async fn until_stopped(self) -> Outcome {
        let mut terminate = signal(SignalKind::terminate()).map_err(Failure::because)?;
        let mut interrupt = signal(SignalKind::interrupt()).map_err(Failure::because)?;
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        tracing::info!("told to stop; finishing what was begun");
        self.stop.cancel();
        // A panic there has been logged; what is left to do is the same.
        let _ = self.served.await;
        self.fleet.db().close().await;
        Ok(())
    }
}

async fn sweep(fleet: Fleet) {
    loop {
        if let Err(error) = fleet.sweep().await {
            tracing::warn!(%error, "what has served its time could not be cleared away");
        }
        tokio::time::sleep(SWEEP_EVERY).await;
        // A command that was stopped in the middle of its import leaves it to us.
        if let Err(error) = fleet.resume_imports().await {
            tracing::warn!(%error, "unfinished imports could not be looked for");
        }
    }
}

fn url(listen: &Listen, port: u16) -> String {
    let host = match (&listen.host, listen.console.ip()) {
        (Some(host), _) => host.clone(),
        (None, address) if address.is_unspecified() => "localhost".to_owned(),
        (None, address) => address.to_string(),
    };
    let host = if host.contains(':') && !host.starts_with('[') { format!("[{host}]") } else { host };
    if port == 443 { format!("https://{host}") } else { format!("https://{host}:{port}") }
}

/// Where the certificate comes from.
enum CertificateSource {
    Own { files: ConsoleFiles, dns_names: Vec<String>, addresses: Vec<IpAddr> },
    Given { certificate: PathBuf, key: PathBuf },
}

impl CertificateSource {
    fn of(listen: &Listen, data: &Path) -> Self {
        if let (Some(certificate), Some(key)) = (listen.tls_cert.clone(), listen.tls_key.clone()) {
            return Self::Given { certificate, key };
        }
        let (mut dns_names, mut addresses) = (Vec::new(), vec![listen.console.ip()]);
        match listen.host.as_deref().map(|host| (host, host.trim_matches(['[', ']']).parse())) {
            Some((_, Ok(address))) => addresses.push(address),
            Some((name, Err(_))) => dns_names.push(name.to_owned()),
            None => {}
        }
        Self::Own { files: ConsoleFiles::within(data), dns_names, addresses }
    }

    fn read(&self, fleet: &Fleet) -> Result<Identity, Failure> {
        match self {
            Self::Own { files, dns_names, addresses } => {
                Ok(pki::console_identity(files, dns_names, addresses, fleet.now())?)
            }
            Self::Given { certificate, key } => {
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
        }
    }

    async fn watch(self, fleet: Fleet, certificates: Arc<Certificates>) {
        loop {
            tokio::time::sleep(CERTIFICATE_EVERY).await;
            match self.read(&fleet) {
                Ok(identity) => certificates.replace(&identity),
                Err(error) => tracing::error!(%error, "the certificate can't be read again; the old one stays in use"),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "the command line is the test's own")]
    use super::*;
    use crate::cli::{Cli, Command};
    use clap::Parser;

    fn listen(options: &[&str]) -> Listen {
        let cli = Cli::try_parse_from(["muster", "serve"].iter().chain(options)).unwrap();
        let Command::Serve(serve) = cli.command else { unreachable!("serve was typed") };
        serve.listen
    }

    #[test]
    fn links_use_the_name_that_people_use() {
        assert_eq!(url(&listen(&[]), 8443), "https://127.0.0.1:8443");
        assert_eq!(
            url(&listen(&["--console", "0.0.0.0:443", "--host", "fleet.example"]), 443),
            "https://fleet.example"
        );
        assert_eq!(url(&listen(&["--console", "[::]:8443"]), 8443), "https://localhost:8443");
        assert_eq!(url(&listen(&["--console", "[2001:db8::7]:8443"]), 8443), "https://[2001:db8::7]:8443");
    }
}
