//! Second factors: setting up, showing, losing them, who must have one, and when it is asked for again.

use crate::world::{MUSTER, PASSWORD, World, visitor, worlds};
use domain::{
    audit::Outcome,
    certificate::RevocationReason,
    factor::{FRESH, HALF_WAY, PENDING, SecondFactorPolicy},
    id::ApprovalId,
    person::{Permission, Role},
    revocation::RevocationAct,
    time::{HOUR, MINUTE, SECOND},
};
use fleet::{
    Actor, Error, Keys, Origin,
    custody::RetireForm,
    factor::{Entered, HalfWay, NextStep},
    people::{UserChange, UserForm},
    revocation::{RevokeForm, Selection},
    token::TokenForm,
};
use store::Db;
use totp_rs::{Builder, Secret};

const STEP: i64 = 30 * SECOND;

/// What somebody's app shows at the world's time.
fn code(world: &World, secret: &str) -> String {
    let secret = Secret::try_from_base32(secret.replace(' ', "")).unwrap();
    let app = Builder::new().with_secret(secret).build().unwrap();
    app.generate(u64::try_from(world.fleet.now().0 / SECOND).unwrap()).to_string()
}

fn field(error: &Error) -> String {
    match error {
        Error::Invalid { fields } => fields[0].field.clone(),
        other => panic!("{other:?}"),
    }
}

#[expect(clippy::needless_pass_by_value, reason = "what was just answered")]
fn is_asked_again<T: std::fmt::Debug>(result: Result<T, Error>) -> bool {
    matches!(result, Err(Error::ProveAgain))
}

/// Gives somebody an app. Its secret, and the recovery codes.
async fn with_app(world: &World, actor: &Actor) -> (String, Vec<String>) {
    world.fleet.begin_app(actor, "Phone", PASSWORD).await.unwrap();
    let secret = world.fleet.pending_app(actor).await.unwrap().unwrap().secret;
    let confirmed = world.fleet.confirm_app(actor, &code(world, &secret)).await.unwrap();
    world.wait(STEP);
    (secret, confirmed.codes)
}

