use crate::world::*;
use base64::{Engine, engine::general_purpose::STANDARD};
use domain::{audit::Outcome, id::WebhookId, person::Role, time::DAY, webhook::EventKind};
use fleet::{
    Actor, AuditFilter, Error, Origin,
    webhook::{Message, WebhookForm},
};
use uuid::Uuid;

fn form(url: &str, kinds: &[&str]) -> WebhookForm {
    WebhookForm { url: url.to_owned(), kinds: kinds.iter().map(|kind| (*kind).to_owned()).collect() }
}

#[tokio::test]
async fn only_administrators_have_anything_to_do_with_them() {
    for world in worlds().await {
        let hook = world.add(&[EventKind::FindingOpened]).await.hook;
        let good = form("https://hooks.example/", &["finding.opened"]);
        let nobody = Actor::Nobody { origin: Origin::default() };
        let everybody = Role::ALL.iter().flat_map(|role| [user(*role), program(*role)]).chain([nobody]);
        for actor in everybody.filter(|actor| actor.role() != Some(Role::Admin)) {
            let f = &world.fleet;
            let refused = [
                f.webhooks(&actor).await.err(),
                f.webhook(&actor, hook.id, None).await.err(),
                f.add_webhook(&actor, &good).await.err(),
                f.add_webhook(&actor, &form("nonsense", &["nonsense"])).await.err(),
                f.pause_webhook(&actor, hook.id, true).await.err(),
                f.remove_webhook(&actor, hook.id).await.err(),
                f.change_webhook_secret(&actor, hook.id, 0).await.err(),
                f.test_webhook(&actor, WebhookId(Uuid::nil())).await.err(),
                f.resend_webhook(&actor, hook.id, 1).await.err(),
            ];
            for error in refused {
                let is_refusal = matches!(error, Some(Error::Forbidden { .. } | Error::NotSignedIn));
                assert!(is_refusal, "{}: {actor:?}: {error:?}", world.name());
            }
        }
        assert_eq!(world.fleet.webhooks(&user(Role::Admin)).await.unwrap().len(), 1);
        let filter = AuditFilter { outcome: Outcome::Denied.to_string(), ..AuditFilter::default() };
        assert!(world.fleet.audit_log(&RULE, &filter, 500).await.unwrap().len() > 30, "{}", world.name());
    }
}

#[tokio::test]
async fn what_is_wrong_is_told_at_its_field() {
    for world in worlds().await {
        let admin = user(Role::Admin);
        let cases = [
            (form("http://hooks.example/", &["finding.opened"]), "url"),
            (form("https://user:word@hooks.example/", &["finding.opened"]), "url"),
            (form("", &["finding.opened"]), "url"),
            (form("https://hooks.example/", &[]), "kinds"),
            (form("https://hooks.example/", &["finding.closed"]), "kinds"),
            (form("https://hooks.example/", &["webhook.test"]), "kinds"),
        ];
        for (wrong, at) in cases {
            let Err(Error::Invalid { fields }) = world.fleet.add_webhook(&admin, &wrong).await else {
                unreachable!("{wrong:?}")
            };
            assert_eq!(fields[0].field, at, "{wrong:?}");
        }
        for _ in 0..20 {
            world.add(&[EventKind::FindingOpened]).await;
        }
        let more = world.fleet.add_webhook(&admin, &form("https://hooks.example/", &["finding.opened"])).await;
        assert!(matches!(more, Err(Error::Conflict(_))), "{}", world.name());
    }
}

#[tokio::test]
async fn a_secret_is_shown_once_and_kept_nowhere() {
    for world in worlds().await {
        let (one, two) = (world.add(&[EventKind::FindingOpened]).await, world.add(&[EventKind::FindingOpened]).await);
        assert!(one.secret.starts_with("whsec_") && one.secret.len() == 50, "{}", world.name());
        assert_ne!(one.secret, two.secret);
        let log = world.fleet.audit_log(&RULE, &AuditFilter::default(), 500).await.unwrap();
        let told: Vec<_> = log.iter().filter(|entry| entry.record.action == "webhook.add").collect();
        assert_eq!(told.len(), 2);
        for entry in told {
            assert!(entry.record.detail.contains("hooks.example"));
            assert!(!entry.record.detail.contains("whsec_") && !entry.record.detail.contains("/muster"));
        }
        // Without the passphrase nothing is derived, so nothing could be signed.
        let other = world.another(None);
        let refused = other.add_webhook(&user(Role::Admin), &form("https://hooks.example/", &["finding.opened"])).await;
        assert!(matches!(refused, Err(Error::Conflict(_))), "{}", world.name());
        assert!(world.fleet.webhooks(&user(Role::Admin)).await.unwrap().len() == 2);
    }
}

