//! A database that goes away while something is done, one that only reads, and deeds that the database undoes because of
//! others.

use crate::{patience::until, rolling, scene::RULE};
use domain::{
    person::Permission,
    release::Stage,
    rollout::{Execution, Finished},
};
use fleet::{Error, Fleet, Result};
use serde_json::Value;
use sqlx::{AssertSqlSafe, PgPool};
use std::time::Duration;
use store::{
    Db, StoreError,
    testing::{self, Cluster, Fixture, Relay, Wire},
};

/// That a server only reads is noted for all databases of a process, so these are not tried side by side.
static ONLY_READS: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());

/// A node behind a wire, and the wire.
async fn behind_a_wire(fixture: &Fixture) -> (Fleet, Relay) {
    let relay = Relay::to(fixture.url.as_deref().unwrap()).await.unwrap();
    let db = Db::open(fixture.folder.path(), Some(relay.url())).await.unwrap();
    (Fleet::new(db, fixture.folder.path().to_owned()), relay)
}

async fn deed(fleet: &Fleet, subject: &str, within: impl AsyncFnOnce()) -> Result<()> {
    let mut deed = fleet.allow(&RULE, Permission::SettingManage, subject).await?;
    deed.ring("note", subject).await?;
    within().await;
    deed.commit("test.note", subject, &Value::Null).await
}

async fn is_there(db: &Db, subject: &str) -> bool {
    store::change::after(db, 0, 1_000).await.unwrap().iter().any(|change| change.subject == subject)
}

