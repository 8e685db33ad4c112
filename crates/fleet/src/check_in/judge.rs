//! From what was observed to what is told of it: findings by cause, entries of the history, what follows.

use super::{
    copies,
    reason::{self, Reason},
};
use crate::{
    Actor, Deed, Fleet, Result,
    finding::{self, Found},
};
use domain::{
    authority::{FindingKind, FindingState},
    device::{Device, Trust},
    history::{Entry, Event},
    suspicion::{Copied, Policy, Response, Signal, Subject, Suspicion, Topic, suspicions},
    time::Timestamp,
};
use serde_json::{Value, json};
use store::report::Holder;

/// How many devices that had a copied identifier first are looked at.
const FIRST_FEW: i64 = 8;

/// A device that is being judged; the deed holds it.
pub(super) struct Bench<'a> {
    pub(super) fleet: &'a Fleet,
    /// The device as it acts.
    pub(super) actor: &'a Actor,
    pub(super) device: Device,
    /// Its batch's code.
    pub(super) batch: String,
    pub(super) policy: Policy,
}

/// What was looked at: of the rest nothing is said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Scope {
    /// How it polls.
    Polls,
    /// What it reports.
    Report,
}

/// What came of it.
pub(super) struct Judged {
    /// What speaks against the device from now on.
    pub(super) reasons: Vec<Reason>,
    /// What its history tells.
    pub(super) entries: Vec<Entry>,
    /// The most that follows, and why, in a sentence.
    pub(super) follows: Option<(Response, String)>,
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
        let mut found = suspicions(signals, &of);
        // In one order: others write the same findings.
        found.sort_by(|a, b| a.cause.cmp(&b.cause));
        let (mine, mut reasons): (Vec<Reason>, Vec<Reason>) =
            earlier.into_iter().partition(|reason| scope.covers(reason.kind));
        let mut judged = Judged { reasons: Vec::new(), entries: Vec::new(), follows: None };
        for suspicion in &found {
            let before = mine.iter().find(|reason| reason.cause == suspicion.cause.to_string());
            self.tell(deed, suspicion, before, scope, &mut judged).await?;
            reasons.push(self.reason(suspicion, now));
        }
        for past in mine {
            if !reasons.iter().any(|reason| reason.cause == past.cause) {
                reasons.extend(self.outlived(deed, past, now).await?);
            }
        }
        reasons.sort_by_key(|reason| std::cmp::Reverse(reason.score));
        judged.entries.extend(self.trusted_again(deed, &reasons).await?);
        judged.reasons = reasons;
        Ok(judged)
    }

    fn reason(&self, suspicion: &Suspicion, at: Timestamp) -> Reason {
        Reason {
            cause: suspicion.cause.to_string(),
            kind: reason::kind(suspicion.cause.topic),
            score: suspicion.score,
            response: self.policy.decide(suspicion),
            signals: suspicion.signals.clone(),
            at,
            is_past: false,
        }
    }

    /// Notes a suspicion's finding, and what follows from it where it says more than before.
    async fn tell(
        &self,
        deed: &mut Deed<'_>,
        suspicion: &Suspicion,
        before: Option<&Reason>,
        scope: Scope,
        judged: &mut Judged,
    ) -> Result<()> {
        let Some(response) = self.policy.decide(suspicion) else { return Ok(()) };
        let cause = suspicion.cause.to_string();
        let stands = store::finding::by_cause(&mut deed.tx, &cause).await?;
        let is_open = stands.is_some_and(|finding| finding.state == FindingState::Open);
        let is_known = is_open && before.is_some_and(|before| says_no_more(suspicion, before));
        if is_known && scope == Scope::Report {
            return Ok(());
        }
        finding::note(&mut deed.tx, &self.found(suspicion, response), self.fleet.now()).await?;
        deed.ring("finding", reason::kind(suspicion.cause.topic).as_str()).await?;
        self.explain_first_few(deed, suspicion).await?;
        if is_known {
            return Ok(());
        }
        if let Some(event) = suspicion.event(&self.device.serial) {
            judged.entries.push(self.entry(event));
        }
        if judged.follows.as_ref().is_none_or(|(most, _)| *most < response) {
            judged.follows = Some((response, suspicion.headline()));
        }
        Ok(())
    }

    fn found<'s>(&self, suspicion: &'s Suspicion, response: Response) -> Found<'s> {
        let topic = suspicion.cause.topic;
        let is_of_one = matches!(topic, Topic::Hardware | Topic::Clone);
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

    /// Who reported a copied identifier first was told of a part that differs: nobody could know better then. One mistake
    /// is one finding, so that is settled where the copy explains all of it.
    async fn explain_first_few(&self, deed: &mut Deed<'_>, suspicion: &Suspicion) -> Result<()> {
        if suspicion.cause.topic != Topic::Copy {
            return Ok(());
        }
        for signal in &suspicion.signals {
            let (Signal::Copied { copied, .. } | Signal::GoldenImage { copied, .. }) = signal else { continue };
            let Copied::Part { identifier_key, identifier, .. } = copied else { continue };
            let others = store::report::reporting(&mut deed.tx, identifier_key, self.device.id, FIRST_FEW).await?;
            for other in others {
                self.explain(deed, &other, identifier).await?;
            }
        }
        Ok(())
    }

    async fn explain(&self, deed: &mut Deed<'_>, other: &Holder, identifier: &str) -> Result<()> {
        let id = domain::id::DeviceId(other.id);
        let Some(report) = store::report::of_device_within(&mut deed.tx, id).await? else { return Ok(()) };
        let reasons = reason::read(&report.reasons);
        let hardware = reasons.iter().filter(|reason| reason.kind == FindingKind::HardwareMismatch);
        for reason in hardware {
            // The slot may be called otherwise there; what is reported is the same.
            let slot = reason.signals.iter().find_map(|signal| match signal {
                Signal::PartChanged { slot, reported, .. } | Signal::PartBeyondManifest { slot, reported, .. }
                    if reported == identifier =>
                {
                    Some(slot.clone())
                }
                _ => None,
            });
            let Some(slot) = slot else { continue };
            let copy = [(slot, Signal::DeviceBeyondBatch { batch: String::new() })];
            if copies::without_explained(reason.signals.clone(), &copy).is_empty() {
                store::finding::resolve(&mut deed.tx, &reason.cause, self.fleet.now()).await?;
            }
        }
        Ok(())
    }

    /// What spoke against the device and does not any more. What was weak, or was put right by a new manifest, is settled;
    /// what was strong waits for a person.
    async fn outlived(&self, deed: &mut Deed<'_>, past: Reason, now: Timestamp) -> Result<Option<Reason>> {
        let is_hardware = past.kind == FindingKind::HardwareMismatch;
        let of_present = format!(":{}", self.device.manifest_version);
        let is_put_right = !past.cause.ends_with(&of_present);
        let is_strong = past.signals.iter().any(Signal::is_strong);
        if is_hardware && is_strong && !is_put_right {
            return Ok(Some(Reason { is_past: true, ..past }));
        }
        if is_hardware && store::finding::resolve(&mut deed.tx, &past.cause, now).await? {
            deed.ring("finding", past.kind.as_str()).await?;
        }
        if past.kind == FindingKind::IdentifierCopied {
            self.settle_copy(deed, &past, now).await?;
        }
        Ok(None)
    }

    /// A copy is one no more when a single device is left that has it.
    async fn settle_copy(&self, deed: &mut Deed<'_>, past: &Reason, now: Timestamp) -> Result<()> {
        for signal in &past.signals {
            let (Signal::Copied { copied, .. } | Signal::GoldenImage { copied, .. }) = signal else { continue };
            let Copied::Part { identifier_key, .. } = copied else { continue };
            let left = store::report::reporting(&mut deed.tx, identifier_key, self.device.id, 2).await?;
            if left.len() < 2 && store::finding::resolve(&mut deed.tx, &past.cause, now).await? {
                deed.ring("finding", past.kind.as_str()).await?;
            }
        }
        Ok(())
    }

    /// A device that only weak signals spoke against is trusted again once nothing does.
    async fn trusted_again(&self, deed: &mut Deed<'_>, reasons: &[Reason]) -> Result<Option<Entry>> {
        let speaks = reasons.iter().any(|reason| reason.response.is_some());
        if self.device.trust != Trust::Suspect || speaks {
            return Ok(None);
        }
        if store::finding::open_of_device(&mut deed.tx, self.device.id).await? > 0 {
            return Ok(None);
        }
        let reason = "What it reports fits its manifest.".to_owned();
        Ok(Some(Entry { actor: super::RULE.name().to_owned(), ..self.entry(Event::Released { reason }) }))
    }

    pub(super) fn entry(&self, event: Event) -> Entry {
        self.fleet.entry(self.actor, self.fleet.now(), "", event)
    }
}

/// Whether a suspicion says no more than what is known. Of hardware every other part is news; of polls and copies only
/// what weighs more is.
fn says_no_more(suspicion: &Suspicion, before: &Reason) -> bool {
    if before.is_past {
        return false;
    }
    match suspicion.cause.topic {
        Topic::Hardware => suspicion.signals == before.signals,
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
    json!({ "reasons": reasons })
}
