//! A batch's line: what signs its devices and which names they get.

use super::Enrolled;
use crate::{Actor, Error, Fleet, Result, authority::BACKDATED, setting::Settings};
use domain::{
    authority::{Authority, AuthorityState},
    batch::Batch,
    certificate::{Certificate, CertificatePurpose, CertificateStatus, device_dns_name, dns_label},
    custody::Custodian,
    id::{AuthorityId, CertificateId, DeviceId},
    person::Permission,
    time::{DAY, Timestamp},
};
use pki::{Issuer, Name, Profile, SerialNumber, Template};
use std::sync::Arc;
use uuid::Uuid;

/// What is needed to issue a batch's certificates, read once.
pub(super) struct Line {
    pub(super) batch: Batch,
    pub(super) factory: Custodian,
    pub(super) model: String,
    pub(super) authority: Authority,
    pub(super) issuer: Arc<Issuer>,
    pub(super) settings: Settings,
    /// The CA and what stands above it, without the root.
    pub(super) chain: Vec<pki::Certificate>,
}

/// A certificate that is signed but not yet entered, and so not yet given to anybody.
pub(super) struct Signed {
    pub(super) certificate: pki::Certificate,
    pub(super) row: Certificate,
}

impl Signed {
    pub(super) fn entry(&self) -> (Certificate, Vec<u8>) {
        (self.row.clone(), self.certificate.der().to_vec())
    }
}

/// Whose certificate it is to be, and for how long.
pub(super) struct Wanted<'a> {
    pub(super) device_serial: &'a str,
    pub(super) device_id: Option<DeviceId>,
    pub(super) public_key: &'a [u8],
    pub(super) by: &'a str,
    pub(super) from: Timestamp,
    pub(super) days: i64,
    pub(super) replaces: Option<CertificateId>,
}

impl Line {
    /// The DNS name of a device of the batch.
    pub(super) fn dns_name(&self, device_serial: &str) -> String {
        let domain = domain_within(self.issuer.certificate(), &self.batch.code, &self.settings);
        device_dns_name(device_serial, &self.batch.code, &domain)
    }

    /// Signs. Every name, every use and every date is ours; the request gives the key alone.
    pub(super) fn sign(&self, wanted: &Wanted<'_>) -> Result<Signed> {
        let above = self.issuer.certificate();
        let template = Template {
            serial: SerialNumber::random().map_err(Error::internal)?,
            subject: Name::common(wanted.device_serial),
            public_key: wanted.public_key.to_vec(),
            profile: Profile::Device,
            not_before: wanted.from.plus(-BACKDATED).max(above.not_before()),
            not_after: wanted.from.plus(wanted.days * DAY).min(above.not_after()),
            dns_names: vec![self.dns_name(wanted.device_serial)],
            ip_addresses: Vec::new(),
            permitted_dns: Vec::new(),
            urls: self.settings.urls(&self.authority.slug),
        };
        let certificate = pki::issue(&template, &self.issuer).map_err(|error| {
            Error::Conflict(format!("“{}” can't sign this certificate: {error}.", self.authority.name))
        })?;
        let row = Certificate {
            id: CertificateId(Uuid::now_v7()),
            authority_id: self.authority.id,
            serial: certificate.serial_hex(),
            purpose: CertificatePurpose::Device,
            device_id: wanted.device_id,
            device_serial: Some(wanted.device_serial.to_owned()),
            factory_id: None,
            name: certificate.common_name(),
            public_key_sha256: certificate.public_key_sha256(),
            status: CertificateStatus::Valid,
            reason: None,
            status_at: wanted.from,
            not_before: certificate.not_before(),
            not_after: certificate.not_after(),
            issued_at: wanted.from,
            issued_by: wanted.by.to_owned(),
            first_used_at: None,
            replaces: wanted.replaces,
        };
        Ok(Signed { certificate, row })
    }

    pub(super) fn enrolled(&self, certificate: pki::Certificate) -> Enrolled {
        Enrolled { certificate, chain: self.chain.clone() }
    }
}

/// The domain of a batch's devices: the one that its CA is constrained to, whatever is set by now; so a CA that was made
/// before the setting was changed goes on signing.
pub(crate) fn domain_within(ca: &pki::Certificate, batch_code: &str, settings: &Settings) -> String {
    let label = format!("{}.", dns_label(batch_code));
    let of_ca = ca.permitted_dns().into_iter().find_map(|name| name.strip_prefix(&label).map(str::to_owned));
    of_ca.unwrap_or_else(|| settings.domain.clone())
}

impl Fleet {
    /// The line of a batch, by its code.
    pub(super) async fn line(&self, batch_code: &str) -> Result<Line> {
        let catalogue = self.load_catalogue().await?;
        let batch = catalogue.batches.iter().find(|batch| batch.code == batch_code).cloned();
        let batch = batch.ok_or_else(|| Error::not_found("batch", batch_code))?;
        let factory = catalogue.custodian(batch.factory_id).cloned();
        let factory = factory.ok_or_else(|| Error::not_found("factory", batch_code))?;
        let model = catalogue.model_name(batch.model_id).to_owned();
        let authority = self.signing_for(&batch).await?;
        let issuer = self.issuer(authority.id).await?;
        let chain = self.chain_below_root(authority.id).await?;
        Ok(Line { batch, factory, model, authority, issuer, settings: self.load_settings().await?, chain })
    }

    /// Whether a device is of the batch of this code.
    ///
    /// # Errors
    /// When there is no such batch, the actor is no device, or it is one of another batch.
    pub async fn is_of_batch(&self, actor: &Actor, batch_code: &str) -> Result<()> {
        let Actor::Device { serial, .. } = actor else {
            return Err(Error::Forbidden { permission: Permission::CertificateEnrol });
        };
        let catalogue = self.load_catalogue().await?;
        if !catalogue.batches.iter().any(|batch| batch.code == batch_code) {
            return Err(Error::not_found("batch", batch_code));
        }
        let device = store::device::by_serial(self.db(), serial).await?;
        let device = device.ok_or_else(|| Error::not_found("device", serial))?;
        match catalogue.batch_code(device.batch_id) {
            own if own == batch_code => Ok(()),
            own => Err(Error::Conflict(format!("The device {serial} is not of batch {batch_code} but of {own}."))),
        }
    }

    /// The authority that signs for a batch: ours rather than one whose key a factory has, too.
    async fn signing_for(&self, batch: &Batch) -> Result<Authority> {
        let all = store::authority::of_batch(self.db(), batch.id).await?;
        let held = all.iter().find(|authority| authority.state == AuthorityState::Held);
        let held = held.map(|authority| authority.name.clone());
        let mut active: Vec<Authority> = all.into_iter().filter(|a| a.state == AuthorityState::Active).collect();
        active.sort_by_key(|authority| authority.delegated);
        active.into_iter().next().ok_or_else(|| {
            let code = &batch.code;
            Error::Conflict(match held {
                Some(name) => {
                    format!("“{name}” of batch {code} is on hold, so nothing is signed until it is released.")
                }
                None => format!("Batch {code} has no active CA. Request one, and have it approved, first."),
            })
        })
    }

    /// An authority's certificate and those above it, nearest first, without the root.
    pub(crate) async fn chain_below_root(&self, id: AuthorityId) -> Result<Vec<pki::Certificate>> {
        let authority = self.kept_authority(id).await?;
        let mut chain = vec![self.authority_certificate(&authority).await?];
        chain.extend(self.above(&authority).await?.into_iter().map(|(_, certificate)| certificate));
        chain.retain(|certificate| !certificate.is_self_issued());
        Ok(chain)
    }
}
