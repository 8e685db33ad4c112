//! A rollout as it happens, device by device and minute by minute, to hold forecasts against.
//!
//! Nothing of the forecast's own code is in it, and it takes other things for granted: each device has its own moment to poll, comes
//! late to each of its polls by a time of its own and misses some, and has its own time to install; rollouts of a product differ in that
//! time and in the share that fails or goes silent. By how much all of that is so differs from product to product, and no product
//! knows of it. Gates are the product's own, as a rollout asks them.

use crate::experiments::Chance;
use domain::{
    id::ReleaseId,
    rollout::{
        Advance, Crowd, Decision, ErrorRates, Evidence, Gate, PastRollout, Plan, Reaction, Wave, WaveSize, Windows,
        decide,
    },
    time::{MINUTE, Timestamp},
};

/// Devices of each wave.
pub const WAVES: [u64; 3] = [50, 450, 4_500];
const SOAK: u32 = 60;
/// Intervals of polls, in minutes.
const QUICK: f64 = 5.0;
const SLOW: f64 = 60.0;
/// Of how many devices it is known how long they took, from either end.
const TIMED: usize = 100;
/// Longer than this no rollout is waited for, in minutes.
const LAST: usize = 60 * 24 * 60;

/// What differs from product to product.
#[derive(Clone, Copy)]
pub struct World {
    /// The share of polls that are missed is up to this.
    pub missed: f64,
    /// How late polls are, as a share of their interval, is up to this.
    pub late: f64,
    /// How many of a hundred devices take how many times as long to install.
    pub stuck: (f64, f64),
}

/// As it is expected to be.
pub const USUAL: World = World { missed: 0.02, late: 0.04, stuck: (0.0, 1.0) };
/// Networks that lose five of a hundred polls, and installations that one device in thirty does five times.
pub const ROUGH: World = World { missed: 0.1, late: 0.1, stuck: (0.03, 5.0) };

/// What the devices of a product are like.
pub struct Product {
    world: World,
    /// The share of devices that poll quickly.
    quick: f64,
    /// The share of polls that are missed.
    missed: f64,
    /// By how much polls are late at most.
    late: f64,
    /// How long an installation takes, as the logarithm of minutes.
    installs: f64,
    /// By how much devices differ in that, and rollouts.
    devices_differ: f64,
    rollouts_differ: f64,
    /// The share that fails or goes silent, on average.
    harmed: f64,
}

impl Product {
    pub fn draw(world: World, chance: &mut Chance) -> Self {
        Self {
            world,
            quick: 0.2 + 0.7 * chance.uniform(),
            missed: world.missed * chance.uniform(),
            late: world.late * chance.uniform(),
            installs: (4.0 + 26.0 * chance.uniform()).ln(),
            devices_differ: 0.2 + 0.5 * chance.uniform(),
            rollouts_differ: 0.1 + 0.4 * chance.uniform(),
            harmed: 0.008 * chance.uniform(),
        }
    }

    fn quick_of(&self, devices: u64) -> u64 {
        (devices as f64 * self.quick).round() as u64
    }

    pub fn crowds(&self) -> Vec<Crowd> {
        let crowd = |n: u64| {
            let quick = self.quick_of(n);
            Crowd { total: n, polling: vec![(300, quick), (3_600, n - quick)], ..Crowd::default() }
        };
        WAVES.map(crowd).to_vec()
    }
}

/// What becomes of a device, and when it is known.
#[derive(Clone, Copy, PartialEq)]
enum Kind {
    Verified,
    Failed,
    Silent,
}

/// What happened in a rollout.
#[derive(Default)]
pub struct Happened {
    /// When it was through, in minutes.
    pub took: Option<u64>,
    /// When devices were verified, in minutes.
    verified: Vec<f64>,
    failed: u64,
    silent: u64,
    /// How many seconds devices took from the offer until they ran it, in the order of their offers.
    took_s: Vec<(f64, u64)>,
}

/// A plan with gates that go by shares, or by evidence.
pub fn plan(is_by_evidence: bool) -> Plan {
    let rates = ErrorRates { false_halt: 5_000, false_advance: 5_000 };
    let wave = |n: u64| Wave {
        name: n.to_string(),
        size: WaveSize::Devices(n),
        gate: Gate {
            advance: Advance::Auto,
            open_minutes: 0,
            min_sample: 400,
            failed_limit: 20_000,
            silent_limit: 20_000,
            done: 90_000,
            evidence: is_by_evidence.then_some(rates),
        },
    };
    Plan {
        name: String::new(),
        release: ReleaseId::default(),
        target: String::new(),
        waves: WAVES.into_iter().map(wave).collect(),
        cohorts: None,
        start_at: None,
        windows: Windows::default(),
        rate_per_minute: None,
        retries: 0,
        timeout_minutes: 600,
        soak_minutes: SOAK,
        reaction: Reaction::Pause,
        revert_to: None,
        joins: false,
        downgrades: false,
        salt: String::new(),
        experiment: None,
        late_by_habit: false,
        confirmation_required: false,
    }
}

/// Devices of a wave that is open, with what is still to come, the last first.
struct Open {
    evidence: Evidence,
    coming: Vec<(f64, Kind)>,
    /// What its gate said when it was asked last.
    said: Option<Decision>,
}

