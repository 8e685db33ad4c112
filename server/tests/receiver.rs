//! A receiver of webhooks that does as it is told, on a real port.

use pki::KeyAndCertificate;
use rustls::{
    ServerConfig,
    crypto::ring,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
};
use std::{
    collections::{BTreeMap, VecDeque},
    net::SocketAddr,
    sync::{Arc, Mutex},
    time::Duration,
};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::TcpListener,
    task::JoinHandle,
};
use tokio_rustls::TlsAcceptor;

/// How it answers one request.
#[derive(Clone, Debug)]
pub enum Behaviour {
    Status(u16),
    /// It leads elsewhere.
    Redirect(String),
    /// It closes the connection.
    HangUp,
    /// It says nothing, for a minute.
    Silence,
}

/// A request that came.
#[derive(Clone, Debug)]
pub struct Got {
    pub method: String,
    pub target: String,
    headers: BTreeMap<String, String>,
    pub body: Vec<u8>,
}

impl Got {
    /// A header; empty if it isn't there.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", String::as_str)
    }
}

#[derive(Default)]
struct State {
    got: Vec<Got>,
    next: VecDeque<Behaviour>,
    takes: Duration,
    connections: usize,
}

/// It answers 204 unless it was told otherwise.
pub struct Receiver {
    at: SocketAddr,
    tls: bool,
    state: Arc<Mutex<State>>,
    task: JoinHandle<()>,
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Receiver {
    pub async fn new() -> Self {
        Self::start(None).await
    }

    pub async fn with_tls(made: &KeyAndCertificate) -> Self {
        let chain = vec![CertificateDer::from_pem_slice(made.cert_pem.as_bytes()).unwrap()];
        let key = PrivateKeyDer::from_pem_slice(made.key_pem.as_bytes()).unwrap();
        let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(chain, key)
            .unwrap();
        Self::start(Some(TlsAcceptor::from(Arc::new(config)))).await
    }

    async fn start(tls: Option<TlsAcceptor>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (at, state) = (listener.local_addr().unwrap(), Arc::new(Mutex::new(State::default())));
        let (shared, is_tls) = (Arc::clone(&state), tls.is_some());
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                shared.lock().unwrap().connections += 1;
                let (state, tls) = (Arc::clone(&shared), tls.clone());
                tokio::spawn(async move {
                    match tls {
                        None => serve(stream, &state).await,
                        Some(tls) => {
                            if let Ok(stream) = tls.accept(stream).await {
                                serve(stream, &state).await;
                            }
                        }
                    }
                });
            }
        });
        Self { at, tls: is_tls, state, task }
    }

    pub fn url(&self, target: &str) -> String {
        let scheme = if self.tls { "https" } else { "http" };
        format!("{scheme}://{}{target}", self.at)
    }

    pub fn port(&self) -> u16 {
        self.at.port()
    }

    /// What came so far.
    pub fn got(&self) -> Vec<Got> {
        self.state.lock().unwrap().got.clone()
    }

    /// How many connections were made.
    pub fn connections(&self) -> usize {
        self.state.lock().unwrap().connections
    }

    /// How it answers what comes next.
    pub fn will(&self, next: &[Behaviour]) {
        self.state.lock().unwrap().next.extend(next.iter().cloned());
    }

    /// How long it thinks.
    pub fn takes(&self, time: Duration) {
        self.state.lock().unwrap().takes = time;
    }
}

async fn serve<S: AsyncRead + AsyncWrite + Unpin>(mut stream: S, state: &Mutex<State>) {
    let Some(got) = read(&mut stream).await else { return };
    let (behaviour, takes) = {
        let mut state = state.lock().unwrap();
        state.got.push(got);
        (state.next.pop_front().unwrap_or(Behaviour::Status(204)), state.takes)
    };
    tokio::time::sleep(takes).await;
    let answer = match behaviour {
        Behaviour::Status(status) => format!("HTTP/1.1 {status} So\r\ncontent-length: 0\r\n\r\n"),
        Behaviour::Redirect(to) => format!("HTTP/1.1 307 There\r\nlocation: {to}\r\ncontent-length: 0\r\n\r\n"),
        Behaviour::HangUp => return,
        Behaviour::Silence => return tokio::time::sleep(Duration::from_secs(60)).await,
    };
    // Whoever has gone meanwhile is not told.
    let _ = stream.write_all(answer.as_bytes()).await;
    let _ = stream.shutdown().await;
}

async fn read<S: AsyncRead + Unpin>(stream: &mut S) -> Option<Got> {
    let (mut bytes, mut piece) = (Vec::new(), [0; 4096]);
    loop {
        let n = stream.read(&mut piece).await.ok().filter(|n| *n > 0)?;
        bytes.extend_from_slice(&piece[..n]);
        let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") else { continue };
        let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
        let mut lines = head.lines();
        let mut words = lines.next()?.split(' ');
        let (method, target) = (words.next()?.to_owned(), words.next()?.to_owned());
        let header = |line: &str| line.split_once(": ").map(|(name, value)| (name.to_lowercase(), value.to_owned()));
        let headers: BTreeMap<String, String> = lines.filter_map(header).collect();
        let length: usize = headers.get("content-length").and_then(|length| length.parse().ok()).unwrap_or(0);
        if bytes.len() >= end + 4 + length {
            return Some(Got { method, target, headers, body: bytes[end + 4..end + 4 + length].to_vec() });
        }
    }
}
