//! Vouchers: once, for a time, for one device.

use crate::world::{World, admin, conflict, manager, request, request_of, support, worlds};
use domain::{
    certificate::{CertificateStatus, RevocationReason},
    device::Trust,
    repair::RepairState,
    revocation::RevocationAct,
    time::HOUR,
};
use fleet::{
    repair::{Authorised, NewVoucher},
    revocation::{RevokeForm, Selection},
};
use pki::{KeyAlgorithm, SoftwareKey};

/// A device whose board was exchanged, with a voucher.
async fn voucher(world: &World, serial: &str, board: &str) -> (String, NewVoucher) {
    let code = world.open(serial).await;
    world.draft(&code, "board", board).await;
    assert_eq!(world.authorise_through(&code).await, RepairState::Authorised);
    let made = world.fleet.make_voucher(&support(), &code, 2).await.unwrap();
    assert_eq!(world.repair(&code).await.case.state, RepairState::ReEnrolling);
    (code, made)
}

#[tokio::test]
async fn a_voucher_brings_one_certificate_and_supersedes_the_one_before() {
    for world in worlds().await {
        let old = world.enrolled("GW-1").await;
        let (code, made) = voucher(&world, "GW-1", "MB-900").await;
        assert_eq!((made.batch.as_str(), made.serial.as_str()), ("A", "GW-1"));
        let key = SoftwareKey::generate(KeyAlgorithm::EcdsaP256).unwrap();
        let asked = request_of(&key, "GW-1");
        let use_it =
            async |request: &pki::Request| world.fleet.enrol_by_voucher("192.0.2.7", &made.voucher, "A", request).await;
        let first = use_it(&asked).await.unwrap().unwrap();
        assert_eq!(first.certificate.common_name(), "GW-1");
        assert_eq!(world.repair(&code).await.case.state, RepairState::Verifying);
        let kept = store::certificate::of_device(world.fleet.db(), "GW-1").await.unwrap();
        let status = |serial: &str| kept.iter().find(|kept| kept.serial == serial).unwrap().status;
        assert_eq!(status(&old.certificate.serial_hex()), CertificateStatus::Superseded);
        assert_eq!(status(&first.certificate.serial_hex()), CertificateStatus::Valid);
        // An answer that got lost is given again; another key gets nothing.
        let again = use_it(&asked).await.unwrap().unwrap();
        assert_eq!(again.certificate.serial_hex(), first.certificate.serial_hex());
        conflict(use_it(&request("GW-1")).await, "was used");
        let device = world.fleet.device(&support(), "GW-1").await.unwrap();
        assert_eq!(device.certificate_serial, Some(first.certificate.serial_hex()));
    }
}

#[tokio::test]
async fn a_voucher_is_for_one_device_one_batch_and_some_hours() {
    for world in worlds().await {
        let (code, made) = voucher(&world, "GW-1", "MB-900").await;
        let asked = async |voucher: &str, batch: &str, serial: &str| {
            world.fleet.enrol_by_voucher("192.0.2.7", voucher, batch, &request(serial)).await
        };
        conflict(asked(&made.voucher, "A", "GW-3").await, "GW-3");
        assert!(asked(&made.voucher, "B", "GW-1").await.is_err());
        assert!(asked("musterv_none", "A", "GW-1").await.unwrap().is_none());
        assert!(store::certificate::of_device(world.fleet.db(), "GW-1").await.unwrap().is_empty());
        // The next one voids the one before.
        let next = world.fleet.make_voucher(&support(), &code, 1).await.unwrap();
        conflict(asked(&made.voucher, "A", "GW-1").await, "took the place");
        world.wait(HOUR + 1);
        conflict(asked(&next.voucher, "A", "GW-1").await, "ended");
        for hours in [-1, 169, i64::MAX] {
            assert!(world.fleet.make_voucher(&support(), &code, hours).await.is_err(), "{hours}");
        }
        let last = world.fleet.make_voucher(&support(), &code, 0).await.unwrap();
        assert!(asked(&last.voucher, "A", "GW-1").await.unwrap().is_some());
        assert!(store::certificate::of_device(world.fleet.db(), "GW-3").await.unwrap().is_empty());
    }
}

