//! Labels: what stands on them, for a sheet or a label printer. Who saw the codes is audited.

use super::{claimable, code_of};
use crate::{Actor, Fleet, Result};
use domain::{
    claim::ClaimCode,
    device::{Device, Lifecycle},
    person::Permission,
};
use serde_json::json;
use store::device_list::{Count, Cursor, Sort, SortValue};

/// How many labels are made at a time.
pub const LABELS_MAX: usize = 500;

/// What a label says of its device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LabelState {
    /// It can be claimed by this code.
    Code(ClaimCode),
    /// It was claimed: the label carries its address alone.
    Claimed,
    /// It is retired or cut off: nobody can claim it now.
    Shut,
}

/// One label.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Label {
    /// The device's serial.
    pub serial: String,
    /// The model's name.
    pub model: String,
    /// The batch's code.
    pub batch: String,
    /// What it says of the device.
    pub state: LabelState,
}

impl Label {
    /// The code, if it has one.
    #[must_use]
    pub const fn code(&self) -> Option<&ClaimCode> {
        match &self.state {
            LabelState::Code(code) => Some(code),
            LabelState::Claimed | LabelState::Shut => None,
        }
    }
}

/// Some of the labels of a fleet query's devices, by serial.
#[derive(Clone, Debug)]
pub struct Labels {
    /// The labels.
    pub items: Vec<Label>,
    /// The serial after which the next ones come, if there are more.
    pub next: Option<String>,
    /// How many devices the query means in all.
    pub total: Count,
}

impl Fleet {
    /// The labels of the devices that a fleet query means: those after a serial, at most [`LABELS_MAX`]. That they were
    /// seen is audited before they are.
    ///
    /// # Errors
    /// When the actor may not enrol, the query can't be read, or the passphrase is missing.
    pub async fn labels(&self, actor: &Actor, query: &str, after: &str, limit: usize) -> Result<Labels> {
        let permission = Permission::CertificateEnrol;
        self.authorise(actor, permission, "labels").await?;
        let cursor = (!after.is_empty()).then(|| Cursor {
            value: SortValue::Text(String::new()),
            serial: after.to_owned(),
            backwards: false,
        });
        let limit = limit.clamp(1, LABELS_MAX);
        let list = self.devices(actor, query, Sort::default(), cursor.as_ref(), limit).await?;
        let deriver = self.deriver(actor, permission).await?;
        let devices = &list.page.devices;
        let ids: Vec<_> = devices.iter().map(|device| device.id).collect();
        let generations = store::claim::generations(self.db(), &ids).await?;
        let ever_claimed = store::claim::ever_claimed(self.db(), &ids).await?;
        let mut items = Vec::with_capacity(devices.len());
        for device in devices {
            let is_claimed = ever_claimed.contains(&device.id) && self.is_claimed(device).await?;
            let state = if device.lifecycle != Lifecycle::Retired && is_claimed {
                LabelState::Claimed
            } else if claimable(device, &[]).is_err() {
                LabelState::Shut
            } else {
                LabelState::Code(code_of(&deriver, device.id, generations.get(&device.id).copied().unwrap_or_default()))
            };
            items.push(Label {
                serial: device.serial.clone(),
                model: list.catalogue.model_name(device.model_id).to_owned(),
                batch: list.catalogue.batch_code(device.batch_id).to_owned(),
                state,
            });
        }
        self.note_labels(actor, query, &items).await?;
        Ok(Labels { items, next: list.page.next.map(|cursor| cursor.serial), total: list.count })
    }

    async fn is_claimed(&self, device: &Device) -> Result<bool> {
        let history = store::history::of_device(self.db(), device.id).await?;
        Ok(domain::claim::Ownership::after(&history).claim.is_some())
    }

    async fn note_labels(&self, actor: &Actor, query: &str, items: &[Label]) -> Result<()> {
        let codes = items.iter().filter(|label| label.code().is_some()).count();
        let (Some(first), Some(last), 1..) = (items.first(), items.last(), codes) else { return Ok(()) };
        let subject =
            if items.len() == 1 { format!("device:{}", first.serial) } else { format!("devices:{}", items.len()) };
        let deed = self.allow(actor, Permission::CertificateEnrol, &subject).await?;
        let detail = json!({"query": query, "first": first.serial, "last": last.serial, "codes": codes});
        deed.commit("label.show", &subject, &detail).await
    }
}
