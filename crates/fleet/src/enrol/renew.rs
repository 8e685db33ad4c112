//! Renewal in the field, by the device itself. The old certificate counts until the new one was first used.

use super::{
    Enrolled,
    admit::{Refusal, check_device, check_names, hold, own_key},
    line::Wanted,
    one::issued,
};
use crate::{Actor, Error, Fleet, Result, again::again, custody::append};
use domain::{
    certificate::{Certificate, CertificateStatus, RevocationReason},
    device::{Device, Trust},
    id::CertificateId,
    person::Permission,
    time::{DAY, Timestamp},
};
use pki::Request;
use store::Tx;

/// How many certificates may wait for their first use: a device that asks for one more each day is in trouble already.
const WAITING: usize = 5;

impl Fleet {
    /// Renews a device's certificate: for its present key, or for a new one. Only the device itself may. Until it has
    /// used the new certificate it may ask again with the same key and gets the same one. What devices do is history and
    /// is not audited.
    ///
    /// # Errors
    /// When the actor is no device, the present certificate is not its own or doesn't count any more, or the request is
    /// for other names or another device's key.
    pub async fn renew(&self, actor: &Actor, present: CertificateId, request: &Request) -> Result<Enrolled> {
        let (device, old) = self.device_and_certificate(actor, present).await?;
        let catalogue = self.load_catalogue().await?;
        let line = self.line(catalogue.batch_code(device.batch_id)).await?;
        let now = self.now();
        let checked = check_present(&old, now)
            .and_then(|()| check_device(&line, Some(&device)))
            .and_then(|()| check_names(&line, request, &device.serial));
        if let Err(refusal) = checked {
            return Err(self.refuse(actor, Some(&line), &device.serial, refusal).await);
        }
        let signed = line.sign(&Wanted {
            device_serial: &device.serial,
            device_id: Some(device.id),
            public_key: &request.public_key,
            by: actor.name(),
            from: now,
            days: line.settings.device_days,
            replaces: Some(old.id),
        })?;
        let mut deed = self.device_deed(actor).await?;
        // Held until the end: a device that asks twice at once gets one certificate, and one that is cut off in between none.
        let device = hold(&mut deed.tx, &line, &[&device.serial]).await?.remove(&device.serial).unwrap_or(device);
        if let Err(refusal) =
            still_counts(&mut deed.tx, &old, now).await?.and_then(|()| check_device(&line, Some(&device)))
        {
            drop(deed);
            return Err(self.refuse(actor, Some(&line), &device.serial, refusal).await);
        }
        let waiting = store::certificate::replacing(&mut deed.tx, old.id).await?;
        let waiting: Vec<&Certificate> =
            waiting.iter().filter(|c| c.first_used_at.is_none() && c.status == CertificateStatus::Valid).collect();
        let same = waiting.iter().find(|c| c.public_key_sha256 == signed.row.public_key_sha256);
        if let Some(same) = same {
            let id = same.id;
            drop(deed);
            return self.enrolled_before(id).await;
        }
        let refusal = match own_key(&mut deed.tx, &signed.row, &device.serial).await? {
            Some(refusal) => Some(refusal),
            // Answers get lost in the field, and a device must not be locked out by that for good.
            None if waiting.iter().filter(|c| c.issued_at.plus(DAY) > now).count() >= WAITING => {
                Some(Refusal::plain(format!(
                    "{WAITING} renewed certificates were issued within a day and none was used. Use one of them, or try again tomorrow."
                )))
            }
            None if !store::authority::take(&mut deed.tx, line.authority.id, 0).await? => {
                Some(Refusal::plain(format!("“{}” doesn't sign any more.", line.authority.name)))
            }
            None => None,
        };
        if let Some(refusal) = refusal {
            drop(deed);
            return Err(self.refuse(actor, Some(&line), &device.serial, refusal).await);
        }
        store::certificate::insert_many(&mut deed.tx, &[signed.entry()]).await?;
        let entry = self.entry(actor, now, "", issued(&signed.row, &line.authority.name));
        append(&mut deed, &device, vec![entry]).await?;
        deed.ring("device", &device.serial).await?;
        deed.commit_as_history().await?;
        Ok(line.enrolled(signed.certificate))
    }

    /// Notes that a device used a certificate. The first use supersedes the certificate that this one replaces, and what
    /// else was to replace it. Whether it was the first use; that of a certificate that is cut off, or of a device that is
    /// quarantined, is none: whoever has a copy of its key would end the certificate that the device has.
    ///
    /// # Errors
    /// When the actor is no device, or the certificate is not its own.
    pub async fn used(&self, actor: &Actor, id: CertificateId) -> Result<bool> {
        again(|| self.used_once(actor, id)).await
    }

