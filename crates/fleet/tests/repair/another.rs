//! Another voucher for a repair of which one was used: asked for by one person, approved by another, for exactly that.

use crate::world::{World, conflict, manager, request, request_of, support, user, worlds};
use domain::{
    approval::{ApprovalKind, ApprovalState},
    id::ApprovalId,
    person::Role,
    repair::{RepairState, VOUCHER_TIME_MAX},
    time::HOUR,
};
use fleet::{
    Actor, Error, Origin,
    release::ShelfPlace,
    repair::{NewVoucher, VoucherRequest},
};
use pki::{KeyAlgorithm, SoftwareKey};

/// A repair whose device has its certificate: the first voucher is used.
async fn used(world: &World, serial: &str, board: &str) -> String {
    let code = world.open(serial).await;
    world.draft(&code, "board", board).await;
    assert_eq!(world.authorise_through(&code).await, RepairState::Authorised);
    let made = world.fleet.make_voucher(&support(), &code, 2).await.unwrap();
    spend(world, &made, serial).await.unwrap();
    code
}

async fn spend(world: &World, made: &NewVoucher, serial: &str) -> Result<String, Error> {
    let enrolled = world.fleet.enrol_by_voucher("192.0.2.7", &made.voucher, "A", &request(serial)).await?;
    Ok(enrolled.unwrap().certificate.serial_hex())
}

async fn ask(world: &World, who: &Actor, code: &str) -> Result<ApprovalId, Error> {
    let request = VoucherRequest { hours: 3, reason: "the board's key was lost in a reset".into() };
    world.fleet.request_voucher(who, code, &request).await
}

#[tokio::test]
async fn it_takes_another_person_and_brings_one_certificate() {
    for world in worlds().await {
        let name = world.name();
        let code = used(&world, "GW-1", "MB-910").await;
        for who in [support(), user(9, "ola", Role::Operator), user(8, "adi", Role::Admin)] {
            conflict(world.fleet.make_voucher(&who, &code, 1).await, "takes a second person");
        }
        let wrong = VoucherRequest { hours: 1, reason: " ".into() };
        assert!(matches!(world.fleet.request_voucher(&support(), &code, &wrong).await, Err(Error::Invalid { .. })));
        let wrong = VoucherRequest { hours: 169, reason: "x".into() };
        assert!(matches!(world.fleet.request_voucher(&support(), &code, &wrong).await, Err(Error::Invalid { .. })));
        let approval = ask(&world, &support(), &code).await.unwrap();
        conflict(ask(&world, &support(), &code).await, "asked for already");
        conflict(world.fleet.make_voucher(&support(), &code, 1).await, "waits for a second person");
        let shown = world.fleet.approval(&manager(), approval).await.unwrap();
        assert_eq!((shown.row.kind, shown.own), (ApprovalKind::Voucher, false));
        for (key, value) in [("repair", code.as_str()), ("device", "GW-1")] {
            assert_eq!(shown.detail[key], value, "{name}");
        }
        assert!(shown.detail["manifest"].as_str().unwrap().starts_with("version 2 ("), "{}", shown.detail);
        assert_eq!(shown.detail["key_before"], world.repair(&code).await.used_voucher.unwrap().used_key);
        world.decide(&manager(), approval, true).await.unwrap();
        let made = world.fleet.make_voucher(&support(), &code, 168).await.unwrap();
        assert_eq!(made.expires_at.0 / HOUR, world.fleet.now().plus(3 * HOUR).0 / HOUR, "{name}: as was approved");
        // One that was lost is made again: it is one certificate nonetheless.
        let again = world.fleet.make_voucher(&support(), &code, 0).await.unwrap();
        conflict(spend(&world, &made, "GW-1").await, "took the place");
        let serial = spend(&world, &again, "GW-1").await.unwrap();
        let device = world.fleet.device(&support(), "GW-1").await.unwrap();
        assert_eq!(device.certificate_serial, Some(serial), "{name}");
        assert_eq!(world.repair(&code).await.another_voucher, None, "{name}: that was for the voucher before");
        conflict(world.fleet.make_voucher(&support(), &code, 0).await, "takes a second person");
        let next = ask(&world, &support(), &code).await.unwrap();
        world.decide(&manager(), next, true).await.unwrap();
        world.fleet.make_voucher(&support(), &code, 0).await.unwrap();
        world.fleet.audit_verify(&crate::world::RULE).await.unwrap();
    }
}

