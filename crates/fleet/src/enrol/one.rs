//! One device at a time: EST's simpleenroll, kits, the command line.

use super::{
    Enrolled,
    admit::{Admission, admit, check_device, check_names, check_place, checked_serial, hold},
    line::{Line, Signed, Wanted},
};
use crate::{Actor, Deed, Error, Fleet, Result, custody::append};
use domain::{certificate::Certificate, device::Device, history::Event, id::CertificateId, person::Permission};
use pki::Request;
use serde_json::{Value, json};

impl Fleet {
    /// Enrols a device of a batch: issues its first certificate, or one after it has ended or was cut off with its batch.
    /// Asked again with the same key, it gives the same certificate. A device that was revoked by itself for good comes
    /// back by a repair, which takes two.
    ///
    /// # Errors
    /// When the actor may not, a station enrols for another factory's batch, the names or the key are another device's,
    /// the device has a valid certificate for another key, or the quota is used up. [`Error::Conflict`] says which.
    pub async fn enrol(
        &self,
        actor: &Actor,
        batch_code: &str,
        request: &Request,
        device_serial: &str,
    ) -> Result<Enrolled> {
        let subject = format!("device:{}", device_serial.chars().take(80).collect::<String>());
        self.authorise(actor, Permission::CertificateEnrol, &subject).await?;
        let line = self.line(batch_code).await?;
        let serial = match checked_serial(device_serial) {
            Ok(serial) => serial,
            Err(refusal) => return Err(self.refuse(actor, Some(&line), device_serial, refusal).await),
        };
        let device = store::device::by_serial(self.db(), serial).await?;
        let checked = check_place(actor, &line)
            .and_then(|()| check_device(&line, device.as_ref()))
            .and_then(|()| check_names(&line, request, serial));
        if let Err(refusal) = checked {
            return Err(self.refuse(actor, Some(&line), serial, refusal).await);
        }
        let mut signed = line.sign(&Wanted {
            device_serial: serial,
            device_id: None,
            public_key: &request.public_key,
            by: actor.name(),
            from: self.now(),
            days: line.settings.device_days,
            replaces: None,
        })?;
        let mut deed = self.allow(actor, Permission::CertificateEnrol, &subject).await?;
        // It may have been delivered since.
        let device = hold(&mut deed.tx, &line, &[serial]).await?.remove(serial);
        signed.row.device_id = device.as_ref().map(|device| device.id);
        match admit(&mut deed.tx, actor, &line, &signed.row, device.as_ref(), self.now()).await? {
            Admission::Enter => {}
            Admission::Already(id) => {
                drop(deed);
                return self.enrolled_before(id).await;
            }
            Admission::Refused(refusal) => {
                drop(deed);
                return Err(self.refuse(actor, Some(&line), serial, refusal).await);
            }
        }
        store::certificate::insert_many(&mut deed.tx, &[signed.entry()]).await?;
        if let Some(device) = &device {
            tell_history(&mut deed, device, &signed.row, &line).await?;
        }
        deed.ring("certificate", &signed.row.serial).await?;
        deed.commit("certificate.issue", &subject, &detail_of(&signed, &line)).await?;
        Ok(line.enrolled(signed.certificate))
    }

    /// A certificate that was issued before, with its chain.
    pub(super) async fn enrolled_before(&self, id: CertificateId) -> Result<Enrolled> {
        let missing = || Error::not_found("certificate", &id.to_string());
        let row = store::certificate::by_id(self.db(), id).await?.ok_or_else(missing)?;
        let der = store::certificate::der(self.db(), id).await?.ok_or_else(missing)?;
        let certificate = pki::Certificate::from_der(&der).map_err(Error::internal)?;
        Ok(Enrolled { certificate, chain: self.chain_below_root(row.authority_id).await? })
    }
}

/// Says in the device's history that it has a certificate.
pub(super) async fn tell_history(
    deed: &mut Deed<'_>,
    device: &Device,
    certificate: &Certificate,
    line: &Line,
) -> Result<()> {
    let event = issued(certificate, &line.authority.name);
    let entry = deed.fleet().entry(deed.actor(), certificate.issued_at, "", event);
    append(deed, device, vec![entry]).await?;
    deed.ring("device", &device.serial).await
}

/// The history entry of a certificate.
pub(super) fn issued(certificate: &Certificate, issuer: &str) -> Event {
    let (serial, issuer, not_after) = (certificate.serial.clone(), issuer.to_owned(), certificate.not_after);
    if certificate.replaces.is_some() {
        Event::CertificateRenewed { serial, issuer, not_after }
    } else {
        Event::CertificateIssued { serial, issuer, not_after }
    }
}

fn detail_of(signed: &Signed, line: &Line) -> Value {
    let row = &signed.row;
    json!({
        "batch": line.batch.code, "authority": line.authority.slug, "serial": row.serial,
        "key": row.public_key_sha256, "not_after": row.not_after,
    })
}
