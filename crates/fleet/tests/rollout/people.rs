use crate::world::*;
use domain::{
    approval::ApprovalState,
    audit::Outcome,
    person::Role,
    release::Stage,
    rollout::{Plan, RolloutState, WaveSize},
};
use fleet::{Actor, AuditFilter, Error, Origin, rollout::Abort};

#[tokio::test]
async fn whoever_wrote_at_it_never_approves_it() {
    for world in worlds().await {
        world.devices(6).await;
        let release = world.release("2.0", Stage::Production).await;
        let code = world.fleet.create_rollout(&admin(), plan(release)).await.unwrap();
        let version = world.rollout(&code).await.version;
        // Ada submits what Eve wrote. Neither decides, whatever role Eve has by then.
        world.fleet.submit_rollout(&operator(), &code, version).await.unwrap();
        let eve = user(3, "eve", Role::Manager);
        for own in [&eve, &user(1, "ada", Role::Manager)] {
            assert!(
                matches!(world.approve(own, &code).await, Err(Error::Conflict(_))),
                "{}: {}",
                world.name(),
                own.name()
            );
        }
        assert_eq!(world.state(&code).await, RolloutState::Submitted);
        assert!(matches!(world.approve(&operator(), &code).await, Err(Error::Forbidden { .. })));
        world.approve(&manager(), &code).await.unwrap();
        assert_eq!(world.state(&code).await, RolloutState::Running, "{}", world.name());
        assert_eq!(world.rollout(&code).await.approved_by, manager().name());
    }
}

#[tokio::test]
async fn an_edit_drops_what_was_approved_and_what_was_asked() {
    for world in worlds().await {
        let devices = world.devices(6).await;
        let release = world.release("2.0", Stage::Production).await;
        let later = Plan { start_at: Some(NOW.plus(100 * domain::time::DAY)), ..plan(release) };
        let code = world.submitted(later.clone()).await;
        let asked = world.fleet.rollout_approval(&operator(), &code).await.unwrap().unwrap();
        let shown = world.fleet.approval(&manager(), asked).await.unwrap();
        let version = world.rollout(&code).await.version;
        let wider = Plan { waves: vec![wave(WaveSize::Rest)], ..later.clone() };
        world.fleet.edit_rollout(&operator(), &code, version, wider.clone()).await.unwrap();
        assert_eq!(
            world.fleet.approval(&manager(), asked).await.unwrap().row.state,
            ApprovalState::Void,
            "{}",
            world.name()
        );
        let stale = world.fleet.decide(&manager(), asked, &shown.row.hash, true, "").await;
        assert!(matches!(stale, Err(Error::Conflict(_))), "{}", world.name());
        assert_eq!(world.state(&code).await, RolloutState::Draft);
        // Whoever edits what somebody else changed since is told.
        let lost = world.fleet.edit_rollout(&operator(), &code, version, wider.clone()).await;
        assert!(matches!(lost, Err(Error::Conflict(_))), "{}", world.name());
        // Approved and scheduled; then edited: it has to be approved again.
        let version = world.rollout(&code).await.version;
        world.fleet.submit_rollout(&operator(), &code, version).await.unwrap();
        world.approve(&manager(), &code).await.unwrap();
        assert_eq!(world.state(&code).await, RolloutState::Approved, "{}: its time has not come", world.name());
        let version = world.rollout(&code).await.version;
        let now = Plan { start_at: None, ..wider };
        world.fleet.edit_rollout(&operator(), &code, version, now).await.unwrap();
        world.look().await;
        assert_eq!(world.state(&code).await, RolloutState::Draft, "{}", world.name());
        assert!(world.offered_of(&devices).await.is_empty());
    }
}

#[tokio::test]
async fn it_starts_at_its_time_and_what_runs_is_not_changed() {
    for world in worlds().await {
        world.devices(6).await;
        let release = world.release("2.0", Stage::Production).await;
        let at = NOW.plus(domain::time::HOUR);
        let code = world.submitted(Plan { start_at: Some(at), ..plan(release) }).await;
        world.approve(&manager(), &code).await.unwrap();
        world.look().await;
        assert_eq!(world.state(&code).await, RolloutState::Approved);
        world.wait(domain::time::HOUR);
        world.look().await;
        let detail = world.rollout(&code).await;
        assert_eq!(detail.row.state, RolloutState::Running, "{}", world.name());
        let edited = world.fleet.edit_rollout(&operator(), &code, detail.version, plan(release)).await;
        assert!(matches!(edited, Err(Error::Conflict(_))));
    }
}

#[tokio::test]
async fn two_managers_and_the_author_race() {
    for world in worlds().await {
        world.devices(12).await;
        let release = world.release("2.0", Stage::Production).await;
        for round in 0..4 {
            let code = world.submitted(Plan { name: format!("Race {round}"), ..plan(release) }).await;
            let id = world.fleet.rollout_approval(&operator(), &code).await.unwrap().unwrap();
            let hash = world.fleet.approval(&manager(), id).await.unwrap().row.hash;
            let version = world.rollout(&code).await.version;
            let (ann, bob) = (user(7, "ann", Role::Manager), user(8, "bob", Role::Manager));
            let author = operator();
            let edited = Plan { name: "Another".to_owned(), ..plan(release) };
            let (one, two, three) = tokio::join!(
                world.fleet.decide(&ann, id, &hash, true, ""),
                world.fleet.decide(&bob, id, &hash, false, "no"),
                world.fleet.edit_rollout(&author, &code, version, edited),
            );
            let detail = world.rollout(&code).await;
            let done = [one.is_ok(), two.is_ok(), three.is_ok()];
            assert_eq!(done.iter().filter(|done| **done).count(), 1, "{}: {done:?}", world.name());
            match done {
                [true, ..] => {
                    assert_eq!(detail.row.state, RolloutState::Running);
                    assert_eq!(
                        (detail.row.name.as_str(), detail.approved_by.as_str()),
                        (format!("Race {round}").as_str(), ann.name())
                    );
                }
                _ => assert_eq!(detail.row.state, RolloutState::Draft, "{}", world.name()),
            }
            if detail.row.state == RolloutState::Running {
                // A double click on both buttons at once.
                let wave = detail.row.wave.unwrap();
                let _ = tokio::join!(
                    world.fleet.pause_rollout(&ann, &code, ""),
                    world.fleet.advance_rollout(&bob, &code, wave),
                    world.fleet.advance_rollout(&bob, &code, wave),
                );
                let after = world.rollout(&code).await;
                assert!(after.row.wave <= Some(wave + 1), "{}: one wave at most", world.name());
                world.fleet.abort_rollout(&ann, &code, Abort::Keep, "").await.unwrap();
            }
        }
    }
}