#[tokio::test]
async fn of_two_who_use_it_at_once_one_gets_a_certificate() {
    for world in worlds().await {
        let (_, made) = voucher(&world, "GW-1", "MB-900").await;
        let (one, two) = (request("GW-1"), request("GW-1"));
        let ask = |request| world.fleet.enrol_by_voucher("192.0.2.7", &made.voucher, "A", request);
        let (one, two) = tokio::join!(ask(&one), ask(&two));
        assert_eq!(usize::from(one.is_ok()) + usize::from(two.is_ok()), 1, "{}", world.name());
        assert_eq!(store::certificate::of_device(world.fleet.db(), "GW-1").await.unwrap().len(), 1);
    }
}

#[tokio::test]
async fn a_key_that_was_lost_gets_nothing_any_more_and_a_hold_stops_a_voucher() {
    for world in worlds().await {
        let key = SoftwareKey::generate(KeyAlgorithm::EcdsaP256).unwrap();
        world.fleet.enrol(&admin(), "A", &request_of(&key, "GW-1"), "GW-1").await.unwrap();
        let code = world.open("GW-1").await;
        world.draft_fate(&code, "board", "MB-907", "missing").await;
        world.authorise_through(&code).await;
        let made = world.fleet.make_voucher(&support(), &code, 0).await.unwrap();
        let with =
            async |request: &pki::Request| world.fleet.enrol_by_voucher("192.0.2.7", &made.voucher, "A", request).await;
        conflict(with(&request_of(&key, "GW-1")).await, "compromised");
        assert!(with(&request("GW-1")).await.unwrap().is_some());
        world.fleet.follow_acts().await.unwrap();
        let trust = world.fleet.device(&support(), "GW-1").await.unwrap().trust;
        assert_eq!(trust, Trust::Trusted, "{}", world.name());

        world.enrolled("GW-3").await;
        let (_, made) = voucher(&world, "GW-3", "MB-908").await;
        world.fleet.deny_difference(&support(), "GW-3", "who did this?", true).await.unwrap();
        let refused = world.fleet.enrol_by_voucher("192.0.2.7", &made.voucher, "A", &request("GW-3")).await;
        conflict(refused, "on hold");
    }
}

#[tokio::test]
async fn closing_without_a_new_certificate_leaves_none_for_the_old_key() {
    for world in worlds().await {
        let old = world.enrolled("GW-1").await;
        let (code, made) = voucher(&world, "GW-1", "MB-909").await;
        world.fleet.close_repair(&manager(), &code, "goes to the archive").await.unwrap();
        let kept = store::certificate::of_device(world.fleet.db(), "GW-1").await.unwrap();
        assert_eq!(kept[0].serial, old.certificate.serial_hex());
        assert_eq!(kept[0].status, CertificateStatus::Superseded, "{}", world.name());
        let refused = world.fleet.enrol_by_voucher("192.0.2.7", &made.voucher, "A", &request("GW-1")).await;
        conflict(refused, "its repair is over");
    }
}

#[tokio::test]
async fn closing_leaves_the_certificate_that_an_operator_brought_for_the_new_key() {
    for world in worlds().await {
        let old = world.enrolled("GW-1").await;
        let code = world.open("GW-1").await;
        world.draft_fate(&code, "board", "MB-911", "missing").await;
        assert_eq!(world.authorise_through(&code).await, RepairState::Authorised);
        let new = world.enrolled("GW-1").await;
        world.fleet.close_repair(&manager(), &code, "enrolled at the bench").await.unwrap();
        let kept = store::certificate::of_device(world.fleet.db(), "GW-1").await.unwrap();
        let status = |serial: &str| kept.iter().find(|kept| kept.serial == serial).unwrap().status;
        assert_eq!(status(&new.certificate.serial_hex()), CertificateStatus::Valid, "{}", world.name());
        assert_eq!(status(&old.certificate.serial_hex()), CertificateStatus::Revoked);
    }
}

#[tokio::test]
async fn no_voucher_where_no_key_changes() {
    for world in worlds().await {
        let code = world.open("GW-1").await;
        conflict(world.fleet.make_voucher(&support(), &code, 0).await, "on the bench");
        world.authorise(&code).await;
        conflict(world.fleet.make_voucher(&support(), &code, 0).await, "changes no key");
    }
}

