//! What these tests share: a factory, two batches, devices with manifests.

pub use crate::scene::{RULE, admin, operator, user};

use crate::scene::{self, entry};
use domain::{
    authority::FindingKind,
    component::{ComponentClass, Part},
    custody::{Custodian, CustodianKind},
    device::Device,
    history::Event,
    id::{BatchId, CustodianId, DeviceId},
    identifier::normalise,
    report::{Attributes, UpdateMode},
    time::{DAY, HOUR, SECOND, Timestamp},
};
use fleet::{
    Actor, Fleet, Origin,
    check_in::DeviceReport,
    finding::{FindingFilter, FindingRow},
    seed::Life,
};
use std::sync::{
    Arc,
    atomic::{AtomicI64, Ordering},
};
use store::testing::{self, Fixture};
use uuid::Uuid;

/// 2 November 2026, 12:00.
pub const NOW: Timestamp = Timestamp(1_793_620_800_000_000);
pub const HOME: &str = "198.51.100.7";

pub struct World {
    pub fleet: Fleet,
    pub fixture: Fixture,
    clock: Arc<AtomicI64>,
}

/// On each database: a factory with two batches.
pub async fn worlds() -> Vec<World> {
    let mut out = Vec::new();
    for fixture in testing::both().await.unwrap() {
        let clock = Arc::new(AtomicI64::new(NOW.0));
        let at = Arc::clone(&clock);
        let time = move || Timestamp(at.fetch_add(1, Ordering::Relaxed));
        let fleet = Fleet::with_clock(fixture.db.clone(), fixture.folder.path().to_owned(), Arc::new(time));
        catalogue(&fleet).await;
        fleet.load_trust().await.unwrap();
        out.push(World { fleet, fixture, clock });
    }
    out
}

/// A part of a manifest.
pub fn part(slot: &str, class: ComponentClass, identifier: &str) -> Part {
    let found = normalise(class, identifier).unwrap();
    Part {
        slot: slot.to_owned(),
        class,
        maker: "Acme".to_owned(),
        model: String::new(),
        identifier: found.shown,
        identifier_key: found.key,
    }
}

/// The parts of device `n`, as its factory lists them.
pub fn parts(n: usize) -> Vec<Part> {
    vec![
        part("cpu", ComponentClass::Cpu, &format!("4E1D{n:06}")),
        part("board", ComponentClass::Board, &format!("MB26B-{n:06}")),
        part("eth0", ComponentClass::Ethernet, &mac(n)),
        part("lte0", ComponentClass::Lte, &imei(n)),
    ]
}

pub fn mac(n: usize) -> String {
    format!("d8:80:39:00:{:02x}:{:02x}", n / 256, n % 256)
}

/// An IMEI of one model of modem, with the right check digit.
pub fn imei(n: usize) -> String {
    imei_of("86194105", n)
}

pub fn imei_of(tac: &str, n: usize) -> String {
    let body = format!("{tac}{n:06}");
    let digit = (0..10).find(|digit| normalise(ComponentClass::Lte, &format!("{body}{digit}")).is_ok()).unwrap();
    format!("{body}{digit}")
}

/// What device `n` reports when all is as listed.
pub fn honest(n: usize) -> Vec<(&'static str, String)> {
    vec![
        ("hw.cpu", format!("4E1D{n:06}")),
        ("hw.board", format!("MB26B-{n:06}")),
        ("hw.eth0.mac", mac(n)),
        ("hw.lte0.imei", imei(n)),
    ]
}

/// The same with one attribute said otherwise.
pub fn but(n: usize, key: &'static str, value: &str) -> Vec<(&'static str, String)> {
    let mut said = honest(n);
    said.retain(|(known, _)| *known != key);
    said.push((key, value.to_owned()));
    said
}

