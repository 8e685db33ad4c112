//! What follows from what is known of an experiment: a variant that is worse is held back, what was found out is written once.

use super::{
    judge::{Compared, Judged, Stratum, judge},
    sums::Sums,
    trial::{Trial, WITHIN},
};
use crate::{
    Deed, Fleet, Result,
    rollout::{FOUND, HOLD, STEWARD, changed, held, held::hold_back, subject_of, write},
};
use domain::{
    decimal::Decimal,
    evidence::{Estimate, Level, Verdict},
    person::Permission,
    rollout::{Found, Metric, Settled},
    time::Timestamp,
};
use serde_json::{Value, json};
use store::{evidence::point, rollout::Rollout};

/// What is written when cohorts are found not to be as large as their shares say.
const RATIO: &str = "ratio";

/// What is said of harm where the sample ratio is off.
const TO_BE_SAFE: &str =
    " The cohorts are not as large as they should be, so this is no verdict; it is held back to be safe.";

/// A rollout as a trial, if it is one.
pub(super) fn trial_of(rollout: &Rollout) -> Option<Trial<'_>> {
    let (experiment, cohorts) = rollout.plan.experiment.as_ref().zip(rollout.plan.cohorts.as_ref())?;
    // Whoever was held back everywhere while sizes were off is written so since before that was written by itself.
    let was_held = rollout.verdicts.iter().any(|kept| kept.level.as_ref() == Some(&Level::ALL));
    let was_off = was_held || ratio_off(rollout).is_some();
    Some(Trial { experiment, cohorts, held_back: &rollout.held_back, was_off })
}

/// That cohorts were found once not to be as large as their shares say. It stays so, whatever comes later.
pub(super) fn ratio_off(rollout: &Rollout) -> Option<&Settled> {
    rollout.verdicts.iter().find(|kept| kept.found == Found::Ratio)
}

/// Whether a variant's verdict by the primary metric was written.
pub(super) fn is_written(rollout: &Rollout, cohort: usize) -> bool {
    let of_it = |settled: &Settled| settled.cohort == cohort && settled.criterion == 0 && settled.level.is_none();
    rollout.verdicts.iter().any(of_it)
}

/// Whether all verdicts of a rollout were written, so that nothing is waited for.
pub(crate) fn is_settled(rollout: &Rollout) -> bool {
    let Some(trial) = trial_of(rollout) else { return true };
    trial.variants().all(|cohort| is_written(rollout, cohort))
}

/// What is to be written.
#[derive(Debug, Default, PartialEq)]
struct Findings {
    settled: Vec<Settled>,
    held: Vec<(usize, Level, String)>,
}

/// A number of the metric's own unit, to six places.
fn in_unit(metric: &Metric, value: f64) -> Decimal {
    // Within what fits: values are differences of decimals that do.
    Decimal::of_millionths((value * metric.span() * 1e6).round() as i64)
}

fn settled(trial: &Trial<'_>, one: &Compared, at_level: Option<&Stratum>, found: Found, now: Timestamp) -> Settled {
    let estimate: Option<&Estimate> = match at_level {
        Some(stratum) => stratum.estimate.as_ref(),
        None => one.estimate.as_ref(),
    };
    let metric = &trial.criterion(one.criterion).metric;
    let number = |pick: fn(&Estimate) -> f64| estimate.map(|found| in_unit(metric, pick(found)));
    Settled {
        cohort: one.cohort,
        criterion: one.criterion,
        level: at_level.map(|stratum| stratum.level.clone()),
        found,
        at: now,
        n: estimate.map_or(0, |found| found.n),
        difference: number(|found| found.difference),
        low: number(|found| found.low),
        high: number(|found| found.high),
        sentence: match (at_level, found) {
            (Some(stratum), _) => one.sentence_at(trial, stratum),
            (None, Found::Worse) => one.sentence_of(trial, Verdict::Worse),
            (None, _) => one.sentence(trial),
        },
    }
}

