//! A device whose key was changed by a repair gets its certificate by a voucher, once.

use super::{
    Enrolled,
    admit::{Refusal, check_device, check_names, hold, own_key},
    line::{Line, Signed, Wanted},
    one::tell_history,
};
use crate::{Actor, Deed, Error, Fleet, Origin, Result, repair, secret, throttle::Subjects};
use domain::{certificate::CertificateStatus, device::Device, time::Timestamp};
use pki::Request;
use store::voucher::Voucher;

impl Fleet {
    /// Whether a voucher is known here, to be asked before what comes with it is read. Wrong ones from one address are
    /// limited, right ones are not: many devices may be behind one.
    ///
    /// # Errors
    /// [`Error::TooMany`] when an address tried too often, or the database fails.
    pub async fn knows_voucher(&self, voucher: &str, address: &str) -> Result<bool> {
        let can_be = repair::can_be_voucher(voucher);
        if can_be && store::voucher::by_hash(self.db(), &secret::hash(voucher)).await?.is_some() {
            return Ok(true);
        }
        let subjects = Subjects::of_voucher(address);
        self.refuse_blocked(&subjects).await?;
        self.count_try(&subjects).await?;
        Ok(false)
    }

    /// Enrols the device of a voucher that somebody at this address sends: one certificate, for that device's serial,
    /// until the voucher ends. Asked again with the same key, it gives the same certificate, for answers get lost. The
    /// device's certificates before it are superseded. None when there is no such voucher. What devices do is history
    /// and is not audited; refusals are.
    ///
    /// # Errors
    /// [`Error::Conflict`] says why: the voucher has ended, was used for another key or counts no more, the batch is not
    /// the device's, the request is for other names or another device's key, or a certificate of the device is on hold.
    pub async fn enrol_by_voucher(
        &self,
        address: &str,
        voucher: &str,
        batch_code: &str,
        request: &Request,
    ) -> Result<Option<Enrolled>> {
        let hash = secret::hash(voucher);
        let Some(known) = store::voucher::by_hash(self.db(), &hash).await? else { return Ok(None) };
        let origin = Origin { address: address.to_owned() };
        let actor = Actor::Device { id: known.device_id, serial: known.serial.clone(), origin };
        let line = self.line(batch_code).await?;
        let device = store::device::by_serial(self.db(), &known.serial).await?;
        let checked = check_voucher(&known, self.now())
            .and_then(|()| check_device(&line, device.as_ref()))
            .and_then(|()| check_names(&line, request, &known.serial));
        let device = match (checked, device) {
            (Err(refusal), _) => return Err(self.refuse(&actor, Some(&line), &known.serial, refusal).await),
            (Ok(()), None) => return Err(Error::not_found("device", &known.serial)),
            (Ok(()), Some(device)) => device,
        };
        let signed = line.sign(&Wanted {
            device_serial: &device.serial,
            device_id: Some(device.id),
            public_key: &request.public_key,
            by: actor.name(),
            from: self.now(),
            days: line.settings.device_days,
            replaces: None,
        })?;
        self.enter_by_voucher(&actor, &line, signed, &hash).await.map(Some)
    }

