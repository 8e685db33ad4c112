//! What happens when an authority is approved: its key is made, and it is signed here or its request waits for the root.

use super::{BACKDATED, activate, request::parent_of};
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
use std::sync::Arc;
use store::approval::Approval;

/// What is made before the deed: keys and signatures take longer than a writer should be held.
enum Prepared {
    /// Signed by a factory CA whose key is here.
    Signed { certificate: Certificate, parent: Box<Authority>, location: String },
    /// To be signed by a root, in a ceremony.
    Request { der: Vec<u8>, location: String },
}

impl Prepared {
    fn location(&self) -> &str {
        match self {
            Self::Signed { location, .. } | Self::Request { location, .. } => location,
        }
    }
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
        let prepared = self.prepare_authority(&authority).await?;
        let done = self.create_authority(actor, approval, &authority, &prepared, reason).await;
        if done.is_err() && !is_token(prepared.location()) {
            self.forget_key(prepared.location());
        }
        done
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
        deed.commit("approval.decide", &subject, &detail_of(approval, false, reason)).await
    }

    async fn prepare_authority(&self, authority: &Authority) -> Result<Prepared> {
        let (signer, location): (Arc<dyn Signer>, String) = if is_token(&authority.key_location) {
            (self.signer(&authority.key_location).await?, authority.key_location.clone())
        } else {
            let key = self.new_key(&authority.slug, KeyAlgorithm::EcdsaP256).await?;
            (key.signer, key.location)
        };
        let prepared = match authority.kind {
            AuthorityKind::Batch => {
                let signed = self.sign_batch_ca(authority, signer.public_key()).await;
                signed.map(|(certificate, parent)| {
                    let parent = Box::new(parent);
                    Prepared::Signed { certificate, parent, location: location.clone() }
                })
            }
            _ => pki::certificate_request(&Name::common(&authority.name), signer.as_ref())
                .map(|der| Prepared::Request { der, location: location.clone() })
                .map_err(Error::internal),
        };
        if prepared.is_err() && !is_token(&location) {
            self.forget_key(&location);
        }
        prepared
    }

    async fn sign_batch_ca(&self, authority: &Authority, public_key: &[u8]) -> Result<(Certificate, Authority)> {
        let all = store::authority::all(self.db()).await?;
        let parent = parent_of(&all, authority).ok_or_else(|| {
            Error::Conflict("The factory has no active CA any more. Request a factory CA first.".to_owned())
        })?;
        let (settings, catalogue) = (self.load_settings().await?, self.load_catalogue().await?);
        let code = authority.batch_id.map(|id| catalogue.batch_code(id).to_owned()).unwrap_or_default();
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
        Ok((certificate, parent.clone()))
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
        match prepared {
            Prepared::Signed { certificate, parent, location } => {
                if !store::authority::take(&mut deed.tx, parent.id, 1).await? {
                    let message = format!("“{}” doesn't sign any more. Request a factory CA first.", parent.name);
                    return Err(Error::Conflict(message));
                }
                activate(&mut deed, authority, parent, certificate, location).await?;
            }
            Prepared::Request { der, location } => {
                let (from, to) = (AuthorityState::Requested, AuthorityState::AwaitingCertificate);
                if !store::authority::set_state(&mut deed.tx, authority.id, from, to, self.now()).await? {
                    return Err(Error::Conflict("This authority was made or rejected meanwhile.".to_owned()));
                }
                store::authority::set_request(&mut deed.tx, authority.id, der, location).await?;
            }
        }
        deed.ring("authority", &authority.id.to_string()).await?;
        deed.commit("approval.decide", &subject, &detail_of(approval, true, reason)).await
    }
}
