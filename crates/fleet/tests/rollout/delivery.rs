use crate::world::*;
use domain::{
    history::Event,
    release::Stage,
    rollout::{ActionState as S, Execution, Finished, Plan, WaveSize},
};
use fleet::Error;

#[tokio::test]
async fn a_device_never_gets_what_was_not_approved_for_it_whatever_it_asks() {
    for world in worlds().await {
        let devices = world.devices(6).await;
        let release = world.release("2.0", Stage::Production).await;
        let code = world.started(plan(release)).await;
        let first = world.offered_of(&devices).await;
        let (device, id) = &first[0];
        let what = world.fleet.deployment(device, *id, None).await.unwrap();
        let name = what.files[0].name.clone();
        world.fleet.artifact_for(device, what.module, &name).await.unwrap();
        let outside = devices.iter().find(|device| !first.iter().any(|(told, _)| told == *device)).unwrap();
        for other in [outside, &first[1].0] {
            assert!(
                matches!(world.fleet.deployment(other, *id, None).await, Err(Error::NotFound { .. })),
                "{}",
                world.name()
            );
            assert!(matches!(world.fleet.update_feedback(other, *id, &closed()).await, Err(Error::NotFound { .. })));
            assert!(matches!(world.fleet.installed_deployment(other, *id, None).await, Err(Error::NotFound { .. })));
        }
        assert!(matches!(world.fleet.artifact_for(outside, what.module, &name).await, Err(Error::NotFound { .. })));
        assert!(matches!(world.fleet.artifact_for(device, what.module + 1, &name).await, Err(Error::NotFound { .. })));
        assert!(matches!(world.fleet.artifact_for(device, what.module, "../x").await, Err(Error::NotFound { .. })));
        assert!(matches!(world.fleet.deployment(&operator(), *id, None).await, Err(Error::Forbidden { .. })));
        // Once it has it, the files are gone for it, and what it has is told.
        world.installs(device, *id, "2.0").await;
        assert!(world.fleet.artifact_for(device, what.module, &name).await.is_err(), "{}", world.name());
        assert!(world.fleet.deployment(device, *id, None).await.is_err());
        let has = world.fleet.installed_deployment(device, *id, Some(-1)).await.unwrap();
        assert_eq!((has.version.as_str(), has.history.unwrap().status), ("2.0", "FINISHED"));
        assert_eq!(world.count(&code, 0, S::Verified).await, 1);
    }
}

fn closed() -> domain::rollout::Feedback {
    domain::rollout::Feedback {
        execution: Execution::Closed,
        finished: Finished::Success,
        code: None,
        details: Vec::new(),
    }
}

#[tokio::test]
async fn who_is_not_trusted_or_not_meant_gets_nothing_and_is_told_why() {
    for world in worlds().await {
        let devices = world.devices(6).await;
        let (staged, newer) =
            (world.release("2.0", Stage::Staging).await, world.release("2.1", Stage::Production).await);
        let code = world.started(Plan { waves: vec![wave(WaveSize::Rest)], ..plan(staged) }).await;
        assert!(world.offered_of(&devices).await.is_empty(), "{}: their channel is production", world.name());
        assert!(world.why(&devices[0], &code).await.unwrap().contains("stage staging"));
        world.fleet.abort_rollout(&operator(), &code, fleet::rollout::Abort::Keep, "").await.unwrap();
        let code = world.started(Plan { waves: vec![wave(WaveSize::Rest)], ..plan(newer) }).await;
        let quarantined = Event::Quarantined { reason: "x".into() };
        let suspect = Event::HardwareMismatch { finding: "x".into(), score: 50 };
        let retired = Event::Retired { reason: String::new() };
        let newer = Event::UpdateVerified { from: None, version: "2.5".into() };
        let has_it = Event::UpdateVerified { from: None, version: "2.1".into() };
        for (device, event, why) in [
            (&devices[0], quarantined.clone(), "quarantined"),
            (&devices[1], suspect, "does not fit"),
            (&devices[2], retired, "retired"),
            (&devices[3], newer, "newer"),
            (&devices[4], has_it, "runs 2.1 already"),
        ] {
            world.fleet.device_did(&RULE, device.name(), event).await.unwrap();
            assert_eq!(world.poll(device).await.update, None, "{}: {why}", world.name());
            let told = world.why(device, &code).await.unwrap();
            assert!(told.contains(why), "{}: {told}", world.name());
        }
        let (device, id) = (&devices[5], world.offered(&devices[5]).await.unwrap());
        world.fleet.deployment(device, id, None).await.unwrap();
        assert_eq!(
            world.fleet.poll_held(device).await.unwrap().update,
            None,
            "{}: a certificate on hold",
            world.name()
        );
        // What is cut off in the middle of it is told nothing any more, by no address.
        world.fleet.device_did(&RULE, device.name(), quarantined).await.unwrap();
        assert_eq!(world.poll(device).await.update, None, "{}", world.name());
        assert!(world.fleet.deployment(device, id, None).await.is_err());
        world.fleet.device_did(&RULE, device.name(), Event::Released { reason: String::new() }).await.unwrap();
        assert_eq!(world.offered(device).await, Some(id), "{}: it goes on once it is released", world.name());
    }
}

