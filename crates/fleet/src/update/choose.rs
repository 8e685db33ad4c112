//! What a device's poll is answered about updates, from what is known of it and the rollouts in memory: nothing is read here.

use crate::rollout::{Live, is_held_back};
use domain::{
    id::{DeviceId, ReleaseId},
    release::ArtifactKind,
    rollout::{
        ActionKind, ActionState, Answer, Around, Member, Reason, RolloutState, answer, eligible, fits_channel,
        may_install, trusted,
    },
    time::Timestamp,
    version::version_key,
};
use std::sync::Arc;
use store::poll::{SeenAction, Updatable};

/// What a device's poll names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UpdateLink {
    /// What its user is asked to agree to.
    Confirmation {
        /// The action.
        id: i64,
        /// Changes when the device should look again.
        tag: u32,
    },
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
    /// Nothing can come of this offer, or something else comes first: it is taken back.
    TakeBack(SeenAction),
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
    /// The code of the device's batch.
    pub(crate) batch: String,
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

/// What is done about the poll of a device.
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
        let Some(live) = live.filter(|_| trusted(&updatable.subject).is_ok()) else { return Choice::Nothing };
        let stands = around(live, (id, updatable), open.release, now).rollout;
        if open.under_way().gives_way(stands) && first_offer(id, updatable, rollouts, way, now).is_some() {
            return Choice::TakeBack(*open);
        }
        let choice = of_open((id, updatable), open, live, now);
        return match way {
            Way::Poll if is_from_repository(live, open.release) => at_poll(choice),
            Way::Poll => choice,
            Way::Repository(kind) if kind_of(live, open.release) == Some(kind) => choice,
            Way::Repository(_) => Choice::Nothing,
        };
    }
    if trusted(&updatable.subject).is_err() {
        return Choice::Nothing;
    }
    match first_offer(id, updatable, rollouts, way, now) {
        Some(offer) => Choice::Offer(offer),
        None if rollouts.iter().any(|live| may_run_it(live, updatable)) => Choice::Ask,
        None => Choice::Nothing,
    }
}

fn first_offer(id: DeviceId, updatable: &Updatable, rollouts: &[Arc<Live>], way: Way, now: Timestamp) -> Option<Offer> {
    let concern = rollouts.iter().filter(|live| may_concern(live, updatable));
    let mut offers = concern.filter_map(|live| offered_by(live, id, updatable, now).ok());
    offers.find(|offer| kind_of(&offer.live, offer.release).is_some_and(|kind| way.brings(kind)))
}

/// Whether a device stopped what it was installing and may start with it all the same: while others are taken back it is asked.
fn may_run_it(live: &Live, updatable: &Updatable) -> bool {
    let last = || updatable.actions.iter().find(|action| action.rollout == live.rollout.id);
    live.rollout.reverting
        && last().is_some_and(|last| {
            last.kind == ActionKind::Update
                && (last.state, last.reached) == (ActionState::Cancelled, ActionState::Installing)
        })
}

/// What stands around an update that is under way.
pub(crate) fn around(
    live: &Live,
    (id, updatable): (DeviceId, &Updatable),
    release: ReleaseId,
    now: Timestamp,
) -> Around {
    let subject = &updatable.subject;
    let release = live.releases.get(&release);
    // For whom is held back it stands as if it was halted: who has begun goes on.
    let is_held = live.rollout.course.state == RolloutState::Running && held_back(live, id, updatable).is_some();
    Around {
        rollout: if is_held { RolloutState::Halted } else { live.rollout.course.state },
        is_trusted: trusted(subject).is_ok(),
        is_window: live.rollout.plan.windows.are_open(now, &subject.zone),
        is_sendable: release.is_some_and(|release| fits_channel(&release.fits.stage, &subject.channel)),
        is_held_back: is_held_back(&live.rollout),
        is_fit: release
            .is_some_and(|release| may_install(subject, &release.fits, live.rollout.plan.downgrades).is_ok()),
    }
}

