//! What the sums of an experiment say of its cohorts. Pure: the same sums say the same on every node.
//!
//! Each variant is compared with the control by each criterion, within strata. All of these comparisons share the chance of error that
//! the plan names: intervals have equal parts of it, and verdicts come from closed testing of the e-values of one direction
//! ([`adjusted`]), which asks for no more than the intervals do. Where there are several revisions, half of the chance is for finding at
//! which of them there is harm, by closed testing over variants, criteria and revisions.

use super::{
    sums::{Sums, less},
    trial::{Spread, Trial, WITHIN},
};
use domain::{
    bucket::PARTS,
    evidence::{Comparison, Estimate, Level, Ratio, Tally, Verdict, adjusted, matters_of, sentence, verdict},
    rollout::{Better, Metric},
};
use store::evidence::Measure;

/// The part of the error that is for all devices together, where there are several revisions.
const OF_ALL: f64 = 0.5;

/// Devices of one level in both cohorts.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Stratum {
    pub(super) level: Level,
    pub(super) control: Tally,
    pub(super) variant: Tally,
    pub(super) estimate: Option<Estimate>,
    /// How strong evidence is that the variant is worse there, corrected for all that is looked at.
    pub(super) harm: f64,
    /// Whether that is enough, and the difference is more than what does not matter.
    pub(super) is_worse: bool,
    /// Whether the variant is held back there.
    pub(super) is_held: bool,
}

/// A variant, compared with the control by one criterion.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Compared {
    pub(super) cohort: usize,
    pub(super) criterion: usize,
    /// Values of the control's devices and the variant's, without those of levels at which the variant is held back.
    pub(super) control: Tally,
    pub(super) variant: Tally,
    pub(super) estimate: Option<Estimate>,
    /// How strong evidence is that it is worse, and that it is better, corrected for all comparisons.
    pub(super) harm: f64,
    pub(super) gain: f64,
    pub(super) verdict: Verdict,
    /// Whether it is worse, also where a sample ratio that is off blocks every verdict: harm is stopped all the same.
    pub(super) is_worse: bool,
    /// By hardware revision.
    pub(super) strata: Vec<Stratum>,
}

/// All that is known of an experiment.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Judged {
    /// How exposed devices are spread over the cohorts; none where that can't be said any more.
    pub(super) ratio: Option<Ratio>,
    /// Whether that blocks verdicts.
    pub(super) is_off: bool,
    pub(super) balance: Vec<Spread>,
    /// The evidence that each harm or gain is to reach.
    pub(super) needed: f64,
    /// The same for harm at one level.
    pub(super) needed_at: f64,
    pub(super) compared: Vec<Compared>,
    /// How many devices were exposed.
    pub(super) exposed: u64,
    /// Of how many devices there is a value of the primary metric.
    pub(super) measured: u64,
}

