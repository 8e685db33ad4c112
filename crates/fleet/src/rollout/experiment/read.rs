//! What is shown of an experiment: everything that its page needs, from sums and a few points of each series, never from looking at
//! devices.

use super::{
    decide::{is_written, ratio_off, trial_of},
    judge::{Compared, Judged, Stratum, judge},
    sums::Sums,
    trial::{Trial, WITHIN},
    views::{
        CohortView, ComparisonView, ExperimentDetail, FactorView, IntervalView, RatioView, Series, SeriesPoint,
        StratumView,
    },
    winner::{rolled_out, winner},
};
use crate::{Actor, Error, Fleet, Result};
use domain::{
    evidence::{Estimate, Level, Tally, Verdict},
    person::Permission,
    rollout::{Found, Metric, Settled},
};
use store::{
    evidence::{Measure, point},
    rollout::Rollout,
};

fn mean_of(metric: &Metric, tally: Tally) -> (u64, Option<f64>) {
    (tally.n, tally.mean().map(|mean| mean.mul_add(metric.span(), metric.origin())))
}

fn interval_of(metric: &Metric, found: &Estimate) -> IntervalView {
    let span = metric.span();
    let [difference, low, high] = [found.difference, found.low, found.high].map(|part| part * span);
    IntervalView { difference, low, high, n: found.n }
}

fn stratum_of(metric: &Metric, stratum: &Stratum) -> StratumView {
    StratumView {
        level: stratum.level.clone(),
        control: mean_of(metric, stratum.control),
        variant: mean_of(metric, stratum.variant),
        interval: stratum.estimate.as_ref().map(|found| interval_of(metric, found)),
        evidence: stratum.harm,
        is_worse: stratum.is_worse,
        is_held: stratum.is_held,
    }
}

fn comparison_of(trial: &Trial<'_>, one: &Compared) -> ComparisonView {
    let metric = &trial.criterion(one.criterion).metric;
    ComparisonView {
        cohort: one.cohort,
        criterion: one.criterion,
        verdict: one.verdict,
        sentence: one.sentence(trial),
        interval: one.estimate.as_ref().map(|found| interval_of(metric, found)),
        control: mean_of(metric, one.control),
        variant: mean_of(metric, one.variant),
        worse: one.harm,
        better: one.gain,
        strata: one.strata.iter().map(|stratum| stratum_of(metric, stratum)).collect(),
    }
}

/// The verdict that says most, and all that was found out in a sentence: what was written for good before what is known now.
fn in_one(rollout: &Rollout, trial: &Trial<'_>, judged: &Judged) -> (Verdict, String) {
    let rank = |verdict: Verdict| match verdict {
        Verdict::Blocked => 4,
        Verdict::Worse => 3,
        Verdict::Better => 2,
        Verdict::Same => 1,
        Verdict::Undecided => 0,
    };
    let of = |settled: &Settled| match settled.found {
        Found::Better => Verdict::Better,
        Found::Worse => Verdict::Worse,
        Found::Same => Verdict::Same,
        Found::Ratio => Verdict::Blocked,
        Found::Open if judged.is_off => Verdict::Blocked,
        Found::Open => Verdict::Undecided,
    };
    // That sizes are off is said of each variant that has no verdict, and by itself where all have one.
    let is_said = judged.is_off && trial.variants().any(|cohort| !is_written(rollout, cohort));
    let kept = rollout.verdicts.iter().filter(|kept| kept.found != Found::Ratio || !is_said);
    let kept = kept.map(|settled| (of(settled), settled.sentence.clone()));
    let is_kept = |one: &Compared| {
        let same =
            |kept: &Settled| kept.cohort == one.cohort && kept.criterion == one.criterion && kept.level.is_none();
        rollout.verdicts.iter().any(same)
    };
    let now = judged.compared.iter().filter(|one| one.criterion == 0 && !is_kept(one));
    let all: Vec<(Verdict, String)> = kept.chain(now.map(|one| (one.verdict, one.sentence(trial)))).collect();
    let most = all.iter().map(|(verdict, _)| *verdict).max_by_key(|verdict| rank(*verdict));
    let most = most.unwrap_or(Verdict::Undecided);
    let sentences: Vec<String> =
        all.into_iter().filter(|(verdict, _)| *verdict == most).map(|(_, said)| said).collect();
    (most, sentences.join(" "))
}

