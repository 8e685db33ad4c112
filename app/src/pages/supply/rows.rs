//! The lines of a supply chain: one for each supply, or one for all that are alike.

use domain::{
    supply::{Supply, SupplyKind},
    time::Timestamp,
};
use fleet::export::SupplyRow;
use std::collections::BTreeMap;

/// One line: a supply, and which devices it tells of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Line {
    /// The first of the supplies.
    pub(super) supply: Supply,
    /// How many supplies it stands for.
    pub(super) number: usize,
    /// How many devices.
    pub(super) devices: usize,
    /// The first device's serial.
    pub(super) first: String,
    /// The last device's serial.
    pub(super) last: String,
}

fn line(row: &SupplyRow) -> Line {
    let (first, last) = (row.serial.clone(), row.serial.clone());
    Line { supply: row.supply.clone(), number: 1, devices: 1, first, last }
}

/// A line for each supply, oldest first.
pub(super) fn each(rows: &[SupplyRow]) -> Vec<Line> {
    let mut lines: Vec<Line> = rows.iter().map(line).collect();
    lines.sort_by_key(|line| line.supply.at);
    lines
}

type Alike = (String, SupplyKind, [String; 7]);

/// What is said in one line: the same day, way, parties, type of part and document.
fn alike(supply: &Supply) -> Alike {
    let part = supply.part.as_ref();
    let text = [
        supply.supplier().to_owned(),
        supply.recipient().to_owned(),
        supply.carrier.as_ref().map(|carrier| carrier.name.clone()).unwrap_or_default(),
        part.map(|part| part.class.as_str().to_owned()).unwrap_or_default(),
        part.map(|part| part.model.clone()).unwrap_or_default(),
        supply.moved_from.clone(),
        supply.reference.clone(),
    ];
    (supply.at.date(), supply.kind, text)
}

/// One line for all supplies that are alike, in the order of days. Rows come by device.
pub(super) fn together(rows: &[SupplyRow]) -> Vec<Line> {
    let mut lines: BTreeMap<Alike, Line> = BTreeMap::new();
    for row in rows {
        match lines.entry(alike(&row.supply)) {
            std::collections::btree_map::Entry::Vacant(vacant) => {
                vacant.insert(line(row));
            }
            std::collections::btree_map::Entry::Occupied(mut known) => {
                let known = known.get_mut();
                known.number += 1;
                if known.last != row.serial {
                    known.devices += 1;
                    known.last.clone_from(&row.serial);
                }
                known.supply.at = known.supply.at.min(row.supply.at);
                known.supply.sent_at = earlier(known.supply.sent_at, row.supply.sent_at);
            }
        }
    }
    lines.into_values().collect()
}

fn earlier(one: Option<Timestamp>, other: Option<Timestamp>) -> Option<Timestamp> {
    one.into_iter().chain(other).min()
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::{
        component::{ComponentClass, Part},
        time::{DAY, HOUR},
    };

    fn row(serial: &str, at: i64, model: &str, identifier: &str) -> SupplyRow {
        let part = Part {
            slot: "eth0".into(),
            class: ComponentClass::Ethernet,
            maker: "Acme".into(),
            model: model.into(),
            identifier: identifier.into(),
            identifier_key: identifier.into(),
        };
        let supply = Supply {
            kind: SupplyKind::Part,
            at: Timestamp(at),
            sent_at: None,
            from: None,
            to: None,
            carrier: None,
            part: Some(part),
            moved_from: String::new(),
            reference: String::new(),
        };
        SupplyRow { serial: serial.into(), supply }
    }

    #[test]
    fn what_is_alike_on_one_day_is_one_line() {
        let rows = [
            row("A", HOUR, "X", "1"),
            row("A", HOUR, "X", "2"),
            row("A", 2 * DAY, "X", "3"),
            row("B", 0, "X", "4"),
            row("B", HOUR, "Y", "5"),
        ];
        let lines = together(&rows);
        let said: Vec<_> = lines.iter().map(|l| (l.number, l.devices, l.first.as_str(), l.last.as_str())).collect();
        assert_eq!(said, [(3, 2, "A", "B"), (1, 1, "B", "B"), (1, 1, "A", "A")]);
        assert_eq!(lines[0].supply.at, Timestamp(0));
        assert_eq!(each(&rows).len(), 5);
    }
}
