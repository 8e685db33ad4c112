//! The steward: starts what is due, opens waves, halts, notes who is late, and takes in who joins. Any number of nodes may run it.

use super::{Live, PROGRESS, STEWARD, experiment::is_settled, held, hold::Traced, run::moved, subject_of, write};
use crate::{Error, Fleet, Result, observe::Job};
use domain::{
    id::RolloutId,
    person::Permission,
    rollout::{ActionKind, ActionState, Decision, Deed as Step, Evidence, Member, Reaction, RolloutState, decide},
    time::{DAY, MINUTE, Timestamp},
    words::counted,
};
use serde_json::{Value, json};
use std::{
    collections::{HashMap, hash_map::Entry},
    time::Duration,
};
use store::rollout::{Rollout, count, count::RolloutCount, target::Part};

/// How often it looks.
const LOOK: Duration = Duration::from_millis(500);
/// How often stages of releases are read again, and who joins is looked for.
const RELEASES: Duration = Duration::from_secs(5);
const JOINING: Duration = Duration::from_secs(600);
/// For how long after its timeout a device that was asked to stop may start with what it was installing.
const LATE_STARTS: i64 = DAY;
/// For how long what was aborted is kept in memory for devices that wait for their user.
const TAKEN_BACK: i64 = DAY;
/// How long what is over is kept in memory for devices that are under way still.
const KEPT: i64 = 30 * DAY;

/// What is known of every wave.
pub(super) fn evidence(rollout: &Rollout, counts: &[RolloutCount]) -> Vec<Evidence> {
    let Some(frozen) = &rollout.frozen else { return Vec::new() };
    let of_wave = |(n, wave): (usize, &domain::rollout::FrozenWave)| {
        let joined = rollout.joined.get(n).into_iter().flatten().enumerate();
        let joined: u64 = joined.filter(|(cohort, _)| rollout.plan.release_of(*cohort).is_some()).map(|(_, n)| n).sum();
        let mut evidence =
            Evidence { total: wave.offered(&rollout.plan).saturating_add(joined), joined, ..Evidence::default() };
        for count in counts.iter().filter(|count| count.wave == n && count.kind == ActionKind::Update) {
            match count.state {
                ActionState::Verified => evidence.verified += count.n,
                ActionState::Failed | ActionState::Reverted => evidence.failed += count.n,
                ActionState::Silent => evidence.silent += count.n,
                // Whose user is asked was told of nothing: it is neither under way nor an outcome, but still to come.
                ActionState::Cancelled | ActionState::WaitsForConfirmation => {}
                ActionState::Retried => {
                    evidence.under_way += count.n;
                    evidence.retried += count.n;
                }
                _ => evidence.under_way += count.n,
            }
        }
        evidence
    };
    frozen.waves.iter().enumerate().map(of_wave).collect()
}

/// By which wave a rollout has to stop, of all that are open, and why; none when nothing speaks against it.
pub(super) fn verdict(rollout: &Rollout, evidence: &[Evidence], now: Timestamp) -> Option<(usize, String)> {
    let open = rollout.course.wave?;
    (0..=open).find_map(|wave| match decide_wave(rollout, evidence, wave, now)? {
        Decision::Halt(why) => Some((wave, why)),
        _ => None,
    })
}

/// What the gate of a wave says.
pub(super) fn decide_wave(rollout: &Rollout, evidence: &[Evidence], wave: usize, now: Timestamp) -> Option<Decision> {
    let gate = &rollout.plan.waves.get(wave)?.gate;
    let accepted = rollout.accepted.get(wave).copied().unwrap_or_default().by(gate);
    let opened = rollout.wave_opened_at.unwrap_or(now);
    Some(decide(gate, evidence.get(wave)?, &accepted, opened, now))
}

/// Waits until it is time to look again: what this process changed is looked after at once.
async fn heard_or_due(changes: &mut tokio::sync::broadcast::Receiver<store::change::Change>) {
    let until = tokio::time::Instant::now() + LOOK;
    loop {
        match tokio::time::timeout_at(until, changes.recv()).await {
            Ok(Ok(change)) if change.topic != super::TOPIC => {}
            Ok(Err(tokio::sync::broadcast::error::RecvError::Closed)) => tokio::time::sleep_until(until).await,
            _ => return,
        }
    }
}

impl Fleet {
    /// What is known of every wave of a rollout.
    pub(super) async fn evidence_of(&self, rollout: &Rollout) -> Result<Vec<Evidence>> {
        self.evidence_by(rollout, &count::of(self.db(), rollout.id).await?).await
    }

