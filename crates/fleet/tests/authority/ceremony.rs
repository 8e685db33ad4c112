//! Roots, requests, approvals, and the way to the ceremony and back.

use crate::world::{NOW, World, admin, bare, batch_form, conflict, manager, operator, root, template, user, worlds};
use domain::{
    approval::ApprovalState,
    authority::{AuthorityKind, AuthorityState},
    id::{ApprovalId, AuthorityId},
    person::Role,
    time::{DAY, SECOND},
};
use fleet::{
    Actor, AuditFilter, Error, Fleet, Keys, Origin, authority::AuthorityForm, people::UserForm, token::TokenForm,
};
use pki::{Issuer, Profile, SerialNumber, Urls};
use totp_rs::{Builder, Secret};

fn factory_form() -> AuthorityForm {
    AuthorityForm { kind: "factory".into(), factory: "brno".into(), ..AuthorityForm::default() }
}

async fn requested(world: &World, actor: &Actor, form: &AuthorityForm) -> (ApprovalId, String, AuthorityId) {
    let id = world.fleet.request_authority(actor, form).await.unwrap();
    let shown = world.fleet.approval(&manager(), id).await.unwrap();
    let authority = shown.row.subject.strip_prefix("authority:").unwrap().parse().unwrap();
    (id, shown.row.hash, authority)
}

