//! Who is late by its own habit: of one wave, the brick of a device that polls often is seen in minutes, and one that polls seldom is
//! no failure.

use crate::world::*;
use domain::{
    release::Stage,
    rollout::{ActionState as S, Execution, Finished, Gate, Plan, Wave, WaveSize},
    time::{HOUR, MINUTE},
};

const DAYS_3: u32 = 3 * 24 * 60;

/// Polls for two days: one of them every five minutes, the other every six hours.
async fn polls_for_two_days(world: &World, often: &fleet::Actor, seldom: &fleet::Actor) {
    for minutes in (0..48 * 60).step_by(5) {
        world.wait(5 * MINUTE);
        world.fleet.poll(often).await.unwrap();
        if minutes % 360 == 0 {
            world.fleet.poll(seldom).await.unwrap();
        }
    }
    world.fleet.flush_polls().await.unwrap();
}

/// One of two may go silent without that stopping the other.
fn patient_wave() -> Wave {
    Wave { gate: Gate { silent_limit: 100_000, ..GATE }, ..wave(WaveSize::Rest) }
}

async fn was_silent(world: &World, device: &fleet::Actor) -> bool {
    world.kinds(device).await.contains(&"update_silent")
}

#[tokio::test]
async fn a_brick_that_polled_often_is_seen_in_minutes_and_who_polls_seldom_is_not_called_silent() {
    for world in worlds().await {
        let devices = world.devices(2).await;
        let (often, seldom) = (&devices[0], &devices[1]);
        polls_for_two_days(&world, often, seldom).await;
        let release = world.release("2.0", Stage::Production).await;
        let waves = vec![patient_wave()];
        let code = world.started(Plan { waves, timeout_minutes: DAYS_3, late_by_habit: true, ..plan(release) }).await;
        for (device, id) in world.offered_of(&devices).await {
            world.fleet.deployment(&device, id, None).await.unwrap();
            world.says(&device, id, Execution::Proceeding, Finished::None).await;
        }
        world.look().await;
        assert_eq!(world.count(&code, 0, S::Installing).await, 2, "{}", world.name());
        world.wait(30 * MINUTE);
        world.look().await;
        assert!(was_silent(&world, often).await, "{}: half an hour is long for it", world.name());
        assert!(!was_silent(&world, seldom).await, "{}: it never came so soon", world.name());
        // It was no brick: it comes back, and is silent no more.
        world.poll(often).await;
        world.reports(often, "2.0").await;
        assert_eq!(world.count(&code, 0, S::Silent).await, 0, "{}", world.name());
        // The other one is late when it is late for its own habit, long before the plan's three days.
        world.wait(17 * HOUR);
        world.look().await;
        assert!(!was_silent(&world, seldom).await, "{}", world.name());
        world.wait(2 * HOUR);
        world.look().await;
        assert!(was_silent(&world, seldom).await, "{}", world.name());
    }
}

#[tokio::test]
async fn who_polls_seldom_and_has_not_begun_is_offered_it_again() {
    for world in worlds().await {
        let devices = world.devices(2).await;
        let (often, seldom) = (&devices[0], &devices[1]);
        polls_for_two_days(&world, often, seldom).await;
        let release = world.release("2.0", Stage::Production).await;
        let waves = vec![patient_wave()];
        let code = world.started(Plan { waves, timeout_minutes: 60, late_by_habit: true, ..plan(release) }).await;
        assert_eq!(world.offered_of(&devices).await.len(), 2);
        world.wait(61 * MINUTE);
        world.look().await;
        assert_eq!(world.count(&code, 0, S::Silent).await, 1, "{}: the one that is always there is gone", world.name());
        assert_eq!(
            world.count(&code, 0, S::Cancelled).await,
            1,
            "{}: the other one's offer is taken back",
            world.name()
        );
        world.wait(5 * HOUR);
        let id = world.offered(seldom).await.unwrap();
        world.installs(seldom, id, "2.0").await;
        assert_eq!(world.count(&code, 0, S::Verified).await, 1, "{}", world.name());
    }
}
