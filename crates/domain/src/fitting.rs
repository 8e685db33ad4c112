//! Where a part was: its stays in devices, and whether it was in two at once.

use crate::{component::Component, time::Timestamp};

/// A part's stay in one device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fitting {
    /// The device's serial.
    pub serial: String,
    /// What it is, from when until when, and in which versions of the device's manifest.
    pub component: Component,
}

impl Fitting {
    fn until(&self) -> Timestamp {
        self.component.removed_at.unwrap_or(Timestamp(i64::MAX))
    }

    /// Whether this is the same part in another device at the same time. Going out of one in the moment in which it
    /// comes into another is none.
    #[must_use]
    pub fn conflicts_with(&self, other: &Self) -> bool {
        self.component.part.identifier_key == other.component.part.identifier_key
            && self.serial != other.serial
            && self.component.fitted_at < other.until()
            && other.component.fitted_at < self.until()
    }
}

/// For each stay, the serial of another device that had the part at the same time.
#[must_use]
pub fn conflicts(fittings: &[Fitting]) -> Vec<Option<&str>> {
    let other =
        |one: &Fitting| fittings.iter().find(|other| one.conflicts_with(other)).map(|other| other.serial.as_str());
    fittings.iter().map(other).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        component::{ComponentClass, Part},
        id::ComponentId,
    };

    fn stay(serial: &str, key: &str, from: i64, until: Option<i64>) -> Fitting {
        let part = Part {
            slot: "lte0".into(),
            class: ComponentClass::Lte,
            maker: String::new(),
            model: String::new(),
            identifier: key.into(),
            identifier_key: key.into(),
        };
        let component = Component {
            id: ComponentId(uuid::Uuid::nil()),
            part,
            fitted_at: Timestamp(from),
            fitted_version: 1,
            removed_at: until.map(Timestamp),
            removed_version: until.map(|_| 2),
        };
        Fitting { serial: serial.into(), component }
    }

    #[test]
    fn a_part_is_in_one_device_at_a_time() {
        let moved = [stay("A", "1", 1, Some(5)), stay("B", "1", 5, None)];
        assert_eq!(conflicts(&moved), [None, None]);
        let copied =
            [stay("A", "1", 1, None), stay("B", "1", 5, Some(7)), stay("C", "2", 1, None), stay("A", "1", 9, None)];
        assert_eq!(conflicts(&copied), [Some("B"), Some("A"), None, None]);
    }
}
