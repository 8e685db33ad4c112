//! One connection from its first byte to its last.

use super::{Limits, plain};
use axum::{Router, body::Body, extract::ConnectInfo};
use futures::StreamExt;
use http::{Request, Response, header};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::{
    rt::{TokioExecutor, TokioIo, TokioTimer},
    server::{conn::auto, graceful::Watcher},
};
use std::{convert::Infallible, net::SocketAddr, time::Duration};
use tokio::{net::TcpStream, time::timeout};
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;

/// The content type of a TLS record that carries a handshake (RFC 8446, section 5.1): a client's first byte.
const TLS_HANDSHAKE: u8 = 0x16;
/// How much of an HTTP/1 request's head is read.
const HEAD_BYTES: usize = 64 * 1024;

/// What every connection needs.
#[derive(Clone)]
pub struct Connections {
    router: Router,
    acceptor: TlsAcceptor,
    limits: Limits,
    stop: CancellationToken,
}

impl Connections {
    pub fn new(router: Router, acceptor: TlsAcceptor, limits: Limits, stop: CancellationToken) -> Self {
        Self { router, acceptor, limits, stop }
    }

    /// Serves one connection to its end. Errors are the peer's affair and are only traced.
    pub async fn run(self, stream: TcpStream, peer: SocketAddr, watcher: Watcher) {
        let mut first = [0];
        let seen = tokio::select! {
            // Nothing was asked yet, so nothing is owed.
            () = self.stop.cancelled() => return,
            seen = timeout(self.limits.handshake, stream.peek(&mut first)) => seen,
        };
        if !matches!(seen, Ok(Ok(1))) {
            return;
        }
        // Answers are written whole; waiting to fill a packet only delays them.
        let _ = stream.set_nodelay(true);
        match first[0] {
            TLS_HANDSHAKE => self.https(stream, peer, watcher).await,
            byte if byte.is_ascii_uppercase() => self.plain(stream, watcher).await,
            _ => {}
        }
    }

    async fn https(self, stream: TcpStream, peer: SocketAddr, watcher: Watcher) {
        let stream = match timeout(self.limits.handshake, self.acceptor.accept(stream)).await {
            Ok(Ok(stream)) => stream,
            Ok(Err(error)) => return tracing::debug!(%peer, %error, "TLS handshake failed"),
            Err(_) => return tracing::debug!(%peer, "TLS handshake took too long"),
        };
        let (router, stop) = (self.router, self.stop);
        let service = service_fn(move |request: Request<Incoming>| answer(router.clone(), request, peer, stop.clone()));
        let server = server(&self.limits);
        let connection = server.serve_connection(TokioIo::new(stream), service).into_owned();
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
    peer: SocketAddr,
    stop: CancellationToken,
) -> Result<Response<Body>, Infallible> {
    let mut request = request.map(Body::new);
    request.extensions_mut().insert(ConnectInfo(peer));
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
