//! What is shown of rollouts. Counts come from what is kept, never from looking at devices.

use super::{hold::held_in, steward::decide_wave};
use crate::{Actor, Fleet, Result, approval::ApprovalRow};
use domain::{
    id::{ApprovalId, RolloutId},
    person::Permission,
    rollout::{ActionKind, ActionState, Decision, Evidence, Foreseen, Frozen, HeldBack, Plan, RolloutState},
    time::Timestamp,
};
use serde::Serialize;
use store::{
    rollout::{Rollout, count, count::FailureCluster, course, course::CoursePoint, event::RolloutEvent},
    update_action::{UpdateAction, feedback::Said},
};

/// How many rollouts and devices a page has at most, how many events and kinds of failure are shown.
const PAGE: i64 = 200;
const EVENTS: i64 = 500;
const FAILURES: i64 = 50;
const SAID: i64 = 50;

/// A rollout in a list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RolloutRow {
    /// Its id.
    pub id: RolloutId,
    /// Its word in addresses.
    pub code: String,
    /// Its name.
    pub name: String,
    /// What it brings: `gateway-os 2.4.1`.
    pub release: String,
    /// How far it is.
    pub state: RolloutState,
    /// The wave that was opened last, from 0.
    pub wave: Option<usize>,
    /// How many waves it has.
    pub waves: usize,
    /// How many devices its target has; none before it was submitted.
    pub devices: Option<u64>,
    /// What is known of all waves together.
    pub evidence: Evidence,
    /// How many devices are held back that would get anything: of them nothing is in the evidence.
    pub devices_held_back: u64,
    /// Who made it.
    pub created_by: String,
    /// When anything of it was last changed.
    pub updated_at: Timestamp,
    /// Why it stands as it does; may be empty.
    pub reason: String,
}

/// A page of rollouts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RolloutPage {
    /// The rollouts, newest first.
    pub rows: Vec<RolloutRow>,
    /// Before which the next page begins, if there is one.
    pub next: Option<RolloutId>,
}

/// How many devices of a wave and a cohort are how far.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct StateCount {
    /// What their actions are for.
    pub kind: ActionKind,
    /// Their cohort; 0 for none.
    pub cohort: usize,
    /// How far they are.
    pub state: ActionState,
    /// How many.
    pub n: u64,
}

/// A wave with what is known of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct WaveView {
    /// How many devices are in it.
    pub devices: u64,
    /// How many of them are in which cohort; the first of them in none.
    pub cohorts: Vec<u64>,
    /// Whether it was opened.
    pub is_open: bool,
    /// How many devices are how far.
    pub counts: Vec<StateCount>,
    /// What its gate knows.
    pub evidence: Evidence,
    /// How many of its devices are held back that would get anything: of them its gate knows nothing.
    pub devices_held_back: u64,
    /// What of that somebody let go on in spite of, without silent devices that came back since: by evidence these are among the verified.
    pub accepted: Evidence,
    /// Whether a person may open the next one now.
    pub is_ready: bool,
    /// Whether only a manager may let it go on, and nothing else is waited for.
    pub waits_for_manager: bool,
    /// What it waits for, in words.
    pub missing: Vec<String>,
    /// Why its gate stops it.
    pub halted: Option<String>,
}

impl WaveView {
    /// How many devices have it, with those that are held back, whom the evidence leaves out: of them it was foreseen, too.
    #[must_use]
    pub fn have_it(&self) -> u64 {
        self.updates(|state| state == ActionState::Verified)
    }

    /// How many devices were told, with those that are held back.
    #[must_use]
    pub fn told(&self) -> u64 {
        self.updates(|state| !matches!(state, ActionState::Cancelled | ActionState::WaitsForConfirmation))
    }

    fn updates(&self, counts: impl Fn(ActionState) -> bool) -> u64 {
        let updates = self.counts.iter().filter(|count| count.kind == ActionKind::Update && counts(count.state));
        updates.map(|count| count.n).sum()
    }
}

/// A rollout with everything that a page shows of it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct RolloutDetail {
    /// It, as in a list.
    #[serde(flatten)]
    pub row: RolloutRow,
    /// What it is to do.
    pub plan: Plan,
    /// What was frozen of that.
    pub frozen: Option<Frozen>,
    /// The hash of both.
    pub hash: String,
    /// Its waves.
    pub wave_views: Vec<WaveView>,
    /// What was foreseen of it when it was submitted.
    pub foreseen: Option<Foreseen>,
    /// Whether what is kept of that is not what was submitted: nobody can approve it then.
    pub is_forecast_altered: bool,
    /// How it went so far, in the order of time.
    pub went: Vec<CoursePoint>,
    /// Failures that are alike, most first.
    pub failures: Vec<FailureCluster>,
    /// What was done with it, newest first.
    pub events: Vec<RolloutEvent>,
    /// The approval that was asked for last.
    pub approval: Option<ApprovalRow>,
    /// Who approved it; empty before.
    pub approved_by: String,
    /// When it was started, and when it ended.
    pub started_at: Option<Timestamp>,
    /// When it ended.
    pub ended_at: Option<Timestamp>,
    /// Whether devices are taken back.
    pub reverting: bool,
    /// Whether letting it go on would be in spite of a gate, which takes a manager and a reason.
    pub goes_on_in_spite: bool,
    /// Devices that it goes on without.
    pub held_back: Vec<HeldBack>,
    /// What harmed devices have in common, in sentences, where its gates go by evidence.
    pub blamed: Vec<String>,
    /// Grows with every change: to be sent back with an edit.
    pub version: i64,
}

