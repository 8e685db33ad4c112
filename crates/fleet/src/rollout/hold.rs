//! Devices that a rollout goes on without: harm was traced to what they have in common, and a bad batch is no bad release.
//!
//! Who is held back leaves the counts of the gates and the sizes of the waves, whatever became of it: from the counts of each revision and
//! batch of each wave, which are kept exactly. Whoever has begun goes on, as by a halt.

use super::{Live, STEWARD, changed, held, subject_of, write};
use crate::{Actor, Error, Fleet, Result};
use domain::{
    bucket::PARTS,
    evidence::{Attribution, Factor, Level, RateTest, Told, attribute},
    id::RolloutId,
    person::Permission,
    query::quoted,
    rollout::{Accepted, Deed as Step, ErrorRates, Evidence, FrozenWave, Harm, HeldBack, Member, Members, OutOfTurn},
};
use serde_json::json;
use std::collections::HashMap;
use store::{
    evidence::{Measure, TallyRow},
    rollout::{Rollout, level, level::LevelCount},
};

/// How many levels a rollout goes on without at most: where it is more, it is the release.
const LEVELS_MAX: usize = 5;

/// What is traced: of which harm, and what it has in common.
pub(super) struct Traced {
    pub(super) attribution: Attribution,
    /// Whether it is proved that the others are fine, those under way taken for harmed: that few of them were harmed until now says
    /// little, since harm shows late.
    pub(super) rest_is_proved: bool,
    /// It in a sentence, if a level is blamed.
    pub(super) sentence: Option<String>,
}

const fn words_of(harm: Harm) -> (&'static str, &'static str) {
    match harm {
        Harm::Failed => ("failures", "failed"),
        Harm::Silent => ("silent devices", "went silent"),
    }
}

const fn measure_of(harm: Harm) -> Measure {
    match harm {
        Harm::Failed => Measure::Failed,
        Harm::Silent => Measure::Silent,
    }
}

/// Takes those who are held back out of what is known of every wave.
pub(super) fn leave_out(rollout: &Rollout, levels: &[LevelCount], evidence: &mut [Evidence]) {
    for (wave, of_wave) in evidence.iter_mut().enumerate() {
        of_wave.total = of_wave.total.saturating_sub(held_in(rollout, wave));
    }
    for count in levels.iter().filter(|count| is_held(&rollout.held_back, count)) {
        if let Some(of_wave) = evidence.get_mut(count.wave) {
            *of_wave = of_wave.less(&count.evidence);
        }
    }
}

/// How many devices of a wave are held back that would get anything.
pub(super) fn held_in(rollout: &Rollout, wave: usize) -> u64 {
    let gets = |cohort: usize| rollout.plan.release_of(cohort).is_some();
    rollout.held_back.iter().map(|one| one.of_wave(wave, gets)).sum()
}

pub(super) fn is_held(all: &[HeldBack], count: &LevelCount) -> bool {
    all.iter().any(|one| one.holds(count.cohort, &count.revision, &count.batch))
}

const fn add(told: &mut Told, more: Told) {
    told.harmed = told.harmed.saturating_add(more.harmed);
    told.open = told.open.saturating_add(more.open);
    told.of = told.of.saturating_add(more.of);
}

/// How many were harmed, and how many may be, of how many were told, of each revision and batch that is not held back, and of all of them.
fn by_level(rollout: &Rollout, levels: &[LevelCount], harm: Harm) -> (Told, Vec<(Level, Told)>) {
    let (mut all, mut each): (Told, HashMap<Level, Told>) = (Told::default(), HashMap::new());
    for count in levels.iter().filter(|count| !is_held(&rollout.held_back, count)) {
        let known = &count.evidence;
        let (harmed, open) = match harm {
            // Who is to try again is under way.
            Harm::Failed => (known.failed.saturating_add(known.retried), known.under_way.saturating_sub(known.retried)),
            Harm::Silent => (known.silent, known.under_way),
        };
        let of = known.settled().saturating_add(known.under_way);
        let more = Told { harmed, open, of };
        add(&mut all, more);
        for level in count.levels() {
            add(each.entry(level).or_default(), more);
        }
    }
    let mut each: Vec<_> = each.into_iter().collect();
    each.sort_unstable_by(|(one, _), (other, _)| one.cmp(other));
    (all, each)
}

