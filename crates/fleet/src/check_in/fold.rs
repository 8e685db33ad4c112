//! One finding per cause: what was found at one device, and is explained by what is found at several, becomes part of that
//! finding. It is not settled: it stands as long as the other does, and its device stays as it is. Whatever that finding
//! does not explain to the last observation stays a finding of its own, so that nobody can hide one thing behind another.

use super::{
    judge::{Bench, Judged, cause_of},
    reason::{self, Reason},
};
use crate::{
    Deed, Result,
    finding::{self, signals_of},
};
use domain::{
    authority::FindingState,
    suspicion::{Copied, SIGNALS_MAX, Signal, Subject, Suspicion},
    time::Timestamp,
};
use std::collections::{BTreeMap, BTreeSet};
use store::finding::Finding;

/// Of how many other devices that report the same the findings are looked at, and of how many parts of a finding that
/// becomes part of another one.
const HOLDERS: i64 = 20;
const PARTS: i64 = 100;
/// How many findings become part of one; what comes beyond stays by itself. People settle up to a thousand along with one.
const MOST: i64 = 900;

/// A finding that becomes part of another one.
pub(super) struct Fold {
    pub(super) part: Finding,
    /// The cause of the other one.
    pub(super) whole: String,
}

/// How often what becomes part of a finding was found and no other counts: what was part of one was counted there.
pub(super) fn times(folds: &[Fold], whole: &str) -> i64 {
    let counts = |fold: &&Fold| fold.whole == whole && fold.part.state == FindingState::Open;
    folds.iter().filter(counts).map(|fold| fold.part.n - fold.part.carried).sum()
}

/// The key under which it is counted that a device came with a part from elsewhere in this slot.
pub(super) fn unlisted_key(slot: &str) -> String {
    format!("unlisted:{slot}")
}

/// Of what is told, what explains most of these observations, if all of them are explained.
pub(super) fn whole_of<'s>(told: &[&'s Suspicion], signals: &[Signal]) -> Option<&'s Suspicion> {
    let explained = |signal: &Signal| told.iter().any(|suspicion| suspicion.explains(signal, signals));
    // Of more only the first are kept: nobody knows what the others said.
    if signals.is_empty() || signals.len() >= SIGNALS_MAX || !signals.iter().all(explained) {
        return None;
    }
    let by = |suspicion: &&&Suspicion| signals.iter().filter(|signal| suspicion.explains(signal, signals)).count();
    told.iter().rev().max_by_key(by).copied()
}

/// Which findings become part of those that are told.
pub(super) async fn plan(
    deed: &mut Deed<'_>,
    bench: &Bench<'_>,
    told: &[&Suspicion],
    mine: &[Reason],
) -> Result<Vec<Fold>> {
    let mut candidates = Candidates::default();
    for suspicion in told.iter().filter(|suspicion| !suspicion.is_of_one()) {
        for signal in &suspicion.signals {
            of_holders(deed, bench, signal, &mut candidates.findings).await?;
        }
        narrower(deed, bench, suspicion, &mut candidates).await?;
    }
    for past in mine.iter().filter(|past| whole_of(told, &past.signals).is_some()) {
        if let Some(found) = store::finding::by_cause(&mut deed.tx, &past.cause).await? {
            candidates.add(deed, found).await?;
        }
    }
    let fold = |part: Finding| {
        let is_told = told.iter().any(|suspicion| cause_of(suspicion) == part.cause);
        let whole = whole_of(told, &signals_of(&part)).map(cause_of).filter(|_| !is_told)?;
        let is_news = match part.state {
            FindingState::Open => true,
            FindingState::Folded => part.part_of.as_ref() != Some(&whole),
            FindingState::Resolved => false,
        };
        is_news.then_some(Fold { part, whole })
    };
    let mut folds: Vec<Fold> = candidates.findings.into_values().filter_map(fold).collect();
    let wholes: BTreeSet<String> = folds.iter().map(|fold| fold.whole.clone()).collect();
    for whole in wholes {
        let more = i64::try_from(folds.iter().filter(|fold| fold.whole == whole).count()).unwrap_or(i64::MAX);
        if store::finding::folded_within(&mut deed.tx, &whole).await?.saturating_add(more) > MOST {
            folds.retain(|fold| fold.whole != whole);
        }
    }
    // All of it or none: a part must not be left with what is no finding of its own any more.
    for (whole, parts) in candidates.wholes {
        let goes = |cause: &String| folds.iter().any(|fold| fold.part.cause == *cause);
        if !parts.as_ref().is_some_and(|parts| goes(&whole) && parts.iter().all(goes)) {
            let parts = parts.unwrap_or_default();
            folds.retain(|fold| fold.part.cause != whole && !parts.contains(&fold.part.cause));
        }
    }
    Ok(folds)
}