#[tokio::test]
async fn every_process_signs_alike() {
    for world in worlds().await {
        let hook = world.add(&[EventKind::FindingOpened]).await.hook;
        world.ring(EventKind::FindingOpened, "x").await;
        world.hear(&mut fleet::webhook::Ear::default()).await;
        let here = world.next(hook.id).await.unwrap();
        let there = world.another(Some("correct horse")).next_message(hook.id).await.unwrap().unwrap();
        assert_eq!(
            (&here.id, &here.signature, &here.body),
            (&there.id, &there.signature, &there.body),
            "{}",
            world.name()
        );
        assert!(here.signature.starts_with("v1,"));
        world.wait(1_000_000);
        let later = world.next(hook.id).await.unwrap();
        assert!(later.id == here.id && later.signature != here.signature, "the time is signed, too");
    }
}

/// What a receiver computes with a secret that it was given.
fn signature(secret: &str, message: &Message) -> String {
    let key = STANDARD.decode(secret.strip_prefix("whsec_").unwrap()).unwrap();
    pki::WebhookSecret::new(key).sign(&message.id, message.timestamp, message.body.as_bytes())
}

#[tokio::test]
async fn a_secret_is_changed_and_the_one_before_signs_for_a_day() {
    for world in worlds().await {
        let (f, admin) = (&world.fleet, user(Role::Admin));
        let first = world.add(&[EventKind::FindingOpened]).await;
        let id = first.hook.id;
        world.ring(EventKind::FindingOpened, "x").await;
        world.hear(&mut fleet::webhook::Ear::default()).await;
        let second = f.change_webhook_secret(&admin, id, 0).await.unwrap();
        assert_ne!(first.secret, second.secret, "{}", world.name());
        let message = world.next(id).await.unwrap();
        let both = [&first.secret, &second.secret].map(|secret| signature(secret, &message)).join(" ");
        assert_eq!(message.signature, both, "{}", world.name());
        // The same form once more, which has seen the first one.
        let again = f.change_webhook_secret(&admin, id, 0).await;
        assert!(matches!(again, Err(Error::Conflict(_))), "{again:?}");
        assert_eq!(f.webhook(&admin, id, None).await.unwrap().hook, second.hook);
        world.wait(DAY - 1);
        assert_eq!(world.next(id).await.unwrap().signature.split(' ').count(), 2);
        world.wait(1);
        let message = world.next(id).await.unwrap();
        assert_eq!(message.signature, signature(&second.secret, &message), "{}: the grace is over", world.name());
        let log = f.audit_log(&RULE, &AuditFilter::default(), 500).await.unwrap();
        let told: Vec<_> = log.iter().filter(|entry| entry.record.action == "webhook.secret").collect();
        assert_eq!(told.len(), 1);
        assert!(told[0].record.detail.contains("hooks.example") && !told[0].record.detail.contains("whsec_"));
        let mute = world.another(None).change_webhook_secret(&admin, id, 1).await;
        assert!(matches!(mute, Err(Error::Conflict(_))), "{mute:?}");
        let none = f.change_webhook_secret(&admin, WebhookId(Uuid::nil()), 0).await;
        assert!(matches!(none, Err(Error::NotFound { .. })), "{none:?}");
    }
}

#[tokio::test]
async fn a_secret_is_changed_twice_a_day_at_most() {
    for world in worlds().await {
        let (f, admin) = (&world.fleet, user(Role::Admin));
        let first = world.add(&[EventKind::FindingOpened]).await;
        let id = first.hook.id;
        f.change_webhook_secret(&admin, id, 0).await.unwrap();
        f.change_webhook_secret(&admin, id, 1).await.unwrap();
        let third = f.change_webhook_secret(&admin, id, 2).await;
        assert!(matches!(&third, Err(Error::Conflict(why)) if why.contains("twice within a day")), "{third:?}");
        world.ring(EventKind::FindingOpened, "x").await;
        world.hear(&mut fleet::webhook::Ear::default()).await;
        let message = world.next(id).await.unwrap();
        assert!(
            message.signature.starts_with(&signature(&first.secret, &message)),
            "what the receiver has still signs"
        );
        assert_eq!(message.signature.split(' ').count(), 3, "{}", world.name());
        world.wait(DAY);
        assert!(f.change_webhook_secret(&admin, id, 2).await.is_ok(), "{}", world.name());
    }
}

#[tokio::test]
async fn removed_it_is_owed_nothing() {
    for world in worlds().await {
        let admin = user(Role::Admin);
        let hook = world.add(&[EventKind::FindingOpened]).await.hook;
        world.ring(EventKind::FindingOpened, "x").await;
        world.hear(&mut fleet::webhook::Ear::default()).await;
        let message = world.next(hook.id).await.unwrap();
        world.fleet.remove_webhook(&admin, hook.id).await.unwrap();
        assert!(!world.answered(&message, domain::webhook::Reply::Status(200)).await, "{}", world.name());
        assert!(world.next(hook.id).await.is_none());
        assert!(matches!(world.fleet.webhook(&admin, hook.id, None).await, Err(Error::NotFound { .. })));
        assert!(matches!(world.fleet.remove_webhook(&admin, hook.id).await, Err(Error::NotFound { .. })));
    }
}
