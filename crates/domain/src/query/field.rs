//! The fields of the language.

use super::{CertificateState, word::Word};
use crate::{
    component::ComponentClass,
    custody::CustodianKind,
    device::{Connection, Lifecycle, Trust},
};

/// What a term can be about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Field {
    /// The serial.
    Serial,
    /// The model.
    Model,
    /// The hardware revision.
    Revision,
    /// The production batch.
    Batch,
    /// The factory that made the device.
    Factory,
    /// Who holds the device now.
    Custodian,
    /// The kind of who holds the device now.
    Kind,
    /// Where the device stands in its life.
    State,
    /// Whether the device may be trusted.
    Trust,
    /// Whether the device is heard from.
    Connection,
    /// The firmware.
    Firmware,
    /// The release channel.
    Channel,
    /// When the device was last heard from.
    Seen,
    /// When the device was made.
    Made,
    /// When the present certificate ends.
    CertificateEnds,
    /// How the present certificate stands.
    Certificate,
    /// A component that is fitted now.
    Component,
    /// The identifier of a component that is fitted now.
    Identifier,
    /// Where the device is.
    Place,
}

impl Field {
    /// Every field, the most used first.
    pub const ALL: &'static [Self] = &[
        Self::Serial,
        Self::Model,
        Self::State,
        Self::Trust,
        Self::Connection,
        Self::Custodian,
        Self::Kind,
        Self::Place,
        Self::Batch,
        Self::Factory,
        Self::Revision,
        Self::Made,
        Self::Firmware,
        Self::Channel,
        Self::Seen,
        Self::Certificate,
        Self::CertificateEnds,
        Self::Component,
        Self::Identifier,
    ];

    /// The name, the other names that are accepted, the label for people, and what it means.
    const fn row(self) -> (&'static str, &'static [&'static str], &'static str, &'static str) {
        match self {
            Self::Serial => ("serial", &["sn"], "serial", "the serial, or its beginning and *"),
            Self::Model => ("model", &[], "model", "the model"),
            Self::Revision => ("rev", &["revision", "hardware-revision"], "revision", "the hardware revision"),
            Self::Batch => ("batch", &["lot"], "batch", "the production batch"),
            Self::Factory => ("factory", &["made-by"], "factory", "the factory that made it"),
            Self::Custodian => ("custodian", &["held-by", "client", "holder"], "held by", "who holds it now"),
            Self::Kind => ("kind", &["custodian-kind"], "holder", "the kind of who holds it now"),
            Self::State => ("state", &["lifecycle"], "state", "where it stands in its life"),
            Self::Trust => ("trust", &[], "trust", "whether it may be trusted"),
            Self::Connection => ("conn", &["connection"], "connection", "whether it is heard from"),
            Self::Firmware => ("fw", &["firmware", "version"], "firmware", "the firmware it runs"),
            Self::Channel => ("channel", &[], "channel", "the release channel"),
            Self::Seen => ("seen", &["last-seen"], "last contact", "how long ago it was heard, like <7d"),
            Self::Made => ("made", &["manufactured"], "made", "how long ago or when it was made, like >=2026-01"),
            Self::CertificateEnds => (
                "cert.expires",
                &["cert-expires", "expires", "certificate.expires"],
                "certificate ends",
                "how soon or when its certificate ends, like <30d",
            ),
            Self::Certificate => ("cert", &["certificate"], "certificate", "how its certificate stands"),
            Self::Component => ("component", &["part"], "component", "a part that is in it, like lte=Quectel"),
            Self::Identifier => (
                "identifier",
                &["id", "mac", "imei"],
                "component identifier",
                "the MAC address, IMEI or serial of a part",
            ),
            Self::Place => ("place", &["location"], "place", "where it is"),
        }
    }

    /// The name in a query.
    #[must_use]
    pub const fn name(self) -> &'static str {
        self.row().0
    }

    /// Other names that a query may use.
    #[must_use]
    pub const fn aliases(self) -> &'static [&'static str] {
        self.row().1
    }

    /// The name in a sentence: `held by`.
    #[must_use]
    pub const fn label(self) -> &'static str {
        self.row().2
    }

    /// What the field means, in a few words.
    #[must_use]
    pub const fn hint(self) -> &'static str {
        self.row().3
    }

    /// Whether `<` and `>` make sense.
    #[must_use]
    pub const fn is_ordered(self) -> bool {
        matches!(self, Self::Firmware | Self::Seen | Self::Made | Self::CertificateEnds)
    }

    /// Whether the values are names that only the database knows.
    #[must_use]
    pub const fn is_dynamic(self) -> bool {
        matches!(
            self,
            Self::Serial
                | Self::Model
                | Self::Revision
                | Self::Batch
                | Self::Factory
                | Self::Custodian
                | Self::Firmware
                | Self::Channel
                | Self::Component
                | Self::Identifier
                | Self::Place
        )
    }

    /// The field of a name or an alias, whatever its case and hyphens.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        let is = |known: &str| {
            known.len() == name.len()
                && known.bytes().zip(name.bytes()).all(|(k, n)| k == n.to_ascii_lowercase() || (k == b'-' && n == b'_'))
        };
        Self::ALL.iter().copied().find(|field| is(field.name()) || field.aliases().iter().any(|alias| is(alias)))
    }

    /// The operator that a term about this field usually has.
    pub(super) const fn usual_operator(self) -> &'static str {
        match self {
            Self::Seen | Self::CertificateEnds | Self::Made => "<",
            _ => ":",
        }
    }

    /// The values that are known without the database, each with what it means.
    pub(super) fn words(self) -> Vec<(String, &'static str)> {
        fn all<T: Word>() -> Vec<(String, &'static str)> {
            T::ALL.iter().map(|value| (value.query_word(), value.hint())).collect()
        }
        match self {
            Self::Kind => all::<CustodianKind>(),
            Self::State => all::<Lifecycle>(),
            Self::Trust => all::<Trust>(),
            Self::Connection => all::<Connection>(),
            Self::Certificate => all::<CertificateState>(),
            Self::Component => all::<ComponentClass>(),
            Self::Firmware => vec![("none".into(), "none was reported")],
            Self::Seen => vec![("never".into(), "was never heard from")],
            Self::CertificateEnds => vec![("none".into(), "has no certificate")],
            _ => Vec::new(),
        }
    }
}
