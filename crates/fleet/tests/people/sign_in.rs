//! Signing in, its limits, one-time links, passwords and sessions.

use crate::world::{MUSTER, PASSWORD, World, visitor, worlds};
use domain::{
    audit::Outcome,
    person::Role,
    time::{HOUR, MINUTE, SECOND},
};
use fleet::{Actor, Error, Origin, factor::Entered, session::session_hash};

fn is_wrong(result: &Result<Entered, Error>) -> bool {
    matches!(result, Err(Error::Invalid { .. }))
}

fn is_blocked(result: &Result<Entered, Error>) -> bool {
    matches!(result, Err(Error::TooMany { .. }))
}

async fn fail(world: &World, address: &str, email: &str) -> Result<Entered, Error> {
    world.fleet.sign_in(&visitor(address), email, "not the password").await
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_knows_the_password_comes_in() {
    for world in worlds().await {
        let (user, _) = world.person(Role::Manager).await;
        let back = world.fleet.sign_in(&visitor("192.0.2.1"), "  Manager@Muster.Example", PASSWORD).await.unwrap();
        assert_eq!(back.id(), user.id);
        let entry = world.audited("sign_in").await.remove(0);
        assert_eq!(entry.record.actor_name, "manager@muster.example");
        assert_eq!((entry.record.outcome, entry.record.address.as_str()), (Outcome::Done, "192.0.2.1"));
        let seen = world.fleet.user(&MUSTER, user.id).await.unwrap().last_sign_in_at;
        assert_eq!(seen, Some(world.fleet.now()));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_unknown_and_disabled_look_the_same_and_are_audited() {
    for world in worlds().await {
        let (_, _) = world.person(Role::Admin).await;
        let (gone, _) = world.person(Role::Support).await;
        world.fleet.disable_user(&MUSTER, gone.id).await.unwrap();
        let mut answers = Vec::new();
        for (email, password) in [
            ("admin@muster.example", "hunter2hunter2"),
            ("admin@muster.example", ""),
            ("nobody@muster.example", PASSWORD),
            ("support@muster.example", PASSWORD),
            ("support@muster.example", "hunter2hunter2"),
            ("hunter2hunter2", "hunter2hunter2"),
        ] {
            let answer = world.fleet.sign_in(&visitor("192.0.2.1"), email, password).await;
            assert!(is_wrong(&answer), "{answer:?}");
            answers.push(answer.unwrap_err().to_string());
        }
        answers.dedup();
        assert_eq!(answers.len(), 1);
        let entries = world.audited("sign_in").await;
        assert_eq!(entries.len(), 6);
        assert!(entries.iter().all(|entry| entry.record.outcome == Outcome::Failed));
        // Not even a password that was typed into the wrong field.
        let log = world.fleet.audit_log(&MUSTER, &Default::default(), 500).await.unwrap();
        assert!(!format!("{log:?}").contains("hunter2"));
        assert_eq!(entries[0].record.subject, "user:?");
        assert_eq!(entries[2].record.detail, r#"{"why":"disabled"}"#);
        world.chain_holds().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn thirty_guesses_at_once_are_five_guesses() {
    for world in worlds().await {
        world.person(Role::Admin).await;
        let guesses = (0..30).map(|n| {
            let fleet = world.fleet.clone();
            tokio::spawn(async move {
                // From as many addresses: only the account's limit counts here.
                fleet.sign_in(&visitor(&format!("192.0.2.{n}")), "admin@muster.example", "a wrong guess").await
            })
        });
        let mut answers = Vec::new();
        for guess in guesses.collect::<Vec<_>>() {
            answers.push(guess.await.unwrap());
        }
        assert_eq!(answers.iter().filter(|answer| is_wrong(answer)).count(), 5, "{}", world.name);
        assert_eq!(answers.iter().filter(|answer| is_blocked(answer)).count(), 25, "{}", world.name);
        assert_eq!(world.audited("sign_in.block").await.len(), 1);
        world.chain_holds().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_blocked_account_waits_longer_each_time_and_forgets_on_success() {
    for world in worlds().await {
        world.person(Role::Admin).await;
        let email = "admin@muster.example";
        for _ in 0..5 {
            assert!(is_wrong(&fail(&world, "", email).await));
        }
        for minutes in [1, 2, 4] {
            let answer = world.fleet.sign_in(&visitor(""), email, PASSWORD).await.unwrap_err();
            let Error::TooMany { wait_micros } = answer else { panic!("{answer:?}") };
            assert_eq!(wait_micros, minutes * MINUTE);
            world.wait(minutes * MINUTE - SECOND);
            assert!(is_blocked(&fail(&world, "", email).await));
            world.wait(SECOND);
            assert!(is_wrong(&fail(&world, "", email).await));
        }
        let (subject, outcome, detail) = world.last_audited("sign_in.block").await;
        assert_eq!((subject.as_str(), outcome), ("account:admin@muster.example", Outcome::Denied));
        assert_eq!(detail, r#"{"seconds":480}"#);
        world.wait(8 * MINUTE);
        world.fleet.sign_in(&visitor(""), email, PASSWORD).await.unwrap();
        for _ in 0..4 {
            assert!(is_wrong(&fail(&world, "", email).await));
        }
        world.fleet.sign_in(&visitor(""), email, PASSWORD).await.unwrap();
        world.chain_holds().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_that_tries_many_accounts_is_blocked_for_all() {
    for world in worlds().await {
        world.person(Role::Admin).await;
        for n in 0..19 {
            // Different addresses of one IPv6 customer.
            let address = format!("2001:db8:0:1::{n}");
            assert!(is_wrong(&fail(&world, &address, &format!("user{n}@muster.example")).await));
            if n == 10 {
                // Owning one account does not clear the address.
                world.fleet.sign_in(&visitor(&address), "admin@muster.example", PASSWORD).await.unwrap();
            }
        }
        assert!(is_wrong(&fail(&world, "2001:db8:0:1::ffff", "last@muster.example").await));
        let blocked = world.fleet.sign_in(&visitor("2001:db8:0:1::1"), "admin@muster.example", PASSWORD).await;
        assert!(is_blocked(&blocked), "{}: {blocked:?}", world.name);
        world.fleet.sign_in(&visitor("2001:db8:0:2::1"), "admin@muster.example", PASSWORD).await.unwrap();
        assert_eq!(world.last_audited("sign_in.block").await.0, "address:2001:db8:0:1::/64");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_who_use_a_link_at_once_one_comes_in() {
    for world in worlds().await {
        let (user, _) = world.person(Role::Operator).await;
        for _ in 0..5 {
            let token = world.fleet.sign_in_link(&MUSTER, user.id).await.unwrap();
            assert_eq!(world.fleet.link(&token).await.unwrap().user.unwrap().id, user.id);
            let tries = (0..8).map(|_| {
                let (fleet, token) = (world.fleet.clone(), token.clone());
                tokio::spawn(async move { fleet.redeem_link(&visitor("192.0.2.1"), &token).await })
            });
            let mut won = 0;
            for attempt in tries.collect::<Vec<_>>() {
                match attempt.await.unwrap() {
                    Ok(back) => {
                        assert_eq!(back.id(), user.id);
                        won += 1;
                    }
                    Err(error) => assert!(matches!(error, Error::Conflict(_)), "{error:?}"),
                }
            }
            assert_eq!(won, 1, "{}", world.name);
        }
        let unknown = world.fleet.redeem_link(&visitor(""), "no such link").await;
        assert!(matches!(unknown, Err(Error::Conflict(_))));
        world.chain_holds().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn changing_the_password_needs_the_present_one_and_ends_other_sessions() {
    for world in worlds().await {
        let (user, actor) = world.person(Role::Support).await;
        let here = world.session("here", user.id).await;
        world.session("there", user.id).await;
        let link = world.fleet.sign_in_link(&MUSTER, user.id).await.unwrap();
        let field = |error: Error| match error {
            Error::Invalid { fields } => fields[0].field.clone(),
            other => panic!("{other:?}"),
        };
        let new = "another sentence, as good";
        let wrong = world.fleet.change_password(&actor, "wrong", new, Some(&here.id)).await.unwrap_err();
        assert_eq!(field(wrong), "present");
        let weak = world.fleet.change_password(&actor, PASSWORD, "short", Some(&here.id)).await.unwrap_err();
        assert_eq!(field(weak), "password");
        let same = world.fleet.change_password(&actor, PASSWORD, PASSWORD, Some(&here.id)).await.unwrap_err();
        assert_eq!(field(same), "password");
        assert_eq!(world.fleet.change_password(&actor, PASSWORD, new, Some(&here.id)).await.unwrap(), 1);
        let own = world.fleet.own_sessions(&actor, Some(&here.id)).await.unwrap();
        assert_eq!(own.iter().map(|session| (&session.id, session.current)).collect::<Vec<_>>(), [(&here.id, true)]);
        assert!(world.fleet.link(&link).await.is_err());
        assert!(is_wrong(&world.fleet.sign_in(&visitor(""), &user.email, PASSWORD).await));
        world.fleet.sign_in(&visitor(""), &user.email, new).await.unwrap();
        let entries = world.audited("password.change").await;
        assert_eq!(entries.iter().map(|e| e.record.outcome).collect::<Vec<_>>(), [Outcome::Done, Outcome::Failed]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stolen_session_can_not_guess_the_password_for_long() {
    for world in worlds().await {
        let (_, actor) = world.person(Role::Support).await;
        for _ in 0..5 {
            let guess = world.fleet.change_password(&actor, "a guess", "another sentence, as good", None).await;
            assert!(matches!(guess, Err(Error::Invalid { .. })));
        }
        let guess = world.fleet.change_password(&actor, PASSWORD, "another sentence, as good", None).await;
        assert!(matches!(guess, Err(Error::TooMany { .. })));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn sessions_follow_the_account_and_end_for_good() {
    for world in worlds().await {
        let (fleet, db) = (&world.fleet, world.fleet.db());
        let (user, actor) = world.person(Role::Support).await;
        let (_, other) = world.person(Role::Operator).await;
        let mut one = world.session("one", user.id).await;
        let two = world.session("two", user.id).await;
        assert!(matches!(store::session::insert(db, &one).await, Err(store::StoreError::Exists)));
        let change = fleet::people::UserChange { name: "S".to_owned(), role: "manager".to_owned(), version: 1 };
        fleet.change_user(&MUSTER, user.id, &change).await.unwrap();
        let now = fleet.actor_of_session(&one.id, Origin::default()).await.unwrap().unwrap();
        assert_eq!(now.role(), Some(Role::Manager));
        assert!(fleet.end_session(&other, &one.id).await.is_err(), "somebody else's");
        fleet.end_session(&actor, &one.id).await.unwrap();
        assert!(fleet.end_session(&actor, &one.id).await.is_err());
        // A request that was under way does not bring it back.
        one.data = r#"{"late":true}"#.to_owned();
        store::session::update(db, &one).await.unwrap();
        assert_eq!(store::session::by_id(db, &one.id).await.unwrap(), None);
        world.session("three", user.id).await;
        assert_eq!(fleet.sign_out_everywhere(&actor, None).await.unwrap(), 2);
        assert_eq!(fleet.actor_of_session(&two.id, Origin::default()).await.unwrap(), None);
        let four = world.session("four", user.id).await;
        fleet.sign_out(&actor).await.unwrap();
        world.wait(HOUR);
        assert_eq!(fleet.actor_of_session(&four.id, Origin::default()).await.unwrap(), None, "it has ended");
        assert_eq!(fleet.sweep().await.unwrap(), 1);
        assert_eq!(store::session::by_id(db, &session_hash("four")).await.unwrap(), None);
        let token = Actor::Token {
            id: domain::id::TokenId(user.id.0),
            name: "ci".to_owned(),
            role: Role::Admin,
            origin: Origin::default(),
        };
        assert!(matches!(fleet.sign_out_everywhere(&token, None).await, Err(Error::Forbidden { .. })));
        world.chain_holds().await;
    }
}