#[tokio::test(flavor = "multi_thread")]
async fn the_hierarchy_comes_to_be_by_four_eyes_and_a_ceremony() {
    for world in worlds().await {
        let rows = world.fleet.authorities(&operator()).await.unwrap();
        let tree: Vec<_> = rows.iter().map(|row| (row.depth, row.authority.kind, row.authority.state)).collect();
        let active = AuthorityState::Active;
        let expected = [
            (0, AuthorityKind::Root, active),
            (1, AuthorityKind::Operations, active),
            (1, AuthorityKind::Factory, active),
            (2, AuthorityKind::Batch, active),
            (2, AuthorityKind::Batch, active),
        ];
        assert_eq!(tree, expected, "{}", world.name());
        let batch = world.fleet.authority(&operator(), "batch-ca-a").await.unwrap();
        let certificate = batch.certificate.unwrap();
        assert_eq!(certificate.path_length(), Some(0));
        assert_eq!(certificate.permitted_dns(), ["a.devices.muster.internal"]);
        assert_eq!(batch.row.authority.quota, Some(5), "what was agreed for the batch");
        assert_eq!(batch.parents.len(), 2);
        let factory = world.fleet.authority(&operator(), "factory-ca-brno").await.unwrap();
        certificate.verify_issued_by(&factory.certificate.unwrap()).unwrap();
        assert_eq!(factory.children.len(), 2);
        // What signed is entered like every other certificate.
        let detail = world.fleet.certificate(&operator(), "factory-ca-brno", &certificate.serial_hex()).await.unwrap();
        assert_eq!(detail.chain.len(), 2);
        let trusted = world.fleet.cacerts("A").await.unwrap();
        assert_eq!(trusted.len(), 3, "root, factory, batch");
        assert!(matches!(world.fleet.cacerts("Z").await, Err(Error::NotFound { .. })));
        world.chain_holds().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_manager_with_a_second_factor_shows_it_before_deciding() {
    for world in bare().await {
        let fleet = &world.fleet;
        let form = UserForm { email: "mo@muster.example".into(), name: "Mo".into(), role: "manager".into() };
        let mo = fleet.add_user(&Actor::Rule { name: "test" }, &form).await.unwrap().user;
        let mo = fleet.actor_of_user(mo.id, Origin::default()).await.unwrap().unwrap();
        fleet.begin_app(&mo, "Phone", "").await.unwrap();
        let secret = fleet.pending_app(&mo).await.unwrap().unwrap().secret.replace(' ', "");
        let app = Builder::new().with_secret(Secret::try_from_base32(secret).unwrap()).build().unwrap();
        let code = app.generate(u64::try_from(fleet.now().0 / SECOND).unwrap()).to_string();
        fleet.confirm_app(&mo, &code).await.unwrap();
        let (id, hash, _) = requested(&world, &operator(), &factory_form()).await;
        for approve in [true, false] {
            let asked = fleet.decide(&mo, id, &hash, approve, "seen").await;
            assert!(matches!(asked, Err(Error::ProveAgain)), "{asked:?}");
        }
        assert_eq!(fleet.approval(&mo, id).await.unwrap().row.state, ApprovalState::Waiting);
        fleet.decide(&mo.clone().proved(Some(fleet.now())), id, &hash, true, "").await.unwrap();
        assert_eq!(fleet.approval(&mo, id).await.unwrap().row.state, ApprovalState::Approved);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_key_of_a_root_is_ever_made_or_asked_for() {
    for world in bare().await {
        let form = AuthorityForm { kind: "root".into(), ..AuthorityForm::default() };
        assert!(matches!(world.fleet.request_authority(&operator(), &form).await, Err(Error::Invalid { .. })));
        let rows = world.fleet.authorities(&operator()).await.unwrap();
        assert_eq!(rows[0].authority.key_location, "offline");
        assert!(!world.fixture.folder.path().join("keys").exists());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_root_is_brought_in_once_and_only_a_root() {
    for world in bare().await {
        let fleet = &world.fleet;
        conflict(fleet.bring_root(&admin(), &world.root.certificate().pem()).await, "here already");
        conflict(fleet.bring_root(&admin(), &root("Test Root").certificate().pem()).await, "another name");
        let key = pki::SoftwareKey::generate(pki::KeyAlgorithm::EcdsaP256).unwrap();
        let below = template(Profile::FactoryCa, "No Root", pki::Signer::public_key(&key), NOW.plus(DAY));
        let below = pki::issue(&below, &world.root).unwrap();
        conflict(fleet.bring_root(&admin(), &below.pem()).await, "no root");
        conflict(fleet.bring_root(&admin(), "nothing").await, "can't be taken");
        world.wait(10_000 * DAY);
        conflict(fleet.bring_root(&admin(), &root("Late Root").certificate().pem()).await, "ended on");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_root_rolls_over_by_a_cross_certificate() {
    for world in worlds().await {
        let new = root("Second Root");
        let id = world.fleet.bring_root(&admin(), &new.certificate().pem()).await.unwrap();
        let serial = SerialNumber::random().unwrap();
        let until = NOW.plus(3_000 * DAY);
        let cross = pki::cross_sign(new.certificate(), serial, NOW, until, &Urls::default(), &world.root).unwrap();
        world.fleet.add_link(&admin(), id, &cross.pem()).await.unwrap();
        conflict(world.fleet.add_link(&admin(), id, &cross.pem()).await, "here already");
        conflict(
            world.fleet.add_link(&admin(), id, &world.root.certificate().pem()).await,
            "no certificate for the key",
        );
        let stranger = root("Stranger");
        let by_stranger = pki::cross_sign(
            new.certificate(),
            SerialNumber::random().unwrap(),
            NOW,
            until,
            &Urls::default(),
            &stranger,
        );
        conflict(world.fleet.add_link(&admin(), id, &by_stranger.unwrap().pem()).await, "Bring that root in first");
        let trusted = world.fleet.cacerts(None).await.unwrap();
        assert_eq!(trusted.len(), 3, "two roots and the cross-certificate");
        let detail = world.fleet.authority(&operator(), "second-root").await.unwrap();
        assert_eq!((detail.links.len(), detail.links[0].issuer_name.as_str()), (1, "Test Root"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_requests_does_not_approve_also_not_through_a_token() {
    for world in bare().await {
        let fleet = &world.fleet;
        // A manager can't request, but a manager's approval of what a token of theirs asked for would be one's own.
        let both = user(9, "max", Role::Manager);
        let asked_by = Actor::User {
            id: uuid::Uuid::from_u128(9).into(),
            email: "max@muster.example".into(),
            name: "max".into(),
            role: Role::Admin,
            proved_at: None,
            origin: Origin::default(),
        };
        let (id, hash, _) = requested(&world, &asked_by, &factory_form()).await;
        assert!(fleet.approval(&both, id).await.unwrap().own);
        conflict(fleet.decide(&both, id, &hash, true, "").await, "Somebody else");
        let other = user(10, "mia", Role::Manager);
        assert!(!fleet.approval(&other, id).await.unwrap().own);
        fleet.decide(&other, id, &hash, false, "not now").await.unwrap();
        // By way of a token that a token made that the person made.
        let outer = TokenForm { name: "outer".into(), role: "admin".into(), days: 1 };
        let outer = fleet.add_token(&asked_by, &outer).await.unwrap();
        let outer = fleet.actor_of_token(&outer.secret, Origin::default()).await.unwrap().unwrap();
        let inner = TokenForm { name: "inner".into(), role: "operator".into(), days: 1 };
        let inner = fleet.add_token(&outer, &inner).await.unwrap();
        let inner = fleet.actor_of_token(&inner.secret, Origin::default()).await.unwrap().unwrap();
        let (id, hash, _) = requested(&world, &inner, &factory_form()).await;
        conflict(fleet.decide(&both, id, &hash, true, "").await, "Somebody else");
        let program = TokenForm { name: "robot".into(), role: "manager".into(), days: 1 };
        let program = fleet.add_token(&admin(), &program).await.unwrap();
        let program = fleet.actor_of_token(&program.secret, Origin::default()).await.unwrap().unwrap();
        conflict(fleet.decide(&program, id, &hash, true, "").await, "decided by people");
        assert_eq!(fleet.approvals_waiting(&other).await.unwrap(), 1);
        fleet.decide(&other, id, &hash, true, "").await.unwrap();
        world.chain_holds().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_approval_is_bound_to_what_was_shown_and_has_one_winner() {
    for world in bare().await {
        let fleet = &world.fleet;
        let (id, hash, authority) = requested(&world, &operator(), &factory_form()).await;
        conflict(fleet.decide(&manager(), id, "other", true, "").await, "not what you were shown");
        conflict(fleet.decide(&manager(), id, &hash, false, " ").await, "why you reject");
        let deciders = (0..4_u128).map(|n| {
            let (fleet, hash) = (fleet.clone(), hash.clone());
            let decider = user(20 + n, &format!("manager{n}"), Role::Manager);
            tokio::spawn(async move { fleet.decide(&decider, id, &hash, true, "").await.is_ok() })
        });
        let mut won = 0;
        for decider in deciders.collect::<Vec<_>>() {
            won += i32::from(decider.await.unwrap());
        }
        assert_eq!(won, 1, "{}", world.name());
        let keys = std::fs::read_dir(world.fixture.folder.path().join("keys")).unwrap().count();
        assert_eq!(keys, 1, "the keys of those who were too late are gone");
        conflict(fleet.decide(&manager(), id, &hash, true, "").await, "decided already");
        let signed = world.signed(authority, Profile::FactoryCa).await;
        fleet.deliver_authority(&admin(), authority, &signed.pem()).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_detail_that_was_altered_behind_our_back_is_not_approved() {
    for world in bare().await {
        let (id, hash, _) = requested(&world, &operator(), &factory_form()).await;
        let sql = "UPDATE approval SET detail = '{\"quota\":1000000}'";
        match world.fleet.db() {
            store::Db::Sqlite { write, .. } => drop(sqlx::query(sql).execute(write).await.unwrap()),
            store::Db::Postgres(pool) => drop(sqlx::query(sql).execute(pool).await.unwrap()),
        }
        conflict(world.fleet.decide(&manager(), id, &hash, true, "").await, "not what you were shown");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rejected_authority_makes_room_and_signs_nothing() {
    for world in bare().await {
        let fleet = &world.fleet;
        let (id, hash, authority) = requested(&world, &operator(), &factory_form()).await;
        conflict(fleet.request_authority(&operator(), &factory_form()).await, "asked for already");
        fleet.decide(&manager(), id, &hash, false, "wrong factory").await.unwrap();
        let shown = fleet.approval(&operator(), id).await.unwrap();
        assert_eq!((shown.row.state, shown.row.reason.as_str()), (ApprovalState::Rejected, "wrong factory"));
        assert!(fleet.authority_request(&admin(), authority).await.is_err());
        let (_, _, again) = requested(&world, &operator(), &factory_form()).await;
        let rows = fleet.authorities(&operator()).await.unwrap();
        let row = rows.iter().find(|row| row.authority.id == again).unwrap();
        assert_eq!(row.authority.name, "Factory CA brno 2", "the name of what was rejected stays its own");
        conflict(fleet.request_authority(&operator(), &batch_form("A")).await, "no active CA");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_comes_back_from_the_ceremony_is_checked() {
    for world in bare().await {
        let fleet = &world.fleet;
        let (id, hash, authority) = requested(&world, &operator(), &factory_form()).await;
        fleet.decide(&manager(), id, &hash, true, "").await.unwrap();
        let request = pki::request_from_text(fleet.authority_request(&admin(), authority).await.unwrap()).unwrap();
        let deliver = async |pem: String| fleet.deliver_authority(&admin(), authority, &pem).await;
        let sign = |profile, key: &[u8], until, by: &Issuer| {
            pki::issue(&template(profile, "X", key, until), by).unwrap().pem()
        };
        let (until, key) = (NOW.plus(100 * DAY), request.public_key.as_slice());
        conflict(deliver(sign(Profile::OperationsCa, key, until, &world.root)).await, "path length");
        conflict(deliver(sign(Profile::Station, key, until, &world.root)).await, "no certification authority");
        let stranger = root("Other");
        conflict(deliver(sign(Profile::FactoryCa, key, until, &stranger)).await, "Bring that root in first");
        let other = pki::SoftwareKey::generate(pki::KeyAlgorithm::EcdsaP256).unwrap();
        let other = pki::Signer::public_key(&other).to_vec();
        conflict(deliver(sign(Profile::FactoryCa, &other, until, &world.root)).await, "for the key of");
        conflict(deliver(sign(Profile::FactoryCa, key, NOW, &world.root)).await, "ended on");
        // With the root behind it and in the wrong order, as people paste.
        let good = sign(Profile::FactoryCa, key, until, &world.root);
        deliver(format!("{}{good}", world.root.certificate().pem())).await.unwrap();
        conflict(deliver(good).await, "doesn't wait");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn without_the_passphrase_nothing_is_made_and_it_is_said_how_to_give_it() {
    for world in bare().await {
        let folder = world.fixture.folder.path();
        let closed = Fleet::new(world.fixture.db.clone(), folder.to_owned());
        let (id, hash, _) = requested(&world, &operator(), &factory_form()).await;
        conflict(closed.decide(&manager(), id, &hash, true, "").await, "--key-passphrase-file");
        assert_eq!(closed.approval(&manager(), id).await.unwrap().row.state, ApprovalState::Waiting);
        world.fleet.decide(&manager(), id, &hash, true, "").await.unwrap();
        let other = pki::Passphrase::new("another".into()).unwrap();
        let wrong = Fleet::new(world.fixture.db.clone(), folder.to_owned())
            .with_keys(Keys { folder: folder.join("keys"), passphrase: Some(other) });
        let authority = world.fleet.authorities(&admin()).await.unwrap()[0].authority.id;
        let waits = world.fleet.authorities(&admin()).await.unwrap();
        let waits = waits.iter().find(|row| row.authority.id != authority).unwrap();
        let signed = world.signed(waits.authority.id, Profile::FactoryCa).await;
        conflict(wrong.deliver_authority(&admin(), waits.authority.id, &signed.pem()).await, "does not open");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_batch_ca_retires_the_one_before() {
    for world in worlds().await {
        let again = AuthorityForm { name: "Batch CA A 2".into(), ..batch_form("A") };
        world.made(&again).await;
        let rows = world.fleet.authorities(&operator()).await.unwrap();
        let state = |slug: &str| rows.iter().find(|row| row.authority.slug == slug).unwrap().authority.state;
        assert_eq!((state("batch-ca-a"), state("batch-ca-a-2")), (AuthorityState::Retired, AuthorityState::Active));
        assert_eq!(state("batch-ca-b"), AuthorityState::Active);
        let id = rows.iter().find(|row| row.authority.slug == "batch-ca-a-2").unwrap().authority.id;
        world.fleet.retire_authority(&admin(), id, "a new one is here").await.unwrap();
        conflict(world.fleet.retire_authority(&admin(), id, "a new one is here").await, "Only an active");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_changed_since_it_was_shown_is_void() {
    for world in worlds().await {
        let fleet = &world.fleet;
        let form = AuthorityForm { name: "Successor".into(), ..batch_form("A") };
        let (id, hash, authority) = requested(&world, &operator(), &form).await;
        let settings = fleet.settings(&operator()).await.unwrap();
        let changed = fleet::setting::Settings { domain: "devices.example".into(), ..settings };
        fleet.save_settings(&admin(), &changed).await.unwrap();
        conflict(fleet.decide(&manager(), id, &hash, true, "").await, "permitted names");
        let shown = fleet.approval(&manager(), id).await.unwrap().row;
        assert_eq!(shown.state, ApprovalState::Void, "{}", world.name());
        assert!(shown.reason.contains("Ask for it anew"));
        let rows = fleet.authorities(&operator()).await.unwrap();
        let state = rows.iter().find(|row| row.authority.id == authority).unwrap().authority.state;
        assert_eq!(state, AuthorityState::Rejected);
        let told = fleet.audit_log(&admin(), &AuditFilter::default(), 20).await.unwrap();
        let last = told.iter().find(|entry| entry.record.action == "approval.decide").unwrap();
        let detail: serde_json::Value = serde_json::from_str(&last.record.detail).unwrap();
        assert_eq!((&detail["state"], &detail["approved"]), (&"void".into(), &false.into()));
        requested(&world, &operator(), &AuthorityForm { name: "Successor 2".into(), ..batch_form("A") }).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tokens_key_is_one_authoritys() {
    for world in bare().await {
        let form = AuthorityForm { key_location: "pkcs11:token=fleet;object=ca".into(), ..factory_form() };
        requested(&world, &operator(), &form).await;
        let other = AuthorityForm { factory: "graz".into(), ..form };
        conflict(world.fleet.request_authority(&operator(), &other).await, "needs one of its own");
    }
}
