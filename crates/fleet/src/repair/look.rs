//! What was typed, looked at in the light of the fleet.

use super::{RepairPart, TaintedPart};
use crate::{Fleet, Result};
use domain::{
    component::{Component, ComponentClass, Part},
    device::Device,
    repair::{
        Change, Checked, Incoming, Outgoing, PartDirection, PartFate, Plan, Remark, Taint, Tone, check_out, check_part,
        key_parts,
    },
    report::Makers,
};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use store::Tx;

/// One slot of a repair: what goes out and comes in, and what is to be said of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SlotLook {
    /// The slot.
    pub slot: String,
    /// What kind of part is in it.
    pub class: ComponentClass,
    /// The part that the manifest lists here.
    pub listed: Option<Part>,
    /// What was typed of the part that goes out.
    pub out: Option<RepairPart>,
    /// What is to be said of that.
    pub out_check: Checked,
    /// What was typed of the part that comes in.
    pub part_in: Option<RepairPart>,
    /// What is to be said of that.
    pub in_check: Checked,
    /// The other devices in which the part that comes in is fitted.
    pub fitted_in: Vec<String>,
    /// Whether the one of them that gives it loses its key with it.
    pub takes_key: bool,
    /// That the part that comes in was taken out of a device and is not accounted for.
    pub taint: Option<TaintedPart>,
}

impl SlotLook {
    /// What becomes of the part that goes out.
    #[must_use]
    pub fn fate(&self) -> PartFate {
        self.out.as_ref().and_then(|out| out.fate).unwrap_or(PartFate::Scrap)
    }

    /// What is wrong: the field, `out` or `in`, and a sentence.
    #[must_use]
    pub fn errors(&self) -> Vec<(&'static str, &str)> {
        let out = self.out_check.error().map(|words| ("out", words));
        let part_in = self.in_check.error().map(|words| ("in", words));
        out.into_iter().chain(part_in).collect()
    }

    /// What makes one wonder, in sentences.
    pub fn doubts(&self) -> impl Iterator<Item = &str> {
        let remarks = self.out_check.remarks.iter().chain(&self.in_check.remarks);
        remarks.filter(|remark| remark.tone == Tone::Doubt).map(|remark| remark.words.as_str())
    }

    /// The lines with the parts that they stand for in the place of what was typed: a part that was taken out without a
    /// look at its label could not be told from the new one once the manifest is another.
    pub(super) fn resolved(&self) -> Vec<RepairPart> {
        let pairs =
            [(self.out.as_ref(), self.out_check.part.as_ref()), (self.part_in.as_ref(), self.in_check.part.as_ref())];
        let line = |(line, part): (Option<&RepairPart>, Option<&Part>)| {
            let line = line?.clone();
            Some(match part {
                Some(part) => RepairPart {
                    identifier: part.identifier.clone(),
                    identifier_key: part.identifier_key.clone(),
                    ..line
                },
                None => line,
            })
        };
        pairs.into_iter().filter_map(line).collect()
    }

    fn change(&self) -> Change {
        Change {
            out: self.out_check.part.clone(),
            fate: self.fate(),
            part_in: self.in_check.part.clone(),
            fitted_in: self.fitted_in.clone(),
            takes_key: self.takes_key,
            taint: self.taint.as_ref().map(taint_of),
        }
    }
}

fn taint_of(part: &TaintedPart) -> Taint {
    Taint { device: part.serial.clone(), case: part.code.clone(), since: part.since }
}

/// What is known of parts, by the keys of their identifiers.
#[derive(Clone, Debug, Default)]
pub(super) struct Known {
    fitted: HashMap<String, Vec<String>>,
    /// The identifiers of those that hold the key of the device that they come from.
    keys: BTreeSet<String>,
    taints: HashMap<String, TaintedPart>,
}

