//! A batch cut off by one act.

use crate::{
    Bench,
    asked::{posted, question},
    clicks::{shown, until_refused, until_revoked, watch},
    load::{Client, get},
    table::{Row, grouped},
    tls,
    world::{APPROVER, LARGE, Large, RULE, slug},
};
use fleet::revocation::{Outcome, Selection};
use pki::IssuerHashes;
use std::{
    net::SocketAddr,
    time::{Duration, Instant},
};
use tokio::task::JoinHandle;

/// What is wanted of the act.
const LIMIT: Duration = Duration::from_secs(1);
/// How long the records may take to follow.
const PATIENCE: Duration = Duration::from_secs(1800);
/// Between two looks at the list.
const PAUSE: Duration = Duration::from_millis(2);

pub fn measure(bench: &Bench, large: &Large) -> Vec<Row> {
    let fleet = &bench.world.fleet;
    let hashes = IssuerHashes::of(bench.server.block_on(bench.world.issuer(LARGE)).certificate());
    let middle = large.serials[large.serials.len() / 2];
    let (gateway, pki) = (bench.doors.gateway, bench.doors.pki);
    let begun = Instant::now();
    let form = bench.server.block_on(shown(&bench.world, Selection::Batch(LARGE.to_owned())));
    let previewed = begun.elapsed();
    let requested = bench.server.block_on(fleet.revoke(&RULE, &form)).unwrap();
    let Outcome::Waiting(approval, _) = requested else { unreachable!("a batch needs a second person") };
    let approval = bench.server.block_on(fleet.approval(&APPROVER, approval)).unwrap().row;
    let refused = watch(bench, until_refused(tls::connector(&bench.world, &large.caller), gateway));
    let answered = watch(bench, until_revoked(pki, posted(&question(&hashes, middle, None), true)));
    let listed = watch(bench, until_long(pki, large.serials.len()));
    std::thread::sleep(Duration::from_millis(20));
    let click = Instant::now();
    bench.server.block_on(fleet.decide(&APPROVER, approval.id, &approval.hash, true, "")).unwrap();
    let done = click.elapsed();
    let seen = |watched: JoinHandle<Instant>| bench.asking.block_on(watched).unwrap().duration_since(click);
    let (refused, answered, listed) = (seen(refused), seen(answered), seen(listed));
    while bench.server.block_on(store::revocation::unfinished(fleet.db())).unwrap().is_some() {
        assert!(click.elapsed() < PATIENCE, "the records do not follow");
        std::thread::sleep(Duration::from_millis(20));
    }
    let followed = click.elapsed();
    let n = grouped(large.serials.len());
    let row = |what: &str, time, wanted| Row::time(format!("{what} ({n} devices)"), time, ("limit", LIMIT), wanted);
    vec![
        row("cutting off a batch: preview", previewed, ""),
        row("cutting off a batch: the approval is answered", done, "1"),
        row("cutting off a batch: refused at the gateway", refused, "1"),
        row("cutting off a batch: OCSP “revoked”", answered, "1"),
        row("cutting off a batch: the CRL with all of them", listed, ""),
        row("cutting off a batch: all records have followed", followed, ""),
    ]
}

/// Until the CRL is as long as one with all of them.
async fn until_long(pki: SocketAddr, entries: usize) {
    let (mut client, request) = (Client::new(pki), get(&format!("/crl/{}.crl", slug(LARGE))));
    // Sixteen bytes of serial and fifteen of time are the least of an entry.
    while client.ask(&request).await.len() < entries * 31 {
        tokio::time::sleep(PAUSE).await;
    }
}
