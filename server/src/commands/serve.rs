//! `muster serve`: the console, the gateway, and what verifiers fetch.

use super::{COMMAND_LINE, oidc, place, shelf};
use crate::{
    Console, assets,
    cli::{Listen, Serve, Watch},
    data,
    failure::{Failure, Outcome},
    gateway, health,
    listener::{Certificates, Door, Gate, Limits, Listener, tls_config},
    metrics::{Doorway, Metrics},
    middleware, notify,
    proxy::Proxies,
    ready::Readiness,
    repository, router,
    server_certificate::Source,
    traces,
    webhooks::{self, Sender, Trusted},
};
use app::AssetNames;
use fleet::{Fleet, observe::Job};
use std::{
    io::Write,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    sync::Arc,
    time::{Duration, Instant},
};
use store::Db;
use tokio::{
    signal::unix::{Signal, SignalKind, signal},
    task::JoinHandle,
};
use tokio_util::sync::CancellationToken;

/// Which version this is.
const VERSION: &str = env!("CARGO_PKG_VERSION");
/// How much of a node's name is kept, in characters.
const NODE_NAME_MAX: usize = 64;
/// How long whoever reads metrics at the end may take over it.
const LAST_ANSWERS: Duration = Duration::from_secs(1);
/// How long the program waits at its end until it is written down how revocations spread.
const LAST_SPREAD: Duration = Duration::from_secs(10);
/// How long the collector may take over the last spans.
const LAST_SPANS: Duration = Duration::from_secs(3);
/// How often what has served its time is cleared away.
const SWEEP_EVERY: Duration = Duration::from_secs(600);

