//! Devices that are kept from an update: by a halt, a window, a repair, or because nothing can come of it any more.

use crate::world::*;
use domain::{
    history::Event,
    release::Stage,
    rollout::{ActionState as S, Execution, Finished, Gate, Plan, RolloutState, Wave, WaveSize, Window, Windows},
    time::{HOUR, MINUTE},
};
use fleet::Actor;

/// All devices at once, and silence stops nothing.
fn all_at_once(release: domain::id::ReleaseId) -> Plan {
    let silent = Wave { gate: Gate { silent_limit: 100_000, ..GATE }, ..wave(WaveSize::Rest) };
    Plan { waves: vec![silent], ..plan(release) }
}

/// They poll for so long, every few minutes, and are told nothing.
async fn poll_for(world: &World, devices: &[Actor], minutes: i64) {
    for _ in 0..minutes / 5 {
        world.wait(5 * MINUTE);
        for device in devices {
            world.fleet.poll(device).await.unwrap();
        }
    }
}

#[tokio::test]
async fn a_halt_holds_for_silent_devices_as_for_all_others() {
    for world in worlds().await {
        let devices = world.devices(12).await;
        let release = world.release("2.0", Stage::Production).await;
        let code = world.started(plan(release)).await;
        let first = world.offered_of(&devices).await;
        world.fleet.deployment(&first[0].0, first[0].1, None).await.unwrap();
        world.wait(3 * HOUR);
        world.look().await;
        assert_eq!(world.count(&code, 0, S::Silent).await, 5, "{}", world.name());
        assert_eq!(world.state(&code).await, RolloutState::Halted, "{}", world.name());
        let still = world.offered_of(&devices).await;
        assert_eq!(still, first[..1].to_vec(), "{}: the one that has begun, and nobody else", world.name());
        let (device, id) = &first[1];
        assert!(world.fleet.deployment(device, *id, None).await.is_err(), "{}: by no address", world.name());
        world.fleet.resume_rollout(&manager(), &code, IN_SPITE).await.unwrap();
        assert_eq!(world.offered(device).await, Some(*id), "{}: it goes on where it was", world.name());
    }
}

#[tokio::test]
async fn a_window_holds_for_silent_devices_too_and_its_end_is_no_failure() {
    for world in worlds().await {
        let devices = world.devices(6).await;
        let release = world.release("2.0", Stage::Production).await;
        // Every night from 22:00 to 04:00 in Prague, where it is 13:00 now.
        let night = Window { days: Vec::new(), from: 22 * 60, until: 4 * 60 };
        let windows = Windows { zone: "Europe/Prague".to_owned(), open: vec![night] };
        let code = world.started(Plan { windows, ..all_at_once(release) }).await;
        world.wait(9 * HOUR + MINUTE);
        let told = world.offered_of(&devices[..2]).await;
        assert_eq!(told.len(), 2, "{}", world.name());
        world.wait(2 * HOUR);
        world.look().await;
        assert_eq!(world.count(&code, 0, S::Silent).await, 2, "{}", world.name());
        // Ten minutes before it closes the others are told.
        world.wait(3 * HOUR + 45 * MINUTE);
        let late = world.offered_of(&devices[2..]).await;
        assert_eq!(late.len(), 4, "{}", world.name());
        poll_for(&world, &devices[2..], 70).await;
        assert!(world.offered_of(&devices).await.is_empty(), "{}: it is closed for the silent ones too", world.name());
        world.look().await;
        assert_eq!((world.count(&code, 0, S::Failed).await, world.count(&code, 0, S::Cancelled).await), (0, 4));
        // The next night they have their turn.
        world.wait(18 * HOUR);
        assert_eq!(world.offered_of(&devices).await.len(), 6, "{}", world.name());
    }
}

#[tokio::test]
async fn what_a_pause_holds_up_is_no_failure_and_costs_no_turn() {
    for world in worlds().await {
        let devices = world.devices(6).await;
        let release = world.release("2.0", Stage::Production).await;
        let code = world.started(all_at_once(release)).await;
        assert_eq!(world.offered_of(&devices).await.len(), 6);
        world.fleet.pause_rollout(&operator(), &code, "").await.unwrap();
        poll_for(&world, &devices, 65).await;
        world.look().await;
        assert_eq!((world.count(&code, 0, S::Failed).await, world.count(&code, 0, S::Cancelled).await), (0, 6));
        world.fleet.resume_rollout(&operator(), &code, Resume::default()).await.unwrap();
        let again = world.offered_of(&devices).await;
        assert_eq!(again.len(), 6, "{}: each has its turn still", world.name());
        // A shorter pause buys the time that it took.
        world.fleet.pause_rollout(&operator(), &code, "").await.unwrap();
        poll_for(&world, &devices, 50).await;
        world.fleet.resume_rollout(&operator(), &code, Resume::default()).await.unwrap();
        poll_for(&world, &devices, 20).await;
        world.look().await;
        assert_eq!(world.offered_of(&devices).await, again, "{}", world.name());
        // Whoever does nothing with all the time in the world has failed.
        poll_for(&world, &devices, 50).await;
        world.look().await;
        assert_eq!(world.count(&code, 0, S::Failed).await, 6, "{}", world.name());
    }
}

