//! A bad batch is no bad release: it is held back, and the others go on.

use crate::{
    returned::comes_back,
    scene,
    told::{rung, words},
    world::*,
};
use domain::{
    evidence::{Factor, Level},
    release::Stage,
    rollout::{ActionState as S, ErrorRates, Gate, Plan, RolloutState, Wave, WaveSize},
    time::DAY,
};
use fleet::{Actor, Error, webhook::Ear};

const BY_EVIDENCE: Gate = Gate {
    evidence: Some(ErrorRates { false_halt: 5_000, false_advance: 20_000 }),
    failed_limit: 10_000,
    silent_limit: 20_000,
    done: 90_000,
    ..GATE
};

fn by_evidence(release: domain::id::ReleaseId) -> Plan {
    let wave = |size| Wave { gate: BY_EVIDENCE, ..wave(size) };
    let waves = vec![wave(WaveSize::Share(70_000)), wave(WaveSize::Rest)];
    // One after the other takes hours.
    Plan { waves, timeout_minutes: 7 * 24 * 60, ..plan(release) }
}

/// Lets all that are offered it install it, but those of a batch, where it fails.
async fn goes_wrong_for(world: &World, told: &[(Actor, i64)], bad: &[Actor]) {
    for (device, id) in told {
        if bad.iter().any(|other| other.name() == device.name()) {
            world.fails(device, *id).await;
        } else {
            world.installs(device, *id, "2.0").await;
        }
        world.look().await;
    }
}

#[tokio::test]
async fn a_bad_batch_is_held_back_and_the_others_go_on_until_a_manager_lets_it_go() {
    for world in worlds().await {
        let good = world.devices_of(0, 50).await;
        let bad = world.devices_of_batch(100, 30, scene::A + 1).await;
        let all: Vec<Actor> = good.iter().chain(&bad).cloned().collect();
        let release = world.release("2.0", Stage::Production).await;
        let code = world.started(by_evidence(release)).await;
        // Half of the good ones first, then the bad ones as they come.
        let told = world.offered_of(&good).await;
        goes_wrong_for(&world, &told, &bad).await;
        assert_eq!(world.state(&code).await, RolloutState::Running);
        let mut ear = Ear::default();
        rung(&world, &mut ear).await;
        let before = world.rollout(&code).await.wave_views[0].evidence.total;
        for device in &bad {
            if let Some(id) = world.offered(device).await {
                world.fails(device, id).await;
                world.look().await;
            }
        }
        let detail = world.rollout(&code).await;
        let held = detail.held_back.first().unwrap_or_else(|| panic!("{}: {:?}", world.name(), detail.row.reason));
        assert_eq!(held.level.factor, Factor::Batch, "{}", world.name());
        assert!(held.why.contains("failures are of batch"), "{}", held.why);
        assert_eq!(detail.row.state, RolloutState::Running, "{}: the others go on", world.name());
        // It leaves the counts and the size of the wave.
        let evidence = detail.wave_views[0].evidence;
        assert_eq!(evidence.failed, 0, "{}", world.name());
        let of_batch = held.devices[0].iter().sum::<u64>();
        assert_eq!(evidence.total + of_batch, before, "{}", world.name());
        assert_eq!(held.devices.iter().flatten().sum::<u64>(), 30, "{}", world.name());
        let events: Vec<&str> = detail.events.iter().map(|event| event.deed.as_str()).collect();
        assert!(events.contains(&"hold"), "{events:?}");
        assert!(words(&rung(&world, &mut ear).await).contains(&"rollout.held_back"), "{}", world.name());
        // Whoever was not told is told why.
        let mut untold = Vec::new();
        for device in &bad {
            assert_eq!(world.offered(device).await, None, "{}", world.name());
            if world.kinds(device).await.is_empty() {
                let why = world.why(device, &code).await.unwrap_or_default();
                assert!(why.contains("goes on without devices like it"), "{}: {why}", world.name());
                untold.push(device.clone());
            }
        }
        assert!(untold.len() > 3, "{}: it was seen before it had all of them", world.name());
        // Another process offers them nothing either.
        let other = world.another().await;
        assert!(other.poll(&untold[0]).await.unwrap().update.is_none(), "{}", world.name());
        // The gate passes by the others, and the rest of the fleet gets it.
        world.look().await;
        assert_eq!(
            world.rollout(&code).await.row.wave,
            Some(1),
            "{}: {:?}",
            world.name(),
            detail.wave_views[0].missing
        );
        let rest = world.offered_of(&all).await;
        assert!(rest.iter().all(|(device, _)| good.iter().any(|one| one.name() == device.name())));
        let level = held.level.clone();
        let refused = world.fleet.let_held_back_go(&operator(), &code, &level).await;
        assert!(matches!(refused, Err(Error::Forbidden { .. })), "{}: {refused:?}", world.name());
        let unknown = world.fleet.let_held_back_go(&manager(), &code, &Level::of(Factor::Batch, "x")).await;
        assert!(matches!(unknown, Err(Error::Conflict(_))), "{}", world.name());
        world.fleet.let_held_back_go(&manager(), &code, &level).await.unwrap();
        world.look().await;
        let detail = world.rollout(&code).await;
        assert!(detail.held_back.is_empty() && detail.row.state == RolloutState::Running, "{}", world.name());
        assert!(!world.offered_of(&bad).await.is_empty(), "{}: they go on", world.name());
    }
}

