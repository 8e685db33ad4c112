//! The way to the ceremony and back: an authority's request goes out, its certificate comes in.

use super::activate;
use crate::{Actor, Error, Fleet, Result};
use domain::{
    authority::{Authority, AuthorityKind, AuthorityState},
    id::AuthorityId,
    person::Permission,
};
use pki::Certificate;
use serde_json::json;

impl Fleet {
    /// The request of an authority that waits for its certificate, as PEM, for the ceremony to sign.
    ///
    /// # Errors
    /// When the actor may not, there is no such authority, or it doesn't wait for a certificate.
    pub async fn authority_request(&self, actor: &Actor, id: AuthorityId) -> Result<String> {
        self.authorise(actor, Permission::AuthorityRead, &format!("authority:{id}")).await?;
        let authority = self.kept_authority(id).await?;
        let request = store::authority::request(self.db(), id).await?;
        let request = request.ok_or_else(|| not_waiting(&authority))?;
        Ok(pki::request_pem(&request))
    }

    /// Takes the certificate that the ceremony made for an authority: from now on it signs.
    ///
    /// # Errors
    /// When the actor may not, there is no such authority, it doesn't wait for a certificate, or this is not the one:
    /// another key, an unknown root, the wrong kind, or over already.
    pub async fn deliver_authority(&self, actor: &Actor, id: AuthorityId, chain_pem: &str) -> Result<()> {
        let subject = format!("authority:{id}");
        self.authorise(actor, Permission::AuthorityManage, &subject).await?;
        let authority = self.kept_authority(id).await?;
        if authority.state != AuthorityState::AwaitingCertificate {
            return Err(not_waiting(&authority));
        }
        let signer = self.signer(&authority.key_location).await?;
        let chain = Certificate::chain_from_pem(chain_pem);
        let chain = chain.map_err(|error| Error::field("pem", format!("This can't be taken: {error}.")))?;
        // The ceremony gives the certificate first, but whoever pastes may have turned the chain round.
        let certificate = chain.iter().find(|certificate| certificate.public_key() == signer.public_key());
        let certificate = certificate.ok_or_else(|| {
            Error::field("pem", format!("None of these certificates is for the key of “{}”.", authority.name))
        })?;
        let domain = self.load_settings().await?.domain;
        self.check_delivered(&authority, certificate, &domain)?;
        let (root, _) = self.known_issuer(certificate).await?;
        let mut deed = self.allow(actor, Permission::AuthorityManage, &subject).await?;
        activate(&mut deed, &authority, &root, certificate, &authority.key_location).await?;
        let detail = json!({
            "name": authority.name, "serial": certificate.serial_hex(), "fingerprint": certificate.fingerprint(),
            "root": root.name, "not_after": certificate.not_after(),
        });
        deed.ring("authority", &id.to_string()).await?;
        deed.commit("authority.deliver", &subject, &detail).await
    }

    fn check_delivered(&self, authority: &Authority, certificate: &Certificate, domain: &str) -> Result<()> {
        let now = self.now();
        let expected = authority.kind.path_length();
        let problem = if !certificate.is_ca() {
            "This is no certification authority's certificate.".to_owned()
        } else if certificate.path_length() != expected {
            let of = |length: Option<u8>| length.map_or("none".to_owned(), |length| length.to_string());
            let (found, expected) = (of(certificate.path_length()), of(expected));
            format!("Its path length is {found}, but it must be {expected} for this kind. Sign it again as that kind.")
        } else if certificate.not_after() <= now {
            format!("It ended on {}.", certificate.not_after().day_words())
        } else if certificate.not_before() > now {
            let from = certificate.not_before().exact_words();
            format!("It holds only from {from}. Set the clocks of both machines, or wait until then.")
        } else if authority.kind == AuthorityKind::Factory && !may_name(certificate, domain) {
            let permitted = certificate.permitted_dns().join(", ");
            format!(
                "It is for names within {permitted}, but devices get theirs within {domain} (Settings), so it could sign no \
                 batch. Sign it again with --domain {domain}, or change the setting first."
            )
        } else {
            return Ok(());
        };
        Err(Error::field("pem", problem))
    }
}

/// Whether a CA's constraints let it sign for names within a domain.
fn may_name(certificate: &Certificate, domain: &str) -> bool {
    let permitted = certificate.permitted_dns();
    let within = |name: &String| domain == name || domain.ends_with(&format!(".{name}"));
    permitted.is_empty() || permitted.iter().any(within)
}

fn not_waiting(authority: &Authority) -> Error {
    let state = authority.state.label().to_lowercase();
    Error::Conflict(format!("“{}” doesn't wait for a certificate; it is: {state}.", authority.name))
}
