//! The closed vocabularies as a query writes them: `in-transit` for the stored `in_transit`.

use super::CertificateState;
use crate::{
    component::ComponentClass,
    custody::CustodianKind,
    device::{Connection, Lifecycle, Trust},
};

/// A vocabulary that a query can use.
pub(super) trait Word: Copy + 'static {
    /// Every value.
    const ALL: &'static [Self];
    /// What one value is called in a sentence.
    const WHAT: &'static str;
    /// The word that is stored.
    fn stored(self) -> &'static str;
    /// The word that people read.
    fn label(self) -> &'static str;
    /// What a value means, for completion; empty where the word says it.
    fn hint(self) -> &'static str;

    /// The stored word behind a word that is accepted as well.
    fn alias(_word: &str) -> Option<&'static str> {
        None
    }

    /// The word as a query writes it.
    fn query_word(self) -> String {
        self.stored().replace('_', "-")
    }

    /// The value of a word in a query, whatever its case and hyphens.
    fn from_query(text: &str) -> Option<Self> {
        let word = text.to_ascii_lowercase().replace('-', "_");
        let word = Self::alias(&word).unwrap_or(&word);
        Self::ALL.iter().copied().find(|value| value.stored() == word)
    }
}

macro_rules! word {
    ($name:ident, $what:literal, { $($variant:ident => $hint:literal),+ $(,)? } $(, $alias:item)?) => {
        impl Word for $name {
            const ALL: &'static [Self] = $name::ALL;
            const WHAT: &'static str = $what;
            fn stored(self) -> &'static str { self.as_str() }
            fn label(self) -> &'static str { $name::label(self) }
            fn hint(self) -> &'static str { match self { $(Self::$variant => $hint,)+ } }
            $($alias)?
        }
    };
}

word!(Lifecycle, "a state", {
    Made => "still at the factory",
    InTransit => "on its way to somebody",
    Stocked => "kept, not used",
    Active => "in use by a client",
    InRepair => "on a repair bench",
    Retired => "out of use for good",
});
word!(Trust, "a word for trust", {
    Trusted => "nothing speaks against it",
    Suspect => "something does not fit",
    Quarantined => "held until a release is recorded",
    Revoked => "its certificate is revoked",
});
word!(Connection, "a connection", {
    Online => "heard when expected",
    Late => "missed a few polls",
    Silent => "not heard for long, or never",
});
word!(CertificateState, "a state of certificates", {
    Valid => "has not ended",
    Expiring => "ends within 30 days",
    Expired => "has ended",
    None => "has no certificate",
});
word!(CustodianKind, "a kind of custodian", {
    Factory => "makes devices",
    Distributor => "carries or keeps devices",
    Client => "uses devices",
    RepairCentre => "repairs devices",
}, fn alias(word: &str) -> Option<&'static str> {
    matches!(word, "repair" | "repair_center").then_some("repair_centre")
});
word!(ComponentClass, "a component class", {
    Cpu => "main processor",
    SecureElement => "secure element or TPM",
    Board => "main board",
    Storage => "flash or disk",
    Ethernet => "wired network interface",
    Wlan => "wireless network interface",
    Lte => "cellular modem",
    Gnss => "satellite positioning",
    Power => "power supply",
    Other => "any other part",
});
