//! Whoever holds a connection to the database never waits for a second one: of many that do so at once, none would go on.

use crate::rolling::{self, wave};
use domain::{
    release::Stage,
    rollout::{Consent, Plan, UserAnswer, WaveSize},
};
use store::{Db, testing};

/// All of a node's connections but one. They are given back with what this returns.
async fn all_but_one(db: &Db) -> Vec<store::Tx> {
    testing::until_at_rest(db).await.unwrap();
    let Db::Postgres(pool) = db else { panic!("this is about PostgreSQL") };
    let mut held = Vec::new();
    for _ in 1..pool.options().get_max_connections() {
        held.push(db.begin().await.unwrap());
    }
    held
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_devices_do_takes_one_connection_at_a_time() {
    let mut worlds = rolling::worlds().await;
    let world = worlds.pop().unwrap();
    let devices = world.devices(2).await;
    let release = world.release("2.0", Stage::Production).await;
    let plan = rolling::plan(release);
    world.started(Plan { confirmation_required: true, waves: vec![wave(WaveSize::Rest)], ..plan }).await;
    // Its files are read before: that is no device's deed.
    let id = world.asked(&devices[0]).await.unwrap();
    let held = all_but_one(world.fleet.db()).await;
    let agrees = UserAnswer { consent: Consent::Confirmed, code: None, details: Vec::new() };
    world.fleet.user_answers(&devices[0], id, &agrees).await.unwrap();
    assert_eq!(world.offered(&devices[0]).await, Some(id));
    world.installs(&devices[0], id, "2.0").await;
    world.asked(&devices[1]).await.unwrap();
    world.fleet.activate_auto_confirm(&devices[1], "Ada", "kiosk").await.unwrap();
    let id = world.offered(&devices[1]).await.unwrap();
    world.fails(&devices[1], id).await;
    drop(held);
}
