//! The gateway's handshake: TLS without resumption, where a client may show a certificate; who is refused is noted, and
//! who is cut off later loses the connection.

use super::{
    Certificates,
    live::{Live, Place},
    verifier::{DeviceVerifier, Named, REFUSED, named},
};
use domain::id::AuthorityId;
use fleet::{
    Actor, Fleet,
    enrol::Peer,
    trust::{Trust, Verdict},
};
use rustls::{
    ServerConfig,
    crypto::ring,
    server::{NoServerSessionStorage, ResolvesServerCert},
};
use std::{
    cell::RefCell,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};
use tokio_rustls::{TlsAcceptor, server::TlsStream};

/// In whose name refusals are noted.
const RULE: Actor = Actor::Rule { name: "gateway" };
/// How long we listen to whoever is refused, so that the alert is read before the connection breaks.
const LINGER: Duration = Duration::from_millis(500);
/// How much of what is said then is heard.
const HEARD: u64 = 64 * 1024;

/// The gateway's door.
#[derive(Clone)]
pub struct Gate {
    fleet: Fleet,
    acceptor: TlsAcceptor,
    live: Live,
}

/// What a client showed.
#[derive(Debug)]
pub struct Shown {
    /// The certificate, if it showed one. It was verified.
    pub(super) certificate: Option<Named>,
    peer: SocketAddr,
    /// Whether a token said who comes when it was last asked for.
    is_known: AtomicBool,
}

impl Shown {
    fn new(certificate: Option<Named>, peer: SocketAddr) -> Self {
        Self { certificate, peer, is_known: AtomicBool::new(false) }
    }

    /// Notes that a token said who comes; or that it doesn't any more.
    pub fn note_token(&self, is_good: bool) {
        self.is_known.store(is_good, Ordering::Relaxed);
    }

    /// Ends when nobody knows who this is, after so long.
    pub(super) async fn until_unknown(&self, patience: Duration) {
        if self.certificate.is_some() {
            return std::future::pending().await;
        }
        loop {
            tokio::time::sleep(patience).await;
            if !self.is_known.load(Ordering::Relaxed) {
                return;
            }
        }
    }

    /// The authority that signed the certificate, and its serial in hexadecimal.
    #[must_use]
    pub fn certificate(&self) -> Option<(AuthorityId, &str)> {
        self.certificate.as_ref().map(|named| (named.authority, named.serial.as_str()))
    }

    /// How it stands now; a client without a certificate is not a matter of trust.
    pub(super) fn verdict(&self, trust: &Trust) -> Verdict {
        self.certificate.as_ref().map_or(Verdict::Good, |named| trust.admits(&named.key_id, &named.serial))
    }

    /// Who stands behind it. One read for each request: a device may be delivered, or renew, while it is connected.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn who(&self, fleet: &Fleet) -> fleet::Result<Option<Peer>> {
        let Some(named) = &self.certificate else { return Ok(None) };
        fleet.identify(named.authority, &named.serial, &named.fingerprint).await
    }
}

impl Gate {
    /// A gate for a fleet, whose trust has been loaded.
    ///
    /// # Errors
    /// When the cryptography that is compiled in offers no cipher suite.
    pub fn new(fleet: Fleet, certificates: &Arc<Certificates>) -> Result<Self, rustls::Error> {
        let provider = Arc::new(ring::default_provider());
        let verifier = Arc::new(DeviceVerifier::new(fleet.clone(), Arc::clone(&provider)));
        let resolver: Arc<dyn ResolvesServerCert> = Arc::clone(certificates) as _;
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_client_cert_verifier(verifier)
            .with_cert_resolver(resolver);
        // Who resumes a session is not verified again: a device that was revoked in between would come in.
        config.session_storage = Arc::new(NoServerSessionStorage {});
        config.send_tls13_tickets = 0;
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Ok(Self { fleet, acceptor: TlsAcceptor::from(Arc::new(config)), live: Live::default() })
    }

    /// Shakes hands. None for whoever is not let in.
    pub async fn accept(&self, stream: TcpStream, peer: SocketAddr) -> Option<(TlsStream<TcpStream>, Place)> {
        let shaking = async {
            let shaken = self.acceptor.accept(stream).into_fallible().await;
            (shaken, REFUSED.with(RefCell::take))
        };
        let (shaken, refused) = REFUSED.scope(RefCell::default(), shaking).await;
        if let Some(refused) = refused {
            self.refuse(&refused, peer);
        }
        let stream = match shaken {
            Ok(stream) => stream,
            Err((error, stream)) => {
                tracing::debug!(%peer, %error, "TLS handshake failed");
                // The client, which may be speaking already, is to read why.
                hear_out(stream).await;
                return None;
            }
        };
        let shown = stream.get_ref().1.peer_certificates().and_then(|chain| chain.first());
        let certificate = match shown {
            Some(certificate) => Some(named(&self.fleet.trust(), certificate)?),
            None => None,
        };
        let place = self.live.enter(Shown::new(certificate, peer));
        // It may have been cut off between the handshake and its place.
        let shown = place.shown();
        if shown.verdict(&self.fleet.trust()) != Verdict::Good {
            if let Some(certificate) = &shown.certificate {
                self.refuse(certificate, peer);
            }
            return None;
        }
        Some((stream, place))
    }

    /// Cuts off live connections whenever trust changes, until the future is dropped.
    pub async fn follow(self) {
        let mut changes = self.fleet.trust_changes();
        loop {
            for shown in self.live.cut_off(&self.fleet.trust()) {
                if let Some(certificate) = &shown.certificate {
                    self.refuse(certificate, shown.peer);
                }
            }
            if changes.changed().await.is_err() {
                return;
            }
        }
    }

    /// The time.
    pub(super) fn now(&self) -> domain::time::Timestamp {
        self.fleet.now()
    }

    fn refuse(&self, certificate: &Named, peer: SocketAddr) {
        let address = peer.ip().to_canonical().to_string();
        tracing::info!(address, serial = certificate.serial, "a certificate that is cut off was refused");
        self.fleet.refused(&RULE, certificate.authority, &certificate.serial, &address);
    }
}

/// Ends our side, and reads what the other one still sends for a moment: a connection that is closed with unread data
/// breaks, and takes the alert with it.
async fn hear_out(mut stream: TcpStream) {
    let hearing = async {
        stream.shutdown().await?;
        tokio::io::copy(&mut (&mut stream).take(HEARD), &mut tokio::io::sink()).await
    };
    let _ = timeout(LINGER, hearing).await;
}
