//! Handshakes per second of the gateway, beside rustls with the same certificates and the verifier that it comes with.

use crate::{
    Bench,
    table::{Row, rate},
    tls,
    world::{Device, LINE},
};
use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Instant,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio_rustls::TlsConnector;

/// How many devices shake hands at the same time.
const AT_ONCE: usize = 8;
const WHO_AM_I: &[u8] = b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";

pub fn measure(bench: &Bench) -> Vec<Row> {
    let devices = bench.server.block_on(bench.world.devices(LINE, "SHAKE", AT_ONCE));
    let authority = bench.server.block_on(bench.world.issuer(LINE));
    let peer = bench.server.block_on(bench.doors.plain_rustls(authority.certificate()));
    let (count, gateway) = (bench.sizes.handshakes(), bench.doors.gateway);
    // In turn, so that a machine that is busy for a while is busy for both.
    let (mut here, mut there) = (0.0, 0.0);
    for _ in 0..2 {
        there += shake(bench, &devices, peer, count / 2, false) / 2.0;
        here += shake(bench, &devices, gateway, count / 2, false) / 2.0;
    }
    let asked = shake(bench, &devices, gateway, count, true);
    vec![
        Row::rate("handshakes of the gateway", here, ("rustls with WebPkiClientVerifier", there), ""),
        Row::rate("handshakes, and who asks said from the database", asked, ("rustls, handshake alone", there), ""),
    ]
}

fn shake(bench: &Bench, devices: &[Device], to: SocketAddr, count: usize, ask: bool) -> f64 {
    let next = Arc::new(AtomicUsize::new(0));
    let begun = Instant::now();
    let tasks: Vec<_> = devices
        .iter()
        .map(|device| {
            let (connector, next) = (tls::connector(&bench.world, device), Arc::clone(&next));
            bench.asking.spawn(async move {
                while next.fetch_add(1, Ordering::Relaxed) < count {
                    assert!(if ask { is_known(&connector, to).await } else { tls::is_let_in(&connector, to).await });
                }
            })
        })
        .collect();
    for task in tasks {
        bench.asking.block_on(task).unwrap();
    }
    rate(count, begun.elapsed())
}

async fn is_known(connector: &TlsConnector, to: SocketAddr) -> bool {
    let mut stream = tls::connect(connector, to).await.unwrap();
    stream.write_all(WHO_AM_I).await.unwrap();
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer).await;
    answer.starts_with(b"HTTP/1.1 200")
}
