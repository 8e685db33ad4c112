//! A manifest as a bill of materials that CycloneDX's own schema accepts.

#![expect(clippy::expect_used, reason = "a test may fail")]

use domain::{
    component::{Component, ComponentClass, Part},
    custody::{Custodian, CustodianKind},
    hbom::{DeviceFacts, hbom, serial_number},
    id::{ComponentId, CustodianId},
    identifier,
    manifest::{Manifest, hash},
    time::Timestamp,
};
use serde_json::{Value, json};
use uuid::Uuid;

const SCHEMA: &str = include_str!("data/cyclonedx/bom-1.6.schema.json");
const LICENCES: &str = include_str!("data/cyclonedx/spdx.schema.json");
const SIGNATURES: &str = include_str!("data/cyclonedx/jsf-0.82.schema.json");

fn objections(document: &Value) -> Vec<String> {
    let read = |text: &str| serde_json::from_str::<Value>(text).expect("JSON");
    let registry = jsonschema::Registry::new()
        .add("http://cyclonedx.org/schema/spdx.schema.json", read(LICENCES))
        .and_then(|registry| registry.add("http://cyclonedx.org/schema/jsf-0.82.schema.json", read(SIGNATURES)))
        .and_then(jsonschema::RegistryBuilder::prepare)
        .expect("the schemas it refers to");
    let schema = read(SCHEMA);
    let validator =
        jsonschema::options().with_registry(&registry).should_validate_formats(true).build(&schema).expect("a schema");
    validator.iter_errors(document).map(|error| format!("{}: {error}", error.instance_path())).collect()
}

fn part(slot: &str, class: ComponentClass, maker: &str, model: &str, text: &str) -> Part {
    let found = identifier::normalise(class, text).expect("a sound identifier");
    let (maker, model) = (maker.to_owned(), model.to_owned());
    Part { slot: slot.to_owned(), class, maker, model, identifier: found.shown, identifier_key: found.key }
}

fn fitted(part: Part, from: i64, until: Option<i64>) -> Component {
    Component {
        id: ComponentId(Uuid::from_u128(7)),
        part,
        fitted_at: Timestamp(from),
        fitted_version: from,
        removed_at: until.map(Timestamp),
        removed_version: until,
    }
}

fn factory() -> Custodian {
    Custodian {
        id: CustodianId(Uuid::from_u128(1)),
        code: "brno".into(),
        name: "Werk Brünn <1>".into(),
        kind: CustodianKind::Factory,
        country: "CZ".into(),
        city: "Brno".into(),
        sgln: String::new(),
        created_at: Timestamp(0),
    }
}

/// A device with one part of each class, whose modem was swapped in the second manifest.
fn device() -> (Vec<Component>, Vec<Manifest>) {
    let texts =
        ["3A1F-77E0", "0123A9F4", "MB26B 117204", "S1", "d8:80:39:4e:71:0c", "d8:80:39:4e:71:0d", "", "G", "P", "x/ü"];
    let mut components: Vec<Component> = ComponentClass::ALL
        .iter()
        .zip(texts)
        .filter(|(class, _)| **class != ComponentClass::Lte)
        .map(|(class, text)| fitted(part(&format!("{}0", class.as_str()), *class, "", "", text), 1, None))
        .collect();
    components.push(fitted(part("lte0", ComponentClass::Lte, "Quectel", "EG25-G", "861941050337180"), 1, Some(2)));
    components.push(fitted(part("lte0", ComponentClass::Lte, "SIMCom", "SIM7600", "490154203237518"), 2, None));
    let mut manifests: Vec<Manifest> = Vec::new();
    for version in [1, 2] {
        let parts: Vec<Part> = components.iter().filter(|c| c.is_in(version)).map(|c| c.part.clone()).collect();
        let previous_hash = manifests.last().map_or(String::new(), |manifest| manifest.hash.clone());
        let hash = hash("GW1", version, &previous_hash, &parts);
        manifests.push(Manifest { version, hash, previous_hash, at: Timestamp(version), reason: String::new() });
    }
    (components, manifests)
}

fn written(version: usize, full: bool) -> Value {
    let (components, manifests) = device();
    let factory = factory();
    let facts = DeviceFacts {
        serial: "GW1",
        model: "GW-200",
        description: if full { "A gateway." } else { "" },
        hardware_revision: if full { "C" } else { "" },
        batch: "2026-11-A",
        made_at: Timestamp::parse("2026-11-02T08:26:00Z").expect("a time"),
        factory: full.then_some(&factory),
    };
    hbom(&facts, &manifests[version - 1], &components)
}

fn values<'a>(component: &'a Value, name: &str) -> Vec<&'a str> {
    let properties = component["properties"].as_array().expect("properties");
    properties.iter().filter(|p| p["name"] == name).filter_map(|p| p["value"].as_str()).collect()
}

#[test]
fn what_is_written_is_valid() {
    for (version, full) in [(1, true), (2, true), (1, false), (2, false)] {
        let document = written(version, full);
        assert_eq!(objections(&document), Vec::<String>::new(), "{document:#}");
    }
}

#[test]
fn the_schema_refuses_what_it_should() {
    for (pointer, value) in [
        ("/serialNumber", json!("urn:uuid:none")),
        ("/metadata/component/type", json!("gadget")),
        ("/metadata/timestamp", json!("today")),
        ("/components/0/bom-ref", json!("")),
        ("/compositions/0/aggregate", json!("nearly")),
    ] {
        let mut document = written(2, true);
        *document.pointer_mut(pointer).expect("a field") = value;
        assert!(!objections(&document).is_empty(), "{pointer}");
    }
}

#[test]
fn it_says_what_the_manifest_lists_and_nothing_else() {
    let document = written(2, true);
    let root = &document["metadata"]["component"];
    assert_eq!((root["name"].as_str(), root["version"].as_str()), (Some("GW-200"), Some("C")));
    assert_eq!(values(root, "cdx:device:serialNumber"), ["GW1"]);
    assert_eq!(values(root, "cdx:device:lotNumber"), ["2026-11-A"]);
    assert_eq!(values(root, "cdx:device:prodTimestamp"), ["2026-11-02T08:26:00Z"]);
    assert_eq!(values(root, "cdx:device:macAddress"), ["d8:80:39:4e:71:0c", "d8:80:39:4e:71:0d"]);
    let components = document["components"].as_array().expect("components");
    assert_eq!(components.len(), ComponentClass::ALL.len());
    let modem = components.iter().find(|one| one["bom-ref"] == "slot:lte0").expect("the modem");
    assert_eq!((modem["name"].as_str(), modem["manufacturer"]["name"].as_str()), (Some("SIM7600"), Some("SIMCom")));
    assert_eq!(values(modem, "cdx:device:location"), ["lte0"]);
    assert_eq!(values(modem, "muster:identifier"), ["imei:490154203237518"]);
    assert!(!document.to_string().contains("861941050337180"), "the modem that went out");
}

#[test]
fn the_same_manifest_is_the_same_document_and_names_the_one_before() {
    assert_eq!(written(2, true), written(2, true));
    let (one, two) = (written(1, true), written(2, true));
    assert_ne!(one["serialNumber"], two["serialNumber"]);
    assert!(one.get("externalReferences").is_none());
    let link = two["externalReferences"][0]["url"].as_str().expect("a link");
    assert_eq!(link.replace("urn:cdx:", "urn:uuid:"), format!("{}/1", one["serialNumber"].as_str().expect("a name")));
    assert_eq!(serial_number("x").get_version_num(), 8);
}