    /// Keeps rollouts going until the process ends. What takes long (files are read whole before a start, targets are read
    /// anew for who joins) keeps nobody from looking at the gates of those that run.
    pub async fn run_rollouts(self) {
        tokio::join!(self.keep_running(), self.keep_starting(), self.keep_joining());
    }

    async fn keep_running(&self) {
        let mut changes = self.changes();
        let mut released: Option<tokio::time::Instant> = None;
        loop {
            if let Err(error) = self.observe(Job::Rollouts, self.look_after_running()).await {
                tracing::error!(%error, "rollouts could not be looked after; it is tried again");
            }
            if released.is_none_or(|last| last.elapsed() >= RELEASES) {
                released = Some(tokio::time::Instant::now());
                if let Err(error) = self.reread_releases().await {
                    tracing::warn!(%error, "stages of releases were not read again");
                }
                if let Err(error) = self.halt_what_is_refused().await {
                    tracing::warn!(%error, "it was not looked whether releases still stand");
                }
            }
            heard_or_due(&mut changes).await;
        }
    }

    async fn keep_starting(&self) {
        let mut changes = self.changes();
        loop {
            if let Err(error) = self.start_due_rollouts().await {
                tracing::error!(%error, "it was not looked which rollouts are due; it is tried again");
            }
            heard_or_due(&mut changes).await;
        }
    }

    async fn keep_joining(&self) {
        loop {
            if let Err(error) = self.take_in_who_joins().await {
                tracing::warn!(%error, "it was not looked for who joins rollouts");
            }
            tokio::time::sleep(JOINING).await;
        }
    }

