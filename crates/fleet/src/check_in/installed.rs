//! What a device says that it has installed, without being told of an update: as if it had reported its firmware.

use super::device_of;
use crate::{Actor, Error, Fleet, Result};
use domain::report::{Attributes, UpdateMode};

impl Fleet {
    /// Takes the version that a device says it has installed, the way of its reports: what the model's rules call the
    /// firmware. Whether that is news.
    ///
    /// # Errors
    /// When the actor is no device, the model's rules know no firmware, or as [`Fleet::report`].
    pub async fn report_installed(&self, actor: &Actor, version: &str) -> Result<bool> {
        let (id, serial) = device_of(actor)?;
        let missing = || Error::not_found("device", serial);
        let device = store::device::by_serial(self.db(), serial).await?.filter(|d| d.id == id).ok_or_else(missing)?;
        let rules = self.rules_of(device.model_id).await?;
        let attribute = rules.mapping.firmware_attribute().ok_or_else(|| Error::not_found("attribute", "firmware"))?;
        let said = Attributes::collect([(attribute.as_str(), version.to_owned())]);
        self.report(actor, said, UpdateMode::Merge).await?;
        Ok(device.firmware.as_deref() != Some(version))
    }
}
