//! One connection from its first byte to its last.

use super::{Gate, Limits, Shown, plain, progress::Progress};
use crate::metrics::{Doorway, doorway::Refusal};
use axum::{Router, body::Body, extract::ConnectInfo};
use futures::StreamExt;
use http::{Request, Response, header};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::{
    rt::{TokioExecutor, TokioIo, TokioTimer},
    server::{conn::auto, graceful::Watcher},
};
use std::{convert::Infallible, net::SocketAddr, sync::Arc, time::Duration};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
    time::{sleep, timeout},
};
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;

/// The content type of a TLS record that carries a handshake (RFC 8446, section 5.1): a client's first byte.
const TLS_HANDSHAKE: u8 = 0x16;
/// How long whoever is connected when the listener stops has to begin.
const LAST_WORD: Duration = Duration::from_millis(200);
/// How much of an HTTP/1 request's head is read.
const HEAD_BYTES: usize = 64 * 1024;
/// The same where requests are short: at most an OCSP request in an address.
const SHORT_HEAD_BYTES: usize = 16 * 1024;

/// What is spoken on a port.
#[derive(Clone)]
pub enum Speaks {
    /// HTTPS; plain HTTP is told where that is.
    Https(TlsAcceptor),
    /// HTTPS with certificates on both sides.
    Gateway(Gate),
    /// HTTP without TLS.
    Plain,
}

/// What every connection needs.
#[derive(Clone)]
pub struct Connections {
    router: Router,
    speaks: Speaks,
    limits: Limits,
    stop: CancellationToken,
}

impl Connections {
    pub fn new(router: Router, speaks: Speaks, limits: Limits, stop: CancellationToken) -> Self {
        Self { router, speaks, limits, stop }
    }

    /// Serves one connection to its end. Errors are the peer's affair and are only traced.
    pub async fn run(self, stream: TcpStream, peer: SocketAddr, watcher: Watcher) {
        // Answers are written whole; waiting to fill a packet only delays them.
        let _ = stream.set_nodelay(true);
        if matches!(self.speaks, Speaks::Plain) {
            return self.http(stream, peer, watcher).await;
        }
        let mut first = [0];
        let seen = tokio::select! {
            biased;
            seen = timeout(self.limits.handshake, stream.peek(&mut first)) => seen,
            // Nothing was asked yet, so nothing is owed; but who has just come may be about to.
            () = async { self.stop.cancelled().await; sleep(LAST_WORD).await } => return,
        };
        if !matches!(seen, Ok(Ok(1))) {
            // Who left without a word, as balancers do that only look whether somebody listens, was refused nothing.
            if seen.is_err() {
                self.limits.doorway.refused(Refusal::TooSlow);
            }
            return;
        }
        match first[0] {
            TLS_HANDSHAKE => self.tls(stream, peer, watcher).await,
            byte if byte.is_ascii_uppercase() => self.plain(stream, watcher).await,
            _ => self.limits.doorway.refused(Refusal::NotTls),
        }
    }

    async fn tls(self, stream: TcpStream, peer: SocketAddr, watcher: Watcher) {
        let (patience, doorway) = (self.limits.handshake, Arc::clone(&self.limits.doorway));
        let too_slow = || {
            doorway.refused(Refusal::TooSlow);
            tracing::debug!(%peer, "TLS handshake took too long");
        };
        match self.speaks.clone() {
            Speaks::Https(acceptor) => match timeout(patience, acceptor.accept(stream)).await {
                Ok(Ok(stream)) => {
                    doorway.accepted();
                    self.requests(stream, peer, None, watcher).await;
                }
                Ok(Err(error)) => {
                    doorway.refused(Refusal::of(&error));
                    tracing::debug!(%peer, %error, "TLS handshake failed");
                }
                Err(_) => too_slow(),
            },
            Speaks::Gateway(gate) => match timeout(patience, gate.accept(stream, peer)).await {
                Ok(Ok((stream, place))) => {
                    doorway.accepted();
                    let (shown, unknown) = (place.shown(), self.limits.unknown);
                    let served = self.requests(stream, peer, Some(place.shown()), watcher);
                    tokio::select! {
                        () = served => {}
                        // What is dropped here is closed, with whatever was under way on it.
                        () = place.until_cut_off(&gate) => {}
                        () = shown.until_unknown(unknown) => tracing::debug!(%peer, "did not say who it is"),
                    }
                }
                // Who was not let in has been told, and noted.
                Ok(Err(why)) => doorway.refused(why),
                Err(_) => too_slow(),
            },
            Speaks::Plain => {}
        }
    }

