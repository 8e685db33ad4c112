use crate::world::*;
use domain::{
    release::Stage,
    rollout::{ActionState as S, Execution, Feedback, Finished, Gate, Plan, Reaction, RolloutState, Wave, WaveSize},
    time::{DAY, HOUR, MINUTE},
};
use fleet::{Actor, Error, rollout::Abort, update::UpdateLink};

fn of_stopping(execution: Execution, finished: Finished) -> Feedback {
    Feedback { execution, finished, code: None, details: Vec::new() }
}

#[tokio::test]
async fn a_pause_stops_offers_and_leaves_alone_who_is_under_way() {
    for world in worlds().await {
        let devices = world.devices(12).await;
        let release = world.release("2.0", Stage::Production).await;
        let code = world.started(plan(release)).await;
        let first = world.offered_of(&devices).await;
        world.fleet.deployment(&first[0].0, first[0].1, None).await.unwrap();
        world.fleet.pause_rollout(&operator(), &code, "Brno calls").await.unwrap();
        // A double click changes nothing.
        world.fleet.pause_rollout(&operator(), &code, "Brno calls").await.unwrap();
        assert_eq!(world.rollout(&code).await.row.reason, "Brno calls");
        let still = world.offered_of(&devices).await;
        assert_eq!(still, first[..1].to_vec(), "{}: the one that has begun", world.name());
        assert!(
            world.fleet.deployment(&first[1].0, first[1].1, None).await.is_err(),
            "{}: by no other address either",
            world.name()
        );
        world.installs(&first[0].0, first[0].1, "2.0").await;
        world.fleet.resume_rollout(&operator(), &code, Resume::default()).await.unwrap();
        assert_eq!(world.offered_of(&devices).await.len(), 4, "{}", world.name());
    }
}

#[tokio::test]
async fn a_pause_makes_no_gate_forget() {
    for world in worlds().await {
        let devices = world.devices(12).await;
        let release = world.release("2.0", Stage::Production).await;
        // Six outcomes are asked for, so that of the first failures nothing can be said yet.
        let sampled = Wave { gate: Gate { min_sample: 6, failed_limit: 30_000, ..GATE }, ..wave(WaveSize::Rest) };
        let code = world.started(Plan { waves: vec![sampled], ..plan(release) }).await;
        let told = world.offered_of(&devices).await;
        for (device, id) in &told[..3] {
            world.fails(device, *id).await;
        }
        world.look().await;
        assert_eq!(world.state(&code).await, RolloutState::Running, "{}: too few to be sure", world.name());
        for _ in 0..2 {
            world.fleet.pause_rollout(&operator(), &code, "for the night").await.unwrap();
            world.fleet.resume_rollout(&operator(), &code, Resume::default()).await.unwrap();
            let view = world.rollout(&code).await.wave_views[0].clone();
            assert_eq!(view.accepted.failed, 0, "{}: an operator lets nothing pass", world.name());
        }
        for (device, id) in &told[3..6] {
            world.installs(device, *id, "2.0").await;
        }
        world.look().await;
        assert_eq!(world.state(&code).await, RolloutState::Halted, "{}: three of six are three of six", world.name());
        // Paused after that it still takes a manager, and then it counts no more.
        assert!(world.rollout(&code).await.goes_on_in_spite, "{}", world.name());
        world.fleet.pause_rollout(&operator(), &code, "For lunch.").await.unwrap();
        let why = world.rollout(&code).await.row.reason;
        assert!(why.contains("3 of 6") && why.ends_with(" Paused then: For lunch."), "{}: {why}", world.name());
        assert!(world.fleet.resume_rollout(&operator(), &code, Resume::default()).await.is_err(), "{}", world.name());
        let resume = async |reason, seen: &str| {
            let seen = seen.parse().unwrap_or_default();
            world.fleet.resume_rollout(&manager(), &code, Resume { reason, harm_seen: Some(&seen) }).await
        };
        // Whoever says nothing, or looked before the third failed, has not decided about that one.
        for (reason, seen, words) in
            [(" ", "3.0.0", "Say why"), ("Known.", "2.0.0", "More devices"), ("Known.", "", "More")]
        {
            let Err(Error::Invalid { fields }) = resume(reason, seen).await else { panic!("{}: {seen}", world.name()) };
            assert!(fields[0].field == "reason" && fields[0].message.starts_with(words), "{fields:?}");
        }
        assert_eq!(world.state(&code).await, RolloutState::Paused, "{}", world.name());
        resume("It is known.", "3.0.0").await.unwrap();
        let detail = world.rollout(&code).await;
        assert_eq!(detail.wave_views[0].accepted.failed, 3, "{}", world.name());
        assert_eq!(detail.events[0].words, "Resumed: It is known.", "{}", world.name());
        assert!(!detail.goes_on_in_spite, "{}", world.name());
    }
}

