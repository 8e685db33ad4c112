//! The three listeners: the console by HTTPS, which sends whoever comes by plain HTTP there; the gateway by mutual TLS;
//! and the public part of the certification authority by plain HTTP.
//!
//! They wait for nobody: a handshake, a request's head, its body and each piece of its answer have their time, and a
//! connection over the limit waits in the kernel's queue.

mod connection;
mod crowd;
mod gate;
mod live;
mod plain;
mod progress;
mod tls;
mod verifier;

pub use gate::{Gate, Shown};
pub use tls::{Certificates, tls_config};

use crate::{
    metrics::{Doorway, doorway::Refusal},
    proxy::Proxies,
};
use axum::Router;
use connection::{Connections, Speaks};
use crowd::Crowd;
use futures::FutureExt;
use hyper_util::server::graceful::GracefulShutdown;
use rustls::ServerConfig;
use std::{net::SocketAddr, sync::Arc, time::Duration};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::{OwnedSemaphorePermit, Semaphore},
};
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;

/// Which of the listeners it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Door {
    /// People and programs.
    Console,
    /// Devices and factory stations.
    Gateway,
    /// Whoever verifies certificates.
    Pki,
    /// Whoever operates the node.
    Metrics,
}

impl Door {
    /// The option that says where it is.
    #[must_use]
    pub const fn option(self) -> &'static str {
        match self {
            Self::Console => "--console",
            Self::Gateway => "--gateway",
            Self::Pki => "--pki",
            Self::Metrics => "--metrics",
        }
    }

    /// What it is called in the log and in metrics.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Console => "console",
            Self::Gateway => "gateway",
            Self::Pki => "pki",
            Self::Metrics => "metrics",
        }
    }

    /// Whether it begins with a TLS handshake.
    #[must_use]
    pub const fn speaks_tls(self) -> bool {
        matches!(self, Self::Console | Self::Gateway)
    }

    /// Connections at the same time, and of these from one address.
    const fn most(self) -> (usize, usize) {
        match self {
            // A browser keeps six at most; this is an office behind one address, or a program gone wrong.
            Self::Console => (4096, 256),
            // A site's devices come from one address, and stay connected. Who shows nothing doesn't stay.
            Self::Gateway => (16_384, 4096),
            // Whole networks of verifiers come from one address, but each for a moment.
            Self::Pki => (4096, 256),
            // A few programs that read what is counted.
            Self::Metrics => (64, 64),
        }
    }
}

/// How long things may take, and how many at once.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Which listener this is for.
    pub door: Door,
    /// From the connection to the end of the TLS handshake.
    pub handshake: Duration,
    /// From the connection, or the answer before, to the end of a request's head.
    pub head: Duration,
    /// While an answer is written and nothing of it is taken.
    pub write: Duration,
    /// At the gateway: for how long a connection lasts on which neither a certificate nor a token says who comes.
    pub unknown: Duration,
    /// From the call to stop until what was accepted is cut off.
    pub drain: Duration,
    /// Connections at the same time.
    pub connections: usize,
    /// Connections at the same time from one address. More are hung up on.
    pub per_address: usize,
    /// Through whom many people come, so that this doesn't count for them.
    pub proxies: Proxies,
    /// What is counted of all that passes.
    pub doorway: Arc<Doorway>,
}

impl Limits {
    /// What is usual for a listener.
    #[must_use]
    pub fn of(door: Door) -> Self {
        let (connections, per_address) = door.most();
        Self {
            door,
            handshake: Duration::from_secs(10),
            head: Duration::from_secs(30),
            write: Duration::from_secs(60),
            unknown: Duration::from_secs(60),
            drain: Duration::from_secs(30),
            connections,
            per_address,
            proxies: Proxies::default(),
            doorway: Doorway::new(door),
        }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self::of(Door::Console)
    }
}

/// Why nobody can listen there.
#[derive(Debug, thiserror::Error)]
pub enum ListenError {
    /// Another program has the port.
    #[error(
        "{0} is in use by another program; stop that one, or choose another address with {option} (for example \
         {option} {other})", other = SocketAddr::new(.0.ip(), .0.port().wrapping_add(1_000).max(1_024)), option = .1.option()
    )]
    InUse(SocketAddr, Door),
    /// The port needs rights that we don't have.
    #[error(
        "{0} may not be used by this account; choose a port above 1023 with {option}, or grant the program the \
         capability CAP_NET_BIND_SERVICE", option = .1.option()
    )]
    Forbidden(SocketAddr, Door),
    /// The address is not one of this machine.
    #[error("{0} is not an address of this machine; choose another one with {option} (0.0.0.0:PORT means all)", option = .1.option())]
    Elsewhere(SocketAddr, Door),
    /// Anything else.
    #[error("it is not possible to listen on {0}: {1}")]
    Other(SocketAddr, #[source] std::io::Error),
}

