//! The listener by real sockets: HTTPS and plain HTTP on one port, patience, and an orderly end.

use crate::{
    field::{A, Field, RULE, admin, field, operator, read},
    patience::until,
};
use axum::{Router, extract::ConnectInfo, routing::get};
use clap::Parser;
use domain::time::{SECOND, Timestamp};
use fleet::{Fleet, Keys, setting::Settings};
use pki::Passphrase;
use rustls::{
    ClientConfig, RootCertStore, SupportedProtocolVersion,
    crypto::ring,
    pki_types::{CertificateDer, PrivateKeyDer, ServerName, pem::PemObject},
    sign::{CertifiedKey, SingleCertAndKey},
};
use server::{
    cli::{Cli, Command},
    gateway,
    listener::{Certificates, Door, Gate, Limits, ListenError, Listener, tls_config},
    proxy::Proxies,
    server_certificate::Source,
};
use std::{
    net::{IpAddr, SocketAddr},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant, SystemTime},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    task::JoinHandle,
};
use tokio_rustls::{TlsConnector, client::TlsStream};
use tokio_util::sync::CancellationToken;

struct Served {
    address: SocketAddr,
    stop: CancellationToken,
    task: JoinHandle<()>,
    root: CertificateDer<'static>,
    /// How many requests that take long are being answered.
    begun: Arc<AtomicUsize>,
}

async fn serve(limits: Limits) -> Served {
    let seconds = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs();
    let made = pki::console_certificate(&[], &[], Timestamp(i64::try_from(seconds).unwrap() * SECOND)).unwrap();
    let identity = pki::read_identity((made.cert_pem.as_bytes(), "c"), (made.key_pem.as_bytes(), "k")).unwrap();
    let begun = Arc::new(AtomicUsize::new(0));
    let (slow, events) = (begun.clone(), begun.clone());
    let router = Router::new()
        .route("/who", get(|ConnectInfo(peer): ConnectInfo<SocketAddr>| async move { peer.ip().to_string() }))
        .route(
            "/slow",
            get(async move || {
                slow.fetch_add(1, Ordering::Relaxed);
                tokio::time::sleep(Duration::from_millis(400)).await;
                "done"
            }),
        )
        .route(
            "/events",
            get(async move || {
                events.fetch_add(1, Ordering::Relaxed);
                let stream = futures::stream::pending::<Result<axum::response::sse::Event, std::io::Error>>();
                axum::response::Sse::new(stream)
            }),
        );
    let listener = Listener::bind("127.0.0.1:0".parse().unwrap(), limits).await.unwrap();
    let (address, stop) = (listener.local_addr().unwrap(), CancellationToken::new());
    let tls = tls_config(&Certificates::new(&identity)).unwrap();
    let task = tokio::spawn(listener.serve(tls, router, stop.clone()));
    let root = CertificateDer::from_pem_slice(made.cert_pem.as_bytes()).unwrap();
    Served { address, stop, task, root, begun }
}

impl Served {
    async fn https(&self, protocols: &[&str]) -> TlsStream<TcpStream> {
        let mut roots = RootCertStore::empty();
        roots.add(self.root.clone()).unwrap();
        let provider = Arc::new(ring::default_provider());
        let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
        let mut config = builder.with_root_certificates(roots).with_no_client_auth();
        config.alpn_protocols = protocols.iter().map(|name| name.as_bytes().to_vec()).collect();
        let stream = TcpStream::connect(self.address).await.unwrap();
        let name = ServerName::try_from("localhost").unwrap();
        TlsConnector::from(Arc::new(config)).connect(name, stream).await.unwrap()
    }
}

async fn exchange<S: AsyncReadExt + AsyncWriteExt + Unpin>(mut stream: S, request: &str) -> String {
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    // A peer that closes without a TLS goodbye is as good as one that says it.
    let _ = stream.read_to_end(&mut answer).await;
    String::from_utf8_lossy(&answer).into_owned()
}

#[tokio::test]
async fn https_knows_the_peer_and_prefers_http_2() {
    let served = serve(Limits::default()).await;
    let answer =
        exchange(served.https(&["http/1.1"]).await, "GET /who HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").await;
    assert!(answer.starts_with("HTTP/1.1 200") && answer.ends_with("127.0.0.1"), "{answer}");
    let stream = served.https(&["http/1.1", "h2"]).await;
    assert_eq!(stream.get_ref().1.alpn_protocol(), Some(b"h2".as_slice()));
}

