//! `cargo xtask bench evidence`: what the methods of [`domain::evidence`] promise, measured by simulated experiments, beside what is
//! done elsewhere on the same data.
//!
//! Every experiment has a seed of its own, so that the figures are the same on every machine and however many cores there are.

#![expect(clippy::print_stdout, reason = "a measurement speaks by printing")]

mod comparison;
mod cost;
mod experiments;
mod family;
mod fixed;
mod forecast;
mod forecast_cost;
mod gate;
mod ratio;
mod reality;
mod staged;
mod table;

use std::{error::Error, time::Instant};
use table::Table;

/// What is measured.
enum Only {
    All,
    Forecast,
    Cost,
}

fn main() -> Result<(), Box<dyn Error>> {
    let (mut experiments, mut only) = (10_000, Only::All);
    for argument in std::env::args().skip(1) {
        match argument.as_str() {
            "--bench" => {}
            "--quick" => experiments = 500,
            "--forecast" => only = Only::Forecast,
            "--cost" => only = Only::Cost,
            number => experiments = number.parse().map_err(|_| format!("Say how many experiments, not “{number}”."))?,
        }
    }
    let begun = Instant::now();
    let methods: &[fn(u64) -> Table] = &[
        gate::false_alarms,
        gate::power,
        comparison::false_alarms,
        comparison::power,
        comparison::equivalence,
        family::table,
        ratio::false_alarms,
        ratio::detection,
        staged::table,
    ];
    let tables: Vec<fn(u64) -> Table> = match only {
        Only::All => [methods, &[cost::table, forecast::table, forecast_cost::table]].concat(),
        Only::Forecast => vec![forecast::table, forecast_cost::table],
        Only::Cost => vec![cost::table, forecast_cost::table],
    };
    let mut missed = 0;
    for table in tables {
        let table = table(experiments);
        missed += table.missed();
        println!("{table}");
    }
    println!(
        "{experiments} experiments per cell, {:.0} s. Wanted figures that were missed: {missed}.",
        begun.elapsed().as_secs_f64()
    );
    Ok(())
}