#[tokio::test]
async fn what_is_accepted_of_silent_ones_is_of_those_with_whom_it_goes_on() {
    for world in worlds().await {
        let good = world.devices_of(0, 50).await;
        let bad = world.devices_of_batch(100, 30, scene::A + 1).await;
        let release = world.release("2.0", Stage::Production).await;
        let only = Wave { gate: BY_EVIDENCE, ..wave(WaveSize::Rest) };
        let code = world.started(Plan { waves: vec![only], ..by_evidence(release) }).await;
        // Eight of a batch go silent and two others, which is let go on; then more of the batch fail, and it is held back.
        let silent_good = world.offered_of(&good[..2]).await;
        let silent_bad = world.offered_of(&bad[..8]).await;
        assert_eq!((silent_good.len(), silent_bad.len()), (2, 8), "{}", world.name());
        world.wait(8 * DAY);
        world.look().await;
        assert_eq!(world.state(&code).await, RolloutState::Halted, "{}", world.name());
        world.fleet.resume_rollout(&manager(), &code, IN_SPITE).await.unwrap();
        for (device, id) in world.offered_of(&good[2..]).await {
            world.installs(&device, id, "2.0").await;
        }
        for device in &bad[8..] {
            if let Some(id) = world.offered(device).await {
                world.fails(device, id).await;
                world.look().await;
            }
        }
        let detail = world.rollout(&code).await;
        let held = detail.held_back.first().unwrap_or_else(|| panic!("{}: {:?}", world.name(), detail.row.reason));
        let level = held.level.clone();
        assert_eq!(level.factor, Factor::Batch, "{}", world.name());
        let accepted = async || {
            let accepted = world.rollout(&code).await.wave_views[0].accepted;
            (accepted.silent, accepted.returned)
        };
        assert_eq!(accepted().await, (2, 0), "{}: of the others two", world.name());

        // That some of the batch come back says nothing of the others.
        for one in &silent_bad[..2] {
            comes_back(&world, one).await;
        }
        assert_eq!(accepted().await, (2, 0), "{}", world.name());
        comes_back(&world, &silent_good[0]).await;
        assert_eq!(accepted().await, (1, 1), "{}", world.name());
        // Once the batch goes on what is silent of it is accepted with the rest, and who came back still has.
        world.fleet.let_held_back_go(&manager(), &code, &level).await.unwrap();
        assert_eq!(accepted().await, (1 + 6, 1), "{}", world.name());
    }
}

#[tokio::test]
async fn harm_that_is_everywhere_halts_everything() {
    for world in worlds().await {
        let devices = world.devices(30).await;
        let others = world.devices_of_batch(100, 30, scene::A + 1).await;
        let release = world.release("2.0", Stage::Production).await;
        let code = world.started(by_evidence(release)).await;
        let all: Vec<Actor> =
            devices.iter().zip(&others).flat_map(|(one, other)| [one.clone(), other.clone()]).collect();
        let told = world.offered_of(&all).await;
        // A third of each batch fails.
        let mut seen = [0_usize; 2];
        for (device, id) in &told {
            let of = &mut seen[usize::from(others.iter().any(|other| other.name() == device.name()))];
            *of += 1;
            if *of % 3 == 1 {
                world.fails(device, *id).await;
            } else {
                world.installs(device, *id, "2.0").await;
            }
            world.look().await;
            if world.state(&code).await == RolloutState::Halted {
                break;
            }
        }
        let detail = world.rollout(&code).await;
        assert_eq!(detail.row.state, RolloutState::Halted, "{}", world.name());
        assert!(detail.row.reason.contains("devices that were told failed"), "{}", detail.row.reason);
        assert!(detail.held_back.is_empty(), "{}", world.name());
        // A manager lets it go on: evidence begins anew, and what is accepted halts nothing.
        world.fleet.resume_rollout(&manager(), &code, IN_SPITE).await.unwrap();
        world.look().await;
        assert_eq!(world.state(&code).await, RolloutState::Running, "{}", world.name());
        assert!(world.count(&code, 0, S::Failed).await > 0);
    }
}
