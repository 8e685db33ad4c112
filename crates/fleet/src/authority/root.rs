//! Roots: their certificates are brought in from the ceremony. Their keys never are, and nothing here could read one.

use super::own_key;
use crate::{Actor, Error, Fleet, Result};
use domain::{
    authority::{Authority, AuthorityKind, AuthorityState},
    custody::slug,
    id::AuthorityId,
    person::Permission,
};
use pki::Certificate;
use serde_json::json;
use store::authority::{Link, OwnCertificate};
use uuid::Uuid;

impl Fleet {
    /// Brings in a root's certificate. A second root is a roll-over: both are trusted.
    ///
    /// # Errors
    /// When the actor may not, the text holds no root's certificate, it has ended, or it is known.
    pub async fn bring_root(&self, actor: &Actor, pem: &str) -> Result<AuthorityId> {
        self.authorise(actor, Permission::AuthorityManage, "authority:root").await?;
        let root = one_certificate(pem)?;
        check_root(&root)?;
        if root.not_after() <= self.now() {
            return Err(Error::field("pem", format!("This root ended on {}.", root.not_after().day_words())));
        }
        let (id, now) = (AuthorityId(Uuid::now_v7()), self.now());
        let name = root.common_name();
        let known = store::authority::all(self.db()).await?;
        if known.iter().any(|authority| authority.key_id == root.subject_key_id()) {
            return Err(Error::Conflict(format!("The root “{name}” is here already.")));
        }
        let authority = Authority {
            id,
            kind: AuthorityKind::Root,
            slug: slug(&name),
            name: name.clone(),
            parent_id: None,
            factory_id: None,
            batch_id: None,
            state: AuthorityState::Requested,
            key_location: "offline".to_owned(),
            serial: String::new(),
            key_id: String::new(),
            not_before: None,
            not_after: None,
            quota: None,
            issued: 0,
            days: 0,
            delegated: false,
            requested_by: actor.name().to_owned(),
            created_at: now,
            activated_at: None,
            state_at: now,
        };
        let subject = format!("authority:{id}");
        let mut deed = self.allow(actor, Permission::AuthorityManage, &subject).await?;
        match store::authority::insert(&mut deed.tx, &authority).await {
            Err(store::StoreError::Exists) => {
                let message = format!("There is an authority “{name}” already. Give the new root another name.");
                return Err(Error::Conflict(message));
            }
            other => other?,
        }
        own_key(&mut deed, &authority, &root.public_key_sha256()).await?;
        let own = OwnCertificate {
            der: root.der(),
            serial: &root.serial_hex(),
            key_id: &root.subject_key_id(),
            not_before: root.not_before(),
            not_after: root.not_after(),
        };
        store::authority::activate(&mut deed.tx, id, None, &own, "offline", now).await?;
        deed.ring("trust", &subject).await?;
        let detail = json!({"name": name, "fingerprint": root.fingerprint(), "not_after": root.not_after()});
        deed.commit("authority.bring_root", &subject, &detail).await?;
        Ok(id)
    }

    /// Brings in a further certificate for an authority's key: with a cross-certificate of the old root for the new one,
    /// firmware that knows only the old root trusts what stands below the new one.
    ///
    /// # Errors
    /// When the actor may not, there is no such authority, or the certificate is not for its key or not of a known root.
    pub async fn add_link(&self, actor: &Actor, id: AuthorityId, pem: &str) -> Result<()> {
        let subject = format!("authority:{id}");
        self.authorise(actor, Permission::AuthorityManage, &subject).await?;
        let authority = self.kept_authority(id).await?;
        let (own, link) = (self.authority_certificate(&authority).await?, one_certificate(pem)?);
        if link.public_key() != own.public_key() || !link.is_ca() {
            return Err(Error::field("pem", format!("This is no certificate for the key of “{}”.", authority.name)));
        }
        if link.not_after() <= self.now() {
            return Err(Error::field("pem", format!("This certificate ended on {}.", link.not_after().day_words())));
        }
        let (issuer, _) = self.known_issuer(&link).await?;
        let known = store::authority::links(self.db(), id).await?;
        if link.der() == own.der() || known.iter().any(|known| known.certificate == link.der()) {
            return Err(Error::Conflict("This certificate is here already.".to_owned()));
        }
        let kept = Link {
            certificate: link.der().to_vec(),
            issuer_name: issuer.name.clone(),
            not_after: link.not_after(),
            created_at: self.now(),
        };
        let mut deed = self.allow(actor, Permission::AuthorityManage, &subject).await?;
        store::authority::insert_link(&mut deed.tx, id, &kept).await?;
        deed.ring("trust", &subject).await?;
        let detail = json!({"name": authority.name, "issuer": issuer.name, "not_after": link.not_after()});
        deed.commit("authority.link", &subject, &detail).await
    }

    /// The root that issued a certificate.
    pub(super) async fn known_issuer(&self, certificate: &Certificate) -> Result<(Authority, Certificate)> {
        for authority in store::authority::all(self.db()).await? {
            if authority.kind != AuthorityKind::Root || !authority.state.is_trusted() {
                continue;
            }
            let root = self.authority_certificate(&authority).await?;
            if certificate.verify_issued_by(&root).is_ok() {
                return Ok((authority, root));
            }
        }
        let issuer = certificate.issuer();
        Err(Error::field("pem", format!("It was issued by {issuer}, which is no root here. Bring that root in first.")))
    }
}

/// The one certificate of a text.
pub(super) fn one_certificate(pem: &str) -> Result<Certificate> {
    Certificate::from_pem(pem).map_err(|error| Error::field("pem", format!("This can't be taken: {error}.")))
}

fn check_root(root: &Certificate) -> Result<()> {
    if root.is_ca() && root.verify_issued_by(root).is_ok() {
        return Ok(());
    }
    let message = "This is no root: a root's certificate is a certification authority's and is signed by its own key.";
    Err(Error::field("pem", message))
}
