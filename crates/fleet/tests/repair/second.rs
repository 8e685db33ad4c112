//! What takes a second person, and what becomes of parts that were taken out.

use crate::world::{admin, conflict, imei, manager, part, support, user, worlds};
use domain::{
    approval::ApprovalState,
    certificate::{CertificateStatus, RevocationReason},
    component::ComponentClass as Class,
    person::Role,
    repair::RepairState,
};
use fleet::repair::Authorised;

#[tokio::test]
async fn the_part_that_holds_the_key_takes_two_and_the_requester_is_not_the_other() {
    for world in worlds().await {
        let code = world.open("GW-1").await;
        world.draft(&code, "board", "MB-900").await;
        assert!(world.repair(&code).await.plan.takes_two());
        let Authorised::Waiting(approval) = world.authorise(&code).await else { panic!("{}", world.name()) };
        assert_eq!(world.repair(&code).await.case.state, RepairState::Authorising);
        assert_eq!(world.fleet.device(&support(), "GW-1").await.unwrap().manifest_version, 1, "nothing is written yet");
        assert!(world.decide(&support(), approval, true).await.is_err());
        let same = user(1, "sanne", Role::Manager);
        conflict(world.decide(&same, approval, true).await, "You requested this");
        conflict(world.fleet.decide(&manager(), approval, "0", true, "").await, "not what you were shown");
        world.decide(&manager(), approval, true).await.unwrap();
        let detail = world.repair(&code).await;
        assert_eq!((detail.case.state, detail.case.key_changes), (RepairState::Authorised, true));
        assert!(detail.case.authorised_by.contains("sanne") && detail.case.authorised_by.contains("max"));
        assert_eq!(detail.device.manifest_version, 2);
        world.agrees("GW-1").await;
        conflict(world.decide(&manager(), approval, true).await, "decided already");
    }
}

#[tokio::test]
async fn with_a_secure_element_the_board_does_not_take_two_and_the_element_does() {
    for world in worlds().await {
        let code = world.open("GW-2").await;
        world.draft(&code, "board", "MB-901").await;
        assert_eq!(world.authorise(&code).await, Authorised::Done(RepairState::Verifying));
        world.fleet.close_repair(&manager(), &code, "seen").await.unwrap();
        let code = world.open("GW-2").await;
        world.draft(&code, "se0", "SE-902").await;
        assert!(matches!(world.authorise(&code).await, Authorised::Waiting(_)));
    }
}

#[tokio::test]
async fn a_rejection_goes_back_to_the_bench_and_a_cancellation_voids_the_request() {
    for world in worlds().await {
        let code = world.open("GW-1").await;
        world.draft(&code, "board", "MB-903").await;
        let Authorised::Waiting(approval) = world.authorise(&code).await else { panic!() };
        world.decide(&manager(), approval, false).await.unwrap();
        let detail = world.repair(&code).await;
        assert_eq!(detail.case.state, RepairState::Reported);
        assert!(detail.notes[0].text.contains("seen"), "why is on the case");
        let Authorised::Waiting(approval) = world.authorise(&code).await else { panic!() };
        world.fleet.cancel_repair(&support(), &code, "device scrapped").await.unwrap();
        let shown = world.fleet.approval(&manager(), approval).await.unwrap();
        assert_eq!(shown.row.state, ApprovalState::Void);
        assert!(world.decide(&manager(), approval, true).await.is_err());
        assert_eq!(world.fleet.device(&support(), "GW-1").await.unwrap().manifest_version, 1);
    }
}

#[tokio::test]
async fn what_changed_since_it_was_asked_for_voids_it() {
    for world in worlds().await {
        let code = world.open("GW-1").await;
        world.draft(&code, "board", "MB-904").await;
        let Authorised::Waiting(approval) = world.authorise(&code).await else { panic!() };
        // Meanwhile somebody fits that very board elsewhere.
        let other = world.open("GW-2").await;
        world.draft(&other, "board", "MB-904").await;
        assert_eq!(world.authorise(&other).await, Authorised::Done(RepairState::Verifying));
        assert!(world.decide(&manager(), approval, true).await.is_err());
        let shown = world.fleet.approval(&manager(), approval).await.unwrap();
        assert_eq!(shown.row.state, ApprovalState::Void);
        assert_eq!(world.repair(&code).await.case.state, RepairState::Reported);
        assert_eq!(world.fleet.device(&support(), "GW-1").await.unwrap().manifest_version, 1);
    }
}

