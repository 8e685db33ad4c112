//! Which reported part is which listed one.

use super::{PartReport, Reading, Reported};
use crate::{component::Part, identifier::normalise};
use std::collections::BTreeSet;

/// The parts of a report and of a manifest, paired.
#[derive(Debug, Default)]
pub(super) struct Pairs<'a> {
    /// Listed and reported, with the same identifier.
    pub(super) confirmed: Vec<(&'a Part, &'a PartReport)>,
    /// Listed and reported in one slot, with different identifiers.
    pub(super) changed: Vec<(&'a Part, &'a PartReport)>,
    /// Listed, and no longer reported.
    pub(super) missing: Vec<&'a Part>,
    /// Listed, and nothing was ever said of it.
    pub(super) silent: Vec<&'a Part>,
    /// Reported in a slot for which nothing is listed.
    pub(super) beyond: Vec<&'a PartReport>,
}

impl<'a> Pairs<'a> {
    /// Pairs a report with a manifest's parts, in the light of an earlier report.
    ///
    /// Identifiers go before slots: interfaces that a kernel numbered otherwise this time are still the same parts.
    pub(super) fn of(now: &'a Reported, parts: &'a [Part], before: Option<&Reported>) -> Self {
        let mut pairs = Self::default();
        let mut reports: Vec<&PartReport> = now.parts.values().filter(|report| stands_for_a_part(report)).collect();
        let mut open: Vec<&Part> = parts.iter().collect();
        let mut take = |fits: &dyn Fn(&Part, &PartReport) -> bool| pair_off(&mut open, &mut reports, fits);
        pairs.confirmed = take(&|part, report| part.slot == report.slot && is_same(part, report));
        pairs.confirmed.extend(take(&is_same));
        pairs.changed = take(&|part, report| part.slot == report.slot);
        let known: BTreeSet<&str> = before
            .map(|before| before.identifiers().map(|(_, found)| found.key.as_str()).collect())
            .unwrap_or_default();
        let is_missing = |part: &&Part| {
            let report = now.parts.get(&part.slot);
            let empty = report.is_some_and(|report| report.identifier == Some(Reading::Empty));
            let said = known.contains(part.identifier_key.as_str())
                || before.is_some_and(|b| b.identifier(&part.slot).is_some());
            empty || said && !report.is_some_and(PartReport::is_made_up)
        };
        (pairs.missing, pairs.silent) = open.into_iter().partition(is_missing);
        pairs.beyond = reports.into_iter().filter(|report| !report.unlisted).collect();
        pairs
    }

    /// Whether the device is made of exactly what is listed, as far as it says.
    pub(super) fn is_exact(&self) -> bool {
        !self.confirmed.is_empty() && self.changed.is_empty() && self.missing.is_empty() && self.beyond.is_empty()
    }
}

/// Whether the report says of what identity its part is, rightly or wrongly.
fn stands_for_a_part(report: &PartReport) -> bool {
    let said = matches!(report.identifier, Some(Reading::Identified(_) | Reading::WrongCheckDigit { .. }));
    said && !report.is_made_up()
}

/// Whether both have the same identifier. Where the slot is the same, the manifest knows better what kind of part it is.
fn is_same(part: &Part, report: &PartReport) -> bool {
    let Some(found) = report.identifier.as_ref().and_then(Reading::identifier) else { return false };
    let as_listed = || normalise(part.class, &found.shown).is_ok_and(|found| found.key == part.identifier_key);
    found.key == part.identifier_key || part.slot == report.slot && as_listed()
}

/// Takes the pairs that fit out of both lists.
fn pair_off<'a>(
    parts: &mut Vec<&'a Part>,
    reports: &mut Vec<&'a PartReport>,
    fits: &dyn Fn(&Part, &PartReport) -> bool,
) -> Vec<(&'a Part, &'a PartReport)> {
    let mut pairs = Vec::new();
    parts.retain(|part| {
        let Some(at) = reports.iter().position(|report| fits(part, report)) else { return true };
        pairs.push((*part, reports.remove(at)));
        false
    });
    pairs
}
