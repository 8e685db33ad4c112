//! The device's own report closes a case, also where it says nothing new.

use crate::world::{World, imei, request, support, worlds};
use domain::{
    repair::RepairState,
    report::{Attributes, UpdateMode},
};
use fleet::{Actor, Origin};

async fn reports(world: &World, board: &str) {
    let id = world.fleet.device(&support(), "GW-1").await.unwrap().id;
    let device = Actor::Device { id, serial: "GW-1".into(), origin: Origin::default() };
    let said =
        [("hw.board", board.to_owned()), ("hw.lte0.imei", imei(1)), ("hw.eth0.mac", "d8:80:39:00:00:01".to_owned())];
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
