//! The listeners that are measured, as `muster serve` opens them, and two peers beside them.

use crate::{
    tls,
    world::{RULE, World},
};
use axum::{Router, body::Bytes, routing::get};
use rustls::{
    RootCertStore, ServerConfig,
    pki_types::CertificateDer,
    server::{NoServerSessionStorage, WebPkiClientVerifier},
};
use server::listener::{Certificates, Door, Gate, Limits, Listener};
use std::{
    net::{IpAddr, Ipv4Addr, SocketAddr},
    sync::Arc,
    time::Duration,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;

const LOOPBACK: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
/// What the plain peer answers: as hyper does to what is no HTTP.
const BAD: &[u8] = b"HTTP/1.1 400 Bad Request\r\nconnection: close\r\ncontent-length: 0\r\n\r\n";

/// The real listeners.
pub struct Doors {
    pub gateway: SocketAddr,
    pub pki: SocketAddr,
    gate: Gate,
    chain: Vec<CertificateDer<'static>>,
    key: String,
}

impl Doors {
    /// Opens them, and begins to publish.
    pub async fn open(world: &World) -> Self {
        let fleet = &world.fleet;
        fleet.load_trust().await.unwrap();
        tokio::spawn(fleet.clone().publisher());
        let (chain, key) = fleet.server_certificate(&RULE, &["localhost".to_owned()], &[LOOPBACK]).await.unwrap();
        let pem = pki::chain_pem(&chain);
        let identity = pki::read_identity((pem.as_bytes(), "the chain"), (key.as_bytes(), "the key")).unwrap();
        let gate = Gate::new(fleet.clone(), &Certificates::new(&identity)).unwrap();
        let stop = CancellationToken::new();
        let (gateway, listener) = bind(Door::Gateway).await;
        tokio::spawn(listener.serve_gateway(gate.clone(), server::gateway::router(fleet), stop.clone()));
        let (pki, listener) = bind(Door::Pki).await;
        tokio::spawn(listener.serve_plain(server::repository::router(fleet), stop));
        let chain = chain.iter().map(|certificate| CertificateDer::from(certificate.der().to_vec())).collect();
        Self { gateway, pki, gate, chain, key: key.to_string() }
    }

    /// What the listeners show: the chain and its key, as PEM.
    pub fn identity(&self) -> (String, &str) {
        let pem = |certificate: &CertificateDer<'static>| {
            pki::Certificate::from_der(certificate).map(|certificate| certificate.pem()).unwrap()
        };
        (self.chain.iter().map(pem).collect(), &self.key)
    }

    /// The same listener with something else behind it.
    pub async fn behind_the_gate(&self, router: Router) -> SocketAddr {
        let (address, listener) = bind(Door::Gateway).await;
        tokio::spawn(listener.serve_gateway(self.gate.clone(), router, CancellationToken::new()));
        address
    }

    /// A server of rustls alone, with the same certificate, that takes clients of one authority: a handshake and a word.
    pub async fn plain_rustls(&self, authority: &pki::Certificate) -> SocketAddr {
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from(authority.der().to_vec())).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider));
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_client_cert_verifier(verifier.build().unwrap())
            .with_single_cert(self.chain.clone(), tls::key(&self.key))
            .unwrap();
        config.session_storage = Arc::new(NoServerSessionStorage {});
        config.send_tls13_tickets = 0;
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let listener = TcpListener::bind((LOOPBACK, 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let _ = stream.set_nodelay(true);
                tokio::spawn(greet(acceptor.clone(), stream));
            }
        });
        address
    }
}

/// A file in memory on a listener like the repository's: what HTTP itself costs here.
pub async fn static_file(content: Vec<u8>) -> SocketAddr {
    let content = Bytes::from(content);
    let give = move || std::future::ready(content.clone());
    let (address, listener) = bind(Door::Pki).await;
    tokio::spawn(listener.serve_plain(Router::new().route("/file", get(give)), CancellationToken::new()));
    address
}

/// Whoever connects and says something gets these bytes, and is hung up on.
pub async fn fixed_bytes(answer: Vec<u8>) -> SocketAddr {
    let tcp = TcpListener::bind(SocketAddr::new(LOOPBACK, 0)).await.unwrap();
    let address = tcp.local_addr().unwrap();
    let answer = Bytes::from(answer);
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = tcp.accept().await {
            let answer = answer.clone();
            tokio::spawn(async move {
                let mut heard = [0; 1024];
                if matches!(stream.read(&mut heard).await, Ok(n) if n > 0) {
                    let _ = stream.write_all(&answer).await;
                }
            });
        }
    });
    address
}

async fn bind(door: Door) -> (SocketAddr, Listener) {
    let limits = Limits { drain: Duration::from_secs(1), ..Limits::of(door) };
    let listener = Listener::bind(SocketAddr::new(LOOPBACK, 0), limits).await.unwrap();
    (listener.local_addr().unwrap(), listener)
}

async fn greet(acceptor: TlsAcceptor, stream: TcpStream) {
    let Ok(mut stream) = acceptor.accept(stream).await else { return };
    let mut heard = [0; 64];
    if matches!(stream.read(&mut heard).await, Ok(n) if n > 0) {
        let _ = stream.write_all(BAD).await;
        let _ = stream.shutdown().await;
    }
}
