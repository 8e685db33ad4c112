//! A small HTTPS client for the console's API: one connection a request, HTTP/1.1, TLS with the certificates that were named.

use crate::{cli::Remote, commands::files, failure::Failure};
use bytes::Bytes;
use futures::TryStreamExt;
use http::{HeaderMap, Method, Request, StatusCode, Uri, header};
use http_body_util::{BodyExt, Empty, Full, Limited, StreamBody, combinators::BoxBody};
use hyper::{body::Frame, client::conn::http1};
use hyper_util::rt::TokioIo;
use rustls::{
    ClientConfig, RootCertStore,
    crypto::ring,
    pki_types::{CertificateDer, ServerName},
};
use serde_json::Value;
use std::{io, sync::Arc, time::Duration};
use tokio::{fs::File, io::AsyncSeekExt, net::TcpStream, time::timeout};
use tokio_rustls::TlsConnector;
use tokio_util::io::ReaderStream;

/// How long connecting may take, and an answer once everything was sent: a large file is read whole before it comes.
const CONNECTING: Duration = Duration::from_secs(20);
const ANSWERING: Duration = Duration::from_secs(900);
/// How long an answer may be, in bytes.
const ANSWER_MAX: usize = 4 * 1024 * 1024;

/// What is sent along.
pub enum Sent<'a> {
    Nothing,
    Json(&'a Value),
    Document(Bytes),
    /// The file from an offset to its end, of so many bytes.
    Piece(File, u64, u64),
}

/// An answer, read whole.
pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    body: Bytes,
}

impl Answer {
    /// What it says; nothing where that is no JSON.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }

    /// The answer if it is a success, else why not, in the console's words.
    pub fn good(self) -> Result<Self, Failure> {
        if self.status.is_success() {
            return Ok(self);
        }
        let problem = self.json();
        let errors = problem["errors"].as_array().into_iter().flatten();
        let fields: Vec<String> = errors
            .filter_map(|error| Some(format!("{}: {}", error["field"].as_str()?, error["message"].as_str()?)))
            .collect();
        let told = match (fields.is_empty(), problem["detail"].as_str()) {
            (false, _) => fields.join("; "),
            (true, Some(detail)) => detail.to_owned(),
            (true, None) => "the console gave no reason".to_owned(),
        };
        Err(Failure::NotDone(format!("{told} ({})", self.status)))
    }

    /// Whether the same may succeed if it is tried once more.
    pub fn may_pass(&self) -> bool {
        self.status.is_server_error() && self.status != StatusCode::INSUFFICIENT_STORAGE
            || matches!(self.status, StatusCode::CONFLICT | StatusCode::TOO_MANY_REQUESTS)
    }
}

/// A console elsewhere.
pub struct Client {
    host: String,
    port: u16,
    base: String,
    token: String,
    tls: TlsConnector,
    /// Whether it was said whom to trust.
    has_ca: bool,
}