/// How a device came out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct DeviceOutcome {
    /// By what the device knows it.
    pub action: i64,
    /// The device.
    pub serial: String,
    /// Its hardware revision.
    pub revision: String,
    /// What it is for.
    pub kind: ActionKind,
    /// Its wave, from 0.
    pub wave: usize,
    /// Its cohort; 0 for none.
    pub cohort: usize,
    /// What it brings, and what ran before.
    pub version: String,
    /// What ran before; may be empty.
    pub from: String,
    /// Which try it is, from 0.
    pub attempt: u32,
    /// How far it is.
    pub state: ActionState,
    /// When it was told of it.
    pub offered_at: Timestamp,
    /// When it got as far as it is.
    pub changed_at: Timestamp,
    /// Why it failed, or what its user said who denied it; may be empty.
    pub reason: String,
    /// Whether its user was asked and denied it.
    pub denied: bool,
}

/// A page of devices.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct DeviceOutcomes {
    /// The devices, in the order in which they were told.
    pub rows: Vec<DeviceOutcome>,
    /// After which the next page begins, if there is one.
    pub next: Option<i64>,
}

fn outcome((found, serial): (UpdateAction, String)) -> DeviceOutcome {
    DeviceOutcome {
        denied: found.action.is_denied(),
        action: found.id,
        serial,
        revision: found.revision,
        kind: found.action.kind,
        wave: found.wave,
        cohort: found.cohort,
        version: found.action.version,
        from: found.action.from,
        attempt: found.action.attempt,
        state: found.action.state,
        offered_at: found.offered_at,
        changed_at: found.action.changed_at,
        reason: found.action.reason,
    }
}

impl Fleet {
    /// A page of rollouts, newest first, only those in a state when one is given.
    ///
    /// # Errors
    /// When the actor may not see the fleet.
    pub async fn rollouts(
        &self,
        actor: &Actor,
        state: Option<RolloutState>,
        before: Option<RolloutId>,
        limit: i64,
    ) -> Result<RolloutPage> {
        actor.require(Permission::FleetRead)?;
        let limit = limit.clamp(1, PAGE);
        let mut found = store::rollout::page(self.db(), state, before, limit + 1).await?;
        let more = i64::try_from(found.len()).unwrap_or(0) > limit;
        found.truncate(usize::try_from(limit).unwrap_or_default());
        let next = found.last().map(|rollout| rollout.id).filter(|_| more);
        let mut rows = Vec::with_capacity(found.len());
        for rollout in &found {
            let evidence = self.evidence_of(rollout).await?;
            rows.push(self.row(rollout, &evidence).await?);
        }
        Ok(RolloutPage { rows, next })
    }

    async fn row(&self, rollout: &Rollout, evidence: &[Evidence]) -> Result<RolloutRow> {
        let sum = evidence.iter().fold(Evidence::default(), |sum, wave| Evidence {
            total: sum.total + wave.total,
            joined: sum.joined + wave.joined,
            under_way: sum.under_way + wave.under_way,
            retried: sum.retried + wave.retried,
            verified: sum.verified + wave.verified,
            failed: sum.failed + wave.failed,
            silent: sum.silent + wave.silent,
            returned: sum.returned + wave.returned,
        });
        let release = self.deliverable(rollout.plan.release).await?;
        Ok(RolloutRow {
            id: rollout.id,
            code: rollout.code.clone(),
            name: rollout.plan.name.clone(),
            release: release.map(|release| release.title).unwrap_or_default(),
            state: rollout.course.state,
            wave: rollout.course.wave,
            waves: rollout.course.waves,
            devices: rollout.frozen.as_ref().map(|frozen| frozen.count),
            evidence: sum,
            devices_held_back: (0..rollout.course.waves).map(|wave| held_in(rollout, wave)).sum(),
            created_by: rollout.created_by.clone(),
            updated_at: rollout.updated_at,
            reason: rollout.reason.clone(),
        })
    }

