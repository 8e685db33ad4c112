use crate::world::*;
use domain::{
    history::Event,
    release::Stage,
    rollout::{
        ActionState as S, Cohorts, Day, Execution, Finished, Plan, RolloutState, Variant, WaveSize, Window, Windows,
    },
    time::{HOUR, MINUTE},
};
use std::collections::BTreeSet;

#[tokio::test]
async fn two_waves_with_a_gate_between_them() {
    for world in worlds().await {
        let devices = world.devices(12).await;
        let release = world.release("2.0", Stage::Production).await;
        let code = world.started(plan(release)).await;
        assert_eq!(world.state(&code).await, RolloutState::Running, "{}", world.name());
        let first = world.offered_of(&devices).await;
        assert_eq!(first.len(), 5, "{}: the first wave alone", world.name());
        assert!(first.iter().all(|(_, id)| domain::rollout::is_action_id(*id)));
        assert_eq!(world.count(&code, 0, S::Offered).await, 5);
        // Whoever polls again is told the same, and nothing is written.
        assert_eq!(world.offered_of(&devices).await, first);
        for (device, id) in &first[..4] {
            world.installs(device, *id, "2.0").await;
        }
        world.look().await;
        assert_eq!(world.rollout(&code).await.row.wave, Some(0), "{}: one has no outcome yet", world.name());
        let view = world.rollout(&code).await.wave_views[0].clone();
        assert_eq!((view.evidence.verified, view.missing), (4, vec!["1 more device with an outcome".to_owned()]));
        world.installs(&first[4].0, first[4].1, "2.0").await;
        world.look().await;
        assert_eq!(world.rollout(&code).await.row.wave, Some(1), "{}", world.name());
        let told = world.told(&first[0].0).await;
        let expected = [
            Event::UpdateOffered { version: "2.0".into() },
            Event::UpdateInstalled { version: "2.0".into() },
            Event::UpdateVerified { from: Some("1.0".into()), version: "2.0".into() },
        ];
        assert_eq!(told, expected, "{}", world.name());
        let second = world.offered_of(&devices).await;
        assert_eq!(second.len(), 7, "{}", world.name());
        let both: BTreeSet<&str> = first.iter().chain(&second).map(|(device, _)| device.name()).collect();
        assert_eq!(both.len(), 12);
        for (device, id) in &second {
            world.installs(device, *id, "2.0").await;
        }
        world.look().await;
        assert_eq!(world.state(&code).await, RolloutState::Completed, "{}", world.name());
        assert!(world.offered_of(&devices).await.is_empty());
        let installed = world.poll(&devices[0]).await.installed;
        assert!(installed.is_some(), "what it has installed stays told");
    }
}

#[tokio::test]
async fn a_gate_halts_and_a_manager_alone_lets_it_go_on() {
    for world in worlds().await {
        let devices = world.devices(12).await;
        let release = world.release("2.0", Stage::Production).await;
        let code = world.started(plan(release)).await;
        let first = world.offered_of(&devices).await;
        world.installs(&first[0].0, first[0].1, "2.0").await;
        for (device, id) in &first[1..3] {
            world.fails(device, *id).await;
        }
        world.look().await;
        let detail = world.rollout(&code).await;
        assert_eq!(detail.row.state, RolloutState::Halted, "{}", world.name());
        assert!(detail.row.reason.contains("2 of 3 devices with an outcome failed"), "{}", detail.row.reason);
        assert_eq!((detail.failures[0].n, detail.failures[0].revision.as_str()), (2, "C"));
        assert_eq!(detail.failures[0].reason, "it was so");
        // Who was told but has not begun is told no more; who installs goes on.
        assert!(world.offered_of(&devices).await.is_empty(), "{}", world.name());
        assert!(
            world.fleet.resume_rollout(&operator(), &code, Resume::default()).await.is_err(),
            "an operator can't overrule a gate"
        );
        assert_eq!(world.state(&code).await, RolloutState::Halted);
        world.fleet.resume_rollout(&manager(), &code, IN_SPITE).await.unwrap();
        world.look().await;
        assert_eq!(
            world.state(&code).await,
            RolloutState::Running,
            "{}: what was let pass doesn't stop it again",
            world.name()
        );
        assert_eq!(world.offered_of(&devices).await.len(), 2);
        // What comes since does.
        for (device, id) in &first[3..] {
            world.fails(device, *id).await;
        }
        world.look().await;
        assert_eq!(world.state(&code).await, RolloutState::Halted, "{}", world.name());
        let why = world.rollout(&code).await.row.reason;
        assert!(why.contains(" since it was let go on"), "{}: {why}", world.name());
    }
}

