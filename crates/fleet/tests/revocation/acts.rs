//! One act at a time: what it hits, who may, what the device's own record says.

use crate::world::{RULE, batch, device, manager, operator, user, worlds};
use domain::{
    certificate::{CertificateStatus, RevocationReason},
    device::Trust,
    history::Event,
    id::RevocationId,
    person::Role,
    revocation::{RevocationAct as Act, RevocationScope, RevocationState},
};
use fleet::{
    Error,
    revocation::{Outcome, RevocationRow, RevokeForm, Selection},
    trust::Verdict,
};
use store::revoked::Revoked;

#[tokio::test]
async fn a_device_is_held_released_and_revoked() {
    for world in worlds(3).await {
        let trust = async || world.fleet.device(&operator(), "A-00001").await.unwrap().trust;
        let Outcome::Done(held) = world.act(Act::Hold, device("A-00001")).await else { panic!("it waits") };
        assert_eq!((world.verdict("A-00001").await, trust().await), (Verdict::Held, Trust::Quarantined));
        assert_eq!(world.verdict("A-00000").await, Verdict::Good);
        world.act(Act::Release, device("A-00001")).await;
        assert_eq!((world.verdict("A-00001").await, trust().await), (Verdict::Good, Trust::Trusted));
        world.act(Act::Hold, device("A-00001")).await;
        world.act(Act::Revoke, device("A-00001")).await;
        assert_eq!((world.verdict("A-00001").await, trust().await), (Verdict::Revoked, Trust::Revoked));
        let nothing = world.try_act(Act::Release, device("A-00001")).await;
        assert!(matches!(nothing, Err(Error::Conflict(why)) if why.contains("nothing on hold")), "{}", world.name());
        let record = world.fleet.device_record(&operator(), "A-00001").await.unwrap();
        let kinds: Vec<&str> = record.history.iter().skip(2).map(|entry| entry.event.kind()).collect();
        assert_eq!(kinds, ["certificate_held", "released", "certificate_held", "certificate_revoked"]);
        let last = &record.history.last().unwrap();
        assert_eq!(last.actor, "ada@muster.example");
        assert_eq!(last.event, Event::CertificateRevoked { reason: "Key compromised: found on a market stall".into() });
        let detail = world.fleet.revocation(&operator(), held).await.unwrap();
        assert_eq!((detail.row.state, detail.row.applied, detail.preview.devices), (RevocationState::Spread, 1, 1));
    }
}

#[tokio::test]
async fn a_preview_counts_only_what_would_be_hit() {
    for world in worlds(3).await {
        world.act(Act::Revoke, device("A-00000")).await;
        let preview = world.fleet.preview(&operator(), &batch("A"), Act::Revoke).await.unwrap();
        assert_eq!((preview.devices, preview.certificates), (2, 2), "{}", world.name());
        assert_eq!(preview.examples, ["A-00001", "A-00002"]);
        // What is only on hold would be revoked.
        world.act(Act::Hold, device("A-00001")).await;
        let preview = world.fleet.preview(&operator(), &batch("A"), Act::Revoke).await.unwrap();
        assert_eq!((preview.devices, preview.certificates), (2, 2), "{}", world.name());
    }
}

#[tokio::test]
async fn what_was_shown_is_what_is_done() {
    for world in worlds(2).await {
        let preview = world.fleet.preview(&operator(), &device("A-00000"), Act::Revoke).await.unwrap();
        assert_eq!((preview.devices, preview.certificates, preview.confirm_word.as_str()), (1, 1, "A-00000"));
        assert_eq!(preview.custodians, [("Brno".to_owned(), 1)]);
        assert_eq!((preview.countries, preview.examples), (vec![("CZ".to_owned(), 1)], vec!["A-00000".to_owned()]));
        let form = RevokeForm {
            selection: device("A-00000"),
            act: Act::Revoke,
            reason: RevocationReason::KeyCompromise,
            note: String::new(),
            confirmation: "A-00001".into(),
            preview_hash: preview.hash.clone(),
        };
        let field = async |form: &RevokeForm| match world.fleet.revoke(&operator(), form).await {
            Err(Error::Invalid { fields }) => fields[0].field.clone(),
            other => panic!("{other:?}"),
        };
        assert_eq!(field(&form).await, "confirmation");
        let form = RevokeForm { confirmation: "A-00000".into(), ..form };
        assert_eq!(field(&RevokeForm { reason: RevocationReason::CertificateHold, ..form.clone() }).await, "reason");
        assert_eq!(field(&RevokeForm { reason: RevocationReason::Superseded, ..form.clone() }).await, "reason");
        assert_eq!(field(&RevokeForm { note: "x".repeat(401), ..form.clone() }).await, "note");
        // A hold changes how the certificate stands, but a revocation would hit the same.
        world.act(Act::Hold, device("A-00000")).await;
        let stale = RevokeForm { preview_hash: "0".repeat(64), ..form.clone() };
        assert!(matches!(world.fleet.revoke(&operator(), &stale).await, Err(Error::Conflict(_))));
        assert_eq!(world.verdict("A-00000").await, Verdict::Held);
        assert!(matches!(world.fleet.revoke(&operator(), &form).await, Ok(Outcome::Done(_))));
    }
}

