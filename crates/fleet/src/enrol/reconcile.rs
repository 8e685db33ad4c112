//! What was issued against what was delivered: certificates find the devices that come after them, and what has no
//! other half is a finding.

use super::one::issued;
use crate::{
    Actor, Error, Fleet, Result,
    custody::standing_of,
    finding::{Found, cause, note},
};
use domain::{
    authority::FindingKind,
    certificate::{Certificate, CertificateStatus},
    device::Device,
    history::{Entry, Event, Standing},
    id::{BatchId, DeviceId, HistoryId},
    person::Permission,
    time::Timestamp,
};
use serde::Serialize;
use serde_json::json;
use std::collections::HashMap;
use store::{Tx, count::dimension};
use uuid::Uuid;

/// How many of each kind are noted one by one; beyond that the numbers say enough.
const NOTED: i64 = 1_000;

/// What was issued for a batch and what was delivered.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Reconciled {
    /// For how many devices certificates were issued.
    pub issued: i64,
    /// How many devices were delivered.
    pub delivered: i64,
    /// How many were agreed; none when nothing was.
    pub quota: Option<i64>,
    /// For how many devices there is a certificate but no device.
    pub undelivered: i64,
    /// Devices without any certificate: at most 1,000.
    pub without_certificate: Vec<String>,
    /// How many findings were noted or noted again.
    pub findings: i64,
}

/// Certificates that wait for devices which are being delivered.
#[derive(Default)]
pub(crate) struct Awaiting(HashMap<String, Vec<(Certificate, Option<BatchId>, String)>>);

impl Awaiting {
    /// Those for these devices.
    pub(crate) async fn of(tx: &mut Tx, devices: &[Device]) -> Result<Self> {
        let serials: Vec<&str> = devices.iter().map(|device| device.serial.as_str()).collect();
        let mut batches: Vec<BatchId> = devices.iter().map(|device| device.batch_id).collect();
        batches.sort_unstable();
        batches.dedup();
        store::authority::hold_still(tx, &batches).await?;
        let mut found: HashMap<String, Vec<_>> = HashMap::new();
        for (certificate, batch, issuer) in store::certificate::awaiting(tx, &serials).await? {
            let serial = certificate.device_serial.clone().unwrap_or_default();
            found.entry(serial).or_default().push((certificate, batch, issuer));
        }
        Ok(Self(found))
    }

    /// Whether nothing waits.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The history entries that a device's certificates add to it. None for what its history tells already.
    pub(crate) fn entries(&self, device: &Device, history: &[Entry], now: Timestamp) -> Vec<Entry> {
        let mut entries = Vec::new();
        for (certificate, batch, issuer) in self.0.get(&device.serial).into_iter().flatten() {
            if *batch != Some(device.batch_id) || tells(history, &certificate.serial) {
                continue;
            }
            let mut add = |at: Timestamp, event: Event| {
                entries.push(Entry {
                    id: HistoryId(Uuid::now_v7()),
                    at,
                    recorded_at: now,
                    actor: certificate.issued_by.clone(),
                    place: String::new(),
                    event,
                    epcis_event_id: None,
                });
            };
            add(certificate.issued_at, issued(certificate, issuer));
            let reason = certificate.reason.map(|reason| reason.label().to_owned()).unwrap_or_default();
            match certificate.status {
                CertificateStatus::Held => add(certificate.status_at, Event::CertificateHeld { reason }),
                CertificateStatus::Revoked => add(certificate.status_at, Event::CertificateRevoked { reason }),
                CertificateStatus::Valid | CertificateStatus::Superseded => {}
            }
        }
        entries
    }

    /// The device as its history together with these entries makes it.
    pub(crate) fn standing(device: &Device, history: &[Entry], entries: &[Entry]) -> Device {
        let all: Vec<Entry> = history.iter().chain(entries).cloned().collect();
        standing_of(device, &Standing::after(&all))
    }

    /// Says of each certificate whose it is, now that the devices are there, and settles what was found missing.
    pub(crate) async fn link(&self, tx: &mut Tx, devices: &[Device], now: Timestamp) -> Result<()> {
        for device in devices {
            for (certificate, batch, issuer) in self.0.get(&device.serial).into_iter().flatten() {
                if *batch == Some(device.batch_id) {
                    store::certificate::link(tx, certificate.id, device.id).await?;
                } else {
                    note(tx, &foreign(device, certificate, issuer), now).await?;
                }
            }
            if self.0.contains_key(&device.serial) {
                let cause = cause(FindingKind::UndeliveredCertificate, &device.serial);
                store::finding::resolve(tx, &cause, now).await?;
            }
        }
        Ok(())
    }
}

fn tells(history: &[Entry], certificate_serial: &str) -> bool {
    history.iter().any(|entry| match &entry.event {
        Event::CertificateIssued { serial, .. } | Event::CertificateRenewed { serial, .. } => {
            serial == certificate_serial
        }
        _ => false,
    })
}

