//! The rollout that goes on while things go wrong: two waves, each split into two cohorts that get versions of their own.

use crate::{
    fill::UPDATED,
    releases,
    world::{APPROVER, RULE, World},
};
use domain::{
    id::ReleaseId,
    rollout::{Advance, Cohorts, Gate, Plan, Reaction, Variant, Wave, WaveSize, Windows},
};

/// Two versions of one product.
pub async fn releases(world: &World) -> [ReleaseId; 2] {
    releases::at_once(world).await;
    let signer = releases::signer(world).await;
    let release = async |version| releases::release(world, &signer, ("os", version), 4_096).await;
    [release("2.0").await, release("2.1").await]
}

/// Starts the one whose first wave is half of those that it is for. Its code.
pub async fn start(world: &World, releases: [ReleaseId; 2]) -> String {
    begin(world, plan(releases)).await
}

/// Starts one that is for all devices, at once.
pub async fn start_for_all(world: &World, releases: [ReleaseId; 2]) {
    let mut plan = Plan { target: "model:GW-200".to_owned(), ..plan(releases) };
    plan.waves.remove(0);
    begin(world, plan).await;
}

/// Submits and approves it. Its code.
async fn begin(world: &World, plan: Plan) -> String {
    let fleet = &world.fleet;
    let code = fleet.create_rollout(&RULE, plan).await.unwrap();
    let version = fleet.rollout(&RULE, &code).await.unwrap().version;
    let approval = fleet.submit_rollout(&RULE, &code, version).await.unwrap();
    let hash = fleet.approval(&APPROVER, approval).await.unwrap().row.hash;
    fleet.decide(&APPROVER, approval, &hash, true, "").await.unwrap();
    code
}

/// Opens its last wave.
pub async fn open_all(world: &World, code: &str) {
    // Those of the process that measures were told by whoever had the database's address before.
    world.fleet.refresh_rollouts().await.unwrap();
    world.fleet.advance_rollout(&RULE, code, 0).await.unwrap();
}

fn plan([a, b]: [ReleaseId; 2]) -> Plan {
    let gate = Gate {
        advance: Advance::Manual,
        open_minutes: 0,
        min_sample: 10,
        failed_limit: 10_000,
        silent_limit: 50_000,
        done: 90_000,
        evidence: None,
    };
    let wave = |name: &str, size| Wave { name: name.to_owned(), size, gate };
    let variant = |name: &str, release| Variant { name: name.to_owned(), release: Some(release), share: 50_000 };
    Plan {
        name: "2.0 beside 2.1".to_owned(),
        release: a,
        target: format!("model:GW-200 rev:{UPDATED}"),
        waves: vec![wave("First", WaveSize::Share(50_000)), wave("Rest", WaveSize::Rest)],
        cohorts: Some(Cohorts { wave: None, variants: vec![variant("A", a), variant("B", b)] }),
        start_at: None,
        windows: Windows::default(),
        rate_per_minute: None,
        retries: 0,
        timeout_minutes: 600,
        soak_minutes: 1,
        reaction: Reaction::Pause,
        revert_to: None,
        joins: false,
        downgrades: false,
        salt: String::new(),
        experiment: None,
        late_by_habit: false,
        confirmation_required: false,
    }
}
