//! Experiments: who is exposed, what is summed of it in whatever order, what follows, and how a winner comes to all.

use crate::world::{SOAK, World, manager, operator, plan, wave, worlds};
use domain::{
    bucket::PARTS,
    evidence::{Factor, Level, Verdict},
    release::Stage,
    report::{Attributes, UpdateMode},
    rollout::{
        ActionKind, ActionState, Better, Cohorts, Criterion, Execution, Experiment, Finished, Found, Metric, Plan,
        RolloutState, Variant, WaveSize,
    },
    time::{MINUTE, SECOND},
};
use fleet::{Actor, Error, Fleet, rollout::ExperimentDetail};
use proptest::{
    prelude::*,
    strategy::ValueTree,
    test_runner::{Config, TestRunner},
};
use std::collections::{BTreeMap, HashMap};

pub fn decimal(text: &str) -> domain::decimal::Decimal {
    text.parse().unwrap()
}

/// How many seconds a device takes to start: a place between 0 and 120 of them.
fn boot() -> Criterion {
    let metric = Metric::Value { name: "boot_s".to_owned(), low: decimal("0"), high: decimal("120") };
    Criterion { metric, better: Better::Lower, matters: decimal("5") }
}

pub fn experiment(planned: u64) -> Experiment {
    Experiment {
        hypothesis: "2.1 starts faster than 2.0.".to_owned(),
        control: 0,
        primary: boot(),
        guards: Vec::new(),
        error: 5_000,
        planned,
        ends_at: None,
    }
}

/// A gets 2.0, B gets 2.1, and with a hold-out a fifth gets nothing. Dealt by chance, one of a thousand would be found to be dealt
/// unfairly; by this salt they never are.
pub async fn trial(world: &World, with_hold_out: bool, experiment: Experiment) -> Plan {
    let one = world.release("2.0", Stage::Production).await;
    let other = world.release("2.1", Stage::Production).await;
    let variant = |name: &str, release, share| Variant { name: name.to_owned(), release, share };
    let variants = if with_hold_out {
        vec![variant("A", Some(one), 40_000), variant("B", Some(other), 40_000), variant("none", None, 20_000)]
    } else {
        vec![variant("A", Some(one), 50_000), variant("B", Some(other), 50_000)]
    };
    let mut only = wave(WaveSize::Rest);
    only.gate.failed_limit = PARTS;
    only.gate.silent_limit = PARTS;
    Plan {
        waves: vec![only],
        cohorts: Some(Cohorts { wave: None, variants }),
        experiment: Some(experiment),
        salt: "fair".to_owned(),
        ..plan(one)
    }
}

/// What a device was told of, by its cohort: the version that it is to run.
pub async fn told(world: &World, code: &str, devices: &[Actor]) -> Vec<(Actor, i64, &'static str)> {
    let mut out = Vec::new();
    for (device, id) in world.offered_of(devices).await {
        let found = world.fleet.why_not(&operator(), device.name(), code).await.unwrap();
        out.push((device, id, if found.cohort == 1 { "2.0" } else { "2.1" }));
    }
    out
}

pub async fn says_and_runs(fleet: &Fleet, world: &World, device: &Actor, version: &str, boot_s: Option<u32>) {
    world.wait(SECOND);
    let mut said = vec![("sw.version", version.to_owned())];
    said.extend(boot_s.map(|value| ("metric.boot_s", value.to_string())));
    fleet.report(device, Attributes::collect(said), UpdateMode::Merge).await.unwrap();
}

