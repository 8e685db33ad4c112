//! Certificates of our own servers, from the operations CA. Their keys are sealed files; they are kept until they are due.

use crate::{
    Actor, Error, Fleet, Result,
    authority::{BACKDATED, row_of},
};
use domain::{
    authority::Authority,
    certificate::{Certificate, CertificatePurpose, CertificateStatus},
    person::Permission,
    time::DAY,
};
use pki::{KeyAlgorithm, Name, Profile, SerialNumber, SoftwareKey, Template};
use serde_json::json;
use std::net::IpAddr;
use zeroize::Zeroizing;

/// How long a server's certificate holds, in days.
const DAYS: i64 = 90;
/// When it is due to be renewed: this long before its end.
const DUE: i64 = 30 * DAY;
/// How many certificates of servers are looked through for one that still serves.
const LOOKED_AT: i64 = 50;

/// A server's chain and its key as PEM, in plain.
pub type ServerIdentity = (Vec<pki::Certificate>, Zeroizing<String>);

impl Fleet {
    /// The certificate of one of our servers for these names and addresses, with its chain, and its key. One that is not
    /// due yet is given again; otherwise a new one is issued. Only for Muster itself.
    ///
    /// # Errors
    /// When the actor is no rule, no name is given, or there is no operations CA.
    pub async fn server_certificate(&self, actor: &Actor, names: &[String], ips: &[IpAddr]) -> Result<ServerIdentity> {
        let subject = format!("server:{}", names.first().map_or("", String::as_str));
        self.rule_only(actor, "certificate.issue", &subject).await?;
        let authority = self.operations().await?;
        if let Some(kept) = self.kept_server(&authority, names, ips).await? {
            return Ok(kept);
        }
        let (now, settings) = (self.now(), self.load_settings().await?);
        let issuer = self.issuer(authority.id).await?;
        let serial = SerialNumber::random().map_err(Error::internal)?;
        let stem = format!("server-{}", serial.hex());
        let key = self.new_key(&stem, KeyAlgorithm::EcdsaP256).await?;
        let above = issuer.certificate();
        let common = names.first().cloned().or_else(|| ips.first().map(ToString::to_string));
        let common = common.ok_or_else(|| Error::field("names", "Give a name or an address of the server."))?;
        let template = Template {
            serial,
            subject: Name::common(common.chars().take(64).collect::<String>()),
            public_key: key.signer.public_key().to_vec(),
            profile: Profile::Server,
            not_before: now.plus(-BACKDATED).max(above.not_before()),
            not_after: now.plus(DAYS * DAY).min(above.not_after()),
            dns_names: names.to_vec(),
            ip_addresses: ips.to_vec(),
            permitted_dns: Vec::new(),
            urls: settings.urls(&authority.slug),
        };
        let certificate = pki::issue(&template, &issuer)
            .map_err(|error| Error::Conflict(format!("“{}” can't sign for this server: {error}.", authority.name)))?;
        let row = Certificate {
            // Where its key is found again.
            issued_by: key.location.clone(),
            ..row_of(&certificate, authority.id, CertificatePurpose::Server, actor.name(), now)
        };
        let mut deed = self.allow(actor, Permission::CertificateEnrol, &subject).await?;
        if !store::authority::take(&mut deed.tx, authority.id, 1).await? {
            return Err(Error::Conflict(format!("“{}” doesn't sign any more.", authority.name)));
        }
        store::certificate::insert_many(&mut deed.tx, &[(row, certificate.der().to_vec())]).await?;
        let detail = json!({"names": names, "addresses": ips, "serial": certificate.serial_hex()});
        deed.commit("certificate.issue", &subject, &detail).await?;
        let key = self.key_at(&key.location).await?;
        self.server_identity(&authority, certificate, &key).await
    }

    /// A certificate that was issued before and still serves.
    async fn kept_server(
        &self,
        authority: &Authority,
        names: &[String],
        ips: &[IpAddr],
    ) -> Result<Option<ServerIdentity>> {
        let due = self.now().plus(DUE);
        let kept = store::certificate::of_purpose(self.db(), CertificatePurpose::Server.as_str(), LOOKED_AT).await?;
        for row in kept {
            let serves = row.authority_id == authority.id && row.status == CertificateStatus::Valid;
            if !serves || row.not_after <= due {
                continue;
            }
            let Some(der) = store::certificate::der(self.db(), row.id).await? else { continue };
            let certificate = pki::Certificate::from_der(&der).map_err(Error::internal)?;
            if certificate.dns_names() != names || certificate.ip_addresses() != ips {
                continue;
            }
            // Another machine's key is not here; then this one gets a certificate of its own.
            match self.key_at(&row.issued_by).await {
                Ok(key) => return self.server_identity(authority, certificate, &key).await.map(Some),
                Err(error) => tracing::debug!(%error, serial = row.serial, "a server's key is not here"),
            }
        }
        Ok(None)
    }

    async fn server_identity(
        &self,
        authority: &Authority,
        certificate: pki::Certificate,
        key: &SoftwareKey,
    ) -> Result<ServerIdentity> {
        let mut chain = vec![certificate];
        chain.extend(self.chain_below_root(authority.id).await?);
        Ok((chain, key.pkcs8_pem().map_err(Error::internal)?))
    }
}