impl Open {
    /// Takes in what is known by now. Its gate is asked where that may change what it says: by harm, or once enough have an outcome.
    fn look(&mut self, now: usize, gate: &Gate) {
        let (mut is_harmed, mut is_news) = (false, false);
        while let Some((_, kind)) = self.coming.pop_if(|(at, _)| *at <= now as f64) {
            self.evidence.under_way -= 1;
            match kind {
                Kind::Verified => self.evidence.verified += 1,
                Kind::Failed => self.evidence.failed += 1,
                Kind::Silent => self.evidence.silent += 1,
            }
            is_harmed |= kind != Kind::Verified;
            is_news = true;
        }
        let is_done = self.evidence.settled() * 100_000 >= self.evidence.total * u64::from(gate.done);
        if is_harmed || is_news && is_done {
            let at = |minute: usize| Timestamp(minute as i64 * MINUTE);
            self.said = Some(decide(gate, &self.evidence, &Evidence::default(), at(0), at(now)));
        }
    }

    fn is_halted(&self) -> bool {
        matches!(self.said, Some(Decision::Halt(_)))
    }

    /// Whether the next may be opened. Where a person has to, one is there at once.
    fn is_through(&self) -> bool {
        self.said.as_ref().is_some_and(Decision::is_ready)
    }
}

/// What a release is like: how much slower it is, and the share that it harms.
#[derive(Clone, Copy)]
struct Release {
    slower: f64,
    harmed: f64,
}

/// Lets a rollout happen, device by device and minute by minute.
pub fn happen(product: &Product, plan: &Plan, chance: &mut Chance) -> Happened {
    // Rollouts differ in how long they take and in how good they are: between nothing and twice as bad.
    let release =
        Release { slower: product.rollouts_differ * chance.normal(), harmed: product.harmed * 2.0 * chance.uniform() };
    let mut happened = Happened::default();
    let mut open: Vec<Open> = Vec::new();
    for now in 0..LAST {
        for (wave, planned) in open.iter_mut().zip(&plan.waves) {
            wave.look(now, &planned.gate);
        }
        if open.iter().any(Open::is_halted) {
            break;
        }
        if !open.last().is_none_or(Open::is_through) {
            continue;
        }
        let Some(devices) = WAVES.get(open.len()) else {
            happened.took = Some(now as u64);
            break;
        };
        let quick = product.quick_of(*devices);
        let interval = |device: u64| if device < quick { QUICK } else { SLOW };
        let mut coming: Vec<(f64, Kind)> = (0..*devices)
            .map(|device| product.device(now as f64, interval(device), release, plan, chance, &mut happened))
            .collect();
        coming.sort_by(|one, other| other.0.total_cmp(&one.0));
        let evidence = Evidence { total: *devices, under_way: *devices, ..Evidence::default() };
        open.push(Open { evidence, coming, said: None });
    }
    happened.verified.sort_by(f64::total_cmp);
    happened.took_s.sort_by(|one, other| one.0.total_cmp(&other.0));
    happened
}

impl Product {
    /// When a device polls after so many minutes at the soonest, if it begins to sleep now.
    fn polls_after(&self, now: f64, least: f64, interval: f64, chance: &mut Chance) -> f64 {
        let (begun, mut polled) = (now, now);
        loop {
            polled += interval * (1.0 + self.late * chance.uniform());
            if polled >= begun + least && !chance.is(self.missed) {
                return polled;
            }
        }
    }

    /// What becomes of one device of a wave that is opened now.
    fn device(
        &self,
        now: f64,
        interval: f64,
        release: Release,
        plan: &Plan,
        chance: &mut Chance,
        happened: &mut Happened,
    ) -> (f64, Kind) {
        let mut offered = now + interval * chance.uniform();
        if chance.is(self.missed) {
            offered = self.polls_after(offered, 0.0, interval, chance);
        }
        let stuck = if chance.is(self.world.stuck.0) { self.world.stuck.1 } else { 1.0 };
        let installs = stuck * (self.installs + release.slower + self.devices_differ * chance.normal()).exp();
        if chance.is(release.harmed) {
            // What comes of it is known of all once it is over.
            if chance.is(0.5) {
                happened.failed += 1;
                return (offered + installs, Kind::Failed);
            }
            happened.silent += 1;
            return (offered + installs + f64::from(plan.timeout_minutes), Kind::Silent);
        }
        // It polls when it starts, and from then on in its interval.
        let runs = offered + installs;
        let polled = self.polls_after(runs, f64::from(plan.soak_minutes), interval, chance);
        happened.verified.push(polled);
        happened.took_s.push((offered, (installs * 60.0) as u64));
        (polled, Kind::Verified)
    }
}

impl Happened {
    /// What is known of it once all of its devices have an outcome.
    pub fn known(&self) -> PastRollout {
        let took = |of: &(f64, u64)| of.1;
        let first = self.took_s.iter().take(TIMED).map(took);
        PastRollout {
            verified: self.verified.len() as u64,
            failed: self.failed,
            silent: self.silent,
            took_s: first.chain(self.took_s.iter().rev().take(TIMED).map(took)).collect(),
        }
    }

    /// How many devices were verified by a minute.
    pub fn done(&self, minute: u64) -> u64 {
        self.verified.partition_point(|at| *at <= minute as f64) as u64
    }
}
