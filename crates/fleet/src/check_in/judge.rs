//! From what was observed to what is told of it: findings by cause, entries of the history, what follows.

use super::{
    brake,
    fold::{self, Fold},
    reason::{self, Reason},
    stood::Stood,
};
use crate::{
    Actor, Deed, Fleet, Result,
    finding::{self, Found},
};
use domain::{
    authority::{FindingKind, FindingState},
    component::Component,
    device::{Device, Trust},
    history::{Entry, Event},
    id::DeviceId,
    suspicion::{Copied, Policy, Response, Signal, Subject, Suspicion, gathered, suspicions},
    time::Timestamp,
};
use serde_json::{Value, json};

/// How many other devices with a copied identifier are named that have findings of their own.
const BESIDE: i64 = 4;

/// A device that is being judged; the deed holds it.
pub(super) struct Bench<'a> {
    pub(super) fleet: &'a Fleet,
    /// The device as it acts.
    pub(super) actor: &'a Actor,
    pub(super) device: Device,
    /// Its batch's code.
    pub(super) batch: String,
    pub(super) policy: Policy,
    /// What it was ever made of; nothing where that is not asked about.
    pub(super) components: Vec<Component>,
    /// The most that a rule does by itself for a device of this model at present.
    pub(super) most: Response,
}

/// What was looked at: of the rest nothing is said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Scope {
    /// How it polls.
    Polls,
    /// What it reports.
    Report,
}

/// What is done about a finding.
enum Step<'a> {
    /// What is observed now is told of.
    Tell(&'a Suspicion, &'a Whole),
    /// What it was about is seen no more.
    Outlive(&'a Reason),
    /// It becomes part of another one.
    Fold(&'a Fold),
}

impl Step<'_> {
    fn cause(&self) -> String {
        match self {
            Self::Tell(suspicion, _) => cause_of(suspicion),
            Self::Outlive(past) => past.cause.clone(),
            Self::Fold(fold) => fold.part.cause.clone(),
        }
    }
}

/// What is observed with what stood before.
struct Whole {
    suspicion: Suspicion,
    /// The most that follows from it or did.
    response: Option<Response>,
}

/// What came of it.
pub(super) struct Judged {
    /// What speaks against the device from now on.
    pub(super) reasons: Vec<Reason>,
    /// What its history tells.
    pub(super) entries: Vec<Entry>,
    /// The most that follows, and why, in a sentence.
    pub(super) follows: Option<(Response, String)>,
    /// The causes of the findings that are settled by it.
    pub(super) settled: Vec<String>,
    /// The causes of the findings that became part of others, and of these.
    pub(super) folded: Vec<(String, String)>,
    /// Whether it is trusted again.
    pub(super) is_released: bool,
    /// Whether the report closed the device's repair.
    pub(super) is_repaired: bool,
}

impl Judged {
    /// Nothing is new.
    pub(super) const fn nothing(reasons: Vec<Reason>) -> Self {
        Self {
            reasons,
            entries: Vec::new(),
            follows: None,
            settled: Vec::new(),
            folded: Vec::new(),
            is_released: false,
            is_repaired: false,
        }
    }
}

impl Scope {
    fn covers(self, kind: FindingKind) -> bool {
        (kind == FindingKind::CloneSuspected) == (self == Self::Polls)
    }
}

