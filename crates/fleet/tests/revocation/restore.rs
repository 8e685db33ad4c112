//! A restore of an older backup takes nothing back that was revoked since, and no number of a CRL comes again.

use crate::world::{RULE, World, batch, device, open};
use domain::{revocation::RevocationAct as Act, time::MINUTE};
use fleet::{Fleet, release::ShelfPlace, trust::Verdict};
use pki::SerialNumber;
use std::{fs, path::Path, sync::atomic::Ordering, time::Duration};
use store::{Db, testing};

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
        fleet::backup::restore_postgres(&RULE, url, folder, &ShelfPlace::Folder, file, true).await.unwrap();
    } else {
        fleet::backup::restore_sqlite(&RULE, folder, &ShelfPlace::Folder, file, true).await.unwrap();
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

/// Where a machine that was lost comes back: an empty folder, and an empty database.
async fn another_machine(world: &World, file: &Path) -> World {
    let new = if world.fixture.url.is_some() { testing::postgres().await } else { testing::sqlite().await }.unwrap();
    new.db.close().await;
    let folder = new.folder.path();
    let restored = match &new.url {
        Some(url) => {
            fleet::backup::restore_postgres(&RULE, url, folder, &ShelfPlace::Folder, file, false).await.unwrap().1
        }
        None => fleet::backup::restore_sqlite(&RULE, folder, &ShelfPlace::Folder, file, false).await.unwrap(),
    };
    assert_eq!(
        (restored.files, restored.missing.as_slice()),
        (10, &[][..]),
        "{}: 4 keys, 3 lists, 3 numbers",
        new.name
    );
    let fleet = open(folder, new.url.as_deref(), world.clock.clone()).await;
    World { fleet, fixture: new, clock: world.clock.clone() }
}

#[tokio::test]
async fn a_lost_machine_comes_back_from_one_file() {
    for fixture in testing::both().await.unwrap() {
        let world = World::on(fixture, 2).await;
        let (name, folder) = (world.name(), world.fixture.folder.path().to_owned());
        world.act(Act::Revoke, device("A-00001")).await;
        begun(&world.fleet).await;
        let before = world.fleet.crl("batch-a").unwrap();
        // What is under way, was kept aside or is somebody else's is not in a backup.
        for stray in ["keys/x.pem.restoring", "keys/x.pem.before-restore", "keys/README", "crl/batch-a.crl.new"] {
            fs::write(folder.join(stray), "stray").unwrap();
        }
        let file = folder.join("backup");
        let written = fleet::backup::backup(&world.fleet, &RULE, &file).await.unwrap();
        assert_eq!((written.files, written.missing.as_slice()), (10, &[][..]), "{name}");
        let kept = |folder: &Path| {
            let read = |name: &str| fs::read(folder.join(name)).unwrap();
            ["keys/brno.pem", "keys/batch-a.pem", "crl/batch-a.crl", "crl/batch-a.number"].map(read)
        };
        let (files, sealed) = (kept(&folder), fs::read_to_string(folder.join("keys/brno.pem")).unwrap());
        assert!(sealed.contains("ENCRYPTED"), "keys stay sealed");
        let new = another_machine(&world, &file).await;
        let there = new.fixture.folder.path();
        assert_eq!(kept(there), files, "{name}");
        assert_eq!(fs::read_dir(there.join("keys")).unwrap().count(), 4, "{name}: no strays");
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let mode = |path: &str| fs::metadata(there.join(path)).unwrap().permissions().mode() & 0o777;
            assert_eq!(["keys", "crl", "keys/brno.pem", "crl/batch-a.number"].map(mode), [0o700, 0o700, 0o600, 0o600]);
        }
        // It signs, with the keys that came back, lists whose numbers go on.
        world.clock.fetch_sub(10 * MINUTE, Ordering::Relaxed);
        begun(&new.fleet).await;
        new.act(Act::Revoke, device("A-00000")).await;
        new.fleet.publish_due().await.unwrap();
        let after = new.fleet.crl("batch-a").unwrap();
        assert!(after.number > before.number, "{name}: {} after {}", after.number, before.number);
        assert_eq!(new.listed("batch-a").await.len(), 2, "{name}");
    }
}

#[tokio::test]
async fn what_a_backup_can_not_bring_is_told() {
    for fixture in testing::both().await.unwrap() {
        let world = World::on(fixture, 1).await;
        let folder = world.fixture.folder.path().to_owned();
        fs::remove_file(folder.join("keys/batch-b.pem")).unwrap();
        let file = folder.join("backup");
        let written = fleet::backup::backup(&world.fleet, &RULE, &file).await.unwrap();
        assert!(written.missing[0].contains("keys/batch-b.pem"), "{:?}", written.missing);
        // Into a folder with another key of that name: not by accident.
        let new =
            if world.fixture.url.is_some() { testing::postgres().await } else { testing::sqlite().await }.unwrap();
        new.db.close().await;
        fs::create_dir(new.folder.path().join("keys")).unwrap();
        fs::write(new.folder.path().join("keys/brno.pem"), "another key").unwrap();
        let restore = async |force: bool| match &new.url {
            Some(url) => {
                let restored =
                    fleet::backup::restore_postgres(&RULE, url, new.folder.path(), &ShelfPlace::Folder, &file, force)
                        .await;
                restored.map(|(_, restored)| restored)
            }
            None => fleet::backup::restore_sqlite(&RULE, new.folder.path(), &ShelfPlace::Folder, &file, force).await,
        };
        let refused = restore(false).await.unwrap_err().to_string();
        assert!(refused.contains("is another one") && refused.contains("--force"), "{refused}");
        let files = fs::read_dir(new.folder.path().join("keys")).unwrap().count();
        assert_eq!(files, 1, "{}: nothing was changed", world.name());
        let db = Db::open(new.folder.path(), new.url.as_deref()).await.unwrap();
        assert!(Fleet::new(db.clone(), new.folder.path().to_owned()).authorities(&RULE).await.unwrap().is_empty());
        db.close().await;
        let restored = restore(true).await.unwrap();
        assert!(restored.missing[0].contains("keys/batch-b.pem"), "{:?}", restored.missing);
        let aside = fs::read_to_string(new.folder.path().join("keys/brno.pem.before-restore")).unwrap();
        assert_eq!(aside, "another key", "{}", world.name());
    }
}

#[tokio::test]
async fn a_key_that_signs_nothing_any_more_is_not_missed() {
    for fixture in testing::both().await.unwrap() {
        let world = World::on(fixture, 1).await;
        let (name, folder) = (world.name(), world.fixture.folder.path());
        fs::remove_file(folder.join("keys/batch-a.pem")).unwrap();
        let missing =
            async |file: &str| fleet::backup::backup(&world.fleet, &RULE, &folder.join(file)).await.unwrap().missing;
        let told = missing("active").await;
        assert!(told.len() == 1 && told[0].contains("keys/batch-a.pem"), "{name}: {told:?}");
        for (state, sql) in [
            ("revoked", "UPDATE authority SET state = 'revoked' WHERE slug = 'batch-a'"),
            ("rejected", "UPDATE authority SET state = 'rejected' WHERE slug = 'batch-a'"),
        ] {
            match world.fleet.db() {
                Db::Sqlite { write, .. } => sqlx::query(sql).execute(write).await.map(drop).unwrap(),
                Db::Postgres(pool) => sqlx::query(sql).execute(pool).await.map(drop).unwrap(),
            }
            assert_eq!(missing(state).await, Vec::<String>::new(), "{name}: {state}");
        }
    }
}
