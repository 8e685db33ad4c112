//! What is known here of the things and places that a document speaks of.

use super::source::Source;
use crate::{Fleet, Result, catalogue::Catalogue};
use domain::{
    custody::Holder,
    device::Device,
    epcis::{
        Epc, Resolver, custodian_location, location_key, main_event_id, own_entry, own_location, sgtin_to_gtin14,
        subjects,
    },
    id::{DeviceId, HistoryId},
};
use std::collections::{BTreeSet, HashMap, HashSet};

/// Devices, holders, and events of a document that are known.
pub(super) struct Known {
    devices: HashMap<String, Device>,
    catalogue: Catalogue,
    holders: HashMap<String, Holder>,
    /// Entries that were recorded here.
    own: HashSet<(DeviceId, HistoryId)>,
    /// Events that were imported.
    imported: HashSet<(DeviceId, String)>,
}

impl Known {
    pub(super) async fn load(fleet: &Fleet, source: &Source) -> Result<Self> {
        let mut serials = BTreeSet::new();
        for index in 0..source.len() {
            let Ok(event) = source.event(index) else { continue };
            serials.extend(subjects(&event).iter().filter_map(|epc| epc.serial().map(str::to_owned)));
            // Reading all events of a large document takes seconds, which others want to use this thread in.
            if index % 256 == 255 {
                tokio::task::yield_now().await;
            }
        }
        let serials: Vec<&str> = serials.iter().map(String::as_str).collect();
        let devices: HashMap<String, Device> =
            store::device::by_serials(fleet.db(), &serials).await?.into_iter().map(|d| (d.serial.clone(), d)).collect();
        let ids: Vec<DeviceId> = devices.values().map(|device| device.id).collect();
        let (mut own, mut imported) = (HashSet::new(), HashSet::new());
        for (device, entry, event) in store::import::entries_of(fleet.db(), &ids).await? {
            own.insert((device, HistoryId(entry)));
            imported.extend(event.map(|event| (device, event)));
        }
        let catalogue = fleet.load_catalogue().await?;
        let mut holders = HashMap::new();
        for custodian in &catalogue.custodians {
            for uri in [custodian_location(custodian), own_location(&custodian.code)] {
                holders.insert(location_key(&uri), custodian.holder());
            }
        }
        Ok(Self { devices, catalogue, holders, own, imported })
    }

    pub(super) fn device(&self, serial: &str) -> Option<&Device> {
        self.devices.get(serial)
    }

    /// Whether a device's history has an entry of this event, imported or our own.
    pub(super) fn has(&self, device: DeviceId, event: &str) -> bool {
        let id = main_event_id(event);
        own_entry(&id).is_some_and(|entry| self.own.contains(&(device, entry))) || self.imported.contains(&(device, id))
    }

    pub(super) fn add(&mut self, device: DeviceId, event: &str) {
        self.imported.insert((device, main_event_id(event)));
    }
}

impl Resolver for Known {
    fn device_by_epc(&self, epc: &Epc) -> Option<(DeviceId, String)> {
        let device = self.devices.get(epc.serial()?)?;
        if let Some(gtin) = epc.gtin14() {
            let model = self.catalogue.model(device.model_id)?;
            if sgtin_to_gtin14(&model.sgtin)? != gtin {
                return None;
            }
        }
        Some((device.id, device.serial.clone()))
    }

    fn holder_by_location(&self, uri: &str) -> Option<Holder> {
        self.holders.get(&location_key(uri)).cloned()
    }
}