impl World {
    pub fn name(&self) -> &'static str {
        self.fixture.name
    }

    pub fn wait(&self, micros: i64) {
        self.clock.fetch_add(micros, Ordering::Relaxed);
    }

    /// Device `n` of a batch: `A-00007`.
    pub async fn made(&self, batch: &str, n: usize) -> Actor {
        self.made_of(batch, n, parts(n)).await
    }

    pub async fn made_of(&self, batch: &str, n: usize, parts: Vec<Part>) -> Actor {
        let life = life(batch, n, parts);
        let (id, serial) = (life.id, life.serial.clone());
        self.fleet.seed_devices(&RULE, &[life]).await.unwrap();
        Actor::Device { id, serial, origin: Origin { address: HOME.to_owned() } }
    }

    /// Devices 0 to `n` of batch A.
    pub async fn many(&self, n: usize) -> Vec<Actor> {
        let lives: Vec<Life> = (0..n).map(|n| life("A", n, parts(n))).collect();
        self.fleet.seed_devices(&RULE, &lives).await.unwrap();
        let actor = |life: Life| Actor::Device { id: life.id, serial: life.serial, origin: Origin::default() };
        lives.into_iter().map(actor).collect()
    }

    pub async fn reports(&self, actor: &Actor, said: Vec<(&'static str, String)>) {
        self.wait(SECOND);
        let result = self.fleet.report(actor, Attributes::collect(said), UpdateMode::Replace).await;
        result.unwrap_or_else(|error| panic!("{}: {}: {error}", self.name(), actor.name()));
    }

    /// The findings that stand, the last first.
    pub async fn open(&self) -> Vec<FindingRow> {
        self.fleet.finding_page(&operator(), &FindingFilter::default()).await.unwrap().rows
    }

    /// The kinds of the findings that stand, in order.
    pub async fn kinds(&self) -> Vec<FindingKind> {
        let mut kinds: Vec<FindingKind> = self.open().await.into_iter().map(|row| row.kind).collect();
        kinds.sort_unstable();
        kinds
    }

    pub async fn told(&self, actor: &Actor) -> Vec<&'static str> {
        let record = self.fleet.device_record(&operator(), actor.name()).await.unwrap();
        record.history.iter().map(|entry| entry.event.kind()).filter(|kind| !MADE.contains(kind)).collect()
    }

    pub async fn device(&self, actor: &Actor) -> Device {
        self.fleet.device(&operator(), actor.name()).await.unwrap()
    }

    pub async fn shown(&self, actor: &Actor) -> DeviceReport {
        self.fleet.device_report(&operator(), actor.name()).await.unwrap()
    }
}

const MADE: &[&str] = &["manufactured", "manifest_recorded"];

fn factory() -> Custodian {
    Custodian {
        id: CustodianId(Uuid::from_u128(1)),
        code: "brno".into(),
        name: "Brno".into(),
        kind: CustodianKind::Factory,
        country: "CZ".into(),
        city: String::new(),
        sgln: String::new(),
        created_at: NOW.plus(-100 * DAY),
    }
}

async fn catalogue(fleet: &Fleet) {
    let started = NOW.plus(-90 * DAY);
    let batches = [scene::batch(10, "A", 1, started), scene::batch(11, "B", 1, started)];
    fleet.seed_catalogue(&RULE, &[factory()], &[scene::model()], &batches).await.unwrap();
}

fn life(batch: &str, n: usize, parts: Vec<Part>) -> Life {
    let made = NOW.plus(-30 * DAY);
    let serial = format!("{batch}-{n:05}");
    let by = factory().holder();
    let mut history = vec![entry(made, Event::Manufactured { by, batch: batch.into(), firmware: Some("1.0".into()) })];
    if !parts.is_empty() {
        history.push(entry(
            made.plus(SECOND),
            Event::ManifestRecorded {
                version: 1,
                hash: domain::manifest::hash(&serial, 1, "", &parts),
                previous_hash: String::new(),
                fitted: parts,
                removed: Vec::new(),
                reason: String::new(),
            },
        ));
    }
    Life {
        id: DeviceId(Uuid::now_v7()),
        serial,
        model_id: scene::model().id,
        hardware_revision: "C".into(),
        batch_id: BatchId(Uuid::from_u128(if batch == "A" { 10 } else { 11 })),
        factory_id: factory().id,
        channel: "production".into(),
        made_at: made,
        last_seen_at: Some(NOW.plus(-HOUR)),
        history,
    }
}