#[tokio::test]
async fn a_client_that_names_the_update_before_closes_the_one_that_it_has_begun() {
    for world in worlds().await {
        let devices = world.devices(1).await;
        let device = &devices[0];
        let (one, two) = (world.release("2.0", Stage::Production).await, world.release("2.1", Stage::Production).await);
        let all = |release| Plan { waves: vec![wave(WaveSize::Rest)], ..plan(release) };
        world.started(all(one)).await;
        let first = world.offered(device).await.unwrap();
        world.installs(device, first, "2.0").await;
        world.look().await;
        let code = world.started(all(two)).await;
        let second = world.offered(device).await.unwrap();
        // Said of the one before, before it has begun, it changes nothing.
        world.says(device, first, Execution::Closed, Finished::Success).await;
        assert_eq!(world.count(&code, 0, S::Offered).await, 1, "{}", world.name());
        world.fleet.deployment(device, second, None).await.unwrap();
        world.says(device, first, Execution::Closed, Finished::Success).await;
        assert_eq!(world.count(&code, 0, S::Installed).await, 1, "{}", world.name());
        world.reports(device, "2.1").await;
        world.wait(SOAK * domain::time::MINUTE);
        world.poll(device).await;
        assert_eq!(world.count(&code, 0, S::Verified).await, 1, "{}", world.name());
    }
}

#[tokio::test]
async fn what_is_withdrawn_is_sent_to_nobody_and_halts_by_itself() {
    for world in worlds().await {
        let devices = world.devices(6).await;
        let release = world.release("2.0", Stage::Production).await;
        let code = world.started(Plan { waves: vec![wave(WaveSize::Rest)], ..plan(release) }).await;
        let (device, id) = (&devices[0], world.offered(&devices[0]).await.unwrap());
        let what = world.fleet.deployment(device, id, None).await.unwrap();
        world.withdraw(release).await;
        assert_eq!(world.offered(&devices[1]).await, None, "{}", world.name());
        assert!(world.fleet.deployment(device, id, None).await.is_err(), "{}", world.name());
        assert!(world.fleet.artifact_for(device, what.module, &what.files[0].name).await.is_err(), "{}", world.name());
        world.fleet.halt_what_is_refused().await.unwrap();
        let detail = world.rollout(&code).await;
        assert_eq!(detail.row.state, domain::rollout::RolloutState::Halted, "{}", world.name());
        assert!(detail.row.reason.contains("withdrawn"), "{}", detail.row.reason);
        // Approved before and withdrawn since, it is not even started.
        let later = world.release("2.1", Stage::Production).await;
        let code = world.submitted(plan(later)).await;
        world.withdraw(later).await;
        world.approve(&manager(), &code).await.unwrap();
        let detail = world.rollout(&code).await;
        assert_eq!(detail.row.state, domain::rollout::RolloutState::Aborted, "{}: {}", world.name(), detail.row.reason);
    }
}

#[tokio::test]
async fn who_installs_what_is_withdrawn_can_still_say_how_it_went() {
    for world in worlds().await {
        let devices = world.devices(1).await;
        let release = world.release("2.0", Stage::Production).await;
        let code = world.started(Plan { waves: vec![wave(WaveSize::Rest)], ..plan(release) }).await;
        let (device, id) = (&devices[0], world.offered(&devices[0]).await.unwrap());
        let what = world.fleet.deployment(device, id, None).await.unwrap();
        world.says(device, id, Execution::Proceeding, Finished::None).await;
        world.withdraw(release).await;
        // It comes up again with it, and asks what it was about before it says anything.
        assert_eq!(world.offered(device).await, Some(id), "{}", world.name());
        assert_eq!(world.fleet.deployment(device, id, None).await.unwrap().id, id, "{}", world.name());
        assert!(world.fleet.artifact_for(device, what.module, &what.files[0].name).await.is_err(), "{}", world.name());
        world.says(device, id, Execution::Closed, Finished::Success).await;
        assert_eq!(world.count(&code, 0, S::Installed).await, 1, "{}", world.name());
    }
}

#[tokio::test]
async fn a_rollout_that_cannot_be_started_keeps_no_other_one_from_being_looked_after() {
    for world in worlds().await {
        let devices = world.devices(6).await;
        let (one, two) = (world.release("2.0", Stage::Production).await, world.release("2.1", Stage::Production).await);
        let code = world.started(Plan { waves: vec![wave(WaveSize::Rest)], ..plan(one) }).await;
        let told = world.offered_of(&devices).await;
        let later = Plan { start_at: Some(NOW.plus(domain::time::DAY)), ..plan(two) };
        let broken = world.submitted(later).await;
        world.approve(&manager(), &broken).await.unwrap();
        let sql = "UPDATE rollout SET plan = '{}' WHERE state = 'approved'";
        match world.fleet.db() {
            store::Db::Sqlite { write, .. } => drop(sqlx::query(sql).execute(write).await.unwrap()),
            store::Db::Postgres(pool) => drop(sqlx::query(sql).execute(pool).await.unwrap()),
        }
        for (device, id) in &told {
            world.fails(device, *id).await;
        }
        world.look().await;
        assert_eq!(world.state(&code).await, domain::rollout::RolloutState::Halted, "{}", world.name());
    }
}

#[tokio::test]
async fn a_device_that_talks_without_end_fills_nothing() {
    let world = worlds().await.remove(0);
    let devices = world.devices(6).await;
    let release = world.release("2.0", Stage::Production).await;
    let code = world.started(plan(release)).await;
    let (device, id) = world.offered_of(&devices).await.remove(0);
    let device = &device;
    for _ in 0..1_100 {
        world.says(device, id, Execution::Proceeding, Finished::None).await;
    }
    let kept = store::update_action::feedback::of(world.fleet.db(), id, 10_000).await.unwrap();
    assert_eq!(i64::try_from(kept.len()).unwrap(), store::update_action::feedback::KEPT);
    world.says(device, id, Execution::Closed, Finished::Success).await;
    assert_eq!(world.count(&code, 0, S::Installed).await, 1, "what closes it is heard all the same");
}
