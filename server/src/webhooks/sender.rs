//! Sending a message by HTTP: to addresses that anybody could reach or that were allowed, once, within a time, and following
//! nothing.

use crate::failure::Failure;
use bytes::Bytes;
use domain::webhook::{Address, Reply, is_public};
use fleet::webhook::{Message, Told};
use http::{Request, header};
use http_body_util::Full;
use hyper::{body::Incoming, client::conn::http1};
use hyper_util::rt::TokioIo;
use ipnet::IpNet;
use rustls::{
    ClientConfig, RootCertStore,
    crypto::ring,
    pki_types::{CertificateDer, ServerName},
};
use std::{net::SocketAddr, path::PathBuf, sync::Arc, time::Duration};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpStream, lookup_host},
    time::timeout,
};
use tokio_rustls::TlsConnector;

/// How long one attempt may take in all, and how long connecting to one address.
const ATTEMPT: Duration = Duration::from_secs(15);
const CONNECTING: Duration = Duration::from_secs(5);
/// How large the head of an answer may be, in bytes. What follows it is not read.
const HEAD_MAX: usize = 64 * 1024;

/// What a server's administrator lets webhooks reach beyond the Internet.
#[derive(Clone, Debug, Default)]
pub struct Trusted {
    /// Networks that may be reached although they are not public.
    pub networks: Vec<IpNet>,
    /// A file with certificates of authorities that receivers may have theirs from, beside the public ones.
    pub ca: Option<PathBuf>,
}

/// Sends messages. Cloning shares it.
#[derive(Clone)]
pub struct Sender {
    networks: Arc<[IpNet]>,
    tls: TlsConnector,
}

impl Sender {
    /// A sender that may reach this.
    ///
    /// # Errors
    /// When the certificates can't be read.
    pub fn new(trusted: &Trusted) -> Result<Self, Failure> {
        let mut roots = RootCertStore::empty();
        roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
        if let Some(file) = &trusted.ca {
            for certificate in pki::Certificate::chain_from_pem(&crate::commands::files::read_text(file)?)? {
                roots.add(CertificateDer::from(certificate.der().to_vec())).map_err(Failure::because)?;
            }
        }
        let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(Failure::because)?
            .with_root_certificates(roots)
            .with_no_client_auth();
        Ok(Self { networks: trusted.networks.clone().into(), tls: TlsConnector::from(Arc::new(config)) })
    }

    /// Sends a message, and says how it was answered.
    pub async fn send(&self, message: &Message) -> Told {
        match timeout(ATTEMPT, self.post(message)).await {
            Ok(Ok(status @ 200..=299)) => Told { reply: Reply::Status(status), note: String::new() },
            Ok(Ok(status)) => Told { reply: Reply::Status(status), note: words(status) },
            Ok(Err(note)) => Told { reply: Reply::None, note },
            Err(_) => Told { reply: Reply::None, note: format!("No answer within {} s.", ATTEMPT.as_secs()) },
        }
    }

    async fn post(&self, message: &Message) -> Result<u16, String> {
        let address = Address::parse(&message.url)?;
        let stream = self.connect(&address).await?;
        if !address.tls {
            return post_over(stream, &address, message).await;
        }
        let name = ServerName::try_from(address.host.clone()).map_err(|e| format!("The host's name is wrong: {e}."))?;
        let stream = self.tls.connect(name, stream).await.map_err(|e| format!("TLS failed: {e}."))?;
        post_over(stream, &address, message).await
    }

    /// Connects to an address that the host's name leads to and that may be reached. The very address that was looked at is
    /// used: a name that leads elsewhere the next moment gains nothing by that.
    async fn connect(&self, address: &Address) -> Result<TcpStream, String> {
        let found = lookup_host((address.host.as_str(), address.port)).await;
        let found: Vec<SocketAddr> = found.map_err(|e| format!("The host is not found: {e}."))?.collect();
        let refused = found.iter().find(|peer| !self.may_reach(**peer)).map(SocketAddr::ip);
        let mut why = refused.map_or_else(
            || "The host has no address.".to_owned(),
            |ip| format!("The host leads to {ip}, which is not public. The server's --webhook-network can allow it."),
        );
        for peer in found.into_iter().filter(|peer| self.may_reach(*peer)) {
            match timeout(CONNECTING, TcpStream::connect(peer)).await {
                Ok(Ok(stream)) => return Ok(stream),
                Ok(Err(error)) => why = format!("It can't be reached: {error}."),
                Err(_) => why = format!("It can't be reached: no connection within {} s.", CONNECTING.as_secs()),
            }
        }
        Err(why)
    }

    fn may_reach(&self, peer: SocketAddr) -> bool {
        let ip = peer.ip().to_canonical();
        is_public(ip) || self.networks.iter().any(|network| network.contains(&ip))
    }
}

async fn post_over<S>(stream: S, address: &Address, message: &Message) -> Result<u16, String>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let broken = |error: hyper::Error| format!("The connection broke: {error}.");
    let (mut sender, connection) =
        http1::Builder::new().max_buf_size(HEAD_MAX).handshake(TokioIo::new(stream)).await.map_err(broken)?;
    let request = Request::post(address.target.as_str())
        .header(header::HOST, address.authority())
        .header(header::USER_AGENT, concat!("Muster/", env!("CARGO_PKG_VERSION")))
        .header(header::CONTENT_TYPE, "application/json")
        .header(header::CONNECTION, "close")
        .header("webhook-id", &message.id)
        .header("webhook-timestamp", message.timestamp.to_string())
        .header("webhook-signature", &message.signature)
        .body(Full::new(Bytes::from(message.body.clone())))
        .map_err(|e| format!("The request can't be made: {e}."))?;
    // It ends with whoever waits for the answer, also when their time is over.
    let mut connection = std::pin::pin!(connection);
    let answered = async {
        let answer: http::Response<Incoming> = sender.send_request(request).await.map_err(broken)?;
        Ok::<u16, String>(answer.status().as_u16())
    };
    let mut answered = std::pin::pin!(answered);
    tokio::select! {
        answer = &mut answered => answer,
        ended = &mut connection => match ended {
            Ok(()) => answered.await,
            Err(error) => Err(broken(error)),
        },
    }
}

/// What a status that is no success means here.
fn words(status: u16) -> String {
    let reason =
        http::StatusCode::from_u16(status).ok().and_then(|status| status.canonical_reason()).unwrap_or_default();
    let beyond = if (300..=399).contains(&status) { " Redirections are not followed." } else { "" };
    format!("It answered {status} {reason}.{beyond}")
}
