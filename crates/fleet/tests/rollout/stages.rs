//! What rollouts verified counts before the next stage.

use crate::{
    pushing, scene,
    world::{NOW, RULE, SOAK, World, admin, device, operator, plan, wave, worlds},
};
use domain::{
    history::Event,
    release::{Stage, StageRule},
    rollout::{Plan, RolloutState, WaveSize},
    time::{DAY, MINUTE},
};
use fleet::{
    Actor,
    release::{PromotionForm, StageForm},
};

/// A device that takes what is in staging, and runs a version.
async fn in_staging(world: &World, serial: &str, runs: &str) -> Actor {
    let mut life = scene::life(serial, scene::A, NOW.plus(-30 * DAY));
    "staging".clone_into(&mut life.channel);
    if let Some(Event::Manufactured { firmware, .. }) = life.history.first_mut().map(|entry| &mut entry.event) {
        *firmware = Some(runs.to_owned());
    }
    let actor = device(life.id, &life.serial);
    world.fleet.seed_devices(&RULE, &[life]).await.unwrap();
    actor
}

#[tokio::test(flavor = "multi_thread")]
async fn only_what_a_rollout_verified_lets_a_release_into_production() {
    for world in worlds().await {
        let release = world.release("2.0", Stage::Staging).await;
        let rule = StageRule { checks: Vec::new(), soak_hours: 0, verified: 2, second_person: false };
        let form = StageForm { stage: Stage::Production, rule };
        world.fleet.change_stage_rule(&admin(), "GW-200", &form).await.unwrap();
        let promote = async || {
            let form = PromotionForm { to: Stage::Production, reason: String::new() };
            world.fleet.promote_release(&operator(), release, &form).await
        };
        let refused = async |told: &str| {
            let error = promote().await.unwrap_err().to_string();
            assert!(error.contains(told), "{}: {error}", world.name());
        };
        // It came with it, so nobody has seen it change to it and live on.
        in_staging(&world, "GW-BENCH", "2.0").await;
        refused("0 of 2 GW-200 devices verified by a rollout: 2 more").await;
        let (one, two) = (in_staging(&world, "GW-1", "1.0").await, in_staging(&world, "GW-2", "1.0").await);
        let waves = vec![wave(WaveSize::Rest)];
        world.started(Plan { waves, ..plan(release) }).await;
        let id = world.offered(&one).await.unwrap();
        world.installs(&one, id, "2.0").await;
        let id = world.offered(&two).await.unwrap();
        world.fleet.deployment(&two, id, None).await.unwrap();
        world.says(&two, id, domain::rollout::Execution::Closed, domain::rollout::Finished::Success).await;
        world.reports(&two, "2.0").await;
        // It runs it by its own word, and has not lived with it for long enough.
        refused("1 of 2 GW-200 devices verified by a rollout: 1 more").await;
        world.wait(SOAK * MINUTE);
        world.poll(&two).await;
        // Who was verified and runs something else by now has not stayed with it.
        world.reports(&one, "1.0").await;
        refused("1 of 2 GW-200 devices verified by a rollout: 1 more").await;
        world.reports(&one, "2.0").await;
        promote().await.unwrap();
    }
}

#[tokio::test]
async fn who_needs_nothing_of_it_is_left_out_and_no_gate_waits_for_it() {
    for world in worlds().await {
        let devices = world.devices(6).await;
        let release = world.release("2.0", Stage::Production).await;
        for device in &devices[..4] {
            world.reports(device, "2.0").await;
        }
        world.reports(&devices[4], "2.1").await;
        let all = Plan { joins: true, waves: vec![wave(WaveSize::Rest)], ..plan(release) };
        let code = world.started(all.clone()).await;
        let detail = world.rollout(&code).await;
        let frozen = detail.frozen.as_ref().unwrap();
        assert_eq!((frozen.count, frozen.left_out), (1, 5), "{}", world.name());
        // A minimum of three can't come of one; the gate takes what there is.
        let id = world.offered(&devices[5]).await.unwrap();
        // Who was left out does not come in by joining, unless it comes to need it.
        world.fleet.take_in_who_joins().await.unwrap();
        assert_eq!(world.offered(&devices[0]).await, None, "{}", world.name());
        world.reports(&devices[0], "1.0").await;
        world.fleet.take_in_who_joins().await.unwrap();
        let joined = world.offered(&devices[0]).await.unwrap();
        for (device, id) in [(&devices[5], id), (&devices[0], joined)] {
            world.installs(device, id, "2.0").await;
        }
        world.look().await;
        assert_eq!(world.state(&code).await, RolloutState::Completed, "{}", world.name());
        // By downgrades the newer one gets it, too; and then nobody is left.
        let down = Plan { downgrades: true, ..all.clone() };
        let preview = world.fleet.design_rollout(&operator(), &down).await.unwrap().frozen;
        assert_eq!((preview.count, preview.left_out), (1, 5), "{}", world.name());
        let again = world.fleet.create_rollout(&operator(), all).await.unwrap();
        let version = world.rollout(&again).await.version;
        let told = world.fleet.submit_rollout(&operator(), &again, version).await;
        pushing::says(told, "runs the release already");
    }
}
