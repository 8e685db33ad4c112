//! Whether a share of devices is above or below a limit.
//!
//! An e-value (Ramdas, Grünwald, Vovk & Shafer 2023, "Game-theoretic statistics and safe anytime-valid inference", section 3): at
//! whatever time somebody looks, and stops for what is seen, its mean is 1 at most if the hypothesis is true. So that it ever reaches
//! `1/error` has at most the chance `error` (Ville's inequality). Here it is the weighted mean of two such processes:
//!
//! - *Doob's*: how likely the exact binomial test of all devices will reject, given what was seen, divided by how likely that was
//!   before (Koning & van Meer 2025, "Anytime validity is free: inducing sequential tests", section 3). It is a martingale under the
//!   limit and reaches the needed value exactly where the fixed test rejects: that gives the power at the planned end.
//! - *a mixture*: the mean likelihood ratio over rates beyond the limit, weighted by a Beta distribution (Robbins 1970, "Statistical
//!   methods related to the law of the iterated logarithm"; Howard, Ramdas, McAuliffe & Sekhon 2021, "Time-uniform, nonparametric,
//!   nonasymptotic confidence sequences", proposition 7): that sees gross harm early.
//!
//! Both are functions of counts, and grow with who is harmed among as many devices (shrink, for "below"). So under rates that are
//! further within the hypothesis their means are smaller still. It takes devices for independent: a rate that changes with time is
//! judged as its mean only roughly, and devices that fail together (one site without power) are fewer than they look.

use super::special::{HUGE, at_least, at_most, exp, ln_beta, ln_beta_side, normal_quantile};

/// The weight of Doob's part.
const DOOB: f64 = 0.7;
/// Beta prior for rates above a limit, cut off at it: harm is about as likely to be a little above as tenfold.
const ABOVE: (f64, f64) = (0.25, 1.0);
/// Beta prior for rates below a limit, cut off at it.
const BELOW: (f64, f64) = (0.5, 1.0);

/// How strong evidence is, and how strong it has to be.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Evidence {
    /// The e-value: about 1 says nothing, 20 is needed for a chance of error of 5 %.
    pub value: f64,
    /// What it has to reach: one by the chance of error.
    pub needed: f64,
}

impl Evidence {
    /// Whether it reaches what is needed.
    #[must_use]
    pub fn is_enough(&self) -> bool {
        self.value >= self.needed
    }
}

/// A test of the share of devices that are harmed, of one stream of devices that may be looked at at any time.
///
/// Who is under way counts as unharmed for [`Self::is_above`] (`of` is of all who were told) and, for a promise that holds however
/// late harm is seen, as harmed for [`Self::is_below`]. Who was told stays in `of`, whatever became of it. Who was counted as harmed and
/// is well again has counted: the promise is about those who *ever* are.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RateTest {
    /// The limit, between 0 and 1.
    pub limit: f64,
    /// The chance of a wrong "yes" over its whole life, between 0 and 1.
    pub error: f64,
    /// How many devices there can be at most. To be fixed before the first of them answers: if it followed how many there are, each look
    /// would be a test at the end. Of devices beyond it the worst is assumed of which they are: what was enough stays so while their
    /// outcomes can't change it.
    pub horizon: u64,
}

/// Which side of the limit is asked about.
#[derive(Clone, Copy, PartialEq)]
enum Side {
    Above,
    Below,
}

impl RateTest {
    /// Evidence that more than the limit are harmed: against "the rate is the limit or less".
    #[must_use]
    pub fn is_above(&self, harmed: u64, of: u64) -> Evidence {
        self.evidence(Side::Above, harmed, of)
    }

    /// Evidence that fewer than the limit are harmed: against "the rate is the limit or more".
    #[must_use]
    pub fn is_below(&self, harmed: u64, of: u64) -> Evidence {
        self.evidence(Side::Below, harmed, of)
    }

    /// How many devices it takes to show that the rate is below the limit if none of them is harmed; none if no number does. A horizon
    /// of fewer can't show it.
    #[must_use]
    pub fn fewest_unharmed(limit: f64, error: f64) -> Option<u64> {
        let devices = ((DOOB * error).ln() / (-limit).ln_1p()).ceil();
        (limit > 0.0 && limit < 1.0 && error > 0.0 && devices < 1e15).then_some(devices.max(1.0) as u64)
    }

    fn evidence(&self, side: Side, harmed: u64, of: u64) -> Evidence {
        let value = self.value(side, self.fixed(side).as_ref(), harmed.min(of), of);
        Evidence { value, needed: needed_for(self.error) }
    }

    fn value(&self, side: Side, fixed: Option<&FixedTest>, harmed: u64, of: u64) -> f64 {
        match (side, self.limit) {
            // A limit that nothing can be above, or below.
            (Side::Above, limit) if limit >= 1.0 => 0.0,
            (Side::Below, limit) if limit <= 0.0 => 0.0,
            (Side::Above, limit) if limit <= 0.0 => {
                if harmed > 0 {
                    HUGE
                } else {
                    1.0
                }
            }
            (Side::Below, _) if self.limit >= 1.0 => {
                if harmed < of {
                    HUGE
                } else {
                    1.0
                }
            }
            _ => {
                let mixture = mixture(side, self.limit, harmed, of);
                let both = |test: &FixedTest| DOOB.mul_add(test.doob(harmed, of), (1.0 - DOOB) * mixture).min(HUGE);
                fixed.map_or(mixture, both)
            }
        }
    }

