//! Comparisons of two cohorts, looked at after each device.

use crate::{
    experiments::{Chance, median, run, share},
    fixed::z_of_means,
    table::{Table, at_most, percent, within_ten},
};
use domain::{
    bucket::PARTS,
    evidence::{Comparison, Tally},
};

const ERROR: f64 = 0.05;
const BATCH: u64 = 50;
/// After how many values a z-test is tried first.
const FIRST: u64 = 50;
/// How far from no difference a comparison must be for evidence: with less than one standard error there is none, at any time.
const FAR: f64 = 1.0;
/// Lognormal values have this deviation of their logarithm, and are cut off at their 99.5 % quantile.
const SIGMA: f64 = 1.5;
const CUT: f64 = 2.576;

/// What devices of a cohort report.
#[derive(Clone, Copy)]
pub enum Values {
    /// So or not, with a chance.
    Binary(f64),
    /// Lognormal, so many times as large as usual.
    HeavyTailed(f64),
    /// Normal, narrow against its bounds: of these a hundredth wide, and so many widths above their middle.
    Narrow(f64),
}

/// The deviation of narrow values.
const NARROW: f64 = 0.01;

impl Values {
    pub fn draw(self, chance: &mut Chance) -> u32 {
        match self {
            Self::Binary(rate) => u32::from(chance.is(rate)) * PARTS,
            Self::HeavyTailed(times) => Self::of_normal(times, chance.normal()),
            Self::Narrow(by) => {
                (NARROW.mul_add(by + chance.normal(), 0.5).clamp(0.0, 1.0) * f64::from(PARTS)).round() as u32
            }
        }
    }

    pub fn of_normal(times: f64, normal: f64) -> u32 {
        let value = times * (SIGMA * (normal - CUT)).exp();
        (value.min(1.0) * f64::from(PARTS)).round() as u32
    }
}

/// A part of the devices, and what its cohorts report.
type Stratum = (f64, Values, Values);

struct Case {
    name: &'static str,
    planned: u64,
    /// Which share of the devices gets the variant.
    variant: f64,
    strata: &'static [Stratum],
    /// Whether all values of the control come before those of the variant, which has to install first.
    is_late: bool,
}

const fn case(name: &'static str, planned: u64, variant: f64, strata: &'static [Stratum]) -> Case {
    Case { name, planned, variant, strata, is_late: false }
}

const fn late(name: &'static str, planned: u64, variant: f64, strata: &'static [Stratum]) -> Case {
    Case { name, planned, variant, strata, is_late: true }
}

use Values::{Binary, HeavyTailed, Narrow};

/// With more strata than that evidence is asked for in batches only, since it takes its time.
const MANY: usize = 10;
const HUNDRED: [Stratum; 100] = [(0.01, Binary(0.1), Binary(0.1)); 100];

const EQUAL: [Case; 16] = [
    case("0.5 %", 2_000, 0.5, &[(1.0, Binary(0.005), Binary(0.005))]),
    case("2 %", 2_000, 0.5, &[(1.0, Binary(0.02), Binary(0.02))]),
    case("10 %", 2_000, 0.5, &[(1.0, Binary(0.1), Binary(0.1))]),
    case("50 %", 2_000, 0.5, &[(1.0, Binary(0.5), Binary(0.5))]),
    case("0.5 %, 10 to 90", 2_000, 0.1, &[(1.0, Binary(0.005), Binary(0.005))]),
    case("2 %, 10 to 90", 2_000, 0.1, &[(1.0, Binary(0.02), Binary(0.02))]),
    case(
        "2 % and 20 % in two strata",
        1_000,
        0.5,
        &[(0.7, Binary(0.02), Binary(0.02)), (0.3, Binary(0.2), Binary(0.2))],
    ),
    case("lognormal", 2_000, 0.5, &[(1.0, HeavyTailed(1.0), HeavyTailed(1.0))]),
    case("lognormal, 10 to 90", 2_000, 0.1, &[(1.0, HeavyTailed(1.0), HeavyTailed(1.0))]),
    case("narrow", 1_000, 0.5, &[(1.0, Narrow(0.0), Narrow(0.0))]),
    case("narrow, 10 to 90", 2_000, 0.1, &[(1.0, Narrow(0.0), Narrow(0.0))]),
    late("10 %, 10 to 90, the variant's values last", 2_000, 0.1, &[(1.0, Binary(0.1), Binary(0.1))]),
    late("10 %, half and half, the variant's values last", 2_000, 0.5, &[(1.0, Binary(0.1), Binary(0.1))]),
    late("narrow, 10 to 90, the variant's values last", 2_000, 0.1, &[(1.0, Narrow(0.0), Narrow(0.0))]),
    case("10 % in a hundred strata (every 50)", 5_000, 0.5, &HUNDRED),
    case("10 % in a hundred strata, 10 to 90 (every 50)", 5_000, 0.1, &HUNDRED),
];

