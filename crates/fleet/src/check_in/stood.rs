//! What stands about a device by strong signals: a later report adds to it and takes nothing of it back. Only a person
//! settles it, or a new manifest that records exactly what was observed. A device could otherwise report something light,
//! then what is listed, and be rid of it.

use super::{
    judge::{Bench, Judged, cause_of},
    reason::Reason,
};
use crate::{Deed, Result, finding::signals_of};
use domain::{
    authority::{FindingKind, FindingState},
    identifier::normalise,
    suspicion::{Copied, Signal, Suspicion, score},
    time::Timestamp,
};
use store::finding::Finding;

/// What stands beside what is seen now.
#[derive(Default)]
pub(super) struct Stood<'r> {
    /// What is seen with what stood for the same cause, and that; none where nothing strong stands for it by itself.
    pub(super) whole: Option<(Suspicion, &'r Reason)>,
    /// What stood for the same cause as part of a finding about several, which tells it on.
    pub(super) elsewhere: Option<Reason>,
}

impl<'r> Stood<'r> {
    /// What stands beside what is `seen` now. What others that are `told` explain is told there.
    pub(super) async fn beside(
        deed: &mut Deed<'_>,
        seen: &Suspicion,
        told: &[&Suspicion],
        mine: &'r [Reason],
    ) -> Result<Self> {
        let cause = cause_of(seen);
        let past = mine.iter().find(|past| seen.is_of_one() && past.cause == cause && past.is_strong());
        let Some(past) = past else { return Ok(Self::default()) };
        let Some(found) = store::finding::by_cause(&mut deed.tx, &cause).await? else { return Ok(Self::default()) };
        if !store::finding::stands(&mut deed.tx, &found).await? {
            return Ok(Self::default());
        }
        let mut elsewhere = None;
        let mut stood = past.signals.clone();
        stood.retain(|signal| !told.iter().any(|other| other.explains(signal, &past.signals)));
        if let Some(whole) = found.part_of.as_deref().filter(|_| found.state == FindingState::Folded) {
            // It explains all of it, or it would not be part of that.
            stood.clear();
            elsewhere = store::finding::by_cause(&mut deed.tx, whole).await?.map(|whole| told_by(&whole, past));
        }
        let is_strong = stood.iter().any(Signal::is_strong);
        Ok(Self { whole: is_strong.then(|| (seen.beside(&stood), past)), elsewhere })
    }
}

/// What is past of a device, as the finding about several tells it that it is part of.
fn told_by(whole: &Finding, past: &Reason) -> Reason {
    let signals = signals_of(whole);
    let (cause, kind) = (whole.cause.clone(), whole.kind);
    Reason { cause, kind, score: score(&signals), signals, is_past: true, ..past.clone() }
}

/// Whether all that was strong is recorded by the newest manifest, which `lists` identifiers, or is told by what is
/// `found` against it as strongly.
fn is_put_right(past: &Reason, found: &[Suspicion], lists: impl Fn(&str) -> bool) -> bool {
    let is_told = |strong: &Signal| {
        let same =
            |now: &Signal| now.is_strong() && now.is_again(strong) && now.unlisted_key() == strong.unlisted_key();
        found.iter().flat_map(|suspicion| &suspicion.signals).any(same)
    };
    past.signals.iter().filter(|signal| signal.is_strong()).all(|strong| strong.is_put_right(&lists) || is_told(strong))
}

impl Bench<'_> {
    /// Whether a rule may settle what spoke against the device and does not any more, among what is `found` now; none where
    /// it says nothing of it. What was weak, or was put right by a new manifest, is settled; what was strong waits for a
    /// person: an accomplice could otherwise wash it away. A repair of something else puts nothing right.
    pub(super) async fn may_go(&self, deed: &mut Deed<'_>, past: &Reason, found: &[Suspicion]) -> Result<Option<bool>> {
        Ok(match past.kind {
            FindingKind::HardwareMismatch => {
                let is_of_before = !past.cause.ends_with(&format!(":{}", self.device.manifest_version));
                let is_recorded = || is_put_right(past, found, |key| self.lists(key));
                Some(!past.is_strong() || (is_of_before && is_recorded()))
            }
            FindingKind::IdentifierCopied => Some(!past.is_strong() && self.is_last_copy(deed, past).await?),
            // It is about the batch, and others of that stay. Only a part that is listed by now is put right.
            FindingKind::BeyondBatch if past.is_strong() && !self.lists_all(past) => Some(false),
            _ => None,
        })
    }

    /// Settles what spoke against the device and does not any more, if a rule may; else it is kept as past.
    pub(super) async fn outlived(
        &self,
        deed: &mut Deed<'_>,
        past: Reason,
        (may_go, now): (Option<bool>, Timestamp),
        judged: &mut Judged,
    ) -> Result<Option<Reason>> {
        let Some(may_go) = may_go else { return Ok(None) };
        let Some(found) = store::finding::by_cause(&mut deed.tx, &past.cause).await? else { return Ok(None) };
        if !store::finding::stands(&mut deed.tx, &found).await? || (!may_go && !past.is_strong()) {
            return Ok(None);
        }
        if !may_go {
            return Ok(Some(Reason { is_past: true, ..past }));
        }
        let is_settled = match found.part_of.as_deref().filter(|_| found.state == FindingState::Folded) {
            Some(whole) => store::finding::resolve_part(&mut deed.tx, (&past.cause, whole), now).await?,
            // What others became part of is settled by people, so that nothing goes along unseen.
            None if store::finding::folded_within(&mut deed.tx, &past.cause).await? > 0 => false,
            None => store::finding::resolve(&mut deed.tx, &past.cause, now).await?,
        };
        if is_settled {
            deed.ring("finding", past.kind.as_str()).await?;
            judged.settled.push(past.cause);
        }
        Ok(None)
    }

    /// Whether the newest manifest lists every part by now that was on no list. What is about no part, as that the device
    /// itself is on no list, isn't put right by one.
    fn lists_all(&self, past: &Reason) -> bool {
        past.signals.iter().all(|signal| {
            let key = signal.unlisted().and_then(|(class, text)| normalise(class, text).ok());
            key.is_some_and(|found| self.lists(&found.key))
        })
    }

    /// A copy is one no more when a single device is left that has it.
    async fn is_last_copy(&self, deed: &mut Deed<'_>, past: &Reason) -> Result<bool> {
        for signal in &past.signals {
            let Some(Copied::Part { identifier_key, .. }) = signal.copied() else { continue };
            if store::report::reporting(&mut deed.tx, identifier_key, self.device.id, 2).await?.len() > 1 {
                return Ok(false);
            }
        }
        Ok(true)
    }
}