#[tokio::test]
async fn silent_devices_are_failures_of_their_own_and_may_come_back() {
    for world in worlds().await {
        let devices = world.devices(12).await;
        let release = world.release("2.0", Stage::Production).await;
        let code = world.started(plan(release)).await;
        let first = world.offered_of(&devices).await;
        for (device, id) in &first {
            world.fleet.deployment(device, *id, None).await.unwrap();
        }
        for (device, id) in &first[..2] {
            world.installs(device, *id, "2.0").await;
        }
        world.wait(3 * HOUR);
        // One polls still and gets nowhere; two are gone.
        world.poll(&first[2].0).await;
        world.look().await;
        let detail = world.rollout(&code).await;
        assert_eq!(
            (world.count(&code, 0, S::Silent).await, world.count(&code, 0, S::Failed).await),
            (2, 1),
            "{}",
            world.name()
        );
        assert_eq!(detail.row.state, RolloutState::Halted, "{}", world.name());
        assert_eq!(world.kinds(&first[3].0).await.last(), Some(&"update_silent"));
        world.fleet.resume_rollout(&manager(), &code, IN_SPITE).await.unwrap();
        assert_eq!(world.offered(&first[3].0).await, Some(first[3].1), "{}: it goes on where it was", world.name());
        world.installs(&first[3].0, first[3].1, "2.0").await;
        assert_eq!((world.count(&code, 0, S::Silent).await, world.count(&code, 0, S::Verified).await), (1, 3));
    }
}

#[tokio::test]
async fn installed_is_not_verified_and_going_back_is_a_failure() {
    for world in worlds().await {
        let devices = world.devices(6).await;
        let release = world.release("2.0", Stage::Production).await;
        let code = world.started(plan(release)).await;
        let first = world.offered_of(&devices).await;
        let (device, id) = &first[0];
        world.says(device, *id, Execution::Closed, Finished::Success).await;
        assert_eq!(world.count(&code, 0, S::Installed).await, 1);
        // Before its start it reports the old one, and is asked again.
        world.reports(device, "1.0").await;
        assert!(world.poll(device).await.wants_report, "{}", world.name());
        assert_eq!(world.count(&code, 0, S::Installed).await, 1, "{}", world.name());
        world.reports(device, "2.0").await;
        assert_eq!(world.count(&code, 0, S::Verifying).await, 1);
        world.poll(device).await;
        assert_eq!(world.count(&code, 0, S::Verified).await, 0, "{}: not before the soak", world.name());
        world.reports(device, "1.0").await;
        assert_eq!(world.count(&code, 0, S::Reverted).await, 1, "{}", world.name());
        let told = world.told(device).await;
        assert_eq!(told.last(), Some(&Event::UpdateReverted { to: "1.0".into(), version: "2.0".into() }));
        assert_eq!(world.fleet.device(&operator(), device.name()).await.unwrap().firmware.as_deref(), Some("1.0"));
        assert_eq!(world.offered(device).await, None, "{}: it had its turn", world.name());
    }
}

