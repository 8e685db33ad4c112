//! What a forecast costs: for the plans that take longest, and by how many devices there are.

use crate::{
    reality::plan,
    table::{Table, Wanted},
};
use domain::{
    rollout::{Basis, Crowd, Gate, Past, PastRollout, Plan, Window, Windows, foresee},
    time::Timestamp,
};
use std::time::Instant;

/// Milliseconds that one may take.
const MOST: f64 = 100.0;
/// A million devices may cost so many times as much as a hundred thousand. Of a thousand most are looked at one by one, which costs less.
const RATIO: f64 = 1.5;
/// How often it is made. The quickest counts: what else the machine does only makes it slower.
const TIMES: u32 = 9;

fn plans() -> [(&'static str, Plan); 3] {
    let [mut simple, mut evident] = [plan(false), plan(true)];
    for wave in simple.waves.iter_mut().chain(&mut evident.waves) {
        wave.gate = Gate { open_minutes: 24 * 60, ..wave.gate };
    }
    let nights =
        Windows { zone: "Europe/Prague".to_owned(), open: vec![Window { days: Vec::new(), from: 120, until: 300 }] };
    let slowly = Plan { windows: nights, rate_per_minute: Some(1_000), ..simple.clone() };
    [("gates by shares", simple), ("gates by evidence", evident), ("by shares, at night, a thousand a minute", slowly)]
}

/// Milliseconds that the quickest of some forecasts takes, with its worst case, for so many devices.
fn takes(plan: &Plan, devices: u64) -> f64 {
    let crowd = |n: u64| {
        let (slow, seldom) = (n / 10, n / 10);
        Crowd { total: n, polling: vec![(300, n - slow - seldom), (3_600, slow), (86_400, seldom)], ..Crowd::default() }
    };
    let crowds = [devices / 100, devices * 9 / 100, devices * 9 / 10].map(crowd);
    let rollout = PastRollout { verified: 9_000, failed: 20, silent: 10, took_s: (240..440).collect() };
    let past = Past { rollouts: vec![rollout; 3] };
    // As the devices, so the limit: otherwise a thousand would never meet it.
    let rate = |rate: u32| u32::try_from(u64::from(rate) * devices / 1_000_000).unwrap_or(rate).max(1);
    let plan = Plan { rate_per_minute: plan.rate_per_minute.map(rate), ..plan.clone() };
    let basis = Basis { plan: &plan, crowds: &crowds, past: &past, size: 0, start: Timestamp(0) };
    let once = |_| {
        let begun = Instant::now();
        let _ = foresee(&basis);
        begun.elapsed().as_secs_f64() * 1_000.0
    };
    (0..TIMES).map(once).fold(f64::INFINITY, f64::min)
}

/// How long a forecast takes, with its worst case.
pub fn table(_: u64) -> Table {
    let columns = &["plan", "of 1,000 devices", "of 100,000", "of 1,000,000", "by a thousand", "by 100,000"];
    let mut table = Table::new("Forecast: the time that one takes on one core, the quickest of nine", columns);
    for (name, plan) in &plans() {
        let [few, more, most] = [1_000, 100_000, 1_000_000].map(|devices| takes(plan, devices));
        let cells = [few, more, most].map(|ms| format!("{ms:.1} ms"));
        let is_met = most < MOST && most / more <= RATIO;
        let wanted = Wanted { words: format!("< {MOST} ms; ≤ ×{RATIO} by 100,000"), is_met };
        let ratios = [few, more].map(|fewer| format!("×{:.2}", most / fewer));
        table.row(std::iter::once((*name).to_owned()).chain(cells).chain(ratios), Some(wanted));
    }
    table
}