fn series_of(trial: &Trial<'_>, points: &[point::Point]) -> Vec<Series> {
    let mut series: Vec<Series> = Vec::new();
    for kept in points {
        let metric = &trial.criterion(kept.criterion).metric;
        let found =
            Estimate { difference: kept.difference, low: kept.low, high: kept.high, n: kept.n, is_stratified: false };
        let point = SeriesPoint { at: kept.at, interval: interval_of(metric, &found) };
        match series.last_mut() {
            Some(last) if last.cohort == kept.cohort && last.criterion == kept.criterion => last.points.push(point),
            _ => series.push(Series { cohort: kept.cohort, criterion: kept.criterion, points: vec![point] }),
        }
    }
    series
}

impl Fleet {
    /// The experiment of a rollout with everything that a page shows of it.
    ///
    /// # Errors
    /// When the actor may not see the fleet, there is no such rollout, or it is no experiment.
    pub async fn experiment(&self, actor: &Actor, code: &str) -> Result<ExperimentDetail> {
        actor.require(Permission::FleetRead)?;
        let rollout = self.kept_rollout(code).await?;
        let trial = trial_of(&rollout).ok_or_else(|| Error::not_found("experiment", code))?;
        let (sums, points) = tokio::try_join!(Sums::of(self.db(), rollout.id), async {
            Ok::<_, Error>(point::of(self.db(), rollout.id).await?)
        })?;
        let judged = judge(&trial, &sums, false);
        let (verdict, sentence) = in_one(&rollout, &trial, &judged);
        let balance = judged.balance.iter().map(|(factor, levels, balance)| FactorView {
            factor: *factor,
            levels: levels.iter().map(|(level, counts)| (level.level.clone(), counts.clone())).collect(),
            p: balance.p,
            cramers_v: balance.cramers_v,
            is_off: balance.is_off,
        });
        Ok(ExperimentDetail {
            code: rollout.code.clone(),
            name: rollout.plan.name.clone(),
            target: rollout.plan.target.clone(),
            state: rollout.course.state,
            experiment: trial.experiment.clone(),
            cohorts: self.cohort_views(&rollout, &trial, &sums).await?,
            control: trial.control(),
            sentence,
            verdict,
            is_settled: super::is_settled(&rollout),
            measured: judged.measured,
            needed: judged.needed,
            needed_at_revision: judged.needed_at,
            comparisons: judged.compared.iter().map(|one| comparison_of(&trial, one)).collect(),
            ratio: judged.ratio.map(|ratio| RatioView { p: ratio.p, is_off: ratio.is_off }),
            within: WITHIN,
            balance: balance.collect(),
            series: series_of(&trial, &points),
            winner: winner(&rollout),
            rolled_out: rolled_out(self.db(), &rollout).await?,
            warnings: self.experiment_warnings(&rollout.plan).await?,
            ratio_off_since: ratio_off(&rollout).map(|kept| kept.at),
            settled: rollout.verdicts.iter().filter(|kept| kept.found != Found::Ratio).cloned().collect(),
            held_back: rollout.held_back.clone(),
            version: rollout.version,
        })
    }

    async fn cohort_views(&self, rollout: &Rollout, trial: &Trial<'_>, sums: &Sums) -> Result<Vec<CohortView>> {
        let mut views = Vec::new();
        for (n, variant) in trial.cohorts.variants.iter().enumerate() {
            let number = n + 1;
            let release = match variant.release {
                Some(id) => store::release::by_id(self.db(), id).await?,
                None => None,
            };
            let frozen = rollout.frozen.iter().flat_map(|frozen| frozen.waves.iter().map(|wave| &wave.cohorts));
            let devices = frozen.chain(&rollout.joined).filter_map(|cohorts| cohorts.get(number)).sum();
            let of = |measure| sums.tally(measure, number, &Level::ALL);
            let criteria = || trial.experiment.criteria().enumerate();
            views.push(CohortView {
                number,
                name: variant.name.clone(),
                release: variant.release,
                title: release.map(|release| release.title()).unwrap_or_default(),
                share: variant.share,
                devices,
                exposed: of(Measure::Exposed).n,
                verified: of(Measure::Verified).n,
                failed: of(Measure::Failed).n,
                silent: of(Measure::Silent).n,
                values: criteria().map(|(n, _)| of(Measure::Criterion(n)).n).collect(),
                means: criteria().map(|(n, of_it)| mean_of(&of_it.metric, of(Measure::Criterion(n))).1).collect(),
            });
        }
        Ok(views)
    }
}
