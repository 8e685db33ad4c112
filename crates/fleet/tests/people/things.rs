//! API tokens, saved views, idempotency keys.

use crate::{
    patience::until,
    world::{MUSTER, visitor, worlds},
};
use domain::{
    audit::Outcome,
    person::Role,
    time::{DAY, MINUTE, SECOND},
};
use fleet::{Actor, Error, Fleet, Origin, idempotency::Begun, token::TokenForm, view::ViewForm};
use std::time::Duration;

fn token_form(days: i64) -> TokenForm {
    TokenForm { name: "CI".to_owned(), role: "operator".to_owned(), days }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_acts_with_its_role_until_it_ends_or_is_revoked() {
    for world in worlds().await {
        let fleet = &world.fleet;
        let (admin, by_admin) = world.person(Role::Admin).await;
        let (_, operator) = world.person(Role::Operator).await;
        assert!(matches!(fleet.add_token(&operator, &token_form(1)).await, Err(Error::Forbidden { .. })));
        for days in [0, 366, i64::MAX] {
            assert!(matches!(fleet.add_token(&by_admin, &token_form(days)).await, Err(Error::Invalid { .. })));
        }
        let short = fleet.add_token(&by_admin, &token_form(1)).await.unwrap();
        let long = fleet.add_token(&by_admin, &token_form(365)).await.unwrap();
        assert!(short.secret.starts_with("muster_") && short.secret.len() == 50);
        let origin = || Origin { address: "192.0.2.7".to_owned() };
        let actor = fleet.actor_of_token(&short.secret, origin()).await.unwrap().unwrap();
        assert_eq!((actor.role(), actor.address(), actor.kind()), (Some(Role::Operator), "192.0.2.7", "token"));
        for secret in ["", "muster_", &short.secret[7..], &short.secret[..49], &format!("{}x", &short.secret[..49])] {
            assert_eq!(fleet.actor_of_token(secret, origin()).await.unwrap(), None, "{secret}");
        }
        assert!(!format!("{:?}", fleet.tokens(&by_admin).await.unwrap()).contains(&short.secret[7..]));
        let listed = fleet.disable_user(&MUSTER, admin.id).await;
        assert!(listed.is_err(), "the last administrator");
        world.wait(DAY);
        assert_eq!(fleet.actor_of_token(&short.secret, origin()).await.unwrap(), None, "it has ended");
        assert!(fleet.actor_of_token(&long.secret, origin()).await.unwrap().is_some());
        fleet.revoke_token(&by_admin, long.token.id).await.unwrap();
        assert!(fleet.revoke_token(&by_admin, long.token.id).await.is_err());
        assert_eq!(fleet.actor_of_token(&long.secret, origin()).await.unwrap(), None, "it is revoked");
        assert_eq!(world.last_audited("token.revoke").await.1, Outcome::Done);
        world.chain_holds().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_disabled_persons_tokens_are_told() {
    for world in worlds().await {
        let fleet = &world.fleet;
        world.person(Role::Admin).await;
        let (eve, by_eve) = world.someone("eve@muster.example", Role::Admin).await;
        fleet.add_token(&by_eve, &token_form(7)).await.unwrap();
        let revoked = fleet.add_token(&by_eve, &token_form(7)).await.unwrap().token.id;
        fleet.revoke_token(&by_eve, revoked).await.unwrap();
        assert_eq!(fleet.disable_user(&MUSTER, eve.id).await.unwrap().tokens_left, 1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_use_of_a_token_is_noted_once_a_minute() {
    for world in worlds().await {
        let fleet = &world.fleet;
        let new = fleet.add_token(&MUSTER, &token_form(7)).await.unwrap();
        let noted = async || fleet.tokens(&MUSTER).await.unwrap()[0].last_used_at;
        let first = fleet.now();
        // Another test's note may be under way; then the next use is noted.
        let until_noted = async |wanted| {
            until(world.name, async || {
                fleet.actor_of_token(&new.secret, Origin::default()).await.unwrap().unwrap();
                noted().await == Some(wanted)
            })
            .await
        };
        until_noted(first).await;
        world.wait(MINUTE - SECOND);
        fleet.actor_of_token(&new.secret, Origin::default()).await.unwrap().unwrap();
        tokio::time::sleep(Duration::from_millis(100)).await;
        assert_eq!(noted().await, Some(first));
        world.wait(SECOND);
        until_noted(first.plus(MINUTE)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn views_are_ones_own_or_shared() {
    for world in worlds().await {
        let fleet = &world.fleet;
        let (_, ann) = world.someone("ann@muster.example", Role::Operator).await;
        let (_, bob) = world.someone("bob@muster.example", Role::Support).await;
        let (_, auditor) = world.person(Role::Auditor).await;
        let form = |name: &str, query: &str, shared| ViewForm {
            name: name.to_owned(),
            query: query.to_owned(),
            sort: "-last_seen".to_owned(),
            columns: "serial,model".to_owned(),
            shared,
        };
        let own = fleet.save_view(&ann, &form("Silent", "conn:silent   -trust:trusted", false)).await.unwrap();
        assert_eq!(own.query, "conn:silent -trust:trusted");
        let shared = fleet.save_view(&ann, &form("At repair", "state:in_repair", true)).await.unwrap();
        assert!(matches!(fleet.save_view(&ann, &form("Silent", "", false)).await, Err(Error::Invalid { .. })));
        fleet.save_view(&bob, &form("Silent", "", false)).await.unwrap();
        assert!(matches!(fleet.save_view(&ann, &form("Bad", "modle:x", false)).await, Err(Error::Query(_))));
        assert!(matches!(fleet.save_view(&auditor, &form("A", "", false)).await, Err(Error::Forbidden { .. })));
        assert!(matches!(fleet.save_view(&MUSTER, &form("A", "", false)).await, Err(Error::Forbidden { .. })));
        let names = async |actor: &Actor| {
            fleet.views(actor).await.unwrap().into_iter().map(|view| view.name).collect::<Vec<_>>()
        };
        assert_eq!(names(&ann).await, ["At repair", "Silent"]);
        assert_eq!(names(&bob).await, ["Silent", "At repair"]);
        assert_eq!(names(&auditor).await, ["At repair"]);
        assert!(matches!(fleet.delete_view(&bob, shared.id).await, Err(Error::NotFound { .. })));
        fleet.delete_view(&ann, shared.id).await.unwrap();
        assert_eq!(names(&bob).await, ["Silent"]);
        assert!(matches!(fleet.views(&visitor("")).await, Err(Error::NotSignedIn)));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repeated_request_gets_the_same_answer() {
    for world in worlds().await {
        let fleet = &world.fleet;
        let (_, ann) = world.someone("ann@muster.example", Role::Operator).await;
        let (_, bob) = world.someone("bob@muster.example", Role::Operator).await;
        let begin = async |actor: &Actor, hash: &str| fleet.begin_request(actor, "key-1", hash).await.unwrap();
        let Begun::Fresh(claim) = begin(&ann, "a").await else { panic!("new") };
        assert!(matches!(begin(&ann, "a").await, Begun::InFlight));
        assert!(matches!(begin(&ann, "b").await, Begun::Mismatch));
        let Begun::Fresh(bobs) = begin(&bob, "b").await else { panic!("keys are each actor's own") };
        fleet.finish_request(claim, 201, r#"{"id":1}"#).await.unwrap();
        let Begun::Replay { status, body } = begin(&ann, "a").await else { panic!("answered") };
        assert_eq!((status, body.as_str()), (201, r#"{"id":1}"#));
        assert!(matches!(begin(&ann, "b").await, Begun::Mismatch));
        // One that came to nothing is free again; one that was left in the middle, after ten minutes.
        fleet.abandon_request(bobs).await.unwrap();
        let Begun::Fresh(left) = begin(&bob, "b").await else { panic!("abandoned") };
        world.wait(10 * MINUTE);
        let Begun::Fresh(taken) = begin(&bob, "c").await else { panic!("left") };
        fleet.finish_request(left, 500, "late").await.unwrap();
        fleet.finish_request(taken, 200, "taken over").await.unwrap();
        assert!(matches!(begin(&bob, "c").await, Begun::Replay { status: 200, .. }));
        world.wait(DAY);
        assert!(matches!(begin(&ann, "other").await, Begun::Fresh(_)));
        fleet.sweep().await.unwrap();
        for key in ["", "with space", &"x".repeat(256)] {
            assert!(matches!(fleet.begin_request(&ann, key, "a").await, Err(Error::Invalid { .. })));
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_an_earlier_process_left_unanswered_is_free_at_the_next_start() {
    for world in worlds().await {
        let fleet = &world.fleet;
        let (_, ann) = world.someone("ann@muster.example", Role::Operator).await;
        let begin = async |fleet: &Fleet, key: &str| fleet.begin_request(&ann, key, "a").await.unwrap();
        let Begun::Fresh(done) = begin(fleet, "done").await else { panic!("new") };
        fleet.finish_request(done, 200, "done").await.unwrap();
        let Begun::Fresh(_left) = begin(fleet, "left").await else { panic!("new") };
        let folder = tempfile::tempdir().unwrap();
        let elsewhere = Fleet::new(fleet.db().clone(), folder.path().to_owned());
        elsewhere.forget_unanswered().await.unwrap();
        assert!(matches!(begin(fleet, "left").await, Begun::InFlight), "another folder's console still answers");
        fleet.forget_unanswered().await.unwrap();
        assert!(matches!(begin(fleet, "left").await, Begun::Fresh(_)), "{}", world.name);
        assert!(matches!(begin(fleet, "done").await, Begun::Replay { status: 200, .. }));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_equal_requests_at_once_one_is_done() {
    for world in worlds().await {
        let (_, ann) = world.someone("ann@muster.example", Role::Operator).await;
        let requests = (0..20).map(|_| {
            let (fleet, ann) = (world.fleet.clone(), ann.clone());
            tokio::spawn(async move { fleet.begin_request(&ann, "key", "hash").await.unwrap() })
        });
        let mut fresh = 0;
        for request in requests.collect::<Vec<_>>() {
            match request.await.unwrap() {
                Begun::Fresh(_) => fresh += 1,
                other => assert!(matches!(other, Begun::InFlight), "{other:?}"),
            }
        }
        assert_eq!(fresh, 1, "{}", world.name);
    }
}
