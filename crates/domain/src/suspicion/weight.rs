//! How much a signal says, as the chance in percent that something is wrong where it is seen alone.
//!
//! Two things are weighed apart. How much it says that a part is *another* follows from how readily it is replaced: an
//! LTE card is pulled and plugged, a CPU is not. How much it says that a part is *twice* follows from how well its
//! identifier is kept unique: a secure element's is, an IMEI mostly, a MAC address is reused or randomised.

use super::{Copied, Signal};
use crate::component::ComponentClass;

impl Signal {
    /// How much it says, from 1 to 99.
    #[must_use]
    pub const fn weight(&self) -> u8 {
        match self {
            Self::PartChanged { class, .. } => replaced(*class),
            Self::PartMissing { class, .. } => at_least_one(replaced(*class) / 2),
            Self::PartBeyondManifest { class, .. } => at_least_one(replaced(*class) / 3),
            Self::WrongCheckDigit { .. } => 45,
            Self::ForeignTac { .. } => 30,
            Self::ForeignOui { .. } => 20,
            Self::LocalMac { class: ComponentClass::Wlan, .. } => 8,
            Self::LocalMac { .. } => 20,
            Self::OtherModel { .. } => 10,
            Self::Copied { copied: Copied::Key { .. }, .. } => 90,
            Self::Copied { copied: Copied::Part { class, .. }, .. } => twice(*class),
            Self::GoldenImage { copied: Copied::Key { .. }, .. } => 95,
            Self::GoldenImage { copied: Copied::Part { class, .. }, .. } => golden(*class),
            Self::TwoAddresses { .. } => 80,
            Self::DoubleCadence { .. } => 55,
            Self::ImpossibleTravel { .. } => 45,
            Self::DeviceBeyondBatch { .. } => 70,
            Self::PartBeyondBatch { class, count, .. } => beyond(*class, *count),
        }
    }

    /// Whether it may say enough by itself for more than a question.
    #[must_use]
    pub const fn is_strong(&self) -> bool {
        self.weight() >= super::STRONG
    }
}

/// How much it says that another part is in the place of one of this class.
const fn replaced(class: ComponentClass) -> u8 {
    match class {
        ComponentClass::SecureElement => 80,
        ComponentClass::Cpu => 75,
        ComponentClass::Board => 60,
        ComponentClass::Ethernet => 35,
        ComponentClass::Storage => 25,
        ComponentClass::Wlan => 15,
        ComponentClass::Lte | ComponentClass::Gnss => 10,
        ComponentClass::Other => 8,
        ComponentClass::Power => 3,
    }
}

/// How much it says that one identifier of this class is in several devices.
const fn twice(class: ComponentClass) -> u8 {
    match class {
        ComponentClass::SecureElement => 85,
        ComponentClass::Cpu => 75,
        ComponentClass::Board => 60,
        ComponentClass::Lte => 55,
        ComponentClass::Storage => 50,
        ComponentClass::Ethernet => 40,
        ComponentClass::Gnss => 30,
        ComponentClass::Wlan => 25,
        ComponentClass::Other => 20,
        ComponentClass::Power => 10,
    }
}

/// A whole batch with one identifier says more than two devices with one.
const fn golden(class: ComponentClass) -> u8 {
    let doubt = 100 - twice(class);
    100 - at_least_one(doubt / 2)
}

/// That a part is on no list says little beside that it is another than the one listed. Many of them in a batch are as
/// strange as one that was changed, and a question even where parts are changed readily.
const fn beyond(class: ComponentClass, count: u64) -> u8 {
    if count < super::GOLDEN_IMAGE_DEVICES {
        return 5;
    }
    if replaced(class) > 30 { replaced(class) } else { 30 }
}

const fn at_least_one(weight: u8) -> u8 {
    if weight == 0 { 1 } else { weight }
}
