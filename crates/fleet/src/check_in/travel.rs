//! Where devices say that they are: one that was elsewhere a moment ago is two.

use super::{
    judge::{Bench, Judged, Scope},
    reason::{self, Reason},
};
use crate::{Deed, Result};
use domain::{
    authority::FindingState,
    report::Reported,
    suspicion::{Sighting, Signal, Topic, travel},
    time::Timestamp,
};

/// Where the device is by what it sent now; nothing when that did not say all of it: half a place beside half of an
/// earlier one is none, and what the earlier one was called says nothing of this one. The time is ours: a device's clock
/// may be anything.
pub(super) fn seen(sent: &Reported, now: Timestamp) -> Option<Sighting> {
    sent.position.is_known().then(|| sent.position.sighting(now))
}

/// Whether both are one place.
pub(super) fn is_same(one: &Sighting, other: &Sighting) -> bool {
    (one.latitude, one.longitude) == (other.latitude, other.longitude)
}

/// What two sightings say against a device.
pub(super) fn between(before: Option<&Sighting>, now: Option<&Sighting>) -> Option<Signal> {
    travel(before?, now?)
}

/// Everything of a clone that stands, and this. What somebody has settled speaks against the device no more.
pub(super) async fn with_earlier(deed: &mut Deed<'_>, earlier: &[Reason], signal: Signal) -> Result<Vec<Signal>> {
    let mut signals = Vec::new();
    for reason in earlier.iter().filter(|reason| reason.kind == reason::kind(Topic::Clone)) {
        let stands = store::finding::by_cause(&mut deed.tx, &reason.cause).await?;
        if stands.is_some_and(|finding| finding.state == FindingState::Open) {
            signals.extend(reason.signals.clone());
        }
    }
    signals.push(signal);
    Ok(signals)
}

/// Judges by it, beside what was judged already.
pub(super) async fn judge(deed: &mut Deed<'_>, bench: &Bench<'_>, judged: Judged, signal: Signal) -> Result<Judged> {
    let signals = with_earlier(deed, &judged.reasons, signal).await?;
    let reasons = judged.reasons.clone();
    let travelled = bench.judge(deed, &signals, reasons, Scope::Polls).await?;
    let mut entries = judged.entries;
    // What it reports alone would have let it go; where it was does not.
    if judged.is_released {
        entries.retain(|entry| !matches!(entry.event, domain::history::Event::Released { .. }));
    }
    entries.extend(travelled.entries);
    let follows = match (judged.follows, travelled.follows) {
        (Some(one), Some(other)) => Some(if one.0 >= other.0 { one } else { other }),
        (one, other) => one.or(other),
    };
    Ok(Judged {
        reasons: travelled.reasons,
        entries,
        follows,
        settled: judged.settled,
        folded: judged.folded,
        is_released: travelled.is_released,
        is_repaired: judged.is_repaired,
    })
}
