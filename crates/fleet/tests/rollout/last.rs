//! What counts is what the device itself reported last: before it is verified, after a silence, and when it is taken back.

use crate::world::*;
use domain::{
    release::Stage,
    rollout::{ActionState as S, Execution, Feedback, Finished, Plan, RolloutState, WaveSize},
    time::{HOUR, MINUTE},
};
use fleet::rollout::Abort;

fn stopped() -> Feedback {
    Feedback { execution: Execution::Closed, finished: Finished::Success, code: None, details: Vec::new() }
}

#[tokio::test]
async fn a_client_that_says_success_after_it_fell_back_is_not_believed() {
    for world in worlds().await {
        let devices = world.devices(6).await;
        let release = world.release("2.0", Stage::Production).await;
        let code = world.started(plan(release)).await;
        let first = world.offered_of(&devices).await;
        let (device, id) = &first[0];
        world.says(device, *id, Execution::Proceeding, Finished::None).await;
        world.reports(device, "2.0").await;
        world.reports(device, "1.0").await;
        world.says(device, *id, Execution::Closed, Finished::Success).await;
        world.wait(SOAK * MINUTE);
        world.poll(device).await;
        assert_eq!((world.count(&code, 0, S::Reverted).await, world.count(&code, 0, S::Verified).await), (1, 0));
        // One that says nothing more is no better.
        let (device, id) = &first[1];
        world.says(device, *id, Execution::Proceeding, Finished::None).await;
        world.reports(device, "2.0").await;
        world.reports(device, "1.0").await;
        world.wait(61 * MINUTE);
        world.poll(device).await;
        world.look().await;
        assert_eq!(world.count(&code, 0, S::Reverted).await, 2, "{}", world.name());
    }
}

#[tokio::test]
async fn who_was_silent_while_it_lived_with_it_is_asked_and_not_told_to_install_it_again() {
    for world in worlds().await {
        let devices = world.devices(6).await;
        let release = world.release("2.0", Stage::Production).await;
        let code = world.started(plan(release)).await;
        let first = world.offered_of(&devices).await;
        for (device, id) in &first[..2] {
            world.fleet.deployment(device, *id, None).await.unwrap();
            world.says(device, *id, Execution::Closed, Finished::Success).await;
        }
        world.reports(&first[0].0, "2.0").await;
        world.wait(3 * HOUR);
        world.look().await;
        assert_eq!(world.count(&code, 0, S::Silent).await, 5, "{}", world.name());
        for (device, _) in &first[..2] {
            let answer = world.poll(device).await;
            assert_eq!((answer.update, answer.wants_report), (None, true), "{}", world.name());
            world.reports(device, "2.0").await;
        }
        assert_eq!(world.count(&code, 0, S::Verifying).await, 2, "{}", world.name());
        world.poll(&first[0].0).await;
        assert_eq!(world.count(&code, 0, S::Verified).await, 0, "{}: it lives with it anew", world.name());
        world.wait(SOAK * MINUTE);
        world.poll(&first[0].0).await;
        assert_eq!(world.count(&code, 0, S::Verified).await, 1, "{}", world.name());
    }
}

#[tokio::test]
async fn a_revert_takes_back_what_runs_and_tries_as_often_as_the_plan_says() {
    for world in worlds().await {
        let devices = world.devices(12).await;
        let (old, new) = (world.release("1.9", Stage::Production).await, world.release("2.0", Stage::Production).await);
        let fix = world.release("2.1", Stage::Production).await;
        let code = world.started(Plan { revert_to: Some(old), retries: 1, ..plan(new) }).await;
        let first = world.offered_of(&devices).await;
        for (device, id) in &first[..2] {
            world.installs(device, *id, "2.0").await;
        }
        let (fixed, bad) = (&first[0].0, &first[1].0);
        let target = format!("serial:{}", fixed.name());
        world.started(Plan { target, waves: vec![wave(WaveSize::Rest)], ..plan(fix) }).await;
        let id = world.offered(fixed).await.unwrap();
        world.installs(fixed, id, "2.1").await;
        world.fleet.abort_rollout(&operator(), &code, Abort::Revert, "").await.unwrap();
        assert_eq!(world.offered(fixed).await, None, "{}: it has something newer", world.name());
        let back = world.offered(bad).await.unwrap();
        assert_eq!(world.fleet.deployment(bad, back, None).await.unwrap().version, "1.9", "{}", world.name());
        world.fails(bad, back).await;
        world.look().await;
        assert!(world.rollout(&code).await.reverting, "{}: it is to be tried again", world.name());
        world.wait(6 * MINUTE);
        let again = world.offered(bad).await.unwrap();
        world.installs(bad, again, "1.9").await;
        assert_eq!(world.offered(bad).await, None, "{}", world.name());
    }
}

