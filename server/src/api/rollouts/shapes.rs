//! Rollouts as the API shows them.

use super::forecast::{CoursePointShape, ForecastShape};
use domain::rollout::{ActionKind, ActionState, Evidence, FrozenWave, HeldBack, NO_COHORT, Plan, Wave};
use fleet::rollout::{Design, DeviceOutcome, RolloutDetail, RolloutRow, WaveView};
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

/// What is known of how devices came out.
#[derive(Debug, Serialize, ToSchema)]
pub struct OutcomesShape {
    /// How many devices get anything.
    total: u64,
    /// How many were told of it and have no outcome yet.
    under_way: u64,
    /// How many of these failed and are to be tried again.
    retried: u64,
    /// How many reported the version themselves and lived with it.
    verified: u64,
    /// How many failed or went back by themselves.
    failed: u64,
    /// How many were not heard from in time.
    silent: u64,
}

impl From<Evidence> for OutcomesShape {
    fn from(evidence: Evidence) -> Self {
        let Evidence { total, joined: _, under_way, retried, verified, failed, silent, returned: _ } = evidence;
        Self { total, under_way, retried, verified, failed, silent }
    }
}

/// A rollout.
#[derive(Debug, Serialize, ToSchema)]
pub struct RolloutShape {
    /// Its word in addresses.
    #[schema(example = "gateways-to-2-4-1")]
    code: String,
    /// Its name.
    name: String,
    /// What it brings.
    #[schema(example = "gateway-os 2.4.1")]
    release: String,
    /// `draft`, `submitted`, `approved`, `running`, `paused`, `halted`, `completed` or `aborted`.
    state: String,
    /// The wave that was opened last, from 0.
    wave: Option<usize>,
    /// How many waves it has.
    waves: usize,
    /// How many devices its target has; none before it was submitted.
    devices: Option<u64>,
    /// What is known of all waves together.
    outcomes: OutcomesShape,
    /// How many devices are held back that would get anything; `outcomes` leaves them out.
    devices_held_back: u64,
    /// Who made it.
    created_by: String,
    /// When anything of it was last changed.
    #[schema(format = DateTime)]
    updated_at: String,
    /// Why it stands as it does; may be empty.
    reason: String,
}

impl From<&RolloutRow> for RolloutShape {
    fn from(row: &RolloutRow) -> Self {
        Self {
            code: row.code.clone(),
            name: row.name.clone(),
            release: row.release.clone(),
            state: row.state.to_string(),
            wave: row.wave,
            waves: row.waves,
            devices: row.devices,
            outcomes: row.evidence.into(),
            devices_held_back: row.devices_held_back,
            created_by: row.created_by.clone(),
            updated_at: row.updated_at.rfc3339(),
            reason: row.reason.clone(),
        }
    }
}

/// A wave with what is known of it.
#[derive(Debug, Serialize, ToSchema)]
pub struct WaveShape {
    /// How many devices are in it.
    devices: u64,
    /// Whether it was opened.
    open: bool,
    /// What its gate knows.
    outcomes: OutcomesShape,
    /// How many of its devices are held back that would get anything; `outcomes` leaves them out.
    devices_held_back: u64,
    /// Of how many devices the user is asked and has not agreed: no gate counts them.
    waiting: u64,
    /// Whether the next one may be opened by hand now.
    ready: bool,
    /// What its gate waits for, in words.
    missing: Vec<String>,
    /// Why its gate stops it.
    halted: Option<String>,
}

impl From<&WaveView> for WaveShape {
    fn from(wave: &WaveView) -> Self {
        Self {
            devices: wave.devices,
            open: wave.is_open,
            outcomes: wave.evidence.into(),
            devices_held_back: wave.devices_held_back,
            waiting: waiting_of(wave),
            ready: wave.is_ready,
            missing: wave.missing.clone(),
            halted: wave.halted.clone(),
        }
    }
}

fn waiting_of(wave: &WaveView) -> u64 {
    let waits = wave.counts.iter().filter(|count| count.state == ActionState::WaitsForConfirmation);
    waits.map(|count| count.n).sum()
}

/// Devices that a rollout goes on without.
#[derive(Debug, Serialize, ToSchema)]
pub struct HeldBackShape {
    /// What they have in common: `revision`, `batch`, or `all`.
    factor: String,
    /// What it is with them; empty for all.
    level: String,
    /// Of this cohort only; none for all of them.
    cohort: Option<usize>,
    /// How many they are, those among them that would get nothing for comparison.
    devices: u64,
    /// Why.
    why: String,
    /// Since when.
    #[schema(format = DateTime)]
    at: String,
}

