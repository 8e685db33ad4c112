//! What one look at an experiment has found is there for all that come later, on whichever node.

use crate::{
    experiments::{experiment, shown, starts, told, trial},
    world::{World, operator, worlds},
};
use domain::{
    bucket::PARTS,
    evidence::{Factor, Level, Tally, Verdict},
    rollout::{Found, Plan},
};
use fleet::{Actor, Error};
use sqlx::AssertSqlSafe;
use store::{
    Db,
    evidence::{Delta, Measure, Moved, exposure::Traits},
};

/// Those of the first cohort, and the others.
async fn by_cohort(world: &World, code: &str, devices: &[Actor]) -> [Vec<Actor>; 2] {
    let mut both = [Vec::new(), Vec::new()];
    for device in devices {
        let cohort = world.fleet.why_not(&operator(), device.name(), code).await.unwrap().cohort;
        both[usize::from(cohort != 1)].push(device.clone());
    }
    both
}

/// So many exposed devices of a revision and a batch, with a start of so many of 120 seconds each.
async fn counted(world: &World, code: &str, (cohort, revision, batch): (usize, &str, &str), (n, boot_s): (u64, u64)) {
    let traits = Traits { revision: revision.to_owned(), batch: batch.to_owned(), ..Traits::default() };
    let value = u64::from(PARTS) * boot_s / 120;
    // Not all of them the same, as with real devices.
    let half = Tally { n: n / 2, sum: n / 2 * (value - 500), squares: n / 2 * (value - 500).pow(2) };
    let other = Tally { n: n / 2, sum: n / 2 * (value + 500), squares: n / 2 * (value + 500).pow(2) };
    let values = Delta::adding(half).with(Delta::adding(other));
    let by = vec![(Measure::Exposed, Delta::adding(Tally::of_share(n, n))), (Measure::Criterion(0), values)];
    let rollout = world.rollout(code).await.row.id;
    let mut tx = world.fleet.db().begin().await.unwrap();
    store::evidence::add(&mut tx, 1, &[Moved { rollout, cohort, traits, by }]).await.unwrap();
    tx.commit().await.unwrap();
}

