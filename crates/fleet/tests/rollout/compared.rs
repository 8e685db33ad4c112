//! Cohorts are of devices that are alike: only those are compared to whom each cohort's release could be offered.

use crate::{
    experiments::{experiment, shown, told, trial},
    world::{World, operator, worlds},
};
use domain::{
    id::ReleaseId,
    rollout::{ActionState, Plan, RolloutState},
    time::{MINUTE, SECOND},
};
use fleet::Actor;
use std::{fs, path::PathBuf};

/// The numbers of the cohorts that devices are in.
async fn cohorts_of(world: &World, code: &str, devices: &[Actor]) -> Vec<usize> {
    let mut cohorts = Vec::new();
    for device in devices {
        cohorts.push(world.fleet.why_not(&operator(), device.name(), code).await.unwrap().cohort);
    }
    cohorts
}

#[tokio::test(flavor = "multi_thread")]
async fn only_devices_that_could_get_every_release_are_compared_whatever_they_get() {
    for world in worlds().await {
        let devices = world.devices(90).await;
        let (ahead, alike) = devices.split_at(30);
        // These run what A gets: it could not be offered to them, B could.
        for device in ahead {
            world.reports(device, "2.0").await;
        }
        let plan = trial(&world, true, experiment(40)).await;
        let code = world.started(Plan { rate_per_minute: None, ..plan }).await;
        let of_ahead = cohorts_of(&world, &code, ahead).await;
        assert!([1, 2, 3].iter().all(|cohort| of_ahead.contains(cohort)), "{}: {of_ahead:?}", world.name());
        let two = world.another().await;
        let mut is_told = told(&world, &code, &devices).await;
        for device in &devices {
            two.poll(device).await.unwrap();
        }
        // Of those who are ahead each gets what its cohort brings if it can, and none of them counts for a cohort.
        let told_ahead = is_told.iter().filter(|(device, ..)| ahead.iter().any(|one| one.name() == device.name()));
        assert_eq!(told_ahead.count(), of_ahead.iter().filter(|cohort| **cohort == 2).count(), "{}", world.name());
        let of_alike = cohorts_of(&world, &code, alike).await;
        let expected: Vec<u64> =
            (1..=3).map(|n| of_alike.iter().filter(|cohort| **cohort == n).count() as u64).collect();
        let exposed = |seen: &fleet::rollout::ExperimentDetail| -> Vec<u64> {
            seen.cohorts.iter().map(|cohort| cohort.exposed).collect()
        };
        let seen = shown(&world, &code).await;
        assert_eq!(exposed(&seen), expected, "{}", world.name());
        assert!(!seen.ratio.unwrap().is_off, "{}: {:?}", world.name(), seen.ratio);
        assert!(seen.balance.iter().all(|balance| !balance.is_off), "{}: {:?}", world.name(), seen.balance);

        // What becomes of them is no outcome of a cohort, but the gate's.
        is_told.retain(|(device, ..)| ahead.iter().any(|one| one.name() == device.name()));
        let failed = is_told.len() as u64;
        for (device, id, _) in is_told {
            world.fails(&device, id).await;
        }
        assert_eq!(world.count(&code, 0, ActionState::Failed).await, failed, "{}", world.name());
        let seen = shown(&world, &code).await;
        assert!(seen.cohorts.iter().all(|cohort| cohort.failed == 0), "{}: {:?}", world.name(), seen.cohorts);

        // Whoever was left out once stays so: A could be offered now to one of its cohort, and it gets that.
        let (back, _) = ahead.iter().zip(&of_ahead).find(|(_, cohort)| **cohort == 1).unwrap();
        world.reports(back, "1.0").await;
        assert!(world.offered(back).await.is_some(), "{}", world.name());
        assert_eq!(exposed(&shown(&world, &code).await), expected, "{}", world.name());
    }
}

/// Where the file of a release lies.
async fn file_of(world: &World, release: ReleaseId) -> PathBuf {
    let file = world.fleet.release(&operator(), release).await.unwrap().files.remove(0);
    world.fleet.folder().join("artifacts").join(file.sha256)
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_is_exposed_by_a_process_that_has_not_read_what_every_cohort_gets() {
    for world in worlds().await {
        let devices = world.devices(40).await;
        let plan = trial(&world, true, experiment(40)).await;
        let compared: Vec<ReleaseId> = plan.compared().collect();
        let code = world.started(plan).await;
        let away = world.fleet.folder().join("away");
        // Whichever it is of which the file is not there, or not read yet.
        for release in compared {
            let path = file_of(&world, release).await;
            fs::rename(&path, &away).unwrap();
            let node = world.another().await;
            for device in &devices {
                world.wait(SECOND / 100);
                assert_eq!(node.poll(device).await.unwrap().update, None, "{}: {}", world.name(), device.name());
            }
            let seen = shown(&world, &code).await;
            let exposed: Vec<u64> = seen.cohorts.iter().map(|cohort| cohort.exposed).collect();
            assert_eq!(exposed, [0, 0, 0], "{}: nobody is offered anything, nor held out", world.name());
            fs::rename(&away, &path).unwrap();
        }
        assert_eq!(world.state(&code).await, RolloutState::Running, "{}", world.name());
        // Once all of it is read everybody has a turn, and the cohorts grow side by side.
        let node = world.another().await;
        node.read_what_is_sent().await;
        world.wait(MINUTE);
        for device in &devices {
            node.poll(device).await.unwrap();
        }
        let seen = shown(&world, &code).await;
        for cohort in &seen.cohorts {
            assert_eq!(cohort.exposed, cohort.devices, "{}: {}", world.name(), cohort.name);
        }
        assert!(!seen.ratio.unwrap().is_off, "{}: {:?}", world.name(), seen.ratio);
    }
}