    async fn used_once(&self, actor: &Actor, id: CertificateId) -> Result<bool> {
        let (device, certificate) = self.device_and_certificate(actor, id).await?;
        let is_held = |trust| matches!(trust, Trust::Quarantined | Trust::Revoked);
        if certificate.first_used_at.is_some() || is_held(device.trust) {
            return Ok(false);
        }
        let now = self.now();
        let mut deed = self.device_deed(actor).await?;
        let device = store::device::lock(&mut deed.tx, device.id).await?.unwrap_or(device);
        let cut = store::revoked::one_within(&mut deed.tx, certificate.authority_id, &certificate.serial).await?;
        if is_held(device.trust) || cut.is_some() {
            return Ok(false);
        }
        if !store::certificate::used(&mut deed.tx, id, now).await? {
            return Ok(false);
        }
        if let Some(old) = certificate.replaces {
            let mut done = store::certificate::replacing(&mut deed.tx, old).await?;
            done.retain(|other| other.id != id && other.first_used_at.is_none());
            done.extend(store::certificate::by_id_within(&mut deed.tx, old).await?);
            for old in &done {
                if store::certificate::supersede(&mut deed.tx, old.id, now).await? {
                    crate::revocation::supersede(&mut deed, old.authority_id, &old.serial).await?;
                }
            }
            store::certificate::move_claim(&mut deed.tx, &device.serial, id).await?;
        }
        deed.ring("device", &device.serial).await?;
        deed.commit_as_history().await?;
        Ok(true)
    }

    /// A deed of a device: it may do nothing that people may, so a rule stands for it once it is known to be one.
    async fn device_deed<'a>(&'a self, actor: &'a Actor) -> Result<crate::Deed<'a>> {
        match actor {
            Actor::Device { .. } => self.deed_of_device(actor).await,
            Actor::Nobody { .. } => Err(Error::NotSignedIn),
            _ => Err(not_a_device()),
        }
    }

    async fn device_and_certificate(&self, actor: &Actor, id: CertificateId) -> Result<(Device, Certificate)> {
        let serial = match actor {
            Actor::Device { serial, .. } => serial,
            Actor::Nobody { .. } => return Err(Error::NotSignedIn),
            _ => return Err(not_a_device()),
        };
        let device = store::device::by_serial(self.db(), serial).await?;
        let device = device.ok_or_else(|| Error::not_found("device", serial))?;
        let certificate = store::certificate::by_id(self.db(), id).await?;
        let own = certificate.filter(|certificate| certificate.device_id == Some(device.id));
        let certificate = own.ok_or_else(|| Error::not_found("certificate of this device", &id.to_string()))?;
        Ok((device, certificate))
    }
}

/// Whether a certificate can be renewed by how it stands.
fn check_present(present: &Certificate, now: Timestamp) -> std::result::Result<(), Refusal> {
    if present.status == CertificateStatus::Valid && present.not_after > now {
        return Ok(());
    }
    let standing = present.standing(now).label().to_lowercase();
    Err(Refusal::plain(format!("The present certificate can't be renewed; it is: {standing}.")))
}

/// The same, as the transaction sees it: what cuts a certificate off counts before its record follows.
async fn still_counts(tx: &mut Tx, present: &Certificate, now: Timestamp) -> Result<std::result::Result<(), Refusal>> {
    let missing = || Error::not_found("certificate", &present.id.to_string());
    let mut present = store::certificate::by_id_within(tx, present.id).await?.ok_or_else(missing)?;
    if let Some(revoked) = store::revoked::one_within(tx, present.authority_id, &present.serial).await? {
        present.status = match revoked.reason {
            RevocationReason::CertificateHold => CertificateStatus::Held,
            RevocationReason::Superseded => CertificateStatus::Superseded,
            _ => CertificateStatus::Revoked,
        };
    }
    let issuer = store::authority::by_id_within(tx, present.authority_id).await?;
    Ok(match issuer {
        Some(issuer) if !issuer.state.is_trusted() => Err(Refusal::plain(format!(
            "The present certificate can't be renewed; “{}”, which signed it, is: {}.",
            issuer.name,
            issuer.state.label().to_lowercase()
        ))),
        _ => check_present(&present, now),
    })
}

/// People and programs renew nothing: whoever holds the key does.
fn not_a_device() -> Error {
    Error::Forbidden { permission: Permission::CertificateEnrol }
}
