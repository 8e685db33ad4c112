//! Devices in the field: each its own, with its own certificate, over a new connection for each request, through the balancer. What
//! each was acknowledged is kept, to be held against the database afterwards.

use crate::{
    balancer::GATEWAY,
    filled::Caller,
    world::{RULE, World},
};
use server::gateway::DEFAULT_TENANT;
use simulator::device::{Device, Did, Faults, Identity, Line, LineError, Wire};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};
use tokio::{runtime::Runtime, sync::Semaphore, task::JoinHandle};

/// What a device reports beside its version, so that it is seen which report was the last to be taken.
const COUNT: &str = "count";

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
    stop: AtomicBool,
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

    /// Lets these devices come, so many at the same time, each with so long a pause between its turns.
    pub fn start(runtime: &Runtime, world: &World, callers: &[Caller], at_once: usize, pause: Duration) -> Self {
        let seen = Arc::new(Seen::default());
        let (places, roots) = (Arc::new(Semaphore::new(at_once)), world.root().pem());
        let faults = Arc::new(Faults::default());
        let tasks = callers
            .iter()
            .enumerate()
            .map(|(n, caller)| {
                let key = caller.device.key.pkcs8_pem().unwrap();
                let identity = Identity::new(&caller.device.certificate.pem(), &key, &roots).unwrap();
                let gateway = format!("https://localhost:{}", GATEWAY.port());
                let wire = Wire::new(&gateway, DEFAULT_TENANT, &caller.device.serial, identity).unwrap();
                let device = Device::new(&caller.device.serial, "1.0", Arc::clone(&faults));
                let first = pause.mul_f64(n as f64 / callers.len() as f64);
                runtime.spawn(live(device, wire, Arc::clone(&seen), Arc::clone(&places), (first, pause)))
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
        self.seen.stop.store(true, Ordering::Relaxed);
        for task in self.tasks.drain(..) {
            runtime.block_on(task).unwrap();
        }
    }

    /// Holds what each was acknowledged against what is in the database, which `action` gives of its update: version and state.
    pub async fn check(&self, world: &World, action: impl Fn(&str) -> Option<(String, String)>) {
        let told = self.seen.told.lock().unwrap().clone();
        for (serial, told) in told {
            let report = world.fleet.device_report(&RULE, &serial).await.unwrap();
            let kept: usize = report.attributes.get(COUNT).map_or(0, |count| count.parse().unwrap());
            let (taken, sent) = told.counts;
            assert!((taken..=sent).contains(&kept), "{serial}: report {kept} is not within {taken} and {sent}");
            assert!(told.versions.len() <= 1, "{serial} was told of {:?}", told.versions);
            let (Some(version), Some((known, state))) = (told.versions.first(), action(&serial)) else {
                assert!(told.versions.is_empty(), "{serial}: the update that it was told of is gone");
                continue;
            };
            assert_eq!(*version, known, "{serial}");
            if told.installed.is_some() {
                assert!(["verifying", "verified"].contains(&state.as_str()), "{serial}: its success is lost: {state}");
            }
        }
    }
}

async fn live(mut device: Device, wire: Wire, seen: Arc<Seen>, places: Arc<Semaphore>, times: (Duration, Duration)) {
    tokio::time::sleep(times.0).await;
    let mut count = 0;
    while !seen.stop.load(Ordering::Relaxed) {
        let place = places.acquire().await.unwrap();
        let turned = turn(&mut device, &wire, &seen, &mut count).await;
        drop(place);
        match turned {
            Ok(()) => {
                seen.turns.fetch_add(1, Ordering::Relaxed);
                let mut gap = seen.gap.lock().unwrap();
                if let Some((last, longest)) = gap.as_mut() {
                    *longest = (*longest).max(last.elapsed());
                    *last = Instant::now();
                }
            }
            Err(error) => *seen.refused.lock().unwrap().entry(kind(&error)).or_default() += 1,
        }
        tokio::time::sleep(times.1).await;
    }
}

async fn turn(device: &mut Device, wire: &Wire, seen: &Seen, count: &mut usize) -> Result<(), LineError> {
    let turned = device.turn(wire, false).await?;
    let note = |change: &dyn Fn(&mut Told)| {
        change(seen.told.lock().unwrap().entry(device.serial().to_owned()).or_default());
    };
    match turned.did {
        Some(Did::Wrote(version)) => note(&|told| {
            told.versions.insert(version.clone());
        }),
        Some(Did::Installed(version)) => note(&|told| told.installed = Some(version.clone())),
        Some(other) => panic!("{}: {other:?}", device.serial()),
        None => {}
    }
    *count += 1;
    note(&|told| told.counts.1 = *count);
    wire.report(device.runs(), &[(COUNT.to_owned(), count.to_string())]).await?;
    note(&|told| (told.counts.0, told.last) = (*count, Some(Instant::now())));
    Ok(())
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
