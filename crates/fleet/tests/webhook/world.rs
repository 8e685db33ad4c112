//! What these tests share: a fleet that can sign, on a clock that the test sets.

use domain::{
    id::{TokenId, UserId, WebhookId},
    person::Role,
    time::Timestamp,
    webhook::{EventKind, Reply},
};
use fleet::{
    Actor, Fleet, Keys, Origin,
    webhook::{Delivery, Ear, Message, NewWebhook, News, Told, WebhookForm},
};
use serde_json::json;
use std::sync::{
    Arc,
    atomic::{AtomicI64, Ordering},
};
use store::testing::Fixture;
use uuid::Uuid;

pub const RULE: Actor = Actor::Rule { name: "test" };

pub struct World {
    pub fleet: Fleet,
    pub fixture: Fixture,
    clock: Arc<AtomicI64>,
}

pub async fn worlds() -> Vec<World> {
    store::testing::both().await.unwrap().into_iter().map(World::new).collect()
}

/// A person of a role.
pub fn user(role: Role) -> Actor {
    let (id, email) = (UserId(Uuid::now_v7()), format!("{role}@muster.example"));
    Actor::User { id, email, name: format!("The {role}"), role, proved_at: None, origin: Origin::default() }
}

/// A program of a role.
pub fn program(role: Role) -> Actor {
    Actor::Token { id: TokenId(Uuid::now_v7()), name: format!("{role} program"), role, origin: Origin::default() }
}

impl World {
    fn new(fixture: Fixture) -> Self {
        let clock = Arc::new(AtomicI64::new(1_790_000_000_000_000));
        let fleet = process(&fixture, &clock, Some("correct horse"));
        Self { fleet, fixture, clock }
    }

    pub fn name(&self) -> &'static str {
        self.fixture.name
    }

    /// Another process on the same database.
    pub fn another(&self, passphrase: Option<&str>) -> Fleet {
        process(&self.fixture, &self.clock, passphrase)
    }

    pub fn wait(&self, micros: i64) {
        self.clock.fetch_add(micros, Ordering::SeqCst);
    }

    pub async fn add(&self, kinds: &[EventKind]) -> NewWebhook {
        let kinds = kinds.iter().map(ToString::to_string).collect();
        let form = WebhookForm { url: "https://hooks.example/muster".to_owned(), kinds };
        self.fleet.add_webhook(&user(Role::Admin), &form).await.unwrap()
    }

    /// Rings as a deed does.
    pub async fn ring(&self, kind: EventKind, about: &str) {
        let mut tx = self.fleet.db().begin().await.unwrap();
        store::change::ring(&mut tx, self.fleet.now(), "webhook", &format!("{kind} {about}")).await.unwrap();
        tx.commit().await.unwrap();
    }

    /// Hears, and writes down what is owed.
    pub async fn hear(&self, ear: &mut Ear) -> Vec<News> {
        let news = ear.hear(&self.fleet).await.unwrap();
        for one in &news {
            ear.owe(&self.fleet, one, &json!({ "code": one.about })).await.unwrap();
        }
        news
    }

    pub async fn next(&self, hook: WebhookId) -> Option<Message> {
        self.fleet.next_message(hook).await.unwrap()
    }

    pub async fn answered(&self, message: &Message, reply: Reply) -> bool {
        let told = Told { reply, note: "as it was".to_owned() };
        self.fleet.webhook_answered(message, &told).await.unwrap()
    }

    /// The newest first.
    pub async fn deliveries(&self, hook: WebhookId) -> Vec<Delivery> {
        self.fleet.webhook(&user(Role::Admin), hook, None).await.unwrap().deliveries
    }
}

fn process(fixture: &Fixture, clock: &Arc<AtomicI64>, passphrase: Option<&str>) -> Fleet {
    let (time, folder) = (Arc::clone(clock), fixture.folder.path().to_owned());
    let now = Arc::new(move || Timestamp(time.load(Ordering::SeqCst)));
    let passphrase = passphrase.map(|text| pki::Passphrase::new(text.to_owned()).unwrap());
    let keys = Keys { folder: folder.join("keys"), passphrase };
    Fleet::with_clock(fixture.db.clone(), folder, now).with_keys(keys)
}

/// What a message says, without what differs each time.
pub fn told(message: &Message) -> (String, String) {
    let body: serde_json::Value = serde_json::from_str(&message.body).unwrap();
    (body["type"].as_str().unwrap().to_owned(), body["data"]["code"].as_str().unwrap_or_default().to_owned())
}