/// Installs, starts with it in so many seconds, says so, and lives through the soak.
pub async fn starts(world: &World, (device, id, version): &(Actor, i64, &'static str), boot_s: u32) {
    world.says(device, *id, Execution::Closed, Finished::Success).await;
    says_and_runs(&world.fleet, world, device, version, Some(boot_s)).await;
    world.wait(SOAK * MINUTE);
    world.poll(device).await;
}

pub async fn shown(world: &World, code: &str) -> ExperimentDetail {
    world.fleet.experiment(&operator(), code).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_offered_it_or_held_out_is_exposed_once() {
    for world in worlds().await {
        let devices = world.devices(40).await;
        let code = world.started(trial(&world, true, experiment(40)).await).await;
        let before = shown(&world, &code).await;
        assert_eq!(before.cohorts.iter().map(|cohort| cohort.exposed).sum::<u64>(), 0, "{}", world.name());
        assert_eq!(before.cohorts.iter().map(|cohort| cohort.devices).sum::<u64>(), 40, "{}", world.name());
        let two = world.another().await;
        for round in 0..3 {
            for device in &devices {
                world.poll(device).await;
                two.poll(device).await.unwrap();
            }
            let seen = shown(&world, &code).await;
            for cohort in &seen.cohorts {
                assert_eq!(cohort.exposed, cohort.devices, "{}: round {round}: {}", world.name(), cohort.name);
            }
            let ratio = seen.ratio.unwrap();
            assert!(!ratio.is_off, "{}: {ratio:?}", world.name());
            let by_revision = seen.balance.iter().find(|balance| balance.factor == Factor::Revision).unwrap();
            assert_eq!(by_revision.levels.len(), 1, "{}: {by_revision:?}", world.name());
            assert_eq!(by_revision.levels[0].1.iter().sum::<u64>(), 40, "{}", world.name());
        }
        // A hold-out's value is of its first report after that; another one changes nothing, and the same again neither.
        let held = seen_held_out(&world, &code, &devices).await;
        for boot_s in [30, 90, 90] {
            for device in &held {
                says_and_runs(&world.fleet, &world, device, "1.0", Some(boot_s)).await;
            }
        }
        let seen = shown(&world, &code).await;
        assert_eq!(seen.cohorts[2].values, [held.len() as u64], "{}", world.name());
        assert_eq!(seen.cohorts[2].means, [Some(30.0)], "{}", world.name());
        assert_eq!(seen.cohorts[0].values, [0], "{}: nobody else runs what it was sent", world.name());
    }
}

async fn seen_held_out(world: &World, code: &str, devices: &[Actor]) -> Vec<Actor> {
    let mut held = Vec::new();
    for device in devices {
        let found = world.fleet.why_not(&operator(), device.name(), code).await.unwrap();
        if found.cohort == 3 {
            held.push(device.clone());
        }
    }
    held
}

#[tokio::test(flavor = "multi_thread")]
async fn a_variant_that_is_worse_at_one_revision_is_held_back_there_and_goes_on_elsewhere() {
    for world in worlds().await {
        let devices = world.devices_of_revisions(96, |n| if n % 2 == 0 { "B" } else { "C" }).await;
        let code = world.started(trial(&world, false, experiment(60)).await).await;
        let is_harmed = |device: &Actor, version: &str| version == "2.1" && is_odd(device);
        // The same values in the same order for all of a revision and a release, and a harm that is seen long before the planned number.
        let mut alike = HashMap::<_, u32>::new();
        for (n, one) in told(&world, &code, &devices[..64]).await.iter().enumerate() {
            let before = alike.entry((one.2.to_owned(), is_odd(&one.0))).or_default();
            let base = 30 + *before % 7;
            *before += 1;
            starts(&world, one, if is_harmed(&one.0, one.2) { base + 80 } else { base }).await;
            if n % 8 == 7 {
                world.look().await;
            }
        }
        world.look().await;
        let seen = shown(&world, &code).await;
        let held: Vec<_> = seen.held_back.iter().map(|held| (held.cohort, held.level.clone())).collect();
        assert_eq!(held, [(Some(2), Level::of(Factor::Revision, "C"))], "{}: {seen:?}", world.name());
        assert_eq!(seen.state, RolloutState::Running, "{}", world.name());
        let at_c = seen.settled.iter().find(|settled| settled.level.is_some()).unwrap();
        assert_eq!((at_c.cohort, at_c.found), (2, Found::Worse), "{}", world.name());
        assert!(at_c.sentence.contains("hardware revision C"), "{}", at_c.sentence);
        assert!(seen.held_back[0].why.contains("B is worse than A"), "{}", seen.held_back[0].why);
        // Those have it all the same, whom the evidence leaves out.
        let wave = world.rollout(&code).await.wave_views.remove(0);
        let (have_it, of_others) = (wave.have_it(), wave.evidence.verified);
        assert!(have_it > of_others && of_others > 0, "{}: {have_it}, {of_others}", world.name());
        assert_eq!(wave.told(), 64, "{}", world.name());
        let events = world.rollout(&code).await.events;
        for word in ["hold", "verdict"] {
            assert!(events.iter().any(|event| event.deed == word), "{}: {word}", world.name());
        }
        // Without those it is no worse, and at the planned number that is written, once.
        let primary: Vec<_> = seen.settled.iter().filter(|settled| settled.level.is_none()).collect();
        assert_eq!(primary.len(), 1, "{}: {:?}", world.name(), seen.settled);
        assert!(matches!(primary[0].found, Found::Same | Found::Open), "{}: {:?}", world.name(), primary);
        assert!(seen.is_settled, "{}", world.name());
        assert!(!seen.series.is_empty() && seen.series[0].points.len() > 2, "{}", world.name());
        for _ in 0..3 {
            world.look().await;
        }
        assert_eq!(shown(&world, &code).await.settled, seen.settled, "{}", world.name());
        let csv = world.fleet.experiment_csv(&operator(), &code).await.unwrap();
        assert!(csv.starts_with("cohort,measure,metric,factor,level,devices,sum,sum_of_squares\r\n"), "{csv}");
        assert!(csv.contains("B,c0,boot_s,revision,C,"), "{csv}");
    }
}

fn is_odd(device: &Actor) -> bool {
    device.name().chars().last().and_then(|c| c.to_digit(10)).is_some_and(|digit| digit % 2 == 1)
}

#[tokio::test(flavor = "multi_thread")]
async fn where_a_cohort_is_lost_on_the_way_nothing_is_said_and_harm_is_stopped_all_the_same() {
    for world in worlds().await {
        let devices = world.devices(110).await;
        let code = world.started(trial(&world, false, experiment(40)).await).await;
        let mut of_a = Vec::new();
        for device in &devices {
            if world.fleet.why_not(&operator(), device.name(), &code).await.unwrap().cohort == 1 {
                of_a.push(device.clone());
            }
        }
        let b: Vec<_> =
            devices.iter().filter(|device| !of_a.iter().any(|a| a.name() == device.name())).cloned().collect();
        for one in told(&world, &code, &of_a).await {
            starts(&world, &one, 30).await;
        }
        for one in told(&world, &code, &b[..7]).await {
            starts(&world, &one, 90).await;
        }
        world.look().await;
        let seen = shown(&world, &code).await;
        assert!(seen.ratio.is_none_or(|ratio| ratio.is_off), "{}: {:?}", world.name(), seen.ratio);
        assert_eq!(seen.verdict, Verdict::Blocked, "{}: {}", world.name(), seen.sentence);
        let held: Vec<_> = seen.held_back.iter().map(|held| (held.cohort, held.level.clone())).collect();
        assert_eq!(held, [(Some(2), Level::ALL)], "{}: {:?}", world.name(), seen.settled);
        assert!(seen.held_back[0].why.ends_with("it is held back to be safe."), "{}", seen.held_back[0].why);
        let verdicts: Vec<_> = seen.settled.iter().filter(|settled| settled.level.is_none()).collect();
        assert!(verdicts.iter().all(|settled| settled.found == Found::Open), "{}: {verdicts:?}", world.name());
        assert_eq!(seen.winner, None, "{}", world.name());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_won_comes_to_all_by_a_rollout_that_a_manager_approves() {
    for world in worlds().await {
        let devices = world.devices(60).await;
        let code = world.started(trial(&world, false, experiment(50)).await).await;
        let early = world.fleet.roll_out_winner(&operator(), &code, None, None).await;
        assert!(matches!(early, Err(Error::Conflict(_))), "{}: {early:?}", world.name());
        for (n, one) in told(&world, &code, &devices).await.iter().enumerate() {
            let base = if one.2 == "2.1" { 20 } else { 60 };
            starts(&world, one, base + u32::try_from(n % 5).unwrap()).await;
        }
        world.look().await;
        let seen = shown(&world, &code).await;
        assert_eq!((seen.verdict, seen.winner), (Verdict::Better, Some(2)), "{}: {}", world.name(), seen.sentence);
        assert!(seen.sentence.starts_with("B is better than A: boot_s is "), "{}", seen.sentence);
        let support = crate::world::user(9, "sue", domain::person::Role::Support);
        let refused = world.fleet.roll_out_winner(&support, &code, None, None);
        assert!(matches!(refused.await, Err(Error::Forbidden { .. })), "{}", world.name());
        // By a page that is late nothing comes to anybody; two clicks and another tab lead to one rollout.
        let late = world.fleet.roll_out_winner(&operator(), &code, None, Some(seen.version - 1)).await;
        assert!(matches!(late, Err(Error::Conflict(_))), "{}: {late:?}", world.name());
        assert_eq!(shown(&world, &code).await.rolled_out, None, "{}", world.name());
        let two = world.another().await;
        let now = Some(seen.version);
        let by_operator = operator();
        let clicks = tokio::try_join!(
            world.fleet.roll_out_winner(&by_operator, &code, None, now),
            two.roll_out_winner(&by_operator, &code, None, now),
            world.fleet.roll_out_winner(&by_operator, &code, Some(2), now),
        );
        let (one, other, third) = clicks.unwrap();
        let made = one.code.clone();
        assert!([&other.code, &third.code].iter().all(|code| **code == made), "{}: {other:?} {third:?}", world.name());
        let new = [one, other, third].iter().filter(|made| made.is_new).count();
        assert_eq!(new, 1, "{}: one of them made it", world.name());
        let again = two.roll_out_winner(&operator(), &code, None, now).await.unwrap();
        assert_eq!((again.code.as_str(), again.is_new), (made.as_str(), false), "{}", world.name());
        let another = world.fleet.roll_out_winner(&operator(), &code, Some(1), None).await;
        assert!(matches!(another, Err(Error::Conflict(_))), "{}: {another:?}", world.name());
        let all = world.fleet.rollouts(&operator(), None, None, 10).await.unwrap().rows;
        assert_eq!(all.len(), 2, "{}: the experiment and its winner's rollout", world.name());
        let told = world.rollout(&code).await.events.into_iter().filter(|event| event.deed == "winner").count();
        assert_eq!(told, 1, "{}", world.name());
        assert_eq!(shown(&world, &code).await.rolled_out.as_deref(), Some(made.as_str()), "{}", world.name());
        let detail = world.rollout(&made).await;
        assert_eq!(detail.row.state, RolloutState::Submitted, "{}", world.name());
        assert!(detail.plan.cohorts.is_none() && detail.plan.experiment.is_none(), "{}", world.name());
        assert_eq!(detail.plan.salt, world.rollout(&code).await.plan.salt, "{}", world.name());
        world.approve(&manager(), &made).await.unwrap();
        world.look().await;
        // Who runs it already is left out, all others get it.
        let told: Vec<Actor> = world.offered_of(&devices).await.into_iter().map(|(device, _)| device).collect();
        for device in &devices {
            let was = world.fleet.why_not(&operator(), device.name(), &code).await.unwrap().cohort;
            let is_told = told.iter().any(|told| told.name() == device.name());
            assert_eq!(is_told, was == 1, "{}: {}", world.name(), device.name());
        }
    }
}

#[tokio::test]
async fn an_experiment_that_can_t_be_finished_is_not_submitted() {
    for world in worlds().await {
        world.devices(20).await;
        let code = world.fleet.create_rollout(&operator(), trial(&world, false, experiment(40)).await).await.unwrap();
        let version = world.rollout(&code).await.version;
        match world.fleet.submit_rollout(&operator(), &code, version).await {
            Err(Error::Invalid { fields }) => {
                assert_eq!(fields[0].field, "experiment.planned", "{}: {fields:?}", world.name());
                assert!(fields[0].message.contains("20 devices"), "{}", fields[0].message);
            }
            other => panic!("{}: {other:?}", world.name()),
        }
    }
}

/// What becomes of a device, and when: a place in an order, and the node that hears it.
#[derive(Clone, Copy, Debug)]
struct Fate {
    outcome: u8,
    order: u32,
    node: bool,
    boot_s: u32,
}

fn fates(n: usize) -> impl Strategy<Value = Vec<Fate>> {
    let one = (0..5_u8, any::<u32>(), any::<bool>(), 0..200_u32);
    prop::collection::vec(one.prop_map(|(outcome, order, node, boot_s)| Fate { outcome, order, node, boot_s }), n)
}

/// Failed, failed at first and then verified, silent and then back, silent, verified.
async fn lives(world: &World, fleet: &Fleet, (device, id, version): &(Actor, i64, &'static str), fate: Fate) {
    match fate.outcome {
        0 => world.fails(device, *id).await,
        1 => {
            world.fails(device, *id).await;
            world.wait(6 * MINUTE);
            let again = world.offered(device).await.unwrap();
            starts(world, &(device.clone(), again, *version), fate.boot_s).await;
        }
        2 | 3 => {}
        _ => {
            world.says(device, *id, Execution::Closed, Finished::Success).await;
            says_and_runs(fleet, world, device, version, Some(fate.boot_s)).await;
            world.wait(SOAK * MINUTE);
            fleet.poll(device).await.unwrap();
        }
    }
}

/// Counted anew from what became of each device.
async fn recounted(world: &World, code: &str) -> BTreeMap<(usize, ActionState), u64> {
    let rows = world.fleet.rollout_devices(&operator(), code, None, 0, 200).await.unwrap().rows;
    let mut last: BTreeMap<String, (usize, ActionState, u32)> = BTreeMap::new();
    for row in rows.into_iter().filter(|row| row.kind == ActionKind::Update) {
        let is_later = last.get(&row.serial).is_none_or(|(.., attempt)| *attempt < row.attempt);
        if is_later {
            last.insert(row.serial, (row.cohort, row.state, row.attempt));
        }
    }
    let mut counted = BTreeMap::new();
    for (cohort, state, _) in last.into_values() {
        *counted.entry((cohort, state)).or_default() += 1;
    }
    counted
}

#[tokio::test(flavor = "multi_thread")]
async fn in_whatever_order_and_on_whichever_node_outcomes_come_sums_and_verdict_are_the_same() {
    const DEVICES: usize = 24;
    let mut runner = TestRunner::new(Config { failure_persistence: None, ..Config::default() });
    for case in 0..3_usize {
        let fates: Vec<Fate> = fates(DEVICES).new_tree(&mut runner).unwrap().current();
        for world in worlds().await {
            let devices = world.devices_of_revisions(DEVICES + 20, |n| if n % 3 == 0 { "B" } else { "C" }).await;
            let guards = vec![
                Criterion { metric: Metric::Verified, better: Better::Higher, matters: decimal("0.05") },
                Criterion { metric: Metric::BootFailed, better: Better::Lower, matters: decimal("0.05") },
            ];
            let plan = trial(&world, false, Experiment { guards, ..experiment(40) }).await;
            let code = world.started(Plan { retries: 1, ..plan }).await;
            let told = told(&world, &code, &devices[..DEVICES]).await;
            assert_eq!(told.len(), DEVICES, "{}", world.name());
            let mut order: Vec<usize> = (0..DEVICES).collect();
            order.sort_by_key(|n| fates[*n].order);
            let mut two = world.another().await;
            for (at, n) in order.iter().enumerate() {
                // The other node is started anew now and then.
                if at % 7 == 6 {
                    two = world.another().await;
                }
                let node = if fates[*n].node { &two } else { &world.fleet };
                lives(&world, node, &told[*n], fates[*n]).await;
            }
            // Those who said nothing go silent; some are heard from again.
            world.wait(3 * 60 * MINUTE);
            tokio::try_join!(world.fleet.look_after_rollouts(), two.look_after_rollouts()).unwrap();
            for n in order.iter().filter(|n| fates[**n].outcome == 2) {
                let (device, _, version) = &told[*n];
                says_and_runs(&two, &world, device, version, Some(fates[*n].boot_s)).await;
            }
            let counted = recounted(&world, &code).await;
            let seen = shown(&world, &code).await;
            let sum = |cohort: usize, states: &[ActionState]| -> u64 {
                states.iter().filter_map(|state| counted.get(&(cohort, *state))).sum()
            };
            for cohort in &seen.cohorts {
                let n = cohort.number;
                let of = (cohort.verified, cohort.failed, cohort.silent);
                let failed = [ActionState::Failed, ActionState::Reverted, ActionState::Retried];
                let expected = (sum(n, &[ActionState::Verified]), sum(n, &failed), sum(n, &[ActionState::Silent]));
                assert_eq!(of, expected, "{}: case {case}: {fates:?}", world.name());
                let settled = [ActionState::Verified, ActionState::Failed, ActionState::Reverted, ActionState::Silent];
                assert_eq!(cohort.values[1], sum(n, &settled), "{}: case {case}: {fates:?}", world.name());
                let values = told.iter().enumerate().filter(|(at, (.., version))| {
                    (*version == "2.0") == (n == 1) && matches!(fates[*at].outcome, 1 | 2 | 4)
                });
                let values: Vec<f64> = values.map(|(at, _)| f64::from(fates[at].boot_s.min(120))).collect();
                assert_eq!(cohort.values[0], values.len() as u64, "{}: case {case}: {fates:?}", world.name());
                let mean = cohort.means[0].unwrap_or_default() * values.len() as f64;
                assert!((mean - values.iter().sum::<f64>()).abs() < 0.1, "{}: case {case}", world.name());
            }
            // Whoever has not seen any of it says the same.
            let third = world.another().await;
            assert_eq!(third.experiment(&operator(), &code).await.unwrap(), seen, "{}", world.name());
            tokio::try_join!(third.look_after_rollouts(), world.fleet.look_after_rollouts()).unwrap();
            let after = shown(&world, &code).await;
            let mut keys: Vec<_> =
                after.settled.iter().map(|kept| (kept.cohort, kept.criterion, kept.level.clone())).collect();
            let n = keys.len();
            keys.sort();
            keys.dedup();
            assert_eq!(keys.len(), n, "{}: written twice: {:?}", world.name(), after.settled);
        }
    }
}