/// The same of regions and makers, as far as nobody is held back: of these no counts are kept by wave.
fn beyond(tallies: &[TallyRow], harm: Harm) -> Vec<(Level, Told)> {
    let mut each: HashMap<&Level, (Told, u64)> = HashMap::new();
    for row in tallies.iter().filter(|row| matches!(row.level.factor, Factor::Region | Factor::Maker)) {
        let n = row.tally.n;
        let (told, known) = each.entry(&row.level).or_default();
        match row.measure {
            Measure::Exposed => told.of = told.of.saturating_add(n),
            Measure::Verified | Measure::Failed | Measure::Silent => *known = known.saturating_add(n),
            Measure::Criterion(_) => {}
        }
        if row.measure == measure_of(harm) {
            told.harmed = told.harmed.saturating_add(n);
        }
    }
    let told = |(level, (told, known)): (&Level, (Told, u64))| {
        (level.clone(), Told { open: told.of.saturating_sub(known), ..told })
    };
    let mut each: Vec<_> = each.into_iter().map(told).collect();
    each.sort_unstable_by(|(one, _), (other, _)| one.cmp(other));
    each
}

fn share(parts: u32) -> f64 {
    f64::from(parts) / f64::from(PARTS)
}

/// What a fleet query calls the devices of a level; none for those by which nobody is held back.
pub(super) fn query_of(level: &Level) -> Option<String> {
    match level.factor {
        Factor::All => Some(String::new()),
        Factor::Revision if !level.level.is_empty() => Some(format!("rev:{}", quoted(&level.level))),
        Factor::Batch if !level.level.is_empty() => Some(format!("batch:{}", quoted(&level.level))),
        _ => None,
    }
}

impl Fleet {
    /// What is known of every wave, without those who are held back.
    pub(super) async fn evidence_by(
        &self,
        rollout: &Rollout,
        counts: &[store::rollout::count::RolloutCount],
    ) -> Result<Vec<Evidence>> {
        let mut evidence = super::steward::evidence(rollout, counts);
        if !rollout.held_back.is_empty() {
            leave_out(rollout, &level::of(self.db(), rollout.id).await?, &mut evidence);
        }
        Ok(evidence)
    }

    /// Where the harm of a rollout comes from, by a gate's limit.
    pub(super) async fn traced(
        &self,
        rollout: &Rollout,
        harm: Harm,
        (limit, rates): (f64, ErrorRates),
    ) -> Result<Traced> {
        let levels = level::of(self.db(), rollout.id).await?;
        let (all, mut each) = by_level(rollout, &levels, harm);
        if rollout.held_back.is_empty() {
            each.extend(beyond(&store::evidence::of(self.db(), rollout.id).await?, harm));
        }
        let attribution = attribute(limit, share(rates.false_halt), all, &each);
        let sentence = attribution.sentence(words_of(harm));
        let is_rest = |count: &&LevelCount| {
            let blamed = attribution.blamed.as_ref().map(|blamed| &blamed.level);
            !is_held(&rollout.held_back, count) && !count.levels().iter().any(|level| Some(level) == blamed)
        };
        let mut waves = vec![(0_u64, 0_u64); rollout.plan.waves.len()];
        for count in levels.iter().filter(is_rest) {
            let known = &count.evidence;
            let harmed = if harm == Harm::Failed { known.failed } else { known.silent };
            if let Some((may_be, told)) = waves.get_mut(count.wave) {
                *may_be = may_be.saturating_add(harmed).saturating_add(known.under_way);
                *told = told.saturating_add(known.settled()).saturating_add(known.under_way);
            }
        }
        // Of no horizon: who is left was not known before. That others go on wrongly is an error of going on.
        let test = RateTest { limit, error: share(rates.false_advance), horizon: 0 };
        // Each wave by its own devices: a large one that went well says nothing of the next, whose devices are others.
        let is_proved = |&(may_be, told): &(u64, u64)| test.is_below(may_be, told).is_enough();
        let mut begun = waves.iter().filter(|(_, told)| *told > 0).peekable();
        let rest_is_proved = begun.peek().is_some() && begun.all(is_proved);
        Ok(Traced { attribution, rest_is_proved, sentence })
    }

