//! Special functions that distributions are made of, good for a million devices.
//!
//! The regularised incomplete beta function of statrs ends its continued fraction after 140 terms; near the mean of a million it
//! takes some thousand. So it is here, by the same fraction (Didonato & Morris 1992, "Significant digit computation of the
//! incomplete beta function ratios", eq. 9; Lentz's way of evaluating it).

use statrs::function::{beta::ln_beta as ln_beta_of, erf, gamma};

/// The largest number that stands for evidence: what is beyond it says no more, and it can be written as JSON.
pub const HUGE: f64 = 1e300;
/// More terms than a fraction of a thousand million devices takes.
const TERMS: u32 = 200_000;

/// `exp`, within what is finite.
pub fn exp(x: f64) -> f64 {
    x.exp().min(HUGE)
}

/// The logarithm of the beta function.
pub fn ln_beta(a: f64, b: f64) -> f64 {
    ln_beta_of(a, b)
}

/// The logarithm of how likely a Beta(a, b) is below `x`, or above it.
pub fn ln_beta_side(x: f64, a: f64, b: f64, is_above: bool) -> f64 {
    if x <= 0.0 || x >= 1.0 {
        return if (x <= 0.0) == is_above { 0.0 } else { f64::NEG_INFINITY };
    }
    let ln_front = b.mul_add((-x).ln_1p(), a * x.ln()) - ln_beta(a, b);
    // The fraction converges quickly on its own side of the mean only.
    let is_below_small = x < (a + 1.0) / (a + b + 2.0);
    let part = if is_below_small { fraction(x, a, b) / a } else { fraction(1.0 - x, b, a) / b };
    let ln_small = (ln_front + part.ln()).min(0.0);
    if is_below_small == is_above { (-ln_small.exp()).ln_1p() } else { ln_small }
}

/// How likely a Beta(a, b) is below `x`.
fn beta_below(x: f64, a: f64, b: f64) -> f64 {
    ln_beta_side(x, a, b, false).exp()
}

/// The continued fraction of the incomplete beta function, by Lentz.
fn fraction(x: f64, a: f64, b: f64) -> f64 {
    let kept = |y: f64| if y.abs() < 1e-300 { 1e-300 } else { y };
    let (mut c, mut d) = (1.0, 1.0 / kept(1.0 - (a + b) * x / (a + 1.0)));
    let mut value = d;
    for m in 1..TERMS {
        let m = f64::from(m);
        let even = m * (b - m) * x / ((a + 2.0 * m - 1.0) * (a + 2.0 * m));
        d = 1.0 / kept(even.mul_add(d, 1.0));
        c = kept(1.0 + even / c);
        value *= d * c;
        let odd = -(a + m) * (a + b + m) * x / ((a + 2.0 * m) * (a + 2.0 * m + 1.0));
        d = 1.0 / kept(odd.mul_add(d, 1.0));
        c = kept(1.0 + odd / c);
        let step = d * c;
        value *= step;
        if (step - 1.0).abs() < 1e-14 {
            break;
        }
    }
    value
}

/// How likely at least `k` of `n` are, each with chance `p`.
pub fn at_least(k: i128, n: u64, p: f64) -> f64 {
    if k <= 0 {
        1.0
    } else if k > i128::from(n) {
        0.0
    } else {
        beta_below(p, k as f64, (i128::from(n) - k + 1) as f64)
    }
}

/// How likely at most `k` of `n` are, each with chance `p`.
pub fn at_most(k: i128, n: u64, p: f64) -> f64 {
    if k < 0 {
        0.0
    } else if k >= i128::from(n) {
        1.0
    } else {
        ln_beta_side(p, (k + 1) as f64, (i128::from(n) - k) as f64, true).exp()
    }
}

/// The distribution function of the standard normal distribution.
pub fn normal(z: f64) -> f64 {
    0.5 * erf::erfc(-z * std::f64::consts::FRAC_1_SQRT_2)
}

/// Where the standard normal distribution function is `p`.
pub fn normal_quantile(p: f64) -> f64 {
    -std::f64::consts::SQRT_2 * erf::erfc_inv(2.0 * p)
}

/// `2 exp(z²/2) Φ(z)`: evidence of a normal value against a mean of zero, by a half-normal prior, but for its width.
pub fn half_normal(z: f64) -> f64 {
    if z < -10.0 {
        // Mills' ratio: the two factors would leave the range of numbers.
        let y = 1.0 / (z * z);
        return (2.0 / std::f64::consts::TAU.sqrt()) / -z * (1.0 - y * (1.0 - 3.0 * y * (1.0 - 5.0 * y)));
    }
    (2.0 * exp(z * z / 2.0) * normal(z)).min(HUGE)
}

/// How likely a chi-squared value of so many degrees of freedom is above `x`.
pub fn chi_squared_above(x: f64, freedom: f64) -> f64 {
    if x <= 0.0 || freedom <= 0.0 {
        return 1.0;
    }
    gamma::checked_gamma_ur(freedom / 2.0, x / 2.0).unwrap_or(0.0).clamp(0.0, 1.0)
}

/// The logarithm of the gamma function.
pub fn ln_gamma(x: f64) -> f64 {
    gamma::ln_gamma(x)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn near(one: f64, other: f64, relative: f64) -> bool {
        (one - other).abs() <= relative * other.abs()
    }

    /// Sums of exact terms, and the usual tables (Abramowitz & Stegun 26.1, 26.8).
    #[test]
    fn tails_are_what_tables_and_sums_say() {
        // 10 tosses: 1 + 10 + 45 of 1024.
        assert!(near(at_most(2, 10, 0.5), 56.0 / 1024.0, 1e-12) && near(at_least(8, 10, 0.5), 56.0 / 1024.0, 1e-12));
        assert!(near(at_least(1, 149, 0.02), 1.0 - 0.98_f64.powi(149), 1e-12));
        assert!(
            near(normal(1.959_963_984_540_054), 0.975, 1e-9)
                && near(normal_quantile(0.05), -1.644_853_626_951_47, 1e-9)
        );
        assert!(near(chi_squared_above(10.827_566_170_662_73, 1.0), 0.001, 1e-8));
        assert!(near(chi_squared_above(7.814_727_903_251_18, 3.0), 0.05, 1e-8));
        assert!(near(half_normal(-9.999), half_normal(-10.001), 1e-3));
    }

    /// Of a million: the sum of the terms from the mode outwards, by their ratio.
    #[test]
    fn tails_of_a_million_are_their_sums() {
        let (n, p) = (1_000_000_u64, 0.02);
        for k in [19_000_u64, 19_900, 20_000, 20_001, 20_300, 21_000] {
            let ln_first = ln_gamma(n as f64 + 1.0) - ln_gamma(k as f64 + 1.0) - ln_gamma((n - k) as f64 + 1.0)
                + k as f64 * f64::ln(p)
                + (n - k) as f64 * f64::ln_1p(-p);
            let (mut term, mut sum) = (ln_first.exp(), 0.0);
            for i in k..k + 5_000 {
                sum += term;
                term *= (n - i) as f64 / (i + 1) as f64 * p / (1.0 - p);
            }
            assert!(near(at_least(i128::from(k), n, p), sum, 1e-6), "{k}: {} {sum}", at_least(i128::from(k), n, p));
            assert!((at_least(i128::from(k), n, p) + at_most(i128::from(k) - 1, n, p) - 1.0).abs() < 1e-7);
        }
    }
}
