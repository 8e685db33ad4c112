//! What things look like in JSON.

use domain::{
    batch::{Batch, Model},
    component::Component,
    custody::Custodian,
    device::{Connection, Device},
    history::Entry,
    id::CustodianId,
    manifest::Manifest,
    time::Timestamp,
};
use fleet::catalogue::Catalogue;
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

/// A page of a list.
#[derive(Debug, Serialize, ToSchema)]
pub struct Devices {
    /// The devices, in order.
    pub items: Vec<DeviceShape>,
    /// The cursor of the next page, if there is one.
    pub next: Option<String>,
    /// The cursor of the page before, if there is one.
    pub previous: Option<String>,
    /// How many devices match in all.
    pub count: CountShape,
}

/// How many there are.
#[derive(Debug, Serialize, ToSchema)]
pub struct CountShape {
    /// The number.
    pub number: i64,
    /// Whether it is exact; if not, there are at least so many.
    pub exact: bool,
}

/// A list that is small enough to be sent whole.
#[derive(Debug, Serialize, ToSchema)]
pub struct List<T: ToSchema> {
    /// What it holds, in order.
    pub items: Vec<T>,
}

/// A device and its standing.
#[derive(Debug, Serialize, ToSchema)]
pub struct DeviceShape {
    /// Unique in the fleet.
    #[schema(example = "GW2C-2611-04217")]
    pub serial: String,
    /// The model's name.
    #[schema(example = "GW-200")]
    pub model: String,
    /// The hardware revision; may be empty.
    pub hardware_revision: String,
    /// The batch's code.
    #[schema(example = "2026-11-A")]
    pub batch: String,
    /// Who made it.
    pub factory: CustodianName,
    /// Who holds it now.
    pub custodian: CustodianName,
    /// Where exactly, in the holder's words; may be empty.
    pub place: String,
    /// `made`, `in_transit`, `stocked`, `active`, `in_repair` or `retired`.
    pub lifecycle: String,
    /// `trusted`, `suspect`, `quarantined` or `revoked`.
    pub trust: String,
    /// `online`, `late` or `silent`.
    pub connection: String,
    /// The release channel.
    pub channel: String,
    /// The version that it last reported.
    pub firmware: Option<String>,
    /// When it was made.
    #[schema(format = DateTime)]
    pub made_at: String,
    /// When it was last heard from.
    #[schema(format = DateTime)]
    pub last_seen_at: Option<String>,
    /// Its present certificate.
    pub certificate: Option<CertificateShape>,
    /// The version of its present manifest; 0 before the first.
    pub manifest_version: i64,
    /// The hash of its present manifest; empty before the first.
    pub manifest_hash: String,
}

/// A device's certificate.
#[derive(Debug, Serialize, ToSchema)]
pub struct CertificateShape {
    /// Its serial number, in hexadecimal.
    pub serial: String,
    /// When it ends.
    #[schema(format = DateTime)]
    pub not_after: Option<String>,
}

/// A custodian, in short.
#[derive(Debug, Serialize, ToSchema)]
pub struct CustodianName {
    /// Its code, as in addresses.
    pub code: String,
    /// Its name.
    pub name: String,
    /// `factory`, `distributor`, `client` or `repair_centre`.
    pub kind: String,
}

/// Who holds devices.
#[derive(Debug, Serialize, ToSchema)]
pub struct CustodianShape {
    /// Its code, name and kind.
    #[serde(flatten)]
    pub name: CustodianName,
    /// ISO 3166-1 alpha-2, or empty.
    pub country: String,
    /// The town, or empty.
    pub city: String,
    /// Its GS1 location as an EPC URI, or empty.
    pub sgln: String,
    /// How many devices it holds.
    pub devices: i64,
}

/// A device model.
#[derive(Debug, Serialize, ToSchema)]
pub struct ModelShape {
    /// Its name, unique.
    pub name: String,
    /// What it is, in a sentence.
    pub description: String,
    /// How often a device asks for news, in seconds.
    pub poll_interval_s: i64,
    /// GS1 company prefix and item reference, or empty.
    pub sgtin: String,
}

/// A production batch.
#[derive(Debug, Serialize, ToSchema)]
pub struct BatchShape {
    /// Its code, unique.
    pub code: String,
    /// The model's name.
    pub model: String,
    /// Who makes it.
    pub factory: CustodianName,
    /// How many devices may be made; none means that nothing was agreed.
    pub quota: Option<i64>,
    /// How many devices there are.
    pub devices: i64,
    /// When its first device was made.
    #[schema(format = DateTime)]
    pub started_at: String,
}

/// A part, fitted now or once.
#[derive(Debug, Serialize, ToSchema)]
pub struct ComponentShape {
    /// Where in the device.
    #[schema(example = "lte0")]
    pub slot: String,
    /// What kind of part.
    #[schema(example = "lte")]
    pub class: String,
    /// Who made it; may be empty.
    pub maker: String,
    /// The maker's type name; may be empty.
    pub model: String,
    /// Its identifier.
    pub identifier: String,
    /// When it was fitted.
    #[schema(format = DateTime)]
    pub fitted_at: String,
    /// The first manifest version that lists it.
    pub fitted_version: i64,
    /// When it was taken out, if it was.
    #[schema(format = DateTime)]
    pub removed_at: Option<String>,
    /// The first manifest version that no longer lists it.
    pub removed_version: Option<i64>,
}

