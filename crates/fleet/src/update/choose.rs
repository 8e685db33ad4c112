//! What a device that asks is told about updates, at its poll or in a repository, from what is known of it and the rollouts in memory: nothing is read here.

use crate::rollout::Live;
use domain::{
    id::{DeviceId, ReleaseId},
    release::ArtifactKind,
    rollout::{ActionKind, ActionState, Member, Plan, Reason, RolloutState, eligible, fits_channel, trusted},
    time::Timestamp,
    version::version_key,
};
use std::sync::Arc;
use store::poll::{SeenAction, Updatable};

/// What a device's poll names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UpdateLink {
    /// What is to be installed.
    Deployment {
        /// The action.
        id: i64,
        /// Changes when the device should look again.
        tag: u32,
    },
    /// What is to be stopped.
    Cancel {
        /// The action.
        id: i64,
    },
}

/// What is done about a device's poll.
#[derive(Clone, Debug)]
pub(crate) enum Choice {
    /// It gets nothing.
    Nothing,
    /// It is told of this, and nothing has to be written.
    Link(UpdateLink),
    /// It says that it has installed; it is asked what runs.
    Ask,
    /// It lived through the soak: this action is verified.
    Verify(SeenAction),
    /// This action is to be stopped.
    Stop(SeenAction),
    /// It is offered something.
    Offer(Offer),
}

/// What a device is offered.
#[derive(Clone, Debug)]
pub(crate) struct Offer {
    pub(crate) live: Arc<Live>,
    pub(crate) kind: ActionKind,
    pub(crate) wave: usize,
    pub(crate) cohort: usize,
    pub(crate) attempt: u32,
    pub(crate) release: ReleaseId,
}

/// Where a device asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    /// It polls.
    Poll,
    /// It looks into the repository of a kind.
    Repository(ArtifactKind),
}

impl Way {
    /// Whether releases of a kind are offered there.
    fn brings(self, kind: ArtifactKind) -> bool {
        match self {
            Self::Poll => !kind.is_repository(),
            Self::Repository(own) => own == kind,
        }
    }
}

pub(crate) const fn member_of(id: DeviceId, updatable: &Updatable) -> Member {
    Member { number: updatable.number, id }
}

/// What is done about a device that asks.
pub(crate) fn choose(
    id: DeviceId,
    updatable: &Updatable,
    rollouts: &[Arc<Live>],
    outlived: Option<&Arc<Live>>,
    way: Way,
    now: Timestamp,
) -> Choice {
    if let Some(open) = updatable.actions.iter().find(|action| !action.state.is_closed()) {
        let live = rollouts.iter().find(|live| live.rollout.id == open.rollout).or(outlived);
        let choice = of_open(updatable, open, live.map(AsRef::as_ref), now);
        let is_repository = live.is_some_and(|live| is_from_repository(live, open.release));
        return match way {
            Way::Poll if is_repository => at_poll(choice),
            Way::Poll => choice,
            Way::Repository(kind) => {
                let is_own = live.is_some_and(|live| kind_of(live, open.release) == Some(kind));
                if is_own { choice } else { Choice::Nothing }
            }
        };
    }
    if trusted(&updatable.subject).is_err() {
        return Choice::Nothing;
    }
    let mut offers = rollouts.iter().filter_map(|live| offered_by(live, id, updatable, now).ok());
    let offer = offers.find(|offer| kind_of(&offer.live, offer.release).is_some_and(|kind| way.brings(kind)));
    offer.map_or(Choice::Nothing, Choice::Offer)
}

fn kind_of(live: &Live, release: ReleaseId) -> Option<ArtifactKind> {
    live.releases.get(&release).map(|release| release.kind)
}

/// Whether devices fetch what a rollout sends from a repository.
pub(crate) fn is_from_repository(live: &Live, release: ReleaseId) -> bool {
    kind_of(live, release).is_some_and(ArtifactKind::is_repository)
}

/// What a poll is answered while something is installed from a repository: it leads to no file, and only what the device says
/// that it runs tells how it goes.
fn at_poll(choice: Choice) -> Choice {
    match choice {
        Choice::Link(_) => Choice::Ask,
        other => other,
    }
}