#[tokio::test]
async fn every_role_asks_decides_and_makes_as_it_may() {
    for world in worlds().await {
        let code = used(&world, "GW-1", "MB-911").await;
        for (n, role) in Role::ALL.iter().enumerate() {
            let who = user(200 + n as u128, role.as_str(), *role);
            let may_ask = matches!(role, Role::Operator | Role::Support | Role::Admin);
            let asked = ask(&world, &who, &code).await;
            assert_eq!(matches!(asked, Err(Error::Forbidden { .. })), !may_ask, "{role} asks: {asked:?}");
            let approval = match asked {
                Ok(approval) => approval,
                Err(_) => ask(&world, &support(), &code).await.unwrap(),
            };
            for (m, other) in Role::ALL.iter().enumerate().filter(|(_, other)| **other != Role::Manager) {
                let decider = user(300 + m as u128, other.as_str(), *other);
                let refused = world.decide(&decider, approval, true).await;
                assert!(matches!(refused, Err(Error::Forbidden { .. })), "{other} decides: {refused:?}");
            }
            assert!(world.decide(&Actor::Nobody { origin: Origin::default() }, approval, true).await.is_err());
            world.decide(&manager(), approval, false).await.unwrap();
            let stands = world.repair(&code).await.another_voucher.unwrap();
            assert_eq!((stands.approval.state, stands.permits), (ApprovalState::Rejected, false));
            conflict(world.fleet.make_voucher(&support(), &code, 0).await, "takes a second person");
        }
    }
}

#[tokio::test]
async fn whoever_asks_is_never_the_one_who_approves() {
    for world in worlds().await {
        let code = used(&world, "GW-1", "MB-912").await;
        // Somebody who became a manager since.
        let approval = ask(&world, &user(50, "mia", Role::Support), &code).await.unwrap();
        conflict(world.decide(&user(50, "mia", Role::Manager), approval, true).await, "Somebody else has to decide");
        world.decide(&manager(), approval, true).await.unwrap();
        assert!(world.repair(&code).await.another_voucher.unwrap().permits, "{}", world.name());
    }
}

#[tokio::test]
async fn it_is_for_this_manifest_this_key_and_a_week() {
    for world in worlds().await {
        let code = used(&world, "GW-1", "MB-913").await;
        conflict(ask(&world, &support(), "R-2611-9999").await, "no repair");
        // Too long ago.
        let approval = ask(&world, &support(), &code).await.unwrap();
        world.decide(&manager(), approval, true).await.unwrap();
        world.wait(VOUCHER_TIME_MAX + HOUR);
        assert!(!world.repair(&code).await.another_voucher.unwrap().permits);
        conflict(world.fleet.make_voucher(&support(), &code, 0).await, "takes a second person");
        // Another manifest than was shown: the request is void, whoever decides it.
        let approval = ask(&world, &support(), &code).await.unwrap();
        next_manifest(&world, "GW-1").await;
        conflict(world.decide(&manager(), approval, true).await, "has changed since");
        let row = world.fleet.approval(&manager(), approval).await.unwrap().row;
        assert_eq!(row.state, ApprovalState::Void, "{}", world.name());
        // Approved, and then another manifest.
        let approval = ask(&world, &support(), &code).await.unwrap();
        world.decide(&manager(), approval, true).await.unwrap();
        next_manifest(&world, "GW-1").await;
        conflict(world.fleet.make_voucher(&support(), &code, 0).await, "takes a second person");
        // A repair that is over.
        let approval = ask(&world, &support(), &code).await.unwrap();
        world.fleet.close_repair(&manager(), &code, "goes to the archive").await.unwrap();
        conflict(world.decide(&manager(), approval, true).await, "has changed since");
        conflict(ask(&world, &support(), &code).await, "is closed");
    }
}

/// What a device is made of becomes another, by somebody else's deed.
async fn next_manifest(world: &World, serial: &str) {
    let device = store::device::by_serial(world.fleet.db(), serial).await.unwrap().unwrap();
    let mut tx = world.fleet.db().begin().await.unwrap();
    let after = domain::device::Device { manifest_version: device.manifest_version + 1, ..device.clone() };
    let mut counts = store::count::Delta::default();
    store::device::update(&mut tx, &device, &after, &mut counts).await.unwrap();
    tx.commit().await.unwrap();
}

