//! Differences of shares between two cohorts by their likelihood, good for small counts and for shares near 0 or 1.
//!
//! How far a difference of shares is from a hypothesis is told by the signed root of the likelihood ratio: the likelihood where it is
//! largest against where it is largest with the difference held at the hypothesis (Barndorff-Nielsen & Cox 1994, "Inference and
//! Asymptotics", section 4.2). Counts are moved by half a device towards the hypothesis first (Yates 1934): then the tail is near
//! that of the exact conditional test, also of five failures of a thousand devices, and rather larger than smaller.
//!
//! With strata the difference is the mean of the strata's differences, weighted by how many devices there are in each. The largest
//! likelihood with that mean held fixed is found by a multiplier of Lagrange, because then each cohort of each stratum can be
//! maximised for itself, by a quadratic equation.

/// A share: `had` of `of`.
#[derive(Clone, Copy, Debug)]
pub struct Share {
    pub had: f64,
    pub of: f64,
}

/// Two cohorts of a stratum.
#[derive(Clone, Copy, Debug)]
pub struct Pair {
    /// What part of all devices the stratum is.
    pub weight: f64,
    pub control: Share,
    pub variant: Share,
}

impl Share {
    fn rate(self) -> f64 {
        self.had / self.of
    }

    fn moved(self, by: f64) -> Self {
        Self { had: (self.had + by).clamp(0.0, self.of), ..self }
    }

    /// The rate of the largest `had ln p + (of - had) ln(1 - p) + pull p`: the root of `pull p² + (of - pull) p - had`.
    fn pulled(self, pull: f64) -> f64 {
        let b = self.of - pull;
        let root = (b * b + 4.0 * pull * self.had).max(0.0).sqrt();
        let rate = if b > 0.0 { 2.0 * self.had / (b + root) } else { (root - b) / (2.0 * pull) };
        rate.clamp(0.0, 1.0)
    }

    /// Twice how much less likely what was seen is at this rate than at its own.
    fn deviance(self, rate: f64) -> f64 {
        let part = |seen: f64, expected: f64| if seen > 0.0 { seen * (seen / expected).ln() } else { 0.0 };
        let not = self.of - self.had;
        2.0 * (part(self.had, self.of * rate) + part(not, self.of * (1.0 - rate))).max(0.0)
    }

    /// The variance of its rate, with two more devices of each kind so that it is never none (Agresti & Caffo 2000).
    fn variance(self) -> f64 {
        let of = self.of + 4.0;
        let rate = (self.had + 2.0) / of;
        rate * (1.0 - rate) / of
    }
}

/// The cohorts of all strata.
#[derive(Clone, Debug)]
pub struct Shares(Vec<Pair>);

impl Shares {
    /// These with half a device's correction: all controls together have `half` more of what is counted, all variants `half` less.
    /// Strata take part in it by how many of those who had it are theirs.
    pub fn moved(pairs: &[Pair], half: f64) -> Self {
        let had: f64 = pairs.iter().map(|pair| pair.control.had + pair.variant.had).sum();
        let part = |pair: &Pair| if had > 0.0 { (pair.control.had + pair.variant.had) / had } else { pair.weight };
        let moved = |pair: &Pair| Pair {
            control: pair.control.moved(half * part(pair)),
            variant: pair.variant.moved(-half * part(pair)),
            ..*pair
        };
        Self(pairs.iter().map(moved).collect())
    }

    /// The difference where the likelihood is pulled by the multiplier; grows with it.
    fn pulled(&self, by: f64) -> f64 {
        let of = |pair: &Pair| pair.variant.pulled(by * pair.weight) - pair.control.pulled(-by * pair.weight);
        self.0.iter().map(|pair| pair.weight * of(pair)).sum()
    }

    fn deviance(&self, by: f64) -> f64 {
        let of = |pair: &Pair| {
            let pull = by * pair.weight;
            pair.variant.deviance(pair.variant.pulled(pull)) + pair.control.deviance(pair.control.pulled(-pull))
        };
        self.0.iter().map(of).sum()
    }

    /// The difference, variant less control.
    fn difference(&self) -> f64 {
        self.0.iter().map(|pair| pair.weight * (pair.variant.rate() - pair.control.rate())).sum()
    }

    fn variance(&self) -> f64 {
        self.0.iter().map(|pair| pair.weight.powi(2) * (pair.variant.variance() + pair.control.variance())).sum()
    }

    /// How many standard errors the difference is above `by`: the signed root of the likelihood ratio.
    pub fn above(&self, by: f64) -> f64 {
        let ahead = self.difference() - by;
        if ahead.abs() < 1e-15 {
            return 0.0;
        }
        if by.abs() >= 1.0 {
            // No difference is beyond it.
            return -1e6 * by.signum();
        }
        ahead.signum() * self.deviance(self.multiplier(by)).sqrt()
    }

