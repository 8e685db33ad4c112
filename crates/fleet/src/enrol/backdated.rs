//! Certificates of the past: for the demo and the benchmarks, whose devices have lived before. Only rules may.

use super::line::{Line, Wanted};
use crate::{Actor, Error, Fleet, Result};
use domain::{certificate::Certificate, person::Permission, time::Timestamp};
use serde_json::json;
use std::sync::Arc;

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
    /// the certificates by the serials. They count against the quota.
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
        let signed = signed.await.map_err(Error::internal)??;
        let mut deed = self.allow(actor, Permission::CertificateEnrol, &subject).await?;
        for one in &signed {
            let serial = one.row.device_serial.as_deref().unwrap_or_default();
            let taken = store::certificate::claim(&mut deed.tx, serial, one.row.id).await?.is_some();
            if taken || super::admit::own_key(&mut deed.tx, &one.row, serial).await?.is_some() {
                return Err(Error::Conflict(format!(
                    "The device {serial} has a certificate, or its key is another's."
                )));
            }
        }
        let n = i64::try_from(signed.len()).unwrap_or(i64::MAX);
        if !store::authority::take(&mut deed.tx, line.authority.id, n).await? {
            return Err(quota_used(&line));
        }
        let rows: Vec<_> = signed.iter().map(super::line::Signed::entry).collect();
        store::certificate::insert_many(&mut deed.tx, &rows).await?;
        deed.commit("certificate.issue", &subject, &json!({"batch": batch_code, "backdated": n})).await?;
        Ok(signed.into_iter().map(|one| one.row).collect())
    }
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