impl Bench<'_> {
    /// Judges a device by all signals of a scope, in the light of what spoke against it earlier.
    pub(super) async fn judge(
        &self,
        deed: &mut Deed<'_>,
        signals: &[Signal],
        earlier: Vec<Reason>,
        scope: Scope,
    ) -> Result<Judged> {
        let now = self.fleet.now();
        let of =
            Subject { serial: &self.device.serial, batch: &self.batch, manifest_version: self.device.manifest_version };
        let found = gathered(suspicions(signals, &of), &of);
        let (mine, mut reasons): (Vec<Reason>, Vec<Reason>) =
            earlier.into_iter().partition(|reason| scope.covers(reason.kind));
        let mut judged = Judged::nothing(Vec::new());
        let told: Vec<&Suspicion> =
            found.iter().filter(|suspicion| self.decide(suspicion, self.most).is_some()).collect();
        let (mut wholes, mut elsewhere) = (Vec::with_capacity(found.len()), Vec::new());
        for seen in &found {
            let (whole, told_there) = self.whole(deed, seen, &told, &mine).await?;
            reasons.push(reason_of(&whole, now));
            wholes.push(whole);
            elsewhere.extend(told_there);
        }
        elsewhere.retain(|one| !reasons.iter().chain(&mine).any(|known| known.cause == one.cause));
        let folds = fold::plan(deed, self, &told, &mine).await?;
        let tells = found.iter().zip(&wholes).map(|(seen, whole)| Step::Tell(seen, whole));
        let mut steps: Vec<Step<'_>> = tells.chain(folds.iter().map(Step::Fold)).collect();
        let mut outlives = Vec::new();
        for past in &mine {
            if let Some(whole) = fold::whole_of(&told, &past.signals).filter(|_| !past.is_about(&told)) {
                // It is told there, and what followed from it still does.
                let cause = cause_of(whole);
                for reason in reasons.iter_mut().filter(|reason| reason.cause == cause) {
                    reason.response = reason.response.max(past.response);
                }
            } else if !reasons.iter().any(|r| r.cause == past.cause || r.speaks_for(past)) {
                outlives.push(past);
            }
        }
        steps.extend(outlives.into_iter().map(Step::Outlive));
        // In one order: others write the same findings.
        steps.sort_by_cached_key(Step::cause);
        let mut is_braked = false;
        let mut outlived = Vec::new();
        for step in steps {
            match step {
                Step::Tell(seen, whole) => {
                    let before = mine.iter().find(|reason| reason.cause == cause_of(seen));
                    is_braked |= self.tell(deed, (seen, whole), (before, &folds), scope, &mut judged).await?;
                }
                Step::Outlive(past) => {
                    let may_go = self.may_go(deed, past, &found).await?;
                    outlived.extend(self.outlived(deed, past.clone(), (may_go, now), &mut judged).await?);
                }
                Step::Fold(fold) => fold::carry_out(deed, fold, &mut judged, now).await?,
            }
        }
        fold::level(deed, &mut judged, now).await?;
        reasons.extend(outlived.into_iter().chain(elsewhere));
        if is_braked {
            brake::tell(deed, self).await?;
        }
        reasons.sort_by_key(|reason| std::cmp::Reverse(reason.score));
        let released = self.trusted_again(deed, &reasons).await?;
        judged.is_released = released.is_some();
        judged.entries.extend(released);
        judged.reasons = reasons;
        Ok(judged)
    }

    /// What follows. That another device reports what this one's manifest lists is asked about, and cuts nothing off: it
    /// would be enough to report a number of a device to get rid of that device.
    pub(super) fn decide(&self, suspicion: &Suspicion, most: Response) -> Option<Response> {
        let is_listed = |signal: &Signal| match signal.copied() {
            Some(Copied::Part { identifier_key, .. }) => self.lists(identifier_key),
            _ => false,
        };
        let mut strong = suspicion.signals.iter().filter(|signal| signal.is_strong());
        let most = if strong.all(is_listed) { most.min(Response::Ask) } else { most };
        self.policy.decide_up_to(suspicion, most)
    }

    /// Whether the newest manifest lists this identifier.
    pub(super) fn lists(&self, key: &str) -> bool {
        let newest = self.device.manifest_version;
        self.components.iter().any(|component| component.is_in(newest) && component.part.identifier_key == key)
    }

    /// What is `seen`, beside what stands of the same cause since earlier, and what of that a finding about several tells on.
    /// What followed from it goes on to; nothing follows from it again.
    async fn whole(
        &self,
        deed: &mut Deed<'_>,
        seen: &Suspicion,
        told: &[&Suspicion],
        mine: &[Reason],
    ) -> Result<(Whole, Option<Reason>)> {
        let response = self.decide(seen, self.most);
        let stood = Stood::beside(deed, seen, told, mine).await?;
        let whole = match stood.whole {
            None => Whole { suspicion: seen.clone(), response },
            Some((suspicion, past)) => Whole { suspicion, response: response.max(past.response) },
        };
        Ok((whole, stood.elsewhere))
    }

    /// Notes a suspicion's finding with what stood before, and what follows from what is `seen` now where it says more than
    /// before. Whether more would have followed if rules had not done so much already. `folds` is what becomes part of it
    /// or of others.
    async fn tell(
        &self,
        deed: &mut Deed<'_>,
        (seen, Whole { suspicion: whole, response: most }): (&Suspicion, &Whole),
        (before, folds): (Option<&Reason>, &[Fold]),
        scope: Scope,
        judged: &mut Judged,
    ) -> Result<bool> {
        let Some(response) = self.decide(seen, self.most) else { return Ok(false) };
        let cause = cause_of(whole);
        let stands = store::finding::by_cause(&mut deed.tx, &cause).await?;
        let is_open = stands.is_some_and(|finding| finding.state == FindingState::Open);
        let is_known = is_open && before.is_some_and(|before| says_no_more(whole, before));
        let times = fold::times(folds, &cause) + i64::from(!is_known || scope == Scope::Polls);
        // Noted as well where it only gets parts: whoever settles it at the same moment must not leave them behind.
        if times == 0 && !folds.iter().any(|fold| fold.whole == cause) {
            return Ok(false);
        }
        let mut found = self.found(whole, most.unwrap_or(response));
        found.words.push_str(&self.beside(deed, whole, folds).await?);
        finding::note_times(&mut deed.tx, &found, times, self.fleet.now()).await?;
        deed.ring("finding", reason::kind(whole.cause.topic).as_str()).await?;
        if is_known {
            return Ok(false);
        }
        if let Some(event) = seen.event(&self.device.serial) {
            judged.entries.push(self.entry(event));
        }
        if judged.follows.as_ref().is_none_or(|(most, _)| *most < response) {
            judged.follows = Some((response, seen.headline()));
        }
        let meant = self.decide(seen, Response::Quarantine);
        Ok(response < Response::Hold && meant.is_some_and(|meant| meant >= Response::Hold))
    }

    fn found<'s>(&self, suspicion: &'s Suspicion, response: Response) -> Found<'s> {
        let topic = suspicion.cause.topic;
        let is_of_one = suspicion.is_of_one();
        let mut detail = json!({
            "score": suspicion.score, "response": response, "sentences": suspicion.sentences(),
            "signals": suspicion.signals,
        });
        if is_of_one && let Some(object) = detail.as_object_mut() {
            object.insert("serial".to_owned(), json!(self.device.serial));
        }
        let elsewhere = suspicion.signals.iter().any(|signal| matches!(signal, Signal::Copied { batch: None, .. }));
        Found {
            kind: reason::kind(topic),
            about: &suspicion.cause.about,
            batch: (!elsewhere).then_some(self.device.batch_id),
            authority: None,
            device: is_of_one.then_some(self.device.id),
            words: suspicion.headline(),
            detail,
        }
    }

    /// Of whom a copied identifier is found, too, in a sentence: nobody could know better of whoever reported it first, and
    /// what was found there, and isn't explained by this, is for a person to settle along with it.
    async fn beside(&self, deed: &mut Deed<'_>, suspicion: &Suspicion, folds: &[Fold]) -> Result<String> {
        let copied = suspicion.signals.first().and_then(Signal::copied);
        let Some(Copied::Part { identifier_key, .. }) = copied else { return Ok(String::new()) };
        let others = store::report::reporting(&mut deed.tx, identifier_key, self.device.id, BESIDE).await?;
        let cause = cause_of(suspicion);
        let is_next = |fold: &&Fold| fold.part.state == FindingState::Open && fold.part.cause > cause;
        let mut serials = Vec::new();
        for other in others {
            let device = DeviceId(other.id);
            let next = folds.iter().filter(is_next).filter(|fold| fold.part.device_id == Some(device)).count();
            let open = store::finding::open_of_device(&mut deed.tx, device).await?;
            if usize::try_from(open).unwrap_or_default() > next {
                serials.push(other.serial);
            }
        }
        serials.sort_unstable();
        Ok(match serials.len() {
            0 => String::new(),
            _ => format!(" Findings of their own: {}.", serials.join(", ")),
        })
    }

    /// A device that only weak signals spoke against is trusted again once nothing does.
    async fn trusted_again(&self, deed: &mut Deed<'_>, reasons: &[Reason]) -> Result<Option<Entry>> {
        let speaks = reasons.iter().any(|reason| reason.response.is_some());
        if self.device.trust != Trust::Suspect || speaks {
            return Ok(None);
        }
        if store::finding::stand_of_device(&mut deed.tx, self.device.id).await? > 0 {
            return Ok(None);
        }
        let reason = "What it reports fits its manifest.".to_owned();
        Ok(Some(Entry { actor: super::RULE.name().to_owned(), ..self.entry(Event::Released { reason }) }))
    }

    pub(super) fn entry(&self, event: Event) -> Entry {
        self.fleet.entry(self.actor, self.fleet.now(), "", event)
    }
}