/// A bound port, not served yet.
pub struct Listener {
    tcp: TcpListener,
    limits: Limits,
}

impl Listener {
    /// Binds the port.
    ///
    /// # Errors
    /// When that is not possible; the error says what to do.
    pub async fn bind(address: SocketAddr, limits: Limits) -> Result<Self, ListenError> {
        use std::io::ErrorKind;
        let tcp = TcpListener::bind(address).await.map_err(|error| match error.kind() {
            ErrorKind::AddrInUse => ListenError::InUse(address, limits.door),
            ErrorKind::PermissionDenied => ListenError::Forbidden(address, limits.door),
            ErrorKind::AddrNotAvailable => ListenError::Elsewhere(address, limits.door),
            _ => ListenError::Other(address, error),
        })?;
        Ok(Self { tcp, limits })
    }

    /// The address that was bound: its port is known even where port 0 was asked for.
    ///
    /// # Errors
    /// When the operating system doesn't say.
    pub fn local_addr(&self) -> std::io::Result<SocketAddr> {
        self.tcp.local_addr()
    }

    /// What is counted of all that passes.
    #[must_use]
    pub fn doorway(&self) -> Arc<Doorway> {
        Arc::clone(&self.limits.doorway)
    }

    /// Serves HTTPS until `stop` is cancelled, then lets what was accepted end, for as long as the limits say.
    pub async fn serve(self, tls: Arc<ServerConfig>, router: Router, stop: CancellationToken) {
        self.run(Speaks::Https(TlsAcceptor::from(tls)), router, stop).await;
    }

    /// The same for devices and stations, who may show certificates.
    pub async fn serve_gateway(self, gate: Gate, router: Router, stop: CancellationToken) {
        let followed = tokio::spawn(gate.clone().follow());
        self.run(Speaks::Gateway(gate), router, stop).await;
        followed.abort();
    }

    /// The same by plain HTTP.
    pub async fn serve_plain(self, router: Router, stop: CancellationToken) {
        self.run(Speaks::Plain, router, stop).await;
    }

    async fn run(self, speaks: Speaks, router: Router, stop: CancellationToken) {
        let Self { tcp, limits } = self;
        let graceful = GracefulShutdown::new();
        let connections = Connections::new(router, speaks, limits.clone(), stop.clone());
        let permits = Arc::new(Semaphore::new(limits.connections));
        let crowd = Crowd::new(limits.per_address, limits.proxies.clone());
        let let_in = |permit: OwnedSemaphorePermit, (stream, peer): (TcpStream, SocketAddr)| {
            let Some(place) = crowd.admit(peer.ip()) else {
                tracing::debug!(%peer, "too many connections from one address");
                return limits.doorway.refused(Refusal::TooMany);
            };
            let inside = limits.doorway.enter();
            let work = connections.clone().run(stream, peer, graceful.watcher());
            tokio::spawn(async move {
                work.await;
                drop((permit, place, inside));
            });
        };
        loop {
            let next = async {
                // Taken before accepting: whoever is over the limit waits, and is not turned away.
                let permit = Arc::clone(&permits).acquire_owned().await.ok()?;
                Some((permit, accept(&tcp).await))
            };
            tokio::select! {
                biased;
                () = stop.cancelled() => break,
                next = next => match next { Some((permit, accepted)) => let_in(permit, accepted), None => break },
            }
        }
        // Whoever waits in the kernel's queue takes themselves for connected.
        while let Ok(permit) = Arc::clone(&permits).try_acquire_owned()
            && let Some(accepted) = accept(&tcp).now_or_never()
        {
            let_in(permit, accepted);
        }
        drop(tcp);
        if tokio::time::timeout(limits.drain, graceful.shutdown()).await.is_err() {
            let (listener, left) = (limits.door.as_str(), limits.doorway.open());
            let seconds = limits.drain.as_secs();
            tracing::warn!(
                listener,
                left,
                seconds,
                "connections did not end in time and are cut off with what was under way"
            );
        }
    }
}

async fn accept(tcp: &TcpListener) -> (TcpStream, SocketAddr) {
    loop {
        match tcp.accept().await {
            Ok(accepted) => return accepted,
            Err(error) => {
                // Out of file descriptors, most likely: without a pause this loop would burn a core.
                tracing::warn!(%error, "a connection could not be accepted");
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
    }
}
