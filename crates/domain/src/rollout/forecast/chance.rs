//! Chance that begins with a number and is the same each time.
//!
//! `SplitMix64` (Steele, Lea, Flood 2014, "Fast splittable pseudorandom number generators", figure 16) makes the bits; normal
//! numbers come by Marsaglia's polar method (1964), gamma by Marsaglia and Tsang (2000). A binomial number is drawn exactly by
//! inversion (Kachitvichyanukul and Schmeiser 1988, algorithm BINV) while few are to be expected on the rarer side, and beyond
//! that by the normal distribution, which is within a device or two of it there.
//!
//! What a run begins with is not left to chance alone: [`point`] covers what may be as evenly as so few runs can, so that ranges
//! depend on it less.

/// Up to which mean of the rarer side a binomial number is drawn exactly.
const EXACT: f64 = 24.0;

/// How many coordinates a [`point`] has.
pub(super) const COORDINATES: usize = 4;
/// By how much each coordinate goes on from one point to the next: of the roots of 5, 2, 3 and 7, which no fractions are near to.
const ONWARDS: [f64; COORDINATES] =
    [0.618_033_988_749_894_9, 0.414_213_562_373_095_1, 0.732_050_807_568_877_2, 0.645_751_311_064_590_7];

/// The `nth` of points that fill the unit cube evenly, however many of them are taken (a Kronecker sequence: Niederreiter 1992,
/// "Random Number Generation and Quasi-Monte Carlo Methods", section 3.1), shifted by chance as a whole (Cranley and Patterson
/// 1976, "Randomization of number theoretic methods for multiple integration").
pub(super) fn point(seed: u64, nth: u64) -> [f64; COORDINATES] {
    let mut chance = Chance::new(seed, u64::MAX);
    ONWARDS.map(|onwards| (chance.unit() + nth as f64 * onwards).fract())
}

/// A stream of chance.
#[derive(Clone, Debug)]
pub(super) struct Chance {
    state: u64,
}

impl Chance {
    /// The `nth` stream of a seed.
    pub(super) fn new(seed: u64, nth: u64) -> Self {
        let mut chance = Self { state: seed ^ nth.wrapping_mul(0xD134_2543_DE82_EF95) };
        // So that neighbouring streams have nothing in common from the first number on.
        chance.state = chance.bits();
        chance
    }