/// Runs the console until it is told to stop.
///
/// # Errors
/// When it can't start.
pub async fn run(serve: Serve) -> Outcome {
    let folder = place::folder(&serve.place)?;
    data::make(&folder)?;
    let _lock = data::Lock::take(&folder)?;
    let (keys, shelf) = (place::keys(&serve.keys, &folder)?, shelf::place(&serve.shelf)?);
    let provider = oidc::provider(&serve.oidc)?;
    let fleet = place::open(folder, place::database_url(&serve.place)?.as_deref()).await?;
    let fleet = fleet.with_keys(keys).with_shelf(shelf).with_provider(provider);
    let fleet = match &serve.read_url {
        Some(url) => fleet.with_replica(Db::replica(url)?),
        None => fleet,
    };
    shelf::reach(&fleet).await?;
    if !fleet.can_seal() {
        tracing::warn!(
            "no passphrase of keys was given: authorities, certificates, kits, CRLs and claim codes whose keys are in files \
             can't be made. Start with --key-passphrase-file FILE, with MUSTER_KEY_PASSPHRASE set, or with the systemd \
             credential muster-key-passphrase"
        );
    }
    let mut running = Running::start(fleet.clone(), &serve.listen, &serve.watch).await?;
    say(&format!("Muster runs at {}", running.url))?;
    if let Some(provider) = fleet.provider() {
        let uri = oidc::redirect_uri(&running.url);
        say(&format!("People sign in at {} too; its redirect URI for this console is {uri}", provider.label()))?;
    }
    say(&format!(
        "Devices and stations come to {}; CRLs, OCSP and CA certificates are at {}",
        running.gateway, running.pki
    ))?;
    if fleet.set_up_needed().await? {
        let token = fleet.set_up_link(&COMMAND_LINE).await?;
        say(&format!("Nobody has an account yet. Make the first one, within a day: {}/set-up/{token}", running.url))?;
    }
    running.beside(tokio::spawn(notify::watchdog()));
    notify::ready(&format!("Answers at {}", running.url));
    running.until_stopped().await;
    Ok(())
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

/// A program that has its ports and its certificates, and answers.
pub struct Running {
    /// The console's address, without a slash at the end.
    pub url: String,
    /// The gateway's.
    pub gateway: String,
    /// Where verifiers fetch what they need.
    pub pki: String,
    fleet: Fleet,
    readiness: Readiness,
    /// For how long it goes on when it is told to stop.
    drain: Duration,
    /// How long what was accepted may take after that.
    stop_within: Duration,
    stop: CancellationToken,
    served: Vec<JoinHandle<()>>,
    /// What answers until the end.
    watched: Option<(JoinHandle<()>, CancellationToken)>,
    /// What goes on beside what is served, and ends with it.
    beside: Vec<JoinHandle<()>>,
    signals: Signals,
}

/// SIGTERM and SIGINT, heard from the moment on at which something is answered: whoever stops the program as soon as it
/// has said that it runs stops it in order, too.
struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    fn hear() -> Result<Self, Failure> {
        let terminate = signal(SignalKind::terminate()).map_err(Failure::because)?;
        Ok(Self { terminate, interrupt: signal(SignalKind::interrupt()).map_err(Failure::because)? })
    }

    async fn any(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}

/// The ports, bound but not served yet.
struct Doors {
    console: Listener,
    gateway: Listener,
    pki: Listener,
    metrics: Option<Listener>,
}

impl Doors {
    async fn bind(listen: &Listen, watch: &Watch, proxies: &Proxies) -> Result<Self, Failure> {
        let drain = Duration::from_secs(watch.stop_within);
        let limits = |door| Limits { proxies: proxies.clone(), drain, ..Limits::of(door) };
        let metrics = match watch.metrics {
            // What is asked there is answered at once.
            Some(address) => {
                Some(Listener::bind(address, Limits { drain: LAST_ANSWERS, ..limits(Door::Metrics) }).await?)
            }
            None => None,
        };
        Ok(Self {
            metrics,
            console: Listener::bind(listen.console, limits(Door::Console)).await?,
            gateway: Listener::bind(listen.gateway, limits(Door::Gateway)).await?,
            pki: Listener::bind(listen.pki, limits(Door::Pki)).await?,
        })
    }

    /// What is counted at each.
    fn doorways(&self) -> Vec<Arc<Doorway>> {
        [&self.console, &self.gateway, &self.pki].map(Listener::doorway).into()
    }
}

impl Running {
    /// Binds the ports and begins to answer.
    ///
    /// # Errors
    /// When a port, a certificate or the browser's files are missing.
    pub async fn start(fleet: Fleet, listen: &Listen, watch: &Watch) -> Result<Self, Failure> {
        let files = assets::manifest()?;
        let names = AssetNames { css: files.css.to_owned(), js: files.js.to_owned(), wasm: files.wasm.to_owned() };
        let reach = Trusted { networks: listen.webhook_network.clone(), ca: listen.webhook_ca.clone() };
        let sender = Sender::new(&reach)?;
        let proxies = Proxies::new(&listen.trusted_proxy);
        let doors = Doors::bind(listen, watch, &proxies).await?;
        let port = |listener: &Listener| listener.local_addr().map(|address| address.port()).map_err(Failure::because);
        let url = console_url_at(listen, port(&doors.console)?);
        data::note_address(fleet.folder(), &url);
        let gateway = url_of(listen, "https", listen.gateway, port(&doors.gateway)?);
        let pki = url_of(listen, "http", listen.pki, port(&doors.pki)?);
        fleet.limit_trust_age(Duration::from_secs(listen.trust_max_age));
        // Whatever is read from here on, what is done after that is heard.
        fleet.begin_to_hear().await?;
        // Whom to trust is known before anybody is let in.
        fleet.load_trust().await?;
        // And what to offer them.
        fleet.refresh_rollouts().await?;
        let (for_console, for_gateway) = (Source::of_console(listen, &fleet), Source::of_gateway(listen, &fleet));
        let identity = for_console.read(&fleet).await?;
        let console_certificates = Certificates::new(&identity);
        let gateway_certificates = Certificates::new(&for_gateway.read(&fleet).await?);
        let tls = tls_config(&console_certificates).map_err(Failure::because)?;
        let gate = Gate::new(fleet.clone(), &gateway_certificates).map_err(Failure::because)?;
        let own = vec![("console", Arc::clone(&console_certificates)), ("gateway", Arc::clone(&gateway_certificates))];
        let metrics = Metrics::new(&fleet, doors.doorways(), own.clone());
        let readiness = Readiness::of_node(fleet.clone(), own);
        let devices = middleware::behind(&proxies, gateway::router_of(&fleet, &listen.tenant));
        let verifiers = middleware::behind(&proxies, repository::router(&fleet));
        let console = Console::new(fleet.clone(), names).behind(proxies).of_node(readiness.clone());
        let (stop, signals) = (CancellationToken::new(), Signals::hear()?);
        fleet.be_node(&fleet.node().await?);
        let node = node_name(listen);
        fleet.join_nodes(&node, VERSION).await?;
        let shared = fleet.share_keys().await?;
        if shared > 0 {
            tracing::info!(keys = shared, "sealed keys of this folder are kept in the database, for all nodes");
        }
        fleet.forget_unanswered().await?;
        if let Err(error) = fleet.take_in_photos(fleet::repair::TakenFiles::AreRemoved).await {
            // They stay where they are, and the next start tries again.
            tracing::error!(%error, "photos that are files could not be taken into the database");
        }
        fleet.resume_imports().await?;
        let beside = vec![
            tokio::spawn(fleet.clone().follow_bell()),
            tokio::spawn(fleet.clone().follow_replica()),
            tokio::spawn(for_console.keep(fleet.clone(), console_certificates)),
            tokio::spawn(for_gateway.keep(fleet.clone(), gateway_certificates)),
            tokio::spawn(fleet.clone().beat(node, VERSION)),
            tokio::spawn(try_keys(fleet.clone())),
            tokio::spawn(fleet.clone().keep_taking_over_imports()),
            tokio::spawn(sweep(fleet.clone())),
            tokio::spawn(let_go(fleet.clone())),
            tokio::spawn(fleet.clone().publisher()),
            tokio::spawn(fleet.clone().run_rollouts()),
            tokio::spawn(webhooks::run(fleet.clone(), sender)),
        ];
        let served = vec![
            tokio::spawn(doors.console.serve(tls, router::router(&console), stop.clone())),
            tokio::spawn(doors.gateway.serve_gateway(gate, devices, stop.clone())),
            tokio::spawn(doors.pki.serve_plain(verifiers, stop.clone())),
        ];
        let watched = doors.metrics.map(|listener| {
            let (router, until) = (health::router(metrics, readiness.clone()), CancellationToken::new());
            (tokio::spawn(listener.serve_plain(router, until.clone())), until)
        });
        tracing::info!(
            url,
            gateway,
            pki,
            database = fleet.db().kind(),
            data = %fleet.folder().display(),
            certificate = identity.facts.fingerprint,
            "listening"
        );
        let drain = Duration::from_secs(watch.drain);
        let stop_within = Duration::from_secs(watch.stop_within);
        Ok(Self { url, gateway, pki, fleet, readiness, drain, stop_within, stop, served, watched, beside, signals })
    }

    /// Lets something else go on until the program is told to stop.
    pub fn beside(&mut self, task: JoinHandle<()>) {
        self.beside.push(task);
    }

    /// Answers until SIGTERM or SIGINT, then ends in order.
    pub async fn until_stopped(mut self) {
        self.signals.any().await;
        notify::stopping();
        self.readiness.stop();
        if !self.drain.is_zero() {
            let seconds = self.drain.as_secs();
            tracing::info!(seconds, "told to stop; going on until whoever sends people here has noticed");
            tokio::select! {
                () = tokio::time::sleep(self.drain) => {}
                // Whoever says it twice doesn't want to wait.
                () = self.signals.any() => {}
            }
        }
        tracing::info!("told to stop; finishing what was begun");
        let begun = Instant::now();
        self.stop.cancel();
        for served in self.served {
            // A panic there has been logged; what is left to do is the same.
            let _ = served.await;
        }
        // Whatever these are at is either committed or undone; once the database is closed they would only complain.
        for task in self.beside {
            task.abort();
            let _ = task.await;
        }
        // Other nodes go on at once with what was ours alone.
        self.fleet.give_back_turns().await;
        match tokio::time::timeout(LAST_SPREAD, self.fleet.flush_last_spread()).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::warn!(%error, "how revocations spread in the last second was not written down"),
            Err(_) => tracing::warn!("not all of how revocations spread was written down in time"),
        }
        if let Err(error) = self.fleet.flush_contacts().await {
            tracing::warn!(%error, "which devices came in the last second was not written down");
        }
        if let Err(error) = self.fleet.flush_polls().await {
            tracing::warn!(%error, "how devices polled in the last second was not written down");
        }
        if let Err(error) = self.fleet.leave_nodes().await {
            tracing::warn!(%error, "that this node was stopped was not written down");
        }
        if let Some((task, until)) = self.watched {
            until.cancel();
            let _ = task.await;
        }
        self.fleet.db().close().await;
        tracing::info!(seconds = begun.elapsed().as_secs_f32(), "stopped");
        // A collector that hangs holds up nobody's restart.
        traces::stop(self.stop_within.saturating_sub(begun.elapsed()).min(LAST_SPANS)).await;
    }
}

