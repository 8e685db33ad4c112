//! Components: the parts that a device is made of, and what identifies them.

use crate::{id::ComponentId, time::Timestamp, words::words};
use serde::{Deserialize, Serialize};

words! {
    /// What kind of part a component is.
    ComponentClass {
        /// The main processor.
        Cpu => "cpu", "CPU";
        /// A secure element or TPM; it often holds the device's key.
        SecureElement => "secure_element", "Secure element";
        /// The main board.
        Board => "board", "Main board";
        /// Flash or disk.
        Storage => "storage", "Storage";
        /// A wired network interface; its identifier is a MAC address.
        Ethernet => "ethernet", "Ethernet";
        /// A wireless network interface; its identifier is a MAC address.
        Wlan => "wlan", "WLAN";
        /// A cellular modem; its identifier is an IMEI.
        Lte => "lte", "LTE";
        /// A satellite positioning receiver.
        Gnss => "gnss", "GNSS";
        /// A power supply.
        Power => "power", "Power";
        /// Anything else.
        Other => "other", "Other part";
    }
}

/// A part as a manifest lists it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Part {
    /// Where in the device: `cpu`, `eth0`, `lte0`. Unique within a manifest.
    pub slot: String,
    /// What kind of part.
    pub class: ComponentClass,
    /// Who made it; may be empty.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub maker: String,
    /// The maker's type name; may be empty.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub model: String,
    /// The identifier as people read it.
    pub identifier: String,
    /// The identifier as it is compared (see [`crate::identifier`]).
    pub identifier_key: String,
}

/// A part fitted in a device, now or once.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Component {
    /// Its id.
    pub id: ComponentId,
    /// What it is and where it sits.
    #[serde(flatten)]
    pub part: Part,
    /// When it was fitted.
    pub fitted_at: Timestamp,
    /// The first manifest version that lists it.
    pub fitted_version: i64,
    /// When it was taken out, if it was.
    pub removed_at: Option<Timestamp>,
    /// The first manifest version that no longer lists it.
    pub removed_version: Option<i64>,
}

impl Component {
    /// Whether the manifest of this version lists the component.
    #[must_use]
    pub fn is_in(&self, version: i64) -> bool {
        self.fitted_version <= version && self.removed_version.is_none_or(|removed| version < removed)
    }
}