/// The keys of the parts that come in.
fn keys(lines: &[RepairPart]) -> BTreeSet<&str> {
    let comes = |line: &&RepairPart| line.direction == PartDirection::In && !line.identifier_key.is_empty();
    lines.iter().filter(comes).map(|line| line.identifier_key.as_str()).collect()
}

impl Known {
    /// What the transaction sees. The devices that parts come from are among `others`, which it holds.
    pub(super) async fn within(tx: &mut Tx, (device, others): (&str, &[Device]), lines: &[RepairPart]) -> Result<Self> {
        let mut known = Self::default();
        for key in keys(lines) {
            let fitted = store::component::fitted_within(tx, key).await?;
            known.fitted.insert(key.to_owned(), fitted.into_iter().map(|found| found.serial).collect());
            if let Some(taint) = store::taint::of_key_within(tx, key).await? {
                known.taints.insert(key.to_owned(), taint);
            }
            let donor = known.donor(device, key);
            let Some(donor) = others.iter().find(|other| Some(other.serial.as_str()) == donor) else { continue };
            let parts = present(&store::component::of_device_within(tx, donor.id).await?);
            known.note_key(&parts, key);
        }
        Ok(known)
    }

    /// The device that a part comes from: the only other one in which it is fitted.
    fn donor(&self, device: &str, key: &str) -> Option<&str> {
        let mut others = self.fitted.get(key)?.iter().filter(|serial| *serial != device);
        let first = others.next();
        first.filter(|_| others.next().is_none()).map(String::as_str)
    }

    /// Notes whether this one of a device's parts holds its key.
    fn note_key(&mut self, parts: &[Part], key: &str) {
        if key_parts(parts).any(|part| part.identifier_key == key) {
            self.keys.insert(key.to_owned());
        }
    }

    async fn read(fleet: &Fleet, device: &str, lines: &[RepairPart]) -> Result<Self> {
        let (mut known, keys) = (Self::default(), keys(lines));
        let wanted: Vec<&str> = keys.iter().copied().collect();
        for found in store::component::fitted(fleet.db(), &wanted).await? {
            known.fitted.entry(found.identifier_key).or_default().push(found.serial);
        }
        for key in keys {
            if let Some(taint) = store::taint::of_key(fleet.db(), key).await? {
                known.taints.insert(key.to_owned(), taint);
            }
            let Some(donor) = known.donor(device, key) else { continue };
            let Some(donor) = store::device::by_serial(fleet.db(), donor).await? else { continue };
            let parts = present(&store::component::of_device(fleet.db(), donor.id).await?);
            known.note_key(&parts, key);
        }
        Ok(known)
    }
}

/// The parts of which a device is made now.
pub(super) fn present(components: &[Component]) -> Vec<Part> {
    components
        .iter()
        .filter(|component| component.removed_at.is_none())
        .map(|component| component.part.clone())
        .collect()
}

