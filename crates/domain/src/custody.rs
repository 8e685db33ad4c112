//! Custodians: who holds devices.

use crate::{device::Lifecycle, id::CustodianId, time::Timestamp, words::words};
use serde::{Deserialize, Serialize};

words! {
    /// What kind of organisation holds devices.
    CustodianKind {
        /// Makes devices.
        Factory => "factory", "Factory";
        /// Carries or keeps devices on the way.
        Distributor => "distributor", "Distributor";
        /// Uses devices.
        Client => "client", "Client";
        /// Repairs devices.
        RepairCentre => "repair_centre", "Repair centre";
    }
}

impl CustodianKind {
    /// The lifecycle of a device that one of this kind has in its hands.
    #[must_use]
    pub const fn lifecycle_when_held(self) -> Lifecycle {
        match self {
            Self::Factory | Self::Distributor => Lifecycle::Stocked,
            Self::Client => Lifecycle::Active,
            Self::RepairCentre => Lifecycle::InRepair,
        }
    }
}

words! {
    /// What people record about custody.
    CustodyVerb {
        /// It was sent on its way.
        Ship => "ship", "Shipped to";
        /// It arrived.
        Receive => "receive", "Received by";
        /// It was handed from one holder to another.
        Transfer => "transfer", "Transferred to";
        /// Its holder gave it back.
        Return => "return", "Returned to";
    }
}

words! {
    /// How a device's use ends.
    EndVerb {
        /// It was taken out of use for good.
        Retire => "retire", "Retired";
        /// It was destroyed.
        Destroy => "destroy", "Destroyed";
    }
}

/// Who holds a device, as a history entry remembers it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holder {
    /// The custodian's id.
    pub id: CustodianId,
    /// The name it had then.
    pub name: String,
    /// What kind it is.
    pub kind: CustodianKind,
}

/// An organisation that holds devices. Factories are custodians of kind [`CustodianKind::Factory`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Custodian {
    /// Its id.
    pub id: CustodianId,
    /// A short slug, used in addresses: `acme-logistics`.
    pub code: String,
    /// Its name.
    pub name: String,
    /// What kind it is.
    pub kind: CustodianKind,
    /// ISO 3166-1 alpha-2, or empty.
    pub country: String,
    /// The town, or empty.
    pub city: String,
    /// Its GS1 location as an EPC URI without extension (`urn:epc:id:sgln:4012345.00001`), or empty.
    pub sgln: String,
    /// When it was entered.
    pub created_at: Timestamp,
}

impl Custodian {
    /// This custodian as a history entry remembers it.
    #[must_use]
    pub fn holder(&self) -> Holder {
        Holder { id: self.id, name: self.name.clone(), kind: self.kind }
    }
}

/// A slug for a name: lower case letters, digits and single hyphens, at most 64 characters.
#[must_use]
pub fn slug(name: &str) -> String {
    let mut out = String::new();
    for c in name.chars().flat_map(char::to_lowercase) {
        if c.is_ascii_alphanumeric() {
            out.push(c);
        } else if !out.is_empty() && !out.ends_with('-') {
            out.push('-');
        }
        if out.len() >= 64 {
            break;
        }
    }
    out.trim_end_matches('-').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slugs() {
        assert_eq!(slug("Acme Logistics B.V."), "acme-logistics-b-v");
        assert_eq!(slug("  Øre & Co "), "re-co");
    }
}
