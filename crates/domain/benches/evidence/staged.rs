//! Rollouts in stages of a release that bricks a share of the devices: how many each rule loses.
//!
//! Ten thousand devices that poll once an hour. Who is offered the release runs it twenty minutes later, or is bricked; of the bricked
//! some report the failure first, the others are never heard from again, which is known four hours after the offer. Muster counts a
//! device as verified when it has lived with the release for an hour. All rules have a limit of 2 %.
//!
//! hawkBit's groups are the waves; the next is started when half of a group succeeded, and everything pauses when more than the limit of
//! the *whole group* reported an error (`ThresholdRolloutGroupErrorCondition`). AWS IoT Jobs has no waves but a rate, here of five
//! devices a minute, doubled with each hundred that succeeded, up to its limit of a thousand; it cancels when the limit of those
//! executed failed, or timed out, once a hundred were executed.

use crate::{
    experiments::{Chance, mean, quantile, run, share},
    table::{Table, Wanted, percent},
};
use domain::evidence::RateTest;

const LIMIT: f64 = 0.02;
const ERROR: f64 = 0.05;
const FLEET: u64 = 10_000;
const WAVES: [u64; 3] = [300, 2_700, 7_000];
/// Minutes.
const POLL: f64 = 60.0;
const INSTALLED: usize = 20;
const VERIFIED: usize = 80;
const TIMED_OUT: usize = 240;
/// No job is notified later than this: minutes.
const LAST: usize = 2_400;

/// What is known at the end of each minute.
#[derive(Clone, Copy, Default)]
struct Known {
    told: u64,
    bricked: u64,
    succeeded: u64,
    verified: u64,
    failed: u64,
    silent: u64,
}

/// Devices that are offered the release, minute by minute.
struct Offers {
    known: Vec<Known>,
}

impl Offers {
    fn new() -> Self {
        Self { known: vec![Known::default(); LAST + 2 * TIMED_OUT + 2] }
    }

    /// One more that is offered it in this minute. Counts are of the minute until [`Self::summed`].
    fn offer(&mut self, chance: &mut Chance, minute: usize, bricks: f64, reported: f64) {
        self.known[minute].told += 1;
        if !chance.is(bricks) {
            self.known[minute + INSTALLED].succeeded += 1;
            self.known[minute + VERIFIED].verified += 1;
            return;
        }
        self.known[minute].bricked += 1;
        if chance.is(reported) {
            self.known[minute + INSTALLED].failed += 1;
        } else {
            self.known[minute + TIMED_OUT].silent += 1;
        }
    }
}

impl Known {
    fn add(&mut self, other: Self) {
        self.told += other.told;
        self.bricked += other.bricked;
        self.succeeded += other.succeeded;
        self.verified += other.verified;
        self.failed += other.failed;
        self.silent += other.silent;
    }
}

/// What a rule says of a wave.
#[derive(Clone, Copy, PartialEq)]
enum Word {
    Wait,
    Halt,
    Advance,
}

/// How many were bricked, and whether all devices were offered it.
struct Course {
    bricked: u64,
    is_through: bool,
}

/// A rollout in waves. Whoever is undecided when everything of a wave is known waits for a person, and so loses nothing more.
fn in_waves(chance: &mut Chance, bricks: f64, reported: f64, rule: impl Fn(usize, &Known) -> Word) -> Course {
    let mut bricked = 0;
    for (wave, size) in WAVES.into_iter().enumerate() {
        let mut offers = Offers::new();
        for _ in 0..size {
            let minute = (chance.uniform() * POLL) as usize;
            offers.offer(chance, minute, bricks, reported);
        }
        let (mut known, mut word) = (Known::default(), Word::Wait);
        for minute in offers.known.iter().take(POLL as usize + TIMED_OUT + 1) {
            known.add(*minute);
            word = rule(wave, &known);
            if word != Word::Wait {
                break;
            }
        }
        bricked += known.bricked;
        // In the last wave nothing is waited for.
        if word == Word::Halt || (word == Word::Wait && wave + 1 < WAVES.len()) {
            return Course { bricked, is_through: false };
        }
    }
    Course { bricked, is_through: true }
}

/// From how many harmed of each number of devices a wave halts; and up to how many it advances.
struct Gate {
    halts: Vec<u64>,
    advances: Vec<Option<u64>>,
}