    /// What harmed devices of a rollout have in common, in sentences: by the gate of the wave that was opened last.
    pub(super) async fn blamed(&self, rollout: &Rollout, evidence: &[Evidence]) -> Result<Vec<String>> {
        let wave = rollout.course.wave.and_then(|open| Some((rollout.plan.waves.get(open)?.gate, evidence.get(open)?)));
        let Some((gate, known)) = wave else { return Ok(Vec::new()) };
        let (Some(weighed), Some(rates)) = (gate.weigh(known, &Evidence::default()), gate.evidence) else {
            return Ok(Vec::new());
        };
        let is_harmed = evidence.iter().any(|wave| wave.failed + wave.retried + wave.silent > 0);
        let mut sentences = Vec::new();
        for harm in weighed.iter().filter(|_| is_harmed) {
            sentences.extend(self.traced(rollout, harm.harm, (harm.limit_share(), rates)).await?.sentence);
        }
        Ok(sentences)
    }

    /// The rollout without the devices that its harm was traced to; none where that is no way out: it is of no level that is known at a
    /// poll, the rest is no better, or too many levels are held back already.
    pub(super) async fn without_blamed(
        &self,
        (live, rollout): (&Live, &Rollout),
        traced: &Traced,
        why: &str,
    ) -> Result<Option<Rollout>> {
        let blamed = traced.attribution.blamed.as_ref().filter(|_| traced.rest_is_proved);
        let Some(blamed) = blamed.filter(|blamed| query_of(&blamed.level).is_some()) else { return Ok(None) };
        let is_known = rollout.held_back.iter().any(|one| one.cohort.is_none() && one.level == blamed.level);
        if is_known || rollout.held_back.len() >= LEVELS_MAX {
            return Ok(None);
        }
        let mut next = rollout.clone();
        let at = self.now();
        let level = blamed.level.clone();
        next.held_back.push(HeldBack { cohort: None, level, why: why.to_owned(), at, devices: Vec::new() });
        self.recount_held_back(live, &[], &mut next.held_back).await?;
        let counts = store::rollout::count::of(self.db(), rollout.id).await?;
        let evidence = self.evidence_by(&next, &counts).await?;
        next.accepted = self.accepted_of_the_rest(rollout, &next).await?;
        // What was accepted of those who are left is not more than there is of them.
        for (accepted, evidence) in next.accepted.iter_mut().zip(&evidence) {
            accepted.seen = accepted.seen.within(evidence);
        }
        let still = super::steward::verdict(&next, &evidence, at);
        Ok(Some(next).filter(|_| still.is_none()))
    }

    /// Goes on without devices of a level.
    pub(super) async fn hold_back_level(&self, known: &Rollout, next: &Rollout, sentence: &str) -> Result<()> {
        let Some(one) = next.held_back.last() else { return Ok(()) };
        let subject = subject_of(&known.code);
        let mut deed = self.allow(&STEWARD, Permission::RolloutRun, &subject).await?;
        let mut rollout = held(&mut deed, known.id, &known.code).await?;
        if rollout.version != known.version {
            return Err(changed());
        }
        rollout.held_back.clone_from(&next.held_back);
        rollout.accepted.clone_from(&next.accepted);
        let words = format!("Goes on without {}. {sentence}", one.level.words());
        let detail = json!({"level": one.level, "why": one.why, "devices": one.devices});
        write(&mut deed, &mut rollout, ("hold", words, detail.clone())).await?;
        deed.commit("rollout.hold", &subject, &detail).await?;
        self.rollout_committed().await;
        Ok(())
    }