/// Looks at each slot of what was typed.
pub(super) fn slots(
    device: &str,
    parts: &[Part],
    lines: &[RepairPart],
    known: &Known,
    makers: &Makers,
) -> Vec<SlotLook> {
    let mut by_slot: BTreeMap<&str, (Option<&RepairPart>, Option<&RepairPart>)> = BTreeMap::new();
    for line in lines {
        let (out, part_in) = by_slot.entry(&line.slot).or_default();
        match line.direction {
            PartDirection::Out => *out = Some(line),
            PartDirection::In => *part_in = Some(line),
        }
    }
    let changed: Vec<&str> = by_slot.keys().copied().collect();
    by_slot
        .iter()
        .map(|(slot, (out, part_in))| {
            let listed = parts.iter().find(|part| part.slot == *slot);
            let line = part_in.or(*out);
            let class = listed.map(|part| part.class).or_else(|| line.map(|line| line.class));
            let class = class.unwrap_or(ComponentClass::Other);
            let key = part_in.map_or("", |line| line.identifier_key.as_str());
            let fitted: Vec<&str> = known.fitted.get(key).into_iter().flatten().map(String::as_str).collect();
            let taint = known.taints.get(key);
            let others: Vec<&str> = lines
                .iter()
                .filter(|line| {
                    line.direction == PartDirection::In && line.slot != *slot && !line.identifier_key.is_empty()
                })
                .map(|line| line.identifier_key.as_str())
                .collect();
            let of = taint.map(taint_of);
            let in_check = part_in.map(|line| match listed {
                // It was empty when this was typed, and one slot holds one part.
                Some(listed) if out.is_none() => filled_meanwhile(listed),
                _ => check_part(Incoming {
                    device,
                    slot,
                    class,
                    typed: &line.identifier,
                    maker: &line.maker,
                    model: &line.model,
                    parts,
                    others: &others,
                    changed: &changed,
                    fitted_in: &fitted,
                    taint: of.as_ref(),
                    makers,
                }),
            });
            let out_check = out.map(|line| check_out(Outgoing { slot, parts, typed: &line.identifier }));
            SlotLook {
                slot: (*slot).to_owned(),
                class,
                listed: listed.cloned(),
                out: out.cloned(),
                out_check: out_check.unwrap_or_default(),
                part_in: part_in.cloned(),
                in_check: in_check.unwrap_or_default(),
                fitted_in: fitted
                    .iter()
                    .filter(|serial| **serial != device)
                    .map(|serial| (*serial).to_owned())
                    .collect(),
                takes_key: known.keys.contains(key),
                taint: taint.cloned(),
            }
        })
        .collect()
}

/// What is said of a part for a slot that another deed has filled since.
fn filled_meanwhile(listed: &Part) -> Checked {
    let words = format!(
        "The manifest lists {} in “{}” by now. Keep this slot once more: then that part goes out.",
        listed.identifier, listed.slot
    );
    Checked { part: None, remarks: vec![Remark { tone: Tone::Wrong, words }] }
}

/// What a repair does as a whole, by what was typed so far. What is wrong is left out.
pub(super) fn plan(parts: &[Part], looks: &[SlotLook]) -> Plan {
    let changes: Vec<Change> = looks.iter().map(SlotLook::change).collect();
    Plan::new(parts, &changes)
}

impl Fleet {
    /// Looks at what was typed for a device with these parts.
    pub(super) async fn look(&self, serial: &str, parts: &[Part], lines: &[RepairPart]) -> Result<Vec<SlotLook>> {
        let known = Known::read(self, serial, lines).await?;
        Ok(slots(serial, parts, lines, &known, &self.makers_for(serial).await?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slot_that_was_filled_meanwhile_takes_no_second_part() {
        let modem = |identifier: &str, key: &str| Part {
            slot: "lte1".into(),
            class: ComponentClass::Lte,
            maker: String::new(),
            model: String::new(),
            identifier: identifier.into(),
            identifier_key: key.into(),
        };
        let line = |direction, identifier: &str| RepairPart {
            slot: "lte1".into(),
            direction,
            class: ComponentClass::Lte,
            maker: String::new(),
            model: String::new(),
            identifier: identifier.into(),
            identifier_key: String::new(),
            fate: None,
        };
        let comes = line(PartDirection::In, "86 194105 118830 1");
        let errors = |parts: &[Part], lines: &[RepairPart]| {
            let looks = slots("GW-1", parts, lines, &Known::default(), &Makers::default());
            let plan = plan(parts, &looks);
            (looks.iter().map(|look| look.errors().len()).sum::<usize>(), plan.fitted.len())
        };
        assert_eq!(errors(&[], std::slice::from_ref(&comes)), (0, 1), "it is empty");
        let listed = [modem("86 194105 033718 0", "imei:861941050337180")];
        assert_eq!(errors(&listed, std::slice::from_ref(&comes)), (1, 0));
        assert_eq!(errors(&listed, &[line(PartDirection::Out, ""), comes]), (0, 1), "that part goes out");
    }
}