/// Judges an experiment. `is_last` says that this is the one look at the planned end: what there is then is what was planned for. Beyond
/// it the evidence is that of gross harm.
pub(super) fn judge(trial: &Trial<'_>, sums: &Sums, is_last: bool) -> Judged {
    let criteria = trial.experiment.criteria().count();
    let pairs: Vec<(usize, usize)> =
        trial.variants().flat_map(|cohort| (0..criteria).map(move |criterion| (cohort, criterion))).collect();
    let (m, levels) = (pairs.len().max(1) as f64, sums.levels(WITHIN));
    let of_all = if levels.len() > 1 { OF_ALL } else { 1.0 };
    let error = trial.error() * of_all;
    let error_at = if levels.len() > 1 { trial.error() * (1.0 - OF_ALL) } else { trial.error() };
    let looked_at = m * levels.len().max(1) as f64;
    let ratio = trial.ratio(sums);
    let is_off = trial.was_off || ratio.is_some_and(|ratio| ratio.is_off);
    let look = Look { trial, sums, is_last, error: error / m, error_at: 2.0 * error_at / looked_at };
    let mut compared: Vec<Compared> =
        pairs.iter().map(|(cohort, criterion)| look.compare(*cohort, *criterion)).collect();
    let (needed, needed_at) = (2.0 / error, 1.0 / error_at);
    let corrected = |e: &dyn Fn(&Compared) -> f64| adjusted(&compared.iter().map(e).collect::<Vec<f64>>());
    let (harms, gains) = (corrected(&|one| one.harm), corrected(&|one| one.gain));
    for ((one, harm), gain) in compared.iter_mut().zip(harms).zip(gains) {
        (one.harm, one.gain) = (harm, gain);
        let criterion = trial.criterion(one.criterion);
        let by_interval = verdict(one.estimate.as_ref(), matters_of(criterion), criterion.better, false);
        let says = match by_interval {
            // Closed testing knows what the other comparisons have found.
            Verdict::Undecided if harm >= needed => Verdict::Worse,
            Verdict::Undecided if gain >= needed => Verdict::Better,
            verdict => verdict,
        };
        one.is_worse = says == Verdict::Worse;
        one.verdict = if is_off { Verdict::Blocked } else { says };
    }
    let each: Vec<f64> = compared.iter().flat_map(|one| one.strata.iter().map(|stratum| stratum.harm)).collect();
    let mut each = adjusted(&each).into_iter();
    for one in &mut compared {
        let criterion = trial.criterion(one.criterion);
        for stratum in &mut one.strata {
            stratum.harm = each.next().unwrap_or_default();
            let says = verdict(stratum.estimate.as_ref(), matters_of(criterion), criterion.better, false);
            let is_harm = !matches!(says, Verdict::Same | Verdict::Better);
            stratum.is_worse = is_harm && stratum.harm >= needed_at;
        }
    }
    let of_all = |measure| (1..=trial.cohorts.variants.len()).map(|n| sums.tally(measure, n, &Level::ALL).n).sum();
    let (exposed, measured) = (of_all(Measure::Exposed), of_all(Measure::Criterion(0)));
    Judged { ratio, is_off, balance: trial.spread(sums), needed, needed_at, compared, exposed, measured }
}

/// One look at all comparisons.
struct Look<'a> {
    trial: &'a Trial<'a>,
    sums: &'a Sums,
    is_last: bool,
    /// The part of the error of each comparison, and of each at one level.
    error: f64,
    error_at: f64,
}

impl Look<'_> {
    fn compare(&self, cohort: usize, n: usize) -> Compared {
        let criterion = self.trial.criterion(n);
        let strata = self.strata(cohort, n);
        let of = |pick: fn(&(Level, Tally, Tally)) -> Tally| strata.iter().map(pick).sum::<Tally>();
        let (control, variant) = (of(|(_, control, _)| *control), of(|(_, _, variant)| *variant));
        let planned = self.trial.planned(cohort, control.n + variant.n, self.is_last);
        let comparison = |error, strata: &[(Level, Tally, Tally)]| Comparison {
            error,
            planned,
            share: self.trial.share_of_both(cohort),
            strata: strata.iter().map(|(level, control, variant)| (level.level.clone(), *control, *variant)).collect(),
            is_binary: criterion.metric.is_binary(),
        };
        let all = comparison(self.error, &strata);
        let at = |(level, control, variant): (Level, Tally, Tally)| {
            let own = comparison(self.error_at, &[(level.clone(), control, variant)]);
            let is_held = self.trial.is_held(cohort, &level) || self.trial.is_held(cohort, &Level::ALL);
            let harm = harm(&own, criterion.better);
            Stratum { level, control, variant, estimate: own.estimate(), harm, is_worse: false, is_held }
        };
        let levels = self.sums.levels(WITHIN).into_iter();
        Compared {
            cohort,
            criterion: n,
            control,
            variant,
            estimate: all.estimate(),
            harm: harm(&all, criterion.better),
            gain: gain(&all, criterion.better),
            verdict: Verdict::Undecided,
            is_worse: false,
            strata: levels.map(|level| at(self.both(cohort, n, level))).collect(),
        }
    }

    fn both(&self, cohort: usize, n: usize, level: Level) -> (Level, Tally, Tally) {
        let metric = &self.trial.criterion(n).metric;
        let of = |cohort| {
            let known = self.sums.tally(Measure::Criterion(n), cohort, &level);
            let exposed = self.sums.tally(Measure::Exposed, cohort, &level).n.max(known.n);
            match metric {
                // Of all who were told, those under way as if they came out well: a variant that takes longer is no worse by that.
                Metric::Verified => Tally::of_share(exposed - known.n + had(known), exposed),
                Metric::BootFailed => Tally::of_share(had(known), exposed),
                _ => known,
            }
        };
        let (control, variant) = (of(self.trial.control()), of(cohort));
        (level, control, variant)
    }

    /// The strata in which a variant is compared: hardware revisions, and who has none. Where one of both is held back, devices
    /// that came before are left out, too: they are what that was decided by.
    fn strata(&self, cohort: usize, n: usize) -> Vec<(Level, Tally, Tally)> {
        let mut strata: Vec<_> =
            self.sums.levels(WITHIN).into_iter().map(|level| self.both(cohort, n, level)).collect();
        let (_, control, variant) = self.both(cohort, n, Level::ALL);
        let known = |pick: fn(&(Level, Tally, Tally)) -> Tally| strata.iter().map(pick).sum::<Tally>();
        let rest = (less(control, known(|s| s.1)), less(variant, known(|s| s.2)));
        strata.push((Level::of(WITHIN, ""), rest.0, rest.1));
        let is_open =
            |level: &Level| !self.trial.is_held(cohort, level) && !self.trial.is_held(self.trial.control(), level);
        strata.retain(|(level, ..)| is_open(level));
        strata
    }
}

