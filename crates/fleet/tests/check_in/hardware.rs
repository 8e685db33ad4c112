//! What a device reports against what its manifest lists.

use crate::world::{World, but, honest, imei_of, mac, operator, part, worlds};
use domain::{
    authority::FindingKind as Kind,
    component::ComponentClass,
    device::Trust,
    history::Event,
    report::{Attributes, UpdateMode},
    suspicion::SignalKind,
    time::MINUTE,
};
use fleet::{Error, check_in::RulesForm};

async fn signals(world: &World, actor: &fleet::Actor) -> Vec<SignalKind> {
    let shown = world.shown(actor).await;
    shown.reasons.iter().flat_map(|shown| shown.reason.signals.iter().map(domain::suspicion::Signal::kind)).collect()
}

#[tokio::test]
async fn what_fits_is_told_once_and_counted_after() {
    for world in worlds().await {
        let device = world.made("A", 1).await;
        assert!(world.fleet.poll(&device).await.unwrap().wants_report);
        let mut said = honest(1);
        said.push(("sw.version", "1.2.0".into()));
        said.push(("metric.temperature", "41.5".into()));
        for _ in 0..3 {
            world.reports(&device, said.clone()).await;
            world.wait(MINUTE);
        }
        assert!(!world.fleet.poll(&device).await.unwrap().wants_report);
        assert_eq!(world.told(&device).await, ["update_verified", "hardware_reported"], "{}", world.name());
        let shown = world.shown(&device).await;
        assert_eq!((shown.n, shown.comparison.matched, shown.score), (3, Some(1), 0));
        assert_eq!(shown.reported.metrics.get("temperature"), Some(&41.5));
        assert!(shown.changed_at < shown.reported_at);
        assert_eq!(world.device(&device).await.firmware.as_deref(), Some("1.2.0"));
        assert!(world.open().await.is_empty());
        world.fleet.want_report(&operator(), device.name()).await.unwrap();
        assert!(world.fleet.poll(&device).await.unwrap().wants_report);
    }
}

#[tokio::test]
async fn another_part_is_one_finding_however_often_it_is_reported() {
    for world in worlds().await {
        let device = world.made("A", 1).await;
        world.reports(&device, honest(1)).await;
        for _ in 0..5 {
            world.reports(&device, but(1, "hw.lte0.imei", &imei_of("86194105", 999))).await;
        }
        let open = world.open().await;
        assert_eq!(open.len(), 1, "{}: {open:?}", world.name());
        assert_eq!((open[0].kind, open[0].n), (Kind::HardwareMismatch, 1));
        assert_eq!(open[0].device_serial.as_deref(), Some(device.name()));
        assert!(open[0].words.contains("86 194105 000999 5"), "{}", open[0].words);
        assert_eq!(world.told(&device).await, ["hardware_reported", "hardware_mismatch"]);
        assert_eq!(world.device(&device).await.trust, Trust::Suspect);
        // It was weak, and is as listed again: nothing is left to be looked into.
        world.reports(&device, honest(1)).await;
        assert!(world.open().await.is_empty(), "{}", world.name());
        assert_eq!(world.device(&device).await.trust, Trust::Trusted);
    }
}

#[tokio::test]
async fn what_was_strong_waits_for_a_person() {
    for world in worlds().await {
        let device = world.made("A", 1).await;
        world.reports(&device, but(1, "hw.board", "MB26B-999999")).await;
        world.reports(&device, honest(1)).await;
        let open = world.open().await;
        assert_eq!(open.len(), 1, "{}", world.name());
        assert!(world.shown(&device).await.reasons[0].reason.is_past);
        assert_eq!(world.device(&device).await.trust, Trust::Suspect);
        let settled = world.fleet.resolve_findings(&operator(), &[open[0].id], "the bench board").await.unwrap();
        assert_eq!((settled, world.open().await.len()), (1, 0));
        assert_eq!(world.device(&device).await.trust, Trust::Trusted);
        let again = world.fleet.resolve_findings(&operator(), &[open[0].id], "again").await;
        assert!(matches!(again, Err(Error::Conflict(_))));
        // Were it to come back, it is a finding again.
        world.reports(&device, but(1, "hw.board", "MB26B-999999")).await;
        assert_eq!(world.open().await[0].n, 2);
    }
}

