//! Who is exposed to a rollout, and what comes of it: sums by which gates and experiments decide, moved in the transaction of the
//! offer, of the outcome and of the report.

use crate::{Deed, Result, rollout::Live};
use domain::{
    bucket::PARTS,
    device::Device,
    evidence::Tally,
    id::{DeviceId, ReleaseId, RolloutId},
    rollout::{Action, ActionKind, ActionState, Experiment, Metric, NO_COHORT, Plan, Subject, may_install},
    time::Timestamp,
    version::version_key,
};
use std::collections::BTreeMap;
use store::{
    evidence::{
        self, Delta, Measure, Moved,
        exposure::{self, Exposure},
    },
    update_action::{self, UpdateAction},
};

/// Whether anything of a rollout is decided by evidence.
pub(super) fn goes_by_evidence(plan: &Plan) -> bool {
    plan.experiment.is_some() || plan.waves.iter().any(|wave| wave.gate.evidence.is_some())
}

/// Whether every release that an experiment compares could be offered to a device, whatever its own cohort gets. Else the cohorts
/// would be of different devices: one has those that its release is made for, and the other those of another.
fn is_comparable(live: &Live, subject: &Subject) -> bool {
    let plan = &live.rollout.plan;
    let fits = |id: &ReleaseId| live.releases.get(id).map(|found| &found.fits);
    let can_get = |id: ReleaseId| fits(&id).is_some_and(|fits| may_install(subject, fits, plan.downgrades).is_ok());
    plan.compared().all(can_get)
}

/// A bit for each criterion that devices report.
fn reported(experiment: Option<&Experiment>) -> i64 {
    let criteria = experiment.into_iter().flat_map(Experiment::criteria).enumerate();
    criteria.filter(|(_, criterion)| criterion.metric.reported().is_some()).fold(0, |bits, (n, _)| bits | 1 << n)
}

/// Whether a device did not start with what it had installed, as far as its update's end tells.
fn boot_failed(action: &Action) -> bool {
    let was_installed = matches!(action.reached, ActionState::Installed | ActionState::Verifying);
    match action.state {
        ActionState::Reverted => true,
        ActionState::Failed | ActionState::Silent => was_installed,
        _ => false,
    }
}

/// What counts of an update as it stands.
fn counted(experiment: Option<&Experiment>, action: &Action) -> Vec<(Measure, Tally)> {
    let all = |so: bool| Tally::of(if so { PARTS } else { 0 });
    let outcome = match action.state {
        ActionState::Verified => Some(Measure::Verified),
        ActionState::Failed | ActionState::Reverted | ActionState::Retried => Some(Measure::Failed),
        ActionState::Silent => Some(Measure::Silent),
        _ => None,
    };
    let mut counted: Vec<_> = outcome.map(|measure| (measure, all(true))).into_iter().collect();
    if action.state.is_settled() {
        for (n, criterion) in experiment.into_iter().flat_map(Experiment::criteria).enumerate() {
            match criterion.metric {
                Metric::Verified => {
                    counted.push((Measure::Criterion(n), all(action.state == ActionState::Verified)));
                }
                Metric::BootFailed => counted.push((Measure::Criterion(n), all(boot_failed(action)))),
                Metric::Above { .. } | Metric::Value { .. } => {}
            }
        }
    }
    counted
}

/// What an outcome moves: what counted before is taken out, what counts now is put in.
fn moved_by(experiment: Option<&Experiment>, before: Option<&Action>, after: &Action) -> Vec<(Measure, Delta)> {
    let mut by: BTreeMap<Measure, Delta> = BTreeMap::new();
    let mut add = |measure, delta| {
        let sum = by.entry(measure).or_default();
        *sum = sum.with(delta);
    };
    for (measure, tally) in before.map(|before| counted(experiment, before)).unwrap_or_default() {
        add(measure, Delta::removing(tally));
    }
    for (measure, tally) in counted(experiment, after) {
        add(measure, Delta::adding(tally));
    }
    by.into_iter().filter(|(_, delta)| *delta != Delta::default()).collect()
}

/// What of a rollout is needed here: from memory, or read where it is gone from there.
async fn experiment_of(deed: &mut Deed<'_>, rollout: RolloutId) -> Result<(Option<Experiment>, bool)> {
    if let Some(live) = deed.fleet().inner.rollouts.one(rollout) {
        return Ok((live.rollout.plan.experiment.clone(), true));
    }
    let kept = store::rollout::within(&mut deed.tx, rollout).await?;
    Ok(kept.map_or((None, false), |kept| (kept.plan.experiment, kept.is_active)))
}

