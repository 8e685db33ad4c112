//! Devices in the field: each its own, with its own certificate, over a new connection for each request, through the balancer. What
//! each was acknowledged is kept, to be held against the database afterwards.

use crate::{balancer::GATEWAY, fill::Caller, postgres::ask, world::World};
use domain::rollout::Feedback;
use server::gateway::DEFAULT_TENANT;
use simulator::device::{Device, Did, Faults, File, Identity, Job, Line, LineError, Next, Polled, RESTART_S, Wire};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};
use tokio::{
    runtime::Runtime,
    sync::{Notify, Semaphore},
    task::JoinHandle,
};

/// What a device reports beside its version, so that it is seen which report was the last to be taken.
const COUNT: &str = "count";

/// What a device asks for that was just told of an update.
pub const JOB: &str = "what is to be installed";

/// What one device knows.
#[derive(Clone, Debug, Default)]
struct Told {
    /// The versions that it was told to install.
    versions: BTreeSet<String>,
    /// The version whose installation it reported, and was acknowledged.
    installed: Option<String>,
    /// The last count that was acknowledged, and the last that was sent.
    counts: (usize, usize),
    /// When a turn of it ended well last.
    last: Option<Instant>,
}

/// What happened in all.
#[derive(Default)]
struct Seen {
    told: Mutex<BTreeMap<String, Told>>,
    turns: AtomicUsize,
    refused: Mutex<BTreeMap<String, usize>>,
    /// When a turn last ended well, and the longest that none did.
    gap: Mutex<Option<(Instant, Duration)>>,
    /// Whether it is over, and what wakes those who wait for their next turn.
    is_over: AtomicBool,
    stop: Notify,
}

/// How they come.
#[derive(Clone, Copy, Debug)]
pub struct Habit {
    /// How many at the same time, at most.
    pub at_once: usize,
    /// How long each waits between two turns.
    pub pause: Duration,
    /// Each reports in one of so many turns.
    pub reports: usize,
}

/// Who a device is, and what runs on it; key and certificate as PEM.
pub struct Known {
    pub serial: String,
    pub runs: String,
    pub key: String,
    pub certificate: String,
}

impl From<&Caller> for Known {
    fn from(caller: &Caller) -> Self {
        let (serial, runs) = (caller.device.serial.clone(), "1.0".to_owned());
        let key = caller.device.key.pkcs8_pem().unwrap().as_str().to_owned();
        Self { serial, runs, key, certificate: caller.device.certificate.pem() }
    }
}

/// What the database has of devices: the last count of each, and the version and state of its last update.
pub struct Kept {
    pub counts: BTreeMap<String, usize>,
    pub updates: BTreeMap<String, (String, String)>,
}

/// The devices, while they come.
pub struct Field {
    seen: Arc<Seen>,
    tasks: Vec<JoinHandle<()>>,
}

/// What came of a stretch of time.
#[derive(Clone, Debug)]
pub struct Stretch {
    /// Turns that ended well, in a second.
    pub rate: f64,
    /// Turns that did not.
    pub failed: usize,
    /// Of what kinds these were.
    pub kinds: Vec<String>,
    /// The longest time in which no turn ended well.
    pub gap: Duration,
}

impl Field {
    /// Nobody.
    pub fn none() -> Self {
        Self { seen: Arc::default(), tasks: Vec::new() }
    }

    /// Lets these devices come.
    pub fn start(runtime: &Runtime, world: &World, callers: &[Caller], habit: Habit) -> Self {
        Self::of(runtime, &world.root().pem(), callers.iter().map(Known::from), habit)
    }

    /// Lets these devices come, who know the gateway by this root; PEM.
    pub fn of(runtime: &Runtime, root: &str, devices: impl ExactSizeIterator<Item = Known>, habit: Habit) -> Self {
        let seen = Arc::new(Seen::default());
        let places = Arc::new(Semaphore::new(habit.at_once));
        let (faults, all) = (Arc::new(Faults::default()), devices.len());
        let tasks = devices
            .enumerate()
            .map(|(n, known)| {
                let identity = Identity::new(&known.certificate, &known.key, root).unwrap();
                let gateway = format!("https://localhost:{}", GATEWAY.port());
                let wire = Wire::new(&gateway, DEFAULT_TENANT, &known.serial, identity).unwrap();
                let device = Device::new(&known.serial, &known.runs, Arc::clone(&faults));
                let first = habit.pause.mul_f64(n as f64 / all as f64);
                let phone = Phone { device, wire, turns: n, count: 0 };
                runtime.spawn(live(phone, Arc::clone(&seen), Arc::clone(&places), (first, habit)))
            })
            .collect();
        Self { seen, tasks }
    }