impl From<&HeldBack> for HeldBackShape {
    fn from(held: &HeldBack) -> Self {
        Self {
            factor: held.level.factor.to_string(),
            level: held.level.level.clone(),
            cohort: held.cohort,
            devices: held.devices.iter().flatten().sum(),
            why: held.why.clone(),
            at: held.at.rfc3339(),
        }
    }
}

/// A rollout with its plan and its waves.
#[derive(Debug, Serialize, ToSchema)]
pub struct RolloutDetailShape {
    #[serde(flatten)]
    #[schema(inline)]
    rollout: RolloutShape,
    /// What it is to do.
    #[schema(value_type = Object)]
    plan: Value,
    /// The hash that an approval is bound to; empty before it was submitted.
    hash: String,
    /// Its waves, in order.
    wave_views: Vec<WaveShape>,
    /// Devices that it goes on without.
    held_back: Vec<HeldBackShape>,
    /// What was foreseen of it when it was submitted, and approved with it; none before.
    forecast: Option<ForecastShape>,
    /// Whether what is kept of that is not what was submitted: it was altered in the database, and is not told.
    is_forecast_altered: bool,
    /// How it went so far, a point every so often.
    course: Vec<CoursePointShape>,
    /// The approval that was asked for, by its id.
    approval: Option<String>,
    /// Who approved it; empty before.
    approved_by: String,
    /// Grows with every change: to be sent back with what is decided from it.
    version: i64,
}

impl From<RolloutDetail> for RolloutDetailShape {
    fn from(detail: RolloutDetail) -> Self {
        Self {
            rollout: (&detail.row).into(),
            // A plan is always JSON.
            plan: serde_json::to_value(&detail.plan).unwrap_or_default(),
            hash: detail.hash,
            wave_views: detail.wave_views.iter().map(Into::into).collect(),
            held_back: detail.held_back.iter().map(Into::into).collect(),
            forecast: detail.foreseen.as_ref().map(Into::into),
            is_forecast_altered: detail.is_forecast_altered,
            course: detail.went.iter().map(Into::into).collect(),
            approval: detail.approval.map(|approval| approval.id.to_string()),
            approved_by: detail.approved_by,
            version: detail.version,
        }
    }
}

/// A page of rollouts.
#[derive(Debug, Serialize, ToSchema)]
pub struct RolloutsShape {
    /// The rollouts, the newest first.
    pub items: Vec<RolloutShape>,
    /// The cursor of the next page, if there is one.
    pub next: Option<String>,
}

/// How a device came out.
#[derive(Debug, Serialize, ToSchema)]
pub struct DeviceOutcomeShape {
    /// By what the device knows it.
    action: i64,
    /// The device's serial.
    device: String,
    /// Its hardware revision.
    revision: String,
    /// `update`, or `revert` where it is taken back.
    kind: String,
    /// Its wave, from 0.
    wave: usize,
    /// Its cohort; 0 for none.
    cohort: usize,
    /// What it is brought.
    version: String,
    /// What ran before; may be empty.
    from: String,
    /// Which try it is, from 0.
    attempt: u32,
    /// How far it is: `offered`, `downloading`, `installing`, `installed`, `verifying`, `verified`, `failed`, `silent`, …; `wait_for_confirmation` while its user is asked.
    state: String,
    /// When it was told of it.
    #[schema(format = DateTime)]
    offered_at: String,
    /// When it got as far as it is.
    #[schema(format = DateTime)]
    changed_at: String,
    /// Why it failed, or what its user said who denied it; may be empty.
    reason: String,
    /// Whether its user was asked and denied it.
    denied: bool,
}

impl From<&DeviceOutcome> for DeviceOutcomeShape {
    fn from(outcome: &DeviceOutcome) -> Self {
        Self {
            action: outcome.action,
            device: outcome.serial.clone(),
            revision: outcome.revision.clone(),
            kind: outcome.kind.to_string(),
            wave: outcome.wave,
            cohort: outcome.cohort,
            version: outcome.version.clone(),
            from: outcome.from.clone(),
            attempt: outcome.attempt,
            state: outcome.state.to_string(),
            offered_at: outcome.offered_at.rfc3339(),
            changed_at: outcome.changed_at.rfc3339(),
            reason: outcome.reason.clone(),
            denied: outcome.denied,
        }
    }
}

