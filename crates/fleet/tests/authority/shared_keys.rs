//! Keys that were made at one node and are used at another.

use crate::world::{NOW, RULE, World, conflict, keys, request, station, worlds};
use fleet::{Fleet, Keys, backup::backup};
use pki::Passphrase;
use std::{path::Path, sync::Arc};
use store::Db;

/// Another node of a world: the same database, a folder of its own.
async fn another(world: &World, folder: &Path, keys: Keys) -> Fleet {
    let db = match &world.fixture.url {
        Some(url) => Db::postgres(url).await.unwrap(),
        None => world.fixture.db.clone(),
    };
    let fleet = Fleet::with_clock(db, folder.to_owned(), Arc::new(|| NOW)).with_keys(keys);
    fleet.load_trust().await.unwrap();
    fleet
}

/// What the database keeps of keys.
async fn kept(world: &World) -> Vec<String> {
    let mut kept = Vec::new();
    for name in store::sealed_key::names(&world.fixture.db).await.unwrap() {
        kept.push(store::sealed_key::one(&world.fixture.db, &name).await.unwrap().unwrap());
    }
    kept
}

#[tokio::test(flavor = "multi_thread")]
async fn every_node_signs_for_a_batch_although_the_node_that_made_its_key_is_gone() {
    for world in worlds().await {
        let folder = tempfile::tempdir().unwrap();
        let other = another(&world, folder.path(), keys(folder.path())).await;
        world.device("GW-1", 10).await;
        std::fs::remove_dir_all(world.fixture.folder.path().join("keys")).unwrap();
        let (_, csr) = request("GW-1");
        let enrolled = other.enrol(&station(1), "A", &csr, "GW-1").await;
        if world.fixture.url.is_none() {
            conflict(enrolled, "can't be read");
            assert!(kept(&world).await.is_empty(), "on SQLite keys are files alone");
            continue;
        }
        let enrolled = enrolled.unwrap();
        let answer = other.staple(enrolled.certificate.der()).await;
        assert!(answer.is_some(), "an OCSP answer by the other node");
        other.publish_due().await.unwrap();
        let crl = other.crl("batch-ca-a").unwrap();
        let facts = pki::verify_crl(&crl.der, &enrolled.chain[0]).unwrap();
        assert_eq!((i64::try_from(facts.number).unwrap(), facts.entries.len()), (crl.number, 0));
        let kept = kept(&world).await;
        assert_eq!(kept.len(), 4, "operations, factory, and two batches");
        assert!(kept.iter().all(|pem| pem.starts_with("-----BEGIN ENCRYPTED PRIVATE KEY-----")));
        assert!(!folder.path().join("keys").exists(), "nothing of it is written at the other node");
        let written = backup(&other, &RULE, &folder.path().join("backup")).await.unwrap();
        assert_eq!(written.missing, Vec::<String>::new(), "a backup at any node has them");
        world.chain_holds().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_that_a_node_has_as_files_are_shared_at_its_start_once() {
    for world in worlds().await {
        if let Db::Postgres(pool) = &world.fixture.db {
            // As an earlier version left them.
            sqlx::query("DELETE FROM sealed_key").execute(pool).await.unwrap();
        }
        let n = if world.fixture.url.is_some() { 4 } else { 0 };
        assert_eq!(world.fleet.share_keys().await.unwrap(), n, "{}", world.name());
        assert_eq!(world.fleet.share_keys().await.unwrap(), 0, "{}", world.name());
        assert_eq!(kept(&world).await.len(), n);
        world.chain_holds().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_with_another_passphrase_says_so_and_signs_nothing() {
    for world in worlds().await {
        // A folder of its own on PostgreSQL; on SQLite the same, started anew.
        let folder = tempfile::tempdir().unwrap();
        let folder = if world.fixture.url.is_some() { folder.path() } else { world.fixture.folder.path() };
        let wrong = Some(Passphrase::new("another horse altogether".to_owned()).unwrap());
        let other = another(&world, folder, Keys { folder: folder.join("keys"), passphrase: wrong }).await;
        assert_eq!(other.key_trouble(), None);
        other.try_keys().await;
        let trouble = other.key_trouble().unwrap();
        assert!(trouble.starts_with("The passphrase that this node was started with does not open"), "{trouble}");
        world.device("GW-1", 10).await;
        let (_, csr) = request("GW-1");
        conflict(other.enrol(&station(1), "A", &csr, "GW-1").await, "does not open this key");
        assert!(other.publish_due().await.is_err());
        world.fleet.try_keys().await;
        assert_eq!(world.fleet.key_trouble(), None);
    }
}