    /// A rollout with everything that a page shows of it.
    ///
    /// # Errors
    /// When the actor may not see the fleet, or there is no such rollout.
    pub async fn rollout(&self, actor: &Actor, code: &str) -> Result<RolloutDetail> {
        actor.require(Permission::FleetRead)?;
        let rollout = self.as_accepted(self.kept_rollout(code).await?).await?;
        let (db, id) = (self.db(), rollout.id);
        let (counts, failures, events, went) = tokio::try_join!(
            count::of(db, id),
            count::failures(db, id, FAILURES),
            store::rollout::event::of(db, id, EVENTS),
            course::of(db, id),
        )?;
        let forecast = self.forecast_of(id, rollout.frozen.as_ref()).await?;
        let evidence = self.evidence_by(&rollout, &counts).await?;
        let blamed = self.blamed(&rollout, &evidence).await?;
        let wave_views =
            (0..rollout.course.waves).map(|wave| self.wave_view(&rollout, &evidence, &counts, wave)).collect();
        let approval = match rollout.approval_id {
            Some(id) => store::approval::by_id(db, id).await?.map(|approval| (&approval).into()),
            None => None,
        };
        Ok(RolloutDetail {
            row: self.row(&rollout, &evidence).await?,
            goes_on_in_spite: self.speaks_against(&rollout, &evidence),
            hash: rollout.course.hash.clone(),
            wave_views,
            is_forecast_altered: forecast.is_altered(),
            foreseen: forecast.foreseen(),
            went,
            failures,
            events,
            approval,
            approved_by: rollout.approved_by,
            started_at: rollout.started_at,
            ended_at: rollout.ended_at,
            reverting: rollout.reverting,
            held_back: rollout.held_back,
            blamed,
            version: rollout.version,
            plan: rollout.plan,
            frozen: rollout.frozen,
        })
    }

    fn wave_view(
        &self,
        rollout: &Rollout,
        evidence: &[Evidence],
        all: &[count::RolloutCount],
        wave: usize,
    ) -> WaveView {
        let frozen = rollout.frozen.as_ref().and_then(|frozen| frozen.waves.get(wave));
        let joined: u64 = rollout.joined.get(wave).into_iter().flatten().sum();
        let is_open = rollout.course.wave.is_some_and(|open| wave <= open);
        let counts = all.iter().filter(|count| count.wave == wave);
        let count = |count: &count::RolloutCount| StateCount {
            kind: count.kind,
            cohort: count.cohort,
            state: count.state,
            n: count.n,
        };
        let (accepted, gate) = (rollout.accepted.get(wave), rollout.plan.waves.get(wave).map(|wave| &wave.gate));
        let decision = decide_wave(rollout, evidence, wave, self.now()).filter(|_| is_open);
        // Those before were let through: only their harm counts on.
        let staying = decision.as_ref().filter(|_| rollout.course.wave == Some(wave));
        WaveView {
            devices: frozen.map_or(0, |wave| wave.count) + joined,
            cohorts: frozen.map(|wave| wave.cohorts.clone()).unwrap_or_default(),
            is_open,
            counts: counts.map(count).collect(),
            evidence: evidence.get(wave).copied().unwrap_or_default(),
            devices_held_back: held_in(rollout, wave),
            accepted: accepted.zip(gate).map(|(accepted, gate)| accepted.by(gate)).unwrap_or_default(),
            is_ready: staying.is_some_and(Decision::is_ready),
            waits_for_manager: staying.is_some_and(Decision::waits_for_manager),
            missing: match staying {
                Some(Decision::Stay(missing)) => missing.iter().map(domain::rollout::Missing::words).collect(),
                _ => Vec::new(),
            },
            halted: match decision {
                Some(Decision::Halt(why)) => Some(why),
                _ => None,
            },
        }
    }

    /// A page of the devices that were told of a rollout, only those in a state when one is given.
    ///
    /// # Errors
    /// When the actor may not see the fleet, or there is no such rollout.
    pub async fn rollout_devices(
        &self,
        actor: &Actor,
        code: &str,
        state: Option<ActionState>,
        after: i64,
        limit: i64,
    ) -> Result<DeviceOutcomes> {
        actor.require(Permission::FleetRead)?;
        let rollout = self.kept_rollout(code).await?;
        let limit = limit.clamp(1, PAGE);
        let mut found = store::update_action::of_rollout(self.db(), rollout.id, state, after, limit + 1).await?;
        let more = i64::try_from(found.len()).unwrap_or(0) > limit;
        found.truncate(usize::try_from(limit).unwrap_or_default());
        let next = found.last().map(|(action, _)| action.id).filter(|_| more);
        Ok(DeviceOutcomes { rows: found.into_iter().map(outcome).collect(), next })
    }

    /// What a device said of an update, the last first.
    ///
    /// # Errors
    /// When the actor may not see the fleet.
    pub async fn update_said(&self, actor: &Actor, action: i64) -> Result<Vec<Said>> {
        actor.require(Permission::FleetRead)?;
        Ok(store::update_action::feedback::of(self.db(), action, SAID).await?)
    }

    /// What waits for a manager of a rollout.
    ///
    /// # Errors
    /// When the actor may not see the fleet, or there is no such rollout.
    pub async fn rollout_approval(&self, actor: &Actor, code: &str) -> Result<Option<ApprovalId>> {
        actor.require(Permission::FleetRead)?;
        Ok(self.kept_rollout(code).await?.approval_id)
    }
}
