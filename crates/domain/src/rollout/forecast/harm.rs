//! Which share of a release's devices comes to harm, or of the harmed goes silent, by what releases before have shown.
//!
//! A beta-binomial model with unknown mean and variance (Gelman et al. 2013, "Bayesian Data Analysis", section 5.3; Kleinman 1973,
//! "Proportions with extraneous variance: single and independent samples"): each release has a share of its own, around that of the
//! product. So two things are drawn: where the product's share is, of which more releases tell more, and how far from it the next
//! release is, which stays however many there were. By how much releases differ is weighed by how well it explains those there were.

use super::chance::Chance;
use crate::evidence::special::ln_beta;

/// By how much releases may differ: with this shape, the deviation of a small share is its mean by the root of it. What harms is
/// mostly one thing of one release, so that they differ by seven tenths at least, however alike a few were.
const SHAPES: [f64; 3] = [0.5, 1.0, 2.0];

/// Devices of a release that were harmed, and all that could have been.
pub(super) type Counts = (f64, f64);

/// Which share may come to harm.
pub(super) struct Harm {
    /// How likely each of the shapes is, all before it included, and the product's share by it, as a beta distribution.
    shapes: [(f64, (f64, f64)); SHAPES.len()],
}

impl Harm {
    /// By these releases, and one more that is taken for granted.
    pub(super) fn of(releases: &[Counts], granted: Counts) -> Self {
        let (harmed, all) = releases.iter().fold(granted, |sum, (harmed, of)| (sum.0 + harmed, sum.1 + of));
        let mean = harmed / all;
        let logs = SHAPES.map(|shape| releases.iter().map(|counts| ln_likelihood(shape, mean, *counts)).sum::<f64>());
        let most = logs.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let sum: f64 = logs.iter().map(|log| (log - most).exp()).sum();
        let mut before = 0.0;
        let mut nth = SHAPES.into_iter().zip(logs);
        let shapes = std::array::from_fn(|_| {
            let (shape, log) = nth.next().unwrap_or((1.0, f64::NEG_INFINITY));
            before += (log - most).exp() / sum;
            (before, product(shape, mean, releases, granted))
        });
        Self { shapes }
    }

    /// The share of one release.
    pub(super) fn draw(&self, chance: &mut Chance) -> f64 {
        let at = chance.unit();
        let nth = self.shapes.iter().position(|(until, _)| at <= *until).unwrap_or(SHAPES.len() - 1);
        let Some((shape, (_, (harmed, well)))) = SHAPES.get(nth).zip(self.shapes.get(nth)) else { return 0.0 };
        let mean = beta(chance, *harmed, *well).clamp(1e-9, 1.0 - 1e-9);
        beta(chance, *shape, shape * (1.0 - mean) / mean)
    }
}

/// Where a product's share is, if releases differ by a shape. Of a release with many devices more would say nothing more of other
/// releases: each counts by one over the variance of its share.
fn product(shape: f64, mean: f64, releases: &[Counts], granted: Counts) -> (f64, f64) {
    let alike = shape / mean;
    releases.iter().chain([&granted]).fold((0.0, 0.0), |(harmed, well), (of_it, all)| {
        let weight = (alike + 1.0) / (alike + all.max(1.0));
        (harmed + weight * of_it, well + weight * (all - of_it))
    })
}

/// How well a shape explains a release, as a logarithm; what depends on the counts alone is left out.
fn ln_likelihood(shape: f64, mean: f64, (harmed, all): Counts) -> f64 {
    let other = shape * (1.0 - mean) / mean;
    ln_beta(shape + harmed, other + all - harmed) - ln_beta(shape, other)
}

fn beta(chance: &mut Chance, a: f64, b: f64) -> f64 {
    let (a, b) = (chance.gamma(a), chance.gamma(b));
    a / (a + b)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drawn(releases: &[Counts]) -> (f64, f64) {
        let (harm, mut chance) = (Harm::of(releases, (0.5, 50.0)), Chance::new(4, 2));
        let all: Vec<f64> = (0..20_000).map(|_| harm.draw(&mut chance)).collect();
        let mean = all.iter().sum::<f64>() / all.len() as f64;
        (mean, (all.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / all.len() as f64).sqrt())
    }

    #[test]
    fn more_releases_tell_of_the_product_but_not_of_the_next_release() {
        let differ = [(2.0, 5_000.0), (40.0, 5_000.0), (10.0, 5_000.0), (28.0, 5_000.0)];
        let many: Vec<Counts> = (0..40).map(|n| differ[n % 4]).collect();
        let (mean, spread) = drawn(&many);
        assert!((0.0035..0.0045).contains(&mean), "{mean}");
        assert!(spread > 0.002, "they were between 0.0004 and 0.008: {spread}");
        let alike = vec![(20.0, 5_000.0); 40];
        assert!(drawn(&alike).1 < spread, "{}", drawn(&alike).1);
    }

    #[test]
    fn a_large_release_counts_as_one_and_nothing_is_impossible() {
        let (mean, _) = drawn(&[(0.0, 1_000_000.0)]);
        assert!(mean > 0.0, "{mean}");
        let (one, many) = (drawn(&[(20.0, 1_000.0)]).1, drawn(&[(20_000.0, 1_000_000.0)]).1);
        assert!(many > one / 2.0, "{one} {many}");
        assert!((0.005..0.015).contains(&drawn(&[]).0), "{:?}", drawn(&[]));
        let (all, _) = drawn(&[(1_000.0, 1_000.0); 3]);
        assert!(all > 0.6, "{all}");
    }
}