#[tokio::test]
async fn plain_http_is_only_redirected() {
    let served = serve(Limits::default()).await;
    let stream = TcpStream::connect(served.address).await.unwrap();
    let answer =
        exchange(stream, "POST /who?a=b HTTP/1.1\r\nHost: fleet.example:8443\r\nContent-Length: 2\r\n\r\nhi").await;
    assert!(answer.starts_with("HTTP/1.1 308"), "{answer}");
    assert!(answer.contains("location: https://fleet.example:8443/who?a=b\r\n"), "{answer}");
    assert!(!answer.contains("127.0.0.1"), "{answer}");
}

#[tokio::test]
async fn anything_else_is_hung_up_on() {
    let served = serve(Limits::default()).await;
    for noise in ["\u{1}\u{2}\u{3}", "{}", "\u{16}not a handshake at all, really not one\r\n\r\n"] {
        let stream = TcpStream::connect(served.address).await.unwrap();
        let answer = exchange(stream, noise).await;
        assert!(!answer.contains("HTTP"), "{noise:?} got {answer:?}");
    }
}

#[tokio::test]
async fn the_slow_are_hung_up_on() {
    let short = Duration::from_millis(300);
    let served = serve(Limits { handshake: short, head: short, ..Limits::default() }).await;
    for start in ["", "\u{16}", "GET / HTTP/1.1\r\nHost: x\r\nX-Slow: "] {
        let begun = Instant::now();
        let stream = TcpStream::connect(served.address).await.unwrap();
        exchange(stream, start).await;
        // Else it were 10 s.
        assert!(begun.elapsed() < Duration::from_secs(8), "{start:?} held on for {:?}", begun.elapsed());
    }
    // Only the head is hurried: the handshake is meant to come about.
    let served = serve(Limits { head: short, ..Limits::default() }).await;
    let stream = served.https(&["http/1.1"]).await;
    let begun = Instant::now();
    exchange(stream, "GET /who HTTP/1.1\r\nX-Slow: ").await;
    // Else it were 30 s.
    assert!(begun.elapsed() < Duration::from_secs(20), "a slow head held on for {:?}", begun.elapsed());
}

#[tokio::test]
async fn over_the_limit_one_waits() {
    let served = serve(Limits { connections: 1, ..Limits::default() }).await;
    let request = "GET /slow HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
    let first = served.https(&["http/1.1"]).await;
    let begun = Instant::now();
    let (first, second) =
        tokio::join!(exchange(first, request), async { exchange(served.https(&["http/1.1"]).await, request).await });
    assert!(first.ends_with("done") && second.ends_with("done"));
    assert!(begun.elapsed() >= Duration::from_millis(800), "both at once: {:?}", begun.elapsed());
}

#[tokio::test]
async fn one_address_has_so_many_connections() {
    let served = serve(Limits { per_address: 2, ..Limits::default() }).await;
    let request = "GET /who HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
    let (first, _second) = (served.https(&["http/1.1"]).await, served.https(&["http/1.1"]).await);
    let third = TcpStream::connect(served.address).await.unwrap();
    assert_eq!(exchange(third, "GET / HTTP/1.1\r\n\r\n").await, "", "hung up on");
    assert!(exchange(first, request).await.ends_with("127.0.0.1"));
    // Its place is free again a moment later.
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert!(exchange(served.https(&["http/1.1"]).await, request).await.ends_with("127.0.0.1"));
    let proxies = Proxies::new(&[server::proxy::network("127.0.0.1").unwrap()]);
    let served = serve(Limits { per_address: 1, proxies, ..Limits::default() }).await;
    let (_first, second) = (served.https(&["http/1.1"]).await, served.https(&["http/1.1"]).await);
    assert!(exchange(second, request).await.ends_with("127.0.0.1"));
}

#[tokio::test]
async fn what_was_accepted_is_finished_and_live_events_end() {
    let served = serve(Limits::default()).await;
    let (slow, events) = (served.https(&["http/1.1"]).await, served.https(&["http/1.1"]).await);
    let begun = Instant::now();
    let slow = tokio::spawn(exchange(slow, "GET /slow HTTP/1.1\r\nHost: x\r\n\r\n"));
    let events = tokio::spawn(exchange(events, "GET /events HTTP/1.1\r\nHost: x\r\n\r\n"));
    until("both are being answered", async || served.begun.load(Ordering::Relaxed) == 2).await;
    served.stop.cancel();
    assert!(slow.await.unwrap().ends_with("done"));
    assert!(events.await.unwrap().contains("text/event-stream"));
    served.task.await.unwrap();
    // Whoever is not done by then is cut off after 30 s.
    assert!(begun.elapsed() < Duration::from_secs(20), "the end took {:?}", begun.elapsed());
    assert!(TcpStream::connect(served.address).await.is_err(), "nobody listens any more");
}