/// A page of devices.
#[derive(Debug, Serialize, ToSchema)]
pub struct DeviceOutcomesShape {
    /// The devices, in the order in which they were told.
    pub items: Vec<DeviceOutcomeShape>,
    /// The cursor of the next page, if there is one.
    pub next: Option<String>,
}

/// Devices that were given the same, or nothing.
#[derive(Debug, Serialize, ToSchema)]
pub struct CohortShape {
    /// Its number; 0 for devices in waves that are not split.
    cohort: usize,
    /// Its name; empty for 0.
    name: String,
    /// The id of the release that it gets; none for those who are held out.
    release: Option<String>,
    /// How many devices were in it when the target was frozen.
    devices: u64,
    /// How they came out; `total` is how many of them get anything.
    outcomes: OutcomesShape,
}

/// The cohorts of a rollout.
#[derive(Debug, Serialize, ToSchema)]
pub struct CohortsShape {
    /// The cohorts, by number.
    items: Vec<CohortShape>,
}

impl From<&RolloutDetail> for CohortsShape {
    fn from(detail: &RolloutDetail) -> Self {
        let variants = detail.plan.cohorts.as_ref().map(|cohorts| cohorts.variants.as_slice()).unwrap_or_default();
        let cohort = |cohort: usize| {
            let variant = cohort.checked_sub(NO_COHORT + 1).and_then(|n| variants.get(n));
            CohortShape {
                cohort,
                name: variant.map(|variant| variant.name.clone()).unwrap_or_default(),
                release: detail.plan.release_of(cohort).map(|release| release.to_string()),
                devices: devices_of(&detail.wave_views, cohort),
                outcomes: outcomes_of(&detail.wave_views, &detail.plan, cohort).into(),
            }
        };
        Self { items: (NO_COHORT..=variants.len()).map(cohort).collect() }
    }
}

fn devices_of(waves: &[WaveView], cohort: usize) -> u64 {
    waves.iter().filter_map(|wave| wave.cohorts.get(cohort)).sum()
}

/// The outcomes of a cohort's devices, counted as gates count them.
fn outcomes_of(waves: &[WaveView], plan: &Plan, cohort: usize) -> Evidence {
    let total = if plan.release_of(cohort).is_some() { devices_of(waves, cohort) } else { 0 };
    let counts = waves.iter().flat_map(|wave| &wave.counts);
    let of_cohort = counts.filter(|count| count.cohort == cohort && count.kind == ActionKind::Update);
    of_cohort.fold(Evidence { total, ..Evidence::default() }, |mut outcomes, count| {
        match count.state {
            ActionState::Verified => outcomes.verified += count.n,
            ActionState::Failed | ActionState::Reverted => outcomes.failed += count.n,
            ActionState::Silent => outcomes.silent += count.n,
            ActionState::Cancelled | ActionState::WaitsForConfirmation => {}
            _ => outcomes.under_way += count.n,
        }
        outcomes
    })
}

/// A wave as it would be frozen now.
#[derive(Debug, Serialize, ToSchema)]
pub struct PreviewWaveShape {
    /// Its name.
    name: String,
    /// How many devices would be in it.
    devices: u64,
    /// How many of them in which cohort, those in none first.
    cohorts: Vec<u64>,
}

/// Who a plan is for at this moment.
#[derive(Debug, Serialize, ToSchema)]
pub struct PlanPreviewShape {
    /// How many devices its target has.
    devices: u64,
    /// Its waves, in order.
    waves: Vec<PreviewWaveShape>,
    /// What is to be expected of it.
    forecast: ForecastShape,
}

impl PlanPreviewShape {
    /// What was computed of a plan.
    pub fn of(plan: &Plan, design: &Design) -> Self {
        let frozen = &design.frozen;
        let wave = |(wave, frozen): (&Wave, &FrozenWave)| PreviewWaveShape {
            name: wave.name.clone(),
            devices: frozen.count,
            cohorts: frozen.cohorts.clone(),
        };
        let waves = plan.waves.iter().zip(&frozen.waves).map(wave).collect();
        Self { devices: frozen.count, waves, forecast: (&design.foreseen).into() }
    }
}
