//! The listeners: whether they answer, and which certificates they show.

use super::finding::{Findings, Mark};
use crate::{cli::Serve, health, router};
use domain::time::{DAY, Timestamp};
use http::Request;
use http_body_util::Empty;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use pki::Certificate;
use rustls::{
    ClientConfig, DigitallySignedStruct, SignatureScheme,
    client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature},
    pki_types::{CertificateDer, ServerName, UnixTime},
};
use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    sync::Arc,
    time::Duration,
};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
    time::timeout,
};
use tokio_rustls::TlsConnector;

const CONSOLE: &str = "console";
const GATEWAY: &str = "gateway";
const PKI: &str = "CRLs and OCSP";
const WATCH: &str = "metrics";

/// How long each of them may take.
const PATIENCE: Duration = Duration::from_secs(10);
/// Our own certificates are renewed 30 days before they end; below that it did not work.
const RENEWED: i64 = 25 * DAY;

/// Asks each, if somebody runs who should answer.
pub async fn look(serve: &Serve, is_running: bool, found: &mut Findings) {
    if !is_running {
        return;
    }
    let listen = &serve.listen;
    let now = fleet::system_time();
    let console = async {
        let (stream, certificate) = tls(listen.console).await?;
        let status = asked(stream, router::HEALTH).await?;
        if status == 200 { Ok(certificate) } else { Err(format!("{} was answered {status}", router::HEALTH)) }
    };
    judge(CONSOLE, listen.console, within(console).await, listen.host.as_deref(), now, found);
    let gateway = async { tls(listen.gateway).await.map(|(_, certificate)| certificate) };
    judge(GATEWAY, listen.gateway, within(gateway).await, listen.host.as_deref(), now, found);
    let repository = async {
        let stream = TcpStream::connect(reachable(listen.pki)).await.map_err(|why| why.to_string())?;
        // There is nothing at this address, which is an answer as well.
        asked(stream, "/").await
    };
    match within(repository).await {
        Ok(_) => found.ok(PKI, format!("they are answered at {}", listen.pki)),
        Err(why) => silent(PKI, listen.pki, &why, found),
    }
    if let Some(address) = serve.watch.metrics {
        watched(address, found).await;
    }
}

/// Asks where metrics are read.
async fn watched(address: SocketAddr, found: &mut Findings) {
    let metrics = async {
        let stream = TcpStream::connect(reachable(address)).await.map_err(|why| why.to_string())?;
        match asked(stream, health::METRICS).await? {
            200 => Ok(()),
            status => Err(format!("{} was answered {status}", health::METRICS)),
        }
    };
    match within(metrics).await {
        Ok(()) => found.ok(WATCH, format!("they are read at {address}")),
        Err(why) => silent(WATCH, address, &why, found),
    }
}

async fn within<T>(asking: impl Future<Output = Result<T, String>>) -> Result<T, String> {
    timeout(PATIENCE, asking).await.unwrap_or_else(|_| Err("it took too long".to_owned()))
}

fn silent(about: &'static str, address: SocketAddr, why: &str, found: &mut Findings) {
    let advice = "see that Muster was started with the same settings as this command, and what its log says";
    found.wrong(about, format!("nothing answers at {address}: {why}"), advice);
}

/// Where something that is bound to every address is reached from here.
fn reachable(address: SocketAddr) -> SocketAddr {
    let ip = match address.ip() {
        ip if !ip.is_unspecified() => ip,
        IpAddr::V4(_) => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(_) => Ipv6Addr::LOCALHOST.into(),
    };
    SocketAddr::new(ip, address.port())
}

fn judge(
    about: &'static str,
    address: SocketAddr,
    shown: Result<Certificate, String>,
    host: Option<&str>,
    now: Timestamp,
    found: &mut Findings,
) {
    let certificate = match shown {
        Ok(certificate) => certificate,
        Err(why) => return silent(about, address, &why, found),
    };
    let ends = certificate.not_after();
    let until = ends.day_words();
    if ends <= now {
        found.wrong(
            about,
            format!("its certificate ended on {until}"),
            "give a new one, or see what the log says of it",
        );
    } else if let Some(host) = host.filter(|host| !names(&certificate, host)) {
        let told = format!("its certificate does not name {host}, but {}", certificate.dns_names().join(", "));
        found.wrong(
            about,
            told,
            "people and devices that check names refuse it: give one that does, or put --host right",
        );
    } else {
        let mark = if ends <= now.plus(RENEWED) { Mark::Attention } else { Mark::Ok };
        let advice =
            if mark == Mark::Ok { "" } else { "it should have been renewed by now: see what the log says of it" };
        found.add(mark, about, format!("answers at {address}; its certificate ends on {until}"), advice);
    }
}

