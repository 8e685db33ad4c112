//! Webhooks told over real connections: by receivers that fail, are slow, lead elsewhere or want nothing more, and by a
//! program that is killed.

use crate::{
    field::{Field, admin, operator},
    patience::until,
    receiver::{Behaviour, Receiver},
    served::Served,
};
use base64::{Engine, engine::general_purpose::STANDARD};
use domain::{
    id::WebhookId,
    time::SECOND,
    webhook::{DeliveryState as S, HookState},
};
use fleet::{
    Fleet,
    rollout::Abort,
    webhook::{Delivery, NewWebhook, WebhookForm},
};
use pki::WebhookSecret;
use server::webhooks::{self, Sender, Trusted};
use std::{collections::BTreeSet, fs, path::PathBuf, time::Duration};
use store::testing;
use tokio::task::JoinHandle;

/// A fleet on each database, with people and batches, that can sign.
async fn fields() -> Vec<Field> {
    let mut out = Vec::new();
    for fixture in testing::both().await.unwrap() {
        out.push(Field::before(fixture).await.0);
    }
    out
}

/// A process that tells webhooks and may reach this machine.
fn courier(fleet: &Fleet, ca: Option<PathBuf>) -> JoinHandle<()> {
    let trusted = Trusted { networks: vec!["127.0.0.0/8".parse().unwrap(), "::1/128".parse().unwrap()], ca };
    tokio::spawn(webhooks::run(fleet.clone(), Sender::new(&trusted).unwrap()))
}

async fn add(fleet: &Fleet, url: &str) -> NewWebhook {
    let kinds = ["approval.waiting", "rollout.submitted", "rollout.aborted"].map(str::to_owned).to_vec();
    fleet.add_webhook(&admin(), &WebhookForm { url: url.to_owned(), kinds }).await.unwrap()
}

async fn test(fleet: &Fleet, hook: WebhookId) {
    fleet.test_webhook(&admin(), hook).await.unwrap();
}

async fn deliveries(fleet: &Fleet, hook: WebhookId) -> Vec<Delivery> {
    fleet.webhook(&admin(), hook, None).await.unwrap().deliveries
}

/// Whether what is told first was tried. By the time that somebody looks it may have been so again.
async fn is_tried(fleet: &Fleet, hook: WebhookId) -> bool {
    deliveries(fleet, hook).await.last().is_some_and(|one| one.attempts > 0)
}

#[tokio::test]
async fn what_happens_is_told_signed_and_in_the_words_of_the_api() {
    for field in fields().await {
        let (fleet, receiver) = (&field.fleet, Receiver::new().await);
        let new = add(fleet, &receiver.url("/muster?site=7")).await;
        let courier = courier(fleet, None);
        let form = fleet::authority::AuthorityForm {
            kind: "operations".into(),
            name: "Operations".into(),
            ..fleet::authority::AuthorityForm::default()
        };
        fleet.request_authority(&operator(), &form).await.unwrap();
        until("an approval is told", async || receiver.got().len() == 1).await;
        let got = receiver.got().remove(0);
        assert_eq!((got.method.as_str(), got.target.as_str()), ("POST", "/muster?site=7"), "{}", field.name());
        let body: serde_json::Value = serde_json::from_slice(&got.body).unwrap();
        assert_eq!(body["type"], "approval.waiting", "{body}");
        assert!(body["timestamp"].as_str().unwrap().ends_with('Z'), "{body}");
        assert_eq!(
            (body["data"]["state"].as_str(), body["data"]["kind"].as_str()),
            (Some("waiting"), Some("authority.create"))
        );
        let key = STANDARD.decode(new.secret.strip_prefix("whsec_").unwrap()).unwrap();
        let sent: i64 = got.header("webhook-timestamp").parse().unwrap();
        let signature = WebhookSecret::new(key).sign(got.header("webhook-id"), sent, &got.body);
        assert_eq!(got.header("webhook-signature"), signature, "{}", field.name());
        assert!((fleet.now().0 / SECOND - sent).abs() < 60);
        assert_eq!(got.header("content-type"), "application/json");
        until("it is noted", async || deliveries(fleet, new.hook.id).await[0].state == S::Delivered).await;
        assert_eq!(deliveries(fleet, new.hook.id).await[0].event.to_string(), got.header("webhook-id"));
        courier.abort();
    }
}