    /// Looks at what happens while something is done.
    pub fn during(&self, deed: impl FnOnce()) -> Stretch {
        let begun = Instant::now();
        let turns = self.seen.turns.load(Ordering::Relaxed);
        self.seen.refused.lock().unwrap().clear();
        *self.seen.gap.lock().unwrap() = Some((begun, Duration::ZERO));
        deed();
        let took = begun.elapsed();
        let (last, gap) = self.seen.gap.lock().unwrap().unwrap();
        let refused = self.seen.refused.lock().unwrap().clone();
        let done = self.seen.turns.load(Ordering::Relaxed) - turns;
        Stretch {
            rate: done as f64 / took.as_secs_f64(),
            failed: refused.values().sum(),
            kinds: refused.iter().map(|(kind, n)| format!("{n} × {kind}")).collect(),
            gap: gap.max(last.elapsed()),
        }
    }

    /// When a turn of this device ended well last.
    pub fn last_turn(&self, serial: &str) -> Option<Instant> {
        self.seen.told.lock().unwrap().get(serial)?.last
    }

    /// Lets all end what they are at.
    pub fn stop(&mut self, runtime: &Runtime) {
        self.seen.is_over.store(true, Ordering::Relaxed);
        self.seen.stop.notify_waiters();
        for task in self.tasks.drain(..) {
            runtime.block_on(task).unwrap();
        }
    }

    /// Holds what each was acknowledged against what is in the database.
    pub fn check(&self, kept: &Kept) {
        let Kept { counts, updates } = kept;
        for (serial, told) in self.seen.told.lock().unwrap().iter() {
            let kept = counts.get(serial).copied().unwrap_or_default();
            let (taken, sent) = told.counts;
            assert!((taken..=sent).contains(&kept), "{serial}: report {kept} is not within {taken} and {sent}");
            assert!(told.versions.len() <= 1, "{serial} was told of {:?}", told.versions);
            let (Some(version), Some((known, state))) = (told.versions.first(), updates.get(serial)) else {
                assert!(told.versions.is_empty(), "{serial}: the update that it was told of is gone");
                continue;
            };
            assert_eq!(version, known, "{serial}");
            if told.installed.is_some() {
                assert!(["verifying", "verified"].contains(&state.as_str()), "{serial}: its success is lost: {state}");
            }
        }
    }
}

impl Kept {
    /// What PostgreSQL has.
    pub fn in_postgres() -> Self {
        Self { counts: kept_counts(), updates: kept_updates() }
    }
}

/// The last count of each device that the database has. One question for all: of a hundred thousand, one each would take longer
/// than everything before.
fn kept_counts() -> BTreeMap<String, usize> {
    let query = format!(
        "SELECT d.serial, r.attributes::json->>'{COUNT}' FROM device_report r JOIN device d ON d.id = r.device_id \
         WHERE r.attributes::json->>'{COUNT}' IS NOT NULL"
    );
    let said = ask("muster", &query);
    let pairs = said.lines().map(|line| line.split_once('|').unwrap());
    pairs.map(|(serial, count)| (serial.to_owned(), count.parse().unwrap())).collect()
}

/// The last update of each device that the database has: its version and state.
fn kept_updates() -> BTreeMap<String, (String, String)> {
    let query = "SELECT DISTINCT ON (a.device_id) d.serial, a.version, a.state FROM update_action a \
                 JOIN device d ON d.id = a.device_id ORDER BY a.device_id, a.id DESC";
    let said = ask("muster", query);
    let parts = said.lines().map(|line| line.split('|').collect::<Vec<_>>());
    parts.map(|of| (of[0].to_owned(), (of[1].to_owned(), of[2].to_owned()))).collect()
}

/// A device with its wire.
struct Phone {
    device: Device,
    wire: Wire,
    turns: usize,
    count: usize,
}