async fn half(world: &World, email: &str) -> HalfWay {
    match world.fleet.sign_in(&visitor("192.0.2.1"), email, PASSWORD).await.unwrap() {
        Entered::HalfWay(half) => half,
        Entered::In(_) => panic!("the password alone was enough"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_app_counts_from_its_first_code_and_is_asked_for_from_then_on() {
    for world in worlds().await {
        let fleet = &world.fleet;
        let (user, actor) = world.person(Role::Operator).await;
        let wrong = fleet.begin_app(&actor, "Phone", "not the password").await.unwrap_err();
        assert_eq!(field(&wrong), "present", "a session that was left open is not enough");
        fleet.begin_app(&actor, "Phone", PASSWORD).await.unwrap();
        assert!(fleet.factors_of(&actor, user.id).await.unwrap().is_empty());
        assert!(matches!(fleet.sign_in(&visitor(""), &user.email, PASSWORD).await, Ok(Entered::In(_))));
        let pending = fleet.pending_app(&actor).await.unwrap().unwrap();
        assert!(pending.address.contains(&pending.secret.replace(' ', "")), "{}", pending.address);
        assert_eq!(field(&fleet.confirm_app(&actor, "000000").await.unwrap_err()), "code");
        let confirmed = fleet.confirm_app(&actor, &code(&world, &pending.secret)).await.unwrap();
        assert_eq!((confirmed.name.as_str(), confirmed.codes.len()), ("Phone", 10));
        assert_eq!(world.last_audited("factor.add").await.1, Outcome::Done);
        assert!(fleet.pending_app(&actor).await.unwrap().is_none());

        let half = half(&world, &user.email).await;
        assert_eq!(fleet.next_step(&half).await.unwrap().1, NextStep::Show);
        assert_eq!(world.audited("sign_in").await.len(), 1, "half way is not in");
        let first = code(&world, &pending.secret);
        let replayed = fleet.second_step(&visitor(""), &half, &first).await.unwrap_err();
        assert_eq!(field(&replayed), "code", "the code that confirmed is used up");
        world.wait(STEP);
        let next = code(&world, &pending.secret);
        assert_eq!(
            fleet.second_step(&visitor(""), &half, &format!(" {} {}", &next[..3], &next[3..])).await.unwrap().id,
            user.id
        );
        let (subject, outcome, detail) = world.last_audited("sign_in").await;
        assert_eq!((subject, outcome), ("user:operator@muster.example".to_owned(), Outcome::Done));
        assert_eq!(detail, r#"{"by":"password","second":"app"}"#);
        assert!(fleet.second_step(&visitor(""), &half, &next).await.is_err(), "once");
        // Not a secret, not a code.
        let log = format!("{:?}", fleet.audit_log(&MUSTER, &Default::default(), 500).await.unwrap());
        assert!(!log.contains(&next) && !log.contains(&pending.secret.replace(' ', "")));
        world.chain_holds().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn of_four_who_show_one_code_at_once_one_comes_in() {
    for world in worlds().await {
        let (user, actor) = world.person(Role::Operator).await;
        let (secret, _) = with_app(&world, &actor).await;
        let (half, shown) = (half(&world, &user.email).await, code(&world, &secret));
        let tries = (0..4).map(|n| {
            let (fleet, shown) = (world.fleet.clone(), shown.clone());
            tokio::spawn(async move { fleet.second_step(&visitor(&format!("192.0.2.{n}")), &half, &shown).await })
        });
        let mut won = 0;
        for attempt in tries.collect::<Vec<_>>() {
            won += usize::from(attempt.await.unwrap().is_ok());
        }
        assert_eq!(won, 1, "{}", world.name);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn codes_are_throttled_apart_from_passwords() {
    for world in worlds().await {
        let (user, actor) = world.person(Role::Operator).await;
        let (secret, codes) = with_app(&world, &actor).await;
        let half = half(&world, &user.email).await;
        for n in 0..5 {
            let wrong = world.fleet.second_step(&visitor(&format!("192.0.2.{n}")), &half, "000000").await.unwrap_err();
            assert_eq!(field(&wrong), "code");
        }
        // A right password, again and again, does not clear them.
        world.fleet.sign_in(&visitor(""), &user.email, PASSWORD).await.unwrap();
        let blocked = world.fleet.second_step(&visitor(""), &half, &code(&world, &secret)).await;
        assert!(matches!(blocked, Err(Error::TooMany { .. })), "{blocked:?}");
        let blocked = world.fleet.second_step(&visitor(""), &half, &codes[0]).await;
        assert!(matches!(blocked, Err(Error::TooMany { .. })), "recovery codes are no way around it");
        assert_eq!(world.audited("sign_in.second").await.len(), 5);
        assert_eq!(world.last_audited("sign_in.block").await.0, "second-factor:operator@muster.example");
        world.wait(MINUTE);
        world.fleet.second_step(&visitor(""), &half, &code(&world, &secret)).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn half_way_ends_by_itself_and_with_what_it_came_from() {
    for world in worlds().await {
        let fleet = &world.fleet;
        let (user, actor) = world.person(Role::Operator).await;
        let (secret, _) = with_app(&world, &actor).await;
        let late = half(&world, &user.email).await;
        world.wait(HALF_WAY);
        let answer = fleet.second_step(&visitor(""), &late, &code(&world, &secret)).await;
        assert!(matches!(answer, Err(Error::Conflict(_))), "{answer:?}");
        let before = half(&world, &user.email).await;
        world.wait(SECOND);
        fleet.change_password(&actor, PASSWORD, "another sentence, as good", None).await.unwrap();
        let answer = fleet.second_step(&visitor(""), &before, &code(&world, &secret)).await;
        assert!(matches!(answer, Err(Error::Conflict(_))), "the password that was given is not the one: {answer:?}");
        // A link to choose a password is no way around the second factor, and neither is one to sign in.
        let link = fleet.reset_link(&MUSTER, user.id).await.unwrap();
        assert!(matches!(fleet.set_password(&visitor(""), &link, PASSWORD).await.unwrap(), Entered::HalfWay(_)));
        let link = fleet.sign_in_link(&MUSTER, user.id).await.unwrap();
        let Entered::HalfWay(by_link) = fleet.redeem_link(&visitor(""), &link).await.unwrap() else { panic!() };
        fleet.disable_user(&MUSTER, user.id).await.unwrap();
        assert!(fleet.second_step(&visitor(""), &by_link, &code(&world, &secret)).await.is_err());
        // Whoever has one can't bring in another with the password alone.
        fleet.enable_user(&MUSTER, user.id).await.unwrap();
        let half = half(&world, &user.email).await;
        assert!(fleet.begin_app_half_way(&visitor(""), &half, "Mine").await.is_err());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn recovery_codes_work_once_each_and_are_kept_as_hashes() {
    for world in worlds().await {
        let fleet = &world.fleet;
        let (user, actor) = world.person(Role::Operator).await;
        let (_, codes) = with_app(&world, &actor).await;
        let enter = async |code: &str| {
            let half = half(&world, &user.email).await;
            fleet.second_step(&visitor(""), &half, code).await
        };
        enter(&codes[3].to_uppercase().replace('-', " ")).await.unwrap();
        assert_eq!(
            world.last_audited("sign_in").await.2,
            r#"{"by":"password","codes_left":9,"second":"recovery code"}"#
        );
        assert_eq!(field(&enter(&codes[3]).await.unwrap_err()), "code");
        enter(&codes[4]).await.unwrap();
        assert_eq!(fleet.factors_of(&actor, user.id).await.unwrap().codes_left, 8);
        assert!(is_asked_again(fleet.new_recovery_codes(&actor).await));
        let fresh = actor.clone().proved(Some(fleet.now()));
        let newer = fleet.new_recovery_codes(&fresh).await.unwrap();
        assert_eq!(field(&enter(&codes[5]).await.unwrap_err()), "code", "the earlier ones are worth nothing");
        enter(&newer[0]).await.unwrap();
        // With the last app they go: alone they are no second factor.
        let app = fleet.factors_of(&actor, user.id).await.unwrap().apps[0].id;
        fleet.remove_factor(&fresh, app).await.unwrap();
        assert_eq!(fleet.factors_of(&actor, user.id).await.unwrap().codes_left, 0);
        assert!(matches!(fleet.sign_in(&visitor(""), &user.email, PASSWORD).await, Ok(Entered::In(_))));
        assert!(fleet.new_recovery_codes(&fresh).await.is_err());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_secret_is_derived_where_there_is_a_passphrase_and_then_stands_nowhere() {
    for world in worlds().await {
        let (user, actor) = world.person(Role::Operator).await;
        let (plain, _) = with_app(&world, &actor).await;
        let kept = store::factor::of_user(world.fleet.db(), user.id).await.unwrap().remove(0);
        assert_eq!(kept.secret, plain.replace(' ', ""), "without a passphrase it can only be kept");
        let passphrase = pki::Passphrase::new("correct horse".into()).unwrap();
        let keys = Keys { folder: world.fleet.folder().join("keys"), passphrase: Some(passphrase) };
        let fleet = world.fleet.clone().with_keys(keys);
        let fresh = actor.proved(Some(fleet.now()));
        fleet.begin_app(&fresh, "Tablet", "").await.unwrap();
        let secret = fleet.pending_app(&fresh).await.unwrap().unwrap().secret;
        fleet.confirm_app(&fresh, &code(&world, &secret)).await.unwrap();
        let kept = store::factor::of_user(fleet.db(), user.id).await.unwrap();
        assert_eq!(kept.iter().filter(|app| app.secret.is_empty()).count(), 1);
        world.wait(STEP);
        let half = half(&world, &user.email).await;
        fleet.second_step(&visitor(""), &half, &code(&world, &secret)).await.unwrap();
        // Either app is as good, and each has codes of its own.
        fleet.second_step(&visitor(""), &half, &code(&world, &plain)).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_begun_waits_a_quarter_of_an_hour() {
    for world in worlds().await {
        let (_, actor) = world.person(Role::Operator).await;
        world.fleet.begin_app(&actor, "", PASSWORD).await.unwrap();
        let pending = world.fleet.pending_app(&actor).await.unwrap().unwrap();
        assert_eq!(pending.name, "Authenticator app");
        world.wait(PENDING);
        assert!(world.fleet.pending_app(&actor).await.unwrap().is_none());
        assert!(world.fleet.confirm_app(&actor, &code(&world, &pending.secret)).await.is_err());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_policy_leads_those_who_must_have_one_to_it_before_anything_else() {
    for world in worlds().await {
        let fleet = &world.fleet;
        let (admin, actor) = world.person(Role::Admin).await;
        let (manager, _) = world.person(Role::Manager).await;
        let (support, _) = world.person(Role::Support).await;
        let session = async |user| world.session(&format!("{user}"), user).await.id;
        let (of_manager, of_support) = (session(manager.id).await, session(support.id).await);
        let none = fleet.set_second_factor_policy(&actor, SecondFactorPolicy::Managers).await;
        assert!(matches!(none, Err(Error::Conflict(_))), "who asks it of others has one: {none:?}");
        with_app(&world, &actor).await;
        assert!(is_asked_again(fleet.set_second_factor_policy(&actor, SecondFactorPolicy::Managers).await));
        let fresh = actor.clone().proved(Some(fleet.now()));
        assert_eq!(fleet.set_second_factor_policy(&fresh, SecondFactorPolicy::Managers).await.unwrap(), 1);
        assert!(fleet.actor_of_session(&of_manager, Origin::default()).await.unwrap().is_none());
        assert!(fleet.actor_of_session(&of_support, Origin::default()).await.unwrap().is_some());

        let half = half(&world, &manager.email).await;
        assert_eq!(fleet.next_step(&half).await.unwrap().1, NextStep::SetUp);
        assert!(fleet.second_step(&visitor(""), &half, "000000").await.is_err());
        fleet.begin_app_half_way(&visitor("192.0.2.1"), &half, "Phone").await.unwrap();
        let NextStep::Confirm(pending) = fleet.next_step(&half).await.unwrap().1 else { panic!() };
        assert_eq!(field(&fleet.confirm_app_half_way(&visitor(""), &half, "000000").await.unwrap_err()), "code");
        let (back, confirmed) =
            fleet.confirm_app_half_way(&visitor("192.0.2.1"), &half, &code(&world, &pending.secret)).await.unwrap();
        assert_eq!((back.id, confirmed.codes.len()), (manager.id, 10));
        let acts = fleet.actor_of_user(manager.id, Origin::default()).await.unwrap().unwrap();
        let last = fleet.factors_of(&acts, manager.id).await.unwrap().apps[0].id;
        let fresh_manager = acts.proved(Some(fleet.now()));
        assert!(
            matches!(fleet.remove_factor(&fresh_manager, last).await, Err(Error::Conflict(_))),
            "one has to remain"
        );

        // A role that must have one ends what is open without.
        let promoted = UserChange { name: "Sam".into(), role: "manager".into(), version: support.version };
        fleet.change_user(&fresh, support.id, &promoted).await.unwrap();
        assert!(fleet.actor_of_session(&of_support, Origin::default()).await.unwrap().is_none());
        assert!(matches!(fleet.sign_in(&visitor(""), &support.email, PASSWORD).await, Ok(Entered::HalfWay(_))));
        let (operator, _) = world.person(Role::Operator).await;
        assert!(matches!(fleet.sign_in(&visitor(""), &operator.email, PASSWORD).await, Ok(Entered::In(_))));
        world.session("o", operator.id).await;
        world.session("a", admin.id).await;
        assert_eq!(fleet.set_second_factor_policy(&fresh, SecondFactorPolicy::Everybody).await.unwrap(), 1);
        assert!(matches!(fleet.sign_in(&visitor(""), &operator.email, PASSWORD).await, Ok(Entered::HalfWay(_))));
        let (subject, outcome, detail) = world.last_audited("factor.policy").await;
        assert_eq!((subject.as_str(), outcome), ("settings", Outcome::Done));
        assert_eq!(detail, r#"{"after":"everybody","before":"managers","sessions_ended":1}"#);
        world.chain_holds().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_administrator_resets_somebody_elses_and_never_their_own() {
    for world in worlds().await {
        let fleet = &world.fleet;
        let (admin, actor) = world.person(Role::Admin).await;
        let (user, owner) = world.person(Role::Support).await;
        assert!(matches!(fleet.reset_factors(&actor, user.id).await, Err(Error::Conflict(_))), "there is none");
        let (_, _) = (with_app(&world, &owner).await, with_app(&world, &actor).await);
        world.session("s", user.id).await;
        assert!(is_asked_again(fleet.reset_factors(&actor, user.id).await));
        let fresh = actor.proved(Some(fleet.now()));
        assert!(matches!(fleet.reset_factors(&fresh, admin.id).await, Err(Error::Conflict(_))), "their own");
        let reset = fleet.reset_factors(&fresh, user.id).await.unwrap();
        assert_eq!((reset.removed, reset.sessions_ended), (1, 1));
        assert!(matches!(fleet.sign_in(&visitor(""), &user.email, PASSWORD).await, Ok(Entered::In(_))));
        for role in [Role::Operator, Role::Support, Role::Manager, Role::Auditor] {
            let (_, other) = world.someone(&format!("{role}2@muster.example"), role).await;
            assert!(matches!(fleet.reset_factors(&other, admin.id).await, Err(Error::Forbidden { .. })), "{role}");
        }
        assert!(matches!(fleet.reset_factors(&visitor(""), admin.id).await, Err(Error::NotSignedIn)));
        // On the machine itself, for an administrator who is alone.
        fleet.reset_factors(&MUSTER, admin.id).await.unwrap();
        assert_eq!(world.last_audited("factor.reset").await.0, "user:admin@muster.example");
        world.chain_holds().await;
    }
}

fn revocation(act: RevocationAct) -> RevokeForm {
    RevokeForm {
        selection: Selection::Device("NONE".into()),
        act,
        reason: RevocationReason::KeyCompromise,
        note: "seen".into(),
        confirmation: "NONE".into(),
        preview_hash: String::new(),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_dangerous_asks_again_of_whoever_has_one_in_every_role() {
    for world in worlds().await {
        let fleet = &world.fleet;
        let form = || TokenForm { name: "ERP".into(), role: "support".into(), days: 1 };
        for role in Role::ALL {
            let (_, actor) = world.person(*role).await;
            let asks = |result: Result<(), Error>, may: bool| match (may, result) {
                (true, result) => assert!(matches!(result, Err(Error::ProveAgain)), "{role}: {result:?}"),
                (false, result) => assert!(matches!(result, Err(Error::Forbidden { .. })), "{role}: {result:?}"),
            };
            let admin = *role == Role::Admin;
            if admin {
                fleet.add_token(&actor, &form()).await.unwrap();
            }
            let (secret, _) = with_app(&world, &actor).await;
            asks(fleet.add_token(&actor, &form()).await.map(drop), admin);
            let somebody = UserForm { email: "x@y.example".into(), name: "X".into(), role: "admin".into() };
            asks(fleet.add_user(&actor, &somebody).await.map(drop), admin);
            asks(fleet.reset_link(&actor, actor.user_id().unwrap()).await.map(drop), admin);
            asks(fleet.enable_user(&actor, actor.user_id().unwrap()).await.map(drop), admin);
            asks(fleet.set_second_factor_policy(&actor, SecondFactorPolicy::Optional).await.map(drop), admin);
            let own = fleet.factors_of(&actor, actor.user_id().unwrap()).await.unwrap().apps[0].id;
            asks(fleet.remove_factor(&actor, own).await.map(drop), true);
            asks(fleet.begin_app(&actor, "Another", PASSWORD).await.map(drop), true);
            let may_revoke = role.may(Permission::CertificateRevoke);
            asks(fleet.revoke(&actor, &revocation(RevocationAct::Revoke)).await.map(drop), may_revoke);
            let scrapped = RetireForm { verb: "retire".into(), revoke: true, ..RetireForm::default() };
            let devices = fleet::devices::Selection::Serials(vec!["NONE".into()]);
            let may_retire = role.may(Permission::DeviceRetire) && may_revoke;
            asks(fleet.retire(&actor, &devices, &scrapped).await.map(drop), may_retire);
            let held = fleet.revoke(&actor, &revocation(RevocationAct::Hold)).await;
            assert!(!is_asked_again(held), "stopping is one click");
            // Shown now it counts for ten minutes, and not a moment longer.
            let wrong = fleet.prove_again(&actor, None, "000000").await.unwrap_err();
            assert_eq!(field(&wrong), "code");
            let at = fleet.prove_again(&actor, None, &code(&world, &secret)).await.unwrap();
            assert!(fleet.prove_again(&actor, None, &code(&world, &secret)).await.is_err(), "no code twice");
            let fresh = actor.proved(Some(at));
            fleet.begin_app(&fresh, "Another", "").await.unwrap();
            let begun = fleet.pending_app(&fresh).await.unwrap().unwrap().secret;
            world.wait(FRESH);
            assert!(is_asked_again(fleet.confirm_app(&fresh, &code(&world, &begun)).await), "a further one, too");
            assert!(is_asked_again(fleet.remove_factor(&fresh, own).await));
        }
        // Programs have none, and are let through or not by their role alone.
        let token =
            fleet.add_token(&MUSTER, &TokenForm { name: "CI".into(), role: "admin".into(), days: 1 }).await.unwrap();
        let program = fleet.actor_of_token(&token.secret, Origin::default()).await.unwrap().unwrap();
        fleet.add_token(&program, &form()).await.unwrap();
        let nothing = fleet.decide(&MUSTER, ApprovalId(uuid::Uuid::nil()), "", true, "").await;
        assert!(matches!(nothing, Err(Error::NotFound { .. })));
        world.wait(HOUR);
        world.chain_holds().await;
    }
}

/// Lets nobody audit that somebody signs in, as if the process ended there.
async fn cut_off_at_sign_in(db: &Db, is_cut: bool) {
    let statements: &[&'static str] = match (db, is_cut) {
        (Db::Sqlite { .. }, true) => &["CREATE TRIGGER cut BEFORE INSERT ON audit WHEN NEW.action = 'sign_in' \
                                        BEGIN SELECT RAISE(ABORT, 'cut off'); END"],
        (Db::Sqlite { .. }, false) => &["DROP TRIGGER cut"],
        (Db::Postgres(_), true) => &[
            "CREATE FUNCTION cut() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RAISE EXCEPTION ''cut off''; END'",
            "CREATE TRIGGER cut BEFORE INSERT ON audit FOR EACH ROW WHEN (NEW.action = 'sign_in') EXECUTE FUNCTION cut()",
        ],
        (Db::Postgres(_), false) => &["DROP TRIGGER cut ON audit"],
    };
    for statement in statements {
        match db {
            Db::Sqlite { write, .. } => sqlx::query(*statement).execute(write).await.map(drop).unwrap(),
            Db::Postgres(pool) => sqlx::query(*statement).execute(pool).await.map(drop).unwrap(),
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_app_that_is_set_up_on_the_way_in_counts_when_one_is_in_and_not_before() {
    for world in worlds().await {
        let fleet = &world.fleet;
        let (_, actor) = world.person(Role::Admin).await;
        let (user, _) = world.person(Role::Operator).await;
        with_app(&world, &actor).await;
        let fresh = actor.proved(Some(fleet.now()));
        fleet.set_second_factor_policy(&fresh, SecondFactorPolicy::Everybody).await.unwrap();
        let half = half(&world, &user.email).await;
        fleet.begin_app_half_way(&visitor(""), &half, "Phone").await.unwrap();
        let NextStep::Confirm(pending) = fleet.next_step(&half).await.unwrap().1 else { panic!() };
        let shown = code(&world, &pending.secret);
        cut_off_at_sign_in(fleet.db(), true).await;
        fleet.confirm_app_half_way(&visitor(""), &half, &shown).await.unwrap_err();
        cut_off_at_sign_in(fleet.db(), false).await;
        let known = fleet.factors_of(&MUSTER, user.id).await.unwrap();
        assert!(known.is_empty() && known.codes_left == 0, "codes that nobody saw are worth nothing");
        // The same code again: both things happen, and the codes are those that are shown.
        let (_, confirmed) = fleet.confirm_app_half_way(&visitor(""), &half, &shown).await.unwrap();
        assert_eq!((confirmed.codes.len(), world.audited("factor.add").await.len()), (10, 2));
        assert_eq!(world.last_audited("sign_in").await.2, r#"{"by":"password","second":"app"}"#);
        world.chain_holds().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_click_with_the_same_code_is_answered_as_the_first() {
    for world in worlds().await {
        let fleet = &world.fleet;
        let (_, actor) = world.person(Role::Operator).await;
        let (secret, _) = with_app(&world, &actor).await;
        let shown = code(&world, &secret);
        // Both at once, as browsers send them.
        let clicks = [0, 1].map(|_| {
            let (fleet, actor, shown) = (fleet.clone(), actor.clone(), shown.clone());
            tokio::spawn(async move { fleet.prove_again(&actor, Some("session"), &shown).await })
        });
        for click in clicks {
            click.await.unwrap().unwrap();
        }
        assert_eq!(
            world.audited("factor.prove").await.iter().filter(|row| row.record.outcome == Outcome::Done).count(),
            1
        );
        let first = fleet.prove_again(&actor, Some("session"), &shown).await.unwrap();
        assert_eq!(first, fleet.now());
        for other in [Some("another"), None] {
            let refused = fleet.prove_again(&actor, other, &shown).await.unwrap_err();
            assert_eq!(field(&refused), "code", "another session has not shown it");
        }
        world.wait(10 * SECOND);
        assert_eq!(field(&fleet.prove_again(&actor, Some("session"), &shown).await.unwrap_err()), "code");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_can_read_no_secret_says_so_and_counts_no_try() {
    for world in worlds().await {
        let keys = |passphrase: Option<&str>| Keys {
            folder: world.fleet.folder().join("keys"),
            passphrase: passphrase.map(|words| pki::Passphrase::new(words.into()).unwrap()),
        };
        let fleet = world.fleet.clone().with_keys(keys(Some("correct horse")));
        let (user, actor) = world.person(Role::Operator).await;
        let (secret, codes) = with_app(&world, &actor).await;
        let half = half(&world, &user.email).await;
        let fleet = fleet.with_keys(keys(None));
        for _ in 0..9 {
            let away = fleet.second_step(&visitor("192.0.2.1"), &half, &code(&world, &secret)).await;
            assert!(matches!(away, Err(Error::Away(_))), "{away:?}");
        }
        assert!(world.audited("sign_in.block").await.is_empty());
        fleet.second_step(&visitor("192.0.2.1"), &half, &codes[0]).await.unwrap();
        let fleet = fleet.with_keys(keys(Some("correct horse")));
        fleet.second_step(&visitor("192.0.2.1"), &half, &code(&world, &secret)).await.unwrap();
    }
}