fn names(certificate: &Certificate, host: &str) -> bool {
    let host = host.trim_matches(['[', ']']).to_ascii_lowercase();
    if let Ok(address) = host.parse::<IpAddr>() {
        return certificate.ip_addresses().contains(&address);
    }
    certificate.dns_names().iter().any(|name| match name.strip_prefix("*.") {
        Some(above) => host.split_once('.').is_some_and(|(_, rest)| rest == above),
        None => *name == host,
    })
}

/// A connection, and the certificate that it was begun with. Whom it is of is not asked: it is to be looked at.
async fn tls(address: SocketAddr) -> Result<(tokio_rustls::client::TlsStream<TcpStream>, Certificate), String> {
    let provider = Arc::new(ring::default_provider());
    let mut config = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .map_err(|why| why.to_string())?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(Looking(provider)))
        .with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    let stream = TcpStream::connect(reachable(address)).await.map_err(|why| why.to_string())?;
    let name = ServerName::from(reachable(address).ip());
    let stream = TlsConnector::from(Arc::new(config)).connect(name, stream).await.map_err(|why| why.to_string())?;
    let shown = stream.get_ref().1.peer_certificates().and_then(|chain| chain.first().cloned());
    let shown = shown.ok_or("it shows no certificate")?;
    let certificate = Certificate::from_der(&shown).map_err(|why| why.to_string())?;
    Ok((stream, certificate))
}

/// The status that an address is answered with.
async fn asked(stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static, path: &str) -> Result<u16, String> {
    let (mut sender, connection) =
        http1::handshake(TokioIo::new(stream)).await.map_err(|why: hyper::Error| why.to_string())?;
    let driven = tokio::spawn(connection);
    let request = Request::get(path).header(http::header::HOST, "localhost").body(Empty::<bytes::Bytes>::new());
    let answer = sender.send_request(request.map_err(|why| why.to_string())?).await.map_err(|why| why.to_string());
    driven.abort();
    Ok(answer?.status().as_u16())
}

/// Takes any certificate, of which the key must be there: who looks trusts nobody and sends nothing.
#[derive(Debug)]
struct Looking(Arc<CryptoProvider>);

impl ServerCertVerifier for Looking {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, certificate, signed, &self.0.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, certificate, signed, &self.0.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
    use super::*;

    #[test]
    fn certificates_that_end_or_do_not_name_the_host_are_told() {
        let now = fleet::system_time();
        let made = pki::console_certificate(&["fleet.example".to_owned()], &[Ipv4Addr::LOCALHOST.into()], now).unwrap();
        let certificate = Certificate::from_pem(&made.cert_pem).unwrap();
        let judged = |host: Option<&str>, now: Timestamp| {
            let mut found = Findings::default();
            let address = "127.0.0.1:8443".parse().unwrap();
            judge(CONSOLE, address, Ok(certificate.clone()), host, now, &mut found);
            found.worst()
        };
        assert_eq!(judged(None, now), Mark::Ok);
        assert_eq!((judged(Some("Fleet.example"), now), judged(Some("127.0.0.1"), now)), (Mark::Ok, Mark::Ok));
        assert_eq!((judged(Some("other.example"), now), judged(Some("192.0.2.1"), now)), (Mark::Wrong, Mark::Wrong));
        assert_eq!(judged(None, certificate.not_after().plus(-10 * DAY)), Mark::Attention);
        assert_eq!(judged(None, certificate.not_after().plus(DAY)), Mark::Wrong);
    }

    #[tokio::test]
    async fn what_does_not_answer_is_told() {
        let taken = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let at = taken.local_addr().unwrap();
        drop(taken);
        assert!(within(tls(at)).await.is_err());
        let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let at = silent.local_addr().unwrap();
        let answer = timeout(Duration::from_millis(300), within(tls(at))).await;
        assert!(answer.is_err(), "whoever says nothing is waited for, but not for ever");
    }
}