#[tokio::test]
async fn who_stopped_and_starts_with_it_all_the_same_is_taken_back() {
    for world in worlds().await {
        let devices = world.devices(6).await;
        let (old, new) = (world.release("1.9", Stage::Production).await, world.release("2.0", Stage::Production).await);
        let code = world.started(Plan { revert_to: Some(old), ..plan(new) }).await;
        let first = world.offered_of(&devices).await;
        let (device, id) = &first[0];
        world.says(device, *id, Execution::Proceeding, Finished::None).await;
        world.fleet.abort_rollout(&operator(), &code, Abort::Revert, "").await.unwrap();
        for (device, id) in &first {
            world.poll(device).await;
            world.fleet.cancel_feedback(device, *id, &stopped()).await.unwrap();
        }
        world.look().await;
        world.look().await;
        // It has installed it and waits for its restart; until it says what runs it is asked.
        let answer = world.poll(device).await;
        assert_eq!((answer.update, answer.wants_report), (None, true), "{}", world.name());
        world.reports(device, "2.0").await;
        let back = world.offered(device).await.unwrap();
        assert_eq!(world.fleet.deployment(device, back, None).await.unwrap().version, "1.9", "{}", world.name());
        assert_eq!(world.offered(&first[1].0).await, None, "{}", world.name());
    }
}

#[tokio::test]
async fn whoever_kept_may_still_take_back() {
    for world in worlds().await {
        let devices = world.devices(6).await;
        let (old, new) = (world.release("1.9", Stage::Production).await, world.release("2.0", Stage::Production).await);
        let code = world.started(Plan { revert_to: Some(old), ..plan(new) }).await;
        let (device, id) = world.offered_of(&devices[..5]).await.remove(0);
        world.installs(&device, id, "2.0").await;
        world.fleet.abort_rollout(&operator(), &code, Abort::Keep, "").await.unwrap();
        assert_eq!(world.offered(&device).await, None, "{}", world.name());
        world.fleet.abort_rollout(&operator(), &code, Abort::Revert, "it loses its network").await.unwrap();
        let detail = world.rollout(&code).await;
        assert_eq!((detail.row.state, detail.reverting), (RolloutState::Aborted, true), "{}", world.name());
        // A double click changes nothing.
        world.fleet.abort_rollout(&operator(), &code, Abort::Revert, "").await.unwrap();
        assert_eq!(world.rollout(&code).await.row.reason, "it loses its network", "{}", world.name());
        let back = world.offered(&device).await.unwrap();
        assert_eq!(world.fleet.deployment(&device, back, None).await.unwrap().version, "1.9", "{}", world.name());
    }
}

#[tokio::test]
async fn failures_that_are_tried_again_halt_all_the_same() {
    for world in worlds().await {
        let devices = world.devices(12).await;
        let release = world.release("2.0", Stage::Production).await;
        let code = world.started(Plan { retries: 10, waves: vec![wave(WaveSize::Rest)], ..plan(release) }).await;
        let told = world.offered_of(&devices).await;
        for (device, id) in &told[..2] {
            world.fails(device, *id).await;
        }
        world.look().await;
        assert_eq!(world.state(&code).await, RolloutState::Running, "{}: two are too few", world.name());
        world.fails(&told[2].0, told[2].1).await;
        world.look().await;
        assert_eq!(world.count(&code, 0, S::Retried).await, 3, "{}", world.name());
        assert_eq!(world.state(&code).await, RolloutState::Halted, "{}", world.name());
    }
}

#[tokio::test]
async fn what_one_process_heard_no_other_sends_again() {
    for world in worlds().await {
        let devices = world.devices(6).await;
        let release = world.release("2.0", Stage::Production).await;
        world.started(plan(release)).await;
        let other = world.another().await;
        let (device, id) = world.offered_of(&devices).await.remove(0);
        let what = other.deployment(&device, id, None).await.unwrap();
        for _ in 0..3 {
            assert!(other.poll(&device).await.unwrap().update.is_some(), "{}", world.name());
        }
        world.says(&device, id, Execution::Closed, Finished::Success).await;
        // What the other one remembers is younger than a minute.
        assert!(other.artifact_for(&device, what.module, &what.files[0].name).await.is_err(), "{}", world.name());
        assert!(other.deployment(&device, id, None).await.is_err(), "{}", world.name());
        assert_eq!(other.poll(&device).await.unwrap().update, None, "{}", world.name());
    }
}

#[tokio::test]
async fn a_late_failure_of_the_one_before_fails_nothing_that_downloads() {
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
        world.fleet.deployment(device, second, None).await.unwrap();
        world.fails(device, first).await;
        assert_eq!(world.count(&code, 0, S::Downloading).await, 1, "{}", world.name());
        world.says(device, second, Execution::Proceeding, Finished::None).await;
        world.fails(device, first).await;
        assert_eq!(world.count(&code, 0, S::Failed).await, 1, "{}: it names the one before its start", world.name());
    }
}
