//! OCSP answers per second of the real listener, beside OpenSSL's responder on the same index and beside a file.

use crate::{
    Bench,
    asked::{is_answer, posted, question},
    doors::{fixed_bytes, static_file},
    load::{Client, Load, get},
    openssl::{self, Responder},
    table::{Row, grouped},
    world::{LARGE, Large, slug},
};
use pki::IssuerHashes;
use std::{net::SocketAddr, sync::Arc};

const NONCE: [u8; 16] = [7; 16];

/// What each load asks for.
struct Questions {
    plain: Arc<Vec<Vec<u8>>>,
    closing: Arc<Vec<Vec<u8>>>,
    with_nonce: Arc<Vec<Vec<u8>>>,
}

pub fn measure(bench: &Bench, large: &Large) -> Vec<Row> {
    let issuer = bench.server.block_on(bench.world.issuer(LARGE));
    let hashes = IssuerHashes::of(issuer.certificate());
    let asked = &large.serials[..bench.sizes.asked()];
    let all = |nonce: Option<&[u8]>, keep| {
        Arc::new(asked.iter().map(|serial| posted(&question(&hashes, *serial, nonce), keep)).collect::<Vec<_>>())
    };
    let questions =
        Questions { plain: all(None, true), closing: all(None, false), with_nonce: all(Some(&NONCE), true) };
    let (count, connections) = (bench.sizes.requests(), bench.sizes.connections());
    let pki = bench.doors.pki;
    // The first question about each certificate: looked up, and signed.
    let first = run(bench, pki, &questions.plain, asked.len(), true);
    let signed = run(bench, pki, &questions.with_nonce, (count / 4).max(asked.len()), true);
    let kept = run(bench, pki, &questions.plain, count, true);
    let new = run(bench, pki, &questions.closing, connections, false);
    let answer = bench.asking.block_on(async { Client::new(pki).ask(&questions.plain[0]).await.to_vec() });
    let file = file_rate(bench, answer.clone(), count);
    let file_new = file_rate_new(bench, answer.clone(), connections);
    let least = least_rate(bench, &answer, &questions.closing, connections);
    let certificate = ca_file_rate(bench, count);
    let index = bench.world.folder.path().join("index.txt");
    openssl::write_index(&index, large.serials.iter().copied(), false);
    let peer = |processes| {
        let now = bench.world.fleet.now();
        let responder = Responder::start(bench.world.folder.path(), &issuer, &index, processes, 2 * connections, now);
        run(bench, responder.address, &questions.closing, connections, false)
    };
    let (one, two) = (peer(1), peer(2));
    let n = grouped(large.serials.len());
    let openssl = format!("`openssl ocsp`, index of {n}");
    let openssl_two = format!("`openssl ocsp -multi 2`, index of {n}");
    let limit = format!("a file of {} bytes, same listener, keep-alive", answer.len());
    let limit_new = format!("a file of {} bytes, same listener, a new connection each", answer.len());
    vec![
        Row::rate("OCSP, a new connection each", new, (&openssl, one), "2.5"),
        Row::rate("OCSP, a new connection each", new, (&openssl_two, two), ""),
        Row::rate("OCSP, a new connection each", new, (&limit_new, file_new), ""),
        Row::rate("OCSP, a new connection each", new, ("the same bytes by a bare loop of TCP, no HTTP", least), ""),
        Row::rate("OCSP, keep-alive", kept, (&limit, file), "0.5; 72,500 /s"),
        Row::rate("OCSP, keep-alive", kept, ("an authority's certificate (.cer), keep-alive", certificate), ""),
        Row::rate("OCSP with nonce (signed for each), keep-alive", signed, (&limit, file), ""),
        Row::rate("OCSP, first question about each, keep-alive", first, (&limit, file), ""),
    ]
}

/// Asks one load's questions.
fn run(bench: &Bench, to: SocketAddr, requests: &Arc<Vec<Vec<u8>>>, count: usize, keep: bool) -> f64 {
    let load = Load { to, requests: Arc::clone(requests), count, keep, is_answer };
    bench.asking.block_on(load.run())
}

fn file_rate(bench: &Bench, content: Vec<u8>, count: usize) -> f64 {
    let to = bench.server.block_on(static_file(content));
    run(bench, to, &Arc::new(vec![get("/file")]), count, true)
}

fn file_rate_new(bench: &Bench, content: Vec<u8>, count: usize) -> f64 {
    let to = bench.server.block_on(static_file(content));
    run(bench, to, &Arc::new(vec![get("/file")]), count, false)
}

/// What connections alone cost, in the same runtime and with the same asker: the limit of any server.
fn least_rate(bench: &Bench, answer: &[u8], requests: &Arc<Vec<Vec<u8>>>, count: usize) -> f64 {
    let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", answer.len());
    let to = bench.server.block_on(fixed_bytes([head.as_bytes(), answer].concat()));
    run(bench, to, requests, count, false)
}

fn ca_file_rate(bench: &Bench, count: usize) -> f64 {
    let requests = Arc::new(vec![get(&format!("/ca/{}.cer", slug(LARGE)))]);
    let is_certificate = |body: &[u8]| body.first() == Some(&0x30);
    let load = Load { to: bench.doors.pki, requests, count, keep: true, is_answer: is_certificate };
    bench.asking.block_on(load.run())
}
