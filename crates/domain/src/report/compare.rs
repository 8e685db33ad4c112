//! A report held against a device's manifests.

use super::{Makers, Mapping, PartReport, Reading, Reported, pair::Pairs, structure};
use crate::{component::Part, suspicion::Signal};

/// The parts that one version of a manifest lists.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Listed<'a> {
    /// The version.
    pub version: i64,
    /// Its parts.
    pub parts: &'a [Part],
}

/// How a report compares with a manifest.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Comparison {
    /// What does not fit with the newest manifest.
    pub signals: Vec<Signal>,
    /// The newest version of which the device is made exactly, as far as it says: at least one part is confirmed and
    /// nothing differs. An older one than the newest means that a repair is not done yet, or was undone.
    pub matched: Option<i64>,
    /// The slots whose listed parts the report confirms.
    pub confirmed: Vec<String>,
    /// The slots of whose listed parts nothing was ever said. That is no sign of anything: many parts have no voice.
    pub silent: Vec<String>,
}

impl Comparison {
    /// Whether the report shows that a repair is done: it matches the version that the repair made, and confirms each of
    /// the parts that it fitted, but for those of which the model's devices can't say anything.
    #[must_use]
    pub fn confirms(&self, version: i64, fitted: &[Part], mapping: &Mapping) -> bool {
        let spoken_for = |part: &Part| self.confirmed.contains(&part.slot) || !mapping.identifies(&part.slot);
        self.matched == Some(version) && fitted.iter().all(spoken_for)
    }
}

/// Holds what a device reports against its manifests, the newest first.
///
/// `before` is an earlier report, best the last that matched: what was in it and is gone now is missing. Give what is
/// kept of the device's attributes after they were merged (see [`super::Attributes::update`]), for devices send in part.
#[must_use]
pub fn compare(now: &Reported, manifests: &[Listed<'_>], before: Option<&Reported>, makers: &Makers) -> Comparison {
    let exact = |listed: &&Listed<'_>| Pairs::of(now, listed.parts, before).is_exact();
    let matched = manifests.iter().find(exact).map(|listed| listed.version);
    let Some(newest) = manifests.first() else { return Comparison::default() };
    let pairs = Pairs::of(now, newest.parts, before);
    let slots = |parts: &mut dyn Iterator<Item = &Part>| {
        let mut slots: Vec<String> = parts.map(|part| part.slot.clone()).collect();
        slots.sort();
        slots
    };
    Comparison {
        signals: signals(&pairs, makers),
        matched,
        confirmed: slots(&mut pairs.confirmed.iter().map(|(part, _)| *part)),
        silent: slots(&mut pairs.silent.iter().copied()),
    }
}

/// What does not fit, in the order of slots.
fn signals(pairs: &Pairs<'_>, makers: &Makers) -> Vec<Signal> {
    let mut signals: Vec<Signal> = Vec::new();
    for (part, report) in &pairs.confirmed {
        signals.extend(structure::doubts(part, report, true, makers));
    }
    for (part, report) in &pairs.changed {
        signals.push(changed(part, report));
        signals.extend(structure::doubts(part, report, false, makers));
    }
    signals.extend(pairs.missing.iter().map(|part| Signal::PartMissing {
        slot: part.slot.clone(),
        class: part.class,
        expected: part.identifier.clone(),
    }));
    signals.extend(pairs.beyond.iter().filter_map(|report| beyond(report)));
    signals.sort_by(|a, b| a.slot().cmp(&b.slot()));
    signals
}

fn changed(part: &Part, report: &PartReport) -> Signal {
    let (slot, class) = (part.slot.clone(), part.class);
    wrong_digit(report).unwrap_or_else(|| Signal::PartChanged {
        slot,
        class,
        expected: part.identifier.clone(),
        reported: report
            .identifier
            .as_ref()
            .and_then(Reading::identifier)
            .map(|found| found.shown.clone())
            .unwrap_or_default(),
    })
}

fn beyond(report: &PartReport) -> Option<Signal> {
    let (slot, class) = (report.slot.clone(), report.class);
    wrong_digit(report).or_else(|| {
        let reported = report.identifier.as_ref()?.identifier()?.shown.clone();
        Some(Signal::PartBeyondManifest { slot, class, reported })
    })
}

fn wrong_digit(report: &PartReport) -> Option<Signal> {
    let Some(Reading::WrongCheckDigit { reported, expected, found }) = &report.identifier else { return None };
    let (slot, reported) = (report.slot.clone(), reported.clone());
    Some(Signal::WrongCheckDigit { slot, class: report.class, reported, expected: *expected, found: *found })
}
