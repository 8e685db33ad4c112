//! What a model's policy lets follow. Each can be undone by people; nothing here revokes for good.

use super::{
    brake,
    judge::{Bench, Judged, detail},
    release::after_repair,
};
use crate::{Deed, Fleet, Result, custody::append, revocation::withhold};
use domain::{
    device::Trust,
    history::{Entry, Event},
    suspicion::Response,
};

impl Fleet {
    /// Writes the history that a judgement tells, does what follows, and ends the deed. What a rule cuts off, settles,
    /// makes part of something else or lets go again is audited; the rest is what the device did.
    pub(super) async fn conclude(&self, mut deed: Deed<'_>, bench: &Bench<'_>, mut judged: Judged) -> Result<()> {
        let is_settled = !judged.settled.is_empty() || judged.is_released;
        let is_folded = !judged.folded.is_empty();
        let mut entries = std::mem::take(&mut judged.entries);
        let mut cut_off = false;
        if let Some((response, why)) = judged.follows.as_ref().filter(|(response, _)| *response >= Response::Hold)
            && !matches!(bench.device.trust, Trust::Quarantined | Trust::Revoked)
        {
            entries.extend(cut_off_for_now(&mut deed, bench, *response, why).await?);
            brake::count(&mut deed, bench.device.model_id).await?;
            cut_off = true;
        }
        if !entries.is_empty() {
            append(&mut deed, &bench.device, entries).await?;
        }
        let is_let_go = judged.is_repaired && !cut_off && after_repair(&mut deed, &bench.device).await?;
        judged.is_released |= is_let_go;
        let serial = &bench.device.serial;
        deed.ring("device", serial).await?;
        let subject = format!("device:{serial}");
        let detail = detail(&judged);
        match (cut_off, is_let_go, is_settled, is_folded) {
            (true, ..) => deed.commit("certificate.hold", &subject, &detail).await?,
            (_, true, ..) => deed.commit("certificate.release", &subject, &detail).await?,
            (_, _, true, _) => return deed.commit("finding.resolve", &subject, &detail).await,
            (.., true) => return deed.commit("finding.fold", &subject, &detail).await,
            _ => return deed.commit_as_history().await,
        }
        if let Err(error) = self.refresh_trust().await {
            // It is durable; the follower tries again within the blink of an eye.
            tracing::error!(%error, device = serial, "the trust of this process has not followed yet");
        }
        self.wake_revoker();
        Ok(())
    }
}

/// Puts the device's certificates on hold. A device without one is let in by its token, which its trust decides on.
///
/// The history tells it in the order in which one follows from the other: what was found, that the device is quarantined
/// for it, that its certificates are held for that. Entries are in the order of their times, and that of a hold gets the
/// time from which it counts when records follow, at whichever node: so holds count from a microsecond later.
async fn cut_off_for_now(
    deed: &mut Deed<'_>,
    bench: &Bench<'_>,
    response: Response,
    why: &str,
) -> Result<Option<Entry>> {
    let device = &bench.device;
    let entry = bench.entry(Event::Quarantined { reason: why.to_owned() });
    let certificates =
        store::report::counting_certificates(&mut deed.tx, (device.id, &device.serial), entry.at).await?;
    for (authority, serial) in &certificates {
        withhold(deed, (*authority, serial), why, entry.at.plus(1)).await?;
    }
    let is_quarantined = response == Response::Quarantine || certificates.is_empty();
    Ok(is_quarantined.then(|| Entry { actor: super::RULE.name().to_owned(), ..entry }))
}
