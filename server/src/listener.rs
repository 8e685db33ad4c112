//! The console's listener. One port speaks HTTPS, and sends whoever comes by plain HTTP there.
//!
//! It waits for nobody: a handshake, a request's head and every piece of a request's body have their time, and a
//! connection over the limit waits in the kernel's queue.

mod connection;
mod crowd;
mod plain;
mod tls;

pub use tls::{Certificates, tls_config};

use crate::proxy::Proxies;
use axum::Router;
use connection::Connections;
use crowd::Crowd;
use hyper_util::server::graceful::GracefulShutdown;
use rustls::ServerConfig;
use std::{net::SocketAddr, sync::Arc, time::Duration};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::Semaphore,
};
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;

/// How long things may take, and how many at once.
#[derive(Clone, Debug)]
pub struct Limits {
    /// From the connection to the end of the TLS handshake.
    pub handshake: Duration,
    /// From the connection, or the answer before, to the end of a request's head.
    pub head: Duration,
    /// From the call to stop until what was accepted is cut off.
    pub drain: Duration,
    /// Connections at the same time.
    pub connections: usize,
    /// Connections at the same time from one address. More are hung up on.
    pub per_address: usize,
    /// Through whom many people come, so that this doesn't count for them.
    pub proxies: Proxies,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            handshake: Duration::from_secs(10),
            head: Duration::from_secs(30),
            drain: Duration::from_secs(10),
            connections: 4096,
            // A browser keeps six at most; this is an office behind one address, or a program gone wrong.
            per_address: 256,
            proxies: Proxies::default(),
        }
    }
}

/// Why the console can't listen.
#[derive(Debug, thiserror::Error)]
pub enum ListenError {
    /// Another program has the port.
    #[error(
        "{0} is in use by another program; stop that one, or choose another address with --console (for example \
         --console 127.0.0.1:9443)"
    )]
    InUse(SocketAddr),
    /// The port needs rights that we don't have.
    #[error(
        "{0} may not be used by this account; choose a port above 1023 with --console, or grant the program the \
         capability CAP_NET_BIND_SERVICE"
    )]
    Forbidden(SocketAddr),
    /// The address is not one of this machine.
    #[error("{0} is not an address of this machine; choose another one with --console (0.0.0.0:8443 means all)")]
    Elsewhere(SocketAddr),
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
            ErrorKind::AddrInUse => ListenError::InUse(address),
            ErrorKind::PermissionDenied => ListenError::Forbidden(address),
            ErrorKind::AddrNotAvailable => ListenError::Elsewhere(address),
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

    /// Serves until `stop` is cancelled, then lets what was accepted end, for as long as the limits say.
    pub async fn serve(self, tls: Arc<ServerConfig>, router: Router, stop: CancellationToken) {
        let Self { tcp, limits } = self;
        let acceptor = TlsAcceptor::from(tls);
        let graceful = GracefulShutdown::new();
        let connections = Connections::new(router, acceptor, limits.clone(), stop.clone());
        let permits = Arc::new(Semaphore::new(limits.connections));
        let crowd = Crowd::new(limits.per_address, limits.proxies.clone());
        loop {
            let next = async {
                // Taken before accepting: whoever is over the limit waits, and is not turned away.
                let permit = Arc::clone(&permits).acquire_owned().await.ok()?;
                Some((permit, accept(&tcp).await))
            };
            let (permit, (stream, peer)) = tokio::select! {
                biased;
                () = stop.cancelled() => break,
                next = next => match next { Some(next) => next, None => break },
            };
            let Some(place) = crowd.admit(peer.ip()) else {
                tracing::debug!(%peer, "too many connections from one address");
                continue;
            };
            let work = connections.clone().run(stream, peer, graceful.watcher());
            tokio::spawn(async move {
                work.await;
                drop((permit, place));
            });
        }
        drop(tcp);
        if tokio::time::timeout(limits.drain, graceful.shutdown()).await.is_err() {
            tracing::warn!(seconds = limits.drain.as_secs(), "some connections did not end in time and were cut off");
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