/// What this node is called: as it was told, or as the host is.
fn node_name(listen: &Listen) -> String {
    let told = listen.node_name.clone();
    let name = told.or_else(|| std::fs::read_to_string("/proc/sys/kernel/hostname").ok()).unwrap_or_default();
    let name: String = name.trim().chars().filter(|c| !c.is_control()).take(NODE_NAME_MAX).collect();
    if name.is_empty() { "unnamed".to_owned() } else { name }
}

async fn try_keys(fleet: Fleet) {
    fleet.try_keys().await;
}

async fn sweep(fleet: Fleet) {
    loop {
        if let Err(error) = fleet.observe(Job::Sweep, fleet.sweep()).await {
            tracing::warn!(%error, "what has served its time could not be cleared away");
        }
        if let Err(error) = fleet.observe(Job::Sweep, fleet.forget_uploads()).await {
            tracing::warn!(%error, "uploads that nobody goes on with could not be cleared away");
        }
        if let Err(error) = fleet.observe(Job::Sweep, fleet.sweep_release_files()).await {
            tracing::warn!(%error, "files that nobody knows could not be cleared away");
        }
        tokio::time::sleep(SWEEP_EVERY).await;
        // A command that was stopped in the middle of its import leaves it to us.
        if let Err(error) = fleet.resume_imports().await {
            tracing::warn!(%error, "unfinished imports could not be looked for");
        }
    }
}

