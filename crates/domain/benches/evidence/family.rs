//! Several variants and metrics at once: three variants, each compared with the control by three metrics that go together.

use crate::{
    comparison::Values,
    experiments::{Chance, run, share},
    fixed::z_of_means,
    table::{Table, at_most, percent, within_ten},
};
use domain::{
    bucket::PARTS,
    evidence::{Comparison, Tally, adjusted},
};

const ERROR: f64 = 0.05;
const BATCH: u64 = 100;
const VARIANTS: usize = 3;
const METRICS: usize = 3;
/// Devices of all four cohorts.
const DEVICES: u64 = 4_000;
/// The standard normal quantiles above which 2 %, 5 % and 10 % are.
const TWO_PERCENT: f64 = 2.053_749;
const FIVE_PERCENT: f64 = 1.644_854;
const TEN_PERCENT: f64 = 1.281_552;

/// Which comparisons were ever found worse by each rule.
#[derive(Default)]
struct Found {
    evidence: [bool; VARIANTS * METRICS],
    naive: bool,
    fixed: [bool; VARIANTS * METRICS],
}

/// A device's three values: it fails with the first, is late with the second, and is slow by the third, all out of one trouble.
fn draw(chance: &mut Chance, is_harmed: bool) -> [u32; METRICS] {
    let trouble = chance.normal();
    let mut own = || 0.7_f64.mul_add(trouble, 0.51_f64.sqrt() * chance.normal());
    let fails = own() > if is_harmed { FIVE_PERCENT } else { TWO_PERCENT };
    let is_late = own() > TEN_PERCENT;
    [u32::from(fails) * PARTS, u32::from(is_late) * PARTS, Values::of_normal(1.0, own())]
}

fn runs(experiments: u64, cell: u64, is_one_harmed: bool) -> Vec<Found> {
    run(experiments, cell, |chance| {
        let (mut tallies, mut found) = ([[Tally::default(); METRICS]; VARIANTS + 1], Found::default());
        for of in 1..=DEVICES {
            let cohort = (chance.uniform() * (VARIANTS + 1) as f64) as usize;
            let values = draw(chance, is_one_harmed && cohort == 1);
            for (tally, value) in tallies[cohort].iter_mut().zip(values) {
                *tally = tally.with(Tally::of(value));
            }
            if of.is_multiple_of(BATCH) {
                look(&tallies, of == DEVICES, &mut found);
            }
        }
        found
    })
}

fn look(tallies: &[[Tally; METRICS]; VARIANTS + 1], is_last: bool, found: &mut Found) {
    let hypotheses = || {
        (0..VARIANTS * METRICS).map(|k| (k % METRICS, tallies[0][k % METRICS], tallies[k / METRICS + 1][k % METRICS]))
    };
    let e = |(metric, control, variant): (usize, Tally, Tally)| {
        let strata = vec![(String::new(), control, variant)];
        // Of one side: half of what an interval would be wrong by.
        let error = 2.0 * ERROR / (VARIANTS * METRICS) as f64;
        // At the one look at the planned end what there is then is what was planned.
        let planned = if is_last { control.n + variant.n } else { DEVICES / 2 };
        Comparison { error, planned, share: 0.5, strata, is_binary: metric < 2 }.above(0.0)
    };
    let e: Vec<f64> = hypotheses().map(e).collect();
    for (found, e) in found.evidence.iter_mut().zip(adjusted(&e)) {
        *found |= e >= 1.0 / ERROR;
    }
    for (fixed, (_, control, variant)) in found.fixed.iter_mut().zip(hypotheses()) {
        let z = z_of_means(control, variant);
        found.naive |= z > 1.645;
        // 5 % by nine, one-sided.
        *fixed = z > 2.539;
    }
}

/// What is found of all, and of one that is harmed.
pub fn table(experiments: u64) -> Table {
    let columns = &[
        "3 variants × 3 metrics, 4000 devices, looked at every 100, common chance of error 5 %",
        "evidence, closed testing",
        "z-tests, each 5 %, every 100",
        "z-tests, once at the end, 5 % by nine",
    ];
    let mut table = Table::new("Several variants and metrics", columns);
    let any = |found: &[bool; VARIANTS * METRICS]| found.contains(&true);
    let of = runs(experiments, 300, false);
    let wrong = share(&of, |found| any(&found.evidence));
    let cells = [
        "any found worse, where none is".to_owned(),
        percent(wrong),
        percent(share(&of, |found| found.naive)),
        percent(share(&of, |found| any(&found.fixed))),
    ];
    table.row(cells, at_most(ERROR, wrong, experiments));

    let of = runs(experiments, 301, true);
    let others = |found: &[bool; VARIANTS * METRICS]| found.iter().skip(1).any(|found| *found);
    let wrong = share(&of, |found| others(&found.evidence));
    let cells = [
        "another found worse, where one fails at 5 % and all others at 2 %".to_owned(),
        percent(wrong),
        String::new(),
        percent(share(&of, |found| others(&found.fixed))),
    ];
    table.row(cells, at_most(ERROR, wrong, experiments));
    let (evidence, fixed) = (share(&of, |found| found.evidence[0]), share(&of, |found| found.fixed[0]));
    let cells = ["that one found worse".to_owned(), percent(evidence), String::new(), percent(fixed)];
    table.row(cells, within_ten(evidence, fixed));
    table
}
