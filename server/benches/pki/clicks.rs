//! From the click to the refusal: one device after the other is revoked, while somebody tries its certificate at the
//! gateway, asks OCSP about it, and fetches the CRL.

use crate::{
    Bench,
    asked::{posted, question, says_revoked},
    load::{Client, get},
    table::{Row, grouped, percentile},
    tls,
    world::{Device, FIELD, RULE, World, slug},
};
use domain::{certificate::RevocationReason, revocation::RevocationAct};
use fleet::revocation::{Outcome, RevokeForm, Selection};
use pki::IssuerHashes;
use std::{
    future::Future,
    net::SocketAddr,
    time::{Duration, Instant},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    task::JoinHandle,
    time::{sleep, timeout},
};
use tokio_rustls::TlsConnector;

/// Between two looks. A look takes about a millisecond.
const PAUSE: Duration = Duration::from_millis(1);
/// After this nobody waits any more.
const PATIENCE: Duration = Duration::from_secs(60);
/// What is wanted of the gateway.
const GATEWAY: Duration = Duration::from_millis(100);
/// What is wanted of the CRL.
const CRL: Duration = Duration::from_secs(1);

/// What was seen of one revocation, from the click.
#[derive(Default)]
struct Times {
    done: Vec<Duration>,
    refused: Vec<Duration>,
    cut_off: Vec<Duration>,
    answered: Vec<Duration>,
    listed: Vec<Duration>,
}

pub fn measure(bench: &Bench) -> Vec<Row> {
    let devices = bench.server.block_on(bench.world.devices(FIELD, "FIELD", bench.sizes.clicks()));
    let issuer = bench.server.block_on(bench.world.issuer(FIELD));
    let hashes = IssuerHashes::of(issuer.certificate());
    let mut times = Times::default();
    for device in &devices {
        revoke(bench, device, &hashes, &mut times);
    }
    rows(times, devices.len())
}

fn rows(mut times: Times, n: usize) -> Vec<Row> {
    let n = grouped(n);
    let mut rows = Vec::new();
    let mut add = |what: &str, times: &mut Vec<Duration>, (name, limit): (&str, Duration), wanted| {
        for (percent, wanted) in [(50, ""), (99, wanted)] {
            let what = format!("{what}, p{percent} of {n}");
            rows.push(Row::time(what, percentile(times, percent), (name, limit), wanted));
        }
    };
    add("revoking one device: the click is answered", &mut times.done, ("limit", GATEWAY), "");
    add("from the click to refusal in the handshake", &mut times.refused, ("limit", GATEWAY), "1");
    add("from the click to the end of the open connection", &mut times.cut_off, ("limit", GATEWAY), "1");
    add("from the click to OCSP “revoked”", &mut times.answered, ("limit", GATEWAY), "");
    add("from the click to the CRL that lists it", &mut times.listed, ("limit", CRL), "1");
    rows
}

fn revoke(bench: &Bench, device: &Device, hashes: &IssuerHashes, times: &mut Times) {
    let connector = tls::connector(&bench.world, device);
    let (gateway, pki) = (bench.doors.gateway, bench.doors.pki);
    let open = bench.asking.block_on(opened(&connector, gateway));
    let asked = posted(&question(hashes, device.certificate.serial(), None), true);
    let refused = watch(bench, until_refused(connector, gateway));
    let cut_off = watch(bench, until_closed(open));
    let answered = watch(bench, until_revoked(pki, asked));
    let listed = watch(bench, until_listed(pki, FIELD, device.certificate.serial().as_bytes().to_vec()));
    let form = bench.server.block_on(shown(&bench.world, Selection::Device(device.serial.clone())));
    // Those who watch have begun by now.
    std::thread::sleep(Duration::from_millis(5));
    let click = Instant::now();
    let outcome = bench.server.block_on(bench.world.fleet.revoke(&RULE, &form)).unwrap();
    times.done.push(click.elapsed());
    assert!(matches!(outcome, Outcome::Done(_)));
    let seen = |watched: JoinHandle<Instant>, into: &mut Vec<Duration>| {
        let at = bench.asking.block_on(watched).unwrap();
        // Nothing is seen before it is done.
        into.push(at.checked_duration_since(click).unwrap());
    };
    seen(refused, &mut times.refused);
    seen(cut_off, &mut times.cut_off);
    seen(answered, &mut times.answered);
    seen(listed, &mut times.listed);
}

/// What a person was shown, and answers with.
pub async fn shown(world: &World, selection: Selection) -> RevokeForm {
    let act = RevocationAct::Revoke;
    let preview = world.fleet.preview(&RULE, &selection, act).await.unwrap();
    RevokeForm {
        selection,
        act,
        reason: RevocationReason::KeyCompromise,
        note: String::new(),
        confirmation: preview.confirm_word,
        preview_hash: preview.hash,
    }
}

/// When something was seen.
pub fn watch(bench: &Bench, looking: impl Future<Output = ()> + Send + 'static) -> JoinHandle<Instant> {
    bench.asking.spawn(async move {
        timeout(PATIENCE, looking).await.unwrap();
        Instant::now()
    })
}

/// Until a whole handshake with this certificate is refused. Before, it is taken.
pub async fn until_refused(connector: TlsConnector, gateway: SocketAddr) {
    assert!(tls::is_let_in(&connector, gateway).await, "the device is not let in");
    while tls::is_let_in(&connector, gateway).await {
        sleep(PAUSE).await;
    }
}

/// Until OCSP says so.
pub async fn until_revoked(pki: SocketAddr, request: Vec<u8>) {
    let mut client = Client::new(pki);
    while !says_revoked(client.ask(&request).await) {
        sleep(PAUSE).await;
    }
}

/// Until the CRL has the serial.
async fn until_listed(pki: SocketAddr, batch: &str, serial: Vec<u8>) {
    let (mut client, request) = (Client::new(pki), get(&format!("/crl/{}.crl", slug(batch))));
    while !client.ask(&request).await.windows(serial.len()).any(|part| part == serial) {
        sleep(PAUSE).await;
    }
}

/// A connection on which something was asked.
async fn opened(connector: &TlsConnector, gateway: SocketAddr) -> impl AsyncReadExt + Unpin + Send + 'static + use<> {
    let mut stream = tls::connect(connector, gateway).await.unwrap();
    stream.write_all(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n").await.unwrap();
    let mut answer = [0; 1024];
    let n = stream.read(&mut answer).await.unwrap();
    assert!(answer[..n].starts_with(b"HTTP/1.1 200"), "{}", String::from_utf8_lossy(&answer[..n]));
    stream
}

/// Until the server ends the connection, with or without a goodbye.
async fn until_closed(mut stream: impl AsyncReadExt + Unpin) {
    let mut rest = [0; 1024];
    while matches!(stream.read(&mut rest).await, Ok(n) if n > 0) {}
}