#[tokio::test]
async fn an_address_in_use_is_told_in_a_sentence() {
    let served = serve(Limits::default()).await;
    let error = Listener::bind(served.address, Limits::default()).await.err().unwrap();
    assert!(matches!(error, ListenError::InUse(..)));
    assert!(error.to_string().contains("is in use by another program; stop that one, or choose another"), "{error}");
}

/// What `openssl s_client` sees of a server's certificate and of the OCSP answer about it.
async fn seen(field: &Field, address: SocketAddr) -> String {
    let ask = format!(
        "openssl s_client -connect {address} $(test -f test-root.pem && echo -CAfile test-root.pem) -status < /dev/null 2>/dev/null | grep -iE 'issuer|OCSP Resp|Verify return' || true"
    );
    field.says(&ask).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_operations_ca_takes_over_while_the_console_runs() {
    let (field, ..) = Field::before(store::testing::sqlite().await.unwrap()).await;
    let fleet = field.fleet.clone();
    fleet.load_trust().await.unwrap();
    let following = tokio::spawn(fleet.clone().publisher());
    let cli = Cli::try_parse_from(["muster", "serve", "--console", "127.0.0.1:0"]).unwrap();
    let Command::Serve(serve) = cli.command else { unreachable!("serve was typed") };
    let source = Source::of_console(&serve.listen, &fleet);
    let certificates = Certificates::new(&source.read(&fleet).await.unwrap());
    let keeping = tokio::spawn(source.keep(fleet, Arc::clone(&certificates)));
    let listener = Listener::bind(serve.listen.console, Limits::default()).await.unwrap();
    let (address, stop) = (listener.local_addr().unwrap(), CancellationToken::new());
    let served = tokio::spawn(listener.serve(tls_config(&certificates).unwrap(), Router::new(), stop.clone()));
    let before = seen(&field, address).await;
    assert!(before.contains("Muster console") && before.contains("no response sent"), "{before}");
    field.hierarchy().await;
    let mut after = String::new();
    until("its answer about itself is there", async || {
        after = seen(&field, address).await;
        after.contains("OCSP Response Status: successful")
    })
    .await;
    assert!(after.contains("Operations CA"), "{after}");
    assert!(after.contains("Verify return code: 0 (ok)"), "the chain is whole: {after}");
    stop.cancel();
    served.await.unwrap();
    following.abort();
    keeping.abort();
}

/// Whether somebody is let in at the gateway who shows this certificate with this key, whichever belongs to it.
pub async fn is_let_in(field: &Field, files: (&str, &str), version: &'static SupportedProtocolVersion) -> bool {
    let key = PrivateKeyDer::from_pem_slice(&read(&field.file(files.1))).unwrap();
    let chain = vec![CertificateDer::from_pem_slice(&read(&field.file(files.0))).unwrap()];
    let shown = CertifiedKey::new(chain, ring::sign::any_supported_type(&key).unwrap());
    let builder = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()));
    let builder = builder.with_protocol_versions(&[version]).unwrap().with_root_certificates(roots(field));
    let config = builder.with_client_cert_resolver(Arc::new(SingleCertAndKey::from(shown)));
    let stream = TcpStream::connect(field.gateway).await.unwrap();
    let name = ServerName::try_from("localhost").unwrap();
    let Ok(stream) = TlsConnector::from(Arc::new(config)).connect(name, stream).await else { return false };
    let (mut reading, mut writing) = tokio::io::split(stream);
    // TLS 1.3 says no when the client believes that all is done.
    let _ = writing.write_all(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").await;
    let mut said = Vec::new();
    let _ = reading.read_to_end(&mut said).await;
    said.starts_with(b"HTTP/1.1 ")
}