/// Whom a rollout concerns from now on.
pub(super) struct Concerned<'a> {
    pub(super) rollout: RolloutId,
    pub(super) plan: &'a Plan,
    pub(super) device: DeviceId,
    pub(super) wave: usize,
    pub(super) cohort: usize,
    pub(super) held_out: bool,
    pub(super) at: Timestamp,
}

/// Notes that a device is exposed, unless it was before; how, and whether that is new. The deed holds the device.
async fn noted(deed: &mut Deed<'_>, who: &Concerned<'_>) -> Result<Option<(Exposure, bool)>> {
    if let Some(known) = exposure::exposure_of(&mut deed.tx, who.rollout, who.device).await? {
        return Ok(Some((known, false)));
    }
    let fleet = deed.fleet();
    let traits = exposure::traits_of(&mut deed.tx, who.device).await?;
    let traits = fleet.inner.rollouts.levels.admit(&mut deed.tx, who.rollout, &traits).await?;
    let exposure = Exposure {
        rollout: who.rollout,
        device: who.device,
        cohort: who.cohort,
        wave: who.wave,
        at: who.at,
        traits,
        held_out: who.held_out,
        // Of whom nothing is compared nothing is waited for.
        awaited: if who.cohort == NO_COHORT { 0 } else { reported(who.plan.experiment.as_ref()) },
    };
    Ok(exposure::expose(&mut deed.tx, &exposure).await?.then_some((exposure, true)))
}

/// Notes that a device is exposed, and counts it once; whether it was new.
pub(super) async fn expose(deed: &mut Deed<'_>, number: u32, who: &Concerned<'_>) -> Result<bool> {
    let Some((exposure, true)) = noted(deed, who).await? else { return Ok(false) };
    let by = vec![(Measure::Exposed, Delta::adding(Tally::of(PARTS)))];
    let moved = Moved { rollout: who.rollout, cohort: exposure.cohort, traits: exposure.traits, by };
    evidence::add(&mut deed.tx, number, &[moved]).await?;
    Ok(true)
}

/// Whom an update concerns. To whom not every release of an experiment could be offered counts for no cohort, though it gets what its own
/// brings.
fn concerned<'a>(live: &'a Live, subject: &Subject, update: &UpdateAction, at: Timestamp) -> Concerned<'a> {
    let plan = &live.rollout.plan;
    let is_compared = plan.experiment.is_none() || is_comparable(live, subject);
    Concerned {
        rollout: update.rollout,
        plan,
        device: update.device,
        wave: update.wave,
        cohort: if is_compared { update.cohort } else { NO_COHORT },
        held_out: false,
        at,
    }
}

/// Notes that a device is offered a rollout, and takes out what counted of the try before. Whose user is asked first was told of nothing:
/// it is exposed once that one agrees ([`on_consent`]), or those who never do would count as if it came out well with them.
pub(super) async fn on_offer(
    deed: &mut Deed<'_>,
    (live, subject): (&Live, &Subject),
    new: &UpdateAction,
    before: Option<&UpdateAction>,
) -> Result<()> {
    let plan = &live.rollout.plan;
    if new.action.kind != ActionKind::Update || !goes_by_evidence(plan) {
        return Ok(());
    }
    let noted = if new.action.under_way().awaits_user() {
        exposure::exposure_of(&mut deed.tx, new.rollout, new.device).await?.map(|known| (known, false))
    } else {
        noted(deed, &concerned(live, subject, new, new.offered_at)).await?
    };
    let Some((exposure, is_new)) = noted else { return Ok(()) };
    let mut by = Vec::new();
    if is_new {
        by.push((Measure::Exposed, Delta::adding(Tally::of(PARTS))));
    } else {
        by.extend(moved_by(plan.experiment.as_ref(), before.map(|before| &before.action), &new.action));
    }
    let moved = Moved { rollout: new.rollout, cohort: exposure.cohort, traits: exposure.traits, by };
    Ok(evidence::add(&mut deed.tx, new.number, &[moved]).await?)
}

/// Notes that a device is exposed from now on, because its user agreed to what it is offered.
pub(super) async fn on_consent(
    deed: &mut Deed<'_>,
    (live, device): (&Live, &Device),
    agreed: &UpdateAction,
) -> Result<()> {
    if agreed.action.kind != ActionKind::Update || !goes_by_evidence(&live.rollout.plan) {
        return Ok(());
    }
    let (subject, now) = (subject_of(device, ""), deed.fleet().now());
    expose(deed, agreed.number, &concerned(live, &subject, agreed, now)).await.map(drop)
}