/// From now on a rollout counts as changed by somebody whenever how its estimates went is noted.
async fn changed_at_every_point(world: &World) {
    const BODY: &str = "UPDATE rollout SET version = version + 1 WHERE id = NEW.rollout_id;";
    match world.fleet.db() {
        Db::Sqlite { write, .. } => {
            let sql = format!("CREATE TRIGGER bump AFTER INSERT ON evidence_point BEGIN {BODY} END");
            sqlx::query(AssertSqlSafe(sql)).execute(write).await.unwrap();
        }
        Db::Postgres(pool) => {
            let body = format!("BEGIN {BODY} RETURN NEW; END");
            let sql = format!("CREATE FUNCTION bump() RETURNS trigger LANGUAGE plpgsql AS $$ {body} $$");
            sqlx::query(AssertSqlSafe(sql)).execute(pool).await.unwrap();
            let sql = "CREATE TRIGGER bump AFTER INSERT ON evidence_point FOR EACH ROW EXECUTE FUNCTION bump()";
            sqlx::query(sql).execute(pool).await.unwrap();
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_last_look_is_one_whoever_changes_the_rollout_meanwhile() {
    for world in worlds().await {
        world.devices(60).await;
        let code = world.started(trial(&world, false, experiment(50)).await).await;
        counted(&world, &code, (1, "B", "one"), (26, 60)).await;
        counted(&world, &code, (2, "B", "one"), (26, 60)).await;
        changed_at_every_point(&world).await;
        let before = world.rollout(&code).await.version;
        world.look().await;
        let seen = shown(&world, &code).await;
        let written: Vec<_> =
            seen.settled.iter().map(|settled| (settled.cohort, settled.criterion, settled.n)).collect();
        assert_eq!(written, [(2, 0, 52)], "{}: it is written by the look that was made", world.name());
        assert!(world.rollout(&code).await.version > before + 1, "{}: it was changed meanwhile", world.name());
        // What is drawn of that look is what is written; what comes later is wider again.
        let [point] = seen.series[0].points.as_slice() else { panic!("{}: {:?}", world.name(), seen.series) };
        let low = seen.settled[0].low.unwrap().value();
        assert!((point.interval.low - low).abs() < 0.001, "{}: {point:?} {low}", world.name());
        let (two, three) = (world.another().await, world.another().await);
        counted(&world, &code, (1, "B", "one"), (40, 60)).await;
        counted(&world, &code, (2, "B", "one"), (40, 60)).await;
        tokio::try_join!(world.fleet.look_after_rollouts(), two.look_after_rollouts(), three.look_after_rollouts())
            .unwrap();
        assert_eq!(shown(&world, &code).await.settled, seen.settled, "{}: nothing is written again", world.name());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn devices_are_compared_within_revisions_whatever_else_looks_uneven() {
    for world in worlds().await {
        world.devices(50).await;
        let code = world.started(trial(&world, false, experiment(50)).await).await;
        // A batch of slow devices, of which B has more; revisions are spread evenly.
        for revision in ["B", "C"] {
            counted(&world, &code, (1, revision, "slow"), (200, 90)).await;
            counted(&world, &code, (1, revision, "fast"), (800, 30)).await;
            counted(&world, &code, (2, revision, "slow"), (800, 90)).await;
            counted(&world, &code, (2, revision, "fast"), (200, 30)).await;
        }
        let seen = shown(&world, &code).await;
        let is_off = |factor| seen.balance.iter().any(|balance| balance.factor == factor && balance.is_off);
        assert_eq!((is_off(Factor::Batch), is_off(Factor::Revision)), (true, false), "{}", world.name());
        assert_eq!(seen.within, Factor::Revision, "{}", world.name());
        // 78 seconds against 42: within batches there is no difference, and that would be another comparison.
        let difference = seen.comparisons[0].interval.unwrap().difference;
        assert!((difference - 36.0).abs() < 0.1, "{}: {difference}", world.name());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn sizes_that_were_off_once_stay_off_though_later_ones_are_fair() {
    for world in worlds().await {
        let devices = world.devices(80).await;
        let code = world.started(trial(&world, false, experiment(60)).await).await;
        let [a, b] = by_cohort(&world, &code, &devices).await;
        for one in told(&world, &code, &a).await {
            starts(&world, &one, 60).await;
        }
        world.look().await;
        let seen = shown(&world, &code).await;
        assert!(seen.ratio.unwrap().is_off, "{}: {:?}", world.name(), seen.ratio);
        let since = seen.ratio_off_since.unwrap();
        // The others come after all, and by now sizes are as they should be; B would be better by far.
        let two = world.at_another().await;
        for one in told(&two, &code, &b).await {
            starts(&two, &one, 20).await;
        }
        two.look().await;
        let world = two.at_another().await;
        let seen = shown(&world, &code).await;
        assert!(!seen.ratio.unwrap().is_off, "{}: {:?}", world.name(), seen.ratio);
        assert_eq!(seen.ratio_off_since, Some(since), "{}: it is known since then", world.name());
        assert_eq!((seen.verdict, seen.winner), (Verdict::Blocked, None), "{}: {}", world.name(), seen.sentence);
        let found: Vec<Found> = seen.settled.iter().map(|settled| settled.found).collect();
        assert_eq!(found, [Found::Open], "{}: at the planned end nothing can be said", world.name());
        let refused = world.fleet.roll_out_winner(&operator(), &code, None, None).await;
        assert!(matches!(refused, Err(Error::Conflict(_))), "{}: {refused:?}", world.name());
        let csv = world.fleet.experiment_csv(&operator(), &code).await.unwrap();
        let last = format!(",sample_ratio_off,,all,,{},,", a.len());
        assert_eq!(csv.lines().last(), Some(last.as_str()), "{}", world.name());
        let said = world.rollout(&code).await.events.into_iter().filter(|event| event.deed == "ratio").count();
        assert_eq!(said, 1, "{}: it is said once", world.name());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cohort_that_is_held_back_is_counted_as_it_was_frozen_and_as_it_grows() {
    for world in worlds().await {
        world.devices_of_revisions(80, |n| if n % 4 == 0 { "C" } else { "B" }).await;
        let plan = trial(&world, false, experiment(60)).await;
        let code = world.started(Plan { joins: true, ..plan }).await;
        let [a, b] = [1, 2].map(|cohort| move |revision| (cohort, revision, "one"));
        // B is worse at C at first, and everywhere in the end.
        counted(&world, &code, a("B"), (14, 20)).await;
        counted(&world, &code, a("C"), (14, 20)).await;
        counted(&world, &code, b("B"), (14, 20)).await;
        counted(&world, &code, b("C"), (14, 110)).await;
        world.look().await;
        counted(&world, &code, b("B"), (60, 110)).await;
        counted(&world, &code, a("B"), (60, 20)).await;
        world.look().await;
        let held = shown(&world, &code).await.held_back;
        let levels: Vec<Level> = held.iter().map(|held| held.level.clone()).collect();
        assert_eq!(levels, [Level::of(Factor::Revision, "C"), Level::ALL], "{}: {held:?}", world.name());
        let all_of = |seen: &fleet::rollout::ExperimentDetail| -> (u64, u64) {
            let held = seen.held_back.iter().map(|held| held.devices[0][2]).sum();
            (held, seen.cohorts[1].devices)
        };
        let (held, devices) = all_of(&shown(&world, &code).await);
        assert_eq!(held, devices, "{}: each of B is held back by one of both", world.name());
        world.devices_of(200, 40).await;
        world.fleet.take_in_who_joins().await.unwrap();
        let (held, more) = all_of(&shown(&world, &code).await);
        assert!(more > devices, "{}: {more} {devices}", world.name());
        assert_eq!(held, more, "{}: and so are those who joined", world.name());
    }
}
