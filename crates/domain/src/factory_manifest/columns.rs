//! The columns of a manifest: which there are, and which class of component a slot's name means.

use super::{doc::SLOT_PREFIXES, problem::UnknownColumn};
use crate::component::ComponentClass;

/// A column (or JSON key) that describes the device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Field {
    Serial,
    Model,
    HardwareRevision,
    Batch,
    Factory,
    FactoryName,
    MadeAt,
    Firmware,
    Quota,
    Sgtin,
}

/// How many [`Field`]s there are.
pub(super) const FIELDS: usize = 10;

/// What a column means, for a page that explains the format.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ColumnDoc {
    /// Its name.
    pub name: &'static str,
    /// Whether every manifest needs it.
    pub required: bool,
    /// A value.
    pub example: &'static str,
    /// What it means.
    pub what: &'static str,
    field: Field,
}

const fn column(
    field: Field,
    name: &'static str,
    required: bool,
    example: &'static str,
    what: &'static str,
) -> ColumnDoc {
    ColumnDoc { name, required, example, what, field }
}

/// The columns that describe the device, in the order of the template.
pub const COLUMNS: &[ColumnDoc; FIELDS] = &[
    column(Field::Serial, "serial", true, "GW2C-2611-04217", "The device's serial: letters, digits and . _ : + -"),
    column(Field::Model, "model", true, "GW-200", "The model's name"),
    column(Field::HardwareRevision, "hardware_revision", true, "C", "The hardware revision"),
    column(Field::Batch, "batch", true, "2026-11-A", "The batch's code, unique in the fleet"),
    column(Field::Factory, "factory", true, "brno", "The factory's code"),
    column(Field::FactoryName, "factory_name", false, "Brno Works", "The factory's name, for one not yet entered"),
    column(Field::MadeAt, "made_at", true, "2026-11-02T08:26:00Z", "When it was made: RFC 3339, or a date"),
    column(Field::Firmware, "firmware", false, "1.4.2", "The firmware that it left the line with"),
    column(Field::Quota, "quota", false, "5000", "How many devices of the batch may be made"),
    column(Field::Sgtin, "sgtin", false, "0614141.107346", "The model's GS1 company prefix and item reference"),
];

impl Field {
    /// Its name as a column.
    pub(super) fn name(self) -> &'static str {
        COLUMNS[self as usize].name
    }

    /// The field of this name; case, spaces and hyphens don't matter.
    pub(super) fn named(name: &str) -> Option<Self> {
        let wanted = tidy(name);
        COLUMNS.iter().find(|column| column.name == wanted).map(|column| column.field)
    }
}

/// What a column of a CSV file is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Column {
    /// It describes the device.
    Field(Field),
    /// It holds the component in a slot.
    Slot(String, ComponentClass),
    /// It starts with `x_` and is left out.
    Foreign,
}

impl Column {
    /// Reads a column's name.
    pub(super) fn parse(name: &str) -> Option<Self> {
        if is_foreign(name) {
            return Some(Self::Foreign);
        }
        if let Some(field) = Field::named(name) {
            return Some(Self::Field(field));
        }
        let tidied = tidy(name);
        let (slot, class) = match tidied.split_once(':') {
            Some((slot, class)) => (slot.trim(), class_named(class.trim())?),
            None => (tidied.as_str(), class_of_slot(&tidied)?),
        };
        is_slot(slot).then(|| Self::Slot(slot.to_owned(), class))
    }
}

/// Whether a column or key is marked as none of ours.
pub(super) fn is_foreign(name: &str) -> bool {
    name.get(..2).is_some_and(|start| start.eq_ignore_ascii_case("x_"))
}

fn tidy(name: &str) -> String {
    name.trim().chars().map(|c| if matches!(c, ' ' | '-') { '_' } else { c.to_ascii_lowercase() }).collect()
}

/// Whether a slot's name can be used: a letter, then letters, digits and `_ - .`, at most 32 characters.
#[must_use]
pub fn is_slot(slot: &str) -> bool {
    slot.len() <= 32
        && slot.starts_with(|c: char| c.is_ascii_lowercase())
        && slot.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"_-.".contains(&b))
}

/// The class of component that sits in a slot of this name: `lte0` is LTE. Digits at the end don't matter.
#[must_use]
pub fn class_of_slot(slot: &str) -> Option<ComponentClass> {
    let stem = slot.trim_end_matches(|c: char| c.is_ascii_digit() || c == '_');
    SLOT_PREFIXES.iter().find(|(prefix, _)| *prefix == stem).map(|(_, class)| *class)
}

/// The class of this word: its own (`ethernet`) or a slot's (`eth`).
pub(crate) fn class_named(word: &str) -> Option<ComponentClass> {
    word.parse().ok().or_else(|| class_of_slot(word))
}

/// A name that isn't known, with the known one that it resembles.
pub(super) fn unknown(name: &str) -> UnknownColumn {
    let tidied: String = tidy(name).chars().take(64).collect();
    let candidates = COLUMNS.iter().map(|column| column.name).chain(SLOT_PREFIXES.iter().map(|(prefix, _)| *prefix));
    let most = if tidied.len() < 5 { 1 } else { 1 + tidied.len() / 4 };
    let suggestion = candidates
        .map(|candidate| (distance(&tidied, candidate), candidate))
        .filter(|(distance, _)| *distance <= most)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate.to_owned());
    UnknownColumn { name: name.trim().chars().take(64).collect(), suggestion }
}

/// How many letters must be put in, taken out or changed to get from one word to the other (Levenshtein).
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, from) in a.chars().enumerate() {
        let mut diagonal = i;
        row[0] = i + 1;
        for (j, to) in b.iter().enumerate() {
            let changed = diagonal + usize::from(from != *to);
            diagonal = row[j + 1];
            row[j + 1] = changed.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_stand_at_their_fields_place() {
        for column in COLUMNS {
            assert_eq!(column.field.name(), column.name);
        }
    }

    #[test]
    fn names_are_read_leniently() {
        assert_eq!(Column::parse(" Hardware Revision "), Some(Column::Field(Field::HardwareRevision)));
        assert_eq!(Column::parse("LTE0"), Some(Column::Slot("lte0".into(), ComponentClass::Lte)));
        assert_eq!(Column::parse("se"), Some(Column::Slot("se".into(), ComponentClass::SecureElement)));
        assert_eq!(Column::parse("uplink:ethernet"), Some(Column::Slot("uplink".into(), ComponentClass::Ethernet)));
        assert_eq!(Column::parse("uplink:wifi"), Some(Column::Slot("uplink".into(), ComponentClass::Wlan)));
        assert_eq!(Column::parse("X_operator"), Some(Column::Foreign));
        assert_eq!(Column::parse("uplink"), None);
        assert_eq!(Column::parse("a b<:cpu"), None);
    }

    #[test]
    fn suggestions() {
        assert_eq!(unknown("serail").suggestion.as_deref(), Some("serial"));
        assert_eq!(unknown("made").suggestion, None);
        assert_eq!(unknown("hardware_rev").suggestion, None);
        assert_eq!(unknown("hardware_revison").suggestion.as_deref(), Some("hardware_revision"));
        assert_eq!(unknown("batchh").suggestion.as_deref(), Some("batch"));
        assert_eq!((distance("kitten", "sitting"), distance("", "ab")), (3, 2));
    }
}
