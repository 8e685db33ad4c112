//! How a collector is reached: by HTTP/1.1, plain or with our own TLS, one connection a batch. It runs on the thread that empties the
//! queue, which is nobody else's.

use crate::failure::Failure;
use async_trait::async_trait;
use bytes::Bytes;
use http::{Request, Response, header};
use http_body_util::{BodyExt, Full, Limited};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use opentelemetry_http::{HttpClient, HttpError};
use rustls::{
    ClientConfig, RootCertStore,
    crypto::ring,
    pki_types::{CertificateDer, ServerName},
};
use std::{fmt, path::Path, sync::Arc, time::Duration};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
    runtime::Runtime,
    time::timeout,
};
use tokio_rustls::TlsConnector;

/// How long a batch may take in all.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long an answer may be, in bytes: it is a few, or an error in words.
const ANSWER_MAX: usize = 64 * 1024;

/// Sends batches.
pub struct Client {
    runtime: Runtime,
    tls: TlsConnector,
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").finish_non_exhaustive()
    }
}

impl Client {
    /// One that takes certificates of the public authorities, and of those in a file.
    ///
    /// # Errors
    /// When that can't be read.
    pub fn new(ca: Option<&Path>) -> Result<Self, Failure> {
        let mut roots = RootCertStore::empty();
        roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
        if let Some(file) = ca {
            for certificate in pki::Certificate::chain_from_pem(&crate::commands::files::read_text(file)?)? {
                roots.add(CertificateDer::from(certificate.der().to_vec())).map_err(Failure::because)?;
            }
        }
        let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(Failure::because)?
            .with_root_certificates(roots)
            .with_no_client_auth();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(Failure::because)?;
        Ok(Self { runtime, tls: TlsConnector::from(Arc::new(config)) })
    }

    async fn post(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let uri = request.uri();
        let (host, is_tls) = (uri.host().unwrap_or_default(), uri.scheme_str() == Some("https"));
        let host = host.trim_matches(['[', ']']).to_owned();
        let port = uri.port_u16().unwrap_or(if is_tls { 443 } else { 80 });
        let stream = TcpStream::connect((host.as_str(), port)).await?;
        if !is_tls {
            return post_over(stream, request).await;
        }
        let stream = self.tls.connect(ServerName::try_from(host)?, stream).await?;
        post_over(stream, request).await
    }
}

#[async_trait]
impl HttpClient for Client {
    async fn send_bytes(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        // Whoever waits for this is a thread that does nothing else, and has no runtime of its own.
        self.runtime.block_on(async { timeout(PATIENCE, self.post(request)).await? })
    }
}

async fn post_over<S>(stream: S, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    let connection = tokio::spawn(connection);
    let (mut head, body) = request.into_parts();
    let authority = head.uri.authority().map(ToString::to_string).unwrap_or_default();
    head.headers.insert(header::HOST, authority.parse()?);
    head.uri = head.uri.path_and_query().map_or("/", |path| path.as_str()).parse()?;
    let answer = sender.send_request(Request::from_parts(head, Full::new(body))).await?;
    let (head, body) = answer.into_parts();
    let body = Limited::new(body, ANSWER_MAX).collect().await?.to_bytes();
    connection.abort();
    Ok(Response::from_parts(head, body))
}