/// Makes a finding part of another one.
pub(super) async fn carry_out(deed: &mut Deed<'_>, fold: &Fold, judged: &mut Judged, at: Timestamp) -> Result<()> {
    if store::finding::fold(&mut deed.tx, &fold.part, &fold.whole, at).await? {
        deed.ring("finding", fold.part.kind.as_str()).await?;
        judged.folded.push((fold.part.cause.clone(), fold.whole.clone()));
    }
    Ok(())
}

/// Lets what others became part of at the same moment stand by itself: nothing is part of a part, nor of what is settled.
/// To be asked once all is carried out.
pub(super) async fn level(deed: &mut Deed<'_>, judged: &mut Judged, at: Timestamp) -> Result<()> {
    let folded = judged.folded.iter().map(|(cause, _)| cause);
    for cause in folded.chain(&judged.settled).cloned().collect::<Vec<_>>() {
        if store::finding::folded_within(&mut deed.tx, &cause).await? > 0 {
            store::finding::alone(&mut deed.tx, &cause, at).await?;
            judged.folded.retain(|(known, _)| *known != cause);
            judged.settled.retain(|known| *known != cause);
        }
    }
    Ok(())
}

/// What may become part of what is told, by cause.
#[derive(Default)]
struct Candidates {
    findings: BTreeMap<String, Finding>,
    /// Of those that have parts themselves, the causes of these; none where they are too many.
    wholes: BTreeMap<String, Option<Vec<String>>>,
}

impl Candidates {
    /// Adds a finding with what is part of it.
    async fn add(&mut self, deed: &mut Deed<'_>, found: Finding) -> Result<()> {
        let parts = store::finding::standing_parts_within(&mut deed.tx, &found.cause, PARTS).await?;
        if !parts.is_empty() {
            let are_all = parts.len() < usize::try_from(PARTS).unwrap_or(usize::MAX);
            let causes = parts.iter().map(|part| part.cause.clone()).collect();
            self.wholes.insert(found.cause.clone(), Some(causes).filter(|_| are_all));
        }
        self.findings.extend(parts.into_iter().chain([found]).map(|finding| (finding.cause.clone(), finding)));
        Ok(())
    }
}

/// The findings of their own of others that report the same.
async fn of_holders(
    deed: &mut Deed<'_>,
    bench: &Bench<'_>,
    signal: &Signal,
    candidates: &mut BTreeMap<String, Finding>,
) -> Result<()> {
    let (key, is_of_batch) = match signal {
        Signal::Copied { copied: Copied::Part { identifier_key, .. }, batch, .. } => {
            (identifier_key.clone(), batch.is_some())
        }
        Signal::GoldenImage { copied: Copied::Part { identifier_key, .. }, .. } => (identifier_key.clone(), true),
        Signal::PartBeyondBatch { slot, .. } => (unlisted_key(slot), true),
        _ => return Ok(()),
    };
    let batch = is_of_batch.then_some(bench.device.batch_id);
    let found = store::finding::open_of_holders(&mut deed.tx, (&key, batch), bench.device.id, HOLDERS).await?;
    candidates.extend(found.into_iter().map(|finding| (finding.cause.clone(), finding)));
    Ok(())
}

/// The findings of what was told one by one before it was put together.
async fn narrower(
    deed: &mut Deed<'_>,
    bench: &Bench<'_>,
    suspicion: &Suspicion,
    candidates: &mut Candidates,
) -> Result<()> {
    let device = &bench.device;
    let of = Subject { serial: &device.serial, batch: &bench.batch, manifest_version: device.manifest_version };
    let own = cause_of(suspicion);
    for signal in &suspicion.signals {
        let cause = signal.cause(&of);
        let cause = finding::cause(reason::kind(cause.topic), &cause.about);
        if cause == own {
            continue;
        }
        let Some(found) = store::finding::by_cause(&mut deed.tx, &cause).await? else { continue };
        if found.state == FindingState::Open {
            candidates.add(deed, found).await?;
        }
    }
    Ok(())
}