    /// Counts again how many devices of each wave and cohort are held back: each by the first reason that holds it. `joining` are those
    /// who are about to join. A whole cohort is counted from what was frozen and who joined. Of whoever was not told nothing is kept
    /// beside that it is in the target, so those of a revision or a batch are read from the fleet: by an index, as many as there are.
    ///
    /// # Errors
    /// When the database fails.
    pub(crate) async fn recount_held_back(&self, live: &Live, joining: &[Member], all: &mut [HeldBack]) -> Result<()> {
        let plan = &live.rollout.plan;
        let cohorts = plan.cohorts.as_ref().map_or(0, |cohorts| cohorts.variants.len()) + 1;
        let everybody = everybody(live, joining, cohorts);
        let about_to_join: Members = joining.iter().map(|member| member.number).collect();
        let mut read: HashMap<String, Vec<Member>> = HashMap::new();
        for n in 0..all.len() {
            let mut devices = vec![vec![0_u64; cohorts]; plan.waves.len()];
            for cohort in 0..cohorts {
                if is_whole(all, n, cohort) {
                    for (wave, (of_wave, known)) in devices.iter_mut().zip(&everybody).enumerate() {
                        let before = all.iter().take(n).map(|one| of_cohort(&one.devices, wave, cohort)).sum();
                        if let (Some(n), Some(known)) = (of_wave.get_mut(cohort), known.get(cohort)) {
                            *n = known.saturating_sub(before);
                        }
                    }
                    continue;
                }
                let Some(text) = text_of(all, n, cohort) else { continue };
                if !read.contains_key(&text) {
                    let members = self.members(&text).await?;
                    read.insert(text.clone(), members);
                }
                for member in read.get(&text).into_iter().flatten() {
                    let is_in = live.membership.is_target(*member) || about_to_join.contains(member.number);
                    let Some(wave) = live.membership.wave_if_target(*member).filter(|_| is_in) else { continue };
                    if live.membership.cohort_of(member.id, wave) == cohort
                        && let Some(n) = devices.get_mut(wave).and_then(|wave| wave.get_mut(cohort))
                    {
                        *n += 1;
                    }
                }
            }
            if let Some(one) = all.get_mut(n) {
                one.devices = devices;
            }
        }
        Ok(())
    }

    /// Lets devices that are held back go on. That goes beyond what evidence says, and is decided as an approval is: by a manager. What
    /// was seen of them until then counts no more.
    ///
    /// # Errors
    /// When the actor may not, there is no such rollout, or it does not hold those back.
    pub async fn let_held_back_go(&self, actor: &Actor, code: &str, level: &Level) -> Result<()> {
        let subject = subject_of(code);
        self.authorise(actor, Permission::RolloutRun, &subject).await?;
        let known = self.as_accepted(self.kept_rollout(code).await?).await?;
        self.authorise_as_decider(actor, &subject).await?;
        if known.course.state.is_over() {
            let over = OutOfTurn::State { state: known.course.state, deed: Step::Resume };
            return Err(super::out_of_turn(&over));
        }
        let next = self.with_level(&known, level).await?;
        let mut deed = self.allow(actor, Permission::RolloutRun, &subject).await?;
        let mut rollout = held(&mut deed, known.id, code).await?;
        if rollout.version != known.version {
            return Err(changed());
        }
        rollout.held_back.clone_from(&next.held_back);
        rollout.accepted.clone_from(&next.accepted);
        let words = format!("Lets {} go on", level.words());
        let detail = json!({"level": level, "accepted": rollout.accepted});
        write(&mut deed, &mut rollout, ("let_go", words, detail.clone())).await?;
        deed.commit("rollout.let_go", &subject, &detail).await?;
        self.rollout_committed().await;
        Ok(())
    }

