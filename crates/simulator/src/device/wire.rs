//! A line by hawkBit's DDI over mutual TLS, as devices in the field have it: HTTP/1.1, a connection a request.

use super::{
    Identity,
    line::{File, Job, Line, LineError, Next, Polled},
};
use bytes::Bytes;
use domain::{report::UpdateMode, rollout::Feedback};
use http::{HeaderName, HeaderValue, Method, Request, Response, StatusCode, Uri, header};
use http_body_util::{BodyExt, Full, Limited};
use hyper::{body::Incoming, client::conn::http1};
use hyper_util::rt::TokioIo;
use rustls::pki_types::ServerName;
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};
use std::{io, time::Duration};
use tokio::{net::TcpStream, time::timeout};
use tokio_rustls::TlsConnector;

/// How long connecting may take, and a piece of an answer.
const PATIENCE: Duration = Duration::from_secs(30);
/// How long an answer that is no file may be, in bytes.
const ANSWER_MAX: usize = 256 * 1024;

/// A wire to a gateway.
#[derive(Clone, Debug)]
pub struct Wire {
    host: String,
    port: u16,
    /// `/TENANT/controller/v1/SERIAL`.
    own: String,
    identity: Identity,
}

impl Wire {
    /// To the gateway at `https://HOST[:PORT]`, as the device of this serial under this tenant.
    ///
    /// # Errors
    /// When that is no such address.
    pub fn new(gateway: &str, tenant: &str, serial: &str, identity: Identity) -> io::Result<Self> {
        let wrong = || io::Error::other(format!("“{gateway}” is no address of a gateway; write https://HOST[:PORT]"));
        let uri: Uri = gateway.trim_end_matches('/').parse().map_err(|_| wrong())?;
        let host = uri.host().filter(|_| uri.scheme_str() == Some("https")).ok_or_else(wrong)?;
        Ok(Self {
            host: host.trim_matches(['[', ']']).to_owned(),
            port: uri.port_u16().unwrap_or(443),
            own: format!("/{tenant}/controller/v1/{}", in_path(serial)),
            identity,
        })
    }

    /// Sends a request. What is refused is an error.
    pub(super) async fn send(
        &self,
        method: Method,
        path: &str,
        headers: &[(HeaderName, String)],
        body: Bytes,
    ) -> Result<Response<Incoming>, LineError> {
        let stream = timeout(PATIENCE, TcpStream::connect((self.host.as_str(), self.port))).await.map_err(late)??;
        let name = ServerName::try_from(self.host.clone()).map_err(io::Error::other)?;
        let connector = TlsConnector::from(self.identity.tls.clone());
        let stream = timeout(PATIENCE, connector.connect(name, stream)).await.map_err(late)??;
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(io::Error::other)?;
        // It ends with what it carries: when the answer is read, or dropped.
        tokio::spawn(connection);
        let mut request =
            Request::builder().method(method).uri(path).header(header::HOST, format!("{}:{}", self.host, self.port));
        for (name, value) in headers {
            request = request.header(name, HeaderValue::from_str(value).map_err(io::Error::other)?);
        }
        let request = request.body(Full::new(body)).map_err(io::Error::other)?;
        let answer = timeout(PATIENCE, sender.send_request(request)).await.map_err(late)?.map_err(io::Error::other)?;
        if answer.status().is_success() { Ok(answer) } else { Err(LineError::Refused(answer.status())) }
    }

    async fn get(&self, path: &str) -> Result<Value, LineError> {
        let answer = self.send(Method::GET, path, &[], Bytes::new()).await?;
        serde_json::from_slice(&body_of(answer).await?).map_err(|_| LineError::Odd("JSON"))
    }

    async fn put(&self, method: Method, path: &str, content: &Value) -> Result<(), LineError> {
        let kind = [(header::CONTENT_TYPE, "application/json".to_owned())];
        self.send(method, path, &kind, Bytes::from(content.to_string())).await.map(drop)
    }

