use crate::world::*;
use domain::{
    history::Event,
    release::Stage,
    rollout::{ActionState, Cohorts, Outlook, Plan, Remedy, RolloutState, Variant, WaveSize},
    time::MINUTE,
};
use fleet::{
    Actor, Origin,
    rollout::{Abort, Makeup, Part},
};

fn part(name: &str, n: u64) -> Part {
    Part { name: name.to_owned(), n }
}

#[tokio::test]
async fn a_designer_sees_who_is_in_each_wave_and_how_long_it_takes() {
    for world in worlds().await {
        let devices = world.devices(12).await;
        let release = world.release("2.0", Stage::Production).await;
        // Nobody has ever polled: every one may have it, and nobody will.
        let design = world.fleet.design_rollout(&operator(), &plan(release)).await.unwrap();
        assert_eq!(design.waves.iter().map(|wave| wave.silent).collect::<Vec<_>>(), [5, 7], "{}", world.name());
        assert_eq!(design.forecast[0].through, Outlook::Short { reachable: 0, needed: 5 });
        assert_eq!((design.forecast[1].opens_at, design.forecast[1].through), (None, Outlook::After));

        heard(&world, &devices).await;
        let now = world.fleet.now();
        let design = world.fleet.design_rollout(&operator(), &plan(release)).await.unwrap();
        let first = &design.waves[0];
        assert_eq!((first.devices, first.looked_at, first.silent), (5, 5, 0), "{}", world.name());
        assert_eq!((&first.models, &first.revisions), (&vec![part("GW-200", 5)], &vec![part("C", 5)]));
        assert_eq!((&first.holders, &first.factories), (&vec![part("brno", 5)], &vec![part("brno", 5)]));
        assert!(first.refused.is_empty());
        assert_eq!(first.crowd.polling, [(300, 5)]);
        // Five minutes until all have polled, two polls to install, two to live with it for ten minutes.
        assert_eq!(design.forecast[0].through, Outlook::At(now.plus(25 * MINUTE)), "{}", world.name());
        assert_eq!(design.forecast[1].through, Outlook::At(now.plus(50 * MINUTE)));
        let kept = world.fleet.rollouts(&operator(), None, None, 10).await.unwrap();
        assert!(kept.rows.is_empty(), "nothing was kept");
    }
}

#[tokio::test]
async fn who_would_get_nothing_is_counted_by_why() {
    for world in worlds().await {
        let devices = world.devices(8).await;
        heard(&world, &devices).await;
        let release = world.release("2.0", Stage::Production).await;
        world.reports(&devices[0], "2.0").await;
        world.reports(&devices[1], "3.0").await;
        for device in &devices[2..4] {
            let quarantined = Event::Quarantined { reason: "x".into() };
            world.fleet.device_did(&RULE, device.name(), quarantined).await.unwrap();
        }
        let whole = Plan { waves: vec![wave(WaveSize::Rest)], ..plan(release) };
        let design = world.fleet.design_rollout(&operator(), &whole).await.unwrap();
        assert_eq!(design.waves[0].refused, [part("not trusted", 2)], "{}", world.name());
        assert_eq!((design.frozen.count, design.frozen.left_out), (6, 2), "{}", world.name());
        assert_eq!(design.forecast[0].through, Outlook::Short { reachable: 4, needed: 6 }, "{}", world.name());
        let enough = |mut plan: Plan| {
            plan.waves[0].gate.done = 50_000;
            plan
        };
        let design = world.fleet.design_rollout(&operator(), &enough(whole.clone())).await.unwrap();
        assert!(matches!(design.forecast[0].through, Outlook::At(_)));
        let down = enough(Plan { downgrades: true, ..whole });
        let design = world.fleet.design_rollout(&operator(), &down).await.unwrap();
        assert_eq!((design.frozen.count, design.frozen.left_out), (7, 1));
    }
}