fn reason_of(whole: &Whole, at: Timestamp) -> Reason {
    let Whole { suspicion, response } = whole;
    Reason {
        cause: cause_of(suspicion),
        kind: reason::kind(suspicion.cause.topic),
        score: suspicion.score,
        response: *response,
        signals: suspicion.signals.clone(),
        at,
        is_past: false,
    }
}

/// By what a suspicion's finding is found again.
pub(super) fn cause_of(suspicion: &Suspicion) -> String {
    finding::cause(reason::kind(suspicion.cause.topic), &suspicion.cause.about)
}

/// Whether a suspicion says no more than what is known. Of hardware every other part is news, also of what a batch
/// came with, but not in how many devices that is; of polls and copies only what weighs more is.
fn says_no_more(suspicion: &Suspicion, before: &Reason) -> bool {
    if before.is_past {
        return false;
    }
    match suspicion.cause.topic {
        domain::suspicion::Topic::Hardware => suspicion.signals == before.signals,
        domain::suspicion::Topic::Overproduction => {
            let is_same = |one: &Signal, other: &Signal| one.is_again(other) && one.unlisted() == other.unlisted();
            suspicion.signals.iter().all(|signal| before.signals.iter().any(|known| is_same(signal, known)))
        }
        _ => suspicion.score <= before.score,
    }
}

/// What is on the audit chain of what followed.
pub(super) fn detail(judged: &Judged) -> Value {
    let reasons: Vec<Value> = judged
        .reasons
        .iter()
        .filter(|reason| reason.response.is_some())
        .map(|reason| json!({"cause": reason.cause, "score": reason.score, "response": reason.response}))
        .collect();
    let folded: Vec<Value> =
        judged.folded.iter().map(|(cause, whole)| json!({"finding": cause, "part_of": whole})).collect();
    json!({ "reasons": reasons, "settled": judged.settled, "folded": folded, "released": judged.is_released })
}
