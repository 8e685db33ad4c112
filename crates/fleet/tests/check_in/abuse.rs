//! What devices do to others, to our tables and to themselves.

use crate::world::{World, admin, but, honest, operator, user, worlds};
use domain::{
    authority::FindingKind as Kind,
    device::Trust,
    person::Role,
    report::{Attributes, UpdateMode},
    time::{HOUR, MINUTE, SECOND},
};
use fleet::{AuditFilter, Error, check_in::RulesForm};
use store::Db;

fn holding_from(score: &str) -> RulesForm {
    RulesForm {
        mapping: domain::report::USUAL_MAPPING.to_owned(),
        note: "10".into(),
        ask: "30".into(),
        hold: score.into(),
        ..RulesForm::default()
    }
}

async fn rows(world: &World, table: &str) -> i64 {
    let sql = sqlx::AssertSqlSafe(format!("SELECT COUNT(*) FROM {table}"));
    match world.fleet.db() {
        Db::Sqlite { read, .. } => sqlx::query_scalar(sql).fetch_one(read).await.unwrap(),
        Db::Postgres(pool) => sqlx::query_scalar(sql).fetch_one(pool).await.unwrap(),
    }
}

#[tokio::test]
async fn whoever_reports_anothers_number_gets_that_one_not_cut_off() {
    for world in worlds().await {
        // Nothing is held yet, so that the rogue stays where it is.
        world.fleet.change_model_rules(&admin(), "GW-200", &holding_from("")).await.unwrap();
        let (rogue, other) = (world.made("A", 1).await, world.made("A", 2).await);
        world.reports(&rogue, but(1, "hw.cpu", "4E1D000002")).await;
        world.fleet.change_model_rules(&admin(), "GW-200", &holding_from("50")).await.unwrap();
        world.reports(&other, honest(2)).await;
        assert_eq!(world.device(&other).await.trust, Trust::Suspect, "{}: asked about", world.name());
        world.reports(&rogue, but(1, "hw.cpu", "4E1D000002")).await;
        // What is cut off says nothing against others any more.
        let rogue_two = world.made("A", 3).await;
        world.reports(&rogue_two, but(3, "hw.cpu", "4E1D000004")).await;
        assert_eq!(world.device(&rogue_two).await.trust, Trust::Quarantined, "{}: not listed", world.name());
        let fourth = world.made("A", 4).await;
        world.reports(&fourth, honest(4)).await;
        assert_eq!(world.device(&fourth).await.trust, Trust::Trusted, "{}", world.name());
    }
}

#[tokio::test]
async fn a_device_without_a_certificate_finds_its_way_back() {
    for world in worlds().await {
        let (device, other) = (world.made("A", 1).await, world.made("A", 2).await);
        world.reports(&other, honest(2)).await;
        let mut said = but(1, "hw.cpu", "4E1D000002");
        said.retain(|(key, _)| *key != "hw.lte0.imei");
        said.push(("hw.lte0.imei", crate::world::imei(999)));
        world.reports(&device, said).await;
        assert_eq!(world.kinds().await, [Kind::HardwareMismatch, Kind::IdentifierCopied], "{}", world.name());
        assert_eq!(world.device(&device).await.trust, Trust::Quarantined, "{}", world.name());
        for kind in [Kind::HardwareMismatch, Kind::IdentifierCopied] {
            assert_eq!(world.device(&device).await.trust, Trust::Quarantined, "{}: before {kind}", world.name());
            let id = world.open().await.into_iter().find(|row| row.kind == kind).unwrap().id;
            world.fleet.resolve_finding(&operator(), id, "the test bench").await.unwrap();
        }
        assert_eq!(world.device(&device).await.trust, Trust::Trusted, "{}: the copy is settled", world.name());
    }
}

#[tokio::test]
async fn who_may_hold_releases_a_quarantine_and_it_is_audited() {
    for world in worlds().await {
        let device = world.made("A", 1).await;
        world.reports(&device, but(1, "hw.cpu", "4E1D000777")).await;
        assert_eq!(world.device(&device).await.trust, Trust::Quarantined);
        let release = async |who, why| world.fleet.release_quarantine(&who, device.name(), why).await;
        let refused = release(user(8, "kim", Role::Auditor), "seen").await;
        assert!(matches!(refused, Err(Error::Forbidden { .. })), "{}", world.name());
        assert!(matches!(release(operator(), " ").await, Err(Error::Invalid { .. })));
        release(operator(), "the bench").await.unwrap();
        assert_eq!(world.device(&device).await.trust, Trust::Trusted);
        let log = world.fleet.audit_log(&admin(), &AuditFilter::default(), 5).await.unwrap();
        assert_eq!(log[0].record.action, "device.release", "{}", world.name());
        assert!(matches!(release(operator(), "again").await, Err(Error::Conflict(_))));
        // The same again was decided on.
        world.fleet.want_report(&operator(), device.name()).await.unwrap();
        world.reports(&device, but(1, "hw.cpu", "4E1D000777")).await;
        assert_eq!(world.device(&device).await.trust, Trust::Trusted, "{}", world.name());
    }
}

