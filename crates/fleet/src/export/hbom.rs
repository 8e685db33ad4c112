//! A device's manifest as a hardware bill of materials.

use crate::{Actor, Error, Fleet, Result};
use domain::hbom::{DeviceFacts, hbom};
use serde_json::Value;

impl Fleet {
    /// A version of a device's manifest as a CycloneDX document (see [`domain::hbom`]).
    ///
    /// # Errors
    /// When the actor may not see the fleet, or there is no such device or version.
    pub async fn hbom(&self, actor: &Actor, serial: &str, version: i64) -> Result<Value> {
        let device = self.device(actor, serial).await?;
        let (components, manifests) = tokio::try_join!(
            store::component::of_device(self.db(), device.id),
            store::manifest::of_device(self.db(), device.id),
        )?;
        let found = manifests.iter().find(|manifest| manifest.version == version);
        let manifest = found.ok_or_else(|| Error::not_found("manifest", &format!("{serial} v{version}")))?;
        let names = self.load_catalogue().await?;
        let model = names.model(device.model_id);
        let facts = DeviceFacts {
            serial: &device.serial,
            model: names.model_name(device.model_id),
            description: model.map_or("", |model| model.description.as_str()),
            hardware_revision: &device.hardware_revision,
            batch: names.batch_code(device.batch_id),
            made_at: device.made_at,
            factory: names.custodian(device.factory_id),
        };
        Ok(hbom(&facts, manifest, &components))
    }
}