#[tokio::test]
async fn an_abort_that_keeps_asks_to_stop_and_takes_no() {
    for world in worlds().await {
        let devices = world.devices(6).await;
        let release = world.release("2.0", Stage::Production).await;
        let code = world.started(plan(release)).await;
        let first = world.offered_of(&devices).await;
        let [done, stops, refuses, ..] = first.as_slice() else { panic!("five were told") };
        world.installs(&done.0, done.1, "2.0").await;
        for (device, id) in [stops, refuses] {
            world.says(device, *id, Execution::Proceeding, Finished::None).await;
            let asked = world.fleet.cancel_feedback(device, *id, &of_stopping(Execution::Closed, Finished::None)).await;
            assert!(asked.is_err(), "{}: nobody asked it to stop", world.name());
        }
        world.fleet.abort_rollout(&operator(), &code, Abort::Keep, "").await.unwrap();
        world.fleet.abort_rollout(&operator(), &code, Abort::Keep, "").await.unwrap();
        for (device, id) in [stops, refuses] {
            assert_eq!(world.poll(device).await.update, Some(UpdateLink::Cancel { id: *id }), "{}", world.name());
            world.fleet.cancel_asked(device, *id).await.unwrap();
            assert!(world.fleet.deployment(device, *id, None).await.is_err());
        }
        world.fleet.cancel_feedback(&stops.0, stops.1, &of_stopping(Execution::Closed, Finished::None)).await.unwrap();
        world
            .fleet
            .cancel_feedback(&refuses.0, refuses.1, &of_stopping(Execution::Rejected, Finished::None))
            .await
            .unwrap();
        assert_eq!(world.poll(&stops.0).await.update, None);
        assert_eq!(world.offered(&refuses.0).await, Some(refuses.1), "{}: what can't stop is let finish", world.name());
        world.installs(&refuses.0, refuses.1, "2.0").await;
        for state in [S::Verified, S::Cancelled] {
            assert_eq!(
                world.count(&code, 0, state).await,
                if state == S::Verified { 2 } else { 1 },
                "{}",
                world.name()
            );
        }
        assert_eq!(world.poll(&done.0).await.update, None, "{}: it keeps what it has", world.name());
    }
}

#[tokio::test]
async fn an_abort_that_reverts_takes_back_who_has_it_and_nobody_else() {
    for world in worlds().await {
        let devices = world.devices(12).await;
        let (old, new) = (world.release("1.9", Stage::Production).await, world.release("2.0", Stage::Production).await);
        let plan = Plan { reaction: Reaction::AbortRevert, revert_to: Some(old), ..plan(new) };
        let code = world.started(plan).await;
        let first = world.offered_of(&devices).await;
        world.installs(&first[0].0, first[0].1, "2.0").await;
        for (device, id) in &first[1..4] {
            world.fails(device, *id).await;
        }
        world.look().await;
        let detail = world.rollout(&code).await;
        assert_eq!((detail.row.state, detail.reverting), (RolloutState::Aborted, true), "{}", world.name());
        assert_eq!(world.poll(&first[4].0).await.update, Some(UpdateLink::Cancel { id: first[4].1 }));
        world
            .fleet
            .cancel_feedback(&first[4].0, first[4].1, &of_stopping(Execution::Closed, Finished::Success))
            .await
            .unwrap();
        let back = world.offered_of(&devices).await;
        assert_eq!(back.len(), 1, "{}: the one that has it", world.name());
        assert_eq!(back[0].0, first[0].0);
        let what = world.fleet.deployment(&back[0].0, back[0].1, None).await.unwrap();
        assert_eq!(what.version, "1.9");
        world.installs(&back[0].0, back[0].1, "1.9").await;
        world.look().await;
        assert!(world.rollout(&code).await.reverting, "{}: who stopped may start with it all the same", world.name());
        world.wait(HOUR + DAY);
        world.look().await;
        let detail = world.rollout(&code).await;
        assert!(!detail.reverting, "{}: all are back", world.name());
        assert!(world.offered_of(&devices).await.is_empty());
        assert_eq!(world.fleet.device(&operator(), first[0].0.name()).await.unwrap().firmware.as_deref(), Some("1.9"));
    }
}

