//! What a device's attributes say, read by its model's mapping.

use super::{Position, Reading};
use crate::component::ComponentClass;
use std::collections::BTreeMap;

/// What a device reports of itself.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Reported {
    /// Its parts, by slot.
    pub parts: BTreeMap<String, PartReport>,
    /// The firmware that runs.
    pub firmware: Option<String>,
    /// Its measurements; all finite.
    pub metrics: BTreeMap<String, f64>,
    /// Where it says that it is.
    pub position: Position,
    /// The keys of the attributes that mean nothing here, in order.
    pub other: Vec<String>,
}

/// What a device says of the part in one slot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PartReport {
    /// Where.
    pub slot: String,
    /// What kind of part the mapping says it is.
    pub class: ComponentClass,
    /// What it is identified by; none when the device says nothing of that.
    pub identifier: Option<Reading>,
    /// Its maker's type name.
    pub model: Option<String>,
    /// Another number that it carries.
    pub serial: Option<String>,
    /// The version of what runs on it.
    pub version: Option<String>,
    /// Whether its address may be made up locally.
    pub local: bool,
    /// Whether it may be there without a manifest listing it.
    pub unlisted: bool,
}

impl PartReport {
    pub(super) fn new(slot: &str, class: ComponentClass) -> Self {
        Self {
            slot: slot.to_owned(),
            class,
            identifier: None,
            model: None,
            serial: None,
            version: None,
            local: false,
            unlisted: false,
        }
    }

    /// Whether its address is made up and may be: then it says nothing of the part.
    pub(super) fn is_made_up(&self) -> bool {
        self.local && self.identifier.as_ref().and_then(Reading::mac).is_some_and(crate::identifier::Mac::is_local)
    }
}

impl Reported {
    /// What identifies the part in this slot, if the device says so.
    #[must_use]
    pub fn identifier(&self, slot: &str) -> Option<&crate::identifier::Identifier> {
        self.parts.get(slot)?.identifier.as_ref()?.identifier()
    }

    /// The keys of all identifiers that stand for a part, with the slots: what to look for in the rest of the fleet.
    pub fn identifiers(&self) -> impl Iterator<Item = (&PartReport, &crate::identifier::Identifier)> {
        let stands = |part: &&PartReport| !part.is_made_up();
        self.parts.values().filter(stands).filter_map(|part| Some((part, part.identifier.as_ref()?.identifier()?)))
    }
}