const DIFFERENT: [Case; 13] = [
    case("2 % to 4 %", 2_000, 0.5, &[(1.0, Binary(0.02), Binary(0.04))]),
    case("2 % to 8 %", 2_000, 0.5, &[(1.0, Binary(0.02), Binary(0.08))]),
    case("0.5 % to 2 %", 2_000, 0.5, &[(1.0, Binary(0.005), Binary(0.02))]),
    case("10 % to 14 %", 2_000, 0.5, &[(1.0, Binary(0.1), Binary(0.14))]),
    case("50 % to 56 %", 2_000, 0.5, &[(1.0, Binary(0.5), Binary(0.56))]),
    case("50 % to 100 %", 2_000, 0.5, &[(1.0, Binary(0.5), Binary(1.0))]),
    case("2 % to 6 %, 10 to 90", 2_000, 0.1, &[(1.0, Binary(0.02), Binary(0.06))]),
    case(
        "2 % to 5 % and 20 % to 26 % in two strata",
        1_000,
        0.5,
        &[(0.7, Binary(0.02), Binary(0.05)), (0.3, Binary(0.2), Binary(0.26))],
    ),
    case("lognormal, a quarter more", 2_000, 0.5, &[(1.0, HeavyTailed(1.0), HeavyTailed(1.25))]),
    case("lognormal, half more, 10 to 90", 2_000, 0.1, &[(1.0, HeavyTailed(1.0), HeavyTailed(1.5))]),
    case("narrow, a fifth of its width more", 1_000, 0.5, &[(1.0, Narrow(0.0), Narrow(0.2))]),
    case("narrow, a fifth of its width more, 10 to 90", 2_000, 0.1, &[(1.0, Narrow(0.0), Narrow(0.2))]),
    late("2 % to 6 %, 10 to 90, the variant's values last", 2_000, 0.1, &[(1.0, Binary(0.02), Binary(0.06))]),
];

/// After how many devices each rule decided first, and what the fixed test said at the end.
#[derive(Default)]
struct Stops {
    evidence: Option<u64>,
    in_batches: Option<u64>,
    naive: Option<u64>,
    naive_in_batches: Option<u64>,
    fixed: bool,
}

/// A comparison as it grows, one device at a time.
struct Growing<'a> {
    case: &'a Case,
    comparison: Comparison,
    of: u64,
}

impl<'a> Growing<'a> {
    fn of(case: &'a Case) -> Self {
        let strata = case.strata.iter().map(|_| (String::new(), Tally::default(), Tally::default())).collect();
        let is_binary = matches!(case.strata[0].1, Binary(_));
        Self {
            case,
            comparison: Comparison { error: ERROR, planned: case.planned, share: case.variant, strata, is_binary },
            of: 0,
        }
    }

    fn grow(&mut self, chance: &mut Chance) {
        let (mut place, mut at) = (chance.uniform(), 0);
        while at + 1 < self.case.strata.len() && place >= self.case.strata[at].0 {
            place -= self.case.strata[at].0;
            at += 1;
        }
        let (_, control, variant) = self.case.strata[at];
        let (_, controls, variants) = &mut self.comparison.strata[at];
        let is_variant = if self.case.is_late {
            self.of >= (self.case.planned as f64 * (1.0 - self.case.variant)).round() as u64
        } else {
            chance.is(self.case.variant)
        };
        let (tally, values) = if is_variant { (variants, variant) } else { (controls, control) };
        *tally = tally.with(Tally::of(values.draw(chance)));
        self.of += 1;
    }

    /// How far apart the cohorts are by the z-test, strata taken together.
    fn z(&self) -> f64 {
        let sum = |of: fn(&(String, Tally, Tally)) -> Tally| self.comparison.strata.iter().map(of).sum();
        z_of_means(sum(|stratum| stratum.1), sum(|stratum| stratum.2))
    }
}