/// What is done about an update that is under way.
fn of_open(updatable: &Updatable, open: &SeenAction, live: Option<&Live>, now: Timestamp) -> Choice {
    use ActionState as S;
    let Some(live) = live.filter(|_| trusted(&updatable.subject).is_ok()) else { return Choice::Nothing };
    let state = live.rollout.course.state;
    match open.state {
        S::Verifying if open.soak_until.is_some_and(|until| until <= now) => Choice::Verify(*open),
        S::Verifying => Choice::Nothing,
        S::Installed => Choice::Ask,
        S::Cancelling => Choice::Link(UpdateLink::Cancel { id: open.id }),
        _ if open.kind == ActionKind::Update && state == RolloutState::Aborted && !open.refused_to_stop => {
            Choice::Stop(*open)
        }
        S::Offered
            if open.kind == ActionKind::Update && matches!(state, RolloutState::Paused | RolloutState::Halted) =>
        {
            Choice::Nothing
        }
        S::Offered if !live.rollout.plan.windows.are_open(now, &updatable.subject.zone) => Choice::Nothing,
        _ => {
            let stage = live.releases.get(&open.release).map(|release| release.fits.stage.clone()).unwrap_or_default();
            let begun = open.state == S::Installing;
            // What is withdrawn nobody fetches any more; who installs it is let finish, and say so.
            if begun || fits_channel(&stage, &updatable.subject.channel) {
                Choice::Link(UpdateLink::Deployment { id: open.id, tag: open.attempt })
            } else {
                Choice::Nothing
            }
        }
    }
}

/// What a rollout offers a device now.
///
/// # Errors
/// Says why nothing.
pub(crate) fn offered_by(
    live: &Arc<Live>,
    id: DeviceId,
    updatable: &Updatable,
    now: Timestamp,
) -> Result<Offer, Reason> {
    let rollout = &live.rollout;
    let had: Vec<&SeenAction> = updatable.actions.iter().filter(|action| action.rollout == rollout.id).collect();
    if rollout.course.state == RolloutState::Aborted && rollout.reverting {
        return taken_back(live, id, updatable, &had, now);
    }
    let member = member_of(id, updatable);
    let membership = &live.membership;
    if !membership.is_target(member) {
        return Err(Reason::NotInTarget);
    }
    let wave = membership.wave_of(member).ok_or(Reason::InNoWave)?;
    let cohort = membership.cohort_of(id, wave);
    let Some(release) = rollout.plan.release_of(cohort) else {
        let cohorts = rollout.plan.cohorts.as_ref();
        let name = cohorts.and_then(|cohorts| cohorts.variants.get(cohort.checked_sub(1)?)).map(|v| v.name.clone());
        return Err(Reason::HoldOut(name.unwrap_or_default()));
    };
    let attempt = next_attempt(&had, now)?;
    if rollout.course.state != RolloutState::Running {
        return Err(Reason::State(rollout.course.state));
    }
    if !rollout.course.offers(wave) {
        let name = rollout.plan.waves.get(wave).map(|wave| wave.name.clone()).unwrap_or_default();
        return Err(Reason::WaveNotOpen { wave, name });
    }
    let found = live.releases.get(&release).ok_or_else(|| Reason::Release("Its release is gone.".to_owned()))?;
    eligible(&updatable.subject, &found.fits, &rollout.plan, now)?;
    if let Some(rate) = rollout.plan.rate_per_minute
        && live.is_full(crate::rollout::minute_of(now))
    {
        return Err(Reason::Rate(rate));
    }
    Ok(Offer { live: Arc::clone(live), kind: ActionKind::Update, wave, cohort, attempt, release })
}

/// Which try it would be.
fn next_attempt(had: &[&SeenAction], now: Timestamp) -> Result<u32, Reason> {
    let Some(last) = had.iter().find(|action| action.kind == ActionKind::Update) else { return Ok(0) };
    match (last.state, last.retry_at) {
        (ActionState::Retried, Some(at)) if at <= now => Ok(last.attempt + 1),
        (ActionState::Retried, Some(at)) => Err(Reason::Retry(at)),
        _ => Err(Reason::HadIt),
    }
}

/// Whether a device has what an aborted rollout brought, and is taken back.
fn taken_back(
    live: &Arc<Live>,
    id: DeviceId,
    updatable: &Updatable,
    had: &[&SeenAction],
    now: Timestamp,
) -> Result<Offer, Reason> {
    let rollout = &live.rollout;
    let Some(last) = had.iter().find(|action| action.kind == ActionKind::Update) else {
        return Err(Reason::State(rollout.course.state));
    };
    if had.iter().any(|action| action.kind == ActionKind::Revert) {
        return Err(Reason::HadIt);
    }
    let version = |id| live.releases.get(id).map(|release| version_key(&release.fits.version));
    let runs = version_key(&updatable.subject.firmware);
    let has_it = last.state == ActionState::Verified || version(&last.release).is_some_and(|brought| brought == runs);
    if !has_it {
        return Err(Reason::State(rollout.course.state));
    }
    let release = rollout.plan.revert_to.ok_or(Reason::State(rollout.course.state))?;
    let found = live.releases.get(&release).ok_or_else(|| Reason::Release("Its release is gone.".to_owned()))?;
    let plan = Plan { downgrades: true, ..rollout.plan.clone() };
    eligible(&updatable.subject, &found.fits, &plan, now)?;
    let wave = live.membership.wave_of(member_of(id, updatable)).unwrap_or_default();
    let cohort = live.membership.cohort_of(id, wave);
    Ok(Offer { live: Arc::clone(live), kind: ActionKind::Revert, wave, cohort, attempt: 0, release })
}