/// A version of a device's component list.
#[derive(Debug, Serialize, ToSchema)]
pub struct ManifestShape {
    /// From 1, without gaps.
    pub version: i64,
    /// Its hash, in hexadecimal.
    pub hash: String,
    /// The hash of the version before; empty for the first.
    pub previous_hash: String,
    /// Since when it holds.
    #[schema(format = DateTime)]
    pub at: String,
    /// Why it was recorded.
    pub reason: String,
}

/// An entry of a device's history.
#[derive(Debug, Serialize, ToSchema)]
pub struct EntryShape {
    /// Its id.
    pub id: Uuid,
    /// When it happened.
    #[schema(format = DateTime)]
    pub at: String,
    /// When we learned of it.
    #[schema(format = DateTime)]
    pub recorded_at: String,
    /// Who says so.
    pub actor: String,
    /// Where, in words; may be empty.
    pub place: String,
    /// What happened: `kind` and what belongs to it.
    #[schema(value_type = Object, example = json!({"kind": "note", "text": "Antenna replaced"}))]
    pub event: serde_json::Value,
    /// The EPCIS event it came from or went to.
    pub epcis_event_id: Option<String>,
}

/// What was recorded.
#[derive(Debug, Serialize, ToSchema)]
pub struct Recorded {
    /// The id of the new history entry.
    pub id: Uuid,
}

fn time(at: Option<Timestamp>) -> Option<String> {
    at.map(Timestamp::rfc3339)
}

/// A custodian by its id, in short.
pub fn custodian_name(catalogue: &Catalogue, id: CustodianId) -> CustodianName {
    match catalogue.custodian(id) {
        Some(custodian) => CustodianName::of(custodian),
        None => CustodianName { code: String::new(), name: String::new(), kind: String::new() },
    }
}

impl CustodianName {
    /// A custodian, in short.
    pub fn of(custodian: &Custodian) -> Self {
        Self { code: custodian.code.clone(), name: custodian.name.clone(), kind: custodian.kind.to_string() }
    }
}

impl DeviceShape {
    /// A device at `now`.
    pub fn of(device: &Device, catalogue: &Catalogue, now: Timestamp) -> Self {
        let model = catalogue.model(device.model_id);
        let poll = model.map_or(0, |model| model.poll_interval_s);
        Self {
            serial: device.serial.clone(),
            model: model.map(|model| model.name.clone()).unwrap_or_default(),
            hardware_revision: device.hardware_revision.clone(),
            batch: catalogue.batch(device.batch_id).map(|batch| batch.code.clone()).unwrap_or_default(),
            factory: custodian_name(catalogue, device.factory_id),
            custodian: custodian_name(catalogue, device.custodian_id),
            place: device.place.clone(),
            lifecycle: device.lifecycle.to_string(),
            trust: device.trust.to_string(),
            connection: Connection::at(now, device.last_seen_at, poll).to_string(),
            channel: device.channel.clone(),
            firmware: device.firmware.clone(),
            made_at: device.made_at.rfc3339(),
            last_seen_at: time(device.last_seen_at),
            certificate: device
                .certificate_serial
                .clone()
                .map(|serial| CertificateShape { serial, not_after: time(device.certificate_not_after) }),
            manifest_version: device.manifest_version,
            manifest_hash: device.manifest_hash.clone(),
        }
    }
}

impl CustodianShape {
    /// A custodian that holds so many devices.
    pub fn of(custodian: &Custodian, devices: i64) -> Self {
        Self {
            name: CustodianName::of(custodian),
            country: custodian.country.clone(),
            city: custodian.city.clone(),
            sgln: custodian.sgln.clone(),
            devices,
        }
    }
}

impl From<&Model> for ModelShape {
    fn from(model: &Model) -> Self {
        Self {
            name: model.name.clone(),
            description: model.description.clone(),
            poll_interval_s: model.poll_interval_s,
            sgtin: model.sgtin.clone(),
        }
    }
}

impl BatchShape {
    /// A batch of so many devices.
    pub fn of(batch: &Batch, devices: i64, catalogue: &Catalogue) -> Self {
        Self {
            code: batch.code.clone(),
            model: catalogue.model(batch.model_id).map(|model| model.name.clone()).unwrap_or_default(),
            factory: custodian_name(catalogue, batch.factory_id),
            quota: batch.quota,
            devices,
            started_at: batch.started_at.rfc3339(),
        }
    }
}

impl From<&Component> for ComponentShape {
    fn from(component: &Component) -> Self {
        let part = &component.part;
        Self {
            slot: part.slot.clone(),
            class: part.class.to_string(),
            maker: part.maker.clone(),
            model: part.model.clone(),
            identifier: part.identifier.clone(),
            fitted_at: component.fitted_at.rfc3339(),
            fitted_version: component.fitted_version,
            removed_at: time(component.removed_at),
            removed_version: component.removed_version,
        }
    }
}

impl From<&Manifest> for ManifestShape {
    fn from(manifest: &Manifest) -> Self {
        Self {
            version: manifest.version,
            hash: manifest.hash.clone(),
            previous_hash: manifest.previous_hash.clone(),
            at: manifest.at.rfc3339(),
            reason: manifest.reason.clone(),
        }
    }
}

impl From<&Entry> for EntryShape {
    fn from(entry: &Entry) -> Self {
        Self {
            id: entry.id.0,
            at: entry.at.rfc3339(),
            recorded_at: entry.recorded_at.rfc3339(),
            actor: entry.actor.clone(),
            place: entry.place.clone(),
            // An event is an object of texts and numbers, which is always JSON.
            event: serde_json::to_value(&entry.event).unwrap_or_default(),
            epcis_event_id: entry.epcis_event_id.clone(),
        }
    }
}