#[tokio::test]
async fn each_role_may_what_it_may() {
    for world in worlds(1).await {
        let asks = async |role, selection: &Selection, act| {
            world.fleet.preview(&user(9, "eve", role), selection, act).await.is_ok()
        };
        for (role, hold, revoke) in [
            (Role::Support, true, false),
            (Role::Operator, true, true),
            (Role::Manager, true, true),
            (Role::Admin, true, true),
            (Role::Auditor, false, false),
        ] {
            assert_eq!(asks(role, &device("A-00000"), Act::Hold).await, hold, "{role}");
            assert_eq!(asks(role, &device("A-00000"), Act::Revoke).await, revoke, "{role}");
            assert_eq!(asks(role, &batch("A"), Act::Hold).await, revoke, "{role}");
        }
        let form = RevokeForm {
            selection: device("A-00000"),
            act: Act::Revoke,
            reason: RevocationReason::KeyCompromise,
            note: String::new(),
            confirmation: String::new(),
            preview_hash: String::new(),
        };
        let refused = world.fleet.revoke(&user(9, "eve", Role::Support), &form).await;
        assert!(matches!(refused, Err(Error::Forbidden { .. })));
    }
}

#[tokio::test]
async fn one_certificate_of_a_device_is_not_the_device() {
    for world in worlds(2).await {
        let serial = world.serial_of("A-00000").await;
        let one = Selection::Certificate { authority: "batch-a".into(), serial: serial.clone() };
        assert_eq!(Selection::from_words("certificate", &one.subject()).unwrap(), one);
        world.act(Act::Revoke, one).await;
        assert_eq!(world.verdict("A-00000").await, Verdict::Revoked);
        let ca = Selection::Certificate {
            authority: "brno".into(),
            serial: {
                let batch = world.authority_id("batch-a").await;
                store::authority::by_id(world.fleet.db(), batch).await.unwrap().unwrap().serial
            },
        };
        let refused = world.try_act(Act::Revoke, ca).await;
        assert!(matches!(refused, Err(Error::Conflict(why)) if why.contains("Revoke its batch")));
        let missing = Selection::Certificate { authority: "batch-a".into(), serial: "01".into() };
        assert!(matches!(world.try_act(Act::Revoke, missing).await, Err(Error::NotFound { .. })));
    }
}

#[tokio::test]
async fn a_selection_above_the_limit_needs_a_second_person() {
    for world in worlds(101).await {
        let few = Selection::Query("serial:A-0000*".into());
        let preview = world.fleet.preview(&operator(), &few, Act::Hold).await.unwrap();
        assert_eq!((preview.devices, preview.needs_second_person, preview.confirm_word.as_str()), (10, false, "10"));
        assert!(matches!(world.act(Act::Hold, few.clone()).await, Outcome::Done(_)));
        assert_eq!(world.verdict("A-00009").await, Verdict::Held);
        world.act(Act::Release, few).await;
        let all = Selection::Query("batch:A".into());
        let preview = world.fleet.preview(&operator(), &all, Act::Revoke).await.unwrap();
        assert_eq!((preview.devices, preview.needs_second_person), (101, true));
        assert!(matches!(world.act(Act::Revoke, all.clone()).await, Outcome::Waiting(..)));
        assert_eq!(world.verdict("A-00009").await, Verdict::Good);
        world.act_through(Act::Revoke, all).await;
        assert_eq!(world.verdict("A-00009").await, Verdict::Revoked);
        world.fleet.follow_acts().await.unwrap();
        let revoked = world.fleet.count_devices(&manager(), "trust:revoked").await.unwrap();
        assert_eq!(revoked, 101, "{}", world.name());
        let rows = store::certificate::of_device(world.fleet.db(), "A-00100").await.unwrap();
        assert_eq!(rows[0].status, CertificateStatus::Revoked);
    }
}

#[tokio::test]
async fn a_certificate_goes_with_its_unused_renewals_and_with_the_others_of_its_key() {
    for world in worlds(2).await {
        let first = world.serial_of("A-00000").await;
        let mut tx = world.fleet.db().begin().await.unwrap();
        let unused = world.another(&mut tx, "A-00000", |_| ()).await;
        let used = world.another(&mut tx, "A-00000", |row| row.first_used_at = Some(row.issued_at)).await;
        let key = first.clone();
        let same_key = world
            .another(&mut tx, "A-00001", |row| {
                row.public_key_sha256 = key;
                row.replaces = None;
            })
            .await;
        tx.commit().await.unwrap();
        let one = Selection::Certificate { authority: "batch-a".into(), serial: first.clone() };
        let mut expected = vec![unused.clone(), same_key.clone()];
        expected.sort();
        let verdicts = [(Act::Hold, Verdict::Held), (Act::Release, Verdict::Good), (Act::Revoke, Verdict::Revoked)];
        for (act, verdict) in verdicts {
            let mut kin = world.fleet.preview(&operator(), &one, act).await.unwrap().kin;
            kin.sort();
            assert_eq!(kin, expected, "{}: {act}", world.name());
            world.act(act, one.clone()).await;
            for serial in [&first, &unused, &same_key] {
                assert_eq!(world.verdict_on(serial), verdict, "{}: {act}", world.name());
            }
            assert_eq!(world.verdict_on(&used), Verdict::Good);
        }
        assert_eq!(world.verdict("A-00001").await, Verdict::Good);
    }
}

