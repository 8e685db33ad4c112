//! The first start, and what administrators do with accounts.

use crate::world::{MUSTER, PASSWORD, form, visitor, worlds};
use domain::{audit::Outcome, id::UserId, person::Role, time::DAY};
use fleet::{Error, Origin, link::LinkPurpose, people::UserChange};

fn fields(error: &Error) -> Vec<&str> {
    match error {
        Error::Invalid { fields } => fields.iter().map(|field| field.field.as_str()).collect(),
        _ => Vec::new(),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_first_start_makes_one_administrator() {
    for world in worlds().await {
        let (fleet, nobody) = (&world.fleet, visitor("192.0.2.1"));
        assert!(fleet.set_up_needed().await.unwrap());
        assert!(matches!(fleet.set_up_link(&nobody).await, Err(Error::NotSignedIn)));
        let old = fleet.set_up_link(&MUSTER).await.unwrap();
        let token = fleet.set_up_link(&MUSTER).await.unwrap();
        assert!(matches!(fleet.link(&old).await, Err(Error::Conflict(_))));
        assert_eq!(fleet.link(&token).await.unwrap().purpose, LinkPurpose::SetUp);
        // A mistake in the form uses nothing up.
        for (name, email, password, field) in [
            (" ", "ada@muster.example", PASSWORD, "name"),
            ("Ada", "ada", PASSWORD, "email"),
            ("Ada", "ada@muster.example", "short", "password"),
        ] {
            assert_eq!(fields(&fleet.set_up(&nobody, &token, name, email, password).await.unwrap_err()), [field]);
        }
        let first = fleet.set_up(&nobody, &token, "Ada", "Ada@Muster.example ", PASSWORD);
        let second = fleet.set_up(&nobody, &token, "Bob", "bob@muster.example", PASSWORD);
        let (first, second) = tokio::join!(first, second);
        assert!(first.is_ok() != second.is_ok(), "{}: {first:?} {second:?}", world.name);
        let admin = first.or(second).unwrap();
        assert_eq!(admin.role, Role::Admin);
        assert!(!fleet.set_up_needed().await.unwrap());
        assert!(matches!(fleet.set_up_link(&MUSTER).await, Err(Error::Conflict(_))));
        assert!(matches!(fleet.set_up(&nobody, &token, "Eve", "e@x.example", PASSWORD).await, Err(Error::Conflict(_))));
        fleet.sign_in(&nobody, &admin.email, PASSWORD).await.unwrap();
        world.chain_holds().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_set_up_link_ends_after_a_day() {
    for world in worlds().await {
        let token = world.fleet.set_up_link(&MUSTER).await.unwrap();
        world.wait(DAY);
        assert!(world.fleet.link(&token).await.is_err());
        let late = world.fleet.set_up(&visitor(""), &token, "Ada", "ada@muster.example", PASSWORD).await;
        assert!(matches!(late, Err(Error::Conflict(_))));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_invited_person_chooses_a_password_once() {
    for world in worlds().await {
        let fleet = &world.fleet;
        let (_, admin) = world.person(Role::Admin).await;
        let new = fleet.add_user(&admin, &form("Sam@Muster.example", Role::Support)).await.unwrap();
        assert_eq!(new.user.email, "sam@muster.example");
        let again = fleet.add_user(&admin, &form("sam@muster.example", Role::Support)).await.unwrap_err();
        assert_eq!(fields(&again), ["email"]);
        assert!(fleet.sign_in(&visitor(""), &new.user.email, "").await.is_err());
        let view = fleet.link(&new.link).await.unwrap();
        assert_eq!((view.purpose, view.user.unwrap().email), (LinkPurpose::SetPassword, new.user.email.clone()));
        assert!(fleet.redeem_link(&visitor(""), &new.link).await.is_err(), "it is for another purpose");
        let weak = fleet.set_password(&visitor(""), &new.link, &new.user.email).await.unwrap_err();
        assert_eq!(fields(&weak), ["password"]);
        let sam = fleet.set_password(&visitor(""), &new.link, PASSWORD).await.unwrap().inside().unwrap();
        assert!(sam.has_password && sam.password_changed_at.is_some());
        assert!(fleet.set_password(&visitor(""), &new.link, PASSWORD).await.is_err());
        assert_eq!(world.last_audited("link.redeem").await.0, "user:sam@muster.example");
        fleet.sign_in(&visitor(""), "sam@muster.example", PASSWORD).await.unwrap();
        // Another link makes the earlier one worthless, and ends sessions when it is used.
        world.session("one", sam.id).await;
        let first = fleet.reset_link(&admin, sam.id).await.unwrap();
        let second = fleet.reset_link(&admin, sam.id).await.unwrap();
        assert!(fleet.link(&first).await.is_err());
        fleet.set_password(&visitor(""), &second, "another sentence, as good").await.unwrap();
        assert!(fleet.sign_in(&visitor(""), "sam@muster.example", PASSWORD).await.is_err());
        let gone = fleet.actor_of_session(&fleet::session::session_hash("one"), Origin::default()).await.unwrap();
        assert_eq!(gone, None);
        world.chain_holds().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn only_administrators_manage_accounts_and_refusals_are_audited() {
    for world in worlds().await {
        let fleet = &world.fleet;
        let (operator, by_operator) = world.person(Role::Operator).await;
        let (_, auditor) = world.person(Role::Auditor).await;
        assert_eq!(fleet.users(&auditor).await.unwrap().len(), 2);
        assert!(matches!(fleet.users(&by_operator).await, Err(Error::Forbidden { .. })));
        assert_eq!(fleet.user(&by_operator, operator.id).await.unwrap().email, operator.email);
        for actor in [&auditor, &by_operator] {
            let change = UserChange { name: "X".to_owned(), role: "admin".to_owned(), version: 1 };
            assert!(matches!(fleet.change_user(actor, operator.id, &change).await, Err(Error::Forbidden { .. })));
            assert!(matches!(fleet.disable_user(actor, operator.id).await, Err(Error::Forbidden { .. })));
            assert!(matches!(fleet.enable_user(actor, operator.id).await, Err(Error::Forbidden { .. })));
            assert!(matches!(fleet.reset_link(actor, operator.id).await, Err(Error::Forbidden { .. })));
            assert!(matches!(fleet.sign_in_link(actor, operator.id).await, Err(Error::Forbidden { .. })));
            assert!(matches!(
                fleet.add_user(actor, &form("x@y.example", Role::Admin)).await,
                Err(Error::Forbidden { .. })
            ));
        }
        assert!(matches!(fleet.disable_user(&visitor("192.0.2.9"), operator.id).await, Err(Error::NotSignedIn)));
        let refused = world.audited("user.manage").await;
        assert_eq!(refused.len(), 11);
        assert!(refused.iter().all(|entry| entry.record.outcome == Outcome::Denied));
        assert_eq!(refused[0].record.address, "192.0.2.9");
        world.chain_holds().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_made_in_between_is_told_with_both_values() {
    for world in worlds().await {
        let fleet = &world.fleet;
        let (_, admin) = world.person(Role::Admin).await;
        let (support, _) = world.person(Role::Support).await;
        let change = |name: &str, role: Role, version| UserChange {
            name: name.to_owned(),
            role: role.as_str().to_owned(),
            version,
        };
        let changed = fleet.change_user(&admin, support.id, &change("Ann", Role::Operator, 1)).await.unwrap();
        assert_eq!((changed.role, changed.version), (Role::Operator, 2));
        let late = fleet.change_user(&admin, support.id, &change("Anna", Role::Manager, 1)).await.unwrap_err();
        let told = late.to_string();
        assert!(matches!(late, Error::Conflict(_)));
        assert!(["“Ann”", "Operator", "“Anna”", "Manager"].iter().all(|value| told.contains(value)), "{told}");
        assert_eq!(fleet.user(&admin, support.id).await.unwrap(), changed);
        let missing = fleet.change_user(&admin, UserId(support.id.0), &change("", Role::Manager, 2)).await.unwrap_err();
        assert_eq!(fields(&missing), ["name"]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_last_administrator_stays() {
    for world in worlds().await {
        let fleet = &world.fleet;
        let (ada, by_ada) = world.someone("ada@muster.example", Role::Admin).await;
        let demotion = UserChange { name: "Ada".to_owned(), role: "operator".to_owned(), version: 1 };
        assert!(matches!(fleet.change_user(&by_ada, ada.id, &demotion).await, Err(Error::Conflict(_))));
        assert!(matches!(fleet.disable_user(&by_ada, ada.id).await, Err(Error::Conflict(_))), "oneself");
        assert!(matches!(fleet.disable_user(&MUSTER, ada.id).await, Err(Error::Conflict(_))), "the last one");
        // Two who demote each other at the same time: one remains.
        let (bob, by_bob) = world.someone("bob@muster.example", Role::Admin).await;
        let (one, other) =
            tokio::join!(fleet.change_user(&by_ada, bob.id, &demotion), fleet.change_user(&by_bob, ada.id, &demotion));
        assert!(one.is_ok() != other.is_ok(), "{}: {one:?} {other:?}", world.name);
        let users = fleet.users(&MUSTER).await.unwrap();
        assert_eq!(users.iter().filter(|user| user.role == Role::Admin).count(), 1);
        world.chain_holds().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn disabling_ends_sessions_and_links_at_once() {
    for world in worlds().await {
        let fleet = &world.fleet;
        let (_, admin) = world.person(Role::Admin).await;
        let (support, _) = world.person(Role::Support).await;
        let session = world.session("one", support.id).await;
        world.session("two", support.id).await;
        let link = fleet.sign_in_link(&MUSTER, support.id).await.unwrap();
        assert!(fleet.actor_of_session(&session.id, Origin::default()).await.unwrap().is_some());
        let disabled = fleet.disable_user(&admin, support.id).await.unwrap();
        assert_eq!((disabled.sessions_ended, disabled.tokens_left), (2, 0));
        assert_eq!(fleet.actor_of_session(&session.id, Origin::default()).await.unwrap(), None);
        assert_eq!(fleet.actor_of_user(support.id, Origin::default()).await.unwrap(), None);
        assert!(fleet.redeem_link(&visitor(""), &link).await.is_err());
        assert!(fleet.disable_user(&admin, support.id).await.is_err());
        assert!(fleet.reset_link(&admin, support.id).await.is_err());
        assert!(fleet.sign_in(&visitor(""), &support.email, PASSWORD).await.is_err());
        let enabled = fleet.enable_user(&admin, support.id).await.unwrap();
        assert_eq!((enabled.disabled_at, enabled.version), (None, 3));
        fleet.sign_in(&visitor(""), &support.email, PASSWORD).await.unwrap();
        world.chain_holds().await;
    }
}