#[tokio::test]
async fn another_process_goes_on_in_the_middle_of_a_wave_and_both_say_the_same() {
    for world in worlds().await {
        let devices = world.devices(12).await;
        let release = world.release("2.0", Stage::Production).await;
        let code = world.started(plan(release)).await;
        let first = world.offered_of(&devices[..6]).await;
        let other = world.another().await;
        for device in &devices {
            let (here, there) = (world.fleet.poll(device).await.unwrap(), other.poll(device).await.unwrap());
            assert_eq!(here.update, there.update, "{}: {}", world.name(), device.name());
        }
        assert_eq!(world.offered_of(&devices).await.len(), 5, "{}: no more than the wave has", world.name());
        for (device, id) in &first {
            world.installs(device, *id, "2.0").await;
        }
        // Both stewards look at once, again and again: no wave is passed over, none is opened twice.
        for (device, id) in world.offered_of(&devices).await {
            world.installs(&device, id, "2.0").await;
        }
        for _ in 0..3 {
            let (one, two) = tokio::join!(world.fleet.look_after_rollouts(), other.look_after_rollouts());
            one.unwrap();
            two.unwrap();
        }
        let detail = world.rollout(&code).await;
        assert_eq!((detail.row.state, detail.row.wave), (RolloutState::Running, Some(1)), "{}", world.name());
        let advances = detail.events.iter().filter(|event| event.deed == "advance").count();
        assert_eq!(advances, 1, "{}", world.name());
        // A pause here stops the other one before its memory knows.
        world.fleet.pause_rollout(&operator(), &code, "").await.unwrap();
        let told: Vec<_> = futures_of(&other, &devices).await;
        assert!(told.iter().all(Option::is_none), "{}: {told:?}", world.name());
    }
}

async fn futures_of(fleet: &fleet::Fleet, devices: &[Actor]) -> Vec<Option<UpdateLink>> {
    let mut out = Vec::new();
    for device in devices {
        out.push(fleet.poll(device).await.unwrap().update);
    }
    out
}

#[tokio::test]
async fn a_clock_that_is_set_back_loses_nothing() {
    for world in worlds().await {
        let devices = world.devices(6).await;
        let release = world.release("2.0", Stage::Production).await;
        let plan = Plan { rate_per_minute: Some(100), waves: vec![wave(WaveSize::Rest)], ..plan(release) };
        let code = world.started(plan).await;
        let some = world.offered_of(&devices[..3]).await;
        assert_eq!(some.len(), 3);
        world.wait(-2 * HOUR);
        let all = world.offered_of(&devices).await;
        assert_eq!(all.len(), 6, "{}: a limit by the minute holds nobody up for hours", world.name());
        assert_eq!(all[..3], some[..], "{}", world.name());
        for (device, id) in &all {
            world.installs(device, *id, "2.0").await;
        }
        world.wait(3 * HOUR + 20 * MINUTE);
        world.offered_of(&devices).await;
        world.look().await;
        assert_eq!(world.state(&code).await, RolloutState::Completed, "{}", world.name());
    }
}
