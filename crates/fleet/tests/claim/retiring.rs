//! Retired and destroyed: one or many, with their certificates or without, and back by a correction.

use crate::{
    codes::{claim, code, label, with_clients},
    world::{operator, user},
};
use domain::{device::Lifecycle, person::Role};
use fleet::{
    AuditFilter, Error,
    claim::LabelState,
    custody::{CustodyForm, RetireForm, Retired},
    devices::Selection,
    revocation::Outcome,
    trust::Verdict,
};

fn form(verb: &str) -> RetireForm {
    RetireForm { verb: verb.into(), reason: "Worn out".into(), ..RetireForm::default() }
}

fn one(serial: &str) -> Selection {
    Selection::Serials(vec![serial.to_owned()])
}

fn field_of(refused: Result<Retired, Error>) -> String {
    match refused {
        Err(Error::Invalid { fields }) => fields[0].field.clone(),
        other => panic!("{other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_retired_device_is_out_and_a_correction_brings_it_back() {
    for world in with_clients(2).await {
        let fleet = &world.fleet;
        let token = fleet.set_device_token(&operator(), "A-00000").await.unwrap();
        let right = code(&world, "A-00000").await.plain();
        assert_eq!(field_of(fleet.retire(&operator(), &one("A-00000"), &form("")).await), "verb");
        let empty = RetireForm { reason: " ".into(), ..form("destroy") };
        assert_eq!(field_of(fleet.retire(&operator(), &one("A-00000"), &empty).await), "reason");
        let done = fleet.retire(&operator(), &one("A-00000"), &form("retire")).await.unwrap();
        assert_eq!((done.entries.len(), done.revocation), (1, None));
        let of = async || store::device::by_serial(fleet.db(), "A-00000").await.unwrap().unwrap();
        assert_eq!(of().await.lifecycle, Lifecycle::Retired);
        assert_eq!(fleet.device_by_token(&token, "192.0.2.1").await.unwrap(), None, "{}", world.name());
        assert!(fleet.is_cut_off_token(&token, "192.0.2.1").await.unwrap(), "it is told that the device is retired");
        // Whoever retired the wrong one takes it back, and the device goes on as it was.
        fleet.correct(&operator(), "A-00000", done.entries[0], "another device").await.unwrap();
        assert!(fleet.device_by_token(&token, "192.0.2.1").await.unwrap().is_some(), "{}", world.name());
        let done = fleet.retire(&operator(), &one("A-00000"), &form("retire")).await.unwrap();
        assert_eq!(world.verdict("A-00000").await, Verdict::Good, "its certificate was to stay");
        assert_eq!(label(&world, "A-00000").await, LabelState::Shut);
        let refused = claim(&world, &operator(), "A-00000", &right, "acme").await;
        assert!(matches!(&refused, Err(Error::Conflict(told)) if told.contains("retired")), "{refused:?}");
        assert_eq!(field_of(fleet.retire(&operator(), &one("A-00000"), &form("retire")).await), "verb");
        let handed = CustodyForm { verb: "receive".into(), custodian: "acme".into(), ..CustodyForm::default() };
        assert!(fleet.record_custody(&operator(), "A-00000", &handed).await.is_err());
        // What was retired can still be destroyed, once.
        let destroyed = fleet.retire(&operator(), &one("A-00000"), &form("destroy")).await.unwrap();
        assert_eq!(field_of(fleet.retire(&operator(), &one("A-00000"), &form("destroy")).await), "verb");
        assert_eq!(fleet.device_token(&operator(), of().await.id).await.unwrap(), None, "{}", world.name());
        for entry in [destroyed.entries[0], done.entries[0]] {
            fleet.correct(&operator(), "A-00000", entry, "another device").await.unwrap();
        }
        assert_ne!(of().await.lifecycle, Lifecycle::Retired);
        claim(&world, &operator(), "A-00000", &right, "acme").await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn certificates_go_with_it_when_that_is_chosen() {
    for world in with_clients(3).await {
        let fleet = &world.fleet;
        let with = RetireForm { revoke: true, ..form("destroy") };
        let done = fleet.retire(&operator(), &one("A-00000"), &with).await.unwrap();
        assert!(matches!(done.revocation, Some(Outcome::Done(_))), "{}: {done:?}", world.name());
        assert_ne!(world.verdict("A-00000").await, Verdict::Good);
        let Some(Outcome::Done(id)) = done.revocation else { panic!("no act") };
        assert_eq!(fleet.revocation(&operator(), id).await.unwrap().row.reason, "cessation_of_operation");
        // Above the limit the certificates wait for a manager; the devices are retired all the same.
        let mut settings = fleet.settings(&operator()).await.unwrap();
        settings.revocation_limit = 1;
        fleet.save_settings(&user(9, "root", Role::Admin), &settings).await.unwrap();
        let query = Selection::Query("batch:B".into());
        let many = RetireForm { revoke: true, ..form("retire") };
        assert_eq!(field_of(fleet.retire(&operator(), &query, &many).await), "confirmation");
        let many = RetireForm { confirmation: "3".into(), ..many };
        let done = fleet.retire(&operator(), &query, &many).await.unwrap();
        assert_eq!(done.entries.len(), 3);
        assert!(matches!(done.revocation, Some(Outcome::Waiting(..))), "{}: {done:?}", world.name());
        assert_eq!(world.verdict("B-00000").await, Verdict::Good);
        assert_eq!(fleet.count_devices(&operator(), "batch:B state:retired").await.unwrap(), 3);
        let Some(Outcome::Waiting(approval, _)) = done.revocation else { panic!("no approval") };
        let shown = fleet.approval(&crate::world::manager(), approval).await.unwrap();
        fleet.decide(&crate::world::manager(), approval, &shown.row.hash, true, "").await.unwrap();
        assert_ne!(world.verdict("B-00000").await, Verdict::Good, "{}", world.name());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn certificates_stay_when_one_of_many_does_not_fit() {
    for world in with_clients(3).await {
        let fleet = &world.fleet;
        fleet.retire(&operator(), &one("A-00001"), &form("destroy")).await.unwrap();
        let all = RetireForm { confirmation: "3".into(), revoke: true, ..form("destroy") };
        assert_eq!(field_of(fleet.retire(&operator(), &Selection::Query("batch:A".into()), &all).await), "verb");
        for serial in ["A-00000", "A-00001", "A-00002"] {
            assert_eq!(world.verdict(serial).await, Verdict::Good, "{}: {serial}", world.name());
        }
        assert_eq!(fleet.count_devices(&operator(), "batch:A state:retired").await.unwrap(), 1, "{}", world.name());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn exactly_the_devices_that_end_lose_their_certificates() {
    for world in with_clients(2).await {
        let fleet = &world.fleet;
        // Once they are retired the query means none of them.
        let query = Selection::Query("batch:A -state:retired".into());
        let with = RetireForm { confirmation: "2".into(), revoke: true, ..form("retire") };
        let done = fleet.retire(&operator(), &query, &with).await.unwrap();
        let Some(Outcome::Done(id)) = done.revocation else { panic!("{}: {done:?}", world.name()) };
        for serial in ["A-00000", "A-00001"] {
            assert_ne!(world.verdict(serial).await, Verdict::Good, "{}: {serial}", world.name());
        }
        let certificates = fleet.revocation(&operator(), id).await.unwrap().row.total;
        assert_eq!(world.verdict("B-00000").await, Verdict::Good);
        assert!(certificates >= 2, "{}: {certificates}", world.name());
        // Both acts are on the audit chain, each under its name.
        let log = fleet.audit_log(&user(9, "root", Role::Admin), &AuditFilter::default(), 2).await.unwrap();
        let actions: Vec<&str> = log.iter().map(|entry| entry.record.action.as_str()).collect();
        assert_eq!(actions, ["certificate.revoke", "device.retire"], "{}", world.name());
        let every = Selection::Query(String::new());
        let with = RetireForm { confirmation: "4".into(), ..with };
        assert!(fleet.retire(&operator(), &every, &with).await.is_err(), "{}", world.name());
        assert_eq!(world.verdict("B-00000").await, Verdict::Good, "{}", world.name());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_that_does_not_fit_leaves_all_as_they_were() {
    for world in with_clients(3).await {
        let fleet = &world.fleet;
        fleet.retire(&operator(), &one("A-00001"), &form("destroy")).await.unwrap();
        let all = RetireForm { confirmation: "3".into(), ..form("destroy") };
        assert_eq!(field_of(fleet.retire(&operator(), &Selection::Query("batch:A".into()), &all).await), "verb");
        assert_eq!(fleet.count_devices(&operator(), "batch:A state:retired").await.unwrap(), 1, "{}", world.name());
        for role in [Role::Support, Role::Manager, Role::Auditor] {
            let refused = fleet.retire(&user(8, "x", role), &one("A-00000"), &form("retire")).await;
            assert!(matches!(refused, Err(Error::Forbidden { .. })), "{role}: {refused:?}");
        }
        let unknown = fleet.retire(&operator(), &one("NONE"), &form("retire")).await;
        assert!(matches!(unknown, Err(Error::NotFound { .. })), "{unknown:?}");
    }
}
