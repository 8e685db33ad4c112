//! What a number costs: whoever watches over rollouts asks for some hundred at each look.

use crate::table::{Table, Wanted};
use domain::evidence::{Comparison, RateTest, Tally, sample_ratio};
use std::{hint::black_box, time::Instant};

const TIMES: u32 = 200;
/// Microseconds.
const MOST: f64 = 100.0;

/// Microseconds that one takes.
fn micros(of: impl Fn() -> f64) -> f64 {
    let begun = Instant::now();
    for _ in 0..TIMES {
        black_box(of());
    }
    begun.elapsed().as_secs_f64() * 1e6 / f64::from(TIMES)
}

/// The cost of each kind, of few devices and of a million.
pub fn table(_experiments: u64) -> Table {
    let mut table = Table::new("Cost of one number, on one core", &["number", "of 1,000 devices", "of 1,000,000"]);
    let rate = |of: u64| {
        let test = RateTest { limit: 0.02, error: 0.05, horizon: of };
        micros(move || black_box(test).is_above(of / 60, of * 5 / 6).value)
    };
    let comparison = |of: u64, strata: u64| {
        let stratum = |n: u64| (String::new(), Tally::of_share(n / 40, n), Tally::of_share(n / 35, n));
        let strata = (0..strata).map(|_| stratum(of / strata / 2)).collect();
        Comparison { error: 0.05, planned: of, share: 0.5, strata, is_binary: true }
    };
    let evidence = |of: u64, strata: u64| {
        let comparison = comparison(of, strata);
        micros(move || black_box(&comparison).above(0.0))
    };
    let estimate = |of: u64, strata: u64| {
        let comparison = comparison(of, strata);
        micros(move || black_box(&comparison).estimate().map_or(0.0, |estimate| estimate.low))
    };
    let ratio = |of: u64| micros(move || sample_ratio(black_box(&[of / 2, of - of / 2]), &[50, 50]).e);
    let rows = [
        ("evidence of a gate", rate(1_000), rate(1_000_000)),
        ("evidence of a comparison", evidence(1_000, 1), evidence(1_000_000, 1)),
        ("… of ten strata", evidence(1_000, 10), evidence(1_000_000, 10)),
        ("interval of a comparison of ten strata", estimate(1_000, 10), estimate(1_000_000, 10)),
        ("sample ratio", ratio(1_000), ratio(1_000_000)),
    ];
    for (name, few, many) in rows {
        let cells = [name.to_owned(), format!("{few:.1} µs"), format!("{many:.1} µs")];
        table.row(cells, Some(Wanted { words: format!("≤ {MOST} µs"), is_met: few.max(many) <= MOST }));
    }
    table
}
