//! A node that can't read its database trusts nobody after a while.

use crate::{
    patience::until,
    revoking::{self, open},
};
use domain::revocation::RevocationAct;
use fleet::{Fleet, trust::Verdict};
use std::{
    sync::{Arc, atomic::AtomicI64},
    time::Duration,
};
use store::testing::{self, Relay, Wire};

const MOST: Duration = Duration::from_secs(8);

/// What an OCSP responder says that can't answer now: RFC 6960's tryLater.
const TRY_LATER: [u8; 5] = [0x30, 3, 10, 1, 3];

/// It goes stale in time and not before, says so, and recovers.
async fn goes_stale(fleet: &Fleet, how: &str, cut: impl AsyncFn(), mend: impl AsyncFn()) {
    let mut told = fleet.trust_staleness();
    // A machine that stands still for seconds makes it stale as well.
    until(how, async || !fleet.is_trust_stale() && !*told.borrow_and_update()).await;
    cut().await;
    let lasted = until(how, async || fleet.is_trust_stale()).await;
    assert!(lasted > MOST / 8, "{how}: already after {lasted:?}");
    assert!(lasted < MOST + Duration::from_secs(15), "{how}: only after {lasted:?}");
    tokio::time::timeout(Duration::from_secs(60), told.wait_for(|stale| *stale)).await.unwrap().unwrap();
    assert_eq!(fleet.ocsp(None, b"whatever").await.body[..], TRY_LATER, "{how}");
    mend().await;
    let waited = until(how, async || !fleet.is_trust_stale()).await;
    tokio::time::timeout(Duration::from_secs(60), told.wait_for(|stale| !*stale)).await.unwrap().unwrap();
    println!("{how}: trusted nobody {lasted:?} after it was cut off, and trusted again {waited:?} after that ended");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_without_its_database_trusts_nobody_after_a_while() {
    for world in revoking::worlds(2).await {
        let folder = tempfile::tempdir().unwrap();
        let relay = match &world.fixture.url {
            Some(url) => Some(Relay::to(url).await.unwrap()),
            None => None,
        };
        let file = format!("sqlite://{}", world.fixture.folder.path().join("muster.db").display());
        let url = relay.as_ref().map_or(file.as_str(), Relay::url);
        let node = open(folder.path(), Some(url), Arc::new(AtomicI64::new(revoking::NOW.0))).await;
        node.load_trust().await.unwrap();
        let tasks = [tokio::spawn(node.clone().follow_bell()), tokio::spawn(node.clone().publisher())];
        tokio::time::sleep(Duration::from_millis(500)).await;
        node.limit_trust_age(MOST);
        let row = store::certificate::of_device(world.fleet.db(), "A-00000").await.unwrap().remove(0);
        let key = node.trust().authority(row.authority_id).unwrap().certificate().subject_key_id();
        let verdict = || node.trust().admits(&key, &row.serial);
        if let Some(relay) = &relay {
            for wire in [Wire::Cut, Wire::Holds] {
                let how = format!("{}, {wire:?}", world.name());
                goes_stale(&node, &how, async || relay.set(wire), async || relay.set(Wire::Carries)).await;
            }
            relay.set(Wire::Holds);
            world.act_through(RevocationAct::Revoke, revoking::device("A-00000")).await;
            until("stale", async || node.is_trust_stale()).await;
            assert_eq!(verdict(), Verdict::Good, "this node can't know, which is why it must trust nobody");
            relay.set(Wire::Carries);
        } else {
            let db = world.fleet.db();
            let cut = async || testing::hide_changes(db, true).await.unwrap();
            goes_stale(&node, world.name(), cut, async || testing::hide_changes(db, false).await.unwrap()).await;
            world.act_through(RevocationAct::Revoke, revoking::device("A-00000")).await;
        }
        // Once it trusts again, it knows.
        until("not stale", async || !node.is_trust_stale()).await;
        assert_eq!(relay.as_ref().map_or(Verdict::Revoked, |_| verdict()), Verdict::Revoked, "{}", world.name());
        until("known", async || verdict() == Verdict::Revoked).await;
        tasks.iter().for_each(tokio::task::JoinHandle::abort);
    }
}
