//! An experiment over the whole fleet: its page is reckoned from sums, of which there are as many as levels, whatever they are sums of.

use domain::{
    bucket::PARTS,
    decimal::Decimal,
    evidence::Tally,
    id::{ReleaseId, RolloutId},
    rollout::{
        Advance, Better, Cohorts, Course, Criterion, Experiment, Gate, Metric, Plan, Reaction, RolloutState, Variant,
        Wave, WaveSize, Windows,
    },
    time::Timestamp,
};
use fleet::Fleet;
use store::{
    Tx,
    evidence::{
        Delta, Measure, Moved,
        exposure::Traits,
        point::{self, POINTS_MAX, Point},
    },
    rollout::Rollout,
};
use uuid::Uuid;

/// Of how many batches devices are, and over how many rows each sum is spread.
const BATCHES: u32 = 120;
const SHARDS: u32 = 8;
/// The primary metric and its guards.
const METRICS: [&str; 3] = ["boot_s", "load", "temperature"];

/// Enters an experiment of which so many devices are exposed, and says its word in addresses.
pub async fn enter(fleet: &Fleet, devices: i64) -> String {
    let rollout = rollout(fleet.now());
    let mut tx = fleet.db().begin().await.unwrap();
    store::rollout::insert(&mut tx, &rollout).await.unwrap();
    sum_up(&mut tx, rollout.id, u64::try_from(devices).unwrap()).await;
    for (criterion, n) in (0..METRICS.len()).flat_map(|criterion| (0..POINTS_MAX).map(move |n| (criterion, n))) {
        let at = rollout.created_at.plus(i64::try_from(n).unwrap());
        let point = Point { cohort: 2, criterion, at, n: n as u64, difference: 0.0, low: -0.1, high: 0.1 };
        point::put(&mut tx, rollout.id, &point).await.unwrap();
    }
    tx.commit().await.unwrap();
    rollout.code
}

/// The sums of so many devices, half of each cohort.
async fn sum_up(tx: &mut Tx, rollout: RolloutId, devices: u64) {
    let each = devices / u64::from(BATCHES * SHARDS * 2) + 1;
    for batch in 0..BATCHES {
        let traits = Traits {
            revision: format!("R{}", batch % 4),
            batch: format!("2026-{batch}"),
            region: format!("L{}", batch % 40),
            makers: vec![format!("lte=M{}", batch % 5), format!("cpu=M{}", batch % 3)],
        };
        let value = u64::from(PARTS) / 4 + u64::from(batch);
        let values = Delta::adding(Tally { n: each, sum: each * value, squares: each * value * value });
        let all = Delta::adding(Tally::of_share(each, each));
        let mut by = vec![(Measure::Exposed, all), (Measure::Verified, all)];
        by.extend((0..METRICS.len()).map(|n| (Measure::Criterion(n), values)));
        for (cohort, shard) in (1..3).flat_map(|cohort| (0..SHARDS).map(move |shard| (cohort, shard))) {
            let moved = Moved { rollout, cohort, traits: traits.clone(), by: by.clone() };
            store::evidence::add(tx, shard, &[moved]).await.unwrap();
        }
    }
}

fn criterion(name: &str) -> Criterion {
    let (low, high) = (Decimal::of_millionths(0), Decimal::of_millionths(120_000_000));
    let metric = Metric::Value { name: name.to_owned(), low, high };
    Criterion { metric, better: Better::Lower, matters: Decimal::of_millionths(1_000_000) }
}

fn plan() -> Plan {
    let gate = Gate {
        advance: Advance::Manual,
        open_minutes: 0,
        min_sample: 100,
        failed_limit: 10_000,
        silent_limit: 50_000,
        done: 90_000,
        evidence: None,
    };
    let [primary, guards @ ..] = METRICS.map(criterion);
    let experiment = Experiment {
        hypothesis: "2.1 starts faster.".to_owned(),
        control: 0,
        primary,
        guards: guards.to_vec(),
        error: 5_000,
        planned: 1_000_000,
        ends_at: None,
    };
    let variant =
        |name: &str| Variant { name: name.to_owned(), release: Some(ReleaseId(Uuid::now_v7())), share: PARTS / 2 };
    let variants = vec![variant("A"), variant("B")];
    Plan {
        name: "2.0 or 2.1".to_owned(),
        release: ReleaseId(Uuid::now_v7()),
        target: "model:GW-200".to_owned(),
        waves: vec![Wave { name: "All".to_owned(), size: WaveSize::Rest, gate }],
        cohorts: Some(Cohorts { wave: None, variants }),
        start_at: None,
        windows: Windows::default(),
        rate_per_minute: None,
        retries: 0,
        timeout_minutes: 600,
        soak_minutes: 10,
        reaction: Reaction::Pause,
        revert_to: None,
        joins: false,
        downgrades: false,
        salt: "bench".to_owned(),
        experiment: Some(experiment),
        late_by_habit: false,
        confirmation_required: false,
    }
}

/// It as it is kept while it runs; nobody polls here, so its devices are not frozen.
fn rollout(now: Timestamp) -> Rollout {
    let course =
        Course { state: RolloutState::Running, wave: None, waves: 1, hash: String::new(), approved: String::new() };
    Rollout {
        id: RolloutId(Uuid::now_v7()),
        code: "2-0-or-2-1".to_owned(),
        plan: plan(),
        frozen: None,
        course,
        authors: Vec::new(),
        created_by: "bench".to_owned(),
        created_at: now,
        updated_at: now,
        submitted_by: String::new(),
        submitted_at: None,
        approval_id: None,
        approved_by: String::new(),
        started_at: None,
        ended_at: None,
        resumed_at: None,
        wave_opened_at: None,
        accepted: Vec::new(),
        reverting: false,
        joined: Vec::new(),
        held_back: Vec::new(),
        verdicts: Vec::new(),
        is_active: false,
        reason: String::new(),
        version: 0,
    }
}
