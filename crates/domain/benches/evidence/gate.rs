//! Gates: one rate against a limit, looked at after each device.

use crate::{
    experiments::{median, run, share},
    fixed::{critical_above, critical_below, z_of_rate},
    table::{Table, at_most, percent, within_ten},
};
use domain::evidence::RateTest;

const ERROR: f64 = 0.05;
/// Between looks that are made in batches.
const BATCH: u64 = 50;
/// Limits, and how many devices are planned.
const GATES: [(f64, u64); 4] = [(0.005, 4_000), (0.02, 1_000), (0.1, 500), (0.5, 200)];
/// After how many outcomes a z-test is tried first, and how many executed jobs AWS is told to wait for.
const FIRST: u64 = 50;

/// By how many harmed of each number of devices a gate decides.
struct Bounds {
    /// It halts from so many on.
    halts: Vec<u64>,
    /// It advances down from so many; none if not even at none.
    advances: Vec<Option<u64>>,
}

impl Bounds {
    fn of(test: &RateTest) -> Self {
        let halts = |of: u64| first(of + 1, |harmed| test.is_above(harmed, of).is_enough());
        let advances = |of: u64| first(of + 1, |harmed| !test.is_below(harmed, of).is_enough()).checked_sub(1);
        Self { halts: (0..=test.horizon).map(halts).collect(), advances: (0..=test.horizon).map(advances).collect() }
    }
}

/// The first number below `end` for which it is so, of what is so from some number on.
fn first(end: u64, is_so: impl Fn(u64) -> bool) -> u64 {
    let (mut low, mut high) = (0, end);
    while low < high {
        let middle = low.midpoint(high);
        if is_so(middle) {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    low
}

/// After how many devices each rule decided first.
#[derive(Default)]
struct Stops {
    evidence: Option<u64>,
    in_batches: Option<u64>,
    naive: Option<u64>,
    naive_in_batches: Option<u64>,
    hawkbit: Option<u64>,
    aws: Option<u64>,
    harmed: u64,
}

impl Stops {
    fn see(&mut self, of: u64, is_enough: bool, is_naive: bool) {
        let is_batch = of.is_multiple_of(BATCH);
        let note = |stop: &mut Option<u64>, is_so: bool| {
            if is_so && stop.is_none() {
                *stop = Some(of);
            }
        };
        note(&mut self.evidence, is_enough);
        note(&mut self.in_batches, is_enough && is_batch);
        note(&mut self.naive, is_naive && of >= FIRST);
        note(&mut self.naive_in_batches, is_naive && is_batch);
    }
}

fn runs(experiments: u64, cell: u64, (limit, horizon): (f64, u64), rate: f64, is_above: bool) -> Vec<Stops> {
    let bounds = Bounds::of(&RateTest { limit, error: ERROR, horizon });
    run(experiments, cell, |chance| {
        let mut stops = Stops::default();
        for of in 1..=horizon {
            stops.harmed += u64::from(chance.is(rate));
            let (harmed, z) = (stops.harmed, z_of_rate(stops.harmed, of, limit));
            let n = of as usize;
            if is_above {
                stops.see(of, harmed >= bounds.halts[n], z > 1.645);
                let is_over = |of: u64| harmed as f64 > limit * of as f64;
                if is_over(horizon) && stops.hawkbit.is_none() {
                    stops.hawkbit = Some(of);
                }
                if of >= FIRST && harmed as f64 >= limit * of as f64 && stops.aws.is_none() {
                    stops.aws = Some(of);
                }
            } else {
                stops.see(of, bounds.advances[n].is_some_and(|most| harmed <= most), z < -1.645);
            }
        }
        stops
    })
}

/// At the limit itself, where a decision is wrong.
pub fn false_alarms(experiments: u64) -> Table {
    let columns = &[
        "gate at its limit, chance of error 5 %",
        "evidence, each outcome",
        "evidence, every 50",
        "z-test, each outcome",
        "z-test, every 50",
        "hawkBit's rule",
        "AWS's rule",
    ];
    let mut table = Table::new("Gates: wrong decisions when looked at all the time", columns);
    for (n, gate) in (0..).zip(GATES) {
        for is_above in [true, false] {
            let stops = runs(experiments, 100 + n, gate, gate.0, is_above);
            let evidence = share(&stops, |stops| stops.evidence.is_some());
            let rule = |stopped: fn(&Stops) -> Option<u64>| percent(share(&stops, |stops| stopped(stops).is_some()));
            let word = if is_above { "halts" } else { "advances" };
            let threshold = |stopped: fn(&Stops) -> Option<u64>| if is_above { rule(stopped) } else { String::new() };
            let cells = [
                format!("{word} at {}, {} devices", percent(gate.0), gate.1),
                percent(evidence),
                rule(|stops| stops.in_batches),
                rule(|stops| stops.naive),
                rule(|stops| stops.naive_in_batches),
                threshold(|stops| stops.hawkbit),
                threshold(|stops| stops.aws),
            ];
            table.row(cells, at_most(ERROR, evidence, experiments));
        }
    }
    table
}

/// Where a decision is right.
pub fn power(experiments: u64) -> Table {
    let columns = &[
        "gate, chance of error 5 %",
        "true rate",
        "evidence decides",
        "exact test at the end",
        "devices at the decision, median",
        "hawkBit's rule",
        "AWS's rule",
    ];
    let mut table = Table::new("Gates: right decisions by the planned end, and after how many devices", columns);
    let above = [(0.02, 1_000, 0.03), (0.02, 1_000, 0.035), (0.02, 1_000, 0.05), (0.02, 1_000, 0.2), (0.1, 500, 0.14)];
    let below = [(0.02, 1_000, 0.01), (0.02, 1_000, 0.002), (0.1, 500, 0.06), (0.005, 4_000, 0.002)];
    let cases = above.map(|case| (case, true)).into_iter().chain(below.map(|case| (case, false)));
    for (n, ((limit, horizon, rate), is_above)) in (0..).zip(cases) {
        let stops = runs(experiments, 120 + n, (limit, horizon), rate, is_above);
        let evidence = share(&stops, |stops| stops.evidence.is_some());
        let fixed = if is_above {
            let critical = critical_above(horizon, limit, ERROR);
            share(&stops, |stops| stops.harmed >= critical)
        } else {
            let critical = critical_below(horizon, limit, ERROR);
            share(&stops, |stops| critical.is_some_and(|critical| stops.harmed <= critical))
        };
        let word = if is_above { "halts above" } else { "advances below" };
        let rule = |stopped: fn(&Stops) -> Option<u64>| {
            if is_above {
                format!(
                    "{}, {}",
                    percent(share(&stops, |stops| stopped(stops).is_some())),
                    median(&stops, stopped, horizon)
                )
            } else {
                String::new()
            }
        };
        let cells = [
            format!("{word} {}, {horizon} devices", percent(limit)),
            percent(rate),
            percent(evidence),
            percent(fixed),
            median(&stops, |stops| stops.evidence, horizon).to_string(),
            rule(|stops| stops.hawkbit),
            rule(|stops| stops.aws),
        ];
        table.row(cells, within_ten(evidence, fixed));
    }
    table
}
