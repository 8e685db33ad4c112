//! What happens when an authority is approved: its key is made, and it is signed here or its request waits for the root.

use super::{
    BACKDATED, activate, own_key,
    request::{Basis, differing},
};
use crate::{
    Actor, Error, Fleet, Result,
    approval::{conclude, detail_of},
    keys::is_token,
};
use domain::{
    approval::ApprovalState,
    authority::{Authority, AuthorityKind, AuthorityState},
    certificate::batch_dns_name,
    id::AuthorityId,
    person::Permission,
    time::DAY,
};
use pki::{Certificate, KeyAlgorithm, Name, Profile, SerialNumber, Signer, Template};
use sha2::{Digest, Sha256};
use std::sync::Arc;
use store::approval::Approval;

/// What is made before the deed: keys and signatures take longer than a writer should be held.
struct Prepared {
    /// Where the key is.
    location: String,
    /// It, sealed, unless it is in a token.
    sealed: Option<String>,
    /// What tells the key from others.
    public_key_sha256: String,
    made: Made,
}

enum Made {
    /// Signed by a factory CA whose key is here.
    Signed { certificate: Certificate, parent: Box<Authority> },
    /// To be signed by a root, in a ceremony.
    Request(Vec<u8>),
}

impl Fleet {
    pub(crate) async fn decide_authority(
        &self,
        actor: &Actor,
        approval: &Approval,
        approve: bool,
        reason: &str,
    ) -> Result<()> {
        let authority = self.authority_of(approval).await?;
        if !approve {
            return self.reject_authority(actor, approval, &authority, reason).await;
        }
        let basis = self.basis_of(&authority).await?;
        if basis.detail(&authority) != approval.detail {
            return self.void_authority(actor, approval, &authority, &basis).await;
        }
        let prepared = self.prepare_authority(&authority, basis).await?;
        let done = self.create_authority(actor, approval, &authority, &prepared, reason).await;
        if done.is_err() {
            self.forget_unless_used(authority.id, &prepared.location).await;
        }
        done
    }

    /// Removes the key that was made for an authority which then did not come about. An error of a commit doesn't say
    /// whether it took place; the row does, once whoever writes it is through. When in doubt the key stays: a file too
    /// many does no harm, and a CA without its key can't even publish its CRL.
    async fn forget_unless_used(&self, id: AuthorityId, location: &str) {
        if is_token(location) {
            return;
        }
        let now = async { store::authority::lock(&mut self.db().begin().await?, id).await };
        match now.await {
            Ok(Some(authority)) if authority.key_location != location => self.forget_key(location),
            Ok(_) => {}
            Err(error) => tracing::warn!(%error, location, "a key stays that may not be needed"),
        }
    }

    async fn authority_of(&self, approval: &Approval) -> Result<Authority> {
        let id = approval.subject.strip_prefix("authority:").and_then(|id| id.parse::<AuthorityId>().ok());
        self.kept_authority(id.ok_or_else(|| Error::not_found("authority", &approval.subject))?).await
    }

    async fn reject_authority(
        &self,
        actor: &Actor,
        approval: &Approval,
        authority: &Authority,
        reason: &str,
    ) -> Result<()> {
        let subject = format!("approval:{}", approval.id);
        let mut deed = self.allow(actor, Permission::ApprovalDecide, &subject).await?;
        conclude(&mut deed, approval, ApprovalState::Rejected, reason).await?;
        let (from, to) = (AuthorityState::Requested, AuthorityState::Rejected);
        store::authority::set_state(&mut deed.tx, authority.id, from, to, self.now()).await?;
        deed.ring("authority", &authority.id.to_string()).await?;
        deed.commit("approval.decide", &subject, &detail_of(approval, ApprovalState::Rejected, reason)).await
    }

    /// Ends a request that would now make something else than was shown.
    async fn void_authority(
        &self,
        actor: &Actor,
        approval: &Approval,
        authority: &Authority,
        basis: &Basis,
    ) -> Result<()> {
        let message = format!(
            "What would be made is no longer what was shown; this has changed: {}. Nothing was made and the request is \
             void. Ask for it anew.",
            differing(&approval.detail, &basis.detail(authority)).join(", ")
        );
        let subject = format!("approval:{}", approval.id);
        let mut deed = self.allow(actor, Permission::ApprovalDecide, &subject).await?;
        conclude(&mut deed, approval, ApprovalState::Void, &message).await?;
        let (from, to) = (AuthorityState::Requested, AuthorityState::Rejected);
        store::authority::set_state(&mut deed.tx, authority.id, from, to, self.now()).await?;
        deed.ring("authority", &authority.id.to_string()).await?;
        deed.commit("approval.decide", &subject, &detail_of(approval, ApprovalState::Void, &message)).await?;
        Err(Error::Conflict(message))
    }

    async fn prepare_authority(&self, authority: &Authority, basis: Basis) -> Result<Prepared> {
        let (signer, location, sealed): (Arc<dyn Signer>, String, _) = if is_token(&authority.key_location) {
            (self.signer(&authority.key_location).await?, authority.key_location.clone(), None)
        } else {
            let key = self.new_key(&authority.slug, KeyAlgorithm::EcdsaP256).await?;
            (key.signer, key.location, Some(key.sealed))
        };
        let made = match authority.kind {
            AuthorityKind::Batch => self.sign_batch_ca(authority, signer.public_key(), basis).await,
            _ => pki::certificate_request(&Name::common(&authority.name), signer.as_ref())
                .map(Made::Request)
                .map_err(Error::internal),
        };
        if made.is_err() && !is_token(&location) {
            self.forget_key(&location);
        }
        let public_key_sha256 = hex::encode(Sha256::digest(signer.public_key()));
        Ok(Prepared { location, sealed, public_key_sha256, made: made? })
    }

