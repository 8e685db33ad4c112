//! Certificates of the past: for the demo and the benchmarks, whose devices have lived before. Only rules may.

use super::line::{Line, Signed, Wanted};
use crate::{Actor, Deed, Error, Fleet, Result, revocation::supersede};
use domain::{
    certificate::{Certificate, CertificateStatus, RevocationReason},
    id::CertificateId,
    person::Permission,
    time::Timestamp,
};
use serde_json::json;
use std::{collections::HashMap, sync::Arc};

/// A certificate of a device that is still to be made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Backdated {
    /// The device's serial.
    pub device_serial: String,
    /// Its key: SubjectPublicKeyInfo, DER.
    pub public_key: Vec<u8>,
    /// When it is said to have been issued.
    pub issued_at: Timestamp,
    /// For how many days.
    pub days: i64,
}

impl Fleet {
    /// Issues certificates as of earlier times, all or none, for devices that are made later: whoever makes them finds
    /// the certificates by the serials. Several for one device are renewals, each of the one before. All have been
    /// used. They count against the quota, once for each device.
    ///
    /// # Errors
    /// When the actor is no rule, nothing signs for the batch, a serial or key is taken, or the quota is used up.
    pub async fn issue_backdated(
        &self,
        actor: &Actor,
        batch_code: &str,
        wanted: Vec<Backdated>,
    ) -> Result<Vec<Certificate>> {
        let subject = format!("batch:{batch_code}");
        self.rule_only(actor, "certificate.issue", &subject).await?;
        let line = Arc::new(self.line(batch_code).await?);
        let (signing, by) = (line.clone(), actor.name().to_owned());
        let signed = tokio::task::spawn_blocking(move || {
            wanted.iter().map(|one| signing.sign(&past(one, &by))).collect::<Result<Vec<_>>>()
        });
        let mut signed = signed.await.map_err(Error::internal)??;
        let mut deed = self.allow(actor, Permission::CertificateEnrol, &subject).await?;
        let superseded = claim_all(&mut deed, &mut signed).await?;
        let n = i64::try_from(signed.len() - superseded.len()).unwrap_or(i64::MAX);
        if !store::authority::take(&mut deed.tx, line.authority.id, n).await? {
            return Err(quota_used(&line));
        }
        let rows: Vec<_> = signed.iter().map(Signed::entry).collect();
        store::certificate::insert_many(&mut deed.tx, &rows).await?;
        for serial in &superseded {
            supersede(&mut deed, line.authority.id, serial).await?;
        }
        deed.commit("certificate.issue", &subject, &json!({"batch": batch_code, "backdated": n})).await?;
        Ok(signed.into_iter().map(|one| one.row).collect())
    }
}

/// Claims the devices' serials and keys. The serials of the certificates that were renewed.
async fn claim_all(deed: &mut Deed<'_>, signed: &mut [Signed]) -> Result<Vec<String>> {
    let mut superseded = Vec::new();
    let mut last: HashMap<String, (CertificateId, usize)> = HashMap::new();
    for at in 0..signed.len() {
        let Some(one) = signed.get_mut(at) else { break };
        let serial = one.row.device_serial.clone().unwrap_or_default();
        one.row.first_used_at = Some(one.row.issued_at);
        let before = last.insert(serial.clone(), (one.row.id, at));
        let (id, used_at) = (one.row.id, one.row.issued_at);
        one.row.replaces = before.map(|(id, _)| id);
        let taken = if before.is_some() {
            store::certificate::move_claim(&mut deed.tx, &serial, id).await?;
            false
        } else {
            store::certificate::claim(&mut deed.tx, &serial, id).await?.is_some()
        };
        if taken || super::admit::own_key(&mut deed.tx, &one.row, &serial).await?.is_some() {
            return Err(Error::Conflict(format!("The device {serial} has a certificate, or its key is another's.")));
        }
        if let Some(old) = before.and_then(|(_, at)| signed.get_mut(at)) {
            old.row.status = CertificateStatus::Superseded;
            old.row.reason = Some(RevocationReason::Superseded);
            old.row.status_at = used_at;
            superseded.push(old.row.serial.clone());
        }
    }
    Ok(superseded)
}

fn past<'a>(one: &'a Backdated, by: &'a str) -> Wanted<'a> {
    Wanted {
        device_serial: &one.device_serial,
        device_id: None,
        public_key: &one.public_key,
        by,
        from: one.issued_at,
        days: one.days,
        replaces: None,
    }
}

fn quota_used(line: &Line) -> Error {
    Error::Conflict(format!("The quota of “{}” is used up, or it doesn't sign any more.", line.authority.name))
}
