//! The winner of an experiment, and the rollout that brings it to all of the target.

use super::decide::trial_of;
use crate::{
    Actor, Error, Fleet, Result,
    rollout::{changed, draft::enter_draft, held, hold::query_of, subject_of, submit::submit_within, write},
};
use domain::{
    evidence::Level,
    id::{ReleaseId, RolloutId},
    person::Permission,
    report::Mapping,
    rollout::{Better, Found, Frozen, NAME_MAX, Plan, Settled},
    version::version_key,
};
use serde_json::{Value, json};
use store::rollout::Rollout;
use uuid::Uuid;

/// What is written when the winner is rolled out.
const WINNER: &str = "winner";

/// The cohort whose release is the best for all: the variant that is better by most and by no guard worse, or the control if all
/// variants are worse; none before that is known, and none once sizes of cohorts are known to be off.
pub(super) fn winner(rollout: &Rollout) -> Option<usize> {
    let trial = trial_of(rollout).filter(|trial| !trial.was_off)?;
    let primary = |cohort: usize| {
        let of_it = |kept: &&Settled| kept.cohort == cohort && kept.criterion == 0 && kept.level.is_none();
        rollout.verdicts.iter().find(of_it)
    };
    let is_harmful = |cohort: usize| {
        let is_worse = |kept: &Settled| kept.cohort == cohort && kept.found == Found::Worse;
        trial.is_held(cohort, &Level::ALL) || rollout.verdicts.iter().any(is_worse)
    };
    let gain = |kept: &Settled| {
        let difference = kept.difference.unwrap_or_default().millionths();
        if trial.experiment.primary.better == Better::Lower { -difference } else { difference }
    };
    let better = trial.variants().filter(|cohort| !is_harmful(*cohort)).filter_map(primary);
    let best = better.filter(|kept| kept.found == Found::Better).max_by_key(|kept| gain(kept));
    // By a verdict: what is held back only to be safe, or at one revision, says nothing for all.
    let is_found_worse = |cohort: usize| {
        let of_all = |kept: &Settled| kept.cohort == cohort && kept.level.is_none() && kept.found == Found::Worse;
        rollout.verdicts.iter().any(of_all)
    };
    let all_worse = || trial.variants().all(is_found_worse);
    best.map(|kept| kept.cohort).or_else(|| all_worse().then(|| trial.control()))
}

/// The rollout that brings a winner to all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RolledOut {
    /// Its word in addresses.
    pub code: String,
    /// Whether it was made just now; it was there before where the same was asked for once more.
    pub is_new: bool,
}

/// The word in addresses of the rollout that brings the winner to all, if one was made.
pub(super) async fn rolled_out(db: &store::Db, rollout: &Rollout) -> Result<Option<String>> {
    let made = store::rollout::event::last(db, rollout.id, WINNER).await?;
    Ok(made.and_then(|detail| detail.get("rollout")?.as_str().map(str::to_owned)))
}

/// The rollout that was made before, where the same cohort's release is meant.
fn made_before(detail: &Value, cohort: Option<usize>) -> Result<RolledOut> {
    let code = detail.get("rollout").and_then(Value::as_str).unwrap_or_default().to_owned();
    let made_of = detail.get("cohort").and_then(Value::as_u64).and_then(|n| usize::try_from(n).ok());
    if cohort.zip(made_of).is_some_and(|(wanted, made)| wanted != made) {
        let name = detail.get("winner").and_then(Value::as_str).unwrap_or_default();
        return Err(Error::Conflict(format!("{name} was rolled out: see the rollout {code}.")));
    }
    Ok(RolledOut { code, is_new: false })
}

/// The target's query without those to whom the winner, or anything of the rollout, is not offered any more: whoever approves sees that.
fn target_without_held(known: &Rollout, cohort: usize) -> Result<String> {
    let mut target = known.plan.target.clone();
    for held in known.held_back.iter().filter(|held| held.cohort.is_none_or(|of| of == cohort)) {
        let Some(text) = query_of(&held.level).filter(|text| !text.is_empty()) else {
            let message = format!("It is held back from {}, which no query can leave out.", held.level.words());
            return Err(Error::Conflict(message));
        };
        target = format!("{target} -{text}").trim().to_owned();
    }
    Ok(target)
}

/// The cohort whose release is to come to all, and what people call it.
fn chosen(known: &Rollout, cohort: Option<usize>) -> Result<(usize, String)> {
    let trial = trial_of(known).ok_or_else(|| Error::not_found("experiment", &known.code))?;
    let missing = || Error::Conflict("Nothing has won this experiment yet.".to_owned());
    let cohort = cohort.or_else(|| winner(known)).ok_or_else(missing)?;
    let name = trial.name(cohort).to_owned();
    if trial.is_held(cohort, &Level::ALL) {
        return Err(Error::Conflict(format!("{name} is worse and held back: it can’t be rolled out.")));
    }
    Ok((cohort, name))
}