    async fn sign_batch_ca(&self, authority: &Authority, public_key: &[u8], basis: Basis) -> Result<Made> {
        let Basis { purpose, parent, settings } = basis;
        let parent = parent.ok_or_else(|| {
            Error::Conflict("The factory has no active CA any more. Request a factory CA first.".to_owned())
        })?;
        let code = purpose.batch.map(|batch| batch.code).unwrap_or_default();
        let issuer = self.issuer(parent.id).await?;
        let above = issuer.certificate();
        let now = self.now();
        let template = Template {
            serial: SerialNumber::random().map_err(Error::internal)?,
            subject: Name::common(&authority.name),
            public_key: public_key.to_vec(),
            profile: Profile::BatchCa,
            not_before: now.plus(-BACKDATED).max(above.not_before()),
            not_after: now.plus(authority.days * DAY).min(above.not_after()),
            dns_names: Vec::new(),
            ip_addresses: Vec::new(),
            permitted_dns: vec![batch_dns_name(&code, &settings.domain)],
            urls: settings.urls(&parent.slug),
        };
        let certificate = pki::issue(&template, &issuer)
            .map_err(|error| Error::Conflict(format!("“{}” can't sign this CA: {error}.", parent.name)))?;
        Ok(Made::Signed { certificate, parent: Box::new(parent) })
    }

    async fn create_authority(
        &self,
        actor: &Actor,
        approval: &Approval,
        authority: &Authority,
        prepared: &Prepared,
        reason: &str,
    ) -> Result<()> {
        let subject = format!("approval:{}", approval.id);
        let mut deed = self.allow(actor, Permission::ApprovalDecide, &subject).await?;
        conclude(&mut deed, approval, ApprovalState::Approved, reason).await?;
        own_key(&mut deed, authority, &prepared.public_key_sha256).await?;
        let location = &prepared.location;
        if let Some(sealed) = &prepared.sealed {
            self.share_key(&mut deed.tx, location, sealed, self.now()).await?;
        }
        match &prepared.made {
            Made::Signed { certificate, parent } => {
                if !store::authority::take(&mut deed.tx, parent.id, 1).await? {
                    let message = format!("“{}” doesn't sign any more. Request a factory CA first.", parent.name);
                    return Err(Error::Conflict(message));
                }
                activate(&mut deed, authority, parent, certificate, location).await?;
            }
            Made::Request(der) => {
                let (from, to) = (AuthorityState::Requested, AuthorityState::AwaitingCertificate);
                if !store::authority::set_state(&mut deed.tx, authority.id, from, to, self.now()).await? {
                    return Err(Error::Conflict("This authority was made or rejected meanwhile.".to_owned()));
                }
                store::authority::set_request(&mut deed.tx, authority.id, der, location).await?;
            }
        }
        deed.ring("authority", &authority.id.to_string()).await?;
        deed.commit("approval.decide", &subject, &detail_of(approval, ApprovalState::Approved, reason)).await
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
    use super::*;
    use crate::Keys;
    use pki::Passphrase;

    /// A commit whose answer was lost may have taken place: the key of an authority that has it stays.
    #[tokio::test(flavor = "multi_thread")]
    async fn only_a_key_that_no_authority_has_is_removed() {
        for fixture in store::testing::both().await.unwrap() {
            let folder = fixture.folder.path().join("keys");
            let passphrase = Some(Passphrase::new("correct horse".to_owned()).unwrap());
            let fleet = Fleet::new(fixture.db.clone(), fixture.folder.path().to_owned());
            let fleet = fleet.with_keys(Keys { folder: folder.clone(), passphrase });
            let used = fleet.new_key("used", KeyAlgorithm::EcdsaP256).await.unwrap();
            let unused = fleet.new_key("unused", KeyAlgorithm::EcdsaP256).await.unwrap();
            let id = AuthorityId(uuid::Uuid::from_u128(1));
            let mut tx = fleet.db().begin().await.unwrap();
            store::authority::insert(&mut tx, &authority(id, &used.location, fleet.now())).await.unwrap();
            tx.commit().await.unwrap();
            fleet.forget_unless_used(id, &used.location).await;
            fleet.forget_unless_used(id, &unused.location).await;
            let left: Vec<_> = std::fs::read_dir(&folder).unwrap().map(|file| file.unwrap().file_name()).collect();
            assert_eq!(left.len(), 1, "{}: {left:?}", fixture.name);
            assert!(left[0].to_string_lossy().starts_with("used-"));
        }
    }

    fn authority(id: AuthorityId, location: &str, at: domain::time::Timestamp) -> Authority {
        Authority {
            id,
            kind: AuthorityKind::Operations,
            name: "Operations".to_owned(),
            slug: "operations".to_owned(),
            parent_id: None,
            factory_id: None,
            batch_id: None,
            state: AuthorityState::AwaitingCertificate,
            key_location: location.to_owned(),
            serial: String::new(),
            key_id: String::new(),
            not_before: None,
            not_after: None,
            quota: None,
            issued: 0,
            days: 1,
            delegated: false,
            requested_by: String::new(),
            created_at: at,
            activated_at: None,
            state_at: at,
        }
    }
}
