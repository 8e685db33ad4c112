//! The way back: devices that nothing speaks against any more, or that somebody lets go all the same.

use super::{RULE, device_of, reason};
use crate::{
    Actor, Deed, Error, Fleet, Result,
    custody::append,
    revocation::{is_of_rule, restore},
    trust::is_hold,
};
use domain::{
    device::{Device, Trust},
    history::{Entry, Event, voided},
    id::DeviceId,
    person::Permission,
};
use serde_json::json;

/// How long a reason may be, in characters.
const REASON_MAX: usize = 400;
/// Why a repair releases what rules held.
const REPAIRED: &str = "It was repaired, and reports exactly what its manifest lists.";

/// Lets a device go again that somebody has looked into: when no finding stands about it, neither of its own nor of
/// several, and nothing holds it but what findings said.
pub(crate) async fn trust_again(deed: &mut Deed<'_>, id: DeviceId, reason: &str) -> Result<()> {
    let Some(device) = store::device::lock(&mut deed.tx, id).await? else { return Ok(()) };
    let may_go = match device.trust {
        Trust::Suspect => true,
        Trust::Quarantined => store::report::holds(&mut deed.tx, &device.serial).await? == 0,
        Trust::Trusted | Trust::Revoked => false,
    };
    if !may_go
        || store::finding::stand_of_device(&mut deed.tx, id).await? > 0
        || reason::any_stands(&mut deed.tx, id).await?
    {
        return Ok(());
    }
    let event = Event::Released { reason: reason.to_owned() };
    let (fleet, actor) = (deed.fleet(), deed.actor());
    let entry = fleet.entry(actor, fleet.now(), "", event);
    append(deed, &device, vec![entry]).await?;
    deed.ring("device", &device.serial).await
}

/// Lets a device go that rules of check-in cut off, because its own report has closed its repair: when no finding stands
/// about it and nothing else holds it. What a person put on hold, a person releases. Whether it was let go.
pub(super) async fn after_repair(deed: &mut Deed<'_>, device: &Device) -> Result<bool> {
    let Some(device) = store::device::lock(&mut deed.tx, device.id).await? else { return Ok(false) };
    if device.trust != Trust::Quarantined
        || store::finding::stand_of_device(&mut deed.tx, device.id).await? > 0
        || reason::any_stands(&mut deed.tx, device.id).await?
    {
        return Ok(false);
    }
    let mut holds = Vec::new();
    for certificate in store::certificate::of_device_within(&mut deed.tx, &device.serial).await? {
        let cut = store::revoked::one_within(&mut deed.tx, certificate.authority_id, &certificate.serial).await?;
        let Some(cut) = cut.filter(|cut| is_hold(cut.reason)) else { continue };
        let act = store::revocation::by_id_within(&mut deed.tx, cut.revocation).await?;
        if !act.is_some_and(|act| is_of_rule(&act, &RULE)) {
            return Ok(false);
        }
        holds.push(cut);
    }
    let mut is_restored = false;
    for hold in &holds {
        is_restored |= restore(deed, hold.authority, (&hold.serial, hold.revocation), REPAIRED).await?;
    }
    let history = store::history::of_device_within(&mut deed.tx, device.id).await?;
    match quarantine(&history) {
        None => return Ok(is_restored),
        Some(entry) if entry.actor != RULE.name() => return Ok(false),
        Some(_) => {}
    }
    let event = Event::Released { reason: REPAIRED.to_owned() };
    let entry = deed.fleet().entry(&RULE, deed.fleet().now(), "", event);
    append(deed, &device, vec![entry]).await?;
    Ok(true)
}

/// The entry by which a device is quarantined by itself, whatever holds its certificates: that has an end of its own.
/// None where it isn't.
pub(crate) fn quarantine(history: &[Entry]) -> Option<&Entry> {
    let is_about = |event: &Event| matches!(event, Event::Quarantined { .. } | Event::Released { .. });
    let voided = voided(history);
    let last = history.iter().rev().find(|entry| is_about(&entry.event) && !voided.contains(&entry.id))?;
    matches!(last.event, Event::Quarantined { .. }).then_some(last)
}

impl Fleet {
    /// Whether a device is quarantined by itself, whatever its certificates say. Two reads at most.
    ///
    /// # Errors
    /// When the actor is no device, or the database fails.
    pub async fn is_quarantined(&self, actor: &Actor) -> Result<bool> {
        let (id, serial) = device_of(actor)?;
        let device = store::device::by_serial(self.db(), serial).await?;
        if device.is_none_or(|device| device.trust != Trust::Quarantined) {
            return Ok(false);
        }
        Ok(quarantine(&store::history::of_device(self.db(), id).await?).is_some())
    }

    /// Lets a quarantined device go whose certificates are not on hold: one that comes with a token has no certificate
    /// that could be released. Findings about it stand until somebody settles them.
    ///
    /// # Errors
    /// When the actor may not, there is no such device, no reason is given, it is not quarantined, or a certificate of it
    /// is on hold, which is released by itself.
    pub async fn release_quarantine(&self, actor: &Actor, serial: &str, reason: &str) -> Result<()> {
        let subject = format!("device:{serial}");
        self.authorise(actor, Permission::CertificateHold, &subject).await?;
        let reason = reason.trim();
        if reason.is_empty() || reason.chars().count() > REASON_MAX {
            return Err(Error::field("note", format!("Say in 1 to {REASON_MAX} characters why it may come back.")));
        }
        let device = self.device(actor, serial).await?;
        let mut deed = self.allow(actor, Permission::CertificateHold, &subject).await?;
        let held = store::device::lock(&mut deed.tx, device.id).await?;
        let device = held.ok_or_else(|| Error::not_found("device", serial))?;
        if device.trust != Trust::Quarantined {
            return Err(Error::Conflict("This device is not quarantined.".to_owned()));
        }
        if store::report::holds(&mut deed.tx, &device.serial).await? > 0 {
            return Err(Error::Conflict("A certificate of this device is on hold. Release that.".to_owned()));
        }
        let entry = self.entry(actor, self.now(), "", Event::Released { reason: reason.to_owned() });
        append(&mut deed, &device, vec![entry]).await?;
        deed.ring("device", serial).await?;
        deed.commit("device.release", &subject, &json!({ "reason": reason })).await
    }
}