#[tokio::test]
async fn cohorts_are_described_and_a_hold_out_is_waited_for_by_nobody() {
    for world in worlds().await {
        let devices = world.devices(40).await;
        heard(&world, &devices).await;
        let release = world.release("2.0", Stage::Production).await;
        let variant = |name: &str, release, share| Variant { name: name.to_owned(), release, share };
        let cohorts =
            Cohorts { wave: None, variants: vec![variant("A", Some(release), 60_000), variant("none", None, 40_000)] };
        let split = Plan { cohorts: Some(cohorts), waves: vec![wave(WaveSize::Rest)], ..plan(release) };
        let code = world.submitted(split).await;
        let crowds = world.fleet.rollout_crowds(&manager(), &code, 2_000).await.unwrap();
        let frozen = world.rollout(&code).await.frozen.unwrap();
        let counted: Vec<u64> = crowds.cohorts.iter().map(|cohort| cohort.devices).collect();
        assert_eq!(counted, frozen.waves[0].cohorts[1..], "{}", world.name());
        let looked_at = |all: &[Makeup]| all.iter().map(|makeup| makeup.looked_at).sum::<u64>();
        assert_eq!((looked_at(&crowds.cohorts), looked_at(&crowds.waves)), (40, 40));
        let held = counted[1];
        assert_eq!(crowds.waves[0].refused, [part("held out for comparison", held)], "{}", world.name());
        assert_eq!(crowds.waves[0].crowd.total, 40 - held);
        assert!(matches!(crowds.forecast[0].through, Outlook::At(_)));
        // Of a few that are drawn as much is said of all of them.
        let few = world.fleet.rollout_crowds(&manager(), &code, 10).await.unwrap();
        assert_eq!(few.waves[0].looked_at, 10, "{}", world.name());
        let polling: u64 = few.waves[0].crowd.polling.iter().map(|(_, n)| n).sum();
        assert_eq!((few.waves[0].crowd.total, polling), (40 - held, 40 - held));
        assert!(world.fleet.rollout_crowds(&Actor::Nobody { origin: Origin::default() }, &code, 10).await.is_err());
    }
}

#[tokio::test]
async fn what_runs_is_expected_from_where_it_is_and_what_is_over_is_not() {
    for world in worlds().await {
        let devices = world.devices(12).await;
        heard(&world, &devices).await;
        let release = world.release("2.0", Stage::Production).await;
        let code = world.started(plan(release)).await;
        for (device, id) in world.offered_of(&devices).await {
            world.installs(&device, id, "2.0").await;
        }
        world.look().await;
        let crowds = world.fleet.rollout_crowds(&operator(), &code, 2_000).await.unwrap();
        assert_eq!((crowds.first, crowds.forecast.len()), (1, 1), "{}", world.name());
        assert_eq!(crowds.waves[0].crowd.settled, 5);
        let waves = world.rollout(&code).await.wave_views;
        assert_eq!(waves[0].missing, Vec::<String>::new(), "{}: it was let through", world.name());
        assert!(!waves[1].missing.is_empty(), "{}", world.name());
        world.fleet.abort_rollout(&manager(), &code, Abort::Keep, "").await.unwrap();
        let crowds = world.fleet.rollout_crowds(&operator(), &code, 2_000).await.unwrap();
        assert!(crowds.forecast.is_empty(), "{}", world.name());
    }
}

#[tokio::test]
async fn when_those_who_were_told_are_done_does_not_move_with_the_clock() {
    for world in worlds().await {
        let devices = world.devices(12).await;
        heard(&world, &devices).await;
        let release = world.release("2.0", Stage::Production).await;
        let whole = Plan { waves: vec![wave(WaveSize::Rest)], ..plan(release) };
        let code = world.started(whole).await;
        let told = world.offered_of(&devices).await;
        assert_eq!(told.len(), 12, "{}", world.name());
        let expected = async || {
            let crowds = world.fleet.rollout_crowds(&operator(), &code, 2_000).await.unwrap();
            let crowd = &crowds.waves[0].crowd;
            let due: u64 = crowd.due.iter().map(|(_, n)| n).sum();
            assert_eq!((crowd.settled, due, crowd.polling.len()), (0, 12, 0), "{}: {crowd:?}", world.name());
            crowds.forecast[0].through
        };
        let first = expected().await;
        assert!(matches!(first, Outlook::At(at) if at > world.fleet.now()), "{}: {first:?}", world.name());
        world.wait(7 * MINUTE);
        assert_eq!(expected().await, first, "{}", world.name());
    }
}

#[tokio::test]
async fn the_rollout_before_is_the_last_of_the_product_that_was_started() {
    for world in worlds().await {
        let devices = world.devices(12).await;
        let (old, new) = (world.release("2.0", Stage::Production).await, world.release("2.1", Stage::Production).await);
        let before = |code: Option<&'static str>| {
            let fleet = world.fleet.clone();
            async move { fleet.rollout_before(&manager(), new, code).await.unwrap() }
        };
        assert_eq!(before(None).await, None, "{}", world.name());
        let first = world.started(Plan { name: "One".to_owned(), ..plan(old) }).await;
        // One that nobody approved is none to compare with.
        world.submitted(Plan { name: "Two".to_owned(), ..plan(new) }).await;
        for (device, id) in world.offered_of(&devices).await {
            world.installs(&device, id, "2.0").await;
        }
        world.look().await;
        for (device, id) in world.offered_of(&devices).await {
            world.installs(&device, id, "2.0").await;
        }
        world.look().await;
        let found = before(Some("two")).await.unwrap();
        assert_eq!((found.code.as_str(), found.state), (first.as_str(), RolloutState::Completed), "{}", world.name());
        assert_eq!(found.evidence.iter().map(|wave| wave.verified).collect::<Vec<_>>(), [5, 7]);
        let (one, two) = (found.wave_took(0).unwrap(), found.wave_took(1).unwrap());
        assert!(one >= 5 * SOAK * MINUTE && two >= 7 * SOAK * MINUTE, "{}: {one} {two}", world.name());
        assert_eq!(found.took(), Some(one + two));
        // What came before the first is nothing; the first itself is not before itself.
        assert_eq!(before(Some("one")).await, None, "{}", world.name());
    }
}