#[tokio::test]
async fn roles_and_nobody() {
    for world in worlds().await {
        world.devices(6).await;
        let release = world.release("2.0", Stage::Production).await;
        let code = world.started(plan(release)).await;
        let nobody = Actor::Nobody { origin: Origin::default() };
        let (support, auditor) = (user(5, "sue", Role::Support), user(6, "ari", Role::Auditor));
        for actor in [&nobody, &support, &auditor] {
            let who = actor.name();
            assert!(world.fleet.create_rollout(actor, plan(release)).await.is_err(), "{who}");
            assert!(world.fleet.submit_rollout(actor, &code, 0).await.is_err(), "{who}");
            assert!(world.fleet.pause_rollout(actor, &code, "").await.is_err(), "{who}");
            assert!(world.fleet.resume_rollout(actor, &code, IN_SPITE).await.is_err(), "{who}");
            assert!(world.fleet.advance_rollout(actor, &code, 0).await.is_err(), "{who}");
            assert!(world.fleet.abort_rollout(actor, &code, Abort::Keep, "").await.is_err(), "{who}");
        }
        assert!(world.fleet.create_rollout(&manager(), plan(release)).await.is_err(), "who approves does not write");
        assert!(
            world.fleet.rollout(&nobody, &code).await.is_err() && world.fleet.rollout(&support, &code).await.is_ok()
        );
        assert!(world.fleet.rollouts(&nobody, None, None, 10).await.is_err());
        assert_eq!(world.fleet.rollouts(&auditor, None, None, 10).await.unwrap().rows.len(), 1);
        assert_eq!(world.state(&code).await, RolloutState::Running, "{}", world.name());
        // Whoever runs it may not go on sooner than the gate says, and is told what that waits for.
        let denials = async || {
            let log = world.fleet.audit_log(&admin(), &AuditFilter::default(), 500).await.unwrap();
            log.iter().filter(|entry| entry.record.outcome == Outcome::Denied).count()
        };
        let before = denials().await;
        match world.fleet.advance_rollout(&operator(), &code, 0).await.unwrap_err() {
            Error::Conflict(told) => {
                assert!(told.contains("Wave 1 waits for this: ") && told.contains("outcome"), "{told}");
            }
            other => panic!("{other}"),
        }
        assert_eq!(denials().await, before + 1, "{}", world.name());
        // Sooner than the gate: a person's decision, which a manager's token cannot take.
        let token = Actor::Token {
            id: uuid::Uuid::from_u128(9).into(),
            name: "ci".into(),
            role: Role::Manager,
            origin: Origin::default(),
        };
        assert!(world.fleet.advance_rollout(&token, &code, 0).await.is_err(), "{}", world.name());
        assert_eq!(world.rollout(&code).await.row.wave, Some(0), "{}", world.name());
        world.fleet.pause_rollout(&token, &code, "").await.unwrap();
        world.fleet.resume_rollout(&token, &code, Resume::default()).await.unwrap();
        world.fleet.pause_rollout(&manager(), &code, "").await.unwrap();
        let audited = world.fleet.audit_verify(&auditor).await.unwrap();
        assert!(audited.break_at.is_none(), "{}", world.name());
    }
}

#[tokio::test]
async fn what_can_not_be_is_said_at_its_field() {
    for world in worlds().await {
        world.devices(6).await;
        let release = world.release("2.0", Stage::Production).await;
        let field = |error: Error| match error {
            Error::Invalid { fields } => fields.into_iter().map(|field| field.field).collect::<Vec<_>>().join(","),
            other => panic!("{other}"),
        };
        let unknown = Plan { release: domain::id::ReleaseId(uuid::Uuid::nil()), ..plan(release) };
        assert_eq!(field(world.fleet.create_rollout(&operator(), unknown).await.unwrap_err()), "release");
        let none = Plan { target: "serial:XX-1".to_owned(), ..plan(release) };
        let code = world.fleet.create_rollout(&operator(), none).await.unwrap();
        let refused = world.fleet.submit_rollout(&operator(), &code, 1).await.unwrap_err();
        assert_eq!(field(refused), "target,waves.0.size,waves.1.size", "{}", world.name());
        let withdrawn = world.release("3.0", Stage::Withdrawn).await;
        let code = world.fleet.create_rollout(&operator(), plan(withdrawn)).await.unwrap();
        assert_eq!(field(world.fleet.submit_rollout(&operator(), &code, 1).await.unwrap_err()), "release");
        assert_eq!(world.rollout(&code).await.row.code, "gateways-to-2-0-2", "{}: a word of its own", world.name());
    }
}
