//! What tests of a whole authority begin with, this crate's and the server's: people, factories, batches, devices.

use domain::{
    approval::ApprovalState,
    batch::{Batch, Model},
    custody::{Custodian, CustodianKind},
    history::{Entry, Event},
    id::{BatchId, CustodianId, DeviceId, HistoryId, ModelId},
    person::Role,
    time::{DAY, Timestamp},
};
use fleet::{Actor, Fleet, Origin, authority::AuthorityForm, seed::Life};
use uuid::Uuid;

pub const RULE: Actor = Actor::Rule { name: "test" };
pub const PASSPHRASE: &str = "correct horse battery staple";

/// The first batch's number; B has the next, and C the one after.
pub const A: u128 = 10;
const C: u128 = A + 2;
const MODEL: u128 = 3;

pub fn user(n: u128, name: &str, role: Role) -> Actor {
    let (email, name) = (format!("{name}@muster.example"), name.to_owned());
    Actor::User { id: Uuid::from_u128(n).into(), email, name, role, proved_at: None, origin: Origin::default() }
}

pub fn operator() -> Actor {
    user(1, "ada", Role::Operator)
}

pub fn manager() -> Actor {
    user(2, "max", Role::Manager)
}

pub fn admin() -> Actor {
    user(3, "eve", Role::Admin)
}

fn custodian(n: u128, code: &str) -> Custodian {
    Custodian {
        id: CustodianId(Uuid::from_u128(n)),
        code: code.to_owned(),
        name: code.to_owned(),
        kind: CustodianKind::Factory,
        country: String::new(),
        city: String::new(),
        sgln: String::new(),
        created_at: Timestamp(1),
    }
}

/// The model of all devices.
pub fn model() -> Model {
    Model {
        id: ModelId(Uuid::from_u128(MODEL)),
        name: "GW-200".into(),
        description: String::new(),
        poll_interval_s: 300,
        sgtin: String::new(),
    }
}

/// A batch of a factory, both by their numbers.
pub fn batch(n: u128, code: &str, factory: u128, started_at: Timestamp) -> Batch {
    Batch {
        id: BatchId(Uuid::from_u128(n)),
        code: code.to_owned(),
        factory_id: CustodianId(Uuid::from_u128(factory)),
        model_id: model().id,
        quota: None,
        started_at,
    }
}

/// Something that happened, told as soon as it did.
pub fn entry(at: Timestamp, event: Event) -> Entry {
    Entry {
        id: HistoryId(Uuid::now_v7()),
        at,
        recorded_at: at,
        actor: "line 1".into(),
        place: String::new(),
        event,
        epcis_event_id: None,
    }
}

/// Factories brno (1) and graz (2), batches A and B of brno and C of graz.
pub async fn catalogue(fleet: &Fleet, quota_of_a: Option<i64>) {
    let started = fleet.now().plus(-90 * DAY);
    let a = Batch { quota: quota_of_a, ..batch(A, "A", 1, started) };
    let batches = [a, batch(A + 1, "B", 1, started), batch(C, "C", 2, started)];
    let custodians = [custodian(1, "brno"), custodian(2, "graz")];
    fleet.seed_catalogue(&RULE, &custodians, &[model()], &batches).await.unwrap();
}

/// A device of a batch, as a manifest would make it.
pub fn life(serial: &str, batch: u128, made_at: Timestamp) -> Life {
    let factory = if batch == C { custodian(2, "graz") } else { custodian(1, "brno") };
    Life {
        id: DeviceId(Uuid::now_v7()),
        serial: serial.to_owned(),
        model_id: ModelId(Uuid::from_u128(MODEL)),
        hardware_revision: "C".into(),
        batch_id: BatchId(Uuid::from_u128(batch)),
        factory_id: factory.id,
        channel: "production".into(),
        made_at,
        last_seen_at: None,
        history: vec![entry(
            made_at,
            Event::Manufactured { by: factory.holder(), batch: String::new(), firmware: None },
        )],
    }
}

/// Requests an authority and has it approved by somebody else. The approval's subject: `authority:ID`.
pub async fn approved(fleet: &Fleet, form: &AuthorityForm) -> String {
    let approval = fleet.request_authority(&operator(), form).await.unwrap();
    let shown = fleet.approval(&manager(), approval).await.unwrap();
    fleet.decide(&manager(), approval, &shown.row.hash, true, "").await.unwrap();
    assert_eq!(fleet.approval(&manager(), approval).await.unwrap().row.state, ApprovalState::Approved);
    shown.row.subject
}