#[tokio::test]
async fn what_fails_is_tried_again_with_the_same_id_and_in_order() {
    for field in fields().await {
        let (fleet, receiver) = (&field.fleet, Receiver::new().await);
        receiver.will(&[Behaviour::Status(500), Behaviour::HangUp]);
        let hook = add(fleet, &receiver.url("/")).await.hook.id;
        test(fleet, hook).await;
        test(fleet, hook).await;
        let courier = courier(fleet, None);
        until("the first one comes", async || receiver.got().len() == 1).await;
        // Somebody does not want to wait for the pause.
        for tries in [2, 3] {
            until("it is noted", async || deliveries(fleet, hook).await[1].attempts >= tries - 1).await;
            let told = deliveries(fleet, hook).await;
            assert_eq!((told[1].state, told[0].attempts), (S::Owed, 0), "{}: nothing overtakes it", field.name());
            assert!(!told[1].note.is_empty());
            fleet.resend_webhook(&admin(), hook, told[1].seq).await.unwrap();
            until("it comes again", async || receiver.got().len() >= usize::try_from(tries).unwrap()).await;
        }
        until("both arrive", async || deliveries(fleet, hook).await.iter().all(|one| one.state == S::Delivered)).await;
        let ids: Vec<String> = receiver.got().iter().map(|got| got.header("webhook-id").to_owned()).collect();
        assert_eq!(ids.len(), 4, "{}: {ids:?}", field.name());
        assert!(ids[0] == ids[1] && ids[1] == ids[2] && ids[2] != ids[3], "{}: {ids:?}", field.name());
        courier.abort();
    }
}

#[tokio::test]
async fn one_that_never_answers_holds_up_no_other() {
    let field = fields().await.remove(0);
    let (fleet, slow, quick) = (&field.fleet, Receiver::new().await, Receiver::new().await);
    slow.will(&[Behaviour::Silence]);
    let (one, two) = (add(fleet, &slow.url("/")).await.hook.id, add(fleet, &quick.url("/")).await.hook.id);
    test(fleet, one).await;
    let courier = courier(fleet, None);
    until("the slow one is asked", async || slow.got().len() == 1).await;
    for n in 1..=3 {
        test(fleet, two).await;
        until("the quick one is told", async || quick.got().len() == n).await;
    }
    assert!(!is_tried(fleet, one).await, "the slow one still has its time");
    until("its time is over", async || is_tried(fleet, one).await).await;
    assert!(deliveries(fleet, one).await[0].note.contains("No answer within 15 s"));
    courier.abort();
}

#[tokio::test]
async fn a_redirection_is_not_followed_and_gone_is_gone() {
    let field = fields().await.remove(0);
    let (fleet, receiver, elsewhere) = (&field.fleet, Receiver::new().await, Receiver::new().await);
    receiver.will(&[Behaviour::Redirect(elsewhere.url("/inner")), Behaviour::Status(410)]);
    let hook = add(fleet, &receiver.url("/")).await.hook.id;
    test(fleet, hook).await;
    let courier = courier(fleet, None);
    until("it is noted", async || is_tried(fleet, hook).await).await;
    let told = deliveries(fleet, hook).await.remove(0);
    assert_eq!((told.state, told.status), (S::Owed, 307));
    assert!(told.note.contains("not followed") && elsewhere.got().is_empty());
    fleet.resend_webhook(&admin(), hook, told.seq).await.unwrap();
    let is_paused = async || fleet.webhook(&admin(), hook, None).await.unwrap().hook.state == HookState::Paused;
    until("it is paused", is_paused).await;
    courier.abort();
}

