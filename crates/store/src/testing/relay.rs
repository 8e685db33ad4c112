//! A wire to PostgreSQL that a test can cut, hold, or cut just after it has carried a COMMIT.

use super::failed;
use crate::StoreResult;
use sqlx::postgres::PgConnectOptions;
use std::{
    path::PathBuf,
    str::FromStr,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU32, Ordering},
    },
};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::{TcpListener, TcpStream, UnixStream},
    sync::watch,
    task::JoinHandle,
};

/// What the wire does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wire {
    /// It carries everything.
    Carries,
    /// It takes connections and what is sent, and carries nothing, as a hung server or a lost route do. What was held is
    /// carried when it carries again.
    Holds,
    /// It breaks every connection.
    Cut,
}

/// The wire: a port of this machine that leads to a cluster's socket.
#[derive(Debug)]
pub struct Relay {
    url: String,
    wire: watch::Sender<Wire>,
    shared: Arc<Shared>,
    task: JoinHandle<()>,
}

#[derive(Debug, Default)]
struct Shared {
    /// Where it leads to.
    socket: Mutex<PathBuf>,
    swallows: AtomicBool,
    swallowed: AtomicU32,
}

impl Relay {
    /// A wire to the database of this address.
    ///
    /// # Errors
    /// When the address is of no socket, or no port is free.
    pub async fn to(url: &str) -> StoreResult<Self> {
        let options = PgConnectOptions::from_str(url)?;
        let socket = Mutex::new(socket_of(&options)?);
        let listener = TcpListener::bind("127.0.0.1:0").await.map_err(|e| failed("relay", e))?;
        let port = listener.local_addr().map_err(|e| failed("relay", e))?.port();
        let database = options.get_database().unwrap_or_default();
        let url = format!("postgres://{}@127.0.0.1:{port}/{database}", options.get_username());
        let (wire, shared) = (watch::Sender::new(Wire::Carries), Arc::new(Shared { socket, ..Shared::default() }));
        let task = tokio::spawn(listen(listener, wire.subscribe(), Arc::clone(&shared)));
        Ok(Self { url, wire, shared, task })
    }

    /// The address of the database at this end.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Makes it do this.
    pub fn set(&self, wire: Wire) {
        self.wire.send_replace(wire);
    }

    /// Leads new connections to another server, as an address does that moves with the primary.
    ///
    /// # Errors
    /// When the address is of no socket.
    pub fn lead_to(&self, url: &str) -> StoreResult<()> {
        let socket = socket_of(&PgConnectOptions::from_str(url)?)?;
        *self.shared.socket.lock().unwrap_or_else(PoisonError::into_inner) = socket;
        Ok(())
    }

    /// Lets the next COMMIT arrive, and breaks its connection in place of the answer.
    pub fn swallow_next_commit(&self) {
        self.shared.swallows.store(true, Ordering::SeqCst);
    }

    /// How many answers were swallowed.
    #[must_use]
    pub fn swallowed(&self) -> u32 {
        self.shared.swallowed.load(Ordering::SeqCst)
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.wire.send_replace(Wire::Cut);
        self.task.abort();
    }
}

fn socket_of(options: &PgConnectOptions) -> StoreResult<PathBuf> {
    let folder = options.get_socket().ok_or_else(|| failed("relay", "its address names no socket"))?;
    Ok(folder.join(format!(".s.PGSQL.{}", options.get_port())))
}

async fn listen(listener: TcpListener, wire: watch::Receiver<Wire>, shared: Arc<Shared>) {
    while let Ok((client, _)) = listener.accept().await {
        if *wire.borrow() != Wire::Cut {
            tokio::spawn(carry(client, wire.clone(), Arc::clone(&shared)));
        }
    }
}

async fn carry(client: TcpStream, mut wire: watch::Receiver<Wire>, shared: Arc<Shared>) {
    let socket = shared.socket.lock().unwrap_or_else(PoisonError::into_inner).clone();
    let Ok(server) = UnixStream::connect(socket).await else { return };
    let ((from_client, to_client), (from_server, to_server)) = (client.into_split(), server.into_split());
    let muted = AtomicBool::new(false);
    let there = pump(from_client, to_server, wire.clone(), |sent: &[u8]| {
        if sent.windows(6).any(|word| word == b"COMMIT") && shared.swallows.swap(false, Ordering::SeqCst) {
            muted.store(true, Ordering::SeqCst);
        }
        true
    });
    let back = pump(from_server, to_client, wire.clone(), |_: &[u8]| {
        let is_muted = muted.load(Ordering::SeqCst);
        shared.swallowed.fetch_add(u32::from(is_muted), Ordering::SeqCst);
        !is_muted
    });
    tokio::select! {
        () = there => {}
        () = back => {}
        _ = wire.wait_for(|wire| *wire == Wire::Cut) => {}
    }
}

/// Carries bytes until one side ends, or `may` says no to some.
async fn pump(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    mut wire: watch::Receiver<Wire>,
    may: impl Fn(&[u8]) -> bool,
) {
    let mut buffer = vec![0; 16 * 1024];
    while let Ok(n @ 1..) = from.read(&mut buffer).await {
        if wire.wait_for(|wire| *wire == Wire::Carries).await.is_err() || !may(&buffer[..n]) {
            return;
        }
        if to.write_all(&buffer[..n]).await.is_err() {
            return;
        }
    }
}
