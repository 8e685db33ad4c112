//! What is kept of exposures, sums and estimates, on both databases.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use domain::{
    batch::{Batch, Model},
    bucket::PARTS,
    component::ComponentClass,
    custody::{Custodian, CustodianKind},
    decimal::Decimal,
    device::{Device, Lifecycle, Trust},
    evidence::{Factor, Level, Tally},
    id::{BatchId, ComponentId, CustodianId, DeviceId, ModelId, ReleaseId, RolloutId},
    rollout::{Course, Found, HeldBack, Plan, Reaction, RolloutState, Settled, Windows},
    time::Timestamp,
};
use std::collections::HashSet;
use store::{
    Db,
    component::NewComponent,
    evidence::{
        self, Delta, Measure, Moved, TallyRow,
        exposure::{self, Exposure, Traits},
        point::{self, POINTS_MAX, Point},
    },
    rollout::Rollout,
    testing,
};
use uuid::Uuid;

const NOW: Timestamp = Timestamp(1_790_000_000_000_000);

const fn uuid(n: u128) -> Uuid {
    Uuid::from_u128(n)
}

fn device(n: u128) -> Device {
    Device {
        id: DeviceId(uuid(n)),
        serial: format!("GW-{n}"),
        model_id: ModelId(uuid(3)),
        hardware_revision: "B".to_owned(),
        batch_id: BatchId(uuid(4)),
        factory_id: CustodianId(uuid(2)),
        custodian_id: CustodianId(uuid(2)),
        place: String::new(),
        lifecycle: Lifecycle::Active,
        trust: Trust::Trusted,
        channel: "production".to_owned(),
        firmware: None,
        made_at: NOW,
        last_seen_at: None,
        certificate_serial: None,
        certificate_not_after: None,
        manifest_version: 1,
        manifest_hash: String::new(),
    }
}

