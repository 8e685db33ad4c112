//! Rollouts over the whole fleet, by the deeds that people do, and how long each takes.

use crate::{
    filled::Caller,
    world::{APPROVER, RULE, World},
};
use domain::{
    id::ReleaseId,
    rollout::{Advance, Gate, Plan, Reaction, Wave, WaveSize, Windows},
};
use fleet::update::UpdateLink;
use std::time::{Duration, Instant};

/// How large the first wave is, in parts of 100 000: with five rollouts, two thirds of all devices are in one of them.
const FIRST: u32 = 20_000;

/// How long the deeds took.
pub struct Taken {
    /// Written and submitted: the target is read, frozen and hashed.
    pub frozen: Duration,
    /// From the approval, which starts it, until a device is told.
    pub started: Duration,
}

/// A rollout that runs.
pub struct Running {
    pub code: String,
    pub taken: Taken,
}

/// Starts a rollout of a release, whose first wave alone is open. Those who were told of nothing yet poll until one is.
pub async fn start(world: &World, release: ReleaseId, callers: &[Caller]) -> Running {
    let untold = untold(world, callers).await;
    let fleet = &world.fleet;
    let begun = Instant::now();
    let code = fleet.create_rollout(&RULE, plan(release)).await.unwrap();
    let version = fleet.rollout(&RULE, &code).await.unwrap().version;
    let approval = fleet.submit_rollout(&RULE, &code, version).await.unwrap();
    let frozen = begun.elapsed();
    let hash = fleet.approval(&APPROVER, approval).await.unwrap().row.hash;
    let begun = Instant::now();
    fleet.decide(&APPROVER, approval, &hash, true, "").await.unwrap();
    let mut started = None;
    for n in untold {
        if is_told(world, &callers[n]).await {
            started = Some(begun.elapsed());
            break;
        }
    }
    Running { code, taken: Taken { frozen, started: started.unwrap() } }
}

/// Which of these devices are told of nothing when they poll.
pub async fn untold(world: &World, callers: &[Caller]) -> Vec<usize> {
    let mut untold = Vec::new();
    for (n, caller) in callers.iter().enumerate() {
        if !is_told(world, caller).await {
            untold.push(n);
        }
    }
    untold
}

async fn is_told(world: &World, caller: &Caller) -> bool {
    let told = world.fleet.poll(&caller.actor()).await.unwrap().update;
    matches!(told, Some(UpdateLink::Deployment { .. }))
}

/// Opens the second wave.
pub async fn advance(world: &World, running: &Running) -> Duration {
    let begun = Instant::now();
    world.fleet.advance_rollout(&RULE, &running.code, 0).await.unwrap();
    begun.elapsed()
}

fn plan(release: ReleaseId) -> Plan {
    let gate = Gate {
        advance: Advance::Manual,
        open_minutes: 0,
        min_sample: 100,
        failed_limit: 10_000,
        silent_limit: 50_000,
        done: 90_000,
        evidence: None,
    };
    let wave = |name: &str, size| Wave { name: name.to_owned(), size, gate };
    Plan {
        name: "Gateways to 2.0".to_owned(),
        release,
        target: "model:GW-200".to_owned(),
        waves: vec![wave("First", WaveSize::Share(FIRST)), wave("Rest", WaveSize::Rest)],
        cohorts: None,
        start_at: None,
        windows: Windows::default(),
        rate_per_minute: None,
        retries: 0,
        timeout_minutes: 600,
        soak_minutes: 10,
        reaction: Reaction::Pause,
        revert_to: None,
        joins: true,
        downgrades: false,
        salt: String::new(),
        experiment: None,
        late_by_habit: false,
        confirmation_required: false,
    }
}