/// The console's address at this port. Where it is this machine's own, people are sent to its name: passkeys know no addresses.
fn console_url_at(listen: &Listen, port: u16) -> String {
    let ip = listen.console.ip();
    let is_own = ip == IpAddr::V4(Ipv4Addr::LOCALHOST) || ip == IpAddr::V6(Ipv6Addr::LOCALHOST);
    let host = listen.host.as_deref().or_else(|| is_own.then_some("localhost"));
    url("https", host, ip, port)
}

/// Apart from sweeping: whoever waits for the turn has nothing else to do. Nothing of it is in a hurry, so a start has its time for itself.
async fn let_go(fleet: Fleet) {
    loop {
        tokio::time::sleep(SWEEP_EVERY).await;
        if let Err(error) = fleet.observe(Job::Retention, fleet.forget_what_is_old()).await {
            tracing::warn!(%error, "what is kept no longer could not be let go; it is tried again");
        }
    }
}

/// The address of a door that has no name of its own: the console's name leads there too, unless the door is bound to
/// an address.
fn url_of(listen: &Listen, scheme: &str, address: SocketAddr, port: u16) -> String {
    let host = listen.host.as_deref().filter(|_| address.ip().is_unspecified());
    url(scheme, host, address.ip(), port)
}

/// The address of a console that would listen like that.
#[must_use]
pub fn console_url(listen: &Listen) -> String {
    console_url_at(listen, listen.console.port())
}

fn url(scheme: &str, host: Option<&str>, address: IpAddr, port: u16) -> String {
    let host = match host {
        Some(host) => host.to_owned(),
        None if address.is_unspecified() => "localhost".to_owned(),
        None => address.to_string(),
    };
    let host = if host.contains(':') && !host.starts_with('[') { format!("[{host}]") } else { host };
    let usual = if scheme == "https" { 443 } else { 80 };
    if port == usual { format!("{scheme}://{host}") } else { format!("{scheme}://{host}:{port}") }
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
        let console = |options: &[&str], port| console_url_at(&listen(options), port);
        assert_eq!(console(&[], 8443), "https://localhost:8443");
        assert_eq!(console(&["--console", "[::1]:8443"], 8443), "https://localhost:8443");
        assert_eq!(console(&["--console", "192.0.2.7:8443"], 8443), "https://192.0.2.7:8443");
        assert_eq!(console(&["--host", "127.0.0.1"], 8443), "https://127.0.0.1:8443");
        assert_eq!(console(&["--console", "0.0.0.0:443", "--host", "fleet.example"], 443), "https://fleet.example");
        assert_eq!(console(&["--console", "[::]:8443"], 8443), "https://localhost:8443");
        assert_eq!(console(&["--console", "[2001:db8::7]:8443"], 8443), "https://[2001:db8::7]:8443");
        let named = listen(&["--host", "fleet.example"]);
        assert_eq!(url_of(&named, "http", "0.0.0.0:80".parse().unwrap(), 80), "http://fleet.example");
        assert_eq!(url_of(&named, "http", "127.0.0.1:8080".parse().unwrap(), 8080), "http://127.0.0.1:8080");
    }
}
