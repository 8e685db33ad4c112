//! Whether what devices are is spread over the cohorts as it should be: revisions, batches, makers of parts.
//!
//! Pearson's chi-squared test of each level's devices against the cohorts' shares, and Cramér's V for how much it is (Cramér 1946,
//! "Mathematical methods of statistics", section 21.9). The p-value is that of one look. It blocks nothing: comparisons are made within
//! strata anyway, and a sample ratio that is off blocks them (see [`super::sample_ratio`]).

use super::special::chi_squared_above;

/// Below which p a balance is off.
const OFF: f64 = 0.001;
/// How many devices are to be expected of a level in each cohort, for it to stand for itself (Cochran 1954).
const EXPECTED: f64 = 5.0;

/// How evenly levels are spread over cohorts.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Balance {
    /// How likely so much unevenness is by chance, at one look.
    pub p: f64,
    /// How much it is: 0 for none, 1 for a cohort that is told by the level.
    pub cramers_v: f64,
    /// Whether it is more than chance, by p below 0.001.
    pub is_off: bool,
}

/// How many devices of each level each cohort has, against the shares of the cohorts (in any unit). Levels with few devices are taken
/// together.
#[must_use]
pub fn balance(levels: &[(String, Vec<u64>)], shares: &[u32]) -> Balance {
    let total: f64 = shares.iter().copied().map(f64::from).sum();
    let shares: Vec<f64> = shares.iter().map(|share| f64::from(*share) / total).collect();
    let cohorts = shares.iter().filter(|share| **share > 0.0).count();
    let least = shares.iter().copied().filter(|share| *share > 0.0).fold(1.0, f64::min);
    let mut rows: Vec<Vec<u64>> = Vec::new();
    let mut rest = vec![0; shares.len()];
    for (_, counts) in levels {
        let n: u64 = counts.iter().sum();
        if n as f64 * least >= EXPECTED {
            rows.push(counts.clone());
        } else {
            rest.iter_mut().zip(counts).for_each(|(rest, count)| *rest += count);
        }
    }
    if rest.iter().sum::<u64>() as f64 * least >= EXPECTED {
        rows.push(rest);
    }
    of_rows(&rows, &shares, cohorts)
}

fn of_rows(rows: &[Vec<u64>], shares: &[f64], cohorts: usize) -> Balance {
    let n: u64 = rows.iter().flatten().sum();
    if n == 0 || cohorts < 2 {
        return Balance { p: 1.0, cramers_v: 0.0, is_off: false };
    }
    let of_row = |row: &Vec<u64>| -> f64 {
        let of = row.iter().sum::<u64>() as f64;
        let cell = |(count, share): (&u64, &f64)| (*count as f64 - of * share).powi(2) / (of * share);
        row.iter().zip(shares).filter(|(_, share)| **share > 0.0).map(cell).sum()
    };
    let chi_squared: f64 = rows.iter().map(of_row).sum();
    let freedom = (rows.len() * (cohorts - 1)) as f64;
    let dimension = rows.len().min(cohorts - 1) as f64;
    let p = chi_squared_above(chi_squared, freedom);
    Balance { p, cramers_v: (chi_squared / (n as f64 * dimension)).sqrt().min(1.0), is_off: p < OFF }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(levels: &[(&str, [u64; 2])]) -> Balance {
        let levels: Vec<_> = levels.iter().map(|(level, counts)| ((*level).to_owned(), counts.to_vec())).collect();
        balance(&levels, &[50_000, 50_000])
    }

    /// As `chisq.test` of R says of each row against one half, summed.
    #[test]
    fn it_is_pearsons_test() {
        let balance = of(&[("A", [60, 40]), ("B", [45, 55])]);
        // (60-50)²/50 · 2 = 4, and (45-50)²/50 · 2 = 1; of two degrees of freedom p = exp(-5/2).
        assert!((balance.p - (-2.5_f64).exp()).abs() < 1e-9, "{balance:?}");
        assert!((balance.cramers_v - (5.0_f64 / 200.0).sqrt()).abs() < 1e-12 && !balance.is_off);
    }

    #[test]
    fn a_level_that_only_one_cohort_has_is_off_and_a_few_devices_are_not() {
        assert!(of(&[("A", [500, 500]), ("B", [60, 0])]).is_off);
        assert!(!of(&[("A", [500, 500]), ("B", [4, 0])]).is_off);
        assert!(!of(&[]).is_off && !of(&[("A", [0, 0])]).is_off);
    }
}