#[tokio::test]
async fn a_part_from_another_device_takes_two_and_leaves_that_one() {
    for world in worlds().await {
        world.enrolled("GW-3").await;
        let code = world.open("GW-1").await;
        let look = world.draft(&code, "lte0", &imei(3)).await;
        assert_eq!((look.fitted_in, look.takes_key), (vec!["GW-3".to_owned()], false));
        assert_eq!(world.authorise_through(&code).await, RepairState::Verifying);
        let modem = part("lte0", Class::Lte, &imei(3)).identifier_key;
        let has = async |serial: &str| world.parts(serial).await.iter().any(|(_, key)| *key == modem);
        assert!(has("GW-1").await && !has("GW-3").await, "{}", world.name());
        assert_eq!(world.fleet.device(&support(), "GW-3").await.unwrap().manifest_version, 2);
        world.agrees("GW-1").await;
        world.agrees("GW-3").await;
        let kept = store::certificate::of_device(world.fleet.db(), "GW-3").await.unwrap();
        assert_eq!(kept[0].status, CertificateStatus::Valid, "its key stayed");
        world.fleet.close_repair(&manager(), &code, "seen").await.unwrap();

        // The board goes with the key: whoever has it now could come as GW-3, and whoever approves is told.
        let code = world.open("GW-1").await;
        let look = world.draft(&code, "board", "MB-3").await;
        assert!(look.takes_key);
        let Authorised::Waiting(approval) = world.authorise(&code).await else { panic!("{}", world.name()) };
        let shown = world.fleet.approval(&manager(), approval).await.unwrap().detail["donors"].to_string();
        let donor = world.fleet.device(&support(), "GW-3").await.unwrap();
        assert!(shown.contains("revoked as compromised") && shown.contains(&donor.manifest_hash), "{shown}");
        world.decide(&manager(), approval, true).await.unwrap();
        assert_eq!(world.repair(&code).await.case.state, RepairState::Authorised);
        let cut = store::revoked::one(world.fleet.db(), kept[0].authority_id, &kept[0].serial).await.unwrap();
        assert_eq!(cut.unwrap().reason, RevocationReason::KeyCompromise);
    }
}

#[tokio::test]
async fn a_donor_that_waits_for_its_report_waits_for_its_next_manifest() {
    for world in worlds().await {
        let own = world.open("GW-3").await;
        world.draft(&own, "eth0", "d8:80:39:00:01:03").await;
        world.authorise(&own).await;
        assert_eq!(world.repair(&own).await.case.expected_version, 2);
        let code = world.open("GW-1").await;
        world.draft(&code, "lte0", &imei(3)).await;
        assert_eq!(world.authorise_through(&code).await, RepairState::Verifying);
        let detail = world.repair(&own).await;
        assert_eq!((detail.case.expected_version, detail.device.manifest_version), (3, 3), "{}", world.name());
        assert_eq!(world.repair(&code).await.case.expected_version, 2);
        // A case on the bench waits for nothing yet.
        let bench = world.open("GW-4").await;
        world.fleet.close_repair(&manager(), &code, "seen").await.unwrap();
        let code = world.open("GW-1").await;
        world.draft(&code, "lte0", &imei(4)).await;
        assert_eq!(world.authorise_through(&code).await, RepairState::Verifying);
        assert_eq!(world.repair(&bench).await.case.expected_version, 0);
    }
}

#[tokio::test]
async fn a_donors_token_goes_with_its_key() {
    for world in worlds().await {
        let id = world.fleet.device(&support(), "GW-3").await.unwrap().id;
        for (slot, part, stays) in [("lte0", imei(3), true), ("board", "MB-3".to_owned(), false)] {
            if stays {
                world.fleet.set_device_token(&admin(), "GW-3").await.unwrap();
            }
            let code = world.open("GW-1").await;
            world.draft(&code, slot, &part).await;
            world.authorise_through(&code).await;
            let token = world.fleet.device_token(&support(), id).await.unwrap();
            assert_eq!(token.is_some(), stays, "{}: {slot}", world.name());
            world.fleet.close_repair(&manager(), &code, "seen").await.unwrap();
        }
    }
}

#[tokio::test]
async fn what_was_taken_out_is_marked_until_it_is_accounted_for() {
    for world in worlds().await {
        let code = world.open("GW-1").await;
        world.draft(&code, "lte0", &imei(905)).await;
        world.authorise(&code).await;
        let marked = world.fleet.tainted_parts(&support()).await.unwrap();
        assert_eq!((marked.len(), marked[0].serial.as_str()), (1, "GW-1"));
        // Fitted elsewhere it takes two, and that accounts for it.
        let other = world.open("GW-3").await;
        let look = world.draft(&other, "lte0", &imei(1)).await;
        assert!(look.taint.is_some() && look.doubts().any(|words| words.contains(&code)));
        assert_eq!(world.authorise_through(&other).await, RepairState::Verifying);
        let marked = world.fleet.tainted_parts(&support()).await.unwrap();
        assert_eq!(marked.len(), 1, "that of GW-3, now");
        let first = &world.repair(&code).await.taken_out[0];
        assert!(first.ended_how.contains("Fitted in GW-3"), "{}", first.ended_how);
        // The other one is destroyed, which needs to be said.
        assert!(world.fleet.scrap_part(&support(), marked[0].id, " ").await.is_err());
        world.fleet.scrap_part(&support(), marked[0].id, "shredded").await.unwrap();
        conflict(world.fleet.scrap_part(&support(), marked[0].id, "again").await, "accounted for already");
        assert!(world.fleet.tainted_parts(&support()).await.unwrap().is_empty());
    }
}

#[tokio::test]
async fn a_lost_board_is_a_compromised_key() {
    for world in worlds().await {
        let lost = world.enrolled("GW-1").await;
        let code = world.open("GW-1").await;
        world.draft_fate(&code, "board", "MB-906", "missing").await;
        assert!(world.repair(&code).await.plan.key_is_lost);
        assert_eq!(world.authorise_through(&code).await, RepairState::Authorised);
        let kept = store::certificate::of_device(world.fleet.db(), "GW-1").await.unwrap();
        assert_eq!(kept[0].serial, lost.certificate.serial_hex());
        let cut = store::revoked::one(world.fleet.db(), kept[0].authority_id, &kept[0].serial).await.unwrap();
        assert_eq!(cut.unwrap().reason, RevocationReason::KeyCompromise, "{}", world.name());
        assert_eq!(world.fleet.audit_verify(&admin()).await.unwrap().break_at, None);
    }
}
