//! The way back: devices that nothing speaks against any more, or that somebody lets go all the same.

use super::reason;
use crate::{Actor, Deed, Error, Fleet, Result, custody::append};
use domain::{device::Trust, history::Event, id::DeviceId, person::Permission};
use serde_json::json;

/// How long a reason may be, in characters.
const REASON_MAX: usize = 400;

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

impl Fleet {
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
