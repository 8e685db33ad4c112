//! Certification authorities: roots that are brought in, the authorities below them, and how one comes to be.

mod create;
mod delegate;
mod deliver;
mod request;
mod root;
mod tree;

pub use delegate::Delivery;
pub use request::AuthorityForm;
pub use store::authority::CrlSummary;
pub use tree::{AuthorityDetail, AuthorityRow, LinkRow};

use crate::{Actor, Deed, Error, Fleet, Result};
use domain::{
    authority::{Authority, AuthorityKind, AuthorityState},
    certificate::{Certificate, CertificatePurpose, CertificateStatus},
    id::{AuthorityId, CertificateId},
    person::Permission,
    time::{MINUTE, Timestamp},
};
use serde_json::json;
use uuid::Uuid;

/// How much earlier than now certificates begin: clocks of verifiers differ.
pub(crate) const BACKDATED: i64 = 5 * MINUTE;

impl Fleet {
    /// Ends for good that an authority signs. What it signed is still trusted; what renews needs another that signs.
    ///
    /// # Errors
    /// When the actor may not, there is no such authority, it doesn't sign, or no reason is given.
    pub async fn retire_authority(&self, actor: &Actor, id: AuthorityId, reason: &str) -> Result<()> {
        let subject = format!("authority:{id}");
        self.authorise(actor, Permission::AuthorityManage, &subject).await?;
        let authority = self.kept_authority(id).await?;
        let reason = reason.trim();
        if reason.is_empty() {
            return Err(Error::field("reason", "Say why it is to sign no more."));
        }
        if reason.chars().count() > 400 {
            return Err(Error::field("reason", "Keep the reason under 400 characters."));
        }
        let mut deed = self.allow(actor, Permission::AuthorityManage, &subject).await?;
        let (from, to) = (AuthorityState::Active, AuthorityState::Retired);
        if !store::authority::set_state(&mut deed.tx, id, from, to, self.now()).await? {
            let state = authority.state.label().to_lowercase();
            return Err(Error::Conflict(format!("Only an active authority can be retired; this one: {state}.")));
        }
        deed.ring("trust", &subject).await?;
        deed.ring("authority", &authority.slug).await?;
        deed.commit("authority.retire", &subject, &json!({ "name": authority.name, "reason": reason })).await
    }

    pub(crate) async fn kept_authority(&self, id: AuthorityId) -> Result<Authority> {
        let found = store::authority::by_id(self.db(), id).await?;
        found.ok_or_else(|| Error::not_found("authority", &id.to_string()))
    }

    /// The certificate of an authority that has one.
    pub(crate) async fn authority_certificate(&self, authority: &Authority) -> Result<pki::Certificate> {
        let der = store::authority::certificate(self.db(), authority.id).await?;
        let der = der.ok_or_else(|| Error::Conflict(format!("“{}” has no certificate yet.", authority.name)))?;
        pki::Certificate::from_der(&der).map_err(Error::internal)
    }

    /// The authorities above one, nearest first, with their certificates.
    pub(crate) async fn above(&self, authority: &Authority) -> Result<Vec<(Authority, pki::Certificate)>> {
        let mut above = Vec::new();
        let mut next = authority.parent_id;
        while let Some(id) = next
            // A path has four links at most; more would be a circle.
            && above.len() < 8
        {
            let parent = self.kept_authority(id).await?;
            let certificate = self.authority_certificate(&parent).await?;
            next = parent.parent_id;
            above.push((parent, certificate));
        }
        Ok(above)
    }
}

/// The row of a certificate that belongs to no device.
pub(crate) fn row_of(
    certificate: &pki::Certificate,
    authority_id: AuthorityId,
    purpose: CertificatePurpose,
    by: &str,
    at: Timestamp,
) -> Certificate {
    Certificate {
        id: CertificateId(Uuid::now_v7()),
        authority_id,
        serial: certificate.serial_hex(),
        purpose,
        device_id: None,
        device_serial: None,
        factory_id: None,
        name: certificate.common_name(),
        public_key_sha256: certificate.public_key_sha256(),
        status: CertificateStatus::Valid,
        reason: None,
        status_at: at,
        not_before: certificate.not_before(),
        not_after: certificate.not_after(),
        issued_at: at,
        issued_by: by.to_owned(),
        first_used_at: None,
        replaces: None,
    }
}

/// Makes a key an authority's: one that two authorities shared would let each sign as the other.
async fn own_key(deed: &mut Deed<'_>, authority: &Authority, public_key_sha256: &str) -> Result<()> {
    let owner = format!("authority:{}", authority.slug);
    let found = store::certificate::own_key(&mut deed.tx, public_key_sha256, &owner).await?;
    if found == owner {
        return Ok(());
    }
    let other = found.replace(':', " ");
    Err(Error::Conflict(format!("The key is that of the {other} already. “{}” needs one of its own.", authority.name)))
}

/// Gives an authority its certificate in a deed's transaction: it signs from now on, and what signed in its place
/// before doesn't any more.
async fn activate(
    deed: &mut Deed<'_>,
    authority: &Authority,
    parent: &Authority,
    certificate: &pki::Certificate,
    key_location: &str,
) -> Result<()> {
    let at = deed.fleet().now();
    let key_id = certificate.subject_key_id();
    let own = store::authority::OwnCertificate {
        der: certificate.der(),
        serial: &certificate.serial_hex(),
        key_id: &key_id,
        not_before: certificate.not_before(),
        not_after: certificate.not_after(),
    };
    if !store::authority::activate(&mut deed.tx, authority.id, Some(parent.id), &own, key_location, at).await? {
        return Err(Error::Conflict(format!("“{}” has its certificate already, or was rejected.", authority.name)));
    }
    let row = row_of(certificate, parent.id, CertificatePurpose::Authority, deed.actor().name(), at);
    match store::certificate::insert_many(&mut deed.tx, &[(row, certificate.der().to_vec())]).await {
        Err(store::StoreError::Exists) => {
            return Err(Error::Conflict("A certificate with this serial number is known already.".to_owned()));
        }
        other => other?,
    }
    retire_predecessors(deed, authority, at).await?;
    deed.ring("trust", &format!("authority:{}", authority.id)).await
}

async fn retire_predecessors(deed: &mut Deed<'_>, authority: &Authority, at: Timestamp) -> Result<()> {
    let all = store::authority::all_within(&mut deed.tx).await?;
    for other in all.iter().filter(|other| is_succeeded_by(other, authority)) {
        let (from, to) = (AuthorityState::Active, AuthorityState::Retired);
        store::authority::set_state(&mut deed.tx, other.id, from, to, at).await?;
    }
    Ok(())
}

/// Whether an authority signs for what another one signs for from now on. A delegated one signs beside ours.
fn is_succeeded_by(old: &Authority, new: &Authority) -> bool {
    let same = match new.kind {
        AuthorityKind::Root => false,
        AuthorityKind::Factory => old.factory_id == new.factory_id,
        AuthorityKind::Batch => old.batch_id == new.batch_id && old.delegated == new.delegated,
        AuthorityKind::Operations => true,
    };
    same && old.kind == new.kind && old.id != new.id
}
