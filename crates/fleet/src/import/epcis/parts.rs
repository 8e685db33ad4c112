//! What a change of parts comes to, given what is fitted where.

use crate::{Fleet, Result};
use domain::{
    component::{Component, Part},
    epcis::{Left, PartChange},
    id::DeviceId,
};
use std::collections::HashMap;
use store::Tx;

/// What is fitted where, as far as it was asked for, with the changes that were made or pretended since.
#[derive(Default)]
pub(super) struct Fitted {
    /// The serial of the device that holds an identifier; none for no device.
    by_key: HashMap<String, Option<String>>,
    by_device: HashMap<DeviceId, Vec<Part>>,
    /// What was in a device and is not any more.
    past: HashMap<DeviceId, Vec<Component>>,
}

/// What can be done of a change.
#[derive(Clone, Debug, Default)]
pub(super) struct Settled {
    pub(super) fitted: Vec<Part>,
    pub(super) removed: Vec<Part>,
    pub(super) left: Vec<Left>,
    pub(super) bad: Vec<Left>,
}

impl Settled {
    fn leave(&mut self, part: &Part, why: String) {
        self.left.push(Left { what: part.identifier.clone(), why });
    }
}

impl Fitted {
    /// What can be done of a change.
    pub(super) async fn settle(&mut self, fleet: &Fleet, change: &PartChange) -> Result<Settled> {
        self.look_up(fleet, change).await?;
        let mut settled = Settled::default();
        let mut present = self.by_device.get(&change.device).cloned().unwrap_or_default();
        if change.removed_all {
            settled.removed = std::mem::take(&mut present);
        }
        for part in &change.removed {
            match present.iter().position(|there| there.identifier_key == part.identifier_key) {
                Some(at) => settled.removed.push(present.swap_remove(at)),
                None if change.removed_all => {}
                None => settled.leave(part, format!("it is not fitted in {}, so it can't go out", change.serial)),
            }
        }
        for part in &change.fitted {
            let key = &part.identifier_key;
            if present.iter().chain(&settled.fitted).any(|there| there.identifier_key == *key) {
                settled.leave(part, format!("it is fitted in {} already", change.serial));
                continue;
            }
            if self.was_in(change, key) {
                settled.leave(part, format!("it was in {} then already, and was taken out since", change.serial));
                continue;
            }
            match self.by_key.get(key).and_then(Option::as_ref).filter(|serial| **serial != change.serial) {
                Some(serial) => {
                    let why = format!("it is fitted in {serial}; a part is in one device at a time");
                    settled.bad.push(Left { what: part.identifier.clone(), why });
                }
                None => {
                    let slot = free_slot(&part.slot, present.iter().chain(&settled.fitted));
                    settled.fitted.push(Part { slot, ..part.clone() });
                }
            }
        }
        Ok(settled)
    }

    /// Whether a part that is not in a device any more was in it at the time of a change: what a document tells again of
    /// the past changes nothing.
    fn was_in(&self, change: &PartChange, key: &str) -> bool {
        let then = |c: &Component| c.fitted_at <= change.at && c.removed_at.is_some_and(|gone| change.at < gone);
        self.past.get(&change.device).is_some_and(|past| past.iter().any(|c| c.part.identifier_key == key && then(c)))
    }

    /// From here on the change counts as made.
    pub(super) fn change(&mut self, change: &PartChange, settled: &Settled) {
        let present = self.by_device.entry(change.device).or_default();
        for part in &settled.removed {
            present.retain(|there| there.identifier_key != part.identifier_key);
            self.by_key.insert(part.identifier_key.clone(), None);
        }
        for part in &settled.fitted {
            present.push(part.clone());
            self.by_key.insert(part.identifier_key.clone(), Some(change.serial.clone()));
        }
    }

    async fn look_up(&mut self, fleet: &Fleet, change: &PartChange) -> Result<()> {
        let is_asked = self.by_device.contains_key(&change.device);
        if !is_asked {
            let components = store::component::of_device(fleet.db(), change.device).await?;
            let (past, present): (Vec<_>, Vec<_>) = components.into_iter().partition(|c| c.removed_at.is_some());
            self.by_device.insert(change.device, present.into_iter().map(|c| c.part).collect());
            self.past.insert(change.device, past);
        }
        let unasked = |part: &&Part| !self.by_key.contains_key(&part.identifier_key);
        let keys: Vec<String> = change.fitted.iter().filter(unasked).map(|part| part.identifier_key.clone()).collect();
        let asked: Vec<&str> = keys.iter().map(String::as_str).collect();
        let found = store::component::fitted(fleet.db(), &asked).await?;
        self.by_key.extend(keys.into_iter().map(|key| (key, None)));
        self.by_key.extend(found.into_iter().map(|found| (found.identifier_key, Some(found.serial))));
        Ok(())
    }
}

/// Which parts of changes are not any more where they were when these were settled, as the transaction sees it.
pub(super) async fn moved_since(tx: &mut Tx, changes: &[(PartChange, Settled)]) -> Result<Vec<Left>> {
    let mut moved = Vec::new();
    for (change, settled) in changes {
        for part in &settled.removed {
            let stays = store::component::fitted_within(tx, &part.identifier_key).await?;
            if !stays.iter().any(|there| there.serial == change.serial) {
                let why = format!("it was taken out of {} since the document was checked", change.serial);
                moved.push(Left { what: part.identifier.clone(), why });
            }
        }
        for part in &settled.fitted {
            let stays = store::component::fitted_within(tx, &part.identifier_key).await?;
            // One that goes out and comes in again with this change is where it should be.
            let goes_out = settled.removed.iter().any(|out| out.identifier_key == part.identifier_key);
            let taken = stays.iter().find(|there| there.serial != change.serial || !goes_out);
            moved.extend(taken.map(|there| {
                let why = format!("it is fitted in {} by now; a part is in one device at a time", there.serial);
                Left { what: part.identifier.clone(), why }
            }));
        }
    }
    Ok(moved)
}

/// A slot's name that no part has: `lte0`, or `lte0-2` when that is filled.
fn free_slot<'a>(slot: &str, parts: impl Iterator<Item = &'a Part>) -> String {
    let filled: Vec<&str> = parts.map(|part| part.slot.as_str()).collect();
    let mut name = slot.to_owned();
    let mut n = 2;
    while filled.contains(&name.as_str()) {
        name = format!("{slot}-{n}");
        n += 1;
    }
    name
}