    /// One look at everything that is due. Tests call this instead of waiting.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn look_after_rollouts(&self) -> Result<()> {
        self.start_due_rollouts().await?;
        self.look_after_running().await
    }

    async fn look_after_running(&self) -> Result<()> {
        self.refresh_rollouts().await?;
        self.check_what_is_sent();
        self.note_who_is_late().await?;
        for live in self.inner.rollouts.all().iter() {
            // No gate waits for an experiment that can't be judged.
            let looked = [self.look_at_experiment(&live.rollout).await, self.look_after(live).await];
            for error in looked.into_iter().filter_map(Result::err) {
                match error {
                    // Another node or a person was faster.
                    Error::Conflict(_) => {}
                    error => tracing::error!(%error, rollout = live.rollout.code, "a rollout was not looked after"),
                }
            }
        }
        self.refresh_rollouts().await
    }

    /// Starts approved rollouts whose time has come. One that can't be started now is tried again, and keeps no other one back.
    pub(super) async fn start_due_rollouts(&self) -> Result<()> {
        for id in store::rollout::waiting_to_start(self.db()).await? {
            match self.start_if_due(id).await {
                // Another node or a person was faster.
                Ok(()) | Err(Error::Conflict(_)) => {}
                Err(error) => {
                    tracing::error!(%error, rollout = %id, "a rollout could not be started; it is tried again");
                }
            }
        }
        Ok(())
    }

    async fn start_if_due(&self, id: RolloutId) -> Result<()> {
        let Some(known) = store::rollout::by_id(self.db(), id).await? else { return Ok(()) };
        if known.plan.start_at.is_none_or(|at| at <= self.now()) { self.start(&known).await } else { Ok(()) }
    }

    /// Starts a rollout, unless what it would send is not in order.
    async fn start(&self, known: &Rollout) -> Result<()> {
        for release in known.plan.sent() {
            let known_away = self.inner.rollouts.refusal(release, self.now()).filter(|found| !found.is_verdict);
            let checked = match known_away {
                Some(found) => Err(Error::Away(found.why)),
                None => self.check_files_of(release).await,
            };
            if let Err(Error::Away(why)) = &checked {
                return self.note_waiting(known, why).await;
            }
            if let Some(why) = refused(checked)? {
                let words = format!("Not started. {why}");
                return self
                    .go(known, Step::Abort, |rollout| {
                        why.clone_into(&mut rollout.reason);
                        (words, Value::Null)
                    })
                    .await;
            }
        }
        self.go(known, Step::Start, |rollout| {
            rollout.reason.clear();
            ("Started".to_owned(), Value::Null)
        })
        .await
    }

    /// Says why an approved rollout has not begun: that this node can't read a file is no verdict on the release, and another
    /// node may start it, or this one once the file is back.
    async fn note_waiting(&self, known: &Rollout, why: &str) -> Result<()> {
        if known.reason == why {
            return Ok(());
        }
        let subject = subject_of(&known.code);
        let mut deed = self.allow(&STEWARD, Permission::RolloutRun, &subject).await?;
        let mut rollout = held(&mut deed, known.id, &known.code).await?;
        if rollout.version != known.version {
            return Err(super::changed());
        }
        why.clone_into(&mut rollout.reason);
        write(&mut deed, &mut rollout, ("wait", format!("Not started yet. {why}"), Value::Null)).await?;
        deed.commit("rollout.wait", &subject, &json!({ "reason": why })).await
    }

    /// Halts what sends what may not be sent any more: it was withdrawn, or who signed it was cut off.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn halt_what_is_refused(&self) -> Result<()> {
        for live in self.inner.rollouts.all().iter().filter(|live| live.rollout.course.state == RolloutState::Running) {
            for release in live.rollout.plan.sent() {
                // What a read of the files has found counts as much as what stands in the database.
                let found = self.inner.rollouts.refusal(release, self.now()).filter(|found| found.is_verdict);
                let stands = match found {
                    Some(found) => Some(found.why),
                    None => refused(self.release_stands(release).await)?,
                };
                let Some(why) = stands else { continue };
                let halted = self.go(&live.rollout, Step::Halt, |rollout| {
                    why.clone_into(&mut rollout.reason);
                    (format!("Halted. {why}"), json!({ "release": release }))
                });
                match halted.await {
                    Ok(()) | Err(Error::Conflict(_)) => {}
                    Err(error) => {
                        tracing::error!(%error, rollout = live.rollout.code, "a rollout was not halted; it is tried again");
                    }
                }
                break;
            }
        }
        Ok(())
    }

    async fn look_after(&self, live: &Live) -> Result<()> {
        let rollout = &live.rollout;
        let counts = count::of(self.db(), rollout.id).await?;
        let evidence = evidence(rollout, &counts);
        // No gate waits for what only a page wants to know.
        if let Err(error) = self.note_course(live, &evidence).await {
            tracing::warn!(%error, rollout = rollout.code, "it was not noted how far a rollout is");
        }
        if rollout.course.state.is_over() {
            return self.let_go(rollout, &counts).await;
        }
        if rollout.course.state != RolloutState::Running {
            return Ok(());
        }
        let evidence = self.evidence_by(rollout, &counts).await?;
        let now = self.now();
        let decides = |rollout: &Rollout| {
            let opens = |wave| decide_wave(rollout, &evidence, wave, now) == Some(Decision::Advance);
            verdict(rollout, &evidence, now).is_some() || rollout.course.wave.is_some_and(opens)
        };
        let rollout = &self.live_as_accepted(live, &counts, decides).await?;
        if let Some((wave, why)) = verdict(rollout, &evidence, now) {
            return self.stop((live, rollout), wave, &why, &evidence).await;
        }
        let Some(wave) = rollout.course.wave else { return Ok(()) };
        if decide_wave(rollout, &evidence, wave, now) == Some(Decision::Advance) {
            let words = if wave + 1 < rollout.course.waves {
                format!("Wave {} passed its gate; opened wave {}", wave + 1, wave + 2)
            } else {
                "The last wave passed its gate; completed".to_owned()
            };
            return self.go(rollout, Step::Advance, |_| (words, json!({ "evidence": evidence }))).await;
        }
        Ok(())
    }

    /// Stops it, or goes on without the devices that the harm was traced to.
    async fn stop(
        &self,
        (live, rollout): (&Live, &Rollout),
        wave: usize,
        why: &str,
        evidence: &[Evidence],
    ) -> Result<()> {
        let why = format!("Wave {}: {why}", wave + 1);
        let Some(traced) = self.traced_by(rollout, wave, evidence).await? else {
            return self.halt(rollout, &why, evidence).await;
        };
        let Some(sentence) = &traced.sentence else { return self.halt(rollout, &why, evidence).await };
        match self.without_blamed((live, rollout), &traced, sentence).await? {
            Some(next) => self.hold_back_level(rollout, &next, sentence).await,
            None if traced.rest_is_proved => self.halt(rollout, &format!("{why} {sentence}"), evidence).await,
            None => {
                let why = format!("{why} {sentence} That the others are fine is not proved.");
                self.halt(rollout, &why, evidence).await
            }
        }
    }

    /// Where the harm comes from by which the gate of a wave stops everything; none where it goes by bare shares.
    async fn traced_by(&self, rollout: &Rollout, wave: usize, evidence: &[Evidence]) -> Result<Option<Traced>> {
        let (Some(gate), Some(known)) = (rollout.plan.waves.get(wave).map(|wave| wave.gate), evidence.get(wave)) else {
            return Ok(None);
        };
        let accepted = rollout.accepted.get(wave).copied().unwrap_or_default().by(&gate);
        let weighed = gate.weigh(known, &accepted);
        let harm = weighed.and_then(|weighed| weighed.into_iter().find(|harm| harm.above.is_enough()));
        let (Some(harm), Some(rates)) = (harm, gate.evidence) else { return Ok(None) };
        Ok(Some(self.traced(rollout, harm.harm, (harm.limit_share(), rates)).await?))
    }

    async fn halt(&self, rollout: &Rollout, why: &str, evidence: &[Evidence]) -> Result<()> {
        let detail = json!({"evidence": evidence, "reaction": rollout.plan.reaction});
        let step = if rollout.plan.reaction == Reaction::Pause { Step::Halt } else { Step::Abort };
        self.go(rollout, step, |rollout| {
            why.clone_into(&mut rollout.reason);
            rollout.reverting = rollout.plan.reaction == Reaction::AbortRevert;
            let words = match rollout.plan.reaction {
                Reaction::Pause => format!("Halted. {why}"),
                Reaction::AbortKeep => format!("Aborted by its gate; devices keep what they have. {why}"),
                Reaction::AbortRevert => format!("Aborted by its gate; devices go back. {why}"),
            };
            (words, detail)
        })
        .await
    }

    /// One step that a rule makes, if nothing was changed since it was decided.
    async fn go(
        &self,
        known: &Rollout,
        step: Step,
        change: impl FnOnce(&mut Rollout) -> (String, Value),
    ) -> Result<()> {
        let subject = subject_of(&known.code);
        let mut deed = self.allow(&STEWARD, Permission::RolloutRun, &subject).await?;
        let mut rollout = held(&mut deed, known.id, &known.code).await?;
        if rollout.version != known.version {
            return Err(super::changed());
        }
        let before = rollout.course.clone();
        let hash = before.hash.clone();
        rollout.course = before.apply(step, &hash).map_err(|error| super::out_of_turn(&error))?;
        moved(&mut rollout, &before, self.now());
        let (words, detail) = change(&mut rollout);
        write(&mut deed, &mut rollout, (step.as_str(), words, detail.clone())).await?;
        let action = format!("rollout.{step}");
        let detail = json!({"state": rollout.course.state, "wave": rollout.course.wave, "reason": rollout.reason, "detail": detail});
        deed.commit(&action, &subject, &detail).await?;
        self.rollout_committed().await;
        Ok(())
    }

    /// Drops what is over from memory, once no device is under way with it or it is long ago.
    async fn let_go(&self, rollout: &Rollout, counts: &[RolloutCount]) -> Result<()> {
        let n = |kind: ActionKind, wanted: &dyn Fn(ActionState) -> bool| -> u64 {
            counts.iter().filter(|count| count.kind == kind && wanted(count.state)).map(|count| count.n).sum()
        };
        // Whoever waits for its user in what is aborted has nothing to come: it is taken back as soon as it polls. Most do so within a day,
        // and find it in memory; for the others it is read once.
        let is_given_up =
            rollout.course.state == RolloutState::Aborted && rollout.updated_at.plus(TAKEN_BACK) <= self.now();
        let is_lost = |state: ActionState| is_given_up && state == ActionState::WaitsForConfirmation;
        let is_open = |state: ActionState| !state.is_closed() && state != ActionState::Silent && !is_lost(state);
        let to_come = |state: ActionState| is_open(state) || state == ActionState::Retried;
        let open = n(ActionKind::Update, &is_open) + n(ActionKind::Revert, &to_come);
        let has_it = n(ActionKind::Update, &|state| matches!(state, ActionState::Verified | ActionState::Silent));
        let taken_back =
            n(ActionKind::Revert, &|state| state.is_closed() && !to_come(state) && state != ActionState::Cancelled);
        // Who was asked to stop may start with it later all the same, and is taken back then.
        let is_late = rollout.updated_at.plus(rollout.plan.timeout()).plus(LATE_STARTS) <= self.now();
        let is_done = open == 0 && is_settled(rollout) && (!rollout.reverting || (taken_back >= has_it && is_late));
        let is_old = rollout.updated_at.plus(KEPT) <= self.now();
        if !is_done && !is_old {
            return Ok(());
        }
        let subject = subject_of(&rollout.code);
        let mut deed = self.allow(&STEWARD, Permission::RolloutRun, &subject).await?;
        let mut kept = held(&mut deed, rollout.id, &rollout.code).await?;
        if kept.version != rollout.version || !kept.is_active {
            return Err(super::changed());
        }
        (kept.is_active, kept.reverting) = (false, false);
        let detail = json!({"open": open, "has_it": has_it, "taken_back": taken_back});
        write(&mut deed, &mut kept, ("end", "No device is under way with it any more".to_owned(), detail.clone()))
            .await?;
        deed.commit("rollout.end", &subject, &detail).await
    }

    /// Takes in devices that match by now, for rollouts whose plan says so. Nobody who is in moves.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn take_in_who_joins(&self) -> Result<()> {
        let all = self.inner.rollouts.all();
        // Rollouts often have one target in common, and that is as large as the fleet.
        let mut read: HashMap<&str, Vec<Member>> = HashMap::new();
        for live in all.iter() {
            let rollout = &live.rollout;
            if !rollout.plan.joins || rollout.course.state != RolloutState::Running {
                continue;
            }
            match self.take_in_new(live, &mut read).await {
                Ok(()) | Err(Error::Conflict(_)) => {}
                Err(error) => {
                    tracing::warn!(%error, rollout = rollout.code, "it was not looked for who joins a rollout");
                }
            }
        }
        self.refresh_rollouts().await
    }

    async fn take_in_new<'a>(&self, live: &'a Live, read: &mut HashMap<&'a str, Vec<Member>>) -> Result<()> {
        let rollout = &live.rollout;
        let matching = match read.entry(&rollout.plan.target) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(unknown) => unknown.insert(self.members(&rollout.plan.target).await?),
        };
        let new: Vec<Member> = matching.iter().filter(|member| !live.membership.is_target(**member)).copied().collect();
        if new.is_empty() {
            return Ok(());
        }
        // Who needs nothing of it now may come to need it, and joins then.
        let (new, _) = self.leave_out(&rollout.plan, new).await?;
        if new.is_empty() {
            return Ok(());
        }
        self.let_join(rollout.id, &rollout.code, rollout.version, &new, live).await
    }

    async fn let_join(&self, id: RolloutId, code: &str, version: i64, new: &[Member], live: &Live) -> Result<()> {
        let subject = subject_of(code);
        let mut held_back = live.rollout.held_back.clone();
        if !held_back.is_empty() {
            self.recount_held_back(live, new, &mut held_back).await?;
        }
        let mut deed = self.allow(&STEWARD, Permission::RolloutRun, &subject).await?;
        let mut rollout = held(&mut deed, id, code).await?;
        if rollout.version != version || rollout.course.state != RolloutState::Running {
            return Err(super::changed());
        }
        let mut joined = live.membership.joined().clone();
        let cohorts = rollout.plan.cohorts.as_ref().map_or(0, |cohorts| cohorts.variants.len()) + 1;
        rollout.joined.resize(rollout.course.waves, vec![0; cohorts]);
        for member in new {
            joined.insert(member.number);
            if let Some(wave) = live.membership.wave_if_target(*member) {
                let cohort = live.membership.cohort_of(member.id, wave);
                if let Some(n) = rollout.joined.get_mut(wave).and_then(|wave| wave.get_mut(cohort)) {
                    *n += 1;
                }
            }
        }
        rollout.held_back = held_back;
        store::rollout::target::put(&mut deed.tx, id, &Part::Joined, &joined).await?;
        let words = format!("{} joined", counted(new.len() as u64, "device"));
        let detail = json!({"joined": rollout.joined});
        write(&mut deed, &mut rollout, ("join", words, detail)).await?;
        deed.ring(PROGRESS, code).await?;
        deed.commit("rollout.join", &subject, &json!({"devices": new.len()})).await
    }
}

/// Why a release is refused; what else went wrong is an error.
fn refused(checked: Result<()>) -> Result<Option<String>> {
    match checked {
        Ok(()) => Ok(None),
        Err(error @ (Error::Invalid { .. } | Error::Conflict(_) | Error::NotFound { .. })) => {
            Ok(Some(error.to_string()))
        }
        Err(error) => Err(error),
    }
}

/// The minute of a time, by which offers are counted.
pub(crate) const fn minute_of(at: Timestamp) -> i64 {
    at.0.div_euclid(MINUTE)
}