/// A device as it is in a transaction that holds it. Whether a window is open is decided by what it reported, and not here.
pub(super) fn subject_of(device: &Device, batch: &str) -> Subject {
    Subject {
        model: device.model_id,
        revision: device.hardware_revision.clone(),
        batch: batch.to_owned(),
        channel: device.channel.clone(),
        lifecycle: device.lifecycle,
        trust: device.trust,
        held: false,
        firmware: device.firmware.clone().unwrap_or_default(),
        zone: String::new(),
    }
}

/// What an update that goes on moves; none where nothing is summed of its rollout. To be written with all else that the deed moves.
pub(super) async fn on_move(deed: &mut Deed<'_>, kept: &UpdateAction, next: &Action) -> Result<Option<Moved>> {
    let counts = |state: ActionState| state.is_settled() || state == ActionState::Retried;
    let is_outcome = counts(kept.action.state) || counts(next.state);
    if kept.action.kind != ActionKind::Update || kept.action.state == next.state || !is_outcome {
        return Ok(None);
    }
    let Some(exposure) = exposure::exposure_of(&mut deed.tx, kept.rollout, kept.device).await? else {
        return Ok(None);
    };
    let (experiment, _) = experiment_of(deed, kept.rollout).await?;
    let by = moved_by(experiment.as_ref(), Some(&kept.action), next);
    Ok(Some(Moved { rollout: kept.rollout, cohort: exposure.cohort, traits: exposure.traits, by }))
}

/// Takes the values that a report brings: of each criterion one of each device, the first after it runs what it was sent, or after it
/// was held out. `moved` is what the deed moves beside that; all of it is written at once.
pub(crate) async fn on_measured(
    deed: &mut Deed<'_>,
    device: &Device,
    (firmware, metrics): (&str, &BTreeMap<String, f64>),
    mut moved: Vec<Moved>,
) -> Result<()> {
    if !metrics.is_empty() {
        for exposed in exposure::awaiting(&mut deed.tx, device.id).await? {
            let (experiment, is_active) = experiment_of(deed, exposed.rollout).await?;
            let Some(experiment) = experiment.filter(|_| is_active) else {
                // It is over: nothing is looked for any more.
                exposure::put_awaited(&mut deed.tx, exposed.rollout, device.id, 0).await?;
                continue;
            };
            if exposed.held_out || runs_what_it_was_sent(deed, &exposed, firmware).await? {
                moved.extend(taken(deed, &experiment, exposed, metrics).await?);
            }
        }
    }
    if moved.iter().any(|one| !one.by.is_empty()) {
        let number = update_action::number_of(&mut deed.tx, device.id).await?;
        evidence::add(&mut deed.tx, number, &moved).await?;
    }
    Ok(())
}

async fn runs_what_it_was_sent(deed: &mut Deed<'_>, exposed: &Exposure, firmware: &str) -> Result<bool> {
    let had = update_action::of_both(&mut deed.tx, exposed.rollout, exposed.device).await?;
    let last = had.iter().find(|had| had.action.kind == ActionKind::Update);
    let runs = |last: &UpdateAction| version_key(firmware) == version_key(&last.action.version);
    Ok(!firmware.is_empty() && last.is_some_and(runs))
}

async fn taken(
    deed: &mut Deed<'_>,
    experiment: &Experiment,
    exposed: Exposure,
    metrics: &BTreeMap<String, f64>,
) -> Result<Option<Moved>> {
    let (mut awaited, mut by) = (exposed.awaited, Vec::new());
    for (n, criterion) in experiment.criteria().enumerate() {
        let value = criterion.metric.reported().and_then(|name| metrics.get(name));
        if let Some(value) = value.filter(|_| awaited & (1 << n) != 0) {
            awaited &= !(1 << n);
            by.push((Measure::Criterion(n), Delta::adding(Tally::of(criterion.metric.scaled(*value)))));
        }
    }
    if by.is_empty() {
        return Ok(None);
    }
    exposure::put_awaited(&mut deed.tx, exposed.rollout, exposed.device, awaited).await?;
    Ok(Some(Moved { rollout: exposed.rollout, cohort: exposed.cohort, traits: exposed.traits, by }))
}