#[tokio::test]
async fn a_part_is_missing_when_it_spoke_before() {
    for world in worlds().await {
        let device = world.made("A", 1).await;
        let mut without = honest(1);
        without.retain(|(key, _)| *key != "hw.board");
        world.reports(&device, without.clone()).await;
        assert!(world.open().await.is_empty(), "{}: what never spoke is not missing", world.name());
        world.reports(&device, honest(1)).await;
        world.reports(&device, without).await;
        assert_eq!(world.kinds().await, [Kind::HardwareMismatch], "{}", world.name());
        assert_eq!(signals(&world, &device).await, [SignalKind::PartMissing]);
    }
}

#[tokio::test]
async fn identifiers_that_cannot_be_are_named() {
    for world in worlds().await {
        let form = RulesForm {
            mapping: domain::report::USUAL_MAPPING.to_owned(),
            makers: "oui d8:80:39 = Acme\ntac 86194105 = EG25-G".to_owned(),
            note: "5".into(),
            ask: "30".into(),
            ..RulesForm::default()
        };
        world.fleet.change_model_rules(&crate::world::admin(), "GW-200", &form).await.unwrap();
        for (n, key, value, expected) in [
            (1, "hw.lte0.imei", "861941050337181".to_owned(), SignalKind::WrongCheckDigit),
            (2, "hw.lte0.imei", imei_of("35693803", 7), SignalKind::ForeignTac),
            (3, "hw.eth0.mac", "00:04:a3:00:00:03".to_owned(), SignalKind::ForeignOui),
            (4, "hw.eth0.mac", "02:04:a3:00:00:03".to_owned(), SignalKind::LocalMac),
            (5, "hw.eth1.mac", mac(9_999), SignalKind::PartBeyondManifest),
        ] {
            let device = world.made("A", n).await;
            world.reports(&device, but(n, key, &value)).await;
            let seen = signals(&world, &device).await;
            assert!(seen.contains(&expected), "{}: {value}: {seen:?}", world.name());
        }
        assert_eq!(world.kinds().await, [Kind::HardwareMismatch; 5], "{}: one finding a device", world.name());
    }
}

#[tokio::test]
async fn a_device_without_a_manifest_in_a_delivered_batch_is_beyond_it() {
    for world in worlds().await {
        let stranger = world.made_of("B", 1, Vec::new()).await;
        world.reports(&stranger, honest(1)).await;
        assert!(world.open().await.is_empty(), "{}: no manifest of its batch was delivered", world.name());
        world.made("A", 2).await;
        for n in [3, 4] {
            let beyond = world.made_of("A", n, Vec::new()).await;
            world.reports(&beyond, honest(n)).await;
        }
        let open = world.open().await;
        assert_eq!(open.len(), 1, "{}: {open:?}", world.name());
        assert_eq!((open[0].kind, open[0].n, open[0].batch.as_deref()), (Kind::BeyondBatch, 2, Some("A")));
    }
}

#[tokio::test]
async fn a_device_beyond_its_batch_is_not_put_right_by_a_manifest() {
    for world in worlds().await {
        world.made("A", 2).await;
        let beyond = world.made_of("A", 3, Vec::new()).await;
        world.reports(&beyond, honest(3)).await;
        manifest(&world, &beyond, 1, &crate::world::parts(3)).await;
        world.fleet.want_report(&operator(), beyond.name()).await.unwrap();
        world.reports(&beyond, honest(3)).await;
        assert_eq!(world.shown(&beyond).await.comparison.matched, Some(1), "{}", world.name());
        assert_eq!(world.kinds().await, [Kind::BeyondBatch], "{}: it stands", world.name());
        let shown = world.shown(&beyond).await;
        let past: Vec<bool> = shown.reasons.iter().map(|shown| shown.reason.is_past).collect();
        assert_eq!(past, [true], "{}: and speaks against it", world.name());
    }
}