#[tokio::test]
async fn a_request_that_nobody_can_approve_any_more_is_in_nobodys_way() {
    for world in worlds().await {
        let name = world.name();
        let code = used(&world, "GW-1", "MB-915").await;
        let before = ask(&world, &support(), &code).await.unwrap();
        conflict(ask(&world, &support(), &code).await, "asked for already");
        next_manifest(&world, "GW-1").await;
        conflict(world.fleet.make_voucher(&support(), &code, 0).await, "ask for it");
        assert_eq!(world.repair(&code).await.another_voucher, None, "{name}: it can be asked for");
        let now = ask(&world, &support(), &code).await.unwrap();
        let row = world.fleet.approval(&manager(), before).await.unwrap().row;
        assert_eq!(row.state, ApprovalState::Void, "{name}");
        assert!(row.reason.contains("has changed since"), "{name}: {}", row.reason);
        conflict(world.decide(&manager(), before, true).await, "decided already");
        conflict(ask(&world, &support(), &code).await, "asked for already");
        world.decide(&manager(), now, true).await.unwrap();
        world.fleet.make_voucher(&support(), &code, 0).await.unwrap();
        world.fleet.audit_verify(&crate::world::RULE).await.unwrap();
    }
}

#[tokio::test]
async fn one_that_is_never_used_leaves_the_report_awaited_and_the_certificate_good() {
    for world in worlds().await {
        let code = world.open("GW-1").await;
        world.draft(&code, "board", "MB-914").await;
        world.authorise_through(&code).await;
        conflict(ask(&world, &support(), &code).await, "nobody has to approve it");
        let made = world.fleet.make_voucher(&support(), &code, 2).await.unwrap();
        let key = SoftwareKey::generate(KeyAlgorithm::EcdsaP256).unwrap();
        let asked = request_of(&key, "GW-1");
        let first = world.fleet.enrol_by_voucher("192.0.2.7", &made.voucher, "A", &asked).await.unwrap().unwrap();
        let approval = ask(&world, &support(), &code).await.unwrap();
        world.decide(&manager(), approval, true).await.unwrap();
        world.fleet.make_voucher(&support(), &code, 0).await.unwrap();
        world.wait(4 * HOUR);
        let detail = world.repair(&code).await;
        assert_eq!(detail.case.state, RepairState::Verifying, "{}: the other one was never used", world.name());
        let kept = store::certificate::of_device(world.fleet.db(), "GW-1").await.unwrap();
        assert_eq!(kept[0].serial, first.certificate.serial_hex());
        assert_eq!(detail.used_voucher.unwrap().used_key, kept[0].public_key_sha256);
        let id = detail.device.id;
        let device = Actor::Device { id, serial: "GW-1".into(), origin: Origin::default() };
        assert!(world.fleet.hear_repaired(&device, |_, _| true).await.unwrap(), "{}", world.name());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restore_brings_no_voucher_without_a_second_person() {
    const COMMAND: Actor = Actor::Rule { name: "command line" };
    for mut world in worlds().await {
        let name = world.name();
        // One voucher was made and not used; of another repair the next one was approved, and not made.
        let made = world.open("GW-3").await;
        world.draft(&made, "board", "MB-930").await;
        assert_eq!(world.authorise_through(&made).await, RepairState::Authorised);
        let voucher = world.fleet.make_voucher(&support(), &made, 2).await.unwrap();
        let again = used(&world, "GW-1", "MB-910").await;
        let approved = ask(&world, &support(), &again).await.unwrap();
        world.decide(&manager(), approved, true).await.unwrap();
        let folder = world.fixture.folder.path().to_owned();
        let file = folder.join("backup.muster");
        fleet::backup::backup(&world.fleet, &COMMAND, &file).await.unwrap();
        // Since then both were used, which the backup does not know.
        spend(&world, &voucher, "GW-3").await.unwrap();
        let since = world.fleet.make_voucher(&support(), &again, 0).await.unwrap();
        spend(&world, &since, "GW-1").await.unwrap();
        world.fleet.db().close().await;
        match world.fixture.url.as_deref() {
            Some(url) => drop(
                fleet::backup::restore_postgres(&COMMAND, url, &folder, &ShelfPlace::Folder, &file, true)
                    .await
                    .unwrap(),
            ),
            None => {
                drop(fleet::backup::restore_sqlite(&COMMAND, &folder, &ShelfPlace::Folder, &file, true).await.unwrap());
            }
        }
        world.restart().await;
        conflict(spend(&world, &voucher, "GW-3").await, "restored from a backup");
        conflict(world.fleet.make_voucher(&support(), &made, 0).await, "A restore of the console ended a voucher");
        conflict(world.fleet.make_voucher(&support(), &again, 0).await, "takes a second person");
        let shown = world.fleet.approval(&manager(), approved).await.unwrap();
        assert_eq!(shown.row.state, ApprovalState::Void, "{name}");
        for (code, serial) in [(&made, "GW-3"), (&again, "GW-1")] {
            let approval = ask(&world, &support(), code).await.unwrap();
            world.decide(&manager(), approval, true).await.unwrap();
            let next = world.fleet.make_voucher(&support(), code, 0).await.unwrap();
            spend(&world, &next, serial).await.unwrap();
        }
    }
}