    async fn requests(
        self,
        stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
        peer: SocketAddr,
        shown: Option<Arc<Shown>>,
        watcher: Watcher,
    ) {
        let (router, stop, patience) = (self.router, self.stop, self.limits.write);
        let doorway = Arc::clone(&self.limits.doorway);
        let service = service_fn(move |request: Request<Incoming>| {
            answer(router.clone(), request, (peer, shown.clone(), Arc::clone(&doorway)), stop.clone())
        });
        let server = server(&self.limits);
        let connection = server.serve_connection(TokioIo::new(Progress::new(stream, patience)), service).into_owned();
        if let Err(error) = watcher.watch(connection).await {
            tracing::debug!(%peer, error = %error, "connection ended early");
        }
    }

    async fn http(self, stream: TcpStream, peer: SocketAddr, watcher: Watcher) {
        let mut server = http1::Builder::new();
        server.timer(TokioTimer::new()).header_read_timeout(self.limits.head).max_buf_size(SHORT_HEAD_BYTES);
        // Many a small client closes its half after its request and waits.
        server.half_close(true);
        let (router, stop, patience) = (self.router, self.stop, self.limits.write);
        let doorway = Arc::clone(&self.limits.doorway);
        let service = service_fn(move |request: Request<Incoming>| {
            answer(router.clone(), request, (peer, None, Arc::clone(&doorway)), stop.clone())
        });
        let connection = server.serve_connection(TokioIo::new(Progress::new(stream, patience)), service);
        if let Err(error) = watcher.watch(connection).await {
            tracing::debug!(%peer, error = %error, "connection ended early");
        }
    }

    async fn plain(self, stream: TcpStream, watcher: Watcher) {
        let mut server = http1::Builder::new();
        server.timer(TokioTimer::new()).header_read_timeout(self.limits.handshake).max_buf_size(HEAD_BYTES);
        server.keep_alive(false);
        let connection = server.serve_connection(TokioIo::new(stream), service_fn(plain::redirect));
        let _ = timeout(self.limits.head, watcher.watch(connection)).await;
    }
}

fn server(limits: &Limits) -> auto::Builder<TokioExecutor> {
    let mut server = auto::Builder::new(TokioExecutor::new());
    server.http1().timer(TokioTimer::new()).header_read_timeout(limits.head).max_buf_size(HEAD_BYTES);
    server
        .http2()
        .timer(TokioTimer::new())
        .keep_alive_interval(limits.head)
        .keep_alive_timeout(Duration::from_secs(20))
        .max_concurrent_streams(128)
        .max_header_list_size(32 * 1024);
    server
}

async fn answer(
    router: Router,
    request: Request<Incoming>,
    (peer, shown, doorway): (SocketAddr, Option<Arc<Shown>>, Arc<Doorway>),
    stop: CancellationToken,
) -> Result<Response<Body>, Infallible> {
    let mut request = request.map(Body::new);
    request.extensions_mut().insert(ConnectInfo(peer));
    request.extensions_mut().insert(doorway);
    if let Some(shown) = shown {
        request.extensions_mut().insert(shown);
    }
    let response = router.oneshot(request).await?;
    Ok(if endless(&response) { until_stopped(response, stop) } else { response })
}

/// Live events have no end of their own, and would hold up every restart until it is cut off.
fn endless(response: &Response<Body>) -> bool {
    let kind = response.headers().get(header::CONTENT_TYPE);
    kind.is_some_and(|kind| kind.as_bytes().starts_with(b"text/event-stream"))
}

fn until_stopped(response: Response<Body>, stop: CancellationToken) -> Response<Body> {
    response.map(|body| Body::from_stream(body.into_data_stream().take_until(stop.cancelled_owned())))
}
