//! Anything in any order, on the real engine of both databases: people, devices, two processes, time that goes back. After each
//! step everything is compared with what must hold.

use crate::world::*;
use domain::{
    id::ReleaseId,
    person::Role,
    release::Stage,
    rollout::{
        ActionState as S, Cohorts, Consent, ErrorRates, Evidence, Execution, Feedback, Finished, Gate, Plan, Reaction,
        RolloutState, UserAnswer, Variant, Wave, WaveSize,
    },
    time::{MINUTE, SECOND},
};
use fleet::{
    Actor, Fleet,
    rollout::{Abort, RolloutDetail},
    update::UpdateLink,
};
use proptest::{
    collection::vec,
    prelude::*,
    test_runner::{Config, TestRunner},
};
use std::collections::HashMap;

const DEVICES: usize = 14;

#[derive(Clone, Debug)]
enum Step {
    Poll(usize, bool),
    Says(usize, Execution, Finished),
    Stops(usize, bool),
    Answers(usize, bool),
    Agrees(usize, bool),
    Reports(usize, bool),
    Wait(i64),
    Look(bool),
    Pause,
    Resume,
    Advance(usize),
    Edit,
    Submit,
    Approve(bool),
    Abort(bool),
}

fn step() -> impl Strategy<Value = Step> {
    let device = || 0..DEVICES;
    let says = prop::sample::select(vec![
        (Execution::Proceeding, Finished::None),
        (Execution::Closed, Finished::Success),
        (Execution::Closed, Finished::Success),
        (Execution::Closed, Finished::Failure),
        (Execution::Canceled, Finished::None),
    ]);
    prop_oneof![
        12 => (device(), any::<bool>()).prop_map(|(device, other)| Step::Poll(device, other)),
        10 => (device(), says).prop_map(|(device, (execution, finished))| Step::Says(device, execution, finished)),
        2 => (device(), any::<bool>()).prop_map(|(device, agrees)| Step::Stops(device, agrees)),
        6 => (device(), prop::bool::weighted(0.7)).prop_map(|(device, agrees)| Step::Answers(device, agrees)),
        1 => (device(), any::<bool>()).prop_map(|(device, on)| Step::Agrees(device, on)),
        6 => (device(), prop::bool::weighted(0.8)).prop_map(|(device, new)| Step::Reports(device, new)),
        5 => (-20..90_i64).prop_map(Step::Wait),
        5 => any::<bool>().prop_map(Step::Look),
        1 => Just(Step::Pause),
        2 => Just(Step::Resume),
        1 => (0..3_usize).prop_map(Step::Advance),
        1 => Just(Step::Edit),
        1 => Just(Step::Submit),
        1 => any::<bool>().prop_map(Step::Approve),
        1 => prop::bool::weighted(0.3).prop_map(Step::Abort),
    ]
}

/// What was seen so far, to be held against what is seen next.
#[derive(Default)]
struct Seen {
    cohorts: HashMap<String, (usize, usize)>,
    wave: Option<usize>,
    over: Option<RolloutState>,
    closed: HashMap<i64, S>,
}

struct Story<'w> {
    world: &'w World,
    other: Fleet,
    devices: Vec<Actor>,
    plan: Plan,
    code: String,
    seen: Seen,
}

const RATES: ErrorRates = ErrorRates { false_halt: 20_000, false_advance: 40_000 };

fn the_plan((new, b, old): (ReleaseId, ReleaseId, ReleaseId), by_evidence: bool, asks: bool) -> Plan {
    let variant = |name: &str, release, share| Variant { name: name.to_owned(), release, share };
    let variants = vec![variant("A", Some(new), 60_000), variant("B", Some(b), 30_000), variant("none", None, 10_000)];
    Plan {
        waves: vec![wave(WaveSize::Devices(4)), wave(WaveSize::Devices(4)), wave(WaveSize::Rest)]
            .into_iter()
            .map(|wave| Wave { gate: Gate { evidence: by_evidence.then_some(RATES), ..wave.gate }, ..wave })
            .collect(),
        late_by_habit: by_evidence,
        confirmation_required: asks,
        cohorts: Some(Cohorts { wave: None, variants }),
        reaction: Reaction::Pause,
        revert_to: Some(old),
        retries: 1,
        ..plan(new)
    }
}

