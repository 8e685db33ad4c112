//! Devices in the field: each over a new connection for each request. What did not go well, and how long turns took.

use simulator::device::{Device, Faults, LineError, Wire};
use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};
use tokio::task::JoinHandle;

/// How long each device waits between its turns.
const PAUSE: Duration = Duration::from_secs(1);

#[derive(Default)]
struct Seen {
    stop: AtomicBool,
    /// Turns since the last look: how long each took, and of what kind those were that failed.
    turns: Mutex<(Vec<Duration>, BTreeMap<String, usize>)>,
}

/// The devices, while they come.
pub struct Field {
    seen: Arc<Seen>,
    tasks: Vec<JoinHandle<()>>,
    all: (usize, usize),
}

impl Field {
    pub fn start(devices: BTreeMap<String, Wire>) -> Self {
        let (seen, faults, n) = (Arc::new(Seen::default()), Arc::new(Faults::default()), devices.len());
        let tasks = devices.into_iter().enumerate().map(|(place, (serial, wire))| {
            let (seen, faults) = (Arc::clone(&seen), Arc::clone(&faults));
            let first = PAUSE.mul_f64(place as f64 / n as f64);
            tokio::spawn(async move {
                tokio::time::sleep(first).await;
                let mut device = Device::new(&serial, "1.0.0", faults);
                while !seen.stop.load(Ordering::Relaxed) {
                    let begun = Instant::now();
                    let turned = device.turn(&wire, true).await;
                    let mut turns = seen.turns.lock().unwrap_or_else(PoisonError::into_inner);
                    turns.0.push(begun.elapsed());
                    if let Err(error) = turned {
                        *turns.1.entry(kind(&error)).or_default() += 1;
                    }
                    drop(turns);
                    tokio::time::sleep(PAUSE).await;
                }
            })
        });
        let tasks = tasks.collect();
        Self { seen, tasks, all: (0, 0) }
    }

    /// Says what devices noticed while something was done.
    pub async fn during(&mut self, what: &str, deed: impl Future<Output = ()>) {
        deed.await;
        let (mut took, failed) = self.taken();
        took.sort_unstable();
        let at = |part: f64| took.get((took.len() as f64 * part) as usize).copied().unwrap_or_default();
        let n: usize = failed.values().sum();
        self.all = (self.all.0 + took.len(), self.all.1 + n);
        println!(
            "{what}: {} turns, {n} failed {failed:?}; p50 {:.1?}, p99 {:.1?}, longest {:.1?}",
            took.len(),
            at(0.5),
            at(0.99),
            took.last().copied().unwrap_or_default()
        );
    }

    fn taken(&self) -> (Vec<Duration>, BTreeMap<String, usize>) {
        std::mem::take(&mut *self.seen.turns.lock().unwrap_or_else(PoisonError::into_inner))
    }

    pub async fn stop(&mut self) {
        self.seen.stop.store(true, Ordering::Relaxed);
        for task in self.tasks.drain(..) {
            task.await.unwrap();
        }
        eprintln!("{} turns in all, {} failed", self.all.0, self.all.1);
    }
}

fn kind(error: &LineError) -> String {
    match error {
        LineError::Broken(error) => format!("broken off: {}", error.kind()),
        other => other.to_string(),
    }
}