#[tokio::test]
async fn a_quarantine_is_no_failure_and_no_try() {
    for world in worlds().await {
        let devices = world.devices(6).await;
        let release = world.release("2.0", Stage::Production).await;
        let code = world.started(Plan { retries: 1, ..all_at_once(release) }).await;
        let (device, id) = (&devices[0], world.offered(&devices[0]).await.unwrap());
        world.fleet.deployment(device, id, None).await.unwrap();
        let quarantined = Event::Quarantined { reason: "x".into() };
        world.fleet.device_did(&RULE, device.name(), quarantined).await.unwrap();
        poll_for(&world, &devices[..1], 65).await;
        world.look().await;
        assert_eq!(world.count(&code, 0, S::Cancelled).await, 1, "{}", world.name());
        world.fleet.device_did(&RULE, device.name(), Event::Released { reason: String::new() }).await.unwrap();
        let again = world.offered(device).await.unwrap();
        assert!(again > id, "{}", world.name());
        world.fails(device, again).await;
        assert_eq!(world.count(&code, 0, S::Retried).await, 1, "{}: the first that it tried", world.name());
        world.wait(11 * MINUTE);
        let last = world.offered(device).await.unwrap();
        world.fails(device, last).await;
        assert_eq!(world.count(&code, 0, S::Failed).await, 1, "{}", world.name());
    }
}

#[tokio::test]
async fn what_is_over_holds_nobody_up() {
    for world in worlds().await {
        let devices = world.devices(6).await;
        let (one, two) = (world.release("2.0", Stage::Production).await, world.release("2.1", Stage::Production).await);
        let code = world.started(all_at_once(one)).await;
        let told = world.offered_of(&devices).await;
        for (device, id) in &told[..3] {
            world.installs(device, *id, "2.0").await;
        }
        world.wait(3 * HOUR);
        world.look().await;
        world.look().await;
        assert_eq!(world.count(&code, 0, S::Silent).await, 3, "{}", world.name());
        assert_eq!(world.state(&code).await, RolloutState::Completed, "{}", world.name());
        assert_eq!(world.offered(&told[3].0).await, Some(told[3].1), "{}: nothing newer is there for it", world.name());
        let newer = world.started(all_at_once(two)).await;
        let (device, old) = &told[4];
        let id = world.offered(device).await.unwrap();
        assert!(id > *old, "{}: the newer one, at once", world.name());
        assert_eq!((world.count(&code, 0, S::Cancelled).await, world.count(&newer, 0, S::Offered).await), (1, 1));
        world.installs(device, id, "2.1").await;
        // Of what was withdrawn nothing can come, whatever else there is.
        world.fleet.pause_rollout(&operator(), &newer, "").await.unwrap();
        world.withdraw(one).await;
        let (device, _) = &told[5];
        assert_eq!(world.poll(device).await.update, None, "{}", world.name());
        assert_eq!(world.count(&code, 0, S::Cancelled).await, 2, "{}", world.name());
        world.fleet.resume_rollout(&operator(), &newer, Resume::default()).await.unwrap();
        assert!(world.offered(device).await.is_some(), "{}: it is not lost", world.name());
    }
}

#[tokio::test]
async fn a_halted_rollout_makes_room_for_the_one_that_mends_it() {
    for world in worlds().await {
        let devices = world.devices(6).await;
        let (bad, good) =
            (world.release("2.0", Stage::Production).await, world.release("2.1", Stage::Production).await);
        let code = world.started(all_at_once(bad)).await;
        let told = world.offered_of(&devices).await;
        for (device, id) in &told[..3] {
            world.fails(device, *id).await;
        }
        world.look().await;
        assert_eq!(world.state(&code).await, RolloutState::Halted, "{}", world.name());
        let (begun, id) = &told[3];
        world.says(begun, *id, Execution::Proceeding, Finished::None).await;
        world.started(all_at_once(good)).await;
        assert!(world.offered(&told[4].0).await.is_some_and(|id| id > told[5].1), "{}", world.name());
        assert_eq!(world.offered(begun).await, Some(*id), "{}: who installs is let finish", world.name());
    }
}