impl Gate {
    fn of(horizon: u64) -> Self {
        let test = RateTest { limit: LIMIT, error: ERROR, horizon };
        let (mut halts, mut advances) = (vec![1], vec![None]);
        let (mut least, mut most) = (1, 0);
        for of in 1..=horizon {
            // Both only grow with the number of devices.
            while least <= of && !test.is_above(least, of).is_enough() {
                least += 1;
            }
            while test.is_below(most, of).is_enough() {
                most += 1;
            }
            halts.push(least);
            advances.push(u64::checked_sub(most, 1));
        }
        Self { halts, advances }
    }

    fn word(&self, size: u64, known: &Known) -> Word {
        let told = known.told as usize;
        let open = known.told - known.verified - known.failed - known.silent;
        let is_halted = |harmed: u64| told > 0 && harmed >= self.halts[told];
        let is_fine = |harmed: u64| self.advances[told].is_some_and(|most| harmed <= most);
        if is_halted(known.failed) || is_halted(known.silent) {
            Word::Halt
        } else if known.told - open >= size * 9 / 10 && is_fine(known.failed + open) && is_fine(known.silent + open) {
            Word::Advance
        } else {
            Word::Wait
        }
    }
}

fn hawkbit(wave: usize, known: &Known) -> Word {
    let size = WAVES[wave] as f64;
    if known.failed as f64 > LIMIT * size {
        Word::Halt
    } else if wave + 1 < WAVES.len() && known.succeeded as f64 >= size / 2.0 {
        Word::Advance
    } else {
        Word::Wait
    }
}

/// A job of AWS.
fn aws(chance: &mut Chance, bricks: f64, reported: f64) -> Course {
    let (mut offers, mut known, mut notified) = (Offers::new(), Known::default(), 0.0);
    for minute in 0..LAST + 2 * TIMED_OUT {
        let rate = (5.0 * f64::powf(2.0, (known.succeeded / 100) as f64)).min(1_000.0);
        let before = notified as u64;
        notified = (notified + rate).min(FLEET as f64);
        for _ in before..notified as u64 {
            if minute < LAST {
                let polls = minute + (chance.uniform() * POLL) as usize;
                offers.offer(chance, polls, bricks, reported);
            }
        }
        known.add(offers.known[minute]);
        let executed = (known.succeeded + known.failed + known.silent) as f64;
        let is_over = |harmed: u64| executed >= 100.0 && harmed as f64 >= LIMIT * executed;
        if is_over(known.failed) || is_over(known.silent) {
            return Course { bricked: known.bricked, is_through: known.told == FLEET };
        }
    }
    Course { bricked: known.bricked, is_through: known.told == FLEET }
}

/// What each rule loses.
pub fn table(experiments: u64) -> Table {
    let columns = &[
        "10,000 devices in waves of 300, 2700 and 7000; limit 2 %",
        "evidence: bricked, mean (95 %)",
        "hawkBit",
        "AWS IoT Jobs",
        "got it to all by itself: evidence",
        "hawkBit",
        "AWS IoT Jobs",
    ];
    let mut table = Table::new("Bricked devices until each rule stops a rollout", columns);
    let gates = WAVES.map(Gate::of);
    let cells =
        [0.0, 0.2, 1.0].into_iter().flat_map(|reported| [0.001, 0.01, 0.05, 0.2, 1.0].map(|bricks| (reported, bricks)));
    for (n, (reported, bricks)) in (0..).zip(cells) {
        let evidence = |wave: usize, known: &Known| gates[wave].word(WAVES[wave], known);
        let courses = [
            run(experiments, 500 + n, |chance| in_waves(chance, bricks, reported, evidence)),
            run(experiments, 500 + n, |chance| in_waves(chance, bricks, reported, hawkbit)),
            run(experiments, 500 + n, |chance| aws(chance, bricks, reported)),
        ];
        let lost = courses.each_ref().map(|of| mean(of.iter().map(|course| course.bricked as f64)));
        let words = courses.each_ref().map(|of| {
            let mean = mean(of.iter().map(|course| course.bricked as f64));
            format!("{mean:.0} ({})", quantile(of.iter().map(|course| course.bricked).collect(), 0.95))
        });
        let through = courses.each_ref().map(|of| percent(share(of, |course| course.is_through)));
        let how = match reported {
            0.0 => "silently",
            1.0 => "each reports it",
            _ => "a fifth reports it",
        };
        // A device that is bricked seldom says so; where each does, the rule of hawkBit sees all that there is.
        let wanted = (bricks == 0.05 && reported < 1.0)
            .then(|| Wanted { words: format!("≤ {:.0}", lost[1] / 3.0), is_met: lost[0] <= lost[1] / 3.0 });
        let name = format!("{} bricked, {how}", percent(bricks));
        table.row(std::iter::once(name).chain(words).chain(through), wanted);
    }
    table
}
