//! Polls: when to come again, and two devices that come as one.

use crate::{
    patience,
    world::{HOME, World, honest, operator, worlds},
};
use domain::{
    authority::FindingKind as Kind,
    device::Trust,
    person::Role,
    time::{MINUTE, SECOND},
};
use fleet::{Actor, Error, Origin, check_in::PollAnswer};
use sqlx::{Connection, PgConnection};
use store::Db;

const AWAY: &str = "203.0.113.9";

fn from(device: &Actor, address: &str) -> Actor {
    let Actor::Device { id, serial, .. } = device else { panic!("no device") };
    Actor::Device { id: *id, serial: serial.clone(), origin: Origin { address: address.to_owned() } }
}

async fn polls(world: &World, device: &Actor, times: usize, every: i64) {
    for _ in 0..times {
        world.wait(every * SECOND);
        assert_eq!(world.fleet.poll(device).await.unwrap().sleep_s, 300, "{}", world.name());
    }
}

#[tokio::test]
async fn an_honest_device_raises_nothing_and_its_polls_outlive_the_process() {
    for world in worlds().await {
        let device = world.made("A", 1).await;
        polls(&world, &device, 20, 300).await;
        world.fleet.flush_polls().await.unwrap();
        let stored = store::poll::polled(world.fleet.db(), world.device(&device).await.id).await.unwrap();
        assert_eq!(stored.map(|(address, _)| address).as_deref(), Some(HOME));
        // It moves to another network, and comes back.
        polls(&world, &from(&device, AWAY), 5, 310).await;
        polls(&world, &device, 5, 290).await;
        assert!(world.open().await.is_empty(), "{}: {:?}", world.name(), world.open().await);
        assert_eq!(world.shown(&device).await.polled.map(|(address, _)| address).as_deref(), Some(HOME));
        assert!(world.told(&device).await.is_empty());
    }
}

#[tokio::test]
async fn one_identity_at_two_addresses_is_found_and_both_are_named() {
    for world in worlds().await {
        let device = world.made("A", 1).await;
        let copy = from(&device, AWAY);
        for _ in 0..30 {
            polls(&world, &device, 1, 140).await;
            polls(&world, &copy, 1, 160).await;
            world.fleet.flush_polls().await.unwrap();
        }
        let open = world.open().await;
        assert_eq!(open.len(), 1, "{}: {open:?}", world.name());
        assert_eq!(open[0].kind, Kind::CloneSuspected);
        for address in [HOME, AWAY] {
            assert!(open[0].words.contains(address), "{}: {}", world.name(), open[0].words);
        }
        assert!(open[0].n > 1, "{}: it counts up", world.name());
        assert_eq!(world.told(&device).await.iter().filter(|kind| **kind == "clone_suspected").count(), 1);
        // It has no certificate that could be held, so its trust says that its token is for its repair alone.
        assert_eq!(world.device(&device).await.trust, Trust::Quarantined, "{}", world.name());
        world.fleet.resolve_findings(&operator(), &[open[0].id], "the test bench").await.unwrap();
        assert_eq!(world.device(&device).await.trust, Trust::Trusted, "{}", world.name());
    }
}

#[tokio::test]
async fn what_was_settled_counts_no_more() {
    for world in worlds().await {
        let device = world.made("A", 1).await;
        let copy = from(&device, AWAY);
        for _ in 0..30 {
            polls(&world, &device, 1, 140).await;
            polls(&world, &copy, 1, 160).await;
        }
        let open = world.open().await;
        world.fleet.resolve_findings(&operator(), &[open[0].id], "the test bench").await.unwrap();
        polls(&world, &device, 40, 300).await;
        assert!(world.open().await.is_empty(), "{}", world.name());
        polls(&world, &device, 60, 150).await;
        let open = world.open().await;
        assert_eq!(open.len(), 1, "{}", world.name());
        assert!(!open[0].words.contains(AWAY), "{}: {}", world.name(), open[0].words);
        assert_eq!(world.device(&device).await.trust, Trust::Suspect, "{}", world.name());
    }
}