#[tokio::test]
async fn what_is_not_public_is_not_reached() {
    let field = fields().await.remove(0);
    let (fleet, receiver) = (&field.fleet, Receiver::new().await);
    let port = receiver.port();
    let urls = [
        format!("http://127.0.0.1:{port}/"),
        format!("http://localhost:{port}/"),
        format!("https://127.0.0.1:{port}/"),
        format!("https://0.0.0.0:{port}/"),
        format!("https://[::ffff:127.0.0.1]:{port}/"),
        format!("https://2130706433:{port}/"),
    ];
    let mut hooks = Vec::new();
    for url in &urls {
        let hook = add(fleet, url).await.hook.id;
        test(fleet, hook).await;
        hooks.push(hook);
    }
    let courier = tokio::spawn(webhooks::run(fleet.clone(), Sender::new(&Trusted::default()).unwrap()));
    for (hook, url) in hooks.iter().zip(&urls) {
        until(url, async || is_tried(fleet, *hook).await).await;
        let note = deliveries(fleet, *hook).await[0].note.clone();
        assert!(note.contains("not public") || note.contains("not found"), "{url}: {note}");
    }
    assert_eq!(receiver.connections(), 0, "not even a connection was made");
    courier.abort();
}

#[tokio::test]
async fn over_tls_the_receiver_has_to_be_the_one_that_is_meant() {
    let field = fields().await.remove(0);
    let fleet = &field.fleet;
    let made = pki::console_certificate(&[], &[], fleet.now()).unwrap();
    let (receiver, ca) = (Receiver::with_tls(&made).await, field.file("receivers.pem"));
    fs::write(&ca, &made.cert_pem).unwrap();
    let hook = add(fleet, &receiver.url("/")).await.hook.id;
    test(fleet, hook).await;
    let strict = courier(fleet, None);
    until("it is refused", async || is_tried(fleet, hook).await).await;
    let told = deliveries(fleet, hook).await.remove(0);
    assert!(told.note.contains("TLS failed") && receiver.got().is_empty(), "{}", told.note);
    strict.abort();
    let _ = strict.await;
    fleet.resend_webhook(&admin(), hook, told.seq).await.unwrap();
    let trusting = courier(fleet, Some(ca));
    until("it arrives", async || receiver.got().len() == 1).await;
    trusting.abort();
}

#[tokio::test]
async fn what_was_not_done_is_not_told() {
    let field = fields().await.remove(0);
    let (fleet, receiver) = (&field.fleet, Receiver::new().await);
    add(fleet, &receiver.url("/")).await;
    let missing = fleet.abort_rollout(&operator(), "none", Abort::Keep, "").await;
    assert!(missing.is_err());
    let courier = courier(fleet, None);
    tokio::time::sleep(Duration::from_millis(1_500)).await;
    assert!(receiver.got().is_empty());
    courier.abort();
}

/// Told by the program itself, which is killed in the middle of it, twice.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_owed_outlives_a_kill() {
    const MESSAGES: usize = 30;
    for field in fields().await {
        let (fleet, receiver) = (&field.fleet, Receiver::new().await);
        receiver.takes(Duration::from_millis(60));
        let hook = add(fleet, &receiver.url("/")).await.hook.id;
        for _ in 0..MESSAGES {
            test(fleet, hook).await;
        }
        for seen in [5, 15] {
            let mut served = Served::start(&field);
            until("some arrive", async || distinct(&receiver).len() >= seen).await;
            served.kill();
        }
        let _served = Served::start(&field);
        until("all arrive", async || distinct(&receiver).len() == MESSAGES).await;
        until("all are noted", async || deliveries(fleet, hook).await.iter().all(|one| one.state == S::Delivered))
            .await;
        let sent = receiver.got().len();
        assert!(sent <= MESSAGES + 4, "{}: {sent} sent", field.name());
        let mut expected: Vec<String> = deliveries(fleet, hook).await.iter().map(|one| one.event.to_string()).collect();
        expected.reverse();
        let mut arrived = Vec::new();
        for got in receiver.got() {
            let id = got.header("webhook-id").to_owned();
            if !arrived.contains(&id) {
                arrived.push(id);
            }
        }
        assert_eq!(arrived, expected, "{}: each in its turn", field.name());
    }
}

fn distinct(receiver: &Receiver) -> BTreeSet<String> {
    receiver.got().iter().map(|got| got.header("webhook-id").to_owned()).collect()
}