    fn bits(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.state ^ (self.state >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// A number above 0 and below 1, each as likely as any other.
    pub(super) fn unit(&mut self) -> f64 {
        ((self.bits() >> 11) as f64 + 0.5) / (1_u64 << 53) as f64
    }

    /// A normal number around 0 with a deviation of 1.
    pub(super) fn normal(&mut self) -> f64 {
        loop {
            let (x, y) = (2.0 * self.unit() - 1.0, 2.0 * self.unit() - 1.0);
            let square = x * x + y * y;
            if square < 1.0 {
                return x * (-2.0 * square.ln() / square).sqrt();
            }
        }
    }

    /// A gamma number of a shape above 0, with a scale of 1.
    pub(super) fn gamma(&mut self, shape: f64) -> f64 {
        if shape < 1.0 {
            let power = self.unit().powf(1.0 / shape);
            return self.gamma(shape + 1.0) * power;
        }
        let d = shape - 1.0 / 3.0;
        let c = 1.0 / (9.0 * d).sqrt();
        loop {
            let x = self.normal();
            let v = (1.0 + c * x).powi(3);
            if v > 0.0 && self.unit().ln() < 0.5 * x * x + d - d * v + d * v.ln() {
                return d * v;
            }
        }
    }

    /// A number of Student's distribution.
    pub(super) fn student(&mut self, freedom: f64) -> f64 {
        self.normal() / (self.gamma(freedom / 2.0) * 2.0 / freedom).sqrt()
    }

    /// How many of `n` it happens to, each with the chance `p`.
    pub(super) fn binomial(&mut self, n: u64, p: f64) -> u64 {
        if n == 0 || p <= 0.0 {
            return 0;
        }
        if p >= 1.0 {
            return n;
        }
        if p > 0.5 {
            return n - self.rarer(n, 1.0 - p);
        }
        self.rarer(n, p)
    }

    /// Shares `n` out among parts that are alike: each gets its share, rounded up or down by chance so that it is right on average
    /// (systematic sampling: Cochran 1977, "Sampling Techniques", section 8.1).
    pub(super) fn share_out(&mut self, n: u64, parts: usize, mut give: impl FnMut(usize, u64)) {
        let (begin, each) = (self.unit(), n as f64 / parts as f64);
        let mut before = 0;
        for part in 0..parts {
            let until = if part + 1 == parts { n } else { ((part + 1) as f64 * each + begin) as u64 };
            if until > before {
                give(part, until - before);
                before = until;
            }
        }
    }

    fn rarer(&mut self, n: u64, p: f64) -> u64 {
        let mean = n as f64 * p;
        if mean > EXACT {
            let drawn = mean + (mean * (1.0 - p)).sqrt() * self.normal();
            // Below nothing is nothing.
            return ((drawn + 0.5) as u64).min(n);
        }
        let odds = p / (1.0 - p);
        let mut chance = (n as f64 * (-p).ln_1p()).exp();
        let mut left = self.unit();
        let mut k = 0;
        while left > chance && k < n {
            left -= chance;
            chance *= odds * (n - k) as f64 / (k + 1) as f64;
            k += 1;
        }
        k
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn moments(draw: &mut dyn FnMut() -> f64) -> (f64, f64) {
        let all: Vec<f64> = (0..40_000).map(|_| draw()).collect();
        let mean = all.iter().sum::<f64>() / all.len() as f64;
        (mean, all.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / all.len() as f64)
    }

    #[test]
    fn drawn_numbers_have_the_mean_and_the_spread_of_their_distributions() {
        let mut chance = Chance::new(7, 0);
        let near = |(mean, spread): (f64, f64), (m, s): (f64, f64)| {
            let error = 5.0 * (s / 40_000.0).sqrt();
            assert!((mean - m).abs() < error && (spread / s - 1.0).abs() < 0.1, "{mean} {spread}, wanted {m} {s}");
        };
        for (n, p) in
            [(1_u64, 0.3), (40, 0.02), (40, 0.5), (500, 0.04), (2_000, 0.5), (1_000_000, 0.000_003), (900, 0.999)]
        {
            let wanted = (n as f64 * p, n as f64 * p * (1.0 - p));
            near(moments(&mut || chance.binomial(n, p) as f64), wanted);
        }
        for shape in [0.5, 3.0, 400.0] {
            near(moments(&mut || chance.gamma(shape)), (shape, shape));
        }
        near(moments(&mut || chance.normal()), (0.0, 1.0));
    }

    #[test]
    fn what_is_shared_out_is_all_there_and_even() {
        let mut chance = Chance::new(3, 0);
        for n in [0_u64, 1, 7, 33, 1_000_003] {
            let mut sums = [0; 8];
            for _ in 0..2_000 {
                let mut all = 0;
                chance.share_out(n, 8, |part, given| {
                    all += given;
                    sums[part] += given;
                    assert!(given <= n / 8 + 1);
                });
                assert_eq!(all, n);
            }
            let mean = n as f64 * 250.0;
            assert!(sums.iter().all(|sum| (*sum as f64 - mean).abs() < 5.0 * (2_000.0_f64).sqrt()), "{n}: {sums:?}");
        }
    }

    #[test]
    fn points_fill_the_cube_evenly_from_the_first_hundred_on() {
        for n in [100, 200] {
            for coordinate in 0..COORDINATES {
                let mut all: Vec<f64> = (0..n).map(|nth| point(9, nth)[coordinate]).collect();
                all.sort_by(f64::total_cmp);
                let off = |(nth, x): (usize, &f64)| (x - (nth as f64 + 0.5) / n as f64).abs();
                assert!(all.iter().enumerate().map(off).fold(0.0, f64::max) < 4.0 / n as f64);
            }
        }
        assert_ne!(point(9, 0), point(10, 0));
    }

    #[test]
    fn what_is_certain_is_certain_and_a_stream_repeats_itself() {
        let mut chance = Chance::new(1, 1);
        assert_eq!([chance.binomial(9, 0.0), chance.binomial(9, 1.0), chance.binomial(0, 0.5)], [0, 9, 0]);
        let drawn = |nth| {
            let mut chance = Chance::new(5, nth);
            [chance.bits(), chance.bits()]
        };
        assert_eq!(drawn(3), drawn(3));
        assert_ne!(drawn(3), drawn(4));
    }
}
