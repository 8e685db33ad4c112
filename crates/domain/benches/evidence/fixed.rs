//! Tests of one look, as they are made elsewhere.

use domain::evidence::Tally;

/// From how many of `n` on the exact binomial test rejects "the rate is `rate` at most".
pub fn critical_above(n: u64, rate: f64, error: f64) -> u64 {
    // Terms from all of them downwards, each by its ratio to the one above.
    let (mut term, mut tail, mut k) = (n as f64 * rate.ln(), 0.0, n);
    loop {
        tail += term.exp();
        if tail > error || k == 0 {
            return k + 1;
        }
        term += (k as f64).ln() - ((n - k + 1) as f64).ln() + (1.0 - rate).ln() - rate.ln();
        k -= 1;
    }
}

/// Down from how many of `n` the exact binomial test rejects "the rate is `rate` at least"; none if not even at none.
pub fn critical_below(n: u64, rate: f64, error: f64) -> Option<u64> {
    (n + 1).checked_sub(critical_above(n, 1.0 - rate, error)).and_then(|k| k.checked_sub(1))
}

/// How many standard errors a share is above a rate.
pub fn z_of_rate(harmed: u64, of: u64, rate: f64) -> f64 {
    (harmed as f64 - of as f64 * rate) / (of as f64 * rate * (1.0 - rate)).sqrt()
}

/// The two-sample z-test: how many standard errors the second mean is above the first; 0 with fewer than two values.
pub fn z_of_means(control: Tally, variant: Tally) -> f64 {
    let part = |tally: Tally| Some((tally.mean()?, tally.variance()? / tally.n as f64));
    let (Some((c, of_c)), Some((v, of_v))) = (part(control), part(variant)) else { return 0.0 };
    if of_c + of_v > 0.0 { (v - c) / (of_c + of_v).sqrt() } else { 0.0 }
}