impl Story<'_> {
    async fn go(&mut self, step: &Step) {
        let fleet = &self.world.fleet;
        self.world.wait(SECOND);
        // What is refused is refused; what must hold is looked at after each step, whatever came of it.
        match step {
            Step::Poll(device, other) => {
                let at = if *other { &self.other } else { fleet };
                at.poll(&self.devices[*device]).await.unwrap();
                self.is_kept(at, *device).await;
            }
            Step::Says(device, execution, finished) => {
                if let Some(id) = self.last_action(*device).await {
                    let said = Feedback { execution: *execution, finished: *finished, code: None, details: vec![] };
                    let waits = self.state_of(id).await == S::WaitsForConfirmation;
                    let taken = fleet.update_feedback(&self.devices[*device], id, &said).await;
                    assert_eq!(taken.is_err(), waits, "{}: {taken:?}", self.world.name());
                }
            }
            Step::Stops(device, agrees) => {
                if let Some(id) = self.last_action(*device).await {
                    let execution = if *agrees { Execution::Closed } else { Execution::Rejected };
                    let said = Feedback { execution, finished: Finished::None, code: None, details: vec![] };
                    let _ = fleet.cancel_feedback(&self.devices[*device], id, &said).await;
                }
            }
            Step::Answers(device, agrees) => {
                if let Some(id) = self.last_action(*device).await {
                    let consent = if *agrees { Consent::Confirmed } else { Consent::Denied };
                    let said = UserAnswer { consent, code: None, details: vec!["it was so".to_owned()] };
                    let _ = fleet.user_answers(&self.devices[*device], id, &said).await;
                }
            }
            Step::Agrees(device, true) => {
                let _ = self.other.activate_auto_confirm(&self.devices[*device], "Ada", "").await;
            }
            Step::Agrees(device, false) => fleet.deactivate_auto_confirm(&self.devices[*device]).await.unwrap(),
            Step::Reports(device, new) => {
                let version = match (new, self.last_version(*device).await) {
                    (true, Some(version)) => version,
                    _ => "1.0".to_owned(),
                };
                let said = domain::report::Attributes::collect([("sw.version", version)]);
                let _ = fleet.report(&self.devices[*device], said, domain::report::UpdateMode::Merge).await;
            }
            Step::Wait(minutes) => self.world.wait(minutes * MINUTE),
            Step::Look(other) => {
                let at = if *other { &self.other } else { fleet };
                at.look_after_rollouts().await.unwrap();
            }
            Step::Pause => drop(fleet.pause_rollout(&operator(), &self.code, "").await),
            Step::Resume => drop(self.other.resume_rollout(&manager(), &self.code, IN_SPITE).await),
            Step::Advance(wave) => drop(fleet.advance_rollout(&manager(), &self.code, *wave).await),
            Step::Edit => {
                let version = self.world.rollout(&self.code).await.version;
                drop(fleet.edit_rollout(&operator(), &self.code, version, self.plan.clone()).await);
            }
            Step::Submit => {
                let version = self.world.rollout(&self.code).await.version;
                drop(fleet.submit_rollout(&operator(), &self.code, version).await);
            }
            Step::Approve(own) => {
                let who = if *own { user(1, "ada", Role::Manager) } else { manager() };
                if let Some(id) = fleet.rollout_approval(&operator(), &self.code).await.unwrap() {
                    let hash = fleet.approval(&manager(), id).await.unwrap().row.hash;
                    let decided = self.other.decide(&who, id, &hash, true, "").await;
                    assert!(!*own || decided.is_err(), "whoever wrote it never approves it");
                }
            }
            Step::Abort(revert) => {
                let how = if *revert { Abort::Revert } else { Abort::Keep };
                drop(fleet.abort_rollout(&operator(), &self.code, how, "").await);
            }
        }
    }

    /// What stops a rollout holds for whoever has not begun, once the process has heard of it.
    async fn is_kept(&self, at: &Fleet, device: usize) {
        at.refresh_rollouts().await.unwrap();
        let told = at.poll(&self.devices[device]).await.unwrap().update;
        let (id, asks) = match told {
            Some(UpdateLink::Deployment { id, .. }) => (id, false),
            Some(UpdateLink::Confirmation { id, .. }) => (id, true),
            _ => return,
        };
        let told = store::update_action::by_id(self.world.fleet.db(), id).await.unwrap().unwrap();
        let state = self.world.state(&self.code).await;
        let is_stopped = matches!(state, RolloutState::Paused | RolloutState::Halted | RolloutState::Aborted);
        let is_update = told.action.kind == domain::rollout::ActionKind::Update;
        assert!(
            !(is_stopped && is_update && told.action.reached == S::Offered),
            "{}: {state:?} is told to who has not begun: {:?}",
            self.world.name(),
            told.action
        );
        let waits = told.action.state == S::WaitsForConfirmation;
        // Whoever answered at the other process may be asked once more by what this one remembers for a minute; never the other way round.
        assert!(asks || !waits, "{}: nobody installs what its user has not agreed to", self.world.name());
    }

    async fn last_action(&self, device: usize) -> Option<i64> {
        let Actor::Device { id, .. } = &self.devices[device] else { return None };
        let actions = store::update_action::of_device(self.world.fleet.db(), *id, 1).await.unwrap();
        actions.first().map(|action| action.id)
    }

    async fn state_of(&self, id: i64) -> S {
        store::update_action::by_id(self.world.fleet.db(), id).await.unwrap().unwrap().action.state
    }

    async fn last_version(&self, device: usize) -> Option<String> {
        let Actor::Device { id, .. } = &self.devices[device] else { return None };
        let actions = store::update_action::of_device(self.world.fleet.db(), *id, 1).await.unwrap();
        actions.first().map(|action| action.action.version.clone())
    }

    async fn holds(&mut self) {
        let (world, name) = (self.world, self.world.name());
        let detail = world.rollout(&self.code).await;
        let state = detail.row.state;
        if state.is_begun() && detail.row.wave.is_some() {
            let approval = detail.approval.as_ref().unwrap();
            assert_eq!(approval.state, domain::approval::ApprovalState::Approved, "{name}: what runs was approved");
            assert_eq!(detail.approved_by, manager().name());
            let frozen = detail.frozen.as_ref().unwrap();
            assert_eq!(domain::rollout::plan_hash(&detail.plan, frozen), detail.hash, "{name}: as it was shown");
        }
        assert!(self.seen.wave <= detail.row.wave, "{name}: no wave is closed again");
        self.seen.wave = detail.row.wave;
        assert!(self.seen.over.is_none_or(|over| over == state), "{name}: what is over stays over");
        self.seen.over = Some(state).filter(|state| state.is_over());
        let rollout = store::rollout::by_code(world.fleet.db(), &self.code).await.unwrap().unwrap();
        let actions = store::update_action::of_rollout(world.fleet.db(), rollout.id, None, 0, 1_000).await.unwrap();
        let mut counted: HashMap<(usize, usize, S), u64> = HashMap::new();
        let mut open: HashMap<uuid::Uuid, u32> = HashMap::new();
        for (action, _) in &actions {
            *open.entry(action.device.0).or_default() += u32::from(!action.action.state.is_closed());
            assert!(open[&action.device.0] <= 1, "{name}: one update at a time");
            assert!(Some(action.wave) <= detail.row.wave, "{name}: only of waves that were opened");
            let place = (action.wave, action.cohort);
            let known = *self.seen.cohorts.entry(action.device.to_string()).or_insert(place);
            assert_eq!(known, place, "{name}: no device jumps");
            let is_newest = !actions.iter().any(|(other, _)| {
                (other.device, other.action.kind) == (action.device, action.action.kind) && other.id > action.id
            });
            if is_newest {
                *counted.entry((action.wave, action.cohort, action.action.state)).or_default() += 1;
            }
            if let Some(before) = self.seen.closed.get(&action.id) {
                assert_eq!(*before, action.action.state, "{name}: what is closed stays closed");
            }
            if action.action.state == S::Verified && !self.seen.closed.contains_key(&action.id) {
                let runs = store::update_action::heard(world.fleet.db(), action.device).await.unwrap().0;
                assert_eq!(runs, action.action.version, "{name}: verified is what it reported last");
            }
            if action.action.state.is_closed() {
                self.seen.closed.insert(action.id, action.action.state);
            }
            let gets = if action.action.kind == domain::rollout::ActionKind::Revert {
                self.plan.revert_to
            } else {
                self.plan.release_of(action.cohort)
            };
            assert_eq!(Some(action.release), gets, "{name}: what its cohort gets");
        }
        let mut shown: HashMap<(usize, usize, S), u64> = HashMap::new();
        for (wave, view) in detail.wave_views.iter().enumerate() {
            for count in &view.counts {
                *shown.entry((wave, count.cohort, count.state)).or_default() += count.n;
            }
        }
        assert_eq!(shown, counted, "{name}: counts are what is so");
        self.gates_know_what_is_so(&detail, &rollout).await;
    }

    /// What gates go by is what is so: by wave, and by what devices are, whoever of the two processes counted; what they decide
    /// follows from it alone.
    async fn gates_know_what_is_so(&self, detail: &RolloutDetail, rollout: &store::rollout::Rollout) {
        let name = self.world.name();
        let levels = store::rollout::level::of(self.world.fleet.db(), rollout.id).await.unwrap();
        for (wave, view) in detail.wave_views.iter().enumerate() {
            let known = view.evidence;
            let of_wave = levels.iter().filter(|count| count.wave == wave);
            let sum = of_wave.fold(Evidence::default(), |sum, count| {
                let under_way = sum.under_way + count.evidence.under_way;
                Evidence { under_way, ..sum.and(&count.evidence) }
            });
            assert_eq!(sum, Evidence { total: 0, joined: 0, ..known }, "{name}: levels come to the wave");
            let gate = &detail.plan.waves[wave].gate;
            let Some(weighed) = gate.weigh(&known, &view.accepted) else { continue };
            let is_against = weighed.iter().any(|harm| harm.above.is_enough());
            assert_eq!(view.is_open && is_against, view.halted.is_some(), "{name}: it halts by evidence alone");
        }
    }

    /// Both processes say the same to every device, once what they remember of it is a minute old.
    async fn agrees(&self) {
        // Each looks at what the other committed every half second; here nobody does it for them.
        self.world.fleet.refresh_rollouts().await.unwrap();
        self.other.refresh_rollouts().await.unwrap();
        self.world.wait(2 * MINUTE);
        for device in &self.devices {
            let id = |link: Option<UpdateLink>| match link {
                Some(
                    UpdateLink::Deployment { id, .. } | UpdateLink::Confirmation { id, .. } | UpdateLink::Cancel { id },
                ) => Some(id),
                None => None,
            };
            // What one of them writes is what the other one sees.
            let first = id(self.world.fleet.poll(device).await.unwrap().update);
            let there = id(self.other.poll(device).await.unwrap().update);
            self.world.wait(2 * MINUTE);
            let last = id(self.world.fleet.poll(device).await.unwrap().update);
            assert!(there == first || there == last, "{}: {}", self.world.name(), device.name());
        }
    }
}

