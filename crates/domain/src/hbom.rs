//! A manifest as a hardware bill of materials: CycloneDX 1.6, in JSON.
//!
//! Names of properties come from CycloneDX's taxonomy (`cdx:device:…`); what it has no name for is ours (`muster:…`).
//! The same manifest always gives the same document.

use crate::{
    component::{Component, ComponentClass, Part},
    custody::Custodian,
    manifest::Manifest,
    time::Timestamp,
};
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};
use uuid::Uuid;

/// The media type of such a document.
pub const MEDIA_TYPE: &str = "application/vnd.cyclonedx+json; version=1.6";

/// What a document says of the device beside its manifest.
#[derive(Clone, Copy, Debug)]
pub struct DeviceFacts<'a> {
    /// Its serial.
    pub serial: &'a str,
    /// The model's name.
    pub model: &'a str,
    /// What the model is, in a sentence; may be empty.
    pub description: &'a str,
    /// The hardware revision; may be empty.
    pub hardware_revision: &'a str,
    /// The batch's code.
    pub batch: &'a str,
    /// When it was made.
    pub made_at: Timestamp,
    /// Who made it, if that is known.
    pub factory: Option<&'a Custodian>,
}

/// The document of a device's manifest. Of its components, those count that the manifest lists.
#[must_use]
pub fn hbom(device: &DeviceFacts<'_>, manifest: &Manifest, components: &[Component]) -> Value {
    let mut parts: Vec<&Part> = components
        .iter()
        .filter(|component| component.is_in(manifest.version))
        .map(|component| &component.part)
        .collect();
    parts.sort();
    let root = format!("device:{}", device.serial);
    let refs: Vec<String> = parts.iter().map(|part| format!("slot:{}", part.slot)).collect();
    let mut metadata = json!({
        "timestamp": manifest.at.rfc3339(),
        "component": of_device(device, &parts, &root),
        "properties": of_manifest(manifest),
    });
    if let Some(factory) = device.factory {
        metadata["manufacturer"] = organisation(factory);
    }
    let mut document = json!({
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "serialNumber": format!("urn:uuid:{}", serial_number(&manifest.hash)),
        "version": 1,
        "metadata": metadata,
        "components": parts.iter().zip(&refs).map(|(part, name)| of_part(part, name)).collect::<Vec<_>>(),
        "dependencies": [{ "ref": root, "dependsOn": refs }],
        // A manifest lists what identifies a device, not every part of it.
        "compositions": [{ "aggregate": "incomplete", "assemblies": [root] }],
    });
    if !manifest.previous_hash.is_empty() {
        let before = serial_number(&manifest.previous_hash);
        document["externalReferences"] = json!([{
            "type": "bom",
            "url": format!("urn:cdx:{before}/1"),
            "comment": format!("Manifest {}, the one before", manifest.version - 1),
        }]);
    }
    document
}

/// A document's serial number: a UUID (RFC 9562, version 8) made of the manifest's hash.
#[must_use]
pub fn serial_number(hash: &str) -> Uuid {
    let digest = Sha256::new().chain_update(b"muster-hbom-1").chain_update(hash.as_bytes()).finalize();
    let mut bytes = [0; 16];
    for (to, from) in bytes.iter_mut().zip(digest) {
        *to = from;
    }
    uuid::Builder::from_custom_bytes(bytes).into_uuid()
}

fn of_device(device: &DeviceFacts<'_>, parts: &[&Part], name: &str) -> Value {
    let mut properties = vec![
        property("cdx:device:serialNumber", device.serial),
        property("cdx:device:lotNumber", device.batch),
        property("cdx:device:prodTimestamp", &device.made_at.rfc3339()),
    ];
    let addresses = parts.iter().filter(|part| is_interface(part.class));
    properties.extend(addresses.map(|part| property("cdx:device:macAddress", &part.identifier)));
    let mut component = Map::new();
    component.insert("type".into(), "device".into());
    component.insert("bom-ref".into(), name.into());
    component.insert("name".into(), device.model.into());
    text(&mut component, "version", device.hardware_revision);
    text(&mut component, "description", device.description);
    if let Some(factory) = device.factory {
        component.insert("manufacturer".into(), organisation(factory));
    }
    component.insert("properties".into(), properties.into());
    Value::Object(component)
}

fn of_manifest(manifest: &Manifest) -> Value {
    let mut properties = vec![
        property("muster:manifest:version", &manifest.version.to_string()),
        property("muster:manifest:hash", &manifest.hash),
    ];
    for (name, value) in [("previousHash", &manifest.previous_hash), ("reason", &manifest.reason)] {
        if !value.is_empty() {
            properties.push(property(&format!("muster:manifest:{name}"), value));
        }
    }
    properties.into()
}

fn of_part(part: &Part, name: &str) -> Value {
    let identifier = match part.class {
        class if is_interface(class) => "cdx:device:macAddress",
        _ => "cdx:device:serialNumber",
    };
    let mut component = Map::new();
    component.insert("type".into(), "device".into());
    component.insert("bom-ref".into(), name.into());
    let model = if part.model.is_empty() { part.class.label() } else { part.model.as_str() };
    component.insert("name".into(), model.into());
    if !part.maker.is_empty() {
        component.insert("manufacturer".into(), json!({ "name": part.maker }));
    }
    component.insert(
        "properties".into(),
        json!([
            property("cdx:device:function", part.class.label()),
            property("cdx:device:location", &part.slot),
            property(identifier, &part.identifier),
            property("muster:class", part.class.as_str()),
            property("muster:identifier", &part.identifier_key),
        ]),
    );
    Value::Object(component)
}

const fn is_interface(class: ComponentClass) -> bool {
    matches!(class, ComponentClass::Ethernet | ComponentClass::Wlan)
}

fn organisation(custodian: &Custodian) -> Value {
    let mut address = Map::new();
    text(&mut address, "country", &custodian.country);
    text(&mut address, "locality", &custodian.city);
    let mut organisation = Map::new();
    organisation.insert("name".into(), custodian.name.as_str().into());
    if !address.is_empty() {
        organisation.insert("address".into(), Value::Object(address));
    }
    Value::Object(organisation)
}

fn text(object: &mut Map<String, Value>, name: &str, value: &str) {
    if !value.is_empty() {
        object.insert(name.to_owned(), value.into());
    }
}

fn property(name: &str, value: &str) -> Value {
    json!({ "name": name, "value": value })
}