    fn fixed(&self, side: Side) -> Option<FixedTest> {
        let is_between = self.limit > 0.0 && self.limit < 1.0;
        if is_between { FixedTest::of(side, self.limit, DOOB / needed_for(self.error), self.horizon) } else { None }
    }

    /// One side of it, to be asked many times.
    pub(crate) fn above(self) -> OneSided {
        OneSided { test: self, side: Side::Above, fixed: self.fixed(Side::Above) }
    }

    /// Likewise, whether fewer are.
    pub(crate) fn below(self) -> OneSided {
        OneSided { test: self, side: Side::Below, fixed: self.fixed(Side::Below) }
    }
}

/// One side of a test, of which that is reckoned once that follows from no counts.
pub(crate) struct OneSided {
    pub(crate) test: RateTest,
    side: Side,
    fixed: Option<FixedTest>,
}

impl OneSided {
    pub(crate) fn is_enough(&self, harmed: u64, of: u64) -> bool {
        self.test.value(self.side, self.fixed.as_ref(), harmed.min(of), of) >= needed_for(self.test.error)
    }
}

/// The e-value that a chance of error takes.
pub(super) fn needed_for(error: f64) -> f64 {
    // Who allows any error still asks for something to be seen.
    1.0 / error.clamp(1e-12, 0.5)
}

/// The exact binomial test at the horizon.
struct FixedTest {
    side: Side,
    limit: f64,
    horizon: u64,
    /// From how many harmed on it rejects, or down from how many.
    critical: i128,
    /// How likely it rejects under the limit: its level, or a little less.
    size: f64,
}

impl FixedTest {
    /// The largest test of at most this level; none if there is none.
    fn of(side: Side, limit: f64, level: f64, horizon: u64) -> Option<Self> {
        let tail = |k: i128| match side {
            Side::Above => at_least(k, horizon, limit),
            Side::Below => at_most(k, horizon, limit),
        };
        let n = horizon as f64;
        let outwards = match side {
            Side::Above => 1,
            Side::Below => -1,
        };
        let guess =
            n.mul_add(limit, f64::from(outwards) * -normal_quantile(level) * (n * limit * (1.0 - limit)).sqrt());
        let mut critical = guess.round().clamp(-1.0, n + 1.0) as i128;
        // The guess is a few off: outwards to the first that is not too likely, then inwards for as long as the next is not either.
        while tail(critical) > level {
            critical += i128::from(outwards);
        }
        while tail(critical - i128::from(outwards)) <= level {
            critical -= i128::from(outwards);
        }
        let size = tail(critical);
        (size > 0.0).then_some(Self { side, limit, horizon, critical, size })
    }

    /// How likely it will reject given what was seen, by how likely that was before.
    fn doob(&self, harmed: u64, of: u64) -> f64 {
        let (beyond, left) = (of.saturating_sub(self.horizon), self.horizon.saturating_sub(of));
        // Which of the devices were within the horizon isn't known by counts: at worst all who speak for it came later.
        let within = match self.side {
            Side::Above => harmed.saturating_sub(beyond),
            Side::Below => harmed,
        };
        let to_go = self.critical - i128::from(within);
        let chance = match self.side {
            Side::Above => at_least(to_go, left, self.limit),
            Side::Below => at_most(to_go, left, self.limit),
        };
        (chance / self.size).min(HUGE)
    }
}

/// The mean likelihood ratio over the rates on one side of the limit.
fn mixture(side: Side, limit: f64, harmed: u64, of: u64) -> f64 {
    let (h, w) = (harmed as f64, (of - harmed) as f64);
    let (a, b) = match side {
        Side::Above => ABOVE,
        Side::Below => BELOW,
    };
    let ln_beyond = |a: f64, b: f64| ln_beta_side(limit, a, b, side == Side::Above);
    let ln_mean = ln_beta(a + h, b + w) - ln_beta(a, b) + ln_beyond(a + h, b + w) - ln_beyond(a, b);
    exp(ln_mean - h * limit.ln() - w * (-limit).ln_1p())
}

/// In which range the share of devices that are harmed is, with at most `error` chance of ever being wrong however often it is looked
/// at: the rates against which the mixture over all rates (Beta(½, ½)) has less than `1/error`. From 0 to 1 without a device.
#[must_use]
pub fn interval(harmed: u64, of: u64, error: f64) -> (f64, f64) {
    if of == 0 {
        return (0.0, 1.0);
    }
    let harmed = harmed.min(of);
    let (h, w) = (harmed as f64, (of - harmed) as f64);
    let ln_mean = ln_beta(0.5 + h, 0.5 + w) - ln_beta(0.5, 0.5);
    let needed = needed_for(error).ln();
    let power = |count: f64, ln: f64| if count > 0.0 { count * ln } else { 0.0 };
    let is_within = |rate: f64| ln_mean - power(h, rate.ln()) - power(w, (-rate).ln_1p()) < needed;
    let share = h / of as f64;
    let end = |outside: f64| {
        if is_within(outside) {
            return outside;
        }
        let (mut inside, mut outside) = (share, outside);
        for _ in 0..60 {
            let middle = f64::midpoint(inside, outside);
            if is_within(middle) {
                inside = middle;
            } else {
                outside = middle;
            }
        }
        outside
    };
    (end(0.0), end(1.0))
}