/// What is found out by this look that was not written yet.
fn findings(rollout: &Rollout, trial: &Trial<'_>, judged: &Judged, is_end: bool, now: Timestamp) -> Findings {
    let mut all = Findings::default();
    if judged.ratio.is_some_and(|ratio| ratio.is_off) && ratio_off(rollout).is_none() {
        all.settled.push(Settled::ratio(judged.exposed, now));
    }
    let is_known = |one: &Compared, level: Option<&Level>| {
        let same = |kept: &&Settled| kept.cohort == one.cohort && kept.criterion == one.criterion;
        rollout.verdicts.iter().filter(same).any(|kept| kept.level.as_ref() == level)
    };
    for one in &judged.compared {
        let place = one.harmed_at(trial);
        let stratum = place.as_ref().and_then(|level| one.strata.iter().find(|stratum| stratum.level == *level));
        // Where no verdict may be given, what is held back everywhere is written as harm to these, and is no verdict.
        let is_blocked = one.verdict == Verdict::Blocked;
        let key = stratum.map(|stratum| stratum.level.clone()).or(is_blocked.then_some(Level::ALL));
        if let Some(level) = place.filter(|_| !is_known(one, key.as_ref())) {
            let mut found = Settled { level: key, ..settled(trial, one, stratum, Found::Worse, now) };
            if is_blocked {
                found.sentence.push_str(TO_BE_SAFE);
            }
            if !all
                .held
                .iter()
                .any(|(cohort, held, _)| *cohort == one.cohort && (*held == Level::ALL || *held == level))
            {
                all.held.push((one.cohort, level, found.sentence.clone()));
            }
            all.settled.push(found);
            // What the others say is for the next look, without those who are held back; but there is one last look.
            if !is_end || all.settled.iter().any(|found| found.cohort == one.cohort && found.level.is_none()) {
                continue;
            }
        }
        let found = match one.verdict {
            Verdict::Better => Some(Found::Better),
            Verdict::Same => Some(Found::Same),
            Verdict::Worse if stratum.is_none() || is_end => Some(Found::Worse),
            _ => is_end.then_some(Found::Open),
        };
        if let Some(found) = found.filter(|_| one.criterion == 0 && !is_known(one, None)) {
            all.settled.push(settled(trial, one, None, found, now));
        }
    }
    all
}

/// Enters what was found out in a rollout that the deed holds: what is settled, whom it newly holds back, and all that are held back
/// then, with what is accepted of the others. What is to be audited of it.
async fn enter(
    deed: &mut Deed<'_>,
    rollout: &mut Rollout,
    judged: &Judged,
    found: Findings,
    next: Rollout,
) -> Result<Vec<(&'static str, Value)>> {
    let by = json!({"ratio": judged.ratio.map(|ratio| ratio.p), "needed": judged.needed, "within": WITHIN});
    let mut audited = Vec::new();
    for settled in found.settled {
        let detail = json!({"found": settled, "by": by});
        let words = settled.sentence.clone();
        // That sizes are off decides nothing.
        let (word, action) = match settled.found {
            Found::Ratio => (RATIO, "rollout.ratio"),
            _ => (FOUND, "rollout.verdict"),
        };
        rollout.verdicts.push(settled);
        write(deed, rollout, (word, words, detail.clone())).await?;
        audited.push((action, detail));
    }
    (rollout.held_back, rollout.accepted) = (next.held_back, next.accepted);
    for (cohort, level, why) in found.held {
        let name = trial_of(rollout).map_or("", |trial| trial.name(cohort)).to_owned();
        let words = match level == Level::ALL {
            true => format!("{name} is offered to nobody any more. {why}"),
            false => format!("{name} is not offered to {} any more. {why}", level.words()),
        };
        let detail = json!({"cohort": cohort, "level": level, "why": why});
        write(deed, rollout, (HOLD, words, detail.clone())).await?;
        audited.push(("rollout.hold", detail));
    }
    Ok(audited)
}