async fn live(mut phone: Phone, seen: Arc<Seen>, places: Arc<Semaphore>, (first, habit): (Duration, Habit)) {
    let mut pause = first;
    loop {
        let stopped = seen.stop.notified();
        tokio::pin!(stopped);
        // Whoever says stop from here on is heard, though nobody waits yet.
        stopped.as_mut().enable();
        if seen.is_over.load(Ordering::Relaxed) || tokio::time::timeout(pause, stopped).await.is_ok() {
            return;
        }
        let place = places.acquire().await.unwrap();
        // Many may have waited for their turn, and each would take one.
        if seen.is_over.load(Ordering::Relaxed) {
            return;
        }
        let asked = Mutex::new("");
        let turned = turn(&mut phone, &seen, habit.reports, &asked).await;
        let turned = turned.map_err(|error| format!("{} to {}", kind(&error), asked.lock().unwrap()));
        drop(place);
        pause = match turned {
            Ok(is_written) => {
                seen.turns.fetch_add(1, Ordering::Relaxed);
                let mut gap = seen.gap.lock().unwrap();
                if let Some((last, longest)) = gap.as_mut() {
                    *longest = (*longest).max(last.elapsed());
                    *last = Instant::now();
                }
                // It starts with what it has written, and comes again.
                if is_written { habit.pause.min(Duration::from_secs(RESTART_S.into())) } else { habit.pause }
            }
            Err(kind) => {
                *seen.refused.lock().unwrap().entry(kind).or_default() += 1;
                habit.pause / 3
            }
        };
    }
}

/// One turn. Whether something was written by it.
async fn turn(phone: &mut Phone, seen: &Seen, reports: usize, asked: &Mutex<&'static str>) -> Result<bool, LineError> {
    let Phone { device, wire, turns, count } = phone;
    let wire = Spoken { wire, asked };
    let turned = device.turn(&wire, false).await?;
    let note = |change: &dyn Fn(&mut Told)| {
        change(seen.told.lock().unwrap().entry(device.serial().to_owned()).or_default());
    };
    note(&|told| told.last = Some(Instant::now()));
    let is_written = matches!(turned.did, Some(Did::Wrote(_)));
    match turned.did {
        Some(Did::Wrote(version)) => note(&|told| {
            told.versions.insert(version.clone());
        }),
        Some(Did::Installed(version)) => note(&|told| told.installed = Some(version.clone())),
        Some(other) => panic!("{}: {other:?}", device.serial()),
        None => {}
    }
    *turns += 1;
    if turns.is_multiple_of(reports) {
        *count += 1;
        note(&|told| told.counts.1 = *count);
        wire.report(device.runs(), &[(COUNT.to_owned(), count.to_string())]).await?;
        note(&|told| told.counts.0 = *count);
    }
    Ok(is_written)
}

/// A device's wire, of which is known what was asked over it last.
struct Spoken<'a> {
    wire: &'a Wire,
    asked: &'a Mutex<&'static str>,
}

impl Spoken<'_> {
    fn asks(&self, what: &'static str) -> &Wire {
        *self.asked.lock().unwrap() = what;
        self.wire
    }
}

impl Line for Spoken<'_> {
    async fn poll(&self) -> Result<Polled, LineError> {
        self.asks("a poll").poll().await
    }

    async fn job(&self, next: &Next) -> Result<Job, LineError> {
        self.asks(JOB).job(next).await
    }

    async fn fetch(&self, file: &File, breaks: bool) -> Result<String, LineError> {
        self.asks("a file").fetch(file, breaks).await
    }

    async fn say(&self, next: &Next, feedback: &Feedback) -> Result<(), LineError> {
        self.asks("feedback").say(next, feedback).await
    }

    async fn report(&self, runs: &str, measured: &[(String, String)]) -> Result<(), LineError> {
        self.asks("a report").report(runs, measured).await
    }
}

/// What went wrong, as far as it can be told apart.
fn kind(error: &LineError) -> String {
    match error {
        LineError::Refused(status) => status.as_str().to_owned(),
        LineError::Broken(error) => match error.kind() {
            std::io::ErrorKind::Other => "broken off".to_owned(),
            kind => kind.to_string(),
        },
        other => other.to_string(),
    }
}
