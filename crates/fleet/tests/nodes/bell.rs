//! What one node does, others hear.

use crate::{
    patience::until,
    revoking::{self, device},
    rolling,
    scene::{RULE, operator},
};
use domain::{
    person::Permission,
    release::Stage,
    revocation::RevocationAct,
    rollout::{Plan, RolloutState, WaveSize},
};
use fleet::{Fleet, trust::Verdict};
use serde_json::Value;
use std::{
    collections::HashMap,
    path::Path,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};
use store::{
    Db,
    testing::{self, Fixture, Relay, Wire},
};
use tokio::task::JoinHandle;

const WRITERS: usize = 8;
const EACH: usize = 25;

/// Another process on the same database.
async fn node(fixture: &Fixture, folder: &Path) -> Fleet {
    let file = format!("sqlite://{}", fixture.folder.path().join("muster.db").display());
    let db = Db::open(folder, Some(fixture.url.as_deref().unwrap_or(&file))).await.unwrap();
    Fleet::new(db, folder.to_owned())
}

/// What a node hears of this topic from now on, by how often.
fn listen(fleet: &Fleet) -> (Arc<Mutex<HashMap<String, usize>>>, JoinHandle<()>) {
    let (heard, mut changes) = (Arc::<Mutex<HashMap<String, usize>>>::default(), fleet.changes());
    let noted = Arc::clone(&heard);
    let task = tokio::spawn(async move {
        loop {
            let change = changes.recv().await.unwrap();
            if change.topic == "note" {
                *noted.lock().unwrap().entry(change.subject).or_default() += 1;
            }
        }
    });
    (heard, task)
}

/// A deed that rings, and takes its time before it is committed.
async fn deed(fleet: &Fleet, subject: &str, pause: Duration) {
    let mut deed = fleet.allow(&RULE, Permission::SettingManage, subject).await.unwrap();
    deed.ring("note", subject).await.unwrap();
    tokio::time::sleep(pause).await;
    deed.commit("test.note", subject, &Value::Null).await.unwrap();
}