impl Fleet {
    /// Brings what won an experiment to all of its target: a rollout of that release to the same devices in the same waves, which a
    /// manager has to approve as any other. Devices keep their place, and who runs it already is left out. `cohort` is the number of
    /// the cohort whose release it is, where that is not the one that won; `seen` is the version of the experiment's rollout by which
    /// whoever decides has seen that. It is one deed: doing it again leads to the rollout that was made.
    ///
    /// # Errors
    /// When the actor may not, there is no such experiment, nothing has won, it was changed since it was seen, the cohort gets
    /// nothing, another cohort's release was rolled out, or what would be submitted is not in order.
    pub async fn roll_out_winner(
        &self,
        actor: &Actor,
        code: &str,
        cohort: Option<usize>,
        seen: Option<i64>,
    ) -> Result<RolledOut> {
        let subject = subject_of(code);
        self.authorise(actor, Permission::RolloutWrite, &subject).await?;
        let known = self.kept_rollout(code).await?;
        if let Some(detail) = store::rollout::event::last(self.db(), known.id, WINNER).await? {
            return made_before(&detail, cohort);
        }
        if seen.is_some_and(|seen| seen != known.version) {
            return Err(changed());
        }
        let (number, name) = chosen(&known, cohort)?;
        let id = RolloutId(Uuid::now_v7());
        let plan = self.checked_plan(self.plan_for_all(&known, number, &name).await?, id).await?;
        // Read before the deed begins: a deed holds the one writer.
        let ready = self.ready(&plan).await?;
        let mut deed = self.allow(actor, Permission::RolloutWrite, &subject).await?;
        let mut rollout = held(&mut deed, known.id, &known.code).await?;
        if let Some(detail) = store::rollout::event::last_within(&mut deed.tx, known.id, WINNER).await? {
            return made_before(&detail, cohort);
        }
        if rollout.version != known.version {
            return Err(changed());
        }
        let mut made = enter_draft(&mut deed, id, plan).await?;
        let (_, submitted) = submit_within(&mut deed, &mut made, ready).await?;
        let (created, made_subject) = (json!({"plan": made.plan}), subject_of(&made.code));
        let detail = json!({"rollout": made.code, "winner": name, "cohort": number});
        let words = format!("{name} is to come to all devices of the target, by the rollout {}", made.code);
        write(&mut deed, &mut rollout, (WINNER, words, detail.clone())).await?;
        deed.commit_all(&[
            ("rollout.create", &made_subject, &created),
            ("rollout.submit", &made_subject, &submitted),
            ("rollout.winner", &subject, &detail),
        ])
        .await?;
        self.rollout_committed().await;
        Ok(RolledOut { code: made.code, is_new: true })
    }

    /// The plan that brings the release of a cohort to all of the target.
    async fn plan_for_all(&self, known: &Rollout, cohort: usize, name: &str) -> Result<Plan> {
        let release = known.plan.release_of(cohort).filter(|_| cohort > 0 && !name.is_empty());
        let release =
            release.ok_or_else(|| Error::field("cohort", "This cohort gets nothing that could be rolled out."))?;
        let suffix = format!(": {name} for all");
        let room = NAME_MAX.saturating_sub(suffix.chars().count());
        let mut plan = Plan {
            target: target_without_held(known, cohort)?,
            name: known.plan.name.chars().take(room).chain(suffix.chars()).collect(),
            release,
            cohorts: None,
            experiment: None,
            start_at: None,
            ..known.plan.clone()
        };
        plan.downgrades |= self.is_older_than_another(&known.plan, release).await?;
        Ok(plan)
    }

    /// Whether devices of another cohort run something newer by the experiment: these are to have the winner, too.
    async fn is_older_than_another(&self, plan: &Plan, winner: ReleaseId) -> Result<bool> {
        let Some(winner) = self.deliverable(winner).await? else { return Ok(false) };
        for release in plan.sent() {
            let other = self.deliverable(release).await?;
            if other.is_some_and(|other| version_key(&other.fits.version) > version_key(&winner.fits.version)) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// What is odd about an experiment's plan, in sentences: that nothing which devices report is called what it is to be measured by.
    pub(super) async fn experiment_warnings(&self, plan: &Plan) -> Result<Vec<String>> {
        let Some(experiment) = &plan.experiment else { return Ok(Vec::new()) };
        let mut mappings: Vec<Mapping> = Vec::new();
        for release in plan.sent() {
            for model in self.deliverable(release).await?.map(|found| found.fits.models).unwrap_or_default() {
                mappings.push(self.rules_of(model).await?.mapping.clone());
            }
        }
        let is_known = |name: &str| mappings.iter().any(|mapping| mapping.measures(name));
        let names = experiment.criteria().filter_map(|criterion| criterion.metric.reported());
        let unknown = names.filter(|name| !mappings.is_empty() && !is_known(name));
        let sentence =
            |name| format!("No model that this is for reports a measurement called {name}: see its mapping.");
        Ok(unknown.map(sentence).collect())
    }

    /// What of an experiment is not possible with the devices that were frozen.
    pub(in crate::rollout) fn planned_too_many(plan: &Plan, frozen: &Frozen) -> Option<String> {
        let experiment = plan.experiment.as_ref()?;
        let compared: u64 = frozen.waves.iter().flat_map(|wave| wave.cohorts.iter().skip(1)).sum();
        let wanted = experiment.planned;
        (wanted > compared).then(|| format!("The cohorts have {compared} devices together: {wanted} can’t be reached."))
    }
}
