//! Several processes on one database.

use crate::world::{device, open, worlds};
use domain::revocation::RevocationAct as Act;
use fleet::trust::Verdict;
use std::{
    sync::{Arc, atomic::AtomicI64},
    time::{Duration, Instant},
};

#[tokio::test]
async fn another_node_refuses_within_a_second_and_numbers_are_shared() {
    for world in worlds(12).await {
        let folder = tempfile::tempdir().unwrap();
        // Keys are copied to each node; on SQLite the database file is shared.
        let keys = folder.path().join("keys");
        std::fs::create_dir_all(&keys).unwrap();
        for file in std::fs::read_dir(world.fixture.folder.path().join("keys")).unwrap() {
            let file = file.unwrap();
            std::fs::copy(file.path(), keys.join(file.file_name())).unwrap();
        }
        let file = format!("sqlite://{}", world.fixture.folder.path().join("muster.db").display());
        let url = world.fixture.url.clone().unwrap_or(file);
        let clock = Arc::new(AtomicI64::new(crate::world::NOW.0));
        let other = open(folder.path(), Some(&url), clock).await;
        let (one, two) = (tokio::spawn(world.fleet.clone().publisher()), tokio::spawn(other.clone().publisher()));
        while other.crl("batch-a").is_none() || world.fleet.crl("batch-a").is_none() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        let mut slowest = Duration::ZERO;
        for n in 0..12 {
            let serial = format!("A-{n:05}");
            let row = store::certificate::of_device(other.db(), &serial).await.unwrap().remove(0);
            let key = other.trust().authority(row.authority_id).unwrap().certificate().subject_key_id();
            world.act(Act::Hold, device(&serial)).await;
            let begun = Instant::now();
            while other.trust().admits(&key, &row.serial) != Verdict::Held {
                assert!(begun.elapsed() < Duration::from_secs(20), "{}: not heard", world.name());
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
            slowest = slowest.max(begun.elapsed());
        }
        let begun = Instant::now();
        while [&world.fleet, &other].iter().any(|fleet| fleet.crl("batch-a").is_none_or(|crl| crl.entries != 12)) {
            assert!(begun.elapsed() < Duration::from_secs(60), "{}: not published at both", world.name());
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        let (here, there) = (world.fleet.crl("batch-a").unwrap(), other.crl("batch-a").unwrap());
        assert_eq!((here.number, &here.etag), (there.number, &there.etag), "{}", world.name());
        println!("{}: the other node refused after at most {slowest:?}", world.name());
        one.abort();
        two.abort();
    }
}