    /// Enters the certificate, unless the voucher was used in the meantime.
    async fn enter_by_voucher(&self, actor: &Actor, line: &Line, signed: Signed, hash: &str) -> Result<Enrolled> {
        let (now, key) = (self.now(), signed.row.public_key_sha256.clone());
        let mut deed = self.deed_of_device(actor).await?;
        let serial = actor.name();
        let device = hold(&mut deed.tx, line, &[serial]).await?.remove(serial);
        let device = device.ok_or_else(|| Error::not_found("device", serial))?;
        let voucher = store::voucher::lock(&mut deed.tx, hash).await?;
        let voucher = voucher.ok_or_else(|| Error::not_found("voucher of", serial))?;
        if let Some(issued) = voucher.certificate_id.filter(|_| voucher.used_key == key) {
            drop(deed);
            return self.enrolled_before(issued).await;
        }
        let refusal = match used_up(&voucher).and_then(|()| check_voucher(&voucher, now)) {
            Err(refusal) => Some(refusal),
            Ok(()) => objection(&mut deed, line, &device, &signed).await?,
        };
        if let Some(refusal) = refusal {
            drop(deed);
            return Err(self.refuse(actor, Some(line), serial, refusal).await);
        }
        store::certificate::insert_many(&mut deed.tx, &[signed.entry()]).await?;
        if store::certificate::claim(&mut deed.tx, serial, signed.row.id).await?.is_some() {
            store::certificate::move_claim(&mut deed.tx, serial, signed.row.id).await?;
        }
        supersede_others(&mut deed, &device, &signed, now).await?;
        if !store::voucher::used(&mut deed.tx, voucher.id, now, (&key, signed.row.id)).await? {
            return Err(Error::Conflict("This voucher was used at the same moment. Make a new one.".to_owned()));
        }
        tell_history(&mut deed, &device, &signed.row, line).await?;
        deed.ring("certificate", &signed.row.serial).await?;
        repair::enrolled(&mut deed, &voucher).await?;
        deed.commit_as_history().await?;
        if let Err(error) = self.refresh_trust().await {
            tracing::warn!(%error, "the trust of this process has not followed yet");
        }
        Ok(line.enrolled(signed.certificate))
    }
}

/// Whether a voucher counts.
fn check_voucher(voucher: &Voucher, now: Timestamp) -> std::result::Result<(), Refusal> {
    if voucher.may_have_been_used() {
        return Err(Refusal::plain(
            "The console was restored from a backup since; ask the repair desk for another voucher.",
        ));
    }
    if voucher.void_at.is_some() {
        return Err(Refusal::plain("Another voucher took the place of this one, or its repair is over."));
    }
    // What was used is answered again as long as it would count.
    if voucher.expires_at <= now {
        let ended = voucher.expires_at.minute_words();
        return Err(Refusal::plain(format!("This voucher ended on {ended} UTC. Make a new one on the repair’s page.")));
    }
    Ok(())
}

fn used_up(voucher: &Voucher) -> std::result::Result<(), Refusal> {
    match voucher.used_at {
        None => Ok(()),
        Some(at) => Err(Refusal::plain(format!(
            "This voucher was used on {} UTC, for another key. Make a new one on the repair’s page.",
            at.minute_words()
        ))),
    }
}

/// Why the device gets no certificate for this key, if it doesn't.
async fn objection(deed: &mut Deed<'_>, line: &Line, device: &Device, signed: &Signed) -> Result<Option<Refusal>> {
    if let Err(refusal) = check_device(line, Some(device)) {
        return Ok(Some(refusal));
    }
    let (serial, now) = (&device.serial, signed.row.issued_at);
    for certificate in store::certificate::of_device_within(&mut deed.tx, serial).await? {
        let cut = store::revoked::one_within(&mut deed.tx, certificate.authority_id, &certificate.serial).await?;
        let held =
            certificate.status == CertificateStatus::Held || cut.is_some_and(|cut| crate::trust::is_hold(cut.reason));
        if held && certificate.not_after > now {
            let message = format!("A certificate of {serial} is on hold. Release it, or revoke it, first.");
            return Ok(Some(Refusal::plain(message)));
        }
    }
    if let Some(refusal) = own_key(&mut deed.tx, &signed.row, serial).await? {
        return Ok(Some(refusal));
    }
    // It is no further device: the quota counts it already.
    let signs = store::authority::take(&mut deed.tx, line.authority.id, 0).await?;
    Ok((!signs).then(|| Refusal::plain(format!("“{}” doesn't sign any more.", line.authority.name))))
}

/// The key before is not the device's any more.
async fn supersede_others(deed: &mut Deed<'_>, device: &Device, signed: &Signed, now: Timestamp) -> Result<()> {
    for old in store::certificate::of_device_within(&mut deed.tx, &device.serial).await? {
        let is_cut = store::revoked::one_within(&mut deed.tx, old.authority_id, &old.serial).await?.is_some();
        if old.id != signed.row.id && !is_cut && store::certificate::supersede(&mut deed.tx, old.id, now).await? {
            crate::revocation::supersede(deed, old.authority_id, &old.serial).await?;
        }
    }
    Ok(())
}
