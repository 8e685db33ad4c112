//! The device's own report closes a case, also where it says nothing new.

use crate::world::{World, admin, imei, request, support, worlds};
use domain::{
    device::Trust,
    repair::RepairState,
    report::{Attributes, USUAL_MAPPING, UpdateMode},
};
use fleet::{Actor, Origin, check_in::RulesForm};

async fn reports(world: &World, board: &str) {
    reports_as(world, 1, board).await;
}

/// The same of device `n`.
async fn reports_as(world: &World, n: u64, board: &str) {
    let serial = format!("GW-{n}");
    let id = world.fleet.device(&support(), &serial).await.unwrap().id;
    let device = Actor::Device { id, serial, origin: Origin::default() };
    let said =
        [("hw.board", board.to_owned()), ("hw.lte0.imei", imei(n)), ("hw.eth0.mac", format!("d8:80:39:00:00:{n:02x}"))];
    world.fleet.report(&device, Attributes::collect(said), UpdateMode::Merge).await.unwrap();
}

#[tokio::test]
async fn the_same_report_closes_a_repair_without_parts() {
    for world in worlds().await {
        reports(&world, "MB-1").await;
        let code = world.open("GW-1").await;
        world.authorise(&code).await;
        assert_eq!(world.repair(&code).await.case.state, RepairState::Verifying, "{}", world.name());
        reports(&world, "MB-1").await;
        assert_eq!(world.repair(&code).await.case.state, RepairState::Closed, "{}", world.name());
    }
}

#[tokio::test]
async fn what_was_reported_before_enrolling_closes_the_case_after_it() {
    for world in worlds().await {
        world.enrolled("GW-1").await;
        let code = world.open("GW-1").await;
        world.draft(&code, "board", "MB-900").await;
        world.authorise_through(&code).await;
        let made = world.fleet.make_voucher(&support(), &code, 2).await.unwrap();
        reports(&world, "MB-900").await;
        assert_eq!(world.repair(&code).await.case.state, RepairState::ReEnrolling, "{}", world.name());
        world.fleet.enrol_by_voucher("192.0.2.7", &made.voucher, "A", &request("GW-1")).await.unwrap().unwrap();
        assert_eq!(world.repair(&code).await.case.state, RepairState::Verifying, "{}", world.name());
        reports(&world, "MB-900").await;
        assert_eq!(world.repair(&code).await.case.state, RepairState::Closed, "{}", world.name());
    }
}

#[tokio::test]
async fn a_repair_ends_the_quarantine_that_a_rule_began() {
    for world in worlds().await {
        let rules = RulesForm {
            mapping: USUAL_MAPPING.to_owned(),
            ask: "30".into(),
            hold: "55".into(),
            ..RulesForm::default()
        };
        world.fleet.change_model_rules(&admin(), "GW-200", &rules).await.unwrap();
        let trust = async || world.fleet.device(&support(), "GW-2").await.unwrap().trust;
        let token = world.fleet.set_device_token(&admin(), "GW-2").await.unwrap();
        let is_held = async || world.fleet.token_holder(&token, "192.0.2.7").await.unwrap().unwrap().is_held;
        reports_as(&world, 2, "MB-2").await;
        assert!(!is_held().await, "{}", world.name());
        // It has a secure element, so that another board is no other key.
        reports_as(&world, 2, "MB-900").await;
        assert_eq!((trust().await, is_held().await), (Trust::Quarantined, true), "{}", world.name());
        let code = world.open("GW-2").await;
        world.draft(&code, "board", "MB-900").await;
        assert_eq!(world.authorise_through(&code).await, RepairState::Verifying, "{}", world.name());
        assert!(is_held().await, "{}: what is recorded is not what is there", world.name());
        reports_as(&world, 2, "MB-900").await;
        assert_eq!(world.repair(&code).await.case.state, RepairState::Closed, "{}", world.name());
        assert_eq!((trust().await, is_held().await), (Trust::Trusted, false), "{}", world.name());
    }
}

#[tokio::test]
async fn a_repair_of_something_else_lifts_no_hold() {
    for world in worlds().await {
        let rules = RulesForm {
            mapping: USUAL_MAPPING.to_owned(),
            ask: "30".into(),
            hold: "55".into(),
            ..RulesForm::default()
        };
        world.fleet.change_model_rules(&admin(), "GW-200", &rules).await.unwrap();
        let device = async || world.fleet.device(&support(), "GW-2").await.unwrap();
        reports_as(&world, 2, "MB-2").await;
        reports_as(&world, 2, "MB-900").await;
        assert_eq!(device().await.trust, Trust::Quarantined, "{}", world.name());
        let id = device().await.id;
        let says = async |modem: u64| {
            let device = Actor::Device { id, serial: "GW-2".into(), origin: Origin::default() };
            let said = [("hw.board", "MB-2".to_owned()), ("hw.lte0.imei", imei(modem))];
            world.fleet.report(&device, Attributes::collect(said), UpdateMode::Merge).await.unwrap();
        };
        // The board is right again, and another modem is there: of that alone the bench knows.
        says(99).await;
        let code = world.open("GW-2").await;
        world.draft(&code, "lte0", &imei(99)).await;
        assert_eq!(world.authorise(&code).await, fleet::repair::Authorised::Done(RepairState::Verifying));
        says(99).await;
        assert_eq!(world.repair(&code).await.case.state, RepairState::Closed, "{}", world.name());
        assert_eq!(device().await.trust, Trust::Quarantined, "{}: nobody answered for the board", world.name());
        let open = world.fleet.findings(&admin(), true).await.unwrap();
        assert_eq!(open.len(), 1, "{}: {open:?}", world.name());
        assert!(open[0].words.contains("MB-900"), "{}: {}", world.name(), open[0].words);
        // Another light thing by the new manifest is a finding of its own, and goes by itself.
        says(98).await;
        says(99).await;
        let open = world.fleet.findings(&admin(), true).await.unwrap();
        assert!(open.len() == 1 && open[0].words.contains("MB-900"), "{}: {open:?}", world.name());
        assert_eq!(device().await.trust, Trust::Quarantined, "{}", world.name());
        world.fleet.resolve_finding(&admin(), open[0].id, "the board was looked at").await.unwrap();
        assert_eq!(device().await.trust, Trust::Trusted, "{}", world.name());
    }
}
