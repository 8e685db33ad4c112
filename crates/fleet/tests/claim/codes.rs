//! Codes: who sees them, who may use them, and that each counts once.

use crate::world::{RULE, World, operator, user, worlds};
use domain::{audit::Outcome, claim::ClaimCode, history::Event, person::Role, time::HOUR};
use fleet::{
    Actor, AuditFilter, Error, Origin,
    catalogue::CustodianForm,
    claim::{ClaimForm, Claimed, LabelState},
    custody::CustodyForm,
};

/// Two clients beside the factory.
pub async fn with_clients(n: usize) -> Vec<World> {
    let worlds = worlds(n).await;
    for world in &worlds {
        for (name, kind) in
            [("Acme", "client"), ("Other", "client"), ("Depot", "distributor"), ("Bench", "repair_centre")]
        {
            let form = CustodianForm { name: name.into(), kind: kind.into(), ..CustodianForm::default() };
            world.fleet.add_custodian(&RULE, &form).await.unwrap();
        }
    }
    worlds
}

/// What the label of a device says.
pub async fn label(world: &World, serial: &str) -> LabelState {
    let labels = world.fleet.labels(&operator(), &format!("serial:{serial}"), "", 1).await.unwrap();
    labels.items.into_iter().next().unwrap().state
}

pub async fn code(world: &World, serial: &str) -> ClaimCode {
    match label(world, serial).await {
        LabelState::Code(code) => code,
        other => panic!("{}: {serial} has no code: {other:?}", world.name()),
    }
}

pub async fn claim(world: &World, actor: &Actor, serial: &str, code: &str, client: &str) -> Result<Claimed, Error> {
    let form = ClaimForm { serial: serial.into(), code: code.into(), custodian: client.into(), ..ClaimForm::default() };
    world.fleet.claim(actor, &form).await
}

pub async fn record(world: &World, serial: &str, verb: &str, custodian: &str) {
    world.wait(HOUR);
    let form = CustodyForm { verb: verb.into(), custodian: custodian.into(), ..CustodyForm::default() };
    world.fleet.record_custody(&operator(), serial, &form).await.unwrap();
}

fn field_of(refused: Result<Claimed, Error>) -> (String, String) {
    match refused {
        Err(Error::Invalid { fields }) => (fields[0].field.clone(), fields[0].message.clone()),
        other => panic!("{other:?}"),
    }
}

fn conflict(refused: Result<Claimed, Error>) -> String {
    match refused {
        Err(Error::Conflict(told)) => told,
        other => panic!("{other:?}"),
    }
}