#[tokio::test]
async fn what_failed_is_tried_again_later() {
    for world in worlds().await {
        let devices = world.devices(6).await;
        let release = world.release("2.0", Stage::Production).await;
        let code = world.started(Plan { retries: 1, ..plan(release) }).await;
        let first = world.offered_of(&devices).await;
        let (device, id) = &first[0];
        world.fails(device, *id).await;
        assert_eq!(
            (world.count(&code, 0, S::Retried).await, world.offered(device).await),
            (1, None),
            "{}",
            world.name()
        );
        assert!(world.why(device, &code).await.unwrap().contains("tried again after"), "{}", world.name());
        world.wait(6 * MINUTE);
        let again = world.offered(device).await.unwrap();
        assert!(again > *id, "{}: another number, as clients want it", world.name());
        assert_eq!((world.count(&code, 0, S::Retried).await, world.count(&code, 0, S::Offered).await), (0, 5));
        world.fails(device, again).await;
        world.wait(HOUR);
        assert_eq!(
            (world.count(&code, 0, S::Failed).await, world.offered(device).await),
            (1, None),
            "{}",
            world.name()
        );
    }
}

#[tokio::test]
async fn cohorts_windows_and_rates() {
    for world in worlds().await {
        let devices = world.devices(40).await;
        let (a, b) = (world.release("2.0", Stage::Production).await, world.release("2.1", Stage::Production).await);
        let variant = |name: &str, release, share| Variant { name: name.to_owned(), release, share };
        let cohorts = Cohorts {
            wave: None,
            variants: vec![
                variant("hold-out", None, 20_000),
                variant("A", Some(a), 40_000),
                variant("B", Some(b), 40_000),
            ],
        };
        // The night from 22:00 to 04:00 in Prague, where it is 13:00 now.
        let windows = Windows {
            zone: "Europe/Prague".to_owned(),
            open: vec![Window { days: vec![Day::Monday], from: 22 * 60, until: 4 * 60 }],
        };
        let plan = Plan {
            cohorts: Some(cohorts),
            windows,
            rate_per_minute: Some(10),
            waves: vec![wave(WaveSize::Rest)],
            ..plan(a)
        };
        let code = world.started(plan).await;
        assert!(world.offered_of(&devices).await.is_empty(), "{}: outside of the window", world.name());
        assert!(world.why(&devices[0], &code).await.is_some());
        world.wait(9 * HOUR);
        let mut told = 0;
        for device in &devices {
            told += usize::from(world.fleet.poll(device).await.unwrap().update.is_some());
        }
        assert_eq!(told, 10, "{}: ten in a minute", world.name());
        for _ in 0..5 {
            world.wait(MINUTE);
            for device in &devices {
                world.fleet.poll(device).await.unwrap();
            }
        }
        let view = world.rollout(&code).await.wave_views[0].clone();
        let offered: u64 = view.counts.iter().map(|count| count.n).sum();
        assert_eq!(offered, view.cohorts[2] + view.cohorts[3], "{}: all but the hold-out", world.name());
        assert_eq!(view.cohorts.iter().sum::<u64>(), 40);
        for count in &view.counts {
            assert_eq!(count.n, view.cohorts[count.cohort], "{}: each cohort got its own", world.name());
        }
        let rows = world.fleet.rollout_devices(&operator(), &code, None, 0, 100).await.unwrap().rows;
        assert!(rows.iter().all(|row| row.version == if row.cohort == 2 { "2.0" } else { "2.1" }));
        let mut held_out = 0;
        for device in &devices {
            held_out += u64::from(world.why(device, &code).await.is_some_and(|why| why.contains("hold-out")));
        }
        assert_eq!(held_out, view.cohorts[1], "{}", world.name());
    }
}

#[tokio::test]
async fn who_is_made_later_joins_or_does_not() {
    for world in worlds().await {
        world.devices(6).await;
        let release = world.release("2.0", Stage::Production).await;
        for (joins, name) in [(false, "closed"), (true, "open")] {
            let plan = Plan { joins, name: name.to_owned(), waves: vec![wave(WaveSize::Rest)], ..plan(release) };
            let code = world.started(plan).await;
            let from = if joins { 200 } else { 100 };
            let late = world.devices_of(from, 4).await;
            world.fleet.take_in_who_joins().await.unwrap();
            let offered = world.offered_of(&late).await.len();
            let devices = world.rollout(&code).await.wave_views[0].devices;
            assert_eq!((offered, devices), if joins { (4, 14) } else { (0, 6) }, "{}: {name}", world.name());
            world.fleet.abort_rollout(&operator(), &code, fleet::rollout::Abort::Keep, "").await.unwrap();
        }
    }
}
