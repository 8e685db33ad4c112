//! Devices that are made as they are enrolled, because the station knows what they are made of. The rules for their
//! components are those of a manifest.

use super::{line::Line, many::EnrolItem, one::issued};
use crate::{Deed, Fleet, Result, custody::standing_of};
use domain::{
    certificate::Certificate,
    device::{Device, Lifecycle, Trust},
    factory_manifest::{Row, jsonl_rows},
    history::{Entry, Event, Standing},
    id::{ComponentId, DeviceId},
    manifest::{self, Manifest},
};
use serde_json::json;
use std::collections::{HashMap, HashSet};
use store::component::NewComponent;
use uuid::Uuid;

/// Whether a device is made with its certificate.
pub(super) enum Birth {
    /// It is there, or its manifest comes later.
    None,
    /// It is made.
    Of(Box<Newborn>),
    /// It would be, but its components are not right.
    Wrong(String),
}

/// A device to be made.
pub(super) struct Newborn {
    pub(super) device: Device,
    row: Row,
}

impl Fleet {
    /// What is to be made for each item.
    pub(super) async fn births(
        &self,
        line: &Line,
        items: &[EnrolItem],
        known: &HashMap<String, Device>,
    ) -> Result<Vec<Birth>> {
        let mut births: Vec<Birth> = items.iter().map(|item| self.birth(line, item, known)).collect();
        let keys: Vec<&str> = births
            .iter()
            .filter_map(|birth| if let Birth::Of(newborn) = birth { Some(newborn) } else { None })
            .flat_map(|newborn| newborn.row.parts.iter().map(|part| part.identifier_key.as_str()))
            .collect();
        let fitted = store::component::fitted(self.db(), &keys).await?;
        let fitted: HashMap<String, String> = fitted.into_iter().map(|f| (f.identifier_key, f.serial)).collect();
        let mut seen: HashSet<String> = HashSet::new();
        for birth in &mut births {
            let Birth::Of(newborn) = birth else { continue };
            let taken = newborn.row.parts.iter().find_map(|part| {
                let elsewhere = fitted.get(&part.identifier_key).cloned();
                let twice =
                    || (!seen.insert(part.identifier_key.clone())).then(|| "another device of this call".to_owned());
                elsewhere.or_else(twice).map(|place| (part.identifier.clone(), place))
            });
            if let Some((part, place)) = taken {
                *birth = Birth::Wrong(in_one_device(&part, &place));
            }
        }
        Ok(births)
    }

    fn birth(&self, line: &Line, item: &EnrolItem, known: &HashMap<String, Device>) -> Birth {
        let serial = item.serial.trim();
        if item.components.is_empty() || known.contains_key(serial) {
            return Birth::None;
        }
        let now = self.now();
        // Written as a manifest's row and read as one, so that the same is right and the same is wrong.
        let row = json!({
            "serial": serial,
            "model": line.model,
            "hardware_revision": item.hardware_revision.as_deref().unwrap_or_default(),
            "batch": line.batch.code,
            "factory": line.factory.code,
            "made_at": item.made_at.clone().unwrap_or_else(|| now.rfc3339()),
            "firmware": item.firmware.as_deref().unwrap_or_default(),
            "components": item.components,
        });
        let text = format!("{row}\n");
        let read = jsonl_rows(text.as_bytes(), now).map(|mut rows| rows.next());
        match read {
            Ok(Some(Ok(result))) => match result.row {
                Ok(row) => Birth::Of(Box::new(newborn(line, row))),
                Err(problems) => {
                    let all: Vec<String> = problems.iter().map(|p| format!("{}: {}", p.column, p.message)).collect();
                    Birth::Wrong(format!("The device can't be entered: {}.", all.join("; ")))
                }
            },
            Ok(Some(Err(problem))) | Err(problem) => Birth::Wrong(format!("The device can't be entered: {problem}.")),
            Ok(None) => Birth::Wrong("The device can't be entered: nothing is said of it.".to_owned()),
        }
    }
}