fn roots(field: &Field) -> RootCertStore {
    let mut roots = RootCertStore::empty();
    for root in CertificateDer::pem_slice_iter(&read(&field.file("ca.pem"))) {
        roots.add(root.unwrap()).unwrap();
    }
    roots
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_gateway_hangs_up_on_whoever_says_nothing_of_who_they_are() {
    let field = field().await;
    field.devices(&["U-00001".to_owned()], A).await;
    let token = field.fleet.set_device_token(&operator(), "U-00001").await.unwrap();
    let (names, addresses) = (["localhost".to_owned()], [IpAddr::from([127, 0, 0, 1])]);
    let (chain, key) = field.fleet.server_certificate(&RULE, &names, &addresses).await.unwrap();
    let identity = pki::read_identity((pki::chain_pem(&chain).as_bytes(), "c"), (key.as_bytes(), "k")).unwrap();
    let gate = Gate::new(field.fleet.clone(), &Certificates::new(&identity)).unwrap();
    // Long enough for a handshake and a first request, whatever else the machine does.
    let unknown = Duration::from_secs(3);
    let limits = Limits { unknown, ..Limits::of(Door::Gateway) };
    let listener = Listener::bind("127.0.0.1:0".parse().unwrap(), limits).await.unwrap();
    let (address, stop) = (listener.local_addr().unwrap(), CancellationToken::new());
    let served = tokio::spawn(listener.serve_gateway(gate, gateway::router(&field.fleet), stop.clone()));
    let connect = async || {
        let builder = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()));
        let builder = builder.with_safe_default_protocol_versions().unwrap();
        let config = builder.with_root_certificates(roots(&field)).with_no_client_auth();
        let stream = TcpStream::connect(address).await.unwrap();
        TlsConnector::from(Arc::new(config)).connect(ServerName::try_from("localhost").unwrap(), stream).await.unwrap()
    };
    // Who asks for what everybody may have is answered, and may not stay.
    let begun = Instant::now();
    let said = exchange(connect().await, "GET /.well-known/est/csrattrs HTTP/1.1\r\nHost: x\r\n\r\n").await;
    // Else it were a minute.
    assert!(said.starts_with("HTTP/1.1 200") && begun.elapsed() < Duration::from_secs(30), "{:?}", begun.elapsed());
    // Whose token is good stays, until it is not good any more.
    let mut known = connect().await;
    let ask = format!("GET / HTTP/1.1\r\nHost: x\r\nAuthorization: TargetToken {token}\r\n\r\n");
    for _ in 0..3 {
        known.write_all(ask.as_bytes()).await.unwrap();
        let mut said = [0; 12];
        known.read_exact(&mut said).await.unwrap();
        assert_eq!(&said, b"HTTP/1.1 200");
        // What is left of the answer.
        let mut rest = [0; 4096];
        let _ = tokio::time::timeout(unknown, known.read(&mut rest)).await;
        tokio::time::sleep(unknown + Duration::from_millis(200)).await;
        let _ = tokio::time::timeout(Duration::from_millis(10), known.read(&mut rest)).await;
    }
    field.fleet.remove_device_token(&operator(), "U-00001").await.unwrap();
    let begun = Instant::now();
    assert!(exchange(known, &ask).await.contains("401"));
    assert!(begun.elapsed() < Duration::from_secs(30), "{:?}", begun.elapsed());
    stop.cancel();
    served.await.unwrap();
}

/// Says at which address devices find the gateway.
async fn move_gateway(fleet: &Fleet, url: &str) {
    let settings = Settings { gateway_url: url.to_owned(), ..fleet.settings(&admin()).await.unwrap() };
    fleet.save_settings(&admin(), &settings).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_gateway_s_certificate_follows_its_address_and_outlives_a_failure() {
    let field = field().await;
    let fleet = field.fleet.clone();
    let cli = Cli::try_parse_from(["muster", "serve", "--gateway", "127.0.0.1:0"]).unwrap();
    let Command::Serve(serve) = cli.command else { unreachable!("serve was typed") };
    let kept = async || {
        let source = Source::of_gateway(&serve.listen, &fleet);
        let certificates = Certificates::new(&source.read(&fleet).await.unwrap());
        tokio::spawn(source.keep(fleet.clone(), Arc::clone(&certificates)));
        certificates
    };
    let shown = |certificates: &Certificates| pki::Certificate::from_der(&certificates.certificate().unwrap()).unwrap();
    let named = |certificates: &Certificates, name: &str| shown(certificates).dns_names().contains(&name.to_owned());
    let certificates = kept().await;
    move_gateway(&fleet, "https://gateway.example:8444").await;
    until("it has the name that was set", async || named(&certificates, "gateway.example")).await;
    assert!(shown(&certificates).issuer().contains("Operations CA"));

    // The keys can't be used for a while.
    let keys = Keys { folder: field.file("nothing-here"), passphrase: None };
    let _ = fleet.clone().with_keys(keys);
    move_gateway(&fleet, "https://other.example:8444").await;
    tokio::time::sleep(Duration::from_secs(4)).await;
    assert!(named(&certificates, "gateway.example"), "what is good stays: {:?}", shown(&certificates).dns_names());
    assert!(shown(&certificates).issuer().contains("Operations CA"));
    // Whoever starts meanwhile has nothing better than a certificate of its own.
    let started = kept().await;
    assert!(!shown(&started).issuer().contains("Operations CA"), "{}", shown(&started).issuer());
    let passphrase = Some(Passphrase::new(crate::field::PASSPHRASE.into()).unwrap());
    let _ = fleet.clone().with_keys(Keys { folder: fleet.folder().join("keys"), passphrase });
    for certificates in [&certificates, &started] {
        until("it is had when that is over", async || named(certificates, "other.example")).await;
        assert!(shown(certificates).issuer().contains("Operations CA"));
    }
}