#[tokio::test]
async fn a_repair_that_was_recorded_settles_what_was_found() {
    for world in worlds().await {
        let device = world.made("A", 1).await;
        let board = "MB26B-777777";
        world.reports(&device, but(1, "hw.board", board)).await;
        assert_eq!(world.kinds().await, [Kind::HardwareMismatch]);
        let document = repaired(&world, &device, board).await;
        assert_eq!(document, 2, "{}: the manifest's version", world.name());
        world.reports(&device, but(1, "hw.board", board)).await;
        assert!(world.open().await.is_empty(), "{}: {:?}", world.name(), world.open().await);
        assert_eq!(world.shown(&device).await.comparison.matched, Some(2));
        assert_eq!(world.device(&device).await.trust, Trust::Trusted);
        assert!(world.told(&device).await.contains(&"hardware_reported"));
    }
}

/// Another board is recorded in the tables that a repair writes. The version of the manifest then.
async fn repaired(world: &World, device: &fleet::Actor, board: &str) -> i64 {
    let before = world.device(device).await;
    let record = world.fleet.device_record(&operator(), device.name()).await.unwrap();
    let old = record.components.iter().find(|component| component.part.slot == "board").unwrap();
    let mut tx = world.fleet.db().begin().await.unwrap();
    store::component::remove(&mut tx, before.id, old.id, world.fleet.now(), 2).await.unwrap();
    tx.commit().await.unwrap();
    manifest(world, device, 2, &[part("board", ComponentClass::Board, board)]).await;
    2
}

/// A manifest is recorded that adds these parts.
async fn manifest(world: &World, device: &fleet::Actor, version: i64, parts: &[domain::component::Part]) {
    let before = world.device(device).await;
    let mut tx = world.fleet.db().begin().await.unwrap();
    let mut fitted = Vec::new();
    for part in parts {
        let part_id = store::component::part_id(&mut tx, part.class, &part.maker, &part.model).await.unwrap();
        fitted.push(store::component::NewComponent {
            device: before.id,
            id: domain::id::ComponentId(uuid::Uuid::now_v7()),
            part_id,
            part,
            fitted_at: world.fleet.now(),
            fitted_version: version,
        });
    }
    store::component::insert_many(&mut tx, &fitted).await.unwrap();
    let after = domain::device::Device { manifest_version: version, manifest_hash: "next".into(), ..before.clone() };
    let mut counts = store::count::Delta::default();
    store::device::update(&mut tx, &before, &after, &mut counts).await.unwrap();
    store::count::add(&mut tx, &counts).await.unwrap();
    tx.commit().await.unwrap();
}

#[tokio::test]
async fn a_flood_of_changing_reports_is_slowed_and_odd_ones_are_taken() {
    for world in worlds().await {
        let device = world.made("A", 1).await;
        let mut slowed = 0;
        for n in 0..40 {
            let said = Attributes::collect([("hw.board", format!("MB26B-9{n:05}"))]);
            match world.fleet.report(&device, said, UpdateMode::Merge).await {
                Ok(()) => {}
                Err(Error::TooMany { wait_micros }) => {
                    assert!(wait_micros > 0 && wait_micros <= MINUTE);
                    slowed += 1;
                }
                Err(error) => panic!("{}: {error}", world.name()),
            }
        }
        assert_eq!(slowed, 20, "{}", world.name());
        world.wait(2 * MINUTE);
        world.reports(&device, Vec::new()).await;
        let other = world.made("A", 2).await;
        world
            .reports(&other, vec![("", "x".into()), ("hw.cpu", "\u{0}".into()), ("hw.lte0.imei", "x".repeat(500))])
            .await;
        assert!(matches!(
            world.fleet.report(&operator(), Attributes::default(), UpdateMode::Merge).await,
            Err(Error::Forbidden { .. })
        ));
        let record = world.fleet.device_record(&operator(), device.name()).await.unwrap();
        let mismatches = record.history.iter().filter(|e| matches!(e.event, Event::HardwareMismatch { .. })).count();
        assert_eq!(mismatches, 6, "{}: of the rest only the last is kept", world.name());
    }
}
