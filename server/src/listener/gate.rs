//! The gateway's handshake: TLS without resumption, where a client may show a certificate; who is refused is noted, and
//! who is cut off for good later loses the connection.

use super::{
    Certificates,
    live::{Live, Place},
    verifier::{DeviceVerifier, Named, REFUSED, named},
};
use crate::metrics::doorway::Refusal;
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
        Arc, Mutex, MutexGuard, PoisonError,
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
    /// Who stands behind the certificate, as it was when trust had changed so often.
    known: Mutex<Option<(u64, Arc<Peer>)>>,
}

impl Shown {
    fn new(certificate: Option<Named>, peer: SocketAddr) -> Self {
        Self { certificate, peer, is_known: AtomicBool::new(false), known: Mutex::default() }
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

    /// Whether it may stay; a client without a certificate is not a matter of trust.
    pub(super) fn is_let_in(&self, trust: &Trust) -> bool {
        self.certificate.as_ref().is_none_or(|named| named.is_let_in(trust))
    }

    /// How it stands now, which may change from request to request: of what is on hold only what a repair needs is answered.
    /// A client without a certificate is not a matter of trust.
    #[must_use]
    pub fn verdict(&self, fleet: &Fleet) -> Verdict {
        self.certificate.as_ref().map_or(Verdict::Good, |named| named.verdict(&fleet.trust()))
    }

    /// Notes that who is on hold came, and was limited to what a repair needs.
    pub fn note_held(&self, fleet: &Fleet) {
        if let Some(named) = &self.certificate {
            refuse(fleet, named, self.peer);
        }
    }

    /// Who stands behind it. One read, and none for whoever is known since it came, until trust changes: a device may be
    /// delivered while it is connected, or use a certificate for the first time.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn who(&self, fleet: &Fleet) -> fleet::Result<Option<Arc<Peer>>> {
        let Some(named) = &self.certificate else { return Ok(None) };
        let generation = fleet.trust().generation();
        if let Some((since, peer)) = self.known().as_ref()
            && *since == generation
        {
            return Ok(Some(Arc::clone(peer)));
        }
        let found = fleet.identify(named.authority, &named.serial, &named.fingerprint).await?;
        let Some(peer) = found.map(Arc::new) else { return Ok(None) };
        let is_settled = peer.certificate.device_id.is_some() && peer.certificate.first_used_at.is_some();
        *self.known() = is_settled.then(|| (generation, Arc::clone(&peer)));
        Ok(Some(peer))
    }

    fn known(&self) -> MutexGuard<'_, Option<(u64, Arc<Peer>)>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
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

    /// Shakes hands.
    ///
    /// # Errors
    /// Why somebody is not let in.
    pub async fn accept(&self, stream: TcpStream, peer: SocketAddr) -> Result<(TlsStream<TcpStream>, Place), Refusal> {
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
                return Err(Refusal::of(&error));
            }
        };
        let shown = stream.get_ref().1.peer_certificates().and_then(|chain| chain.first());
        let certificate = match shown {
            Some(certificate) => Some(named(&self.fleet.trust(), certificate).ok_or(Refusal::UnknownIssuer)?),
            None => None,
        };
        let place = self.live.enter(Shown::new(certificate, peer));
        // It may have been cut off between the handshake and its place.
        let shown = place.shown();
        if shown.certificate.is_some() && self.fleet.is_trust_stale() {
            return Err(Refusal::StaleTrust);
        }
        if !shown.is_let_in(&self.fleet.trust()) {
            if let Some(certificate) = &shown.certificate {
                self.refuse(certificate, peer);
            }
            return Err(Refusal::CutOff);
        }
        Ok((stream, place))
    }

    /// Cuts off live connections whenever trust changes, until the future is dropped.
    pub async fn follow(self) {
        let (mut changes, mut stale) = (self.fleet.trust_changes(), self.fleet.trust_staleness());
        loop {
            if *stale.borrow_and_update() {
                let closed = self.live.cut_off_all();
                tracing::warn!(closed, "connections of devices were closed");
            }
            for shown in self.live.cut_off(&self.fleet.trust()) {
                if let Some(certificate) = &shown.certificate {
                    self.refuse(certificate, shown.peer);
                }
            }
            let changed = tokio::select! {
                changed = changes.changed() => changed,
                changed = stale.changed() => changed,
            };
            if changed.is_err() {
                return;
            }
        }
    }

    /// The time.
    pub(super) fn now(&self) -> domain::time::Timestamp {
        self.fleet.now()
    }

    fn refuse(&self, certificate: &Named, peer: SocketAddr) {
        tracing::info!(%peer, serial = certificate.serial, "a certificate that is cut off was refused");
        refuse(&self.fleet, certificate, peer);
    }
}

fn refuse(fleet: &Fleet, certificate: &Named, peer: SocketAddr) {
    let address = peer.ip().to_canonical().to_string();
    fleet.refused(&RULE, certificate.authority, &certificate.serial, &address);
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