#[tokio::test]
async fn twice_as_many_polls_from_one_address_are_noticed() {
    for world in worlds().await {
        let device = world.made("A", 1).await;
        polls(&world, &device, 30, 150).await;
        let open = world.open().await;
        assert_eq!(open.iter().map(|row| row.kind).collect::<Vec<_>>(), [Kind::CloneSuspected], "{}", world.name());
        assert_eq!(world.device(&device).await.trust, Trust::Suspect, "{}", world.name());
    }
}

#[tokio::test]
async fn whoever_comes_often_is_answered_from_memory_and_hears_at_once_what_is_wanted() {
    for world in worlds().await {
        let device = world.made("A", 1).await;
        world.reports(&device, honest(1)).await;
        let asked = async || world.fleet.poll(&device).await.unwrap();
        let usual = PollAnswer { sleep_s: 300, wants_report: false, update: None, installed: None };
        assert_eq!(asked().await, usual, "{}", world.name());
        polls_every(&world, 60).await;
        assert_eq!(asked().await, usual, "{}: nothing is read", world.name());
        world.fleet.want_report(&operator(), device.name()).await.unwrap();
        assert_eq!(
            asked().await,
            PollAnswer { sleep_s: 60, wants_report: true, update: None, installed: None },
            "{}",
            world.name()
        );
        polls_every(&world, 90).await;
        assert_eq!(asked().await.sleep_s, 60, "{}", world.name());
        world.wait(MINUTE);
        assert_eq!(asked().await.sleep_s, 90, "{}: within a minute it is seen", world.name());
        world.fleet.report_unreadable(&device).await.unwrap();
        assert!(!asked().await.wants_report, "{}: what can't be read is asked for no more", world.name());
    }
}

#[tokio::test]
async fn beside_a_node_of_the_version_before_nobody_is_answered_from_memory() {
    let world = worlds().await.into_iter().find(|world| matches!(world.fleet.db(), Db::Postgres(_))).unwrap();
    let device = world.made("A", 1).await;
    world.reports(&device, honest(1)).await;
    let told = async || world.fleet.poll(&device).await.unwrap().sleep_s;
    assert_eq!(told().await, 300);
    polls_every(&world, 60).await;
    assert_eq!(told().await, 300, "nothing is read");
    // It asks for its turns in these words, over and over, by a session of this name.
    let Db::Postgres(pool) = world.fleet.db() else { unreachable!("it is on PostgreSQL") };
    let mut before = PgConnection::connect_with(&pool.connect_options()).await.unwrap();
    let tries = "SELECT pg_try_advisory_lock($1)";
    sqlx::query(tries).bind(0x6d75_7374_6572_6372_i64).execute(&mut before).await.unwrap();
    world.fleet.join_nodes("fleet-1", "1.0.0").await.unwrap();
    assert_eq!(told().await, 60);
    polls_every(&world, 90).await;
    assert_eq!(told().await, 90);
    before.close().await.unwrap();
    patience::until("it is gone", async || !store::turn::beside_before(world.fleet.db()).await.unwrap()).await;
    world.fleet.join_nodes("fleet-1", "1.0.0").await.unwrap();
    assert_eq!(told().await, 90);
    polls_every(&world, 120).await;
    assert_eq!(told().await, 90, "nothing is read");
}

/// Changes how often devices are to come as another process would: no bell of this one rings.
async fn polls_every(world: &World, seconds: i64) {
    let mut model = store::batch::models(world.fleet.db()).await.unwrap().remove(0);
    model.poll_interval_s = seconds;
    let mut tx = world.fleet.db().begin().await.unwrap();
    store::batch::update_model(&mut tx, &model).await.unwrap();
    tx.commit().await.unwrap();
}

#[tokio::test]
async fn nobody_but_a_device_polls() {
    for world in worlds().await {
        let nobody = Actor::Nobody { origin: Origin::default() };
        assert!(matches!(world.fleet.poll(&nobody).await, Err(Error::NotSignedIn)));
        let person = crate::world::user(9, "sam", Role::Support);
        assert!(matches!(world.fleet.poll(&person).await, Err(Error::Forbidden { .. })));
        let device = world.made("A", 1).await;
        let auditor = crate::world::user(8, "kim", Role::Auditor);
        let refused = world.fleet.want_report(&auditor, device.name()).await;
        assert!(matches!(refused, Err(Error::Forbidden { .. })));
    }
}