#[tokio::test]
async fn support_releases_what_people_held_one_by_one_and_nothing_else() {
    for world in worlds(101).await {
        let support = user(9, "eve", Role::Support);
        let release = async |serial: &str| {
            let preview = world.fleet.preview(&support, &device(serial), Act::Release).await.unwrap();
            let form = RevokeForm {
                selection: device(serial),
                act: Act::Release,
                reason: RevocationReason::Unspecified,
                note: String::new(),
                confirmation: preview.confirm_word,
                preview_hash: preview.hash,
            };
            world.fleet.revoke(&support, &form).await
        };
        world.act(Act::Hold, device("A-00000")).await;
        assert!(matches!(release("A-00000").await, Ok(Outcome::Done(_))));
        world.act_through(Act::Hold, Selection::Query("batch:A".into())).await;
        assert!(matches!(release("A-00000").await, Err(Error::Forbidden { .. })), "{}: approved", world.name());
        // As a rule holds what a factory delivered by mistake.
        let id = RevocationId(uuid::Uuid::now_v7());
        let approved = world.fleet.revocations(&operator(), None, 1).await.unwrap().rows.remove(0);
        let (scope, preview_hash) = (RevocationScope::Certificate, String::new());
        let by_rule = RevocationRow { id, scope, preview_hash, approval_id: None, ..approved };
        let (authority, serial) = (world.authority_id("batch-b").await, world.serial_of("B-00000").await);
        let reason = RevocationReason::CertificateHold;
        let row = Revoked { authority, serial: serial.clone(), at: world.fleet.now(), revocation: id, reason };
        let mut tx = world.fleet.db().begin().await.unwrap();
        store::revocation::insert(&mut tx, &by_rule).await.unwrap();
        store::revoked::insert_many(&mut tx, &[row]).await.unwrap();
        tx.commit().await.unwrap();
        assert!(matches!(release("B-00000").await, Err(Error::Forbidden { .. })), "{}: by a rule", world.name());
        // A person's hold takes the rule's place, and doesn't make it support's to release.
        let whole = Selection::Query("batch:B".into());
        let preview = world.fleet.preview(&operator(), &whole, Act::Hold).await.unwrap();
        assert_eq!(preview.certificates, 101, "{}: what a rule holds is not left out", world.name());
        world.act(Act::Hold, device("B-00000")).await;
        let cut = store::revoked::one(world.fleet.db(), authority, &serial).await.unwrap().unwrap();
        assert_ne!(cut.revocation, id, "{}", world.name());
        assert!(matches!(release("B-00000").await, Err(Error::Forbidden { .. })), "{}: taken over", world.name());
        let again = world.try_act(Act::Hold, device("B-00000")).await;
        assert!(matches!(again, Err(Error::Conflict(why)) if why.contains("put on hold")), "{}", world.name());
        world.act(Act::Release, device("A-00000")).await;
        world.act(Act::Release, device("B-00000")).await;
    }
}

#[tokio::test]
async fn what_is_released_of_certificates_does_not_end_a_devices_own_quarantine() {
    for world in worlds(2).await {
        let trust = async |serial| world.fleet.device(&operator(), serial).await.unwrap().trust;
        let quarantined = Event::Quarantined { reason: "looked into".into() };
        world.fleet.device_did(&RULE, "A-00000", quarantined).await.unwrap();
        let serial = world.serial_of("A-00000").await;
        let one = Selection::Certificate { authority: "batch-a".into(), serial };
        for selection in [batch("A"), one] {
            world.act_through(Act::Hold, selection.clone()).await;
            world.fleet.follow_acts().await.unwrap();
            world.act_through(Act::Release, selection.clone()).await;
            world.fleet.follow_acts().await.unwrap();
            assert_eq!(world.verdict("A-00000").await, Verdict::Good, "{}: {selection:?}", world.name());
            assert_eq!(trust("A-00000").await, Trust::Quarantined, "{}: {selection:?}", world.name());
            assert_eq!(trust("A-00001").await, Trust::Trusted, "{}: {selection:?}", world.name());
        }
        world.fleet.release_quarantine(&operator(), "A-00000", "it is well").await.unwrap();
        assert_eq!(trust("A-00000").await, Trust::Trusted, "{}", world.name());
        // Whoever releases the device means the device.
        let quarantined = Event::Quarantined { reason: "looked into".into() };
        world.fleet.device_did(&RULE, "A-00001", quarantined).await.unwrap();
        world.act(Act::Hold, device("A-00001")).await;
        world.act(Act::Release, device("A-00001")).await;
        assert_eq!(trust("A-00001").await, Trust::Trusted, "{}", world.name());
    }
}
