//! A fleet with a clock that the test sets, and people in it.

use domain::{
    audit::Outcome,
    id::UserId,
    person::Role,
    time::{HOUR, Timestamp},
};
use fleet::{
    Actor, Fleet, Origin,
    people::{User, UserForm},
};
use std::sync::{
    Arc,
    atomic::{AtomicI64, Ordering},
};
use store::{
    audit::{AuditEntry, AuditFilter},
    session::SessionRow,
    testing::Fixture,
};

pub const MUSTER: Actor = Actor::Rule { name: "test" };
pub const PASSWORD: &str = "a sentence is a good password";

pub struct World {
    pub name: &'static str,
    pub fleet: Fleet,
    clock: Arc<AtomicI64>,
    _fixture: Fixture,
}

pub async fn worlds() -> Vec<World> {
    store::testing::both().await.unwrap().into_iter().map(World::new).collect()
}

/// Somebody who is not signed in, at an address.
pub fn visitor(address: &str) -> Actor {
    Actor::Nobody { origin: Origin { address: address.to_owned() } }
}

pub fn form(email: &str, role: Role) -> UserForm {
    UserForm { email: email.to_owned(), name: format!("The {role}"), role: role.as_str().to_owned() }
}

impl World {
    fn new(fixture: Fixture) -> Self {
        let clock = Arc::new(AtomicI64::new(1_790_000_000_000_000));
        let time = clock.clone();
        let fleet = Fleet::with_clock(
            fixture.db.clone(),
            fixture.folder.path().to_owned(),
            Arc::new(move || Timestamp(time.load(Ordering::SeqCst))),
        );
        Self { name: fixture.name, fleet, clock, _fixture: fixture }
    }

    pub fn wait(&self, micros: i64) {
        self.clock.fetch_add(micros, Ordering::SeqCst);
    }

    pub async fn person(&self, role: Role) -> (User, Actor) {
        self.someone(&format!("{role}@muster.example"), role).await
    }

    pub async fn someone(&self, email: &str, role: Role) -> (User, Actor) {
        let user = self.fleet.add_user_with_password(&MUSTER, &form(email, role), PASSWORD).await.unwrap();
        let actor = self.fleet.actor_of_user(user.id, Origin::default()).await.unwrap().unwrap();
        (user, actor)
    }

    pub async fn session(&self, id: &str, user: UserId) -> SessionRow {
        let now = self.fleet.now();
        let row = SessionRow {
            id: fleet::session::session_hash(id),
            user_id: Some(user),
            data: "{}".to_owned(),
            address: "192.0.2.1".to_owned(),
            user_agent: "Browser".to_owned(),
            created_at: now,
            last_seen_at: now,
            expires_at: now.plus(HOUR),
        };
        store::session::insert(self.fleet.db(), &row).await.unwrap();
        row
    }

    /// What the audit log says, the newest first.
    pub async fn audited(&self, action: &str) -> Vec<AuditEntry> {
        let filter = AuditFilter { action: action.to_owned(), ..AuditFilter::default() };
        self.fleet.audit_log(&MUSTER, &filter, 500).await.unwrap()
    }

    pub async fn last_audited(&self, action: &str) -> (String, Outcome, String) {
        let entry = self.audited(action).await.into_iter().next().unwrap_or_else(|| panic!("no {action}"));
        (entry.record.subject, entry.record.outcome, entry.record.detail)
    }

    pub async fn chain_holds(&self) {
        assert_eq!(self.fleet.audit_verify(&MUSTER).await.unwrap().break_at, None, "{}", self.name);
    }
}
