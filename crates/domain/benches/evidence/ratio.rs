//! Sample ratios: cohorts that are not as large as they should be.

use crate::{
    experiments::{median, run, share},
    table::{Table, at_most, percent},
};
use domain::evidence::sample_ratio;

/// Below which p a ratio is off.
const OFF: f64 = 0.001;
/// The value of chi-squared with one degree of freedom above which p is below 0.001.
const CHI_SQUARED: f64 = 10.828;

/// Of two cohorts: below and above how many of the second the ratio is off, for each number of devices.
fn bounds(shares: [u32; 2], devices: u64) -> Vec<(u64, u64)> {
    let total = f64::from(shares[0] + shares[1]);
    let is_off = |second: u64, of: u64| sample_ratio(&[of - second, second], &shares).is_off;
    let mut last = (0, 0);
    (0..=devices)
        .map(|of| {
            let expected = (of as f64 * f64::from(shares[1]) / total) as u64;
            // Both ends move outwards or stay, and by little from one device to the next.
            let (mut low, mut high): (u64, u64) = last;
            while low < expected && is_off(low, of) {
                low += 1;
            }
            high = high.max(expected);
            while high < of && !is_off(high + 1, of) {
                high += 1;
            }
            last = (low, high);
            last
        })
        .collect()
}

/// After how many devices the ratio was first off; and whether chi-squared was, once at the end.
fn runs(experiments: u64, cell: u64, shares: [u32; 2], second: f64, devices: u64) -> Vec<(Option<u64>, bool, bool)> {
    let bounds = bounds(shares, devices);
    let planned = f64::from(shares[1]) / f64::from(shares[0] + shares[1]);
    run(experiments, cell, |chance| {
        let (mut seconds, mut stop, mut naive) = (0_u64, None, false);
        for of in 1..=devices {
            seconds += u64::from(chance.is(second));
            let (low, high) = bounds[of as usize];
            if stop.is_none() && (seconds < low || seconds > high) {
                stop = Some(of);
            }
            naive |= of >= 50 && is_far(seconds, of, planned);
        }
        (stop, naive, is_far(seconds, devices, planned))
    })
}

fn is_far(seconds: u64, of: u64, share: f64) -> bool {
    let n = of as f64;
    (seconds as f64 - n * share).powi(2) / (n * share * (1.0 - share)) > CHI_SQUARED
}

/// With the split that was planned.
pub fn false_alarms(experiments: u64) -> Table {
    let columns = &[
        "split as planned, p below 0.1 %",
        "evidence, each device",
        "chi-squared, each device",
        "chi-squared, once at the end",
    ];
    let mut table = Table::new("Sample ratio: wrong alarms when looked at all the time", columns);
    for (n, shares) in (0..).zip([[50, 50], [90, 10], [99, 1]]) {
        let second = f64::from(shares[1]) / 100.0;
        let of = runs(experiments, 400 + n, shares, second, 10_000);
        let wrong = share(&of, |(stop, ..)| stop.is_some());
        let cells = [
            format!("{} to {}, 10,000 devices", shares[0], shares[1]),
            percent(wrong),
            percent(share(&of, |(_, naive, _)| *naive)),
            percent(share(&of, |(.., fixed)| *fixed)),
        ];
        table.row(cells, at_most(OFF, wrong, experiments));
    }
    let wrong = run(experiments, 410, |chance| {
        let mut counts = [0; 4];
        (1..=2_000).any(|of| {
            counts[(chance.uniform() * 4.0) as usize] += 1;
            of % 10 == 0 && sample_ratio(&counts, &[25, 25, 25, 25]).is_off
        })
    });
    let wrong = share(&wrong, |wrong| *wrong);
    let cells = ["four cohorts, 2000 devices, every 10".to_owned(), percent(wrong), String::new(), String::new()];
    table.row(cells, at_most(OFF, wrong, experiments));
    table
}

/// With devices lost on the way of one cohort.
pub fn detection(experiments: u64) -> Table {
    let columns = &[
        "50 to 50, of which devices of one cohort are lost",
        "found by 10,000 devices",
        "chi-squared, once at 10,000",
        "found by 100,000",
        "devices when found, median",
    ];
    let mut table = Table::new("Sample ratio: skews that are found", columns);
    for (n, skew) in (0..).zip([0.01, 0.02, 0.03, 0.1]) {
        // Of 100 devices that are to be half and half, so many points more are of one.
        let second = 0.5 - skew;
        let fixed = runs(experiments, 420 + n, [50, 50], second, 10_000);
        let long = runs(experiments / 10 + 1, 430 + n, [50, 50], second, 100_000);
        let cells = [
            format!("{:.0} to {:.0}", 100.0 * (1.0 - second), 100.0 * second),
            percent(share(&fixed, |(stop, ..)| stop.is_some())),
            percent(share(&fixed, |(.., fixed)| *fixed)),
            percent(share(&long, |(stop, ..)| stop.is_some())),
            median(&long, |(stop, ..)| *stop, 100_000).to_string(),
        ];
        table.row(cells, None);
    }
    table
}
