//! How a provider is asked: HTTP/1.1 over TLS by rustls on ring, within a time and a size, following nothing.

use super::settings::is_loopback;
use bytes::Bytes;
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector as Tcp},
    rt::TokioExecutor,
};
use openidconnect::{AsyncHttpClient, HttpRequest, HttpResponse, url::Url};
use std::{error::Error as StdError, pin::Pin, time::Duration};
use tokio::time::timeout;

/// How long reaching it may take.
const CONNECT_WITHIN: Duration = Duration::from_secs(5);
/// How long an answer may take in all. Somebody waits for it before a page.
const ANSWER_WITHIN: Duration = Duration::from_secs(10);
/// How large an answer may be, in bytes. Discovery documents, key sets and tokens have some tens of thousands.
const MOST_BYTES: usize = 512 * 1024;

/// How large the head of an answer may be, in bytes.
const HEAD_MAX: usize = 64 * 1024;

/// Why a provider gave no answer.
#[derive(Debug, thiserror::Error)]
pub(super) enum WebError {
    /// It names an address that is not to be asked.
    #[error("{0} is no https address")]
    Plain(String),
    /// It can't be reached, or broke off.
    #[error("it can't be reached: {0}")]
    Unreachable(String),
    /// It takes too long.
    #[error("it gave no answer within {} s", ANSWER_WITHIN.as_secs())]
    Slow,
    /// It says too much.
    #[error("its answer is larger than {} KiB", MOST_BYTES / 1024)]
    Large,
    /// It sends elsewhere.
    #[error("it answered with a redirection, which is not followed")]
    Redirects,
}

/// Asks a provider, in the form that the protocol's library wants.
pub(super) struct Web(Client<HttpsConnector<Tcp>, Full<Bytes>>);

impl Web {
    /// # Errors
    /// Says what is wrong with the authorities' file.
    pub(super) fn new(authorities: Option<&[u8]>) -> Result<Self, String> {
        let mut tcp = Tcp::new();
        tcp.enforce_http(false);
        tcp.set_nodelay(true);
        tcp.set_connect_timeout(Some(CONNECT_WITHIN));
        let https =
            HttpsConnectorBuilder::new().with_tls_config(crate::tls::client_config(authorities)?).https_or_http();
        let mut client = Client::builder(TokioExecutor::new());
        // A provider may be gone for hours between two sign-ins; nothing is kept open for it.
        client.pool_max_idle_per_host(0).http1_max_buf_size(HEAD_MAX);
        Ok(Self(client.build(https.enable_http1().wrap_connector(tcp))))
    }

    async fn answer(&self, request: HttpRequest) -> Result<HttpResponse, WebError> {
        refuse_plain(&request.uri().to_string())?;
        let answer = self.0.request(request.map(|body| Full::new(Bytes::from(body)))).await;
        let answer = answer.map_err(|error| WebError::Unreachable(innermost(&error)))?;
        if answer.status().is_redirection() {
            return Err(WebError::Redirects);
        }
        let (parts, body) = answer.into_parts();
        let read =
            Limited::new(body, MOST_BYTES).collect().await.map_err(|error| match error.is::<LengthLimitError>() {
                true => WebError::Large,
                false => WebError::Unreachable(innermost(error.as_ref())),
            })?;
        Ok(HttpResponse::from_parts(parts, read.to_bytes().to_vec()))
    }
}

impl<'c> AsyncHttpClient<'c> for Web {
    type Error = WebError;
    type Future = Pin<Box<dyn Future<Output = Result<HttpResponse, WebError>> + Send + 'c>>;

    fn call(&'c self, request: HttpRequest) -> Self::Future {
        Box::pin(async move { timeout(ANSWER_WITHIN, self.answer(request)).await.map_err(|_| WebError::Slow)? })
    }
}

/// The addresses that a provider names are asked by TLS, too, except on this machine.
pub(super) fn refuse_plain(address: &str) -> Result<(), WebError> {
    let url = Url::parse(address).map_err(|_| WebError::Plain(address.to_owned()))?;
    match url.scheme() {
        "https" => Ok(()),
        "http" if is_loopback(&url) => Ok(()),
        _ => Err(WebError::Plain(address.to_owned())),
    }
}

/// What lies at the bottom of an error says most.
pub(super) fn innermost(error: &(dyn StdError + 'static)) -> String {
    let mut at = error;
    while let Some(below) = at.source() {
        at = below;
    }
    at.to_string()
}