#[tokio::test]
async fn wrong_vouchers_are_counted_for_an_address_and_right_ones_never() {
    for world in worlds().await {
        let (_, made) = voucher(&world, "GW-1", "MB-900").await;
        let knows = async |voucher: &str, address: &str| world.fleet.knows_voucher(voucher, address).await;
        let wrong = format!("musterv_{}", "x".repeat(43));
        for n in 0..20 {
            let tried = if n % 2 == 0 { wrong.as_str() } else { "musterv_" };
            assert!(!knows(tried, "192.0.2.7").await.unwrap(), "{}: {n}", world.name());
        }
        for tried in [wrong.as_str(), "musterv_"] {
            let refused = knows(tried, "192.0.2.7").await;
            assert!(matches!(refused, Err(fleet::Error::TooMany { .. })), "{}: {refused:?}", world.name());
        }
        assert!(knows(&made.voucher, "192.0.2.7").await.unwrap(), "{}", world.name());
        assert!(!knows(&wrong, "198.51.100.9").await.unwrap(), "{}: nobody else is kept out", world.name());
    }
}

async fn revoked(world: &World, serial: &str, reason: RevocationReason) {
    let selection = Selection::Device(serial.to_owned());
    let shown = world.fleet.preview(&admin(), &selection, RevocationAct::Revoke).await.unwrap();
    let form = RevokeForm {
        selection,
        act: RevocationAct::Revoke,
        reason,
        note: "reported stolen by its holder".into(),
        confirmation: shown.confirm_word,
        preview_hash: shown.hash,
    };
    world.fleet.revoke(&admin(), &form).await.unwrap();
    world.fleet.follow_acts().await.unwrap();
}

#[tokio::test]
async fn what_was_revoked_for_good_comes_back_by_a_repair_and_by_nobody_alone() {
    for world in worlds().await {
        for (serial, reason) in
            [("GW-1", RevocationReason::KeyCompromise), ("GW-3", RevocationReason::CessationOfOperation)]
        {
            world.enrolled(serial).await;
            revoked(&world, serial, reason).await;
            let trust = async || world.fleet.device(&support(), serial).await.unwrap().trust;
            assert_eq!(trust().await, Trust::Revoked, "{}", world.name());
            conflict(world.fleet.kit(&admin(), serial).await, "Open a repair");
            conflict(world.fleet.enrol(&admin(), "A", &request(serial), serial).await, "second person");
            let outcome = world.fleet.enrol_many(&admin(), "A", vec![item(serial)]).await.unwrap().remove(0);
            assert!(outcome.outcome.unwrap_err().contains("revoked for good"), "{}", world.name());
            assert_eq!(trust().await, Trust::Revoked, "{}: nothing came of it", world.name());
            // Its parts are what they were: it is the same device, and needs another key all the same.
            let code = world.open(serial).await;
            let plan = world.repair(&code).await.plan;
            assert!(plan.takes_two() && plan.key_changes, "{}: {plan:?}", world.name());
            conflict(world.fleet.kit(&admin(), serial).await, "Open a repair");
            let Authorised::Waiting(approval) = world.authorise(&code).await else { panic!("{}", world.name()) };
            conflict(world.fleet.kit(&admin(), serial).await, "Open a repair");
            world.decide(&manager(), approval, true).await.unwrap();
            let made = world.fleet.make_voucher(&support(), &code, 2).await.unwrap();
            let enrolled = world.fleet.enrol_by_voucher("192.0.2.7", &made.voucher, "A", &request(serial)).await;
            assert_eq!(enrolled.unwrap().unwrap().certificate.common_name(), serial);
            assert_eq!(trust().await, Trust::Trusted, "{}", world.name());
        }
    }
}

fn item(serial: &str) -> fleet::enrol::EnrolItem {
    let key = SoftwareKey::generate(KeyAlgorithm::EcdsaP256).unwrap();
    let der = pki::certificate_request(&pki::Name::common(serial), &key).unwrap();
    fleet::enrol::EnrolItem { serial: serial.to_owned(), csr: pki::request_pem(&der), ..Default::default() }
}
