//! Silent devices in spite of which a manager let a rollout go on, and that come back.

use crate::world::*;
use domain::{
    release::Stage,
    rollout::{ActionState as S, ErrorRates, Execution, Finished, Gate, Plan, RolloutState, WaveSize},
    time::{DAY, HOUR, MINUTE},
};
use fleet::{Actor, Error};

/// A device that was silent says that it has installed it and that it runs it, and lives through the soak.
pub async fn comes_back(world: &World, (device, id): &(Actor, i64)) {
    world.says(device, *id, Execution::Closed, Finished::Success).await;
    world.reports(device, "2.0").await;
    world.wait(SOAK * MINUTE);
    world.poll(device).await;
}

#[tokio::test]
async fn silent_devices_that_come_back_hide_no_others_that_go_silent() {
    for world in worlds().await {
        let devices = world.devices(22).await;
        let release = world.release("2.0", Stage::Production).await;
        let code = world.started(Plan { waves: vec![wave(WaveSize::Rest)], ..plan(release) }).await;
        let first = world.offered_of(&devices[..6]).await;
        assert_eq!(first.len(), 6, "{}", world.name());
        world.wait(3 * HOUR);
        world.look().await;
        assert_eq!(world.count(&code, 0, S::Silent).await, 6, "{}", world.name());
        assert_eq!(world.state(&code).await, RolloutState::Halted, "{}", world.name());
        let refused = world.fleet.resume_rollout(&operator(), &code, Resume::default()).await;
        assert!(matches!(refused, Err(Error::Forbidden { .. })), "{}: {refused:?}", world.name());
        world.fleet.resume_rollout(&manager(), &code, IN_SPITE).await.unwrap();
        world.look().await;
        assert_eq!(world.state(&code).await, RolloutState::Running, "{}: it is accepted", world.name());
        assert_eq!(world.rollout(&code).await.wave_views[0].accepted.silent, 6, "{}", world.name());

        // Two others go silent before any of the first come back, so there never were fewer silent ones than that.
        let second = world.offered_of(&devices[6..14]).await;
        for (device, id) in &second[2..] {
            world.installs(device, *id, "2.0").await;
        }
        world.wait(3 * HOUR);
        world.look().await;
        assert_eq!(world.count(&code, 0, S::Silent).await, 8, "{}", world.name());
        assert_eq!(world.state(&code).await, RolloutState::Running, "{}: two of eight are not too many", world.name());
        for one in &first[..4] {
            comes_back(&world, one).await;
        }
        world.look().await;
        assert_eq!(world.state(&code).await, RolloutState::Running, "{}: and two of twelve neither", world.name());
        let world = world.at_another().await;
        let known = world.rollout(&code).await.wave_views[0].clone();
        assert_eq!((known.accepted.silent, known.evidence.silent), (2, 4), "{}", world.name());
        assert_eq!((known.accepted.verified, known.evidence.verified), (0, 10), "{}", world.name());

        // Less than twice as many as were accepted are silent in the end, but eight of them since.
        let third = world.offered_of(&devices[14..]).await;
        for (device, id) in &third[6..] {
            world.installs(device, *id, "2.0").await;
        }
        world.wait(3 * HOUR);
        world.look().await;
        let detail = world.rollout(&code).await;
        assert_eq!(detail.wave_views[0].evidence.silent, 10, "{}", world.name());
        assert_eq!(detail.row.state, RolloutState::Halted, "{}", world.name());
        let why = "8 of 20 devices with an outcome since it was let go on went silent";
        assert!(detail.row.reason.contains(why), "{}: {}", world.name(), detail.row.reason);
    }
}

#[tokio::test]
async fn one_that_goes_silent_as_another_comes_back_is_hidden_by_nobody() {
    for world in worlds().await {
        let devices = world.devices(22).await;
        let release = world.release("2.0", Stage::Production).await;
        let mut only = wave(WaveSize::Rest);
        only.gate = Gate { min_sample: 1, ..only.gate };
        let code = world.started(Plan { waves: vec![only], ..plan(release) }).await;
        let first = world.offered_of(&devices[..9]).await;
        world.wait(3 * HOUR);
        world.look().await;
        assert_eq!(world.state(&code).await, RolloutState::Halted, "{}", world.name());
        world.fleet.resume_rollout(&manager(), &code, IN_SPITE).await.unwrap();
        // Another one says that it has installed it, and nothing more.
        let (second, id) = world.offered_of(&devices[9..10]).await.remove(0);
        world.says(&second, id, Execution::Closed, Finished::Success).await;
        world.look().await;
        let before = world.rollout(&code).await.wave_views[0].counts.clone();
        assert_eq!(world.state(&code).await, RolloutState::Running, "{}", world.name());

        // While nobody looks it is missed, and one of the first says the same.
        world.wait(3 * HOUR);
        let (back, id) = &first[0];
        world.says(back, *id, Execution::Closed, Finished::Success).await;
        world.look().await;
        let detail = world.rollout(&code).await;
        assert_eq!(detail.wave_views[0].counts, before, "{}: as many are as far", world.name());
        assert_eq!(detail.row.state, RolloutState::Halted, "{}", world.name());
        let why = "1 of 1 devices with an outcome since it was let go on went silent";
        assert!(detail.row.reason.contains(why), "{}: {}", world.name(), detail.row.reason);
    }
}

#[tokio::test]
async fn those_who_come_back_and_fail_are_not_held_against_those_told_since() {
    for world in worlds().await {
        let devices = world.devices(80).await;
        let release = world.release("2.0", Stage::Production).await;
        let mut only = wave(WaveSize::Rest);
        let evidence = Some(ErrorRates { false_halt: 5_000, false_advance: 20_000 });
        only.gate = Gate { evidence, failed_limit: 10_000, silent_limit: 2_000, ..only.gate };
        let code = world.started(Plan { waves: vec![only], timeout_minutes: 7 * 24 * 60, ..plan(release) }).await;
        let first = world.offered_of(&devices[..60]).await;
        for (device, id) in &first[10..] {
            world.installs(device, *id, "2.0").await;
        }
        world.wait(8 * DAY);
        world.look().await;
        assert_eq!(world.state(&code).await, RolloutState::Halted, "{}", world.name());
        world.fleet.resume_rollout(&manager(), &code, IN_SPITE).await.unwrap();
        for (device, id) in world.offered_of(&devices[60..66]).await {
            world.installs(&device, id, "2.0").await;
        }
        for (device, id) in &first[..10] {
            world.fails(device, *id).await;
            world.look().await;
        }
        let detail = world.rollout(&code).await;
        let (known, accepted) = (detail.wave_views[0].evidence, detail.wave_views[0].accepted);
        assert_eq!((known.verified, known.failed, known.silent), (56, 10, 0), "{}", world.name());
        assert_eq!((accepted.silent, accepted.returned), (0, 10), "{}", world.name());
        assert_eq!(detail.row.state, RolloutState::Running, "{}: {}", world.name(), detail.row.reason);
    }
}