#[tokio::test]
async fn a_firmware_that_words_a_number_otherwise_cuts_off_ten_of_a_model_and_no_more() {
    for world in worlds().await {
        let mut devices = Vec::new();
        for n in 1..=14 {
            let device = world.made("A", n).await;
            world.reports(&device, honest(n)).await;
            world.reports(&device, but(n, "hw.cpu", &format!("CPU4E1D{n:06}X"))).await;
            devices.push(device);
        }
        let mut cut_off = 0;
        for device in &devices {
            cut_off += usize::from(world.device(device).await.trust == Trust::Quarantined);
        }
        assert_eq!(cut_off, 10, "{}", world.name());
        let open = world.open().await;
        let of_model: Vec<_> = open.iter().filter(|row| row.words.contains("of one model")).collect();
        assert_eq!((of_model.len(), of_model[0].n), (1, 4), "{}: {open:?}", world.name());
        // An hour later it holds still, until somebody has looked.
        world.wait(2 * HOUR);
        let next = world.made("A", 20).await;
        world.reports(&next, honest(20)).await;
        world.reports(&next, but(20, "hw.cpu", "CPU4E1D000020X")).await;
        assert_eq!(world.device(&next).await.trust, Trust::Suspect, "{}", world.name());
        world.fleet.resolve_finding(&operator(), of_model[0].id, "a firmware").await.unwrap();
    }
}

#[tokio::test]
async fn changes_beyond_a_few_an_hour_are_kept_and_judged_later() {
    for world in worlds().await {
        let device = world.made("A", 1).await;
        for n in 0..9 {
            let mut said = honest(1);
            said.push(("sw.version", format!("1.{}", n % 2)));
            said.push(("hw.se", format!("SE-00{n}77")));
            world.reports(&device, said).await;
        }
        let told = world.told(&device).await;
        assert_eq!(told.iter().filter(|kind| **kind == "update_verified").count(), 5, "{}: {told:?}", world.name());
        assert_eq!(rows(&world, "reported_count").await, 5, "{}: nothing is left of what it said", world.name());
        let shown = world.shown(&device).await;
        assert_eq!(shown.attributes.get("hw.se"), Some("SE-00877"), "{}", world.name());
        assert!(shown.due_at.is_some() && !world.fleet.poll(&device).await.unwrap().wants_report);
        world.wait(HOUR);
        assert!(world.fleet.poll(&device).await.unwrap().wants_report, "{}", world.name());
        let mut said = honest(1);
        said.push(("sw.version", "1.0".into()));
        said.push(("hw.se", "SE-00877".into()));
        world.reports(&device, said).await;
        assert!(!world.fleet.poll(&device).await.unwrap().wants_report, "{}", world.name());
        assert!(world.shown(&device).await.due_at.is_none());
        let reason = &world.shown(&device).await.reasons[0].reason;
        assert!(format!("{:?}", reason.signals).contains("SE-00877"), "{}: {reason:?}", world.name());
    }
}

#[tokio::test]
async fn a_device_that_reports_all_of_another_is_one_finding() {
    for world in worlds().await {
        let (device, _) = (world.made("A", 1).await, world.made("A", 2).await);
        world.reports(&device, honest(2)).await;
        let open = world.open().await;
        assert_eq!(open.iter().map(|row| row.kind).collect::<Vec<_>>(), [Kind::IdentifierCopied], "{}", world.name());
        assert_eq!(open[0].device_serial.as_deref(), Some(device.name()), "{}", world.name());
    }
}

#[tokio::test]
async fn the_same_again_within_a_minute_writes_nothing_and_a_wish_is_not_lost() {
    for world in worlds().await {
        let device = world.made("A", 1).await;
        for _ in 0..3 {
            world.reports(&device, honest(1)).await;
        }
        assert_eq!(world.shown(&device).await.n, 1, "{}", world.name());
        world.wait(MINUTE);
        world.reports(&device, honest(1)).await;
        assert_eq!(world.shown(&device).await.n, 2, "{}", world.name());
        world.fleet.want_report(&operator(), device.name()).await.unwrap();
        // A report that was on its way when somebody asked.
        let mut tx = world.fleet.db().begin().await.unwrap();
        store::report::again(&mut tx, world.device(&device).await.id, world.fleet.now(), false).await.unwrap();
        tx.commit().await.unwrap();
        assert!(world.fleet.poll(&device).await.unwrap().wants_report, "{}", world.name());
        world.reports(&device, honest(1)).await;
        assert!(!world.fleet.poll(&device).await.unwrap().wants_report, "{}", world.name());
    }
}

#[tokio::test]
async fn what_is_no_report_is_not_asked_for_again() {
    for world in worlds().await {
        let device = world.made("A", 1).await;
        assert!(world.fleet.poll(&device).await.unwrap().wants_report);
        world.fleet.report_unreadable(&device).await.unwrap();
        assert!(!world.fleet.poll(&device).await.unwrap().wants_report, "{}", world.name());
        assert!(world.shown(&device).await.unread_at.is_some());
        world.wait(SECOND);
        world.reports(&device, honest(1)).await;
        assert!(world.shown(&device).await.unread_at.is_none(), "{}: it was read since", world.name());
        assert!(matches!(world.fleet.report_unreadable(&operator()).await, Err(Error::Forbidden { .. })));
        // Nor is whoever reports too much.
        world.fleet.want_report(&operator(), device.name()).await.unwrap();
        for n in 0..25 {
            let said = Attributes::collect([("metric.t", format!("{n}"))]);
            if world.fleet.report(&device, said, UpdateMode::Merge).await.is_err() {
                break;
            }
            world.fleet.want_report(&operator(), device.name()).await.unwrap();
        }
        assert!(!world.fleet.poll(&device).await.unwrap().wants_report, "{}", world.name());
    }
}