/// Why a rollout goes on without a device, if it does.
fn held_back(live: &Live, id: DeviceId, updatable: &Updatable) -> Option<String> {
    let all = &live.rollout.held_back;
    if all.is_empty() {
        return None;
    }
    let wave = live.membership.wave_of(member_of(id, updatable))?;
    let (cohort, subject) = (live.membership.cohort_of(id, wave), &updatable.subject);
    all.iter().find(|held| held.holds(cohort, &subject.revision, &subject.batch)).map(|held| held.why.clone())
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

/// Whether it is worth while to look where a device stands in a rollout, which costs hashes: most polls are of devices that had
/// their turn, or are asked while nothing is offered.
fn may_concern(live: &Live, updatable: &Updatable) -> bool {
    let rollout = &live.rollout;
    let mut had = updatable.actions.iter().filter(|action| action.rollout == rollout.id);
    match rollout.course.state {
        RolloutState::Running => {
            let last = had.find(|action| action.kind == ActionKind::Update);
            last.is_none_or(|last| matches!(last.state, ActionState::Retried | ActionState::Cancelled))
        }
        RolloutState::Aborted => rollout.reverting && had.next().is_some(),
        _ => false,
    }
}

/// What is done about an update that is under way.
fn of_open(device: (DeviceId, &Updatable), open: &SeenAction, live: &Live, now: Timestamp) -> Choice {
    match answer(&open.under_way(), &around(live, device, open.release, now), now) {
        Answer::Wait => Choice::Nothing,
        // Of what was let go from memory nobody is asked any more, or each poll would read it.
        Answer::Confirm if !live.rollout.is_active => Choice::TakeBack(*open),
        Answer::Confirm => Choice::Link(UpdateLink::Confirmation { id: open.id, tag: open.attempt }),
        Answer::Deploy => Choice::Link(UpdateLink::Deployment { id: open.id, tag: open.attempt }),
        Answer::Ask => Choice::Ask,
        Answer::Verify => Choice::Verify(*open),
        Answer::Stop => Choice::Stop(*open),
        Answer::Cancel => Choice::Link(UpdateLink::Cancel { id: open.id }),
        Answer::TakeBack => Choice::TakeBack(*open),
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
    let attempt = next_attempt(&had, ActionKind::Update, now)?;
    if rollout.course.state != RolloutState::Running {
        return Err(Reason::State(rollout.course.state));
    }
    if let Some(why) = held_back(live, id, updatable) {
        return Err(Reason::HeldBack(why));
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
    let batch = updatable.subject.batch.clone();
    Ok(Offer { live: Arc::clone(live), kind: ActionKind::Update, wave, cohort, attempt, release, batch })
}

/// Which try it would be: one that failed is repeated as often as the plan says, an offer that was taken back comes again.
fn next_attempt(had: &[&SeenAction], kind: ActionKind, now: Timestamp) -> Result<u32, Reason> {
    let Some(last) = had.iter().find(|action| action.kind == kind) else { return Ok(0) };
    match (last.state, last.retry_at) {
        (ActionState::Retried | ActionState::Cancelled, Some(at)) if at <= now => Ok(last.attempt + 1),
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
    let attempt = next_attempt(had, ActionKind::Revert, now)?;
    let brought = live.releases.get(&last.release).map(|release| version_key(&release.fits.version));
    // What it says that it runs counts, not what it ran once: another rollout may have brought something newer since.
    let has_it = match updatable.subject.firmware.as_str() {
        "" => last.state == ActionState::Verified,
        runs => brought.is_some_and(|brought| brought == version_key(runs)),
    };
    if !has_it {
        return Err(Reason::State(rollout.course.state));
    }
    let release = rollout.plan.revert_to.ok_or(Reason::State(rollout.course.state))?;
    let found = live.releases.get(&release).ok_or_else(|| Reason::Release("Its release is gone.".to_owned()))?;
    may_install(&updatable.subject, &found.fits, true)?;
    if !rollout.plan.windows.are_open(now, &updatable.subject.zone) {
        return Err(Reason::Window);
    }
    let wave = live.membership.wave_of(member_of(id, updatable)).unwrap_or_default();
    let cohort = live.membership.cohort_of(id, wave);
    let batch = updatable.subject.batch.clone();
    Ok(Offer { live: Arc::clone(live), kind: ActionKind::Revert, wave, cohort, attempt, release, batch })
}
