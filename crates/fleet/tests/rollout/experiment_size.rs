//! What a page of an experiment costs does not grow with its devices: a million of them, of many batches, are a few thousand sums.

use crate::world::{operator, worlds};
use domain::{
    bucket::PARTS,
    evidence::Tally,
    release::Stage,
    rollout::{Better, Cohorts, Criterion, Experiment, Metric, Plan, Variant, WaveSize},
};
use std::time::{Duration, Instant};
use store::evidence::{
    Delta, Measure, Moved,
    exposure::Traits,
    point::{self, POINTS_MAX, Point},
};

const BATCHES: u32 = 120;
const SHARDS: u32 = 8;
/// Of devices it would be minutes; how quick a page is, a benchmark says.
const MOST: Duration = Duration::from_secs(1);

fn decimal(text: &str) -> domain::decimal::Decimal {
    text.parse().unwrap()
}

fn criterion(name: &str) -> Criterion {
    let metric = Metric::Value { name: name.to_owned(), low: decimal("0"), high: decimal("120") };
    Criterion { metric, better: Better::Lower, matters: decimal("1") }
}

/// So many values with this mean, of which every one is the same.
fn values(n: u64, mean: u64) -> Delta {
    Delta::adding(Tally { n, sum: n * mean, squares: n * mean * mean })
}

#[tokio::test(flavor = "multi_thread")]
async fn an_experiment_over_a_million_devices_is_shown_from_its_sums() {
    for world in worlds().await {
        let one = world.release("2.0", Stage::Production).await;
        let other = world.release("2.1", Stage::Production).await;
        let variant = |name: &str, release| Variant { name: name.to_owned(), release, share: 50_000 };
        let experiment = Experiment {
            hypothesis: "2.1 starts faster.".to_owned(),
            control: 0,
            primary: criterion("boot_s"),
            guards: vec![criterion("load"), criterion("temperature")],
            error: 5_000,
            planned: 1_000_000,
            ends_at: None,
        };
        let variants = vec![variant("A", Some(one)), variant("B", Some(other))];
        let plan = Plan {
            waves: vec![crate::world::wave(WaveSize::Rest)],
            cohorts: Some(Cohorts { wave: None, variants }),
            experiment: Some(experiment),
            ..crate::world::plan(one)
        };
        let code = world.fleet.create_rollout(&operator(), plan).await.unwrap();
        let rollout = world.rollout(&code).await.row.id;
        let each = 1_000_000 / u64::from(BATCHES * SHARDS * 2) + 1;
        let mut tx = world.fleet.db().begin().await.unwrap();
        for batch in 0..BATCHES {
            for (cohort, shard) in (1..3).flat_map(|cohort| (0..SHARDS).map(move |shard| (cohort, shard))) {
                let traits = Traits {
                    revision: format!("R{}", batch % 4),
                    batch: format!("2026-{batch}"),
                    region: format!("L{}", batch % 40),
                    makers: vec![format!("lte=M{}", batch % 5), format!("cpu=M{}", batch % 3)],
                };
                let all = Delta::adding(Tally::of_share(each, each));
                let mut by = vec![(Measure::Exposed, all), (Measure::Verified, all)];
                by.extend(
                    (0..3).map(|n| (Measure::Criterion(n), values(each, u64::from(PARTS) / 4 + u64::from(batch)))),
                );
                let moved = Moved { rollout, cohort, traits, by };
                store::evidence::add(&mut tx, shard, &[moved]).await.unwrap();
            }
        }
        for (criterion, n) in (0..3).flat_map(|criterion| (0..POINTS_MAX).map(move |n| (criterion, n))) {
            let at = crate::world::NOW.plus(i64::try_from(n).unwrap());
            let point = Point { cohort: 2, criterion, at, n: n as u64, difference: 0.0, low: -0.1, high: 0.1 };
            point::put(&mut tx, rollout, &point).await.unwrap();
        }
        tx.commit().await.unwrap();
        // The fastest of many, because other tests run beside this one, for as long as they may, and this is no optimised build.
        let (mut took, looks) = (Vec::<Duration>::new(), Instant::now());
        while took.len() < 20 || took.iter().all(|one| *one >= MOST) && looks.elapsed() < Duration::from_secs(60) {
            let begun = Instant::now();
            let seen = world.fleet.experiment(&operator(), &code).await.unwrap();
            took.push(begun.elapsed());
            assert!(seen.cohorts.iter().map(|cohort| cohort.exposed).sum::<u64>() >= 1_000_000, "{}", world.name());
            assert_eq!(seen.series.iter().map(|series| series.points.len()).sum::<usize>(), 3 * POINTS_MAX);
        }
        took.sort_unstable();
        let (median, p95) = (took[took.len() / 2], took[(took.len() - 1) * 95 / 100]);
        println!("{}: fastest {:?}, median {median:?}, p95 {p95:?}", world.name(), took[0]);
        assert!(took[0] < MOST, "{}: {took:?}", world.name());
    }
}