    /// Reports these attributes.
    pub(crate) async fn report_all(&self, all: &[(String, String)], mode: UpdateMode) -> Result<(), LineError> {
        let data: Map<String, Value> = all.iter().map(|(key, value)| (key.clone(), json!(value))).collect();
        let content = json!({"mode": mode.as_str(), "data": data});
        self.put(Method::PUT, &format!("{}/configData", self.own), &content).await
    }

    /// Reads up to so many bytes of a file into the hash. How many it were.
    async fn read(&self, file: &File, from: u64, to: u64, hash: &mut Sha256) -> Result<u64, LineError> {
        let range = [(header::RANGE, format!("bytes={from}-"))];
        let headers = if from > 0 { &range[..] } else { &[] };
        let answer = self.send(Method::GET, &file.href, headers, Bytes::new()).await?;
        if from > 0 && answer.status() != StatusCode::PARTIAL_CONTENT {
            return Err(LineError::Odd("part of the file"));
        }
        let (mut body, mut at) = (answer.into_body(), from);
        while at < to {
            let frame = timeout(PATIENCE, body.frame()).await.map_err(late)?;
            let Some(frame) = frame.transpose().map_err(io::Error::other)? else { break };
            let Ok(piece) = frame.into_data() else { continue };
            let wanted = usize::try_from(to - at).unwrap_or(usize::MAX).min(piece.len());
            hash.update(piece.get(..wanted).unwrap_or_default());
            at += u64::try_from(wanted).unwrap_or_default();
        }
        Ok(at - from)
    }
}

fn late(_: tokio::time::error::Elapsed) -> LineError {
    LineError::Broken(io::ErrorKind::TimedOut.into())
}

/// A serial as it stands in an address.
fn in_path(serial: &str) -> String {
    let escaped = |byte: u8| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => char::from(byte).to_string(),
        byte => format!("%{byte:02X}"),
    };
    serial.bytes().map(escaped).collect()
}

/// An answer's body, if it is not too long.
pub(super) async fn body_of(answer: Response<Incoming>) -> Result<Bytes, LineError> {
    let body = timeout(PATIENCE, Limited::new(answer.into_body(), ANSWER_MAX).collect()).await.map_err(late)?;
    Ok(body.map_err(io::Error::other)?.to_bytes())
}

/// Path and query of a link: wherever else it points, the gateway is asked.
fn href_of(link: &Value) -> Option<String> {
    let uri: Uri = link.get("href")?.as_str()?.parse().ok()?;
    Some(uri.path_and_query()?.as_str().to_owned())
}

/// The update that links name.
fn next_of(links: &Value) -> Option<Next> {
    let named = |name: &str, is_stop: bool| {
        let href = href_of(links.get(name)?)?;
        let path = href.split('?').next()?;
        Some(Next { id: path.rsplit('/').next()?.parse().ok()?, is_stop, href })
    };
    named("cancelAction", true).or_else(|| named("deploymentBase", false))
}

/// `HH:MM:SS` in seconds.
fn seconds_of(sleep: &str) -> Option<u32> {
    let mut parts = sleep.split(':').map(str::parse::<u32>);
    let mut next = || parts.next()?.ok();
    let (hours, minutes, seconds) = (next()?, next()?, next()?);
    Some(hours * 3_600 + minutes * 60 + seconds)
}

fn file_of(file: &Value) -> Option<File> {
    Some(File {
        name: file.get("filename")?.as_str()?.to_owned(),
        size: file.get("size")?.as_u64()?,
        sha256: file.pointer("/hashes/sha256")?.as_str()?.to_owned(),
        href: href_of(file.pointer("/_links/download")?)?,
    })
}