async fn tell(story: Vec<Step>, by_evidence: bool, asks: bool) {
    for world in worlds().await {
        let devices = world.devices(DEVICES).await;
        let (old, new) = (world.release("1.9", Stage::Production).await, world.release("2.0", Stage::Production).await);
        let b = world.release("2.1", Stage::Production).await;
        let plan = the_plan((new, b, old), by_evidence, asks);
        let code = world.submitted(plan.clone()).await;
        let other = world.another().await;
        let mut told = Story { world: &world, other, devices, plan: Plan::clone(&plan), code, seen: Seen::default() };
        told.plan.salt = world.rollout(&told.code).await.plan.salt;
        for (n, step) in story.iter().enumerate() {
            // Most stories are of what runs.
            if n == 2 {
                if world.state(&told.code).await == RolloutState::Draft {
                    told.go(&Step::Submit).await;
                }
                told.go(&Step::Approve(false)).await;
            }
            told.go(step).await;
            told.holds().await;
        }
        told.agrees().await;
    }
}

#[test]
fn whatever_happens_in_whatever_order_what_must_hold_holds() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let mut runner =
        TestRunner::new(Config { cases: 6, max_shrink_iters: 60, failure_persistence: None, ..Config::default() });
    let stories = (vec(step(), 30..90), any::<bool>(), any::<bool>());
    runner
        .run(&stories, |(story, by_evidence, asks)| {
            runtime.block_on(tell(story, by_evidence, asks));
            Ok(())
        })
        .unwrap();
}