fn foreign<'a>(device: &'a Device, certificate: &Certificate, issuer: &str) -> Found<'a> {
    Found {
        kind: FindingKind::ForeignBatch,
        about: &device.serial,
        batch: Some(device.batch_id),
        authority: Some(certificate.authority_id),
        device: Some(device.id),
        words: format!(
            "{} was delivered in another batch than the one whose CA, “{issuer}”, signed for it.",
            device.serial
        ),
        detail: json!({"serial": device.serial, "certificate": certificate.serial}),
    }
}

/// Notes that more devices of a batch were delivered than were agreed.
pub(crate) async fn beyond_quota(
    tx: &mut Tx,
    batch: Option<BatchId>,
    code: &str,
    quota: i64,
    over: i64,
    now: Timestamp,
) -> Result<()> {
    let found = Found {
        kind: FindingKind::OverproducedDevice,
        about: code,
        batch,
        authority: None,
        device: None,
        words: format!("Batch {code}: {over} more devices were delivered than the {quota} that were agreed."),
        detail: json!({"quota": quota, "over": over}),
    };
    note(tx, &found, now).await
}

impl Fleet {
    /// Compares what was issued for a batch with what was delivered, and notes what has no other half. What has got one
    /// since is settled.
    ///
    /// # Errors
    /// When the actor may not, or there is no such batch.
    pub async fn reconcile(&self, actor: &Actor, batch_code: &str) -> Result<Reconciled> {
        let subject = format!("batch:{batch_code}");
        self.authorise(actor, Permission::CertificateEnrol, &subject).await?;
        let (batch, delivered, _) = self.batch_for(batch_code).await?;
        let (issued, undelivered) = store::certificate::issued_in_batch(self.db(), batch.id).await?;
        let waiting = store::certificate::undelivered(self.db(), batch.id, NOTED).await?;
        let without = store::certificate::without(self.db(), batch.id, NOTED).await?;
        let open = store::finding::of_batch(self.db(), batch.id, i64::MAX).await?;
        let mut told = Reconciled {
            issued,
            delivered,
            quota: batch.quota,
            undelivered,
            without_certificate: without,
            findings: 0,
        };
        let now = self.now();
        let mut deed = self.allow(actor, Permission::CertificateEnrol, &subject).await?;
        for certificate in &waiting {
            note(&mut deed.tx, &undelivered_one(batch.id, certificate), now).await?;
            told.findings += 1;
        }
        // Where nothing at all was issued, certificates are not how this batch is trusted.
        if issued > 0 {
            for serial in &told.without_certificate {
                note(&mut deed.tx, &without_one(batch.id, serial), now).await?;
                told.findings += 1;
            }
        }
        let still = |kind: FindingKind, serial: &str| match kind {
            FindingKind::DeviceWithoutCertificate => told.without_certificate.iter().any(|other| other == serial),
            _ => true,
        };
        for finding in open.iter().filter(|finding| finding.kind == FindingKind::DeviceWithoutCertificate) {
            let serial = finding.detail.get("serial").and_then(serde_json::Value::as_str).unwrap_or_default();
            if !still(finding.kind, serial) {
                store::finding::resolve(&mut deed.tx, &finding.cause, now).await?;
            }
        }
        if let Some(quota) = batch.quota.filter(|quota| delivered > *quota) {
            beyond_quota(&mut deed.tx, Some(batch.id), batch_code, quota, delivered - quota, now).await?;
            told.findings += 1;
        }
        deed.ring("finding", batch_code).await?;
        deed.commit("batch.reconcile", &subject, &json!(told)).await?;
        Ok(told)
    }

    async fn batch_for(&self, code: &str) -> Result<(domain::batch::Batch, i64, crate::catalogue::Catalogue)> {
        let catalogue = self.load_catalogue().await?;
        let batch = catalogue.batches.iter().find(|batch| batch.code == code).cloned();
        let batch = batch.ok_or_else(|| Error::not_found("batch", code))?;
        let n = store::count::one(self.db(), dimension::BATCH, &batch.id.to_string()).await?;
        Ok((batch, n, catalogue))
    }
}

fn undelivered_one(batch: BatchId, certificate: &Certificate) -> Found<'_> {
    let serial = certificate.device_serial.as_deref().unwrap_or_default();
    let on = certificate.issued_at.day_words();
    Found {
        kind: FindingKind::UndeliveredCertificate,
        about: serial,
        batch: Some(batch),
        authority: Some(certificate.authority_id),
        device: None,
        words: format!("A certificate was issued for {serial} on {on}, but the device was not delivered."),
        detail: json!({"serial": serial, "certificate": certificate.serial}),
    }
}

fn without_one(batch: BatchId, serial: &str) -> Found<'_> {
    Found {
        kind: FindingKind::DeviceWithoutCertificate,
        about: serial,
        batch: Some(batch),
        authority: None,
        device: None::<DeviceId>,
        words: format!("{serial} was delivered, but no certificate was ever issued for it."),
        detail: json!({ "serial": serial }),
    }
}