impl Fleet {
    /// Looks at the experiment of a rollout, if it has one that is not over.
    pub(in crate::rollout) async fn look_at_experiment(&self, rollout: &Rollout) -> Result<()> {
        let (looks, now) = (&self.inner.rollouts.looks, self.now());
        let Some(trial) = trial_of(rollout).filter(|_| rollout.course.state.is_begun()) else { return Ok(()) };
        if rollout.course.state.is_over() && is_settled(rollout) {
            looks.forget(rollout.id);
            return Ok(());
        }
        // After its end harm is looked for as long as devices are offered it.
        let has_ended = rollout.course.state.is_over() || trial.experiment.ends_at.is_some_and(|at| at <= now);
        let is_over = has_ended && !is_settled(rollout);
        let sums = Sums::of(self.db(), rollout.id).await?;
        if !is_over && !looks.is_new(rollout, &sums) {
            return Ok(());
        }
        let judged = judge(&trial, &sums, false);
        if judged.measured >= trial.experiment.planned && !is_settled(rollout) {
            self.look_for_the_last_time(rollout).await?;
        } else {
            self.keep_points(rollout, &judged).await?;
            let found = findings(rollout, &trial, &judged, is_over, now);
            if found != Findings::default() {
                self.write_findings(rollout, &judged, found).await?;
            }
        }
        looks.note(rollout, &sums);
        Ok(())
    }

    /// The one look at the planned end, which takes what there is for what was planned and writes all that is not written. It holds the
    /// rollout from before it looks until that is written: a look that somebody else's change has made void would be followed by
    /// another one, and each of them spends the chance of error that is there for one.
    async fn look_for_the_last_time(&self, known: &Rollout) -> Result<()> {
        self.learn_points(known).await?;
        let subject = subject_of(&known.code);
        let mut deed = self.allow(&STEWARD, Permission::RolloutRun, &subject).await?;
        let mut rollout = held(&mut deed, known.id, &known.code).await?;
        let Some(trial) = trial_of(&rollout).filter(|_| !is_settled(&rollout)) else { return Ok(()) };
        let judged = judge(&trial, &Sums::within(&mut deed.tx, known.id).await?, true);
        // Whoever failed may be to try again by now, and has no value then.
        if judged.measured < trial.experiment.planned {
            return Ok(());
        }
        let found = findings(&rollout, &trial, &judged, true, self.now());
        // It is read within the deed, once in the life of an experiment, and only if somebody is to be held back by this look.
        let (next, found) = self.with_held(&rollout, found).await?;
        let audited = enter(&mut deed, &mut rollout, &judged, found, next).await?;
        let points = self.due_points(&rollout, &judged);
        for point in &points {
            point::put(&mut deed.tx, known.id, point).await?;
        }
        let entries: Vec<(&str, &str, &Value)> =
            audited.iter().map(|(action, detail)| (*action, subject.as_str(), detail)).collect();
        deed.commit_all(&entries).await?;
        self.note_points(known.id, &points);
        self.rollout_committed().await;
        Ok(())
    }

    /// Writes what was found out, if nothing was changed since it was looked at.
    async fn write_findings(&self, known: &Rollout, judged: &Judged, found: Findings) -> Result<()> {
        let subject = subject_of(&known.code);
        // Read before the deed begins: a deed holds the one writer.
        let (next, found) = self.with_held(known, found).await?;
        let mut deed = self.allow(&STEWARD, Permission::RolloutRun, &subject).await?;
        let mut rollout = held(&mut deed, known.id, &known.code).await?;
        if rollout.version != known.version {
            return Err(changed());
        }
        let audited = enter(&mut deed, &mut rollout, judged, found, next).await?;
        let entries: Vec<(&str, &str, &Value)> =
            audited.iter().map(|(action, detail)| (*action, subject.as_str(), detail)).collect();
        deed.commit_all(&entries).await?;
        self.rollout_committed().await;
        Ok(())
    }

    /// The rollout with those whom it goes on without once this was found, counted by wave and cohort; and what was found with those alone
    /// who are newly held back.
    async fn with_held(&self, known: &Rollout, found: Findings) -> Result<(Rollout, Findings)> {
        let (mut next, now) = (known.clone(), self.now());
        let mut is_new = |(cohort, level, why): &(usize, Level, String)| {
            hold_back(&mut next, Some(*cohort), level.clone(), why, now)
        };
        let held: Vec<_> = found.held.into_iter().filter(|one| is_new(one)).collect();
        if !held.is_empty()
            && let Some(live) = self.live_rollout(known.id).await?
        {
            self.recount_held_back(&live, &[], &mut next.held_back).await?;
            next.accepted = self.accepted_of_the_rest(known, &next).await?;
        }
        Ok((next, Findings { settled: found.settled, held }))
    }
}