#[tokio::test]
async fn an_order_that_is_repeated_is_known_by_its_rollout() {
    for world in worlds().await {
        let release = world.release("2.0", Stage::Production).await;
        let create = async |name: &str, salt: &str| {
            let plan = Plan { name: name.to_owned(), salt: salt.to_owned(), ..plan(release) };
            world.fleet.create_rollout(&operator(), plan).await.unwrap()
        };
        let one = create("One", "").await;
        let salt = world.rollout(&one).await.plan.salt;
        let two = create("Two", &salt).await;
        let order = async |salt: &str, code: &str| world.fleet.rollout_of_order(&operator(), salt, code).await.unwrap();
        assert_eq!(order(&salt, &two).await.as_deref(), Some("One"), "{}", world.name());
        assert_eq!(order(&salt, &one).await, None, "{}: it is its own", world.name());
        assert_eq!(order("spring", &two).await, None, "{}", world.name());
        let nobody = Actor::Nobody { origin: Origin::default() };
        assert!(world.fleet.rollout_of_order(&nobody, &salt, &two).await.is_err());
    }
}

#[tokio::test]
async fn a_device_is_told_what_became_of_its_updates_and_where_to_change_it() {
    for world in worlds().await {
        let devices = world.devices(12).await;
        let release = world.release("2.0", Stage::Production).await;
        let code = world.started(plan(release)).await;
        let first = world.offered_of(&devices).await;
        let (good, id) = &first[0];
        world.installs(good, *id, "2.0").await;
        world.fails(&first[1].0, first[1].1).await;
        let updates = |device: &Actor| {
            let (fleet, serial) = (world.fleet.clone(), device.name().to_owned());
            async move { fleet.device_updates(&operator(), &serial, 10).await.unwrap() }
        };
        let told = updates(good).await;
        assert_eq!(told.len(), 1, "{}", world.name());
        assert_eq!((told[0].rollout.as_str(), told[0].name.as_str()), (code.as_str(), "Gateways to 2.0"));
        assert_eq!((told[0].from.as_str(), told[0].version.as_str()), ("1.0", "2.0"));
        assert_eq!((told[0].state, told[0].reason.as_str()), (ActionState::Verified, ""));
        let failed = updates(&first[1].0).await;
        assert_eq!(failed[0].state, ActionState::Failed, "{}", world.name());
        assert!(failed[0].reason.contains("it was so") && !failed[0].code.is_empty(), "{:?}", failed[0]);

        let waits = devices.iter().find(|device| first.iter().all(|(one, _)| one.name() != device.name())).unwrap();
        let why = world.fleet.device_rollouts(&operator(), waits.name()).await.unwrap();
        assert_eq!(why[0].remedy, Some(Remedy::Wave), "{}: {:?}", world.name(), why[0]);
        assert_eq!((why[0].title.as_str(), why[0].release), ("gateway-os 2.0", Some(release)));
        assert!(!why[0].is_next() && !why[0].in_repository && updates(waits).await.is_empty());
        // What can't change is said before what can: one that was never meant is not told of its quarantine.
        let late = world.devices_of(50, 1).await.remove(0);
        for device in [waits, &late] {
            let quarantined = Event::Quarantined { reason: "x".into() };
            world.fleet.device_did(&RULE, device.name(), quarantined).await.unwrap();
        }
        let why = world.why(&late, &code).await.unwrap();
        assert!(why.contains("not in the target"), "{}: {why}", world.name());
        let why = world.why(waits, &code).await.unwrap();
        assert!(why.contains("quarantined"), "{}: {why}", world.name());
        world.fleet.release_quarantine(&operator(), waits.name(), "it is well").await.unwrap();
        let had = world.fleet.device_rollouts(&operator(), good.name()).await.unwrap();
        assert_eq!((had[0].progress, had[0].remedy), (Some(ActionState::Verified), None));
        world.fleet.pause_rollout(&manager(), &code, "").await.unwrap();
        let why = world.fleet.device_rollouts(&operator(), waits.name()).await.unwrap();
        assert_eq!(why[0].remedy, Some(Remedy::Rollout), "{}", world.name());
        let nobody = Actor::Nobody { origin: Origin::default() };
        assert!(world.fleet.device_updates(&nobody, good.name(), 10).await.is_err());
    }
}