fn pool(db: &Db) -> &PgPool {
    match db {
        Db::Postgres(pool) => pool,
        Db::Sqlite { .. } => panic!("this is about PostgreSQL"),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_what_was_not_confirmed_it_is_said_that_nobody_knows() {
    let fixture = testing::postgres().await.unwrap();
    let (fleet, relay) = behind_a_wire(&fixture).await;
    deed(&fleet, "first", async || ()).await.unwrap();
    let lost = deed(&fleet, "unknown", async || relay.swallow_next_commit()).await;
    assert!(matches!(lost, Err(Error::Unsure)), "{lost:?}");
    assert!(!lost.unwrap_err().to_string().contains("Nothing was changed"));
    assert_eq!(relay.swallowed(), 1);
    // It was done, in truth.
    until("it is there", async || is_there(&fixture.db, "unknown").await).await;
    deed(&fleet, "after", async || ()).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_that_is_away_is_told_so_and_nothing_is_half_done() {
    let fixture = testing::postgres().await.unwrap();
    let (fleet, relay) = behind_a_wire(&fixture).await;
    deed(&fleet, "first", async || ()).await.unwrap();
    let lost = deed(&fleet, "broken", async || relay.set(Wire::Cut)).await;
    assert!(matches!(lost, Err(Error::Unreachable)), "{lost:?}");
    assert!(matches!(deed(&fleet, "refused", async || ()).await, Err(Error::Unreachable)));
    assert!(matches!(fleet.settings(&RULE).await, Err(Error::Unreachable)));
    relay.set(Wire::Carries);
    deed(&fleet, "after", async || ()).await.unwrap();
    for (subject, done) in [("first", true), ("broken", false), ("refused", false), ("after", true)] {
        assert_eq!(is_there(&fixture.db, subject).await, done, "{subject}");
    }
    // Ended by the server, as when it is shut down.
    let ended = "SELECT COUNT(pg_terminate_backend(pid)) FROM pg_stat_activity \
                 WHERE pid <> pg_backend_pid() AND datname = current_database()";
    let end = async || {
        sqlx::query(ended).execute(pool(&fixture.db)).await.unwrap();
    };
    assert!(matches!(deed(&fleet, "ended", end).await, Err(Error::Unreachable)));
    deed(&fleet, "again", async || ()).await.unwrap();
    assert!(!is_there(&fixture.db, "ended").await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_only_reads_is_no_database_to_begin_with() {
    let _alone = ONLY_READS.lock().await;
    let fixture = testing::postgres().await.unwrap();
    let pool = pool(&fixture.db);
    let name: String = sqlx::query_scalar("SELECT current_database()::text").fetch_one(pool).await.unwrap();
    let sql = AssertSqlSafe(format!("ALTER DATABASE {name} SET default_transaction_read_only = on"));
    sqlx::query(sql).execute(pool).await.unwrap();
    let opened = Db::open(fixture.folder.path(), fixture.url.as_deref()).await;
    assert!(matches!(&opened, Err(StoreError::Away(why)) if why.to_string().contains("only reads")), "{opened:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_device_says_survives_a_deadlock() {
    for world in rolling::worlds().await {
        let Some(_) = &world.releases().fixture.url else { continue };
        let devices = world.devices(6).await;
        let release = world.release("2.0", Stage::Production).await;
        world.started(rolling::plan(release)).await;
        let (device, id) = world.offered_of(&devices).await.remove(0);
        let actor = device.clone();
        let fleet::Actor::Device { id: device_id, .. } = device else { panic!("it is a device") };
        world.fleet.deployment(&actor, id, None).await.unwrap();
        let db = world.fleet.db();
        let deadlocks = "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()";
        let counted = async || sqlx::query_scalar::<_, i64>(deadlocks).fetch_one(pool(db)).await.unwrap();
        let before = counted().await;
        // Whoever holds the action, and wants the device, while the device's deed holds that and wants the action. Whom of them the
        // server ends is for it to choose: it is done until that was the device's, twenty times at most.
        let mut is_other_spared = false;
        for _ in 0..20 {
            let mut other = db.begin().await.unwrap();
            store::update_action::lock(&mut other, id).await.unwrap().unwrap();
            let says = world.says(&actor, id, Execution::Proceeding, Finished::None);
            let crosses = async {
                until("it waits", async || testing::is_lock_awaited(db).await.unwrap()).await;
                match store::device::lock(&mut other, device_id).await {
                    Ok(found) => {
                        found.unwrap();
                        other.commit().await.unwrap();
                        true
                    }
                    Err(error) => {
                        assert!(matches!(error, StoreError::Contended), "{error:?}");
                        drop(other);
                        false
                    }
                }
            };
            ((), is_other_spared) = tokio::join!(says, crosses);
            if is_other_spared {
                break;
            }
        }
        assert!(is_other_spared, "the device was never the one that was ended");
        // A connection at rest may keep for 10 s what it has counted.
        until("somebody waited for somebody in a circle", async || counted().await > before).await;
    }
}

/// What became of what somebody did.
#[derive(Debug, PartialEq, Eq)]
enum Told {
    Done,
    Unknown,
    Refused,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_standby_takes_the_place_of_its_primary_and_nothing_that_was_acknowledged_is_lost() {
    let _alone = ONLY_READS.lock().await;
    let (cluster, folder) = (Cluster::start().unwrap(), tempfile::tempdir().unwrap());
    let url = cluster.database().await.unwrap();
    let name = url.rsplit('/').next().unwrap().to_owned();
    let first = Db::postgres(&url).await.unwrap();
    let standby = cluster.standby().unwrap();
    for sql in ["ALTER SYSTEM SET synchronous_standby_names = '*'", "SELECT pg_reload_conf()"] {
        sqlx::query(sql).execute(pool(&first)).await.unwrap();
    }
    first.close().await;
    let relay = Relay::to(&url).await.unwrap();
    let fleet = Fleet::new(Db::open(folder.path(), Some(relay.url())).await.unwrap(), folder.path().to_owned());
    fleet.begin_to_hear().await.unwrap();
    let bell = tokio::spawn(fleet.clone().follow_bell());
    let writers = (0..4).map(|writer| {
        let fleet = fleet.clone();
        tokio::spawn(async move {
            let (mut told, mut after) = (Vec::new(), 0);
            // Until some were done by the new one.
            for n in 0.. {
                let subject = format!("{writer}/{n}");
                let what = match deed(&fleet, &subject, async || ()).await {
                    Ok(()) => Told::Done,
                    Err(Error::Unsure) => Told::Unknown,
                    Err(Error::Unreachable | Error::Busy) => Told::Refused,
                    Err(other) => panic!("{subject}: {other:?}"),
                };
                let is_done = what == Told::Done;
                told.push((subject, what));
                after = if told.iter().any(|(_, told)| *told != Told::Done) { after + u32::from(is_done) } else { 0 };
                if after == 20 {
                    break;
                }
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            told
        })
    });
    let writers: Vec<_> = writers.collect();
    tokio::time::sleep(Duration::from_secs(1)).await;
    cluster.stop();
    // The address moves before the standby is promoted: for a moment it leads to a server that only reads.
    relay.lead_to(&standby.url(&name)).unwrap();
    tokio::time::sleep(Duration::from_millis(700)).await;
    standby.promote().unwrap();
    let mut told = Vec::new();
    for writer in writers {
        told.extend(tokio::time::timeout(Duration::from_secs(60), writer).await.unwrap().unwrap());
    }
    bell.abort();
    let now = Db::postgres(&standby.url(&name)).await.unwrap();
    let there = store::change::after(&now, 0, 1_000_000).await.unwrap();
    let count = |what: &Told| told.iter().filter(|(_, told)| told == what).count();
    println!("done {}, unknown {}, refused {}", count(&Told::Done), count(&Told::Unknown), count(&Told::Refused));
    for (subject, told) in &told {
        let times = there.iter().filter(|change| change.subject == *subject).count();
        let is_right = match told {
            Told::Done => times == 1,
            Told::Unknown => times <= 1,
            Told::Refused => times == 0,
        };
        assert!(is_right, "{subject} was {told:?} and is there {times} times");
    }
}