    /// The multiplier at which the difference is `by`.
    fn multiplier(&self, by: f64) -> f64 {
        let ahead = by - self.difference();
        let mut step = ahead / self.variance();
        let (mut near, mut far) = (0.0, step);
        while (self.pulled(far) - by) * ahead < 0.0 && step.abs() < 1e18 {
            near = far;
            step *= 2.0;
            far += step;
        }
        root(near, far, 1e-13, |multiplier| self.pulled(multiplier) - by)
    }

    /// The difference that is so many standard errors below (or, of less than none, above) what was seen: where [`Self::above`] is `z`.
    pub fn at(&self, z: f64) -> f64 {
        let mut far = -z / self.variance().sqrt();
        for _ in 0..60 {
            if self.deviance(far) >= z * z {
                let multiplier = root(0.0, far, 1e-9, |multiplier| self.deviance(multiplier).sqrt() - z.abs());
                return self.pulled(multiplier);
            }
            far *= 2.0;
        }
        // No difference is so far away.
        self.pulled(far)
    }
}

/// Where between two places a function that changes its sign there is 0, but for `within`: false position, with the Illinois rule; and
/// halves, where that takes too long because the function is much steeper at one end.
fn root(mut near: f64, mut far: f64, within: f64, of: impl Fn(f64) -> f64) -> f64 {
    let (mut at_near, mut at_far) = (of(near), of(far));
    for _ in 0..30 {
        let step = at_far * (far - near) / (at_far - at_near);
        if at_far.abs() < within || !step.is_finite() {
            break;
        }
        let middle = far - step;
        let at = of(middle);
        if at * at_far < 0.0 {
            (near, at_near) = (far, at_far);
        } else {
            at_near *= 0.5;
        }
        (far, at_far) = (middle, at);
    }
    for _ in 0..200 {
        let middle = f64::midpoint(near, far);
        if at_far.abs() < within || middle == near || middle == far {
            break;
        }
        let at = of(middle);
        if (at < 0.0) == (at_far < 0.0) {
            (far, at_far) = (middle, at);
        } else {
            near = middle;
        }
    }
    far
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pair(control: (f64, f64), variant: (f64, f64)) -> Pair {
        Pair {
            weight: 1.0,
            control: Share { had: control.0, of: control.1 },
            variant: Share { had: variant.0, of: variant.1 },
        }
    }

    /// At no difference both have the rate of both together: the G test.
    #[test]
    fn without_strata_it_is_the_known_test() {
        let shares = Shares::moved(&[pair((12.0, 400.0), (30.0, 500.0))], 0.0);
        let rate = 42.0 / 900.0;
        let part = |seen: f64, of: f64| {
            seen * (seen / (of * rate)).ln() + (of - seen) * ((of - seen) / (of * (1.0 - rate))).ln()
        };
        let known = (2.0 * (part(12.0, 400.0) + part(30.0, 500.0))).sqrt();
        assert!((shares.above(0.0) - known).abs() < 1e-9, "{} {known}", shares.above(0.0));
        assert!(shares.above(0.03).abs() < 1e-9 && shares.above(0.06) < -2.0 && shares.above(1.0) < -100.0);
    }

    #[test]
    fn ends_of_intervals_are_where_the_distance_is_what_is_asked() {
        let pairs = [pair((3.0, 300.0), (0.0, 250.0)), pair((40.0, 90.0), (61.0, 140.0))]
            .map(|pair| Pair { weight: (pair.control.of + pair.variant.of) / 780.0, ..pair });
        let shares = Shares::moved(&pairs, 0.5);
        for z in [0.5, 2.0, 3.7, -1.0, -2.5] {
            assert!((shares.above(shares.at(z)) - z).abs() < 1e-6, "{z} {}", shares.above(shares.at(z)));
        }
    }

    /// Rates so near to the ends that the difference jumps from one to the other within a small part of where the multiplier may be: at no
    /// difference it is still the known test, and ends of intervals are where they should be.
    #[test]
    fn rates_at_the_ends_converge_as_well() {
        for pair in [
            pair((100.0, 1e7), (0.0, 1e6)),
            pair((1e6, 1e6), (999_997.0, 1e6)),
            pair((0.0, 1e6), (30.0, 1e5)),
            pair((1e7 - 100.0, 1e7), (1e6, 1e6)),
        ] {
            let shares = Shares::moved(&[pair], 0.5);
            let [c, v] = [shares.0[0].control, shares.0[0].variant];
            let rate = (c.had + v.had) / (c.of + v.of);
            let known = (c.deviance(rate) + v.deviance(rate)).sqrt();
            assert!((shares.above(0.0).abs() - known).abs() < 1e-4 * known, "{pair:?} {} {known}", shares.above(0.0));
            for z in [2.1, 4.0, -2.1, -4.0] {
                assert!((shares.above(shares.at(z)) - z).abs() < 1e-3, "{pair:?} {z} {}", shares.above(shares.at(z)));
            }
        }
    }
}