/// Ends the connections by which nodes listen and ring.
async fn break_bells(db: &Db) -> i64 {
    let Db::Postgres(pool) = db else { return 0 };
    let ended = "SELECT COUNT(pg_terminate_backend(pid)) FROM pg_stat_activity \
                 WHERE application_name IN ('muster bell', 'muster aside') AND datname = current_database()";
    sqlx::query_scalar(ended).fetch_one(pool).await.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_node_does_others_hear_once_whatever_order_it_is_committed_in() {
    for fixture in testing::both().await.unwrap() {
        let (one_folder, two_folder) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let (one, two) = (node(&fixture, one_folder.path()).await, node(&fixture, two_folder.path()).await);
        deed(&one, "before", Duration::ZERO).await;
        one.begin_to_hear().await.unwrap();
        two.begin_to_hear().await.unwrap();
        let ((own, first), (heard, second)) = (listen(&one), listen(&two));
        let bells = [tokio::spawn(one.clone().follow_bell()), tokio::spawn(two.clone().follow_bell())];
        let writers = (0..WRITERS).map(|writer| {
            let fleet = one.clone();
            tokio::spawn(async move {
                for n in 0..EACH {
                    let pause = Duration::from_millis(u64::try_from((writer * 7 + n * 13) % 40).unwrap());
                    deed(&fleet, &format!("{writer}/{n}"), pause).await;
                }
            })
        });
        let writers: Vec<_> = writers.collect();
        let mut broken = 0;
        while writers.iter().any(|writer| !writer.is_finished()) {
            tokio::time::sleep(Duration::from_millis(150)).await;
            broken += break_bells(&fixture.db).await;
        }
        for writer in writers {
            writer.await.unwrap();
        }
        let all = WRITERS * EACH;
        let count = |heard: &Mutex<HashMap<String, usize>>| heard.lock().unwrap().len();
        let waited = until(fixture.name, async || count(&heard) >= all && count(&own) >= all).await;
        // Whoever would hear something twice hears it by now.
        tokio::time::sleep(Duration::from_millis(700)).await;
        for (who, heard) in [("itself", &own), ("the other", &heard)] {
            let heard = heard.lock().unwrap();
            assert!(heard.values().all(|times| *times == 1), "{}: {who} heard {heard:?}", fixture.name);
            assert_eq!(heard.len(), all, "{}: {who}", fixture.name);
        }
        assert_eq!(broken > 0, fixture.url.is_some(), "{}: {broken} connections were ended", fixture.name);
        tokio::time::sleep(Duration::from_secs(1)).await;
        let begun = Instant::now();
        deed(&one, "last", Duration::ZERO).await;
        until(fixture.name, async || heard.lock().unwrap().contains_key("last")).await;
        println!(
            "{}: {broken} ended, all heard {waited:?} after the last; then one in {:?}",
            fixture.name,
            begun.elapsed()
        );
        for task in bells.into_iter().chain([first, second]) {
            task.abort();
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_that_was_cut_off_catches_up_from_where_it_was() {
    let fixture = testing::postgres().await.unwrap();
    let relay = Relay::to(fixture.url.as_deref().unwrap()).await.unwrap();
    let (one_folder, two_folder) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let one = node(&fixture, one_folder.path()).await;
    let two = Fleet::new(Db::open(two_folder.path(), Some(relay.url())).await.unwrap(), two_folder.path().to_owned());
    two.begin_to_hear().await.unwrap();
    let ((heard, listening), bell) = (listen(&two), tokio::spawn(two.clone().follow_bell()));
    for (round, wire) in [Wire::Cut, Wire::Holds, Wire::Cut].into_iter().enumerate() {
        deed(&one, &format!("{round}/before"), Duration::ZERO).await;
        until("before", async || heard.lock().unwrap().contains_key(&format!("{round}/before"))).await;
        relay.set(wire);
        for n in 0..20 {
            deed(&one, &format!("{round}/{n}"), Duration::ZERO).await;
        }
        tokio::time::sleep(Duration::from_millis(600)).await;
        assert_eq!(heard.lock().unwrap().len(), round * 21 + 1, "{wire:?}: it can't have heard of these");
        relay.set(Wire::Carries);
        let all = (round + 1) * 21;
        let waited = until("after", async || heard.lock().unwrap().len() == all).await;
        println!("{wire:?}: all heard {waited:?} after it was there again");
    }
    assert!(heard.lock().unwrap().values().all(|times| *times == 1));
    bell.abort();
    listening.abort();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whom_one_node_cuts_off_others_refuse_within_a_second() {
    for world in revoking::worlds(4).await {
        let folder = tempfile::tempdir().unwrap();
        let other = node(&world.fixture, folder.path()).await;
        other.load_trust().await.unwrap();
        let tasks = [tokio::spawn(other.clone().follow_bell()), tokio::spawn(other.clone().publisher())];
        let mut slowest = Duration::ZERO;
        for n in 0..4 {
            let serial = format!("A-{n:05}");
            let row = store::certificate::of_device(other.db(), &serial).await.unwrap().remove(0);
            let key = other.trust().authority(row.authority_id).unwrap().certificate().subject_key_id();
            assert_eq!(other.trust().admits(&key, &row.serial), Verdict::Good);
            world.act_through(RevocationAct::Revoke, device(&serial)).await;
            let is_refused = async || other.trust().admits(&key, &row.serial) == Verdict::Revoked;
            slowest = slowest.max(until(world.name(), is_refused).await);
        }
        println!("{}: refused elsewhere after at most {slowest:?}", world.name());
        tasks.iter().for_each(JoinHandle::abort);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rollout_that_is_paused_at_one_node_is_paused_at_others_within_a_second() {
    for world in rolling::worlds().await {
        world.devices(10).await;
        let release = world.release("2.0", Stage::Production).await;
        let code = world.started(rolling::plan(release)).await;
        // The other one has no steward: what it knows it knows by the bell.
        let other = world.another().await;
        other.begin_to_hear().await.unwrap();
        let bell = tokio::spawn(other.clone().follow_bell());
        let at_other = || other.rollout_in_memory(&code);
        assert_eq!(at_other(), Some(RolloutState::Running), "{}", world.name());
        world.fleet.pause_rollout(&operator(), &code, "calls from Brno").await.unwrap();
        let waited = until(world.name(), async || at_other() == Some(RolloutState::Paused)).await;
        println!("{}: paused elsewhere after {waited:?}", world.name());
        bell.abort();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_one_node_told_a_device_of_another_gives_it_before_it_has_heard() {
    for world in rolling::worlds().await {
        let (name, device) = (world.name(), world.devices(1).await.remove(0));
        let other = world.another().await;
        assert_eq!(other.poll(&device).await.unwrap().update, None, "{name}: it remembers that there is nothing");
        let release = world.release("2.0", Stage::Production).await;
        world.started(Plan { waves: vec![rolling::wave(WaveSize::Rest)], ..rolling::plan(release) }).await;
        let id = world.offered(&device).await.unwrap();
        let given = other.deployment(&device, id, None).await.unwrap();
        assert_eq!((given.id, given.version.as_str()), (id, "2.0"), "{name}");
        assert_eq!(other.artifacts_for(&device, given.module).await.unwrap(), given.files, "{name}");
        assert!(other.deployment(&device, id + 1, None).await.is_err(), "{name}: nobody told it of that one");
    }
}