impl Client {
    /// Reads the token and the certificates.
    pub fn new(remote: &Remote) -> Result<Self, Failure> {
        let wrong =
            || Failure::NotDone(format!("“{}” is no address of a console; write https://HOST[:PORT]", remote.url));
        let uri: Uri = remote.url.trim_end_matches('/').parse().map_err(|_| wrong())?;
        let host = uri.host().filter(|_| uri.scheme_str() == Some("https")).ok_or_else(wrong)?;
        let token = files::read_text(&remote.token_file)?;
        let token = token.lines().next().unwrap_or_default().trim().to_owned();
        if token.is_empty() {
            return Err(Failure::NotDone(format!("{} holds no token", remote.token_file.display())));
        }
        let mut roots = RootCertStore::empty();
        match &remote.ca {
            None => roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned()),
            Some(file) => {
                for certificate in pki::Certificate::chain_from_pem(&files::read_text(file)?)? {
                    let der = CertificateDer::from(certificate.der().to_vec());
                    roots.add(der).map_err(Failure::because)?;
                }
            }
        }
        let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(Failure::because)?
            .with_root_certificates(roots)
            .with_no_client_auth();
        Ok(Self {
            host: host.trim_matches(['[', ']']).to_owned(),
            port: uri.port_u16().unwrap_or(443),
            base: uri.path().trim_end_matches('/').to_owned(),
            token,
            tls: TlsConnector::from(Arc::new(config)),
            has_ca: remote.ca.is_some(),
        })
    }

    /// Sends a request and reads the answer.
    ///
    /// # Errors
    /// When the connection can't be made or breaks. What the console refuses is an answer.
    pub async fn send(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, String)],
        sent: Sent<'_>,
    ) -> Result<Answer, io::Error> {
        let stream = timeout(CONNECTING, TcpStream::connect((self.host.as_str(), self.port))).await??;
        let name = ServerName::try_from(self.host.clone()).map_err(io::Error::other)?;
        let stream = timeout(CONNECTING, self.tls.connect(name, stream)).await??;
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(io::Error::other)?;
        let connection = tokio::spawn(connection);
        let path = if path.starts_with(&self.base) { path.to_owned() } else { format!("{}{path}", self.base) };
        let mut request = Request::builder()
            .method(method)
            .uri(path)
            .header(header::HOST, format!("{}:{}", self.host, self.port))
            .header(header::AUTHORIZATION, format!("Bearer {}", self.token));
        for (name, value) in headers {
            request = request.header(*name, value);
        }
        let (kind, length, body) = body(sent).await?;
        if let Some(kind) = kind {
            request = request.header(header::CONTENT_TYPE, kind).header(header::CONTENT_LENGTH, length);
        }
        let request = request.body(body).map_err(io::Error::other)?;
        let response = sender.send_request(request).await.map_err(io::Error::other)?;
        let (parts, body) = response.into_parts();
        let body = timeout(ANSWERING, Limited::new(body, ANSWER_MAX).collect()).await?;
        let body = body.map_err(io::Error::other)?.to_bytes();
        connection.abort();
        Ok(Answer { status: parts.status, headers: parts.headers, body })
    }

    /// The same for what is small: what breaks is told.
    pub async fn ask(&self, method: Method, path: &str, sent: Sent<'_>) -> Result<Answer, Failure> {
        let answer = self.send(method, path, &[], sent).await.map_err(|error| self.unreached(&error))?;
        answer.good()
    }

    /// That the console can't be reached, for people.
    pub fn unreached(&self, error: &io::Error) -> Failure {
        let at = format!("{}:{}", self.host, self.port);
        if is_of_unknown_issuer(error) {
            let name = if self.has_ca { "name the root that it has now" } else { "name its root" };
            return Failure::NotDone(format!(
                "the console at {at} shows a certificate that nobody signed who is trusted here; {name} with --ca FILE (of a \
                 demo: demo-ceremony/muster-demo-root-1.pem in its data folder)"
            ));
        }
        Failure::NotDone(format!("the console at {at} can't be reached: {error}"))
    }
}

/// Whether a certificate was refused for who signed it. Where one is trusted of the same name with another key, its signature is wrong.
fn is_of_unknown_issuer(error: &io::Error) -> bool {
    use rustls::CertificateError::{BadSignature, UnknownIssuer};
    matches!(
        error.get_ref().and_then(|error| error.downcast_ref()),
        Some(rustls::Error::InvalidCertificate(UnknownIssuer | BadSignature))
    )
}

type SentBody = BoxBody<Bytes, io::Error>;

async fn body(sent: Sent<'_>) -> io::Result<(Option<&'static str>, u64, SentBody)> {
    let whole = |bytes: Bytes| {
        let length = bytes.len() as u64;
        (Some("application/json"), length, Full::new(bytes).map_err(|never| match never {}).boxed())
    };
    Ok(match sent {
        Sent::Nothing => (None, 0, Empty::new().map_err(|never| match never {}).boxed()),
        Sent::Json(value) => whole(Bytes::from(value.to_string())),
        Sent::Document(bytes) => whole(bytes),
        Sent::Piece(mut file, offset, length) => {
            file.seek(io::SeekFrom::Start(offset)).await?;
            let pieces = ReaderStream::with_capacity(file, 256 * 1024).map_ok(Frame::data);
            (Some("application/offset+octet-stream"), length, StreamBody::new(pieces).boxed())
        }
    })
}