    /// The rollout as it is once a level goes on, with what was seen of it accepted.
    async fn with_level(&self, known: &Rollout, level: &Level) -> Result<Rollout> {
        let mut next = known.clone();
        // What an experiment holds back of one cohort stays: its finding is written for good.
        next.held_back.retain(|one| one.cohort.is_some() || one.level != *level);
        if next.held_back.len() == known.held_back.len() {
            return Err(Error::Conflict(format!("Nobody of {} is held back.", level.words())));
        }
        let live = self.read_live_of(known.id).await?;
        self.recount_held_back(&live, &[], &mut next.held_back).await?;
        next.accepted.resize(known.course.waves, Accepted::default());
        let silent = self.silent_by_now(&next).await?;
        for count in level::of(self.db(), known.id).await? {
            let comes_back = is_held(&known.held_back, &count) && !is_held(&next.held_back, &count);
            if let Some(accepted) = next.accepted.get_mut(count.wave).filter(|_| comes_back) {
                // Whoever came back before that still has.
                let back = accepted.back;
                *accepted = Accepted { back, ..silent.accept(count.wave, accepted.seen.and(&count.evidence)) };
            }
        }
        Ok(next)
    }

    async fn read_live_of(&self, id: RolloutId) -> Result<std::sync::Arc<Live>> {
        let missing = || Error::not_found("rollout", &id.to_string());
        self.live_rollout(id).await?.ok_or_else(missing)
    }
}

fn of_cohort(devices: &[Vec<u64>], wave: usize, cohort: usize) -> u64 {
    devices.get(wave).and_then(|wave| wave.get(cohort)).copied().unwrap_or_default()
}

/// By wave and cohort, how many devices were frozen, have joined, and are about to.
fn everybody(live: &Live, joining: &[Member], cohorts: usize) -> Vec<Vec<u64>> {
    let frozen = live.rollout.frozen.iter().flat_map(|frozen| &frozen.waves).enumerate();
    let count = |wave: usize, known: &[u64], cohort: usize| {
        known.get(cohort).copied().unwrap_or_default() + of_cohort(&live.rollout.joined, wave, cohort)
    };
    let of_wave = |(wave, frozen): (usize, &FrozenWave)| {
        (0..cohorts).map(|cohort| count(wave, &frozen.cohorts, cohort)).collect::<Vec<u64>>()
    };
    let mut all: Vec<Vec<u64>> = frozen.map(of_wave).collect();
    for member in joining {
        let Some(wave) = live.membership.wave_if_target(*member) else { continue };
        let cohort = live.membership.cohort_of(member.id, wave);
        if let Some(n) = all.get_mut(wave).and_then(|wave| wave.get_mut(cohort)) {
            *n += 1;
        }
    }
    all
}

/// Whether the reason at `n` holds back all of a cohort that no earlier one does.
fn is_whole(all: &[HeldBack], n: usize, cohort: usize) -> bool {
    let is_of = |one: &&HeldBack| one.cohort.is_none_or(|of| of == cohort) && one.level == Level::ALL;
    all.get(n).filter(is_of).is_some()
}

/// The query for those of a cohort that the reason at `n` holds back, and no earlier one; none where there are none.
fn text_of(all: &[HeldBack], n: usize, cohort: usize) -> Option<String> {
    let is_of = |one: &&HeldBack| one.cohort.is_none_or(|of| of == cohort);
    let one = all.get(n).filter(is_of)?;
    let mut terms = vec![query_of(&one.level)?];
    for earlier in all.iter().take(n).filter(is_of) {
        match query_of(&earlier.level)?.as_str() {
            "" => return None,
            text => terms.push(format!("-{text}")),
        }
    }
    Some(terms.join(" ").trim().to_owned())
}