fn plan() -> Plan {
    Plan {
        name: "To 2.0".to_owned(),
        release: ReleaseId(uuid(9)),
        target: "model:GW-200".to_owned(),
        waves: Vec::new(),
        cohorts: None,
        start_at: None,
        windows: Windows::default(),
        rate_per_minute: None,
        retries: 0,
        timeout_minutes: 60,
        soak_minutes: 0,
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

fn rollout(n: u128) -> Rollout {
    let course =
        Course { state: RolloutState::Draft, wave: None, waves: 0, hash: String::new(), approved: String::new() };
    Rollout {
        id: RolloutId(uuid(n)),
        code: format!("to-{n}"),
        plan: plan(),
        frozen: None,
        course,
        authors: Vec::new(),
        created_by: "ada".to_owned(),
        created_at: NOW,
        updated_at: NOW,
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

/// Two rollouts, and devices of a batch with an LTE card whose maker is known.
async fn filled(db: &Db, devices: u128) {
    let mut tx = db.begin().await.unwrap();
    let custodian = Custodian {
        id: CustodianId(uuid(2)),
        code: "GD".to_owned(),
        name: "Guangdong".to_owned(),
        kind: CustodianKind::Factory,
        country: "CN".to_owned(),
        city: String::new(),
        sgln: String::new(),
        created_at: NOW,
    };
    store::custodian::insert(&mut tx, &custodian).await.unwrap();
    let model = Model {
        id: ModelId(uuid(3)),
        name: "GW-200".to_owned(),
        description: String::new(),
        poll_interval_s: 300,
        sgtin: String::new(),
    };
    store::batch::insert_model(&mut tx, &model).await.unwrap();
    let batch = Batch {
        id: BatchId(uuid(4)),
        code: "2026-11-A".to_owned(),
        factory_id: CustodianId(uuid(2)),
        model_id: ModelId(uuid(3)),
        quota: None,
        started_at: NOW,
    };
    store::batch::insert_batch(&mut tx, &batch).await.unwrap();
    let all: Vec<Device> = (100..100 + devices).map(device).collect();
    store::device::insert_many(&mut tx, &all).await.unwrap();
    let lte = store::component::part_id(&mut tx, ComponentClass::Lte, "Quectel", "EC25").await.unwrap();
    let parts = all.iter().map(|device| domain::component::Part {
        slot: "lte0".to_owned(),
        class: ComponentClass::Lte,
        maker: "Quectel".to_owned(),
        model: "EC25".to_owned(),
        identifier: device.serial.clone(),
        identifier_key: format!("imei:{}", device.serial),
    });
    let parts: Vec<_> = parts.collect();
    let components = all.iter().zip(&parts).map(|(device, part)| NewComponent {
        device: device.id,
        id: ComponentId(Uuid::now_v7()),
        part_id: lte,
        part,
        fitted_at: NOW,
        fitted_version: 1,
    });
    let components: Vec<_> = components.collect();
    store::component::insert_many(&mut tx, &components).await.unwrap();
    for n in [50, 51] {
        store::rollout::insert(&mut tx, &rollout(n)).await.unwrap();
    }
    tx.commit().await.unwrap();
}

fn exposed(device: u128, cohort: usize, traits: &Traits) -> Exposure {
    Exposure {
        rollout: RolloutId(uuid(50)),
        device: DeviceId(uuid(device)),
        cohort,
        wave: 0,
        at: NOW,
        traits: traits.clone(),
        held_out: cohort == 2,
        awaited: 0b110,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_exposure_is_written_once_and_stays_as_it_was() {
    for fixture in testing::both().await.unwrap() {
        let db = &fixture.db;
        filled(db, 2).await;
        let mut tx = db.begin().await.unwrap();
        let traits = exposure::traits_of(&mut tx, DeviceId(uuid(100))).await.unwrap();
        let expected = Traits {
            revision: "B".to_owned(),
            batch: "2026-11-A".to_owned(),
            region: "CN".to_owned(),
            makers: vec!["lte=Quectel".to_owned()],
        };
        assert_eq!(traits, expected, "{}", fixture.name);
        let first = exposed(100, 2, &traits);
        assert!(exposure::expose(&mut tx, &first).await.unwrap());
        let again = Exposure { cohort: 1, held_out: false, ..first.clone() };
        assert!(!exposure::expose(&mut tx, &again).await.unwrap(), "{}", fixture.name);
        let kept = exposure::exposure_of(&mut tx, first.rollout, first.device).await.unwrap();
        assert_eq!(kept.as_ref(), Some(&first), "{}", fixture.name);
        assert_eq!(exposure::awaiting(&mut tx, first.device).await.unwrap(), std::slice::from_ref(&first));
        tx.commit().await.unwrap();
        assert!(exposure::is_awaited(db, first.device).await.unwrap(), "{}", fixture.name);
        assert!(!exposure::is_awaited(db, DeviceId(uuid(101))).await.unwrap(), "{}", fixture.name);
        // The device's poll knows from what it is held out, and by the same read.
        let state = store::poll::poll_state(db, first.device).await.unwrap().unwrap();
        let updates = state.updates.unwrap();
        assert_eq!((updates.held_out.as_slice(), updates.actions.len()), ([first.rollout].as_slice(), 0));
        let other = store::poll::poll_state(db, DeviceId(uuid(101))).await.unwrap().unwrap();
        assert!(other.updates.unwrap().held_out.is_empty(), "{}", fixture.name);
        let mut tx = db.begin().await.unwrap();
        exposure::put_awaited(&mut tx, first.rollout, first.device, 0).await.unwrap();
        assert!(exposure::awaiting(&mut tx, first.device).await.unwrap().is_empty(), "{}", fixture.name);
        tx.commit().await.unwrap();
    }
}

fn moved(n: usize, cohort: usize, traits: &Traits, by: Vec<(Measure, Delta)>) -> (u32, Moved) {
    let of = Moved { rollout: RolloutId(uuid(50)), cohort, traits: traits.clone(), by };
    (u32::try_from(n).unwrap(), of)
}

#[tokio::test(flavor = "multi_thread")]
async fn sums_are_exact_by_every_level_and_come_out_as_they_went_in() {
    for fixture in testing::both().await.unwrap() {
        let db = &fixture.db;
        filled(db, 1).await;
        let of = |revision: &str| Traits {
            revision: revision.to_owned(),
            makers: vec!["lte=Quectel".to_owned(), "cpu=NXP".to_owned()],
            ..Traits::default()
        };
        let value = Measure::Criterion(1);
        let mut tx = db.begin().await.unwrap();
        for n in 0..40 {
            let traits = of(if n % 4 == 0 { "C" } else { "B" });
            let tally = Tally::of(u32::try_from(n).unwrap() * 1_000);
            let by = vec![(Measure::Exposed, Delta::adding(Tally::of(PARTS))), (value, Delta::adding(tally))];
            let (number, one) = moved(n, 1 + n % 2, &traits, by);
            evidence::add(&mut tx, number, &[one]).await.unwrap();
            if n >= 20 {
                let (number, one) = moved(n, 1 + n % 2, &traits, vec![(value, Delta::removing(tally))]);
                evidence::add(&mut tx, number, &[one]).await.unwrap();
            }
        }
        tx.commit().await.unwrap();
        let rows = evidence::of(db, RolloutId(uuid(50))).await.unwrap();
        let sum = |measure, level: &Level| -> Tally {
            let of = |row: &&TallyRow| row.measure == measure && row.level == *level;
            rows.iter().filter(of).map(|row| row.tally).sum()
        };
        let values = |is_in: fn(u32) -> bool| (0..20).filter(|n| is_in(*n)).map(|n| Tally::of(n * 1_000)).sum();
        assert_eq!(sum(value, &Level::ALL), values(|_| true), "{}", fixture.name);
        assert_eq!(sum(value, &Level::of(Factor::Revision, "C")), values(|n| n % 4 == 0), "{}", fixture.name);
        assert_eq!(sum(Measure::Exposed, &Level::ALL).n, 40);
        assert_eq!(sum(Measure::Exposed, &Level::of(Factor::Maker, "cpu=NXP")).n, 40, "{}", fixture.name);
        assert!(rows.iter().all(|row| row.cohort == 1 || row.cohort == 2) && rows.iter().all(|row| row.tally.n > 0));
        let by_revision = evidence::of_factor(db, RolloutId(uuid(50)), Factor::Revision).await.unwrap();
        let of_revision: Vec<_> = rows.iter().filter(|row| row.level.factor == Factor::Revision).cloned().collect();
        assert_eq!(by_revision, of_revision, "{}", fixture.name);
        let exposed = evidence::of_measure(db, RolloutId(uuid(50)), Factor::Maker, Measure::Exposed).await.unwrap();
        assert_eq!(exposed.len(), 4, "{}: {exposed:?}", fixture.name);
        assert!(evidence::of(db, RolloutId(uuid(51))).await.unwrap().is_empty());
        let mut tx = db.begin().await.unwrap();
        let levels: HashSet<String> =
            evidence::levels(&mut tx, RolloutId(uuid(50)), Factor::Revision).await.unwrap().into_iter().collect();
        assert_eq!(levels, HashSet::from(["B".to_owned(), "C".to_owned()]), "{}", fixture.name);
        tx.commit().await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn many_that_count_at_once_lose_nothing_and_wait_in_no_circle() {
    for fixture in testing::both().await.unwrap() {
        let db = &fixture.db;
        filled(db, 1).await;
        let one = Delta::adding(Tally::of(PARTS));
        let tasks = (0..24_u32).map(|n| {
            let db = db.clone();
            tokio::spawn(async move {
                let traits = Traits { revision: "B".to_owned(), batch: format!("b{}", n % 3), ..Traits::default() };
                let of = |rollout| Moved {
                    rollout: RolloutId(uuid(rollout)),
                    cohort: 1,
                    traits: traits.clone(),
                    by: vec![(Measure::Failed, one), (Measure::Criterion(0), one)],
                };
                // In either order, and of one shard.
                let both = if n % 2 == 0 { [of(50), of(51)] } else { [of(51), of(50)] };
                let mut tx = db.begin().await.unwrap();
                evidence::add(&mut tx, 8, &both).await.unwrap();
                tx.commit().await.unwrap();
            })
        });
        for task in tasks {
            task.await.unwrap();
        }
        for rollout in [50, 51] {
            let rows = evidence::of(db, RolloutId(uuid(rollout))).await.unwrap();
            let all: Tally = rows
                .iter()
                .filter(|row| row.level == Level::ALL && row.measure == Measure::Failed)
                .map(|row| row.tally)
                .sum();
            assert_eq!(all, Tally::of_share(24, 24), "{}", fixture.name);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn of_a_series_so_many_points_are_kept_from_its_first_to_its_last() {
    for fixture in testing::both().await.unwrap() {
        let db = &fixture.db;
        filled(db, 1).await;
        let at = |n: usize| Point {
            cohort: 2,
            criterion: 0,
            at: NOW.plus(i64::try_from(n).unwrap()),
            n: n as u64,
            difference: -0.125,
            low: -0.5,
            high: 0.25,
        };
        let many = 2 * POINTS_MAX;
        let mut tx = db.begin().await.unwrap();
        for n in 0..many {
            point::put(&mut tx, RolloutId(uuid(50)), &at(n)).await.unwrap();
        }
        let other = Point { criterion: 1, ..at(7) };
        point::put(&mut tx, RolloutId(uuid(50)), &other).await.unwrap();
        tx.commit().await.unwrap();
        let points = point::of(db, RolloutId(uuid(50))).await.unwrap();
        let (first, rest): (Vec<Point>, Vec<Point>) = points.into_iter().partition(|point| point.criterion == 0);
        assert_eq!(rest, [other], "{}", fixture.name);
        assert!(first.len() <= POINTS_MAX && first.len() > POINTS_MAX / 3, "{}: {}", fixture.name, first.len());
        assert_eq!((first.first(), first.last()), (Some(&at(0)), Some(&at(many - 1))), "{}", fixture.name);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rollout_keeps_whom_it_goes_on_without_and_what_was_found_out() {
    for fixture in testing::both().await.unwrap() {
        let db = &fixture.db;
        filled(db, 1).await;
        let mut kept = store::rollout::by_code(db, "to-50").await.unwrap().unwrap();
        assert_eq!((kept.held_back.len(), kept.verdicts.len()), (0, 0), "{}", fixture.name);
        let level = Level::of(Factor::Revision, "B");
        kept.held_back =
            vec![HeldBack { cohort: Some(2), level, why: "It is slower.".to_owned(), at: NOW, devices: Vec::new() }];
        kept.verdicts = vec![Settled {
            cohort: 2,
            criterion: 0,
            level: Some(Level::of(Factor::Revision, "C")),
            found: Found::Worse,
            at: NOW,
            n: 412,
            difference: "1.5".parse::<Decimal>().ok(),
            low: "0.5".parse::<Decimal>().ok(),
            high: None,
            sentence: "B is slower.".to_owned(),
        }];
        let mut tx = db.begin().await.unwrap();
        assert!(store::rollout::put(&mut tx, &kept).await.unwrap());
        assert!(!store::rollout::put(&mut tx, &kept).await.unwrap(), "{}: by its version", fixture.name);
        tx.commit().await.unwrap();
        let read = store::rollout::by_code(db, "to-50").await.unwrap().unwrap();
        assert_eq!((&read.held_back, &read.verdicts), (&kept.held_back, &kept.verdicts), "{}", fixture.name);
    }
}