fn runs(experiments: u64, cell: u64, case: &Case) -> Vec<Stops> {
    let (is_one, is_many) = (case.strata.len() == 1, case.strata.len() > MANY);
    run(experiments, cell, |chance| {
        let (mut growing, mut stops) = (Growing::of(case), Stops::default());
        for of in 1..=case.planned {
            growing.grow(chance);
            let (z, is_batch) = (growing.z(), of.is_multiple_of(BATCH));
            let is_naive = z.abs() > 1.96;
            if of >= FIRST && is_naive {
                stops.naive = stops.naive.or(Some(of));
                stops.naive_in_batches = stops.naive_in_batches.or(is_batch.then_some(of));
            }
            let is_open = stops.evidence.is_none() || (is_batch && stops.in_batches.is_none());
            let is_looked_at = is_open && (is_batch || !is_many);
            if is_looked_at && !(is_one && z != 0.0 && z.abs() < FAR) && is_decided(&growing.comparison) {
                stops.evidence = stops.evidence.or(Some(of));
                stops.in_batches = stops.in_batches.or(is_batch.then_some(of));
            }
            stops.fixed = is_naive;
        }
        stops
    })
}

fn is_decided(comparison: &Comparison) -> bool {
    f64::max(comparison.above(0.0), comparison.below(0.0)) >= comparison.needed()
}

/// Without a difference, where a decision is wrong.
pub fn false_alarms(experiments: u64) -> Table {
    let columns = &[
        "no difference, chance of error 5 %",
        "evidence, each device",
        "evidence, every 50",
        "z-test, each device",
        "z-test, every 50",
        "z-test, once at the end",
    ];
    let mut table = Table::new("Comparisons: wrong decisions when looked at all the time", columns);
    for (n, case) in (0..).zip(&EQUAL) {
        let stops = runs(experiments, 200 + n, case);
        let evidence = share(&stops, |stops| stops.evidence.is_some());
        let cells = [
            format!("{}, {} devices", case.name, case.planned),
            percent(evidence),
            percent(share(&stops, |stops| stops.in_batches.is_some())),
            percent(share(&stops, |stops| stops.naive.is_some())),
            percent(share(&stops, |stops| stops.naive_in_batches.is_some())),
            percent(share(&stops, |stops| stops.fixed)),
        ];
        table.row(cells, at_most(ERROR, evidence, experiments));
    }
    table
}

/// With a difference, where one is right.
pub fn power(experiments: u64) -> Table {
    let columns = &[
        "difference, chance of error 5 %",
        "evidence decides, looked at after each device",
        "… every 50",
        "z-test, once at the end",
        "devices at the decision, median",
    ];
    let mut table = Table::new("Comparisons: right decisions by the planned end, and after how many devices", columns);
    for (n, case) in (0..).zip(&DIFFERENT) {
        let stops = runs(experiments, 220 + n, case);
        let evidence = share(&stops, |stops| stops.evidence.is_some());
        let fixed = share(&stops, |stops| stops.fixed);
        let cells = [
            format!("{}, {} devices", case.name, case.planned),
            percent(evidence),
            percent(share(&stops, |stops| stops.in_batches.is_some())),
            percent(fixed),
            median(&stops, |stops| stops.evidence, case.planned).to_string(),
        ];
        table.row(cells, within_ten(evidence, fixed));
    }
    table
}

/// That there is no difference that matters, where there is just that one: what is said in error; and where there is none.
pub fn equivalence(experiments: u64) -> Table {
    let columns = &["“no difference that matters”, looked at every 50", "said in error", "said where there is none"];
    let mut table = Table::new("Comparisons: no difference that matters", columns);
    let cases: [(&'static [Stratum], &'static [Stratum], f64); 3] = [
        (&[(1.0, Binary(0.02), Binary(0.045))], &[(1.0, Binary(0.02), Binary(0.02))], 0.025),
        (&[(1.0, Binary(0.2), Binary(0.27))], &[(1.0, Binary(0.2), Binary(0.2))], 0.07),
        (&[(1.0, Binary(0.04), Binary(0.0))], &[(1.0, Binary(0.02), Binary(0.02))], 0.04),
    ];
    for (n, (matters_just, none, matters)) in (0..).zip(cases) {
        let said = |cell: u64, strata: &'static [Stratum]| {
            let case = case("", 2_000, 0.5, strata);
            let said = run(experiments, cell, |chance| {
                let mut growing = Growing::of(&case);
                (1..=case.planned).any(|of| {
                    growing.grow(chance);
                    let same =
                        |comparison: &Comparison| f64::min(comparison.below(matters), comparison.above(-matters));
                    of.is_multiple_of(BATCH) && same(&growing.comparison) >= growing.comparison.needed()
                })
            });
            share(&said, |said| *said)
        };
        let wrong = said(240 + n, matters_just);
        let name = match matters_just[0] {
            (_, Binary(control), Binary(variant)) => {
                format!(
                    "{} to {} where {} points matter, 2000 devices",
                    percent(control),
                    percent(variant),
                    percent(matters)
                )
            }
            _ => String::new(),
        };
        table.row([name, percent(wrong), percent(said(250 + n, none))], at_most(ERROR / 2.0, wrong, experiments));
    }
    table
}
