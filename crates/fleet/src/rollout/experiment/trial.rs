//! An experiment as it was planned, and how those who were exposed are spread over its cohorts.

use super::sums::{SPREAD, Sums, less};
use domain::{
    bucket::PARTS,
    evidence::{Balance, Factor, Level, Ratio, Tally, balance, sample_ratio},
    rollout::{Cohorts, Criterion, Experiment, HeldBack},
};
use store::evidence::Measure;

/// How exposed devices that differ in something are spread over the cohorts: by level, how many of each.
pub(super) type Spread = (Factor, Vec<(Level, Vec<u64>)>, Balance);

/// Within what devices are compared, at every look of every experiment: hardware revisions. It is chosen before anything is known; a
/// factor that is chosen by what looks uneven, or by where harm was found, may be another one at the next look, and depends on what
/// came out. Makers are no strata: a device has several.
pub(super) const WITHIN: Factor = Factor::Revision;

/// An experiment with what its devices were sent.
#[derive(Clone, Copy)]
pub(super) struct Trial<'a> {
    pub(super) experiment: &'a Experiment,
    pub(super) cohorts: &'a Cohorts,
    pub(super) held_back: &'a [HeldBack],
    /// Whether cohorts were found once not to be as large as they should be: that stays so.
    pub(super) was_off: bool,
}

impl<'a> Trial<'a> {
    /// The control's number.
    pub(super) const fn control(&self) -> usize {
        self.experiment.control.saturating_add(1)
    }

    /// The numbers of the others.
    pub(super) fn variants(&self) -> impl Iterator<Item = usize> + use<'a> {
        let control = self.control();
        (1..=self.cohorts.variants.len()).filter(move |cohort| *cohort != control)
    }

    pub(super) fn name(&self, cohort: usize) -> &'a str {
        let variant = cohort.checked_sub(1).and_then(|n| self.cohorts.variants.get(n));
        variant.map_or("", |variant| variant.name.as_str())
    }

    pub(super) fn criterion(&self, n: usize) -> &'a Criterion {
        let guard = n.checked_sub(1).and_then(|n| self.experiment.guards.get(n));
        guard.unwrap_or(&self.experiment.primary)
    }

    fn share(&self, cohort: usize) -> f64 {
        let variant = cohort.checked_sub(1).and_then(|n| self.cohorts.variants.get(n));
        variant.map_or(0.0, |variant| f64::from(variant.share))
    }

    /// Which share of the devices of a variant and the control together the variant's are, from 0 to 1.
    pub(super) fn share_of_both(&self, cohort: usize) -> f64 {
        let own = self.share(cohort);
        own / (own + self.share(self.control())).max(1.0)
    }

    /// Whether a variant is held back at a level, or everywhere.
    pub(super) fn is_held(&self, cohort: usize, level: &Level) -> bool {
        self.held_back.iter().any(|held| held.cohort == Some(cohort) && held.level == *level)
    }

    /// At how many values of a variant and the control together the verdict is planned: what their shares are of all, or what
    /// there is once the plan is reached.
    pub(super) fn planned(&self, cohort: usize, n: u64, is_last: bool) -> u64 {
        if is_last {
            return n.max(1);
        }
        let all: f64 = self.cohorts.variants.iter().map(|variant| f64::from(variant.share)).sum();
        let part = (self.share(cohort) + self.share(self.control())) / all.max(1.0);
        // Rounded up: a sample is never planned smaller than it was written.
        (self.experiment.planned as f64 * part).ceil().max(1.0) as u64
    }

    pub(super) fn error(&self) -> f64 {
        f64::from(self.experiment.error) / f64::from(PARTS)
    }

    /// Whether nothing can be said, because cohorts are not as large as they should be. Only who may be offered it everywhere is
    /// counted: a cohort that is held back stays behind by that.
    pub(super) fn ratio(&self, sums: &Sums) -> Option<Ratio> {
        let everywhere = |cohort| self.is_held(cohort, &Level::ALL);
        // A gate's hold-backs are of all cohorts, and those who are held out stay behind by them, too.
        let mut levels: Vec<&Level> =
            self.held_back.iter().map(|held| &held.level).filter(|level| **level != Level::ALL).collect();
        // Devices of two factors would be taken out twice.
        let is_of_one = levels.windows(2).all(|two| matches!(two, [one, other] if one.factor == other.factor));
        levels.sort_unstable();
        levels.dedup();
        let exposed = |cohort: usize| {
            let gone: Tally = levels.iter().map(|level| sums.tally(Measure::Exposed, cohort, level)).sum();
            less(sums.tally(Measure::Exposed, cohort, &Level::ALL), gone).n
        };
        let open: Vec<usize> = (1..=self.cohorts.variants.len()).filter(|cohort| !everywhere(*cohort)).collect();
        let observed: Vec<u64> = open.iter().map(|cohort| exposed(*cohort)).collect();
        let shares: Vec<u32> = open
            .iter()
            .filter_map(|cohort| self.cohorts.variants.get(cohort - 1).map(|variant| variant.share))
            .collect();
        (open.len() > 1 && is_of_one).then(|| sample_ratio(&observed, &shares))
    }

    pub(super) fn spread(&self, sums: &Sums) -> Vec<Spread> {
        let shares: Vec<u32> = self.cohorts.variants.iter().map(|variant| variant.share).collect();
        let of_factor = |factor: Factor| {
            let counts = |level: Level| {
                let exposed = |cohort| sums.tally(Measure::Exposed, cohort, &level).n;
                let counts = (1..=shares.len()).map(exposed).collect::<Vec<u64>>();
                (level, counts)
            };
            let levels: Vec<(Level, Vec<u64>)> = sums.levels(factor).into_iter().map(counts).collect();
            let named: Vec<_> = levels.iter().map(|(level, counts)| (level.level.clone(), counts.clone())).collect();
            let balance = balance(&named, &shares);
            (factor, levels, balance)
        };
        SPREAD.into_iter().map(of_factor).collect()
    }
}
