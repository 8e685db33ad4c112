//! A restore of an older backup takes nothing back that was revoked since, and no number of a CRL comes again.

use crate::world::{RULE, World, batch, device, open};
use domain::{revocation::RevocationAct as Act, time::MINUTE};
use fleet::{Fleet, trust::Verdict};
use pki::SerialNumber;
use std::{path::Path, sync::atomic::Ordering, time::Duration};
use store::testing;

async fn begun(fleet: &Fleet) {
    let running = tokio::spawn(fleet.clone().publisher());
    while fleet.crl("batch-a").is_none() || fleet.crl("brno").is_none() {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    tokio::time::sleep(Duration::from_millis(300)).await;
    running.abort();
    let _ = running.await;
    fleet.publish_due().await.unwrap();
    fleet.follow_acts().await.unwrap();
}

async fn restored(world: &World, file: &Path) -> Fleet {
    let folder = world.fixture.folder.path();
    world.fleet.db().close().await;
    world.fixture.db.close().await;
    if let Some(url) = &world.fixture.url {
        fleet::backup::restore_postgres(&RULE, url, file, true).await.unwrap();
    } else {
        fleet::backup::restore_sqlite(&RULE, folder, file, true).await.unwrap();
    }
    open(folder, world.fixture.url.as_deref(), world.clock.clone()).await
}

#[tokio::test]
async fn what_was_revoked_after_the_backup_stays_revoked() {
    for fixture in testing::both().await.unwrap() {
        let world = World::on(fixture, 5).await;
        let folder = world.fixture.folder.path().to_owned();
        world.act(Act::Hold, device("A-00000")).await;
        world.act(Act::Revoke, device("A-00001")).await;
        world.act(Act::Hold, device("A-00004")).await;
        world.act_through(Act::Hold, batch("B")).await;
        world.fleet.publish_due().await.unwrap();
        let file = folder.join("backup");
        fleet::backup::backup(&world.fleet, &RULE, &file).await.unwrap();
        world.act(Act::Release, device("A-00000")).await;
        world.act(Act::Revoke, device("A-00002")).await;
        world.act(Act::Hold, device("A-00003")).await;
        world.act(Act::Revoke, device("A-00004")).await;
        world.act_through(Act::Revoke, batch("B")).await;
        world.fleet.publish_due().await.unwrap();
        let before = world.fleet.crl("batch-a").unwrap();
        let (name, clock) = (world.name(), world.clock.clone());
        let fleet = restored(&world, &file).await;
        // Worse: the clock is behind, too.
        clock.fetch_sub(10 * MINUTE, Ordering::Relaxed);
        begun(&fleet).await;
        let after = fleet.crl("batch-a").unwrap();
        assert!(after.number > before.number, "{name}: {} after {}", after.number, before.number);
        let verdict = async |serial: &str| {
            let row = store::certificate::of_device(fleet.db(), serial).await.unwrap().remove(0);
            let trust = fleet.trust();
            trust.authority(row.authority_id).unwrap().verdict(SerialNumber::from_hex(&row.serial).unwrap())
        };
        assert_eq!(verdict("A-00001").await, Verdict::Revoked);
        assert_eq!(verdict("A-00002").await, Verdict::Revoked, "{name}: lost");
        assert_eq!(verdict("A-00003").await, Verdict::Held, "{name}: lost");
        assert_eq!(verdict("A-00004").await, Verdict::Revoked, "{name}: only held again");
        assert_eq!(verdict("B-00000").await, Verdict::Revoked, "{name}: the batch was let in again");
        // What the backup held back is held back: that it was released meanwhile is what the backup doesn't know.
        assert_eq!(verdict("A-00000").await, Verdict::Held);
        assert!(after.entries >= 4 && fleet.trust().by_slug("batch-b").unwrap().cut().is_some(), "{name}");
    }
}
