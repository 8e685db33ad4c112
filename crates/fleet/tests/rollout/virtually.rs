//! Virtual devices, which do by themselves what the devices of other tests are made to: each way in which an update can go.

use crate::world::{RULE, World, operator, plan, worlds};
use domain::{
    release::Stage,
    rollout::{ActionState, Gate, Plan, RolloutState, WaveSize},
    time::{MINUTE, SECOND},
};
use fleet::{Actor, rollout::Abort};
use simulator::device::{Device, Did, Faults, Inside};
use std::sync::Arc;

fn virtual_device(world: &World, actor: &Actor, fault: &str) -> (Device, Inside) {
    let faults = if fault.is_empty() { Vec::new() } else { vec![fault.parse().unwrap()] };
    let device = Device::new(actor.name(), "1.0", Arc::new(Faults::new(1, faults)));
    (device, Inside { fleet: world.fleet.clone(), actor: actor.clone() })
}

/// A turn, a while after the last.
async fn turn(world: &World, (device, line): &mut (Device, Inside)) -> Option<Did> {
    world.wait(20 * SECOND);
    device.turn(line, true).await.unwrap().did
}

/// Everybody at once, with a gate that nothing here passes.
async fn started(world: &World, devices: usize) -> (String, Vec<Actor>) {
    let actors = world.devices(devices).await;
    let (old, new) = (world.release("1.0", Stage::Production).await, world.release("2.0", Stage::Production).await);
    let mut wave = crate::world::wave(WaveSize::Rest);
    wave.gate = Gate { min_sample: 100, failed_limit: 100_000, silent_limit: 100_000, ..wave.gate };
    let plan = Plan { waves: vec![wave], soak_minutes: 0, revert_to: Some(old), ..plan(new) };
    (world.started(plan).await, actors)
}

#[tokio::test(flavor = "multi_thread")]
async fn each_way_in_which_an_update_can_go_is_told_as_it_went() {
    for world in worlds().await {
        let (code, actors) = started(&world, 4).await;
        let faults = ["", "fail=17,version=2.0", "back,version=2.0", "silent,version=2.0"];
        let mut devices: Vec<_> =
            actors.iter().zip(faults).map(|(actor, fault)| virtual_device(&world, actor, fault)).collect();
        let wrote = || Some(Did::Wrote("2.0".to_owned()));
        let installed = || Some(Did::Installed("2.0".to_owned()));
        let [good, failing, doomed, silent] = devices.get_mut(..).unwrap() else { panic!("four devices") };
        // A success is told after the start, and what runs as soon as that is asked.
        assert_eq!((turn(&world, good).await, good.0.runs()), (wrote(), "1.0"), "{}", world.name());
        assert_eq!(world.count(&code, 0, ActionState::Installing).await, 1);
        assert_eq!((turn(&world, good).await, good.0.runs()), (installed(), "2.0"));
        assert_eq!(turn(&world, good).await, None);
        assert_eq!(world.count(&code, 0, ActionState::Verified).await, 1, "{}", world.name());
        let failed = turn(&world, failing).await;
        assert!(
            matches!(&failed, Some(Did::Failed(version, why)) if version == "2.0" && why.contains("17")),
            "{failed:?}"
        );
        assert_eq!(world.rollout(&code).await.failures[0].code, "17");
        assert_eq!((turn(&world, doomed).await, turn(&world, doomed).await), (wrote(), installed()));
        assert_eq!(turn(&world, doomed).await, Some(Did::WentBack("2.0".to_owned())));
        assert_eq!(doomed.0.runs(), "1.0");
        assert_eq!(turn(&world, silent).await, wrote());
        assert_eq!(turn(&world, silent).await, Some(Did::FellSilent("2.0".to_owned())));
        assert_eq!(turn(&world, silent).await, None, "{}: it is heard no more", world.name());
        world.wait(2 * 60 * MINUTE);
        world.look().await;
        let counted = [ActionState::Verified, ActionState::Failed, ActionState::Silent];
        for state in counted {
            assert!(world.count(&code, 0, state).await >= 1, "{}: {state}", world.name());
        }
        // Each of them has come out, and its limits let everything pass.
        assert_eq!(world.state(&code).await, RolloutState::Completed);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_has_it_goes_back_and_who_is_under_way_stops_where_it_can() {
    for world in worlds().await {
        let (code, actors) = started(&world, 2).await;
        let mut devices: Vec<_> = actors.iter().map(|actor| virtual_device(&world, actor, "")).collect();
        let [has_it, writes] = devices.get_mut(..).unwrap() else { panic!("two devices") };
        for _ in 0..3 {
            turn(&world, has_it).await;
        }
        assert_eq!(turn(&world, writes).await, Some(Did::Wrote("2.0".to_owned())));
        world.fleet.abort_rollout(&operator(), &code, Abort::Revert, "It loses its network").await.unwrap();
        // Once it has started with it there is no stopping, so it is let finish, and then goes back as well.
        assert_eq!((turn(&world, writes).await, writes.0.runs()), (None, "2.0"), "{}", world.name());
        for device in [has_it, writes] {
            for _ in 0..6 {
                turn(&world, device).await;
            }
            assert_eq!(device.0.runs(), "1.0", "{}: {}", world.name(), device.0.serial());
            let known = world.fleet.device(&RULE, device.0.serial()).await.unwrap();
            assert_eq!(known.firmware.as_deref(), Some("1.0"), "{}", world.name());
        }
    }
}