impl Line for Wire {
    async fn poll(&self) -> Result<Polled, LineError> {
        let told = self.get(&self.own).await?;
        let sleep = told.pointer("/config/polling/sleep").and_then(Value::as_str).and_then(seconds_of);
        let links = told.get("_links").cloned().unwrap_or_default();
        Ok(Polled {
            sleep_s: sleep.ok_or(LineError::Odd("time to poll again"))?,
            wants_report: links.get("configData").is_some(),
            next: next_of(&links),
        })
    }

    async fn job(&self, next: &Next) -> Result<Job, LineError> {
        let told = self.get(&next.href).await?;
        let chunks = told.pointer("/deployment/chunks").and_then(Value::as_array);
        let chunks = chunks.filter(|chunks| !chunks.is_empty()).ok_or(LineError::Odd("chunk"))?;
        let version =
            chunks.first().and_then(|chunk| chunk.get("version")?.as_str()).ok_or(LineError::Odd("version"))?;
        let files = chunks.iter().filter_map(|chunk| chunk.get("artifacts")?.as_array()).flatten();
        let files: Option<Vec<File>> = files.map(file_of).collect();
        let files = files.filter(|files| !files.is_empty()).ok_or(LineError::Odd("file"))?;
        Ok(Job { version: version.to_owned(), files })
    }

    async fn fetch(&self, file: &File, breaks: bool) -> Result<String, LineError> {
        let mut hash = Sha256::new();
        let mut have = 0;
        if breaks {
            have = self.read(file, 0, file.size / 2, &mut hash).await?;
        }
        have += self.read(file, have, file.size, &mut hash).await?;
        if have == file.size { Ok(hex::encode(hash.finalize())) } else { Err(LineError::Odd("whole file")) }
    }

    async fn say(&self, next: &Next, feedback: &Feedback) -> Result<(), LineError> {
        let what = if next.is_stop { "cancelAction" } else { "deploymentBase" };
        let own = format!("{}/{what}/{}", self.own, next.id);
        if next.is_stop {
            self.get(&own).await?;
        }
        let mut status = Map::new();
        status.insert("execution".to_owned(), json!(feedback.execution.as_str()));
        status.insert("result".to_owned(), json!({"finished": feedback.finished.as_str()}));
        status.insert("details".to_owned(), json!(feedback.details));
        if let Some(code) = feedback.code {
            status.insert("code".to_owned(), json!(code));
        }
        let content = json!({"id": next.id.to_string(), "status": status});
        self.put(Method::POST, &format!("{own}/feedback"), &content).await
    }

    async fn report(&self, runs: &str, measured: &[(String, String)]) -> Result<(), LineError> {
        let mut attributes = vec![("sw.version".to_owned(), runs.to_owned())];
        attributes.extend_from_slice(measured);
        // Of its parts it knows nothing, so what was said of them stays.
        self.report_all(&attributes, UpdateMode::Merge).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_are_read_and_lead_nowhere_else() {
        let links = json!({"deploymentBase": {"href": "https://evil.example/DEFAULT/controller/v1/A/deploymentBase/10001?c=3"}});
        let next = next_of(&links);
        let href = "/DEFAULT/controller/v1/A/deploymentBase/10001?c=3".to_owned();
        assert_eq!(next, Some(Next { id: 10_001, is_stop: false, href }));
        let both = json!({"cancelAction": {"href": "https://a/x/cancelAction/7"}, "deploymentBase": {"href": "https://a/x/deploymentBase/8"}});
        assert_eq!(next_of(&both).map(|next| (next.id, next.is_stop)), Some((7, true)));
        for odd in [
            json!({}),
            json!({"deploymentBase": 7}),
            json!({"deploymentBase": {"href": "https://a/x/deploymentBase/x"}}),
        ] {
            assert_eq!(next_of(&odd), None);
        }
    }

    #[test]
    fn times_and_serials_are_as_the_protocol_has_them() {
        assert_eq!([seconds_of("00:05:01"), seconds_of("5"), seconds_of("a:b:c")], [Some(301), None, None]);
        assert_eq!(in_path("GW 1/ä"), "GW%201%2F%C3%A4");
    }
}