fn newborn(line: &Line, row: Row) -> Newborn {
    let device = Device {
        id: DeviceId(Uuid::now_v7()),
        serial: row.serial.clone(),
        model_id: line.batch.model_id,
        hardware_revision: row.hardware_revision.clone(),
        batch_id: line.batch.id,
        factory_id: line.factory.id,
        custodian_id: line.factory.id,
        place: String::new(),
        lifecycle: Lifecycle::Made,
        trust: Trust::Trusted,
        channel: "production".to_owned(),
        firmware: row.firmware.clone(),
        made_at: row.made_at,
        last_seen_at: None,
        certificate_serial: None,
        certificate_not_after: None,
        manifest_version: 1,
        manifest_hash: manifest::hash(&row.serial, 1, "", &row.parts),
    };
    Newborn { device, row }
}

/// Holds where parts are until the deed is over, if one of these devices is made of some, and says which of them are in a
/// device by now: since it was looked, a repair or another call may have been faster.
pub(super) async fn fitted_since<'a>(
    deed: &mut Deed<'_>,
    newborns: impl Iterator<Item = &'a Newborn>,
) -> Result<HashMap<String, String>> {
    let keys: Vec<&str> =
        newborns.flat_map(|newborn| newborn.row.parts.iter().map(|part| part.identifier_key.as_str())).collect();
    if keys.is_empty() {
        return Ok(HashMap::new());
    }
    store::repair::hold_manifests(&mut deed.tx).await?;
    let fitted = store::component::all_fitted_within(&mut deed.tx, &keys).await?;
    Ok(fitted.into_iter().map(|found| (found.identifier_key, found.serial)).collect())
}

fn in_one_device(part: &str, place: &str) -> String {
    format!("The part {part} is in {place} already; a part is in one device at a time.")
}

impl Newborn {
    /// Why the device can't be made of its parts, given where parts are.
    pub(super) fn objection(&self, fitted: &HashMap<String, String>) -> Option<String> {
        let taken = self.row.parts.iter().find_map(|part| Some((part, fitted.get(&part.identifier_key)?)))?;
        Some(in_one_device(&taken.0.identifier, taken.1))
    }

    /// Enters the device with its parts, its manifest and its history, in which its certificate stands already.
    pub(super) async fn enter(&self, deed: &mut Deed<'_>, certificate: &Certificate, issuer: &str) -> Result<()> {
        let (fleet, actor, device) = (deed.fleet(), deed.actor(), &self.device);
        let by = line_holder(deed, device).await?;
        let at = device.made_at;
        let made = Event::Manufactured { by, batch: self.row.batch.clone(), firmware: self.row.firmware.clone() };
        let listed = Event::ManifestRecorded {
            version: 1,
            hash: device.manifest_hash.clone(),
            previous_hash: String::new(),
            fitted: self.row.parts.clone(),
            removed: Vec::new(),
            reason: String::new(),
        };
        let issued_at = certificate.issued_at.max(at);
        let entries: Vec<Entry> = [(at, made), (at, listed), (issued_at, issued(certificate, issuer))]
            .into_iter()
            .map(|(at, event)| fleet.entry(actor, at, "", event))
            .collect();
        let device = standing_of(device, &Standing::after(&entries));
        let mut parts = Vec::with_capacity(self.row.parts.len());
        for part in &self.row.parts {
            let part_id = store::component::part_id(&mut deed.tx, part.class, &part.maker, &part.model).await?;
            let id = ComponentId(Uuid::now_v7());
            parts.push(NewComponent { device: device.id, id, part_id, part, fitted_at: at, fitted_version: 1 });
        }
        let hash = device.manifest_hash.clone();
        let first = Manifest { version: 1, hash, previous_hash: String::new(), at, reason: String::new() };
        let tx = &mut deed.tx;
        store::device::insert_many(tx, std::slice::from_ref(&device)).await?;
        store::component::insert_many(tx, &parts).await?;
        store::manifest::insert_many(tx, &[(device.id, first)]).await?;
        let rows: Vec<(DeviceId, Entry)> = entries.into_iter().map(|entry| (device.id, entry)).collect();
        store::history::insert_many(tx, &rows).await?;
        deed.ring("device", &device.serial).await
    }
}

async fn line_holder(deed: &mut Deed<'_>, device: &Device) -> Result<domain::custody::Holder> {
    let custodians = store::custodian::all_within(&mut deed.tx).await?;
    let factory = custodians.iter().find(|custodian| custodian.id == device.factory_id);
    let missing = || crate::Error::not_found("factory", &device.serial);
    factory.map(domain::custody::Custodian::holder).ok_or_else(missing)
}
