//! A kit: everything that a first real device needs, with configuration for the tools that Linux already has.

mod config;

use super::{Enrolled, domain_within};
use crate::{Actor, Error, Fleet, Result, setting::Settings};
use domain::{certificate::device_dns_name, device::Device, person::Permission};
use pki::{Certificate, KeyAlgorithm, Name, SoftwareKey};
use serde_json::json;

/// A file of a kit.
#[derive(Clone, PartialEq, Eq)]
pub struct KitFile {
    /// Its name, without a folder.
    pub name: String,
    /// What is in it.
    pub content: Vec<u8>,
    /// Whether only its owner may read it.
    pub secret: bool,
}

impl KitFile {
    pub(crate) fn public(name: &str, content: impl Into<Vec<u8>>) -> Self {
        Self { name: name.to_owned(), content: content.into(), secret: false }
    }

    pub(crate) fn secret(name: &str, content: impl Into<Vec<u8>>) -> Self {
        Self { name: name.to_owned(), content: content.into(), secret: true }
    }
}

impl std::fmt::Debug for KitFile {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("KitFile").field("name", &self.name).field("bytes", &self.content.len()).finish_non_exhaustive()
    }
}

/// A device's kit. The key is kept nowhere: give it away now.
pub struct Kit {
    /// The device's serial.
    pub serial: String,
    /// Its batch's code.
    pub batch: String,
    /// Its DNS name.
    pub dns_name: String,
    /// Its key as PEM, in plain; none where the key is born in the device.
    pub key_pem: Option<String>,
    /// Its certificate; none where the key is born in the device.
    pub certificate: Option<Certificate>,
    /// What stands above it, without the root.
    pub chain: Vec<Certificate>,
    /// The roots by which it knows the gateway.
    pub roots: Vec<Certificate>,
    /// Where the gateway is, and what else is set.
    pub settings: Settings,
}

impl Kit {
    /// The files of the kit.
    #[must_use]
    pub fn files(&self) -> Vec<KitFile> {
        config::files(self)
    }
}

impl std::fmt::Debug for Kit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Kit").field("serial", &self.serial).finish_non_exhaustive()
    }
}

impl Fleet {
    /// Makes a key for a device, enrols it, and gives both with configuration for the device.
    ///
    /// # Errors
    /// When the actor may not, there is no such device, or it can't be enrolled: see [`Fleet::enrol`].
    pub async fn kit(&self, actor: &Actor, serial: &str) -> Result<Kit> {
        let (device, batch) = self.device_for_kit(actor, serial).await?;
        let key = SoftwareKey::generate(KeyAlgorithm::EcdsaP256).map_err(Error::internal)?;
        let request = pki::certificate_request(&Name::common(serial), &key).map_err(Error::internal)?;
        let request = pki::read_request(&request).map_err(Error::internal)?;
        let key_pem = key.pkcs8_pem().map_err(Error::internal)?.to_string();
        let Enrolled { certificate, chain } = self.enrol(actor, &batch, &request, serial).await?;
        self.kit_with(&device, batch, Some((key_pem, certificate)), chain).await
    }

    /// The same where the key has to be born in the device: no key and no certificate, but the calls by which the device
    /// gets one.
    ///
    /// # Errors
    /// When the actor may not, or there is no such device.
    pub async fn est_kit(&self, actor: &Actor, serial: &str) -> Result<Kit> {
        let (device, batch) = self.device_for_kit(actor, serial).await?;
        let subject = format!("device:{serial}");
        let kit = self.kit_with(&device, batch, None, Vec::new()).await?;
        let deed = self.allow(actor, Permission::CertificateEnrol, &subject).await?;
        deed.commit("kit.make", &subject, &json!({"key": "born in the device"})).await?;
        Ok(kit)
    }

    async fn device_for_kit(&self, actor: &Actor, serial: &str) -> Result<(Device, String)> {
        self.authorise(actor, Permission::CertificateEnrol, &format!("device:{serial}")).await?;
        let device = store::device::by_serial(self.db(), serial).await?;
        let device = device.ok_or_else(|| Error::not_found("device", serial))?;
        let catalogue = self.load_catalogue().await?;
        let batch = catalogue.batch_code(device.batch_id).to_owned();
        Ok((device, batch))
    }

    async fn kit_with(
        &self,
        device: &Device,
        batch: String,
        own: Option<(String, Certificate)>,
        chain: Vec<Certificate>,
    ) -> Result<Kit> {
        let settings = self.load_settings().await?;
        // Without a CA that signs the name is the one that the next CA will give.
        let line = self.line(&batch).await.ok();
        let domain = line.map(|line| domain_within(line.issuer.certificate(), &batch, &settings));
        let domain = domain.unwrap_or_else(|| settings.domain.clone());
        let (key_pem, certificate) = own.unzip();
        Ok(Kit {
            serial: device.serial.clone(),
            dns_name: device_dns_name(&device.serial, &batch, &domain),
            batch,
            key_pem,
            certificate,
            chain,
            roots: self.roots().await?,
            settings,
        })
    }
}
