//! Whether two cohorts differ, and by how much.
//!
//! An asymptotic confidence sequence (Waudby-Smith, Arbour, Sinha, Kennedy & Ramdas 2024): the interval holds at every look at once.
//! What is "asymptotic" in it is taken care of where counts are small, by the signed likelihood ratio with half a device's correction
//! for shares, and by a cautious variance for means. The interval is made of the differences against which the evidence is not enough,
//! so interval and verdict can't disagree.
//!
//! It takes devices for independent and their cohorts for given by chance. What breaks it: shares of cohorts that change on the way
//! together with what is measured (then stratify by it), and devices left out because of what happened to them.

use super::{
    course::{Course, fraction},
    means::{self, Means},
    rate::needed_for,
    shares::{self, Share, Shares},
    special::HUGE,
    tally::Tally,
};

/// Of how many values in each cohort a stratum stands for itself; smaller ones are taken together. The variances of many that are
/// smaller, each by its own mean, would in sum be too small (Neyman & Scott 1948).
const STRATUM: u64 = 20;

/// Two cohorts, compared by one value of each device.
///
/// A value is to be due at an age, for both cohorts alike. If it is there once something has happened, and what is bad happens sooner
/// (a failure is known before a success), the slower cohort looks worse while devices are under way.
#[derive(Clone, Debug, PartialEq)]
pub struct Comparison {
    /// The chance that the interval is ever wrong, between 0 and 1: half of it for each side. If several comparisons are made together
    /// to find harm, which has one side, it is twice their common chance of error divided by how many they are; their evidence is then
    /// put together by [`super::adjusted`], which asks for no more than that.
    pub error: f64,
    /// At how many values of these two cohorts together the verdict is planned. To be fixed before the first value: it is there that
    /// the power is. With more than that only gross differences are found; so a last look that comes late should say `planned` is what
    /// there is, once, if when it comes does not depend on the values.
    pub planned: u64,
    /// Which share of these the variant is to have, between 0 and 1. By that it is known how much of the planned information there is
    /// when values of one cohort come first.
    pub share: f64,
    /// The strata: what devices of each have in common, the control's values and the variant's. One, if it is not stratified.
    pub strata: Vec<(String, Tally, Tally)>,
    /// Whether values are 0 or 1 only.
    pub is_binary: bool,
}

/// A difference, and in which range it is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Estimate {
    /// The mean of the variant less that of the control, of values between 0 and 1; with strata, the mean of theirs.
    pub difference: f64,
    /// The lower end of the interval.
    pub low: f64,
    /// The upper end of the interval.
    pub high: f64,
    /// How many values it is of.
    pub n: u64,
    /// Whether devices of different strata were compared within these only.
    pub is_stratified: bool,
}

/// What is compared, and how far it has come.
struct Usable {
    strata: Vec<(f64, Tally, Tally)>,
    course: Course,
    n: u64,
    needed: f64,
}

impl Comparison {
    /// The e-value that shows a difference: each side has half of the chance of error.
    #[must_use]
    pub fn needed(&self) -> f64 {
        2.0 * needed_for(self.error)
    }

    /// The difference and its interval; none before both cohorts have values.
    #[must_use]
    pub fn estimate(&self) -> Option<Estimate> {
        let usable = self.usable()?;
        let z = usable.course.needed(usable.needed);
        let means = usable.means();
        let (low, high) = if self.is_binary {
            (usable.shares(false).at(z), -usable.shares(true).at(z))
        } else {
            (z.mul_add(-means.error, means.difference), z.mul_add(means.error, means.difference))
        };
        Some(Estimate {
            difference: means.difference,
            low: low.max(-1.0),
            high: high.min(1.0),
            n: usable.n,
            is_stratified: usable.strata.len() > 1,
        })
    }

    /// Evidence against "the variant's mean is higher by `by` at most": an e-value, to reach [`Self::needed`].
    #[must_use]
    pub fn above(&self, by: f64) -> f64 {
        self.evidence(by, false)
    }

    /// Evidence against "the variant's mean is higher by `by` at least".
    #[must_use]
    pub fn below(&self, by: f64) -> f64 {
        self.evidence(-by, true)
    }

    /// Evidence that the difference is more than `by`; of the cohorts the other way round if so asked.
    fn evidence(&self, by: f64, is_swapped: bool) -> f64 {
        let Some(usable) = self.usable() else { return 1.0 };
        let z = if self.is_binary {
            usable.shares(is_swapped).above(by)
        } else {
            let means = usable.means();
            let difference = if is_swapped { -means.difference } else { means.difference };
            Means { difference, ..means }.above(by)
        };
        usable.course.evidence(z).min(HUGE)
    }

    /// The strata with their weights, small ones together; none if nothing can be compared.
    fn usable(&self) -> Option<Usable> {
        let mut small = (Tally::default(), Tally::default());
        let mut strata = Vec::with_capacity(self.strata.len());
        for (_, control, variant) in &self.strata {
            if control.n.min(variant.n) < STRATUM {
                small = (small.0.with(*control), small.1.with(*variant));
            } else {
                strata.push((0.0, *control, *variant));
            }
        }
        if small.0.n.min(small.1.n) > 0 {
            strata.push((0.0, small.0, small.1));
        }
        let n: u64 = strata.iter().map(|(_, control, variant)| control.n + variant.n).sum();
        for (weight, control, variant) in &mut strata {
            *weight = (control.n + variant.n) as f64 / n as f64;
        }
        let (control, variant) = self.strata.iter().fold((0, 0), |of, (_, c, v)| (of.0 + c.n, of.1 + v.n));
        let (fraction, needed) = (fraction((control, variant), self.planned, self.share), self.needed());
        (n > 0).then(|| Usable { strata, course: Course::of(fraction, needed), n, needed })
    }
}

impl Usable {
    fn means(&self) -> Means {
        let pair = |&(weight, control, variant): &(f64, Tally, Tally)| means::Pair { weight, control, variant };
        Means::of(&self.strata.iter().map(pair).collect::<Vec<_>>())
    }

    fn shares(&self, is_swapped: bool) -> Shares {
        let share = |tally: Tally| Share { had: tally.mean().unwrap_or(0.0) * tally.n as f64, of: tally.n as f64 };
        let pair = |&(weight, control, variant): &(f64, Tally, Tally)| {
            let (control, variant) = if is_swapped { (variant, control) } else { (control, variant) };
            shares::Pair { weight, control: share(control), variant: share(variant) }
        };
        Shares::moved(&self.strata.iter().map(pair).collect::<Vec<_>>(), 0.5)
    }
}
