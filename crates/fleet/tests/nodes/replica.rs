//! Lists that are read from a replica, and only while that has everything.

use crate::{
    patience::until,
    scene::{self, A, RULE, operator},
};
use domain::{person::Permission, time::DAY};
use fleet::{Fleet, devices::Sort};
use serde_json::Value;
use std::time::{Duration, Instant};
use store::{
    Db,
    testing::{self, Cluster, Relay, Wire},
};
use tokio::task::JoinHandle;

/// A fleet with one device of this serial.
async fn fleet_with(db: &Db, folder: &std::path::Path, serial: &str) -> Fleet {
    let fleet = Fleet::new(db.clone(), folder.to_owned());
    scene::catalogue(&fleet, None).await;
    add(&fleet, serial).await;
    fleet
}

async fn add(fleet: &Fleet, serial: &str) {
    let made = fleet.now().plus(-DAY);
    fleet.seed_devices(&RULE, &[scene::life(serial, A, made)]).await.unwrap();
    // So that there is something to hear of.
    let mut deed = fleet.allow(&RULE, Permission::SettingManage, serial).await.unwrap();
    deed.ring("note", serial).await.unwrap();
    deed.commit("test.note", serial, &Value::Null).await.unwrap();
}

async fn listed(fleet: &Fleet) -> Vec<String> {
    let list = fleet.devices(&operator(), "", Sort::default(), None, 100).await.unwrap();
    list.page.devices.iter().map(|device| device.serial.clone()).collect()
}

async fn follow(fleet: &Fleet) -> [JoinHandle<()>; 2] {
    fleet.begin_to_hear().await.unwrap();
    [tokio::spawn(fleet.clone().follow_bell()), tokio::spawn(fleet.clone().follow_replica())]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lists_come_from_a_replica_that_knows_as_much_and_else_from_the_primary() {
    // Two databases with as many changes, and another device each: so it is seen who answers.
    let (primary, replica) = (testing::postgres().await.unwrap(), testing::postgres().await.unwrap());
    let other = fleet_with(&replica.db, replica.folder.path(), "R-1").await;
    let relay = Relay::to(replica.url.as_deref().unwrap()).await.unwrap();
    let fleet = fleet_with(&primary.db, primary.folder.path(), "P-1").await;
    let fleet = fleet.with_replica(Db::replica(relay.url()).unwrap());
    assert_eq!(listed(&fleet).await, ["P-1"], "nobody has looked at the replica yet");
    let tasks = follow(&fleet).await;
    until("it is caught up", async || fleet.is_replica_used()).await;
    let first = listed(&fleet).await;
    assert!(first == ["R-1"] || first == ["P-1"], "{first:?}");
    assert_eq!(fleet.count_devices(&operator(), "").await.unwrap(), 1);
    // Whoever does something sees it at once, whatever the last look found.
    for n in 2..6 {
        add(&fleet, &format!("P-{n}")).await;
        assert_eq!(listed(&fleet).await.len(), n, "from the primary");
        add(&other, &format!("R-{n}")).await;
        until("it has caught up, and is asked", async || {
            let all = listed(&fleet).await;
            assert_eq!(all.len(), n, "{all:?}");
            all.iter().all(|serial| serial.starts_with('R'))
        })
        .await;
    }
    add(&fleet, "P-6").await;
    until("it is behind", async || !fleet.is_replica_used()).await;
    add(&other, "R-6").await;
    for wire in [Wire::Cut, Wire::Holds] {
        until("it is there", async || fleet.is_replica_used()).await;
        relay.set(wire);
        let begun = Instant::now();
        let all = listed(&fleet).await;
        assert!(all.iter().all(|serial| serial.starts_with('P')), "{wire:?}: {all:?}");
        // Whoever waited for the replica would do so for longer.
        assert!(begun.elapsed() < Duration::from_secs(30), "{wire:?}: {:?}", begun.elapsed());
        until("it is away", async || !fleet.is_replica_used()).await;
        relay.set(Wire::Carries);
    }
    tasks.iter().for_each(JoinHandle::abort);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lists_come_from_a_streaming_standby() {
    let (cluster, folder) = (Cluster::start().unwrap(), tempfile::tempdir().unwrap());
    let url = cluster.database().await.unwrap();
    let name = url.rsplit('/').next().unwrap().to_owned();
    let db = Db::postgres(&url).await.unwrap();
    let standby = cluster.standby().unwrap();
    let fleet = fleet_with(&db, folder.path(), "P-1").await.with_replica(Db::replica(&standby.url(&name)).unwrap());
    let tasks = follow(&fleet).await;
    until("it is caught up", async || fleet.is_replica_used()).await;
    for n in 2..30 {
        add(&fleet, &format!("P-{n:02}")).await;
        assert_eq!(listed(&fleet).await.len(), n, "whoever adds one sees it");
    }
    until("it is caught up", async || fleet.is_replica_used()).await;
    let reads =
        "SELECT COALESCE(SUM(seq_scan + idx_scan), 0)::bigint FROM pg_stat_user_tables WHERE relname = 'device'";
    let at_standby = sqlx::PgPool::connect(&standby.url(&name)).await.unwrap();
    let read = async || sqlx::query_scalar::<_, i64>(reads).fetch_one(&at_standby).await.unwrap();
    until("devices were read there", async || {
        assert_eq!(listed(&fleet).await.len(), 29);
        read().await > 0
    })
    .await;
    drop(standby);
    assert_eq!(listed(&fleet).await.len(), 29, "nobody notices that it is gone");
    tasks.iter().for_each(JoinHandle::abort);
}