/// How many devices had what is so or is not.
fn had(known: Tally) -> u64 {
    known.sum / u64::from(PARTS)
}

/// Evidence that a variant is worse.
fn harm(comparison: &Comparison, better: Better) -> f64 {
    match better {
        Better::Lower => comparison.above(0.0),
        Better::Higher => comparison.below(0.0),
    }
}

/// Evidence that it is better.
fn gain(comparison: &Comparison, better: Better) -> f64 {
    match better {
        Better::Lower => comparison.below(0.0),
        Better::Higher => comparison.above(0.0),
    }
}

/// How much worse a variant is, of values from 0 to 1.
pub(super) fn worse_by(estimate: &Estimate, better: Better) -> f64 {
    match better {
        Better::Lower => estimate.difference,
        Better::Higher => -estimate.difference,
    }
}

impl Compared {
    /// It in a sentence.
    pub(super) fn sentence(&self, trial: &Trial<'_>) -> String {
        self.sentence_of(trial, self.verdict)
    }

    /// It in a sentence, where more than its own interval has led to a verdict.
    pub(super) fn sentence_of(&self, trial: &Trial<'_>, says: Verdict) -> String {
        let (criterion, control) = (trial.criterion(self.criterion), trial.name(trial.control()));
        sentence(says, self.estimate.as_ref(), criterion, trial.name(self.cohort), control)
    }

    /// What is found at one level, in a sentence.
    pub(super) fn sentence_at(&self, trial: &Trial<'_>, stratum: &Stratum) -> String {
        let (criterion, control) = (trial.criterion(self.criterion), trial.name(trial.control()));
        let text = sentence(Verdict::Worse, stratum.estimate.as_ref(), criterion, trial.name(self.cohort), control);
        format!("Of {}: {text}", stratum.level.words())
    }

    /// Where a variant that is worse is to be held back: at the one revision where the harm is if it is there alone, else
    /// everywhere; none where nothing is to be done.
    pub(super) fn harmed_at(&self, trial: &Trial<'_>) -> Option<Level> {
        if trial.is_held(self.cohort, &Level::ALL) {
            return None;
        }
        let open: Vec<&Stratum> = self.strata.iter().filter(|stratum| !stratum.is_held).collect();
        let worse: Vec<&&Stratum> = open.iter().filter(|stratum| stratum.is_worse).collect();
        if worse.is_empty() && !self.is_worse {
            return None;
        }
        let criterion = trial.criterion(self.criterion);
        let matters = matters_of(criterion);
        let by = |stratum: &Stratum| stratum.estimate.as_ref().map_or(0.0, |found| worse_by(found, criterion.better));
        // Devices without a revision are in no stratum: then it can't be said that the others are fine.
        let known: u64 = open.iter().map(|stratum| stratum.control.n + stratum.variant.n).sum();
        let is_all_known = known >= self.control.n + self.variant.n;
        let suspect: Vec<&&Stratum> =
            open.iter().filter(|stratum| stratum.is_worse || by(stratum) >= matters).collect();
        let rest =
            |one: &Stratum| open.iter().filter(|other| other.level != one.level).any(|other| other.variant.n > 0);
        match suspect.as_slice() {
            [one] if rest(one) && is_all_known => Some(one.level.clone()),
            _ => Some(Level::ALL),
        }
    }
}