async fn audited(world: &World, action: &str, outcome: Outcome) -> Vec<String> {
    let filter = AuditFilter { action: action.into(), outcome: outcome.to_string(), ..AuditFilter::default() };
    let entries = world.fleet.audit_log(&RULE, &filter, 500).await.unwrap();
    entries.into_iter().map(|entry| entry.record.detail).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_code_counts_once_and_says_when() {
    for world in with_clients(2).await {
        let support = user(7, "sam", Role::Support);
        let right = code(&world, "A-00000").await;
        assert_ne!(right, code(&world, "A-00001").await, "each device has a code of its own");
        let done = claim(&world, &support, "A-00000", &right.to_string().to_lowercase(), "acme").await.unwrap();
        assert_eq!((done.client.name.as_str(), done.token_rotates), ("Acme", false));
        let record = world.fleet.device_record(&operator(), "A-00000").await.unwrap();
        assert!(matches!(&record.history.last().unwrap().event, Event::Claimed { by } if by.name == "Acme"));
        assert_eq!(record.catalogue.custodian_name(record.device.custodian_id), "Acme");
        assert_eq!(record.device.lifecycle.as_str(), "active");
        for again in ["acme", "other"] {
            let told = conflict(claim(&world, &operator(), "A-00000", &right.plain(), again).await);
            assert!(
                told.contains("was claimed on 2 Nov 2026") && told.contains("Acme") && told.contains("sam@"),
                "{told}"
            );
        }
        assert_eq!(label(&world, "A-00000").await, LabelState::Claimed);
        let said = audited(&world, "device.claim", Outcome::Done).await;
        assert!(said.len() == 1 && !said[0].contains(&right.plain()), "{said:?}");
        let shown = audited(&world, "label.show", Outcome::Done).await;
        assert!(shown.len() == 2 && shown.iter().all(|detail| !detail.contains(&right.plain())), "{shown:?}");
        // Another process with the passphrase derives the same codes from what the database keeps.
        let other =
            crate::world::open(world.fixture.folder.path(), world.fixture.url.as_deref(), world.clock.clone()).await;
        let labels = other.labels(&operator(), "serial:A-00001", "", 1).await.unwrap();
        assert_eq!(labels.items[0].code(), Some(&code(&world, "A-00001").await));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_who_claim_at_once_one_does() {
    for world in with_clients(1).await {
        let right = code(&world, "A-00000").await.plain();
        let tries = (0..8).map(|n| {
            let (fleet, right) = (world.fleet.clone(), right.clone());
            let client = if n % 2 == 0 { "acme" } else { "other" };
            let form =
                ClaimForm { serial: "A-00000".into(), code: right, custodian: client.into(), ..ClaimForm::default() };
            tokio::spawn(async move { fleet.claim(&operator(), &form).await })
        });
        let mut done = 0;
        for one in tries.collect::<Vec<_>>() {
            match one.await.unwrap() {
                Ok(_) => done += 1,
                Err(Error::Conflict(_) | Error::TooMany { .. } | Error::Busy) => {}
                Err(other) => panic!("{}: {other}", world.name()),
            }
        }
        assert_eq!(done, 1, "{}", world.name());
        let history = world.fleet.device_record(&operator(), "A-00000").await.unwrap().history;
        assert_eq!(history.iter().filter(|entry| matches!(entry.event, Event::Claimed { .. })).count(), 1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_codes_are_limited_and_audited_and_typing_errors_are_not() {
    for world in with_clients(2).await {
        let (right, wrong) = (code(&world, "A-00000").await, code(&world, "A-00001").await);
        let mut typo = right.plain();
        typo.replace_range(0..1, if typo.starts_with('7') { "8" } else { "7" });
        for _ in 0..20 {
            let (field, told) = field_of(claim(&world, &operator(), "A-00000", &typo, "acme").await);
            assert!(field == "code" && told.contains("mistyped"), "{told}");
        }
        assert_eq!(field_of(claim(&world, &operator(), "A-00000", "", "acme").await).0, "code");
        assert_eq!(field_of(claim(&world, &operator(), "A-00000", &right.plain(), "brno").await).0, "custodian");
        let mut tries = 0;
        loop {
            match claim(&world, &operator(), "A-00000", &wrong.plain(), "acme").await {
                Err(Error::TooMany { .. }) => break,
                other => assert_eq!(field_of(other).0, "code"),
            }
            tries += 1;
            assert!(tries < 10, "{}: wrong codes are not limited", world.name());
        }
        assert_eq!(audited(&world, "device.claim", Outcome::Failed).await.len(), tries);
        assert_eq!(audited(&world, "device.claim_block", Outcome::Denied).await.len(), 1);
        let blocked = claim(&world, &operator(), "A-00000", &right.plain(), "acme").await;
        assert!(matches!(blocked, Err(Error::TooMany { .. })), "{blocked:?}");
        claim(&world, &operator(), "A-00001", &wrong.plain(), "acme").await.unwrap();
        world.wait(HOUR);
        claim(&world, &operator(), "A-00000", &right.plain(), "acme").await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_may_claim_and_who_sees_codes() {
    for world in with_clients(1).await {
        let right = code(&world, "A-00000").await.plain();
        let origin = Origin { address: "192.0.2.1".into() };
        let nobody = Actor::Nobody { origin: origin.clone() };
        let device = store::device::by_serial(world.fleet.db(), "A-00000").await.unwrap().unwrap();
        let device = Actor::Device { id: device.id, serial: device.serial, origin };
        let may_claim = [Role::Operator, Role::Support, Role::Admin];
        for role in Role::ALL.iter().copied().filter(|role| !may_claim.contains(role)) {
            let refused = claim(&world, &user(8, "x", role), "A-00000", &right, "acme").await;
            assert!(matches!(refused, Err(Error::Forbidden { .. })), "{role}: {refused:?}");
        }
        assert!(matches!(claim(&world, &nobody, "A-00000", &right, "acme").await, Err(Error::NotSignedIn)));
        assert!(matches!(claim(&world, &device, "A-00000", &right, "acme").await, Err(Error::Forbidden { .. })));
        for role in [Role::Support, Role::Manager, Role::Auditor] {
            let refused = world.fleet.labels(&user(8, "x", role), "", "", 1).await;
            assert!(matches!(refused, Err(Error::Forbidden { .. })), "{role}");
            let refused = world.fleet.spoil_label(&user(8, "x", role), "A-00000").await;
            assert!(matches!(refused, Err(Error::Forbidden { .. })), "{role}");
        }
        assert!(matches!(world.fleet.labels(&nobody, "", "", 1).await, Err(Error::NotSignedIn)));
        // Whoever may not enter custodians claims for those that are known.
        let form = ClaimForm {
            serial: "A-00000".into(),
            code: right.clone(),
            new_client: "Brand New Ltd".into(),
            ..ClaimForm::default()
        };
        let refused = world.fleet.claim(&user(7, "sam", Role::Support), &form).await;
        assert!(matches!(refused, Err(Error::Forbidden { .. })), "{refused:?}");
        let taken = ClaimForm { new_client: "ACME".into(), ..form.clone() };
        assert_eq!(field_of(world.fleet.claim(&operator(), &taken).await).0, "new_client");
        let done = world.fleet.claim(&operator(), &form).await.unwrap();
        assert_eq!(done.client.name, "Brand New Ltd");
        assert_eq!(world.fleet.custodian(&operator(), "brand-new-ltd").await.unwrap().1, 1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn resale_spoils_a_label_and_a_repair_does_not() {
    for world in with_clients(2).await {
        let first = code(&world, "A-00000").await;
        record(&world, "A-00000", "receive", "depot").await;
        record(&world, "A-00000", "receive", "acme").await;
        assert_eq!(code(&world, "A-00000").await, first, "its first delivery");
        claim(&world, &operator(), "A-00000", &first.plain(), "acme").await.unwrap();
        record(&world, "A-00000", "return", "bench").await;
        record(&world, "A-00000", "receive", "acme").await;
        assert_eq!(label(&world, "A-00000").await, LabelState::Claimed, "a repair");
        record(&world, "A-00000", "transfer", "other").await;
        let second = code(&world, "A-00000").await;
        assert_ne!(second, first);
        let (field, told) = field_of(claim(&world, &operator(), "A-00000", &first.plain(), "other").await);
        assert!(field == "code" && told.contains("newer"), "{told}");
        claim(&world, &operator(), "A-00000", &second.plain(), "other").await.unwrap();
        // A claim that is struck through leaves nothing that counts.
        let history = world.fleet.device_record(&operator(), "A-00000").await.unwrap().history;
        let wrong = history.iter().rfind(|entry| matches!(entry.event, Event::Claimed { .. })).unwrap().id;
        world.fleet.correct(&operator(), "A-00000", wrong, "another client").await.unwrap();
        let third = code(&world, "A-00000").await;
        assert!(third != second && third != first);
        world.fleet.spoil_label(&operator(), "A-00000").await.unwrap();
        assert_ne!(code(&world, "A-00000").await, third);
        let id = store::device::by_serial(world.fleet.db(), "A-00001").await.unwrap().unwrap().id;
        assert_eq!(world.fleet.labels_spoilt(&operator(), id).await.unwrap(), 0, "nothing happened to this one");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn labels_come_page_by_page() {
    for world in with_clients(5).await {
        let mut seen = Vec::new();
        let mut after = String::new();
        loop {
            let page = world.fleet.labels(&operator(), "batch:A", &after, 2).await.unwrap();
            assert_eq!(page.total.number(), 5);
            seen.extend(page.items.iter().map(|label| label.serial.clone()));
            let Some(next) = page.next else { break };
            after = next;
        }
        assert_eq!(seen, ["A-00000", "A-00001", "A-00002", "A-00003", "A-00004"]);
        assert_eq!(audited(&world, "label.show", Outcome::Done).await.len(), 3);
        assert!(matches!(world.fleet.labels(&operator(), "modle:x", "", 2).await, Err(Error::Query(_))));
        let none = world.fleet.labels(&operator(), "batch:none", "", 2).await;
        assert!(none.is_err() || none.unwrap().items.is_empty());
    }
}
