//! Who stands behind a certificate at the gateway, and what a verifier needs of ours.

use crate::{Actor, Error, Fleet, Origin, Result, finding::Found};
use domain::{
    authority::{AuthorityKind, AuthorityState, FindingKind},
    certificate::{Certificate, CertificatePurpose},
    id::AuthorityId,
    person::Permission,
};
use serde_json::json;
use sha2::{Digest, Sha256};

/// Who shows a certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Peer {
    /// The certificate, as it is kept.
    pub certificate: Certificate,
}

impl Peer {
    /// Who acts: the device, once it was delivered, or the station. None for what is neither.
    #[must_use]
    pub fn actor(&self, origin: Origin) -> Option<Actor> {
        let certificate = &self.certificate;
        match certificate.purpose {
            CertificatePurpose::Device => {
                Some(Actor::Device { id: certificate.device_id?, serial: certificate.device_serial.clone()?, origin })
            }
            CertificatePurpose::Station => Some(Actor::Station {
                certificate: certificate.id,
                name: certificate.name.clone(),
                factory: certificate.factory_id?,
                origin,
            }),
            _ => None,
        }
    }

    /// Whether it is a device's.
    #[must_use]
    pub const fn is_device(&self) -> bool {
        matches!(self.certificate.purpose, CertificatePurpose::Device)
    }

    /// Whether it is a station's.
    #[must_use]
    pub const fn is_station(&self) -> bool {
        matches!(self.certificate.purpose, CertificatePurpose::Station)
    }
}

impl Fleet {
    /// Who stands behind a certificate, by its authority, its serial number and its fingerprint (SHA-256 of its DER, in
    /// hexadecimal). One read; none for a certificate that was never entered here, whoever signed it. One that has only the
    /// serial number of another is a finding: whoever holds the authority's key signed a second one.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn identify(&self, authority: AuthorityId, serial_hex: &str, fingerprint: &str) -> Result<Option<Peer>> {
        let found = store::certificate::with_der(self.db(), authority, serial_hex).await?;
        let Some((certificate, der)) = found else { return Ok(None) };
        if hex::encode(Sha256::digest(&der)) != fingerprint {
            if self.within_a_minute(format!("forged:{fingerprint}"), Permission::CertificateEnrol, 1) {
                self.find(&forged(&certificate, fingerprint)).await;
            }
            return Ok(None);
        }
        Ok(Some(Peer { certificate }))
    }

    /// What a peer needs in order to trust us and its own chain: all roots with their cross-certificates, and what
    /// stands between them and a batch's devices. Without a batch the roots and cross-certificates alone. This is public.
    ///
    /// # Errors
    /// When there is no such batch.
    pub async fn cacerts<'a>(&self, batch_code: impl Into<Option<&'a str>>) -> Result<Vec<pki::Certificate>> {
        let batch_code = batch_code.into();
        let mut found = self.roots().await?;
        for (_, der) in store::authority::all_links(self.db()).await? {
            found.push(pki::Certificate::from_der(&der).map_err(Error::internal)?);
        }
        if let Some(code) = batch_code {
            let catalogue = self.load_catalogue().await?;
            let batch = catalogue.batches.iter().find(|batch| batch.code == code);
            let batch = batch.ok_or_else(|| Error::not_found("batch", code))?;
            for authority in store::authority::of_batch(self.db(), batch.id).await? {
                if authority.state.is_trusted() {
                    found.extend(self.chain_below_root(authority.id).await?);
                }
            }
        }
        let mut seen = std::collections::HashSet::new();
        found.retain(|certificate| seen.insert(certificate.fingerprint()));
        Ok(found)
    }

    /// The certificates of all roots that are trusted.
    pub(crate) async fn roots(&self) -> Result<Vec<pki::Certificate>> {
        let mut roots = Vec::new();
        for authority in store::authority::all(self.db()).await? {
            if authority.kind == AuthorityKind::Root && authority.state == AuthorityState::Active {
                roots.push(self.authority_certificate(&authority).await?);
            }
        }
        Ok(roots)
    }
}

/// The finding that a certificate has the serial number of another one.
pub(crate) fn forged<'a>(issued: &'a Certificate, fingerprint: &str) -> Found<'a> {
    Found {
        kind: FindingKind::ForgedCertificate,
        about: &issued.serial,
        batch: None,
        authority: Some(issued.authority_id),
        device: issued.device_id,
        words: format!(
            "Somebody has a second certificate with the serial number of that of {}. Only who holds the authority's key \
             can make one: find out who does.",
            issued.name
        ),
        detail: json!({"serial": issued.device_serial, "certificate": issued.serial, "fingerprint": fingerprint}),
    }
}
